// The normal form's inside: one writer with a function for each kind of part. Not for use outside
// this room.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "mysql/sql/restore.h"

namespace dm::mysql {

// Does the target take this option of a table or partition?
bool KnowsOption(SqlTarget target, const Option& option);

// A default that every server takes without parentheses.
bool IsSignedLiteral(const Expr& expr);

class Writer {
 public:
  explicit Writer(const RestoreOptions& options, ExprStyle style = ExprStyle::kNormal)
      : options_(options), style_(style) {}

  std::string Take() { return std::move(out_); }

  void Write(const Statement& statement);
  void Write(const Expr& expr);
  void Write(const ColumnDef& column);
  void Write(const DataType& type);
  void Write(const PartitionBy& partition);
  void Write(const PartitionDef& definition, bool sub);

 private:
  // restore.cc
  void Put(std::string_view text) { out_ += text; }
  void Identifier(std::string_view name);
  void Table(const TableName& table);
  void String(std::string_view text);
  // What the parser has kept as text: its literals are written for a mode with backslash escapes.
  void Kept(std::string_view text);
  std::string Collation(std::string_view name) const;
  // IF [NOT] EXISTS where only TiDB and MariaDB know it: `text` brings its own blanks.
  void Special(std::string_view text);
  bool For(SqlTarget target) const { return options_.target == target; }
  void Body(const OtherStatement& other);
  void Body(const CreateDatabase& create);
  void Body(const AlterDatabase& alter);
  void Body(const DropDatabase& drop);
  void Body(const CreateTable& create);
  void Body(const AlterTable& alter);
  void Body(const DropTable& drop);
  void Body(const TruncateTable& truncate);
  void Body(const RenameTable& rename);
  void Body(const CreateIndex& create);
  void Body(const DropIndex& drop);
  void Body(const SequenceStatement& sequence);
  void DatabaseOptions(const std::vector<Option>& options);
  void LockOptions(const std::vector<Option>& options);
  void Spec(const AlterSpec& spec);
  void ColumnPosition(const AlterSpec& spec);
  void Names(const std::vector<std::string>& names);
  void NamesOrAll(const AlterSpec& spec);

  // restore_table.cc
  void Option_(const Option& option);
  // Writes those that the target knows, a blank between; true if there was one.
  bool Options(const std::vector<Option>& options);
  void Constraint_(const Constraint& constraint);
  void Period(const std::string& name);
  void IndexParts(const std::vector<IndexPart>& parts);
  void IndexOptions_(const IndexOptions& options);
  void Reference_(const Reference& reference);
  void ColumnOption_(const ColumnOption& option);
  // `parens`: it has some; `bare`: MySQL and TiDB take it without.
  void Default(const Expr& value, bool parens, bool bare);
  void Enforced(bool enforced);
  void Method(const PartitionMethod& method);
  void Definitions(const std::vector<PartitionDef>& definitions, bool sub);

  // restore_expr.cc
  void Word(std::string_view word);
  void Args(const std::vector<ExprPtr>& args, size_t begin, std::string_view separator);
  void StringValue(const Expr& expr);

  const RestoreOptions& options_;
  const ExprStyle style_;
  std::string out_;
};

}  // namespace dm::mysql
