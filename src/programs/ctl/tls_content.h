// TLS files of databases, read where dmctl runs because master and worker may not have them.
#pragma once

#include <string>

#include "migration/config/source.h"
#include "migration/config/task.h"

namespace dm::ctl {

// The text to send for a file: itself, unless the database asks for TLS. Then the whole
// configuration is written anew, with the content of the TLS files in it. The first file that
// cannot be read ends the loading and is logged: then the paths must be valid on the servers.
std::string WithTlsContent(migration::SourceConfig source, const std::string& text);
std::string WithTlsContent(migration::TaskConfig task, const std::string& text);

}  // namespace dm::ctl
