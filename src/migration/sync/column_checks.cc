#include "migration/sync/column_checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "mysql/sql/alter_spec.h"

namespace dm::migration {

namespace {

using mysql::AlterKind;

bool NamesAlone(const mysql::CheckInfo& check, std::string_view column) {
  return !check.columns.empty() &&
         std::all_of(check.columns.begin(), check.columns.end(),
                     [&](const std::string& name) { return mysql::EqualNames(name, column); });
}

// t_chk_1
bool IsGenerated(std::string_view name, std::string_view table) {
  const std::string prefix = fmt::format("{}_chk_", table);
  return name.size() > prefix.size() && mysql::EqualNames(name.substr(0, prefix.size()), prefix) &&
         name.find_first_not_of("0123456789", prefix.size()) == std::string_view::npos;
}

}  // namespace

void DropColumnChecks(mysql::AlterTable* alter, const mysql::TableInfo& downstream,
                      const mysql::TableInfo* upstream) {
  std::vector<mysql::AlterSpec> drops;
  for (const mysql::AlterSpec& spec : alter->specs) {
    const std::string* redefined = mysql::RedefinedColumn(spec);
    if (redefined == nullptr) continue;
    const std::string& old = *redefined;
    const std::string& now = spec.columns.front().name;
    if (upstream != nullptr && std::any_of(upstream->checks.begin(), upstream->checks.end(),
                                           [&](const mysql::CheckInfo& check) {
                                             return !check.in_column && (NamesAlone(check, old) ||
                                                                         NamesAlone(check, now));
                                           })) {
      continue;
    }
    for (const mysql::CheckInfo& check : downstream.checks) {
      if (!NamesAlone(check, old) || !IsGenerated(check.name, downstream.name)) continue;
      mysql::AlterSpec& drop = drops.emplace_back();
      drop.kind = AlterKind::kDropCheck;
      drop.name = check.name;
    }
  }
  // First: a list that is executed one by one needs them gone.
  alter->specs.insert(alter->specs.begin(), drops.begin(), drops.end());
}

}  // namespace dm::migration
