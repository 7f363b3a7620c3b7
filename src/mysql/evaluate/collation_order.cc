#include "mysql/evaluate/collation_order.h"

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "base/io/utf8.h"

namespace dm::mysql::evaluate {
namespace {

struct UnicodeRange {
  char32_t first;
  const char* weights;  // of each character, between commas
};
struct SimpleWeights {
  std::string_view collation;
  const char* weights;
};

#include "mysql/evaluate/collation_weights.inc"

uint32_t Hex(std::string_view digits) {
  uint32_t value = 0;
  for (const char c : digits) {
    value = value * 16 + static_cast<uint32_t>(c <= '9' ? c - '0' : c - 'A' + 10);
  }
  return value;
}

bool EndsWith(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

}  // namespace

struct CollationOrder::Weights {
  std::unordered_map<char32_t, std::vector<uint32_t>> by_character;
  bool jamo = false;            // Hangul syllables weigh as their letters
  bool one_beyond_bmp = false;  // all characters beyond 16 bits are equal

  template <size_t N>
  void Read(const UnicodeRange (&ranges)[N]) {
    for (const UnicodeRange& range : ranges) {
      std::string_view rest = range.weights;
      for (char32_t c = range.first;; ++c) {
        const size_t end = std::min(rest.find(','), rest.size());
        std::vector<uint32_t>& list = by_character[c];
        for (size_t i = 0; i + 4 <= end; i += 4) list.push_back(Hex(rest.substr(i, 4)));
        if (end == rest.size()) break;
        rest.remove_prefix(end + 1);
      }
    }
  }
};

const CollationOrder* CollationOrder::Find(std::string_view name) {
  static std::mutex mutex;
  static std::map<std::string, std::unique_ptr<CollationOrder>, std::less<>> known;
  static std::vector<std::unique_ptr<Weights>> tables;
  std::lock_guard lock(mutex);
  if (const auto found = known.find(name); found != known.end()) return found->second.get();

  auto order = std::make_unique<CollationOrder>();
  order->name_ = name;
  order->charset_ = CharsetOfCollationName(name);
  // "utf8_general_ci" of older servers is that of utf8mb3.
  const size_t underscore = std::min(name.find('_'), name.size());
  const std::string_view rest = name.substr(std::min(underscore + 1, name.size()));
  const bool is_utf8 = order->charset_ == Charset::kUtf8mb4 || order->charset_ == Charset::kUtf8mb3;
  auto weights = std::make_unique<Weights>();
  bool found = true;
  if (name == "binary") {
    order->charset_ = Charset::kBinary;
    order->kind_ = Kind::kBytes;
    order->pad_ = false;
  } else if (is_utf8 && (rest == "bin" || rest == "nopad_bin" || rest == "0900_bin")) {
    order->kind_ = Kind::kCharacters;
    order->pad_ = rest == "bin";
  } else if (is_utf8 && (rest == "general_ci" || rest == "general_nopad_ci")) {
    order->kind_ = Kind::kGeneral;
    order->pad_ = rest == "general_ci";
    const std::string_view pairs = k_general_ci;
    for (size_t i = 0; i + 8 <= pairs.size(); i += 8) {
      weights->by_character[Hex(pairs.substr(i, 4))] = {Hex(pairs.substr(i + 4, 4))};
    }
  } else if (is_utf8 && (rest == "unicode_ci" || rest == "unicode_nopad_ci")) {
    order->kind_ = Kind::kUnicode;
    order->pad_ = rest == "unicode_ci";
    weights->Read(k_unicode_ci);
    weights->one_beyond_bmp = true;
  } else if (is_utf8 && (rest == "unicode_520_ci" || rest == "unicode_520_nopad_ci")) {
    order->kind_ = Kind::kUnicode;
    order->pad_ = rest == "unicode_520_ci";
    weights->Read(k_unicode_520_ci);
  } else if (is_utf8 && rest == "0900_ai_ci") {
    order->kind_ = Kind::kUnicode;
    order->pad_ = false;
    weights->Read(k_0900_ai_ci);
    weights->jamo = true;
  } else if (is_utf8 && (rest == "uca1400_ai_ci" || rest == "uca1400_nopad_ai_ci")) {
    order->kind_ = Kind::kUnicode;
    order->pad_ = rest == "uca1400_ai_ci";
    weights->Read(k_uca1400_ai_ci);
  } else if (CharsetMaxLength(order->charset_) == 1 && order->charset_ != Charset::kUnknown &&
             order->charset_ != Charset::kBinary) {
    const auto simple =
        std::find_if(std::begin(kSimpleWeights), std::end(kSimpleWeights),
                     [&](const SimpleWeights& entry) { return entry.collation == name; });
    found = simple != std::end(kSimpleWeights) || EndsWith(name, "_bin");
    if (found) {
      order->kind_ = Kind::kSimple;
      for (uint32_t byte = 0; byte < 256; ++byte) {
        std::string character;
        if (!AppendAsUtf8(character, std::string(1, static_cast<char>(byte)), order->charset_)) {
          continue;
        }
        const uint32_t weight = simple == std::end(kSimpleWeights)
                                    ? byte
                                    : Hex({simple->weights + size_t{2} * byte, 2});
        weights->by_character.try_emplace(Characters(character).front(),
                                          std::vector<uint32_t>{weight});
      }
    }
  } else {
    found = false;
  }
  if (!found) return nullptr;
  order->weights_ = weights.get();
  tables.push_back(std::move(weights));
  return known.emplace(std::string(name), std::move(order)).first->second.get();
}

void CollationOrder::AppendWeights(std::vector<uint32_t>& out, char32_t c) const {
  if (kind_ == Kind::kCharacters) {
    out.push_back(c);
    return;
  }
  if (const auto found = weights_->by_character.find(c); found != weights_->by_character.end()) {
    out.insert(out.end(), found->second.begin(), found->second.end());
    return;
  }
  if (kind_ == Kind::kGeneral) {
    out.push_back(c < 0x10000 ? c : 0xfffd);
    return;
  }
  if (kind_ == Kind::kSimple) {
    out.push_back(0x10000 + c);
    return;
  }
  if (weights_->jamo && c >= 0xac00 && c <= 0xd7a3) {
    const char32_t index = c - 0xac00;
    AppendWeights(out, 0x1100 + index / 588);
    AppendWeights(out, 0x1161 + index % 588 / 28);
    if (index % 28 != 0) AppendWeights(out, 0x11a7 + index % 28);
    return;
  }
  if (weights_->one_beyond_bmp && c >= 0x10000) {
    out.push_back(0xfffd);
    return;
  }
  // Han, and what is not in the tables: by code point.
  const bool unified = c >= 0x4e00 && c <= 0x9fff;
  const bool extension = (c >= 0x3400 && c <= 0x4dbf) || (c >= 0x20000 && c <= 0x2ffff);
  out.push_back((unified ? 0xfb40 : extension ? 0xfb80 : 0xfbc0) + (c >> 15));
  out.push_back((c & 0x7fff) | 0x8000);
}

int CollationOrder::Compare(std::string_view a, std::string_view b, bool pad) const {
  if (kind_ == Kind::kBytes) return a.compare(b);
  thread_local std::vector<uint32_t> left, right;
  left.clear();
  right.clear();
  for (const char32_t c : Characters(a)) AppendWeights(left, c);
  for (const char32_t c : Characters(b)) AppendWeights(right, c);
  const size_t common = std::min(left.size(), right.size());
  for (size_t i = 0; i < common; ++i) {
    if (left[i] != right[i]) return left[i] < right[i] ? -1 : 1;
  }
  if (left.size() == right.size()) return 0;
  const bool left_longer = left.size() > right.size();
  if (!pad) return left_longer ? 1 : -1;
  // The shorter text is as if it were filled with blanks.
  std::vector<uint32_t> blank;
  AppendWeights(blank, U' ');
  const std::vector<uint32_t>& longer = left_longer ? left : right;
  for (size_t i = common; i < longer.size(); ++i) {
    if (longer[i] != blank.front()) {
      return (longer[i] > blank.front()) == left_longer ? 1 : -1;
    }
  }
  return 0;
}

bool CollationOrder::Knows(char32_t c) const {
  return kind_ != Kind::kSimple || weights_->by_character.contains(c);
}

bool CollationOrder::SameCharacter(char32_t a, char32_t b) const {
  if (a == b) return true;
  if (is_binary()) return false;
  std::vector<uint32_t> left, right;
  AppendWeights(left, a);
  AppendWeights(right, b);
  return left == right;
}

}  // namespace dm::mysql::evaluate
