// What a sync unit shows on /metrics: the families dm_syncer_*.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/metrics/metrics.h"
#include "base/thread/stop.h"
#include "migration/rows/table_plan.h"
#include "mysql/binlog/rows.h"
#include "mysql/position/position.h"

namespace dm::migration {

// A series that exists from its first use on. Thread-safe.
template <class Handle>
class LazySeries {
 public:
  explicit LazySeries(std::function<Handle()> make) : make_(std::move(make)) {}
  const Handle& Get() {
    std::call_once(once_, [this] { handle_ = make_(); });
    return handle_;
  }

 private:
  std::function<Handle()> make_;
  std::once_flag once_;
  Handle handle_;
};

// Queues are shown under eight names; everything that is not a worker's has another one.
inline constexpr size_t kQueueNames = 8;
inline constexpr std::string_view kAdminQueue = "admin queue";
std::string QueueName(size_t slot);
// Of the histogram of an event's rows.
inline std::vector<double> EventRowBuckets() { return LinearBuckets(0, 100, 101); }

// Jobs of one target table, by kind and queue: row changes that were queued and that were
// committed. Thread-safe.
class TableJobs {
 public:
  explicit TableJobs(Labels labels) : labels_(std::move(labels)) {}
  void CountAdded(mysql::RowsKind kind, size_t slot, size_t jobs);
  void CountFinished(mysql::RowsKind kind, size_t slot, size_t jobs);
  // Changes that were merged into later ones, and are finished so.
  void CountMerged(size_t jobs);

 private:
  static constexpr size_t kKinds = 3;
  // Of the series that were used; kept in `made_`.
  using Counters = std::array<std::array<std::atomic<const Counter*>, kQueueNames>, kKinds>;
  void Count(Counters& counters, const char* name, const char* help, mysql::RowsKind kind,
             size_t slot, size_t jobs);

  const Labels labels_;
  Counters added_{};
  Counters finished_{};
  std::mutex mutex_;  // guards the following
  std::vector<std::unique_ptr<const Counter>> made_;
  std::unique_ptr<Counter> merged_;
};

// Durations and sizes that the planner's thread collects until they are handed over.
struct PlannerTimes {
  SizeBatch event_size;
  ValueBatch event_rows{EventRowBuckets()};
  DurationBatch read;
  DurationBatch conflict;
  std::array<DurationBatch, kQueueNames> queueing;
  std::array<DurationBatch, 3> transform;  // by kind of rows event
  std::array<DurationBatch, 3> dispatch;
  SteadyClock::time_point handed_over{};
};

// The series of one task and source; made when the unit is initialised. All functions are
// thread-safe. Durations are of the steady clock.
class SyncMetrics {
 public:
  using Duration = std::chrono::nanoseconds;

  SyncMetrics(const std::string& task, const std::string& source_id, const std::string& worker,
              size_t workers);
  // Takes all series of a task and source away. Handles at hand then count for nobody.
  static void Remove(const std::string& task, const std::string& source_id);

  // A run begins: what exists from then on.
  void Begin();
  void CountError(bool resumable);

  // --- reading and planning ---
  // Hands the durations over if the last time is a while ago, or at once.
  void Take(PlannerTimes& times, SteadyClock::time_point now, bool at_once = false);
  void ObserveSkipped(bool rows, Duration took);
  std::shared_ptr<TableJobs> JobsOf(const TableId& target);
  // The table is gone, and no job of it is in flight: removes its series.
  void Forget(const TableId& target);

  // --- statements and flushes ---
  // `planned`: from receipt to execution, of which `waited` for everything before it to be done.
  void ObserveDdlPlanned(Duration planned, Duration waited, size_t statements);
  void ObserveDdlExecuted(Duration took, size_t statements);
  // Everything planned was committed before a flush.
  void ObserveDrain(Duration waited);
  void ObserveFlush();
  void ObserveQuery(Duration took);

  // --- applying ---
  struct Transaction {
    size_t slot = 0;
    size_t rows = 0;
    size_t statements = 0;
    Duration took{};
    Duration begin{};   // until the answer to BEGIN
    Duration commit{};  // from the last change's answer to COMMIT's
  };
  void ObserveTransaction(const Transaction& transaction);
  void ObserveRollback(Duration took);
  // Updates and deletes that found no row.
  void CountNotFound(size_t changes);
  // Times from the events' receipt to the commit; empties the batch.
  void ObserveExecuted(DurationBatch& since_receipt);

  // --- where it is ---
  void SetPosition(const mysql::BinlogPosition& position);  // of the reader
  void SetMasterPosition(const mysql::BinlogPosition& position);
  // `queues`: jobs waiting by slot.
  void SetQueueSizes(const std::vector<size_t>& queues);
  void SetLag(int64_t seconds);
  // nullopt: it cannot be told.
  void SetRemaining(std::optional<double> seconds);
  void SetConnected(bool connected);
  void SetCheckpointAge(double seconds);

 private:
  using LazyHistogram = LazySeries<Histogram>;
  using LazyCounter = LazySeries<Counter>;
  using LazyGauge = LazySeries<Gauge>;
  Labels With(const Labels& base, Labels more) const;
  void SetPositionOf(const char* node, const mysql::BinlogPosition& position);
  void CountAdmin(const char* type, size_t added, size_t finished);

  const size_t workers_;
  const Labels base_;         // task, source_id
  const Labels with_worker_;  // and worker
  const Labels task_;         // task alone
  std::vector<std::unique_ptr<LazyHistogram>> histograms_;
  LazyHistogram* Make(const char* name, const char* help, std::vector<double> buckets,
                      Labels labels);

  LazyHistogram* read_;
  LazyHistogram* event_size_;
  LazyHistogram* event_rows_;
  std::array<LazyHistogram*, 3> transform_rows_;
  std::array<LazyHistogram*, 3> dispatch_;
  LazyHistogram* transform_query_;
  LazyHistogram* ddl_executed_;
  LazyHistogram* dml_executed_;
  LazyHistogram* conflict_;
  LazyHistogram* skip_rows_;
  LazyHistogram* skip_query_;
  std::array<LazyHistogram*, kQueueNames> add_dml_;
  std::array<LazyHistogram*, kQueueNames> add_flush_;
  LazyHistogram* add_ddl_;
  LazyHistogram* transaction_;
  LazyHistogram* query_;
  std::array<LazyHistogram*, 4> statement_;  // begin, stmt, commit, rollback
  std::array<LazyHistogram*, kQueueNames> batch_rows_;
  std::array<LazyHistogram*, kQueueNames> batch_statements_;
  LazyHistogram* flush_interval_;
  LazyHistogram* lag_;
  LazyCounter finished_transactions_;
  LazyGauge ideal_qps_;
  LazyGauge lag_gauge_;

  std::mutex mutex_;  // guards the following
  SteadyClock::time_point last_flush_;
  std::map<TableId, std::weak_ptr<TableJobs>> jobs_;
  std::array<bool, kQueueNames> queue_shown_{};
};

}  // namespace dm::migration
