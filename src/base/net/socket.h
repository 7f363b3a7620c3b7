// TCP and Unix sockets with time limits and stop tokens. Failures of the system are SystemError
// ("dial tcp 127.0.0.1:1: connect: connection refused"); an elapsed limit is SystemError with
// ETIMEDOUT; a stop ends every wait at once by Cancelled. All sockets are non-blocking and
// close-on-exec.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/io/file_descriptor.h"
#include "base/thread/stop.h"

namespace dm {

// No limit: only the stop token ends the wait.
inline constexpr Milliseconds kNoTimeout = Milliseconds::max();

// Listens on "host:port" (empty host: all addresses; port 0: any free one).
FileDescriptor ListenTcp(std::string_view address);
// Listens on a Unix socket; a file left behind at `path` is replaced.
FileDescriptor ListenUnix(const std::string& path);
// Port a TCP socket is bound to.
uint16_t LocalPort(int fd);

// Next connection of a listening socket.
FileDescriptor Accept(int listener, const StopToken& stop);

// Connects to "host:port", trying the host's addresses in order within one limit.
FileDescriptor ConnectTcp(std::string_view address, Milliseconds timeout, const StopToken& stop);
FileDescriptor ConnectUnix(const std::string& path, Milliseconds timeout, const StopToken& stop);

// Wait until a read (a write) would not block.
void WaitReadable(int fd, Milliseconds timeout, const StopToken& stop);
void WaitWritable(int fd, Milliseconds timeout, const StopToken& stop);

// Reads what is there, waiting for at least one byte; 0 means that the peer has closed.
size_t ReadSome(int fd, std::span<char> buffer, Milliseconds timeout, const StopToken& stop);
// Writes everything; the limit holds for each wait.
void WriteAll(int fd, std::string_view data, Milliseconds timeout, const StopToken& stop);

// Whether something accepts connections at "host:port" within the limit.
bool IsReachable(std::string_view address, Milliseconds timeout, const StopToken& stop);

}  // namespace dm
