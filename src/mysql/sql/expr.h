// Expressions in DDL: defaults, generated columns, checks, index and partition parts, filters.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dm::mysql {

struct Expr;
// Trees are immutable once parsed, so parts are shared, never copied.
using ExprPtr = std::shared_ptr<const Expr>;

enum class ExprKind {
  kString,      // text = bytes of the value; charset = introducer without '_' or empty
  kInteger,     // text = digits as written
  kDecimal,     // text = number with a point
  kFloat,       // text = number with an exponent
  kHex,         // text = bytes of the value
  kBit,         // text = the binary digits
  kTemporal,    // text = value; name = DATE, TIME or TIMESTAMP
  kNull,        //
  kTrue,        //
  kFalse,       //
  kColumn,      // name, optionally table and schema
  kFunction,    // name (as written), args
  kUnary,       // name = one of - + ~ ! NOT BINARY
  kBinary,      // name = + - * / DIV % ^ | & << >> AND OR XOR = <=> >= > <= < !=
  kIs,          // args[0] IS [NOT] name, name = NULL, TRUE, FALSE, UNKNOWN
  kIn,          // args[0] [NOT] IN (args[1]...)
  kBetween,     // args[0] [NOT] BETWEEN args[1] AND args[2]
  kLike,        // args[0] [NOT] LIKE args[1] [ESCAPE text]
  kRegexp,      // args[0] [NOT] REGEXP args[1]
  kSoundsLike,  // args[0] SOUNDS LIKE args[1]
  kMemberOf,    // args[0] MEMBER OF (args[1])
  kCase,        // args: [operand] (flag has_operand), when, then, ..., [else] (flag has_else)
  kCast,        // CAST(args[0] AS name); name is the normal form of the type; flag array
  kConvert,     // CONVERT(args[0] USING name)
  kCollate,     // args[0] COLLATE name
  kParen,       // ( args[0] )
  kRow,         // ROW(args...) or (a, b)
  kInterval,    // INTERVAL args[0] name (unit), only as an argument
  kExtract,     // EXTRACT(name FROM args[0])
  kTrim,        // TRIM(name args[1] FROM args[0]); name BOTH, LEADING, TRAILING or empty
  kPosition,    // POSITION(args[0] IN args[1])
  kCharUsing,   // CHAR(args... USING name)
  kMatch,       // MATCH (args[0..n-2]) AGAINST (args[n-1] name), name = mode text or empty
  kDefault,     // DEFAULT(name) or the bare DEFAULT
  kMaxValue,    // MAXVALUE in a partition bound
  kVariable,    // name with its @ or @@
  kParameter,   // ?
  kNextValue,   // NEXT or PREVIOUS (text) VALUE FOR schema.name; NEXTVAL and LASTVAL of MariaDB
};

struct Expr {
  ExprKind kind = ExprKind::kNull;
  std::string name;
  std::string text;
  std::string charset;
  std::string schema;
  std::string table;
  std::vector<ExprPtr> args;
  bool negated = false;      // NOT IN, NOT LIKE, IS NOT, ...
  bool has_operand = false;  // kCase
  bool has_else = false;     // kCase
  bool array = false;        // kCast ... ARRAY
  bool has_parens = true;    // kFunction: false for CURRENT_TIMESTAMP written bare
};

// Calls `visit` for every column reference in the tree, in text order.
void ForEachColumn(const ExprPtr& expr, const std::function<void(const Expr&)>& visit);

// The tree with what `change` gives for each node, whose arguments it has changed already; nodes
// for which it gives null stay. Shares what is unchanged.
ExprPtr Transform(const ExprPtr& expr, const std::function<ExprPtr(const Expr&)>& change);

// Does a value of the tree come of a sequence?
bool TakesFromSequence(const ExprPtr& expr);

// The tree with every reference to column `from` (any case) naming `to`; shares what is unchanged.
ExprPtr RenameColumn(const ExprPtr& expr, std::string_view from, std::string_view to);

}  // namespace dm::mysql
