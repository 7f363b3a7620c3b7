#include "migration/sync/logged_statement.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <optional>

#include "base/error/error.h"
#include "base/log/log.h"
#include "base/log/sensitive.h"
#include "migration/rules/system_schema.h"
#include "migration/sync/ddl_handler.h"
#include "migration/sync/statement_tokens.h"
#include "mysql/sql/lexer.h"
#include "mysql/value/quote.h"

namespace dm::migration {

using mysql::EventType;
using mysql::Token;
using mysql::TokenKind;
using Tokens = StatementTokens;

namespace {

// The one table that the statement writes to; nullopt if there may be several.
std::optional<TableId> OneTable(Tokens tokens, std::string_view default_schema) {
  if (tokens.Take("INSERT") || tokens.Take("REPLACE")) {
    tokens.TakeAnyOf({"LOW_PRIORITY", "DELAYED", "HIGH_PRIORITY", "IGNORE"});
    tokens.Take("INTO");
    return tokens.Name(default_schema);
  }
  if (tokens.Take("LOAD")) {
    return tokens.Find("INTO", "TABLE") ? tokens.Name(default_schema) : std::nullopt;
  }
  if (tokens.Take("DELETE")) {
    tokens.TakeAnyOf({"LOW_PRIORITY", "QUICK", "IGNORE"});
    if (!tokens.Take("FROM")) return std::nullopt;
    std::optional<TableId> table = tokens.Name(default_schema);
    if (tokens.IsSymbol(",") || tokens.IsSymbol(".") || tokens.Word() == "USING") {
      return std::nullopt;
    }
    return table;
  }
  if (tokens.Take("UPDATE")) {
    tokens.TakeAnyOf({"LOW_PRIORITY", "IGNORE"});
    std::optional<TableId> table = tokens.Name(default_schema);
    if (tokens.Word() != "SET") {
      tokens.Take("AS");
      if (tokens.IsName()) tokens.Skip();
    }
    return tokens.Word() == "SET" ? table : std::nullopt;
  }
  return std::nullopt;
}

}  // namespace

Control KindOfControl(std::string_view text) {
  const Tokens tokens(text, {});
  const std::string_view verb = tokens.Word();
  if (verb == "SAVEPOINT" || (verb == "RELEASE" && tokens.Word(1) == "SAVEPOINT")) {
    return Control::kSavepoint;
  }
  if (verb == "ROLLBACK") return Control::kRollback;
  if (verb == "XA") {
    const std::string_view what = tokens.Word(1);
    if (what == "START" || what == "BEGIN") return Control::kXaStart;
    if (what == "ROLLBACK") return Control::kXaRollback;
    if (what == "COMMIT" && !Tokens(tokens).Find("ONE", "PHASE")) return Control::kXaCommit;
    return Control::kOtherXa;
  }
  return Control::kNone;
}

std::optional<std::string> XidOf(std::string_view text) {
  const std::vector<Token> tokens = mysql::Tokenize(text, {});
  const auto bytes = [&](size_t at) -> const std::string* {
    const bool there = at < tokens.size() && (tokens[at].kind == TokenKind::kString ||
                                              tokens[at].kind == TokenKind::kHex);
    return there ? &tokens[at].text : nullptr;
  };
  const auto comma = [&](size_t at) {
    return at < tokens.size() && tokens[at].kind == TokenKind::kSymbol && tokens[at].text == ",";
  };
  const std::string* gtrid = bytes(2);
  if (gtrid == nullptr) return std::nullopt;
  mysql::XaPrepareEvent xa;
  xa.gtrid = *gtrid;
  xa.format_id = 1;
  if (!comma(3)) return xa.Xid();
  const std::string* bqual = bytes(4);
  if (bqual == nullptr) return std::nullopt;
  xa.bqual = *bqual;
  if (!comma(5)) return xa.Xid();
  if (tokens.size() < 7 || tokens[6].kind != TokenKind::kInteger) return std::nullopt;
  const std::string& number = tokens[6].text;
  const auto [end, error] =
      std::from_chars(number.data(), number.data() + number.size(), xa.format_id);
  if (error != std::errc() || end != number.data() + number.size()) return std::nullopt;
  return xa.Xid();
}

WrittenTables FindWrittenTables(std::string_view text, std::string_view default_schema,
                                const mysql::ParseOptions& options) {
  constexpr std::string_view kWriting[] = {"INSERT", "REPLACE", "UPDATE", "DELETE", "LOAD",
                                           "WITH",   "SELECT",  "DO",     "CALL"};
  WrittenTables written;
  Tokens tokens(text, options);
  tokens.SkipSetStatement();
  tokens.SkipAnalyze();
  while (tokens.IsSymbol("(")) tokens.Skip();
  written.writes =
      std::find(std::begin(kWriting), std::end(kWriting), tokens.Word()) != std::end(kWriting);
  if (!written.writes) return written;
  if (std::optional<TableId> table = OneTable(tokens, default_schema)) {
    written.tables.push_back(*std::move(table));
    return written;
  }
  written.tables = tokens.QualifiedNames();
  if (!default_schema.empty()) written.schemas.emplace_back(default_schema);
  return written;
}

std::optional<TableId> CreatedView(std::string_view text, std::string_view default_schema,
                                   const mysql::ParseOptions& options) {
  Tokens tokens(text, options);
  tokens.SkipSetStatement();
  if (!tokens.Take("CREATE")) return std::nullopt;
  // OR REPLACE, ALGORITHM = .., DEFINER = .., SQL SECURITY ..
  while (!tokens.at_end() && tokens.Word() != "VIEW") {
    if (tokens.Word() == "TABLE" || tokens.Word() == "TRIGGER" || tokens.Word() == "PROCEDURE" ||
        tokens.Word() == "FUNCTION" || tokens.Word() == "EVENT") {
      return std::nullopt;
    }
    tokens.Skip();
  }
  if (!tokens.Take("VIEW")) return std::nullopt;
  tokens.TakeAnyOf({"IF", "NOT", "EXISTS"});
  return tokens.Name(default_schema);
}

std::optional<std::string> EmptiedAtStart(std::string_view text) {
  Tokens tokens(text, {});
  if (!tokens.Take("DELETE") || !tokens.Take("FROM")) return std::nullopt;
  const std::optional<TableId> table = tokens.Name("");
  if (!table || table->schema.empty() || !tokens.at_end() ||
      text != "DELETE FROM " + table->Quoted()) {
    return std::nullopt;
  }
  return "TRUNCATE TABLE " + table->Quoted();
}

void RefuseLoggedStatement(const Rules& rules, bool fold, const mysql::QueryEvent& query,
                           mysql::Flavor flavor, const TemporaryTables& temporary,
                           IndirectWrites* indirect, const StopToken& stop) {
  mysql::ParseOptions options;
  options.sql_mode = mysql::SqlMode(query.status.sql_mode.value_or(0));
  options.mariadb = flavor == mysql::Flavor::kMariaDb;
  const std::string text = StatementText(query);
  const WrittenTables written = FindWrittenTables(text, query.schema, options);
  if (!written.writes) {
    indirect->OnDdl(text);
    return;
  }
  if (rules.filter.IgnoresText(text)) return;
  // One statement may insert, update and delete.
  const auto is_filtered = [&](const TableId& table) {
    for (const std::string_view event : {"insert", "update", "delete"}) {
      if (rules.filter.Judge(table.schema, table.table, event, "") != FilterVerdict::kIgnore) {
        return false;
      }
    }
    return true;
  };
  const auto is_replicated = [&](const TableId& table) {
    return !rules.Skips(table) && !is_filtered(table);
  };
  std::string what;
  for (TableId table : written.tables) {
    if (fold) table = {mysql::LowerName(table.schema), mysql::LowerName(table.table)};
    if (is_replicated(table) && !temporary.Has(query, table)) {
      what = "table " + table.Quoted();
      break;
    }
  }
  for (const std::string& name : written.schemas) {
    const std::string schema = fold ? mysql::LowerName(name) : name;
    if (!what.empty() || IsSystemSchema(schema) || rules.block_allow.SkipsSchema(schema)) continue;
    what = "database " + mysql::QuoteName(schema);
  }
  if (what.empty()) {
    ActiveObjects::Question question;
    question.tables = written.tables;
    question.text = text;
    question.schema = query.schema;
    question.any_table = written.tables.size() != 1 || !written.schemas.empty();
    question.is_replicated = is_replicated;
    // Those of a system schema have no triggers; functions may be called all the same.
    std::erase_if(question.tables, [](const TableId& t) { return IsSystemSchema(t.schema); });
    const ActiveObjects::Answer answer = indirect->Follow(question, stop);
    if (answer.reached) {
      what = fmt::format("table {}, which {} mentions", answer.reached->Quoted(), answer.by);
    } else if (!answer.unknown.empty() && indirect->IsNews(answer.unknown)) {
      Log().Warn(
          "a change that was logged as a statement is passed over: it names no replicated table. "
          "Whether it reaches one through a view, a trigger or a routine cannot be told",
          {F("statement", RedactedStatement(text)), F("reason", answer.unknown)});
    }
  }
  if (what.empty()) return;
  throw MakeError(ErrorCode::kSyncUnitDMLStatementFound)
      .Annotate(what)
      .SetWorkaround(
          "Set binlog_format=ROW upstream for all sessions. Make the change that the statement "
          "made downstream by hand, then go on behind it with `binlog skip`.");
}

void RequireHarmless(const mysql::RawEvent& event) {
  switch (event.type()) {
    // Parts of a LOAD DATA logged as a statement; its EXECUTE_LOAD_QUERY is looked at.
    case EventType::kBeginLoadQuery:
    case EventType::kAppendBlock:
    case EventType::kDeleteFile:
    // Values for a statement that follows and is looked at.
    case EventType::kIntvar:
    case EventType::kRand:
    case EventType::kUserVar:
    // Framing.
    case EventType::kStartV3:
    case EventType::kStop:
    case EventType::kRotate:
    case EventType::kFormatDescription:
    case EventType::kXid:
    case EventType::kXaPrepare:
    case EventType::kHeartbeat:
    case EventType::kHeartbeatV2:
    case EventType::kIgnorable:
    case EventType::kRowsQuery:
    case EventType::kGtid:
    case EventType::kAnonymousGtid:
    case EventType::kGtidTagged:
    case EventType::kPreviousGtids:
    case EventType::kTransactionContext:
    case EventType::kViewChange:
    case EventType::kMariaDbAnnotateRows:
    case EventType::kMariaDbBinlogCheckpoint:
    case EventType::kMariaDbGtid:
    case EventType::kMariaDbGtidList:
    case EventType::kMariaDbStartEncryption:
      return;
    default:
      break;
  }
  if ((event.header().flags & mysql::kFlagIgnorable) != 0) return;
  throw Error(ErrorCode::kSyncerGetEvent,
              fmt::format("binlog event of type {} ({}) is not known: it may change data",
                          static_cast<int>(event.type()), mysql::ToString(event.type())));
}

}  // namespace dm::migration
