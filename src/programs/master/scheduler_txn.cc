// How the scheduler writes.
#include "base/error/error.h"
#include "base/log/log.h"
#include "programs/master/scheduler.h"

namespace dm::master {
namespace {

using cluster::Compare;
using cluster::Operation;
using cluster::Txn;

// Of a transaction's request: what its frame and one operation's frame take beyond keys and values.
constexpr size_t kTxnSlackBytes = 16 << 10;
constexpr size_t kOperationSlackBytes = 64;

size_t BytesOf(const Txn& txn) {
  size_t bytes = 0;
  for (const Operation& op : txn.then) {
    bytes += op.key.size() + op.range_end.size() + op.value.size() + kOperationSlackBytes;
  }
  for (const Compare& compare : txn.compares) bytes += compare.key.size() + kOperationSlackBytes;
  return bytes;
}

template <class T>
void Append(std::vector<T>& to, std::vector<T>&& from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

}  // namespace

void Scheduler::EndTerm(std::string_view why) {
  if (term_over_.exchange(true)) return;
  Log().Warn("the scheduler's term ends", {F("component", "scheduler"), F("reason", why)});
  on_term_over_();
}

void Scheduler::Commit(cluster::WriteName name, Txn txn) {
  // What memory holds may be wrong then.
  if (term_over_) throw MakeError(ErrorCode::kMasterRequestIsNotForwardToLeader);
  const Compare fence = Compare::CreateRevision(fence_.campaign_key, fence_.create_revision);
  txn.compares.push_back(fence);
  cluster::TxnResult result;
  try {
    result = etcd_->Commit(name, txn, stop_.get_token());
  } catch (const Error& e) {
    if (cluster::IsNoSpaceError(e)) {
      // The write that finds the space used up may still be made, but not later than it is refused.
      if (IsAsWritten(txn)) return;
      throw;
    }
    if (!cluster::MayHaveBeenApplied(e)) throw;
    EndTerm("nobody knows whether a write was made");
    throw Error(e)
        .Annotate("the change may have been made or not")
        .SetWorkaround(
            "Please look at what is there, with `query-status` and `list-member`, before you "
            "repeat the command, and check the disk and the load of the masters.");
  }
  if (result.succeeded) return;
  // A repeated request finds what its first attempt has written.
  if (txn.compares.size() > 1 && IsAsWritten(txn)) return;
  EndTerm("a write found another state than the one that is known");
  throw MakeError(ErrorCode::kMasterRequestIsNotForwardToLeader);
}

bool Scheduler::IsAsWritten(const Txn& txn) {
  Txn look;
  look.compares.push_back(txn.compares.back());  // the fence
  for (const Operation& op : txn.then) {
    Operation get = op;
    get.kind = Operation::Kind::kGet;
    look.then.push_back(std::move(get));
  }
  cluster::TxnResult found;
  try {
    found = etcd_->Read(look, stop_.get_token());
  } catch (const Error&) {
    EndTerm("whether a write was made could not be read");
    throw;
  }
  if (!found.succeeded) return false;
  for (size_t i = 0; i < txn.then.size(); ++i) {
    const Operation& op = txn.then[i];
    const std::vector<cluster::KeyValue>& kvs = found.gets.at(i).kvs;
    const bool as_written = op.kind == Operation::Kind::kPut
                                ? kvs.size() == 1 && kvs.front().value == op.value
                                : kvs.empty();
    if (!as_written) return false;
  }
  return true;
}

void Scheduler::RequireFits(const Txn& txn) const {
  if (txn.then.size() <= limits_.operations && BytesOf(txn) + kTxnSlackBytes <= limits_.bytes) {
    return;
  }
  throw MakeError(ErrorCode::kConfigNotSupported, "a change of so many sources at once",
                  fmt::format("etcd takes {} bytes and {} operations in one transaction",
                              limits_.bytes, limits_.operations))
      .SetWorkaround("Please change some sources at a time, with `-s`.");
}

void Scheduler::CommitPieces(cluster::WriteName name, std::vector<Piece> pieces) {
  // One compare is the fence's.
  const size_t max_operations = limits_.operations > 1 ? limits_.operations - 1 : 1;
  const size_t max_bytes =
      limits_.bytes > 2 * kTxnSlackBytes ? limits_.bytes - kTxnSlackBytes : limits_.bytes / 2;
  size_t written = 0;
  for (size_t begin = 0; begin < pieces.size();) {
    Txn txn;
    size_t bytes = 0;
    size_t end = begin;
    for (; end < pieces.size(); ++end) {
      Txn& more = pieces[end].txn;
      const size_t more_bytes = BytesOf(more);
      // A piece that is too large by itself is etcd's to refuse.
      if (end > begin && (txn.then.size() + more.then.size() > max_operations ||
                          txn.compares.size() + more.compares.size() > max_operations ||
                          bytes + more_bytes > max_bytes)) {
        break;
      }
      bytes += more_bytes;
      Append(txn.compares, std::move(more.compares));
      Append(txn.then, std::move(more.then));
    }
    try {
      if (!txn.empty()) Commit(name, std::move(txn));
    } catch (const Error& e) {
      if (written == 0) throw;
      throw Error(e).Annotate(
          fmt::format("{} of {} parts of the change were made before", written, pieces.size()));
    }
    for (; begin < end; ++begin, ++written) {
      if (pieces[begin].take_over) pieces[begin].take_over();
    }
  }
}

}  // namespace dm::master
