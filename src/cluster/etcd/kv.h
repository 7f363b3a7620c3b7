// What etcd stores and what one request of it asks for and answers (etcd v3 KV API).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dm::cluster {

// What a write is called, a literal: there is a fail point before each write and one after it,
// `etcd/before-NAME` and `etcd/after-NAME`, and scripts/crash-points finds the names in the calls.
class WriteName {
 public:
  template <size_t N>
  // NOLINTNEXTLINE(google-explicit-constructor): literals are names.
  consteval WriteName(const char (&name)[N]) : text_(name, N - 1) {}
  std::string_view text() const { return text_; }

 private:
  std::string_view text_;
};

// One key with its value. A value may hold any bytes.
struct KeyValue {
  std::string key;
  std::string value;
  int64_t create_revision = 0;
  int64_t mod_revision = 0;
  int64_t version = 0;  // number of puts since the key's creation
  int64_t lease = 0;    // 0: not leased
};

// Pairs in key order (or as the request sorts) and the store's revision when they were read: a
// watch that is to miss nothing starts at revision + 1.
struct GetResult {
  std::vector<KeyValue> kvs;
  int64_t revision = 0;
};

// A condition of a transaction on one key. A missing key has create revision, mod revision and
// version 0.
struct Compare {
  enum class Target { kCreateRevision, kModRevision, kVersion, kValue };
  enum class Relation { kEqual, kGreater, kLess, kNotEqual };

  static Compare CreateRevision(std::string key, int64_t equals);
  static Compare ModRevision(std::string key, int64_t equals);
  static Compare Version(std::string key, int64_t equals);
  static Compare Value(std::string key, std::string equals);

  std::string key;
  Target target = Target::kCreateRevision;
  Relation relation = Relation::kEqual;
  int64_t number = 0;
  std::string value;
};

// One operation of a transaction.
struct Operation {
  enum class Kind { kGet, kPut, kDelete };

  static Operation Get(std::string key);
  static Operation GetPrefix(std::string prefix);
  static Operation Put(std::string key, std::string value, int64_t lease = 0);
  static Operation Delete(std::string key);
  static Operation DeletePrefix(std::string prefix);

  Kind kind = Kind::kGet;
  std::string key;
  std::string range_end;  // empty: the one key
  std::string value;
  int64_t lease = 0;
};

// All of `then` if every compare holds, else all of `otherwise`. No key may be written twice in one
// branch (etcd refuses it).
struct Txn {
  std::vector<Compare> compares;
  std::vector<Operation> then;
  std::vector<Operation> otherwise;

  bool empty() const { return then.empty() && otherwise.empty(); }
};

struct TxnResult {
  bool succeeded = false;  // the compares held
  int64_t revision = 0;
  // One entry for each operation of the branch that ran, in order; empty pairs for writes.
  std::vector<GetResult> gets;
};

// The smallest key that is greater than every key with this prefix: the end of its range.
std::string PrefixEnd(std::string_view prefix);

}  // namespace dm::cluster
