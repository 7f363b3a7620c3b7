// TABLE_MAP: name and columns of the table whose rows follow.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "mysql/binlog/events.h"
#include "mysql/binlog/raw_event.h"
#include "mysql/value/column.h"

namespace dm::mysql {

// The table as the event describes it; immutable once parsed.
struct TableMap {
  uint64_t table_id = 0;
  uint16_t flags = 0;
  std::string schema;
  std::string table;
  // In the order of the row image. is_unsigned and charset are set only if the event has the
  // optional metadata; overlay the tracked schema's.
  std::vector<ColumnMeta> columns;

  // Optional metadata (empty or nullopt if not logged).
  bool has_signedness = false;
  bool has_charsets = false;
  std::vector<std::string> column_names;
  std::vector<uint32_t> collations;   // by column, 0 for other than character columns
  std::vector<uint32_t> primary_key;  // column indexes
  std::vector<bool> visible;          // by column

  // Throws Error on malformed bytes and on column types that cannot be decoded, naming table and
  // column.
  static std::shared_ptr<const TableMap> Parse(const RawEvent& event,
                                               const FormatDescription& format);
  // Only the names (cheap: no column is looked at).
  struct Name {
    uint64_t table_id;
    std::string_view schema;  // views into the event
    std::string_view table;
    std::string_view definition;  // all of it but the id: names, columns, flags
  };
  static Name ParseName(const RawEvent& event, const FormatDescription& format);
  static Name ParseName(RawEvent&& event, const FormatDescription& format) = delete;
};

// Table id that stands for no table: a rows event that only ends its statement.
inline constexpr uint64_t kDummyTableId = 0x00ffffff;

}  // namespace dm::mysql
