#include "migration/meta/names.h"

#include <gtest/gtest.h>

#include "base/error/error.h"

namespace dm::migration {
namespace {

// What CheckMetaNames says; "ok" if nothing.
std::string Verdict(const std::string& name, const std::string& mode,
                    const std::function<void(TaskConfig&)>& change = {}) {
  TaskConfig task;
  task.name = name;
  task.task_mode = mode;
  if (change) change(task);
  try {
    CheckMetaNames(task);
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), e.message().find("meta-schema") == std::string::npos ? 20019 : 20071);
    return e.ToString();
  }
  return "ok";
}

TEST(MetaNames, EveryTableOfTheTaskMustHaveAName) {
  // 64 less "_lightning_checkpoint_list", "_syncer_checkpoint", "_syncer_sharding_meta".
  for (const char* mode : {"full", "all"}) {
    EXPECT_EQ(Verdict(std::string(38, 'x'), mode), "ok");
    EXPECT_NE(Verdict(std::string(39, 'x'), mode).find("_lightning_checkpoint_list"),
              std::string::npos);
  }
  EXPECT_EQ(Verdict(std::string(46, 'x'), "incremental"), "ok");
  EXPECT_NE(Verdict(std::string(47, 'x'), "incremental").find("at most 46 characters"),
            std::string::npos);
  const auto sharded = [](TaskConfig& task) { task.shard_mode = "optimistic"; };
  EXPECT_EQ(Verdict(std::string(43, 'x'), "incremental", sharded), "ok");
  EXPECT_NE(Verdict(std::string(44, 'x'), "incremental", sharded), "ok");
  const auto validated = [](TaskConfig& task) { task.validators["v"]; };
  EXPECT_EQ(Verdict(std::string(39, 'x'), "incremental", validated), "ok");
  EXPECT_NE(Verdict(std::string(40, 'x'), "incremental", validated), "ok");
}

TEST(MetaNames, CharactersCountNotBytes) {
  std::string name;
  for (int i = 0; i < 38; ++i) name += "漢";
  EXPECT_EQ(Verdict(name, "all"), "ok");
  EXPECT_NE(Verdict(name + "漢", "all"), "ok");
}

TEST(MetaNames, CharactersThatNoNameMayHold) {
  EXPECT_EQ(Verdict("a b`c/d.e¥", "all"), "ok");
  EXPECT_EQ(Verdict("ends with a blank ", "all"), "ok");  // the tables' names do not
  EXPECT_NE(Verdict("😀", "all"), "ok");
  EXPECT_NE(Verdict(std::string("a\0b", 3), "all"), "ok");
  EXPECT_NE(Verdict("a\xff", "all"), "ok");
  EXPECT_NE(Verdict("t", "all", [](TaskConfig& task) { task.meta_schema = "m "; }), "ok");
  EXPECT_NE(Verdict("t", "all", [](TaskConfig& t) { t.meta_schema = std::string(65, 'm'); }), "ok");
}

}  // namespace
}  // namespace dm::migration
