#include "migration/precheck/grants.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/io/text.h"
#include "migration/rules/name_pattern.h"
#include "mysql/value/quote.h"

namespace dm::migration {
namespace {

struct Known {
  Privilege privilege;
  std::string_view text;     // for users
  std::string_view name;     // in SHOW GRANTS
  bool global_only = false;  // cannot be granted on a schema
  bool on_tables = false;    // can be granted on a table
};

constexpr auto kKnown = std::to_array<Known>({
    {Privilege::kCreate, "Create", "CREATE", false, true},
    {Privilege::kSelect, "Select", "SELECT", false, true},
    {Privilege::kInsert, "Insert", "INSERT", false, true},
    {Privilege::kUpdate, "Update", "UPDATE", false, true},
    {Privilege::kDelete, "Delete", "DELETE", false, true},
    {Privilege::kSuper, "Super", "SUPER", true, false},
    {Privilege::kDrop, "Drop", "DROP", false, true},
    {Privilege::kProcess, "Process", "PROCESS", true, false},
    {Privilege::kAlter, "Alter", "ALTER", false, true},
    {Privilege::kIndex, "Index", "INDEX", false, true},
    {Privilege::kLockTables, "LOCK TABLES", "LOCK TABLES", false, false},
    {Privilege::kReload, "RELOAD", "RELOAD", true, false},
    {Privilege::kReplicationClient, "REPLICATION CLIENT", "REPLICATION CLIENT", true, false},
    {Privilege::kReplicationSlave, "REPLICATION SLAVE", "REPLICATION SLAVE", true, false},
});

const Known& Find(Privilege privilege) { return kKnown[static_cast<size_t>(privilege)]; }

enum class PartKind { kWord, kName, kString, kSymbol, kEnd };

struct Part {
  PartKind kind = PartKind::kEnd;
  std::string text;   // without quotes; words as written
  std::string upper;  // words only
  size_t begin = 0;

  bool Is(std::string_view word) const { return kind == PartKind::kWord && upper == word; }
  bool IsSymbol(char c) const { return kind == PartKind::kSymbol && text[0] == c; }
  bool IsIdentifier() const {
    return kind == PartKind::kWord || kind == PartKind::kName || kind == PartKind::kString;
  }
};

bool IsWordByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '$' || static_cast<unsigned char>(c) >= 0x80;
}

// Words, names in backticks or double quotes, strings, single characters; the last part is kEnd. A
// quote without its end takes the rest.
std::vector<Part> Cut(std::string_view row) {
  std::vector<Part> parts;
  size_t at = 0;
  while (at < row.size()) {
    const char c = row[at];
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
      ++at;
      continue;
    }
    Part part;
    part.begin = at;
    if (c == '`' || c == '"' || c == '\'') {
      part.kind = c == '\'' ? PartKind::kString : PartKind::kName;
      for (++at; at < row.size(); ++at) {
        if (row[at] == '\\' && c == '\'' && at + 1 < row.size()) {
          part.text += row[++at];
        } else if (row[at] == c) {
          if (at + 1 >= row.size() || row[at + 1] != c) break;
          part.text += row[++at];
        } else {
          part.text += row[at];
        }
      }
      ++at;
    } else if (IsWordByte(c)) {
      part.kind = PartKind::kWord;
      while (at < row.size() && IsWordByte(row[at])) part.text += row[at++];
      part.upper = ToUpper(part.text);
    } else {
      part.kind = PartKind::kSymbol;
      part.text = c;
      ++at;
    }
    parts.push_back(std::move(part));
  }
  parts.push_back({PartKind::kEnd, "", "", row.size()});
  return parts;
}

// Reads one row; throws std::string, which says what is wrong with it.
class RowReader {
 public:
  explicit RowReader(std::string_view row) : parts_(Cut(row)) {}

  GrantRow Read() {
    GrantRow row;
    if (Skip("SET")) {  // SET DEFAULT ROLE `r` FOR `u`@`h`
      row.kind = GrantRow::Kind::kNothing;
      return row;
    }
    const bool revoke = Peek().Is("REVOKE");
    if (!revoke && !Peek().Is("GRANT")) throw std::string("is not grant statement");
    ++at_;
    if (Peek().Is("PROXY") && parts_[at_ + 1].Is("ON")) {
      row.kind = GrantRow::Kind::kNothing;
      return row;
    }
    const std::string_view last = revoke ? "FROM" : "TO";
    if (!revoke && !HasOnBefore(last)) return Roles(last);
    row.kind = revoke ? GrantRow::Kind::kRevoke : GrantRow::Kind::kGrant;
    do {
      ReadPrivilege(row);
    } while (SkipSymbol(','));
    if (!Skip("ON")) throw std::string("has no ON where it is expected");
    ReadLevel(row);
    if (!Skip(last)) throw std::string(revoke ? "revoke has no user" : "grant has no user");
    if (!Peek().IsIdentifier()) throw std::string("grant has no user");
    return row;
  }

 private:
  const Part& Peek() const { return parts_[at_]; }
  bool Skip(std::string_view word) {
    if (!Peek().Is(word)) return false;
    ++at_;
    return true;
  }
  bool SkipSymbol(char c) {
    if (!Peek().IsSymbol(c)) return false;
    ++at_;
    return true;
  }

  // Privileges have an ON before the word that introduces the account, roles do not.
  bool HasOnBefore(std::string_view word) const {
    int depth = 0;
    for (size_t i = at_; i < parts_.size(); ++i) {
      if (parts_[i].IsSymbol('(')) ++depth;
      if (parts_[i].IsSymbol(')')) --depth;
      if (depth > 0) continue;
      if (parts_[i].Is("ON")) return true;
      if (parts_[i].Is(word)) return false;
    }
    return false;
  }

  GrantRow Roles(std::string_view last) {
    GrantRow row;
    row.kind = GrantRow::Kind::kRoles;
    do {
      if (!Peek().IsIdentifier()) throw std::string("has no role where one is expected");
      GrantRow::Role role{parts_[at_++].text};
      if (SkipSymbol('@')) {
        if (!Peek().IsIdentifier()) throw std::string("has a role without host");
        role.host = parts_[at_++].text;
      }
      row.roles.push_back(std::move(role));
    } while (SkipSymbol(','));
    if (!Skip(last)) throw std::string("grant has no user");
    return row;
  }

  void ReadPrivilege(GrantRow& row) {
    std::string name;
    while (Peek().kind == PartKind::kWord && !Peek().Is("ON")) {
      if (!name.empty()) name += ' ';
      name += parts_[at_++].upper;
    }
    if (name.empty()) throw std::string("has no privilege where one is expected");
    if (SkipSymbol('(')) {
      while (!Peek().IsSymbol(')')) {
        if (Peek().kind == PartKind::kEnd) throw std::string("has a list of columns without end");
        ++at_;
      }
      ++at_;
      row.on_columns.insert(std::move(name));
    } else if (name == "ALL" || name == "ALL PRIVILEGES") {
      row.all = true;
    } else {
      row.names.insert(std::move(name));
    }
  }

  void ReadLevel(GrantRow& row) {
    if (Peek().kind == PartKind::kWord && !parts_[at_ + 1].IsSymbol('.')) {
      const bool table = Peek().Is("TABLE");
      // FUNCTION, PROCEDURE, LIBRARY, PACKAGE, PACKAGE BODY: of no interest.
      while (Peek().kind == PartKind::kWord && !parts_[at_ + 1].IsSymbol('.')) ++at_;
      if (!table) row.kind = GrantRow::Kind::kNothing;
    }
    if (SkipSymbol('*')) {
      if (!SkipSymbol('.') || !SkipSymbol('*')) throw std::string("has no level like *.*");
      row.level = GrantRow::Level::kGlobal;
      return;
    }
    if (!Peek().IsIdentifier()) throw std::string("has no schema where one is expected");
    row.schema = parts_[at_++].text;
    if (!SkipSymbol('.')) throw std::string("has a level without schema");
    if (SkipSymbol('*')) {
      row.level = GrantRow::Level::kSchema;
      return;
    }
    if (!Peek().IsIdentifier()) throw std::string("has no table where one is expected");
    row.level = GrantRow::Level::kTable;
    row.table = parts_[at_++].text;
  }

  std::vector<Part> parts_;
  size_t at_ = 0;
};

// The needed privileges that a row is about, at the row's level.
std::vector<Privilege> Covered(const GrantRow& row, const GrantRules& rules) {
  const bool revoke = row.kind == GrantRow::Kind::kRevoke;
  const auto names = [&](std::string_view name) {
    return row.names.contains(std::string(name)) ||
           (revoke && row.on_columns.contains(std::string(name)));
  };
  std::vector<Privilege> covered;
  for (const Known& known : kKnown) {
    bool takes = names(known.name);
    if (row.all) {
      takes = takes || row.level == GrantRow::Level::kGlobal ||
              (row.level == GrantRow::Level::kSchema && !known.global_only) ||
              (row.level == GrantRow::Level::kTable && known.on_tables);
    }
    if (known.privilege == Privilege::kReplicationClient) {
      takes =
          takes || names("BINLOG MONITOR") || (names("SUPER") && rules.super_is_replication_client);
    }
    if (known.privilege == Privilege::kReload) takes = takes || names("FLUSH_TABLES");
    if (takes) covered.push_back(known.privilege);
  }
  return covered;
}

void Give(PrivilegeScope& lacking, const GrantRow& row) {
  switch (row.level) {
    case GrantRow::Level::kGlobal:
      lacking = {};
      return;
    case GrantRow::Level::kSchema:
      std::erase_if(lacking.schemas, [&](const std::string& schema) {
        return MatchesGrantPattern(row.schema, schema);
      });
      std::erase_if(lacking.tables, [&](const auto& entry) {
        return MatchesGrantPattern(row.schema, entry.first);
      });
      return;
    case GrantRow::Level::kTable: {
      const auto it = lacking.tables.find(row.schema);
      if (it == lacking.tables.end()) return;
      it->second.erase(row.table);
      if (it->second.empty()) lacking.tables.erase(it);
      return;
    }
  }
}

// The row takes back what `needs` asks for; names are literal here.
void Take(PrivilegeScope& lacking, const PrivilegeScope& needs, const GrantRow& row) {
  if (row.level == GrantRow::Level::kGlobal) {
    lacking = needs;
    return;
  }
  const auto tables = needs.tables.find(row.schema);
  if (row.level == GrantRow::Level::kSchema) {
    lacking.global = needs.global;
    if (needs.schemas.contains(row.schema)) lacking.schemas.insert(row.schema);
    if (tables != needs.tables.end()) lacking.tables[row.schema] = tables->second;
    return;
  }
  if (tables != needs.tables.end() && tables->second.contains(row.table)) {
    lacking.tables[row.schema].insert(row.table);
  }
}

}  // namespace

std::string_view ToString(Privilege privilege) { return Find(privilege).text; }

GrantRow ParseGrantRow(std::string_view row) {
  try {
    return RowReader(row).Read();
  } catch (const std::string& problem) {
    GrantRow unknown;
    unknown.problem = problem;
    return unknown;
  }
}

std::string QuoteRole(const GrantRow::Role& role) {
  std::string quoted = mysql::QuoteName(role.name);
  if (role.host) quoted += fmt::format("@{}", mysql::QuoteName(*role.host));
  return quoted;
}

std::string RedactGrantRow(std::string_view row) {
  for (const Part& part : Cut(row)) {
    if (part.Is("TO") || part.Is("FROM") || part.Is("IDENTIFIED") || part.Is("USING") ||
        part.Is("AS") || part.Is("BY") || part.Is("PASSWORD")) {
      return fmt::format("{}{} ...", row.substr(0, part.begin), part.upper);
    }
  }
  return std::string(row.substr(0, std::min<size_t>(row.size(), 64)));
}

bool MatchesGrantPattern(std::string_view pattern, std::string_view schema) {
  size_t p = 0, n = 0;
  size_t percent = std::string_view::npos, resume = 0;
  while (n < schema.size()) {
    const bool escaped = p + 1 < pattern.size() && pattern[p] == '\\';
    if (p < pattern.size() && pattern[p] == '%') {
      percent = p++;
      resume = n;
      continue;
    }
    if (p < pattern.size() && !escaped && pattern[p] == '_') {
      ++p;
      // One character, which may have several bytes.
      do {
        ++n;
      } while (n < schema.size() && (static_cast<unsigned char>(schema[n]) & 0xc0) == 0x80);
      continue;
    }
    if (escaped && pattern[p + 1] == schema[n]) {
      p += 2;
      ++n;
      continue;
    }
    if (p < pattern.size() && !escaped && pattern[p] == schema[n]) {
      ++p;
      ++n;
      continue;
    }
    if (percent == std::string_view::npos) return false;
    p = percent + 1;
    n = ++resume;
  }
  while (p < pattern.size() && pattern[p] == '%') ++p;
  return p == pattern.size();
}

namespace {

PrivilegeScope Folded(const PrivilegeScope& scope) {
  PrivilegeScope folded{.global = scope.global};
  for (const std::string& schema : scope.schemas) folded.schemas.insert(LowerName(schema));
  for (const auto& [schema, tables] : scope.tables) {
    std::set<std::string>& names = folded.tables[LowerName(schema)];
    for (const std::string& table : tables) names.insert(LowerName(table));
  }
  return folded;
}

// What of `scope` is in `folded`, in its letters.
PrivilegeScope Unfolded(const PrivilegeScope& folded, const PrivilegeScope& scope) {
  PrivilegeScope out{.global = folded.global};
  for (const std::string& schema : scope.schemas) {
    if (folded.schemas.contains(LowerName(schema))) out.schemas.insert(schema);
  }
  for (const auto& [schema, tables] : scope.tables) {
    const auto left = folded.tables.find(LowerName(schema));
    if (left == folded.tables.end()) continue;
    for (const std::string& table : tables) {
      if (left->second.contains(LowerName(table))) out.tables[schema].insert(table);
    }
  }
  return out;
}

// As Lacking does where the names of the rows are those of the needs.
PrivilegeNeeds LackingByName(const PrivilegeNeeds& needs, const std::vector<GrantRow>& rows,
                             const GrantRules& rules) {
  PrivilegeNeeds lacking = needs;
  for (const GrantRow& row : rows) {
    if (row.kind != GrantRow::Kind::kGrant && row.kind != GrantRow::Kind::kRevoke) continue;
    for (const Privilege privilege : Covered(row, rules)) {
      const auto need = needs.find(privilege);
      if (need == needs.end()) continue;
      if (row.kind == GrantRow::Kind::kGrant) {
        Give(lacking[privilege], row);
      } else {
        Take(lacking[privilege], need->second, row);
      }
    }
  }
  std::erase_if(lacking, [](const auto& entry) { return entry.second.empty(); });
  return lacking;
}

}  // namespace

PrivilegeNeeds Lacking(const PrivilegeNeeds& needs, const std::vector<GrantRow>& rows,
                       const GrantRules& rules) {
  if (!rules.ignores_case) return LackingByName(needs, rows, rules);
  PrivilegeNeeds folded;
  for (const auto& [privilege, scope] : needs) folded[privilege] = Folded(scope);
  std::vector<GrantRow> folded_rows = rows;
  for (GrantRow& row : folded_rows) {
    row.schema = LowerName(row.schema);
    row.table = LowerName(row.table);
  }
  PrivilegeNeeds lacking = LackingByName(folded, folded_rows, rules);
  for (auto& [privilege, scope] : lacking) scope = Unfolded(scope, needs.at(privilege));
  return lacking;
}

std::string LackText(const PrivilegeNeeds& lacking) {
  std::string text;
  for (const auto& [privilege, scope] : lacking) {
    text += fmt::format("lack of {}{} privilege", ToString(privilege),
                        scope.global ? " global (*.*)" : "");
    std::map<std::string, std::vector<std::string>> by_schema;
    for (const std::string& schema : scope.schemas) {
      by_schema[schema].push_back(fmt::format("{}.*", mysql::QuoteName(schema)));
    }
    for (const auto& [schema, tables] : scope.tables) {
      for (const std::string& table : tables) {
        by_schema[schema].push_back(mysql::QuoteTable(schema, table));
      }
    }
    if (!by_schema.empty()) {
      std::vector<std::string> schemas;
      for (const auto& [schema, names] : by_schema) schemas.push_back(Join(names, ", "));
      text += fmt::format(": {{{}}}", Join(schemas, "; "));
    }
    text += "; ";
  }
  return text;
}

}  // namespace dm::migration
