#include "migration/sync/apply_worker.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "base/failpoint/failpoint.h"
#include "base/log/log.h"
#include "base/log/sensitive.h"
#include "migration/rows/dml_text.h"
#include "migration/rows/value_warning.h"
#include "migration/sync/session.h"
#include "mysql/client/retry.h"
#include "mysql/schema/table_info_json.h"
#include "mysql/value/quote.h"

namespace dm::migration {

namespace {

constexpr int kExecuteAttempts = 100;
constexpr int kReconnectAttempts = 10;
constexpr Milliseconds kRetryWait{3000};
constexpr int kDuplicateEntry = 1062;
constexpr std::string_view kCommit = "COMMIT";

// The key that a server's text of error 1062 names: "Duplicate entry '7' for key 't.PRIMARY'".
std::optional<std::string> DuplicateKey(std::string_view text) {
  constexpr std::string_view kBefore = " for key '";
  const size_t before = text.rfind(kBefore);
  const size_t end = text.rfind('\'');
  if (before == std::string_view::npos || end < before + kBefore.size()) return std::nullopt;
  const size_t begin = before + kBefore.size();
  return mysql::QuoteName(text.substr(begin, end - begin));
}

// Nothing may be written any more.
bool IsRightLost(const Error& e) {
  return e.code() == static_cast<int>(ErrorCode::kSyncerFenceLost) ||
         e.code() == static_cast<int>(ErrorCode::kSyncerOwnerChanged);
}

// Deadlocks go away at once, an overloaded downstream does not.
Milliseconds WaitBefore(int attempt) {
  return std::min(kRetryWait, Milliseconds(10) * (1 << std::min(attempt, 9)));
}

// For an update in safe mode whose row image lacks columns and whose row is not there.
Error CannotMake(const Job& job) {
  return Error(ErrorCode::kBinlogNotLogColumn,
               fmt::format("upstream didn't log enough columns in binlog: an update of table {} in "
                           "safe mode found no row where {} (event from {} to {}), and the event "
                           "does not have the whole row",
                           job.event->plan->target.Quoted(), DescribeRow(job.change()),
                           job.event->start().ToString(), job.event->end().ToString()))
      .SetWorkaround(
          "Insert the row downstream with the values that it has upstream, or with any if it is no "
          "longer there, and resume the task. To avoid this, start where upstream and downstream "
          "are equal, and set binlog_row_image=FULL upstream.");
}

// The server's own words in "Error 1406 (22001): Data too long ...".
std::string_view ServerText(const Error& error) {
  const std::string_view cause = error.raw_cause();
  const size_t colon = cause.find("): ");
  return colon == std::string_view::npos ? cause : cause.substr(colon + 3);
}

mysql::ServerThread PrepareSession(mysql::Connection& connection, const ApplyContext& context,
                                   const StopToken& stop) {
  if (context.read_committed) {
    connection.Execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED", stop);
  }
  return mysql::ThreadOf(connection, stop);
}

// TiDB finds conflicts of optimistic transactions at their COMMIT and has committed nothing then:
// to write the rows as REPLACE would cost columns that only the target has.
bool IsConflictOfTiDb(const Error& e) {
  switch (e.server_errno()) {
    case 1213:  // ER_LOCK_DEADLOCK
    case 8002:  // cannot be repeated by itself
    case 8005:  // write conflict
    case 8022:  // to be repeated
    case 8028:  // the schema has changed
    case 9007:  // write conflict
      return true;
    default:
      return false;
  }
}

}  // namespace

void CheckFence(const Fence* fence) {
  if (fence != nullptr && !fence->MayWrite()) throw MakeError(ErrorCode::kSyncerFenceLost);
}

WorkerConnection ConnectWorker(const ApplyContext& context, const StopToken& stop) {
  WorkerConnection made{mysql::Connection::Connect(context.connect, stop), {}};
  made.thread = PrepareSession(*made.connection, context, stop);
  return made;
}

ApplyWorker::ApplyWorker(size_t slot, uint64_t epoch, ApplyQueues& queues,
                         const ApplyContext& context, WorkerConnection connection)
    : slot_(slot),
      epoch_(epoch),
      queues_(queues),
      context_(context),
      connection_(std::move(connection.connection)),
      thread_(std::move(connection.thread)),
      proof_(context.owner->ProofStatement(slot, epoch, connection_->server())) {
  LimitTexts();
}

void ApplyWorker::Run(const StopToken& kill) {
  std::vector<Job> batch;
  try {
    while (queues_.Take(slot_, batch, kill, connection_->keepalive_interval())) {
      if (batch.empty()) {
        connection_->KeepAlive(kill);
        continue;
      }
      one_by_one_ = false;
      if (compounds_paused_ > 0) --compounds_paused_;
      Apply(batch, false, kill);
      // Crash point: a batch is committed. Left: the checkpoint behind it.
      DM_FAILPOINT("sync/after-commit");
      // Crash point: rows of tables without a key are committed with their tables' points. Left:
      // the global checkpoint.
      if (IsSerial()) DM_FAILPOINT("sync/after-serial-commit");
      Count(batch);  // first: who sees the changes done finds them counted
      queues_.Committed(slot_);
    }
  } catch (const Cancelled&) {
    // Killed: the batch in flight may or may not be downstream.
  } catch (const std::exception& e) {
    Error error = ToError(e);
    Log().Error("fail to execute a batch of changes", {F("slot", slot_), F("error", error)});
    queues_.Fail(slot_, error, failed_at_);
  }
}

void ApplyWorker::Count(const std::vector<Job>& batch) {
  const auto now = SteadyClock::now();
  DurationBatch executed;
  size_t rows = 0;
  finished_.clear();
  for (auto job = batch.begin(); job != batch.end();) {
    const EventRows* const event = job->event.get();
    const auto next = std::find_if(job + 1, batch.end(),
                                   [&](const Job& other) { return other.event.get() != event; });
    const auto count = static_cast<size_t>(next - job);
    job = next;
    if (event == nullptr) continue;  // boundaries
    rows += count;
    executed.Add(now - event->received, count);
    TableJobs* const jobs = event->jobs.get();
    if (jobs == nullptr) continue;
    const mysql::RowsKind kind = event->batch.kind();
    const auto known = std::find_if(finished_.begin(), finished_.end(), [&](const Finished& some) {
      return some.jobs == jobs && some.kind == kind;
    });
    if (known != finished_.end()) {
      known->count += count;
    } else {
      finished_.push_back({jobs, kind, count});
    }
  }
  for (const Finished& some : finished_) some.jobs->CountFinished(some.kind, slot_, some.count);
  context_.stats->rows += static_cast<int64_t>(rows);
  context_.stats->transactions += 1;
  if (context_.metrics == nullptr) return;
  context_.metrics->ObserveExecuted(executed);
  const mysql::Connection::AnswerTimes& times = connection_->answer_times();
  SyncMetrics::Transaction transaction;
  transaction.slot = slot_;
  transaction.rows = rows;
  transaction.statements = statements_;
  transaction.took = times.last - begin_sent_;
  transaction.begin = begin_took_;
  // (The last packet may be a COMMIT alone.)
  transaction.commit = times.last - (times.first == times.last ? times.sent : times.previous);
  context_.metrics->ObserveTransaction(transaction);
}

size_t ApplyWorker::Middle(const std::vector<Job>& batch) const {
  const size_t middle = batch.size() / 2;
  if (!IsSerial()) return middle;
  size_t best = 0;
  const auto distance = [&](size_t i) { return i < middle ? middle - i : i - middle; };
  for (size_t i = 1; i < batch.size(); ++i) {
    if (batch[i - 1].boundary && (best == 0 || distance(i) < distance(best))) best = i;
  }
  return best;
}

void ApplyWorker::RollBack(const StopToken& kill) {
  try {
    if (context_.foreign_keys) {
      Reconnect(kill);  // the session may have its checks switched off
      return;
    }
    const auto begin = SteadyClock::now();
    connection_->Rollback(kill);
    if (context_.metrics != nullptr) {
      context_.metrics->ObserveRollback(SteadyClock::now() - begin);
    }
  } catch (const Error& e) {
    ThrowIfStopped(kill);
    if (!connection_->broken()) throw;
    left_open_ = true;
    Log().Warn("lost connection to downstream before a rollback",
               {F("slot", slot_), F("error", e)});
  }
}

void ApplyWorker::Apply(const std::vector<Job>& batch, bool safe, const StopToken& kill) {
  int losses = 0;
  bool in_doubt = false;  // a COMMIT of serial changes was answered by an error
  strict_jobs_.clear();
  for (int attempt = 0;;) {
    try {
      CheckFence(context_.fence);
      if (in_doubt && PointsAreCommitted(batch, kill)) return;
      in_doubt = false;
      Execute(batch, safe, kill);
      return;
    } catch (ValuesChanged& changed) {
      ThrowIfStopped(kill);
      RollBack(kill);
      strict_jobs_.merge(changed.warnings);
    } catch (const RowsLacking&) {
      Log().Warn(
          "the downstream says of a bulk execution that it inserted fewer rows than it got, the "
          "transaction is rolled back and done again without",
          {F("slot", slot_), F("server", connection_->server().version)});
      connection_->ForbidBulk();
      RollBack(kill);
    } catch (const CountDiffers&) {
      // Which one it was is told by answers of their own.
      Log().Info("changes of a batch found other numbers of rows, they are answered one by one",
                 {F("slot", slot_)});
      RollBack(kill);
      PauseCompounds();
    } catch (const Error& e) {
      ThrowIfStopped(kill);
      const bool lost = mysql::IsConnectionLost(e) || connection_->broken();
      if (!lost) {
        const bool at_proof = proof_sent_ && connection_->failed_statement() == 1 &&
                              e.server_errno() == kDuplicateEntry;
        if (at_proof || context_.owner->IsRefusal(e)) {
          // Not with the server's text as its cause, which says that there is no sense in a resume.
          throw MakeError(ErrorCode::kSyncerOwnerChanged, slot_);
        }
        Error described = Describe(e, batch);
        const std::optional<size_t> failed = FailedJob();
        // What the server says of several rows it may not say of each of them.
        const bool shared = e.server_errno() != 0 && FailedShared().has_value() &&
                            (!mysql::IsErrorOfServer(e) || FailedInCompound());
        const bool at_commit = FailedAtCommit();
        RollBack(kill);
        // An error does not prove that nothing was committed: it may be that of a proxy, or of what
        // the server did behind the commit. (Safe mode cannot do everything with foreign keys.)
        if (at_commit && !IsSerial() && !context_.foreign_keys &&
            !(connection_->server().is_tidb && IsConflictOfTiDb(e))) {
          safe = true;
        }
        const size_t middle = mysql::IsTransactionTooLarge(e) ? Middle(batch) : 0;
        if (middle != 0 && !connection_->broken()) {
          if (at_commit && IsSerial() && PointsAreCommitted(batch, kill)) return;
          Log().Info("a transaction is too large for the downstream, it is divided",
                     {F("slot", slot_), F("changes", batch.size()), F("error", e)});
          Apply({batch.begin(), batch.begin() + static_cast<ptrdiff_t>(middle)}, safe, kill);
          Apply({batch.begin() + static_cast<ptrdiff_t>(middle), batch.end()}, safe, kill);
          return;
        }
        const bool retry =
            (mysql::IsRetryableServerError(e) || middle != 0) && attempt + 1 < kExecuteAttempts;
        in_doubt = at_commit && IsSerial();
        if (!retry && shared) {
          one_by_one_ = true;
          PauseCompounds();
          ++attempt;
          Log().Info("a statement of several changes failed, they are written one by one",
                     {F("slot", slot_), F("error", e)});
          continue;
        }
        if (!retry && failed && !mysql::IsRetryableServerError(e) &&
            GoesOnLeniently(e, *failed, batch, described)) {
          continue;
        }
        if (!retry) throw described;
        Log().Warn("execute transaction failed, will retry",
                   {F("slot", slot_), F("attempt", attempt), F("error", e)});
        if (!WaitForRetry(WaitBefore(attempt))) throw described;
        ++attempt;
        continue;
      }
      ++attempt;
      if (++losses > kReconnectAttempts) throw Describe(e, batch);
      // It may be lost because nothing came from it for too long.
      PauseCompounds();
      Log().Warn("lost connection to downstream, will reconnect",
                 {F("slot", slot_), F("error", e)});
      const bool outcome_unknown = !mysql::IsBadConnection(e);
      try {
        if (Recover(batch, outcome_unknown || left_open_, kill)) return;
        left_open_ = false;
      } catch (const Error& recover) {
        Log().Error("cannot reconnect to downstream", {F("error", recover)});
        if (IsRightLost(recover)) throw;
        // What the server says says more than that a connection to it was lost.
        throw recover.server_errno() != 0 ? AtBatch(recover, batch) : Describe(e, batch);
      }
      // What is not known to be missing is written so that it may be there.
      if (outcome_unknown && !IsSerial()) safe = true;
    }
  }
}

WarningTexts ApplyWorker::WarningTextsOfServer() const {
  return connection_->server().is_tidb ? WarningTexts::kMayNameNoColumn
                                       : WarningTexts::kNameTheColumn;
}

bool ApplyWorker::GoesOnLeniently(const Error& error, size_t job, const std::vector<Job>& batch,
                                  Error& described) {
  const int code = error.server_errno();
  if (context_.lenient_mode.empty() || !DependsOnStrictness(code, error.raw_cause())) return false;
  const bool changes_value =
      ChangesValue(code, ServerText(error), ChangeOf(job).row, WarningTextsOfServer());
  const auto strict = strict_jobs_.find(job);
  if (strict != strict_jobs_.end()) {
    // The strict error is the reason, unless it is about something else that is as it should be.
    const Warning& warning = strict->second;
    if (changes_value) return false;
    Error reason(ErrorCode::kDBExecuteFailed, "");
    reason.SetRawCause(fmt::format("Error {} (01000): {}", warning.code,
                                   RedactedMessage(warning.code, warning.text)));
    reason.SetServerErrno(warning.code);
    described = WithPlace(DescribeChange(reason, job), batch[job], batch[job]);
    return false;
  }
  if (changes_value) return false;
  const BatchChange& change = ChangeOf(job);
  if (IsLenient(static_cast<size_t>(&change - changes_.data()))) return false;
  context_.lenient->Add(batch[job].event->plan, error);
  return true;
}

bool ApplyWorker::Recover(const std::vector<Job>& batch, bool outcome_unknown,
                          const StopToken& kill) {
  uint64_t next = OwnerTable::NextEpoch(epoch_);
  for (int attempt = 1;; ++attempt) {
    try {
      Reconnect(kill);
      if (!outcome_unknown) return false;
      CheckFence(context_.fence);
      context_.owner->Raise(*connection_, slot_, epoch_, next, kill, context_.patience);
      epoch_ = next;
      proof_ = context_.owner->ProofStatement(slot_, epoch_, connection_->server());
      return IsSerial() && PointsAreCommitted(batch, kill);
    } catch (const Error& e) {
      ThrowIfStopped(kill);
      if (attempt >= kReconnectAttempts || IsRightLost(e) || context_.patience.stop_requested() ||
          !WaitForRetry(kRetryWait)) {
        throw;
      }
    }
  }
}

void ApplyWorker::Reconnect(const StopToken& kill) {
  connection_->Reconnect(kill);
  LimitTexts();
  thread_ = PrepareSession(*connection_, context_, kill);
  mode_ = Mode::kStrict;
  mode_used_ = false;
}

bool ApplyWorker::WaitForRetry(Milliseconds wait) const {
  try {
    WaitFor(wait, context_.graceful);
    return true;
  } catch (const Cancelled&) {
    return false;
  }
}

void ApplyWorker::Add(std::string_view statement, const StopToken& kill) {
  CloseCompound();
  if (text_.sql.size() + statement.size() > max_text_) FlushText(kill);
  if (!text_.sql.empty()) text_.sql += ';';
  text_.sql += statement;
  text_.job_of_statement.push_back(kNoChange);
}

void ApplyWorker::UseMode(Mode mode, const StopToken& kill) {
  if (mode_ == mode) return;
  const std::string& lenient = context_.lenient_mode;
  Add(mode == Mode::kLenient ? fmt::format("SET SESSION sql_mode = '{}'", lenient)
                             : fmt::format("SET SESSION sql_mode = '{}{}'", lenient, kStrictModes),
      kill);
  mode_ = mode;
  mode_used_ = true;
}

void ApplyWorker::PlanChanges(const std::vector<Job>& batch, bool safe) {
  changes_.clear();
  for (size_t i = 0; i < batch.size(); ++i) {
    if (!batch[i].event) continue;
    changes_.push_back({batch[i].change(), i});
    if (safe) changes_.back().row.safe = true;
  }
  // (Serial rows are committed with points that say how many there were.)
  if (context_.compact && !IsSerial()) merger_.Merge(changes_);
  lenient_.clear();
  lenient_rows_.clear();
  if (context_.lenient_mode.empty()) return;
  for (size_t i = 0; i < changes_.size(); ++i) {
    if (!context_.lenient->Contains(*changes_[i].row.plan)) continue;
    if (strict_jobs_.contains(changes_[i].job)) continue;
    lenient_.resize(changes_.size());
    lenient_[i] = true;
    lenient_rows_[changes_[i].row.plan];
  }
}

void ApplyWorker::FlushText(const StopToken& kill) {
  CloseCompound();
  if (text_.sql.empty()) return;
  std::vector<mysql::ResultSet> results;
  std::vector<uint64_t> affected;
  try {
    affected = connection_->ExecuteMulti(text_.sql, text_.job_of_statement.size(), kill,
                                         "batch of changes", &results, text_.counted);
  } catch (const Error& e) {
    // A value that was cut before may be why: keys that are equal now.
    if (!connection_->broken()) JudgeWarnings(results);
    const size_t failed = connection_->failed_statement();
    if (e.server_errno() != 0 && failed < text_.job_of_statement.size() &&
        text_.job_of_statement[failed] == kCount) {
      throw CountDiffers();
    }
    throw;
  }
  statements_ += text_.compounded;
  for (size_t i = 0; i < affected.size() && i < text_.job_of_statement.size(); ++i) {
    const int32_t job = text_.job_of_statement[i];
    if (job < 0 && job > kManyChanges) continue;
    ++statements_;
    if (affected[i] == 0 && job >= 0) missing_.push_back(job);
  }
  if (begin_sent_ == SteadyClock::time_point()) {
    begin_sent_ = connection_->answer_times().sent;
    begin_took_ = connection_->answer_times().first - begin_sent_;
  }
  proof_sent_ = false;  // the next packet's second statement is not the proof
  JudgeWarnings(results);
  text_.Clear();
}

void ApplyWorker::JudgeWarnings(const std::vector<mysql::ResultSet>& results) {
  ValuesChanged changed;
  for (size_t i = 0; i < results.size() && i < text_.lenient_changes.size(); ++i) {
    const BatchChange& change = changes_[text_.lenient_changes[i]];
    auto& [warned, quiet] = lenient_rows_[change.row.plan];
    ++(results[i].rows.empty() ? quiet : warned);
    for (const auto& row : results[i].rows) {
      if (row.size() < 3 || row[0].value_or("") == "Note") continue;
      const int code = std::atoi(row[1].value_or("0").c_str());
      const std::string text = row[2].value_or("");
      if (!ChangesValue(code, text, change.row, WarningTextsOfServer())) continue;
      changed.warnings.emplace(change.job, Warning{code, text});
    }
  }
  if (!changed.warnings.empty()) throw changed;
}

void ApplyWorker::Execute(const std::vector<Job>& batch, bool safe, const StopToken& kill) {
  text_.Clear();
  missing_.clear();
  statements_ = 0;
  begin_sent_ = {};
  if (mode_used_) mode_ = Mode::kUnknown;  // an attempt before this one has failed
  PlanChanges(batch, safe);
  PlanBulks(kill);
  compounds_ = MayCompound();
  Add("BEGIN", kill);
  Add(proof_, kill);
  ++text_.counted;  // it is an UPDATE
  proof_sent_ = true;
  UseMode(Mode::kStrict, kill);
  if (IsSerial()) AddPoints(batch, kill);
  for (size_t i = 0; i < changes_.size();) {
    size_t shared = one_by_one_ ? 0 : ExecuteBulk(i, kill);
    if (shared == 0 && !one_by_one_) shared = AddShared(i, kill);
    if (shared == 0) AddChange(i, kill);
    i += std::max<size_t>(shared, 1);
  }
  if (IsSerial() && DM_FAILPOINT_SET("sync/before-serial-commit")) {
    FlushText(kill);
    // Crash point: the points and rows of a batch of tables without a key are executed. Left:
    // COMMIT.
    DM_FAILPOINT("sync/before-serial-commit");
  }
  if (!IsSerial() && DM_FAILPOINT_SET("sync/before-commit")) {
    FlushText(kill);
    // Crash point: the changes of a batch are executed. Left: COMMIT.
    DM_FAILPOINT("sync/before-commit");
  }
  const auto must_find = [&](const Job& job) {
    return job.event && job.event->partial && (safe || job.safe) &&
           job.change().kind() == mysql::RowsKind::kUpdate;
  };
  if (std::any_of(batch.begin(), batch.end(), must_find)) {
    // Such a row cannot be made from the image: it has to be there before this is committed.
    FlushText(kill);
    for (const int32_t i : missing_) {
      if (must_find(batch[i])) throw CannotMake(batch[i]);
    }
  }
  UseMode(Mode::kStrict, kill);
  if (!lenient_rows_.empty()) {
    // Only what the server says of each change tells whether they may be committed.
    FlushText(kill);
    // Crash point: values that the upstream's mode let pass are executed and judged. Left: COMMIT.
    DM_FAILPOINT("sync/before-lenient-commit");
  }
  Add(kCommit, kill);
  FlushText(kill);
  mode_used_ = false;
  for (const auto& [plan, rows] : lenient_rows_) {
    context_.lenient->Committed(*plan, rows.first, rows.second);
  }
  if (context_.compact) CountMerged(batch);
  // What changes were merged into does not tell how many rows were there.
  if (context_.compact) return;
  // In safe mode a change may be a repetition.
  std::erase_if(missing_, [&](int32_t i) { return safe || batch[i].safe; });
  if (!missing_.empty()) ReportMissing(batch);
}

void ApplyWorker::CountMerged(const std::vector<Job>& batch) {
  auto change = changes_.begin();
  for (size_t i = 0; i < batch.size(); ++i) {
    if (change != changes_.end() && change->job == i) {
      ++change;
    } else if (batch[i].event && batch[i].event->jobs != nullptr) {
      batch[i].event->jobs->CountMerged(1);
    }
  }
}

void ApplyWorker::ReportMissing(const std::vector<Job>& batch) {
  context_.stats->missing += static_cast<int64_t>(missing_.size());
  if (context_.metrics != nullptr) context_.metrics->CountNotFound(missing_.size());
  constexpr size_t kShown = 3;
  for (size_t i = 0; i < std::min(missing_.size(), kShown); ++i) {
    const Job& job = batch[missing_[i]];
    Log().Warn("ER_KEY_NOT_FOUND: a change found no row to change",
               {F("target", job.event->plan->target.Quoted()),
                F("row", RedactedStatement(DescribeRow(job.change()))),
                F("start", job.event->start().ToString()), F("end", job.event->end().ToString()),
                F("in this batch", missing_.size()),
                F("since the start", context_.stats->missing.load())});
  }
}

std::vector<ApplyWorker::Point> ApplyWorker::PointsOf(const std::vector<Job>& batch) {
  // From the end, the first boundary seen for a table is the last one behind its changes.
  std::vector<Point> points;
  const Boundary* boundary = nullptr;
  auto add = [&](const std::shared_ptr<const TablePlan>& plan, const Boundary* at) {
    bool known = std::any_of(points.begin(), points.end(), [&](const Point& point) {
      return point.plan->source == plan->source;
    });
    if (!known) points.push_back({plan, at});
  };
  for (auto job = batch.rbegin(); job != batch.rend(); ++job) {
    if (job->boundary) {
      boundary = job->boundary.get();
      for (const auto& plan : boundary->tables) add(plan, boundary);
    } else {
      add(job->event->plan, boundary);
    }
  }
  return points;
}

TablePoint ApplyWorker::ToTablePoint(const Point& point) {
  std::string& definition = definitions_[point.plan];
  if (definition.empty()) definition = mysql::TableInfoToJson(*point.plan->tracked);
  TablePoint row;
  row.schema = point.plan->source.schema;
  row.table = point.plan->source.table;
  row.location = point.boundary->location;
  row.piece = point.boundary->piece;
  row.server = point.boundary->server;
  row.table_info = definition;
  return row;
}

void ApplyWorker::AddPoints(const std::vector<Job>& batch, const StopToken& kill) {
  // Points come before the rows: their locks keep a forgotten twin of this transaction out.
  if (definitions_.size() > 1000) definitions_.clear();
  for (const Point& point : PointsOf(batch)) {
    Add(context_.checkpoint->LocationStatement(ToTablePoint(point)), kill);
  }
}

bool ApplyWorker::PointsAreCommitted(const std::vector<Job>& batch, const StopToken& kill) {
  std::vector<Point> points = PointsOf(batch);
  if (points.empty()) return true;
  TablePoint wanted = ToTablePoint(points.front());
  connection_->Begin(kill);
  std::optional<TablePoint> stored =
      context_.checkpoint->LoadForUpdate(*connection_, wanted.schema, wanted.table, kill);
  connection_->Rollback(kill);
  if (!stored) return false;
  bool committed = wanted.piece ? stored->piece == wanted.piece
                                : stored->location.position == wanted.location.position &&
                                      stored->location.GtidText() == wanted.location.GtidText() &&
                                      !stored->piece;
  Log().Info("outcome of a transaction is known by its table point",
             {F("table", points.front().plan->source.Quoted()), F("committed", committed)});
  return committed;
}

bool ApplyWorker::FailedAtCommit() const {
  return text_.sql.ends_with(kCommit) &&
         connection_->failed_statement() + 1 == text_.job_of_statement.size();
}

std::optional<size_t> ApplyWorker::FailedJob() const {
  const size_t failed = connection_->failed_statement();
  if (failed >= text_.job_of_statement.size() || text_.job_of_statement[failed] < 0) {
    return std::nullopt;
  }
  return static_cast<size_t>(text_.job_of_statement[failed]);
}

std::optional<size_t> ApplyWorker::FailedShared() const {
  const size_t failed = connection_->failed_statement();
  if (failed >= text_.job_of_statement.size()) return std::nullopt;
  const int32_t job = text_.job_of_statement[failed];
  if (job > kManyChanges) return std::nullopt;
  return static_cast<size_t>(kManyChanges - job);
}

const BatchChange& ApplyWorker::ChangeOf(size_t job) const {
  return *std::find_if(changes_.begin(), changes_.end(),
                       [&](const BatchChange& change) { return change.job == job; });
}

Error ApplyWorker::DescribeChange(const Error& error, size_t job) const {
  const RowChange& change = ChangeOf(job).row;
  std::string statement;
  AppendChange(statement, change);
  statement = RedactedStatement(statement);
  if (statement.size() > 1024) statement.resize(1024);
  Error described(ErrorCode::kDBExecuteFailed,
                  fmt::format("execute statement failed: {}", statement));
  described.SetRawCause(error.raw_cause());
  described.SetScope(ErrorScope::kDownstream);
  described.SetServerErrno(error.server_errno());
  if (error.server_errno() == kDuplicateEntry) {
    described.SetWorkaround(fmt::format(
        "safe mode was {}; table {}, key {}: other writers downstream, a start position before the "
        "data, or overlapping keys of merged tables",
        change.safe ? "on" : "off", change.plan->target.Quoted(),
        DuplicateKey(error.raw_cause()).value_or("unknown")));
  } else if (ChangesValue(error.server_errno(), ServerText(error), change,
                          WarningTextsOfServer())) {
    described.SetWorkaround(fmt::format(
        "The column of table {} downstream that the server names cannot hold the value that the "
        "upstream's has. Alter the downstream table so that it can, then resume the task.",
        change.plan->target.Quoted()));
  }
  return described;
}

Error ApplyWorker::Describe(const Error& error, const std::vector<Job>& batch) {
  const std::optional<size_t> failed = error.server_errno() != 0 ? FailedJob() : std::nullopt;
  if (failed) return WithPlace(DescribeChange(error, *failed), batch[*failed], batch[*failed]);
  const std::optional<size_t> shared = error.server_errno() != 0 ? FailedShared() : std::nullopt;
  if (shared) return WithPlace(DescribeChange(error, *shared), batch[*shared], batch[*shared]);
  return AtBatch(error, batch);
}

Error ApplyWorker::AtBatch(const Error& error, const std::vector<Job>& batch) {
  size_t last = batch.size() - 1;
  while (last > 0 && !batch[last].event) --last;
  return WithPlace(error, batch.front(), batch[last]);
}

Error ApplyWorker::WithPlace(Error error, const Job& first, const Job& last) {
  if (first.event && last.event) {
    failed_at_ = first.event->start().position;
    error.Annotate(fmt::format("startLocation: [{}], endLocation: [{}]",
                               first.event->start().ToString(), last.event->end().ToString()));
  }
  return error;
}

}  // namespace dm::migration
