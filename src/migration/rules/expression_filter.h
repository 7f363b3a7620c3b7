// Expression filters: what makes a rule usable.
#pragma once

#include <string_view>

#include "migration/rules/rule_types.h"

namespace dm::migration {

// Throws kConfigExprFilterEmptyName (schema, then table), kConfigExprFilterWrongGrammar (with the
// reason as raw cause: it cannot be parsed, or holds what cannot be evaluated), then
// kConfigExprFilterManyExpr for the rule called `name`. Columns are judged where they are known.
void CheckExpressionFilter(std::string_view name, const ExpressionFilterRule& rule);

}  // namespace dm::migration
