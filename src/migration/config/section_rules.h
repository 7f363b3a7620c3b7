// Rules about the values of single sections, applied to named and inline sections and to the
// sections of a subtask alike. Private to the room.
#pragma once

#include "migration/config/task.h"

namespace dm::migration {

// Letter case and old names of the values made uniform, empty ones replaced by defaults. Throws
// kConfigLoaderS3NotSupport, kConfigInvalidLoadMode and its siblings.
void AdjustLoader(LoaderConfig& loader, TaskMode mode);
// Numbers that are not positive replaced by defaults. Throws kConfigInvalidSafeModeDuration,
// kConfigConfictSafeModeDurationAndSafeMode.
void AdjustSyncer(SyncerConfig& syncer);
// Zeros replaced by defaults. Throws kConfigValidationMode, std::invalid_argument for an unusable
// max-pending-row-size (a plain error for users).
void AdjustValidator(ValidatorConfig& validator);

// A directory of the local file system: no URI scheme, or file://.
bool IsLocalDir(std::string_view dir);
bool IsImportInto(const LoaderConfig& loader);

// The sections an instance runs with: named, inline or default, with the instance's thread number.
DumperConfig ResolveDumper(const TaskConfig& task, const InstanceConfig& instance);
LoaderConfig ResolveLoader(const TaskConfig& task, const InstanceConfig& instance);
SyncerConfig ResolveSyncer(const TaskConfig& task, const InstanceConfig& instance);
ValidatorConfig ResolveValidator(const TaskConfig& task, const InstanceConfig& instance);
// The block/allow list's name, from the new key or the old one; empty: none.
const std::string& BlockAllowListName(const InstanceConfig& instance);
// The lists in force: of the new key, or of the old one if that is empty.
const Named<BlockAllowRules>& BlockAllowLists(const TaskConfig& task);

}  // namespace dm::migration
