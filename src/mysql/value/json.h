// MySQL's binary JSON as text.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace dm::mysql {

// Appends the document's text just as the server prints it: member order as stored, a blank after
// each separator, integers and decimals exact, doubles with their shortest round-trip digits. An
// empty document is `null`.
// Throws Error on malformed bytes; never reads outside `document`, never recurses deeper than
// MySQL's limit of 100.
void AppendJson(std::string& out, std::span<const uint8_t> document);

// Appends a JSON string with quotes: escapes ", \ and control characters.
void AppendJsonString(std::string& out, std::string_view text);

}  // namespace dm::mysql
