#include "mysql/schema/table_info_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/error/error.h"
#include "base/io/encode.h"
#include "base/io/text.h"
#include "mysql/schema/build.h"
#include "mysql/schema/edit.h"

namespace dm::mysql {
namespace {

// ---- writing ----------------------------------------------------------------------------------

// With the escapes of the reference's encoder.
std::string Quoted(std::string_view text) {
  std::string out;
  dm::AppendJsonString(out, text, {.short_controls = false});
  return out;
}

std::string Name(std::string_view name) {
  return fmt::format("{{\"O\":{},\"L\":{}}}", Quoted(name), Quoted(LowerName(name)));
}

// [a,b], or null if empty.
template <class Items, class Write>
std::string List(const Items& items, Write write, std::string_view empty = "null") {
  if (items.empty()) return std::string(empty);
  std::string out = "[";
  for (const auto& item : items) {
    if (out.size() > 1) out += ",";
    out += write(item);
  }
  return out + "]";
}

std::string Optional(const std::optional<std::string>& text) {
  return text ? Quoted(*text) : "null";
}

std::string ColumnJson(const ColumnInfo& column) {
  const bool is_bit = column.type == FieldType::kBit;
  const auto bits = [&](const std::optional<std::string>& value) {
    return is_bit && value ? Quoted(EncodeBase64(*value)) : std::string("null");
  };
  std::string dependences = "null";
  if (!column.dependences.empty()) {
    dependences = "{";
    for (const std::string& name : column.dependences) {
      if (dependences.size() > 1) dependences += ",";
      dependences += Quoted(name) + ":{}";
    }
    dependences += "}";
  }
  std::string out = fmt::format(
      "{{\"id\":{},\"name\":{},\"offset\":{},\"origin_default\":{},\"origin_default_bit\":{},"
      "\"default\":{},\"default_bit\":{},\"default_is_expr\":{},\"generated_expr_string\":{},"
      "\"generated_stored\":{},\"dependences\":{},",
      column.id, Name(column.name), column.offset, Optional(column.origin_default),
      bits(column.origin_default), Optional(column.default_value), bits(column.default_value),
      column.default_is_expr, Quoted(column.generated_expr), column.generated_stored, dependences);
  out += fmt::format(
      "\"type\":{{\"Tp\":{},\"Flag\":{},\"Flen\":{},\"Decimal\":{},\"Charset\":{},\"Collate\":{},"
      "\"Elems\":{},\"ElemsIsBinaryLit\":null,\"Array\":false}},\"state\":5,\"comment\":{},"
      "\"hidden\":{},\"change_state_info\":null,\"version\":2",
      static_cast<int>(column.type), column.flags, column.length, column.decimals,
      Quoted(column.charset), Quoted(column.collation),
      List(column.elements, [](const std::string& text) { return Quoted(text); }),
      Quoted(column.comment), column.hidden);
  // Members of ours that the reference ignores.
  if (!column.type_word.empty()) {
    out += fmt::format(",\"dm_type\":{},\"dm_understood\":{}", Quoted(column.type_word),
                       column.type_understood);
  }
  if (column.invisible) out += ",\"dm_invisible\":true";
  if (!column.converted_members.empty()) {
    out += fmt::format(",\"dm_members\":{},\"dm_members_from\":{}",
                       List(column.converted_members, Quoted), Quoted(column.converted_from));
  }
  // Bytes that are no text are lost in the reference's member.
  const auto whole = [&](const char* key, const std::optional<std::string>& value) {
    if (is_bit || !value || IsValidUtf8(*value)) return;
    out += fmt::format(",\"{}\":{}", key, Quoted(EncodeBase64(*value)));
  };
  whole("dm_default", column.default_value);
  whole("dm_origin_default", column.origin_default);
  const auto& names = column.dependences;
  if (!std::all_of(names.begin(), names.end(), IsValidUtf8)) {
    out += fmt::format(",\"dm_dependences\":{}", List(names, [](const std::string& name) {
                         return Quoted(EncodeBase64(name));
                       }));
  }
  return out + "}";
}

std::string IndexJson(const IndexInfo& index) {
  return fmt::format(
      "{{\"id\":{},\"idx_name\":{},\"tbl_name\":{{\"O\":\"\",\"L\":\"\"}},\"idx_cols\":{},"
      "\"state\":5,\"backfill_state\":0,\"comment\":{},\"index_type\":{},\"is_unique\":{},"
      "\"is_primary\":{},\"is_invisible\":{},\"is_global\":{},\"mv_index\":{}{}{}}}",
      index.id, Name(index.name),
      List(index.columns,
           [](const IndexColumn& part) {
             return fmt::format("{{\"name\":{},\"offset\":{},\"length\":{}}}", Name(part.name),
                                part.offset, part.length);
           }),
      Quoted(index.comment), index.type, index.unique, index.primary, index.invisible, index.global,
      index.multi_valued, index.generated ? ",\"dm_generated\":true" : "",
      index.kind == IndexInfo::Kind::kPlain
          ? ""
          : fmt::format(",\"dm_kind\":{}", static_cast<int>(index.kind)));
}

// Calls `f` with every text of a definition that may hold bytes of any character set, in the order
// in which they are stored. Defaults and dependences have copies of their own.
template <class Table, class F>
void EachText(Table& table, F f) {
  for (auto* text :
       {&table.name, &table.charset, &table.collation, &table.comment, &table.compression}) {
    f(*text);
  }
  for (auto& column : table.columns) {
    for (auto* text : {&column.name, &column.charset, &column.collation, &column.generated_expr,
                       &column.comment, &column.type_word}) {
      f(*text);
    }
    for (auto& element : column.elements) f(element);
    for (auto& member : column.converted_members) f(member);
  }
  for (auto& index : table.indexes) {
    f(index.name);
    f(index.comment);
    for (auto& part : index.columns) f(part.name);
  }
  for (auto& period : table.periods) {
    for (auto* text : {&period.name, &period.start, &period.end}) f(*text);
  }
  for (auto& key : table.foreign_keys) {
    for (auto* text : {&key.name, &key.ref_schema, &key.ref_table}) f(*text);
    for (auto& name : key.ref_columns) f(name);
    for (auto& name : key.columns) f(name);
  }
  for (auto& check : table.checks) {
    f(check.name);
    f(check.expr);
    for (auto& name : check.columns) f(name);
  }
  if (!table.partition) return;
  f(table.partition->expr);
  f(table.partition->text);
  for (auto& name : table.partition->columns) f(name);
  for (auto& definition : table.partition->definitions) {
    f(definition.name);
    f(definition.comment);
    for (auto& bound : definition.less_than) f(bound);
    for (auto& tuple : definition.in_values) {
      for (auto& value : tuple) f(value);
    }
  }
}

// What the reference's members hold of a text: each byte that is no UTF-8 is U+FFFD.
std::string Shown(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const size_t length = RuneLength(text);
    out += length == 0 ? std::string_view("\xEF\xBF\xBD") : text.substr(0, length);
    text.remove_prefix(std::max<size_t>(length, 1));
  }
  return out;
}

// The texts that are no UTF-8, by their number in EachText; empty if there are none.
std::string WholeTexts(const TableInfo& table) {
  std::string out;
  size_t number = 0;
  EachText(table, [&](const std::string& text) {
    if (!IsValidUtf8(text)) {
      out += fmt::format("{}\"{}\":{}", out.empty() ? "" : ",", number, Quoted(EncodeBase64(text)));
    }
    ++number;
  });
  return out;
}

// Members that only we know; empty if there is nothing to say. `stored`: the table as it will be
// read.
std::string OwnMembers(const std::vector<IndexInfo>& special, const TableInfo& stored) {
  std::string out;
  if (!special.empty()) out += fmt::format(",\"dm_indexes\":{}", List(special, IndexJson));
  if (!stored.periods.empty()) {
    const auto period_json = [](const PeriodInfo& period) {
      return fmt::format("{{\"name\":{},\"start\":{},\"end\":{}}}", Quoted(period.name),
                         Quoted(period.start), Quoted(period.end));
    };
    out += fmt::format(",\"dm_periods\":{}", List(stored.periods, period_json));
  }
  if (stored.named_downstream) out += ",\"dm_named_downstream\":true";
  if (const std::string texts = WholeTexts(stored); !texts.empty()) {
    out += fmt::format(",\"dm_texts\":{{{}}}", texts);
  }
  return out;
}

int ActionNumber(ReferenceAction action) {
  switch (action) {
    case ReferenceAction::kNone:
      return 0;
    case ReferenceAction::kRestrict:
      return 1;
    case ReferenceAction::kCascade:
      return 2;
    case ReferenceAction::kSetNull:
      return 3;
    case ReferenceAction::kNoAction:
      return 4;
    case ReferenceAction::kSetDefault:
      return 5;
  }
  return 0;
}

ReferenceAction ActionOf(int number) {
  switch (number) {
    case 1:
      return ReferenceAction::kRestrict;
    case 2:
      return ReferenceAction::kCascade;
    case 3:
      return ReferenceAction::kSetNull;
    case 4:
      return ReferenceAction::kNoAction;
    case 5:
      return ReferenceAction::kSetDefault;
    default:
      return ReferenceAction::kNone;
  }
}

std::string ForeignKeyJson(const ForeignKeyInfo& key) {
  return fmt::format(
      "{{\"id\":{},\"fk_name\":{},\"ref_schema\":{},\"ref_table\":{},\"ref_cols\":{},\"cols\":{},"
      "\"on_delete\":{},\"on_update\":{},\"state\":5,\"version\":{}}}",
      key.id, Name(key.name), Name(key.ref_schema), Name(key.ref_table),
      List(key.ref_columns, Name), List(key.columns, Name), ActionNumber(key.on_delete),
      ActionNumber(key.on_update), key.version);
}

std::string CheckJson(const CheckInfo& check, std::string_view table) {
  return fmt::format(
      "{{\"id\":{},\"constraint_name\":{},\"tbl_name\":{},\"constraint_cols\":{},\"enforced\":{},"
      "\"in_column\":{},\"expr_string\":{},\"state\":5}}",
      check.id, Name(check.name), Name(table), List(check.columns, Name), check.enforced,
      check.in_column, Quoted(check.expr));
}

std::string PartitionJson(const std::optional<PartitionInfo>& partition) {
  if (!partition) return "null";
  const auto texts = [](const std::vector<std::string>& list) { return List(list, Quoted); };
  return fmt::format(
      "{{\"type\":{},\"expr\":{},\"columns\":{},\"enable\":true,\"is_empty_columns\":{},"
      "\"definitions\":{},\"adding_definitions\":null,\"dropping_definitions\":null,"
      "\"NewPartitionIDs\":null,\"states\":null,\"num\":{},\"ddl_state\":0,\"new_table_id\":0,"
      "\"ddl_type\":0,\"ddl_expr\":\"\",\"ddl_columns\":null,\"ddl_update_indexes\":null,"
      "\"dm_text\":{}}}",
      partition->type, Quoted(partition->expr), List(partition->columns, Name),
      partition->is_empty_columns,
      List(partition->definitions,
           [&](const PartitionDefinition& definition) {
             return fmt::format(
                 "{{\"id\":{},\"name\":{},\"less_than\":{},\"in_values\":{},"
                 "\"policy_ref_info\":null{}}}",
                 definition.id, Name(definition.name), texts(definition.less_than),
                 List(definition.in_values, texts),
                 definition.comment.empty() ? "" : ",\"comment\":" + Quoted(definition.comment));
           }),
      partition->num, Quoted(partition->text));
}

// ---- reading ----------------------------------------------------------------------------------

using Json = nlohmann::json;

const Json* Member(const Json& object, const char* key) {
  const auto it = object.find(key);
  return it == object.end() || it->is_null() ? nullptr : &*it;
}

int64_t Int(const Json& object, const char* key) {
  const Json* member = Member(object, key);
  return member != nullptr && member->is_number() ? member->get<int64_t>() : 0;
}

bool Bool(const Json& object, const char* key) {
  const Json* member = Member(object, key);
  return member != nullptr && member->is_boolean() && member->get<bool>();
}

std::string Text(const Json& object, const char* key) {
  const Json* member = Member(object, key);
  return member != nullptr && member->is_string() ? member->get<std::string>() : "";
}

// Strings as they are, numbers as text.
std::optional<std::string> TextOrNumber(const Json& object, const char* key) {
  const Json* member = Member(object, key);
  if (member == nullptr) return std::nullopt;
  return member->is_string() ? member->get<std::string>() : member->dump();
}

std::string NameOf(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  return value.is_object() ? Text(value, "O") : "";
}

std::string NameMember(const Json& object, const char* key) {
  const Json* member = Member(object, key);
  return member == nullptr ? "" : NameOf(*member);
}

std::vector<std::string> Names(const Json& object, const char* key) {
  std::vector<std::string> names;
  if (const Json* list = Member(object, key)) {
    for (const Json& name : *list) names.push_back(NameOf(name));
  }
  return names;
}

std::vector<std::string> Texts(const Json& list) {
  std::vector<std::string> texts;
  for (const Json& text : list)
    texts.push_back(text.is_string() ? text.get<std::string>() : text.dump());
  return texts;
}

void ReadColumn(const Json& json, ColumnInfo* column) {
  column->id = Int(json, "id");
  column->SetName(NameMember(json, "name"));
  column->offset = static_cast<int>(Int(json, "offset"));
  column->origin_default = TextOrNumber(json, "origin_default");
  column->default_value = TextOrNumber(json, "default");
  column->default_is_expr = Bool(json, "default_is_expr");
  column->generated_expr = Text(json, "generated_expr_string");
  column->generated_stored = Bool(json, "generated_stored");
  if (const Json* dependences = Member(json, "dependences");
      dependences && dependences->is_object()) {
    for (const auto& [name, unused] : dependences->items()) column->dependences.push_back(name);
  }
  if (const Json* type = Member(json, "type")) {
    column->type = static_cast<FieldType>(Int(*type, "Tp"));
    // BLOB, ENUM, SET and TIMESTAMP bits say what the type says already.
    constexpr uint32_t kDerived = 16 | 256 | 1024 | 2048;
    column->flags = static_cast<uint32_t>(Int(*type, "Flag")) & ~kDerived;
    column->length = Int(*type, "Flen");
    column->decimals = Int(*type, "Decimal");
    column->charset = Text(*type, "Charset");
    column->collation = Text(*type, "Collate");
    if (const Json* elements = Member(*type, "Elems")) column->elements = Texts(*elements);
  }
  const auto bytes = [&](const char* key, std::optional<std::string>* value) {
    if (Member(json, key) != nullptr) *value = DecodeBase64(Text(json, key));
  };
  bytes("dm_default", &column->default_value);
  bytes("dm_origin_default", &column->origin_default);
  if (const Json* names = Member(json, "dm_dependences")) {
    column->dependences.clear();
    for (const std::string& name : Texts(*names)) {
      column->dependences.push_back(DecodeBase64(name).value_or(""));
    }
  }
  if (column->type == FieldType::kBit) {
    bytes("default_bit", &column->default_value);
    bytes("origin_default_bit", &column->origin_default);
  }
  column->comment = Text(json, "comment");
  column->hidden = Bool(json, "hidden");
  column->type_word = Text(json, "dm_type");
  column->type_understood = column->type_word.empty() || Bool(json, "dm_understood");
  column->invisible = Bool(json, "dm_invisible");
  if (const Json* members = Member(json, "dm_members")) column->converted_members = Texts(*members);
  column->converted_from = Text(json, "dm_members_from");
}

void ReadIndex(const Json& json, IndexInfo* index) {
  index->id = Int(json, "id");
  index->SetName(NameMember(json, "idx_name"));
  if (const Json* parts = Member(json, "idx_cols")) {
    for (const Json& part : *parts) {
      index->columns.push_back({NameMember(part, "name"), static_cast<int>(Int(part, "offset")),
                                Member(part, "length") ? Int(part, "length") : -1});
    }
  }
  index->comment = Text(json, "comment");
  const int type = static_cast<int>(Int(json, "index_type"));
  index->type = type == 0 ? IndexInfo::kBTree : type;
  index->unique = Bool(json, "is_unique");
  index->primary = Bool(json, "is_primary");
  index->invisible = Bool(json, "is_invisible");
  index->global = Bool(json, "is_global");
  index->multi_valued = Bool(json, "mv_index");
  index->generated = Bool(json, "dm_generated");
  const int64_t kind = Int(json, "dm_kind");
  if (kind >= 0 && kind <= static_cast<int64_t>(IndexInfo::Kind::kVector)) {
    index->kind = static_cast<IndexInfo::Kind>(kind);
  }
}

std::string JoinNames(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) {
    if (!out.empty()) out += ",";
    out += "`" + name + "`";
  }
  return out;
}

// The clause of a partitioned table that only the reference has described.
std::string PartitionText(const PartitionInfo& partition) {
  std::string out = "PARTITION BY ";
  static constexpr const char* kWords[] = {"", "RANGE", "HASH", "LIST", "KEY"};
  if (partition.type < 1 || partition.type > 4) return "";
  out += kWords[partition.type];
  const bool columns = !partition.columns.empty();
  if (columns && partition.type != 4) out += " COLUMNS";
  out +=
      " (" + (columns || partition.type == 4 ? JoinNames(partition.columns) : partition.expr) + ")";
  if (partition.type == 2 || partition.type == 4) {
    return out + fmt::format(" PARTITIONS {}", std::max<uint64_t>(partition.num, 1));
  }
  out += " (";
  for (size_t i = 0; i < partition.definitions.size(); ++i) {
    const PartitionDefinition& definition = partition.definitions[i];
    if (i > 0) out += ",";
    out += "PARTITION `" + definition.name + "`";
    if (partition.type == 1) {
      out += fmt::format(" VALUES LESS THAN ({})", fmt::join(definition.less_than, ", "));
    } else {
      std::vector<std::string> tuples;
      for (const auto& tuple : definition.in_values) {
        tuples.push_back(tuple.size() > 1 ? fmt::format("({})", fmt::join(tuple, ", "))
                                          : fmt::format("{}", fmt::join(tuple, ", ")));
      }
      out += fmt::format(" VALUES IN ({})", fmt::join(tuples, ", "));
    }
  }
  return out + ")";
}

void ReadPartition(const Json& json, PartitionInfo* partition) {
  partition->type = static_cast<int>(Int(json, "type"));
  partition->expr = Text(json, "expr");
  partition->columns = Names(json, "columns");
  partition->is_empty_columns = Bool(json, "is_empty_columns");
  partition->num = static_cast<uint64_t>(Int(json, "num"));
  if (const Json* definitions = Member(json, "definitions")) {
    for (const Json& item : *definitions) {
      PartitionDefinition definition;
      definition.id = Int(item, "id");
      definition.name = NameMember(item, "name");
      if (const Json* bounds = Member(item, "less_than")) definition.less_than = Texts(*bounds);
      if (const Json* values = Member(item, "in_values")) {
        for (const Json& tuple : *values) definition.in_values.push_back(Texts(tuple));
      }
      definition.comment = Text(item, "comment");
      partition->definitions.push_back(std::move(definition));
    }
  }
  partition->text = Text(json, "dm_text");
  if (partition->text.empty()) partition->text = PartitionText(*partition);
}

// An integer primary key may be known by its column's flag alone.
void AddHandleKey(TableInfo* table) {
  if (!table->primary_key_is_handle || table->primary_key() != nullptr) return;
  for (const ColumnInfo& column : table->columns) {
    if (!column.is_primary()) continue;
    IndexInfo index;
    index.SetName("PRIMARY");
    index.primary = index.unique = true;
    index.columns.push_back({column.name, column.offset, -1});
    table->indexes.insert(table->indexes.begin(), std::move(index));
    return;
  }
}

// Key flags that no index explains stay when flags are computed anew.
void KeepStickyFlags(TableInfo* table) {
  constexpr uint32_t kKeys =
      column_flag::kPrimaryKey | column_flag::kUniqueKey | column_flag::kMultipleKey;
  TableInfo computed = *table;
  computed.Normalise();
  for (size_t i = 0; i < table->columns.size(); ++i) {
    table->columns[i].sticky_key_flags =
        table->columns[i].flags & kKeys & ~(computed.columns[i].flags & kKeys);
  }
}

// Puts the texts that are no UTF-8 in the place of what the reference's members hold of them.
void ReadWholeTexts(const Json& texts, TableInfo* table) {
  size_t number = 0;
  size_t found = 0;
  EachText(*table, [&](std::string& text) {
    const auto entry = texts.find(std::to_string(number++));
    if (entry == texts.end()) return;
    const std::optional<std::string> whole =
        entry->is_string() ? DecodeBase64(entry->get<std::string>()) : std::nullopt;
    if (!whole || Shown(*whole) != text) throw std::runtime_error("dm_texts: not of this table");
    text = *whole;
    ++found;
  });
  if (found != texts.size()) throw std::runtime_error("dm_texts: not of this table");
  for (ColumnInfo& column : table->columns) column.SetName(column.name);
  for (IndexInfo& index : table->indexes) index.SetName(index.name);
}

TableInfo Read(const Json& json) {
  TableInfo table;
  table.name = NameMember(json, "name");
  table.charset = Text(json, "charset");
  table.collation = Text(json, "collate");
  table.comment = Text(json, "comment");
  table.compression = Text(json, "compression");
  table.state = static_cast<int>(Int(json, "state"));
  table.auto_increment = Int(json, "auto_inc_id");
  table.max_column_id = Int(json, "max_col_id");
  table.max_index_id = Int(json, "max_idx_id");
  table.max_foreign_key_id = Int(json, "max_fk_id");
  table.max_check_id = Int(json, "max_cst_id");
  table.primary_key_is_handle = Bool(json, "pk_is_handle");
  table.is_common_handle = Bool(json, "is_common_handle");
  table.named_downstream = Bool(json, "dm_named_downstream");
  if (const Json* columns = Member(json, "cols")) {
    for (const Json& item : *columns) ReadColumn(item, &table.columns.emplace_back());
  }
  if (const Json* indexes = Member(json, "index_info")) {
    for (const Json& item : *indexes) ReadIndex(item, &table.indexes.emplace_back());
  }
  if (const Json* indexes = Member(json, "dm_indexes")) {
    for (const Json& item : *indexes) ReadIndex(item, &table.indexes.emplace_back());
  }
  if (const Json* periods = Member(json, "dm_periods")) {
    for (const Json& item : *periods) {
      table.periods.push_back({Text(item, "name"), Text(item, "start"), Text(item, "end")});
    }
  }
  if (const Json* keys = Member(json, "fk_info")) {
    for (const Json& item : *keys) {
      ForeignKeyInfo key;
      key.id = Int(item, "id");
      key.name = NameMember(item, "fk_name");
      key.ref_schema = NameMember(item, "ref_schema");
      key.ref_table = NameMember(item, "ref_table");
      key.ref_columns = Names(item, "ref_cols");
      key.columns = Names(item, "cols");
      key.on_delete = ActionOf(static_cast<int>(Int(item, "on_delete")));
      key.on_update = ActionOf(static_cast<int>(Int(item, "on_update")));
      key.version = static_cast<int>(Int(item, "version"));
      table.foreign_keys.push_back(std::move(key));
    }
  }
  if (const Json* checks = Member(json, "constraint_info")) {
    for (const Json& item : *checks) {
      CheckInfo check;
      check.id = Int(item, "id");
      check.name = NameMember(item, "constraint_name");
      check.columns = Names(item, "constraint_cols");
      check.enforced = Bool(item, "enforced");
      check.in_column = Bool(item, "in_column");
      check.expr = Text(item, "expr_string");
      table.checks.push_back(std::move(check));
    }
  }
  if (const Json* partition = Member(json, "partition")) {
    ReadPartition(*partition, &table.partition.emplace());
  }
  if (const Json* texts = Member(json, "dm_texts")) ReadWholeTexts(*texts, &table);
  AddHandleKey(&table);
  // The order of columns is their offset's.
  std::stable_sort(table.columns.begin(), table.columns.end(),
                   [](const ColumnInfo& a, const ColumnInfo& b) { return a.offset < b.offset; });
  for (const IndexInfo& index : table.indexes) {
    for (const IndexColumn& part : index.columns) {
      if (table.FindColumn(part.name) == nullptr) {
        throw std::runtime_error(
            fmt::format("index {} names the unknown column {}", index.name, part.name));
      }
    }
  }
  KeepStickyFlags(&table);
  return table;
}

}  // namespace

std::string TableInfoToJson(const TableInfo& table) {
  std::vector<IndexInfo> indexes;
  // The reference stores no such indexes, so they stand in a member of ours.
  std::vector<IndexInfo> special;
  for (const IndexInfo& index : table.indexes) {
    if (index.kind != IndexInfo::Kind::kPlain) {
      special.push_back(index);
      continue;
    }
    if (index.primary && table.primary_key_is_handle) continue;
    indexes.push_back(index);
  }
  TableInfo stored = table;
  stored.indexes = indexes;
  stored.indexes.insert(stored.indexes.end(), special.begin(), special.end());
  const auto check = [&](const CheckInfo& item) { return CheckJson(item, table.name); };
  std::string out = fmt::format(
      "{{\"id\":0,\"name\":{},\"charset\":{},\"collate\":{},\"cols\":{},\"index_info\":{},"
      "\"constraint_info\":{},\"fk_info\":{},\"state\":{},\"pk_is_handle\":{},"
      "\"is_common_handle\":{},\"common_handle_version\":0,\"comment\":{},\"auto_inc_id\":{},"
      "\"auto_id_cache\":0,\"auto_rand_id\":0,\"max_col_id\":{},\"max_idx_id\":{},"
      "\"max_fk_id\":{},\"max_cst_id\":{},",
      Name(table.name), Quoted(table.charset), Quoted(table.collation),
      List(table.columns, ColumnJson, "[]"), List(indexes, IndexJson), List(table.checks, check),
      List(table.foreign_keys, ForeignKeyJson), table.state, table.primary_key_is_handle,
      table.is_common_handle, Quoted(table.comment), table.auto_increment, table.max_column_id,
      table.max_index_id, table.max_foreign_key_id, table.max_check_id);
  out += fmt::format(
      "\"update_timestamp\":0,\"ShardRowIDBits\":0,\"max_shard_row_id_bits\":0,"
      "\"auto_random_bits\":0,\"auto_random_range_bits\":0,\"pre_split_regions\":0,"
      "\"partition\":{},\"compression\":{},\"view\":null,\"sequence\":null,\"Lock\":null,"
      "\"version\":5,\"tiflash_replica\":null,\"is_columnar\":false,\"temp_table_type\":0,"
      "\"cache_table_status\":0,\"policy_ref_info\":null,\"stats_options\":null,"
      "\"exchange_partition_info\":null,\"ttl_info\":null{}}}",
      PartitionJson(table.partition), Quoted(table.compression), OwnMembers(special, stored));
  return out;
}

TableInfo TableInfoFromJson(std::string_view json, std::string_view schema,
                            std::string_view table) {
  try {
    const Json parsed = Json::parse(json);
    if (!parsed.is_object()) throw std::runtime_error("not an object");
    return Read(parsed);
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    throw WrapError(ErrorCode::kSchemaTrackerInvalidJSON, error, schema, table);
  }
}

}  // namespace dm::mysql
