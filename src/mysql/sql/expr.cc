#include "mysql/sql/expr.h"

#include "mysql/sql/lexer.h"

namespace dm::mysql {

namespace {

bool NamesColumn(const Expr& expr) {
  return expr.kind == ExprKind::kColumn || (expr.kind == ExprKind::kDefault && !expr.name.empty());
}

}  // namespace

void ForEachColumn(const ExprPtr& expr, const std::function<void(const Expr&)>& visit) {
  if (expr == nullptr) return;
  if (NamesColumn(*expr)) visit(*expr);
  for (const ExprPtr& arg : expr->args) ForEachColumn(arg, visit);
}

ExprPtr Transform(const ExprPtr& expr, const std::function<ExprPtr(const Expr&)>& change) {
  if (expr == nullptr) return nullptr;
  std::vector<ExprPtr> args;
  args.reserve(expr->args.size());
  for (const ExprPtr& arg : expr->args) args.push_back(Transform(arg, change));
  ExprPtr result = expr;
  if (args != expr->args) {
    auto copy = std::make_shared<Expr>(*expr);
    copy->args = std::move(args);
    result = std::move(copy);
  }
  ExprPtr changed = change(*result);
  return changed != nullptr ? changed : result;
}

bool TakesFromSequence(const ExprPtr& expr) {
  return expr != nullptr && (expr->kind == ExprKind::kNextValue ||
                             std::any_of(expr->args.begin(), expr->args.end(), TakesFromSequence));
}

ExprPtr RenameColumn(const ExprPtr& expr, std::string_view from, std::string_view to) {
  return Transform(expr, [&](const Expr& node) -> ExprPtr {
    if (!NamesColumn(node) || UpperWord(node.name) != UpperWord(from)) return nullptr;
    auto copy = std::make_shared<Expr>(node);
    copy->name = to;
    return copy;
  });
}

}  // namespace dm::mysql
