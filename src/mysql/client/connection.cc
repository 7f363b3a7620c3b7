#include "mysql/client/connection.h"

#include <errmsg.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <mutex>
#include <utility>

#include "base/log/log.h"
#include "mysql/client/link.h"
#include "mysql/client/tls.h"

namespace dm::mysql {
namespace {

// libmariadb's own limit: the largest answer (a binlog event) that can be read.
constexpr unsigned long kLargestPacket = 1UL << 30;
// Bytes of a buffer that each connection has: what fits into it is sent by one call.
constexpr unsigned long kSentAtOnce = 64UL << 10;

constexpr std::string_view kTlsWorkaround =
    "Please check the `security` block of this database, the server's certificate and, if it asks "
    "for one, ours.";
constexpr int kUnknownTimeZone = 1298;
constexpr std::string_view kTimeZoneWorkaround =
    "Please give `timezone` as an offset (+02:00), or load the server's tables of time zones "
    "(mysql_tzinfo_to_sql), which named zones need.";

void InitLibrary() {
  static std::once_flag once;
  std::call_once(once, [] { mysql_server_init(0, nullptr, nullptr); });
}

std::string LowerCase(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

// The errno in libmariadb's "Can't connect to ... (111)"; 0 if there is none.
int ErrnoOf(std::string_view text) {
  const size_t open = text.rfind('(');
  if (open == std::string_view::npos) return 0;
  int number = 0;
  std::from_chars(text.data() + open + 1, text.data() + text.size(), number);
  return number;
}

std::string DialTarget(const ConnectOptions& options) {
  const bool ipv6 = options.host.find(':') != std::string::npos;
  return ipv6 ? fmt::format("[{}]:{}", options.host, options.port)
              : fmt::format("{}:{}", options.host, options.port);
}

// Why no connection could be made, in the words users and scripts know.
std::string DialErrorText(const ConnectOptions& options, int error) {
  const std::string target =
      options.unix_socket.empty() ? "tcp " + DialTarget(options) : "unix " + options.unix_socket;
  if (error == ETIMEDOUT) return fmt::format("dial {}: i/o timeout", target);
  return fmt::format("dial {}: connect: {}", target, LowerCase(std::strerror(error)));
}

bool IsPlainNumber(std::string_view text) {
  if (!text.empty() && text[0] == '-') text.remove_prefix(1);
  const size_t dot = text.find('.');
  const auto digits = [](std::string_view part) {
    return !part.empty() &&
           std::all_of(part.begin(), part.end(), [](char c) { return c >= '0' && c <= '9'; });
  };
  if (dot == std::string_view::npos) return digits(text);
  return digits(text.substr(0, dot)) && digits(text.substr(dot + 1));
}

// A session variable's name goes into SQL as it is.
bool IsVariableName(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) || c == '_' || c == '.' || c == '@' || c == '$';
  });
}

bool EqualsIgnoreCase(std::string_view a, std::string_view b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](unsigned char x, unsigned char y) {
           return std::tolower(x) == std::tolower(y);
         });
}

// "10.11.6-MariaDB" -> 10, 11, 6.
void ParseVersionNumbers(std::string_view text, int* major, int* minor, int* patch) {
  const char* p = text.data();
  const char* const end = p + text.size();
  for (int* part : {major, minor, patch}) {
    const auto [next, error] = std::from_chars(p, end, *part);
    if (error != std::errc() || next == end || *next != '.') return;
    p = next + 1;
  }
}

struct ResultFree {
  void operator()(MYSQL_RES* result) const { mysql_free_result(result); }
};
using ResultPtr = std::unique_ptr<MYSQL_RES, ResultFree>;

}  // namespace

std::string NeutralSession(std::string_view version) {
  // A global limit would cut results short without a word.
  std::string sql = "SET SESSION sql_select_limit = 18446744073709551615;";
  if (version.find("TiDB") != std::string_view::npos) return sql;
  // A COMMIT that ends the connection or begins the next transaction; a refusal of large joins.
  sql += "SET SESSION completion_type = 0;SET SESSION sql_big_selects = 1;";
  // A refusal of changes without a key.
  sql += "SET SESSION sql_safe_updates = 0;";
  // SHOW CREATE TABLE without quotes, or without columns that are in the binlog.
  sql += "SET SESSION sql_quote_show_create = 1";
  if (version.find("MariaDB") == std::string_view::npos) {
    sql += " /*!80030 , SESSION show_gipk_in_create_table_and_information_schema = 1 */";
  } else {
    // What `utf8` means in a statement.
    sql +=
        "/*M!100601 , SESSION old_mode = CONCAT_WS(',', NULLIF(@@SESSION.old_mode, ''), "
        "'UTF8_IS_UTF8MB3') */";
  }
  sql += ';';
  if (version.find("MariaDB") != std::string_view::npos) {
    // Else SHOW WARNINGS may leave out the one that counts. (MySQL 8 and newer, which show 1024,
    // let few accounts set it.)
    sql += "SET SESSION max_statement_time = 0;SET SESSION max_error_count = 65535";
    // A refusal of changes of tables that keep the versions of their rows.
    sql += " /*M!100304 , SESSION system_versioning_alter_history = KEEP */;";
  } else if (version.starts_with("5.")) {
    sql += "SET SESSION max_error_count = 65535;";
  }
  return sql;
}

std::string IdleLimitStatement(std::string_view version, std::chrono::seconds limit) {
  std::string sql = fmt::format("SET SESSION wait_timeout = {}", limit.count());
  if (version.find("TiDB") == std::string_view::npos) {
    // In the middle of the file of a LOAD DATA this one counts, twice: the server tries to read the
    // rest of it, too.
    sql += fmt::format(", SESSION net_read_timeout = {}", limit.count());
  }
  // Limits of their own within a transaction come before that one, where a server has them.
  if (version.find("MariaDB") != std::string_view::npos) {
    // An executable comment of MariaDB 10.3.
    sql += fmt::format(
        "/*M!100300 , SESSION idle_transaction_timeout = {}, SESSION "
        "idle_write_transaction_timeout = 0, SESSION idle_readonly_transaction_timeout = 0 */",
        limit.count());
  } else if (const size_t tidb = version.find("TiDB-v"); tidb != std::string_view::npos) {
    int major = 0, minor = 0, patch = 0;
    ParseVersionNumbers(version.substr(tidb + 6), &major, &minor, &patch);
    if (std::pair(major, minor) >= std::pair(7, 6)) {
      sql += fmt::format(", SESSION tidb_idle_transaction_timeout = {}", limit.count());
    }
  }
  return sql + ";";
}

bool ServerInfo::AtLeast(int want_major, int want_minor, int want_patch) const {
  return std::tie(major, minor, patch) >= std::tie(want_major, want_minor, want_patch);
}

std::optional<size_t> ResultSet::ColumnIndex(std::string_view name) const {
  for (size_t i = 0; i < columns.size(); ++i) {
    if (EqualsIgnoreCase(columns[i], name)) return i;
  }
  return std::nullopt;
}

Connection::Connection(ConnectOptions options)
    : options_(std::move(options)), link_(std::make_unique<Link>()) {}

Connection::~Connection() = default;

std::unique_ptr<Connection> Connection::Connect(const ConnectOptions& options,
                                                const StopToken& stop) {
  std::unique_ptr<Connection> connection(new Connection(options));
  connection->Open(stop);
  return connection;
}

void Connection::Reconnect(const StopToken& stop) {
  // A fresh link: an earlier interruption must not reach the new socket.
  link_ = std::make_unique<Link>();
  Open(stop);
}

void Connection::Open(const StopToken& stop) {
  InitLibrary();
  ThrowIfStopped(stop);
  const StopCallback on_stop(stop, [this] { link_->Interrupt(); });
  Handshake(stop);
  try {
    ReadServerInfo(stop);
  } catch (Error& e) {
    link_->MarkBroken();
    if (e.server_errno() == kUnknownTimeZone) e.SetWorkaround(std::string(kTimeZoneWorkaround));
    throw;
  } catch (...) {
    link_->MarkBroken();
    throw;
  }
}

void Connection::Handshake(const StopToken& stop) {
  if (options_.unix_socket.empty() && options_.port == 0) {
    // libmariadb would take its default port.
    throw Error(ErrorCode::kDBDriverError, "database driver error")
        .SetRawCause(DialErrorText(options_, ECONNREFUSED))
        .SetScope(options_.scope);
  }
  MYSQL* mysql = mysql_init(nullptr);
  if (mysql == nullptr) throw std::bad_alloc();
  link_->mysql = mysql;
  const auto seconds = [](Milliseconds ms) {
    return static_cast<unsigned>((ms.count() + 999) / 1000);
  };
  const unsigned connect_timeout = seconds(options_.connect_timeout);
  const unsigned read_timeout = seconds(options_.read_timeout);
  const unsigned write_timeout = seconds(options_.write_timeout);
  const unsigned protocol =
      options_.unix_socket.empty() ? MYSQL_PROTOCOL_TCP : MYSQL_PROTOCOL_SOCKET;
  const my_bool no = 0;
  const unsigned local_infile = options_.local_infile ? 1 : 0;
  mysql_optionsv(mysql, MYSQL_OPT_NONBLOCK, nullptr);
  if (connect_timeout > 0) mysql_optionsv(mysql, MYSQL_OPT_CONNECT_TIMEOUT, &connect_timeout);
  if (read_timeout > 0) mysql_optionsv(mysql, MYSQL_OPT_READ_TIMEOUT, &read_timeout);
  if (write_timeout > 0) mysql_optionsv(mysql, MYSQL_OPT_WRITE_TIMEOUT, &write_timeout);
  mysql_optionsv(mysql, MYSQL_OPT_PROTOCOL, &protocol);
  mysql_optionsv(mysql, MYSQL_OPT_RECONNECT, &no);
  mysql_optionsv(mysql, MYSQL_OPT_LOCAL_INFILE, &local_infile);
  RefuseLocalFiles(mysql);
  mysql_optionsv(mysql, MYSQL_OPT_MAX_ALLOWED_PACKET, &kLargestPacket);
  // (Of the library rather than of this handle.)
  static std::once_flag sent_at_once;
  std::call_once(sent_at_once,
                 [&] { mysql_optionsv(mysql, MYSQL_OPT_NET_BUFFER_LENGTH, &kSentAtOnce); });
  mysql_optionsv(mysql, MYSQL_SET_CHARSET_NAME, "utf8mb4");
  for (const auto& [name, value] : options_.attributes) {
    mysql_optionsv(mysql, MYSQL_OPT_CONNECT_ATTR_ADD, name.c_str(), value.c_str());
  }
  std::optional<TlsGate> gate;
  if (options_.tls.enabled) {
    try {
      gate.emplace(options_.tls, options_.host.empty() ? "127.0.0.1" : options_.host);
      gate->Apply(mysql, [this] { link_->Attach(); });
    } catch (Error& e) {
      e.SetScope(options_.scope);
      throw;
    }
  } else if (options_.unix_socket.empty()) {
    AllowHiddenPasswordsOnly(mysql);
  }
  const TlsGate::Guard through_gate(gate ? &*gate : nullptr);

  const auto deadline = options_.connect_timeout.count() > 0
                            ? SteadyClock::now() + options_.connect_timeout
                            : SteadyClock::time_point::max();
  const char* host = options_.host.empty() ? "127.0.0.1" : options_.host.c_str();
  const char* schema = options_.schema.empty() ? nullptr : options_.schema.c_str();
  const char* socket = options_.unix_socket.empty() ? nullptr : options_.unix_socket.c_str();
  MYSQL* connected = nullptr;
  bool timed_out = false;
  int status = mysql_real_connect_start(&connected, mysql, host, options_.user.c_str(),
                                        options_.password.c_str(), schema, options_.port, socket,
                                        CLIENT_MULTI_STATEMENTS | CLIENT_MULTI_RESULTS |
                                            (options_.found_rows ? CLIENT_FOUND_ROWS : 0));
  while (status != 0) {
    pollfd fds[2] = {{static_cast<int>(mysql_get_socket(mysql)), 0, 0},
                     {link_->wake_fd, POLLIN, 0}};
    if (status & MYSQL_WAIT_READ) fds[0].events |= POLLIN;
    if (status & MYSQL_WAIT_WRITE) fds[0].events |= POLLOUT;
    if (status & MYSQL_WAIT_EXCEPT) fds[0].events |= POLLPRI;
    auto wait = std::chrono::ceil<Milliseconds>(deadline - SteadyClock::now());
    if (deadline == SteadyClock::time_point::max()) wait = Milliseconds(60'000);
    const int ready = poll(fds, 2, static_cast<int>(std::clamp<int64_t>(wait.count(), 0, 60'000)));
    if (ready < 0 && errno != EINTR) {
      throw Error(ErrorCode::kDBUnExpect, "poll of a database connection failed");
    }
    if (link_->interrupted() || (ready == 0 && SteadyClock::now() >= deadline)) {
      // The call has to be taken to its end before the handle can be closed.
      timed_out = !link_->interrupted();
      shutdown(static_cast<int>(mysql_get_socket(mysql)), SHUT_RDWR);
      do {
        status = mysql_real_connect_cont(&connected, mysql, MYSQL_WAIT_TIMEOUT | status);
        if (status != 0) shutdown(static_cast<int>(mysql_get_socket(mysql)), SHUT_RDWR);
      } while (status != 0);
      connected = nullptr;
      break;
    }
    if (ready <= 0) continue;
    int happened = 0;
    if (fds[0].revents & (POLLIN | POLLHUP | POLLERR)) happened |= MYSQL_WAIT_READ;
    if (fds[0].revents & (POLLOUT | POLLHUP | POLLERR)) happened |= MYSQL_WAIT_WRITE;
    if (fds[0].revents & POLLPRI) happened |= MYSQL_WAIT_EXCEPT;
    status = mysql_real_connect_cont(&connected, mysql, happened & status);
  }
  if (connected == nullptr) {
    link_->MarkBroken();
    ThrowIfStopped(stop);
    const unsigned number = mysql_errno(mysql);
    // What the server has said against our certificate comes after the handshake.
    const std::string tls_error = gate ? TakeTlsError() : "";
    Error error(ErrorCode::kDBDriverError, "database driver error");
    error.SetScope(options_.scope);
    const int dial_errno = ErrnoOf(mysql_error(mysql));
    if (timed_out || (gate && SteadyClock::now() >= deadline)) {
      error.SetRawCause(DialErrorText(options_, ETIMEDOUT));
    } else if (number == CR_PLUGIN_NOT_ALLOWED && gate) {
      // A server that cannot be told the method: from before TLS could be checked first.
      error.SetRawCause("TLS requested but server does not support TLS");
    } else if (number == CR_PLUGIN_NOT_ALLOWED) {
      // (libmariadb's own text quotes memory that was used again.)
      error
          .SetRawCause(
              "the server asks for an authentication method that needs TLS: the password would be "
              "sent as it is")
          .SetWorkaround("Please give this database a `security` block.");
    } else if (gate && !gate->fault().empty()) {
      error.SetRawCause(gate->fault()).SetWorkaround(std::string(kTlsWorkaround));
    } else if (gate && gate->passed() && !IsServerError(number) && !tls_error.empty()) {
      error.SetRawCause(fmt::format("TLS: the server ended the connection: {}", tls_error))
          .SetWorkaround(std::string(kTlsWorkaround));
    } else if (IsServerError(number)) {
      error.SetRawCause(ServerErrorText(mysql)).SetServerErrno(static_cast<int>(number));
    } else if (number == CR_UNKNOWN_HOST) {
      error.SetRawCause(fmt::format("dial tcp: lookup {}: no such host", options_.host));
    } else if ((number == CR_CONNECTION_ERROR || number == CR_CONN_HOST_ERROR) && dial_errno != 0) {
      error.SetRawCause(DialErrorText(options_, dial_errno));
    } else if (number == CR_SERVER_LOST || number == CR_SERVER_GONE_ERROR) {
      error = Error(ErrorCode::kDBBadConn, "database driver error");
      error.SetScope(options_.scope).SetRawCause("driver: bad connection");
    } else {
      error.SetRawCause(mysql_error(mysql));
    }
    throw error;
  }
  try {
    link_->Attach();
    link_->tls = options_.tls.enabled;
    if (gate && (!gate->passed() || mysql_get_ssl_cipher(mysql) == nullptr)) {
      throw Error(ErrorCode::kDBDriverError, "database driver error")
          .SetRawCause("TLS requested but the connection was made without");
    }
  } catch (Error& e) {
    link_->MarkBroken();
    e.SetScope(options_.scope);
    throw;
  }
  if (options_.unix_socket.empty()) {
    const int on = 1;
    setsockopt(static_cast<int>(mysql_get_socket(mysql)), SOL_SOCKET, SO_KEEPALIVE, &on,
               sizeof(on));
  }
}

void Connection::ReadServerInfo(const StopToken& stop) {
  std::string sql = "SET NAMES utf8mb4;" + NeutralSession(mysql_get_server_info(link_->mysql));
  for (const auto& [name, value] : options_.session) {
    if (!IsVariableName(name)) {
      throw Error(ErrorCode::kDBDriverError, "database driver error")
          .SetRawCause(fmt::format("'{}' is not the name of a session variable", name))
          .SetScope(options_.scope);
    }
    sql += "SET " + name + " = ";
    if (IsPlainNumber(value)) {
      sql += value;
    } else {
      sql += '\'';
      for (const char c : value) {
        if (c == '\'' || c == '\\') sql += c;
        sql += c;
      }
      sql += '\'';
    }
    sql += ';';
  }
  if (options_.idle_limit.count() > 0) {
    sql += IdleLimitStatement(mysql_get_server_info(link_->mysql), options_.idle_limit);
  }
  sql += "SELECT VERSION(), @@version_comment, @@max_allowed_packet, CONNECTION_ID(), @@sql_mode";
  Send(sql, ErrorCode::kDBDriverError, {}, stop);
  ResultPtr result;
  for (;;) {
    if (mysql_field_count(link_->mysql) > 0) {
      result.reset(mysql_store_result(link_->mysql));
      if (!result) Fail(ErrorCode::kDBDriverError, {}, stop);
    }
    const int more = mysql_next_result(link_->mysql);
    if (more > 0) Fail(ErrorCode::kDBDriverError, {}, stop);
    if (more < 0) break;
  }
  CountBytes();
  MYSQL_ROW row = result ? mysql_fetch_row(result.get()) : nullptr;
  if (row == nullptr) {
    throw Error(ErrorCode::kDBUnExpect, "the server says nothing about itself")
        .SetScope(options_.scope);
  }
  const auto text = [&](int i) { return std::string_view(row[i] == nullptr ? "" : row[i]); };
  const auto number = [&](int i) {
    uint64_t value = 0;
    const std::string_view digits = text(i);
    std::from_chars(digits.data(), digits.data() + digits.size(), value);
    return value;
  };
  ServerInfo info;
  std::string_view version = text(0);
  if (version.starts_with("5.5.5-")) version.remove_prefix(6);
  info.version = version;
  info.version_comment = text(1);
  info.max_allowed_packet = number(2);
  info.connection_id = number(3);
  info.no_backslash_escapes = text(4).find("NO_BACKSLASH_ESCAPES") != std::string_view::npos;
  info.is_mariadb = version.find("MariaDB") != std::string_view::npos ||
                    info.version_comment.find("MariaDB") != std::string::npos;
  info.flavor = info.is_mariadb ? Flavor::kMariaDb : Flavor::kMySql;
  const size_t tidb = version.find("TiDB-");
  info.is_tidb = tidb != std::string_view::npos;
  if (info.is_tidb) {
    std::string_view tidb_version = version.substr(tidb + 5);
    if (tidb_version.starts_with("v")) tidb_version.remove_prefix(1);
    ParseVersionNumbers(tidb_version, &info.major, &info.minor, &info.patch);
  } else {
    ParseVersionNumbers(version, &info.major, &info.minor, &info.patch);
  }
  server_ = std::move(info);
}

bool Connection::broken() const { return link_->broken; }

void Connection::Interrupt() noexcept { link_->Interrupt(); }

uint32_t Connection::warning_count() const {
  return link_->mysql == nullptr ? 0 : mysql_warning_count(link_->mysql);
}

bool Connection::IsAlive() noexcept {
  if (link_->broken) return false;
  // A server that has closed the connection, or said why it is going to, is found before anything
  // is sent: repeating the request elsewhere is then harmless. (With TLS unread bytes may be
  // ordinary session tickets.)
  pollfd fd = {static_cast<int>(mysql_get_socket(link_->mysql)), POLLIN | POLLRDHUP, 0};
  const int happened = poll(&fd, 1, 0) > 0 ? fd.revents : 0;
  const bool dead = (happened & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL)) != 0 ||
                    ((happened & POLLIN) != 0 && !link_->tls);
  if (dead) link_->MarkBroken();
  return !dead;
}

void Connection::CheckAlive() {
  if (IsAlive()) return;
  throw Error(ErrorCode::kDBBadConn, "database driver error")
      .SetRawCause("driver: bad connection")
      .SetScope(options_.scope);
}

void Connection::CountBytes() {
  answered_ = SteadyClock::now();
  // A lost connection has no counters any more.
  if (!options_.counters || link_->mysql == nullptr || link_->mysql->net.pvio == nullptr) return;
  size_t read = 0, written = 0;
  mariadb_get_infov(link_->mysql, MARIADB_CONNECTION_BYTES_READ, &read);
  mariadb_get_infov(link_->mysql, MARIADB_CONNECTION_BYTES_SENT, &written);
  options_.counters->bytes_read.fetch_add(read - link_->seen_read, std::memory_order_relaxed);
  options_.counters->bytes_written.fetch_add(written - link_->seen_written,
                                             std::memory_order_relaxed);
  link_->seen_read = read;
  link_->seen_written = written;
}

void Connection::Fail(ErrorCode code, std::string_view statement, const StopToken& stop) {
  CountBytes();
  const unsigned number = mysql_errno(link_->mysql);
  if (IsServerError(number)) {
    // Killed, timed out, or the server goes down: it closes the connection behind these.
    if (EndsConnection(number)) link_->MarkBroken();
    throw Error(code, DatabaseErrorMessage(code, statement))
        .SetRawCause(ServerErrorText(link_->mysql))
        .SetServerErrno(static_cast<int>(number))
        .SetScope(options_.scope);
  }
  if (IsLostError(number) || link_->interrupted()) FailLost(stop);
  throw Error(code, DatabaseErrorMessage(code, statement))
      .SetRawCause(mysql_error(link_->mysql))
      .SetScope(options_.scope);
}

void Connection::FailLost(const StopToken& stop) {
  link_->MarkBroken();
  ThrowIfStopped(stop);
  throw Error(ErrorCode::kDBInvalidConn, "database driver error")
      .SetRawCause("invalid connection")
      .SetScope(options_.scope);
}

void Connection::CheckSize(size_t bytes, ErrorCode code, std::string_view quoted) const {
  const uint64_t limit = packet_limit();
  if (limit == 0 || bytes <= limit) return;
  throw Error(code, DatabaseErrorMessage(code, quoted))
      .SetRawCause(fmt::format(
          "packet for query is too large: {} bytes, but max_allowed_packet is {}", bytes, limit))
      .SetScope(options_.scope);
}

void Connection::Send(std::string_view sql, ErrorCode code, std::string_view quoted,
                      const StopToken& stop, size_t statements, size_t counted) {
  ThrowIfStopped(stop);
  CheckAlive();
  CheckSize(sql.size() + 1, code, quoted.empty() ? sql : quoted);
  int failed = 0;
  if (statements < 2) {
    failed = mysql_real_query(link_->mysql, sql.data(), sql.size());
  } else {
    failed = mysql_send_query(link_->mysql, sql.data(), sql.size());
    if (failed == 0) AwaitAnswers(statements, counted);
    if (failed == 0) failed = mysql_read_query_result(link_->mysql);
  }
  if (failed != 0) Fail(code, quoted.empty() ? sql : quoted, stop);
}

namespace {

ResultSet Buffered(MYSQL_RES* result) {
  ResultSet set;
  const unsigned width = mysql_num_fields(result);
  const MYSQL_FIELD* fields = mysql_fetch_fields(result);
  set.columns.reserve(width);
  for (unsigned i = 0; i < width; ++i) set.columns.emplace_back(fields[i].name);
  set.rows.reserve(mysql_num_rows(result));
  while (MYSQL_ROW row = mysql_fetch_row(result)) {
    const unsigned long* lengths = mysql_fetch_lengths(result);
    auto& out = set.rows.emplace_back(width);
    for (unsigned i = 0; i < width; ++i) {
      if (row[i] != nullptr) out[i].emplace(row[i], lengths[i]);
    }
  }
  return set;
}

}  // namespace

ResultSet Connection::Query(std::string_view sql, const StopToken& stop) {
  const StopCallback on_stop(stop, [this] { link_->Interrupt(); });
  Send(sql, ErrorCode::kDBQueryFailed, {}, stop);
  ResultPtr result;
  // A procedure's results beyond its first are read and dropped.
  for (bool first = true;; first = false) {
    if (mysql_field_count(link_->mysql) > 0) {
      ResultPtr next(mysql_store_result(link_->mysql));
      if (!next) Fail(ErrorCode::kDBQueryFailed, sql, stop);
      if (first) result = std::move(next);
    }
    const int more = mysql_next_result(link_->mysql);
    if (more > 0) Fail(ErrorCode::kDBQueryFailed, sql, stop);
    if (more < 0) break;
  }
  CountBytes();
  return result ? Buffered(result.get()) : ResultSet();
}

std::optional<std::string> Connection::QueryValue(std::string_view sql, const StopToken& stop) {
  ResultSet set = Query(sql, stop);
  if (set.rows.empty() || set.rows[0].empty()) return std::nullopt;
  return std::move(set.rows[0][0]);
}

uint64_t Connection::ReadAffected(ErrorCode code, std::string_view quoted, const StopToken& stop,
                                  std::vector<ResultSet>* results) {
  if (mysql_field_count(link_->mysql) == 0) return mysql_affected_rows(link_->mysql);
  const ResultPtr result(mysql_store_result(link_->mysql));
  if (!result) Fail(code, quoted, stop);
  if (results != nullptr) results->push_back(Buffered(result.get()));
  return mysql_num_rows(result.get());
}

uint64_t Connection::Execute(std::string_view sql, const StopToken& stop, std::string_view quoted) {
  const StopCallback on_stop(stop, [this] { link_->Interrupt(); });
  if (quoted.empty()) quoted = sql;
  Send(sql, ErrorCode::kDBExecuteFailed, quoted, stop);
  const uint64_t affected = ReadAffected(ErrorCode::kDBExecuteFailed, quoted, stop);
  while (mysql_more_results(link_->mysql)) {
    if (mysql_next_result(link_->mysql) > 0) Fail(ErrorCode::kDBExecuteFailed, quoted, stop);
    ReadAffected(ErrorCode::kDBExecuteFailed, quoted, stop);
  }
  CountBytes();
  return affected;
}

std::vector<uint64_t> Connection::ExecuteMulti(std::string_view sql, size_t statements,
                                               const StopToken& stop, std::string_view quoted,
                                               std::vector<ResultSet>* results, size_t counted) {
  const StopCallback on_stop(stop, [this] { link_->Interrupt(); });
  if (quoted.empty()) quoted = sql;
  failed_statement_ = 0;
  answer_times_.sent = SteadyClock::now();
  Send(sql, ErrorCode::kDBExecuteFailed, quoted, stop, statements, counted);
  std::vector<uint64_t> affected;
  affected.reserve(statements);
  for (;;) {
    affected.push_back(ReadAffected(ErrorCode::kDBExecuteFailed, quoted, stop, results));
    NoteAnswerText();
    failed_statement_ = affected.size();
    // (The time of each of many is not asked for.)
    const bool first = affected.size() == 1;
    if (first || affected.size() + 1 >= statements) {
      const auto now = SteadyClock::now();
      if (first) answer_times_.first = answer_times_.last = now;
      answer_times_.previous = std::exchange(answer_times_.last, now);
    }
    if (!mysql_more_results(link_->mysql)) break;
    if (mysql_next_result(link_->mysql) > 0) Fail(ErrorCode::kDBExecuteFailed, quoted, stop);
  }
  CountBytes();
  if (affected.size() != statements) {
    link_->MarkBroken();
    throw Error(ErrorCode::kDBInvalidConn, "database driver error")
        .SetRawCause(fmt::format("invalid connection: {} answers to {} statements", affected.size(),
                                 statements))
        .SetScope(options_.scope);
  }
  return affected;
}

void Connection::Begin(const StopToken& stop) {
  const StopCallback on_stop(stop, [this] { link_->Interrupt(); });
  Send("START TRANSACTION", ErrorCode::kDBExecuteFailedBegin, {}, stop);
  CountBytes();
}

void Connection::Commit(const StopToken& stop) { Execute("COMMIT", stop); }

void Connection::Rollback(const StopToken& stop) { Execute("ROLLBACK", stop); }

void Connection::Ping(const StopToken& stop) {
  const StopCallback on_stop(stop, [this] { link_->Interrupt(); });
  ThrowIfStopped(stop);
  CheckAlive();
  if (mysql_ping(link_->mysql) != 0) Fail(ErrorCode::kDBDriverError, {}, stop);
  CountBytes();
}

void Connection::KeepAlive(const StopToken& stop) {
  const Milliseconds interval = keepalive_interval();
  if (interval.count() == 0 || link_->broken || SteadyClock::now() - answered_ < interval) return;
  try {
    Ping(stop);
  } catch (const Error& e) {
    link_->MarkBroken();
    Log().Info("a connection was lost while nothing was sent on it", {F("error", e)});
  }
}

void Connection::SendCommand(uint8_t command, std::span<const uint8_t> payload) {
  CheckAlive();
  MYSQL* mysql = link_->mysql;
  if (mysql->methods->db_command(mysql, static_cast<enum_server_command>(command),
                                 reinterpret_cast<const char*>(payload.data()), payload.size(),
                                 /*skip_check=*/1, nullptr) != 0) {
    Fail(ErrorCode::kDBDriverError, {}, StopToken());
  }
  CountBytes();
}

std::span<const uint8_t> Connection::ReadPacket(ErrorCode code, std::string_view what,
                                                const StopToken& stop) {
  const StopCallback on_stop(stop, [this] { link_->Interrupt(); });
  ThrowIfStopped(stop);
  if (link_->broken) CheckAlive();
  const unsigned long size = mysql_net_read_packet(link_->mysql);
  // libmariadb's packet_error: all bits of an unsigned int or of an unsigned long.
  if (size == 0xFFFFFFFFUL || size == ~0UL) Fail(code, what, stop);
  // (Most packets have come together with one before them.)
  size_t read = 0;
  mariadb_get_infov(link_->mysql, MARIADB_CONNECTION_BYTES_READ, &read);
  if (read != link_->seen_read || !options_.counters) CountBytes();
  return {link_->mysql->net.read_pos, size};
}

bool Connection::is_plain() const {
  return !link_->tls && mysql_get_ssl_cipher(link_->mysql) == nullptr;
}

size_t Connection::ReadSome(std::span<uint8_t> into, const StopToken& stop) {
  ThrowIfStopped(stop);
  if (link_->broken) CheckAlive();
  const auto fd = static_cast<int>(mysql_get_socket(link_->mysql));
  for (;;) {
    const ssize_t read = recv(fd, into.data(), into.size(), MSG_DONTWAIT);
    if (read > 0) {
      answered_ = SteadyClock::now();
      if (options_.counters) {
        options_.counters->bytes_read.fetch_add(static_cast<uint64_t>(read),
                                                std::memory_order_relaxed);
      }
      return static_cast<size_t>(read);
    }
    if (read < 0 && errno == EINTR) continue;
    if (read == 0 || (errno != EAGAIN && errno != EWOULDBLOCK)) FailLost(stop);
    const StopCallback on_stop(stop, [this] { link_->Interrupt(); });
    const auto deadline = SteadyClock::now() + options_.read_timeout;
    const bool limited = options_.read_timeout.count() > 0;
    for (;;) {
      const auto left = std::chrono::ceil<Milliseconds>(deadline - SteadyClock::now());
      const auto wait = std::clamp<int64_t>(left.count(), 0, 60'000);
      pollfd socket = {fd, POLLIN, 0};
      const int ready = poll(&socket, 1, limited ? static_cast<int>(wait) : -1);
      if (ready > 0) break;
      if (ready < 0 && errno != EINTR) FailLost(stop);
      if (limited && SteadyClock::now() >= deadline) FailLost(stop);
    }
  }
}

void Connection::FailByPacket(std::span<const uint8_t> packet, ErrorCode code) {
  // 0xff | number u16 | '#' and five characters of SQLSTATE (all but old servers) | text
  const std::string_view all(reinterpret_cast<const char*>(packet.data()), packet.size());
  if (packet.size() < 3) FailLost({});
  const int number = packet[1] | packet[2] << 8;
  std::string_view text = all.substr(3);
  std::string_view state = "HY000";  // as libmariadb says of servers that send none
  if (text.size() >= 6 && text[0] == '#') {
    state = text.substr(1, 5);
    text.remove_prefix(6);
  }
  if (EndsConnection(static_cast<unsigned>(number))) link_->MarkBroken();
  throw Error(code, DatabaseErrorMessage(code, {}))
      .SetRawCause(ServerErrorText(number, state, text))
      .SetServerErrno(number)
      .SetScope(options_.scope);
}

}  // namespace dm::mysql
