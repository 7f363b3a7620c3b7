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

// The words of a line of the interactive mode; a line with unbalanced quotes is one word. Words of
// SQL (binlog replace, binlog inject, handle-error ... replace) keep their quotes, unless a
// statement as a whole is quoted as for a shell.
std::vector<std::string> WordsOfLine(std::string_view line);

}  // namespace dm::ctl
