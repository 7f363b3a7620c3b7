// Definitions of downstream tables, read when first needed.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string_view>

#include "base/thread/stop.h"
#include "migration/rows/table_plan.h"
#include "mysql/client/connection.h"
#include "mysql/schema/table_info.h"
#include "mysql/sql/rewrite.h"

namespace dm::migration {

// One owner thread. Keeps its own connection, whose sql_mode is fixed so that the texts can be
// parsed whatever the task's is.
class DownstreamTables {
 public:
  explicit DownstreamTables(mysql::ConnectOptions options);

  // The target table's definition. Throws Error kSyncerDownstreamTableNotFound (36070) if it is
  // missing, 44019 if it cannot be read, 44018 if it cannot be parsed.
  mysql::TablePtr Get(const TableId& target, const StopToken& stop);
  // Of a table that Get gave: do its rows take part in transactions?
  bool IsTransactional(const TableId& target) const;
  // Has the server this storage engine? Throws Error.
  bool HasTransactionalEngine(std::string_view engine, const StopToken& stop);
  // Has the downstream this parser of full-text indexes? Throws what Query throws.
  bool HasFullTextParser(std::string_view parser, const StopToken& stop);
  // To be called when a DDL touched it; with an empty `table`, all of the schema.
  void Forget(const TableId& target);

 private:
  mysql::Connection& Connected(const StopToken& stop);

  mysql::ConnectOptions options_;
  std::unique_ptr<mysql::Connection> connection_;
  mysql::CollationLookup default_collation_of_;  // as the server said when last connected to
  std::map<TableId, mysql::TablePtr> tables_;
  std::set<TableId> untransactional_;  // of them
};

}  // namespace dm::migration
