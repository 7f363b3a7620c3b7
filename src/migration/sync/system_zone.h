// The time zone SYSTEM of the upstream server: which offset it had when. Only the server knows.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/thread/stop.h"
#include "mysql/client/connection.h"
#include "mysql/sql/statement.h"

namespace dm::migration {

// Connects when it is asked first. One owner thread. All throw Error of the connection.
class SystemZone {
 public:
  explicit SystemZone(mysql::ConnectOptions upstream);

  // "+02:00": at this moment (Unix time).
  std::string OffsetAt(uint32_t moment, const StopToken& stop);

  // A literal moment of the other half of the year is another one in a zone of fixed offset:
  // changes those that are TIMESTAMP defaults or bounds of partitions to what means the same in
  // `offset`. `is_timestamp` tells of columns that are not defined by the statement.
  void MoveLiterals(mysql::Statement* statement, const std::string& offset,
                    const std::function<bool(std::string_view column)>& is_timestamp,
                    const StopToken& stop);

  // Does it have summer time, in the year of this moment?
  bool ChangesInYearOf(uint32_t moment, const StopToken& stop);

 private:
  mysql::Connection& Session(const StopToken& stop);
  // The same moment in a zone `seconds` before UTC; null: the literal may stay as it is.
  mysql::ExprPtr Moved(const mysql::ExprPtr& literal, int64_t seconds, const StopToken& stop);
  int64_t SecondsAt(const std::string& moment, const StopToken& stop);

  const mysql::ConnectOptions upstream_;
  std::unique_ptr<mysql::Connection> connection_;
};

}  // namespace dm::migration
