#include "mysql/binlog/packet_stream.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "base/error/error.h"

namespace dm::mysql {
namespace {

// What a server has sent, handed out in pieces of random sizes up to `most`.
class Sent {
 public:
  explicit Sent(size_t most) : most_(most) {}

  void Packet(std::string_view content) {
    for (;;) {
      const size_t size = std::min<size_t>(content.size(), 0xFFFFFF);
      for (int i = 0; i < 3; ++i) bytes_.push_back(static_cast<char>(size >> (8 * i)));
      bytes_.push_back(static_cast<char>(number_++));
      bytes_.append(content.substr(0, size));
      content.remove_prefix(size);
      if (size < 0xFFFFFF) return;
    }
  }
  void Number(uint8_t number) { number_ = number; }
  void Raw(std::string_view bytes) { bytes_.append(bytes); }

  PacketStream Stream() {
    return {[this](std::span<uint8_t> into, const StopToken&) {
              if (at_ == bytes_.size()) throw Error(ErrorCode::kDBInvalidConn, "no more");
              const size_t most = std::uniform_int_distribution<size_t>(1, most_)(random_);
              const size_t size = std::min({into.size(), bytes_.size() - at_, most});
              EXPECT_FALSE(into.empty());
              std::memcpy(into.data(), bytes_.data() + at_, size);
              at_ += size;
              return size;
            },
            1};
  }

 private:
  size_t most_;
  std::string bytes_;
  size_t at_ = 0;
  uint8_t number_ = 1;
  std::minstd_rand random_{1};
};

std::string TextOf(const PacketStream::Packet& packet) {
  return {reinterpret_cast<const char*>(packet.bytes.data()), packet.bytes.size()};
}

std::string Content(size_t size, size_t seed) {
  std::string text(size, '\0');
  for (size_t i = 0; i < size; ++i) text[i] = static_cast<char>(seed * 31 + i * 7 + i / 251);
  return text;
}

int CodeOfNext(PacketStream& stream) {
  try {
    stream.Next({});
  } catch (const Error& e) {
    return e.code();
  }
  return 0;
}

TEST(PacketStream, PacketsOfEverySizeInPiecesOfEverySize) {
  for (const size_t most : {size_t{1}, size_t{7}, size_t{1000}, size_t{1} << 20}) {
    Sent sent(most);
    std::vector<std::string> contents;
    for (size_t i = 0; i < 600; ++i) {
      const size_t size = i % 50 == 49 ? 10'000 + i * 150 : i * 13 % 900;
      contents.push_back(Content(size, i));
      sent.Packet(contents.back());
    }
    PacketStream stream = sent.Stream();
    // All are kept: none is written over by what comes later.
    std::vector<PacketStream::Packet> packets;
    for (size_t i = 0; i < contents.size(); ++i) packets.push_back(stream.Next({}));
    for (size_t i = 0; i < contents.size(); ++i) {
      ASSERT_EQ(TextOf(packets[i]), contents[i]) << i << ", pieces of up to " << most;
    }
    EXPECT_EQ(CodeOfNext(stream), 10003);
  }
}

TEST(PacketStream, AroundTheSizeThatGoesOnInTheNextPacket) {
  for (const size_t size : {0xFFFFFFu - 1, 0xFFFFFFu, 0xFFFFFFu + 1, 2 * 0xFFFFFFu + 5}) {
    Sent sent(100'000);
    const std::string content = Content(size, size);
    sent.Packet("before");
    sent.Packet(content);
    sent.Packet("behind");
    PacketStream stream = sent.Stream();
    EXPECT_EQ(TextOf(stream.Next({})), "before");
    EXPECT_TRUE(TextOf(stream.Next({})) == content) << size;
    EXPECT_EQ(TextOf(stream.Next({})), "behind");
  }
}

TEST(PacketStream, MemoryIsReleasedWithThePackets) {
  Sent sent(1 << 20);
  for (size_t i = 0; i < 2000; ++i) sent.Packet(Content(300, i));
  const std::string large = Content(100'000, 1);
  sent.Packet(large);
  sent.Packet("behind");
  PacketStream stream = sent.Stream();
  std::weak_ptr<const void> first = stream.Next({}).owner;
  for (size_t i = 1; i < 2000; ++i) stream.Next({});
  EXPECT_TRUE(first.expired());
  const PacketStream::Packet alone = stream.Next({});
  const PacketStream::Packet behind = stream.Next({});
  EXPECT_EQ(TextOf(alone), large);
  EXPECT_EQ(TextOf(behind), "behind");
  // Who keeps the small one does not keep the large one.
  EXPECT_NE(alone.owner, behind.owner);
}

TEST(PacketStream, ANumberOutOfOrderEndsTheConnection) {
  Sent sent(100);
  sent.Packet("one");
  sent.Number(3);
  sent.Packet("three");
  PacketStream stream = sent.Stream();
  EXPECT_EQ(TextOf(stream.Next({})), "one");
  EXPECT_EQ(CodeOfNext(stream), 10003);
}

TEST(PacketStream, EndsAtAStop) {
  Sent sent(100);
  sent.Packet("one");
  PacketStream stream = sent.Stream();
  StopSource stop;
  stop.request_stop();
  EXPECT_THROW(stream.Next(stop.get_token()), Cancelled);
}

}  // namespace
}  // namespace dm::mysql
