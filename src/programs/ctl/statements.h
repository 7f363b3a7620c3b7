// SQL on the command line.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace dm::ctl {

// The statements of `text` (white space and one pair of double quotes around it removed), each with
// its `;` and with the white space in front of it. `;` inside quotes and comments separates
// nothing. Throws cli::CommandError "invalid sql '<text>': ..." if a statement is malformed or
// there is none.
std::vector<std::string> ParseStatementList(std::string_view text);

}  // namespace dm::ctl
