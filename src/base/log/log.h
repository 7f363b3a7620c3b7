// Logging front: a message that never changes plus fields. Lines have the unified log format:
//   [2024/05/01 10:00:00.000 +00:00] [INFO] [file.cc:12] [message] [key=value] ...
#pragma once

#include <fmt/format.h>

#include <exception>
#include <initializer_list>
#include <source_location>
#include <string>
#include <string_view>
#include <vector>

namespace dm {

enum class LogLevel { kDebug, kInfo, kWarn, kError, kFatal };

// One key=value of a log line.
struct Field {
  std::string key;
  std::string value;
};

template <class T>
Field F(std::string_view key, const T& value) {
  if constexpr (std::is_base_of_v<std::exception, T>) {
    return {std::string(key), value.what()};
  } else {
    return {std::string(key), fmt::format("{}", value)};
  }
}

// A logger with context fields (task, unit, source). Cheap to copy; thread-safe.
class Logger {
 public:
  Logger() = default;
  [[nodiscard]] Logger With(std::initializer_list<Field> fields) const;

  void Debug(std::string_view message, std::initializer_list<Field> fields = {},
             std::source_location where = std::source_location::current()) const;
  void Info(std::string_view message, std::initializer_list<Field> fields = {},
            std::source_location where = std::source_location::current()) const;
  void Warn(std::string_view message, std::initializer_list<Field> fields = {},
            std::source_location where = std::source_location::current()) const;
  void Error(std::string_view message, std::initializer_list<Field> fields = {},
             std::source_location where = std::source_location::current()) const;

 private:
  void Write(LogLevel level, std::string_view message, std::initializer_list<Field> fields,
             std::source_location where) const;

  std::vector<Field> context_;
};

// The process's logger without context.
const Logger& Log();

struct LogConfig {
  std::string level = "info";   // debug, info, warn, error, fatal
  std::string file;             // empty: standard error
  std::string format = "text";  // text or json
  size_t max_size_mb = 100;
  size_t max_days = 0;
  size_t max_backups = 0;
};

// Sets up the process's sink; called once at start. Throws Error kInitLoggerFail.
void InitLog(const LogConfig& config);

bool LogEnabled(LogLevel level);

}  // namespace dm
