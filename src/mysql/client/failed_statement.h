// What an error of a Connection says of the statement that failed.
#pragma once

#include <string>
#include <string_view>

#include "base/error/error.h"

namespace dm::mysql {

// A statement as errors quote it: at most 1024 bytes, then "...".
std::string CutStatement(std::string_view statement);
// The statement that an error of Query or Execute quotes; empty if it quotes none.
std::string StatementOf(const Error& error);

}  // namespace dm::mysql
