// The sql_mode by which servers print definitions.
#pragma once

#include <string_view>

#include "mysql/sql/sql_mode.h"

namespace dm::mysql {

// How a SHOW CREATE statement of a session with this @@sql_mode has to be read: as everything in
// that mode, but a backslash always escapes.
inline SqlMode ModeOfDefinitions(std::string_view sql_mode) {
  return SqlMode(SqlMode::Parse(sql_mode).bits() & ~SqlMode::kNoBackslashEscapes);
}

}  // namespace dm::mysql
