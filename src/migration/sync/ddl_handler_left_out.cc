// The part of DdlHandler that knows what the rules leave out, and what becomes of statements on two
// tables of which they leave out one.

#include <fmt/format.h>

#include <algorithm>

#include "base/error/error.h"
#include "base/log/log.h"
#include "migration/rules/system_schema.h"
#include "migration/sync/ddl_handler.h"
#include "migration/sync/other_objects.h"
#include "migration/sync/split_statement.h"
#include "mysql/sql/alter_spec.h"

namespace dm::migration {

using mysql::AlterKind;
using mysql::Statement;

namespace {

// A split statement that moves a table, or rows, between the two tables that it names.
struct Move {
  bool rename = false;
  bool copy = false;                       // CREATE TABLE ... LIKE
  bool conditional = false;                // IF EXISTS
  const mysql::AlterSpec* part = nullptr;  // EXCHANGE, CONVERT
  std::string_view what;                   // for users
  std::string_view instead;                // what may be wanted downstream, for example
};

std::optional<Move> MoveOf(const Statement& split) {
  Move move;
  if (const auto* rename = split.As<mysql::RenameTable>()) {
    move.rename = true;
    move.conditional = rename->if_exists;
  } else if (const auto* create = split.As<mysql::CreateTable>(); create && create->like) {
    move.copy = true;
    move.what = "CREATE TABLE ... LIKE";
    move.instead = "the CREATE TABLE with its columns";
  } else if (const mysql::AlterSpec* spec = mysql::OnlySpec(split)) {
    move.conditional = split.As<mysql::AlterTable>()->if_exists;
    switch (spec->kind) {
      case AlterKind::kRenameTable:
        move.rename = true;
        break;
      case AlterKind::kExchangePartition:
        move.part = spec;
        move.what = "EXCHANGE PARTITION";
        move.instead = "ALTER TABLE ... TRUNCATE PARTITION if the other table was empty";
        break;
      case AlterKind::kConvertPartition:
        move.part = spec;
        move.what = "CONVERT PARTITION ... TO TABLE";
        move.instead = "ALTER TABLE ... DROP PARTITION";
        break;
      case AlterKind::kConvertTable:
        move.part = spec;
        move.what = "CONVERT TABLE ... TO PARTITION";
        move.instead = "ALTER TABLE ... ADD PARTITION";
        break;
      default:
        return std::nullopt;
    }
  } else {
    return std::nullopt;
  }
  if (move.rename) {
    move.what = "a rename";
    move.instead = "DROP TABLE, or CREATE TABLE";
  }
  return move;
}

}  // namespace

bool DdlHandler::IsLeftOut(const TableId& id) const {
  if (!id.table.empty()) return context_.rules->Skips(id);
  return IsSystemSchema(id.schema) || context_.rules->block_allow.SkipsSchema(id.schema);
}

bool DdlHandler::PlanAcrossRules(const Statement& whole, const Statement& split,
                                 const std::vector<TableId>& tables, const std::string& text,
                                 std::vector<Planned>* planned, const StopToken& stop) {
  const std::optional<Move> move = MoveOf(split);
  if (!move || tables.size() != 2) return false;
  const bool first_out = IsLeftOut(tables[0]);
  if (first_out == IsLeftOut(tables[1])) return false;
  const TableId& ours = tables[first_out ? 1 : 0];
  const TableId& other = tables[first_out ? 0 : 1];
  if (context_.online != nullptr && context_.online->IsHelper(other)) return false;
  if (IsObsolete(ours, text)) return true;
  const auto is_known = [&](const TableId& id) {
    // An earlier part of the statement may give it its name.
    return context_.tracker->GetTable(id.schema, id.table) != nullptr ||
           std::any_of(planned->begin(), planned->end(), [&](const Planned& p) {
             return std::find(p.tables.begin(), p.tables.end(), id) != p.tables.end();
           });
  };
  if (move->copy) {
    if (first_out) return true;  // it is made from ours
    const auto* create = whole.As<mysql::CreateTable>();
    const bool conditional = create != nullptr && create->if_not_exists;
    if (is_known(ours) || (conditional && IsThereDownstream(ours, stop))) return true;
  }
  if (move->rename) {
    if (!first_out) {
      Planned p;
      p.source = split;
      p.tables = tables;
      for (const TableId& id : tables) p.targets.push_back(context_.rules->Route(id));
      const std::vector<Planned> one = {std::move(p)};
      if (RenamesView(one, 0, stop)) return true;
      if (move->conditional && !is_known(ours) && !IsThereDownstream(ours, stop)) return true;
    }
    if (first_out || !is_known(ours)) {
      const std::string type = UpstreamTableType(*context_.sessions, tables[1], stop);
      if (type == "SEQUENCE" || type.find("VIEW") != std::string::npos) {
        Log().Warn("skip the renaming of a view or a sequence",
                   {F("statement", text), F("type", type), F("table", tables[0].Quoted())});
        return true;
      }
    }
  }
  if (!IsFiltered(split, ours, tables[0], text, stop)) {
    throw Error(ErrorCode::kSyncerUnsupportedStmt,
                fmt::format("{} between a replicated table and one that is left out is not "
                            "supported: {} is replicated, {} is not",
                            move->what, ours.Quoted(), other.Quoted()))
        .SetWorkaround(fmt::format(
            "Use `binlog replace` with what is wanted of {} downstream ({}), or let {} in: change "
            "the block-allow-list or the names, and start the task anew. `binlog skip` leaves the "
            "downstream as it is.",
            ours.Quoted(), move->instead, other.Quoted()));
  }
  // What the definitions become: those of a table whose name goes away are forgotten, so that
  // another one of its name is known as what it is.
  const bool goes = !first_out && move->rename;
  const bool into_partition =
      first_out && move->part != nullptr && move->part->kind == AlterKind::kConvertTable;
  if (goes || into_partition) {
    if (!is_known(ours)) return true;
    AddTracked(DropOf(ours, text), {ours}, planned);
    planned->back().filtered = true;
  } else if (!first_out && move->part != nullptr &&
             move->part->kind != AlterKind::kExchangePartition && is_known(ours)) {
    mysql::AlterSpec spec{};
    const bool drops = move->part->kind == AlterKind::kConvertPartition;
    spec.kind = drops ? AlterKind::kDropPartition : AlterKind::kAddPartition;
    spec.names = move->part->names;
    spec.partitions = move->part->partitions;
    AddTracked(AlterOf(ours, std::move(spec), text), {ours}, planned);
    planned->back().filtered = true;
  }
  return true;
}

}  // namespace dm::migration
