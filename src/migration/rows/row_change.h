// One changed row on its way from the event to the downstream. Views into the event's buffer; no
// value is copied.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "migration/rows/table_plan.h"
#include "mysql/binlog/rows.h"

namespace dm::migration {

// A view: plan and batch belong to whoever made it.
struct RowChange {
  const TablePlan* plan = nullptr;
  const mysql::RowBatch* batch = nullptr;
  uint32_t row = 0;
  bool safe = false;      // to be written so that repeating is harmless
  bool partial = false;   // the event lacks columns, see partial_image.h
  bool filtered = false;  // the row may have been left out downstream

  // Of a change that several were merged into (MergeChanges): where the old image is, if that is
  // another row than `row`; and an insert of the new image of an update.
  const mysql::RowBatch* old_batch = nullptr;
  uint32_t old_row = 0;
  bool as_insert = false;

  // Of an update that takes the row from the current ones (row_versions.h): a delete of its old
  // image.
  bool as_delete = false;

  mysql::RowsKind kind() const {
    if (as_delete) return mysql::RowsKind::kDelete;
    return as_insert ? mysql::RowsKind::kInsert : batch->kind();
  }
  // Empty for an insert.
  std::span<const mysql::Cell> before() const {
    if (as_insert) return {};
    return old_batch != nullptr ? old_batch->before(old_row) : batch->before(row);
  }
  // Empty for a delete.
  std::span<const mysql::Cell> after() const {
    if (as_delete) return {};
    return batch->after(row);
  }
};

// Appends the hashes of everything this change may collide with: every unique key of old and new
// image, or the whole table's where keys cannot be told. Equal downstream keys have equal hashes.
// `scratch` is working space.
void AppendConflictKeys(std::vector<uint64_t>& out, const TablePlan& plan,
                        std::span<const mysql::Cell> before, std::span<const mysql::Cell> after,
                        std::string& scratch);

// Does an update change a value of any unique key of the downstream? Without keys any difference
// counts.
bool ChangesUniqueKey(const TablePlan& plan, std::span<const mysql::Cell> before,
                      std::span<const mysql::Cell> after);

// Changes whenever two plans of one target would hash keys of the same row differently.
uint64_t KeyShape(const TablePlan& plan);

// The same plan, with all rows in conflict.
std::shared_ptr<const TablePlan> WithOneKeyForAll(const TablePlan& plan);

// Do both images, of one plan with an identity, name the same row? Exact: values that are equal in
// a collation only do not.
bool SameIdentity(const TablePlan& plan, std::span<const mysql::Cell> a,
                  std::span<const mysql::Cell> b);

// The key by which `image` is found downstream: the identity, else the first unique key without a
// NULL in this image; nullptr: all columns.
const UniqueKey* WhereKey(const TablePlan& plan, std::span<const mysql::Cell> image);

}  // namespace dm::migration
