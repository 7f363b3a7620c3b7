#include "mysql/evaluate/condition.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "mysql/evaluate/collation_order.h"
#include "mysql/evaluate/decimal.h"
#include "mysql/evaluate/temporal.h"
#include "mysql/sql/parser.h"

namespace dm::mysql {
namespace {

using testing::HasSubstr;

// One row: a name, a type and a value each.
class RowOf {
 public:
  RowOf& Int(const char* name, int64_t value, FieldType type = FieldType::kLongLong,
             bool is_unsigned = false) {
    ConditionColumn column{.name = name, .type = type};
    column.meta.type = ColumnType::kLongLong;
    column.meta.is_unsigned = is_unsigned;
    return Add(std::move(column), std::string(reinterpret_cast<const char*>(&value), 8));
  }
  RowOf& Real(const char* name, double value) {
    ConditionColumn column{.name = name, .type = FieldType::kDouble};
    column.meta.type = ColumnType::kDouble;
    return Add(std::move(column), std::string(reinterpret_cast<const char*>(&value), 8));
  }
  RowOf& Text(const char* name, std::string value, const char* collation = "utf8mb4_general_ci") {
    ConditionColumn column{.name = name, .type = FieldType::kVarchar, .collation = collation};
    column.meta.type = ColumnType::kVarchar;
    column.meta.charset = CharsetOfCollationName(collation);
    return Add(std::move(column), std::move(value));
  }
  RowOf& Null(const char* name) {
    ConditionColumn column{.name = name};
    column.meta.type = ColumnType::kLongLong;
    Add(std::move(column), "");
    is_null_.back() = true;
    return *this;
  }
  RowOf& Enum(const char* name, std::vector<std::string> elements, uint8_t value) {
    ConditionColumn column{.name = name,
                           .type = FieldType::kEnum,
                           .collation = "utf8mb4_general_ci",
                           .elements = std::move(elements)};
    column.meta.type = ColumnType::kEnum;
    column.meta.length_bytes = 1;
    return Add(std::move(column), std::string(1, static_cast<char>(value)));
  }
  // DATE as rows store it.
  RowOf& Date(const char* name, int year, int month, int day) {
    ConditionColumn column{.name = name, .type = FieldType::kDate};
    column.meta.type = ColumnType::kDate;
    const uint32_t packed = static_cast<uint32_t>(year << 9 | month << 5 | day);
    return Add(std::move(column), std::string(reinterpret_cast<const char*>(&packed), 3));
  }

  char operator()(std::string_view text, bool mariadb = false) const {
    ConditionOptions options;
    options.mariadb = mariadb;
    const Condition condition(*ParseExpression(text, {}), columns_, options);
    std::vector<Cell> cells;
    for (size_t i = 0; i < values_.size(); ++i) {
      cells.push_back({reinterpret_cast<const uint8_t*>(values_[i].data()),
                       static_cast<uint32_t>(values_[i].size()),
                       is_null_[i] ? CellState::kNull : CellState::kValue});
    }
    return "FNTE"[static_cast<int>(condition.Evaluate(cells))];
  }
  std::string Refusal(std::string_view text) const {
    try {
      Condition(*ParseExpression(text, {}), columns_, {});
    } catch (const std::invalid_argument& e) {
      return e.what();
    }
    return "accepted";
  }
  const std::vector<ConditionColumn>& columns() const { return columns_; }

 private:
  RowOf& Add(ConditionColumn column, std::string value) {
    columns_.push_back(std::move(column));
    values_.push_back(std::move(value));
    is_null_.push_back(false);
    return *this;
  }
  std::vector<ConditionColumn> columns_;
  std::vector<std::string> values_;
  std::vector<bool> is_null_;
};

RowOf Sample() {
  RowOf row;
  row.Int("i", 7).Int("u", -1, FieldType::kLongLong, true).Null("n").Real("d", 0.1);
  row.Text("s", "Müller")
      .Text("b", "abc", "utf8mb4_bin")
      .Text("l", "M\xfcller", "latin1_swedish_ci");
  row.Enum("e", {"red", "green"}, 2).Date("da", 2020, 2, 29).Text("raw", "abc", "binary");
  return row;
}

TEST(ConditionTest, ThreeValues) {
  const RowOf row = Sample();
  const std::pair<const char*, char> cases[] = {
      {"i = 7", 'T'},
      {"i = 8", 'F'},
      {"n = 1", 'N'},
      {"n IS NULL", 'T'},
      {"n <=> NULL", 'T'},
      {"i <=> NULL", 'F'},
      {"n = 1 AND i = 8", 'F'},
      {"n = 1 AND i = 7", 'N'},
      {"n = 1 OR i = 7", 'T'},
      {"n = 1 OR i = 8", 'N'},
      {"n = 1 XOR i = 7", 'N'},
      {"i = 7 XOR i = 7", 'F'},
      {"NOT n", 'N'},
      {"NOT i", 'F'},
      {"!0", 'T'},
      {"(n = 1) IS UNKNOWN", 'T'},
      {"(n = 1) IS NOT TRUE", 'T'},
      {"i IN (1, NULL)", 'N'},
      {"i IN (7, NULL)", 'T'},
      {"i NOT IN (7, NULL)", 'F'},
      {"i BETWEEN 8 AND n", 'F'},
      {"i BETWEEN 1 AND n", 'N'},
      {"CASE WHEN n THEN 1 ELSE 0 END", 'F'},
      {"IF(n IS NULL, i = 7, NULL)", 'T'},
      {"COALESCE(n, i) = 7", 'T'},
      {"NULLIF(i, 7) IS NULL", 'T'},
  };
  for (const auto& [text, expected] : cases) EXPECT_EQ(row(text), expected) << text;
}

TEST(ConditionTest, Numbers) {
  const RowOf row = Sample();
  const std::pair<const char*, char> cases[] = {
      {"u = 18446744073709551615", 'T'},
      {"u > i", 'T'},
      {"u + 1 > 0", 'E'},
      {"i - 8 = -1", 'T'},
      {"u - u - 1 = -1", 'E'},
      {"i % 2 = 1", 'T'},
      {"-i % 2 = -1", 'T'},
      {"i DIV 2 = 3", 'T'},
      {"i / 2 = 3.5", 'T'},
      {"i / 0 IS NULL", 'T'},
      {"1 / 3 = 0.3333", 'T'},
      {"1 / 3 = 0.333333333", 'F'},
      {"0.1 + 0.2 = 0.3", 'T'},
      {"d + 0.2e0 = 0.3e0", 'F'},
      {"d = 0.1", 'T'},
      {"ROUND(2.5) = 3", 'T'},
      {"ROUND(25e-1) = 2", 'T'},
      {"TRUNCATE(-1.99, 1) = -1.9", 'T'},
      {"FLOOR(-1.5) = -2", 'T'},
      {"CEIL(-1.5) = -1", 'T'},
      {"~0 = 18446744073709551615", 'T'},
      {"i & 3 = 3", 'T'},
      {"1 << 64 = 0", 'T'},
      {"CAST(2.5 AS SIGNED) = 3", 'T'},
      {"CAST(1234.5 AS DECIMAL(5,2)) = 999.99", 'T'},
      {"9223372036854775807 + 1 > 0", 'E'},
      {"i = '7'", 'T'},
      {"i = '7abc'", 'T'},
      {"i = 'abc'", 'F'},
      {"'0.5'", 'T'},
      {"'abc'", 'F'},
      {"GREATEST(1, 2.5, i) = 7", 'T'},
      {"i = 0x07", 'T'},
      {"i = b'111'", 'T'},
  };
  for (const auto& [text, expected] : cases) EXPECT_EQ(row(text), expected) << text;
}

TEST(ConditionTest, WhereServersDiffer) {
  const RowOf row = Sample();
  const auto mysql = [&](const char* text) { return row(text, false); };
  const auto mariadb = [&](const char* text) { return row(text, true); };
  EXPECT_EQ(mysql("i << 4294967296 = 7"), 'F');
  EXPECT_EQ(mariadb("i << 4294967296 = 7"), 'T');
  EXPECT_EQ(mysql("CAST(-1.5 AS UNSIGNED) = 0"), 'F');
  EXPECT_EQ(mariadb("CAST(-1.5 AS UNSIGNED) = 0"), 'T');
  EXPECT_EQ(mysql("CAST(i AS DECIMAL(5,1)) * -1 % 7 = 0"), 'T');
  EXPECT_EQ(mariadb("CAST(i AS DECIMAL(5,1)) * -1 % 7 < 0"), 'T');
  EXPECT_EQ(mysql("i / 3 * 3 = 7"), 'F');
  EXPECT_EQ(mariadb("i / 3 = 2.3333"), 'T');
  EXPECT_THROW(mariadb("i / 3 * 3 = 7"), std::invalid_argument);
  EXPECT_THROW(mysql("u IN (-1, i)"), std::invalid_argument);
  EXPECT_EQ(mariadb("u IN (-1, i)"), 'F');
}

TEST(ConditionTest, Texts) {
  const RowOf row = Sample();
  const std::pair<const char*, char> cases[] = {
      {"s = 'MULLER'", 'T'},
      {"s = 'Muller  '", 'T'},
      {"s = 'Muller ' COLLATE utf8mb4_0900_ai_ci", 'F'},
      {"s = 'Müller' COLLATE utf8mb4_bin", 'T'},
      {"s COLLATE utf8mb4_bin = 'MÜLLER'", 'F'},
      {"b = 'ABC'", 'F'},
      {"b = 'abc '", 'T'},
      {"raw = 'abc '", 'F'},
      {"l = 'müller'", 'T'},
      {"l = 'Muller'", 'F'},
      {"s LIKE 'm_ll%'", 'T'},
      {"s LIKE 'm_l'", 'F'},
      {"s LIKE '%'", 'T'},
      {"'a%b' LIKE 'a\\%b'", 'T'},
      {"'axb' LIKE 'a\\%b'", 'F'},
      {"'a|b' LIKE 'a||b' ESCAPE '|'", 'T'},
      {"LENGTH(s) = 7", 'T'},
      {"LENGTH(l) = 6", 'T'},
      {"CHAR_LENGTH(s) = 6", 'T'},
      {"UPPER(s) = 'MÜLLER' COLLATE utf8mb4_bin", 'T'},
      {"LEFT(s, 2) = 'mu'", 'T'},
      {"SUBSTRING(b, -2) = 'bc'", 'T'},
      {"SUBSTRING(b, 2, 1) = 'b'", 'T'},
      {"SUBSTRING(b, 0) = ''", 'T'},
      {"CONCAT(b, i) = 'abc7'", 'T'},
      {"CONCAT(b, n) IS NULL", 'T'},
      {"CONCAT_WS('-', b, n, i) = 'abc-7'", 'T'},
      {"TRIM(BOTH 'a' FROM b) = 'bc'", 'T'},
      {"REPLACE(b, 'b', '') = 'ac'", 'T'},
      {"LOCATE('L', s) = 3", 'T'},
      {"INSTR(s, 'x') = 0", 'T'},
      {"SUBSTRING_INDEX('a.b.c', '.', -2) = 'b.c'", 'T'},
      {"e = 'GREEN'", 'T'},
      {"e IN ('red', 'blue')", 'F'},
      {"s BETWEEN 'a' AND 'z'", 'T'},
      {"STRCMP(b, 'abd') = -1", 'T'},
      {"FIELD(b, 'x', 'abc') = 2", 'T'},
      {"FIND_IN_SET('b', 'a,b,c') = 2", 'T'},
  };
  for (const auto& [text, expected] : cases) EXPECT_EQ(row(text), expected) << text;
}

TEST(ConditionTest, Dates) {
  const RowOf row = Sample();
  const std::pair<const char*, char> cases[] = {
      {"da = '2020-02-29'", 'T'},
      {"da < '2020-02-29 00:00:01'", 'T'},
      {"YEAR(da) < 2021", 'T'},
      {"MONTH(da) = 2 AND DAY(da) = 29", 'T'},
      {"da + INTERVAL 1 YEAR = '2021-02-28'", 'T'},
      {"da - INTERVAL 1 DAY = '2020-02-28'", 'T'},
      {"da + INTERVAL 1 HOUR > da", 'T'},
      {"DATEDIFF(da, '2020-01-01') = 59", 'T'},
      {"TIMESTAMPDIFF(MONTH, da, '2020-03-28') = 0", 'T'},
      {"LAST_DAY(da) = da", 'T'},
      {"WEEKDAY(da) = 5", 'T'},
      {"DAYOFWEEK(da) = 7", 'T'},
      {"DAYOFYEAR(da) = 60", 'T'},
      {"TO_DAYS(da) = 737849", 'T'},
      {"da BETWEEN '2020-01-01' AND '2020-12-31'", 'T'},
      {"EXTRACT(YEAR FROM da) = 2020", 'T'},
      {"CONCAT(da, '') = '2020-02-29'", 'T'},
      {"da > DATE '2020-02-28'", 'T'},
  };
  for (const auto& [text, expected] : cases) EXPECT_EQ(row(text), expected) << text;
}

TEST(ConditionTest, Refusals) {
  const RowOf row = Sample();
  EXPECT_THAT(row.Refusal("zz = 1"), HasSubstr("no column `zz`"));
  EXPECT_THROW(Condition(*ParseExpression("zz = 1", {}), row.columns(), {}), UnknownColumn);
  EXPECT_THAT(row.Refusal("da = 20200229"), HasSubstr("date or time and a number"));
  EXPECT_THAT(row.Refusal("da = '29.2.2020'"), HasSubstr("YYYY-MM-DD"));
  EXPECT_THAT(row.Refusal("da = '2020-02-30'"), HasSubstr("YYYY-MM-DD"));
  EXPECT_THAT(row.Refusal("s = l"), HasSubstr("add COLLATE"));
  EXPECT_THAT(row.Refusal("s = '\xe4\xb8\xad' COLLATE utf8mb4_zh_0900_as_cs"),
              HasSubstr("utf8mb4_zh"));
  EXPECT_THAT(row.Refusal("l = '日本'"), HasSubstr("latin1"));
  EXPECT_THAT(row.Refusal("s IN (1, 'a')"), HasSubstr("IN with texts and numbers"));
  EXPECT_THAT(row.Refusal("IF(i, 1, 'a') = 1"), HasSubstr("IF of"));
  EXPECT_EQ(row.Refusal("i = 1"), "accepted");
}

TEST(ConditionTest, ChecksWithoutColumns) {
  const auto refusal = [](const char* text) {
    try {
      CheckCondition(*ParseExpression(text, {}));
    } catch (const std::invalid_argument& e) {
      return std::string(e.what());
    }
    return std::string("accepted");
  };
  EXPECT_EQ(refusal("year(created) < 2020 AND x IN (1, 2)"), "accepted");
  EXPECT_EQ(refusal("TIMESTAMPDIFF(DAY, a, b) > 3"), "accepted");
  EXPECT_THAT(refusal("soundslike(a)"), HasSubstr("soundslike is not supported"));
  EXPECT_THAT(refusal("LEFT(a) = 'b'"), HasSubstr("does not take 1 arguments"));
  for (const char* text : {"created < NOW()", "created < CURRENT_DATE", "RAND() < 0.5"}) {
    EXPECT_THAT(refusal(text), HasSubstr("another one")) << text;
  }
  EXPECT_THAT(refusal("@x = 1"), HasSubstr("variables"));
  EXPECT_THAT(refusal("t.a = 1"), HasSubstr("without their table"));
  EXPECT_THAT(refusal("(a, b) = (1, 2)"), HasSubstr("several values"));
  EXPECT_THAT(refusal("a REGEXP 'b'"), HasSubstr("REGEXP"));
}

TEST(DecimalTest, DigitsAndRounding) {
  using evaluate::Decimal;
  const auto text = [](const Decimal& value) { return value.ToString(); };
  EXPECT_EQ(text(Decimal::Parse("-0.050")), "-0.050");
  EXPECT_EQ(text(Add(Decimal::Parse("1.5"), Decimal::Parse("-2.25"))), "-0.75");
  EXPECT_EQ(text(Multiply(Decimal::Parse("1.5"), Decimal::Parse("-2.25"))), "-3.375");
  EXPECT_EQ(text(*Divide(Decimal::Parse("2"), Decimal::Parse("3"))), "0.666666666");
  EXPECT_FALSE(Divide(Decimal::Parse("2"), Decimal::Parse("0.0")));
  EXPECT_EQ(text(*Modulo(Decimal::Parse("-7.5"), Decimal::Parse("2"))), "-1.5");
  EXPECT_EQ(text(Round(Decimal::Parse("2.5"), 0)), "3");
  EXPECT_EQ(text(Round(Decimal::Parse("-2.5"), 0)), "-3");
  EXPECT_EQ(text(Round(Decimal::Parse("1250"), -2)), "1300");
  EXPECT_EQ(text(Floor(Decimal::Parse("-0.1"))), "-1");
  EXPECT_EQ(text(Ceiling(Decimal::Parse("0.1"))), "1");
  EXPECT_THROW(Decimal::Parse("9223372036854775808").ToInteger(false), evaluate::EvaluationError);
  EXPECT_THROW(Multiply(Decimal::Parse(std::string(40, '9')), Decimal::Parse(std::string(40, '9'))),
               evaluate::EvaluationError);
}

TEST(CollationOrderTest, KnownOrders) {
  using evaluate::CollationOrder;
  const auto compare = [](const char* name, std::string_view a, std::string_view b) {
    const CollationOrder* order = CollationOrder::Find(name);
    return order == nullptr ? 99 : order->Compare(a, b);
  };
  EXPECT_EQ(compare("utf8mb4_0900_ai_ci", "straße", "STRASSE"), 0);
  EXPECT_EQ(compare("utf8mb4_general_ci", "ß", "s"), 0);
  EXPECT_EQ(compare("utf8mb4_unicode_ci", "ß", "ss"), 0);
  EXPECT_EQ(compare("utf8mb4_unicode_ci", "a", "a  "), 0);
  EXPECT_EQ(compare("utf8mb4_0900_ai_ci", "a", "a "), -1);
  EXPECT_EQ(compare("utf8mb4_bin", "a", "B"), 1);
  EXPECT_EQ(compare("utf8mb4_0900_ai_ci", "가", "각"), -1);
  EXPECT_EQ(compare("utf8mb4_0900_ai_ci", "中", "文"), -1);
  EXPECT_EQ(compare("utf8mb4_general_ci", "😀", "😁"), 0);
  EXPECT_EQ(compare("utf8mb4_0900_ai_ci", "ж", "Ж"), 0);
  EXPECT_EQ(compare("utf8mb4_uca1400_ai_ci", "é", "E "), 0);
  EXPECT_EQ(compare("latin1_swedish_ci", "ü", "y"), 0);
  EXPECT_EQ(compare("latin1_bin", "€", "A"), 1);
  EXPECT_EQ(compare("binary", "a", "a "), -1);
  EXPECT_EQ(CollationOrder::Find("utf8mb4_tr_0900_ai_ci"), nullptr);
  EXPECT_EQ(CollationOrder::Find("gbk_chinese_ci"), nullptr);
}

TEST(TemporalTest, DaysAndIntervals) {
  using namespace evaluate;
  for (int64_t day : {366, 737849, 730485, 3652424}) {
    const Civil c = *FromDayNumber(day);
    EXPECT_EQ(DayNumber(c.year, c.month, c.day), day);
  }
  EXPECT_EQ(FormatDate(*FromDayNumber(737849)), "2020-02-29");
  EXPECT_FALSE(FromDayNumber(3652425));
  const Civil c = *ParseDateTime("2020-01-31 23:59:59.5");
  EXPECT_EQ(FormatDateTime(*AddInterval(c, 1, Unit::kMonth), 1), "2020-02-29 23:59:59.5");
  EXPECT_EQ(FormatDateTime(*AddInterval(c, 1, Unit::kSecond), 0), "2020-02-01 00:00:00");
  EXPECT_EQ(FormatDateTime(*AddInterval(c, -31, Unit::kDay), 0), "2019-12-31 23:59:59");
  EXPECT_FALSE(AddInterval(c, 9000, Unit::kYear));
  EXPECT_EQ(Difference(*ParseDateTime("2020-01-31"), *ParseDateTime("2020-02-29"), Unit::kMonth),
            0);
  EXPECT_EQ(Difference(*ParseDateTime("2020-03-01"), *ParseDateTime("2020-01-01"), Unit::kMonth),
            -2);
  EXPECT_EQ(ParseTime("-838:59:59.5"), -(((838 * 60 + 59) * 60 + 59) * 1000000LL + 500000));
  EXPECT_FALSE(ParseTime("12:60:00"));
  EXPECT_FALSE(ParseExistingDateTime("2021-02-29"));
  EXPECT_TRUE(ParseDateTime("0000-00-00 00:00:00"));
}

}  // namespace
}  // namespace dm::mysql
