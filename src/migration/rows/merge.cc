#include "migration/rows/merge.h"

#include <algorithm>
#include <optional>

namespace dm::migration {

using mysql::RowsKind;

namespace {

bool MayMerge(const RowChange& change) {
  if (change.partial || !change.plan->identity) return false;
  return change.kind() != RowsKind::kUpdate ||
         SameIdentity(*change.plan, change.before(), change.after());
}

std::span<const mysql::Cell> AnyImage(const RowChange& change) {
  return change.kind() == RowsKind::kDelete ? change.before() : change.after();
}

// What both, in this order, come to; nullopt: nothing that is one change.
std::optional<RowChange> MergeTwo(const RowChange& earlier, const RowChange& later) {
  RowChange merged = later;
  switch (earlier.kind()) {
    case RowsKind::kInsert:
      if (later.kind() == RowsKind::kInsert) return std::nullopt;
      if (later.kind() == RowsKind::kDelete) return merged;
      merged.as_insert = true;
      merged.old_batch = nullptr;
      merged.safe = earlier.safe || later.safe;
      return merged;
    case RowsKind::kUpdate:
      if (later.kind() == RowsKind::kInsert) return std::nullopt;
      if (later.kind() == RowsKind::kDelete) return merged;
      merged.old_batch = earlier.old_batch != nullptr ? earlier.old_batch : earlier.batch;
      merged.old_row = earlier.old_batch != nullptr ? earlier.old_row : earlier.row;
      merged.safe = earlier.safe || later.safe;
      return merged;
    case RowsKind::kDelete:
      if (later.kind() != RowsKind::kInsert) return std::nullopt;
      merged.safe = true;
      return merged;
  }
  return std::nullopt;
}

}  // namespace

void ChangeMerger::KeysOf(const RowChange& change, std::vector<uint64_t>& keys) {
  keys.clear();
  AppendConflictKeys(keys, *change.plan, change.before(), change.after(), scratch_);
}

bool ChangeMerger::IsLastAtKeys(size_t index) const {
  return std::all_of(keys_[index].begin(), keys_[index].end(),
                     [&](uint64_t key) { return last_.at(key) == index; });
}

size_t ChangeMerger::Merge(std::vector<BatchChange>& changes) {
  last_.clear();
  if (keys_.size() < changes.size()) keys_.resize(changes.size());
  std::vector<bool> gone(changes.size());
  size_t merged = 0;
  for (size_t i = 0; i < changes.size(); ++i) {
    RowChange& row = changes[i].row;
    KeysOf(row, keys_[i]);
    if (MayMerge(row)) {
      for (const uint64_t key : keys_[i]) {
        const auto found = last_.find(key);
        if (found == last_.end()) continue;
        const size_t earlier = found->second;
        const RowChange& other = changes[earlier].row;
        if (other.plan != row.plan || !MayMerge(other) ||
            !SameIdentity(*row.plan, AnyImage(other), AnyImage(row)) || !IsLastAtKeys(earlier)) {
          continue;
        }
        const std::optional<RowChange> both = MergeTwo(other, row);
        if (!both) break;
        row = *both;
        gone[earlier] = true;
        ++merged;
        keys_[i].insert(keys_[i].end(), keys_[earlier].begin(), keys_[earlier].end());
        break;
      }
    }
    for (const uint64_t key : keys_[i]) last_[key] = i;
  }
  if (merged == 0) return 0;
  size_t kept = 0;
  for (size_t i = 0; i < changes.size(); ++i) {
    if (!gone[i]) changes[kept++] = changes[i];
  }
  changes.resize(kept);
  return merged;
}

}  // namespace dm::migration
