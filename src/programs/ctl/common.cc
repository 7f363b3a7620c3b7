#include "programs/ctl/common.h"

#include <cstdint>
#include <filesystem>
#include <ostream>
#include <system_error>

#include "base/error/error.h"
#include "base/error/system_error.h"
#include "base/io/file.h"
#include "base/io/text.h"
#include "cluster/rpc/print_json.h"
#include "migration/config/task.h"

namespace dm::ctl {

const std::vector<std::string>& Sources(const cli::Invocation& invocation) {
  return invocation.flags.GetStrings("source");
}

std::string ReadNamedFile(const std::string& path) {
  // dm-master takes requests of 2 MiB unless its `max-request-bytes` says more. Without a bound
  // here, a file given by mistake, a dump say, would be read into memory and parsed first.
  constexpr uintmax_t kMostBytes = 8 << 20;
  const auto check = [&](uintmax_t size) {
    if (size <= kMostBytes) return;
    throw cli::CommandError(fmt::format(
        "error in get file content: {} has {} bytes, a file may have {}; it is hardly a "
        "configuration or a statement",
        path, size, kMostBytes));
  };
  try {
    std::error_code unknown;  // it is no file, or not there: reading it tells
    const uintmax_t size = std::filesystem::file_size(path, unknown);
    if (!unknown) check(size);
    std::string text = dm::ReadFile(path);
    check(text.size());
    return text;
  } catch (const SystemError& e) {
    throw cli::CommandError(fmt::format("error in get file content: {}", e.what()));
  }
}

std::string TaskName(const std::string& argument) {
  if (!argument.ends_with(".yaml") && !argument.ends_with(".yml")) return argument;
  try {
    migration::TaskConfig task = migration::ParseTaskYaml(ReadNamedFile(argument));
    migration::ValidateTask(task);
    return task.name;
  } catch (const std::exception&) {
    return argument;
  }
}

void FailSeeOutput() { throw cli::CommandError("please check output to see error"); }

void FailWithHint(const cli::Invocation& invocation, std::string_view hint) {
  PrintLine(invocation, hint);
  FailSeeOutput();
}

void FailWithUsage(const cli::Invocation& invocation) {
  *invocation.streams.out << cli::UsageText(invocation.path);
  FailSeeOutput();
}

void PrintLine(const cli::Invocation& invocation, std::string_view line) {
  *invocation.streams.out << line << "\n";
}

void PrintResponse(const cli::Invocation& invocation, const google::protobuf::Message& response) {
  PrintLine(invocation, cluster::PrintJson(response));
}

std::string BracketList(const std::vector<std::string>& words) {
  return "[" + Join(words, " ") + "]";
}

std::string_view Unquoted(std::string_view text) {
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') {
    return text.substr(1, text.size() - 2);
  }
  return text;
}

}  // namespace dm::ctl
