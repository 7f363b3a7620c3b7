#include <zlib.h>
#include <zstd.h>

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

std::vector<RawEvent> ParseTransactionPayload(const RawEvent& event, size_t limit) {
  Reader in(event);
  uint64_t payload_size = in.left(), compression = 255, inflated_size = 0;
  for (;;) {
    const uint64_t type = in.Packed();
    if (type == 0) break;
    Reader field(in.Take(in.Packed()), event.header());
    if (type == 1) payload_size = field.Packed();
    if (type == 2) compression = field.Packed();
    if (type == 3) inflated_size = field.Packed();
  }
  const auto payload = in.Take(payload_size);
  auto content = std::make_shared<std::string>();
  if (compression == 0) {
    const std::unique_ptr<ZSTD_DCtx, size_t (*)(ZSTD_DCtx*)> context(ZSTD_createDCtx(),
                                                                     ZSTD_freeDCtx);
    if (inflated_size > limit) in.Fail("is larger than the limit when inflated");
    ZSTD_inBuffer input{payload.data(), payload.size(), 0};
    while (input.pos < input.size) {
      const size_t have = content->size();
      const size_t grow = std::max<size_t>(have / 2, 64 << 10);
      content->resize(have + grow);
      ZSTD_outBuffer output{content->data() + have, grow, 0};
      const size_t result = ZSTD_decompressStream(context.get(), &output, &input);
      content->resize(have + output.pos);
      if (ZSTD_isError(result)) in.Fail("cannot be inflated");
      if (content->size() > limit) in.Fail("is larger than the limit when inflated");
      if (output.pos == 0 && input.pos == input.size && result != 0) in.Fail("is cut off");
    }
    // What is left in the decompressor after its last input.
    for (;;) {
      const size_t have = content->size();
      content->resize(have + (64 << 10));
      ZSTD_outBuffer output{content->data() + have, 64 << 10, 0};
      const size_t result = ZSTD_decompressStream(context.get(), &output, &input);
      content->resize(have + output.pos);
      if (ZSTD_isError(result)) in.Fail("cannot be inflated");
      if (output.pos == 0) break;
      if (content->size() > limit) in.Fail("is larger than the limit when inflated");
    }
  } else if (compression == 255) {
    content->assign(reinterpret_cast<const char*>(payload.data()), payload.size());
  } else {
    in.Fail("is compressed in an unknown way");
  }
  if (compression == 0 && content->size() != inflated_size) in.Fail("inflates to a wrong size");
  std::vector<RawEvent> events;
  std::span<const uint8_t> rest(reinterpret_cast<const uint8_t*>(content->data()), content->size());
  while (!rest.empty()) {
    const EventHeader header = EventHeader::Parse(rest);
    if (header.event_size < kEventHeaderSize || header.event_size > rest.size()) {
      in.Fail("contains an event that is cut off");
    }
    events.emplace_back(content, rest.first(header.event_size), 0);
    rest = rest.subspan(header.event_size);
  }
  return events;
}

}  // namespace dm::mysql
