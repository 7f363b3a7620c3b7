// Binlog event filters and expression filters: what makes a rule usable.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "migration/rules/rule_types.h"

namespace dm::migration {

// True for a name that an event filter's `events` may hold (groups included), in any letter case.
bool IsEventName(std::string_view name);

// Throws Error kConfigBinlogEventFilter, with the reason as raw cause, if a rule cannot be used: an
// empty schema pattern, a misplaced `*`, a regular expression that does not compile, an unknown
// action. Returns one warning for each unknown event name, which then has no effect, and for each
// rule whose pair of patterns an earlier rule has, which then has no effect.
std::vector<std::string> CheckEventFilters(const std::vector<EventFilterRule>& rules,
                                           bool case_sensitive);

// Throws kConfigExprFilterEmptyName (schema, then table), kConfigExprFilterWrongGrammar,
// kConfigExprFilterManyExpr for the rule called `name`. The grammar check covers quoting, comments
// and brackets; names and functions are judged where the expression is evaluated.
void CheckExpressionFilter(std::string_view name, const ExpressionFilterRule& rule);

}  // namespace dm::migration
