#include "migration/dump/data_files.h"

#include <utility>

#include "base/error/error.h"
#include "base/failpoint/failpoint.h"
#include "migration/dumpfile/file_name.h"
#include "mysql/value/quote.h"

namespace dm::migration {

namespace {

// Bytes gathered before a write call: large enough that the call costs nothing per row.
constexpr size_t kWriteSize = size_t{1} << 20;
// The dump ends before the disk is full, so that the machine's other programs go on.
constexpr uint64_t kMinFreeBytes = uint64_t{1} << 30;
// How much one file may take between two looks.
constexpr uint64_t kCheckSpaceBytes = uint64_t{64} << 20;

}  // namespace

std::string_view DumpFileHeader(bool mariadb) {
  return mariadb ? "/*!40101 SET NAMES binary*/;\nSET FOREIGN_KEY_CHECKS=0;\n"
                 : "/*!40014 SET FOREIGN_KEY_CHECKS=0*/;\n/*!40101 SET NAMES binary*/;\n";
}

DataFiles::DataFiles(const LocalDirectory& directory, const DataFileOptions& options,
                     std::string schema, std::string table, std::string_view column_list,
                     uint64_t chunk, std::function<void(const std::string& path)> on_open,
                     std::function<void(const std::string& path, uint64_t size)> on_close)
    : directory_(directory),
      options_(options),
      schema_(std::move(schema)),
      table_(std::move(table)),
      prefix_(fmt::format("INSERT INTO {}{} VALUES\n", mysql::QuoteName(table_),
                          column_list.empty() ? std::string() : fmt::format(" ({})", column_list))),
      chunk_(chunk),
      on_open_(std::move(on_open)),
      on_close_(std::move(on_close)) {}

void DataFiles::CheckSpace() const {
  if (directory_.FreeBytes() < kMinFreeBytes) {
    throw Error(ErrorCode::kDumpUnitRuntime, "mydumper/dumpling runs with error")
        .SetRawCause(fmt::format("less than 1 GiB of disk space is free at {}", directory_.path()))
        .SetWorkaround(
            "Please free space there, or set `dir` in the loaders section to a larger file system, "
            "and resume the task.");
  }
}

void DataFiles::Open() {
  CheckSpace();
  path_ = DataFileName(schema_, table_, chunk_, file_index_++, options_.file_size > 0);
  on_open_(path_);
  // Crash point: no file of rows. Left: it and those behind it.
  DM_FAILPOINT("dump/before-data-file");
  file_.emplace(directory_.OpenForWrite(path_));
  buffer_ = DumpFileHeader(options_.mariadb);
  file_bytes_ = buffer_.size();
}

void DataFiles::AddRow(std::span<const mysql::FieldView> row, const std::vector<ValueKind>& kinds,
                       const std::vector<std::string>& lossy_charsets) {
  if (!file_) Open();
  if (in_statement_) {
    buffer_ += ",\n";
  } else {
    buffer_ += prefix_;
    file_bytes_ += prefix_.size();
    statement_bytes_ = prefix_.size();
    in_statement_ = true;
  }
  const size_t start = buffer_.size();
  buffer_ += '(';
  size_t bytes_at = kinds.size();
  for (size_t i = 0; i < kinds.size(); ++i) {
    if (i > 0) buffer_ += ',';
    const bool lossy = i < lossy_charsets.size() && !lossy_charsets[i].empty();
    const mysql::FieldView* const exact = lossy ? &row[bytes_at++] : nullptr;
    if (exact != nullptr && !exact->is_null()) {
      buffer_ += fmt::format("_{} x'{}'", lossy_charsets[i], exact->text());
    } else if (row[i].is_null()) {
      buffer_ += "NULL";
    } else {
      AppendValueText(buffer_, kinds[i], row[i].text(), options_.backslash_escapes);
    }
  }
  buffer_ += ')';
  const uint64_t bytes = buffer_.size() - start + 2;
  statement_bytes_ += bytes;
  file_bytes_ += bytes;
  if (options_.file_size > 0 && file_bytes_ >= options_.file_size) {
    CloseFile();
  } else if (statement_bytes_ >= options_.statement_size) {
    buffer_ += ";\n";
    in_statement_ = false;
  }
  if (file_ && buffer_.size() >= kWriteSize) {
    unchecked_bytes_ += buffer_.size();
    if (unchecked_bytes_ >= kCheckSpaceBytes) {
      CheckSpace();
      unchecked_bytes_ = 0;
    }
    file_->Write(buffer_);
  }
}

void DataFiles::CloseFile() {
  if (in_statement_) buffer_ += ";\n";
  in_statement_ = false;
  file_->Write(buffer_);
  const uint64_t size = file_->size();
  file_->Close();
  file_.reset();
  // Crash point: a file of rows is written. Left: to hand it to the load; the other files.
  DM_FAILPOINT("dump/after-data-file");
  on_close_(path_, size);
}

void DataFiles::Finish() {
  if (file_) CloseFile();
}

}  // namespace dm::migration
