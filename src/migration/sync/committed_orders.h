// What has been applied so far, slot by slot.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/thread/stop.h"

namespace dm::migration {

class CommittedOrders {
 public:
  virtual ~CommittedOrders() = default;
  // Has the slot committed the change with this order?
  virtual bool IsCommitted(size_t slot, uint64_t order) const = 0;
  // Blocks until it has. Throws Cancelled, or the Error of a failed worker.
  virtual void WaitCommitted(size_t slot, uint64_t order, const StopToken& stop) = 0;
};

}  // namespace dm::migration
