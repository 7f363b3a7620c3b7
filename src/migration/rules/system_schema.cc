#include "migration/rules/system_schema.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string>

namespace dm::migration {

bool IsSystemSchema(std::string_view name) {
  static constexpr std::array<std::string_view, 7> kSchemas = {"mysql",
                                                               "sys",
                                                               "information_schema",
                                                               "performance_schema",
                                                               "metrics_schema",
                                                               "inspection_schema",
                                                               "dm_heartbeat"};
  std::string lower(name);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return std::find(kSchemas.begin(), kSchemas.end(), lower) != kSchemas.end();
}

}  // namespace dm::migration
