#include "mysql/value/json_diff.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error/error.h"
#include "base/io/utf8.h"
#include "mysql/value/json_binary.h"

namespace dm::mysql {
namespace {

using namespace json_binary;

using Bytes = std::span<const uint8_t>;

[[noreturn]] void Fail(std::string_view why) {
  throw Error(ErrorCode::kBinlogEventDecode, fmt::format("malformed JSON difference: {}", why));
}

Bytes Sub(Bytes bytes, size_t offset, size_t size) {
  if (offset > bytes.size() || size > bytes.size() - offset) Fail("data are cut off");
  return bytes.subspan(offset, size);
}

uint64_t Load(Bytes bytes, size_t offset, size_t width) {
  const Bytes part = Sub(bytes, offset, width);
  uint64_t value = 0;
  for (size_t i = width; i-- > 0;) value = value << 8 | part[i];
  return value;
}

void Store(std::string& out, size_t at, uint64_t value, size_t width) {
  for (size_t i = 0; i < width; ++i) out[at + i] = static_cast<char>(value >> (8 * i));
}

// A value: containers taken apart, all else as the bytes behind the type byte.
struct Member;

struct Node {
  uint8_t type = kLiteral;
  Bytes scalar;
  std::vector<Member> members;  // of objects, in the document's key order
  std::vector<Node> elements;

  bool is_object() const { return type == kLargeObject; }
  bool is_array() const { return type == kLargeArray; }
};

struct Member {
  std::string name;
  Node value;
};

// Bytes of a length of 7 bits a byte plus what it counts.
size_t CountedSize(Bytes bytes) {
  uint64_t length = 0;
  for (size_t i = 0; i < 5; ++i) {
    const uint8_t byte = Sub(bytes, i, 1)[0];
    length |= static_cast<uint64_t>(byte & 0x7f) << (7 * i);
    if ((byte & 0x80) == 0) return i + 1 + length;
  }
  Fail("a length is too long");
}

size_t ScalarSize(uint8_t type, Bytes bytes) {
  switch (type) {
    case kLiteral:
      return 1;
    case kInt16:
    case kUint16:
      return 2;
    case kInt32:
    case kUint32:
      return 4;
    case kInt64:
    case kUint64:
    case kDoubleType:
      return 8;
    case kStringType:
      return CountedSize(bytes);
    case kOpaque:
      return 1 + CountedSize(Sub(bytes, 1, bytes.size() - std::min<size_t>(1, bytes.size())));
    default:
      Fail(fmt::format("unknown type 0x{:02x}", type));
  }
}

Node Parse(uint8_t type, Bytes bytes, int depth) {
  Node node;
  node.type = type;
  if (type > kLargeArray) {
    node.scalar = Sub(bytes, 0, ScalarSize(type, bytes));
    return node;
  }
  if (depth >= kMaxDepth) Fail("nested too deeply");
  const bool object = type == kSmallObject || type == kLargeObject;
  const size_t width = type == kSmallObject || type == kSmallArray ? 2 : 4;
  node.type = object ? kLargeObject : kLargeArray;
  const uint64_t count = Load(bytes, 0, width);
  const uint64_t size = Load(bytes, width, width);
  if (size > bytes.size()) Fail("a container is larger than its document");
  bytes = bytes.first(size);
  const uint64_t key_entry = object ? width + 2 : 0;
  const uint64_t tables_end = 2 * width + count * (key_entry + width + 1);
  if (tables_end > size) Fail("entries are cut off");
  for (uint64_t i = 0; i < count; ++i) {
    const size_t entry = 2 * width + count * key_entry + i * (width + 1);
    const uint8_t value_type = bytes[entry];
    const bool inlined = value_type == kLiteral || value_type == kInt16 || value_type == kUint16 ||
                         (width == 4 && (value_type == kInt32 || value_type == kUint32));
    size_t at = entry + 1;
    if (!inlined) {
      at = Load(bytes, entry + 1, width);
      if (at < tables_end || at >= size) Fail("a value lies outside its container");
    }
    Node value = Parse(value_type, bytes.subspan(at), depth + 1);
    if (!object) {
      node.elements.push_back(std::move(value));
      continue;
    }
    const size_t key = 2 * width + i * key_entry;
    const Bytes name = Sub(bytes, Load(bytes, key, width), Load(bytes, key + width, 2));
    node.members.push_back({std::string(name.begin(), name.end()), std::move(value)});
  }
  return node;
}

Node ParseDocument(Bytes document) {
  if (document.empty()) Fail("an empty document");
  return Parse(document[0], document.subspan(1), 0);
}

bool IsInlined(uint8_t type) {
  return type == kLiteral || type == kInt16 || type == kUint16 || type == kInt32 || type == kUint32;
}

// Appends the value without its type byte.
void Write(std::string& out, const Node& node) {
  if (!node.is_object() && !node.is_array()) {
    out.append(reinterpret_cast<const char*>(node.scalar.data()), node.scalar.size());
    return;
  }
  const size_t begin = out.size();
  const size_t count = node.is_object() ? node.members.size() : node.elements.size();
  const size_t keys = begin + 8;
  const size_t values = keys + (node.is_object() ? count * 6 : 0);
  out.resize(values + count * 5);
  for (size_t i = 0; i < count && node.is_object(); ++i) {
    const std::string& name = node.members[i].name;
    Store(out, keys + i * 6, out.size() - begin, 4);
    Store(out, keys + i * 6 + 4, name.size(), 2);
    out += name;
  }
  for (size_t i = 0; i < count; ++i) {
    const Node& value = node.is_object() ? node.members[i].value : node.elements[i];
    const size_t entry = values + i * 5;
    out[entry] = static_cast<char>(value.type);
    if (IsInlined(value.type)) {
      std::copy(value.scalar.begin(), value.scalar.end(),
                out.begin() + static_cast<long>(entry + 1));
      continue;
    }
    Store(out, entry + 1, out.size() - begin, 4);
    Write(out, value);
  }
  Store(out, begin, count, 4);
  Store(out, begin + 4, out.size() - begin, 4);
}

// A step of a path.
struct Leg {
  bool is_member = false;
  std::string name;
  bool from_end = false;  // `last-index` instead of `index`
  uint64_t index = 0;
};

class PathReader {
 public:
  explicit PathReader(std::string_view text) : text_(text) {}

  std::vector<Leg> Read() {
    if (!Take('$')) Fail("a path does not begin with $");
    std::vector<Leg> legs;
    while (at_ < text_.size()) {
      if (Take('.')) {
        legs.push_back(Member());
      } else if (Take('[')) {
        legs.push_back(Element());
      } else {
        Fail("a path has something else than members and elements");
      }
      if (legs.size() > kMaxDepth) Fail("a path is too long");
    }
    return legs;
  }

 private:
  bool Take(char c) {
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  Leg Member() {
    Leg leg;
    leg.is_member = true;
    if (Take('"')) {
      leg.name = Quoted();
      return leg;
    }
    const size_t end = std::min(text_.find_first_of(".[", at_), text_.size());
    leg.name = text_.substr(at_, end - at_);
    if (leg.name.empty()) Fail("a member without a name");
    at_ = end;
    return leg;
  }

  uint32_t Hex4() {
    uint32_t value = 0;
    const char* const begin = text_.data() + at_;
    if (text_.size() - at_ < 4 || std::from_chars(begin, begin + 4, value, 16).ptr != begin + 4) {
      Fail("an escape in a path is malformed");
    }
    at_ += 4;
    return value;
  }

  std::string Quoted() {
    std::string name;
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (c == '"') return name;
      if (c != '\\') {
        name += c;
        continue;
      }
      if (at_ == text_.size()) break;
      const char escaped = text_[at_++];
      switch (escaped) {
        case 'b':
          name += '\b';
          break;
        case 'f':
          name += '\f';
          break;
        case 'n':
          name += '\n';
          break;
        case 'r':
          name += '\r';
          break;
        case 't':
          name += '\t';
          break;
        case 'u': {
          uint32_t code = Hex4();
          if (code >= 0xd800 && code < 0xdc00 && text_.substr(at_, 2) == "\\u") {
            at_ += 2;
            code = 0x10000 + ((code - 0xd800) << 10) + (Hex4() - 0xdc00);
          }
          AppendCharacter(name, code);
          break;
        }
        default:
          name += escaped;
      }
    }
    Fail("a name in a path has no end");
  }

  Leg Element() {
    Leg leg;
    const size_t end = text_.find(']', at_);
    if (end == std::string_view::npos) Fail("an index in a path has no end");
    std::string_view text = text_.substr(at_, end - at_);
    at_ = end + 1;
    if (text.starts_with("last")) {
      leg.from_end = true;
      text.remove_prefix(4);
      if (text.empty()) return leg;
      if (text[0] != '-') Fail("an index in a path is malformed");
      text.remove_prefix(1);
    }
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), leg.index);
    if (text.empty() || error != std::errc() || stop != text.data() + text.size()) {
      Fail("an index in a path is malformed");
    }
    return leg;
  }

  std::string_view text_;
  size_t at_ = 0;
};

// Keys are ordered by length, then by bytes.
bool KeyPrecedes(const Member& member, const std::string& name) {
  if (member.name.size() != name.size()) return member.name.size() < name.size();
  return member.name < name;
}

auto FindMember(Node& node, const std::string& name) {
  return std::lower_bound(node.members.begin(), node.members.end(), name, KeyPrecedes);
}

// The index that the leg means in `size` elements; `size` or more if it lies behind the end.
// `before_first`: it lies before the first.
uint64_t IndexOf(const Leg& leg, size_t size, bool* before_first) {
  if (!leg.from_end) return leg.index;
  *before_first = leg.index + 1 > size;
  return *before_first ? 0 : size - 1 - leg.index;
}

// The value that the leg leads to; nullptr if there is none.
Node* Step(Node& node, const Leg& leg) {
  if (leg.is_member) {
    if (!node.is_object()) return nullptr;
    const auto at = FindMember(node, leg.name);
    return at != node.members.end() && at->name == leg.name ? &at->value : nullptr;
  }
  if (!node.is_array()) return nullptr;
  bool before_first = false;
  const uint64_t index = IndexOf(leg, node.elements.size(), &before_first);
  return before_first || index >= node.elements.size() ? nullptr : &node.elements[index];
}

enum : uint8_t { kReplace = 0, kInsert = 1, kRemove = 2 };

void Insert(Node& parent, const Leg& leg, Node value) {
  if (leg.is_member) {
    if (!parent.is_object()) Fail("a member is added to what is no object");
    const auto at = FindMember(parent, leg.name);
    if (at != parent.members.end() && at->name == leg.name) Fail("an added member is there");
    parent.members.insert(at, Member{leg.name, std::move(value)});
    return;
  }
  if (!parent.is_array()) Fail("an element is added to what is no array");
  bool before_first = false;
  const uint64_t index = IndexOf(leg, parent.elements.size(), &before_first);
  parent.elements.insert(parent.elements.begin() +
                             static_cast<long>(std::min<uint64_t>(index, parent.elements.size())),
                         std::move(value));
}

void Remove(Node& parent, const Leg& leg) {
  Node* const value = Step(parent, leg);
  if (value == nullptr) Fail("a removed value is not there");
  if (leg.is_member) {
    parent.members.erase(FindMember(parent, leg.name));
  } else {
    parent.elements.erase(parent.elements.begin() + (value - parent.elements.data()));
  }
}

void Apply(Node& root, uint8_t operation, const std::vector<Leg>& path, Node value) {
  if (path.empty()) {
    if (operation != kReplace) Fail("the document itself is added or removed");
    root = std::move(value);
    return;
  }
  Node* parent = &root;
  for (size_t i = 0; i + 1 < path.size(); ++i) {
    parent = Step(*parent, path[i]);
    if (parent == nullptr) Fail("a path leads nowhere");
  }
  switch (operation) {
    case kReplace: {
      Node* const old = Step(*parent, path.back());
      if (old == nullptr) Fail("a replaced value is not there");
      *old = std::move(value);
      return;
    }
    case kInsert:
      return Insert(*parent, path.back(), std::move(value));
    default:
      return Remove(*parent, path.back());
  }
}

// A length-encoded number and that many bytes; moves `bytes` behind them.
Bytes TakeCounted(Bytes* bytes) {
  const uint8_t first = Sub(*bytes, 0, 1)[0];
  size_t width = 0;
  if (first > 0xfa) {
    if (first == 0xfb || first == 0xff) Fail("a length is malformed");
    width = first == 0xfc ? 2 : first == 0xfd ? 3 : 8;
  }
  const uint64_t length = width == 0 ? first : Load(*bytes, 1, width);
  const Bytes content = Sub(*bytes, 1 + width, length);
  *bytes = bytes->subspan(1 + width + length);
  return content;
}

}  // namespace

std::string ApplyJsonDiffs(std::span<const uint8_t> document, std::span<const uint8_t> diffs) {
  Node root = ParseDocument(document);
  while (!diffs.empty()) {
    const uint8_t operation = diffs[0];
    if (operation > kRemove) Fail("an unknown operation");
    diffs = diffs.subspan(1);
    const Bytes path = TakeCounted(&diffs);
    Node value;
    if (operation != kRemove) value = ParseDocument(TakeCounted(&diffs));
    Apply(root, operation,
          PathReader({reinterpret_cast<const char*>(path.data()), path.size()}).Read(),
          std::move(value));
  }
  std::string out(1, static_cast<char>(root.type));
  Write(out, root);
  return out;
}

}  // namespace dm::mysql
