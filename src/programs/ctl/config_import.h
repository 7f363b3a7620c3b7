// config import: sources and tasks of an exported directory into a cluster.
#pragma once

#include <iosfwd>
#include <string>

namespace dm::ctl {

class MasterLink;

// Creates all sources in <directory>/sources, then starts all tasks in <directory>/tasks, one by
// one, in the order of file names; everything is read before anything is sent. Objects that exist
// already are no failure. Throws cli::CommandError, earlier objects left in place.
void ImportConfigs(MasterLink& master, const std::string& directory, std::ostream& out);

}  // namespace dm::ctl
