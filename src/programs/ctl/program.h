// dmctl as a whole: from command line to exit code.
#pragma once

#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

#include "base/cli/command.h"
#include "programs/ctl/session.h"

namespace dm::ctl {

// Runs dmctl once: a command, or the interactive mode if the command line names none. `args`
// without the program's name. `before_connect` (may be empty) is called once it is known that a
// master is needed, before one is looked for. Returns the exit code.
int RunDmctl(const std::vector<std::string>& args, const Environment& environment, std::istream& in,
             const cli::Streams& streams, const std::function<void()>& before_connect = {});

enum class TreeKind {
  kOneShot,      // all options of the process
  kInteractive,  // -s and -h alone
};

// The commands of dmctl; they refer to `session`, which must outlive them.
cli::Command CommandTree(Session& session, TreeKind kind);

// `args` with the old single-dash spelling of process options (-master-addr=x) rewritten.
std::vector<std::string> RewriteSingleDash(std::vector<std::string> args);

}  // namespace dm::ctl
