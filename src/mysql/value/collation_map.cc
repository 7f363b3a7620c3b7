#include "mysql/value/collation_map.h"

#include <algorithm>
#include <array>

#include "mysql/value/charset.h"

namespace dm::mysql {

namespace {

struct Language {
  std::string_view mysql;    // as in utf8mb4_⟨is⟩_0900_ai_ci
  std::string_view mariadb;  // as in utf8mb4_uca1400_⟨icelandic⟩_ai_ci; empty: has none
};
// The first line of a MariaDB language is what it becomes in MySQL.
constexpr Language kLanguages[] = {
    {"cs", "czech"},
    {"da", "danish"},
    {"de_pb", "german2"},
    {"eo", "esperanto"},
    {"es", "spanish"},
    {"et", "estonian"},
    {"es_trad", "spanish2"},
    {"hr", "croatian"},
    {"hu", "hungarian"},
    {"is", "icelandic"},
    {"la", "roman"},
    {"lt", "lithuanian"},
    {"lv", "latvian"},
    {"pl", "polish"},
    {"ro", "romanian"},
    {"sk", "slovak"},
    {"sl", "slovenian"},
    {"sv", "swedish"},
    {"tr", "turkish"},
    {"vi", "vietnamese"},
    // Same letters as a neighbour that MariaDB has.
    {"bs", "croatian"},
    {"gl", "spanish"},
    {"nb", "danish"},
    {"nn", "danish"},
    {"sr_latn", "croatian"},
    // MariaDB has nothing like them: the root.
    {"bg", ""},
    {"ja", ""},
    {"mn_cyrl", ""},
    {"ru", ""},
    {"zh", ""},
};

// Takes `word` and a following '_' from the front.
bool TakeFront(std::string_view* text, std::string_view word) {
  if (!text->starts_with(word)) return false;
  if (text->size() == word.size()) {
    *text = {};
    return true;
  }
  if ((*text)[word.size()] != '_') return false;
  text->remove_prefix(word.size() + 1);
  return true;
}

std::string WithLanguage(std::string_view language) {
  return language.empty() ? std::string() : std::string(language) + "_";
}

// `rest`: what follows "utf8mb4_".
std::string FromMySql8(std::string_view name, std::string_view rest, CollationFamily target) {
  std::string_view language;
  const Language* known = nullptr;
  if (!TakeFront(&rest, "0900")) {
    const size_t at = rest.find("_0900_");
    if (at == std::string_view::npos) return std::string(name);
    language = rest.substr(0, at);
    rest.remove_prefix(at + 6);
    known = std::find_if(std::begin(kLanguages), std::end(kLanguages),
                         [&](const Language& l) { return l.mysql == language; });
    // One that is newer than the table is root.
    if (known == std::end(kLanguages)) known = nullptr;
  }
  if (rest == "bin") return "utf8mb4_nopad_bin";
  if (target == CollationFamily::kMariaDbNoPad) {
    return rest == "ai_ci" ? "utf8mb4_unicode_520_nopad_ci" : "utf8mb4_nopad_bin";
  }
  if (rest == "as_cs_ks") rest = "as_cs";
  if (rest != "ai_ci" && rest != "as_ci" && rest != "as_cs") return std::string(name);
  return "utf8mb4_uca1400_" + WithLanguage(known != nullptr ? known->mariadb : "") + "nopad_" +
         std::string(rest);
}

// `rest`: what follows "⟨charset⟩_uca1400_".
std::string FromUca1400(std::string_view name, std::string_view charset, std::string_view rest) {
  constexpr std::array<std::string_view, 4> kStrengths = {"ai_ci", "ai_cs", "as_ci", "as_cs"};
  if (rest.size() < 5) return std::string(name);
  const std::string_view strength = rest.substr(rest.size() - 5);
  if (std::find(kStrengths.begin(), kStrengths.end(), strength) == kStrengths.end()) {
    return std::string(name);
  }
  std::string_view language = rest.substr(0, rest.size() - 5);
  while (language.ends_with('_')) language.remove_suffix(1);
  if (language == "nopad") {
    language = {};
  } else if (language.ends_with("_nopad")) {
    language.remove_suffix(6);
  }
  if (charset != "utf8mb4") {
    if (strength != "ai_ci") return std::string(charset) + "_bin";
    return std::string(charset) + "_" + (language.empty() ? "unicode_520" : std::string(language)) +
           "_ci";
  }
  const auto known =
      std::find_if(std::begin(kLanguages), std::end(kLanguages),
                   [&](const Language& l) { return !language.empty() && l.mariadb == language; });
  if (known == std::end(kLanguages)) {
    return "utf8mb4_0900_" + std::string(strength == "ai_cs" ? "as_cs" : strength);
  }
  return "utf8mb4_" + WithLanguage(known->mysql) + "0900_" +
         (strength == "ai_ci" ? "ai_ci" : "as_cs");
}

std::string ToMySql8(std::string_view name, std::string_view lower) {
  const size_t underscore = lower.find('_');
  if (underscore == std::string_view::npos) return std::string(name);
  std::string_view charset = lower.substr(0, underscore);
  std::string_view rest = lower.substr(underscore + 1);
  if (charset == "uca1400") return FromUca1400(name, "utf8mb4", rest);  // its short form
  if (FindCharset(charset) == Charset::kUnknown) return std::string(name);
  if (TakeFront(&rest, "uca1400")) return FromUca1400(name, charset, rest);
  const std::string prefix = std::string(charset) + "_";
  if (rest == "myanmar_ci" || rest == "thai_520_w2") return prefix + "unicode_520_ci";
  if (rest == "croatian_mysql561_ci") return prefix + "croatian_ci";
  if (charset == "utf8mb4") {
    if (rest == "nopad_bin") return "utf8mb4_0900_bin";
    if (rest == "unicode_nopad_ci" || rest == "unicode_520_nopad_ci") return "utf8mb4_0900_ai_ci";
  }
  if (rest == "nopad_bin") return prefix + "bin";
  if (rest.ends_with("_nopad_ci")) {
    return prefix + std::string(rest.substr(0, rest.size() - 9)) + "_ci";
  }
  return std::string(name);
}

// TiDB compares by few rules. What has none of its own is compared by bytes, which tells apart
// whatever any collation does.
std::string ToTiDb(std::string_view name, std::string_view lower, bool has_0900) {
  if (lower.starts_with("uca1400_")) {  // MariaDB's short form
    return ToTiDb(name, "utf8mb4_" + std::string(lower), has_0900);
  }
  const size_t underscore = lower.find('_');
  if (underscore == std::string_view::npos) return std::string(name);
  std::string_view charset = lower.substr(0, underscore);
  const std::string_view rest = lower.substr(underscore + 1);
  if (charset == "utf8mb3") charset = "utf8";
  const auto as = [&](std::string_view end) {
    std::string full = std::string(charset) + "_" + std::string(end);
    return full == lower ? std::string(name) : full;
  };
  if (charset == "utf8") {
    return as(rest == "general_ci" || rest == "unicode_ci" ? rest : "bin");
  }
  if (charset == "latin1" || charset == "ascii") return as("bin");
  if (charset == "gbk") return as(rest == "chinese_ci" ? rest : "bin");
  if (charset != "utf8mb4") return std::string(name);
  if (rest == "general_ci" || rest == "unicode_ci" || rest == "bin") return std::string(name);
  const bool root = rest == "0900_ai_ci" || rest == "uca1400_ai_ci" ||
                    rest == "uca1400_nopad_ai_ci" || rest == "unicode_520_ci" ||
                    rest == "unicode_520_nopad_ci" || rest == "unicode_nopad_ci";
  if (!has_0900) return as("bin");
  if (root) return as("0900_ai_ci");
  const bool no_pad =
      rest.find("0900") != std::string_view::npos || rest.find("nopad") != std::string_view::npos;
  return as(no_pad ? "0900_bin" : "bin");
}

}  // namespace

std::string MapCollation(std::string_view name, CollationFamily target) {
  std::string lower(name);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  if (target == CollationFamily::kMySql8) return ToMySql8(name, lower);
  if (target == CollationFamily::kTiDb || target == CollationFamily::kTiDbOld) {
    return ToTiDb(name, lower, target == CollationFamily::kTiDb);
  }
  if (lower == "utf8mb3_tolower_ci" || lower == "utf8_tolower_ci") return "utf8mb3_general_ci";
  std::string_view rest = lower;
  if (!TakeFront(&rest, "utf8mb4")) return std::string(name);
  return FromMySql8(name, rest, target);
}

}  // namespace dm::mysql
