#include <algorithm>
#include <set>

#include "base/error/error.h"
#include "base/io/text.h"
#include "base/log/log.h"
#include "dmmaster.pb.h"
#include "dmworker.pb.h"
#include "migration/config/key_table.h"
#include "migration/config/subtask.h"
#include "migration/config/task.h"
#include "migration/config/tls_content.h"
#include "migration/meta/names.h"
#include "migration/meta/remove.h"
#include "migration/precheck/precheck.h"
#include "programs/master/record_size.h"
#include "programs/master/requests.h"
#include "programs/master/upstream.h"

namespace dm::master {
namespace {

using cluster::Stage;
using migration::SourceConfig;
using migration::SubtaskConfig;
using migration::TaskConfig;

// Stands for a start that the command line decides.
constexpr std::string_view kStartTimeMeta = "start-time";
// For the question whether a worker can take a configuration over.
constexpr Milliseconds kAskWorkerLimit{10'000};

// A task made ready: parsed, validated, adjusted to its target, expanded.
struct Prepared {
  TaskConfig task;
  std::vector<SubtaskConfig> subtasks;
};

// What a task is prepared for.
struct Purpose {
  std::string start_time = {};  // of the command line; empty: none
  bool update = false;          // to replace the configuration of a task that is there
};

// The place to begin at of a task that is there is the one that it was started with, where the file
// names none or the command line did.
void TakeOverMeta(const RequestContext& context, TaskConfig& task) {
  const auto existing = context.scheduler->SubtasksOf(task.name);
  for (auto& instance : task.mysql_instances) {
    if (!instance) continue;
    const auto it = existing.find(instance->source_id);
    if (it == existing.end() || !it->second.meta) continue;
    if (!instance->meta || it->second.meta->binlog_name == kStartTimeMeta) {
      instance->meta = it->second.meta;
    }
  }
}

Prepared PrepareParsed(const RequestContext& context, const std::string& text,
                       const Purpose& purpose) {
  Prepared out;
  TaskConfig& task = out.task;
  task = migration::ParseTaskYaml(text);
  if (purpose.update) TakeOverMeta(context, task);
  if (!purpose.start_time.empty()) {
    for (auto& instance : task.mysql_instances) {
      if (instance) instance->meta = migration::BinlogMeta{std::string(kStartTimeMeta), 0, ""};
    }
  }
  migration::ValidateTask(task);
  migration::RefuseUnsupported(task);
  migration::CheckMetaNames(task);
  const std::map<std::string, SourceConfig> sources = context.scheduler->Sources();
  {
    // Neither this machine nor the workers' have the files.
    if (task.target_database->security) {
      migration::RequireTlsContent(*task.target_database->security);
    }
    migration::DbConfig target = *task.target_database;
    target.password = migration::Secret(context.cipher.DecryptOrPlain(target.password.Reveal()));
    const auto connection = OpenDownstream(target, context.stop);
    const mysql::ServerInfo& server = connection->server();
    migration::AdjustTargetSession(*task.target_database, server.is_tidb && server.AtLeast(3, 0));
  }
  if (migration::ParseTaskMode(task.task_mode) == migration::TaskMode::kIncremental) {
    for (auto& instance : task.mysql_instances) {
      if (instance->meta) continue;
      auto source = sources.find(instance->source_id);
      if (source == sources.end()) {
        throw MakeError(ErrorCode::kConfigSourceIDNotFound, instance->source_id);
      }
      instance->meta = CurrentPosition(source->second, context.stop);
    }
  }
  out.subtasks = migration::ToSubtasks(task, sources, context.cipher);
  for (const SubtaskConfig& subtask : out.subtasks) {
    CheckRecordSize(subtask, context.config.max_request_bytes);
  }
  return out;
}

Prepared Prepare(const RequestContext& context, const std::string& text, const Purpose& purpose) {
  if (!purpose.start_time.empty()) migration::ParseStartTime(purpose.start_time);
  try {
    return PrepareParsed(context, text, purpose);
  } catch (const Error& e) {
    throw Error(e).SetClass("dm-master");
  }
}

// The subtasks as a worker will run them, for the checks.
std::vector<SubtaskConfig> ForChecks(const RequestContext& context,
                                     std::vector<SubtaskConfig> subtasks) {
  const std::map<std::string, SourceConfig> sources = context.scheduler->Sources();
  for (SubtaskConfig& subtask : subtasks) {
    auto source = sources.find(subtask.source_id);
    if (source == sources.end()) {
      throw MakeError(ErrorCode::kConfigSourceIDNotFound, subtask.source_id);
    }
    migration::MergeSource(subtask, source->second, source->second.enable_relay);
  }
  return subtasks;
}

// Text of the checks of a task that is going to be started. Throws what they find.
std::string Precheck(const RequestContext& context, const Prepared& prepared,
                     const migration::PrecheckOptions& options,
                     const migration::CheckLimits& limits) {
  return migration::ReportText(
      migration::RunPrecheck(ForChecks(context, prepared.subtasks), options, context.stop), limits);
}

// Asks the workers of sources how much may be written to a directory of theirs.
decltype(migration::PrecheckOptions::dump_space) DumpSpaceOf(const RequestContext& context) {
  return [&context](const std::string& source,
                    const std::string& dir) -> std::optional<migration::DumpSpace> {
    const std::string worker = context.scheduler->WorkerOf(source);
    const auto client = context.scheduler->ClientOf(worker);
    if (!client) {
      Log().Info("the space for the dump is not checked: the source is bound to no dm-worker",
                 {F("source", source)});
      return std::nullopt;
    }
    pb::GetFreeSpaceRequest request;
    request.set_dir(dir);
    pb::GetFreeSpaceResponse answer;
    try {
      client->GetFreeSpace(request, kAskWorkerLimit, context.gone, &answer);
    } catch (const Error& e) {
      Log().Warn("the space for the dump is not checked: the dm-worker does not tell it",
                 {F("source", source), F("worker", worker), F("error", e)});
      return std::nullopt;
    }
    return migration::DumpSpace{answer.bytes(), answer.dir(), worker};
  };
}

// Keeps the subtasks of these sources (none: all). False: some are not sources of the task, which
// the response tells.
template <class Response>
bool Restrict(std::vector<SubtaskConfig>& subtasks, const std::vector<std::string>& sources,
              Response* response) {
  if (sources.empty()) return true;
  std::vector<std::string> unknown;
  std::vector<SubtaskConfig> kept;
  for (const std::string& source : std::set<std::string>(sources.begin(), sources.end())) {
    auto it = std::find_if(subtasks.begin(), subtasks.end(),
                           [&](const SubtaskConfig& s) { return s.source_id == source; });
    if (it == subtasks.end()) {
      unknown.push_back(source);
    } else {
      kept.push_back(*it);
    }
  }
  subtasks = std::move(kept);
  for (const std::string& source : unknown) {
    auto* answer = response->add_sources();
    answer->set_result(false);
    answer->set_msg("source not found in task's config");
    answer->set_source(source);
  }
  return unknown.empty();
}

// Throws Error 46035 unless the worker of each subtask can take it over.
void AskWorkers(const RequestContext& context, const std::vector<SubtaskConfig>& subtasks) {
  std::vector<std::string> refusals(subtasks.size());
  ForEach(subtasks.size(), [&](size_t i) {
    const std::string worker = context.scheduler->WorkerOf(subtasks[i].source_id);
    const auto client = context.scheduler->ClientOf(worker);
    if (!client) {
      refusals[i] = "the source is bound to no dm-worker";
      return;
    }
    pb::CheckSubtasksCanUpdateRequest request;
    request.set_subtaskcfgtomlstring(migration::SubtaskToToml(subtasks[i]));
    pb::CheckSubtasksCanUpdateResponse answer;
    try {
      client->CheckSubtasksCanUpdate(request, kAskWorkerLimit, context.gone, &answer);
      if (!answer.success()) refusals[i] = answer.msg();
    } catch (const std::exception& e) {
      refusals[i] = ErrorText(e);
    }
  });
  if (context.gone()) throw Cancelled();
  for (size_t i = 0; i < subtasks.size(); ++i) {
    if (refusals[i].empty()) continue;
    // The worker's own advice is for its refusal.
    constexpr std::string_view kAdvice = ", Workaround: ";
    const size_t advice = refusals[i].find(kAdvice);
    throw Error(ErrorCode::kSchedulerSubTaskCfgUpdate,
                fmt::format("subtask {} of source {} can not update because {}", subtasks[i].name,
                            subtasks[i].source_id, refusals[i].substr(0, advice)))
        .SetWorkaround(advice != std::string::npos
                           ? refusals[i].substr(advice + kAdvice.size())
                           : "For any other change please stop the task and start it with the "
                             "changed file: it goes on where it was.");
  }
}

void RemoveMeta(const RequestContext& context, const Prepared& prepared) {
  const std::string& task = prepared.task.name;
  if (const auto existing = context.scheduler->SubtasksOf(task); !existing.empty()) {
    std::vector<std::string> sources;
    for (const auto& [source, config] : existing) sources.push_back(source);
    throw MakeError(ErrorCode::kSchedulerSubTaskExist, task, "[" + Join(sources, " ") + "]")
        .Annotate("while remove-meta is true");
  }
  // Refused here, since the start would be refused when everything is removed.
  std::vector<std::string> unbound;
  for (const SubtaskConfig& subtask : prepared.subtasks) {
    if (context.scheduler->WorkerOf(subtask.source_id).empty()) {
      unbound.push_back(subtask.source_id);
    }
  }
  if (!unbound.empty()) {
    throw MakeError(ErrorCode::kSchedulerSourcesUnbound, fmt::format("[{}]", Join(unbound, " ")));
  }
  try {
    context.scheduler->RemoveTaskRecords(task);
    const SubtaskConfig& first = prepared.subtasks.front();
    // Tables of an unfinished load are counted and emptied.
    const auto connection = OpenDownstream(first.to, context.stop, /*read_limit=*/Milliseconds(0));
    std::vector<std::string> sources;
    for (const SubtaskConfig& subtask : prepared.subtasks) sources.push_back(subtask.source_id);
    migration::RemoveTaskMeta(*connection, first.meta_schema, task, context.stop, sources);
  } catch (const Error& e) {
    throw Error(e).Annotate("while removing metadata");
  }
}

template <class Response>
void AnswerConfirmed(const RequestContext& context, std::vector<Pending> pending,
                     Response* response) {
  for (auto& answer : ConfirmAll(context, std::move(pending))) {
    *response->add_sources() = std::move(answer);
  }
}

}  // namespace

void StartTask(const RequestContext& context, const pb::StartTaskRequest& request,
               pb::StartTaskResponse* response) {
  Scheduler& scheduler = *context.scheduler;
  Prepared prepared = Prepare(context, request.task(), {.start_time = request.starttime()});
  const std::string task = prepared.task.name;
  try {
    response->set_checkresult(Precheck(context, prepared,
                                       {.start_time = request.starttime(),
                                        .fresh = request.removemeta(),
                                        .dump_space = DumpSpaceOf(context)},
                                       {}));
  } catch (const Error& e) {
    response->set_checkresult(e.ToString());
    return;
  }
  // Who interrupted the check wants no task.
  if (context.gone()) throw Cancelled();
  if (!Restrict(prepared.subtasks, {request.sources().begin(), request.sources().end()},
                response)) {
    return;
  }

  std::vector<std::string> sources;
  for (const SubtaskConfig& subtask : prepared.subtasks) sources.push_back(subtask.source_id);
  std::vector<std::string> existing;
  {
    const Latches::Latch latch = scheduler.AcquireLatch(
        task, request.removemeta() ? "start-task with remove-meta" : "adding subtasks");
    if (request.removemeta()) RemoveMeta(context, prepared);
    std::optional<cluster::CliArgs> args;
    if (!request.starttime().empty()) args = cluster::CliArgs{request.starttime(), "", ""};
    existing = scheduler.AddSubtasks(prepared.subtasks, Stage::kRunning, args);
  }
  scheduler.RearrangeForLoad(sources);
  response->set_result(true);
  std::vector<std::string> remarks;
  if (prepared.task.remove_meta) {
    remarks.push_back(
        "`remove-meta` in task config is deprecated, please use `start-task ... --remove-meta` "
        "instead");
  }
  if (prepared.task.clean_dump_file &&
      migration::ParseTaskMode(prepared.task.task_mode) == migration::TaskMode::kLoad) {
    remarks.push_back(
        "the data files of the dump are removed when they are loaded, set `clean-dump-file: false` "
        "to keep them");
  }
  if (!existing.empty()) {
    remarks.push_back(fmt::format(
        "subtasks for sources [{}] exist already and were left as they are", Join(existing, " ")));
  }
  response->set_msg(Join(remarks, "; "));
  std::vector<Pending> pending;
  for (const std::string& source : sources) {
    pending.push_back(
        {scheduler.WorkerOf(source), {Expectation::Kind::kTaskRunning, source, task}});
  }
  AnswerConfirmed(context, std::move(pending), response);
}

void CheckTask(const RequestContext& context, const pb::CheckTaskRequest& request,
               pb::CheckTaskResponse* response) {
  const Prepared prepared = Prepare(context, request.task(), {.start_time = request.starttime()});
  response->set_msg(Precheck(
      context, prepared, {.start_time = request.starttime(), .dump_space = DumpSpaceOf(context)},
      {request.errcnt(), request.warncnt()}));
  response->set_result(true);
}

void UpdateTask(const RequestContext& context, const pb::UpdateTaskRequest& request,
                pb::UpdateTaskResponse* response) {
  Scheduler& scheduler = *context.scheduler;
  const Prepared prepared = Prepare(context, request.task(), {.update = true});
  const std::string& task = prepared.task.name;
  std::vector<SubtaskConfig> subtasks = prepared.subtasks;
  if (!Restrict(subtasks, {request.sources().begin(), request.sources().end()}, response)) return;
  // First, since the pre-check takes long.
  scheduler.CheckSubtaskUpdate(subtasks);
  try {
    Prepared checked = prepared;
    // It goes on from its checkpoint: where it once began is no matter, and its dump is over.
    for (SubtaskConfig& subtask : checked.subtasks) {
      subtask.meta.reset();
      if (migration::HasSync(subtask.mode)) subtask.mode = migration::TaskMode::kIncremental;
    }
    response->set_checkresult(Precheck(context, checked, {}, {}));
  } catch (const Error& e) {
    response->set_checkresult(e.ToString());
    return;
  }
  if (context.gone()) throw Cancelled();
  const Latches::Latch latch = scheduler.AcquireLatch(task, "updating subtasks");
  scheduler.CheckSubtaskUpdate(subtasks);
  AskWorkers(context, subtasks);
  scheduler.UpdateSubtasks(subtasks);
  response->set_result(true);
  response->set_msg(
      fmt::format("the change is stored, it takes effect with `resume-task {}`", task));
  for (const SubtaskConfig& subtask : subtasks) {
    auto* answer = response->add_sources();
    answer->set_result(true);
    answer->set_source(subtask.source_id);
    answer->set_worker(scheduler.WorkerOf(subtask.source_id));
  }
}

void OperateTask(const RequestContext& context, const pb::OperateTaskRequest& request,
                 pb::OperateTaskResponse* response) {
  Scheduler& scheduler = *context.scheduler;
  response->set_op(request.op());
  const std::string& task = request.name();
  std::vector<std::string> sources(request.sources().begin(), request.sources().end());
  if (sources.empty()) {
    for (const auto& [source, config] : scheduler.SubtasksOf(task)) sources.push_back(source);
  }
  if (sources.empty()) {
    response->set_msg(fmt::format(
        "task {} has no source or not exist, please check the task name and status", task));
    return;
  }
  auto kind = Expectation::Kind::kTaskGone;
  switch (request.op()) {
    case pb::Pause:
      kind = Expectation::Kind::kTaskPaused;
      scheduler.SetStage(Stage::kPaused, task, sources);
      break;
    case pb::Resume:
      kind = Expectation::Kind::kTaskRunning;
      scheduler.SetStage(Stage::kRunning, task, sources);
      break;
    case pb::Delete:
      scheduler.RemoveSubtasks(task, sources);
      break;
    default:
      throw MakeError(ErrorCode::kMasterInvalidOperateOp, pb::TaskOp_Name(request.op()), "task");
  }
  response->set_result(true);
  std::vector<Pending> pending;
  for (const std::string& source : std::set<std::string>(sources.begin(), sources.end())) {
    pending.push_back({scheduler.WorkerOf(source), {kind, source, task}});
  }
  AnswerConfirmed(context, std::move(pending), response);
}

}  // namespace dm::master
