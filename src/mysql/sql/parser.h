// From SQL text to statements. Hand-written recursive descent over the grammar of ddl statements of
// MySQL 5.6-9, MariaDB 10-11 and TiDB. Text that is not understood is an error with its place,
// never guessed at.
#pragma once

#include <string_view>
#include <vector>

#include "mysql/sql/sql_mode.h"
#include "mysql/sql/statement.h"
#include "mysql/value/charset.h"

namespace dm::mysql {

struct ParseOptions {
  SqlMode sql_mode;
  // The text comes from MariaDB: /*M! */ comments are code, JSON means LONGTEXT to the tracker.
  bool mariadb = false;
  // `utf8` names utf8mb4: in MariaDB from 10.6 on, where old_mode has no UTF8_IS_UTF8MB3.
  bool utf8_is_utf8mb4 = false;
  // What the text was in before it was made UTF-8; kUnknown: UTF-8. A literal behind a name of a
  // character set means the bytes that it had then.
  Charset client_charset = Charset::kUnknown;
};

// The statements of `text` (UTF-8), separated by `;`. Empty for text that is all comment.
// A body of a routine, trigger or event takes the rest of the text. Throws Error kParseSQL (11006)
// whose raw cause is `line 1 column 38 near "GEOMETRY" ` and, where it helps, what was expected;
// lines and columns count from 1, columns in characters at the end of the offending token.
std::vector<Statement> ParseStatements(std::string_view text, const ParseOptions& options);

// As above for the first statement alone; what follows its `;` is not looked at. False if there is
// none (pure comment).
bool ParseFirst(std::string_view text, const ParseOptions& options, Statement* out);

// A single expression that fills `text`. Same error.
ExprPtr ParseExpression(std::string_view text, const ParseOptions& options);

// True if the text is one of the statements that are never replicated: the built-in skip list
// (views, routines, accounts, maintenance, ...), by its expressions or by what it says after
// leading comments. A text that is one single executable comment is taken by its expressions only.
bool MatchesBuiltinSkip(std::string_view text);

}  // namespace dm::mysql
