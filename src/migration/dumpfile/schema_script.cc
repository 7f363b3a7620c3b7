#include "migration/dumpfile/schema_script.h"

#include <algorithm>

#include "base/error/error.h"

namespace dm::migration {

namespace {

bool IsBlank(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '\f'; }

// A position in SQL text that knows quotes and comments.
class Cursor {
 public:
  Cursor(std::string_view text, const ScriptOptions& options) : text_(text), options_(options) {}

  bool AtEnd() const { return position_ >= text_.size(); }
  char Peek() const { return text_[position_]; }
  size_t position() const { return position_; }
  std::string_view rest() const { return text_.substr(position_); }

  // Blanks and comments that are no code.
  void SkipBlanks() {
    while (!AtEnd()) {
      if (IsBlank(Peek())) {
        ++position_;
      } else if (Peek() == '#' ||
                 (rest().starts_with("--") && (rest().size() == 2 || IsBlank(rest()[2])))) {
        position_ = std::min(text_.find('\n', position_), text_.size());
      } else if (rest().starts_with("/*") && !rest().starts_with("/*!") &&
                 !rest().starts_with("/*M!") && !rest().starts_with("/*T!")) {
        SkipComment();
      } else {
        return;
      }
    }
  }

  // One quoted text, one comment, or one byte.
  void SkipToken() {
    const char c = Peek();
    if (c == '\'' || c == '"' || c == '`') {
      SkipQuoted(c);
    } else if (rest().starts_with("/*")) {
      SkipComment();
    } else if (c == '#' ||
               (rest().starts_with("--") && (rest().size() == 2 || IsBlank(rest()[2])))) {
      position_ = std::min(text_.find('\n', position_), text_.size());
    } else {
      ++position_;
    }
  }

  // The next word in any letter case.
  bool SkipWord(std::string_view upper) {
    SkipBlanks();
    const std::string_view next = rest().substr(0, upper.size());
    if (next.size() < upper.size() ||
        !std::equal(next.begin(), next.end(), upper.begin(), [](char a, char b) {
          return (a >= 'a' && a <= 'z' ? static_cast<char>(a - 'a' + 'A') : a) == b;
        })) {
      return false;
    }
    if (rest().size() > upper.size()) {
      const char after = rest()[upper.size()];
      if ((after >= 'a' && after <= 'z') || (after >= 'A' && after <= 'Z') || after == '_' ||
          (after >= '0' && after <= '9')) {
        return false;
      }
    }
    position_ += upper.size();
    return true;
  }

  bool SkipName() {
    SkipBlanks();
    if (AtEnd()) return false;
    if (Peek() == '`' || (Peek() == '"' && options_.ansi_quotes)) {
      const char quote = Peek();
      do {
        SkipQuoted(quote);
      } while (!AtEnd() && Peek() == quote);  // a doubled quote inside the name
      return true;
    }
    const size_t start = position_;
    while (!AtEnd() && !IsBlank(Peek()) &&
           std::string_view("(.;,/`'\"").find(Peek()) == std::string_view::npos) {
      ++position_;
    }
    return position_ > start;
  }

  bool Skip(char c) {
    SkipBlanks();
    if (AtEnd() || Peek() != c) return false;
    ++position_;
    return true;
  }

 private:
  void SkipQuoted(char quote) {
    const bool name = quote == '`' || (quote == '"' && options_.ansi_quotes);
    for (++position_; !AtEnd(); ++position_) {
      if (Peek() == '\\' && !name && options_.backslash_escapes) {
        ++position_;
      } else if (Peek() == quote) {
        // A doubled quote is read as two quoted texts, which end at the same place.
        ++position_;
        return;
      }
    }
    position_ = std::min(position_, text_.size());
  }

  void SkipComment() {
    const size_t end = text_.find("*/", position_ + 2);
    position_ = end == std::string_view::npos ? text_.size() : end + 2;
  }

  const std::string_view text_;
  const ScriptOptions options_;
  size_t position_ = 0;
};

// SET statements, plain or in an executable comment, concern the session of the original tool.
bool IsSet(std::string_view statement, const ScriptOptions& options) {
  if (statement.starts_with("/*!")) {
    size_t i = 3;
    while (i < statement.size() && statement[i] >= '0' && statement[i] <= '9') ++i;
    statement.remove_prefix(i);
  }
  return Cursor(statement, options).SkipWord("SET");
}

}  // namespace

std::vector<std::string> SplitScript(std::string_view script, const ScriptOptions& options) {
  std::vector<std::string> statements;
  Cursor cursor(script, options);
  for (;;) {
    cursor.SkipBlanks();
    if (cursor.AtEnd()) return statements;
    const size_t start = cursor.position();
    while (!cursor.AtEnd() && cursor.Peek() != ';') cursor.SkipToken();
    std::string_view statement = script.substr(start, cursor.position() - start);
    while (!statement.empty() && IsBlank(statement.back())) statement.remove_suffix(1);
    cursor.Skip(';');
    if (!statement.empty() && !IsSet(statement, options)) statements.emplace_back(statement);
  }
}

CreateHead ReadCreateHead(std::string_view statement, const ScriptOptions& options) {
  Cursor cursor(statement, options);
  CreateHead head;
  bool ok = cursor.SkipWord("CREATE");
  if (ok) {
    if (cursor.SkipWord("OR")) ok = cursor.SkipWord("REPLACE");
    if (cursor.SkipWord("DATABASE") || cursor.SkipWord("SCHEMA")) {
      head.kind = CreateHead::Kind::kDatabase;
    } else {
      ok = ok && cursor.SkipWord("TABLE");
    }
  }
  if (ok && cursor.SkipWord("IF")) ok = cursor.SkipWord("NOT") && cursor.SkipWord("EXISTS");
  // MySQL prints CREATE DATABASE /*!32312 IF NOT EXISTS*/ `name` when asked to.
  if (ok && cursor.rest().starts_with("/*!")) cursor.SkipToken();
  ok = ok && cursor.SkipName();
  size_t behind_name = cursor.position();
  if (ok && head.kind == CreateHead::Kind::kTable && cursor.Skip('.')) {
    ok = cursor.SkipName();
    behind_name = cursor.position();
  }
  if (!ok) {
    throw Error(ErrorCode::kLoadUnitNotCreateTable,
                fmt::format("statement {} is not `CREATE TABLE`", statement));
  }
  head.rest = statement.substr(behind_name);
  return head;
}

std::string WithoutDefiner(std::string_view statement) {
  Cursor cursor(statement, {.ansi_quotes = true});
  const std::string same(statement);
  if (!cursor.SkipWord("CREATE")) return same;
  if (cursor.SkipWord("ALGORITHM") && !(cursor.Skip('=') && cursor.SkipName())) return same;
  const size_t start = cursor.position();
  if (!cursor.SkipWord("DEFINER") || !cursor.Skip('=') || !cursor.SkipName()) return same;
  // (A role has no host.)
  if (cursor.Skip('@') && !cursor.SkipName()) return same;
  cursor.SkipBlanks();
  std::string bare = same.substr(0, start);
  while (bare.ends_with(' ')) bare.pop_back();
  return bare + " " + std::string(cursor.rest());
}

bool IsMariaDbScript(std::string_view script) {
  return script.starts_with("/*!40101 SET NAMES binary*/;\nSET FOREIGN_KEY_CHECKS=0;");
}

}  // namespace dm::migration
