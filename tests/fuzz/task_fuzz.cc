// Any bytes as a task file or a subtask's record: an error or a value, and a value that was printed
// reads as the same value.
#include <map>
#include <stdexcept>
#include <string>

#include "migration/config/dumper_arguments.h"
#include "migration/config/render.h"
#include "migration/config/subtask.h"
#include "migration/config/task.h"
#include "target.h"

using namespace dm::migration;  // NOLINT: the whole file is about this room
using dm::fuzz::MayRefuse;
using dm::fuzz::Require;

namespace {

void CheckTask(std::string_view text) {
  TaskConfig task = ParseTaskYaml(text);
  ShardingConflict(task, text);
  try {
    ValidateTask(task);
  } catch (const std::invalid_argument&) {
    return;  // a plain error for users
  }
  std::map<std::string, SourceConfig> sources;
  for (const auto& instance : task.mysql_instances) {
    if (instance) sources[instance->source_id] = SourceConfig();
  }
  for (const SubtaskConfig& subtask : ToSubtasks(task, sources, PasswordCipher())) {
    Require(ParseSubtaskToml(SubtaskToToml(subtask)) == subtask, "a record reads back as itself");
  }
}

}  // namespace

// The first byte: which form.
DM_FUZZ_TARGET(task) {
  if (input.empty()) return;
  const std::string_view text = dm::fuzz::Text(input.subspan(1));
  if (input[0] % 2 == 0) {
    MayRefuse([&] { CheckTask(text); });
  } else {
    MayRefuse([&] {
      SubtaskConfig subtask = ParseSubtaskToml(text);
      AdjustSubtask(subtask, PasswordCipher());
      const TaskConfig task = SubtasksToTask({subtask});
      ParseTaskYaml(TaskToYaml(task, Passwords::kPlain));
    });
  }
}
