// The file of --config: TOML with master-addr, rpc-timeout and the keys of TLS.
#pragma once

#include <map>
#include <string>

#include "base/net/tls_settings.h"

namespace dm::ctl {

struct OptionFile {
  std::map<std::string, std::string> texts;  // string values at the top level, by key
  TlsSettings tls;
};

// Unknown keys are left out. Throws cli::CommandError if the file cannot be read, is no TOML, or a
// key of TLS has a value of the wrong kind.
OptionFile ReadOptionFile(const std::string& path);

}  // namespace dm::ctl
