#include "migration/dumpfile/session_time_zone.h"

namespace dm::migration {

std::string FormatTimeZoneOffset(const std::string& difference) {
  std::string text = difference;
  char sign = '+';
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
    sign = text[0];
    text.erase(0, 1);
  }
  const size_t first = text.find(':');
  if (first == std::string::npos) return difference;
  std::string hours = text.substr(0, first);
  if (hours.size() < 2) hours.insert(0, 2 - hours.size(), '0');
  return sign + hours + ":" + text.substr(first + 1, 2);
}

std::string DownstreamTimeZone(mysql::Connection& downstream, const StopToken& stop) {
  return FormatTimeZoneOffset(
      downstream.QueryValue("SELECT cast(TIMEDIFF(NOW(6), UTC_TIMESTAMP(6)) as time)", stop)
          .value_or("00:00:00"));
}

}  // namespace dm::migration
