#include "migration/load/enum_members.h"

#include <algorithm>

#include "base/error/error.h"
#include "migration/rules/name_pattern.h"

namespace dm::migration {

EnumMembers EnumMembersOf(std::string_view create_table, const mysql::ParseOptions& options) {
  EnumMembers members;
  mysql::Statement statement;
  try {
    if (!mysql::ParseFirst(create_table, options, &statement)) return members;
  } catch (const Error&) {
    return members;
  }
  const auto* create = statement.As<mysql::CreateTable>();
  if (create == nullptr) return members;
  for (const mysql::ColumnDef& column : create->columns) {
    if (column.type.code != mysql::FieldType::kEnum) continue;
    members[LowerName(column.name)] = column.type.elements;
  }
  return members;
}

bool HoldsMembers(const EnumMembers& source, const EnumMembers& target, const std::string& column) {
  const auto from = source.find(LowerName(column));
  const auto to = target.find(LowerName(column));
  if (from == source.end() || to == target.end()) return false;
  return std::all_of(from->second.begin(), from->second.end(), [&](const std::string& member) {
    return std::find(to->second.begin(), to->second.end(), member) != to->second.end();
  });
}

}  // namespace dm::migration
