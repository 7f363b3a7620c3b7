#include <fmt/format.h>

#include "base/io/text.h"
#include "migration/precheck/items.h"

namespace dm::migration {
void JudgeDumpSpace(const std::string& source, uint64_t data_bytes, const DumpSpace& space,
                    CheckItem& item) {
  if (data_bytes < space.free_bytes) return;
  item.Warn(fmt::format(
      "the tables of source {} have {} of data, {} are free at {} of dm-worker {}, where the dump "
      "goes",
      source, FormatSize(data_bytes), FormatSize(space.free_bytes), space.dir, space.worker));
  item.instruction =
      "Free space there, or set `dir` in the loaders section to a larger file system. A dump stops "
      "when less than 1 GiB is free.";
}

ItemTask DumpSpaceItem(Preparation& preparation, decltype(PrecheckOptions::dump_space) ask) {
  CheckItem item;
  item.name = "dump space check";
  item.description = "check if the dump fits into its directory";
  return {std::move(item),
          [&preparation, ask = std::move(ask)](CheckItem& found, const StopToken& stop) {
            for (const auto& source : preparation.sources) {
              const SubtaskConfig& subtask = source->subtask;
              if (!HasDump(subtask.mode)) continue;
              const auto space = ask(subtask.source_id, subtask.loader.dir);
              if (!space) continue;
              JudgeDumpSpace(subtask.source_id,
                             DataBytes(*source, *source->upstream->Take(stop), stop), *space,
                             found);
            }
          }};
}

}  // namespace dm::migration
