// Texts and bytes in the notations of other formats: JSON, TOML, base64.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace dm {

// What is escaped in a JSON string beside quotes, backslashes and control characters.
struct JsonEscapes {
  bool html = true;            // `<`, `>` and `&`
  bool short_controls = true;  // backspace and form feed are \b and \f, else \u0008 and \u000c
};

// Appends `text` as a JSON string with quotes. U+2028 and U+2029 are escaped too; every byte that
// is no valid UTF-8 becomes the escape \ufffd.
void AppendJsonString(std::string& out, std::string_view text, JsonEscapes escapes = {});

// `text` as a basic string of TOML, with quotes.
std::string QuoteToml(std::string_view text);

// Standard base64 with padding.
std::string EncodeBase64(std::string_view bytes);
// The bytes of standard base64 with padding, which may have line breaks; nullopt if `text` is not
// that.
std::optional<std::string> DecodeBase64(std::string_view text);

}  // namespace dm
