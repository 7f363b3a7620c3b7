#include "migration/sync/ddl_handler.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <optional>

#include "base/error/error.h"
#include "base/failpoint/failpoint.h"
#include "base/log/log.h"
#include "migration/sync/foreign_keys.h"
#include "migration/sync/letter_case.h"
#include "migration/sync/logged_statement.h"
#include "migration/sync/other_objects.h"
#include "migration/sync/split_statement.h"
#include "mysql/schema/modify_event.h"
#include "mysql/sql/alter_spec.h"
#include "mysql/sql/parser.h"
#include "mysql/sql/rewrite.h"
#include "mysql/value/charset.h"
#include "mysql/value/quote.h"

namespace dm::migration {

using mysql::Statement;

namespace {

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
std::vector<size_t> NeededTables(const Statement& statement) {
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
  return {};
}

// MODIFY or CHANGE: what it is called depends on the column as it was.
bool ChangesColumnDefinition(const Statement& split) {
  const auto* alter = split.As<mysql::AlterTable>();
  return alter != nullptr && !alter->specs.empty() &&
         mysql::RedefinedColumn(alter->specs.front()) != nullptr;
}

// What the statement is written in; kUnknown if that is UTF-8, or not known.
mysql::Charset OtherCharset(const mysql::QueryEvent& query) {
  if (!query.status.client_collation) return mysql::Charset::kUnknown;
  const mysql::Charset charset = mysql::CharsetOfCollation(*query.status.client_collation);
  const bool as_it_is = charset == mysql::Charset::kBinary || mysql::IsUtf8Compatible(charset);
  return as_it_is ? mysql::Charset::kUnknown : charset;
}

}  // namespace

std::string StatementText(const mysql::QueryEvent& query) {
  std::string_view text = query.text;
  std::string converted;
  const mysql::Charset charset = OtherCharset(query);
  if (charset != mysql::Charset::kUnknown && mysql::AppendAsUtf8(converted, text, charset)) {
    text = converted;
  }
  return std::string(TrimControl(text));
}

DdlHandler::DdlHandler(PlanContext& context, std::function<void()> flush, DdlExecutor* executor,
                       TemporaryTables* temporary)
    : context_(context),
      flush_(std::move(flush)),
      executor_(executor),
      collations_(Log()),
      temporary_(temporary),
      system_zone_(context.sessions->upstream) {}

DdlHandler::Outcome DdlHandler::Handle(const mysql::QueryEvent& query, const mysql::Location& end,
                                       const mysql::Location& save, const std::string& event,
                                       uint32_t timestamp, const Given& given,
                                       const StopToken& stop) {
  const auto received = SteadyClock::now();
  const std::string text = StatementText(query);
  if (text.empty() || text.starts_with("# Dummy")) return Outcome::kSkipped;
  mysql::ParseOptions options;
  options.sql_mode = mysql::SqlMode(query.status.sql_mode.value_or(0));
  options.mariadb = context_.sessions->flavor == mysql::Flavor::kMariaDb;
  options.utf8_is_utf8mb4 = context_.sessions->utf8_is_utf8mb4;
  options.client_charset = OtherCharset(query);

  std::vector<Planned> planned;
  temporary_->SetPlace(end.position);
  skipping_ = given.skip;
  filter_event_ = given.filter_event;
  timestamp_ = timestamp;
  session_.reset();
  OnlineDdl* const online = context_.online;
  if (online != nullptr) online->Begin();
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
      if (std::optional<TableId> view = CreatedView(text, query.schema, options)) {
        views_.insert(*std::move(view));
      }
      temporary_->Note(query, text, options, context_.sessions->lower_case_table_names != 0);
      return Outcome::kSkipped;
    }
    if (IsOnTemporary(statement, query, text)) return Outcome::kSkipped;
    const auto* database = statement.As<mysql::CreateDatabase>();
    creates_if_missing_ = database != nullptr && database->if_not_exists;
    planned = Plan(statement, query, text, stop);
    TrackTablesOf(planned, stop);
    TrackDatabasesOf(planned, query, stop);
    for (Planned& p : planned) {
      if (p.is_executed()) MakeCollationsOfUpstream(&p, query, stop);
    }
  } catch (const Error& e) {
    if (given.skip) {
      Log().Warn("a skipped statement cannot be tracked, the definitions known here stay",
                 {F("statement", text), F("error", e)});
      return Outcome::kSkipped;
    }
    const bool by_rule = context_.rules->filter.IgnoresText(text);
    if (!by_rule && !mysql::MatchesBuiltinSkip(text)) throw;
    Log().Warn(by_rule ? "statement is ignored by the sql-pattern of a filter, its error is passed "
                         "over"
                       : "statement is on the skip list, its error is passed over",
               {F("statement", text), F("error", e)});
    return Outcome::kSkipped;
  }
  if (planned.empty() && (online == nullptr || !online->HasChanges())) return Outcome::kSkipped;
  const auto statements = static_cast<size_t>(std::count_if(
      planned.begin(), planned.end(), [](const Planned& p) { return p.is_executed(); }));

  // Everything before the statement is applied and recorded, the definitions it starts from
  // included: a repetition after a crash must not take them from the changed downstream.
  // Crash point: a statement is parsed, its tables are known. Left: the changes before it, the
  // checkpoint, the statement.
  DM_FAILPOINT("sync/before-flush");
  const auto flush_begin = SteadyClock::now();
  flush_();
  const auto waited = SteadyClock::now() - flush_begin;
  mysql::TrackerChange change = PlanTracking(query.schema, planned);
  if (SpellOutTimestamps(query, change, &planned)) change = PlanTracking(query.schema, planned);
  if (statements > 0) {
    // Crash point: all before the statement is in the checkpoint. Left: its intent, the statement.
    DM_FAILPOINT("sync/before-execute");
    const auto execute_begin = SteadyClock::now();
    const DdlWork work = WorkOf(planned, change, query, event, stop);
    if (context_.metrics != nullptr) {
      context_.metrics->ObserveDdlPlanned(execute_begin - received, waited, statements);
    }
    if (!work.statements.empty()) executor_->Execute(work, stop);
    if (context_.metrics != nullptr) {
      context_.metrics->ObserveDdlExecuted(SteadyClock::now() - execute_begin, statements);
    }
  }
  // Crash point: all statements of the event are executed. Left: their definitions, the checkpoint.
  DM_FAILPOINT("sync/before-track");
  context_.tracker->Commit(std::move(change));
  for (const Planned& p : planned) {
    for (const TableId& target : p.targets) context_.downstream->Forget(target);
  }
  if (std::any_of(planned.begin(), planned.end(), [](const Planned& p) {
        return p.source.As<mysql::CreateDatabase>() || p.source.As<mysql::AlterDatabase>() ||
               p.source.As<mysql::DropDatabase>();
      })) {
    SaveDatabaseCollations();
  }
  // Crash point: executed, the tracker has the new definitions. Left: the checkpoint.
  DM_FAILPOINT("sync/before-save");
  DefinitionChange saved = ChangeOf(planned);
  // Together with the location: what is kept of an online schema change is kept once.
  if (online != nullptr) saved.statements = online->Statements(stop);
  saved.step = given.step;
  context_.checkpoint->SaveDdl(context_.queues->planned(), save, saved);
  if (online != nullptr) online->Commit();
  // Crash point: executed, location and definitions are noted in memory. Left: the checkpoint.
  DM_FAILPOINT("sync/before-checkpoint");
  flush_();
  // Crash point: executed, and the checkpoint has location and definitions. Left: what follows.
  DM_FAILPOINT("sync/after-ddl");
  if (statements == 0) return Outcome::kTracked;
  Log().Info("finish to handle ddls in normal mode",
             {F("statement", text), F("location", end.ToString())});
  return Outcome::kExecuted;
}

mysql::TrackerChange DdlHandler::PlanTracking(const std::string& schema,
                                              std::vector<Planned>& planned) const {
  const auto plan = [&] {
    std::vector<Statement> sources;
    for (const Planned& p : planned) {
      if (p.is_tracked()) sources.push_back(p.source);
    }
    // As one list: in `RENAME COLUMN a TO b, RENAME COLUMN b TO a` both names are the old ones.
    return context_.tracker->Plan(schema, mysql::JoinAlters(std::move(sources)));
  };
  try {
    return plan();
  } catch (const Error& e) {
    const size_t all = planned.size();
    std::erase_if(planned, [](const Planned& p) { return p.filtered; });
    if (planned.size() == all) throw;
    Log().Warn("a filtered statement cannot be tracked, the definition known here stays",
               {F("error", e)});
  }
  return plan();
}

bool DdlHandler::IsFiltered(const Statement& split, const TableId& table, const TableId& first,
                            const std::string& text, const StopToken& stop) {
  if (skipping_) return true;
  const EventFilter& filter = context_.rules->filter;
  if (filter.empty()) return false;
  mysql::TablePtr tracked;
  if (ChangesColumnDefinition(split)) {
    try {
      tracked = TrackedTable(context_, first, stop);
    } catch (const Error& e) {
      Log().Info("the column that a statement changes is not known, it counts as alter table",
                 {F("statement", text), F("error", e)});
    }
  }
  const std::string_view event =
      !filter_event_.empty() ? filter_event_
                             : mysql::EventNameOf(split, tracked.get(),
                                                  context_.tracker->BuildOptionsFor(first.schema));
  const std::string name = table.table.empty() ? mysql::QuoteName(table.schema) : table.Quoted();
  switch (filter.Judge(table.schema, table.table, event, text)) {
    case FilterVerdict::kDo:
      return false;
    case FilterVerdict::kIgnore:
      Log().Warn(
          "a filter leaves out a statement: the definition known here changes, the "
          "downstream's does not",
          {F("statement", text), F("event", event), F("table", name)});
      return true;
    case FilterVerdict::kError:
      break;
  }
  throw MakeError(ErrorCode::kSyncerUnitBinlogEventFilter, event, name);
}

std::vector<DdlHandler::Planned> DdlHandler::Plan(const Statement& statement,
                                                  const mysql::QueryEvent& query,
                                                  const std::string& text, const StopToken& stop) {
  std::vector<Planned> planned;
  const bool fold = context_.sessions->lower_case_table_names != 0;
  OnlineDdl* const online = context_.online;
  if (online != nullptr && !skipping_)
    online->RequireBothSides(statement, text, query.schema, fold);
  const bool renames_temporary = statement.As<mysql::RenameTable>() &&
                                 TemporaryTables::AreRenamedBy(context_.sessions->upstream_server);
  for (Statement& split : mysql::SplitDdl(statement, query.schema)) {
    if (mysql::MatchesBuiltinSkip(text)) continue;
    std::vector<TableId> tables;
    for (const mysql::TableName& ref : mysql::TableRefs(split, query.schema, fold)) {
      tables.push_back({ref.schema, ref.name});
    }
    if (renames_temporary && tables.size() == 2 &&
        temporary_->TakesRename(query, tables[0], tables[1])) {
      Log().Info("skip the renaming of a temporary table of the upstream's session",
                 {F("statement", text), F("table", tables[0].Quoted())});
      continue;
    }
    const OnlineDdl::Judgement judged =
        online != nullptr ? online->Judge(split, tables) : OnlineDdl::Judgement();
    NoteTrashChanged(split, tables, judged.step);
    if (judged.step != OnlineDdl::Step::kOrdinary) {
      PlanOnline(judged, std::move(split), std::move(tables), statement, query, text, &planned,
                 stop);
    } else if ((online == nullptr ||
                !(IsOfNoTable(split, tables) || KeepsDropped(split, tables, text, stop))) &&
               !PlanAcrossRules(statement, split, tables, text, &planned, stop)) {
      PlanOrdinary(std::move(split), std::move(tables), text, &planned, stop);
    }
  }
  if (skipping_) {
    std::erase_if(planned, [](const Planned& p) { return !p.is_tracked(); });
    for (Planned& p : planned) p.filtered = true;
  }
  if (std::any_of(planned.begin(), planned.end(),
                  [](const Planned& p) { return p.is_executed(); })) {
    temporary_->RefuseCopy(query, statement, fold);
    if (TemporaryTables::IsInDoubt(query, statement)) {
      Log().Warn(
          "a statement is executed on a permanent table that may have been on a temporary table of "
          "its session: the session's CREATE TEMPORARY TABLE is not among what has been read",
          {F("statement", text), F("thread", query.thread_id)});
    }
  }
  return planned;
}

bool DdlHandler::IsOnTemporary(const Statement& statement, const mysql::QueryEvent& query,
                               const std::string& text) {
  if (!temporary_->Takes(query, statement, context_.sessions->lower_case_table_names != 0)) {
    return false;
  }
  Log().Info("skip a statement on a temporary table of the upstream's session",
             {F("statement", text)});
  return true;
}

bool DdlHandler::IsObsolete(const TableId& table, const std::string& text) const {
  if (table.table.empty()) return false;
  const std::optional<TablePoint> point = context_.checkpoint->PointOf(table);
  if (!point || !AppliedPoint(*point, context_.gtid_mode).Covers(PlaceOf(*context_.stream))) {
    return false;
  }
  Log().Info("ignore obsolete DDL, the table's point is past it",
             {F("statement", text), F("table", table.Quoted())});
  return true;
}

void DdlHandler::PlanOrdinary(Statement split, std::vector<TableId> tables, const std::string& text,
                              std::vector<Planned>* planned, const StopToken& stop) {
  Planned p;
  p.tables = std::move(tables);
  std::vector<mysql::TableName> names;
  for (const TableId& id : p.tables) {
    const bool left_out = IsLeftOut(id);
    if (left_out && context_.online != nullptr && !p.targets.empty() &&
        context_.online->IsHelper(id) && !context_.rules->block_allow.SkipsSchema(id.schema)) {
      throw MakeError(
          ErrorCode::kSyncerOnlineDDLNotSupported,
          fmt::format("the statement refers to {}, which is not replicated", id.Quoted()));
    }
    if (left_out) return;
    TableId target = context_.rules->Route(id);
    names.push_back({target.schema, target.table});
    p.targets.push_back(std::move(target));
  }
  if (p.tables.empty() || IsObsolete(p.tables.front(), text)) return;
  for (const TableId& table : p.tables) {
    p.filtered = p.filtered || IsFiltered(split, table, p.tables.front(), text, stop);
  }
  if (!p.filtered && IsDiscard(split, p.tables.front())) return;
  if (!p.filtered) {
    p.routed = mysql::RenameTables(split, names);
    RouteSequences(&p.routed, *context_.rules, context_.sessions->lower_case_table_names != 0);
    RouteForeignKeys(&p.routed, p.tables.front(), p.targets.front(), context_,
                     context_.sessions->lower_case_table_names != 0);
    mysql::RouteConstraintNames(&p.routed, p.tables.front().table, p.targets.front().table);
  }
  if (context_.online != nullptr) {
    if (split.As<mysql::DropDatabase>()) context_.online->ForgetSchema(p.tables.front().schema);
    const std::optional<size_t> produced = ProducedTable(split);
    for (size_t i = 0; i < p.tables.size(); ++i) {
      if (i == produced) {
        EndAside(p.tables[i], text, planned, stop);
      } else {
        context_.online->ClearAside(p.tables[i]);  // it is there
      }
    }
  }
  p.source = std::move(split);
  planned->push_back(std::move(p));
}

bool DdlHandler::RenamesView(const std::vector<Planned>& planned, size_t index,
                             const StopToken& stop) {
  const Planned& p = planned[index];
  if (!IsRename(p.source) || p.tables.size() != 2 || p.targets.size() != 2) return false;
  const TableId& before = p.tables[0];
  if (context_.tracker->GetTable(before.schema, before.table) != nullptr) return false;
  if (views_.erase(before) == 0) {
    // Its name when the whole statement is done.
    TableId after = p.tables[1];
    for (size_t i = index + 1; i < planned.size(); ++i) {
      const std::vector<TableId>& tables = planned[i].tables;
      if (IsRename(planned[i].source) && tables.size() == 2 && tables[0] == after) {
        after = tables[1];
      }
    }
    const Sessions& sessions = *context_.sessions;
    const std::string type = UpstreamTableType(sessions, after, stop);
    // It may be gone upstream by now. Then it was no table if all tables are known.
    const bool none = type.empty() && context_.knows_all_tables &&
                      DownstreamTableType(sessions, p.targets[0], stop) != "SEQUENCE";
    if (!none && type.find("VIEW") == std::string::npos) return false;
  }
  views_.insert(p.tables[1]);
  Log().Info("skip the renaming of a view",
             {F("statement", p.source.text), F("view", before.Quoted())});
  return true;
}

bool DdlHandler::ConcernsNoTable(const Planned& planned, const TableId& table, const Error& why,
                                 const StopToken& stop) {
  const auto* rename = planned.source.As<mysql::RenameTable>();
  const auto* alter = planned.source.As<mysql::AlterTable>();
  const std::optional<size_t> produced = ProducedTable(planned.source);
  // Its name when the statement is done.
  const TableId& after =
      produced && *produced < planned.tables.size() ? planned.tables[*produced] : table;
  const bool conditional =
      (rename != nullptr && rename->if_exists) || (alter != nullptr && alter->if_exists);
  if (conditional && IsMissingTable(why)) {
    Log().Info("skip a statement with IF EXISTS, its table does not exist",
               {F("statement", planned.source.text), F("table", table.Quoted())});
    return true;
  }
  if (UpstreamTableType(*context_.sessions, after, stop) != "SEQUENCE") return false;
  Log().Warn(context_.sessions->downstream_server.is_tidb
                 ? "skip a statement for tables on a sequence: TiDB's, if it has it, stays as it is"
                 : "skip a statement on a sequence that the downstream has not got",
             {F("statement", planned.source.text), F("sequence", table.Quoted())});
  return true;
}

void DdlHandler::TrackTablesOf(std::vector<Planned>& planned, const StopToken& stop) {
  // Names that an earlier part gives to a table; downstream there is none of that name yet, or
  // another one.
  std::vector<TableId> produced;
  std::vector<TableId> left;  // names that earlier parts have taken away
  for (size_t index = 0; index < planned.size(); ++index) {
    Planned& p = planned[index];
    for (const TableId& id : p.tables) {
      if (p.source.As<mysql::CreateDatabase>() == nullptr &&
          p.source.As<mysql::DropDatabase>() == nullptr) {
        context_.tracker->CreateSchemaIfNotExists(id.schema);
      }
    }
    for (size_t i : NeededTables(p.source)) {
      if (!p.is_tracked() || i >= p.tables.size() ||
          std::find(produced.begin(), produced.end(), p.tables[i]) != produced.end()) {
        continue;
      }
      if (RenamesView(planned, index, stop)) {
        p.dropped = true;
        break;
      }
      try {
        TrackedTable(context_, p.tables[i], stop);
      } catch (const Error& e) {
        if (!p.is_executed()) {
          Log().Warn("the table of a statement that is only tracked is not known, nothing is done",
                     {F("table", p.tables[i].Quoted()), F("error", e)});
          p.dropped = true;
          break;
        }
        if (!ConcernsNoTable(p, p.tables[i], e, stop)) throw;
        p.dropped = true;
        break;
      }
    }
    if (p.dropped) continue;
    if (std::optional<size_t> i = ProducedTable(p.source); i && *i < p.tables.size()) {
      if (p.is_executed()) {
        // What is renamed has its old name no longer.
        std::vector<TableId> gone = left;
        if (p.source.As<mysql::CreateTable>() == nullptr) {
          for (const TableId& id : p.tables) {
            if (id != p.tables[*i]) gone.push_back(id);
          }
        }
        RefuseOneTargetOfTwo(context_, p.tables[*i], gone, nullptr, stop);
        left = std::move(gone);
      }
      produced.push_back(p.tables[*i]);
    }
  }
  std::erase_if(planned, [](const Planned& p) { return p.dropped; });
}

DefinitionChange DdlHandler::ChangeOf(const std::vector<Planned>& planned) const {
  DefinitionChange change;
  std::vector<TableId> seen;
  for (const Planned& p : planned) {
    if (p.source.As<mysql::DropDatabase>()) {
      change.dropped_schemas.push_back(p.tables.front().schema);
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
