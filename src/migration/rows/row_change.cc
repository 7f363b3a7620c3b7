#include "migration/rows/row_change.h"

namespace dm::migration {

using mysql::Cell;

namespace {

bool HasNull(const UniqueKey& key, std::span<const Cell> image) {
  for (const KeyPart& part : key.parts) {
    if (image[part.column].is_null()) return true;
  }
  return false;
}

uint64_t HashKey(const TablePlan& plan, const UniqueKey& key, std::span<const Cell> image,
                 std::string& scratch) {
  uint64_t hash = key.seed;
  for (const KeyPart& part : key.parts) {
    const Cell& cell = image[part.column];
    const mysql::ColumnMeta& meta = plan.columns[part.column].meta;
    if (part.fold == KeyFold::kInteger) {
      hash = HashInteger(static_cast<uint64_t>(mysql::CellInteger(cell, meta)), hash);
      continue;
    }
    if (part.fold == KeyFold::kIncomparable) continue;
    scratch.clear();
    mysql::AppendText(scratch, cell, meta, plan.literals);
    std::string_view text = scratch;
    if (part.prefix >= 0) {
      size_t length = static_cast<size_t>(part.prefix);
      text = part.prefix_in_bytes ? text.substr(0, length) : Utf8Prefix(text, length);
    }
    if (part.fold == KeyFold::kText) {
      hash = HashBytes(text, hash);
    } else {
      thread_local std::string folded;
      folded.clear();
      AppendFolded(folded, text, part.fold);
      hash = HashBytes(folded, hash);
    }
  }
  return hash;
}

bool SameKey(const UniqueKey& key, std::span<const Cell> a, std::span<const Cell> b) {
  for (const KeyPart& part : key.parts) {
    if (!mysql::SameCell(a[part.column], b[part.column])) return false;
  }
  return true;
}

}  // namespace

void AppendConflictKeys(std::vector<uint64_t>& out, const TablePlan& plan,
                        std::span<const Cell> before, std::span<const Cell> after,
                        std::string& scratch) {
  if (plan.one_key_for_all || plan.keys.empty()) {
    out.push_back(plan.table_seed);
    return;
  }
  const size_t first = out.size();
  for (const UniqueKey& key : plan.keys) {
    bool old_done = false;
    if (!before.empty() && !HasNull(key, before)) {
      out.push_back(HashKey(plan, key, before, scratch));
      old_done = true;
    }
    if (after.empty() || HasNull(key, after)) continue;
    if (old_done && SameKey(key, before, after)) continue;
    out.push_back(HashKey(plan, key, after, scratch));
  }
  if (out.size() == first) out.push_back(plan.table_seed);
}

bool ChangesUniqueKey(const TablePlan& plan, std::span<const Cell> before,
                      std::span<const Cell> after) {
  if (!plan.identity) {
    for (size_t i = 0; i < before.size(); ++i) {
      if (!mysql::SameCell(before[i], after[i])) return true;
    }
    return false;
  }
  // An index that cannot be evaluated may have changed as well.
  if (plan.one_key_for_all) return true;
  for (const UniqueKey& key : plan.keys) {
    if (!SameKey(key, before, after)) return true;
  }
  return false;
}

bool SameIdentity(const TablePlan& plan, std::span<const Cell> a, std::span<const Cell> b) {
  return SameKey(plan.keys[*plan.identity], a, b);
}

const UniqueKey* WhereKey(const TablePlan& plan, std::span<const Cell> image) {
  if (plan.identity) return &plan.keys[*plan.identity];
  for (const UniqueKey& key : plan.keys) {
    if (key.findable && !HasNull(key, image)) return &key;
  }
  return nullptr;
}

}  // namespace dm::migration
