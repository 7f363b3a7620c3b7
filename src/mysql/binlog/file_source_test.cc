#include "mysql/binlog/file_source.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>

#include "base/error/error.h"
#include "mysql/binlog/event_vectors.h"

namespace dm::mysql {
namespace {

class FileSource : public ::testing::Test {
 protected:
  void SetUp() override {
    path_ = ::testing::TempDir() + "/file_source_" + std::to_string(getpid());
    std::ofstream(path_, std::ios::binary) << std::string(
        "\xfe"
        "bin");
  }
  void TearDown() override { std::remove(path_.c_str()); }

  void Write(std::span<const uint8_t> bytes) {
    std::ofstream out(path_, std::ios::binary | std::ios::app);
    out.write(reinterpret_cast<const char*>(bytes.data()),
              static_cast<std::streamsize>(bytes.size()));
  }
  void Write(std::string_view hex) { Write(std::span<const uint8_t>(vectors::Bytes(hex))); }

  std::string path_;
};

TEST_F(FileSource, ReadsAFileThatGrows) {
  Write(vectors::kMySqlFormat);
  Write(vectors::kMySqlGtid);
  FileEventSource source(path_, 4);
  EXPECT_EQ(source.Next({}).type(), EventType::kFormatDescription);
  EXPECT_EQ(source.Next({}).type(), EventType::kGtid);
  EXPECT_THROW(source.Next({}), EndOfLog);
  // Half an event is no event yet.
  const auto xid = vectors::Bytes(vectors::kXid);
  Write(std::span(xid).first(20));
  EXPECT_THROW(source.Next({}), EndOfLog);
  Write(std::span(xid).subspan(20));
  EXPECT_EQ(source.Next({}).type(), EventType::kXid);
  EXPECT_EQ(source.offset(), 4u + 123 + 77 + 31);
}

TEST_F(FileSource, StartsInMidFileWithTheDescription) {
  Write(vectors::kMySqlFormat);
  Write(vectors::kMySqlGtid);
  Write(vectors::kXid);
  FileEventSource source(path_, 4 + 123 + 77);
  EXPECT_EQ(source.Next({}).type(), EventType::kFormatDescription);
  EXPECT_TRUE(source.format().has_checksum);
  EXPECT_EQ(source.Next({}).type(), EventType::kXid);
}

TEST_F(FileSource, CorruptionIsAnError) {
  Write(vectors::kMySqlFormat);
  auto xid = vectors::Bytes(vectors::kXid);
  xid[21] ^= 0x40;
  Write(std::span<const uint8_t>(xid));
  FileEventSource source(path_, 4);
  source.Next({});
  EXPECT_THROW(source.Next({}), Error);
  FileEventSource trusting(path_, 4, /*verify_checksum=*/false);
  trusting.Next({});
  EXPECT_EQ(trusting.Next({}).type(), EventType::kXid);
}

TEST_F(FileSource, OtherFilesAreRefused) {
  EXPECT_THROW(FileEventSource(path_ + ".missing", 4), Error);
  std::ofstream(path_, std::ios::binary) << "something else";
  EXPECT_THROW(FileEventSource(path_, 4), Error);
}

TEST_F(FileSource, AStopEndsReading) {
  Write(vectors::kMySqlFormat);
  FileEventSource source(path_, 4);
  StopSource stop;
  stop.request_stop();
  EXPECT_THROW(source.Next(stop.get_token()), Cancelled);
}

}  // namespace
}  // namespace dm::mysql
