#include "migration/meta/sync_checkpoint.h"

#include <fmt/format.h>

#include <span>

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

// Between the server and the transaction in the piece's text column. In neither.
constexpr char kPieceSeparator = '|';

constexpr int kTransactionTooLarge = 8004;

}  // namespace

SyncCheckpointTable::SyncCheckpointTable(std::string_view meta_schema, std::string_view task,
                                         std::string_view source_id, mysql::Flavor flavor,
                                         bool gtid_mode, bool no_backslash_escapes)
    : schema_(mysql::QuoteName(meta_schema)),
      table_(MetaTable(meta_schema, task, kSyncerCheckpointSuffix)),
      id_(QuoteString(source_id, no_backslash_escapes)),
      flavor_(flavor),
      gtid_mode_(gtid_mode),
      no_backslash_escapes_(no_backslash_escapes) {}

std::string SyncCheckpointTable::Literal(std::string_view text) const {
  return QuoteString(text, no_backslash_escapes_);
}

void SyncCheckpointTable::Create(mysql::Connection& connection, const StopToken& stop) const {
  connection.Execute("CREATE SCHEMA IF NOT EXISTS " + schema_, stop);
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
		))",
                                 table_),
                     stop);
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
  return stored;
}

TablePoint SyncCheckpointTable::ReadTable(
    const std::vector<std::optional<std::string>>& row) const {
  TablePoint point;
  point.schema = row.at(0).value_or("");
  point.table = row.at(1).value_or("");
  point.location.position = {row.at(2).value_or(""), std::stoull(row.at(3).value_or("0"))};
  std::string gtid = row.at(4).value_or("");
  point.location.gtid_set = mysql::GtidSet::Parse(flavor_, gtid);
  point.table_info = row.at(8).value_or("null");
  std::string exit_name = row.at(5).value_or("");
  bool is_global = row.at(9).value_or("0") != "0";
  if (!is_global && !exit_name.empty()) {
    std::string text = row.at(7).value_or("");
    size_t split = text.find(kPieceSeparator);
    PiecePoint piece;
    piece.position = {exit_name, std::stoull(row.at(6).value_or("0"))};
    piece.server = text.substr(0, split);
    if (split != std::string::npos) piece.transaction = text.substr(split + 1);
    point.piece = std::move(piece);
  }
  return point;
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
                                        const Location& location, std::string_view exit_name,
                                        uint64_t exit_offset, std::string_view exit_gtid,
                                        std::string_view table_info, bool is_global,
                                        Update update) const {
  std::string text =
      fmt::format(R"(INSERT INTO {}
		(id, cp_schema, cp_table, binlog_name, binlog_pos, binlog_gtid, exit_safe_binlog_name, exit_safe_binlog_pos, exit_safe_binlog_gtid, table_info, is_global) VALUES
		({}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {})
		ON DUPLICATE KEY UPDATE)",
                  table_, id_, Literal(schema), Literal(table), Literal(location.position.file),
                  location.position.offset, Literal(location.GtidText()), Literal(exit_name),
                  exit_offset, Literal(exit_gtid), Literal(table_info), is_global ? 1 : 0);
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
  Location exit;
  exit.position.offset = 0;
  if (point.exit_point) exit = *point.exit_point;
  return Upsert("", "", point.location, exit.position.file, exit.position.offset, exit.GtidText(),
                "null", true, Update::kAll);
}

namespace {

std::string PieceText(const std::optional<PiecePoint>& piece) {
  return piece ? piece->server + kPieceSeparator + piece->transaction : "";
}

std::string_view PieceFile(const std::optional<PiecePoint>& piece) {
  return piece ? std::string_view(piece->position.file) : std::string_view();
}

uint64_t PieceOffset(const std::optional<PiecePoint>& piece) {
  return piece ? piece->position.offset : 0;
}

}  // namespace

std::string SyncCheckpointTable::TableStatement(const TablePoint& p) const {
  return Upsert(p.schema, p.table, p.location, PieceFile(p.piece), PieceOffset(p.piece),
                PieceText(p.piece), p.table_info, false, Update::kAll);
}

std::string SyncCheckpointTable::DefinitionStatement(const TablePoint& p) const {
  return Upsert(p.schema, p.table, p.location, "", 0, "", p.table_info, false, Update::kDefinition);
}

std::string SyncCheckpointTable::LocationStatement(const TablePoint& p) const {
  return Upsert(p.schema, p.table, p.location, PieceFile(p.piece), PieceOffset(p.piece),
                PieceText(p.piece), p.table_info, false, Update::kLocation);
}

std::string SyncCheckpointTable::PieceStatement(const TablePoint& p) const {
  return Upsert(p.schema, p.table, p.location, PieceFile(p.piece), PieceOffset(p.piece),
                PieceText(p.piece), p.table_info, false, Update::kPiece);
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

void CreateOnlineDdlTable(mysql::Connection& connection, std::string_view meta_schema,
                          std::string_view task, const StopToken& stop) {
  connection.Execute(fmt::format(R"(CREATE TABLE IF NOT EXISTS {} (
			id VARCHAR(32) NOT NULL,
			ghost_schema VARCHAR(128) NOT NULL,
			ghost_table VARCHAR(128) NOT NULL,
			ddls text,
			update_time timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
			UNIQUE KEY uk_id_schema_table (id, ghost_schema, ghost_table)
		))",
                                 MetaTable(meta_schema, task, kOnlineDdlSuffix)),
                     stop);
}

void ExecuteInTransaction(mysql::Connection& connection, const std::string& first,
                          const std::vector<std::string>& statements, const StopToken& stop) {
  if (statements.empty()) return;
  // Whole statements up to this size share a packet; definitions of wide tables are large.
  const size_t packet = std::max<uint64_t>(connection.server().max_allowed_packet / 2, 1 << 16);
  auto run = [&](auto& self, std::span<const std::string> part) -> void {
    std::string text = "START TRANSACTION";
    if (!first.empty()) text += ";" + first;
    try {
      for (const std::string& statement : part) {
        if (text.size() + statement.size() > packet && !text.empty()) {
          connection.ExecuteMulti(text, stop);
          text.clear();
        }
        if (!text.empty()) text += ";";
        text += statement;
      }
      text += text.empty() ? "COMMIT" : ";COMMIT";
      connection.ExecuteMulti(text, stop);
    } catch (const Error& e) {
      if (!mysql::IsConnectionLost(e)) connection.Rollback(stop);
      if (e.server_errno() != kTransactionTooLarge || part.size() < 2) throw;
      Log().Warn("transaction is too large, splitting it",
                 {F("statements", part.size()), F("error", e)});
      self(self, part.first(part.size() / 2));
      self(self, part.subspan(part.size() / 2));
    }
  };
  run(run, statements);
}

}  // namespace dm::migration
