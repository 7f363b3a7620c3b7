// The process configuration of dm-master: flags and TOML file.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/net/tls_settings.h"
#include "base/thread/stop.h"

namespace dm::master {

struct Config {
  std::string log_level = "info";
  std::string log_file;
  std::string log_format = "text";
  std::string log_rotate;  // no effect
  std::string rpc_timeout = "30s";
  double rpc_rate_limit = 10.0;
  int64_t rpc_rate_burst = 40;
  std::string master_addr;     // where this process listens, host:port
  std::string advertise_addr;  // what others call; default: master_addr
  std::string config_file;
  std::string name;       // default: dm-master-<hostname>
  std::string data_dir;   // default: default.<name>
  std::string peer_urls;  // default: http://127.0.0.1:8291
  std::string advertise_peer_urls;
  std::string initial_cluster;
  std::string initial_cluster_state = "new";
  std::string join;
  uint64_t max_txn_ops = 2048;
  uint64_t max_request_bytes = 1'572'864;
  std::string auto_compaction_mode = "periodic";
  std::string auto_compaction_retention = "1h";
  int64_t quota_backend_bytes = 2'147'483'648;
  bool openapi = false;
  std::string v1_sources_path;  // no effect
  std::string secret_key_path;
  std::string secret_key;  // 32 raw bytes of that file; empty without one. Never printed.

  TlsSettings tls;
  TlsOptions tls_options;  // what `tls` comes to, the CA read

  // "https" if this process serves TLS: with a CA.
  std::string_view Scheme() const;
  // As `config master` prints it; can be loaded again, but for a private key in base64.
  std::string ToToml() const;
  Milliseconds RpcTimeout() const;
};

// What the command line asks for.
struct Invocation {
  enum class Action { kRun, kPrint };
  Action action = Action::kRun;
  std::string output;  // kPrint: text for standard output
  Config config;
};

// Reads flags and file, fills defaults, checks addresses and reads the key file. A flag given
// explicitly wins over the file. Throws Error 38010 (flags), 38011 (unknown keys), 38012 (left-over
// argument), 38013 (TOML), 38014, 38035, 38036, 38042, 38051 (CA), 20067, and 20071 for what this
// version cannot do: several masters.
Invocation ParseCommandLine(const std::vector<std::string>& arguments);

// The file that -print-sample-config prints.
std::string SampleConfig();

// Text of -h, for standard error.
std::string Usage();

}  // namespace dm::master
