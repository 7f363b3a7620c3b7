#include "mysql/client/constraints.h"

#include <fmt/format.h>

#include <string>

#include "mysql/value/quote.h"

namespace dm::mysql {

bool OtherTableHas(Connection& connection, NamedConstraint kind, std::string_view name,
                   std::string_view schema, std::string_view table, const StopToken& stop) {
  std::string from = "REFERENTIAL_CONSTRAINTS";
  std::string and_kind;
  if (kind == NamedConstraint::kCheck) {
    from = connection.server().is_tidb ? "TIDB_CHECK_CONSTRAINTS" : "TABLE_CONSTRAINTS";
    if (!connection.server().is_tidb) and_kind = " AND CONSTRAINT_TYPE = 'CHECK'";
  }
  return connection
      .QueryValue(
          fmt::format(
              "SELECT 1 FROM information_schema.{4} WHERE CONSTRAINT_SCHEMA = {0} AND "
              "CONSTRAINT_NAME = {1} AND IF(@@lower_case_table_names = 0, CAST(TABLE_NAME AS "
              "BINARY) <> CAST({2} AS BINARY), TABLE_NAME <> {2}){3} LIMIT 1",
              QuoteAnyMode(schema), QuoteAnyMode(name), QuoteAnyMode(table), and_kind, from),
          stop)
      .has_value();
}

}  // namespace dm::mysql
