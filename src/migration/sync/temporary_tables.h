// Temporary tables of the upstream's sessions.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "migration/rows/table_plan.h"
#include "mysql/binlog/events.h"
#include "mysql/client/connection.h"
#include "mysql/position/position.h"
#include "mysql/sql/lexer.h"
#include "mysql/sql/statement.h"

namespace dm::migration {

// A session whose binlog_format is STATEMENT or MIXED has its statements on temporary tables
// logged, and nothing in an ALTER TABLE, TRUNCATE or RENAME of one tells it from that of a
// permanent table of its name. The flag of thread-specific statements in the event's header does
// not: in procedures permanent tables have it as well, and a RENAME TABLE lacks it (MariaDB 10.11).
// What tells is the session's CREATE TEMPORARY TABLE before it. Known are those that this process
// has read: of a session that made one before that nothing is known. One owner thread.
class TemporaryTables {
 public:
  // A run begins to read at `start`. What earlier ones have learnt before that place stays if the
  // log is read on by position; what they have learnt behind it is taken back, since it is read
  // again. All of it goes if there was too much of that since, and where the stream is by GTID: it
  // may begin behind a file that tells of a start of the server, whose new sessions have the
  // numbers of old ones.
  void BeginRun(const mysql::BinlogPosition& start, bool by_position);
  // Where the statement that is looked at next ends.
  void SetPlace(const mysql::BinlogPosition& end) { place_ = end; }
  // Takes note of a statement that makes or drops temporary tables; any other one changes nothing.
  // `text` is the event's in UTF-8. `fold`: upstream names have no case.
  void Note(const mysql::QueryEvent& query, std::string_view text,
            const mysql::ParseOptions& options, bool fold);
  // Has the session of the event a temporary table of that name?
  bool Has(const mysql::QueryEvent& query, const TableId& table) const;
  // Is the statement, which is no RENAME TABLE, on a temporary table of its session? What renames
  // it gives it its new name here.
  bool Takes(const mysql::QueryEvent& query, const mysql::Statement& statement, bool fold);
  // Throws Error kSyncerUnsupportedStmt (36068) for a CREATE TABLE LIKE one, whose columns are not
  // known.
  void RefuseCopy(const mysql::QueryEvent& query, const mysql::Statement& statement,
                  bool fold) const;
  // Is the statement on the permanent table of its name as far as is known, although the server has
  // marked it as one on a temporary table? (That a session has others says nothing: it may have
  // made this one before what has been read.) To be asked when Takes has said no.
  static bool IsInDoubt(const mysql::QueryEvent& query, const mysql::Statement& statement);
  // Does a RENAME TABLE rename temporary tables? MySQL's renames the permanent table of that name.
  static bool AreRenamedBy(const mysql::ServerInfo& upstream);
  // The same as Takes for a part of such a RENAME TABLE.
  bool TakesRename(const mysql::QueryEvent& query, const TableId& from, const TableId& to);
  // The server has started anew: no session has one any more.
  void OnServerStart();

 private:
  // By server and thread.
  using Session = std::pair<uint32_t, uint32_t>;
  static Session SessionOf(const mysql::QueryEvent& query) {
    return {query.server_id, query.thread_id};
  }

  struct Change {
    mysql::BinlogPosition place;
    Session session;
    TableId table;
    bool made = false;  // else it is gone
  };

  void Make(const Session& session, const TableId& table);
  void Drop(const Session& session, const TableId& table);
  void Remember(const Session& session, const TableId& table, bool made);
  void TakeBack(const Change& change);

  std::map<Session, std::set<TableId>> sessions_;
  mysql::BinlogPosition place_;
  std::deque<Change> changes_;         // the last ones, in their order
  mysql::BinlogPosition not_further_;  // place of the last change that is in `changes_` no more
};

}  // namespace dm::migration
