#include "target.h"

#include <fmt/format.h>

#include <cstdio>

namespace dm::fuzz {

std::vector<Target>& Targets() {
  static std::vector<Target> targets;
  return targets;
}

void Require(bool holds, std::string_view what) {
  if (holds) return;
  fmt::print(stderr, "does not hold: {}\n", what);
  throw Violation{what};
}

}  // namespace dm::fuzz
