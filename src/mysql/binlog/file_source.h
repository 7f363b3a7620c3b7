// Binlog events from files on disk.
#pragma once

#include <memory>
#include <string>

#include "mysql/binlog/event_source.h"

namespace dm::mysql {

// Reads one file from an offset to its present end. Next() throws EndOfLog there (the file may
// grow: calling Next() again goes on). Begins with the file's FORMAT_DESCRIPTION whatever the
// offset.
class FileEventSource : public EventSource {
 public:
  // Throws Error if the file cannot be read or is no binlog.
  FileEventSource(const std::string& path, uint64_t offset, bool verify_checksum = true);
  ~FileEventSource() override;

  RawEvent Next(const StopToken& stop) override;
  const FormatDescription& format() const override;
  // Offset of the next event.
  uint64_t offset() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace dm::mysql
