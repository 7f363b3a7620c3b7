// The part of ApplyWorker that inserts in bulk, and how much it sends in one packet.
#include <algorithm>
#include <vector>

#include "migration/rows/dml_text.h"
#include "migration/sync/apply_worker.h"

namespace dm::migration {

namespace {

// A packet is sent when it has this many bytes, even if the server would take more: texts are
// buffered on both sides.
constexpr size_t kTextBytes = 1 << 20;
// Fewer are better off in a text, which the server answers together with what stands around it.
constexpr size_t kFewestRows = 50;
constexpr size_t kHeadBytes = 16;  // of a packet, and what the server adds
constexpr size_t kMarkerBytes = 2;

}  // namespace

void ApplyWorker::LimitTexts() {
  const uint64_t packet = connection_->packet_limit();
  max_text_ = packet == 0 ? kTextBytes : std::min<uint64_t>(kTextBytes, packet / 2);
}

void ApplyWorker::PlanBulks(const StopToken& kill) {
  bulk_runs_.clear();
  bulk_statements_.clear();
  next_bulk_ = 0;
  if (!context_.bulk || one_by_one_ || changes_.size() < kFewestRows || !connection_->HasBulk()) {
    return;
  }
  for (size_t i = 0; i < changes_.size();) {
    const size_t begin = i++;
    const RowChange& first = changes_[begin].row;
    if (!first.plan->transactional) {
      // What the answer to a bulk may ask for, a rollback, would not undo it.
      bulk_runs_.clear();
      bulk_statements_.clear();
      return;
    }
    if (first.kind() != mysql::RowsKind::kInsert) continue;
    const RowsForm form = SharedFormOf(first);
    if (form == RowsForm::kAlone || IsLenient(begin) || !MayBeBulk(first)) continue;
    while (i < changes_.size() && !IsLenient(i) && MayShareBulk(first, form, changes_[i].row)) ++i;
    if (i - begin < kFewestRows) continue;
    bulk_runs_.push_back({begin, i});
    bulk_statements_.push_back(BulkStatement(first, form));
  }
  // (Not in a mode that an attempt before this one may have left.)
  if (!bulk_runs_.empty() && mode_ == Mode::kStrict) {
    connection_->PrepareBulk(bulk_statements_, kill);
  }
}

size_t ApplyWorker::ExecuteBulk(size_t begin, const StopToken& kill) {
  while (next_bulk_ < bulk_runs_.size() && bulk_runs_[next_bulk_].end <= begin) ++next_bulk_;
  if (next_bulk_ == bulk_runs_.size()) return 0;
  const BulkRun& run = bulk_runs_[next_bulk_];
  const std::string& statement = bulk_statements_[next_bulk_];
  if (begin < run.begin || run.end - begin < kFewestRows || !connection_->IsPrepared(statement)) {
    return 0;
  }
  const RowChange& first = changes_[begin].row;
  // Rows that are too large for so many of them: as the first one's event has them.
  if (first.batch->byte_size() / first.batch->row_count() * kFewestRows > max_text_ / 2) return 0;
  const size_t head = kHeadBytes + kMarkerBytes * first.plan->parameters.size();
  size_t end = begin;
  bulk_rows_.clear();
  if (bulk_rows_.capacity() > kKeptBytes) bulk_rows_.shrink_to_fit();
  for (; end < run.end; ++end) {
    const size_t before = bulk_rows_.size();
    if (!AppendBulkRow(bulk_rows_, changes_[end].row)) break;
    if (head + bulk_rows_.size() <= max_text_ / 2) continue;
    bulk_rows_.resize(before);
    break;
  }
  if (end - begin < kFewestRows) return 0;  // large rows, or one with a value that is no parameter
  UseMode(Mode::kStrict, kill);
  FlushText(kill);
  std::vector<mysql::Connection::Marker> markers;
  for (const mysql::Parameter& parameter : first.plan->parameters) {
    markers.push_back({parameter.type, parameter.is_unsigned});
  }
  text_.job_of_statement.push_back(kManyChanges - static_cast<int32_t>(changes_[begin].job));
  // (What triggers change may count, too.)
  const uint64_t affected =
      connection_->ExecuteBulk(statement, markers, bulk_rows_, kill, "batch of changes");
  if (affected < end - begin) throw RowsLacking();
  text_.Clear();
  ++statements_;
  return end - begin;
}

}  // namespace dm::migration
