#include "base/io/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <system_error>

#include "base/error/system_error.h"

namespace dm {
namespace {

void WriteAll(int fd, std::string_view data, const std::string& path) {
  while (!data.empty()) {
    ssize_t written = ::write(fd, data.data(), data.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      throw SystemError("write", path, errno);
    }
    data.remove_prefix(static_cast<size_t>(written));
  }
}

FileDescriptor Open(const std::string& path, int flags, unsigned mode = 0) {
  int fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
  if (fd < 0) throw SystemError("open", path, errno);
  return FileDescriptor(fd);
}

}  // namespace

void FileDescriptor::Close() noexcept {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

std::string ReadFile(const std::string& path) {
  FileDescriptor fd = Open(path, O_RDONLY);
  struct stat info {};
  std::string data;
  if (::fstat(fd.get(), &info) == 0 && info.st_size > 0) {
    data.reserve(static_cast<size_t>(info.st_size));
  }
  char buffer[64 * 1024];
  for (;;) {
    ssize_t got = ::read(fd.get(), buffer, sizeof buffer);
    if (got == 0) return data;
    if (got < 0) {
      if (errno == EINTR) continue;
      throw SystemError("read", path, errno);
    }
    data.append(buffer, static_cast<size_t>(got));
  }
}

void WriteFile(const std::string& path, std::string_view data, unsigned mode) {
  FileDescriptor fd = Open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);
  struct stat file;
  if (::fstat(fd.get(), &file) != 0) throw SystemError("stat", path, errno);
  // A file that was there keeps its mode, which may let others read it.
  if (S_ISREG(file.st_mode) && (file.st_mode & 0777 & ~mode) != 0 && (mode & 077) == 0 &&
      ::fchmod(fd.get(), mode) != 0) {
    throw SystemError("chmod", path, errno);
  }
  WriteAll(fd.get(), data, path);
}

void WriteFileDurably(const std::string& path, std::string_view data, unsigned mode) {
  std::string temporary = path + ".tmp";
  {
    FileDescriptor fd = Open(temporary, O_WRONLY | O_CREAT | O_TRUNC, mode);
    WriteAll(fd.get(), data, temporary);
    if (::fsync(fd.get()) != 0) throw SystemError("fsync", temporary, errno);
  }
  RenameDurably(temporary, path);
}

void RenameDurably(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) throw SystemError("rename", from + " " + to, errno);
  SyncDirectory(DirectoryName(to));
}

void SyncDirectory(const std::string& path) {
  FileDescriptor fd = Open(path, O_RDONLY | O_DIRECTORY);
  if (::fsync(fd.get()) != 0) throw SystemError("fsync", path, errno);
}

std::vector<std::string> ListDirectory(const std::string& path) {
  struct Closer {
    void operator()(DIR* d) const { ::closedir(d); }
  };
  std::unique_ptr<DIR, Closer> directory(::opendir(path.c_str()));
  if (directory == nullptr) throw SystemError("open", path, errno);
  std::vector<std::string> names;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(directory.get());
    if (entry == nullptr) break;
    std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  if (errno != 0) throw SystemError("readdir", path, errno);
  std::sort(names.begin(), names.end());
  return names;
}

bool FileExists(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0;
}

bool IsDirectory(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

uint64_t FileSize(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) throw SystemError("stat", path, errno);
  return static_cast<uint64_t>(info.st_size);
}

void MakeDirectories(const std::string& path, unsigned mode) {
  if (path.empty() || IsDirectory(path)) return;
  std::string parent = DirectoryName(path);
  if (parent != path) MakeDirectories(parent, mode);
  if (::mkdir(path.c_str(), mode) != 0 && (errno != EEXIST || !IsDirectory(path))) {
    throw SystemError("mkdir", path, errno);
  }
}

void RemoveFile(const std::string& path) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) throw SystemError("remove", path, errno);
}

void RemoveTree(const std::string& path) {
  std::error_code error;
  std::filesystem::remove_all(path, error);
  if (error) throw SystemError("remove", path, error.value());
}

std::string JoinPath(std::string_view directory, std::string_view name) {
  if (directory.empty() || name.starts_with('/')) return std::string(name);
  while (directory.size() > 1 && directory.ends_with('/')) directory.remove_suffix(1);
  if (name.empty()) return std::string(directory);
  std::string path(directory);
  if (!path.ends_with('/')) path += '/';
  return path += name;
}

std::string_view BaseName(std::string_view path) {
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  size_t slash = path.rfind('/');
  return slash == std::string_view::npos || path.size() == 1 ? path : path.substr(slash + 1);
}

std::string DirectoryName(std::string_view path) {
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return ".";
  while (slash > 0 && path[slash - 1] == '/') --slash;
  return slash == 0 ? "/" : std::string(path.substr(0, slash));
}

TemporaryDirectory::TemporaryDirectory() {
  const char* root = std::getenv("TMPDIR");
  path_ = JoinPath(root == nullptr || *root == '\0' ? "/tmp" : root, "dm-XXXXXX");
  if (::mkdtemp(path_.data()) == nullptr) throw SystemError("mkdtemp", path_, errno);
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;  // what cannot be removed stays for the system's cleaner
  std::filesystem::remove_all(path_, ignored);
}

LockFile::LockFile(const std::string& path) : fd_(Open(path, O_RDWR | O_CREAT, 0600)) {
  if (::flock(fd_.get(), LOCK_EX | LOCK_NB) != 0) throw SystemError("lock", path, errno);
  if (::ftruncate(fd_.get(), 0) != 0) throw SystemError("truncate", path, errno);
  WriteAll(fd_.get(), std::to_string(::getpid()) + "\n", path);
}

}  // namespace dm
