#include "mysql/schema/modify_event.h"

#include <algorithm>

#include "base/error/error.h"
#include "mysql/sql/alter_spec.h"

namespace dm::mysql {
namespace {

int64_t DefaultLength(FieldType type, bool is_unsigned) {
  switch (type) {
    case FieldType::kTiny:
      return is_unsigned ? 3 : 4;
    case FieldType::kShort:
      return is_unsigned ? 5 : 6;
    case FieldType::kInt24:
      return is_unsigned ? 8 : 9;
    case FieldType::kLong:
      return is_unsigned ? 10 : 11;
    default:
      return 20;
  }
}

bool IsAppended(const std::vector<std::string>& before, const std::vector<std::string>& after) {
  return after.size() >= before.size() && std::equal(before.begin(), before.end(), after.begin());
}

// Name for the change of type alone; empty if it is none that matters.
std::string_view TypeChange(const ColumnInfo& before, const ColumnInfo& after) {
  const bool sign = before.is_unsigned() != after.is_unsigned();
  const bool shrink_or_sign =
      sign ||
      (after.length > 0 && (after.length < before.length || after.decimals < before.decimals));
  if (before.type == after.type) {
    switch (before.type) {
      case FieldType::kNewDecimal:
        return sign || before.length != after.length || before.decimals != after.decimals
                   ? "precision decrease"
                   : "";
      case FieldType::kEnum:
      case FieldType::kSet:
        return IsAppended(before.elements, after.elements) ? "" : "value range decrease";
      case FieldType::kString:
        if (before.charset == "binary" && after.charset == "binary") {
          return before.length != after.length ? "precision decrease" : "";
        }
        return "";
      default:
        if (IsIntegerType(before.type)) return sign ? "precision decrease" : "";
        return shrink_or_sign ? "value range decrease" : "";
    }
  }
  const auto is_char = [](FieldType type) { return type == FieldType::kString; };
  const auto is_varchar = [](FieldType type) {
    return type == FieldType::kVarchar || type == FieldType::kVarString;
  };
  if ((is_char(before.type) && is_varchar(after.type)) ||
      (is_varchar(before.type) && is_char(after.type))) {
    return "modify column";
  }
  if (before.is_string() && after.is_string()) return shrink_or_sign ? "modify column" : "";
  if (IsIntegerType(before.type) && IsIntegerType(after.type)) {
    const bool smaller = DefaultLength(after.type, after.is_unsigned()) <
                         DefaultLength(before.type, before.is_unsigned());
    return smaller || sign ? "value range decrease" : "";
  }
  return "modify column";
}

std::string_view ModifyEvent(const AlterSpec& spec, const TableInfo& table,
                             const BuildOptions& options) {
  const ColumnDef& definition = spec.columns.front();
  const ColumnInfo* before = table.FindColumn(*RedefinedColumn(spec));
  if (before == nullptr) return "alter table";
  ColumnInfo after;
  try {
    after = BuildColumn(definition, table, options);
  } catch (const Error&) {
    // A definition that cannot be built has no finer name; tracking it reports the reason.
    return "alter table";
  }
  if (const std::string_view name = TypeChange(*before, after); !name.empty()) return name;
  // Only what the new definition repeats counts as kept.
  const bool primary = definition.Find(ColumnOptionKind::kPrimaryKey) != nullptr;
  const bool unique = definition.Find(ColumnOptionKind::kUniqueKey) != nullptr;
  if (before->is_auto_increment() && !after.is_auto_increment()) return "remove auto increment";
  if (before->is_primary() && !primary) return "drop primary key";
  if ((before->flags & column_flag::kUniqueKey) && !unique) return "drop unique key";
  if (before->default_value != after.default_value) return "modify default value";
  if (before->charset != after.charset) return "modify charset";
  if (before->collation != after.collation) return "modify collation";
  if (spec.position != AlterSpec::Position::kNone) return "modify columns order";
  if (before->name != after.name) return "rename column";
  return "alter table";
}

}  // namespace

std::string_view EventNameOf(const Statement& split, const TableInfo* tracked,
                             const BuildOptions& options) {
  const auto* alter = split.As<AlterTable>();
  if (alter != nullptr && !alter->specs.empty() && tracked != nullptr) {
    const AlterSpec& spec = alter->specs.front();
    if (RedefinedColumn(spec) != nullptr) return ModifyEvent(spec, *tracked, options);
  }
  return EventName(split);
}

}  // namespace dm::mysql
