#include "migration/sync/other_objects.h"

#include <gtest/gtest.h>

namespace dm::migration {
namespace {

mysql::TableMap SequenceMap() {
  mysql::TableMap map;
  for (int i = 0; i < 8; ++i) {
    mysql::ColumnMeta column;
    column.type = i == 6 ? mysql::ColumnType::kTiny : mysql::ColumnType::kLongLong;
    column.nullable = false;
    map.columns.push_back(column);
  }
  return map;
}

TEST(LooksLikeSequence, ByTypes) {
  EXPECT_TRUE(LooksLikeSequence(SequenceMap()));
  mysql::TableMap small = SequenceMap();  // CREATE SEQUENCE s AS SMALLINT
  for (int i = 0; i < 4; ++i) small.columns[i].type = mysql::ColumnType::kShort;
  EXPECT_TRUE(LooksLikeSequence(small));

  mysql::TableMap nullable = SequenceMap();
  nullable.columns[3].nullable = true;
  EXPECT_FALSE(LooksLikeSequence(nullable));
  mysql::TableMap other = SequenceMap();
  other.columns[6].type = mysql::ColumnType::kLongLong;
  EXPECT_FALSE(LooksLikeSequence(other));
  other = SequenceMap();
  other.columns[0].type = mysql::ColumnType::kVarchar;
  EXPECT_FALSE(LooksLikeSequence(other));
  other = SequenceMap();
  other.columns.pop_back();
  EXPECT_FALSE(LooksLikeSequence(other));
  EXPECT_FALSE(LooksLikeSequence(mysql::TableMap()));
}

TEST(LooksLikeSequence, ByNamesWhereTheyAreLogged) {
  mysql::TableMap map = SequenceMap();
  map.column_names = {"next_not_cached_value", "minimum_value", "maximum_value",
                      "start_value",           "increment",     "cache_size",
                      "cycle_option",          "cycle_count"};
  EXPECT_TRUE(LooksLikeSequence(map));
  map.column_names[7] = "cycles";
  EXPECT_FALSE(LooksLikeSequence(map));
}

}  // namespace
}  // namespace dm::migration
