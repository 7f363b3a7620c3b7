// Makes the target's databases, sequences, tables and views from the schema files of a dump.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/log/log.h"
#include "base/thread/stop.h"
#include "migration/load/loader_pool.h"
#include "migration/load/sequence_script.h"
#include "migration/rules/collations.h"
#include "mysql/client/connection.h"
#include "mysql/sql/statement.h"

namespace dm::migration {

// One statement of the schema phase gets three attempts; a target that is away is waited for. All
// functions throw Error kLoadLightningRuntime, or kSyncerOwnerChanged: another run has the `right`
// of the connection's user by now. What already exists is left as it is. Thread-safe; a connection
// belongs to its caller.
class SchemaPhase {
 public:
  // `context` must outlive it.
  explicit SchemaPhase(const LoadContext& context)
      : context_(context),
        session_(context.session),
        meta_(context.meta),
        log_(context.log),
        collations_(std::make_unique<CollationRenamer>(log_)) {}

  // `script`: content of the -schema-create.sql file; empty: there is none.
  void CreateDatabase(mysql::Connection& db, const OwnerRight& right, const std::string& target,
                      std::string_view script, const StopToken& stop) const;
  // A sequence, and how far it has given values; one that is there keeps its definition, and is set
  // ahead to that, never back, so that it may be repeated, and of several sources' the one that is
  // farthest counts. It is left out, with a warning, if the target has no sequences, or something
  // else of that name, or cannot have this one. `path`: of the script, for errors.
  void CreateSequence(mysql::Connection& db, const OwnerRight& right, const std::string& schema,
                      const std::string& sequence, std::string_view script, const std::string& path,
                      const StopToken& stop) const;
  // A table that is made is noted in the load's progress (LoadMeta::MadeTables). `source`: the
  // table upstream, of which `script` is the definition.
  void CreateTable(mysql::Connection& db, const OwnerRight& right, const mysql::TableName& source,
                   const mysql::TableName& target, std::string_view script,
                   const StopToken& stop) const;
  // Nullopt: it is there, or something else of that name. Else why it cannot be made yet: a table
  // or another view that it reads is missing.
  std::optional<Error> CreateView(mysql::Connection& db, const OwnerRight& right,
                                  const std::string& schema, const std::string& view,
                                  std::string_view script, const StopToken& stop) const;

 private:
  bool DatabaseExists(mysql::Connection& db, const std::string& schema,
                      const StopToken& stop) const;
  // Of a sequence that is there; `sequence`: quoted.
  SequenceOptions DefinitionOf(mysql::Connection& db, const std::string& sequence,
                               const mysql::ParseOptions& parse, const StopToken& stop) const;
  bool TableExists(mysql::Connection& db, const std::string& schema, const std::string& table,
                   const StopToken& stop) const {
    return TableType(db, schema, table, stop).has_value();
  }
  // "BASE TABLE", "VIEW", ...; nullopt if the name is free.
  std::optional<std::string> TableType(mysql::Connection& db, const std::string& schema,
                                       const std::string& table, const StopToken& stop) const;
  // The statement of a table's file that makes it; without names of foreign keys and checks that
  // another table has.
  void MakeTable(mysql::Connection& db, const OwnerRight& right, const mysql::TableName& target,
                 const std::string& statement, const StopToken& stop) const;
  // The statement of a view's file that makes it; without a definer if the account may give none.
  void MakeView(mysql::Connection& db, const OwnerRight& right, const std::string& statement,
                const StopToken& stop, const std::function<void()>& before) const;
  std::string TableStatement(mysql::Connection& db, const std::string& statement,
                             const mysql::TableName& source, const mysql::TableName& target,
                             bool from_mariadb, const StopToken& stop) const;
  mysql::TableName Routed(const mysql::TableName& table) const;
  // The text of a definition, behind the table's name, with what the routes make of the tables that
  // it refers to, and of names that a server made from the table's.
  std::string WithRoutedConstraints(std::string_view text, const mysql::TableName& source,
                                    const mysql::TableName& target, bool from_mariadb) const;
  // The definition written for a server of another kind; empty if it cannot be read. `name` gives
  // the statement its target.
  std::string Translate(mysql::Connection& db, const std::string& statement, bool from_mariadb,
                        const StopToken& stop,
                        const std::function<bool(mysql::Statement*)>& name) const;
  // Text that is passed on unread.
  std::string WithKnownCollations(const mysql::Connection& db, std::string_view text,
                                  bool from_mariadb) const;
  // False if what it makes was there, or may have been made by an attempt whose answer was lost.
  // `before`: prepares the session, which may be a new one.
  bool Execute(mysql::Connection& db, const OwnerRight& right, const std::string& statement,
               const StopToken& stop, const std::function<void()>& before = {}) const;
  // Runs `work`, which may be repeated, until it succeeds or its failure is final; `statement` says
  // what it is. False: a database or table is there already.
  bool Insist(mysql::Connection& db, const std::string& statement, const StopToken& stop,
              const std::function<void()>& work) const;

  const LoadContext& context_;
  const LoadSession& session_;
  const LoadMeta& meta_;
  Logger log_;
  std::unique_ptr<CollationRenamer> collations_;
};

}  // namespace dm::migration
