#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

#include "base/error/error.h"
#include "migration/dumpfile/channel.h"
#include "migration/dumpfile/file_name.h"
#include "migration/dumpfile/insert_reader.h"
#include "migration/dumpfile/introducer.h"
#include "migration/dumpfile/literals.h"
#include "migration/dumpfile/load_line.h"
#include "migration/dumpfile/metadata.h"
#include "migration/dumpfile/schema_script.h"
#include "migration/dumpfile/session_time_zone.h"
#include "migration/dumpfile/short_bytes.h"
#include "migration/dumpfile/value_text.h"
#include "migration/dumpfile/vector_text.h"

namespace dm::migration {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

int CodeOf(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& e) {
    return e.code();
  }
  return 0;
}

// ---- names ------------------------------------------------------------------------------------

TEST(DumpFileNameTest, EscapesWhatFileNamesAndPatternsCannotHold) {
  EXPECT_EQ(EscapeFileNamePart("full/mode"), "full%2Fmode");
  EXPECT_EQ(EscapeFileNamePart("tb\"1"), "tb%221");
  EXPECT_EQ(EscapeFileNamePart("a.b"), "a%2Eb");
  EXPECT_EQ(EscapeFileNamePart("my-schema"), "my%2Dschema");
  EXPECT_EQ(EscapeFileNamePart("x-SCHEMA-create"), "x%2DSCHEMA-create");
  EXPECT_EQ(EscapeFileNamePart("a%\n"), "a%25%0A");
  EXPECT_EQ(EscapeFileNamePart("odd `name-表"), "odd `name-表");
}

TEST(DumpFileNameTest, UnescapeReversesAndKeepsMalformedText) {
  for (const char* name : {"full/mode", "tb\"1", "a.b", "my-schema", "%41", "表"}) {
    EXPECT_EQ(UnescapeFileNamePart(EscapeFileNamePart(name)), name);
  }
  EXPECT_EQ(UnescapeFileNamePart("50%off"), "50%off");
  EXPECT_EQ(UnescapeFileNamePart("x%2"), "x%2");
}

TEST(DumpFileNameTest, WritesNamesOfEachKind) {
  EXPECT_EQ(SchemaCreateFileName("shop"), "shop-schema-create.sql");
  EXPECT_EQ(TableSchemaFileName("shop", "big"), "shop.big-schema.sql");
  EXPECT_EQ(ViewSchemaFileName("shop", "v"), "shop.v-schema-view.sql");
  EXPECT_EQ(DataFileName("shop", "big", 0, 0, true), "shop.big.0000000000000.sql");
  EXPECT_EQ(DataFileName("shop", "big", 0, 1, true), "shop.big.0000000000001.sql");
  EXPECT_EQ(DataFileName("shop", "big", 1, 0, true), "shop.big.0000000010000.sql");
  EXPECT_EQ(DataFileName("shop", "big", 0, 0, false), "shop.big.000000000.sql");
}

struct ClassifyCase {
  const char* path;
  DumpFileKind kind;
  const char* schema;
  const char* table;
  const char* compression;
};

TEST(DumpFileNameTest, Classifies) {
  const ClassifyCase cases[] = {
      {"shop-schema-create.sql", DumpFileKind::kSchemaCreate, "shop", "", ""},
      {"SHOP-SCHEMA-CREATE.SQL", DumpFileKind::kSchemaCreate, "SHOP", "", ""},
      {"shop-schema-create.sql.gz", DumpFileKind::kSchemaCreate, "shop", "", "gz"},
      {"shop.big-schema.sql", DumpFileKind::kTableSchema, "shop", "big", ""},
      {"dir/shop.big-schema.sql", DumpFileKind::kTableSchema, "shop", "big", ""},
      {"shop.v-schema-view.sql", DumpFileKind::kViewSchema, "shop", "v", ""},
      {"shop.big.0000000000000.sql", DumpFileKind::kData, "shop", "big", ""},
      {"shop.big.sql", DumpFileKind::kData, "shop", "big", ""},
      {"shop.big.000000001.sql.zst", DumpFileKind::kData, "shop", "big", "zst"},
      {"a%2Eb.my%2Dschema.0000000000000.sql", DumpFileKind::kData, "a.b", "my-schema", ""},
      {"shop.big.1.csv", DumpFileKind::kData, "shop", "big", ""},
      {"shop.t-schema-trigger.sql", DumpFileKind::kIgnored, "", "", ""},
      {"shop-schema-post.sql", DumpFileKind::kIgnored, "", "", ""},
      {"shop.s-schema-sequence.sql", DumpFileKind::kSequenceSchema, "shop", "s", ""},
      {"shop.s-schema-sequence.sql.gz", DumpFileKind::kSequenceSchema, "shop", "s", "gz"},
      {"shop-schema-sequence.sql", DumpFileKind::kIgnored, "", "", ""},
      {"shop.s%2Dschema-sequence.000000000.sql", DumpFileKind::kData, "shop", "s-schema-sequence",
       ""},
      {"shop.big.0.sql.bak", DumpFileKind::kIgnored, "", "", ""},
      {"metadata", DumpFileKind::kIgnored, "", "", ""},
      {"readme.txt", DumpFileKind::kIgnored, "", "", ""},
  };
  for (const ClassifyCase& c : cases) {
    const DumpFileName name = ClassifyDumpFile(c.path);
    EXPECT_EQ(name.kind, c.kind) << c.path;
    EXPECT_EQ(name.schema, c.schema) << c.path;
    EXPECT_EQ(name.table, c.table) << c.path;
    EXPECT_EQ(name.compression, c.compression) << c.path;
  }
  EXPECT_EQ(ClassifyDumpFile("shop.big.1.csv").format, DumpFileFormat::kCsv);
  EXPECT_TRUE(IsDumpFile("metadata"));
  EXPECT_FALSE(IsDumpFile("passwd"));
}

// ---- metadata ---------------------------------------------------------------------------------

TEST(DumpMetadataTest, FormatsAsTheReferenceSystemDoes) {
  DumpRecord record;
  record.started_at = "2026-11-25 20:05:43";
  record.finished_at = "2026-11-25 20:05:43";
  record.start = DumpPosition{"mysql-bin.000001", 4854726, "0-1-477"};
  EXPECT_EQ(FormatDumpMetadata(record),
            "Started dump at: 2026-11-25 20:05:43\n"
            "SHOW MASTER STATUS:\n\tLog: mysql-bin.000001\n\tPos: 4854726\n\tGTID:0-1-477\n\n"
            "Finished dump at: 2026-11-25 20:05:43\n");
}

TEST(DumpMetadataTest, ReadsWhatItWrites) {
  DumpRecord record;
  record.binary_log_status = true;
  record.start = DumpPosition{"bin.000003", 48213, "8a1c3f52-0d6e-11ef-9d4b-0242ac120002:1-771"};
  record.replicas.push_back({"", "10.1.2.3", "bin.000017", "900", ""});
  record.has_exit = true;
  record.exit = DumpPosition{"bin.000003", 50110, "8a1c3f52-0d6e-11ef-9d4b-0242ac120002:1-790"};
  const std::string text = FormatDumpMetadata(record);
  EXPECT_THAT(
      text, ::testing::HasSubstr("SHOW MASTER STATUS: /* AFTER CONNECTION POOL ESTABLISHED */\n"));
  const DumpMetadata metadata = ParseDumpMetadata(text);
  EXPECT_EQ(metadata.start, *record.start);
  ASSERT_TRUE(metadata.exit.has_value());
  EXPECT_EQ(*metadata.exit, *record.exit);
}

TEST(DumpMetadataTest, ReadsGtidSetsOfSeveralLines) {
  const DumpMetadata metadata = ParseDumpMetadata(
      "SHOW MASTER STATUS:\n\tLog: b.000001\n\tPos: 4\n"
      "\tGTID:8a1c3f52-0d6e-11ef-9d4b-0242ac120002:1-3,\n"
      "9a1c3f52-0d6e-11ef-9d4b-0242ac120002:1-9\nFinished dump at: x\n");
  EXPECT_EQ(metadata.start.gtid_text,
            "8a1c3f52-0d6e-11ef-9d4b-0242ac120002:1-3,9a1c3f52-0d6e-11ef-9d4b-0242ac120002:1-9");
}

TEST(DumpMetadataTest, RefusesWhatHasNoPosition) {
  EXPECT_EQ(CodeOf([] { ParseDumpMetadata("Started dump at: x\n\nFinished dump at: y\n"); }),
            11123);
  EXPECT_EQ(CodeOf([] { ParseDumpMetadata("SHOW MASTER STATUS:\n\tLog: b.1\n\tPos: 0\n\n"); }),
            11123);
  EXPECT_EQ(CodeOf([] { ParseDumpMetadata("SHOW MASTER STATUS:\n\tLog: b.1\n\tPos: 4"); }), 11001);
  EXPECT_EQ(CodeOf([] { ParseDumpMetadata("SHOW MASTER STATUS:\n\tLog: b.1\n\tPos: x\n\n"); }),
            11001);
  EXPECT_EQ(CodeOf([] {
              ParseDumpMetadata(
                  "SHOW MASTER STATUS:\n\tLog: b.1\n\tPos: 4\n\n"
                  "SHOW MASTER STATUS: /* AFTER CONNECTION POOL ESTABLISHED */\n\n");
            }),
            11001);
  EXPECT_EQ(CodeOf([] { ReadDumpMetadata("/nonexistent"); }), 11001);
}

// ---- values -----------------------------------------------------------------------------------

std::string Text(ValueKind kind, std::string_view value, bool backslash = true) {
  std::string out;
  AppendValueText(out, kind, value, backslash);
  return out;
}

TEST(ValueTextTest, Escapes) {
  using namespace std::string_view_literals;
  EXPECT_EQ(Text(ValueKind::kString, "a'b\"c\\d\n\r\t\0\x1a%_"sv),
            "'a\\'b\\\"c\\\\d\\n\\r\t\\0\\Z%_'");
  EXPECT_EQ(Text(ValueKind::kString, "a'b\"c\\d\n"sv, false), "'a''b\"c\\d\n'");
  EXPECT_EQ(Text(ValueKind::kBytes, "\x00\x31\xff"sv), "x'0031ff'");
  EXPECT_EQ(Text(ValueKind::kBytes, ""), "x''");
  EXPECT_EQ(Text(ValueKind::kNumber, "00000042"), "00000042");
}

TEST(ValueTextTest, FloatsHaveTheDigitsTheyNeed) {
  EXPECT_EQ(Text(ValueKind::kDouble, "1e-300"), "1e-300");
  EXPECT_EQ(Text(ValueKind::kDouble, "0"), "0");
  EXPECT_EQ(Text(ValueKind::kDouble, "-0"), "-0e+00");
  EXPECT_EQ(Text(ValueKind::kDouble, "12.3400"), "12.34");
  EXPECT_EQ(Text(ValueKind::kDouble, "999999"), "999999");
  EXPECT_EQ(Text(ValueKind::kDouble, "1000000"), "1e+06");
  EXPECT_EQ(Text(ValueKind::kDouble, "8.05741e37"), "8.05741e+37");
  EXPECT_EQ(Text(ValueKind::kDouble, "0.00001"), "1e-05");
  EXPECT_EQ(Text(ValueKind::kFloat, "1234.5670166015625"), "1234.567");
  EXPECT_EQ(Text(ValueKind::kFloat, "3.141590118408203"), "3.14159");
  EXPECT_EQ(Text(ValueKind::kDouble, "nonsense"), "nonsense");
}

TEST(ValueTextTest, EveryFloatComesBack) {
  for (uint32_t bits = 1; bits < 0x7f800000; bits += 9999991) {
    float value;
    std::memcpy(&value, &bits, sizeof value);
    const std::string text = Text(ValueKind::kFloat, fmt::format("{}", double{value}));
    EXPECT_EQ(std::strtof(text.c_str(), nullptr), value) << text;
  }
}

TEST(ValueTextTest, KindsOfColumns) {
  EXPECT_EQ(KindOfColumn(3, 63), ValueKind::kNumber);
  EXPECT_EQ(KindOfColumn(246, 63), ValueKind::kNumber);
  EXPECT_EQ(KindOfColumn(252, 63), ValueKind::kBytes);
  EXPECT_EQ(KindOfColumn(252, 45), ValueKind::kString);
  EXPECT_EQ(KindOfColumn(254, 63), ValueKind::kBytes);
  EXPECT_EQ(KindOfColumn(245, 63), ValueKind::kString);  // JSON
  EXPECT_EQ(KindOfColumn(12, 63), ValueKind::kString);   // DATETIME
  EXPECT_EQ(KindOfColumn(16, 63), ValueKind::kBytes);    // BIT
  EXPECT_EQ(KindOfColumn(255, 63), ValueKind::kBytes);   // GEOMETRY
}

// ---- INSERT statements ------------------------------------------------------------------------

std::vector<std::string> Tuples(std::string_view file, bool backslash = true) {
  InsertReader reader(file, backslash);
  std::vector<std::string> tuples;
  while (reader.FindTuple()) tuples.emplace_back(reader.TakeTuple());
  EXPECT_EQ(reader.Position(), file.size());
  return tuples;
}

TEST(InsertReaderTest, FindsTuplesOfSeveralStatements) {
  const std::string_view file =
      "/*!40101 SET NAMES binary*/;\nSET FOREIGN_KEY_CHECKS=0;\n"
      "INSERT INTO `t``1` (`i`,`a)`) VALUES\n(1,'x'),\n(2,NULL);\n"
      "INSERT INTO `t``1` (`i`,`a)`) VALUES\n(3,');(');\n";
  EXPECT_THAT(Tuples(file), ElementsAre("(1,'x')", "(2,NULL)", "(3,');(')"));
  EXPECT_THAT(InsertReader(file, true).columns(), ElementsAre("i", "a)"));
}

TEST(InsertReaderTest, ReadsForeignSpellings) {
  EXPECT_THAT(Tuples("-- c\nreplace into db.t values ( 1 , _utf8'a' ) , (x'00', /* ) */ 2);"),
              ElementsAre("( 1 , _utf8'a' )", "(x'00', /* ) */ 2)"));
  EXPECT_THAT(Tuples("INSERT IGNORE INTO t VALUES (),();"), ElementsAre("()", "()"));
  EXPECT_THAT(Tuples("SET NAMES utf8;"), IsEmpty());
  EXPECT_THAT(Tuples(""), IsEmpty());
}

TEST(InsertReaderTest, EscapesFollowTheMode) {
  EXPECT_THAT(Tuples("INSERT INTO t VALUES ('a\\')('),('b''');"),
              ElementsAre("('a\\')(')", "('b''')"));
  EXPECT_THAT(Tuples("INSERT INTO t VALUES ('a\\'),('b');", false),
              ElementsAre("('a\\')", "('b')"));
}

TEST(InsertReaderTest, ContinuesAtEveryTuple) {
  const std::string_view file =
      "INSERT INTO t (a) VALUES\n(1),\n(2);\nINSERT INTO t (a) VALUES\n(3);\n";
  InsertReader reader(file, true);
  std::vector<size_t> starts;
  while (reader.FindTuple()) {
    starts.push_back(reader.Position());
    reader.TakeTuple();
  }
  ASSERT_EQ(starts.size(), 3u);
  for (size_t i = 0; i < starts.size(); ++i) {
    InsertReader again(file, true);
    again.Seek(starts[i]);
    size_t rest = 0;
    for (; again.FindTuple(); ++rest) again.TakeTuple();
    EXPECT_EQ(rest, starts.size() - i);
  }
  reader.Seek(file.size());
  EXPECT_FALSE(reader.FindTuple());
}

TEST(InsertReaderTest, SaysWhatIsWrong) {
  EXPECT_EQ(CodeOf([] { Tuples("INSERT INTO t VALUES (1"); }), 34002);
  for (const char* cut_off :
       {"INSERT INTO t VALUES", "INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (1),\n",
        "INSERT INTO t VALUES (1);\nINSERT INTO t VALUES\n(2)\n",
        "INSERT INTO t VALUES (1) -- ;"}) {
    EXPECT_EQ(CodeOf([&] { Tuples(cut_off); }), 34002) << cut_off;
  }
  EXPECT_EQ(CodeOf([] { Tuples("INSERT INTO t VALUES ('a"); }), 34003);
  EXPECT_EQ(CodeOf([] { Tuples("INSERT INTO t VALUES ('a\\"); }), 34003);
  EXPECT_EQ(CodeOf([] { Tuples("INSERT INTO t VALUES (1)(2)"); }), 34009);
  EXPECT_EQ(CodeOf([] { Tuples("DELETE FROM t;"); }), 34009);
  EXPECT_EQ(CodeOf([] { Tuples("INSERT INTO t (a) VALUES (1);INSERT INTO t (b) VALUES (1);"); }),
            34009);
}

// ---- lines for LOAD DATA ----------------------------------------------------------------------

std::string Line(std::string_view tuple, std::vector<LoadField> fields, bool backslash = true) {
  std::string out = "before|";
  const size_t size = AppendLoadLine(out, tuple, fields, backslash);
  if (size == 0) {
    EXPECT_EQ(out, "before|");
    return "(only INSERT)";
  }
  EXPECT_EQ(size, tuple.find_last_of(')') + 1);
  return out.substr(7);
}

TEST(LoadLineTest, WritesValues) {
  const LoadField t = LoadField::kText, x = LoadField::kHex;
  EXPECT_EQ(Line("(1,-2.5e+10,NULL,'a')", {t, t, t, t}), "1\t-2.5e+10\t\\N\ta\n");
  EXPECT_EQ(Line("('', x'' ,x'00fF',0x41)", {t, x, x, x}), "\t\t00fF\t41\n");
  EXPECT_EQ(Line("('it''s\\'\\\"\\n\\0\\Z\\\\\ttab','\\%\\_\\N\\q')", {t, t}),
            "it's'\"\\n\\0\\Z\\\\\\\ttab\t\\\\%\\\\_Nq\n");
  EXPECT_EQ(Line("('a\\b''c\n')", {t}, false), "a\\\\b'c\\\n\n");
  EXPECT_EQ(Line("('A\\n''\\%',NULL)", {x, x}), "410a275c25\t\\N\n");
  EXPECT_EQ(Line("('A\\')", {x}, false), "415c\n");
}

TEST(LoadLineTest, LeavesTheRestToInsert) {
  const LoadField t = LoadField::kText, x = LoadField::kHex;
  EXPECT_EQ(Line("(x'00')", {t}), "(only INSERT)");
  EXPECT_EQ(Line("(1)", {x}), "(only INSERT)");
  EXPECT_EQ(Line("(b'1')", {x}), "(only INSERT)");
  EXPECT_EQ(Line("(_latin1'a')", {t}), "(only INSERT)");
  EXPECT_EQ(Line("(TRUE)", {t}), "(only INSERT)");
  EXPECT_EQ(Line("(1,2)", {t}), "(only INSERT)");
  EXPECT_EQ(Line("(1)", {t, t}), "(only INSERT)");
  EXPECT_EQ(Line("('a", {t}), "(only INSERT)");
  EXPECT_EQ(Line("(x'0')", {x}), "(only INSERT)");
}

TEST(ShortBytesTest, WritesBytesAsTheyAre) {
  EXPECT_EQ(WithShortBytes("(1,x'00275C41',NULL)", true),
            std::string("(1,_binary'\0''\\\\A',NULL)", 24));
  EXPECT_EQ(WithShortBytes("(X'5c' , x'')", false), "(_binary'\\' , _binary'')");
  for (const std::string same :
       {"(_gbk x'FEFE',_utf8mb4 x'41')", "('x''41',\"(x'41'\",'\\',x''41''')", "(x'4')", "(x'4",
        "(0x41,x41)", ""}) {
    EXPECT_EQ(WithShortBytes(same, true), same);
  }
}

// ---- schema files -----------------------------------------------------------------------------

TEST(SchemaScriptTest, SplitsAndDropsWhatIsNoStatement) {
  EXPECT_THAT(SplitScript("/*!40101 SET NAMES binary*/;\nSET FOREIGN_KEY_CHECKS=0;\n"
                          "CREATE TABLE `a;b` (\n  `c` int COMMENT 'x;\\';y' -- z;\n);\n",
                          {}),
              ElementsAre("CREATE TABLE `a;b` (\n  `c` int COMMENT 'x;\\';y' -- z;\n)"));
  EXPECT_THAT(SplitScript(" ; /* nothing */ ;", {}), IsEmpty());
  ScriptOptions no_escapes;
  no_escapes.backslash_escapes = false;
  EXPECT_THAT(SplitScript("CREATE TABLE t (c int COMMENT 'x\\'); SELECT 1", no_escapes),
              ElementsAre("CREATE TABLE t (c int COMMENT 'x\\')", "SELECT 1"));
}

TEST(SchemaScriptTest, TakesTheDefinerOut) {
  EXPECT_EQ(
      WithoutDefiner("CREATE ALGORITHM=UNDEFINED DEFINER=`a``b`@`%` SQL SECURITY DEFINER VIEW "
                     "`d`.`v` AS select 'DEFINER=`x`@`y`' AS `c`"),
      "CREATE ALGORITHM=UNDEFINED SQL SECURITY DEFINER VIEW `d`.`v` AS select "
      "'DEFINER=`x`@`y`' AS `c`");
  EXPECT_EQ(WithoutDefiner("CREATE ALGORITHM=MERGE DEFINER=\"a\"@\"%\" SQL SECURITY INVOKER VIEW "
                           "\"v\" AS select 1"),
            "CREATE ALGORITHM=MERGE SQL SECURITY INVOKER VIEW \"v\" AS select 1");
  EXPECT_EQ(WithoutDefiner("CREATE DEFINER=`role` VIEW `v` AS select 1"),
            "CREATE VIEW `v` AS select 1");
  for (const std::string same :
       {"CREATE VIEW `v` AS select 'DEFINER=`x`@`y`' AS `c`", "CREATE DEFINER=", "CREATE", "",
        "CREATE ALGORITHM=MERGE DEFINER=`a`@"}) {
    EXPECT_EQ(WithoutDefiner(same), same);
  }
}

TEST(SchemaScriptTest, CutsAroundTheName) {
  EXPECT_EQ(ReadCreateHead("CREATE TABLE `a``b` (\n`c` int)", {}).rest, " (\n`c` int)");
  EXPECT_EQ(ReadCreateHead("create table if not exists db.t(c int)", {}).rest, "(c int)");
  ScriptOptions ansi;
  ansi.ansi_quotes = true;
  EXPECT_EQ(ReadCreateHead("CREATE TABLE \"t\" (\"c\" int)", ansi).rest, " (\"c\" int)");
  const CreateHead database =
      ReadCreateHead("CREATE DATABASE `d` /*!40100 DEFAULT CHARACTER SET utf8mb4 */", {});
  EXPECT_EQ(database.kind, CreateHead::Kind::kDatabase);
  EXPECT_EQ(database.rest, " /*!40100 DEFAULT CHARACTER SET utf8mb4 */");
  EXPECT_EQ(ReadCreateHead("CREATE DATABASE /*!32312 IF NOT EXISTS*/ `d`", {}).rest, "");
  EXPECT_EQ(CodeOf([] { ReadCreateHead("DROP TABLE t", {}); }), 34007);
  EXPECT_EQ(CodeOf([] { ReadCreateHead("CREATE SEQUENCE s", {}); }), 34007);
}

TEST(SessionTimeZoneTest, Formats) {
  EXPECT_EQ(FormatTimeZoneOffset("00:00:00"), "+00:00");
  EXPECT_EQ(FormatTimeZoneOffset("-05:30:00"), "-05:30");
  EXPECT_EQ(FormatTimeZoneOffset("8:00:00.000000"), "+08:00");
}

TEST(DumpFactsTest, AreWrittenBehindTheReferencesLines) {
  DumpRecord record;
  record.started_at = "a";
  record.finished_at = "b";
  record.start = DumpPosition{"bin.000001", 5000000123, ""};
  const std::string plain = FormatDumpMetadata(record);
  record.id = "0123";
  record.started_by = "t s 42";
  record.time_zone = "+01:00";
  record.sql_mode = "ANSI_QUOTES";
  const std::string text = FormatDumpMetadata(record);
  EXPECT_EQ(
      text,
      plain + "Dump id: 0123\nStarted by: t s 42\nTime zone: +01:00\nSQL mode: ANSI_QUOTES\n");
  const DumpMetadata read = ParseDumpMetadata(text);
  EXPECT_EQ(read.id, "0123");
  EXPECT_EQ(read.started_by, "t s 42");
  EXPECT_EQ(ParseDumpMetadata(plain).started_by, "");
  EXPECT_EQ(read.time_zone, "+01:00");
  EXPECT_EQ(read.sql_mode, "ANSI_QUOTES");
  EXPECT_EQ(read.start.offset, 5000000123u);
  // A dump made elsewhere is told from others by its text.
  EXPECT_NE(ParseDumpMetadata(plain).id, "");
  EXPECT_NE(ParseDumpMetadata(plain).id, ParseDumpMetadata(plain + "\n").id);
  EXPECT_FALSE(ParseDumpMetadata(plain).time_zone);
}

TEST(DumpFactsTest, NeedNoPosition) {
  EXPECT_EQ(ParseDumpFacts("Started dump at: x\nDump id: 7\n").id, "7");
  EXPECT_THROW(ParseDumpMetadata("Started dump at: x\nDump id: 7\n"), Error);
}

class ChannelTest : public ::testing::Test {
 protected:
  void SetUp() override {
    channel_.SetConsumer({[](const StopToken&) {}, [](bool) {}});
    channel_.SetBacklogLimit(100);
    channel_.Begin({});
  }
  DumpedFile File(uint64_t size) { return {"f", DumpFileKind::kData, "s", "t", size}; }
  DumpFileChannel channel_;
};

TEST_F(ChannelTest, ThereIsNoRoomWhileTheConsumerIsBehind) {
  channel_.Publish(File(101));
  EXPECT_FALSE(channel_.WaitForRoom(Milliseconds(1), {}));
  channel_.Next({});
  EXPECT_FALSE(channel_.WaitForRoom(Milliseconds(1), {}));
  channel_.Done(101);
  EXPECT_TRUE(channel_.WaitForRoom(Milliseconds(1), {}));
}

TEST_F(ChannelTest, AnAbandonedDumpNeverWaits) {
  channel_.Publish(File(101));
  channel_.Next({});
  channel_.Publish(File(500));
  channel_.Abandon();
  EXPECT_TRUE(channel_.WaitForRoom(Milliseconds(1), {}));
  channel_.Publish(File(500));
  EXPECT_TRUE(channel_.WaitForRoom(Milliseconds(1), {}));
  // The next dump is consumed again.
  channel_.Abort(false);
  channel_.Begin({});
  channel_.Publish(File(101));
  EXPECT_FALSE(channel_.WaitForRoom(Milliseconds(1), {}));
}

TEST(IntroducerTest, BytesOfSetsThatTiDbLacksBecomeText) {
  const auto text = [](std::string_view tuple) { return WithTextForTiDb(tuple, true); };
  EXPECT_EQ(text("(1,_koi8r x'C1C2',_gbk x'D2BB',NULL)"),
            "(1,'\xd0\xb0\xd0\xb1','\xe4\xb8\x80',NULL)");
  EXPECT_EQ(text("(_latin2 x'275C',2)"), "('\\'\\\\',2)");
  EXPECT_EQ(WithTextForTiDb("(_latin2 x'275C')", false), "('''\\')");
  // TiDB's own, what is in strings, what is none.
  for (const std::string_view same :
       {"(_binary x'FF',_latin1 x'E9',_utf8mb4 x'C3')", "('_koi8r x''C1''',\"_koi8r x'C1'\")",
        "('a\\'_koi8r x',2)", "(_koi8r x'C',_koi8r 'C1',_nothing x'C1',_koi8r)", "", "(_",
        "(_koi8r x'C1"}) {
    EXPECT_EQ(text(same), same);
  }
}

TEST(VectorTextTest, BytesOfVectorsBecomeText) {
  const auto text = [](std::string_view tuple, const std::vector<size_t>& positions) {
    return WithVectorText(tuple, positions, true);
  };
  EXPECT_EQ(text("(1,x'0000803F00002040000040C0',x'00')", {1}), "(1,'[1,2.5,-3]',x'00')");
  EXPECT_EQ(text("(x'',NULL,X'00000000')", {0, 1, 2}), "('[]',NULL,'[0]')");
  // Commas that separate no columns.
  const std::string head = R"(('a,\'b\\','x''',"c,",(1,2),)";
  EXPECT_EQ(text(head + "x'0000803f')", {4}), head + "'[1]')");
  EXPECT_EQ(text(head + "x'0000803f')", {1, 3, 5}), head + "x'0000803f')");
  EXPECT_EQ(WithVectorText(R"(('a,\',x'0000803f'))", {1}, false), R"(('a,\','[1]'))");
  // What is no vector.
  for (const std::string_view same :
       {"(1,x'00')", "(1,x'0000803')", "(1,x'0000803f", "(1,'x''0000803f''')", "(1", ""}) {
    EXPECT_EQ(text(same, {1}), same);
  }
}

TEST(FloatTextTest, KeepsTheSignOfZero) {
  std::string text;
  AppendFloatText(text, "-0", false);
  EXPECT_EQ(text, "-0e+00");
  text.clear();
  AppendFloatText(text, "0", false);
  EXPECT_EQ(text, "0");
}

TEST(Literals, QuotedTextsEndAtTheirQuote) {
  EXPECT_EQ(EndOfQuoted("('a\"b',1)", 1, true), 6u);
  EXPECT_EQ(EndOfQuoted("'a\\'b',1", 0, true), 6u);
  EXPECT_EQ(EndOfQuoted("'a\\'b',1", 0, false), 4u);
  EXPECT_EQ(EndOfQuoted("'a''b'", 0, true), 3u);  // and another one follows
  EXPECT_EQ(EndOfQuoted("'a", 0, true), 2u);
  EXPECT_EQ(EndOfQuoted("'a\\", 0, true), 3u);
  EXPECT_EQ(EndOfQuoted("'", 0, true), 1u);
}

TEST(Literals, BytesInHexadecimalDigits) {
  size_t end = 0;
  EXPECT_EQ(HexLiteralAt("(x'00fF',1)", 1, &end), std::string("\0\xff", 2));
  EXPECT_EQ(end, 8u);
  EXPECT_EQ(HexLiteralAt("X''", 0, &end), "");
  for (const char* none : {"x", "x'", "x'0", "x'00", "x'0'", "x'0g'", "'00'", ""}) {
    EXPECT_EQ(HexLiteralAt(none, 0, &end), std::nullopt) << none;
  }
}

}  // namespace
}  // namespace dm::migration
