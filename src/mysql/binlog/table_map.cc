#include "mysql/binlog/table_map.h"

#include "mysql/binlog/reader.h"

namespace dm::mysql {
namespace {

// More columns than any server allows in a table.
constexpr uint64_t kMaxColumns = 65535;

size_t TableIdSize(const FormatDescription& format, Reader& in) {
  if (format.PostHeaderLength(EventType::kTableMap) == 6) in.Fail("has a table id of four bytes");
  return 6;
}

std::string_view Name(Reader& in) {
  const std::string_view name = in.Text(in.U8());
  in.Skip(1);  // terminating zero
  return name;
}

// The column's share of the metadata block (MySQL internals, Field::save_field_metadata).
ColumnMeta ParseMetadata(ColumnType type, Reader& in) {
  ColumnMeta meta;
  meta.type = type;
  switch (type) {
    case ColumnType::kFloat:
    case ColumnType::kDouble:
      in.Skip(1);  // its size
      break;
    case ColumnType::kVarchar:
    case ColumnType::kVarString:
    case ColumnType::kVarcharCompressed:
      meta.length = in.U16();
      meta.length_bytes = meta.length <= 255 ? 1 : 2;
      break;
    case ColumnType::kBit: {
      const uint8_t bits = in.U8();
      const uint8_t bytes = in.U8();
      meta.length = bytes * 8u + bits;
      if (meta.length > 64) in.Fail("has a BIT column of more than 64 bits");
      break;
    }
    case ColumnType::kTimestamp2:
    case ColumnType::kDateTime2:
    case ColumnType::kTime2:
      meta.decimals = in.U8();
      if (meta.decimals > 6) in.Fail("has a column of more than six fraction digits");
      break;
    case ColumnType::kBlob:
    case ColumnType::kTinyBlob:
    case ColumnType::kMediumBlob:
    case ColumnType::kLongBlob:
    case ColumnType::kBlobCompressed:
    case ColumnType::kVector:
    case ColumnType::kJson:
    case ColumnType::kGeometry:
      meta.length_bytes = in.U8();
      if (meta.length_bytes < 1 || meta.length_bytes > 4) in.Fail("has an invalid length width");
      break;
    case ColumnType::kNewDecimal:
      meta.precision = in.U8();
      meta.decimals = in.U8();
      if (meta.precision < 1 || meta.precision > 65 || meta.decimals > meta.precision) {
        in.Fail("has an invalid DECIMAL column");
      }
      break;
    case ColumnType::kString: {
      const uint8_t b0 = in.U8();
      const uint8_t b1 = in.U8();
      if ((b0 & 0x30) != 0x30) {  // CHAR of more than 255 bytes
        meta.type = static_cast<ColumnType>(b0 | 0x30);
        meta.length = b1 | static_cast<uint32_t>((b0 & 0x30) ^ 0x30) << 4;
      } else {
        meta.type = static_cast<ColumnType>(b0);
        meta.length = b1;
      }
      if (meta.type == ColumnType::kEnum || meta.type == ColumnType::kSet) {
        meta.length_bytes = b1;
        if (b1 < 1 || b1 > 8) in.Fail("has an ENUM or SET column of an invalid size");
      } else if (meta.type == ColumnType::kString) {
        meta.length_bytes = meta.length <= 255 ? 1 : 2;
      } else {
        in.Fail("has a string column of an unknown kind");
      }
      break;
    }
    case ColumnType::kEnum:
    case ColumnType::kSet:
      in.Skip(1);
      meta.length_bytes = in.U8();
      if (meta.length_bytes < 1 || meta.length_bytes > 8) {
        in.Fail("has an ENUM or SET column of an invalid size");
      }
      break;
    default:
      break;
  }
  return meta;
}

bool IsNumeric(ColumnType type) {
  switch (type) {
    case ColumnType::kTiny:
    case ColumnType::kShort:
    case ColumnType::kInt24:
    case ColumnType::kLong:
    case ColumnType::kLongLong:
    case ColumnType::kFloat:
    case ColumnType::kDouble:
    case ColumnType::kNewDecimal:
    case ColumnType::kYear:
      return true;
    default:
      return false;
  }
}

bool IsEnumOrSet(ColumnType type) { return type == ColumnType::kEnum || type == ColumnType::kSet; }

// Is the column one of those whose collations TLVs 2 and 3 list?
bool IsCharacter(ColumnType type, bool mariadb) {
  switch (type) {
    case ColumnType::kString:
    case ColumnType::kVarchar:
    case ColumnType::kVarString:
    case ColumnType::kBlob:
    case ColumnType::kTinyBlob:
    case ColumnType::kMediumBlob:
    case ColumnType::kLongBlob:
    case ColumnType::kVector:
      return true;
    case ColumnType::kVarcharCompressed:
    case ColumnType::kBlobCompressed:
    case ColumnType::kGeometry:
      return mariadb;
    default:
      return false;
  }
}

bool BitMsbFirst(std::span<const uint8_t> bits, size_t i) {
  return (bits[i / 8] >> (7 - i % 8) & 1) != 0;
}

// A default collation and its exceptions, over the columns in `of`.
void ParseDefaultCollations(Reader& in, TableMap& map, const std::vector<size_t>& of) {
  const auto common = static_cast<uint32_t>(in.Packed());
  for (const size_t column : of) map.collations[column] = common;
  while (!in.at_end()) {
    const uint64_t index = in.Packed();
    const uint64_t collation = in.Packed();
    if (index >= of.size()) in.Fail("has a collation for a column that is not there");
    map.collations[of[index]] = static_cast<uint32_t>(collation);
  }
}

void ParseColumnCollations(Reader& in, TableMap& map, const std::vector<size_t>& of) {
  for (const size_t column : of) {
    if (in.at_end()) in.Fail("has too few collations");
    map.collations[column] = static_cast<uint32_t>(in.Packed());
  }
}

void ParseOptional(Reader& in, TableMap& map, const EventHeader& header, bool mariadb) {
  std::vector<size_t> numeric, character, enums;
  for (size_t i = 0; i < map.columns.size(); ++i) {
    const ColumnType type = map.columns[i].type;
    if (IsNumeric(type)) numeric.push_back(i);
    if (IsCharacter(type, mariadb)) character.push_back(i);
    if (IsEnumOrSet(type)) enums.push_back(i);
  }
  map.collations.resize(map.columns.size());
  while (!in.at_end()) {
    const uint8_t type = in.U8();
    Reader value(in.Take(in.Packed()), header);
    switch (type) {
      case 1: {  // signedness
        const auto bits = value.Take((numeric.size() + 7) / 8);
        for (size_t i = 0; i < numeric.size(); ++i) {
          map.columns[numeric[i]].is_unsigned = BitMsbFirst(bits, i);
        }
        map.has_signedness = true;
        break;
      }
      case 2:
        ParseDefaultCollations(value, map, character);
        map.has_charsets = true;
        break;
      case 3:
        ParseColumnCollations(value, map, character);
        map.has_charsets = true;
        break;
      case 4:
        while (!value.at_end()) map.column_names.emplace_back(value.Text(value.U8()));
        if (map.column_names.size() != map.columns.size()) {
          value.Fail("has names for another number of columns");
        }
        break;
      case 8:
        while (!value.at_end()) map.primary_key.push_back(static_cast<uint32_t>(value.Packed()));
        break;
      case 9:
        while (!value.at_end()) {
          map.primary_key.push_back(static_cast<uint32_t>(value.Packed()));
          value.Packed();  // characters of the prefix
        }
        break;
      case 10:
        ParseDefaultCollations(value, map, enums);
        break;
      case 11:
        ParseColumnCollations(value, map, enums);
        break;
      case 12: {
        const auto bits = value.Take((map.columns.size() + 7) / 8);
        for (size_t i = 0; i < map.columns.size(); ++i) {
          map.visible.push_back(BitMsbFirst(bits, i));
        }
        break;
      }
      default:
        break;  // member names, geometry types, and what later versions add
    }
  }
  for (const uint32_t column : map.primary_key) {
    if (column >= map.columns.size()) in.Fail("has a primary key column that is not there");
  }
  if (!map.has_charsets) return;
  for (const size_t i : character) {
    map.columns[i].charset = CharsetOfCollation(map.collations[i]);
  }
}

}  // namespace

TableMap::Name TableMap::ParseName(const RawEvent& event, const FormatDescription& format) {
  Reader in(event);
  Name name;
  const size_t id_size = TableIdSize(format, in);
  name.table_id = in.Unsigned(id_size);
  const std::span<const uint8_t> rest = event.body().subspan(id_size);
  name.definition = {reinterpret_cast<const char*>(rest.data()), rest.size()};
  in.Skip(2);  // flags
  name.schema = dm::mysql::Name(in);
  name.table = dm::mysql::Name(in);
  return name;
}

std::shared_ptr<const TableMap> TableMap::Parse(const RawEvent& event,
                                                const FormatDescription& format) {
  Reader in(event);
  auto map = std::make_shared<TableMap>();
  map->table_id = in.Unsigned(TableIdSize(format, in));
  map->flags = in.U16();
  map->schema = dm::mysql::Name(in);
  map->table = dm::mysql::Name(in);
  const uint64_t count = in.Packed();
  if (count > kMaxColumns) in.Fail("has too many columns");
  const auto types = in.Take(count);
  Reader metadata(in.Take(in.Packed()), event.header());
  map->columns.reserve(count);
  for (const uint8_t code : types) {
    const size_t index = map->columns.size();
    const auto type = static_cast<ColumnType>(code);
    map->columns.push_back(ParseMetadata(type, metadata));
    try {
      // Refuses the types that have no decoding.
      if (FixedSize(map->columns.back()) == std::nullopt && map->columns.back().length_bytes == 0) {
        in.Fail("has a column without length");
      }
    } catch (const Error& e) {
      if (e.code() != static_cast<int>(ErrorCode::kBinlogColumnTypeNotSupport)) throw;
      throw Error(
          ErrorCode::kBinlogColumnTypeNotSupport,
          fmt::format("column {} of table `{}`.`{}` has type 0x{:02x}, which is not supported",
                      index + 1, map->schema, map->table, code));
    }
  }
  const auto nullable = in.Take((count + 7) / 8);
  for (size_t i = 0; i < count; ++i) {
    map->columns[i].nullable = (nullable[i / 8] >> (i % 8) & 1) != 0;
  }
  if (!in.at_end()) {
    const bool mariadb = format.server_version.find("MariaDB") != std::string::npos;
    ParseOptional(in, *map, event.header(), mariadb);
  }
  return map;
}

}  // namespace dm::mysql
