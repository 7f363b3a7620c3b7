// Rows events and table plans for tests.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "migration/rows/table_plan.h"
#include "mysql/binlog/rows.h"
#include "mysql/schema/build.h"

namespace dm::migration {

// One value of a row: NULL, an INT or a VARCHAR.
struct Value {
  Value(std::nullptr_t) : null(true) {}
  Value(int number) : number(number) {}
  Value(const char* text) : text(text), is_text(true) {}
  bool null = false;
  int number = 0;
  std::string text;
  bool is_text = false;
};
using Row = std::vector<Value>;

inline void AppendLittle(std::string& out, uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out.push_back(static_cast<char>(value >> (8 * i)));
}

inline void AppendRow(std::string& out, const Row& row) {
  uint8_t nulls = 0;
  for (size_t i = 0; i < row.size(); ++i) nulls |= row[i].null ? 1 << i : 0;
  out.push_back(static_cast<char>(nulls));
  for (const Value& value : row) {
    if (value.null) continue;
    if (value.is_text) {
      out.push_back(static_cast<char>(value.text.size()));
      out += value.text;
    } else {
      AppendLittle(out, static_cast<uint32_t>(value.number), 4);
    }
  }
}

// MySQL internals, Rows_log_event version 2.
// `present` are the bitmaps of columns; an image has the values of those.
inline std::shared_ptr<const mysql::RowBatch> Batch(mysql::EventType type,
                                                    const mysql::TableMap& map,
                                                    const std::vector<Row>& images,
                                                    int present = 0xff, int present_after = 0xff) {
  std::string body;
  AppendLittle(body, map.table_id, 6);
  AppendLittle(body, 1, 2);
  AppendLittle(body, 2, 2);
  body.push_back(static_cast<char>(map.columns.size()));
  body.push_back(static_cast<char>(present));
  if (type == mysql::EventType::kUpdateRowsV2) body.push_back(static_cast<char>(present_after));
  for (const Row& row : images) AppendRow(body, row);
  auto bytes = std::make_shared<std::string>();
  AppendLittle(*bytes, 1700000000, 4);
  bytes->push_back(static_cast<char>(type));
  AppendLittle(*bytes, 1, 4);
  AppendLittle(*bytes, 19 + body.size(), 4);
  AppendLittle(*bytes, 1000, 4);
  AppendLittle(*bytes, 0, 2);
  *bytes += body;
  std::span<const uint8_t> view(reinterpret_cast<const uint8_t*>(bytes->data()), bytes->size());
  mysql::RawEvent event(bytes, view, 0);
  return mysql::RowBatch::Decode(event, mysql::FormatDescription::Default(),
                                 std::make_shared<const mysql::TableMap>(map));
}

// A table `shop`.<name>, the same on both sides unless told otherwise.
class RowsTest : public testing::Test {
 protected:
  void Table(const std::string& name, const std::string& columns,
             const std::string& downstream_columns = "") {
    auto info = [&](const std::string& text) {
      return std::make_shared<const mysql::TableInfo>(
          mysql::ParseCreateTable("CREATE TABLE `" + name + "` (" + text + ")"));
    };
    mysql::TablePtr tracked = info(columns);
    mysql::TablePtr downstream = info(downstream_columns.empty() ? columns : downstream_columns);
    map_ = mysql::TableMap();
    map_.table_id = 7;
    map_.schema = "shop";
    map_.table = name;
    for (const mysql::ColumnInfo* column : tracked->RowColumns()) {
      mysql::ColumnMeta meta;
      meta.type = static_cast<mysql::ColumnType>(column->type);
      if (meta.type == mysql::ColumnType::kVarchar) {
        meta.length_bytes = 1;
        meta.length = 80;
      }
      if (meta.type == mysql::ColumnType::kTinyBlob) meta.length_bytes = 1;
      if (column->charset == "binary") meta.charset = mysql::Charset::kBinary;
      map_.columns.push_back(meta);
    }
    plan_ = BuildTablePlan({"shop", name}, {"shop", name}, map_, tracked, downstream, {});
  }

  mysql::TableMap map_;
  std::shared_ptr<const TablePlan> plan_;
};

}  // namespace dm::migration
