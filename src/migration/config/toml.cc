// The records of sources and subtasks in etcd: TOML with tables indented by two blanks a level.
#include <fmt/format.h>

#include <algorithm>
#include <concepts>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "base/error/error.h"
#include "base/io/encode.h"
#include "base/io/text.h"
#include "base/io/toml.h"
#include "migration/config/fields.h"
#include "migration/config/render.h"
#include "migration/config/subtask.h"
#include "migration/config/tls_content.h"

namespace dm::migration {
namespace {

// ---- writing ------------------------------------------------------------------------------------

std::string TomlKey(std::string_view key) {
  const bool bare = !key.empty() && std::all_of(key.begin(), key.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  });
  return bare ? std::string(key) : QuoteToml(key);
}

// Of bytes that are written as a list of numbers; more are written as base64.
constexpr size_t kLargestList = 16 << 10;

template <class T>
concept BlockType = !kTypeName<T>.empty();

// Writes one block in two passes: simple keys first, then tables.
class TomlWriter {
 public:
  explicit TomlWriter(std::string& out) : out_(out) {}

  template <class T>
  void Write(const T& block) {
    for (bool tables : {false, true}) {
      tables_ = tables;
      VisitFields(block, *this);
    }
  }

  template <class F>
  void operator()(std::string_view key, const F& member) {
    Field(key, member);
  }
  template <class Optional>
  void IfPresent(std::string_view key, const ExtractorField<Optional>& field) {
    if (!tables_ || !field.extractor) return;
    BeginTable(key);
    TomlWriter nested(out_, Path(key));
    nested.Line("target-column", QuoteToml(field.extractor->target_column));
    nested.Line(field.regexp_key, QuoteToml(field.extractor->regexp));
  }
  void Bytes(std::string_view key, const std::string& member) {
    if (tables_ || member.empty()) return;
    // A list takes more than four times the size, and a record has a limit.
    if (member.size() > kLargestList) return Line(key, QuoteToml(EncodeBase64(member)));
    std::vector<std::string> numbers;
    for (unsigned char byte : member) numbers.push_back(fmt::format("{}", byte));
    Line(key, "[" + Join(numbers, ", ") + "]");
  }
  void ByteSize(std::string_view key, int64_t member) { Field(key, member); }
  void AnyContent(std::string_view) {}
  void KeysOf(std::string_view, const std::vector<std::string>&) {}
  template <class T>
  void Tables(std::string_view key, const std::vector<T>& list) {
    if (!list.empty()) return Field(key, list);
    if (!tables_) Line(key, "[]");
  }
  void Unused(std::string_view key, std::string_view text) {
    if (!tables_) Line(key, text);
  }
  void Validator(std::string_view key, const ValidatorConfig& block) {
    if (!tables_) return;
    BeginTable(key);
    TomlWriter nested(out_, Path(key));
    nested.Write(block);
    nested.Line("start-time", QuoteToml(block.start_time));
  }

 private:
  TomlWriter(std::string& out, std::vector<std::string> path) : out_(out), path_(std::move(path)) {}

  std::vector<std::string> Path(std::string_view key) const {
    std::vector<std::string> path = path_;
    path.push_back(TomlKey(key));
    return path;
  }
  std::string Indent(size_t levels) const { return std::string(2 * levels, ' '); }
  void Line(std::string_view key, std::string_view value) {
    out_ += Indent(path_.size()) + TomlKey(key) + " = " + std::string(value) + "\n";
  }
  // An empty line stands before tables of the first level and before every table of a list.
  void BeginTable(std::string_view key) {
    if (path_.empty()) out_ += "\n";
    out_ += Indent(path_.size()) + "[" + Join(Path(key), ".") + "]\n";
  }

  template <std::integral T>
  void Field(std::string_view key, T member) {
    if (!tables_) Line(key, fmt::format("{}", member));
  }
  void Field(std::string_view key, double member) {
    if (tables_) return;
    std::string text = fmt::format("{}", member);
    if (text.find_first_of(".e") == std::string::npos) text += ".0";
    Line(key, text);
  }
  void Field(std::string_view key, const std::string& member) {
    if (!tables_) Line(key, QuoteToml(member));
  }
  void Field(std::string_view key, const Secret& member) { Field(key, member.Reveal()); }
  void Field(std::string_view key, Duration member) { Field(key, FormatDuration(member)); }
  void Field(std::string_view key, TaskMode member) { Field(key, std::string(ToString(member))); }
  void Field(std::string_view key, ShardMode member) { Field(key, std::string(ToString(member))); }
  void Field(std::string_view key, const std::vector<std::string>& list) {
    if (tables_ || list.empty()) return;
    std::vector<std::string> items;
    for (const std::string& item : list) items.push_back(QuoteToml(item));
    Line(key, "[" + Join(items, ", ") + "]");
  }
  void Field(std::string_view key, const std::map<std::string, std::string>& map) {
    if (!tables_ || map.empty()) return;
    BeginTable(key);
    TomlWriter nested(out_, Path(key));
    for (const auto& [name, value] : map) nested.Line(name, QuoteToml(value));
  }
  template <class T>
  void Field(std::string_view key, const std::optional<T>& member) {
    if (member) Field(key, *member);
  }
  template <BlockType T>
  void Field(std::string_view key, const T& block) {
    if (!tables_) return;
    BeginTable(key);
    TomlWriter(out_, Path(key)).Write(block);
  }
  template <BlockType T>
  void Field(std::string_view key, const std::vector<T>& list) {
    if (!tables_) return;
    for (const T& block : list) {
      out_ += "\n" + Indent(path_.size()) + "[[" + Join(Path(key), ".") + "]]\n";
      TomlWriter(out_, Path(key)).Write(block);
    }
  }

  std::string& out_;
  std::vector<std::string> path_;
  bool tables_ = false;
};

// ---- reading ------------------------------------------------------------------------------------

// Reads one table. Keys match exactly or, failing that, without regard to letter case.
class TomlReader {
 public:
  // `unknown` collects the dotted names of keys that nothing reads; nullptr: they are ignored.
  TomlReader(const toml::table& table, std::string prefix, std::vector<std::string>* unknown)
      : table_(table), prefix_(std::move(prefix)), unknown_(unknown) {}

  template <class T>
  void Read(T& block) {
    VisitFields(block, *this);
    Finish();
  }

  template <class F>
  void operator()(std::string_view key, F& member) {
    if (const toml::node* node = Find(key)) Value(key, *node, member);
  }
  template <class Optional>
  void IfPresent(std::string_view key, const ExtractorField<Optional>& field) {
    const toml::node* node = Find(key);
    if (node == nullptr) return;
    Extractor extractor;
    TomlReader nested(Table(key, *node), Name(key) + ".", unknown_);
    nested("target-column", extractor.target_column);
    nested(field.regexp_key, extractor.regexp);
    nested.Finish();
    field.extractor = extractor;
  }
  void Bytes(std::string_view key, std::string& member) {
    const toml::node* node = Find(key);
    if (node == nullptr) return;
    if (const auto text = node->value_exact<std::string>()) {
      const std::optional<std::string> decoded = DecodeBase64(*text);
      if (!decoded) throw Mismatch(key, "a list of numbers from 0 to 255, or base64");
      member = *decoded;
      return;
    }
    for (const toml::node& item : Array(key, *node)) {
      int number = 0;
      Value(key, item, number);
      if (number < 0 || number > 255) throw Mismatch(key, "a list of numbers from 0 to 255");
      member.push_back(static_cast<char>(number));
    }
  }
  void ByteSize(std::string_view key, int64_t& member) {
    const toml::node* node = Find(key);
    if (node == nullptr) return;
    if (auto text = node->value_exact<std::string>()) {
      std::optional<uint64_t> size = ParseSize(*text);
      if (!size || *size > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
        throw Mismatch(key, "a size");
      }
      member = static_cast<int64_t>(*size);
      return;
    }
    Value(key, *node, member);
  }
  void AnyContent(std::string_view key) { Find(key); }
  void KeysOf(std::string_view key, std::vector<std::string>&) { Find(key); }
  template <class T>
  void Tables(std::string_view key, std::vector<T>& list) {
    (*this)(key, list);
  }
  void Unused(std::string_view key, std::string_view) { Find(key); }
  void Validator(std::string_view key, ValidatorConfig& block) {
    const toml::node* node = Find(key);
    if (node == nullptr) return;
    TomlReader nested(Table(key, *node), Name(key) + ".", unknown_);
    VisitFields(block, nested);
    nested("start-time", block.start_time);
    nested.Finish();
  }

  void Finish() {
    if (unknown_ == nullptr) return;
    for (const auto& [key, node] : table_) {
      if (!used_.contains(std::string(key.str()))) unknown_->push_back(Name(key.str()));
    }
  }

 private:
  std::string Name(std::string_view key) const { return prefix_ + std::string(key); }
  std::invalid_argument Mismatch(std::string_view key, std::string_view want) const {
    return std::invalid_argument(fmt::format("toml: key {} must be {}", Name(key), want));
  }

  const toml::node* Find(std::string_view key) {
    const toml::node* found = table_.get(key);
    std::string name(key);
    if (found == nullptr) {
      for (const auto& [other, node] : table_) {
        if (EqualsIgnoreCase(other.str(), key)) {
          found = &node;
          name = other.str();
          break;
        }
      }
    }
    if (found != nullptr) used_.insert(name);
    return found;
  }

  const toml::table& Table(std::string_view key, const toml::node& node) const {
    if (!node.is_table()) throw Mismatch(key, "a table");
    return *node.as_table();
  }
  const toml::array& Array(std::string_view key, const toml::node& node) const {
    if (!node.is_array()) throw Mismatch(key, "a list");
    return *node.as_array();
  }

  void Value(std::string_view key, const toml::node& node, std::string& out) {
    auto text = node.value_exact<std::string>();
    if (!text) throw Mismatch(key, "a string");
    out = std::move(*text);
  }
  void Value(std::string_view key, const toml::node& node, Secret& out) {
    std::string text;
    Value(key, node, text);
    out = Secret(std::move(text));
  }
  void Value(std::string_view key, const toml::node& node, bool& out) {
    auto value = node.value_exact<bool>();
    if (!value) throw Mismatch(key, "true or false");
    out = *value;
  }
  template <std::integral T>
  void Value(std::string_view key, const toml::node& node, T& out) {
    auto value = node.value_exact<int64_t>();
    if (!value || !std::in_range<T>(*value)) throw Mismatch(key, "an integer in its range");
    out = static_cast<T>(*value);
  }
  void Value(std::string_view key, const toml::node& node, double& out) {
    if (auto integer = node.value_exact<int64_t>()) {
      out = static_cast<double>(*integer);
      return;
    }
    auto value = node.value_exact<double>();
    if (!value) throw Mismatch(key, "a number");
    out = *value;
  }
  void Value(std::string_view key, const toml::node& node, Duration& out) {
    std::string text;
    Value(key, node, text);
    out = ParseDurationOrThrow(text);
  }
  void Value(std::string_view key, const toml::node& node, TaskMode& out) {
    std::string text;
    Value(key, node, text);
    std::optional<TaskMode> mode = ParseTaskMode(text);
    if (!mode) throw MakeError(ErrorCode::kConfigInvalidTaskMode);
    out = *mode;
  }
  void Value(std::string_view key, const toml::node& node, ShardMode& out) {
    std::string text;
    Value(key, node, text);
    std::optional<ShardMode> mode = ParseShardMode(text);
    if (!mode) throw MakeError(ErrorCode::kConfigShardModeNotSupport, text);
    out = *mode;
  }
  void Value(std::string_view key, const toml::node& node,
             std::map<std::string, std::string>& out) {
    for (const auto& [name, item] : Table(key, node))
      Value(name.str(), item, out[std::string(name.str())]);
  }
  template <class T>
  void Value(std::string_view key, const toml::node& node, std::vector<T>& out) {
    out.clear();
    for (const toml::node& item : Array(key, node)) {
      T value{};
      Value(key, item, value);
      out.push_back(std::move(value));
    }
  }
  template <class T>
  void Value(std::string_view key, const toml::node& node, std::optional<T>& out) {
    T value{};
    Value(key, node, value);
    out = std::move(value);
  }
  template <BlockType T>
  void Value(std::string_view key, const toml::node& node, T& out) {
    TomlReader(Table(key, node), Name(key) + ".", unknown_).Read(out);
  }

  const toml::table& table_;
  std::string prefix_;
  std::vector<std::string>* unknown_;
  std::set<std::string> used_;
};

toml::table Parse(std::string_view text) {
  try {
    return ParseToml(text);
  } catch (const toml::parse_error& e) {
    throw std::invalid_argument(fmt::format(
        "toml: line {}: {}", static_cast<unsigned>(e.source().begin.line), e.description()));
  }
}

}  // namespace

std::string SourceToToml(const SourceConfig& source) {
  std::string out;
  TomlWriter(out).Write(source);
  return out;
}

SourceConfig ParseSourceToml(std::string_view text) {
  SourceConfig source;
  std::vector<std::string> unknown;
  try {
    const toml::table table = Parse(text);
    TomlReader(table, "", &unknown).Read(source);
  } catch (const std::invalid_argument& e) {
    throw WrapError(ErrorCode::kWorkerDecodeConfigFromFile, e);
  }
  if (!unknown.empty()) {
    std::sort(unknown.begin(), unknown.end());
    throw MakeError(ErrorCode::kWorkerUndecodedItemFromFile, Join(unknown, ","));
  }
  return source;
}

std::string SubtaskToToml(const SubtaskConfig& subtask) {
  std::string out;
  TomlWriter(out).Write(subtask);
  return out;
}

std::string SubtaskToShownToml(const SubtaskConfig& subtask) {
  SubtaskConfig shown = subtask;
  for (DbConfig* db : {&shown.from, &shown.to}) {
    if (!db->password.Reveal().empty()) db->password = Secret(std::string(kHiddenSecret));
    if (db->security) HideTlsContent(*db->security);
  }
  if (shown.loader_security) HideTlsContent(*shown.loader_security);
  return SubtaskToToml(shown);
}

SubtaskConfig ParseSubtaskToml(std::string_view text) {
  SubtaskConfig subtask;
  try {
    const toml::table table = Parse(text);
    TomlReader(table, "", nullptr).Read(subtask);
  } catch (const std::invalid_argument& e) {
    throw WrapError(ErrorCode::kConfigTomlTransform, e, "decode subtask config");
  }
  return subtask;
}

}  // namespace dm::migration
