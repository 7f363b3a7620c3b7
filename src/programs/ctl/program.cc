#include "programs/ctl/program.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <ostream>

#include "base/error/error.h"
#include "base/version/version.h"
#include "programs/ctl/common.h"
#include "programs/ctl/interactive.h"

namespace dm::ctl {

namespace {

// Without the user and password that the URL of a proxy may hold. They end at the last '@': a
// password may have been given with '/', '?' or '@' in it.
std::string WithoutCredentials(const std::string& url) {
  const size_t scheme = url.find("://");
  const size_t begin = scheme == std::string::npos ? 0 : scheme + 3;
  const size_t at = url.rfind('@');
  if (at == std::string::npos || at < begin) return url;
  return url.substr(0, begin) + url.substr(at + 1);
}

// Says on stdout that a proxy is in the way of connections.
void WarnOfProxies(const Environment& environment, std::ostream& out) {
  std::string text;
  bool any = false;
  for (const std::string name : {"http_proxy", "https_proxy", "no_proxy"}) {
    std::string upper;
    std::transform(name.begin(), name.end(), std::back_inserter(upper),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    auto value = environment(name);
    if (!value) value = environment(upper);
    any = any || (value && !value->empty());
    text += (text.empty() ? "" : ", ") + name + "=" + WithoutCredentials(value.value_or(""));
  }
  if (any) out << "\n[Warning] [using proxy config] [" << text << "]\n";
}

std::vector<cli::Flag> ProcessFlags(TreeKind kind) {
  std::vector<cli::Flag> flags = {{.name = "source",
                                   .shorthand = 's',
                                   .type = cli::FlagType::kStrings,
                                   .usage = "MySQL Source ID."}};
  if (kind == TreeKind::kOneShot) {
    flags.insert(
        flags.end(),
        {{.name = "config", .usage = "Path to config file."},
         {.name = "master-addr",
          .usage = "Master API server address, this parameter is required when interacting with "
                   "the dm-master"},
         {.name = "rpc-timeout", .usage = "RPC timeout, default is 10m.", .default_value = "10m"},
         {.name = "ssl-ca",
          .usage = "Path of file that contains list of trusted SSL CAs for connection."},
         {.name = "ssl-cert",
          .usage = "Path of file that contains X509 certificate in PEM format for connection."},
         {.name = "ssl-key",
          .usage = "Path of file that contains X509 key in PEM format for connection."},
         {.name = "version",
          .shorthand = 'V',
          .type = cli::FlagType::kBool,
          .usage = "Prints version and exit."}});
  }
  for (cli::Flag& flag : flags) flag.persistent = true;
  return flags;
}

bool NeedsNoMaster(const cli::Invocation& invocation) {
  if (invocation.command->name() == "help") return true;
  constexpr std::string_view kSample = "print-sample-config";
  return invocation.flags.Defined(kSample) && invocation.flags.GetBool(kSample);
}

}  // namespace

std::vector<std::string> RewriteSingleDash(std::vector<std::string> args) {
  static constexpr std::array<std::string_view, 7> kNames = {
      "version", "config", "master-addr", "rpc-timeout", "ssl-ca", "ssl-cert", "ssl-key"};
  for (std::string& arg : args) {
    if (!arg.starts_with('-') || arg.starts_with("--")) continue;
    const std::string name = arg.substr(1, arg.find('=') - 1);
    if (std::find(kNames.begin(), kNames.end(), name) != kNames.end()) arg.insert(0, "-");
  }
  return args;
}

cli::Command CommandTree(Session& session, TreeKind kind) {
  cli::Command root{.use = "dmctl", .brief = "DM control", .flags = ProcessFlags(kind)};
  for (const auto& group :
       {TaskCommands(session), SourceCommands(session), MemberCommands(session),
        RelayCommands(session), LockCommands(session), BinlogCommands(session),
        SchemaCommands(session), ConfigCommands(session), ValidationCommands(session)}) {
    root.children.insert(root.children.end(), group.begin(), group.end());
  }
  root.children.push_back(
      {.use = "help [command]",
       .brief = "Gets help about any command",
       .description = "Help provides help for any command in the application.\nSimply type dmctl "
                      "help [path to command] for full details.",
       .run = cli::RunHelpCommand});
  return root;
}

int RunDmctl(const std::vector<std::string>& args, const Environment& environment, std::istream& in,
             const cli::Streams& streams, const std::function<void()>& before_connect) {
  Session session(environment);
  cli::Command root = CommandTree(session, TreeKind::kOneShot);
  root.run = [&](const cli::Invocation&) { return RunInteractive(session, in, *streams.out); };
  const cli::Before before = [&](const cli::Invocation& invocation) -> std::optional<int> {
    if (invocation.flags.GetBool("version")) {
      *streams.out << VersionText();
      return 0;
    }
    if (NeedsNoMaster(invocation)) return std::nullopt;
    if (before_connect) before_connect();
    WarnOfProxies(environment, *streams.out);
    session.Connect(invocation.flags);
    return std::nullopt;
  };
  const cli::Outcome outcome = cli::Execute(root, RewriteSingleDash(args), streams, before);
  *streams.err << cli::FailureText(root, outcome);
  return outcome.exit_code;
}

}  // namespace dm::ctl
