// Which errors may go away by themselves.
#pragma once

#include "base/error/error.h"
#include "migration/unit/unit.h"

namespace dm::migration {

// False if repeating what failed cannot help: a human has to do something first.
bool IsResumable(const Error& error);
// Of all errors of a run.
bool IsResumable(const UnitResult& result);

}  // namespace dm::migration
