#include "migration/sync/split_statement.h"

#include <utility>

#include "mysql/sql/alter_spec.h"

namespace dm::migration {

bool IsRename(const mysql::Statement& split) {
  const mysql::AlterSpec* only = mysql::OnlySpec(split);
  return split.As<mysql::RenameTable>() != nullptr ||
         (only != nullptr && only->kind == mysql::AlterKind::kRenameTable);
}

std::optional<size_t> ProducedTable(const mysql::Statement& split) {
  if (split.As<mysql::CreateTable>()) return 0;
  if (split.As<mysql::RenameTable>()) return 1;
  if (const auto* alter = split.As<mysql::AlterTable>()) {
    for (const mysql::AlterSpec& spec : alter->specs) {
      if (spec.kind == mysql::AlterKind::kRenameTable ||
          spec.kind == mysql::AlterKind::kConvertPartition) {
        return 1;
      }
    }
  }
  return std::nullopt;
}

mysql::Statement DropOf(const TableId& table, const std::string& text) {
  mysql::DropTable drop;
  drop.if_exists = true;
  drop.tables.push_back({table.schema, table.table});
  mysql::Statement statement;
  statement.text = text;
  statement.body = std::move(drop);
  return statement;
}

mysql::Statement AlterOf(const TableId& table, mysql::AlterSpec spec, const std::string& text) {
  mysql::AlterTable alter;
  alter.table = {table.schema, table.table};
  alter.specs.push_back(std::move(spec));
  mysql::Statement statement;
  statement.text = text;
  statement.body = std::move(alter);
  return statement;
}

}  // namespace dm::migration
