// Functions of dates and times.
#include <fmt/format.h>

#include "mysql/evaluate/compile.h"
#include "mysql/evaluate/temporal.h"

namespace dm::mysql::evaluate {
namespace {

constexpr int64_t kSecond = 1'000'000;

// An integer of a date.
Node OfDate(Compiler& compiler, const Expr& expr, Value (*f)(const Civil&)) {
  const Node operand = compiler.Compile(*expr.args[0]);
  return {.type = IntegerType(), .evaluate = Apply(AsDateTime(operand), [f](const Value& v) {
                                   return f(Unpack(Integer(v)));
                                 })};
}

// An integer of a time of day; `f` gets microseconds without sign.
Node OfTime(Compiler& compiler, const Expr& expr, int64_t (*f)(int64_t)) {
  const Node operand = compiler.Compile(*expr.args[0]);
  if (operand.type.kind == Kind::kTime) {
    return {.type = IntegerType(), .evaluate = Apply(operand.evaluate, [f](const Value& v) {
                                     const int64_t value = Integer(v);
                                     return f(value < 0 ? -value : value);
                                   })};
  }
  if (!operand.type.is_date() && operand.type.kind != Kind::kNull) {
    Refuse(fmt::format("{} of anything but a date or time column", Upper(expr.name)));
  }
  return {.type = IntegerType(),
          .evaluate = Apply(operand.evaluate, [f](const Value& v) {
            const Civil c = Unpack(Integer(v));
            return f((c.hour * 3600 + c.minute * 60 + c.second) * kSecond + c.microsecond);
          })};
}

int64_t HourOf(int64_t t) { return t / kSecond / 3600; }
int64_t MinuteOf(int64_t t) { return t / kSecond / 60 % 60; }
int64_t SecondOf(int64_t t) { return t / kSecond % 60; }
int64_t MicrosecondOf(int64_t t) { return t % kSecond; }

Value YearOf(const Civil& c) { return int64_t{c.year}; }
Value MonthOf(const Civil& c) { return int64_t{c.month}; }
Value DayOf(const Civil& c) { return int64_t{c.day}; }
Value QuarterOf(const Civil& c) { return int64_t{(c.month + 2) / 3}; }

Value Number(const Civil& c, int64_t (*f)(int64_t)) {
  if (c.has_zero_part()) return {};
  return f(DayNumber(c.year, c.month, c.day));
}
Value DayOfWeek(const Civil& c) {
  return Number(c, [](int64_t day) { return (day + 6) % 7 + 1; });
}
Value Weekday(const Civil& c) {
  return Number(c, [](int64_t day) { return (day + 5) % 7; });
}
Value ToDays(const Civil& c) {
  return Number(c, [](int64_t day) { return day; });
}
Value DayOfYear(const Civil& c) {
  if (c.has_zero_part()) return {};
  return DayNumber(c.year, c.month, c.day) - DayNumber(c.year, 1, 1) + 1;
}

Node DateOf(Compiler& compiler, const Expr& expr) {
  const Node operand = compiler.Compile(*expr.args[0]);
  return {.type = {.kind = Kind::kDate}, .evaluate = Apply(AsDateTime(operand), [](const Value& v) {
                                           Civil c = Unpack(Integer(v));
                                           c.hour = c.minute = c.second = c.microsecond = 0;
                                           return Pack(c);
                                         })};
}

Node LastDay(Compiler& compiler, const Expr& expr) {
  const Node operand = compiler.Compile(*expr.args[0]);
  return {.type = {.kind = Kind::kDate},
          .evaluate = Apply(AsDateTime(operand), [](const Value& v) -> Value {
            Civil c = Unpack(Integer(v));
            if (c.has_zero_part()) return {};
            c.hour = c.minute = c.second = c.microsecond = 0;
            c.day = DaysOfMonth(c.year, c.month);
            return Pack(c);
          })};
}

Node DateDiff(Compiler& compiler, const Expr& expr) {
  const Node a = compiler.Compile(*expr.args[0]);
  const Node b = compiler.Compile(*expr.args[1]);
  return {
      .type = IntegerType(),
      .evaluate = Apply(AsDateTime(a), AsDateTime(b), [](const Value& v, const Value& w) -> Value {
        const Civil x = Unpack(Integer(v));
        const Civil y = Unpack(Integer(w));
        if (x.has_zero_part() || y.has_zero_part()) return {};
        return DayNumber(x.year, x.month, x.day) - DayNumber(y.year, y.month, y.day);
      })};
}

Unit UnitOf(const Expr& expr, std::string_view word) {
  const std::optional<Unit> unit = ParseUnit(word);
  if (!unit) Refuse(fmt::format("{} with the unit {}", Upper(expr.name), word));
  return *unit;
}

Node TimestampDiff(Compiler& compiler, const Expr& expr) {
  const Unit unit = UnitOf(expr, expr.args[0]->name);
  const Node from = compiler.Compile(*expr.args[1]);
  const Node to = compiler.Compile(*expr.args[2]);
  return {.type = IntegerType(),
          .evaluate = Apply(AsDateTime(from), AsDateTime(to),
                            [unit](const Value& v, const Value& w) -> Value {
                              const Civil x = Unpack(Integer(v));
                              const Civil y = Unpack(Integer(w));
                              if (x.has_zero_part() || y.has_zero_part()) {
                                return {};
                              }
                              return Difference(x, y, unit);
                            })};
}

Node AddDate(Compiler& compiler, const Expr& expr, bool subtract) {
  if (expr.args[1]->kind != ExprKind::kInterval) {
    Refuse(fmt::format("{} without INTERVAL", Upper(expr.name)));
  }
  return AddIntervalTo(compiler, *expr.args[0], *expr.args[1], subtract);
}

constexpr FunctionEntry kFunctions[] = {
    {"YEAR", 1, 1,
     [](Compiler& c, const Expr& e) {
       Node node = OfDate(c, e, YearOf);
       node.type.is_unsigned = !c.options().mariadb;
       return node;
     }},
    {"MONTH", 1, 1, [](Compiler& c, const Expr& e) { return OfDate(c, e, MonthOf); }},
    {"DAY", 1, 1, [](Compiler& c, const Expr& e) { return OfDate(c, e, DayOf); }},
    {"DAYOFMONTH", 1, 1, [](Compiler& c, const Expr& e) { return OfDate(c, e, DayOf); }},
    {"QUARTER", 1, 1, [](Compiler& c, const Expr& e) { return OfDate(c, e, QuarterOf); }},
    {"DAYOFWEEK", 1, 1, [](Compiler& c, const Expr& e) { return OfDate(c, e, DayOfWeek); }},
    {"WEEKDAY", 1, 1, [](Compiler& c, const Expr& e) { return OfDate(c, e, Weekday); }},
    {"DAYOFYEAR", 1, 1, [](Compiler& c, const Expr& e) { return OfDate(c, e, DayOfYear); }},
    {"TO_DAYS", 1, 1, [](Compiler& c, const Expr& e) { return OfDate(c, e, ToDays); }},
    {"HOUR", 1, 1, [](Compiler& c, const Expr& e) { return OfTime(c, e, HourOf); }},
    {"MINUTE", 1, 1, [](Compiler& c, const Expr& e) { return OfTime(c, e, MinuteOf); }},
    {"SECOND", 1, 1, [](Compiler& c, const Expr& e) { return OfTime(c, e, SecondOf); }},
    {"MICROSECOND", 1, 1, [](Compiler& c, const Expr& e) { return OfTime(c, e, MicrosecondOf); }},
    {"DATE", 1, 1, DateOf},
    {"LAST_DAY", 1, 1, LastDay},
    {"DATEDIFF", 2, 2, DateDiff},
    {"TIMESTAMPDIFF", 3, 3, TimestampDiff},
    {"DATE_ADD", 2, 2, [](Compiler& c, const Expr& e) { return AddDate(c, e, false); }},
    {"ADDDATE", 2, 2, [](Compiler& c, const Expr& e) { return AddDate(c, e, false); }},
    {"DATE_SUB", 2, 2, [](Compiler& c, const Expr& e) { return AddDate(c, e, true); }},
    {"SUBDATE", 2, 2, [](Compiler& c, const Expr& e) { return AddDate(c, e, true); }},
};

}  // namespace

std::span<const FunctionEntry> TemporalFunctions() { return kFunctions; }

Node Extract(Compiler& compiler, const Expr& expr) {
  const Node operand = compiler.Compile(*expr.args.at(0));
  if (!operand.type.is_date()) Refuse("EXTRACT from anything but a date column");
  const std::string& unit = expr.name;
  const auto time = [](const Civil& c) {
    return (c.hour * 3600 + c.minute * 60 + c.second) * kSecond + c.microsecond;
  };
  Value (*f)(const Civil&) = unit == "YEAR"      ? YearOf
                             : unit == "MONTH"   ? MonthOf
                             : unit == "DAY"     ? DayOf
                             : unit == "QUARTER" ? QuarterOf
                                                 : nullptr;
  if (f != nullptr) {
    return {.type = IntegerType(), .evaluate = Apply(operand.evaluate, [f](const Value& v) {
                                     return f(Unpack(Integer(v)));
                                   })};
  }
  int64_t (*g)(int64_t) = unit == "HOUR"          ? HourOf
                          : unit == "MINUTE"      ? MinuteOf
                          : unit == "SECOND"      ? SecondOf
                          : unit == "MICROSECOND" ? MicrosecondOf
                                                  : nullptr;
  if (g == nullptr) Refuse(fmt::format("EXTRACT with the unit {}", unit));
  return {.type = IntegerType(), .evaluate = Apply(operand.evaluate, [g, time](const Value& v) {
                                   return g(time(Unpack(Integer(v))));
                                 })};
}

Node AddIntervalTo(Compiler& compiler, const Expr& date, const Expr& interval, bool subtract) {
  const Node operand = compiler.Compile(date);
  const Node count = compiler.Compile(*interval.args.at(0));
  if (!operand.type.is_date()) {
    Refuse("INTERVAL is added to anything but a date; write DATE '...' or TIMESTAMP '...'");
  }
  const std::optional<Unit> unit = ParseUnit(interval.name);
  if (!unit || *unit == Unit::kMicrosecond) {
    Refuse(fmt::format("INTERVAL with the unit {}", interval.name));
  }
  if (count.type.is_unsigned) Refuse("INTERVAL of an unsigned number");
  Node node;
  const bool stays = operand.type.kind == Kind::kDateTime || IsDateUnit(*unit);
  node.type = {.kind = stays ? operand.type.kind : Kind::kDateTime,
               .decimals = operand.type.decimals};
  node.evaluate = Apply(operand.evaluate, AsInteger(count),
                        [unit = *unit, subtract](const Value& v, const Value& n) -> Value {
                          int64_t number = Integer(n);
                          if (number < -1'000'000'000 || number > 1'000'000'000) {
                            throw EvaluationError();
                          }
                          if (subtract) number = -number;
                          const std::optional<Civil> result =
                              AddInterval(Unpack(Integer(v)), number, unit);
                          if (!result) return {};
                          return Pack(*result);
                        });
  return node;
}

}  // namespace dm::mysql::evaluate
