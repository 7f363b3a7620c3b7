#include "mysql/sql/tidb_rewrite.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "mysql/sql/lexer.h"
#include "mysql/value/charset.h"

namespace dm::mysql {
namespace {

bool SameName(std::string_view a, std::string_view b) { return UpperWord(a) == UpperWord(b); }

Statement Single(const Statement& source, const AlterTable& alter, AlterSpec spec) {
  AlterTable one;
  one.if_exists = alter.if_exists;
  one.table = alter.table;
  one.specs.push_back(std::move(spec));
  Statement statement;
  statement.text = source.text;
  statement.body = std::move(one);
  return statement;
}

// The new name of a column that the change renames; nullptr if it renames none.
const std::string* RenamedTo(const AlterSpec& spec) {
  if (spec.kind == AlterKind::kRenameColumn) return &spec.new_name;
  if (spec.kind == AlterKind::kChangeColumn && !SameName(spec.name, spec.columns.front().name)) {
    return &spec.columns.front().name;
  }
  return nullptr;
}

// Does the clause only say how to do the work, or how or where rows lie?
bool HasNoMeaning(const AlterSpec& spec) {
  if (spec.kind == AlterKind::kRebuildPartition) return true;
  if (spec.kind == AlterKind::kMaintainPartition) {
    return spec.text == "ANALYZE" || spec.text == "CHECK" || spec.text == "OPTIMIZE" ||
           spec.text == "REPAIR";
  }
  if (spec.kind != AlterKind::kVerbatim) return false;
  for (std::string_view start : {"FORCE", "ORDER BY", "ENABLE KEYS", "DISABLE KEYS"}) {
    if (spec.text.starts_with(start)) return true;
  }
  return false;
}

// The bytes of b'..'.
std::string BytesOfBits(std::string_view bits) {
  std::string bytes((bits.size() + 7) / 8, '\0');
  for (size_t i = 0; i < bits.size(); ++i) {
    const size_t from_right = bits.size() - 1 - i;
    if (bits[i] == '1') {
      bytes[bytes.size() - 1 - from_right / 8] |= static_cast<char>(1 << (from_right % 8));
    }
  }
  return bytes;
}

// TiDB refuses introducers of most character sets, and takes bytes after those that it knows for
// UTF-8. What cannot be converted stays, for its error to say so.
ExprPtr WithUtf8Literals(const ExprPtr& expr) {
  return Transform(expr, [](const Expr& literal) -> ExprPtr {
    const bool is_literal = literal.kind == ExprKind::kString || literal.kind == ExprKind::kHex ||
                            literal.kind == ExprKind::kBit;
    if (!is_literal || literal.charset.empty()) return nullptr;
    const Charset charset = FindCharset(literal.charset);
    if (IsUtf8Compatible(charset)) return nullptr;
    auto text = std::make_shared<Expr>();
    text->kind = ExprKind::kString;
    const std::string bytes =
        literal.kind == ExprKind::kBit ? BytesOfBits(literal.text) : literal.text;
    if (!AppendAsUtf8(text->text, bytes, charset)) return nullptr;
    return text;
  });
}

void MakeLiteralsUtf8(ColumnDef* column) {
  for (ColumnOption& option : column->options) option.expr = WithUtf8Literals(option.expr);
}

class Rewriter {
 public:
  Rewriter(const IndexesOf& indexes_of, const LeftOut& left_out)
      : indexes_of_(indexes_of), left_out_(left_out) {}

  std::vector<Statement> Run(std::vector<Statement> split) {
    for (size_t i = 0; i < split.size(); ++i) {
      Statement& statement = split[i];
      if (AlterTable* alter = statement.As<AlterTable>()) {
        if (i == 0 || split[i - 1].text != statement.text) {
          PlanRenames(split, i);
          PlanDrops(split, i);
        }
        Alter(statement, *alter);
        if (i + 1 == split.size() || split[i + 1].text != statement.text)
          MakeIndexesAgain(statement);
      } else {
        if (CreateTable* create = statement.As<CreateTable>()) {
          for (ColumnDef& column : create->columns) MakeLiteralsUtf8(&column);
          for (Constraint& one : create->constraints) one.check = WithUtf8Literals(one.check);
        }
        out_.push_back(std::move(statement));
      }
    }
    return std::move(out_);
  }

 private:
  // Renames of one statement happen at once. Where one takes a name that another still has, all of
  // them first give way.
  void PlanRenames(const std::vector<Statement>& split, size_t first) {
    between_.clear();
    renamed_.clear();
    const AlterTable* table = nullptr;
    for (size_t i = first; i < split.size() && split[i].text == split[first].text; ++i) {
      const AlterTable* alter = split[i].As<AlterTable>();
      if (alter == nullptr || alter->specs.size() != 1) continue;
      if (const std::string* to = RenamedTo(alter->specs.front())) {
        renamed_.emplace_back(alter->specs.front().name, *to);
        table = alter;
      }
    }
    const bool collide = std::any_of(renamed_.begin(), renamed_.end(), [&](const auto& one) {
      return std::any_of(renamed_.begin(), renamed_.end(),
                         [&](const auto& other) { return SameName(one.second, other.first); });
    });
    if (!collide) return;
    for (const auto& [from, to] : renamed_) {
      AlterSpec away{};
      away.kind = AlterKind::kRenameColumn;
      away.name = from;
      // Derived from the position alone, so that a repetition finds the same names.
      away.new_name = fmt::format("_dm_renamed_{}", between_.size() + 1);
      between_.emplace_back(from, away.new_name);
      out_.push_back(Single(split[first], *table, std::move(away)));
    }
  }

  // TiDB does not take a column out of an index.
  void PlanDrops(const std::vector<Statement>& split, size_t first) {
    dropped_first_.clear();
    std::vector<std::string> columns;
    for (size_t i = first; i < split.size() && split[i].text == split[first].text; ++i) {
      const AlterTable* alter = split[i].As<AlterTable>();
      if (alter == nullptr) continue;
      for (const AlterSpec& spec : alter->specs) {
        if (spec.kind == AlterKind::kDropColumn) columns.push_back(spec.name);
        if (spec.kind == AlterKind::kDropIndex) dropped_first_.push_back(spec.name);
        // The names that count are then not those of the table; TiDB's error stays.
        if (spec.kind == AlterKind::kRenameIndex) return dropped_first_.clear();
      }
    }
    if (columns.empty()) return dropped_first_.clear();
    const AlterTable& alter = *split[first].As<AlterTable>();
    const auto drop = [&](const std::string& name) {
      AlterSpec spec{};
      spec.kind = AlterKind::kDropIndex;
      spec.name = name;
      out_.push_back(Single(split[first], alter, std::move(spec)));
    };
    // Those of the statement belong before its columns, wherever they stand.
    for (const std::string& name : dropped_first_) drop(name);
    for (Constraint& index : indexes_of_(alter.table)) {
      const size_t parts = index.parts.size();
      if (parts < 2 || In(dropped_first_, index.name)) continue;
      std::erase_if(index.parts, [&](const IndexPart& part) { return In(columns, part.column); });
      if (index.parts.size() == parts) continue;
      drop(index.name);
      if (!index.parts.empty()) again_.push_back(std::move(index));
    }
  }

  void MakeIndexesAgain(const Statement& statement) {
    for (Constraint& index : again_) {
      for (IndexPart& part : index.parts) {
        const auto renamed = std::find_if(renamed_.begin(), renamed_.end(), [&](const auto& pair) {
          return SameName(pair.first, part.column);
        });
        if (renamed != renamed_.end()) part.column = renamed->second;
      }
      AlterSpec spec{};
      spec.kind = AlterKind::kAddConstraint;
      spec.constraint = std::move(index);
      AlterTable alter;
      alter.table = table_;
      out_.push_back(Single(statement, alter, std::move(spec)));
    }
    again_.clear();
  }

  static bool In(const std::vector<std::string>& names, std::string_view name) {
    return std::any_of(names.begin(), names.end(),
                       [&](const std::string& one) { return SameName(one, name); });
  }

  void Alter(const Statement& statement, AlterTable& alter) {
    table_ = alter.table;
    for (AlterSpec& spec : alter.specs) {
      if (HasNoMeaning(spec)) {
        left_out_(spec.kind == AlterKind::kRebuildPartition    ? "REBUILD PARTITION"
                  : spec.kind == AlterKind::kMaintainPartition ? spec.text + " PARTITION"
                                                               : spec.text);
        continue;
      }
      for (ColumnDef& column : spec.columns) MakeLiteralsUtf8(&column);
      spec.expr = WithUtf8Literals(spec.expr);
      spec.constraint.check = WithUtf8Literals(spec.constraint.check);
      std::vector<AlterSpec> keys;
      switch (spec.kind) {
        case AlterKind::kOptions: {
          const bool any = !spec.options.empty();
          std::erase_if(spec.options, [this](const Option& option) {
            const bool engine = option.name == "ENGINE" && UpperWord(option.value) != "INNODB";
            if (TiDbAltersOption(option.name) && !engine) return false;
            left_out_(fmt::format("table option {}", option.name));
            return true;
          });
          if (any && spec.options.empty()) continue;
          break;
        }
        case AlterKind::kDropIndex:
          if (In(dropped_first_, spec.name)) continue;
          break;
        case AlterKind::kRenameTable:
          table_ = spec.table;
          break;
        case AlterKind::kAddColumn:
          for (ColumnDef& column : spec.columns) TakeKeys(&column, &keys);
          break;
        case AlterKind::kModifyColumn:
          TakeChecks(&spec.columns.front(), &keys);
          break;
        case AlterKind::kRenameIndex:
        case AlterKind::kSetDefault:
        case AlterKind::kDropDefault:
          spec.if_exists = false;  // not in TiDB's grammar; its error is no reason to stop
          break;
        case AlterKind::kRenameColumn:
        case AlterKind::kChangeColumn:
          if (spec.kind == AlterKind::kRenameColumn) spec.if_exists = false;
          if (spec.kind == AlterKind::kChangeColumn) TakeChecks(&spec.columns.front(), &keys);
          if (RenamedTo(spec) == nullptr) break;
          for (const auto& [from, name] : between_) {
            if (SameName(from, spec.name)) {
              spec.name = name;
              break;
            }
          }
          break;
        default:
          break;
      }
      out_.push_back(Single(statement, alter, std::move(spec)));
      for (AlterSpec& key : keys) out_.push_back(Single(statement, alter, std::move(key)));
    }
    if (alter.specs.empty()) left_out_("a statement without a change");
  }

  // TiDB adds no check while it changes a column.
  static void TakeChecks(ColumnDef* column, std::vector<AlterSpec>* checks) {
    for (const ColumnOption& option : column->options) {
      if (option.kind != ColumnOptionKind::kCheck) continue;
      AlterSpec check{};
      check.kind = AlterKind::kAddConstraint;
      check.constraint.kind = ConstraintKind::kCheck;
      check.constraint.name = option.text;
      check.constraint.check = option.expr;
      check.constraint.enforced = option.enforced;
      checks->push_back(std::move(check));
    }
    std::erase_if(column->options, [](const ColumnOption& option) {
      return option.kind == ColumnOptionKind::kCheck;
    });
  }

  static void TakeKeys(ColumnDef* column, std::vector<AlterSpec>* keys) {
    // A value that counts up cannot be added later anyway; TiDB's error says so.
    if (column->Find(ColumnOptionKind::kAutoIncrement) != nullptr) return;
    for (const ColumnOption& option : column->options) {
      const bool primary = option.kind == ColumnOptionKind::kPrimaryKey;
      if (!primary && option.kind != ColumnOptionKind::kUniqueKey) continue;
      AlterSpec key{};
      key.kind = AlterKind::kAddConstraint;
      key.constraint.kind = primary ? ConstraintKind::kPrimary : ConstraintKind::kUnique;
      // Named, so that a repetition does not make another one.
      if (!primary) key.constraint.name = column->name;
      IndexPart part{};
      part.column = column->name;
      key.constraint.parts.push_back(std::move(part));
      keys->push_back(std::move(key));
    }
    std::erase_if(column->options, [](const ColumnOption& option) {
      return option.kind == ColumnOptionKind::kPrimaryKey ||
             option.kind == ColumnOptionKind::kUniqueKey;
    });
    if (std::any_of(
            keys->begin(), keys->end(),
            [](const AlterSpec& key) { return key.constraint.kind == ConstraintKind::kPrimary; }) &&
        column->Find(ColumnOptionKind::kNotNull) == nullptr) {
      ColumnOption not_null{};
      not_null.kind = ColumnOptionKind::kNotNull;
      column->options.insert(column->options.begin(), std::move(not_null));
    }
  }

  const IndexesOf& indexes_of_;
  const LeftOut& left_out_;
  // Of the statement that is being rewritten:
  TableName table_;                                           // after the changes so far
  std::vector<std::pair<std::string, std::string>> renamed_;  // column, its new name
  std::vector<std::string> dropped_first_;                    // indexes
  std::vector<Constraint> again_;                             // indexes to be made at its end
  std::vector<std::pair<std::string, std::string>> between_;  // column, its name in between
  std::vector<Statement> out_;
};

}  // namespace

std::vector<Statement> ForTiDb(std::vector<Statement> split, const IndexesOf& indexes_of,
                               const LeftOut& left_out) {
  return Rewriter(indexes_of, left_out).Run(std::move(split));
}

bool TiDbAltersOption(std::string_view name) {
  for (std::string_view known :
       {"SHARD_ROW_ID_BITS", "AUTO_INCREMENT", "AUTO_ID_CACHE", "AUTO_RANDOM_BASE", "COMMENT",
        "CHARACTER SET", "COLLATE", "PLACEMENT POLICY", "ENGINE"}) {
    if (name == known) return true;
  }
  return false;
}

}  // namespace dm::mysql
