#include "migration/dump/catalogue.h"

#include <algorithm>
#include <charconv>
#include <map>

#include "mysql/value/quote.h"

namespace dm::migration {

namespace {

constexpr int kNoSuchTable = 1146;
constexpr int kNotASequence = 4089;
constexpr int kUnknownSequence = 4091;

std::string Cell(const mysql::ResultSet& result, size_t row, std::string_view column) {
  const auto index = result.ColumnIndex(column);
  return index ? result.rows[row][*index].value_or("") : "";
}

uint64_t ToNumber(std::string_view text) {
  uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::string Quoted(const TableId& id) { return mysql::QuoteTable(id.schema, id.table); }

std::string JoinNames(const std::vector<std::string>& names) {
  std::string list;
  for (const std::string& name : names) {
    if (!list.empty()) list += ',';
    mysql::AppendQuotedName(list, name);
  }
  return list;
}

// The column of a SHOW CREATE answer, by position: names differ between servers and objects.
std::string CreateText(const mysql::ResultSet& result, const std::string& object) {
  if (result.rows.empty() || result.rows[0].size() < 2 || !result.rows[0][1]) {
    throw Error(ErrorCode::kDumpUnitRuntime, "mydumper/dumpling runs with error")
        .SetRawCause(fmt::format("the upstream shows no definition of {}", object));
  }
  return *result.rows[0][1];
}

}  // namespace

std::vector<DumpSchema> ListTables(mysql::Connection& db, const TableFilter& filter,
                                   const ListedKinds& kinds, const Logger& log,
                                   const StopToken& stop) {
  std::vector<DumpSchema> schemas;
  for (const auto& row : db.Query("SHOW DATABASES", stop).rows) {
    const std::string name = row.at(0).value_or("");
    if (filter.TakesSchema(name)) schemas.push_back({name, {}, {}, {}});
  }
  std::vector<std::string> unknown;
  for (const std::string& name : filter.databases()) {
    if (std::none_of(schemas.begin(), schemas.end(),
                     [&](const DumpSchema& schema) { return schema.name == name; })) {
      unknown.push_back(name);
    }
  }
  if (!unknown.empty()) {
    throw Error(ErrorCode::kDumpUnitRuntime, "mydumper/dumpling runs with error")
        .SetRawCause(fmt::format("Unknown databases [{}]", fmt::join(unknown, ",")));
  }
  for (DumpSchema& schema : schemas) {
    // Cheap also under a lock: it opens no table.
    const auto tables =
        db.Query(fmt::format("SHOW FULL TABLES FROM {}", mysql::QuoteName(schema.name)), stop);
    for (size_t row = 0; row < tables.rows.size(); ++row) {
      const std::string name = tables.rows[row].at(0).value_or("");
      const std::string type = Cell(tables, row, "Table_type");
      if (!filter.TakesTable(schema.name, name)) continue;
      if (type == "VIEW" || type == "SYSTEM VIEW") {
        if (kinds.views) schema.views.push_back(name);
      } else if (type == "SEQUENCE" && kinds.sequences && db.server().is_mariadb) {
        schema.sequences.push_back(name);
      } else if (type == "SEQUENCE") {
        log.Warn("sequence is not dumped", {F("schema", schema.name), F("sequence", name)});
      } else {
        schema.tables.push_back(name);
      }
    }
  }
  return schemas;
}

std::set<TableId> WithoutSnapshot(mysql::Connection& db, const std::vector<DumpSchema>& schemas,
                                  const StopToken& stop) {
  std::set<TableId> selected;
  std::vector<std::string> names;
  for (const DumpSchema& schema : schemas) {
    if (!schema.tables.empty()) names.push_back(mysql::QuoteAnyMode(schema.name));
    for (const std::string& table : schema.tables) selected.insert({schema.name, table});
  }
  std::set<TableId> tables;
  const auto look_in = [&](const std::string& condition) {
    const auto found = db.Query(
        "SELECT t.TABLE_SCHEMA, t.TABLE_NAME FROM information_schema.TABLES t JOIN "
        "information_schema.ENGINES e ON e.ENGINE = t.ENGINE WHERE "
        "COALESCE(e.TRANSACTIONS, 'NO') <> 'YES' AND " +
            condition,
        stop);
    for (const auto& row : found.rows) {
      TableId id{row.at(0).value_or(""), row.at(1).value_or("")};
      if (selected.contains(id)) tables.insert(std::move(id));
    }
  };
  // Servers without a data dictionary open the files of all tables of all databases but one that is
  // named alone.
  constexpr size_t kOneByOne = 200;
  if (names.size() <= kOneByOne) {
    for (const std::string& name : names) look_in("t.TABLE_SCHEMA = " + name);
  } else {
    look_in("t.TABLE_SCHEMA NOT IN ('mysql', 'sys', 'information_schema', 'performance_schema')");
  }
  return tables;
}

std::string DumpTable::ColumnList() const {
  std::vector<std::string> names;
  for (const DumpColumn& column : columns) {
    if (!column.IsGenerated()) names.push_back(column.name);
  }
  return JoinNames(names);
}

std::string DumpTable::SelectList() const {
  std::string list;
  for (const DumpColumn& column : columns) {
    if (column.IsGenerated()) continue;
    if (!list.empty()) list += ',';
    mysql::AppendQuotedName(list, column.name);
    // A FLOAT's text has 6 digits only; as DOUBLE all that it holds. (A product keeps the sign of
    // zero; CAST AS DOUBLE is unknown to older servers.)
    if (column.IsFloat()) list += "*1e0";
  }
  for (const DumpColumn& column : columns) {
    const std::string charset = column.IsGenerated() ? "" : column.LossyCharset();
    if (charset.empty()) continue;
    if (charset == "armscii8") {
      // It has its own ( ) , - . beside ASCII's, and servers do not agree which of the two a
      // character is: what the upstream takes back may be another byte downstream.
      list += fmt::format(",HEX({})", mysql::QuoteName(column.name));
      continue;
    }
    list += fmt::format(
        ",IF(CAST(CONVERT(CONVERT({0} USING utf8mb4) USING {1}) AS BINARY)=CAST({0} AS BINARY),"
        "NULL,HEX({0}))",
        mysql::QuoteName(column.name), charset);
  }
  return list.empty() ? "''" : list;
}

std::vector<std::string> DumpTable::LossyCharsets() const {
  std::vector<std::string> charsets;
  for (const DumpColumn& column : columns) {
    if (!column.IsGenerated()) charsets.push_back(column.LossyCharset());
  }
  return charsets;
}

std::string DumpTable::OrderBy(const DumpColumn* split) const {
  if (split != nullptr && !primary_key.empty() && primary_key[0] != split->name) {
    return " ORDER BY " + mysql::QuoteName(split->name);
  }
  return primary_key.empty() ? "" : " ORDER BY " + JoinNames(primary_key);
}

std::vector<bool> DumpTable::FloatColumns() const {
  std::vector<bool> floats;
  for (const DumpColumn& column : columns) {
    if (!column.IsGenerated()) floats.push_back(column.IsFloat());
  }
  return floats;
}

DumpTable DescribeTable(mysql::Connection& db, const TableId& id, const StopToken& stop) {
  DumpTable table;
  table.id = id;
  const auto columns = db.Query("SHOW FULL COLUMNS FROM " + Quoted(id), stop);
  for (size_t row = 0; row < columns.rows.size(); ++row) {
    table.columns.push_back({Cell(columns, row, "Field"), Cell(columns, row, "Type"),
                             Cell(columns, row, "Extra"), Cell(columns, row, "Null") == "YES",
                             Cell(columns, row, "Collation")});
  }
  const auto parts = db.Query("SHOW INDEX FROM " + Quoted(id), stop);
  std::map<std::string, size_t> positions;
  for (size_t row = 0; row < parts.rows.size(); ++row) {
    const std::string name = Cell(parts, row, "Key_name");
    const auto [it, is_new] = positions.try_emplace(name, table.indexes.size());
    if (is_new) {
      DumpIndex index;
      index.name = name;
      index.unique = Cell(parts, row, "Non_unique") == "0";
      // A hash, which MariaDB makes of keys that are too long, has no order to go along.
      index.usable = Cell(parts, row, "Visible") != "NO" && Cell(parts, row, "Ignored") != "YES" &&
                     Cell(parts, row, "Index_type") != "HASH";
      index.cardinality = ToNumber(Cell(parts, row, "Cardinality"));
      table.indexes.push_back(std::move(index));
    }
    if (!Cell(parts, row, "Sub_part").empty() || Cell(parts, row, "Collation") != "A") {
      table.indexes[it->second].whole = false;
    }
    table.indexes[it->second].columns.push_back(Cell(parts, row, "Column_name"));
  }
  for (const DumpIndex& index : table.indexes) {
    if (index.name == "PRIMARY") table.primary_key = index.columns;
  }
  return table;
}

std::string ShowCreateDatabase(mysql::Connection& db, const std::string& schema,
                               const StopToken& stop) {
  const std::string name = mysql::QuoteName(schema);
  try {
    return CreateText(db.Query("SHOW CREATE DATABASE " + name, stop), name);
  } catch (const Error& e) {
    if (db.broken()) throw;
    return "CREATE DATABASE " + name;
  }
}

std::string ShowCreateTable(mysql::Connection& db, const TableId& id, const StopToken& stop) {
  return CreateText(db.Query("SHOW CREATE TABLE " + Quoted(id), stop), Quoted(id));
}

ViewText ShowCreateView(mysql::Connection& db, const TableId& id, const StopToken& stop) {
  const std::string name = mysql::QuoteName(id.table);
  ViewText text;
  const auto fields = db.Query("SHOW FIELDS FROM " + Quoted(id), stop);
  text.placeholder = "CREATE TABLE " + name + "(\n";
  for (size_t row = 0; row < fields.rows.size(); ++row) {
    text.placeholder += fmt::format("{} int{}\n", mysql::QuoteName(Cell(fields, row, "Field")),
                                    row + 1 < fields.rows.size() ? "," : "");
  }
  text.placeholder += ")ENGINE=MyISAM;\n";
  const auto view = db.Query("SHOW CREATE VIEW " + Quoted(id), stop);
  const std::string create = CreateText(view, Quoted(id));
  const std::string charset = Cell(view, 0, "character_set_client");
  const std::string collation = Cell(view, 0, "collation_connection");
  text.definition = fmt::format(
      "DROP TABLE IF EXISTS {0};\n"
      "DROP VIEW IF EXISTS {0};\n"
      "SET @PREV_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT;\n"
      "SET @PREV_CHARACTER_SET_RESULTS=@@CHARACTER_SET_RESULTS;\n"
      "SET @PREV_COLLATION_CONNECTION=@@COLLATION_CONNECTION;\n"
      "SET character_set_client = {1};\n"
      "SET character_set_results = {1};\n"
      "SET collation_connection = {2};\n"
      "{3};\n"
      "SET character_set_client = @PREV_CHARACTER_SET_CLIENT;\n"
      "SET character_set_results = @PREV_CHARACTER_SET_RESULTS;\n"
      "SET collation_connection = @PREV_COLLATION_CONNECTION;\n",
      name, charset, collation, create);
  return text;
}

std::optional<std::string> ShowCreateSequence(mysql::Connection& db, const TableId& id,
                                              const StopToken& stop) {
  try {
    const std::string create =
        CreateText(db.Query("SHOW CREATE SEQUENCE " + Quoted(id), stop), Quoted(id));
    const auto state =
        db.Query("SELECT next_not_cached_value, cycle_count FROM " + Quoted(id), stop);
    if (state.rows.empty()) return std::nullopt;
    // With 0 the value has not been given yet. The server passes over what would set it back.
    return fmt::format("{};\nDO SETVAL({}, {}, 0, {});\n", create, mysql::QuoteName(id.table),
                       Cell(state, 0, "next_not_cached_value"), Cell(state, 0, "cycle_count"));
  } catch (const Error& e) {
    const int code = e.server_errno();
    if (code != kNoSuchTable && code != kUnknownSequence && code != kNotASequence) throw;
    return std::nullopt;
  }
}

uint64_t EstimateRows(mysql::Connection& db, const DumpTable& table, const std::string& condition,
                      const StopToken& stop) {
  const std::string column =
      table.columns.empty() ? "*" : mysql::QuoteName(table.columns.front().name);
  const std::string where = condition.empty() ? "" : " WHERE " + condition;
  const auto plan = db.Query(fmt::format("EXPLAIN FORMAT=TRADITIONAL SELECT {} FROM {}{}", column,
                                         Quoted(table.id), where),
                             stop);
  if (plan.rows.empty()) return 0;
  return ToNumber(Cell(plan, 0, "rows"));
}

ChunkPlan PlanChunks(mysql::Connection& db, const DumpTable& table, const std::string& condition,
                     uint64_t estimate, uint64_t rows, const StopToken& stop) {
  ChunkPlan plan;
  if (estimate < rows) return plan;
  auto steps = ChooseStepKey(table.columns, table.indexes);
  plan.column = ChooseSplitColumn(table.columns, table.indexes);
  if (plan.column == nullptr) {
    plan.steps = std::move(steps);
    return plan;
  }
  const std::string where = condition.empty() ? "" : fmt::format(" WHERE {}", condition);
  try {
    const auto bounds =
        db.Query(fmt::format("SELECT MIN({0}),MAX({0}) FROM {1}{2}",
                             mysql::QuoteName(plan.column->name), Quoted(table.id), where),
                 stop);
    if (!bounds.rows.empty() && bounds.rows[0].size() == 2 && bounds.rows[0][0] &&
        bounds.rows[0][1]) {
      const std::string& first = *bounds.rows[0][0];
      const std::string& last = *bounds.rows[0][1];
      if (steps && IsSparse(first, last, estimate)) {
        plan.column = nullptr;
        plan.steps = std::move(steps);
      } else {
        plan.ranges = CutRanges(first, last, estimate, rows);
      }
    }
  } catch (const Error& e) {
    if (db.broken()) throw;
  }
  return plan;
}

}  // namespace dm::migration
