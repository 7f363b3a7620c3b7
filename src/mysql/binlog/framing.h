// Turns the bytes of a stream of events into checked RawEvents, for the .cc files of this room
// only.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "mysql/binlog/events.h"
#include "mysql/binlog/raw_event.h"

namespace dm::mysql {

// Follows the checksum algorithm of a stream: before its first FORMAT_DESCRIPTION the one that was
// negotiated, from each description on the one it names. One owner thread.
class EventFramer {
 public:
  EventFramer(bool verify, bool negotiated_checksum)
      : verify_(verify), checksum_(negotiated_checksum), format_(FormatDescription::Default()) {}

  // `bytes` are one event within `buffer`. Throws Error 11054 on a wrong size or checksum.
  RawEvent Frame(std::shared_ptr<const void> buffer, std::span<const uint8_t> bytes);
  const FormatDescription& format() const { return format_; }

 private:
  bool verify_;
  bool checksum_;
  FormatDescription format_;
};

}  // namespace dm::mysql
