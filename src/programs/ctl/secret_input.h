// Reading a secret from standard input.
#pragma once

#include <string>

namespace dm::ctl {

// One line of standard input without its end; not echoed if it is a terminal. Throws
// cli::CommandError if there is none.
std::string ReadSecretLine();

}  // namespace dm::ctl
