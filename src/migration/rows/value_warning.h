// Warnings of a server that is not strict: which of them say that it stored another value than the
// one that was sent.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "migration/rows/row_change.h"

namespace dm::migration {

// A column of the table that is written, as far as its warnings can be judged.
struct ValueColumn {
  std::string_view name;   // as the server shows it
  bool generated = false;  // computed by the server: nothing was sent
  // What is sent may be the error value of an ENUM, '', which a table may hold but is no member.
  bool error_value = false;
  // A FLOAT that is sent as a rounded text: the largest one reads a little larger than it is, and
  // becomes itself again.
  bool rounded_float = false;
  bool other_members = false;  // an ENUM or SET whose members may not be those of the sender
  bool text_as_other = false;  // a text is sent to a column that is none
  bool fits = false;           // the column holds everything that can be sent
};

// May a session that is not strict take a row for which a strict one has given the error `code`?
// `cause`: as in Error::raw_cause(), "Error 1406 (22001): Data too long for column 'c' at row 1".
bool DependsOnStrictness(int code, std::string_view cause);

// What a server says of a value that it changed. TiDB says in an UPDATE, and before 7.6 in an
// INSERT too, what went wrong in a conversion, but not where ("constant 300 overflows tinyint").
enum class WarningTexts { kNameTheColumn, kMayNameNoColumn };

// Does the warning (or error) `code` with the server's `text` say that a value of the table is not
// what was sent: what a strict server refuses? Not so are those about values that the server makes
// itself (defaults, generated columns) or only compares, and notes, which must not be given. A
// column that is not in `columns` counts as one that was sent, and so does what may be one.
bool ChangesValue(int code, std::string_view text, std::span<const ValueColumn> columns,
                  WarningTexts texts);

// The same for the statement that AppendChange makes of `change`. A delete stores no values.
bool ChangesValue(int code, std::string_view text, const RowChange& change, WarningTexts texts);

}  // namespace dm::migration
