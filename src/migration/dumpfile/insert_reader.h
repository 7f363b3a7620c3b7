// Finds the tuples of the INSERT statements in a data file.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace dm::migration {

// Reads INSERT, INSERT IGNORE and REPLACE, with or without database name and column list; other
// statements between them may only be SET. Positions are offsets into the file. Malformed text
// throws Error kLoadUnitInvalidInsertSQL (34009), an open quote kLoadUnitParseQuoteValues, an open
// bracket or statement kLoadUnitInvalidFileEnding, each with the offset. One owner thread; `file`
// must outlive it.
class InsertReader {
 public:
  // `backslash_escapes`: how the file's strings are to be read.
  InsertReader(std::string_view file, bool backslash_escapes);

  // Columns of the file's first INSERT; empty if it names none or the file has no INSERT.
  const std::vector<std::string>& columns() const { return columns_; }

  // Continues at `offset`, which Position() gave for the same file earlier, or 0.
  void Seek(size_t offset);
  // Moves over everything between tuples. False: there are no more, and Position() is the end.
  bool FindTuple();
  // Offset of the tuple that FindTuple found.
  size_t Position() const { return position_; }
  // After FindTuple: the tuple with its brackets; moves behind it.
  std::string_view TakeTuple();
  // As TakeTuple for a caller that found the tuple's end itself.
  void SkipTo(size_t behind_tuple) {
    position_ = behind_tuple;
    behind_tuple_ = true;
  }

 private:
  void SkipBlanks();
  void ReadHead(std::vector<std::string>& columns);
  std::string ReadName();
  std::string_view PeekWord() const;
  void SkipStatement();
  [[noreturn]] void Fail(std::string_view reason) const;

  const std::string_view file_;
  const bool backslash_escapes_;
  std::vector<std::string> columns_;
  bool has_columns_ = false;  // columns_ was read
  size_t position_ = 0;
  bool in_statement_ = false;  // behind VALUES
  bool behind_tuple_ = false;
};

// First byte of [begin, end) that is `a` or `b`; `end` if there is none.
const char* FindEither(const char* begin, const char* end, char a, char b);

}  // namespace dm::migration
