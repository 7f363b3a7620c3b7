// The process configuration of dm-worker: flags and TOML file.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/net/tls_settings.h"

namespace dm::worker {

struct Config {
  std::string name;  // default: advertise_addr
  std::string log_level = "info";
  std::string log_file;
  std::string log_format = "text";
  bool redact_info_log = false;
  std::string join;            // comma list of URLs of masters
  std::string worker_addr;     // where this process listens, host:port
  std::string advertise_addr;  // what masters call; default: worker_addr
  std::string config_file;
  int64_t keepalive_ttl = 60;          // seconds
  int64_t relay_keepalive_ttl = 1800;  // seconds
  std::string relay_dir;

  TlsSettings tls;
  TlsOptions tls_options;  // what `tls` comes to, the CA read

  // The masters of `join` as host:port.
  std::vector<std::string> JoinEndpoints() const;
  // As `config worker` prints it.
  std::string ToToml() const;
};

// What the command line asks for.
struct Invocation {
  enum class Action { kRun, kPrint };
  Action action = Action::kRun;
  std::string output;  // kPrint: text for standard output
  Config config;
};

// Reads flags and file, fills defaults, checks addresses. A flag given explicitly wins over the
// file. Throws Error 40001 (flags), 40002 (left-over argument), 40003 (TOML), 40004 (unknown keys),
// 40069 (addresses), 40076 (CA); cli::CommandError never leaves.
Invocation ParseCommandLine(const std::vector<std::string>& arguments);

// The file that -print-sample-config prints.
std::string SampleConfig();

// Text of -h, for standard error.
std::string Usage();

}  // namespace dm::worker
