#include "migration/rules/online_ddl_names.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include "base/error/error.h"

namespace dm::migration {
namespace {

std::unique_ptr<re2::RE2> Compile(std::string_view key, const std::string& rule) {
  re2::RE2::Options options;
  options.set_log_errors(false);
  auto regex = std::make_unique<re2::RE2>(rule, options);
  if (!regex->ok()) {
    throw MakeError(ErrorCode::kConfigOnlineDDLInvalidRegex, key, rule, regex->error());
  }
  if (regex->NumberOfCapturingGroups() != 1) {
    throw MakeError(ErrorCode::kConfigOnlineDDLInvalidRegex, key, rule,
                    "it must have exactly one capture group, which gives the real table name");
  }
  return regex;
}

// The real name if any rule matches.
bool Find(const std::vector<std::unique_ptr<re2::RE2>>& rules, std::string_view table,
          std::string& real_name) {
  for (const auto& rule : rules) {
    if (re2::RE2::FullMatch(re2::StringPiece(table.data(), table.size()), *rule, &real_name)) {
      return true;
    }
  }
  return false;
}

}  // namespace

const std::vector<std::string>& DefaultShadowTableRules() {
  static const std::vector<std::string> rules = {"^_(.+)_(?:new|gho)$"};
  return rules;
}

const std::vector<std::string>& DefaultTrashTableRules() {
  static const std::vector<std::string> rules = {"^_(.+)_(?:ghc|del|old)$"};
  return rules;
}

std::vector<std::string> CompleteOnlineDdlRules(std::string_view key,
                                                const std::vector<std::string>& rules,
                                                const std::vector<std::string>& defaults) {
  if (rules.empty()) return defaults;
  std::vector<std::string> complete;
  for (const std::string& rule : rules) {
    std::string anchored = rule.starts_with('^') ? rule : "^" + rule;
    if (!anchored.ends_with('$')) anchored += '$';
    Compile(key, anchored);
    complete.push_back(std::move(anchored));
  }
  return complete;
}

struct OnlineDdlNames::Impl {
  std::vector<std::unique_ptr<re2::RE2>> shadow;
  std::vector<std::unique_ptr<re2::RE2>> trash;
};

OnlineDdlNames::OnlineDdlNames(const std::vector<std::string>& shadow_rules,
                               const std::vector<std::string>& trash_rules) {
  auto impl = std::make_shared<Impl>();
  constexpr std::string_view kShadowKey = "shadow-table-rules", kTrashKey = "trash-table-rules";
  for (const auto& rule :
       CompleteOnlineDdlRules(kShadowKey, shadow_rules, DefaultShadowTableRules())) {
    impl->shadow.push_back(Compile(kShadowKey, rule));
  }
  for (const auto& rule :
       CompleteOnlineDdlRules(kTrashKey, trash_rules, DefaultTrashTableRules())) {
    impl->trash.push_back(Compile(kTrashKey, rule));
  }
  impl_ = std::move(impl);
}

OnlineDdlName OnlineDdlNames::Classify(std::string_view table) const {
  OnlineDdlName name;
  if (Find(impl_->shadow, table, name.real_name)) {
    name.kind = OnlineDdlKind::kShadow;
  } else if (Find(impl_->trash, table, name.real_name)) {
    name.kind = OnlineDdlKind::kTrash;
  } else {
    name.real_name = table;
  }
  return name;
}

}  // namespace dm::migration
