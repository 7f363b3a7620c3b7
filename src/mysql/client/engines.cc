#include "mysql/client/engines.h"

#include <algorithm>
#include <cctype>
#include <string>
#include <utility>

namespace dm::mysql {

bool HasTransactionalEngine(Connection& connection, std::string_view engine,
                            const StopToken& stop) {
  const auto upper = [](std::string_view text) {
    std::string word(text);
    std::transform(word.begin(), word.end(), word.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    return word;
  };
  // Words of statements that SHOW ENGINES has under another name.
  constexpr std::pair<std::string_view, std::string_view> kOtherNames[] = {
      {"HEAP", "MEMORY"},    {"MERGE", "MRG_MYISAM"}, {"INNOBASE", "INNODB"},
      {"NDB", "NDBCLUSTER"}, {"MARIA", "ARIA"},
  };
  std::string name = upper(engine);
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
    return upper(row[*shown].value_or("")) == name && (can == "YES" || can == "DEFAULT") &&
           (!transactions || row[*transactions].value_or("") == "YES");
  });
}

}  // namespace dm::mysql
