#include "migration/storage/local_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <exception>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <sstream>
#include <system_error>
#include <thread>
#include <utility>

#include "base/error/error.h"
#include "base/failpoint/failpoint.h"
#include "base/log/log.h"

namespace dm::migration {

namespace fs = std::filesystem;

namespace {

[[noreturn]] void FailWriting(const char* what, const std::string& path, int error) {
  throw Error(ErrorCode::kDumpUnitRuntime, fmt::format("mydumper/dumpling runs with error"))
      .SetRawCause(fmt::format("{} {}: {}", what, path, std::strerror(error)));
}

[[noreturn]] void FailReading(const char* what, const std::string& path, int error) {
  throw Error(ErrorCode::kLoadUnitDispatchSQLFromFile, fmt::format("{} {}", what, path))
      .SetRawCause(std::strerror(error));
}

// A file descriptor that is closed at the end of its scope.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

void WriteAll(int fd, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0) {
      if (errno == EINTR) continue;
      FailWriting("write", path, errno);
    }
    bytes.remove_prefix(static_cast<size_t>(n));
  }
}

void SyncDirectory(const std::string& path) {
  Descriptor fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.get() < 0 || ::fsync(fd.get()) != 0) FailWriting("sync directory", path, errno);
}

}  // namespace

FileWriter::FileWriter(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}

FileWriter::FileWriter(FileWriter&& other) noexcept
    : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)), size_(other.size_) {}

FileWriter& FileWriter::operator=(FileWriter&& other) noexcept {
  if (this != &other) {
    if (fd_ >= 0) ::close(fd_);
    path_ = std::move(other.path_);
    fd_ = std::exchange(other.fd_, -1);
    size_ = other.size_;
  }
  return *this;
}

FileWriter::~FileWriter() {
  if (fd_ >= 0) ::close(fd_);
}

void FileWriter::Write(std::string& buffer) {
  WriteAll(fd_, buffer, path_);
  size_ += buffer.size();
  buffer.clear();
}

void FileWriter::Close() {
  // Spreads the disk work over the dump instead of leaving all of it to the final sync.
  ::sync_file_range(fd_, 0, 0, SYNC_FILE_RANGE_WRITE);
  const int fd = std::exchange(fd_, -1);
  if (::close(fd) != 0) FailWriting("close", path_, errno);
}

std::string LocalDirectory::FullPath(std::string_view name) const {
  std::string full = path_;
  if (!full.empty() && full.back() != '/') full += '/';
  full += name;
  return full;
}

bool LocalDirectory::Exists() const {
  struct stat info {};
  return ::stat(path_.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

void LocalDirectory::Create() const {
  std::error_code error;
  fs::create_directories(path_, error);
  if (error) FailWriting("create directory", path_, error.value());
}

void LocalDirectory::RemoveAll() const {
  std::error_code error;
  fs::remove_all(path_, error);
  if (error) FailWriting("fail to remove output directory", path_, error.value());
}

void LocalDirectory::RemoveFiles() const {
  for (const StoredFile& file : ListTop()) Remove(file.path);
  if (::rmdir(path_.c_str()) != 0 && errno != ENOENT && errno != ENOTEMPTY && errno != EEXIST) {
    FailWriting("fail to remove output directory", path_, errno);
  }
}

void LocalDirectory::Remove(std::string_view name) const {
  const std::string path = FullPath(name);
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) FailWriting("remove", path, errno);
}

std::vector<StoredFile> LocalDirectory::List() const {
  std::vector<StoredFile> files;
  std::error_code error;
  fs::recursive_directory_iterator it(path_, error);
  if (error) {
    if (error == std::errc::no_such_file_or_directory) return files;
    FailReading("read directory", path_, error.value());
  }
  for (const auto end = fs::recursive_directory_iterator(); it != end;) {
    std::error_code ignored;
    if (it->is_regular_file(ignored)) {
      const auto size = it->file_size(error);
      if (error) FailReading("stat", it->path().string(), error.value());
      files.push_back({fs::path(it->path()).lexically_relative(path_).generic_string(), size});
    }
    it.increment(error);
    if (error) FailReading("read directory", path_, error.value());
  }
  std::sort(files.begin(), files.end(),
            [](const StoredFile& a, const StoredFile& b) { return a.path < b.path; });
  return files;
}

std::vector<StoredFile> LocalDirectory::ListTop() const {
  std::vector<StoredFile> files;
  std::error_code error;
  fs::directory_iterator it(path_, error);
  if (error) {
    if (error == std::errc::no_such_file_or_directory) return files;
    FailReading("read directory", path_, error.value());
  }
  for (const auto end = fs::directory_iterator(); it != end;) {
    std::error_code ignored;
    if (it->is_regular_file(ignored)) {
      const auto size = it->file_size(error);
      if (error) FailReading("stat", it->path().string(), error.value());
      files.push_back({it->path().filename().string(), size});
    }
    it.increment(error);
    if (error) FailReading("read directory", path_, error.value());
  }
  std::sort(files.begin(), files.end(),
            [](const StoredFile& a, const StoredFile& b) { return a.path < b.path; });
  return files;
}

std::optional<std::string> LocalDirectory::Read(std::string_view name) const {
  const std::string path = FullPath(name);
  Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0) {
    if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
    FailReading("open", path, errno);
  }
  std::string content;
  char buffer[65536];
  for (;;) {
    const ssize_t n = ::read(fd.get(), buffer, sizeof buffer);
    if (n == 0) return content;
    if (n < 0) {
      if (errno == EINTR) continue;
      FailReading("read", path, errno);
    }
    content.append(buffer, static_cast<size_t>(n));
  }
}

FileWriter LocalDirectory::OpenForWrite(std::string_view name) const {
  std::string path = FullPath(name);
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) FailWriting("create", path, errno);
  return FileWriter(std::move(path), fd);
}

void LocalDirectory::WriteDurable(std::string_view name, std::string_view content) const {
  const std::string path = FullPath(name);
  const std::string draft = path + ".tmp";
  {
    Descriptor fd(::open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    if (fd.get() < 0) FailWriting("create", draft, errno);
    WriteAll(fd.get(), content, draft);
    if (::fsync(fd.get()) != 0) FailWriting("sync", draft, errno);
  }
  // Crash point: the draft of a file is durable. Left: to give it its name.
  DM_FAILPOINT("storage/before-rename");
  if (::rename(draft.c_str(), path.c_str()) != 0) FailWriting("rename", draft, errno);
  SyncDirectory(path_);
}

void LocalDirectory::Sync(const std::vector<std::string>& files, const StopToken& stop) const {
  // Several at once, so that the file system can commit them together.
  constexpr size_t kThreads = 8;
  std::atomic<size_t> next{0};
  std::mutex mutex;
  std::exception_ptr failure;
  const auto sync_files = [&] {
    try {
      for (size_t i = next++; i < files.size(); i = next++) {
        ThrowIfStopped(stop);
        const std::string path = FullPath(files[i]);
        Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
        if (fd.get() < 0) FailWriting("open", path, errno);
        if (::fdatasync(fd.get()) != 0) FailWriting("sync", path, errno);
      }
    } catch (...) {
      next = files.size();
      std::lock_guard lock(mutex);
      if (!failure) failure = std::current_exception();
    }
  };
  {
    std::vector<std::jthread> threads;
    for (size_t i = 1; i < std::min(kThreads, files.size()); ++i) threads.emplace_back(sync_files);
    sync_files();
  }
  if (failure) std::rethrow_exception(failure);
  SyncDirectory(path_);
}

uint64_t LocalDirectory::FreeBytes() const {
  struct statvfs info {};
  if (::statvfs(path_.c_str(), &info) != 0) FailWriting("statvfs", path_, errno);
  return static_cast<uint64_t>(info.f_bavail) * info.f_frsize;
}

uint64_t FreeBytesFor(const std::string& path) {
  std::error_code ignored;
  fs::path there = fs::absolute(path, ignored).lexically_normal();
  while (there.has_relative_path() && !fs::exists(there, ignored)) there = there.parent_path();
  return LocalDirectory(there.string()).FreeBytes();
}

namespace {

// " (process N)" for the holder of a flock on the open file; empty if the system does not tell.
std::string LockHolder(int fd) {
  struct stat info {};
  if (::fstat(fd, &info) != 0) return "";
  std::ifstream locks("/proc/locks");
  // "1: FLOCK  ADVISORY  WRITE 1234 08:01:5678 0 EOF"
  const std::string inode = fmt::format(":{}", info.st_ino);
  std::string line;
  while (std::getline(locks, line)) {
    std::istringstream words(line);
    std::string number, kind, how, mode, process, file;
    words >> number >> kind >> how >> mode >> process >> file;
    if (kind == "FLOCK" && file.ends_with(inode)) return fmt::format(" (process {})", process);
  }
  return "";
}

}  // namespace

DirectoryLock::DirectoryLock(const LocalDirectory& directory, Milliseconds patience,
                             const StopToken& stop) {
  constexpr int kAttempts = 10;
  constexpr Milliseconds kRetryWait{100};
  const auto until = SteadyClock::now() + patience;
  for (int attempt = 1;; ++attempt) {
    directory.Create();
    const std::string& path = directory.path();
    FileDescriptor fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd.valid()) {
      if (errno == ENOENT && attempt < kAttempts) continue;  // removed just now by its last user
      FailWriting("open directory", path, errno);
    }
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno == EWOULDBLOCK) {
        if (SteadyClock::now() < until) {
          WaitFor(kRetryWait, stop);
          --attempt;
          continue;
        }
        throw Error(ErrorCode::kDumpUnitRuntime, "mydumper/dumpling runs with error")
            .SetRawCause(fmt::format("directory {} is in use by another dump or load{}", path,
                                     LockHolder(fd.get())))
            .SetWorkaround(
                "Please give each source of this machine a `dir` of its own in the "
                "loaders section, or wait until the other one has ended.");
      }
      Log().Warn("the dump directory cannot be locked, nothing else may use it",
                 {F("dir", path), F("error", std::strerror(errno))});
      return;
    }
    // Its last user may have removed it between the two calls: then the lock is on nothing.
    struct stat held {};
    struct stat named {};
    if (::fstat(fd.get(), &held) == 0 && ::stat(path.c_str(), &named) == 0 &&
        held.st_ino == named.st_ino && held.st_dev == named.st_dev) {
      fd_ = std::move(fd);
      return;
    }
    if (attempt == kAttempts) FailWriting("lock directory", path, EBUSY);
  }
}

MappedFile::MappedFile(const std::string& path) {
  Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat info {};
  if (fd.get() < 0 || ::fstat(fd.get(), &info) != 0) FailReading("open", path, errno);
  size_ = static_cast<size_t>(info.st_size);
  if (size_ == 0) return;
  void* memory = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, fd.get(), 0);
  if (memory == MAP_FAILED) FailReading("map", path, errno);
  ::madvise(memory, size_, MADV_SEQUENTIAL);
  data_ = static_cast<const char*>(memory);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

void MappedFile::Leave(size_t end) const {
  static const size_t page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  const size_t size = std::min(end, size_) / page * page;
  if (size > 0) ::madvise(const_cast<char*>(data_), size, MADV_DONTNEED);
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<char*>(data_), size_);
}

}  // namespace dm::migration
