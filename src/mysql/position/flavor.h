// The two families of upstream servers, which differ in GTIDs, events and status statements.
#pragma once

#include <optional>
#include <string_view>

namespace dm::mysql {

enum class Flavor { kMySql, kMariaDb };

// "mysql" or "mariadb", as written in source configurations.
std::string_view ToString(Flavor flavor);
// nullopt for any other text.
std::optional<Flavor> ParseFlavor(std::string_view text);

}  // namespace dm::mysql
