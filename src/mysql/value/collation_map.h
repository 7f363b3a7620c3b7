// Names of collations for servers that lack the upstream's.
#pragma once

#include <string>
#include <string_view>

namespace dm::mysql {

// Which collations a server has, as far as the names differ between servers.
enum class CollationFamily {
  kMySql8,          // MySQL 8.0 and newer: 0900
  kMariaDbUca1400,  // MariaDB 10.10 and newer: uca1400, nopad
  kMariaDbNoPad,    // MariaDB 10.2 to 10.9: nopad
  kTiDb,            // TiDB 7.4 and newer: a handful, two of 0900 among them
  kTiDbOld,         // TiDB before 7.4: none of 0900
};

// The nearest collation `target` has: `name` itself (as written) if the target has it or nobody has
// it, else a lower-case name. The result tells apart all texts that `name` tells apart wherever the
// target has such a collation, so that unique keys stay unique; docs/compatibility.md says where it
// has none. `name` is compared without regard to case.
std::string MapCollation(std::string_view name, CollationFamily target);

}  // namespace dm::mysql
