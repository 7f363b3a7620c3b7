#include "migration/load/enum_members.h"

#include <gtest/gtest.h>

namespace dm::migration {
namespace {

TEST(EnumMembersTest, MoreMembersAreNoLoss) {
  const EnumMembers source = EnumMembersOf(
      "CREATE TABLE `t` (`id` int, `E` enum('a','it''s') DEFAULT NULL, `f` enum('x'), v text)", {});
  ASSERT_EQ(source.size(), 2u);
  const auto held = [&](const char* target) {
    return HoldsMembers(source, EnumMembersOf(target, {}), "e");
  };
  EXPECT_TRUE(held("CREATE TABLE t (e enum('a','it''s'))"));
  EXPECT_TRUE(held("CREATE TABLE t (E enum('b','it''s','a'))"));
  EXPECT_FALSE(held("CREATE TABLE t (e enum('a'))"));
  EXPECT_FALSE(held("CREATE TABLE t (e varchar(3))"));
  EXPECT_FALSE(held("CREATE TABLE t (f enum('a','it''s'))"));
  EXPECT_FALSE(HoldsMembers(source, source, "v"));
}

TEST(EnumMembersTest, WhatIsNoTableHasNone) {
  EXPECT_TRUE(EnumMembersOf("", {}).empty());
  EXPECT_TRUE(EnumMembersOf("DROP TABLE t", {}).empty());
  EXPECT_TRUE(EnumMembersOf("CREATE TABLE t (e enum('a'", {}).empty());
}

}  // namespace
}  // namespace dm::migration
