#include "programs/ctl/secret_input.h"

#include <termios.h>
#include <unistd.h>

#include <iostream>

#include "base/cli/flag.h"

namespace dm::ctl {

namespace {

// Switches the echo of the terminal off while it lives.
class NoEcho {
 public:
  NoEcho() {
    if (tcgetattr(STDIN_FILENO, &before_) != 0) return;  // no terminal
    termios quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    changed_ = tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet) == 0;
  }
  ~NoEcho() {
    if (changed_) tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
  }
  NoEcho(const NoEcho&) = delete;
  NoEcho& operator=(const NoEcho&) = delete;

 private:
  termios before_{};
  bool changed_ = false;
};

}  // namespace

std::string ReadSecretLine() {
  const NoEcho no_echo;
  std::string line;
  if (!std::getline(std::cin, line)) throw cli::CommandError("no text on standard input");
  return line;
}

}  // namespace dm::ctl
