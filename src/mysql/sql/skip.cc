// Statements that are never replicated, and those that are no DDL.
#include <re2/re2.h>

#include <algorithm>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "mysql/sql/parser_impl.h"

namespace dm::mysql {
namespace {

using Kind = OtherStatement::Kind;

// The built-in list, tried without case at the beginning of the text.
constexpr const char* kSkipExpressions[] = {
    R"(^SAVEPOINT)",
    R"(^FLUSH)",
    R"(^OPTIMIZE\s+TABLE)",
    R"(^ANALYZE\s+TABLE)",
    R"(^REPAIR\s+TABLE)",
    R"(^DROP\s+(\/\*\!40005\s+)?TEMPORARY\s+(\*\/\s+)?TABLE)",
    R"(^CREATE\s+(DEFINER\s?=.+?)?TRIGGER)",
    R"(^DROP\s+TRIGGER)",
    R"(^DROP\s+PROCEDURE)",
    R"(^CREATE\s+(DEFINER\s?=.+?)?PROCEDURE)",
    R"(^ALTER\s+PROCEDURE)",
    R"(^CREATE\s*(OR REPLACE)?\s+(ALGORITHM\s?=.+?)?(DEFINER\s?=.+?)?\s+(SQL SECURITY DEFINER)?VIEW)",
    R"(^DROP\s+VIEW)",
    R"(^ALTER\s+(ALGORITHM\s?=.+?)?(DEFINER\s?=.+?)?(SQL SECURITY DEFINER)?VIEW)",
    R"(^CREATE\s+(AGGREGATE)?\s*?FUNCTION)",
    R"(^CREATE\s+(DEFINER\s?=.+?)?FUNCTION)",
    R"(^ALTER\s+FUNCTION)",
    R"(^DROP\s+FUNCTION)",
    R"(^CREATE\s+TABLESPACE)",
    R"(^ALTER\s+TABLESPACE)",
    R"(^DROP\s+TABLESPACE)",
    R"(^CREATE\s+(DEFINER\s?=.+?)?EVENT)",
    R"(^ALTER\s+(DEFINER\s?=.+?)?EVENT)",
    R"(^DROP\s+EVENT)",
    R"(^GRANT)",
    R"(^REVOKE)",
    R"(^CREATE\s+USER)",
    R"(^ALTER\s+USER)",
    R"(^RENAME\s+USER)",
    R"(^DROP\s+USER)",
    R"(^SET\s+PASSWORD)",
};

constexpr std::string_view kSkippedVerbs[] = {"SAVEPOINT", "FLUSH",     "GRANT", "REVOKE",
                                              "INSTALL",   "UNINSTALL", "XA",    "OPTIMIZE",
                                              "ANALYZE",   "REPAIR",    "CHECK", "CHECKSUM"};

constexpr std::string_view kNotDdlVerbs[] = {
    "INSERT",   "UPDATE",   "DELETE",     "REPLACE", "LOAD",   "SELECT",   "WITH",     "VALUES",
    "TABLE",    "CALL",     "DO",         "SET",     "USE",    "BEGIN",    "START",    "COMMIT",
    "ROLLBACK", "RELEASE",  "KILL",       "SHOW",    "DESC",   "DESCRIBE", "EXPLAIN",  "HANDLER",
    "PREPARE",  "EXECUTE",  "DEALLOCATE", "HELP",    "RESET",  "CHANGE",   "PURGE",    "BINLOG",
    "CACHE",    "SHUTDOWN", "RESTART",    "STOP",    "IMPORT", "SIGNAL",   "RESIGNAL", "GET",
    "BACKUP",   "CLONE",    "TRACE",      "ADMIN",   "BATCH",  "END"};

constexpr std::string_view kUnknownDdlVerbs[] = {"LOCK", "UNLOCK", "RECOVER", "FLASHBACK", "SPLIT"};

// Words after CREATE, ALTER or DROP that name something never replicated.
constexpr std::string_view kSkippedObjects[] = {
    "TEMPORARY", "GLOBAL",  "DEFINER",      "ALGORITHM", "SQL",
    "VIEW",      "TRIGGER", "PROCEDURE",    "FUNCTION",  "AGGREGATE",
    "EVENT",     "USER",    "ROLE",         "SERVER",    "TABLESPACE",
    "LOGFILE",   "UNDO",    "RESOURCE",     "PACKAGE",   "INSTANCE",
    "LIBRARY",   "PREPARE", "MATERIALIZED", "CATALOG",   "COMPRESSION_DICTIONARY"};

constexpr std::string_view kUnknownObjects[] = {"PLACEMENT", "BINDING", "SESSION", "STATISTICS",
                                                "STATS",     "MASKING", "RANGE"};

template <size_t N>
bool In(const std::string_view (&list)[N], std::string_view word) {
  return std::find(std::begin(list), std::end(list), word) != std::end(list);
}

const std::vector<std::unique_ptr<RE2>>& SkipExpressions() {
  static const auto* const expressions = [] {
    auto* list = new std::vector<std::unique_ptr<RE2>>();
    for (const char* expression : kSkipExpressions) {
      RE2::Options options;
      options.set_case_sensitive(false);
      options.set_log_errors(false);
      // The text may hold bytes of any character set.
      options.set_encoding(RE2::Options::EncodingLatin1);
      list->push_back(std::make_unique<RE2>(expression, options));
    }
    return list;
  }();
  return *expressions;
}

}  // namespace

std::optional<Kind> ClassifyOther(const std::vector<Token>& tokens, size_t begin, size_t* words) {
  const auto word = [&](size_t index) -> std::string_view {
    const size_t at = begin + index;
    if (at >= tokens.size() || tokens[at].kind != TokenKind::kWord) return "";
    return tokens[at].upper;
  };
  *words = 1;
  const std::string_view verb = word(0);
  if (verb.empty()) {
    // ( SELECT ... ), { ODBC }
    if (begin + 1 < tokens.size() && tokens[begin].text == "(" && word(1) == "SELECT") {
      return Kind::kNotDdl;
    }
    return std::nullopt;
  }
  if (verb == "SET") {
    *words = 2;
    if (word(1) == "PASSWORD" || word(1) == "ROLE" || (word(1) == "DEFAULT" && word(2) == "ROLE")) {
      return Kind::kSkipped;
    }
    *words = 1;
    return Kind::kNotDdl;
  }
  if (verb == "RENAME" && word(1) == "USER") {
    *words = 2;
    return Kind::kSkipped;
  }
  if (In(kSkippedVerbs, verb)) return Kind::kSkipped;
  if (In(kNotDdlVerbs, verb)) return Kind::kNotDdl;
  if (In(kUnknownDdlVerbs, verb)) return Kind::kUnknownDdl;
  if (verb != "CREATE" && verb != "ALTER" && verb != "DROP") return std::nullopt;

  size_t next = 1;
  if (word(1) == "OR" && word(2) == "REPLACE") next = 3;
  *words = next + 1;
  const std::string_view object = word(next);
  if (In(kSkippedObjects, object)) return Kind::kSkipped;
  if (object == "SPATIAL" && word(next + 1) == "REFERENCE") return Kind::kSkipped;
  if (object == "JSON" && word(next + 1) != "") return Kind::kSkipped;
  if (In(kUnknownObjects, object)) return Kind::kUnknownDdl;
  return std::nullopt;
}

bool MatchesBuiltinSkip(std::string_view text) {
  for (const auto& expression : SkipExpressions()) {
    if (RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), *expression)) return true;
  }
  if (IsOneExecutableComment(text)) return false;
  ParseOptions options;
  options.mariadb = true;
  const std::vector<Token> tokens = Tokenize(text, options);
  size_t begin = 0;
  while (begin < tokens.size() && tokens[begin].kind == TokenKind::kSymbol &&
         tokens[begin].text == ";") {
    ++begin;
  }
  size_t words = 0;
  return ClassifyOther(tokens, begin, &words) == Kind::kSkipped;
}

}  // namespace dm::mysql
