// Scalar forms of configuration files beyond those of base/io/text.h: chunk sizes, time zones,
// moments.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/io/text.h"

namespace dm::migration {

using Duration = Nanoseconds;

// A `chunk-filesize` in bytes: a bare unsigned number means MiB, anything else is a size text.
// nullopt if it is neither.
std::optional<uint64_t> ParseChunkSize(std::string_view text);

// A fixed offset "+hh:mm" / "-hh:mm" within -12:59 ... +14:00, in minutes; nullopt otherwise.
std::optional<std::chrono::minutes> ParseZoneOffset(std::string_view text);
// Throws Error kConfigInvalidTimezone unless `text` is such an offset or an IANA name known here.
// SYSTEM and Local are refused. The empty text passes: it means "the target's offset".
void CheckTimezone(const std::string& text);

// The argument of `--start-time`.
struct StartTime {
  // Seconds since 1970-01-01 00:00:00 of the time as written, without regard to its zone.
  std::chrono::seconds local;
  // Offset from UTC if the text named one; without: the upstream's time zone decides.
  std::optional<std::chrono::minutes> offset;
};
// "2024-05-01 10:00:00" or with T, optionally followed by Z, +hh:mm or +hhmm. Throws
// std::invalid_argument (a plain error for users) with "error while parse start-time".
StartTime ParseStartTime(std::string_view text);

// Arguments of a task that are durations. Throw std::invalid_argument with "error while parse
// safe-mode-duration" and "error while parse stop_wait_timeout_duration".
Duration ParseSafeModeDuration(std::string_view text);
Duration ParseStopWaitDuration(std::string_view text);

}  // namespace dm::migration
