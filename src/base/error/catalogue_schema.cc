// Validator and schema tracker.
#include "base/error/catalogue.h"

namespace dm {
namespace {

using enum ErrorCode;

// Sorted by code.
constexpr ErrorEntry kSchemaErrors[] = {
    {kValidatorLoadPersistedData, "ValidatorLoadPersistedData", "validator", ErrorScope::kInternal,
     ErrorLevel::kHigh, "validator progress cannot be read from the target", ""},
    {kValidatorPersistData, "ValidatorPersistData", "validator", ErrorScope::kInternal,
     ErrorLevel::kHigh, "validator progress could not be written", ""},
    {kValidatorGetEvent, "ValidatorGetEvent", "validator", ErrorScope::kInternal, ErrorLevel::kHigh,
     "validator could not read the next event", ""},
    {kValidatorProcessRowEvent, "ValidatorProcessRowEvent", "validator", ErrorScope::kInternal,
     ErrorLevel::kHigh, "validator could not process a rows event", ""},
    {kValidatorValidateChange, "ValidatorValidateChange", "validator", ErrorScope::kInternal,
     ErrorLevel::kHigh, "comparison of rows failed", ""},
    {kValidatorNotFound, "ValidatorNotFound", "validator", ErrorScope::kNotSet, ErrorLevel::kMedium,
     "validator not found for task {} on source {}", ""},
    {kValidatorPanic, "ValidatorPanic", "validator", ErrorScope::kInternal, ErrorLevel::kHigh,
     "uncaught internal failure in the validator: {}", ""},
    {kValidatorTooMuchPending, "ValidatorTooMuchPending", "validator", ErrorScope::kInternal,
     ErrorLevel::kMedium, "too much pending data, stop validator: size {}, count {}", ""},
    {kSchemaTrackerInvalidJSON, "SchemaTrackerInvalidJSON", "schema-tracker",
     ErrorScope::kDownstream, ErrorLevel::kHigh, "stored table structure of {}.{} is broken JSON",
     "Please set the structure that the table has at the task's place in the binlog with "
     "`binlog-schema update`, then execute `resume-task`."},
    {kSchemaTrackerCannotCreateSchema, "SchemaTrackerCannotCreateSchema", "schema-tracker",
     ErrorScope::kInternal, ErrorLevel::kHigh, "tracker could not create schema {}", ""},
    {kSchemaTrackerCannotCreateTable, "SchemaTrackerCannotCreateTable", "schema-tracker",
     ErrorScope::kInternal, ErrorLevel::kHigh, "tracker could not create table {}", ""},
    {kSchemaTrackerCannotSerialize, "SchemaTrackerCannotSerialize", "schema-tracker",
     ErrorScope::kInternal, ErrorLevel::kHigh, "table structure of {}.{} cannot be serialised", ""},
    {kSchemaTrackerCannotGetTable, "SchemaTrackerCannotGetTable", "schema-tracker",
     ErrorScope::kInternal, ErrorLevel::kHigh, "cannot get table info of {}",
     "Please look with `binlog-schema list` at the tables that are known, and set the "
     "structure that the table has at the task's place in the binlog with `binlog-schema "
     "update`."},
    {kSchemaTrackerCannotExecDDL, "SchemaTrackerCannotExecDDL", "schema-tracker",
     ErrorScope::kInternal, ErrorLevel::kHigh, "cannot track DDL: {}",
     "You can use handle-error to replace or skip this DDL."},
    {kSchemaTrackerCannotFetchDownstreamTable, "SchemaTrackerCannotFetchDownstreamTable",
     "schema-tracker", ErrorScope::kDownstream, ErrorLevel::kMedium,
     "cannot fetch downstream table schema of {} to initialize upstream schema {} in schema "
     "tracker",
     "Please make the target table as the upstream's was at the task's place in the "
     "binlog, or leave the table out with `block-allow-list` or change `routes`; the "
     "structure alone can be set with `binlog-schema update`. Then execute `resume-task`."},
    {kSchemaTrackerCannotParseDownstreamTable, "SchemaTrackerCannotParseDownstreamTable",
     "schema-tracker", ErrorScope::kInternal, ErrorLevel::kHigh,
     "cannot parse downstream table schema of {} to initialize upstream schema {} in schema "
     "tracker",
     ""},
    {kSchemaTrackerInvalidCreateTableStmt, "SchemaTrackerInvalidCreateTableStmt", "schema-tracker",
     ErrorScope::kInternal, ErrorLevel::kMedium, "{} is not a valid `CREATE TABLE` statement",
     "Please give one complete CREATE TABLE statement, as SHOW CREATE TABLE prints it."},
    {kSchemaTrackerRestoreStmtFail, "SchemaTrackerRestoreStmtFail", "schema-tracker",
     ErrorScope::kInternal, ErrorLevel::kMedium, "statement cannot be turned back into text",
     "Please simplify the definition, or set the structure with `binlog-schema update`."},
    {kSchemaTrackerCannotDropTable, "SchemaTrackerCannotDropTable", "schema-tracker",
     ErrorScope::kInternal, ErrorLevel::kHigh, "tracker could not drop table {}", ""},
    {kSchemaTrackerInit, "SchemaTrackerInit", "schema-tracker", ErrorScope::kInternal,
     ErrorLevel::kHigh, "tracker could not be created", ""},
    {kSchemaTrackerMarshalJSON, "SchemaTrackerMarshalJSON", "schema-tracker",
     ErrorScope::kDownstream, ErrorLevel::kHigh, "structure {} cannot be serialised to JSON", ""},
    {kSchemaTrackerUnMarshalJSON, "SchemaTrackerUnMarshalJSON", "schema-tracker",
     ErrorScope::kDownstream, ErrorLevel::kHigh, "JSON {} cannot be read", ""},
    {kSchemaTrackerUnSchemaNotExist, "SchemaTrackerUnSchemaNotExist", "schema-tracker",
     ErrorScope::kDownstream, ErrorLevel::kHigh, "can not find `{}` in tracker",
     "Please look with `binlog-schema list` at the schemas that are known."},
    {kSchemaTrackerCannotSetDownstreamSQLMode, "SchemaTrackerCannotSetDownstreamSQLMode",
     "schema-tracker", ErrorScope::kInternal, ErrorLevel::kHigh,
     "default sql_mode {} could not be set on the tracking connection",
     "Please check `sql_mode` in `session` of the target database."},
    {kSchemaTrackerCannotInitDownstreamParser, "SchemaTrackerCannotInitDownstreamParser",
     "schema-tracker", ErrorScope::kInternal, ErrorLevel::kHigh,
     "parser for sql_mode {} could not be created", ""},
    {kSchemaTrackerCannotMockDownstreamTable, "SchemaTrackerCannotMockDownstreamTable",
     "schema-tracker", ErrorScope::kInternal, ErrorLevel::kHigh,
     "target CREATE TABLE {} could not be modelled", ""},
    {kSchemaTrackerCannotFetchDownstreamCreateTableStmt,
     "SchemaTrackerCannotFetchDownstreamCreateTableStmt", "schema-tracker", ErrorScope::kInternal,
     ErrorLevel::kHigh,
     "failed to fetch downstream table {} by show create table statement in schema tracker",
     "Please make the target table, leave it out with `block-allow-list`, or change "
     "`routes`; the account needs the right to SELECT from it. Then execute `resume-task`."},
    {kSchemaTrackerIsClosed, "SchemaTrackerIsClosed", "schema-tracker", ErrorScope::kInternal,
     ErrorLevel::kHigh, "tracker is closed", "Please execute `resume-task`."},
};

}  // namespace

std::span<const ErrorEntry> SchemaErrors() { return kSchemaErrors; }

}  // namespace dm
