// start-relay, stop-relay, pause-relay, resume-relay, purge-relay.
#include "dmmaster.pb.h"
#include "programs/ctl/common.h"

namespace dm::ctl {

namespace {

constexpr std::string_view kNeedsSource = "must specify at least one source (`-s` / `--source`)";

int OperateRelay(Session& session, const cli::Invocation& invocation, pb::RelayOpV2 op) {
  const std::vector<std::string>& sources = Sources(invocation);
  if (invocation.args.empty() && sources.empty()) FailWithUsage(invocation);
  if (sources.size() != 1) {
    FailWithHint(invocation, "must specify one source (`-s` / `--source`)");
  }
  if (!invocation.args.empty()) {
    PrintLine(invocation,
              "start-relay/stop-relay with worker name will be deprecated soon. You can try "
              "stopping relay first and use start-relay without worker name instead");
  }
  pb::OperateRelayRequest request;
  request.set_op(op);
  request.set_source(sources[0]);
  for (const std::string& worker : invocation.args) request.add_worker(worker);
  PrintResponse(invocation, session.master().OperateRelay(request));
  return 0;
}

int OperateRelayUnit(Session& session, const cli::Invocation& invocation, pb::RelayOp op) {
  const std::vector<std::string>& sources = Sources(invocation);
  if (sources.empty()) FailWithHint(invocation, kNeedsSource);
  pb::OperateWorkerRelayRequest request;
  request.set_op(op);
  request.mutable_sources()->Assign(sources.begin(), sources.end());
  PrintResponse(invocation, session.master().OperateWorkerRelayTask(request));
  return 0;
}

int PurgeRelay(Session& session, const cli::Invocation& invocation) {
  const std::vector<std::string>& sources = Sources(invocation);
  if (sources.empty()) throw cli::CommandError(std::string(kNeedsSource));
  const std::string file(Unquoted(invocation.flags.GetString("filename")));
  if (file.empty()) {
    throw cli::CommandError(
        "must specify the name of the terminal file before which to purge relay log files. (`-f` "
        "/ `--filename`)");
  }
  if (sources.size() > 1) {
    throw cli::CommandError("for --filename, can only specify one source per time");
  }
  const std::string directory(Unquoted(invocation.flags.GetString("sub-dir")));
  if (directory.empty()) {
    PrintLine(invocation,
              "[warn] no --sub-dir specify for --filename, the latest one will be used");
  }
  pb::PurgeWorkerRelayRequest request;
  request.add_sources(sources[0]);
  request.set_filename(file);
  request.set_subdir(directory);
  PrintResponse(invocation, session.master().PurgeWorkerRelay(request));
  return 0;
}

cli::Command RelayCommand(Session& session, pb::RelayOpV2 op, const std::string& name,
                          const std::string& brief) {
  return {.use = name + " <-s source-id>",
          .brief = brief,
          .run = [&session, op](const cli::Invocation& i) { return OperateRelay(session, i, op); }};
}

cli::Command RelayUnitCommand(Session& session, pb::RelayOp op, const std::string& name,
                              const std::string& brief) {
  return {
      .use = name + " <-s source ...>",
      .brief = brief,
      .max_args = 0,
      .run = [&session, op](const cli::Invocation& i) { return OperateRelayUnit(session, i, op); }};
}

}  // namespace

std::vector<cli::Command> RelayCommands(Session& session) {
  std::vector<cli::Command> commands;
  commands.push_back(
      RelayUnitCommand(session, pb::PauseRelay, "pause-relay", "Pauses DM-worker's relay unit"));
  commands.push_back(
      RelayUnitCommand(session, pb::ResumeRelay, "resume-relay", "Resumes DM-worker's relay unit"));
  commands.push_back(RelayCommand(session, pb::StartRelayV2, "start-relay",
                                  "Starts workers pulling relay log for a source"));
  commands.push_back(RelayCommand(session, pb::StopRelayV2, "stop-relay",
                                  "Stops workers pulling relay log for a source"));
  commands.push_back({
      .use = "purge-relay <-s source> <-f filename> [--sub-dir directory]",
      .brief = "Purges relay log files of the DM-worker according to the specified filename",
      .flags = {{.name = "filename",
                 .shorthand = 'f',
                 .usage = "name of the terminal file before which to purge relay log files. "
                          "Sample format: \"mysql-bin.000006\""},
                {.name = "sub-dir",
                 .usage = "specify relay sub directory for --filename. If not specified, the "
                          "latest one will be used. Sample format: "
                          "\"2ae76434-f79f-11e8-bde2-0242ac130008.000001\""}},
      .max_args = 0,
      .run = [&session](const cli::Invocation& i) { return PurgeRelay(session, i); },
  });
  return commands;
}

}  // namespace dm::ctl
