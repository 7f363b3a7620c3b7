#include <algorithm>
#include <cstring>
#include <map>
#include <random>

#include "base/failpoint/failpoint.h"
#include "base/log/log.h"
#include "mysql/binlog/arena.h"
#include "mysql/binlog/event_source.h"
#include "mysql/binlog/framing.h"
#include "mysql/binlog/packet_stream.h"

namespace dm::mysql {
namespace {

enum Command : uint8_t {
  kBinlogDump = 0x12,
  kRegisterSlave = 0x15,
  kBinlogDumpGtid = 0x1e,
};

constexpr uint16_t kDumpNonBlock = 0x0001;
// MariaDB: send ANNOTATE_ROWS events; without them offsets cannot be counted.
constexpr uint16_t kDumpSendAnnotate = 0x0002;

constexpr size_t kMaxReplicaHost = 60;

constexpr uint32_t kFirstServerId = 429496729;
constexpr uint32_t kServerIds = 100000;
constexpr int kServerIdTries = 99999;

// A command's payload.
class Payload {
 public:
  Payload& Unsigned(uint64_t value, int width) {
    for (int i = 0; i < width; ++i) bytes_.push_back(static_cast<uint8_t>(value >> (8 * i)));
    return *this;
  }
  Payload& Text(std::string_view text) {
    bytes_.insert(bytes_.end(), text.begin(), text.end());
    return *this;
  }
  // One byte of length, then the text.
  Payload& ShortText(std::string_view text) {
    text = text.substr(0, 255);
    return Unsigned(text.size(), 1).Text(text);
  }
  std::span<const uint8_t> bytes() const { return bytes_; }

 private:
  std::vector<uint8_t> bytes_;
};

}  // namespace

struct NetworkEventSource::State {
  State(const NetworkSourceOptions& given, bool negotiated_checksum)
      : options(given), framer(given.verify_checksum, negotiated_checksum) {}

  NetworkSourceOptions options;
  std::unique_ptr<Connection> connection;
  EventFramer framer;
  EventArena arena;  // for packets that do not come by `packets`
  // Once the stream is started; not where TLS is between the socket and the packets.
  std::optional<PacketStream> packets;
  std::string identity;
  bool started = false;

  uint16_t DumpFlags() const {
    uint16_t flags = options.flavor == Flavor::kMariaDb ? kDumpSendAnnotate : 0;
    if (options.non_blocking) flags |= kDumpNonBlock;
    return flags;
  }
  void Register(const StopToken& stop);
  void Dump(std::string_view file, uint64_t offset);
  void Start(uint8_t command, std::span<const uint8_t> payload);
  PacketStream::Packet Read(const StopToken& stop);
};

NetworkEventSource::NetworkEventSource(std::unique_ptr<State> state) : state_(std::move(state)) {}

NetworkEventSource::~NetworkEventSource() {
  // The dump's events are of no use any more: no goodbye to the server.
  if (state_->connection) state_->connection->Interrupt();
}

std::unique_ptr<NetworkEventSource> NetworkEventSource::Connect(const NetworkSourceOptions& options,
                                                                const StopToken& stop) {
  // Checksums are declared as known but not asked for before the first file's description.
  auto state = std::make_unique<State>(options, /*negotiated_checksum=*/false);
  ConnectOptions& connect = state->options.connection;
  connect.scope = ErrorScope::kUpstream;
  connect.connect_timeout = options.connect_timeout;
  connect.read_timeout = options.read_timeout;
  connect.attributes.emplace_back("_client_role", "binary_log_listener");
  state->connection = Connection::Connect(connect, stop);
  state->Register(stop);
  return std::unique_ptr<NetworkEventSource>(new NetworkEventSource(std::move(state)));
}

void NetworkEventSource::State::Register(const StopToken& stop) {
  std::string sql = "SET ";
  const ResultSet checksum =
      connection->Query("SHOW GLOBAL VARIABLES LIKE 'BINLOG_CHECKSUM'", stop);
  if (!checksum.rows.empty() && checksum.rows[0].size() > 1 && checksum.rows[0][1] &&
      !checksum.rows[0][1]->empty()) {
    sql += "@master_binlog_checksum = 'NONE', @source_binlog_checksum = 'NONE', ";
  }
  if (options.flavor == Flavor::kMariaDb) sql += "@mariadb_slave_capability = 4, ";
  const auto period =
      std::chrono::duration_cast<std::chrono::nanoseconds>(options.heartbeat_period).count();
  sql += fmt::format("@master_heartbeat_period = {0}, @source_heartbeat_period = {0}, ", period);
  sql += fmt::format("@slave_uuid = '{0}', @replica_uuid = '{0}'", Uuid::Random().ToString());
  connection->Execute(sql, stop);
  identity = ServerIdentity(*connection, options.flavor, stop);

  Payload payload;
  payload.Unsigned(options.server_id, 4)
      .ShortText(std::string_view(options.replica_host).substr(0, kMaxReplicaHost))
      .ShortText(options.connection.user)
      .ShortText("")
      .Unsigned(options.connection.port, 2)
      .Unsigned(0, 4)   // rank
      .Unsigned(0, 4);  // id of the server replicated from
  connection->SendCommand(kRegisterSlave, payload.bytes());
  connection->ReadPacket(ErrorCode::kDBDriverError, {}, stop);
}

void NetworkEventSource::State::Dump(std::string_view file, uint64_t offset) {
  Payload payload;
  payload.Unsigned(offset, 4).Unsigned(DumpFlags(), 2).Unsigned(options.server_id, 4).Text(file);
  Start(kBinlogDump, payload.bytes());
}

void NetworkEventSource::State::Start(uint8_t command, std::span<const uint8_t> payload) {
  connection->SendCommand(command, payload);
  started = true;
  if (!connection->is_plain()) return;
  packets.emplace([this](std::span<uint8_t> into,
                         const StopToken& stop) { return connection->ReadSome(into, stop); },
                  /*number=*/1);
}

PacketStream::Packet NetworkEventSource::State::Read(const StopToken& stop) {
  if (!packets) {
    const auto bytes = connection->ReadPacket(ErrorCode::kDBDriverError, {}, stop);
    EventArena::Piece piece = arena.Allocate(bytes.size());
    if (!bytes.empty()) std::memcpy(piece.data, bytes.data(), bytes.size());
    return {std::move(piece.owner), {piece.data, bytes.size()}};
  }
  PacketStream::Packet packet = packets->Next(stop);
  if (!packet.bytes.empty() && packet.bytes[0] == 0xff) {
    connection->FailByPacket(packet.bytes, ErrorCode::kDBDriverError);
  }
  return packet;
}

void NetworkEventSource::StartAt(const BinlogPosition& position, const StopToken& stop) {
  ThrowIfStopped(stop);
  const uint64_t offset = std::max(position.offset, kBinlogMinOffset);
  if (offset > LargestShortOffset()) {
    throw Error(
        ErrorCode::kRelayLogGivenPosTooBig,
        fmt::format("binlog position {} is beyond 4 GiB, where a dump cannot start: start at "
                    "an earlier position or use GTIDs",
                    position.ToString()));
  }
  state_->Dump(position.file, offset);
}

void NetworkEventSource::StartAfter(const GtidSet& executed, const StopToken& stop) {
  State& state = *state_;
  if (state.options.flavor == Flavor::kMariaDb) {
    state.connection->Execute(
        fmt::format("SET @slave_connect_state = '{}', @slave_gtid_strict_mode = 1, "
                    "@slave_gtid_ignore_duplicates = 0",
                    executed.ToString()),
        stop);
    state.Dump("", kBinlogMinOffset);
    return;
  }
  const std::string set = executed.Encode();
  Payload payload;
  payload.Unsigned(state.DumpFlags(), 2)
      .Unsigned(state.options.server_id, 4)
      .Unsigned(0, 4)  // no file name: the server searches
      .Unsigned(kBinlogMinOffset, 8)
      .Unsigned(set.size(), 4)
      .Text(set);
  ThrowIfStopped(stop);
  state.Start(kBinlogDumpGtid, payload.bytes());
}

RawEvent NetworkEventSource::Next(const StopToken& stop) {
  State& state = *state_;
  // Switch: waits or fails before an event is read.
  DM_FAILPOINT("binlog/read-event");
  if (!state.started) {
    throw Error(ErrorCode::kDBUnExpect, "a binlog stream is read before it was started");
  }
  PacketStream::Packet packet = state.Read(stop);
  std::span<const uint8_t> bytes = packet.bytes;
  if (!bytes.empty() && bytes[0] == 0xfe && bytes.size() < 9) {
    if (state.options.non_blocking) throw EndOfLog();
    // The server ends the dump, as it does when shutting down.
    state.connection->Interrupt();
    throw Error(ErrorCode::kDBInvalidConn, "database driver error")
        .SetRawCause("invalid connection")
        .SetScope(ErrorScope::kUpstream);
  }
  if (bytes.empty() || bytes[0] != 0) {
    throw Error(ErrorCode::kBinlogEventDecode, "a packet of the binlog stream holds no event")
        .SetScope(ErrorScope::kUpstream);
  }
  try {
    return state.framer.Frame(std::move(packet.owner), bytes.subspan(1));
  } catch (Error& e) {
    e.SetScope(ErrorScope::kUpstream);
    throw;
  }
}

const FormatDescription& NetworkEventSource::format() const { return state_->framer.format(); }

const std::string& NetworkEventSource::identity() const { return state_->identity; }

uint64_t NetworkEventSource::connection_id() const {
  return state_->connection->server().connection_id;
}

void NetworkEventSource::Interrupt() noexcept { state_->connection->Interrupt(); }

std::string ServerIdentity(Connection& upstream, Flavor flavor, const StopToken& stop) {
  const char* query = flavor == Flavor::kMariaDb
                          ? "SELECT CONCAT(@@server_id, '@', @@hostname, ':', @@port)"
                          : "SELECT @@server_uuid";
  return upstream.QueryValue(query, stop).value_or("");
}

uint32_t PickServerId(Connection& upstream, Flavor flavor, const StopToken& stop, uint32_t wanted,
                      std::string_view host) {
  std::map<std::string, std::string> used;  // by id: who has it
  if (const auto own = upstream.QueryValue("SELECT @@server_id", stop)) {
    used.emplace(*own, "the upstream itself");
  }
  const bool new_words = flavor == Flavor::kMySql && upstream.server().AtLeast(8, 4);
  try {
    const ResultSet replicas =
        upstream.Query(new_words ? "SHOW REPLICAS" : "SHOW SLAVE HOSTS", stop);
    for (const auto& row : replicas.rows) {
      if (row.size() > 1 && row[0]) used.emplace(*row[0], row[1].value_or(""));
    }
  } catch (const Error& e) {
    // MariaDB shows them to replication administrators only; a free id is likely anyway.
    if (upstream.broken()) throw;
    Log().Info("the replicas of the upstream are not shown", {F("error", e)});
  }
  if (wanted != 0) {
    const auto taken = used.find(std::to_string(wanted));
    if (taken == used.end()) return wanted;
    const char* message = "the server-id of the source is in use at the upstream, another is taken";
    if (!host.empty() && taken->second == host.substr(0, kMaxReplicaHost)) {
      Log().Info(message, {F("server-id", wanted), F("used by", "another stream of this worker")});
    } else {
      Log().Warn(message, {F("server-id", wanted), F("used by", taken->second)});
    }
  }
  std::random_device random;
  std::uniform_int_distribution<uint32_t> pick(kFirstServerId, kFirstServerId + kServerIds - 1);
  for (int i = 0; i < kServerIdTries; ++i) {
    const uint32_t id = pick(random);
    if (!used.contains(std::to_string(id))) return id;
  }
  throw Error(ErrorCode::kInvalidServerID,
              "no free random server id was found for the binlog client");
}

namespace {

struct RefusalPhrase {
  std::string_view phrase;  // lower case
  DumpRefusal refusal;
};

// Parts of the texts of error 1236 (MySQL 5.6 to 9.7, MariaDB 10.2 to 11.8).
constexpr RefusalPhrase kRefusals[] = {
    {"could not find first log file name", DumpRefusal::kPurged},
    {"could not find next log", DumpRefusal::kPurged},
    {"has purged binary logs containing gtids", DumpRefusal::kPurged},
    {"purged required binary logs", DumpRefusal::kPurged},
    {"could not find gtid state requested by slave", DumpRefusal::kPurged},
    {"impossible position", DumpRefusal::kBadPosition},
    {"from position > file size", DumpRefusal::kBadPosition},
    {"from position < 4", DumpRefusal::kBadPosition},
    {"bogus data in log event", DumpRefusal::kBadPosition},
    {"binlog truncated in the middle of event", DumpRefusal::kBadPosition},
    {"exceeded max_allowed_packet", DumpRefusal::kBadPosition},
    {"checksum", DumpRefusal::kBadPosition},
    {"crc check", DumpRefusal::kBadPosition},
    {"slave has more gtids than the master", DumpRefusal::kUnknownGtid},
    {"replica has more gtids than the source", DumpRefusal::kUnknownGtid},
    {"is not in the master's binlog", DumpRefusal::kUnknownGtid},
    {"is missing the gtid", DumpRefusal::kUnknownGtid},
    {"same server_uuid/server_id", DumpRefusal::kSameIdentity},
    {"same server_id", DumpRefusal::kSameIdentity},
    {"cannot start in auto_position mode", DumpRefusal::kConfiguration},
    {"binary log is not open", DumpRefusal::kConfiguration},
};

}  // namespace

DumpRefusal ClassifyDumpError(const Error& error) {
  switch (error.server_errno()) {
    case 4052:  // MariaDB: another client with our server id
      return DumpRefusal::kSameIdentity;
    case 1045:
    case 1227:
      return DumpRefusal::kConfiguration;
    case 1773:  // MySQL: malformed GTID set
    case 1941:  // MariaDB: GTID list not parsed
    case 1943:  // MariaDB: a domain twice
      return DumpRefusal::kUnknownGtid;
    case 1236:
      break;
    default:
      return DumpRefusal::kNone;
  }
  std::string text = error.raw_cause();
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  for (const RefusalPhrase& known : kRefusals) {
    if (text.find(known.phrase) != std::string::npos) return known.refusal;
  }
  return DumpRefusal::kOther;
}

}  // namespace dm::mysql
