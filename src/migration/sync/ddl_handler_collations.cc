// The part of DdlHandler that knows the default collations that statements do not name: those of
// the upstream's databases, of its server and of its sessions.

#include "base/log/log.h"
#include "migration/sync/ddl_handler.h"
#include "migration/sync/other_objects.h"
#include "mysql/sql/rewrite.h"
#include "mysql/value/charset.h"

namespace dm::migration {

using mysql::Statement;

namespace {

// The default of the upstream's server when the event was logged; empty if the event has none.
std::string ServerCollation(const mysql::QueryEvent& query) {
  const mysql::Collation* known = query.status.server_collation
                                      ? mysql::FindCollation(*query.status.server_collation)
                                      : nullptr;
  return known == nullptr ? "" : std::string(known->name);
}

}  // namespace

void DdlHandler::MakeCollationsOfUpstream(Planned* planned, const mysql::QueryEvent& query,
                                          const StopToken& stop) {
  if (planned->tables.empty()) return;
  const Sessions& sessions = *context_.sessions;
  const std::string& schema = planned->tables.front().schema;
  if (!sessions.strict_collations &&
      !CrossesKinds(sessions.upstream_server.is_mariadb, sessions.downstream_server)) {
    NameOtherDefaults(&planned->routed, schema, query, stop);
    return;
  }
  ImplicitCollations implicit;
  implicit.by_charset = sessions.default_collations;
  const auto put = [&](uint16_t default_id, uint16_t chosen_id) {
    const mysql::Collation* replaced = mysql::FindCollation(default_id);
    const mysql::Collation* chosen = mysql::FindCollation(chosen_id);
    if (replaced == nullptr || chosen == nullptr) return;
    implicit.by_charset[std::string(mysql::CharsetName(replaced->charset))] = chosen->name;
  };
  for (const auto& [replaced, chosen] : query.status.character_set_collations) {
    put(replaced, chosen);
  }
  if (query.status.default_utf8mb4_collation) {
    put(*query.status.default_utf8mb4_collation, *query.status.default_utf8mb4_collation);
  }
  implicit.database = ServerCollation(query);
  if (mysql::HasImplicitTableCollation(planned->routed)) {
    // Not the event's collation of the database: it is logged only where a session has set another
    // one, for LOAD DATA.
    implicit.table = DatabaseCollation(schema, query, stop);
  }
  if (sessions.strict_collations) {
    NameCollationsStrictly(&planned->routed, implicit, [&](const std::string& warning) {
      Log().Warn("collation is left implicit",
                 {F("statement", planned->routed.text), F("reason", warning)});
    });
  } else {
    MakeCollationsExplicit(&planned->routed, implicit, sessions.downstream_server);
  }
}

void DdlHandler::NameShortCollations(Statement* adapted, const TableId& source,
                                     const mysql::TablePtr& after,
                                     const mysql::QueryEvent& query) const {
  const Sessions& sessions = *context_.sessions;
  if (!sessions.upstream_server.is_mariadb || sessions.downstream_server.is_mariadb) return;
  mysql::CompleteShortCollations(adapted, [&](std::string_view column) -> std::string {
    if (after == nullptr) {
      return adapted->As<mysql::CreateDatabase>()
                 ? ServerCollation(query)
                 : context_.tracker->SchemaCollation(source.schema).value_or("");
    }
    const mysql::ColumnInfo* info = column.empty() ? nullptr : after->FindColumn(column);
    return info == nullptr ? after->charset : info->charset;
  });
}

void DdlHandler::NameOtherDefaults(Statement* routed, const std::string& schema,
                                   const mysql::QueryEvent& query, const StopToken& stop) {
  const auto differs = [](const std::string& wanted, const std::string& there) {
    return !wanted.empty() && !there.empty() &&
           mysql::FindCollation(wanted) != mysql::FindCollation(there);
  };
  const Sessions& sessions = *context_.sessions;
  const auto has = [&](const std::string& wanted) {
    const mysql::CollationNames rename = collations_.For(sessions.downstream_server);
    if (DownstreamHasCollation(sessions, rename ? rename(wanted) : wanted, stop)) return true;
    Log().Warn("the downstream lacks the upstream's default collation, its own default is taken",
               {F("statement", routed->text), F("collation", wanted)});
    return false;
  };
  if (routed->As<mysql::CreateDatabase>()) {
    const std::string wanted = NewDatabaseCollation(schema, query, stop);
    if (differs(wanted, DownstreamServerCollation(sessions, stop)) && has(wanted)) {
      mysql::SetImplicitDatabaseCollation(routed, wanted);
    }
  } else if (mysql::HasImplicitTableCollation(*routed)) {
    const std::string wanted = DatabaseCollation(schema, query, stop);
    const std::string& target = routed->As<mysql::CreateTable>()->table.schema;
    if (differs(wanted, DownstreamDatabaseCollation(sessions, target, stop)) && has(wanted)) {
      mysql::SetImplicitTableCollation(routed, wanted);
    }
  }
}

void DdlHandler::TrackDatabasesOf(std::vector<Planned>& planned, const mysql::QueryEvent& query,
                                  const StopToken& stop) {
  for (Planned& p : planned) {
    if (p.tables.empty()) continue;
    if (p.source.As<mysql::CreateDatabase>()) {
      const std::string collation = NewDatabaseCollation(p.tables.front().schema, query, stop);
      if (!collation.empty()) mysql::SetImplicitDatabaseCollation(&p.source, collation);
    } else if (mysql::HasImplicitTableCollation(p.source) || p.source.As<mysql::AlterTable>() ||
               p.source.As<mysql::AlterDatabase>()) {
      DatabaseCollation(p.tables.front().schema, query, stop);
    }
  }
}

std::string DdlHandler::NewDatabaseCollation(const std::string& schema,
                                             const mysql::QueryEvent& query,
                                             const StopToken& stop) {
  return creates_if_missing_ ? DatabaseCollation(schema, query, stop) : ServerCollation(query);
}

std::string DdlHandler::DatabaseCollation(const std::string& schema, const mysql::QueryEvent& query,
                                          const StopToken& stop) {
  if (const auto known = context_.tracker->SchemaCollation(schema)) return *known;
  std::string collation = UpstreamDatabaseCollation(*context_.sessions, schema, stop);
  if (collation.empty()) {
    collation = ServerCollation(query);
    Log().Warn("a database is gone upstream, its default is taken to be the server's",
               {F("schema", schema), F("collation", collation)});
  }
  if (collation.empty()) return collation;
  context_.tracker->SetSchemaCollation(schema, collation);
  SaveDatabaseCollations();
  return collation;
}

void DdlHandler::SaveDatabaseCollations() {
  context_.checkpoint->AddStatement(context_.checkpoint->table().DatabaseCollationsStatement(
      context_.tracker->SchemaCollations()));
}

}  // namespace dm::migration
