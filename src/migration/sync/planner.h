// From events to work: row changes to the queues, statements to the DDL handler, transaction ends
// to the checkpoint.
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/thread/stop.h"
#include "migration/rows/row_filter.h"
#include "migration/rows/table_plan.h"
#include "migration/rules/block_allow_list.h"
#include "migration/rules/event_filter.h"
#include "migration/rules/online_ddl_names.h"
#include "migration/rules/table_router.h"
#include "migration/sync/applied_point.h"
#include "migration/sync/apply_queue.h"
#include "migration/sync/causality.h"
#include "migration/sync/checkpoint.h"
#include "migration/sync/downstream_tables.h"
#include "migration/sync/right_edge.h"
#include "migration/sync/session.h"
#include "migration/sync/stream.h"
#include "mysql/binlog/rows.h"
#include "mysql/schema/schema_tracker.h"

namespace dm::migration {

// The rules of a task, compiled.
struct Rules {
  BlockAllowList block_allow;
  TableRouter router;
  EventFilter filter;
  std::vector<ExpressionFilterRule> expressions;
  std::optional<mysql::TimeZone> time_zone;  // the task's
  std::optional<OnlineDdlNames> online_ddl;  // nullopt: such tables are ordinary ones

  // Is nothing of this table replicated? True for the helper tables of online schema changes.
  bool Skips(const TableId& table) const;
  TableId Route(const TableId& table) const;
};

// Row changes that expression filters left out since they were last told. Thread-safe.
struct FilteredRows {
  std::array<std::atomic<int64_t>, 3> by_kind{};  // of rows event
};

class OnlineDdl;

// What planner and DDL handler share in a run; everything outlives both.
struct PlanContext {
  const Rules* rules = nullptr;
  const Sessions* sessions = nullptr;
  mysql::SchemaTracker* tracker = nullptr;
  DownstreamTables* downstream = nullptr;
  Checkpoint* checkpoint = nullptr;
  ApplyQueues* queues = nullptr;
  SyncMetrics* metrics = nullptr;  // may be null
  bool gtid_mode = false;
  // Every table that the upstream has had since the task began is tracked: they were dumped, and
  // the rules have not changed.
  bool knows_all_tables = false;
  // Data up to here may be in the tables by a dump that is not of one position; rows of tables
  // without identity cannot be applied up to there.
  std::optional<AppliedPoint> dump_exit;
  const Stream* stream = nullptr;  // once it is open
  OnlineDdl* online = nullptr;     // the DDL handler's; null: online-ddl is off
  FilteredRows* filtered = nullptr;
};

// What was read of names, so as not to be read for every table.
struct KnownNames {
  // Tables and views upstream by the lower-case name of their schema.
  std::map<std::string, std::vector<TableId>> upstream;
  // Tables by the lower-case name of their target, once `has_targets`: those that are tracked and
  // those that were looked for. To be forgotten when statements have changed tables.
  std::map<TableId, std::vector<TableId>> by_target;
  bool has_targets = false;
};

// The expression filters of a table whose rows are like `plan`; nullptr if it has none. Throws
// Error kConfigExprFilterWrongGrammar.
std::shared_ptr<const RowFilter> MakeRowFilter(const PlanContext& context, const TablePlan& plan,
                                               const mysql::TableMap& map, const StopToken& stop);

// Where the event stands that `stream` returned last.
EventPlace PlaceOf(const Stream& stream, uint64_t rows_event = 0);

// The tracked definition of a source table; fetched from the downstream under its routed name if it
// was not known. Throws Error (44007, 36070).
mysql::TablePtr TrackedTable(PlanContext& context, const TableId& source, const StopToken& stop);

// Handles everything but statements. One owner thread.
class RowPlanner : private CommittedOrders {
 public:
  // `drain_and_flush` calls QueueRest, waits until everything is committed and writes the
  // checkpoint.
  RowPlanner(PlanContext& context, std::function<void()> drain_and_flush);

  void OnTableMap(const mysql::RawEvent& event, const mysql::FormatDescription& format);
  // Are the rows of this rows event replicated, by table and event?
  bool IsReplicated(const mysql::RawEvent& event, const mysql::FormatDescription& format);
  // `safe`: safe mode is on. Returns the number of row changes planned.
  size_t OnRows(const mysql::RawEvent& event, const Stream& stream, bool safe,
                const StopToken& stop);
  // Hands everything planned so far to the queues. Before anything is waited for.
  void QueueRest(const StopToken& stop);
  // The transaction ended: hands the rest to the queues, and closes what its tables without
  // identity got.
  void OnCommit(const Stream& stream, const StopToken& stop);
  // The source tables of which rows of the open transaction were planned.
  std::set<TableId> TablesOfTransaction() const;
  // Definitions changed: plans are made anew. Nothing is in flight.
  void OnSchemaChange();
  // Durations of this thread; the run adds those of reading.
  PlannerTimes& times() { return times_; }

 private:
  struct Table {
    std::shared_ptr<const mysql::TableMap> map;  // null: rows are skipped
    std::string bytes;                           // of the event it was made from, without the id
    TableId id;
    std::shared_ptr<const TablePlan> plan;  // made when rows come
    bool partial = false;                   // set with the plan: see partial_targets_
    bool missing = false;                   // it was not there downstream
    uint64_t touched_epoch = 0;
    uint64_t transaction = 0;  // number of the last one in which rows of it were planned
    std::optional<AppliedPoint>* point = nullptr;  // its entry in points_, once rows came
    std::shared_ptr<TableJobs> jobs;               // made with the plan
    std::array<FilterVerdict, 3> verdicts{};       // of the event filters, by kind of rows event
    std::shared_ptr<const RowFilter> filter;       // made with the plan; null: all rows stay
    RightEdge edge;
  };
  Table& TableOf(const mysql::RowsHeader& header);
  void DropPlan(Table& table);
  // Between transactions: of the tables that were changed longest ago.
  void DropOldPlans();
  // Between transactions, when definitions changed: tables that are not tracked any more.
  void ForgetGoneTables();
  const std::shared_ptr<const EventRows::Places>& PlacesOf(const Stream& stream);
  // A slot for rows of the event that comes.
  size_t NextSlot(Table& table, const EventRows& rows);
  // False if its rows are skipped from now on: they are a sequence's that the downstream lacks.
  bool Prepare(Table& table, const mysql::RawEvent& event, const mysql::FormatDescription& format,
               const StopToken& stop);
  // The tracked definition; null for such a sequence.
  mysql::TablePtr DefinitionOf(const Table& table, const mysql::RawEvent& event,
                               const mysql::FormatDescription& format, const StopToken& stop);
  // Are its rows states of a sequence? Each of them replaces the one before: they may come twice.
  bool IsSequence(const Table& table, const StopToken& stop) const;
  // Makes the plan's hashes mean the same as those of other sources of its target.
  void UnifyKeys(Table& table);
  bool IsApplied(Table& table, const Stream& stream);
  // For tables that an online schema change has put aside.
  void NoteRows(const Table& table);
  // Throws Error kSyncerUnitBinlogEventFilter if a filter stops the event.
  bool IsFiltered(const Table& table, mysql::RowsKind kind) const;
  // For an event that lacks columns. Throws Error kBinlogNotLogColumn if it cannot be applied.
  void AdmitPartial(Table& table, const mysql::RowBatch& batch, const Stream& stream);
  // The downstream's definition, by which a table may be tracked, does not tell that it is
  // system-versioned upstream; its row images and the upstream together do.
  mysql::TablePtr WithVersions(const Table& table, mysql::TablePtr tracked, const StopToken& stop);
  // Has its binlog rows of the past as well, and deletes that are logged as updates?
  bool IsKnownAsVersioned(const Table& table) const;
  // Could it have, though it is not known as one, and would an event filter treat it otherwise
  // then? Preparing it tells.
  bool MayBeVersioned(const Table& table) const;
  // Does an event filter leave out all rows of the event? Those of a system-versioned table are
  // judged one by one, by what they do. Throws as IsFiltered and Prepare.
  bool IsLeftOut(Table& table, const mysql::RawEvent& event, const mysql::FormatDescription& format,
                 mysql::RowsKind kind, const StopToken& stop);
  // Puts the rows that no filter leaves out into kept_; of a system-versioned table those that
  // change what is current. Throws as IsFiltered.
  void KeepRows(const Table& table, const mysql::RowBatch& batch);
  // Hands what is planned to the queues. `more`: as ApplyQueues::Push.
  void Queue(const StopToken& stop, bool more);
  // Of what is queued now.
  void CountPlanned() const;
  // The next boundary moves the point of the plan's table.
  void OpenTable(const std::shared_ptr<const TablePlan>& plan, const Stream& stream);
  void ClosePiece(const Stream& stream, const StopToken& stop);
  // As causality sees the orders: what is planned but not queued is not committed, and is queued
  // before anything is waited for.
  bool IsCommitted(size_t slot, uint64_t order) const override {
    return context_.queues->IsCommitted(slot, order);
  }
  void WaitCommitted(size_t slot, uint64_t order, const StopToken& stop) override;

  PlanContext& context_;
  const std::function<void()> drain_and_flush_;
  Causality causality_;
  // A table is opened upstream under many ids, one after another; what is known of it is kept once.
  std::map<TableId, Table> tables_;
  std::unordered_map<uint64_t, Table*> by_id_;
  bool schema_changed_ = false;  // since the last commit
  // Targets that have metrics, by source.
  std::map<TableId, TableId> counted_;
  size_t planned_columns_ = 0;  // of the plans in tables_
  // Rows at or before are dropped; nullopt: none is. Outlives ids and definitions.
  std::map<TableId, std::optional<AppliedPoint>> points_;
  // Target tables of which rows came that lack columns. Their changes are applied one transaction
  // after another, exactly once, like those of tables without identity.
  std::set<TableId> partial_targets_;
  // Source tables that have a target of their own, letter case or not; names upstream when they
  // were looked at.
  std::set<TableId> told_apart_;
  std::set<TableId> told_keyless_;  // source tables of which the log says that they have no key
  KnownNames names_;
  // How the keys of a target's rows are hashed; targets whose sources would do it differently, so
  // that all their rows conflict.
  std::map<TableId, uint64_t> key_shapes_;
  std::set<TableId> one_key_targets_;
  size_t current_slot_ = 0;
  size_t rows_in_slot_ = 0;   // given to the current slot one after another
  uint64_t rows_events_ = 0;  // of the open transaction, those of skipped tables included
  uint64_t transaction_ = 1;  // number of the open transaction
  std::shared_ptr<const EventRows::Places> places_;  // of events of the transaction `places_of_`
  uint64_t places_of_ = 0;
  size_t serial_bytes_ = 0;            // in the open serial transaction, since the last boundary
  mysql::Location transaction_start_;  // of the open serial transaction
  // Whose points the next boundary moves: with serial rows since the last one, or rows before the
  // open transaction became a serial one.
  std::vector<std::shared_ptr<const TablePlan>> open_tables_;
  std::vector<std::shared_ptr<const TablePlan>> piece_tables_;  // with rows in pieces before it
  struct KeptRow {
    uint32_t row;
    mysql::RowsKind kind;
  };
  std::vector<KeptRow> kept_;
  // Of the open transaction, not queued yet: a transaction of a few rows is handed over at once. If
  // it is not finished, they never are.
  std::vector<PlannedJob> planned_;
  size_t planned_bytes_ = 0;          // of them
  SteadyClock::duration queueing_{};  // since the last event with rows, inclusively
  size_t planned_events_ = 0;
  SteadyClock::duration conflict_took_{};                  // of a row, as it was measured last
  std::array<SteadyClock::duration, 3> transform_took_{};  // of an event, by kind
  std::vector<uint64_t> keys_;
  std::string scratch_;
  PlannerTimes times_;
};

}  // namespace dm::migration
