// The configuration of one upstream.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "migration/config/database.h"
#include "migration/config/password_cipher.h"
#include "migration/config/scalar.h"
#include "migration/rules/rule_types.h"

namespace dm::migration {

// When relay files go.
struct PurgeConfig {
  int64_t interval = 3600;    // seconds between checks
  int64_t expires = 0;        // hours since the last change of a file; 0: never by age
  int64_t remain_space = 15;  // GB; below it old files go
  bool operator==(const PurgeConfig&) const = default;
};

// Auto-resume of failed subtasks.
struct CheckerConfig {
  bool check_enable = true;
  Duration backoff_rollback = std::chrono::minutes(5);
  Duration backoff_max = std::chrono::minutes(5);
  // Always these values, whatever a file says.
  Duration check_interval = std::chrono::seconds(5);
  Duration backoff_min = std::chrono::seconds(1);
  bool backoff_jitter = true;
  double backoff_factor = 2;
  bool operator==(const CheckerConfig&) const = default;
};

// Members in the order of keys in printed files. `tracer` is accepted and dropped.
struct SourceConfig {
  bool enable = true;
  bool enable_gtid = false;
  bool auto_fix_gtid = false;
  std::string relay_dir;
  std::string meta_dir;
  std::string flavor;
  std::string charset;
  bool enable_relay = false;
  std::string relay_binlog_name;
  std::string relay_binlog_gtid;
  std::string source_id;
  DbConfig from;
  PurgeConfig purge;
  CheckerConfig checker;
  uint32_t server_id = 0;
  bool case_sensitive = false;
  std::vector<EventFilterRule> filters;

  bool operator==(const SourceConfig&) const = default;
};

// Strict parse of a source file with defaults filled in: unknown and repeated keys and wrong types
// throw Error kConfigYamlTransform with the line numbers as raw cause. The password stays as
// written. Nothing is verified.
SourceConfig ParseSourceYaml(std::string_view text);

// The values that do not need the database: fixes `auto-fix-gtid` and the checker's fixed values,
// decrypts the password, fills an empty `relay-dir`.
void AdjustSource(SourceConfig& source, const PasswordCipher& cipher);

// Throws Error kWorkerNeedSourceID, kWorkerTooLongSourceID.
void VerifySourceId(const SourceConfig& source);

// Throws the error of the first rule broken: kWorkerNeedSourceID, kWorkerTooLongSourceID,
// kWorkerRelayBinlogName, the GTID set's parse error, kConfigCheckerMaxTooSmall,
// kConfigBinlogEventFilter; then what this version cannot do (key_table.h). Logs warnings.
void VerifySource(const SourceConfig& source);

// The record in etcd. Parsing throws Error kWorkerUndecodedItemFromFile for unknown keys,
// kWorkerDecodeConfigFromFile for everything else.
std::string SourceToToml(const SourceConfig& source);
SourceConfig ParseSourceToml(std::string_view text);

}  // namespace dm::migration
