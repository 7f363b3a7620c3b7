// dmctl.
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include "base/error/error.h"
#include "base/io/file.h"
#include "base/log/log.h"
#include "programs/ctl/program.h"

namespace {

constexpr const char* kLogFile = "dmctl.log";

template <size_t n>
[[noreturn]] void Leave(const char (&text)[n], int code) {
  // Nothing can be done about a failed write at the end of the process.
  [[maybe_unused]] const ssize_t written = write(STDOUT_FILENO, text, n - 1);
  _exit(code);
}

// Only calls that are safe in a signal handler.
extern "C" void LeaveOnSignal(int signal) {
  switch (signal) {
    case SIGTERM:
      Leave("\nGot signal [terminated] to exit.\n", 0);
    case SIGINT:
      Leave("\nGot signal [interrupt] to exit.\n", 1);
    case SIGHUP:
      Leave("\nGot signal [hangup] to exit.\n", 1);
    default:
      Leave("\nGot signal [quit] to exit.\n", 1);
  }
}

void CatchSignals() {
  struct sigaction action {};
  action.sa_handler = LeaveOnSignal;
  sigfillset(&action.sa_mask);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGQUIT}) sigaction(signal, &action, nullptr);
}

std::optional<std::string> FromEnvironment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  if (value == nullptr) return std::nullopt;
  return value;
}

// The log goes to the working directory; if that is not writable, below the home directory; if
// there is no such place either, nowhere: a log is no reason not to run a command.
void OpenLog() {
  std::vector<std::string> candidates = {kLogFile};
  if (const auto home = FromEnvironment("HOME")) {
    candidates.push_back(dm::JoinPath(dm::JoinPath(*home, ".dmctl"), kLogFile));
  }
  candidates.emplace_back("/dev/null");
  for (const std::string& file : candidates) {
    try {
      dm::InitLog({.level = "info", .file = file});
      return;
    } catch (const dm::Error&) {
      continue;  // the next place
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  CatchSignals();
  const std::vector<std::string> args(argv + 1, argv + argc);
  return dm::ctl::RunDmctl(args, FromEnvironment, std::cin, {.out = &std::cout, .err = &std::cerr},
                           OpenLog);
}
