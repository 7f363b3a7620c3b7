#include "migration/rules/name_pattern.h"

#include <fmt/format.h>
#include <re2/re2.h>
#include <unicode/uchar.h>

#include <stdexcept>
#include <utility>
#include <vector>

#include "base/io/utf8.h"

namespace dm::migration {
namespace {

char32_t Lower(char32_t c) {
  return c >= kRawByte ? c : static_cast<char32_t>(u_tolower(static_cast<UChar32>(c)));
}

// What one character of a name must be.
struct Place {
  bool any = false;
  bool set = false;                                   // written in brackets
  bool outside = false;                               // the set is what it must not be
  std::vector<std::pair<char32_t, char32_t>> ranges;  // a literal is a range of one

  bool Fits(char32_t c) const {
    if (any) return true;
    for (const auto& [low, high] : ranges) {
      if (c >= low && c <= high) return !outside;
    }
    return outside;
  }
  bool operator==(const Place&) const = default;
};

// The set between the brackets of `[...]`.
Place ParseSet(std::u32string_view set) {
  Place place;
  place.set = true;
  if (set.size() > 1 && set[0] == U'!') {
    place.outside = true;
    set.remove_prefix(1);
  }
  for (size_t i = 0; i < set.size(); ++i) {
    if (i + 2 < set.size() && set[i + 1] == U'-') {
      place.ranges.emplace_back(set[i], set[i + 2]);
      i += 2;
    } else {
      place.ranges.emplace_back(set[i], set[i]);
    }
  }
  return place;
}

}  // namespace

struct NamePattern::Impl {
  bool case_sensitive = false;
  std::unique_ptr<re2::RE2> regex;
  std::vector<Place> places;
  bool open_end = false;  // a final '*'
};

NamePattern::NamePattern(std::string_view text, bool case_sensitive, Regex regex) {
  auto impl = std::make_shared<Impl>();
  impl->case_sensitive = case_sensitive;
  if (regex == Regex::kAllowed && !text.empty() && text[0] == '~') {
    re2::RE2::Options options;
    options.set_case_sensitive(case_sensitive);
    options.set_log_errors(false);
    impl->regex =
        std::make_unique<re2::RE2>(re2::StringPiece(text.data() + 1, text.size() - 1), options);
    if (!impl->regex->ok()) {
      throw std::invalid_argument(
          fmt::format("error parsing regexp `{}`: {}", text.substr(1), impl->regex->error()));
    }
    impl_ = std::move(impl);
    return;
  }
  std::u32string pattern = Characters(text);
  if (!case_sensitive) {
    for (char32_t& c : pattern) c = Lower(c);
  }
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == U'*') {
      if (i + 1 != pattern.size()) {
        throw std::invalid_argument(fmt::format("pattern {} not valid", text));
      }
      impl->open_end = true;
      continue;
    }
    Place place;
    size_t close = std::u32string::npos;
    if (pattern[i] == U'[') close = pattern.find(U']', i + 1);
    if (close != std::u32string::npos) {
      place = ParseSet(std::u32string_view(pattern).substr(i + 1, close - i - 1));
      i = close;
    } else if (pattern[i] == U'?') {
      place.any = true;
    } else {
      place.ranges.emplace_back(pattern[i], pattern[i]);
    }
    impl->places.push_back(std::move(place));
  }
  impl_ = std::move(impl);
}

bool NamePattern::Matches(std::string_view name) const {
  if (impl_->regex) {
    return re2::RE2::PartialMatch(re2::StringPiece(name.data(), name.size()), *impl_->regex);
  }
  const std::u32string characters = Characters(name);
  if (impl_->open_end ? characters.size() < impl_->places.size()
                      : characters.size() != impl_->places.size()) {
    return false;
  }
  for (size_t i = 0; i < impl_->places.size(); ++i) {
    const char32_t c = impl_->case_sensitive ? characters[i] : Lower(characters[i]);
    if (!impl_->places[i].Fits(c)) return false;
  }
  return true;
}

bool NamePattern::GoesBefore(const NamePattern& other, std::string_view name) const {
  const size_t length = Characters(name).size();
  const auto rank = [&](const Impl& impl, size_t i) {
    if (i == impl.places.size()) return i == length && impl.open_end ? 1 : 0;
    return impl.places[i].any ? 1 : impl.places[i].set ? 2 : 3;
  };
  for (size_t i = 0; i <= length; ++i) {
    const int mine = rank(*impl_, i);
    const int theirs = rank(*other.impl_, i);
    if (mine != theirs) return mine < theirs;
    if (i >= impl_->places.size() || i >= other.impl_->places.size()) return false;
    if (mine == 2 && impl_->places[i] != other.impl_->places[i]) return false;
  }
  return false;
}

std::string LowerName(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (char32_t c : Characters(text)) AppendCharacter(out, Lower(c));
  return out;
}

}  // namespace dm::migration
