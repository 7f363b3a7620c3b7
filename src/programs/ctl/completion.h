// What the line editor offers when the tabulator key is pressed.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/cli/command.h"

namespace dm::ctl {

// Words that may stand where the last word of `line` (the text before the cursor) is being written:
// commands, sub-commands, flags; names of files (directories end in a slash) where no command can
// stand. Sorted. The last word may be empty.
std::vector<std::string> Completions(const cli::Command& root, std::string_view line);

// Begin of the last word of `line`, the one that is being written.
size_t LastWordBegin(std::string_view line);

// What all words begin with.
std::string CommonBegin(const std::vector<std::string>& words);

}  // namespace dm::ctl
