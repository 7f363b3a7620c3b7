#include "migration/dump/collation.h"

#include <vector>

#include "mysql/sql/parser.h"
#include "mysql/sql/restore.h"
#include "mysql/sql/rewrite.h"
#include "mysql/sql/shown_mode.h"

namespace dm::migration {

namespace {

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

}  // namespace

CollationCompleter CollationCompleter::Read(mysql::Connection& db, std::string sql_mode,
                                            const StopToken& stop) {
  const auto answer = db.Query("SHOW CHARACTER SET", stop);
  const auto charset = answer.ColumnIndex("Charset");
  const auto collation = answer.ColumnIndex("Default collation");
  std::map<std::string, std::string> defaults;
  for (const auto& row : answer.rows) {
    if (charset && collation && row[*charset] && row[*collation]) {
      defaults[Lower(*row[*charset])] = *row[*collation];
    }
  }
  return CollationCompleter(std::move(defaults), std::move(sql_mode), db.server().is_mariadb);
}

std::string CollationCompleter::Complete(const std::string& statement, const Logger& log) const {
  mysql::ParseOptions options;
  options.sql_mode = mysql::ModeOfDefinitions(sql_mode_);
  options.mariadb = mariadb_;
  std::vector<mysql::Statement> statements;
  try {
    statements = mysql::ParseStatements(statement, options);
  } catch (const Error& e) {
    log.Warn("collations of a definition are left implicit: it cannot be parsed",
             {F("statement", statement), F("error", e)});
    return statement;
  }
  if (statements.size() != 1) return statement;
  if (statements[0].As<mysql::CreateDatabase>() == nullptr &&
      statements[0].As<mysql::CreateTable>() == nullptr) {
    return statement;
  }
  const auto default_of = [&](std::string_view charset) -> std::string {
    const std::string name = Lower(charset);
    const auto it = defaults_.find(name);
    if (it != defaults_.end()) return it->second;
    // Servers name the same character set utf8 or utf8mb3.
    const auto other = defaults_.find(name == "utf8" ? "utf8mb3" : name == "utf8mb3" ? "utf8" : "");
    return other != defaults_.end() ? other->second : "";
  };
  mysql::CompleteCollations(&statements[0], default_of, "", [&](const std::string& warning) {
    log.Warn("collation is left implicit", {F("statement", statement), F("reason", warning)});
  });
  mysql::RestoreOptions restore;
  restore.target = mariadb_ ? mysql::SqlTarget::kMariaDb : mysql::SqlTarget::kMySql;
  return mysql::Restore(statements[0], restore);
}

}  // namespace dm::migration
