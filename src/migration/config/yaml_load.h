// A YAML text as a tree of nodes, whatever the text is. In .cc files only: yaml-cpp is heavy.
#pragma once

#include <yaml-cpp/yaml.h>

#include <string_view>

namespace dm::migration {

// The root of the text's only document; undefined or null if there is none. Throws
// std::invalid_argument ("yaml: ...", with the line) if the text is no YAML, has more than one
// document, or has aliases that stand for more than anybody writes: who walks the tree comes by
// the nodes of an anchor once for every alias.
YAML::Node LoadYaml(std::string_view text);

}  // namespace dm::migration
