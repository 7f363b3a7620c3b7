#include "base/cli/command.h"

namespace dm::cli {

std::optional<std::vector<LineWord>> SplitLine(std::string_view line) {
  std::vector<LineWord> words;
  std::string word;
  bool in_word = false;
  size_t begin = 0;
  const auto take = [&](size_t end) {
    if (in_word) words.push_back({std::move(word), std::string(line.substr(begin, end - begin))});
    word.clear();
    in_word = false;
  };
  for (size_t i = 0; i < line.size(); ++i) {
    char c = line[i];
    if (!in_word) begin = i;
    if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
      take(i);
    } else if (c == '#' && !in_word) {
      i = line.find('\n', i);
      if (i == std::string_view::npos) break;
    } else if (c == '\\') {
      if (++i >= line.size()) return std::nullopt;
      word += line[i];
      in_word = true;
    } else if (c == '\'' || c == '"') {
      in_word = true;
      for (++i;; ++i) {
        if (i >= line.size()) return std::nullopt;
        if (line[i] == c) break;
        if (c == '"' && line[i] == '\\' && ++i >= line.size()) return std::nullopt;
        word += line[i];
      }
    } else {
      word += c;
      in_word = true;
    }
  }
  take(line.size());
  return words;
}

}  // namespace dm::cli
