// The part of DdlHandler that knows what the session of a logged statement made of it.

#include "base/log/log.h"
#include "migration/sync/ddl_handler.h"
#include "mysql/schema/first_timestamp.h"
#include "mysql/sql/alter_spec.h"
#include "mysql/sql/implicit_timestamp.h"

namespace dm::migration {

using mysql::Statement;

namespace {

constexpr uint64_t kNoAutoValueOnZero = uint64_t{1} << 19;
constexpr std::string_view kSystem = "SYSTEM";

}  // namespace

bool DdlHandler::ExplicitDefaults(const mysql::QueryEvent& query) const {
  return query.status.explicit_defaults_for_timestamp.value_or(
      context_.sessions->upstream_explicit_timestamps);
}

const StatementSession& DdlHandler::SessionOf(const mysql::QueryEvent& query,
                                              const StopToken& stop) {
  if (session_) return *session_;
  const mysql::QueryStatus& status = query.status;
  StatementSession session;
  if (status.time_zone) {  // which is logged if the statement depends on it
    session.time_zone =
        *status.time_zone == kSystem ? system_zone_.OffsetAt(timestamp_, stop) : *status.time_zone;
  }
  session.auto_increment_increment = status.auto_increment_increment.value_or(1);
  session.auto_increment_offset = status.auto_increment_offset.value_or(1);
  session.keeps_zeros = (status.sql_mode.value_or(0) & kNoAutoValueOnZero) != 0;
  session.explicit_defaults_for_timestamp = ExplicitDefaults(query);
  session.foreign_key_checks = status.foreign_key_checks();
  return session_.emplace(std::move(session));
}

bool DdlHandler::SpellOutTimestamps(const mysql::QueryEvent& query,
                                    const mysql::TrackerChange& change,
                                    std::vector<Planned>* planned) const {
  bool tracked = false;
  for (Planned& p : *planned) {
    if (p.tables.empty() || !mysql::HasImplicitTimestamps(p.source)) continue;
    const TableId& id = p.tables.front();
    mysql::TablePtr table = context_.tracker->GetTable(change, id.schema, id.table);
    if (!table) table = context_.tracker->GetTable(id.schema, id.table);  // it is renamed as well
    const auto in_primary_key = [&](std::string_view name) {
      const mysql::ColumnInfo* column = table ? table->FindColumn(name) : nullptr;
      return column != nullptr && column->is_primary();
    };
    const bool explicit_defaults = p.session && p.session->explicit_defaults_for_timestamp
                                       ? *p.session->explicit_defaults_for_timestamp
                                       : ExplicitDefaults(query);
    if (!explicit_defaults) {
      const mysql::OfColumn is_first = mysql::FirstTimestampOf(table);
      mysql::SpellOutImplicitTimestamps(&p.source, is_first);
      mysql::SpellOutImplicitTimestamps(&p.routed, is_first);
      tracked = tracked || p.is_tracked();
    } else if (!context_.sessions->downstream_explicit_timestamps) {
      mysql::SpellOutExplicitTimestamps(&p.routed, in_primary_key);
    }
  }
  return tracked;
}

void DdlHandler::MoveMoments(Statement* statement, const TableId& source,
                             const mysql::QueryEvent& query, const StopToken& stop) {
  if (query.status.time_zone.value_or("") != kSystem) return;
  const mysql::TablePtr table = context_.tracker->GetTable(source.schema, source.table);
  const auto is_timestamp = [&](std::string_view name) {
    const mysql::ColumnInfo* column = table ? table->FindColumn(name) : nullptr;
    return column != nullptr && column->type == mysql::FieldType::kTimestamp;
  };
  system_zone_.MoveLiterals(statement, SessionOf(query, stop).time_zone, is_timestamp, stop);

  const auto* alter = statement->As<mysql::AlterTable>();
  if (alter == nullptr) return;
  for (const mysql::AlterSpec& spec : alter->specs) {
    const std::string* was = mysql::RedefinedColumn(spec);
    if (was == nullptr) continue;
    const mysql::ColumnDef& column = spec.columns.front();
    const bool is = column.type.code == mysql::FieldType::kTimestamp;
    if (is == is_timestamp(*was)) continue;
    if (!system_zone_.ChangesInYearOf(timestamp_, stop)) continue;
    Log().Warn(
        "a statement turns TIMESTAMPs into another type, or the other way round, in the upstream's "
        "SYSTEM time zone, which has summer time: values of the other half of the year become one "
        "hour different downstream, compare them",
        {F("statement", query.text), F("column", column.name)});
  }
}

}  // namespace dm::migration
