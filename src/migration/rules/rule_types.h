// The rules of a task as they are written in a file: plain values, not yet compiled.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace dm::migration {

// An entry of a table list. Both parts are patterns (name_pattern.h).
struct TablePattern {
  std::string schema = {};  // db-name
  std::string table = {};   // tbl-name
  bool operator==(const TablePattern&) const = default;
};

// One block/allow list. Empty lists and missing lists mean the same.
struct BlockAllowRules {
  std::vector<TablePattern> do_tables = {};
  std::vector<std::string> do_dbs = {};
  std::vector<TablePattern> ignore_tables = {};
  std::vector<std::string> ignore_dbs = {};
  bool operator==(const BlockAllowRules&) const = default;
};

// Where the constant value of an extra column comes from.
struct Extractor {
  std::string target_column = {};
  std::string regexp = {};  // table-regexp, schema-regexp or source-regexp
  bool operator==(const Extractor&) const = default;
};

struct RouteRule {
  std::string schema_pattern = {};
  std::string table_pattern = {};  // empty: the rule is on schema level
  std::string target_schema = {};
  std::string target_table = {};  // empty: the table keeps its name
  std::optional<Extractor> extract_table = {};
  std::optional<Extractor> extract_schema = {};
  std::optional<Extractor> extract_source = {};
  bool operator==(const RouteRule&) const = default;
};

struct EventFilterRule {
  std::string schema_pattern = {};
  std::string table_pattern = {};  // empty: the rule is on schema level
  std::vector<std::string> events = {};
  std::vector<std::string> sql_pattern = {};
  std::string action = {};  // "Do", "Ignore" or "Error"
  bool operator==(const EventFilterRule&) const = default;
};

struct ExpressionFilterRule {
  std::string schema = {};
  std::string table = {};
  std::string insert_value_expr = {};
  std::string update_old_value_expr = {};
  std::string update_new_value_expr = {};
  std::string delete_value_expr = {};
  bool operator==(const ExpressionFilterRule&) const = default;
};

}  // namespace dm::migration
