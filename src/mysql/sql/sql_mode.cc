#include "mysql/sql/sql_mode.h"

#include <algorithm>
#include <cctype>
#include <string>
#include <utility>

namespace dm::mysql {
namespace {

constexpr uint64_t kAnsiParts =
    SqlMode::kRealAsFloat | SqlMode::kPipesAsConcat | SqlMode::kAnsiQuotes | SqlMode::kIgnoreSpace;

constexpr std::pair<std::string_view, uint64_t> kNames[] = {
    {"REAL_AS_FLOAT", 1ull << 0},
    {"PIPES_AS_CONCAT", 1ull << 1},
    {"ANSI_QUOTES", 1ull << 2},
    {"IGNORE_SPACE", 1ull << 3},
    {"IGNORE_BAD_TABLE_OPTIONS", 1ull << 4},
    {"ONLY_FULL_GROUP_BY", 1ull << 5},
    {"NO_UNSIGNED_SUBTRACTION", 1ull << 6},
    {"NO_DIR_IN_CREATE", 1ull << 7},
    {"POSTGRESQL", (1ull << 8) | kAnsiParts},
    {"ORACLE", (1ull << 9) | kAnsiParts},
    {"MSSQL", (1ull << 10) | kAnsiParts},
    {"DB2", (1ull << 11) | kAnsiParts},
    {"MAXDB", (1ull << 12) | kAnsiParts},
    {"NO_KEY_OPTIONS", 1ull << 13},
    {"NO_TABLE_OPTIONS", 1ull << 14},
    {"NO_FIELD_OPTIONS", 1ull << 15},
    {"MYSQL323", (1ull << 16) | SqlMode::kHighNotPrecedence},
    {"MYSQL40", (1ull << 17) | SqlMode::kHighNotPrecedence},
    {"ANSI", (1ull << 18) | kAnsiParts},
    {"NO_AUTO_VALUE_ON_ZERO", 1ull << 19},
    {"NO_BACKSLASH_ESCAPES", 1ull << 20},
    {"STRICT_TRANS_TABLES", 1ull << 21},
    {"STRICT_ALL_TABLES", 1ull << 22},
    {"NO_ZERO_IN_DATE", 1ull << 23},
    {"NO_ZERO_DATE", 1ull << 24},
    {"ALLOW_INVALID_DATES", 1ull << 25},
    {"ERROR_FOR_DIVISION_BY_ZERO", 1ull << 26},
    {"TRADITIONAL", 1ull << 27},
    {"NO_AUTO_CREATE_USER", 1ull << 28},
    {"HIGH_NOT_PRECEDENCE", 1ull << 29},
    {"NO_ENGINE_SUBSTITUTION", 1ull << 30},
    {"PAD_CHAR_TO_FULL_LENGTH", 1ull << 31},
};

}  // namespace

SqlMode SqlMode::Parse(std::string_view list) {
  uint64_t bits = 0;
  while (!list.empty()) {
    const size_t comma = list.find(',');
    std::string word(list.substr(0, comma));
    list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
    std::erase_if(word, [](unsigned char c) { return std::isspace(c); });
    std::transform(word.begin(), word.end(), word.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    for (const auto& [name, bit] : kNames) {
      if (word == name) bits |= bit;
    }
  }
  return SqlMode(bits);
}

std::string ModesForRows(std::string_view list) {
  static constexpr std::string_view kKept[] = {
      "REAL_AS_FLOAT",        "PIPES_AS_CONCAT",       "ANSI_QUOTES",
      "IGNORE_SPACE",         "ONLY_FULL_GROUP_BY",    "NO_UNSIGNED_SUBTRACTION",
      "NO_DIR_IN_CREATE",     "STRICT_TRANS_TABLES",   "STRICT_ALL_TABLES",
      "NO_ZERO_IN_DATE",      "NO_ZERO_DATE",          "NO_AUTO_VALUE_ON_ZERO",
      "NO_BACKSLASH_ESCAPES", "ALLOW_INVALID_DATES",   "ERROR_FOR_DIVISION_BY_ZERO",
      "HIGH_NOT_PRECEDENCE",  "NO_ENGINE_SUBSTITUTION"};
  std::string kept;
  while (!list.empty()) {
    const size_t comma = list.find(',');
    const std::string_view mode = list.substr(0, comma);
    list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
    if (std::find(std::begin(kKept), std::end(kKept), mode) == std::end(kKept)) continue;
    if (!kept.empty()) kept += ',';
    kept += mode;
  }
  return kept;
}

}  // namespace dm::mysql
