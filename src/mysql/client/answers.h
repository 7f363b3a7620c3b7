// Answers to statements as they stand in a socket; for the .cc files of this room only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace dm::mysql {

// What is at the begin of bytes that a server sent.
struct AnswersSeen {
  size_t count = 0;     // answers without rows, all of each
  bool others = false;  // behind them is an error, or rows
};
AnswersSeen SeeAnswers(std::span<const uint8_t> bytes);

}  // namespace dm::mysql
