// Time zones as MySQL writes them: "+08:00" or IANA names.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace dm::mysql {

// An immutable zone; cheap to copy; thread-safe.
class TimeZone {
 public:
  TimeZone();  // UTC
  // An offset from -12:59 to +14:00 or an IANA name. nullopt for anything else, "SYSTEM" and
  // "Local" included.
  static std::optional<TimeZone> Parse(std::string_view text);

  // The text it was made from: "+08:00", "Asia/Shanghai", "UTC".
  const std::string& name() const;
  // Seconds to add to UTC at this instant (seconds since 1970).
  int64_t OffsetAt(int64_t unix_seconds) const;
  // The instant of a local civil time (its first one where the clock was set back).
  int64_t ToUnix(int year, int month, int day, int hour, int minute, int second) const;

 private:
  struct Impl;
  explicit TimeZone(std::shared_ptr<const Impl> impl);
  std::shared_ptr<const Impl> impl_;
};

}  // namespace dm::mysql
