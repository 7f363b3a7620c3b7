// What the downstream remembers of a load that was interrupted, brought together with the files and
// the targets as they are now.
#pragma once

#include <string>
#include <vector>

#include "base/error/error.h"
#include "base/thread/stop.h"
#include "migration/load/file_loader.h"
#include "migration/load/import.h"
#include "migration/load/loader_pool.h"
#include "migration/meta/load_meta.h"
#include "mysql/client/connection.h"

namespace dm::migration {

// Error kLoadCheckPointNotMatch: by what `table` (quoted) says a load was begun that is not ours: a
// version of DM whose progress is kept elsewhere, or by other rules, was stopped in the middle.
Error BegunElsewhere(const std::string& table);

// Gives each file the offset of its row. Files without a row, or whose row says nothing yet but
// another target, go to `added`. Throws Error kLoadCheckPointNotMatch if a row does not fit:
// another size, a file that is gone before it was loaded, or rows that went to another target
// (routes were changed). Pure.
std::vector<LoadFile> MatchProgress(std::vector<LoadFile> files,
                                    const std::vector<LoadCheckpointRow>& rows,
                                    std::vector<LoadCheckpointRow>* added);

// Files whose rows are lost, since their target is not there any more or is empty, begin again.
// Call it before targets are made. Throws Error kLoadCheckPointNotMatch if another source's rows
// are lost with them; the database's error.
void RestartLostTargets(const LoadContext& context, mysql::Connection& db,
                        std::vector<LoadFile>& files, const StopToken& stop);

// Says what this source does with the targets, which are there: those that are empty and that
// nobody else fills are its own. Call it before rows are written.
void ClaimTargets(const LoadMeta& meta, const OwnerRight& right, const ImportPlan& plan,
                  mysql::Connection& db, const StopToken& stop);

}  // namespace dm::migration
