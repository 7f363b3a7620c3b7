// What the upstream has: its databases and tables, and how each table is read.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/log/log.h"
#include "base/thread/stop.h"
#include "migration/dump/chunk_plan.h"
#include "migration/dump/key_steps.h"
#include "migration/dump/source_session.h"
#include "migration/dump/table_filter.h"
#include "mysql/client/connection.h"

namespace dm::migration {

struct DumpSchema {
  std::string name;
  std::vector<std::string> tables;
  std::vector<std::string> views;
  std::vector<std::string> sequences;
};

// What of a database is listed beside its tables.
struct ListedKinds {
  bool views = false;
  bool sequences = false;
};

// Databases that pass the filter, with what of theirs does. Sequences that are not asked for, or of
// a server other than MariaDB, are left out with a warning. Throws Error kDumpUnitRuntime "Unknown
// databases" if --database names one that is not there.
std::vector<DumpSchema> ListTables(mysql::Connection& db, const TableFilter& filter,
                                   const ListedKinds& kinds, const Logger& log,
                                   const StopToken& stop);

// Those of the tables whose engine keeps no snapshot (MyISAM, Aria, MEMORY, ...).
// The upstream's writers may be waiting meanwhile.
std::set<TableId> WithoutSnapshot(mysql::Connection& db, const std::vector<DumpSchema>& schemas,
                                  const StopToken& stop);

// One table, ready to be read.
struct DumpTable {
  TableId id;
  std::vector<DumpColumn> columns;  // all, in table order
  std::vector<DumpIndex> indexes;
  std::vector<std::string> primary_key;  // columns; empty without one

  // "`a`,`b`": the dumped columns; empty if all are generated.
  std::string ColumnList() const;
  // What is selected for them: FLOAT columns as DOUBLE, '' if all columns are generated; and behind
  // them for each with a LossyCharset its bytes in hex, NULL where the text itself is exact.
  std::string SelectList() const;
  // " ORDER BY `a`,`b`", or nothing. `split`: the column whose ranges are read, if any; by it where
  // the primary key would need a sort.
  std::string OrderBy(const DumpColumn* split) const;
  // Of the dumped columns, in order.
  std::vector<std::string> LossyCharsets() const;
  // Of the dumped columns, in order: is it a FLOAT?
  std::vector<bool> FloatColumns() const;
};

DumpTable DescribeTable(mysql::Connection& db, const TableId& id, const StopToken& stop);

std::string ShowCreateDatabase(mysql::Connection& db, const std::string& schema,
                               const StopToken& stop);
std::string ShowCreateTable(mysql::Connection& db, const TableId& id, const StopToken& stop);

// Texts of the two files of a view, without the header.
struct ViewText {
  std::string placeholder;
  std::string definition;
};
ViewText ShowCreateView(mysql::Connection& db, const TableId& id, const StopToken& stop);

// Text of the file of a MariaDB's sequence, without the header: its definition, and how far it has
// given values by now. A transaction of `db` would hold up statements that change the sequence.
// Nullopt: it is gone.
std::optional<std::string> ShowCreateSequence(mysql::Connection& db, const TableId& id,
                                              const StopToken& stop);

// The optimizer's guess of how many rows a dump of the table reads; 0 if it makes none.
uint64_t EstimateRows(mysql::Connection& db, const DumpTable& table, const std::string& condition,
                      const StopToken& stop);

// Ranges that cut the table into chunks; empty: read it in one piece.
struct ChunkPlan {
  const DumpColumn* column = nullptr;  // into table.columns
  std::vector<ChunkRange> ranges;
  // Instead of ranges: the boundaries are found by stepping along this key.
  std::optional<StepKey> steps;
};
ChunkPlan PlanChunks(mysql::Connection& db, const DumpTable& table, const std::string& condition,
                     uint64_t estimate, uint64_t rows, const StopToken& stop);

}  // namespace dm::migration
