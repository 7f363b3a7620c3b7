// The binary form of JSON documents, as far as its readers share it (MySQL internals,
// json_binary.h). For this room only.
#pragma once

#include <cstdint>

namespace dm::mysql::json_binary {

// MySQL's limit of nested values.
inline constexpr int kMaxDepth = 100;

// Type bytes.
enum : uint8_t {
  kSmallObject = 0x00,
  kLargeObject = 0x01,
  kSmallArray = 0x02,
  kLargeArray = 0x03,
  kLiteral = 0x04,
  kInt16 = 0x05,
  kUint16 = 0x06,
  kInt32 = 0x07,
  kUint32 = 0x08,
  kInt64 = 0x09,
  kUint64 = 0x0a,
  kDoubleType = 0x0b,
  kStringType = 0x0c,
  kOpaque = 0x0f,
};

}  // namespace dm::mysql::json_binary
