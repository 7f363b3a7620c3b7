#include "base/failpoint/failpoint.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <thread>

#include "base/error/error.h"
#include "base/io/file.h"

namespace dm {
namespace {

class FailpointTest : public ::testing::Test {
 protected:
  ~FailpointTest() override { failpoint_internal::Configure(""); }
};

TEST_F(FailpointTest, UnsetPointsDoNothing) {
  DM_FAILPOINT("test/none");
  EXPECT_FALSE(DM_FAILPOINT_HIT("test/none"));
  failpoint_internal::Configure("test/other=return");
  EXPECT_FALSE(DM_FAILPOINT_HIT("test/none"));
}

TEST_F(FailpointTest, Return) {
  failpoint_internal::Configure("test/a=return;test/b=2*return");
  EXPECT_TRUE(DM_FAILPOINT_HIT("test/a"));
  EXPECT_TRUE(DM_FAILPOINT_HIT("test/a"));
  EXPECT_FALSE(DM_FAILPOINT_HIT("test/b"));
  EXPECT_TRUE(DM_FAILPOINT_HIT("test/b"));
  EXPECT_FALSE(DM_FAILPOINT_HIT("test/b"));
}

TEST_F(FailpointTest, Error) {
  failpoint_internal::Configure("test/a=error(injected text)");
  try {
    DM_FAILPOINT("test/a");
    FAIL();
  } catch (const dm::Error& e) {
    EXPECT_EQ(e.code(), 36063);
    EXPECT_EQ(e.message(), "injected text");
  }
}

TEST_F(FailpointTest, PauseUntilTheFileExists) {
  TemporaryDirectory directory;
  std::string path = JoinPath(directory.path(), "go");
  failpoint_internal::Configure("test/a=pause(" + path + ")");
  {
    std::jthread paused([] { DM_FAILPOINT("test/a"); });
    WriteFile(path, "");
  }
  DM_FAILPOINT("test/a");  // passes at once: the file is there
}

TEST_F(FailpointTest, SetAsLongAsItMayAct) {
  EXPECT_FALSE(DM_FAILPOINT_SET("test/a"));
  failpoint_internal::Configure("test/a=2*return");
  EXPECT_TRUE(DM_FAILPOINT_SET("test/a"));
  EXPECT_FALSE(DM_FAILPOINT_HIT("test/a"));
  EXPECT_TRUE(DM_FAILPOINT_SET("test/a"));
  EXPECT_TRUE(DM_FAILPOINT_HIT("test/a"));
  EXPECT_FALSE(DM_FAILPOINT_SET("test/a"));
}

// Reads the environment at its first use: in a process of its own.
TEST_F(FailpointTest, PointsOfAFileThatChanges) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        TemporaryDirectory directory;
        const std::string path = JoinPath(directory.path(), "points");
        failpoint_internal::ConfigureByEnvironment("@" + path);
        bool right = !DM_FAILPOINT_HIT("test/a");  // no file
        WriteFile(path, "test/a=2*return\n");
        right = right && !DM_FAILPOINT_HIT("test/a") && DM_FAILPOINT_HIT("test/a") &&
                !DM_FAILPOINT_HIT("test/a");
        WriteFile(path, "test/a=return;test/b=kill");
        right = right && DM_FAILPOINT_HIT("test/a");
        if (right) DM_FAILPOINT("test/b");
      },
      ::testing::KilledBySignal(SIGKILL), "killed at the fail point test/b");
}

TEST_F(FailpointTest, KillEndsTheProcess) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        failpoint_internal::Configure("test/a=2*kill");
        DM_FAILPOINT("test/a");
        DM_FAILPOINT("test/a");
      },
      ::testing::KilledBySignal(SIGKILL), "");
}

}  // namespace
}  // namespace dm
