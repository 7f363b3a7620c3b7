#include "migration/rows/table_plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error/error.h"
#include "base/log/log.h"
#include "mysql/value/charset.h"
#include "mysql/value/quote.h"

namespace dm::migration {

using mysql::Charset;
using mysql::ColumnInfo;
using mysql::FieldType;
using mysql::IndexInfo;
using mysql::TableInfo;

namespace {

constexpr size_t kMembersTooManyForTiDb = 64;

// Is the value in a row an integer? (ENUM and SET as numbers.)
bool IsInteger(FieldType type) {
  return mysql::IsIntegerType(type) || type == FieldType::kYear || type == FieldType::kBit ||
         type == FieldType::kEnum || type == FieldType::kSet;
}

bool HasMembers(const ColumnInfo& column) {
  return column.type == FieldType::kEnum || column.type == FieldType::kSet;
}

// Do numbers of an ENUM or SET mean the same members in `target`? It may have more of them. What
// CONVERT TO CHARACTER SET has made of a member is shown by every kind of server in its own way
// (TiDB has what it was), so it is known by its place, if the downstream has none of its name.
bool CountsMembersAlike(const ColumnInfo& source, const ColumnInfo& target) {
  if (source.type != target.type || source.elements.size() > target.elements.size()) return false;
  const auto is_among = [](const std::vector<std::string>& members, const std::string& name) {
    return std::find(members.begin(), members.end(), name) != members.end();
  };
  for (size_t i = 0; i < source.elements.size(); ++i) {
    const std::string& name = source.elements[i];
    if (name == target.elements[i]) continue;
    // (A definition of the checkpoint may have been changed by hand.)
    const bool converted =
        i < source.converted_members.size() && source.converted_members[i] != name;
    if (!converted) return false;
    if (source.converted_members[i] == target.elements[i]) continue;
    if (is_among(target.elements, name) || is_among(source.elements, target.elements[i])) {
      return false;
    }
  }
  return true;
}

// Positions of the members of `source` in the order in which `target` has them.
std::vector<uint8_t> MemberOrder(const ColumnInfo& source, const ColumnInfo& target) {
  std::vector<uint8_t> order;
  if (source.type != FieldType::kSet) return order;
  const auto place = [&](uint8_t member) {
    return std::find(target.elements.begin(), target.elements.end(), source.elements[member]);
  };
  for (size_t i = 0; i < source.elements.size(); ++i) order.push_back(static_cast<uint8_t>(i));
  std::stable_sort(order.begin(), order.end(),
                   [&](uint8_t a, uint8_t b) { return place(a) < place(b); });
  return order;
}

// How the downstream compares values of a key column that come from `source`.
KeyFold FoldOf(const ColumnInfo& source, const ColumnInfo& target, const TableInfo& target_table) {
  if (IsInteger(source.type) && IsInteger(target.type)) {
    return HasMembers(source) && !CountsMembersAlike(source, target) ? KeyFold::kIncomparable
                                                                     : KeyFold::kInteger;
  }
  if (mysql::IsStringType(source.type) && mysql::IsStringType(target.type)) {
    bool binary = target.charset == "binary";
    if (!target.type_word.empty() && target.type_word != source.type_word) {
      return KeyFold::kIncomparable;  // inet6, uuid, ...: stored as bytes, compared as values
    }
    if (binary) {
      if (source.charset != "binary") return KeyFold::kIncomparable;
      return target.type == FieldType::kString ? KeyFold::kZeroPadded : KeyFold::kText;
    }
    return FoldOfCollation(target.collation.empty() ? target_table.collation : target.collation);
  }
  if (source.type == target.type && source.decimals <= target.decimals &&
      source.type != FieldType::kFloat && source.type != FieldType::kDouble) {
    return KeyFold::kText;
  }
  return KeyFold::kIncomparable;
}

mysql::TextForm TextFormOf(const ColumnInfo& column) {
  if (column.type_word == "inet4") return mysql::TextForm::kInet4;
  if (column.type_word == "inet6") return mysql::TextForm::kInet6;
  if (column.type_word == "uuid") return mysql::TextForm::kUuid;
  return mysql::TextForm::kNone;
}

std::string_view CharsetOf(const ColumnInfo& column, const TableInfo& table) {
  return column.charset.empty() ? table.charset : column.charset;
}

// Do different texts compare as equal in this column of the downstream?
bool IsInexact(const ColumnInfo& column, const TableInfo& table) {
  if (!column.is_string() || !column.type_word.empty()) return false;
  if (CharsetOf(column, table) == "binary") return false;
  const std::string& collation = column.collation.empty() ? table.collation : column.collation;
  return !(collation.ends_with("0900_bin") || collation.ends_with("nopad_bin"));
}

// The comparison of bytes for a column of text, whose downstream character set is `charset`.
void SetExact(PlanColumn& column, Charset charset, FieldType type) {
  const mysql::ColumnMeta& meta = column.meta;
  column.exact_raw = meta.charset == Charset::kBinary ||
                     (meta.keep_bytes && !mysql::IsUtf8Compatible(meta.charset) &&
                      meta.charset != Charset::kLatin1);
  const std::string name = mysql::QuoteName(column.name);
  column.exact = column.exact_raw || mysql::IsUtf8Compatible(charset)
                     ? fmt::format("CAST({} AS BINARY) = ", name)
                     : fmt::format("CAST(CONVERT({} USING utf8mb4) AS BINARY) = ", name);
  column.exact_alone =
      type != FieldType::kString && type != FieldType::kVarchar && type != FieldType::kVarString;
}

// JSON is made of text: the server refuses what is marked as bytes, which is how TEXT and BLOB
// values are written elsewhere. Of INET6 and the like it takes them as the stored bytes. Not for
// reading: the wire has the column's own type.
void WriteAsText(mysql::ColumnMeta& meta) {
  meta.type = mysql::ColumnType::kVarString;
  if (meta.charset == Charset::kBinary) meta.charset = Charset::kUnknown;
}

// Hidden columns that MariaDB keeps for unique keys over values of any length (DB_ROW_HASH_1...).
size_t HashKeyColumns(const mysql::TableMap& map, const TableInfo& tracked, size_t known) {
  const size_t more = map.columns.size() - known;
  const size_t unique = static_cast<size_t>(
      std::count_if(tracked.indexes.begin(), tracked.indexes.end(),
                    [](const IndexInfo& index) { return index.unique && !index.primary; }));
  if (more > unique) return 0;
  for (size_t i = known; i < map.columns.size(); ++i) {
    if (map.columns[i].type != mysql::ColumnType::kLongLong) return 0;
  }
  return more;
}

// Hidden columns of the period of a system-versioned table: its start and its end.
size_t ImplicitPeriodColumns(const mysql::TableMap& map, const TableInfo& tracked) {
  constexpr size_t kColumns = 2;
  const size_t known = tracked.RowColumns().size();
  if (!tracked.has_implicit_period() || map.columns.size() < known + kColumns) return 0;
  const auto is_moment = [&](size_t column) {
    const mysql::ColumnType type = map.columns[column].type;
    return type == mysql::ColumnType::kTimestamp2 || type == mysql::ColumnType::kTimestamp;
  };
  return is_moment(known) && is_moment(known + 1) ? kColumns : 0;
}

// Completes column `index` of the log by its definition. What the log itself says of sign and
// character set is the upstream's at this event, and so it stands: the definition may be the
// downstream's, where the upstream's is not known.
void OverlayColumn(mysql::ColumnMeta& meta, const mysql::TableMap& map, size_t index,
                   const ColumnInfo& column, const TableInfo& table) {
  if (!map.has_signedness) meta.is_unsigned = column.is_unsigned();
  if (column.type == FieldType::kTimestamp || column.type == FieldType::kDateTime ||
      column.type == FieldType::kTime) {
    using mysql::ColumnType;
    // The old layouts carry no fraction digits on the wire.
    if (meta.type == ColumnType::kTimestamp || meta.type == ColumnType::kDateTime ||
        meta.type == ColumnType::kTime) {
      meta.decimals = static_cast<uint8_t>(std::max<int64_t>(column.decimals, 0));
    }
  }
  // MariaDB logs vectors as the bytes of a VARBINARY.
  if (column.type == FieldType::kVector && meta.type == mysql::ColumnType::kVarchar) {
    meta.type = mysql::ColumnType::kVector;
  }
  if (!column.is_string()) return;
  meta.text_form = TextFormOf(column);
  if (meta.text_form != mysql::TextForm::kNone) return;
  const bool logged = map.has_charsets && index < map.collations.size() &&
                      map.collations[index] != 0 && meta.charset != Charset::kUnknown;
  if (logged) return;
  meta.charset = mysql::FindCharset(CharsetOf(column, table));
  if (column.charset == "binary" && column.length > 0) {
    meta.length = static_cast<uint32_t>(column.length);
  }
}

// The columns in the order of the log, where it names them (binlog_row_metadata=FULL): a definition
// that is the downstream's may have another order.
std::vector<const ColumnInfo*> InOrderOfLog(std::vector<const ColumnInfo*> columns,
                                            const mysql::TableMap& map) {
  if (map.column_names.size() < columns.size()) return columns;
  std::vector<const ColumnInfo*> ordered;
  for (size_t i = 0; i < columns.size(); ++i) {
    const auto found = std::find_if(columns.begin(), columns.end(), [&](const ColumnInfo* column) {
      return mysql::EqualNames(column->name, map.column_names[i]);
    });
    if (found == columns.end()) return columns;
    ordered.push_back(*found);
  }
  return ordered;
}

// What differs between the log and the definition, for the log file.
std::string DifferencesOf(const mysql::TableMap& map, const TablePlan& plan,
                          const std::vector<const ColumnInfo*>& columns) {
  std::string text;
  auto add = [&](const ColumnInfo& column, std::string_view what) {
    text += fmt::format("{}`{}` {}", text.empty() ? "" : ", ", column.name, what);
  };
  for (size_t i = 0; i < columns.size(); ++i) {
    const ColumnInfo& column = *columns[i];
    const mysql::ColumnMeta& meta = plan.columns[i].meta;
    if (map.has_signedness && IsInteger(column.type) && column.type != FieldType::kYear &&
        column.type != FieldType::kBit && column.type != FieldType::kEnum &&
        column.type != FieldType::kSet && meta.is_unsigned != column.is_unsigned()) {
      add(column, meta.is_unsigned ? "is UNSIGNED" : "is signed");
    }
    if (!column.is_string() || !map.has_charsets) continue;
    const std::string& charset = column.charset.empty() ? plan.tracked->charset : column.charset;
    if (meta.charset != Charset::kUnknown && meta.charset != mysql::FindCharset(charset)) {
      add(column, fmt::format("has character set {}", mysql::CharsetName(meta.charset)));
    }
  }
  return text;
}

uint64_t SeedOf(const TableId& target, std::string_view index) {
  return HashBytes(index, HashBytes(target.table, HashBytes(target.schema, 0)));
}

// Adds the unique keys of `plan.downstream`; primary key first, then those that cannot be NULL.
void AddKeys(TablePlan& plan, const std::vector<const ColumnInfo*>& source_columns, bool mariadb,
             bool computed_alike) {
  auto position_of = [&](std::string_view name) -> std::optional<uint32_t> {
    for (uint32_t i = 0; i < source_columns.size(); ++i) {
      if (mysql::EqualNames(source_columns[i]->name, name)) return i;
    }
    return std::nullopt;
  };
  std::vector<const IndexInfo*> indexes;
  for (const IndexInfo& index : plan.downstream->indexes) {
    if (index.primary || (index.unique && index.kind == IndexInfo::Kind::kPlain)) {
      indexes.push_back(&index);
    }
  }
  std::stable_sort(indexes.begin(), indexes.end(), [](const IndexInfo* a, const IndexInfo* b) {
    return a->primary && !b->primary;
  });
  std::vector<UniqueKey> nullable;
  for (const IndexInfo* index : indexes) {
    UniqueKey key;
    key.name = index->name;
    key.seed = SeedOf(plan.target, mysql::LowerName(index->name));
    key.not_null = true;
    bool usable = !index->multi_valued;
    bool generated_by_target = false;
    for (const mysql::IndexColumn& part : index->columns) {
      const ColumnInfo* column = plan.downstream->FindColumn(part.name);
      std::optional<uint32_t> position = position_of(part.name);
      // All rows that are current have one value there.
      if ((column != nullptr && column->is_row_end()) ||
          (position && source_columns[*position]->is_row_end())) {
        continue;
      }
      const bool row_start = position && source_columns[*position]->is_row_start();
      if (column == nullptr || column->hidden || !position || row_start) {
        usable = false;
        if (column != nullptr && column->is_auto_increment()) generated_by_target = true;
        continue;
      }
      KeyPart entry;
      entry.column = *position;
      entry.prefix = part.length;
      entry.prefix_in_bytes = column->charset == "binary";
      entry.fold = FoldOf(*source_columns[*position], *column, *plan.downstream);
      if ((mariadb && source_columns[*position]->is_generated()) ||
          (!computed_alike && column->is_generated())) {
        entry.fold = KeyFold::kIncomparable;
        key.findable = false;
      }
      if (const size_t place = static_cast<size_t>(&part - index->columns.data());
          index->without_overlaps && place + 2 >= index->columns.size()) {
        entry.fold = KeyFold::kIncomparable;
        entry.period =
            place + 1 == index->columns.size() ? KeyPart::Period::kStart : KeyPart::Period::kEnd;
        plan.without_overlaps = true;
      }
      key.parts.push_back(entry);
      if (!column->not_null() && !index->primary) key.not_null = false;
    }
    if (!usable || key.parts.empty()) {
      // Values come from an expression or from the downstream alone: rows may collide there unseen.
      if (!generated_by_target) plan.one_key_for_all = true;
      continue;
    }
    if (key.not_null && key.findable) {
      plan.keys.push_back(std::move(key));
    } else {
      nullable.push_back(std::move(key));
    }
  }
  if (!plan.keys.empty()) plan.identity = 0;
  for (UniqueKey& key : nullable) plan.keys.push_back(std::move(key));
}

std::string UpsertTail(const TablePlan& plan) {
  size_t assignable = 0;
  for (const ColumnInfo& column : plan.downstream->columns) {
    if (!column.is_generated()) ++assignable;
  }
  if (assignable != plan.written.size()) return "";
  std::string tail;
  for (const uint32_t column : plan.written) {
    const std::string name = mysql::QuoteName(plan.columns[column].name);
    tail += fmt::format("{}{}=VALUES({})", tail.empty() ? " ON DUPLICATE KEY UPDATE " : ",", name,
                        name);
  }
  return tail;
}

void SetParameters(TablePlan& plan) {
  for (const uint32_t column : plan.written) {
    const PlanColumn& info = plan.columns[column];
    std::optional<mysql::Parameter> parameter;
    if (info.members.empty() && !info.needs_characters) {
      parameter = mysql::ParameterOf(info.meta);
    }
    if (!parameter) {
      plan.parameters.clear();
      return;
    }
    plan.parameters.push_back(*parameter);
    plan.markers += plan.markers.empty() ? "?" : ",?";
  }
  plan.markers += ')';
}

}  // namespace

std::string TableId::Quoted() const { return mysql::QuoteTable(schema, table); }

std::shared_ptr<const TablePlan> BuildTablePlan(const TableId& source, const TableId& target,
                                                const mysql::TableMap& map, mysql::TablePtr tracked,
                                                mysql::TablePtr downstream,
                                                const mysql::LiteralOptions& literals, bool mariadb,
                                                bool computed_alike, bool transactional) {
  const bool tidb = literals.for_tidb;
  auto plan = std::make_shared<TablePlan>();
  plan->source = source;
  plan->target = target;
  plan->tracked = std::move(tracked);
  plan->downstream = std::move(downstream);
  plan->literals = literals;
  plan->transactional = transactional;
  plan->table_seed = SeedOf(target, "");
  std::vector<const ColumnInfo*> source_columns = InOrderOfLog(plan->tracked->RowColumns(), map);
  const size_t period = mariadb ? ImplicitPeriodColumns(map, *plan->tracked) : 0;
  const size_t known = source_columns.size() + period;
  size_t hidden = 0;
  if (mariadb && map.columns.size() > known) hidden = HashKeyColumns(map, *plan->tracked, known);
  if (known + hidden != map.columns.size()) {
    throw Error(
        ErrorCode::kSyncerUnitDMLColumnNotMatch,
        fmt::format("Column count doesn't match value count: {} (columns) vs {} (values), "
                    "sourceTable: {}, targetTable: {}",
                    source_columns.size(), map.columns.size(), source.Quoted(), target.Quoted()));
  }
  std::string list;
  for (uint32_t i = 0; i < source_columns.size(); ++i) {
    const ColumnInfo& info = *source_columns[i];
    PlanColumn column;
    column.name = info.name;
    column.meta = map.columns[i];
    OverlayColumn(column.meta, map, i, info, *plan->tracked);
    const std::string quoted = mysql::QuoteName(info.name);
    column.assign = quoted + " = ";
    column.is_null = quoted + " IS NULL";
    column.generated = mariadb && info.is_generated();
    bool as_text = false;
    if (const ColumnInfo* there = plan->downstream->FindColumn(info.name)) {
      column.written = !there->is_generated();
      column.renewed = there->on_update_now();
      column.where_as_json = there->type == FieldType::kJson;
      as_text = column.where_as_json || (TextFormOf(*there) != mysql::TextForm::kNone &&
                                         column.meta.charset != Charset::kBinary);
      column.where_as_text =
          there->is_string() && (mysql::IsNumericType(info.type) || info.type == FieldType::kYear);
      const bool has_point = there->type == FieldType::kFloat || there->type == FieldType::kDouble;
      if (tidb && has_point && there->decimals >= 0 && there->decimals <= 30 &&
          (info.type == FieldType::kFloat || info.type == FieldType::kDouble)) {
        column.where_rounded = static_cast<int8_t>(there->decimals);
        column.where_as_float = there->type == FieldType::kFloat;
      }
      if (there->not_null() && column.meta.nullable && column.written) {
        plan->null_refused.push_back(i);
      }
      const bool by_text = there->is_string() || HasMembers(*there);
      const bool last_member_is_no_number = tidb && there->type == FieldType::kSet &&
                                            there->elements.size() == kMembersTooManyForTiDb;
      if (HasMembers(info) && by_text &&
          (!CountsMembersAlike(info, *there) || last_member_is_no_number)) {
        column.members = info.elements;
        column.member_order = MemberOrder(info, *there);
      }
      column.where_as_signed = info.type == FieldType::kSet && column.members.empty() && !tidb;
      const std::string_view charset = CharsetOf(*there, *plan->downstream);
      column.meta.keep_bytes =
          info.is_string() && mysql::FindCharset(charset) == column.meta.charset;
      const Charset from = column.meta.charset;
      column.needs_characters =
          info.is_string() && there->is_string() && charset != "binary" &&
          from != Charset::kUnknown && from != Charset::kBinary && !mysql::IsUtf8Compatible(from) &&
          (!column.meta.keep_bytes || (literals.kept_as_binary && from != Charset::kLatin1));
      if (info.is_string() && IsInexact(*there, *plan->downstream)) {
        SetExact(column, mysql::FindCharset(charset), there->type);
      } else if (tidb && info.type == FieldType::kVector && there->is_string() &&
                 there->charset == "binary") {
        // (Text is for a column of text, or TiDB's own vectors.)
        column.meta.type = mysql::ColumnType::kVarString;
        column.meta.charset = Charset::kBinary;
      } else if (there->type == FieldType::kVector) {
        // MySQL compares vectors by functions only.
        column.exact = fmt::format("CAST({} AS BINARY) = ", quoted);
        column.exact_raw = column.exact_alone = true;
      }
    }
    if (info.is_row_end()) plan->row_end = i;
    if (info.is_row_start() || info.is_row_end()) column.written = false;
    if (column.written) {
      if (!list.empty()) list += ",";
      list += quoted;
      plan->written.push_back(i);
    }
    plan->metas.push_back(column.meta);
    if (as_text && info.is_string()) WriteAsText(column.meta);
    plan->columns.push_back(std::move(column));
  }
  if (period > 0) plan->row_end = static_cast<uint32_t>(known - 1);
  for (size_t i = source_columns.size(); i < map.columns.size(); ++i) {
    PlanColumn column;
    column.name = i >= known       ? fmt::format("DB_ROW_HASH_{}", i - known + 1)
                  : i == known - 1 ? plan->tracked->system_period()->end
                                   : plan->tracked->system_period()->start;
    column.meta = map.columns[i];
    // (The old layout has its digits in the definition alone.)
    if (i < known && column.meta.type == mysql::ColumnType::kTimestamp) column.meta.decimals = 6;
    column.written = false;
    column.hidden = true;
    plan->metas.push_back(column.meta);
    plan->columns.push_back(std::move(column));
  }
  const std::string name = target.Quoted();
  plan->insert_head = "INSERT INTO " + name + " (" + list + ") VALUES (";
  plan->replace_head = "REPLACE INTO " + name + " (" + list + ") VALUES (";
  plan->update_head = "UPDATE " + name + " SET ";
  plan->delete_head = "DELETE FROM " + name + " WHERE ";
  AddKeys(*plan, source_columns, mariadb, computed_alike);
  if (!plan->without_overlaps) plan->upsert_tail = UpsertTail(*plan);
  SetParameters(*plan);
  try {
    plan->layout.emplace(plan->metas);
  } catch (const Error&) {
    // Told when a row image has that column.
  }
  for (size_t i = 0; i < source_columns.size() && !plan->identity; ++i) {
    const ColumnInfo* there = plan->downstream->FindColumn(plan->columns[i].name);
    plan->columns[i].where_as_number = plan->metas[i].type == mysql::ColumnType::kNewDecimal &&
                                       there != nullptr && there->type == FieldType::kNewDecimal;
  }
  if (const std::string differences = DifferencesOf(map, *plan, source_columns);
      !differences.empty()) {
    Log().Warn("the known definition of a table differs from what the upstream logs, which counts",
               {F("table", source.Quoted()), F("upstream", differences)});
  }
  return plan;
}

}  // namespace dm::migration
