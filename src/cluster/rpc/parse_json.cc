#include "cluster/rpc/parse_json.h"

#include <absl/strings/escaping.h>
#include <fmt/format.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <charconv>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/error/error.h"
#include "base/io/text.h"

namespace dm::cluster {
namespace {

using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using nlohmann::json;

[[noreturn]] void Fail(std::string text) { throw Error(ErrorCode::kNotSet, std::move(text)); }

// No message nests as deep, and what walks through a value calls itself for each level.
constexpr int kMaxDepth = 100;
constexpr size_t kShownBytes = 100;

// A value as messages quote it: they stay short, whatever it is.
std::string Shown(const json& value) {
  if (value.is_object()) return "an object";
  if (value.is_array()) return "a list";
  std::string text = value.dump(-1, ' ', false, json::error_handler_t::replace);
  if (text.size() <= kShownBytes) return text;
  size_t end = kShownBytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end) + "...";
}

// What is wrong at the place where the parser gave up.
std::string Describe(const json::parse_error& error, std::string_view text) {
  const std::string what = error.what();
  const auto in = [&](std::string_view phrase) { return what.find(phrase) != std::string::npos; };
  if (error.byte == 0 || error.byte > text.size() || in("unexpected end of input")) {
    return "unexpected EOF";
  }
  std::string_view place = "looking for beginning of value";
  if (in("while parsing object key")) place = "looking for beginning of object key string";
  if (in("while parsing object separator")) place = "after object key";
  if (in("while parsing object -")) place = "after object key:value pair";
  if (in("while parsing array")) place = "after array element";
  if (in("invalid string")) place = "in string literal";
  // The parser names the last byte of what it could not use; the first says more.
  size_t at = error.byte - 1;
  if (!in("invalid string")) {
    while (at > 0 && std::isalnum(static_cast<unsigned char>(text[at - 1])) != 0) --at;
  }
  return fmt::format("invalid character {} {}",
                     fmt::format("'{}'", std::string_view(text).substr(at, 1)), place);
}

int EnumNumber(const EnumDescriptor* type, std::string_view name) {
  const auto* value = type->FindValueByName(std::string(name));
  if (value == nullptr) {
    Fail(fmt::format("unknown value \"{}\" for enum {}", name, type->full_name()));
  }
  return value->number();
}

template <class Integer>
Integer ToInteger(const json& value, const FieldDescriptor& field) {
  const auto refuse = [&]() -> Integer {
    Fail(fmt::format("field {}: {} is no {}", field.name(), Shown(value),
                     FieldDescriptor::CppTypeName(field.cpp_type())));
  };
  if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    Integer number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc() && end == text.data() + text.size() ? number : refuse();
  }
  if (value.is_number_unsigned()) {
    const auto number = value.get<uint64_t>();
    return number <= static_cast<uint64_t>(std::numeric_limits<Integer>::max())
               ? static_cast<Integer>(number)
               : refuse();
  }
  if (value.is_number_integer()) {
    const auto number = value.get<int64_t>();
    const bool fits = std::is_signed_v<Integer> &&
                      number >= static_cast<int64_t>(std::numeric_limits<Integer>::min()) &&
                      number <= static_cast<int64_t>(std::numeric_limits<Integer>::max());
    return fits ? static_cast<Integer>(number) : refuse();
  }
  if (value.is_number_float()) {  // 3.0, 1e3
    const auto number = value.get<double>();
    if (std::trunc(number) == number && std::abs(number) <= 9e15) {
      return ToInteger<Integer>(json(static_cast<int64_t>(number)), field);
    }
  }
  return refuse();
}

double ToDouble(const json& value, const FieldDescriptor& field) {
  if (value.is_number()) return value.get<double>();
  if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    if (text == "NaN") return std::numeric_limits<double>::quiet_NaN();
    if (text == "Infinity") return std::numeric_limits<double>::infinity();
    if (text == "-Infinity") return -std::numeric_limits<double>::infinity();
  }
  Fail(fmt::format("field {}: {} is no number", field.name(), Shown(value)));
}

const std::string& ToText(const json& value, const FieldDescriptor& field) {
  if (!value.is_string()) {
    Fail(fmt::format("field {}: {} is no string", field.name(), Shown(value)));
  }
  return value.get_ref<const std::string&>();
}

void Fill(Message* message, const json& object);

// Sets the field, or appends to a repeated one.
void Put(Message* message, const FieldDescriptor& field, const json& value) {
  const Reflection* reflection = message->GetReflection();
  const bool add = field.is_repeated();
  const auto put = [&](auto set, auto append, auto typed) {
    if (add) {
      (reflection->*append)(message, &field, typed);
    } else {
      (reflection->*set)(message, &field, typed);
    }
  };
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return put(&Reflection::SetInt32, &Reflection::AddInt32, ToInteger<int32_t>(value, field));
    case FieldDescriptor::CPPTYPE_INT64:
      return put(&Reflection::SetInt64, &Reflection::AddInt64, ToInteger<int64_t>(value, field));
    case FieldDescriptor::CPPTYPE_UINT32:
      return put(&Reflection::SetUInt32, &Reflection::AddUInt32, ToInteger<uint32_t>(value, field));
    case FieldDescriptor::CPPTYPE_UINT64:
      return put(&Reflection::SetUInt64, &Reflection::AddUInt64, ToInteger<uint64_t>(value, field));
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return put(&Reflection::SetDouble, &Reflection::AddDouble, ToDouble(value, field));
    case FieldDescriptor::CPPTYPE_FLOAT:
      return put(&Reflection::SetFloat, &Reflection::AddFloat,
                 static_cast<float>(ToDouble(value, field)));
    case FieldDescriptor::CPPTYPE_BOOL:
      if (!value.is_boolean()) {
        Fail(fmt::format("field {}: {} is neither true nor false", field.name(), Shown(value)));
      }
      return put(&Reflection::SetBool, &Reflection::AddBool, value.get<bool>());
    case FieldDescriptor::CPPTYPE_ENUM:
      return put(&Reflection::SetEnumValue, &Reflection::AddEnumValue,
                 value.is_string()
                     ? EnumNumber(field.enum_type(), value.get_ref<const std::string&>())
                     : ToInteger<int32_t>(value, field));
    case FieldDescriptor::CPPTYPE_STRING: {
      std::string text = ToText(value, field);
      if (field.type() == FieldDescriptor::TYPE_BYTES) {
        std::string bytes;
        if (!absl::Base64Unescape(text, &bytes)) {
          Fail(fmt::format("field {}: no base64", field.name()));
        }
        text = std::move(bytes);
      }
      if (add) {
        reflection->AddString(message, &field, std::move(text));
      } else {
        reflection->SetString(message, &field, std::move(text));
      }
      return;
    }
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return Fill(add ? reflection->AddMessage(message, &field)
                      : reflection->MutableMessage(message, &field),
                  value);
  }
}

const FieldDescriptor* FindField(const Message& message, std::string_view name) {
  const auto* type = message.GetDescriptor();
  for (int i = 0; i < type->field_count(); ++i) {
    const FieldDescriptor* field = type->field(i);
    if (field->name() == name || field->json_name() == name) return field;
  }
  return nullptr;
}

void Fill(Message* message, const json& object) {
  if (!object.is_object()) {
    Fail(fmt::format("{} is no object of type {}", Shown(object),
                     message->GetDescriptor()->full_name()));
  }
  for (const auto& [name, value] : object.items()) {
    const FieldDescriptor* field = FindField(*message, name);
    if (field == nullptr || value.is_null()) continue;
    if (!field->is_repeated()) {
      Put(message, *field, value);
      continue;
    }
    if (!value.is_array()) Fail(fmt::format("field {}: {} is no list", name, Shown(value)));
    for (const json& element : value) Put(message, *field, element);
  }
}

// The value of a URL as the JSON that would have stood in a body.
json FromUrl(const FieldDescriptor& field, const std::string& text) {
  const auto mismatch = [&](std::string_view why) {
    Fail(fmt::format("type mismatch, parameter: {}, error: {}", field.name(), why));
  };
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL:
      for (const char* word : {"1", "t", "T", "true", "TRUE", "True"}) {
        if (text == word) return true;
      }
      for (const char* word : {"0", "f", "F", "false", "FALSE", "False"}) {
        if (text == word) return false;
      }
      mismatch(fmt::format("\"{}\" is neither true nor false", text));
      break;
    case FieldDescriptor::CPPTYPE_ENUM: {
      const EnumDescriptor* type = field.enum_type();
      if (const auto* value = type->FindValueByName(text)) return value->number();
      const std::optional<int64_t> number = ParseInt(text);
      if (number && *number >= std::numeric_limits<int32_t>::min() &&
          *number <= std::numeric_limits<int32_t>::max() &&
          type->FindValueByNumber(static_cast<int>(*number)) != nullptr) {
        return *number;
      }
      mismatch(fmt::format("{} is not valid", text));
      break;
    }
    case FieldDescriptor::CPPTYPE_MESSAGE:
      mismatch("a message cannot stand in a URL");
      break;
    default:
      break;
  }
  return text;
}

}  // namespace

void ParseJson(std::string_view text, Message* message) {
  if (Trim(text).empty()) return;
  json object;
  try {
    object = json::parse(text, [](int depth, json::parse_event_t, const json&) {
      if (depth > kMaxDepth) Fail(fmt::format("nested deeper than {} levels", kMaxDepth));
      return true;
    });
  } catch (const json::parse_error& e) {
    Fail(Describe(e, text));
  }
  Fill(message, object);
}

bool SetFieldFromUrl(Message* message, std::string_view name,
                     const std::vector<std::string>& values) {
  const FieldDescriptor* field = FindField(*message, name);
  if (field == nullptr) return false;
  for (const std::string& value : values) {
    try {
      Put(message, *field, FromUrl(*field, value));
    } catch (const Error& e) {
      if (e.message().starts_with("type mismatch")) throw;
      Fail(fmt::format("type mismatch, parameter: {}, error: {}", name, e.message()));
    }
  }
  return true;
}

std::string DecodeUrl(std::string_view text, bool plus) {
  std::string out;
  const auto digit = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
  };
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      const int high = i + 2 < text.size() ? digit(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? digit(text[i + 2]) : -1;
      if (high < 0 || low < 0) {
        Fail(fmt::format("invalid URL escape \"{}\"", text.substr(i, 3)));
      }
      out += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      out += plus && text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

}  // namespace dm::cluster
