// Do the inserts of a table go to its right edge: does each have a larger key than all before it?
#pragma once

#include <cstdint>
#include <span>

#include "migration/rows/table_plan.h"

namespace dm::migration {

// Told by the first column of the identity, if that is an integer. Not thread-safe.
class RightEdge {
 public:
  // An inserted row of a table with this plan; of several at once, the last one.
  void Note(const TablePlan& plan, std::span<const mysql::Cell> row);
  // Clients that insert at the same time get their keys in another order than they commit; of
  // random keys few are the largest.
  bool is_hit() const { return score_ >= kHit; }

 private:
  static constexpr int kHit = 8;
  static constexpr int kMost = 16;
  static constexpr int kForLargest = 4;  // others count 1

  uint64_t largest_ = 0;  // in the order of the column's numbers
  int score_ = 0;
};

}  // namespace dm::migration
