#include "programs/ctl/interactive.h"

#include <unistd.h>

#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include "base/cli/command.h"
#include "base/io/text.h"
#include "programs/ctl/common.h"
#include "programs/ctl/program.h"
#include "programs/ctl/session.h"

namespace dm::ctl {

namespace {

constexpr std::string_view kPrompt = "\x1b[31m»\x1b[0m ";

// Reads lines; shows a prompt if the input is a terminal.
class LineReader {
 public:
  LineReader(std::istream& in, std::ostream& out)
      : in_(in), out_(out), terminal_(&in == &std::cin && isatty(STDIN_FILENO) != 0) {}

  std::optional<std::string> Next() {
    if (terminal_) out_ << kPrompt << std::flush;
    std::string line;
    if (!std::getline(in_, line)) return std::nullopt;
    return line;
  }

 private:
  std::istream& in_;
  std::ostream& out_;
  bool terminal_;
};

// The words of a line; a line with unbalanced quotes is one word.
std::vector<std::string> Words(const std::string& line) {
  if (auto words = cli::SplitWords(line)) return *words;
  return {line};
}

}  // namespace

int RunInteractive(Session& session, std::istream& in, std::ostream& out) {
  const cli::Command root = CommandTree(session, TreeKind::kInteractive);
  LineReader reader(in, out);
  while (const std::optional<std::string> line = reader.Next()) {
    const std::string trimmed(Trim(*line));
    if (trimmed.empty()) continue;
    if (trimmed == "exit") break;
    const std::vector<std::string> words = Words(trimmed);
    if (words.empty()) continue;
    const cli::Outcome outcome = cli::Execute(root, words, {.out = &out, .err = &out}, nullptr);
    if (!outcome.error.empty()) {
      out << "fail to run: " << BracketList(words) << "\n" << cli::FailureText(root, outcome);
    }
    out << std::flush;
  }
  return 0;
}

}  // namespace dm::ctl
