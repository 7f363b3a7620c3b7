#include "mysql/client/link.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log/sensitive.h"

namespace dm::mysql {

Connection::Link::Link() : wake_fd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (wake_fd < 0) throw Error(ErrorCode::kDBUnExpect, "no eventfd for a database connection");
}

Connection::Link::~Link() {
  Close();
  close(wake_fd);
}

void Connection::Link::Attach() {
  std::lock_guard lock(mutex_);
  if (fd_ >= 0) close(fd_);
  fd_ = fcntl(static_cast<int>(mysql_get_socket(mysql)), F_DUPFD_CLOEXEC, 3);
  if (fd_ < 0) throw Error(ErrorCode::kDBUnExpect, "socket of a database connection is gone");
  broken = false;
  if (interrupted_) shutdown(fd_, SHUT_RDWR);
}

void Connection::Link::MarkBroken() noexcept {
  std::lock_guard lock(mutex_);
  broken = true;
  if (fd_ < 0) return;
  shutdown(fd_, SHUT_RDWR);
  close(fd_);
  fd_ = -1;
}

void Connection::Link::Close() noexcept {
  if (mysql != nullptr) {
    if (broken) MarkBroken();
    mysql_close(mysql);
    mysql = nullptr;
    // The server has forgotten them: nothing is sent.
    for (const auto& [sql, known] : prepared) mysql_stmt_close(known.statement);
    prepared.clear();
  }
  MarkBroken();
}

void Connection::Link::Interrupt() noexcept {
  std::lock_guard lock(mutex_);
  interrupted_ = true;
  if (fd_ >= 0) shutdown(fd_, SHUT_RDWR);
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(wake_fd, &one, sizeof(one));
}

bool Connection::Link::interrupted() const {
  std::lock_guard lock(mutex_);
  return interrupted_;
}

bool IsServerError(unsigned number) {
  return number != 0 && (number < 2000 || number >= 3000) && (number < 5000 || number >= 5100);
}

bool IsLostError(unsigned number) {
  switch (number) {
    case 2006:  // CR_SERVER_GONE_ERROR
    case 2013:  // CR_SERVER_LOST
    case 2014:  // CR_COMMANDS_OUT_OF_SYNC: an answer was left unread
    case 2027:  // CR_MALFORMED_PACKET
    case 2055:  // CR_SERVER_LOST_EXTENDED
      return true;
    default:
      return false;
  }
}

bool EndsConnection(unsigned number) {
  switch (number) {
    case 1053:  // shutdown in progress
    case 1077:  // normal shutdown
    case 1078:  // aborted by a signal
    case 1079:  // shutdown complete
    case 1080:  // forced to close a thread
    case 1152:  // connection aborted; 1153 (packet too large) is about the statement
    case 1154:
    case 1155:
    case 1156:
    case 1157:
    case 1158:
    case 1159:
    case 1160:
    case 1161:
    case 1927:
    case 4031:
      return true;
    default:
      return false;
  }
}

std::string ServerErrorText(MYSQL* mysql) {
  const char* state = mysql_sqlstate(mysql);
  return ServerErrorText(static_cast<int>(mysql_errno(mysql)), state == nullptr ? "" : state,
                         mysql_error(mysql));
}

std::string ServerErrorText(int number, std::string_view state, std::string_view message) {
  const std::string text = RedactedMessage(number, message);
  if (state.empty()) return fmt::format("Error {}: {}", number, text);
  return fmt::format("Error {} ({}): {}", number, state, text);
}

std::string CutStatement(std::string_view statement) {
  constexpr size_t kLimit = 1024;
  if (statement.size() <= kLimit) return std::string(statement);
  return fmt::format("{}...", statement.substr(0, kLimit));
}

std::string StatementOf(const Error& error) {
  for (const ErrorCode code : {ErrorCode::kDBQueryFailed, ErrorCode::kDBExecuteFailed}) {
    const std::string before = DatabaseErrorMessage(code, "");
    if (error.code() == static_cast<int>(code) && error.message().starts_with(before)) {
      return error.message().substr(before.size());
    }
  }
  return "";
}

std::string DatabaseErrorMessage(ErrorCode code, std::string_view statement) {
  switch (code) {
    case ErrorCode::kDBQueryFailed:
      return "query statement failed: " + CutStatement(statement);
    case ErrorCode::kDBExecuteFailed:
      return "execute statement failed: " + CutStatement(statement);
    case ErrorCode::kDBExecuteFailedBegin:
      return "begin transaction failed";
    case ErrorCode::kDBDriverError:
      return "database driver error";
    case ErrorCode::kDBBadConn:
    case ErrorCode::kDBInvalidConn:
      return "database driver error";
    default:
      return std::string(statement);
  }
}

}  // namespace dm::mysql
