#include "mysql/binlog/rows.h"

#include <algorithm>
#include <optional>

#include "mysql/binlog/reader.h"
#include "mysql/value/json_diff.h"

namespace dm::mysql {
namespace {

bool HasExtraData(EventType type, const FormatDescription& format) {
  switch (type) {
    case EventType::kWriteRowsV2:
    case EventType::kUpdateRowsV2:
    case EventType::kDeleteRowsV2:
    case EventType::kPartialUpdateRows:
    case EventType::kMariaDbWriteRowsCompressedV2:
    case EventType::kMariaDbUpdateRowsCompressedV2:
    case EventType::kMariaDbDeleteRowsCompressedV2:
      return true;
    default:
      return format.PostHeaderLength(type) == 10;
  }
}

bool IsCompressed(EventType type) {
  return type >= EventType::kMariaDbWriteRowsCompressed &&
         type <= EventType::kMariaDbDeleteRowsCompressedV2;
}

RowsKind KindOf(EventType type) {
  if (IsWriteRows(type)) return RowsKind::kInsert;
  return IsDeleteRows(type) ? RowsKind::kDelete : RowsKind::kUpdate;
}

bool Bit(const uint8_t* bits, size_t i) { return (bits[i / 8] >> (i % 8) & 1) != 0; }

// Cells reserved ahead at most.
constexpr size_t kMaxReserve = size_t{4} << 20;

}  // namespace

RowLayout::RowLayout(std::span<const ColumnMeta> columns) {
  steps_.reserve(columns.size());
  for (uint32_t i = 0; i < columns.size(); ++i) steps_.push_back(StepOf(i, columns[i]));
}

RowLayout::Step RowLayout::StepOf(uint32_t column, const ColumnMeta& meta) {
  const std::optional<uint32_t> fixed = FixedSize(meta);
  const bool compressed =
      meta.type == ColumnType::kBlobCompressed || meta.type == ColumnType::kVarcharCompressed;
  return {column, fixed.value_or(0), fixed ? uint8_t{0} : meta.length_bytes, compressed};
}

RowsHeader RowsHeader::Parse(const RawEvent& event, const FormatDescription& format) {
  Reader in(event);
  if (!IsRowsEvent(event.type())) in.Fail("is not a rows event");
  if (format.PostHeaderLength(event.type()) == 6) in.Fail("has a table id of four bytes");
  RowsHeader header;
  header.kind = KindOf(event.type());
  header.table_id = in.Unsigned(6);
  header.flags = in.U16();
  return header;
}

// Walks the rows of one event.
class RowsDecoder {
 public:
  RowsDecoder(const RawEvent& event, std::span<const ColumnMeta> columns, RowBatch& batch)
      : event_(event), columns_(columns), batch_(batch) {}

  using Steps = std::vector<RowLayout::Step>;

  // The steps for the columns whose bit in `present` is set; in `own` if they are not those of the
  // layout.
  const Steps& Plan(std::span<const uint8_t> present, const RowLayout* layout, Steps& own) const {
    if (layout != nullptr && AllPresent(present)) return layout->steps_;
    own.clear();
    own.reserve(columns_.size());
    for (uint32_t i = 0; i < columns_.size(); ++i) {
      if (Bit(present.data(), i)) own.push_back(RowLayout::StepOf(i, columns_[i]));
    }
    return own;
  }

  bool AllPresent(std::span<const uint8_t> present) const {
    const size_t whole = columns_.size() / 8;
    for (size_t i = 0; i < whole; ++i) {
      if (present[i] != 0xff) return false;
    }
    const auto rest = static_cast<uint8_t>((1u << columns_.size() % 8) - 1);
    return rest == 0 || (present[whole] & rest) == rest;
  }

  // Reads one image at `p`; returns the byte behind it. Cells of columns that are not in `steps`
  // are left as they are (absent).
  const uint8_t* Image(const Steps& steps, const uint8_t* p, const uint8_t* end, Cell* cells) {
    const size_t null_bytes = (steps.size() + 7) / 8;
    if (null_bytes > static_cast<size_t>(end - p)) Fail("is cut off in a row");
    const uint8_t* const nulls = p;
    p += null_bytes;
    size_t bit = 0;
    for (const RowLayout::Step& step : steps) {
      Cell& cell = cells[step.column];
      if (Bit(nulls, bit++)) {
        cell.state = CellState::kNull;
        continue;
      }
      const auto left = static_cast<size_t>(end - p);
      size_t size = step.size;
      if (step.length_bytes != 0) {
        if (left < step.length_bytes) Fail("is cut off in a row");
        size = p[0];
        switch (step.length_bytes) {
          case 4:
            size |= static_cast<size_t>(p[3]) << 24;
            [[fallthrough]];
          case 3:
            size |= static_cast<size_t>(p[2]) << 16;
            [[fallthrough]];
          case 2:
            size |= static_cast<size_t>(p[1]) << 8;
            break;
          default:
            break;
        }
        p += step.length_bytes;
      }
      if (size > static_cast<size_t>(end - p)) Fail("is cut off in a row");
      cell.data = p;
      cell.size = static_cast<uint32_t>(size);
      cell.state = CellState::kValue;
      p += size;
      if (step.compressed) Inflate(cell);
    }
    return p;
  }

  // Reads what stands before an after image of a partial update: for each JSON column of the table,
  // is its value a list of differences? Returns the byte behind it.
  const uint8_t* PartialBits(const uint8_t* p, const uint8_t* end, std::vector<bool>& partial) {
    partial.clear();
    if (p == end) Fail("is cut off in a row");
    const uint8_t options = *p++;
    if (options > 1) Fail("has unknown options of a row");
    if (options == 0) return p;
    for (const ColumnMeta& meta : columns_) {
      if (meta.type == ColumnType::kJson) partial.push_back(false);
    }
    const size_t bytes = (partial.size() + 7) / 8;
    if (bytes > static_cast<size_t>(end - p)) Fail("is cut off in a row");
    for (size_t i = 0; i < partial.size(); ++i) partial[i] = Bit(p, i);
    return p + bytes;
  }

  // Turns differences in the after image into documents.
  void ApplyPartial(const std::vector<bool>& partial, const Cell* before, Cell* after) {
    size_t json = 0;
    for (size_t i = 0; i < columns_.size() && json < partial.size(); ++i) {
      if (columns_[i].type != ColumnType::kJson || !partial[json++]) continue;
      Cell& cell = after[i];
      if (!cell.has_value()) continue;
      if (cell.size == 0) {
        cell = before[i];  // unchanged
        continue;
      }
      if (!before[i].has_value()) {
        throw Error(
            ErrorCode::kBinlogNotLogColumn,
            fmt::format("upstream didn't log enough columns in binlog: table `{}`.`{}`, column {} "
                        "came as differences (binlog_row_value_options=PARTIAL_JSON) of a document "
                        "that is not in the row image",
                        batch_.table().schema, batch_.table().table, i + 1));
      }
      auto document =
          std::make_unique<std::string>(ApplyJsonDiffs(before[i].bytes(), cell.bytes()));
      cell.data = reinterpret_cast<const uint8_t*>(document->data());
      cell.size = static_cast<uint32_t>(document->size());
      batch_.inflated_.push_back(std::move(document));
    }
  }

  [[noreturn]] void Fail(std::string_view why) const {
    throw Error(
        ErrorCode::kBinlogEventDecode,
        fmt::format("binlog event {} that ends at {}, table `{}`.`{}`, {}", ToString(event_.type()),
                    event_.header().log_pos, batch_.table().schema, batch_.table().table, why));
  }

  // Decodes everything behind the header.
  void Run(const FormatDescription& format, const RowLayout* layout);

 private:
  void Inflate(Cell& cell) {
    auto content = std::make_unique<std::string>(InflateMariaDbColumn(cell.bytes()));
    cell.data = reinterpret_cast<const uint8_t*>(content->data());
    cell.size = static_cast<uint32_t>(content->size());
    batch_.inflated_.push_back(std::move(content));
  }

  const RawEvent& event_;
  std::span<const ColumnMeta> columns_;
  RowBatch& batch_;
};

void RowsDecoder::Run(const FormatDescription& format, const RowLayout* layout) {
  Reader in(event_);
  in.Skip(8);  // table id and flags
  if (HasExtraData(event_.type(), format)) {
    const uint16_t extra = in.U16();
    if (extra < 2) in.Fail("has an invalid extra data length");
    in.Skip(extra - 2u);
  }
  const uint64_t width = in.Packed();
  if (width != columns_.size()) {
    Fail(fmt::format("has {} columns but its table map has {}", width, columns_.size()));
  }
  const bool update = batch_.kind() == RowsKind::kUpdate;
  const size_t bitmap = (width + 7) / 8;
  const auto first_present = in.Take(bitmap);
  const auto second_present = update ? in.Take(bitmap) : first_present;
  std::span<const uint8_t> rows = in.Rest();
  if (IsCompressed(event_.type())) {
    auto content = std::make_unique<std::string>(InflateMariaDb(rows, event_.header()));
    rows = {reinterpret_cast<const uint8_t*>(content->data()), content->size()};
    batch_.inflated_.push_back(std::move(content));
  }
  batch_.byte_size_ = rows.size();
  batch_.column_count_ = width;
  batch_.images_per_row_ = update ? 2 : 1;

  thread_local Steps own_first, own_second;
  const Steps& first = Plan(first_present, layout, own_first);
  const Steps& second = update ? Plan(second_present, layout, own_second) : first;
  const size_t cells_per_row = width * batch_.images_per_row_;
  const bool partial_json = event_.type() == EventType::kPartialUpdateRows;
  std::vector<bool> partial;
  const uint8_t* p = rows.data();
  const uint8_t* const end = p + rows.size();
  if (width == 0 && p != end) Fail("has rows of no columns");
  // A row takes at least its null bitmaps: bounds what a malformed event can reserve.
  const size_t smallest_row = (first.size() + 7) / 8 + (update ? (second.size() + 7) / 8 : 0);
  if (smallest_row == 0 && !partial_json && p != end) Fail("has rows without columns");
  while (p != end) {
    const size_t base = batch_.cells_.size();
    if (batch_.row_count_ == 1) {
      // The first row's size predicts how many there are.
      const auto used = static_cast<size_t>(p - rows.data());
      batch_.cells_.reserve(std::min((rows.size() / used + 1) * cells_per_row, kMaxReserve));
    }
    batch_.cells_.resize(base + cells_per_row);
    Cell* const cells = batch_.cells_.data() + base;
    p = Image(first, p, end, cells);
    if (update) {
      if (partial_json) p = PartialBits(p, end, partial);
      p = Image(second, p, end, cells + width);
      if (partial_json) ApplyPartial(partial, cells, cells + width);
      if (second.size() < width) {
        // What an after image leaves out is unchanged.
        for (size_t i = 0; i < width; ++i) {
          if (cells[width + i].state == CellState::kAbsent) cells[width + i] = cells[i];
        }
      }
    }
    ++batch_.row_count_;
  }
  if (first.size() == width) return;
  for (uint32_t i = 0; i < width; ++i) {
    if (!Bit(first_present.data(), i)) batch_.absent_columns_.push_back(i);
  }
}

std::shared_ptr<const RowBatch> RowBatch::Decode(const RawEvent& event,
                                                 const FormatDescription& format,
                                                 std::shared_ptr<const TableMap> table,
                                                 std::span<const ColumnMeta> columns) {
  auto batch = std::make_shared<RowBatch>();
  batch->Fill(event, format, std::move(table), columns, nullptr);
  return batch;
}

void RowBatch::Fill(const RawEvent& event, const FormatDescription& format,
                    std::shared_ptr<const TableMap> table, std::span<const ColumnMeta> columns,
                    const RowLayout* layout) {
  header_ = RowsHeader::Parse(event, format);
  table_ = std::move(table);
  buffer_ = event.buffer();
  if (columns.empty()) columns = table_->columns;
  RowsDecoder decoder(event, columns, *this);
  if (columns.size() != table_->columns.size()) {
    decoder.Fail(fmt::format("has a table map of {} columns but is read with {}",
                             table_->columns.size(), columns.size()));
  }
  decoder.Run(format, layout);
}

}  // namespace dm::mysql
