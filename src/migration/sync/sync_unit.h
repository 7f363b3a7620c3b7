// The unit that follows an upstream's binlog and applies it downstream.
#pragma once

#include <memory>

#include "migration/config/subtask.h"
#include "migration/unit/ports.h"
#include "migration/unit/unit.h"

namespace dm::migration {

// The sync unit of one subtask. `config` must be adjusted and have its passwords decrypted. The
// ports of `context` must outlive the unit.
std::unique_ptr<Unit> MakeSyncUnit(const SubtaskConfig& config, const UnitContext& context);

}  // namespace dm::migration
