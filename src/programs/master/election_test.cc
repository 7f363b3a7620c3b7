#include "programs/master/election.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>

#include "base/error/error.h"
#include "cluster/etcd/memory_etcd_test.h"

namespace dm::master {
namespace {

using cluster::testing::MemoryEtcd;

// Collects the terms of one candidate.
class Candidate {
 public:
  Candidate(MemoryEtcd& etcd, const std::string& name) {
    cluster::EtcdOptions options;
    options.endpoints = {etcd.endpoint()};
    Election::Options self;
    self.self = {name, name + ":1"};
    election_ = std::make_unique<Election>(
        std::make_shared<cluster::EtcdClient>(options), self,
        Election::Callbacks{.elected =
                                [this](const Leadership& leadership, std::function<void()> resign,
                                       const StopToken&) {
                                  std::lock_guard lock(mutex_);
                                  resign_ = std::move(resign);
                                  terms_.push_back(leadership.create_revision);
                                  changed_.notify_all();
                                },
                            .retired = [] {}});
  }
  ~Candidate() { election_->Close(); }

  // Waits for this many terms; the create revisions of their keys.
  std::vector<int64_t> Terms(size_t count) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(
        changed_.wait_for(lock, Milliseconds(20'000), [&] { return terms_.size() >= count; }));
    return terms_;
  }
  void Resign() {
    std::function<void()> resign;
    {
      std::lock_guard lock(mutex_);
      resign = resign_;
    }
    resign();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::function<void()> resign_;
  std::vector<int64_t> terms_;
  std::unique_ptr<Election> election_;
};

// A write of a former term that etcd has held back must find that its condition is false.
TEST(Election, EachTermHasAKeyOfItsOwn) {
  MemoryEtcd etcd;
  std::atomic<int> refused{0};
  Candidate candidate(etcd, "m");
  const int64_t first = candidate.Terms(1).at(0);
  // The key cannot be deleted when the term ends.
  etcd.InjectFaults(
      [&](const etcdserverpb::TxnRequest& txn) -> std::optional<cluster::testing::TxnFault> {
        if (txn.success_size() == 0 || !txn.success(0).has_request_delete_range())
          return std::nullopt;
        if (refused++ > 0) return std::nullopt;
        return cluster::testing::TxnFault{grpc::Status(grpc::RESOURCE_EXHAUSTED, "not now")};
      });
  candidate.Resign();
  const int64_t second = candidate.Terms(2).at(1);
  EXPECT_GE(refused.load(), 2);
  EXPECT_GT(second, first);
  EXPECT_EQ(etcd.Keys("/dm-master/leader/").size(), 1u);
}

TEST(Election, WhatNoCampaignLeftDoesNotBlockIt) {
  MemoryEtcd etcd;
  etcd.Put("/dm-master/leader/0", "garbage");
  etcd.Put("/dm-master/leader/1", R"({"id":"m","addr":"old:1"})", 55);  // of a killed process
  Candidate candidate(etcd, "m");
  candidate.Terms(1);
  EXPECT_EQ(etcd.Keys("/dm-master/leader/").size(), 1u);
}

TEST(Election, AMembersCampaignCanBeEndedByAnother) {
  MemoryEtcd etcd;
  Candidate first(etcd, "a");
  first.Terms(1);
  cluster::EtcdOptions options;
  options.endpoints = {etcd.endpoint()};
  cluster::EtcdClient client(options);
  etcd.Put("/dm-master/leader/dead", R"({"id":"dead","addr":"d:1"})", 55);
  DeleteCampaignKeys(client, "dead", StopToken());
  EXPECT_EQ(ReadLeader(client, StopToken()).id, "a");
  EXPECT_EQ(etcd.Keys("/dm-master/leader/").size(), 1u);
}

}  // namespace
}  // namespace dm::master
