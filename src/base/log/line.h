// Forms of a log line. Private to the room.
#pragma once

#include <chrono>
#include <span>
#include <string>
#include <string_view>

#include "base/log/log.h"

namespace dm::log_internal {

struct Line {
  std::chrono::system_clock::time_point time;
  LogLevel level = LogLevel::kInfo;
  std::string_view caller;  // "file.cc:12"
  std::string_view message;
  std::span<const Field> context;
  std::span<const Field> fields;
};

std::string_view LevelName(LogLevel level);  // "INFO"

// "2024/05/01 08:00:00.123 +08:00" in local time.
std::string TimeText(std::chrono::system_clock::time_point time);

// The text form, with its newline.
std::string TextLine(const Line& line);
// One JSON object, with its newline.
std::string JsonLine(const Line& line);

}  // namespace dm::log_internal
