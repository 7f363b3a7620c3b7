#include <array>
#include <charconv>

#include "mysql/binlog/events.h"
#include "mysql/binlog/reader.h"

namespace dm::mysql {
namespace {

// Codes of status variables (MySQL and MariaDB, Query_log_event).
void ParseStatus(Reader in, QueryStatus& status) {
  const auto short_text = [&] { return std::string(in.Text(in.U8())); };
  while (!in.at_end()) {
    const uint8_t code = in.U8();
    switch (code) {
      case 0:
        status.flags2 = in.U32();
        break;
      case 1:
        status.sql_mode = in.U64();
        break;
      case 2:  // catalog with a terminating zero
        short_text();
        in.Skip(1);
        break;
      case 3:
        status.auto_increment_increment = in.U16();
        status.auto_increment_offset = in.U16();
        break;
      case 4:
        status.client_collation = in.U16();
        in.Skip(2);  // collation_connection
        status.server_collation = in.U16();
        break;
      case 5:
        status.time_zone = short_text();
        break;
      case 6:
        short_text();
        break;  // catalog
      case 7:
        in.Skip(2);
        break;  // lc_time_names
      case 8:
        status.database_collation = in.U16();
        break;
      case 9:
        in.Skip(8);
        break;  // table_map_for_update
      case 10:
        in.Skip(4);
        break;  // master_data_written
      case 11:  // invoker
        short_text();
        short_text();
        break;
      case 12: {  // updated databases
        const uint8_t count = in.U8();
        if (count == 254) break;  // too many to name them
        for (int i = 0; i < count; ++i) {
          while (in.U8() != 0) {
          }
        }
        break;
      }
      case 13:  // MySQL, and in old logs MariaDB
        status.microseconds = static_cast<uint32_t>(in.Unsigned(3));
        break;
      case 14:
      case 15:
        break;
      case 16:
        status.explicit_defaults_for_timestamp = in.U8() != 0;
        break;
      case 17:
        in.Skip(8);
        break;  // xid of an atomic DDL
      case 18:
        status.default_utf8mb4_collation = in.U16();
        break;
      case 19:
      case 20:
      case 21:
        in.Skip(1);
        break;
      case 128:  // MariaDB
        status.microseconds = static_cast<uint32_t>(in.Unsigned(3));
        break;
      case 129:
        in.Skip(8);
        break;     // MariaDB: xid
      case 130: {  // MariaDB: two-phase ALTER
        const uint8_t flags = in.U8();
        status.mariadb_gtid_flags3 = flags;
        if ((flags & (4 | 8)) != 0) in.Skip(8);
        break;
      }
      case 131: {  // MariaDB: character_set_collations
        const uint8_t count = in.U8();
        for (int i = 0; i < count; ++i) {
          const uint16_t from = in.U16();
          status.character_set_collations.emplace_back(from, in.U16());
        }
        break;
      }
      case 255:
        break;
      default:
        status.unknown_code = code;  // its length is unknown, and so is all that follows
        return;
    }
  }
}

// Does this server write explicit_defaults_for_timestamp into flags2? MariaDB does since the
// variable is one of the session.
bool LogsExplicitDefaults(std::string_view version) {
  if (version.find("MariaDB") == std::string_view::npos) return false;
  if (version.starts_with("5.5.5-")) version.remove_prefix(6);
  std::array<int, 3> parts{};
  for (int& part : parts) {
    const auto read = std::from_chars(version.data(), version.data() + version.size(), part);
    if (read.ec != std::errc()) return false;
    version.remove_prefix(static_cast<size_t>(read.ptr - version.data()));
    if (!version.empty()) version.remove_prefix(1);
  }
  constexpr std::array<std::array<int, 2>, 5> kFirst = {
      {{5, 17}, {6, 9}, {7, 5}, {8, 4}, {9, 2}}};  // of 10.5 to 10.9
  if (parts[0] != 10 || parts[1] >= 10) return parts[0] >= 10;
  for (const auto& [minor, patch] : kFirst) {
    if (parts[1] == minor) return parts[2] >= patch;
  }
  return false;
}

constexpr uint32_t kExplicitDefaults = 0x01000000;

}  // namespace

QueryEvent QueryEvent::Parse(const RawEvent& event, const FormatDescription& format) {
  Reader in(event);
  QueryEvent query;
  query.server_id = event.header().server_id;
  query.thread_specific = (event.header().flags & kFlagThreadSpecific) != 0;
  query.thread_id = in.U32();
  query.exec_time = in.U32();
  const uint8_t schema_size = in.U8();
  query.error_code = in.U16();
  const uint16_t status_size = in.U16();
  size_t known = 13;
  if (event.type() == EventType::kExecuteLoadQuery) {
    in.Skip(13);  // file id, positions of the file name, duplicate handling
    known = 26;
  }
  // Post-header fields of later versions.
  const size_t post_header = format.PostHeaderLength(event.type());
  if (post_header > known) in.Skip(post_header - known);
  const auto status = in.Take(status_size);
  try {
    ParseStatus(Reader(status, event.header()), query.status);
  } catch (const Error& e) {
    throw Error(ErrorCode::kBinlogStatusVarsParse,
                "fail to parse binlog status_vars of a query event")
        .SetRawCause(e.message());
  }
  if (query.status.flags2 && LogsExplicitDefaults(format.server_version)) {
    query.status.explicit_defaults_for_timestamp = (*query.status.flags2 & kExplicitDefaults) != 0;
  }
  query.schema = in.Text(schema_size);
  in.Skip(1);
  if (event.type() == EventType::kMariaDbQueryCompressed) {
    query.text = InflateMariaDb(in.Rest(), event.header());
  } else {
    query.text = in.RestText();
  }
  return query;
}

}  // namespace dm::mysql
