#include <gtest/gtest.h>
#include <sys/socket.h>

#include <thread>

#include "base/net/socket.h"
#include "mysql/client/answers.h"
#include "mysql/client/connection.h"
#include "mysql/client/link.h"
#include "mysql/client/retry.h"
#include "mysql/client/server_thread.h"

namespace dm::mysql {
namespace {

Error ServerError(int number, const std::string& text) {
  return Error(ErrorCode::kDBExecuteFailed, "execute statement failed: x")
      .SetRawCause(fmt::format("Error {} (HY000): {}", number, text))
      .SetServerErrno(number);
}

TEST(Retry, ServerErrors) {
  for (const int number : {1213, 8005, 8022, 8027, 8028, 8245, 9001, 9003, 9004, 9007}) {
    EXPECT_TRUE(IsRetryableServerError(ServerError(number, ""))) << number;
  }
  for (const int number : {1205, 1317, 8020, 9002, 9005, 1062, 0}) {
    EXPECT_FALSE(IsRetryableServerError(ServerError(number, ""))) << number;
  }
  EXPECT_TRUE(IsRetryableServerError(ServerError(1105, "Information schema is out of date: x")));
  EXPECT_TRUE(IsRetryableServerError(ServerError(1105, "Information schema is changed")));
  EXPECT_FALSE(IsRetryableServerError(ServerError(1105, "other")));
  EXPECT_TRUE(IsIgnorableDdlError(ServerError(1060, "")));
  EXPECT_FALSE(IsIgnorableDdlError(ServerError(1062, "")));
}

TEST(Retry, WhatIsUnknownToTheServerIsNoFailureOfIt) {
  for (const int number : {1064, 1115, 1235, 1253, 1273, 1286, 4161, 8108, 8200}) {
    EXPECT_TRUE(IsUnknownToServer(ServerError(number, ""))) << number;
  }
  for (const int number : {1044, 1050, 1067, 1114, 1142, 1205, 1213, 1227, 1290, 8020, 9001, 0}) {
    EXPECT_FALSE(IsUnknownToServer(ServerError(number, ""))) << number;
  }
}

TEST(Retry, ErrorsOfTheServerAreNoneOfARow) {
  for (const int number : {1205, 1290, 1317, 8020, 8004, 8175, 9002, 9005, 1142, 1114}) {
    EXPECT_TRUE(IsErrorOfServer(ServerError(number, ""))) << number;
  }
  for (const int number :
       {1062, 1406, 1264, 1048, 1364, 1366, 1526, 3819, 4025, 1644, 1105, 8025, 8141, 1118, 0}) {
    EXPECT_FALSE(IsErrorOfServer(ServerError(number, ""))) << number;
  }
}

TEST(Retry, LostConnectionsAreFoundThroughWrapping) {
  const Error lost =
      Error(ErrorCode::kDBInvalidConn, "database driver error").SetRawCause("invalid connection");
  EXPECT_TRUE(IsInvalidConnection(lost));
  EXPECT_FALSE(IsBadConnection(lost));
  const Error wrapped =
      WithCause(Error(ErrorCode::kSyncerGetEvent, "get binlog event error"), lost);
  EXPECT_TRUE(IsConnectionLost(wrapped));
  EXPECT_FALSE(IsConnectionLost(ServerError(1062, "invalid connection in a key")));
}

TEST(Answers, AreCountedUpToWhatIsNone) {
  const auto seen = [](std::string_view text) {
    return SeeAnswers({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
  };
  const std::string ok("\7\0\0\1\0\1\0\2\0\0\0", 11);
  const std::string error("\5\0\0\2\xff\1\2#x", 9);
  const std::string rows("\1\0\0\3\1", 5);
  EXPECT_EQ(seen("").count, 0u);
  EXPECT_EQ(seen(ok + ok).count, 2u);
  EXPECT_FALSE(seen(ok + ok).others);
  EXPECT_EQ(seen(ok + ok.substr(0, 10)).count, 1u);
  EXPECT_FALSE(seen(ok + ok.substr(0, 4)).others);
  EXPECT_EQ(seen(ok + error + ok).count, 1u);
  EXPECT_TRUE(seen(ok + error).others);
  EXPECT_TRUE(seen(error.substr(0, 5)).others);
  EXPECT_TRUE(seen(ok + rows).others);
}

// A socket that says sooner than asked for that there is something to be read: Unix sockets always
// do, others when no more can come until something is read.
TEST(Answers, WhatIsThereIsReadIfNoMoreCanCome) {
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  const FileDescriptor client(ends[0]), server(ends[1]);
  const std::string ok("\7\0\0\1\0\1\0\2\0\0\0", 11);
  WriteAll(server.get(), ok + ok.substr(0, 3), Milliseconds(1000), StopToken());
  const Milliseconds limit(5000), usual(20);
  const auto begin = SteadyClock::now();
  EXPECT_TRUE(WaitForAnswers(client.get(), false, 3, 33, limit, usual));
  EXPECT_LT(SteadyClock::now() - begin, limit);
  WriteAll(server.get(), ok.substr(3) + ok, Milliseconds(1000), StopToken());
  EXPECT_FALSE(WaitForAnswers(client.get(), false, 3, 40, limit, usual));
}

TEST(Errors, StatementsAreCut) {
  EXPECT_EQ(CutStatement(std::string(1024, 'x')).size(), 1024u);
  const std::string cut = CutStatement(std::string(1025, 'x'));
  EXPECT_EQ(cut.size(), 1027u);
  EXPECT_TRUE(cut.ends_with("x..."));
}

TEST(Errors, NumbersTellWhoFoundThem) {
  EXPECT_TRUE(IsServerError(1062));
  EXPECT_TRUE(IsServerError(3024));
  EXPECT_TRUE(IsServerError(4052));
  EXPECT_TRUE(IsServerError(8022));
  EXPECT_FALSE(IsServerError(2013));
  EXPECT_FALSE(IsServerError(5001));
  EXPECT_FALSE(IsServerError(0));
  EXPECT_TRUE(IsLostError(2013));
  EXPECT_FALSE(IsLostError(2002));
}

TEST(Connection, PortZeroIsNobody) {
  ConnectOptions options;
  options.host = "127.0.0.1";
  options.scope = ErrorScope::kUpstream;
  try {
    Connection::Connect(options, {});
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), 10001);
    EXPECT_EQ(e.scope(), ErrorScope::kUpstream);
    EXPECT_EQ(e.raw_cause(), "dial tcp 127.0.0.1:0: connect: connection refused");
    EXPECT_TRUE(IsConnectionRefused(e));
  }
}

TEST(Connection, AStoppedTokenConnectsNowhere) {
  StopSource stop;
  stop.request_stop();
  ConnectOptions options;
  options.host = "127.0.0.1";
  options.port = 1;
  EXPECT_THROW(Connection::Connect(options, stop.get_token()), Cancelled);
}

// The server takes the connection and says nothing.
TEST(EndThreads, EndsWithTheToken) {
  const FileDescriptor listener = ListenTcp("127.0.0.1:0");
  ConnectOptions options;
  options.host = "127.0.0.1";
  options.port = LocalPort(listener.get());
  StopSource stop;
  std::jthread stops([&] {
    WaitReadable(listener.get(), Milliseconds(20'000), StopToken());
    stop.request_stop();
  });
  const auto begin = SteadyClock::now();
  EXPECT_THROW(EndThreads(options, {{7, "u", "h:1"}}, Milliseconds(3000), stop.get_token()),
               Cancelled);
  EXPECT_LT(SteadyClock::now() - begin, Milliseconds(2000));
}

TEST(IdleLimit, OnlyWhatTheServerKnows) {
  using std::chrono::seconds;
  EXPECT_EQ(IdleLimitStatement("9.1.0", seconds(20)),
            "SET SESSION wait_timeout = 20, SESSION net_read_timeout = 20;");
  EXPECT_EQ(IdleLimitStatement("5.5.5-10.11.6-MariaDB-log", seconds(600)),
            "SET SESSION wait_timeout = 600, SESSION net_read_timeout = 600/*M!100300 , SESSION "
            "idle_transaction_timeout = 600, SESSION idle_write_transaction_timeout = 0, SESSION "
            "idle_readonly_transaction_timeout = 0 */;");
  EXPECT_EQ(IdleLimitStatement("5.7.25-TiDB-v7.5.9", seconds(1)), "SET SESSION wait_timeout = 1;");
  for (const char* version : {"8.0.11-TiDB-v7.6.0-alpha", "8.0.11-TiDB-v8.5.1"}) {
    EXPECT_EQ(IdleLimitStatement(version, seconds(1)),
              "SET SESSION wait_timeout = 1, SESSION tidb_idle_transaction_timeout = 1;");
  }
}

TEST(NeutralSession, OnlyWhatTheServerKnows) {
  const auto sets = [](std::string_view version, std::string_view variable) {
    return NeutralSession(version).find(variable) != std::string::npos;
  };
  constexpr std::string_view kTiDb = "8.0.11-TiDB-v8.1.0";
  constexpr std::string_view kMariaDb = "5.5.5-10.11.6-MariaDB-log";
  for (std::string_view version : {kTiDb, kMariaDb, std::string_view("9.1.0")}) {
    EXPECT_TRUE(sets(version, "sql_select_limit")) << version;
  }
  EXPECT_TRUE(sets(kMariaDb, "max_error_count"));
  EXPECT_TRUE(sets("5.7.44-log", "max_error_count"));
  EXPECT_FALSE(sets("9.1.0", "max_error_count"));
  EXPECT_FALSE(sets(kTiDb, "completion_type"));
  EXPECT_TRUE(sets("5.6.51", "completion_type"));
  EXPECT_TRUE(sets(kMariaDb, "max_statement_time"));
  EXPECT_FALSE(sets("9.1.0", "max_statement_time"));
  for (std::string_view version :
       {kMariaDb, std::string_view("5.6.51"), std::string_view("9.1.0")}) {
    EXPECT_TRUE(sets(version, "sql_quote_show_create = 1")) << version;
  }
  EXPECT_FALSE(sets(kTiDb, "sql_quote_show_create"));
  EXPECT_TRUE(sets(kMariaDb, "sql_safe_updates = 0"));
  EXPECT_TRUE(sets("9.1.0", "/*!80030 , SESSION show_gipk_in_create_table_and_information_schema"));
  EXPECT_FALSE(sets(kMariaDb, "show_gipk"));
  EXPECT_TRUE(sets(kMariaDb, "/*M!100601 , SESSION old_mode"));
  EXPECT_FALSE(sets("9.1.0", "old_mode"));
}

TEST(ServerInfo, Versions) {
  ServerInfo info;
  info.major = 10;
  info.minor = 11;
  EXPECT_TRUE(info.AtLeast(10, 11));
  EXPECT_TRUE(info.AtLeast(8, 4));
  EXPECT_FALSE(info.AtLeast(10, 11, 1));
}

}  // namespace
}  // namespace dm::mysql
