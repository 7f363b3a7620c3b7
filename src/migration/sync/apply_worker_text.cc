// The part of ApplyWorker that writes changes as text, in compound statements where it may.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "migration/rows/dml_text.h"
#include "migration/sync/apply_worker.h"

namespace dm::migration {

namespace {

// Fewer changes are answered one by one.
constexpr size_t kFewestChanges = 8;
// More statements make another compound one: the server keeps them all in memory.
constexpr size_t kMostStatements = 256;
// Of a row in its event. A long text would be held twice by the server.
constexpr size_t kLongRow = 16 << 10;
// Rows that share a statement: so many are worth an answer.
constexpr size_t kManyRows = 32;
constexpr size_t kPausedBatches = 100;
// Of a packet: for what ends a compound statement.
constexpr size_t kRoomForEnd = 256;
constexpr std::string_view kBegin = "BEGIN NOT ATOMIC ";

}  // namespace

bool ApplyWorker::MayCompound() const {
  if (!context_.bulk || one_by_one_ || compounds_paused_ > 0 || !lenient_rows_.empty() ||
      changes_.size() < kFewestChanges || !connection_->server().AtLeast(10, 3, 1)) {
    return false;
  }
  // What a difference of counts asks for, a rollback, would not undo them.
  return std::all_of(changes_.begin(), changes_.end(),
                     [](const BatchChange& change) { return change.row.plan->transactional; });
}

void ApplyWorker::PauseCompounds() { compounds_paused_ = kPausedBatches; }

RowsForm ApplyWorker::SharedFormOf(const RowChange& change) const {
  if (context_.multiple_rows) return FormOf(change);
  // The effect of an insert, and whether it fails, does not depend on how it is written. Of others
  // it is asked which one has found its row.
  const bool may = change.kind() == mysql::RowsKind::kInsert && change.plan->transactional &&
                   !context_.foreign_keys;
  return may ? FormOf(change) : RowsForm::kAlone;
}

size_t ApplyWorker::AddShared(size_t begin, const StopToken& kill) {
  const RowChange& first = changes_[begin].row;
  const RowsForm form = SharedFormOf(first);
  if (form == RowsForm::kAlone || IsLenient(begin)) return 0;
  if (begin + 1 == changes_.size() || !MayShare(first, form, changes_[begin + 1].row)) return 0;
  UseMode(Mode::kStrict, kill);
  if (text_.sql.size() >= max_text_) FlushText(kill);
  Join(begin, form);
  const size_t start = text_.sql.size();
  text_.Separate();
  SharedStatement statement(text_.sql, form);
  size_t end = begin;
  for (; end < changes_.size(); ++end) {
    const size_t before = text_.sql.size();
    if (end != begin && (IsLenient(end) || !MayShare(first, form, changes_[end].row))) break;
    if (text_.open && changes_[end].row.safe != first.safe) break;
    statement.Add(changes_[end].row);
    if (text_.sql.size() - start <= max_text_ / 2) continue;
    text_.sql.resize(before);
    break;
  }
  if (end < begin + 2) {  // large rows
    text_.sql.resize(start);
    return 0;
  }
  statement.End();
  if (form != RowsForm::kDelete && !text_.open) ++text_.counted;
  Joined(kManyChanges - static_cast<int32_t>(changes_[begin].job), 1, end - begin);
  return end - begin;
}

void ApplyWorker::AddChange(size_t index, const StopToken& kill) {
  const BatchChange& planned = changes_[index];
  UseMode(IsLenient(index) ? Mode::kLenient : Mode::kStrict, kill);
  if (text_.sql.size() >= max_text_) FlushText(kill);
  const RowChange& change = planned.row;
  Join(index, RowsForm::kAlone);
  const size_t before = text_.sql.size();
  const size_t statements_before = text_.job_of_statement.size();
  const bool joins = text_.open.has_value();
  text_.Separate();
  const size_t begin = text_.sql.size();
  const bool update = change.kind() == mysql::RowsKind::kUpdate;
  // What the upstream did without foreign keys must not cascade, nor what safe mode writes as a
  // REPLACE.
  const bool unchecked = change.batch->header().without_foreign_keys();
  const bool replaces =
      change.safe && change.kind() != mysql::RowsKind::kDelete && !(update && change.partial);
  const bool bracket = context_.foreign_keys && (unchecked || replaces);
  if (bracket) {
    if (!unchecked && update && ChangesUniqueKey(*change.plan, change.before(), change.after())) {
      throw Error(ErrorCode::kSyncerUnitNotSupportedOperate,
                  "safe-mode update with foreign_key_checks=1 and PK/UK changes is not supported")
          .SetWorkaround(
              "With foreign_key_checks=1 each change is applied once also without safe mode: leave "
              "out `safe-mode: true` and `--safe-mode-duration`, and resume. After a start at a "
              "place given by hand (`meta`, `--start-time`) just resume: safe mode is over then.");
    }
    text_.sql += "SET SESSION foreign_key_checks=0;";
    text_.job_of_statement.push_back(kNoChange);
  }
  const int statements = AppendChange(text_.sql, change);
  const size_t counted = update && !replaces ? 1 : 0;
  const auto job = static_cast<int32_t>(planned.job);
  const size_t limit = connection_->server().max_allowed_packet;
  // A long text goes alone rather than with what was collected before it: the server's limit is
  // on the packet.
  if (joins && limit != 0 && text_.sql.size() + kRoomForEnd >= limit) {
    std::string alone = text_.sql.substr(begin);
    text_.sql.resize(before);
    FlushText(kill);
    text_.sql = std::move(alone);
  }
  if (!text_.open) text_.counted += counted;
  Joined(job, statements, 1);
  if (joins) return;
  // Of an update that is a DELETE and a REPLACE, the latter stores the values.
  const bool judged = IsLenient(index) && change.kind() != mysql::RowsKind::kDelete;
  if (judged) {
    text_.sql += ";SHOW WARNINGS";
    text_.job_of_statement.push_back(kWarnings);
    text_.lenient_changes.push_back(index);
  }
  if (bracket) {
    text_.sql += ";SET SESSION foreign_key_checks=1";
    text_.job_of_statement.push_back(kNoChange);
  }
  if (before != 0 && limit != 0 && text_.sql.size() >= limit) {
    Text tail;
    tail.sql = text_.sql.substr(begin);
    tail.job_of_statement.assign(
        text_.job_of_statement.begin() + static_cast<ptrdiff_t>(statements_before),
        text_.job_of_statement.end());
    text_.sql.resize(before);
    text_.job_of_statement.resize(statements_before);
    tail.counted = counted;
    text_.counted -= counted;
    if (judged) {
      tail.lenient_changes.push_back(index);
      text_.lenient_changes.pop_back();
    }
    FlushText(kill);
    text_ = std::move(tail);
  }
}

void ApplyWorker::Join(size_t index, RowsForm form) {
  const RowChange& change = changes_[index].row;
  const mysql::RowBatch& rows = *change.batch;
  // Of changes that are done again it is not known how many rows they find, nor of what others were
  // merged into. An update that has to find its row, though in safe mode, is looked at itself.
  const bool counts = !change.safe && !context_.compact;
  // Each change of a table without a key may take as long as a statement may: it is answered.
  bool may = compounds_ && change.plan->identity && form != RowsForm::kUpsert &&
             form != RowsForm::kDelete && !(change.partial && change.safe) &&
             rows.byte_size() <= kLongRow * rows.row_count();
  if (may && form != RowsForm::kAlone && index + kManyRows < changes_.size()) {
    may = !MayShare(change, form, changes_[index + kManyRows].row);
  }
  if (text_.open && may && text_.open->counts == counts &&
      text_.open->statements < kMostStatements) {
    return;
  }
  CloseCompound();
  if (!may) return;
  text_.open = Text::Compound{text_.sql.size(), 0, 0, counts};
  if (!text_.sql.empty()) text_.sql += ';';
  text_.sql += kBegin;
}

void ApplyWorker::Joined(int32_t job, int statements, uint64_t rows) {
  if (!text_.open) {
    text_.job_of_statement.insert(text_.job_of_statement.end(), static_cast<size_t>(statements),
                                  job);
    return;
  }
  if (text_.open->statements == 0) {
    text_.compounds.push_back(text_.job_of_statement.size());
    text_.job_of_statement.push_back(job < 0 ? job : kManyChanges - job);
  }
  text_.open->statements += static_cast<size_t>(statements);
  text_.open->rows += rows;
}

bool ApplyWorker::FailedInCompound() const {
  return std::find(text_.compounds.begin(), text_.compounds.end(),
                   connection_->failed_statement()) != text_.compounds.end();
}

void ApplyWorker::CloseCompound() {
  if (!text_.open) return;
  const Text::Compound compound = *std::exchange(text_.open, std::nullopt);
  if (compound.statements == 0) {
    text_.sql.resize(compound.begin);
    return;
  }
  text_.sql += ";END";
  text_.compounded += compound.statements - 1;
  if (!compound.counts) return;
  fmt::format_to(std::back_inserter(text_.sql),
                 ";IF ROW_COUNT() <> {} THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'other "
                 "numbers of rows than expected'; END IF",
                 compound.rows);
  text_.job_of_statement.push_back(kCount);
}

}  // namespace dm::migration
