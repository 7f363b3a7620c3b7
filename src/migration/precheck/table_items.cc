#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <tuple>

#include "base/error/error.h"
#include "base/failpoint/failpoint.h"
#include "base/io/text.h"
#include "base/log/log.h"
#include "migration/precheck/items.h"
#include "migration/precheck/table_structure.h"
#include "migration/rules/name_pattern.h"
#include "mysql/client/engines.h"
#include "mysql/schema/shown_definition.h"
#include "mysql/value/quote.h"

namespace dm::migration {
namespace {

constexpr int kNoSuchTable = 1146;
constexpr int kUnknownDatabase = 1049;
constexpr int kLockWaitTimeout = 1205;
constexpr std::chrono::seconds kProgressPeriod{10};
// Connections of a pool beside those of the workers, for the other items.
constexpr size_t kOtherConnections = 4;

// One finding about one table.
struct Finding {
  size_t source;  // index of the instance
  RoutedTable table;
  StructureFinding found;
};

// SHOW CREATE TABLE; nullopt if the table has vanished.
std::optional<std::string> ShowCreate(mysql::Connection& connection, const SchemaTable& table,
                                      const StopToken& stop) {
  try {
    const auto answer = connection.Query(
        fmt::format("SHOW CREATE TABLE {}", mysql::QuoteTable(table.first, table.second)), stop);
    if (answer.rows.empty() || answer.rows[0].size() < 2) return std::nullopt;
    std::string text = answer.rows[0][1].value_or("");
    return connection.server().is_tidb ? mysql::WithBackslashesDoubled(text) : text;
  } catch (const Error& e) {
    if (e.server_errno() == kNoSuchTable || e.server_errno() == kUnknownDatabase) {
      return std::nullopt;
    }
    throw;
  }
}

// What a table's structure is, or why it is not known.
struct Definition {
  std::optional<TableShape> shape;  // nullopt: no such table, or `problem`
  std::string problem;
};

Definition ReadDefinition(ConnectionPool& pool, mysql::Connection& connection,
                          const SchemaTable& table, const StopToken& stop) {
  Definition out;
  std::optional<std::string> text;
  try {
    text = ShowCreate(connection, table, stop);
  } catch (const Error& e) {
    // One locked table must not hide what is wrong with the others.
    if (e.server_errno() != kLockWaitTimeout || connection.broken()) throw;
    out.problem = fmt::format("is locked, its structure was not compared ({})", e.raw_cause());
    return out;
  }
  if (!text) return out;
  try {
    out.shape = ReadTableShape(*text, pool.server().is_mariadb);
  } catch (const Error& e) {
    out.problem = e.MessageAndCause();
  }
  return out;
}

// Definitions downstream, each read once. Which tables there are is asked a schema at a time, so
// that a table that is not there yet costs nothing. Thread-safe.
class TargetTables {
 public:
  explicit TargetTables(ConnectionPool& pool) : pool_(pool) {}

  std::shared_ptr<const Definition> Get(const SchemaTable& table, const StopToken& stop) {
    {
      std::lock_guard lock(mutex_);
      const auto it = known_.find(table);
      if (it != known_.end()) return it->second;
    }
    auto definition = std::make_shared<Definition>();
    {
      const auto connection = pool_.Take(stop);
      if (Exists(*connection, table, stop)) {
        *definition = ReadDefinition(pool_, *connection, table, stop);
      }
    }
    std::lock_guard lock(mutex_);
    return known_.emplace(table, std::move(definition)).first->second;
  }

 private:
  bool Exists(mysql::Connection& connection, const SchemaTable& table, const StopToken& stop) {
    std::lock_guard lock(schemas_mutex_);
    auto it = schemas_.find(table.first);
    if (it == schemas_.end()) {
      std::set<std::string> names;
      try {
        for (const auto& row :
             connection.Query(fmt::format("SHOW TABLES IN {}", mysql::QuoteName(table.first)), stop)
                 .rows) {
          if (!row.empty() && row[0]) names.insert(LowerName(*row[0]));
        }
      } catch (const Error& e) {
        if (e.server_errno() != kUnknownDatabase) throw;
      }
      it = schemas_.emplace(table.first, std::move(names)).first;
    }
    return it->second.contains(LowerName(table.second));
  }

  ConnectionPool& pool_;
  std::mutex mutex_;
  std::map<SchemaTable, std::shared_ptr<const Definition>> known_;
  std::mutex schemas_mutex_;
  std::map<std::string, std::set<std::string>> schemas_;
};

std::set<std::string> LowerColumn(mysql::Connection& connection, const std::string& statement,
                                  std::string_view column, const StopToken& stop) {
  std::set<std::string> values;
  const mysql::ResultSet answer = connection.Query(statement, stop);
  const auto index = answer.ColumnIndex(column);
  for (const auto& row : answer.rows) {
    if (index && row[*index]) values.insert(ToLower(*row[*index]));
  }
  return values;
}

// Connections that may be used at once without harm.
size_t WorkerCount(Preparation& preparation, const StopToken& stop) {
  const CheckedSource& first = *preparation.sources.front();
  auto count = static_cast<uint64_t>(
      std::max(1, HasDump(first.subtask.mode) ? first.dump.threads : first.subtask.dumper.threads));
  for (const auto& source : preparation.sources) {
    const auto connection = source->upstream->Take(stop);
    const auto answer = connection->Query("SHOW VARIABLES LIKE 'max_connections'", stop);
    const std::string value = answer.rows.empty() ? "" : answer.rows[0].at(1).value_or("");
    const auto max = ParseUint(value);
    if (!max) {
      throw Error(ErrorCode::kDBDriverError, "database driver error")
          .SetRawCause(fmt::format("max_connections is {}, which is no number", value));
    }
    if (*max > 0) count = std::min(count, (*max + 1) / 2);
  }
  return static_cast<size_t>(std::max<uint64_t>(count, 1));
}

// Runs all tables of all sources through a few threads.
class StructureCheck {
 public:
  StructureCheck(Preparation& preparation, bool identity_only)
      : preparation_(preparation),
        identity_only_(identity_only),
        targets_(*preparation.downstream) {}

  void Run(CheckItem& item, const StopToken& stop) {
    const auto began = SteadyClock::now();
    const size_t workers = WorkerCount(preparation_, stop);
    for (const auto& source : preparation_.sources) {
      source->upstream->SetLimit(workers + kOtherConnections);
    }
    preparation_.downstream->SetLimit(workers + kOtherConnections);
    ReadRules(stop);
    for (size_t i = 0; i < preparation_.sources.size(); ++i) {
      for (const RoutedTable& table : preparation_.sources[i]->tables) {
        work_.push_back({i, &table});
      }
    }
    Log().Info("check table structure", {F("tables", work_.size()), F("threads", workers)});
    std::exception_ptr error;
    {
      StopSource failed;
      const LinkedStop either(stop, failed.get_token());
      std::mutex error_mutex;
      std::vector<std::jthread> threads;
      for (size_t i = 0; i < workers; ++i) {
        threads.emplace_back([&] {
          try {
            Work(either.token());
          } catch (...) {
            {
              std::lock_guard lock(error_mutex);
              if (!error) error = std::current_exception();
            }
            failed.request_stop();
          }
        });
      }
    }
    Fill(item);
    Log().Info("check table structure over",
               {F("spend time", FormatDuration(SteadyClock::now() - began)),
                F("checked", fmt::format("{}/{}", done_.load(), work_.size()))});
    if (error) std::rethrow_exception(error);
  }

 private:
  struct WorkPiece {
    size_t source;
    const RoutedTable* table;
  };

  void ReadRules(const StopToken& stop) {
    ConnectionPool& downstream = *preparation_.downstream;
    StructureRules rules;
    rules.downstream = downstream.server();
    {
      const auto connection = downstream.Take(stop);
      rules.charsets = LowerColumn(*connection, "SHOW CHARACTER SET", "Charset", stop);
      rules.collations = LowerColumn(*connection, "SHOW COLLATION", "Collation", stop);
    }
    for (const auto& source : preparation_.sources) {
      StructureRules of_source = rules;
      const SubtaskConfig& subtask = source->subtask;
      of_source.upstream_mariadb = source->upstream->server().is_mariadb;
      of_source.with_dump = HasDump(subtask.mode);
      of_source.with_sync = HasSync(subtask.mode);
      of_source.identity_required = HasDump(subtask.mode) && source->dump.consistency == "none";
      of_source.checks_foreign_keys = ForeignKeyChecksOn(subtask.to);
      of_source.logs_cascades = mysql::LogsCascades(*source->upstream->Take(stop), stop);
      rules_.push_back(std::move(of_source));
    }
  }

  void Work(const StopToken& stop) {
    for (;;) {
      ThrowIfStopped(stop);
      const size_t at = next_.fetch_add(1);
      if (at >= work_.size()) return;
      One(work_[at], stop);
      ++done_;
      ShowProgress();
    }
  }

  void One(const WorkPiece& piece, const StopToken& stop) {
    CheckedSource& source = *preparation_.sources[piece.source];
    const RoutedTable& table = *piece.table;
    // Switch: waits before a table is checked.
    DM_FAILPOINT("precheck/before-table");
    Definition upstream;
    {
      const auto connection = source.upstream->Take(stop);
      upstream = ReadDefinition(*source.upstream, *connection, table.source, stop);
    }
    if (!upstream.problem.empty()) {
      Add(piece, {false, upstream.problem,
                  "compare the structures by hand: this definition was not understood"});
      return;
    }
    if (!upstream.shape) return;  // dropped meanwhile
    if (identity_only_) {
      Compare(piece, *upstream.shape, nullptr, /*extended=*/{});
      return;
    }
    const auto target = targets_.Get(table.target, stop);
    if (!target->problem.empty()) {
      Add(piece, {false, fmt::format("downstream: {}", target->problem),
                  "compare the structures by hand: this definition was not understood"});
      return;
    }
    const auto extended = preparation_.extended_columns.find(table.target);
    Compare(piece, *upstream.shape, target->shape ? &*target->shape : nullptr,
            extended == preparation_.extended_columns.end() ? std::set<std::string>()
                                                            : extended->second);
  }

  void Compare(const WorkPiece& piece, const TableShape& source, const TableShape* target,
               const std::set<std::string>& extended) {
    // The sets of names are large: they are copied only for a table that needs its own rules.
    const StructureRules* rules = &rules_[piece.source];
    StructureRules own;
    if (!extended.empty()) {
      own = *rules;
      own.extended_columns = extended;
      rules = &own;
    }
    for (StructureFinding& finding : CompareStructure(*piece.table, source, target, *rules)) {
      if (identity_only_ && !finding.fails) continue;
      if (finding.fails && rules->identity_required) {
        finding.message +=
            fmt::format(", source {}", preparation_.sources[piece.source]->subtask.source_id);
      }
      Add(piece, std::move(finding));
    }
  }

  void Add(const WorkPiece& piece, StructureFinding finding) {
    std::lock_guard lock(mutex_);
    findings_.push_back({piece.source, *piece.table, std::move(finding)});
  }

  void ShowProgress() {
    std::lock_guard lock(mutex_);
    const auto now = SteadyClock::now();
    if (now < next_progress_) return;
    next_progress_ = now + kProgressPeriod;
    Log().Info("tables checked", {F("checked", fmt::format("{}/{}", done_.load(), work_.size()))});
  }

  // Failures and warnings by source and table.
  void Fill(CheckItem& item) {
    std::stable_sort(findings_.begin(), findings_.end(), [](const Finding& a, const Finding& b) {
      return std::tie(a.source, a.table.source) < std::tie(b.source, b.table.source);
    });
    std::vector<std::string> instructions;
    for (const Finding& finding : findings_) {
      std::string text = fmt::format(
          "table {} {}", mysql::QuoteTable(finding.table.source.first, finding.table.source.second),
          finding.found.message);
      if (finding.found.fails) {
        item.Fail(std::move(text));
      } else {
        item.Warn(std::move(text));
      }
      if (std::find(instructions.begin(), instructions.end(), finding.found.instruction) ==
          instructions.end()) {
        instructions.push_back(finding.found.instruction);
      }
    }
    item.instruction = Join(instructions, "; ");
  }

  Preparation& preparation_;
  const bool identity_only_;
  TargetTables targets_;
  std::vector<StructureRules> rules_;  // by source
  std::vector<WorkPiece> work_;
  std::atomic<size_t> next_{0};
  std::atomic<size_t> done_{0};
  std::mutex mutex_;
  std::vector<Finding> findings_;
  SteadyClock::time_point next_progress_ = SteadyClock::now() + kProgressPeriod;
};

}  // namespace

ItemTask TableStructureItem(Preparation& preparation, bool identity_only) {
  CheckItem item;
  item.name = "table structure compatibility check";
  item.description = "check compatibility of table structure";
  return {std::move(item), [&preparation, identity_only](CheckItem& found, const StopToken& stop) {
            StructureCheck(preparation, identity_only).Run(found, stop);
          }};
}

}  // namespace dm::migration
