#include "mysql/value/charset.h"

#include <iconv.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "base/io/utf8.h"

namespace dm::mysql {
namespace {

struct CharsetInfo {
  Charset charset;
  std::string_view name;
  int max_length;
};

constexpr CharsetInfo kCharsets[] = {
    {Charset::kUnknown, "", 1},          {Charset::kBinary, "binary", 1},
    {Charset::kAscii, "ascii", 1},       {Charset::kLatin1, "latin1", 1},
    {Charset::kUtf8mb3, "utf8mb3", 3},   {Charset::kUtf8mb4, "utf8mb4", 4},
    {Charset::kGbk, "gbk", 2},           {Charset::kGb2312, "gb2312", 2},
    {Charset::kGb18030, "gb18030", 4},   {Charset::kBig5, "big5", 2},
    {Charset::kSjis, "sjis", 2},         {Charset::kCp932, "cp932", 2},
    {Charset::kUjis, "ujis", 3},         {Charset::kEucjpms, "eucjpms", 3},
    {Charset::kEuckr, "euckr", 2},       {Charset::kUcs2, "ucs2", 2},
    {Charset::kUtf16, "utf16", 4},       {Charset::kUtf16le, "utf16le", 4},
    {Charset::kUtf32, "utf32", 4},       {Charset::kDec8, "dec8", 1},
    {Charset::kCp850, "cp850", 1},       {Charset::kHp8, "hp8", 1},
    {Charset::kKoi8r, "koi8r", 1},       {Charset::kLatin2, "latin2", 1},
    {Charset::kSwe7, "swe7", 1},         {Charset::kCp1251, "cp1251", 1},
    {Charset::kHebrew, "hebrew", 1},     {Charset::kTis620, "tis620", 1},
    {Charset::kLatin7, "latin7", 1},     {Charset::kKoi8u, "koi8u", 1},
    {Charset::kGreek, "greek", 1},       {Charset::kCp1250, "cp1250", 1},
    {Charset::kCp1257, "cp1257", 1},     {Charset::kLatin5, "latin5", 1},
    {Charset::kArmscii8, "armscii8", 1}, {Charset::kCp866, "cp866", 1},
    {Charset::kKeybcs2, "keybcs2", 1},   {Charset::kMacce, "macce", 1},
    {Charset::kMacroman, "macroman", 1}, {Charset::kCp852, "cp852", 1},
    {Charset::kCp1256, "cp1256", 1},     {Charset::kGeostd8, "geostd8", 1},
};
static_assert(std::size(kCharsets) == static_cast<size_t>(Charset::kGeostd8) + 1);

constexpr Collation kCollations[] = {
#include "mysql/value/collations.inc"
};

constexpr uint16_t kNoCharacter = 0xffff;

struct SingleByteTable {
  Charset charset;
  std::array<uint16_t, 128> upper;
};
constexpr SingleByteTable kSingleByte[] = {
#include "mysql/value/single_byte_charsets.inc"
};

struct MultiByteException {
  Charset charset;
  uint32_t bytes;  // of the character, as a big-endian number
  uint16_t character;
};
constexpr MultiByteException kExceptions[] = {
#include "mysql/value/multi_byte_exceptions.inc"
};

// swe7 is the one set whose lower half isn't ASCII.
char32_t Swe7(uint8_t byte) {
  switch (byte) {
    case 0x40:
      return 0xc9;
    case 0x5b:
      return 0xc4;
    case 0x5c:
      return 0xd6;
    case 0x5d:
      return 0xc5;
    case 0x5e:
      return 0xdc;
    case 0x60:
      return 0xe9;
    case 0x7b:
      return 0xe4;
    case 0x7c:
      return 0xf6;
    case 0x7d:
      return 0xe5;
    case 0x7e:
      return 0xfc;
    case 0x7f:
      return kNoCharacter;
    default:
      return byte;
  }
}

char LowerAscii(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool EqualsIgnoreCase(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) {
           return LowerAscii(x) == LowerAscii(y);
         });
}

bool IsScalar(char32_t c) { return c < 0x110000 && (c < 0xd800 || c > 0xdfff); }

bool AppendSingleByte(std::string& out, std::string_view bytes, const SingleByteTable& table) {
  for (const char c : bytes) {
    const auto byte = static_cast<uint8_t>(c);
    char32_t character = byte;
    if (byte >= 0x80) {
      character = table.upper[byte - 0x80];
    } else if (table.charset == Charset::kSwe7) {
      character = Swe7(byte);
    }
    if (character == kNoCharacter) return false;
    AppendCharacter(out, character);
  }
  return true;
}

// Big-endian units of `width` bytes (utf16le: little-endian), with surrogates where the set has
// them.
bool AppendWide(std::string& out, std::string_view bytes, Charset charset) {
  const size_t width = charset == Charset::kUtf32 ? 4 : 2;
  if (bytes.size() % width != 0) return false;
  const auto unit = [&](size_t at) {
    char32_t value = 0;
    for (size_t i = 0; i < width; ++i) {
      const size_t index = charset == Charset::kUtf16le ? width - 1 - i : i;
      value = value << 8 | static_cast<uint8_t>(bytes[at + index]);
    }
    return value;
  };
  for (size_t at = 0; at < bytes.size(); at += width) {
    char32_t c = unit(at);
    const bool surrogates = charset == Charset::kUtf16 || charset == Charset::kUtf16le;
    if (surrogates && c >= 0xd800 && c < 0xdc00 && at + 2 * width <= bytes.size()) {
      const char32_t low = unit(at + width);
      if (low >= 0xdc00 && low < 0xe000) {
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
        at += width;
      }
    }
    if (!IsScalar(c)) return false;
    AppendCharacter(out, c);
  }
  return true;
}

// The name by which iconv knows a multi-byte set; null for sets that are converted otherwise.
const char* IconvName(Charset charset) {
  switch (charset) {
    case Charset::kGbk:
      return "CP936";
    case Charset::kGb2312:
      return "EUC-CN";
    case Charset::kGb18030:
      return "GB18030";
    case Charset::kBig5:
      return "BIG5";
    case Charset::kSjis:
      return "CP932";
    case Charset::kCp932:
      return "CP932";
    case Charset::kUjis:
      return "EUC-JP-MS";
    case Charset::kEucjpms:
      return "EUC-JP-MS";
    case Charset::kEuckr:
      return "CP949";
    default:
      return nullptr;
  }
}

// A converter of this thread, made at first use.
iconv_t Converter(Charset charset, const char* name) {
  struct Converters {
    std::array<iconv_t, std::size(kCharsets)> open;
    Converters() { open.fill(reinterpret_cast<iconv_t>(-1)); }
    ~Converters() {
      for (iconv_t converter : open) {
        if (converter != reinterpret_cast<iconv_t>(-1)) iconv_close(converter);
      }
    }
  };
  thread_local Converters converters;
  iconv_t& converter = converters.open[static_cast<size_t>(charset)];
  if (converter == reinterpret_cast<iconv_t>(-1)) converter = iconv_open("UTF-8", name);
  return converter;
}

bool ConvertRun(std::string& out, std::string_view bytes, iconv_t converter) {
  if (bytes.empty()) return true;
  iconv(converter, nullptr, nullptr, nullptr, nullptr);
  const size_t before = out.size();
  out.resize(before + bytes.size() * 4);  // no set of these has longer UTF-8 than that
  char* in = const_cast<char*>(bytes.data());
  size_t in_left = bytes.size();
  char* to = out.data() + before;
  size_t to_left = out.size() - before;
  const size_t result = iconv(converter, &in, &in_left, &to, &to_left);
  if (result == static_cast<size_t>(-1) || in_left != 0) return false;
  out.resize(static_cast<size_t>(to - out.data()));
  return true;
}

// Bytes of the first character of `bytes`, in the sets that have exceptions.
size_t CharacterSize(Charset charset, std::string_view bytes) {
  const auto lead = static_cast<uint8_t>(bytes[0]);
  if (lead < 0x80) return 1;
  if (charset == Charset::kGb18030) {
    return bytes.size() > 1 && bytes[1] >= '0' && bytes[1] <= '9' ? 4 : 2;
  }
  if (charset == Charset::kSjis) return lead >= 0xa0 && lead <= 0xdf ? 1 : 2;
  return charset == Charset::kUjis && lead == 0x8f ? 3 : 2;
}

bool AppendMultiByte(std::string& out, std::string_view bytes, Charset charset, const char* name) {
  const iconv_t converter = Converter(charset, name);
  if (converter == reinterpret_cast<iconv_t>(-1)) return false;
  const auto precedes = [](const MultiByteException& entry, std::pair<Charset, uint32_t> key) {
    return std::pair(entry.charset, entry.bytes) < key;
  };
  if (charset != Charset::kGb18030 && charset != Charset::kBig5 && charset != Charset::kSjis &&
      charset != Charset::kUjis) {
    return ConvertRun(out, bytes, converter);
  }
  size_t run = 0;  // begin of what iconv converts
  size_t size = 0;
  for (size_t i = 0; i < bytes.size(); i += size) {
    size = std::min(CharacterSize(charset, bytes.substr(i)), bytes.size() - i);
    if (size == 1) continue;
    uint32_t code = 0;
    for (size_t k = 0; k < size; ++k) code = code << 8 | static_cast<uint8_t>(bytes[i + k]);
    const auto at = std::lower_bound(std::begin(kExceptions), std::end(kExceptions),
                                     std::pair(charset, code), precedes);
    if (at == std::end(kExceptions) || at->charset != charset || at->bytes != code) continue;
    if (!ConvertRun(out, bytes.substr(run, i - run), converter)) return false;
    AppendCharacter(out, at->character);
    run = i + size;
  }
  return ConvertRun(out, bytes.substr(run), converter);
}

bool Append(std::string& out, std::string_view bytes, Charset charset) {
  switch (charset) {
    case Charset::kUtf8mb3:
    case Charset::kUtf8mb4:
      out += bytes;
      return true;
    case Charset::kAscii:
      if (std::any_of(bytes.begin(), bytes.end(), [](char c) { return (c & 0x80) != 0; })) {
        return false;
      }
      out += bytes;
      return true;
    case Charset::kUcs2:
    case Charset::kUtf16:
    case Charset::kUtf16le:
    case Charset::kUtf32:
      return AppendWide(out, bytes, charset);
    default:
      break;
  }
  if (const char* name = IconvName(charset)) return AppendMultiByte(out, bytes, charset, name);
  const auto table = std::find_if(std::begin(kSingleByte), std::end(kSingleByte),
                                  [&](const auto& entry) { return entry.charset == charset; });
  return table != std::end(kSingleByte) && AppendSingleByte(out, bytes, *table);
}

void AppendUnit(std::string& out, char32_t unit, size_t width, bool little) {
  for (size_t i = 0; i < width; ++i) {
    out += static_cast<char>(unit >> 8 * (little ? i : width - 1 - i));
  }
}

// A character in one of the sets that have all of them; false if UCS-2 has no place for it.
bool AppendWideCharacter(std::string& out, char32_t c, Charset charset) {
  const size_t width = charset == Charset::kUtf32 ? 4 : 2;
  const bool little = charset == Charset::kUtf16le;
  if (width == 4 || c < 0x10000) {
    AppendUnit(out, c, width, little);
    return true;
  }
  if (charset == Charset::kUcs2) return false;
  AppendUnit(out, 0xd800 + ((c - 0x10000) >> 10), width, little);
  AppendUnit(out, 0xdc00 + ((c - 0x10000) & 0x3ff), width, little);
  return true;
}

// The shortest bytes, up to two, that are this one character in the set.
bool AppendFound(std::string& out, char32_t c, Charset charset) {
  std::string character;
  AppendCharacter(character, c);
  const auto matches = [&](std::string_view bytes) {
    std::string text;
    return AppendAsUtf8(text, bytes, charset) && text == character;
  };
  std::string bytes(1, '\0');
  for (int a = 0; a < 256; ++a) {
    bytes[0] = static_cast<char>(a);
    if (!matches(bytes)) continue;
    out += bytes;
    return true;
  }
  if (CharsetMaxLength(charset) < 2) return false;
  bytes.resize(2);
  for (int a = 0x80; a < 256; ++a) {
    for (int b = 0; b < 256; ++b) {
      bytes[0] = static_cast<char>(a);
      bytes[1] = static_cast<char>(b);
      if (!matches(bytes)) continue;
      out += bytes;
      return true;
    }
  }
  return false;
}

bool AppendCharacterOf(std::string& out, char32_t c, Charset charset) {
  switch (charset) {
    case Charset::kUtf8mb3:
    case Charset::kUtf8mb4:
      AppendCharacter(out, c);
      return charset == Charset::kUtf8mb4 || c < 0x10000;
    case Charset::kUcs2:
    case Charset::kUtf16:
    case Charset::kUtf16le:
    case Charset::kUtf32:
      return AppendWideCharacter(out, c, charset);
    default:
      return AppendFound(out, c, charset);
  }
}

}  // namespace

std::string_view CharsetName(Charset charset) {
  return kCharsets[static_cast<size_t>(charset)].name;
}

Charset FindCharset(std::string_view name) {
  if (EqualsIgnoreCase(name, "utf8")) return Charset::kUtf8mb3;
  for (const CharsetInfo& info : kCharsets) {
    if (!info.name.empty() && EqualsIgnoreCase(info.name, name)) return info.charset;
  }
  return Charset::kUnknown;
}

int CharsetMaxLength(Charset charset) { return kCharsets[static_cast<size_t>(charset)].max_length; }

Charset CharsetOfCollation(uint32_t id) {
  if (const Collation* collation = FindCollation(id)) return collation->charset;
  // Reserved ranges whose names may be newer than the table.
  if (id >= 255 && id <= 323) return Charset::kUtf8mb4;
  if (id >= 2048 && id < 3328) {  // MariaDB's uca1400 family
    static constexpr Charset kFamily[] = {Charset::kUtf8mb3, Charset::kUtf8mb4, Charset::kUcs2,
                                          Charset::kUtf16, Charset::kUtf32};
    return kFamily[(id - 2048) / 256];
  }
  return Charset::kUnknown;
}

Charset CharsetOfCollationName(std::string_view name) {
  if (const Collation* collation = FindCollation(name)) return collation->charset;
  return FindCharset(name.substr(0, name.find('_')));
}

const Collation* FindCollation(uint32_t id) {
  const auto at = std::lower_bound(
      std::begin(kCollations), std::end(kCollations), id,
      [](const Collation& collation, uint32_t want) { return collation.id < want; });
  return at != std::end(kCollations) && at->id == id ? at : nullptr;
}

const Collation* FindCollation(std::string_view name) {
  std::string full;
  if (name.size() > 5 && EqualsIgnoreCase(name.substr(0, 5), "utf8_")) {
    full = "utf8mb3_";
    full += name.substr(5);
    name = full;
  }
  const auto at = std::find_if(std::begin(kCollations), std::end(kCollations),
                               [&](const Collation& c) { return EqualsIgnoreCase(c.name, name); });
  return at == std::end(kCollations) ? nullptr : at;
}

const Collation* DefaultCollation(Charset charset) {
  const auto at =
      std::find_if(std::begin(kCollations), std::end(kCollations),
                   [&](const Collation& c) { return c.charset == charset && c.is_default; });
  return at == std::end(kCollations) ? nullptr : at;
}

bool IsUtf8Compatible(Charset charset) {
  return charset == Charset::kUtf8mb4 || charset == Charset::kUtf8mb3 || charset == Charset::kAscii;
}

bool AppendAsUtf8(std::string& out, std::string_view bytes, Charset charset) {
  const size_t before = out.size();
  if (Append(out, bytes, charset)) return true;
  out.resize(before);
  return false;
}

bool AppendFromUtf8(std::string& out, std::string_view text, Charset charset) {
  const size_t before = out.size();
  for (const char32_t c : Characters(text)) {
    if (c < kRawByte && AppendCharacterOf(out, c, charset)) continue;
    out.resize(before);
    return false;
  }
  return true;
}

}  // namespace dm::mysql
