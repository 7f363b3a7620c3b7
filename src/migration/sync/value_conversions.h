// What a column that gets another type makes of its values: where the kinds of servers do not do
// the same, and no mode of a session makes them.
#pragma once

#include <optional>
#include <string_view>

#include "mysql/client/connection.h"
#include "mysql/schema/table_info.h"
#include "mysql/sql/statement.h"

namespace dm::migration {

enum class ServerKind { kMySql, kMariaDb, kTiDb };

ServerKind KindOf(const mysql::ServerInfo& server);

// How both servers convert.
struct ConversionKinds {
  ServerKind upstream = ServerKind::kMySql;
  ServerKind downstream = ServerKind::kMySql;
  // The one of both that is a MySQL cuts, by its mode, the fraction of a time that keeps fewer
  // digits.
  bool mysql_cuts = false;
};

// What differs for values of `was` that become `type`, as a text for the log; nullopt: they are
// surely the same.
std::optional<std::string_view> OtherConversion(const mysql::ColumnInfo& was,
                                                const mysql::DataType& type,
                                                const ConversionKinds& kinds);

}  // namespace dm::migration
