// Normal form of columns, indexes, options and partitions.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "mysql/sql/lexer.h"
#include "mysql/sql/restore_impl.h"

namespace dm::mysql {
namespace {

// Options with a value in quotes or a name, in TiDB's executable comments; others are plain.
struct TidbOption {
  std::string_view name;
  std::string_view feature;  // text of /*T![feature] */, empty: /*T! */
};
constexpr TidbOption kTidbOptions[] = {
    {"AUTO_ID_CACHE", "[auto_id_cache]"},
    {"AUTO_RANDOM_BASE", "[auto_rand_base]"},
    {"SHARD_ROW_ID_BITS", ""},
    {"PRE_SPLIT_REGIONS", ""},
    {"PLACEMENT POLICY", "[placement]"},
    {"TTL", "[ttl]"},
    {"TTL_ENABLE", "[ttl]"},
    {"TTL_JOB_INTERVAL", "[ttl]"},
};

// What only MariaDB, and what only MySQL knows.
constexpr std::string_view kMariaDbOptions[] = {"PAGE_COMPRESSED",
                                                "PAGE_COMPRESSION_LEVEL",
                                                "PAGE_CHECKSUM",
                                                "TRANSACTIONAL",
                                                "SEQUENCE",
                                                "ENCRYPTED",
                                                "ENCRYPTION_KEY_ID",
                                                "IETF_QUOTES",
                                                "WITH SYSTEM VERSIONING"};
constexpr std::string_view kMySqlOptions[] = {"AUTOEXTEND_SIZE",
                                              "COMPRESSION",
                                              "ENCRYPTION",
                                              "ENGINE_ATTRIBUTE",
                                              "SECONDARY_ENGINE_ATTRIBUTE",
                                              "SECONDARY_ENGINE"};
// What TiDB's grammar lacks.
constexpr std::string_view kNotTidbOptions[] = {
    "AUTOEXTEND_SIZE", "ENGINE_ATTRIBUTE", "SECONDARY_ENGINE_ATTRIBUTE",
    "START",           "STORAGE DISK",     "STORAGE MEMORY"};

constexpr std::string_view kTidbEngines[] = {"INNODB", "MYISAM", "MEMORY",
                                             "MERGE",  "CSV",    "ARCHIVE"};

template <size_t N>
bool In(const std::string_view (&list)[N], std::string_view word) {
  return std::find(std::begin(list), std::end(list), word) != std::end(list);
}

const TidbOption* FindTidbOption(std::string_view name) {
  for (const TidbOption& option : kTidbOptions) {
    if (option.name == name) return &option;
  }
  return nullptr;
}

// What every server takes for a default without parentheses.
constexpr bool IsLiteral(ExprKind kind) {
  switch (kind) {
    case ExprKind::kString:
    case ExprKind::kInteger:
    case ExprKind::kDecimal:
    case ExprKind::kFloat:
    case ExprKind::kHex:
    case ExprKind::kBit:
    case ExprKind::kTemporal:
    case ExprKind::kNull:
    case ExprKind::kTrue:
    case ExprKind::kFalse:
      return true;
    default:
      return false;
  }
}

std::string_view ActionText(ReferenceAction action) {
  switch (action) {
    case ReferenceAction::kRestrict:
      return "RESTRICT";
    case ReferenceAction::kCascade:
      return "CASCADE";
    case ReferenceAction::kSetNull:
      return "SET NULL";
    case ReferenceAction::kNoAction:
      return "NO ACTION";
    case ReferenceAction::kSetDefault:
      return "SET DEFAULT";
    case ReferenceAction::kNone:
      break;
  }
  return "";
}

}  // namespace

// ---- options ----------------------------------------------------------------------------------

bool KnowsOption(SqlTarget target, const Option& option) {
  switch (target) {
    case SqlTarget::kCanonical:
      return true;
    case SqlTarget::kMySql:
      return !In(kMariaDbOptions, option.name);
    case SqlTarget::kMariaDb:
      return !In(kMySqlOptions, option.name);
    case SqlTarget::kTiDb:
      // TiDB has one storage engine and takes the names of MySQL's.
      if (option.name == "ENGINE" && !In(kTidbEngines, UpperWord(option.value))) return false;
      return option.known && !In(kMariaDbOptions, option.name) && !In(kNotTidbOptions, option.name);
  }
  return true;
}

void Writer::Option_(const Option& option) {
  const TidbOption* tidb = FindTidbOption(option.name);
  if (tidb != nullptr) {
    Put("/*T!");
    Put(tidb->feature);
    Put(" ");
  }
  if (option.name == "CHARACTER SET" || option.name == "COLLATE") {
    Put("DEFAULT ");
    Put(option.name);
    Put(" = ");
    Put(UpperWord(option.name == "COLLATE" ? Collation(option.value) : option.value));
    return;
  }
  Put(option.name);
  switch (option.kind) {
    case Option::Value::kNone:
      break;
    case Option::Value::kWord:
      Put(" = ");
      if (option.name == "TTL") {
        Kept(option.value);
      } else {
        Put(option.name == "ENGINE" || !option.known ? option.value : UpperWord(option.value));
      }
      break;
    case Option::Value::kNumber:
      Put(" = ");
      Put(option.value);
      break;
    case Option::Value::kString:
      Put(" = ");
      String(option.value);
      break;
    case Option::Value::kName:
      Put(" = ");
      Identifier(option.value);
      break;
    case Option::Value::kTables:
      Put(" = (");
      for (size_t i = 0; i < option.tables.size(); ++i) {
        if (i > 0) Put(",");
        Table(option.tables[i]);
      }
      Put(")");
      break;
  }
  if (tidb != nullptr) Put(" */");
}

bool Writer::Options(const std::vector<Option>& options) {
  bool any = false;
  for (const Option& option : options) {
    if (!KnowsOption(options_.target, option)) continue;
    if (any) Put(" ");
    any = true;
    Option_(option);
  }
  return any;
}

bool IsSignedLiteral(const Expr& expr) {
  const bool sign = expr.kind == ExprKind::kUnary && (expr.name == "-" || expr.name == "+");
  return IsLiteral(sign ? expr.args[0]->kind : expr.kind);
}

// ---- columns ----------------------------------------------------------------------------------

void Writer::Write(const DataType& type) {
  Put(type.word);
  if (type.code == FieldType::kTiDbVector) Put("<FLOAT>");
  if (!type.elements.empty()) {
    Put("(");
    for (size_t i = 0; i < type.elements.size(); ++i) {
      if (i > 0) Put(",");
      String(type.elements[i]);
    }
    Put(")");
  } else if (type.length >= 0 && type.decimals >= 0) {
    Put(fmt::format("({},{})", type.length, type.decimals));
  } else if (type.length >= 0) {
    Put(fmt::format("({})", type.length));
  }
  if (type.is_unsigned) Put(" UNSIGNED");
  if (type.zerofill) Put(" ZEROFILL");
  if (type.binary) Put(" BINARY");
  const bool bytes = type.charset == "binary" && type.word != "CHAR" && type.word != "VARCHAR" &&
                     !type.word.ends_with("TEXT") && type.word != "ENUM" && type.word != "SET";
  if (!type.charset.empty() && !bytes) {
    Put(" CHARACTER SET ");
    Put(UpperWord(type.charset));
  }
}

void Writer::Write(const ColumnDef& column) {
  Identifier(column.name);
  Put(" ");
  Write(column.type);
  for (const ColumnOption& option : column.options) ColumnOption_(option);
}

void Writer::Enforced(bool enforced) {
  if (!enforced) Put(" NOT ENFORCED");
}

void Writer::Default(const Expr& value, bool parens, bool bare) {
  const bool wants = For(SqlTarget::kMySql) || For(SqlTarget::kTiDb);
  if (wants && !bare && value.kind != ExprKind::kNextValue) parens = true;
  if (parens) Put("(");
  Write(value);
  if (parens) Put(")");
}

void Writer::ColumnOption_(const ColumnOption& option) {
  switch (option.kind) {
    case ColumnOptionKind::kNotNull:
      Put(" NOT NULL");
      break;
    case ColumnOptionKind::kNull:
      Put(" NULL");
      break;
    case ColumnOptionKind::kDefault: {
      // MariaDB writes expressions without parentheses. TiDB knows but calls without them.
      const Expr& value = *option.expr;
      const bool bare = IsSignedLiteral(value) ||
                        (value.kind == ExprKind::kFunction &&
                         (For(SqlTarget::kTiDb) || UpperWord(value.name) == "CURRENT_TIMESTAMP"));
      Put(" DEFAULT ");
      Default(value, option.parens, bare);
      break;
    }
    case ColumnOptionKind::kOnUpdate:
      Put(" ON UPDATE ");
      Write(*option.expr);
      break;
    case ColumnOptionKind::kAutoIncrement:
      Put(" AUTO_INCREMENT");
      break;
    case ColumnOptionKind::kPrimaryKey:
      Put(" PRIMARY KEY");
      if (option.clustered) {
        Put(*option.clustered ? " /*T![clustered_index] CLUSTERED */"
                              : " /*T![clustered_index] NONCLUSTERED */");
      }
      break;
    case ColumnOptionKind::kUniqueKey:
      Put(" UNIQUE KEY");
      break;
    case ColumnOptionKind::kComment:
      Put(" COMMENT ");
      String(option.text);
      break;
    case ColumnOptionKind::kCollate:
      Put(" COLLATE ");
      Put(Collation(option.text));
      break;
    case ColumnOptionKind::kColumnFormat:
      if (For(SqlTarget::kMariaDb)) break;
      if (!For(SqlTarget::kCanonical) && option.text.starts_with("COMPRESSED")) break;
      Put(" COLUMN_FORMAT ");
      Put(option.text);
      break;
    case ColumnOptionKind::kStorage:
      if (For(SqlTarget::kMariaDb)) break;
      Put(" STORAGE ");
      Put(option.text);
      break;
    case ColumnOptionKind::kGenerated:
      Put(" GENERATED ALWAYS AS(");
      Write(*option.expr);
      Put(option.stored ? ") STORED" : ") VIRTUAL");
      break;
    case ColumnOptionKind::kCheck:
      if (!option.text.empty()) {
        Put(" CONSTRAINT ");
        Identifier(option.text);
      }
      Put(" CHECK(");
      Write(*option.expr);
      Put(")");
      Enforced(option.enforced);
      break;
    case ColumnOptionKind::kReference:
      Put(" ");
      Reference_(option.reference);
      break;
    case ColumnOptionKind::kVisible:
      if (For(SqlTarget::kTiDb) || For(SqlTarget::kMariaDb)) break;
      Put(" VISIBLE");
      break;
    case ColumnOptionKind::kInvisible:
      if (For(SqlTarget::kTiDb)) break;
      Put(" INVISIBLE");
      break;
    case ColumnOptionKind::kAutoRandom:
      Put(" /*T![auto_rand] AUTO_RANDOM");
      Put(option.text);
      Put(" */");
      break;
    case ColumnOptionKind::kVerbatim: {
      const bool mariadb_only =
          option.text.starts_with("COMPRESSED") || option.text.starts_with("REF_SYSTEM_ID");
      if (For(SqlTarget::kTiDb)) break;
      if (For(SqlTarget::kMariaDb) &&
          (option.text.starts_with("SRID") || option.text == "NOT SECONDARY" ||
           option.text.find("ENGINE_ATTRIBUTE") != std::string::npos)) {
        break;
      }
      if (For(SqlTarget::kMySql) && mariadb_only) break;
      Put(" ");
      Kept(option.text);
      break;
    }
    case ColumnOptionKind::kSystemVersioning:
      if (For(SqlTarget::kTiDb) || For(SqlTarget::kMySql)) break;
      Put(" ");
      Put(option.text);
      break;
    case ColumnOptionKind::kGeneratedAsRow:
      Put(" GENERATED ALWAYS AS ROW ");
      Put(option.text);
      break;
  }
}

// ---- indexes ----------------------------------------------------------------------------------

void Writer::IndexParts(const std::vector<IndexPart>& parts) {
  Put("(");
  for (size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) Put(",");
    const IndexPart& part = parts[i];
    if (part.expr != nullptr) {
      Put("(");
      Write(*part.expr);
      Put(")");
    } else {
      Identifier(part.column);
      if (part.length >= 0) Put(fmt::format("({})", part.length));
    }
    if (part.descending) Put(" DESC");
    if (part.without_overlaps) Put(" WITHOUT OVERLAPS");
  }
  Put(")");
}

void Writer::IndexOptions_(const IndexOptions& options) {
  if (options.clustered) {
    Put(*options.clustered ? " /*T![clustered_index] CLUSTERED */"
                           : " /*T![clustered_index] NONCLUSTERED */");
  }
  if (options.key_block_size) Put(fmt::format(" KEY_BLOCK_SIZE={}", *options.key_block_size));
  if (!options.using_type.empty()) {
    Put(" USING ");
    Put(options.using_type);
  }
  if (!options.parser.empty()) {
    Put(" WITH PARSER ");
    Identifier(options.parser);
  }
  if (options.comment) {
    Put(" COMMENT ");
    String(*options.comment);
  }
  if (options.global && *options.global) Put(" /*T![global_index] GLOBAL */");
  if (options.visible) {
    const bool ignored_words =
        For(SqlTarget::kMariaDb) || (options.ignored_spelling && For(SqlTarget::kCanonical));
    if (ignored_words) {
      Put(*options.visible ? " NOT IGNORED" : " IGNORED");
    } else {
      Put(*options.visible ? " VISIBLE" : " INVISIBLE");
    }
  }
  if (For(SqlTarget::kTiDb)) return;
  for (const std::string& text : options.verbatim) {
    const bool attribute = text.find("ENGINE_ATTRIBUTE") != std::string::npos;
    if (For(SqlTarget::kMariaDb) ? attribute : For(SqlTarget::kMySql) && !attribute) continue;
    Put(" ");
    Kept(text);
  }
}

void Writer::Reference_(const Reference& reference) {
  Put("REFERENCES ");
  Table(reference.table);
  if (!reference.columns.empty()) IndexParts(reference.columns);
  if (!reference.match.empty()) {
    Put(" MATCH ");
    Put(reference.match);
  }
  if (reference.on_delete != ReferenceAction::kNone) {
    Put(" ON DELETE ");
    Put(ActionText(reference.on_delete));
  }
  if (reference.on_update != ReferenceAction::kNone) {
    Put(" ON UPDATE ");
    Put(ActionText(reference.on_update));
  }
}

void Writer::Period(const std::string& name) {
  if (UpperWord(name) == "SYSTEM_TIME") {
    Put("SYSTEM_TIME");
  } else {
    Identifier(name);
  }
}

void Writer::Constraint_(const Constraint& constraint) {
  const auto index = [&](std::string_view words) {
    Put(words);
    if (constraint.if_not_exists) Special(" IF NOT EXISTS");
    if (!constraint.name.empty()) {
      Put(" ");
      Identifier(constraint.name);
    }
    IndexParts(constraint.parts);
    IndexOptions_(constraint.options);
  };
  switch (constraint.kind) {
    case ConstraintKind::kPrimary:
      index("PRIMARY KEY");
      break;
    case ConstraintKind::kUnique:
      index("UNIQUE");
      break;
    case ConstraintKind::kIndex:
      index("INDEX");
      break;
    case ConstraintKind::kFullText:
      index("FULLTEXT");
      break;
    case ConstraintKind::kSpatial:
      index("SPATIAL INDEX");
      break;
    case ConstraintKind::kVector:
      index("VECTOR INDEX");
      break;
    case ConstraintKind::kForeign:
      // MySQL takes an index name for no more than that: the key gets a name of its own.
      if (For(SqlTarget::kMySql) && constraint.symbol.empty() && !constraint.index_name.empty()) {
        Put("FOREIGN KEY ");
        Identifier(constraint.index_name);
        Put(" ");
      } else {
        Put("CONSTRAINT ");
        if (!constraint.name.empty()) {
          Identifier(constraint.name);
          Put(" ");
        }
        Put("FOREIGN KEY ");
        if (constraint.if_not_exists) Special("IF NOT EXISTS ");
      }
      IndexParts(constraint.parts);
      Put(" ");
      Reference_(constraint.reference);
      break;
    case ConstraintKind::kCheck:
      if (!constraint.name.empty()) {
        Put("CONSTRAINT ");
        if (constraint.if_not_exists) Special("IF NOT EXISTS ");
        Identifier(constraint.name);
        Put(" ");
      }
      Put("CHECK(");
      Write(*constraint.check);
      Put(")");
      Enforced(constraint.enforced);
      break;
    case ConstraintKind::kPeriod:
      Put("PERIOD ");
      if (constraint.if_not_exists) Special("IF NOT EXISTS ");
      Put("FOR ");
      Period(constraint.period);
      Put(" ");
      IndexParts(constraint.parts);
      break;
  }
}

// ---- partitions -------------------------------------------------------------------------------

void Writer::Method(const PartitionMethod& method) {
  if (method.linear) Put("LINEAR ");
  switch (method.kind) {
    case PartitionMethod::Kind::kHash:
      Put("HASH");
      break;
    case PartitionMethod::Kind::kKey:
      Put("KEY");
      if (method.key_algorithm >= 0) Put(fmt::format(" ALGORITHM = {}", method.key_algorithm));
      break;
    case PartitionMethod::Kind::kRange:
      Put("RANGE");
      break;
    case PartitionMethod::Kind::kList:
      Put("LIST");
      break;
    case PartitionMethod::Kind::kSystemTime:
      Put("SYSTEM_TIME");
      if (!method.verbatim.empty()) {
        Put(" ");
        Kept(method.verbatim);
      }
      return;
  }
  if (method.columns) Put(" COLUMNS");
  Put(" (");
  if (method.expr != nullptr) {
    Write(*method.expr);
  } else {
    Names(method.column_names);
  }
  Put(")");
  if (!method.verbatim.empty()) {
    Put(" ");
    Kept(method.verbatim);
  }
}

void Writer::Write(const PartitionBy& partition) {
  Put("PARTITION BY ");
  Method(partition.method);
  const bool spread = partition.method.kind == PartitionMethod::Kind::kHash ||
                      partition.method.kind == PartitionMethod::Kind::kKey;
  if (partition.count) {
    Put(fmt::format(" PARTITIONS {}", *partition.count));
  } else if (spread && partition.definitions.empty()) {
    Put(" PARTITIONS 1");
  }
  if (partition.sub_method) {
    Put(" SUBPARTITION BY ");
    Method(*partition.sub_method);
    if (partition.sub_count) Put(fmt::format(" SUBPARTITIONS {}", *partition.sub_count));
  }
  if (!partition.definitions.empty()) {
    Put(" ");
    Definitions(partition.definitions, false);
  }
}

void Writer::Definitions(const std::vector<PartitionDef>& definitions, bool sub) {
  Put("(");
  for (size_t i = 0; i < definitions.size(); ++i) {
    if (i > 0) Put(",");
    Write(definitions[i], sub);
  }
  Put(")");
}

void Writer::Write(const PartitionDef& definition, bool sub) {
  Put(sub ? "SUBPARTITION " : "PARTITION ");
  Identifier(definition.name);
  switch (definition.values) {
    case PartitionDef::Values::kNone:
      break;
    case PartitionDef::Values::kDefault:
      Put(" DEFAULT");
      break;
    case PartitionDef::Values::kHistory:
      Put(" HISTORY");
      break;
    case PartitionDef::Values::kCurrent:
      Put(" CURRENT");
      break;
    case PartitionDef::Values::kLessThan:
      Put(" VALUES LESS THAN (");
      Args(definition.less_than, 0, ", ");
      Put(")");
      break;
    case PartitionDef::Values::kIn:
      Put(" VALUES IN (");
      for (size_t i = 0; i < definition.in.size(); ++i) {
        if (i > 0) Put(", ");
        const bool tuple = definition.in[i].size() > 1;
        if (tuple) Put("(");
        Args(definition.in[i], 0, ", ");
        if (tuple) Put(")");
      }
      Put(")");
      break;
  }
  for (const Option& option : definition.options) {
    if (!KnowsOption(options_.target, option)) continue;
    Put(" ");
    Option_(option);
  }
  if (!definition.subpartitions.empty()) {
    Put(" ");
    Definitions(definition.subpartitions, true);
  }
}

}  // namespace dm::mysql
