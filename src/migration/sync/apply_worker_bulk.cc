// The part of ApplyWorker that inserts in bulk.
#include <algorithm>
#include <vector>

#include "migration/rows/dml_text.h"
#include "migration/sync/apply_worker.h"

namespace dm::migration {

namespace {

// Fewer are better off in a text, which the server answers together with what stands around it.
constexpr size_t kFewestRows = 50;
constexpr size_t kHeadBytes = 16;  // of a packet, and what the server adds
constexpr size_t kMarkerBytes = 2;

}  // namespace

size_t ApplyWorker::ExecuteBulk(size_t begin, const StopToken& kill) {
  if (!context_.bulk || changes_.size() - begin < kFewestRows) return 0;
  const RowChange& first = changes_[begin].row;
  const RowsForm form = SharedFormOf(first);
  if (form == RowsForm::kAlone || !MayBeBulk(first) || !connection_->HasBulk()) return 0;
  // Rows that are too large for so many of them: as the first one's event has them.
  if (first.batch->byte_size() / first.batch->row_count() * kFewestRows > max_text_ / 2) return 0;
  const auto goes_on = [&](size_t i) {
    return !IsLenient(i) && MayShareBulk(first, form, changes_[i].row);
  };
  for (size_t i = begin; i < begin + kFewestRows; ++i) {
    if (!goes_on(i)) return 0;
  }
  const size_t head = kHeadBytes + kMarkerBytes * first.plan->parameters.size();
  size_t end = begin;
  bulk_rows_.clear();
  if (bulk_rows_.capacity() > kKeptBytes) bulk_rows_.shrink_to_fit();
  for (; end < changes_.size() && goes_on(end); ++end) {
    const size_t before = bulk_rows_.size();
    if (!AppendBulkRow(bulk_rows_, changes_[end].row)) break;
    if (head + bulk_rows_.size() <= max_text_ / 2) continue;
    bulk_rows_.resize(before);
    break;
  }
  if (end - begin < kFewestRows) return 0;  // large rows, or one with a value that is no parameter
  const std::string statement = BulkStatement(first, form);
  if (connection_->RefusesBulk(statement)) return 0;
  UseMode(Mode::kStrict, kill);
  FlushText(kill);
  if (!connection_->PrepareBulk(statement, kill)) throw NotPrepared();
  std::vector<mysql::Connection::Marker> markers;
  for (const mysql::Parameter& parameter : first.plan->parameters) {
    markers.push_back({parameter.type, parameter.is_unsigned});
  }
  text_.job_of_statement.push_back(kManyChanges - static_cast<int32_t>(changes_[begin].job));
  connection_->ExecuteBulk(markers, bulk_rows_, kill, "batch of changes");
  text_.Clear();
  ++statements_;
  return end - begin;
}

}  // namespace dm::migration
