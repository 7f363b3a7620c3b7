// The downstream's proof of who may write: one row a writing connection, with an epoch that every
// run raises, to a number that never was one before, not even before the task's meta data were
// removed. A transaction of an older run fails at its first statement, so a writer that was
// stopped, cut off or forgotten cannot write over its successor.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/thread/stop.h"
#include "mysql/client/connection.h"

namespace dm::migration {

// Table `<task>_owner (id, slot, epoch)` of one source. Slots are numbered from 0 by their user;
// dump/load and sync of one subtask never write at the same time. Immutable, thread-safe.
class OwnerTable {
 public:
  OwnerTable(std::string_view meta_schema, std::string_view task, std::string_view source_id);

  // Creates the schema and the table if they are missing.
  void Create(mysql::Connection& connection, const StopToken& stop) const;

  // Is told what may be waited for, in words for users, and "" when that is over.
  using Tell = std::function<void(std::string_view)>;
  enum class StatementWait { kLimited, kUnlimited };

  // Raises the epoch of every slot of this source, makes missing ones up to `slots`, and commits.
  // Waits for transactions and statements of former owners that are in flight, of each kind up to
  // 20 minutes: the sessions of a process that is gone or stopped end with their idle limit, but a
  // large transaction takes its time to be rolled back. Statements are waited for without end if
  // that is wanted. Returns the epochs of slots 0..slots-1.
  std::vector<uint64_t> RaiseAll(mysql::Connection& connection, size_t slots, const StopToken& stop,
                                 const Tell& tell = {},
                                 StatementWait wait = StatementWait::kLimited) const;

  // Raises the epochs of all sources of the task: whoever still writes for it will not any more.
  // Waits for transactions in flight as RaiseAll does.
  void RaiseEverySource(mysql::Connection& connection, const StopToken& stop) const;

  // Raises one slot from `epoch` to `next`, after its connection was lost with a transaction of
  // unknown outcome: when this returns, that transaction is committed, or it never will be, and a
  // statement of ExecuteOwned has ended. If it
  // fails it may be repeated with the same `next`. Throws Error kSyncerOwnerChanged if the slot has
  // another epoch: another run has taken over, and must not be thrown out by one that woke up late.
  // Waits as RaiseAll does, but no more than one lock wait of the server once `patience` stops.
  void Raise(mysql::Connection& connection, size_t slot, uint64_t epoch, uint64_t next,
             const StopToken& stop, const StopToken& patience = {}) const;
  // An epoch above `epoch` that no other run chooses (those add one, or take the time).
  static uint64_t NextEpoch(uint64_t epoch);

  // The statement that proves `epoch` to `server`; first in every transaction. It locks the slot's
  // row, changes nothing that anyone reads, and fails with a duplicate key (1062) if the epoch
  // differs. A missing row does not fail: rows are only removed together with the task's whole meta
  // data. On TiDB, where an optimistic transaction locks nothing and is only checked at its COMMIT
  // for what it writes, the row is really written, and it may be COMMIT that fails.
  std::string ProofStatement(size_t slot, uint64_t epoch, const mysql::ServerInfo& server) const;

  // Executes a statement that commits by itself, such as one that makes, empties or drops a table,
  // while `epoch` is that of `slot`. Of such a statement no row can be the proof until its end. So
  // the session first takes a lock that the server keeps until the statement has ended, whatever
  // becomes of this process, then looks at the epoch; who raises the epoch waits for the lock
  // afterwards. A session that was lost while this process slept has lost its lock too, and
  // executes nothing any more. Throws Error kSyncerOwnerChanged, with nothing executed, if the slot
  // has another epoch or none. On TiDB before 6.2, which has no such locks, the epoch is only
  // looked at immediately before.
  void ExecuteOwned(mysql::Connection& connection, size_t slot, uint64_t epoch,
                    std::string_view statement, const StopToken& stop) const;

  // Is this the failure of a proof? For errors of a COMMIT; of the proof itself, 1062 is enough.
  bool IsRefusal(const Error& error) const;

 private:
  std::string LockName(size_t slot) const;  // literal
  // Calls `raise`, which may leave a transaction open, until it succeeds.
  void Insist(mysql::Connection& connection, const StopToken& stop, const StopToken& patience,
              const std::function<void()>& raise) const;
  // Waits until no session executes a statement for one of the slots.
  void WaitForStatements(mysql::Connection& connection, const std::vector<size_t>& slots,
                         const StopToken& stop, const Tell& tell = {},
                         StatementWait wait = StatementWait::kLimited) const;

  std::string table_;   // quoted
  std::string schema_;  // quoted
  std::string id_;      // literal
  std::string source_id_;
  std::string meta_schema_;
  std::string task_;
  std::string refusal_;  // what a refused proof's error contains
};

// One slot of a run, and its epoch. `owner` must outlive it.
struct OwnerRight {
  const OwnerTable* owner = nullptr;
  size_t slot = 0;
  uint64_t epoch = 0;

  // OwnerTable::ProofStatement and ExecuteOwned.
  std::string Proof(const mysql::ServerInfo& server) const {
    return owner->ProofStatement(slot, epoch, server);
  }
  void Execute(mysql::Connection& connection, std::string_view statement,
               const StopToken& stop) const {
    owner->ExecuteOwned(connection, slot, epoch, statement, stop);
  }
};

}  // namespace dm::migration
