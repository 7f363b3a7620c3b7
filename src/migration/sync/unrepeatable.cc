#include "migration/sync/unrepeatable.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "mysql/sql/lexer.h"

namespace dm::migration {

namespace {

// Of the server, the session or chance. (The clock is the statement's.)
constexpr std::array<std::string_view, 24> kUnrepeatable = {
    "BENCHMARK",  "CONNECTION_ID", "CURRENT_ROLE", "CURRENT_USER",   "FOUND_ROWS",
    "GET_LOCK",   "IS_FREE_LOCK",  "IS_USED_LOCK", "LAST_INSERT_ID", "LOAD_FILE",
    "RAND",       "RANDOM_BYTES",  "RELEASE_LOCK", "ROW_COUNT",      "SESSION_USER",
    "SYSDATE",    "SYSTEM_USER",   "SYS_GUID",     "USER",           "UUID",
    "UUID_SHORT", "UUID_V4",       "UUID_V7",      "VERSION"};

bool IsUnrepeatable(const mysql::ExprPtr& expr) {
  if (expr == nullptr) return false;
  if (expr->kind == mysql::ExprKind::kFunction &&
      std::find(kUnrepeatable.begin(), kUnrepeatable.end(), mysql::UpperWord(expr->name)) !=
          kUnrepeatable.end()) {
    return true;
  }
  return std::any_of(expr->args.begin(), expr->args.end(), IsUnrepeatable);
}

}  // namespace

std::optional<std::string> ColumnWithUnrepeatableDefault(const mysql::Statement& statement) {
  const auto* alter = statement.As<mysql::AlterTable>();
  if (alter == nullptr) return std::nullopt;
  for (const mysql::AlterSpec& spec : alter->specs) {
    if (spec.kind != mysql::AlterKind::kAddColumn) continue;
    for (const mysql::ColumnDef& column : spec.columns) {
      const mysql::ColumnOption* value = column.Find(mysql::ColumnOptionKind::kDefault);
      if (value != nullptr && IsUnrepeatable(value->expr)) return column.name;
    }
  }
  return std::nullopt;
}

}  // namespace dm::migration
