#include "cluster/etcd/lease.h"

#include <atomic>
#include <ctime>
#include <mutex>
#include <thread>

#include "base/log/log.h"
#include "cluster/etcd/channels.h"
#include "etcd/rpc.grpc.pb.h"

namespace dm::cluster {
namespace {

namespace pb = etcdserverpb;

constexpr Milliseconds kRepeatPause{500};

}  // namespace

int64_t BootTimeMs() {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

class KeptLease::Impl {
 public:
  Impl(std::shared_ptr<EtcdClient> client, int64_t ttl_seconds, const StopToken& stop)
      : client_(std::move(client)) {
    const int64_t sent = BootTimeMs();
    const LeaseGrantResult granted = client_->LeaseGrant(ttl_seconds, stop);
    id_ = granted.id;
    ttl_seconds_ = granted.ttl_seconds;
    valid_until_.store(sent + granted.ttl_seconds * 1000);
    renewer_ = std::jthread([this](StopToken token) { Run(token); });
  }

  ~Impl() { StopRenewing(); }

  void StopRenewing() {
    std::lock_guard lock(renewer_mutex_);
    if (!renewer_.joinable()) return;
    renewer_.request_stop();
    renewer_.join();
  }

  void Run(const StopToken& stop) {
    try {
      while (true) {
        WaitFor(Milliseconds(ttl_seconds_ * 1000 / 3), stop);
        while (!Renew(stop)) {
          if (lost_.stop_requested()) return;
          WaitFor(kRepeatPause, stop);
        }
      }
    } catch (const Cancelled&) {
    } catch (const std::exception& e) {
      Log().Error("renewing a lease of etcd ended", {F("lease", id_), F("error", ErrorText(e))});
      Lose();
    }
  }

  // True if the renewal was answered with a living lease.
  bool Renew(const StopToken& stop) {
    const int64_t sent = BootTimeMs();
    const int64_t left = valid_until_.load() - sent;
    if (left <= 0) {
      Log().Warn("lease of etcd could not be renewed in time", {F("lease", id_)});
      Lose();
      return false;
    }
    pb::LeaseKeepAliveResponse response;
    const grpc::Status status = CallOnce(
        *client_->channels(),
        std::min(Milliseconds(left), client_->channels()->options().attempt_timeout),
        [&](grpc::ClientContext& context, const auto& channel) {
          auto stub = pb::Lease::NewStub(channel);
          auto stream = stub->LeaseKeepAlive(&context);
          pb::LeaseKeepAliveRequest request;
          request.set_id(id_);
          const bool answered = stream->Write(request) && stream->Read(&response);
          if (answered) {
            context.TryCancel();
            (void)stream->Finish();
            return grpc::Status::OK;
          }
          const grpc::Status end = stream->Finish();
          return end.ok() ? grpc::Status(grpc::UNAVAILABLE, "the stream of renewals ended") : end;
        },
        stop);
    if (!status.ok()) {
      Log().Warn("fail to renew a lease of etcd",
                 {F("lease", id_), F("error", StatusText(status))});
      return false;
    }
    if (response.ttl() <= 0) {
      Log().Warn("lease of etcd is gone", {F("lease", id_)});
      Lose();
      return false;
    }
    valid_until_.store(sent + response.ttl() * 1000);
    return true;
  }

  void Lose() {
    valid_until_.store(0);
    lost_.request_stop();
  }

  std::shared_ptr<EtcdClient> client_;
  int64_t id_ = 0;
  int64_t ttl_seconds_ = 0;
  std::atomic<int64_t> valid_until_{0};
  StopSource lost_;
  std::mutex renewer_mutex_;
  std::jthread renewer_;
};

KeptLease::KeptLease(std::shared_ptr<EtcdClient> client, int64_t ttl_seconds, const StopToken& stop)
    : impl_(std::make_unique<Impl>(std::move(client), ttl_seconds, stop)) {}

KeptLease::~KeptLease() = default;

int64_t KeptLease::id() const { return impl_->id_; }
int64_t KeptLease::ttl_seconds() const { return impl_->ttl_seconds_; }
int64_t KeptLease::valid_until_ms() const { return impl_->valid_until_.load(); }
StopToken KeptLease::lost() const { return impl_->lost_.get_token(); }

void KeptLease::Revoke() noexcept {
  try {
    impl_->StopRenewing();
    impl_->client_->LeaseRevoke(impl_->id_);
  } catch (const std::exception& e) {
    Log().Warn("fail to revoke a lease of etcd",
               {F("lease", impl_->id_), F("error", ErrorText(e))});
  }
}

}  // namespace dm::cluster
