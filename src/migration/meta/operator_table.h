// What users asked to be done with statements of a source's binlog (`binlog skip` and the like), as
// far as the stream has not passed it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/thread/stop.h"
#include "mysql/client/connection.h"
#include "mysql/position/position.h"

namespace dm::migration {

// Numbers are those of the wire.
enum class OperatorKind { kSkip = 1, kReplace = 2, kInject = 4 };

struct StatementOperator {
  // Its name in the table; no other of the source has it or ever had it.
  uint64_t number = 0;
  OperatorKind kind = OperatorKind::kSkip;
  mysql::BinlogPosition position;  // where the event begins, as given
  // The transaction of the event and, in GTID mode, its GTID: the same on every server. Empty: not
  // known.
  std::string gtid;
  // The statement's number in that transaction, from 1; 0: not known.
  uint32_t statement = 0;
  // Where that transaction begins; no file: not known.
  mysql::BinlogPosition transaction;
  std::vector<std::string> statements;  // of replace and inject, as given
  std::string sql_mode;                 // that they are read with
  // So many of its steps are done and recorded: statements executed, or 1 for a skip.
  size_t done = 0;

  size_t steps() const { return kind == OperatorKind::kSkip ? 1 : statements.size(); }
  bool finished() const { return done >= steps(); }
};

// Rows `operator <number>` of one source in `<task>_syncer_state`, which
// SyncCheckpointTable::Create makes. Immutable, thread-safe.
class OperatorTable {
 public:
  OperatorTable(std::string_view meta_schema, std::string_view task, std::string_view source_id);

  // Sorted by number. Throws Error of the connection, or kDBUnExpect (10004) for a broken row.
  std::vector<StatementOperator> Load(mysql::Connection& connection, const StopToken& stop) const;

  std::string InsertStatement(const StatementOperator& op) const;
  // Changes nothing if the row is gone.
  std::string UpdateStatement(const StatementOperator& op) const;
  std::string DeleteStatement(uint64_t number) const;

 private:
  std::string table_;  // quoted
  std::string id_;     // literal
};

}  // namespace dm::migration
