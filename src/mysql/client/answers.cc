// Waiting for the answers to many statements without being woken by each of them.
#include <mysql.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "mysql/client/answers.h"
#include "mysql/client/connection.h"
#include "mysql/client/link.h"

namespace dm::mysql {

namespace {

constexpr size_t kHead = 4;             // of a packet: length in three bytes, number
constexpr size_t kSmallestAnswer = 11;  // a head, and an OK without numbers or texts
// Bytes to be waited for at once, at most: far less than a socket takes.
constexpr size_t kMost = 32 << 10;
// A wait in which less comes than was asked for: is it an error? To look costs more than all else,
// so not before most answers have come.
constexpr Milliseconds kQuiet{5};
constexpr Milliseconds kLongestQuiet{100};
constexpr int kPatience = 2;  // times what the answers before these took

}  // namespace

AnswersSeen SeeAnswers(std::span<const uint8_t> bytes) {
  AnswersSeen seen;
  while (bytes.size() > kHead) {
    const size_t size = bytes[0] | size_t{bytes[1]} << 8 | size_t{bytes[2]} << 16;
    if (bytes[kHead] != 0) {
      seen.others = true;
      return seen;
    }
    if (bytes.size() < kHead + size) break;
    ++seen.count;
    bytes = bytes.subspan(kHead + size);
  }
  return seen;
}

void Connection::NoteAnswerText() {
  const char* text = has_texts_ ? mysql_info(link_->mysql) : nullptr;
  if (text == nullptr) return;
  const size_t size = 1 + std::strlen(text);  // behind its length
  if (answer_text_ == 0 || size < answer_text_) answer_text_ = size;
}

bool WaitForAnswers(int fd, bool encrypted, size_t statements, size_t expected,
                    Milliseconds timeout, Milliseconds usual) {
  const auto wake_at = [fd](size_t bytes) {
    const int value = static_cast<int>(bytes);
    return setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &value, sizeof(value)) == 0;
  };
  bool as_expected = true;
  const auto begin = SteadyClock::now();
  const Milliseconds first_quiet = std::clamp(usual, kQuiet, kLongestQuiet);
  Milliseconds quiet = first_quiet;
  thread_local std::vector<uint8_t> buffer(kMost);
  while (wake_at(std::min(expected, kMost))) {
    pollfd waiting = {fd, POLLIN | POLLRDHUP, 0};
    const int ready = poll(&waiting, 1, static_cast<int>(quiet.count()));
    if (ready < 0 && errno == EINTR) continue;
    if (ready < 0 || (waiting.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0) break;
    const ssize_t there = recv(fd, buffer.data(), buffer.size(), MSG_PEEK | MSG_DONTWAIT);
    const size_t bytes = there > 0 ? static_cast<size_t>(there) : 0;
    // What is encrypted cannot be told.
    if (bytes >= kMost || (encrypted && (ready > 0 || bytes > 0))) break;
    const AnswersSeen seen = SeeAnswers(std::span(buffer).first(bytes));
    if (seen.count >= statements && bytes < expected) as_expected = false;
    if (seen.others || seen.count >= statements) break;
    // Sooner than asked for: no more can come until this is read (the window, memory), or the
    // kernel does not count.
    if (ready > 0 && bytes < std::min(expected, kMost)) break;
    if (timeout.count() > 0 && SteadyClock::now() - begin >= timeout) break;
    expected = bytes + (statements - seen.count) * kSmallestAnswer;
    quiet = ready > 0 ? first_quiet : std::min(quiet * 2, kLongestQuiet);
  }
  wake_at(1);
  return as_expected;
}

void Connection::AwaitAnswers(size_t statements, size_t counted) {
  const size_t texts = has_texts_ ? counted * answer_text_ : 0;
  const auto begin = SteadyClock::now();
  if (!WaitForAnswers(static_cast<int>(mysql_get_socket(link_->mysql)), link_->tls, statements,
                      statements * kSmallestAnswer + texts, options_.read_timeout,
                      link_->waited * kPatience)) {
    has_texts_ = false;
  }
  link_->waited = std::chrono::duration_cast<Milliseconds>(SteadyClock::now() - begin);
}

}  // namespace dm::mysql
