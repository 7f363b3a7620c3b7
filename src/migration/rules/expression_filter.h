// Expression filters: what makes a rule usable.
#pragma once

#include <string_view>

#include "migration/rules/rule_types.h"

namespace dm::migration {

// Throws kConfigExprFilterEmptyName (schema, then table), kConfigExprFilterWrongGrammar,
// kConfigExprFilterManyExpr for the rule called `name`. The grammar check covers quoting, comments
// and brackets; names and functions are judged where the expression is evaluated.
void CheckExpressionFilter(std::string_view name, const ExpressionFilterRule& rule);

}  // namespace dm::migration
