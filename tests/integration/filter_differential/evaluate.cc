// Evaluates expressions on the inserted rows of a binlog file, as an expression filter would.
//
// filter_differential BINLOG TABLE DEFINITION COLLATIONS EXPRESSIONS FLAVOR [ZONE]
//
// TABLE is the name without schema; DEFINITION a file with its SHOW CREATE TABLE; COLLATIONS a file
// with a line `column collation` for each character column; EXPRESSIONS a file with one expression
// a line; FLAVOR mysql or mariadb. Prints a line for each expression: `=` and a letter for each row
// (T true, F false, N null, E error), or `!` and why it is refused.
#include <fmt/format.h>

#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>

#include "migration/rows/row_filter.h"
#include "migration/rows/table_plan.h"
#include "mysql/binlog/file_source.h"
#include "mysql/evaluate/condition.h"
#include "mysql/schema/build.h"
#include "mysql/sql/parser.h"

namespace dm {
namespace {

std::string Contents(const char* path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

int Run(char** argv) {
  const bool mariadb = std::string_view(argv[6]) == "mariadb";
  mysql::ParseOptions parse;
  parse.mariadb = mariadb;
  mysql::BuildOptions build;
  build.mariadb = mariadb;
  const auto table = std::make_shared<const mysql::TableInfo>(
      mysql::ParseCreateTable(Contents(argv[3]), parse, build));
  migration::ColumnCollations collations;
  std::istringstream lines(Contents(argv[4]));
  for (std::string column, collation; lines >> column >> collation;) {
    collations[column] = collation;
  }
  mysql::ConditionOptions options;
  options.mariadb = mariadb;
  if (argv[7] != nullptr) options.time_zone = mysql::TimeZone::Parse(argv[7]).value();

  std::vector<std::shared_ptr<const mysql::RowBatch>> batches;
  std::shared_ptr<const mysql::TableMap> map;
  std::shared_ptr<const migration::TablePlan> plan;
  mysql::FileEventSource source(argv[1], 4);
  StopSource stop;
  try {
    for (;;) {
      const mysql::RawEvent event = source.Next(stop.get_token());
      if (event.type() == mysql::EventType::kTableMap) {
        map = mysql::TableMap::Parse(event, source.format());
      } else if (mysql::IsRowsEvent(event.type()) && map && map->table == argv[2]) {
        if (!plan) {
          plan = migration::BuildTablePlan({map->schema, map->table}, {map->schema, map->table},
                                           *map, table, table, {});
        }
        batches.push_back(mysql::RowBatch::Decode(event, source.format(), map, plan->metas));
      }
    }
  } catch (const mysql::EndOfLog&) {
    // Everything is read.
  }
  if (!plan) throw std::runtime_error("no rows of the table in the file");
  const std::vector<mysql::ConditionColumn> columns =
      migration::ConditionColumns(*plan, collations);

  std::istringstream expressions(Contents(argv[5]));
  for (std::string text; std::getline(expressions, text);) {
    std::string out;
    try {
      const mysql::Condition condition(*mysql::ParseExpression(text, parse), columns, options);
      out = "=";
      for (const auto& batch : batches) {
        for (size_t row = 0; row < batch->row_count(); ++row) {
          switch (condition.Evaluate(batch->after(row))) {
            case mysql::Condition::Result::kTrue:
              out += 'T';
              break;
            case mysql::Condition::Result::kFalse:
              out += 'F';
              break;
            case mysql::Condition::Result::kNull:
              out += 'N';
              break;
            case mysql::Condition::Result::kError:
              out += 'E';
              break;
          }
        }
      }
    } catch (const Error& e) {
      out = "!" + e.MessageAndCause();
    } catch (const std::invalid_argument& e) {
      out = fmt::format("!{}", e.what());
    }
    for (char& c : out) {
      if (c == '\n') c = ' ';
    }
    std::cout << out << '\n';
  }
  return 0;
}

}  // namespace
}  // namespace dm

int main(int argc, char** argv) {
  if (argc < 7) {
    std::cerr << "see the comment at the head of evaluate.cc\n";
    return 2;
  }
  try {
    return dm::Run(argv);
  } catch (const std::exception& e) {
    std::cerr << e.what() << '\n';
    return 1;
  }
}
