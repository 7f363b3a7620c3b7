// Values of unique keys reduced to a form in which everything the downstream may hold equal is
// equal. Coarser is always right: two rows that only look alike are applied one after the other.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace dm::migration {

// How the downstream compares a key column.
enum class KeyFold : uint8_t {
  kInteger,     // by number
  kText,        // by the value's text, byte for byte
  kTrimmed,     // binary collation, which may ignore trailing blanks
  kZeroPadded,  // BINARY(n), which ignores trailing zero bytes
  // By tables of what any server holds equal (scripts/key-fold-table); trailing blanks are ignored.
  kUnicode,     // root collations of Unicode 5.2 and later
  kUnicode400,  // that of Unicode 4.0, where all characters beyond 16 bits are equal
  kGeneral,     // "general" ones: a weight for each character
  // Collations of languages: only digits and signs are told apart, no letters.
  kTailored,      // of Unicode 5.2 and later
  kTailored400,   // of Unicode 4.0
  kNational,      // of other character sets
  kIncomparable,  // every value may equal every other: the column's type differs from the
                  // upstream's, or its collation is not known
};

// The fold of character columns with this downstream collation; kIncomparable if it is unknown or
// empty.
KeyFold FoldOfCollation(std::string_view collation);

// Appends the folded form of `text` (UTF-8 as far as it is text; stray bytes are ignored unless
// bytes are compared). Not for kInteger. No allocation but of `out`, and of a table at its first
// use.
void AppendFolded(std::string& out, std::string_view text, KeyFold fold);

// The first `characters` characters of UTF-8 text.
std::string_view Utf8Prefix(std::string_view text, size_t characters);

// A 64-bit hash of `bytes`, mixed with `seed`.
uint64_t HashBytes(std::string_view bytes, uint64_t seed);
uint64_t HashInteger(uint64_t value, uint64_t seed);

}  // namespace dm::migration
