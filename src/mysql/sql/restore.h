// The normal form of statements: one text for one meaning, whatever the source looked like.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "mysql/sql/statement.h"

namespace dm::mysql {

// Who is to execute the text. Decides how conditions that MySQL lacks are written, and which parts
// are left out.
enum class SqlTarget {
  kCanonical,  // the form shown to users and compared between sources: TiDB parts in /*T! */
  kMySql,      // same, with parts MySQL does not know left out
  kMariaDb,    // IF [NOT] EXISTS in plain text; parts MariaDB does not know left out
  kTiDb,       // same as canonical, with parts TiDB cannot parse left out
};

// A collation's name for the server that executes the text.
using CollationNames = std::function<std::string(std::string_view name)>;

struct RestoreOptions {
  SqlTarget target = SqlTarget::kCanonical;
  // The session that executes the text has NO_BACKSLASH_ESCAPES.
  bool no_backslash_escapes = false;
  // Applied to every collation that the statement names; empty: the names stay.
  CollationNames collation_names;
};

std::string Restore(const Statement& statement, const RestoreOptions& options = {});

enum class ExprStyle {
  kNormal,  // `a`+1, UPPER(`b`), 'x'
  kStored,  // `a` + 1, upper(`b`), _utf8mb4'x': the form in table_info
};
std::string Restore(const ExprPtr& expr, ExprStyle style = ExprStyle::kNormal,
                    const RestoreOptions& options = {});

// Parts, in the same form.
std::string Restore(const ColumnDef& column, const RestoreOptions& options = {});
std::string Restore(const DataType& type, const RestoreOptions& options = {});
std::string Restore(const PartitionBy& partition, const RestoreOptions& options = {});
std::string Restore(const PartitionDef& definition, const RestoreOptions& options = {});

// `schema`.`name`, or `name` alone if the schema is empty.
std::string QuoteTableName(const TableName& table);
// 'text' with quotes doubled, and backslashes escaped unless the session has no escapes.
std::string QuoteText(std::string_view text, bool no_backslash_escapes = false);

}  // namespace dm::mysql
