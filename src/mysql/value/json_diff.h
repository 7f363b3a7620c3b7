// Changes of a binary JSON document, as partial updates carry them.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace dm::mysql {

// Applies a list of differences to a document and returns the new document, binary as well (MySQL
// internals, Json_diff_vector). Its containers are of the large kind, whatever a server would
// choose; its text is the same. Throws Error 11054 on malformed bytes and on a path that does not
// lead anywhere.
std::string ApplyJsonDiffs(std::span<const uint8_t> document, std::span<const uint8_t> diffs);

}  // namespace dm::mysql
