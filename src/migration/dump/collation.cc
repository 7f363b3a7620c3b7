#include "migration/dump/collation.h"

#include <algorithm>
#include <vector>

#include "mysql/sql/parser.h"
#include "mysql/sql/restore.h"

namespace dm::migration {

namespace {

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

class Completion {
 public:
  explicit Completion(const std::map<std::string, std::string>& defaults) : defaults_(defaults) {}

  void Options(std::vector<mysql::Option>& options) const {
    const auto find = [&](std::string_view name) {
      return std::find_if(options.begin(), options.end(),
                          [&](const mysql::Option& option) { return option.name == name; });
    };
    const auto charset = find("CHARACTER SET");
    if (charset == options.end() || find("COLLATE") != options.end()) return;
    const std::string* collation = DefaultOf(charset->value);
    if (collation == nullptr) return;
    mysql::Option option;
    option.name = "COLLATE";
    option.kind = charset->kind;
    option.value = *collation;
    options.insert(charset + 1, option);
  }

  void Column(mysql::ColumnDef& column) const {
    if (column.type.charset.empty() || column.type.charset == "binary" ||
        !column.type.collation.empty() || column.type.binary ||
        column.Find(mysql::ColumnOptionKind::kCollate) != nullptr) {
      return;
    }
    if (const std::string* collation = DefaultOf(column.type.charset)) {
      column.type.collation = *collation;
    }
  }

 private:
  const std::string* DefaultOf(std::string_view charset) const {
    const std::string name = Lower(charset);
    // Servers name the same character set utf8 or utf8mb3.
    const auto it = defaults_.find(name);
    if (it != defaults_.end()) return &it->second;
    const auto other = defaults_.find(name == "utf8" ? "utf8mb3" : name == "utf8mb3" ? "utf8" : "");
    return other != defaults_.end() ? &other->second : nullptr;
  }

  const std::map<std::string, std::string>& defaults_;
};

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
  options.sql_mode = mysql::SqlMode::Parse(sql_mode_);
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
  const Completion completion(defaults_);
  if (auto* database = statements[0].As<mysql::CreateDatabase>()) {
    completion.Options(database->options);
  } else if (auto* table = statements[0].As<mysql::CreateTable>()) {
    completion.Options(table->options);
    for (mysql::ColumnDef& column : table->columns) completion.Column(column);
  } else {
    return statement;
  }
  mysql::RestoreOptions restore;
  restore.target = mariadb_ ? mysql::SqlTarget::kMariaDb : mysql::SqlTarget::kMySql;
  restore.no_backslash_escapes = options.sql_mode.no_backslash_escapes();
  return mysql::Restore(statements[0], restore);
}

}  // namespace dm::migration
