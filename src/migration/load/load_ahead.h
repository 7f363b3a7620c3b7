// Loading while the dump still runs.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>

#include "base/log/log.h"
#include "migration/dumpfile/channel.h"
#include "migration/load/file_loader.h"
#include "migration/load/grace_period.h"
#include "migration/load/loader_pool.h"
#include "migration/load/schema_phase.h"
#include "migration/rules/table_router.h"

namespace dm::migration {

// Takes files from the channel as the dump closes them, makes their databases and tables, and loads
// the data of tables that were empty and that nobody else fills (LoadMeta::ClaimOwned). All else is
// left to the run after the dump, which also repeats whatever failed here: nothing is lost if this
// ends early. Public functions are called by one thread at a time.
class LoadAhead {
 public:
  // References must outlive it. `epochs`: of the pool's slots.
  LoadAhead(const LoadContext& context, const std::vector<uint64_t>& epochs,
            const LocalDirectory& directory, const TableRouter& router, OnDuplicate on_duplicate,
            DumpFileChannel& channel, LoadProgress& progress);
  // As Stop(true).
  ~LoadAhead();

  // Waits until everything the dump gave is loaded or has failed. Throws Cancelled.
  void Finish(const StopToken& stop);
  // Ends at the next boundary between transactions (`kill`: at once) and waits for that.
  void Stop(bool kill);

 private:
  void Loop();
  void Take(const DumpedFile& file, LoaderPool& pool, mysql::Connection& db);
  void MakeDatabase(mysql::Connection& db, const std::string& target, std::string_view script);
  bool Owns(mysql::Connection& db, const std::string& schema, const std::string& table);

  const LoadContext& context_;
  const std::vector<uint64_t> epochs_;
  const LocalDirectory& directory_;
  const TableRouter& router_;
  const OnDuplicate on_duplicate_;
  DumpFileChannel& channel_;
  LoadProgress& progress_;
  const SchemaPhase schemas_;

  using Name = std::pair<std::string, std::string>;
  std::map<Name, std::shared_ptr<LoadTarget>> owned_;  // by upstream name
  std::set<TargetKey> seen_targets_;
  std::set<std::string> made_databases_;

  StopSource graceful_;
  StopSource kill_;
  GracePeriod grace_;
  StopSource finished_;
  std::jthread thread_;
};

}  // namespace dm::migration
