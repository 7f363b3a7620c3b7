// Answers to statements as they stand in a socket; for the .cc files of this room only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/thread/stop.h"

namespace dm::mysql {

// What is at the begin of bytes that a server sent.
struct AnswersSeen {
  size_t count = 0;     // answers without rows, all of each
  bool others = false;  // behind them is an error, or rows
};
AnswersSeen SeeAnswers(std::span<const uint8_t> bytes);

// Sleeps until so many statements can have been answered, by `expected` bytes, or until somebody
// has to read what is there: nothing is read here. `encrypted`: until anything is there. `timeout`:
// at most; 0: no limit. `usual`: what the answers take as a rule; whether an error is why there are
// fewer is looked at after that, if it is between 5 and 100 ms. False: all are answered, by fewer
// bytes than expected.
bool WaitForAnswers(int fd, bool encrypted, size_t statements, size_t expected,
                    Milliseconds timeout, Milliseconds usual);

}  // namespace dm::mysql
