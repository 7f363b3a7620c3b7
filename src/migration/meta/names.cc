#include "migration/meta/names.h"

#include "mysql/value/quote.h"

namespace dm::migration {

std::string MetaTable(std::string_view meta_schema, std::string_view task,
                      std::string_view suffix) {
  return mysql::QuoteName(meta_schema) + "." +
         mysql::QuoteName(std::string(task) + std::string(suffix));
}

}  // namespace dm::migration
