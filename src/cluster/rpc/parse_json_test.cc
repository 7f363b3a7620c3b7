#include "cluster/rpc/parse_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error/error.h"
#include "dmmaster.pb.h"
#include "dmworker.pb.h"

namespace dm::cluster {
namespace {

template <class Message>
Message Parsed(std::string_view text) {
  Message message;
  ParseJson(text, &message);
  return message;
}

template <class Message>
std::string Refusal(std::string_view text) {
  Message message;
  try {
    ParseJson(text, &message);
  } catch (const Error& e) {
    return e.message();
  }
  return "accepted";
}

TEST(ParseJson, NamesEnumsAndLists) {
  const auto task = Parsed<pb::OperateTaskRequest>(
      R"({"op": "Resume", "name": "t \u00fc", "sources": ["a", "b"], "nonsense": {"x": [1]}})");
  EXPECT_EQ(task.op(), pb::Resume);
  EXPECT_EQ(task.name(), "t \u00fc");
  EXPECT_THAT(task.sources(), ::testing::ElementsAre("a", "b"));
  EXPECT_EQ(Parsed<pb::OperateTaskRequest>(R"({"op": 2})").op(), pb::Pause);
  EXPECT_EQ(Parsed<pb::OperateTaskRequest>(R"({"op": 99})").op(), 99);
  EXPECT_EQ(Parsed<pb::OperateTaskRequest>(R"({"op": null, "sources": null})").op(), 0);
}

TEST(ParseJson, DeclaredAndCamelNames) {
  EXPECT_EQ(Parsed<pb::StartValidationRequest>(R"({"mode_value": "fast"})").mode_value(), "fast");
  EXPECT_EQ(Parsed<pb::StartValidationRequest>(R"({"modeValue": "full"})").mode_value(), "full");
}

TEST(ParseJson, IntegersAsNumbersAndStrings) {
  EXPECT_EQ(Parsed<pb::CheckTaskRequest>(R"({"errCnt": 12})").errcnt(), 12);
  EXPECT_EQ(Parsed<pb::CheckTaskRequest>(R"({"errCnt": "-12"})").errcnt(), -12);
  EXPECT_EQ(Parsed<pb::CheckTaskRequest>(R"({"errCnt": 1e3})").errcnt(), 1000);
  EXPECT_EQ(
      Parsed<pb::OperateValidationErrorRequest>(R"({"errId": "18446744073709551615"})").errid(),
      UINT64_MAX);
  for (const char* value : {"1.5", "\"x\"", "\"\"", "true", "[]", "9223372036854775808"}) {
    EXPECT_THAT(Refusal<pb::CheckTaskRequest>(fmt::format(R"({{"errCnt": {}}})", value)),
                ::testing::HasSubstr("errCnt"))
        << value;
  }
}

TEST(ParseJson, EmptyTextNamesNothing) {
  EXPECT_EQ(Parsed<pb::OperateTaskRequest>("").op(), 0);
  EXPECT_EQ(Parsed<pb::OperateTaskRequest>(" \n").op(), 0);
}

TEST(ParseJson, Refusals) {
  using Request = pb::OperateTaskRequest;
  EXPECT_EQ(Refusal<Request>(R"({"op": "Nonsense"})"),
            "unknown value \"Nonsense\" for enum pb.TaskOp");
  EXPECT_EQ(Refusal<Request>("{nonsense"),
            "invalid character 'n' looking for beginning of object key string");
  EXPECT_EQ(Refusal<Request>(R"({"name": nonsense})"),
            "invalid character 'n' looking for beginning of value");
  EXPECT_EQ(Refusal<Request>(R"({"name": "x")"), "unexpected EOF");
  EXPECT_EQ(Refusal<Request>("{"), "unexpected EOF");
  EXPECT_THAT(Refusal<Request>("[]"), ::testing::HasSubstr("is no object"));
  EXPECT_EQ(Refusal<Request>(R"({"name": [{"a": 5}]})"), "field name: a list is no string");
  for (const size_t levels : {101u, 1'000'000u}) {
    const std::string deep = std::string(levels, '[') + std::string(levels, ']');
    EXPECT_EQ(Refusal<Request>(R"({"name": )" + deep + "}"), "nested deeper than 100 levels");
    EXPECT_EQ(Refusal<Request>(R"({"unknown": )" + deep + "}"), "nested deeper than 100 levels");
  }
  EXPECT_LT(Refusal<Request>(R"({"sources": ")" + std::string(100'000, 'a') + R"("})").size(),
            200u);
  EXPECT_THAT(Refusal<Request>(R"({"name": 5})"), ::testing::HasSubstr("is no string"));
  EXPECT_THAT(Refusal<Request>(R"({"sources": "a"})"), ::testing::HasSubstr("is no list"));
  EXPECT_THAT(Refusal<pb::StartTaskRequest>(R"({"removeMeta": "true"})"),
              ::testing::HasSubstr("neither true nor false"));
}

TEST(SetFieldFromUrl, AllKinds) {
  pb::ListMemberRequest members;
  EXPECT_TRUE(SetFieldFromUrl(&members, "leader", {"1"}));
  EXPECT_TRUE(SetFieldFromUrl(&members, "names", {"a", "b"}));
  EXPECT_FALSE(SetFieldFromUrl(&members, "nonsense", {"a"}));
  EXPECT_TRUE(members.leader());
  EXPECT_EQ(members.names_size(), 2);
  EXPECT_THROW(SetFieldFromUrl(&members, "leader", {"yes"}), Error);
  pb::OperateLeaderRequest leader;
  SetFieldFromUrl(&leader, "op", {"2"});
  EXPECT_EQ(leader.op(), pb::CancelEvictLeaderOp);
  SetFieldFromUrl(&leader, "op", {"EvictLeaderOp"});
  EXPECT_EQ(leader.op(), pb::EvictLeaderOp);
  try {
    SetFieldFromUrl(&leader, "op", {"9"});
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.message(), "type mismatch, parameter: op, error: 9 is not valid");
  }
}

TEST(DecodeUrl, Escapes) {
  EXPECT_EQ(DecodeUrl("a%20b%2Fc+d", false), "a b/c+d");
  EXPECT_EQ(DecodeUrl("a+b", true), "a b");
  EXPECT_EQ(DecodeUrl("%e4%B8%ad", true), "\u4e2d");
  for (const char* broken : {"%", "%4", "%zz", "a%2"}) {
    EXPECT_THROW(DecodeUrl(broken, true), Error) << broken;
  }
}

}  // namespace
}  // namespace dm::cluster
