#include "migration/sync/constraint_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

#include "base/error/error.h"
#include "mysql/schema/edit.h"
#include "mysql/sql/alter_spec.h"
#include "mysql/sql/restore.h"
#include "mysql/sql/rewrite.h"
#include "mysql/sql/same_expr.h"
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
         EqualLists(a.columns, b.columns) &&
         // (REFERENCES without columns means the primary key.)
         (a.ref_columns.empty() || b.ref_columns.empty() ||
          EqualLists(a.ref_columns, b.ref_columns));
}

template <class Info>
bool HasColumnsOf(const Info& a, const Info& b) {
  return a.columns.size() == b.columns.size() &&
         std::all_of(a.columns.begin(), a.columns.end(), [&](const std::string& column) {
           return std::any_of(b.columns.begin(), b.columns.end(),
                              [&](const std::string& other) { return EqualNames(column, other); });
         });
}

bool IsSame(const CheckInfo& a, const CheckInfo& b) {
  return mysql::IsSameStoredExpression(a.expr, b.expr);
}

// May they be the same though they are not equal? Servers write some expressions anew.
bool MayBeSame(const ForeignKeyInfo& /*a*/, const ForeignKeyInfo& /*b*/) { return false; }
bool MayBeSame(const CheckInfo& a, const CheckInfo& b) { return HasColumnsOf(a, b); }

// Among those that are the same.
int Likeness(const ForeignKeyInfo& a, const ForeignKeyInfo& b) {
  const bool actions = a.on_delete == b.on_delete && a.on_update == b.on_update;
  return (actions ? 2 : 0) + (HasNumberOf(a.name, b.name) ? 1 : 0);
}
int Likeness(const CheckInfo& a, const CheckInfo& b) {
  return (a.expr == b.expr ? 2 : 0) + (HasNumberOf(a.name, b.name) ? 1 : 0);
}

bool Names(const AlterSpec& spec) {
  return spec.kind == AlterKind::kDropForeignKey || spec.kind == AlterKind::kDropCheck ||
         spec.kind == AlterKind::kDropConstraint || spec.kind == AlterKind::kAlterCheck;
}
bool MayNameForeignKey(const AlterSpec& spec) {
  return spec.kind == AlterKind::kDropForeignKey || spec.kind == AlterKind::kDropConstraint;
}
bool MayNameCheck(const AlterSpec& spec) {
  return Names(spec) && spec.kind != AlterKind::kDropForeignKey;
}

[[noreturn]] void Refuse(const std::string& name, const std::string& why) {
  throw Error(
      ErrorCode::kSyncerUnsupportedStmt,
      fmt::format("statement on constraint {} not supported: it cannot be told which one of "
                  "the target is meant: {}",
                  mysql::QuoteName(name), why))
      .SetWorkaround(
          "Make the change downstream by hand and pass over the statement with `binlog skip`.");
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
    const bool made = !MadeNumber(wanted.name).empty();
    const Info* equal = nullptr;
    int best = -1;
    bool nameless = false;
    bool other_of_this_name = false;
    std::vector<const Info*> alike;
    for (const Info& info : TargetOf(wanted)) {
      const bool same = IsSame(info, wanted);
      const bool may_be = !same && MayBeSame(info, wanted) && !IsOfOther(wanted, info);
      if (IsNameless(info)) {
        nameless = nameless || same || may_be;
        continue;
      }
      const bool has_name = EqualNames(info.name, wanted.name);
      // What the statement named has this name downstream, unless that was taken.
      if (has_name && (same || !made)) return info.name;
      if (IsTaken(info.name)) continue;
      if (same && !IsExactlyOther(wanted, info)) {
        const int rank = Likeness(info, wanted);
        if (rank > best) equal = &info;
        best = std::max(best, rank);
      } else if (may_be && !MadeNumber(info.name).empty()) {
        alike.push_back(&info);
      } else if (has_name && !upstream_.merged && HasColumnsOf(info, wanted) &&
                 !IsOfOther(wanted, info)) {
        other_of_this_name = true;
      }
    }
    if (equal != nullptr) return equal->name;
    if (nameless) Refuse(wanted.name, "the target has it as a check of a column, without a name");
    if (!alike.empty()) return OfAlike(wanted, alike);
    if (other_of_this_name) Refuse(wanted.name, "the target has another one of this name");
    return "";
  }

  // None is equal, as servers write some expressions anew.
  template <class Info>
  std::string OfAlike(const Info& wanted, const std::vector<const Info*>& alike) const {
    const std::vector<Info>& upstream = UpstreamOf(wanted);
    const auto others =
        static_cast<size_t>(std::count_if(upstream.begin(), upstream.end(), [&](const Info& other) {
          return &other != &wanted && HasColumnsOf(other, wanted) && IsWithoutEqual(other);
        }));
    // Another source of the target may have dropped it.
    if (upstream_.merged && others >= alike.size()) return "";
    if (!upstream_.merged) {
      const auto named = std::find_if(alike.begin(), alike.end(), [&](const Info* info) {
        return EqualNames(info->name, wanted.name);
      });
      if (named != alike.end()) return (*named)->name;
      // (A name that the statement gave is another one downstream only where that was taken.)
      const bool made = !MadeNumber(wanted.name).empty();
      if (made && others == 0 && alike.size() == 1) return alike.front()->name;
    }
    std::string names;
    for (const Info* info : alike) {
      names += fmt::format("{}{}", names.empty() ? "" : ", ", mysql::QuoteName(info->name));
    }
    Refuse(wanted.name, fmt::format("the target has others that it may be: {}", names));
  }

  // Is it equal to one of the upstream's that is not wanted?
  template <class Info>
  bool IsOfOther(const Info& wanted, const Info& info) const {
    const std::vector<Info>& upstream = UpstreamOf(wanted);
    return std::any_of(upstream.begin(), upstream.end(),
                       [&](const Info& other) { return &other != &wanted && IsSame(other, info); });
  }

  // Has one of these also its name?
  template <class Info>
  bool IsExactlyOther(const Info& wanted, const Info& info) const {
    const std::vector<Info>& upstream = UpstreamOf(wanted);
    return std::any_of(upstream.begin(), upstream.end(), [&](const Info& other) {
      return &other != &wanted && EqualNames(other.name, info.name) && IsSame(other, info);
    });
  }

  template <class Info>
  bool IsWithoutEqual(const Info& of_upstream) const {
    const std::vector<Info>& all = TargetOf(of_upstream);
    return std::none_of(all.begin(), all.end(),
                        [&](const Info& info) { return IsSame(info, of_upstream); });
  }

  const UpstreamConstraints& upstream_;
  const mysql::TableInfo& target_;
  const bool mariadb_;
  std::map<const void*, std::string> found_;  // by what is wanted
};

}  // namespace

bool NamesConstraints(const mysql::AlterTable& alter) {
  return std::any_of(alter.specs.begin(), alter.specs.end(), Names);
}

bool DropsNothing(const mysql::Statement& split, const mysql::TableInfo& before, bool mariadb) {
  const AlterSpec* spec = mysql::OnlySpec(split);
  if (spec == nullptr || !spec->if_exists || before.named_downstream) return false;
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
  if (after_ == nullptr || after_->named_downstream) return "";
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
    }
  }
  alter->specs = std::move(specs);
}

namespace {

// The upstream's names are not known: only one of the same name is sure to be meant, or none where
// there are none.
std::string OfUnknown(const AlterSpec& spec, const mysql::TableInfo& target) {
  const bool keys = MayNameForeignKey(spec);
  const bool checks = MayNameCheck(spec);
  if ((keys && FindNamed(target.foreign_keys, spec.name) != nullptr) ||
      (checks && FindNamed(target.checks, spec.name) != nullptr) ||
      (spec.kind == AlterKind::kDropConstraint && target.FindIndex(spec.name) != nullptr)) {
    return spec.name;
  }
  const bool others = (keys && !target.foreign_keys.empty()) || (checks && !target.checks.empty());
  // (A name that the statement gave would be the same.)
  if (others && !MadeNumber(spec.name).empty()) {
    Refuse(spec.name, "none has this name");
  }
  return "";
}

}  // namespace

std::vector<std::string> DownstreamNames(const mysql::AlterTable& alter,
                                         const UpstreamConstraints& upstream,
                                         const mysql::TableInfo& target, bool mariadb) {
  Counterparts counterparts(upstream, target, mariadb);
  std::vector<std::string> names;
  for (const AlterSpec& spec : alter.specs) {
    if (!Names(spec)) continue;
    if (!upstream.known) {
      names.push_back(OfUnknown(spec, target));
      continue;
    }
    const ForeignKeyInfo* key =
        MayNameForeignKey(spec) ? FindNamed(upstream.foreign_keys, spec.name) : nullptr;
    const CheckInfo* check =
        MayNameCheck(spec) ? FindCheck(upstream.checks, spec.name, upstream.mariadb) : nullptr;
    if ((key == nullptr) == (check == nullptr)) {
      names.push_back(spec.name);  // the server says which it is, or that it has none
    } else {
      names.push_back(key != nullptr ? counterparts.Of(*key) : counterparts.Of(*check));
    }
  }
  return names;
}

std::vector<std::string> PutDownstreamNames(mysql::AlterTable* alter,
                                            const std::vector<std::string>& names) {
  std::vector<std::string> gone;
  std::vector<AlterSpec> specs;
  auto name = names.begin();
  for (AlterSpec& spec : alter->specs) {
    if (Names(spec) && name != names.end()) {
      const std::string& here = *name++;
      if (here.empty() && spec.kind != AlterKind::kAlterCheck) {
        gone.push_back(spec.name);
        continue;
      }
      // (Of an ALTER CHECK that the target has not got the server says so.)
      if (!here.empty() && !EqualNames(here, spec.name)) spec.name = here;
    }
    specs.push_back(std::move(spec));
  }
  alter->specs = std::move(specs);
  return gone;
}

namespace {

// Has the target this foreign key or check, under a name that `is_name` takes?
template <class IsNameOf>
bool Has(const mysql::Constraint& added, const mysql::TableName& table,
         const mysql::TableInfo& target, IsNameOf is_name) {
  if (added.kind == mysql::ConstraintKind::kCheck) {
    const std::string expr = mysql::Restore(added.check, mysql::ExprStyle::kStored);
    return std::any_of(target.checks.begin(), target.checks.end(), [&](const CheckInfo& there) {
      return is_name(there.name) && mysql::IsSameStoredExpression(expr, there.expr);
    });
  }
  if (added.kind != mysql::ConstraintKind::kForeign) return false;
  ForeignKeyInfo key;
  for (const mysql::IndexPart& part : added.parts) key.columns.push_back(part.column);
  for (const mysql::IndexPart& part : added.reference.columns) {
    key.ref_columns.push_back(part.column);
  }
  const mysql::TableName& parent = added.reference.table;
  key.ref_schema = parent.schema.empty() ? table.schema : parent.schema;
  key.ref_table = parent.name;
  return std::any_of(
      target.foreign_keys.begin(), target.foreign_keys.end(),
      [&](const ForeignKeyInfo& there) { return is_name(there.name) && IsSame(key, there); });
}

}  // namespace

bool HasAdded(const mysql::AlterTable& alter, const mysql::TableInfo& target) {
  return std::any_of(alter.specs.begin(), alter.specs.end(), [&](const AlterSpec& spec) {
    return spec.kind == AlterKind::kAddConstraint &&
           Has(spec.constraint, alter.table, target,
               [&](const std::string& name) { return EqualNames(name, spec.constraint.name); });
  });
}

bool LeaveAddedWithoutName(mysql::AlterTable* alter, const mysql::TableInfo& target) {
  return std::erase_if(alter->specs, [&](const AlterSpec& spec) {
           return spec.kind == AlterKind::kAddConstraint && spec.constraint.name.empty() &&
                  Has(spec.constraint, alter->table, target,
                      [](const std::string& name) { return !MadeNumber(name).empty(); });
         }) > 0;
}

std::vector<std::string> LeaveMadeNames(mysql::Statement* statement,
                                        const mysql::TableInfo& target) {
  std::vector<std::string> left;
  mysql::KeepConstraintNames(statement, [&](mysql::ConstraintKind kind, const std::string& name) {
    const bool there = kind == mysql::ConstraintKind::kCheck
                           ? FindNamed(target.checks, name) != nullptr
                           : FindNamed(target.foreign_keys, name) != nullptr;
    const bool leaves = there && !MadeNumber(name).empty();
    if (leaves) left.push_back(name);
    return !leaves;
  });
  return left;
}

}  // namespace dm::migration
