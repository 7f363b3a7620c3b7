#include "migration/rows/key_fold.h"

#include <array>
#include <cstring>
#include <memory>
#include <optional>
#include <vector>

#include "migration/rows/key_fold_table.h"

namespace dm::migration {

namespace {

bool EndsWith(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

bool StartsWith(std::string_view text, std::string_view start) {
  return text.substr(0, start.size()) == start;
}

std::string_view TrimEnd(std::string_view text, char what) {
  const size_t end = text.find_last_not_of(what);
  return text.substr(0, end == std::string_view::npos ? 0 : end + 1);
}

constexpr uint32_t kCodePoints = 0x110000;
constexpr uint32_t kPageSize = 256;

// A FoldData unfolded: what a character is folded to is found at once.
class FoldTable {
 public:
  explicit FoldTable(const FoldData& data) : words_(data.words) {
    for (uint32_t i = 0; i < kPageSize; ++i) nothing_[i] = kNothing;
    if (data.rest_is_nothing) pages_.fill(&nothing_);
    for (const FoldRange& range : data.ranges) {
      for (uint32_t c = range.first; c <= range.last;) {
        const uint32_t next = (c / kPageSize + 1) * kPageSize;
        if (range.kind == FoldRange::Kind::kSame && c % kPageSize == 0 && range.last >= next - 1) {
          pages_[c / kPageSize] = PageOf(range.value);
          c = next;
          continue;
        }
        OwnPage(c / kPageSize, data.rest_is_nothing)[c % kPageSize] = EntryOf(range, c);
        ++c;
      }
    }
    for (uint32_t c = 0; c < ascii_.size(); ++c) {
      const uint32_t entry = Entry(c);
      ascii_[c] = entry < ascii_.size() ? static_cast<char>(entry) : kNoAscii;
    }
  }

  void Append(std::string& out, std::string_view text) const {
    const size_t start = out.size();
    for (size_t i = 0; i < text.size();) {
      const auto byte = static_cast<unsigned char>(text[i]);
      if (byte < ascii_.size()) {
        ++i;
        if (ascii_[byte] != kNoAscii) {
          out.push_back(ascii_[byte]);
        } else {
          AppendCharacter(out, byte);
        }
      } else if (const std::optional<uint32_t> c = Decode(text, i)) {
        AppendCharacter(out, *c);
      }
    }
    while (out.size() > start && out.back() == ' ') out.pop_back();
  }

 private:
  using Page = std::array<uint32_t, kPageSize>;

  // Entries: a number, or
  static constexpr uint32_t kNothing = 0x1000000;
  static constexpr uint32_t kLetters = 0x1000001;
  static constexpr uint32_t kWord = 0x2000000;  // and a place in words_

  static constexpr char kNoAscii = '\x7f';  // ignored everywhere, so nothing is folded to it

  static uint32_t EntryOf(const FoldRange& range, uint32_t c) {
    switch (range.kind) {
      case FoldRange::Kind::kNothing:
        return kNothing;
      case FoldRange::Kind::kSame:
        return range.value;
      case FoldRange::Kind::kShift:
        return range.value + (c - range.first);
      case FoldRange::Kind::kWord:
        return kWord + range.value;
      case FoldRange::Kind::kLetters:
        return kLetters;
    }
    return kNothing;
  }

  // A page full of `value`; ranges of many pages share it.
  const Page* PageOf(uint32_t value) {
    if (own_.empty() || full_of_ != value) {
      own_.push_back(std::make_unique<Page>());
      own_.back()->fill(value);
      full_of_ = value;
      full_ = own_.back().get();
    }
    return full_;
  }

  Page& OwnPage(uint32_t number, bool rest_is_nothing) {
    if (number != last_number_ || last_ == nullptr) {
      own_.push_back(std::make_unique<Page>());
      last_ = own_.back().get();
      last_number_ = number;
      for (uint32_t i = 0; i < kPageSize; ++i) {
        (*last_)[i] = rest_is_nothing ? kNothing : number * kPageSize + i;
      }
      pages_[number] = last_;
    }
    return *last_;
  }

  uint32_t Entry(uint32_t c) const {
    const Page* page = pages_[c / kPageSize];
    return page == nullptr ? c : (*page)[c % kPageSize];
  }

  // The character at text[i], behind which `i` is moved; none if there is a stray byte.
  static std::optional<uint32_t> Decode(std::string_view text, size_t& i) {
    const auto first = static_cast<unsigned char>(text[i++]);
    const size_t more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
    if (first < 0xc2 || first > 0xf4 || text.size() - i < more) return std::nullopt;
    uint32_t c = first & (0x3fu >> more);
    for (size_t k = 0; k < more; ++k) {
      const auto byte = static_cast<unsigned char>(text[i + k]);
      if ((byte & 0xc0) != 0x80) return std::nullopt;
      c = c << 6 | (byte & 0x3fu);
    }
    if (c >= kCodePoints) return std::nullopt;
    i += more;
    return c;
  }

  static void AppendNumber(std::string& out, uint32_t number) {
    if (number < 0x80) {
      out.push_back(static_cast<char>(number));
      return;
    }
    const char bytes[] = {static_cast<char>(0x80 | number >> 14),
                          static_cast<char>(0x80 | (number >> 7 & 0x7f)),
                          static_cast<char>(0x80 | (number & 0x7f))};
    out.append(bytes, sizeof(bytes));
  }

  void AppendCharacter(std::string& out, uint32_t c) const {
    const uint32_t entry = Entry(c);
    if (entry == kNothing) return;
    if (entry == kLetters) {
      const uint32_t place = c - 0xac00;
      AppendCharacter(out, 0x1100 + place / 588);
      AppendCharacter(out, 0x1161 + place % 588 / 28);
      if (place % 28 != 0) AppendCharacter(out, 0x11a7 + place % 28);
    } else if (entry >= kWord) {
      for (const uint32_t number : words_.subspan(entry - kWord + 1, words_[entry - kWord])) {
        AppendNumber(out, number);
      }
    } else {
      AppendNumber(out, entry);
    }
  }

  std::span<const uint32_t> words_;
  std::array<char, 0x80> ascii_{};
  std::array<const Page*, kCodePoints / kPageSize> pages_{};
  Page nothing_{};
  std::vector<std::unique_ptr<Page>> own_;
  Page* last_ = nullptr;
  uint32_t last_number_ = 0;
  uint32_t full_of_ = 0;
  const Page* full_ = nullptr;
};

template <KeyFold fold>
const FoldTable& Table() {
  static const FoldTable table(DataOfFold(fold));
  return table;
}

uint64_t Mix(uint64_t a, uint64_t b) {
  __uint128_t product = static_cast<__uint128_t>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

constexpr uint64_t kPrime1 = 0xa0761d6478bd642full;
constexpr uint64_t kPrime2 = 0xe7037ed1a0b428dbull;

constexpr std::string_view kNationalCharsets[] = {
    "armscii8", "ascii",  "big5", "cp1250",  "cp1251", "cp1256",  "cp1257",   "cp850",  "cp852",
    "cp866",    "cp932",  "dec8", "eucjpms", "euckr",  "gb18030", "gb2312",   "gbk",    "geostd8",
    "greek",    "hebrew", "hp8",  "keybcs2", "koi8r",  "koi8u",   "latin1",   "latin2", "latin5",
    "latin7",   "macce",  "sjis", "swe7",    "tis620", "ujis",    "macroman",
};

// With collations of Unicode 4.0.
constexpr std::string_view kLanguages400[] = {
    "icelandic",  "latvian",   "romanian", "slovenian",  "polish",    "estonian",
    "spanish",    "swedish",   "turkish",  "czech",      "danish",    "slovak",
    "lithuanian", "spanish2",  "roman",    "persian",    "esperanto", "sinhala",
    "german2",    "hungarian", "croatian", "vietnamese",
};

// Of utf8mb4_0900_ai_ci, what stands behind the character set.
KeyFold FoldOfUnicodeCollation(std::string_view name) {
  for (std::string_view known :
       {"general_ci", "general_nopad_ci", "general_mysql500_ci", "tolower_ci"}) {
    if (name == known) return KeyFold::kGeneral;
  }
  for (std::string_view known : {"unicode_ci", "unicode_nopad_ci"}) {
    if (name == known) return KeyFold::kUnicode400;
  }
  for (std::string_view known : {"unicode_520_ci", "unicode_520_nopad_ci", "0900_ai_ci",
                                 "0900_as_ci", "0900_as_cs", "general1400_as_ci"}) {
    if (name == known) return KeyFold::kUnicode;
  }
  // MariaDB's root collations: utf8mb4_uca1400_ai_ci and its like; languages stand in between.
  for (std::string_view root : {"uca1400_ai_", "uca1400_as_", "uca1400_nopad_"}) {
    if (StartsWith(name, root)) return KeyFold::kUnicode;
  }
  for (std::string_view newer : {"_0900_", "uca1400_", "_520_", "myanmar_"}) {
    if (name.find(newer) != std::string_view::npos) return KeyFold::kTailored;
  }
  for (std::string_view language : kLanguages400) {
    if (StartsWith(name, language) && StartsWith(name.substr(language.size()), "_"))
      return KeyFold::kTailored400;
  }
  return KeyFold::kIncomparable;
}

}  // namespace

KeyFold FoldOfCollation(std::string_view collation) {
  if (collation == "binary") return KeyFold::kText;
  if (EndsWith(collation, "_bin")) return KeyFold::kTrimmed;
  for (std::string_view root : {"uca1400_ai_", "uca1400_as_", "uca1400_nopad_"}) {
    if (StartsWith(collation, root)) return KeyFold::kUnicode;
  }
  if (StartsWith(collation, "uca1400_")) return KeyFold::kTailored;
  const size_t end = collation.find('_');
  if (end == std::string_view::npos) return KeyFold::kIncomparable;
  const std::string_view charset = collation.substr(0, end);
  const std::string_view rest = collation.substr(end + 1);
  for (std::string_view unicode :
       {"utf8mb4", "utf8mb3", "utf8", "ucs2", "utf16", "utf16le", "utf32"}) {
    if (charset == unicode) return FoldOfUnicodeCollation(rest);
  }
  if (collation == "gb18030_unicode_520_ci") return KeyFold::kUnicode;
  for (std::string_view known : kNationalCharsets) {
    if (charset == known) return KeyFold::kNational;
  }
  return KeyFold::kIncomparable;
}

void AppendFolded(std::string& out, std::string_view text, KeyFold fold) {
  switch (fold) {
    case KeyFold::kInteger:
    case KeyFold::kText:
      out.append(text);
      return;
    case KeyFold::kTrimmed:
      out.append(TrimEnd(text, ' '));
      return;
    case KeyFold::kZeroPadded:
      out.append(TrimEnd(text, '\0'));
      return;
    case KeyFold::kUnicode:
      return Table<KeyFold::kUnicode>().Append(out, text);
    case KeyFold::kUnicode400:
      return Table<KeyFold::kUnicode400>().Append(out, text);
    case KeyFold::kGeneral:
      return Table<KeyFold::kGeneral>().Append(out, text);
    case KeyFold::kTailored:
      return Table<KeyFold::kTailored>().Append(out, text);
    case KeyFold::kTailored400:
      return Table<KeyFold::kTailored400>().Append(out, text);
    case KeyFold::kNational:
      return Table<KeyFold::kNational>().Append(out, text);
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
