// Which failures of a database call are worth another try.
#pragma once

#include "base/error/error.h"

namespace dm::mysql {

// The connection is gone (10002, 10003): a new one is needed.
bool IsConnectionLost(const Error& e);
// Dead before anything was sent (10002): repeating is harmless.
bool IsBadConnection(const Error& e);
// Died with a request under way (10003): its outcome is unknown.
bool IsInvalidConnection(const Error& e);
// "connect: connection refused" in the cause.
bool IsConnectionRefused(const Error& e);
// Server errors that the sync unit repeats in place: deadlock, write conflict, schema expired, ...
bool IsRetryableServerError(const Error& e);
// TiDB: the transaction is beyond a limit of the server (8004 size, 8175 memory); less of it may
// pass. It is to be rolled back.
bool IsTransactionTooLarge(const Error& e);
// Errors about locks, rights, limits or the state of the server: not about the values of a row.
bool IsErrorOfServer(const Error& e);
// DDL errors that mean "already so": 1007, 1008, 1050, 1051, 1054, 1060, 1061, 1068, 1091, 1176,
// 1507, 1517, 1831.
bool IsIgnorableDdlError(const Error& e);
// Errors of a definition that may say that a name of a foreign key or check is taken: 1826, 3822,
// 1022, and 1005 with errno 121.
bool MaySayConstraintIsTaken(const Error& e);
// Errors that say that the server does not know what a definition is written with: its syntax
// (1064, 1235, TiDB 8200), a character set (1115), a collation (1253, 1273), an engine (1286), a
// type (MariaDB 4161, TiDB 8108). They say nothing of whether the table is there.
bool IsUnknownToServer(const Error& e);

}  // namespace dm::mysql
