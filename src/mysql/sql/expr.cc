#include "mysql/sql/expr.h"

#include "mysql/sql/lexer.h"

namespace dm::mysql {

void ForEachColumn(const ExprPtr& expr, const std::function<void(const Expr&)>& visit) {
  if (expr == nullptr) return;
  if (expr->kind == ExprKind::kColumn ||
      (expr->kind == ExprKind::kDefault && !expr->name.empty())) {
    visit(*expr);
  }
  for (const ExprPtr& arg : expr->args) ForEachColumn(arg, visit);
}

ExprPtr RenameColumn(const ExprPtr& expr, std::string_view from, std::string_view to) {
  if (expr == nullptr) return nullptr;
  const bool is_column =
      expr->kind == ExprKind::kColumn || (expr->kind == ExprKind::kDefault && !expr->name.empty());
  const bool renamed = is_column && UpperWord(expr->name) == UpperWord(from);
  std::vector<ExprPtr> args;
  bool changed = false;
  args.reserve(expr->args.size());
  for (const ExprPtr& arg : expr->args) {
    args.push_back(RenameColumn(arg, from, to));
    changed = changed || args.back() != arg;
  }
  if (!renamed && !changed) return expr;
  auto copy = std::make_shared<Expr>(*expr);
  copy->args = std::move(args);
  if (renamed) copy->name = to;
  return copy;
}

}  // namespace dm::mysql
