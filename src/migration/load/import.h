// A dump directory as work for the pool: which files there are, where they go, and their loading.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "migration/load/file_loader.h"
#include "migration/load/loader_pool.h"
#include "migration/load/schema_phase.h"
#include "migration/rules/table_router.h"
#include "migration/storage/local_directory.h"

namespace dm::migration {

// Table or view of the dump: its schema file and data files.
struct ImportTable {
  std::string schema;  // upstream names
  std::string table;
  std::string script;       // path of the -schema.sql file; empty: none
  std::string view_script;  // path of the -schema-view.sql file; empty: it is a table
  std::shared_ptr<LoadTarget> target;
  std::vector<StoredFile> data;
};

struct ImportSequence {
  std::string schema;  // target
  std::string sequence;
  std::string script;  // path of the -schema-sequence.sql file
};

struct ImportPlan {
  std::map<std::string, std::string> databases;  // upstream schema -> path of its file, or ""
  std::vector<ImportSequence> sequences;
  std::vector<ImportTable> tables;
  int64_t data_bytes = 0;
};

// Sorts the files of a dump and routes their tables. Upstream tables with one target share its
// LoadTarget. Throws Error kLoadLightningRuntime for data in a format that is not supported, for
// a data file without content, and for a view that would get another name.
ImportPlan PlanImport(const std::vector<StoredFile>& files, const TableRouter& router);

// Data files in the order of loading: tables take turns, so that the connections spread over them.
std::vector<LoadFile> OrderFiles(const ImportPlan& plan);

// Does a table's schema file have a primary key? A text of the table that says so counts, too: what
// depends on it is an order that is not promised.
bool HasPrimaryKey(std::string_view script);

// Content of a schema file. Throws Error kLoadUnitReadSchemaFile.
std::string ReadScript(const LocalDirectory& directory, const std::string& path);

}  // namespace dm::migration
