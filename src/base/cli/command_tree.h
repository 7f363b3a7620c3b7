// Lookups in a command tree, shared by parsing (command.cc) and help (help.cc). Private to the
// room.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/cli/command.h"

namespace dm::cli::tree {

const Flag* FindLong(const std::vector<Flag>& flags, std::string_view name);
const Flag* FindShort(const std::vector<Flag>& flags, char letter);

// Persistent flags of the commands above the last one of `path`.
std::vector<Flag> InheritedFlags(const std::vector<const Command*>& path);
// Own and inherited flags of the last command, plus its help flag.
std::vector<Flag> AllFlags(const std::vector<const Command*>& path);

// The child of that name or alias; nullptr if there is none.
const Command* FindChild(const Command& command, std::string_view word);

// Index of the first word that is neither a flag nor the value of one.
std::optional<size_t> FirstWord(const std::vector<Flag>& flags,
                                const std::vector<std::string>& args);

}  // namespace dm::cli::tree
