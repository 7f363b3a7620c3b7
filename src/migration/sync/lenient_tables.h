// Tables whose rows a strict downstream session refuses although they are as they should be.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>

#include "base/error/error.h"
#include "migration/rows/table_plan.h"

namespace dm::migration {

// Remembers the tables of a run whose rows are written in a session that is not strict, with the
// server's warnings looked at. Shared by the workers; thread-safe. Does not keep plans alive.
class LenientTables {
 public:
  bool Contains(const TablePlan& plan) const;
  // `reason`: the error that the strict session gave.
  void Add(const std::shared_ptr<const TablePlan>& plan, const Error& reason);
  // Of a transaction that is committed: `warned` and `quiet` rows of the table, with and without
  // warnings. The first time this is logged; after many quiet rows the table is strict again.
  void Committed(const TablePlan& plan, size_t warned, size_t quiet);

 private:
  struct Entry {
    std::weak_ptr<const TablePlan> plan;
    Error reason;
    bool active = true;
    bool logged = false;
    size_t quiet = 0;  // rows since the last warning
  };
  Entry* Find(const TablePlan& plan);  // mutex_ held

  mutable std::mutex mutex_;
  // An address may be another plan's by now: the weak pointer tells.
  std::map<const TablePlan*, Entry> tables_;
  std::atomic<bool> any_{false};
};

}  // namespace dm::migration
