#include "base/io/file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/error/system_error.h"

namespace dm {
namespace {

using ::testing::ElementsAre;

class FileTest : public ::testing::Test {
 protected:
  std::string At(std::string_view name) const { return JoinPath(directory_.path(), name); }
  TemporaryDirectory directory_;
};

TEST_F(FileTest, ReadsWhatWasWritten) {
  std::string data(200'000, 'x');
  data += '\0';
  WriteFile(At("a"), data);
  EXPECT_EQ(ReadFile(At("a")), data);
  EXPECT_EQ(FileSize(At("a")), data.size());
  WriteFile(At("a"), "");
  EXPECT_EQ(ReadFile(At("a")), "");
}

TEST_F(FileTest, DurableWriteReplacesAndLeavesNothingBehind) {
  WriteFile(At("a"), "old");
  WriteFileDurably(At("a"), "new", 0600);
  EXPECT_EQ(ReadFile(At("a")), "new");
  EXPECT_THAT(ListDirectory(directory_.path()), ElementsAre("a"));
  struct stat info {};
  ASSERT_EQ(::stat(At("a").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
  // What others could read is secret from now on, too.
  WriteFile(At("b"), "old", 0644);
  WriteFile(At("b"), "secret", 0600);
  ASSERT_EQ(stat(At("b").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
}

TEST_F(FileTest, FaultsNameOperationAndPath) {
  try {
    (void)ReadFile(At("none"));
    FAIL();
  } catch (const SystemError& e) {
    EXPECT_EQ(e.number(), ENOENT);
    EXPECT_EQ(std::string(e.what()), "open " + At("none") + ": no such file or directory");
  }
  EXPECT_THROW(WriteFile(At("no/dir"), "x"), SystemError);
  EXPECT_THROW((void)ListDirectory(At("none")), SystemError);
  EXPECT_THROW((void)FileSize(At("none")), SystemError);
}

TEST_F(FileTest, Directories) {
  MakeDirectories(At("a/b/c"));
  MakeDirectories(At("a/b/c"));
  EXPECT_TRUE(IsDirectory(At("a/b/c")));
  WriteFile(At("a/f"), "");
  EXPECT_THROW(MakeDirectories(At("a/f")), SystemError);
  EXPECT_THAT(ListDirectory(At("a")), ElementsAre("b", "f"));
  RemoveTree(At("a"));
  RemoveTree(At("a"));
  EXPECT_FALSE(FileExists(At("a")));
  RemoveFile(At("none"));
}

TEST_F(FileTest, RenameDurably) {
  WriteFile(At("a"), "1");
  RenameDurably(At("a"), At("b"));
  EXPECT_THAT(ListDirectory(directory_.path()), ElementsAre("b"));
}

TEST_F(FileTest, LockIsExclusiveUntilItsEnd) {
  {
    LockFile first(At("lock"));
    try {
      LockFile second(At("lock"));
      FAIL();
    } catch (const SystemError& e) {
      EXPECT_EQ(e.number(), EWOULDBLOCK);
    }
    EXPECT_EQ(ReadFile(At("lock")), std::to_string(::getpid()) + "\n");
  }
  LockFile again(At("lock"));
}

TEST(PathTest, Parts) {
  EXPECT_EQ(JoinPath("a/", "b"), "a/b");
  EXPECT_EQ(JoinPath("/", "b"), "/b");
  EXPECT_EQ(JoinPath("", "b"), "b");
  EXPECT_EQ(JoinPath("a", "/b"), "/b");
  EXPECT_EQ(BaseName("a/b/c.log"), "c.log");
  EXPECT_EQ(BaseName("a/b/"), "b");
  EXPECT_EQ(BaseName("/"), "/");
  EXPECT_EQ(DirectoryName("a/b"), "a");
  EXPECT_EQ(DirectoryName("b"), ".");
  EXPECT_EQ(DirectoryName("/b"), "/");
  EXPECT_EQ(DirectoryName("a/b/"), "a");
}

}  // namespace
}  // namespace dm
