#include "mysql/value/vector_text.h"

#include <fmt/format.h>

#include <cstring>
#include <iterator>

#include "base/error/error.h"

namespace dm::mysql {

bool IsVector(std::string_view bytes) { return bytes.size() % sizeof(float) == 0; }

void AppendVectorText(std::string& out, std::string_view bytes) {
  if (!IsVector(bytes)) {
    throw Error(ErrorCode::kBinlogEventDecode,
                fmt::format("a VECTOR value of {} bytes", bytes.size()));
  }
  out += '[';
  for (size_t at = 0; at < bytes.size(); at += sizeof(float)) {
    if (at > 0) out += ',';
    float value;
    std::memcpy(&value, bytes.data() + at, sizeof(value));
    fmt::format_to(std::back_inserter(out), "{}", value);  // shortest single precision
  }
  out += ']';
}

}  // namespace dm::mysql
