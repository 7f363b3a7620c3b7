#include "programs/ctl/session.h"

#include <stdexcept>

#include "base/error/error.h"
#include "base/io/text.h"
#include "programs/ctl/option_file.h"

namespace dm::ctl {

namespace {

constexpr std::string_view kNoAddress =
    "--master-addr not provided, this parameter is required when interacting with the dm-master, "
    "you can also use environment variable 'DM_MASTER_ADDR' to specify the value. Use `dmctl "
    "--help` to see more help messages";

// Throws cli::CommandError unless `endpoint` is host:port; the host may be empty.
void CheckEndpoint(const std::string& address, const std::string& endpoint) {
  const auto fail = [&](std::string_view reason) {
    throw cli::CommandError(
        fmt::format("specify master addr {}: address {}: {}", address, endpoint, reason));
  };
  const size_t colon = endpoint.rfind(':');
  if (colon == std::string::npos) fail("missing port in address");
  const std::string host = endpoint.substr(0, colon);
  if (host.starts_with('[')) {
    if (host.find(']') == std::string::npos) fail("missing ']' in address");
    if (!host.ends_with(']')) fail("missing port in address");
  } else if (host.find(':') != std::string::npos) {
    fail("too many colons in address");
  }
}

std::chrono::nanoseconds ParseTimeout(const std::string& text) {
  std::chrono::nanoseconds timeout{};
  try {
    timeout = ParseDurationOrThrow(text);
  } catch (const std::invalid_argument& e) {
    throw cli::CommandError(e.what());
  }
  if (timeout.count() <= 0) throw cli::CommandError("invalid time duration: " + text);
  return timeout;
}

}  // namespace

std::vector<std::string> ParseEndpoints(const std::string& address) {
  std::vector<std::string> endpoints;
  for (const std::string& part : Split(address, ',')) {
    std::string endpoint(Trim(part));
    for (const std::string_view scheme : {"http://", "https://"}) {
      if (endpoint.starts_with(scheme)) endpoint.erase(0, scheme.size());
    }
    CheckEndpoint(address, endpoint);
    endpoints.push_back(std::move(endpoint));
  }
  return endpoints;
}

Options ReadOptions(const cli::FlagValues& flags, const Environment& environment) {
  OptionFile file;
  if (const std::string& path = flags.GetString("config"); !path.empty()) {
    file = ReadOptionFile(path);
  }
  const auto value = [&](const std::string& name) -> std::string {
    if (flags.Changed(name)) return flags.GetString(name);
    if (const auto found = file.texts.find(name); found != file.texts.end()) return found->second;
    return flags.GetString(name);
  };
  Options options;
  options.address = value("master-addr");
  if (options.address.empty()) options.address = environment("DM_MASTER_ADDR").value_or("");
  if (options.address.empty()) throw cli::CommandError(std::string(kNoAddress));
  options.endpoints = ParseEndpoints(options.address);
  options.rpc_timeout = ParseTimeout(value("rpc-timeout"));
  TlsSettings tls = file.tls;
  for (const char* key : {"ssl-ca", "ssl-cert", "ssl-key"}) {
    if (flags.Changed(key)) tls.SetPath(key, flags.GetString(key));
  }
  try {
    options.tls = tls.Load();
  } catch (const std::runtime_error& e) {
    throw MakeError(ErrorCode::kCtlInvalidTLSCfg).SetRawCause(e.what());
  }
  return options;
}

void Session::Connect(const cli::FlagValues& flags) {
  if (link_ != nullptr) return;
  const Options options = ReadOptions(flags, environment_);
  link_ = MasterLink::Connect(options.endpoints, options.address, options.rpc_timeout, options.tls);
}

}  // namespace dm::ctl
