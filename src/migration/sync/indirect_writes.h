// What a change upstream may write beside the table that it names: through a view, triggers, stored
// functions and procedures. Of interest where the change was logged as a statement: its rows are in
// no event.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/thread/stop.h"
#include "migration/rows/table_plan.h"
#include "mysql/client/connection.h"

namespace dm::migration {

// May this statement, which is no change of rows, make, change or drop views, triggers or routines,
// or a table's triggers with it? Thread-safe.
bool ChangesActiveObjects(std::string_view ddl);

// The upstream's objects whose texts say what they write. Names as the server gives them, in lower
// case if `fold`; those of routines always are.
class ActiveObjects {
 public:
  explicit ActiveObjects(bool fold) : fold_(fold) {}

  // `text`: nullopt if the account may not read it.
  void AddView(TableId view, std::optional<std::string> text);
  // `schema`: of the trigger.
  void AddTrigger(TableId table, std::string schema, std::optional<std::string> text);
  void AddRoutine(TableId routine, std::optional<std::string> text);

  struct Question {
    std::vector<TableId> tables;  // that are written to, none of them replicated
    std::string text;             // of the statement
    std::string schema;           // of its unqualified names
    bool any_table = false;       // each name in the text may be one that is written to
    // Asked for names that a text mentions, whether they are tables or not.
    std::function<bool(const TableId&)> is_replicated;
    // Is there such a table?
    std::function<bool(const TableId&)> exists;
    // Does the account see all triggers of tables of this schema?
    std::function<bool(const std::string& schema)> sees_triggers;
  };
  struct Answer {
    std::optional<TableId> reached;  // a replicated table that may be written to
    std::string by;                  // the view, trigger or routine that mentions it
    std::string unknown;             // what could not be looked at; "": nothing
  };
  Answer Follow(const Question& question) const;

 private:
  struct Object {
    std::string name;  // for users
    std::string schema;
    std::optional<std::string> text;
  };
  class Walk;
  TableId Folded(TableId id) const;

  const bool fold_;
  std::map<TableId, std::vector<Object>> views_;
  std::map<TableId, std::vector<Object>> triggers_;
  std::map<TableId, std::vector<Object>> routines_;
};

// Asks an upstream for its objects when they are needed first. One owner thread.
class IndirectWrites {
 public:
  IndirectWrites(mysql::ConnectOptions upstream, bool fold)
      : upstream_(std::move(upstream)), fold_(fold) {}

  // What `question` (without its last two parts) reaches. Throws Error, Cancelled.
  ActiveObjects::Answer Follow(ActiveObjects::Question question, const StopToken& stop);
  // A statement that is no change of rows: the objects may be others now.
  void OnDdl(std::string_view text);
  // The first time that this is said since the objects were read?
  bool IsNews(const std::string& what) { return told_.insert(what).second; }

 private:
  void Read(const StopToken& stop);
  bool Exists(const TableId& table, const StopToken& stop);

  mysql::ConnectOptions upstream_;
  const bool fold_;
  std::unique_ptr<mysql::Connection> connection_;
  std::optional<ActiveObjects> objects_;
  std::set<std::string> trigger_schemas_;  // whose triggers are visible; "": all
  std::map<TableId, bool> existing_;       // since the last DDL
  std::set<std::string> told_;
};

}  // namespace dm::migration
