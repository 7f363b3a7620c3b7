#include "migration/sync/statement_command.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/error/error.h"
#include "base/failpoint/failpoint.h"
#include "base/io/text.h"
#include "migration/sync/apply_worker.h"
#include "mysql/sql/parser.h"
#include "mysql/sql/rewrite.h"

namespace dm::migration {

namespace {

constexpr std::string_view kOnlyStatements =
    "only support to handle ddl error currently, see "
    "https://docs.pingcap.com/tidb-data-migration/stable/error-handling for other errors";

OperatorKind KindOf(StatementRequestKind kind) {
  switch (kind) {
    case StatementRequestKind::kReplace:
      return OperatorKind::kReplace;
    case StatementRequestKind::kInject:
      return OperatorKind::kInject;
    default:
      return OperatorKind::kSkip;
  }
}

std::string UpstreamSqlMode(const CommandContext& context, const StopToken& stop) {
  auto upstream = mysql::Connection::Connect(context.upstream, stop);
  return upstream->QueryValue("SELECT @@GLOBAL.sql_mode", stop).value_or("");
}

}  // namespace

mysql::BinlogPosition ParseCommandPosition(const std::string& text) {
  std::string_view bare = text;
  if (bare.size() >= 2 && bare.front() == '"' && bare.back() == '"') {
    bare = bare.substr(1, bare.size() - 2);
  }
  const auto fail = [&](std::string_view reason) {
    throw Error(ErrorCode::kVerifyHandleErrorArgs,
                fmt::format("invalid --binlog-pos {} in handle-error operation: {}, position "
                            "string {}",
                            text, reason, bare));
  };
  const size_t colon = bare.find(':');
  if (colon == std::string_view::npos || colon == 0 || bare.find(':', colon + 1) < bare.size()) {
    fail("the format should be filename:pos");
  }
  const std::optional<uint64_t> offset = ParseUint(bare.substr(colon + 1));
  if (!offset) fail("the pos should be digital");
  return {std::string(bare.substr(0, colon)), *offset};
}

std::string OperatorsAsJson(const std::string& task,
                            const std::vector<StatementOperator>& operators) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const StatementOperator& op : operators) {
    nlohmann::ordered_json entry;
    entry["op"] = static_cast<int>(op.kind);
    entry["task"] = task;
    entry["binlogPos"] = op.position.ToString();
    if (!op.statements.empty()) entry["sqls"] = op.statements;
    list.push_back(std::move(entry));
  }
  std::string text;
  for (char c : list.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace)) {
    // Nothing of this is special anywhere but in strings.
    switch (c) {
      case '<':
        text += "\\u003c";
        break;
      case '>':
        text += "\\u003e";
        break;
      case '&':
        text += "\\u0026";
        break;
      default:
        text += c;
    }
  }
  return text;
}

void CheckGivenStatements(const std::vector<std::string>& statements, const std::string& sql_mode,
                          mysql::Flavor flavor) {
  if (statements.empty()) {
    throw Error(ErrorCode::kSyncerEvent, "replace or inject without a statement");
  }
  mysql::ParseOptions options;
  options.sql_mode = mysql::SqlMode::Parse(sql_mode);
  options.mariadb = flavor == mysql::Flavor::kMariaDb;
  for (const std::string& text : statements) {
    std::vector<mysql::Statement> parsed;
    try {
      parsed = mysql::ParseStatements(text, options);
    } catch (const Error& e) {
      throw WithCause(
          Error(ErrorCode::kSyncerUnitParseStmt, fmt::format("sql {} cannot be parsed", text)), e);
    }
    if (parsed.size() != 1) {
      throw Error(
          ErrorCode::kSyncerEvent,
          fmt::format("replace or inject needs one statement at a time, there are {} in: {}",
                      parsed.size(), text));
    }
    if (!parsed.front().IsDdl()) {
      throw Error(ErrorCode::kSyncerEvent,
                  fmt::format("only support replace or inject with DDL currently, got: {}", text));
    }
    for (const mysql::Statement& split : mysql::SplitDdl(parsed.front(), "")) {
      for (const mysql::TableName& name : mysql::TableRefs(split, "", false)) {
        if (!name.schema.empty()) continue;
        throw Error(ErrorCode::kSyncerUnitInjectDDLWithoutSchema,
                    fmt::format("injected DDL {} without schema name", text))
            .SetWorkaround("Please write the names of tables as `schema`.`table`.");
      }
    }
  }
}

std::string RunStatementCommand(const CommandContext& context, const StatementRequest& request,
                                const mysql::Location& flushed, StatementOperators& operators,
                                const StopToken& stop) {
  const std::optional<BrokenPlace> broken = operators.broken();
  mysql::BinlogPosition position;
  if (!request.position.empty()) {
    position = ParseCommandPosition(request.position);
  } else if (!broken) {
    throw PlainRefusal(fmt::format("source '{}' has no error", context.source_id));
  } else if (!broken->statement && request.kind != StatementRequestKind::kInject) {
    throw PlainRefusal(std::string(kOnlyStatements));
  } else {
    position = broken->position;
  }
  StatementOperator op;
  if (request.kind == StatementRequestKind::kReplace ||
      request.kind == StatementRequestKind::kInject) {
    op.sql_mode = UpstreamSqlMode(context, stop);
    CheckGivenStatements(request.statements, op.sql_mode, context.flavor);
    op.statements = request.statements;
  }
  CheckFence(context.fence);
  auto downstream = mysql::Connection::Connect(context.downstream, stop);
  operators.RemovePassed(*downstream, flushed, stop);
  switch (request.kind) {
    case StatementRequestKind::kList:
      return OperatorsAsJson(request.task, operators.From(position));
    case StatementRequestKind::kRevert:
      operators.Remove(*downstream, position, stop);
      // Crash point: an operation is deleted on command. Left: the answer.
      DM_FAILPOINT("sync/operator-removed");
      return "";
    default:
      break;
  }
  op.kind = KindOf(request.kind);
  op.position = position;
  if (broken && broken->position == position) {
    op.gtid = broken->gtid;
    op.transaction = broken->transaction;
    op.statement = broken->number;
  }
  operators.Put(*downstream, std::move(op), stop);
  // Crash point: an operation on a statement is stored. Left: the answer, the resume.
  DM_FAILPOINT("sync/operator-stored");
  return "";
}

}  // namespace dm::migration
