#include "migration/rules/expression_filter.h"

#include <fmt/format.h>

#include <string>

#include "base/error/error.h"

namespace dm::migration {
namespace {

// Reads `text` as a list of SQL expressions as far as quoting and brackets decide it. Returns the
// reason why it cannot be one; empty if it may be.
std::string ExpressionDefect(std::string_view text) {
  std::string open;
  bool anything = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r') continue;
    if (c == '/' && text.substr(i, 2) == "/*") {
      size_t end = text.find("*/", i + 2);
      if (end == std::string_view::npos) return "a comment is not closed";
      i = end + 1;
      continue;
    }
    anything = true;
    if (c == '\'' || c == '"' || c == '`') {
      size_t end = i + 1;
      while (end < text.size() && text[end] != c) end += text[end] == '\\' && c != '`' ? 2 : 1;
      if (end >= text.size()) return fmt::format("a quote {} is not closed", c);
      i = end;
    } else if (c == '(') {
      open.push_back(c);
    } else if (c == ')') {
      if (open.empty()) return "a bracket ) has no opening one";
      open.pop_back();
    } else if (c == ';') {
      return "it holds more than one statement";
    }
  }
  if (!open.empty()) return "a bracket ( is not closed";
  return anything ? "" : "it is empty";
}

}  // namespace

void CheckExpressionFilter(std::string_view name, const ExpressionFilterRule& rule) {
  if (rule.schema.empty()) throw MakeError(ErrorCode::kConfigExprFilterEmptyName, name, "schema");
  if (rule.table.empty()) throw MakeError(ErrorCode::kConfigExprFilterEmptyName, name, "table");
  for (const std::string* expression : {&rule.insert_value_expr, &rule.update_old_value_expr,
                                        &rule.update_new_value_expr, &rule.delete_value_expr}) {
    if (expression->empty()) continue;
    if (std::string defect = ExpressionDefect(*expression); !defect.empty()) {
      throw MakeError(ErrorCode::kConfigExprFilterWrongGrammar, name, *expression)
          .SetRawCause(defect);
    }
  }
  const int kinds = !rule.insert_value_expr.empty() +
                    (!rule.update_old_value_expr.empty() || !rule.update_new_value_expr.empty()) +
                    !rule.delete_value_expr.empty();
  if (kinds != 1) throw MakeError(ErrorCode::kConfigExprFilterManyExpr, name);
}

}  // namespace dm::migration
