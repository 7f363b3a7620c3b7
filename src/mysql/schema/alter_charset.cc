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

// Bytes of the character that begins with `first`.
size_t BytesOfCharacter(unsigned char first, Charset charset) {
  switch (charset) {
    case Charset::kUtf8mb3:
    case Charset::kUtf8mb4:
      if (first >= 0xf0) return charset == Charset::kUtf8mb4 ? 4 : 1;
      return first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 1;
    case Charset::kUcs2:
    case Charset::kUtf16:
    case Charset::kUtf16le:
      return 2;
    case Charset::kUtf32:
      return 4;
    default:
      return CharsetMaxLength(charset) > 1 && first >= 0x80 ? 2 : 1;
  }
}

// `bytes` as a server shows them in a definition. Those that are no character in `charset` become
// question marks, one each; MySQL ends before a character that is not complete.
std::string ShownAsUtf8(std::string_view bytes, Charset charset, bool mariadb) {
  const auto max_length = static_cast<size_t>(CharsetMaxLength(charset));
  std::string out;
  const auto append = [&](std::string_view character) {
    if (charset == Charset::kAscii && static_cast<unsigned char>(character[0]) >= 0x80)
      return false;
    return IsUtf8Compatible(charset) ? AppendFromUtf8(out, character, charset)
                                     : AppendAsUtf8(out, character, charset);
  };
  while (!bytes.empty()) {
    const size_t longest = std::min(max_length, bytes.size());
    size_t length = 1;
    while (length <= longest && !append(bytes.substr(0, length))) ++length;
    if (length > longest) {
      if (!mariadb &&
          BytesOfCharacter(static_cast<unsigned char>(bytes[0]), charset) > bytes.size()) {
        break;
      }
      out += '?';
      length = 1;
    }
    bytes.remove_prefix(length);
  }
  return out;
}

// CONVERT leaves the bytes of members as they are: in another set they are other characters.
void RelabelMembers(const std::string& was, bool mariadb, ColumnInfo* column) {
  if (column->converted_members.empty()) {
    column->converted_members = column->elements;
    column->converted_from = was;
  }
  const Charset from = FindCharset(column->converted_from);
  const Charset to = FindCharset(column->charset);
  std::vector<std::string> members = column->converted_members;
  if (from != to && from != Charset::kUnknown && to != Charset::kUnknown) {
    // Servers show definitions by way of utf8mb3: MySQL gives what is in it already as it is.
    const bool shown_as_is = to == Charset::kBinary || to == Charset::kUtf8mb3;
    for (std::string& member : members) {
      std::string bytes;
      if (IsUtf8Compatible(from)) {
        bytes = member;
      } else if (!AppendFromUtf8(bytes, member, from)) {
        continue;
      }
      if (shown_as_is && !mariadb) {
        member = std::move(bytes);
      } else {
        member = ShownAsUtf8(bytes, shown_as_is ? Charset::kUtf8mb4 : to, mariadb);
      }
    }
  }
  if (members == column->converted_members) {
    column->converted_members.clear();
    column->converted_from.clear();
  }
  SetMembers(std::move(members), column);
}

}  // namespace

std::vector<std::string> MembersIn(std::string_view charset,
                                   const std::vector<std::string>& members) {
  const Charset set = FindCharset(charset);
  if (set == Charset::kUnknown || set == Charset::kBinary || IsUtf8Compatible(set)) return members;
  std::vector<std::string> out;
  for (const std::string& member : members) {
    std::string bytes;
    if (AppendFromUtf8(bytes, member, set)) {
      out.push_back(member);
      continue;
    }
    std::string& kept = out.emplace_back();
    for (std::string_view rest = member; !rest.empty();) {
      size_t length = 1;
      while (length < rest.size() && (static_cast<unsigned char>(rest[length]) & 0xc0) == 0x80) {
        ++length;
      }
      const std::string_view character = rest.substr(0, length);
      kept += AppendFromUtf8(bytes, character, set) ? character : "?";
      rest.remove_prefix(length);
    }
  }
  return out;
}

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
  if (!column->elements.empty() && definition != nullptr) {
    SetMembers(MembersIn(column->charset, definition->type.elements), column);
  } else if (!column->elements.empty()) {
    RelabelMembers(was, options.mariadb, column);
  }
  if (column->charset == "binary") {
    column->flags |= column_flag::kBinary;
    MakeDefaultBytes(column, was);
  } else if (definition != nullptr) {
    const std::string kept = CollationOfAnySet(*definition);
    if (!kept.empty()) column->collation = column->charset + kept;
  }
}

}  // namespace dm::mysql
