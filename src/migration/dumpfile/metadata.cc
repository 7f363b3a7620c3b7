#include "migration/dumpfile/metadata.h"

#include <charconv>

#include "base/error/error.h"
#include "migration/dumpfile/file_name.h"
#include "migration/storage/local_directory.h"

namespace dm::migration {

namespace {

constexpr std::string_view kFirstHeaders[] = {"SHOW MASTER STATUS:", "SHOW BINARY LOG STATUS:"};
constexpr std::string_view kReplicaHeaders[] = {"SHOW SLAVE STATUS:", "SHOW REPLICA STATUS:"};
constexpr std::string_view kIdKey = "Dump id:";
constexpr std::string_view kStartedByKey = "Started by:";
constexpr std::string_view kTimeZoneKey = "Time zone:";
constexpr std::string_view kSqlModeKey = "SQL mode:";
constexpr std::string_view kAfterMark = " /* AFTER CONNECTION POOL ESTABLISHED */";

std::string_view TrimSpace(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

[[noreturn]] void Fail(std::string_view text, std::string_view reason) {
  throw Error(ErrorCode::kParseMydumperMeta,
              fmt::format("parse mydumper metadata error: {}, metadata: {}", reason, text));
}

// FNV-1a, 64 bits: two dumps never have the same times and positions.
std::string TextId(std::string_view text) {
  uint64_t hash = 14695981039346656037ull;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ull;
  return fmt::format("text-{:016x}", hash);
}

class Lines {
 public:
  explicit Lines(std::string_view text) : rest_(text) {}
  bool Next(std::string_view& line) {
    if (rest_.empty()) return false;
    const size_t end = rest_.find('\n');
    line = TrimSpace(rest_.substr(0, end));
    rest_ = end == std::string_view::npos ? std::string_view() : rest_.substr(end + 1);
    return true;
  }
  std::string_view rest() const { return rest_; }
  void Reset(std::string_view rest) { rest_ = rest; }

 private:
  std::string_view rest_;
};

bool IsGtidSetText(std::string_view text) {
  if (text.ends_with(',')) text.remove_suffix(1);
  if (text.empty()) return false;
  try {
    mysql::GtidSet::ParseAny(text);
    return true;
  } catch (const Error&) {
    return false;
  }
}

// The lines of one block, up to its blank line or the end of its GTID set.
DumpPosition ParseBlock(Lines& lines, std::string_view text) {
  DumpPosition position;
  std::string_view line;
  for (;;) {
    if (!lines.Next(line)) Fail(text, "unexpected end of file");
    if (line.empty()) return position;
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos) Fail(text, "a line of a position has no colon");
    const std::string_view key = TrimSpace(line.substr(0, colon));
    const std::string_view value = TrimSpace(line.substr(colon + 1));
    if (key == "Log") {
      position.file = value;
    } else if (key == "Pos") {
      const auto [end, error] =
          std::from_chars(value.data(), value.data() + value.size(), position.offset);
      if (error != std::errc() || end != value.data() + value.size()) {
        Fail(text, fmt::format("invalid position {}", value));
      }
    } else if (key == "GTID") {
      position.gtid_text = value;
      for (;;) {
        const std::string_view before = lines.rest();
        if (!lines.Next(line) || line.empty()) return position;
        if (!IsGtidSetText(line)) {
          lines.Reset(before);
          return position;
        }
        position.gtid_text += line;
      }
    }
  }
}

}  // namespace

std::string FormatDumpMetadata(const DumpRecord& record) {
  std::string text = fmt::format("Started dump at: {}\n", record.started_at);
  const auto append = [&text](std::string_view header,
                              const std::optional<DumpPosition>& position) {
    if (position) {
      text += fmt::format("{}\n\tLog: {}\n\tPos: {}\n\tGTID:{}\n", header, position->file,
                          position->offset, position->gtid_text);
    }
    text += '\n';
  };
  append(record.binary_log_status ? kFirstHeaders[1] : kFirstHeaders[0], record.start);
  if (!record.replicas.empty()) {
    text += kReplicaHeaders[0];
    text += '\n';
    for (const DumpReplicaPosition& replica : record.replicas) {
      if (!replica.connection_name.empty()) {
        text += fmt::format("\tConnection name: {}\n", replica.connection_name);
      }
      text += fmt::format("\tHost: {}\n\tLog: {}\n\tPos: {}\n\tGTID:{}\n\n", replica.host,
                          replica.file, replica.offset, replica.gtid_text);
    }
  }
  if (record.has_exit) {
    append(std::string(kFirstHeaders[0]) + std::string(kAfterMark), record.exit);
  }
  text += fmt::format("Finished dump at: {}\n", record.finished_at);
  const auto fact = [&text](std::string_view key, const std::string& value) {
    if (!value.empty()) text += fmt::format("{} {}\n", key, value);
  };
  fact(kIdKey, record.id);
  fact(kStartedByKey, record.started_by);
  fact(kTimeZoneKey, record.time_zone);
  // An empty mode is a fact, too; a dump without an id knows none of them.
  if (!record.id.empty()) text += fmt::format("{} {}\n", kSqlModeKey, record.sql_mode);
  return text;
}

DumpMetadata ParseDumpFacts(std::string_view text) {
  DumpMetadata metadata;
  Lines lines(text);
  std::string_view line;
  while (lines.Next(line)) {
    for (const std::string_view header : kFirstHeaders) {
      if (line == header) {
        metadata.start = ParseBlock(lines, text);
      } else if (line == std::string(header) + std::string(kAfterMark)) {
        metadata.exit = ParseBlock(lines, text);
      }
    }
    for (const std::string_view header : kReplicaHeaders) {
      if (line == header) {
        while (lines.Next(line) && !line.empty()) {
        }
      }
    }
    const auto fact = [&line](std::string_view key) -> std::optional<std::string> {
      if (!line.starts_with(key)) return std::nullopt;
      return std::string(TrimSpace(line.substr(key.size())));
    };
    if (auto value = fact(kIdKey)) metadata.id = *value;
    if (auto value = fact(kStartedByKey)) metadata.started_by = *value;
    if (auto value = fact(kTimeZoneKey)) metadata.time_zone = *value;
    if (auto value = fact(kSqlModeKey)) metadata.sql_mode = *value;
  }
  if (metadata.id.empty()) metadata.id = TextId(text);
  return metadata;
}

DumpMetadata ParseDumpMetadata(std::string_view text) {
  DumpMetadata metadata = ParseDumpFacts(text);
  if (metadata.start.file.empty() || metadata.start.offset == 0) {
    throw Error(ErrorCode::kMetadataNoBinlogLoc,
                "didn't found binlog location in dumped metadata file");
  }
  if (metadata.exit && (metadata.exit->file.empty() || metadata.exit->offset == 0)) {
    Fail(text, "the second position is empty");
  }
  return metadata;
}

DumpMetadata ReadDumpMetadata(const std::string& dir) {
  const LocalDirectory directory(dir);
  std::optional<std::string> text;
  try {
    text = directory.Read(kMetadataFile);
  } catch (const Error& e) {
    throw WithCause(Error(ErrorCode::kParseMydumperMeta,
                          fmt::format("parse mydumper metadata error: {}", e.message())),
                    e);
  }
  if (!text) {
    throw Error(ErrorCode::kParseMydumperMeta, "parse mydumper metadata error: file not found")
        .SetRawCause(fmt::format("{} not found", directory.FullPath(kMetadataFile)));
  }
  return ParseDumpMetadata(*text);
}

mysql::Location ToLocation(const DumpPosition& position) {
  mysql::Location location;
  location.position = {position.file, position.offset};
  location.gtid_set = mysql::GtidSet::ParseAny(position.gtid_text);
  return location;
}

}  // namespace dm::migration
