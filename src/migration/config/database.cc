#include "migration/config/database.h"

#include "base/io/text.h"

namespace dm::migration {

bool SecurityConfig::empty() const { return *this == SecurityConfig(); }

std::optional<std::string> SessionVariable(const DbConfig& db, std::string_view name) {
  for (const auto& [key, value] : db.session) {
    if (EqualsIgnoreCase(Trim(key), name)) return value;
  }
  return std::nullopt;
}

bool ForeignKeyChecksOn(const DbConfig& db) {
  std::optional<std::string> value = SessionVariable(db, "foreign_key_checks");
  if (!value) return false;
  std::string_view text = Trim(*value);
  if (text.size() >= 2 && text.front() == text.back() &&
      (text.front() == '\'' || text.front() == '"')) {
    text = Trim(text.substr(1, text.size() - 2));
  }
  return text == "1" || EqualsIgnoreCase(text, "on");
}

}  // namespace dm::migration
