// operate-source, transfer-source.
#include <optional>
#include <ostream>

#include "base/error/error.h"
#include "dmmaster.pb.h"
#include "migration/config/source.h"
#include "programs/ctl/common.h"
#include "programs/ctl/tls_content.h"

namespace dm::ctl {

namespace {

// A source file to start from.
constexpr std::string_view kSampleSource = R"(
# Name of the upstream server or replication group; unique in the cluster.
source-id: mysql-replica-01

# Id under which the upstream sees us as a replica; must differ from every server in its group.
# Left out, one is made up.
server-id: 101

# mysql or mariadb. Left out, the server is asked.
flavor: mysql

# Replicate by GTID instead of file and position.
enable-gtid: false

# Pull the binlog into files of the worker first, so that all tasks of the source share one stream.
enable-relay: false
# relay-binlog-name: ''
# relay-binlog-gtid: ''

# Tasks of a source that is not enabled do not run.
enable: true

from:
  host: 127.0.0.1
  port: 3306
  user: root
  # Plain, or the output of `dmctl encrypt`.
  password: '123456'

# When relay files go: seconds between checks, hours since the last change, gigabytes to be left free.
# purge:
#   interval: 3600
#   expires: 24
#   remain-space: 15

# Automatic resuming of failed subtasks.
# checker:
#   check-enable: true
#   backoff-rollback: 5m
#   backoff-max: 5m
)";

std::optional<pb::SourceOp> ParseOperation(const std::string& word) {
  if (word == "create") return pb::StartSource;
  if (word == "update") return pb::UpdateSource;
  if (word == "stop") return pb::StopSource;
  if (word == "show") return pb::ShowSource;
  return std::nullopt;
}

// Adds what the argument names: the text of a source file, or, to stop, a source id.
void AddSource(const cli::Invocation& invocation, const std::string& argument,
               pb::OperateSourceRequest& request) {
  std::string text;
  try {
    text = ReadNamedFile(argument);
  } catch (const cli::CommandError&) {
    if (request.op() != pb::StopSource) throw;
    request.add_sourceid(argument);
    return;
  }
  migration::SourceConfig source = migration::ParseSourceYaml(text);
  if (!source.relay_dir.empty()) {
    PrintLine(invocation,
              "`relay-dir` in source config will be deprecated soon, please use `relay-dir` in "
              "worker config instead");
  }
  request.add_config(WithTlsContent(std::move(source), text));
}

int OperateSource(Session& session, const cli::Invocation& invocation) {
  if (invocation.flags.GetBool("print-sample-config")) {
    *invocation.streams.out << kSampleSource << "\n";
    return 0;
  }
  if (invocation.args.empty()) FailWithUsage(invocation);
  const std::string& word = invocation.args[0];
  const std::optional<pb::SourceOp> op = ParseOperation(word);
  if (!op) FailWithHint(invocation, fmt::format("invalid operate '{}' on worker", word));

  const std::vector<std::string> files(invocation.args.begin() + 1, invocation.args.end());
  const bool by_id = *op == pb::StopSource && !Sources(invocation).empty();
  if (files.empty() && *op != pb::ShowSource && !by_id) {
    FailWithHint(invocation,
                 fmt::format("operate-source {} needs at least one {}", word,
                             *op == pb::StopSource ? "source id or config-file" : "config-file"));
  }
  pb::OperateSourceRequest request;
  request.set_op(*op);
  if (*op == pb::StartSource) {
    request.set_workername(invocation.flags.GetString("worker"));
    if (files.size() > 1 && !request.workername().empty()) {
      PrintLine(invocation,
                "operate-source create can't create multiple sources when specify worker");
    }
  }
  for (const std::string& file : files) AddSource(invocation, file, request);
  for (const std::string& id : Sources(invocation)) request.add_sourceid(id);
  PrintResponse(invocation, session.master().OperateSource(request));
  return 0;
}

int TransferSource(Session& session, const cli::Invocation& invocation) {
  pb::TransferSourceRequest request;
  request.set_source(invocation.args[0]);
  request.set_worker(invocation.args[1]);
  PrintResponse(invocation, session.master().TransferSource(request));
  return 0;
}

}  // namespace

std::vector<cli::Command> SourceCommands(Session& session) {
  std::vector<cli::Command> commands;
  commands.push_back({
      .use = "operate-source <operate-type> [config-file ...] [-w worker] [--print-sample-config]",
      .brief = "`create`/`stop`/`show` upstream MySQL/MariaDB source",
      .flags = {{.name = "print-sample-config",
                 .shorthand = 'p',
                 .type = cli::FlagType::kBool,
                 .usage = "print sample config file of source"},
                {.name = "worker",
                 .shorthand = 'w',
                 .usage = "specify bound worker for created source"}},
      .run = [&session](const cli::Invocation& i) { return OperateSource(session, i); },
  });
  commands.push_back({
      .use = "transfer-source <source-id> <worker-id>",
      .brief = "Transfers a upstream MySQL/MariaDB source to a free worker",
      .min_args = 2,
      .max_args = 2,
      .run = [&session](const cli::Invocation& i) { return TransferSource(session, i); },
  });
  return commands;
}

}  // namespace dm::ctl
