#include "mysql/client/engines.h"

#include <algorithm>
#include <cctype>
#include <string>
#include <utility>

namespace dm::mysql {
namespace {

std::string Upper(std::string_view text) {
  std::string word(text);
  std::transform(word.begin(), word.end(), word.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return word;
}

}  // namespace

bool HasTransactionalEngine(Connection& connection, std::string_view engine,
                            const StopToken& stop) {
  // Words of statements that SHOW ENGINES has under another name.
  constexpr std::pair<std::string_view, std::string_view> kOtherNames[] = {
      {"HEAP", "MEMORY"},    {"MERGE", "MRG_MYISAM"}, {"INNOBASE", "INNODB"},
      {"NDB", "NDBCLUSTER"}, {"MARIA", "ARIA"},
  };
  std::string name = Upper(engine);
  for (const auto& [word, shown] : kOtherNames) {
    if (name == word) name = shown;
  }
  if (name == "INNODB") return true;
  const ResultSet engines = connection.Query("SHOW ENGINES", stop);
  const auto shown = engines.ColumnIndex("Engine");
  const auto support = engines.ColumnIndex("Support");
  const auto transactions = engines.ColumnIndex("Transactions");
  if (!shown || !support) return true;
  return std::any_of(engines.rows.begin(), engines.rows.end(), [&](const auto& row) {
    const std::string can = row[*support].value_or("");
    return Upper(row[*shown].value_or("")) == name && (can == "YES" || can == "DEFAULT") &&
           (!transactions || row[*transactions].value_or("") == "YES");
  });
}

bool HasFullTextParser(Connection& connection, std::string_view parser, const StopToken& stop) {
  const ResultSet plugins = connection.Query("SHOW PLUGINS", stop);
  const auto name = plugins.ColumnIndex("Name");
  const auto type = plugins.ColumnIndex("Type");
  const auto status = plugins.ColumnIndex("Status");
  if (!name || !type || !status) return true;
  return std::any_of(plugins.rows.begin(), plugins.rows.end(), [&](const auto& row) {
    return row[*type].value_or("") == "FTPARSER" && row[*status].value_or("") == "ACTIVE" &&
           Upper(row[*name].value_or("")) == Upper(parser);
  });
}

bool MayLogCascades(const ServerInfo& server) {
  return !server.is_mariadb && !server.is_tidb && server.AtLeast(9, 6);
}

bool LogsCascades(Connection& connection, const StopToken& stop) {
  if (!MayLogCascades(connection.server())) return false;
  const ResultSet shown =
      connection.Query("SHOW GLOBAL VARIABLES LIKE 'innodb_native_foreign_keys'", stop);
  return shown.rows.empty() || shown.rows.front().at(1).value_or("") != "ON";
}

}  // namespace dm::mysql
