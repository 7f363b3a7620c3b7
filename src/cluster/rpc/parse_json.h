// The way back from JSON and URLs to messages, as the HTTP gateway takes them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace google::protobuf {
class EnumDescriptor;
class Message;
}  // namespace google::protobuf

namespace dm::cluster {

// Sets the fields of `message` that the JSON object `text` names, by their declared or lowerCamel
// name. Enums come as name or number, 64-bit integers as number or string, bytes as base64; null
// and unknown members are passed over; an empty text names nothing. Throws Error whose message
// tells what is wrong; the message may be half filled then. More than 100 levels are refused.
void ParseJson(std::string_view text, google::protobuf::Message* message);

// Sets one field from the texts of a URL; a field that is not repeated takes the last one. False:
// there is no such field. Throws Error.
bool SetFieldFromUrl(google::protobuf::Message* message, std::string_view name,
                     const std::vector<std::string>& values);

// Takes %XX and (with `plus`) + apart. Throws Error if an escape is broken.
std::string DecodeUrl(std::string_view text, bool plus);

}  // namespace dm::cluster
