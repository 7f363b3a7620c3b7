#include "migration/dump/table_filter.h"

#include <algorithm>

#include "base/error/error.h"
#include "migration/rules/system_schema.h"

namespace dm::migration {

namespace {

// Wildcards: '*' any text, '?' one byte.
bool WildcardMatches(std::string_view pattern, std::string_view name) {
  size_t p = 0, n = 0;
  size_t star = std::string_view::npos, resume = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = n;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == name[n])) {
      ++p;
      ++n;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

std::pair<std::string, std::string> SplitAtDot(const std::string& entry, const char* option) {
  const size_t dot = entry.find('.');
  if (dot == std::string::npos || dot == 0 || dot + 1 == entry.size()) {
    throw Error(ErrorCode::kDumpUnitRuntime, "mydumper/dumpling runs with error")
        .SetRawCause(fmt::format("{} only accepts qualified table names, but `{}` lacks a dot",
                                 option, entry));
  }
  return {entry.substr(0, dot), entry.substr(dot + 1)};
}

BlockAllowList MakeList(const SubtaskConfig& config) {
  if (!config.block_allow_list) return BlockAllowList();
  return BlockAllowList(*config.block_allow_list, config.case_sensitive);
}

}  // namespace

TableFilter::TableFilter(const SubtaskConfig& config, const DumperArguments& arguments)
    : case_sensitive_(config.case_sensitive),
      list_(MakeList(config)),
      databases_(arguments.databases) {
  if (config.online_ddl && HasSync(config.mode)) {
    online_ddl_.emplace(config.shadow_table_rules, config.trash_table_rules);
  }
  if (config.block_allow_list) {
    for (const TablePattern& table : config.block_allow_list->do_tables) {
      do_table_schemas_.emplace_back(table.schema, case_sensitive_);
    }
  }
  if (!arguments.tables_list.empty()) {
    tables_.emplace();
    for (const std::string& entry : arguments.tables_list) {
      tables_->push_back(SplitAtDot(entry, "--tables-list"));
    }
  } else if (!arguments.filters.empty()) {
    patterns_.emplace();
    for (const std::string& entry : arguments.filters) patterns_->push_back(ParsePattern(entry));
  }
}

bool TableFilter::Pattern::MatchesSchema(std::string_view name) const {
  return schema_expression ? schema_expression->Matches(name) : WildcardMatches(schema, name);
}

bool TableFilter::Pattern::MatchesTable(std::string_view name) const {
  return table_expression ? table_expression->Matches(name) : WildcardMatches(table, name);
}

// "[!]schema.table", each part with wildcards or /a regular expression/.
TableFilter::Pattern TableFilter::ParsePattern(std::string entry) const {
  const std::string whole = entry;
  Pattern pattern;
  if (entry.starts_with('!')) {
    pattern.take = false;
    entry.erase(0, 1);
  }
  const auto expression = [&](const std::string& part) {
    return NamePattern("~" + part.substr(1, part.size() - 2), case_sensitive_);
  };
  const auto is_expression = [](const std::string& part) {
    return part.size() > 1 && part.front() == '/' && part.back() == '/';
  };
  try {
    size_t dot = entry.find('.');
    if (entry.starts_with('/')) dot = entry.find("/.", 1) + 1;  // 0: there is none
    if (dot == std::string::npos || dot == 0 || dot + 1 >= entry.size()) {
      SplitAtDot(entry.substr(0, entry.find('.')), "--filter");
    }
    pattern.schema = entry.substr(0, dot);
    pattern.table = entry.substr(dot + 1);
    if (is_expression(pattern.schema)) pattern.schema_expression = expression(pattern.schema);
    if (is_expression(pattern.table)) pattern.table_expression = expression(pattern.table);
  } catch (const std::exception& e) {
    const Error error = ToError(e);
    throw Error(ErrorCode::kDumpUnitRuntime, "mydumper/dumpling runs with error")
        .SetRawCause(fmt::format("--filter {} cannot be read: {}", whole,
                                 error.raw_cause().empty() ? error.message() : error.raw_cause()));
  }
  if (!case_sensitive_) {
    pattern.schema = LowerName(pattern.schema);
    pattern.table = LowerName(pattern.table);
  }
  return pattern;
}

bool TableFilter::Equal(std::string_view a, std::string_view b) const {
  return case_sensitive_ ? a == b : LowerName(a) == LowerName(b);
}

bool TableFilter::TakesSchema(std::string_view schema) const {
  if (IsSystemSchema(schema)) return false;
  if (!databases_.empty() &&
      std::find(databases_.begin(), databases_.end(), schema) == databases_.end()) {
    return false;
  }
  if (tables_) {
    return std::any_of(tables_->begin(), tables_->end(),
                       [&](const auto& entry) { return Equal(entry.first, schema); });
  }
  if (patterns_) {
    const std::string name = case_sensitive_ ? std::string(schema) : LowerName(schema);
    bool takes = false;
    for (const Pattern& pattern : *patterns_) {
      if (!pattern.MatchesSchema(name)) continue;
      if (pattern.take) {
        takes = true;
      } else if (pattern.table == "*") {
        takes = false;
      }
    }
    return takes;
  }
  if (list_.SkipsSchema(schema)) return false;
  return do_table_schemas_.empty() ||
         std::any_of(do_table_schemas_.begin(), do_table_schemas_.end(),
                     [&](const NamePattern& pattern) { return pattern.Matches(schema); });
}

bool TableFilter::TakesTable(std::string_view schema, std::string_view table) const {
  if (!TakesSchema(schema)) return false;
  if (online_ddl_ && online_ddl_->Classify(table).kind != OnlineDdlKind::kReal) return false;
  if (tables_) {
    return std::any_of(tables_->begin(), tables_->end(), [&](const auto& entry) {
      return Equal(entry.first, schema) && Equal(entry.second, table);
    });
  }
  if (patterns_) {
    const std::string schema_name = case_sensitive_ ? std::string(schema) : LowerName(schema);
    const std::string table_name = case_sensitive_ ? std::string(table) : LowerName(table);
    bool takes = false;
    for (const Pattern& pattern : *patterns_) {
      if (pattern.MatchesSchema(schema_name) && pattern.MatchesTable(table_name)) {
        takes = pattern.take;
      }
    }
    return takes;
  }
  return !list_.Skips(schema, table);
}

}  // namespace dm::migration
