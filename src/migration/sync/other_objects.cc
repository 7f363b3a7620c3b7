#include "migration/sync/other_objects.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "mysql/client/connection.h"
#include "mysql/sql/rewrite.h"
#include "mysql/value/quote.h"

namespace dm::migration {

namespace {

constexpr int kNoSuchTable = 1146;
constexpr int kUnknownDatabase = 1049;

// MariaDB, sql_sequence.cc. Since 11.5 the values have the type that the sequence was made with.
constexpr std::array<std::string_view, 8> kSequenceColumns = {
    "next_not_cached_value", "minimum_value", "maximum_value",
    "start_value",           "increment",     "cache_size",
    "cycle_option",          "cycle_count"};
constexpr size_t kMinimum = 1;
constexpr size_t kMaximum = 2;
constexpr size_t kStart = 3;
constexpr size_t kFirstOwnType = 4;
constexpr size_t kCycleOption = 6;
constexpr size_t kCycleCount = 7;

bool IsInteger(mysql::ColumnType type) {
  using mysql::ColumnType;
  return type == ColumnType::kTiny || type == ColumnType::kShort || type == ColumnType::kInt24 ||
         type == ColumnType::kLong || type == ColumnType::kLongLong;
}

// `column` of the rows that a view of the server's information_schema has of the name.
mysql::ResultSet Ask(const mysql::ConnectOptions& server, std::string_view column,
                     std::string_view view, const TableId& id, const StopToken& stop) {
  return mysql::Connection::Connect(server, stop)
      ->Query(
          fmt::format("SELECT {} FROM information_schema.{} WHERE TABLE_SCHEMA = {} AND "
                      "TABLE_NAME = {}",
                      column, view, mysql::QuoteString(id.schema), mysql::QuoteString(id.table)),
          stop);
}

std::string TypeAt(const mysql::ConnectOptions& server, const TableId& id, const StopToken& stop) {
  const auto found = Ask(server, "TABLE_TYPE", "TABLES", id, stop);
  return found.rows.empty() ? "" : found.rows[0].at(0).value_or("");
}

std::string CollationAt(const mysql::ConnectOptions& server, const std::string& schema,
                        const StopToken& stop) {
  return mysql::Connection::Connect(server, stop)
      ->QueryValue(
          "SELECT DEFAULT_COLLATION_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = " +
              mysql::QuoteString(schema),
          stop)
      .value_or("");
}

}  // namespace

std::string UpstreamDatabaseCollation(const Sessions& sessions, const std::string& schema,
                                      const StopToken& stop) {
  return CollationAt(sessions.upstream, schema, stop);
}

std::string DownstreamDatabaseCollation(const Sessions& sessions, const std::string& schema,
                                        const StopToken& stop) {
  return CollationAt(sessions.downstream, schema, stop);
}

bool DownstreamHasCollation(const Sessions& sessions, const std::string& collation,
                            const StopToken& stop) {
  return mysql::Connection::Connect(sessions.downstream, stop)
      ->QueryValue("SELECT 1 FROM information_schema.COLLATIONS WHERE COLLATION_NAME = " +
                       mysql::QuoteString(collation) + " LIMIT 1",
                   stop)
      .has_value();
}

std::string DownstreamServerCollation(const Sessions& sessions, const StopToken& stop) {
  return mysql::Connection::Connect(sessions.downstream, stop)
      ->QueryValue("SELECT @@GLOBAL.collation_server", stop)
      .value_or("");
}

std::string UpstreamTableType(const Sessions& sessions, const TableId& id, const StopToken& stop) {
  return TypeAt(sessions.upstream, id, stop);
}

std::string DownstreamTableType(const Sessions& sessions, const TableId& id,
                                const StopToken& stop) {
  return TypeAt(sessions.downstream, id, stop);
}

bool HasMoreRows(const Sessions& sessions, const TableId& id, int64_t count,
                 const StopToken& stop) {
  try {
    return mysql::Connection::Connect(sessions.downstream, stop)
        ->QueryValue(fmt::format("SELECT 1 FROM {} LIMIT {}, 1",
                                 mysql::QuoteTable(id.schema, id.table), count),
                     stop)
        .has_value();
  } catch (const Error& e) {
    if (IsMissingTable(e)) return false;
    throw;
  }
}

size_t UpstreamColumnCount(const Sessions& sessions, const TableId& id, const StopToken& stop) {
  return Ask(sessions.upstream, "COLUMN_NAME", "COLUMNS", id, stop).rows.size();
}

void RouteSequences(mysql::Statement* split, const Rules& rules, bool fold) {
  mysql::ChangeSequences(split, [&](mysql::TableName& sequence) {
    TableId source{sequence.schema, sequence.name};
    if (fold) source = {mysql::LowerName(source.schema), mysql::LowerName(source.table)};
    TableId target = rules.Route(source);
    sequence = {std::move(target.schema), std::move(target.table)};
  });
}

bool LooksLikeSequence(const mysql::TableMap& map) {
  if (map.columns.size() != kSequenceColumns.size()) return false;
  for (size_t i = 0; i < map.columns.size(); ++i) {
    const mysql::ColumnMeta& column = map.columns[i];
    const mysql::ColumnType fixed =
        i == kCycleOption ? mysql::ColumnType::kTiny : mysql::ColumnType::kLongLong;
    if (column.nullable || !IsInteger(column.type)) return false;
    if (i >= kFirstOwnType && column.type != fixed) return false;
  }
  return map.column_names.empty() || std::equal(kSequenceColumns.begin(), kSequenceColumns.end(),
                                                map.column_names.begin(), map.column_names.end());
}

bool AreSequenceStates(const mysql::RowBatch& batch) {
  if (batch.kind() != mysql::RowsKind::kInsert || !batch.complete()) return false;
  for (uint32_t row = 0; row < batch.row_count(); ++row) {
    const std::span<const mysql::Cell> cells = batch.after(row);
    const std::vector<mysql::ColumnMeta>& columns = batch.table().columns;
    const auto value = [&](size_t i) { return mysql::CellInteger(cells[i], columns[i]); };
    const auto is_between = [](auto low, auto at, auto high) { return low <= at && at <= high; };
    // The log does not say whether they are unsigned.
    const auto bits = [&](size_t i) { return static_cast<uint64_t>(value(i)); };
    const bool start = is_between(value(kMinimum), value(kStart), value(kMaximum)) ||
                       is_between(bits(kMinimum), bits(kStart), bits(kMaximum));
    const int64_t cycles = value(kCycleOption);
    if (!start || (cycles != 0 && cycles != 1) || value(kCycleCount) < 0) return false;
  }
  return true;
}

bool IsMissingTable(const Error& error) {
  return error.server_errno() == kNoSuchTable || error.server_errno() == kUnknownDatabase;
}

}  // namespace dm::migration
