// Merges several changes of one row into one (`compact`).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "migration/rows/row_change.h"

namespace dm::migration {

// A change of a batch, and which of the batch's jobs it is: the last one of those merged into it.
struct BatchChange {
  RowChange row;
  size_t job = 0;
};

// Merges changes that follow each other. Not thread-safe; keeps its working space.
//
//   earlier   later     result
//   insert    update    insert of the new values, safe if the earlier one is
//   insert    delete    delete
//   update    update    update of the first old to the last new values
//   update    delete    delete
//   delete    insert    insert in safe mode
//
// The result stands where the later one was. Changes are merged only if they are of one table with
// an identity, have whole images, do not change the identity, and no change between them touches
// a unique key of the earlier one: else moving it behind that change could collide with it.
class ChangeMerger {
 public:
  // Leaves out what was merged into later changes, and returns how many these are. The rows'
  // batches must outlive the changes.
  size_t Merge(std::vector<BatchChange>& changes);

 private:
  // Keys of the change at `index`.
  void KeysOf(const RowChange& change, std::vector<uint64_t>& keys);
  bool IsLastAtKeys(size_t index) const;

  std::unordered_map<uint64_t, size_t> last_;  // change that touched a key last, by its hash
  std::vector<std::vector<uint64_t>> keys_;    // by change
  std::string scratch_;
};

}  // namespace dm::migration
