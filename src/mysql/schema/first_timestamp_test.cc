#include "mysql/schema/first_timestamp.h"

#include <gtest/gtest.h>

#include "mysql/schema/tracked_schema_test.h"

namespace dm::mysql {
namespace {

class FirstTimestampTest : public TrackedSchema {
 protected:
  FirstTimestampTest() : TrackedSchema({}, {}) {}

  TablePtr Table(std::string_view columns) {
    Run(fmt::format("drop table if exists t; create table t ({})", columns));
    return tracker_.MustGetTable("s", "t");
  }
};

TEST_F(FirstTimestampTest, IsAskedByName) {
  const OfColumn is_first = FirstTimestampOf(Table("a int, B timestamp null, c timestamp null"));
  EXPECT_TRUE(is_first("b"));
  EXPECT_FALSE(is_first("c"));
  EXPECT_FALSE(FirstTimestampOf(nullptr)("b"));
  EXPECT_TRUE(FirstTimestampOf(Table("a int"))("new"));
}

}  // namespace
}  // namespace dm::mysql
