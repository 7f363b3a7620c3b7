// The part of DdlHandler that knows of statements which make other values of the rows that are
// there downstream than upstream.

#include <fmt/format.h>

#include "base/error/error.h"
#include "base/log/log.h"
#include "migration/sync/ddl_handler.h"
#include "migration/sync/other_objects.h"
#include "migration/sync/other_values.h"
#include "mysql/value/quote.h"

namespace dm::migration {

using mysql::Statement;

namespace {

Error OtherDefaults(const std::string& text, const TableId& target, const std::string& column) {
  return Error(ErrorCode::kSyncerUnsupportedStmt,
               fmt::format("`{}` statement not supported: the rows of {} get values in column {} "
                           "that are other ones on each server, and not in the binlog",
                           text, target.Quoted(), mysql::QuoteName(column)))
      .SetWorkaround(fmt::format(
          "Give the statement by `binlog replace` without the default, or pass over it with "
          "`binlog skip` after the change was made by hand; then copy the column's values of the "
          "rows in {} from the upstream.",
          target.Quoted()));
}

Error OtherNumbers(const std::string& text, const TableId& target) {
  return Error(ErrorCode::kSyncerUnsupportedStmt,
               fmt::format("`{}` statement not supported: the table has no key, so that its rows "
                           "get numbers in an order that is another one each time (MySQL reads "
                           "them by several threads), and that is not in the binlog",
                           text))
      .SetWorkaround(fmt::format(
          "Keep writers of the table away upstream. Empty {}, execute the statement there by "
          "hand, copy the rows with their numbers from the upstream, and pass over the statement "
          "with `binlog skip`.",
          target.Quoted()));
}

Error NumbersOfACopy(const std::string& text, const TableId& target) {
  return Error(
             ErrorCode::kSyncerUnsupportedStmt,
             fmt::format("`{}` statement not supported: an online schema change has given numbers "
                         "to the rows of {} while it copied them, with gaps and in an order that "
                         "is not in the binlog",
                         text, target.Quoted()))
      .SetWorkaround(fmt::format(
          "Keep writers of the table away upstream. Empty {}, make the change there by hand, copy "
          "the rows with their numbers from the upstream, and pass over the statement with `binlog "
          "skip`.",
          target.Quoted()));
}

Error ImportedRows(const std::string& text, const TableId& source, const TableId& target) {
  return Error(ErrorCode::kSyncerUnsupportedStmt,
               fmt::format("`{}` statement not supported: it gives {} the rows of a file, which "
                           "are not in the binlog",
                           text, source.Quoted()))
      .SetWorkaround(fmt::format(
          "Keep writers of {} away upstream. Empty {} downstream, copy the rows from the upstream, "
          "and pass over the statement with `binlog skip`.",
          source.Quoted(), target.Quoted()));
}

}  // namespace

bool DdlHandler::IsDiscard(const Statement& split, const TableId& table) const {
  if (TablespaceChange(split) != "DISCARD") return false;
  Log().Warn(
      "skip DISCARD TABLESPACE: the rows stay downstream until the upstream imports others, or the "
      "table is emptied or dropped",
      {F("statement", split.text), F("table", table.Quoted())});
  return true;
}

void DdlHandler::WarnOfOtherValues(const Statement& source, const TableId& table) const {
  const auto* alter = source.As<mysql::AlterTable>();
  const mysql::TablePtr before = context_.tracker->GetTable(table.schema, table.table);
  if (alter == nullptr || !before) return;
  const Sessions& sessions = *context_.sessions;
  const ValueDifferences differences = {
      .fractions = sessions.fractions_differ,
      .text_types = sessions.upstream_server.is_mariadb && !sessions.downstream_server.is_mariadb,
      .conversions = {.upstream = KindOf(sessions.upstream_server),
                      .downstream = KindOf(sessions.downstream_server),
                      .mysql_cuts = sessions.mysql_cuts}};
  for (const std::string& line : OtherValues(*alter, *before, differences)) {
    Log().Warn(
        "a statement makes other values of rows downstream than upstream, compare the column",
        {F("statement", source.text), F("table", table.Quoted()), F("part", line)});
  }
}

void DdlHandler::RefuseUnrepeatable(const Planned& planned, const mysql::QueryEvent& query,
                                    const StopToken& stop) const {
  const TableId& source = planned.tables.front();
  const TableId& target = planned.targets.front();
  const Sessions& sessions = *context_.sessions;
  if (TablespaceChange(planned.source) == "IMPORT") throw ImportedRows(query.text, source, target);
  if (planned.rows_were_copied && NumbersByOrder(planned.source, nullptr) &&
      HasMoreRows(sessions, target, 1, stop)) {
    throw NumbersOfACopy(query.text, target);
  }
  if (const auto column = ColumnWithUnrepeatableDefault(planned.source)) {
    if (HasMoreRows(sessions, target, 0, stop)) throw OtherDefaults(query.text, target, *column);
    return;
  }
  // Others read the rows by one thread.
  const mysql::ServerInfo& upstream = sessions.upstream_server;
  if (upstream.is_mariadb || !upstream.AtLeast(8, 0, 27)) return;
  const mysql::TablePtr before = context_.tracker->GetTable(source.schema, source.table);
  if (!NumbersByOrder(planned.source, before.get())) return;
  const int64_t surely_in_order = before == nullptr ? 1 : RowsOnOnePage(*before);
  if (HasMoreRows(sessions, target, surely_in_order, stop)) throw OtherNumbers(query.text, target);
}

}  // namespace dm::migration
