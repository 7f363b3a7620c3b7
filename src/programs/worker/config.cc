#include "programs/worker/config.h"

#include <algorithm>
#include <optional>
#include <sstream>
#include <string_view>

#include "base/cli/flag.h"
#include "base/cli/server_flags.h"
#include "base/error/error.h"
#include "base/io/encode.h"
#include "base/io/text.h"
#include "base/io/toml.h"
#include "base/net/tls_settings_toml.h"
#include "base/version/version.h"

namespace dm::worker {
namespace {

using cli::Flag;
using cli::FlagType;

cli::ServerFlags MakeFlags() {
  const auto text = [](std::string name, std::string usage) {
    return Flag{.name = std::move(name), .type = FlagType::kString, .usage = std::move(usage)};
  };
  return cli::ServerFlags(
      "dm-worker",
      {Flag{.name = "V", .type = FlagType::kBool, .usage = "prints version and exit"},
       Flag{.name = "print-sample-config",
            .type = FlagType::kBool,
            .usage = "print sample config file of dm-worker"},
       text("config", "path to config file"),
       text("name", "human-readable name for DM-worker member"),
       text("worker-addr", "listen address for client traffic"),
       text("advertise-addr", "advertise address for client traffic (default \"${worker-addr}\")"),
       text("join", "join to an existing cluster (usage: dm-master cluster's \"${master-addr}\")"),
       text("L", "log level: debug, info, warn, error, fatal"), text("log-file", "log file path"),
       text("log-format", "the format of the log, \"text\" or \"json\""),
       Flag{.name = "redact-info-log",
            .type = FlagType::kBool,
            .usage = "whether to redact sensitive info in logs"},
       Flag{.name = "keepalive-ttl",
            .type = FlagType::kInt,
            .usage = "dm-worker's TTL for keepalive with etcd (in seconds)"},
       Flag{.name = "relay-keepalive-ttl",
            .type = FlagType::kInt,
            .usage =
                "dm-worker's TTL for keepalive with etcd when handle relay enabled sources (in "
                "seconds)"},
       text("ssl-ca", "path of file that contains list of trusted SSL CAs for connection"),
       text("ssl-cert", "path of file that contains X509 certificate in PEM format for connection"),
       text("ssl-key", "path of file that contains X509 key in PEM format for connection"),
       Flag{.name = "cert-allowed-cn",
            .type = FlagType::kStrings,
            .usage = "accepted common names of certificates; may be repeated"}});
}

// One key of the file into the configuration. False: no such key.
bool ReadKey(std::string_view key, const toml::node& value, Config& config) {
  const auto text = [&](std::string& target) {
    const auto v = value.value_exact<std::string>();
    if (!v) throw Error(ErrorCode::kWorkerDecodeConfigFromFile, fmt::format("{}: not a text", key));
    target = *v;
    return true;
  };
  const auto number = [&](int64_t& target) {
    const auto v = value.value_exact<int64_t>();
    if (!v) {
      throw Error(ErrorCode::kWorkerDecodeConfigFromFile, fmt::format("{}: not a number", key));
    }
    target = *v;
    return true;
  };
  std::string ignored;
  if (key == "name") return text(config.name);
  if (key == "worker-addr") return text(config.worker_addr);
  if (key == "advertise-addr") return text(config.advertise_addr);
  if (key == "join") return text(config.join);
  if (key == "log-level") return text(config.log_level);
  if (key == "log-file") return text(config.log_file);
  if (key == "log-format") return text(config.log_format);
  if (key == "log-rotate" || key == "config-file") return text(ignored);
  if (key == "relay-dir") return text(config.relay_dir);
  if (key == "keepalive-ttl") return number(config.keepalive_ttl);
  if (key == "relay-keepalive-ttl") return number(config.relay_keepalive_ttl);
  if (key == "redact-info-log") {
    const auto v = value.value_exact<bool>();
    if (!v) {
      throw Error(ErrorCode::kWorkerDecodeConfigFromFile, fmt::format("{}: not a bool", key));
    }
    config.redact_info_log = *v;
    return true;
  }
  try {
    return ReadTlsKey(key, value, config.tls);
  } catch (const std::invalid_argument& e) {
    throw Error(ErrorCode::kWorkerDecodeConfigFromFile, e.what());
  }
}

std::vector<std::string> KnownKeys() {
  std::vector<std::string> keys = {
      "name",          "worker-addr",         "advertise-addr", "join",        "log-level",
      "log-file",      "log-format",          "log-rotate",     "config-file", "relay-dir",
      "keepalive-ttl", "relay-keepalive-ttl", "redact-info-log"};
  keys.insert(keys.end(), TlsSettings::Keys().begin(), TlsSettings::Keys().end());
  return keys;
}

void ReadFile(const std::string& path, Config& config) {
  toml::table table;
  try {
    table = ParseTomlFile(path);
  } catch (const toml::parse_error& e) {
    std::ostringstream place;
    place << e.source().begin;
    throw Error(ErrorCode::kWorkerDecodeConfigFromFile,
                fmt::format("toml decode file {}: {} ({})", path, e.description(), place.str()));
  }
  std::string unknown;
  for (const auto& [key, value] : table) {
    if (!ReadKey(key.str(), value, config)) {
      unknown += fmt::format("{}{} (line {}){}", unknown.empty() ? "" : ",", key.str(),
                             value.source().begin.line, DidYouMean(key.str(), KnownKeys()));
    }
  }
  if (!unknown.empty()) {
    throw Error(ErrorCode::kWorkerUndecodedItemFromFile,
                fmt::format("worker config contained unknown configuration options: {}", unknown));
  }
}

void ApplyFlags(const cli::FlagValues& flags, Config& config) {
  const auto text = [&](std::string_view name, std::string& target) {
    if (flags.Changed(name)) target = flags.GetString(name);
  };
  text("config", config.config_file);
  text("name", config.name);
  text("worker-addr", config.worker_addr);
  text("advertise-addr", config.advertise_addr);
  text("join", config.join);
  text("L", config.log_level);
  text("log-file", config.log_file);
  text("log-format", config.log_format);
  if (flags.Changed("redact-info-log")) config.redact_info_log = flags.GetBool("redact-info-log");
  if (flags.Changed("keepalive-ttl")) config.keepalive_ttl = flags.GetInt("keepalive-ttl");
  if (flags.Changed("relay-keepalive-ttl")) {
    config.relay_keepalive_ttl = flags.GetInt("relay-keepalive-ttl");
  }
  for (std::string_view key : {"ssl-ca", "ssl-cert", "ssl-key"}) {
    if (flags.Changed(key)) config.tls.SetPath(key, flags.GetString(key));
  }
  config.tls.Allow(flags.GetStrings("cert-allowed-cn"));
}

std::string WithoutScheme(std::string_view address) {
  for (std::string_view scheme : {"http://", "https://"}) {
    if (address.starts_with(scheme)) return std::string(address.substr(scheme.size()));
  }
  return std::string(address);
}

struct HostPort {
  std::string host, port;
};

std::optional<HostPort> Split(const std::string& address) {
  const size_t colon = address.rfind(':');
  if (colon == std::string::npos) return std::nullopt;
  std::string host = address.substr(0, colon);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string::npos) {
    return std::nullopt;
  }
  return HostPort{host, address.substr(colon + 1)};
}

[[noreturn]] void BadAddress(std::string_view what, const std::string& address,
                             std::string_view why) {
  throw Error(ErrorCode::kWorkerHostPortNotValid,
              fmt::format("host:port '{}' not valid ({}), {}", address, what, why));
}

void Adjust(Config& config) {
  config.worker_addr = WithoutScheme(config.worker_addr);
  const auto listen = Split(config.worker_addr);
  if (!listen) BadAddress("worker-addr", config.worker_addr, "it must be host:port");
  if (config.advertise_addr.empty()) {
    if (listen->host.empty() || listen->host == "0.0.0.0" || listen->port.empty()) {
      BadAddress("worker-addr", config.worker_addr,
                 "must include the 'host' part (should not be '0.0.0.0') when advertise-addr is "
                 "not set");
    }
    config.advertise_addr = config.worker_addr;
  } else {
    config.advertise_addr = WithoutScheme(config.advertise_addr);
    const auto advertised = Split(config.advertise_addr);
    if (!advertised || advertised->host.empty() || advertised->host == "0.0.0.0" ||
        advertised->port.empty()) {
      BadAddress("advertise-addr", config.advertise_addr,
                 "must include the 'host' part (should not be '0.0.0.0') and a port");
    }
  }
  if (config.name.empty()) config.name = config.advertise_addr;
  if (config.keepalive_ttl <= 0) config.keepalive_ttl = 60;
  if (config.relay_keepalive_ttl <= 0) config.relay_keepalive_ttl = 1800;

  try {
    config.tls_options = config.tls.Load();
  } catch (const std::runtime_error& e) {
    throw MakeError(ErrorCode::kWorkerTLSConfigNotValid).Annotate(e.what()).SetRawCause(e.what());
  }
  const std::string_view scheme = config.tls_options.has_ca() ? "https://" : "http://";
  std::string join;
  std::istringstream items(config.join);
  for (std::string item; std::getline(items, item, ',');) {
    if (!join.empty()) join += ',';
    if (!item.empty()) join += fmt::format("{}{}", scheme, WithoutScheme(item));
  }
  config.join = join;
}

}  // namespace

std::vector<std::string> Config::JoinEndpoints() const {
  std::vector<std::string> endpoints;
  std::istringstream items(join);
  for (std::string item; std::getline(items, item, ',');) {
    if (!item.empty()) endpoints.push_back(WithoutScheme(item));
  }
  return endpoints;
}

std::string Config::ToToml() const {
  std::string out;
  const auto text = [&](std::string_view key, const std::string& value) {
    out += fmt::format("{} = {}\n", key, QuoteToml(value));
  };
  text("name", name);
  text("log-level", log_level);
  text("log-file", log_file);
  text("log-format", log_format);
  text("log-rotate", "");
  out += fmt::format("redact-info-log = {}\n", redact_info_log);
  text("join", join);
  text("worker-addr", worker_addr);
  text("advertise-addr", advertise_addr);
  text("config-file", config_file);
  out += fmt::format("keepalive-ttl = {}\nrelay-keepalive-ttl = {}\n", keepalive_ttl,
                     relay_keepalive_ttl);
  text("relay-dir", relay_dir);
  return out + tls.ToToml();
}

Invocation ParseCommandLine(const std::vector<std::string>& arguments) {
  Invocation invocation;
  cli::ServerArguments parsed;
  try {
    parsed = MakeFlags().Parse(arguments);
  } catch (const cli::CommandError& e) {
    throw WrapError(ErrorCode::kWorkerParseFlagSet, e).SetRawCause(e.what());
  }
  if (parsed.flags.GetBool("V")) {
    invocation.action = Invocation::Action::kPrint;
    invocation.output = VersionText();
    return invocation;
  }
  if (parsed.flags.GetBool("print-sample-config")) {
    invocation.action = Invocation::Action::kPrint;
    invocation.output = SampleConfig();
    return invocation;
  }
  Config& config = invocation.config;
  if (const std::string& path = parsed.flags.GetString("config"); !path.empty()) {
    ReadFile(path, config);
  }
  ApplyFlags(parsed.flags, config);
  if (!parsed.rest.empty()) {
    throw Error(ErrorCode::kWorkerInvalidFlag,
                fmt::format("'{}' is an invalid flag", parsed.rest.front()));
  }
  Adjust(config);
  return invocation;
}

std::string SampleConfig() {
  return R"(# Configuration of dm-worker.

# Lowest level that is logged: debug, info, warn, error, fatal.
log-level = "info"
log-file = "dm-worker.log"

# Where this worker listens.
worker-addr = ":8262"

# The address by which dm-master reaches this worker.
advertise-addr = "127.0.0.1:8262"

# Addresses of the dm-masters of the cluster, separated by commas.
join = "127.0.0.1:8261"

# Base directory of relay logs; empty: the one of the source.
relay-dir = ""

# TLS with dm-masters (docs/tls.md).
# ssl-ca = "ca.pem"
# ssl-cert = "dm-worker.pem"
# ssl-key = "dm-worker-key.pem"
# cert-allowed-cn = ["dm"]
)";
}

std::string Usage() { return MakeFlags().Usage(); }

}  // namespace dm::worker
