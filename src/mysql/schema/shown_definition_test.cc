#include "mysql/schema/shown_definition.h"

#include <gtest/gtest.h>

#include "mysql/schema/build.h"

namespace dm::mysql {
namespace {

// As TiDB 8.1 shows it.
constexpr std::string_view kShown = R"(CREATE TABLE `e``\` (
  `id` int(11) NOT NULL,
  `a\` enum('a','it''s','\','x\y','\''','`z` enum(''\') NOT NULL DEFAULT '\\' COMMENT 'c\\o''m\n',
  `b` set('\') CHARACTER SET latin1 COLLATE latin1_bin DEFAULT NULL,
  `c` varchar(20) DEFAULT 'd\\e''f` enum(''\\',
  `g` varchar(40) GENERATED ALWAYS AS (concat(`c`, _utf8mb4'\\')) STORED,
  PRIMARY KEY (`id`) /*T![clustered_index] CLUSTERED */
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin COMMENT='t\\'
PARTITION BY LIST COLUMNS(`c`)
(PARTITION `p` VALUES IN ('x\\','b') COMMENT 'a\',
 PARTITION `q` VALUES IN ('y') COMMENT 'b'))";

TEST(ShownDefinition, BackslashesOfTiDbAreDoubled) {
  const std::string text = WithBackslashesDoubled(kShown);
  EXPECT_EQ(
      text.find(R"(enum('a','it''s','\\','x\\y','\\''','`z` enum(''\\') NOT NULL DEFAULT '\\')"),
      kShown.find("enum("));
  const TableInfo table = ParseCreateTable(text);
  ASSERT_EQ(table.columns.size(), 5u);
  EXPECT_EQ(table.columns[1].name, "a\\");
  EXPECT_EQ(table.columns[1].elements,
            (std::vector<std::string>{"a", "it's", "\\", "x\\y", "\\'", "`z` enum('\\"}));
  EXPECT_EQ(table.columns[2].elements, std::vector<std::string>{"\\"});
  EXPECT_NE(text.find(R"(VALUES IN ('x\\','b') COMMENT 'a\\',)"), std::string::npos) << text;
}

TEST(ShownDefinition, NothingElseIsChanged) {
  const std::string plain =
      "CREATE TABLE `t` (\n  `a` enum('x','y') DEFAULT 'x\\\\' COMMENT 'a''\\\\''\\n',\n"
      "  `enum` int(11) DEFAULT NULL\n) COMMENT='`a` enum(''\\\\'";
  EXPECT_EQ(WithBackslashesDoubled(plain), plain);
  for (size_t size = 0; size < kShown.size(); ++size) {  // broken off anywhere
    const std::string_view part = kShown.substr(0, size);
    EXPECT_GE(WithBackslashesDoubled(part).size(), size);
  }
}

}  // namespace
}  // namespace dm::mysql
