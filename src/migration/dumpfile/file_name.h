// Names of the files of a dump directory.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace dm::migration {

// Name of the file that is written last: a directory that has it is a complete dump.
inline constexpr std::string_view kMetadataFile = "metadata";

// `name` as part of a file name: bytes 0x00-0x1F and each of %"*./:<>?\| become %XX, and the '-' of
// every "-schema" (any letter case) becomes %2D.
std::string EscapeFileNamePart(std::string_view name);
// The reverse. A malformed % sequence leaves the whole text as it is.
std::string UnescapeFileNamePart(std::string_view text);

std::string SchemaCreateFileName(std::string_view schema);
std::string TableSchemaFileName(std::string_view schema, std::string_view table);
std::string ViewSchemaFileName(std::string_view schema, std::string_view view);
std::string SequenceSchemaFileName(std::string_view schema, std::string_view sequence);
// `file_in_chunk` is written only if files have a size limit.
std::string DataFileName(std::string_view schema, std::string_view table, uint64_t chunk,
                         uint64_t file_in_chunk, bool size_limited);

enum class DumpFileKind {
  kIgnored,  // no file of a dump, or one that is never loaded
  kSchemaCreate,
  kSequenceSchema,
  kTableSchema,
  kViewSchema,
  kData,
};

enum class DumpFileFormat { kSql, kCsv, kParquet };

// What a file's path says about it. Schema and table are decoded.
struct DumpFileName {
  DumpFileKind kind = DumpFileKind::kIgnored;
  std::string schema;
  std::string table;
  DumpFileFormat format = DumpFileFormat::kSql;
  std::string compression;  // extension as written, lower case: "", "gz", "zst", ...
};

// Classifies a path relative to the dump directory by the patterns of every DM version.
DumpFileName ClassifyDumpFile(std::string_view path);

// Is this one of the files that a dump leaves (by ClassifyDumpFile or `metadata`)?
bool IsDumpFile(std::string_view path);

}  // namespace dm::migration
