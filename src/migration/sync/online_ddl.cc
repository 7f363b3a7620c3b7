#include "migration/sync/online_ddl.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error/error.h"
#include "base/io/utf8.h"
#include "base/log/log.h"
#include "mysql/sql/parser.h"
#include "mysql/sql/rewrite.h"
#include "mysql/value/quote.h"

namespace dm::migration {

using mysql::AlterKind;
using mysql::Statement;

namespace {

// Names have so many characters at most; tools cut longer ones.
constexpr size_t kNameLimit = 64;

bool Alters(const Statement& statement, std::initializer_list<AlterKind> kinds) {
  const auto* alter = statement.As<mysql::AlterTable>();
  if (alter == nullptr) return false;
  return std::any_of(alter->specs.begin(), alter->specs.end(), [&](const mysql::AlterSpec& spec) {
    return std::find(kinds.begin(), kinds.end(), spec.kind) != kinds.end();
  });
}

bool IsRename(const Statement& split) {
  return split.As<mysql::RenameTable>() != nullptr || Alters(split, {AlterKind::kRenameTable});
}

// Does it take rows away without changing the definition? A shadow table's are not replicated.
bool RemovesRows(const Statement& split) {
  return split.As<mysql::TruncateTable>() != nullptr ||
         Alters(split, {AlterKind::kTruncatePartition});
}

bool MovesRows(const Statement& split) {
  return Alters(split, {AlterKind::kExchangePartition, AlterKind::kConvertPartition,
                        AlterKind::kConvertTable});
}

bool EndsWith(const std::vector<std::string>& all, size_t end,
              const std::vector<std::string>& part) {
  return end >= part.size() &&
         std::equal(part.begin(), part.end(),
                    all.begin() + static_cast<std::ptrdiff_t>(end - part.size()));
}

}  // namespace

OnlineDdl::OnlineDdl(const PlanContext& context, OnlineDdlTable table)
    : context_(context), table_(std::move(table)), names_(*context.rules->online_ddl) {}

void OnlineDdl::Load(mysql::Connection& connection, const StopToken& stop) {
  OnlineDdlState state = table_.Load(connection, stop);
  stored_ = {};
  for (OnlineDdlRecord& record : state.records) {
    Log().Info("an online schema change is under way",
               {F("shadow", mysql::QuoteTable(record.ghost_schema, record.ghost_table)),
                F("table", mysql::QuoteTable(record.schema, record.table)),
                F("statements kept", record.ddls.size())});
    const TableId shadow{record.ghost_schema, record.ghost_table};
    stored_.records[shadow] = std::move(record);
  }
  for (AsideTable& table : state.aside) {
    const TableId real{table.schema, table.table};
    stored_.aside[real] = std::move(table);
  }
  loaded_ = stored_.records;
  Begin();
}

// ---- what a statement is ------------------------------------------------------------------------

bool OnlineDdl::IsHelper(const TableId& table) const {
  return names_.Classify(table.table).kind != OnlineDdlKind::kReal;
}

TableId OnlineDdl::RealOf(const TableId& helper, const std::string& real_name) const {
  if (const auto record = planned_.records.find(helper); record != planned_.records.end()) {
    return {record->second.schema, record->second.table};
  }
  // pt-online-schema-change puts more underscores in front where a name is taken.
  std::vector<TableId> candidates = {{helper.schema, real_name}};
  for (size_t i = 0; i + 1 < real_name.size() && real_name[i] == '_'; ++i) {
    candidates.push_back({helper.schema, real_name.substr(i + 1)});
  }
  for (const TableId& candidate : candidates) {
    if (context_.tracker->GetTable(candidate.schema, candidate.table)) return candidate;
  }
  if (Characters(helper.table).size() >= kNameLimit) {
    for (const std::string& name : context_.tracker->TablesOf(helper.schema)) {
      if (name.starts_with(real_name) && !IsHelper({helper.schema, name})) {
        return {helper.schema, name};
      }
    }
  }
  for (const TableId& candidate : candidates) {
    if (!context_.rules->block_allow.Skips(candidate.schema, candidate.table)) return candidate;
  }
  return candidates.front();
}

OnlineDdl::Judgement OnlineDdl::Judge(const Statement& split,
                                      const std::vector<TableId>& tables) const {
  Judgement judged;
  if (tables.empty() || tables.front().table.empty() || split.As<mysql::SequenceStatement>()) {
    return judged;
  }
  const TableId& first = tables.front();
  const OnlineDdlName name = names_.Classify(first.table);
  const bool rename = IsRename(split) && tables.size() > 1;
  const OnlineDdlKind other =
      tables.size() > 1 ? names_.Classify(tables[1].table).kind : OnlineDdlKind::kReal;
  judged.helper = first;
  if (name.kind == OnlineDdlKind::kReal) {
    judged.real = first;
    if (rename && other != OnlineDdlKind::kReal) {
      judged.helper = tables[1];
      judged.step = other == OnlineDdlKind::kTrash ? Step::kAside : Step::kRenameToShadow;
    }
    return judged;
  }
  judged.real = rename && other == OnlineDdlKind::kReal ? tables[1] : RealOf(first, name.real_name);
  if (name.kind == OnlineDdlKind::kTrash) {
    judged.step = !rename                          ? Step::kNothing
                  : other == OnlineDdlKind::kReal  ? Step::kBack
                  : other == OnlineDdlKind::kTrash ? Step::kNothing
                                                   : Step::kRenameOfHelper;
    return judged;
  }
  if (const auto* create = split.As<mysql::CreateTable>()) {
    judged.step = Step::kNewShadow;
    if (create->like && tables.size() > 1 && other == OnlineDdlKind::kReal) judged.real = tables[1];
  } else if (split.As<mysql::DropTable>()) {
    judged.step = Step::kShadowGone;
  } else if (rename) {
    judged.step = other == OnlineDdlKind::kReal    ? Step::kSwap
                  : other == OnlineDdlKind::kTrash ? Step::kShadowGone
                                                   : Step::kRenameOfHelper;
  } else if (RemovesRows(split)) {
    judged.step = Step::kNothing;
  } else {
    judged.step = MovesRows(split) ? Step::kShadowMoved : Step::kShadowChange;
  }
  return judged;
}

void OnlineDdl::RequireBothSides(const Statement& statement, const std::string& text,
                                 const std::string& schema, bool fold) const {
  const auto* rename = statement.As<mysql::RenameTable>();
  if (rename == nullptr || rename->pairs.size() != 2) return;
  std::vector<TableId> ids;  // real, trash, shadow, real
  for (const mysql::TableName& name : mysql::TableRefs(statement, schema, fold)) {
    ids.push_back({name.schema, name.name});
  }
  if (ids[0] != ids[3] || IsHelper(ids[0]) || context_.rules->Skips(ids[0])) return;
  const bool trash = names_.Classify(ids[1].table).kind == OnlineDdlKind::kTrash;
  const bool shadow = names_.Classify(ids[2].table).kind == OnlineDdlKind::kShadow;
  if (trash == shadow) return;
  throw MakeError(ErrorCode::kConfigOnlineDDLMistakeRegex, text,
                  trash ? ids[2].Quoted() : ids[1].Quoted(),
                  trash ? "shadow-table-rules" : "trash-table-rules");
}

// ---- what is remembered -------------------------------------------------------------------------

void OnlineDdl::Begin() {
  planned_ = stored_;
  open_.clear();
}

void OnlineDdl::Keep(const TableId& shadow, const TableId& real, std::string text,
                     const StatementSession& session) {
  OnlineDdlRecord& record = planned_.records[shadow];
  if (record.ghost_table.empty()) {
    record.ghost_schema = shadow.schema;
    record.ghost_table = shadow.table;
    record.schema = real.schema;
    record.table = real.table;
  }
  if (open_.try_emplace(shadow, record.ddls.size()).second) {
    record.sessions.resize(record.lists.size());
    record.lists.push_back(0);
    record.sessions.push_back(session);
  }
  record.ddls.push_back(std::move(text));
  ++record.lists.back();
}

void OnlineDdl::CloseLists() {
  for (const auto& [shadow, begin] : open_) {
    const auto found = planned_.records.find(shadow);
    if (found == planned_.records.end()) continue;
    OnlineDdlRecord& record = found->second;
    const auto loaded = loaded_.find(shadow);
    if (loaded == loaded_.end() || loaded->second.ddls.size() != begin) continue;
    const std::vector<std::string> list(record.ddls.begin() + static_cast<std::ptrdiff_t>(begin),
                                        record.ddls.end());
    if (!EndsWith(loaded->second.ddls, begin, list)) continue;
    Log().Info("the statement was kept already before the restart", {F("shadow", shadow.Quoted())});
    record = loaded->second;
    loaded_.erase(loaded);  // the next one that is equal is another one
  }
  open_.clear();
}

void OnlineDdl::Forget(const TableId& shadow) {
  planned_.records.erase(shadow);
  open_.erase(shadow);
}

void OnlineDdl::ForgetSchema(const std::string& schema) {
  std::erase_if(planned_.records, [&](const auto& entry) { return entry.first.schema == schema; });
  std::erase_if(planned_.aside, [&](const auto& entry) { return entry.first.schema == schema; });
  std::erase_if(open_, [&](const auto& entry) { return entry.first.schema == schema; });
  for (auto& [real, aside] : planned_.aside) {
    if (aside.trash_schema == schema) aside.trash_schema = aside.trash_table = "";
  }
}

const OnlineDdlRecord* OnlineDdl::Find(const TableId& shadow) {
  CloseLists();
  const auto found = planned_.records.find(shadow);
  return found == planned_.records.end() ? nullptr : &found->second;
}

bool OnlineDdl::IsChanging(const TableId& real) {
  CloseLists();
  return std::any_of(planned_.records.begin(), planned_.records.end(), [&](const auto& entry) {
    const OnlineDdlRecord& record = entry.second;
    return record.schema == real.schema && record.table == real.table && !record.ddls.empty();
  });
}

void OnlineDdl::SetAside(const TableId& real, bool dropped, const TableId& trash) {
  TrashChanged(trash);  // of another one
  planned_.aside[real] = {real.schema, real.table, dropped, trash.schema, trash.table};
}

std::optional<bool> OnlineDdl::Aside(const TableId& real) const {
  const auto found = planned_.aside.find(real);
  if (found == planned_.aside.end()) return std::nullopt;
  return found->second.dropped;
}

bool OnlineDdl::IsPutAsideAs(const TableId& real, const TableId& trash) const {
  const auto found = planned_.aside.find(real);
  return found != planned_.aside.end() && !trash.table.empty() &&
         found->second.trash_schema == trash.schema && found->second.trash_table == trash.table;
}

void OnlineDdl::ClearAside(const TableId& real) { planned_.aside.erase(real); }

void OnlineDdl::TrashChanged(const TableId& table) {
  for (auto& [real, aside] : planned_.aside) {
    if (IsPutAsideAs(real, table)) aside.trash_schema = aside.trash_table = "";
  }
}

std::string OnlineDdl::OnRows(const TableId& table) {
  if (stored_.aside.empty()) return "";
  Begin();
  ClearAside(table);
  TrashChanged(table);
  if (planned_ == stored_) return "";
  Log().Info("rows of a table come that was put aside", {F("table", table.Quoted())});
  stored_ = planned_;
  return table_.StateStatement(StateOf(stored_));
}

std::vector<OnlineDdl::Kept> OnlineDdl::KeptFor(const OnlineDdlRecord& record,
                                                const TableId& real) const {
  const TableId shadow{record.ghost_schema, record.ghost_table};
  const bool fold = context_.sessions->lower_case_table_names != 0;
  mysql::ParseOptions options;  // the normal form is written for no particular sql_mode
  options.mariadb = context_.sessions->flavor == mysql::Flavor::kMariaDb;
  const auto moved = [&](const mysql::TableName& name) {
    const TableId id = fold ? TableId{mysql::LowerName(name.schema), mysql::LowerName(name.name)}
                            : TableId{name.schema, name.name};
    return id == shadow ? mysql::TableName{real.schema, real.table} : name;
  };
  std::vector<Kept> kept;
  size_t next = 0;
  for (size_t list = 0; list < record.lists.size(); ++list) {
    const size_t length = record.lists[list];
    const StatementSession session =
        list < record.sessions.size() ? record.sessions[list] : StatementSession();
    std::string list_text;
    const size_t begin = kept.size();
    for (size_t end = next + length; next < end; ++next) {
      const std::string& text = record.ddls.at(next);
      if (text.empty()) continue;
      Statement statement;
      try {
        if (!mysql::ParseFirst(text, options, &statement)) continue;
        std::vector<mysql::TableName> names;
        for (const mysql::TableName& name :
             mysql::TableRefs(statement, record.ghost_schema, false)) {
          names.push_back(moved(name));
        }
        statement = mysql::RenameTables(statement, names);
        mysql::RouteReferences(&statement, {shadow.schema, shadow.table}, {real.schema, real.table},
                               moved);
      } catch (const Error& e) {
        throw WithCause(MakeError(ErrorCode::kSyncerUnitOnlineDDLInvalidMeta), e)
            .Annotate(fmt::format("statement kept of shadow table {}: {}", shadow.Quoted(), text));
      }
      list_text += fmt::format("{}{}", list_text.empty() ? "" : "; ", text);
      kept.push_back({std::move(statement), session});
    }
    for (size_t i = begin; i < kept.size(); ++i) kept[i].statement.text = list_text;
  }
  return kept;
}

// ---- what is written ----------------------------------------------------------------------------

OnlineDdlState OnlineDdl::StateOf(const Planned& planned) {
  OnlineDdlState state;
  for (const auto& [shadow, record] : planned.records) state.records.push_back(record);
  for (const auto& [real, aside] : planned.aside) state.aside.push_back(aside);
  return state;
}

bool OnlineDdl::HasChanges() {
  CloseLists();
  return !(planned_ == stored_);
}

std::vector<std::string> OnlineDdl::Statements(const StopToken& stop) {
  std::vector<std::string> statements;
  if (!HasChanges()) return statements;
  bool widen = false;
  for (const auto& [shadow, record] : stored_.records) {
    if (!planned_.records.contains(shadow)) {
      statements.push_back(table_.DeleteStatement(shadow.schema, shadow.table));
    }
  }
  for (const auto& [shadow, record] : planned_.records) {
    const auto before = stored_.records.find(shadow);
    if (before != stored_.records.end() && before->second == record) continue;
    widen = widen || OnlineDdlTable::NeedsWidening(record);
    statements.push_back(table_.PutStatement(record));
  }
  statements.push_back(table_.StateStatement(StateOf(planned_)));
  if (widen) {
    auto connection = mysql::Connection::Connect(context_.sessions->downstream, stop);
    table_.Widen(*connection, stop);
  }
  return statements;
}

void OnlineDdl::Commit() {
  std::erase_if(loaded_, [&](const auto& entry) {
    const auto now = planned_.records.find(entry.first);
    return now == planned_.records.end() || !(now->second == entry.second);
  });
  stored_ = planned_;
}

}  // namespace dm::migration
