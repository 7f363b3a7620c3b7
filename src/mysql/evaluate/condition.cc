#include "mysql/evaluate/condition.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error/error.h"
#include "mysql/evaluate/compile.h"

namespace dm::mysql {

using evaluate::FunctionEntry;
using evaluate::Refuse;

namespace {

// Functions whose value is another one at each call, or depends on the session.
constexpr std::string_view kChanging[] = {
    "NOW",           "SYSDATE",       "CURDATE",      "CURTIME",        "CURRENT_TIMESTAMP",
    "CURRENT_DATE",  "CURRENT_TIME",  "LOCALTIME",    "LOCALTIMESTAMP", "UTC_DATE",
    "UTC_TIME",      "UTC_TIMESTAMP", "RAND",         "UUID",           "UUID_SHORT",
    "CONNECTION_ID", "CURRENT_USER",  "CURRENT_ROLE", "USER",           "SESSION_USER",
    "SYSTEM_USER",   "DATABASE",      "SCHEMA",       "VERSION",        "LAST_INSERT_ID",
    "ROW_COUNT",     "FOUND_ROWS",    "SLEEP",        "GET_LOCK",       "RELEASE_LOCK"};

void CheckFunction(const Expr& expr) {
  const std::string name = evaluate::Upper(expr.name);
  if (std::find(std::begin(kChanging), std::end(kChanging), name) != std::end(kChanging)) {
    Refuse(
        fmt::format("the value of {} is another one when a row is repeated, which filters do "
                    "not allow",
                    name));
  }
  const FunctionEntry* function = evaluate::FindFunction(name);
  if (function == nullptr) Refuse(fmt::format("the function {} is not supported", expr.name));
  if (expr.args.size() < function->least || expr.args.size() > function->most) {
    Refuse(fmt::format("the function {} does not take {} arguments", expr.name, expr.args.size()));
  }
  if (!expr.text.empty()) Refuse(fmt::format("{} {} is not supported", expr.name, expr.text));
}

}  // namespace

void CheckCondition(const Expr& expr) {
  switch (expr.kind) {
    case ExprKind::kFunction:
      CheckFunction(expr);
      break;
    case ExprKind::kColumn:
      if (!expr.table.empty()) {
        Refuse(
            fmt::format("`{}`.`{}`: columns are named without their table", expr.table, expr.name));
      }
      break;
    case ExprKind::kString:
      if (!expr.charset.empty() && expr.charset != "utf8mb4" && expr.charset != "binary") {
        Refuse(fmt::format("texts with the introducer _{} are not supported", expr.charset));
      }
      break;
    case ExprKind::kInteger:
    case ExprKind::kDecimal:
    case ExprKind::kFloat:
    case ExprKind::kHex:
    case ExprKind::kBit:
    case ExprKind::kTemporal:
    case ExprKind::kNull:
    case ExprKind::kTrue:
    case ExprKind::kFalse:
    case ExprKind::kUnary:
    case ExprKind::kBinary:
    case ExprKind::kIs:
    case ExprKind::kIn:
    case ExprKind::kBetween:
    case ExprKind::kLike:
    case ExprKind::kCase:
    case ExprKind::kCast:
    case ExprKind::kCollate:
    case ExprKind::kParen:
    case ExprKind::kInterval:
    case ExprKind::kExtract:
    case ExprKind::kTrim:
    case ExprKind::kPosition:
      break;
    case ExprKind::kRegexp:
      Refuse("REGEXP is not supported, the servers do not agree on it; use LIKE");
    case ExprKind::kVariable:
      Refuse(fmt::format("variables are not supported ({})", expr.name));
    case ExprKind::kRow:
      Refuse("comparing several values at once is not supported");
    default:
      Refuse("a part of the expression is not supported");
  }
  for (const ExprPtr& part : expr.args) {
    // The unit of TIMESTAMPDIFF.
    if (expr.kind == ExprKind::kFunction && part->kind == ExprKind::kVariable &&
        evaluate::Upper(expr.name) == "TIMESTAMPDIFF") {
      continue;
    }
    CheckCondition(*part);
  }
}

struct Condition::Impl {
  evaluate::Evaluation truth;
};

Condition::Condition(const Expr& expr, std::span<const ConditionColumn> columns,
                     const ConditionOptions& options) {
  CheckCondition(expr);
  evaluate::Compiler compiler(columns, options);
  auto impl = std::make_shared<Impl>();
  impl->truth = evaluate::AsTruth(compiler.Compile(expr));
  impl_ = std::move(impl);
}

Condition::Result Condition::Evaluate(std::span<const Cell> row) const {
  try {
    const evaluate::Value value = impl_->truth(row);
    if (evaluate::IsNull(value)) return Result::kNull;
    return evaluate::Integer(value) != 0 ? Result::kTrue : Result::kFalse;
  } catch (const evaluate::EvaluationError&) {
    return Result::kError;
  }
}

}  // namespace dm::mysql
