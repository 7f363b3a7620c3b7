#include "migration/sync/value_conversions.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "mysql/sql/field_type.h"

namespace dm::migration {

namespace {

using mysql::FieldType;

enum class TypeClass {
  kInteger,
  kDecimal,
  kReal,  // FLOAT, DOUBLE
  kBit,
  kYear,
  kDate,
  kMoment,  // DATETIME, TIMESTAMP
  kTime,
  kText,
  kBytes,
  kEnum,
  kSet,
  kJson,
  kOther,  // geometry, vectors, UUID and the like: no rows of the table are about them
};

TypeClass ClassOf(FieldType type, bool bytes) {
  if (mysql::IsIntegerType(type)) return TypeClass::kInteger;
  switch (type) {
    case FieldType::kDecimal:
    case FieldType::kNewDecimal:
      return TypeClass::kDecimal;
    case FieldType::kFloat:
    case FieldType::kDouble:
      return TypeClass::kReal;
    case FieldType::kBit:
      return TypeClass::kBit;
    case FieldType::kYear:
      return TypeClass::kYear;
    case FieldType::kDate:
      return TypeClass::kDate;
    case FieldType::kDateTime:
    case FieldType::kTimestamp:
      return TypeClass::kMoment;
    case FieldType::kTime:
      return TypeClass::kTime;
    case FieldType::kEnum:
      return TypeClass::kEnum;
    case FieldType::kSet:
      return TypeClass::kSet;
    case FieldType::kJson:
      return TypeClass::kJson;
    case FieldType::kVarchar:
    case FieldType::kVarString:
    case FieldType::kString:
    case FieldType::kTinyBlob:
    case FieldType::kBlob:
    case FieldType::kMediumBlob:
    case FieldType::kLongBlob:
      return bytes ? TypeClass::kBytes : TypeClass::kText;
    default:
      return TypeClass::kOther;
  }
}

// Pairs of kinds that differ, whichever is the upstream.
constexpr uint8_t kMySqlMariaDb = 1, kMySqlTiDb = 2, kMariaDbTiDb = 4;
constexpr uint8_t kMySqlAlone = kMySqlMariaDb | kMySqlTiDb,
                  kMariaDbAlone = kMySqlMariaDb | kMariaDbTiDb,
                  kTiDbAlone = kMySqlTiDb | kMariaDbTiDb;

uint8_t PairOf(ServerKind a, ServerKind b) {
  if (a == b) return 0;
  const auto has = [&](ServerKind kind) { return a == kind || b == kind; };
  if (!has(ServerKind::kTiDb)) return kMySqlMariaDb;
  return has(ServerKind::kMySql) ? kMySqlTiDb : kMariaDbTiDb;
}

// Of which values of the column a row of the table is.
enum class Values {
  kAll,
  kFractions,  // it has digits of seconds that the new type has not
};

struct Conversion {
  TypeClass from;
  TypeClass to;
  uint8_t pairs;
  Values values;
  std::string_view what;
};

constexpr std::string_view kFractionsToDates =
    "MySQL rounds half a second before midnight up to the next day, MariaDB and TiDB cut it";
constexpr std::string_view kFractionsToNumbers =
    "MySQL and TiDB round fractions of seconds, MariaDB cuts them";
constexpr std::string_view kFractionsBelowZero =
    "fractions of negative times are rounded to another second by TiDB";
constexpr std::string_view kYearsOfDates = "MySQL makes 0000 of a date, MariaDB and TiDB its year";
constexpr std::string_view kTextToNumbers =
    "MariaDB takes the digits that a text begins with, the others read a number and round it";
constexpr std::string_view kNumbersToTimes =
    "numbers that are no date or time become zero on one server, another value on the other";
constexpr std::string_view kNumbersToYears = "numbers that are no year become other ones on TiDB";
constexpr std::string_view kRealsToText = "TiDB writes large and inexact numbers otherwise";
constexpr std::string_view kZeroYears = "TiDB writes the year 0000 as 0";
constexpr std::string_view kTextToMembers =
    "TiDB takes no text for a member that it is not letter by letter";
constexpr std::string_view kJsonTexts = "the servers write a JSON value otherwise";

using enum TypeClass;

constexpr std::array kConversions = {
    Conversion{kMoment, kDate, kMySqlAlone, Values::kFractions, kFractionsToDates},
    Conversion{kMoment, kInteger, kMariaDbAlone, Values::kFractions, kFractionsToNumbers},
    Conversion{kTime, kInteger, kMariaDbAlone, Values::kFractions, kFractionsToNumbers},
    Conversion{kTime, kInteger, kMySqlTiDb, Values::kFractions, kFractionsBelowZero},
    Conversion{kTime, kTime, kMySqlTiDb, Values::kFractions, kFractionsBelowZero},
    Conversion{kMoment, kYear, kMySqlAlone, Values::kAll, kYearsOfDates},
    Conversion{kDate, kYear, kMySqlAlone, Values::kAll, kYearsOfDates},
    Conversion{kText, kInteger, kMariaDbAlone, Values::kAll, kTextToNumbers},
    Conversion{kBytes, kInteger, kMariaDbAlone, Values::kAll, kTextToNumbers},
    Conversion{kInteger, kDate, kMySqlAlone, Values::kAll, kNumbersToTimes},
    Conversion{kInteger, kTime, kMySqlMariaDb, Values::kAll, kNumbersToTimes},
    Conversion{kInteger, kYear, kTiDbAlone, Values::kAll, kNumbersToYears},
    Conversion{kReal, kText, kTiDbAlone, Values::kAll, kRealsToText},
    Conversion{kReal, kBytes, kTiDbAlone, Values::kAll, kRealsToText},
    Conversion{kYear, kText, kTiDbAlone, Values::kAll, kZeroYears},
    Conversion{kYear, kBytes, kTiDbAlone, Values::kAll, kZeroYears},
    Conversion{kText, kEnum, kTiDbAlone, Values::kAll, kTextToMembers},
    Conversion{kJson, kText, kMySqlTiDb, Values::kAll, kJsonTexts},
    Conversion{kJson, kBytes, kMySqlTiDb, Values::kAll, kJsonTexts},
    Conversion{kText, kJson, kMySqlAlone, Values::kAll, kJsonTexts},
};

}  // namespace

ServerKind KindOf(const mysql::ServerInfo& server) {
  if (server.is_tidb) return ServerKind::kTiDb;
  return server.is_mariadb ? ServerKind::kMariaDb : ServerKind::kMySql;
}

std::optional<std::string_view> OtherConversion(const mysql::ColumnInfo& was,
                                                const mysql::DataType& type,
                                                const ConversionKinds& kinds) {
  const uint8_t pair = PairOf(kinds.upstream, kinds.downstream);
  if (pair == 0 || type.opaque || !was.type_word.empty()) return std::nullopt;
  const TypeClass from = ClassOf(was.type, was.charset == "binary");
  TypeClass to = ClassOf(type.code, type.charset == "binary");
  // There it is a text.
  if (to == kJson && kinds.upstream == ServerKind::kMariaDb) to = kText;
  const bool clock_time = to == kMoment || to == kTime;
  const bool fractions = (from == kMoment || from == kTime) &&
                         was.decimals > (clock_time ? std::max<int64_t>(type.length, 0) : 0);
  const auto found =
      std::find_if(kConversions.begin(), kConversions.end(), [&](const Conversion& one) {
        if (one.from != from || one.to != to || (one.pairs & pair) == 0) return false;
        if (one.values == Values::kFractions && !fractions) return false;
        // The one difference that a mode of MySQL takes away.
        return one.what != kFractionsToDates || !kinds.mysql_cuts;
      });
  if (found == kConversions.end()) return std::nullopt;
  return found->what;
}

}  // namespace dm::migration
