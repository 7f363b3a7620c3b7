// list-member, offline-member, operate-leader, encrypt.
#include <ostream>

#include "base/error/error.h"
#include "dmmaster.pb.h"
#include "programs/ctl/common.h"
#include "programs/ctl/secret_input.h"

namespace dm::ctl {

namespace {

int ListMember(Session& session, const cli::Invocation& invocation) {
  pb::ListMemberRequest request;
  request.set_leader(invocation.flags.GetBool("leader"));
  request.set_master(invocation.flags.GetBool("master"));
  request.set_worker(invocation.flags.GetBool("worker"));
  for (const std::string& name : invocation.flags.GetStrings("name")) request.add_names(name);
  PrintResponse(invocation, session.master().ListMember(request));
  return 0;
}

int OfflineMember(Session& session, const cli::Invocation& invocation) {
  const bool master = invocation.flags.GetBool("master");
  const bool worker = invocation.flags.GetBool("worker");
  if (master == worker) {
    PrintLine(invocation, "get offline type failed");
    throw cli::CommandError("should specify either --master or --worker");
  }
  const std::string& name = invocation.flags.GetString("name");
  if (name.empty()) FailWithHint(invocation, "a member name must be specified");
  pb::OfflineMemberRequest request;
  request.set_type(master ? "master" : "worker");
  request.set_name(name);
  const pb::OfflineMemberResponse response = session.master().OfflineMember(request);
  if (!response.result()) {
    FailWithHint(invocation, "offline member failed:\n" + response.msg());
  }
  PrintResponse(invocation, response);
  return 0;
}

int OperateLeader(Session& session, const cli::Invocation& invocation) {
  const std::string& word = invocation.args[0];
  pb::OperateLeaderRequest request;
  if (word == "evict") {
    request.set_op(pb::EvictLeaderOp);
  } else if (word == "cancel-evict") {
    request.set_op(pb::CancelEvictLeaderOp);
  } else {
    FailWithHint(invocation, fmt::format("invalid operate '{}' on leader", word));
  }
  PrintResponse(invocation, session.master().OperateLeader(request));
  return 0;
}

int Encrypt(Session& session, const cli::Invocation& invocation) {
  pb::EncryptRequest request;
  request.set_plaintext(invocation.args[0] == "-" ? ReadSecretLine() : invocation.args[0]);
  const pb::EncryptResponse response = session.master().Encrypt(request);
  if (!response.result()) throw cli::CommandError(response.msg());
  PrintLine(invocation, response.ciphertext());
  return 0;
}

}  // namespace

std::vector<cli::Command> MemberCommands(Session& session) {
  using cli::FlagType;
  std::vector<cli::Command> commands;
  commands.push_back({
      .use = "list-member [--leader] [--master] [--worker] [--name master-name/worker-name ...]",
      .brief = "Lists member information",
      .flags = {{.name = "leader",
                 .shorthand = 'l',
                 .type = FlagType::kBool,
                 .usage = "only to list leader information"},
                {.name = "master",
                 .shorthand = 'm',
                 .type = FlagType::kBool,
                 .usage = "only to list master information"},
                {.name = "worker",
                 .shorthand = 'w',
                 .type = FlagType::kBool,
                 .usage = "only to list worker information"},
                {.name = "name",
                 .shorthand = 'n',
                 .type = FlagType::kStrings,
                 .usage = "specify member names in choosing type"}},
      .max_args = 0,
      .run = [&session](const cli::Invocation& i) { return ListMember(session, i); },
  });
  commands.push_back({
      .use = "offline-member <--master/--worker> <--name master-name/worker-name>",
      .brief = "Offlines member which has been closed",
      .flags = {{.name = "master",
                 .shorthand = 'm',
                 .type = FlagType::kBool,
                 .usage = "to offline a master"},
                {.name = "worker",
                 .shorthand = 'w',
                 .type = FlagType::kBool,
                 .usage = "to offline a worker"},
                {.name = "name",
                 .shorthand = 'n',
                 .usage = "specify member name for choosing type"}},
      .max_args = 0,
      .run = [&session](const cli::Invocation& i) { return OfflineMember(session, i); },
  });
  commands.push_back({
      .use = "operate-leader <operate-type>",
      .brief = "`evict`/`cancel-evict` the leader",
      .min_args = 1,
      .max_args = 1,
      .run = [&session](const cli::Invocation& i) { return OperateLeader(session, i); },
  });
  commands.push_back({
      .use = "encrypt <plain-text>",
      .brief = "Encrypts plain text to cipher text",
      .min_args = 1,
      .max_args = 1,
      .wrong_args = cli::WrongArgs::kHelp,
      .run = [&session](const cli::Invocation& i) { return Encrypt(session, i); },
  });
  return commands;
}

}  // namespace dm::ctl
