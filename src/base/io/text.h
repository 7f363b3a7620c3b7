// Small text forms shared by everything that talks to users: durations, sizes, quoting, splitting.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dm {

using Nanoseconds = std::chrono::nanoseconds;

// Parses a duration text: an optional sign and one or more number+unit pairs, units ns us µs ms s m
// h, fractions allowed ("1m30s", "1.5h", "-10ms"); "0" alone needs no unit. nullopt: not a duration
// or out of the range of 64-bit nanoseconds.
std::optional<Nanoseconds> ParseDuration(std::string_view text);

// As ParseDuration; throws std::invalid_argument with the texts users know:
// `time: invalid duration "abc"`, `time: missing unit in duration "5"`,
// `time: unknown unit "x" in duration "5x"`.
Nanoseconds ParseDurationOrThrow(std::string_view text);

// The shortest usual form, largest unit first, zero minutes and seconds kept: "1h0m0s", "1.5s",
// "100ms", "0s".
std::string FormatDuration(Nanoseconds duration);

// Parses a size: number, optional fraction, optional blank, optional unit b k m g t p (each also as
// kb, kib; any letter case), powers of 1024. nullopt: not a size, negative, or over 64 bits.
std::optional<uint64_t> ParseSize(std::string_view text);

// Human form of a byte count, powers of 1024: "0 B", "1.5 KiB", "64 MiB".
std::string FormatSize(uint64_t bytes);

// Text in double quotes with the escapes of Go's %q: \a \b \f \n \r \t \v \\ \" , other control
// characters and invalid UTF-8 bytes as \xNN, unprintable runes as \uNNNN.
std::string Quote(std::string_view text);

std::vector<std::string> Split(std::string_view text, char separator);
std::string Join(const std::vector<std::string>& parts, std::string_view separator);
// `names`, at most `most` of them: "a, b and 3 more".
std::string FewOf(const std::vector<std::string>& names, size_t most);
std::string_view Trim(std::string_view text);  // blanks, tabs, line ends at both ends
std::string ToLower(std::string_view text);    // ASCII only
std::string ToUpper(std::string_view text);    // ASCII only
bool EqualsIgnoreCase(std::string_view a, std::string_view b);  // ASCII only
bool IsValidUtf8(std::string_view text);
// Length of the valid UTF-8 character at the start of `text` (not empty); 0 if there is none. Its
// code point goes to `*rune` if that is not null.
size_t RuneLength(std::string_view text, uint32_t* rune = nullptr);

// Letters to change, add or remove to make one word of the other; letter case ignored.
size_t EditDistance(std::string_view a, std::string_view b);
// What somebody who wrote `word` may have meant: the candidate with the least distance, if that is
// small for a word of this length; the first of several.
std::optional<std::string> NearestWord(std::string_view word,
                                       const std::vector<std::string>& candidates);
// NearestWord as the end of a message: `, did you mean "x"?`; empty if there is none.
std::string DidYouMean(std::string_view word, const std::vector<std::string>& candidates);

// Unsigned decimal number that fills the whole text; nullopt otherwise.
std::optional<uint64_t> ParseUint(std::string_view text);
// Signed decimal number that fills the whole text; nullopt otherwise.
std::optional<int64_t> ParseInt(std::string_view text);

}  // namespace dm
