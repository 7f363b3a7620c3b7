#include "cluster/rpc/print_json.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <google/protobuf/reflection.h>

#include <charconv>
#include <cmath>
#include <map>
#include <vector>

#include "base/io/encode.h"
#include "base/io/text.h"

namespace dm::cluster {

namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

class Printer {
 public:
  Printer(const PrintOptions& options, std::string& out) : options_(options), out_(out) {}

  void PrintMessage(const Message& message, int level) {
    const Descriptor* type = message.GetDescriptor();
    const Reflection* reflection = message.GetReflection();
    out_ += '{';
    bool first = true;
    for (int i = 0; i < type->field_count(); ++i) {
      const FieldDescriptor* field = type->field(i);
      if (field->real_containing_oneof() != nullptr && !reflection->HasField(message, field)) {
        continue;
      }
      out_ += first ? "\n" : ",\n";
      first = false;
      Indent(level + 1);
      out_ += '"' + field->name() + "\": ";
      if (field->is_map()) {
        PrintMap(message, field, level + 1);
      } else if (field->is_repeated()) {
        PrintList(message, field, level + 1);
      } else {
        PrintSingle(message, field, level + 1);
      }
    }
    out_ += first ? "\n\n" : "\n";
    Indent(level);
    out_ += '}';
  }

 private:
  void Indent(int level) { out_.append(static_cast<size_t>(level) * options_.indent, ' '); }

  void PrintList(const Message& message, const FieldDescriptor* field, int level) {
    const Reflection* reflection = message.GetReflection();
    out_ += '[';
    const int count = reflection->FieldSize(message, field);
    for (int i = 0; i < count; ++i) {
      out_ += i == 0 ? "\n" : ",\n";
      Indent(level + 1);
      PrintElement(message, field, i, level + 1);
    }
    out_ += '\n';
    Indent(level);
    out_ += ']';
  }

  void PrintMap(const Message& message, const FieldDescriptor* field, int level) {
    const Reflection* reflection = message.GetReflection();
    const FieldDescriptor* key_field = field->message_type()->map_key();
    const FieldDescriptor* value_field = field->message_type()->map_value();
    std::map<std::string, const Message*> entries;
    for (int i = 0; i < reflection->FieldSize(message, field); ++i) {
      const Message& entry = reflection->GetRepeatedMessage(message, field, i);
      entries[entry.GetReflection()->GetString(entry, key_field)] = &entry;
    }
    out_ += '{';
    bool first = true;
    for (const auto& [key, entry] : entries) {
      out_ += first ? "\n" : ",\n";
      first = false;
      Indent(level + 1);
      AppendJsonString(out_, key, {.html = options_.escape_html});
      out_ += ": ";
      PrintSingle(*entry, value_field, level + 1);
    }
    out_ += '\n';
    Indent(level);
    out_ += '}';
  }

  void PrintEnum(const FieldDescriptor* field, int number) {
    const auto* value = field->enum_type()->FindValueByNumber(number);
    if (value == nullptr) {
      out_ += std::to_string(number);
    } else {
      out_ += '"' + value->name() + '"';
    }
  }

  void PrintBytes(const std::string& bytes) {
    if (bytes.empty()) {
      out_ += "null";
    } else {
      out_ += '"' + EncodeBase64(bytes) + '"';
    }
  }

  void PrintText(const FieldDescriptor* field, const std::string& text) {
    if (field->type() == FieldDescriptor::TYPE_BYTES) {
      PrintBytes(text);
    } else {
      AppendJsonString(out_, text, {.html = options_.escape_html});
    }
  }

  void PrintSingle(const Message& message, const FieldDescriptor* field, int level) {
    const Reflection* reflection = message.GetReflection();
    switch (field->cpp_type()) {
      case FieldDescriptor::CPPTYPE_BOOL:
        out_ += reflection->GetBool(message, field) ? "true" : "false";
        break;
      case FieldDescriptor::CPPTYPE_INT32:
        out_ += std::to_string(reflection->GetInt32(message, field));
        break;
      case FieldDescriptor::CPPTYPE_UINT32:
        out_ += std::to_string(reflection->GetUInt32(message, field));
        break;
      case FieldDescriptor::CPPTYPE_INT64:
        out_ += '"' + std::to_string(reflection->GetInt64(message, field)) + '"';
        break;
      case FieldDescriptor::CPPTYPE_UINT64:
        out_ += '"' + std::to_string(reflection->GetUInt64(message, field)) + '"';
        break;
      case FieldDescriptor::CPPTYPE_FLOAT:
        out_ += JsonNumber(reflection->GetFloat(message, field));
        break;
      case FieldDescriptor::CPPTYPE_DOUBLE:
        out_ += JsonNumber(reflection->GetDouble(message, field));
        break;
      case FieldDescriptor::CPPTYPE_ENUM:
        PrintEnum(field, reflection->GetEnumValue(message, field));
        break;
      case FieldDescriptor::CPPTYPE_STRING:
        PrintText(field, reflection->GetString(message, field));
        break;
      case FieldDescriptor::CPPTYPE_MESSAGE:
        if (reflection->HasField(message, field)) {
          PrintMessage(reflection->GetMessage(message, field), level);
        } else {
          out_ += "null";
        }
        break;
    }
  }

  void PrintElement(const Message& message, const FieldDescriptor* field, int i, int level) {
    const Reflection* reflection = message.GetReflection();
    switch (field->cpp_type()) {
      case FieldDescriptor::CPPTYPE_BOOL:
        out_ += reflection->GetRepeatedBool(message, field, i) ? "true" : "false";
        break;
      case FieldDescriptor::CPPTYPE_INT32:
        out_ += std::to_string(reflection->GetRepeatedInt32(message, field, i));
        break;
      case FieldDescriptor::CPPTYPE_UINT32:
        out_ += std::to_string(reflection->GetRepeatedUInt32(message, field, i));
        break;
      case FieldDescriptor::CPPTYPE_INT64:
        out_ += '"' + std::to_string(reflection->GetRepeatedInt64(message, field, i)) + '"';
        break;
      case FieldDescriptor::CPPTYPE_UINT64:
        out_ += '"' + std::to_string(reflection->GetRepeatedUInt64(message, field, i)) + '"';
        break;
      case FieldDescriptor::CPPTYPE_FLOAT:
        out_ += JsonNumber(reflection->GetRepeatedFloat(message, field, i));
        break;
      case FieldDescriptor::CPPTYPE_DOUBLE:
        out_ += JsonNumber(reflection->GetRepeatedDouble(message, field, i));
        break;
      case FieldDescriptor::CPPTYPE_ENUM:
        PrintEnum(field, reflection->GetRepeatedEnumValue(message, field, i));
        break;
      case FieldDescriptor::CPPTYPE_STRING:
        PrintText(field, reflection->GetRepeatedString(message, field, i));
        break;
      case FieldDescriptor::CPPTYPE_MESSAGE:
        PrintMessage(reflection->GetRepeatedMessage(message, field, i), level);
        break;
    }
  }

  const PrintOptions& options_;
  std::string& out_;
};

// `text` with every invalid UTF-8 byte replaced by U+FFFD; false if nothing had to be replaced.
bool Repair(const std::string& text, std::string* repaired) {
  size_t at = 0;
  while (at < text.size()) {
    const size_t length = RuneLength(std::string_view(text).substr(at));
    if (length == 0) break;
    at += length;
  }
  if (at == text.size()) return false;
  repaired->assign(text, 0, at);
  while (at < text.size()) {
    const size_t length = RuneLength(std::string_view(text).substr(at));
    if (length == 0) {
      *repaired += "\xEF\xBF\xBD";
      ++at;
    } else {
      repaired->append(text, at, length);
      at += length;
    }
  }
  return true;
}

}  // namespace

std::string PrintJson(const Message& message, const PrintOptions& options) {
  std::string out;
  Printer(options, out).PrintMessage(message, 0);
  return out;
}

std::string JsonNumber(double value) {
  if (std::isnan(value)) return "\"NaN\"";
  if (std::isinf(value)) return value > 0 ? "\"Infinity\"" : "\"-Infinity\"";
  if (value == 0) return std::signbit(value) ? "-0" : "0";
  char buffer[64];
  const auto end =
      std::to_chars(buffer, buffer + sizeof(buffer), value, std::chars_format::scientific).ptr;
  const std::string_view text(buffer, end - buffer);
  const size_t e = text.find('e');
  int exponent = 0;
  const size_t exponent_at = text[e + 1] == '+' ? e + 2 : e + 1;
  std::from_chars(buffer + exponent_at, end, exponent);
  std::string digits;
  std::string out;
  for (const char c : text.substr(0, e)) {
    if (c == '-') {
      out += c;
    } else if (c != '.') {
      digits += c;
    }
  }
  const double magnitude = std::fabs(value);
  if (magnitude < 1e-6 || magnitude >= 1e21) {
    out += digits[0];
    if (digits.size() > 1) out += "." + digits.substr(1);
    out += (exponent < 0 ? "e-" : "e+") + std::to_string(std::abs(exponent));
    return out;
  }
  if (exponent < 0) return out + "0." + std::string(-exponent - 1, '0') + digits;
  const size_t whole = static_cast<size_t>(exponent) + 1;
  if (digits.size() <= whole) return out + digits + std::string(whole - digits.size(), '0');
  return out + digits.substr(0, whole) + "." + digits.substr(whole);
}

void RepairUtf8(Message& message) {
  const Reflection* reflection = message.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection->ListFields(message, &fields);
  std::string repaired;
  for (const FieldDescriptor* field : fields) {
    if (field->type() == FieldDescriptor::TYPE_STRING) {
      if (!field->is_repeated()) {
        if (Repair(reflection->GetString(message, field), &repaired)) {
          reflection->SetString(&message, field, repaired);
        }
        continue;
      }
      for (int i = 0; i < reflection->FieldSize(message, field); ++i) {
        if (Repair(reflection->GetRepeatedString(message, field, i), &repaired)) {
          reflection->SetRepeatedString(&message, field, i, repaired);
        }
      }
    } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      if (!field->is_repeated()) {
        RepairUtf8(*reflection->MutableMessage(&message, field));
        continue;
      }
      for (int i = 0; i < reflection->FieldSize(message, field); ++i) {
        RepairUtf8(*reflection->MutableRepeatedMessage(&message, field, i));
      }
    }
  }
}

}  // namespace dm::cluster
