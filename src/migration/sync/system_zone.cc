#include "migration/sync/system_zone.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdlib>

#include "migration/config/scalar.h"
#include "mysql/sql/lexer.h"
#include "mysql/value/quote.h"

namespace dm::migration {

using mysql::Expr;
using mysql::ExprKind;
using mysql::ExprPtr;

namespace {

std::string OffsetText(int64_t seconds) {
  const int64_t minutes = (seconds + (seconds < 0 ? -30 : 30)) / 60;
  return fmt::format("{}{:02}:{:02}", minutes < 0 ? '-' : '+', std::abs(minutes) / 60,
                     std::abs(minutes) % 60);
}

bool IsLiteral(const ExprPtr& expr) {
  return expr != nullptr && (expr->kind == ExprKind::kString || expr->kind == ExprKind::kInteger ||
                             expr->kind == ExprKind::kTemporal);
}

// Calls `change` with the literals that are moments.
void VisitMoments(mysql::Statement* statement,
                  const std::function<bool(std::string_view column)>& is_timestamp,
                  const std::function<void(ExprPtr*)>& change) {
  const auto in_columns = [&](std::vector<mysql::ColumnDef>& columns) {
    for (mysql::ColumnDef& column : columns) {
      if (column.type.code != mysql::FieldType::kTimestamp) continue;
      for (mysql::ColumnOption& option : column.options) {
        if (option.kind == mysql::ColumnOptionKind::kDefault) change(&option.expr);
      }
    }
  };
  const auto in_bound = [&](ExprPtr* bound) {
    if (*bound == nullptr || (*bound)->kind != ExprKind::kFunction ||
        mysql::UpperWord((*bound)->name) != "UNIX_TIMESTAMP" || (*bound)->args.size() != 1) {
      return;
    }
    Expr copy = **bound;
    change(&copy.args.front());
    *bound = std::make_shared<const Expr>(std::move(copy));
  };
  const auto in_partitions = [&](std::vector<mysql::PartitionDef>& partitions) {
    for (mysql::PartitionDef& partition : partitions) {
      for (ExprPtr& bound : partition.less_than) in_bound(&bound);
      for (auto& values : partition.in) {
        for (ExprPtr& bound : values) in_bound(&bound);
      }
    }
  };
  if (auto* create = statement->As<mysql::CreateTable>()) {
    in_columns(create->columns);
    if (create->partition) in_partitions(create->partition->definitions);
  } else if (auto* alter = statement->As<mysql::AlterTable>()) {
    for (mysql::AlterSpec& spec : alter->specs) {
      in_columns(spec.columns);
      in_partitions(spec.partitions);
      if (spec.partition) in_partitions(spec.partition->definitions);
      if (spec.kind == mysql::AlterKind::kSetDefault && is_timestamp(spec.name)) change(&spec.expr);
    }
  }
}

}  // namespace

SystemZone::SystemZone(mysql::ConnectOptions upstream) : upstream_(std::move(upstream)) {}

mysql::Connection& SystemZone::Session(const StopToken& stop) {
  if (connection_ && !connection_->broken()) {
    try {
      connection_->Ping(stop);  // it may have been idle for longer than the server allows
      return *connection_;
    } catch (const Error&) {
      ThrowIfStopped(stop);
    }
  }
  connection_ = mysql::Connection::Connect(upstream_, stop);
  // Literals may be zeros and invalid dates.
  connection_->Execute("SET SESSION time_zone = 'SYSTEM', SESSION sql_mode = ''", stop);
  return *connection_;
}

int64_t SystemZone::SecondsAt(const std::string& moment, const StopToken& stop) {
  const std::string answer =
      Session(stop)
          .QueryValue(fmt::format("SELECT TIMESTAMPDIFF(SECOND, TIMESTAMP('1970-01-01 00:00:00') + "
                                  "INTERVAL {0} SECOND, FROM_UNIXTIME({0}))",
                                  moment),
                      stop)
          .value_or("0");
  return std::strtoll(answer.c_str(), nullptr, 10);
}

std::string SystemZone::OffsetAt(uint32_t moment, const StopToken& stop) {
  return OffsetText(SecondsAt(fmt::format("{}", moment), stop));
}

bool SystemZone::ChangesInYearOf(uint32_t moment, const StopToken& stop) {
  const std::chrono::year_month_day day{std::chrono::floor<std::chrono::days>(
      std::chrono::sys_seconds(std::chrono::seconds(moment)))};
  const auto seconds_of = [&](std::chrono::month month) {
    const std::chrono::sys_seconds first = std::chrono::sys_days{day.year() / month / 1};
    return SecondsAt(fmt::format("{}", first.time_since_epoch().count()), stop);
  };
  return seconds_of(std::chrono::January) != seconds_of(std::chrono::July);
}

ExprPtr SystemZone::Moved(const ExprPtr& literal, int64_t seconds, const StopToken& stop) {
  const std::string text =
      literal->kind == ExprKind::kInteger ? literal->text : mysql::QuoteString(literal->text);
  const mysql::ResultSet answer = Session(stop).Query(
      fmt::format("SELECT TIMESTAMP('1970-01-01 00:00:00.000000') + INTERVAL (UNIX_TIMESTAMP({0}) "
                  "+ ({1})) SECOND, CAST({0} AS DATETIME(6)), UNIX_TIMESTAMP({0})",
                  text, seconds),
      stop);
  const auto& row = answer.rows.at(0);
  // Zeros, and what is no moment, mean the same everywhere.
  if (!row.at(0) || !row.at(1) || std::strtod(row.at(2).value_or("0").c_str(), nullptr) == 0) {
    return nullptr;
  }
  const auto plain = [](std::string moment) {
    if (moment.find('.') == std::string::npos) return moment;
    while (moment.back() == '0') moment.pop_back();
    if (moment.back() == '.') moment.pop_back();
    return moment;
  };
  const std::string moved = plain(*row.at(0));
  if (moved == plain(*row.at(1))) return nullptr;
  Expr expr = *literal;
  if (expr.kind == ExprKind::kInteger) {
    expr.kind = ExprKind::kString;
    expr.charset.clear();
  }
  expr.text = moved;
  return std::make_shared<const Expr>(std::move(expr));
}

void SystemZone::MoveLiterals(mysql::Statement* statement, const std::string& offset,
                              const std::function<bool(std::string_view column)>& is_timestamp,
                              const StopToken& stop) {
  const int64_t seconds =
      std::chrono::seconds(ParseZoneOffset(offset).value_or(std::chrono::minutes(0))).count();
  VisitMoments(statement, is_timestamp, [&](ExprPtr* expr) {
    if (!IsLiteral(*expr)) return;
    if (ExprPtr moved = Moved(*expr, seconds, stop)) *expr = std::move(moved);
  });
}

}  // namespace dm::migration
