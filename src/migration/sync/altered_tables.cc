#include "migration/sync/altered_tables.h"

#include <algorithm>
#include <set>
#include <utility>

#include "migration/sync/split_statement.h"
#include "mysql/sql/rewrite.h"

namespace dm::migration {

namespace {

bool IsOf(const mysql::IndexInfo& info, const mysql::Constraint& index) {
  return !info.primary &&
         std::equal(info.columns.begin(), info.columns.end(), index.parts.begin(),
                    index.parts.end(),
                    [](const mysql::IndexColumn& column, const mysql::IndexPart& part) {
                      return mysql::EqualNames(column.name, part.column);
                    });
}

}  // namespace

AlteredTables::AlteredTables(const mysql::SchemaTracker& tracker,
                             const mysql::TrackerChange& change, std::string schema,
                             const std::vector<PlannedStatement>& planned)
    : tracker_(tracker), change_(change), schema_(std::move(schema)), planned_(planned) {}

size_t AlteredTables::Begin(size_t index) const {
  while (index > 0 && planned_[index - 1].source.text == planned_[index].source.text) --index;
  return index;
}

size_t AlteredTables::End(size_t index) const {
  const std::string& text = planned_[index].source.text;
  while (index < planned_.size() && planned_[index].source.text == text) ++index;
  return index;
}

mysql::TablePtr AlteredTables::Before(size_t index) const {
  const size_t begin = Begin(index);
  TableId table = planned_[index].tables.front();
  for (size_t i = index; i-- > begin;) {
    const std::vector<TableId>& tables = planned_[i].tables;
    if (IsRename(planned_[i].source) && tables.size() == 2 && tables[1] == table) {
      table = tables[0];
    }
  }
  return After(begin, table);
}

mysql::TablePtr AlteredTables::After(size_t index) const {
  const size_t end = End(index);
  TableId table = planned_[index].tables.front();
  for (size_t i = index; i < end; ++i) {
    const std::vector<TableId>& tables = planned_[i].tables;
    if (IsRename(planned_[i].source) && tables.size() == 2 && tables[0] == table) {
      table = tables[1];
    }
  }
  return After(end, table);
}

mysql::TablePtr AlteredTables::After(size_t end, const TableId& table) const {
  if (end == 0) return tracker_.GetTable(table.schema, table.table);
  if (end == planned_.size()) return tracker_.GetTable(change_, table.schema, table.table);
  std::vector<mysql::Statement> sources;
  for (size_t i = 0; i < end; ++i) {
    if (planned_[i].is_tracked()) sources.push_back(planned_[i].source);
  }
  return tracker_.GetTable(tracker_.Plan(schema_, mysql::JoinAlters(std::move(sources))),
                           table.schema, table.table);
}

std::function<std::string(const mysql::Constraint&)> NamesOfIndexes(mysql::TablePtr before,
                                                                    mysql::TablePtr table) {
  return [before = std::move(before), table = std::move(table),
          told = std::set<std::string>()](const mysql::Constraint& index) mutable -> std::string {
    if (table == nullptr) return "";
    // One that has the name of one before it takes its place, which is less likely.
    for (const bool replaced : {false, true}) {
      for (const mysql::IndexInfo& info : table->indexes) {
        const bool known = before != nullptr && before->FindIndex(info.name) != nullptr;
        if (known == replaced && IsOf(info, index) && told.insert(info.name).second) {
          return info.name;
        }
      }
    }
    return "";
  };
}

}  // namespace dm::migration
