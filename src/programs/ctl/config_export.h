// config export: what a cluster runs, as files that `config import` takes.
#pragma once

#include <iosfwd>
#include <string>

namespace dm::ctl {

class MasterLink;

// Writes <directory>/sources/<id>.yaml, <directory>/tasks/<task>.yaml and, if sources have relay
// workers by name, <directory>/relay_workers.json. Directories get mode 0700, files 0600: they hold
// passwords. Existing files are overwritten, others kept. Nothing is written if one of the reads
// fails. Throws cli::CommandError, SystemError.
void ExportConfigs(MasterLink& master, const std::string& directory, std::ostream& out);

}  // namespace dm::ctl
