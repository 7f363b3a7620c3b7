// What the sync unit was about to execute of a DDL: a repetition after a crash or a lost answer
// must know what was done, since not every statement may run twice.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/thread/stop.h"
#include "mysql/client/connection.h"

namespace dm::migration {

struct DdlIntent {
  // The event: its GTID, or "file:offset" of its end where there is none.
  std::string event;
  // Statements that it became downstream, one after another as they are executed.
  std::string statements;
  // Statements before this one were executed.
  uint32_t next = 0;
  enum class State {
    kInDoubt = 0,      // it was executed as a whole, or not at all
    kPartly = 1,       // some of its changes may be there, each can be repeated
    kNotExecuted = 2,  // the server refused it
  };
  State state = State::kInDoubt;
  // What it changes looked like before.
  std::string before;
  // Names of its foreign keys and checks that were looked up downstream (DownstreamNames); nullopt:
  // none were.
  std::optional<std::vector<std::string>> names;
  // Names of foreign keys and checks that it gives and that are left out, as they are taken.
  std::vector<std::string> left_names;
  // Downstream connection that was to execute it.
  uint64_t connection_id = 0;
};

// Table `<task>_syncer_ddl`, one row a source. Immutable, thread-safe.
class DdlIntentTable {
 public:
  // `no_backslash_escapes`: how the sessions that run the texts read literals.
  DdlIntentTable(std::string_view meta_schema, std::string_view task, std::string_view source_id,
                 bool no_backslash_escapes);

  // Creates the schema and the table if they are missing, and changes that of older versions.
  void Create(mysql::Connection& connection, const StopToken& stop) const;
  // nullopt: no DDL was executed yet.
  std::optional<DdlIntent> Load(mysql::Connection& connection, const StopToken& stop) const;
  // Has another source of the task executed a DDL?
  bool HasOthers(mysql::Connection& connection, const StopToken& stop) const;
  // Statement that replaces the source's row.
  std::string PutStatement(const DdlIntent& intent) const;

 private:
  std::string schema_;  // quoted
  std::string table_;   // quoted
  std::string id_;      // literal
  bool no_backslash_escapes_;
};

}  // namespace dm::migration
