#include "migration/meta/operator_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error/error.h"
#include "migration/meta/names.h"
#include "mysql/value/quote.h"

namespace dm::migration {

using nlohmann::json;

namespace {

constexpr std::string_view kPrefix = "operator ";

json ToJson(const mysql::BinlogPosition& position) {
  return {{"file", position.file}, {"offset", position.offset}};
}

mysql::BinlogPosition PositionOf(const json& value) {
  return {value.at("file").get<std::string>(), value.at("offset").get<uint64_t>()};
}

std::string NameOf(uint64_t number) {
  return mysql::QuoteAnyMode(fmt::format("{}{}", kPrefix, number));
}

std::string ValueOf(const StatementOperator& op) {
  const json value = {{"op", static_cast<int>(op.kind)},
                      {"position", ToJson(op.position)},
                      {"gtid", op.gtid},
                      {"statement", op.statement},
                      {"transaction", ToJson(op.transaction)},
                      {"statements", op.statements},
                      {"sql-mode", op.sql_mode},
                      {"done", op.done}};
  // Statements come from outside and may be no UTF-8.
  return mysql::QuoteAnyMode(value.dump(-1, ' ', false, json::error_handler_t::replace));
}

StatementOperator Parse(uint64_t number, const std::string& text) {
  const json value = json::parse(text);
  StatementOperator op;
  op.number = number;
  op.kind = static_cast<OperatorKind>(value.at("op").get<int>());
  if (op.kind != OperatorKind::kSkip && op.kind != OperatorKind::kReplace &&
      op.kind != OperatorKind::kInject) {
    throw std::runtime_error("unknown kind of operation");
  }
  op.position = PositionOf(value.at("position"));
  op.gtid = value.at("gtid").get<std::string>();
  op.statement = value.at("statement").get<uint32_t>();
  op.transaction = PositionOf(value.at("transaction"));
  op.statements = value.at("statements").get<std::vector<std::string>>();
  op.sql_mode = value.at("sql-mode").get<std::string>();
  op.done = value.at("done").get<size_t>();
  return op;
}

}  // namespace

OperatorTable::OperatorTable(std::string_view meta_schema, std::string_view task,
                             std::string_view source_id)
    : table_(MetaTable(meta_schema, task, kSyncerStateSuffix)),
      id_(mysql::QuoteAnyMode(source_id)) {}

std::vector<StatementOperator> OperatorTable::Load(mysql::Connection& connection,
                                                   const StopToken& stop) const {
  const mysql::ResultSet result =
      connection.Query(fmt::format("SELECT name, value FROM {} WHERE id = {} AND name LIKE '{}%'",
                                   table_, id_, kPrefix),
                       stop);
  std::vector<StatementOperator> operators;
  for (const auto& row : result.rows) {
    const std::string name = row.at(0).value_or("");
    try {
      operators.push_back(Parse(std::stoull(name.substr(kPrefix.size())), row.at(1).value_or("")));
    } catch (const std::exception& e) {
      throw Error(ErrorCode::kDBUnExpect,
                  fmt::format("the row `{}` of {} is broken: {}", name, table_, e.what()))
          .SetScope(ErrorScope::kDownstream)
          .SetWorkaround("Please delete the row and give the command again.");
    }
  }
  std::sort(operators.begin(), operators.end(),
            [](const auto& a, const auto& b) { return a.number < b.number; });
  return operators;
}

std::string OperatorTable::InsertStatement(const StatementOperator& op) const {
  return fmt::format("INSERT INTO {} (id, name, value) VALUES ({}, {}, {})", table_, id_,
                     NameOf(op.number), ValueOf(op));
}

std::string OperatorTable::UpdateStatement(const StatementOperator& op) const {
  return fmt::format("UPDATE {} SET value = {} WHERE id = {} AND name = {}", table_, ValueOf(op),
                     id_, NameOf(op.number));
}

std::string OperatorTable::DeleteStatement(uint64_t number) const {
  return fmt::format("DELETE FROM {} WHERE id = {} AND name = {}", table_, id_, NameOf(number));
}

}  // namespace dm::migration
