#include "migration/sync/causality.h"

#include <algorithm>

namespace dm::migration {

size_t Causality::Assign(std::span<const uint64_t> keys, uint64_t order, size_t preferred,
                         const StopToken& stop) {
  if (keys.size() == 1) {
    const auto [it, is_new] = last_.try_emplace(keys[0], Last{order, 0});
    const bool in_flight = !is_new && !orders_.IsCommitted(it->second.slot, it->second.order);
    const size_t slot = in_flight ? it->second.slot : preferred;
    it->second = Last{order, static_cast<uint32_t>(slot)};
    if (last_.size() >= sweep_at_) Sweep();
    return slot;
  }
  bool found = false;
  bool several = false;
  Last newest{0, 0};
  for (uint64_t key : keys) {
    auto it = last_.find(key);
    if (it == last_.end() || orders_.IsCommitted(it->second.slot, it->second.order)) continue;
    if (found && it->second.slot != newest.slot) several = true;
    if (!found || it->second.order > newest.order) newest = it->second;
    found = true;
  }
  if (several) {
    for (uint64_t key : keys) {
      auto it = last_.find(key);
      if (it == last_.end() || it->second.slot == newest.slot) continue;
      orders_.WaitCommitted(it->second.slot, it->second.order, stop);
    }
  }
  const size_t slot = found ? newest.slot : preferred;
  for (uint64_t key : keys) last_[key] = Last{order, static_cast<uint32_t>(slot)};
  if (last_.size() >= sweep_at_) Sweep();
  return slot;
}

void Causality::Sweep() {
  boost::unordered::erase_if(last_, [this](const auto& entry) {
    return orders_.IsCommitted(entry.second.slot, entry.second.order);
  });
  // What is left is in flight; a sweep is worth it again when as much has come on top.
  sweep_at_ = std::max<size_t>(1 << 16, last_.size() * 2);
}

void Causality::Clear() {
  last_.clear();
  sweep_at_ = 1 << 16;
}

}  // namespace dm::migration
