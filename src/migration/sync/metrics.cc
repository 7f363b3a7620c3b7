#include "migration/sync/metrics.h"

#include <fmt/format.h>

#include <limits>

namespace dm::migration {

namespace {

constexpr const char* kAddedJobs = "dm_syncer_added_jobs_total";
constexpr const char* kAddedHelp = "jobs queued";
constexpr const char* kFinishedJobs = "dm_syncer_finished_jobs_total";
constexpr const char* kFinishedHelp = "jobs done";
constexpr const char* kExitCount = "dm_syncer_exit_with_error_count";
constexpr const char* kExitHelp = "ends of the sync unit by an error";
constexpr const char* kStatementDuration = "dm_syncer_stmt_duration_time";

// The planner hands its durations over no more often.
constexpr Milliseconds kHandOver{200};

constexpr std::array<const char*, 3> kKindNames = {"insert", "update", "delete"};

size_t IndexOf(mysql::RowsKind kind) { return static_cast<size_t>(kind); }
double Seconds(std::chrono::nanoseconds duration) {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace

std::string QueueName(size_t slot) { return fmt::format("q_{}", slot % kQueueNames); }

void TableJobs::Count(Counters& counters, const char* name, const char* help, mysql::RowsKind kind,
                      size_t slot, size_t jobs) {
  if (jobs == 0) return;
  std::atomic<const Counter*>& known = counters[IndexOf(kind)][slot % kQueueNames];
  const Counter* counter = known.load(std::memory_order_acquire);
  if (counter == nullptr) {
    std::lock_guard lock(mutex_);
    counter = known.load(std::memory_order_relaxed);
    if (counter == nullptr) {
      Labels labels = labels_;
      labels["type"] = kKindNames[IndexOf(kind)];
      labels["queueNo"] = QueueName(slot);
      made_.push_back(std::make_unique<const Counter>(Metrics().GetCounter(name, help, labels)));
      counter = made_.back().get();
      known.store(counter, std::memory_order_release);
    }
  }
  counter->Add(static_cast<double>(jobs));
}

void TableJobs::CountAdded(mysql::RowsKind kind, size_t slot, size_t jobs) {
  Count(added_, kAddedJobs, kAddedHelp, kind, slot, jobs);
}

void TableJobs::CountFinished(mysql::RowsKind kind, size_t slot, size_t jobs) {
  Count(finished_, kFinishedJobs, kFinishedHelp, kind, slot, jobs);
}

void TableJobs::CountMerged(size_t jobs) {
  std::lock_guard lock(mutex_);
  if (merged_ == nullptr) {
    Labels labels = labels_;
    labels["type"] = "compact";
    labels["queueNo"] = "admin queue";
    merged_ = std::make_unique<Counter>(Metrics().GetCounter(kFinishedJobs, kFinishedHelp, labels));
  }
  merged_->Add(static_cast<double>(jobs));
}

SyncMetrics::LazyHistogram* SyncMetrics::Make(const char* name, const char* help,
                                              std::vector<double> buckets, Labels labels) {
  histograms_.push_back(std::make_unique<LazyHistogram>(
      [name, help, buckets = std::move(buckets), labels = std::move(labels)] {
        return Metrics().GetHistogram(name, help, buckets, labels);
      }));
  return histograms_.back().get();
}

Labels SyncMetrics::With(const Labels& base, Labels more) const {
  more.insert(base.begin(), base.end());
  return more;
}

SyncMetrics::SyncMetrics(const std::string& task, const std::string& source_id,
                         const std::string& worker, size_t workers)
    : workers_(workers),
      base_{{"task", task}, {"source_id", source_id}},
      with_worker_{{"task", task}, {"source_id", source_id}, {"worker", worker}},
      task_{{"task", task}},
      finished_transactions_([labels = with_worker_] {
        return Metrics().GetCounter("dm_syncer_finished_transaction_total",
                                    "downstream transactions committed", labels);
      }),
      ideal_qps_([labels = with_worker_] {
        return Metrics().GetGauge("dm_syncer_ideal_qps",
                                  "statements a second if all workers were as fast as the last "
                                  "transaction",
                                  labels);
      }),
      lag_gauge_([labels = with_worker_] {
        return Metrics().GetGauge("dm_syncer_replication_lag_gauge",
                                  "seconds that the downstream is behind the upstream", labels);
      }) {
  const std::vector<double> durations = DurationBuckets();
  const std::vector<double> batches = LinearBuckets(1, 50, 21);
  read_ = Make("dm_syncer_read_binlog_duration", "seconds to get one event, waiting included",
               durations, base_);
  event_size_ =
      Make("dm_syncer_binlog_event_size", "bytes of an event", SizeBuckets(), with_worker_);
  event_rows_ =
      Make("dm_syncer_binlog_event_row", "rows of a rows event", EventRowBuckets(), with_worker_);
  constexpr const char* kTransform = "dm_syncer_binlog_transform_cost";
  constexpr const char* kTransformHelp =
      "seconds from an event's receipt to its jobs (gen-*), and to their end (*-exec)";
  constexpr std::array<const char*, 3> kStages = {"gen-write-rows", "gen-update-rows",
                                                  "gen-delete-rows"};
  const auto stage = [&](const char* name) {
    return Make(kTransform, kTransformHelp, durations, With(with_worker_, {{"stage", name}}));
  };
  for (size_t kind = 0; kind < kStages.size(); ++kind) {
    transform_rows_[kind] = stage(kStages[kind]);
    dispatch_[kind] =
        Make("dm_syncer_dispatch_binlog_duration", "seconds to hand on all jobs of a rows event",
             durations, With(base_, {{"type", kKindNames[kind]}}));
  }
  transform_query_ = stage("gen-query");
  ddl_executed_ = stage("ddl-exec");
  dml_executed_ = stage("dml-exec");
  conflict_ = Make("dm_syncer_conflict_detect_duration",
                   "seconds to find out which worker a change has to go to", durations, base_);
  const std::vector<double> skips = ExponentialBuckets(0.0000005, 2, 25);
  constexpr const char* kSkip = "dm_syncer_skip_binlog_duration";
  constexpr const char* kSkipHelp = "seconds to pass over an event that is filtered out";
  skip_rows_ = Make(kSkip, kSkipHelp, skips, With(base_, {{"type", "rows"}}));
  skip_query_ = Make(kSkip, kSkipHelp, skips, With(base_, {{"type", "query"}}));
  constexpr const char* kAdd = "dm_syncer_add_job_duration";
  constexpr const char* kAddHelp = "seconds to queue a job, waiting for room included";
  const auto add = [&](const char* type, std::string queue) {
    return Make(kAdd, kAddHelp, durations,
                With(base_, {{"type", type}, {"queueNo", std::move(queue)}}));
  };
  const auto batch = [&](const char* type, size_t queue) {
    return Make("dm_syncer_replication_transaction_batch", "size of a downstream transaction",
                batches, With(with_worker_, {{"type", type}, {"queueNo", QueueName(queue)}}));
  };
  for (size_t queue = 0; queue < kQueueNames; ++queue) {
    add_dml_[queue] = add("dml", QueueName(queue));
    add_flush_[queue] = add("flush", QueueName(queue));
    batch_rows_[queue] = batch("rows", queue);
    batch_statements_[queue] = batch("statements", queue);
  }
  add_ddl_ = add("ddl", std::string(kAdminQueue));
  transaction_ = Make("dm_syncer_txn_duration_time", "seconds of a downstream transaction",
                      durations, with_worker_);
  query_ = Make("dm_syncer_query_duration_time", "seconds of a downstream query", durations,
                with_worker_);
  constexpr std::array<const char*, 4> kStatements = {"begin", "stmt", "commit", "rollback"};
  for (size_t i = 0; i < kStatements.size(); ++i) {
    statement_[i] = Make(kStatementDuration, "seconds of a statement downstream", durations,
                         With(task_, {{"type", kStatements[i]}}));
  }
  flush_interval_ = Make("dm_syncer_flush_checkpoints_time_interval",
                         "seconds between two writes of the checkpoint", batches, with_worker_);
  lag_ = Make("dm_syncer_replication_lag", "seconds behind the upstream, sampled all the time",
              ExponentialBuckets(0.5, 2, 12), with_worker_);
}

void SyncMetrics::Remove(const std::string& task, const std::string& source_id) {
  Metrics().Remove("dm_syncer_", {{"task", task}, {"source_id", source_id}});
  Metrics().Remove(kStatementDuration, {{"task", task}});
}

void SyncMetrics::Begin() {
  for (const char* resumable : {"true", "false"}) {
    Metrics().GetCounter(kExitCount, kExitHelp, With(base_, {{"resumable_err", resumable}}));
  }
  Metrics()
      .GetGauge("dm_syncer_shard_lock_resolving", "1 while the unit waits for a shard DDL lock",
                base_)
      .Set(0);
  SetRemaining(0);
  SetLag(0);
  std::lock_guard lock(mutex_);
  last_flush_ = SteadyClock::now();
}

void SyncMetrics::CountError(bool resumable) {
  Metrics()
      .GetCounter(kExitCount, kExitHelp,
                  With(base_, {{"resumable_err", resumable ? "true" : "false"}}))
      .Add();
}

void SyncMetrics::Take(PlannerTimes& times, SteadyClock::time_point now, bool at_once) {
  if (!at_once && now - times.handed_over < kHandOver) return;
  times.handed_over = now;
  const auto take = [](auto& batch, LazyHistogram* to) {
    if (!batch.empty()) batch.FlushTo(to->Get());
  };
  take(times.read, read_);
  take(times.event_size, event_size_);
  take(times.event_rows, event_rows_);
  take(times.conflict, conflict_);
  for (size_t i = 0; i < kQueueNames; ++i) take(times.queueing[i], add_dml_[i]);
  for (size_t kind = 0; kind < kKindNames.size(); ++kind) {
    take(times.transform[kind], transform_rows_[kind]);
    take(times.dispatch[kind], dispatch_[kind]);
  }
}

void SyncMetrics::ObserveSkipped(bool rows, Duration took) {
  (rows ? skip_rows_ : skip_query_)->Get().Observe(Seconds(took));
}

std::shared_ptr<TableJobs> SyncMetrics::JobsOf(const TableId& target) {
  std::lock_guard lock(mutex_);
  std::weak_ptr<TableJobs>& known = jobs_[target];
  std::shared_ptr<TableJobs> jobs = known.lock();
  if (jobs == nullptr) {
    jobs = std::make_shared<TableJobs>(
        With(with_worker_, {{"target_schema", target.schema}, {"target_table", target.table}}));
    known = jobs;
  }
  return jobs;
}

void SyncMetrics::Forget(const TableId& target) {
  std::lock_guard lock(mutex_);
  jobs_.erase(target);
  Metrics().Remove("dm_syncer_", With(with_worker_, {{"target_schema", target.schema},
                                                     {"target_table", target.table}}));
}

void SyncMetrics::CountAdmin(const char* type, size_t added, size_t finished) {
  const Labels labels = With(with_worker_, {{"type", type},
                                            {"queueNo", std::string(kAdminQueue)},
                                            {"target_schema", ""},
                                            {"target_table", ""}});
  Metrics().GetCounter(kAddedJobs, kAddedHelp, labels).Add(static_cast<double>(added));
  Metrics().GetCounter(kFinishedJobs, kFinishedHelp, labels).Add(static_cast<double>(finished));
}

void SyncMetrics::ObserveDdlPlanned(Duration planned, Duration waited, size_t statements) {
  transform_query_->Get().Observe(Seconds(planned - waited));
  add_ddl_->Get().Observe(Seconds(waited));
  CountAdmin("ddl", statements, 0);
}

void SyncMetrics::ObserveDdlExecuted(Duration took, size_t statements) {
  ddl_executed_->Get().Observe(Seconds(took));
  CountAdmin("ddl", 0, statements);
}

void SyncMetrics::ObserveDrain(Duration waited) {
  for (size_t queue = 0; queue < std::min(workers_, kQueueNames); ++queue) {
    add_flush_[queue]->Get().Observe(Seconds(waited));
  }
}

void SyncMetrics::ObserveFlush() {
  CountAdmin("flush", 1, 1);
  const auto now = SteadyClock::now();
  SteadyClock::time_point last;
  {
    std::lock_guard lock(mutex_);
    last = std::exchange(last_flush_, now);
  }
  flush_interval_->Get().Observe(Seconds(now - last));
}

void SyncMetrics::ObserveQuery(Duration took) { query_->Get().Observe(Seconds(took)); }

void SyncMetrics::ObserveTransaction(const Transaction& t) {
  const size_t queue = t.slot % kQueueNames;
  const double seconds = Seconds(t.took);
  transaction_->Get().Observe(seconds);
  statement_[0]->Get().Observe(Seconds(t.begin));
  statement_[1]->Get().Observe(Seconds(std::max(t.took - t.begin - t.commit, Duration(0))));
  statement_[2]->Get().Observe(Seconds(t.commit));
  batch_rows_[queue]->Get().Observe(static_cast<double>(t.rows));
  batch_statements_[queue]->Get().Observe(static_cast<double>(t.statements));
  finished_transactions_.Get().Add();
  if (seconds > 0) {
    ideal_qps_.Get().Set(static_cast<double>(workers_) * static_cast<double>(t.statements) /
                         seconds);
  }
}

void SyncMetrics::ObserveRollback(Duration took) { statement_[3]->Get().Observe(Seconds(took)); }

void SyncMetrics::CountNotFound(size_t changes) {
  Metrics()
      .GetCounter("dm_syncer_rows_not_found_total",
                  "changes that found no row downstream, safe mode left out", base_)
      .Add(static_cast<double>(changes));
}

void SyncMetrics::ObserveExecuted(DurationBatch& since_receipt) {
  if (!since_receipt.empty()) since_receipt.FlushTo(dml_executed_->Get());
}

void SyncMetrics::SetPositionOf(const char* node, const mysql::BinlogPosition& position) {
  const Labels labels = With(base_, {{"node", node}});
  const auto name = mysql::TryParseBinlogFileName(mysql::StripRelaySuffix(position.file));
  Metrics()
      .GetGauge("dm_syncer_binlog_file", "number of the current binlog file", labels)
      .Set(name ? static_cast<double>(name->number) : std::numeric_limits<double>::quiet_NaN());
  Metrics()
      .GetGauge("dm_syncer_binlog_pos", "position in the current binlog file", labels)
      .Set(static_cast<double>(position.offset));
}

void SyncMetrics::SetPosition(const mysql::BinlogPosition& position) {
  SetPositionOf("syncer", position);
}

void SyncMetrics::SetMasterPosition(const mysql::BinlogPosition& position) {
  SetPositionOf("master", position);
}

void SyncMetrics::SetQueueSizes(const std::vector<size_t>& queues) {
  constexpr const char* kName = "dm_syncer_queue_size";
  constexpr const char* kHelp = "jobs waiting in a queue";
  const auto set = [&](std::string queue, size_t jobs) {
    Metrics()
        .GetGauge(kName, kHelp, With(base_, {{"queue_id", std::move(queue)}}))
        .Set(static_cast<double>(jobs));
  };
  std::lock_guard lock(mutex_);
  std::array<size_t, kQueueNames> sums{};
  for (size_t slot = 0; slot < queues.size(); ++slot) sums[slot % kQueueNames] += queues[slot];
  // The last slot, for tables without a key, shares a name with a worker's or has one of its own.
  for (size_t queue = 0; queue < std::min(queues.size(), kQueueNames); ++queue) {
    queue_shown_[queue] = queue_shown_[queue] || queue < workers_ || sums[queue] > 0;
    if (queue_shown_[queue]) set(QueueName(queue), sums[queue]);
  }
  // Planning is one step: nothing waits before a worker's queue.
  set("causality_input", 0);
  set("dml_worker_input", 0);
}

void SyncMetrics::SetLag(int64_t seconds) {
  lag_gauge_.Get().Set(static_cast<double>(seconds));
  lag_->Get().Observe(static_cast<double>(seconds));
}

void SyncMetrics::SetRemaining(std::optional<double> seconds) {
  constexpr const char* kName = "dm_syncer_remaining_time";
  if (!seconds) {
    Metrics().Remove(kName, with_worker_);
    return;
  }
  Metrics()
      .GetGauge(kName, "seconds until the upstream is caught up with", with_worker_)
      .Set(*seconds);
}

void SyncMetrics::SetConnected(bool connected) {
  Metrics()
      .GetGauge("dm_syncer_upstream_connected", "1 while events are read from the upstream", base_)
      .Set(connected ? 1 : 0);
}

void SyncMetrics::SetCheckpointAge(double seconds) {
  Metrics()
      .GetGauge("dm_syncer_checkpoint_age_seconds",
                "seconds since everything that was applied was saved", base_)
      .Set(seconds);
}

}  // namespace dm::migration
