#include "mysql/value/time_zone.h"

#include <absl/time/civil_time.h>
#include <absl/time/time.h>
#include <fmt/format.h>

#include <atomic>

namespace dm::mysql {

struct TimeZone::Impl {
  std::string name;
  uint64_t id = NextId();  // tells zones apart in caches that outlive them
  bool fixed = true;
  int64_t offset = 0;  // if fixed
  absl::TimeZone zone;

  static uint64_t NextId() {
    static std::atomic<uint64_t> next{1};
    return next.fetch_add(1, std::memory_order_relaxed);
  }
};

namespace {

// "+8:00", "-03:30": from -12:59 to +14:00, in seconds.
std::optional<int> ParseOffset(std::string_view text) {
  if (text.size() < 5 || text.size() > 6 || (text[0] != '+' && text[0] != '-')) {
    return std::nullopt;
  }
  const size_t colon = text.size() - 3;
  if (text[colon] != ':') return std::nullopt;
  for (size_t i = 1; i < text.size(); ++i) {
    if (i != colon && (text[i] < '0' || text[i] > '9')) return std::nullopt;
  }
  int hours = text[1] - '0';
  if (colon == 3) hours = hours * 10 + (text[2] - '0');
  const int minutes = (text[colon + 1] - '0') * 10 + (text[colon + 2] - '0');
  if (minutes > 59) return std::nullopt;
  const int total = (hours * 60 + minutes) * (text[0] == '-' ? -1 : 1);
  if (total < -(12 * 60 + 59) || total > 14 * 60) return std::nullopt;
  return total * 60;
}

// Zones change their offset at quarters of an hour: what was looked up holds for the rest of one.
constexpr int64_t kCacheSpan = 900;
struct OffsetCache {
  uint64_t zone = 0;
  int64_t slot = 0;
  int64_t offset = 0;
};

int64_t Lookup(const absl::TimeZone& zone, int64_t unix_seconds) {
  return zone.At(absl::FromUnixSeconds(unix_seconds)).offset;
}

}  // namespace

TimeZone::TimeZone() {
  static const auto utc = [] {
    auto impl = std::make_shared<Impl>();
    impl->name = "UTC";
    return std::shared_ptr<const Impl>(std::move(impl));
  }();
  impl_ = utc;
}

TimeZone::TimeZone(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}

std::optional<TimeZone> TimeZone::Parse(std::string_view text) {
  if (text.empty() || text == "SYSTEM" || text == "Local") return std::nullopt;
  auto impl = std::make_shared<Impl>();
  impl->name = text;
  if (text[0] == '+' || text[0] == '-') {
    const auto offset = ParseOffset(text);
    if (!offset) return std::nullopt;
    impl->offset = *offset;
    impl->zone = absl::FixedTimeZone(*offset);
    return TimeZone(std::move(impl));
  }
  // absl would take its own kinds of names, too.
  if (text[0] == '/' || text[0] == ':' || text.find("..") != std::string_view::npos ||
      text == "localtime" || text.starts_with("Fixed/") || text.starts_with("libc:")) {
    return std::nullopt;
  }
  if (text == "UTC") return TimeZone();
  if (!absl::LoadTimeZone(std::string(text), &impl->zone)) return std::nullopt;
  impl->fixed = false;
  return TimeZone(std::move(impl));
}

const std::string& TimeZone::name() const { return impl_->name; }

int64_t TimeZone::OffsetAt(int64_t unix_seconds) const {
  const Impl& impl = *impl_;
  if (impl.fixed) return impl.offset;
  thread_local OffsetCache cache;
  const int64_t slot = unix_seconds / kCacheSpan;
  if (cache.zone == impl.id && cache.slot == slot) return cache.offset;
  const int64_t offset = Lookup(impl.zone, unix_seconds);
  const int64_t begin = slot * kCacheSpan;
  if (Lookup(impl.zone, begin) == offset && Lookup(impl.zone, begin + kCacheSpan - 1) == offset) {
    cache = {impl.id, slot, offset};
  }
  return offset;
}

int64_t TimeZone::ToUnix(int year, int month, int day, int hour, int minute, int second) const {
  const absl::CivilSecond civil(year, month, day, hour, minute, second);
  const absl::TimeZone zone =
      impl_->fixed ? absl::FixedTimeZone(static_cast<int>(impl_->offset)) : impl_->zone;
  return absl::ToUnixSeconds(zone.At(civil).pre);
}

}  // namespace dm::mysql
