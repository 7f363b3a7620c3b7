#include "base/cli/command.h"

#include <algorithm>
#include <ostream>

#include "base/cli/command_tree.h"
#include "base/error/error.h"
#include "base/io/text.h"

namespace dm::cli {

std::string Command::name() const { return use.substr(0, use.find(' ')); }

namespace tree {

const Flag* FindLong(const std::vector<Flag>& flags, std::string_view name) {
  auto it = std::find_if(flags.begin(), flags.end(), [&](const Flag& f) { return f.name == name; });
  return it == flags.end() ? nullptr : &*it;
}

const Flag* FindShort(const std::vector<Flag>& flags, char letter) {
  auto it = std::find_if(flags.begin(), flags.end(),
                         [&](const Flag& f) { return f.shorthand == letter; });
  return it == flags.end() ? nullptr : &*it;
}

std::vector<Flag> InheritedFlags(const std::vector<const Command*>& path) {
  std::vector<Flag> flags;
  for (size_t i = 0; i + 1 < path.size(); ++i) {
    for (const Flag& flag : path[i]->flags) {
      if (flag.persistent) flags.push_back(flag);
    }
  }
  return flags;
}

std::vector<Flag> AllFlags(const std::vector<const Command*>& path) {
  std::vector<Flag> flags = path.back()->flags;
  for (Flag& flag : InheritedFlags(path)) {
    if (FindLong(flags, flag.name) == nullptr) flags.push_back(std::move(flag));
  }
  flags.push_back(Flag{.name = "help",
                       .shorthand = FindShort(flags, 'h') == nullptr ? 'h' : '\0',
                       .type = FlagType::kBool,
                       .usage = "help for " + path.back()->name()});
  return flags;
}

const Command* FindChild(const Command& command, std::string_view word) {
  for (const Command& child : command.children) {
    if (child.name() == word ||
        std::find(child.aliases.begin(), child.aliases.end(), word) != child.aliases.end()) {
      return &child;
    }
  }
  return nullptr;
}

namespace {

// Whether the flag-like word `arg` takes the next word as its value. A flag nobody knows is taken
// to need one.
bool TakesNextWord(const std::vector<Flag>& flags, const std::string& arg) {
  if (arg.find('=') != std::string::npos) return false;
  if (arg.starts_with("--")) {
    const Flag* flag = FindLong(flags, std::string_view(arg).substr(2));
    return flag == nullptr || flag->type != FlagType::kBool;
  }
  if (arg.size() != 2) return false;
  const Flag* flag = FindShort(flags, arg[1]);
  return flag == nullptr || flag->type != FlagType::kBool;
}

}  // namespace

std::optional<size_t> FirstWord(const std::vector<Flag>& flags,
                                const std::vector<std::string>& args) {
  for (size_t i = 0; i < args.size(); ++i) {
    const std::string& arg = args[i];
    if (arg == "--") return std::nullopt;
    if (arg.size() > 1 && arg[0] == '-') {
      if (TakesNextWord(flags, arg)) ++i;
      continue;
    }
    if (!arg.empty() && arg != "-") return i;
  }
  return std::nullopt;
}

}  // namespace tree

namespace {

constexpr size_t kSuggestionDistance = 2;

std::string UnknownCommandText(const Command& root, const std::string& word) {
  std::string text = "unknown command " + Quote(word) + " for " + Quote(root.name());
  std::vector<std::string> near;
  for (const Command& child : root.children) {
    if (child.hidden) continue;
    std::string name = child.name();
    if (EditDistance(word, name) <= kSuggestionDistance ||
        ToLower(name).starts_with(ToLower(word))) {
      near.push_back(name);
    }
  }
  if (near.empty()) return text;
  std::sort(near.begin(), near.end());
  text += "\n\nDid you mean this?\n";
  for (const std::string& name : near) text += "\t" + name + "\n";
  return text;
}

void SetFlag(Invocation* invocation, const Flag& flag, const std::string& value) {
  try {
    invocation->flags.Set(flag.name, value);
  } catch (const CommandError& e) {
    std::string shown = flag.shorthand == 0
                            ? "--" + flag.name
                            : std::string("-") + flag.shorthand + ", --" + flag.name;
    throw CommandError("invalid argument " + Quote(value) + " for \"" + shown +
                       "\" flag: " + e.what());
  }
}

// Takes the flags out of the words; what is left are the command's arguments.
class FlagParser {
 public:
  FlagParser(const std::vector<Flag>& flags, const std::vector<std::string>& words,
             Invocation* invocation)
      : flags_(flags), words_(words), invocation_(invocation) {}

  void Run() {
    while (next_ < words_.size()) {
      const std::string& word = words_[next_++];
      if (word.size() < 2 || word[0] != '-') {
        invocation_->args.push_back(word);
      } else if (word == "--") {
        while (next_ < words_.size()) invocation_->args.push_back(words_[next_++]);
      } else if (word[1] == '-') {
        Long(word);
      } else {
        Short(word);
      }
    }
  }

 private:
  void Long(const std::string& word) {
    std::string name = word.substr(2);
    if (name[0] == '-' || name[0] == '=') throw CommandError("bad flag syntax: " + word);
    size_t equals = name.find('=');
    bool has_value = equals != std::string::npos;
    std::string value = has_value ? name.substr(equals + 1) : "";
    if (has_value) name.resize(equals);
    const Flag* flag = tree::FindLong(flags_, name);
    if (flag == nullptr) throw CommandError("unknown flag: --" + name);
    if (!has_value) {
      if (flag->type == FlagType::kBool) {
        value = "true";
      } else if (next_ < words_.size()) {
        value = words_[next_++];
      } else {
        throw CommandError("flag needs an argument: " + word);
      }
    }
    SetFlag(invocation_, *flag, value);
  }

  // "-abc": boolean flags in a row; the first one that needs a value takes the rest of the word or
  // the next word.
  void Short(const std::string& word) {
    for (size_t i = 1; i < word.size(); ++i) {
      std::string row = word.substr(i);
      const Flag* flag = tree::FindShort(flags_, row[0]);
      if (flag == nullptr) {
        throw CommandError(std::string("unknown shorthand flag: '") + row[0] + "' in -" + row);
      }
      std::string value;
      bool ends_word = true;
      if (row.size() > 2 && row[1] == '=') {
        value = row.substr(2);
      } else if (flag->type == FlagType::kBool) {
        value = "true";
        ends_word = false;
      } else if (row.size() > 1) {
        value = row.substr(1);
      } else if (next_ < words_.size()) {
        value = words_[next_++];
      } else {
        throw CommandError(std::string("flag needs an argument: '") + row[0] + "' in -" + row);
      }
      SetFlag(invocation_, *flag, value);
      if (ends_word) return;
    }
  }

  const std::vector<Flag>& flags_;
  const std::vector<std::string>& words_;
  Invocation* invocation_;
  size_t next_ = 0;
};

}  // namespace

Invocation Parse(const Command& root, const std::vector<std::string>& args, bool* no_command) {
  *no_command = false;
  Invocation invocation;
  invocation.root = &root;
  invocation.path = {&root};
  invocation.called_as = root.name();
  std::vector<std::string> words = args;
  std::vector<Flag> flags = tree::AllFlags(invocation.path);
  for (;;) {
    std::optional<size_t> at = tree::FirstWord(flags, words);
    if (!at) break;
    const Command* child = tree::FindChild(*invocation.path.back(), words[*at]);
    if (child == nullptr) {
      if (invocation.path.size() == 1 && !root.children.empty()) {
        *no_command = true;
        throw CommandError(UnknownCommandText(root, words[*at]));
      }
      break;
    }
    invocation.called_as = words[*at];
    invocation.path.push_back(child);
    words.erase(words.begin() + static_cast<ptrdiff_t>(*at));
    flags = tree::AllFlags(invocation.path);
  }
  invocation.command = invocation.path.back();
  for (const Flag& flag : flags) invocation.flags.Define(flag);
  FlagParser(flags, words, &invocation).Run();
  invocation.help = invocation.flags.GetBool("help");
  return invocation;
}

Outcome Execute(const Command& root, const std::vector<std::string>& args, const Streams& streams,
                const Before& before) {
  Outcome outcome;
  try {
    Invocation invocation = Parse(root, args, &outcome.no_command);
    invocation.streams = streams;
    const Command& command = *invocation.command;
    if (invocation.help || !command.run) {
      *streams.out << HelpText(invocation.path);
      return outcome;
    }
    if (before) {
      if (std::optional<int> code = before(invocation)) {
        outcome.exit_code = *code;
        return outcome;
      }
    }
    if (invocation.args.size() < command.min_args || invocation.args.size() > command.max_args) {
      if (command.wrong_args == WrongArgs::kHelp) {
        *streams.out << HelpText(invocation.path);
        return outcome;
      }
      *streams.out << UsageText(invocation.path);
      throw CommandError("please check output to see error");
    }
    outcome.exit_code = command.run(invocation);
  } catch (const std::exception& e) {
    outcome.exit_code = 1;
    outcome.error = ErrorText(e);
  }
  return outcome;
}

std::string FailureText(const Command& root, const Outcome& outcome) {
  if (outcome.error.empty()) return "";
  std::string text = "Error: " + outcome.error + "\n";
  if (outcome.no_command) text += "Run '" + root.name() + " --help' for usage.\n";
  return text;
}

}  // namespace dm::cli
