#include "migration/sync/checkpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/error/error.h"
#include "base/failpoint/failpoint.h"
#include "base/log/log.h"
#include "mysql/schema/table_info_json.h"
#include "mysql/value/quote.h"

namespace dm::migration {

using mysql::Location;

namespace {

// Are there transactions in `a` that are not in `b`?
bool IsPast(const Location& a, const Location& b, bool gtid_mode) {
  const bool sets = a.gtid_set && !a.gtid_set->empty() && b.gtid_set && !b.gtid_set->empty();
  if (gtid_mode && sets) return !b.gtid_set->Contains(*a.gtid_set);
  return mysql::CompareLocations(a, b, gtid_mode) > 0;
}

// Is the transaction that the piece is of in the location's set?
bool HasTransaction(const Location& location, const PiecePoint& piece) {
  if (!location.gtid_set || location.gtid_set->empty() || piece.transaction.empty()) return false;
  return location.gtid_set->Contains(
      mysql::GtidSet::Parse(location.gtid_set->flavor(), piece.transaction));
}

}  // namespace

mysql::TablePtr Checkpoint::StoredDefinition(const TablePoint& point) const {
  try {
    return std::make_shared<const mysql::TableInfo>(
        mysql::TableInfoFromJson(point.table_info, point.schema, point.table));
  } catch (Error& e) {
    // The task does not come so far that a command could replace it.
    e.SetWorkaround(fmt::format(
        "Please correct `table_info`, or set it to 'null' (the table is then read as it is "
        "downstream), and execute `resume-task`: it is in {}, cp_schema {}, cp_table {}.",
        table_.name(), mysql::QuoteString(point.schema), mysql::QuoteString(point.table)));
    throw;
  }
}

Checkpoint::Checkpoint(SyncCheckpointTable table, bool gtid_mode, StatementOperators* operators)
    : table_(std::move(table)), gtid_mode_(gtid_mode), operators_(operators) {}

void Checkpoint::Load(mysql::Connection& connection, const StopToken& stop) {
  StoredCheckpoint stored = table_.Load(connection, stop);
  std::lock_guard flush_lock(flush_mutex_);
  std::lock_guard lock(mutex_);
  saved_.clear();
  savable_.reset();
  tables_.clear();
  dropped_.clear();
  dropped_schemas_.clear();
  ddl_statements_.clear();
  drop_all_ = false;
  write_global_ = false;
  flushed_ = stored.global ? stored.global->location : Location();
  has_flushed_ = stored.global.has_value();
  exit_point_ = stored.global ? stored.global->exit_point : std::nullopt;
  exit_point_unusable_ = stored.global && stored.global->exit_point_unusable;
  dump_exit_ = std::move(stored.dump_exit);
  write_dump_exit_ = false;
  all_known_by_ = std::move(stored.all_known_by);
  each_once_ = stored.each_once;
  flushed_whole_set_ = stored.whole_set;
  database_collations_ = std::move(stored.database_collations);
  flushed_prepared_ = std::make_shared<const PreparedBranches>(std::move(stored.prepared));
  prepared_ = has_flushed_ ? flushed_prepared_ : std::make_shared<const PreparedBranches>();
  upstream_ = std::make_shared<const UpstreamLog>();
  flushed_upstream_ = std::make_shared<const UpstreamLog>(std::move(stored.upstream));
  for (TablePoint& point : stored.tables) {
    Table table;
    if (point.table_info != "null" && !point.table.empty()) {
      table.definition = StoredDefinition(point);
    }
    table.location = point.location;
    table.piece = point.piece;
    table.server = point.server;
    tables_[{point.schema, point.table}] = std::move(table);
  }
}

bool Checkpoint::IsFresh() const {
  std::lock_guard lock(mutex_);
  return !has_flushed_;
}

void Checkpoint::BeginRun(const Location& start, bool write) {
  std::lock_guard lock(mutex_);
  saved_.clear();
  // A run that begins somewhere else than where the last one was saved says itself of what that is.
  // Until it does, what is saved is still of the log that was read: a run that another log refuses
  // must not make it forgotten.
  // By position the set plays no part: it may have been dropped, or found out, meanwhile.
  const bool same_place =
      gtid_mode_ ? start == flushed_
                 : start.position == flushed_.position && start.suffix == flushed_.suffix;
  upstream_ = same_place && !gtid_mode_ ? flushed_upstream_ : std::make_shared<const UpstreamLog>();
  savable_ = Point{start, prepared_, same_place ? flushed_upstream_ : upstream_};
  short_.reset();
  if (start.position.offset <= mysql::LargestShortOffset()) short_ = savable_;
  write_global_ = write || !has_flushed_;
}

void Checkpoint::Save(uint64_t order, const Location& location) {
  std::lock_guard lock(mutex_);
  if (!saved_.empty() && saved_.back().order == order) {
    saved_.back().point = {location, prepared_, upstream_};
    return;
  }
  saved_.push_back({order, {location, prepared_, upstream_}});
}

void Checkpoint::SetPrepared(const PreparedBranches& prepared) {
  std::lock_guard lock(mutex_);
  if (prepared == *prepared_) return;
  prepared_ = std::make_shared<const PreparedBranches>(prepared);
}

PreparedBranches Checkpoint::prepared() const {
  std::lock_guard lock(mutex_);
  return *prepared_;
}

void Checkpoint::SaveDdl(uint64_t order, const Location& location, const DefinitionChange& change) {
  std::lock_guard lock(mutex_);
  saved_.push_back({order, {location, prepared_, upstream_}});
  ddl_statements_.insert(ddl_statements_.end(), change.statements.begin(), change.statements.end());
  if (change.step && operators_ != nullptr) {
    operators_->SetDone(change.step->number, change.step->done);
  }
  for (const std::string& schema : change.dropped_schemas) {
    std::erase_if(tables_, [&](const auto& entry) { return entry.first.schema == schema; });
    std::erase_if(dropped_, [&](const TableId& id) { return id.schema == schema; });
    dropped_schemas_.insert(schema);
  }
  for (const TableId& id : change.dropped) {
    tables_.erase(id);
    dropped_.insert(id);
  }
  for (const DefinitionChange::Put& put : change.put) {
    Table& table = tables_[put.table];
    table.definition = put.definition;
    table.definition_changed = true;
    dropped_.erase(put.table);
    if (change.step && change.step->before_event) continue;
    table.ddl = location;
    table.location = location;
    table.piece.reset();
    table.server = ServerOf(upstream_);
  }
}

void Checkpoint::PutDefinition(const TableId& id, mysql::TablePtr definition) {
  std::lock_guard lock(mutex_);
  Table& table = tables_[id];
  table.definition = std::move(definition);
  table.definition_changed = true;
}

void Checkpoint::Touch(const TableId& id, bool has_identity) {
  std::lock_guard lock(mutex_);
  Table& table = tables_[id];
  table.has_identity = has_identity;
  table.touched = true;
}

std::optional<TablePoint> Checkpoint::PointOf(const TableId& id) const {
  std::lock_guard lock(mutex_);
  auto it = tables_.find(id);
  if (it == tables_.end() || !it->second.location) return std::nullopt;
  TablePoint point;
  point.schema = id.schema;
  point.table = id.table;
  point.location = *it->second.location;
  point.piece = it->second.piece;
  point.server = it->second.server;
  return point;
}

std::string Checkpoint::all_known_by() const {
  std::lock_guard lock(mutex_);
  return all_known_by_;
}

bool Checkpoint::each_once() const {
  std::lock_guard lock(mutex_);
  return each_once_;
}

bool Checkpoint::has_whole_set() const {
  std::lock_guard lock(mutex_);
  return flushed_whole_set_;
}

DatabaseCollations Checkpoint::database_collations() const {
  std::lock_guard lock(mutex_);
  return database_collations_;
}

void Checkpoint::AddStatement(std::string statement) {
  std::lock_guard lock(mutex_);
  ddl_statements_.push_back(std::move(statement));
}

void Checkpoint::DropAllTables() {
  std::lock_guard lock(mutex_);
  tables_.clear();
  dropped_.clear();
  dropped_schemas_.clear();
  drop_all_ = true;
}

void Checkpoint::SetExitPoint(std::optional<Location> exit_point) {
  std::lock_guard lock(mutex_);
  exit_point_ = std::move(exit_point);
  exit_point_unusable_ = false;
  write_global_ = true;
}

std::optional<Location> Checkpoint::exit_point() const {
  std::lock_guard lock(mutex_);
  return exit_point_;
}

void Checkpoint::SetDumpExit(std::optional<Location> dump_exit) {
  std::lock_guard lock(mutex_);
  if (!dump_exit && !dump_exit_) return;
  dump_exit_ = std::move(dump_exit);
  write_dump_exit_ = write_global_ = true;
}

std::optional<Location> Checkpoint::dump_exit() const {
  std::lock_guard lock(mutex_);
  return dump_exit_;
}

void Checkpoint::SetUpstream(const UpstreamLog& upstream) {
  std::lock_guard lock(mutex_);
  if (upstream == *upstream_) return;
  upstream_ = std::make_shared<const UpstreamLog>(upstream);
}

bool Checkpoint::exit_point_unusable() const {
  std::lock_guard lock(mutex_);
  return exit_point_unusable_;
}

std::vector<std::pair<TableId, mysql::TablePtr>> Checkpoint::Definitions() const {
  std::lock_guard lock(mutex_);
  std::vector<std::pair<TableId, mysql::TablePtr>> all;
  for (const auto& [id, table] : tables_) {
    if (table.definition) all.emplace_back(id, table.definition);
  }
  return all;
}

void Checkpoint::StoreDefinition(mysql::Connection& connection, const TableId& id,
                                 mysql::TablePtr definition, const StopToken& stop) {
  std::lock_guard flush_lock(flush_mutex_);
  TablePoint row;
  row.schema = id.schema;
  row.table = id.table;
  row.table_info = mysql::TableInfoToJson(*definition);
  {
    std::lock_guard lock(mutex_);
    // Of a new row: everything up to there is done.
    row.location = flushed_;
  }
  ExecuteInTransaction(connection, "", {table_.DefinitionStatement(row)}, stop);
  std::lock_guard lock(mutex_);
  Table& table = tables_[id];
  table.definition = std::move(definition);
  if (!table.location) table.location = row.location;
}

Location Checkpoint::flushed() const {
  std::lock_guard lock(mutex_);
  return flushed_;
}

const Checkpoint::Point* Checkpoint::Savable(uint64_t low_water) const {
  // Orders rise.
  const auto behind =
      std::upper_bound(saved_.begin(), saved_.end(), low_water,
                       [](uint64_t order, const SavePoint& point) { return order < point.order; });
  if (behind != saved_.begin()) return &std::prev(behind)->point;
  return savable_ ? &*savable_ : nullptr;
}

void Checkpoint::TakeSaved(uint64_t low_water) {
  while (!saved_.empty() && saved_.front().order <= low_water) {
    savable_ = std::move(saved_.front().point);
    saved_.pop_front();
    if (savable_->location.position.offset <= mysql::LargestShortOffset()) short_ = savable_;
  }
}

void Checkpoint::Forget(uint64_t low_water) {
  std::lock_guard lock(mutex_);
  TakeSaved(low_water);
}

Checkpoint::Prepared Checkpoint::PreparedToStore() const {
  // Offsets that do not fit are stored as an earlier place, see ToRow.
  const bool fits = savable_->location.position.offset <= mysql::LargestShortOffset();
  if (gtid_mode_ || fits || !short_) return savable_->prepared;
  PreparedBranches both = *savable_->prepared;
  both.insert(short_->prepared->begin(), short_->prepared->end());
  return std::make_shared<const PreparedBranches>(std::move(both));
}

Location Checkpoint::Committed(uint64_t low_water) const {
  std::lock_guard lock(mutex_);
  const Point* newest = Savable(low_water);
  return newest != nullptr ? newest->location : flushed_;
}

UpstreamLog Checkpoint::UpstreamOf(uint64_t low_water) const {
  std::lock_guard lock(mutex_);
  const Point* newest = Savable(low_water);
  return newest != nullptr ? *newest->upstream : *flushed_upstream_;
}

bool Checkpoint::HasSomethingToFlush(uint64_t low_water) const {
  std::lock_guard lock(mutex_);
  const Point* newest = Savable(low_water);
  if (newest == nullptr) return false;
  return write_global_ || !(newest->location == flushed_) ||
         (!gtid_mode_ && *newest->upstream != *flushed_upstream_);
}

TablePoint Checkpoint::RowOf(const TableId& id, const Table& table) const {
  TablePoint row;
  row.schema = id.schema;
  row.table = id.table;
  row.location = table.ddl ? *table.ddl : savable_->location;
  row.server = table.ddl ? table.server : ServerOf(savable_->upstream);
  if (table.definition) row.table_info = mysql::TableInfoToJson(*table.definition);
  return row;
}

bool Checkpoint::IsPieceOver(const Table& table, const Location& point) const {
  if (gtid_mode_) {
    if (!HasTransaction(point, *table.piece)) return false;
    if (point.gtid_set->flavor() == mysql::Flavor::kMySql) return true;
    // Sequences of several servers have no order, see AppliedPoint.
    if (table.server != ServerOf(savable_->upstream)) return false;
  }
  return mysql::ComparePositions(point.position, table.piece->position) >= 0;
}

GlobalPoint Checkpoint::ToRow(GlobalPoint point) const {
  Location& location = point.location;
  if (location.position.offset > mysql::LargestShortOffset()) {
    const auto behind = mysql::BeginOfNextFile(location.position.file);
    if (!gtid_mode_ && behind) {
      // A run that begins again at an earlier place meets what is applied up to here. (Without an
      // exit point it asks the upstream how far this run can have come.)
      Location exit = location;
      exit.position = *behind;
      if (point.exit_point && mysql::CompareLocations(exit, *point.exit_point, false) > 0) {
        point.exit_point = std::move(exit);
      }
    }
    const bool known = short_ && mysql::CompareFileNames(short_->location.position.file,
                                                         location.position.file) == 0;
    location.position.offset = known ? short_->location.position.offset : mysql::kBinlogMinOffset;
    if (!gtid_mode_) location.gtid_set = known ? short_->location.gtid_set : std::nullopt;
  }
  if (point.exit_point && point.exit_point->position.offset > mysql::LargestShortOffset()) {
    const auto behind = mysql::BeginOfNextFile(point.exit_point->position.file);
    if (behind) point.exit_point->position = *behind;
  }
  return point;
}

bool Checkpoint::Flush(mysql::Connection& connection, const std::string& proof, uint64_t low_water,
                       const StopToken& stop) {
  std::lock_guard flush_lock(flush_mutex_);
  std::vector<std::string> statements;
  struct Written {
    TableId id;
    bool touched;
    bool definition_changed;
    std::optional<Location> ddl;
  };
  std::vector<Written> written;
  std::set<TableId> dropped;
  std::set<std::string> dropped_schemas;
  std::vector<std::string> ddl_statements;
  bool drop_all = false;
  bool write_dump_exit = false;
  bool whole_set = false;
  std::optional<Location> dump_exit;
  StatementOperators::Writes operator_writes;
  GlobalPoint global;
  GlobalPoint global_row;
  Prepared prepared;
  Upstream upstream;
  {
    std::lock_guard lock(mutex_);
    TakeSaved(low_water);
    if (!savable_) return false;
    global.location = savable_->location;
    prepared = PreparedToStore();
    if (*prepared != *flushed_prepared_) statements.push_back(table_.PreparedStatement(*prepared));
    // With GTIDs a position of another server does no harm.
    upstream = gtid_mode_ ? std::make_shared<const UpstreamLog>() : savable_->upstream;
    if (*upstream != *flushed_upstream_) statements.push_back(table_.UpstreamStatement(*upstream));
    global.exit_point = exit_point_;
    drop_all = std::exchange(drop_all_, false);
    dropped = std::exchange(dropped_, {});
    dropped_schemas = std::exchange(dropped_schemas_, {});
    ddl_statements = std::exchange(ddl_statements_, {});
    write_dump_exit = std::exchange(write_dump_exit_, false);
    dump_exit = dump_exit_;
    global_row = ToRow(global);
    whole_set = !global_row.location.GtidText().empty();
    if (whole_set != flushed_whole_set_) statements.push_back(table_.WholeSetStatement(whole_set));
    if (drop_all) statements.push_back(table_.DeleteTablesStatement());
    for (const std::string& schema : dropped_schemas) {
      statements.push_back(table_.DeleteSchemaStatement(schema));
    }
    for (const TableId& id : dropped) {
      statements.push_back(table_.DeleteTableStatement(id.schema, id.table));
    }
    for (auto& [id, table] : tables_) {
      if (!table.touched && !table.definition_changed) continue;
      TablePoint row = RowOf(id, table);
      // The location of a table without identity is its workers' alone, but after a DDL, which
      // finds nothing in flight.
      // (Nor is that of a table without rows so far: nobody has said yet whether it has one.)
      if ((table.touched && table.has_identity) || table.ddl) {
        // A point never goes back: rows before it would come a second time.
        if (!table.ddl && table.location && IsPast(*table.location, row.location, gtid_mode_)) {
          row.location = *table.location;
          row.server = table.server;
        } else if (table.piece && table.touched && IsPieceOver(table, global.location)) {
          table.piece.reset();
        }
        if (table.piece) {
          statements.push_back(table_.DefinitionStatement(row));
        } else {
          table.location = row.location;
          table.server = row.server;
          statements.push_back(table_.TableStatement(row));
        }
      } else if (table.definition_changed) {
        statements.push_back(table_.DefinitionStatement(row));
      }
      written.push_back({id, std::exchange(table.touched, false),
                         std::exchange(table.definition_changed, false),
                         std::exchange(table.ddl, std::nullopt)});
    }
    statements.insert(statements.end(), ddl_statements.begin(), ddl_statements.end());
    epoch_.fetch_add(1, std::memory_order_relaxed);
    if (operators_ != nullptr) {
      operator_writes = operators_->TakeWrites(global_row.location);
      std::move(operator_writes.statements.begin(), operator_writes.statements.end(),
                std::back_inserter(statements));
    }
    if (statements.empty() && !write_global_ && global.location == flushed_) return false;
    write_global_ = false;
  }
  try {
    if (table_.NeedsWidening(global.location) ||
        (global.exit_point && table_.NeedsWidening(*global.exit_point))) {
      table_.WidenForLongSets(connection, stop);
      // Crash point: the checkpoint table has got room for a long GTID set. Left: the checkpoint.
      DM_FAILPOINT("sync/after-widening");
    }
    if (write_dump_exit) statements.push_back(table_.DumpExitStatement(dump_exit));
    statements.push_back(table_.GlobalStatement(global_row));
    // Crash point: all changes up to the location are committed. Left: the checkpoint.
    DM_FAILPOINT("sync/before-checkpoint-write");
    ExecuteInTransaction(connection, proof, statements, stop);
    // Crash point: the checkpoint is committed. Left: nothing downstream, only this process does
    // not know it.
    DM_FAILPOINT("sync/after-checkpoint-write");
  } catch (...) {
    std::lock_guard lock(mutex_);
    if (operators_ != nullptr) operators_->GiveBack(operator_writes);
    drop_all_ = drop_all_ || drop_all;
    write_dump_exit_ = write_dump_exit_ || write_dump_exit;
    dropped_.merge(dropped);
    dropped_schemas_.merge(dropped_schemas);
    ddl_statements_.insert(ddl_statements_.begin(), ddl_statements.begin(), ddl_statements.end());
    for (Written& before : written) {
      auto it = tables_.find(before.id);
      if (it == tables_.end()) continue;
      Table& table = it->second;
      table.touched = table.touched || before.touched;
      table.definition_changed = table.definition_changed || before.definition_changed;
      if (!table.ddl) table.ddl = std::move(before.ddl);
    }
    write_global_ = true;
    throw;
  }
  std::lock_guard lock(mutex_);
  if (operators_ != nullptr) operators_->Written(operator_writes);
  flushed_ = global.location;
  flushed_prepared_ = std::move(prepared);
  flushed_upstream_ = std::move(upstream);
  flushed_whole_set_ = whole_set;
  has_flushed_ = true;
  return true;
}

}  // namespace dm::migration
