// Where binlog events come from.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/thread/stop.h"
#include "mysql/binlog/events.h"
#include "mysql/binlog/raw_event.h"
#include "mysql/client/connection.h"
#include "mysql/position/gtid_set.h"
#include "mysql/position/position.h"

namespace dm::mysql {

// A stream of events in log order, fake ROTATEs, FORMAT_DESCRIPTIONs and heartbeats included. One
// owner thread.
class EventSource {
 public:
  virtual ~EventSource() = default;
  // The next event; blocks until there is one. Checksums are verified. Throws Error (10003 and the
  // like when the stream is lost, the server's own when it refuses), Cancelled.
  virtual RawEvent Next(const StopToken& stop) = 0;
  // Description by which the event returned last is to be decoded.
  virtual const FormatDescription& format() const = 0;
};

// A server's dump of its log. Exactly one of StartAt and StartAfter begins it, once.
class DumpSource : public EventSource {
 public:
  virtual void StartAt(const BinlogPosition& position, const StopToken& stop) = 0;
  virtual void StartAfter(const GtidSet& executed, const StopToken& stop) = 0;
  // Of the server that the stream comes from, see ServerIdentity.
  virtual const std::string& identity() const = 0;
  // Id of the connection upstream, for KILL.
  virtual uint64_t connection_id() const = 0;
};

struct NetworkSourceOptions {
  ConnectOptions connection;  // scope is set to upstream
  Flavor flavor = Flavor::kMySql;
  uint32_t server_id = 0;    // of this client; see PickServerId
  std::string replica_host;  // shown in SHOW REPLICAS; cut to 60 bytes
  bool verify_checksum = true;
  bool non_blocking = false;  // end with EndOfLog at the end of the log
  Milliseconds heartbeat_period{30'000};
  Milliseconds read_timeout{60'000};
  Milliseconds connect_timeout{10'000};
};

// The end of the log of a non-blocking dump.
class EndOfLog : public std::exception {
 public:
  const char* what() const noexcept override { return "end of the binlog"; }
};

// Registers as a replica and reads the server's dump. Does not reconnect: a lost stream is an Error
// and a new source is opened by whoever knows where to go on.
class NetworkEventSource : public DumpSource {
 public:
  // Connects and registers. Throws Error, Cancelled.
  static std::unique_ptr<NetworkEventSource> Connect(const NetworkSourceOptions& options,
                                                     const StopToken& stop);
  ~NetworkEventSource() override;

  // The relay suffix of a file name must be stripped already. An offset below 4 becomes 4; one
  // beyond 32 bits is refused (the protocol has no room for it).
  void StartAt(const BinlogPosition& position, const StopToken& stop) override;
  void StartAfter(const GtidSet& executed, const StopToken& stop) override;

  RawEvent Next(const StopToken& stop) override;
  const FormatDescription& format() const override;
  const std::string& identity() const override;
  uint64_t connection_id() const override;
  // Ends a blocked Next() from any thread.
  void Interrupt() noexcept;

 private:
  struct State;
  explicit NetworkEventSource(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Tells one upstream server from others, whose positions mean something else: its server_uuid, or
// for MariaDB "<server id>@<host>:<port>" as it names itself. Throws Error, Cancelled.
std::string ServerIdentity(Connection& upstream, Flavor flavor, const StopToken& stop);

// An id that neither the upstream nor one of its replicas uses: `wanted`, if that is not 0; else,
// or if it is taken, a random one in [429496729, 429496729 + 100000). Says in the log who has the
// wanted one; a replica that is called `host` is of the same program. Throws Error 11015 if none
// can be found.
uint32_t PickServerId(Connection& upstream, Flavor flavor, const StopToken& stop,
                      uint32_t wanted = 0, std::string_view host = "");

// What kind of refusal a server's error on a dump is.
enum class DumpRefusal {
  kNone,           // not a refusal: connection trouble or another error
  kPurged,         // the wanted binlog or transactions are gone; retrying cannot help
  kBadPosition,    // not an event boundary, past the end, corrupt
  kUnknownGtid,    // upstream doesn't have what we have
  kSameIdentity,   // another client has our server id or uuid: pick another
  kConfiguration,  // binlog or GTID mode off, privileges
  kOther,          // another error 1236: worth one retry
};
DumpRefusal ClassifyDumpError(const Error& error);

}  // namespace dm::mysql
