// Strict reading of configuration blocks from YAML. Private to the room.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "migration/config/source.h"
#include "migration/config/task.h"

namespace dm::migration {

// Fill `out` from `text` (whatever is not mentioned stays). Throw std::invalid_argument with the
// raw cause for users: a syntax error with its line, or all violations, one per line.
void ReadYaml(std::string_view text, SourceConfig& out);
void ReadYaml(std::string_view text, TaskConfig& out);

}  // namespace dm::migration
