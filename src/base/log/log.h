// Logging front: a message that never changes plus fields. Lines have the unified log format:
//   [2024/05/01 10:00:00.000 +00:00] [INFO] [file.cc:12] [message] [key=value] ...
#pragma once

#include <fmt/format.h>

#include <exception>
#include <initializer_list>
#include <source_location>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace dm {

enum class LogLevel { kDebug, kInfo, kWarn, kError, kDPanic, kPanic, kFatal };

// One key=value of a log line.
struct Field {
  std::string key;
  std::string value;
  bool literal = false;  // number or boolean: without quotes in JSON
};

template <class T>
Field F(std::string_view key, const T& value) {
  if constexpr (std::is_base_of_v<std::exception, T>) {
    return {std::string(key), value.what()};
  } else if constexpr (std::is_arithmetic_v<T> && !std::is_same_v<T, char>) {
    return {std::string(key), fmt::format("{}", value), true};
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
  std::string level = "info";   // see ParseLogLevel
  std::string file = {};        // empty: standard output; else its directory is created
  std::string format = "text";  // text or json
  size_t max_size_mb = 300;     // the file is rotated before a line makes it larger
  size_t max_days = 0;          // rotated files older than that are deleted; 0: never
  size_t max_backups = 0;       // rotated files beyond that number are deleted; 0: never
};

// debug, info, warn, warning, error, dpanic, panic, fatal in any letter case; "" is info. Throws
// std::invalid_argument.
LogLevel ParseLogLevel(std::string_view text);

// Sets up the process's sink; until then lines go to standard error. May be called again (tests).
// Throws Error kInitLoggerFail whose raw cause tells what is wrong.
void InitLog(const LogConfig& config);

// Changes the level of a running process.
void SetLogLevel(LogLevel level);

bool LogEnabled(LogLevel level);

// A long statement or argument list as logs show it: at most 1024 bytes, then "...".
std::string CutForLog(std::string_view text);

}  // namespace dm
