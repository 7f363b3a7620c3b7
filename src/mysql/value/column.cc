#include "mysql/value/column.h"

#include <fmt/format.h>

#include <cstring>

#include "base/error/error.h"

namespace dm::mysql {
namespace {

// Bytes of `digits` decimal digits packed nine to a word (MySQL internals, decimal2bin).
constexpr uint32_t kDigitBytes[] = {0, 1, 1, 2, 2, 3, 3, 4, 4, 4};

uint32_t DecimalSize(uint32_t precision, uint32_t scale) {
  const uint32_t integer = precision - scale;
  return integer / 9 * 4 + kDigitBytes[integer % 9] + scale / 9 * 4 + kDigitBytes[scale % 9];
}

uint32_t FractionBytes(const ColumnMeta& meta) { return (meta.decimals + 1u) / 2; }

// Widths of MariaDB's high-resolution types by fsp.
constexpr uint32_t kHiresTime[] = {3, 4, 4, 5, 5, 5, 6};
constexpr uint32_t kHiresDateTime[] = {8, 6, 6, 7, 7, 7, 8};
constexpr uint32_t kHiresTimestamp[] = {4, 5, 5, 6, 6, 7, 7};

uint32_t HiresSize(const uint32_t (&sizes)[7], const ColumnMeta& meta) {
  if (meta.decimals > 6) {
    throw Error(ErrorCode::kBinlogColumnTypeNotSupport,
                fmt::format("{} fraction digits of {}", meta.decimals, TypeName(meta.type)));
  }
  return sizes[meta.decimals];
}

uint64_t LoadLittle(const Cell& cell) {
  const uint8_t* const p = cell.data;
  if (cell.size == 4) return p[0] | p[1] << 8 | p[2] << 16 | static_cast<uint32_t>(p[3]) << 24;
  uint64_t value = 0;
  for (uint32_t i = cell.size; i-- > 0;) value = value << 8 | cell.data[i];
  return value;
}

}  // namespace

std::string_view TypeName(ColumnType type) {
  switch (type) {
    case ColumnType::kDecimal:
      return "DECIMAL (old)";
    case ColumnType::kTiny:
      return "TINYINT";
    case ColumnType::kShort:
      return "SMALLINT";
    case ColumnType::kLong:
      return "INT";
    case ColumnType::kFloat:
      return "FLOAT";
    case ColumnType::kDouble:
      return "DOUBLE";
    case ColumnType::kNull:
      return "NULL";
    case ColumnType::kTimestamp:
      return "TIMESTAMP (old)";
    case ColumnType::kLongLong:
      return "BIGINT";
    case ColumnType::kInt24:
      return "MEDIUMINT";
    case ColumnType::kDate:
      return "DATE";
    case ColumnType::kTime:
      return "TIME (old)";
    case ColumnType::kDateTime:
      return "DATETIME (old)";
    case ColumnType::kYear:
      return "YEAR";
    case ColumnType::kNewDate:
      return "DATE (new)";
    case ColumnType::kVarchar:
      return "VARCHAR";
    case ColumnType::kBit:
      return "BIT";
    case ColumnType::kTimestamp2:
      return "TIMESTAMP";
    case ColumnType::kDateTime2:
      return "DATETIME";
    case ColumnType::kTime2:
      return "TIME";
    case ColumnType::kTypedArray:
      return "TYPED ARRAY";
    case ColumnType::kBlobCompressed:
      return "BLOB COMPRESSED";
    case ColumnType::kVarcharCompressed:
      return "VARCHAR COMPRESSED";
    case ColumnType::kVector:
      return "VECTOR";
    case ColumnType::kJson:
      return "JSON";
    case ColumnType::kNewDecimal:
      return "DECIMAL";
    case ColumnType::kEnum:
      return "ENUM";
    case ColumnType::kSet:
      return "SET";
    case ColumnType::kTinyBlob:
      return "TINYBLOB";
    case ColumnType::kMediumBlob:
      return "MEDIUMBLOB";
    case ColumnType::kLongBlob:
      return "LONGBLOB";
    case ColumnType::kBlob:
      return "BLOB";
    case ColumnType::kVarString:
      return "VARSTRING";
    case ColumnType::kString:
      return "CHAR";
    case ColumnType::kGeometry:
      return "GEOMETRY";
  }
  return "unknown type";
}

std::optional<uint32_t> FixedSize(const ColumnMeta& meta) {
  switch (meta.type) {
    case ColumnType::kNull:
      return 0;
    case ColumnType::kTiny:
    case ColumnType::kYear:
      return 1;
    case ColumnType::kShort:
      return 2;
    case ColumnType::kInt24:
    case ColumnType::kDate:
    case ColumnType::kNewDate:
      return 3;
    case ColumnType::kLong:
    case ColumnType::kFloat:
      return 4;
    case ColumnType::kLongLong:
    case ColumnType::kDouble:
      return 8;
    case ColumnType::kTimestamp:
      return HiresSize(kHiresTimestamp, meta);
    case ColumnType::kTime:
      return HiresSize(kHiresTime, meta);
    case ColumnType::kDateTime:
      return HiresSize(kHiresDateTime, meta);
    case ColumnType::kTimestamp2:
      return 4 + FractionBytes(meta);
    case ColumnType::kDateTime2:
      return 5 + FractionBytes(meta);
    case ColumnType::kTime2:
      return 3 + FractionBytes(meta);
    case ColumnType::kBit:
      return (meta.length + 7) / 8;
    case ColumnType::kNewDecimal:
      return DecimalSize(meta.precision, meta.decimals);
    case ColumnType::kEnum:
    case ColumnType::kSet:
      return meta.length_bytes;
    case ColumnType::kVarchar:
    case ColumnType::kVarString:
    case ColumnType::kString:
    case ColumnType::kBlob:
    case ColumnType::kTinyBlob:
    case ColumnType::kMediumBlob:
    case ColumnType::kLongBlob:
    case ColumnType::kBlobCompressed:
    case ColumnType::kVarcharCompressed:
    case ColumnType::kVector:
    case ColumnType::kJson:
    case ColumnType::kGeometry:
      return std::nullopt;
    case ColumnType::kDecimal:
    case ColumnType::kTypedArray:
      break;
  }
  throw Error(ErrorCode::kBinlogColumnTypeNotSupport,
              fmt::format("column type {} (0x{:02x}) is not supported", TypeName(meta.type),
                          static_cast<int>(meta.type)));
}

int64_t CellInteger(const Cell& cell, const ColumnMeta& meta) {
  if (cell.size > 8) {
    throw Error(ErrorCode::kBinlogEventDecode,
                fmt::format("an integer of {} bytes in the binlog", cell.size));
  }
  if (meta.type == ColumnType::kBit) {
    uint64_t value = 0;
    for (uint32_t i = 0; i < cell.size; ++i) value = value << 8 | cell.data[i];
    return static_cast<int64_t>(value);
  }
  const uint64_t value = LoadLittle(cell);
  if (meta.type == ColumnType::kYear) return value == 0 ? 0 : static_cast<int64_t>(1900 + value);
  if (meta.is_unsigned || meta.type == ColumnType::kEnum || meta.type == ColumnType::kSet ||
      cell.size == 8 || cell.size == 0) {
    return static_cast<int64_t>(value);
  }
  const int shift = 64 - 8 * static_cast<int>(cell.size);
  return static_cast<int64_t>(value << shift) >> shift;
}

bool SameCell(const Cell& a, const Cell& b) {
  if (a.state != b.state) return false;
  if (a.state != CellState::kValue) return true;
  return a.size == b.size && (a.size == 0 || std::memcmp(a.data, b.data, a.size) == 0);
}

}  // namespace dm::mysql
