// The dialect of dmctl: a tree of commands, long and short flags that may stand before or after the
// command words, a fixed help layout and fixed error texts.
//
//   Command root{.use = "dmctl", .brief = "DM control", .flags = {...}};
//   root.children.push_back({.use = "start-task [-s source ...] <config-file>", ...});
//   Outcome outcome = Execute(root, args, {&std::cout, &std::cerr}, connect);
//   std::cerr << FailureText(root, outcome);
//   return outcome.exit_code;
#pragma once

#include <functional>
#include <iosfwd>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "base/cli/flag.h"

namespace dm::cli {

struct Command;

struct Streams {
  std::ostream* out = nullptr;
  std::ostream* err = nullptr;
};

// One command line taken apart.
struct Invocation {
  const Command* root = nullptr;
  const Command* command = nullptr;
  std::vector<const Command*> path;  // root first, `command` last
  std::string called_as;             // name or alias by which the command was given
  std::vector<std::string> args;     // words that are neither command names nor flags
  FlagValues flags;                  // own and inherited
  bool help = false;                 // -h or --help was given
  Streams streams;
};

// Runs a command; returns the process's exit code. Failures: CommandError, dm::Error.
using Action = std::function<int(const Invocation&)>;

// What happens when the number of words is outside [min_args, max_args].
enum class WrongArgs {
  kUsage,  // usage on stdout, error "please check output to see error", exit 1
  kHelp,   // full help on stdout, exit 0
};

inline constexpr size_t kAnyArgs = std::numeric_limits<size_t>::max();

// A command and its sub-commands. `-h, --help` is added to every command.
struct Command {
  std::string use;               // "<name> <synopsis>"; " [flags]" is appended in help
  std::string brief;             // one line, shown in the parent's list
  std::string description = {};  // shown by help instead of `brief` if not empty
  std::vector<std::string> aliases = {};
  bool hidden = false;
  std::vector<Flag> flags = {};
  size_t min_args = 0;
  size_t max_args = kAnyArgs;
  WrongArgs wrong_args = WrongArgs::kUsage;
  // Empty: a group that prints its help, whatever words follow.
  Action run = {};
  std::vector<Command> children = {};

  // First word of `use`.
  [[nodiscard]] std::string name() const;
};

// Takes `args` (without the program's name) apart: finds the command, parses flags. Throws
// CommandError; `no_command` tells then whether no command could be determined.
Invocation Parse(const Command& root, const std::vector<std::string>& args, bool* no_command);

struct Outcome {
  int exit_code = 0;
  std::string error;        // text of the failure; empty: none
  bool no_command = false;  // no command could be determined
};

// Parses, prints help where asked for, else calls `before` (connects, handles --version; a
// non-empty return value is the exit code and ends the execution), then checks the number of words,
// then runs the command. Groups and help need no `before`. Never throws but std::bad_alloc.
using Before = std::function<std::optional<int>(const Invocation&)>;
Outcome Execute(const Command& root, const std::vector<std::string>& args, const Streams& streams,
                const Before& before);

// What is printed for a failed outcome: "Error: <text>" and, if no command was found, the line
// "Run '<root> --help' for usage."; empty for a successful one.
std::string FailureText(const Command& root, const Outcome& outcome);

// The usage block of the command at the end of `path`; ends with a newline. `with_help_flag`: list
// -h, --help too.
std::string UsageText(const std::vector<const Command*>& path, bool with_help_flag = true);
// Description, empty line, usage block.
std::string HelpText(const std::vector<const Command*>& path);

// The action of a `help [command]` command: full help of the command that `args` name; for an
// unknown topic one line and the root's usage on the error stream. Returns 0.
int RunHelpCommand(const Invocation& invocation);

// A word of a line, and as it stands there.
struct LineWord {
  std::string word;
  std::string text;
};
// Splits a line like a POSIX shell (quotes, backslash, # comments), without expansion. nullopt:
// unbalanced quotes or a trailing backslash.
std::optional<std::vector<LineWord>> SplitLine(std::string_view line);

}  // namespace dm::cli
