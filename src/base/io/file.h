// Files and directories. Every function throws SystemError (base/error/system_error.h) on failure;
// its text names the operation and the path ("open x.yaml: no such file or directory").
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/io/file_descriptor.h"

namespace dm {

std::string ReadFile(const std::string& path);

// Creates or overwrites. Not durable, not atomic.
void WriteFile(const std::string& path, std::string_view data, unsigned mode = 0644);

// Replaces the file atomically and durably: writes "<path>.tmp" beside it, syncs, renames over
// `path`, syncs the directory. After a crash the file is the old or the new one, whole.
void WriteFileDurably(const std::string& path, std::string_view data, unsigned mode = 0644);

// Renames and makes the renaming durable.
void RenameDurably(const std::string& from, const std::string& to);

// fsync of a directory: makes creations, renamings and removals in it durable.
void SyncDirectory(const std::string& path);

// Names in the directory, sorted, without "." and "..".
std::vector<std::string> ListDirectory(const std::string& path);

bool FileExists(const std::string& path);  // of any kind; false also if it cannot be looked at
bool IsDirectory(const std::string& path);
uint64_t FileSize(const std::string& path);

// Creates the directory and its parents; fine if it exists.
void MakeDirectories(const std::string& path, unsigned mode = 0755);

// Fine if it does not exist.
void RemoveFile(const std::string& path);
// Removes a directory with all it holds; fine if it does not exist.
void RemoveTree(const std::string& path);

// "a/b", whatever slashes the parts have at the joint; an absolute `name` wins.
std::string JoinPath(std::string_view directory, std::string_view name);
std::string_view BaseName(std::string_view path);
std::string DirectoryName(std::string_view path);  // "." if there is no slash

// A directory of its own below $TMPDIR or /tmp, removed at the end. For tests and scratch data.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory();

  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// Exclusive lock on a file, held until the object's end or the process's death, whichever way it
// dies. The file holds the owner's process id and stays behind.
class LockFile {
 public:
  // Throws SystemError (number EWOULDBLOCK) if another process or object holds the lock.
  explicit LockFile(const std::string& path);

 private:
  FileDescriptor fd_;
};

}  // namespace dm
