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

}  // namespace

TableId ActiveObjects::Folded(TableId id) const {
  if (!fold_) return id;
  return {mysql::LowerName(id.schema), mysql::LowerName(id.table)};
}

void ActiveObjects::AddView(TableId view, std::optional<std::string> text) {
  const std::string name = "the view " + view.Quoted();
  std::string schema = view.schema;
  of_table_[Folded(std::move(view))].push_back({name, std::move(schema), std::move(text)});
}

void ActiveObjects::AddTrigger(TableId table, std::string schema, std::optional<std::string> text) {
  const std::string name = "a trigger of " + table.Quoted();
  of_table_[Folded(std::move(table))].push_back({name, std::move(schema), std::move(text)});
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
      for (const TableId& table : question_.tables) Visit(table, true);
    }
    Look({"the statement", question_.schema, question_.text}, question_.any_table, true);
    if (question_.any_table && !table_found_) Unknown("none of its tables is there any more");
    // Grows meanwhile.
    for (size_t i = 0; i < objects_to_look_at_.size() && !answer_.reached; ++i) {
      const Object& object = *objects_to_look_at_[i];
      if (object.text && !object.text->empty()) {
        Look(object, true, false);
      } else {
        Unknown("the account may not read the text of " + object.name);
      }
    }
    return answer_;
  }

 private:
  void Unknown(std::string what) {
    if (answer_.unknown.empty()) answer_.unknown = std::move(what);
  }

  void Take(const std::map<TableId, std::vector<Object>>& from, const TableId& key) {
    const auto found = from.find(key);
    if (found == from.end() || !seen_.insert(&found->second).second) return;
    for (const Object& object : found->second) objects_to_look_at_.push_back(&object);
  }

  // A table that is written to. `certain`: it is one, not only a name in a text.
  void Visit(const TableId& table, bool certain) {
    const TableId key = objects_.Folded(table);
    Take(objects_.of_table_, key);
    if (certain && !question_.is_visible(key)) {
      Unknown(
          fmt::format("the account may not see what the triggers of {} do, or it is not there "
                      "any more",
                      table.Quoted()));
    }
  }

  void VisitRoutine(const std::string& schema, const std::string& name) {
    Take(objects_.routines_,
         {objects_.fold_ ? mysql::LowerName(schema) : schema, mysql::LowerName(name)});
  }

  // `tables`: each name may be a table that is written to; else only routines matter. `statement`:
  // this is the statement itself.
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
      if (!tables || schema.empty()) continue;
      const TableId id = objects_.Folded({schema, name});
      if (question_.is_replicated(id) && question_.exists(id)) {
        answer_.reached = id;
        answer_.by = object.name;
        return;
      }
      const bool found = statement && question_.exists(id);
      table_found_ = table_found_ || found;
      Visit(id, found);
    }
  }

  const ActiveObjects& objects_;
  const Question& question_;
  Answer answer_;
  bool table_found_ = false;
  std::vector<const Object*> objects_to_look_at_;
  std::set<const void*> seen_;
};

ActiveObjects::Answer ActiveObjects::Follow(const Question& question) const {
  return Walk(*this, question).Go();
}

ActiveObjects::Answer IndirectWrites::Follow(ActiveObjects::Question question,
                                             const StopToken& stop) {
  if (!objects_) Read(stop);
  question.exists = [&](const TableId& table) { return Exists(table, stop); };
  question.is_visible = [&](const TableId& table) {
    const bool triggers = trigger_schemas_.contains("") || trigger_schemas_.contains(table.schema);
    return triggers && Exists(table, stop);
  };
  return objects_->Follow(question);
}

void IndirectWrites::OnDdl(std::string_view text) {
  if (!objects_) return;
  existing_.clear();
  constexpr std::string_view kWords[] = {"VIEW",      "TRIGGER", "FUNCTION",
                                         "PROCEDURE", "RENAME",  "DATABASE"};
  for (const Token& token : mysql::Tokenize(text, {})) {
    if (token.kind != TokenKind::kWord ||
        std::find(std::begin(kWords), std::end(kWords), token.upper) == std::end(kWords)) {
      continue;
    }
    objects_.reset();
    told_.clear();
    return;
  }
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
