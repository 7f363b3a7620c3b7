// Inside of a Connection, for the .cc files of this room only.
#pragma once

#include <mysql.h>

#include <map>
#include <mutex>
#include <set>
#include <string>

#include "mysql/client/connection.h"
#include "mysql/client/failed_statement.h"

namespace dm::mysql {

// The libmariadb handle and what other threads may touch of it: a duplicate of its socket, which
// stays valid when libmariadb closes its own, so that Interrupt() never hits somebody else's file.
struct Connection::Link {
  Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;
  ~Link();

  // Takes a duplicate of the handle's socket as it is now; shuts it down at once if interrupted
  // meanwhile.
  void Attach();
  // Ends the use of the socket: shuts it down and forgets it. The handle stays for its error texts.
  void MarkBroken() noexcept;
  // Drops the handle. A healthy connection says goodbye to the server first.
  void Close() noexcept;
  void Interrupt() noexcept;
  bool interrupted() const;

  MYSQL* mysql = nullptr;
  bool broken = true;      // owner thread only
  int wake_fd = -1;        // eventfd, readable once interrupted: ends the wait while connecting
  uint64_t seen_read = 0;  // bytes already added to the counters
  uint64_t seen_written = 0;
  bool tls = false;
  Milliseconds waited{};  // for the answers to the last text of several statements
  // Statements for ExecuteBulk by their text.
  struct Prepared {
    MYSQL_STMT* statement;
    uint64_t used;  // at which call of PrepareBulk
  };
  std::map<std::string, Prepared, std::less<>> prepared;
  std::set<std::string, std::less<>> refused;  // by the server, for as long as the connection lasts
  uint64_t prepare_calls = 0;
  bool no_bulk = false;  // it has said that there is no sense in it

 private:
  mutable std::mutex mutex_;
  int fd_ = -1;
  bool interrupted_ = false;
};

// From here on a server that asks for a file of this machine gets nothing.
void RefuseLocalFiles(MYSQL* mysql);

// "Error 1062 (23000): Duplicate entry ..." of the handle's last error (RedactedMessage).
std::string ServerErrorText(MYSQL* mysql);
// The same of an error that is known by its parts; `state` may be empty.
std::string ServerErrorText(int number, std::string_view state, std::string_view message);
// Did the server itself send the error (and not libmariadb find it)?
bool IsServerError(unsigned number);
// Is it one of libmariadb's numbers for a lost connection?
bool IsLostError(unsigned number);
// Is it an error of the server behind which it closes the connection?
bool EndsConnection(unsigned number);
// Message of an error of this code about `statement`.
std::string DatabaseErrorMessage(ErrorCode code, std::string_view statement);

}  // namespace dm::mysql
