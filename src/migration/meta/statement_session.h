// What of the upstream session in which a DDL ran decides what it makes of columns and rows.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace dm::migration {

struct StatementSession {
  std::string time_zone;  // a name or an offset, never SYSTEM; empty: not known
  // Numbers that an AUTO_INCREMENT column gives to rows that are there.
  uint16_t auto_increment_increment = 1;
  uint16_t auto_increment_offset = 1;
  // sql_mode NO_AUTO_VALUE_ON_ZERO: zeros are not numbered.
  bool keeps_zeros = false;
  // Nullopt: not known.
  std::optional<bool> explicit_defaults_for_timestamp;
  // foreign_key_checks; counts where the task's sessions check foreign keys.
  bool foreign_key_checks = true;
  bool operator==(const StatementSession&) const = default;
};

}  // namespace dm::migration
