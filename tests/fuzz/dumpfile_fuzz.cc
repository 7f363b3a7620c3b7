// Any bytes as a file of a dump: data, schema, metadata, or its name. Errors or values; a place in
// a data file that was given can be gone back to.
#include <string>
#include <vector>

#include "migration/dumpfile/file_name.h"
#include "migration/dumpfile/insert_reader.h"
#include "migration/dumpfile/load_line.h"
#include "migration/dumpfile/metadata.h"
#include "migration/dumpfile/schema_script.h"
#include "target.h"

using namespace dm::migration;  // NOLINT: the whole file is about this room
using dm::fuzz::MayRefuse;
using dm::fuzz::Require;

namespace {

struct Tuple {
  size_t position;
  std::string_view text;
};

void CheckData(std::string_view file, bool backslash_escapes) {
  InsertReader reader(file, backslash_escapes);
  std::vector<Tuple> tuples;
  MayRefuse([&] {
    while (reader.FindTuple()) {
      const size_t position = reader.Position();
      tuples.push_back({position, reader.TakeTuple()});
      Require(reader.Position() > position && reader.Position() <= file.size(),
              "a tuple is behind the one before it");
    }
    Require(reader.Position() == file.size(), "without tuples left the position is the end");
  });
  if (tuples.size() > 20) tuples.resize(20);
  for (const Tuple& tuple : tuples) {
    reader.Seek(tuple.position);
    Require(reader.FindTuple() && reader.Position() == tuple.position &&
                reader.TakeTuple() == tuple.text,
            "the tuple is there again after Seek");
    for (size_t values = 1; values <= 3; ++values) {
      for (const LoadField field : {LoadField::kText, LoadField::kHex}) {
        std::string line = "before";
        const std::vector<LoadField> fields(values, field);
        const size_t size =
            AppendLoadLine(line, file.substr(tuple.position), fields, backslash_escapes);
        Require(size == 0 ? line == "before" : size == tuple.text.size(),
                "both readers agree where a tuple ends");
      }
    }
  }
}

void CheckScript(std::string_view text, const ScriptOptions& options) {
  for (const std::string& statement : SplitScript(text, options)) {
    MayRefuse([&] { ReadCreateHead(statement, options); });
  }
  IsMariaDbScript(text);
}

void CheckMetadata(std::string_view text) {
  const DumpMetadata metadata = ParseDumpMetadata(text);
  MayRefuse([&] { ToLocation(metadata.start); });
  DumpRecord record;
  record.start = metadata.start;
  record.has_exit = metadata.exit.has_value();
  record.exit = metadata.exit;
  const DumpMetadata again = ParseDumpMetadata(FormatDumpMetadata(record));
  Require(again.start.file == metadata.start.file && again.start.offset == metadata.start.offset,
          "a position reads back as itself");
}

}  // namespace

// The first byte: which kind of file, and how quotes are read.
DM_FUZZ_TARGET(dumpfile) {
  if (input.empty()) return;
  const uint8_t flags = input[0];
  const std::string_view text = dm::fuzz::Text(input.subspan(1));
  switch (flags % 4) {
    case 0:
      MayRefuse([&] { CheckData(text, (flags & 4) != 0); });
      break;
    case 1:
      CheckScript(text, {.ansi_quotes = (flags & 8) != 0, .backslash_escapes = (flags & 4) != 0});
      break;
    case 2:
      MayRefuse([&] { CheckMetadata(text); });
      break;
    default:
      ClassifyDumpFile(text);
      Require(UnescapeFileNamePart(EscapeFileNamePart(text)) == text, "a name comes back");
  }
}
