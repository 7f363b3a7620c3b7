#include "migration/rows/key_fold.h"

#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>
#include <unicode/utf8.h>

#include <algorithm>
#include <cstring>

namespace dm::migration {

namespace {

bool EndsWith(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

bool StartsWith(std::string_view text, std::string_view start) {
  return text.substr(0, start.size()) == start;
}

std::string_view TrimBlanks(std::string_view text) {
  size_t end = text.find_last_not_of(' ');
  return text.substr(0, end == std::string_view::npos ? 0 : end + 1);
}

bool IsAscii(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

bool IsAsciiLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// Appends `c`, but not twice in a row: a letter may equal its double ("ß" and "ss").
void AppendOnce(std::string& out, size_t start, char c) {
  if (out.size() > start && out.back() == c) return;
  out.push_back(c);
}

void AppendFoldedAscii(std::string& out, std::string_view text) {
  const size_t start = out.size();
  for (char c : text) {
    if (c >= 'A' && c <= 'Z') {
      c = static_cast<char>(c - 'A' + 'a');
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      continue;  // ignorable in Unicode collations
    }
    AppendOnce(out, start, c);
  }
}

// In place of all characters beyond 16 bits.
constexpr char kBeyond = '\x01';

// Letters that some collation takes for a plain one without Unicode decomposing them so.
char32_t PlainLetter(char32_t c) {
  switch (c) {
    case 0x00d8:
    case 0x00f8:
      return 'o';
    case 0x0110:
    case 0x0111:
    case 0x00d0:
    case 0x00f0:
      return 'd';
    case 0x0126:
    case 0x0127:
      return 'h';
    case 0x0131:
      return 'i';
    case 0x0138:
      return 'k';
    case 0x0141:
    case 0x0142:
      return 'l';
    case 0x0166:
    case 0x0167:
      return 't';
    case 0x017f:
      return 's';
    default:
      return c;
  }
}

// Appends a character that is decomposed and without case.
void AppendLetter(std::string& out, size_t start, char32_t c) {
  if (c >= 0x10000 || c == 0xfffd) {
    AppendOnce(out, start, kBeyond);
    return;
  }
  if ((c >= 0x3040 && c <= 0x30ff) || (c >= 0x31f0 && c <= 0x31ff)) {  // kana
    AppendOnce(out, start, '\x02');
    return;
  }
  c = PlainLetter(c);
  if (c == 0xe6) {  // ae
    AppendOnce(out, start, 'a');
    AppendOnce(out, start, 'e');
  } else if (c == 0x153) {  // oe
    AppendOnce(out, start, 'o');
    AppendOnce(out, start, 'e');
  } else if (c < 0x80) {
    AppendOnce(out, start, static_cast<char>(c));
  } else {
    // Doubled letters matter for the expansions of Latin ones only.
    char bytes[U8_MAX_LENGTH];
    int32_t length = 0;
    U8_APPEND_UNSAFE(bytes, length, static_cast<UChar32>(c));
    out.append(bytes, static_cast<size_t>(length));
  }
}

bool IsIgnored(char32_t c) {
  const int8_t category = u_charType(static_cast<UChar32>(c));
  return category == U_NON_SPACING_MARK || category == U_ENCLOSING_MARK ||
         category == U_COMBINING_SPACING_MARK || category == U_CONTROL_CHAR ||
         category == U_FORMAT_CHAR;
}

bool IsIdeograph(char32_t c) {
  return (c >= 0x3400 && c <= 0x4dbf) || (c >= 0x4e00 && c <= 0x9fff) ||
         (c >= 0xac00 && c <= 0xd7a3);
}

void AppendFoldedUnicode(std::string& out, std::string_view text, KeyFold fold) {
  UErrorCode status = U_ZERO_ERROR;
  const icu::Normalizer2* normalizer = icu::Normalizer2::getNFKCCasefoldInstance(status);
  const icu::Normalizer2* decomposer = icu::Normalizer2::getNFDInstance(status);
  if (U_FAILURE(status)) {  // ICU without its data: everything is equal
    out.push_back('*');
    return;
  }
  auto decomposed = [&](const icu::UnicodeString& string) {
    return decomposer->normalize(normalizer->normalize(string, status), status);
  };
  const size_t start = out.size();
  icu::UnicodeString string =
      icu::UnicodeString::fromUTF8(icu::StringPiece(text.data(), text.size()));
  if (fold == KeyFold::kUnicode) {
    string = decomposed(string);
    for (int32_t i = 0; i < string.length();) {
      const auto c = static_cast<char32_t>(string.char32At(i));
      i += U16_LENGTH(c);
      if (!IsIgnored(c)) AppendLetter(out, start, c);
    }
  } else {
    // What a character is by itself decides, not what it decomposes to: beyond 16 bits there is one
    // weight, whatever letters the decomposition has.
    for (int32_t i = 0; i < string.length();) {
      const auto original = static_cast<char32_t>(string.char32At(i));
      i += U16_LENGTH(original);
      if (original >= 0x10000 || IsIdeograph(original) || original < 0x80) {
        if (original >= 0x80) {
          AppendLetter(out, start, original);
        } else if (!IsIgnored(original)) {
          AppendLetter(out, start, static_cast<char32_t>(u_tolower(original)));
        }
        continue;
      }
      const icu::UnicodeString letters =
          decomposed(icu::UnicodeString(static_cast<UChar32>(original)));
      for (int32_t k = 0; k < letters.length();) {
        const auto c = static_cast<char32_t>(letters.char32At(k));
        k += U16_LENGTH(c);
        if (IsIgnored(c)) continue;
        AppendLetter(out, start, c);
        if (fold == KeyFold::kGeneral) break;
      }
    }
  }
  while (out.size() > start && out.back() == ' ') out.pop_back();
}

void AppendCoarse(std::string& out, std::string_view text) {
  const size_t start = out.size();
  for (char c : text) {
    unsigned char byte = static_cast<unsigned char>(c);
    // Old national collations put accented letters where ASCII has these signs.
    if (IsAsciiLetter(c) || byte >= 0x80 || std::strchr("[\\]^_`{|}~@$#", c) != nullptr) {
      AppendOnce(out, start, '*');
    } else if (byte >= 0x20) {
      AppendOnce(out, start, c);
    }
  }
}

uint64_t Mix(uint64_t a, uint64_t b) {
  __uint128_t product = static_cast<__uint128_t>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

constexpr uint64_t kPrime1 = 0xa0761d6478bd642full;
constexpr uint64_t kPrime2 = 0xe7037ed1a0b428dbull;

}  // namespace

KeyFold FoldOfCollation(std::string_view collation) {
  if (collation == "binary") return KeyFold::kText;
  if (EndsWith(collation, "_bin")) return KeyFold::kTrimmed;
  for (std::string_view charset : {"utf8mb4_", "utf8mb3_", "utf8_", "ucs2_", "utf16_", "utf32_"}) {
    if (!StartsWith(collation, charset)) continue;
    std::string_view rest = collation.substr(charset.size());
    for (std::string_view known : {"general_ci", "general_nopad_ci", "general_mysql500_ci"}) {
      if (rest == known) return KeyFold::kGeneral;
    }
    for (std::string_view known : {"unicode_ci", "unicode_nopad_ci"}) {
      if (rest == known) return KeyFold::kUnicode400;
    }
    for (std::string_view known : {"unicode_520_ci", "unicode_520_nopad_ci", "0900_ai_ci",
                                   "0900_as_ci", "0900_as_cs", "nopad_bin", "0900_bin"}) {
      if (rest == known) return KeyFold::kUnicode;
    }
    // MariaDB's root collations: utf8mb4_uca1400_ai_ci and its like; languages stand in between.
    if (StartsWith(rest, "uca1400_") &&
        (StartsWith(rest, "uca1400_ai_") || StartsWith(rest, "uca1400_as_") ||
         StartsWith(rest, "uca1400_nopad_"))) {
      return KeyFold::kUnicode;
    }
  }
  if (StartsWith(collation, "uca1400_a") || StartsWith(collation, "uca1400_nopad")) {
    return KeyFold::kUnicode;
  }
  return KeyFold::kCoarse;
}

void AppendFolded(std::string& out, std::string_view text, KeyFold fold) {
  switch (fold) {
    case KeyFold::kInteger:
    case KeyFold::kText:
      out.append(text);
      return;
    case KeyFold::kTrimmed:
      out.append(TrimBlanks(text));
      return;
    case KeyFold::kUnicode:
    case KeyFold::kUnicode400:
    case KeyFold::kGeneral:
      text = TrimBlanks(text);
      if (IsAscii(text)) {
        AppendFoldedAscii(out, text);
      } else {
        AppendFoldedUnicode(out, text, fold);
      }
      return;
    case KeyFold::kCoarse:
      AppendCoarse(out, TrimBlanks(text));
      return;
    case KeyFold::kIncomparable:
      return;
  }
}

std::string_view Utf8Prefix(std::string_view text, size_t characters) {
  size_t i = 0;
  while (i < text.size() && characters > 0) {
    ++i;
    while (i < text.size() && (static_cast<unsigned char>(text[i]) & 0xc0) == 0x80) ++i;
    --characters;
  }
  return text.substr(0, i);
}

uint64_t HashBytes(std::string_view bytes, uint64_t seed) {
  uint64_t hash = seed ^ Mix(bytes.size() ^ kPrime1, kPrime2);
  const char* p = bytes.data();
  size_t left = bytes.size();
  while (left >= 8) {
    uint64_t word;
    std::memcpy(&word, p, 8);
    hash = Mix(hash ^ word, kPrime1);
    p += 8;
    left -= 8;
  }
  uint64_t word = 0;
  if (left > 0) std::memcpy(&word, p, left);
  return Mix(hash ^ word ^ kPrime2, kPrime1 ^ left);
}

uint64_t HashInteger(uint64_t value, uint64_t seed) {
  return Mix(Mix(value ^ kPrime1, kPrime2) ^ seed, kPrime1);
}

}  // namespace dm::migration
