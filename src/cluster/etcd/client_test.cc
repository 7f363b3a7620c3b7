#include "cluster/etcd/client.h"

#include <gtest/gtest.h>
#include <poll.h>

#include "base/net/socket.h"
#include "base/thread/eventually_test.h"
#include "cluster/etcd/fake_etcd_test.h"
#include "cluster/etcd/lease.h"
#include "cluster/etcd/memory_etcd_test.h"
#include "cluster/etcd/watch.h"

namespace dm::cluster {
namespace {

using testing::FakeEtcd;
using testing::WatchScript;

EtcdOptions OptionsOf(std::vector<std::string> endpoints) {
  EtcdOptions options;
  options.endpoints = std::move(endpoints);
  return options;
}

std::vector<int64_t> Revisions(Watch& watch, size_t count) {
  std::vector<int64_t> out;
  while (out.size() < count) {
    for (const WatchEvent& event : watch.Next(StopToken(), Milliseconds(5'000))) {
      out.push_back(event.kv.mod_revision);
    }
  }
  return out;
}

TEST(EtcdClient, RepeatsACallThatTheClusterWasTooBusyFor) {
  FakeEtcd etcd;
  etcd.FailRanges({grpc::Status(grpc::UNAVAILABLE, "etcdserver: no leader")});
  EtcdClient client(OptionsOf({etcd.endpoint()}));
  const GetResult result = client.GetAt("k", StopToken());
  EXPECT_EQ(result.revision, 7);
  EXPECT_EQ(result.kvs.at(0).value, "value");
  EXPECT_EQ(etcd.ranges(), 2);
}

TEST(EtcdClient, ReportsOtherFailuresAtOnce) {
  FakeEtcd etcd;
  etcd.FailRanges(
      {grpc::Status(grpc::OUT_OF_RANGE, "etcdserver: mvcc: required revision has been compacted")});
  EtcdClient client(OptionsOf({etcd.endpoint()}));
  try {
    client.GetAt("k", StopToken(), 3);
    ADD_FAILURE();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), 42501);
    EXPECT_EQ(e.raw_cause(),
              "rpc error: code = OutOfRange desc = etcdserver: mvcc: required revision has been "
              "compacted");
    EXPECT_TRUE(IsCompactedError(e));
    EXPECT_TRUE(IsResyncError(e));
    EXPECT_FALSE(IsLimitedResyncError(e));
  }
  EXPECT_EQ(etcd.ranges(), 1);
}

TEST(EtcdClient, UsesAnotherEndpointWhenOneIsDead) {
  FakeEtcd etcd;
  EtcdClient client(OptionsOf({"127.0.0.1:1", etcd.endpoint()}));
  EXPECT_EQ(client.endpoints().front(), etcd.endpoint());  // a socket comes first
  EtcdClient other(OptionsOf({"http://127.0.0.1:1", "unix:/nonexistent/socket", etcd.endpoint()}));
  EXPECT_TRUE(other.Get("k", StopToken()));
}

// The status of each attempt, and whether the write may have been applied.
TEST(EtcdClient, TellsWhetherAWriteMayHaveBeenApplied) {
  const grpc::Status late(grpc::UNAVAILABLE, "etcdserver: request timed out");
  const grpc::Status busy(grpc::RESOURCE_EXHAUSTED, "etcdserver: too many requests");
  const grpc::Status large(grpc::INVALID_ARGUMENT, "etcdserver: request is too large");
  const grpc::Status full(grpc::RESOURCE_EXHAUSTED, "etcdserver: mvcc: database space exceeded");
  const grpc::Status dropped(grpc::UNKNOWN, "raft proposal dropped");
  const grpc::Status cut(grpc::UNAVAILABLE, "Socket closed");
  struct Case {
    std::vector<grpc::Status> attempts;
    bool applied;
  };
  for (const Case& each : std::vector<Case>{{{late}, true},
                                            {{busy, busy}, false},
                                            {{large}, false},
                                            {{cut}, true},
                                            {{dropped}, false},
                                            {{full}, true},
                                            // What the last attempt says does not take it back.
                                            {{late, large}, true},
                                            {{late, full}, true},
                                            {{cut, busy}, true}}) {
    testing::MemoryEtcd etcd;
    size_t next = 0;
    etcd.InjectFaults([&](const auto&) -> std::optional<testing::TxnFault> {
      return testing::TxnFault{each.attempts.at(std::min(next++, each.attempts.size() - 1))};
    });
    EtcdOptions options = OptionsOf({etcd.endpoint()});
    options.request_timeout = Milliseconds(800 * (each.attempts.size() - 1) + 900);
    EtcdClient client(options);
    try {
      client.Put("test", "k", "v", StopToken());
      ADD_FAILURE();
    } catch (const Error& e) {
      EXPECT_EQ(MayHaveBeenApplied(e), each.applied) << e.ToString();
    }
  }
}

TEST(EtcdClient, WhatWasNeverSentWasNotApplied) {
  EtcdOptions options = OptionsOf({"unix:/nonexistent/socket"});
  options.request_timeout = Milliseconds(300);
  EtcdClient client(options);
  const auto begin = SteadyClock::now();
  try {
    client.Put("test", "k", "v", StopToken());
    ADD_FAILURE();
  } catch (const Error& e) {
    EXPECT_FALSE(MayHaveBeenApplied(e)) << e.ToString();
  }
  // Connecting and the call share the limit.
  EXPECT_LT(SteadyClock::now() - begin, Milliseconds(1'500));
}

TEST(EtcdClient, AMemberThatIsGoneAtTheRepeatWasRemoved) {
  testing::MemoryEtcd etcd;
  etcd.SetMembers({{1, "a"}, {2, "b"}});
  etcd.LoseAnswerToRemoval(grpc::Status(grpc::UNAVAILABLE, "Socket closed"));
  EtcdClient client(OptionsOf({etcd.endpoint()}));
  client.MemberRemove(2, StopToken());
  EXPECT_EQ(client.MemberList(StopToken()).size(), 1u);
  EXPECT_THROW(client.MemberRemove(2, StopToken()), Error);  // really unknown
}

// A call to `endpoint` that is stopped when `at` has returned ends so, and soon.
void ExpectStopEndsCall(const std::string& endpoint, const std::function<void()>& at) {
  EtcdClient client(OptionsOf({endpoint}));
  StopSource stop;
  SteadyClock::time_point begin;
  std::jthread stopper([&] {
    at();
    begin = SteadyClock::now();
    stop.request_stop();
  });
  EXPECT_THROW(client.Get("k", stop.get_token()), Cancelled);
  EXPECT_LT(SteadyClock::now() - begin, Milliseconds(1'000));
}

TEST(EtcdClient, AStopEndsACall) {
  FakeEtcd etcd;
  etcd.HoldRanges();
  ExpectStopEndsCall(etcd.endpoint(),
                     [&] { EXPECT_TRUE(Eventually([&] { return etcd.ranges() == 1; })); });
}

TEST(EtcdClient, AStopEndsConnecting) {
  // Takes connections and says nothing.
  const FileDescriptor silent = ListenTcp("127.0.0.1:0");
  ExpectStopEndsCall("127.0.0.1:" + std::to_string(LocalPort(silent.get())), [&] {
    pollfd connection{silent.get(), POLLIN, 0};
    EXPECT_EQ(poll(&connection, 1, 20'000), 1);
  });
}

TEST(Watch, GoesOnWhereABrokenStreamEnded) {
  FakeEtcd etcd;
  etcd.ScriptWatches({WatchScript{{4, 5}}, WatchScript{{5, 6}, 0, true}});
  EtcdClient client(OptionsOf({etcd.endpoint()}));
  const auto watch = client.WatchPrefix("k", 3);
  EXPECT_EQ(Revisions(*watch, 3), (std::vector<int64_t>{4, 5, 6}));  // none lost, none repeated
  EXPECT_EQ(etcd.watch_starts(), (std::vector<int64_t>{3, 6}));
  EXPECT_EQ(watch->revision(), 6);
}

TEST(Watch, ACompactionEndsIt) {
  FakeEtcd etcd;
  etcd.ScriptWatches({WatchScript{{4}, 9}});
  EtcdClient client(OptionsOf({etcd.endpoint()}));
  const auto watch = client.WatchKey("k", 3);
  EXPECT_EQ(Revisions(*watch, 1), (std::vector<int64_t>{4}));
  for (int i = 0; i < 2; ++i) {  // and stays ended
    try {
      watch->Next(StopToken(), Milliseconds(5'000));
      ADD_FAILURE();
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), 42503);
      EXPECT_TRUE(IsCompactedError(e));
    }
  }
}

// A store that was restored from a copy, or begun anew, counts its revisions again: a watch that
// waits for those it has not seen yet would wait for ever, or miss the first ones.
TEST(Watch, AnotherStoreEndsIt) {
  const WatchScript seen{{4, 5}, 0, false, 5, 3, 7};
  for (const WatchScript& next :
       {WatchScript{{}, 0, true, 4, 3, 7}, WatchScript{{6}, 0, true, 6, 2, 7},
        WatchScript{{6}, 0, true, 6, 3, 8}}) {
    FakeEtcd etcd;
    etcd.ScriptWatches({seen, next});
    EtcdClient client(OptionsOf({etcd.endpoint()}));
    const auto watch = client.WatchPrefix("k", 3);
    EXPECT_EQ(Revisions(*watch, 2), (std::vector<int64_t>{4, 5}));
    try {
      EXPECT_TRUE(watch->Next(StopToken(), Milliseconds(5'000)).empty());
      ADD_FAILURE();
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), 42503);
      EXPECT_TRUE(IsResyncError(e));
    }
  }
}

TEST(Watch, AStoreBehindTheSnapshotEndsIt) {
  FakeEtcd etcd;
  etcd.ScriptWatches({WatchScript{{}, 0, true, 2}});
  EtcdClient client(OptionsOf({etcd.endpoint()}));
  EXPECT_THROW(client.WatchPrefix("k", 4)->Next(StopToken(), Milliseconds(5'000)), Error);
}

TEST(Watch, AnElectionDoesNotEndIt) {
  FakeEtcd etcd;
  etcd.ScriptWatches({WatchScript{{4}, 0, false, 4, 3}, WatchScript{{5}, 0, true, 4, 4}});
  EtcdClient client(OptionsOf({etcd.endpoint()}));
  const auto watch = client.WatchPrefix("k", 3);
  EXPECT_EQ(Revisions(*watch, 2), (std::vector<int64_t>{4, 5}));
}

TEST(Watch, AStopEndsTheWaiting) {
  FakeEtcd etcd;
  EtcdClient client(OptionsOf({etcd.endpoint()}));
  const auto watch = client.WatchKey("k", 3);
  EXPECT_TRUE(watch->Next(StopToken(), Milliseconds(50)).empty());
  StopSource stop;
  stop.request_stop();
  EXPECT_THROW(watch->Next(stop.get_token()), Cancelled);
}

TEST(KeptLease, LivesAsLongAsRenewalsAreAnswered) {
  FakeEtcd etcd;
  auto client = std::make_shared<EtcdClient>(OptionsOf({etcd.endpoint()}));
  KeptLease lease(client, 1, StopToken());
  EXPECT_EQ(lease.id(), 11);
  const int64_t first = lease.valid_until_ms();
  EXPECT_GT(first, BootTimeMs());
  ASSERT_TRUE(Eventually([&] { return etcd.renewals() >= 2; }));
  // The second one is sent when the first one's answer is known.
  EXPECT_GT(lease.valid_until_ms(), first);
  EXPECT_FALSE(lease.lost().stop_requested());
  etcd.AnswerRenewals(0);
  EXPECT_TRUE(Eventually([&] { return lease.lost().stop_requested(); }));
  EXPECT_EQ(lease.valid_until_ms(), 0);
}

}  // namespace
}  // namespace dm::cluster
