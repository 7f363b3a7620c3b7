// Statements of the binlog: what is not replicated, what is executed downstream, and the
// definitions that follow from it.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "migration/rules/collations.h"
#include "migration/sync/checkpoint.h"
#include "migration/sync/ddl_executor.h"
#include "migration/sync/online_ddl.h"
#include "migration/sync/planned_statement.h"
#include "migration/sync/planner.h"
#include "migration/sync/system_zone.h"
#include "migration/sync/temporary_tables.h"
#include "mysql/binlog/events.h"
#include "mysql/sql/restore.h"
#include "mysql/sql/statement.h"

namespace dm::migration {

// One owner thread, the planner's.
class DdlHandler {
 public:
  // `flush` drains the queues and writes the checkpoint. `temporary` is what earlier runs know.
  // What is given outlives this.
  DdlHandler(PlanContext& context, std::function<void()> flush, DdlExecutor* executor,
             TemporaryTables* temporary);

  enum class Outcome {
    kSkipped,   // nothing for the downstream
    kTracked,   // filtered: tracked and saved, not executed
    kExecuted,  // executed, tracked and saved
  };
  // What an operator asked for.
  struct Given {
    // Nothing is executed: the statement is tracked as far as it can be.
    bool skip = false;
    // By what event the filters judge it; empty: by what the statement is.
    std::string_view filter_event;
    // Saved together with what the statement changes, unless it changes nothing (kSkipped).
    std::optional<DefinitionChange::Step> step;
  };
  // Handles a query event that is neither BEGIN nor COMMIT. `end` is the event's end, `save` the
  // last transaction's, which may be saved when it is done; `event` names it: its GTID, or its
  // place. Throws Error; then the downstream may have it, or a front part of it; the tracker and
  // the checkpoint have not. A repetition goes on where this ended.
  Outcome Handle(const mysql::QueryEvent& query, const mysql::Location& end,
                 const mysql::Location& save, const std::string& event, uint32_t timestamp,
                 const Given& given, const StopToken& stop);

  // Of the upstream's sessions, as far as it is known.
  const TemporaryTables& temporary() const { return *temporary_; }
  // The binlog says at `place` that the upstream has started anew.
  void OnServerStart(const mysql::BinlogPosition& place) {
    temporary_->SetPlace(place);
    temporary_->OnServerStart();
  }

 private:
  using Planned = PlannedStatement;
  std::vector<Planned> Plan(const mysql::Statement& statement, const mysql::QueryEvent& query,
                            const std::string& text, const StopToken& stop);
  // Plans a split statement as what it is: nothing, if it is left out.
  void PlanOrdinary(mysql::Statement split, std::vector<TableId> tables, const std::string& text,
                    std::vector<Planned>* planned, const StopToken& stop);
  // Is the statement on a temporary table of its session, and nothing for the downstream? Says so
  // in the log. Throws as TemporaryTables::Takes.
  bool IsOnTemporary(const mysql::Statement& statement, const mysql::QueryEvent& query,
                     const std::string& text);
  // Has an earlier run done this event for the table already?
  bool IsObsolete(const TableId& table, const std::string& text) const;

  // --- online schema changes (ddl_handler_online.cc) ---
  // Plans a split statement that has a part in one. Throws Error (36044, 36045, 36046, 36072).
  void PlanOnline(const OnlineDdl::Judgement& judged, mysql::Statement split,
                  std::vector<TableId> tables, const mysql::Statement& whole,
                  const mysql::QueryEvent& query, const std::string& text,
                  std::vector<Planned>* planned, const StopToken& stop);
  void PlanNewShadow(const OnlineDdl::Judgement& judged, mysql::Statement split,
                     std::vector<TableId> tables, bool if_not_exists, std::vector<Planned>* planned,
                     const StopToken& stop);
  void PlanSwap(const TableId& shadow, const TableId& real, mysql::Statement split,
                const std::string& text, std::vector<Planned>* planned, const StopToken& stop);
  // The statement on a shadow table as it is kept.
  std::string KeptText(const mysql::Statement& split, const TableId& shadow,
                       const mysql::QueryEvent& query, const StopToken& stop);
  // What is planned of a table that was put aside before a statement that gives another one its
  // name. Throws Error 36072 if the downstream's is in the way.
  void EndAside(const TableId& real, const std::string& text, std::vector<Planned>* planned,
                const StopToken& stop);
  // Forgets of trash tables that the statement changes that they are tables put aside.
  void NoteTrashChanged(const mysql::Statement& split, const std::vector<TableId>& tables,
                        OnlineDdl::Step step);
  // Is it an ordinary statement on a table that is not there upstream, since it was renamed to a
  // trash table? IF EXISTS allows that, and nothing happens. Says so in the log.
  bool IsOfNoTable(const mysql::Statement& split, const std::vector<TableId>& tables) const;
  // A real table that is dropped while an online schema change of it is under way is not dropped
  // downstream. False: it is.
  bool KeepsDropped(const mysql::Statement& split, const std::vector<TableId>& tables,
                    const std::string& text, const StopToken& stop);
  bool IsThereDownstream(const TableId& table, const StopToken& stop);
  // Throws Error unless the kept statements make of `real` a table with the columns of `expected`;
  // null: with those that it has upstream now.
  void CheckColumns(const TableId& shadow, const TableId& real,
                    const std::vector<OnlineDdl::Kept>& kept, const mysql::TablePtr& expected,
                    const StopToken& stop);
  // A statement for the tracker alone.
  void AddTracked(mysql::Statement source, std::vector<TableId> tables,
                  std::vector<Planned>* planned) const;

  // Do the event filters leave the statement out, by one of its tables? Throws Error
  // kSyncerUnitBinlogEventFilter if they stop it.
  bool IsFiltered(const mysql::Statement& split, const TableId& table, const TableId& first,
                  const std::string& text, const StopToken& stop);
  // Computes what the tracker becomes. Filtered statements that it cannot follow are taken out.
  mysql::TrackerChange PlanTracking(const std::string& schema, std::vector<Planned>& planned) const;
  // Makes the tracker know the tables that the statements start from. Takes out what concerns no
  // table, and filtered statements on tables that are not there.
  void TrackTablesOf(std::vector<Planned>& planned, const StopToken& stop);
  // Does the statement give a view another name? The downstream may have a table of its own of that
  // name. Remembers the new name, and says so in the log.
  bool RenamesView(const std::vector<Planned>& planned, size_t index, const StopToken& stop);
  // Is a statement whose `table` is not known, by `why`, nothing for the downstream: on a sequence,
  // or on nothing as its IF EXISTS allows? Says so in the log.
  bool ConcernsNoTable(const Planned& planned, const TableId& table, const Error& why,
                       const StopToken& stop);

  // --- the session of a statement (ddl_handler_session.cc) ---
  // Of the event at hand.
  const StatementSession& SessionOf(const mysql::QueryEvent& query, const StopToken& stop);
  bool ExplicitDefaults(const mysql::QueryEvent& query) const;
  // Spells out what TIMESTAMP columns of the statements are by the session's
  // explicit_defaults_for_timestamp, where what is to take them would make something else of them.
  // `change`: what the tracker becomes. True: it has to be planned again.
  bool SpellOutTimestamps(const mysql::QueryEvent& query, const mysql::TrackerChange& change,
                          std::vector<Planned>* planned) const;
  // The event ran in the upstream's SYSTEM zone: makes its literal moments what they are there.
  void MoveMoments(mysql::Statement* statement, const TableId& source,
                   const mysql::QueryEvent& query, const StopToken& stop);

  // --- what the rules leave out (ddl_handler_left_out.cc) ---
  // Of a statement that takes a table from the replicated ones, or brings one there: nothing can
  // be done downstream that would do the same. Throws Error kSyncerUnsupportedStmt (36068) with
  // both names, unless a filter leaves it out or an operator has it skipped: then the tracker
  // forgets what is not there any more. False: it is no such statement.
  bool PlanAcrossRules(const mysql::Statement& whole, const mysql::Statement& split,
                       const std::vector<TableId>& tables, const std::string& text,
                       std::vector<Planned>* planned, const StopToken& stop);
  // Is nothing of it replicated? Of an empty `table`: of the database.
  bool IsLeftOut(const TableId& id) const;

  // --- default collations (ddl_handler_collations.cc) ---
  // Names in the routed statement the collations that the downstream would choose otherwise: being
  // of another kind, or having other defaults.
  void MakeCollationsOfUpstream(Planned* planned, const mysql::QueryEvent& query,
                                const StopToken& stop);
  // From MariaDB elsewhere: collations without a character set are named with it, in a statement on
  // `source`, which is `after` when it is done.
  void NameShortCollations(mysql::Statement* adapted, const TableId& source,
                           const mysql::TablePtr& after, const mysql::QueryEvent& query) const;
  // For a downstream of the upstream's kind: names the default of the server or the database, where
  // that is another one downstream.
  void NameOtherDefaults(mysql::Statement* routed, const std::string& schema,
                         const mysql::QueryEvent& query, const StopToken& stop);
  // Makes the tracker know the defaults of the databases that the statements take a character set
  // from, and gives a CREATE DATABASE that names none the server's.
  void TrackDatabasesOf(std::vector<Planned>& planned, const mysql::QueryEvent& query,
                        const StopToken& stop);
  // Default collation of an upstream database, which no event carries: from the dump or its last
  // statement, else as it is now; the server's if the database is gone; empty if nothing tells.
  std::string DatabaseCollation(const std::string& schema, const mysql::QueryEvent& query,
                                const StopToken& stop);
  // Of a CREATE DATABASE that names none. One with IF NOT EXISTS is logged also where the database
  // is there, with a default of its own.
  std::string NewDatabaseCollation(const std::string& schema, const mysql::QueryEvent& query,
                                   const StopToken& stop);
  void SaveDatabaseCollations();

  // --- values that a statement gives to rows (ddl_handler_values.cc) ---
  // Tells in the log of values of rows that the statement, the upstream's, changes otherwise
  // downstream.
  void WarnOfOtherValues(const mysql::Statement& source, const TableId& table) const;
  // DISCARD TABLESPACE takes rows away that IMPORT TABLESPACE is to replace: nothing to be
  // repeated. Says so in the log.
  bool IsDiscard(const mysql::Statement& split, const TableId& table) const;
  // Throws Error kSyncerUnsupportedStmt if the target's rows would get other values than the
  // upstream's.
  void RefuseUnrepeatable(const Planned& planned, const mysql::QueryEvent& query,
                          const StopToken& stop) const;

  // Adds to a statement of MariaDB for MySQL that the checks go which MariaDB forgets with it
  // (column_checks.h).
  void DropForgottenChecks(mysql::Statement* adapted, const Planned& planned,
                           const StopToken& stop) const;
  // What the statements are downstream.
  // `change`: what the tracker becomes.
  DdlWork WorkOf(const std::vector<Planned>& planned, const mysql::TrackerChange& change,
                 const mysql::QueryEvent& query, const std::string& event, const StopToken& stop);
  DefinitionChange ChangeOf(const std::vector<Planned>& planned) const;

  PlanContext& context_;
  std::function<void()> flush_;
  DdlExecutor* executor_;
  bool creates_if_missing_ = false;  // the statement at hand is a CREATE DATABASE IF NOT EXISTS
  bool skipping_ = false;  // the statement at hand is only tracked, as an operator asked for
  std::string_view filter_event_;  // of the statement at hand, see Given
  CollationRenamer collations_;
  TemporaryTables* temporary_;
  std::set<TableId> views_;                  // created in this run; source names
  SystemZone system_zone_;                   // of the upstream
  uint32_t timestamp_ = 0;                   // of the event at hand
  std::optional<StatementSession> session_;  // of the event at hand, once asked for
};

// The statement's text in UTF-8, without control characters at its ends.
std::string StatementText(const mysql::QueryEvent& query);

}  // namespace dm::migration
