// Makes implicit collations of a definition explicit, for downstreams with other defaults.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/log/log.h"
#include "base/thread/stop.h"
#include "mysql/client/connection.h"

namespace dm::migration {

// Knows the upstream's default collation of every character set. Immutable after Read.
class CollationCompleter {
 public:
  // `defaults`: lower-case character set -> collation.
  CollationCompleter(std::map<std::string, std::string> defaults, std::string sql_mode,
                     bool mariadb)
      : defaults_(std::move(defaults)), sql_mode_(std::move(sql_mode)), mariadb_(mariadb) {}
  static CollationCompleter Read(mysql::Connection& db, std::string sql_mode,
                                 const StopToken& stop);

  // `statement` (CREATE DATABASE or CREATE TABLE) with COLLATE wherever a level names a character
  // set alone. A text that cannot be parsed comes back as it is, with a warning.
  std::string Complete(const std::string& statement, const Logger& log) const;

 private:
  std::map<std::string, std::string> defaults_;
  std::string sql_mode_;
  bool mariadb_;
};

}  // namespace dm::migration
