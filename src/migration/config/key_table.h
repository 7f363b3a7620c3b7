// What becomes of every key of source and task files: nothing is silently ignored.
#pragma once

#include <span>
#include <string_view>

namespace dm::migration {

struct SourceConfig;
struct SubtaskConfig;
struct TaskConfig;

enum class KeyEffect {
  kWorks,
  kNoEffect,  // accepted, checked for its type, printed again; documented as without effect
  kRefused    // parsed and validated; any value but the default is refused with kConfigNotSupported
};

// One key by its path in the file: "mysql-instances[].meta.binlog-pos", "mydumpers.*.threads".
struct KeyEntry {
  std::string_view path;
  KeyEffect effect;
  std::string_view note;  // why, in a few words; empty for kWorks
};

std::span<const KeyEntry> SourceKeys();
std::span<const KeyEntry> TaskKeys();

// Throws Error kConfigNotSupported naming the key and the value if the configuration asks for
// something that this version cannot do. Called by VerifySource and ToSubtasks, and by a worker for
// a stored subtask.
void RefuseUnsupported(const SourceConfig& source);
void RefuseUnsupported(const SubtaskConfig& subtask);
// The same for what a validated task says as a whole; for callers that want to know before they
// contact a database.
void RefuseUnsupported(const TaskConfig& task);

}  // namespace dm::migration
