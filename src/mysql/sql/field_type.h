// Column type codes of the MySQL protocol and binlog (MySQL internals, enum_field_types).
#pragma once

#include <cstdint>

namespace dm::mysql {

// Same numbers as on the wire and as `Tp` of table_info.
enum class FieldType : uint8_t {
  kDecimal = 0,
  kTiny = 1,
  kShort = 2,
  kLong = 3,
  kFloat = 4,
  kDouble = 5,
  kNull = 6,
  kTimestamp = 7,
  kLongLong = 8,
  kInt24 = 9,
  kDate = 10,
  kTime = 11,
  kDateTime = 12,
  kYear = 13,
  kVarchar = 15,
  kBit = 16,
  kTiDbVector = 225,
  kVector = 242,
  kJson = 245,
  kNewDecimal = 246,
  kEnum = 247,
  kSet = 248,
  kTinyBlob = 249,
  kMediumBlob = 250,
  kLongBlob = 251,
  kBlob = 252,
  kVarString = 253,
  kString = 254,
  kGeometry = 255,
};

// TINYINT to BIGINT. (YEAR, BIT, ENUM and SET are others, though their values are stored so.)
constexpr bool IsIntegerType(FieldType type) {
  return type == FieldType::kTiny || type == FieldType::kShort || type == FieldType::kInt24 ||
         type == FieldType::kLong || type == FieldType::kLongLong;
}

// Those, FLOAT, DOUBLE and DECIMAL.
constexpr bool IsNumericType(FieldType type) {
  return IsIntegerType(type) || type == FieldType::kFloat || type == FieldType::kDouble ||
         type == FieldType::kNewDecimal;
}

// TINYTEXT to LONGTEXT and TINYBLOB to LONGBLOB, which the collation tells apart.
constexpr bool IsLongStringType(FieldType type) {
  return type == FieldType::kTinyBlob || type == FieldType::kBlob ||
         type == FieldType::kMediumBlob || type == FieldType::kLongBlob;
}

// Those, CHAR, VARCHAR, BINARY and VARBINARY. (ENUM, SET and JSON are others.)
constexpr bool IsStringType(FieldType type) {
  return IsLongStringType(type) || type == FieldType::kVarchar || type == FieldType::kVarString ||
         type == FieldType::kString;
}

}  // namespace dm::mysql
