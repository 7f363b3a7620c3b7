#include "base/net/socket.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <list>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <utility>

#include "base/error/error.h"
#include "base/error/system_error.h"
#include "base/net/address.h"

namespace dm {
namespace {

constexpr int kBacklog = 1024;

SteadyClock::time_point DeadlineAfter(Milliseconds timeout) {
  return timeout == kNoTimeout ? SteadyClock::time_point::max() : SteadyClock::now() + timeout;
}

// Waits for `events` on the descriptor; the stop token wakes the poll through an event descriptor.
// False: the deadline has passed.
bool PollUntil(int fd, short events, SteadyClock::time_point deadline, const StopToken& stop) {
  ThrowIfStopped(stop);
  FileDescriptor wake;
  if (stop.stop_possible()) {
    wake = FileDescriptor(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!wake.valid()) throw SystemError("eventfd", "", errno);
  }
  int wake_fd = wake.get();
  StopCallback on_stop(stop, [wake_fd] {
    uint64_t one = 1;
    // The counter of a fresh event descriptor cannot overflow, so this write cannot fail.
    [[maybe_unused]] ssize_t written = ::write(wake_fd, &one, sizeof one);
  });
  pollfd fds[2] = {{fd, events, 0}, {wake_fd, POLLIN, 0}};
  for (;;) {
    int wait_ms = -1;
    if (deadline != SteadyClock::time_point::max()) {
      auto left = std::chrono::ceil<Milliseconds>(deadline - SteadyClock::now()).count();
      wait_ms = static_cast<int>(std::clamp<int64_t>(left, 0, 3'600'000));
    }
    int ready = ::poll(fds, 2, wait_ms);
    if (ready < 0 && errno != EINTR) throw SystemError("poll", "", errno);
    ThrowIfStopped(stop);
    if (ready > 0 && fds[0].revents != 0) return true;
    if (deadline != SteadyClock::time_point::max() && SteadyClock::now() >= deadline) return false;
  }
}

struct AddressListDeleter {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};
using AddressList = std::unique_ptr<addrinfo, AddressListDeleter>;

// One question to the system's resolver. It blocks, for as long as dead name servers make it, so it
// is asked on a thread of the C library, which keeps what it works on until it is done.
struct Lookup {
  Lookup(const HostPort& where, int flags) : host(where.host), port(where.port) {
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = flags;
    request.ar_name = host.empty() ? nullptr : host.c_str();
    request.ar_service = port.c_str();
    request.ar_request = &hints;
  }
  ~Lookup() {
    if (request.ar_result != nullptr) ::freeaddrinfo(request.ar_result);
  }
  Lookup(const Lookup&) = delete;
  Lookup& operator=(const Lookup&) = delete;

  std::string host;
  std::string port;
  addrinfo hints{};
  gaicb request{};
};

// Keeps a question that nobody waits for any more until the library is done with it.
void Abandon(std::unique_ptr<Lookup> lookup) {
  struct Abandoned {
    std::mutex mutex;
    std::list<std::unique_ptr<Lookup>> lookups;
  };
  static auto& abandoned = *new Abandoned;  // never destroyed: the library may still work on them
  std::lock_guard lock(abandoned.mutex);
  std::erase_if(abandoned.lookups,
                [](const auto& old) { return ::gai_error(&old->request) != EAI_INPROGRESS; });
  if (::gai_cancel(&lookup->request) == EAI_NOTCANCELED) {
    abandoned.lookups.push_back(std::move(lookup));
  }
}

// The result code of getaddrinfo. Throws SystemError ETIMEDOUT at the deadline, Cancelled.
int LookUp(const HostPort& where, int flags, SteadyClock::time_point deadline,
           const StopToken& stop, std::string_view operation, AddressList& list) {
  auto lookup = std::make_unique<Lookup>(where, flags);
  gaicb* requests[] = {&lookup->request};
  if (const int rc = ::getaddrinfo_a(GAI_NOWAIT, requests, 1, nullptr); rc != 0) return rc;
  constexpr timespec kSlice{0, 20'000'000};  // how soon a stop is seen
  int rc = 0;
  while ((rc = ::gai_error(&lookup->request)) == EAI_INPROGRESS) {
    if (stop.stop_requested() || SteadyClock::now() >= deadline) {
      Abandon(std::move(lookup));
      ThrowIfStopped(stop);
      throw SystemError(std::string(operation) + " tcp " + JoinHostPort(where.host, where.port) +
                            ": lookup " + where.host,
                        "", ETIMEDOUT);
    }
    const gaicb* waiting[] = {&lookup->request};
    ::gai_suspend(waiting, 1, &kSlice);
  }
  if (rc == 0) list.reset(std::exchange(lookup->request.ar_result, nullptr));
  return rc;
}

AddressList Resolve(const HostPort& where, int flags, std::string_view operation,
                    SteadyClock::time_point deadline, const StopToken& stop) {
  // A number needs no resolver.
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags | AI_NUMERICHOST;
  addrinfo* numeric = nullptr;
  const char* host = where.host.empty() ? nullptr : where.host.c_str();
  if (::getaddrinfo(host, where.port.c_str(), &hints, &numeric) == 0) return AddressList(numeric);
  AddressList list;
  int rc = LookUp(where, flags | AI_ADDRCONFIG, deadline, stop, operation, list);
  if (rc == EAI_ADDRFAMILY || rc == EAI_NONAME) {
    // Without the wish for configured families: loopback alone is not "configured".
    rc = LookUp(where, flags, deadline, stop, operation, list);
  }
  if (rc != 0) {
    throw std::runtime_error(std::string(operation) + " tcp " +
                             JoinHostPort(where.host, where.port) + ": lookup " + where.host +
                             ": " + ::gai_strerror(rc));
  }
  return list;
}

FileDescriptor NewSocket(int family, int protocol) {
  FileDescriptor fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol));
  if (!fd.valid()) throw SystemError("socket", "", errno);
  return fd;
}

void SetOption(int fd, int level, int option, int value) {
  if (::setsockopt(fd, level, option, &value, sizeof value) != 0) {
    throw SystemError("setsockopt", "", errno);
  }
}

void Bind(int fd, const sockaddr* address, socklen_t size, const std::string& operation) {
  if (::bind(fd, address, size) != 0) throw SystemError(operation + ": bind", "", errno);
  if (::listen(fd, kBacklog) != 0) throw SystemError(operation + ": listen", "", errno);
}

// The text users know for a failed connect; a time limit has no system call to blame.
SystemError DialError(std::string_view network, std::string_view address, int error) {
  std::string operation = "dial " + std::string(network) + " " + std::string(address);
  return {error == ETIMEDOUT ? operation : operation + ": connect", "", error};
}

// errno of the attempt; 0: connected.
int TryConnect(int fd, const sockaddr* address, socklen_t size, SteadyClock::time_point deadline,
               const StopToken& stop) {
  if (::connect(fd, address, size) == 0) return 0;
  if (errno != EINPROGRESS && errno != EINTR) return errno;
  if (!PollUntil(fd, POLLOUT, deadline, stop)) return ETIMEDOUT;
  int error = 0;
  socklen_t length = sizeof error;
  if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0) return errno;
  return error;
}

sockaddr_un UnixAddress(const std::string& path, std::string_view operation) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    throw SystemError(std::string(operation) + " unix", path, ENAMETOOLONG);
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

}  // namespace

FileDescriptor ListenTcp(std::string_view address) {
  HostPort where = SplitHostPort(address);
  AddressList list =
      Resolve(where, AI_PASSIVE, "listen", SteadyClock::time_point::max(), StopToken());
  // With an empty host the IPv6 wildcard serves both families where the system has IPv6.
  const addrinfo* chosen = list.get();
  for (const addrinfo* a = list.get(); where.host.empty() && a != nullptr; a = a->ai_next) {
    if (a->ai_family == AF_INET6) chosen = a;
  }
  FileDescriptor fd = NewSocket(chosen->ai_family, chosen->ai_protocol);
  SetOption(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  if (chosen->ai_family == AF_INET6) {
    SetOption(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, where.host.empty() ? 0 : 1);
  }
  Bind(fd.get(), chosen->ai_addr, chosen->ai_addrlen, "listen tcp " + std::string(address));
  return fd;
}

FileDescriptor ListenUnix(const std::string& path) {
  sockaddr_un address = UnixAddress(path, "listen");
  FileDescriptor fd = NewSocket(AF_UNIX, 0);
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) throw SystemError("remove", path, errno);
  Bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address,
       "listen unix " + path);
  return fd;
}

uint16_t LocalPort(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    throw SystemError("getsockname", "", errno);
  }
  // The port stands at the same place in both families.
  return ntohs(reinterpret_cast<const sockaddr_in*>(&address)->sin_port);
}

FileDescriptor Accept(int listener, const StopToken& stop) {
  for (;;) {
    PollUntil(listener, POLLIN, SteadyClock::time_point::max(), stop);
    FileDescriptor fd(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (fd.valid()) return fd;
    switch (errno) {
      case EAGAIN:
      case EINTR:
      case ECONNABORTED:  // the peer has given up meanwhile
      case EPROTO:
        continue;
      case EMFILE:
      case ENFILE:
      case ENOBUFS:
      case ENOMEM:
        WaitFor(Milliseconds(50), stop);  // others may give something back
        continue;
      default:
        throw SystemError("accept", "", errno);
    }
  }
}

FileDescriptor ConnectTcp(std::string_view address, Milliseconds timeout, const StopToken& stop) {
  SteadyClock::time_point deadline = DeadlineAfter(timeout);
  HostPort where = SplitHostPort(address);
  if (where.host.empty()) where.host = "localhost";
  AddressList list = Resolve(where, 0, "dial", deadline, stop);
  int error = ETIMEDOUT;
  for (const addrinfo* a = list.get(); a != nullptr; a = a->ai_next) {
    FileDescriptor fd = NewSocket(a->ai_family, a->ai_protocol);
    error = TryConnect(fd.get(), a->ai_addr, a->ai_addrlen, deadline, stop);
    if (error == 0) {
      SetOption(fd.get(), IPPROTO_TCP, TCP_NODELAY, 1);
      return fd;
    }
  }
  throw DialError("tcp", address, error);
}

FileDescriptor ConnectUnix(const std::string& path, Milliseconds timeout, const StopToken& stop) {
  sockaddr_un address = UnixAddress(path, "dial");
  FileDescriptor fd = NewSocket(AF_UNIX, 0);
  SteadyClock::time_point deadline = DeadlineAfter(timeout);
  for (;;) {
    int error = TryConnect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address,
                           deadline, stop);
    if (error == 0) return fd;
    // A Unix socket answers EAGAIN while the listener's queue is full.
    if (error != EAGAIN || SteadyClock::now() >= deadline) {
      throw DialError("unix", path, error == EAGAIN ? ETIMEDOUT : error);
    }
    WaitFor(Milliseconds(10), stop);
  }
}

void WaitReadable(int fd, Milliseconds timeout, const StopToken& stop) {
  if (!PollUntil(fd, POLLIN, DeadlineAfter(timeout), stop))
    throw SystemError("read", "", ETIMEDOUT);
}

void WaitWritable(int fd, Milliseconds timeout, const StopToken& stop) {
  if (!PollUntil(fd, POLLOUT, DeadlineAfter(timeout), stop)) {
    throw SystemError("write", "", ETIMEDOUT);
  }
}

size_t ReadSome(int fd, std::span<char> buffer, Milliseconds timeout, const StopToken& stop) {
  for (;;) {
    ssize_t got = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (got >= 0) return static_cast<size_t>(got);
    if (errno == EAGAIN) {
      WaitReadable(fd, timeout, stop);
    } else if (errno != EINTR) {
      throw SystemError("read", "", errno);
    }
  }
}

void WriteAll(int fd, std::string_view data, Milliseconds timeout, const StopToken& stop) {
  while (!data.empty()) {
    ssize_t written = ::send(fd, data.data(), data.size(), MSG_NOSIGNAL);
    if (written >= 0) {
      data.remove_prefix(static_cast<size_t>(written));
    } else if (errno == EAGAIN) {
      WaitWritable(fd, timeout, stop);
    } else if (errno != EINTR) {
      throw SystemError("write", "", errno);
    }
  }
}

bool IsReachable(std::string_view address, Milliseconds timeout, const StopToken& stop) {
  try {
    return ConnectTcp(address, timeout, stop).valid();
  } catch (const std::runtime_error&) {  // refused, unknown host, elapsed: all mean "no"
    return false;
  }
}

}  // namespace dm
