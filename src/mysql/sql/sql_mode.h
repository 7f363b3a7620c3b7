// The server's sql_mode as a bit mask, as query events carry it (MySQL internals, Query_event).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace dm::mysql {

// Value type. Bits that a server version does not know are kept and ignored.
class SqlMode {
 public:
  static constexpr uint64_t kRealAsFloat = 1ull << 0;
  static constexpr uint64_t kPipesAsConcat = 1ull << 1;
  static constexpr uint64_t kAnsiQuotes = 1ull << 2;
  static constexpr uint64_t kIgnoreSpace = 1ull << 3;
  static constexpr uint64_t kOracle = 1ull << 9;
  static constexpr uint64_t kMsSql = 1ull << 10;
  static constexpr uint64_t kMaxDb = 1ull << 12;
  static constexpr uint64_t kNoBackslashEscapes = 1ull << 20;
  static constexpr uint64_t kHighNotPrecedence = 1ull << 29;
  static constexpr uint64_t kEmptyStringIsNull = 1ull << 32;  // of MariaDB; MySQL has another there

  constexpr SqlMode() = default;
  constexpr explicit SqlMode(uint64_t bits) : bits_(bits) {}
  // From the comma list of @@sql_mode. Case does not matter; unknown words are ignored; the
  // combined modes (ANSI, TRADITIONAL, ...) set their parts.
  static SqlMode Parse(std::string_view list);

  constexpr uint64_t bits() const { return bits_; }
  constexpr bool ansi_quotes() const { return bits_ & kAnsiQuotes; }
  constexpr bool pipes_as_concat() const { return bits_ & kPipesAsConcat; }
  constexpr bool no_backslash_escapes() const { return bits_ & kNoBackslashEscapes; }
  constexpr bool high_not_precedence() const { return bits_ & kHighNotPrecedence; }
  constexpr bool real_as_float() const { return bits_ & kRealAsFloat; }
  constexpr bool oracle() const { return bits_ & kOracle; }
  constexpr bool mssql() const { return bits_ & kMsSql; }
  constexpr bool empty_string_is_null() const { return bits_ & kEmptyStringIsNull; }
  constexpr bool maxdb() const { return bits_ & kMaxDb; }
  constexpr bool operator==(const SqlMode&) const = default;

 private:
  uint64_t bits_ = 0;
};

// The modes of a comma list that every server knows and that leave values alone: for sessions that
// write rows to a server of whatever kind. Gone are PAD_CHAR_TO_FULL_LENGTH (a CHAR would not equal
// its own text), MariaDB's EMPTY_STRING_IS_NULL ('' would be stored as NULL), and what only some
// servers have.
std::string ModesForRows(std::string_view list);

}  // namespace dm::mysql
