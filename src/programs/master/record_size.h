// What of a source or a task is too large to be kept in etcd.
#pragma once

#include <cstddef>

#include "migration/config/source.h"
#include "migration/config/subtask.h"

namespace dm::master {

// Both throw Error kConfigNotSupported, which names the largest part, if the record does not fit
// into one request to an etcd that takes `max_request_bytes`.
void CheckRecordSize(const migration::SourceConfig& source, size_t max_request_bytes);
void CheckRecordSize(const migration::SubtaskConfig& subtask, size_t max_request_bytes);

}  // namespace dm::master
