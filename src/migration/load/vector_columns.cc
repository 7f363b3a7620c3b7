#include "migration/load/vector_columns.h"

#include "base/error/error.h"
#include "migration/rules/name_pattern.h"

namespace dm::migration {

std::set<std::string> VectorColumnsOf(std::string_view create_table,
                                      const mysql::ParseOptions& options) {
  std::set<std::string> names;
  mysql::Statement statement;
  try {
    if (!mysql::ParseFirst(create_table, options, &statement)) return names;
  } catch (const Error&) {
    return names;
  }
  const auto* create = statement.As<mysql::CreateTable>();
  if (create == nullptr) return names;
  for (const mysql::ColumnDef& column : create->columns) {
    if (column.type.code == mysql::FieldType::kVector) names.insert(LowerName(column.name));
  }
  return names;
}

}  // namespace dm::migration
