#include "cluster/record/keys.h"

#include "base/error/error.h"

namespace dm::cluster {
namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

Error BadKey(std::string_view key) { return MakeError(ErrorCode::kDecodeEtcdKeyFail, key); }

}  // namespace

std::string EncodeKey(const KeySpace& space, std::initializer_list<std::string_view> components) {
  if (components.size() > space.arity) throw BadKey(space.prefix);
  constexpr char kDigits[] = "0123456789abcdef";
  std::string key(space.prefix);
  size_t written = 0;
  for (std::string_view component : components) {
    if (component.empty()) throw BadKey(space.prefix);
    if (written++ > 0) key += '/';
    for (unsigned char c : component) {
      key += kDigits[c >> 4];
      key += kDigits[c & 15];
    }
  }
  if (written > 0 && written < space.arity) key += '/';
  return key;
}

std::vector<std::string> DecodeKey(const KeySpace& space, std::string_view key) {
  if (!key.starts_with(space.prefix)) throw BadKey(key);
  std::vector<std::string> components(1);
  std::string_view rest = key.substr(space.prefix.size());
  for (size_t i = 0; i < rest.size();) {
    if (rest[i] == '/') {
      components.emplace_back();
      ++i;
      continue;
    }
    const int high = HexDigit(rest[i]);
    const int low = i + 1 < rest.size() ? HexDigit(rest[i + 1]) : -1;
    if (high < 0 || low < 0) throw BadKey(key);
    components.back() += static_cast<char>(high << 4 | low);
    i += 2;
  }
  if (components.size() != space.arity) throw BadKey(key);
  for (const std::string& component : components) {
    if (component.empty()) throw BadKey(key);
  }
  return components;
}

}  // namespace dm::cluster
