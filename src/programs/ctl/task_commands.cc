// start-task, update-task, check-task, stop-task, pause-task, resume-task, query-status.
#include <algorithm>
#include <atomic>
#include <optional>
#include <ostream>
#include <thread>

#include "base/error/error.h"
#include "base/io/encode.h"
#include "base/io/text.h"
#include "cluster/rpc/print_json.h"
#include "dmmaster.pb.h"
#include "migration/config/render.h"
#include "migration/config/task.h"
#include "programs/ctl/common.h"
#include "programs/ctl/plain_json.h"
#include "programs/ctl/status_summary.h"
#include "programs/ctl/tls_content.h"

namespace dm::ctl {

namespace {

constexpr const char* kStartTimeUsage =
    "specify the start time of binlog replication, e.g. '2021-10-21 00:01:00' or "
    "2021-10-21T00:01:00";

// The result of a failed or warning pre-check is meant to be read by people: its text is printed
// without escapes, the list of results begins on a line of its own.
constexpr std::string_view kRawCheckPhrase =
    "fail to check synchronization configuration with type";

// Prints `response` with the text of its field `name` unescaped if it is a pre-check result.
void PrintWithCheckResult(const cli::Invocation& invocation,
                          const google::protobuf::Message& response, std::string_view name,
                          const std::string& check_result) {
  std::string json = cluster::PrintJson(response);
  if (check_result.find(kRawCheckPhrase) != std::string::npos) {
    std::string escaped;
    AppendJsonString(escaped, check_result);
    const std::string member = fmt::format("    \"{}\": ", name);
    const size_t at = json.rfind(member + escaped);
    std::string raw = check_result;
    if (const size_t detail = raw.find("detail: {"); detail != std::string::npos) {
      raw.insert(detail, "   \t");
    }
    json.replace(at, member.size() + escaped.size(), member + '"' + raw + '"');
  }
  PrintLine(invocation, json);
}

void RefuseShardingConflict(const cli::Invocation& invocation, const migration::TaskConfig& task,
                            const std::string& text) {
  const std::string conflict = migration::ShardingConflict(task, text);
  if (!conflict.empty()) FailWithHint(invocation, conflict);
}

// With the task of the file that is named and the sources of `-s`.
template <class Request>
Request TaskRequest(const cli::Invocation& invocation) {
  const std::string text = ReadNamedFile(invocation.args[0]);
  const migration::TaskConfig task = migration::ParseTaskYaml(text);
  RefuseShardingConflict(invocation, task, text);
  Request request;
  request.set_task(WithTlsContent(task, text));
  request.mutable_sources()->Assign(Sources(invocation).begin(), Sources(invocation).end());
  return request;
}

int StartTask(Session& session, const cli::Invocation& invocation) {
  auto request = TaskRequest<pb::StartTaskRequest>(invocation);
  request.set_removemeta(invocation.flags.GetBool("remove-meta"));
  request.set_starttime(invocation.flags.GetString("start-time"));
  const pb::StartTaskResponse response = session.master().StartTask(request);
  PrintWithCheckResult(invocation, response, "checkResult", response.checkresult());
  return 0;
}

int UpdateTask(Session& session, const cli::Invocation& invocation) {
  const auto request = TaskRequest<pb::UpdateTaskRequest>(invocation);
  const pb::UpdateTaskResponse response = session.master().UpdateTask(request);
  PrintWithCheckResult(invocation, response, "checkResult", response.checkresult());
  return 0;
}

int CheckTask(Session& session, const cli::Invocation& invocation) {
  const std::string text = ReadNamedFile(invocation.args[0]);
  std::optional<migration::TaskConfig> task;
  try {
    task = migration::ParseTaskYaml(text);
  } catch (const Error&) {
    // dm-master says what is wrong with it. What is no UTF-8 cannot be sent as it is.
    if (!IsValidUtf8(text)) throw;
  }
  if (task) RefuseShardingConflict(invocation, *task, text);
  pb::CheckTaskRequest request;
  request.set_task(task ? WithTlsContent(*task, text) : text);
  request.set_errcnt(invocation.flags.GetInt("error"));
  request.set_warncnt(invocation.flags.GetInt("warn"));
  request.set_starttime(invocation.flags.GetString("start-time"));
  const pb::CheckTaskResponse response = session.master().CheckTask(request);
  PrintWithCheckResult(invocation, response, "msg", response.msg());
  return 0;
}

std::string OperationWord(pb::TaskOp op) {
  switch (op) {
    case pb::Delete:
      return "delete";
    case pb::Pause:
      return "pause";
    default:
      return "resume";
  }
}

// The outcome for one task of a source.
struct BatchEntry {
  std::string task;
  pb::OperateTaskResponse response;
};

void PrintBatch(const cli::Invocation& invocation, pb::TaskOp op, bool result,
                const std::string& msg, const std::vector<BatchEntry>& entries) {
  PlainJson json;
  json.BeginObject();
  json.Member("result", result);
  json.Member("msg", msg);
  json.BeginList("tasks");
  for (const BatchEntry& entry : entries) {
    json.BeginObject();
    json.Member("task", entry.task);
    json.Member("op", pb::TaskOp_Name(op));
    json.Member("result", entry.response.result());
    json.Member("msg", entry.response.msg());
    if (entry.response.sources().empty()) {
      json.NullMember("sources");
    } else {
      json.BeginList("sources");
      for (const pb::CommonWorkerResponse& source : entry.response.sources()) {
        json.BeginObject();
        if (source.result()) json.Member("result", true);
        if (!source.msg().empty()) json.Member("msg", source.msg());
        if (!source.source().empty()) json.Member("source", source.source());
        if (!source.worker().empty()) json.Member("worker", source.worker());
        json.EndObject();
      }
      json.EndList();
    }
    json.EndObject();
  }
  json.EndList();
  json.EndObject();
  PrintLine(invocation, json.text());
}

// Operates on every subtask of one source, `parallel` at a time.
int OperateSource(Session& session, const cli::Invocation& invocation, pb::TaskOp op) {
  const std::vector<std::string>& sources = Sources(invocation);
  if (sources.size() != 1) {
    PrintLine(invocation,
              sources.empty()
                  ? "must give one source-name when task-name/task-conf is not specified"
                  : "can give only one source-name when task-name/task-conf is not specified");
    FailWithUsage(invocation);
  }
  const int64_t parallel = invocation.flags.GetInt("batch-size");
  if (parallel <= 0) throw cli::CommandError("batch-size should be positive");

  pb::QueryStatusListRequest query;
  query.add_sources(sources[0]);
  const pb::QueryStatusListResponse status =
      WithHint(invocation, fmt::format("can not query subtasks of source {}", sources[0]),
               [&] { return session.master().QueryStatus(query); });
  if (!status.result() || status.sources().empty()) {
    PrintBatch(invocation, op, false, status.msg(), {});
    return 0;
  }

  std::vector<BatchEntry> entries;
  for (const pb::SubTaskStatus& subtask : status.sources(0).subtaskstatus()) {
    entries.push_back({.task = subtask.name(), .response = {}});
  }
  std::sort(entries.begin(), entries.end(),
            [](const BatchEntry& a, const BatchEntry& b) { return a.task < b.task; });
  std::atomic<size_t> next = 0;
  const auto work = [&] {
    for (size_t i = next++; i < entries.size(); i = next++) {
      pb::OperateTaskRequest request;
      request.set_op(op);
      request.set_name(entries[i].task);
      request.add_sources(sources[0]);
      try {
        entries[i].response = session.master().OperateTask(request);
      } catch (const std::exception& e) {
        entries[i].response.set_msg(ErrorText(e));
      }
    }
  };
  {
    std::vector<std::jthread> threads;
    const size_t count = std::min(static_cast<size_t>(parallel), entries.size());
    for (size_t i = 0; i < count; ++i) threads.emplace_back(work);
  }
  PrintBatch(invocation, op, true, "", entries);
  return 0;
}

int OperateTask(Session& session, const cli::Invocation& invocation, pb::TaskOp op) {
  if (invocation.args.empty()) return OperateSource(session, invocation, op);
  pb::OperateTaskRequest request;
  request.set_op(op);
  request.set_name(TaskName(invocation.args[0]));
  request.mutable_sources()->Assign(Sources(invocation).begin(), Sources(invocation).end());
  PrintResponse(
      invocation,
      WithHint(invocation, fmt::format("can not {} task {}", OperationWord(op), request.name()),
               [&] { return session.master().OperateTask(request); }));
  return 0;
}

int QueryStatus(Session& session, const cli::Invocation& invocation) {
  const std::vector<std::string>& sources = Sources(invocation);
  pb::QueryStatusListRequest request;
  if (!invocation.args.empty()) request.set_name(TaskName(invocation.args[0]));
  request.mutable_sources()->Assign(sources.begin(), sources.end());
  const pb::QueryStatusListResponse response =
      WithHint(invocation,
               fmt::format("can not query {} task's status(in sources {})", request.name(),
                           BracketList(sources)),
               [&] { return session.master().QueryStatus(request); });
  if (request.name().empty() && sources.empty() && !invocation.flags.GetBool("more") &&
      HasSummary(response)) {
    PrintLine(invocation, PrintSummary(response));
  } else {
    PrintResponse(invocation, response);
  }
  return 0;
}

cli::Command OperateTaskCommand(Session& session, pb::TaskOp op, const std::string& name,
                                const std::string& brief) {
  return {.use = name + " [-s source ...] [task-name | task-file]",
          .brief = brief,
          .flags = {{.name = "batch-size",
                     .type = cli::FlagType::kInt,
                     .usage = "batch size when operating all (sub)tasks bound to a source",
                     .default_value = "5"}},
          .max_args = 1,
          .run = [&session, op](const cli::Invocation& i) { return OperateTask(session, i, op); }};
}

}  // namespace

std::vector<cli::Command> TaskCommands(Session& session) {
  std::vector<cli::Command> commands;
  commands.push_back({
      .use = "start-task [-s source ...] [--remove-meta] <config-file>",
      .brief = "Starts a task as defined in the configuration file",
      .flags = {{.name = "remove-meta",
                 .type = cli::FlagType::kBool,
                 .usage = "whether to remove task's meta data"},
                {.name = "start-time", .usage = kStartTimeUsage}},
      .min_args = 1,
      .max_args = 1,
      .run = [&session](const cli::Invocation& i) { return StartTask(session, i); },
  });
  commands.push_back({
      .use = "update-task [-s source ...] <config-file>",
      .brief = "Changes a paused task: filters, routes, lists, syncer settings, target session",
      .hidden = true,  // DM's list of commands is kept
      .min_args = 1,
      .max_args = 1,
      .run = [&session](const cli::Invocation& i) { return UpdateTask(session, i); },
  });
  commands.push_back(
      OperateTaskCommand(session, pb::Delete, "stop-task",
                         "Stops a specified task or all (sub)tasks bound to a source"));
  commands.push_back(
      OperateTaskCommand(session, pb::Pause, "pause-task",
                         "Pauses a specified running task or all (sub)tasks bound to a source"));
  commands.push_back(
      OperateTaskCommand(session, pb::Resume, "resume-task",
                         "Resumes a specified paused task or all (sub)tasks bound to a source"));
  commands.push_back({
      .use = "check-task <config-file> [--error count] [--warn count]",
      .brief = "Checks the configuration file of the task",
      .flags = {{.name = "error",
                 .shorthand = 'e',
                 .type = cli::FlagType::kInt,
                 .usage = "max count of errors to display",
                 .default_value = "10"},
                {.name = "warn",
                 .shorthand = 'w',
                 .type = cli::FlagType::kInt,
                 .usage = "max count of warns to display",
                 .default_value = "10"},
                {.name = "start-time", .usage = kStartTimeUsage}},
      .min_args = 1,
      .max_args = 1,
      .run = [&session](const cli::Invocation& i) { return CheckTask(session, i); },
  });
  commands.push_back({
      .use = "query-status [-s source ...] [task-name | task-file] [--more]",
      .brief = "Queries task status",
      .flags = {{.name = "more",
                 .type = cli::FlagType::kBool,
                 .usage = "whether to print the detailed task information"}},
      .max_args = 1,
      .run = [&session](const cli::Invocation& i) { return QueryStatus(session, i); },
  });
  return commands;
}

}  // namespace dm::ctl
