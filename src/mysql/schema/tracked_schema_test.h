// A tracked schema to which tests apply statements.
#pragma once

#include <gtest/gtest.h>

#include "mysql/schema/schema_tracker.h"
#include "mysql/sql/parser.h"
#include "mysql/sql/rewrite.h"

namespace dm::mysql {

// Applies the DDLs of `sql` as they are replicated, with `s` as the default schema.
inline void Apply(SchemaTracker& tracker, std::string_view sql, const ParseOptions& options = {}) {
  for (const Statement& statement : ParseStatements(sql, options)) {
    if (!statement.IsDdl()) continue;
    tracker.Commit(tracker.Plan("s", JoinAlters(SplitDdl(statement, "s"))));
  }
}

// A tracker with the schema `s`.
class TrackedSchema : public ::testing::Test {
 protected:
  explicit TrackedSchema(TrackerOptions options = {}, ParseOptions parse = {})
      : tracker_(std::move(options)), parse_(parse) {
    tracker_.CreateSchemaIfNotExists("s");
  }
  void Run(std::string_view sql) { Apply(tracker_, sql, parse_); }

  SchemaTracker tracker_;
  const ParseOptions parse_;
};

}  // namespace dm::mysql
