// The dialect of the servers: `-x v`, `-x=v`, `--x v`, `--x=v`; boolean flags only `-x` or
// `-x=true`. Parsing stops at the first argument that is not a flag.
#pragma once

#include <string>
#include <vector>

#include "base/cli/flag.h"

namespace dm::cli {

struct ServerArguments {
  FlagValues flags;
  bool help = false;              // -h or --help was given: print Usage() and leave with 0
  std::vector<std::string> rest;  // what follows the flags
};

class ServerFlags {
 public:
  // `program` appears in the usage text: "Usage of dm-master:".
  ServerFlags(std::string program, std::vector<Flag> flags);

  // `args` without the program's name. Throws CommandError with the text users know ("flag provided
  // but not defined: -x", "flag needs an argument: -x", `invalid value "a" for flag -x: parse
  // error`).
  [[nodiscard]] ServerArguments Parse(const std::vector<std::string>& args) const;

  // Usage with all flags sorted by name, ends with a newline.
  [[nodiscard]] std::string Usage() const;

 private:
  std::string program_;
  std::vector<Flag> flags_;
};

}  // namespace dm::cli
