// Memory for events, for the .cc files of this room only.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

namespace dm::mysql {

// Hands out pieces of shared chunks: many small events cost one allocation. A chunk lives as long
// as one of its events. One owner thread.
class EventArena {
 public:
  struct Piece {
    std::shared_ptr<const void> owner;
    uint8_t* data;
  };

  Piece Allocate(size_t size) {
    if (size > kChunkSize / 4) {
      auto own = std::make_shared_for_overwrite<uint8_t[]>(size);
      uint8_t* const data = own.get();
      return {std::move(own), data};
    }
    if (size > left_) {
      chunk_ = std::make_shared_for_overwrite<uint8_t[]>(kChunkSize);
      next_ = chunk_.get();
      left_ = kChunkSize;
    }
    const Piece piece{chunk_, next_};
    next_ += size;
    left_ -= size;
    return piece;
  }

 private:
  static constexpr size_t kChunkSize = 64 << 10;

  std::shared_ptr<uint8_t[]> chunk_;
  uint8_t* next_ = nullptr;
  size_t left_ = 0;
};

}  // namespace dm::mysql
