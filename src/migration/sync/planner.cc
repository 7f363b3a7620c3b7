#include "migration/sync/planner.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/error/error.h"
#include "base/log/log.h"
#include "migration/rows/logged_definition.h"
#include "migration/rows/partial_image.h"
#include "migration/rows/row_versions.h"
#include "migration/rules/system_schema.h"
#include "migration/sync/letter_case.h"
#include "migration/sync/online_ddl.h"
#include "migration/sync/other_objects.h"
#include "mysql/binlog/rows.h"

namespace dm::migration {

namespace {

// Rows of one upstream transaction that go to one worker before another is asked: a small
// transaction stays together, a large one is spread.
constexpr size_t kRowsPerSlot = 100;
// The same of rows that may share a statement.
constexpr size_t kSharingRowsPerSlot = 1000;
// Workers that insert many rows at the right edge of one table at the same time, at most: they wait
// for one another at its last page.
constexpr size_t kSlotsAtEdge = 2;
// Rows of an event that belongs to an insert of many.
constexpr size_t kRowsOfLargeEvent = 16;
// To look at the clock is dear: of events of a few rows one of so many is measured, and the others
// count as the last one of their kind. (A prime, lest it be the same one of each transaction.)
constexpr size_t kMeasuredEvents = 7;
// Rows, and bytes of them, that are handed to the queues at once, at most.
constexpr size_t kRowsAtOnce = 512;
constexpr size_t kBytesAtOnce = 256 << 10;
// Memory for rows of tables without identity that are committed together at most.
constexpr size_t kPieceBytes = 8 << 20;
// Names of rows events for filters, by RowsKind.
constexpr std::array<std::string_view, 3> kRowsEventNames = {"insert", "update", "delete"};
// Ids remembered; an upstream gives a table another one whenever it opens it again.
constexpr size_t kMaxTableIds = 10000;
// Tables remembered whose rows are skipped.
constexpr size_t kMaxTables = 20000;
// Columns of all tables that plans are remembered for; one takes about 600 bytes.
constexpr size_t kMaxPlannedColumns = 50000;

void AddPlan(std::vector<std::shared_ptr<const TablePlan>>& plans,
             const std::shared_ptr<const TablePlan>& plan) {
  if (std::find(plans.begin(), plans.end(), plan) == plans.end()) plans.push_back(plan);
}

std::string GtidTextOf(const std::optional<mysql::Gtid>& gtid) {
  return gtid ? mysql::ToString(*gtid) : "";
}

}  // namespace

bool Rules::Skips(const TableId& table) const {
  if (IsSystemSchema(table.schema)) return true;
  if (online_ddl && online_ddl->Classify(table.table).kind != OnlineDdlKind::kReal) return true;
  return block_allow.Skips(table.schema, table.table);
}

TableId Rules::Route(const TableId& table) const {
  auto [schema, name] = router.Route(table.schema, table.table);
  return {std::move(schema), std::move(name)};
}

mysql::TablePtr TrackedTable(PlanContext& context, const TableId& source, const StopToken& stop) {
  if (mysql::TablePtr known = context.tracker->GetTable(source.schema, source.table)) return known;
  TableId target = context.rules->Route(source);
  mysql::TablePtr there;
  try {
    there = context.downstream->Get(target, stop);
  } catch (const Error& e) {
    throw WithCause(MakeError(ErrorCode::kSchemaTrackerCannotFetchDownstreamTable, target.Quoted(),
                              source.Quoted()),
                    e)
        .SetScope(ErrorScope::kDownstream);
  }
  auto taken = std::make_shared<mysql::TableInfo>(*there);
  taken->named_downstream = true;
  context.tracker->PutTable(source.schema, source.table, std::move(taken));
  mysql::TablePtr tracked = context.tracker->MustGetTable(source.schema, source.table);
  context.checkpoint->PutDefinition(source, tracked);
  Log().Info("table is tracked by its downstream definition",
             {F("source", source.Quoted()), F("target", target.Quoted())});
  return tracked;
}

EventPlace PlaceOf(const Stream& stream, uint64_t rows_event) {
  return {stream.start(), stream.end(), stream.gtid(), stream.identity(), rows_event};
}

RowPlanner::RowPlanner(PlanContext& context, std::function<void()> drain_and_flush)
    : context_(context), drain_and_flush_(std::move(drain_and_flush)), causality_(*this) {}

void RowPlanner::OnTableMap(const mysql::RawEvent& event, const mysql::FormatDescription& format) {
  mysql::TableMap::Name name = mysql::TableMap::ParseName(event, format);
  Table*& known = by_id_[name.table_id];
  if (known != nullptr && known->bytes == name.definition) return;
  TableId id{std::string(name.schema), std::string(name.table)};
  if (context_.sessions->lower_case_table_names != 0) {
    id.schema = mysql::LowerName(id.schema);
    id.table = mysql::LowerName(id.table);
  }
  Table& table = tables_[id];
  const bool reopened = known == nullptr;
  known = &table;
  // What has no plan may have been skipped for what it was; it may be another table now.
  if (reopened && table.plan && table.bytes == name.definition) return;
  DropPlan(table);
  const uint64_t transaction = table.transaction;
  table = Table();
  table.transaction = transaction;
  table.bytes = name.definition;
  table.id = std::move(id);
  if (context_.rules->Skips(table.id)) return;
  table.map = mysql::TableMap::Parse(event, format);
  if (context_.rules->filter.empty()) return;
  for (size_t kind = 0; kind < kRowsEventNames.size(); ++kind) {
    table.verdicts[kind] =
        context_.rules->filter.Judge(table.id.schema, table.id.table, kRowsEventNames[kind], "");
  }
}

void RowPlanner::DropPlan(Table& table) {
  if (table.plan) planned_columns_ -= table.plan->columns.size();
  table.plan.reset();
}

bool RowPlanner::IsFiltered(const Table& table, mysql::RowsKind kind) const {
  const auto index = static_cast<size_t>(kind);
  if (table.verdicts[index] == FilterVerdict::kError) {
    throw MakeError(ErrorCode::kSyncerUnitBinlogEventFilter, kRowsEventNames[index],
                    table.id.Quoted());
  }
  return table.verdicts[index] == FilterVerdict::kIgnore;
}

bool RowPlanner::IsReplicated(const mysql::RawEvent& event,
                              const mysql::FormatDescription& format) {
  const mysql::RowsHeader header = mysql::RowsHeader::Parse(event, format);
  if (header.table_id == mysql::kDummyTableId) return false;
  const Table& table = TableOf(header);
  if (!table.map) NoteRows(table);
  return table.map && (IsKnownAsVersioned(table) || MayBeVersioned(table) ||
                       table.verdicts[static_cast<size_t>(header.kind)] != FilterVerdict::kIgnore);
}

bool RowPlanner::IsKnownAsVersioned(const Table& table) const {
  if (table.plan) return table.plan->row_end.has_value();
  const mysql::TablePtr tracked = context_.tracker->GetTable(table.id.schema, table.id.table);
  return tracked != nullptr && tracked->system_period() != nullptr;
}

bool RowPlanner::MayBeVersioned(const Table& table) const {
  if (table.plan || table.missing || !context_.sessions->upstream_server.is_mariadb) return false;
  const auto is = [](FilterVerdict verdict) {
    return [verdict](FilterVerdict other) { return other == verdict; };
  };
  const auto& verdicts = table.verdicts;
  if (std::all_of(verdicts.begin(), verdicts.end(), is(FilterVerdict::kDo)) ||
      std::all_of(verdicts.begin(), verdicts.end(), is(FilterVerdict::kIgnore))) {
    return false;
  }
  return std::count_if(table.map->columns.begin(), table.map->columns.end(),
                       [](const mysql::ColumnMeta& column) {
                         return column.type == mysql::ColumnType::kTimestamp2 &&
                                column.decimals == 6;
                       }) >= 2;
}

bool RowPlanner::IsLeftOut(Table& table, const mysql::RawEvent& event,
                           const mysql::FormatDescription& format, mysql::RowsKind kind,
                           const StopToken& stop) {
  if (table.verdicts[static_cast<size_t>(kind)] == FilterVerdict::kDo) return false;
  if (IsKnownAsVersioned(table)) return false;
  if (MayBeVersioned(table)) {
    try {
      if (!Prepare(table, event, format, stop)) return true;
      if (IsKnownAsVersioned(table)) return false;
    } catch (const Error& e) {
      if (!IsMissingTable(e) || context_.queues->error()) throw;
      table.missing = true;  // until it is made, which gives it another number
    }
  }
  return IsFiltered(table, kind);
}

void RowPlanner::NoteRows(const Table& table) {
  if (context_.online == nullptr) return;
  std::string statement = context_.online->OnRows(table.id);
  if (!statement.empty()) context_.checkpoint->AddStatement(std::move(statement));
}

RowPlanner::Table& RowPlanner::TableOf(const mysql::RowsHeader& header) {
  auto found = by_id_.find(header.table_id);
  if (found == by_id_.end()) {
    throw Error(ErrorCode::kBinlogEventDecode,
                fmt::format("rows event for table id {} without its table map", header.table_id));
  }
  return *found->second;
}

mysql::TablePtr RowPlanner::DefinitionOf(const Table& table, const mysql::RawEvent& event,
                                         const mysql::FormatDescription& format,
                                         const StopToken& stop) {
  const Sessions& sessions = *context_.sessions;
  if (!sessions.upstream_server.is_mariadb || !LooksLikeSequence(*table.map)) {
    return TrackedTable(context_, table.id, stop);
  }
  const std::string type = UpstreamTableType(sessions, table.id, stop);
  // Only MariaDB takes rows of a sequence.
  if (type == "SEQUENCE" && !sessions.downstream_server.is_mariadb) return nullptr;
  try {
    return TrackedTable(context_, table.id, stop);
  } catch (const Error& e) {
    // (TiDB may have a sequence of that name, which is no table either.)
    if (!IsMissingTable(e) && sessions.downstream_server.is_mariadb) throw;
    if (type == "SEQUENCE") return nullptr;
    // It is gone upstream: only its rows can tell what it was.
    const auto batch = mysql::RowBatch::Decode(event, format, table.map, table.map->columns);
    // (Or what has its name now has other columns.)
    const bool gone =
        type.empty() || UpstreamColumnCount(sessions, table.id, stop) != table.map->columns.size();
    if (!gone || !AreSequenceStates(*batch)) throw;
    return nullptr;
  }
}

bool RowPlanner::IsSequence(const Table& table, const StopToken& stop) const {
  const Sessions& sessions = *context_.sessions;
  return sessions.upstream_server.is_mariadb && LooksLikeSequence(*table.map) &&
         DownstreamTableType(sessions, table.plan->target, stop) == "SEQUENCE";
}

mysql::TablePtr RowPlanner::WithVersions(const Table& table, mysql::TablePtr tracked,
                                         const StopToken& stop) {
  const Sessions& sessions = *context_.sessions;
  const size_t known = tracked->RowColumns().size();
  const std::vector<mysql::ColumnMeta>& columns = table.map->columns;
  const auto is_moment = [&](size_t i) {
    return columns[i].type == mysql::ColumnType::kTimestamp2 && columns[i].decimals == 6;
  };
  if (!sessions.upstream_server.is_mariadb || tracked->system_period() != nullptr ||
      columns.size() < known + 2 || !is_moment(known) || !is_moment(known + 1) ||
      UpstreamTableType(sessions, table.id, stop) != "SYSTEM VERSIONED" ||
      UpstreamColumnCount(sessions, table.id, stop) != known) {
    return tracked;
  }
  auto versioned = std::make_shared<mysql::TableInfo>(*tracked);
  versioned->periods.push_back(
      {std::string(mysql::PeriodInfo::kSystemTime), "row_start", "row_end"});
  context_.tracker->PutTable(table.id.schema, table.id.table, versioned);
  context_.checkpoint->PutDefinition(table.id, versioned);
  Log().Info("a table that is tracked by its downstream definition is system-versioned upstream",
             {F("table", table.id.Quoted())});
  return versioned;
}

bool RowPlanner::Prepare(Table& table, const mysql::RawEvent& event,
                         const mysql::FormatDescription& format, const StopToken& stop) {
  if (!told_apart_.contains(table.id)) {
    RefuseOneTargetOfTwo(context_, table.id, {}, &names_, stop);
    told_apart_.insert(table.id);
  }
  mysql::TablePtr tracked = DefinitionOf(table, event, format, stop);
  if (tracked == nullptr) {
    if (context_.sessions->downstream_server.is_mariadb) {
      Log().Warn(
          "the downstream has not got this sequence: its values are left out, set it there before "
          "it is used",
          {F("sequence", table.id.Quoted())});
    } else {
      Log().Warn(
          "the values of a sequence do not reach this downstream: if it has the sequence, set it "
          "there before it is used",
          {F("sequence", table.id.Quoted())});
    }
    table.map.reset();
    return false;
  }
  tracked = WithVersions(table, std::move(tracked), stop);
  std::string why;
  if (std::optional<mysql::TableInfo> logged = LoggedDefinition(*tracked, *table.map, &why)) {
    Log().Warn("the tracked definition of a table is not that of its rows, theirs is taken",
               {F("table", table.id.Quoted()), F("difference", why)});
    tracked = std::make_shared<const mysql::TableInfo>(std::move(*logged));
    context_.tracker->PutTable(table.id.schema, table.id.table, tracked);
    context_.checkpoint->PutDefinition(table.id, tracked);
  }
  TableId target = context_.rules->Route(table.id);
  mysql::TablePtr downstream = context_.downstream->Get(target, stop);
  mysql::LiteralOptions literals;
  literals.time_zone = context_.sessions->rows_zone;
  literals.no_backslash_escapes = context_.sessions->downstream_server.no_backslash_escapes;
  literals.for_tidb = context_.sessions->downstream_server.is_tidb;
  if (context_.metrics != nullptr) {
    table.jobs = context_.metrics->JobsOf(target);
    counted_.insert_or_assign(table.id, target);
  }
  literals.kept_as_binary = context_.sessions->downstream_server.is_tidb;
  const mysql::ServerInfo& from = context_.sessions->upstream_server;
  const mysql::ServerInfo& to = context_.sessions->downstream_server;
  const bool computed_alike = from.is_mariadb == to.is_mariadb && from.is_tidb == to.is_tidb;
  DropPlan(table);
  table.plan =
      BuildTablePlan(table.id, target, *table.map, std::move(tracked), std::move(downstream),
                     literals, context_.sessions->upstream_server.is_mariadb, computed_alike,
                     context_.downstream->IsTransactional(target));
  planned_columns_ += table.plan->columns.size();
  UnifyKeys(table);
  table.filter = MakeRowFilter(context_, *table.plan, *table.map, stop);
  table.partial = partial_targets_.contains(target);
  table.touched_epoch = 0;  // it may be another kind of table now
  if (table.plan->identity) {
    told_keyless_.erase(table.id);
  } else if (told_keyless_.insert(table.id).second) {
    Log().Warn(
        "table has neither primary key nor unique key of NOT NULL columns downstream: its "
        "changes are applied one transaction after another",
        {F("source", table.id.Quoted()), F("target", target.Quoted())});
  }
  return true;
}

void RowPlanner::UnifyKeys(Table& table) {
  const TableId target = table.plan->target;
  if (!one_key_targets_.contains(target)) {
    const uint64_t shape = KeyShape(*table.plan);
    if (key_shapes_.try_emplace(target, shape).first->second == shape) return;
    Log().Warn(
        "tables of different definitions go into one target: its changes are not applied in "
        "parallel",
        {F("source", table.id.Quoted()), F("target", target.Quoted())});
    drain_and_flush_();
    causality_.Clear();
    one_key_targets_.insert(target);
    for (auto& [id, other] : tables_) {
      if (other.plan && other.plan->target == target) other.plan = WithOneKeyForAll(*other.plan);
    }
  }
  if (!table.plan->one_key_for_all) table.plan = WithOneKeyForAll(*table.plan);
}

bool RowPlanner::IsApplied(Table& table, const Stream& stream) {
  if (table.point == nullptr) {
    auto [entry, added] = points_.try_emplace(table.id);
    if (added) {
      std::optional<TablePoint> point = context_.checkpoint->PointOf(table.id);
      if (point) entry->second.emplace(*std::move(point), context_.gtid_mode);
    }
    table.point = &entry->second;
  }
  std::optional<AppliedPoint>& point = *table.point;
  if (!point) return false;
  if (point->Covers(PlaceOf(stream, rows_events_))) return true;
  if (point->passed()) point.reset();
  return false;
}

void RowPlanner::AdmitPartial(Table& table, const mysql::RowBatch& batch, const Stream& stream) {
  RequireApplicable(*table.plan, batch);
  if (context_.dump_exit && context_.dump_exit->Covers(PlaceOf(stream))) {
    throw Error(ErrorCode::kBinlogNotLogColumn,
                fmt::format("upstream didn't log enough columns in binlog: table {}, and the dump, "
                            "which is not of one position, may have seen this change already",
                            table.id.Quoted()));
  }
  if (table.partial) return;
  const TableId target = table.plan->target;
  Log().Warn(
      "rows of a table lack columns (binlog_row_image): from here on its changes are applied one "
      "transaction after another",
      {F("source", table.id.Quoted()), F("target", target.Quoted())});
  // A flush under way may hold an older point of the table; behind this one none writes it.
  drain_and_flush_();
  causality_.Clear();
  partial_targets_.insert(target);
  for (auto& [id, other] : tables_) {
    if (!other.plan || other.plan->target != target) continue;
    other.partial = true;
    other.touched_epoch = 0;
    context_.checkpoint->Touch(other.id, false);
    // What came of this transaction before is applied: with what follows it is not to come again.
    if (other.transaction == transaction_) OpenTable(other.plan, stream);
  }
}

void RowPlanner::OpenTable(const std::shared_ptr<const TablePlan>& plan, const Stream& stream) {
  if (open_tables_.empty() && piece_tables_.empty()) {
    transaction_start_ = stream.transaction_begin();
  }
  AddPlan(open_tables_, plan);
}

size_t RowPlanner::NextSlot(Table& table, const EventRows& rows) {
  const ApplyQueues& queues = *context_.queues;
  const bool together = rows.shares && rows.batch.row_count() >= kRowsOfLargeEvent &&
                        !context_.sessions->downstream_server.is_tidb && table.edge.is_hit();
  if (!together) return queues.EmptiestSlot();
  const size_t count = std::min(kSlotsAtEdge, queues.parallel());
  return queues.EmptiestSlot(table.plan->table_seed % queues.parallel(), count);
}

const std::shared_ptr<const EventRows::Places>& RowPlanner::PlacesOf(const Stream& stream) {
  const bool same = places_ && places_of_ == transaction_ &&
                    places_->start.position.file == stream.start().position.file &&
                    places_->end.position.file == stream.end().position.file &&
                    places_->start.suffix == stream.start().suffix &&
                    places_->end.suffix == stream.end().suffix;
  if (!same) {
    places_ = std::make_shared<const EventRows::Places>(stream.start(), stream.end());
    places_of_ = transaction_;
  }
  return places_;
}

size_t RowPlanner::OnRows(const mysql::RawEvent& event, const Stream& stream, bool safe,
                          const StopToken& stop) {
  ++rows_events_;
  const auto received = SteadyClock::now();
  mysql::RowsHeader header = mysql::RowsHeader::Parse(event, stream.format());
  if (header.table_id == mysql::kDummyTableId) return 0;
  Table& table = TableOf(header);
  const bool applied = table.map && IsApplied(table, stream);
  if (!applied) NoteRows(table);
  if (!table.map || applied || IsLeftOut(table, event, stream.format(), header.kind, stop)) {
    if (context_.metrics != nullptr) {
      context_.metrics->ObserveSkipped(true, SteadyClock::now() - received);
    }
    return 0;
  }
  if (!table.plan && !Prepare(table, event, stream.format(), stop)) return 0;
  const TablePlan& plan = *table.plan;
  auto rows = std::make_shared<EventRows>();
  rows->plan = table.plan;
  rows->batch.Fill(event, stream.format(), table.map, plan.metas,
                   plan.layout ? &*plan.layout : nullptr);
  rows->places = PlacesOf(stream);
  rows->start_offset = stream.start().position.offset;
  rows->end_offset = stream.end().position.offset;
  rows->timestamp = event.header().timestamp;
  rows->received = received;
  rows->jobs = table.jobs;
  rows->filtered =
      table.filter != nullptr ||
      table.verdicts[static_cast<size_t>(mysql::RowsKind::kInsert)] != FilterVerdict::kDo;
  if (!rows->batch.complete()) {
    rows->partial = LacksColumns(plan, rows->batch);
    if (rows->partial) AdmitPartial(table, rows->batch, stream);
  }
  rows->shares = rows->batch.kind() == mysql::RowsKind::kInsert && !rows->partial &&
                 plan.transactional && !context_.sessions->foreign_keys;
  // Until the statement ends more rows of it are to come, and they are there already.
  const bool more = rows->shares && !header.statement_end();
  size_t count = rows->batch.row_count();
  const bool chosen = table.filter != nullptr || plan.row_end;
  if (chosen) {
    KeepRows(table, rows->batch);
    count = kept_.size();
    if (count == 0 && context_.metrics != nullptr) {
      context_.metrics->ObserveSkipped(true, SteadyClock::now() - received);
    }
  }
  if (count == 0) return 0;
  if (rows->shares) table.edge.Note(plan, rows->batch.after(rows->batch.row_count() - 1));

  const bool serial = !plan.identity || table.partial || context_.sessions->foreign_keys;
  if (table.touched_epoch != context_.checkpoint->epoch()) {
    table.touched_epoch = context_.checkpoint->epoch();
    context_.checkpoint->Touch(table.id, !serial);
  }
  if (serial) {
    if (!plan.identity && context_.dump_exit && context_.dump_exit->Covers(PlaceOf(stream)) &&
        !IsSequence(table, stop)) {
      throw MakeError(ErrorCode::kSyncerNoIdentityWithExitPoint, table.id.Quoted());
    }
    OpenTable(table.plan, stream);
  }
  table.transaction = transaction_;
  // What the rows take in memory: narrow ones take far more there than in the log.
  const size_t images = rows->batch.kind() == mysql::RowsKind::kUpdate ? 2 : 1;
  const size_t memory =
      rows->batch.byte_size() +
      count * (sizeof(Job) + images * rows->batch.column_count() * sizeof(mysql::Cell));
  const uint32_t bytes = static_cast<uint32_t>(memory / count);
  const bool measured = count >= kRowsOfLargeEvent || ++planned_events_ % kMeasuredEvents == 1;
  const auto begin = measured ? SteadyClock::now() : received;
  const auto queueing_before = queueing_;
  for (uint32_t i = 0; i < count; ++i) {
    Job job;
    job.event = rows;
    job.row = chosen ? kept_[i].row : i;
    if (chosen && kept_[i].kind != rows->batch.kind()) {
      job.as_insert = kept_[i].kind == mysql::RowsKind::kInsert;
      job.as_delete = kept_[i].kind == mysql::RowsKind::kDelete;
    }
    job.safe = safe;
    job.bytes = bytes;
    size_t slot = context_.queues->serial_slot();
    if (!serial) {
      keys_.clear();
      const RowChange change = job.change();
      AppendConflictKeys(keys_, plan, change.before(), change.after(), scratch_);
      const bool enough = rows_in_slot_ >= (rows->shares ? kSharingRowsPerSlot : kRowsPerSlot);
      if (enough) Queue(stop, more);  // they count for which one is the emptiest
      if (rows_in_slot_ == 0 || enough) {
        current_slot_ = NextSlot(table, *rows);
        rows_in_slot_ = 0;
      }
      const uint64_t order = context_.queues->planned() + planned_.size() + 1;
      slot = causality_.Assign(keys_, order, current_slot_, stop);
      if (slot == current_slot_) ++rows_in_slot_;
    }
    planned_.push_back({slot, std::move(job)});
    planned_bytes_ += bytes;
    if (planned_.size() >= kRowsAtOnce || planned_bytes_ >= kBytesAtOnce) Queue(stop, more);
  }
  const mysql::RowsKind kind = rows->batch.kind();
  const auto index = static_cast<size_t>(kind);
  if (measured) {
    const auto end = SteadyClock::now() - (queueing_ - queueing_before);
    conflict_took_ = (end - begin) / count;
    transform_took_[index] = end - received;
  }
  if (!serial) times_.conflict.Add(conflict_took_, count);
  if (context_.metrics != nullptr) {
    times_.event_rows.Add(static_cast<double>(count));
    times_.transform[index].Add(transform_took_[index]);
    times_.dispatch[index].Add(std::exchange(queueing_, {}));
  }
  if (serial) {
    serial_bytes_ += memory;
    if (serial_bytes_ >= kPieceBytes) ClosePiece(stream, stop);
  }
  return count;
}

void RowPlanner::Queue(const StopToken& stop, bool more) {
  if (planned_.empty()) return;
  CountPlanned();
  const auto begin = SteadyClock::now();
  try {
    context_.queues->Push(planned_, stop, more);
  } catch (...) {
    planned_.clear();  // some of them are there
    planned_bytes_ = 0;
    throw;
  }
  const auto took = SteadyClock::now() - begin;
  queueing_ += took;
  SteadyClock::duration waited{};
  for (const PlannedJob& planned : planned_) waited += planned.waited;
  const auto each = (took - waited) / planned_.size();
  for (const PlannedJob& planned : planned_) {
    times_.queueing[planned.slot % kQueueNames].Add(each + planned.waited);
  }
  planned_.clear();
  planned_bytes_ = 0;
}

void RowPlanner::CountPlanned() const {
  if (context_.metrics == nullptr) return;
  for (auto job = planned_.begin(); job != planned_.end();) {
    const EventRows& event = *job->job.event;
    const auto next = std::find_if(job + 1, planned_.end(), [&](const PlannedJob& other) {
      return other.job.event.get() != &event || other.slot != job->slot;
    });
    event.jobs->CountAdded(event.batch.kind(), job->slot, static_cast<size_t>(next - job));
    job = next;
  }
}

void RowPlanner::QueueRest(const StopToken& stop) { Queue(stop, false); }

void RowPlanner::WaitCommitted(size_t slot, uint64_t order, const StopToken& stop) {
  QueueRest(stop);  // what is waited for may be among it
  context_.queues->WaitCommitted(slot, order, stop);
}

void RowPlanner::KeepRows(const Table& table, const mysql::RowBatch& batch) {
  kept_.clear();
  for (uint32_t row = 0; row < batch.row_count(); ++row) {
    mysql::RowsKind kind = batch.kind();
    std::span<const mysql::Cell> before = batch.before(row);
    std::span<const mysql::Cell> after = batch.after(row);
    if (table.plan->row_end) {
      const auto change = ChangeOfCurrentRows(*table.plan, kind, before, after);
      if (!change || IsFiltered(table, *change)) continue;
      kind = *change;
      if (kind == mysql::RowsKind::kInsert) before = {};
      if (kind == mysql::RowsKind::kDelete) after = {};
    }
    if (table.filter == nullptr || !table.filter->Skips(kind, before, after)) {
      kept_.push_back({row, kind});
    } else if (context_.filtered != nullptr) {
      ++context_.filtered->by_kind[static_cast<size_t>(kind)];
    }
  }
}

void RowPlanner::ClosePiece(const Stream& stream, const StopToken& stop) {
  QueueRest(stop);
  auto boundary = std::make_shared<Boundary>();
  boundary->location = transaction_start_;
  boundary->server = stream.identity();
  boundary->piece = PiecePoint{stream.end().position, GtidTextOf(stream.gtid()), rows_events_};
  boundary->tables = open_tables_;
  Job job;
  job.boundary = std::move(boundary);
  context_.queues->Push(context_.queues->serial_slot(), std::move(job), stop);
  for (const auto& plan : open_tables_) AddPlan(piece_tables_, plan);
  open_tables_.clear();
  serial_bytes_ = 0;
}

void RowPlanner::OnCommit(const Stream& stream, const StopToken& stop) {
  QueueRest(stop);
  rows_in_slot_ = 0;
  rows_events_ = 0;
  ++transaction_;
  context_.queues->Release();
  // Between transactions: the maps of a statement are needed together.
  if (std::exchange(schema_changed_, false)) ForgetGoneTables();
  if (planned_columns_ > kMaxPlannedColumns) DropOldPlans();
  if (tables_.size() > kMaxTables) {
    by_id_.clear();
    std::erase_if(tables_, [](const auto& entry) { return !entry.second.plan; });
  } else if (by_id_.size() > kMaxTableIds) {
    by_id_.clear();
  }
  if (open_tables_.empty() && piece_tables_.empty()) return;
  auto boundary = std::make_shared<Boundary>();
  boundary->location = stream.end();
  // Elsewhere a complete transaction is told without its position.
  if (context_.gtid_mode && context_.sessions->flavor == mysql::Flavor::kMariaDb) {
    boundary->server = stream.identity();
  }
  for (const auto& plan : open_tables_) AddPlan(piece_tables_, plan);
  boundary->tables = std::exchange(piece_tables_, {});
  Job job;
  job.boundary = std::move(boundary);
  context_.queues->Push(context_.queues->serial_slot(), std::move(job), stop);
  open_tables_.clear();
  serial_bytes_ = 0;
}

void RowPlanner::DropOldPlans() {
  std::vector<Table*> planned;
  for (auto& [id, table] : tables_) {
    if (table.plan) planned.push_back(&table);
  }
  std::sort(planned.begin(), planned.end(),
            [](const Table* a, const Table* b) { return a->transaction < b->transaction; });
  for (Table* table : planned) {
    if (planned_columns_ <= kMaxPlannedColumns / 2) break;
    DropPlan(*table);
    Table rest;  // without bytes: the next map is another one
    rest.id = std::move(table->id);
    rest.transaction = table->transaction;
    *table = std::move(rest);
  }
}

void RowPlanner::ForgetGoneTables() {
  const auto is_gone = [&](const TableId& id) {
    return context_.tracker->GetTable(id.schema, id.table) == nullptr;
  };
  by_id_.clear();
  for (auto it = tables_.begin(); it != tables_.end();) {
    if (is_gone(it->first)) {
      DropPlan(it->second);
      told_apart_.erase(it->first);
      told_keyless_.erase(it->first);
      it = tables_.erase(it);
    } else {
      ++it;
    }
  }
  std::set<TableId> used, unused;
  for (auto it = counted_.begin(); it != counted_.end();) {
    const bool gone = is_gone(it->first);
    (gone ? unused : used).insert(it->second);
    it = gone ? counted_.erase(it) : std::next(it);
  }
  for (const TableId& target : unused) {
    if (!used.contains(target)) context_.metrics->Forget(target);
  }
}

std::set<TableId> RowPlanner::TablesOfTransaction() const {
  std::set<TableId> tables;
  for (const auto& [id, table] : tables_) {
    if (table.transaction == transaction_) tables.insert(table.id);
  }
  return tables;
}

void RowPlanner::OnSchemaChange() {
  // (The statement may have been injected between the map of a table and its rows.)
  for (auto& [id, table] : tables_) DropPlan(table);
  schema_changed_ = true;
  key_shapes_.clear();
  one_key_targets_.clear();
  causality_.Clear();
  names_.by_target.clear();
  names_.has_targets = false;
}

}  // namespace dm::migration
