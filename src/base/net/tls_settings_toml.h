// TLS settings in TOML files. For .cc files only: it includes toml++.
#pragma once

#include "base/io/toml.h"
#include "base/net/tls_settings.h"

namespace dm {

// Takes one key of a file. False: it is no key of TLS. Throws std::invalid_argument for a value of
// the wrong kind.
bool ReadTlsKey(std::string_view key, const toml::node& value, TlsSettings& settings);

}  // namespace dm
