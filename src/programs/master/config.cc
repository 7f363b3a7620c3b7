#include "programs/master/config.h"

#include <unistd.h>

#include <algorithm>
#include <sstream>
#include <variant>

#include "base/cli/server_flags.h"
#include "base/error/error.h"
#include "base/io/encode.h"
#include "base/io/text.h"
#include "base/io/toml.h"
#include "base/log/log.h"
#include "base/net/address.h"
#include "base/net/tls_settings_toml.h"
#include "base/version/version.h"
#include "migration/config/password_cipher.h"

namespace dm::master {
namespace {

using cli::Flag;
using cli::FlagType;

using Member = std::variant<std::string Config::*, int64_t Config::*, uint64_t Config::*,
                            double Config::*, bool Config::*>;

// One setting: its key, where it is kept, and whether it has a flag.
struct Setting {
  std::string_view key;
  Member member;
  std::string_view flag;  // empty: none
  std::string_view usage;
};

// In the order in which they are printed.
constexpr auto Settings() {
  return std::to_array<Setting>({
      {"log-level", &Config::log_level, "L", "log level: debug, info, warn, error, fatal"},
      {"log-file", &Config::log_file, "log-file", "log file path"},
      {"log-format", &Config::log_format, "log-format",
       "the format of the log, \"text\" or \"json\""},
      {"log-rotate", &Config::log_rotate, "", ""},
      {"rpc-timeout", &Config::rpc_timeout, "", ""},
      {"rpc-rate-limit", &Config::rpc_rate_limit, "", ""},
      {"rpc-rate-burst", &Config::rpc_rate_burst, "", ""},
      {"master-addr", &Config::master_addr, "master-addr", "master API server and status addr"},
      {"advertise-addr", &Config::advertise_addr, "advertise-addr",
       "advertise address for client traffic (default \"${master-addr}\")"},
      {"config-file", &Config::config_file, "config", "path to config file"},
      {"name", &Config::name, "name", "human-readable name for this DM-master member"},
      {"data-dir", &Config::data_dir, "data-dir", "directory of the cluster store"},
      {"peer-urls", &Config::peer_urls, "peer-urls", "URLs for peer traffic"},
      {"advertise-peer-urls", &Config::advertise_peer_urls, "advertise-peer-urls",
       "advertise URLs for peer traffic (default \"${peer-urls}\")"},
      {"initial-cluster", &Config::initial_cluster, "initial-cluster",
       "initial cluster configuration for bootstrapping, e.g. dm-master=http://127.0.0.1:8291"},
      {"initial-cluster-state", &Config::initial_cluster_state, "", ""},
      {"join", &Config::join, "join",
       "join to an existing cluster (usage: cluster's \"${master-addr}\" list)"},
      {"max-txn-ops", &Config::max_txn_ops, "max-txn-ops",
       "most operations in one transaction of the store"},
      {"max-request-bytes", &Config::max_request_bytes, "max-request-bytes",
       "largest request of the store"},
      {"auto-compaction-mode", &Config::auto_compaction_mode, "auto-compaction-mode",
       "compaction mode of the store: periodic or revision"},
      {"auto-compaction-retention", &Config::auto_compaction_retention, "auto-compaction-retention",
       "retention of the store's history: duration or number"},
      {"quota-backend-bytes", &Config::quota_backend_bytes, "quota-backend-bytes",
       "size limit of the store in bytes"},
      {"openapi", &Config::openapi, "openapi", "enable the OpenAPI"},
      {"v1-sources-path", &Config::v1_sources_path, "v1-sources-path", "no effect"},
  });
}

constexpr const char* kDefaultPeerUrl = "http://127.0.0.1:8291";
constexpr int64_t kMinQuotaBytes = 524'288'000;

cli::ServerFlags MakeFlags() {
  std::vector<Flag> flags = {
      Flag{.name = "V", .type = FlagType::kBool, .usage = "prints version and exit"},
      Flag{.name = "print-sample-config",
           .type = FlagType::kBool,
           .usage = "print sample config file of dm-master"}};
  for (const Setting& setting : Settings()) {
    if (setting.flag.empty()) continue;
    FlagType type = FlagType::kString;
    if (std::holds_alternative<int64_t Config::*>(setting.member)) type = FlagType::kInt;
    if (std::holds_alternative<uint64_t Config::*>(setting.member)) type = FlagType::kUint;
    if (std::holds_alternative<bool Config::*>(setting.member)) type = FlagType::kBool;
    flags.push_back(
        Flag{.name = std::string(setting.flag), .type = type, .usage = std::string(setting.usage)});
  }
  flags.push_back(
      Flag{.name = "ssl-ca", .usage = "path of the CAs (PEM) of the cluster; switches TLS on"});
  flags.push_back(Flag{.name = "ssl-cert", .usage = "path of the own certificate (PEM)"});
  flags.push_back(Flag{.name = "ssl-key", .usage = "path of its private key (PEM)"});
  flags.push_back(Flag{.name = "cert-allowed-cn",
                       .type = FlagType::kStrings,
                       .usage = "accepted common names of certificates; may be repeated"});
  flags.push_back(Flag{.name = "secret-key-path",
                       .type = FlagType::kString,
                       .usage = "path of the file with the key of encrypted passwords"});
  return {"dm-master", std::move(flags)};
}

Error NotToml(const std::string& reason) {
  return MakeError(ErrorCode::kMasterConfigTomlTransform).Annotate(reason).SetRawCause(reason);
}

template <class T>
T ValueOf(std::string_view key, const toml::node& value, std::string_view what) {
  const auto got = value.value_exact<T>();
  if (!got) throw NotToml(fmt::format("{} must be {}", key, what));
  return *got;
}

void Assign(const Setting& setting, const toml::node& value, Config& config) {
  std::visit(
      [&](auto member) {
        using T = std::remove_reference_t<decltype(config.*member)>;
        if constexpr (std::is_same_v<T, std::string>) {
          config.*member = ValueOf<std::string>(setting.key, value, "a text");
        } else if constexpr (std::is_same_v<T, bool>) {
          config.*member = ValueOf<bool>(setting.key, value, "true or false");
        } else if constexpr (std::is_same_v<T, double>) {
          config.*member = value.is_integer() ? static_cast<double>(*value.value_exact<int64_t>())
                                              : ValueOf<double>(setting.key, value, "a number");
        } else {
          const int64_t number = ValueOf<int64_t>(setting.key, value, "a whole number");
          if (std::is_unsigned_v<T> && number < 0) {
            throw NotToml(fmt::format("{} must not be negative", setting.key));
          }
          config.*member = static_cast<T>(number);
        }
      },
      setting.member);
}

// True if the file has such a key.
bool ReadKey(std::string_view key, const toml::node& value, Config& config) {
  // Not followed: it only exists so that printed configurations can be loaded.
  if (key == "config-file") return value.is_string();
  if (key == "secret-key-path") {
    config.secret_key_path = ValueOf<std::string>(key, value, "a text");
    return true;
  }
  try {
    if (ReadTlsKey(key, value, config.tls)) return true;
  } catch (const std::invalid_argument& e) {
    throw NotToml(e.what());
  }
  for (const Setting& setting : Settings()) {
    if (setting.key == key) {
      Assign(setting, value, config);
      return true;
    }
  }
  return false;
}

std::vector<std::string> KnownKeys() {
  std::vector<std::string> keys = {"config-file", "secret-key-path"};
  for (const Setting& setting : Settings()) keys.emplace_back(setting.key);
  keys.insert(keys.end(), TlsSettings::Keys().begin(), TlsSettings::Keys().end());
  return keys;
}

void ReadExperimental(const toml::table& table, Config& config, std::vector<std::string>& unknown) {
  for (const auto& [key, value] : table) {
    if (key.str() != "openapi") {
      unknown.push_back(fmt::format("experimental.{}", key.str()));
      continue;
    }
    if (!ValueOf<bool>("experimental.openapi", value, "true or false")) continue;
    Log().Warn(
        "openapi is a GA feature and removed from experimental features, so this "
        "configuration may have no affect in feature release, please set openapi=true in "
        "dm-master config file");
    config.openapi = true;
  }
}

void ReadFile(const std::string& path, Config& config) {
  toml::table table;
  try {
    table = ParseTomlFile(path);
  } catch (const toml::parse_error& e) {
    std::ostringstream place;
    place << e.source().begin;
    throw NotToml(fmt::format("{}: {} ({})", path, e.description(), place.str()));
  }
  std::vector<std::string> unknown;
  for (const auto& [key, value] : table) {
    const std::string exact(key.str());
    if (EqualsIgnoreCase(exact, "experimental") && value.is_table()) {
      ReadExperimental(*value.as_table(), config, unknown);
      continue;
    }
    if (ReadKey(exact, value, config)) continue;
    const std::string lower = ToLower(exact);
    if (lower != exact && !table.contains(lower) && ReadKey(lower, value, config)) continue;
    if (const toml::table* nested = value.as_table(); nested != nullptr && !nested->empty()) {
      for (const auto& [inner, ignored] : *nested) {
        unknown.push_back(fmt::format("{}.{}", exact, inner.str()));
      }
    } else {
      unknown.push_back(exact + DidYouMean(exact, KnownKeys()));
    }
  }
  if (!unknown.empty()) throw MakeError(ErrorCode::kMasterConfigUnknownItem, Join(unknown, ","));
}

void ApplyFlags(const cli::FlagValues& flags, Config& config) {
  for (const Setting& setting : Settings()) {
    if (setting.flag.empty() || !flags.Changed(setting.flag)) continue;
    std::visit(
        [&](auto member) {
          using T = std::remove_reference_t<decltype(config.*member)>;
          if constexpr (std::is_same_v<T, std::string>) {
            config.*member = flags.GetString(setting.flag);
          } else if constexpr (std::is_same_v<T, bool>) {
            config.*member = flags.GetBool(setting.flag);
          } else if constexpr (std::is_same_v<T, uint64_t>) {
            config.*member = flags.GetUint(setting.flag);
          } else if constexpr (std::is_same_v<T, int64_t>) {
            config.*member = flags.GetInt(setting.flag);
          }
        },
        setting.member);
  }
  for (std::string_view key : {"ssl-ca", "ssl-cert", "ssl-key"}) {
    if (flags.Changed(key)) config.tls.SetPath(key, flags.GetString(key));
  }
  config.tls.Allow(flags.GetStrings("cert-allowed-cn"));
  if (flags.Changed("secret-key-path")) {
    config.secret_key_path = flags.GetString("secret-key-path");
  }
}

void AdjustAddresses(Config& config) {
  config.master_addr = std::string(StripScheme(config.master_addr));
  HostPort listen;
  try {
    listen = SplitHostPort(config.master_addr);
  } catch (const std::invalid_argument& e) {
    throw WrapError(ErrorCode::kMasterHostPortNotValid, e, config.master_addr);
  }
  if (config.advertise_addr.empty()) {
    if (listen.host.empty() || listen.host == "0.0.0.0" || listen.port.empty()) {
      throw MakeError(ErrorCode::kMasterHostPortNotValid, config.master_addr)
          .Annotate("master-addr (" + config.master_addr +
                    ") must include the 'host' part (should not be '0.0.0.0') when "
                    "advertise-addr is not set");
    }
    config.advertise_addr = config.master_addr;
    return;
  }
  config.advertise_addr = std::string(StripScheme(config.advertise_addr));
  HostPort advertised;
  try {
    advertised = SplitHostPort(config.advertise_addr);
  } catch (const std::invalid_argument& e) {
    throw WrapError(ErrorCode::kMasterAdvertiseAddrNotValid, e, config.advertise_addr);
  }
  if (advertised.host.empty() || advertised.host == "0.0.0.0" || advertised.port.empty()) {
    throw MakeError(ErrorCode::kMasterAdvertiseAddrNotValid, config.advertise_addr);
  }
}

std::string HostName() {
  char name[256] = {};
  if (gethostname(name, sizeof name - 1) != 0) throw MakeError(ErrorCode::kMasterGetHostnameFail);
  return name;
}

void AdjustCluster(Config& config) {
  if (config.name.empty()) config.name = "dm-master-" + HostName();
  if (config.data_dir.empty()) config.data_dir = "default." + config.name;
  const std::string_view scheme = config.Scheme();
  // The default stays plain with TLS, too: users of TLS set it.
  config.peer_urls =
      config.peer_urls.empty() ? kDefaultPeerUrl : WithScheme(config.peer_urls, scheme);
  if (config.advertise_peer_urls.empty()) {
    config.advertise_peer_urls = config.peer_urls;
  } else {
    config.advertise_peer_urls = WithScheme(config.advertise_peer_urls, scheme);
  }
  config.join = WithScheme(config.join, scheme);
  if (!config.join.empty()) {
    throw MakeError(ErrorCode::kConfigNotSupported, "join", "a cluster has one dm-master")
        .SetWorkaround("Please remove `join`: this version runs with a single dm-master.");
  }
  std::vector<std::string> items;
  if (config.initial_cluster.empty()) {
    for (const std::string& url : Split(config.advertise_peer_urls, ',')) {
      items.push_back(config.name + "=" + url);
    }
  } else {
    for (const std::string& item : Split(config.initial_cluster, ',')) {
      const size_t equals = item.find('=');
      if (equals == std::string::npos || item.find('=', equals + 1) != std::string::npos) {
        items.push_back(item);
        continue;
      }
      const std::string name = item.substr(0, equals);
      items.push_back(name + "=" + WithScheme(item.substr(equals + 1), scheme));
      if (name != config.name) {
        throw MakeError(ErrorCode::kConfigNotSupported, "initial-cluster",
                        "a cluster has one dm-master, but the value names " + name)
            .SetWorkaround(
                "Please leave only this dm-master's own name in `initial-cluster`, or remove it.");
      }
    }
  }
  config.initial_cluster = Join(items, ",");
  if (config.initial_cluster_state.empty()) config.initial_cluster_state = "new";
}

void Adjust(Config& config) {
  AdjustAddresses(config);
  if (!ParseDuration(config.rpc_timeout) || ParseDuration(config.rpc_timeout)->count() <= 0) {
    throw MakeError(ErrorCode::kMasterConfigTimeoutParse).SetRawCause(config.rpc_timeout);
  }
  if (config.rpc_rate_limit <= 0) {
    Log().Warn("invalid rpc-rate-limit, default value used",
               {F("specified", config.rpc_rate_limit)});
    config.rpc_rate_limit = Config().rpc_rate_limit;
  }
  if (config.rpc_rate_burst <= 0) {
    Log().Warn("invalid rpc-rate-burst, default value use",
               {F("specified", config.rpc_rate_burst)});
    config.rpc_rate_burst = Config().rpc_rate_burst;
  }
  try {
    config.tls_options = config.tls.Load();
  } catch (const std::runtime_error& e) {
    throw MakeError(ErrorCode::kMasterTLSConfigNotValid).Annotate(e.what()).SetRawCause(e.what());
  }
  AdjustCluster(config);
  if (config.quota_backend_bytes < kMinQuotaBytes) {
    Log().Warn("quota-backend-bytes is too low, will be adjusted",
               {F("from", config.quota_backend_bytes), F("to", kMinQuotaBytes)});
    config.quota_backend_bytes = kMinQuotaBytes;
  }
  config.secret_key = migration::PasswordCipher::FromKeyFile(config.secret_key_path).key();
}

}  // namespace

std::string Config::ToToml() const {
  std::string out;
  for (const Setting& setting : Settings()) {
    std::visit(
        [&](auto member) {
          using T = std::remove_cvref_t<decltype(this->*member)>;
          if constexpr (std::is_same_v<T, std::string>) {
            out += fmt::format("{} = {}\n", setting.key, QuoteToml(this->*member));
          } else if constexpr (std::is_same_v<T, double>) {
            std::string number = fmt::format("{}", this->*member);
            if (number.find_first_of(".e") == std::string::npos) number += ".0";
            out += fmt::format("{} = {}\n", setting.key, number);
          } else {
            out += fmt::format("{} = {}\n", setting.key, this->*member);
          }
        },
        setting.member);
  }
  out += tls.ToToml();
  out += fmt::format("secret-key-path = {}\n\n[experimental]\n", QuoteToml(secret_key_path));
  return out;
}

std::string_view Config::Scheme() const { return tls_options.has_ca() ? "https" : "http"; }

Milliseconds Config::RpcTimeout() const {
  return std::chrono::duration_cast<Milliseconds>(*ParseDuration(rpc_timeout));
}

Invocation ParseCommandLine(const std::vector<std::string>& arguments) {
  Invocation invocation;
  cli::ServerArguments parsed;
  try {
    parsed = MakeFlags().Parse(arguments);
  } catch (const cli::CommandError& e) {
    throw Error(ErrorCode::kMasterConfigParseFlagSet, e.what());
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
    throw MakeError(ErrorCode::kMasterConfigInvalidFlag, parsed.rest.front());
  }
  Adjust(config);
  return invocation;
}

std::string SampleConfig() {
  return R"(# dm-master: configuration file

# Log file, level (debug, info, warn, error, fatal).
log-level = "info"
log-file = "dm-master.log"

# Where this process listens for clients, and the address by which others reach it.
master-addr = ":8261"
advertise-addr = "127.0.0.1:8261"

# Name of this member and the directory of the cluster's metadata.
name = "dm-master"
data-dir = "default.dm-master"

# Traffic between members.
peer-urls = "http://127.0.0.1:8291"
advertise-peer-urls = "http://127.0.0.1:8291"
initial-cluster = "dm-master=http://127.0.0.1:8291"
join = ""

# Calls to dm-workers: time limit, and a token bucket.
rpc-timeout = "30s"
rpc-rate-limit = 10.0
rpc-rate-burst = 40

# The OpenAPI.
openapi = false

# TLS with dmctl, dm-workers and other members (docs/tls.md).
# ssl-ca = "ca.pem"
# ssl-cert = "dm-master.pem"
# ssl-key = "dm-master-key.pem"
# cert-allowed-cn = ["dm"]
)";
}

std::string Usage() { return MakeFlags().Usage(); }

}  // namespace dm::master
