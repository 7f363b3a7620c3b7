#include "migration/dump/key_steps.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/io/text.h"
#include "mysql/value/quote.h"

namespace dm::migration {

namespace {

// ENUM and SET are ordered by number and read as text, FLOAT and DOUBLE have no exact text: none of
// these here.
enum class Form { kNone, kNumber, kText, kBytes };

Form FormOf(const DumpColumn& column) {
  const std::string lower = ToLower(column.type);
  const std::string_view word = std::string_view(lower).substr(0, lower.find_first_of("( "));
  const auto is = [&](std::initializer_list<std::string_view> types) {
    return std::find(types.begin(), types.end(), word) != types.end();
  };
  if (is({"tinyint", "smallint", "mediumint", "int", "bigint", "decimal", "numeric"})) {
    return Form::kNumber;
  }
  // MariaDB orders an index of such values as if they were filled up with blanks, but compares them
  // as they are: 'a\t' comes before 'a' and is greater.
  if (word == "char" && column.collation.find("nopad") != std::string::npos) return Form::kNone;
  if (is({"char", "varchar", "date", "datetime", "timestamp", "time", "year"})) return Form::kText;
  if (is({"binary", "varbinary"})) return Form::kBytes;
  return Form::kNone;
}

std::optional<StepKey> KeyOf(const std::vector<DumpColumn>& columns, const DumpIndex& index) {
  if (!index.unique || !index.usable || !index.whole || index.columns.empty()) return std::nullopt;
  StepKey key;
  key.index = index.name;
  for (const std::string& name : index.columns) {
    const auto column = std::find_if(columns.begin(), columns.end(), [&](const DumpColumn& c) {
      return EqualsIgnoreCase(c.name, name);
    });
    if (column == columns.end() || column->nullable || FormOf(*column) == Form::kNone) {
      return std::nullopt;
    }
    key.columns.push_back(&*column);
  }
  return key;
}

std::string ColumnNames(const StepKey& key) {
  std::string list;
  for (const DumpColumn* column : key.columns) {
    if (!list.empty()) list += ',';
    mysql::AppendQuotedName(list, column->name);
  }
  return list;
}

// (a,b) compared with a bound, written out: servers use no index for row values.
std::string Beyond(const StepKey& key, const std::vector<std::string>& bound, std::string_view less,
                   std::string_view last) {
  std::string condition;
  for (size_t i = 0; i < key.columns.size(); ++i) {
    std::string term;
    for (size_t j = 0; j < i; ++j) {
      term += fmt::format("{} = {} AND ", mysql::QuoteName(key.columns[j]->name), bound[j]);
    }
    const bool is_last = i + 1 == key.columns.size();
    term += fmt::format("{} {} {}", mysql::QuoteName(key.columns[i]->name), is_last ? last : less,
                        bound[i]);
    condition +=
        fmt::format("{}{}", condition.empty() ? "" : " OR ", i > 0 ? "(" + term + ")" : term);
  }
  if (key.columns.size() == 1) return condition;
  // The range of the first column alone, for the optimizer.
  return fmt::format("{} {}= {} AND ({})", mysql::QuoteName(key.columns[0]->name), less, bound[0],
                     condition);
}

}  // namespace

std::optional<StepKey> ChooseStepKey(const std::vector<DumpColumn>& columns,
                                     const std::vector<DumpIndex>& indexes) {
  std::optional<StepKey> best;
  for (const DumpIndex& index : indexes) {
    auto key = KeyOf(columns, index);
    if (!key) continue;
    if (index.name == "PRIMARY") return key;
    if (!best || key->columns.size() < best->columns.size()) best = std::move(key);
  }
  return best;
}

std::string KeyLiteral(const DumpColumn& column, std::string_view value) {
  if (FormOf(column) == Form::kNumber) return std::string(value);
  if (const std::string charset = column.LossyCharset(); !charset.empty()) {
    return fmt::format("_{} x'{}'", charset, value);
  }
  constexpr char kDigits[] = "0123456789abcdef";
  std::string literal = FormOf(column) == Form::kBytes ? "x'" : "_utf8mb4 x'";
  for (const char c : value) {
    literal += kDigits[static_cast<unsigned char>(c) >> 4];
    literal += kDigits[static_cast<unsigned char>(c) & 15];
  }
  return literal += '\'';
}

std::string StepCondition(const StepKey& key, const std::vector<std::string>& from,
                          const std::vector<std::string>& to) {
  std::string condition;
  if (!from.empty()) condition = "(" + Beyond(key, from, ">", ">") + ")";
  if (!to.empty()) {
    if (!condition.empty()) condition += " AND ";
    condition += "(" + Beyond(key, to, "<", "<=") + ")";
  }
  return condition;
}

std::string StepQuery(const StepKey& key, std::string_view table, std::string_view user_condition,
                      const std::vector<std::string>& from, uint64_t rows) {
  std::string where;
  if (!user_condition.empty()) where = fmt::format(" WHERE ({})", user_condition);
  if (!from.empty()) {
    where += fmt::format("{}{}", where.empty() ? " WHERE " : " AND ", StepCondition(key, from, {}));
  }
  std::string selected;
  for (const DumpColumn* column : key.columns) {
    const std::string name = mysql::QuoteName(column->name);
    selected += fmt::format("{}{}", selected.empty() ? "" : ",",
                            column->LossyCharset().empty() ? name : "HEX(" + name + ")");
  }
  return fmt::format("SELECT {} FROM {} FORCE INDEX ({}){} ORDER BY {} LIMIT {},1", selected, table,
                     mysql::QuoteName(key.index), where, ColumnNames(key), rows - 1);
}

std::string StepProbe(const StepKey& key, std::string_view table,
                      const std::vector<std::string>& bound) {
  std::string where;
  for (size_t i = 0; i < key.columns.size(); ++i) {
    where += fmt::format("{}{} = {}", where.empty() ? "" : " AND ",
                         mysql::QuoteName(key.columns[i]->name), bound[i]);
  }
  return fmt::format("SELECT 1 FROM {} FORCE INDEX ({}) WHERE {} LIMIT 1", table,
                     mysql::QuoteName(key.index), where);
}

}  // namespace dm::migration
