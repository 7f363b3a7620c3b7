#include "mysql/value/collation_map.h"

#include <gtest/gtest.h>

#include <set>

#include "mysql/value/charset.h"

namespace dm::mysql {
namespace {

constexpr uint32_t kLastId = 4096;

// The names of SHOW COLLATION of MySQL 9.7 among those of the table.
std::set<std::string> NamesOfMySql() {
  std::set<std::string> names;
  for (uint32_t id = 0; id < 324; ++id) {
    const Collation* collation = FindCollation(id);
    if (collation == nullptr) continue;
    std::string name(collation->name);
    // The table has MariaDB's name for it.
    if (const size_t at = name.find("_mysql561"); at != std::string::npos) name.erase(at, 9);
    names.insert(name);
  }
  return names;
}

bool IsOnlyMySql(uint32_t id) {
  return id == 76 || (id >= 248 && id <= 250) || (id >= 255 && id <= 323);
}

// The same of MariaDB 10.11.
std::set<std::string> NamesOfMariaDb() {
  std::set<std::string> names;
  for (uint32_t id = 0; id < kLastId; ++id) {
    const Collation* collation = FindCollation(id);
    if (collation != nullptr && !IsOnlyMySql(id)) names.insert(std::string(collation->name));
  }
  return names;
}

bool IsGb18030(const std::string& name) { return name.starts_with("gb18030_"); }

TEST(CollationMap, EveryCollationOfMySqlHasOneInMariaDb) {
  const std::set<std::string> mysql = NamesOfMySql();
  const std::set<std::string> mariadb = NamesOfMariaDb();
  ASSERT_EQ(mysql.size(), 286U);
  size_t renamed = 0;
  for (const std::string& name : mysql) {
    if (IsGb18030(name)) continue;  // a character set that MariaDB lacks
    const std::string mapped = MapCollation(name, CollationFamily::kMariaDbUca1400);
    EXPECT_TRUE(mariadb.contains(mapped)) << name << " -> " << mapped;
    EXPECT_EQ(CharsetOfCollationName(mapped), CharsetOfCollationName(name)) << name;
    EXPECT_EQ(mapped == name, mariadb.contains(name)) << name;
    renamed += mapped == name ? 0 : 1;
    const std::string old = MapCollation(name, CollationFamily::kMariaDbNoPad);
    EXPECT_TRUE(mariadb.contains(old)) << name << " -> " << old;
    EXPECT_EQ(old.find("uca1400"), std::string::npos) << name << " -> " << old;
  }
  EXPECT_EQ(renamed, 64U);
}

TEST(CollationMap, EveryCollationOfMariaDbHasOneInMySql) {
  const std::set<std::string> mysql = NamesOfMySql();
  const std::set<std::string> mariadb = NamesOfMariaDb();
  ASSERT_EQ(mariadb.size(), 1242U);
  for (const std::string& name : mariadb) {
    const std::string mapped = MapCollation(name, CollationFamily::kMySql8);
    EXPECT_TRUE(mysql.contains(mapped)) << name << " -> " << mapped;
    EXPECT_EQ(CharsetOfCollationName(mapped), CharsetOfCollationName(name)) << name;
    EXPECT_EQ(mapped == name, mysql.contains(name)) << name;
  }
}

TEST(CollationMap, NamesThatTheTargetHasStayAsTheyAre) {
  EXPECT_EQ(MapCollation("UTF8MB4_General_ci", CollationFamily::kMariaDbUca1400),
            "UTF8MB4_General_ci");
  EXPECT_EQ(MapCollation("utf8mb4_0900_ai_ci", CollationFamily::kMySql8), "utf8mb4_0900_ai_ci");
  EXPECT_EQ(MapCollation("utf8mb4_uca1400_ai_ci", CollationFamily::kMariaDbUca1400),
            "utf8mb4_uca1400_ai_ci");
  EXPECT_EQ(MapCollation("nonsense", CollationFamily::kMySql8), "nonsense");
  EXPECT_EQ(MapCollation("", CollationFamily::kMariaDbUca1400), "");
}

TEST(CollationMap, ToMariaDb) {
  const auto map = [](std::string_view name) {
    return MapCollation(name, CollationFamily::kMariaDbUca1400);
  };
  EXPECT_EQ(map("utf8mb4_0900_ai_ci"), "utf8mb4_uca1400_nopad_ai_ci");
  EXPECT_EQ(map("UTF8MB4_0900_AS_CI"), "utf8mb4_uca1400_nopad_as_ci");
  EXPECT_EQ(map("utf8mb4_0900_as_cs"), "utf8mb4_uca1400_nopad_as_cs");
  EXPECT_EQ(map("utf8mb4_0900_bin"), "utf8mb4_nopad_bin");
  EXPECT_EQ(map("utf8mb4_de_pb_0900_as_cs"), "utf8mb4_uca1400_german2_nopad_as_cs");
  EXPECT_EQ(map("utf8mb4_es_trad_0900_ai_ci"), "utf8mb4_uca1400_spanish2_nopad_ai_ci");
  EXPECT_EQ(map("utf8mb4_nb_0900_ai_ci"), "utf8mb4_uca1400_danish_nopad_ai_ci");
  EXPECT_EQ(map("utf8mb4_ja_0900_as_cs_ks"), "utf8mb4_uca1400_nopad_as_cs");
  EXPECT_EQ(map("utf8mb4_xx_0900_ai_ci"), "utf8mb4_uca1400_nopad_ai_ci");
  EXPECT_EQ(MapCollation("utf8mb4_sv_0900_ai_ci", CollationFamily::kMariaDbNoPad),
            "utf8mb4_unicode_520_nopad_ci");
  EXPECT_EQ(MapCollation("utf8mb4_0900_as_ci", CollationFamily::kMariaDbNoPad),
            "utf8mb4_nopad_bin");
}

TEST(CollationMap, ToMySql) {
  const auto map = [](std::string_view name) {
    return MapCollation(name, CollationFamily::kMySql8);
  };
  EXPECT_EQ(map("utf8mb4_uca1400_ai_ci"), "utf8mb4_0900_ai_ci");
  EXPECT_EQ(map("uca1400_as_ci"), "utf8mb4_0900_as_ci");
  EXPECT_EQ(map("utf8mb4_uca1400_nopad_ai_cs"), "utf8mb4_0900_as_cs");
  EXPECT_EQ(map("utf8mb4_uca1400_croatian_nopad_as_ci"), "utf8mb4_hr_0900_as_cs");
  EXPECT_EQ(map("utf8mb4_uca1400_persian_ai_ci"), "utf8mb4_0900_ai_ci");
  EXPECT_EQ(map("utf8mb3_uca1400_swedish_ai_ci"), "utf8mb3_swedish_ci");
  EXPECT_EQ(map("utf16_uca1400_as_ci"), "utf16_bin");
  EXPECT_EQ(map("utf8mb4_nopad_bin"), "utf8mb4_0900_bin");
  EXPECT_EQ(map("latin1_swedish_nopad_ci"), "latin1_swedish_ci");
  EXPECT_EQ(map("latin1_nopad_bin"), "latin1_bin");
}

TEST(CollationMap, TiDbComparesByBytesWhatItHasNoRuleFor) {
  const auto map = [](std::string_view name) { return MapCollation(name, CollationFamily::kTiDb); };
  EXPECT_EQ(map("utf8mb4_general_ci"), "utf8mb4_general_ci");
  EXPECT_EQ(map("UTF8MB4_UNICODE_CI"), "UTF8MB4_UNICODE_CI");
  EXPECT_EQ(map("utf8mb4_0900_ai_ci"), "utf8mb4_0900_ai_ci");
  EXPECT_EQ(map("utf8mb4_0900_bin"), "utf8mb4_0900_bin");
  EXPECT_EQ(map("utf8mb4_0900_as_cs"), "utf8mb4_0900_bin");
  EXPECT_EQ(map("utf8mb4_sv_0900_ai_ci"), "utf8mb4_0900_bin");
  EXPECT_EQ(map("utf8mb4_unicode_520_ci"), "utf8mb4_0900_ai_ci");
  EXPECT_EQ(map("utf8mb4_uca1400_ai_ci"), "utf8mb4_0900_ai_ci");
  EXPECT_EQ(map("uca1400_ai_ci"), "utf8mb4_0900_ai_ci");
  EXPECT_EQ(map("utf8mb4_uca1400_swedish_nopad_ai_ci"), "utf8mb4_0900_bin");
  EXPECT_EQ(map("utf8mb4_czech_ci"), "utf8mb4_bin");
  EXPECT_EQ(map("utf8mb3_general_ci"), "utf8_general_ci");
  EXPECT_EQ(map("utf8_spanish_ci"), "utf8_bin");
  EXPECT_EQ(map("latin1_swedish_ci"), "latin1_bin");
  EXPECT_EQ(map("gbk_chinese_ci"), "gbk_chinese_ci");
  EXPECT_EQ(map("binary"), "binary");
  // TiDB has not got the character set either, and says so.
  EXPECT_EQ(map("greek_general_ci"), "greek_general_ci");
  EXPECT_EQ(MapCollation("utf8mb4_0900_ai_ci", CollationFamily::kTiDbOld), "utf8mb4_bin");
}

}  // namespace
}  // namespace dm::mysql
