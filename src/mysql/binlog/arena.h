// Memory for events, for the .cc files of this room only.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace dm::mysql {

// Chunks of one size that are used again when nobody has them any more: a few are kept. One owner
// thread; chunks may be released by any.
class ChunkPool {
 public:
  static constexpr size_t kChunkSize = 64 << 10;

  std::shared_ptr<uint8_t[]> Take() {
    std::unique_ptr<uint8_t[]> chunk = kept_->Take();
    return std::shared_ptr<uint8_t[]>(chunk.release(), [kept = kept_](uint8_t* released) {
      kept->Give(std::unique_ptr<uint8_t[]>(released));
    });
  }

 private:
  static constexpr size_t kKeptChunks = 32;

  // Thread-safe.
  class Kept {
   public:
    std::unique_ptr<uint8_t[]> Take() {
      {
        std::lock_guard lock(mutex_);
        if (!chunks_.empty()) {
          std::unique_ptr<uint8_t[]> chunk = std::move(chunks_.back());
          chunks_.pop_back();
          return chunk;
        }
      }
      return std::make_unique_for_overwrite<uint8_t[]>(kChunkSize);
    }
    void Give(std::unique_ptr<uint8_t[]> chunk) {
      std::lock_guard lock(mutex_);
      if (chunks_.size() < kKeptChunks) chunks_.push_back(std::move(chunk));
    }

   private:
    std::mutex mutex_;
    std::vector<std::unique_ptr<uint8_t[]>> chunks_;
  };

  std::shared_ptr<Kept> kept_ = std::make_shared<Kept>();
};

// Hands out pieces of shared chunks: many small events cost one allocation. A chunk lives as long
// as one of its events. One owner thread; pieces may be released by any.
class EventArena {
 public:
  struct Piece {
    std::shared_ptr<const void> owner;
    uint8_t* data;
  };

  Piece Allocate(size_t size) {
    if (size > ChunkPool::kChunkSize / 4) {
      auto own = std::make_shared_for_overwrite<uint8_t[]>(size);
      uint8_t* const data = own.get();
      return {std::move(own), data};
    }
    if (size > left_) {
      chunk_ = pool_.Take();
      next_ = chunk_.get();
      left_ = ChunkPool::kChunkSize;
    }
    const Piece piece{chunk_, next_};
    next_ += size;
    left_ -= size;
    return piece;
  }

 private:
  ChunkPool pool_;
  std::shared_ptr<uint8_t[]> chunk_;
  uint8_t* next_ = nullptr;
  size_t left_ = 0;
};

}  // namespace dm::mysql
