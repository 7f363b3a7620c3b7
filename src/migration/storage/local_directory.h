// A directory of dump files on this machine.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/io/file_descriptor.h"
#include "base/thread/stop.h"

namespace dm::migration {

// A regular file below a directory: path relative to it with '/' between its parts.
struct StoredFile {
  std::string path;
  uint64_t size = 0;
  bool operator==(const StoredFile&) const = default;
};

// Writes one file from its start with a large buffer. One owner thread.
class FileWriter {
 public:
  FileWriter(FileWriter&&) noexcept;
  FileWriter& operator=(FileWriter&&) noexcept;
  ~FileWriter();  // closes without a report of errors; the file stays as far as it was written

  // Hands over everything in `buffer` and clears it (its memory is kept). Throws Error
  // kDumpUnitRuntime with the path and the system's reason.
  void Write(std::string& buffer);
  // Closes the file and asks the system to begin writing it to disk; does not wait. Throws as
  // Write.
  void Close();
  uint64_t size() const { return size_; }

 private:
  friend class LocalDirectory;
  FileWriter(std::string path, int fd);

  std::string path_;
  int fd_ = -1;
  uint64_t size_ = 0;
};

// Failures other than "not there" throw Error kDumpUnitRuntime (writing) or kLoadUnitReadSchemaFile
// (reading), both naming the path. Thread-safe: it has no state but its path.
class LocalDirectory {
 public:
  // A relative path is relative to the process's working directory.
  explicit LocalDirectory(std::string path) : path_(std::move(path)) {}
  const std::string& path() const { return path_; }
  std::string FullPath(std::string_view name) const;

  bool Exists() const;
  // Makes it and its parents.
  void Create() const;
  // Removes everything inside, then the directory itself. Not there: nothing to do.
  void RemoveAll() const;
  // Removes the files inside, and the directory itself if nothing else is in it. Directories inside
  // stay: they belong to tasks whose names go on after a '/'.
  void RemoveFiles() const;
  void Remove(std::string_view name) const;
  // All regular files, sorted by path. Empty if the directory does not exist.
  std::vector<StoredFile> List() const;
  // Those that are not in directories inside.
  std::vector<StoredFile> ListTop() const;
  // Whole content; nullopt if there is no such file.
  std::optional<std::string> Read(std::string_view name) const;
  FileWriter OpenForWrite(std::string_view name) const;
  // The file either has the whole content or does not exist, also after a crash of the machine.
  void WriteDurable(std::string_view name, std::string_view content) const;
  // Waits until the content and the names of all `files` are on disk. Throws Cancelled.
  void Sync(const std::vector<std::string>& files, const StopToken& stop = {}) const;
  // Bytes that may still be written to the file system of the directory.
  uint64_t FreeBytes() const;

 private:
  std::string path_;
};

// Bytes that may be written to the file system on which `path` is, or would be made. Throws Error
// kDumpUnitRuntime.
uint64_t FreeBytesFor(const std::string& path);

// The right to change a dump directory, held until the object's end or the process's death: two
// loads or dumps in one directory would take each other's files for their own.
class DirectoryLock {
 public:
  // Makes the directory if it is not there. Who has the lock is waited for, up to `patience`: a
  // killed process keeps it until its memory is gone. Then throws Error kDumpUnitRuntime naming the
  // process. On a file system that cannot lock a warning is logged.
  DirectoryLock(const LocalDirectory& directory, Milliseconds patience, const StopToken& stop);

 private:
  FileDescriptor fd_;
};

// Read-only view of a whole file (memory mapped). Throws Error kLoadUnitDispatchSQLFromFile with
// the path if it cannot be opened.
class MappedFile {
 public:
  explicit MappedFile(const std::string& path);
  MappedFile(MappedFile&&) noexcept;
  MappedFile& operator=(MappedFile&&) = delete;
  ~MappedFile();
  std::string_view content() const { return {data_, size_}; }
  // What lies before `end` need not take memory any more. Who looks at it again has it read again.
  void Leave(size_t end) const;

 private:
  const char* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace dm::migration
