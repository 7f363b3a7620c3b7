#include "migration/rules/collations.h"

#include "mysql/sql/lexer.h"
#include "mysql/value/charset.h"

namespace dm::migration {

namespace {

// The collation for a character set alone; empty if both kinds of servers agree on it.
std::string CollationFor(std::string_view charset_name, const ImplicitCollations& implicit,
                         const mysql::ServerInfo& target) {
  const mysql::Charset charset = mysql::FindCharset(charset_name);
  switch (charset) {
    case mysql::Charset::kUtf8mb3:
    case mysql::Charset::kUtf8mb4:
    case mysql::Charset::kUcs2:
    case mysql::Charset::kUtf16:
    case mysql::Charset::kUtf32:
      break;
    default:
      return "";
  }
  std::string found;
  for (const auto& [name, collation] : implicit.by_charset) {
    if (mysql::FindCharset(name) == charset) found = collation;
  }
  if (found.empty()) found = mysql::DefaultCollation(charset)->name;
  // Servers do not agree on the name of utf8mb3; where they agree on its default it is not needed.
  const bool plain = mysql::FindCollation(found) == mysql::DefaultCollation(charset);
  const bool other_default = target.is_mariadb && target.AtLeast(11, 5);
  return charset == mysql::Charset::kUtf8mb3 && plain && !other_default ? "" : found;
}

}  // namespace

std::optional<mysql::CollationFamily> CollationFamilyOf(const mysql::ServerInfo& server) {
  if (server.is_tidb) {
    return server.AtLeast(7, 4) ? mysql::CollationFamily::kTiDb : mysql::CollationFamily::kTiDbOld;
  }
  if (!server.is_mariadb) {
    if (server.AtLeast(8, 0)) return mysql::CollationFamily::kMySql8;
    return std::nullopt;
  }
  if (server.AtLeast(10, 10)) return mysql::CollationFamily::kMariaDbUca1400;
  if (server.AtLeast(10, 2)) return mysql::CollationFamily::kMariaDbNoPad;
  return std::nullopt;
}

bool CrossesKinds(bool from_mariadb, const mysql::ServerInfo& target) {
  return !target.is_tidb && from_mariadb != target.is_mariadb;
}

mysql::CollationNames CollationRenamer::For(const mysql::ServerInfo& target) {
  const std::optional<mysql::CollationFamily> family = CollationFamilyOf(target);
  if (!family) return nullptr;
  return [this, family = *family](std::string_view name) { return Rename(name, family); };
}

std::string CollationRenamer::Rename(std::string_view name, mysql::CollationFamily family) {
  std::string renamed = mysql::MapCollation(name, family);
  if (renamed == name) return renamed;
  std::lock_guard lock(mutex_);
  if (warned_.insert(mysql::UpperWord(name)).second) {
    log_.Warn("the downstream lacks a collation, the nearest one takes its place",
              {F("collation", name), F("instead", renamed)});
  }
  return renamed;
}

void NameCollationsStrictly(mysql::Statement* statement, const ImplicitCollations& implicit,
                            const std::function<void(std::string)>& warn) {
  const auto lookup = [&](std::string_view name) -> std::string {
    const mysql::Charset charset = mysql::FindCharset(name);
    for (const auto& [known, collation] : implicit.by_charset) {
      if (charset != mysql::Charset::kUnknown && mysql::FindCharset(known) == charset) {
        return collation;
      }
    }
    return "";
  };
  // What a server takes that tells no default of its own.
  constexpr std::string_view kServerDefault = "latin1_swedish_ci";
  // First, so that there is nothing left to warn of.
  if (!implicit.table.empty()) mysql::SetImplicitTableCollation(statement, implicit.table);
  mysql::CompleteCollations(statement, lookup,
                            implicit.database.empty() ? kServerDefault : implicit.database, warn);
  mysql::CompleteAlteredCollations(statement, lookup);
}

void MakeCollationsExplicit(mysql::Statement* statement, const ImplicitCollations& implicit,
                            const mysql::ServerInfo& target) {
  const auto lookup = [&](std::string_view charset) {
    return CollationFor(charset, implicit, target);
  };
  // What stays unnamed is what both understand alike.
  mysql::CompleteCollations(statement, lookup, implicit.database, [](const std::string&) {});
  mysql::CompleteAlteredCollations(statement, lookup);
  if (!implicit.table.empty()) mysql::SetImplicitTableCollation(statement, implicit.table);
}

}  // namespace dm::migration
