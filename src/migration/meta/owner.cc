#include "migration/meta/owner.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <random>

#include "base/error/error.h"
#include "base/failpoint/failpoint.h"
#include "base/log/log.h"
#include "base/log/sensitive.h"
#include "migration/meta/names.h"
#include "mysql/client/retry.h"
#include "mysql/value/quote.h"

namespace dm::migration {

namespace {

// The row that a wrong epoch collides with. Its slot is one no connection has.
constexpr int kGuardSlot = -1;
constexpr int kDuplicateEntry = 1062;
// Conflicts with the transaction of unknown outcome end with it.
constexpr int kRaiseAttempts = 30;
constexpr Milliseconds kRaiseWait{100};
// How long a transaction that holds a slot's row is waited for, and how often that is told.
constexpr std::chrono::minutes kRaiseTime{20};
constexpr std::chrono::seconds kRaiseNews{30};
// How long one query waits for a statement of another session, and how often it is sent.
constexpr int kStatementSeconds = 10;
constexpr int kStatementAttempts = 120;
// All of them may be held: a query waits for less time than a client does for its answer.
constexpr size_t kSlotsPerQuery = 5;
constexpr int kLockWaitTimeout = 1205;
// What is waited for, for users.
constexpr std::string_view kFormerTransactions =
    "(transactions that a former run of this task has left open)";
constexpr std::string_view kFormerStatement = "(a statement of a former run of this task)";

// Also beyond every epoch of a table that was dropped with the task's meta data: a writer of the
// task's former life may still be there. The server's time in microseconds is.
constexpr std::string_view kNextEpoch =
    "GREATEST(epoch + 1, CAST(UNIX_TIMESTAMP(NOW(6)) * 1000000 AS UNSIGNED))";

// TiDB before 6.2 knows the functions by name only. Clusters of Galera may refuse them, since a
// lock is known to one node alone.
bool HasNoLocks(const mysql::Connection& connection, const Error& e) {
  if (connection.broken()) return false;
  if (e.server_errno() == 1235) return true;
  if (e.server_errno() == 1105) {
    return e.raw_cause().find("pxc_strict_mode") != std::string::npos;
  }
  return connection.server().is_tidb && (e.server_errno() == 1305 || e.server_errno() == 8108);
}

// Somebody is told that something may last, and of its end.
class Told {
 public:
  Told(const OwnerTable::Tell& tell, std::string_view what) : tell_(tell) {
    if (tell_) tell_(what);
  }
  ~Told() {
    if (tell_) tell_("");
  }
  Told(const Told&) = delete;
  Told& operator=(const Told&) = delete;

 private:
  const OwnerTable::Tell& tell_;
};

Error StatementInFlight() {
  return Error(ErrorCode::kDBExecuteFailed,
               "a statement of a former run of this task is still being executed downstream")
      .SetRawCause("it holds the lock of its connection's slot")
      .SetServerErrno(kLockWaitTimeout)
      .SetScope(ErrorScope::kDownstream)
      .SetWorkaround(
          "Please look for what it waits for in the downstream's `SHOW PROCESSLIST`; when it has "
          "ended, resume the task.");
}

Error TransactionInFlight(const Error& e) {
  return Error(ErrorCode::kDBExecuteFailed,
               "a transaction of a former run of this task is still open downstream")
      .SetRawCause(e.raw_cause())
      .SetServerErrno(kLockWaitTimeout)
      .SetScope(ErrorScope::kDownstream)
      .SetWorkaround(
          "Please look for the session that locks rows of the task's `_owner` table (MySQL and "
          "MariaDB: information_schema.INNODB_TRX, TiDB: information_schema.CLUSTER_TIDB_TRX), and "
          "end it; when it is gone, resume the task.");
}

// FNV-1a, 64 bits.
uint64_t Hash(std::string_view text) {
  uint64_t hash = 14695981039346656037ull;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ull;
  return hash;
}

}  // namespace

OwnerTable::OwnerTable(std::string_view meta_schema, std::string_view task,
                       std::string_view source_id)
    : table_(MetaTable(meta_schema, task, kOwnerSuffix)),
      schema_(mysql::QuoteName(meta_schema)),
      id_(mysql::QuoteAnyMode(source_id)),
      source_id_(source_id),
      meta_schema_(meta_schema),
      task_(task),
      refusal_(fmt::format("entry '{}-{}' for key '", source_id, kGuardSlot)) {
  // It is told by its text, also where logs are redacted.
  KeepDuplicateEntry(refusal_);
}

void OwnerTable::Create(mysql::Connection& connection, const StopToken& stop) const {
  CreateMetaSchema(connection, schema_, stop);
  connection.Execute(fmt::format(R"(CREATE TABLE IF NOT EXISTS {} (
			id VARCHAR(32) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
			slot INT NOT NULL,
			epoch BIGINT UNSIGNED NOT NULL,
			transactions BIGINT UNSIGNED NOT NULL DEFAULT 0,
			PRIMARY KEY (id, slot)
		) {}{})",
                                 table_, kExactNames, TransactionalOptions(connection.server())),
                     stop);
  MakeTransactional(connection, table_, stop);
  if (connection.server().is_tidb) {  // made by a version that did not count
    connection.Execute("ALTER TABLE " + table_ +
                           " ADD COLUMN IF NOT EXISTS transactions BIGINT UNSIGNED NOT NULL "
                           "DEFAULT 0",
                       stop);
  }
  CompareNamesExactly(connection, meta_schema_, task_, kOwnerSuffix, {{"id", 32}}, stop);
}

void OwnerTable::Insist(mysql::Connection& connection, const StopToken& stop,
                        const StopToken& patience, const std::function<void()>& raise) const {
  const auto begin = SteadyClock::now();
  std::optional<SteadyClock::time_point> told;
  for (int conflicts = 0;;) {
    try {
      raise();
      return;
    } catch (const Error& e) {
      const bool waits = e.server_errno() == kLockWaitTimeout;
      if (connection.broken()) throw;
      if (!waits && (!mysql::IsRetryableServerError(e) || ++conflicts >= kRaiseAttempts)) throw;
      connection.Rollback(stop);
      const auto now = SteadyClock::now();
      if (waits && (patience.stop_requested() || now - begin > kRaiseTime)) {
        throw TransactionInFlight(e);
      }
      if (!told || now - *told > kRaiseNews) {
        told = now;
        Log().Info("a transaction of the former owner is in flight, its end is waited for",
                   {F("task", task_), F("source", source_id_), F("error", e)});
      }
    }
    WaitFor(kRaiseWait, stop);
  }
}

std::vector<uint64_t> OwnerTable::RaiseAll(mysql::Connection& connection, size_t slots,
                                           const StopToken& stop, const Tell& tell,
                                           StatementWait wait) const {
  std::string insert = fmt::format("INSERT IGNORE INTO {} (id, slot, epoch) VALUES ({}, {}, 0)",
                                   table_, id_, kGuardSlot);
  for (size_t slot = 0; slot < slots; ++slot) insert += fmt::format(",({}, {}, 0)", id_, slot);
  const std::string where = fmt::format("WHERE id = {} AND slot >= 0", id_);
  std::vector<uint64_t> epochs(slots, 0);
  std::vector<size_t> all;
  std::optional<Told> told(std::in_place, tell, kFormerTransactions);
  Insist(connection, stop, {}, [&] {
    connection.Execute(insert, stop);  // it waits for rows that are there and locked
    connection.Begin(stop);
    connection.Execute(fmt::format("UPDATE {} SET epoch = {} {}", table_, kNextEpoch, where), stop);
    const mysql::ResultSet result = connection.Query(
        fmt::format("SELECT slot, epoch FROM {} {} ORDER BY slot", table_, where), stop);
    // Crash point: the epochs of all slots are raised. Left: COMMIT.
    DM_FAILPOINT("owner/before-raise-commit");
    connection.Commit(stop);
    // Crash point: no former run can write any more. Left: all that this one wants to write.
    DM_FAILPOINT("owner/after-raise");
    all.clear();
    for (const auto& row : result.rows) {
      const size_t slot = std::stoul(row.at(0).value_or("0"));
      all.push_back(slot);
      if (slot < slots) epochs[slot] = std::stoull(row.at(1).value_or("0"));
    }
  });
  told.reset();
  WaitForStatements(connection, all, stop, tell, wait);
  return epochs;
}

void OwnerTable::RaiseEverySource(mysql::Connection& connection, const StopToken& stop) const {
  Insist(connection, stop, {}, [&] {
    connection.Execute(fmt::format("UPDATE {} SET epoch = {} WHERE slot >= 0", table_, kNextEpoch),
                       stop);
  });
}

uint64_t OwnerTable::NextEpoch(uint64_t epoch) {
  std::random_device random;
  return epoch + 2 + random() % (uint64_t{1} << 31);
}

void OwnerTable::Raise(mysql::Connection& connection, size_t slot, uint64_t epoch, uint64_t next,
                       const StopToken& stop, const StopToken& patience) const {
  const std::string where = fmt::format("WHERE id = {} AND slot = {}", id_, slot);
  Insist(connection, stop, patience, [&] {
    connection.Begin(stop);
    const std::optional<std::string> found = connection.QueryValue(
        fmt::format("SELECT epoch FROM {} {} FOR UPDATE", table_, where), stop);
    // `next` is there already if the answer to an earlier try was lost.
    if (found != std::to_string(next)) {
      if (found != std::to_string(epoch)) {
        connection.Rollback(stop);
        throw MakeError(ErrorCode::kSyncerOwnerChanged, slot);
      }
      connection.Execute(fmt::format("UPDATE {} SET epoch = {} {}", table_, next, where), stop);
    }
    connection.Commit(stop);
    // Crash point: after a lost connection the slot's epoch is raised. Left: what had no answer.
    DM_FAILPOINT("owner/after-raise-of-one");
  });
  WaitForStatements(connection, {slot}, stop);
}

std::string OwnerTable::ProofStatement(size_t slot, uint64_t epoch,
                                       const mysql::ServerInfo& server) const {
  // The row keeps its slot if the epoch is right; else it would take the guard's and collides.
  return fmt::format("UPDATE {} SET slot = IF(epoch = {}, slot, {}){} WHERE id = {} AND slot = {}",
                     table_, epoch, kGuardSlot,
                     server.is_tidb ? ", transactions = transactions + 1" : "", id_, slot);
}

std::string OwnerTable::LockName(size_t slot) const {
  // At most 64 bytes.
  return fmt::format("'dm_owner_{:016x}_{}'",
                     Hash(fmt::format("{}/{}/{}", meta_schema_, task_, source_id_)), slot);
}

void OwnerTable::WaitForStatements(mysql::Connection& connection, const std::vector<size_t>& slots,
                                   const StopToken& stop, const Tell& tell,
                                   StatementWait wait) const {
  const auto get = [&](size_t slot, int seconds) {
    const std::string lock = LockName(slot);
    return fmt::format("GET_LOCK({}, {}), RELEASE_LOCK({})", lock, seconds, lock);
  };
  try {
    // Few of many are taken: the others are not waited for in the same query, whose client would
    // give up before its end.
    for (size_t begin = 0; begin < slots.size(); begin += kSlotsPerQuery) {
      const size_t end = std::min(slots.size(), begin + kSlotsPerQuery);
      std::string query;
      for (size_t i = begin; i < end; ++i) {
        query += fmt::format("{} {}", query.empty() ? "SELECT" : ",", get(slots[i], 0));
      }
      const mysql::ResultSet result = connection.Query(query, stop);
      for (size_t i = begin; i < end; ++i) {
        if (result.rows.at(0).at((i - begin) * 2) == "1") continue;
        const std::string query = "SELECT " + get(slots[i], kStatementSeconds);
        const Told told(tell, kFormerStatement);
        for (int attempt = 1;; ++attempt) {
          Log().Info("a statement of the former owner is in flight, its end is waited for",
                     {F("task", task_), F("source", source_id_)});
          if (connection.QueryValue(query, stop) == "1") break;
          if (attempt >= kStatementAttempts && wait == StatementWait::kLimited) {
            throw StatementInFlight();
          }
        }
      }
    }
  } catch (const Error& e) {
    if (!HasNoLocks(connection, e)) throw;
  }
}

void OwnerTable::ExecuteOwned(mysql::Connection& connection, size_t slot, uint64_t epoch,
                              std::string_view statement, const StopToken& stop) const {
  const std::string lock = LockName(slot);
  bool locked = false;
  try {
    locked = connection.QueryValue(fmt::format("SELECT GET_LOCK({}, {})", lock, kStatementSeconds),
                                   stop) == "1";
    if (!locked) throw StatementInFlight();
  } catch (const Error& e) {
    if (!HasNoLocks(connection, e)) throw;
  }
  const auto release = [&] {
    if (locked && !connection.broken())
      connection.Execute(fmt::format("DO RELEASE_LOCK({})", lock), stop);
  };
  try {
    const auto found = connection.QueryValue(
        fmt::format("SELECT epoch FROM {} WHERE id = {} AND slot = {}", table_, id_, slot), stop);
    if (found != std::to_string(epoch)) throw MakeError(ErrorCode::kSyncerOwnerChanged, slot);
    // Crash point: the lock of a statement that cannot be rolled back is held. Left: the statement.
    DM_FAILPOINT("owner/before-statement");
    connection.Execute(statement, stop);
    // Crash point: the statement is executed. Left: its lock, the record of it.
    DM_FAILPOINT("owner/after-statement");
  } catch (const Error&) {
    try {
      release();
    } catch (const Error& e) {
      Log().Info("a lock stays until its connection ends", {F("lock", lock), F("error", e)});
    }
    throw;
  }
  try {
    release();
  } catch (const Error& e) {
    // The statement is executed, which is what counts. A lost connection has lost its lock too.
    Log().Info("a lock is given up with its connection", {F("lock", lock), F("error", e)});
    connection.Interrupt();
  }
}

bool OwnerTable::IsRefusal(const Error& error) const {
  // TiDB before 6.2 names the key without its table; the entry itself is like no other.
  const std::string& cause = error.raw_cause();
  return error.server_errno() == kDuplicateEntry && cause.find(refusal_) != std::string::npos &&
         cause.ends_with("PRIMARY'");
}

}  // namespace dm::migration
