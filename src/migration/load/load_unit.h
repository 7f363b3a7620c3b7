// The load unit: brings a directory of dump files into the downstream, each row exactly once.
#pragma once

#include <memory>

#include "migration/unit/ports.h"
#include "migration/unit/unit.h"

namespace dm::migration {

class DumpFileChannel;
struct SubtaskConfig;

// `channel` is shared with the subtask's dump unit; null if there is none (modes load, load&sync).
// With a channel, tables that this task alone fills are loaded while the dump unit still runs;
// nothing is needed for that but that both units were made with the same channel and initialised.
std::unique_ptr<Unit> MakeLoadUnit(const SubtaskConfig& config, const UnitContext& context,
                                   std::shared_ptr<DumpFileChannel> channel);

}  // namespace dm::migration
