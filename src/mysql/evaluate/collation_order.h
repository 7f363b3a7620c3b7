// How collations compare text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "mysql/value/charset.h"

namespace dm::mysql::evaluate {

// Immutable; lives for the whole process.
class CollationOrder {
 public:
  // By name in lower case ("utf8mb4_bin", "binary"); nullptr if its order is not known here.
  static const CollationOrder* Find(std::string_view name);

  const std::string& name() const { return name_; }
  Charset charset() const { return charset_; }
  bool is_bytes() const { return kind_ == Kind::kBytes; }
  // Tells every two characters apart.
  bool is_binary() const { return kind_ == Kind::kBytes || kind_ == Kind::kCharacters; }

  // <0, 0, >0. Text is UTF-8, bytes for `binary`.
  int Compare(std::string_view a, std::string_view b) const { return Compare(a, b, pad_); }
  // As parts of texts: trailing blanks count.
  bool SamePart(std::string_view a, std::string_view b) const { return Compare(a, b, false) == 0; }
  // Are two characters equal to LIKE?
  bool SameCharacter(char32_t a, char32_t b) const;
  // Is the character one of a single-byte character set?
  bool Knows(char32_t c) const;

 private:
  enum class Kind { kBytes, kCharacters, kUnicode, kGeneral, kSimple };
  struct Weights;

  int Compare(std::string_view a, std::string_view b, bool pad) const;
  void AppendWeights(std::vector<uint32_t>& out, char32_t c) const;

  std::string name_;
  Charset charset_ = Charset::kUtf8mb4;
  Kind kind_ = Kind::kCharacters;
  bool pad_ = true;  // trailing blanks do not count
  const Weights* weights_ = nullptr;
};

}  // namespace dm::mysql::evaluate
