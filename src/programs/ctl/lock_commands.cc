// shard-ddl-lock, show-ddl-locks, unlock-ddl-lock.
#include "base/error/error.h"
#include "dmmaster.pb.h"
#include "programs/ctl/common.h"

namespace dm::ctl {

namespace {

int ShowLocks(Session& session, const cli::Invocation& invocation) {
  const std::vector<std::string>& sources = Sources(invocation);
  pb::ShowDDLLocksRequest request;
  if (!invocation.args.empty()) request.set_task(TaskName(invocation.args[0]));
  request.mutable_sources()->Assign(sources.begin(), sources.end());
  PrintResponse(invocation,
                WithHint(invocation,
                         fmt::format("can not show DDL locks for task {} and sources {}",
                                     request.task(), BracketList(sources)),
                         [&] { return session.master().ShowDDLLocks(request); }));
  return 0;
}

int Unlock(Session& session, const cli::Invocation& invocation) {
  const cli::FlagValues& flags = invocation.flags;
  pb::UnlockDDLLockRequest request;
  request.set_id(invocation.args[0]);
  request.set_replaceowner(flags.GetString("owner"));
  request.set_forceremove(flags.GetBool("force-remove"));
  request.set_database(flags.GetString("database"));
  request.set_table(flags.GetString("table"));
  request.mutable_sources()->Assign(Sources(invocation).begin(), Sources(invocation).end());
  const std::string& action = flags.GetString("action");
  if (action == "skip") {
    request.set_op(pb::SkipLock);
  } else if (action == "exec") {
    request.set_op(pb::ExecLock);
  } else {
    throw cli::CommandError("please check --action argument, only exec/skip are acceptable");
  }
  PrintResponse(invocation,
                WithHint(invocation, fmt::format("can not unlock DDL lock {}", request.id()),
                         [&] { return session.master().UnlockDDLLock(request); }));
  return 0;
}

cli::Command UnlockCommand(Session& session, const std::string& use, const std::string& brief) {
  return {
      .use = use,
      .brief = brief,
      .flags = {{.name = "owner", .shorthand = 'o', .usage = "source to replace the default owner"},
                {.name = "force-remove",
                 .shorthand = 'f',
                 .type = cli::FlagType::kBool,
                 .usage = "force to remove DDL lock"},
                {.name = "action",
                 .shorthand = 'a',
                 .usage = "accept skip/exec values which means whether to skip or execute ddls",
                 .default_value = "skip"},
                {.name = "database", .shorthand = 'd', .usage = "database name of the table"},
                {.name = "table", .shorthand = 't', .usage = "table name"}},
      .min_args = 1,
      .max_args = 1,
      .run = [&session](const cli::Invocation& i) { return Unlock(session, i); }};
}

}  // namespace

std::vector<cli::Command> LockCommands(Session& session) {
  const auto show = [&session](const cli::Invocation& i) { return ShowLocks(session, i); };
  std::vector<cli::Command> commands;
  commands.push_back({
      .use = "shard-ddl-lock [task]",
      .brief = "maintain or show shard-ddl locks information",
      .max_args = 1,
      .run = show,
      .children = {UnlockCommand(session, "unlock <lock-id>",
                                 "Unlock un-resolved DDL locks forcely")},
  });
  commands.push_back({
      .use = "show-ddl-locks [-s source ...] [task-name | task-file]",
      .brief = "Shows un-resolved DDL locks",
      .hidden = true,
      .max_args = 1,
      .run = show,
  });
  commands.push_back(
      UnlockCommand(session, "unlock-ddl-lock <lock-ID>", "Unlocks DDL lock forcefully"));
  commands.back().hidden = true;
  return commands;
}

}  // namespace dm::ctl
