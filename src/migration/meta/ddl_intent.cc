#include "migration/meta/ddl_intent.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "migration/meta/names.h"
#include "mysql/value/quote.h"

namespace dm::migration {

namespace {

constexpr int kDuplicateColumn = 1060;

constexpr const char* kFound = "found";
constexpr const char* kLeftOut = "left_out";

std::string NamesText(const DdlIntent& intent) {
  nlohmann::json json;
  if (intent.names) json[kFound] = *intent.names;
  if (!intent.left_names.empty()) json[kLeftOut] = intent.left_names;
  return json.dump();
}

void ReadNames(const std::string& text, DdlIntent* intent) {
  const nlohmann::json json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  const auto names = [&](const char* key) {
    std::vector<std::string> all;
    for (const nlohmann::json& name : json[key]) {
      if (name.is_string()) all.push_back(name.get<std::string>());
    }
    return all;
  };
  if (!json.is_object()) return;
  if (json.contains(kFound)) intent->names = names(kFound);
  if (json.contains(kLeftOut)) intent->left_names = names(kLeftOut);
}

}  // namespace

DdlIntentTable::DdlIntentTable(std::string_view meta_schema, std::string_view task,
                               std::string_view source_id, bool no_backslash_escapes)
    : schema_(mysql::QuoteName(meta_schema)),
      table_(MetaTable(meta_schema, task, kSyncerDdlSuffix)),
      id_(mysql::QuoteString(source_id, no_backslash_escapes)),
      no_backslash_escapes_(no_backslash_escapes) {}

void DdlIntentTable::Create(mysql::Connection& connection, const StopToken& stop) const {
  CreateMetaSchema(connection, schema_, stop);
  connection.Execute(fmt::format(R"(CREATE TABLE IF NOT EXISTS {} (
			id VARCHAR(32) NOT NULL,
			event VARCHAR(512) NOT NULL,
			statements LONGTEXT NOT NULL,
			next INT UNSIGNED NOT NULL,
			state INT UNSIGNED NOT NULL,
			before_it LONGTEXT NOT NULL,
			connection_id BIGINT UNSIGNED NOT NULL,
			names LONGTEXT,
			PRIMARY KEY (id)
		) {}{})",
                                 table_, kExactNames, TransactionalOptions(connection.server())),
                     stop);
  MakeTransactional(connection, table_, stop);
  const auto column =
      connection.Query(fmt::format("SHOW COLUMNS FROM {} LIKE 'names'", table_), stop);
  if (!column.rows.empty()) return;
  try {
    connection.Execute(fmt::format("ALTER TABLE {} ADD COLUMN names LONGTEXT", table_), stop);
  } catch (const Error& e) {
    // Another source of the task was quicker.
    if (e.server_errno() != kDuplicateColumn) throw;
  }
}

std::optional<DdlIntent> DdlIntentTable::Load(mysql::Connection& connection,
                                              const StopToken& stop) const {
  const mysql::ResultSet result = connection.Query(
      fmt::format("SELECT event, statements, next, state, before_it, connection_id, names FROM {} "
                  "WHERE id = {}",
                  table_, id_),
      stop);
  if (result.rows.empty()) return std::nullopt;
  const auto& row = result.rows.front();
  DdlIntent intent;
  intent.event = row.at(0).value_or("");
  intent.statements = row.at(1).value_or("");
  intent.next = static_cast<uint32_t>(std::stoul(row.at(2).value_or("0")));
  intent.state = static_cast<DdlIntent::State>(std::stoul(row.at(3).value_or("0")));
  intent.before = row.at(4).value_or("");
  intent.connection_id = std::stoull(row.at(5).value_or("0"));
  if (row.at(6)) ReadNames(*row[6], &intent);
  return intent;
}

bool DdlIntentTable::HasOthers(mysql::Connection& connection, const StopToken& stop) const {
  return connection
      .QueryValue(fmt::format("SELECT 1 FROM {} WHERE id <> {} LIMIT 1", table_, id_), stop)
      .has_value();
}

std::string DdlIntentTable::PutStatement(const DdlIntent& intent) const {
  const auto text = [this](std::string_view value) {
    return mysql::QuoteString(value, no_backslash_escapes_);
  };
  return fmt::format(
      "REPLACE INTO {} (id, event, statements, next, state, before_it, connection_id, names) "
      "VALUES ({}, {}, {}, {}, {}, {}, {}, {})",
      table_, id_, text(intent.event), text(intent.statements), intent.next,
      static_cast<int>(intent.state), text(intent.before), intent.connection_id,
      text(NamesText(intent)));
}

}  // namespace dm::migration
