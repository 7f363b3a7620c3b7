#include "migration/load/load_ahead.h"

#include "base/failpoint/failpoint.h"
#include "migration/dumpfile/file_name.h"
#include "migration/load/import.h"
#include "mysql/value/quote.h"

namespace dm::migration {

namespace {

constexpr int kDuplicateKey = 1062;

}  // namespace

LoadAhead::LoadAhead(const LoadContext& context, const std::vector<uint64_t>& epochs,
                     const LocalDirectory& directory, const TableRouter& router,
                     OnDuplicate on_duplicate, DumpFileChannel& channel, LoadProgress& progress)
    : context_(context),
      epochs_(epochs),
      directory_(directory),
      router_(router),
      on_duplicate_(on_duplicate),
      channel_(channel),
      progress_(progress),
      schemas_(context),
      grace_(graceful_.get_token(), kill_.get_token()),
      thread_([this] { Loop(); }) {}

LoadAhead::~LoadAhead() { Stop(true); }

void LoadAhead::Finish(const StopToken& stop) {
  const LinkedStop either(stop, finished_.get_token());
  try {
    WaitFor(std::chrono::hours(24 * 365), either.token());
  } catch (const Cancelled&) {
    ThrowIfStopped(stop);
  }
  Stop(false);
}

void LoadAhead::Stop(bool kill) {
  if (kill) kill_.request_stop();
  graceful_.request_stop();
  if (thread_.joinable()) thread_.join();
}

void LoadAhead::Loop() {
  const LoadStop stop{graceful_.get_token(), grace_.cut()};
  try {
    LoaderPool pool(context_, epochs_, stop);
    QuietConnection main(context_);
    const LoadStop until{pool.ended(), stop.cut};
    try {
      while (const auto file = channel_.Next(until.graceful)) Take(*file, pool, main.Use(until));
    } catch (const Cancelled&) {
      // Ended, or a job has failed: Drain tells.
    }
    pool.Drain();
  } catch (const Cancelled&) {
    // What is left is loaded by the run after the dump, or by that of a resumed task.
    channel_.Abandon();
  } catch (const std::exception& e) {
    context_.log.Warn("loading while dumping ended, the rest is loaded afterwards",
                      {F("error", ErrorText(e))});
    // The dump must not wait for a consumer that is gone.
    channel_.Abandon();
  }
  finished_.request_stop();
}

void LoadAhead::MakeDatabase(mysql::Connection& db, const std::string& target,
                             std::string_view script) {
  if (!made_databases_.insert(target).second) return;
  schemas_.CreateDatabase(db, context_.right, target, script, grace_.cut());
}

bool LoadAhead::Owns(mysql::Connection& db, const std::string& schema, const std::string& table) {
  const StopToken stop = grace_.cut();
  if (!seen_targets_.insert(context_.meta.KeyOf(schema, table)).second) return false;
  if (db.QueryValue("SELECT 1 FROM " + mysql::QuoteTable(schema, table) + " LIMIT 1", stop)) {
    return false;
  }
  try {
    const bool owned = context_.meta.ClaimOwned(db, context_.right, schema, table, stop);
    // Crash point: an empty table is claimed. Left: its rows.
    DM_FAILPOINT("load/claimed");
    return owned;
  } catch (const Error& e) {
    if (e.server_errno() == kDuplicateKey) return false;  // claimed already
    throw;
  }
}

void LoadAhead::Take(const DumpedFile& file, LoaderPool& pool, mysql::Connection& db) {
  const StopToken cut = grace_.cut();
  CheckLoadFence(context_.fence);
  switch (file.kind) {
    case DumpFileKind::kSchemaCreate:
      MakeDatabase(db, router_.Route(file.schema, "").first, ReadScript(directory_, file.path));
      break;
    case DumpFileKind::kSequenceSchema: {
      const auto [schema, sequence] = router_.Route(file.schema, file.table);
      MakeDatabase(db, schema, "");
      schemas_.CreateSequence(db, context_.right, schema, sequence,
                              ReadScript(directory_, file.path), file.path, cut);
      break;
    }
    case DumpFileKind::kTableSchema: {
      const auto [schema, table] = router_.Route(file.schema, file.table);
      MakeDatabase(db, schema, "");
      const std::string script = ReadScript(directory_, file.path);
      schemas_.CreateTable(db, context_.right, {file.schema, file.table}, {schema, table}, script,
                           cut);
      if (Owns(db, schema, table)) {
        auto target = std::make_shared<LoadTarget>();
        target->schema = schema;
        target->table = table;
        target->in_order = !db.server().is_tidb && !HasPrimaryKey(script);
        owned_[{file.schema, file.table}] = std::move(target);
      }
      break;
    }
    case DumpFileKind::kData: {
      const auto owned = owned_.find({file.schema, file.table});
      if (owned == owned_.end()) break;
      const auto size = static_cast<int64_t>(file.size);
      context_.meta.AddFiles(db, context_.right,
                             {{file.path, owned->second->schema, owned->second->table, 0, size}},
                             cut);
      // Crash point: a file of a dump that goes on is recorded. Left: its rows.
      DM_FAILPOINT("load/file-recorded");
      progress_.total_bytes += size;
      const LoadTarget* target = owned->second.get();
      const LoadFile whole{.path = file.path,
                           .target = owned->second,
                           .size = size,
                           .script = TableSchemaFileName(file.schema, file.table)};
      pool.Submit(
          [this, load = whole](LoadConnection& connection, const LoadStop& stop) {
            FileLoader(context_, directory_, on_duplicate_, progress_).Load(load, connection, stop);
            // Crash point: all pieces of a file are committed. Left: the other files.
            DM_FAILPOINT("load/after-file");
            channel_.Done(static_cast<uint64_t>(load.size));
          },
          target->in_order ? target : nullptr);
      return;
    }
    case DumpFileKind::kViewSchema:
    case DumpFileKind::kIgnored:
      break;
  }
  channel_.Done(file.size);
}

}  // namespace dm::migration
