#include "base/cli/server_flags.h"

#include <algorithm>

#include "base/io/text.h"

namespace dm::cli {
namespace {

std::string_view TypeWord(FlagType type) {
  switch (type) {
    case FlagType::kBool:
      return "";
    case FlagType::kString:
      return "string";
    case FlagType::kInt:
      return "int";
    case FlagType::kUint:
      return "uint";
    case FlagType::kStrings:
      return "value";
  }
  return "";
}

bool IsZeroDefault(const Flag& flag) {
  return flag.default_value.empty() || flag.default_value == "false" || flag.default_value == "0";
}

std::string Reason(const CommandError& e) {
  return std::string(e.what()).ends_with("value out of range") ? "value out of range"
                                                               : "parse error";
}

}  // namespace

ServerFlags::ServerFlags(std::string program, std::vector<Flag> flags)
    : program_(std::move(program)), flags_(std::move(flags)) {
  std::sort(flags_.begin(), flags_.end(),
            [](const Flag& a, const Flag& b) { return a.name < b.name; });
}

ServerArguments ServerFlags::Parse(const std::vector<std::string>& args) const {
  ServerArguments result;
  for (const Flag& flag : flags_) result.flags.Define(flag);
  size_t i = 0;
  while (i < args.size()) {
    const std::string& arg = args[i];
    if (arg.size() < 2 || arg[0] != '-') break;
    if (arg == "--") {
      ++i;
      break;
    }
    ++i;
    std::string name = arg.substr(arg[1] == '-' ? 2 : 1);
    if (name.empty() || name[0] == '-' || name[0] == '=') {
      throw CommandError("bad flag syntax: " + arg);
    }
    size_t equals = name.find('=');
    bool has_value = equals != std::string::npos;
    std::string value = has_value ? name.substr(equals + 1) : "";
    if (has_value) name.resize(equals);
    auto flag =
        std::find_if(flags_.begin(), flags_.end(), [&](const Flag& f) { return f.name == name; });
    if (flag == flags_.end()) {
      if (name == "help" || name == "h") {
        result.help = true;
        return result;
      }
      throw CommandError("flag provided but not defined: -" + name);
    }
    if (flag->type == FlagType::kBool) {
      if (!has_value) value = "true";
      try {
        result.flags.Set(name, value);
      } catch (const CommandError& e) {
        throw CommandError("invalid boolean value " + Quote(value) + " for -" + name + ": " +
                           Reason(e));
      }
      continue;
    }
    if (!has_value) {
      if (i >= args.size()) throw CommandError("flag needs an argument: -" + name);
      value = args[i++];
    }
    try {
      result.flags.Set(name, value);
    } catch (const CommandError& e) {
      throw CommandError("invalid value " + Quote(value) + " for flag -" + name + ": " + Reason(e));
    }
  }
  result.rest.assign(args.begin() + static_cast<ptrdiff_t>(i), args.end());
  return result;
}

std::string ServerFlags::Usage() const {
  std::string out = "Usage of " + program_ + ":\n";
  for (const Flag& flag : flags_) {
    if (flag.hidden) continue;
    std::string line = "  -" + flag.name;
    std::string_view type = TypeWord(flag.type);
    if (!type.empty()) line += " " + std::string(type);
    // A one-letter boolean flag keeps its text on the line.
    line += line.size() <= 4 ? "\t" : "\n    \t";
    line += flag.usage;
    if (!IsZeroDefault(flag)) {
      line += " (default " +
              (flag.type == FlagType::kString ? Quote(flag.default_value) : flag.default_value) +
              ")";
    }
    out += line + "\n";
  }
  return out;
}

}  // namespace dm::cli
