#include "migration/storage/local_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/error/error.h"

namespace dm::migration {
namespace {

class LocalDirectoryTest : public ::testing::Test {
 protected:
  void TearDown() override { directory_.RemoveAll(); }
  const LocalDirectory directory_{
      (std::filesystem::temp_directory_path() / fmt::format("storage_test.{}", ::getpid()) / "a")
          .string()};
};

TEST_F(LocalDirectoryTest, MissingIsEmpty) {
  EXPECT_FALSE(directory_.Exists());
  EXPECT_TRUE(directory_.List().empty());
  EXPECT_FALSE(directory_.Read("x").has_value());
  directory_.RemoveAll();
  directory_.Remove("x");
}

TEST_F(LocalDirectoryTest, WritesListsAndRemoves) {
  directory_.Create();
  FileWriter file = directory_.OpenForWrite("b.sql");
  std::string buffer = "abc";
  file.Write(buffer);
  EXPECT_TRUE(buffer.empty());
  buffer = "de";
  file.Write(buffer);
  file.Close();
  EXPECT_EQ(file.size(), 5u);
  directory_.WriteDurable("a", "content");
  std::filesystem::create_directory(directory_.FullPath("sub"));
  std::ofstream(directory_.FullPath("sub/c.sql")) << "x";
  EXPECT_THAT(directory_.List(), ::testing::ElementsAre(StoredFile{"a", 7}, StoredFile{"b.sql", 5},
                                                        StoredFile{"sub/c.sql", 1}));
  directory_.Sync({"b.sql"});
  EXPECT_EQ(*directory_.Read("b.sql"), "abcde");
  EXPECT_EQ(MappedFile(directory_.FullPath("b.sql")).content(), "abcde");
  const std::string large(100'000, 'x');
  directory_.WriteDurable("a", large);
  const MappedFile left(directory_.FullPath("a"));
  left.Leave(50'000);
  EXPECT_EQ(left.content(), large) << "what was left is there again when it is looked at";
  left.Leave(1 << 20);
  EXPECT_EQ(left.content(), large);
  directory_.WriteDurable("a", "");
  EXPECT_EQ(MappedFile(directory_.FullPath("a")).content(), "");
  directory_.Remove("a");
  EXPECT_EQ(directory_.List().size(), 2u);
  directory_.RemoveAll();
  EXPECT_FALSE(directory_.Exists());
}

TEST_F(LocalDirectoryTest, NamesThePathOfAFailure) {
  try {
    directory_.OpenForWrite("x");
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), 32001);
    EXPECT_THAT(e.raw_cause(), ::testing::HasSubstr(directory_.FullPath("x")));
  }
  EXPECT_THROW(MappedFile("/nonexistent/x"), Error);
}

TEST_F(LocalDirectoryTest, FreeBytesOfWhatIsNotThereYet) {
  const std::string deep = directory_.path() + "/b/c";
  const uint64_t before = FreeBytesFor(deep);
  EXPECT_GT(before, 0u);
  EXPECT_FALSE(directory_.Exists());
  EXPECT_GT(FreeBytesFor("relative/to/the/process"), 0u);
  EXPECT_GT(FreeBytesFor("/nonexistent-root/x"), 0u);
}

TEST_F(LocalDirectoryTest, RemoveFilesKeepsWhatIsInside) {
  directory_.Create();
  std::filesystem::create_directory(directory_.FullPath("c"));
  std::ofstream(directory_.FullPath("c/of-task-a-c.sql")) << "x";
  std::ofstream(directory_.FullPath("own.sql")) << "x";
  EXPECT_THAT(directory_.ListTop(), ::testing::ElementsAre(StoredFile{"own.sql", 1}));
  directory_.RemoveFiles();
  EXPECT_THAT(directory_.List(), ::testing::ElementsAre(StoredFile{"c/of-task-a-c.sql", 1}));
  directory_.Remove("c/of-task-a-c.sql");
  std::filesystem::remove(directory_.FullPath("c"));
  directory_.RemoveFiles();
  EXPECT_FALSE(directory_.Exists());
  directory_.RemoveFiles();
}

TEST_F(LocalDirectoryTest, SyncEndsWhenItIsStopped) {
  directory_.Create();
  std::vector<std::string> names;
  for (int i = 0; i < 20; ++i) {
    names.push_back(std::to_string(i));
    std::ofstream(directory_.FullPath(names.back())) << "x";
  }
  directory_.Sync(names);
  StopSource stopped;
  stopped.request_stop();
  EXPECT_THROW(directory_.Sync(names, stopped.get_token()), Cancelled);
  names.push_back("missing");
  EXPECT_THROW(directory_.Sync(names), Error);
}

TEST_F(LocalDirectoryTest, LockHasOneHolder) {
  {
    const DirectoryLock lock(directory_, Milliseconds(0), {});
    EXPECT_TRUE(directory_.Exists());
    try {
      const DirectoryLock second(directory_, Milliseconds(0), {});
      ADD_FAILURE();
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), 32001);
      EXPECT_THAT(e.raw_cause(), ::testing::HasSubstr(directory_.path()));
      EXPECT_THAT(e.raw_cause(), ::testing::HasSubstr(fmt::format("process {}", ::getpid())));
    }
  }
  directory_.RemoveFiles();
  const DirectoryLock again(directory_, Milliseconds(0), {});
  // A directory that was removed and made anew is another one.
  directory_.RemoveAll();
  const DirectoryLock other(directory_, Milliseconds(0), {});
}

}  // namespace
}  // namespace dm::migration
