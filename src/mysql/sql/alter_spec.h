// What a part of an ALTER TABLE is.
#pragma once

#include <string>

#include "mysql/sql/statement.h"

namespace dm::mysql {

// The part of an ALTER TABLE that has one alone; null for any other statement. Of the statement.
inline const AlterSpec* OnlySpec(const Statement& statement) {
  const auto* alter = statement.As<AlterTable>();
  return alter != nullptr && alter->specs.size() == 1 ? &alter->specs.front() : nullptr;
}

// The name, up to now, of the column that a MODIFY or CHANGE gives another definition, which is
// columns[0]; null for any other part. Of the part.
inline const std::string* RedefinedColumn(const AlterSpec& spec) {
  switch (spec.kind) {
    case AlterKind::kModifyColumn:
      return &spec.columns.front().name;
    case AlterKind::kChangeColumn:
      return &spec.name;
    default:
      return nullptr;
  }
}

}  // namespace dm::mysql
