#include "described.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "explained.h"
#include "mysql/sql/parser.h"
#include "mysql/sql/rewrite.h"

namespace dm::mysql {
namespace {

using nlohmann::json;

std::string Text(const json& value) {
  if (value.is_null()) return "";
  return value.is_string() ? value.get<std::string>() : value.dump();
}

std::string Hex(std::string_view bytes) {
  std::string out;
  for (unsigned char c : bytes) out += fmt::format("{:02X}", c);
  return out;
}

bool IsInteger(FieldType type) {
  return type == FieldType::kTiny || type == FieldType::kShort || type == FieldType::kInt24 ||
         type == FieldType::kLong || type == FieldType::kLongLong;
}

bool IsBytes(const ColumnInfo& column) { return column.is_string() && column.charset == "binary"; }

// Columns that an expression uses; servers write expressions their own way.
std::string Uses(const std::string& expression) {
  ParseOptions parse;
  parse.mariadb = true;
  std::vector<std::string> names;
  ForEachColumn(ParseExpression(expression, parse),
                [&](const Expr& column) { names.push_back(LowerName(column.name)); });
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return fmt::format("({})", fmt::join(names, ","));
}

// MySQL prints strings in expressions with escaped quotes: _utf8mb4\'x\'.
std::string Unescaped(std::string text) {
  for (size_t at = 0; (at = text.find("\\'", at)) != std::string::npos;) text.replace(at, 2, "'");
  return text;
}

std::string TypeOf(const ColumnInfo& column, const BuildOptions& options) {
  std::string out = fmt::format("type={}", static_cast<int>(column.type));
  if (!column.type_word.empty() && column.type != FieldType::kGeometry) {
    out += ":" + column.type_word;
  }
  // MySQL 8 has dropped display widths, but for TINYINT(1) and ZEROFILL.
  const bool zerofill = column.flags & column_flag::kZerofill;
  const bool width =
      !IsInteger(column.type) || options.mariadb || zerofill ||
      (column.type == FieldType::kTiny && column.length == 1 && !column.is_unsigned());
  out += fmt::format("({},{})", width ? column.length : -1, column.decimals);
  if (column.is_unsigned()) out += " unsigned";
  if (zerofill) out += " zerofill";
  if (!column.elements.empty()) out += fmt::format(" [{}]", fmt::join(column.elements, "|"));
  if (column.charset != "binary") out += fmt::format(" {}", column.collation);
  return out;
}

// Is the length of a key part all that the engine and row format allow? Servers shorten keys on
// long columns to it where they may.
bool IsLimit(const ColumnInfo& column, int64_t length) {
  // What a key has of a geometry depends on its kind.
  if (column.type == FieldType::kGeometry) return true;
  if (!column.is_string() || column.length < 200) return false;
  for (int64_t bytes : {255, 767, 1000, 2000, 3072}) {
    for (int64_t width : {1, 2, 3, 4}) {
      if (length == bytes / width) return true;
    }
  }
  return false;
}

// BINARY(n) is padded with zero bytes, which servers show or not; MySQL's information_schema shows
// nothing behind the first one.
std::string BytesHex(const ColumnInfo& column, std::string bytes, bool mariadb) {
  if (!mariadb) bytes.resize(std::min(bytes.find('\0'), bytes.size()));
  while (column.type == FieldType::kString && bytes.ends_with('\0')) bytes.pop_back();
  return Hex(bytes);
}

// The literal that an expression is: MySQL keeps DEFAULT ('x') as an expression.
std::optional<std::string> LiteralIn(const std::string& expression) {
  ParseOptions parse;
  parse.mariadb = true;
  ExprPtr expr = ParseExpression(expression, parse);
  while (expr->kind == ExprKind::kParen) expr = expr->args[0];
  switch (expr->kind) {
    case ExprKind::kString:
    case ExprKind::kInteger:
    case ExprKind::kDecimal:
    case ExprKind::kFloat:
      return expr->text;
    default:
      return std::nullopt;
  }
}

// A literal default; of a FLOAT or DOUBLE its value, which servers print with the column's digits.
std::string NumberText(const ColumnInfo& column, const std::string& text) {
  if (column.type == FieldType::kFloat || column.type == FieldType::kDouble) {
    char* end = nullptr;
    const double value = std::strtod(text.c_str(), &end);
    if (*end == '\0') return fmt::format("'{}'", value);
  }
  return "'" + text + "'";
}

std::string DefaultOf(const ColumnInfo& column, bool mariadb) {
  if (column.is_generated() || column.is_auto_increment()) return "-";
  // A YEAR that must be given has a default in table_info all the same.
  if (!column.default_value || column.has_no_default()) return "-";
  if (column.default_is_expr) return "expr" + Uses(*column.default_value);
  if (column.default_value == "CURRENT_TIMESTAMP" &&
      (column.type == FieldType::kTimestamp || column.type == FieldType::kDateTime)) {
    return "now";
  }
  if (column.type == FieldType::kBit) return "x" + Hex(*column.default_value);
  if (IsBytes(column)) return "x" + BytesHex(column, *column.default_value, mariadb);
  return NumberText(column, *column.default_value);
}

std::string ColumnLine(const ColumnInfo& column, const std::string& value,
                       const BuildOptions& options) {
  std::string out = fmt::format("column {} {}", column.name, TypeOf(column, options));
  out += column.not_null() ? " not null" : " null";
  out += " default " + value;
  if (column.is_auto_increment()) out += " auto_increment";
  if (column.on_update_now()) out += " on update";
  if (column.invisible) out += " invisible";
  if (column.is_row_start() || column.is_row_end()) {
    out += " " + column.generated_expr;
  } else if (column.is_generated()) {
    out += fmt::format(" {}{}", column.generated_stored ? "stored" : "virtual",
                       Uses(column.generated_expr));
  }
  if (!column.comment.empty()) out += " comment " + column.comment;
  return out;
}

std::string_view ActionText(ReferenceAction action) {
  switch (action) {
    case ReferenceAction::kCascade:
      return "CASCADE";
    case ReferenceAction::kSetNull:
      return "SET NULL";
    case ReferenceAction::kSetDefault:
      return "SET DEFAULT";
    default:
      return "NO ACTION";  // RESTRICT is the same
  }
}

std::string_view MethodText(int type) {
  constexpr std::string_view kNames[] = {"", "range", "hash", "list", "key"};
  return kNames[type];
}

// Quoted or not, as servers print literals: MariaDB 'x' or 5, MySQL without quotes.
std::optional<std::string> LiteralOf(const json& value, bool mariadb, bool* is_expr) {
  *is_expr = false;
  if (value.is_null()) return std::nullopt;
  const std::string text = Text(value);
  if (!mariadb) return text;
  if (text == "NULL") return std::nullopt;
  if (text.starts_with("'")) {
    ParseOptions parse;
    parse.mariadb = true;
    return ParseExpression(text, parse)->text;
  }
  if (text.starts_with("b'") || text.starts_with("current_timestamp")) return text;
  const bool number =
      !text.empty() && text.find_first_not_of("0123456789.-+e") == std::string::npos;
  *is_expr = !number;
  return text;
}

std::string ServerDefault(const json& row, const ColumnInfo& column, bool mariadb) {
  const std::string extra = LowerName(Text(row[6]));
  if (column.is_generated() || column.is_auto_increment()) return "-";
  bool is_expr = false;
  const std::optional<std::string> value = LiteralOf(row[5], mariadb, &is_expr);
  if (HidesDefault(!value, extra)) return "?";
  if (!value) return "-";
  // MariaDB shows one for a COMPRESSED column that must be given.
  if (value->empty() && Text(row[1]).find("COMPRESSED") != std::string::npos &&
      Text(row[2]) == "NO") {
    return "-";
  }
  const bool generated = mariadb ? is_expr : extra.find("default_generated") != std::string::npos;
  const bool now = LowerName(*value).starts_with("current_timestamp");
  if ((generated || mariadb) && now &&
      (column.type == FieldType::kTimestamp || column.type == FieldType::kDateTime)) {
    return "now";
  }
  if (generated) {
    const std::string text = mariadb ? *value : Unescaped(*value);
    if (const std::optional<std::string> literal = LiteralIn(text)) {
      return IsBytes(column) ? "x" + BytesHex(column, *literal, mariadb)
                             : NumberText(column, *literal);
    }
    const std::string lower = LowerName(text);
    if ((lower == "now()" || lower.starts_with("now(")) &&
        (column.type == FieldType::kTimestamp || column.type == FieldType::kDateTime)) {
      return "now";
    }
    return "expr" + Uses(text);
  }
  if (column.type == FieldType::kBit) {
    std::string digits = value->substr(2, value->size() - 3);
    digits.insert(0, (8 - digits.size() % 8) % 8, '0');
    std::string bytes;
    for (size_t i = 0; i < digits.size(); i += 8) {
      bytes += static_cast<char>(std::stoi(digits.substr(i, 8), nullptr, 2));
    }
    const size_t size = static_cast<size_t>((column.length + 7) / 8);
    if (bytes.size() < size) bytes.insert(0, size - bytes.size(), '\0');
    return "x" + Hex(bytes);
  }
  if (IsBytes(column)) {
    if (!mariadb && value->starts_with("0x")) return "x" + value->substr(2);
    // MariaDB shows this for bytes that are no text.
    if (mariadb && value->find('?') != std::string::npos) return "?";
    return "x" + BytesHex(column, *value, mariadb);
  }
  std::string text = *value;
  // MySQL shows labels without a character set in HEX.
  if (!mariadb && column.charset == "binary" && text.starts_with("0x") && text.size() % 2 == 0 &&
      (column.type == FieldType::kEnum || column.type == FieldType::kSet)) {
    ParseOptions parse;
    text = ParseExpression(text, parse)->text;
  }
  // ZEROFILL shows in the default, too.
  while ((column.flags & column_flag::kZerofill) && column.type != FieldType::kYear &&
         text.size() > 1 && text[0] == '0' && text[1] != '.') {
    text.erase(0, 1);
  }
  return NumberText(column, text);
}

// The column as information_schema.COLUMNS has it, built from its type text.
std::string ServerColumn(const json& row, const BuildOptions& options, ColumnInfo* out,
                         std::set<std::string>* hidden_defaults) {
  const std::string name = Text(row[0]);
  ParseOptions parse;
  parse.mariadb = options.mariadb;
  std::string type = Text(row[1]);
  // MariaDB has the attribute in the type, in a comment.
  Statement statement;
  ParseFirst("create table t (c " + type + ")", parse, &statement);
  TableInfo table;
  table.charset = "utf8mb4";
  table.collation = "utf8mb4_bin";
  ColumnInfo column = BuildColumn(statement.As<CreateTable>()->columns.front(), table, options);
  column.SetName(name);
  if (!row[4].is_null()) {
    column.charset = NormaliseCharset(Text(row[3]));
    column.collation = NormaliseCharset(Text(row[4]));
  } else {
    column.charset = column.collation = "binary";
  }
  if (Text(row[2]) == "NO") column.flags |= column_flag::kNotNull;
  const std::string extra = LowerName(Text(row[6]));
  const auto has = [&](std::string_view word) { return extra.find(word) != std::string::npos; };
  if (has("auto_increment")) column.flags |= column_flag::kAutoIncrement;
  if (has("on update")) column.flags |= column_flag::kOnUpdateNow;
  column.invisible = has("invisible");
  column.generated_expr = Unescaped(Text(row[7]));
  column.generated_stored = has("stored");
  column.comment = Text(row[8]);
  *out = column;
  const std::string value = ServerDefault(row, column, options.mariadb);
  if (value == "?") hidden_defaults->insert(column.lower_name);
  return ColumnLine(column, value, options);
}

}  // namespace

Described Describe(const TableInfo& table, const BuildOptions& options, const Described& beside) {
  Described out;
  for (const ColumnInfo* column : table.RowColumns()) {
    const bool hidden = beside.hidden_defaults.contains(column->lower_name);
    out.columns.push_back(
        ColumnLine(*column, hidden ? "?" : DefaultOf(*column, options.mariadb), options));
  }
  for (const IndexInfo& index : table.indexes) {
    std::string line = fmt::format("index {} {} {}", index.name, index.unique ? "unique" : "plain",
                                   index.kind == IndexInfo::Kind::kFullText  ? "FULLTEXT"
                                   : index.kind == IndexInfo::Kind::kSpatial ? "SPATIAL"
                                                                             : "");
    for (const IndexColumn& part : index.columns) {
      const ColumnInfo* column = table.FindColumn(part.name);
      if (column != nullptr && column->hidden) {
        line += " expr" + Uses(column->generated_expr);
      } else {
        const bool whole = part.length < 0 || index.kind != IndexInfo::Kind::kPlain ||
                           (column != nullptr && IsLimit(*column, part.length));
        line += fmt::format(" {}:{}", part.name, whole ? -1 : part.length);
      }
    }
    if (index.invisible) line += " invisible";
    if (!index.comment.empty()) line += " comment " + index.comment;
    out.parts.push_back(std::move(line));
  }
  for (const ForeignKeyInfo& key : table.foreign_keys) {
    out.parts.push_back(fmt::format("foreign key {} ({}) -> {}.{} ({}) update {} delete {}",
                                    key.name, fmt::join(key.columns, ","), key.ref_schema,
                                    key.ref_table, fmt::join(key.ref_columns, ","),
                                    ActionText(key.on_update), ActionText(key.on_delete)));
  }
  for (const CheckInfo& check : table.checks) {
    if (check.in_column && options.mariadb) {
      // Has no name of its own.
      out.parts.push_back("check of a column " + Uses(check.expr));
      continue;
    }
    out.parts.push_back(fmt::format("check {} {}{}", check.name, Uses(check.expr),
                                    check.enforced ? "" : " not enforced"));
  }
  for (const PeriodInfo& period : table.periods) {
    if (EqualNames(period.name, PeriodInfo::kSystemTime)) continue;
    // MariaDB lists what must hold of a period among the checks.
    std::vector<std::string> names = {LowerName(period.start), LowerName(period.end)};
    std::sort(names.begin(), names.end());
    out.parts.push_back(fmt::format("check {} ({})", period.name, fmt::join(names, ",")));
  }
  if (table.partition) {
    std::vector<std::string> names;
    for (const PartitionDefinition& definition : table.partition->definitions) {
      const bool compared = !definition.comment.empty() &&
                            table.partition->text.find("SUBPARTITION") == std::string::npos;
      names.push_back(definition.name + (compared ? ":" + definition.comment : ""));
    }
    out.parts.push_back(
        fmt::format("partitions {} {}", MethodText(table.partition->type), fmt::join(names, ",")));
  }
  out.parts.push_back(fmt::format("table {} {}{}", table.collation, table.comment,
                                  table.system_period() != nullptr ? " versioned" : ""));
  std::sort(out.parts.begin(), out.parts.end());
  return out;
}

Described DescribeServer(const json& server, const BuildOptions& options) {
  Described out;
  std::map<std::string, ColumnInfo> columns;  // by lower name
  for (const json& row : server["columns"]) {
    ColumnInfo column;
    out.columns.push_back(ServerColumn(row, options, &column, &out.hidden_defaults));
    columns.emplace(column.lower_name, column);
  }
  std::map<std::string, std::string> indexes;
  for (const json& row : server["indexes"]) {
    std::string& line = indexes[Text(row[0])];
    const std::string kind = Text(row[2]);
    const bool plain = kind != "FULLTEXT" && kind != "SPATIAL";
    if (line.empty()) {
      line = fmt::format("index {} {} {}", Text(row[0]), Text(row[1]) == "0" ? "unique" : "plain",
                         plain ? "" : kind);
    }
    if (!row[7].is_null()) {
      line += " expr" + Uses(Unescaped(Text(row[7])));
    } else {
      const auto column = columns.find(LowerName(Text(row[5])));
      const bool whole =
          row[6].is_null() || !plain ||
          (column != columns.end() && IsLimit(column->second, std::stoll(Text(row[6]))));
      line += fmt::format(" {}:{}", Text(row[5]), whole ? "-1" : Text(row[6]));
    }
  }
  for (auto& [name, line] : indexes) {
    for (const json& row : server["indexes"]) {
      if (Text(row[0]) != name) continue;
      // MySQL says whether it is visible, MariaDB whether it is ignored.
      if (Text(row[4]) == (options.mariadb ? "YES" : "NO")) line += " invisible";
      if (!Text(row[3]).empty()) line += " comment " + Text(row[3]);
      break;
    }
    out.parts.push_back(line);
  }
  for (const json& rule : server["foreign_rules"]) {
    std::vector<std::string> columns;
    std::vector<std::string> ref_columns;
    std::string ref;
    for (const json& row : server["foreign_columns"]) {
      if (row[0] != rule[0]) continue;
      columns.push_back(Text(row[1]));
      ref = Text(row[2]) + "." + Text(row[3]);
      ref_columns.push_back(Text(row[4]));
    }
    const auto action = [&](const json& value) {
      return Text(value) == "RESTRICT" ? std::string("NO ACTION") : Text(value);
    };
    out.parts.push_back(fmt::format("foreign key {} ({}) -> {} ({}) update {} delete {}",
                                    Text(rule[0]), fmt::join(columns, ","), ref,
                                    fmt::join(ref_columns, ","), action(rule[1]), action(rule[2])));
  }
  for (const json& row : server["checks"]) {
    if (Text(row[1]) == "Column") {
      out.parts.push_back("check of a column " + Uses(Text(row[2])));
      continue;
    }
    out.parts.push_back(fmt::format("check {} {}{}", Text(row[0]), Uses(Unescaped(Text(row[2]))),
                                    Text(row[1]) == "NO" ? " not enforced" : ""));
  }
  if (!server["partitions"].empty()) {
    std::vector<std::string> names;
    for (const json& row : server["partitions"]) {
      // With subpartitions it is theirs.
      const std::string comment = row[1].is_null() ? Text(row[6]) : "";
      const std::string name = Text(row[0]) + (comment.empty() ? "" : ":" + comment);
      if (names.empty() || names.back() != name) names.push_back(name);
    }
    const std::string method = LowerName(Text(server["partitions"][0][2]));
    const char* kind = method.find("range") != std::string::npos  ? "range"
                       : method.find("list") != std::string::npos ? "list"
                       // Kept as a list.
                       : method == "system_time"                 ? "list"
                       : method.find("key") != std::string::npos ? "key"
                                                                 : "hash";
    out.parts.push_back(fmt::format("partitions {} {}", kind, fmt::join(names, ",")));
  }
  const json& own = server["table"][0];
  out.parts.push_back(fmt::format("table {} {}{}", NormaliseCharset(Text(own[0])), Text(own[1]),
                                  Text(own[2]) == "SYSTEM VERSIONED" ? " versioned" : ""));
  std::sort(out.parts.begin(), out.parts.end());
  return out;
}

std::string OtherBytes(const TableInfo& mine, const TableInfo& theirs,
                       const std::set<std::string>& hidden) {
  std::string out;
  for (const ColumnInfo* column : mine.RowColumns()) {
    const ColumnInfo* other = theirs.FindColumn(column->lower_name);
    if (other == nullptr || !IsBytes(*column) || !IsBytes(*other) || column->default_is_expr ||
        other->default_is_expr || hidden.contains(column->lower_name) ||
        column->default_value == other->default_value) {
      continue;
    }
    out += (out.empty() ? "" : ", ") + column->name;
  }
  return out;
}

std::string Difference(const Described& mine, const Described& theirs) {
  std::string out;
  const auto compare = [&](const std::vector<std::string>& a, const std::vector<std::string>& b) {
    const size_t before = out.size();
    for (const std::string& line : a) {
      if (std::find(b.begin(), b.end(), line) == b.end()) out += "\n    tracker: " + line;
    }
    for (const std::string& line : b) {
      if (std::find(a.begin(), a.end(), line) == a.end()) out += "\n    server:  " + line;
    }
    if (out.size() == before && a != b) out += "\n    another order of columns";
  };
  compare(mine.columns, theirs.columns);
  compare(mine.parts, theirs.parts);
  return out;
}

}  // namespace dm::mysql
