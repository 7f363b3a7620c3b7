#include "migration/rows/dml_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "base/error/error.h"
#include "mysql/value/charset.h"
#include "mysql/value/quote.h"

namespace dm::migration {

using mysql::Cell;

namespace {

Error NoSuchMember(uint64_t number, size_t count) {
  return Error(ErrorCode::kBinlogEventDecode,
               fmt::format("the value {} of a column with {} members", number, count));
}

// A value of an ENUM or SET by the names of its members. Throws Error if there is none of a number.
void AppendMembers(std::string& out, const PlanColumn& column, const Cell& cell,
                   bool raw_backslash) {
  const auto number = static_cast<uint64_t>(mysql::CellInteger(cell, column.meta));
  thread_local std::string text;
  text.clear();
  const size_t count = column.members.size();
  if (column.meta.type == mysql::ColumnType::kEnum) {
    if (number > count) throw NoSuchMember(number, count);
    if (number > 0) text = column.members[number - 1];
  } else {
    if (count < 64 && number >> count != 0) throw NoSuchMember(number, count);
    bool first = true;  // a member may be empty
    for (const uint8_t i : column.member_order) {
      if ((number >> i & 1) == 0) continue;
      if (!first) text += ',';
      first = false;
      text += column.members[i];
    }
  }
  mysql::AppendQuotedString(out, text, raw_backslash);
}

// Of a literal that was written as bytes.
bool HasCharacters(const PlanColumn& info, const Cell& cell) {
  if (!info.meta.keep_bytes) return false;  // it would be UTF-8
  thread_local std::string text;
  text.clear();
  return mysql::AppendAsUtf8(text, cell.text(), info.meta.charset);
}

void AppendValue(std::string& out, const TablePlan& plan, uint32_t column, const Cell& cell) {
  const PlanColumn& info = plan.columns[column];
  const size_t begin = out.size();
  try {
    if (!info.members.empty() && cell.has_value()) {
      AppendMembers(out, info, cell, plan.literals.no_backslash_escapes);
      return;
    }
    mysql::AppendLiteral(out, cell, info.meta, plan.literals);
    if (info.needs_characters && std::string_view(out).substr(begin).starts_with("_binary") &&
        !HasCharacters(info, cell)) {
      Error error(
          ErrorCode::kBinlogEventDecode,
          fmt::format("a value has bytes that are no character in {}, and the target column "
                      "of {} is text",
                      mysql::CharsetName(info.meta.charset), plan.target.Quoted()));
      error.SetWorkaround(
          "Correct the value upstream and skip this one, or make the target column a VARBINARY or "
          "BLOB, which takes the bytes as they are; then use `resume-task`.");
      throw error;
    }
  } catch (Error& e) {
    e.Annotate(fmt::format("table {}, column `{}`", plan.source.Quoted(), info.name));
    throw;
  }
}

bool IsAbsent(const Cell& cell) { return cell.state == mysql::CellState::kAbsent; }

// The values of a row, up to the closing parenthesis.
void AppendTuple(std::string& out, const TablePlan& plan, std::span<const Cell> image,
                 bool partial) {
  bool first = true;
  for (uint32_t column : plan.written) {
    if (!first) out += ',';
    first = false;
    if (partial && IsAbsent(image[column])) {
      out += "DEFAULT";
    } else {
      AppendValue(out, plan, column, image[column]);
    }
  }
  out += ')';
}

void AppendCondition(std::string& out, const TablePlan& plan, uint32_t column, const Cell& cell) {
  const PlanColumn& info = plan.columns[column];
  if (cell.is_null()) {
    out += info.is_null;
    return;
  }
  out += info.assign;
  if (info.where_as_number) {
    mysql::AppendText(out, cell, info.meta, plan.literals);
    return;
  }
  if (info.where_as_text) {
    thread_local std::string text;
    text.clear();
    mysql::AppendText(text, cell, info.meta, plan.literals);
    mysql::AppendQuotedString(out, text, plan.literals.no_backslash_escapes);
    return;
  }
  if (info.where_rounded >= 0) {
    thread_local std::string text;
    text.clear();
    mysql::AppendText(text, cell, info.meta, plan.literals);
    const double shift = std::pow(10.0, info.where_rounded);
    const double value = std::strtod(text.c_str(), nullptr);
    double stored = std::isinf(value * shift) ? value : std::round(value * shift) / shift;
    if (info.where_as_float) stored = static_cast<float>(stored);
    fmt::format_to(std::back_inserter(out), "{}", stored);
    return;
  }
  if (info.where_as_signed) {
    // A SET is compared as a signed number, although it is written as an unsigned one.
    fmt::format_to(std::back_inserter(out), "{}", mysql::CellInteger(cell, info.meta));
    return;
  }
  // A JSON column never equals a string.
  if (info.where_as_json) out += "CAST(";
  AppendValue(out, plan, column, cell);
  if (info.where_as_json) out += " AS JSON)";
}

// The value's bytes, to be compared with those of the stored text.
void AppendExact(std::string& out, const TablePlan& plan, uint32_t column, const Cell& cell) {
  const PlanColumn& info = plan.columns[column];
  thread_local std::string text;
  text.clear();
  if (info.exact_raw && info.meta.charset != mysql::Charset::kBinary) {
    text = cell.text();
  } else {
    mysql::AppendText(text, cell, info.meta, plan.literals);
  }
  out += info.exact;
  out += "_binary";
  mysql::AppendQuotedString(out, text, plan.literals.no_backslash_escapes);
}

// The rows that would be in the way of this one at a key.
void AppendCollision(std::string& out, const TablePlan& plan, const UniqueKey& key,
                     std::span<const Cell> image) {
  bool first = true;
  for (const KeyPart& part : key.parts) {
    if (!first) out += " AND ";
    first = false;
    const Cell& cell = image[part.column];
    const std::string name = mysql::QuoteName(plan.columns[part.column].name);
    if (part.period == KeyPart::Period::kNone && part.prefix < 0) {
      AppendCondition(out, plan, part.column, cell);
      continue;
    }
    if (part.period == KeyPart::Period::kNone) {
      out += fmt::format("LEFT({}, {}) = LEFT(", name, part.prefix);
      AppendValue(out, plan, part.column, cell);
      out += fmt::format(", {})", part.prefix);
      continue;
    }
    // It begins before the other one ends, and ends after it begins.
    const bool start = part.period == KeyPart::Period::kStart;
    const auto other = std::find_if(key.parts.begin(), key.parts.end(), [&](const KeyPart& p) {
      return p.period == (start ? KeyPart::Period::kEnd : KeyPart::Period::kStart);
    });
    out += name;
    out += start ? " < " : " > ";
    AppendValue(out, plan, other->column, image[other->column]);
  }
}

// Deletes what REPLACE would delete. False: nothing can be in the way.
bool AppendDeleteCollisions(std::string& out, const TablePlan& plan, std::span<const Cell> image) {
  bool some = false;
  for (const UniqueKey& key : plan.keys) {
    if (std::any_of(key.parts.begin(), key.parts.end(), [&](const KeyPart& part) {
          return image[part.column].is_null() || IsAbsent(image[part.column]);
        })) {
      continue;
    }
    out += some ? std::string_view(" OR ") : std::string_view(plan.delete_head);
    out += '(';
    AppendCollision(out, plan, key, image);
    out += ')';
    some = true;
  }
  return some;
}

// Returns how many statements it made.
int AppendInsert(std::string& out, const TablePlan& plan, std::span<const Cell> image, bool replace,
                 bool partial) {
  int statements = 1;
  if (replace && plan.without_overlaps) {
    replace = false;
    if (AppendDeleteCollisions(out, plan, image)) {
      out += ';';
      ++statements;
    }
  }
  out += replace ? plan.replace_head : plan.insert_head;
  AppendTuple(out, plan, image, partial);
  return statements;
}

// By its identity.
void AppendKeyCondition(std::string& out, const TablePlan& plan, std::span<const Cell> image) {
  bool first = true;
  for (const KeyPart& part : plan.keys[*plan.identity].parts) {
    if (!first) out += " AND ";
    first = false;
    AppendCondition(out, plan, part.column, image[part.column]);
  }
}

void AppendWhere(std::string& out, const TablePlan& plan, std::span<const Cell> image) {
  bool first = true;
  auto add = [&](uint32_t column) {
    if (!first) out += " AND ";
    first = false;
    AppendCondition(out, plan, column, image[column]);
  };
  if (const UniqueKey* key = WhereKey(plan, image)) {
    for (const KeyPart& part : key->parts) add(part.column);
  } else {
    const auto is_there = [&](uint32_t i) {
      return !plan.columns[i].hidden && !(IsAbsent(image[i]) && plan.MayBeAbsent(i));
    };
    for (uint32_t i = 0; i < plan.columns.size(); ++i) {
      if (!is_there(i)) continue;
      // What the downstream computes may be another value there, and tells nothing that the columns
      // it is computed from do not.
      if (!plan.columns[i].written && !plan.written.empty()) continue;
      const bool exact = image[i].has_value() && !plan.columns[i].exact.empty();
      if (!exact || !plan.columns[i].exact_alone) add(i);
      if (!exact) continue;
      if (!first) out += " AND ";
      first = false;
      AppendExact(out, plan, i, image[i]);
    }
    // An image with nothing else.
    for (uint32_t i = 0; first && i < plan.columns.size(); ++i) {
      if (is_there(i)) add(i);
    }
  }
  out += " LIMIT 1";
}

void AppendDelete(std::string& out, const TablePlan& plan, std::span<const Cell> image) {
  out += plan.delete_head;
  AppendWhere(out, plan, image);
}

void AppendUpdate(std::string& out, const TablePlan& plan, std::span<const Cell> before,
                  std::span<const Cell> after, bool partial) {
  out += plan.update_head;
  bool first = true;
  for (uint32_t column : plan.written) {
    const bool absent = partial && IsAbsent(after[column]);
    if (absent && !plan.columns[column].renewed) continue;
    if (!first) out += ", ";
    first = false;
    out += plan.columns[column].assign;
    if (absent) {
      out += mysql::QuoteName(plan.columns[column].name);
    } else {
      AppendValue(out, plan, column, after[column]);
    }
  }
  if (first && partial) {
    // Nothing that is written here has changed: a statement all the same, which finds its row.
    const PlanColumn& column = plan.columns[plan.written.front()];
    out += column.assign;
    out += mysql::QuoteName(column.name);
  }
  out += " WHERE ";
  AppendWhere(out, plan, before);
}

// Can an UPDATE be repeated as it is? A row has one place only, and stays at it: no repeated insert
// of another row can have taken it away, nor can it be in another row's way.
bool IsHarmlessUpdate(const RowChange& change) {
  const TablePlan& plan = *change.plan;
  return plan.identity && plan.keys.size() == 1 && !plan.one_key_for_all &&
         !ChangesUniqueKey(plan, change.before(), change.after());
}

}  // namespace

int AppendChange(std::string& out, const RowChange& change) {
  return AppendChange(out, change, change.safe);
}

int AppendChange(std::string& out, const RowChange& change, bool safe) {
  const TablePlan& plan = *change.plan;
  switch (change.kind()) {
    case mysql::RowsKind::kInsert:
      return AppendInsert(out, plan, change.after(), safe, change.partial);
    case mysql::RowsKind::kDelete:
      AppendDelete(out, plan, change.before());
      return 1;
    case mysql::RowsKind::kUpdate:
      break;
  }
  if (!safe || change.partial || (change.filtered && IsHarmlessUpdate(change))) {
    AppendUpdate(out, plan, change.before(), change.after(), change.partial);
    return 1;
  }
  int statements = 0;
  if (!plan.identity || ChangesUniqueKey(plan, change.before(), change.after())) {
    AppendDelete(out, plan, change.before());
    out += ';';
    ++statements;
  }
  return statements + AppendInsert(out, plan, change.after(), true, false);
}

RowsForm FormOf(const RowChange& change) {
  if (change.partial) return RowsForm::kAlone;
  const TablePlan& plan = *change.plan;
  if (change.kind() != mysql::RowsKind::kDelete) {
    const std::span<const Cell> image = change.after();
    if (std::any_of(plan.null_refused.begin(), plan.null_refused.end(),
                    [&](uint32_t column) { return image[column].is_null(); })) {
      return RowsForm::kAlone;
    }
  }
  if (change.kind() == mysql::RowsKind::kInsert) {
    if (change.safe && plan.without_overlaps) return RowsForm::kAlone;
    return change.safe ? RowsForm::kReplace : RowsForm::kInsert;
  }
  if (!plan.identity) return RowsForm::kAlone;
  if (change.kind() == mysql::RowsKind::kDelete) return RowsForm::kDelete;
  const bool upsert = !change.safe && !change.filtered && !plan.upsert_tail.empty() &&
                      SameIdentity(plan, change.before(), change.after());
  return upsert ? RowsForm::kUpsert : RowsForm::kAlone;
}

bool MayShare(const RowChange& first, RowsForm form, const RowChange& next) {
  if (FormOf(next) != form) return false;
  if (next.plan == first.plan) return true;
  // Tables that are merged: the same target and columns.
  switch (form) {
    case RowsForm::kInsert:
    case RowsForm::kReplace:
      return next.plan->insert_head == first.plan->insert_head;
    case RowsForm::kDelete: {
      if (next.plan->delete_head != first.plan->delete_head) return false;
      const auto& parts = first.plan->keys[*first.plan->identity].parts;
      const auto& others = next.plan->keys[*next.plan->identity].parts;
      return std::equal(parts.begin(), parts.end(), others.begin(), others.end(),
                        [&](const KeyPart& a, const KeyPart& b) {
                          return first.plan->columns[a.column].name ==
                                 next.plan->columns[b.column].name;
                        });
    }
    case RowsForm::kUpsert:
    case RowsForm::kAlone:
      return false;
  }
  return false;
}

void SharedStatement::Add(const RowChange& change) {
  const bool first = plan_ == nullptr;
  if (first) plan_ = change.plan;
  if (form_ == RowsForm::kDelete) {
    out_ += first ? plan_->delete_head : " OR ";
    out_ += '(';
    AppendKeyCondition(out_, *change.plan, change.before());
    out_ += ')';
    return;
  }
  if (!first) {
    out_ += ",(";
  } else {
    out_ += form_ == RowsForm::kReplace ? plan_->replace_head : plan_->insert_head;
  }
  AppendTuple(out_, *change.plan, change.after(), false);
}

void SharedStatement::End() {
  if (form_ == RowsForm::kUpsert) out_ += plan_->upsert_tail;
}

bool MayBeBulk(const RowChange& change) {
  const RowsForm form = FormOf(change);
  return change.kind() == mysql::RowsKind::kInsert && !change.plan->parameters.empty() &&
         (form == RowsForm::kInsert || form == RowsForm::kReplace);
}

bool MayShareBulk(const RowChange& first, RowsForm form, const RowChange& next) {
  return MayShare(first, form, next) &&
         (next.plan == first.plan || next.plan->parameters == first.plan->parameters);
}

std::string BulkStatement(const RowChange& first, RowsForm form) {
  const TablePlan& plan = *first.plan;
  return (form == RowsForm::kReplace ? plan.replace_head : plan.insert_head) + plan.markers;
}

bool AppendBulkRow(std::string& out, const RowChange& change) {
  const TablePlan& plan = *change.plan;
  const std::span<const Cell> image = change.after();
  const size_t begin = out.size();
  for (const uint32_t column : plan.written) {
    const PlanColumn& info = plan.columns[column];
    try {
      if (mysql::AppendParameter(out, image[column], info.meta, plan.literals)) continue;
    } catch (Error& e) {
      e.Annotate(fmt::format("table {}, column `{}`", plan.source.Quoted(), info.name));
      throw;
    }
    out.resize(begin);
    return false;
  }
  return true;
}

std::string DescribeRow(const RowChange& change) {
  constexpr size_t kLimit = 200;
  std::string text;
  const bool insert = change.kind() == mysql::RowsKind::kInsert;
  AppendWhere(text, *change.plan, insert ? change.after() : change.before());
  text.resize(text.size() - std::string_view(" LIMIT 1").size());
  if (text.size() > kLimit) {
    text.resize(kLimit);
    text += "...";
  }
  return text;
}

}  // namespace dm::migration
