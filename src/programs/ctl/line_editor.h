// Reading lines at a terminal: editing, history, completion.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace dm::ctl {

// One at a time in a process; one thread.
class LineEditor {
 public:
  // Words that may replace the last one of the text before the cursor.
  using Completer = std::function<std::vector<std::string>(const std::string& before_cursor)>;

  // Lines go to `history_file` (mode 0600, its directory is made; empty: they are forgotten), but
  // those for which `is_secret`.
  LineEditor(std::string history_file, Completer completer,
             std::function<bool(const std::string& line)> is_secret);
  // Saves the history.
  ~LineEditor();
  LineEditor(const LineEditor&) = delete;
  LineEditor& operator=(const LineEditor&) = delete;

  // The next line without its end; nullopt: Ctrl-C, Ctrl-D on an empty line, the terminal is gone.
  std::optional<std::string> Next();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dm::ctl
