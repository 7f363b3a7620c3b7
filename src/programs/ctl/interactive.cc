#include "programs/ctl/interactive.h"

#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/cli/command.h"
#include "base/io/file.h"
#include "base/io/text.h"
#include "programs/ctl/common.h"
#include "programs/ctl/completion.h"
#include "programs/ctl/line_editor.h"
#include "programs/ctl/program.h"
#include "programs/ctl/session.h"
#include "programs/ctl/statements.h"

namespace dm::ctl {

namespace {

// Below the home directory; empty without one.
std::string HistoryFile() {
  const char* home = std::getenv("HOME");
  return home == nullptr || *home == '\0' ? "" : JoinPath(home, ".dmctl/history");
}

bool HoldsSecret(const std::string& line) { return Trim(line).starts_with("encrypt"); }

// Reads lines, at a terminal by an editor.
class LineReader {
 public:
  LineReader(std::istream& in, const cli::Command& root) : in_(in) {
    if (&in != &std::cin || isatty(STDIN_FILENO) == 0 || isatty(STDOUT_FILENO) == 0) return;
    editor_ = std::make_unique<LineEditor>(
        HistoryFile(), [&root](const std::string& line) { return Completions(root, line); },
        HoldsSecret);
  }

  std::optional<std::string> Next() {
    if (editor_) return editor_->Next();
    std::string line;
    if (!std::getline(in_, line)) return std::nullopt;
    return line;
  }

 private:
  std::istream& in_;
  std::unique_ptr<LineEditor> editor_;
};

}  // namespace

int RunInteractive(Session& session, std::istream& in, std::ostream& out) {
  const cli::Command root = CommandTree(session, TreeKind::kInteractive);
  LineReader reader(in, root);
  while (const std::optional<std::string> line = reader.Next()) {
    const std::string trimmed(Trim(*line));
    if (trimmed.empty()) continue;
    if (trimmed == "exit") break;
    const std::vector<std::string> words = WordsOfLine(trimmed);
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
