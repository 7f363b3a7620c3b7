// CHARACTER SET, COLLATE and CONVERT TO CHARACTER SET in ALTER TABLE.
#include <algorithm>

#include "mysql/schema/edit.h"
#include "mysql/value/charset.h"

namespace dm::mysql {
namespace {

bool IsText(const ColumnInfo& column) {
  return (column.is_string() || column.type == FieldType::kEnum ||
          column.type == FieldType::kSet) &&
         column.charset != "binary" && !column.hidden;
}

// A text type that CONVERT makes longer.
bool Grows(FieldType type) {
  return type == FieldType::kTinyBlob || type == FieldType::kBlob || type == FieldType::kMediumBlob;
}

// What the definition says of the collation without naming a character set: it holds for any.
// "_bin" for the attribute BINARY, MariaDB's "_uca1400_as_ci"; empty if there is nothing.
std::string CollationOfAnySet(const ColumnDef& definition) {
  if (!definition.type.charset.empty()) return "";
  if (definition.type.binary) return "_bin";
  const ColumnOption* collate = definition.Find(ColumnOptionKind::kCollate);
  if (collate == nullptr) return "";
  const std::string name = NormaliseCharset(collate->text);
  return CharsetOfCollation(name).empty() ? "_" + name : "";
}

// The column is one of bytes now, and its default is those that the text had.
void MakeDefaultBytes(ColumnInfo* column, const std::string& old_charset) {
  if (!column->default_value || column->default_is_expr || !column->is_string()) return;
  std::string bytes;
  if (!AppendFromUtf8(bytes, *column->default_value, FindCharset(old_charset))) return;
  if (column->type == FieldType::kString && column->length >= 0 &&
      bytes.size() < static_cast<size_t>(column->length)) {
    bytes.resize(static_cast<size_t>(column->length), '\0');
  }
  column->default_value = std::move(bytes);
}

}  // namespace

AlteredCharsets CharsetsAfter(const TableInfo& table, const AlterTable& statement,
                              const BuildOptions& options) {
  AlteredCharsets out{false, table.charset, table.collation, "", ""};
  std::string charset;
  std::string collation;
  for (const AlterSpec& spec : statement.specs) {
    if (spec.kind == AlterKind::kConvertCharset) {
      out.converts = true;
      SetDefaults(NormaliseCharset(spec.text), NormaliseCharset(spec.new_name), options,
                  &out.column_charset, &out.column_collation);
      // To MySQL what follows counts, to MariaDB what the table is said to have.
      if (!options.mariadb) charset = collation = "";
    } else if (spec.kind == AlterKind::kOptions) {
      for (const Option& option : spec.options) {
        if (option.name == "CHARACTER SET" && (options.mariadb || !out.converts)) {
          charset = NormaliseCharset(option.value);
        }
        if (option.name == "COLLATE") collation = NormaliseCharset(option.value);
      }
    }
  }
  out.table_charset = out.column_charset;
  out.table_collation = out.column_collation;
  SetDefaults(charset, collation, options, &out.table_charset, &out.table_collation);
  if (!out.converts) {
    out.column_charset = out.table_charset;
    out.column_collation = out.table_collation;
  }
  return out;
}

void ConvertColumn(const AlteredCharsets& charsets, const ColumnDef* definition,
                   const ColumnInfo* old, const BuildOptions& options, ColumnInfo* column) {
  if (!IsText(*column)) return;
  const std::string was = column->charset;
  if (Grows(column->type)) {
    const int new_bytes = BytesPerCharacter(charsets.column_charset);
    if (definition == nullptr) {
      const int old_bytes = BytesPerCharacter(was);
      if (new_bytes > old_bytes) SetBlobType(column, column->length / old_bytes * new_bytes);
    } else if (old != nullptr && !options.mariadb) {
      // MySQL goes by the length that the column had, whatever is said now.
      SetBlobType(column, old->length / BytesPerCharacter(old->charset) * new_bytes);
    }
  }
  column->charset = charsets.column_charset;
  column->collation = charsets.column_collation;
  if (column->charset == "binary") {
    column->flags |= column_flag::kBinary;
    MakeDefaultBytes(column, was);
  } else if (definition != nullptr) {
    const std::string kept = CollationOfAnySet(*definition);
    if (!kept.empty()) column->collation = column->charset + kept;
  }
}

}  // namespace dm::mysql
