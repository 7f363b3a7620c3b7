// Online schema changes (gh-ost, pt-online-schema-change): which part a statement plays in one, and
// what has to be remembered until the shadow table takes the real table's place.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/thread/stop.h"
#include "migration/meta/online_ddl.h"
#include "migration/sync/planner.h"
#include "mysql/client/connection.h"
#include "mysql/sql/statement.h"

namespace dm::migration {

// What is planned for an event is seen at once by the methods below, written with the event's
// location, and forgotten by the next Begin unless it was committed. One owner thread.
class OnlineDdl {
 public:
  // `context` outlives this.
  OnlineDdl(const PlanContext& context, OnlineDdlTable table);

  // Replaces everything by what is stored. Throws Error (36039).
  void Load(mysql::Connection& connection, const StopToken& stop);

  enum class Step {
    kOrdinary,        // names no helper table where it matters
    kNothing,         // changes what is not replicated
    kNewShadow,       // a shadow table is created
    kShadowGone,      // it is dropped, or becomes trash
    kShadowChange,    // its definition changes
    kShadowMoved,     // rows or tables are exchanged with it
    kSwap,            // it takes the real table's name
    kAside,           // the real table becomes trash
    kBack,            // a trash table gets the name of a real one
    kRenameToShadow,  // a real table becomes a shadow table
    kRenameOfHelper,  // a helper table becomes another tool's, or a shadow table again
  };
  struct Judgement {
    Step step = Step::kOrdinary;
    TableId helper;
    TableId real;  // the table that lists and filters are asked about
  };
  // `tables`: of TableRefs(split).
  Judgement Judge(const mysql::Statement& split, const std::vector<TableId>& tables) const;
  bool IsHelper(const TableId& table) const;

  // Throws Error kConfigOnlineDDLMistakeRegex (20049) if `statement`, not split, swaps two tables
  // of which only one is called as the rules say.
  void RequireBothSides(const mysql::Statement& statement, const std::string& text,
                        const std::string& schema, bool fold) const;

  // --- planning of an event ---
  void Begin();
  // Appends a statement on the shadow table ("": left out by a filter); those of one event make one
  // list, with the session of the first.
  void Keep(const TableId& shadow, const TableId& real, std::string text,
            const StatementSession& session = {});
  void Forget(const TableId& shadow);
  void ForgetSchema(const std::string& schema);
  // nullptr: nothing is kept of it. Valid until the next change.
  const OnlineDdlRecord* Find(const TableId& shadow);
  // Is there a shadow table of this real one with something kept?
  bool IsChanging(const TableId& real);
  // `trash`: the name it has now, if it was renamed.
  void SetAside(const TableId& real, bool dropped, const TableId& trash = {});
  // Returns whether it was set, and if so whether it was dropped.
  std::optional<bool> Aside(const TableId& real) const;
  // Is `trash` the table that had the name `real`, with the rows it had then?
  bool IsPutAsideAs(const TableId& real, const TableId& trash) const;
  void ClearAside(const TableId& real);
  // A statement changed this table, if it is a trash table: it is not what was put aside.
  void TrashChanged(const TableId& table);

  struct Kept {
    mysql::Statement statement;
    StatementSession session;
  };
  // The statements kept for the shadow table, as statements on `real`; those of one list have one
  // text. Throws Error 36039 if one cannot be parsed.
  std::vector<Kept> KeptFor(const OnlineDdlRecord& record, const TableId& real) const;

  // Rows of this table were read, outside the planning of an event: a real table is there again
  // upstream, a trash table is not what was put aside any more. Returns the statement that writes
  // what follows, at the latest with a location behind them; mostly empty: nothing does.
  std::string OnRows(const TableId& table);

  // --- its end ---
  bool HasChanges();
  // Statements that write what is planned. May first widen the table by a connection of its own.
  std::vector<std::string> Statements(const StopToken& stop);
  // They are written, or will be.
  void Commit();

 private:
  struct Planned {
    std::map<TableId, OnlineDdlRecord> records;  // by shadow table
    std::map<TableId, AsideTable> aside;         // by real table
    bool operator==(const Planned&) const = default;
  };
  TableId RealOf(const TableId& helper, const std::string& real_name) const;
  void CloseLists();
  static OnlineDdlState StateOf(const Planned& planned);

  const PlanContext& context_;
  const OnlineDdlTable table_;
  const OnlineDdlNames names_;
  Planned stored_;
  Planned planned_;
  // Records as they were loaded: their last list may be that of the event that comes now, if it was
  // stored without the event's location.
  std::map<TableId, OnlineDdlRecord> loaded_;
  std::map<TableId, size_t> open_;  // where the event's list begins in the record
};

}  // namespace dm::migration
