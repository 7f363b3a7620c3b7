#include "programs/worker/fence.h"

#include <algorithm>

namespace dm::worker {

void LeaseFence::Open(std::shared_ptr<const cluster::KeptLease> lease) {
  ttl_seconds_ = lease->ttl_seconds();
  lease_.store(std::move(lease));
}

void LeaseFence::Shut() noexcept { lease_.store(nullptr); }

bool LeaseFence::MayWrite() const { return RemainingMs() > 0; }

std::chrono::seconds LeaseFence::IdleLimit() const {
  const int64_t ttl = ttl_seconds_;
  return std::chrono::seconds(ttl == 0 ? 0 : std::max<int64_t>(ttl / 3, 1));
}

int64_t LeaseFence::RemainingMs() const {
  const auto lease = lease_.load();
  if (!lease) return 0;
  return lease->valid_until_ms() - MarginMs(lease->ttl_seconds()) - cluster::BootTimeMs();
}

int64_t LeaseFence::MarginMs(int64_t ttl_seconds) {
  return std::min<int64_t>(ttl_seconds * 1000 / 6, 5000);
}

}  // namespace dm::worker
