// What a run does with the operations on statements that users asked for.
#include <fmt/format.h>

#include "base/failpoint/failpoint.h"
#include "base/log/log.h"
#include "migration/sync/binlog_scan.h"
#include "migration/sync/run.h"
#include "mysql/sql/parser.h"
#include "mysql/sql/rewrite.h"

namespace dm::migration {

namespace {

// The schema of the first table that the statement names; the commands take none without one.
std::string SchemaOf(const std::string& text, const mysql::ParseOptions& options) {
  mysql::Statement statement;
  if (!mysql::ParseFirst(text, options, &statement)) return "";
  for (const mysql::Statement& split : mysql::SplitDdl(statement, "")) {
    for (const mysql::TableName& name : mysql::TableRefs(split, "", false)) return name.schema;
  }
  return "";
}

}  // namespace

std::string SyncRun::GtidOfEvent() const {
  return gtid_mode_ && stream_->gtid() ? mysql::ToString(*stream_->gtid()) : std::string();
}

void SyncRun::NoteTransactionBegin(const mysql::RawEvent& event) {
  const bool inside = stream_->in_transaction() || stream_->at_transaction_end();
  // After a lost connection a transaction begins again.
  if (inside && (!inside_transaction_ || IsGtidEvent(event.type()))) {
    transaction_event_ = stream_->start().position;
    statements_in_transaction_ = 0;
  }
  inside_transaction_ = stream_->in_transaction() && !stream_->at_transaction_end();
}

void SyncRun::NoteBroken(bool statement) {
  in_.operators->SetBroken(BrokenPlace{stream_->start().position, GtidOfEvent(), transaction_event_,
                                       statement, statements_in_transaction_});
}

void SyncRun::RunGiven(const StatementOperator& op, size_t index, bool before_event,
                       const mysql::RawEvent& event, const mysql::QueryEvent* original) {
  mysql::QueryEvent given;
  given.text = op.statements.at(index);
  mysql::ParseOptions options;
  options.sql_mode = mysql::SqlMode::Parse(op.sql_mode);
  options.mariadb = in_.sessions->flavor == mysql::Flavor::kMariaDb;
  given.status.sql_mode = options.sql_mode.bits();
  if (original != nullptr) {
    // What the original would have made of names that it leaves out.
    given.status.server_collation = original->status.server_collation;
    given.status.default_utf8mb4_collation = original->status.default_utf8mb4_collation;
    given.status.character_set_collations = original->status.character_set_collations;
    given.status.time_zone = original->status.time_zone;
    given.status.microseconds = original->status.microseconds;
    given.status.auto_increment_increment = original->status.auto_increment_increment;
    given.status.auto_increment_offset = original->status.auto_increment_offset;
    given.status.explicit_defaults_for_timestamp = original->status.explicit_defaults_for_timestamp;
    given.status.flags2 = original->status.flags2;
  }
  const mysql::Location save =
      before_event ? stream_->transaction_begin() : stream_->transaction_end();
  DdlHandler::Given options_given;
  options_given.step = DefinitionChange::Step{op.number, index + 1, before_event};
  {
    // It is carried through before an ending.
    std::lock_guard lock(boundary_mutex_);
    in_transaction_ = true;
  }
  try {
    given.schema = SchemaOf(given.text, options);
    Log().Info("execute a statement that was given for a place in the binlog",
               {F("statement", given.text), F("location", stream_->start().ToString()),
                F("index", index)});
    const DdlHandler::Outcome outcome =
        ddl_->Handle(given, stream_->end(), save, fmt::format("operation {} #{}", op.number, index),
                     event.header().timestamp, options_given, ending_.kill());
    if (outcome == DdlHandler::Outcome::kSkipped) {
      Log().Warn("a given statement has no effect, its tables are not replicated",
                 {F("statement", given.text)});
      SaveStep(save, *options_given.step);
    } else {
      planner_->OnSchemaChange();
    }
    if (outcome == DdlHandler::Outcome::kExecuted) in_.status->ddls += 1;
  } catch (const Error& e) {
    broken_statement_ = true;
    mysql::Location start = stream_->start();
    start.suffix = static_cast<uint32_t>(index);
    throw AtPlace(e, start, given.text);
  }
  // Crash point: a given statement is executed, its step is noted or saved. Left: the next ones.
  DM_FAILPOINT("sync/operator-step-done");
}

void SyncRun::SaveStep(const mysql::Location& location, const DefinitionChange::Step& step) {
  DefinitionChange change;
  change.step = step;
  in_.checkpoint->SaveDdl(QueuedOrder(), location, change);
}

bool SyncRun::Inject(const mysql::RawEvent& event) {
  const std::string gtid = GtidOfEvent();
  while (const std::optional<StatementOperator> op =
             in_.operators->DueInjection({stream_->start().position, gtid})) {
    if (rows_in_transaction_ > 0) {
      // Rows before it are on their way with the old definition. No definition changes inside a
      // transaction, so the statement belongs before all of its rows.
      in_.operators->SetTransaction(op->number, transaction_event_);
      Log().Info("a statement is to be injected inside a transaction, which is read again",
                 {F("position", op->position.ToString()),
                  F("transaction", transaction_event_.ToString())});
      read_again_ = true;
      return false;
    }
    for (size_t i = op->done; i < op->steps(); ++i) RunGiven(*op, i, true, event, nullptr);
  }
  return true;
}

bool SyncRun::OperateOn(const mysql::RawEvent& event, const mysql::QueryEvent& query,
                        bool only_skip) {
  ++statements_in_transaction_;
  if (in_.operators->empty()) return false;
  const std::string gtid = GtidOfEvent();
  const std::optional<StatementOperator> op =
      in_.operators->OfStatement({stream_->start().position, gtid, statements_in_transaction_});
  if (!op) return false;
  if (only_skip && op->kind != OperatorKind::kSkip) return false;
  broken_statement_ = true;  // if anything fails
  {
    std::lock_guard lock(boundary_mutex_);
    in_transaction_ = true;
  }
  if (op->kind == OperatorKind::kReplace) {
    Replace(*op, event, query);
  } else {
    Skip(*op, event, query);
  }
  broken_statement_ = false;
  return true;
}

void SyncRun::Replace(const StatementOperator& op, const mysql::RawEvent& event,
                      const mysql::QueryEvent& query) {
  Log().Warn("replace a statement of the binlog by what was given for it",
             {F("statement", StatementText(query)), F("location", stream_->start().ToString()),
              F("statements", op.steps()), F("done before", op.done)});
  const bool at_end = stream_->at_transaction_end();
  for (size_t i = op.done; i < op.steps(); ++i) {
    RunGiven(op, i, !at_end || i + 1 < op.steps(), event, &query);
  }
}

void SyncRun::Skip(const StatementOperator& op, const mysql::RawEvent& event,
                   const mysql::QueryEvent& query) {
  Log().Warn("skip a statement of the binlog as it was asked for: it is not executed downstream",
             {F("statement", StatementText(query)), F("location", stream_->start().ToString())});
  if (op.finished()) return;
  const auto begin = SteadyClock::now();
  DdlHandler::Given given;
  given.skip = true;
  given.step = DefinitionChange::Step{op.number, 1, !stream_->at_transaction_end()};
  const DdlHandler::Outcome outcome =
      ddl_->Handle(query, stream_->end(), stream_->transaction_end(), "", event.header().timestamp,
                   given, ending_.kill());
  if (outcome == DdlHandler::Outcome::kSkipped) {
    SaveStep(stream_->transaction_end(), *given.step);
  } else {
    planner_->OnSchemaChange();
  }
  in_.metrics->ObserveSkipped(false, SteadyClock::now() - begin);
  // Crash point: a statement is skipped. Left: the checkpoint behind it.
  DM_FAILPOINT("sync/operator-skipped");
}

}  // namespace dm::migration
