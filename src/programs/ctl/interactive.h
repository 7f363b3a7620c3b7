// The mode in which dmctl reads commands line by line.
#pragma once

#include <iosfwd>

namespace dm::ctl {

class Session;

// Executes the lines of `in` until `exit` or its end, all output to `out`. Failures are printed and
// end nothing. At a terminal (`in` is standard input) lines can be edited, completed and found
// again; they are kept in $HOME/.dmctl/history. Returns the exit code.
int RunInteractive(Session& session, std::istream& in, std::ostream& out);

}  // namespace dm::ctl
