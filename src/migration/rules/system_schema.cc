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
  static constexpr std::array<std::string_view, 6> kSchemas = {"mysql",
                                                               "sys",
                                                               "information_schema",
                                                               "performance_schema",
                                                               "metrics_schema",
                                                               "inspection_schema"};
  return std::find(kSchemas.begin(), kSchemas.end(), Lower(name)) != kSchemas.end();
}

bool IsSystemSchema(std::string_view name) {
  return IsServerSchema(name) || Lower(name) == "dm_heartbeat";
}

}  // namespace dm::migration
