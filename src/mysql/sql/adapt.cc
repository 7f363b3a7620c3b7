#include "mysql/sql/adapt.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <span>

#include "mysql/sql/alter_spec.h"
#include "mysql/sql/lexer.h"
#include "mysql/sql/restore_impl.h"
#include "mysql/value/hex.h"
#include "mysql/value/quote.h"
#include "mysql/value/render.h"

namespace dm::mysql {
namespace {

// MariaDB's name of a check that the statement gave none: CONSTRAINT_1.
bool IsMadeByMariaDb(std::string_view check) {
  constexpr std::string_view kPrefix = "CONSTRAINT_";
  return check.size() > kPrefix.size() && check.starts_with(kPrefix) &&
         check.find_first_not_of("0123456789", kPrefix.size()) == std::string_view::npos;
}

// Functions that TiDB takes in an index without experimental settings.
bool TidbIndexes(const ExprPtr& expr) {
  if (expr == nullptr) return true;
  if (expr->kind == ExprKind::kFunction) {
    const std::string name = UpperWord(expr->name);
    const bool known = name == "LOWER" || name == "UPPER" || name == "MD5" || name == "REVERSE" ||
                       name.starts_with("JSON_") || name == "TIDB_SHARD" || name == "VITESS_HASH";
    if (!known) return false;
  }
  return std::all_of(expr->args.begin(), expr->args.end(), TidbIndexes);
}

bool IsLiteral(const ExprPtr& expr) {
  return expr != nullptr && expr->kind != ExprKind::kNull && expr->kind != ExprKind::kFunction;
}

// A literal of a UUID, INET6 or INET4 column as MariaDB shows the value; nullopt if it is none.
std::optional<std::string> Shown(std::string_view type, const std::string& literal) {
  uint8_t bytes[16] = {};
  std::string shown;
  if (type == "UUID") {
    size_t digits = 0;
    for (const char c : literal) {
      if (c == '-') continue;
      const int value = HexDigit(c);
      if (digits == 32 || value < 0) return std::nullopt;
      bytes[digits / 2] = static_cast<uint8_t>(bytes[digits / 2] << 4 | value);
      ++digits;
    }
    if (digits != 32) return std::nullopt;
    AppendTextForm(shown, bytes, TextForm::kUuid);
  } else if (type == "INET6" || type == "INET4") {
    const bool six = type == "INET6";
    if (inet_pton(six ? AF_INET6 : AF_INET, literal.c_str(), bytes) != 1) return std::nullopt;
    AppendTextForm(shown, std::span<const uint8_t>(bytes, six ? 16 : 4),
                   six ? TextForm::kInet6 : TextForm::kInet4);
  } else {
    return std::nullopt;
  }
  return shown;
}

ExprPtr Text(std::string text) {
  Expr literal;
  literal.kind = ExprKind::kString;
  literal.text = std::move(text);
  return std::make_shared<const Expr>(std::move(literal));
}

class Adaptation {
 public:
  Adaptation(SqlTarget target, const LeftOut& left_out, const AdaptOptions& options)
      : target_(target), left_out_(left_out), options_(options) {}

  bool Run(Statement* statement) {
    if (target_ == SqlTarget::kCanonical) return true;
    if (auto* create = statement->As<CreateTable>()) {
      Create(create);
    } else if (auto* alter = statement->As<AlterTable>()) {
      if (TruncatesCurrentRows(*alter)) {
        left_out_("a partition of current rows, TRUNCATE TABLE instead");
        statement->body = TruncateTable{TableName(alter->table)};
        return true;
      }
      return Alter(alter);
    } else if (auto* database = statement->As<CreateDatabase>()) {
      DatabaseOptions(&database->options);
    } else if (auto* altered = statement->As<AlterDatabase>()) {
      DatabaseOptions(&altered->options);
      return !altered->options.empty();
    } else if (auto* index = statement->As<CreateIndex>()) {
      index->lock_options.clear();
      return Keeps(&index->index);
    } else if (auto* drop = statement->As<DropIndex>()) {
      drop->lock_options.clear();
    } else if (auto* sequence = statement->As<SequenceStatement>()) {
      if (!For(SqlTarget::kMySql)) return true;
      left_out_(fmt::format("{} SEQUENCE {}", sequence->verb, QuoteTableName(sequence->sequence)));
      return false;
    }
    return true;
  }

 private:
  bool For(SqlTarget target) const { return target_ == target; }
  bool ForMySqlLike() const { return For(SqlTarget::kMySql) || For(SqlTarget::kTiDb); }

  void Create(CreateTable* create) {
    for (ColumnDef& column : create->columns) Column(&column);
    TableOptions(&create->options);
    if (create->partition) Partitions(&create->partition->definitions);
    for (const ColumnDef& column : create->columns) {
      const ColumnOption* period = column.Find(ColumnOptionKind::kGeneratedAsRow);
      if (period == nullptr) continue;
      row_periods_.push_back(column.name);
      if (period->text == "START") row_starts_.push_back(UpperWord(column.name));
    }
    std::erase_if(create->constraints, [&](Constraint& constraint) { return !Keeps(&constraint); });
    if (create->partition && create->partition->method.kind == PartitionMethod::Kind::kSystemTime &&
        !For(SqlTarget::kMariaDb)) {
      left_out_("PARTITION BY SYSTEM_TIME");
      create->partition.reset();
    }
    if (!For(SqlTarget::kMariaDb)) LeaveRowPeriods(&create->columns);
  }

  static bool IsRowPeriod(const ColumnDef& column) {
    return column.Find(ColumnOptionKind::kGeneratedAsRow) != nullptr;
  }

  // The columns that say when a row was current, which is for MariaDB to keep: of the table that is
  // altered, and of the one that comes of it.
  bool WasRowPeriod(std::string_view column) const {
    return options_.is_row_period && options_.is_row_period(column);
  }
  bool BecomesRowPeriod(std::string_view column) const {
    const auto same = [&](const std::string& name) { return UpperWord(name) == UpperWord(column); };
    return std::any_of(row_periods_.begin(), row_periods_.end(), same) ||
           (options_.becomes_row_period && options_.becomes_row_period(column));
  }

  void LeaveRowPeriods(std::vector<ColumnDef>* columns) {
    std::erase_if(*columns, [&](const ColumnDef& column) {
      if (!IsRowPeriod(column)) return false;
      left_out_(fmt::format("column {} (GENERATED ALWAYS AS ROW)", QuoteName(column.name)));
      return true;
    });
  }

  // Among current rows a key is as good without the end of the period, which they have in common.
  // Not so a unique one without the start, which they have not in common. False: nothing is left of
  // it.
  bool LeaveRowPeriods(Constraint* constraint) {
    const bool unique =
        constraint->kind == ConstraintKind::kPrimary || constraint->kind == ConstraintKind::kUnique;
    for (const IndexPart& part : constraint->parts) {
      if (unique &&
          std::count(row_starts_.begin(), row_starts_.end(), UpperWord(part.column)) > 0) {
        return Drop(*constraint, "GENERATED ALWAYS AS ROW START");
      }
    }
    const auto leaves = [&](const IndexPart& part) {
      return part.expr == nullptr && BecomesRowPeriod(part.column);
    };
    if (std::none_of(constraint->parts.begin(), constraint->parts.end(), leaves)) return true;
    // The name that it has upstream.
    if (constraint->name.empty() && constraint->kind != ConstraintKind::kPrimary) {
      if (options_.name_of_index) constraint->name = options_.name_of_index(*constraint);
      if (constraint->name.empty()) constraint->name = constraint->parts.front().column;
    }
    std::erase_if(constraint->parts, leaves);
    if (constraint->parts.empty()) return Drop(*constraint, "GENERATED ALWAYS AS ROW");
    left_out_(fmt::format(
        "column of key {} (GENERATED ALWAYS AS ROW)",
        constraint->kind == ConstraintKind::kPrimary ? "PRIMARY" : QuoteName(constraint->name)));
    return true;
  }

  // Options of a database that the target has not got, or that are not for its database.
  void DatabaseOptions(std::vector<Option>* options) {
    std::erase_if(*options, [&](const Option& option) {
      bool out = false;
      if (option.name == "READ ONLY" || option.name == "ENCRYPTION") {
        // The first is for the upstream's users, other sources may write into the target; the
        // second is by a key of the upstream's machine.
        out = true;
        if (option.name == "ENCRYPTION" && UpperWord(option.value) == "N") return true;
      } else if (option.name == "COMMENT" || option.name == "UPGRADE DATA DIRECTORY NAME") {
        out = !For(SqlTarget::kMariaDb);
      } else if (option.name == "PLACEMENT POLICY") {
        out = !For(SqlTarget::kTiDb);
      }
      if (out) left_out_(fmt::format("{} of the database", option.name));
      return out;
    });
  }

  // Options of a table or a partition that the target has not got, or not for its own engine.
  void TableOptions(std::vector<Option>* options) {
    const auto engine = std::find_if(options->begin(), options->end(),
                                     [](const Option& option) { return option.name == "ENGINE"; });
    const bool other_engine =
        engine != options->end() && options_.has_engine && !options_.has_engine(engine->value);
    std::erase_if(*options, [&](const Option& option) {
      const bool row_format = option.name == "ROW_FORMAT";
      // What is said to an engine means nothing to the one that takes its place, or is refused.
      const bool of_engine =
          other_engine && (option.name == "ENGINE" || option.name == "KEY_BLOCK_SIZE" ||
                           option.name == "UNION" || row_format || !option.known);
      const bool page = row_format && ForMySqlLike() && UpperWord(option.value) == "PAGE";
      // By a key of the upstream's machine, which another one has not got.
      const bool encryption = option.name == "ENCRYPTION";
      if (KnowsOption(target_, option) && !encryption && !of_engine && !page && !IsPlace(option))
        return false;
      left_out_(fmt::format("option {}{}{}", option.name, option.value.empty() ? "" : " = ",
                            option.value));
      return true;
    });
  }

  // Where a table lies on the disks of the server that it comes from.
  static bool IsPlace(const Option& option) {
    return option.name == "TABLESPACE" || option.name == "DATA DIRECTORY" ||
           option.name == "INDEX DIRECTORY";
  }

  void Partitions(std::vector<PartitionDef>* definitions) {
    for (PartitionDef& definition : *definitions) {
      TableOptions(&definition.options);
      Partitions(&definition.subpartitions);
    }
  }

  void Column(ColumnDef* column) {
    Type(column);
    Default(column);
    if (For(SqlTarget::kMariaDb)) {
      // Without NOT ENFORCED the check would refuse rows.
      std::erase_if(column->options, [&](const ColumnOption& option) {
        if (option.kind != ColumnOptionKind::kCheck || option.enforced) return false;
        left_out_(fmt::format("CHECK of column {} (NOT ENFORCED)", QuoteName(column->name)));
        return true;
      });
    }
  }

  // Types of MariaDB alone become the text that shows their values.
  void Type(ColumnDef* column) {
    if (!ForMySqlLike()) return;
    DataType& type = column->type;
    const std::string was = type.word;
    if (was == "UUID") {
      type.word = "CHAR";
      type.length = 36;
    } else if (was == "INET6") {
      type.word = "VARCHAR";
      type.length = 45;
    } else if (was == "INET4") {
      type.word = "VARCHAR";
      type.length = 15;
    } else if (was == "XMLTYPE") {
      type.word = "LONGTEXT";
      type.length = -1;
    } else if (was == "JSON" && options_.from_mariadb) {
      // MariaDB's JSON is a text, whose bytes stay. Without its check: MariaDB's goes with the next
      // MODIFY of the column, the target's would not.
      type.word = "LONGTEXT";
      if (column->Find(ColumnOptionKind::kCollate) == nullptr) {
        ColumnOption collate{};
        collate.kind = ColumnOptionKind::kCollate;
        collate.text = "utf8mb4_bin";
        column->options.insert(column->options.begin(), std::move(collate));
      }
    } else {
      return;
    }
    for (ColumnOption& option : column->options) {
      if (option.kind != ColumnOptionKind::kDefault || option.expr == nullptr ||
          option.expr->kind != ExprKind::kString) {
        continue;
      }
      if (std::optional<std::string> shown = Shown(was, option.expr->text)) {
        option.expr = Text(*std::move(shown));
      }
    }
    type.opaque = false;
    type.code = type.word == "CHAR"       ? FieldType::kString
                : type.word == "LONGTEXT" ? FieldType::kLongBlob
                                          : FieldType::kVarchar;
    if (was == "JSON") {
      type.charset = "utf8mb4";
    } else if (was != "XMLTYPE") {
      type.charset = "ascii";
    }
    left_out_(
        fmt::format("column {}: type {}, {} instead", QuoteName(column->name), was,
                    type.length >= 0 ? fmt::format("{}({})", type.word, type.length) : type.word));
  }

  // Does the default of the column take values of a sequence that the target has not got?
  bool IsOfMissingSequence(std::string_view column, const ExprPtr& value) const {
    if (value == nullptr) return false;
    if (value->kind != ExprKind::kNextValue) {
      if (For(SqlTarget::kTiDb) && value->kind != ExprKind::kParen && TakesFromSequence(value)) {
        left_out_(fmt::format("default of column {}: it reckons with values of a sequence",
                              QuoteName(column)));
        return true;
      }
      return std::any_of(value->args.begin(), value->args.end(),
                         [&](const ExprPtr& arg) { return IsOfMissingSequence(column, arg); });
    }
    const TableName sequence{value->schema, value->name};
    // TiDB has no last value of a session as a default.
    const bool takes = For(SqlTarget::kMariaDb) || (For(SqlTarget::kTiDb) && value->text == "NEXT");
    if (takes && options_.has_sequence && options_.has_sequence(sequence)) {
      return false;
    }
    left_out_(fmt::format("default of column {}: the downstream has no sequence {}",
                          QuoteName(column), QuoteTableName(sequence)));
    return true;
  }

  // MariaDB alone has literal defaults for texts.
  void Default(ColumnDef* column) {
    std::erase_if(column->options, [&](const ColumnOption& option) {
      return option.kind == ColumnOptionKind::kDefault &&
             IsOfMissingSequence(column->name, option.expr);
    });
    if (!ForMySqlLike() || !options_.from_mariadb || !IsBlobType(column->type.code)) return;
    std::erase_if(column->options, [&](ColumnOption& option) {
      if (option.kind != ColumnOptionKind::kDefault || option.parens || !IsLiteral(option.expr)) {
        return false;
      }
      if (TakesExpressionDefault()) {
        option.parens = true;
        return false;
      }
      left_out_(fmt::format("default of column {}", QuoteName(column->name)));
      return true;
    });
  }

  // What the upstream gives rows that are there, in a new column of this type without a default,
  // where the target's type has another implicit value; empty: they are the same.
  std::string_view ImplicitValue(std::string_view type) const {
    // MySQL's is the JSON null, that of MariaDB, whose JSON is a text, an empty one.
    if (For(SqlTarget::kMariaDb)) return type == "JSON" && !options_.from_mariadb ? "null" : "";
    if (type == "UUID") return "00000000-0000-0000-0000-000000000000";
    if (type == "INET6") return "::";
    if (type == "INET4") return "0.0.0.0";
    return "";
  }

  // `type`: the column's, upstream.
  void FillOnce(ColumnDef* column, std::string_view type) {
    const std::string_view value = ImplicitValue(type);
    if (value.empty() || column->Find(ColumnOptionKind::kNotNull) == nullptr ||
        column->Find(ColumnOptionKind::kDefault) != nullptr ||
        column->Find(ColumnOptionKind::kGenerated) != nullptr) {
      return;
    }
    ColumnOption option{};
    option.kind = ColumnOptionKind::kDefault;
    option.expr = Text(std::string(value));
    column->options.push_back(std::move(option));
    if (options_.filled_once) options_.filled_once(column->name);
  }

  bool TakesExpressionDefault() const {
    return For(SqlTarget::kMySql) && options_.expression_defaults;
  }

  bool Drop(const Constraint& constraint, std::string_view why) {
    const std::string name =
        constraint.name.empty() ? "" : fmt::format("{} ", QuoteName(constraint.name));
    left_out_(fmt::format("{} {}({})", constraint.kind == ConstraintKind::kCheck ? "check" : "key",
                          name, why));
    return false;
  }

  bool Keeps(Constraint* key) {
    if (!For(SqlTarget::kMariaDb) && key->kind != ConstraintKind::kPeriod &&
        !LeaveRowPeriods(key)) {
      return false;
    }
    std::string& parser = key->options.parser;
    if (!parser.empty() && options_.has_parser && !options_.has_parser(parser)) {
      left_out_(fmt::format("WITH PARSER {} of key {}", parser, QuoteName(key->name)));
      parser.clear();
    }
    // In each table of MariaDB there may be one of this name, in a schema of MySQL one alone.
    if (key->kind == ConstraintKind::kCheck && options_.from_mariadb && For(SqlTarget::kMySql) &&
        IsMadeByMariaDb(key->name)) {
      key->name.clear();
    }
    const Constraint& constraint = *key;
    if (constraint.kind == ConstraintKind::kSpatial && For(SqlTarget::kTiDb)) {
      return Drop(constraint, "SPATIAL");
    }
    if (constraint.kind == ConstraintKind::kVector && ForMySqlLike()) {
      return Drop(constraint, "VECTOR");
    }
    if (constraint.kind == ConstraintKind::kPeriod && !For(SqlTarget::kMariaDb)) {
      left_out_(fmt::format("PERIOD FOR {}", constraint.period));
      return false;
    }
    if (constraint.kind == ConstraintKind::kCheck && !constraint.enforced &&
        For(SqlTarget::kMariaDb)) {
      return Drop(constraint, "NOT ENFORCED");
    }
    for (const IndexPart& part : constraint.parts) {
      if (part.without_overlaps && !For(SqlTarget::kMariaDb)) {
        return Drop(constraint, "WITHOUT OVERLAPS");
      }
      if (part.expr == nullptr) continue;
      if (For(SqlTarget::kMariaDb)) return Drop(constraint, "of an expression");
      if (For(SqlTarget::kTiDb) && !TidbIndexes(part.expr)) {
        return Drop(constraint, "of an expression with functions that TiDB does not index");
      }
    }
    return true;
  }

  bool Alter(AlterTable* alter) {
    const bool had = !alter->specs.empty();
    std::erase_if(alter->specs, [&](AlterSpec& spec) { return !Keeps(&spec); });
    return !had || !alter->specs.empty();
  }

  bool Keeps(AlterSpec* spec) {
    if (!For(SqlTarget::kMariaDb) && IsOfVersions(spec)) return false;
    for (ColumnDef& column : spec->columns) {
      const std::string type = column.type.word;
      Column(&column);
      if (spec->kind == AlterKind::kAddColumn) FillOnce(&column, type);
    }
    Partitions(&spec->partitions);
    if (spec->partition) Partitions(&spec->partition->definitions);
    switch (spec->kind) {
      case AlterKind::kOptions:
        TableOptions(&spec->options);
        return !spec->options.empty();
      case AlterKind::kSetDefault:
        if (IsOfMissingSequence(spec->name, spec->expr)) {
          AlterSpec drop{};
          drop.kind = AlterKind::kDropDefault;
          drop.if_exists = spec->if_exists;
          drop.name = spec->name;
          *spec = std::move(drop);
          return true;
        }
        if (!ForMySqlLike() || !options_.from_mariadb || spec->parens || !IsLiteral(spec->expr) ||
            !options_.is_blob || !options_.is_blob(spec->name)) {
          return true;
        }
        if (TakesExpressionDefault()) {
          // Here MySQL takes a literal in parentheses for a literal.
          Expr concat;
          concat.kind = ExprKind::kFunction;
          concat.name = "CONCAT";
          concat.args.push_back(spec->expr);
          spec->expr = std::make_shared<const Expr>(std::move(concat));
          spec->parens = true;
          return true;
        }
        left_out_(fmt::format("default of column {}", QuoteName(spec->name)));
        return false;
      case AlterKind::kExchangePartition:
      case AlterKind::kConvertTable:
        // Rows that are there already are as the upstream let them pass.
        if (!spec->text.empty() && !options_.validation_clause) {
          left_out_(spec->text);
          spec->text.clear();
        }
        return true;
      case AlterKind::kAddConstraint:
        return Keeps(&spec->constraint);
      case AlterKind::kColumnVisible:
        // Only MySQL has it; every statement of ours names its columns.
        return For(SqlTarget::kMySql);
      case AlterKind::kIndexVisible:
        return true;
      case AlterKind::kDropCheck:
        if (!For(SqlTarget::kMySql)) {
          spec->kind = AlterKind::kDropConstraint;
          // It may have been left out.
          if (For(SqlTarget::kMariaDb)) spec->if_exists = true;
        }
        return true;
      case AlterKind::kAlterCheck:
        if (!For(SqlTarget::kMariaDb)) return true;
        if (!spec->flag) {
          spec->kind = AlterKind::kDropConstraint;
          spec->if_exists = true;
          return true;
        }
        left_out_(fmt::format("check {} (ENFORCED later)", QuoteName(spec->name)));
        return false;
      case AlterKind::kSystemVersioning:
      case AlterKind::kDropPeriod:
        if (For(SqlTarget::kMariaDb)) return true;
        left_out_(spec->kind == AlterKind::kDropPeriod
                      ? fmt::format("DROP PERIOD FOR {}", spec->name)
                      : fmt::format("{} SYSTEM VERSIONING", spec->text));
        return false;
      case AlterKind::kPartitionBy:
        if (spec->partition->method.kind != PartitionMethod::Kind::kSystemTime ||
            For(SqlTarget::kMariaDb)) {
          return true;
        }
        left_out_("PARTITION BY SYSTEM_TIME");
        return false;
      case AlterKind::kVerbatim:
        return KeepsVerbatim(spec->text);
      default:
        return true;
    }
  }

  // A change of what only MariaDB has of a system-versioned table.
  bool IsOfVersions(AlterSpec* spec) {
    switch (spec->kind) {
      case AlterKind::kAddColumn:
        LeaveRowPeriods(&spec->columns);
        return spec->columns.empty();
      case AlterKind::kModifyColumn:
      case AlterKind::kChangeColumn: {
        if (!IsRowPeriod(spec->columns.front())) return false;
        const std::string name = *RedefinedColumn(*spec);
        LeaveRowPeriods(&spec->columns);
        if (WasRowPeriod(name)) return true;
        // It was an ordinary one, and would not be written any more.
        AlterSpec drop{};
        drop.kind = AlterKind::kDropColumn;
        drop.if_exists = spec->if_exists;
        drop.name = name;
        *spec = std::move(drop);
        return false;
      }
      case AlterKind::kDropColumn:
      case AlterKind::kRenameColumn:
      case AlterKind::kSetDefault:
      case AlterKind::kDropDefault:
      case AlterKind::kColumnVisible:
        if (!WasRowPeriod(spec->name)) return false;
        left_out_(
            fmt::format("a change of column {} (GENERATED ALWAYS AS ROW)", QuoteName(spec->name)));
        return true;
      case AlterKind::kExchangePartition:
        // Unless told not to look, the server takes only rows of the past for one of the past.
        if (IsCurrentPartition(spec->names.front()) ||
            UpperWord(spec->text).starts_with("WITHOUT")) {
          return false;
        }
        [[fallthrough]];
      case AlterKind::kAddPartition:
      case AlterKind::kDropPartition:
      case AlterKind::kTruncatePartition:
      case AlterKind::kReorganizePartition:
      case AlterKind::kRemovePartitioning:
      case AlterKind::kRebuildPartition:
      case AlterKind::kMaintainPartition:
        if (options_.current_partition.empty()) return false;
        left_out_("a change of partitions by SYSTEM_TIME");
        return true;
      default:
        return false;
    }
  }

  bool IsCurrentPartition(std::string_view partition) const {
    return UpperWord(partition) == UpperWord(options_.current_partition);
  }

  // It truncates a table that has no partitions on this target.
  bool TruncatesCurrentRows(const AlterTable& alter) const {
    if (For(SqlTarget::kMariaDb) || options_.current_partition.empty()) return false;
    return std::any_of(alter.specs.begin(), alter.specs.end(), [&](const AlterSpec& spec) {
      return spec.kind == AlterKind::kTruncatePartition &&
             (spec.flag ||
              std::any_of(spec.names.begin(), spec.names.end(),
                          [&](const std::string& name) { return IsCurrentPartition(name); }));
    });
  }

  bool KeepsVerbatim(std::string_view text) const {
    // How to do the work: a method that the target does not know or cannot use would stop it.
    if (text.starts_with("ALGORITHM") || text.starts_with("LOCK")) return false;
    // Of generated columns, whose values the upstream has let pass.
    const bool validation = text == "WITH VALIDATION" || text == "WITHOUT VALIDATION";
    return !validation || (options_.validation_clause && !For(SqlTarget::kMariaDb));
  }

  const SqlTarget target_;
  const LeftOut& left_out_;
  const AdaptOptions& options_;
  std::vector<std::string> row_periods_;  // columns of the statement, GENERATED ALWAYS AS ROW
  std::vector<std::string> row_starts_;   // those that are the start, in upper case
};

}  // namespace

bool IsBlobType(FieldType type) {
  switch (type) {
    case FieldType::kTinyBlob:
    case FieldType::kBlob:
    case FieldType::kMediumBlob:
    case FieldType::kLongBlob:
    case FieldType::kJson:
    case FieldType::kGeometry:
      return true;
    default:
      return false;
  }
}

bool AdaptToTarget(Statement* statement, SqlTarget target, const LeftOut& left_out,
                   const AdaptOptions& options) {
  return Adaptation(target, left_out, options).Run(statement);
}

}  // namespace dm::mysql
