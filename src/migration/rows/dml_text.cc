#include "migration/rows/dml_text.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error/error.h"
#include "mysql/value/charset.h"
#include "mysql/value/quote.h"

namespace dm::migration {

using mysql::Cell;

namespace {

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
    e.Annotate(
        fmt::format("table {}, column `{}`", plan.source.Quoted(), plan.columns[column].name));
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

void AppendInsert(std::string& out, const TablePlan& plan, std::span<const Cell> image,
                  bool replace, bool partial) {
  out += replace ? plan.replace_head : plan.insert_head;
  AppendTuple(out, plan, image, partial);
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
  if (info.where_as_signed) {
    // A SET is compared as a signed number, although it is written as an unsigned one.
    fmt::format_to(std::back_inserter(out), "{}", mysql::CellInteger(cell, info.meta));
    return;
  }
  if (info.where_as_members) {
    thread_local std::string text;
    text.clear();
    const auto bits = static_cast<uint64_t>(mysql::CellInteger(cell, info.meta));
    for (size_t i = 0; i < info.where_as_members->size(); ++i) {
      if ((bits >> i & 1) == 0) continue;
      if ((bits & ((uint64_t{1} << i) - 1)) != 0) text += ',';
      text += (*info.where_as_members)[i];
    }
    mysql::AppendQuotedString(out, text, plan.literals.no_backslash_escapes);
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
    for (uint32_t i = 0; i < plan.columns.size(); ++i) {
      if (plan.columns[i].hidden) continue;
      if (IsAbsent(image[i]) && plan.MayBeAbsent(i)) continue;
      const bool exact = image[i].has_value() && !plan.columns[i].exact.empty();
      if (!exact || !plan.columns[i].exact_alone) add(i);
      if (!exact) continue;
      if (!first) out += " AND ";
      first = false;
      AppendExact(out, plan, i, image[i]);
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

}  // namespace

int AppendChange(std::string& out, const RowChange& change) {
  return AppendChange(out, change, change.safe);
}

int AppendChange(std::string& out, const RowChange& change, bool safe) {
  const TablePlan& plan = *change.plan;
  switch (change.kind()) {
    case mysql::RowsKind::kInsert:
      AppendInsert(out, plan, change.after(), safe, change.partial);
      return 1;
    case mysql::RowsKind::kDelete:
      AppendDelete(out, plan, change.before());
      return 1;
    case mysql::RowsKind::kUpdate:
      break;
  }
  if (!safe || change.partial) {
    AppendUpdate(out, plan, change.before(), change.after(), change.partial);
    return 1;
  }
  int statements = 1;
  if (!plan.identity || ChangesUniqueKey(plan, change.before(), change.after())) {
    AppendDelete(out, plan, change.before());
    out += ';';
    ++statements;
  }
  AppendInsert(out, plan, change.after(), true, false);
  return statements;
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
