// Writes JSON of no message: four blanks a level, empty lists as [], the string escapes of all
// output.
#pragma once

#include <string>
#include <string_view>

namespace dm::ctl {

class PlainJson {
 public:
  void BeginObject();  // as the document or as an element of a list
  void EndObject();
  void BeginList(std::string_view name);
  void EndList();
  void Member(std::string_view name, std::string_view value);
  void Member(std::string_view name, const std::string& value) {
    Member(name, std::string_view(value));
  }
  void Member(std::string_view name, const char* value) { Member(name, std::string_view(value)); }
  void Member(std::string_view name, bool value);
  void NullMember(std::string_view name);
  void Element(std::string_view value);

  const std::string& text() const { return text_; }

 private:
  void Next();  // separator, line break and indentation in front of a member or element
  void Name(std::string_view name);
  void End(char bracket);

  std::string text_;
  int level_ = 0;
  bool first_ = true;  // nothing was written on this level yet
};

}  // namespace dm::ctl
