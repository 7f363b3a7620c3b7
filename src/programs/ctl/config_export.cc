#include "programs/ctl/config_export.h"

#include <map>
#include <ostream>
#include <vector>

#include "base/cli/flag.h"
#include "base/io/encode.h"
#include "base/io/file.h"
#include "dmmaster.pb.h"
#include "programs/ctl/master_link.h"

namespace dm::ctl {

namespace {

constexpr unsigned kPrivateDirectory = 0700;
constexpr unsigned kPrivateFile = 0600;

// `name` names a file beside others: what would lead elsewhere, hide the file, or is no part of a
// file name is written as %XX, and so is '%', so that no two names share a file.
std::string FileFor(const std::string& directory, const std::string& name) {
  std::string file;
  for (const char c : name) {
    const bool escaped = c == '/' || c == '%' || c == '\0' || (c == '.' && file.empty());
    file += escaped ? fmt::format("%{:02X}", static_cast<unsigned char>(c)) : std::string(1, c);
  }
  return JoinPath(directory, file + ".yaml");
}

// One line: {"source":["worker1","worker2"]}.
std::string RelayWorkersJson(const std::map<std::string, std::vector<std::string>>& workers) {
  std::string json = "{";
  for (const auto& [source, names] : workers) {
    if (json.size() > 1) json += ',';
    AppendJsonString(json, source);
    json += ":[";
    for (size_t i = 0; i < names.size(); ++i) {
      if (i > 0) json += ',';
      AppendJsonString(json, names[i]);
    }
    json += ']';
  }
  return json + "}";
}

template <class Response>
void RequireSuccess(const Response& response) {
  if (!response.result()) throw cli::CommandError(response.msg());
}

}  // namespace

void ExportConfigs(MasterLink& master, const std::string& directory, std::ostream& out) {
  const pb::ListSourceConfigsResponse sources = master.ListSourceConfigs();
  RequireSuccess(sources);
  const pb::ListTaskConfigsResponse tasks = master.ListTaskConfigs();
  RequireSuccess(tasks);
  const auto relay_workers = master.RelayWorkers();

  std::map<std::string, std::string> files;
  const std::string source_directory = JoinPath(directory, "sources");
  const std::string task_directory = JoinPath(directory, "tasks");
  for (const auto& [id, text] : sources.sourceconfigs())
    files[FileFor(source_directory, id)] = text;
  for (const auto& [name, text] : tasks.taskconfigs()) files[FileFor(task_directory, name)] = text;
  if (!relay_workers.empty()) {
    files[JoinPath(directory, "relay_workers.json")] = RelayWorkersJson(relay_workers);
  }

  for (const std::string& each : {directory, source_directory, task_directory}) {
    MakeDirectories(each, kPrivateDirectory);
  }
  for (const auto& [path, text] : files) WriteFile(path, text, kPrivateFile);
  out << "export configs to directory `" << directory << "` succeed\n";
}

}  // namespace dm::ctl
