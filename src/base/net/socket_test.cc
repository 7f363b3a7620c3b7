#include "base/net/socket.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <stdexcept>
#include <thread>

#include "base/error/error.h"
#include "base/error/system_error.h"
#include "base/io/file.h"
#include "base/net/address.h"

namespace dm {
namespace {

using ::testing::HasSubstr;

constexpr Milliseconds kLimit(10'000);

TEST(AddressTest, Split) {
  EXPECT_EQ(SplitHostPort("127.0.0.1:8261"), (HostPort{"127.0.0.1", "8261"}));
  EXPECT_EQ(SplitHostPort(":8261"), (HostPort{"", "8261"}));
  EXPECT_EQ(SplitHostPort("[::1]:80"), (HostPort{"::1", "80"}));
  EXPECT_EQ(SplitHostPort("h:80").PortNumber(), 80);
  EXPECT_THROW((void)SplitHostPort("h:99999").PortNumber(), std::invalid_argument);
  auto fault = [](const char* text) -> std::string {
    try {
      (void)SplitHostPort(text);
    } catch (const std::invalid_argument& e) {
      return e.what();
    }
    return "";
  };
  EXPECT_EQ(fault("xyz"), "address xyz: missing port in address");
  EXPECT_EQ(fault("a:b:c"), "address a:b:c: too many colons in address");
  EXPECT_EQ(fault("[::1]"), "address [::1]: missing port in address");
  EXPECT_EQ(fault("[::1:80"), "address [::1:80: missing ']' in address");
  EXPECT_EQ(fault(""), "address : missing port in address");
}

TEST(AddressTest, JoinAndSchemes) {
  EXPECT_EQ(JoinHostPort("::1", 80), "[::1]:80");
  EXPECT_EQ(JoinHostPort("h", "80"), "h:80");
  EXPECT_EQ(StripScheme("https://h:1"), "h:1");
  EXPECT_EQ(StripScheme("h:1"), "h:1");
  EXPECT_EQ(WithScheme("h:1,http://i:2,,https://j:3", "https"),
            "https://h:1,https://i:2,,https://j:3");
}

std::string ReadAll(int fd) {
  std::string data;
  char buffer[1024];
  while (size_t got = ReadSome(fd, buffer, kLimit, {})) data.append(buffer, got);
  return data;
}

TEST(SocketTest, TcpRoundTrip) {
  FileDescriptor listener = ListenTcp("127.0.0.1:0");
  std::string address = JoinHostPort("127.0.0.1", LocalPort(listener.get()));
  std::string sent(1 << 20, 'x');  // more than the socket buffers hold
  std::jthread client([&] {
    FileDescriptor fd = ConnectTcp(address, kLimit, {});
    WriteAll(fd.get(), sent, kLimit, {});
  });
  FileDescriptor fd = Accept(listener.get(), {});
  EXPECT_EQ(ReadAll(fd.get()), sent);
  EXPECT_TRUE(IsReachable(address, kLimit, {}));
}

TEST(SocketTest, UnixRoundTripReplacesAnOldSocket) {
  TemporaryDirectory directory;
  std::string path = JoinPath(directory.path(), "s");
  { FileDescriptor old = ListenUnix(path); }
  FileDescriptor listener = ListenUnix(path);
  FileDescriptor client = ConnectUnix(path, kLimit, {});
  FileDescriptor server = Accept(listener.get(), {});
  WriteAll(client.get(), "hello", kLimit, {});
  client.Close();
  EXPECT_EQ(ReadAll(server.get()), "hello");
}

TEST(SocketTest, RefusedConnection) {
  std::string address;
  {
    FileDescriptor listener = ListenTcp("127.0.0.1:0");
    address = JoinHostPort("127.0.0.1", LocalPort(listener.get()));
  }
  try {
    (void)ConnectTcp(address, kLimit, {});
    FAIL();
  } catch (const SystemError& e) {
    EXPECT_EQ(e.number(), ECONNREFUSED);
    EXPECT_EQ(std::string(e.what()), "dial tcp " + address + ": connect: connection refused");
  }
  EXPECT_FALSE(IsReachable(address, kLimit, {}));
}

TEST(SocketTest, AddressInUse) {
  FileDescriptor listener = ListenTcp("127.0.0.1:0");
  std::string address = JoinHostPort("127.0.0.1", LocalPort(listener.get()));
  try {
    (void)ListenTcp(address);
    FAIL();
  } catch (const SystemError& e) {
    EXPECT_EQ(std::string(e.what()), "listen tcp " + address + ": bind: address already in use");
  }
}

TEST(SocketTest, WaitsEndByTimeAndByStop) {
  FileDescriptor listener = ListenTcp("127.0.0.1:0");
  std::string address = JoinHostPort("127.0.0.1", LocalPort(listener.get()));
  FileDescriptor client = ConnectTcp(address, kLimit, {});
  try {
    WaitReadable(client.get(), Milliseconds(10), {});
    FAIL();
  } catch (const SystemError& e) {
    EXPECT_EQ(e.number(), ETIMEDOUT);
  }
  StopSource stop;
  int cancelled = 0;
  {
    std::jthread waiter([&] {
      char buffer[1];
      try {
        (void)ReadSome(client.get(), buffer, kNoTimeout, stop.get_token());
      } catch (const Cancelled&) {
        ++cancelled;
      }
    });
    stop.request_stop();
  }
  EXPECT_EQ(cancelled, 1);
  EXPECT_THROW((void)Accept(listener.get(), stop.get_token()), Cancelled);
}

TEST(SocketTest, UnixPathTooLong) {
  EXPECT_THROW((void)ListenUnix("/tmp/" + std::string(200, 'x')), SystemError);
}

}  // namespace
}  // namespace dm
