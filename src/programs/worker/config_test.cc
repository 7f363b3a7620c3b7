#include "programs/worker/config.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/error/error.h"

namespace dm::worker {
namespace {

class WorkerConfigTest : public testing::Test {
 protected:
  std::string File(const std::string& text) {
    char name[] = "/tmp/dm-worker-config-XXXXXX";
    const int fd = ::mkstemp(name);
    ::close(fd);
    path_ = name;
    std::ofstream(path_) << text;
    return path_;
  }
  void TearDown() override {
    if (!path_.empty()) std::filesystem::remove(path_);
  }
  static Error FailureOf(const std::vector<std::string>& arguments) {
    try {
      (void)ParseCommandLine(arguments);
    } catch (const Error& e) {
      return e;
    }
    return Error(ErrorCode::kNotSet, "no failure");
  }

 private:
  std::string path_;
};

TEST_F(WorkerConfigTest, FlagsWinOverTheFileAndDefaultsFillTheRest) {
  const std::string file = File(R"(
log-level = "debug"
worker-addr = "127.0.0.1:8262"
join = "127.0.0.1:8261,https://127.0.0.1:8361"
keepalive-ttl = 10
)");
  const Config config =
      ParseCommandLine({"-config", file, "-name=w1", "--keepalive-ttl", "7"}).config;
  EXPECT_EQ(config.name, "w1");
  EXPECT_EQ(config.log_level, "debug");
  EXPECT_EQ(config.advertise_addr, "127.0.0.1:8262");
  EXPECT_EQ(config.join, "http://127.0.0.1:8261,http://127.0.0.1:8361");
  EXPECT_EQ(config.JoinEndpoints(), (std::vector<std::string>{"127.0.0.1:8261", "127.0.0.1:8361"}));
  EXPECT_EQ(config.keepalive_ttl, 7);
  EXPECT_EQ(config.relay_keepalive_ttl, 1800);
}

TEST_F(WorkerConfigTest, TheNameDefaultsToTheAdvertisedAddress) {
  const Config config =
      ParseCommandLine({"-worker-addr", ":8262", "-advertise-addr", "10.0.0.1:8262"}).config;
  EXPECT_EQ(config.name, "10.0.0.1:8262");
}

TEST_F(WorkerConfigTest, RefusesWhatItCannotUse) {
  EXPECT_EQ(FailureOf({"-nonsense"}).code(), 40001);
  EXPECT_EQ(FailureOf({"-worker-addr", "127.0.0.1:1", "extra"}).code(), 40002);
  EXPECT_NE(
      FailureOf({"-worker-addr", "127.0.0.1:1", "extra"}).message().find("is an invalid flag"),
      std::string::npos);
  EXPECT_EQ(FailureOf({"-config", File("a = [")}).code(), 40003);
  const Error unknown = FailureOf({"-config", File("worker-addr = ':1'\n\nwroker = 1\n")});
  EXPECT_EQ(unknown.code(), 40004);
  EXPECT_NE(unknown.message().find("wroker (line 3)"), std::string::npos) << unknown.message();
  EXPECT_EQ(FailureOf({"-worker-addr", ":8262"}).code(), 40069);
  EXPECT_EQ(FailureOf({"-worker-addr", "nonsense"}).code(), 40069);
  EXPECT_EQ(FailureOf({"-worker-addr", "127.0.0.1:1", "-ssl-ca", "/nonexistent/ca.pem"}).code(),
            40076);
  EXPECT_EQ(FailureOf({"-config", File("ssl-key-bytes = ['a']")}).code(), 40003);
}

TEST_F(WorkerConfigTest, TheSampleAndThePrintedFileAreValid) {
  EXPECT_EQ(ParseCommandLine({"-config", File(SampleConfig())}).config.log_file, "dm-worker.log");
  const Config config = ParseCommandLine({"-worker-addr", "127.0.0.1:1", "-name", "a\"b"}).config;
  Config again = ParseCommandLine({"-config", File(config.ToToml())}).config;
  again.config_file.clear();  // where it was read from, not a setting
  EXPECT_EQ(again.name, "a\"b");
  EXPECT_EQ(again.ToToml(), config.ToToml());
}

}  // namespace
}  // namespace dm::worker
