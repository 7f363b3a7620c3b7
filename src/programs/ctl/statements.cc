#include "programs/ctl/statements.h"

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

}  // namespace

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
