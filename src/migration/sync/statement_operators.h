// Operations on statements of the binlog that users asked for: which there are, which one concerns
// the event at hand, how far each of them is.
#pragma once

#include <atomic>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/thread/stop.h"
#include "migration/meta/operator_table.h"
#include "mysql/client/connection.h"
#include "mysql/position/location.h"

namespace dm::migration {

// Where a run has met the error it ended with.
struct BrokenPlace {
  mysql::BinlogPosition position;     // begin of the event
  std::string gtid;                   // of its transaction; empty: not known, or not in GTID mode
  mysql::BinlogPosition transaction;  // begin of its transaction; no file: not known
  bool statement = false;             // it is a statement, not rows
  uint32_t number = 0;                // of the statement in its transaction, from 1
};

// Where the event at hand stands; a view.
struct OperatorPlace {
  const mysql::BinlogPosition& start;
  std::string_view gtid;   // of its transaction; empty: none, or not in GTID mode
  uint32_t statement = 0;  // its number in its transaction, from 1
};

// An operation is in the table before it is here, and leaves both when a checkpoint is written that
// lies behind it; how far it is done is written with the checkpoint too. So whoever continues the
// stream, another worker included, finds the operations that it will meet again.
//
// Thread-safe. Commands come from any thread; the planner of a run asks; whoever flushes the
// checkpoint collects what is to be written.
class StatementOperators {
 public:
  StatementOperators(OperatorTable table, bool gtid_mode);

  // --- commands; each blocks on `connection`, one at a time ---
  // Replaces what is known by what is stored.
  void Load(mysql::Connection& connection, const StopToken& stop);
  void Restore(std::vector<StatementOperator> stored);
  // Stores an operation (its number is chosen here) in the place of one at the same position.
  void Put(mysql::Connection& connection, StatementOperator op, const StopToken& stop);
  // Throws Error kSyncerOperatorNotExist (36065) unless there is one at this position that is not
  // carried out yet.
  void Remove(mysql::Connection& connection, const mysql::BinlogPosition& position,
              const StopToken& stop);
  // Forgets what lies before `flushed`, the stored location.
  void RemovePassed(mysql::Connection& connection, const mysql::Location& flushed,
                    const StopToken& stop);
  // At or behind `position`, in the binlog's order.
  std::vector<StatementOperator> From(const mysql::BinlogPosition& position) const;

  void SetBroken(std::optional<BrokenPlace> place);
  std::optional<BrokenPlace> broken() const;

  // --- planner ---
  bool empty() const { return count_.load(std::memory_order_relaxed) == 0; }
  // The skip or replacement of the statement that begins here, carried out already or not.
  std::optional<StatementOperator> OfStatement(const OperatorPlace& place) const;
  // An injection that is not carried out and whose place is here or was passed; the first one.
  std::optional<StatementOperator> DueInjection(const OperatorPlace& place) const;
  // The operation turned out to be inside the transaction that begins there.
  void SetTransaction(uint64_t number, const mysql::BinlogPosition& begin);

  // --- checkpoint ---
  // So many steps are done; known to nobody until it is written.
  void SetDone(uint64_t number, size_t done);
  struct Writes {
    std::vector<std::string> statements;
    std::vector<uint64_t> changed;
    std::vector<uint64_t> passed;
  };
  // What is to be written together with the location `saved`.
  Writes TakeWrites(const mysql::Location& saved);
  void Written(const Writes& writes);
  // They were not written.
  void GiveBack(const Writes& writes);

 private:
  struct Entry {
    StatementOperator op;
    bool changed = false;  // since it was stored
  };
  bool IsPassed(const StatementOperator& op, const mysql::Location& saved) const;
  bool ByGtid(const StatementOperator& op) const { return gtid_mode_ && !op.gtid.empty(); }
  Entry* Find(uint64_t number);  // mutex_ held
  void Forget(const std::vector<uint64_t>& numbers);
  void ForgetPassed(const std::vector<uint64_t>& numbers);  // warns of those not carried out

  const OperatorTable table_;
  const bool gtid_mode_;
  std::mutex command_mutex_;  // held during a whole command
  mutable std::mutex mutex_;  // never held while anything blocks
  std::vector<Entry> entries_;
  uint64_t last_number_ = 0;
  std::atomic<size_t> count_{0};
  std::optional<BrokenPlace> broken_;
};

}  // namespace dm::migration
