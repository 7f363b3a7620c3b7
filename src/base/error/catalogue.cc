// The error catalogue put together from its parts.
#include "base/error/catalogue.h"

#include <algorithm>
#include <vector>

#include "base/error/error.h"

namespace dm {
namespace {

// Never destroyed: errors may be made while the process ends.
const std::vector<ErrorEntry>& Catalogue() {
  static const auto* const kAll = [] {
    auto* all = new std::vector<ErrorEntry>;
    for (std::span<const ErrorEntry> part :
         {CommonErrors(), ConfigErrors(), UnitErrors(), SyncErrors(), MasterErrors(),
          WorkerErrors(), SchemaErrors(), SchedulerErrors()}) {
      all->insert(all->end(), part.begin(), part.end());
    }
    return all;
  }();
  return *kAll;
}

}  // namespace

const ErrorEntry* FindErrorEntry(int code) {
  const std::vector<ErrorEntry>& all = Catalogue();
  const auto it = std::lower_bound(
      all.begin(), all.end(), code,
      [](const ErrorEntry& entry, int value) { return static_cast<int>(entry.code) < value; });
  return it != all.end() && static_cast<int>(it->code) == code ? &*it : nullptr;
}

std::span<const ErrorEntry> ErrorCatalogue() { return Catalogue(); }

}  // namespace dm
