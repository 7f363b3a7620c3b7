// The process: joins the cluster, keeps its lease, follows its bind, serves its port.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/error/error.h"
#include "base/thread/stop.h"
#include "cluster/record/events.h"
#include "cluster/record/store.h"
#include "cluster/rpc/one_port.h"
#include "programs/worker/config.h"
#include "programs/worker/fence.h"
#include "programs/worker/keepalive.h"
#include "programs/worker/source_worker.h"

namespace dm::worker {

// One dm-worker. Run may be called once.
class Server {
 public:
  explicit Server(Config config);
  ~Server();

  // Joins, serves until `stop`, then ends in order: no more decisions, subtasks closed gracefully,
  // port closed, lease revoked. Throws Error: 40077 if no master took the worker in, anything else
  // is a failed start. Cancelled if the stop came while joining.
  void Run(const StopToken& stop);

  // What is bound here now. `error`: of the last try to start or stop a source.
  struct SourceView {
    std::shared_ptr<SourceWorker> source_worker;  // null: none
    std::string source_id;
    std::optional<Error> error;
  };
  SourceView View() const;

  const std::string& name() const { return config_.name; }
  const Config& config() const { return config_; }

 private:
  void ObserveBind(const StopToken& stop);
  // Changes of the bind, or nothing after a while, and soon after a kill.
  std::vector<cluster::RecordEvent<cluster::SourceBound>> NextChanges(
      cluster::RecordWatch<cluster::SourceBound>& watch, const StopToken& stop);
  // What is bound does not run: it waits for a lease, or was killed.
  bool StandsStill() const;
  // Starts the bound source, or stops what runs if nothing is bound; nothing starts without a
  // lease. Failures are recorded.
  void Apply(const std::optional<cluster::BoundSource>& bound);
  // Nothing happens, but that it waits for a lease, if there is none by then.
  void StartSource(const cluster::BoundSource& bound);
  void StopSource();
  // Called when the lease ends: must not wait for slow calls.
  void KillSource();
  cluster::HttpResponse AnswerHttp(const cluster::HttpRequest& request);

  const Config config_;
  LeaseFence fence_;
  WorkerEnvironment environment_;

  bool waits_for_lease_ = false;  // the observer's

  mutable std::mutex mutex_;  // never held during a blocking call
  SourceView view_;
  std::shared_ptr<SourceWorker> ending_;  // what is being stopped: a kill must find it
  dm::StopSource kill_;                   // the observer has to look

  std::mutex metrics_mutex_;  // one at a time brings the metrics up to date and shows them

  std::unique_ptr<KeepAlive> keepalive_;  // its thread uses the members above
};

}  // namespace dm::worker
