// Text of stored values without quotes, for the .cc files of this room only.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "mysql/value/column.h"
#include "mysql/value/time_zone.h"

namespace dm::mysql {

void AppendInteger(std::string& out, int64_t value);
void AppendUnsigned(std::string& out, uint64_t value);
// Shortest digits that read back as the same double; fixed notation for 10^-4 <= |value| < 10^6,
// else "1e-300", "1.5e+06". (With an exponent it is a DOUBLE literal in SQL, without one a
// DECIMAL, which knows no negative zero: that is "-0e0".)
void AppendDouble(std::string& out, double value);
// "12.50"; throws Error 11054 if the bytes are too few or no decimal digits.
void AppendDecimal(std::string& out, std::span<const uint8_t> bytes, uint32_t precision,
                   uint32_t scale);
// DATE, TIME, DATETIME and TIMESTAMP of all layouts.
void AppendTemporal(std::string& out, std::span<const uint8_t> bytes, const ColumnMeta& meta,
                    const TimeZone& zone);
// A moment packed as in JSON documents: 24 bits of microseconds below the fields.
void AppendPackedDateTime(std::string& out, int64_t packed, bool date_only);
void AppendPackedTime(std::string& out, int64_t packed);
bool IsTemporal(ColumnType type);
// An INET4, INET6 or UUID value as MariaDB shows it. Bytes that are missing at the end are zero.
void AppendTextForm(std::string& out, std::span<const uint8_t> bytes, TextForm form);

}  // namespace dm::mysql
