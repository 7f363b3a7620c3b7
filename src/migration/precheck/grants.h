// What the rows of SHOW GRANTS allow. No input or output.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace dm::migration {

// Privileges that the units need, in the order in which texts name them.
enum class Privilege {
  kCreate,
  kSelect,
  kInsert,
  kUpdate,
  kDelete,
  kSuper,
  kDrop,
  kProcess,
  kAlter,
  kIndex,
  kLockTables,
  kReload,
  kReplicationClient,
  kReplicationSlave,
};

// "Create", "LOCK TABLES", ...: as texts for users spell it.
std::string_view ToString(Privilege privilege);

// Where a privilege is needed: everywhere, on whole schemas, or on tables of a schema.
struct PrivilegeScope {
  bool global = false;
  std::set<std::string> schemas = {};
  std::map<std::string, std::set<std::string>> tables = {};

  bool empty() const { return !global && schemas.empty() && tables.empty(); }
  bool operator==(const PrivilegeScope&) const = default;
};

// Privileges without scope do not stand here.
using PrivilegeNeeds = std::map<Privilege, PrivilegeScope>;

// One row of SHOW GRANTS.
struct GrantRow {
  enum class Kind {
    kGrant,
    kRevoke,   // a partial revoke of MySQL 8 and newer
    kRoles,    // roles granted to the account
    kNothing,  // says nothing about data: PROXY, routines, SET DEFAULT ROLE
    kUnknown,  // not understood; `problem` says why
  };
  enum class Level { kGlobal, kSchema, kTable };
  // A role by its name and host; MariaDB's have no host.
  struct Role {
    std::string name;
    std::optional<std::string> host = {};
    bool operator==(const Role&) const = default;
  };

  Kind kind = Kind::kUnknown;
  Level level = Level::kGlobal;
  std::string schema;  // of a GRANT: a pattern with _, % and backslash
  std::string table;
  bool all = false;                  // ALL PRIVILEGES
  std::set<std::string> names;       // upper case; for whole tables at least
  std::set<std::string> on_columns;  // upper case; given or taken on some columns only
  std::vector<Role> roles;
  std::string problem;
};

// Reads a row as MySQL 5.6 to 9, MariaDB 10 and 11 and TiDB write it. Never fails.
GrantRow ParseGrantRow(std::string_view row);

// `role`@`host`, as SHOW GRANTS ... USING takes it.
std::string QuoteRole(const GrantRow::Role& role);

// A row without what may be secret: nothing behind its TO, FROM or IDENTIFIED is kept.
std::string RedactGrantRow(std::string_view row);

// True if the pattern of a schema-level grant covers `schema`.
bool MatchesGrantPattern(std::string_view pattern, std::string_view schema);

struct GrantRules {
  // Names of schemas and tables that differ in letter case alone are one.
  bool ignores_case = false;
  // SUPER stands for REPLICATION CLIENT, too: not so in MariaDB 11 and newer.
  bool super_is_replication_client = true;
};

// What of `needs` the rows, in their order, do not give.
PrivilegeNeeds Lacking(const PrivilegeNeeds& needs, const std::vector<GrantRow>& rows,
                       const GrantRules& rules = {});

// "lack of Select privilege: {`a`.`t`, `a`.`u`; `b`.*}; lack of RELOAD global (*.*) privilege; ".
// Empty if nothing is lacking.
std::string LackText(const PrivilegeNeeds& lacking);

}  // namespace dm::migration
