#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "base/net/identity_test.h"
#include "base/net/socket.h"
#include "base/net/tls.h"
#include "mysql/client/connection.h"

namespace dm::mysql {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr uint32_t kProtocol41 = 0x200, kSsl = 0x800, kSecure = 0x8000, kPluginAuth = 0x80000;
constexpr uint32_t kUsual = kProtocol41 | kSecure | kPluginAuth;
constexpr std::string_view kPassword = "pa55-that-nobody-may-see";

std::string Packet(int number, const std::string& payload) {
  const size_t size = payload.size();
  return std::string{static_cast<char>(size), static_cast<char>(size >> 8),
                     static_cast<char>(size >> 16), static_cast<char>(number)} +
         payload;
}

// The first packet of a server that can do `capabilities`.
std::string Greeting(uint32_t capabilities, const std::string& method) {
  std::string p(
      "\x0a"
      "8.0.99\0"
      "\1\0\0\0"
      "12345678\0",
      21);
  p += {static_cast<char>(capabilities), static_cast<char>(capabilities >> 8)};
  p += std::string("\x2d\x02\x00", 3);
  p += {static_cast<char>(capabilities >> 16), static_cast<char>(capabilities >> 24)};
  p += std::string("\x15") + std::string(10, '\0') + std::string("123456789012\0", 13);
  if (capabilities & kPluginAuth) p += method + std::string(1, '\0');
  return Packet(0, p);
}

std::string AskFor(int number, const std::string& method) {
  return Packet(number,
                "\xfe" + method + std::string(1, '\0') + std::string("12345678901234567890\0", 21));
}

// A server for one connection; keeps all that was sent to it before it ended the connection.
class FakeServer {
 public:
  using Act = std::function<void(FakeServer&)>;

  explicit FakeServer(Act act)
      : listener_(ListenTcp("127.0.0.1:0")),
        port_(LocalPort(listener_.get())),
        thread_([this, act = std::move(act)] {
          WaitReadable(listener_.get(), Milliseconds(20'000), StopToken());
          fd_ = FileDescriptor(accept(listener_.get(), nullptr, nullptr));
          act(*this);
          if (ssl_ != nullptr) SSL_free(ssl_);
          fd_ = FileDescriptor();
        }) {}
  ~FakeServer() { Join(); }

  void Write(const std::string& bytes) {
    if (ssl_ != nullptr) {
      SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()));
    } else {
      (void)!send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    }
  }
  // Reads one packet.
  std::string Read() {
    std::string head = ReadBytes(4);
    if (head.size() < 4) return "";
    const auto byte = [&](int i) {
      return static_cast<size_t>(static_cast<unsigned char>(head[i]));
    };
    return ReadBytes(byte(0) | byte(1) << 8 | byte(2) << 16);
  }
  bool StartTls(const TlsContext& context) {
    ssl_ = SSL_new(context.get());
    SSL_set_fd(ssl_, fd_.get());
    return SSL_accept(ssl_) == 1;
  }
  void ReadToEnd() {
    while (ReadBytes(1).size() == 1) {
    }
  }
  // Lets what comes go by, without TLS.
  void Drain() {
    char byte;
    while (recv(fd_.get(), &byte, 1, 0) == 1) {
    }
  }

  int fd() const { return fd_.get(); }
  uint16_t port() const { return port_; }
  // Everything that came, after the connection has ended.
  std::string Received() {
    Join();
    return received_;
  }

 private:
  std::string ReadBytes(size_t size) {
    std::string out;
    while (out.size() < size) {
      char chunk[4096];
      const size_t want = std::min(size - out.size(), sizeof chunk);
      const ssize_t n = ssl_ != nullptr ? SSL_read(ssl_, chunk, static_cast<int>(want))
                                        : recv(fd_.get(), chunk, want, 0);
      if (n <= 0) break;
      out.append(chunk, static_cast<size_t>(n));
    }
    received_ += out;
    return out;
  }
  void Join() {
    if (thread_.joinable()) thread_.join();
  }

  FileDescriptor listener_;
  uint16_t port_;
  FileDescriptor fd_;
  SSL* ssl_ = nullptr;
  std::string received_;
  std::thread thread_;
};

class TlsGateTest : public ::testing::Test {
 protected:
  TlsGateTest()
      : ca_("ca", nullptr),
        server_("server-cn", &ca_, {.names = "IP:127.0.0.1"}),
        client_("me", &ca_) {
    options_.host = "127.0.0.1";
    options_.user = "u";
    options_.password = kPassword;
    options_.connect_timeout = Milliseconds(20'000);
    options_.tls.enabled = true;
    options_.tls.ca_pem = ca_.cert_pem;
  }

  // Why no connection was made.
  Error Failure(FakeServer& server, const StopToken& stop = {}) {
    options_.port = server.port();
    try {
      Connection::Connect(options_, stop);
    } catch (const Error& e) {
      return e;
    }
    ADD_FAILURE() << "connected";
    return Error(ErrorCode::kDBUnExpect, "");
  }

  // Lets the client in up to where it would send its password, which the server asks for as it is.
  FakeServer::Act TlsServer(const Identity& identity) {
    TlsContext context =
        MakeServerContext({.cert = identity.cert_pem, .key = identity.key_pem}, PeerCheck::kNone);
    return [context](FakeServer& server) {
      server.Write(Greeting(kUsual | kSsl, "mysql_native_password"));
      server.Read();  // the request for TLS
      if (!server.StartTls(context)) return;
      server.Read();  // the user's name
      server.Write(AskFor(3, "mysql_clear_password"));
      server.Read();
    };
  }

  Identity ca_, server_, client_;
  ConnectOptions options_;
};

TEST_F(TlsGateTest, AServerWithoutTlsLearnsNothing) {
  for (const uint32_t capabilities : {kUsual, kProtocol41 | kSecure, kProtocol41, 0u}) {
    FakeServer server([capabilities](FakeServer& s) {
      s.Write(Greeting(capabilities, "mysql_native_password"));
      s.ReadToEnd();
    });
    const Error e = Failure(server);
    EXPECT_EQ(e.code(), 10001);
    if (capabilities & kProtocol41) {
      EXPECT_EQ(e.raw_cause(), "TLS requested but server does not support TLS");
    }
    EXPECT_EQ(server.Received(), "") << capabilities;
  }
}

TEST_F(TlsGateTest, ThePasswordIsForTheRightServerOnly) {
  {
    FakeServer server(TlsServer(server_));
    Failure(server);
    EXPECT_THAT(server.Received(), HasSubstr(std::string(kPassword)));
  }
  const Identity stranger("server-cn", nullptr, {.names = "IP:127.0.0.1"});
  const Identity old("server-cn", &ca_, {.valid_from = -7200, .valid_until = -3600});
  const Identity elsewhere("server-cn", &ca_, {.names = "IP:127.0.0.2"});
  struct Case {
    const Identity& shown;
    std::vector<std::string> names;
    std::string cause;
  };
  for (const Case& c :
       {Case{stranger, {}, "self-signed certificate"}, Case{old, {}, "certificate has expired on "},
        Case{elsewhere, {"server-cn"}, "IP address mismatch"},
        Case{server_, {"other"}, "the common name is not in cert-allowed-cn"}}) {
    options_.tls.allowed_cn = c.names;
    FakeServer server(TlsServer(c.shown));
    const Error e = Failure(server);
    EXPECT_EQ(e.code(), 10001);
    EXPECT_THAT(e.raw_cause(), HasSubstr("the server's certificate is not accepted: "));
    EXPECT_THAT(e.raw_cause(), HasSubstr(c.cause));
    EXPECT_THAT(e.workaround(), HasSubstr("`security`"));
    EXPECT_THAT(server.Received(), Not(HasSubstr(std::string(kPassword)))) << c.cause;
  }
  // Without a CA nobody is verified.
  options_.tls.ca_pem.clear();
  options_.tls.allowed_cn.clear();
  FakeServer server(TlsServer(stranger));
  Failure(server);
  EXPECT_THAT(server.Received(), HasSubstr(std::string(kPassword)));
}

TEST_F(TlsGateTest, WithoutTlsThePasswordIsNeverSentAsItIs) {
  options_.tls = {};
  FakeServer server([](FakeServer& s) {
    s.Write(Greeting(kUsual, "mysql_native_password"));
    s.Read();
    s.Write(AskFor(2, "mysql_clear_password"));
    s.ReadToEnd();
  });
  const Error e = Failure(server);
  EXPECT_THAT(e.raw_cause(), HasSubstr("method that needs TLS"));
  EXPECT_THAT(server.Received(), Not(HasSubstr(std::string(kPassword))));
}

TEST_F(TlsGateTest, WhatTheServerHasAgainstOurCertificateIsTold) {
  const Identity stranger("me", nullptr);
  options_.tls.cert_pem = stranger.cert_pem;
  options_.tls.key_pem = stranger.key_pem;
  const TlsContext context = MakeServerContext(
      {.ca = ca_.cert_pem, .cert = server_.cert_pem, .key = server_.key_pem}, PeerCheck::kChain);
  FakeServer server([&](FakeServer& s) {
    s.Write(Greeting(kUsual | kSsl, "mysql_native_password"));
    s.Read();
    EXPECT_FALSE(s.StartTls(context));
    // The client may be writing still: a reset would take the alert from it.
    shutdown(s.fd(), SHUT_WR);
    s.Drain();
  });
  EXPECT_THAT(Failure(server).raw_cause(),
              HasSubstr("TLS: the server ended the connection: tlsv1 alert unknown ca"));
}

TEST_F(TlsGateTest, AStalledHandshakeEndsWithTheToken) {
  StopSource stop;
  FakeServer server([&](FakeServer& s) {
    s.Write(Greeting(kUsual | kSsl, "mysql_native_password"));
    s.Read();
    stop.request_stop();
    s.ReadToEnd();
  });
  options_.port = server.port();
  const auto begin = SteadyClock::now();
  EXPECT_THROW(Connection::Connect(options_, stop.get_token()), Cancelled);
  EXPECT_LT(SteadyClock::now() - begin, std::chrono::seconds(5));
}

TEST_F(TlsGateTest, AStalledHandshakeEndsInTime) {
  options_.connect_timeout = Milliseconds(1'000);
  FakeServer server([&](FakeServer& s) {
    s.Write(Greeting(kUsual | kSsl, "mysql_native_password"));
    s.ReadToEnd();
  });
  const auto begin = SteadyClock::now();
  EXPECT_THAT(Failure(server).raw_cause(), HasSubstr("i/o timeout"));
  EXPECT_LT(SteadyClock::now() - begin, std::chrono::seconds(5));
}

TEST_F(TlsGateTest, UnusableMaterialIsFoundBeforeDialling) {
  const auto failure = [&] {
    options_.port = 1;  // nobody listens
    try {
      Connection::Connect(options_, {});
    } catch (const Error& e) {
      return e;
    }
    return Error(ErrorCode::kDBUnExpect, "");
  };
  options_.tls.cert_pem = client_.cert_pem;
  options_.tls.key_pem = server_.key_pem;
  EXPECT_EQ(failure().code(), 11112);
  EXPECT_EQ(failure().raw_cause(), "the private key does not belong to the certificate");
  options_.tls.key_pem.clear();
  EXPECT_EQ(failure().code(), 11112);
  options_.tls = {.enabled = true, .ca_path = "/nonexistent/ca.pem"};
  EXPECT_EQ(failure().code(), 11112);
  EXPECT_THAT(failure().raw_cause(), HasSubstr("/nonexistent/ca.pem: no such file or directory"));
}

}  // namespace
}  // namespace dm::mysql
