#include "migration/sync/shrunk_keys.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace dm::migration {

using mysql::AlterKind;
using mysql::AlterSpec;
using mysql::IndexColumn;
using mysql::IndexInfo;

namespace {

bool Drops(const mysql::AlterTable& alter, std::string_view column) {
  return std::any_of(alter.specs.begin(), alter.specs.end(), [&](const AlterSpec& spec) {
    return spec.kind == AlterKind::kDropColumn && mysql::EqualNames(spec.name, column);
  });
}

// Does the statement itself say what becomes of the key?
bool Names(const mysql::AlterTable& alter, const IndexInfo& index) {
  return std::any_of(alter.specs.begin(), alter.specs.end(), [&](const AlterSpec& spec) {
    return index.primary
               ? spec.kind == AlterKind::kDropPrimaryKey
               : (spec.kind == AlterKind::kDropIndex || spec.kind == AlterKind::kRenameIndex) &&
                     mysql::EqualNames(spec.name, index.name);
  });
}

// The name that a column has behind the statement.
std::string NameBehind(const mysql::AlterTable& alter, const std::string& column) {
  for (const AlterSpec& spec : alter.specs) {
    if (!mysql::EqualNames(spec.name, column)) continue;
    if (spec.kind == AlterKind::kRenameColumn) return spec.new_name;
    if (spec.kind == AlterKind::kChangeColumn) return spec.columns.front().name;
  }
  return column;
}

std::vector<IndexColumn> WithoutDropped(const mysql::AlterTable& alter, const IndexInfo& index) {
  std::vector<IndexColumn> columns = index.columns;
  std::erase_if(columns, [&](const IndexColumn& column) { return Drops(alter, column.name); });
  return columns;
}

// Are values that differ in `one` (or its prefix) sure to differ in `other`?
bool TellsApart(const IndexColumn& other, const IndexColumn& one) {
  return mysql::EqualNames(other.name, one.name) &&
         (other.length < 0 || (one.length >= 0 && other.length >= one.length));
}

// Is what differs in one of the keys sure to differ in `columns`?
bool IsImplied(const std::vector<IndexColumn>& columns, const UniqueKeys& keys) {
  return std::any_of(keys.begin(), keys.end(), [&](const std::vector<IndexColumn>& key) {
    return std::all_of(key.begin(), key.end(), [&](const IndexColumn& one) {
      return std::any_of(columns.begin(), columns.end(),
                         [&](const IndexColumn& other) { return TellsApart(other, one); });
    });
  });
}

AlterSpec DropOf(const IndexInfo& index) {
  AlterSpec drop{};
  drop.kind = index.primary ? AlterKind::kDropPrimaryKey : AlterKind::kDropIndex;
  if (!index.primary) drop.name = index.name;
  return drop;
}

AlterSpec AddOf(const IndexInfo& index, const std::vector<IndexColumn>& columns,
                const mysql::AlterTable& alter) {
  AlterSpec add{};
  add.kind = AlterKind::kAddConstraint;
  add.constraint.kind =
      index.primary ? mysql::ConstraintKind::kPrimary : mysql::ConstraintKind::kUnique;
  if (!index.primary) add.constraint.name = index.name;
  if (index.invisible) add.constraint.options.visible = false;
  if (!index.comment.empty()) add.constraint.options.comment = index.comment;
  for (const IndexColumn& column : columns) {
    mysql::IndexPart& part = add.constraint.parts.emplace_back();
    part.column = NameBehind(alter, column.name);
    part.length = column.length;
  }
  return add;
}

}  // namespace

UniqueKeys KeysBehind(const mysql::AlterTable& alter, const mysql::TableInfo& before) {
  UniqueKeys keys;
  for (const IndexInfo& index : before.indexes) {
    // (Of an expression the name is one that no other table has.)
    if ((!index.unique && !index.primary) || index.multi_valued || Names(alter, index)) continue;
    std::vector<IndexColumn> columns = WithoutDropped(alter, index);
    if (!columns.empty()) keys.push_back(std::move(columns));
  }
  return keys;
}

ShrunkKeys MakeShrunkKeysAgain(mysql::AlterTable* alter, const mysql::TableInfo& downstream,
                               const UniqueKeys& upstream) {
  std::vector<AlterSpec> added;
  for (const IndexInfo& index : downstream.indexes) {
    if ((!index.unique && !index.primary) || Names(*alter, index)) continue;
    const std::vector<IndexColumn> columns = WithoutDropped(*alter, index);
    // One that loses all its columns goes with them.
    if (columns.empty() || columns.size() == index.columns.size()) continue;
    if (index.without_overlaps || !IsImplied(columns, upstream)) return ShrunkKeys::kRefused;
    added.push_back(DropOf(index));
    added.push_back(AddOf(index, columns, *alter));
  }
  alter->specs.insert(alter->specs.end(), added.begin(), added.end());
  return added.empty() ? ShrunkKeys::kNone : ShrunkKeys::kMadeAgain;
}

}  // namespace dm::migration
