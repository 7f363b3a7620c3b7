// dm-master.
#include <cstdio>
#include <string>
#include <vector>

#include "base/error/error.h"
#include "base/log/log.h"
#include "base/thread/signals.h"
#include "base/version/version.h"
#include "programs/master/config.h"
#include "programs/master/server.h"

namespace {

// Exit codes.
constexpr int kClean = 0;
constexpr int kFailedWhileServing = 1;  // etcd ended by itself
constexpr int kUnusable = 2;            // flags, file, addresses, key, logger; or a failed start
constexpr int kRemoved = 3;             // this member was removed from the cluster

int Run(const dm::master::Config& config) {
  try {
    dm::InitLog({.level = config.log_level, .file = config.log_file, .format = config.log_format});
  } catch (const std::exception& e) {
    std::printf("init logger error %s\n", dm::ErrorText(e).c_str());
    return kUnusable;
  }
  dm::StopSignals signals;
  dm::Log().Info("Welcome to dm-master", {dm::F("release-version", dm::ReleaseVersion())});
  dm::Log().Info("dm-master config", {dm::F("config", config.ToToml())});
  // At once: what follows may take a while.
  const dm::StopCallback on_signal(signals.token(), [&signals] {
    dm::Log().Info("got signal to exit", {dm::F("signal", signals.received())});
  });
  int code = kClean;
  dm::master::Server server(config);
  try {
    server.Run(signals.token());
  } catch (const dm::Cancelled&) {
    code = 128 + signals.received();
  } catch (const std::exception& e) {
    if (server.served()) {
      dm::Log().Error("dm-master ends", {dm::F("error", e)});
      code = server.removed_from_cluster() ? kRemoved : kFailedWhileServing;
    } else {
      dm::Log().Error("fail to start dm-master", {dm::F("error", e)});
      code = kUnusable;
    }
  }
  dm::Log().Info("dm-master exit");
  return code;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  for (const std::string& argument : arguments) {
    if (argument == "-h" || argument == "--help" || argument == "-help") {
      std::fputs(dm::master::Usage().c_str(), stderr);
      return kClean;
    }
  }
  dm::master::Invocation invocation;
  try {
    invocation = dm::master::ParseCommandLine(arguments);
  } catch (const dm::Error& e) {
    std::printf("parse cmd flags err: %s\n", e.message().c_str());
    if (e.code() == static_cast<int>(dm::ErrorCode::kMasterConfigParseFlagSet)) {
      std::fputs(dm::master::Usage().c_str(), stderr);
    }
    return kUnusable;
  }
  if (invocation.action == dm::master::Invocation::Action::kPrint) {
    std::fputs(invocation.output.c_str(), stdout);
    return kClean;
  }
  return Run(invocation.config);
}
