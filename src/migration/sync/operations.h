// What users ask of a sync unit beside running it: operations on statements that it cannot carry
// out, and on the definitions by which it reads rows.
#pragma once

#include <stdexcept>
#include <string>
#include <vector>

#include "base/thread/stop.h"

namespace dm::migration {

// An answer that is a plain sentence, without a code.
class PlainRefusal : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Numbers are those of the wire.
enum class StatementRequestKind { kSkip = 1, kReplace = 2, kRevert = 3, kInject = 4, kList = 5 };

struct StatementRequest {
  StatementRequestKind kind = StatementRequestKind::kList;
  std::string task;
  std::string position;  // "file:offset"; empty: where the unit stopped by an error
  std::vector<std::string> statements;
};

enum class SchemaRequestKind {
  kGet = 1,
  kSet = 2,
  kRemove = 3,
  kListSchemas = 4,
  kListTables = 5,
  kListTargets = 6
};

struct SchemaRequest {
  SchemaRequestKind kind = SchemaRequestKind::kGet;
  // Source names. For kListTargets regular expressions, all if empty.
  std::string database;
  std::string table;
  std::string statement;  // of kSet, unless it is fetched
  bool from_source = false;
  bool from_target = false;
  bool sync = false;
};

// Implemented by the sync unit. Callable from any thread once the unit is initialised, whether it
// runs or not; calls block on both databases. They throw Error, PlainRefusal, Cancelled.
class SyncOperations {
 public:
  virtual ~SyncOperations() = default;
  // The text for the user: JSON of kList, else empty.
  virtual std::string OperateOnStatement(const StatementRequest& request,
                                         const StopToken& stop) = 0;
  // The text for the user: a definition, JSON of a list, or empty. Throws Error
  // kWorkerNotPausedStage (40051) while the unit runs, but for kListTargets.
  virtual std::string OperateOnSchema(const SchemaRequest& request, const StopToken& stop) = 0;
};

}  // namespace dm::migration
