// What several commands need.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/cli/command.h"
#include "programs/ctl/session.h"

namespace google::protobuf {
class Message;
}

namespace dm::ctl {

// Values of -s/--source, in the order given.
const std::vector<std::string>& Sources(const cli::Invocation& invocation);

// Content of a file named on the command line. Throws cli::CommandError
// "error in get file content: open <path>: <reason>".
std::string ReadNamedFile(const std::string& path);

// The task that a "task-name | task-file" argument names: the `name` in it if it ends in .yaml or
// .yml and is a readable, well-formed task file, else the argument itself.
std::string TaskName(const std::string& argument);

// Ends a command whose reason was printed already: "please check output to see error".
[[noreturn]] void FailSeeOutput();
// Prints `hint` as a line, then FailSeeOutput.
[[noreturn]] void FailWithHint(const cli::Invocation& invocation, std::string_view hint);
// Prints the command's usage, then FailSeeOutput.
[[noreturn]] void FailWithUsage(const cli::Invocation& invocation);

void PrintLine(const cli::Invocation& invocation, std::string_view line);
// The usual answer of a command: JSON and a line break.
void PrintResponse(const cli::Invocation& invocation, const google::protobuf::Message& response);

// Runs `request`; if it fails, prints `hint` as a line before the failure goes on.
template <class Request>
auto WithHint(const cli::Invocation& invocation, std::string_view hint, const Request& request) {
  try {
    return request();
  } catch (const std::exception&) {
    PrintLine(invocation, hint);
    throw;
  }
}

// "[a b c]".
std::string BracketList(const std::vector<std::string>& words);

// `text` without one pair of double quotes around it.
std::string_view Unquoted(std::string_view text);

// The groups of commands; each refers to `session`, which must outlive them.
std::vector<cli::Command> TaskCommands(Session& session);
std::vector<cli::Command> SourceCommands(Session& session);
std::vector<cli::Command> MemberCommands(Session& session);
std::vector<cli::Command> RelayCommands(Session& session);
std::vector<cli::Command> LockCommands(Session& session);
std::vector<cli::Command> BinlogCommands(Session& session);
std::vector<cli::Command> SchemaCommands(Session& session);
std::vector<cli::Command> ConfigCommands(Session& session);
std::vector<cli::Command> ValidationCommands(Session& session);

}  // namespace dm::ctl
