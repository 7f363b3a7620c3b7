#include "migration/sync/temporary_tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>

#include "base/error/error.h"
#include "migration/sync/statement_tokens.h"
#include "mysql/value/quote.h"

namespace dm::migration {
namespace {

// So many changes can be taken back: more than are read behind a checkpoint, as a rule.
constexpr size_t kKeptChanges = 10'000;

TableId Folded(TableId id, bool fold) {
  return fold ? TableId{mysql::LowerName(id.schema), mysql::LowerName(id.table)} : id;
}

TableId IdOf(const mysql::TableName& name, const mysql::QueryEvent& query, bool fold) {
  return Folded({name.schema.empty() ? query.schema : name.schema, name.name}, fold);
}

// The one permanent or temporary table that the statement is on; null for statements that are
// never on a temporary one.
const mysql::TableName* TableOf(const mysql::Statement& statement) {
  if (const auto* alter = statement.As<mysql::AlterTable>()) return &alter->table;
  if (const auto* truncate = statement.As<mysql::TruncateTable>()) return &truncate->table;
  if (const auto* create = statement.As<mysql::CreateIndex>()) return &create->table;
  if (const auto* drop = statement.As<mysql::DropIndex>()) return &drop->table;
  // DROP TABLE: servers log the temporary ones of its list as DROP TEMPORARY TABLE.
  return nullptr;
}

}  // namespace

void TemporaryTables::BeginRun(const mysql::BinlogPosition& start, bool by_position) {
  if (!by_position || mysql::ComparePositions(not_further_, start) > 0) {
    sessions_.clear();
    changes_.clear();
    not_further_ = {};
  }
  while (!changes_.empty() && mysql::ComparePositions(changes_.back().place, start) > 0) {
    TakeBack(changes_.back());
    changes_.pop_back();
  }
}

void TemporaryTables::Make(const Session& session, const TableId& table) {
  if (sessions_[session].insert(table).second) Remember(session, table, true);
}

void TemporaryTables::Drop(const Session& session, const TableId& table) {
  const auto found = sessions_.find(session);
  if (found == sessions_.end() || found->second.erase(table) == 0) return;
  if (found->second.empty()) sessions_.erase(found);
  Remember(session, table, false);
}

void TemporaryTables::Remember(const Session& session, const TableId& table, bool made) {
  changes_.push_back({place_, session, table, made});
  if (changes_.size() <= kKeptChanges) return;
  not_further_ = std::move(changes_.front().place);
  changes_.pop_front();
}

void TemporaryTables::TakeBack(const Change& change) {
  std::set<TableId>& names = sessions_[change.session];
  if (change.made) {
    names.erase(change.table);
  } else {
    names.insert(change.table);
  }
  if (names.empty()) sessions_.erase(change.session);
}

void TemporaryTables::OnServerStart() {
  for (const auto& [session, names] : std::exchange(sessions_, {})) {
    for (const TableId& table : names) Remember(session, table, false);
  }
}

void TemporaryTables::Note(const mysql::QueryEvent& query, std::string_view text,
                           const mysql::ParseOptions& options, bool fold) {
  StatementTokens tokens(text, options);
  tokens.SkipSetStatement();
  const bool drop = tokens.Word() == "DROP";
  if (!tokens.Take("DROP")) {
    if (!tokens.Take("CREATE")) return;
    if (tokens.Take("OR")) tokens.Take("REPLACE");
  }
  if (!tokens.Take("TEMPORARY")) return;
  if (!tokens.Take("TABLE") && !tokens.Take("TABLES")) return;
  tokens.TakeAnyOf({"IF", "NOT", "EXISTS"});
  for (;;) {
    std::optional<TableId> name = tokens.Name(query.schema);
    if (!name) break;
    if (drop) {
      Drop(SessionOf(query), Folded(*std::move(name), fold));
    } else {
      Make(SessionOf(query), Folded(*std::move(name), fold));
    }
    if (!drop || !tokens.IsSymbol(",")) break;
    tokens.Skip();
  }
}

bool TemporaryTables::Has(const mysql::QueryEvent& query, const TableId& table) const {
  const auto session = sessions_.find(SessionOf(query));
  return session != sessions_.end() && session->second.contains(table);
}

bool TemporaryTables::Takes(const mysql::QueryEvent& query, const mysql::Statement& statement,
                            bool fold) {
  const mysql::TableName* const name = TableOf(statement);
  if (name == nullptr) return false;
  const TableId table = IdOf(*name, query, fold);
  if (!Has(query, table)) return false;
  if (const auto* alter = statement.As<mysql::AlterTable>()) {
    // Of several RENAME the last one counts.
    const auto rename = std::find_if(
        alter->specs.rbegin(), alter->specs.rend(),
        [](const mysql::AlterSpec& spec) { return spec.kind == mysql::AlterKind::kRenameTable; });
    if (rename != alter->specs.rend()) TakesRename(query, table, IdOf(rename->table, query, fold));
  }
  return true;
}

void TemporaryTables::RefuseCopy(const mysql::QueryEvent& query, const mysql::Statement& statement,
                                 bool fold) const {
  const auto* create = statement.As<mysql::CreateTable>();
  if (create == nullptr || !create->like) return;
  const TableId like = IdOf(*create->like, query, fold);
  if (!Has(query, like)) return;
  throw Error(ErrorCode::kSyncerUnsupportedStmt,
              fmt::format("the table is made like {}, a temporary table of the upstream's "
                          "session, whose columns are not known",
                          like.Quoted()))
      .SetWorkaround(
          "Use `binlog replace` with a CREATE TABLE that spells out the columns (SHOW CREATE TABLE "
          "shows them upstream).");
}

bool TemporaryTables::IsInDoubt(const mysql::QueryEvent& query, const mysql::Statement& statement) {
  return query.thread_specific && TableOf(statement) != nullptr;
}

bool TemporaryTables::AreRenamedBy(const mysql::ServerInfo& upstream) {
  return upstream.is_mariadb && upstream.AtLeast(10, 2, 2);
}

bool TemporaryTables::TakesRename(const mysql::QueryEvent& query, const TableId& from,
                                  const TableId& to) {
  if (!Has(query, from)) return false;
  Drop(SessionOf(query), from);
  Make(SessionOf(query), to);
  return true;
}

}  // namespace dm::migration
