#include "mysql/position/position.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>

#include "base/error/error.h"
#include "base/failpoint/failpoint.h"

namespace dm::mysql {
namespace {

constexpr char kRelaySeparator = '|';

std::optional<uint64_t> ParseDigits(std::string_view text) {
  if (text.empty() || text[0] < '0' || text[0] > '9') return std::nullopt;
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Offsets in text are those of tables and commands: 32 bits.
std::optional<uint64_t> ParseOffset(std::string_view text) {
  const auto value = ParseDigits(text);
  if (!value || *value > std::numeric_limits<uint32_t>::max()) return std::nullopt;
  return value;
}

[[noreturn]] void FailParse(std::string_view text) {
  throw Error(ErrorCode::kBinlogParsePosFromStr,
              fmt::format("invalid binlog pos: {} (the pos should be digital)", text));
}

int Sign(int value) { return (value > 0) - (value < 0); }

template <class T>
int CompareValues(const T& a, const T& b) {
  return a < b ? -1 : (b < a ? 1 : 0);
}

struct SplitName {
  std::string_view before, suffix, after;
};

// "mysql-bin|000002.000003" in its three parts; nullopt without a valid relay suffix.
std::optional<SplitName> SplitRelayName(std::string_view name) {
  const size_t bar = name.rfind(kRelaySeparator);
  if (bar == std::string_view::npos) return std::nullopt;
  const size_t dot = name.find('.', bar);
  if (dot == std::string_view::npos) return std::nullopt;
  const SplitName split{name.substr(0, bar), name.substr(bar + 1, dot - bar - 1), name.substr(dot)};
  const auto number = ParseDigits(split.suffix);
  if (!number || *number == 0 || *number > std::numeric_limits<uint32_t>::max()) {
    return std::nullopt;
  }
  return split;
}

int CompareStripped(std::string_view a, std::string_view b) {
  if (a.empty() || b.empty()) return static_cast<int>(b.empty()) - static_cast<int>(a.empty());
  const auto x = TryParseBinlogFileName(a);
  const auto y = TryParseBinlogFileName(b);
  if (!x || !y) return Sign(a.compare(b));
  if (const int c = Sign(x->base.compare(y->base)); c != 0) return c;
  return CompareValues(x->number, y->number);
}

}  // namespace

uint64_t LargestShortOffset() {
  // Switch: offsets of a binlog file seem large at 64 KiB.
  return DM_FAILPOINT_HIT("binlog/short-offsets") ? uint64_t{64} << 10
                                                  : std::numeric_limits<uint32_t>::max();
}

std::optional<BinlogPosition> BeginOfNextFile(std::string_view file) {
  const auto parsed = TryParseBinlogFileName(StripRelaySuffix(file));
  if (!parsed) return std::nullopt;
  std::string seq = std::to_string(parsed->number + 1);
  if (seq.size() < parsed->seq.size()) seq.insert(0, parsed->seq.size() - seq.size(), '0');
  std::string name = parsed->base + "." + seq;
  if (const auto suffix = RelaySuffix(file)) name = WithRelaySuffix(name, *suffix);
  return BinlogPosition{std::move(name), kBinlogMinOffset};
}

std::string BinlogPosition::ToString() const { return fmt::format("({}, {})", file, offset); }

BinlogPosition ParsePositionArgument(std::string_view text) {
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos || text.find(':', colon + 1) != std::string_view::npos) {
    FailParse(text);
  }
  const auto offset = ParseOffset(text.substr(colon + 1));
  if (!offset) FailParse(text);
  return {std::string(text.substr(0, colon)), *offset};
}

BinlogPosition ParsePositionText(std::string_view text) {
  std::string_view inner = text;
  if (inner.size() >= 2 && inner.front() == '(' && inner.back() == ')') {
    inner = inner.substr(1, inner.size() - 2);
  }
  const size_t comma = inner.find(", ");
  if (comma == std::string_view::npos || inner.find(", ", comma + 2) != std::string_view::npos) {
    FailParse(text);
  }
  const auto offset = ParseOffset(inner.substr(comma + 2));
  if (!offset) FailParse(text);
  return {std::string(inner.substr(0, comma)), *offset};
}

std::optional<BinlogFileName> TryParseBinlogFileName(std::string_view name) {
  const size_t dot = name.find('.');
  if (dot == 0 || dot == std::string_view::npos) return std::nullopt;
  const std::string_view seq = name.substr(dot + 1);
  const auto number = ParseDigits(seq);  // refuses a second dot, too
  if (!number || *number == 0) return std::nullopt;
  return BinlogFileName{std::string(name.substr(0, dot)), std::string(seq), *number};
}

BinlogFileName ParseBinlogFileName(std::string_view name) {
  auto parsed = TryParseBinlogFileName(name);
  if (!parsed) {
    throw Error(ErrorCode::kBinlogInvalidFilename, fmt::format("invalid binlog filename {}", name));
  }
  return *std::move(parsed);
}

std::string StripRelaySuffix(std::string_view name) {
  const auto split = SplitRelayName(name);
  if (!split) return std::string(name);
  return std::string(split->before) + std::string(split->after);
}

std::optional<uint32_t> RelaySuffix(std::string_view name) {
  const auto split = SplitRelayName(name);
  if (!split) return std::nullopt;
  return static_cast<uint32_t>(*ParseDigits(split->suffix));
}

std::string WithRelaySuffix(std::string_view name, uint32_t suffix) {
  const auto parsed = TryParseBinlogFileName(name);
  if (!parsed) return std::string(name);
  return fmt::format("{}{}{:06}.{}", parsed->base, kRelaySeparator, suffix, parsed->seq);
}

int CompareFileNames(std::string_view a, std::string_view b) {
  const auto x = RelaySuffix(a);
  const auto y = RelaySuffix(b);
  if (x && y) {
    // Which relay sub-directory decides first, then the file in it.
    if (const int c = CompareValues(*x, *y); c != 0) return c;
  }
  return CompareStripped(StripRelaySuffix(a), StripRelaySuffix(b));
}

int ComparePositions(const BinlogPosition& a, const BinlogPosition& b) {
  if (const int c = CompareFileNames(a.file, b.file); c != 0) return c;
  return CompareValues(a.offset, b.offset);
}

}  // namespace dm::mysql
