// dm-worker.
#include <cstdio>
#include <string>
#include <vector>

#include "base/error/error.h"
#include "base/log/log.h"
#include "base/log/sensitive.h"
#include "base/thread/signals.h"
#include "base/version/version.h"
#include "programs/worker/config.h"
#include "programs/worker/server.h"

namespace {

// Exit codes.
constexpr int kClean = 0;
constexpr int kFailedStart = 1;
constexpr int kUnusable = 2;  // flags, file, addresses, logger; or the cluster could not be joined

int Run(const dm::worker::Config& config) {
  try {
    dm::InitLog({.level = config.log_level, .file = config.log_file, .format = config.log_format});
    dm::SetLogRedaction(config.redact_info_log);
  } catch (const std::exception& e) {
    std::printf("init logger error %s\n", dm::ErrorText(e).c_str());
    return kUnusable;
  }
  dm::StopSignals signals;
  dm::Log().Info("Welcome to dm-worker", {dm::F("release-version", dm::ReleaseVersion())});
  dm::Log().Info("dm-worker config", {dm::F("config", config.ToToml())});
  // At once: what follows may take a while.
  const dm::StopCallback on_signal(signals.token(), [&signals] {
    dm::Log().Info("got signal to exit", {dm::F("signal", signals.received())});
  });
  int code = kClean;
  try {
    dm::worker::Server server(config);
    server.Run(signals.token());
  } catch (const dm::Cancelled&) {
    code = kFailedStart;
  } catch (const std::exception& e) {
    const bool join =
        dm::ToError(e).code() == static_cast<int>(dm::ErrorCode::kWorkerFailConnectMaster);
    dm::Log().Error(join ? "join the cluster meet error" : "fail to start dm-worker",
                    {dm::F("error", e)});
    code = join ? kUnusable : kFailedStart;
  }
  dm::Log().Info("dm-worker exit", {});
  return code;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  for (const std::string& argument : arguments) {
    if (argument == "-h" || argument == "--help" || argument == "-help") {
      std::fputs(dm::worker::Usage().c_str(), stderr);
      return kClean;
    }
  }
  try {
    const dm::worker::Invocation invocation = dm::worker::ParseCommandLine(arguments);
    if (invocation.action == dm::worker::Invocation::Action::kPrint) {
      std::fputs(invocation.output.c_str(), stdout);
      return kClean;
    }
    return Run(invocation.config);
  } catch (const dm::Error& e) {
    std::printf("parse cmd flags err: %s\n", e.message().c_str());
    if (e.code() == static_cast<int>(dm::ErrorCode::kWorkerParseFlagSet)) {
      std::fputs(dm::worker::Usage().c_str(), stderr);
    }
    return kUnusable;
  }
}
