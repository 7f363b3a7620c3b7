// Binlog event filters: which changes of the upstream are left out, or stop the task.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "migration/rules/rule_types.h"

namespace dm::migration {

// True for a name that an event filter's `events` may hold (groups included), in any letter case.
bool IsEventName(std::string_view name);

// Throws Error kConfigBinlogEventFilter, with the reason as raw cause, if a rule cannot be used: an
// empty schema pattern, a misplaced `*`, a regular expression that does not compile, an unknown
// action. Returns one warning for each unknown event name, which then has no effect, and for each
// rule whose pair of patterns an earlier rule has, which then has no effect.
std::vector<std::string> CheckEventFilters(const std::vector<EventFilterRule>& rules,
                                           bool case_sensitive);

enum class FilterVerdict {
  kDo,
  kIgnore,
  kError,  // the task is to pause
};

// Compiled event filters. Immutable, thread-safe, cheap to copy.
class EventFilter {
 public:
  // Lets everything through.
  EventFilter();
  // Unknown event names and rules whose pair of patterns an earlier rule has are left out. Throws
  // Error kSyncerUnitGenBinlogEventFilter with the reason as raw cause.
  EventFilter(const std::vector<EventFilterRule>& rules, bool case_sensitive);

  // No rule at all: every verdict is kDo.
  bool empty() const { return impl_ == nullptr; }

  // Names are upstream names; `table` is empty for a statement about a schema. `event` is the name
  // of the change, empty if it has none; `sql` the whole original statement, empty for rows.
  //
  // Rules of schema level are asked first, then those of table level, the more general pattern
  // first; the first one that has a verdict decides. An Ignore or Error rule has one as soon as the
  // event is listed or a pattern of its text is found; a Do rule says Ignore as soon as the event
  // is not listed, or it has patterns of which none is found.
  FilterVerdict Judge(std::string_view schema, std::string_view table, std::string_view event,
                      std::string_view sql) const;
  // Is a statement that cannot be processed to be passed over, by its text alone?
  bool IgnoresText(std::string_view sql) const;

 private:
  struct Impl;
  std::shared_ptr<const Impl> impl_;
};

}  // namespace dm::migration
