#include "migration/sync/statement_operators.h"

#include <algorithm>
#include <chrono>

#include "base/error/error.h"
#include "base/log/log.h"
#include "migration/meta/sync_checkpoint.h"

namespace dm::migration {

using mysql::BinlogPosition;

namespace {

bool SamePlace(const BinlogPosition& a, const BinlogPosition& b) {
  return a.offset == b.offset && mysql::CompareFileNames(a.file, b.file) == 0;
}

// Where an injection is carried out: before the whole transaction, since no definition changes
// inside one.
const BinlogPosition& InjectedAt(const StatementOperator& op) {
  return op.transaction.file.empty() ? op.position : op.transaction;
}

std::string_view Name(OperatorKind kind) {
  switch (kind) {
    case OperatorKind::kSkip:
      return "skip";
    case OperatorKind::kReplace:
      return "replace";
    case OperatorKind::kInject:
      return "inject";
  }
  return "";
}

}  // namespace

StatementOperators::StatementOperators(OperatorTable table, bool gtid_mode)
    : table_(std::move(table)), gtid_mode_(gtid_mode) {}

void StatementOperators::Load(mysql::Connection& connection, const StopToken& stop) {
  std::lock_guard command(command_mutex_);
  Restore(table_.Load(connection, stop));
}

void StatementOperators::Restore(std::vector<StatementOperator> stored) {
  std::lock_guard lock(mutex_);
  entries_.clear();
  for (StatementOperator& op : stored) {
    last_number_ = std::max(last_number_, op.number);
    entries_.push_back({std::move(op), false});
  }
  count_ = entries_.size();
}

void StatementOperators::Put(mysql::Connection& connection, StatementOperator op,
                             const StopToken& stop) {
  std::lock_guard command(command_mutex_);
  std::vector<std::string> statements;
  std::vector<uint64_t> replaced;
  {
    std::lock_guard lock(mutex_);
    // The time, so that a number does not come again when the rows are gone.
    const auto now = std::chrono::duration_cast<std::chrono::microseconds>(
        std::chrono::system_clock::now().time_since_epoch());
    op.number = last_number_ = std::max<uint64_t>(last_number_ + 1, now.count());
    for (const Entry& entry : entries_) {
      if (!SamePlace(entry.op.position, op.position)) continue;
      Log().Warn("an operation on a statement is replaced by a newer one",
                 {F("operation", Name(entry.op.kind)), F("position", op.position.ToString())});
      replaced.push_back(entry.op.number);
      statements.push_back(table_.DeleteStatement(entry.op.number));
    }
  }
  statements.push_back(table_.InsertStatement(op));
  ExecuteInTransaction(connection, "", statements, stop);
  Forget(replaced);
  Log().Info("set an operation on a statement of the binlog",
             {F("operation", Name(op.kind)), F("position", op.position.ToString()),
              F("statements", op.statements.size())});
  std::lock_guard lock(mutex_);
  entries_.push_back({std::move(op), false});
  count_ = entries_.size();
}

void StatementOperators::Remove(mysql::Connection& connection, const BinlogPosition& position,
                                const StopToken& stop) {
  std::lock_guard command(command_mutex_);
  uint64_t number = 0;
  {
    std::lock_guard lock(mutex_);
    const auto found = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) {
      return SamePlace(entry.op.position, position) && !entry.op.finished();
    });
    if (found == entries_.end()) {
      throw MakeError(ErrorCode::kSyncerOperatorNotExist, position.ToString());
    }
    number = found->op.number;
  }
  connection.Execute(table_.DeleteStatement(number), stop);
  Forget({number});
  Log().Info("removed an operation on a statement of the binlog",
             {F("position", position.ToString())});
}

void StatementOperators::RemovePassed(mysql::Connection& connection, const mysql::Location& flushed,
                                      const StopToken& stop) {
  std::lock_guard command(command_mutex_);
  std::vector<std::string> statements;
  std::vector<uint64_t> passed;
  {
    std::lock_guard lock(mutex_);
    for (const Entry& entry : entries_) {
      if (!IsPassed(entry.op, flushed)) continue;
      passed.push_back(entry.op.number);
      statements.push_back(table_.DeleteStatement(entry.op.number));
    }
  }
  if (passed.empty()) return;
  ExecuteInTransaction(connection, "", statements, stop);
  ForgetPassed(passed);
}

std::vector<StatementOperator> StatementOperators::From(const BinlogPosition& position) const {
  std::vector<StatementOperator> found;
  {
    std::lock_guard lock(mutex_);
    for (const Entry& entry : entries_) {
      if (mysql::ComparePositions(entry.op.position, position) >= 0) found.push_back(entry.op);
    }
  }
  std::stable_sort(found.begin(), found.end(), [](const auto& a, const auto& b) {
    return mysql::ComparePositions(a.position, b.position) < 0;
  });
  return found;
}

void StatementOperators::SetBroken(std::optional<BrokenPlace> place) {
  std::lock_guard lock(mutex_);
  broken_ = std::move(place);
}

std::optional<BrokenPlace> StatementOperators::broken() const {
  std::lock_guard lock(mutex_);
  return broken_;
}

std::optional<StatementOperator> StatementOperators::OfStatement(const OperatorPlace& place) const {
  std::lock_guard lock(mutex_);
  for (const Entry& entry : entries_) {
    const StatementOperator& op = entry.op;
    if (op.kind == OperatorKind::kInject) continue;
    if (ByGtid(op) ? op.gtid == place.gtid && op.statement == place.statement
                   : SamePlace(op.position, place.start)) {
      return op;
    }
  }
  return std::nullopt;
}

std::optional<StatementOperator> StatementOperators::DueInjection(
    const OperatorPlace& place) const {
  std::lock_guard lock(mutex_);
  const StatementOperator* first = nullptr;
  for (const Entry& entry : entries_) {
    const StatementOperator& op = entry.op;
    if (op.kind != OperatorKind::kInject || op.finished()) continue;
    const bool due = ByGtid(op) ? op.gtid == place.gtid
                                : mysql::ComparePositions(place.start, InjectedAt(op)) >= 0;
    if (!due) continue;
    if (first == nullptr || mysql::ComparePositions(op.position, first->position) < 0) first = &op;
  }
  return first != nullptr ? std::optional(*first) : std::nullopt;
}

void StatementOperators::SetTransaction(uint64_t number, const BinlogPosition& begin) {
  std::lock_guard lock(mutex_);
  Entry* entry = Find(number);
  if (entry == nullptr) return;
  entry->op.transaction = begin;
  entry->changed = true;
}

void StatementOperators::SetDone(uint64_t number, size_t done) {
  std::lock_guard lock(mutex_);
  Entry* entry = Find(number);
  if (entry == nullptr) return;  // replaced or removed meanwhile
  entry->op.done = done;
  entry->changed = true;
}

bool StatementOperators::IsPassed(const StatementOperator& op, const mysql::Location& saved) const {
  if (ByGtid(op) && saved.gtid_set) {
    return saved.gtid_set->Contains(mysql::GtidSet::Parse(saved.gtid_set->flavor(), op.gtid));
  }
  return mysql::ComparePositions(saved.position, op.position) > 0;
}

StatementOperators::Writes StatementOperators::TakeWrites(const mysql::Location& saved) {
  Writes writes;
  if (empty()) return writes;
  std::lock_guard lock(mutex_);
  for (Entry& entry : entries_) {
    if (IsPassed(entry.op, saved)) {
      writes.passed.push_back(entry.op.number);
      writes.statements.push_back(table_.DeleteStatement(entry.op.number));
    } else if (std::exchange(entry.changed, false)) {
      writes.changed.push_back(entry.op.number);
      writes.statements.push_back(table_.UpdateStatement(entry.op));
    }
  }
  return writes;
}

void StatementOperators::Written(const Writes& writes) { ForgetPassed(writes.passed); }

void StatementOperators::GiveBack(const Writes& writes) {
  std::lock_guard lock(mutex_);
  for (uint64_t number : writes.changed) {
    if (Entry* entry = Find(number)) entry->changed = true;
  }
}

StatementOperators::Entry* StatementOperators::Find(uint64_t number) {
  const auto found = std::find_if(entries_.begin(), entries_.end(),
                                  [&](const Entry& entry) { return entry.op.number == number; });
  return found == entries_.end() ? nullptr : &*found;
}

void StatementOperators::Forget(const std::vector<uint64_t>& numbers) {
  if (numbers.empty()) return;
  std::lock_guard lock(mutex_);
  std::erase_if(entries_, [&](const Entry& entry) {
    return std::find(numbers.begin(), numbers.end(), entry.op.number) != numbers.end();
  });
  count_ = entries_.size();
}

void StatementOperators::ForgetPassed(const std::vector<uint64_t>& numbers) {
  {
    std::lock_guard lock(mutex_);
    for (uint64_t number : numbers) {
      const Entry* entry = Find(number);
      if (entry == nullptr || entry->op.finished()) continue;
      Log().Warn(
          "an operation was not carried out and is forgotten: no statement that is replicated "
          "begins at its position, which the stream has passed",
          {F("operation", Name(entry->op.kind)), F("position", entry->op.position.ToString())});
    }
  }
  Forget(numbers);
}

}  // namespace dm::migration
