#include "migration/precheck/account.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/error/error.h"
#include "base/io/text.h"
#include "base/log/log.h"
#include "mysql/client/name_case.h"
#include "mysql/value/quote.h"

namespace dm::migration {
namespace {

constexpr std::string_view kNoGrant =
    "there is no such grant defined for current user on host '%%'";

constexpr std::string_view kInactive =
    "the account has roles that a new connection of it does not have (SET DEFAULT ROLE)";

// Rows of one SHOW GRANTS, those that are understood.
class Reader {
 public:
  Reader(mysql::Connection& connection, const StopToken& stop, AccountGrants& out)
      : connection_(connection), stop_(stop), out_(out) {}

  std::vector<GrantRow> Show(const std::string& whose) {
    std::vector<GrantRow> rows;
    for (const auto& answer :
         connection_.Query(fmt::format("SHOW GRANTS FOR {}", whose), stop_).rows) {
      const std::string text = answer.empty() ? "" : answer[0].value_or("");
      GrantRow row = ParseGrantRow(text);
      if (row.kind == GrantRow::Kind::kUnknown) {
        std::string shown = fmt::format("{} {}", RedactGrantRow(text), row.problem);
        if (std::find(out_.unread.begin(), out_.unread.end(), shown) == out_.unread.end()) {
          Log().Warn("a row of SHOW GRANTS is not understood and left out",
                     {F("row", RedactGrantRow(text)), F("reason", row.problem)});
          out_.unread.push_back(std::move(shown));
        }
        continue;
      }
      rows.push_back(std::move(row));
    }
    return rows;
  }

  // As Show; nothing if the server does not answer that.
  std::vector<GrantRow> ShowIfPossible(const std::string& whose) {
    try {
      return Show(whose);
    } catch (const Error& e) {
      if (connection_.broken()) throw;
      Log().Info("grants of a role are not shown", {F("role", whose), F("error", e)});
      return {};
    }
  }

  std::string CurrentRole() {
    try {
      return connection_.QueryValue("SELECT CURRENT_ROLE()", stop_).value_or("");
    } catch (const Error&) {
      if (connection_.broken()) throw;
      return "";  // a server without roles
    }
  }

  // MariaDB: what `role` has, and what the roles that it has have.
  void AddRole(const std::string& role, std::set<std::string>& seen, std::vector<GrantRow>& rows) {
    if (!seen.insert(role).second) return;
    for (GrantRow& row : ShowIfPossible(mysql::QuoteName(role))) {
      for (const GrantRow::Role& inner : row.roles) AddRole(inner.name, seen, rows);
      rows.push_back(std::move(row));
    }
  }

 private:
  mysql::Connection& connection_;
  const StopToken& stop_;
  AccountGrants& out_;
};

std::vector<GrantRow::Role> RolesOf(const std::vector<GrantRow>& rows) {
  std::vector<GrantRow::Role> roles;
  for (const GrantRow& row : rows) roles.insert(roles.end(), row.roles.begin(), row.roles.end());
  return roles;
}

void ReadMariaDbRoles(Reader& reader, std::vector<GrantRow> own, AccountGrants& out) {
  const std::string current = reader.CurrentRole();
  for (GrantRow& row : reader.ShowIfPossible("PUBLIC")) own.push_back(std::move(row));
  out.rows = own;
  out.active = std::move(own);
  std::set<std::string> active;
  if (!current.empty()) reader.AddRole(current, active, out.active);
  std::set<std::string> seen;
  for (const GrantRow::Role& role : RolesOf(out.rows)) {
    reader.AddRole(role.name, seen, out.rows);
    if (!active.contains(role.name)) out.inactive_roles.push_back(QuoteRole(role));
  }
  if (!current.empty()) reader.AddRole(current, seen, out.rows);
}

void ReadMySqlRoles(Reader& reader, std::vector<GrantRow> own, AccountGrants& out) {
  const std::vector<GrantRow::Role> roles = RolesOf(own);
  if (roles.empty()) {
    out.rows = own;
    out.active = std::move(own);
    return;
  }
  std::vector<std::string> names;
  for (const GrantRow::Role& role : roles) names.push_back(QuoteRole(role));
  out.rows = reader.Show(fmt::format("CURRENT_USER USING {}", Join(names, ", ")));
  const std::string current = reader.CurrentRole();
  if (current.empty() || EqualsIgnoreCase(current, "NONE")) {
    out.active = std::move(own);
    out.inactive_roles = std::move(names);
    return;
  }
  out.active = reader.Show(fmt::format("CURRENT_USER USING {}", current));
  for (const std::string& name : names) {
    if (current.find(name) == std::string::npos) out.inactive_roles.push_back(name);
  }
}

}  // namespace

AccountGrants ReadGrants(mysql::Connection& connection, const StopToken& stop) {
  AccountGrants out;
  const mysql::ServerInfo& server = connection.server();
  out.rules.super_is_replication_client = !server.is_mariadb || !server.AtLeast(11, 0);
  out.rules.ignores_case = mysql::IgnoresNameCase(connection, stop);
  Reader reader(connection, stop, out);
  std::vector<GrantRow> own = reader.Show("CURRENT_USER");
  if (own.empty() && out.unread.empty()) out.unread.emplace_back(kNoGrant);
  if (server.is_mariadb) {
    ReadMariaDbRoles(reader, std::move(own), out);
  } else {
    ReadMySqlRoles(reader, std::move(own), out);
  }
  return out;
}

bool JudgeGrants(const PrivilegeNeeds& needs, const AccountGrants& grants, CheckState on_lack,
                 CheckItem& item) {
  const PrivilegeNeeds lacking = Lacking(needs, grants.rows, grants.rules);
  if (!lacking.empty()) {
    if (on_lack == CheckState::kFail) {
      item.Fail(LackText(lacking));
    } else {
      item.Warn(LackText(lacking));
    }
    for (const std::string& row : grants.unread) item.Warn(row);
    // MariaDB does not show what these would give.
    if (!grants.inactive_roles.empty()) {
      item.Warn(fmt::format("{}: {}", kInactive, Join(grants.inactive_roles, ", ")));
    }
    return false;
  }
  if (!grants.inactive_roles.empty() && !Lacking(needs, grants.active, grants.rules).empty()) {
    item.Warn(fmt::format("{}: {}", kInactive, Join(grants.inactive_roles, ", ")));
    item.instruction = "Make them default roles of the account (SET DEFAULT ROLE).";
  }
  return true;
}

}  // namespace dm::migration
