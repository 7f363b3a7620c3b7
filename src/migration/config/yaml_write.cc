// Printing of configuration in one fixed YAML style: two blanks per level, list dashes not
// indented, every key, maps sorted with digit runs as numbers.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <regex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/io/text.h"
#include "migration/config/fields.h"
#include "migration/config/render.h"
#include "migration/config/tls_content.h"

namespace dm::migration {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

bool IsLetter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || static_cast<unsigned char>(c) >= 0x80;
}

// Order of keys in a printed map: digit runs compare as numbers, other signs come before letters.
bool KeyBefore(std::string_view a, std::string_view b) {
  size_t i = 0;
  while (i < a.size() && i < b.size() && a[i] == b[i]) ++i;
  if (i == a.size() || i == b.size()) return a.size() < b.size();
  auto run = [&](std::string_view text) {
    size_t begin = i;
    while (begin > 0 && IsDigit(text[begin - 1])) --begin;
    size_t end = i;
    while (end < text.size() && IsDigit(text[end])) ++end;
    std::string_view digits = text.substr(begin, end - begin);
    digits.remove_prefix(std::min(digits.find_first_not_of('0'), digits.size()));
    return digits;
  };
  if (IsDigit(a[i]) || IsDigit(b[i])) {
    const std::string_view left = run(a), right = run(b);
    if (!left.empty() && !right.empty() && left != right) {
      return left.size() != right.size() ? left.size() < right.size() : left < right;
    }
  }
  if (IsLetter(a[i]) != IsLetter(b[i])) return IsLetter(b[i]);
  return static_cast<unsigned char>(a[i]) < static_cast<unsigned char>(b[i]);
}

// True if `text` without quotes would read as something else than a string.
bool ReadsAsOtherType(std::string_view text) {
  static constexpr auto kWords = std::to_array<std::string_view>(
      {"~",    "null", "Null", "NULL",  "true",  "True",  "TRUE",  "false", "False", "FALSE",
       "y",    "Y",    "yes",  "Yes",   "YES",   "n",     "N",     "no",    "No",    "NO",
       "on",   "On",   "ON",   "off",   "Off",   "OFF",   "<<",    ".nan",  ".NaN",  ".NAN",
       ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF", "-.inf", "-.Inf", "-.INF"});
  if (std::find(kWords.begin(), kWords.end(), text) != kWords.end()) return true;
  static const std::regex numbers(
      R"([-+]?(0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+|[0-9][0-9_]*)|)"
      R"([-+]?(\.[0-9]+|[0-9][0-9_]*(\.[0-9_]*)?)([eE][-+]?[0-9]+)?|)"
      R"([-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?)");
  static const std::regex dates(
      R"([0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt ][0-9]{1,2}:[0-9]{2}:[0-9]{2}.*)?)");
  const char first = text.front();
  if (!IsDigit(first) && first != '+' && first != '-' && first != '.') return false;
  return std::regex_match(text.begin(), text.end(), numbers) ||
         std::regex_match(text.begin(), text.end(), dates);
}

// A character that only double quotes can hold.
bool HasSpecialCharacters(std::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if ((c < 0x20 && c != '\n') || c == 0x7f) return true;
    if (c == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0)
      return true;
    if (text.substr(i, 3) == "\xef\xbb\xbf" || text.substr(i, 3) == "\xe2\x80\xa8" ||
        text.substr(i, 3) == "\xe2\x80\xa9") {
      return true;
    }
  }
  return false;
}

// Signs that end or begin something in a plain scalar.
bool HasIndicators(std::string_view text) {
  constexpr std::string_view kFirst = "#,[]{}&*!|>'\"%@`";
  if (text.starts_with("---") || text.starts_with("...")) return true;
  if (kFirst.find(text.front()) != std::string_view::npos) return true;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool blank_before = i == 0 || text[i - 1] == ' ' || text[i - 1] == '\n';
    const bool blank_behind = i + 1 == text.size() || text[i + 1] == ' ' || text[i + 1] == '\n';
    if (text[i] == ':' && blank_behind) return true;
    if (i == 0 && (text[i] == '-' || text[i] == '?') && blank_behind) return true;
    if (i > 0 && text[i] == '#' && blank_before) return true;
  }
  return false;
}

std::string DoubleQuoted(std::string_view text) {
  std::string out = "\"";
  for (size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += static_cast<char>(c);
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c < 0x20 || c == 0x7f) {
      out += fmt::format("\\x{:02X}", c);
    } else if (c == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0) {
      out += fmt::format("\\x{:02X}", static_cast<unsigned char>(text[++i]));
    } else if (text.substr(i, 3) == "\xef\xbb\xbf") {
      out += "\\uFEFF";
      i += 2;
    } else if (text.substr(i, 3) == "\xe2\x80\xa8" || text.substr(i, 3) == "\xe2\x80\xa9") {
      out += text[i + 2] == '\xa8' ? "\\L" : "\\P";
      i += 2;
    } else {
      out += static_cast<char>(c);
    }
  }
  return out + "\"";
}

std::string SingleQuoted(std::string_view text) {
  std::string out = "'";
  for (char c : text) {
    out += c;
    if (c == '\'') out += c;
  }
  return out + "'";
}

std::string Indented(std::string_view text, int blanks) {
  std::string out;
  for (std::string_view rest = text; !rest.empty();) {
    const size_t end = std::min(rest.find('\n'), rest.size() - 1) + 1;
    std::string_view line = rest.substr(0, end);
    if (line != "\n") out.append(static_cast<size_t>(blanks), ' ');
    out += line;
    rest.remove_prefix(end);
  }
  return out;
}

// A value ready to be put behind a key or a dash.
struct Value {
  enum class Kind {
    kInline,   // on the line of the key
    kLiteral,  // the first line on the line of the key, the others below it
    kMap,      // lines below the key
    kList      // lines below the key, not indented
  };
  Kind kind = Kind::kInline;
  std::string text;  // without a line end if inline, else with one

  std::string BehindKey() const {
    if (kind == Kind::kInline) return " " + text + "\n";
    if (kind == Kind::kList) return "\n" + text;
    if (kind == Kind::kMap) return "\n" + Indented(text, 2);
    const size_t first = text.find('\n') + 1;
    return " " + text.substr(0, first) + Indented(std::string_view(text).substr(first), 2);
  }
  std::string BehindDash() const {
    if (kind == Kind::kInline) return " " + text + "\n";
    const size_t first = text.find('\n') + 1;
    return " " + text.substr(0, first) + Indented(std::string_view(text).substr(first), 2);
  }
};

Value Scalar(std::string_view text) {
  if (text.empty()) return {Value::Kind::kInline, "\"\""};
  const bool special = HasSpecialCharacters(text);
  if (text.find('\n') != std::string_view::npos) {
    // A literal block cannot hold blanks at the very end, and needs a hint for blanks at the
    // beginning; such texts are rare enough for quotes.
    if (special || text.back() == ' ' || text.front() == ' ' || text.front() == '\n') {
      return {Value::Kind::kInline, DoubleQuoted(text)};
    }
    const bool ends = text.back() == '\n';
    const bool ends_twice = text.ends_with("\n\n");
    std::string head = ends_twice ? "|+\n" : ends ? "|\n" : "|-\n";
    return {Value::Kind::kLiteral, head + std::string(text) + (ends ? "" : "\n")};
  }
  if (special || ReadsAsOtherType(text)) return {Value::Kind::kInline, DoubleQuoted(text)};
  if (HasIndicators(text) || text.front() == ' ' || text.back() == ' ') {
    return {Value::Kind::kInline, SingleQuoted(text)};
  }
  return {Value::Kind::kInline, std::string(text)};
}

std::string KeyText(std::string_view key) {
  if (key.find('\n') != std::string_view::npos) return DoubleQuoted(key);
  return Scalar(key).text;
}

class Printer {
 public:
  explicit Printer(Passwords passwords) : passwords_(passwords) {}

  Value Print(bool value) const { return {Value::Kind::kInline, value ? "true" : "false"}; }
  template <class T>
  requires std::is_arithmetic_v<T> Value Print(T value)
  const { return {Value::Kind::kInline, fmt::format("{}", value)}; }
  Value Print(const std::string& value) const { return Scalar(value); }
  Value Print(const Secret& value) const {
    return Scalar(passwords_ == Passwords::kHidden ? kHiddenSecret : value.Reveal());
  }
  Value Print(Duration value) const { return {Value::Kind::kInline, FormatDuration(value)}; }

  template <class T>
  Value Print(const std::optional<T>& value) const {
    if (!value) return {Value::Kind::kInline, "null"};
    return Print(*value);
  }
  template <class T>
  Value Print(const std::vector<T>& list) const {
    if (list.empty()) return {Value::Kind::kInline, "[]"};
    Value out{Value::Kind::kList, ""};
    for (const T& item : list) out.text += "-" + Print(item).BehindDash();
    return out;
  }
  template <class T>
  Value Print(const std::map<std::string, T>& map) const {
    if (map.empty()) return {Value::Kind::kInline, "{}"};
    std::vector<std::string_view> keys;
    for (const auto& entry : map) keys.push_back(entry.first);
    std::sort(keys.begin(), keys.end(), KeyBefore);
    Value out{Value::Kind::kMap, ""};
    for (std::string_view key : keys) {
      out.text += KeyText(key) + ":" + Print(map.find(std::string(key))->second).BehindKey();
    }
    return out;
  }
  template <class T>
  requires(!kTypeName<T>.empty()) Value Print(const T& block)
  const {
    Value out{Value::Kind::kMap, ""};
    for (const auto& [key, text] : Fields(block)) out.text += text;
    return out;
  }

  // The printed keys of a block: key, and its complete lines.
  template <class T>
  std::vector<std::pair<std::string, std::string>> Fields(const T& block) const {
    Collector collector{*this, {}};
    VisitFields(block, collector);
    return std::move(collector.fields);
  }

 private:
  struct Collector {
    const Printer& printer;
    std::vector<std::pair<std::string, std::string>> fields;

    void Add(std::string_view key, const Value& value) {
      fields.emplace_back(key, std::string(key) + ":" + value.BehindKey());
    }
    template <class F>
    void operator()(std::string_view key, const F& member) {
      Add(key, printer.Print(member));
    }
    template <class Optional>
    void IfPresent(std::string_view key, const ExtractorField<Optional>& field) {
      if (!field.extractor) return;
      Add(key,
          {Value::Kind::kMap,
           "target-column:" + Scalar(field.extractor->target_column).BehindKey() +
               std::string(field.regexp_key) + ":" + Scalar(field.extractor->regexp).BehindKey()});
    }
    void Bytes(std::string_view key, const std::string& member) {
      std::string numbers;
      for (const unsigned char byte : member) {
        numbers += fmt::format("{}{}", numbers.empty() ? "" : ", ", byte);
      }
      Add(key, {Value::Kind::kInline, fmt::format("[{}]", numbers)});
    }
    void ByteSize(std::string_view key, int64_t member) { Add(key, printer.Print(member)); }
    void AnyContent(std::string_view key) { Add(key, {Value::Kind::kInline, "{}"}); }
    void KeysOf(std::string_view key, const std::vector<std::string>&) {
      Add(key, {Value::Kind::kInline, "{}"});
    }
  };

  Passwords passwords_;
};

// The lines of a block's keys, those of `keys` alone, in their order.
template <class T>
std::string Pick(const Printer& printer, const T& block,
                 std::initializer_list<std::string_view> keys) {
  std::string out;
  auto fields = printer.Fields(block);
  for (std::string_view key : keys) {
    for (const auto& [name, lines] : fields) {
      if (name == key) out += lines;
    }
  }
  return out;
}

// A map of named sections, each as `print` writes it.
template <class T, class Print>
std::string NamedLines(std::string_view key, const Named<T>& map, Print print) {
  if (map.empty()) return fmt::format("{}: {{}}\n", key);
  std::string out = fmt::format("{}:\n", key);
  for (const auto& [name, section] : map) {
    out += "  " + KeyText(name) + ":";
    out += section ? "\n" + Indented(print(*section), 4) : " null\n";
  }
  return out;
}

DbConfig WithCiphertext(DbConfig db, const PasswordCipher& cipher) {
  std::string plain = cipher.DecryptOrPlain(db.password.Reveal());
  db.password = Secret(cipher.has_key() ? cipher.Encrypt(plain) : std::move(plain));
  if (db.security) DropTlsBytes(*db.security);
  return db;
}

}  // namespace

std::string SourceToYaml(const SourceConfig& source, Passwords passwords) {
  if (passwords == Passwords::kPlain || !source.from.security) {
    return Printer(passwords).Print(source).text;
  }
  SourceConfig copy = source;
  HideTlsContent(*copy.from.security);
  return Printer(passwords).Print(copy).text;
}

std::string TaskToYaml(const TaskConfig& task, Passwords passwords) {
  if (passwords == Passwords::kPlain || !task.target_database || !task.target_database->security) {
    return Printer(passwords).Print(task).text;
  }
  TaskConfig copy = task;
  HideTlsContent(*copy.target_database->security);
  return Printer(passwords).Print(copy).text;
}

std::string SourceToExportYaml(const SourceConfig& source, const PasswordCipher& cipher) {
  SourceConfig copy = source;
  copy.from = WithCiphertext(copy.from, cipher);
  const Printer printer(Passwords::kPlain);
  std::string out =
      Pick(printer, copy,
           {"enable-gtid", "relay-dir", "flavor", "charset", "enable-relay", "relay-binlog-name",
            "relay-binlog-gtid", "source-id", "from", "purge", "checker", "server-id", "tracer"});
  if (copy.case_sensitive) out += Pick(printer, copy, {"case-sensitive"});
  if (!copy.filters.empty()) out += Pick(printer, copy, {"filters"});
  return out;
}

std::string TaskToExportYaml(const TaskConfig& task, const PasswordCipher& cipher) {
  TaskConfig copy = task;
  if (copy.target_database) copy.target_database = WithCiphertext(*copy.target_database, cipher);
  const Printer printer(Passwords::kPlain);
  std::string out = Pick(
      printer, copy,
      {"name", "task-mode", "is-sharding", "shard-mode", "ignore-checking-items", "meta-schema",
       "enable-heartbeat", "heartbeat-update-interval", "heartbeat-report-interval", "timezone",
       "case-sensitive", "target-database", "online-ddl-scheme", "routes", "filters",
       "column-mappings", "black-white-list", "block-allow-list", "mydumpers"});
  out += NamedLines("loaders", copy.loaders, [&](const LoaderConfig& loader) {
    return Pick(printer, loader, {"pool-size", "dir"});
  });
  out += NamedLines("syncers", copy.syncers, [&](const SyncerConfig& syncer) {
    std::string lines =
        Pick(printer, syncer,
             {"meta-file", "worker-count", "batch", "queue-size", "checkpoint-flush-interval",
              "max-retry", "enable-gtid", "disable-detect", "safe-mode", "enable-ansi-quotes"});
    const auto usual = std::chrono::seconds(2 * syncer.checkpoint_flush_interval);
    if (syncer.safe_mode_duration != "60s" && syncer.SafeModeDuration() != usual) {
      lines += Pick(printer, syncer, {"safe-mode-duration"});
    }
    if (syncer.compact) lines += Pick(printer, syncer, {"compact"});
    if (syncer.multiple_rows) lines += Pick(printer, syncer, {"multiple-rows"});
    return lines;
  });
  out += Pick(printer, copy, {"clean-dump-file", "ansi-quotes", "remove-meta"});
  out += copy.mysql_instances.empty() ? "mysql-instances: []\n" : "mysql-instances:\n";
  for (const auto& instance : copy.mysql_instances) {
    if (!instance) {
      out += "- null\n";
      continue;
    }
    std::string lines =
        Pick(printer, *instance,
             {"source-id", "meta", "filter-rules", "column-mapping-rules", "route-rules",
              "black-white-list", "block-allow-list", "mydumper-config-name", "mydumper",
              "mydumper-thread", "loader-config-name", "loader", "loader-thread",
              "syncer-config-name", "syncer", "syncer-thread"});
    if (!instance->expression_filters.empty())
      lines += Pick(printer, *instance, {"expression-filters"});
    out += "-" + Value{Value::Kind::kMap, lines}.BehindDash();
  }
  if (!copy.expression_filter.empty()) out += Pick(printer, copy, {"expression-filter"});
  if (copy.strict_optimistic_shard_mode)
    out += Pick(printer, copy, {"strict-optimistic-shard-mode"});
  return out;
}

}  // namespace dm::migration
