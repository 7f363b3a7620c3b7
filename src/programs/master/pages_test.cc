#include "programs/master/pages.h"

#include <gtest/gtest.h>

namespace dm::master {
namespace {

cluster::HttpResponse Get(const std::string& target, bool openapi = true) {
  return AnswerPage({"GET", target, "", ""}, "unix:/nowhere", openapi);
}

TEST(Pages, StatusIsTheVersion) {
  EXPECT_EQ(Get("/status").status, 200);
  EXPECT_EQ(Get("/status").body.find("Release Version: "), 0u);
}

TEST(Pages, WhatIsNotThereSaysSo) {
  EXPECT_EQ(Get("/").status, 404);
  EXPECT_EQ(Get("/nonsense").body, "404 page not found\n");
  EXPECT_EQ(Get("/api/v1/tasks?x=1").status, 501);
  EXPECT_NE(Get("/api/v1/tasks").body.find("\"error_code\":49003"), std::string::npos);
}

TEST(Pages, TheOpenApiIsThereOnlyIfItIsSwitchedOn) {
  EXPECT_EQ(Get("/api/v1/tasks", /*openapi=*/false).status, 404);
  EXPECT_EQ(Get("/api/v1/tasks", /*openapi=*/false).body, "404 page not found\n");
}

TEST(Pages, MetricsWorkWithoutEtcd) {
  EXPECT_EQ(Get("/metrics").status, 200);
  EXPECT_EQ(Get("/health").status, 503);
}

TEST(Pages, EachFamilyIsShownOnce) {
  EXPECT_EQ(WithoutProcessFamilies("# HELP process_x h\n# TYPE process_x gauge\nprocess_x 1\n"
                                   "# HELP etcd_y h\netcd_y{a=\"go_\"} 2\ngo_threads 3\n"
                                   "promhttp_z 4\n"),
            "# HELP etcd_y h\netcd_y{a=\"go_\"} 2\n");
}

}  // namespace
}  // namespace dm::master
