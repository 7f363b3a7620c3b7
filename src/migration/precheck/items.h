// The items of a check, each ready to be run. Private to this room.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "migration/precheck/account.h"
#include "migration/precheck/precheck.h"
#include "migration/precheck/preparation.h"
#include "migration/precheck/run_items.h"

namespace dm::migration {

// Each of these refers to the preparation, which must outlive the item.

// One upstream: source_items.cc.
ItemTask VersionItem(CheckedSource& source);
ItemTask ServerIdItem(CheckedSource& source);
ItemTask BinlogEnableItem(CheckedSource& source);
ItemTask BinlogFormatItem(CheckedSource& source);
ItemTask BinlogRowImageItem(CheckedSource& source);
ItemTask OnlineDdlItem(CheckedSource& source);
ItemTask BinlogDbItem(CheckedSource& source);

// What accounts may do: account_items.cc.
ItemTask DumperConnectionsItem(CheckedSource& source);
ItemTask LoaderConnectionsItem(Preparation& preparation);
ItemTask TargetPrivilegeItem(Preparation& preparation);
ItemTask DumpPrivilegeItem(CheckedSource& source);
ItemTask ReplicationPrivilegeItem(CheckedSource& source);

// Where replication starts: position_items.cc.
bool HasMetaPosition(const CheckedSource& source);
// `fresh`: the task begins at `meta` although there may be a checkpoint.
ItemTask MetaPositionItem(Preparation& preparation, CheckedSource& source, bool fresh);
ItemTask StartTimeItem(CheckedSource& source, const std::string& start_time);

// All tables: table_items.cc. `identity_only`: nothing but rows that could be doubled.
ItemTask TableStructureItem(Preparation& preparation, bool identity_only);

// Rules that match nothing: rule_effect.cc. It is left out of the report if there are none.
ItemTask RuleEffectItem(Preparation& preparation);

// Targets that are upstream tables of the task, or hold progress: own_targets.cc. Left out of the
// report likewise.
ItemTask OwnTargetsItem(Preparation& preparation);

// Statements on one table that take the rows of others with them: merged_tables.cc. Left out of the
// report likewise.
ItemTask MergedTablesItem(Preparation& preparation);

// Views that cannot be dumped or loaded: view_items.cc. Left out of the report likewise.
ItemTask ViewsItem(Preparation& preparation);

// Space for the dumps: space_items.cc. Left out of the report likewise. `ask` as in
// PrecheckOptions.
ItemTask DumpSpaceItem(Preparation& preparation, decltype(PrecheckOptions::dump_space) ask);

// What the downstream has to be: downstream_items.cc. Left out of the report likewise.
ItemTask SyncerConnectionsItem(Preparation& preparation);
ItemTask TransactionsItem(Preparation& preparation);

// "address of db instance - host:port".
std::string AddressExtra(const ConnectionPool& pool);

// Judgements without a server, for tests, too.
void JudgeVersion(const std::string& version, CheckItem& item);
void JudgeServerId(const std::string& value, CheckItem& item);
// `variable` is `value`, and should be `wanted`: a failure otherwise.
void JudgeVariable(std::string_view variable, const std::string& value, std::string_view wanted,
                   CheckItem& item);
void JudgeRowImage(const std::string& value, CheckItem& item);
// Has a server of this version the variable binlog_row_image? Throws Error for no version.
bool HasRowImage(const std::string& version);
// `do_db` and `ignore_db`: lists with commas, as the server shows them.
void JudgeBinlogDb(const std::vector<std::string>& schemas, const std::string& do_db,
                   const std::string& ignore_db, bool case_sensitive, CheckItem& item);
// `who`: dumper, loader or syncer. `used`: connections of others.
void JudgeConnections(std::string_view who, uint64_t max, uint64_t used, uint64_t needed,
                      CheckItem& item);
// Reads the limit of connections and, if there is one and the account may, what is used of it.
void CheckConnections(ConnectionPool& pool, std::string_view who, Privilege to_count,
                      uint64_t needed, CheckItem& item, const StopToken& stop);
// The data of a source's tables against what is free where its dump goes.
void JudgeDumpSpace(const std::string& source, uint64_t data_bytes, const DumpSpace& space,
                    CheckItem& item);
// How long binlogs are kept against how long the copy of `bytes` may take. 0 seconds: for ever.
void JudgeRetention(uint64_t seconds, uint64_t bytes, CheckItem& item);
// What an account lacks downstream, with `schemas` those that are written.
void JudgeTarget(const AccountGrants& grants, const std::string& meta_schema,
                 const std::set<std::string>& schemas, bool creates_tables, CheckItem& item);

// Value of SHOW GLOBAL VARIABLES; nullopt if there is no such variable.
std::optional<std::string> GlobalVariable(mysql::Connection& connection, std::string_view name,
                                          const StopToken& stop);

}  // namespace dm::migration
