#include "base/metrics/process.h"

#include <sys/resource.h>
#include <unistd.h>

#include "base/error/system_error.h"
#include "base/io/file.h"
#include "base/io/text.h"

namespace dm::metrics_internal {
namespace {

// Fields of /proc/self/stat behind the command name, which may hold blanks; index 0 is field 3.
std::vector<std::string> StatFields() {
  std::string text = ReadFile("/proc/self/stat");
  size_t close = text.rfind(')');
  if (close == std::string::npos || close + 2 >= text.size()) return {};
  return Split(Trim(std::string_view(text).substr(close + 2)), ' ');
}

double SystemBootTime() {
  std::string text = ReadFile("/proc/stat");
  size_t at = text.find("\nbtime ");
  if (at == std::string::npos) return 0;
  std::string_view rest = std::string_view(text).substr(at + 7);
  return static_cast<double>(ParseUint(rest.substr(0, rest.find('\n'))).value_or(0));
}

}  // namespace

std::vector<ProcessValue> ProcessValues() {
  std::vector<ProcessValue> values;
  try {
    std::vector<std::string> fields = StatFields();
    auto number = [&](size_t field) {
      return field - 3 < fields.size()
                 ? static_cast<double>(ParseUint(fields[field - 3]).value_or(0))
                 : 0.0;
    };
    double ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
    values.push_back({"go_goroutines", "Number of threads of the process.", number(20), false});
    values.push_back({"process_cpu_seconds_total",
                      "Total user and system CPU time spent in seconds.",
                      (number(14) + number(15)) / ticks, true});
    values.push_back({"process_open_fds", "Number of open file descriptors.",
                      static_cast<double>(ListDirectory("/proc/self/fd").size()), false});
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
      values.push_back({"process_max_fds", "Maximum number of open file descriptors.",
                        static_cast<double>(limit.rlim_cur), false});
    }
    values.push_back({"process_resident_memory_bytes", "Resident memory size in bytes.",
                      number(24) * static_cast<double>(::sysconf(_SC_PAGESIZE)), false});
    values.push_back({"process_start_time_seconds",
                      "Start time of the process since unix epoch in seconds.",
                      SystemBootTime() + number(22) / ticks, false});
    values.push_back(
        {"process_virtual_memory_bytes", "Virtual memory size in bytes.", number(23), false});
  } catch (const SystemError&) {
    // Without /proc there is nothing to tell; the other metrics are shown all the same.
  }
  return values;
}

}  // namespace dm::metrics_internal
