#include "mysql/sql/same_expr.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "base/error/error.h"
#include "mysql/sql/parser.h"

namespace dm::mysql {
namespace {

bool IsChain(const Expr& expr) {
  return expr.kind == ExprKind::kBinary && (expr.name == "AND" || expr.name == "OR");
}

// NOT of what is left of it: `a > 5` becomes `a <= 5`. Null if there is no such form.
ExprPtr Negated(const Expr& expr) {
  constexpr std::pair<std::string_view, std::string_view> kOpposites[] = {
      {"=", "!="}, {"!=", "="}, {"<", ">="}, {">=", "<"}, {">", "<="}, {"<=", ">"}};
  auto copy = std::make_shared<Expr>(expr);
  switch (expr.kind) {
    case ExprKind::kIs:
    case ExprKind::kIn:
    case ExprKind::kBetween:
    case ExprKind::kLike:
      copy->negated = !copy->negated;
      return copy;
    case ExprKind::kBinary:
      for (const auto& [name, opposite] : kOpposites) {
        if (expr.name != name) continue;
        copy->name = opposite;
        return copy;
      }
      return nullptr;
    default:
      return nullptr;
  }
}

ExprPtr Not(ExprPtr expr) {
  auto unary = std::make_shared<Expr>();
  unary->kind = ExprKind::kUnary;
  unary->name = "NOT";
  unary->args.push_back(std::move(expr));
  return unary;
}

// Its arguments have their normal form.
ExprPtr Normal(const Expr& expr) {
  switch (expr.kind) {
    case ExprKind::kParen:
      return expr.args.at(0);
    case ExprKind::kString: {
      auto copy = std::make_shared<Expr>(expr);
      copy->charset.clear();
      return copy;
    }
    case ExprKind::kColumn:
    case ExprKind::kFunction: {
      auto copy = std::make_shared<Expr>(expr);
      std::transform(copy->name.begin(), copy->name.end(), copy->name.begin(), [](char c) {
        return 'A' <= c && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
      });
      if (expr.kind == ExprKind::kColumn) {
        copy->schema.clear();
        copy->table.clear();
      }
      return copy;
    }
    case ExprKind::kRegexp: {
      // As MySQL writes it.
      auto call = std::make_shared<Expr>();
      call->kind = ExprKind::kFunction;
      call->name = "regexp_like";
      call->args = expr.args;
      return expr.negated ? Not(std::move(call)) : call;
    }
    case ExprKind::kUnary:
      if (expr.name != "NOT" && expr.name != "!") return nullptr;
      if (ExprPtr negated = Negated(*expr.args.at(0))) return negated;
      return Not(expr.args.at(0));
    case ExprKind::kBinary: {
      if (!IsChain(expr)) return nullptr;
      // All in one node.
      auto chain = std::make_shared<Expr>(expr);
      chain->args.clear();
      for (const ExprPtr& arg : expr.args) {
        if (IsChain(*arg) && arg->name == expr.name) {
          chain->args.insert(chain->args.end(), arg->args.begin(), arg->args.end());
        } else {
          chain->args.push_back(arg);
        }
      }
      return chain;
    }
    default:
      return nullptr;
  }
}

bool Equal(const ExprPtr& a, const ExprPtr& b) {
  if (a == nullptr || b == nullptr) return a == b;
  return a->kind == b->kind && a->name == b->name && a->text == b->text &&
         a->charset == b->charset && a->schema == b->schema && a->table == b->table &&
         a->negated == b->negated && a->has_operand == b->has_operand &&
         a->has_else == b->has_else && a->array == b->array && a->has_parens == b->has_parens &&
         std::equal(a->args.begin(), a->args.end(), b->args.begin(), b->args.end(), Equal);
}

}  // namespace

bool IsSameExpression(const ExprPtr& a, const ExprPtr& b) {
  return Equal(Transform(a, Normal), Transform(b, Normal));
}

bool IsSameStoredExpression(std::string_view a, std::string_view b) {
  if (a == b) return true;
  try {
    return IsSameExpression(ParseExpression(a, {}), ParseExpression(b, {}));
  } catch (const Error&) {
    return false;
  }
}

}  // namespace dm::mysql
