// Rows events: the images of changed rows as cells, without copying values.
#pragma once

#include <boost/container/small_vector.hpp>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "mysql/binlog/raw_event.h"
#include "mysql/binlog/table_map.h"
#include "mysql/value/column.h"

namespace dm::mysql {

enum class RowsKind : uint8_t { kInsert, kUpdate, kDelete };

// Flags of a rows event.
inline constexpr uint16_t kRowsStatementEnd = 0x0001;
inline constexpr uint16_t kRowsNoForeignKeyChecks = 0x0002;
inline constexpr uint16_t kRowsRelaxedUniqueChecks = 0x0004;
// Foreign keys are handled by the SQL layer: cascaded changes are in the binlog themselves.
inline constexpr uint16_t kRowsForeignKeysLogged = 0x0010;

// What stands before the rows; found without looking at them.
struct RowsHeader {
  RowsKind kind = RowsKind::kInsert;
  uint64_t table_id = 0;
  uint16_t flags = 0;

  bool statement_end() const { return (flags & kRowsStatementEnd) != 0; }
  // Are these all changes that the statement made, whatever the tables' foreign keys say? Nothing
  // is to be checked or cascaded where they are applied.
  bool without_foreign_keys() const {
    return (flags & (kRowsNoForeignKeyChecks | kRowsForeignKeysLogged)) != 0;
  }
  static RowsHeader Parse(const RawEvent& event, const FormatDescription& format);
};

// How the columns of a table are cut out of a row image: for tables of which many events come.
class RowLayout {
 public:
  // Throws Error 11076 for a type that cannot be decoded.
  explicit RowLayout(std::span<const ColumnMeta> columns);
  size_t column_count() const { return steps_.size(); }

 private:
  friend class RowsDecoder;
  struct Step {
    uint32_t column;
    uint32_t size;         // of fixed-width values
    uint8_t length_bytes;  // 0: fixed width
    bool compressed;
  };
  static Step StepOf(uint32_t column, const ColumnMeta& meta);

  std::vector<Step> steps_;
};

// All rows of one event. Cells are views into the event's buffer, which the batch keeps alive (as
// it does inflated data). Immutable and thread-safe once filled.
class RowBatch {
 public:
  // Decodes the event with the columns of `table`, or with `columns` (the same number) where the
  // tracked schema overlays them: signedness and charsets don't matter here, fsp of MariaDB's
  // high-resolution types does. After-image columns that are absent take their before image (absent
  // means unchanged) if that has them, and differences of JSON documents are applied to it. Throws
  // Error on malformed bytes.
  static std::shared_ptr<const RowBatch> Decode(const RawEvent& event,
                                                const FormatDescription& format,
                                                std::shared_ptr<const TableMap> table,
                                                std::span<const ColumnMeta> columns = {});
  // Nothing yet: to be filled once.
  RowBatch() = default;
  // As Decode, into this one. `layout`: of `columns`; null: it is not known.
  void Fill(const RawEvent& event, const FormatDescription& format,
            std::shared_ptr<const TableMap> table, std::span<const ColumnMeta> columns,
            const RowLayout* layout);

  const RowsHeader& header() const { return header_; }
  RowsKind kind() const { return header_.kind; }
  const TableMap& table() const { return *table_; }
  size_t row_count() const { return row_count_; }
  size_t column_count() const { return column_count_; }
  // Old values; empty for inserts.
  std::span<const Cell> before(size_t row) const {
    return kind() == RowsKind::kInsert ? std::span<const Cell>() : Image(row, 0);
  }
  // New values; empty for deletes.
  std::span<const Cell> after(size_t row) const {
    if (kind() == RowsKind::kDelete) return {};
    return Image(row, kind() == RowsKind::kUpdate ? 1 : 0);
  }
  // Are all columns in every image (an update's after image may leave out what is unchanged)? If
  // not, absent_columns() tells which are not in the first image.
  bool complete() const { return absent_columns_.empty(); }
  const std::vector<uint32_t>& absent_columns() const { return absent_columns_; }
  // Bytes of the rows, for accounting.
  size_t byte_size() const { return byte_size_; }

 private:
  friend class RowsDecoder;
  std::span<const Cell> Image(size_t row, size_t image) const {
    return {cells_.data() + (row * images_per_row_ + image) * column_count_, column_count_};
  }

  RowsHeader header_;
  std::shared_ptr<const TableMap> table_;
  std::shared_ptr<const void> buffer_;
  // Rows and columns that came compressed, documents that came as differences.
  std::vector<std::unique_ptr<std::string>> inflated_;
  size_t row_count_ = 0;
  size_t column_count_ = 0;
  size_t images_per_row_ = 1;
  size_t byte_size_ = 0;
  std::vector<uint32_t> absent_columns_;
  // (Most events are of one row of few columns.)
  boost::container::small_vector<Cell, 8> cells_;
};

}  // namespace dm::mysql
