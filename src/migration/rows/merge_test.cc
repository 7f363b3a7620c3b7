#include "migration/rows/merge.h"

#include <gmock/gmock.h>

#include <map>
#include <optional>
#include <random>

#include "migration/rows/dml_text.h"
#include "migration/rows/rows_fixture_test.h"

namespace dm::migration {
namespace {

using mysql::EventType;
using testing::ElementsAre;
using testing::IsEmpty;

class MergeTest : public RowsTest {
 protected:
  void Add(EventType type, const std::vector<Row>& images, bool safe = false) {
    batches_.push_back(Batch(type, map_, images));
    RowChange change;
    change.plan = plan_.get();
    change.batch = batches_.back().get();
    change.safe = safe;
    changes_.push_back({change, changes_.size()});
  }
  void Insert(const Row& row, bool safe = false) { Add(EventType::kWriteRowsV2, {row}, safe); }
  void Update(const Row& before, const Row& after, bool safe = false) {
    Add(EventType::kUpdateRowsV2, {before, after}, safe);
  }
  void Delete(const Row& row) { Add(EventType::kDeleteRowsV2, {row}); }

  // The statements after merging.
  std::vector<std::string> Merged() {
    ChangeMerger().Merge(changes_);
    std::vector<std::string> texts;
    for (const BatchChange& change : changes_) {
      texts.emplace_back();
      AppendChange(texts.back(), change.row);
    }
    return texts;
  }
  // The statements with several rows to each.
  std::vector<std::string> Shared() {
    std::vector<std::string> texts;
    for (size_t i = 0; i < changes_.size();) {
      const RowsForm form = FormOf(changes_[i].row);
      texts.emplace_back();
      if (form == RowsForm::kAlone) {
        AppendChange(texts.back(), changes_[i++].row);
        continue;
      }
      const RowChange& first = changes_[i].row;
      SharedStatement statement(texts.back(), form);
      for (; i < changes_.size() && MayShare(first, form, changes_[i].row); ++i) {
        statement.Add(changes_[i].row);
      }
      statement.End();
    }
    return texts;
  }

  std::vector<std::shared_ptr<const mysql::RowBatch>> batches_;
  std::vector<BatchChange> changes_;
};

TEST_F(MergeTest, WhatTwoChangesComeTo) {
  Table("t", "id INT PRIMARY KEY, a INT");
  Insert({1, 10});
  Update({1, 10}, {1, 11});
  EXPECT_THAT(Merged(), ElementsAre("INSERT INTO `shop`.`t` (`id`,`a`) VALUES (1,11)"));
  changes_.clear();
  Insert({1, 10});
  Delete({1, 10});
  EXPECT_THAT(Merged(), ElementsAre("DELETE FROM `shop`.`t` WHERE `id` = 1 LIMIT 1"));
  changes_.clear();
  Update({1, 10}, {1, 11});
  Update({1, 11}, {1, 12});
  Update({1, 12}, {1, 13});
  EXPECT_THAT(Merged(),
              ElementsAre("UPDATE `shop`.`t` SET `id` = 1, `a` = 13 WHERE `id` = 1 LIMIT 1"));
  EXPECT_EQ(mysql::CellInteger(changes_[0].row.before()[1], map_.columns[1]), 10);
  changes_.clear();
  Update({1, 10}, {1, 11});
  Delete({1, 11});
  EXPECT_THAT(Merged(), ElementsAre("DELETE FROM `shop`.`t` WHERE `id` = 1 LIMIT 1"));
  changes_.clear();
  Delete({1, 10});
  Insert({1, 20});
  Update({1, 20}, {1, 21});
  EXPECT_THAT(Merged(), ElementsAre("REPLACE INTO `shop`.`t` (`id`,`a`) VALUES (1,21)"));
  EXPECT_EQ(changes_[0].job, 2u);
}

TEST_F(MergeTest, TheSafeFlagOfTheEarlierStays) {
  Table("t", "id INT PRIMARY KEY, a INT");
  Insert({1, 10}, true);
  Update({1, 10}, {1, 11});
  EXPECT_THAT(Merged(), ElementsAre("REPLACE INTO `shop`.`t` (`id`,`a`) VALUES (1,11)"));
}

TEST_F(MergeTest, NothingIsMovedBehindWhatItCollidesWith) {
  Table("t", "id INT PRIMARY KEY, u INT, UNIQUE KEY (u)");
  Delete({1, 5});
  Insert({2, 5});
  Insert({1, 6});
  EXPECT_EQ(Merged().size(), 3u);
}

TEST_F(MergeTest, ChangesOfAnIdentityStayApart) {
  Table("t", "id INT PRIMARY KEY, a INT");
  Update({1, 10}, {2, 10});
  Update({2, 10}, {2, 11});
  Delete({2, 11});
  EXPECT_THAT(Merged(),
              ElementsAre("UPDATE `shop`.`t` SET `id` = 2, `a` = 10 WHERE `id` = 1 LIMIT 1",
                          "DELETE FROM `shop`.`t` WHERE `id` = 2 LIMIT 1"));
}

TEST_F(MergeTest, TablesWithoutIdentityAreLeftAlone) {
  Table("t", "a INT, u INT, UNIQUE KEY (u)");
  Insert({1, 1});
  Delete({1, 1});
  EXPECT_EQ(Merged().size(), 2u);
}

TEST_F(MergeTest, ValuesThatAreEqualInACollationAreOtherRows) {
  Table("t", "v VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci PRIMARY KEY, a INT");
  Delete({"a", 1});
  Insert({"A", 2});
  EXPECT_EQ(Merged().size(), 2u);
}

// Whatever happens to rows with two unique keys: the merged changes never collide, and end alike.
TEST_F(MergeTest, RandomChangesEndAlike) {
  Table("t", "id INT PRIMARY KEY, u INT, v INT, UNIQUE KEY (u)");
  struct Values {
    int u = 0;
    int v = 0;
    auto operator<=>(const Values&) const = default;
  };
  using Rows = std::map<int, Values>;
  std::mt19937 random(7);
  const auto pick = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  size_t merged = 0;
  for (int round = 0; round < 3000; ++round) {
    changes_.clear();
    batches_.clear();
    Rows start;
    for (int id = 0; id < 4; ++id) {
      if (pick(2) == 0) start[id] = {id * 10, 0};
    }
    Rows rows = start;
    const auto taken = [&](int u, int except) {
      for (const auto& [id, values] : rows) {
        if (id != except && values.u == u) return true;
      }
      return false;
    };
    for (int step = 0; step < 12; ++step) {
      const int id = pick(4);
      const auto found = rows.find(id);
      const Values next{pick(5) * 10, pick(100)};
      const bool safe = pick(5) == 0;
      if (found == rows.end()) {
        if (taken(next.u, id)) continue;
        Insert({id, next.u, next.v}, safe);
        rows[id] = next;
      } else if (pick(3) == 0) {
        Delete({id, found->second.u, found->second.v});
        rows.erase(found);
      } else {
        const int to = pick(4) == 0 ? pick(4) : id;
        if (taken(next.u, id) || (to != id && rows.contains(to))) continue;
        Update({id, found->second.u, found->second.v}, {to, next.u, next.v}, safe);
        rows.erase(found);
        rows[to] = next;
      }
    }
    merged += ChangeMerger().Merge(changes_);
    Rows model = start;
    const auto conflicts = [&](int id, const Values& values) {
      return std::erase_if(
          model, [&](const auto& row) { return row.first == id || row.second.u == values.u; });
    };
    for (const BatchChange& change : changes_) {
      const RowChange& row = change.row;
      const auto number = [&](std::span<const mysql::Cell> image, size_t column) {
        return static_cast<int>(mysql::CellInteger(image[column], map_.columns[column]));
      };
      const auto values = [&] { return Values{number(row.after(), 1), number(row.after(), 2)}; };
      if (row.kind() != mysql::RowsKind::kInsert) {
        const size_t gone = model.erase(number(row.before(), 0));
        const bool must_find = row.kind() == mysql::RowsKind::kUpdate && !row.safe;
        ASSERT_TRUE(gone == 1 || !must_find) << "round " << round;
      }
      if (row.kind() == mysql::RowsKind::kDelete) continue;
      const size_t replaced = conflicts(number(row.after(), 0), values());
      ASSERT_TRUE(replaced == 0 || row.safe) << "round " << round;
      model[number(row.after(), 0)] = values();
    }
    ASSERT_EQ(model, rows) << "round " << round;
  }
  EXPECT_GT(merged, 3000u);
}

TEST_F(MergeTest, RowsShareStatements) {
  Table("t", "id INT PRIMARY KEY, a INT");
  Insert({1, 10});
  Insert({2, 20});
  Update({1, 10}, {1, 11});
  Update({2, 20}, {2, 21});
  Update({2, 21}, {3, 21});
  Delete({1, 11});
  Delete({3, 21});
  Insert({4, 1}, true);
  Insert({5, 1}, true);
  Update({4, 1}, {4, 2}, true);
  EXPECT_THAT(
      Shared(),
      ElementsAre("INSERT INTO `shop`.`t` (`id`,`a`) VALUES (1,10),(2,20)",
                  "INSERT INTO `shop`.`t` (`id`,`a`) VALUES (1,11),(2,21) ON DUPLICATE KEY UPDATE "
                  "`id`=VALUES(`id`),`a`=VALUES(`a`)",
                  "UPDATE `shop`.`t` SET `id` = 3, `a` = 21 WHERE `id` = 2 LIMIT 1",
                  "DELETE FROM `shop`.`t` WHERE (`id` = 1) OR (`id` = 3)",
                  "REPLACE INTO `shop`.`t` (`id`,`a`) VALUES (4,1),(5,1)",
                  "REPLACE INTO `shop`.`t` (`id`,`a`) VALUES (4,2)"));
}

TEST_F(MergeTest, ANullThatTheDownstreamRefusesGoesAlone) {
  Table("t", "id INT PRIMARY KEY, a INT", "id INT PRIMARY KEY, a INT NOT NULL");
  Insert({1, 1});
  Insert({2, nullptr});
  Insert({3, 3});
  EXPECT_EQ(Shared().size(), 3u);
}

// The definition may be the downstream's, where the upstream's is not known: the log tells.
TEST_F(MergeTest, TheLogTellsWhetherAColumnCanBeNull) {
  Table("t", "id INT PRIMARY KEY, a INT NOT NULL");
  Insert({1, 1});
  Insert({2, nullptr});
  EXPECT_EQ(Shared().size(), 2u);
}

TEST_F(MergeTest, RowsThatAFilterMayHaveLeftOutAreNotMade) {
  Table("t", "id INT PRIMARY KEY, a INT");
  Update({1, 1}, {1, 2});
  Update({2, 1}, {2, 2});
  for (BatchChange& change : changes_) change.row.filtered = true;
  EXPECT_EQ(Shared().size(), 2u);
}

TEST_F(MergeTest, NumbersAreComparedWithTextAsText) {
  Table("t", "id INT PRIMARY KEY", "id VARCHAR(20) PRIMARY KEY");
  Delete({5});
  EXPECT_EQ(FormOf(changes_[0].row), RowsForm::kDelete);
  EXPECT_EQ(DescribeRow(changes_[0].row), "`id` = '5'");
}

TEST_F(MergeTest, SourcesOfDifferentShapeHashDifferently) {
  Table("t", "id INT PRIMARY KEY, c INT, UNIQUE KEY (c)");
  const uint64_t both = KeyShape(*plan_);
  Table("t", "c INT, id INT PRIMARY KEY", "id INT PRIMARY KEY, c INT, UNIQUE KEY (c)");
  EXPECT_EQ(KeyShape(*plan_), both);
  Table("t", "id INT PRIMARY KEY", "id INT PRIMARY KEY, c INT, UNIQUE KEY (c)");
  EXPECT_NE(KeyShape(*plan_), both);
  Table("t", "id VARCHAR(20) PRIMARY KEY, c INT", "id INT PRIMARY KEY, c INT, UNIQUE KEY (c)");
  EXPECT_NE(KeyShape(*plan_), both);
  EXPECT_TRUE(WithOneKeyForAll(*plan_)->one_key_for_all);
}

TEST_F(MergeTest, WhereNothingMayBeShared) {
  Table("t", "a INT, b INT");
  Insert({1, 1});
  Insert({1, 1});
  Delete({1, 1});
  Delete({1, 1});
  EXPECT_THAT(Shared(), ElementsAre("INSERT INTO `shop`.`t` (`a`,`b`) VALUES (1,1),(1,1)",
                                    "DELETE FROM `shop`.`t` WHERE `a` = 1 AND `b` = 1 LIMIT 1",
                                    "DELETE FROM `shop`.`t` WHERE `a` = 1 AND `b` = 1 LIMIT 1"));
  // An upsert would need a value for the column that only the downstream has.
  changes_.clear();
  Table("u", "id INT PRIMARY KEY, a INT", "id INT PRIMARY KEY, a INT, extra INT NOT NULL");
  Update({1, 1}, {1, 2});
  Update({2, 1}, {2, 2});
  EXPECT_EQ(Shared().size(), 2u);
}

}  // namespace
}  // namespace dm::migration
