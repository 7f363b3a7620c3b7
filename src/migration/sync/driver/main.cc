// Runs one sync unit without a cluster: for trying it against two servers by hand or by script.
//   sync_driver <subtask.toml>
// The file is what a worker's record of a subtask looks like. SIGTERM pauses (graceful), SIGINT
// kills. A line of status is printed every second.
#include <fmt/format.h>

#include <csignal>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <thread>

#include "base/log/log.h"
#include "migration/config/connect_options.h"
#include "migration/config/subtask.h"
#include "migration/sync/lag.h"
#include "migration/sync/sync_unit.h"
#include "mysql/client/binlog_status.h"

namespace {

using namespace dm;
using namespace dm::migration;

class UpstreamStatus : public SourceStatusPort {
 public:
  explicit UpstreamStatus(const SubtaskConfig& config)
      : connection_(mysql::Connection::Connect(ToConnectOptions(config.from, ErrorScope::kUpstream),
                                               StopToken())) {}
  std::optional<UpstreamPosition> Latest() override {
    auto status = mysql::ReadBinlogStatus(*connection_, StopToken());
    if (!status) return std::nullopt;
    UpstreamPosition position;
    position.position = status->position.ToString();
    position.gtid_set = status->gtid_set;
    position.asked_at = UnixMilliseconds();
    return position;
  }

 private:
  std::unique_ptr<mysql::Connection> connection_;
};

int Main(const char* path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  SubtaskConfig config = ParseSubtaskToml(text.str());
  UpstreamStatus upstream(config);
  UnitContext context;
  context.worker_name = "driver";
  context.source_status = &upstream;
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  auto unit = MakeSyncUnit(config, context);
  EndingRequest ending;
  std::jthread waiter([&](const StopToken& stop) {
    while (!stop.stop_requested()) {
      timespec second{1, 0};
      int signal = sigtimedwait(&signals, nullptr, &second);
      if (signal == SIGTERM) ending.Request(Ending::kPause);
      if (signal == SIGINT) ending.Request(Ending::kKill);
      UnitStatus any = unit->Status();
      if (auto* s = std::get_if<SyncStatus>(&any)) {
        std::string line =
            fmt::format("rows={} rps={} synced={} syncer={} master={} gtid={} lag={}\n",
                        s->total_rows, s->recent_rps, s->synced, s->syncer_binlog, s->master_binlog,
                        s->syncer_binlog_gtid, s->seconds_behind_master);
        std::fputs(line.c_str(), stdout);
        std::fflush(stdout);
      }
    }
  });
  unit->Init(StopToken());
  UnitResult result = unit->Run(ending);
  waiter = std::jthread();
  for (const Error& e : result.errors) std::fputs((e.ToString() + "\n").c_str(), stderr);
  unit->Close();
  return result.errors.empty() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: sync_driver <subtask.toml>\n", stderr);
    return 2;
  }
  try {
    return Main(argv[1]);
  } catch (const std::exception& e) {
    std::fputs((dm::ErrorText(e) + "\n").c_str(), stderr);
    return 1;
  }
}
