#include "migration/sync/ddl_executor.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error/error.h"
#include "base/failpoint/failpoint.h"
#include "base/log/log.h"
#include "migration/sync/apply_worker.h"
#include "migration/sync/split_statement.h"
#include "migration/unit/resumable.h"
#include "mysql/client/retry.h"
#include "mysql/client/shown.h"
#include "mysql/schema/build.h"
#include "mysql/schema/shown_definition.h"
#include "mysql/sql/alter_spec.h"
#include "mysql/sql/rewrite.h"
#include "mysql/value/quote.h"

namespace dm::migration {

using mysql::Statement;

namespace {

constexpr int kNoSuchTable = 1146;
constexpr int kTableExists = 1050;
constexpr int kDuplicateEntry = 1062;
constexpr int kUnknownColumn = 1054;
constexpr int kNoKeyColumn = 1072;
constexpr int kNoSuchCheck = 3821;
constexpr int kNoSuchConstraint = 3940;
constexpr int kUnknownDatabase = 1049;
constexpr int kUnknownSequence = 4091;      // MariaDB
constexpr int kUnknownSequenceTiDb = 4139;  // TiDB
constexpr int kNoSuchView = 4092;           // MariaDB: SHOW CREATE of a sequence and the like
constexpr int kWrongObject = 1347;
constexpr std::string_view kCheckForeignKeys = ", SESSION foreign_key_checks = 1";
constexpr int kExecuteAttempts = 100;
constexpr Milliseconds kRetryWait{3000};
constexpr Milliseconds kPutWait{50};

// The one change of the statement if it puts a column behind another one; else null.
const mysql::AlterSpec* PutBehind(const Statement& statement) {
  const mysql::AlterSpec* only = mysql::OnlySpec(statement);
  const bool behind = only != nullptr && only->position == mysql::AlterSpec::Position::kAfter;
  return behind ? only : nullptr;
}

// Does the statement do nothing but add a column?
bool AddsColumn(const Statement& statement) {
  const mysql::AlterSpec* only = mysql::OnlySpec(statement);
  return only != nullptr && only->kind == mysql::AlterKind::kAddColumn;
}

// May it give numbers to rows that are there?
bool NumbersRows(const Statement& statement) {
  const auto* alter = statement.As<mysql::AlterTable>();
  if (alter == nullptr) return false;
  return std::any_of(alter->specs.begin(), alter->specs.end(), [](const mysql::AlterSpec& spec) {
    return std::any_of(spec.columns.begin(), spec.columns.end(), [](const auto& column) {
      return column.Find(mysql::ColumnOptionKind::kAutoIncrement) != nullptr;
    });
  });
}

// Says what to do about a statement that the server will not execute however often it is tried.
void AdviseOn(const Statement& statement, Error& e) {
  if (!mysql::IsUnknownToServer(e) || !e.workaround().empty()) return;
  const bool database = statement.As<mysql::CreateDatabase>() != nullptr;
  if (!database && !statement.As<mysql::CreateTable>()) {
    e.SetWorkaround(
        "Use `binlog replace` with statements that the downstream takes, or make the change there "
        "by hand and use `binlog skip`.");
    return;
  }
  e.SetWorkaround(fmt::format(
      "Make the {} by hand downstream, with what the server has in place of what it does not know. "
      "{}",
      database ? "database" : "table",
      IsResumable(e) ? "The task then goes on by itself, or by `resume-task`."
                     : "Then `resume-task`: this is not tried again by itself."));
}

// Rows that are there twice under a key: the upstream has not got one of them, or takes other
// values for equal.
Error OfDuplicates(const Error& refused) {
  return Error(refused).SetWorkaround(
      "Rows that the table has downstream are duplicates under a key of the statement. Compare the "
      "table with the upstream's, and delete the rows downstream that the upstream has not got (of "
      "ALTER IGNORE TABLE: those that it has removed, which are in no binlog). If it has them all "
      "(another collation, tables that the routes merge), put the statement without the key in its "
      "place by `binlog replace`. Then `resume-task`: this is not tried again by itself.");
}

// A column that is dropped is in a unique key that stays.
Error OfKeys(const Error& refused) {
  return Error(refused).SetWorkaround(
      "MariaDB takes no column out of a unique key that has others, and the upstream has no key by "
      "which the other columns are unique. Drop that key downstream, or make it again as it is to "
      "be, then execute `resume-task`.");
}

}  // namespace

DdlExecutor::DdlExecutor(const Sessions& sessions, DdlIntentTable intents,
                         const SyncCheckpointTable& checkpoints, const Fence* fence,
                         const OwnerRight& right, StopToken graceful,
                         std::function<void(const std::string&)> announce)
    : sessions_(sessions),
      intents_(std::move(intents)),
      checkpoints_(checkpoints),
      fence_(fence),
      right_(right),
      graceful_(std::move(graceful)),
      announce_(std::move(announce)) {}

void DdlExecutor::Connect(const StopToken& stop) {
  if (connection_ && !connection_->broken()) {
    try {
      connection_->Ping(stop);  // it may have been idle for longer than the server allows
      return;
    } catch (const Error& e) {
      ThrowIfStopped(stop);
      Log().Info("the connection for statements was closed, a new one is made", {F("error", e)});
    }
  }
  connection_ = mysql::Connection::Connect(sessions_.statements, stop);
  numbering_set_ = false;
  const mysql::ServerInfo& server = connection_->server();
  if (server.is_mariadb || server.is_tidb) return;
  if (server.AtLeast(8, 0, 30)) {
    // A key of the downstream's own would be in the way of one that the table gets later.
    TrySetOff("sql_generate_invisible_primary_key", "tables without a key get none downstream",
              stop);
  }
  if (server.AtLeast(8, 4)) {
    TrySetOff("restrict_fk_on_non_standard_key", "foreign keys refer to keys that are not unique",
              stop);
  }
}

void DdlExecutor::TrySetOff(std::string_view variable, std::string_view needed_where,
                            const StopToken& stop) {
  // To set them is a right of its own, which is needed only where they are on.
  try {
    if (connection_->QueryValue(fmt::format("SELECT @@SESSION.{}", variable), stop) == "0") return;
    connection_->Execute(fmt::format("SET SESSION {} = 0", variable), stop);
  } catch (const Error& e) {
    if (connection_->broken()) throw;
    Log().Info("a session variable cannot be set to 0",
               {F("variable", variable), F("needed where", needed_where), F("error", e)});
  }
}

std::string DdlExecutor::OwnTimeZone() const {
  for (const auto& [name, value] : sessions_.downstream.session) {
    if (mysql::LowerName(name) == "time_zone") return mysql::QuoteString(value);
  }
  return "DEFAULT";
}

void DdlExecutor::SetClock(const DdlWork& work, const StatementSession& session,
                           const StopToken& stop) {
  std::string clock = fmt::format("{}", work.timestamp);
  if (work.microseconds != 0) clock += fmt::format(".{:06}", work.microseconds);
  const std::string& zone = session.time_zone;
  std::string set = fmt::format("SET TIMESTAMP = {}, SESSION TIME_ZONE = {}", clock,
                                zone.empty() ? OwnTimeZone() : mysql::QuoteString(zone));
  // A task without foreign_key_checks=1 never checks.
  if (sessions_.foreign_keys) {
    set += session.foreign_key_checks ? kCheckForeignKeys : ", SESSION foreign_key_checks = 0";
  }
  connection_->Execute(set, stop);
}

void DdlExecutor::SetNumbering(const StatementSession& session, const StopToken& stop) {
  numbering_set_ = true;
  const mysql::ServerInfo& server = connection_->server();
  if (!server.is_mariadb && server.AtLeast(8, 0, 14)) {
    // Several threads would number the rows of a table without a key in an order of their own.
    connection_->Execute("SET SESSION innodb_parallel_read_threads = 1", stop);
  }
  if (!session.keeps_zeros) {
    connection_->Execute(
        "SET SESSION sql_mode = REPLACE(@@SESSION.sql_mode, 'NO_AUTO_VALUE_ON_ZERO', '')", stop);
  }
  const std::string wanted =
      fmt::format("{},{}", session.auto_increment_increment, session.auto_increment_offset);
  const std::string now = connection_
                              ->QueryValue(
                                  "SELECT CONCAT(@@SESSION.auto_increment_increment, ',', "
                                  "@@SESSION.auto_increment_offset)",
                                  stop)
                              .value_or("");
  if (now == wanted) return;
  try {
    connection_->Execute(
        fmt::format("SET SESSION auto_increment_increment = {}, SESSION auto_increment_offset = {}",
                    session.auto_increment_increment, session.auto_increment_offset),
        stop);
  } catch (Error& e) {
    if (connection_->broken()) throw;
    e.SetWorkaround(fmt::format(
        "The statement gives numbers to rows that are there, upstream with "
        "auto_increment_increment and auto_increment_offset {}, downstream with {}. Please allow "
        "the task's downstream user to set these variables (MySQL: SESSION_VARIABLES_ADMIN), then "
        "resume.",
        wanted, now));
    throw;
  }
}

void DdlExecutor::Execute(const DdlWork& work, const StopToken& stop) {
  std::vector<std::string> texts;
  for (const DdlStatement& one : work.statements) {
    texts.push_back(mysql::Restore(one.statement, work.restore));
  }
  CheckFence(fence_);
  Connect(stop);
  const Begin begin = Resume(work, texts, stop);
  DdlIntent intent;
  intent.event = work.event;
  intent.statements = NamesOf(work);
  try {
    for (size_t i = begin.statement; i < texts.size(); ++i) {
      CheckFence(fence_);
      if (numbering_set_) {
        connection_.reset();
        Connect(stop);
      }
      DdlStatement one = work.statements[i];
      const Statement& statement = one.statement;
      // What an earlier run has looked up is not looked up again: it may have dropped that.
      one.repeated =
          i == begin.statement && begin.again && (earlier_->names || !earlier_->left_names.empty());
      if (one.repeated) {
        intent.names = earlier_->names;
        intent.left_names = earlier_->left_names;
        if (!PutNamesOf(*earlier_, &one)) continue;
        if (!LeaveWhatIsThere(&one, intent.left_names, stop)) continue;
      } else {
        intent.names = FindNames(one, stop);
        intent.left_names.clear();
        if (intent.names && !PutNames(&one, *intent.names)) continue;
      }
      texts[i] = mysql::Restore(statement, work.restore);
      const StatementSession& session = one.session;
      intent.before = Picture(statement, stop);
      SetClock(work, session, stop);
      if (NumbersRows(statement)) {
        Log().Warn(
            "rows of a table may get numbers: in the order in which each server has them, which is "
            "the same only if they have a primary key, or were written one after another",
            {F("statement", texts[i])});
      }
      if (NumbersRows(statement) && !sessions_.downstream_server.is_tidb) {
        SetNumbering(session, stop);
      }
      intent.next = static_cast<uint32_t>(i);
      intent.connection_id = connection_->server().connection_id;
      intent.state = DdlIntent::State::kInDoubt;
      // Crash point: the look of the statement's tables is known. Left: its intent, the statement.
      DM_FAILPOINT("sync/before-intent");
      Put(intent, stop);
      // Crash point: the intent is stored. Left: the statement.
      DM_FAILPOINT("sync/before-ddl-statement");
      ExecuteOrList(one, texts[i], work.restore, stop);
      // Crash point: a statement is executed, its intent says that it may be. Left: the event's
      // other statements, definitions, the checkpoint.
      DM_FAILPOINT("sync/after-ddl-statement");
    }
    if (numbering_set_) {
      connection_.reset();
    } else {
      connection_->Execute(
          fmt::format("SET TIMESTAMP = DEFAULT, SESSION TIME_ZONE = {}{}", OwnTimeZone(),
                      sessions_.foreign_keys ? kCheckForeignKeys : ""),
          stop);
    }
  } catch (...) {
    connection_.reset();  // with the timestamp and zone of its session
    throw;
  }
}

std::optional<mysql::ResultSet> DdlExecutor::ShowCreate(std::string_view what,
                                                        const std::string& name,
                                                        const StopToken& stop) {
  try {
    return connection_->Query(fmt::format("SHOW CREATE {} {}", what, name), stop);
  } catch (const Error& e) {
    const int number = e.server_errno();
    if (number != kNoSuchTable && number != kUnknownDatabase && number != kWrongObject &&
        number != kNoSuchView) {
      throw;
    }
    return std::nullopt;
  }
}

bool DdlExecutor::IsThere(const Statement& statement, const StopToken& stop) {
  if (const auto* database = statement.As<mysql::CreateDatabase>()) {
    return database->if_not_exists && !database->or_replace &&
           ShowCreate("DATABASE", mysql::QuoteName(database->name), stop);
  }
  const auto* create = statement.As<mysql::CreateTable>();
  // (What OR REPLACE drops is a statement of its own.)
  if (create == nullptr || !create->if_not_exists || create->or_replace) return false;
  const auto shown =
      ShowCreate("TABLE", mysql::QuoteTable(create->table.schema, create->table.name), stop);
  return shown && !shown->rows.empty() && shown->ColumnIndex("Create Table").has_value();
}

void DdlExecutor::Put(const DdlIntent& intent, const StopToken& stop) {
  const std::string text = "BEGIN;" + right_.Proof(connection_->server()) + ";" +
                           intents_.PutStatement(intent) + ";COMMIT";
  for (int attempt = 1;; ++attempt) {
    try {
      connection_->ExecuteMulti(text, 4, stop, "intent of a statement");
      earlier_ = intent;
      return;
    } catch (const Error& e) {
      ThrowIfStopped(stop);
      if (connection_->broken()) throw;
      connection_->Rollback(stop);
      // Only the proof can be a duplicate.
      if (e.server_errno() == kDuplicateEntry)
        throw MakeError(ErrorCode::kSyncerOwnerChanged, "of statements");
      if (!mysql::IsRetryableServerError(e) || attempt >= kExecuteAttempts) throw;
    }
    WaitFor(kPutWait, stop);
  }
}

void DdlExecutor::ExecuteOrList(const DdlStatement& one, const std::string& text,
                                const mysql::RestoreOptions& restore, const StopToken& stop) {
  const Statement& statement = one.statement;
  const auto* alter = statement.As<mysql::AlterTable>();
  const bool several = alter != nullptr && alter->specs.size() > 1;
  try {
    if (ExecuteOne(one, text, restore, stop) || !several) return;
  } catch (Error& e) {
    AdviseOn(statement, e);
    // Whoever repairs what stopped it changes its tables: that must not be taken for its effect.
    if (e.server_errno() != 0 && !mysql::IsConnectionLost(e) && !connection_->broken()) {
      DdlIntent refused = *earlier_;
      refused.state = DdlIntent::State::kNotExecuted;
      // Crash point: the server has refused the statement. Left: the intent that says so.
      DM_FAILPOINT("sync/before-refusal");
      Put(refused, stop);
      // Crash point: the intent says that the statement was refused. Left: the pause of the task.
      DM_FAILPOINT("sync/after-refusal");
    }
    throw;
  }
  // Some of the changes were there already; the others may not be.
  DdlIntent partly = *earlier_;
  partly.state = DdlIntent::State::kPartly;
  // Crash point: some of a statement's changes were there already. Left: the intent that says so,
  // the others one by one.
  DM_FAILPOINT("sync/before-single-changes");
  Put(partly, stop);
  for (Statement& single : mysql::SplitDdl(statement, "")) {
    const std::string single_text = mysql::Restore(single, restore);
    ExecuteOne({std::move(single), one.session, one.keys_behind, one.constraints, one.repeated},
               single_text, restore, stop);
    // Crash point: one of the changes is executed by itself. Left: the others.
    DM_FAILPOINT("sync/after-single-change");
  }
}

bool DdlExecutor::IsRenamedAlready(const Statement& statement, const StopToken& stop) {
  if (!IsRename(statement)) return false;
  const std::vector<mysql::TableName> names = mysql::TableRefs(statement, "", false);
  const auto exists = [&](const mysql::TableName& name) {
    return connection_
               ->QueryValue("SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = " +
                                mysql::QuoteString(name.schema) +
                                " AND table_name = " + mysql::QuoteString(name.name),
                            stop)
               .value_or("0") != "0";
  };
  return names.size() == 2 && !exists(names[0]) && exists(names[1]);
}

void DdlExecutor::WaitForRetry(const StopToken& stop) {
  const auto deadline = SteadyClock::now() + kRetryWait;
  for (auto now = SteadyClock::now(); now < deadline; now = SteadyClock::now()) {
    Milliseconds wait = std::chrono::ceil<Milliseconds>(deadline - now);
    const Milliseconds ping = connection_->keepalive_interval();
    if (ping.count() > 0) wait = std::min(wait, ping);
    WaitFor(wait, graceful_);
    connection_->KeepAlive(stop);
  }
}

mysql::TableInfo DdlExecutor::DefinitionOf(const mysql::TableName& table, const StopToken& stop) {
  const mysql::ResultSet shown = mysql::ShowWithoutModes(
      *connection_, "SHOW CREATE TABLE " + mysql::QuoteTable(table.schema, table.name), stop);
  std::string text = shown.rows.at(0).at(1).value_or("");
  if (connection_->server().is_tidb) text = mysql::WithBackslashesDoubled(text);
  mysql::ParseOptions parse;
  mysql::BuildOptions build;
  parse.mariadb = build.mariadb = connection_->server().is_mariadb;
  build.schema = table.schema;
  return mysql::ParseCreateTable(text, parse, build);
}

ShrunkKeys DdlExecutor::MakeKeysAgain(DdlStatement* one, const StopToken& stop) {
  auto* alter = one->statement.As<mysql::AlterTable>();
  return MakeShrunkKeysAgain(alter, DefinitionOf(alter->table, stop), *one->keys_behind);
}

bool DdlExecutor::ExecuteOne(const DdlStatement& one, const std::string& text,
                             const mysql::RestoreOptions& restore, const StopToken& stop) {
  const Statement& statement = one.statement;
  const Announced announced(announce_, text);
  for (int attempt = 1;; ++attempt) {
    try {
      // The process may have slept since the intent was written: its successor executes what is
      // written there.
      CheckFence(fence_);
      right_.Execute(*connection_, text, stop);
      return true;
    } catch (const Error& e) {
      ThrowIfStopped(stop);
      const int number = e.server_errno();
      if (number == kDuplicateEntry) throw OfDuplicates(e);
      if ((number == kNoSuchTable || number == kTableExists) && IsRename(statement)) {
        // A name that is taken does not say that this table has it.
        if (!IsRenamedAlready(statement, stop)) throw;
        Log().Info("ignore error and continue: the table has its new name already",
                   {F("statement", text), F("error", e)});
        return false;
      }
      if (const auto* sequence = statement.As<mysql::SequenceStatement>();
          sequence != nullptr && sequence->verb != "CREATE" &&
          (number == kNoSuchTable || number == kUnknownSequence || number == kUnknownSequenceTiDb ||
           number == kUnknownDatabase)) {
        // Those that were there before the task may not have come with it.
        Log().Warn("ignore error and continue: the downstream has not got the sequence",
                   {F("statement", text), F("error", e)});
        return false;
      }
      if (number == kUnknownColumn) {
        // The column that it is to stand behind may have been left out here.
        if (PutBehind(statement) != nullptr) {
          Log().Warn(
              "a column is unknown downstream: the statement is executed without its position",
              {F("statement", text), F("error", e)});
          DdlStatement anywhere = one;
          anywhere.statement.As<mysql::AlterTable>()->specs.front().position =
              mysql::AlterSpec::Position::kNone;
          return ExecuteOne(anywhere, mysql::Restore(anywhere.statement, restore), restore, stop);
        }
        if (AddsColumn(statement)) throw;  // that it names another one does not say it is there
      }
      if (mysql::MaySayConstraintIsTaken(e)) {
        if (const auto done = OnTakenName(one, text, restore, e, stop)) return *done;
        throw;
      }
      if (one.repeated && one.constraints &&
          (number == kNoSuchCheck || number == kNoSuchConstraint)) {
        // It was there when the earlier run looked its name up.
        Log().Info("ignore error and continue: the statement's effect is there already",
                   {F("statement", text), F("error", e)});
        return false;
      }
      if (number == kNoKeyColumn && one.keys_behind) {
        DdlStatement again = one;
        const ShrunkKeys keys = MakeKeysAgain(&again, stop);
        if (keys == ShrunkKeys::kRefused) throw OfKeys(e);
        if (keys == ShrunkKeys::kNone) throw;  // it names another column that is not there
        const std::string text_again = mysql::Restore(again.statement, restore);
        Log().Info("unique keys that lose a column are made again of their other columns",
                   {F("statement", text_again)});
        return ExecuteOne(again, text_again, restore, stop);
      }
      // Such a refusal comes before the look whether the name is there.
      if (mysql::IsUnknownToServer(e) && IsThere(statement, stop)) {
        Log().Warn(
            "the downstream does not know what the definition is written with, and has a table or "
            "database of this name: that is taken as it is",
            {F("statement", text), F("error", e)});
        return false;
      }
      if (mysql::IsIgnorableDdlError(e)) {
        Log().Info("ignore error and continue: the statement's effect is there already",
                   {F("statement", text), F("error", e)});
        return false;
      }
      if (!mysql::IsRetryableServerError(e) || attempt >= kExecuteAttempts) throw;
      Log().Warn("execute statement failed, will retry", {F("statement", text), F("error", e)});
      try {
        WaitForRetry(stop);
      } catch (const Cancelled&) {
        throw e;
      }
    }
  }
}

}  // namespace dm::migration
