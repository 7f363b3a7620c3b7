#include "migration/sync/lenient_tables.h"

#include "base/log/log.h"

namespace dm::migration {

namespace {

// Odd rows often come together; a table that has had none for so long is an ordinary one.
constexpr size_t kQuietRows = 10000;

}  // namespace

LenientTables::Entry* LenientTables::Find(const TablePlan& plan) {
  const auto it = tables_.find(&plan);
  return it == tables_.end() || it->second.plan.expired() ? nullptr : &it->second;
}

bool LenientTables::Contains(const TablePlan& plan) const {
  if (!any_.load(std::memory_order_acquire)) return false;
  std::lock_guard lock(mutex_);
  const auto it = tables_.find(&plan);
  return it != tables_.end() && it->second.active && !it->second.plan.expired();
}

void LenientTables::Add(const std::shared_ptr<const TablePlan>& plan, const Error& reason) {
  std::lock_guard lock(mutex_);
  if (Entry* known = Find(*plan)) {
    known->active = true;
    known->quiet = 0;
  } else {
    std::erase_if(tables_, [](const auto& entry) { return entry.second.plan.expired(); });
    tables_.insert_or_assign(plan.get(), Entry{plan, reason});
  }
  any_.store(true, std::memory_order_release);
}

void LenientTables::Committed(const TablePlan& plan, size_t warned, size_t quiet) {
  std::lock_guard lock(mutex_);
  Entry* const entry = Find(plan);
  if (entry == nullptr) return;
  if (!entry->logged) {
    entry->logged = true;
    Log().Info(
        "a strict session refuses rows of this table that are as they should be, they are "
        "written without sql_mode STRICT_* and each warning is looked at",
        {F("target", plan.target.Quoted()), F("error", entry->reason)});
  }
  entry->quiet = warned > 0 ? 0 : entry->quiet + quiet;
  if (entry->quiet >= kQuietRows) entry->active = false;
}

}  // namespace dm::migration
