// binlog skip, replace, revert, inject, list; handle-error.
#include "base/error/error.h"
#include "base/io/text.h"
#include "dmmaster.pb.h"
#include "programs/ctl/common.h"
#include "programs/ctl/statements.h"

namespace dm::ctl {

namespace {

// The position of -b without quotes; empty if none was given. Throws Error kVerifyHandleErrorArgs.
std::string BinlogPosition(const cli::Invocation& invocation) {
  const std::string& given = invocation.flags.GetString("binlog-pos");
  if (given.empty()) return "";
  const std::string position(Unquoted(given));
  const auto fail = [&](std::string_view reason) {
    throw Error(ErrorCode::kVerifyHandleErrorArgs,
                fmt::format("invalid --binlog-pos {} in handle-error operation: {}, position "
                            "string {}",
                            given, reason, position));
  };
  const std::vector<std::string> parts = Split(position, ':');
  if (parts.size() != 2 || parts[0].empty()) fail("the format should be filename:pos");
  const std::optional<uint64_t> offset = ParseUint(parts[1]);
  if (!offset || *offset > UINT32_MAX) fail("the pos should be digital");
  return position;
}

int Send(Session& session, const cli::Invocation& invocation, pb::ErrorOp op,
         const std::vector<std::string>& statements) {
  pb::HandleErrorRequest request;
  request.set_op(op);
  request.set_task(TaskName(invocation.args[0]));
  request.mutable_sources()->Assign(Sources(invocation).begin(), Sources(invocation).end());
  request.set_binlogpos(BinlogPosition(invocation));
  request.mutable_sqls()->Assign(statements.begin(), statements.end());
  PrintResponse(invocation, session.master().HandleError(request));
  return 0;
}

// The statements in the words from `first` on.
std::vector<std::string> Statements(const cli::Invocation& invocation, size_t first) {
  const std::vector<std::string> words(invocation.args.begin() + static_cast<ptrdiff_t>(first),
                                       invocation.args.end());
  return ParseStatementList(Join(words, " "));
}

int HandleError(Session& session, const cli::Invocation& invocation) {
  const std::string& word = invocation.args[1];
  const bool more = invocation.args.size() > 2;
  if (word == "replace") {
    if (!more) {
      FailWithHint(invocation, "must specify the replace-sqls for replace operation");
    }
    return Send(session, invocation, pb::Replace, Statements(invocation, 2));
  }
  if (word != "skip" && word != "revert") {
    FailWithHint(
        invocation,
        fmt::format("invalid operation '{}', please use `skip`, `replace` or `revert`", word));
  }
  if (more) {
    FailWithHint(invocation, "replace-sqls can not be used for 'skip/revert' operation");
  }
  return Send(session, invocation, word == "skip" ? pb::Skip : pb::Revert, {});
}

cli::Flag PositionFlag(const std::string& operation) {
  return {.name = "binlog-pos",
          .shorthand = 'b',
          .usage = "position used to match binlog event if matched the " + operation +
                   " operation will be applied. The format like \"mysql-bin|000001.000003:3270\""};
}

// A sub-command without statements.
cli::Command PlainCommand(Session& session, pb::ErrorOp op, const std::string& name,
                          const std::string& brief, size_t max_args) {
  return {.use = name + " <task-name>",
          .brief = brief,
          .min_args = 1,
          .max_args = max_args,
          .wrong_args = cli::WrongArgs::kHelp,
          .run = [&session, op](const cli::Invocation& i) { return Send(session, i, op, {}); }};
}

// A sub-command that brings statements.
cli::Command StatementCommand(Session& session, pb::ErrorOp op, const std::string& name,
                              const std::string& brief) {
  return {.use = fmt::format("{0} <task-name> <{0}-sql1> <{0}-sql2>...", name),
          .brief = brief,
          .min_args = 2,
          .wrong_args = cli::WrongArgs::kHelp,
          .run = [&session, op](const cli::Invocation& i) {
            return Send(session, i, op, Statements(i, 1));
          }};
}

}  // namespace

std::vector<cli::Command> BinlogCommands(Session& session) {
  cli::Flag shared = PositionFlag("binlog");
  shared.persistent = true;
  std::vector<cli::Command> commands;
  commands.push_back({
      .use = "binlog",
      .brief = "manage or show binlog operations",
      .flags = {shared},
      .children = {PlainCommand(
                       session, pb::Skip, "skip",
                       "skip the current error event or a specific binlog position (binlog-pos) "
                       "event",
                       1),
                   StatementCommand(session, pb::Replace, "replace",
                                    "replace the current error event or a specific binlog position "
                                    "(binlog-pos) with some ddls"),
                   PlainCommand(session, pb::Revert, "revert",
                                "revert the current binlog operation or a specific binlog position "
                                "(binlog-pos) operation",
                                cli::kAnyArgs),
                   StatementCommand(session, pb::Inject, "inject",
                                    "inject the current error event or a specific binlog position "
                                    "(binlog-pos) with some ddls"),
                   PlainCommand(
                       session, pb::List, "list",
                       "list error handle command at binlog position (binlog-pos) or after "
                       "binlog position (binlog-pos)",
                       1)},
  });
  commands.push_back({
      .use = "handle-error <task-name | task-file> [-s source ...] [-b binlog-pos] "
             "<skip/replace/revert> [replace-sql1;replace-sql2;]",
      .brief = "`skip`/`replace`/`revert` the current error event or a specific binlog position "
               "(binlog-pos) event",
      .hidden = true,
      .flags = {PositionFlag("handler-error")},
      .min_args = 2,
      .run = [&session](const cli::Invocation& i) { return HandleError(session, i); },
  });
  return commands;
}

}  // namespace dm::ctl
