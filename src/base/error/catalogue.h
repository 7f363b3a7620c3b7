// The parts of the error catalogue, one function a domain and one file a function. Each is sorted
// by code, and the parts follow one another in the order of their codes. Only catalogue.cc calls
// them.
#pragma once

#include <span>

#include "base/error/error.h"

namespace dm {

// What a server or the connection to it says, and what any code may meet.
std::span<const ErrorEntry> CommonErrors();
// Configuration files, binlog positions, checkpoints, and the checks before a task starts.
std::span<const ErrorEntry> ConfigErrors();
// Relay, dump and load units.
std::span<const ErrorEntry> UnitErrors();
// The sync unit.
std::span<const ErrorEntry> SyncErrors();
// dm-master.
std::span<const ErrorEntry> MasterErrors();
// dm-worker and the records of the cluster that it writes.
std::span<const ErrorEntry> WorkerErrors();
// Validator and schema tracker.
std::span<const ErrorEntry> SchemaErrors();
// The scheduler of dm-master, dmctl and the OpenAPI.
std::span<const ErrorEntry> SchedulerErrors();

}  // namespace dm
