#include "base/log/line.h"

#include <time.h>

#include <cstdlib>

#include "base/io/text.h"

namespace dm::log_internal {
namespace {

void AppendEscaped(std::string* out, std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    size_t length = RuneLength(text.substr(i));
    char c = text[i];
    if (length == 0) {
      *out += "\\ufffd";
      ++i;
      continue;
    }
    if (c == '\\' || c == '"') {
      *out += '\\';
      *out += c;
    } else if (c == '\n') {
      *out += "\\n";
    } else if (c == '\r') {
      *out += "\\r";
    } else if (c == '\t') {
      *out += "\\t";
    } else if (static_cast<unsigned char>(c) < 0x20) {
      *out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out->append(text, i, length);
    }
    i += length;
  }
}

void AppendQuoted(std::string* out, std::string_view text) {
  *out += '"';
  AppendEscaped(out, text);
  *out += '"';
}

bool NeedsQuotes(std::string_view text) {
  for (char c : text) {
    if (static_cast<unsigned char>(c) <= 0x20 || c == '\\' || c == '"' || c == '[' || c == ']' ||
        c == '=') {
      return true;
    }
  }
  return false;
}

void AppendPart(std::string* out, std::string_view text) {
  if (NeedsQuotes(text)) {
    AppendQuoted(out, text);
    return;
  }
  for (size_t i = 0; i < text.size();) {
    size_t length = RuneLength(text.substr(i));
    if (length == 0) {
      *out += "\\ufffd";
      ++i;
    } else {
      out->append(text, i, length);
      i += length;
    }
  }
}

void AppendTextFields(std::string* out, std::span<const Field> fields) {
  for (const Field& field : fields) {
    *out += " [";
    AppendPart(out, field.key);
    *out += '=';
    AppendPart(out, field.value);
    *out += ']';
  }
}

void AppendJsonMember(std::string* out, std::string_view key, std::string_view value,
                      bool literal = false) {
  *out += out->size() > 1 ? "," : "";
  AppendQuoted(out, key);
  *out += ':';
  // "inf" and "nan" are no JSON numbers.
  bool number = literal && !value.empty() &&
                (value == "true" || value == "false" ||
                 value.find_first_not_of("0123456789+-.e") == std::string_view::npos);
  if (number) {
    *out += value;
  } else {
    AppendQuoted(out, value);
  }
}

}  // namespace

std::string_view LevelName(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "DEBUG";
    case LogLevel::kInfo:
      return "INFO";
    case LogLevel::kWarn:
      return "WARN";
    case LogLevel::kError:
      return "ERROR";
    case LogLevel::kDPanic:
      return "DPANIC";
    case LogLevel::kPanic:
      return "PANIC";
    case LogLevel::kFatal:
      return "FATAL";
  }
  return "INFO";
}

std::string TimeText(std::chrono::system_clock::time_point time) {
  using std::chrono::milliseconds;
  auto since = std::chrono::floor<milliseconds>(time.time_since_epoch()).count();
  time_t seconds = since / 1000;
  if (since % 1000 < 0) --seconds;
  tm parts{};
  ::localtime_r(&seconds, &parts);
  long offset = parts.tm_gmtoff / 60;
  return fmt::format("{:04}/{:02}/{:02} {:02}:{:02}:{:02}.{:03} {}{:02}:{:02}",
                     parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour,
                     parts.tm_min, parts.tm_sec, since - seconds * 1000, offset < 0 ? '-' : '+',
                     std::abs(offset) / 60, std::abs(offset) % 60);
}

std::string TextLine(const Line& line) {
  std::string out =
      fmt::format("[{}] [{}] [{}]", TimeText(line.time), LevelName(line.level), line.caller);
  if (!line.message.empty()) {
    out += " [";
    AppendPart(&out, line.message);
    out += ']';
  }
  AppendTextFields(&out, line.context);
  AppendTextFields(&out, line.fields);
  out += '\n';
  return out;
}

std::string JsonLine(const Line& line) {
  std::string out = "{";
  AppendJsonMember(&out, "level", LevelName(line.level));
  AppendJsonMember(&out, "time", TimeText(line.time));
  AppendJsonMember(&out, "caller", line.caller);
  AppendJsonMember(&out, "message", line.message);
  for (const Field& field : line.context) {
    AppendJsonMember(&out, field.key, field.value, field.literal);
  }
  for (const Field& field : line.fields) {
    AppendJsonMember(&out, field.key, field.value, field.literal);
  }
  out += "}\n";
  return out;
}

}  // namespace dm::log_internal
