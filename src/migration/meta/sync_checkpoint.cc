#include "migration/meta/sync_checkpoint.h"

#include <fmt/format.h>

#include <charconv>
#include <map>
#include <nlohmann/json.hpp>
#include <span>
#include <tuple>
#include <utility>

#include "base/error/error.h"
#include "base/failpoint/failpoint.h"
#include "base/log/log.h"
#include "migration/meta/names.h"
#include "mysql/client/retry.h"
#include "mysql/value/quote.h"

namespace dm::migration {

using mysql::Location;
using mysql::QuoteString;

namespace {

constexpr std::string_view kColumns =
    "cp_schema, cp_table, binlog_name, binlog_pos, binlog_gtid, exit_safe_binlog_name, "
    "exit_safe_binlog_pos, exit_safe_binlog_gtid, table_info, is_global";

// In the text column of a table's row: "<server>|<transaction of the piece>|<key>=<number>..."; in
// none of them.
constexpr char kSeparator = '|';
constexpr std::string_view kEventKey = "event";    // PiecePoint::event
constexpr std::string_view kPieceKey = "piece";    // offset of the piece, if it is long
constexpr std::string_view kOffsetKey = "offset";  // of the location, if it is long

// Of a TEXT column; it is widened before sets become as long.
constexpr size_t kTextLimit = 65535;
constexpr size_t kWidenAt = 32 << 10;
constexpr int kDuplicateColumn = 1060;

constexpr std::string_view kDumpExitName = "dump_exit";
constexpr std::string_view kPreparedName = "prepared";
constexpr std::string_view kUpstreamName = "upstream";
constexpr std::string_view kAllKnownName = "all_known_by";
constexpr std::string_view kEachOnceName = "each_once";
constexpr std::string_view kWholeSetName = "whole_gtid_set";
constexpr std::string_view kDatabaseCollationsName = "database_collations";

uint64_t Number(std::string_view text) {
  uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

uint64_t Shortened(uint64_t offset) { return std::min(offset, mysql::LargestShortOffset()); }

// Cuts the text up to the next separator off.
std::string_view NextPart(std::string_view* text) {
  const size_t end = text->find(kSeparator);
  const std::string_view part = text->substr(0, end);
  *text = end == std::string_view::npos ? std::string_view() : text->substr(end + 1);
  return part;
}

}  // namespace

std::string WritePreparedBranches(const PreparedBranches& prepared) {
  std::string text;
  for (const auto& [xid, branch] : prepared) {
    for (const std::string& part : {xid, std::to_string(branch.begin.offset), branch.begin.file,
                                    std::to_string(branch.end.offset), branch.end.file, branch.gtid,
                                    std::string(branch.replicated ? "1" : "0"), branch.server}) {
      text += part;
      text += kSeparator;
    }
    text.back() = '\n';
  }
  return text;
}

PreparedBranches ReadPreparedBranches(std::string_view text) {
  PreparedBranches prepared;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    const std::string xid(NextPart(&line));
    PreparedBranch branch;
    branch.begin.offset = Number(NextPart(&line));
    branch.begin.file = NextPart(&line);
    branch.end.offset = Number(NextPart(&line));
    branch.end.file = NextPart(&line);
    branch.gtid = NextPart(&line);
    branch.replicated = NextPart(&line) == "1";
    branch.server = line;
    if (!xid.empty()) prepared[xid] = std::move(branch);
  }
  return prepared;
}

SyncCheckpointTable::SyncCheckpointTable(std::string_view meta_schema, std::string_view task,
                                         std::string_view source_id, mysql::Flavor flavor,
                                         bool gtid_mode, bool no_backslash_escapes)
    : meta_schema_(meta_schema),
      task_(task),
      schema_(mysql::QuoteName(meta_schema)),
      table_(MetaTable(meta_schema, task, kSyncerCheckpointSuffix)),
      state_(MetaTable(meta_schema, task, kSyncerStateSuffix)),
      id_(QuoteString(source_id, no_backslash_escapes)),
      flavor_(flavor),
      gtid_mode_(gtid_mode),
      no_backslash_escapes_(no_backslash_escapes),
      wide_(std::make_shared<std::atomic<bool>>(false)) {}

std::string SyncCheckpointTable::Literal(std::string_view text) const {
  return QuoteString(text, no_backslash_escapes_);
}

void SyncCheckpointTable::Create(mysql::Connection& connection, const StopToken& stop) const {
  CreateMetaSchema(connection, schema_, stop);
  connection.Execute(fmt::format(R"(CREATE TABLE IF NOT EXISTS {} (
			id VARCHAR(32) NOT NULL,
			cp_schema VARCHAR(128) NOT NULL,
			cp_table VARCHAR(128) NOT NULL,
			binlog_name VARCHAR(128),
			binlog_pos INT UNSIGNED,
			binlog_gtid TEXT,
			exit_safe_binlog_name VARCHAR(128) DEFAULT '',
			exit_safe_binlog_pos INT UNSIGNED DEFAULT 0,
			exit_safe_binlog_gtid TEXT,
			table_info JSON NOT NULL,
			is_global BOOLEAN,
			create_time timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
			update_time timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
			UNIQUE KEY uk_id_schema_table (id, cp_schema, cp_table)
		) {}{})",
                                 table_, kExactNames, TransactionalOptions(connection.server())),
                     stop);
  UpgradeColumns(connection, stop);
  CompareNamesExactly(connection, meta_schema_, task_, kSyncerCheckpointSuffix,
                      {{"id", 32}, {"cp_schema", 128}, {"cp_table", 128}}, stop);
  connection.Execute(fmt::format(R"(CREATE TABLE IF NOT EXISTS {} (
			id VARCHAR(32) NOT NULL,
			name VARCHAR(64) NOT NULL,
			value LONGTEXT NOT NULL,
			PRIMARY KEY (id, name)
		) {}{})",
                                 state_, kExactNames, TransactionalOptions(connection.server())),
                     stop);
  MakeTransactional(connection, table_, stop);
  MakeTransactional(connection, state_, stop);
  const std::optional<std::string> type = connection.QueryValue(
      fmt::format("SELECT DATA_TYPE FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = {} AND "
                  "TABLE_NAME = {} AND COLUMN_NAME = 'binlog_gtid'",
                  Literal(meta_schema_), Literal(task_ + std::string(kSyncerCheckpointSuffix))),
      stop);
  *wide_ = type == "mediumtext" || type == "longtext";
}

void SyncCheckpointTable::UpgradeColumns(mysql::Connection& connection,
                                         const StopToken& stop) const {
  const mysql::ResultSet found = connection.Query(
      fmt::format("SELECT COLUMN_NAME, DATA_TYPE, IS_NULLABLE FROM information_schema.COLUMNS "
                  "WHERE TABLE_SCHEMA = {} AND TABLE_NAME = {}",
                  Literal(meta_schema_), Literal(task_ + std::string(kSyncerCheckpointSuffix))),
      stop);
  std::map<std::string, std::pair<std::string, bool>> columns;  // type, whether it may be NULL
  for (const auto& row : found.rows) {
    columns[row.at(0).value_or("")] = {row.at(1).value_or(""), row.at(2) == "YES"};
  }
  if (columns.empty()) return;  // not visible to the account
  std::vector<std::string> changes;
  for (const auto& [name, type, before] :
       {std::tuple("binlog_gtid", "TEXT", "binlog_pos"),
        std::tuple("exit_safe_binlog_name", "VARCHAR(128) DEFAULT ''", "binlog_gtid"),
        std::tuple("exit_safe_binlog_pos", "INT UNSIGNED DEFAULT 0", "exit_safe_binlog_name"),
        std::tuple("exit_safe_binlog_gtid", "TEXT", "exit_safe_binlog_pos")}) {
    const auto column = columns.find(name);
    if (column == columns.end()) {
      changes.push_back(fmt::format("ADD COLUMN {} {} AFTER {}", name, type, before));
    } else if (type == std::string_view("TEXT") && column->second.first.ends_with("char")) {
      changes.push_back(fmt::format("MODIFY COLUMN {} TEXT", name));  // a set may be longer
    }
  }
  const auto info = columns.find("table_info");
  if (info == columns.end()) {
    changes.emplace_back("ADD COLUMN table_info JSON AFTER exit_safe_binlog_gtid");
  }
  if (info == columns.end() || info->second.second) {
    // One after the other: servers differ in what a new JSON NOT NULL column of old rows holds.
    changes.emplace_back("");
    changes.emplace_back("MODIFY COLUMN table_info JSON NOT NULL");
  }
  if (changes.empty()) return;
  Log().Info("the checkpoint table is of an older version, it gets what that has not",
             {F("table", table_)});
  for (const std::string& change : changes) {
    const std::string statement =
        change.empty()
            ? fmt::format("UPDATE {} SET table_info = 'null' WHERE table_info IS NULL", table_)
            : fmt::format("ALTER TABLE {} {}", table_, change);
    try {
      connection.Execute(statement, stop);
    } catch (Error& e) {
      if (e.server_errno() == kDuplicateColumn) continue;  // another source was quicker
      if (e.workaround().empty() && !mysql::IsConnectionLost(e)) {
        e.SetWorkaround(fmt::format(
            "The checkpoint table {} is of an older version. Please give the account the privilege "
            "to alter it, or execute this by hand, and resume the task: {}",
            table_, statement));
      }
      throw;
    }
    // Crash point: a column of an older version's checkpoint table is added or changed. Left: the
    // others.
    DM_FAILPOINT("meta/upgrading-checkpoint");
  }
}

void SyncCheckpointTable::WidenForLongSets(mysql::Connection& connection,
                                           const StopToken& stop) const {
  if (*wide_) return;
  Log().Info("the checkpoint table gets room for long GTID sets", {F("table", table_)});
  connection.Execute(
      fmt::format("ALTER TABLE {} MODIFY binlog_gtid MEDIUMTEXT, MODIFY exit_safe_binlog_gtid "
                  "MEDIUMTEXT",
                  table_),
      stop);
  *wide_ = true;
}

bool SyncCheckpointTable::NeedsWidening(const Location& location) const {
  // Switch: a GTID set seems long at two bytes.
  const size_t limit = DM_FAILPOINT_HIT("meta/long-sets") ? 1 : kWidenAt;
  return !*wide_ && location.GtidText().size() > limit;
}

StoredCheckpoint SyncCheckpointTable::Load(mysql::Connection& connection,
                                           const StopToken& stop) const {
  mysql::ResultSet result =
      connection.Query(fmt::format("SELECT {} FROM {} WHERE id = {}", kColumns, table_, id_), stop);
  StoredCheckpoint stored;
  for (const auto& row : result.rows) {
    bool is_global = row.at(9).value_or("0") != "0";
    TablePoint point = ReadTable(row);
    if (!is_global) {
      stored.tables.push_back(std::move(point));
      continue;
    }
    if (mysql::IsFreshLocation(point.location, gtid_mode_)) continue;
    GlobalPoint global;
    global.location = point.location;
    std::string exit_name = row.at(5).value_or("");
    std::string exit_gtid = row.at(7).value_or("");
    if (gtid_mode_ ? !exit_gtid.empty() : !exit_name.empty()) {
      Location exit;
      exit.position = {exit_name, std::stoull(row.at(6).value_or("0"))};
      exit.gtid_set = mysql::GtidSet::Parse(flavor_, exit_gtid);
      global.exit_point = std::move(exit);
    } else if (!exit_name.empty()) {
      global.exit_point_unusable = true;
    }
    stored.global = std::move(global);
  }
  const auto state = [&](std::string_view name) {
    return connection.QueryValue(
        fmt::format("SELECT value FROM {} WHERE id = {} AND name = '{}'", state_, id_, name), stop);
  };
  if (const auto dump_exit = state(kDumpExitName)) {
    std::string_view text = *dump_exit;
    Location exit;
    exit.position.offset = Number(NextPart(&text));
    exit.gtid_set = mysql::GtidSet::Parse(flavor_, NextPart(&text));
    exit.position.file = text;
    stored.dump_exit = std::move(exit);
  }
  if (const auto prepared = state(kPreparedName)) stored.prepared = ReadPreparedBranches(*prepared);
  if (const auto upstream = state(kUpstreamName)) {
    std::string_view text = *upstream;
    stored.upstream.created = static_cast<uint32_t>(Number(NextPart(&text)));
    stored.upstream.file = NextPart(&text);
    stored.upstream.server = text;
  }
  stored.all_known_by = state(kAllKnownName).value_or("");
  stored.each_once = state(kEachOnceName).has_value();
  stored.whole_set = state(kWholeSetName).has_value();
  if (const auto collations = state(kDatabaseCollationsName)) {
    const nlohmann::json object = nlohmann::json::parse(*collations, nullptr, false);
    for (const auto& [database, collation] : object.items()) {
      if (collation.is_string()) stored.database_collations.emplace(database, collation);
    }
  }
  return stored;
}

TablePoint SyncCheckpointTable::ReadTable(
    const std::vector<std::optional<std::string>>& row) const {
  TablePoint point;
  point.schema = row.at(0).value_or("");
  point.table = row.at(1).value_or("");
  point.location.position = {row.at(2).value_or(""), std::stoull(row.at(3).value_or("0"))};
  std::string gtid = row.at(4).value_or("");
  if (!gtid.empty()) point.location.gtid_set = mysql::GtidSet::Parse(flavor_, gtid);
  point.table_info = row.at(8).value_or("null");
  if (row.at(9).value_or("0") != "0") return point;  // the global row's are an exit point
  const std::string columns = row.at(7).value_or("");
  std::string_view text = columns;
  point.server = NextPart(&text);
  PiecePoint piece;
  piece.position = {row.at(5).value_or(""), Number(row.at(6).value_or("0"))};
  piece.transaction = NextPart(&text);
  while (!text.empty()) {
    const std::string_view part = NextPart(&text);
    const size_t equal = part.find('=');
    if (equal == std::string_view::npos) continue;
    const std::string_view key = part.substr(0, equal);
    const uint64_t number = Number(part.substr(equal + 1));
    if (key == kEventKey) piece.event = number;
    if (key == kPieceKey) piece.position.offset = number;
    if (key == kOffsetKey) point.location.position.offset = number;
  }
  if (!piece.position.file.empty()) point.piece = std::move(piece);
  return point;
}

bool SyncCheckpointTable::HasOthers(mysql::Connection& connection, const StopToken& stop) const {
  return connection
      .QueryValue(fmt::format("SELECT 1 FROM {} WHERE id <> {} LIMIT 1", table_, id_), stop)
      .has_value();
}

std::optional<TablePoint> SyncCheckpointTable::LoadForUpdate(mysql::Connection& connection,
                                                             std::string_view schema,
                                                             std::string_view table,
                                                             const StopToken& stop) const {
  mysql::ResultSet result = connection.Query(
      fmt::format("SELECT {} FROM {} WHERE id = {} AND cp_schema = {} AND cp_table = {} FOR UPDATE",
                  kColumns, table_, id_, Literal(schema), Literal(table)),
      stop);
  if (result.rows.empty()) return std::nullopt;
  return ReadTable(result.rows.front());
}

std::string SyncCheckpointTable::Upsert(std::string_view schema, std::string_view table,
                                        const Location& location, const ExitColumns& exit,
                                        std::string_view table_info, bool is_global,
                                        Update update) const {
  const std::string gtid = location.GtidText();
  if (!*wide_ && std::max(gtid.size(), exit.text.size()) > kTextLimit) {
    throw Error(ErrorCode::kDBUnExpect,
                fmt::format("a GTID set of {} bytes is too long for the checkpoint table {}",
                            std::max(gtid.size(), exit.text.size()), table_))
        .SetScope(ErrorScope::kDownstream)
        .SetWorkaround("Please resume the task: the table gets room for it when it starts.");
  }
  std::string text = fmt::format(
      R"(INSERT INTO {}
		(id, cp_schema, cp_table, binlog_name, binlog_pos, binlog_gtid, exit_safe_binlog_name, exit_safe_binlog_pos, exit_safe_binlog_gtid, table_info, is_global) VALUES
		({}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {})
		ON DUPLICATE KEY UPDATE)",
      table_, id_, Literal(schema), Literal(table), Literal(location.position.file),
      Shortened(location.position.offset), Literal(gtid), Literal(exit.name),
      Shortened(exit.offset), Literal(exit.text), Literal(table_info), is_global ? 1 : 0);
  const char* separator = "\n";
  auto set = [&](const char* column) {
    text += fmt::format("{}\t\t\t{} = VALUES({})", separator, column, column);
    separator = ",\n";
  };
  if (update == Update::kAll || update == Update::kLocation) {
    set("binlog_name");
    set("binlog_pos");
    set("binlog_gtid");
  }
  if (update != Update::kDefinition) {
    set("exit_safe_binlog_name");
    set("exit_safe_binlog_pos");
    set("exit_safe_binlog_gtid");
  }
  if (update == Update::kAll || update == Update::kDefinition) set("table_info");
  set("is_global");
  return text;
}

std::string SyncCheckpointTable::GlobalStatement(const GlobalPoint& point) const {
  ExitColumns exit;
  if (point.exit_point) {
    exit = {point.exit_point->position.file, point.exit_point->position.offset,
            point.exit_point->GtidText()};
  }
  return Upsert("", "", point.location, exit, "null", true, Update::kAll);
}

SyncCheckpointTable::ExitColumns SyncCheckpointTable::ExitColumnsOf(const TablePoint& point) {
  ExitColumns columns;
  std::string more;
  auto add = [&](std::string_view key, uint64_t number) {
    more += fmt::format("{}{}={}", kSeparator, key, number);
  };
  if (point.location.position.offset > mysql::LargestShortOffset()) {
    add(kOffsetKey, point.location.position.offset);
  }
  if (point.piece) {
    columns.name = point.piece->position.file;
    columns.offset = point.piece->position.offset;
    if (point.piece->event != 0) add(kEventKey, point.piece->event);
    if (columns.offset > mysql::LargestShortOffset()) add(kPieceKey, columns.offset);
  }
  if (!point.piece && point.server.empty() && more.empty()) return columns;
  columns.text = point.server + kSeparator + (point.piece ? point.piece->transaction : "") + more;
  return columns;
}

std::string SyncCheckpointTable::UpsertTable(const TablePoint& p, Update update) const {
  return Upsert(p.schema, p.table, p.location, ExitColumnsOf(p), p.table_info, false, update);
}

std::string SyncCheckpointTable::TableStatement(const TablePoint& p) const {
  return UpsertTable(p, Update::kAll);
}

std::string SyncCheckpointTable::DefinitionStatement(const TablePoint& p) const {
  return UpsertTable(p, Update::kDefinition);
}

std::string SyncCheckpointTable::LocationStatement(const TablePoint& p) const {
  return UpsertTable(p, Update::kLocation);
}

std::string SyncCheckpointTable::StateStatement(std::string_view name,
                                                std::string_view value) const {
  if (value.empty()) {
    return fmt::format("DELETE FROM {} WHERE id = {} AND name = '{}'", state_, id_, name);
  }
  return fmt::format("REPLACE INTO {} (id, name, value) VALUES ({}, '{}', {})", state_, id_, name,
                     Literal(value));
}

std::string SyncCheckpointTable::DumpExitStatement(const std::optional<Location>& dump_exit) const {
  std::string text;
  if (dump_exit) {
    text = fmt::format("{}{}{}{}{}", dump_exit->position.offset, kSeparator, dump_exit->GtidText(),
                       kSeparator, dump_exit->position.file);
  }
  return StateStatement(kDumpExitName, text);
}

std::string SyncCheckpointTable::PreparedStatement(const PreparedBranches& prepared) const {
  return StateStatement(kPreparedName, WritePreparedBranches(prepared));
}

std::string SyncCheckpointTable::UpstreamStatement(const UpstreamLog& upstream) const {
  std::string text;
  if (!upstream.server.empty()) {
    text = fmt::format("{}{}{}{}{}", upstream.created, kSeparator, upstream.file, kSeparator,
                       upstream.server);
  }
  return StateStatement(kUpstreamName, text);
}

std::string SyncCheckpointTable::AllKnownStatement(std::string_view rules) const {
  return StateStatement(kAllKnownName, rules);
}

std::string SyncCheckpointTable::EachOnceStatement(bool each_once) const {
  return StateStatement(kEachOnceName, each_once ? "1" : "");
}

std::string SyncCheckpointTable::WholeSetStatement(bool whole) const {
  return StateStatement(kWholeSetName, whole ? "1" : "");
}

std::string SyncCheckpointTable::DatabaseCollationsStatement(
    const DatabaseCollations& collations) const {
  if (collations.empty()) return StateStatement(kDatabaseCollationsName, "");
  // A name that is no UTF-8 must not stop the task: its database is asked for again.
  const auto replace = nlohmann::json::error_handler_t::replace;
  return StateStatement(kDatabaseCollationsName,
                        nlohmann::json(collations).dump(-1, ' ', false, replace));
}

std::string SyncCheckpointTable::DeleteTableStatement(std::string_view schema,
                                                      std::string_view table) const {
  return fmt::format("DELETE FROM {} WHERE id = {} AND cp_schema = {} AND cp_table = {}", table_,
                     id_, Literal(schema), Literal(table));
}

std::string SyncCheckpointTable::DeleteSchemaStatement(std::string_view schema) const {
  return fmt::format("DELETE FROM {} WHERE id = {} AND cp_schema = {}", table_, id_,
                     Literal(schema));
}

std::string SyncCheckpointTable::DeleteTablesStatement() const {
  return fmt::format("DELETE FROM {} WHERE id = {} AND is_global = 0", table_, id_);
}

void ExecuteInTransaction(mysql::Connection& connection, const std::string& first,
                          const std::vector<std::string>& statements, const StopToken& stop) {
  if (statements.empty()) return;
  // Whole statements up to this size share a packet; definitions of wide tables are large.
  const size_t packet = std::max<uint64_t>(connection.server().max_allowed_packet / 2, 1 << 16);
  auto run = [&](auto& self, std::span<const std::string> part) -> void {
    std::string text;
    size_t count = 0;
    const auto send = [&] {
      if (count > 0) connection.ExecuteMulti(text, std::exchange(count, 0), stop);
      text.clear();
    };
    const auto add = [&](std::string_view statement) {
      if (count++ > 0) text += ";";
      text += statement;
    };
    add("START TRANSACTION");
    if (!first.empty()) add(first);
    try {
      for (const std::string& statement : part) {
        if (text.size() + statement.size() > packet) send();
        add(statement);
      }
      if (DM_FAILPOINT_SET("meta/before-commit")) {
        send();
        // Crash point: all statements of a checkpoint's (or operation's, or definition's)
        // transaction are executed. Left: its COMMIT.
        DM_FAILPOINT("meta/before-commit");
      }
      add("COMMIT");
      send();
    } catch (const Error& e) {
      if (!mysql::IsConnectionLost(e)) connection.Rollback(stop);
      if (!mysql::IsTransactionTooLarge(e) || part.size() < 2) throw;
      Log().Warn("transaction is too large, splitting it",
                 {F("statements", part.size()), F("error", e)});
      self(self, part.first(part.size() / 2));
      self(self, part.subspan(part.size() / 2));
    }
  };
  run(run, statements);
}

}  // namespace dm::migration
