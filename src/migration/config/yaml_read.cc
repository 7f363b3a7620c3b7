#include "migration/config/yaml_read.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <utility>

#include "base/io/text.h"
#include "migration/config/fields.h"
#include "migration/config/yaml_load.h"

namespace dm::migration {
namespace {

// Nobody nests merges this deep.
constexpr int kMaxMergeDepth = 32;
// Nor has a file this many.
constexpr int kMaxMerges = 1000;

// Violations of one document, found in any order.
class Violations {
 public:
  void Add(const YAML::Node& node, std::string text) {
    found_.emplace_back(node.Mark().line + 1, std::move(text));
  }
  void ThrowIfAny() {
    if (found_.empty()) return;
    std::stable_sort(found_.begin(), found_.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    std::string all = "yaml: unmarshal errors:";
    for (const auto& [line, text] : found_) all += fmt::format("\n  line {}: {}", line, text);
    throw std::invalid_argument(all);
  }

 private:
  std::vector<std::pair<int, std::string>> found_;
};

// What a plain scalar reads as.
enum class ScalarKind { kString, kBool, kInt, kFloat };

bool IsPlain(const YAML::Node& node) { return node.Tag() == "?" || node.Tag().empty(); }

std::optional<bool> ParseBool(std::string_view text) {
  static const std::set<std::string_view> yes = {"true", "True", "TRUE", "yes", "Yes", "YES",
                                                 "on",   "On",   "ON",   "y",   "Y"};
  static const std::set<std::string_view> no = {"false", "False", "FALSE", "no", "No", "NO",
                                                "off",   "Off",   "OFF",   "n",  "N"};
  if (yes.contains(text)) return true;
  if (no.contains(text)) return false;
  return std::nullopt;
}

// YAML 1.1 integers: sign, 0x, 0b, 0o or a leading 0 for octal, underscores between digits.
struct Integer {
  bool negative = false;
  uint64_t magnitude = 0;
};

std::optional<Integer> ParseInteger(std::string_view text) {
  Integer number;
  std::string digits;
  for (char c : text) {
    if (c != '_') digits.push_back(c);
  }
  std::string_view rest = digits;
  if (!rest.empty() && (rest[0] == '+' || rest[0] == '-')) {
    number.negative = rest[0] == '-';
    rest.remove_prefix(1);
  }
  int base = 10;
  if (rest.size() > 1 && rest[0] == '0') {
    const char mark = rest[1];
    base = mark == 'x' || mark == 'X' ? 16 : mark == 'b' || mark == 'B' ? 2 : 8;
    rest.remove_prefix(base == 8 && mark != 'o' && mark != 'O' ? 1 : 2);
  }
  auto [end, error] =
      std::from_chars(rest.data(), rest.data() + rest.size(), number.magnitude, base);
  if (rest.empty() || error != std::errc() || end != rest.data() + rest.size()) {
    return std::nullopt;
  }
  return number;
}

std::optional<double> ParseFloat(std::string_view text) {
  std::string_view digits = text;
  if (digits.starts_with('+')) digits.remove_prefix(1);
  if (digits.empty() || digits.find_first_not_of("+-.0123456789eE") != std::string_view::npos) {
    return std::nullopt;
  }
  double value = 0;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

// "!!str `abc`", "!!map": how a node is named in a message about its type.
std::string Describe(const YAML::Node& node) {
  if (node.IsMap()) return "!!map";
  if (node.IsSequence()) return "!!seq";
  if (!node.IsScalar()) return "!!null";
  const std::string& text = node.Scalar();
  std::string_view kind = "!!str";
  if (IsPlain(node)) {
    if (ParseInteger(text)) {
      kind = "!!int";
    } else if (ParseFloat(text)) {
      kind = "!!float";
    } else if (text == "true" || text == "false") {
      kind = "!!bool";
    }
  }
  return fmt::format("{} `{}`", kind, text.size() > 10 ? text.substr(0, 7) + "..." : text);
}

class Reader {
 public:
  explicit Reader(Violations& violations) : violations_(violations) {}

  template <class T>
  void Document(const YAML::Node& root, T& out) {
    if (root.IsDefined() && !root.IsNull()) Read(root, out);
  }

 private:
  // Assigning a YAML::Node changes the document, so entries are marked, never moved about.
  struct Entry {
    YAML::Node key;
    YAML::Node value;
    bool taken = false;
  };
  using Entries = std::vector<Entry>;

  // The entries of a mapping, those of merge keys behind its own. `type`: of the block, empty for a
  // map with free keys.
  Entries Collect(const YAML::Node& map, std::string_view type, int depth = 0) {
    Entries entries;
    std::set<std::string> seen;
    std::vector<YAML::Node> merges;
    for (const auto& item : map) {
      if (!item.first.IsScalar() && !item.first.IsNull()) {
        violations_.Add(item.first,
                        fmt::format("cannot unmarshal {} into string", Describe(item.first)));
        continue;
      }
      const std::string key = item.first.IsScalar() ? item.first.Scalar() : "";
      if (key == "<<" && IsPlain(item.first)) {
        merges.push_back(item.second);
        continue;
      }
      if (!seen.insert(key).second) {
        violations_.Add(item.first,
                        type.empty() ? fmt::format("key {} already set in map", Quote(key))
                                     : fmt::format("field {} already set in type {}", key, type));
        continue;
      }
      entries.push_back({item.first, item.second});
    }
    for (const YAML::Node& merge : merges) Merge(merge, type, depth, seen, entries);
    return entries;
  }

  void Merge(const YAML::Node& merge, std::string_view type, int depth, std::set<std::string>& seen,
             Entries& entries) {
    if (depth >= kMaxMergeDepth || ++merges_ > kMaxMerges) {
      if (!merges_refused_) violations_.Add(merge, "merge keys are too many, or nested too deeply");
      merges_refused_ = true;
      merges_ = kMaxMerges;
      return;
    }
    if (merge.IsSequence()) {
      for (const auto& item : merge) Merge(item, type, depth + 1, seen, entries);
      return;
    }
    if (!merge.IsMap()) {
      violations_.Add(merge, "map merge requires map or sequence of maps as the value");
      return;
    }
    for (Entry& entry : Collect(merge, type, depth + 1)) {
      const std::string key = entry.key.IsScalar() ? entry.key.Scalar() : "";
      if (seen.insert(key).second) entries.push_back(std::move(entry));
    }
  }

  void Mismatch(const YAML::Node& node, std::string_view type) {
    violations_.Add(node, fmt::format("cannot unmarshal {} into {}", Describe(node), type));
  }

  // Reads the members of one block.
  class Block {
   public:
    Block(Reader& reader, Entries entries) : reader_(reader), entries_(std::move(entries)) {}

    template <class F>
    void operator()(std::string_view key, F& member) {
      if (auto value = Take(key)) reader_.Read(*value, member);
    }
    template <class Optional>
    void IfPresent(std::string_view key, const ExtractorField<Optional>& field) {
      auto value = Take(key);
      if (!value || value->IsNull()) return;
      Extractor extractor;
      if (reader_.ReadExtractor(*value, field.regexp_key, extractor)) field.extractor = extractor;
    }
    void Bytes(std::string_view key, std::string& member) {
      auto value = Take(key);
      if (!value || value->IsNull()) return;
      std::vector<uint8_t> bytes;
      reader_.Read(*value, bytes);
      member.assign(bytes.begin(), bytes.end());
    }
    void ByteSize(std::string_view key, int64_t& member) {
      auto value = Take(key);
      if (!value || value->IsNull()) return;
      std::optional<uint64_t> size;
      if (value->IsScalar()) size = ParseSize(value->Scalar());
      if (!size || *size > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
        reader_.Mismatch(*value, "config.ByteSize");
        return;
      }
      member = static_cast<int64_t>(*size);
    }
    void AnyContent(std::string_view key) { Take(key); }
    void KeysOf(std::string_view key, std::vector<std::string>& names) {
      auto value = Take(key);
      if (!value || value->IsNull()) return;
      if (!value->IsMap()) {
        reader_.Mismatch(*value, "map[string]column.Rule");
        return;
      }
      for (const Entry& entry : reader_.Collect(*value, "")) {
        names.push_back(entry.key.IsScalar() ? entry.key.Scalar() : "");
      }
    }

    // Reports what no member took.
    void Finish(std::string_view type) {
      for (const Entry& entry : entries_) {
        if (entry.taken) continue;
        const std::string key = entry.key.IsScalar() ? entry.key.Scalar() : "";
        reader_.violations_.Add(entry.key, fmt::format("field {} not found in type {}{}", key, type,
                                                       DidYouMean(key, absent_)));
      }
    }

   private:
    std::optional<YAML::Node> Take(std::string_view key) {
      for (Entry& entry : entries_) {
        if (entry.taken || !entry.key.IsScalar() || entry.key.Scalar() != key) continue;
        entry.taken = true;
        return entry.value;
      }
      absent_.emplace_back(key);
      return std::nullopt;
    }

    Reader& reader_;
    Entries entries_;
    std::vector<std::string> absent_;  // keys that there could have been
  };

  // An empty value leaves the default.
  template <class T>
  requires requires {
    kTypeName<T>[0];
  } &&(!kTypeName<T>.empty()) void Read(const YAML::Node& node, T& out) {
    if (node.IsNull()) return;
    if (!node.IsMap()) {
      Mismatch(node, kTypeName<T>);
      return;
    }
    Block block(*this, Collect(node, kTypeName<T>));
    VisitFields(out, block);
    block.Finish(kTypeName<T>);
  }

  bool ReadExtractor(const YAML::Node& node, std::string_view regexp_key, Extractor& out) {
    constexpr std::string_view kType = "router.Extractor";
    if (!node.IsMap()) {
      Mismatch(node, kType);
      return false;
    }
    Block block(*this, Collect(node, kType));
    block("target-column", out.target_column);
    block(regexp_key, out.regexp);
    block.Finish(kType);
    return true;
  }

  void Read(const YAML::Node& node, std::string& out) {
    if (node.IsNull()) return;
    if (!node.IsScalar()) {
      Mismatch(node, "string");
      return;
    }
    out = node.Scalar();
  }

  void Read(const YAML::Node& node, Secret& out) {
    std::string text;
    Read(node, text);
    out = Secret(std::move(text));
  }

  void Read(const YAML::Node& node, bool& out) {
    if (node.IsNull()) return;
    std::optional<bool> value;
    if (node.IsScalar() && IsPlain(node)) value = ParseBool(node.Scalar());
    if (!value) {
      Mismatch(node, "bool");
      return;
    }
    out = *value;
  }

  template <class T>
  void ReadInteger(const YAML::Node& node, std::string_view type, T& out) {
    if (node.IsNull()) return;
    std::optional<Integer> number;
    if (node.IsScalar() && IsPlain(node)) number = ParseInteger(node.Scalar());
    using Limits = std::numeric_limits<T>;
    const auto highest = static_cast<uint64_t>(Limits::max());
    const uint64_t lowest = Limits::is_signed ? highest + 1 : 0;  // magnitude of the least value
    if (!number || number->magnitude > (number->negative ? lowest : highest)) {
      Mismatch(node, type);
      return;
    }
    out = number->negative ? static_cast<T>(0 - number->magnitude)
                           : static_cast<T>(number->magnitude);
  }
  void Read(const YAML::Node& node, int& out) { ReadInteger(node, "int", out); }
  void Read(const YAML::Node& node, int64_t& out) { ReadInteger(node, "int64", out); }
  void Read(const YAML::Node& node, uint8_t& out) { ReadInteger(node, "uint8", out); }
  void Read(const YAML::Node& node, uint32_t& out) { ReadInteger(node, "uint32", out); }
  void Read(const YAML::Node& node, uint64_t& out) { ReadInteger(node, "uint64", out); }

  void Read(const YAML::Node& node, double& out) {
    if (node.IsNull()) return;
    std::optional<double> value;
    if (node.IsScalar() && IsPlain(node)) {
      value = ParseFloat(node.Scalar());
      if (auto number = ParseInteger(node.Scalar())) {
        value = static_cast<double>(number->magnitude) * (number->negative ? -1 : 1);
      }
    }
    if (!value) {
      Mismatch(node, "float64");
      return;
    }
    out = *value;
  }

  void Read(const YAML::Node& node, Duration& out) {
    if (node.IsNull()) return;
    if (!node.IsScalar()) {
      Mismatch(node, "config.Duration");
      return;
    }
    try {
      out = ParseDurationOrThrow(node.Scalar());
    } catch (const std::invalid_argument& e) {
      violations_.Add(node, e.what());
    }
  }

  template <class T>
  void Read(const YAML::Node& node, std::vector<T>& out) {
    out.clear();
    if (node.IsNull()) return;
    if (!node.IsSequence()) {
      Mismatch(node, "list");
      return;
    }
    for (const auto& item : node) {
      T value{};
      Read(item, value);
      out.push_back(std::move(value));
    }
  }

  template <class T>
  void Read(const YAML::Node& node, std::optional<T>& out) {
    if (node.IsNull()) {
      out.reset();
      return;
    }
    T value{};
    Read(node, value);
    out = std::move(value);
  }

  template <class T>
  void Read(const YAML::Node& node, std::map<std::string, T>& out) {
    out.clear();
    if (node.IsNull()) return;
    if (!node.IsMap()) {
      Mismatch(node, "map");
      return;
    }
    for (const Entry& entry : Collect(node, "")) {
      T value{};
      Read(entry.value, value);
      out.emplace(entry.key.IsScalar() ? entry.key.Scalar() : "", std::move(value));
    }
  }

  Violations& violations_;
  int merges_ = 0;
  bool merges_refused_ = false;
};

template <class T>
void ReadDocument(std::string_view text, T& out) {
  const YAML::Node root = LoadYaml(text);
  Violations violations;
  Reader(violations).Document(root, out);
  violations.ThrowIfAny();
}

}  // namespace

void ReadYaml(std::string_view text, SourceConfig& out) { ReadDocument(text, out); }
void ReadYaml(std::string_view text, TaskConfig& out) { ReadDocument(text, out); }

}  // namespace dm::migration
