// Values of row images as SQL literals and as canonical text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "mysql/value/column.h"
#include "mysql/value/time_zone.h"

namespace dm::mysql {

struct LiteralOptions {
  // Zone that TIMESTAMP values are written in; equals the downstream session's time_zone.
  TimeZone time_zone;
  // The downstream session has NO_BACKSLASH_ESCAPES.
  bool no_backslash_escapes = false;
  // Write kept bytes as _binary'..' (TiDB) instead of under their character set's name.
  bool kept_as_binary = false;
  // TiDB: VECTOR values are text '[1,2.5]' instead of bytes, and some values have to be compared in
  // another way than they are written.
  bool for_tidb = false;
};

// Appends the literal of `cell` to `out`: NULL, 12, 3.140590118408203, '12.50', '2024-01-02
// 03:04:05.678', 'text', _binary'bytes'. Text is escaped with backslashes (or by doubling quotes).
// Charsets: latin1 and all others that are not UTF-8 become UTF-8 text, unless meta.keep_bytes
// (_gbk'bytes'); bytes that have no character are sent as they are. Throws Error
// 11054 if the bytes are malformed or the cell is absent. No allocation but of `out` itself (JSON
// and conversions aside).
void AppendLiteral(std::string& out, const Cell& cell, const ColumnMeta& meta,
                   const LiteralOptions& options);

// Appends the value's text without quotes, escapes or introducer: what a client would read, with
// BIT, ENUM and SET as numbers, BINARY padded, text in UTF-8. Equal values have equal text. NULL
// and absent cells append nothing.
void AppendText(std::string& out, const Cell& cell, const ColumnMeta& meta,
                const LiteralOptions& options);

// Does the literal of this column begin with a quote or introducer (so that its text is a string)?
bool IsStringLiteral(const ColumnMeta& meta);

// How the values of a column are sent as parameters of a prepared statement.
struct Parameter {
  uint8_t type = 0;  // the protocol's
  bool is_unsigned = false;
  bool operator==(const Parameter&) const = default;
};

// Nullopt for columns whose literals are no plain numbers, texts or bytes: of such a value a
// statement would not make the same from a parameter.
std::optional<Parameter> ParameterOf(const ColumnMeta& meta);

// Appends the value of a column that has a parameter, as MariaDB's bulk execution takes it. The
// statement stores what it would store of the literal. False, with nothing appended: the literal
// is of another kind than those of the column's other values. Throws as AppendLiteral.
bool AppendParameter(std::string& out, const Cell& cell, const ColumnMeta& meta,
                     const LiteralOptions& options);

}  // namespace dm::mysql
