#include "mysql/value/literal.h"

#include <fmt/format.h>

#include <array>
#include <atomic>
#include <cstring>

#include "base/error/error.h"
#include "base/log/log.h"
#include "mysql/value/charset.h"
#include "mysql/value/json.h"
#include "mysql/value/quote.h"
#include "mysql/value/render.h"
#include "mysql/value/vector_text.h"

namespace dm::mysql {
namespace {

// How a column's value is written.
enum class Form {
  kSigned,
  kUnsigned,
  kFloat,
  kDouble,
  kDecimal,
  kTemporal,
  kText,       // UTF-8 already: '...'
  kConverted,  // to UTF-8: '...'
  kBytes,      // _binary'...'
  kKept,       // _gbk'...', bytes in the column's own character set
  kPadded,     // _binary'...' with zero bytes up to the column's length
  kJson,
  kVector,
  kTextForm,  // '...' of what is stored as bytes
};

bool IsBlobFamily(ColumnType type) {
  return type == ColumnType::kBlob || type == ColumnType::kTinyBlob ||
         type == ColumnType::kMediumBlob || type == ColumnType::kLongBlob ||
         type == ColumnType::kBlobCompressed;
}

Form StringForm(const ColumnMeta& meta) {
  if (meta.text_form != TextForm::kNone) return Form::kTextForm;
  const Charset charset = meta.charset;
  if (charset == Charset::kBinary) {
    return meta.type == ColumnType::kString ? Form::kPadded : Form::kBytes;
  }
  const bool utf8 = charset == Charset::kUnknown || IsUtf8Compatible(charset);
  if (!utf8) {
    // latin1 has a character for each byte.
    return meta.keep_bytes && charset != Charset::kLatin1 ? Form::kKept : Form::kConverted;
  }
  // TEXT columns come as byte strings.
  return IsBlobFamily(meta.type) ? Form::kBytes : Form::kText;
}

Form FormOf(const ColumnMeta& meta) {
  switch (meta.type) {
    case ColumnType::kTiny:
    case ColumnType::kShort:
    case ColumnType::kInt24:
    case ColumnType::kLong:
    case ColumnType::kLongLong:
      return meta.is_unsigned ? Form::kUnsigned : Form::kSigned;
    case ColumnType::kYear:
    case ColumnType::kBit:
    case ColumnType::kEnum:
    case ColumnType::kSet:
      return Form::kUnsigned;
    case ColumnType::kFloat:
      return Form::kFloat;
    case ColumnType::kDouble:
      return Form::kDouble;
    case ColumnType::kNewDecimal:
      return Form::kDecimal;
    case ColumnType::kDate:
    case ColumnType::kNewDate:
    case ColumnType::kTime:
    case ColumnType::kTime2:
    case ColumnType::kDateTime:
    case ColumnType::kDateTime2:
    case ColumnType::kTimestamp:
    case ColumnType::kTimestamp2:
      return Form::kTemporal;
    case ColumnType::kVarchar:
    case ColumnType::kVarString:
    case ColumnType::kString:
    case ColumnType::kVarcharCompressed:
    case ColumnType::kBlob:
    case ColumnType::kTinyBlob:
    case ColumnType::kMediumBlob:
    case ColumnType::kLongBlob:
    case ColumnType::kBlobCompressed:
      return StringForm(meta);
    case ColumnType::kGeometry:
      return Form::kBytes;
    case ColumnType::kJson:
      return Form::kJson;
    case ColumnType::kVector:
      return Form::kVector;
    case ColumnType::kNull:
    case ColumnType::kDecimal:
    case ColumnType::kTypedArray:
      break;
  }
  throw Error(ErrorCode::kBinlogColumnTypeNotSupport,
              fmt::format("column type {} (0x{:02x}) is not supported", TypeName(meta.type),
                          static_cast<int>(meta.type)));
}

template <class Float>
double LoadFloat(const Cell& cell, const ColumnMeta& meta) {
  Float value;
  if (cell.size != sizeof(value)) {
    throw Error(ErrorCode::kBinlogEventDecode, fmt::format("a {} value of {} bytes in the binlog",
                                                           TypeName(meta.type), cell.size));
  }
  std::memcpy(&value, cell.data, sizeof(value));
  return value;
}

// Numbers and temporal values, which need no escapes.
void AppendPlain(std::string& out, Form form, const Cell& cell, const ColumnMeta& meta,
                 const LiteralOptions& options) {
  switch (form) {
    case Form::kSigned:
      return AppendInteger(out, CellInteger(cell, meta));
    case Form::kUnsigned:
      return AppendUnsigned(out, static_cast<uint64_t>(CellInteger(cell, meta)));
    case Form::kFloat:
      return AppendDouble(out, LoadFloat<float>(cell, meta));
    case Form::kDouble:
      return AppendDouble(out, LoadFloat<double>(cell, meta));
    case Form::kDecimal:
      return AppendDecimal(out, cell.bytes(), meta.precision, meta.decimals);
    case Form::kTemporal:
      return AppendTemporal(out, cell.bytes(), meta, options.time_zone);
    default:
      return;
  }
}

uint32_t PaddingOf(const Cell& cell, const ColumnMeta& meta) {
  return meta.length > cell.size ? meta.length - cell.size : 0;
}

// Reports once for each character set; the values themselves may be private.
void WarnUnconvertible(Charset charset) {
  static std::array<std::atomic<bool>, 64> warned{};
  if (warned[static_cast<size_t>(charset) % warned.size()].exchange(true)) return;
  Log().Error("text has bytes without a character in its character set, replicated as it is",
              {F("charset", CharsetName(charset))});
}

// The value in UTF-8 in a reused buffer; false if it has no conversion.
bool Convert(const Cell& cell, const ColumnMeta& meta, std::string_view* converted) {
  thread_local std::string buffer;
  buffer.clear();
  if (!AppendAsUtf8(buffer, cell.text(), meta.charset)) {
    WarnUnconvertible(meta.charset);
    return false;
  }
  *converted = buffer;
  return true;
}

std::string_view JsonText(const Cell& cell) {
  thread_local std::string buffer;
  buffer.clear();
  AppendJson(buffer, cell.bytes());
  return buffer;
}

[[noreturn]] void FailAbsent(const ColumnMeta& meta) {
  throw Error(ErrorCode::kBinlogEventDecode,
              fmt::format("a {} column is not in the row image", TypeName(meta.type)));
}

}  // namespace

void AppendLiteral(std::string& out, const Cell& cell, const ColumnMeta& meta,
                   const LiteralOptions& options) {
  if (cell.is_null()) {
    out += "NULL";
    return;
  }
  if (!cell.has_value()) FailAbsent(meta);
  const bool plain_quotes = options.no_backslash_escapes;
  const Form form = FormOf(meta);
  switch (form) {
    case Form::kSigned:
    case Form::kUnsigned:
    case Form::kFloat:
    case Form::kDouble:
      return AppendPlain(out, form, cell, meta, options);
    case Form::kDecimal:
    case Form::kTemporal:
      out += '\'';
      AppendPlain(out, form, cell, meta, options);
      out += '\'';
      return;
    case Form::kText:
      return AppendQuotedString(out, cell.text(), plain_quotes);
    case Form::kConverted: {
      std::string_view text;
      if (Convert(cell, meta, &text)) return AppendQuotedString(out, text, plain_quotes);
      out += "_binary";
      return AppendQuotedString(out, cell.text(), plain_quotes);
    }
    case Form::kKept:
      out += '_';
      out += options.kept_as_binary ? std::string_view("binary") : CharsetName(meta.charset);
      return AppendQuotedString(out, cell.text(), plain_quotes);
    case Form::kBytes:
      out += "_binary";
      return AppendQuotedString(out, cell.text(), plain_quotes);
    case Form::kPadded:
      out += "_binary'";
      AppendEscaped(out, cell.text(), plain_quotes);
      for (uint32_t i = PaddingOf(cell, meta); i > 0; --i) {
        out.append(plain_quotes ? std::string_view("\0", 1) : std::string_view("\\0"));
      }
      out += '\'';
      return;
    case Form::kJson:
      return AppendQuotedString(out, JsonText(cell), plain_quotes);
    case Form::kTextForm:
      out += '\'';
      AppendTextForm(out, cell.bytes(), meta.text_form);
      out += '\'';
      return;
    case Form::kVector:
      if (options.for_tidb) {
        out += '\'';
        AppendVectorText(out, cell.text());
        out += '\'';
      } else {
        out += "_binary";
        AppendQuotedString(out, cell.text(), plain_quotes);
      }
      return;
  }
}

void AppendText(std::string& out, const Cell& cell, const ColumnMeta& meta,
                const LiteralOptions& options) {
  if (!cell.has_value()) return;
  const Form form = FormOf(meta);
  switch (form) {
    case Form::kText:
    case Form::kBytes:
      out += cell.text();
      return;
    case Form::kKept:
    case Form::kConverted: {
      std::string_view text;
      out += Convert(cell, meta, &text) ? text : cell.text();
      return;
    }
    case Form::kPadded:
      out += cell.text();
      out.append(PaddingOf(cell, meta), '\0');
      return;
    case Form::kJson:
      AppendJson(out, cell.bytes());
      return;
    case Form::kTextForm:
      return AppendTextForm(out, cell.bytes(), meta.text_form);
    case Form::kVector:
      if (options.for_tidb) return AppendVectorText(out, cell.text());
      out += cell.text();
      return;
    default:
      return AppendPlain(out, form, cell, meta, options);
  }
}

namespace {

// Type codes of the protocol (MySQL internals, enum_field_types).
constexpr uint8_t kInteger = static_cast<uint8_t>(ColumnType::kLongLong);
constexpr uint8_t kCharacters = static_cast<uint8_t>(ColumnType::kVarString);
constexpr uint8_t kByteString = static_cast<uint8_t>(ColumnType::kBlob);
// Indicators before each value of a bulk execution.
constexpr char kHasValue = 0;
constexpr char kIsNull = 1;

void AppendLittleEndian(std::string& out, uint64_t value, int bytes) {
  char text[8];
  for (int i = 0; i < bytes; ++i) text[i] = static_cast<char>(value >> (8 * i));
  out.append(text, static_cast<size_t>(bytes));
}

// The head of a string of so many bytes.
void AppendLength(std::string& out, size_t size) {
  constexpr size_t kOneByte = 251;
  if (size < kOneByte) {
    out += static_cast<char>(size);
  } else if (size < 1 << 16) {
    out += '\xfc';
    AppendLittleEndian(out, size, 2);
  } else if (size < 1 << 24) {
    out += '\xfd';
    AppendLittleEndian(out, size, 3);
  } else {
    out += '\xfe';
    AppendLittleEndian(out, size, 8);
  }
}

void AppendString(std::string& out, std::string_view text) {
  out += kHasValue;
  AppendLength(out, text.size());
  out += text;
}

// latin1 text for a column that is latin1 as well, and has a character for each byte.
bool GoesAsBytes(Form form, const ColumnMeta& meta) {
  return form == Form::kConverted && meta.keep_bytes;
}

}  // namespace

std::optional<Parameter> ParameterOf(const ColumnMeta& meta) {
  if (GoesAsBytes(FormOf(meta), meta)) return Parameter{kByteString, false};
  switch (FormOf(meta)) {
    case Form::kSigned:
      return Parameter{kInteger, false};
    case Form::kUnsigned:
      return Parameter{kInteger, true};
    case Form::kDecimal:
    case Form::kTemporal:
    case Form::kText:
    case Form::kConverted:
    case Form::kJson:
    case Form::kTextForm:
      return Parameter{kCharacters, false};
    case Form::kBytes:
    case Form::kPadded:
      return Parameter{kByteString, false};
    case Form::kFloat:
    case Form::kDouble:
    case Form::kKept:
    case Form::kVector:
      break;
  }
  return std::nullopt;
}

bool AppendParameter(std::string& out, const Cell& cell, const ColumnMeta& meta,
                     const LiteralOptions& options) {
  if (cell.is_null()) {
    out += kIsNull;
    return true;
  }
  if (!cell.has_value()) FailAbsent(meta);
  const Form form = FormOf(meta);
  switch (form) {
    case Form::kSigned:
    case Form::kUnsigned:
      out += kHasValue;
      AppendLittleEndian(out, static_cast<uint64_t>(CellInteger(cell, meta)), 8);
      return true;
    case Form::kText:
    case Form::kBytes:
      AppendString(out, cell.text());
      return true;
    case Form::kPadded: {
      const uint32_t padding = PaddingOf(cell, meta);
      out += kHasValue;
      AppendLength(out, size_t{cell.size} + padding);
      out += cell.text();
      out.append(padding, '\0');
      return true;
    }
    case Form::kConverted: {
      std::string_view text = cell.text();
      if (!GoesAsBytes(form, meta) && !Convert(cell, meta, &text)) return false;
      AppendString(out, text);
      return true;
    }
    case Form::kDecimal:
    case Form::kTemporal:
    case Form::kJson:
    case Form::kTextForm: {
      thread_local std::string text;
      text.clear();
      AppendText(text, cell, meta, options);
      AppendString(out, text);
      return true;
    }
    case Form::kFloat:
    case Form::kDouble:
    case Form::kKept:
    case Form::kVector:
      break;
  }
  return false;
}

bool IsStringLiteral(const ColumnMeta& meta) {
  switch (FormOf(meta)) {
    case Form::kSigned:
    case Form::kUnsigned:
    case Form::kFloat:
    case Form::kDouble:
      return false;
    default:
      return true;
  }
}

}  // namespace dm::mysql
