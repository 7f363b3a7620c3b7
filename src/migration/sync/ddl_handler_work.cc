// What the statements of an event become downstream: adapted to its server, with what their
// execution there depends on.
#include <algorithm>
#include <iterator>
#include <map>
#include <optional>

#include "base/error/error.h"
#include "base/log/log.h"
#include "migration/rules/sql_target.h"
#include "migration/sync/altered_tables.h"
#include "migration/sync/column_checks.h"
#include "migration/sync/constraint_names.h"
#include "migration/sync/ddl_handler.h"
#include "migration/sync/foreign_keys.h"
#include "migration/sync/other_objects.h"
#include "migration/sync/shrunk_keys.h"
#include "migration/sync/side_effect_warnings.h"
#include "migration/sync/split_statement.h"
#include "mysql/schema/edit.h"
#include "mysql/sql/adapt.h"
#include "mysql/sql/alter_spec.h"
#include "mysql/sql/parser.h"
#include "mysql/sql/rewrite.h"
#include "mysql/sql/tidb_rewrite.h"

namespace dm::migration {

using mysql::Statement;

namespace {

// CREATE TABLE LIKE and renames between tables that the routes merge: the target is there, and
// stays. `fold`: the downstream does not look at letter case.
bool IsBetweenOneTarget(const Statement& split, const std::vector<TableId>& targets, bool fold) {
  if (targets.size() != 2) return false;
  const bool one = fold ? mysql::EqualNames(targets[0].schema, targets[1].schema) &&
                              mysql::EqualNames(targets[0].table, targets[1].table)
                        : targets[0] == targets[1];
  if (!one) return false;
  const auto* create = split.As<mysql::CreateTable>();
  return (create != nullptr && create->like) || IsRename(split);
}

Statement DropDefaultOf(const TableId& target, const std::string& column) {
  mysql::AlterSpec drop{};
  drop.kind = mysql::AlterKind::kDropDefault;
  drop.name = column;
  // Not the event's text, with which it would be one list.
  return AlterOf(target, std::move(drop), "DROP DEFAULT");
}

bool IsRowPeriod(const mysql::ColumnInfo& column) {
  return column.is_row_start() || column.is_row_end();
}

bool IsRowPeriod(const mysql::TablePtr& table, std::string_view column) {
  const mysql::ColumnInfo* info = table == nullptr ? nullptr : table->FindColumn(column);
  return info != nullptr && IsRowPeriod(*info);
}

// The partition of the rows that are current; empty if it has none by SYSTEM_TIME.
std::string CurrentPartition(const mysql::TablePtr& table) {
  if (table == nullptr || !table->partition) return "";
  if (!table->partition->text.starts_with("PARTITION BY SYSTEM_TIME")) return "";
  for (const mysql::PartitionDef& one : mysql::ParsePartition(table->partition->text).definitions) {
    if (one.values == mysql::PartitionDef::Values::kCurrent) return one.name;
  }
  return "pn";  // MariaDB's name of it
}

// What can be made again of columns alone, of those that the target has. `table` may be null.
std::vector<mysql::Constraint> IndexesOfColumns(const mysql::TableInfo* table) {
  std::vector<mysql::Constraint> indexes;
  if (table == nullptr) return indexes;
  for (const mysql::IndexInfo& info : table->indexes) {
    const bool plain = info.kind == mysql::IndexInfo::Kind::kPlain;
    if (info.primary || info.multi_valued ||
        (!plain && info.kind != mysql::IndexInfo::Kind::kFullText)) {
      continue;
    }
    mysql::Constraint index;
    index.kind = !plain        ? mysql::ConstraintKind::kFullText
                 : info.unique ? mysql::ConstraintKind::kUnique
                               : mysql::ConstraintKind::kIndex;
    index.name = info.name;
    if (info.invisible) index.options.visible = false;
    if (!info.comment.empty()) index.options.comment = info.comment;
    bool hidden = false;
    for (const mysql::IndexColumn& column : info.columns) {
      const mysql::ColumnInfo& of = table->columns.at(static_cast<size_t>(column.offset));
      if (IsRowPeriod(of)) continue;
      hidden = hidden || of.hidden;
      mysql::IndexPart part;
      part.column = column.name;
      part.length = column.length;
      index.parts.push_back(std::move(part));
    }
    if (!hidden && !index.parts.empty()) indexes.push_back(std::move(index));
  }
  return indexes;
}

// What a table has before a statement, which is executed on its target.
struct TableBefore {
  TableId source;
  mysql::TablePtr table;  // null: it is not known
};

std::optional<UpstreamConstraints> ConstraintsOf(const TableBefore& before,
                                                 const PlanContext& context) {
  if (before.table == nullptr) return std::nullopt;
  UpstreamConstraints constraints;
  constraints.foreign_keys = before.table->foreign_keys;
  constraints.checks = before.table->checks;
  constraints.mariadb = context.sessions->upstream_server.is_mariadb;
  constraints.known = !before.table->named_downstream;
  constraints.merged = !context.rules->router.KeepsApart(before.source.schema, before.source.table);
  for (mysql::ForeignKeyInfo& key : constraints.foreign_keys) {
    TableId parent{key.ref_schema.empty() ? before.source.schema : key.ref_schema, key.ref_table};
    if (context.sessions->lower_case_table_names != 0) {
      parent = {mysql::LowerName(parent.schema), mysql::LowerName(parent.table)};
    }
    const TableId target = context.rules->Route(parent);
    key.ref_schema = target.schema;
    key.ref_table = target.table;
  }
  return constraints;
}

}  // namespace

void DdlHandler::DropForgottenChecks(Statement* adapted, const Planned& planned,
                                     const StopToken& stop) const {
  auto* alter = adapted->As<mysql::AlterTable>();
  const mysql::ServerInfo& server = context_.sessions->downstream_server;
  if (alter == nullptr || !context_.sessions->upstream_server.is_mariadb ||
      SqlTargetOf(server) != mysql::SqlTarget::kMySql || !server.AtLeast(8, 0, 16) ||
      std::none_of(alter->specs.begin(), alter->specs.end(), mysql::RedefinedColumn)) {
    return;
  }
  const TableId& source = planned.tables.front();
  try {
    DropColumnChecks(alter, *context_.downstream->Get(planned.targets.front(), stop),
                     context_.tracker->GetTable(source.schema, source.table).get());
  } catch (const Error& e) {
    // The statement itself says so.
    if (e.code() != static_cast<int>(ErrorCode::kSyncerDownstreamTableNotFound)) throw;
  }
}

DdlWork DdlHandler::WorkOf(const std::vector<Planned>& planned, const mysql::TrackerChange& change,
                           const mysql::QueryEvent& query, const std::string& event,
                           const StopToken& stop) {
  const mysql::ServerInfo& server = context_.sessions->downstream_server;
  DdlWork work;
  work.event = event;
  work.timestamp = timestamp_;
  work.microseconds = query.status.microseconds.value_or(0);
  work.restore.target = SqlTargetOf(server);
  work.restore.no_backslash_escapes = server.no_backslash_escapes;
  work.restore.collation_names = collations_.For(server);
  const auto left_out = [&](const std::string& what) {
    Log().Warn("the downstream cannot take a part of a statement, it is left out or replaced",
               {F("part", what), F("statement", query.text)});
  };
  mysql::AdaptOptions adapt;
  adapt.from_mariadb = context_.sessions->upstream_server.is_mariadb;
  adapt.expression_defaults = server.AtLeast(8, 0, 13);
  adapt.validation_clause =
      server.is_tidb || (server.is_mariadb ? server.AtLeast(11, 4) : server.AtLeast(5, 7, 5));
  if (!server.is_tidb) {
    adapt.has_engine = [&](std::string_view engine) {
      return context_.downstream->HasTransactionalEngine(engine, stop);
    };
    adapt.has_parser = [&](std::string_view parser) {
      return context_.downstream->HasFullTextParser(parser, stop);
    };
  }
  adapt.has_sequence = [&](const mysql::TableName& sequence) {
    return DownstreamTableType(*context_.sessions, {sequence.schema, sequence.name}, stop) ==
           "SEQUENCE";
  };
  // Defaults for the rows that are there, which go when they have them.
  std::vector<DdlStatement> drops;
  const bool renamed = std::any_of(planned.begin(), planned.end(), [](const Planned& p) {
    return ProducedTable(p.source) && !p.source.As<mysql::CreateTable>();
  });
  ForeignKeyNames foreign_keys(context_.sessions->upstream_server.is_mariadb);
  std::vector<DdlStatement> adapted_all;
  const AlteredTables altered(*context_.tracker, change, query.schema, planned);
  const std::string* statement_text = nullptr;  // of the statement that the last one was a part of
  mysql::TablePtr after;                        // that
  std::map<std::string, TableBefore> before_statement;  // by its text
  std::optional<CheckNames> check_names;
  for (size_t index = 0; index < planned.size(); ++index) {
    const Planned& p = planned[index];
    if (!p.is_executed()) continue;
    RefuseUnrepeatable(p, query, stop);
    if (IsBetweenOneTarget(p.source, p.targets, context_.sessions->downstream_folds)) {
      Log().Info("both tables of a statement are one downstream, it changes nothing there",
                 {F("statement", query.text), F("target", p.targets.front().Quoted())});
      continue;
    }
    const mysql::TablePtr before = altered.Before(index);
    if (p.is_tracked() && before != nullptr &&
        DropsNothing(p.source, *before, adapt.from_mariadb)) {
      Log().Info("skip a part of a statement with IF EXISTS, the upstream has no such constraint",
                 {F("statement", query.text), F("table", p.tables.front().Quoted())});
      continue;
    }
    Statement adapted = p.routed;
    if (server.is_tidb) {
      const TableId& source = p.tables.front();
      foreign_keys.Fill(&adapted, source,
                        context_.tracker->GetTable(source.schema, source.table).get());
    }
    adapt.is_blob = [&](std::string_view column) {
      const mysql::ColumnInfo* info = before == nullptr ? nullptr : before->FindColumn(column);
      return info != nullptr && mysql::IsBlobType(info->type);
    };
    adapt.is_row_period = [&](std::string_view column) { return IsRowPeriod(before, column); };
    adapt.current_partition = CurrentPartition(before);
    if (statement_text == nullptr || *statement_text != p.source.text) {
      statement_text = &p.source.text;
      after = altered.After(index);
      adapt.becomes_row_period = [after](std::string_view column) {
        return IsRowPeriod(after, column);
      };
      adapt.name_of_index = NamesOfIndexes(before, after);
      before_statement.emplace(p.source.text, TableBefore{p.tables.front(), before});
      check_names.reset();
      // (Merged tables may have checks of one name.)
      if (server.is_mariadb && !adapt.from_mariadb &&
          context_.rules->router.KeepsApart(p.tables.front().schema, p.tables.front().table)) {
        check_names.emplace(before, after);
      }
      const auto* alter = p.source.As<mysql::AlterTable>();
      if (alter != nullptr && alter->ignore) {
        left_out("IGNORE: the binlog does not say which rows the upstream removes");
      }
    }
    NameShortCollations(&adapted, p.tables.front(), after, query);
    WarnOfSideEffects(context_, planned, index, before.get(), after.get(), stop);
    const StatementSession& session = p.session ? *p.session : SessionOf(query, stop);
    if (!p.session) MoveMoments(&adapted, p.tables.front(), query, stop);
    WarnOfOtherValues(p.source, p.tables.front());
    adapt.filled_once = [&](const std::string& column) {
      if (!renamed) drops.push_back({DropDefaultOf(p.targets.front(), column), session});
    };
    DropForgottenChecks(&adapted, p, stop);
    if (check_names) check_names->Fill(&adapted);
    if (mysql::AdaptToTarget(&adapted, work.restore.target, left_out, adapt)) {
      adapted_all.push_back({std::move(adapted), session});
    }
  }
  std::move(drops.begin(), drops.end(), std::back_inserter(adapted_all));
  const auto indexes_of = [&](const mysql::TableName& target) {
    const auto same = [&](const Planned& p) {
      return p.targets.front() == TableId{target.schema, target.name};
    };
    const auto p = std::find_if(planned.begin(), planned.end(), same);
    if (p == planned.end()) return std::vector<mysql::Constraint>();
    return IndexesOfColumns(
        context_.tracker->GetTable(p->tables.front().schema, p->tables.front().table).get());
  };
  for (size_t begin = 0; begin < adapted_all.size();) {
    // Statements of one session.
    const StatementSession session = adapted_all[begin].session;
    std::vector<Statement> part;
    for (; begin < adapted_all.size() && adapted_all[begin].session == session; ++begin) {
      part.push_back(std::move(adapted_all[begin].statement));
    }
    part = server.is_tidb ? mysql::ForTiDb(std::move(part), indexes_of, left_out)
                          : mysql::JoinAlters(std::move(part));
    for (Statement& statement : part) {
      const auto* alter = statement.As<mysql::AlterTable>();
      const auto before = before_statement.find(statement.text);
      std::optional<UniqueKeys> keys_behind;
      if (alter != nullptr && server.is_mariadb && !adapt.from_mariadb &&
          before != before_statement.end() && before->second.table != nullptr) {
        keys_behind = KeysBehind(*alter, *before->second.table);
      }
      std::optional<UpstreamConstraints> constraints;
      if (alter != nullptr && NamesConstraints(*alter) && before != before_statement.end()) {
        constraints = ConstraintsOf(before->second, context_);
      }
      work.statements.push_back(
          {std::move(statement), session, std::move(keys_behind), std::move(constraints)});
    }
  }
  return work;
}

}  // namespace dm::migration
