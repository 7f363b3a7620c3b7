// Column types.
#include <fmt/format.h>

#include <string_view>
#include <utility>

#include "mysql/sql/parser_impl.h"

namespace dm::mysql {
namespace {

enum class Family { kInteger, kReal, kFixed, kText, kLongText, kBytes, kTime, kPlain, kElements };

struct TypeWord {
  std::string_view word;    // as written
  std::string_view normal;  // as emitted
  FieldType code;
  Family family;
};

constexpr TypeWord kTypes[] = {
    {"TINYINT", "TINYINT", FieldType::kTiny, Family::kInteger},
    {"INT1", "TINYINT", FieldType::kTiny, Family::kInteger},
    {"SMALLINT", "SMALLINT", FieldType::kShort, Family::kInteger},
    {"INT2", "SMALLINT", FieldType::kShort, Family::kInteger},
    {"MEDIUMINT", "MEDIUMINT", FieldType::kInt24, Family::kInteger},
    {"INT3", "MEDIUMINT", FieldType::kInt24, Family::kInteger},
    {"MIDDLEINT", "MEDIUMINT", FieldType::kInt24, Family::kInteger},
    {"INT", "INT", FieldType::kLong, Family::kInteger},
    {"INTEGER", "INT", FieldType::kLong, Family::kInteger},
    {"INT4", "INT", FieldType::kLong, Family::kInteger},
    {"BIGINT", "BIGINT", FieldType::kLongLong, Family::kInteger},
    {"INT8", "BIGINT", FieldType::kLongLong, Family::kInteger},
    {"DECIMAL", "DECIMAL", FieldType::kNewDecimal, Family::kFixed},
    {"NUMERIC", "DECIMAL", FieldType::kNewDecimal, Family::kFixed},
    {"DEC", "DECIMAL", FieldType::kNewDecimal, Family::kFixed},
    {"FIXED", "DECIMAL", FieldType::kNewDecimal, Family::kFixed},
    {"NUMBER", "DECIMAL", FieldType::kNewDecimal, Family::kFixed},
    {"FLOAT", "FLOAT", FieldType::kFloat, Family::kReal},
    {"FLOAT4", "FLOAT", FieldType::kFloat, Family::kReal},
    {"DOUBLE", "DOUBLE", FieldType::kDouble, Family::kReal},
    {"REAL", "DOUBLE", FieldType::kDouble, Family::kReal},
    {"FLOAT8", "DOUBLE", FieldType::kDouble, Family::kReal},
    {"BIT", "BIT", FieldType::kBit, Family::kPlain},
    {"DATE", "DATE", FieldType::kDate, Family::kPlain},
    {"TIME", "TIME", FieldType::kTime, Family::kTime},
    {"DATETIME", "DATETIME", FieldType::kDateTime, Family::kTime},
    {"TIMESTAMP", "TIMESTAMP", FieldType::kTimestamp, Family::kTime},
    {"YEAR", "YEAR", FieldType::kYear, Family::kPlain},
    {"CHAR", "CHAR", FieldType::kString, Family::kText},
    {"CHARACTER", "CHAR", FieldType::kString, Family::kText},
    {"VARCHAR", "VARCHAR", FieldType::kVarchar, Family::kText},
    {"VARCHARACTER", "VARCHAR", FieldType::kVarchar, Family::kText},
    {"VARCHAR2", "VARCHAR", FieldType::kVarchar, Family::kText},
    {"BINARY", "BINARY", FieldType::kString, Family::kBytes},
    {"VARBINARY", "VARBINARY", FieldType::kVarchar, Family::kBytes},
    {"RAW", "VARBINARY", FieldType::kVarchar, Family::kBytes},
    {"TINYBLOB", "TINYBLOB", FieldType::kTinyBlob, Family::kBytes},
    {"BLOB", "BLOB", FieldType::kBlob, Family::kBytes},
    {"MEDIUMBLOB", "MEDIUMBLOB", FieldType::kMediumBlob, Family::kBytes},
    {"LONGBLOB", "LONGBLOB", FieldType::kLongBlob, Family::kBytes},
    {"TINYTEXT", "TINYTEXT", FieldType::kTinyBlob, Family::kLongText},
    {"TEXT", "TEXT", FieldType::kBlob, Family::kLongText},
    {"MEDIUMTEXT", "MEDIUMTEXT", FieldType::kMediumBlob, Family::kLongText},
    {"LONGTEXT", "LONGTEXT", FieldType::kLongBlob, Family::kLongText},
    {"CLOB", "LONGTEXT", FieldType::kLongBlob, Family::kLongText},
    {"ENUM", "ENUM", FieldType::kEnum, Family::kElements},
    {"SET", "SET", FieldType::kSet, Family::kElements},
    {"JSON", "JSON", FieldType::kJson, Family::kPlain},
    {"GEOMETRY", "GEOMETRY", FieldType::kGeometry, Family::kPlain},
    {"POINT", "POINT", FieldType::kGeometry, Family::kPlain},
    {"LINESTRING", "LINESTRING", FieldType::kGeometry, Family::kPlain},
    {"POLYGON", "POLYGON", FieldType::kGeometry, Family::kPlain},
    {"MULTIPOINT", "MULTIPOINT", FieldType::kGeometry, Family::kPlain},
    {"MULTILINESTRING", "MULTILINESTRING", FieldType::kGeometry, Family::kPlain},
    {"MULTIPOLYGON", "MULTIPOLYGON", FieldType::kGeometry, Family::kPlain},
    {"GEOMETRYCOLLECTION", "GEOMETRYCOLLECTION", FieldType::kGeometry, Family::kPlain},
    {"GEOMCOLLECTION", "GEOMETRYCOLLECTION", FieldType::kGeometry, Family::kPlain},
    // MariaDB types in fixed strings.
    {"INET4", "INET4", FieldType::kString, Family::kPlain},
    {"INET6", "INET6", FieldType::kString, Family::kPlain},
    {"UUID", "UUID", FieldType::kString, Family::kPlain},
};

// FLOAT(p) with more bits than this is a DOUBLE.
constexpr int64_t kFloatBits = 24;

const TypeWord* FindType(std::string_view word) {
  for (const TypeWord& type : kTypes) {
    if (type.word == word) return &type;
  }
  return nullptr;
}

void TrimRight(std::string* text) {
  while (text->ends_with(' ')) text->pop_back();
}

ColumnOption Implied(ColumnOptionKind kind) {
  ColumnOption option;
  option.kind = kind;
  return option;
}

}  // namespace

void Parser::ParseLength(DataType* type, bool with_decimals) {
  if (!AcceptSymbol("(")) return;
  if (AcceptSymbol("*")) {
    // Oracle mode's NUMBER(*).
  } else {
    type->length = static_cast<int64_t>(Number("a length"));
  }
  if (with_decimals && AcceptSymbol(",")) type->decimals = static_cast<int64_t>(Number("digits"));
  // VARCHAR2(10 CHAR)
  if (!AcceptWord("CHAR")) AcceptWord("BYTE");
  ExpectSymbol(")");
}

DataType Parser::ParseColumnType(std::vector<ColumnOption>* implied) {
  DataType type;
  ParseTypeWord(&type, implied);
  ParseTypeModifiers(&type);
  // MariaDB prints it before the character set.
  if (AcceptWord("COMPRESSED")) {
    ColumnOption option = Implied(ColumnOptionKind::kVerbatim);
    option.text = "COMPRESSED";
    if (AcceptSymbol("=")) option.text += "=" + Name("a method");
    implied->push_back(std::move(option));
    ParseTypeModifiers(&type);
  }
  return type;
}

void Parser::ParseTypeWord(DataType* type, std::vector<ColumnOption>* implied) {
  if (Peek().kind != TokenKind::kWord) Fail("expected a column type");
  const Token token = Take();
  const std::string& word = token.upper;
  const auto set = [&](std::string_view normal, FieldType code) {
    type->word = normal;
    type->code = code;
  };
  if (word == "BOOL" || word == "BOOLEAN") {
    set("TINYINT", FieldType::kTiny);
    type->length = 1;
    return;
  }
  if (word == "SERIAL") {
    set("BIGINT", FieldType::kLongLong);
    type->is_unsigned = true;
    for (ColumnOptionKind kind : {ColumnOptionKind::kNotNull, ColumnOptionKind::kAutoIncrement,
                                  ColumnOptionKind::kUniqueKey}) {
      implied->push_back(Implied(kind));
    }
    return;
  }
  if (word == "LONG") {
    if (AcceptWord("VARBINARY")) {
      set("MEDIUMBLOB", FieldType::kMediumBlob);
      type->charset = "binary";
      return;
    }
    set("MEDIUMTEXT", FieldType::kMediumBlob);
    if (!AcceptWord("VARCHAR") && !AcceptWord("VARCHARACTER") && IsAny({"CHAR", "CHARACTER"}) &&
        IsWord("VARYING", 1)) {
      pos_ += 2;
    }
    return;
  }
  if (word == "NVARCHAR" || word == "NCHAR" || word == "NATIONAL") {
    bool varying = word == "NVARCHAR";
    if (word == "NATIONAL") {
      if (AcceptWord("VARCHAR") || AcceptWord("VARCHARACTER")) {
        varying = true;
      } else if (AcceptWord("CHAR") || AcceptWord("CHARACTER")) {
        varying = AcceptWord("VARYING");
      } else {
        Fail("expected CHAR or VARCHAR");
      }
    } else if (word == "NCHAR") {
      varying = AcceptWord("VARYING") || AcceptWord("VARCHAR") || AcceptWord("VARCHARACTER");
    }
    set(varying ? "VARCHAR" : "CHAR", varying ? FieldType::kVarchar : FieldType::kString);
    ParseLength(type, false);
    type->charset = "utf8";
    return;
  }
  if (word == "VECTOR") {
    set("VECTOR", FieldType::kVector);
    if (AcceptSymbol("<")) {
      ExpectWord("FLOAT");
      ExpectSymbol(">");
      type->code = FieldType::kTiDbVector;
    }
    ParseLength(type, false);
    type->charset = "binary";
    return;
  }

  const TypeWord* known = FindType(word);
  if (known == nullptr) {
    // A type of a newer server or of a plug-in: kept as text.
    const size_t from = pos_ - 1;
    if (IsSymbol("(")) SkipParens();
    type->word = VerbatimSince(from);
    type->opaque = true;
    type->code = FieldType::kString;
    return;
  }
  set(known->normal, known->code);
  if (options_.mariadb && options_.sql_mode.oracle()) {
    // Oracle's DATE has a time, its BLOB no limit, its NUMBER without digits a fraction.
    if (word == "DATE") {
      set("DATETIME", FieldType::kDateTime);
      return;
    }
    if (word == "BLOB" && !IsSymbol("(")) set("LONGBLOB", FieldType::kLongBlob);
    if (word == "NUMBER" && !IsSymbol("(")) {
      set("DOUBLE", FieldType::kDouble);
      return;
    }
  }
  if ((word == "CHAR" || word == "CHARACTER") && AcceptWord("VARYING")) {
    set("VARCHAR", FieldType::kVarchar);
  }
  if (word == "DOUBLE") AcceptWord("PRECISION");
  if (word == "REAL" && options_.sql_mode.real_as_float()) set("FLOAT", FieldType::kFloat);
  switch (known->family) {
    case Family::kReal:
      ParseLength(type, true);
      if (type->code == FieldType::kFloat && type->length >= 0 && type->decimals < 0) {
        if (type->length > kFloatBits) set("DOUBLE", FieldType::kDouble);
        type->length = -1;
      }
      break;
    case Family::kFixed:
      ParseLength(type, true);
      break;
    case Family::kBytes:
      ParseLength(type, false);
      type->charset = "binary";
      break;
    case Family::kElements:
      ExpectSymbol("(");
      do {
        std::string element = StringLiteral("an element");
        TrimRight(&element);
        type->elements.push_back(std::move(element));
      } while (AcceptSymbol(","));
      ExpectSymbol(")");
      break;
    case Family::kPlain:
      if (type->code != FieldType::kDate && type->code != FieldType::kJson) {
        ParseLength(type, false);
      }
      if (type->code == FieldType::kBit && type->length < 0) type->length = 1;
      break;
    case Family::kInteger:
    case Family::kText:
    case Family::kLongText:
    case Family::kTime:
      ParseLength(type, false);
      break;
  }
}

void Parser::ParseTypeModifiers(DataType* type) {
  while (true) {
    if (AcceptWord("UNSIGNED")) {
      type->is_unsigned = true;
    } else if (AcceptWord("SIGNED")) {
      type->is_unsigned = false;
    } else if (AcceptWord("ZEROFILL")) {
      type->zerofill = true;
      type->is_unsigned = true;
    } else if (AcceptWord("BINARY")) {
      type->binary = true;
    } else if (AcceptWord("ASCII")) {
      type->charset = "latin1";
    } else if (AcceptWord("UNICODE")) {
      type->charset = "ucs2";
    } else if (AcceptWord("BYTE")) {
      type->charset = "binary";
    } else if (AcceptWord("CHARSET") || AcceptWords({"CHARACTER", "SET"}) ||
               AcceptWords({"CHAR", "SET"})) {
      AcceptSymbol("=");
      std::string charset = IsString() ? StringLiteral("a character set") : Name("a character set");
      for (char& c : charset) {
        if (c >= 'A' && c <= 'Z') c += 'a' - 'A';
      }
      type->charset = std::move(charset);
    } else {
      return;
    }
  }
}

std::string Parser::CastType(bool* array) {
  std::string result;
  if (AcceptWord("SIGNED") || AcceptWord("UNSIGNED")) {
    result = tokens_[pos_ - 1].upper;
    if (!AcceptWord("INTEGER")) AcceptWord("INT");
  } else {
    std::vector<ColumnOption> implied;
    const DataType type = ParseColumnType(&implied);
    if (!implied.empty() || type.code == FieldType::kEnum || type.code == FieldType::kSet) {
      Fail("not a type to cast to");
    }
    result = type.word;
    if (type.length >= 0 && type.decimals >= 0) {
      result += fmt::format("({}, {})", type.length, type.decimals);
    } else if (type.length >= 0) {
      result += fmt::format("({})", type.length);
    }
    if (type.binary) result += " BINARY";
    if (!type.charset.empty() && type.charset != "binary") {
      result += " CHARACTER SET " + UpperWord(type.charset);
    }
  }
  *array = AcceptWord("ARRAY");
  return result;
}

}  // namespace dm::mysql
