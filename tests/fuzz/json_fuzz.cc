// Any bytes as MySQL's binary JSON: an error, or a text that a JSON parser takes.
#include <nlohmann/json.hpp>
#include <string>

#include "mysql/value/json.h"
#include "target.h"

DM_FUZZ_TARGET(json) {
  // A buffer of its own: the sanitizer sees a read behind the document.
  const std::vector<uint8_t> document(input.begin(), input.end());
  std::string out = "before";
  try {
    dm::mysql::AppendJson(out, document);
  } catch (const dm::Error&) {
    return;
  }
  dm::fuzz::Require(out.starts_with("before"), "what was there stays");
  for (const unsigned char c : out) {
    dm::fuzz::Require(c >= 0x20 || c == '\t', "control characters are escaped");
    if (c >= 0x80) return;  // strings are copied as they are: the parser below wants UTF-8
  }
  dm::fuzz::Require(nlohmann::json::accept(out.substr(6)), "the text is JSON");
}
