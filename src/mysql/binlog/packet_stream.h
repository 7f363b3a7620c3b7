// Packets of a binlog stream, left where they came, for the .cc files of this room only.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "base/thread/stop.h"
#include "mysql/binlog/arena.h"

namespace dm::mysql {

// Cuts what a server sends into packets (protocol: 3 bytes of size, one of sequence number, the
// content; content of 16 MiB - 1 goes on in the next one). It is read in pieces as large as they
// come, and a packet stays in the memory it was read into. One owner thread; packets may be
// released by any.
class PacketStream {
 public:
  // Reads what has come, at least a byte, not more than the span holds. Throws.
  using ReadSome = std::function<size_t(std::span<uint8_t>, const StopToken&)>;
  struct Packet {
    std::shared_ptr<const void> owner;  // of the memory that `bytes` lie in
    std::span<const uint8_t> bytes;
  };

  // The next packet has this sequence number.
  PacketStream(ReadSome read, uint8_t number) : read_(std::move(read)), number_(number) {}

  // Throws as `read` does, Cancelled, Error 10003 if what comes is no row of packets, 11054 on an
  // event of more than 1 GiB. After any of these not to be called again.
  Packet Next(const StopToken& stop);

 private:
  // Until there are so many bytes from begin_ on.
  void Fill(size_t size, const StopToken& stop);
  // Of the head at begin_. Throws Error 10003 on another number than is expected.
  size_t TakeHead(const StopToken& stop);
  Packet Joined(size_t size, const StopToken& stop);

  const ReadSome read_;
  uint8_t number_;
  ChunkPool pool_;
  std::shared_ptr<uint8_t[]> chunk_;
  // In chunk_: what was read and belongs to no packet yet, and where it ends.
  uint8_t* begin_ = nullptr;
  uint8_t* end_ = nullptr;
  uint8_t* limit_ = nullptr;
};

}  // namespace dm::mysql
