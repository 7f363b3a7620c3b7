#include "base/version/version.h"

#ifndef DM_GIT_HASH
#define DM_GIT_HASH "None"
#endif

namespace dm {

std::string_view ReleaseVersion() { return "v8.5.0"; }

std::string VersionText() {
  std::string out = "Release Version: ";
  out += ReleaseVersion();
  out += "\nGit Commit Hash: " DM_GIT_HASH
         "\nGit Branch: None\nUTC Build Time: None\nGo Version: None\nFailpoint Build: true\n\n";
  return out;
}

}  // namespace dm
