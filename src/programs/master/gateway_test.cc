#include "programs/master/gateway.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dm::master {
namespace {

using ::testing::HasSubstr;

constexpr const char* kForm = "application/x-www-form-urlencoded";

// No dm-master listens there: what reaches it is answered with 503.
class GatewayTest : public ::testing::Test {
 protected:
  cluster::HttpResponse Ask(const std::string& method, const std::string& path,
                            const std::string& body = "", const std::string& type = "") {
    return gateway_.Answer({method, "/apis/v1alpha1/" + path, type, body});
  }

  Gateway gateway_{"127.0.0.1:1", TlsOptions(), StopToken()};
};

TEST_F(GatewayTest, OnlyTheListedPathsAndMethods) {
  for (const auto& [method, path] :
       std::vector<std::pair<std::string, std::string>>{{"GET", "nonsense"},
                                                        {"GET", ""},
                                                        {"GET", "status"},
                                                        {"GET", "status/a/b"},
                                                        {"GET", "status/a:b"},
                                                        {"DELETE", "members"},
                                                        {"POST", "sources"},
                                                        {"PATCH", "tasks/x"},
                                                        {"DELETE", "tasks"},
                                                        {"GET", "members/"},
                                                        {"DELETE", "members/worker"}}) {
    const cluster::HttpResponse answer = Ask(method, path);
    EXPECT_EQ(answer.status, 501) << method << " " << path;
    EXPECT_EQ(answer.body,
              "{\n  \"code\": 12,\n  \"message\": \"Not Implemented\",\n  \"details\": [\n  ]\n}");
  }
  EXPECT_EQ(gateway_.Answer({"GET", "/apis/v2/members", "", ""}).status, 501);
}

TEST_F(GatewayTest, WhatCannotBeRead) {
  EXPECT_THAT(Ask("PUT", "leader/9").body, HasSubstr("parameter: op, error: 9 is not valid"));
  for (const auto& [method, path, body] :
       std::vector<std::tuple<std::string, std::string, std::string>>{
           {"PUT", "leader/9", ""},
           {"PUT", "leader/nonsense", ""},
           {"PUT", "tasks/x", "{"},
           {"PUT", "tasks/x", "{\"op\": \"Nonsense\"}"},
           {"POST", "tasks", "[1]"},
           {"PUT", "tasks", "[1]"},
           {"GET", "members?leader=perhaps", ""},
           {"GET", "members?names=%4", ""},
           {"GET", "status/%zz", ""}}) {
    const cluster::HttpResponse answer = Ask(method, path, body);
    EXPECT_EQ(answer.status, 400) << method << " " << path;
    EXPECT_EQ(answer.content_type, "application/json");
    EXPECT_THAT(answer.body, HasSubstr("\"code\": 3,"));
  }
}

TEST_F(GatewayTest, ReadableRequestsAreSent) {
  for (const auto& [method, path, body] :
       std::vector<std::tuple<std::string, std::string, std::string>>{
           {"GET", "members?leader=true&names=a&names=b&nonsense=1", ""},
           {"GET", "status/?sources=a", ""},
           {"GET", "status/%E4%B8%AD", ""},
           {"PUT", "leader/EvictLeaderOp", ""},
           {"PUT", "leader/1", ""},
           {"PUT", "tasks/x", "{\"op\": 2}"},
           {"POST", "tasks", "{\"task\": \"x\", \"unknown\": {}}"},
           {"DELETE", "members/worker/w1", ""},
           {"GET", "tasks/x?type=TaskType", ""},
           {"PUT", "errors", ""}}) {
    const cluster::HttpResponse answer = Ask(method, path, body);
    EXPECT_EQ(answer.status, 503) << method << " " << path << answer.body;
    EXPECT_THAT(answer.body, HasSubstr("\"code\": 14,"));
  }
  // A form stands for a query where there is no other POST; where there is one, it is JSON.
  EXPECT_EQ(Ask("POST", "members", "leader=true", kForm).status, 503);
  EXPECT_EQ(Ask("POST", "members", "leader=perhaps", kForm).status, 400);
  EXPECT_EQ(Ask("POST", "members", "{}").status, 501);
  EXPECT_EQ(Ask("POST", "tasks", "{\"task\": \"x\"}", kForm).status, 503);
}

TEST_F(GatewayTest, AnEndingProcessGivesCallsUp) {
  StopSource stop;
  stop.request_stop();
  const Gateway ending("127.0.0.1:1", TlsOptions(), stop.get_token());
  EXPECT_THAT(ending.Answer({"GET", "/apis/v1alpha1/members", "", ""}).status,
              ::testing::AnyOf(408, 503));
}

}  // namespace
}  // namespace dm::master
