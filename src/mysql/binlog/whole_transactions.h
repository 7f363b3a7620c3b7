// Keeps back what a dead MariaDB left in its log without an end.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "base/thread/stop.h"
#include "mysql/binlog/event_source.h"
#include "mysql/binlog/raw_event.h"

namespace dm::mysql {

// Events of a MariaDB's log, each transaction only when its end has come. A server that died while
// it wrote a transaction into its log has rolled it back when it came up again, but does not cut
// the log; such a transaction is left out. (It always is the last one of its file; a server that is
// alive sends whole transactions only.) One owner thread.
class WholeTransactions {
 public:
  // Asked for a transaction that is larger than what is kept back, with its GTID event: is its end
  // in the log? May throw.
  using IsWhole = std::function<bool(const RawEvent& gtid, const StopToken& stop)>;

  // Gets a whole transaction in which a statement stands behind rows, before its first event is
  // handed out, and may take events out of it. Not one that is larger than what is kept back.
  using Revise = std::function<void(std::vector<RawEvent>& events)>;

  // `source` outlives this. Up to about `limit` bytes are kept back. `revise` may be empty.
  WholeTransactions(EventSource& source, size_t limit, IsWhole is_whole, Revise revise = {})
      : source_(source),
        limit_(limit),
        is_whole_(std::move(is_whole)),
        revise_(std::move(revise)) {}

  // The next event. Throws as the source's; then what was kept back is lost.
  RawEvent Next(const StopToken& stop);
  // Is the next event in memory already, another one of the transaction of the last?
  bool has_more() const { return next_ < ready_.size(); }

 private:
  // Reads the transaction of this GTID event into `ready_`.
  void Collect(RawEvent gtid, const StopToken& stop);

  EventSource& source_;
  const size_t limit_;
  const IsWhole is_whole_;
  const Revise revise_;
  std::vector<RawEvent> ready_;
  size_t next_ = 0;               // of `ready_`
  std::optional<RawEvent> gtid_;  // of a transaction that was not collected yet
  bool leaving_out_ = false;      // up to the next file
};

}  // namespace dm::mysql
