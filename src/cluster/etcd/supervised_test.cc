#include "cluster/etcd/supervised.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/error/error.h"

namespace dm::cluster {
namespace {

namespace fs = std::filesystem;

class SupervisedEtcdTest : public ::testing::Test {
 protected:
  SupervisedEtcdTest() {
    char path[] = "/tmp/dm-supervised-XXXXXX";
    directory_ = mkdtemp(path);
    config_.name = "m";
    config_.data_dir = directory_;
    config_.mark_of_use = "/dm-master/leader";
    config_.binary = "/bin/false";  // ends at once: shows that it was reached
  }
  ~SupervisedEtcdTest() override { fs::remove_all(directory_); }

  void Write(const std::string& path, const std::string& content) {
    fs::create_directories(fs::path(directory_ + "/" + path).parent_path());
    std::ofstream(directory_ + "/" + path) << content;
  }
  // What the start says.
  std::string Failure() {
    try {
      SupervisedEtcd etcd(config_, StopToken());
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), 38038);
      return e.ToString();
    }
    return "";
  }

  std::string directory_;
  EtcdServerConfig config_;
};

TEST_F(SupervisedEtcdTest, ADatabaseWithoutItsLogIsRefused) {
  // The mark lies across the border of what is read at once.
  Write("member/snap/db",
        std::string((1 << 20) - 5, 'x') + "/dm-master/leader/694d" + std::string(100, 'y'));
  for (const char* more : {"", "member/wal/0.tmp"}) {
    if (*more != '\0') Write(more, "");
    const std::string text = Failure();
    EXPECT_NE(text.find("member/wal"), std::string::npos) << text;
    EXPECT_NE(text.find("config import"), std::string::npos) << text;
    EXPECT_NE(text.find("offline-member"), std::string::npos) << text;
  }
  EXPECT_FALSE(fs::exists(directory_ + "/run/pid"));  // nothing was started
}

TEST_F(SupervisedEtcdTest, OtherDirectoriesAreEtcds) {
  EXPECT_NE(Failure().find("etcd ended"), std::string::npos);  // empty
  Write("member/snap/db", "the remains of an interrupted first start");
  EXPECT_NE(Failure().find("etcd ended"), std::string::npos);
  Write("member/snap/db", "/dm-master/leader/1");
  Write("member/wal/0000000000000000-0000000000000000.wal", "");
  EXPECT_NE(Failure().find("etcd ended"), std::string::npos);
}

TEST_F(SupervisedEtcdTest, PassesTheTimingOfRaft) {
  Write("note", "#!/bin/sh\necho \"$*\" > " + directory_ + "/arguments\n");
  fs::permissions(directory_ + "/note", fs::perms::owner_all);
  config_.binary = directory_ + "/note";
  config_.heartbeat = Milliseconds(50);
  config_.election_timeout = Milliseconds(300);
  Failure();
  std::ifstream file(directory_ + "/arguments");
  const std::string arguments((std::istreambuf_iterator<char>(file)), {});
  EXPECT_NE(arguments.find(" --heartbeat-interval 50 --election-timeout 300 "), std::string::npos)
      << arguments;
}

// Lines of a child that are JSON but not what is expected of them.
TEST_F(SupervisedEtcdTest, AnyLogLineIsForwarded) {
  Write("talk",
        "#!/bin/sh\n"
        "echo '{\"level\":3,\"msg\":[1],\"error\":{}}' >&2\n"
        "echo '{\"msg\":null}' >&2\necho '[]' >&2\necho plain >&2\n"
        "echo '{\"level\":\"fatal\",\"msg\":\"why it ended\",\"error\":7}' >&2\n");
  fs::permissions(directory_ + "/talk", fs::perms::owner_all);
  config_.binary = directory_ + "/talk";
  EXPECT_NE(Failure().find("why it ended"), std::string::npos);
}

}  // namespace
}  // namespace dm::cluster
