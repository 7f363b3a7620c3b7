// Any bytes as a source file, a task file or a record: an error or a value, never a crash, and a
// value that was printed reads as the same value.
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <string_view>

#include "migration/config/render.h"
#include "migration/config/source.h"
#include "migration/config/subtask.h"
#include "migration/config/task.h"

namespace {

using namespace dm::migration;  // NOLINT: the whole file is about this room

template <class F>
void Try(F f) {
  try {
    f();
  } catch (const std::exception&) {
    // Refusing an input is the expected outcome for most of them.
  }
}

void Require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 4) {
    case 0:
      Try([&] {
        SourceConfig source = ParseSourceYaml(text);
        source.from.security.reset();  // content of certificates is not printed
        Require(ParseSourceYaml(SourceToYaml(source, Passwords::kPlain)) == source);
        AdjustSource(source, PasswordCipher());
        VerifySource(source);
      });
      break;
    case 1:
      Try([&] {
        TaskConfig task = ParseTaskYaml(text);
        ValidateTask(task);
        SourceConfig source;
        std::map<std::string, SourceConfig> sources;
        for (const auto& instance : task.mysql_instances) sources[instance->source_id] = source;
        for (const SubtaskConfig& subtask : ToSubtasks(task, sources, PasswordCipher())) {
          Require(ParseSubtaskToml(SubtaskToToml(subtask)) == subtask);
        }
      });
      break;
    case 2:
      Try([&] {
        SubtaskConfig subtask = ParseSubtaskToml(text);
        AdjustSubtask(subtask, PasswordCipher());
        SubtasksToTask({subtask});
      });
      break;
    default:
      Try([&] { ParseSourceToml(text); });
  }
  return 0;
}
