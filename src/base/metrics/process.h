// Values every process exports about itself. Private to the room.
#pragma once

#include <string_view>
#include <vector>

namespace dm::metrics_internal {

struct ProcessValue {
  std::string_view name;
  std::string_view help;
  double value = 0;
  bool counter = false;
};

// Read from /proc/self now; what cannot be read is left out.
std::vector<ProcessValue> ProcessValues();

}  // namespace dm::metrics_internal
