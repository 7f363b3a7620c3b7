// validation start, stop, update, status, show-error, ignore-error, resolve-error, clear-error.
#include <ostream>
#include <regex>

#include "base/error/error.h"
#include "base/io/text.h"
#include "dmmaster.pb.h"
#include "migration/config/scalar.h"
#include "programs/ctl/common.h"

namespace dm::ctl {

namespace {

constexpr const char* kNeedsTask = "task name should be specified";
constexpr const char* kTooManyArguments = "too many arguments are specified";

[[noreturn]] void Fail(const cli::Invocation& invocation, const std::string& text) {
  *invocation.streams.out << cli::UsageText(invocation.path);
  throw cli::CommandError(text);
}

// The one task name, or an empty text for --all-task.
std::string TaskOrAll(const cli::Invocation& invocation) {
  if (invocation.args.size() > 1) Fail(invocation, kTooManyArguments);
  if (invocation.args.empty() != invocation.flags.GetBool("all-task")) {
    Fail(invocation, "either `task-name` or `all-task` should be set");
  }
  return invocation.args.empty() ? "" : invocation.args[0];
}

std::string OneTask(const cli::Invocation& invocation) {
  if (invocation.args.empty()) Fail(invocation, kNeedsTask);
  if (invocation.args.size() > 1) Fail(invocation, kTooManyArguments);
  return invocation.args[0];
}

int Start(Session& session, const cli::Invocation& invocation) {
  const cli::FlagValues& flags = invocation.flags;
  pb::StartValidationRequest request;
  if (flags.Changed("mode")) {
    const std::string& mode = flags.GetString("mode");
    if (mode != "full" && mode != "fast") {
      Fail(invocation,
           fmt::format("mode should be either `full` or `fast`, current is `{}`", mode));
    }
    request.set_mode_value(mode);
  }
  if (flags.Changed("start-time")) {
    const std::string& start_time = flags.GetString("start-time");
    try {
      migration::ParseStartTime(start_time);
    } catch (const std::exception&) {
      Fail(invocation,
           "start-time should be in the format like '2006-01-02 15:04:05' or "
           "'2006-01-02T15:04:05'");
    }
    request.set_start_time_value(start_time);
  }
  request.set_taskname(TaskOrAll(invocation));
  request.mutable_sources()->Assign(Sources(invocation).begin(), Sources(invocation).end());
  PrintResponse(invocation, session.master().StartValidation(request));
  return 0;
}

int Stop(Session& session, const cli::Invocation& invocation) {
  pb::StopValidationRequest request;
  request.set_taskname(TaskOrAll(invocation));
  request.mutable_sources()->Assign(Sources(invocation).begin(), Sources(invocation).end());
  PrintResponse(invocation, session.master().StopValidation(request));
  return 0;
}

int Update(Session& session, const cli::Invocation& invocation) {
  static const std::regex position_form(R"(\([^()]+, \d+\))");
  const std::string& position = invocation.flags.GetString("cutover-binlog-pos");
  const std::string& gtid = invocation.flags.GetString("cutover-binlog-gtid");
  if (!position.empty() && !std::regex_match(position, position_form)) {
    *invocation.streams.out << cli::UsageText(invocation.path);
    throw Error(ErrorCode::kBinlogParsePosFromStr,
                fmt::format("invalid binlog pos, should be like (mysql-bin.000001, 2345), got {}",
                            position));
  }
  if (!position.empty() && !gtid.empty()) {
    Fail(invocation,
         "you must specify either one of `--cutover-binlog-pos` and `--cutover-binlog-gtid`");
  }
  if (invocation.args.empty()) Fail(invocation, "`task-name` should be set");
  if (invocation.args.size() > 1) Fail(invocation, "should specify only one `task-name`");
  pb::UpdateValidationRequest request;
  request.set_taskname(invocation.args[0]);
  request.mutable_sources()->Assign(Sources(invocation).begin(), Sources(invocation).end());
  request.set_binlogpos(position);
  request.set_binloggtid(gtid);
  PrintResponse(invocation, session.master().UpdateValidation(request));
  return 0;
}

int Status(Session& session, const cli::Invocation& invocation) {
  pb::GetValidationStatusRequest request;
  request.set_taskname(OneTask(invocation));
  const std::string& stage = invocation.flags.GetString("table-stage");
  if (stage == "running") {
    request.set_filterstatus(pb::Running);
  } else if (stage == "stopped") {
    request.set_filterstatus(pb::Stopped);
  } else if (!stage.empty()) {
    Fail(invocation, "stage should be either `running` or `stopped`");
  }
  PrintResponse(invocation, session.master().GetValidationStatus(request));
  return 0;
}

int ShowError(Session& session, const cli::Invocation& invocation) {
  if (invocation.args.empty()) throw cli::CommandError(kNeedsTask);
  pb::GetValidationErrorRequest request;
  request.set_taskname(OneTask(invocation));
  const std::string& state = invocation.flags.GetString("error");
  if (state == "all") {
    request.set_errstate(pb::InvalidErr);
  } else if (state == "ignored") {
    request.set_errstate(pb::IgnoredErr);
  } else if (state == "unprocessed") {
    request.set_errstate(pb::NewErr);
  } else {
    Fail(invocation, "error flag should be either `all`, `ignored`, or `unprocessed`");
  }
  PrintResponse(invocation, session.master().GetValidationError(request));
  return 0;
}

int OperateError(Session& session, const cli::Invocation& invocation, pb::ValidationErrOp op) {
  const bool all = invocation.flags.GetBool("all");
  const std::vector<std::string>& args = invocation.args;
  if (args.empty()) Fail(invocation, kNeedsTask);
  if (args.size() > 2) Fail(invocation, kTooManyArguments);
  if (all == (args.size() == 2)) {
    Fail(invocation, "either `--all` or `error-id` should be set");
  }
  pb::OperateValidationErrorRequest request;
  request.set_op(op);
  request.set_taskname(args[0]);
  request.set_isallerror(all);
  if (!all) {
    const std::optional<uint64_t> id = ParseUint(args[1]);
    if (!id) Fail(invocation, "`error-id` should be integer when `--all` is not set");
    request.set_errid(*id);
  }
  PrintResponse(invocation, session.master().OperateValidationError(request));
  return 0;
}

cli::Flag AllTaskFlag() {
  return {
      .name = "all-task", .type = cli::FlagType::kBool, .usage = "whether applied to all tasks"};
}

cli::Command ErrorCommand(Session& session, pb::ValidationErrOp op, const std::string& word) {
  return {.use = word + "-error <task-name> <error-id|--all>",
          .brief = word + " validation error row change",
          .flags = {{.name = "all", .type = cli::FlagType::kBool, .usage = "all errors"}},
          .run = [&session, op](const cli::Invocation& i) { return OperateError(session, i, op); }};
}

}  // namespace

std::vector<cli::Command> ValidationCommands(Session& session) {
  cli::Command start{
      .use = "start [--all-task] [task-name]",
      .brief = "start to validate the completeness of the data",
      .flags = {AllTaskFlag(),
                {.name = "mode",
                 .usage = "specify the mode of validation: full (default), fast; this flag will be "
                          "ignored if the validation task has been ever enabled but currently "
                          "paused",
                 .default_value = "full"},
                {.name = "start-time",
                 .usage = "specify the start time of binlog for validation, e.g. '2021-10-21 "
                          "00:01:00' or 2021-10-21T00:01:00"}},
      .run = [&session](const cli::Invocation& i) { return Start(session, i); }};
  cli::Command stop{.use = "stop [--all-task] [task-name]",
                    .brief = "stop validating the completeness of the data",
                    .flags = {AllTaskFlag()},
                    .run = [&session](const cli::Invocation& i) { return Stop(session, i); }};
  cli::Command update{
      .use = "update [task-name]",
      .brief = "update validation config of the completeness of the data",
      .flags = {{.name = "cutover-binlog-pos",
                 .usage = "specify the cutover binlog name for validation, should include binlog "
                          "name and pos in brackets, e.g. '(mysql-bin.000001, 5989)'"},
                {.name = "cutover-binlog-gtid",
                 .usage = "specify the cutover binlog gtid for validation, only valid when source "
                          "config's gtid is enabled, e.g. "
                          "'1642618e-cf65-11ec-9e3d-0242ac110002:1-30'"}},
      .run = [&session](const cli::Invocation& i) { return Update(session, i); }};
  cli::Command status{.use = "status [--table-stage stage] <task-name>",
                      .brief = "query validation status of a task",
                      .flags = {{.name = "table-stage",
                                 .usage = "filter validation tables by stage: running/stopped"}},
                      .run = [&session](const cli::Invocation& i) { return Status(session, i); }};
  cli::Command show_error{
      .use = "show-error [--error error-state] <task-name>",
      .brief = "show validation error row change",
      .flags = {{.name = "error",
                 .usage = "filtering type of error: all, ignored, or unprocessed",
                 .default_value = "unprocessed"}},
      .run = [&session](const cli::Invocation& i) { return ShowError(session, i); }};
  std::vector<cli::Command> commands;
  commands.push_back({.use = "validation",
                      .brief = "operate or query validation task",
                      .children = {start, stop, update, status, show_error,
                                   ErrorCommand(session, pb::IgnoreErrOp, "ignore"),
                                   ErrorCommand(session, pb::ResolveErrOp, "resolve"),
                                   ErrorCommand(session, pb::ClearErrOp, "clear")}});
  return commands;
}

}  // namespace dm::ctl
