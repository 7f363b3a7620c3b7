#include "programs/ctl/plain_json.h"

#include "base/io/encode.h"

namespace dm::ctl {

namespace {
constexpr int kIndent = 4;
}

void PlainJson::BeginObject() {
  Next();
  text_ += '{';
  ++level_;
  first_ = true;
}

void PlainJson::EndObject() { End('}'); }

void PlainJson::BeginList(std::string_view name) {
  Name(name);
  text_ += '[';
  ++level_;
  first_ = true;
}

void PlainJson::EndList() { End(']'); }

void PlainJson::Member(std::string_view name, std::string_view value) {
  Name(name);
  AppendJsonString(text_, value);
}

void PlainJson::Member(std::string_view name, bool value) {
  Name(name);
  text_ += value ? "true" : "false";
}

void PlainJson::NullMember(std::string_view name) {
  Name(name);
  text_ += "null";
}

void PlainJson::Element(std::string_view value) {
  Next();
  AppendJsonString(text_, value);
}

void PlainJson::Next() {
  if (!first_) text_ += ',';
  first_ = false;
  if (level_ == 0) return;
  text_ += '\n';
  text_.append(static_cast<size_t>(level_) * kIndent, ' ');
}

void PlainJson::Name(std::string_view name) {
  Next();
  AppendJsonString(text_, name);
  text_ += ": ";
}

void PlainJson::End(char bracket) {
  --level_;
  if (!first_) {
    text_ += '\n';
    text_.append(static_cast<size_t>(level_) * kIndent, ' ');
  }
  text_ += bracket;
  first_ = false;
}

}  // namespace dm::ctl
