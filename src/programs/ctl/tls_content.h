// TLS files of databases, read where dmctl runs because master and worker may not have them.
#pragma once

#include "migration/config/database.h"

namespace dm::ctl {

// True if `db` asks for TLS.
bool AsksForTls(const migration::DbConfig& db);

// Puts the content of the files into `db`, as base64. A part whose content is there already is left
// alone. The first file that cannot be read ends it and is logged: then the paths must be valid on
// the servers.
void EmbedTlsContent(migration::DbConfig& db);

}  // namespace dm::ctl
