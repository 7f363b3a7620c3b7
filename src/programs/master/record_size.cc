#include "programs/master/record_size.h"

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>

#include "base/error/error.h"

namespace dm::master {

namespace {

// Keys, stages and the other operations of the transaction.
constexpr size_t kBesideTheRecord = 16 << 10;
// A part that is smaller than this is not what makes a record large.
constexpr size_t kSmallPart = 64 << 10;

using Part = std::pair<std::string, size_t>;

void Consider(Part& largest, std::string name, const std::string& content) {
  if (content.size() > largest.second) largest = {std::move(name), content.size()};
}

void ConsiderTls(Part& largest, std::string_view block, const migration::DbConfig& db) {
  if (!db.security) return;
  Consider(largest, fmt::format("{}.security.ssl-ca", block), db.security->ssl_ca_bytes);
  Consider(largest, fmt::format("{}.security.ssl-ca", block), db.security->ssl_ca_base64);
  Consider(largest, fmt::format("{}.security.ssl-cert", block), db.security->ssl_cert_bytes);
  Consider(largest, fmt::format("{}.security.ssl-key", block), db.security->ssl_key_bytes);
}

void Check(std::string_view what, size_t record, const Part& largest, size_t max_request_bytes) {
  if (record + kBesideTheRecord <= max_request_bytes) return;
  const bool named = largest.second >= kSmallPart;
  throw MakeError(
      ErrorCode::kConfigNotSupported, fmt::format("the size of the configuration of {}", what),
      fmt::format(
          "it takes {} bytes, etcd takes {} (`max-request-bytes` of dm-master)"
          "{}",
          record, max_request_bytes,
          named ? fmt::format("; of these {} is {} bytes of content", largest.first, largest.second)
                : std::string()))
      .SetWorkaround(
          named ? fmt::format("Please give a smaller file as `{}`, for example only the CA that "
                              "has signed the server's certificate.",
                              largest.first)
                : "Please shorten the rules of the task, or raise `max-request-bytes` of every "
                  "dm-master.");
}

}  // namespace

void CheckRecordSize(const migration::SourceConfig& source, size_t max_request_bytes) {
  Part largest;
  ConsiderTls(largest, "from", source.from);
  Check(fmt::format("source {}", source.source_id), migration::SourceToToml(source).size(), largest,
        max_request_bytes);
}

void CheckRecordSize(const migration::SubtaskConfig& subtask, size_t max_request_bytes) {
  Part largest;
  ConsiderTls(largest, "from", subtask.from);
  ConsiderTls(largest, "target-database", subtask.to);
  Check(fmt::format("task {} for source {}", subtask.name, subtask.source_id),
        migration::SubtaskToToml(subtask).size(), largest, max_request_bytes);
}

}  // namespace dm::master
