#include "base/error/error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <set>
#include <stdexcept>

#include "base/error/system_error.h"

namespace dm {
namespace {

using ::testing::HasSubstr;

int CodeOf(const ErrorEntry& entry) { return static_cast<int>(entry.code); }

TEST(CatalogueTest, SortedAndUnique) {
  std::span<const ErrorEntry> all = ErrorCatalogue();
  EXPECT_TRUE(std::is_sorted(all.begin(), all.end(),
                             [](const auto& a, const auto& b) { return CodeOf(a) < CodeOf(b); }));
  std::set<int> codes;
  std::set<std::string_view> names;
  for (const ErrorEntry& entry : all) {
    EXPECT_TRUE(codes.insert(CodeOf(entry)).second) << entry.name;
    EXPECT_TRUE(names.insert(entry.name).second) << entry.name;
    EXPECT_EQ(FindErrorEntry(CodeOf(entry)), &entry);
  }
  EXPECT_EQ(FindErrorEntry(9999), nullptr);
  EXPECT_EQ(FindErrorEntry(11131), nullptr);
  EXPECT_EQ(FindErrorEntry(60000), nullptr);
}

// Every template has a text without remarks and placeholders that the filler knows.
TEST(CatalogueTest, TemplatesAreSentences) {
  for (const ErrorEntry& entry : ErrorCatalogue()) {
    EXPECT_EQ(entry.message.empty(), entry.code == ErrorCode::kLoadLightningRuntime);
    for (std::string_view text : {entry.message, entry.workaround}) {
      for (std::string_view remark : {"(phrase", "raw cause", "⟨", "…", "(class", "DM 8"}) {
        EXPECT_EQ(text.find(remark), std::string_view::npos) << CodeOf(entry) << ": " << text;
      }
    }
    EXPECT_EQ(std::count(entry.message.begin(), entry.message.end(), '{'),
              std::count(entry.message.begin(), entry.message.end(), '}'));
    EXPECT_FALSE(entry.error_class.empty());
    EXPECT_EQ(entry.workaround.find('{'), std::string_view::npos) << CodeOf(entry);
  }
}

TEST(CatalogueTest, ClassesFollowTheRangesButForTheKnownExceptions) {
  struct Range {
    int first;
    std::string_view error_class;
  };
  constexpr Range kRanges[] = {
      {10001, "database"},        {11001, "functional"},     {20001, "config"},
      {22001, "binlog-op"},       {24001, "checkpoint"},     {26001, "task-check"},
      {28001, "relay-event-lib"}, {30001, "relay-unit"},     {32001, "dump-unit"},
      {34001, "load-unit"},       {36001, "sync-unit"},      {38001, "dm-master"},
      {40001, "dm-worker"},       {42001, "dm-tracer"},      {42501, "ha"},
      {43001, "validator"},       {44001, "schema-tracker"}, {46001, "scheduler"},
      {48001, "dmctl"},           {49001, "openapi"},        {50000, "not-set"},
  };
  const std::map<int, std::string_view> exceptions = {
      {11126, "binlog-op"},  {11129, "sync-unit"}, {34017, "functional"},
      {34018, "functional"}, {46009, "dm-master"}, {46010, "dm-master"},
      {46015, "dm-master"},  {46016, "dm-master"}, {46017, "dm-master"},
  };
  for (const ErrorEntry& entry : ErrorCatalogue()) {
    std::string_view expected;
    for (const Range& range : kRanges) {
      if (CodeOf(entry) >= range.first) expected = range.error_class;
    }
    if (auto it = exceptions.find(CodeOf(entry)); it != exceptions.end()) expected = it->second;
    EXPECT_EQ(entry.error_class, expected) << CodeOf(entry);
  }
}

TEST(CatalogueTest, ScopesThatAreNotInternal) {
  auto scope = [](ErrorCode code) { return FindErrorEntry(static_cast<int>(code))->scope; };
  EXPECT_EQ(scope(ErrorCode::kDBDriverError), ErrorScope::kNotSet);
  EXPECT_EQ(scope(ErrorCode::kMetadataNoBinlogLoc), ErrorScope::kUpstream);
  EXPECT_EQ(scope(ErrorCode::kBinlogNotLogColumn), ErrorScope::kUpstream);
  EXPECT_EQ(scope(ErrorCode::kSyncerGetEvent), ErrorScope::kUpstream);
  EXPECT_EQ(scope(ErrorCode::kSchemaTrackerCannotFetchDownstreamTable), ErrorScope::kDownstream);
  EXPECT_EQ(scope(ErrorCode::kValidatorNotFound), ErrorScope::kNotSet);
  EXPECT_EQ(scope(ErrorCode::kParseSQL), ErrorScope::kInternal);
}

// Texts that users' scripts look for.
TEST(CatalogueTest, KnownTexts) {
  EXPECT_EQ(MakeError(ErrorCode::kDBExecuteFailed, "CREATE TABLE `t`").message(),
            "execute statement failed: CREATE TABLE `t`");
  EXPECT_EQ(MakeError(ErrorCode::kSchedulerSubTaskExist, "t1", "[a b]").ToString(),
            "[code=46014:class=scheduler:scope=internal:level=medium], Message: subtasks with name "
            "t1 for sources [a b] already exist, Workaround: Please use `query-status` command to "
            "see tasks.");
  EXPECT_EQ(MakeError(ErrorCode::kSchedulerSourceOpTaskExist, "s", "[t]").ToString(),
            "[code=46010:class=dm-master:scope=internal:level=medium], Message: source with name s "
            "need to operate has existing tasks [t], Workaround: Please `stop-task` first.");
  EXPECT_EQ(MakeError(ErrorCode::kWorkerNotPausedStage, "Running").message(),
            "current stage is Running but not paused, invalid");
  EXPECT_EQ(
      MakeError(ErrorCode::kWorkerRelayStageNotValid, "Paused", "StopRelay", "Running").message(),
      "current stage is Paused, Running required, relay operation StopRelay refused");
  EXPECT_EQ(MakeError(ErrorCode::kSyncerUnitDMLColumnNotMatch, 3, 2).message(),
            "Column count doesn't match value count: 2 (columns) vs 3 (values)");
  EXPECT_EQ(MakeError(ErrorCode::kLoadLightningHasDup, "m", "c").message(),
            "the import found duplicate rows, please check `m`.`c` to see the duplication");
  EXPECT_EQ(MakeError(ErrorCode::kSyncerUnsupportedStmt, "FLUSH", "optimistic").message(),
            "`FLUSH` statement not supported in optimistic mode");
  EXPECT_THAT(MakeError(ErrorCode::kSchedulerStopRelayOnSpecified, "[w]").message(),
              HasSubstr("can't `stop-relay` without worker name now"));
  EXPECT_EQ(MakeError(ErrorCode::kLoadLightningRuntime).ToString(),
            "[code=34019:class=load-unit:scope=internal:level=high]");
}

TEST(FillTemplateTest, WrongNumbersOfArgumentsLoseNothing) {
  using Args = std::vector<std::string>;
  EXPECT_EQ(FillTemplate("a {} b {}", Args{"1", "2"}), "a 1 b 2");
  EXPECT_EQ(FillTemplate("a {1} b {0}", Args{"1", "2"}), "a 2 b 1");
  EXPECT_EQ(FillTemplate("a {} b {}", Args{"1"}), "a 1 b ");
  EXPECT_EQ(FillTemplate("a", Args{"1", "2"}), "a, 1, 2");
  EXPECT_EQ(FillTemplate("", Args{"1"}), "1");
  EXPECT_EQ(FillTemplate("{}", Args{"{} {9}"}), "{} {9}");
  EXPECT_EQ(FillTemplate("open {", Args{}), "open {");
}

TEST(ErrorTest, StringForm) {
  EXPECT_EQ(
      Error(ErrorCode::kLoadUnitDumpDirNotFound, "no dump directory ./x").ToString(),
      "[code=34014:class=load-unit:scope=internal:level=high], Message: no dump directory ./x");
  Error e(ErrorCode::kConfigYamlTransform, "decode source config");
  e.SetRawCause("yaml: line 3: field purgee not found in type").SetWorkaround("");
  EXPECT_EQ(e.ToString(),
            "[code=20003:class=config:scope=internal:level=medium], Message: decode source config, "
            "RawCause: yaml: line 3: field purgee not found in type");
  EXPECT_EQ(
      e.MessageAndCause(),
      "Message: decode source config, RawCause: yaml: line 3: field purgee not found in type");
  EXPECT_EQ(std::string(e.what()), e.ToString());
  EXPECT_EQ(Error(ErrorCode::kNotSet, "").ToString(),
            "[code=50000:class=not-set:scope=not-set:level=high]");
}

TEST(ErrorTest, ChainsCollapseToTheInnermostReason) {
  std::runtime_error server("Error 1146 (42S02): Table 'a.b' doesn't exist");
  Error query = WrapError(ErrorCode::kDBQueryFailed, server, "SHOW CREATE TABLE `a`.`b`");
  query.SetServerErrno(1146);
  Error tracker =
      WrapError(ErrorCode::kSchemaTrackerCannotFetchDownstreamCreateTableStmt, query, "`a`.`b`");
  EXPECT_EQ(tracker.code(), 44019);
  EXPECT_EQ(tracker.raw_cause(), "Error 1146 (42S02): Table 'a.b' doesn't exist");
  EXPECT_EQ(tracker.server_errno(), 1146);
  // A product error without a cause of its own becomes the cause, by its message alone.
  Error outer = WrapError(ErrorCode::kSchemaTrackerInit, Error(ErrorCode::kParseSQL, "bad text"));
  EXPECT_EQ(outer.raw_cause(), "bad text");
}

TEST(ErrorTest, AnnotateKeepsEverythingElse) {
  Error e = WrapError(ErrorCode::kParseSQL, std::runtime_error("near x"), "100% {}");
  e.Annotate("fail to initialize unit Sync of subtask t ");
  EXPECT_EQ(e.message(), "fail to initialize unit Sync of subtask t : parse statement: 100% {}");
  EXPECT_EQ(e.code(), 11006);
  EXPECT_EQ(e.raw_cause(), "near x");
}

TEST(ErrorTest, ScopeAndClassCanBeSet) {
  Error e = MakeError(ErrorCode::kDBDriverError);
  e.SetScope(ErrorScope::kUpstream).SetClass("dm-master");
  EXPECT_THAT(e.ToString(), HasSubstr("[code=10001:class=dm-master:scope=upstream:level=high]"));
}

TEST(ErrorTest, ForeignErrors) {
  Error e = ToError(std::runtime_error("plain"));
  EXPECT_EQ(e.code(), 50000);
  EXPECT_EQ(e.message(), "plain");
  EXPECT_EQ(e.error_class(), "not-set");
  EXPECT_EQ(ErrorText(std::runtime_error("plain")), "plain");
  EXPECT_EQ(ToError(MakeError(ErrorCode::kSyncClosed)).code(), 11041);
}

TEST(ErrorTest, PartsSurviveTheWire) {
  Error e =
      Error::FromParts(99999, "strange", ErrorScope::kDownstream, ErrorLevel::kLow, "m", "r", "w");
  EXPECT_EQ(e.ToString(),
            "[code=99999:class=strange:scope=downstream:level=low], Message: m, RawCause: r, "
            "Workaround: w");
}

TEST(SystemErrorTest, Texts) {
  EXPECT_EQ(std::string(SystemError("open", "x.yaml", ENOENT).what()),
            "open x.yaml: no such file or directory");
  EXPECT_EQ(std::string(SystemError("read", "", ECONNRESET).what()),
            "read: connection reset by peer");
  EXPECT_EQ(SystemError("open", "x", EACCES).number(), EACCES);
}

}  // namespace
}  // namespace dm
