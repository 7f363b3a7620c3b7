#include "base/log/log.h"

#include <atomic>
#include <cstdio>

#include "base/error/error.h"

namespace dm {
namespace {
std::atomic<LogLevel> g_level{LogLevel::kInfo};
}

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
  std::string line = fmt::format("[{}:{}] [{}]", where.file_name(), where.line(), message);
  for (const Field& f : context_) line += fmt::format(" [{}={}]", f.key, f.value);
  for (const Field& f : fields) line += fmt::format(" [{}={}]", f.key, f.value);
  line += '\n';
  std::fwrite(line.data(), 1, line.size(), stderr);
}

const Logger& Log() {
  static const Logger logger;
  return logger;
}

void InitLog(const LogConfig& config) {
  if (config.level == "debug") g_level = LogLevel::kDebug;
}

bool LogEnabled(LogLevel level) { return level >= g_level.load(std::memory_order_relaxed); }

}  // namespace dm
