#include "migration/unit/resumable.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace dm::migration {
namespace {

// Errors that repeating cannot cure.
constexpr std::array kUnresumable = {
    ErrorCode::kSyncerCancelledDDL,           ErrorCode::kDumpUnitRuntime,
    ErrorCode::kDumpUnitGlobalLock,           ErrorCode::kLoadLightningHasDup,
    ErrorCode::kLoadLightningChecksum,        ErrorCode::kSyncUnitDDLWrongSequence,
    ErrorCode::kSyncerUnitDMLColumnNotMatch,  ErrorCode::kSyncerTransactionPieceUnknown,
    ErrorCode::kSyncerNoIdentityWithExitPoint};

constexpr std::array<std::string_view, 2> kRelayPhrases = {
    "binlog checksum mismatch, data may be corrupted", "get event err eof"};

// Lower case; looked for in the raw cause.
constexpr std::array<std::string_view, 34> kUnresumableCauses = {
    "can't drop column with index", "with composite index covered or primary key covered",
    "with tidb_enable_change_multi_schema is disable", "unsupported modifying collation",
    "unsupported converting collation", "unsupported add column", "unsupported modify column",
    "unsupported modify charset", "unsupported modify collate",
    "unsupported drop integer primary key", "unsupported collation", "invalid default value for",
    "unsupported drop primary key", "error 1059", "error 1117",
    "(errno: 185 ",  // MariaDB's 1005 for 1117 in ALTER TABLE
    "error 1069", "error 1062", "error 1406", "error 1366", "error 8025",
    "could not find first log file name in binary log index file", "could not find next log",
    "the slave is connecting using change master to master_auto_position = 1, but the master has "
    "purged binary logs containing gtids that the slave requires",
    "source has purged binary logs containing gtids that the replica requires",
    "purged required binary logs", "could not find gtid state requested by slave",
    // Later the upstream may come to these places again, with something else before them.
    "impossible position", "from position > file size", "slave has more gtids than the master",
    "replica has more gtids than the source", "is not in the master's binlog",
    "is missing the gtid", "its binlog has no gtids any more"};

std::string Lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

bool ContainsAny(const std::string& text, const auto& phrases) {
  return std::any_of(phrases.begin(), phrases.end(), [&](std::string_view phrase) {
    return text.find(phrase) != std::string::npos;
  });
}

}  // namespace

bool IsResumable(const Error& error) {
  const auto code = static_cast<ErrorCode>(error.code());
  if (std::find(kUnresumable.begin(), kUnresumable.end(), code) != kUnresumable.end()) return false;
  const std::string cause = Lower(error.raw_cause());
  if (ContainsAny(cause, kUnresumableCauses)) return false;
  if (code == ErrorCode::kLoadLightningRuntime) {
    // A view of a table that is not migrated.
    if (cause.starts_with("create ") && cause.find(" view ") != std::string::npos) return false;
    return cause.find("doesn't exist") != std::string::npos ||
           cause.find("is in mode import") != std::string::npos;
  }
  return code != ErrorCode::kParserParseRelayLog ||
         !ContainsAny(Lower(error.message()), kRelayPhrases);
}

bool IsResumable(const UnitResult& result) {
  return std::all_of(result.errors.begin(), result.errors.end(),
                     [](const Error& e) { return IsResumable(e); });
}

}  // namespace dm::migration
