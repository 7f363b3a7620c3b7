// What a target cannot take is taken out of a statement, or put in its own words.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "mysql/sql/restore.h"
#include "mysql/sql/statement.h"

namespace dm::mysql {

// Gets one line for each thing that is left out or replaced: "index `s` (SPATIAL)".
using LeftOut = std::function<void(std::string)>;

// What is known of both servers beside the target's kind.
struct AdaptOptions {
  bool from_mariadb = false;        // the statement is MariaDB's
  bool expression_defaults = true;  // the target takes DEFAULT (expression)
  bool validation_clause = true;    // the target takes WITH and WITHOUT VALIDATION
  // Has the target this storage engine? Empty: every one.
  std::function<bool(std::string_view engine)> has_engine;
  // Gets the columns that get a default for the rows that are there, which is no part of the
  // definition: it is to be dropped afterwards. Empty: it stays.
  std::function<void(const std::string& column)> filled_once;
  // Has the target this sequence? Empty: it has none.
  std::function<bool(const TableName& sequence)> has_sequence;
  // Has the target this parser of full-text indexes? Empty: every one.
  std::function<bool(std::string_view parser)> has_parser;
  // Is this column of the altered table of a blob type? Empty: none is.
  std::function<bool(std::string_view column)> is_blob;
  // MariaDB: is this column of the altered table GENERATED ALWAYS AS ROW, before the statement?
  // Empty: none is.
  std::function<bool(std::string_view column)> is_row_period;
  // MariaDB: is it, when the statement is done? Keys that it adds are of these columns. Empty: none
  // is, beside those that a CREATE TABLE itself defines.
  std::function<bool(std::string_view column)> becomes_row_period;
  // The name that the source gave an index of the statement without one; asked in their order.
  // Empty, or an empty answer: that of its first column.
  std::function<std::string(const Constraint& index)> name_of_index;
  // MariaDB: the altered table is partitioned by SYSTEM_TIME, and this partition has the rows that
  // are current. Empty: it is not.
  std::string current_partition;
};

// TEXT, BLOB, JSON, geometry: types that have no literal default on MySQL and TiDB.
bool IsBlobType(FieldType type);

// Changes a routed statement so that `target` can execute it and takes the same rows: keys and
// checks it does not have go (rows that it would refuse upstream never come), types it does not
// have become the text type that holds their values, clauses that only say how to do the work
// (ALGORITHM, LOCK) go. Returns false if nothing is left to execute. kCanonical changes nothing.
// What is invisible in a table (columns, keys, display) is left to Restore, which skips it without
// a word.
bool AdaptToTarget(Statement* statement, SqlTarget target, const LeftOut& left_out,
                   const AdaptOptions& options = {});

}  // namespace dm::mysql
