#include "migration/sync/side_effects.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "mysql/sql/alter_spec.h"
#include "mysql/sql/lexer.h"

namespace dm::migration {

namespace {

using mysql::AlterKind;
using mysql::ReferenceAction;

bool ChangesRows(ReferenceAction action) {
  return action == ReferenceAction::kCascade || action == ReferenceAction::kSetNull ||
         action == ReferenceAction::kSetDefault;
}

bool ChangesRows(const mysql::ForeignKeyInfo& key) {
  return ChangesRows(key.on_delete) || ChangesRows(key.on_update);
}

bool IsOf(const mysql::ForeignKeyInfo& key, const mysql::Reference& reference,
          const std::vector<std::string>& columns) {
  return key.on_delete == reference.on_delete && key.on_update == reference.on_update &&
         std::equal(key.columns.begin(), key.columns.end(), columns.begin(), columns.end(),
                    mysql::EqualNames);
}

// Does the statement, or part of one, define this key of the table?
bool Defines(const mysql::Statement& split, const mysql::ForeignKeyInfo& key) {
  if (split.As<mysql::CreateTable>()) return true;
  const mysql::AlterSpec* spec = mysql::OnlySpec(split);
  if (spec == nullptr) return false;
  if (spec->kind == AlterKind::kAddConstraint) {
    if (spec->constraint.kind != mysql::ConstraintKind::kForeign) return false;
    std::vector<std::string> columns;
    for (const mysql::IndexPart& part : spec->constraint.parts) columns.push_back(part.column);
    return IsOf(key, spec->constraint.reference, columns);
  }
  return std::any_of(spec->columns.begin(), spec->columns.end(), [&](const auto& column) {
    const mysql::ColumnOption* option = column.Find(mysql::ColumnOptionKind::kReference);
    return option != nullptr && IsOf(key, option->reference, {column.name});
  });
}

}  // namespace

std::vector<std::string> NewKeysThatChangeRows(const mysql::Statement& split,
                                               const mysql::TableInfo* before,
                                               const mysql::TableInfo* after) {
  std::vector<std::string> names;
  if (after == nullptr) return names;
  const bool is_new = before == nullptr || split.As<mysql::CreateTable>() != nullptr;
  for (const mysql::ForeignKeyInfo& key : after->foreign_keys) {
    const auto same = [&](const mysql::ForeignKeyInfo& other) {
      return mysql::EqualNames(other.name, key.name) && other.on_delete == key.on_delete &&
             other.on_update == key.on_update;
    };
    if (ChangesRows(key) && Defines(split, key) &&
        (is_new || std::none_of(before->foreign_keys.begin(), before->foreign_keys.end(), same))) {
      names.push_back(key.name);
    }
  }
  return names;
}

std::optional<std::string> EngineWithoutRows(const mysql::Statement& split) {
  // What is written to the first two is gone; the others show rows that are elsewhere.
  constexpr std::array<std::string_view, 6> kEngines = {"BLACKHOLE",  "EXAMPLE",   "MERGE",
                                                        "MRG_MYISAM", "FEDERATED", "FEDERATEDX"};
  const mysql::AlterSpec* spec = mysql::OnlySpec(split);
  if (spec == nullptr || spec->kind != AlterKind::kOptions) return std::nullopt;
  for (const mysql::Option& option : spec->options) {
    if (option.name == "ENGINE" && std::find(kEngines.begin(), kEngines.end(),
                                             mysql::UpperWord(option.value)) != kEngines.end()) {
      return option.value;
    }
  }
  return std::nullopt;
}

bool TakesRowsAway(const mysql::Statement& split) {
  if (split.As<mysql::DropTable>() || split.As<mysql::TruncateTable>() ||
      split.As<mysql::DropDatabase>()) {
    return true;
  }
  const mysql::AlterSpec* spec = mysql::OnlySpec(split);
  return spec != nullptr &&
         (spec->kind == AlterKind::kDropPartition || spec->kind == AlterKind::kTruncatePartition);
}

}  // namespace dm::migration
