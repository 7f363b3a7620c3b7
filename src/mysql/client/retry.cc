#include "mysql/client/retry.h"

#include <algorithm>
#include <iterator>

namespace dm::mysql {
namespace {

bool HasCode(const Error& e, ErrorCode code) { return e.code() == static_cast<int>(code); }

bool CauseContains(const Error& e, std::string_view phrase) {
  const std::string& text = e.raw_cause().empty() ? e.message() : e.raw_cause();
  return text.find(phrase) != std::string::npos;
}

}  // namespace

bool IsConnectionLost(const Error& e) { return IsBadConnection(e) || IsInvalidConnection(e); }

// Callers wrap database errors under their own codes; the cause's text survives that.
bool IsBadConnection(const Error& e) {
  return HasCode(e, ErrorCode::kDBBadConn) || e.raw_cause() == "driver: bad connection";
}

bool IsInvalidConnection(const Error& e) {
  return HasCode(e, ErrorCode::kDBInvalidConn) || e.raw_cause() == "invalid connection";
}

bool IsConnectionRefused(const Error& e) { return CauseContains(e, "connect: connection refused"); }

bool IsRetryableServerError(const Error& e) {
  switch (e.server_errno()) {
    case 1213:  // deadlock
    case 8002:  // TiDB: write conflict behind a locking read
    case 8005:  // TiDB: write conflict, transaction restarted
    case 8022:  // TiDB: transaction may be retried
    case 8027:  // TiDB: information schema expired
    case 8028:  // TiDB: information schema changed
    case 8245:  // TiDB: column is being changed by a DDL
    case 9001:  // TiDB: placement driver timeout
    case 9003:  // TiDB: TiKV busy
    case 9004:  // TiDB: lock resolution timeout
    case 9007:  // TiDB: write conflict
      return true;
    case 1105:  // TiDB: unclassified
      return CauseContains(e, "Information schema is out of date") ||
             CauseContains(e, "Information schema is changed");
    default:
      return false;
  }
}

bool IsTransactionTooLarge(const Error& e) {
  return e.server_errno() == 8004 || e.server_errno() == 8175;
}

bool IsErrorOfServer(const Error& e) {
  switch (const int number = e.server_errno()) {
    case 1021:  // disk full
    case 1037:  // memory
    case 1038:  // memory to sort
    case 1040:  // connections
    case 1041:  // memory
    case 1044:  // access to a database
    case 1045:  // access
    case 1053:  // shutdown
    case 1114:  // table full
    case 1142:  // access to a table
    case 1143:  // access to a column
    case 1180:  // at COMMIT
    case 1205:  // lock wait timeout
    case 1206:  // lock table full
    case 1213:  // deadlock
    case 1227:  // rights
    case 1290:  // an option, read_only
    case 1317:  // interrupted
    case 1792:  // a transaction that only reads
    case 1836:  // read only
    case 1969:  // MariaDB: statement timeout
    case 3024:  // MySQL: statement timeout
    case 3572:  // locks, NOWAIT
    case 4031:  // idle too long
      return true;
    case 8002:  // TiDB: write conflict
    case 8004:  // TiDB: the transaction is too large
    case 8005:  // TiDB: write conflict
    case 8020:  // TiDB: the table is locked
    case 8022:  // TiDB: transaction may be retried
    case 8027:  // TiDB: information schema expired
    case 8028:  // TiDB: information schema changed
    case 8175:  // TiDB: memory
    case 8245:  // TiDB: column is being changed by a DDL
      return true;
    default:
      // The storage of TiDB. (1105, "unclassified", and others of TiDB itself are also about
      // values.)
      return number >= 9000 && number < 10000;
  }
}

bool IsIgnorableDdlError(const Error& e) {
  static constexpr int kAlreadySo[] = {1007, 1008, 1050, 1051, 1054, 1060, 1061,
                                       1068, 1091, 1176, 1507, 1517, 1831};
  return std::find(std::begin(kAlreadySo), std::end(kAlreadySo), e.server_errno()) !=
         std::end(kAlreadySo);
}

bool MaySayConstraintIsTaken(const Error& e) {
  const int number = e.server_errno();
  // (The words in front of the number are in the server's language.)
  return number == 1826 || number == 3822 || number == 1022 ||
         (number == 1005 && e.raw_cause().find(": 121 \"") != std::string::npos);
}

bool IsUnknownToServer(const Error& e) {
  static constexpr int kUnknown[] = {1064, 1115, 1235, 1253, 1273, 1286, 4161, 8108, 8200};
  return std::find(std::begin(kUnknown), std::end(kUnknown), e.server_errno()) !=
         std::end(kUnknown);
}

}  // namespace dm::mysql
