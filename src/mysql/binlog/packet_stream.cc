#include "mysql/binlog/packet_stream.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/error/error.h"
#include "base/log/log.h"

namespace dm::mysql {
namespace {

constexpr size_t kHead = 4;
// Content of so many bytes goes on in the next packet.
constexpr size_t kFragment = 0xFFFFFF;
// The largest event that is read.
constexpr size_t kLargestPacket = size_t{1} << 30;
// Larger packets have memory of their own: it is not kept for as long as others use a part of it.
constexpr size_t kOwnMemory = ChunkPool::kChunkSize / 4;
// With less room it is not worth to read.
constexpr size_t kLittleRoom = ChunkPool::kChunkSize / 16;

Error NoSuchPackets(const std::string& why) {
  Log().Warn("what the upstream sends is no row of packets", {F("reason", why)});
  return Error(ErrorCode::kDBInvalidConn, "database driver error")
      .SetRawCause("invalid connection")
      .SetScope(ErrorScope::kUpstream);
}

}  // namespace

void PacketStream::Fill(size_t size, const StopToken& stop) {
  while (static_cast<size_t>(end_ - begin_) < size) {
    const auto have = static_cast<size_t>(end_ - begin_);
    const auto room = static_cast<size_t>(limit_ - begin_);
    const bool own = size > kOwnMemory;
    if (room < size || (have == 0 && room < kLittleRoom)) {
      std::shared_ptr<uint8_t[]> next =
          own ? std::make_shared_for_overwrite<uint8_t[]>(size) : pool_.Take();
      if (have != 0) std::memcpy(next.get(), begin_, have);
      chunk_ = std::move(next);
      begin_ = chunk_.get();
      end_ = begin_ + have;
      limit_ = begin_ + (own ? size : ChunkPool::kChunkSize);
    }
    end_ += read_({end_, static_cast<size_t>(limit_ - end_)}, stop);
  }
}

size_t PacketStream::TakeHead(const StopToken& stop) {
  Fill(kHead, stop);
  const size_t size = begin_[0] | begin_[1] << 8 | static_cast<size_t>(begin_[2]) << 16;
  if (begin_[3] != number_) {
    throw NoSuchPackets(
        fmt::format("the packet has sequence number {} instead of {}", begin_[3], number_));
  }
  ++number_;
  return size;
}

PacketStream::Packet PacketStream::Next(const StopToken& stop) {
  ThrowIfStopped(stop);
  const size_t size = TakeHead(stop);
  if (size == kFragment) return Joined(size, stop);
  Fill(kHead + size, stop);
  Packet packet{chunk_, {begin_ + kHead, size}};
  begin_ += kHead + size;
  return packet;
}

PacketStream::Packet PacketStream::Joined(size_t size, const StopToken& stop) {
  auto content = std::make_shared<std::vector<uint8_t>>();
  for (;;) {
    if (content->size() + size > kLargestPacket) {
      throw Error(ErrorCode::kBinlogEventDecode,
                  fmt::format("an event is larger than {} bytes", kLargestPacket))
          .SetScope(ErrorScope::kUpstream);
    }
    begin_ += kHead;
    // (Piece by piece: memory for what may never come is not taken.)
    for (size_t left = size; left > 0;) {
      Fill(1, stop);
      const size_t piece = std::min(left, static_cast<size_t>(end_ - begin_));
      content->insert(content->end(), begin_, begin_ + piece);
      begin_ += piece;
      left -= piece;
    }
    if (size != kFragment) break;
    size = TakeHead(stop);
  }
  content->shrink_to_fit();
  Packet packet;
  packet.bytes = *content;
  packet.owner = std::move(content);
  return packet;
}

}  // namespace dm::mysql
