// Flags of a command line, shared by the two dialects: server_flags.h (dm-master, dm-worker) and
// command.h (dmctl).
#pragma once

#include <cstdint>
#include <exception>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace dm::cli {

enum class FlagType { kBool, kString, kInt, kUint, kStrings };

// Definition of one flag.
struct Flag {
  std::string name;  // long name, without dashes
  char shorthand = 0;
  FlagType type = FlagType::kString;
  std::string usage;
  // Text of the default: "" means false, "", 0 or an empty list.
  std::string default_value = {};
  bool hidden = false;      // accepted, not shown in help
  bool persistent = false;  // command.h only: also accepted by all sub-commands
};

// A command line that cannot be used, or a command that failed for a reason with no error code. The
// text is shown to the user as it is.
class CommandError : public std::exception {
 public:
  explicit CommandError(std::string text) : text_(std::move(text)) {}
  const char* what() const noexcept override { return text_.c_str(); }

 private:
  std::string text_;
};

// Values after parsing: the given ones, else the defaults. Asking for a name that was not defined,
// or with another type, is a programming error (std::logic_error).
class FlagValues {
 public:
  // Starts with the default of every flag in `flags`.
  void Define(const Flag& flag);
  // Stores one occurrence. Throws CommandError with the reason alone (`strconv.ParseBool: parsing
  // "x": invalid syntax`).
  void Set(const std::string& name, const std::string& text);

  [[nodiscard]] bool Defined(std::string_view name) const;
  // Whether the command line gave it.
  [[nodiscard]] bool Changed(std::string_view name) const;
  [[nodiscard]] bool GetBool(std::string_view name) const;
  [[nodiscard]] const std::string& GetString(std::string_view name) const;
  [[nodiscard]] int64_t GetInt(std::string_view name) const;
  [[nodiscard]] uint64_t GetUint(std::string_view name) const;
  // Values of a repeated flag; every occurrence may itself be a comma-separated (CSV) list.
  [[nodiscard]] const std::vector<std::string>& GetStrings(std::string_view name) const;

 private:
  struct Slot {
    FlagType type = FlagType::kString;
    bool changed = false;
    std::string text;
    int64_t number = 0;
    uint64_t unsigned_number = 0;
    std::vector<std::string> list;
  };
  const Slot& Find(std::string_view name, FlagType type) const;

  std::map<std::string, Slot, std::less<>> slots_;
};

// true, false and their short forms (1 t T TRUE True ...). Throws CommandError.
bool ParseBoolText(const std::string& text);
// One CSV record: fields split at commas; a field in double quotes may hold commas and "" for ".
// Throws CommandError.
std::vector<std::string> ParseCsvRecord(const std::string& text);

}  // namespace dm::cli
