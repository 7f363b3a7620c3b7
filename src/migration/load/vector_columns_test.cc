#include "migration/load/vector_columns.h"

#include <gtest/gtest.h>

namespace dm::migration {
namespace {

using Names = std::set<std::string>;

TEST(VectorColumnsTest, NamesThoseOfTheTable) {
  mysql::ParseOptions options;
  EXPECT_EQ(
      VectorColumnsOf("CREATE TABLE `t` (`id` int, `V` vector(3) NOT NULL, w vector)", options),
      (Names{"v", "w"}));
  options.mariadb = true;
  EXPECT_EQ(
      VectorColumnsOf("CREATE TABLE t (v vector(3) NOT NULL, VECTOR KEY k (v) `M`=8)", options),
      Names{"v"});
  EXPECT_TRUE(VectorColumnsOf("CREATE TABLE t (vector int)", options).empty());
  EXPECT_TRUE(VectorColumnsOf("CREATE VIEW v AS SELECT 1", options).empty());
  EXPECT_TRUE(VectorColumnsOf("CREATE TABLE t (", options).empty());
}

}  // namespace
}  // namespace dm::migration
