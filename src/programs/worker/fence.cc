#include "programs/worker/fence.h"

#include <algorithm>

namespace dm::worker {

void LeaseFence::Open(std::shared_ptr<const cluster::KeptLease> lease) {
  lease_.store(std::move(lease));
}

void LeaseFence::Shut() noexcept { lease_.store(nullptr); }

bool LeaseFence::MayWrite() const { return RemainingMs() > 0; }

int64_t LeaseFence::RemainingMs() const {
  const auto lease = lease_.load();
  if (!lease) return 0;
  return lease->valid_until_ms() - MarginMs(lease->ttl_seconds()) - cluster::BootTimeMs();
}

int64_t LeaseFence::MarginMs(int64_t ttl_seconds) {
  return std::min<int64_t>(ttl_seconds * 1000 / 6, 5000);
}

}  // namespace dm::worker
