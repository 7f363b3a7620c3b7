// Names of the helper tables that gh-ost and pt-online-schema-change make.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace dm::migration {

enum class OnlineDdlKind {
  kReal,    // an ordinary table
  kShadow,  // the table under construction, which will take the real table's place
  kTrash    // change log or the replaced table: nothing of it matters
};

// A table name's kind; `real_name` is the table it works for (the name itself for kReal).
struct OnlineDdlName {
  OnlineDdlKind kind = OnlineDdlKind::kReal;
  std::string real_name;
};

// The rules used when a task names none: ^_(.+)_(?:new|gho)$ and ^_(.+)_(?:ghc|del|old)$.
const std::vector<std::string>& DefaultShadowTableRules();
const std::vector<std::string>& DefaultTrashTableRules();

// The rules as they are stored: defaults for an empty list, a leading ^ and a trailing $ added to
// each entry. Throws Error kConfigOnlineDDLInvalidRegex naming `key` ("shadow-table-rules" or
// "trash-table-rules"), the regular expression and the reason: it does not compile, or it has not
// exactly one capture group.
std::vector<std::string> CompleteOnlineDdlRules(std::string_view key,
                                                const std::vector<std::string>& rules,
                                                const std::vector<std::string>& defaults);

// Compiled name rules. Immutable, thread-safe, cheap to copy.
class OnlineDdlNames {
 public:
  // Throws as CompleteOnlineDdlRules.
  OnlineDdlNames(const std::vector<std::string>& shadow_rules,
                 const std::vector<std::string>& trash_rules);

  // Judged by the table name alone; shadow rules are asked first.
  OnlineDdlName Classify(std::string_view table) const;

 private:
  struct Impl;
  std::shared_ptr<const Impl> impl_;
};

}  // namespace dm::migration
