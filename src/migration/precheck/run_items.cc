#include "migration/precheck/run_items.h"

#include <fmt/format.h>

#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/error/error.h"
#include "base/io/text.h"

namespace dm::migration {
namespace {

// Requests a stop when a time is over, unless it ends before.
class Deadline {
 public:
  explicit Deadline(Milliseconds limit)
      : thread_([this, limit](const StopToken& done) {
          std::mutex mutex;
          std::condition_variable_any never;
          std::unique_lock lock(mutex);
          never.wait_for(lock, done, limit, [] { return false; });
          if (!done.stop_requested()) source_.request_stop();
        }) {}
  StopToken token() const { return source_.get_token(); }

 private:
  StopSource source_;
  std::jthread thread_;
};

void RunOne(ItemTask& task, const StopToken& stop) {
  try {
    ThrowIfStopped(stop);
    task.check(task.item, stop);
  } catch (const Cancelled&) {
    throw;
  } catch (const std::exception& e) {
    const Error error = ToError(e);
    task.item.Fail(error.MessageAndCause());
    if (task.item.instruction.empty()) task.item.instruction = error.workaround();
  }
}

}  // namespace

CheckReport RunItems(std::vector<ItemTask> tasks, Milliseconds limit, const StopToken& stop) {
  CheckReport report;
  std::mutex mutex;
  {
    const Deadline deadline(limit);
    const LinkedStop either(stop, deadline.token());
    std::vector<std::jthread> threads;
    for (size_t i = 0; i < tasks.size(); ++i) {
      tasks[i].item.id = static_cast<int>(i);
      threads.emplace_back([&, i] {
        try {
          RunOne(tasks[i], either.token());
        } catch (const Cancelled&) {
          // A failure that was found by then stays one.
          CheckItem& item = tasks[i].item;
          item.Warn(fmt::format("not finished within {}", FormatDuration(limit)));
          item.instruction =
              "Look for locks and long statements on the server, or name the item in "
              "`ignore-checking-items`.";
          std::lock_guard lock(mutex);
          report.finished = false;
        }
      });
    }
    threads.clear();  // joins
  }
  ThrowIfStopped(stop);
  for (ItemTask& task : tasks) report.items.push_back(std::move(task.item));
  return report;
}

}  // namespace dm::migration
