#include "migration/rules/system_schema.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string>

namespace dm::migration {

namespace {

std::string Lower(std::string_view name) {
  std::string lower(name);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower;
}

}  // namespace

bool IsServerSchema(std::string_view name) {
  const std::string lower = Lower(name);
  return lower == "mysql" || lower == "information_schema" || lower == "performance_schema";
}

bool IsSystemSchema(std::string_view name) {
  static constexpr std::array<std::string_view, 4> kMore = {"sys", "metrics_schema",
                                                            "inspection_schema", "dm_heartbeat"};
  return IsServerSchema(name) || std::find(kMore.begin(), kMore.end(), Lower(name)) != kMore.end();
}

}  // namespace dm::migration
