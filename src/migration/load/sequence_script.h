// What the file of a sequence says, and the statements that bring it to a target.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mysql/client/connection.h"
#include "mysql/sql/parser.h"

namespace dm::migration {

// Options of CREATE SEQUENCE. Numbers are kept as text: an unsigned one may be beyond 64 bits with
// a sign. Nullopt: the server's default.
struct SequenceOptions {
  std::string type;  // MariaDB since 11.5: "TINYINT UNSIGNED"
  std::optional<std::string> start;
  std::optional<std::string> minimum;
  std::optional<std::string> maximum;
  std::optional<std::string> increment;
  std::optional<std::string> cache;
  std::optional<bool> cycle;
  std::optional<std::string> comment;
};

// One SETVAL.
struct SequenceValue {
  std::string value;
  bool used = true;  // it has been given already
  std::string round = "0";
};

struct SequenceScript {
  SequenceOptions options;
  std::vector<SequenceValue> values;
};

// Reads CREATE SEQUENCE, and SETVAL in SELECT or DO, as servers show it and dump tools write it;
// options of tables, SET statements and DROP of a table, view or sequence mean nothing here. Throws
// Error kLoadUnitParseStatement for anything else, and if there is not exactly one sequence.
SequenceScript ReadSequenceScript(std::string_view script, const mysql::ParseOptions& options);

// Can a server of this kind and version have sequences?
bool HasSequences(const mysql::ServerInfo& server);

// Takes away what the target cannot have, and tells `left_out` of it. False: it cannot have the
// sequence.
bool AdaptSequence(SequenceScript* script, const mysql::ServerInfo& target,
                   const std::function<void(const std::string&)>& left_out);

// The first value that the sequence ever gave.
std::string StartOf(const SequenceOptions& options);

// The value that comes next; nullopt if there is none, or it is not known.
std::optional<std::string> NextValue(const SequenceScript& script);

// Does a sequence give the values that `wanted` says? `there`: as its server shows it.
bool GivesSameValues(const SequenceOptions& wanted, const SequenceOptions& there);

// CREATE SEQUENCE for the target; `name`: quoted.
std::string CreateSequenceStatement(const SequenceOptions& options, std::string_view name,
                                    const mysql::ServerInfo& target);

// What sets the value of a sequence that is there, if there is something to set. The server passes
// over what would set the sequence back, so that they may be repeated; on TiDB each repetition may
// cost one value of the sequence. A NEXTVAL may fail since the sequence has run out, which means
// nothing.
std::vector<std::string> SetValueStatements(const SequenceOptions& options,
                                            const SequenceValue& value, std::string_view name,
                                            const mysql::ServerInfo& target);

}  // namespace dm::migration
