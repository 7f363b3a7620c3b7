// Bounds-checked reading of an event's bytes, for the .cc files of this room only.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <span>
#include <string_view>

#include "base/error/error.h"
#include "mysql/binlog/raw_event.h"

namespace dm::mysql {

// Every read throws Error 11054 when it would pass the end; the error names the event's type, its
// end position and the offset within its body.
class Reader {
 public:
  explicit Reader(const RawEvent& event) : Reader(event.body(), event.header()) {}
  Reader(std::span<const uint8_t> bytes, const EventHeader& header)
      : begin_(bytes.data()),
        p_(bytes.data()),
        end_(bytes.data() + bytes.size()),
        header_(header) {}

  size_t left() const { return static_cast<size_t>(end_ - p_); }
  bool at_end() const { return p_ == end_; }
  const uint8_t* position() const { return p_; }
  const uint8_t* end() const { return end_; }

  std::span<const uint8_t> Take(uint64_t size) {
    if (size > left()) Fail("is cut off");
    const std::span<const uint8_t> taken(p_, size);
    p_ += size;
    return taken;
  }
  std::span<const uint8_t> Rest() { return Take(left()); }
  void Skip(uint64_t size) { Take(size); }
  std::string_view Text(uint64_t size) {
    const auto bytes = Take(size);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  std::string_view RestText() { return Text(left()); }

  // Unsigned little-endian integer of `width` bytes.
  uint64_t Unsigned(size_t width) {
    const auto bytes = Take(width);
    uint64_t value = 0;
    for (size_t i = width; i-- > 0;) value = value << 8 | bytes[i];
    return value;
  }
  uint8_t U8() { return static_cast<uint8_t>(Unsigned(1)); }
  uint16_t U16() { return static_cast<uint16_t>(Unsigned(2)); }
  uint32_t U32() { return static_cast<uint32_t>(Unsigned(4)); }
  uint64_t U64() { return Unsigned(8); }

  // Length-encoded integer of the protocol.
  uint64_t Packed() {
    const uint8_t first = U8();
    switch (first) {
      case 0xfb:
        Fail("has a NULL length");
      case 0xfc:
        return Unsigned(2);
      case 0xfd:
        return Unsigned(3);
      case 0xfe:
        return Unsigned(8);
      case 0xff:
        Fail("has an invalid length");
      default:
        return first;
    }
  }

  // Integers of the serialization format of tagged GTID events: the number of trailing one bits of
  // the first byte tells how many bytes follow.
  uint64_t VarUnsigned() {
    const uint8_t first = U8();
    int ones = 0;
    while (ones < 8 && (first >> ones & 1) != 0) ++ones;
    if (ones == 8) return U64();
    return (Unsigned(static_cast<size_t>(ones)) << 8 | first) >> (ones + 1);
  }
  int64_t VarSigned() {
    const uint64_t value = VarUnsigned();
    const auto magnitude = static_cast<int64_t>(value >> 1);
    return (value & 1) != 0 ? -magnitude - 1 : magnitude;
  }

  [[noreturn]] void Fail(std::string_view why) const {
    throw Error(ErrorCode::kBinlogEventDecode,
                fmt::format("binlog event {} (type {}) that ends at {} {}: offset {} of its body",
                            ToString(header_.type), static_cast<int>(header_.type), header_.log_pos,
                            why, p_ - begin_));
  }

 private:
  const uint8_t* begin_;
  const uint8_t* p_;
  const uint8_t* end_;
  EventHeader header_;
};

// Inflates "0x80 | algorithm << 4 | n, big-endian length of n bytes, zlib stream" (MariaDB's
// compressed events). Throws Error 11054.
std::string InflateMariaDb(std::span<const uint8_t> bytes, const EventHeader& header);
// The same of MariaDB's compressed columns: a raw deflate stream, or 0 and plain content.
std::string InflateMariaDbColumn(std::span<const uint8_t> bytes);

}  // namespace dm::mysql
