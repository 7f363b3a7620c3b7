// One connection to a MySQL-compatible server: statements, results, errors in the product's terms.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error/error.h"
#include "base/thread/stop.h"
#include "mysql/position/flavor.h"

namespace dm::mysql {

// Bytes that crossed the network; shared by all connections of one purpose. Thread-safe.
struct IoCounters {
  std::atomic<uint64_t> bytes_read{0};
  std::atomic<uint64_t> bytes_written{0};
  uint64_t total() const {
    return bytes_read.load(std::memory_order_relaxed) +
           bytes_written.load(std::memory_order_relaxed);
  }
};

// TLS towards a database. Contents are PEM; a content wins over the path of the same thing.
// `enabled` without a CA encrypts and verifies nobody; with a CA the chain is verified; with
// `allowed_cn` chain, host name and common name are. Never falls back to plaintext, and nothing of
// the password is sent to a server that was not accepted. Files are read at every connecting.
struct TlsOptions {
  bool enabled = false;
  std::string ca_path{}, cert_path{}, key_path{};
  std::string ca_pem{}, cert_pem{}, key_pem{};
  std::vector<std::string> allowed_cn{};
};

struct ConnectOptions {
  std::string host;
  uint16_t port = 0;
  std::string user;
  std::string password;
  std::string unix_socket;  // used instead of host and port if not empty
  std::string schema;       // default database; may be empty
  // SET k = 'v' after connecting, in this order. Values are quoted unless they are plain numbers.
  std::vector<std::pair<std::string, std::string>> session;
  TlsOptions tls;
  Milliseconds connect_timeout{30'000};
  Milliseconds read_timeout{300'000};  // per read from the socket; 0: none
  Milliseconds write_timeout{300'000};
  ErrorScope scope = ErrorScope::kDownstream;  // stamped on every error
  uint64_t max_allowed_packet = 0;             // of the client; 0: as the server says
  bool local_infile = false;                   // LoadLocal is going to be used
  bool found_rows = false;  // an UPDATE counts the rows it found, not only those it changed
  // The server ends a session that has sent nothing for so long, also within a transaction, which
  // it rolls back then: whoever sleeps holds nobody up for longer. Stronger than what `session`
  // says of it. The owner of the connection keeps it open by KeepAlive. 0: as the server likes.
  std::chrono::seconds idle_limit{0};
  std::shared_ptr<IoCounters> counters;
  // Connection attributes shown in performance_schema, beside libmariadb's own.
  std::vector<std::pair<std::string, std::string>> attributes;
};

// What the server said about itself when the connection was made.
struct ServerInfo {
  std::string version;  // VERSION(), without the "5.5.5-" prefix of old MariaDB handshakes
  std::string version_comment;
  int major = 0, minor = 0, patch = 0;  // of MySQL or MariaDB; of TiDB if is_tidb
  bool is_mariadb = false;
  bool is_tidb = false;
  Flavor flavor = Flavor::kMySql;
  uint64_t max_allowed_packet = 0;
  uint64_t connection_id = 0;
  bool no_backslash_escapes = false;  // session sql_mode after `session` was applied

  // Is the version at least this one?
  bool AtLeast(int want_major, int want_minor, int want_patch = 0) const;
};

// Statements, each with its `;`, that give a session of the server what a global setting of it may
// have changed and our statements rely on. `version`: the server's, as its handshake says it.
std::string NeutralSession(std::string_view version);

// The statement, with its `;`, that gives a session of the server this idle limit.
std::string IdleLimitStatement(std::string_view version, std::chrono::seconds limit);

// A buffered result. NULL is nullopt.
struct ResultSet {
  std::vector<std::string> columns;
  std::vector<std::vector<std::optional<std::string>>> rows;

  // Index of a column by name without regard to case; nullopt if there is none.
  std::optional<size_t> ColumnIndex(std::string_view name) const;
};

// A result column of a stream.
struct ResultColumn {
  std::string name;
  uint8_t type = 0;      // MySQL protocol type code
  uint16_t charset = 0;  // collation id; 63: binary
  uint32_t flags = 0;    // protocol flags: 1 NOT NULL, 2 primary key, 32 unsigned, 128 binary
  uint64_t length = 0;   // display length in bytes
  uint8_t decimals = 0;
};

// One value of a streamed row; valid until the next Next().
struct FieldView {
  const char* data = nullptr;  // null pointer: SQL NULL
  size_t size = 0;
  bool is_null() const { return data == nullptr; }
  std::string_view text() const { return {data, size}; }
};

class Connection;

// An unbuffered SELECT. The connection can run nothing else until the stream has ended or is
// dropped; dropping it before its end breaks the connection instead of reading the rest.
class RowStream {
 public:
  RowStream(RowStream&&) noexcept;
  RowStream& operator=(RowStream&&) = delete;
  ~RowStream();

  const std::vector<ResultColumn>& columns() const { return columns_; }
  // Fetches the next row; false after the last. Throws Error 10005/10003, Cancelled.
  bool Next();
  std::span<const FieldView> row() const { return row_; }

 private:
  friend class Connection;
  struct Result;
  RowStream(Connection* connection, std::unique_ptr<Result> result, StopToken stop,
            std::string statement);

  Connection* connection_;
  std::unique_ptr<Result> result_;
  StopToken stop_;
  std::string statement_;
  std::vector<ResultColumn> columns_;
  std::vector<FieldView> row_;
};

// One owner thread; only Interrupt() may be called from others. Every call blocked in the network
// ends within 100 ms of its stop token by throwing Cancelled, after which the connection is broken
// and needs Reconnect(). Errors carry options().scope and Error::server_errno().
class Connection {
 public:
  // Connects, applies the session variables and reads ServerInfo. Throws Error 10001 (also for a
  // server whose certificate is not accepted), 11112 (unusable TLS material), Cancelled.
  static std::unique_ptr<Connection> Connect(const ConnectOptions& options, const StopToken& stop);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  // One statement with a result set (an empty one if the statement has none). Errors: 10005; 10002
  // if the connection was already dead and nothing was sent; 10003 if it died with the request
  // under way.
  ResultSet Query(std::string_view sql, const StopToken& stop = {});
  // The first field of the first row; nullopt if there is no row or it is NULL.
  std::optional<std::string> QueryValue(std::string_view sql, const StopToken& stop = {});
  // One statement; affected rows. Errors: 10006, 10002, 10003. `quoted`: text that the error's
  // message quotes instead of the statement (for redaction or templates).
  uint64_t Execute(std::string_view sql, const StopToken& stop = {}, std::string_view quoted = {});
  // So many statements separated by ';' in one packet. The server stops at the first failure;
  // affected rows of each. Errors as Execute; failed_statement() then tells which. Fewer answers
  // than statements without an error are no success: the connection counts as lost then (10003).
  // The client is not woken by each of many answers.
  // `results`: gets what those of them return that return rows, in their order. `counted`: at least
  // so many of them are answered with a text, as "Rows matched: 1 ..." of an UPDATE.
  std::vector<uint64_t> ExecuteMulti(std::string_view sql, size_t statements,
                                     const StopToken& stop = {}, std::string_view quoted = {},
                                     std::vector<ResultSet>* results = nullptr, size_t counted = 0);
  // Runs a LOAD DATA LOCAL INFILE whose file is `data`, whatever name the statement gives it;
  // affected rows. Only with options().local_infile: the server is never given anything else to
  // read. Errors as Execute.
  uint64_t LoadLocal(std::string_view sql, std::string_view data, const StopToken& stop = {});
  // The type of a statement's marker: the protocol's code, and whether a number has no sign.
  struct Marker {
    uint8_t type = 0;
    bool is_unsigned = false;
  };
  // Does the server execute a statement for many rows of values at once (MariaDB), as far as this
  // connection knows?
  bool HasBulk() const;
  // Until Reconnect() the answer is no.
  void ForbidBulk();
  // Prepares what of `statements` is not, for ExecuteBulk. Few of them are kept, so some may be
  // left out. What the server refuses is not asked for again until Reconnect(), but if its state
  // was why (locks). It may roll back when it refuses: not within a transaction. Errors: 10002, of
  // connections lost meanwhile, too: nothing is changed by this.
  void PrepareBulk(std::span<const std::string> statements, const StopToken& stop = {});
  // True until the next PrepareBulk or Reconnect.
  bool IsPrepared(std::string_view sql) const;
  // Executes `sql`, which is prepared, for each of `rows`: for each row and marker an indicator (0:
  // a value, 1: NULL) and the value in the binary protocol. Affected rows of all: if they are fewer
  // than the rows, some are not there. Fits in one packet with a head of 7 bytes and 2 a marker. If
  // a row fails, so does all of it; rows before it may be there until the transaction is rolled
  // back. failed_statement() is 0 then. Errors as Execute.
  uint64_t ExecuteBulk(std::string_view sql, std::span<const Marker> markers, std::string_view rows,
                       const StopToken& stop = {}, std::string_view quoted = {});
  // Index of the statement within the last ExecuteMulti that failed; statements before it
  // succeeded.
  size_t failed_statement() const { return failed_statement_; }
  // When the last ExecuteMulti was sent, and when its first, last but one and last answers came
  // (one answer: all three are its time).
  struct AnswerTimes {
    SteadyClock::time_point sent, first, previous, last;
  };
  const AnswerTimes& answer_times() const { return answer_times_; }
  // An unbuffered SELECT; the stream keeps `stop` and must not outlive the connection.
  RowStream Stream(std::string_view sql, const StopToken& stop = {});

  // Begin's errors have code 10007; Commit's 10006.
  void Begin(const StopToken& stop = {});
  void Commit(const StopToken& stop = {});
  void Rollback(const StopToken& stop = {});

  // Errors: 10001, 10002, 10003.
  void Ping(const StopToken& stop = {});
  // How often an owner that has nothing to send is to call KeepAlive; 0: never.
  Milliseconds keepalive_interval() const { return Milliseconds(options_.idle_limit) / 3; }
  // Pings if nothing was answered for keepalive_interval(). A connection that is lost then is found
  // broken by the next call, with nothing sent; that is logged, not thrown. Throws Cancelled.
  void KeepAlive(const StopToken& stop);
  // Drops the connection and makes a new one with the same options.
  void Reconnect(const StopToken& stop);
  // Ends whatever is blocked on the network, now and until Reconnect(). Callable from any thread.
  void Interrupt() noexcept;
  // Known to be unusable (an earlier call lost it)?
  bool broken() const;
  // False if it is broken, or the server has closed it while it was idle; it is broken then. Asks
  // only the socket.
  bool IsAlive() noexcept;

  const ServerInfo& server() const { return server_; }
  // Largest packet that may be sent, in bytes; 0: not known.
  uint64_t packet_limit() const {
    return options_.max_allowed_packet != 0 ? options_.max_allowed_packet
                                            : server_.max_allowed_packet;
  }
  const ConnectOptions& options() const { return options_; }
  // Warnings of the last statement.
  uint32_t warning_count() const;

  // For protocol commands that have no SQL: sends one command packet (no answer is read).
  // Errors 10002, 10003.
  void SendCommand(uint8_t command, std::span<const uint8_t> payload);
  // Reads one answer packet (fragments joined); the bytes stay valid until the next call on this
  // connection. Server errors throw Error of `code` with the cause "Error N (S): text"; the loss of
  // the connection 10003; Cancelled.
  std::span<const uint8_t> ReadPacket(ErrorCode code, std::string_view what, const StopToken& stop);
  // Are the bytes on the socket the packets themselves (no TLS)?
  bool is_plain() const;
  // For whoever cuts what comes into packets himself, of a connection that is_plain() and has no
  // answer in part: reads what has come, at least a byte, not more than `into` holds. After the
  // first call the connection is good for nothing else. Errors: 10003; Cancelled.
  size_t ReadSome(std::span<uint8_t> into, const StopToken& stop);
  // Throws the server's error that such a packet (its first byte is 0xff) is, as ReadPacket would.
  [[noreturn]] void FailByPacket(std::span<const uint8_t> packet, ErrorCode code);

 private:
  friend class RowStream;
  struct Link;
  explicit Connection(ConnectOptions options);
  void Open(const StopToken& stop);
  void Handshake(const StopToken& stop);
  void ReadServerInfo(const StopToken& stop);
  // Sends the text and reads its first answer.
  void Send(std::string_view sql, ErrorCode code, std::string_view quoted, const StopToken& stop,
            size_t statements = 0, size_t counted = 0);
  // Sleeps until so many statements can have been answered, or until no more answers come.
  void AwaitAnswers(size_t statements, size_t counted);
  // Of an answer that is there.
  void NoteAnswerText();
  uint64_t ReadAffected(ErrorCode code, std::string_view quoted, const StopToken& stop,
                        std::vector<ResultSet>* results = nullptr);
  void CheckAlive();
  // Throws if the server, as far as known, or the options do not let through a packet of so many
  // bytes.
  void CheckSize(size_t bytes, ErrorCode code, std::string_view quoted) const;
  void PrepareOne(const std::string& sql, const StopToken& stop);
  void CountBytes();
  [[noreturn]] void Fail(ErrorCode code, std::string_view statement, const StopToken& stop);
  [[noreturn]] void FailLost(const StopToken& stop);

  ConnectOptions options_;
  ServerInfo server_;
  std::unique_ptr<Link> link_;
  SteadyClock::time_point answered_;  // when the last call ended
  size_t failed_statement_ = 0;
  AnswerTimes answer_times_{};
  size_t answer_text_ = 0;  // bytes of the shortest text of an answer; 0: none was seen
  bool has_texts_ = true;   // false: the server sends none where others do
};

}  // namespace dm::mysql
