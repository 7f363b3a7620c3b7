#include "cluster/etcd/kv.h"

namespace dm::cluster {

Compare Compare::CreateRevision(std::string key, int64_t equals) {
  Compare compare;
  compare.key = std::move(key);
  compare.target = Target::kCreateRevision;
  compare.number = equals;
  return compare;
}

Compare Compare::ModRevision(std::string key, int64_t equals) {
  Compare compare = CreateRevision(std::move(key), equals);
  compare.target = Target::kModRevision;
  return compare;
}

Compare Compare::Version(std::string key, int64_t equals) {
  Compare compare = CreateRevision(std::move(key), equals);
  compare.target = Target::kVersion;
  return compare;
}

Compare Compare::Value(std::string key, std::string equals) {
  Compare compare;
  compare.key = std::move(key);
  compare.target = Target::kValue;
  compare.value = std::move(equals);
  return compare;
}

Operation Operation::Get(std::string key) {
  Operation op;
  op.key = std::move(key);
  return op;
}

Operation Operation::GetPrefix(std::string prefix) {
  Operation op;
  op.range_end = PrefixEnd(prefix);
  op.key = std::move(prefix);
  return op;
}

Operation Operation::Put(std::string key, std::string value, int64_t lease) {
  Operation op;
  op.kind = Kind::kPut;
  op.key = std::move(key);
  op.value = std::move(value);
  op.lease = lease;
  return op;
}

Operation Operation::Delete(std::string key) {
  Operation op = Get(std::move(key));
  op.kind = Kind::kDelete;
  return op;
}

Operation Operation::DeletePrefix(std::string prefix) {
  Operation op = GetPrefix(std::move(prefix));
  op.kind = Kind::kDelete;
  return op;
}

std::string PrefixEnd(std::string_view prefix) {
  std::string end(prefix);
  while (!end.empty() && static_cast<unsigned char>(end.back()) == 0xff) end.pop_back();
  // Nothing greater exists: etcd's notation for "to the end of all keys".
  if (end.empty()) return std::string(1, '\0');
  end.back() = static_cast<char>(static_cast<unsigned char>(end.back()) + 1);
  return end;
}

}  // namespace dm::cluster
