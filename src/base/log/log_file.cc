#include "base/log/log_file.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <vector>

#include "base/error/system_error.h"

namespace dm::log_internal {
namespace {

namespace fs = std::filesystem;

std::string Stamp() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  tm parts{};
  ::localtime_r(&now.tv_sec, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}-{:02}-{:02}.{:03}", parts.tm_year + 1900,
                     parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                     now.tv_nsec / 1'000'000);
}

}  // namespace

LogFile::LogFile(std::string path, uint64_t max_bytes, size_t max_days, size_t max_backups)
    : path_(std::move(path)),
      max_bytes_(max_bytes),
      max_days_(max_days),
      max_backups_(max_backups) {
  std::error_code error;
  if (fs::is_directory(path_, error)) throw SystemError("open", path_, EISDIR);
  if (fs::path parent = fs::path(path_).parent_path(); !parent.empty()) {
    fs::create_directories(parent, error);
    if (error) throw SystemError("mkdir", parent.string(), error.value());
  }
  Open();
}

void LogFile::Open() {
  file_.reset(std::fopen(path_.c_str(), "ae"));
  if (file_ == nullptr) throw SystemError("open", path_, errno);
  struct stat info {};
  size_ = ::fstat(::fileno(file_.get()), &info) == 0 ? static_cast<uint64_t>(info.st_size) : 0;
}

void LogFile::Write(std::string_view line) {
  if (size_ > 0 && size_ + line.size() > max_bytes_) Rotate();
  if (file_ == nullptr || std::fwrite(line.data(), 1, line.size(), file_.get()) != line.size() ||
      std::fflush(file_.get()) != 0) {
    std::fwrite(line.data(), 1, line.size(), stderr);
    return;
  }
  size_ += line.size();
}

void LogFile::Rotate() {
  fs::path path(path_);
  fs::path stem = path.parent_path() / path.stem();
  std::string extension = path.extension().string();
  fs::path target(stem.string() + "-" + Stamp() + extension);
  std::error_code error;
  // Two rotations within a millisecond must not overwrite each other.
  for (int i = 1; fs::exists(target, error); ++i) {
    target = fs::path(fmt::format("{}-{}.{}{}", stem.string(), Stamp(), i, extension));
  }
  fs::rename(path, target, error);  // if that fails, the file goes on growing
  try {
    Open();
  } catch (const SystemError& e) {
    std::fprintf(stderr, "log file cannot be opened again: %s\n", e.what());
  }
  if (max_days_ > 0 || max_backups_ > 0) RemoveOldFiles();
}

void LogFile::RemoveOldFiles() const {
  fs::path path(path_);
  std::string prefix = path.stem().string() + "-";
  std::string extension = path.extension().string();
  fs::path directory = path.parent_path().empty() ? fs::path(".") : path.parent_path();
  std::vector<fs::path> rotated;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(directory, error)) {
    std::string name = entry.path().filename().string();
    bool stamped = name.size() > prefix.size() && name.starts_with(prefix) &&
                   name[prefix.size()] >= '0' && name[prefix.size()] <= '9';
    if (stamped && name.ends_with(extension)) rotated.push_back(entry.path());
  }
  std::sort(rotated.rbegin(), rotated.rend());  // newest first: the stamp sorts as text
  auto oldest = fs::file_time_type::clock::now() - std::chrono::hours(24 * max_days_);
  for (size_t i = 0; i < rotated.size(); ++i) {
    bool too_many = max_backups_ > 0 && i >= max_backups_;
    bool too_old = max_days_ > 0 && fs::last_write_time(rotated[i], error) < oldest && !error;
    if (too_many || too_old) fs::remove(rotated[i], error);
  }
}

}  // namespace dm::log_internal
