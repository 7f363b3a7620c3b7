#include "mysql/value/literal.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "base/error/error.h"
#include "mysql/value/json.h"
#include "mysql/value/quote.h"

namespace dm::mysql {
namespace {

std::vector<uint8_t> Hex(std::string_view text) {
  std::vector<uint8_t> out;
  for (size_t i = 0; i + 1 < text.size();) {
    if (text[i] == ' ') {
      ++i;
      continue;
    }
    out.push_back(static_cast<uint8_t>(std::stoi(std::string(text.substr(i, 2)), nullptr, 16)));
    i += 2;
  }
  return out;
}

Cell CellOf(const std::vector<uint8_t>& bytes) {
  return {bytes.data(), static_cast<uint32_t>(bytes.size()), CellState::kValue};
}

std::string Literal(std::string_view hex, const ColumnMeta& meta,
                    const LiteralOptions& options = {}) {
  const auto bytes = Hex(hex);
  std::string out;
  AppendLiteral(out, CellOf(bytes), meta, options);
  return out;
}

std::string TextLiteral(std::string_view text, const ColumnMeta& meta,
                        const LiteralOptions& options = {}) {
  const std::vector<uint8_t> bytes(text.begin(), text.end());
  std::string out;
  AppendLiteral(out, CellOf(bytes), meta, options);
  return out;
}

ColumnMeta Type(ColumnType type) {
  ColumnMeta meta;
  meta.type = type;
  return meta;
}
ColumnMeta Unsigned(ColumnType type) {
  ColumnMeta meta = Type(type);
  meta.is_unsigned = true;
  return meta;
}
ColumnMeta Fsp(ColumnType type, uint8_t fsp) {
  ColumnMeta meta = Type(type);
  meta.decimals = fsp;
  return meta;
}
ColumnMeta Decimal(uint8_t precision, uint8_t scale) {
  ColumnMeta meta = Type(ColumnType::kNewDecimal);
  meta.precision = precision;
  meta.decimals = scale;
  return meta;
}
ColumnMeta String(ColumnType type, Charset charset, uint32_t length = 0) {
  ColumnMeta meta = Type(type);
  meta.charset = charset;
  meta.length = length;
  return meta;
}
LiteralOptions Zone(std::string_view zone) {
  LiteralOptions options;
  options.time_zone = *TimeZone::Parse(zone);
  return options;
}

TEST(Literal, Integers) {
  EXPECT_EQ(Literal("80", Type(ColumnType::kTiny)), "-128");
  EXPECT_EQ(Literal("80", Unsigned(ColumnType::kTiny)), "128");
  EXPECT_EQ(Literal("00 80", Type(ColumnType::kShort)), "-32768");
  EXPECT_EQ(Literal("d1 64 b8", Type(ColumnType::kInt24)), "-4692783");
  EXPECT_EQ(Literal("d1 64 b8", Unsigned(ColumnType::kInt24)), "12084433");
  EXPECT_EQ(Literal("ff ff ff ff", Type(ColumnType::kLong)), "-1");
  EXPECT_EQ(Literal("ff ff ff ff", Unsigned(ColumnType::kLong)), "4294967295");
  EXPECT_EQ(Literal("00 00 00 00 00 00 00 80", Type(ColumnType::kLongLong)),
            "-9223372036854775808");
  EXPECT_EQ(Literal("ff ff ff ff ff ff ff ff", Unsigned(ColumnType::kLongLong)),
            "18446744073709551615");
  EXPECT_EQ(Literal("7b", Type(ColumnType::kYear)), "2023");
  EXPECT_EQ(Literal("00", Type(ColumnType::kYear)), "0");
  EXPECT_EQ(Literal("01 01", Type(ColumnType::kBit)), "257");
  EXPECT_EQ(Literal("03", Type(ColumnType::kEnum)), "3");
  EXPECT_EQ(Literal("ff ff ff ff ff ff ff ff", Type(ColumnType::kSet)), "18446744073709551615");
}

template <class Float>
std::string FloatLiteral(Float value, ColumnType type) {
  std::vector<uint8_t> bytes(sizeof(value));
  std::memcpy(bytes.data(), &value, sizeof(value));
  std::string out;
  AppendLiteral(out, CellOf(bytes), Type(type), {});
  return out;
}

TEST(Literal, FloatsAsTheReferencePrintsThem) {
  EXPECT_EQ(FloatLiteral(3.14159f, ColumnType::kFloat), "3.141590118408203");
  EXPECT_EQ(FloatLiteral(1234.567f, ColumnType::kFloat), "1234.5670166015625");
  EXPECT_EQ(FloatLiteral(1e-300, ColumnType::kDouble), "1e-300");
  EXPECT_EQ(FloatLiteral(12345678901.1234, ColumnType::kDouble), "1.23456789011234e+10");
  EXPECT_EQ(FloatLiteral(0.0, ColumnType::kDouble), "0");
  EXPECT_EQ(FloatLiteral(-0.0, ColumnType::kDouble), "-0e0");
  EXPECT_EQ(FloatLiteral(100000.0, ColumnType::kDouble), "100000");
  EXPECT_EQ(FloatLiteral(1000000.0, ColumnType::kDouble), "1e+06");
  EXPECT_EQ(FloatLiteral(0.0001, ColumnType::kDouble), "0.0001");
  EXPECT_EQ(FloatLiteral(0.00001, ColumnType::kDouble), "1e-05");
  EXPECT_EQ(FloatLiteral(-2.5, ColumnType::kDouble), "-2.5");
}

TEST(Literal, Decimals) {
  EXPECT_EQ(Literal("80 04 d2 16 2e", Decimal(10, 4)), "'1234.5678'");
  EXPECT_EQ(Literal("7f fb 2d e9 d1", Decimal(10, 4)), "'-1234.5678'");
  EXPECT_EQ(Literal("81 86 9f 27 0f", Decimal(10, 4)), "'99999.9999'");
  EXPECT_EQ(Literal("7f cf c6", Decimal(5, 5)), "'-0.12345'");
  EXPECT_EQ(Literal("78 a4 32 ea ff 43 9e b1", Decimal(18, 0)), "'-123456789012345678'");
  EXPECT_EQ(Literal("76", Decimal(1, 0)), "'-9'");
  EXPECT_EQ(Literal("85", Decimal(1, 0)), "'5'");
  EXPECT_EQ(Literal("81 32", Decimal(3, 2)), "'1.50'");
  EXPECT_EQ(Literal("80 00 00 00 00 00 00 00 00 00 00 00 00 00 00 7b 1b 2e 02 00 00 00 00 00 00 00 "
                    "00 00 00 00",
                    Decimal(65, 30)),
            "'123.456000000000000000000000000000'");
  EXPECT_THROW(Literal("81", Decimal(3, 2)), Error);
  EXPECT_THROW(Literal("ff ff ff ff ff", Decimal(10, 4)), Error);  // no decimal digits
}

TEST(Literal, Time2) {
  EXPECT_EQ(Literal("7f 37 48", Fsp(ColumnType::kTime2, 0)), "'-12:34:56'");
  EXPECT_EQ(Literal("7f ff ff f6", Fsp(ColumnType::kTime2, 1)), "'-00:00:00.1'");
  EXPECT_EQ(Literal("7f ff fe f6", Fsp(ColumnType::kTime2, 2)), "'-00:00:01.10'");
  EXPECT_EQ(Literal("7f 0e fa f4", Fsp(ColumnType::kTime2, 2)), "'-15:04:05.12'");
  EXPECT_EQ(Literal("80 c8 b8 1e d2", Fsp(ColumnType::kTime2, 3)), "'12:34:56.789'");
  EXPECT_EQ(Literal("7f 37 47 e1 2e", Fsp(ColumnType::kTime2, 3)), "'-12:34:56.789'");
  EXPECT_EQ(Literal("b4 6e fb 0f 42 36", Fsp(ColumnType::kTime2, 5)), "'838:59:59.99999'");
  EXPECT_EQ(Literal("7f ef ff ff ff f6", Fsp(ColumnType::kTime2, 5)), "'-01:00:00.00001'");
  EXPECT_EQ(Literal("4b 91 04 f0 bd c1", Fsp(ColumnType::kTime2, 6)), "'-838:59:59.999999'");
  EXPECT_EQ(Literal("7f ff ff ff ff ff", Fsp(ColumnType::kTime2, 6)), "'-00:00:00.000001'");
  EXPECT_THROW(Literal("7f ff", Fsp(ColumnType::kTime2, 0)), Error);
}

TEST(Literal, DateTime2) {
  EXPECT_EQ(Literal("99 af ca 61 c8", Fsp(ColumnType::kDateTime2, 0)), "'2023-04-05 06:07:08'");
  EXPECT_EQ(Literal("99 af ca 61 c8 04 ce", Fsp(ColumnType::kDateTime2, 3)),
            "'2023-04-05 06:07:08.123'");
  EXPECT_EQ(Literal("fe f3 ff 7e fb 0f 42 3f", Fsp(ColumnType::kDateTime2, 6)),
            "'9999-12-31 23:59:59.999999'");
  EXPECT_EQ(Literal("99 9a b8 f7 aa", Fsp(ColumnType::kDateTime2, 0)), "'2016-10-28 15:30:42'");
  EXPECT_EQ(Literal("80 03 82 00 00", Fsp(ColumnType::kDateTime2, 0)), "'0001-01-01 00:00:00'");
  EXPECT_EQ(Literal("80 00 00 00 00", Fsp(ColumnType::kDateTime2, 0)), "'0000-00-00 00:00:00'");
}

TEST(Literal, TimestampsInTheTasksZone) {
  EXPECT_EQ(Literal("64 2d 10 0c", Fsp(ColumnType::kTimestamp2, 0)), "'2023-04-05 06:07:08'");
  EXPECT_EQ(Literal("64 2d 10 0c 0c", Fsp(ColumnType::kTimestamp2, 2), Zone("+08:00")),
            "'2023-04-05 14:07:08.12'");
  EXPECT_EQ(Literal("64 2d 10 0c 01 e2 40", Fsp(ColumnType::kTimestamp2, 6), Zone("-03:30")),
            "'2023-04-05 02:37:08.123456'");
  EXPECT_EQ(Literal("00 00 00 00 00 00", Fsp(ColumnType::kTimestamp2, 3), Zone("+08:00")),
            "'0000-00-00 00:00:00.000'");
  // Beyond 2038, as newer MariaDB stores it.
  EXPECT_EQ(Literal("ff ff ff ff", Fsp(ColumnType::kTimestamp2, 0)), "'2106-02-07 06:28:15'");
  EXPECT_EQ(Literal("0c 10 2d 64", Fsp(ColumnType::kTimestamp, 0)), "'2023-04-05 06:07:08'");
}

TEST(Literal, OldAndHighResolutionTemporals) {
  EXPECT_EQ(Literal("85 ce 0f", Type(ColumnType::kDate)), "'2023-04-05'");
  EXPECT_EQ(Literal("00 00 00", Type(ColumnType::kDate)), "'0000-00-00'");
  EXPECT_EQ(Literal("c0 1d fe", Type(ColumnType::kTime)), "'-12:34:56'");
  EXPECT_EQ(Literal("00 b1 54 78 eb", Fsp(ColumnType::kTime, 3)), "'-12:34:56.789'");
  EXPECT_EQ(Literal("64 78 1b 42 66 12 00 00", Type(ColumnType::kDateTime)),
            "'2023-04-05 06:07:08'");
}

TEST(Literal, TextAndBytes) {
  const std::string_view text("quote ' backslash \\ newline \n tab \t zero \0 end", 46);
  EXPECT_EQ(TextLiteral(text, String(ColumnType::kVarchar, Charset::kUtf8mb4)),
            "'quote \\' backslash \\\\ newline \\n tab \t zero \\0 end'");
  LiteralOptions plain;
  plain.no_backslash_escapes = true;
  EXPECT_EQ(TextLiteral("a'b\\", String(ColumnType::kVarchar, Charset::kUtf8mb4), plain),
            "'a''b\\'");
  EXPECT_EQ(TextLiteral("long", String(ColumnType::kBlob, Charset::kUtf8mb4)), "_binary'long'");
  EXPECT_EQ(Literal("e9 80", String(ColumnType::kVarchar, Charset::kLatin1)), "'é€'");
  EXPECT_EQ(Literal("e9", String(ColumnType::kBlob, Charset::kLatin1)), "'é'");
  EXPECT_EQ(Literal("d6 d0", String(ColumnType::kVarchar, Charset::kGbk)), "'\xe4\xb8\xad'");
  ColumnMeta kept = String(ColumnType::kVarchar, Charset::kGbk);
  kept.keep_bytes = true;
  EXPECT_EQ(Literal("d6 d0", kept), "_gbk'\xd6\xd0'");
  kept.charset = Charset::kLatin1;
  EXPECT_EQ(Literal("e9", kept), "'\xc3\xa9'");
  EXPECT_EQ(Literal("61 00 62", String(ColumnType::kString, Charset::kBinary, 5)),
            "_binary'a\\0b\\0\\0'");
  EXPECT_EQ(Literal("ff 27", String(ColumnType::kVarchar, Charset::kBinary)), "_binary'\xff\\''");
  EXPECT_EQ(Literal("", String(ColumnType::kBlob, Charset::kBinary)), "_binary''");
  // A byte without a character goes as it is.
  EXPECT_EQ(Literal("80", String(ColumnType::kVarchar, Charset::kAscii)), "'\x80'");
  EXPECT_EQ(Literal("98", String(ColumnType::kVarchar, Charset::kCp1251)), "_binary'\x98'");
}

TEST(Literal, NullAbsentAndVector) {
  std::string out;
  AppendLiteral(out, {nullptr, 0, CellState::kNull}, Type(ColumnType::kLong), {});
  EXPECT_EQ(out, "NULL");
  EXPECT_THROW(AppendLiteral(out, {}, Type(ColumnType::kLong), {}), Error);
  LiteralOptions text;
  text.for_tidb = true;
  EXPECT_EQ(Literal("00 00 80 3f 00 00 20 40", Type(ColumnType::kVector), text), "'[1,2.5]'");
  EXPECT_EQ(Literal("00 00 80 3f", Type(ColumnType::kVector)),
            std::string("_binary'\\0\\0\x80") + "?'");
  EXPECT_THROW(Literal("00", Type(ColumnType::kTypedArray)), Error);
}

TEST(Literal, Parameters) {
  const auto parameter = [](std::string_view hex, const ColumnMeta& meta) {
    const auto bytes = Hex(hex);
    std::string out;
    EXPECT_TRUE(AppendParameter(out, CellOf(bytes), meta, Zone("+02:00")));
    return out;
  };
  constexpr uint8_t kNumber = 8, kText = 253, kBlob = 252;
  const auto is = [](const ColumnMeta& meta, uint8_t type, bool is_unsigned = false) {
    const auto found = ParameterOf(meta);
    return found && *found == Parameter{type, is_unsigned};
  };
  EXPECT_TRUE(is(Type(ColumnType::kTiny), kNumber));
  EXPECT_TRUE(is(Unsigned(ColumnType::kLongLong), kNumber, true));
  EXPECT_TRUE(is(Type(ColumnType::kYear), kNumber, true));
  EXPECT_TRUE(is(Decimal(10, 2), kText));
  EXPECT_TRUE(is(Type(ColumnType::kTimestamp), kText));
  EXPECT_TRUE(is(String(ColumnType::kVarchar, Charset::kUtf8mb4), kText));
  EXPECT_TRUE(is(String(ColumnType::kBlob, Charset::kUtf8mb4), kBlob));
  EXPECT_TRUE(is(String(ColumnType::kString, Charset::kBinary, 4), kBlob));
  EXPECT_FALSE(ParameterOf(Type(ColumnType::kDouble)));
  EXPECT_FALSE(ParameterOf(Type(ColumnType::kFloat)));
  ColumnMeta kept = String(ColumnType::kVarchar, Charset::kGbk);
  kept.keep_bytes = true;
  EXPECT_FALSE(ParameterOf(kept));

  ColumnMeta bytes_alike = String(ColumnType::kVarchar, Charset::kLatin1);
  bytes_alike.keep_bytes = true;
  EXPECT_TRUE(is(bytes_alike, kBlob));
  EXPECT_EQ(parameter("e9", bytes_alike), std::string("\0\1\xe9", 3));

  const auto text = [](std::string_view value) {
    return std::string(1, '\0') + static_cast<char>(value.size()) + std::string(value);
  };
  EXPECT_EQ(parameter("80", Type(ColumnType::kTiny)),
            std::string("\0\x80\xff\xff\xff\xff\xff\xff\xff", 9));
  EXPECT_EQ(parameter("80", Unsigned(ColumnType::kTiny)), std::string("\0\x80\0\0\0\0\0\0\0", 9));
  EXPECT_EQ(parameter("85 ce 0f", Type(ColumnType::kDate)), text("2023-04-05"));
  EXPECT_EQ(parameter("00 00 00 00", Type(ColumnType::kTimestamp)), text("0000-00-00 00:00:00"));
  EXPECT_EQ(parameter("e9 80", String(ColumnType::kVarchar, Charset::kLatin1)), text("é€"));
  EXPECT_EQ(parameter("61 00 62", String(ColumnType::kString, Charset::kBinary, 5)),
            text(std::string_view("a\0b\0\0", 5)));
  EXPECT_EQ(parameter("27 5c", String(ColumnType::kVarchar, Charset::kUtf8mb4)), text("'\\"));
  for (const size_t size : {0, 250, 251, 65535, 65536}) {
    const std::vector<uint8_t> bytes(size, 'x');
    std::string out;
    EXPECT_TRUE(
        AppendParameter(out, CellOf(bytes), String(ColumnType::kBlob, Charset::kUtf8mb4), {}));
    const size_t head = size < 251 ? 1 : size < 65536 ? 3 : 4;
    EXPECT_EQ(out.size(), 1 + head + size);
  }
  std::string out = "kept";
  const auto no_character = Hex("98");
  EXPECT_FALSE(AppendParameter(out, CellOf(no_character),
                               String(ColumnType::kVarchar, Charset::kCp1251), {}));
  EXPECT_EQ(out, "kept");
  EXPECT_TRUE(AppendParameter(out, {nullptr, 0, CellState::kNull}, Type(ColumnType::kLong), {}));
  EXPECT_EQ(out, "kept\1");
  EXPECT_THROW(AppendParameter(out, {}, Type(ColumnType::kLong), {}), Error);
}

TEST(Literal, CanonicalText) {
  const auto text = [](std::string_view hex, const ColumnMeta& meta) {
    const auto bytes = Hex(hex);
    std::string out;
    AppendText(out, CellOf(bytes), meta, {});
    return out;
  };
  EXPECT_EQ(text("81 32", Decimal(3, 2)), "1.50");
  EXPECT_EQ(text("61", String(ColumnType::kString, Charset::kBinary, 3)), std::string("a\0\0", 3));
  EXPECT_EQ(text("e9", String(ColumnType::kVarchar, Charset::kLatin1)), "é");
  EXPECT_EQ(text("64 2d 10 0c", Fsp(ColumnType::kTimestamp2, 0)), "2023-04-05 06:07:08");
}

TEST(TimeZone, Names) {
  for (const char* good : {"UTC", "+00:00", "-12:59", "+14:00", "+8:00", "Asia/Shanghai"}) {
    EXPECT_TRUE(TimeZone::Parse(good)) << good;
  }
  for (const char* bad : {"", "SYSTEM", "Local", "+14:01", "-13:00", "+08", "+08:60", "Mars/Base",
                          "/etc/localtime", "localtime", "+0a:00"}) {
    EXPECT_FALSE(TimeZone::Parse(bad)) << bad;
  }
  const TimeZone berlin = *TimeZone::Parse("Europe/Berlin");
  EXPECT_EQ(berlin.OffsetAt(1679792399), 3600);  // a second before summer time
  EXPECT_EQ(berlin.OffsetAt(1679792400), 7200);
  EXPECT_EQ(berlin.OffsetAt(1679792399), 3600);
  EXPECT_EQ(berlin.ToUnix(2023, 4, 5, 8, 7, 8), 1680674828);
  EXPECT_EQ(TimeZone::Parse("+08:00")->ToUnix(1970, 1, 1, 8, 0, 1), 1);
}

std::string Json(std::string_view hex) {
  const auto bytes = Hex(hex);
  std::string out;
  AppendJson(out, bytes);
  return out;
}

TEST(Literal, AddressesAndUuids) {
  const auto literal = [](std::string_view hex, TextForm form) {
    ColumnMeta meta = String(ColumnType::kString, Charset::kBinary, 16);
    meta.text_form = form;
    return Literal(hex, meta);
  };
  EXPECT_EQ(literal("0a 00 00 01", TextForm::kInet4), "'10.0.0.1'");
  EXPECT_EQ(literal("0a", TextForm::kInet4), "'10.0.0.0'");
  EXPECT_EQ(literal("", TextForm::kInet6), "'::'");
  EXPECT_EQ(literal("00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 01", TextForm::kInet6), "'::1'");
  EXPECT_EQ(literal("00 11 22 33 44 55 66 77 88 99 aa bb cc dd ee ff", TextForm::kUuid),
            "'00112233-4455-6677-8899-aabbccddeeff'");
  EXPECT_THROW(literal("0a 00 00 01 00", TextForm::kInet4), Error);
}

TEST(Json, Documents) {
  EXPECT_EQ(Json("00 00 00 04 00"), "{}");
  EXPECT_EQ(Json("00 01 00 0c 00 0b 00 01 00 05 01 00 61"), "{\"a\": 1}");
  EXPECT_EQ(Json("00 01 00 0c 00 0b 00 01 00 05 d2 04 61"), "{\"a\": 1234}");
  EXPECT_EQ(Json("00 02 00 28 00 12 00 04 00 16 00 04 00 0c 1a 00 0c 21 00 6b 65 79 31 6b 65 79 32 "
                 "06 76 61 6c 75 65 31 06 76 61 6c 75 65 32"),
            "{\"key1\": \"value1\", \"key2\": \"value2\"}");
  EXPECT_EQ(Json("02 01 00 0d 00 0f 07 00 f6 04 03 02 81 32"), "[1.50]");
  EXPECT_EQ(Json("04 00"), "null");
  EXPECT_EQ(Json("04 01"), "true");
  EXPECT_EQ(Json("04 02"), "false");
  EXPECT_EQ(Json("0c 03 61 62 63"), "\"abc\"");
  EXPECT_EQ(Json("05 ff ff"), "-1");
  EXPECT_EQ(Json("0a ff ff ff ff ff ff ff ff"), "18446744073709551615");
  EXPECT_EQ(Json("0f 0c 08 c0 d4 01 19 76 1f 95 19"), "\"2015-01-15 23:24:25.120000\"");
  EXPECT_EQ(Json("0f 0a 08 00 00 00 00 00 1e 95 19"), "\"2015-01-15\"");
  EXPECT_EQ(Json("0f 0b 08 c0 d4 01 19 76 01 00 00"), "\"23:24:25.120000\"");
  EXPECT_EQ(Json("0f 0b 08 40 2b fe e6 89 fe ff ff"), "\"-23:24:25.120000\"");
  EXPECT_EQ(Json("0f fc 03 61 62 63"), "\"base64:type252:YWJj\"");
  EXPECT_EQ(Json(""), "null");
}

std::string JsonDouble(double value) {
  std::vector<uint8_t> bytes(9, 0x0b);
  std::memcpy(bytes.data() + 1, &value, sizeof(value));
  std::string out;
  AppendJson(out, bytes);
  return out;
}

TEST(Json, DoublesAsMySqlPrintsThem) {
  EXPECT_EQ(JsonDouble(0.0), "0.0");
  EXPECT_EQ(JsonDouble(-0.0), "-0.0");
  EXPECT_EQ(JsonDouble(1.0), "1.0");
  EXPECT_EQ(JsonDouble(-2.5), "-2.5");
  EXPECT_EQ(JsonDouble(1e14), "100000000000000.0");
  EXPECT_EQ(JsonDouble(1e15), "1e15");
  EXPECT_EQ(JsonDouble(1e-15), "0.000000000000001");
  EXPECT_EQ(JsonDouble(1e-16), "1e-16");
  EXPECT_EQ(JsonDouble(30878575568330856.0), "3.0878575568330856e16");
  EXPECT_EQ(JsonDouble(1.5e300), "1.5e300");
}

TEST(Json, MalformedDocumentsAreErrors) {
  const auto good =
      Hex("00 02 00 28 00 12 00 04 00 16 00 04 00 0c 1a 00 0c 21 00 6b 65 79 31 6b 65 79 32 "
          "06 76 61 6c 75 65 31 06 76 61 6c 75 65 32");
  for (size_t size = 1; size < good.size(); ++size) {
    const std::vector<uint8_t> cut(good.begin(), good.begin() + static_cast<long>(size));
    std::string out;
    EXPECT_THROW(AppendJson(out, cut), Error) << size;
  }
  // An array whose element is the array itself: bounded, not endless.
  EXPECT_THROW(Json("02 01 00 08 00 02 00 00 00"), Error);
  EXPECT_THROW(Json("0d 00"), Error);
  EXPECT_THROW(Json("04 07"), Error);
}

TEST(Json, DepthIsBounded) {
  // Nested arrays, each holding the next one right behind its tables.
  std::vector<uint8_t> document{0x04, 0x00};
  for (int i = 0; i < 101; ++i) {
    std::vector<uint8_t> outer{0x02, 1, 0, 0, 0, document[0], 7, 0};
    outer.insert(outer.end(), document.begin() + 1, document.end());
    const size_t size = outer.size() - 1;
    outer[3] = static_cast<uint8_t>(size);
    outer[4] = static_cast<uint8_t>(size >> 8);
    document = outer;
    // The innermost literal is inlined by a real server; here it is always an offset.
    if (i == 0) document = {0x02, 1, 0, 7, 0, 0x04, 0, 0};
  }
  std::string out;
  EXPECT_THROW(AppendJson(out, document), Error);
}

TEST(Quote, Names) {
  EXPECT_EQ(QuoteName("a`b"), "`a``b`");
  EXPECT_EQ(QuoteTable("d", "t"), "`d`.`t`");
  EXPECT_EQ(QuoteString("it's"), "'it\\'s'");
  EXPECT_EQ(QuoteString("it's\\", true), "'it''s\\'");
}

}  // namespace
}  // namespace dm::mysql
