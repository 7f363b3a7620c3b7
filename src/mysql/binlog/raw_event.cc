#include "mysql/binlog/raw_event.h"

#include "base/error/error.h"

namespace dm::mysql {
namespace {

uint32_t Load32(const uint8_t* p) {
  return p[0] | p[1] << 8 | p[2] << 16 | static_cast<uint32_t>(p[3]) << 24;
}

}  // namespace

std::string_view ToString(EventType type) {
  switch (type) {
    case EventType::kUnknown:
      return "UNKNOWN";
    case EventType::kStartV3:
      return "START_V3";
    case EventType::kQuery:
      return "QUERY";
    case EventType::kStop:
      return "STOP";
    case EventType::kRotate:
      return "ROTATE";
    case EventType::kIntvar:
      return "INTVAR";
    case EventType::kLoad:
      return "LOAD";
    case EventType::kSlave:
      return "SLAVE";
    case EventType::kCreateFile:
      return "CREATE_FILE";
    case EventType::kAppendBlock:
      return "APPEND_BLOCK";
    case EventType::kExecLoad:
      return "EXEC_LOAD";
    case EventType::kDeleteFile:
      return "DELETE_FILE";
    case EventType::kNewLoad:
      return "NEW_LOAD";
    case EventType::kRand:
      return "RAND";
    case EventType::kUserVar:
      return "USER_VAR";
    case EventType::kFormatDescription:
      return "FORMAT_DESCRIPTION";
    case EventType::kXid:
      return "XID";
    case EventType::kBeginLoadQuery:
      return "BEGIN_LOAD_QUERY";
    case EventType::kExecuteLoadQuery:
      return "EXECUTE_LOAD_QUERY";
    case EventType::kTableMap:
      return "TABLE_MAP";
    case EventType::kWriteRowsV0:
      return "WRITE_ROWS_V0";
    case EventType::kUpdateRowsV0:
      return "UPDATE_ROWS_V0";
    case EventType::kDeleteRowsV0:
      return "DELETE_ROWS_V0";
    case EventType::kWriteRowsV1:
      return "WRITE_ROWS_V1";
    case EventType::kUpdateRowsV1:
      return "UPDATE_ROWS_V1";
    case EventType::kDeleteRowsV1:
      return "DELETE_ROWS_V1";
    case EventType::kIncident:
      return "INCIDENT";
    case EventType::kHeartbeat:
      return "HEARTBEAT";
    case EventType::kIgnorable:
      return "IGNORABLE";
    case EventType::kRowsQuery:
      return "ROWS_QUERY";
    case EventType::kWriteRowsV2:
      return "WRITE_ROWS_V2";
    case EventType::kUpdateRowsV2:
      return "UPDATE_ROWS_V2";
    case EventType::kDeleteRowsV2:
      return "DELETE_ROWS_V2";
    case EventType::kGtid:
      return "GTID";
    case EventType::kAnonymousGtid:
      return "ANONYMOUS_GTID";
    case EventType::kPreviousGtids:
      return "PREVIOUS_GTIDS";
    case EventType::kTransactionContext:
      return "TRANSACTION_CONTEXT";
    case EventType::kViewChange:
      return "VIEW_CHANGE";
    case EventType::kXaPrepare:
      return "XA_PREPARE";
    case EventType::kPartialUpdateRows:
      return "PARTIAL_UPDATE_ROWS";
    case EventType::kTransactionPayload:
      return "TRANSACTION_PAYLOAD";
    case EventType::kHeartbeatV2:
      return "HEARTBEAT_V2";
    case EventType::kGtidTagged:
      return "GTID_TAGGED";
    case EventType::kMariaDbAnnotateRows:
      return "ANNOTATE_ROWS";
    case EventType::kMariaDbBinlogCheckpoint:
      return "BINLOG_CHECKPOINT";
    case EventType::kMariaDbGtid:
      return "MARIADB_GTID";
    case EventType::kMariaDbGtidList:
      return "GTID_LIST";
    case EventType::kMariaDbStartEncryption:
      return "START_ENCRYPTION";
    case EventType::kMariaDbQueryCompressed:
      return "QUERY_COMPRESSED";
    case EventType::kMariaDbWriteRowsCompressed:
      return "WRITE_ROWS_COMPRESSED";
    case EventType::kMariaDbUpdateRowsCompressed:
      return "UPDATE_ROWS_COMPRESSED";
    case EventType::kMariaDbDeleteRowsCompressed:
      return "DELETE_ROWS_COMPRESSED";
    case EventType::kMariaDbWriteRowsCompressedV2:
      return "WRITE_ROWS_COMPRESSED_V2";
    case EventType::kMariaDbUpdateRowsCompressedV2:
      return "UPDATE_ROWS_COMPRESSED_V2";
    case EventType::kMariaDbDeleteRowsCompressedV2:
      return "DELETE_ROWS_COMPRESSED_V2";
  }
  return "UNKNOWN";
}

bool IsWriteRows(EventType type) {
  switch (type) {
    case EventType::kWriteRowsV1:
    case EventType::kWriteRowsV2:
    case EventType::kMariaDbWriteRowsCompressed:
    case EventType::kMariaDbWriteRowsCompressedV2:
      return true;
    default:
      return false;
  }
}

bool IsUpdateRows(EventType type) {
  switch (type) {
    case EventType::kUpdateRowsV1:
    case EventType::kUpdateRowsV2:
    case EventType::kPartialUpdateRows:
    case EventType::kMariaDbUpdateRowsCompressed:
    case EventType::kMariaDbUpdateRowsCompressedV2:
      return true;
    default:
      return false;
  }
}

bool IsDeleteRows(EventType type) {
  switch (type) {
    case EventType::kDeleteRowsV1:
    case EventType::kDeleteRowsV2:
    case EventType::kMariaDbDeleteRowsCompressed:
    case EventType::kMariaDbDeleteRowsCompressedV2:
      return true;
    default:
      return false;
  }
}

bool IsRowsEvent(EventType type) {
  return IsWriteRows(type) || IsUpdateRows(type) || IsDeleteRows(type);
}

EventHeader EventHeader::Parse(std::span<const uint8_t> bytes) {
  if (bytes.size() < kEventHeaderSize) {
    throw Error(ErrorCode::kBinlogEventDecode,
                fmt::format("binlog event of {} bytes is shorter than its header", bytes.size()));
  }
  EventHeader header;
  header.timestamp = Load32(bytes.data());
  header.type = static_cast<EventType>(bytes[4]);
  header.server_id = Load32(bytes.data() + 5);
  header.event_size = Load32(bytes.data() + 9);
  header.log_pos = Load32(bytes.data() + 13);
  header.flags = static_cast<uint16_t>(bytes[17] | bytes[18] << 8);
  return header;
}

RawEvent::RawEvent(std::shared_ptr<const void> buffer, std::span<const uint8_t> bytes,
                   size_t checksum_size, const EventHeader& header)
    : buffer_(std::move(buffer)), bytes_(bytes), header_(header), checksum_size_(checksum_size) {
  if (header_.event_size != bytes.size() || bytes.size() < kEventHeaderSize + checksum_size) {
    throw Error(ErrorCode::kBinlogEventDecode,
                fmt::format("binlog event {} has size {} in its header but {} bytes",
                            ToString(header_.type), header_.event_size, bytes.size()));
  }
}

}  // namespace dm::mysql
