#include "migration/load/schema_phase.h"

#include <algorithm>
#include <cctype>
#include <vector>

#include "base/failpoint/failpoint.h"
#include "migration/dumpfile/schema_script.h"
#include "migration/rules/sql_target.h"
#include "migration/rules/taken_names.h"
#include "mysql/client/engines.h"
#include "mysql/client/retry.h"
#include "mysql/client/shown.h"
#include "mysql/sql/adapt.h"
#include "mysql/sql/constraint_text.h"
#include "mysql/sql/parser.h"
#include "mysql/sql/restore.h"
#include "mysql/sql/rewrite.h"
#include "mysql/sql/shown_mode.h"
#include "mysql/value/quote.h"

namespace dm::migration {

namespace {

constexpr int kAttempts = 3;
constexpr Milliseconds kRetryWait{3000};
constexpr int kLostAttempts = 10;  // of one statement, each on a new connection
constexpr int kDatabaseExists = 1007;
constexpr int kNoSuchDatabase = 1049;
constexpr int kTableExists = 1050;
constexpr int kNoSuchTable = 1146;
constexpr int kAccessDenied = 1227;
constexpr int kInvalidView = 1356;
constexpr int kSequenceData = 4085;      // MariaDB: values that do not go together
constexpr int kSequenceEnded = 4135;     // TiDB
constexpr int kSequenceDataTiDb = 4136;  // the same

// Does a statement that a server printed name a storage engine other than InnoDB?
bool NamesOtherEngine(std::string_view statement) {
  constexpr std::string_view kOption = ") ENGINE=";
  const size_t at = statement.rfind(kOption);
  return at != std::string_view::npos &&
         !statement.substr(at + kOption.size()).starts_with("InnoDB");
}

// May it say where the table lies on the upstream's disks?
bool NamesPlace(std::string_view statement) {
  return statement.find(" DIRECTORY") != std::string_view::npos ||
         statement.find(" TABLESPACE ") != std::string_view::npos;
}

// May a default take values of a sequence? As a MariaDB prints them.
bool NamesSequence(std::string_view statement) {
  return statement.find("nextval(") != std::string_view::npos ||
         statement.find("lastval(") != std::string_view::npos;
}

bool NeedsTranslation(bool from_mariadb, const mysql::ServerInfo& target) {
  return target.is_tidb || from_mariadb != target.is_mariadb;
}

ScriptOptions OptionsOf(const LoadSession& session) {
  ScriptOptions options;
  options.ansi_quotes = session.ansi_quotes();
  return options;
}

// The collation that a view's file sets for the view's definition; empty if it sets none.
std::string ViewCollation(std::string_view script) {
  constexpr std::string_view kSet = "SET collation_connection = ";
  const size_t begin = script.find(kSet);
  if (begin == std::string_view::npos) return "";
  const std::string_view rest = script.substr(begin + kSet.size());
  const std::string_view name = rest.substr(0, rest.find(';'));
  const bool is_name = std::all_of(
      name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
  return is_name ? std::string(name) : "";
}

}  // namespace

bool SchemaPhase::Execute(mysql::Connection& db, const OwnerRight& right,
                          const std::string& statement, const StopToken& stop,
                          const std::function<void()>& before) const {
  return Insist(db, statement, stop, [&] {
    CheckLoadFence(context_.fence);
    if (before) before();
    if (session_.backslash_escapes()) {
      right.Execute(db, statement, stop);
      return;
    }
    // Servers show definitions with escapes in every mode.
    db.Execute("SET SESSION sql_mode = REPLACE(@@SESSION.sql_mode, 'NO_BACKSLASH_ESCAPES', '')",
               stop);
    const auto restore = [&] {
      db.Execute("SET SESSION sql_mode = CONCAT(@@SESSION.sql_mode, ',NO_BACKSLASH_ESCAPES')",
                 stop);
    };
    try {
      right.Execute(db, statement, stop);
    } catch (const Error&) {
      if (!db.broken()) restore();
      throw;
    }
    restore();
  });
}

bool SchemaPhase::Insist(mysql::Connection& db, const std::string& statement, const StopToken& stop,
                         const std::function<void()>& work) const {
  int lost = 0;
  for (int attempt = 1;; ++attempt) {
    try {
      if (db.broken()) session_.Revive(db, stop);
      work();
      return true;
    } catch (const Error& e) {
      // Another source of the task may have been quicker.
      if (e.server_errno() == kDatabaseExists || e.server_errno() == kTableExists) {
        return false;
      }
      if (IsLossOfRight(e)) throw;
      if (db.broken() && ++lost <= kLostAttempts) {
        --attempt;
      } else if (!IsRetryableLoadError(e) || attempt == kAttempts) {
        throw LoadError(e, statement);
      }
      log_.Warn("schema statement is tried again", {F("statement", statement), F("error", e)});
    }
    WaitFor(kRetryWait, stop);
  }
}

std::string SchemaPhase::Translate(mysql::Connection& db, const std::string& statement,
                                   bool from_mariadb, const StopToken& stop,
                                   const std::function<bool(mysql::Statement*)>& name) const {
  mysql::ParseOptions parse;
  parse.sql_mode = mysql::ModeOfDefinitions(session_.sql_mode());
  parse.mariadb = from_mariadb;
  mysql::RestoreOptions restore;
  restore.target = SqlTargetOf(db.server());
  restore.collation_names = collations_->For(db.server());
  mysql::AdaptOptions adapt;
  adapt.from_mariadb = from_mariadb;
  adapt.expression_defaults = db.server().AtLeast(8, 0, 13);
  if (!db.server().is_tidb) {
    adapt.has_engine = [&](std::string_view engine) {
      return mysql::HasTransactionalEngine(db, engine, stop);
    };
    adapt.has_parser = [&](std::string_view parser) {
      return mysql::HasFullTextParser(db, parser, stop);
    };
  }
  adapt.has_sequence = [&](const mysql::TableName& sequence) {
    return TableType(db, sequence.schema, sequence.name, stop) == "SEQUENCE";
  };
  try {
    std::vector<mysql::Statement> parsed = mysql::ParseStatements(statement, parse);
    if (parsed.size() == 1 && name(&parsed[0])) {
      mysql::ChangeSequences(&parsed[0], [&](mysql::TableName& sequence) {
        auto [schema, table] = context_.router.Route(sequence.schema, sequence.name);
        sequence = {std::move(schema), std::move(table)};
      });
      if (from_mariadb && !db.server().is_mariadb) {
        mysql::CompleteShortCollations(&parsed[0], [](std::string_view) { return ""; });
      }
      // Servers leave a collation out of what they print only if it is the compiled-in default.
      if (CrossesKinds(from_mariadb, db.server())) {
        MakeCollationsExplicit(&parsed[0], {}, db.server());
      }
      const auto left_out = [&](const std::string& what) {
        log_.Warn("the downstream cannot take a part of a definition, it is left out or replaced",
                  {F("part", what), F("statement", statement)});
      };
      mysql::AdaptToTarget(&parsed[0], restore.target, left_out, adapt);
      return mysql::Restore(parsed[0], restore);
    }
  } catch (const Error& e) {
    ThrowIfStopped(stop);
    if (db.broken()) throw;
    log_.Warn("a definition that cannot be read is passed on as it is",
              {F("statement", statement), F("error", e)});
  }
  return "";
}

std::string SchemaPhase::WithKnownCollations(const mysql::Connection& db, std::string_view text,
                                             bool from_mariadb) const {
  const mysql::CollationNames names = collations_->For(db.server());
  if (!names || !NeedsTranslation(from_mariadb, db.server())) return std::string(text);
  mysql::ParseOptions parse;
  parse.sql_mode = mysql::ModeOfDefinitions(session_.sql_mode());
  parse.mariadb = from_mariadb;
  return mysql::RenameCollations(text, parse, names);
}

void SchemaPhase::CreateDatabase(mysql::Connection& db, const OwnerRight& right,
                                 const std::string& target, std::string_view script,
                                 const StopToken& stop) const {
  // Also where the account may not create databases, or the server has not the collation.
  if (DatabaseExists(db, target, stop)) return;
  const ScriptOptions options = OptionsOf(session_);
  const bool from_mariadb = IsMariaDbScript(script);
  std::string create = "CREATE DATABASE IF NOT EXISTS " + mysql::QuoteName(target);
  for (const std::string& statement : SplitScript(script, options)) {
    const CreateHead head = ReadCreateHead(statement, options);
    if (head.kind != CreateHead::Kind::kDatabase) continue;
    std::string translated;
    if (NeedsTranslation(from_mariadb, db.server())) {
      translated = Translate(db, statement, from_mariadb, stop, [&](mysql::Statement* parsed) {
        auto* database = parsed->As<mysql::CreateDatabase>();
        if (database == nullptr) return false;
        database->name = target;
        database->if_not_exists = true;
        database->or_replace = false;
        return true;
      });
    }
    create = translated.empty() ? "CREATE DATABASE IF NOT EXISTS " + mysql::QuoteName(target) +
                                      WithKnownCollations(db, head.rest, from_mariadb)
                                : translated;
  }
  Execute(db, right, create, stop);
  // Crash point: a database is made. Left: its tables.
  DM_FAILPOINT("load/after-make-database");
}

bool SchemaPhase::DatabaseExists(mysql::Connection& db, const std::string& schema,
                                 const StopToken& stop) const {
  if (db.broken()) session_.Revive(db, stop);
  const auto found = db.QueryValue(
      fmt::format("SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = {}",
                  mysql::QuoteAnyMode(schema)),
      stop);
  return found == schema;  // some servers compare these names without regard to case
}

std::optional<std::string> SchemaPhase::TableType(mysql::Connection& db, const std::string& schema,
                                                  const std::string& table,
                                                  const StopToken& stop) const {
  const auto found =
      db.Query(fmt::format("SELECT TABLE_NAME, @@lower_case_table_names, TABLE_TYPE FROM "
                           "information_schema.TABLES WHERE TABLE_SCHEMA = {} AND TABLE_NAME = {}",
                           mysql::QuoteString(schema, !session_.backslash_escapes()),
                           mysql::QuoteString(table, !session_.backslash_escapes())),
               stop);
  // Some servers compare these names without regard to case although they tell tables apart by it.
  const auto it = std::find_if(found.rows.begin(), found.rows.end(),
                               [&](const auto& row) { return row[0] == table || row[1] != "0"; });
  return it == found.rows.end() ? std::nullopt : std::optional(it->at(2).value_or(""));
}

mysql::TableName SchemaPhase::Routed(const mysql::TableName& table) const {
  auto [schema, name] = context_.router.Route(table.schema, table.name);
  return {std::move(schema), std::move(name)};
}

std::string SchemaPhase::WithRoutedConstraints(std::string_view text,
                                               const mysql::TableName& source,
                                               const mysql::TableName& target,
                                               bool from_mariadb) const {
  mysql::ParseOptions parse;
  parse.sql_mode = mysql::ModeOfDefinitions(session_.sql_mode());
  parse.mariadb = from_mariadb;
  mysql::ConstraintTextChanges changes;
  changes.parent = [&](const mysql::TableName& parent) {
    const bool named = !parent.schema.empty();
    mysql::TableName routed = Routed({named ? parent.schema : source.schema, parent.name});
    if (!named && routed.schema == target.schema) routed.schema.clear();
    return routed;
  };
  changes.name = [&](mysql::ConstraintKind /*kind*/, const std::string& name) {
    return mysql::RoutedConstraintName(name, source.name, target.name);
  };
  return mysql::ChangeConstraintText(text, parse, changes);
}

std::string SchemaPhase::TableStatement(mysql::Connection& db, const std::string& statement,
                                        const mysql::TableName& source,
                                        const mysql::TableName& target, bool from_mariadb,
                                        const StopToken& stop) const {
  // Between servers of one family the text is passed on as it is, down to options and comments that
  // only this family knows. TiDB executes comments for newer servers whatever is in them.
  if (NeedsTranslation(from_mariadb, db.server()) || NamesOtherEngine(statement) ||
      NamesPlace(statement) || (from_mariadb && NamesSequence(statement))) {
    std::string translated =
        Translate(db, statement, from_mariadb, stop, [&](mysql::Statement* parsed) {
          auto* create = parsed->As<mysql::CreateTable>();
          if (create == nullptr) return false;
          mysql::RouteReferences(parsed, source, target,
                                 [&](const mysql::TableName& parent) { return Routed(parent); });
          mysql::RouteConstraintNames(parsed, source.name, target.name);
          create->table = target;
          create->if_not_exists = true;
          create->or_replace = false;
          return true;
        });
    if (!translated.empty()) return translated;
  }
  const CreateHead head = ReadCreateHead(statement, OptionsOf(session_));
  if (head.kind != CreateHead::Kind::kTable) {
    throw Error(ErrorCode::kLoadUnitNotCreateTable,
                fmt::format("statement {} is not `CREATE TABLE`", statement));
  }
  return fmt::format("CREATE TABLE {}{}", mysql::QuoteTable(target.schema, target.name),
                     WithRoutedConstraints(WithKnownCollations(db, head.rest, from_mariadb), source,
                                           target, from_mariadb));
}

void SchemaPhase::CreateSequence(mysql::Connection& db, const OwnerRight& right,
                                 const std::string& schema, const std::string& sequence,
                                 std::string_view script, const std::string& path,
                                 const StopToken& stop) const {
  const std::string name = mysql::QuoteTable(schema, sequence);
  if (!HasSequences(db.server())) {
    log_.Warn("a sequence is left out, the downstream has none", {F("sequence", name)});
    return;
  }
  std::optional<std::string> type;
  Insist(db, fmt::format("look for {}", name), stop,
         [&] { type = TableType(db, schema, sequence, stop); });
  if (type && type != "SEQUENCE") {
    log_.Warn("a sequence is not made, since the downstream has something of that name",
              {F("sequence", name), F("it has", *type)});
    return;
  }
  mysql::ParseOptions parse;
  parse.sql_mode = mysql::ModeOfDefinitions(session_.sql_mode());
  parse.mariadb = true;
  SequenceScript read;
  try {
    read = ReadSequenceScript(script, parse);
  } catch (const Error& e) {
    throw LoadError(e, path).SetWorkaround(
        "Please correct the file: CREATE SEQUENCE and SETVAL are read, nothing else. Then execute "
        "`resume-task`.");
  }
  const bool typed = !read.options.type.empty();
  const auto left_out = [&](const std::string& what) {
    log_.Warn("the downstream cannot take a part of a definition, it is left out or replaced",
              {F("part", what), F("sequence", name)});
  };
  const std::string create = CreateSequenceStatement(read.options, name, db.server());
  constexpr std::string_view kCannotHave =
      "a sequence is left out, the downstream cannot have one with its values";
  if (!AdaptSequence(&read, db.server(), left_out)) {
    log_.Warn(kCannotHave, {F("statement", create)});
    return;
  }
  // SETVAL cannot set a sequence back, and what comes next may lie before its START.
  const std::optional<std::string> next = NextValue(read);
  SequenceOptions made = read.options;
  if (next && *next != StartOf(made)) made.start = next;
  bool is_new = false;
  if (!type) {
    try {
      is_new = Execute(db, right, CreateSequenceStatement(made, name, db.server()), stop);
    } catch (const Error& e) {
      const int code = e.server_errno();
      const bool limited = db.server().is_tidb || typed;
      if (!limited || (code != kSequenceData && code != kSequenceDataTiDb)) throw;
      log_.Warn(kCannotHave, {F("statement", create), F("error", e)});
      return;
    }
  }
  // Crash point: the sequence is made. Left: its START, its value.
  DM_FAILPOINT("load/after-make-sequence");
  // Else by a load that ended before it set the START.
  bool as_made = is_new;
  bool as_wanted = false;
  if (!is_new) {
    const SequenceOptions there = DefinitionOf(db, name, parse, stop);
    as_wanted = GivesSameValues(read.options, there);
    as_made = !as_wanted && GivesSameValues(made, there);
    if (!as_wanted && !as_made) {
      log_.Warn("a sequence that the downstream has keeps its definition, which is another one",
                {F("definition", CreateSequenceStatement(there, name, db.server())),
                 F("dumped", CreateSequenceStatement(read.options, name, db.server()))});
    }
  }
  if (as_made && made.start != read.options.start) {
    Execute(db, right, fmt::format("ALTER SEQUENCE {} START WITH {}", name, StartOf(read.options)),
            stop);
  }
  // It has begun there. On TiDB it may cost a value to set one.
  const bool is_there = next && (as_made || (as_wanted && *next == StartOf(read.options)));
  if (is_there && db.server().is_tidb) read.values.clear();
  for (const SequenceValue& value : read.values) {
    for (const std::string& set : SetValueStatements(read.options, value, name, db.server())) {
      try {
        Execute(db, right, set, stop);
      } catch (const Error& e) {
        if (e.server_errno() != kSequenceEnded) throw;
      }
    }
  }
  // Crash point: the sequence has its value. Left: the other ones, tables, rows.
  DM_FAILPOINT("load/after-set-sequence");
}

SequenceOptions SchemaPhase::DefinitionOf(mysql::Connection& db, const std::string& sequence,
                                          const mysql::ParseOptions& parse,
                                          const StopToken& stop) const {
  const std::string show = "SHOW CREATE SEQUENCE " + sequence;
  std::string text;
  Insist(db, show, stop, [&] {
    const auto answer = mysql::ShowWithoutModes(db, show, stop);
    text = answer.rows.empty() ? "" : answer.rows[0].at(1).value_or("");
  });
  try {
    return ReadSequenceScript(text, parse).options;
  } catch (const Error& e) {
    throw LoadError(e, show);
  }
}

void SchemaPhase::CreateTable(mysql::Connection& db, const OwnerRight& right,
                              const mysql::TableName& source, const mysql::TableName& target,
                              std::string_view script, const StopToken& stop) const {
  const auto& [schema, table] = target;
  const std::string name = mysql::QuoteTable(schema, table);
  std::optional<std::string> there;
  Insist(db, fmt::format("look for {}", name), stop, [&] {
    there = TableType(db, schema, table, stop);
    if (!there) meta_.AnnounceMade(db, right, schema, table, stop);
  });
  if (there == "SEQUENCE") {
    throw LoadError(Error(ErrorCode::kLoadUnitParseStatement,
                          fmt::format("the downstream has a sequence {}, a table is to get this "
                                      "name",
                                      name)))
        .SetWorkaround(
            "Maybe a route gives table and sequence one name: correct it, or leave the sequence "
            "out with `block-allow-list`. Or the upstream has dropped the sequence since an "
            "earlier dump. Drop the sequence downstream, then start the task anew with "
            "`--remove-meta`.");
  }
  if (there) return;
  bool made = true;
  // Crash point: it is recorded that the load makes the table. Left: the table.
  DM_FAILPOINT("load/before-make-table");
  try {
    for (const std::string& statement : SplitScript(script, OptionsOf(session_))) {
      MakeTable(db, right, target,
                TableStatement(db, statement, source, target, IsMariaDbScript(script), stop), stop);
    }
  } catch (const Error& e) {
    if (IsLossOfRight(e)) throw;
    // What the server did refuse or the product cannot read may have been made by hand.
    if (db.broken() || !TableExists(db, schema, table, stop)) throw LoadError(e);
    log_.Warn("the dumped definition cannot be used, the target table exists",
              {F("schema", schema), F("table", table), F("error", e)});
    made = false;
  }
  // Crash point: the table is made. Left: the record of its definition.
  DM_FAILPOINT("load/after-make-table");
  if (!made) return;
  Insist(db, fmt::format("note the definition of {}", name), stop, [&] {
    meta_.ConfirmMade(db, right,
                      {schema, table, DefinitionHash(db, schema, table, stop).value_or(0)}, stop);
  });
  // Crash point: the definition of the made table is recorded. Left: its rows.
  DM_FAILPOINT("load/table-recorded");
}

void SchemaPhase::MakeTable(mysql::Connection& db, const OwnerRight& right,
                            const mysql::TableName& target, const std::string& statement,
                            const StopToken& stop) const {
  try {
    Execute(db, right, statement, stop);
  } catch (const Error& e) {
    if (!mysql::MaySayConstraintIsTaken(e) || db.broken()) throw;
    mysql::ParseOptions parse;
    parse.sql_mode = mysql::ModeOfDefinitions(session_.sql_mode());
    parse.mariadb = db.server().is_mariadb;
    mysql::ConstraintTextChanges changes;
    changes.name = [&](mysql::ConstraintKind kind, const std::string& name) {
      return IsTakenName(db, kind, name, target, stop) ? "" : name;
    };
    const std::string unnamed = mysql::ChangeConstraintText(statement, parse, changes);
    if (unnamed == statement) throw;
    log_.Warn("another table downstream has the name of a foreign key or check: it is left out",
              {F("statement", unnamed), F("error", e)});
    Execute(db, right, unnamed, stop);
  }
}

void SchemaPhase::MakeView(mysql::Connection& db, const OwnerRight& right,
                           const std::string& statement, const StopToken& stop,
                           const std::function<void()>& before) const {
  try {
    Execute(db, right, statement, stop, before);
  } catch (const Error& e) {
    const std::string own = WithoutDefiner(statement);
    if (e.server_errno() != kAccessDenied || own == statement) throw;
    log_.Warn("the view is made with the task's account as its definer",
              {F("statement", statement), F("error", e)});
    Execute(db, right, own, stop, before);
  }
}

std::optional<Error> SchemaPhase::CreateView(mysql::Connection& db, const OwnerRight& right,
                                             const std::string& schema, const std::string& view,
                                             std::string_view script, const StopToken& stop) const {
  std::optional<std::string> type;
  Insist(db, fmt::format("look for {}", mysql::QuoteTable(schema, view)), stop,
         [&] { type = TableType(db, schema, view, stop); });
  if (type) {
    log_.Warn("a view is not made, since the downstream has something of that name",
              {F("schema", schema), F("view", view), F("it has", *type)});
    return std::nullopt;
  }
  // The collation of the definition's own texts. Its character set is that of the connection: so
  // the upstream printed it.
  const std::string collation = ViewCollation(script);
  const auto prepare = [&] {
    db.Execute("USE " + mysql::QuoteName(schema), stop);
    if (collation.empty()) return;
    try {
      db.Execute("SET collation_connection = " + collation, stop);
    } catch (const Error& e) {
      if (db.broken()) throw;
      log_.Warn("view is made with another collation of its texts",
                {F("schema", schema), F("view", view), F("error", e)});
    }
  };
  // Crash point: the view is not made. Left: it, and the views behind it.
  DM_FAILPOINT("load/before-make-view");
  std::optional<Error> missing;
  try {
    for (const std::string& statement : SplitScript(script, OptionsOf(session_))) {
      // They are for a table that takes the view's name until all views are there. Here it is free.
      if (statement.starts_with("DROP ")) continue;
      MakeView(db, right, WithKnownCollations(db, statement, IsMariaDbScript(script)), stop,
               prepare);
    }
  } catch (const Error& e) {
    const int code = e.server_errno();
    if (code != kNoSuchTable && code != kNoSuchDatabase && code != kInvalidView) throw;
    missing = e;
  }
  Execute(db, right, "SET NAMES utf8mb4", stop);
  if (missing) return missing;
  // Crash point: a view is made. Left: the other views, the rows of the tables.
  DM_FAILPOINT("load/after-make-view");
  return std::nullopt;
}

}  // namespace dm::migration
