// The part of DdlHandler that follows online schema changes. The statements on a shadow table are
// kept; the tracker follows the shadow table itself, so that its definition is known when it takes
// the real table's place; the downstream gets the kept statements then, on the real table.

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/error/error.h"
#include "base/log/log.h"
#include "migration/rules/system_schema.h"
#include "migration/sync/ddl_handler.h"
#include "migration/sync/foreign_keys.h"
#include "migration/sync/other_objects.h"
#include "migration/sync/split_statement.h"
#include "mysql/sql/rewrite.h"
#include "mysql/value/quote.h"

namespace dm::migration {

using mysql::Statement;
using Step = OnlineDdl::Step;

namespace {

// Does it pass over a table that is not there?
bool IsConditional(const Statement& split) {
  const auto* drop = split.As<mysql::DropTable>();
  const auto* rename = split.As<mysql::RenameTable>();
  const auto* alter = split.As<mysql::AlterTable>();
  return (drop != nullptr && drop->if_exists) || (rename != nullptr && rename->if_exists) ||
         (alter != nullptr && alter->if_exists);
}

bool SameNames(const std::vector<std::string>& a, const std::vector<mysql::IndexPart>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const std::string& name, const mysql::IndexPart& part) {
                      return mysql::EqualNames(name, part.column);
                    });
}

// The same reference, under whatever name.
bool SameReference(const mysql::ForeignKeyInfo& key, const mysql::Constraint& constraint) {
  return SameNames(key.columns, constraint.parts) &&
         SameNames(key.ref_columns, constraint.reference.columns) &&
         mysql::EqualNames(key.ref_table, constraint.reference.table.name);
}

std::set<std::string> ColumnNames(const mysql::TableInfo& table) {
  std::set<std::string> names;
  for (const mysql::ColumnInfo& column : table.columns) {
    if (!column.hidden) names.insert(column.lower_name);
  }
  return names;
}

// The first column that only one of both has; empty if there is none.
std::string Difference(const std::set<std::string>& made, const std::set<std::string>& expected) {
  for (const std::string& name : made) {
    if (!expected.contains(name)) return fmt::format("has no column {}", mysql::QuoteName(name));
  }
  for (const std::string& name : expected) {
    if (!made.contains(name)) return fmt::format("has a column {}", mysql::QuoteName(name));
  }
  return "";
}

}  // namespace

void DdlHandler::AddTracked(Statement source, std::vector<TableId> tables,
                            std::vector<Planned>* planned) const {
  Planned p;
  p.source = std::move(source);
  for (const TableId& table : tables) p.targets.push_back(context_.rules->Route(table));
  p.tables = std::move(tables);
  p.part = Planned::Part::kTracked;
  planned->push_back(std::move(p));
}

bool DdlHandler::IsThereDownstream(const TableId& table, const StopToken& stop) {
  const TableId target = context_.rules->Route(table);
  context_.downstream->Forget(target);
  try {
    context_.downstream->Get(target, stop);
    return true;
  } catch (const Error& e) {
    if (e.code() != static_cast<int>(ErrorCode::kSyncerDownstreamTableNotFound)) throw;
    return false;
  }
}

void DdlHandler::PlanOnline(const OnlineDdl::Judgement& judged, Statement split,
                            std::vector<TableId> tables, const Statement& whole,
                            const mysql::QueryEvent& query, const std::string& text,
                            std::vector<Planned>* planned, const StopToken& stop) {
  OnlineDdl& online = *context_.online;
  const TableId& helper = judged.helper;
  const TableId& real = judged.real;
  if (IsSystemSchema(real.schema) || context_.rules->block_allow.Skips(real.schema, real.table)) {
    return;
  }
  // What the real table's point is past was handled with all that follows from it; a shadow table
  // has no point any more when it is gone.
  const bool on_real =
      judged.step == Step::kAside || judged.step == Step::kBack || judged.step == Step::kSwap;
  if ((!on_real && IsObsolete(helper, text)) || IsObsolete(real, text)) return;
  switch (judged.step) {
    case Step::kOrdinary:
    case Step::kNothing:
      return;
    case Step::kNewShadow: {
      const auto* create = whole.As<mysql::CreateTable>();
      PlanNewShadow(judged, std::move(split), std::move(tables),
                    create != nullptr && create->if_not_exists, planned, stop);
      return;
    }
    case Step::kShadowGone: {
      Log().Info("the shadow table of an online schema change is gone",
                 {F("shadow", helper.Quoted()), F("table", real.Quoted())});
      // IF EXISTS: one that was there had a part in the change only if it was changed.
      const bool changed = online.Find(helper) != nullptr;
      online.Forget(helper);
      if (context_.tracker->GetTable(helper.schema, helper.table)) {
        AddTracked(DropOf(helper, text), {helper}, planned);
      }
      if (changed && online.Aside(real) == true && !online.IsChanging(real)) {
        EndAside(real, text, planned, stop);
      }
      return;
    }
    case Step::kShadowChange: {
      const bool tracked = context_.tracker->GetTable(helper.schema, helper.table) != nullptr;
      const bool filtered = IsFiltered(split, real, tracked ? helper : real, text, stop);
      online.Keep(helper, real, filtered ? "" : KeptText(split, helper, query, stop),
                  SessionOf(query, stop));
      Log().Info("a statement on a shadow table is kept",
                 {F("statement", text), F("shadow", helper.Quoted()), F("table", real.Quoted())});
      if (!tracked) return;
      AddTracked(std::move(split), std::move(tables), planned);
      planned->back().filtered = filtered;
      return;
    }
    case Step::kShadowMoved:
      throw MakeError(ErrorCode::kSyncerOnlineDDLNotSupported,
                      fmt::format("partitions are exchanged with the shadow table {}, whose rows "
                                  "are not replicated",
                                  helper.Quoted()));
    case Step::kSwap:
      PlanSwap(helper, real, std::move(split), text, planned, stop);
      return;
    case Step::kAside:
      if (IsConditional(split) && online.Aside(real)) return;  // it is not there
      if (IsFiltered(split, real, real, text, stop)) return;
      // Its definition must be known when a shadow table has taken its name upstream.
      if (IsThereDownstream(real, stop)) TrackedTable(context_, real, stop);
      online.SetAside(real, /*dropped=*/false, helper);
      return;
    case Step::kBack:
      if (IsFiltered(split, real, real, text, stop) || online.IsPutAsideAs(real, helper)) {
        online.ClearAside(real);
        return;
      }
      // Renamed away before the task began, perhaps.
      if (!online.Aside(real) && !context_.tracker->GetTable(real.schema, real.table) &&
          IsThereDownstream(real, stop)) {
        return;
      }
      throw MakeError(ErrorCode::kSyncerOnlineDDLNotSupported,
                      fmt::format("the table {}, whose rows are not replicated, gets the name {}{}",
                                  helper.Quoted(), real.Quoted(),
                                  online.Aside(real) == false
                                      ? ", and is not the table of that name that was put aside, "
                                        "or was changed since"
                                      : ""));
    case Step::kRenameToShadow:
      throw MakeError(ErrorCode::kSyncerUnitGhostRenameToGhostTable, real.Quoted(),
                      helper.Quoted());
    case Step::kRenameOfHelper:
      throw MakeError(ErrorCode::kSyncerUnitGhostRenameGhostTblToOther, helper.Quoted(),
                      tables.at(1).Quoted());
  }
}

void DdlHandler::PlanNewShadow(const OnlineDdl::Judgement& judged, Statement split,
                               std::vector<TableId> tables, bool if_not_exists,
                               std::vector<Planned>* planned, const StopToken& stop) {
  OnlineDdl& online = *context_.online;
  const TableId& shadow = judged.helper;
  const TableId& real = judged.real;
  const bool tracked = context_.tracker->GetTable(shadow.schema, shadow.table) != nullptr;
  if (tracked && if_not_exists) return;  // it was there, and stays
  const auto* create = split.As<mysql::CreateTable>();
  online.Forget(shadow);
  if (tracked) AddTracked(DropOf(shadow, split.text), {shadow}, planned);
  if (create != nullptr && create->like && tables.size() > 1 && tables[1] == real) {
    online.ClearAside(real);  // LIKE: it is there
  } else if (online.Aside(real) == true) {
    // The change that has kept it back is over, or another one begins: is it there again? Whatever
    // comes tells, or a person decides.
    Log().Warn(
        "a table that was dropped while an online schema change of it was under way stays "
        "downstream",
        {F("table", real.Quoted())});
    online.SetAside(real, /*dropped=*/false);
  }
  Log().Info("an online schema change begins",
             {F("shadow", shadow.Quoted()), F("table", real.Quoted())});

  // pt-online-schema-change gives the foreign keys other names, which its statement and every later
  // one use.
  const auto is_named = [](const mysql::Constraint& constraint) {
    return constraint.kind == mysql::ConstraintKind::kForeign && !constraint.name.empty();
  };
  if (create != nullptr &&
      std::any_of(create->constraints.begin(), create->constraints.end(), is_named) &&
      IsThereDownstream(real, stop)) {
    const mysql::TablePtr before = TrackedTable(context_, real, stop);
    for (const mysql::Constraint& constraint : create->constraints) {
      if (!is_named(constraint)) continue;
      const auto key = std::find_if(
          before->foreign_keys.begin(), before->foreign_keys.end(),
          [&](const mysql::ForeignKeyInfo& info) { return SameReference(info, constraint); });
      if (key == before->foreign_keys.end() || mysql::EqualNames(key->name, constraint.name)) {
        continue;
      }
      mysql::AlterSpec drop{};
      drop.kind = mysql::AlterKind::kDropForeignKey;
      drop.name = key->name;
      online.Keep(shadow, real, mysql::Restore(AlterOf(shadow, std::move(drop), split.text)));
      mysql::AlterSpec add{};
      add.kind = mysql::AlterKind::kAddConstraint;
      add.constraint = constraint;
      online.Keep(shadow, real, mysql::Restore(AlterOf(shadow, std::move(add), split.text)));
    }
  }
  AddTracked(std::move(split), std::move(tables), planned);
}

std::string DdlHandler::KeptText(const Statement& split, const TableId& shadow,
                                 const mysql::QueryEvent& query, const StopToken& stop) {
  // Collations and zones that the session chose are not known any more when the statement is
  // executed.
  Planned p;
  p.routed = split;
  p.tables = {shadow};
  MakeCollationsOfUpstream(&p, query, stop);
  MoveMoments(&p.routed, shadow, query, stop);
  return mysql::Restore(p.routed);
}

void DdlHandler::PlanSwap(const TableId& shadow, const TableId& real, Statement split,
                          const std::string& text, std::vector<Planned>* planned,
                          const StopToken& stop) {
  OnlineDdl& online = *context_.online;
  const mysql::TablePtr definition = context_.tracker->GetTable(shadow.schema, shadow.table);
  const bool filtered = IsFiltered(split, real, real, text, stop);
  if (!filtered) {
    const OnlineDdlRecord* record = online.Find(shadow);
    if (record == nullptr || record->ddls.empty()) {
      throw MakeError(ErrorCode::kSyncerUnitGhostOnlineDDLOnGhostTbl, shadow.Quoted());
    }
    const std::vector<OnlineDdl::Kept> kept = online.KeptFor(*record, real);
    if (std::find(record->ddls.begin(), record->ddls.end(), "") == record->ddls.end()) {
      CheckColumns(shadow, real, kept, definition, stop);
    }
    const TableId target = context_.rules->Route(real);
    for (const auto& [statement, session] : kept) {
      Planned p;
      if (!(session == StatementSession())) p.session = session;
      p.rows_were_copied = true;
      p.source = statement;
      p.tables = {real};
      p.targets = {target};
      p.routed = mysql::RenameTables(statement,
                                     std::vector<mysql::TableName>{{target.schema, target.table}});
      RouteSequences(&p.routed, *context_.rules, context_.sessions->lower_case_table_names != 0);
      RouteForeignKeys(&p.routed, real, target, context_,
                       context_.sessions->lower_case_table_names != 0);
      if (definition) p.part = Planned::Part::kExecuted;
      planned->push_back(std::move(p));
    }
    Log().Info("the shadow table takes the real table's place",
               {F("shadow", shadow.Quoted()), F("table", real.Quoted()),
                F("statements", fmt::format("{}", fmt::join(record->ddls, "; ")))});
  }
  if (const OnlineDdlRecord* record = online.Find(shadow); skipping_ && !definition && record) {
    // The shadow table's making was not read: what is known of the change is what was kept.
    for (OnlineDdl::Kept& kept : online.KeptFor(*record, real)) {
      AddTracked(std::move(kept.statement), {real}, planned);
    }
  }
  if (definition) {
    AddTracked(DropOf(real, text), {real}, planned);
    AddTracked(std::move(split), {shadow, real}, planned);
  }
  online.Forget(shadow);
  online.ClearAside(real);
}

void DdlHandler::CheckColumns(const TableId& shadow, const TableId& real,
                              const std::vector<OnlineDdl::Kept>& kept,
                              const mysql::TablePtr& expected, const StopToken& stop) {
  TrackedTable(context_, real, stop);
  std::vector<Statement> statements;
  for (const OnlineDdl::Kept& one : kept) statements.push_back(one.statement);
  const mysql::TrackerChange change =
      context_.tracker->Plan(real.schema, mysql::JoinAlters(std::move(statements)));
  const mysql::TablePtr made = context_.tracker->GetTable(change, real.schema, real.table);
  if (expected) {
    const std::string difference = Difference(ColumnNames(*made), ColumnNames(*expected));
    if (difference.empty()) return;
    throw MakeError(
        ErrorCode::kSyncerOnlineDDLNotSupported,
        fmt::format("the shadow table {} {}, otherwise than {} with the statements kept for it",
                    shadow.Quoted(), difference, real.Quoted()));
  }
  // Its creation was not read: there may have been statements before the first one that was.
  auto upstream = mysql::Connection::Connect(context_.sessions->upstream, stop);
  std::set<std::string> now;
  for (const auto& row :
       upstream
           ->Query(fmt::format("SELECT COLUMN_NAME FROM information_schema.COLUMNS WHERE "
                               "TABLE_SCHEMA = {} AND TABLE_NAME = {}",
                               mysql::QuoteString(real.schema), mysql::QuoteString(real.table)),
                   stop)
           .rows) {
    now.insert(mysql::LowerName(row.at(0).value_or("")));
  }
  const std::string difference = now.empty() ? "" : Difference(ColumnNames(*made), now);
  if (difference.empty()) return;
  throw MakeError(ErrorCode::kSyncerUnitGhostOnlineDDLOnGhostTbl, shadow.Quoted())
      .Annotate(fmt::format("what was read of the online schema change is not all of it: the table "
                            "{} {} upstream now, otherwise than by the statements read",
                            real.Quoted(), difference));
}

void DdlHandler::NoteTrashChanged(const Statement& split, const std::vector<TableId>& tables,
                                  OnlineDdl::Step step) {
  if (context_.online == nullptr) return;
  const auto* create = split.As<mysql::CreateTable>();
  for (size_t i = 0; i < tables.size(); ++i) {
    const bool stays = (step == Step::kBack && i == 0) || (step == Step::kAside && i == 1) ||
                       (create != nullptr && i > 0);
    if (!stays) context_.online->TrashChanged(tables[i]);
  }
}

bool DdlHandler::IsOfNoTable(const Statement& split, const std::vector<TableId>& tables) const {
  // (A DROP of several tables may be logged although one was not there.)
  if (tables.empty() || !(IsConditional(split) || split.As<mysql::DropTable>()) ||
      context_.online->Aside(tables.front()) != false) {
    return false;
  }
  Log().Info("skip a statement on a table that was renamed to a trash table",
             {F("table", tables.front().Quoted()), F("statement", split.text)});
  return true;
}

bool DdlHandler::KeepsDropped(const Statement& split, const std::vector<TableId>& tables,
                              const std::string& text, const StopToken& stop) {
  if (!split.As<mysql::DropTable>() || tables.size() != 1) return false;
  const TableId& real = tables.front();
  if (context_.rules->Skips(real) || !context_.online->IsChanging(real)) return false;
  if (IsObsolete(real, text)) return true;
  if (IsFiltered(split, real, real, text, stop)) return false;
  Log().Warn(
      "a table is dropped while an online schema change of it is under way: it stays "
      "downstream until its shadow table takes its name or is dropped",
      {F("table", real.Quoted()), F("statement", text)});
  context_.online->SetAside(real, /*dropped=*/true);
  return true;
}

void DdlHandler::EndAside(const TableId& real, const std::string& text,
                          std::vector<Planned>* planned, const StopToken& stop) {
  const std::optional<bool> dropped = context_.online->Aside(real);
  if (!dropped) return;
  context_.online->ClearAside(real);
  if (!*dropped) {
    if (context_.rules->router.KeepsApart(real.schema, real.table) &&
        IsThereDownstream(real, stop)) {
      throw MakeError(
          ErrorCode::kSyncerOnlineDDLNotSupported,
          fmt::format("{} was renamed to a trash table, or dropped during an online schema change, "
                      "and another table gets its name, while the target {} still has its rows "
                      "(drop it there, or rename it, and resume)",
                      real.Quoted(), context_.rules->Route(real).Quoted()));
    }
    AddTracked(DropOf(real, text), {real}, planned);
    return;
  }
  Planned p;
  p.source = DropOf(real, text);
  p.tables = {real};
  p.targets = {context_.rules->Route(real)};
  p.routed = DropOf(p.targets.front(), text);
  planned->push_back(std::move(p));
}

}  // namespace dm::migration
