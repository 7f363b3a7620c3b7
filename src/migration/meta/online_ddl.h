// `<task>_onlineddl`: the statements that changed the shadow table of an online schema change, kept
// until that table takes the place of the real one. Layout and contents are the reference's: a task
// can be handed over in the middle of a change.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/thread/stop.h"
#include "migration/meta/statement_session.h"
#include "mysql/client/connection.h"

namespace dm::migration {

// What is kept of one shadow table.
struct OnlineDdlRecord {
  std::string ghost_schema;
  std::string ghost_table;
  std::string schema;  // of the real table
  std::string table;
  // In order, each changing one thing, on the shadow table, in normal form (SqlTarget::kCanonical);
  // "": left out by a filter.
  std::vector<std::string> ddls;
  // How many of them came together as one list of changes; their sum is the size of `ddls`.
  std::vector<size_t> lists;
  // Of each list the session in which it ran upstream; missing at the end: not known.
  std::vector<StatementSession> sessions;
  bool operator==(const OnlineDdlRecord&) const = default;
};

// A real table that is gone upstream but not downstream: the shadow table, or the table itself,
// will take its name.
struct AsideTable {
  std::string schema;
  std::string table;
  bool dropped = false;  // false: it was renamed to a trash table
  // That trash table, as long as it is still the table that was renamed; else empty.
  std::string trash_schema;
  std::string trash_table;
  bool operator==(const AsideTable&) const = default;
};

struct OnlineDdlState {
  std::vector<OnlineDdlRecord> records;
  std::vector<AsideTable> aside;
};

// Texts and reading of one source's rows; what the table's layout has no place for (`lists`,
// `sessions` and `aside`) is one value in `<task>_syncer_state`. `no_backslash_escapes` says how
// the sessions that run the texts read literals. Immutable, thread-safe.
class OnlineDdlTable {
 public:
  OnlineDdlTable(std::string_view meta_schema, std::string_view task, std::string_view source_id,
                 bool no_backslash_escapes);

  // Creates the table if it is missing, and changes that of another version. The schema must exist.
  void Create(mysql::Connection& connection, const StopToken& stop) const;
  // Throws Error of the connection, or kSyncerUnitOnlineDDLInvalidMeta (36039) for a row that
  // cannot be read.
  OnlineDdlState Load(mysql::Connection& connection, const StopToken& stop) const;
  // Makes room for records of more than 64 KiB, unless there is.
  void Widen(mysql::Connection& connection, const StopToken& stop) const;
  // Is it too long for the column as it was made?
  static bool NeedsWidening(const OnlineDdlRecord& record);

  std::string PutStatement(const OnlineDdlRecord& record) const;
  std::string DeleteStatement(std::string_view ghost_schema, std::string_view ghost_table) const;
  // Remove everything that is kept of the source.
  std::vector<std::string> DeleteAllStatements() const;
  // Writes what belongs to the rows in `<task>_syncer_state`.
  std::string StateStatement(const OnlineDdlState& state) const;

 private:
  std::string Literal(std::string_view text) const;

  std::string meta_schema_;
  std::string task_;
  std::string table_;  // quoted
  std::string state_;  // quoted
  std::string id_;     // literal
  bool no_backslash_escapes_;
};

}  // namespace dm::migration
