#include <fmt/format.h>

#include <algorithm>

#include "base/error/error.h"
#include "base/io/text.h"
#include "migration/precheck/account.h"
#include "migration/precheck/items.h"
#include "mysql/value/quote.h"

namespace dm::migration {
namespace {

CheckItem NewItem(std::string name, std::string description, std::string extra) {
  CheckItem item;
  item.name = std::move(name);
  item.description = std::move(description);
  item.extra = std::move(extra);
  return item;
}

// Connections that others have at the server. The list also shows threads of the server itself,
// which do not count.
uint64_t UsedConnections(mysql::Connection& connection, size_t own, const StopToken& stop) {
  const mysql::ResultSet list = connection.Query("SHOW PROCESSLIST", stop);
  const auto user = list.ColumnIndex("User");
  const auto command = list.ColumnIndex("Command");
  const auto text = [](const auto& row, const auto& column) {
    return column && *column < row.size() ? row[*column].value_or("") : std::string();
  };
  const auto used = std::count_if(list.rows.begin(), list.rows.end(), [&](const auto& row) {
    return text(row, user) != "system user" && text(row, user) != "event_scheduler" &&
           text(row, command) != "Daemon";
  });
  return static_cast<uint64_t>(used) - std::min(static_cast<uint64_t>(used), own);
}

}  // namespace

void CheckConnections(ConnectionPool& pool, std::string_view who, Privilege to_count,
                      uint64_t needed, CheckItem& item, const StopToken& stop) {
  const auto connection = pool.Take(stop);
  const std::string limit = GlobalVariable(*connection, "max_connections", stop).value_or("");
  const auto max = ParseUint(limit);
  if (!max) {
    item.Fail(fmt::format("max_connections is {}, which is no number", limit));
    return;
  }
  if (*max == 0) return;  // no limit
  CheckItem grants;
  uint64_t used = 0;
  if (JudgeGrants({{to_count, {.global = true}}}, ReadGrants(*connection, stop), CheckState::kWarn,
                  grants)) {
    used = UsedConnections(*connection, pool.open(), stop);
  } else {
    for (CheckEntry& entry : grants.entries) item.Warn(std::move(entry.text));
    item.instruction = fmt::format(
        "Grant {} to the account, so that the connections in use can be counted; they count as 0 "
        "now.",
        ToUpper(ToString(to_count)));
  }
  JudgeConnections(who, *max, used, needed, item);
}

namespace {

// Is `privilege` granted on every schema of the task, or globally?
bool HasOnSchemas(const AccountGrants& grants, Privilege privilege,
                  const std::set<std::string>& schemas) {
  if (schemas.empty()) return Lacking({{privilege, {.global = true}}}, grants.rows).empty();
  return Lacking({{privilege, {.schemas = schemas}}}, grants.rows, grants.rules).empty();
}

std::set<std::string> Names(const CheckedSource& source) {
  std::set<std::string> names;
  for (const auto& [schema, tables] : source.schemas) names.insert(schema);
  return names;
}

void CheckDumpPrivileges(CheckedSource& source, CheckItem& item, const StopToken& stop) {
  const auto connection = source.upstream->Take(stop);
  const AccountGrants grants = ReadGrants(*connection, stop);
  const std::string& consistency = source.dump.consistency;
  PrivilegeNeeds needs;
  PrivilegeScope& select = needs[Privilege::kSelect];
  for (const RoutedTable& table : source.tables) {
    select.tables[table.source.first].insert(table.source.second);
  }
  if (select.empty()) needs.erase(Privilege::kSelect);
  // Tables can be locked with a privilege on their schemas.
  const bool can_lock = HasOnSchemas(grants, Privilege::kLockTables, Names(source));
  if (consistency == "lock" && !can_lock) needs[Privilege::kLockTables].global = true;
  bool only_table_locks = false;
  if (consistency == "auto" || consistency == "flush") {
    const PrivilegeNeeds reload = {{Privilege::kReload, {.global = true}}};
    only_table_locks =
        consistency == "auto" && can_lock && !Lacking(reload, grants.rows, grants.rules).empty();
    if (!only_table_locks) needs.insert(reload.begin(), reload.end());
  }
  if (!JudgeGrants(needs, grants, CheckState::kFail, item)) {
    item.instruction = "Grant the privileges that are lacking to the account of the source.";
    return;
  }
  if (only_table_locks) {
    item.Warn(
        "the dump cannot take the global read lock (RELOAD or FLUSH_TABLES) and will lock all "
        "tables of the task instead");
    item.instruction = "Grant RELOAD to the account, or let the tables be locked for a moment.";
  }
  // Modes with sync ask for it in an item of their own.
  if (HasSync(source.subtask.mode)) return;
  const std::string log_bin = GlobalVariable(*connection, "log_bin", stop).value_or("");
  if (!EqualsIgnoreCase(log_bin, "ON")) return;
  const PrivilegeNeeds position = {{Privilege::kReplicationClient, {.global = true}}};
  const PrivilegeNeeds lacking = Lacking(position, grants.rows, grants.rules);
  if (lacking.empty()) return;
  item.Warn(LackText(lacking));
  item.instruction =
      "Without REPLICATION CLIENT the dump does not record its binlog position: replication cannot "
      "be started from it later.";
}

}  // namespace

void JudgeConnections(std::string_view who, uint64_t max, uint64_t used, uint64_t needed,
                      CheckItem& item) {
  const uint64_t available = max - std::min(max, used);
  if (needed > max) {
    item.Fail(fmt::format("database's max_connections: {} is less than the number {} needs: {}",
                          max, who, needed));
  } else if (available < needed) {
    item.Warn(
        fmt::format("database's available_connections: {} is less than the number {} needs: {}",
                    available, who, needed));
  } else {
    return;
  }
  item.instruction =
      who == "dumper" ? "Enlarge max_connections upstream, or lower `threads` of the dumper."
      : who == "loader"
          ? "Enlarge max_connections downstream, or lower `pool-size` of the loader."
          : "Enlarge max_connections downstream, or lower `worker-count` in `syncers`.";
}

ItemTask DumperConnectionsItem(CheckedSource& source) {
  return {
      NewItem("dumper_conn_number_checker",
              "check if connection concurrency exceeds database's maximum connection limit", ""),
      [&source](CheckItem& item, const StopToken& stop) {
        // One for definitions, one for the lock, and one for sequences beside those that read.
        const bool sequences = source.upstream->server().is_mariadb && !source.dump.no_sequences;
        const auto needed =
            static_cast<uint64_t>(std::max(1, source.dump.threads)) + (sequences ? 3 : 2);
        CheckConnections(*source.upstream, "dumper", Privilege::kProcess, needed, item, stop);
      }};
}

ItemTask LoaderConnectionsItem(Preparation& preparation) {
  return {
      NewItem("loader_conn_number_checker",
              "check if connection concurrency exceeds database's maximum connection limit", ""),
      [&preparation](CheckItem& item, const StopToken& stop) {
        uint64_t needed = 0;
        for (const auto& source : preparation.sources) {
          needed += static_cast<uint64_t>(std::max(0, source->subtask.loader.pool_size)) + 1;
        }
        const bool tidb = preparation.downstream->server().is_tidb;
        CheckConnections(*preparation.downstream, "loader",
                         tidb ? Privilege::kSuper : Privilege::kProcess, needed, item, stop);
        if (item.state != CheckState::kFail) return;
        // The load waits for connections instead of failing.
        item.state = CheckState::kWarn;
        for (CheckEntry& entry : item.entries) entry.fails = false;
        item.Warn(tidb
                      ? "task precheck cannot accurately check the number of connection needed for "
                        "Lightning"
                      : "sources that load at the same time may find no free connection");
        item.instruction =
            "Enlarge max_connections downstream, or lower `pool-size` of the loader.";
      }};
}

void JudgeTarget(const AccountGrants& grants, const std::string& meta_schema,
                 const std::set<std::string>& schemas, bool creates_tables, CheckItem& item) {
  constexpr Privilege kNeeded[] = {Privilege::kCreate, Privilege::kSelect, Privilege::kInsert,
                                   Privilege::kUpdate, Privilege::kDelete, Privilege::kAlter,
                                   Privilege::kDrop,   Privilege::kIndex};
  std::set<std::string> written = schemas;
  written.insert(meta_schema);
  // Grants on the schemas that are written are enough.
  PrivilegeNeeds needs;
  for (const Privilege privilege : kNeeded) needs[privilege].schemas = written;
  const PrivilegeNeeds lacking = Lacking(needs, grants.rows, grants.rules);
  for (auto& [privilege, scope] : needs) {
    const auto it = lacking.find(privilege);
    if (it != lacking.end() && it->second.schemas == written) scope = {.global = true};
  }
  if (JudgeGrants(needs, grants, CheckState::kWarn, item)) return;
  item.instruction =
      "Grant the privileges that are lacking to the account of the target database, on *.* or on "
      "every schema that is written and the meta schema.";
  // Without CREATE not even the first statement would succeed.
  const auto create = lacking.find(Privilege::kCreate);
  if (create == lacking.end() || !grants.unread.empty()) return;
  std::vector<std::string> where;
  for (const std::string& schema : create->second.schemas) {
    if (creates_tables || schema == meta_schema) where.push_back(mysql::QuoteName(schema));
  }
  if (!where.empty()) {
    item.Fail(fmt::format("the account cannot create tables in {}", Join(where, ", ")));
  }
}

ItemTask TargetPrivilegeItem(Preparation& preparation) {
  return {NewItem("target db privilege checker", "check privileges of target DB",
                  AddressExtra(*preparation.downstream)),
          [&preparation](CheckItem& item, const StopToken& stop) {
            std::set<std::string> schemas;
            for (const auto& source : preparation.sources) {
              for (const RoutedTable& table : source->tables) schemas.insert(table.target.first);
            }
            const SubtaskConfig& first = preparation.sources.front()->subtask;
            const auto connection = preparation.downstream->Take(stop);
            JudgeTarget(ReadGrants(*connection, stop), first.meta_schema, schemas,
                        HasLoad(first.mode), item);
          }};
}

ItemTask DumpPrivilegeItem(CheckedSource& source) {
  return {NewItem("source db dump privilege checker", "check dump privileges of source DB",
                  AddressExtra(*source.upstream)),
          [&source](CheckItem& item, const StopToken& stop) {
            CheckDumpPrivileges(source, item, stop);
          }};
}

ItemTask ReplicationPrivilegeItem(CheckedSource& source) {
  return {NewItem("source db replication privilege checker",
                  "check replication privileges of source DB", AddressExtra(*source.upstream)),
          [&source](CheckItem& item, const StopToken& stop) {
            const PrivilegeNeeds needs = {{Privilege::kReplicationSlave, {.global = true}},
                                          {Privilege::kReplicationClient, {.global = true}}};
            const auto connection = source.upstream->Take(stop);
            if (JudgeGrants(needs, ReadGrants(*connection, stop), CheckState::kFail, item)) return;
            item.instruction =
                "Grant REPLICATION SLAVE and REPLICATION CLIENT (MariaDB: BINLOG MONITOR) on *.* "
                "to the account of the source.";
          }};
}

}  // namespace dm::migration
