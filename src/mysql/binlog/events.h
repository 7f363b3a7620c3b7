// Layouts of the events that are not row images. Every Parse checks bounds and throws Error 11054
// (binlog event cannot be decoded) on malformed bytes.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mysql/binlog/raw_event.h"
#include "mysql/position/gtid_set.h"

namespace dm::mysql {

// FORMAT_DESCRIPTION: version u16 | server version 50 bytes | created u32 | header length u8 |
// post-header lengths | checksum algorithm u8 | CRC u32. Decides how all other events are cut.
struct FormatDescription {
  std::string server_version;
  uint32_t created = 0;
  std::vector<uint8_t> post_header_lengths;  // index: event type - 1
  bool has_checksum = false;                 // events of this file end in a CRC32

  // Length for a type; 0 beyond the end of the table.
  size_t PostHeaderLength(EventType type) const;
  static FormatDescription Parse(const RawEvent& event);
  // A description with the lengths of today's servers, for events without their file's head.
  static FormatDescription Default();
  // Number of checksum bytes of the FORMAT_DESCRIPTION event in `bytes` itself: 4 if the server is
  // new enough to have them, whatever its algorithm; else 0.
  static size_t OwnChecksumSize(std::span<const uint8_t> bytes);
};

// ROTATE: position u64 | file name.
struct RotateEvent {
  uint64_t position = 0;
  std::string file;
  static RotateEvent Parse(const RawEvent& event);
};

// Status variables of a QUERY event; absent ones were not logged.
struct QueryStatus {
  std::optional<uint32_t> flags2;
  std::optional<uint64_t> sql_mode;
  std::optional<uint16_t> client_collation;  // character_set_client
  std::optional<uint16_t> server_collation;  // collation_server
  std::optional<uint16_t> database_collation;
  std::optional<uint16_t> default_utf8mb4_collation;
  std::optional<std::string> time_zone;
  // Of the statement's NOW(), beside the event's timestamp; logged if it was asked for.
  std::optional<uint32_t> microseconds;
  // Logged unless both are 1.
  std::optional<uint16_t> auto_increment_increment;
  std::optional<uint16_t> auto_increment_offset;
  std::optional<bool> explicit_defaults_for_timestamp;
  std::optional<uint8_t> mariadb_gtid_flags3;  // 2 START_ALTER, 4 COMMIT_ALTER, 8 ROLLBACK_ALTER
  // Pairs (default collation of a charset, collation chosen instead), MariaDB 11.3+.
  std::vector<std::pair<uint16_t, uint16_t>> character_set_collations;
  std::optional<uint8_t> unknown_code;  // parsing ended here: a code nobody knows yet

  // No FOREIGN_KEY_CHECKS while the statement ran (flags2 bit 26).
  bool foreign_key_checks() const { return !flags2 || (*flags2 & 0x04000000) == 0; }
};

// QUERY and MariaDB's QUERY_COMPRESSED (inflated), and the statement of EXECUTE_LOAD_QUERY.
struct QueryEvent {
  uint32_t server_id = 0;  // where it was executed first, of the event's header
  uint32_t thread_id = 0;  // of the session there
  uint32_t exec_time = 0;
  uint16_t error_code = 0;
  // The server's mark of statements on temporary tables of the session. In procedures others have
  // it, too, and a RENAME TABLE of one has it not.
  bool thread_specific = false;
  QueryStatus status;
  std::string schema;
  std::string text;  // in the client's character set, see status.client_collation

  bool IsBegin() const;   // BEGIN, white space trimmed
  bool IsCommit() const;  // COMMIT
  // Throws Error 11117 if a known status variable is cut off.
  static QueryEvent Parse(const RawEvent& event, const FormatDescription& format);
};

// XID: commit of a transaction.
struct XidEvent {
  uint64_t xid = 0;
  static XidEvent Parse(const RawEvent& event);
};

// MySQL GTID, ANONYMOUS_GTID, GTID_TAGGED and MariaDB GTID.
struct GtidEvent {
  Gtid gtid;
  bool anonymous = false;  // changes no set
  // MySQL's logical clock; 0 if not logged.
  int64_t last_committed = 0;
  int64_t sequence_number = 0;
  // Microseconds since 1970 of the commit on the server where the transaction began; 0 if not
  // logged.
  uint64_t original_commit_timestamp = 0;
  uint64_t immediate_commit_timestamp = 0;
  // MariaDB.
  uint8_t flags2 = 0;       // 1 STANDALONE, 32 DDL, 64 PREPARED_XA, 128 COMPLETED_XA
  uint8_t flags_extra = 0;  // 2 START_ALTER, 4 COMMIT_ALTER, 8 ROLLBACK_ALTER
  uint64_t start_alter_sequence = 0;

  bool standalone() const { return (flags2 & 1) != 0; }
  bool is_ddl() const { return (flags2 & 32) != 0; }
  // Does the transaction end with XA_PREPARE?
  bool prepared_xa() const { return (flags2 & 64) != 0; }
  static GtidEvent Parse(const RawEvent& event, const FormatDescription& format);
};

// PREVIOUS_GTIDS (MySQL) and GTID_LIST (MariaDB): the set at the start of a file.
GtidSet ParsePreviousGtids(const RawEvent& event);

// ROWS_QUERY (MySQL) and ANNOTATE_ROWS (MariaDB): text of the statement that made the rows.
// A view into the event, which must not be a temporary.
std::string_view ParseRowsQuery(const RawEvent& event);
std::string_view ParseRowsQuery(RawEvent&& event) = delete;

// HEARTBEAT v1 and v2: where the server's dump is.
struct HeartbeatEvent {
  std::string file;
  uint64_t position = 0;  // low 32 bits only unless `full_position`
  bool full_position = false;
  static HeartbeatEvent Parse(const RawEvent& event, Flavor flavor);
};

// XA_PREPARE.
struct XaPrepareEvent {
  bool one_phase = false;
  uint32_t format_id = 0;
  std::string gtrid, bqual;
  // X'gtrid',X'bqual',format as servers write it in statements.
  std::string Xid() const;
  static XaPrepareEvent Parse(const RawEvent& event);
};

// INCIDENT: the upstream lost events.
struct IncidentEvent {
  uint16_t incident = 0;
  std::string message;
  static IncidentEvent Parse(const RawEvent& event);
};

// TRANSACTION_PAYLOAD (MySQL, compressed transactions): the events inside, inflated one at a time,
// since a whole transaction may be larger than memory. They come without checksums, and each owns
// its bytes. One owner thread.
class TransactionPayload {
 public:
  // Throws Error 11054 on a malformed event, or one that is compressed in an unknown way. An event
  // inside of more than `largest_event` bytes is refused.
  explicit TransactionPayload(const RawEvent& event, size_t largest_event = size_t{1} << 30);
  ~TransactionPayload();

  // The next event inside; nullopt behind the last one. Throws Error 11054 on malformed content.
  std::optional<RawEvent> Next();

 private:
  struct Inflater;
  // Reads `size` inflated bytes; fewer at the end.
  size_t Read(uint8_t* to, size_t size);
  [[noreturn]] void Fail(std::string_view why) const;

  const RawEvent event_;
  const size_t largest_event_;
  std::span<const uint8_t> rest_;       // of the payload
  uint64_t size_ = 0;                   // inflated
  uint64_t read_ = 0;                   // of it, in whole events
  std::unique_ptr<Inflater> inflater_;  // null: the payload is not compressed
};

}  // namespace dm::mysql
