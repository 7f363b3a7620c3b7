#include "migration/sync/constraint_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <string_view>
#include <utility>

#include "base/error/error.h"
#include "mysql/schema/edit.h"
#include "mysql/sql/alter_spec.h"
#include "mysql/sql/restore.h"
#include "mysql/value/quote.h"

namespace dm::migration {

namespace {

using mysql::AlterKind;
using mysql::AlterSpec;
using mysql::CheckInfo;
using mysql::EqualNames;
using mysql::ForeignKeyInfo;

template <class Items>
auto FindNamed(const Items& items, std::string_view name) -> decltype(&items.front()) {
  for (const auto& item : items) {
    if (EqualNames(item.name, name)) return &item;
  }
  return nullptr;
}

// The check of this name that DROP finds: MariaDB's checks of columns are none.
const CheckInfo* FindCheck(const std::vector<CheckInfo>& checks, std::string_view name,
                           bool mariadb) {
  for (const CheckInfo& check : checks) {
    if (EqualNames(check.name, name) && !(mariadb && check.in_column)) return &check;
  }
  return nullptr;
}

// The digits of a name that a server makes: t_ibfk_2, t_chk_2, CONSTRAINT_2. Else empty.
std::string_view MadeNumber(std::string_view name) {
  const size_t last = name.find_last_not_of("0123456789");
  if (last == std::string_view::npos || last + 1 == name.size()) return "";
  const std::string before = mysql::LowerName(name.substr(0, last + 1));
  const bool made =
      before.ends_with("_ibfk_") || before.ends_with("_chk_") || before == "constraint_";
  return made ? name.substr(last + 1) : "";
}

bool HasNumberOf(std::string_view name, std::string_view other) {
  const std::string_view number = MadeNumber(name);
  return !number.empty() && number == MadeNumber(other);
}

bool EqualLists(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const std::string& x, const std::string& y) { return EqualNames(x, y); });
}

bool IsSame(const ForeignKeyInfo& a, const ForeignKeyInfo& b) {
  return EqualNames(a.ref_table, b.ref_table) && EqualNames(a.ref_schema, b.ref_schema) &&
         EqualLists(a.columns, b.columns) && EqualLists(a.ref_columns, b.ref_columns);
}

// What servers write an expression with, each in its own way: parentheses, spaces, letter case,
// character sets in front of texts.
std::string Bare(std::string_view expr) {
  const auto in_word = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
  };
  std::string out;
  bool in_text = false;
  for (size_t i = 0; i < expr.size(); ++i) {
    const char c = expr[i];
    if (c == '\\') continue;
    if (c == '\'' && !std::exchange(in_text, !in_text)) {
      size_t begin = i;
      while (begin > 0 && in_word(expr[begin - 1])) --begin;
      if (begin < i && expr[begin] == '_') out.resize(out.size() - (i - begin));
    }
    if (in_text || c == '\'') {
      out += c;
    } else if (std::string_view(" ()`\n").find(c) == std::string_view::npos) {
      out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
  }
  return out;
}

bool IsSame(const CheckInfo& a, const CheckInfo& b) { return Bare(a.expr) == Bare(b.expr); }

// Among those that are the same.
int Likeness(const ForeignKeyInfo& a, const ForeignKeyInfo& b) {
  const bool actions = a.on_delete == b.on_delete && a.on_update == b.on_update;
  return (actions ? 2 : 0) + (HasNumberOf(a.name, b.name) ? 1 : 0);
}
int Likeness(const CheckInfo& a, const CheckInfo& b) {
  return (a.expr == b.expr ? 2 : 0) + (HasNumberOf(a.name, b.name) ? 1 : 0);
}

template <class Info>
bool HasColumnsOf(const Info& a, const Info& b) {
  return a.columns.size() == b.columns.size() &&
         std::all_of(a.columns.begin(), a.columns.end(), [&](const std::string& column) {
           return std::any_of(b.columns.begin(), b.columns.end(),
                              [&](const std::string& other) { return EqualNames(column, other); });
         });
}

// Finds what the target has for the upstream's foreign keys and checks.
class Counterparts {
 public:
  Counterparts(const UpstreamConstraints& upstream, const mysql::TableInfo& target, bool mariadb)
      : upstream_(upstream), target_(target), mariadb_(mariadb) {}

  // The name that the target has for `wanted`, which is of `upstream`; empty: the target has none.
  // Throws Error.
  template <class Info>
  std::string Of(const Info& wanted) {
    const auto [found, first] = found_.try_emplace(&wanted);
    if (first) found->second = Find(wanted);
    return found->second;
  }

 private:
  const std::vector<ForeignKeyInfo>& UpstreamOf(const ForeignKeyInfo& /*kind*/) const {
    return upstream_.foreign_keys;
  }
  const std::vector<CheckInfo>& UpstreamOf(const CheckInfo& /*kind*/) const {
    return upstream_.checks;
  }
  const std::vector<ForeignKeyInfo>& TargetOf(const ForeignKeyInfo& /*kind*/) const {
    return target_.foreign_keys;
  }
  const std::vector<CheckInfo>& TargetOf(const CheckInfo& /*kind*/) const { return target_.checks; }

  // MariaDB's checks of columns cannot be dropped by a name.
  static bool IsNameless(const ForeignKeyInfo& /*key*/) { return false; }
  bool IsNameless(const CheckInfo& check) const { return mariadb_ && check.in_column; }

  bool IsTaken(const std::string& name) const {
    return std::any_of(found_.begin(), found_.end(),
                       [&](const auto& entry) { return entry.second == name; });
  }

  template <class Info>
  std::string Find(const Info& wanted) const {
    const std::vector<Info>& upstream = UpstreamOf(wanted);
    const Info* equal = nullptr;
    int best = -1;
    bool nameless_equal = false;
    std::vector<const Info*> alike;  // of the same columns, and equal to none of the upstream
    for (const Info& info : TargetOf(wanted)) {
      const bool same = IsSame(info, wanted);
      if (IsNameless(info)) {
        nameless_equal = nameless_equal || same;
        continue;
      }
      if (EqualNames(info.name, wanted.name)) return info.name;
      if (IsTaken(info.name) || FindNamed(upstream, info.name) != nullptr) continue;
      if (same) {
        const int rank = Likeness(info, wanted);
        if (rank > best) equal = &info;
        best = std::max(best, rank);
      } else if (!MadeNumber(info.name).empty() && HasColumnsOf(info, wanted) &&
                 std::none_of(upstream.begin(), upstream.end(),
                              [&](const Info& other) { return IsSame(other, info); })) {
        alike.push_back(&info);
      }
    }
    if (equal != nullptr) return equal->name;
    if (nameless_equal) {
      Refuse(wanted.name, "the target has it as a check of a column, which has no name");
    }
    if (alike.empty()) return "";
    return OfAlike(wanted, alike);
  }

  // Servers write some expressions anew: they are not found to be equal.
  template <class Info>
  std::string OfAlike(const Info& wanted, const std::vector<const Info*>& alike) const {
    const std::vector<Info>& upstream = UpstreamOf(wanted);
    const auto others =
        static_cast<size_t>(std::count_if(upstream.begin(), upstream.end(), [&](const Info& other) {
          return &other != &wanted && HasColumnsOf(other, wanted) && IsWithoutEqual(other);
        }));
    // Another source of the target may have dropped it.
    if (upstream_.merged && others >= alike.size()) return "";
    // (A name that the statement gave is another one downstream only where that was taken.)
    const bool made = !MadeNumber(wanted.name).empty();
    if (made && !upstream_.merged && others == 0 && alike.size() == 1) return alike.front()->name;
    std::string names;
    for (const Info* info : alike) {
      names += fmt::format("{}{}", names.empty() ? "" : ", ", mysql::QuoteName(info->name));
    }
    Refuse(wanted.name, fmt::format("the target has others that it may be: {}", names));
  }

  template <class Info>
  bool IsWithoutEqual(const Info& of_upstream) const {
    const std::vector<Info>& all = TargetOf(of_upstream);
    return std::none_of(all.begin(), all.end(), [&](const Info& info) {
      return EqualNames(info.name, of_upstream.name) || IsSame(info, of_upstream);
    });
  }

  [[noreturn]] static void Refuse(const std::string& name, const std::string& why) {
    throw Error(ErrorCode::kSyncerUnsupportedStmt,
                fmt::format("statement on constraint {} not supported: the target has none of that "
                            "name, and {}",
                            mysql::QuoteName(name), why))
        .SetWorkaround(
            "Make the change downstream by hand and pass over the statement with `binlog skip`.");
  }

  const UpstreamConstraints& upstream_;
  const mysql::TableInfo& target_;
  const bool mariadb_;
  std::map<const void*, std::string> found_;  // by what is wanted
};

}  // namespace

bool NamesConstraints(const mysql::AlterTable& alter) {
  return std::any_of(alter.specs.begin(), alter.specs.end(), [](const AlterSpec& spec) {
    return spec.kind == AlterKind::kDropForeignKey || spec.kind == AlterKind::kDropCheck ||
           spec.kind == AlterKind::kDropConstraint || spec.kind == AlterKind::kAlterCheck;
  });
}

bool DropsNothing(const mysql::Statement& split, const mysql::TableInfo& before, bool mariadb) {
  const AlterSpec* spec = mysql::OnlySpec(split);
  if (spec == nullptr || !spec->if_exists) return false;
  const bool key = FindNamed(before.foreign_keys, spec->name) != nullptr;
  const bool check = FindCheck(before.checks, spec->name, mariadb) != nullptr;
  switch (spec->kind) {
    case AlterKind::kDropForeignKey:
      return !key;
    case AlterKind::kDropCheck:
      return !check;
    case AlterKind::kDropConstraint: {
      const mysql::IndexInfo* index = before.FindIndex(spec->name);
      const bool unique =
          index != nullptr && index->unique && !(mariadb && mysql::IsHashedUnique(before, *index));
      return !key && !check && !unique;
    }
    default:
      return false;
  }
}

CheckNames::CheckNames(mysql::TablePtr before, mysql::TablePtr after)
    : before_(std::move(before)), after_(std::move(after)) {}

std::string CheckNames::NameOf(const mysql::ExprPtr& check) {
  if (after_ == nullptr) return "";
  const std::string text = mysql::Restore(check, mysql::ExprStyle::kStored);
  // One that has the name of one before it takes its place, which is less likely.
  for (const bool replaced : {false, true}) {
    for (const CheckInfo& info : after_->checks) {
      const bool known = before_ != nullptr && FindNamed(before_->checks, info.name) != nullptr;
      if (known == replaced && info.expr == text && !MadeNumber(info.name).empty() &&
          std::find(told_.begin(), told_.end(), info.name) == told_.end()) {
        return told_.emplace_back(info.name);
      }
    }
  }
  return "";
}

void CheckNames::FillOne(mysql::Constraint* check) {
  if (check->kind == mysql::ConstraintKind::kCheck && check->name.empty()) {
    check->name = NameOf(check->check);
  }
}

std::vector<mysql::Constraint> CheckNames::TakeFrom(mysql::ColumnDef* column) {
  std::vector<mysql::Constraint> checks;
  for (const mysql::ColumnOption& option : column->options) {
    if (option.kind != mysql::ColumnOptionKind::kCheck) continue;
    mysql::Constraint& check = checks.emplace_back();
    check.kind = mysql::ConstraintKind::kCheck;
    check.name = option.text;
    check.check = option.expr;
    check.enforced = option.enforced;
    FillOne(&check);
  }
  std::erase_if(column->options, [](const mysql::ColumnOption& option) {
    return option.kind == mysql::ColumnOptionKind::kCheck;
  });
  return checks;
}

void CheckNames::Fill(mysql::Statement* routed) {
  if (auto* create = routed->As<mysql::CreateTable>()) {
    std::vector<mysql::Constraint> checks;
    for (mysql::ColumnDef& column : create->columns) {
      std::vector<mysql::Constraint> taken = TakeFrom(&column);
      std::move(taken.begin(), taken.end(), std::back_inserter(checks));
    }
    for (mysql::Constraint& constraint : create->constraints) FillOne(&constraint);
    for (mysql::Constraint& check : checks) {
      check.columns_before = create->columns.size();
      create->constraints.push_back(std::move(check));
    }
    return;
  }
  auto* alter = routed->As<mysql::AlterTable>();
  if (alter == nullptr) return;
  std::vector<AlterSpec> specs;
  for (AlterSpec& spec : alter->specs) {
    std::vector<mysql::Constraint> checks;
    if (spec.kind == AlterKind::kAddConstraint) FillOne(&spec.constraint);
    for (mysql::ColumnDef& column : spec.columns) {
      std::vector<mysql::Constraint> taken = TakeFrom(&column);
      std::move(taken.begin(), taken.end(), std::back_inserter(checks));
    }
    specs.push_back(std::move(spec));
    for (mysql::Constraint& check : checks) {
      AlterSpec& add = specs.emplace_back();
      add.kind = AlterKind::kAddConstraint;
      add.constraint = std::move(check);
      // The column may have been there already, with it.
      add.constraint.if_not_exists = true;
    }
  }
  alter->specs = std::move(specs);
}

std::vector<std::string> UseDownstreamNames(mysql::AlterTable* alter,
                                            const UpstreamConstraints& upstream,
                                            const mysql::TableInfo& target, bool mariadb) {
  Counterparts counterparts(upstream, target, mariadb);
  std::vector<std::string> gone;
  const auto stays = [&](AlterSpec& spec) {
    const bool drops_any = spec.kind == AlterKind::kDropConstraint;
    const ForeignKeyInfo* key = nullptr;
    const CheckInfo* check = nullptr;
    if (drops_any || spec.kind == AlterKind::kDropForeignKey) {
      key = FindNamed(upstream.foreign_keys, spec.name);
    }
    if (drops_any || spec.kind == AlterKind::kDropCheck || spec.kind == AlterKind::kAlterCheck) {
      check = FindCheck(upstream.checks, spec.name, upstream.mariadb);
    }
    if (drops_any && key != nullptr && check != nullptr) return true;
    std::string name;
    if (key != nullptr) {
      name = counterparts.Of(*key);
    } else if (check != nullptr) {
      name = counterparts.Of(*check);
    } else {
      return true;
    }
    if (!name.empty()) {
      if (!EqualNames(name, spec.name)) spec.name = name;
      return true;
    }
    if (spec.kind == AlterKind::kAlterCheck) return true;  // the server says that it has none
    gone.push_back(spec.name);
    return false;
  };
  std::vector<AlterSpec> specs;
  for (AlterSpec& spec : alter->specs) {
    if (stays(spec)) specs.push_back(std::move(spec));
  }
  alter->specs = std::move(specs);
  return gone;
}

bool HasAdded(const mysql::AlterTable& alter, const mysql::TableInfo& target) {
  return std::any_of(alter.specs.begin(), alter.specs.end(), [&](const AlterSpec& spec) {
    if (spec.kind != AlterKind::kAddConstraint) return false;
    const mysql::Constraint& added = spec.constraint;
    if (added.kind == mysql::ConstraintKind::kCheck) {
      const CheckInfo* there = FindNamed(target.checks, added.name);
      return there != nullptr &&
             Bare(mysql::Restore(added.check, mysql::ExprStyle::kStored)) == Bare(there->expr);
    }
    if (added.kind != mysql::ConstraintKind::kForeign) return false;
    const ForeignKeyInfo* there = FindNamed(target.foreign_keys, added.name);
    if (there == nullptr) return false;
    ForeignKeyInfo key;
    for (const mysql::IndexPart& part : added.parts) key.columns.push_back(part.column);
    for (const mysql::IndexPart& part : added.reference.columns) {
      key.ref_columns.push_back(part.column);
    }
    const mysql::TableName& parent = added.reference.table;
    key.ref_schema = parent.schema.empty() ? alter.table.schema : parent.schema;
    key.ref_table = parent.name;
    return IsSame(key, *there);
  });
}

}  // namespace dm::migration
