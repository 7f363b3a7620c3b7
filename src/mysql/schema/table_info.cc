#include "mysql/schema/table_info.h"

#include <locale.h>
#include <wctype.h>

#include <algorithm>
#include <utility>

namespace dm::mysql {
namespace {

struct CharsetDefault {
  std::string_view charset;
  std::string_view collation;  // what servers of MySQL 5.7 and MariaDB 10 take
  std::string_view tidb;       // TiDB's choice; empty if TiDB has not got the character set
};

constexpr CharsetDefault kCharsets[] = {
    {"armscii8", "armscii8_general_ci", ""},
    {"ascii", "ascii_general_ci", "ascii_bin"},
    {"big5", "big5_chinese_ci", ""},
    {"binary", "binary", "binary"},
    {"cp1250", "cp1250_general_ci", ""},
    {"cp1251", "cp1251_general_ci", ""},
    {"cp1256", "cp1256_general_ci", ""},
    {"cp1257", "cp1257_general_ci", ""},
    {"cp850", "cp850_general_ci", ""},
    {"cp852", "cp852_general_ci", ""},
    {"cp866", "cp866_general_ci", ""},
    {"cp932", "cp932_japanese_ci", ""},
    {"dec8", "dec8_swedish_ci", ""},
    {"eucjpms", "eucjpms_japanese_ci", ""},
    {"euckr", "euckr_korean_ci", ""},
    {"gb18030", "gb18030_chinese_ci", "gb18030_chinese_ci"},
    {"gb2312", "gb2312_chinese_ci", ""},
    {"gbk", "gbk_chinese_ci", "gbk_chinese_ci"},
    {"geostd8", "geostd8_general_ci", ""},
    {"greek", "greek_general_ci", ""},
    {"hebrew", "hebrew_general_ci", ""},
    {"hp8", "hp8_english_ci", ""},
    {"keybcs2", "keybcs2_general_ci", ""},
    {"koi8r", "koi8r_general_ci", ""},
    {"koi8u", "koi8u_general_ci", ""},
    {"latin1", "latin1_swedish_ci", "latin1_bin"},
    {"latin2", "latin2_general_ci", ""},
    {"latin5", "latin5_turkish_ci", ""},
    {"latin7", "latin7_general_ci", ""},
    {"macce", "macce_general_ci", ""},
    {"macroman", "macroman_general_ci", ""},
    {"sjis", "sjis_japanese_ci", ""},
    {"swe7", "swe7_swedish_ci", ""},
    {"tis620", "tis620_thai_ci", ""},
    {"ucs2", "ucs2_general_ci", ""},
    {"ujis", "ujis_japanese_ci", ""},
    {"utf16", "utf16_general_ci", ""},
    {"utf16le", "utf16le_general_ci", ""},
    {"utf32", "utf32_general_ci", ""},
    {"utf8", "utf8_general_ci", "utf8_bin"},
    {"utf8mb4", "utf8mb4_general_ci", "utf8mb4_bin"},
};

template <class Items>
auto FindByName(Items& items, std::string_view name) -> decltype(&items.front()) {
  const std::string lower = LowerName(name);
  for (auto& item : items) {
    if (item.lower_name == lower) return &item;
  }
  return nullptr;
}

// Letters of two bytes in UTF-8 (Latin, Greek, Cyrillic, Armenian) in lower case; all others, and
// what is no UTF-8, as they are.
std::string LowerBeyondAscii(const std::string& text) {
  static const locale_t locale =
      newlocale(LC_CTYPE_MASK, "C.UTF-8", static_cast<locale_t>(nullptr));
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    const auto first = static_cast<unsigned char>(text[i]);
    const auto second = static_cast<unsigned char>(i + 1 < text.size() ? text[i + 1] : 0);
    out += text[i];
    if (first < 0xC2 || first > 0xDF || (second & 0xC0) != 0x80) continue;
    ++i;
    const wint_t upper = (first & 0x1Fu) << 6 | (second & 0x3Fu);
    wint_t lower = locale == nullptr ? upper : towlower_l(upper, locale);
    if (lower < 0x80 || lower > 0x7FF) lower = upper;
    out.back() = static_cast<char>(0xC0 | lower >> 6);
    out += static_cast<char>(0x80 | (lower & 0x3F));
  }
  return out;
}

}  // namespace

std::string LowerName(std::string_view name) {
  std::string lower(name);
  bool ascii = true;
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c += 'a' - 'A';
    ascii = ascii && static_cast<unsigned char>(c) < 0x80;
  }
  return ascii ? lower : LowerBeyondAscii(lower);
}

bool EqualNames(std::string_view a, std::string_view b) { return LowerName(a) == LowerName(b); }

std::string NormaliseCharset(std::string_view name) {
  std::string lower = LowerName(name);
  if (lower == "utf8mb3") return "utf8";
  if (lower.starts_with("utf8mb3_")) return "utf8_" + lower.substr(8);
  return lower;
}

std::string CharsetOfCollation(std::string_view collation) {
  const std::string name = NormaliseCharset(collation);
  const std::string charset = name.substr(0, name.find('_'));
  for (const CharsetDefault& entry : kCharsets) {
    if (entry.charset == charset) return charset;
  }
  return "";
}

std::string DefaultCollation(std::string_view charset, bool tidb) {
  const std::string name = NormaliseCharset(charset);
  for (const CharsetDefault& entry : kCharsets) {
    if (entry.charset == name) {
      return std::string(tidb && !entry.tidb.empty() ? entry.tidb : entry.collation);
    }
  }
  return "";
}

bool ColumnInfo::is_string() const { return IsStringType(type); }

void ColumnInfo::SetName(std::string new_name) {
  name = std::move(new_name);
  lower_name = LowerName(name);
}

void IndexInfo::SetName(std::string new_name) {
  name = std::move(new_name);
  lower_name = LowerName(name);
}

const ColumnInfo* TableInfo::FindColumn(std::string_view column) const {
  return FindByName(columns, column);
}

const IndexInfo* TableInfo::FindIndex(std::string_view index) const {
  return FindByName(indexes, index);
}

const PeriodInfo* TableInfo::system_period() const {
  for (const PeriodInfo& period : periods) {
    if (EqualNames(period.name, PeriodInfo::kSystemTime)) return &period;
  }
  return nullptr;
}

bool TableInfo::has_implicit_period() const {
  const PeriodInfo* period = system_period();
  return period != nullptr && FindColumn(period->end) == nullptr;
}

const IndexInfo* TableInfo::primary_key() const {
  for (const IndexInfo& index : indexes) {
    if (index.primary) return &index;
  }
  return nullptr;
}

std::vector<const ColumnInfo*> TableInfo::RowColumns() const {
  std::vector<const ColumnInfo*> result;
  result.reserve(columns.size());
  for (const ColumnInfo& column : columns) {
    if (!column.hidden) result.push_back(&column);
  }
  return result;
}

void TableInfo::Normalise() {
  constexpr uint32_t kKeyFlags =
      column_flag::kPrimaryKey | column_flag::kUniqueKey | column_flag::kMultipleKey;
  for (size_t i = 0; i < columns.size(); ++i) {
    columns[i].offset = static_cast<int>(i);
    columns[i].flags = (columns[i].flags & ~kKeyFlags) | columns[i].sticky_key_flags;
  }
  for (IndexInfo& index : indexes) {
    for (IndexColumn& part : index.columns) {
      if (const ColumnInfo* column = FindColumn(part.name)) part.offset = column->offset;
    }
    if (index.columns.empty() || index.kind != IndexInfo::Kind::kPlain) continue;
    ColumnInfo& first = columns[index.columns.front().offset];
    if (index.primary) {
      for (const IndexColumn& part : index.columns) {
        columns[part.offset].flags |= column_flag::kPrimaryKey | column_flag::kNotNull;
      }
    } else if (index.unique && index.columns.size() == 1) {
      first.flags |= column_flag::kUniqueKey;
    } else {
      first.flags |= column_flag::kMultipleKey;
    }
  }
}

}  // namespace dm::mysql
