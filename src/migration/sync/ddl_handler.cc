#include "migration/sync/ddl_handler.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <iterator>

#include "base/error/error.h"
#include "base/failpoint/failpoint.h"
#include "base/log/log.h"
#include "migration/rules/system_schema.h"
#include "migration/sync/apply_worker.h"
#include "mysql/client/retry.h"
#include "mysql/sql/parser.h"
#include "mysql/sql/restore.h"
#include "mysql/sql/rewrite.h"
#include "mysql/value/charset.h"
#include "mysql/value/quote.h"

namespace dm::migration {

using mysql::Statement;

namespace {

constexpr int kNoSuchTable = 1146;
constexpr int kExecuteAttempts = 100;
constexpr Milliseconds kRetryWait{3000};

std::string_view TrimControl(std::string_view text) {
  auto is_control = [](char c) {
    unsigned char byte = static_cast<unsigned char>(c);
    return byte <= 0x20 || byte == 0x7f;
  };
  while (!text.empty() && is_control(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_control(text.back())) text.remove_suffix(1);
  return text;
}

bool StartsWithNoCase(std::string_view text, std::string_view start) {
  if (text.size() < start.size()) return false;
  return std::equal(start.begin(), start.end(), text.begin(), [](char a, char b) {
    return std::toupper(static_cast<unsigned char>(b)) == a;
  });
}

// MySQL 8.0.21 and newer write CREATE TABLE ... SELECT as one transaction whose statement ends so.
std::string_view WithoutStartTransaction(std::string_view text) {
  constexpr std::string_view kSuffix = " START TRANSACTION";
  if (StartsWithNoCase(text, "CREATE TABLE") && text.size() > kSuffix.size() &&
      text.substr(text.size() - kSuffix.size()) == kSuffix) {
    text.remove_suffix(kSuffix.size());
  }
  return text;
}

// The tables of a statement that have to be known before it can be tracked, by their index among
// its references.
std::vector<size_t> NeededTables(const Statement& statement, size_t count) {
  if (const auto* create = statement.As<mysql::CreateTable>()) {
    return create->like ? std::vector<size_t>{1} : std::vector<size_t>{};
  }
  if (const auto* alter = statement.As<mysql::AlterTable>()) {
    for (const mysql::AlterSpec& spec : alter->specs) {
      if (spec.kind == mysql::AlterKind::kExchangePartition) return {0, 1};
    }
    return {0};
  }
  if (statement.As<mysql::RenameTable>() || statement.As<mysql::CreateIndex>() ||
      statement.As<mysql::DropIndex>()) {
    return {0};
  }
  (void)count;
  return {};
}

}  // namespace

std::string StatementText(const mysql::QueryEvent& query) {
  std::string_view text = query.text;
  std::string converted;
  if (query.status.client_collation) {
    mysql::Charset charset = mysql::CharsetOfCollation(*query.status.client_collation);
    if (charset != mysql::Charset::kUnknown && charset != mysql::Charset::kBinary &&
        !mysql::IsUtf8Compatible(charset) && mysql::AppendAsUtf8(converted, text, charset)) {
      text = converted;
    }
  }
  return std::string(TrimControl(text));
}

DdlHandler::DdlHandler(PlanContext& context, std::function<void()> flush, const Fence* fence,
                       std::function<std::string()> proof, StopToken graceful)
    : context_(context),
      flush_(std::move(flush)),
      fence_(fence),
      proof_(std::move(proof)),
      graceful_(std::move(graceful)),
      collations_(Log()) {}

mysql::Connection& DdlHandler::Connected(const StopToken& stop) {
  if (!connection_ || connection_->broken()) {
    connection_ = mysql::Connection::Connect(context_.sessions->downstream, stop);
  }
  return *connection_;
}

DdlHandler::Outcome DdlHandler::Handle(const mysql::QueryEvent& query, const mysql::Location& end,
                                       const mysql::Location& save, uint32_t timestamp,
                                       const StopToken& stop) {
  const std::string text = StatementText(query);
  if (text.empty() || text.starts_with("# Dummy")) return Outcome::kSkipped;
  if (StartsWithNoCase(text, "XA ")) {
    // Rows of an XA transaction come with its preparation and are applied then.
    if (StartsWithNoCase(TrimControl(std::string_view(text).substr(3)), "ROLLBACK")) {
      throw Error(
          ErrorCode::kSyncerUnitNotSupportedOperate,
          "XA ROLLBACK of a prepared transaction is not supported: its changes were applied "
          "when it was prepared");
    }
    return Outcome::kSkipped;
  }
  mysql::ParseOptions options;
  options.sql_mode = mysql::SqlMode(query.status.sql_mode.value_or(0));
  options.mariadb = context_.sessions->flavor == mysql::Flavor::kMariaDb;

  std::vector<Planned> planned;
  try {
    Statement statement;
    try {
      if (!mysql::ParseFirst(WithoutStartTransaction(text), options, &statement)) {
        return Outcome::kSkipped;
      }
    } catch (const Error& e) {
      throw WithCause(MakeError(ErrorCode::kSyncerParseDDL, text), e);
    }
    if (const auto* other = statement.As<mysql::OtherStatement>();
        other != nullptr && other->kind != mysql::OtherStatement::Kind::kUnknownDdl) {
      return Outcome::kSkipped;
    }
    planned = Plan(statement, query, text, end);
    for (const Planned& p : planned) TrackTablesOf(p, stop);
    for (Planned& p : planned) MakeCollationsOfUpstream(&p, query, stop);
  } catch (const Error& e) {
    if (!mysql::MatchesBuiltinSkip(text)) throw;
    Log().Warn("statement is on the skip list, its error is passed over",
               {F("statement", text), F("error", e)});
    return Outcome::kSkipped;
  }
  if (planned.empty()) return Outcome::kSkipped;

  // Everything before the statement is applied and recorded, the definitions it starts from
  // included: a repetition after a crash must not take them from the changed downstream.
  DM_FAILPOINT("sync/before-flush");
  flush_();
  std::vector<Statement> sources;
  for (const Planned& p : planned) sources.push_back(p.source);
  mysql::TrackerChange change = context_.tracker->Plan(query.schema, sources);
  DM_FAILPOINT("sync/before-execute");
  Execute(planned, query, timestamp, stop);
  DM_FAILPOINT("sync/before-track");
  context_.tracker->Commit(std::move(change));
  for (const Planned& p : planned) {
    for (const TableId& target : p.targets) context_.downstream->Forget(target);
  }
  DM_FAILPOINT("sync/before-save");
  context_.checkpoint->SaveDdl(context_.queues->planned(), save, ChangeOf(planned));
  DM_FAILPOINT("sync/before-checkpoint");
  flush_();
  Log().Info("finish to handle ddls in normal mode",
             {F("statement", text), F("location", end.ToString())});
  return Outcome::kExecuted;
}

std::vector<DdlHandler::Planned> DdlHandler::Plan(const Statement& statement,
                                                  const mysql::QueryEvent& query,
                                                  const std::string& text,
                                                  const mysql::Location& end) {
  std::vector<Planned> planned;
  const bool fold = context_.sessions->lower_case_table_names != 0;
  for (Statement& split : mysql::SplitDdl(statement, query.schema)) {
    if (mysql::MatchesBuiltinSkip(text)) continue;
    Planned p;
    std::vector<mysql::TableName> names;
    bool skip = false;
    for (const mysql::TableName& ref : mysql::TableRefs(split, query.schema, fold)) {
      TableId id{ref.schema, ref.name};
      skip = skip || (id.table.empty() ? IsSystemSchema(id.schema) ||
                                             context_.rules->block_allow.SkipsSchema(id.schema)
                                       : context_.rules->Skips(id));
      TableId target = context_.rules->Route(id);
      names.push_back({target.schema, target.table});
      p.tables.push_back(std::move(id));
      p.targets.push_back(std::move(target));
    }
    if (skip || p.tables.empty()) continue;
    if (!p.tables.front().table.empty()) {
      std::optional<TablePoint> point = context_.checkpoint->PointOf(p.tables.front());
      if (point && IsAtOrBefore(end, point->location, context_.gtid_mode)) {
        Log().Info("ignore obsolete DDL, the table's point is past it",
                   {F("statement", text), F("table", p.tables.front().Quoted())});
        continue;
      }
    }
    if (context_.sessions->foreign_keys) {
      bool adds_key = false;
      if (const auto* create = split.As<mysql::CreateTable>()) {
        for (const auto& c : create->constraints) {
          adds_key = adds_key || c.kind == mysql::ConstraintKind::kForeign;
        }
      } else if (const auto* alter = split.As<mysql::AlterTable>()) {
        for (const auto& spec : alter->specs) {
          adds_key = adds_key || (spec.kind == mysql::AlterKind::kAddConstraint &&
                                  spec.constraint.kind == mysql::ConstraintKind::kForeign);
        }
      }
      if (adds_key) {
        throw Error(ErrorCode::kSyncerUnsupportedStmt,
                    "FOREIGN KEY statement not supported in foreign_key_checks=1 mode");
      }
    }
    p.routed = mysql::RenameTables(split, names);
    p.source = std::move(split);
    planned.push_back(std::move(p));
  }
  return planned;
}

void DdlHandler::MakeCollationsOfUpstream(Planned* planned, const mysql::QueryEvent& query,
                                          const StopToken& stop) {
  const Sessions& sessions = *context_.sessions;
  if (!CrossesKinds(sessions.upstream_server.is_mariadb, sessions.downstream_server)) return;
  if (planned->tables.empty()) return;
  const std::string& schema = planned->tables.front().schema;
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
  if (query.status.server_collation) {
    const mysql::Collation* collation = mysql::FindCollation(*query.status.server_collation);
    if (collation != nullptr) implicit.database = collation->name;
  }
  if (mysql::HasImplicitTableCollation(planned->routed)) {
    implicit.table = DatabaseCollation(schema, stop);
  }
  MakeCollationsExplicit(&planned->routed, implicit, sessions.downstream_server);

  const std::vector<mysql::Option>* options = nullptr;
  if (const auto* create = planned->routed.As<mysql::CreateDatabase>()) options = &create->options;
  if (const auto* alter = planned->routed.As<mysql::AlterDatabase>()) options = &alter->options;
  if (options != nullptr) {
    std::string collation;
    for (const mysql::Option& option : *options) {
      if (option.name == "COLLATE") collation = option.value;
      if (option.name == "CHARACTER SET" && collation.empty()) {
        const mysql::Collation* known = mysql::DefaultCollation(mysql::FindCharset(option.value));
        if (known != nullptr) collation = known->name;
      }
    }
    if (!collation.empty()) database_collations_[schema] = collation;
  }
  if (planned->routed.As<mysql::DropDatabase>()) database_collations_.erase(schema);
}

std::string DdlHandler::DatabaseCollation(const std::string& schema, const StopToken& stop) {
  const auto known = database_collations_.find(schema);
  if (known != database_collations_.end()) return known->second;
  auto upstream = mysql::Connection::Connect(context_.sessions->upstream, stop);
  std::string collation =
      upstream
          ->QueryValue(
              "SELECT DEFAULT_COLLATION_NAME FROM information_schema.SCHEMATA WHERE "
              "SCHEMA_NAME = " +
                  mysql::QuoteString(schema),
              stop)
          .value_or("");
  if (collation.empty()) {
    Log().Warn("the database is gone upstream, its tables get the downstream's default collation",
               {F("schema", schema)});
    return "";
  }
  return database_collations_.emplace(schema, std::move(collation)).first->second;
}

void DdlHandler::TrackTablesOf(const Planned& planned, const StopToken& stop) {
  for (const TableId& id : planned.tables) {
    if (planned.source.As<mysql::CreateDatabase>() == nullptr &&
        planned.source.As<mysql::DropDatabase>() == nullptr) {
      context_.tracker->CreateSchemaIfNotExists(id.schema);
    }
  }
  for (size_t i : NeededTables(planned.source, planned.tables.size())) {
    if (i < planned.tables.size()) TrackedTable(context_, planned.tables[i], stop);
  }
}

void DdlHandler::Execute(const std::vector<Planned>& planned, const mysql::QueryEvent& query,
                         uint32_t timestamp, const StopToken& stop) {
  const mysql::ServerInfo& server = context_.sessions->downstream_server;
  mysql::RestoreOptions restore;
  restore.target = server.is_tidb      ? mysql::SqlTarget::kTiDb
                   : server.is_mariadb ? mysql::SqlTarget::kMariaDb
                                       : mysql::SqlTarget::kMySql;
  restore.no_backslash_escapes = server.no_backslash_escapes;
  restore.collation_names = collations_.For(server);
  std::vector<Statement> statements;
  for (const Planned& p : planned) statements.push_back(p.routed);
  if (!server.is_tidb) statements = mysql::JoinAlters(std::move(statements));
  if (query.status.time_zone) {
    zone_ = *query.status.time_zone == "SYSTEM" ? context_.sessions->upstream_zone
                                                : *query.status.time_zone;
  }

  CheckFence(fence_);
  mysql::Connection& connection = Connected(stop);
  connection.ExecuteMulti("BEGIN;" + proof_() + ";COMMIT", stop, "proof of ownership");
  try {
    connection.Execute(fmt::format("SET TIMESTAMP = {}", timestamp), stop);
    if (!zone_.empty()) {
      connection.Execute("SET SESSION TIME_ZONE = " + mysql::QuoteString(zone_), stop);
    }
    for (const Statement& statement : statements) {
      const auto* alter = statement.As<mysql::AlterTable>();
      const bool several = alter != nullptr && alter->specs.size() > 1;
      if (ExecuteOne(statement, restore, stop) || !several) continue;
      // Some of the changes were there already; the others may not be.
      for (const Statement& single : mysql::SplitDdl(statement, "")) {
        ExecuteOne(single, restore, stop);
      }
    }
    if (!zone_.empty()) connection.Execute("SET SESSION TIME_ZONE = DEFAULT", stop);
    connection.Execute("SET TIMESTAMP = DEFAULT", stop);
  } catch (...) {
    connection_.reset();  // with the timestamp and zone of its session
    throw;
  }
}

bool DdlHandler::IsRenamedAlready(const Statement& statement, const StopToken& stop) {
  mysql::TableName from;
  mysql::TableName to;
  if (const auto* rename = statement.As<mysql::RenameTable>(); rename && !rename->pairs.empty()) {
    from = rename->pairs.front().from;
    to = rename->pairs.front().to;
  } else if (const auto* alter = statement.As<mysql::AlterTable>();
             alter && alter->specs.size() == 1 &&
             alter->specs.front().kind == mysql::AlterKind::kRenameTable) {
    from = alter->table;
    to = alter->specs.front().table;
  } else {
    return false;
  }
  auto exists = [&](const mysql::TableName& name) {
    return connection_
               ->QueryValue("SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = " +
                                mysql::QuoteString(name.schema) +
                                " AND table_name = " + mysql::QuoteString(name.name),
                            stop)
               .value_or("0") != "0";
  };
  return !exists(from) && exists(to);
}

bool DdlHandler::ExecuteOne(const Statement& statement, const mysql::RestoreOptions& restore,
                            const StopToken& stop) {
  const std::string sql = mysql::Restore(statement, restore);
  for (int attempt = 1;; ++attempt) {
    try {
      connection_->Execute(sql, stop);
      return true;
    } catch (const Error& e) {
      ThrowIfStopped(stop);
      if (mysql::IsIgnorableDdlError(e)) {
        Log().Info("ignore error and continue: the statement's effect is there already",
                   {F("statement", sql), F("error", e)});
        return false;
      }
      if (e.server_errno() == kNoSuchTable && IsRenamedAlready(statement, stop)) {
        Log().Info("ignore error and continue: the table has its new name already",
                   {F("statement", sql), F("error", e)});
        return false;
      }
      if (!mysql::IsRetryableServerError(e) || attempt >= kExecuteAttempts) throw;
      Log().Warn("execute statement failed, will retry", {F("statement", sql), F("error", e)});
      try {
        WaitFor(kRetryWait, graceful_);
      } catch (const Cancelled&) {
        throw e;
      }
    }
  }
}

DefinitionChange DdlHandler::ChangeOf(const std::vector<Planned>& planned) const {
  DefinitionChange change;
  std::vector<TableId> seen;
  for (const Planned& p : planned) {
    if (const auto* drop = p.source.As<mysql::DropDatabase>()) {
      change.dropped_schemas.push_back(drop->name);
      continue;
    }
    for (const TableId& id : p.tables) {
      if (std::find(seen.begin(), seen.end(), id) != seen.end()) continue;
      seen.push_back(id);
      if (id.table.empty()) {
        if (p.source.As<mysql::CreateDatabase>()) change.put.push_back({id, nullptr});
        continue;
      }
      mysql::TablePtr definition = context_.tracker->GetTable(id.schema, id.table);
      if (definition) {
        change.put.push_back({id, std::move(definition)});
      } else {
        change.dropped.push_back(id);
      }
    }
  }
  return change;
}

}  // namespace dm::migration
