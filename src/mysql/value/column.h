// Types of columns as the binlog knows them, and views of their values.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "mysql/value/charset.h"

namespace dm::mysql {

// Type codes of TABLE_MAP events and of the protocol (MySQL internals, enum_field_types).
enum class ColumnType : uint8_t {
  kDecimal = 0x00,
  kTiny = 0x01,
  kShort = 0x02,
  kLong = 0x03,
  kFloat = 0x04,
  kDouble = 0x05,
  kNull = 0x06,
  kTimestamp = 0x07,
  kLongLong = 0x08,
  kInt24 = 0x09,
  kDate = 0x0a,
  kTime = 0x0b,
  kDateTime = 0x0c,
  kYear = 0x0d,
  kNewDate = 0x0e,
  kVarchar = 0x0f,
  kBit = 0x10,
  kTimestamp2 = 0x11,
  kDateTime2 = 0x12,
  kTime2 = 0x13,
  kTypedArray = 0x14,
  kBlobCompressed = 0x8c,     // MariaDB
  kVarcharCompressed = 0x8d,  // MariaDB
  kVector = 0xf2,             // MySQL 9
  kJson = 0xf5,               // MySQL; MariaDB's JSON is a LONGTEXT
  kNewDecimal = 0xf6,
  kEnum = 0xf7,
  kSet = 0xf8,
  kTinyBlob = 0xf9,
  kMediumBlob = 0xfa,
  kLongBlob = 0xfb,
  kBlob = 0xfc,
  kVarString = 0xfd,
  kString = 0xfe,
  kGeometry = 0xff,
};

// "BIGINT", "JSON", ...; "type 0x8e" for unknown codes goes through fmt at the caller.
std::string_view TypeName(ColumnType type);

// Values that MariaDB stores as bytes and shows as text.
enum class TextForm : uint8_t { kNone, kInet4, kInet6, kUuid };

// What is needed to cut a column's value out of a row image and to render it. The wire (TABLE_MAP)
// gives type, lengths and decimals; the tracked upstream schema overlays the fields marked
// (schema), for which the wire has no or only optional information.
struct ColumnMeta {
  ColumnType type = ColumnType::kNull;  // real type: ENUM and SET are told from STRING
  uint8_t length_bytes = 0;             // width of the length prefix; pack length of ENUM and SET
  uint8_t precision = 0;                // DECIMAL
  uint8_t decimals = 0;  // DECIMAL scale; fsp of temporal types. (schema) for the old types 0x07,
                         // 0x0b, 0x0c, where fsp > 0 means MariaDB's high-resolution layout
  bool is_unsigned = false;  // (schema)
  bool nullable = true;
  // (schema) Character set of string types; kBinary for BINARY, VARBINARY and BLOB, which pads
  // BINARY(n) (type kString) to `length` with zero bytes. kUnknown is treated as UTF-8 text.
  Charset charset = Charset::kUnknown;
  // (schema) INET4, INET6 and UUID columns, which are written as text.
  TextForm text_form = TextForm::kNone;
  // (schema) The target column has this character set as well: bytes go there as they are, since a
  // way through UTF-8 may not lead back (cp932 has characters twice, gbk some without Unicode).
  bool keep_bytes = false;
  uint32_t length = 0;  // maximum bytes of strings; bits of BIT

  bool operator==(const ColumnMeta&) const = default;
};

enum class CellState : uint8_t {
  kValue,
  kNull,
  kAbsent,  // the row image doesn't have the column
};

// A value in a row image: a view into the event's buffer (without length prefix).
struct Cell {
  const uint8_t* data = nullptr;
  uint32_t size = 0;
  CellState state = CellState::kAbsent;

  bool has_value() const { return state == CellState::kValue; }
  bool is_null() const { return state == CellState::kNull; }
  std::span<const uint8_t> bytes() const { return {data, size}; }
  std::string_view text() const { return {reinterpret_cast<const char*>(data), size}; }
};

// Bytes of a value whose size does not depend on the value; nullopt for types with a length prefix
// of `length_bytes` bytes. Throws Error 11076 for types that cannot be decoded.
std::optional<uint32_t> FixedSize(const ColumnMeta& meta);

// Integer content of an integer, YEAR, ENUM, SET or BIT cell: the value as 64 bits, sign-extended
// unless meta.is_unsigned. YEAR: 0 or 1901..2155.
int64_t CellInteger(const Cell& cell, const ColumnMeta& meta);

// Do both cells hold the same stored bytes (or are both NULL, or both absent)?
bool SameCell(const Cell& a, const Cell& b);

}  // namespace dm::mysql
