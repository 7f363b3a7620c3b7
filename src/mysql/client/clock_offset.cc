#include "mysql/client/clock_offset.h"

#include <cmath>
#include <string>

namespace dm::mysql {

namespace {

int64_t Now() {
  return std::chrono::duration_cast<Milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace

Milliseconds ReadClockOffset(Connection& connection, const StopToken& stop) {
  const int64_t before = Now();
  const std::string theirs =
      connection.QueryValue("SELECT UNIX_TIMESTAMP(NOW(3))", stop).value_or("0");
  const int64_t after = Now();
  const auto milliseconds = static_cast<int64_t>(std::llround(std::stod(theirs) * 1000));
  return Milliseconds((before + after) / 2 - milliseconds);
}

}  // namespace dm::mysql
