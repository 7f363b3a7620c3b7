// Executes the statements of one DDL event downstream, each of them once, also across a crash or a
// lost answer.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/thread/stop.h"
#include "migration/meta/ddl_intent.h"
#include "migration/meta/owner.h"
#include "migration/meta/statement_session.h"
#include "migration/meta/sync_checkpoint.h"
#include "migration/sync/constraint_names.h"
#include "migration/sync/session.h"
#include "migration/sync/shrunk_keys.h"
#include "migration/unit/ports.h"
#include "mysql/client/connection.h"
#include "mysql/sql/restore.h"
#include "mysql/sql/statement.h"

namespace dm::migration {

struct DdlStatement {
  mysql::Statement statement;
  StatementSession session;
  // Of an ALTER TABLE of MySQL for MariaDB: the upstream's unique keys behind it.
  std::optional<UniqueKeys> keys_behind = {};
  // Of an ALTER TABLE that drops or alters foreign keys or checks by their names.
  std::optional<UpstreamConstraints> constraints = {};
  // An earlier run may have executed it, after it had stored what names it has downstream.
  bool repeated = false;
};

// One event's statements, routed and in order.
struct DdlWork {
  std::string event;  // its GTID, or the place of its end
  std::vector<DdlStatement> statements;
  mysql::RestoreOptions restore;
  uint32_t timestamp = 0;  // upstream clock
  uint32_t microseconds = 0;
};

// Before a statement is executed, the intent is written down together with what the statement's
// tables look like. A repetition of the event goes on behind the statements that are known to be
// done; whether the one in doubt is done is told by looking at its tables again. One owner thread.
class DdlExecutor {
 public:
  // `right`: of the connection for statements; its epoch is never raised by this run. `graceful`
  // ends waiting for another try. `announce` is told of the statement that is being executed, and
  // of the end of that by an empty text.
  // `checkpoints`: must outlive it.
  DdlExecutor(const Sessions& sessions, DdlIntentTable intents,
              const SyncCheckpointTable& checkpoints, const Fence* fence, const OwnerRight& right,
              StopToken graceful, std::function<void(const std::string&)> announce);

  // Throws Error: of the statement; kSyncerDdlOutcomeUnknown (36077) if it cannot be told whether
  // an earlier run executed it. Whatever was executed stays.
  void Execute(const DdlWork& work, const StopToken& stop);

 private:
  // Tells of a statement for as long as it lives.
  class Announced {
   public:
    Announced(const std::function<void(const std::string&)>& announce, const std::string& text)
        : announce_(announce) {
      announce_(text);
    }
    ~Announced() { announce_(""); }
    Announced(const Announced&) = delete;
    Announced& operator=(const Announced&) = delete;

   private:
    const std::function<void(const std::string&)>& announce_;
  };

  // Statement to begin with: those before it were executed by an earlier run.
  struct Begin {
    size_t statement = 0;
    // The earlier run was about to execute it, or did so in part: `earlier_` says how.
    bool again = false;
  };

  // What tells the event's statements again in a later run.
  static std::string NamesOf(const DdlWork& work);
  Begin Resume(const DdlWork& work, const std::vector<std::string>& texts, const StopToken& stop);
  void WaitUntilOver(const DdlIntent& intent, const mysql::Statement& statement,
                     const std::string& text, const StopToken& stop);
  // What the names that the statement changes stand for now.
  std::string Picture(const mysql::Statement& statement, const StopToken& stop);
  std::string ShownDefinitions(const mysql::Statement& statement, const StopToken& stop);
  void ExecuteOrList(const DdlStatement& one, const std::string& text,
                     const mysql::RestoreOptions& restore, const StopToken& stop);
  void Put(const DdlIntent& intent, const StopToken& stop);
  // False: the statement's effect was there already.
  bool ExecuteOne(const DdlStatement& one, const std::string& text,
                  const mysql::RestoreOptions& restore, const StopToken& stop);
  // Adds to the statement what becomes of the target's unique keys that lose a column.
  ShrunkKeys MakeKeysAgain(DdlStatement* one, const StopToken& stop);
  // The table of a statement as it is downstream. Throws Error.
  mysql::TableInfo DefinitionOf(const mysql::TableName& table, const StopToken& stop);
  // Nullopt, with a warning: it cannot be read; or it is not there.
  std::optional<mysql::TableInfo> ReadableDefinitionOf(const mysql::TableName& table,
                                                       const StopToken& stop);
  // The names that the target has for the foreign keys and checks that the statement drops or
  // alters; nullopt: there are none to be looked up. Throws Error if a name cannot be told.
  std::optional<std::vector<std::string>> FindNames(const DdlStatement& one, const StopToken& stop);
  // Puts them into the statement; what the target has not got is left out. False: nothing is left.
  bool PutNames(DdlStatement* one, const std::vector<std::string>& names);
  // The statement as an earlier run executed it, or was about to. False: nothing was.
  bool PutNamesOf(const DdlIntent& earlier, DdlStatement* one);
  // Of a statement that is repeated: takes what it adds without a name out of it where the target
  // has that. False: nothing is left.
  bool LeaveWhatIsThere(DdlStatement* one, const std::vector<std::string>& left_names,
                        const StopToken& stop);
  // After a failure that says that the name of a foreign key or check is taken: nullopt if it is
  // not. Else what ExecuteOne returns.
  std::optional<bool> OnTakenName(const DdlStatement& one, const std::string& text,
                                  const mysql::RestoreOptions& restore, const Error& e,
                                  const StopToken& stop);
  // Is a rename that failed superfluous: the old name gone, the new one there?
  bool IsRenamedAlready(const mysql::Statement& statement, const StopToken& stop);
  // Is there what the statement makes if it is missing: a database, or a table, not a view?
  bool IsThere(const mysql::Statement& statement, const StopToken& stop);
  // What SHOW CREATE `what` (TABLE, for views too, or DATABASE) shows; none: the server has not got
  // it.
  std::optional<mysql::ResultSet> ShowCreate(std::string_view what, const std::string& name,
                                             const StopToken& stop);
  void Connect(const StopToken& stop);
  // Sets a variable of the session to 0, if the account may do that; else the log says where that
  // is missed. Throws Error if the connection is lost.
  void TrySetOff(std::string_view variable, std::string_view needed_where, const StopToken& stop);
  // Throws Cancelled if no other try is wanted. The session stays open.
  void WaitForRetry(const StopToken& stop);
  void SetClock(const DdlWork& work, const StatementSession& session, const StopToken& stop);
  // Of what gives numbers to rows that are there; on a connection that is not used again.
  void SetNumbering(const StatementSession& session, const StopToken& stop);
  std::string OwnTimeZone() const;

  const Sessions& sessions_;
  const DdlIntentTable intents_;
  const SyncCheckpointTable& checkpoints_;
  const Fence* fence_;
  const OwnerRight right_;
  const StopToken graceful_;
  const std::function<void(const std::string&)> announce_;
  std::unique_ptr<mysql::Connection> connection_;
  bool numbering_set_ = false;  // of `connection_`
  bool intent_loaded_ = false;
  std::optional<DdlIntent> earlier_;  // left by an earlier run or a failed try of this one
};

}  // namespace dm::migration
