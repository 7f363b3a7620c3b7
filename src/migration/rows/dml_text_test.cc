#include "migration/rows/dml_text.h"

#include <gtest/gtest.h>

#include "base/error/error.h"
#include "migration/rows/partial_image.h"
#include "migration/rows/rows_fixture_test.h"

namespace dm::migration {
namespace {

using mysql::EventType;

class DmlTextTest : public RowsTest {
 protected:
  std::string Text(EventType type, const std::vector<Row>& images, bool safe = false) {
    auto batch = Batch(type, map_, images);
    std::string out;
    AppendChange(out, RowChange{plan_.get(), batch.get(), 0, safe});
    return out;
  }
  std::string Insert(const Row& row, bool safe = false) {
    return Text(EventType::kWriteRowsV2, {row}, safe);
  }
  std::string Update(const Row& before, const Row& after, bool safe = false) {
    return Text(EventType::kUpdateRowsV2, {before, after}, safe);
  }
  std::string Delete(const Row& row, bool safe = false) {
    return Text(EventType::kDeleteRowsV2, {row}, safe);
  }
  // Do the two inserted rows collide?
  bool Conflict(const Row& a, const Row& b) {
    auto keys = [&](const Row& row) {
      auto batch = Batch(EventType::kWriteRowsV2, map_, {row});
      std::vector<uint64_t> out;
      std::string scratch;
      AppendConflictKeys(out, *plan_, batch->before(0), batch->after(0), scratch);
      return out;
    };
    for (uint64_t x : keys(a)) {
      for (uint64_t y : keys(b)) {
        if (x == y) return true;
      }
    }
    return false;
  }
};

// The expected texts are DM's own, as recorded.
TEST_F(DmlTextTest, PrimaryKey) {
  Table("pk1", "id INT PRIMARY KEY, a INT, b VARCHAR(20)");
  EXPECT_EQ(Insert({11, 1, "eleven"}),
            "INSERT INTO `shop`.`pk1` (`id`,`a`,`b`) VALUES (11,1,'eleven')");
  EXPECT_EQ(Update({11, 1, "eleven"}, {11, 100, "eleven"}),
            "UPDATE `shop`.`pk1` SET `id` = 11, `a` = 100, `b` = 'eleven' WHERE `id` = 11 LIMIT 1");
  EXPECT_EQ(Update({14, 3, nullptr}, {14, 4, nullptr}),
            "UPDATE `shop`.`pk1` SET `id` = 14, `a` = 4, `b` = NULL WHERE `id` = 14 LIMIT 1");
  EXPECT_EQ(Delete({12, 1, "a"}), "DELETE FROM `shop`.`pk1` WHERE `id` = 12 LIMIT 1");
}

TEST_F(DmlTextTest, PrimaryKeyInSafeMode) {
  Table("pk1", "id INT PRIMARY KEY, a INT, b VARCHAR(20)");
  EXPECT_EQ(Insert({14, 3, nullptr}, true),
            "REPLACE INTO `shop`.`pk1` (`id`,`a`,`b`) VALUES (14,3,NULL)");
  EXPECT_EQ(Update({11, 1, "eleven"}, {11, 100, "eleven"}, true),
            "REPLACE INTO `shop`.`pk1` (`id`,`a`,`b`) VALUES (11,100,'eleven')");
  EXPECT_EQ(Update({11, 100, "eleven"}, {111, 100, "eleven"}, true),
            "DELETE FROM `shop`.`pk1` WHERE `id` = 11 LIMIT 1;"
            "REPLACE INTO `shop`.`pk1` (`id`,`a`,`b`) VALUES (111,100,'eleven')");
  EXPECT_EQ(Delete({12, 1, "a"}, true), "DELETE FROM `shop`.`pk1` WHERE `id` = 12 LIMIT 1");
}

TEST_F(DmlTextTest, CompositeKey) {
  Table("pk2", "id INT, k VARCHAR(10), a INT, b VARCHAR(20), PRIMARY KEY (id, k)");
  EXPECT_EQ(Update({31, "k", 1, "x"}, {31, "k", 2, "x"}),
            "UPDATE `shop`.`pk2` SET `id` = 31, `k` = 'k', `a` = 2, `b` = 'x' WHERE `id` = 31 AND "
            "`k` = 'k' LIMIT 1");
}

TEST_F(DmlTextTest, NullableUniqueKeyIsChosenPerRow) {
  Table("uknull", "id INT, a INT, b VARCHAR(20), UNIQUE KEY uid (id)");
  EXPECT_FALSE(plan_->identity);
  EXPECT_EQ(Update({31, 1, "x"}, {31, 2, "x"}),
            "UPDATE `shop`.`uknull` SET `id` = 31, `a` = 2, `b` = 'x' WHERE `id` = 31 LIMIT 1");
  EXPECT_EQ(Update({nullptr, 71, "x"}, {nullptr, 72, "x"}),
            "UPDATE `shop`.`uknull` SET `id` = NULL, `a` = 72, `b` = 'x' WHERE `id` IS NULL AND "
            "`a` = 71 AND `b` = 'x' AND CAST(`b` AS BINARY) = _binary'x' LIMIT 1");
}

TEST_F(DmlTextTest, NoKey) {
  Table("nokey", "id INT, a INT, b VARCHAR(20)");
  EXPECT_FALSE(plan_->identity);
  EXPECT_EQ(Delete({31, nullptr, "x"}),
            "DELETE FROM `shop`.`nokey` WHERE `id` = 31 AND `a` IS NULL AND `b` = 'x' AND "
            "CAST(`b` AS BINARY) = _binary'x' LIMIT 1");
  EXPECT_EQ(Update({31, nullptr, "x"}, {31, 2, "x"}, true),
            "DELETE FROM `shop`.`nokey` WHERE `id` = 31 AND `a` IS NULL AND `b` = 'x' AND "
            "CAST(`b` AS BINARY) = _binary'x' LIMIT 1;"
            "REPLACE INTO `shop`.`nokey` (`id`,`a`,`b`) VALUES (31,2,'x')");
}

// The definition may be the downstream's; what the log says is the upstream's.
TEST_F(DmlTextTest, TheLogKnowsSignAndCharacterSetBest) {
  Table("t", "id INT PRIMARY KEY, b VARCHAR(20)",
        "id BIGINT PRIMARY KEY, b VARCHAR(20) CHARACTER SET utf8mb4");
  EXPECT_EQ(Insert({-1, "\xe9"}), "INSERT INTO `shop`.`t` (`id`,`b`) VALUES (-1,'\xe9')");
  map_.has_signedness = map_.has_charsets = true;
  map_.columns[0].is_unsigned = true;
  map_.collations = {0, 8};
  map_.columns[1].charset = mysql::Charset::kLatin1;
  plan_ = BuildTablePlan({"shop", "t"}, {"shop", "t"}, map_, plan_->tracked, plan_->downstream, {});
  EXPECT_EQ(Insert({-1, "\xe9"}),
            "INSERT INTO `shop`.`t` (`id`,`b`) VALUES (4294967295,'\xc3\xa9')");
}

TEST_F(DmlTextTest, ColumnsThatTheLogNamesMayStandInAnotherOrder) {
  Table("t", "id INT PRIMARY KEY, a INT, b INT");
  map_.column_names = {"b", "id", "a"};
  plan_ = BuildTablePlan({"shop", "t"}, {"shop", "t"}, map_, plan_->tracked, plan_->downstream, {});
  EXPECT_EQ(Insert({1, 2, 3}), "INSERT INTO `shop`.`t` (`b`,`id`,`a`) VALUES (1,2,3)");
  EXPECT_EQ(Delete({1, 2, 3}), "DELETE FROM `shop`.`t` WHERE `id` = 2 LIMIT 1");
}

// Without a key, rows that only a collation takes for equal must not be mistaken for each other.
TEST_F(DmlTextTest, NoKeyAndACollationThatIsNotExact) {
  Table("nokey", "id INT, b VARCHAR(20)",
        "id INT, b VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci");
  EXPECT_EQ(Delete({31, "x"}),
            "DELETE FROM `shop`.`nokey` WHERE `id` = 31 AND `b` = 'x' AND CAST(`b` AS BINARY) = "
            "_binary'x' LIMIT 1");
  EXPECT_EQ(Delete({31, nullptr}),
            "DELETE FROM `shop`.`nokey` WHERE `id` = 31 AND `b` IS NULL LIMIT 1");
  Table("nokey", "id INT, b VARCHAR(20)",
        "id INT, b TEXT CHARACTER SET gbk COLLATE gbk_chinese_ci");
  EXPECT_EQ(Delete({31, "x"}),
            "DELETE FROM `shop`.`nokey` WHERE `id` = 31 AND CAST(CONVERT(`b` USING utf8mb4) AS "
            "BINARY) = _binary'x' LIMIT 1");
}

TEST_F(DmlTextTest, ASetIsComparedAsASignedNumber) {
  Table("s", "v SET('a','b'), n INT");
  map_.columns[0].type = mysql::ColumnType::kSet;
  map_.columns[0].length_bytes = 4;  // as an INT of Row
  plan_ = BuildTablePlan({"shop", "s"}, {"shop", "s"}, map_, plan_->tracked, plan_->downstream, {});
  EXPECT_EQ(Delete({3, 1}), "DELETE FROM `shop`.`s` WHERE `v` = 3 AND `n` = 1 LIMIT 1");
  EXPECT_TRUE(plan_->columns[0].where_as_signed);
}

TEST_F(DmlTextTest, MembersThatTheDownstreamCountsOtherwise) {
  const auto plan = [&](const std::string& upstream, const std::string& downstream, auto type) {
    Table("e", "v " + upstream + ", n INT", "v " + downstream + ", n INT");
    map_.columns[0].type = type;
    map_.columns[0].length_bytes = 4;  // as an INT of Row
    plan_ =
        BuildTablePlan({"shop", "e"}, {"shop", "e"}, map_, plan_->tracked, plan_->downstream, {});
  };
  const auto value = [&](int number) {
    const std::string text = Delete({number, 1});
    const size_t begin = text.find("`v` = ") + 6;
    return text.substr(begin, text.find(" AND `n`") - begin);
  };
  plan("ENUM('a','it''s')", "ENUM('a','it''s','c')", mysql::ColumnType::kEnum);
  EXPECT_EQ(value(2), "2") << "members behind them make no difference";
  plan("ENUM('a','it''s')", "ENUM('it''s','a')", mysql::ColumnType::kEnum);
  EXPECT_EQ(value(2), "'it\\'s'");
  EXPECT_EQ(value(0), "''");
  EXPECT_THROW(Delete({3, 1}), Error);
  plan("ENUM('a','b')", "ENUM('a')", mysql::ColumnType::kEnum);
  EXPECT_EQ(value(2), "'b'");
  plan("ENUM('a','b')", "VARCHAR(9)", mysql::ColumnType::kEnum);
  EXPECT_EQ(value(1), "'a'");
  plan("ENUM('a','b')", "INT", mysql::ColumnType::kEnum);
  EXPECT_EQ(value(1), "1");
  plan("SET('a','b','c')", "SET('c','a')", mysql::ColumnType::kSet);
  EXPECT_EQ(value(5), "'c,a'") << "in the order in which the downstream has them";
  EXPECT_EQ(value(7), "'c,a,b'");
  EXPECT_EQ(value(0), "''");
  EXPECT_THROW(Delete({8, 1}), Error);
}

TEST_F(DmlTextTest, ToTiDbASetOf64IsComparedAsText) {
  std::string members = "'it''s'";
  for (int i = 2; i <= 64; ++i) members += fmt::format(",'m{}'", i);
  for (const bool all : {true, false}) {
    Table("s", fmt::format("v SET({}), n INT", all ? members : "'it''s','m2'"));
    map_.columns[0].type = mysql::ColumnType::kSet;
    map_.columns[0].length_bytes = 4;  // as an INT of Row
    mysql::LiteralOptions tidb;
    tidb.for_tidb = true;
    plan_ =
        BuildTablePlan({"shop", "s"}, {"shop", "s"}, map_, plan_->tracked, plan_->downstream, tidb);
    EXPECT_EQ(Delete({3, 1}),
              fmt::format("DELETE FROM `shop`.`s` WHERE `v` = {} AND `n` = 1 LIMIT 1",
                          all ? "'it\\'s,m2'" : "3"));
    EXPECT_EQ(
        Delete({0, 1}),
        fmt::format("DELETE FROM `shop`.`s` WHERE `v` = {} AND `n` = 1 LIMIT 1", all ? "''" : "0"));
  }
}

TEST_F(DmlTextTest, BytesThatAreNoCharacterAreNoText) {
  const auto into = [&](const std::string& type, bool tidb) {
    Table("t", "id INT PRIMARY KEY, b VARCHAR(20)", "id INT PRIMARY KEY, b " + type);
    map_.has_charsets = true;
    map_.collations = {0, 28};
    map_.columns[1].charset = mysql::Charset::kGbk;
    mysql::LiteralOptions literals;
    literals.kept_as_binary = tidb;
    plan_ = BuildTablePlan({"up", "t"}, {"shop", "t"}, map_, plan_->tracked, plan_->downstream,
                           literals);
  };
  const auto refused = [&] {
    EXPECT_EQ(Insert({1, nullptr}), "INSERT INTO `shop`.`t` (`id`,`b`) VALUES (1,NULL)");
    try {
      ADD_FAILURE() << Insert({1, "a\xfe\xfe"});
    } catch (const Error& e) {
      EXPECT_NE(e.message().find("`up`.`t`, column `b`"), std::string::npos) << e.message();
      EXPECT_NE(e.message().find("no character in gbk"), std::string::npos) << e.message();
      EXPECT_NE(e.workaround(), "");
    }
  };
  for (const bool tidb : {false, true}) {
    into("VARCHAR(20) CHARACTER SET utf8mb4", tidb);
    EXPECT_EQ(Insert({1, "\xd2\xbb"}), "INSERT INTO `shop`.`t` (`id`,`b`) VALUES (1,'一')");
    refused();
    into("VARBINARY(20)", tidb);
    EXPECT_EQ(Insert({1, "a\xfe\xfe"}),
              "INSERT INTO `shop`.`t` (`id`,`b`) VALUES (1,_binary'a\xfe\xfe')");
  }
  into("VARCHAR(20) CHARACTER SET gbk", true);
  EXPECT_EQ(Insert({1, "\xd2\xbb"}),
            "INSERT INTO `shop`.`t` (`id`,`b`) VALUES (1,_binary'\xd2\xbb')");
  refused();
  into("VARCHAR(20) CHARACTER SET gbk", false);
  EXPECT_EQ(Insert({1, "a\xfe\xfe"}),
            "INSERT INTO `shop`.`t` (`id`,`b`) VALUES (1,_gbk'a\xfe\xfe')");
}

TEST_F(DmlTextTest, VectorsAreComparedByTheirBytes) {
  Table("v", "id INT, v VARCHAR(20)", "id INT, v VECTOR(3)");
  EXPECT_EQ(Delete({1, "x"}),
            "DELETE FROM `shop`.`v` WHERE `id` = 1 AND CAST(`v` AS BINARY) = _binary'x' LIMIT 1");
}

TEST_F(DmlTextTest, MariaDbsHiddenAndGeneratedColumns) {
  Table("t", "id INT, p INT, g INT AS (p+1) STORED NOT NULL, UNIQUE KEY (g)");
  plan_ = BuildTablePlan({"shop", "t"}, {"shop", "t"}, map_, plan_->tracked, plan_->downstream, {},
                         /*mariadb=*/true);
  EXPECT_FALSE(plan_->identity) << "g may be absent from an image";
  EXPECT_TRUE(Conflict({1, 1, 2}, {2, 5, 6}));
  EXPECT_TRUE(plan_->MayBeAbsent(2));
  EXPECT_FALSE(plan_->MayBeAbsent(1));
  // DB_ROW_HASH_1 follows the columns of the definition.
  Table("h", "id INT, p INT, UNIQUE KEY (p)");
  mysql::ColumnMeta hash;
  hash.type = mysql::ColumnType::kLongLong;
  map_.columns.push_back(hash);
  plan_ = BuildTablePlan({"shop", "h"}, {"shop", "h"}, map_, plan_->tracked, plan_->downstream, {},
                         /*mariadb=*/true);
  EXPECT_EQ(plan_->columns.size(), 3u);
  EXPECT_EQ(plan_->insert_head, "INSERT INTO `shop`.`h` (`id`,`p`) VALUES (");
  EXPECT_TRUE(plan_->MayBeAbsent(2));
}

// binlog_row_image MINIMAL and NOBLOB.
class PartialImageTest : public DmlTextTest {
 protected:
  // The statements, or the reason why there are none.
  std::string Partial(EventType type, const std::vector<Row>& images, int present,
                      int present_after = 0, bool safe = false) {
    const auto batch = Batch(type, map_, images, present, present_after);
    EXPECT_TRUE(LacksColumns(*plan_, *batch));
    try {
      RequireApplicable(*plan_, *batch);
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), 11126);
      return e.message();
    }
    std::string out;
    AppendChange(out, RowChange{plan_.get(), batch.get(), 0, safe, /*partial=*/true});
    return out;
  }
};

TEST_F(PartialImageTest, WhatIsAbsentFromAnUpdateIsUnchanged) {
  Table("t", "id INT PRIMARY KEY, a INT, b VARCHAR(20), UNIQUE KEY (a)");
  for (const bool safe : {false, true}) {
    EXPECT_EQ(Partial(EventType::kUpdateRowsV2, {{1}, {"x"}}, 1, 4, safe),
              "UPDATE `shop`.`t` SET `id` = 1, `b` = 'x' WHERE `id` = 1 LIMIT 1");
    // NOBLOB: all but b before.
    EXPECT_EQ(Partial(EventType::kUpdateRowsV2, {{1, 2}, {1, nullptr}}, 3, 3, safe),
              "UPDATE `shop`.`t` SET `id` = 1, `a` = NULL WHERE `id` = 1 LIMIT 1");
    EXPECT_EQ(Partial(EventType::kUpdateRowsV2, {{1}, {7}}, 1, 1, safe),
              "UPDATE `shop`.`t` SET `id` = 7 WHERE `id` = 1 LIMIT 1");
    EXPECT_EQ(Partial(EventType::kDeleteRowsV2, {{1}}, 1, 0, safe),
              "DELETE FROM `shop`.`t` WHERE `id` = 1 LIMIT 1");
  }
  EXPECT_FALSE(LacksColumns(*plan_, *Batch(EventType::kDeleteRowsV2, map_, {{1, 2, "x"}})));
}

TEST_F(PartialImageTest, WhatTheDownstreamWouldRenewIsAssigned) {
  Table("t", "id INT PRIMARY KEY, a INT, b TIMESTAMP NULL",
        "id INT PRIMARY KEY, a INT, b TIMESTAMP NULL ON UPDATE CURRENT_TIMESTAMP");
  EXPECT_EQ(Partial(EventType::kUpdateRowsV2, {{1}, {5}}, 1, 2),
            "UPDATE `shop`.`t` SET `id` = 1, `a` = 5, `b` = `b` WHERE `id` = 1 LIMIT 1");
}

TEST_F(PartialImageTest, AnInsertGetsTheDefaultThatBothSidesHave) {
  Table("t", "id INT PRIMARY KEY, a INT DEFAULT 7, b VARCHAR(20)");
  EXPECT_EQ(Partial(EventType::kWriteRowsV2, {{1}}, 1),
            "INSERT INTO `shop`.`t` (`id`,`a`,`b`) VALUES (1,DEFAULT,DEFAULT)");
  EXPECT_EQ(Partial(EventType::kWriteRowsV2, {{1, nullptr}}, 5, 0, true),
            "REPLACE INTO `shop`.`t` (`id`,`a`,`b`) VALUES (1,DEFAULT,NULL)");
  for (const char* other : {"a INT DEFAULT 8", "a INT", "a INT NOT NULL DEFAULT 7",
                            "a INT DEFAULT (3 + 4)", "a VARCHAR(10) DEFAULT '7'"}) {
    Table("t", "id INT PRIMARY KEY, a INT DEFAULT 7, b VARCHAR(20)",
          std::string("id INT PRIMARY KEY, ") + other + ", b VARCHAR(20)");
    EXPECT_NE(Partial(EventType::kWriteRowsV2, {{1, "x"}}, 5).find("table `shop`.`t`, column `a`"),
              std::string::npos)
        << other;
  }
  Table("t", "id INT PRIMARY KEY, a ENUM('x','y') NOT NULL, b VARCHAR(20)",
        "id INT PRIMARY KEY, a ENUM('y','x') NOT NULL, b VARCHAR(20)");
  EXPECT_NE(Partial(EventType::kWriteRowsV2, {{1, "x"}}, 5).find("column `a`"), std::string::npos);
  Table("t", "a INT, b VARCHAR(20)");
  EXPECT_EQ(Partial(EventType::kWriteRowsV2, {{"x"}}, 2),
            "INSERT INTO `shop`.`t` (`a`,`b`) VALUES (DEFAULT,'x')");
  for (const char* column : {"a TIMESTAMP DEFAULT '2024-01-01 00:00:00'", "a INT DEFAULT (3 + 4)",
                             "a TIMESTAMP DEFAULT CURRENT_TIMESTAMP"}) {
    const std::string columns = std::string("id INT PRIMARY KEY, b VARCHAR(20), c INT, ") + column;
    Table("t", columns);
    EXPECT_NE(Partial(EventType::kWriteRowsV2, {{1, "x", 2}}, 7).find("column `a`"),
              std::string::npos)
        << column;
  }
}

TEST_F(PartialImageTest, ARowThatCannotBeFoundIsRefused) {
  Table("t", "id INT PRIMARY KEY, a INT, b VARCHAR(20)",
        "id INT, a INT PRIMARY KEY, b VARCHAR(20)");
  EXPECT_NE(Partial(EventType::kDeleteRowsV2, {{1}}, 1).find("column `a` (by which a row is found"),
            std::string::npos);
  EXPECT_NE(Partial(EventType::kWriteRowsV2, {{1}}, 1).find("column `a`"), std::string::npos);
  Table("t", "id INT PRIMARY KEY, a INT, b VARCHAR(20)", "id INT, a INT, b VARCHAR(20)");
  EXPECT_NE(Partial(EventType::kUpdateRowsV2, {{1}, {2}}, 1, 2).find("has no key"),
            std::string::npos);
}

TEST_F(PartialImageTest, AComputedColumnMustBeComputedDownstreamToo) {
  const std::string columns = "id INT PRIMARY KEY, a INT, g INT AS (a + 1)";
  Table("t", columns);
  EXPECT_EQ(Partial(EventType::kUpdateRowsV2, {{1}, {5}}, 1, 2),
            "UPDATE `shop`.`t` SET `id` = 1, `a` = 5 WHERE `id` = 1 LIMIT 1");
  // Nothing that is written here has changed.
  Table("t", "id INT, a INT, g INT PRIMARY KEY",
        "id INT, a INT, g INT AS (id + 1) STORED PRIMARY KEY");
  EXPECT_EQ(Partial(EventType::kUpdateRowsV2, {{1}, {1}}, 4, 4),
            "UPDATE `shop`.`t` SET `id` = `id` WHERE `g` = 1 LIMIT 1");
  Table("t", columns, "id INT PRIMARY KEY, a INT, g INT");
  EXPECT_NE(Partial(EventType::kUpdateRowsV2, {{1}, {5}}, 1, 2).find("column `g` (computed"),
            std::string::npos);
  EXPECT_EQ(Partial(EventType::kDeleteRowsV2, {{1}}, 1),
            "DELETE FROM `shop`.`t` WHERE `id` = 1 LIMIT 1");
}

TEST_F(DmlTextTest, TheDownstreamsKeyDecides) {
  Table("t", "c1 INT PRIMARY KEY, c2 INT NOT NULL, c3 VARCHAR(10)",
        "c1 INT, c2 INT PRIMARY KEY, c3 VARCHAR(10)");
  EXPECT_EQ(Delete({1, 2, "x"}), "DELETE FROM `shop`.`t` WHERE `c2` = 2 LIMIT 1");
}

TEST_F(DmlTextTest, GeneratedColumnsAreNotWritten) {
  Table("d6", "id INT PRIMARY KEY, p INT, g INT AS (id+1) STORED");
  EXPECT_EQ(Insert({1, 1, 2}), "INSERT INTO `shop`.`d6` (`id`,`p`) VALUES (1,1)");
  EXPECT_EQ(Update({1, 1, 2}, {1, 2, 2}),
            "UPDATE `shop`.`d6` SET `id` = 1, `p` = 2 WHERE `id` = 1 LIMIT 1");
}

// The other server may compute another value: 1/3 has other digits on MySQL than on MariaDB.
TEST_F(DmlTextTest, RowsAreNotFoundByWhatTheDownstreamComputes) {
  Table("k", "a INT, b INT, g INT AS (a / b)");
  EXPECT_EQ(Delete({1, 3, 0}), "DELETE FROM `shop`.`k` WHERE `a` = 1 AND `b` = 3 LIMIT 1");
  EXPECT_EQ(Update({1, 3, 0}, {3, 3, 1}),
            "UPDATE `shop`.`k` SET `a` = 3, `b` = 3 WHERE `a` = 1 AND `b` = 3 LIMIT 1");
  // Computed upstream, a plain column downstream: it has what the upstream computed.
  Table("k", "a INT, g INT AS (a + 1)", "a INT, g INT");
  EXPECT_EQ(Delete({1, 2}), "DELETE FROM `shop`.`k` WHERE `a` = 1 AND `g` = 2 LIMIT 1");
}

TEST_F(DmlTextTest, KeysThatAnotherKindOfServerComputesAreNoIdentity) {
  const std::string generated = "id INT, g INT AS (id + 1) STORED NOT NULL, a INT";
  Table("t", generated + ", UNIQUE KEY (g)");
  EXPECT_TRUE(plan_->identity);
  const auto other_kind = [&] {
    plan_ = BuildTablePlan({"shop", "t"}, {"shop", "t"}, map_, plan_->tracked, plan_->downstream,
                           {}, /*mariadb=*/false, /*computed_alike=*/false);
  };
  other_kind();
  EXPECT_FALSE(plan_->identity);
  EXPECT_EQ(Delete({1, 2, 5}), "DELETE FROM `shop`.`t` WHERE `id` = 1 AND `a` = 5 LIMIT 1");
  EXPECT_TRUE(Conflict({1, 2, 5}, {7, 8, 6})) << "what is computed downstream may be equal";
  // Another key that cannot be NULL is taken.
  Table("t", generated + " NOT NULL, UNIQUE KEY (g), UNIQUE KEY (a)");
  other_kind();
  EXPECT_EQ(Delete({1, 2, 5}), "DELETE FROM `shop`.`t` WHERE `a` = 5 LIMIT 1");
}

// An insert that a filter left out must not be made by an update, whether in safe mode or not.
TEST_F(DmlTextTest, UpdatesOfRowsThatMayBeLeftOutDoNotMakeThem) {
  const auto update = [&](const Row& before, const Row& after) {
    auto batch = Batch(EventType::kUpdateRowsV2, map_, {before, after});
    RowChange change{plan_.get(), batch.get(), 0, /*safe=*/true};
    change.filtered = true;
    std::string out;
    AppendChange(out, change);
    return out;
  };
  Table("t", "id INT PRIMARY KEY, a INT");
  EXPECT_EQ(update({1, 5}, {1, 6}),
            "UPDATE `shop`.`t` SET `id` = 1, `a` = 6 WHERE `id` = 1 LIMIT 1");
  // A repeated insert may have taken away what another key or place is of.
  EXPECT_EQ(update({1, 5}, {2, 5}),
            "DELETE FROM `shop`.`t` WHERE `id` = 1 LIMIT 1;"
            "REPLACE INTO `shop`.`t` (`id`,`a`) VALUES (2,5)");
  Table("t", "id INT PRIMARY KEY, a INT, b INT, UNIQUE KEY (b)");
  EXPECT_EQ(update({1, 5, 7}, {1, 6, 7}), "REPLACE INTO `shop`.`t` (`id`,`a`,`b`) VALUES (1,6,7)");
}

TEST_F(DmlTextTest, ColumnCountMustFit) {
  Table("t", "id INT PRIMARY KEY, a INT");
  mysql::TableMap narrow = map_;
  narrow.columns.pop_back();
  try {
    BuildTablePlan({"a", "s"}, {"b", "t"}, narrow, plan_->tracked, plan_->downstream, {});
    FAIL() << "no error";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), 36027);
    EXPECT_NE(e.message().find("Column count doesn't match value count: 2 (columns) vs 1 (values)"),
              std::string::npos);
    EXPECT_NE(e.message().find("`a`.`s`"), std::string::npos);
    EXPECT_NE(e.message().find("`b`.`t`"), std::string::npos);
  }
}

TEST_F(DmlTextTest, EveryUniqueKeyConflicts) {
  Table("pkuk", "id INT PRIMARY KEY, a INT, b VARCHAR(20), UNIQUE KEY (a)");
  EXPECT_TRUE(Conflict({1, 5, "x"}, {1, 6, "y"}));
  EXPECT_TRUE(Conflict({1, 5, "x"}, {2, 5, "y"}));
  EXPECT_FALSE(Conflict({1, 5, "x"}, {5, 1, "x"})) << "keys of two indexes are never equal";
  EXPECT_FALSE(Conflict({1, nullptr, "x"}, {2, nullptr, "x"})) << "NULLs do not collide";
}

TEST_F(DmlTextTest, KeysConflictAsTheDownstreamCompares) {
  Table("t", "k VARCHAR(10) PRIMARY KEY, a INT",
        "k VARCHAR(10) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci PRIMARY KEY, a INT");
  EXPECT_TRUE(Conflict({"M\xc3\xbcller", 1}, {"muller ", 2}));
  EXPECT_FALSE(Conflict({"a", 1}, {"b", 1}));
  Table("t", "k VARCHAR(10) PRIMARY KEY, a INT",
        "k VARCHAR(10) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PRIMARY KEY, a INT");
  EXPECT_FALSE(Conflict({"A", 1}, {"a", 1}));
}

// MariaDB; INT columns for the periods.
TEST_F(DmlTextTest, KeysWithoutOverlaps) {
  Table("w",
        "id INT NOT NULL, s INT NOT NULL, e INT NOT NULL, v INT, PERIOD FOR p (s, e), "
        "PRIMARY KEY (id, p WITHOUT OVERLAPS), UNIQUE KEY (v)");
  EXPECT_TRUE(Conflict({1, 1, 5, 7}, {1, 5, 10, 8}));
  EXPECT_FALSE(Conflict({1, 1, 5, 7}, {2, 1, 5, 8}));
  EXPECT_TRUE(Conflict({1, 1, 5, 7}, {2, 1, 5, 7}));
  EXPECT_EQ(plan_->upsert_tail, "");
  EXPECT_EQ(Insert({1, 1, 5, 7}), "INSERT INTO `shop`.`w` (`id`,`s`,`e`,`v`) VALUES (1,1,5,7)");
  // What the server's REPLACE would do, if it had one for such tables.
  EXPECT_EQ(Insert({1, 1, 5, nullptr}, true),
            "DELETE FROM `shop`.`w` WHERE (`id` = 1 AND `e` > 1 AND `s` < 5);"
            "INSERT INTO `shop`.`w` (`id`,`s`,`e`,`v`) VALUES (1,1,5,NULL)");
  EXPECT_EQ(Update({1, 1, 9, 7}, {1, 1, 5, 7}, true),
            "DELETE FROM `shop`.`w` WHERE `id` = 1 AND `e` = 9 AND `s` = 1 LIMIT 1;"
            "DELETE FROM `shop`.`w` WHERE (`id` = 1 AND `e` > 1 AND `s` < 5) OR (`v` = 7);"
            "INSERT INTO `shop`.`w` (`id`,`s`,`e`,`v`) VALUES (1,1,5,7)");
  auto batch = Batch(EventType::kWriteRowsV2, map_, {{1, 1, 5, 7}});
  EXPECT_EQ(FormOf(RowChange{plan_.get(), batch.get(), 0, true}), RowsForm::kAlone);
}

TEST_F(DmlTextTest, AnUpdateHasTheKeysOfBothImages) {
  Table("pk1", "id INT PRIMARY KEY, a INT, b VARCHAR(20)");
  auto batch = Batch(EventType::kUpdateRowsV2, map_, {{1, 1, "x"}, {2, 1, "x"}});
  std::vector<uint64_t> keys;
  std::string scratch;
  AppendConflictKeys(keys, *plan_, batch->before(0), batch->after(0), scratch);
  EXPECT_EQ(keys.size(), 2u);
  EXPECT_NE(keys[0], keys[1]);
}

TEST_F(DmlTextTest, RowsInBulk) {
  Table("t", "id INT PRIMARY KEY, v VARCHAR(80)");
  auto batch = Batch(EventType::kWriteRowsV2, map_, {{-2, "ab"}, {3, nullptr}});
  const RowChange change{plan_.get(), batch.get(), 0};
  ASSERT_TRUE(MayBeBulk(change));
  EXPECT_EQ(BulkStatement(change, RowsForm::kInsert),
            "INSERT INTO `shop`.`t` (`id`,`v`) VALUES (?,?)");
  EXPECT_EQ(BulkStatement(change, RowsForm::kReplace),
            "REPLACE INTO `shop`.`t` (`id`,`v`) VALUES (?,?)");
  std::string rows;
  EXPECT_TRUE(AppendBulkRow(rows, change));
  EXPECT_TRUE(AppendBulkRow(rows, RowChange{plan_.get(), batch.get(), 1}));
  const std::string_view expected(
      "\0\xfe\xff\xff\xff\xff\xff\xff\xff"
      "\0\2ab"
      "\0\3\0\0\0\0\0\0\0"
      "\1",
      9 + 4 + 9 + 1);
  EXPECT_EQ(rows, expected);
  auto update = Batch(EventType::kUpdateRowsV2, map_, {{1, "a"}, {1, "b"}});
  EXPECT_FALSE(MayBeBulk(RowChange{plan_.get(), update.get(), 0}));
  Table("e", "id INT PRIMARY KEY, e ENUM('a', 'b')", "id INT PRIMARY KEY, e VARCHAR(80)");
  EXPECT_TRUE(plan_->parameters.empty()) << "members are written by their names";
}

// MariaDB's JSON is a LONGTEXT. A JSON column refuses what is written as bytes.
TEST_F(DmlTextTest, JsonOfTextIsWrittenAsText) {
  Table("t", "`id` int primary key, `doc` varchar(80) character set binary, `note` varchar(9)",
        "`id` int primary key, `doc` json, `note` varchar(9)");
  EXPECT_EQ(Insert({1, R"({"a":1})", "x"}),
            R"(INSERT INTO `shop`.`t` (`id`,`doc`,`note`) VALUES (1,'{\"a\":1}','x'))");
  Table("n", "`doc` varchar(80)", "`doc` json");
  EXPECT_EQ(Delete({"{}"}), "DELETE FROM `shop`.`n` WHERE `doc` = CAST('{}' AS JSON) LIMIT 1");
}

// As bytes they would be taken as what the column stores, not as its text.
TEST_F(DmlTextTest, TextOfAddressesIsWrittenAsText) {
  for (const char* type : {"inet6", "inet4", "uuid"}) {
    Table("a", "`id` int primary key, `a` tinytext",
          std::string("`id` int primary key, `a` ") + type);
    EXPECT_EQ(Insert({1, "2001:db8::1:1000"}),
              "INSERT INTO `shop`.`a` (`id`,`a`) VALUES (1,'2001:db8::1:1000')");
    EXPECT_EQ(plan_->parameters.at(1).type, 253);
    Table("b", "`id` int primary key, `a` tinyblob",
          std::string("`id` int primary key, `a` ") + type);
    EXPECT_EQ(Insert({1, "2001:db8::1:1000"}),
              "INSERT INTO `shop`.`b` (`id`,`a`) VALUES (1,_binary'2001:db8::1:1000')");
  }
}

}  // namespace
}  // namespace dm::migration
