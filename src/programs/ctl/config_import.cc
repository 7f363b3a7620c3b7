#include "programs/ctl/config_import.h"

#include <algorithm>
#include <filesystem>
#include <ostream>
#include <vector>

#include "base/cli/flag.h"
#include "base/error/error.h"
#include "cluster/rpc/print_json.h"
#include "dmmaster.pb.h"
#include "programs/ctl/common.h"
#include "programs/ctl/master_link.h"
#include "programs/ctl/tls_content.h"

namespace dm::ctl {

namespace {

namespace fs = std::filesystem;

// The contents of all files in `directory`, sorted by name; none if it does not exist.
std::vector<std::string> ReadAll(const fs::path& directory) {
  std::vector<std::string> contents;
  if (!fs::exists(directory)) return contents;
  std::vector<fs::path> paths;
  for (const fs::directory_entry& entry : fs::directory_iterator(directory)) {
    paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  for (const fs::path& path : paths) contents.push_back(ReadNamedFile(path.string()));
  return contents;
}

// With the content of its TLS files, which are where the export was made, if anywhere. dm-master
// says what is wrong with a file that cannot be read.
template <class Parse>
std::string ToSend(const std::string& text, Parse parse) {
  try {
    return WithTlsContent(parse(text), text);
  } catch (const Error&) {
    return text;
  }
}

// True if the answer may be passed over: success, or the object is there already.
template <class Response>
bool Tolerated(const Response& response) {
  return response.result() || response.msg().find("already exist") != std::string::npos;
}

// Prints what did not come to run although the request was taken; how many those are.
template <class Response>
int PrintFailures(const Response& response, std::ostream& out) {
  int failures = 0;
  for (const auto& entry : response.sources()) {
    if (entry.result()) continue;
    ++failures;
    out << cluster::PrintJson(entry) << "\n";
  }
  return failures;
}

}  // namespace

void ImportConfigs(MasterLink& master, const std::string& directory, std::ostream& out) {
  const fs::path root(directory);
  if (!fs::exists(root)) {
    throw cli::CommandError(fmt::format("config directory `{}` not exists", directory));
  }
  const std::vector<std::string> sources = ReadAll(root / "sources");
  const std::vector<std::string> tasks = ReadAll(root / "tasks");

  int failures = 0;
  if (!sources.empty()) out << "start creating sources\n";
  for (const std::string& source : sources) {
    pb::OperateSourceRequest request;
    request.set_op(pb::StartSource);
    request.add_config(ToSend(source, migration::ParseSourceYaml));
    const pb::OperateSourceResponse response = master.OperateSource(request);
    if (Tolerated(response)) {
      failures += PrintFailures(response, out);
      continue;
    }
    out << cluster::PrintJson(response) << "\n";
    throw cli::CommandError("fail to create sources");
  }
  if (!tasks.empty()) out << "start creating tasks\n";
  for (const std::string& task : tasks) {
    pb::StartTaskRequest request;
    request.set_task(ToSend(task, migration::ParseTaskYaml));
    const pb::StartTaskResponse response = master.StartTask(request);
    if (Tolerated(response)) {
      failures += PrintFailures(response, out);
      continue;
    }
    out << cluster::PrintJson(response) << "\n";
    throw cli::CommandError("fail to create tasks");
  }
  if (const fs::path relay = root / "relay_workers.json"; fs::exists(relay)) {
    out << "The original relay workers have been exported to `" << relay.string() << "`.\n"
        << "Currently DM doesn't support recover relay workers. You may need to execute "
           "`transfer-source` and `start-relay` command manually.\n";
  }
  if (failures > 0) {
    throw cli::CommandError(
        fmt::format("the configs of directory `{}` are imported, but {} of the sources and tasks "
                    "did not start, see above",
                    directory, failures));
  }
  out << "import configs from directory `" << directory << "` succeed\n";
}

}  // namespace dm::ctl
