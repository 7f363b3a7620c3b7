// How fast rows events become SQL: decoding alone, decoding plus literals, and whole statements
// with the keys that order them, of sysbench's table.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "migration/rows/dml_text.h"
#include "mysql/binlog/rows.h"
#include "mysql/binlog/table_map.h"
#include "mysql/schema/build.h"
#include "mysql/value/literal.h"

namespace {

using namespace dm::mysql;

constexpr int kRowsPerEvent = 40;  // about 8 KiB, as servers cut their events

RawEvent Build(EventType type, const std::vector<uint8_t>& body) {
  auto bytes = std::make_shared<std::vector<uint8_t>>(kEventHeaderSize + body.size());
  (*bytes)[4] = static_cast<uint8_t>(type);
  std::copy(body.begin(), body.end(), bytes->begin() + kEventHeaderSize);
  for (int i = 0; i < 4; ++i) (*bytes)[9 + i] = static_cast<uint8_t>(bytes->size() >> (8 * i));
  return RawEvent(bytes, *bytes, 0);
}

void Append(std::vector<uint8_t>& out, std::string_view text) {
  out.insert(out.end(), text.begin(), text.end());
}

// sbtest1 (id INT, k INT, c CHAR(120), pad CHAR(60)), utf8mb4.
RawEvent TableMapEvent() {
  std::vector<uint8_t> body{7, 0, 0, 0, 0, 0, 1, 0};
  body.push_back(4);
  Append(body, std::string_view("test\0", 5));
  body.push_back(7);
  Append(body, std::string_view("sbtest1\0", 8));
  // CHAR(120) and CHAR(60) of four-byte characters: 480 and 240 bytes.
  for (const int byte : {4, 3, 3, 0xfe, 0xfe, 4, 0xee, 0xe0, 0xfe, 0xf0, 0}) {
    body.push_back(static_cast<uint8_t>(byte));
  }
  return Build(EventType::kTableMap, body);
}

void AppendRow(std::vector<uint8_t>& body, uint32_t id, uint32_t k) {
  body.push_back(0xf0);
  for (const uint32_t number : {id, k}) {
    for (int i = 0; i < 4; ++i) body.push_back(static_cast<uint8_t>(number >> (8 * i)));
  }
  std::string c, pad;
  for (int i = 0; i < 10; ++i) c += "68487932199-";
  for (int i = 0; i < 5; ++i) pad += "13241531885-";
  c.pop_back();
  pad.pop_back();
  body.push_back(static_cast<uint8_t>(c.size()));
  body.push_back(0);  // 480 bytes: the length takes two
  Append(body, c);
  body.push_back(static_cast<uint8_t>(pad.size()));
  Append(body, pad);
}

RawEvent RowsEvent(EventType type) {
  const bool update = type == EventType::kUpdateRowsV2;
  std::vector<uint8_t> body{7, 0, 0, 0, 0, 0, 1, 0, 2, 0, 4, 0xff};
  if (update) body.push_back(0xff);
  for (uint32_t row = 0; row < kRowsPerEvent; ++row) {
    AppendRow(body, 1000000 + row, 498123);
    if (update) AppendRow(body, 1000000 + row, 498124);
  }
  return Build(type, body);
}

RawEvent InsertEvent() { return RowsEvent(EventType::kWriteRowsV2); }

void BM_DecodeRows(benchmark::State& state) {
  const FormatDescription format = FormatDescription::Default();
  const auto map = TableMap::Parse(TableMapEvent(), format);
  const RawEvent event = InsertEvent();
  for (auto _ : state) benchmark::DoNotOptimize(RowBatch::Decode(event, format, map));
  state.SetItemsProcessed(state.iterations() * kRowsPerEvent);
}
BENCHMARK(BM_DecodeRows);

void BM_DecodeRowsToInserts(benchmark::State& state) {
  const FormatDescription format = FormatDescription::Default();
  const auto map = TableMap::Parse(TableMapEvent(), format);
  const RawEvent event = InsertEvent();
  std::vector<ColumnMeta> columns = map->columns;
  for (ColumnMeta& column : columns) column.charset = Charset::kUtf8mb4;
  const LiteralOptions options;
  std::string sql;
  size_t bytes = 0;
  for (auto _ : state) {
    const auto rows = RowBatch::Decode(event, format, map, columns);
    sql.clear();
    for (size_t row = 0; row < rows->row_count(); ++row) {
      sql += "INSERT INTO `test`.`sbtest1` (`id`,`k`,`c`,`pad`) VALUES (";
      const auto cells = rows->after(row);
      for (size_t i = 0; i < cells.size(); ++i) {
        if (i > 0) sql += ',';
        AppendLiteral(sql, cells[i], columns[i], options);
      }
      sql += ");";
    }
    benchmark::DoNotOptimize(sql.data());
    bytes += sql.size();
  }
  state.SetItemsProcessed(state.iterations() * kRowsPerEvent);
  state.SetBytesProcessed(static_cast<int64_t>(bytes));
}
BENCHMARK(BM_DecodeRowsToInserts);

// As the planner and a worker treat a row of a table with a primary key, queues aside.
void BM_RowsToStatements(benchmark::State& state, EventType type) {
  const FormatDescription format = FormatDescription::Default();
  const auto map = TableMap::Parse(TableMapEvent(), format);
  const auto table = std::make_shared<const TableInfo>(
      ParseCreateTable("CREATE TABLE sbtest1 (id INT PRIMARY KEY, k INT NOT NULL, c CHAR(120) NOT "
                       "NULL, pad CHAR(60) NOT NULL, KEY (k)) DEFAULT CHARSET=utf8mb4"));
  const dm::migration::TableId id{"test", "sbtest1"};
  const auto plan = dm::migration::BuildTablePlan(id, id, *map, table, table, LiteralOptions());
  const RawEvent event = RowsEvent(type);
  std::string sql, scratch;
  std::vector<uint64_t> keys;
  size_t bytes = 0;
  for (auto _ : state) {
    const auto rows = RowBatch::Decode(event, format, map, plan->metas);
    sql.clear();
    for (uint32_t row = 0; row < rows->row_count(); ++row) {
      keys.clear();
      dm::migration::AppendConflictKeys(keys, *plan, rows->before(row), rows->after(row), scratch);
      benchmark::DoNotOptimize(keys.data());
      dm::migration::AppendChange(sql, {plan.get(), rows.get(), row});
      sql += ';';
    }
    benchmark::DoNotOptimize(sql.data());
    bytes += sql.size();
  }
  state.SetItemsProcessed(state.iterations() * kRowsPerEvent);
  state.SetBytesProcessed(static_cast<int64_t>(bytes));
}
BENCHMARK_CAPTURE(BM_RowsToStatements, inserts, EventType::kWriteRowsV2);
BENCHMARK_CAPTURE(BM_RowsToStatements, updates, EventType::kUpdateRowsV2);
BENCHMARK_CAPTURE(BM_RowsToStatements, deletes, EventType::kDeleteRowsV2);

}  // namespace

BENCHMARK_MAIN();
