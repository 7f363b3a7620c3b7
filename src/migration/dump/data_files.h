// Writes the rows of one chunk into its data files.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "migration/dumpfile/value_text.h"
#include "migration/storage/local_directory.h"
#include "mysql/client/connection.h"

namespace dm::migration {

// Comment lines at the start of every .sql file of a dump.
std::string_view DumpFileHeader(bool mariadb);

struct DataFileOptions {
  bool mariadb = false;
  bool backslash_escapes = true;
  uint64_t file_size = 0;       // 0: no limit
  uint64_t statement_size = 0;  // > 0
};

// A file is made when its first row comes. One owner thread.
class DataFiles {
 public:
  // `column_list` as in the INSERT. `on_open` gets the path of every file that is begun, `on_close`
  // path and size of every complete one.
  DataFiles(const LocalDirectory& directory, const DataFileOptions& options, std::string schema,
            std::string table, std::string_view column_list, uint64_t chunk,
            std::function<void(const std::string& path)> on_open,
            std::function<void(const std::string& path, uint64_t size)> on_close);

  // `kinds` has an element for each value; an empty row is written as (). `lossy_charsets` has one
  // for each value, too: where it names a character set, the row has one more value at its end, the
  // bytes in hex of a text that UTF-8 cannot hold (else NULL): written as _gbk x'...'.
  void AddRow(std::span<const mysql::FieldView> row, const std::vector<ValueKind>& kinds,
              const std::vector<std::string>& lossy_charsets = {});
  // Closes the last file. Not called: that file is left incomplete.
  void Finish();

 private:
  void Open();
  void CloseFile();
  void CheckSpace() const;

  const LocalDirectory& directory_;
  const DataFileOptions options_;
  const std::string schema_;
  const std::string table_;
  const std::string prefix_;  // "INSERT INTO ... VALUES\n"
  const uint64_t chunk_;
  const std::function<void(const std::string&)> on_open_;
  const std::function<void(const std::string&, uint64_t)> on_close_;

  std::optional<FileWriter> file_;
  std::string path_;
  uint64_t file_index_ = 0;
  std::string buffer_;
  uint64_t file_bytes_ = 0;
  uint64_t statement_bytes_ = 0;
  bool in_statement_ = false;
  uint64_t unchecked_bytes_ = 0;  // written since the free space was looked at
};

}  // namespace dm::migration
