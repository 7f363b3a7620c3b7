#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <mutex>
#include <set>
#include <utility>

#include "base/log/sensitive.h"

namespace dm {
namespace {

// Of errors and warnings whose texts quote values: a duplicate key; values that are cut, wrong, out
// of range, too long or without a partition; JSON that is none.
constexpr auto kQuoteValues = std::to_array<int>({1062, 1169, 1264, 1265, 1292, 1366, 1367, 1406,
                                                  1411, 1525, 1586, 1690, 3140, 3156, 3903, 4038});

constexpr int kNoPartition = 1526;
constexpr std::string_view kBareValue = "for value ";
constexpr int kOutOfRange = 1690;
constexpr std::string_view kConstant = "constant ";

constexpr int kDuplicateEntry = 1062;

// Parts of messages that say nothing of a user's rows. Thread-safe.
class KnownEntries {
 public:
  static KnownEntries& Instance() {
    static KnownEntries known;
    return known;
  }
  void Add(std::string text) {
    std::lock_guard lock(mutex_);
    texts_.insert(std::move(text));
  }
  bool AreIn(std::string_view message) {
    std::lock_guard lock(mutex_);
    return std::any_of(texts_.begin(), texts_.end(), [&](const std::string& text) {
      return message.find(text) != std::string_view::npos;
    });
  }

 private:
  std::mutex mutex_;
  std::set<std::string> texts_;
};

bool IsWord(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '$'; }

// The end of the text in quotes that begins at `at`; doubled quotes and, in strings, escapes belong
// to it.
size_t EndOfQuoted(std::string_view text, size_t at) {
  const char quote = text[at];
  for (size_t i = at + 1; i < text.size(); ++i) {
    if (text[i] == '\\' && quote != '`') {
      ++i;
    } else if (text[i] == quote) {
      if (i + 1 == text.size() || text[i + 1] != quote) return i + 1;
      ++i;
    }
  }
  return text.size();
}

}  // namespace

std::string RedactedStatement(std::string_view statement) {
  if (!LogRedaction()) return std::string(statement);
  std::string out;
  for (size_t i = 0; i < statement.size();) {
    const char c = statement[i];
    if (c == '`') {
      const size_t end = EndOfQuoted(statement, i);
      out += statement.substr(i, end - i);
      i = end;
    } else if (c == '\'' || c == '"') {
      out += '?';
      i = EndOfQuoted(statement, i);
    } else if (std::isdigit(static_cast<unsigned char>(c))) {
      // A number in any notation: 1.5e-7, 0xFF.
      while (i < statement.size() && (IsWord(statement[i]) || statement[i] == '.' ||
                                      ((statement[i] == '-' || statement[i] == '+') &&
                                       (statement[i - 1] == 'e' || statement[i - 1] == 'E')))) {
        ++i;
      }
      out += '?';
    } else if (IsWord(c)) {
      while (i < statement.size() && IsWord(statement[i])) out += statement[i++];
    } else {
      out += c;
      ++i;
    }
  }
  return out;
}

void KeepDuplicateEntry(std::string text) { KnownEntries::Instance().Add(std::move(text)); }

std::string RedactedMessage(int number, std::string_view message) {
  if (!LogRedaction()) return std::string(message);
  if (number == kDuplicateEntry && KnownEntries::Instance().AreIn(message)) {
    return std::string(message);
  }
  // "Table has no partition for value 7"
  if (const size_t at = message.find(kBareValue);
      number == kNoPartition && at != std::string_view::npos) {
    return fmt::format("{}?", message.substr(0, at + kBareValue.size()));
  }
  // TiDB: "constant 300 overflows tinyint"
  if (number == kOutOfRange && message.starts_with(kConstant)) {
    const size_t end = std::min(message.find(' ', kConstant.size()), message.size());
    return fmt::format("{}?{}", kConstant, message.substr(end));
  }
  const size_t first = message.find('\'');
  const size_t last = message.rfind('\'');
  const bool quotes =
      std::find(kQuoteValues.begin(), kQuoteValues.end(), number) != kQuoteValues.end() &&
      first != std::string_view::npos;
  if (!quotes) return std::string(message);
  // A value may hold quotes itself, so all from the first to the last one goes.
  std::string out(message.substr(0, first));
  out += '?';
  out += message.substr(last + 1);
  return out;
}

}  // namespace dm
