#include "migration/meta/online_ddl.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>

#include "base/error/error.h"
#include "base/log/log.h"
#include "migration/meta/names.h"
#include "mysql/value/quote.h"

namespace dm::migration {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kStateName = "online_ddl";
constexpr size_t kTextLimit = 65535;

std::string JsonOf(const OnlineDdlRecord& record) {
  Json json;
  json["schema"] = record.schema;
  json["table"] = record.table;
  json["ddls"] = record.ddls;
  // Text that is not UTF-8 comes from a broken event; it must not end the process.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json JsonOf(const StatementSession& session) {
  Json json = Json::object();
  if (!session.time_zone.empty()) json["time_zone"] = session.time_zone;
  if (session.auto_increment_increment != 1 || session.auto_increment_offset != 1) {
    json["auto_increment"] = {session.auto_increment_increment, session.auto_increment_offset};
  }
  if (session.keeps_zeros) json["keeps_zeros"] = true;
  if (!session.foreign_key_checks) json["foreign_key_checks"] = false;
  if (session.explicit_defaults_for_timestamp) {
    json["explicit_defaults_for_timestamp"] = *session.explicit_defaults_for_timestamp;
  }
  return json;
}

StatementSession SessionOf(const Json& json) {
  StatementSession session;
  session.time_zone = json.value("time_zone", "");
  if (const auto pair = json.find("auto_increment"); pair != json.end()) {
    session.auto_increment_increment = pair->at(0).get<uint16_t>();
    session.auto_increment_offset = pair->at(1).get<uint16_t>();
  }
  session.keeps_zeros = json.value("keeps_zeros", false);
  session.foreign_key_checks = json.value("foreign_key_checks", true);
  if (const auto set = json.find("explicit_defaults_for_timestamp"); set != json.end()) {
    session.explicit_defaults_for_timestamp = set->get<bool>();
  }
  return session;
}

bool IsPlain(const StatementSession& session) { return session == StatementSession(); }

// A list each, as another version runs them.
std::vector<size_t> Singly(size_t count) { return std::vector<size_t>(count, 1); }

}  // namespace

OnlineDdlTable::OnlineDdlTable(std::string_view meta_schema, std::string_view task,
                               std::string_view source_id, bool no_backslash_escapes)
    : meta_schema_(meta_schema),
      task_(task),
      table_(MetaTable(meta_schema, task, kOnlineDdlSuffix)),
      state_(MetaTable(meta_schema, task, kSyncerStateSuffix)),
      id_(mysql::QuoteString(source_id, no_backslash_escapes)),
      no_backslash_escapes_(no_backslash_escapes) {}

std::string OnlineDdlTable::Literal(std::string_view text) const {
  return mysql::QuoteString(text, no_backslash_escapes_);
}

void OnlineDdlTable::Create(mysql::Connection& connection, const StopToken& stop) const {
  connection.Execute(fmt::format(R"(CREATE TABLE IF NOT EXISTS {} (
			id VARCHAR(32) NOT NULL,
			ghost_schema VARCHAR(128) NOT NULL,
			ghost_table VARCHAR(128) NOT NULL,
			ddls text,
			update_time timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
			UNIQUE KEY uk_id_schema_table (id, ghost_schema, ghost_table)
		) {}{})",
                                 table_, kExactNames, TransactionalOptions(connection.server())),
                     stop);
  CompareNamesExactly(connection, meta_schema_, task_, kOnlineDdlSuffix,
                      {{"id", 32}, {"ghost_schema", 128}, {"ghost_table", 128}}, stop);
  const std::optional<std::string> charset = connection.QueryValue(
      fmt::format("SELECT CHARACTER_SET_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = "
                  "{} AND TABLE_NAME = {} AND COLUMN_NAME = 'ddls'",
                  Literal(meta_schema_), Literal(task_ + std::string(kOnlineDdlSuffix))),
      stop);
  // Made by another version in a schema whose default cannot hold every comment of a column.
  if (charset.value_or("utf8mb4") != "utf8mb4") Widen(connection, stop);
}

void OnlineDdlTable::Widen(mysql::Connection& connection, const StopToken& stop) const {
  Log().Info("the table of online schema changes gets room for long statements",
             {F("table", table_)});
  connection.Execute(
      fmt::format("ALTER TABLE {} MODIFY ddls MEDIUMTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
                  table_),
      stop);
}

bool OnlineDdlTable::NeedsWidening(const OnlineDdlRecord& record) {
  return JsonOf(record).size() > kTextLimit;
}

OnlineDdlState OnlineDdlTable::Load(mysql::Connection& connection, const StopToken& stop) const {
  OnlineDdlState state;
  const mysql::ResultSet rows = connection.Query(
      fmt::format("SELECT ghost_schema, ghost_table, ddls FROM {} WHERE id = {}", table_, id_),
      stop);
  for (const auto& row : rows.rows) {
    OnlineDdlRecord record;
    record.ghost_schema = row.at(0).value_or("");
    record.ghost_table = row.at(1).value_or("");
    try {
      const Json json = Json::parse(row.at(2).value_or(""));
      record.schema = json.at("schema").get<std::string>();
      record.table = json.at("table").get<std::string>();
      if (!json.at("ddls").is_null()) {
        record.ddls = json.at("ddls").get<std::vector<std::string>>();
      }
    } catch (const Json::exception& e) {
      throw MakeError(ErrorCode::kSyncerUnitOnlineDDLInvalidMeta)
          .Annotate(fmt::format("shadow table {}",
                                mysql::QuoteTable(record.ghost_schema, record.ghost_table)))
          .SetRawCause(e.what())
          .SetWorkaround(fmt::format(
              "Please correct the row in {}: its `ddls` are a JSON object with `schema` and "
              "`table` of the real table and `ddls`, a list of statements on the shadow table; or "
              "delete it if that table is gone upstream.",
              table_));
    }
    record.lists = Singly(record.ddls.size());
    state.records.push_back(std::move(record));
  }
  const std::optional<std::string> text = connection.QueryValue(
      fmt::format("SELECT value FROM {} WHERE id = {} AND name = '{}'", state_, id_, kStateName),
      stop);
  if (!text) return state;
  try {
    const Json json = Json::parse(*text);
    for (const Json& item : json.at("lists")) {
      const auto lists = item.at("lists").get<std::vector<size_t>>();
      for (OnlineDdlRecord& record : state.records) {
        // (Another version may have changed the record meanwhile.)
        if (record.ghost_schema == item.at("schema").get<std::string>() &&
            record.ghost_table == item.at("table").get<std::string>() &&
            std::accumulate(lists.begin(), lists.end(), size_t{0}) == record.ddls.size()) {
          record.lists = lists;
          record.sessions.clear();
          for (const Json& session : item.value("sessions", Json::array())) {
            record.sessions.push_back(SessionOf(session));
          }
        }
      }
    }
    for (const Json& item : json.at("aside")) {
      AsideTable table;
      table.schema = item.at("schema").get<std::string>();
      table.table = item.at("table").get<std::string>();
      table.dropped = item.at("dropped").get<bool>();
      if (const auto trash = item.find("trash"); trash != item.end()) {
        table.trash_schema = trash->at("schema").get<std::string>();
        table.trash_table = trash->at("table").get<std::string>();
      }
      state.aside.push_back(std::move(table));
    }
  } catch (const Json::exception& e) {
    throw MakeError(ErrorCode::kSyncerUnitOnlineDDLInvalidMeta)
        .Annotate(fmt::format("row `{}` of {}", kStateName, state_))
        .SetRawCause(e.what());
  }
  return state;
}

std::string OnlineDdlTable::PutStatement(const OnlineDdlRecord& record) const {
  return fmt::format(
      "REPLACE INTO {}(`id`,`ghost_schema`, `ghost_table`, `ddls`) VALUES ({}, {}, {}, {})", table_,
      id_, Literal(record.ghost_schema), Literal(record.ghost_table), Literal(JsonOf(record)));
}

std::string OnlineDdlTable::DeleteStatement(std::string_view ghost_schema,
                                            std::string_view ghost_table) const {
  return fmt::format(
      "DELETE FROM {} WHERE `id` = {} and `ghost_schema` = {} and `ghost_table` = {}", table_, id_,
      Literal(ghost_schema), Literal(ghost_table));
}

std::vector<std::string> OnlineDdlTable::DeleteAllStatements() const {
  return {fmt::format("DELETE FROM {} WHERE `id` = {}", table_, id_), StateStatement({})};
}

std::string OnlineDdlTable::StateStatement(const OnlineDdlState& state) const {
  Json lists = Json::array();
  for (const OnlineDdlRecord& record : state.records) {
    const bool plain = std::all_of(record.sessions.begin(), record.sessions.end(), IsPlain);
    if (plain && record.lists == Singly(record.ddls.size())) continue;
    Json item;
    item["schema"] = record.ghost_schema;
    item["table"] = record.ghost_table;
    item["lists"] = record.lists;
    if (!plain) {
      item["sessions"] = Json::array();
      for (const StatementSession& session : record.sessions) {
        item["sessions"].push_back(JsonOf(session));
      }
    }
    lists.push_back(std::move(item));
  }
  Json aside = Json::array();
  for (const AsideTable& table : state.aside) {
    Json item;
    item["schema"] = table.schema;
    item["table"] = table.table;
    item["dropped"] = table.dropped;
    if (!table.trash_table.empty()) {
      item["trash"] = {{"schema", table.trash_schema}, {"table", table.trash_table}};
    }
    aside.push_back(std::move(item));
  }
  if (lists.empty() && aside.empty()) {
    return fmt::format("DELETE FROM {} WHERE id = {} AND name = '{}'", state_, id_, kStateName);
  }
  Json json;
  json["lists"] = std::move(lists);
  json["aside"] = std::move(aside);
  return fmt::format("REPLACE INTO {} (id, name, value) VALUES ({}, '{}', {})", state_, id_,
                     kStateName,
                     Literal(json.dump(-1, ' ', false, Json::error_handler_t::replace)));
}

}  // namespace dm::migration
