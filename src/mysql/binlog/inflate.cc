#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <memory>

#include "mysql/binlog/events.h"
#include "mysql/binlog/reader.h"

namespace dm::mysql {
namespace {

// The largest event of any server.
constexpr uint64_t kLargestContent = uint64_t{1} << 30;

// Inflates exactly `size` bytes; empty result and false on malformed input. Grows as the input
// yields, so that a lying length reserves no memory.
bool Inflate(std::span<const uint8_t> bytes, uint64_t size, int window_bits, std::string* out) {
  z_stream stream{};
  if (inflateInit2(&stream, window_bits) != Z_OK) return false;
  const std::unique_ptr<z_stream, void (*)(z_stream*)> guard(&stream,
                                                             [](z_stream* s) { inflateEnd(s); });
  stream.next_in = const_cast<Bytef*>(bytes.data());
  stream.avail_in = static_cast<uInt>(bytes.size());
  out->clear();
  int result = Z_OK;
  while (result == Z_OK) {
    const size_t have = out->size();
    const size_t grow = std::min<uint64_t>(size + 1 - have, std::max<size_t>(have, 64 << 10));
    if (grow == 0) return false;
    out->resize(have + grow);
    stream.next_out = reinterpret_cast<Bytef*>(out->data() + have);
    stream.avail_out = static_cast<uInt>(grow);
    result = inflate(&stream, Z_NO_FLUSH);
    out->resize(have + grow - stream.avail_out);
    if (result == Z_BUF_ERROR || (result == Z_OK && stream.avail_out == grow)) return false;
  }
  return result == Z_STREAM_END && out->size() == size;
}

uint64_t LoadBig(std::span<const uint8_t> bytes) {
  uint64_t value = 0;
  for (const uint8_t byte : bytes) value = value << 8 | byte;
  return value;
}

}  // namespace

std::string InflateMariaDb(std::span<const uint8_t> bytes, const EventHeader& header) {
  Reader in(bytes, header);
  const uint8_t head = in.U8();
  if ((head & 0x80) == 0 || (head >> 4 & 7) != 0) in.Fail("is compressed in an unknown way");
  const size_t width = head & 7;
  if (width < 1 || width > 4) in.Fail("has an invalid compressed length");
  const uint64_t size = LoadBig(in.Take(width));
  if (size > kLargestContent) in.Fail("is too large when inflated");
  std::string out;
  if (!Inflate(in.Rest(), size, 15, &out)) in.Fail("cannot be inflated");
  return out;
}

std::string InflateMariaDbColumn(std::span<const uint8_t> bytes) {
  const auto fail = [](const char* why) -> Error {
    return Error(ErrorCode::kBinlogEventDecode, fmt::format("compressed column value {}", why));
  };
  if (bytes.empty()) return {};
  const uint8_t head = bytes[0];
  bytes = bytes.subspan(1);
  if (head == 0) return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  if (head >> 4 != 8) throw fail("is compressed in an unknown way");
  const size_t width = head & 7;
  if (width < 1 || width > 4 || width > bytes.size()) throw fail("has an invalid length");
  const uint64_t size = LoadBig(bytes.first(width));
  if (size > kLargestContent) throw fail("is too large");
  std::string out;
  const int window_bits = (head & 8) != 0 ? -15 : 15;
  if (!Inflate(bytes.subspan(width), size, window_bits, &out)) throw fail("cannot be inflated");
  return out;
}

struct TransactionPayload::Inflater {
  const std::unique_ptr<ZSTD_DCtx, size_t (*)(ZSTD_DCtx*)> context{ZSTD_createDCtx(),
                                                                   ZSTD_freeDCtx};
  size_t wanted = 0;  // what the last call hinted: 0 at the end of a frame
};

TransactionPayload::TransactionPayload(const RawEvent& event, size_t largest_event)
    : event_(event), largest_event_(largest_event) {
  Reader in(event_);
  uint64_t payload_size = in.left(), compression = 255;
  for (;;) {
    const uint64_t type = in.Packed();
    if (type == 0) break;
    Reader field(in.Take(in.Packed()), event_.header());
    if (type == 1) payload_size = field.Packed();
    if (type == 2) compression = field.Packed();
    if (type == 3) size_ = field.Packed();
  }
  rest_ = in.Take(payload_size);
  if (compression == 0) {
    inflater_ = std::make_unique<Inflater>();
  } else if (compression == 255) {
    size_ = payload_size;
  } else {
    in.Fail("is compressed in an unknown way");
  }
}

TransactionPayload::~TransactionPayload() = default;

void TransactionPayload::Fail(std::string_view why) const { Reader(event_).Fail(why); }

size_t TransactionPayload::Read(uint8_t* to, size_t size) {
  if (inflater_ == nullptr) {
    size = std::min(size, rest_.size());
    std::copy_n(rest_.data(), size, to);
    rest_ = rest_.subspan(size);
    return size;
  }
  ZSTD_outBuffer output{to, size, 0};
  while (output.pos < size) {
    ZSTD_inBuffer input{rest_.data(), rest_.size(), 0};
    const size_t before = output.pos;
    const size_t result = ZSTD_decompressStream(inflater_->context.get(), &output, &input);
    if (ZSTD_isError(result)) Fail("cannot be inflated");
    const bool moved = input.pos > 0 || output.pos > before;
    if (moved) inflater_->wanted = result;
    rest_ = rest_.subspan(input.pos);
    if (!moved) {
      if (inflater_->wanted != 0) Fail("is cut off");
      break;
    }
  }
  return output.pos;
}

std::optional<RawEvent> TransactionPayload::Next() {
  uint8_t head[kEventHeaderSize];
  const size_t have = Read(head, sizeof(head));
  if (have == 0) {
    if (read_ != size_) Fail("inflates to a wrong size");
    return std::nullopt;
  }
  if (have < sizeof(head)) Fail("contains an event that is cut off");
  const size_t size = EventHeader::Parse(head).event_size;
  if (size < sizeof(head) || size > size_ - read_) Fail("contains an event that is cut off");
  if (size > largest_event_) Fail("contains an event that is too large");
  // Not written ahead of the content, so that a lying size takes no memory.
  const std::shared_ptr<uint8_t[]> bytes = std::make_shared_for_overwrite<uint8_t[]>(size);
  std::copy_n(head, sizeof(head), bytes.get());
  if (Read(bytes.get() + sizeof(head), size - sizeof(head)) != size - sizeof(head)) {
    Fail("contains an event that is cut off");
  }
  read_ += size;
  return RawEvent(bytes, {bytes.get(), size}, 0);
}

}  // namespace dm::mysql
