// What is known of a table's changes once for all its rows: names, columns, keys, ready-made SQL.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "migration/rows/key_fold.h"
#include "mysql/binlog/rows.h"
#include "mysql/binlog/table_map.h"
#include "mysql/schema/table_info.h"
#include "mysql/value/column.h"
#include "mysql/value/literal.h"

namespace dm::migration {

// A schema-qualified name.
struct TableId {
  std::string schema;
  std::string table;
  auto operator<=>(const TableId&) const = default;
  // `schema`.`table`.
  std::string Quoted() const;
};

// A column of the row image.
struct PlanColumn {
  std::string name;
  mysql::ColumnMeta meta;  // wire layout with the tracked definition laid over
  bool written = true;     // false: generated downstream, never assigned
  // MariaDB's own, of a hash key or a system-versioned table: in row images, in no statement.
  bool hidden = false;
  bool generated = false;        // upstream: may be absent from row images of MariaDB
  bool renewed = false;          // downstream: ON UPDATE CURRENT_TIMESTAMP, unless it is assigned
  bool where_as_signed = false;  // a SET of 64 members
  // Digits behind the point of a FLOAT(m,d) or DOUBLE(m,d) of TiDB, else -1: it rounds to the
  // nearest number, MySQL and MariaDB from the whole number below: -0.0001 is
  // -0.00009999999999998899 there.
  int8_t where_rounded = -1;
  bool where_as_float = false;  // and as the nearest one of single precision
  bool where_as_json = false;   // compared as CAST('..' AS JSON)
  bool where_as_text = false;   // a number, which a text column downstream would turn into a double
  // Text downstream that takes no bytes which are no character in the upstream's set: MySQL's and
  // TiDB's answer to them would be a warning and another value.
  bool needs_characters = false;
  // Compared without quotes: a DECIMAL and a string are compared as doubles, where many values are
  // equal. Only without identity; an index finds the exact one.
  bool where_as_number = false;
  // "CAST(`a` AS BINARY) = ", for text whose collation takes different values for equal: what
  // finds the very row in a table without a key. Empty if `assign` tells all values apart.
  std::string exact;
  bool exact_raw = false;    // compared with the stored bytes, not with the text in UTF-8
  bool exact_alone = false;  // no index helps, so `assign` need not stand beside it
  // Of an ENUM or SET that is written as text, since the downstream has a column of text, or counts
  // the members otherwise. Empty: it is written as a number.
  std::vector<std::string> members;
  std::vector<uint8_t> member_order;  // of a SET: in which order the downstream names its members
  std::string assign;                 // "`a` = "
  std::string is_null;                // "`a` IS NULL"
};

// A column of a unique index.
struct KeyPart {
  // Of a period WITHOUT OVERLAPS: the row has the place from `kStart` to before `kEnd`.
  enum class Period { kNone, kStart, kEnd };
  uint32_t column;      // in the row image
  int64_t prefix = -1;  // characters (text) or bytes; -1: the whole value
  bool prefix_in_bytes = false;
  KeyFold fold = KeyFold::kText;  // kIncomparable in a period
  Period period = Period::kNone;
};

// A unique index of the downstream table all of whose columns exist upstream.
struct UniqueKey {
  std::string name;
  std::vector<KeyPart> parts;
  uint64_t seed = 0;      // of its hashes: the target table and the index
  bool not_null = false;  // no column can be NULL downstream
  // Rows can be found by it. False if the upstream computes a column of it, since MariaDB leaves
  // such columns out of the images of UPDATE and DELETE, and if a downstream of another kind
  // computes one, since it may have another value there.
  bool findable = true;
};

// Immutable once built; shared by the planner and the workers.
struct TablePlan {
  TableId source;
  TableId target;
  mysql::TablePtr tracked;
  mysql::TablePtr downstream;
  std::vector<PlanColumn> columns;
  std::vector<mysql::ColumnMeta> metas;    // of `columns`, for decoding
  std::optional<mysql::RowLayout> layout;  // of `metas`; nullopt: one cannot be decoded
  std::vector<uint32_t> written;           // columns that are assigned
  // Of these, those that can be NULL upstream only. A statement of several rows would store another
  // value for the NULL, where one of one row fails.
  std::vector<uint32_t> null_refused;

  // Is a column that is absent from a row image no loss: its value is computed?
  bool MayBeAbsent(uint32_t column) const {
    return columns[column].generated || columns[column].hidden;
  }

  // Unique keys of the downstream in the order in which they are tried for WHERE.
  std::vector<UniqueKey> keys;
  // Index in `keys` of the primary key, or the first unique key that cannot be NULL. Without it a
  // change cannot be repeated harmlessly.
  std::optional<size_t> identity;
  // The rows of a statement that fails are not there. Without it a statement of several rows leaves
  // those before the one that fails.
  bool transactional = true;
  // The upstream table is system-versioned (MariaDB): the column that says until when a row was
  // current. Its binlog has the rows of the past as well, see row_versions.h.
  std::optional<uint32_t> row_end;
  // Rows collide in periods of a key: the server has neither REPLACE nor ON DUPLICATE KEY for it.
  bool without_overlaps = false;
  // Some unique index cannot be evaluated from the row image: all rows of the table conflict.
  bool one_key_for_all = false;
  uint64_t table_seed = 0;  // hash of the target table

  mysql::LiteralOptions literals;
  std::string insert_head;  // "INSERT INTO `d`.`t` (`a`,`b`) VALUES ("
  std::string replace_head;
  std::string update_head;  // "UPDATE `d`.`t` SET "
  std::string delete_head;  // "DELETE FROM `d`.`t` WHERE "
  // " ON DUPLICATE KEY UPDATE `a`=VALUES(`a`),..."; empty if the downstream has columns that the
  // upstream does not give values for, or a key WITHOUT OVERLAPS.
  std::string upsert_tail;
  // Of the written columns, for statements with markers; empty if some have none.
  std::vector<mysql::Parameter> parameters;
  std::string markers;  // "?,?)"
};

// Builds the plan of one source table. `map` is the table as rows events describe it, `tracked` its
// definition at this point of the binlog, `downstream` the target's. Throws Error
// kSyncerDMLColumnNotMatch (36027) if the tracked definition has another number of columns than the
// rows. `mariadb`: the upstream is MariaDB, whose row images lack generated columns at times and
// have hidden ones of hash keys at their end. `computed_alike`: the downstream is a server of the
// upstream's kind; others may compute other values of generated columns. `transactional`: so is the
// target's storage engine.
std::shared_ptr<const TablePlan> BuildTablePlan(const TableId& source, const TableId& target,
                                                const mysql::TableMap& map, mysql::TablePtr tracked,
                                                mysql::TablePtr downstream,
                                                const mysql::LiteralOptions& literals,
                                                bool mariadb = false, bool computed_alike = true,
                                                bool transactional = true);

}  // namespace dm::migration
