// The schema tracker against what real servers say. Reads records made by record.py, feeds their
// statements to a tracker and compares every table that changed with information_schema.
//
//   ddl_differential --limit PERCENT RECORD...
//
// A statement agrees if the tracker takes it or refuses it as the server does, and if then every
// table is the same that one of both has changed. After one that does not, the tracker takes these
// tables anew from the server's SHOW CREATE TABLE, so that each statement is judged by itself and a
// fault counts once. What that leaves out stays as it was tracked: which indexes the server made
// for foreign keys, and defaults that it hides. What only one side refuses must be explained
// (explained.h). The definitions that SHOW CREATE TABLE gives are compared as well. Prints the
// first disagreements and the share that agrees for each kind of server; exit code 1 if one is
// below the limit or a refusal is unexplained, 2 for bad arguments or records.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>

#include "base/error/error.h"
#include "described.h"
#include "explained.h"
#include "mysql/schema/first_timestamp.h"
#include "mysql/schema/schema_tracker.h"
#include "mysql/schema/table_info_json.h"
#include "mysql/sql/implicit_timestamp.h"
#include "mysql/sql/restore.h"
#include "mysql/sql/rewrite.h"

namespace dm::mysql {
namespace {

using nlohmann::json;

constexpr int kShown = 100;  // disagreements printed in full

struct Share {
  int agree = 0;
  int all = 0;
  int refused = 0;      // by both
  int explained = 0;    // refused by one side, for a reason that is known
  int unexplained = 0;  // refused by one side

  double Percent() const { return all == 0 ? 0 : 100.0 * agree / all; }
  void Add(const Share& other) {
    agree += other.agree;
    all += other.all;
    refused += other.refused;
    explained += other.explained;
    unexplained += other.unexplained;
  }
  std::string ToString() const {
    return fmt::format(
        "{} of {} statements agree ({:.2f} %); {} refused by both, {} by one side for a known "
        "reason, "
        "{} by one side for no known reason",
        agree, all, Percent(), refused, explained, unexplained);
  }
};

// One server's tracker, fed by one record.
class Comparison {
 public:
  // `start`: the first line of the record.
  explicit Comparison(const json& start)
      : mariadb_(start.at("flavor") == "mariadb"),
        database_(start.at("database")),
        tracker_(Options(start)) {
    parse_.mariadb = mariadb_;
    Exec(fmt::format("create database {} character set {} collate {}", database_,
                     start.at("charset").get<std::string>(),
                     start.at("collation").get<std::string>()));
  }

  // What is wrong after the statement; empty if it agrees.
  std::string Step(const json& step, Share* share) {
    Note(step);
    const std::string sql = step.at("sql");
    const int server_errno = step.at("errno");
    parse_.sql_mode = SqlMode::Parse(step.at("mode").get<std::string>());
    std::string refusal;
    ++share->all;
    try {
      if (server_errno == 0) {
        for (const json& logged : step.at("logged")) {
          Exec(logged.get<std::string>(), step.at("explicit"));
        }
      } else {
        Plan(sql, step.at("explicit"));
      }
    } catch (const Error& error) {
      refusal = error.raw_cause().empty() ? error.message() : error.raw_cause();
    }
    if (server_errno != 0) {
      if (!refusal.empty()) {
        ++share->refused;
        ++share->agree;
        return "";
      }
      if (WhyOnlyTheServerRefuses(server_errno) != nullptr) {
        ++share->explained;
        ++share->agree;
        return "";
      }
      ++share->unexplained;
      return fmt::format("\n    the server refuses it with {}, the tracker does not", server_errno);
    }
    std::string problem;
    if (!refusal.empty()) {
      if (WhyOnlyTheTrackerRefuses(refusal) != nullptr) {
        ++share->explained;
      } else {
        ++share->unexplained;
        problem = "\n    only the tracker refuses it: " + refusal;
      }
    } else {
      problem = Compare(step);
    }
    if (problem.empty()) ++share->agree;
    if (!problem.empty() || !refusal.empty()) TakeOver(step);
    SeeAll();
    return problem;
  }

  // The server's tables `step` are as it says, whatever the tracker has.
  void Resync(const json& step) {
    Note(step);
    TakeOver(step);
    SeeAll();
  }

 private:
  // Keeps what the server has after `step`.
  void Note(const json& step) {
    if (!step.contains("tables")) return;
    for (const std::string name : step.at("dropped")) servers_.erase(name);
    for (const auto& [name, server] : step.at("tables").items()) servers_[name] = server;
  }

  // Names of tables that the server or the tracker has changed with `step`.
  std::set<std::string> Changed(const json& step) const {
    std::set<std::string> names;
    for (const std::string name : step.at("dropped")) names.insert(name);
    for (const auto& [name, server] : step.at("tables").items()) names.insert(name);
    for (const std::string& name : tracker_.TablesOf(database_)) {
      const auto seen = seen_.find(name);
      if (seen == seen_.end() || seen->second != tracker_.GetTable(database_, name)) {
        names.insert(name);
      }
    }
    for (const auto& [name, table] : seen_) {
      if (tracker_.GetTable(database_, name) == nullptr) names.insert(name);
    }
    return names;
  }

  // What the tracker has now has been compared.
  void SeeAll() {
    seen_.clear();
    for (const std::string& name : tracker_.TablesOf(database_)) {
      seen_[name] = tracker_.GetTable(database_, name);
    }
  }

  // The server's definitions instead of the tracker's, of all tables that `step` changed.
  void TakeOver(const json& step) {
    const BuildOptions build = tracker_.BuildOptionsFor(database_);
    for (const std::string& name : Changed(step)) {
      const auto server = servers_.find(name);
      if (server == servers_.end()) {
        tracker_.DropTable(database_, name);
        continue;
      }
      try {
        auto table = std::make_shared<TableInfo>(Shown(server->second, build));
        if (const TablePtr tracked = tracker_.GetTable(database_, name)) {
          KeepUnshown(*tracked, DescribeServer(server->second, build), table.get());
        }
        tracker_.PutTable(database_, name, std::move(table));
      } catch (const Error&) {
        // Reported by Compare; what touches this table will disagree, too.
        tracker_.DropTable(database_, name);
      }
    }
  }

  // What SHOW CREATE TABLE leaves out, as it was tracked.
  static void KeepUnshown(const TableInfo& tracked, const Described& server, TableInfo* table) {
    for (IndexInfo& index : table->indexes) {
      const IndexInfo* known = tracked.FindIndex(index.name);
      index.generated = known != nullptr && known->generated;
    }
    for (ColumnInfo& column : table->columns) {
      const ColumnInfo* known = tracked.FindColumn(column.name);
      if (known == nullptr || !server.hidden_defaults.contains(column.lower_name)) continue;
      column.default_value = known->default_value;
      column.default_is_expr = known->default_is_expr;
      constexpr uint32_t kNone = column_flag::kNoDefaultValue;
      column.flags = (column.flags & ~kNone) | (known->flags & kNone);
    }
  }

  static TrackerOptions Options(const json& start) {
    TrackerOptions options;
    options.mariadb = start.at("flavor") == "mariadb";
    options.inline_references = std::atoi(start.at("version").get<std::string>().c_str()) >= 9;
    std::map<std::string, std::string, std::less<>> defaults = start.at("default_collations");
    options.default_collation_of = [defaults = std::move(defaults)](std::string_view charset) {
      auto found = defaults.find(charset);
      if (found == defaults.end() && charset == "utf8") found = defaults.find("utf8mb3");
      return found == defaults.end() ? std::string() : found->second;
    };
    return options;
  }

  // What is to be executed, in its normal form and parsed from it again: it must mean the same.
  std::vector<Statement> Parts(const std::string& sql) const {
    std::vector<Statement> parts;
    Statement statement;
    if (!ParseFirst(sql, parse_, &statement) || !statement.IsDdl()) return parts;
    RestoreOptions restore;
    restore.target = mariadb_ ? SqlTarget::kMariaDb : SqlTarget::kMySql;
    ParseOptions plain;
    plain.mariadb = mariadb_;
    for (const Statement& part : JoinAlters(SplitDdl(statement, database_))) {
      const std::string canonical = Restore(part);
      Statement again;
      ParseFirst(canonical, plain, &again);
      if (Restore(again) != canonical) {
        throw Error(ErrorCode::kSyncerParseDDL, "normal form is not stable")
            .SetRawCause("normal form is not stable: " + canonical);
      }
      ParseFirst(Restore(part, restore), plain, &again);
      parts.push_back(std::move(again));
    }
    return parts;
  }

  // `explicit_timestamps`: explicit_defaults_for_timestamp is on.
  TrackerChange Plan(const std::string& sql, bool explicit_timestamps) const {
    std::vector<Statement> parts = Parts(sql);
    TrackerChange change = tracker_.Plan(database_, parts);
    if (explicit_timestamps) return change;
    for (Statement& part : parts) {
      if (!HasImplicitTimestamps(part)) continue;
      const TableName name = TableRefs(part, database_, false).front();
      TablePtr table = tracker_.GetTable(change, name.schema, name.name);
      if (!table) table = tracker_.GetTable(name.schema, name.name);  // it is renamed as well
      SpellOutImplicitTimestamps(&part, FirstTimestampOf(std::move(table)));
    }
    return tracker_.Plan(database_, parts);
  }
  void Exec(const std::string& sql, bool explicit_timestamps = true) {
    tracker_.Commit(Plan(sql, explicit_timestamps));
  }

  std::string Compare(const json& step) const {
    std::string out;
    for (const std::string& name : Changed(step)) {
      const TablePtr tracked = tracker_.GetTable(database_, name);
      const auto server = servers_.find(name);
      if (server == servers_.end()) {
        if (tracked != nullptr) out += "\n    the tracker still has " + name;
      } else if (tracked == nullptr) {
        out += "\n    the tracker lacks " + name;
      } else {
        try {
          out += CompareTable(name, *tracked, server->second);
        } catch (const Error& error) {
          out += fmt::format("\n  table {}: {} {}", name, error.what(), error.raw_cause());
        }
      }
    }
    return out;
  }

  std::string CompareTable(const std::string& name, const TableInfo& tracked,
                           const json& server) const {
    std::string out;
    const BuildOptions build = tracker_.BuildOptionsFor(database_);
    const Described theirs = DescribeServer(server, build);
    std::string difference = Difference(Describe(tracked, build, theirs), theirs);
    const std::string text = TableInfoToJson(tracked);
    if (TableInfoToJson(TableInfoFromJson(text)) != text) {
      difference += "\n    storing it changes it";
    }
    const TableInfo shown = Shown(server, build);
    const std::string bytes = OtherBytes(tracked, shown, theirs.hidden_defaults);
    if (!bytes.empty()) difference += "\n    other bytes in the shown default of " + bytes;
    if (!difference.empty()) out += fmt::format("\n  table {}:{}", name, difference);
    difference = Difference(Describe(shown, build, theirs), theirs);
    if (!difference.empty()) out += fmt::format("\n  shown table {}:{}", name, difference);
    return out;
  }

  // The definition that SHOW CREATE TABLE gives.
  TableInfo Shown(const json& server, const BuildOptions& build) const {
    ParseOptions parse;
    parse.mariadb = mariadb_;
    return ParseCreateTable(server.at("create").get<std::string>(), parse, build);
  }

  const bool mariadb_;
  const std::string database_;
  SchemaTracker tracker_;
  ParseOptions parse_;
  std::map<std::string, json> servers_;   // the server's tables, as recorded last
  std::map<std::string, TablePtr> seen_;  // the tracker's tables after the last statement
};

int Main(int argc, char** argv) {
  if (argc < 4 || std::string_view(argv[1]) != "--limit") {
    fmt::print(stderr, "usage: ddl_differential --limit PERCENT RECORD...\n");
    return 2;
  }
  const double limit = std::atof(argv[2]);
  std::map<std::string, Share> shares;  // by kind of server
  int shown = 0;
  for (int i = 3; i < argc; ++i) {
    std::ifstream in(argv[i]);
    std::string line;
    if (!std::getline(in, line)) throw std::runtime_error(fmt::format("no record at {}", argv[i]));
    const json start = json::parse(line).at("start");
    Comparison comparison(start);
    Share share;
    while (std::getline(in, line)) {
      json step = json::parse(line);
      if (step.contains("resync")) {
        step["tables"] = step["resync"];
        comparison.Resync(step);
        continue;
      }
      const std::string problem = comparison.Step(step, &share);
      if (!problem.empty() && shown++ < kShown) {
        fmt::print("{}: statement {}: [{}] {}{}\n", argv[i], share.all,
                   step.at("mode").get<std::string>(), step.at("sql").get<std::string>(), problem);
      }
    }
    shares[start.at("flavor").get<std::string>() + " " + start.at("version").get<std::string>()]
        .Add(share);
  }
  if (shown > kShown) fmt::print("({} more that disagree are not shown)\n", shown - kShown);
  bool good = true;
  for (const auto& [server, share] : shares) {
    fmt::print("{}: {}\n", server, share.ToString());
    good = good && share.all > 0 && share.Percent() >= limit && share.unexplained == 0;
  }
  fmt::print("the limit is {} % for each server: {}\n", limit, good ? "good" : "FAILED");
  return good ? 0 : 1;
}

}  // namespace
}  // namespace dm::mysql

int main(int argc, char** argv) {
  try {
    return dm::mysql::Main(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "ddl_differential: {}\n", error.what());
    return 2;
  }
}
