#include "migration/sync/indirect_writes.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "mysql/schema/table_info.h"
#include "mysql/sql/lexer.h"
#include "mysql/value/quote.h"

namespace dm::migration {

using mysql::Token;
using mysql::TokenKind;

namespace {

// Answers to "is there such a table?" that are kept.
constexpr size_t kKnownTables = 10'000;

// (A string in double quotes: a name where sql_mode has ANSI_QUOTES.)
bool MayBeName(const Token& token, std::string_view text) {
  return token.kind == TokenKind::kWord || token.kind == TokenKind::kQuotedName ||
         (token.kind == TokenKind::kString && text[token.begin] == '"');
}

bool IsSymbol(const std::vector<Token>& tokens, size_t at, std::string_view symbol) {
  return at < tokens.size() && tokens[at].kind == TokenKind::kSymbol && tokens[at].text == symbol;
}

// Does the name of a table stand behind it, among others?
bool IsBeforeTable(const Token& token) {
  if (token.kind == TokenKind::kSymbol) return token.text == "," || token.text == "(";
  constexpr std::string_view kWords[] = {"INTO",   "UPDATE", "FROM",    "JOIN",    "IGNORE",
                                         "INSERT", "DELETE", "REPLACE", "DELAYED", "LOW_PRIORITY"};
  return token.kind == TokenKind::kWord &&
         std::find(std::begin(kWords), std::end(kWords), token.upper) != std::end(kWords);
}

}  // namespace

bool ChangesActiveObjects(std::string_view ddl) {
  constexpr std::string_view kWords[] = {"VIEW",    "TRIGGER", "FUNCTION", "PROCEDURE",
                                         "PACKAGE", "RENAME",  "DATABASE", "SCHEMA"};
  std::vector<Token> words = mysql::Tokenize(ddl, {});
  std::erase_if(words, [](const Token& token) { return token.kind != TokenKind::kWord; });
  const auto is = [&](size_t at, std::string_view word) {
    return at < words.size() && words[at].upper == word;
  };
  // The triggers of a table go with it.
  if (is(0, "DROP")) {
    const size_t kind = is(1, "TEMPORARY") ? 2 : 1;
    if (is(kind, "TABLE") || is(kind, "TABLES")) return true;
  }
  if (is(0, "CREATE") && is(1, "OR") && is(2, "REPLACE")) return true;
  return std::any_of(words.begin(), words.end(), [&](const Token& word) {
    return std::find(std::begin(kWords), std::end(kWords), word.upper) != std::end(kWords);
  });
}

TableId ActiveObjects::Folded(TableId id) const {
  if (!fold_) return id;
  return {mysql::LowerName(id.schema), mysql::LowerName(id.table)};
}

void ActiveObjects::AddView(TableId view, std::optional<std::string> text) {
  const std::string name = "the view " + view.Quoted();
  std::string schema = view.schema;
  views_[Folded(std::move(view))].push_back({name, std::move(schema), std::move(text)});
}

void ActiveObjects::AddTrigger(TableId table, std::string schema, std::optional<std::string> text) {
  const std::string name = "a trigger of " + table.Quoted();
  triggers_[Folded(std::move(table))].push_back({name, std::move(schema), std::move(text)});
}

void ActiveObjects::AddRoutine(TableId routine, std::optional<std::string> text) {
  const TableId key{fold_ ? mysql::LowerName(routine.schema) : routine.schema,
                    mysql::LowerName(routine.table)};
  routines_[key].push_back({"the routine " + routine.Quoted(), routine.schema, std::move(text)});
}

class ActiveObjects::Walk {
 public:
  Walk(const ActiveObjects& objects, const Question& question)
      : objects_(objects), question_(question) {}

  Answer Go() {
    if (!question_.any_table) {
      for (const TableId& table : question_.tables) {
        Visit(table, true);
        if (!question_.exists(objects_.Folded(table))) UnknownTriggers(table);
      }
    }
    Look({"the statement", question_.schema, question_.text}, question_.any_table, true);
    if (question_.any_table && !table_found_) Unknown("none of its tables is there any more");
    // Grows meanwhile.
    for (size_t i = 0; i < objects_to_look_at_.size() && !answer_.reached; ++i) {
      const auto [object, writes] = objects_to_look_at_[i];
      if (object->text && !object->text->empty()) {
        Look(*object, writes, false);
      } else {
        Unknown("the account may not read the text of " + object->name);
      }
    }
    return answer_;
  }

 private:
  void Unknown(std::string what) {
    if (answer_.unknown.empty()) answer_.unknown = std::move(what);
  }

  void UnknownTriggers(const TableId& table) {
    Unknown(
        fmt::format("the account may not see what the triggers of {} do, or it is not there any "
                    "more",
                    table.Quoted()));
  }

  // `writes`: tables in their texts may be written to; else only the routines matter.
  void Take(const std::map<TableId, std::vector<Object>>& from, const TableId& key, bool writes) {
    const auto found = from.find(key);
    if (found == from.end() || !seen_.insert({&found->second, writes}).second) return;
    for (const Object& object : found->second) objects_to_look_at_.emplace_back(&object, writes);
  }

  // A name that may be a table which is written to. `is_table`: it is one; `may_be`: it stands
  // where the name of one stands.
  void Visit(const TableId& table, bool is_table, bool may_be = false) {
    const TableId key = objects_.Folded(table);
    Take(objects_.views_, key, true);
    Take(objects_.triggers_, key, true);
    if (!is_table && !may_be) return;
    if (!question_.sees_triggers(key.schema) && (is_table || question_.exists(key))) {
      UnknownTriggers(table);
    }
  }

  void VisitRoutine(const std::string& schema, const std::string& name) {
    Take(objects_.routines_,
         {objects_.fold_ ? mysql::LowerName(schema) : schema, mysql::LowerName(name)}, true);
  }

  // `tables`: each name may be a table that is written to; else they are only read, and routines
  // matter, also those that views call. `statement`: this is the statement itself.
  void Look(const Object& object, bool tables, bool statement) {
    const std::vector<Token> tokens = mysql::Tokenize(*object.text, {});
    for (size_t at = 0; at < tokens.size(); ++at) {
      if (!MayBeName(tokens[at], *object.text)) continue;
      const bool qualified = IsSymbol(tokens, at + 1, ".") && at + 2 < tokens.size() &&
                             MayBeName(tokens[at + 2], *object.text);
      const std::string& schema = qualified ? tokens[at].text : object.schema;
      const std::string& name = qualified ? tokens[at + 2].text : tokens[at].text;
      const bool called = IsSymbol(tokens, at + (qualified ? 3 : 1), "(") ||
                          (at > 0 && tokens[at - 1].upper == "CALL");
      if (called) VisitRoutine(schema, name);
      if (schema.empty()) continue;
      const TableId id = objects_.Folded({schema, name});
      if (!tables) {
        Take(objects_.views_, id, false);
        continue;
      }
      if (question_.is_replicated(id) && question_.exists(id)) {
        answer_.reached = id;
        answer_.by = object.name;
        return;
      }
      const bool found = statement && question_.exists(id);
      table_found_ = table_found_ || found;
      Visit(id, found, !statement && at > 0 && IsBeforeTable(tokens[at - 1]));
    }
    if (tokens.back().kind == TokenKind::kError) {
      Unknown(fmt::format("the text of {} cannot be read to its end", object.name));
    }
  }

  const ActiveObjects& objects_;
  const Question& question_;
  Answer answer_;
  bool table_found_ = false;
  std::vector<std::pair<const Object*, bool>> objects_to_look_at_;  // (object, writes)
  std::set<std::pair<const void*, bool>> seen_;
};

ActiveObjects::Answer ActiveObjects::Follow(const Question& question) const {
  return Walk(*this, question).Go();
}

ActiveObjects::Answer IndirectWrites::Follow(ActiveObjects::Question question,
                                             const StopToken& stop) {
  if (!objects_) Read(stop);
  question.exists = [&](const TableId& table) { return Exists(table, stop); };
  question.sees_triggers = [&](const std::string& schema) {
    return trigger_schemas_.contains("") || trigger_schemas_.contains(schema);
  };
  return objects_->Follow(question);
}

void IndirectWrites::OnDdl(std::string_view text) {
  if (!objects_) return;
  existing_.clear();
  if (!ChangesActiveObjects(text)) return;
  objects_.reset();
  told_.clear();
}

void IndirectWrites::Read(const StopToken& stop) {
  if (!connection_ || !connection_->IsAlive()) {
    connection_ = mysql::Connection::Connect(upstream_, stop);
  }
  ActiveObjects objects(fold_);
  constexpr std::string_view kSystem =
      "('mysql', 'sys', 'information_schema', 'performance_schema')";
  const auto each = [&](std::string_view columns, std::string_view table, std::string_view schema,
                        const auto& take) {
    const mysql::ResultSet result =
        connection_->Query(fmt::format("SELECT {} FROM information_schema.{} WHERE {} NOT IN {}",
                                       columns, table, schema, kSystem),
                           stop);
    for (const auto& row : result.rows) take(row);
  };
  each("TABLE_SCHEMA, TABLE_NAME, VIEW_DEFINITION", "VIEWS", "TABLE_SCHEMA", [&](const auto& row) {
    objects.AddView({row.at(0).value_or(""), row.at(1).value_or("")}, row.at(2));
  });
  each("EVENT_OBJECT_SCHEMA, EVENT_OBJECT_TABLE, TRIGGER_SCHEMA, ACTION_STATEMENT", "TRIGGERS",
       "TRIGGER_SCHEMA", [&](const auto& row) {
         objects.AddTrigger({row.at(0).value_or(""), row.at(1).value_or("")},
                            row.at(2).value_or(""), row.at(3));
       });
  each("ROUTINE_SCHEMA, ROUTINE_NAME, ROUTINE_DEFINITION", "ROUTINES", "ROUTINE_SCHEMA",
       [&](const auto& row) {
         objects.AddRoutine({row.at(0).value_or(""), row.at(1).value_or("")}, row.at(2));
       });
  const std::string account = connection_->QueryValue("SELECT CURRENT_USER()", stop).value_or("");
  const size_t at = account.rfind('@');
  const std::string grantee = fmt::format("'{}'@'{}'", account.substr(0, at),
                                          at == std::string::npos ? "" : account.substr(at + 1));
  trigger_schemas_.clear();
  for (const auto& row :
       connection_
           ->Query(fmt::format("SELECT '' FROM information_schema.USER_PRIVILEGES WHERE "
                               "PRIVILEGE_TYPE = 'TRIGGER' AND GRANTEE = {0} UNION SELECT "
                               "TABLE_SCHEMA FROM information_schema.SCHEMA_PRIVILEGES WHERE "
                               "PRIVILEGE_TYPE = 'TRIGGER' AND GRANTEE = {0}",
                               mysql::QuoteString(grantee)),
                   stop)
           .rows) {
    const std::string schema = row.at(0).value_or("");
    trigger_schemas_.insert(fold_ ? mysql::LowerName(schema) : schema);
  }
  objects_.emplace(std::move(objects));
}

bool IndirectWrites::Exists(const TableId& table, const StopToken& stop) {
  if (const auto known = existing_.find(table); known != existing_.end()) return known->second;
  if (!connection_ || !connection_->IsAlive()) {
    connection_ = mysql::Connection::Connect(upstream_, stop);
  }
  const bool there =
      connection_
          ->QueryValue(
              fmt::format("SELECT 1 FROM information_schema.TABLES WHERE TABLE_SCHEMA = "
                          "{} AND TABLE_NAME = {}",
                          mysql::QuoteString(table.schema), mysql::QuoteString(table.table)),
              stop)
          .has_value();
  if (existing_.size() >= kKnownTables) existing_.clear();
  existing_[table] = there;
  return there;
}

}  // namespace dm::migration
