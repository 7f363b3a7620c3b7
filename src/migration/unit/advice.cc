#include "migration/unit/advice.h"

#include <string>
#include <string_view>

#include "migration/unit/resumable.h"

namespace dm::migration {
namespace {

// By the number of the downstream server's error (MySQL, MariaDB and TiDB); empty: none.
std::string_view ByServerErrno(int number) {
  switch (number) {
    case 1021:  // ER_DISK_FULL
    case 1114:  // ER_RECORD_FILE_FULL
      return "Make room on the server.";
    case 1040:  // ER_CON_COUNT_ERROR
    case 1203:  // ER_TOO_MANY_USER_CONNECTIONS
      return "Raise the server's limit of connections, or lower `worker-count`, `pool-size` or "
             "`threads`.";
    case 1045:  // ER_ACCESS_DENIED_ERROR
      return "Correct the account's name or password, or give it the privilege that it lacks.";
    case 1044:  // ER_DBACCESS_DENIED_ERROR
    case 1142:  // ER_TABLEACCESS_DENIED_ERROR
    case 1143:  // ER_COLUMNACCESS_DENIED_ERROR
    case 1227:  // ER_SPECIFIC_ACCESS_DENIED_ERROR
      return "Give the account the privilege that the server names.";
    case 1048:  // ER_BAD_NULL_ERROR
    case 1264:  // ER_WARN_DATA_OUT_OF_RANGE
    case 1265:  // WARN_DATA_TRUNCATED
    case 1292:  // ER_TRUNCATED_WRONG_VALUE
    case 1366:  // ER_TRUNCATED_WRONG_VALUE_FOR_FIELD
    case 1406:  // ER_DATA_TOO_LONG
      return "Change the column downstream so that it can hold the value.";
    case 1364:  // ER_NO_DEFAULT_FOR_FIELD
      return "Give the column downstream a default value.";
    case 1054:  // ER_BAD_FIELD_ERROR
      return "Add the column downstream with the values that it has upstream.";
    case 1049:  // ER_BAD_DB_ERROR
    case 1146:  // ER_NO_SUCH_TABLE
      return "Create what is missing downstream, with the rows that it has upstream, or migrate it "
             "anew.";
    case 1062:  // ER_DUP_ENTRY
      return "Remove the row that is in the way downstream, or the key that only the downstream "
             "has.";
    case 1153:  // ER_NET_PACKET_TOO_LARGE
    case 1301:  // ER_WARN_ALLOWED_PACKET_OVERFLOWED
      return "Raise `max_allowed_packet` on the server that refused it.";
    case 1290:  // ER_OPTION_PREVENTS_STATEMENT
    case 1792:  // ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION
    case 1836:  // ER_READ_ONLY_MODE
      return "Make the server writable, or correct the address of the target.";
    case 1451:  // ER_ROW_IS_REFERENCED_2
    case 1452:  // ER_NO_REFERENCED_ROW_2
      return "Migrate the tables that the foreign key joins together, or drop it downstream.";
    case 3819:  // ER_CHECK_CONSTRAINT_VIOLATED (MySQL)
    case 4025:  // ER_CONSTRAINT_FAILED (MariaDB)
      return "Drop the constraint downstream, or correct the row.";
    case 1644:  // ER_SIGNAL_EXCEPTION
      return "Drop the trigger downstream.";
    default:
      return "";
  }
}

std::string_view ByCode(ErrorCode code) {
  switch (code) {
    case ErrorCode::kDBQueryFailed:
    case ErrorCode::kDBExecuteFailed:
    case ErrorCode::kDBExecuteFailedBegin:
      return "Remove the cause that the server names.";
    case ErrorCode::kLoadLightningRuntime:
      return "Correct what the cause names: make a table or database that the target refuses by "
             "hand in a form that it takes.";
    case ErrorCode::kSyncerDownstreamTableNotFound:
      return ByServerErrno(1146);
    case ErrorCode::kSchemaTrackerCannotMockDownstreamTable:
      return "Make it a table with a primary or unique key downstream, or leave it out of the "
             "task.";
    default:
      return "";
  }
}

}  // namespace

void Advise(Error& error) {
  if (!error.workaround().empty()) return;
  std::string_view advice;
  if (error.scope() != ErrorScope::kUpstream) advice = ByServerErrno(error.server_errno());
  if (error.raw_cause().find("packet for query is too large") != std::string::npos) {
    advice = ByServerErrno(1153);  // what the client says of it
  }
  if (advice.empty()) advice = ByCode(static_cast<ErrorCode>(error.code()));
  if (advice.empty()) return;
  error.SetWorkaround(std::string(advice) +
                      (IsResumable(error)
                           ? " The task then goes on by itself, or by `resume-task`."
                           : " Then `resume-task`: this is not tried again by itself."));
}

}  // namespace dm::migration
