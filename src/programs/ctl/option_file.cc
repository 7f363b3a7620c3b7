#include "programs/ctl/option_file.h"

#include <sstream>
#include <stdexcept>

#include "base/cli/flag.h"
#include "base/error/system_error.h"
#include "base/io/file.h"
#include "base/io/toml.h"
#include "base/net/tls_settings_toml.h"

namespace dm::ctl {

namespace {

[[noreturn]] void Fail(const std::string& reason) {
  throw cli::CommandError(
      "the current command parameter: --config is invalid or used incorrectly: " + reason);
}

}  // namespace

OptionFile ReadOptionFile(const std::string& path) {
  OptionFile file;
  try {
    const toml::table table = ParseToml(ReadFile(path));
    for (const auto& [key, node] : table) {
      if (ReadTlsKey(key.str(), node, file.tls)) continue;
      if (const auto value = node.value<std::string>()) {
        file.texts[std::string(key.str())] = *value;
      }
    }
  } catch (const SystemError& e) {
    Fail(e.what());
  } catch (const std::invalid_argument& e) {
    Fail(e.what());
  } catch (const toml::parse_error& e) {
    std::stringstream reason;
    reason << "toml: line " << e.source().begin.line << ": " << e.description();
    Fail(reason.str());
  }
  return file;
}

}  // namespace dm::ctl
