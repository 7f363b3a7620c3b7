// What all commands of one dmctl process share: its options and its connection.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/cli/command.h"
#include "base/net/tls.h"
#include "programs/ctl/master_link.h"

namespace dm::ctl {

// Value of an environment variable; nullopt if it is not set.
using Environment = std::function<std::optional<std::string>(const std::string&)>;

// The options in force, in this order of precedence: command line, file of --config, environment
// (address only), default.
struct Options {
  std::string address;                 // as given; never empty
  std::vector<std::string> endpoints;  // "host:port", scheme removed
  std::chrono::nanoseconds rpc_timeout = std::chrono::minutes(10);
  TlsOptions tls;  // the CA is read
};

// Throws cli::CommandError for a missing or malformed address, a bad duration or an unusable
// file, Error kCtlInvalidTLSCfg for a CA that cannot be used.
Options ReadOptions(const cli::FlagValues& flags, const Environment& environment);

// "a,b" as endpoints: schemes removed, each with a port. Throws cli::CommandError.
std::vector<std::string> ParseEndpoints(const std::string& address);

class Session {
 public:
  explicit Session(Environment environment) : environment_(std::move(environment)) {}

  // Connects by the options of the first call; later calls do nothing.
  void Connect(const cli::FlagValues& flags);
  // Only after Connect.
  MasterLink& master() { return *link_; }

 private:
  Environment environment_;
  std::unique_ptr<MasterLink> link_;
};

}  // namespace dm::ctl
