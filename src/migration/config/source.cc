#include "migration/config/source.h"

#include <fmt/format.h>

#include <stdexcept>

#include "base/error/error.h"
#include "base/log/log.h"
#include "migration/config/key_table.h"
#include "migration/config/yaml_read.h"
#include "migration/rules/event_filter.h"
#include "mysql/position/gtid_set.h"

namespace dm::migration {
namespace {

constexpr size_t kMaxSourceIdLength = 32;

// <base>.<digits> with a number above 0.
bool IsBinlogName(std::string_view name) {
  const size_t dot = name.rfind('.');
  if (dot == std::string_view::npos || dot == 0 || dot + 1 == name.size()) return false;
  const std::string_view digits = name.substr(dot + 1);
  return digits.find_first_not_of("0123456789") == std::string_view::npos &&
         digits.find_first_not_of('0') != std::string_view::npos;
}

}  // namespace

SourceConfig ParseSourceYaml(std::string_view text) {
  SourceConfig source;
  try {
    ReadYaml(text, source);
  } catch (const std::invalid_argument& e) {
    throw WithCause(Error(ErrorCode::kConfigYamlTransform, "decode source config"), e);
  }
  return source;
}

void AdjustSource(SourceConfig& source, const PasswordCipher& cipher) {
  if (source.auto_fix_gtid) {
    source.auto_fix_gtid = false;
    Log().Warn("`auto-fix-gtid` has no effect any more", {F("source", source.source_id)});
  }
  const CheckerConfig fixed;
  source.checker.check_interval = fixed.check_interval;
  source.checker.backoff_min = fixed.backoff_min;
  source.checker.backoff_jitter = fixed.backoff_jitter;
  source.checker.backoff_factor = fixed.backoff_factor;
  source.from.password = Secret(cipher.DecryptOrPlain(source.from.password.Reveal()));
  if (source.relay_dir.empty()) source.relay_dir = "relay-dir";
}

void VerifySourceId(const SourceConfig& source) {
  if (source.source_id.empty()) throw MakeError(ErrorCode::kWorkerNeedSourceID);
  if (source.source_id.size() > kMaxSourceIdLength) {
    throw MakeError(ErrorCode::kWorkerTooLongSourceID, source.source_id, kMaxSourceIdLength);
  }
}

void VerifySource(const SourceConfig& source) {
  VerifySourceId(source);
  if (!source.relay_binlog_name.empty() && !IsBinlogName(source.relay_binlog_name)) {
    throw MakeError(ErrorCode::kWorkerRelayBinlogName, source.relay_binlog_name);
  }
  if (!source.relay_binlog_gtid.empty()) {
    try {
      std::optional<mysql::Flavor> flavor = mysql::ParseFlavor(source.flavor);
      flavor ? mysql::GtidSet::Parse(*flavor, source.relay_binlog_gtid)
             : mysql::GtidSet::ParseAny(source.relay_binlog_gtid);
    } catch (Error& e) {
      throw e.SetClass("dm-worker")
          .Annotate(fmt::format("relay-binlog-gtid {}", source.relay_binlog_gtid));
    }
  }
  if (source.checker.backoff_max < source.checker.backoff_min) {
    throw MakeError(ErrorCode::kConfigCheckerMaxTooSmall,
                    FormatDuration(source.checker.backoff_max),
                    FormatDuration(source.checker.backoff_min));
  }
  for (const std::string& warning : CheckEventFilters(source.filters, source.case_sensitive)) {
    Log().Warn(warning, {F("source", source.source_id)});
  }
  if (source.relay_dir.starts_with('/')) {
    Log().Warn("`relay-dir` is absolute: relay logs of several workers on one host would collide",
               {F("source", source.source_id), F("relay-dir", source.relay_dir)});
  }
  RefuseUnsupported(source);
}

}  // namespace dm::migration
