// What the account of a connection may do.
#pragma once

#include <string>
#include <vector>

#include "base/thread/stop.h"
#include "migration/precheck/grants.h"
#include "migration/precheck/result.h"
#include "mysql/client/connection.h"

namespace dm::migration {

struct AccountGrants {
  std::vector<GrantRow> rows;               // with all roles that the account has
  std::vector<GrantRow> active;             // with those alone that a new connection has
  std::vector<std::string> inactive_roles;  // quoted
  // Rows that were not understood, without secrets, each with the reason.
  std::vector<std::string> unread;
  GrantRules rules;
};

// Reads SHOW GRANTS of the connection's account, and of its roles as the server wants it. What
// cannot be understood is logged without secrets and left out. Throws Error 10005, Cancelled.
AccountGrants ReadGrants(mysql::Connection& connection, const StopToken& stop);

// Puts into `item` what the account lacks of `needs`, as failure or as warning. A privilege that
// only an inactive role gives is a warning. True if nothing is lacking.
bool JudgeGrants(const PrivilegeNeeds& needs, const AccountGrants& grants, CheckState on_lack,
                 CheckItem& item);

}  // namespace dm::migration
