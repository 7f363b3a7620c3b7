// From the tree of an expression to functions. For the .cc files of this room.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "mysql/evaluate/condition.h"
#include "mysql/evaluate/node.h"

namespace dm::mysql::evaluate {

// Throws as Condition. What it makes refers to nothing of it.
class Compiler {
 public:
  Compiler(std::span<const ConditionColumn> columns, const ConditionOptions& options)
      : columns_(columns), options_(options) {}

  Node Compile(const Expr& expr);
  std::vector<Node> CompileAll(const std::vector<ExprPtr>& exprs);
  const ConditionOptions& options() const { return options_; }
  // Collation of texts that come from no column.
  std::string ConnectionCollation() const {
    return options_.mariadb ? "utf8mb4_general_ci" : "utf8mb4_0900_ai_ci";
  }
  Node TextLiteral(std::string text) const;

 private:
  Node CompileKind(const Expr& expr);
  Node Column(const Expr& expr);
  Node Literal(const Expr& expr);
  Node Unary(const Expr& expr);
  Node Binary(const Expr& expr);
  Node Logical(const Expr& expr);
  Node CompareNode(const Expr& expr);
  Node Is(const Expr& expr);
  Node In(const Expr& expr);
  Node Between(const Expr& expr);
  Node Like(const Expr& expr);
  Node Case(const Expr& expr);
  Node Cast(const Expr& expr);
  Node Collate(const Expr& expr);

  std::span<const ConditionColumn> columns_;
  const ConditionOptions& options_;
};

// ---- arithmetic.cc ------------------------------------------------------------------------------

Node Add(const Node& a, const Node& b, std::string_view op, bool mariadb);   // + - *
Node Divide(const Node& a, const Node& b);                                   // /
Node DivideInteger(const Node& a, const Node& b);                            // DIV
Node Remainder(const Node& a, const Node& b, bool mariadb);                  // % MOD
Node Bits(const Node& a, const Node& b, std::string_view op, bool mariadb);  // & | ^ << >>
Node Negate(const Node& a);
Node Invert(const Node& a);  // ~

// ---- functions ----------------------------------------------------------------------------------

// What is known of a function by its name.
struct FunctionEntry {
  std::string_view name;  // upper case
  size_t least;           // arguments
  size_t most;
  Node (*make)(Compiler&, const Expr&);
};
// nullptr for a name that is not known.
const FunctionEntry* FindFunction(std::string_view name);

std::span<const FunctionEntry> NumberFunctions();
std::span<const FunctionEntry> TextFunctions();
std::span<const FunctionEntry> TemporalFunctions();

// Of functions with their own syntax.
Node Trim(Compiler& compiler, const Expr& expr);
Node Position(Compiler& compiler, const Expr& expr);
Node Extract(Compiler& compiler, const Expr& expr);
Node AddIntervalTo(Compiler& compiler, const Expr& date, const Expr& interval, bool subtract);

// `text` (upper case) without its arguments.
std::string Upper(std::string_view text);

}  // namespace dm::mysql::evaluate
