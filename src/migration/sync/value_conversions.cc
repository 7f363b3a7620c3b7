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
  if (mysql::IsStringType(type)) return bytes ? TypeClass::kBytes : TypeClass::kText;
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
    default:
      return TypeClass::kOther;
  }
}

// Pairs of kinds that differ, whichever is the upstream.
constexpr uint8_t kMySqlMariaDb = 1, kMySqlTiDb = 2, kMariaDbTiDb = 4;
constexpr uint8_t kMySqlAlone = kMySqlMariaDb | kMySqlTiDb,
                  kMariaDbAlone = kMySqlMariaDb | kMariaDbTiDb,
                  kTiDbAlone = kMySqlTiDb | kMariaDbTiDb, kAnyPair = 7;

uint8_t PairOf(ServerKind a, ServerKind b) {
  if (a == b) return 0;
  const auto has = [&](ServerKind kind) { return a == kind || b == kind; };
  if (!has(ServerKind::kTiDb)) return kMySqlMariaDb;
  return has(ServerKind::kMySql) ? kMySqlTiDb : kMariaDbTiDb;
}

// A set of classes.
template <class... Classes>
constexpr uint32_t In(Classes... classes) {
  return (0u | ... | (1u << static_cast<unsigned>(classes)));
}

bool Has(uint32_t set, TypeClass one) { return (set >> static_cast<unsigned>(one) & 1) != 0; }

// Which values of the column a row of the table is about.
enum class Values {
  kAll,
  kFractions,           // it has digits of seconds that the new type has not
  kFractionsUnlessCut,  // the same, and equal where MySQL cuts them by its mode
  kToUnsigned,          // the new type is BIGINT UNSIGNED or the like
};

// What differs, if a column of one of the classes `from` becomes one of `to`.
struct Conversion {
  uint32_t from;
  uint32_t to;
  uint8_t pairs;
  Values values;
  std::string_view what;
};

using enum TypeClass;

constexpr std::string_view kFractionsToDates =
    "MySQL rounds half a second before midnight up to the next day, MariaDB and TiDB cut it";
constexpr std::string_view kFractionsToNumbers =
    "MySQL and TiDB round fractions of seconds, MariaDB cuts them";
constexpr std::string_view kNumbersToMembers =
    "MySQL takes a number for the text of a member, MariaDB for its place in the list";
constexpr std::string_view kNumbersToTimes =
    "the servers do not read the same date or time in a number";
constexpr std::string_view kBeyondTheRange =
    "the servers put other values for numbers that are beyond the range of the type";

constexpr std::array kConversions = {
    Conversion{In(kMoment), In(kDate), kMySqlAlone, Values::kFractionsUnlessCut, kFractionsToDates},
    Conversion{In(kTime), In(kDate), kAnyPair, Values::kFractions, kFractionsToDates},
    Conversion{In(kMoment, kTime), In(kInteger, kBit), kMariaDbAlone, Values::kFractions,
               kFractionsToNumbers},
    Conversion{In(kTime), In(kInteger, kBit, kTime, kMoment), kMySqlTiDb, Values::kFractions,
               "MySQL and TiDB do not round fractions of negative times to the same second"},
    Conversion{In(kMoment, kDate), In(kYear), kMySqlAlone, Values::kAll,
               "MySQL makes 0000 of a date, MariaDB and TiDB its year"},
    Conversion{In(kTime), In(kYear), kAnyPair, Values::kAll,
               "the servers do not read the same year in a time"},
    Conversion{In(kInteger, kDecimal, kReal), In(kDate, kMoment, kTime), kAnyPair, Values::kAll,
               kNumbersToTimes},
    Conversion{In(kInteger, kBit), In(kYear), kTiDbAlone, Values::kAll,
               "TiDB puts another value for numbers that are no year"},
    Conversion{In(kReal, kDecimal), In(kYear), kAnyPair, Values::kAll,
               "the servers do not read the same year in a number"},
    Conversion{In(kInteger, kDecimal, kReal, kYear), In(kEnum, kSet), kAnyPair, Values::kAll,
               kNumbersToMembers},
    Conversion{In(kDecimal), In(kInteger), kAnyPair, Values::kToUnsigned, kBeyondTheRange},
    Conversion{In(kReal), In(kInteger), kAnyPair, Values::kAll, kBeyondTheRange},
    Conversion{In(kDecimal, kReal), In(kBit), kAnyPair, Values::kAll, kBeyondTheRange},
    Conversion{In(kDecimal, kReal), In(kJson), kAnyPair, Values::kAll,
               "the servers write a JSON number otherwise"},
    Conversion{In(kReal), In(kText, kBytes), kTiDbAlone, Values::kAll,
               "TiDB writes large and inexact numbers otherwise"},
    Conversion{In(kYear), In(kText, kBytes), kTiDbAlone, Values::kAll,
               "TiDB writes the year 0000 as 0"},
    Conversion{In(kBit), In(kBytes), kTiDbAlone, Values::kAll, "TiDB writes the bits as a number"},
    Conversion{In(kText, kBytes), In(kInteger), kMariaDbAlone, Values::kAll,
               "MariaDB takes the digits that a text begins with, the others read a number and "
               "round it"},
    Conversion{In(kJson), In(kInteger, kDecimal, kBit), kAnyPair, Values::kAll,
               "the servers do not read the same number in a JSON value"},
    Conversion{In(kText, kBytes, kJson), In(kMoment, kTime), kAnyPair, Values::kAll,
               "the servers do not read the same date or time in a text with a fraction, a zone or "
               "an unusual form"},
    Conversion{In(kText), In(kEnum), kTiDbAlone, Values::kAll,
               "TiDB takes no text for a member that it is not letter by letter"},
    Conversion{In(kText), In(kSet), kAnyPair, Values::kAll,
               "the servers do not take the same numbers for members"},
    Conversion{In(kBytes), In(kEnum, kSet), kAnyPair, Values::kAll,
               "the servers do not take the same bytes for members"},
    Conversion{In(kEnum), In(kSet), kAnyPair, Values::kAll,
               "the servers do not take the same texts and numbers for members"},
    Conversion{In(kJson), In(kText, kBytes), kMySqlTiDb, Values::kAll,
               "the servers write a JSON value otherwise"},
    Conversion{In(kText, kBytes), In(kJson), kMySqlAlone, Values::kAll,
               "each server writes a JSON value in its own form"},
};

bool Concerns(const Conversion& one, const mysql::ColumnInfo& was, TypeClass from,
              const mysql::DataType& type, TypeClass to, bool mysql_cuts) {
  const bool has_fraction = from == kMoment || from == kTime;
  const bool keeps_fraction = to == kMoment || to == kTime;
  const bool fractions =
      has_fraction && was.decimals > (keeps_fraction ? std::max<int64_t>(type.length, 0) : 0);
  switch (one.values) {
    case Values::kFractions:
      return fractions;
    case Values::kFractionsUnlessCut:
      return fractions && !mysql_cuts;
    case Values::kToUnsigned:
      return type.is_unsigned || type.zerofill;
    case Values::kAll:
      break;
  }
  return true;
}

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
  // Its JSON is a text.
  const auto class_of = [&](FieldType code, bool bytes) {
    const TypeClass found = ClassOf(code, bytes);
    return found == kJson && kinds.upstream == ServerKind::kMariaDb ? kText : found;
  };
  const TypeClass from = class_of(was.type, was.charset == "binary");
  const TypeClass to = class_of(type.code, type.charset == "binary");
  const auto found =
      std::find_if(kConversions.begin(), kConversions.end(), [&](const Conversion& one) {
        return Has(one.from, from) && Has(one.to, to) && (one.pairs & pair) != 0 &&
               Concerns(one, was, from, type, to, kinds.mysql_cuts);
      });
  if (found == kConversions.end()) return std::nullopt;
  return found->what;
}

}  // namespace dm::migration
