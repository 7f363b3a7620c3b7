// The newest binlog position of the bound source, cached.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "migration/unit/ports.h"
#include "mysql/client/connection.h"

namespace dm::worker {

// Asks the upstream from one thread of its own: every 30 s, and when somebody asks for a fresh
// answer. The thread dials when there is no connection; askers never do. Thread-safe.
class UpstreamStatus : public migration::SourceStatusPort {
 public:
  explicit UpstreamStatus(mysql::ConnectOptions options);
  ~UpstreamStatus() override = default;

  // What is known now.
  std::optional<migration::UpstreamPosition> Latest() override;
  // Waits up to `limit` for an answer that was asked for after this call. nullopt: a fresh answer
  // came; else why not, and nothing is known until the next answer.
  std::optional<Error> Refresh(Milliseconds limit);

 private:
  void Loop(const StopToken& stop);
  migration::UpstreamPosition Ask(const StopToken& stop);
  // Sizes of the binlog files, if `current` is not the last one known.
  void ReadFiles(const std::string& current, const StopToken& stop);

  const mysql::ConnectOptions options_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  uint64_t asked_ = 0;     // number of the newest question
  uint64_t answered_ = 0;  // the newest question that the last answer is for
  std::optional<migration::UpstreamPosition> latest_;
  std::optional<Error> error_;
  // The thread's.
  std::unique_ptr<mysql::Connection> connection_;
  std::vector<std::pair<std::string, uint64_t>> files_;
  bool files_refused_ = false;
  std::jthread thread_;
};

}  // namespace dm::worker
