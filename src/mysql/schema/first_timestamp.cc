#include "mysql/schema/first_timestamp.h"

#include <utility>

namespace dm::mysql {

OfColumn FirstTimestampOf(TablePtr table) {
  return [table = std::move(table)](std::string_view name) {
    if (!table) return false;
    for (const ColumnInfo& column : table->columns) {
      if (column.type == FieldType::kTimestamp) return EqualNames(column.name, name);
    }
    return true;
  };
}

}  // namespace dm::mysql
