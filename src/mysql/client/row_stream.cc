#include "mysql/client/link.h"

namespace dm::mysql {

struct RowStream::Result {
  MYSQL_RES* handle = nullptr;
  ~Result() {
    if (handle != nullptr) mysql_free_result(handle);
  }
};

RowStream Connection::Stream(std::string_view sql, const StopToken& stop) {
  const StopCallback on_stop(stop, [this] { link_->Interrupt(); });
  Send(sql, ErrorCode::kDBQueryFailed, {}, stop);
  auto result = std::make_unique<RowStream::Result>();
  if (mysql_field_count(link_->mysql) > 0) {
    result->handle = mysql_use_result(link_->mysql);
    if (result->handle == nullptr) Fail(ErrorCode::kDBQueryFailed, sql, stop);
  }
  return RowStream(this, std::move(result), stop, CutStatement(sql));
}

RowStream::RowStream(Connection* connection, std::unique_ptr<Result> result, StopToken stop,
                     std::string statement)
    : connection_(connection),
      result_(std::move(result)),
      stop_(std::move(stop)),
      statement_(std::move(statement)) {
  if (result_->handle == nullptr) {
    result_.reset();
    return;
  }
  const unsigned width = mysql_num_fields(result_->handle);
  const MYSQL_FIELD* fields = mysql_fetch_fields(result_->handle);
  columns_.reserve(width);
  for (unsigned i = 0; i < width; ++i) {
    ResultColumn column;
    column.name = fields[i].name;
    column.type = static_cast<uint8_t>(fields[i].type);
    column.charset = static_cast<uint16_t>(fields[i].charsetnr);
    column.flags = fields[i].flags;
    column.length = fields[i].length;
    column.decimals = static_cast<uint8_t>(fields[i].decimals);
    columns_.push_back(std::move(column));
  }
  row_.resize(width);
}

RowStream::RowStream(RowStream&&) noexcept = default;

RowStream::~RowStream() {
  // Reading the rest could take for ever: the connection is given up instead.
  if (result_) connection_->link_->MarkBroken();
}

bool RowStream::Next() {
  if (!result_) return false;
  const StopCallback on_stop(stop_, [this] { connection_->Interrupt(); });
  ThrowIfStopped(stop_);
  MYSQL_ROW row = mysql_fetch_row(result_->handle);
  if (row == nullptr) {
    // Freed on leaving, when an error's text has been taken over.
    const std::unique_ptr<Result> ended = std::move(result_);
    row_.clear();
    if (mysql_errno(connection_->link_->mysql) != 0) {
      connection_->Fail(ErrorCode::kDBQueryFailed, statement_, stop_);
    }
    connection_->CountBytes();
    return false;
  }
  const unsigned long* lengths = mysql_fetch_lengths(result_->handle);
  for (size_t i = 0; i < row_.size(); ++i) row_[i] = FieldView{row[i], row[i] ? lengths[i] : 0};
  return true;
}

}  // namespace dm::mysql
