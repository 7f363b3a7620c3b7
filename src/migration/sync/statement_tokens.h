// Words and names of a statement that is not parsed as a whole.
#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <initializer_list>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "migration/rows/table_plan.h"
#include "mysql/sql/lexer.h"

namespace dm::migration {

// A place in the tokens of a statement, which are read as far as they are asked for: what follows
// the first ones may be megabytes of values. `text` outlives this and its copies. Not for several
// threads at a time.
class StatementTokens {
 public:
  StatementTokens(std::string_view text, const mysql::ParseOptions& options)
      : text_(text), options_(options) {}

  std::string_view Word(size_t ahead = 0) const {
    const size_t at = at_ + ahead;
    return Has(at) && tokens_[at].kind == mysql::TokenKind::kWord
               ? std::string_view(tokens_[at].upper)
               : std::string_view();
  }
  bool Take(std::string_view word) {
    if (Word() != word) return false;
    ++at_;
    return true;
  }
  void TakeAnyOf(std::initializer_list<std::string_view> words) {
    while (std::find(words.begin(), words.end(), Word()) != words.end()) ++at_;
  }
  // Moves behind the first `first second`; false if there is none.
  bool Find(std::string_view first, std::string_view second) {
    for (; Has(at_ + 1); ++at_) {
      if (Word() == first && Word(1) == second) {
        at_ += 2;
        return true;
      }
    }
    return false;
  }
  bool IsSymbol(std::string_view symbol, size_t ahead = 0) const {
    const size_t at = at_ + ahead;
    return Has(at) && tokens_[at].kind == mysql::TokenKind::kSymbol && tokens_[at].text == symbol;
  }
  bool IsName(size_t ahead = 0) const {
    const size_t at = at_ + ahead;
    return Has(at) && (tokens_[at].kind == mysql::TokenKind::kWord ||
                       tokens_[at].kind == mysql::TokenKind::kQuotedName);
  }
  // A table's name, qualified or not.
  std::optional<TableId> Name(std::string_view default_schema) {
    if (!IsName()) return std::nullopt;
    TableId id{std::string(default_schema), tokens_[at_++].text};
    if (IsSymbol(".") && IsName(1)) {
      id.schema = std::move(id.table);
      id.table = tokens_[at_ + 1].text;
      at_ += 2;
    }
    return id;
  }
  // Every `a`.`b` of the text. The place stays.
  std::vector<TableId> QualifiedNames() {
    std::vector<TableId> names;
    const size_t place = std::exchange(at_, 0);
    while (Has(at_)) {
      const size_t before = at_;
      std::optional<TableId> name = Name("");
      if (name && !name->schema.empty()) names.push_back(*std::move(name));
      if (at_ == before) ++at_;
    }
    at_ = place;
    return names;
  }
  void Skip() { ++at_; }
  // Moves behind MariaDB's `SET STATEMENT a = 1 FOR`, with which a statement is logged as it was
  // sent.
  void SkipSetStatement() {
    if (Word() != "SET" || Word(1) != "STATEMENT" || IsSymbol("=", 2)) return;
    int depth = 0;
    for (; !at_end(); Skip()) {
      if (IsSymbol("(")) ++depth;
      if (IsSymbol(")")) --depth;
      if (depth == 0 && Take("FOR")) return;
    }
  }
  // The same of its `ANALYZE [FORMAT = JSON]`, which executes what follows.
  void SkipAnalyze() {
    if (!Take("ANALYZE")) return;
    if (Word() == "FORMAT" && IsSymbol("=", 1)) at_ += 3;
  }
  bool at_end() const {
    return !Has(at_) || tokens_[at_].kind == mysql::TokenKind::kEnd ||
           tokens_[at_].kind == mysql::TokenKind::kError;
  }

  // So many tokens have been read.
  size_t read() const { return tokens_.size(); }

 private:
  static constexpr size_t kFirst = 32;

  bool Has(size_t at) const {
    while (at >= tokens_.size() && !whole_) {
      // The next part is read together with those before it, and is larger than they are.
      const size_t most = std::max(kFirst, 4 * tokens_.size());
      std::vector<mysql::Token> more = mysql::Tokenize(text_, options_, most);
      whole_ = more.size() < most;
      std::move(more.begin() + static_cast<ptrdiff_t>(tokens_.size()), more.end(),
                std::back_inserter(tokens_));
    }
    return at < tokens_.size();
  }

  std::string_view text_;
  mysql::ParseOptions options_;
  // The words that callers hold stay where they are.
  mutable std::deque<mysql::Token> tokens_;
  mutable bool whole_ = false;
  size_t at_ = 0;
};

}  // namespace dm::migration
