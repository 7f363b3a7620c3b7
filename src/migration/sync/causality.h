// Which worker a change goes to, so that changes that may collide are applied in their order.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <span>

#include "migration/sync/committed_orders.h"

namespace dm::migration {

// Remembers for every key the last change that had it. A change whose keys are all free may go
// anywhere; if changes with its keys wait in one slot, it goes behind them; if in several, it goes
// behind the newest and the others are waited for first. One owner thread.
class Causality {
 public:
  explicit Causality(CommittedOrders& orders) : orders_(orders) {}

  // The slot for a change with these keys, which will be given the next order, `order`. `preferred`
  // is taken if any will do.
  size_t Assign(std::span<const uint64_t> keys, uint64_t order, size_t preferred,
                const StopToken& stop);
  // Forgets everything; only when nothing is in flight.
  void Clear();
  size_t size() const { return last_.size(); }

 private:
  struct Last {
    uint64_t order;
    uint32_t slot;
  };
  void Sweep();

  CommittedOrders& orders_;
  boost::unordered_flat_map<uint64_t, Last> last_;
  size_t sweep_at_ = 1 << 16;
};

}  // namespace dm::migration
