// Scalar forms shared by all configuration formats: durations, sizes, time zones, moments.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dm::migration {

using Duration = std::chrono::nanoseconds;

// "1h30m", "-1.5s", "100ms", "0". nullopt if the text is not a duration or out of range.
std::optional<Duration> ParseDuration(std::string_view text);
// Largest unit first, zero minutes and seconds kept: "5m0s", "1h0m0s", "1.5s", "100ms", "0s".
std::string FormatDuration(Duration duration);

// A size text: a number with optional fraction and optional unit b, k, m, g, t, p (also kb, kib),
// any letter case, powers of 1024: "64MB", "0.5g", "500". nullopt if it is not one.
std::optional<uint64_t> ParseSize(std::string_view text);
// A `chunk-filesize`: a bare unsigned number means MiB, anything else is a size text.
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
// "2024-05-01 10:00:00" or with T, optionally followed by Z, +hh:mm or +hhmm. Throws Error kNotSet
// (plain text) with "error while parse start-time".
StartTime ParseStartTime(std::string_view text);

}  // namespace dm::migration
