// Expressions over the columns of one row, with the meaning that MySQL or MariaDB gives them.
#pragma once

#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "mysql/sql/expr.h"
#include "mysql/sql/field_type.h"
#include "mysql/value/column.h"
#include "mysql/value/time_zone.h"

namespace dm::mysql {

// A column of the row image that an expression is evaluated on.
struct ConditionColumn {
  std::string name = {};
  FieldType type = FieldType::kLong;
  ColumnMeta meta = {};                    // how the value is stored
  int decimals = -1;                       // FLOAT(m,d), DOUBLE(m,d); -1: without digits
  std::string collation = {};              // character columns, ENUM and SET; "binary" for bytes
  std::vector<std::string> elements = {};  // ENUM and SET
  std::string type_word = {};  // types beyond `type` ("uuid", "inet6"); empty for ordinary ones
};

struct ConditionOptions {
  bool mariadb = false;               // whose meaning, where the two differ
  TimeZone time_zone;                 // that TIMESTAMP values are shown in
  bool no_backslash_escapes = false;  // LIKE has no escape character unless one is named
};

// The expression names a column that the table does not have.
struct UnknownColumn : std::invalid_argument {
  using std::invalid_argument::invalid_argument;
};

// The value of a column is needed that is not in the row image.
struct AbsentColumn {
  size_t column;  // its index
};

// Throws std::invalid_argument, saying why, if the expression cannot be evaluated whatever the
// table is: an unknown function or a wrong number of arguments, a function whose value is another
// one at each call, a subquery, a variable, ...
void CheckCondition(const Expr& expr);

// A compiled expression: what is true or false of one row. Types of operands, collations and
// constants are settled when it is made. Immutable, thread-safe, cheap to copy.
class Condition {
 public:
  enum class Result {
    kFalse,
    kNull,
    kTrue,
    kError,  // the server would answer with an error: a number out of range, ...
  };

  // Throws UnknownColumn, and std::invalid_argument, saying why, for what cannot be evaluated
  // exactly as the server does it.
  Condition(const Expr& expr, std::span<const ConditionColumn> columns,
            const ConditionOptions& options);

  // `row` has the columns given at the construction, in that order. Throws AbsentColumn if the
  // result depends on a column that the row image lacks.
  Result Evaluate(std::span<const Cell> row) const;
  bool IsTrue(std::span<const Cell> row) const { return Evaluate(row) == Result::kTrue; }

 private:
  struct Impl;
  std::shared_ptr<const Impl> impl_;
};

}  // namespace dm::mysql
