// Character sets and collations of MySQL and MariaDB, and conversion of stored text to UTF-8 and
// back.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dm::mysql {

enum class Charset : uint8_t {
  kUnknown,
  kBinary,
  kAscii,
  kLatin1,
  kUtf8mb3,
  kUtf8mb4,
  kGbk,
  kGb2312,
  kGb18030,
  kBig5,
  kSjis,
  kCp932,
  kUjis,
  kEucjpms,
  kEuckr,
  kUcs2,
  kUtf16,
  kUtf16le,
  kUtf32,
  kDec8,
  kCp850,
  kHp8,
  kKoi8r,
  kLatin2,
  kSwe7,
  kCp1251,
  kHebrew,
  kTis620,
  kLatin7,
  kKoi8u,
  kGreek,
  kCp1250,
  kCp1257,
  kLatin5,
  kArmscii8,
  kCp866,
  kKeybcs2,
  kMacce,
  kMacroman,
  kCp852,
  kCp1256,
  kGeostd8,
};

// "utf8mb4", "latin1", ...; "" for kUnknown.
std::string_view CharsetName(Charset charset);
// By name without regard to case; "utf8" is utf8mb3. kUnknown if there is no such set.
Charset FindCharset(std::string_view name);
// Bytes of the longest character.
int CharsetMaxLength(Charset charset);
// Of any collation id of either flavor; kUnknown for ids that nobody uses.
Charset CharsetOfCollation(uint32_t id);
// By collation name: the set whose name is the collation's first word. "utf8_..." is utf8mb3.
Charset CharsetOfCollationName(std::string_view name);

struct Collation {
  uint16_t id;
  std::string_view name;
  Charset charset;
  // Of its character set, as compiled into MySQL 5.7 and MariaDB; MySQL 8.0 chooses
  // utf8mb4_0900_ai_ci for utf8mb4.
  bool is_default;
};

// By id or by name (without regard to case; "utf8_..." means utf8mb3_...); nullptr if not in the
// table, which has all collations of MySQL 8.0 and MariaDB 10.11.
const Collation* FindCollation(uint32_t id);
const Collation* FindCollation(std::string_view name);
// The one with `is_default`; nullptr for kUnknown.
const Collation* DefaultCollation(Charset charset);

// Are the bytes of this set already what a utf8mb4 connection expects (utf8mb3, utf8mb4, ascii)?
bool IsUtf8Compatible(Charset charset);

// Appends `bytes` of `charset` as UTF-8, with MySQL's own mapping. Returns false and appends
// nothing if some byte has no character in the set, or the set has no conversion (binary, unknown).
bool AppendAsUtf8(std::string& out, std::string_view bytes, Charset charset);
// The other way: appends the bytes that `charset` has for UTF-8 text. Returns false and appends
// nothing if some character has none, or none but those of three or four bytes that ujis, eucjpms
// and gb18030 have, or the text is not UTF-8. Slow (up to a millisecond a character): for
// definitions, not for rows.
bool AppendFromUtf8(std::string& out, std::string_view text, Charset charset);

}  // namespace dm::mysql
