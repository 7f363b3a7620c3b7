// The one JSON layout of protobuf messages in this product: what dmctl prints and scripts match.
#pragma once

#include <string>
#include <string_view>

namespace google::protobuf {
class Message;
}

namespace dm::cluster {

struct PrintOptions {
  // Blanks a level: 4 for dmctl, 2 for the HTTP gateway.
  int indent = 4;
  // False: `<`, `>` and `&` are printed plainly instead of as \u003c, \u003e, \u0026.
  bool escape_html = true;
};

// JSON of `message`: fields in declaration order under their declared names, every field present
// also when it has its default (absent message and empty bytes: null; a oneof that is not set:
// nothing), 64-bit integers as strings, enums by name, bytes as base64, an empty list as two
// brackets on two lines. No newline at the end.
std::string PrintJson(const google::protobuf::Message& message, const PrintOptions& options = {});

// Shortest decimal form of `value` as the reference prints it: exponent form only below 1e-6 or
// from 1e21; NaN and infinities as quoted words.
std::string JsonNumber(double value);

// Replaces every invalid UTF-8 byte in all string fields of `message` by U+FFFD, recursively. To be
// called before a message whose texts may come from a database is sent.
void RepairUtf8(google::protobuf::Message& message);

}  // namespace dm::cluster
