// Collations of statements that go from one kind of server to another (docs/compatibility.md).
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/log/log.h"
#include "mysql/client/connection.h"
#include "mysql/sql/rewrite.h"
#include "mysql/value/collation_map.h"

namespace dm::migration {

// What the mapping takes the server for; nullopt for servers whose names are left alone (MySQL
// before 8.0, MariaDB before 10.2).
std::optional<mysql::CollationFamily> CollationFamilyOf(const mysql::ServerInfo& server);

// Goes a statement from MySQL to MariaDB or the other way? Not if the target is TiDB: there only
// names that it lacks are replaced, and what is left open has TiDB's own default.
bool CrossesKinds(bool from_mariadb, const mysql::ServerInfo& target);

// Warns once of each collation that becomes another. Thread-safe.
class CollationRenamer {
 public:
  explicit CollationRenamer(Logger log) : log_(std::move(log)) {}

  // Empty for servers whose names are left alone. Valid as long as this lives.
  mysql::CollationNames For(const mysql::ServerInfo& target);

 private:
  std::string Rename(std::string_view name, mysql::CollationFamily family);

  Logger log_;
  std::mutex mutex_;
  std::set<std::string, std::less<>> warned_;
};

// What stands for a collation that an upstream statement does not name. Names are the upstream's.
struct ImplicitCollations {
  // By lower-case character set; one that is not here has its compiled-in default.
  std::map<std::string, std::string> by_charset;
  std::string database;  // of a CREATE DATABASE that names nothing; may be empty
  std::string table;     // of a CREATE TABLE that names nothing; may be empty
};

// `collation_compatible: strict`: names in `statement` every collation that it leaves to a default,
// for any target. `warn` gets one line for each that is not known.
void NameCollationsStrictly(mysql::Statement* statement, const ImplicitCollations& implicit,
                            const std::function<void(std::string)>& warn);

// Names in `statement` what it leaves implicit and `target` may understand differently.
void MakeCollationsExplicit(mysql::Statement* statement, const ImplicitCollations& implicit,
                            const mysql::ServerInfo& target);

}  // namespace dm::migration
