#include "base/cli/flag.h"

#include <charconv>
#include <stdexcept>

#include "base/io/text.h"

namespace dm::cli {
namespace {

// Digits of a number literal with an optional 0x, 0o, 0b or 0 prefix.
std::errc ParseDigits(std::string_view text, uint64_t* value) {
  int base = 10;
  if (text.size() > 1 && text[0] == '0') {
    char letter = static_cast<char>(text[1] | 0x20);
    base = letter == 'x' ? 16 : letter == 'b' ? 2 : 8;
    text.remove_prefix(letter == 'x' || letter == 'b' || letter == 'o' ? 2 : 1);
  }
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *value, base);
  if (text.empty() || end != text.data() + text.size()) return std::errc::invalid_argument;
  return error;
}

[[noreturn]] void FailNumber(std::string_view function, const std::string& text, std::errc error) {
  throw CommandError(
      std::string(function) + ": parsing " + Quote(text) +
      (error == std::errc::result_out_of_range ? ": value out of range" : ": invalid syntax"));
}

int64_t ParseSignedText(const std::string& text) {
  std::string_view digits = text;
  bool negative = digits.starts_with('-');
  if (negative || digits.starts_with('+')) digits.remove_prefix(1);
  uint64_t value = 0;
  std::errc error = ParseDigits(digits, &value);
  uint64_t limit = (uint64_t{1} << 63) - (negative ? 0 : 1);
  if (error == std::errc() && value > limit) error = std::errc::result_out_of_range;
  if (error != std::errc()) FailNumber("strconv.ParseInt", text, error);
  return static_cast<int64_t>(negative ? 0 - value : value);
}

uint64_t ParseUnsignedText(const std::string& text) {
  uint64_t value = 0;
  std::errc error = ParseDigits(text, &value);
  if (error != std::errc()) FailNumber("strconv.ParseUint", text, error);
  return value;
}

}  // namespace

bool ParseBoolText(const std::string& text) {
  for (const char* yes : {"1", "t", "T", "true", "TRUE", "True"}) {
    if (text == yes) return true;
  }
  for (const char* no : {"0", "f", "F", "false", "FALSE", "False"}) {
    if (text == no) return false;
  }
  throw CommandError("strconv.ParseBool: parsing " + Quote(text) + ": invalid syntax");
}

std::vector<std::string> ParseCsvRecord(const std::string& text) {
  std::vector<std::string> fields;
  if (text.empty()) return fields;
  auto fail = [](size_t at, const char* reason) {
    throw CommandError("parse error on line 1, column " + std::to_string(at + 1) + ": " + reason);
  };
  size_t i = 0;
  for (;;) {
    std::string field;
    if (i < text.size() && text[i] == '"') {
      for (++i;;) {
        if (i >= text.size()) fail(i, "extraneous or missing \" in quoted-field");
        if (text[i] != '"') {
          field += text[i++];
        } else if (i + 1 < text.size() && text[i + 1] == '"') {
          field += '"';
          i += 2;
        } else {
          ++i;
          break;
        }
      }
      if (i < text.size() && text[i] != ',') fail(i, "extraneous or missing \" in quoted-field");
    } else {
      while (i < text.size() && text[i] != ',') {
        if (text[i] == '"') fail(i, "bare \" in non-quoted field");
        field += text[i++];
      }
    }
    fields.push_back(std::move(field));
    if (i >= text.size()) return fields;
    ++i;  // the comma
  }
}

void FlagValues::Define(const Flag& flag) {
  Slot slot;
  slot.type = flag.type;
  slots_[flag.name] = slot;
  if (!flag.default_value.empty()) {
    Set(flag.name, flag.default_value);
    slots_[flag.name].changed = false;
  } else if (flag.type == FlagType::kBool) {
    slots_[flag.name].text = "false";
  }
}

void FlagValues::Set(const std::string& name, const std::string& text) {
  Slot& slot = slots_.at(name);
  switch (slot.type) {
    case FlagType::kBool:
      slot.text = ParseBoolText(text) ? "true" : "false";
      break;
    case FlagType::kString:
      slot.text = text;
      break;
    case FlagType::kInt:
      slot.number = ParseSignedText(text);
      break;
    case FlagType::kUint:
      slot.unsigned_number = ParseUnsignedText(text);
      break;
    case FlagType::kStrings: {
      std::vector<std::string> fields = ParseCsvRecord(text);
      if (!slot.changed) slot.list.clear();  // the first occurrence replaces the default
      slot.list.insert(slot.list.end(), fields.begin(), fields.end());
      break;
    }
  }
  slot.changed = true;
}

bool FlagValues::Defined(std::string_view name) const { return slots_.find(name) != slots_.end(); }

bool FlagValues::Changed(std::string_view name) const {
  auto it = slots_.find(name);
  return it != slots_.end() && it->second.changed;
}

const FlagValues::Slot& FlagValues::Find(std::string_view name, FlagType type) const {
  auto it = slots_.find(name);
  if (it == slots_.end() || it->second.type != type) {
    throw std::logic_error("no flag of this name and type: " + std::string(name));
  }
  return it->second;
}

bool FlagValues::GetBool(std::string_view name) const {
  return Find(name, FlagType::kBool).text == "true";
}
const std::string& FlagValues::GetString(std::string_view name) const {
  return Find(name, FlagType::kString).text;
}
int64_t FlagValues::GetInt(std::string_view name) const {
  return Find(name, FlagType::kInt).number;
}
uint64_t FlagValues::GetUint(std::string_view name) const {
  return Find(name, FlagType::kUint).unsigned_number;
}
const std::vector<std::string>& FlagValues::GetStrings(std::string_view name) const {
  return Find(name, FlagType::kStrings).list;
}

}  // namespace dm::cli
