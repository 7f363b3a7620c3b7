// The file of --config: TOML with master-addr, rpc-timeout, ssl-ca, ssl-cert, ssl-key.
#pragma once

#include <map>
#include <string>

namespace dm::ctl {

// The string values at the top level of the file, by key; other keys are left out. Throws
// cli::CommandError if the file cannot be read or is no TOML.
std::map<std::string, std::string> ReadOptionFile(const std::string& path);

}  // namespace dm::ctl
