// Savepoints of a transaction, as the statements in the binlog name them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mysql/schema/table_info.h"

namespace dm::migration {

// A place is whatever counts up within the transaction. One owner thread.
class Savepoints {
 public:
  // One of the same name is no more.
  void Set(std::string_view name, size_t place) {
    // To the server, names that differ in accents are the same: which others it was, is not known.
    const bool ascii = std::all_of(name.begin(), name.end(),
                                   [](char c) { return static_cast<unsigned char>(c) < 0x80; });
    if (!ascii) {
      known_.clear();
      return;
    }
    std::string lower = mysql::LowerName(name);
    std::erase_if(known_, [&](const Savepoint& known) { return known.name == lower; });
    known_.push_back({std::move(lower), place});
  }

  // Its place; those that were set behind it are no more. nullopt: it is not known.
  std::optional<size_t> RollBackTo(std::string_view name) {
    const std::string lower = mysql::LowerName(name);
    const auto found = std::find_if(known_.begin(), known_.end(),
                                    [&](const Savepoint& known) { return known.name == lower; });
    if (found == known_.end()) return std::nullopt;
    const size_t place = found->place;
    known_.erase(found + 1, known_.end());
    return place;
  }

  void Clear() { known_.clear(); }

 private:
  struct Savepoint {
    std::string name;  // in lower case
    size_t place;
  };
  std::vector<Savepoint> known_;  // in the order in which they were set
};

}  // namespace dm::migration
