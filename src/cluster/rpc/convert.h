// Domain types as messages and back.
#pragma once

#include <exception>
#include <string>

#include "base/error/error.h"
#include "migration/unit/unit.h"

namespace pb {
class CommonWorkerResponse;
class ProcessError;
class ProcessResult;
class SubTaskStatus;
}  // namespace pb

namespace dm::cluster {

// The parts of `error` as message; not set scope becomes "not-set".
void ToProcessError(const Error& error, pb::ProcessError* out);
// The error that the message describes. Its catalogue entry is not consulted.
Error FromProcessError(const pb::ProcessError& message);

void ToProcessResult(const migration::UnitResult& result, pb::ProcessResult* out);
migration::UnitResult FromProcessResult(const pb::ProcessResult& message);

// Sets the oneof `status` of a subtask (dump, load or sync); leaves it unset for std::monostate.
// Event counters of sync get the same numbers as the row counters.
void SetUnitStatus(const migration::UnitStatus& status, pb::SubTaskStatus* out);

// The errors as the text inside "errors of the stage" messages: protobuf text format of each
// ProcessError on one line with a blank after every field, joined by ", ".
std::string JoinedErrorText(const pb::ProcessResult& result);

// A failed entry of a response list: result false, msg the text of `e`.
void SetFailed(const std::exception& e, const std::string& source, const std::string& worker,
               pb::CommonWorkerResponse* out);

}  // namespace dm::cluster
