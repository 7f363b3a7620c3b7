// XA transactions: the rows of a branch, from XA START to where it is decided.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/thread/stop.h"
#include "migration/meta/sync_checkpoint.h"
#include "migration/sync/session.h"
#include "mysql/binlog/raw_event.h"
#include "mysql/position/position.h"

namespace dm::migration {

// A branch changes nothing before it is committed, maybe by another session long after it was
// prepared. Its rows are applied there, as those of an ordinary transaction: until then its locks
// keep others from its rows and its tables' definitions upstream. Small branches wait in memory;
// others, and those that an earlier run saw, are read again from the upstream's binlog. One owner
// thread.
class XaBranches {
 public:
  // Gets the TABLE_MAP and rows events of a branch that is committed, in their order.
  using Consumer = std::function<void(const mysql::RawEvent&)>;

  // `prepared`: branches that are undecided where the run begins; what of them is replicated is not
  // taken from there, the rules may have been others. `memory`: bytes of events that
  // may wait. `sessions` outlives this.
  XaBranches(const Sessions& sessions, PreparedBranches prepared, size_t memory = 64 << 20);

  // --- the branch that is being read ---
  // A transaction begins, or after a lost connection the open one comes again. In its place may
  // come another one, unless rows events were held: those the stream does not repeat.
  void BeginTransaction();
  void Open() { open_ = true; }
  bool open() const { return open_; }
  bool has_rows() const { return current_.has_rows; }
  // A TABLE_MAP or rows event; `replicated`: rows that are to be applied. Of others no more is kept
  // than that they are there: rows events are counted.
  void Hold(const mysql::RawEvent& event, bool replicated);
  // It was prepared; `place` says where it is.
  void Prepare(const std::string& xid, PreparedBranch place);
  // It was committed in one phase. Throws as Commit.
  void CommitInOnePhase(const std::string& xid, const PreparedBranch& place,
                        const Consumer& consumer, const StopToken& stop);
  // The transaction has ended, as a branch or not.
  void Close();

  // --- branches that were prepared ---
  // A statement that stands at `place` in the log of the server `identity` commits it. Throws Error
  // kSyncerUnitNotSupportedOperate (36025) if its rows cannot be found, what the consumer throws,
  // Cancelled.
  void Commit(const std::string& xid, std::string_view identity, const mysql::BinlogPosition& place,
              const Consumer& consumer, const StopToken& stop);
  void Rollback(const std::string& xid);
  const PreparedBranches& prepared() const { return prepared_; }

 private:
  struct Held {
    std::vector<mysql::RawEvent> events;
    size_t bytes = 0;
    bool whole = true;        // false: there was no room for all
    bool has_rows = false;    // that are replicated
    bool has_events = false;  // rows events, replicated or not
  };
  void Drop(Held& held);
  // Reads a branch from the binlog.
  void Read(const std::string& xid, const mysql::BinlogPosition& begin, const Consumer& consumer,
            const StopToken& stop);
  // Looks for the last XA PREPARE of `xid` before `place`, file by file.
  std::optional<mysql::BinlogPosition> Find(const std::string& xid,
                                            const mysql::BinlogPosition& place,
                                            const StopToken& stop);

  const Sessions& sessions_;
  const size_t memory_;
  PreparedBranches prepared_;
  std::map<std::string, Held> held_;  // by xid; of this run
  Held current_;
  bool open_ = false;
  size_t bytes_ = 0;  // in memory, all together
};

}  // namespace dm::migration
