// One binlog event as bytes with its header.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

namespace dm::mysql {

// MySQL internals, Log_event_type.
enum class EventType : uint8_t {
  kUnknown = 0,
  kStartV3 = 1,
  kQuery = 2,
  kStop = 3,
  kRotate = 4,
  kIntvar = 5,
  kLoad = 6,
  kSlave = 7,
  kCreateFile = 8,
  kAppendBlock = 9,
  kExecLoad = 10,
  kDeleteFile = 11,
  kNewLoad = 12,
  kRand = 13,
  kUserVar = 14,
  kFormatDescription = 15,
  kXid = 16,
  kBeginLoadQuery = 17,
  kExecuteLoadQuery = 18,
  kTableMap = 19,
  kWriteRowsV0 = 20,
  kUpdateRowsV0 = 21,
  kDeleteRowsV0 = 22,
  kWriteRowsV1 = 23,
  kUpdateRowsV1 = 24,
  kDeleteRowsV1 = 25,
  kIncident = 26,
  kHeartbeat = 27,
  kIgnorable = 28,
  kRowsQuery = 29,
  kWriteRowsV2 = 30,
  kUpdateRowsV2 = 31,
  kDeleteRowsV2 = 32,
  kGtid = 33,
  kAnonymousGtid = 34,
  kPreviousGtids = 35,
  kTransactionContext = 36,
  kViewChange = 37,
  kXaPrepare = 38,
  kPartialUpdateRows = 39,
  kTransactionPayload = 40,
  kHeartbeatV2 = 41,
  kGtidTagged = 42,
  kMariaDbAnnotateRows = 160,
  kMariaDbBinlogCheckpoint = 161,
  kMariaDbGtid = 162,
  kMariaDbGtidList = 163,
  kMariaDbStartEncryption = 164,
  kMariaDbQueryCompressed = 165,
  kMariaDbWriteRowsCompressed = 166,
  kMariaDbUpdateRowsCompressed = 167,
  kMariaDbDeleteRowsCompressed = 168,
  kMariaDbWriteRowsCompressedV2 = 169,
  kMariaDbUpdateRowsCompressedV2 = 170,
  kMariaDbDeleteRowsCompressedV2 = 171,
};

// "QUERY", "WRITE_ROWS_V2", ...; "UNKNOWN" for codes without a name.
std::string_view ToString(EventType type);
bool IsRowsEvent(EventType type);
bool IsWriteRows(EventType type);
bool IsUpdateRows(EventType type);
bool IsDeleteRows(EventType type);

inline constexpr size_t kEventHeaderSize = 19;
inline constexpr size_t kChecksumSize = 4;

// Header flags.
inline constexpr uint16_t kFlagInUse = 0x0001;
inline constexpr uint16_t kFlagThreadSpecific = 0x4;
inline constexpr uint16_t kFlagArtificial = 0x0020;
inline constexpr uint16_t kFlagIgnorable = 0x0080;

// timestamp u32 | type u8 | server_id u32 | event_size u32 | log_pos u32 | flags u16
struct EventHeader {
  uint32_t timestamp = 0;
  EventType type = EventType::kUnknown;
  uint32_t server_id = 0;
  uint32_t event_size = 0;
  uint32_t log_pos = 0;
  uint16_t flags = 0;

  bool artificial() const { return (flags & kFlagArtificial) != 0; }
  // Throws Error 11054 if there are fewer than 19 bytes.
  static EventHeader Parse(std::span<const uint8_t> bytes);
};

// An event and shared ownership of the buffer its bytes lie in. Cheap to copy; immutable.
class RawEvent {
 public:
  RawEvent() = default;
  // `bytes` lie in `buffer` and are one whole event; `checksum_size` is 4 if its last four bytes
  // are a checksum, else 0. Throws Error if the header's size differs from the number of bytes.
  RawEvent(std::shared_ptr<const void> buffer, std::span<const uint8_t> bytes, size_t checksum_size)
      : RawEvent(std::move(buffer), bytes, checksum_size, EventHeader::Parse(bytes)) {}
  // The same, with the header that Parse made of `bytes`.
  RawEvent(std::shared_ptr<const void> buffer, std::span<const uint8_t> bytes, size_t checksum_size,
           const EventHeader& header);

  const EventHeader& header() const { return header_; }
  EventType type() const { return header_.type; }
  // Header, body and checksum.
  std::span<const uint8_t> bytes() const { return bytes_; }
  // Without header and checksum.
  std::span<const uint8_t> body() const {
    return bytes_.subspan(kEventHeaderSize, bytes_.size() - kEventHeaderSize - checksum_size_);
  }
  size_t checksum_size() const { return checksum_size_; }
  const std::shared_ptr<const void>& buffer() const { return buffer_; }
  // A ROTATE made by the server on sending (timestamp and log_pos 0): names the file that follows.
  bool IsFakeRotate() const {
    return header_.type == EventType::kRotate && header_.timestamp == 0 && header_.log_pos == 0;
  }

 private:
  std::shared_ptr<const void> buffer_;
  std::span<const uint8_t> bytes_;
  EventHeader header_;
  size_t checksum_size_ = 0;
};

}  // namespace dm::mysql
