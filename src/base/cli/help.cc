// Help layout of dmctl.
#include <algorithm>
#include <ostream>

#include "base/cli/command.h"
#include "base/cli/command_tree.h"
#include "base/io/text.h"

namespace dm::cli {
namespace {

constexpr size_t kMinNamePadding = 11;

std::string Padded(std::string text, size_t width) {
  if (text.size() < width) text.append(width - text.size(), ' ');
  return text;
}

std::string PathText(const std::vector<const Command*>& path) {
  std::string text;
  for (const Command* command : path) text += (text.empty() ? "" : " ") + command->name();
  return text;
}

std::string UseLine(const std::vector<const Command*>& path) {
  std::vector<const Command*> parents(path.begin(), path.end() - 1);
  std::string text = PathText(parents);
  text += (text.empty() ? "" : " ") + path.back()->use;
  if (text.find("[flags]") == std::string::npos) text += " [flags]";
  return text;
}

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
      return "strings";
  }
  return "";
}

std::string DefaultText(const Flag& flag) {
  const std::string& value = flag.default_value;
  if (value.empty() || value == "false" || value == "0") return "";
  switch (flag.type) {
    case FlagType::kString:
      return " (default " + Quote(value) + ")";
    case FlagType::kStrings:
      return " (default [" + value + "])";
    default:
      return " (default " + value + ")";
  }
}

// One line a flag, sorted by name, descriptions in one column.
std::string FlagTable(std::vector<Flag> flags) {
  std::erase_if(flags, [](const Flag& flag) { return flag.hidden; });
  std::sort(flags.begin(), flags.end(),
            [](const Flag& a, const Flag& b) { return a.name < b.name; });
  std::vector<std::string> lefts;
  size_t width = 0;
  for (const Flag& flag : flags) {
    std::string left = flag.shorthand == 0
                           ? "      --" + flag.name
                           : std::string("  -") + flag.shorthand + ", --" + flag.name;
    std::string_view type = TypeWord(flag.type);
    if (!type.empty()) left += " " + std::string(type);
    width = std::max(width, left.size());
    lefts.push_back(std::move(left));
  }
  std::string out;
  for (size_t i = 0; i < flags.size(); ++i) {
    out += Padded(lefts[i], width + 3) + flags[i].usage + DefaultText(flags[i]) + "\n";
  }
  return out;
}

}  // namespace

std::string UsageText(const std::vector<const Command*>& path, bool with_help_flag) {
  const Command& command = *path.back();
  std::vector<const Command*> shown;
  size_t width = kMinNamePadding;
  for (const Command& child : command.children) {
    width = std::max(width, child.name().size());
    if (!child.hidden) shown.push_back(&child);
  }
  std::sort(shown.begin(), shown.end(),
            [](const Command* a, const Command* b) { return a->name() < b->name(); });

  std::string out = "Usage:\n";
  if (command.run) out += "  " + UseLine(path) + "\n";
  if (!shown.empty()) out += "  " + PathText(path) + " [command]\n";
  if (!command.aliases.empty()) {
    out += "\nAliases:\n  " + command.name();
    for (const std::string& alias : command.aliases) out += ", " + alias;
    out += "\n";
  }
  if (!shown.empty()) {
    out += "\nAvailable Commands:\n";
    for (const Command* child : shown) {
      out += "  " + Padded(child->name(), width) + " " + child->brief + "\n";
    }
  }
  std::vector<Flag> own = command.flags;
  if (with_help_flag) own.push_back(tree::AllFlags(path).back());
  if (std::string table = FlagTable(std::move(own)); !table.empty()) out += "\nFlags:\n" + table;
  if (std::string table = FlagTable(tree::InheritedFlags(path)); !table.empty()) {
    out += "\nGlobal Flags:\n" + table;
  }
  if (!shown.empty()) {
    out +=
        "\nUse \"" + PathText(path) + " [command] --help\" for more information about a command.\n";
  }
  return out;
}

std::string HelpText(const std::vector<const Command*>& path) {
  const Command& command = *path.back();
  const std::string& text = command.description.empty() ? command.brief : command.description;
  return (text.empty() ? "" : text + "\n\n") + UsageText(path);
}

int RunHelpCommand(const Invocation& invocation) {
  std::vector<const Command*> path = {invocation.root};
  for (const std::string& word : invocation.args) {
    const Command* child = tree::FindChild(*path.back(), word);
    if (child == nullptr) {
      if (path.size() > 1) break;  // words behind a command are not looked at
      std::vector<std::string> quoted;
      for (const std::string& topic : invocation.args) quoted.push_back("`" + topic + "`");
      *invocation.streams.err << "Unknown help topic [" << Join(quoted, " ") << "]\n"
                              << UsageText(path, false);
      return 0;
    }
    path.push_back(child);
  }
  *invocation.streams.out << HelpText(path);
  return 0;
}

}  // namespace dm::cli
