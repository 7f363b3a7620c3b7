// Normal form of expressions.
#include <fmt/format.h>

#include "mysql/sql/lexer.h"
#include "mysql/sql/restore_impl.h"

namespace dm::mysql {
namespace {

std::string Hex(std::string_view bytes) {
  std::string out = "x'";
  for (unsigned char c : bytes) out += fmt::format("{:02x}", c);
  return out + "'";
}

std::string Lower(std::string_view word) {
  std::string lower(word);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c += 'a' - 'A';
  }
  return lower;
}

}  // namespace

// A keyword or function name in the style's case.
void Writer::Word(std::string_view word) {
  Put(style_ == ExprStyle::kStored ? Lower(word) : UpperWord(word));
}

void Writer::Args(const std::vector<ExprPtr>& args, size_t begin, std::string_view separator) {
  for (size_t i = begin; i < args.size(); ++i) {
    if (i > begin) Put(separator);
    Write(*args[i]);
  }
}

void Writer::StringValue(const Expr& expr) {
  if (!expr.charset.empty()) {
    // utf8mb4 is the default and goes without.
    if (style_ == ExprStyle::kStored || expr.charset != "utf8mb4") Put("_" + expr.charset);
  } else if (style_ == ExprStyle::kStored) {
    Put("_utf8mb4");
  }
  String(expr.text);
}

void Writer::Write(const Expr& expr) {
  const bool stored = style_ == ExprStyle::kStored;
  const auto negation = [&] {
    if (expr.negated) Word(" NOT");
  };
  switch (expr.kind) {
    case ExprKind::kString:
      StringValue(expr);
      break;
    case ExprKind::kInteger:
    case ExprKind::kDecimal:
    case ExprKind::kFloat:
      Put(expr.text);
      break;
    case ExprKind::kHex:
      if (!expr.charset.empty()) Put("_" + expr.charset + " ");
      Put(Hex(expr.text));
      break;
    case ExprKind::kBit:
      if (!expr.charset.empty()) Put("_" + expr.charset + " ");
      Put("b'" + expr.text + "'");
      break;
    case ExprKind::kTemporal:
      Word(expr.name);
      Put(" ");
      String(expr.text);
      break;
    case ExprKind::kNull:
      Word("NULL");
      break;
    case ExprKind::kTrue:
      Word("TRUE");
      break;
    case ExprKind::kFalse:
      Word("FALSE");
      break;
    case ExprKind::kMaxValue:
      Word("MAXVALUE");
      break;
    case ExprKind::kColumn:
      if (!expr.table.empty() && !stored) {
        if (!expr.schema.empty()) {
          Identifier(expr.schema);
          Put(".");
        }
        Identifier(expr.table);
        Put(".");
      }
      Identifier(expr.name);
      break;
    case ExprKind::kFunction:
      Word(expr.name);
      Put("(");
      Args(expr.args, 0, ", ");
      if (!expr.text.empty()) {
        Put(" ");
        Kept(expr.text);
      }
      Put(")");
      break;
    case ExprKind::kUnary:
      if (expr.name == "NOT" || expr.name == "BINARY") {
        Word(expr.name);
        Put(" ");
      } else {
        Put(expr.name);
        // `- -1` must not become a comment.
        if (expr.args[0]->kind == ExprKind::kUnary && expr.args[0]->name == expr.name) Put(" ");
      }
      Write(*expr.args[0]);
      break;
    case ExprKind::kBinary: {
      const bool word =
          expr.name == "DIV" || expr.name == "AND" || expr.name == "OR" || expr.name == "XOR";
      Write(*expr.args[0]);
      if (word || stored) Put(" ");
      Word(expr.name);
      if (word || stored) Put(" ");
      const size_t right = out_.size();
      Write(*expr.args[1]);
      // `a - -1 * b` must not become a comment.
      if (out_[right - 1] == '-' && out_[right] == '-') out_.insert(right, " ");
      break;
    }
    case ExprKind::kIs:
      Write(*expr.args[0]);
      Word(expr.negated ? " IS NOT " : " IS ");
      Word(expr.name);
      break;
    case ExprKind::kIn:
      Write(*expr.args[0]);
      negation();
      Word(" IN (");
      Args(expr.args, 1, stored ? ", " : ",");
      Put(")");
      break;
    case ExprKind::kBetween:
      Write(*expr.args[0]);
      negation();
      Word(" BETWEEN ");
      Write(*expr.args[1]);
      Word(" AND ");
      Write(*expr.args[2]);
      break;
    case ExprKind::kLike:
      Write(*expr.args[0]);
      negation();
      Word(" LIKE ");
      Write(*expr.args[1]);
      if (expr.has_operand) {
        Word(" ESCAPE ");
        String(expr.text);
      }
      break;
    case ExprKind::kRegexp:
      Write(*expr.args[0]);
      negation();
      Word(" REGEXP ");
      Write(*expr.args[1]);
      break;
    case ExprKind::kSoundsLike:
      Write(*expr.args[0]);
      Word(" SOUNDS LIKE ");
      Write(*expr.args[1]);
      break;
    case ExprKind::kMemberOf:
      Write(*expr.args[0]);
      Word(" MEMBER OF (");
      Write(*expr.args[1]);
      Put(")");
      break;
    case ExprKind::kCase: {
      size_t i = 0;
      Word("CASE");
      if (expr.has_operand) {
        Put(" ");
        Write(*expr.args[i++]);
      }
      const size_t end = expr.args.size() - (expr.has_else ? 1 : 0);
      for (; i + 1 < end; i += 2) {
        Word(" WHEN ");
        Write(*expr.args[i]);
        Word(" THEN ");
        Write(*expr.args[i + 1]);
      }
      if (expr.has_else) {
        Word(" ELSE ");
        Write(*expr.args.back());
      }
      Word(" END");
      break;
    }
    case ExprKind::kCast:
      Word("CAST(");
      Write(*expr.args[0]);
      Word(" AS ");
      Word(expr.name);
      if (expr.array) Word(" ARRAY");
      Put(")");
      break;
    case ExprKind::kConvert:
      Word("CONVERT(");
      Write(*expr.args[0]);
      Word(" USING ");
      Put(expr.name);
      Put(")");
      break;
    case ExprKind::kCollate:
      Write(*expr.args[0]);
      Word(" COLLATE ");
      Put(Collation(expr.name));
      break;
    case ExprKind::kParen:
      Put("(");
      Write(*expr.args[0]);
      Put(")");
      break;
    case ExprKind::kRow:
      if (expr.has_operand) Word("ROW");
      Put("(");
      Args(expr.args, 0, stored ? ", " : ",");
      Put(")");
      break;
    case ExprKind::kInterval:
      Word("INTERVAL ");
      Write(*expr.args[0]);
      Put(" ");
      Word(expr.name);
      break;
    case ExprKind::kExtract:
      Word("EXTRACT(");
      Word(expr.name);
      Word(" FROM ");
      Write(*expr.args[0]);
      Put(")");
      break;
    case ExprKind::kTrim:
      Word(expr.text.empty() ? "TRIM" : expr.text);  // MariaDB's TRIM_ORACLE
      Put("(");
      if (!expr.name.empty()) {
        Word(expr.name);
        Put(" ");
      }
      if (expr.args.size() > 1) Write(*expr.args[1]);
      if (expr.args.size() > 1 || !expr.name.empty()) {
        Word(expr.args.size() > 1 ? " FROM " : "FROM ");
      }
      Write(*expr.args[0]);
      Put(")");
      break;
    case ExprKind::kPosition:
      Word("POSITION(");
      Write(*expr.args[0]);
      Word(" IN ");
      Write(*expr.args[1]);
      Put(")");
      break;
    case ExprKind::kCharUsing:
      Word("CHAR(");
      Args(expr.args, 0, ", ");
      if (!expr.name.empty()) {
        Word(" USING ");
        Put(expr.name);
      }
      Put(")");
      break;
    case ExprKind::kMatch:
      Word("MATCH (");
      for (size_t i = 0; i + 1 < expr.args.size(); ++i) {
        if (i > 0) Put(",");
        Write(*expr.args[i]);
      }
      Word(") AGAINST (");
      Write(*expr.args.back());
      if (!expr.name.empty()) {
        Put(" ");
        Word(expr.name);
      }
      Put(")");
      break;
    case ExprKind::kDefault:
      Word("DEFAULT");
      if (!expr.name.empty()) {
        Put("(");
        Identifier(expr.name);
        Put(")");
      }
      break;
    case ExprKind::kVariable:
      Put(expr.name);
      break;
    case ExprKind::kParameter:
      Put("?");
      break;
    case ExprKind::kNextValue:
      Put(expr.text == "NEXT" ? "nextval(" : "lastval(");
      Table({expr.schema, expr.name});
      Put(")");
      break;
  }
}

}  // namespace dm::mysql
