// The time zone in which one task dumps and loads.
#pragma once

#include <string>

#include "base/thread/stop.h"
#include "mysql/client/connection.h"

namespace dm::migration {

// The downstream's offset from UTC as a session value: "+08:00".
std::string DownstreamTimeZone(mysql::Connection& downstream, const StopToken& stop);

// "-05:30" from the server's "-05:30:00" (seconds and fractions are dropped); hours without a
// leading zero get one. Text of another form comes back as it is.
std::string FormatTimeZoneOffset(const std::string& difference);

}  // namespace dm::migration
