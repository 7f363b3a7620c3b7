#include "mysql/binlog/framing.h"

#include <fmt/format.h>
#include <libdeflate.h>

#include "base/error/error.h"

namespace dm::mysql {
namespace {

// CRC-32 of an event without its last four bytes. The description of the file that a server has
// open carries IN_USE on disk, but its checksum was computed without that flag.
uint32_t Checksum(std::span<const uint8_t> bytes) {
  constexpr size_t kFlagsOffset = 17;
  const size_t size = bytes.size() - kChecksumSize;
  const bool in_use = static_cast<EventType>(bytes[4]) == EventType::kFormatDescription &&
                      (bytes[kFlagsOffset] & kFlagInUse) != 0;
  if (!in_use) return libdeflate_crc32(0, bytes.data(), size);
  const uint8_t cleared = bytes[kFlagsOffset] & static_cast<uint8_t>(~kFlagInUse);
  uint32_t crc = libdeflate_crc32(0, bytes.data(), kFlagsOffset);
  crc = libdeflate_crc32(crc, &cleared, 1);
  return libdeflate_crc32(crc, bytes.data() + kFlagsOffset + 1, size - kFlagsOffset - 1);
}

void Verify(std::span<const uint8_t> bytes, const EventHeader& header) {
  const uint8_t* const p = bytes.data() + bytes.size() - kChecksumSize;
  const uint32_t stored = p[0] | p[1] << 8 | p[2] << 16 | static_cast<uint32_t>(p[3]) << 24;
  const uint32_t computed = Checksum(bytes);
  if (stored == computed) return;
  throw Error(
      ErrorCode::kBinlogEventDecode,
      fmt::format("binlog checksum mismatch, data may be corrupted: event {} that ends at {} "
                  "has {:08x}, its bytes give {:08x}",
                  ToString(header.type), header.log_pos, stored, computed));
}

}  // namespace

RawEvent EventFramer::Frame(std::shared_ptr<const void> buffer, std::span<const uint8_t> bytes) {
  const EventHeader header = EventHeader::Parse(bytes);
  const bool description = header.type == EventType::kFormatDescription;
  const size_t checksum_size =
      description ? FormatDescription::OwnChecksumSize(bytes) : (checksum_ ? kChecksumSize : 0);
  RawEvent event(std::move(buffer), bytes, checksum_size, header);
  if (description) {
    format_ = FormatDescription::Parse(event);
    checksum_ = format_.has_checksum;
  }
  // A description without checksums ends in four unused bytes.
  if (verify_ && checksum_size != 0 && checksum_) Verify(bytes, header);
  return event;
}

}  // namespace dm::mysql
