// Directories of a subtask that are derived from `dir`. Private to the room.
#pragma once

#include <string>
#include <string_view>

#include "migration/config/task.h"

namespace dm::migration {

// `dir` with the suffix that keeps tasks apart: "/<task>.<source>" for S3, ".<task>" for everything
// else; trailing slashes go first. Unchanged if it ends with the suffix already. Throws Error
// kConfigLoaderDirInvalid.
std::string WithTaskSuffix(const std::string& dir, std::string_view task, std::string_view source);
// `dir` without that suffix, if it has it.
std::string WithoutTaskSuffix(const std::string& dir, std::string_view task,
                              std::string_view source);
// Throws Error kConfigLoaderDirInvalid unless `dir` is a path or a URI.
void CheckDir(const std::string& dir);
// Text fit for one segment of a URI's path or query.
std::string UrlEscaped(std::string_view text);
// `dir` as it may be shown: values of a URI's query that may be secret, and a password in front of
// its host, are ******.
std::string MaskedDir(std::string_view dir);
// True for a URI of any scheme, false for a path. Throws Error kConfigLoaderDirInvalid.
bool IsUri(const std::string& dir);

}  // namespace dm::migration
