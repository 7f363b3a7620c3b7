// Where in an upstream's history something is: position, executed set, and the index among injected
// statements.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "mysql/position/gtid_set.h"
#include "mysql/position/position.h"

namespace dm::mysql {

struct Location {
  BinlogPosition position;
  std::optional<GtidSet> gtid_set;  // absent and empty mean the same when comparing
  uint32_t suffix = 0;              // among statements injected at this place; 0: none

  // Same position, set and suffix.
  bool operator==(const Location&) const = default;
  // "position: (mysql-bin.000005, 1546), gtid-set: 4d2c7a1e-...:1-14", with ", suffix: 2" if not 0.
  std::string ToString() const;
  // Text of the set; "" if there is none.
  std::string GtidText() const;
};

// Order of two locations: <0, 0, >0. In GTID mode sets decide, then suffixes; sets that do not
// contain one another fall back to positions with a warning. Otherwise positions, then suffixes.
int CompareLocations(const Location& a, const Location& b, bool gtid_mode);

// Has nothing been done yet at `location`? In GTID mode the position decides while the set is
// empty.
bool IsFreshLocation(const Location& location, bool gtid_mode);

}  // namespace dm::mysql
