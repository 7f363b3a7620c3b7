#include "cluster/etcd/kv.h"

#include <gtest/gtest.h>

namespace dm::cluster {
namespace {

TEST(PrefixEnd, IsTheNextKeyAfterAllWithThePrefix) {
  EXPECT_EQ(PrefixEnd("/a/"), "/a0");
  EXPECT_EQ(PrefixEnd("a\xff\xff"), "b");
}

TEST(PrefixEnd, NothingIsGreater) {
  EXPECT_EQ(PrefixEnd(""), std::string(1, '\0'));
  EXPECT_EQ(PrefixEnd("\xff"), std::string(1, '\0'));
}

TEST(Operation, PrefixOperationsCarryTheRange) {
  const Operation op = Operation::DeletePrefix("/x/");
  EXPECT_EQ(op.kind, Operation::Kind::kDelete);
  EXPECT_EQ(op.key, "/x/");
  EXPECT_EQ(op.range_end, "/x0");
}

}  // namespace
}  // namespace dm::cluster
