// Which build this is.
#pragma once

#include <string>
#include <string_view>

namespace dm {

// "v8.5.0": the release of the reference whose interfaces this build speaks. Shown to users and
// kept in the cluster's version record.
std::string_view ReleaseVersion();

// The text of --version: six labelled lines and an empty one.
std::string VersionText();

}  // namespace dm
