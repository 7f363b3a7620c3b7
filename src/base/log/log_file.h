// The log file with its rotation. Private to the room.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>

namespace dm::log_internal {

// One owner at a time (the sink's mutex). Rotated files get a local-time stamp before the
// extension: dm-worker-2024-05-01T08-00-00.123.log.
class LogFile {
 public:
  // 0 for `max_days` and `max_backups`: rotated files are kept for ever. Throws SystemError.
  LogFile(std::string path, uint64_t max_bytes, size_t max_days, size_t max_backups);

  // Appends; rotates before if the file would grow beyond its limit. A line that cannot be written
  // to the file goes to standard error.
  void Write(std::string_view line);

 private:
  struct Closer {
    void operator()(std::FILE* f) const { std::fclose(f); }
  };

  void Open();
  void Rotate();
  void RemoveOldFiles() const;

  const std::string path_;
  const uint64_t max_bytes_;
  const size_t max_days_;
  const size_t max_backups_;
  std::unique_ptr<std::FILE, Closer> file_;
  uint64_t size_ = 0;
};

}  // namespace dm::log_internal
