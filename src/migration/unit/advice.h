// What the user can do about an error that stopped a unit.
#pragma once

#include "base/error/error.h"

namespace dm::migration {

// Fills an empty workaround by the downstream server's error number or the code, and says whether
// the task goes on by itself; other workarounds stay as they are.
void Advise(Error& error);

}  // namespace dm::migration
