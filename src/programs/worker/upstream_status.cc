#include "programs/worker/upstream_status.h"

#include "base/error/error.h"
#include "base/log/log.h"
#include "mysql/client/binlog_status.h"
#include "mysql/client/clock_offset.h"

namespace dm::worker {
namespace {
constexpr std::chrono::seconds kInterval{30};
}

UpstreamStatus::UpstreamStatus(mysql::ConnectOptions options)
    : options_(std::move(options)), thread_([this](const StopToken& stop) { Loop(stop); }) {}

std::optional<migration::UpstreamPosition> UpstreamStatus::Latest() {
  std::lock_guard lock(mutex_);
  return latest_;
}

std::optional<Error> UpstreamStatus::Refresh(Milliseconds limit) {
  std::unique_lock lock(mutex_);
  const uint64_t question = ++asked_;
  changed_.notify_all();
  if (!changed_.wait_for(lock, limit, [&] { return answered_ >= question; })) {
    latest_.reset();  // is not what the upstream has now
    return error_ ? error_
                  : Error(ErrorCode::kNotSet,
                          fmt::format("upstream {}:{} did not answer within {} s: context "
                                      "deadline exceeded",
                                      options_.host, options_.port, limit.count() / 1000));
  }
  return error_;
}

void UpstreamStatus::Loop(const StopToken& stop) {
  while (!stop.stop_requested()) {
    uint64_t question;
    {
      std::lock_guard lock(mutex_);
      question = asked_;
    }
    std::optional<migration::UpstreamPosition> position;
    std::optional<Error> error;
    try {
      position = Ask(stop);
    } catch (const Cancelled&) {
      return;
    } catch (const std::exception& e) {
      error = ToError(e);
      connection_.reset();
      Log().Warn("cannot read the upstream's binlog position", {F("error", e)});
    }
    std::unique_lock lock(mutex_);
    answered_ = question;
    error_ = std::move(error);
    latest_ = std::move(position);
    changed_.notify_all();
    changed_.wait_for(lock, stop, kInterval, [&] { return asked_ > answered_; });
  }
}

migration::UpstreamPosition UpstreamStatus::Ask(const StopToken& stop) {
  if (!connection_ || connection_->broken()) {
    connection_ = mysql::Connection::Connect(options_, stop);
  }
  migration::UpstreamPosition position;
  position.asked_at =
      std::chrono::duration_cast<Milliseconds>(std::chrono::system_clock::now().time_since_epoch())
          .count();
  position.clock_offset = mysql::ReadClockOffset(*connection_, stop);
  const auto status = mysql::ReadBinlogStatus(*connection_, stop);
  if (!status) return position;  // binlog is off: fine for a full migration
  position.position = status->position.ToString();
  position.gtid_set = status->gtid_set;
  ReadFiles(status->position.file, stop);
  position.files = files_;
  return position;
}

void UpstreamStatus::ReadFiles(const std::string& current, const StopToken& stop) {
  // Only a new file changes the list in a way that matters.
  if (files_refused_ || (!files_.empty() && files_.back().first == current)) return;
  files_.clear();
  try {
    const mysql::ResultSet result = connection_->Query("SHOW BINARY LOGS", stop);
    for (const auto& row : result.rows) {
      if (row.size() < 2 || !row[0] || !row[1]) continue;
      files_.emplace_back(*row[0], std::stoull(*row[1]));
    }
  } catch (const Error& e) {
    if (connection_->broken()) throw;
    files_refused_ = true;
    Log().Warn("sizes of the upstream's binlog files cannot be read: no remaining time is shown",
               {F("error", e)});
  }
}

}  // namespace dm::worker
