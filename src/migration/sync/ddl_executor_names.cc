// Names that the downstream has for the foreign keys and checks of a statement.
#include <algorithm>
#include <optional>

#include "base/error/error.h"
#include "base/failpoint/failpoint.h"
#include "base/log/log.h"
#include "migration/rules/taken_names.h"
#include "migration/sync/constraint_names.h"
#include "migration/sync/ddl_executor.h"
#include "mysql/sql/restore.h"
#include "mysql/sql/rewrite.h"

namespace dm::migration {

namespace {

constexpr int kUnknownDatabase = 1049;
constexpr int kNoSuchTable = 1146;
constexpr int kWrongObject = 1347;

}  // namespace

std::optional<mysql::TableInfo> DdlExecutor::ReadableDefinitionOf(const mysql::TableName& table,
                                                                  const StopToken& stop) {
  try {
    return DefinitionOf(table, stop);
  } catch (const Error& e) {
    ThrowIfStopped(stop);
    const int number = e.server_errno();
    if (number == 0 && !connection_->broken()) {
      Log().Warn(
          "the definition of a table downstream cannot be read, names of its constraints are "
          "taken for those of the upstream",
          {F("table", mysql::QuoteTableName(table)), F("error", e)});
      return std::nullopt;
    }
    // The statement itself says so.
    if (number != kNoSuchTable && number != kUnknownDatabase && number != kWrongObject) throw;
    return std::nullopt;
  }
}

std::optional<std::vector<std::string>> DdlExecutor::FindNames(const DdlStatement& one,
                                                               const StopToken& stop) {
  const auto* alter = one.statement.As<mysql::AlterTable>();
  if (alter == nullptr || !one.constraints) return std::nullopt;
  const std::optional<mysql::TableInfo> target = ReadableDefinitionOf(alter->table, stop);
  if (!target) return std::nullopt;
  UpstreamConstraints upstream = *one.constraints;
  upstream.merged = upstream.merged || checkpoints_.HasOthers(*connection_, stop);
  return DownstreamNames(*alter, upstream, *target, connection_->server().is_mariadb);
}

bool DdlExecutor::PutNames(DdlStatement* one, const std::vector<std::string>& names) {
  auto* alter = one->statement.As<mysql::AlterTable>();
  const std::string before = mysql::Restore(one->statement);
  for (const std::string& name : PutDownstreamNames(alter, names)) {
    Log().Info("the target has not got a foreign key or check that is dropped: it is passed over",
               {F("name", name), F("statement", before)});
  }
  if (alter->specs.empty()) return false;
  if (std::string now = mysql::Restore(one->statement); now != before) {
    Log().Info("foreign keys or checks have other names downstream", {F("statement", now)});
  }
  return true;
}

bool DdlExecutor::PutNamesOf(const DdlIntent& earlier, DdlStatement* one) {
  if (earlier.names && !PutNames(one, *earlier.names)) return false;
  mysql::KeepConstraintNames(
      &one->statement, [&](mysql::ConstraintKind /*kind*/, const std::string& name) {
        return std::find(earlier.left_names.begin(), earlier.left_names.end(), name) ==
               earlier.left_names.end();
      });
  return true;
}

bool DdlExecutor::LeaveWhatIsThere(DdlStatement* one, const std::vector<std::string>& left_names,
                                   const StopToken& stop) {
  auto* alter = one->statement.As<mysql::AlterTable>();
  if (alter == nullptr || left_names.empty()) return true;
  const std::string before = mysql::Restore(one->statement);
  const std::optional<mysql::TableInfo> target = ReadableDefinitionOf(alter->table, stop);
  if (target && LeaveAddedWithoutName(alter, *target)) {
    Log().Info("foreign keys or checks are there already, under names of the downstream's",
               {F("statement", before)});
  }
  return !alter->specs.empty();
}

std::optional<bool> DdlExecutor::OnTakenName(const DdlStatement& one, const std::string& text,
                                             const mysql::RestoreOptions& restore, const Error& e,
                                             const StopToken& stop) {
  DdlStatement again = one;
  DdlIntent intent = *earlier_;
  const auto leave = [&](const std::vector<std::string>& names) {
    intent.left_names.insert(intent.left_names.end(), names.begin(), names.end());
  };
  if (const auto* alter = one.statement.As<mysql::AlterTable>()) {
    const std::optional<mysql::TableInfo> target = ReadableDefinitionOf(alter->table, stop);
    if (!target) return std::nullopt;
    if (HasAdded(*alter, *target)) {
      Log().Info("ignore error and continue: a foreign key or check is there already",
                 {F("statement", text), F("error", e)});
      return false;
    }
    leave(LeaveMadeNames(&again.statement, *target));
  }
  leave(LeaveTakenNames(&again.statement, *connection_, stop));
  if (intent.left_names.size() == earlier_->left_names.size()) return std::nullopt;
  const std::string text_again = mysql::Restore(again.statement, restore);
  Log().Warn("the name of a foreign key or check is taken downstream: it is left out",
             {F("statement", text_again), F("error", e)});
  // Crash point: the name of a constraint is known to be taken. Left: the intent without it, the
  // statement.
  DM_FAILPOINT("sync/before-left-names");
  Put(intent, stop);
  // Crash point: the intent says which names are left out. Left: the statement.
  DM_FAILPOINT("sync/after-left-names");
  return ExecuteOne(again, text_again, restore, stop);
}

}  // namespace dm::migration
