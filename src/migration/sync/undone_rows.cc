#include "migration/sync/undone_rows.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "migration/sync/ddl_handler.h"
#include "migration/sync/logged_statement.h"
#include "mysql/binlog/rows.h"
#include "mysql/schema/table_info.h"

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

// The savepoint of a SAVEPOINT or ROLLBACK TO as the server writes them (it quotes the name by the
// session's sql_mode), in lower case; nullopt if it is not told for sure.
std::optional<std::string> SavepointOf(std::string_view statement) {
  std::string text = mysql::LowerName(statement);
  constexpr std::string_view kHeads[] = {"savepoint ", "rollback to savepoint ", "rollback to "};
  const auto* const head = std::find_if(std::begin(kHeads), std::end(kHeads),
                                        [&](std::string_view h) { return text.starts_with(h); });
  if (head == std::end(kHeads)) return std::nullopt;
  text.erase(0, head->size());
  const bool quoted = text.size() > 2 && (text.front() == '`' || text.front() == '"') &&
                      text.front() == text.back();
  if (quoted) text = text.substr(1, text.size() - 2);
  const bool plain = !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '$' || c == '-' ||
           c == '.';
  });
  return plain ? std::optional(std::move(text)) : std::nullopt;
}

// The event as one that has no meaning, and ends where it ends.
RawEvent WithoutMeaning(const RawEvent& event) {
  constexpr size_t kTypeAt = 4;
  const size_t size = event.bytes().size();
  const std::shared_ptr<uint8_t[]> bytes = std::make_shared_for_overwrite<uint8_t[]>(size);
  std::copy_n(event.bytes().data(), size, bytes.get());
  bytes[kTypeAt] = static_cast<uint8_t>(EventType::kMariaDbAnnotateRows);
  return RawEvent(bytes, {bytes.get(), size}, event.checksum_size());
}

struct Savepoint {
  std::string name;
  size_t place;        // of the event behind which it stands
  size_t rows;         // rows events before it
  bool twice = false;  // another one of the name has other rows before it
  bool gone = false;   // by a ROLLBACK TO one before it; one of the name may be there still
};

// What is undone: events from the first place to before the second. nullopt: it is not sure.
using Ranges = std::vector<std::pair<size_t, size_t>>;
std::optional<Ranges> FindUndone(const std::vector<RawEvent>& events,
                                 const mysql::FormatDescription& format) {
  Ranges undone;
  std::vector<Savepoint> savepoints;
  size_t rows = 0;
  bool sure = true;
  bool unnamed = false;  // some savepoint has a name that is not told
  for (size_t i = 0; i < events.size(); ++i) {
    if (mysql::IsRowsEvent(events[i].type())) ++rows;
    if (events[i].type() == EventType::kXaPrepare) return std::nullopt;
    const std::string text = StatementOf(events[i], format);
    const Control control = text.empty() ? Control::kNone : KindOfControl(text);
    if (control == Control::kNone) continue;
    if (control != Control::kSavepoint && control != Control::kRollback) return std::nullopt;
    if (mysql::LowerName(text).starts_with("release")) continue;
    if (text == "ROLLBACK" && i + 1 == events.size()) return Ranges{{0, i}};
    const std::optional<std::string> name = SavepointOf(text);
    const auto known = std::find_if(savepoints.begin(), savepoints.end(),
                                    [&](const Savepoint& one) { return one.name == name; });
    if (control == Control::kSavepoint) {
      unnamed = unnamed || !name;
      if (!name) continue;
      Savepoint set{*name, i, rows};
      if (known != savepoints.end()) {
        set.twice = known->twice || known->rows != rows;
        savepoints.erase(known);
      }
      savepoints.push_back(std::move(set));
      continue;
    }
    if (unnamed || known == savepoints.end() || known->twice || known->gone) {
      sure = false;
      continue;
    }
    undone.emplace_back(known->place, i + 1);
    known->place = i;
    known->rows = rows;
    std::for_each(known + 1, savepoints.end(), [](Savepoint& later) { later.gone = true; });
  }
  if (!sure) return std::nullopt;
  return undone;
}

}  // namespace

size_t LeaveOutUndone(std::vector<RawEvent>& events, const mysql::FormatDescription& format) {
  const bool undoes = std::any_of(events.begin(), events.end(), [&](const RawEvent& event) {
    return KindOfControl(StatementOf(event, format)) == Control::kRollback;
  });
  const std::optional<Ranges> ranges = undoes ? FindUndone(events, format) : std::nullopt;
  if (!ranges) return 0;
  size_t undone = 0;
  for (const auto& [begin, end] : *ranges) {
    for (size_t i = begin; i < end; ++i) {
      const bool rows = mysql::IsRowsEvent(events[i].type());
      const bool rollback =
          i + 1 == end && KindOfControl(StatementOf(events[i], format)) == Control::kRollback;
      if (!rows && !rollback) continue;
      undone += rows;
      events[i] = WithoutMeaning(events[i]);
    }
  }
  return undone;
}

}  // namespace dm::migration
