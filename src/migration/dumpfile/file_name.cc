#include "migration/dumpfile/file_name.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <optional>

#include "base/log/log.h"

namespace dm::migration {

namespace {

constexpr std::string_view kSpecialBytes = "%\"*./:<>?\\|";
constexpr std::string_view kSchemaWord = "-schema";

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string ToLowerCase(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(), Lower);
  return lower;
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool IsWord(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '_';
  });
}

bool IsDigits(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// `name` is lower case. If it ends in `<marker>.sql` or `<marker>.sql.<word>`, the length of what
// stands before the marker, and the word.
struct SchemaTail {
  size_t head = 0;
  std::string compression;
};

std::optional<SchemaTail> MatchSchemaTail(std::string_view name, std::string_view marker) {
  const std::string tail = std::string(marker) + ".sql";
  if (name.ends_with(tail)) return SchemaTail{name.size() - tail.size(), ""};
  const size_t dot = name.rfind('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const std::string_view word = name.substr(dot + 1);
  if (!word.empty() && !IsWord(word)) return std::nullopt;
  if (!name.substr(0, dot).ends_with(tail)) return std::nullopt;
  return SchemaTail{dot - tail.size(), std::string(word)};
}

std::string Decode(std::string_view part) { return UnescapeFileNamePart(part); }

}  // namespace

std::string EscapeFileNamePart(std::string_view name) {
  std::string out;
  out.reserve(name.size());
  for (size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    const bool special =
        static_cast<unsigned char>(c) < 0x20 || kSpecialBytes.find(c) != std::string_view::npos;
    const bool schema_dash =
        c == '-' && ToLowerCase(name.substr(i, kSchemaWord.size())) == kSchemaWord;
    if (special || schema_dash) {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
  return out;
}

std::string UnescapeFileNamePart(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const int high = i + 1 < text.size() ? HexDigit(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? HexDigit(text[i + 2]) : -1;
    if (high < 0 || low < 0) {
      Log().Warn("malformed escape in the name of a dump file, taken as it is", {F("name", text)});
      return std::string(text);
    }
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

std::string SchemaCreateFileName(std::string_view schema) {
  return EscapeFileNamePart(schema) + "-schema-create.sql";
}

std::string TableSchemaFileName(std::string_view schema, std::string_view table) {
  return EscapeFileNamePart(schema) + "." + EscapeFileNamePart(table) + "-schema.sql";
}

std::string ViewSchemaFileName(std::string_view schema, std::string_view view) {
  return EscapeFileNamePart(schema) + "." + EscapeFileNamePart(view) + "-schema-view.sql";
}

std::string SequenceSchemaFileName(std::string_view schema, std::string_view sequence) {
  return EscapeFileNamePart(schema) + "." + EscapeFileNamePart(sequence) + "-schema-sequence.sql";
}

std::string DataFileName(std::string_view schema, std::string_view table, uint64_t chunk,
                         uint64_t file_in_chunk, bool size_limited) {
  const std::string index =
      size_limited ? fmt::format("{:09}{:04}", chunk, file_in_chunk) : fmt::format("{:09}", chunk);
  return fmt::format("{}.{}.{}.sql", EscapeFileNamePart(schema), EscapeFileNamePart(table), index);
}

DumpFileName ClassifyDumpFile(std::string_view path) {
  DumpFileName result;
  const size_t slash = path.rfind('/');
  const std::string_view name = slash == std::string_view::npos ? path : path.substr(slash + 1);
  const std::string lower = ToLowerCase(name);

  // Matched against the whole path, directories included.
  if (MatchSchemaTail(ToLowerCase(path), "-schema-trigger") ||
      MatchSchemaTail(ToLowerCase(path), "-schema-post")) {
    return result;
  }
  if (lower.ends_with(".bak")) return result;

  const auto take_schema_only = [&](DumpFileKind kind, const SchemaTail& tail) {
    const std::string_view schema = name.substr(0, tail.head);
    if (schema.empty() || schema.find('.') != std::string_view::npos) return false;
    result = {kind, Decode(schema), "", DumpFileFormat::kSql, tail.compression};
    return true;
  };
  const auto take_table = [&](DumpFileKind kind, const SchemaTail& tail) {
    const std::string_view head = name.substr(0, tail.head);
    const size_t dot = head.find('.');
    if (dot == std::string_view::npos || dot == 0) return false;
    result = {kind, Decode(head.substr(0, dot)), Decode(head.substr(dot + 1)), DumpFileFormat::kSql,
              tail.compression};
    return true;
  };
  if (auto tail = MatchSchemaTail(lower, "-schema-create")) {
    if (take_schema_only(DumpFileKind::kSchemaCreate, *tail)) return result;
  }
  if (auto tail = MatchSchemaTail(lower, "-schema")) {
    if (take_table(DumpFileKind::kTableSchema, *tail)) return result;
  }
  if (auto tail = MatchSchemaTail(lower, "-schema-view")) {
    if (take_table(DumpFileKind::kViewSchema, *tail)) return result;
  }
  if (auto tail = MatchSchemaTail(lower, "-schema-sequence")) {
    if (take_table(DumpFileKind::kSequenceSchema, *tail)) return result;
  }

  // schema.table[.index].(sql|csv|parquet)[.compression]
  const size_t first_dot = name.find('.');
  if (first_dot == std::string_view::npos || first_dot == 0) return result;
  std::string_view rest = std::string_view(lower).substr(first_dot + 1);
  std::string compression;
  const auto format_of = [](std::string_view text) -> std::optional<DumpFileFormat> {
    const size_t dot = text.rfind('.');
    if (dot == std::string_view::npos) return std::nullopt;
    const std::string_view extension = text.substr(dot + 1);
    if (extension == "sql") return DumpFileFormat::kSql;
    if (extension == "csv") return DumpFileFormat::kCsv;
    if (extension == "parquet") return DumpFileFormat::kParquet;
    return std::nullopt;
  };
  auto format = format_of(rest);
  if (!format) {
    const size_t dot = rest.rfind('.');
    if (dot == std::string_view::npos || !IsWord(rest.substr(dot + 1))) return result;
    format = format_of(rest.substr(0, dot));
    if (!format) return result;
    compression = rest.substr(dot + 1);
    rest = rest.substr(0, dot);
  }
  rest = rest.substr(0, rest.rfind('.'));
  size_t table_size = rest.size();
  const size_t index_dot = rest.rfind('.');
  if (index_dot != std::string_view::npos && IsDigits(rest.substr(index_dot + 1))) {
    table_size = index_dot;
  }
  return {DumpFileKind::kData, Decode(name.substr(0, first_dot)),
          Decode(name.substr(first_dot + 1, table_size)), *format, compression};
}

bool IsDumpFile(std::string_view path) {
  return path == kMetadataFile || ClassifyDumpFile(path).kind != DumpFileKind::kIgnored;
}

}  // namespace dm::migration
