// What an earlier run has executed of an event's statements, and whether that is over.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/error/error.h"
#include "base/log/log.h"
#include "migration/sync/ddl_executor.h"
#include "mysql/schema/shown_definition.h"
#include "mysql/sql/restore.h"
#include "mysql/sql/rewrite.h"
#include "mysql/value/quote.h"

namespace dm::migration {

using mysql::Statement;

namespace {

constexpr int kAccessDenied = 1227;
constexpr int kPrivilegeMissing = 8121;
constexpr Milliseconds kPollWait{200};

// Does the statement change rows without changing what a definition says?
bool IsInvisible(const Statement& statement) {
  const auto* alter = statement.As<mysql::AlterTable>();
  if (alter == nullptr) return false;
  return std::any_of(alter->specs.begin(), alter->specs.end(), [](const mysql::AlterSpec& spec) {
    return spec.kind == mysql::AlterKind::kExchangePartition;
  });
}

// Does it find its effect there when it runs again, or make the same again?
bool IsRepeatable(const Statement& statement) {
  if (statement.As<mysql::CreateIndex>()) return true;
  const auto* alter = statement.As<mysql::AlterTable>();
  if (alter == nullptr) return true;
  const auto drops = [&](const std::string& column) {
    return std::any_of(alter->specs.begin(), alter->specs.end(), [&](const auto& spec) {
      return spec.kind == mysql::AlterKind::kDropColumn && mysql::EqualNames(spec.name, column);
    });
  };
  return std::all_of(alter->specs.begin(), alter->specs.end(), [&](const mysql::AlterSpec& spec) {
    switch (spec.kind) {
      case mysql::AlterKind::kRenameColumn:
      case mysql::AlterKind::kRenameIndex:
      case mysql::AlterKind::kCoalescePartition:
      case mysql::AlterKind::kReorganizePartition:
      case mysql::AlterKind::kExchangePartition:
      case mysql::AlterKind::kConvertPartition:
      case mysql::AlterKind::kConvertTable:
        return false;
      case mysql::AlterKind::kChangeColumn:
        return mysql::EqualNames(spec.name, spec.columns.front().name);
      case mysql::AlterKind::kAddColumn:  // anew: it would take the values with it
        return std::none_of(spec.columns.begin(), spec.columns.end(),
                            [&](const auto& column) { return drops(column.name); });
      case mysql::AlterKind::kAddPartition:
        return !spec.partitions.empty();
      case mysql::AlterKind::kAddConstraint:
        // One without a name is made a second time.
        return !spec.constraint.name.empty() ||
               spec.constraint.kind == mysql::ConstraintKind::kPrimary;
      default:
        return true;
    }
  });
}

}  // namespace

// The event's statements, told again by a later run. Without their DROP CHECKs: which of them
// are added depends on the target, and one of the statements may have been executed there.
std::string DdlExecutor::NamesOf(const DdlWork& work) {
  std::string all;
  for (const DdlStatement& one : work.statements) {
    if (!all.empty()) all += ";\n";
    Statement bare = one.statement;
    if (auto* alter = bare.As<mysql::AlterTable>(); alter != nullptr && alter->specs.size() > 1) {
      std::erase_if(alter->specs, [](const mysql::AlterSpec& spec) {
        return spec.kind == mysql::AlterKind::kDropCheck;
      });
    }
    all += mysql::Restore(bare, work.restore);
  }
  return all;
}

DdlExecutor::Begin DdlExecutor::Resume(const DdlWork& work, const std::vector<std::string>& texts,
                                       const StopToken& stop) {
  if (!intent_loaded_) {
    earlier_ = intents_.Load(*connection_, stop);
    intent_loaded_ = true;
  }
  if (!earlier_ || earlier_->event != work.event || earlier_->next >= texts.size() ||
      earlier_->statements != NamesOf(work)) {
    return {};
  }
  const size_t doubt = earlier_->next;
  if (earlier_->state == DdlIntent::State::kNotExecuted) return {doubt, false};
  for (size_t i = 0; i < doubt; ++i) {
    Log().Info("an earlier run has executed the statement", {F("statement", texts[i])});
  }
  const Statement& statement = work.statements[doubt].statement;
  std::string executed = texts[doubt];
  if (DdlStatement one = work.statements[doubt]; PutNamesOf(*earlier_, &one)) {
    executed = mysql::Restore(one.statement, work.restore);
  }
  WaitUntilOver(*earlier_, statement, executed, stop);
  if (earlier_->state == DdlIntent::State::kPartly) return {doubt, true};
  const bool changed = Picture(statement, stop) != earlier_->before;
  if (!changed && IsInvisible(statement)) {
    throw MakeError(ErrorCode::kSyncerDdlOutcomeUnknown, texts[doubt]);
  }
  if (changed && intents_.HasOthers(*connection_, stop)) {
    // It may be another source's statement that has changed the target.
    if (!IsRepeatable(statement)) {
      throw MakeError(ErrorCode::kSyncerDdlOutcomeUnknown, texts[doubt]);
    }
    Log().Info(
        "a table has changed since an earlier run was about to execute the statement, by it or by "
        "another source of the task: it is executed again, effects that are there are passed over",
        {F("statement", texts[doubt])});
    return {doubt, true};
  }
  Log().Info(changed ? "an earlier run has executed the statement, as its tables show"
                     : "an earlier run has not executed the statement, as its tables show",
             {F("statement", texts[doubt])});
  return changed ? Begin{doubt + 1, false} : Begin{doubt, true};
}

void DdlExecutor::WaitUntilOver(const DdlIntent& intent, const Statement& statement,
                                const std::string& text, const StopToken& stop) {
  // The server goes on with a statement whose client is gone.
  const std::string running = fmt::format(
      "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE ID = {0} AND LEFT(INFO, "
      "LEAST(100, CHAR_LENGTH({1}))) = LEFT({1}, 100)",
      intent.connection_id,
      mysql::QuoteString(text, sessions_.downstream_server.no_backslash_escapes));
  const Announced announced(announce_, text);
  bool told = false;
  const auto wait = [&] {
    if (!std::exchange(told, true)) {
      Log().Info("an earlier run's statement is still being executed, waiting for its end",
                 {F("statement", text), F("connection", intent.connection_id)});
    }
    WaitFor(kPollWait, stop);
  };
  while (connection_->QueryValue(running, stop).value_or("0") != "0") wait();
  if (!sessions_.downstream_server.is_tidb) return;
  // TiDB's jobs outlive their connection.
  const std::vector<mysql::TableName> names = mysql::TableRefs(statement, "", false);
  const auto job_runs = [&] {
    mysql::ResultSet jobs;
    try {
      jobs = connection_->Query("ADMIN SHOW DDL JOBS 50", stop);
    } catch (const Error& e) {
      if (e.server_errno() != kAccessDenied && e.server_errno() != kPrivilegeMissing) throw;
      Log().Warn("the list of DDL jobs cannot be read, a job may still be running",
                 {F("error", e)});
      return false;
    }
    const auto schema = jobs.ColumnIndex("DB_NAME");
    const auto table = jobs.ColumnIndex("TABLE_NAME");
    const auto state = jobs.ColumnIndex("STATE");
    if (!schema || !table || !state) return false;
    for (const auto& row : jobs.rows) {
      const std::string now = row.at(*state).value_or("");
      if (now == "synced" || now == "done" || now == "cancelled" || now == "rollback done") {
        continue;
      }
      for (const mysql::TableName& name : names) {
        if (row.at(*schema).value_or("") == name.schema &&
            (name.name.empty() || row.at(*table).value_or("") == name.name)) {
          return true;
        }
      }
    }
    return false;
  };
  while (job_runs()) wait();
}

std::string DdlExecutor::Picture(const Statement& statement, const StopToken& stop) {
  // Defaults are shown in the session's zone, names in its quotes; the next run compares.
  connection_->Execute(
      "SET @dm_sql_mode = @@SESSION.sql_mode, SESSION sql_mode = '', SESSION TIME_ZONE = '+00:00'",
      stop);
  std::string picture = ShownDefinitions(statement, stop);
  connection_->Execute(
      fmt::format("SET SESSION sql_mode = @dm_sql_mode, SESSION TIME_ZONE = {}", OwnTimeZone()),
      stop);
  return picture;
}

std::string DdlExecutor::ShownDefinitions(const Statement& statement, const StopToken& stop) {
  std::string picture;
  for (const mysql::TableName& name : mysql::TableRefs(statement, "", false)) {
    const bool database = name.name.empty();
    const std::string quoted =
        database ? mysql::QuoteName(name.schema) : mysql::QuoteTable(name.schema, name.name);
    picture += quoted + ": ";
    const auto shown = ShowCreate(database ? "DATABASE" : "TABLE", quoted, stop);
    if (!shown) {
      picture += "none";
    } else if (!shown->rows.empty() && shown->rows.front().size() > 1) {
      picture += mysql::WithoutAutoIncrement(shown->rows.front()[1].value_or(""));
    }
    picture += '\n';
  }
  return picture;
}

}  // namespace dm::migration
