#include "programs/ctl/statements.h"

#include "base/cli/command.h"
#include "base/cli/flag.h"
#include "base/error/error.h"
#include "base/io/text.h"
#include "mysql/sql/parser.h"
#include "programs/ctl/common.h"

namespace dm::ctl {

namespace {

// End of the quoted text, comment or single character that begins at `at`.
size_t SkipToken(std::string_view text, size_t at) {
  const char c = text[at];
  if (c == '\'' || c == '"' || c == '`') {
    for (++at; at < text.size(); ++at) {
      if (text[at] == '\\' && c != '`') {
        ++at;
      } else if (text[at] == c) {
        return at + 1;
      }
    }
    return text.size();
  }
  const std::string_view rest = text.substr(at);
  size_t end = std::string_view::npos;
  if (rest.starts_with("/*")) {
    end = text.find("*/", at + 2);
    return end == std::string_view::npos ? text.size() : end + 2;
  }
  if (c == '#' || rest.starts_with("-- ")) {
    end = text.find('\n', at);
    return end == std::string_view::npos ? text.size() : end;
  }
  return at + 1;
}

// Indexes of the words that are neither options nor their values.
std::vector<size_t> Positionals(const std::vector<cli::LineWord>& words) {
  std::vector<size_t> found;
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i].word;
    if (!word.starts_with('-') || word == "-") {
      found.push_back(i);
    } else if (word == "-b" || word == "-s" || word == "--binlog-pos" || word == "--source") {
      ++i;
    }
  }
  return found;
}

// Index among the positional words where SQL begins; their number if there is none.
size_t BeginOfSql(const std::vector<cli::LineWord>& words, const std::vector<size_t>& positionals) {
  const auto is = [&](size_t i, std::string_view word) {
    return i < positionals.size() && words[positionals[i]].word == word;
  };
  if (is(0, "binlog") && (is(1, "replace") || is(1, "inject"))) return 3;
  if (is(0, "handle-error") && is(2, "replace")) return 3;
  return positionals.size();
}

// Is all of it between one pair of quotes?
bool IsQuotedAsWhole(std::string_view text) {
  if (text.size() < 2 || (text[0] != '\'' && text[0] != '"')) return false;
  for (size_t at = 1; at < text.size(); ++at) {
    if (text[0] == '"' && text[at] == '\\') {
      ++at;
    } else if (text[at] == text[0]) {
      return at + 1 == text.size();
    }
  }
  return false;
}

}  // namespace

std::vector<std::string> WordsOfLine(std::string_view line) {
  std::optional<std::vector<cli::LineWord>> split = cli::SplitLine(line);
  if (!split) return {std::string(line)};
  const std::vector<size_t> positionals = Positionals(*split);
  bool begins = true;  // a statement
  for (size_t i = BeginOfSql(*split, positionals); i < positionals.size(); ++i) {
    cli::LineWord& part = (*split)[positionals[i]];
    if (!begins || !IsQuotedAsWhole(part.text)) part.word = part.text;
    begins = part.word.ends_with(';');
  }
  std::vector<std::string> words;
  for (cli::LineWord& part : *split) words.push_back(std::move(part.word));
  return words;
}

std::vector<std::string> ParseStatementList(std::string_view text) {
  text = Trim(Unquoted(Trim(text)));
  std::vector<std::string> statements;
  size_t begin = 0;
  const auto take = [&](size_t end) {
    const std::string_view statement = text.substr(begin, end - begin);
    std::string_view bare = Trim(statement);
    if (bare.ends_with(';')) bare.remove_suffix(1);
    if (!Trim(bare).empty()) statements.emplace_back(statement);
    begin = end;
  };
  for (size_t at = 0; at < text.size();) {
    const bool separator = text[at] == ';';
    at = SkipToken(text, at);
    if (separator) take(at);
  }
  take(text.size());
  const auto fail = [&](std::string_view reason) {
    throw cli::CommandError(fmt::format("invalid sql '{}': {}", text, reason));
  };
  if (statements.empty()) fail("no statement");
  try {
    mysql::ParseStatements(text, {});
  } catch (const Error& e) {
    fail(e.ToString());
  }
  return statements;
}

}  // namespace dm::ctl
