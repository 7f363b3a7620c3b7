// The statements of a schema file and their rewriting for the target's names.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace dm::migration {

struct ScriptOptions {
  bool ansi_quotes = false;  // "name" is a name
  bool backslash_escapes = true;
};

// Splits a script at its semicolons; quotes and comments are respected. Statements have no
// semicolon and no blanks or plain comments around them; what is empty then, and SET statements,
// are left out. (Executable comments /*! */ count as statements unless they only SET.)
std::vector<std::string> SplitScript(std::string_view script, const ScriptOptions& options);

// A CREATE TABLE or CREATE DATABASE statement cut around the name, so that another can be put
// there. Everything else stays as the source's server printed it.
struct CreateHead {
  enum class Kind { kDatabase, kTable } kind = Kind::kTable;
  std::string_view rest;  // from behind the name to the end
};

// Throws Error kLoadUnitNotCreateTable naming the statement if it is neither.
CreateHead ReadCreateHead(std::string_view statement, const ScriptOptions& options);

// A CREATE VIEW statement as a server prints it, without its DEFINER: whoever executes it will be
// it. The same text if it has none.
std::string WithoutDefiner(std::string_view statement);

// Was this schema or data file written from a MariaDB upstream?
bool IsMariaDbScript(std::string_view script);

}  // namespace dm::migration
