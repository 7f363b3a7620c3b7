#include "mysql/position/location.h"

#include <fmt/format.h>

#include "base/log/log.h"

namespace dm::mysql {
namespace {

int CompareSuffixes(const Location& a, const Location& b) {
  return a.suffix < b.suffix ? -1 : (b.suffix < a.suffix ? 1 : 0);
}

}  // namespace

std::string Location::ToString() const {
  std::string out = fmt::format("position: {}, gtid-set: {}", position.ToString(), GtidText());
  if (suffix != 0) out += fmt::format(", suffix: {}", suffix);
  return out;
}

std::string Location::GtidText() const { return gtid_set ? gtid_set->ToString() : ""; }

int CompareLocations(const Location& a, const Location& b, bool gtid_mode) {
  if (gtid_mode) {
    const bool a_empty = !a.gtid_set || a.gtid_set->empty();
    const bool b_empty = !b.gtid_set || b.gtid_set->empty();
    if (a_empty && b_empty) return CompareSuffixes(a, b);
    if (a_empty || b_empty) return a_empty ? -1 : 1;
    const bool contains_b = a.gtid_set->Contains(*b.gtid_set);
    const bool contained_in_b = b.gtid_set->Contains(*a.gtid_set);
    if (contains_b && contained_in_b) return CompareSuffixes(a, b);
    if (contains_b) return 1;
    if (contained_in_b) return -1;
    Log().Warn("GTID sets of two locations do not contain one another, comparing positions",
               {F("location1", a.ToString()), F("location2", b.ToString())});
  }
  if (const int c = ComparePositions(a.position, b.position); c != 0) return c;
  return CompareSuffixes(a, b);
}

bool IsFreshLocation(const Location& location, bool gtid_mode) {
  if (gtid_mode && location.gtid_set && !location.gtid_set->empty()) return false;
  const Location zero;
  return CompareLocations(location, zero, /*gtid_mode=*/false) <= 0;
}

}  // namespace dm::mysql
