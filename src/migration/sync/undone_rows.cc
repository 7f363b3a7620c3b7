#include "migration/sync/undone_rows.h"

#include <algorithm>
#include <optional>
#include <string>

#include "migration/sync/ddl_handler.h"
#include "migration/sync/logged_statement.h"
#include "migration/sync/savepoints.h"
#include "mysql/binlog/rows.h"

namespace dm::migration {

using mysql::EventType;
using mysql::RawEvent;

namespace {

// Empty: it is none.
std::string StatementOf(const RawEvent& event, const mysql::FormatDescription& format) {
  const bool statement =
      event.type() == EventType::kQuery || event.type() == EventType::kMariaDbQueryCompressed;
  return statement ? StatementText(mysql::QueryEvent::Parse(event, format)) : "";
}

}  // namespace

size_t LeaveOutUndone(std::vector<RawEvent>& events, const mysql::FormatDescription& format) {
  const bool undoes = std::any_of(events.begin(), events.end(), [&](const RawEvent& event) {
    return KindOfControl(StatementOf(event, format)) == Control::kRollback;
  });
  if (!undoes) return 0;
  std::vector<RawEvent> kept;
  kept.reserve(events.size());
  Savepoints savepoints;
  size_t undone = 0;
  size_t fixed = 0;  // of `kept`: they stay, whatever comes
  for (const RawEvent& event : events) {
    kept.push_back(event);
    const std::string text = StatementOf(event, format);
    const Control control = KindOfControl(text);
    if (control != Control::kSavepoint && control != Control::kRollback) continue;
    const std::optional<std::string> name = SavepointOf(text);
    if (control == Control::kSavepoint) {
      if (name) savepoints.Set(*name, kept.size());
      continue;
    }
    const std::optional<size_t> place =
        name ? savepoints.RollBackTo(*name) : std::optional(size_t{0});
    if (!place) {
      fixed = kept.size();
      continue;
    }
    // (Places of savepoints before `first` stay as they are.)
    const auto first = kept.begin() + static_cast<ptrdiff_t>(std::max(*place, fixed));
    const auto gone = std::remove_if(first, kept.end(), [&](const RawEvent& other) {
      const bool rows = mysql::IsRowsEvent(other.type());
      undone += rows;
      return rows || other.type() == EventType::kTableMap;
    });
    kept.erase(gone, kept.end());
  }
  events = std::move(kept);
  return undone;
}

}  // namespace dm::migration
