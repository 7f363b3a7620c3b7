// Columns from their definitions.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <utility>

#include "base/error/error.h"
#include "mysql/schema/edit.h"
#include "mysql/sql/restore.h"
#include "mysql/value/charset.h"

namespace dm::mysql {
namespace {

constexpr int64_t kTinyBlobLength = 255;
constexpr int64_t kBlobLength = 65535;
constexpr int64_t kMediumBlobLength = 16777215;
constexpr int64_t kLongBlobLength = 4294967295;
constexpr int64_t kVectorLength = 2048;  // MySQL 9, where none is given

struct IntegerLength {
  FieldType type;
  int64_t is_signed;
  int64_t is_unsigned;
};
constexpr IntegerLength kIntegerLengths[] = {{FieldType::kTiny, 4, 3},
                                             {FieldType::kShort, 6, 5},
                                             {FieldType::kInt24, 9, 8},
                                             {FieldType::kLong, 11, 10},
                                             {FieldType::kLongLong, 20, 20}};

bool IsTextCapable(FieldType type) {
  return IsStringType(type) || type == FieldType::kEnum || type == FieldType::kSet;
}

bool IsInteger(FieldType type) {
  return std::any_of(std::begin(kIntegerLengths), std::end(kIntegerLengths),
                     [&](const IntegerLength& entry) { return entry.type == type; });
}

// Types of fixed strings that only MariaDB has, with their bytes.
int64_t FixedBytes(std::string_view word) {
  if (word == "INET4") return 4;
  if (word == "INET6" || word == "UUID") return 16;
  return -1;
}

void SetCharset(ColumnInfo* column, const ColumnDef& definition, const TableInfo& table,
                const BuildOptions& options) {
  const DataType& type = definition.type;
  const ColumnOption* collate = definition.Find(ColumnOptionKind::kCollate);
  if (!IsTextCapable(column->type) || FixedBytes(type.word) >= 0 || type.opaque) {
    column->charset = "binary";
    column->collation = "binary";
    return;
  }
  const std::string charset = NormaliseCharset(type.charset);
  if (charset == "binary") {
    column->charset = column->collation = "binary";
    return;
  }
  column->charset = charset.empty() ? table.charset : charset;
  if (collate != nullptr) {
    const std::string collation = NormaliseCharset(collate->text);
    const std::string of_collation = CharsetOfCollation(collation);
    if (of_collation.empty()) {
      // MariaDB's short names leave the character set out: uca1400_ai_ci.
      column->collation = column->charset + "_" + collation;
    } else {
      column->charset = of_collation;
      column->collation = collation;
    }
    if (type.binary && !options.mariadb) column->collation = column->charset + "_bin";
  } else if (type.binary) {
    column->collation = column->charset + "_bin";
  } else if (charset.empty()) {
    column->collation = table.collation;
  } else {
    column->collation = DefaultCollationFor(charset, options);
  }
  if (column->collation == "binary") column->charset = "binary";
}

void SetLengths(ColumnInfo* column, const DataType& type) {
  column->decimals = 0;
  column->length = type.length;
  for (const IntegerLength& entry : kIntegerLengths) {
    if (entry.type == column->type && type.length < 0) {
      column->length = type.is_unsigned ? entry.is_unsigned : entry.is_signed;
    }
  }
  switch (column->type) {
    case FieldType::kNewDecimal:
      column->length = type.length > 0 ? type.length : 10;
      column->decimals = std::max<int64_t>(type.decimals, 0);
      break;
    case FieldType::kFloat:
    case FieldType::kDouble:
      if (type.length < 0) column->length = column->type == FieldType::kFloat ? 12 : 22;
      column->decimals = type.decimals;
      break;
    case FieldType::kBit:
      column->length = std::max<int64_t>(type.length, 1);
      break;
    case FieldType::kVector:
      if (type.length < 0) column->length = kVectorLength;
      break;
    case FieldType::kDate:
      column->length = 10;
      break;
    case FieldType::kTime:
    case FieldType::kDateTime:
    case FieldType::kTimestamp: {
      const int64_t digits = std::max<int64_t>(type.length, 0);
      column->length = (column->type == FieldType::kTime ? 10 : 19) + (digits > 0 ? 1 + digits : 0);
      column->decimals = digits;
      break;
    }
    case FieldType::kYear:
      column->length = 4;
      break;
    case FieldType::kString:
      if (type.length < 0) column->length = 1;
      break;
    case FieldType::kTinyBlob:
      column->length = kTinyBlobLength;
      break;
    case FieldType::kBlob:
      if (type.length >= 0) {
        SetBlobType(column, type.length * BytesPerCharacter(column->charset));
      } else {
        column->length = kBlobLength;
      }
      break;
    case FieldType::kMediumBlob:
      column->length = kMediumBlobLength;
      break;
    case FieldType::kLongBlob:
    case FieldType::kJson:
      column->length = kLongBlobLength;
      break;
    case FieldType::kEnum:
    case FieldType::kSet:
      SetMembers(MembersIn(column->charset, type.elements), column);
      break;
    default:
      break;
  }
}

void SetTypeFlags(ColumnInfo* column, const DataType& type) {
  if (type.is_unsigned) column->flags |= column_flag::kUnsigned;
  if (type.zerofill) column->flags |= column_flag::kZerofill | column_flag::kUnsigned;
  switch (column->type) {
    case FieldType::kBit:
      column->flags |= column_flag::kUnsigned;
      break;
    case FieldType::kYear:
      column->flags |= column_flag::kUnsigned | column_flag::kZerofill;
      break;
    case FieldType::kNewDecimal:
    case FieldType::kFloat:
    case FieldType::kDouble:
      break;
    default:
      if (!IsInteger(column->type) && column->charset == "binary") {
        column->flags |= column_flag::kBinary;
      }
  }
}

// ---- text of defaults -------------------------------------------------------------------------

// Digits of a decimal number scaled to `scale` places, rounded half away from zero; nullopt if the
// text is no plain decimal number.
std::optional<std::string> ScaleDecimal(std::string_view text, int64_t scale) {
  bool negative = false;
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  const size_t dot = text.find('.');
  std::string whole(text.substr(0, dot));
  std::string fraction(dot == std::string_view::npos ? "" : text.substr(dot + 1));
  const auto digits = [](const std::string& part) {
    return std::all_of(part.begin(), part.end(), [](char c) { return c >= '0' && c <= '9'; });
  };
  if ((whole.empty() && fraction.empty()) || !digits(whole) || !digits(fraction)) {
    return std::nullopt;
  }
  const size_t places = static_cast<size_t>(scale);
  bool up = fraction.size() > places && fraction[places] >= '5';
  fraction.resize(places, '0');
  std::string all = whole + fraction;
  for (size_t i = all.size(); up && i-- > 0;) {
    if (all[i] == '9') {
      all[i] = '0';
    } else {
      ++all[i];
      up = false;
    }
  }
  if (up) all.insert(0, "1");
  whole = all.substr(0, all.size() - places);
  fraction = all.substr(all.size() - places);
  whole.erase(0, std::min(whole.find_first_not_of('0'), whole.size()));
  if (whole.empty()) whole = "0";
  std::string out = places > 0 ? whole + "." + fraction : whole;
  if (negative && out.find_first_not_of("0.") != std::string::npos) out.insert(0, "-");
  return out;
}

uint64_t NumberOfBytes(std::string_view bytes) {
  uint64_t value = 0;
  for (unsigned char c : bytes) value = value << 8 | c;
  return value;
}

std::string BigEndian(uint64_t value, size_t bytes) {
  std::string out(bytes, '\0');
  for (size_t i = bytes; i-- > 0;) {
    out[i] = static_cast<char>(value & 0xFF);
    value >>= 8;
  }
  return out;
}

uint64_t NumberOfBits(std::string_view digits) {
  uint64_t value = 0;
  for (char c : digits) value = value << 1 | static_cast<uint64_t>(c - '0');
  return value;
}

bool AllDigits(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// Fraction of a temporal value brought to `decimals` digits by cutting or padding.
std::string FitFraction(std::string text, int64_t decimals) {
  const size_t dot = text.find('.');
  std::string fraction = dot == std::string::npos ? "" : text.substr(dot + 1);
  text.resize(std::min(dot, text.size()));
  fraction.resize(static_cast<size_t>(decimals), '0');
  return decimals > 0 ? text + "." + fraction : text;
}

// A TIME in any accepted form as hh:mm:ss[.fraction]; other text as it is.
std::string TimeText(const std::string& text) {
  const size_t dot = std::min(text.find('.'), text.size());
  std::string_view head = std::string_view(text).substr(0, dot);
  const std::string fraction = text.substr(dot);
  const bool negative = head.starts_with('-');
  if (negative) head.remove_prefix(1);
  const auto number = [](std::string_view digits) {
    int64_t value = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), value);
    return value;
  };
  int64_t hours = 0;
  if (const size_t blank = head.find(' '); blank != std::string_view::npos) {
    if (!AllDigits(head.substr(0, blank))) return text;
    hours = 24 * number(head.substr(0, blank));
    head.remove_prefix(blank + 1);
  }
  int64_t minutes = 0;
  int64_t seconds = 0;
  if (AllDigits(head) && head.size() <= 7) {
    const int64_t value = number(head);
    hours += value / 10000;
    minutes = value / 100 % 100;
    seconds = value % 100;
  } else {
    std::vector<int64_t> parts;
    for (std::string_view rest = head; !rest.empty() || parts.empty();) {
      const size_t colon = std::min(rest.find(':'), rest.size());
      if (!AllDigits(rest.substr(0, colon))) return text;
      parts.push_back(number(rest.substr(0, colon)));
      rest.remove_prefix(std::min(colon + 1, rest.size()));
    }
    if (parts.size() > 3) return text;
    parts.resize(3);
    hours += parts[0];
    minutes = parts[1];
    seconds = parts[2];
  }
  return fmt::format("{}{:02}:{:02}:{:02}{}", negative ? "-" : "", hours, minutes, seconds,
                     fraction);
}

// "2020-1-2" as "2020-01-02", and times alike; other text as it is.
std::string PaddedParts(const std::string& text) {
  std::string out;
  for (size_t i = 0; i < text.size();) {
    if (text[i] < '0' || text[i] > '9') {
      out += text[i++];
      continue;
    }
    size_t end = i;
    while (end < text.size() && text[end] >= '0' && text[end] <= '9') ++end;
    // Not the fraction of a second.
    if (end - i == 1 && (i == 0 || text[i - 1] != '.')) out += '0';
    out += text.substr(i, end - i);
    i = end;
  }
  return out;
}

std::string TemporalText(const ColumnInfo& column, std::string_view literal) {
  std::string text(literal);
  const size_t dot = std::min(text.find('.'), text.size());
  const std::string_view head = std::string_view(text).substr(0, dot);
  if (column.type != FieldType::kTime && AllDigits(head) &&
      (head.size() == 8 || head.size() == 14)) {
    std::string out =
        fmt::format("{}-{}-{}", head.substr(0, 4), head.substr(4, 2), head.substr(6, 2));
    if (head.size() == 14) {
      out += fmt::format(" {}:{}:{}", head.substr(8, 2), head.substr(10, 2), head.substr(12, 2));
      out += text.substr(dot);
    }
    text = std::move(out);
  }
  if (text == "0" && column.type != FieldType::kTime) text = "0000-00-00";
  if (column.type != FieldType::kTime && text.find('-') != std::string::npos) {
    text = PaddedParts(text);
  }
  switch (column.type) {
    case FieldType::kDate:
      return text.substr(0, std::min<size_t>(text.find(' '), text.size()));
    case FieldType::kTime:
      return FitFraction(TimeText(text), column.decimals);
    default:
      if (text.size() == 10 && text.find(':') == std::string::npos) text += " 00:00:00";
      return FitFraction(std::move(text), column.decimals);
  }
}

std::string YearText(std::string_view text) {
  if (!AllDigits(text) || text.size() > 4) return std::string(text);
  int year = 0;
  std::from_chars(text.data(), text.data() + text.size(), year);
  // '0' and 0 differ for servers (2000 and 0000); they write 0000 for both in definitions.
  if (year == 0) return "0000";
  if (year < 70) return fmt::format("{}", 2000 + year);
  if (year < 100) return fmt::format("{}", 1900 + year);
  return fmt::format("{:04}", year);
}

std::string FloatText(const std::string& text) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (end == text.c_str() || *end != '\0' || !std::isfinite(value)) return text;
  return fmt::format("{}", value);
}

// "1.5e2" as "150"; other text as it is.
std::string WithoutExponent(const std::string& text) {
  const size_t e = text.find_first_of("eE");
  if (e == std::string::npos || e == 0) return text;
  int exponent = 0;
  const char* digits = text.data() + e + 1 + (text[e + 1] == '+' ? 1 : 0);
  const auto [end, error] = std::from_chars(digits, text.data() + text.size(), exponent);
  if (error != std::errc() || end != text.data() + text.size() || std::abs(exponent) > 100) {
    return text;
  }
  std::string sign = text[0] == '-' || text[0] == '+' ? text.substr(0, 1) : "";
  std::string number = text.substr(sign.size(), e - sign.size());
  size_t point = std::min(number.find('.'), number.size());
  number.erase(point, 1);
  int64_t at = static_cast<int64_t>(point) + exponent;
  if (at < 0) {
    number.insert(0, static_cast<size_t>(-at), '0');
    at = 0;
  }
  if (static_cast<size_t>(at) > number.size()) number.resize(static_cast<size_t>(at), '0');
  number.insert(static_cast<size_t>(at), ".");
  return sign + number;
}

// The members of a SET in the order of its definition, each as it is written there.
std::string SetText(const ColumnInfo& column, const std::string& text) {
  std::vector<std::string> given;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t comma = std::min(text.find(',', begin), text.size());
    given.push_back(text.substr(begin, comma - begin));
    begin = comma + 1;
  }
  std::string out;
  size_t found = 0;
  for (const std::string& element : column.elements) {
    const auto is_it = [&](const std::string& member) { return EqualNames(member, element); };
    if (std::none_of(given.begin(), given.end(), is_it)) continue;
    if (found++ > 0) out += ',';
    out += element;
  }
  return found > 0 || text.empty() ? out : text;
}

// A literal's bytes as the column keeps them.
std::string LiteralText(const ColumnInfo& column, std::string text) {
  switch (column.type) {
    case FieldType::kTiny:
    case FieldType::kShort:
    case FieldType::kInt24:
    case FieldType::kLong:
    case FieldType::kLongLong:
      return ScaleDecimal(WithoutExponent(text), 0).value_or(text);
    case FieldType::kNewDecimal:
      return ScaleDecimal(WithoutExponent(text), column.decimals).value_or(text);
    case FieldType::kFloat:
    case FieldType::kDouble:
      return FloatText(text);
    case FieldType::kDate:
    case FieldType::kTime:
    case FieldType::kDateTime:
    case FieldType::kTimestamp:
      return TemporalText(column, text);
    case FieldType::kYear:
      return YearText(text);
    case FieldType::kSet:
      return SetText(column, text);
    case FieldType::kEnum:
      for (const std::string& element : column.elements) {
        if (EqualNames(element, text)) return element;
      }
      return text;
    case FieldType::kString:
      if (column.charset == "binary" && column.type_word.empty() && column.length >= 0 &&
          text.size() < static_cast<size_t>(column.length)) {
        text.resize(static_cast<size_t>(column.length), '\0');
      }
      return text;
    default:
      return text;
  }
}

bool IsNow(const Expr& expr) {
  return expr.kind == ExprKind::kFunction &&
         (EqualNames(expr.name, "CURRENT_TIMESTAMP") || EqualNames(expr.name, "NOW") ||
          EqualNames(expr.name, "LOCALTIME") || EqualNames(expr.name, "LOCALTIMESTAMP"));
}

bool IsTemporalType(FieldType type) {
  return type == FieldType::kDateTime || type == FieldType::kTimestamp;
}

}  // namespace

int BytesPerCharacter(std::string_view charset) {
  if (charset == "binary" || charset.empty()) return 1;
  const Charset found = FindCharset(charset);
  return found == Charset::kUnknown ? 1 : std::max(1, CharsetMaxLength(found));
}

void SetBlobType(ColumnInfo* column, int64_t bytes) {
  if (bytes <= kTinyBlobLength) {
    column->type = FieldType::kTinyBlob;
    column->length = kTinyBlobLength;
  } else if (bytes <= kBlobLength) {
    column->type = FieldType::kBlob;
    column->length = kBlobLength;
  } else if (bytes <= kMediumBlobLength) {
    column->type = FieldType::kMediumBlob;
    column->length = kMediumBlobLength;
  } else {
    column->type = FieldType::kLongBlob;
    column->length = kLongBlobLength;
  }
}

std::vector<std::string> ColumnsOf(const ExprPtr& expr) {
  std::vector<std::string> names;
  ForEachColumn(expr, [&](const Expr& column) { names.push_back(LowerName(column.name)); });
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

std::optional<std::string> DefaultText(const ColumnInfo& column, const Expr& expr, bool* is_expr) {
  *is_expr = false;
  const bool is_bit = column.type == FieldType::kBit;
  const size_t bit_bytes = is_bit ? static_cast<size_t>((column.length + 7) / 8) : 0;
  const bool number = IsInteger(column.type) || column.type == FieldType::kNewDecimal ||
                      column.type == FieldType::kFloat || column.type == FieldType::kDouble;
  switch (expr.kind) {
    case ExprKind::kNull:
      return std::nullopt;
    case ExprKind::kTrue:
    case ExprKind::kFalse: {
      const uint64_t value = expr.kind == ExprKind::kTrue ? 1 : 0;
      if (is_bit) return BigEndian(value, bit_bytes);
      return LiteralText(column, value ? "1" : "0");
    }
    case ExprKind::kInteger:
      if (is_bit) {
        uint64_t value = 0;
        std::from_chars(expr.text.data(), expr.text.data() + expr.text.size(), value);
        return BigEndian(value, bit_bytes);
      }
      // A number is the place of a label.
      if (column.type == FieldType::kEnum) {
        size_t place = 0;
        std::from_chars(expr.text.data(), expr.text.data() + expr.text.size(), place);
        if (place >= 1 && place <= column.elements.size()) return column.elements[place - 1];
      }
      return LiteralText(column, expr.text);
    case ExprKind::kDecimal:
    case ExprKind::kFloat:
      if (is_bit || column.type == FieldType::kYear) {
        const std::string whole = ScaleDecimal(WithoutExponent(expr.text), 0).value_or(expr.text);
        if (!is_bit) return LiteralText(column, whole);
        uint64_t value = 0;
        std::from_chars(whole.data(), whole.data() + whole.size(), value);
        return BigEndian(value, bit_bytes);
      }
      return LiteralText(column, expr.text);
    case ExprKind::kString:
      if (is_bit) return BigEndian(NumberOfBytes(expr.text), bit_bytes);
      return LiteralText(column, expr.text);
    case ExprKind::kTemporal:
      return LiteralText(column, expr.text);
    case ExprKind::kHex:
      if (is_bit) return BigEndian(NumberOfBytes(expr.text), bit_bytes);
      if (number) return LiteralText(column, fmt::format("{}", NumberOfBytes(expr.text)));
      return LiteralText(column, expr.text);
    case ExprKind::kBit: {
      const uint64_t value = NumberOfBits(expr.text);
      if (is_bit) return BigEndian(value, bit_bytes);
      if (number) return LiteralText(column, fmt::format("{}", value));
      return LiteralText(column, BigEndian(value, (expr.text.size() + 7) / 8));
    }
    case ExprKind::kUnary:
      if (expr.name == "-" || expr.name == "+") {
        const Expr& operand = *expr.args[0];
        if (operand.kind == ExprKind::kInteger || operand.kind == ExprKind::kDecimal ||
            operand.kind == ExprKind::kFloat) {
          return LiteralText(column, (expr.name == "-" ? "-" : "") + operand.text);
        }
      }
      break;
    case ExprKind::kCollate:
    case ExprKind::kParen:
      return DefaultText(column, *expr.args[0], is_expr);
    case ExprKind::kFunction:
      if (IsNow(expr) && IsTemporalType(column.type)) return "CURRENT_TIMESTAMP";
      break;
    default:
      break;
  }
  *is_expr = true;
  return Restore(std::make_shared<Expr>(expr), ExprStyle::kStored);
}

void SetDefault(ColumnInfo* column, const Expr* expr) {
  column->default_value.reset();
  column->default_is_expr = false;
  if (expr == nullptr) {
    column->flags |= column_flag::kNoDefaultValue;
    return;
  }
  column->flags &= ~column_flag::kNoDefaultValue;
  column->default_value = DefaultText(*column, *expr, &column->default_is_expr);
}

void SetMembers(std::vector<std::string> members, ColumnInfo* column) {
  size_t length = 0;
  for (const std::string& member : members) {
    length = column->type == FieldType::kEnum ? std::max(length, member.size())
                                              : length + member.size() + 1;
  }
  if (column->type == FieldType::kSet && !members.empty()) --length;  // commas between
  column->length = static_cast<int64_t>(length);
  column->elements = std::move(members);
}

ColumnInfo BuildColumn(const ColumnDef& definition, const TableInfo& table,
                       const BuildOptions& options) {
  ColumnInfo column;
  column.SetName(definition.name);
  ColumnDef mariadb_json;
  const ColumnDef* source = &definition;
  if (options.mariadb && definition.type.code == FieldType::kJson) {
    mariadb_json = definition;
    mariadb_json.type.code = FieldType::kLongBlob;
    mariadb_json.type.charset = "utf8mb4";
    mariadb_json.type.binary = true;
    source = &mariadb_json;
  }
  const DataType& type = source->type;
  column.type = type.code;
  column.type_understood = !type.opaque;
  if (type.opaque || type.code == FieldType::kGeometry || FixedBytes(type.word) >= 0) {
    column.type_word = LowerName(type.word);
  }
  SetCharset(&column, *source, table, options);
  SetLengths(&column, type);
  if (const int64_t bytes = FixedBytes(type.word); bytes >= 0) column.length = bytes;
  SetTypeFlags(&column, type);

  const ColumnOption* default_option = nullptr;
  bool primary = false;
  for (const ColumnOption& option : definition.options) {
    switch (option.kind) {
      case ColumnOptionKind::kNotNull:
        column.flags |= column_flag::kNotNull;
        break;
      case ColumnOptionKind::kNull:
        column.flags &= ~column_flag::kNotNull;
        break;
      case ColumnOptionKind::kDefault:
        default_option = &option;
        break;
      case ColumnOptionKind::kOnUpdate:
        column.flags |= column_flag::kOnUpdateNow;
        break;
      case ColumnOptionKind::kAutoIncrement:
        column.flags |= column_flag::kAutoIncrement | column_flag::kNotNull;
        break;
      case ColumnOptionKind::kPrimaryKey:
        primary = true;
        break;
      case ColumnOptionKind::kComment:
        column.comment = option.text;
        break;
      case ColumnOptionKind::kInvisible:
      case ColumnOptionKind::kVisible:
        column.invisible = option.kind == ColumnOptionKind::kInvisible;
        break;
      case ColumnOptionKind::kGenerated:
        column.generated_expr = Restore(option.expr, ExprStyle::kStored);
        column.generated_stored = option.stored;
        column.dependences = ColumnsOf(option.expr);
        break;
      case ColumnOptionKind::kGeneratedAsRow:
        // MariaDB logs the changes of such a table as statements.
        if (column.type != FieldType::kTimestamp) {
          Refuse(8200, "tables that are versioned by transactions are not supported");
        }
        column.generated_expr =
            option.text == "START" ? ColumnInfo::kRowStart : ColumnInfo::kRowEnd;
        column.generated_stored = true;
        column.flags |= column_flag::kNotNull;
        break;
      default:
        break;
    }
  }
  if (primary) column.flags |= column_flag::kNotNull;
  if (default_option != nullptr) {
    SetDefault(&column, default_option->expr.get());
  } else if (column.not_null() && !column.is_auto_increment()) {
    column.flags |= column_flag::kNoDefaultValue;
    if (column.type == FieldType::kYear) column.default_value = "0000";
  }
  return column;
}

}  // namespace dm::mysql
