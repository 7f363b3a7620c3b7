#include "migration/rules/expression_filter.h"

#include <stdexcept>
#include <string>

#include "base/error/error.h"
#include "mysql/evaluate/condition.h"
#include "mysql/sql/parser.h"

namespace dm::migration {

void CheckExpressionFilter(std::string_view name, const ExpressionFilterRule& rule) {
  if (rule.schema.empty()) throw MakeError(ErrorCode::kConfigExprFilterEmptyName, name, "schema");
  if (rule.table.empty()) throw MakeError(ErrorCode::kConfigExprFilterEmptyName, name, "table");
  for (const std::string* expression : {&rule.insert_value_expr, &rule.update_old_value_expr,
                                        &rule.update_new_value_expr, &rule.delete_value_expr}) {
    if (expression->empty()) continue;
    const auto refuse = [&](const std::string& why) {
      throw MakeError(ErrorCode::kConfigExprFilterWrongGrammar, name, *expression).SetRawCause(why);
    };
    try {
      mysql::ParseOptions options;
      mysql::CheckCondition(*mysql::ParseExpression(*expression, options));
    } catch (const Error& e) {
      refuse(e.raw_cause());
    } catch (const std::invalid_argument& e) {
      refuse(e.what());
    }
  }
  const int kinds = !rule.insert_value_expr.empty() +
                    (!rule.update_old_value_expr.empty() || !rule.update_new_value_expr.empty()) +
                    !rule.delete_value_expr.empty();
  if (kinds != 1) throw MakeError(ErrorCode::kConfigExprFilterManyExpr, name);
}

}  // namespace dm::migration
