#include "mysql/position/flavor.h"

namespace dm::mysql {

std::string_view ToString(Flavor flavor) { return flavor == Flavor::kMySql ? "mysql" : "mariadb"; }

std::optional<Flavor> ParseFlavor(std::string_view text) {
  if (text == "mysql") return Flavor::kMySql;
  if (text == "mariadb") return Flavor::kMariaDb;
  return std::nullopt;
}

}  // namespace dm::mysql
