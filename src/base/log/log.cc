#include "base/log/log.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstring>
#include <memory>
#include <mutex>
#include <stdexcept>

#include "base/error/error.h"
#include "base/log/line.h"
#include "base/log/log_file.h"
#include "base/log/sensitive.h"

namespace dm {
namespace {

std::atomic<LogLevel> g_level{LogLevel::kInfo};
std::atomic<bool> g_json{false};
std::atomic<bool> g_redact{false};

// Where lines go; guarded by its mutex. Never destroyed: threads may log until the process ends.
struct Sink {
  std::mutex mutex;
  std::FILE* stream = stderr;
  std::unique_ptr<log_internal::LogFile> file;  // if set, instead of the stream
};

Sink& TheSink() {
  static auto* sink = new Sink;
  return *sink;
}

constexpr size_t kLongestShown = 1024;

}  // namespace

Logger Logger::With(std::initializer_list<Field> fields) const {
  Logger copy = *this;
  copy.context_.insert(copy.context_.end(), fields.begin(), fields.end());
  return copy;
}

void Logger::Debug(std::string_view message, std::initializer_list<Field> fields,
                   std::source_location where) const {
  Write(LogLevel::kDebug, message, fields, where);
}
void Logger::Info(std::string_view message, std::initializer_list<Field> fields,
                  std::source_location where) const {
  Write(LogLevel::kInfo, message, fields, where);
}
void Logger::Warn(std::string_view message, std::initializer_list<Field> fields,
                  std::source_location where) const {
  Write(LogLevel::kWarn, message, fields, where);
}
void Logger::Error(std::string_view message, std::initializer_list<Field> fields,
                   std::source_location where) const {
  Write(LogLevel::kError, message, fields, where);
}

void Logger::Write(LogLevel level, std::string_view message, std::initializer_list<Field> fields,
                   std::source_location where) const {
  if (!LogEnabled(level)) return;
  const char* slash = std::strrchr(where.file_name(), '/');
  std::string caller =
      fmt::format("{}:{}", slash == nullptr ? where.file_name() : slash + 1, where.line());
  log_internal::Line line{.time = std::chrono::system_clock::now(),
                          .level = level,
                          .caller = caller,
                          .message = message,
                          .context = context_,
                          .fields = {fields.begin(), fields.size()}};
  std::string text = g_json.load(std::memory_order_relaxed) ? log_internal::JsonLine(line)
                                                            : log_internal::TextLine(line);
  Sink& sink = TheSink();
  std::lock_guard lock(sink.mutex);
  if (sink.file) {
    sink.file->Write(text);
  } else {
    std::fwrite(text.data(), 1, text.size(), sink.stream);
    std::fflush(sink.stream);
  }
}

const Logger& Log() {
  static const Logger logger;
  return logger;
}

LogLevel ParseLogLevel(std::string_view text) {
  std::string level(text);
  std::transform(level.begin(), level.end(), level.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  if (level.empty() || level == "info") return LogLevel::kInfo;
  if (level == "debug") return LogLevel::kDebug;
  if (level == "warn" || level == "warning") return LogLevel::kWarn;
  if (level == "error") return LogLevel::kError;
  if (level == "dpanic") return LogLevel::kDPanic;
  if (level == "panic") return LogLevel::kPanic;
  if (level == "fatal") return LogLevel::kFatal;
  throw std::invalid_argument(fmt::format("unrecognized level: \"{}\"", text));
}

void InitLog(const LogConfig& config) {
  try {
    LogLevel level = ParseLogLevel(config.level);
    if (config.format != "text" && config.format != "json" && !config.format.empty()) {
      throw std::invalid_argument(fmt::format("unsupported log format: \"{}\"", config.format));
    }
    std::unique_ptr<log_internal::LogFile> file;
    if (!config.file.empty()) {
      file = std::make_unique<log_internal::LogFile>(
          config.file, uint64_t{config.max_size_mb} << 20, config.max_days, config.max_backups);
    }
    Sink& sink = TheSink();
    std::lock_guard lock(sink.mutex);
    sink.stream = stdout;
    sink.file = std::move(file);
    g_json = config.format == "json";
    g_level = level;
  } catch (const std::exception& e) {
    throw WrapError(ErrorCode::kInitLoggerFail, e);
  }
}

void SetLogLevel(LogLevel level) { g_level = level; }

bool LogEnabled(LogLevel level) { return level >= g_level.load(std::memory_order_relaxed); }

std::string CutForLog(std::string_view text) {
  if (text.size() <= kLongestShown) return std::string(text);
  size_t end = kLongestShown;
  // Not within a character.
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return std::string(text.substr(0, end)) + "...";
}

void SetLogRedaction(bool on) { g_redact = on; }
bool LogRedaction() { return g_redact.load(std::memory_order_relaxed); }
std::string Redacted(std::string_view value) { return LogRedaction() ? "?" : std::string(value); }

}  // namespace dm
