// Are two expressions the same but for the way in which they are written?
#pragma once

#include <string_view>

#include "mysql/sql/expr.h"

namespace dm::mysql {

// Compares trees: parentheses, letter case of names, character sets in front of texts, qualified
// columns, NOT in front of a comparison, and how chains of AND and OR are grouped do not count.
bool IsSameExpression(const ExprPtr& a, const ExprPtr& b);

// The same for texts that Restore has written (kStored). Texts that cannot be read are the same if
// they are equal.
bool IsSameStoredExpression(std::string_view a, std::string_view b);

}  // namespace dm::mysql
