#include "migration/config/dumper_arguments.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "base/error/error.h"
#include "base/io/text.h"

namespace dm::migration {
namespace {

struct Option {
  std::string_view name;
  char letter;  // 0: none
  bool is_switch;
};

constexpr auto kOptions = std::to_array<Option>({
    {"database", 'B', false},
    {"tables-list", 'T', false},
    {"filter", 'f', false},
    {"threads", 't', false},
    {"filesize", 'F', false},
    {"statement-size", 's', false},
    {"rows", 'r', false},
    {"where", 0, false},
    {"consistency", 0, false},
    {"snapshot", 0, false},
    {"no-views", 'W', true},
    {"no-sequences", 0, true},
    {"escape-backslash", 0, true},
    {"transactional-consistency", 0, true},
    {"no-locks", 0, true},
    {"ca", 0, false},
    {"cert", 0, false},
    {"key", 0, false},
});

[[noreturn]] void Refuse(std::string_view word, std::string_view why) {
  throw MakeError(ErrorCode::kConfigNotSupported, "`extra-args`", fmt::format("{} {}", word, why));
}

std::vector<std::string> Words(const std::string& text) {
  std::vector<std::string> words;
  size_t pos = 0;
  while ((pos = text.find_first_not_of(" \t\r\n", pos)) != std::string::npos) {
    const size_t end = std::min(text.find_first_of(" \t\r\n", pos), text.size());
    std::string word = text.substr(pos, end - pos);
    if (word.size() >= 2 && word.front() == word.back() &&
        (word.front() == '"' || word.front() == '\'')) {
      word = word.substr(1, word.size() - 2);
    }
    words.push_back(std::move(word));
    pos = end;
  }
  return words;
}

uint64_t Number(std::string_view option, const std::string& value) {
  std::optional<uint64_t> number = ParseUint(value);
  if (!number) Refuse("--" + std::string(option), fmt::format("{} is not a number", value));
  return *number;
}

bool Switch(std::string_view option, const std::optional<std::string>& value) {
  if (!value || *value == "true" || *value == "1" || *value == "t" || *value == "T" ||
      *value == "TRUE" || *value == "True") {
    return true;
  }
  if (*value == "false" || *value == "0" || *value == "f" || *value == "F" || *value == "FALSE" ||
      *value == "False") {
    return false;
  }
  Refuse("--" + std::string(option), fmt::format("{} is neither true nor false", *value));
}

void Apply(std::string_view option, const std::optional<std::string>& given,
           DumperArguments& arguments) {
  const std::string value = given.value_or("");
  if (option == "database" || option == "tables-list") {
    std::vector<std::string>& list =
        option == "database" ? arguments.databases : arguments.tables_list;
    for (std::string& item : Split(value, ',')) {
      if (option == "tables-list" && item.find('.') == std::string::npos) {
        Refuse("--tables-list", fmt::format("{} is not of the form db.tbl", item));
      }
      list.push_back(std::move(item));
    }
  } else if (option == "filter") {
    arguments.filters.push_back(value);
  } else if (option == "threads") {
    const uint64_t threads = Number(option, value);
    if (threads > 1024) Refuse("--threads", fmt::format("{} is too large", value));
    arguments.threads = static_cast<int>(threads);
  } else if (option == "filesize") {
    arguments.filesize = ParseChunkSize(value);
    if (!arguments.filesize) Refuse("--filesize", fmt::format("{} is not a size", value));
  } else if (option == "statement-size") {
    arguments.statement_size = Number(option, value);
  } else if (option == "rows") {
    arguments.rows = Number(option, value);
  } else if (option == "where") {
    arguments.where = value;
  } else if (option == "consistency") {
    if (value != "auto" && value != "none" && value != "flush" && value != "lock" &&
        value != "snapshot") {
      Refuse("--consistency", fmt::format("{} is unknown", value));
    }
    if (value == "snapshot") Refuse("--consistency", "snapshot needs TiDB as upstream");
    arguments.consistency = value;
  } else if (option == "no-views") {
    arguments.no_views = Switch(option, given);
  } else if (option == "no-sequences") {
    arguments.no_sequences = Switch(option, given);
  } else if (option == "escape-backslash") {
    arguments.escape_backslash = Switch(option, given);
  } else if (option == "transactional-consistency") {
    arguments.transactional_consistency = Switch(option, given);
  } else if (option == "no-locks") {
    arguments.no_locks = Switch(option, given);
  } else if (option == "snapshot") {
    Refuse("--snapshot", "needs TiDB as upstream");
  } else if (option == "ca") {
    arguments.ca = value;
  } else if (option == "cert") {
    arguments.cert = value;
  } else {
    arguments.key = value;
  }
}

}  // namespace

bool PassesOverDumperArguments(const std::vector<std::string>& ignore_checking_items) {
  return std::find(ignore_checking_items.begin(), ignore_checking_items.end(), "all") !=
         ignore_checking_items.end();
}

DumperArguments ParseDumperArguments(const std::string& extra_args,
                                     std::vector<std::string>* left_out) {
  DumperArguments arguments;
  const std::vector<std::string> words = Words(extra_args);
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word.size() < 2 || word[0] != '-') {
      arguments.idle.push_back(word);
      continue;
    }
    const bool is_long = word.starts_with("--");
    std::string name = is_long ? word.substr(2) : word.substr(1, 1);
    std::optional<std::string> value;
    if (is_long) {
      if (size_t equals = name.find('='); equals != std::string::npos) {
        value = name.substr(equals + 1);
        name.resize(equals);
      }
    } else if (word.size() > 2) {
      value = word.substr(word[2] == '=' ? 3 : 2);
    }
    const Option* option = nullptr;
    for (const Option& candidate : kOptions) {
      if (is_long ? candidate.name == name : candidate.letter == name[0]) option = &candidate;
    }
    try {
      if (option == nullptr) Refuse(word, "is not known to the dumper");
      if (!value && !option->is_switch) {
        if (i + 1 == words.size()) Refuse(word, "has no value");
        value = words[++i];
      }
      Apply(option->name, value, arguments);
    } catch (const Error& e) {
      if (left_out == nullptr) throw;
      left_out->push_back(e.message());
    }
  }
  if (!arguments.tables_list.empty() && !arguments.filters.empty()) {
    Refuse("--tables-list", "and --filter together");
  }
  if (arguments.no_locks) {
    const std::string given = arguments.consistency.value_or("auto");
    if (given != "auto" && given != "none") {
      Refuse("--no-locks", fmt::format("and --consistency {}: cannot both specify", given));
    }
    arguments.consistency = "none";
  }
  return arguments;
}

DumpSettings EffectiveDumpSettings(const DumperConfig& dumper) {
  return EffectiveDumpSettings(dumper, ParseDumperArguments(dumper.extra_args));
}

DumpSettings EffectiveDumpSettings(const DumperConfig& dumper, const DumperArguments& arguments) {
  DumpSettings settings;
  settings.threads = arguments.threads.value_or(dumper.threads);
  if (settings.threads <= 0) settings.threads = DumpSettings().threads;
  const std::string size = dumper.chunk_filesize.empty() ? "64" : dumper.chunk_filesize;
  std::optional<uint64_t> filesize = ParseChunkSize(size);
  if (!filesize) throw MakeError(ErrorCode::kConfigInvalidChunkFileSize, size);
  settings.filesize = arguments.filesize.value_or(*filesize);
  settings.statement_size = arguments.statement_size.value_or(dumper.statement_size);
  if (settings.statement_size == 0) settings.statement_size = DumpSettings().statement_size;
  settings.rows = arguments.rows.value_or(dumper.rows);
  if (settings.rows == 0) settings.rows = DumpSettings().rows;
  settings.where = arguments.where.value_or(dumper.where);
  settings.consistency = arguments.consistency.value_or("auto");
  settings.no_views = arguments.no_views.value_or(true);
  settings.no_sequences = arguments.no_sequences.value_or(false);
  settings.escape_backslash = arguments.escape_backslash.value_or(true);
  settings.transactional_consistency = arguments.transactional_consistency.value_or(true);
  return settings;
}

}  // namespace dm::migration
