// Names and text inside SQL.
#pragma once

#include <string>
#include <string_view>

namespace dm::mysql {

// `a``b` for a`b.
std::string QuoteName(std::string_view name);
void AppendQuotedName(std::string& out, std::string_view name);
// `schema`.`table`.
std::string QuoteTable(std::string_view schema, std::string_view table);

// Appends `bytes` escaped for use between single quotes. With no_backslash_escapes only quotes are
// doubled.
void AppendEscaped(std::string& out, std::string_view bytes, bool no_backslash_escapes = false);
// 'text' with quotes.
void AppendQuotedString(std::string& out, std::string_view bytes,
                        bool no_backslash_escapes = false);
std::string QuoteString(std::string_view bytes, bool no_backslash_escapes = false);
// A literal of the UTF-8 `text` that every sql_mode reads alike: 'text', or, where an escape would
// be needed, _utf8mb4 x'...'.
std::string QuoteAnyMode(std::string_view text);

}  // namespace dm::mysql
