// The dump unit: copies the existing data of one upstream into a directory of SQL files.
#pragma once

#include <memory>

#include "migration/unit/ports.h"
#include "migration/unit/unit.h"

namespace dm::migration {

class DumpFileChannel;
struct SubtaskConfig;

// `channel` is shared with the subtask's load unit; null if there is none (mode dump). Nothing is
// connected before Init.
std::unique_ptr<Unit> MakeDumpUnit(const SubtaskConfig& config, const UnitContext& context,
                                   std::shared_ptr<DumpFileChannel> channel);

}  // namespace dm::migration
