// `extra-args` of a dumper section, and the settings a dump runs with.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "migration/config/task.h"

namespace dm::migration {

// What the words of `extra-args` say. Members are set only if the option was given.
struct DumperArguments {
  std::vector<std::string> databases;    // -B
  std::vector<std::string> tables_list;  // -T, entries db.tbl
  std::vector<std::string> filters;      // -f
  std::optional<int> threads;
  std::optional<uint64_t> filesize;
  std::optional<uint64_t> statement_size;
  std::optional<uint64_t> rows;
  std::optional<std::string> where;
  std::optional<std::string> consistency;
  std::optional<std::string> snapshot;
  std::optional<bool> no_views;
  std::optional<bool> no_sequences;
  std::optional<bool> escape_backslash;
  std::optional<bool> transactional_consistency;
  bool no_locks = false;
  std::optional<std::string> ca, cert, key;
  std::vector<std::string> idle;  // words that belong to no option: they mean nothing
};

// Splits at white space, strips one pair of quotes of each word, then reads GNU-style options.
// Throws Error kConfigNotSupported for an unknown option, a bad value, or a contradiction
// (--no-locks with another consistency than none, --tables-list with --filter). With `left_out`,
// unknown options and bad values are no errors: they have no effect, and why stands there.
DumperArguments ParseDumperArguments(const std::string& extra_args,
                                     std::vector<std::string>* left_out = nullptr);

// Does a task with these `ignore-checking-items` start although options of its dumper cannot be
// read?
bool PassesOverDumperArguments(const std::vector<std::string>& ignore_checking_items);

// The settings of one dump: section keys, then extra-args over them, then the built-in values for
// zeros.
struct DumpSettings {
  int threads = 4;
  uint64_t filesize = 64 << 20;  // bytes of a data file; 0: no limit
  uint64_t statement_size = 1000000;
  uint64_t rows = 200000;
  std::string where;
  std::string consistency = "auto";  // auto, none, flush, lock, snapshot
  bool no_views = true;
  bool no_sequences = false;
  bool escape_backslash = true;
  bool transactional_consistency = true;
};

// Throws Error kConfigInvalidChunkFileSize.
DumpSettings EffectiveDumpSettings(const DumperConfig& dumper, const DumperArguments& arguments);
// The same, reading the arguments first. Throws as ParseDumperArguments, too.
DumpSettings EffectiveDumpSettings(const DumperConfig& dumper);

}  // namespace dm::migration
