// The parser's inside: a cursor over tokens and one function for each piece of grammar. Not for use
// outside this room.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mysql/sql/lexer.h"
#include "mysql/sql/parser.h"

namespace dm::mysql {

class Parser {
 public:
  Parser(std::string_view text, const ParseOptions& options);

  // The next statement; false at the end of the text.
  bool NextStatement(Statement* out);
  ExprPtr WholeExpression();

 private:
  // ---- cursor (parser.cc)
  const Token& Peek(size_t ahead = 0) const;
  const Token& Take();
  bool AtEnd() const;  // end of text or `;`
  bool IsWord(std::string_view word, size_t ahead = 0) const;
  // Any of the words.
  bool IsAny(std::initializer_list<std::string_view> words, size_t ahead = 0) const;
  bool IsSymbol(std::string_view symbol, size_t ahead = 0) const;
  bool AcceptWord(std::string_view word);
  // All words, in this order, or none.
  bool AcceptWords(std::initializer_list<std::string_view> words);
  // As AcceptWords, for words with blanks between.
  bool AcceptPhrase(std::string_view phrase);
  bool AcceptSymbol(std::string_view symbol);
  void ExpectWord(std::string_view word);
  void ExpectSymbol(std::string_view symbol);
  bool IsName(size_t ahead = 0) const;
  std::string Name(std::string_view what);
  std::string StringLiteral(std::string_view what);
  // Of a character set or a collation, as a name or a string.
  std::string CharsetName(std::string_view what);
  // What `utf8` or `utf8_...` means; all other names as they are.
  std::string MeantCharset(std::string name) const;
  bool IsString() const;
  uint64_t Number(std::string_view what);
  TableName Table();
  bool IfExists();
  bool IfNotExists();
  // Source text from token `from` to the current token, blanks between tokens made one.
  std::string VerbatimSince(size_t from) const;
  bool IsTight(const Token& before, const Token& token) const;
  // Takes a bracketed group including the brackets.
  void SkipParens();
  [[noreturn]] void Fail(std::string_view expected) const;
  [[noreturn]] void FailAt(const Token& token, std::string_view expected) const;

  // ---- statements (parser.cc)
  void ParseBody(Statement* out);
  void ParseCreate(Statement* out);
  void ParseAlter(Statement* out);
  void ParseDrop(Statement* out);
  void Other(Statement* out, OtherStatement::Kind kind, size_t words);
  SequenceStatement ParseSequence(std::string_view verb, bool or_replace);
  CreateIndex ParseCreateIndex();
  DropIndex ParseDropIndex();
  RenameTable ParseRename();
  std::vector<Option> DatabaseOptions();
  std::vector<Option> LockOptions();

  // ---- tables (parser_table.cc)
  CreateTable ParseCreateTable(bool or_replace);
  void ParseTableElement(CreateTable* out);
  bool IsConstraintStart() const;
  bool IsPeriodStart() const;
  Constraint ParseConstraint();
  std::vector<IndexPart> IndexParts();
  void ParseIndexOptions(IndexOptions* out);
  Reference ParseReference();
  ReferenceAction ParseAction();
  std::vector<std::string> ColumnNames();
  ColumnDef ParseColumnDef();
  bool ParseColumnOption(ColumnDef* out);
  bool ParseEnforced();
  ExprPtr DefaultValue(bool* parens);

  // ---- types (parser_type.cc)
  DataType ParseColumnType(std::vector<ColumnOption>* implied);
  void ParseTypeWord(DataType* type, std::vector<ColumnOption>* implied);
  void ParseLength(DataType* type, bool with_decimals);
  void ParseTypeModifiers(DataType* type);
  std::string CastType(bool* array);

  // ---- options and partitions (parser_options.cc)
  std::vector<Option> TableOptions();
  bool TableOption(std::vector<Option>* out);
  Option OptionValue(std::string name, Option::Value kind);
  PartitionBy ParsePartitionBy();
  PartitionMethod ParsePartitionMethod(bool sub);
  std::vector<PartitionDef> PartitionDefinitions();
  PartitionDef PartitionDefinition(bool sub);
  void PartitionValues(PartitionDef* out);

  // ---- ALTER TABLE (parser_alter.cc)
  AlterTable ParseAlterTable();
  void ParseAlterSpec(AlterTable* out);
  void ParseAdd(AlterTable* out);
  void ParseDropSpec(AlterTable* out);
  void ParseAlterColumnOrIndex(AlterTable* out);
  void ParseColumnPosition(AlterSpec* spec);
  bool ParsePartitionSpec(AlterTable* out);
  void PartitionNames(AlterSpec* spec, bool allow_all);
  std::string Verbatim();

  // ---- expressions (parser_expr.cc)
  ExprPtr Expression();
  ExprPtr XorExpr();
  ExprPtr AndExpr();
  ExprPtr NotExpr();
  ExprPtr BoolPrimary();
  ExprPtr Predicate();
  ExprPtr BitExpr(int level);
  ExprPtr Unary();
  ExprPtr Postfix();
  ExprPtr Primary();
  ExprPtr WordPrimary();
  bool IsOracle() const;
  Token OracleFunction(const Token& name) const;
  // `oracle`: the function of this name that MariaDB's mode ORACLE has.
  ExprPtr FunctionCall(const Token& written, bool oracle);
  ExprPtr SpecialFunction(const Token& name);
  ExprPtr CaseExpr();
  ExprPtr IntervalExpr();
  ExprPtr StringExpr(std::string charset);
  ExprPtr ColumnRef();
  std::vector<ExprPtr> Arguments();
  std::vector<ExprPtr> SomeArguments();
  bool IsNowWord() const;
  ExprPtr NowFunction();
  bool IsIntroducer() const;
  // A literal behind an introducer: the bytes that the client wrote, if the text was converted.
  ExprPtr AsClientWrote(ExprPtr literal) const;
  void CheckDepth() const;
  void CountOperator();

  struct Depth {
    explicit Depth(Parser* p) : parser(p) {
      ++parser->depth_;
      parser->CheckDepth();
    }
    ~Depth() { --parser->depth_; }
    Parser* parser;
  };

  const std::string_view text_;
  const ParseOptions options_;
  std::vector<Token> tokens_;
  size_t pos_ = 0;
  int depth_ = 0;
  int operators_ = 0;
};

// Class of a statement by its first words, without parsing: kSkipped, kNotDdl, kUnknownDdl, or
// nothing if it is DDL to parse or no statement at all. `words` gets how many words name it.
std::optional<OtherStatement::Kind> ClassifyOther(const std::vector<Token>& tokens, size_t begin,
                                                  size_t* words);

}  // namespace dm::mysql
