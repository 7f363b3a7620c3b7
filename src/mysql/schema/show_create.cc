#include "mysql/schema/show_create.h"

#include <fmt/format.h>

#include "mysql/sql/restore.h"
#include "mysql/value/quote.h"

namespace dm::mysql {
namespace {

std::string TypeText(const ColumnInfo& column) {
  const bool bytes = column.charset == "binary";
  std::string out;
  const auto with_length = [&](const char* word) {
    return column.length >= 0 ? fmt::format("{}({})", word, column.length) : std::string(word);
  };
  const auto with_digits = [&](const char* word) {
    return column.decimals > 0 ? fmt::format("{}({})", word, column.decimals) : std::string(word);
  };
  const auto elements = [&](const char* word) {
    std::string list;
    for (const std::string& element : column.elements) {
      if (!list.empty()) list += ",";
      list += QuoteText(element);
    }
    return fmt::format("{}({})", word, list);
  };
  if (!column.type_word.empty()) return column.type_word;
  switch (column.type) {
    case FieldType::kTiny:
      out = with_length("tinyint");
      break;
    case FieldType::kShort:
      out = with_length("smallint");
      break;
    case FieldType::kInt24:
      out = with_length("mediumint");
      break;
    case FieldType::kLong:
      out = with_length("int");
      break;
    case FieldType::kLongLong:
      out = with_length("bigint");
      break;
    case FieldType::kNewDecimal:
    case FieldType::kDecimal:
      out = fmt::format("decimal({},{})", column.length, column.decimals);
      break;
    case FieldType::kFloat:
    case FieldType::kDouble:
      out = column.type == FieldType::kFloat ? "float" : "double";
      if (column.decimals >= 0) out += fmt::format("({},{})", column.length, column.decimals);
      break;
    case FieldType::kBit:
      return with_length("bit");
    case FieldType::kDate:
      return "date";
    case FieldType::kTime:
      return with_digits("time");
    case FieldType::kDateTime:
      return with_digits("datetime");
    case FieldType::kTimestamp:
      return with_digits("timestamp");
    case FieldType::kYear:
      return "year(4)";
    case FieldType::kString:
      return with_length(bytes ? "binary" : "char");
    case FieldType::kVarchar:
    case FieldType::kVarString:
      return with_length(bytes ? "varbinary" : "varchar");
    case FieldType::kTinyBlob:
      return bytes ? "tinyblob" : "tinytext";
    case FieldType::kBlob:
      return bytes ? "blob" : "text";
    case FieldType::kMediumBlob:
      return bytes ? "mediumblob" : "mediumtext";
    case FieldType::kLongBlob:
      return bytes ? "longblob" : "longtext";
    case FieldType::kEnum:
      return elements("enum");
    case FieldType::kSet:
      return elements("set");
    case FieldType::kJson:
      return "json";
    case FieldType::kVector:
    case FieldType::kTiDbVector:
      return with_length("vector");
    case FieldType::kGeometry:
      return "geometry";
    case FieldType::kNull:
      return "null";
  }
  if (column.is_unsigned()) out += " unsigned";
  if (column.flags & column_flag::kZerofill) out += " zerofill";
  return out;
}

std::string BitText(std::string_view bytes) {
  std::string digits;
  for (unsigned char c : bytes) {
    for (int bit = 7; bit >= 0; --bit) digits += (c >> bit & 1) ? '1' : '0';
  }
  digits.erase(0, std::min(digits.find('1'), digits.empty() ? 0 : digits.size() - 1));
  return "b'" + digits + "'";
}

std::string NowText(const ColumnInfo& column) {
  return column.decimals > 0 ? fmt::format("CURRENT_TIMESTAMP({})", column.decimals)
                             : "CURRENT_TIMESTAMP";
}

std::string ColumnText(const ColumnInfo& column, const TableInfo& table) {
  std::string out = QuoteName(column.name) + " " + TypeText(column);
  const bool text = !column.charset.empty() && column.charset != "binary";
  if (text) {
    const bool other_charset = column.charset != table.charset;
    if (other_charset) out += " CHARACTER SET " + column.charset;
    if (other_charset ? column.collation != DefaultCollation(column.charset, true)
                      : column.collation != table.collation) {
      out += " COLLATE " + column.collation;
    }
  }
  if (column.is_row_start() || column.is_row_end()) {
    out += " GENERATED ALWAYS AS " + column.generated_expr;
  } else if (column.is_generated()) {
    out += fmt::format(" GENERATED ALWAYS AS ({}) {}", column.generated_expr,
                       column.generated_stored ? "STORED" : "VIRTUAL");
  }
  if (column.is_auto_increment()) {
    out += " NOT NULL AUTO_INCREMENT";
  } else {
    if (column.not_null()) out += " NOT NULL";
    if (!column.is_generated() && !column.has_no_default()) {
      if (!column.default_value) {
        if (!column.not_null()) {
          out += column.type == FieldType::kTimestamp ? " NULL DEFAULT NULL" : " DEFAULT NULL";
        }
      } else if (column.default_is_expr) {
        out += " DEFAULT (" + *column.default_value + ")";
      } else if (column.default_value == "CURRENT_TIMESTAMP" &&
                 (column.type == FieldType::kTimestamp || column.type == FieldType::kDateTime)) {
        out += " DEFAULT " + NowText(column);
      } else if (column.type == FieldType::kBit) {
        out += " DEFAULT " + BitText(*column.default_value);
      } else {
        out += " DEFAULT " + QuoteText(*column.default_value);
      }
    }
  }
  if (column.on_update_now()) out += " ON UPDATE " + NowText(column);
  if (column.invisible) out += " /*!80023 INVISIBLE */";
  if (!column.comment.empty()) out += " COMMENT " + QuoteText(column.comment);
  return out;
}

std::string IndexText(const IndexInfo& index, const TableInfo& table) {
  std::string out;
  if (index.primary) {
    out = "PRIMARY KEY";
  } else {
    out = index.unique                               ? "UNIQUE KEY "
          : index.kind == IndexInfo::Kind::kFullText ? "FULLTEXT KEY "
          : index.kind == IndexInfo::Kind::kSpatial  ? "SPATIAL KEY "
          : index.kind == IndexInfo::Kind::kVector   ? "VECTOR KEY "
                                                     : "KEY ";
    out += QuoteName(index.name);
  }
  out += " (";
  for (size_t i = 0; i < index.columns.size(); ++i) {
    if (i > 0) out += ",";
    const IndexColumn& part = index.columns[i];
    const ColumnInfo* column = table.FindColumn(part.name);
    if (column != nullptr && column->hidden) {
      out += "(" + column->generated_expr + ")";
      continue;
    }
    out += QuoteName(part.name);
    if (part.length >= 0) out += fmt::format("({})", part.length);
  }
  out += ")";
  if (index.primary) {
    out += table.primary_key_is_handle || table.is_common_handle
               ? " /*T![clustered_index] CLUSTERED */"
               : " /*T![clustered_index] NONCLUSTERED */";
  }
  if (index.invisible) out += " /*!80000 INVISIBLE */";
  if (!index.comment.empty()) out += " COMMENT " + QuoteText(index.comment);
  return out;
}

std::string_view ActionText(ReferenceAction action) {
  switch (action) {
    case ReferenceAction::kRestrict:
      return "RESTRICT";
    case ReferenceAction::kCascade:
      return "CASCADE";
    case ReferenceAction::kSetNull:
      return "SET NULL";
    case ReferenceAction::kNoAction:
      return "NO ACTION";
    case ReferenceAction::kSetDefault:
      return "SET DEFAULT";
    case ReferenceAction::kNone:
      break;
  }
  return "";
}

std::string NameList(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) {
    if (!out.empty()) out += ",";
    out += QuoteName(name);
  }
  return out;
}

std::string ForeignKeyText(const ForeignKeyInfo& key, const std::string& schema) {
  std::string out = fmt::format("CONSTRAINT {} FOREIGN KEY ({}) REFERENCES ", QuoteName(key.name),
                                NameList(key.columns));
  if (!key.ref_schema.empty() && !EqualNames(key.ref_schema, schema)) {
    out += QuoteName(key.ref_schema) + ".";
  }
  out += fmt::format("{} ({})", QuoteName(key.ref_table), NameList(key.ref_columns));
  if (key.on_delete != ReferenceAction::kNone) {
    out += fmt::format(" ON DELETE {}", ActionText(key.on_delete));
  }
  if (key.on_update != ReferenceAction::kNone) {
    out += fmt::format(" ON UPDATE {}", ActionText(key.on_update));
  }
  if (key.version == 0) out += " /* FOREIGN KEY INVALID */";
  return out;
}

}  // namespace

std::string ShowCreateTable(const TableInfo& table, const std::string& schema) {
  std::vector<std::string> elements;
  for (const ColumnInfo& column : table.columns) {
    if (!column.hidden) elements.push_back(ColumnText(column, table));
  }
  for (const IndexInfo& index : table.indexes) elements.push_back(IndexText(index, table));
  for (const ForeignKeyInfo& key : table.foreign_keys) {
    elements.push_back(ForeignKeyText(key, schema));
  }
  for (const CheckInfo& check : table.checks) {
    elements.push_back(fmt::format("CONSTRAINT {} CHECK (({})){}", QuoteName(check.name),
                                   check.expr, check.enforced ? "" : " /*!80016 NOT ENFORCED */"));
  }
  const PeriodInfo* period = table.system_period();
  if (period != nullptr && !table.has_implicit_period()) {
    elements.push_back(fmt::format("PERIOD FOR SYSTEM_TIME ({}, {})", QuoteName(period->start),
                                   QuoteName(period->end)));
  }
  std::string out = "CREATE TABLE " + QuoteName(table.name) + " (\n";
  for (size_t i = 0; i < elements.size(); ++i) {
    out += "  " + elements[i];
    out += i + 1 < elements.size() ? ",\n" : "\n";
  }
  out += ") ENGINE=InnoDB DEFAULT CHARSET=" + table.charset;
  if (!table.collation.empty() && table.collation != "binary") out += " COLLATE=" + table.collation;
  if (!table.compression.empty()) out += " COMPRESSION=" + QuoteText(table.compression);
  if (!table.comment.empty()) out += " COMMENT=" + QuoteText(table.comment);
  if (period != nullptr) out += " WITH SYSTEM VERSIONING";
  if (table.partition && !table.partition->text.empty()) out += "\n" + table.partition->text;
  return out;
}

std::string OneLine(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '\n') continue;
    if (c == ' ' && out.ends_with(' ')) continue;
    out += c;
  }
  return out;
}

std::string ShowCreateTableOneLine(const TableInfo& table, const std::string& schema) {
  return OneLine(ShowCreateTable(table, schema));
}

}  // namespace dm::mysql
