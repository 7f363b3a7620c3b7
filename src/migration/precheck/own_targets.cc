#include "migration/precheck/own_targets.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <set>
#include <string_view>

#include "base/error/error.h"
#include "base/io/text.h"
#include "base/log/log.h"
#include "migration/config/dumper_arguments.h"
#include "migration/meta/names.h"
#include "migration/precheck/items.h"
#include "migration/rules/event_filter.h"
#include "migration/rules/name_pattern.h"
#include "mysql/client/name_case.h"
#include "mysql/value/quote.h"

namespace dm::migration {
namespace {

// So many names stand in one entry.
constexpr size_t kShownNames = 5;

class Judge {
 public:
  Judge(const CheckedSource& source, const std::vector<RoutedTable>& others, bool fold)
      : source_(source),
        others_(others),
        subtask_(source.subtask),
        fold_(fold),
        replicates_(HasSync(subtask_.mode)),
        filter_(subtask_.filter_rules, subtask_.case_sensitive) {}

  std::vector<CheckEntry> Run() {
    if (source_.is_downstream) JudgeOneServer();
    JudgeProgress();
    return std::move(entries_);
  }

 private:
  SchemaTable Named(const SchemaTable& table) const {
    return fold_ ? SchemaTable(LowerName(table.first), LowerName(table.second)) : table;
  }

  // Files to load may be of other tables. Options of the dumper choose in place of the lists, and
  // the changes of others are not asked for. Whether such a table is written is not known here.
  bool SurelyWritten() const {
    if (replicates_) return true;
    if (!HasDump(subtask_.mode)) return false;
    const DumperArguments arguments = ParseDumperArguments(subtask_.dumper.extra_args);
    return arguments.tables_list.empty() && arguments.filters.empty() &&
           arguments.databases.empty();
  }

  // Do changes of rows of this table come to the task from the binlog?
  bool Replicated(const SchemaTable& table) const {
    return replicates_ && !source_.list.Skips(table.first, table.second) &&
           filter_.Judge(table.first, table.second, "insert", "") == FilterVerdict::kDo;
  }

  void JudgeOneServer() {
    std::vector<std::string> own;
    std::set<std::string> again;
    for (const RoutedTable& table : source_.tables) {
      const std::string target = mysql::QuoteTable(table.target.first, table.target.second);
      if (Named(table.source) == Named(table.target)) {
        own.push_back(target);
      } else if (Replicated(table.target)) {
        again.insert(target);
      }
    }
    for (const RoutedTable& table : others_) {
      if (!Replicated(table.target)) continue;
      again.insert(mysql::QuoteTable(table.target.first, table.target.second));
    }
    const auto add = [this](bool fails, const std::string& what) {
      entries_.push_back({fails, fmt::format("the downstream is the server of source {} itself, {}",
                                             subtask_.source_id, what)});
    };
    if (!own.empty()) {
      add(SurelyWritten(),
          fmt::format("and these tables are their own targets: {}", FewOf(own, kShownNames)));
    }
    if (!again.empty()) {
      add(true, fmt::format("and the task takes what it writes into these targets from the binlog "
                            "again: {}",
                            FewOf({again.begin(), again.end()}, kShownNames)));
    }
    const SchemaTable progress(subtask_.meta_schema,
                               fmt::format("{}{}", subtask_.name, kSyncerCheckpointSuffix));
    if (Replicated(progress)) {
      add(true, fmt::format("and the task takes its own progress, {}, from the binlog",
                            mysql::QuoteTable(progress.first, progress.second)));
    }
  }

  void JudgeProgress() {
    const std::string meta_schema = fold_ ? LowerName(subtask_.meta_schema) : subtask_.meta_schema;
    const std::string task = fold_ ? LowerName(subtask_.name) : subtask_.name;
    for (const RoutedTable& table : source_.tables) {
      const auto [schema, name] = Named(table.target);
      if (schema != meta_schema) continue;
      const auto suffix =
          std::find_if(kMetaSuffixes.begin(), kMetaSuffixes.end(),
                       [&name](std::string_view text) { return name.ends_with(text); });
      if (suffix == kMetaSuffixes.end()) continue;
      const bool own = std::string_view(name).substr(0, name.size() - suffix->size()) == task;
      entries_.push_back(
          {own && SurelyWritten(),
           fmt::format("table {} of source {} has the target {}, where {} its progress",
                       mysql::QuoteTable(table.source.first, table.source.second),
                       subtask_.source_id,
                       mysql::QuoteTable(table.target.first, table.target.second),
                       own ? "the task keeps" : "a task of that name would keep")});
    }
  }

  const CheckedSource& source_;
  const std::vector<RoutedTable>& others_;
  const SubtaskConfig& subtask_;
  const bool fold_;
  const bool replicates_;
  const EventFilter filter_;
  std::vector<CheckEntry> entries_;
};

}  // namespace

bool AreOneServer(ConnectionPool& upstream, ConnectionPool& downstream, const StopToken& stop) {
  if (upstream.server().is_tidb != downstream.server().is_tidb ||
      upstream.server().is_mariadb != downstream.server().is_mariadb) {
    return false;
  }
  const auto holder = upstream.Take(stop);
  const auto asker = downstream.Take(stop);
  std::random_device random;
  const std::string name =
      mysql::QuoteAnyMode(fmt::format("dm-precheck-{:08x}{:08x}", random(), random()));
  try {
    const auto held = holder->QueryValue(
        fmt::format("SELECT IF(GET_LOCK({}, 0) = 1, CONNECTION_ID(), NULL)", name), stop);
    const auto seen = asker->QueryValue(fmt::format("SELECT IS_USED_LOCK({})", name), stop);
    holder->QueryValue(fmt::format("SELECT RELEASE_LOCK({})", name), stop);
    return held && seen && *held == *seen;
  } catch (const Error& e) {
    if (holder->broken() || asker->broken()) throw;
    Log().Info("cannot tell whether upstream and downstream are one server", {F("error", e)});
    return false;
  }
}

std::vector<CheckEntry> JudgeTargets(const CheckedSource& source,
                                     const std::vector<RoutedTable>& others, bool fold) {
  return Judge(source, others, fold).Run();
}

ItemTask OwnTargetsItem(Preparation& preparation) {
  CheckItem item;
  item.name = "target tables check";
  item.description =
      "check whether targets are upstream tables of the task, or hold the progress of tasks";
  return {std::move(item), [&preparation](CheckItem& found, const StopToken& stop) {
            const bool fold = mysql::IgnoresNameCase(*preparation.downstream->Take(stop), stop);
            for (const auto& source : preparation.sources) {
              std::vector<RoutedTable> others;
              for (const auto& other : preparation.sources) {
                if (other == source) continue;
                others.insert(others.end(), other->tables.begin(), other->tables.end());
              }
              for (CheckEntry& entry : JudgeTargets(*source, others, fold)) {
                entry.fails ? found.Fail(std::move(entry.text)) : found.Warn(std::move(entry.text));
              }
            }
            if (found.state == CheckState::kSuccess) return;
            found.instruction =
                "Rows would be doubled, changes replicated again and again, progress be "
                "overwritten. Correct `target-database`, give tables of the same server other "
                "names by `routes`, leave targets and `meta-schema` out by `block-allow-list`, or "
                "choose another `meta-schema`.";
          }};
}

}  // namespace dm::migration
