// config task, source, master, worker, task-template, export, import; get-config.
#include <optional>
#include <ostream>

#include "base/error/error.h"
#include "base/io/file.h"
#include "dmmaster.pb.h"
#include "programs/ctl/common.h"
#include "programs/ctl/config_export.h"
#include "programs/ctl/config_import.h"

namespace dm::ctl {

namespace {

constexpr unsigned kPrivate = 0600;  // files that may hold passwords

// Prints the configuration, or writes it to the file `path` if that is not empty.
int GetConfig(Session& session, const cli::Invocation& invocation, pb::CfgType type,
              const std::string& name, const std::string& path) {
  pb::GetCfgRequest request;
  request.set_type(type);
  request.set_name(name);
  pb::GetCfgResponse response =
      WithHint(invocation, fmt::format("can not get {} config of {}", pb::CfgType_Name(type), name),
               [&] { return session.master().GetCfg(request); });
  if (response.result() && !path.empty()) {
    WithHint(invocation, "can not write config to file " + path,
             [&] { WriteFile(path, response.cfg(), kPrivate); });
    response.set_msg(fmt::format("write config to file {} succeed", path));
    response.clear_cfg();
  }
  PrintResponse(invocation, response);
  return 0;
}

std::optional<pb::CfgType> ParseType(const std::string& word) {
  if (word == "task") return pb::TaskType;
  if (word == "master") return pb::MasterType;
  if (word == "worker") return pb::WorkerType;
  if (word == "source") return pb::SourceType;
  return std::nullopt;
}

int OldGetConfig(Session& session, const cli::Invocation& invocation) {
  std::vector<std::string> words = invocation.args;
  if (invocation.called_as == "get-task-config") words.insert(words.begin(), "task");
  if (words.size() != 2) FailWithUsage(invocation);
  const std::optional<pb::CfgType> type = ParseType(words[0]);
  if (!type) FailWithHint(invocation, fmt::format("invalid config type '{}'", words[0]));
  return GetConfig(session, invocation, *type, words[1], invocation.flags.GetString("file"));
}

cli::Command ShowCommand(Session& session, pb::CfgType type, const std::string& use,
                         const std::string& brief) {
  return {.use = use,
          .brief = brief,
          .min_args = 1,
          .max_args = 1,
          .wrong_args = cli::WrongArgs::kHelp,
          .run = [&session, type](const cli::Invocation& i) {
            return GetConfig(session, i, type, i.args[0], i.flags.GetString("path"));
          }};
}

cli::Command UpdateCommand(const std::string& brief) {
  return {.use = "update <command>",
          .brief = brief,
          .hidden = true,
          .run = [](const cli::Invocation&) -> int {
            throw cli::CommandError("this function will be supported later");
          }};
}

// The directory of export and import: --path, its old name --dir, or the default.
std::string Directory(const cli::Invocation& invocation) {
  const std::string& path = invocation.flags.GetString("path");
  if (!path.empty()) return path;
  const std::string& dir = invocation.flags.GetString("dir");
  return dir.empty() ? "configs" : dir;
}

cli::Flag DirectoryFlag() { return {.name = "dir", .shorthand = 'd', .usage = "", .hidden = true}; }

}  // namespace

std::vector<cli::Command> ConfigCommands(Session& session) {
  std::vector<cli::Command> commands;
  cli::Command task =
      ShowCommand(session, pb::TaskType, "task [task-name]", "manage or show task configs");
  task.children.push_back(UpdateCommand("update config task"));
  cli::Command source =
      ShowCommand(session, pb::SourceType, "source [source-name]", "manage or show source config");
  source.children.push_back(UpdateCommand("update config source"));
  commands.push_back({
      .use = "config",
      .brief = "manage config operations",
      .flags = {{.name = "path",
                 .shorthand = 'p',
                 .usage = "specify the file path to export/import`",
                 .persistent = true}},
      .children = {task,
                   source,
                   ShowCommand(session, pb::MasterType, "master [master-name]",
                               "manage or show master configs"),
                   ShowCommand(session, pb::WorkerType, "worker [worker-name]",
                               "manage or show worker configs"),
                   ShowCommand(session, pb::TaskTemplateType, "task-template [task-name]",
                               "show task template which is created by WebUI with task config "
                               "format"),
                   {.use = "export",
                    .brief = "Export the configurations of sources and tasks",
                    .flags = {DirectoryFlag()},
                    .run =
                        [&session](const cli::Invocation& i) {
                          ExportConfigs(session.master(), Directory(i), *i.streams.out);
                          return 0;
                        }},
                   {.use = "import",
                    .brief = "Import the configurations of sources and tasks",
                    .flags = {DirectoryFlag()},
                    .run =
                        [&session](const cli::Invocation& i) {
                          ImportConfigs(session.master(), Directory(i), *i.streams.out);
                          return 0;
                        }}},
  });
  commands.push_back({
      .use = "get-config <task | master | worker | source> <name> [--file filename]",
      .brief = "Gets the configuration",
      .aliases = {"get-task-config"},
      .hidden = true,
      .flags = {{.name = "file", .shorthand = 'f', .usage = "write config to file"}},
      .run = [&session](const cli::Invocation& i) { return OldGetConfig(session, i); },
  });
  return commands;
}

}  // namespace dm::ctl
