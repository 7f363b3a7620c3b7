// A place in a server's binlog: file name and offset; the grammar and order of file names.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dm::mysql {

// Offset of the first event of a binlog file: the length of its magic.
inline constexpr uint64_t kBinlogMinOffset = 4;

// File name (possibly with a relay suffix, "base|000002.000005") and the offset of the next event.
// The zero position (no file, offset 4) means "nothing yet" and is less than every other.
struct BinlogPosition {
  std::string file;
  uint64_t offset = kBinlogMinOffset;

  bool operator==(const BinlogPosition&) const = default;
  bool IsZero() const { return file.empty() && offset <= kBinlogMinOffset; }
  // "(mysql-bin.000003, 2345)".
  std::string ToString() const;
};

// Parses "mysql-bin.000003:2345" (command lines). Throws Error kBinlogParsePosFromStr.
BinlogPosition ParsePositionArgument(std::string_view text);
// Parses "(mysql-bin.000003, 2345)", brackets optional. Throws Error kBinlogParsePosFromStr.
BinlogPosition ParsePositionText(std::string_view text);

// The largest offset that a position dump can start at and that checkpoint tables hold: 32 bits.
// (The fail point binlog/short-offsets makes it 64 KiB, so that tests need no files of 4 GiB.)
uint64_t LargestShortOffset();

// The begin of the file behind `file`: the least place that is certainly after everything in it.
// nullopt if the name is no binlog name.
std::optional<BinlogPosition> BeginOfNextFile(std::string_view file);

// A real file name "base.seq" taken apart.
struct BinlogFileName {
  std::string base;
  std::string seq;  // as written, with its leading zeros
  uint64_t number = 0;

  std::string ToString() const { return base + "." + seq; }
};

// nullopt unless `name` is base "." digits with exactly one dot, a base and a number > 0.
std::optional<BinlogFileName> TryParseBinlogFileName(std::string_view name);
// The same, but throws Error kBinlogInvalidFilename.
BinlogFileName ParseBinlogFileName(std::string_view name);

// "mysql-bin|000002.000003" -> "mysql-bin.000003"; a name without relay suffix as it is.
std::string StripRelaySuffix(std::string_view name);
// Number of the relay sub-directory in the name; nullopt if there is none.
std::optional<uint32_t> RelaySuffix(std::string_view name);
// ("mysql-bin.000003", 2) -> "mysql-bin|000002.000003". A name that is no binlog name comes back
// unchanged.
std::string WithRelaySuffix(std::string_view name, uint32_t suffix);

// Order of file names: <0, 0, >0. Relay suffixes count only if both have one; sequence numbers
// compare as numbers; the empty name is the lowest.
int CompareFileNames(std::string_view a, std::string_view b);
// By file, then by offset.
int ComparePositions(const BinlogPosition& a, const BinlogPosition& b);

}  // namespace dm::mysql
