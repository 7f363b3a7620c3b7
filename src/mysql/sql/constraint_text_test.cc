#include "mysql/sql/constraint_text.h"

#include <gtest/gtest.h>

namespace dm::mysql {
namespace {

TEST(ConstraintText, ChangesNamesAndParentsAlone) {
  ConstraintTextChanges changes;
  changes.parent = [](const TableName& parent) {
    return parent.schema.empty() && parent.name == "kept" ? parent : TableName{"d", "p`q"};
  };
  changes.name = [](ConstraintKind kind, const std::string& name) -> std::string {
    if (name == "gone") return "";
    return kind == ConstraintKind::kCheck ? "c_" + name : "f_" + name;
  };
  EXPECT_EQ(
      ChangeConstraintText(
          " (\n `references` int COMMENT 'REFERENCES `z` (`id`)',\n  CONSTRAINT `one` FOREIGN "
          "KEY (`a`) REFERENCES `z` (`id`),\n CONSTRAINT two FOREIGN KEY (a) REFERENCES s . z "
          "(id),\n CONSTRAINT `x` FOREIGN KEY (a) REFERENCES `kept` (id),\n CONSTRAINT `gone` "
          "CHECK ((`a` > 0)) /*!80016 NOT ENFORCED */,\n CONSTRAINT `b` CHECK (a), CONSTRAINT u "
          "UNIQUE (a), CONSTRAINT FOREIGN KEY (a) REFERENCES z\n) /*!50100 X */",
          {}, changes),
      " (\n `references` int COMMENT 'REFERENCES `z` (`id`)',\n  CONSTRAINT `f_one` FOREIGN "
      "KEY (`a`) REFERENCES `d`.`p``q` (`id`),\n CONSTRAINT `f_two` FOREIGN KEY (a) "
      "REFERENCES `d`.`p``q` (id),\n CONSTRAINT `f_x` FOREIGN KEY (a) REFERENCES `kept` "
      "(id),\n CONSTRAINT  CHECK ((`a` > 0)) /*!80016 NOT ENFORCED */,\n CONSTRAINT `c_b` "
      "CHECK (a), CONSTRAINT u UNIQUE (a), CONSTRAINT FOREIGN KEY (a) REFERENCES "
      "`d`.`p``q`\n) /*!50100 X */");
  EXPECT_EQ(ChangeConstraintText("CONSTRAINT `a` CHECK ('", {}, {}), "CONSTRAINT `a` CHECK ('");
  EXPECT_EQ(ChangeConstraintText("", {}, changes), "");
}

TEST(ConstraintText, NamesThatServersMakeFollowTheTable) {
  EXPECT_EQ(RoutedConstraintName("t_ibfk_1", "t", "u"), "u_ibfk_1");
  EXPECT_EQ(RoutedConstraintName("t_chk_12", "t", "u"), "u_chk_12");
  for (const std::string name : {"t_ibfk_", "t_ibfk_x", "s_ibfk_1", "t", "t_fk_1", "mine"}) {
    EXPECT_EQ(RoutedConstraintName(name, "t", "u"), name);
  }
  EXPECT_EQ(RoutedConstraintName("t_chk_1", "t", std::string(58, 'x')),
            std::string(58, 'x') + "_chk_1");
  EXPECT_EQ(RoutedConstraintName("t_chk_1", "t", std::string(59, 'x')), "");
}

}  // namespace
}  // namespace dm::mysql
