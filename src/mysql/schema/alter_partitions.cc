// ALTER TABLE ... PARTITION on a definition.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "mysql/schema/build.h"
#include "mysql/schema/edit.h"
#include "mysql/sql/parser.h"

namespace dm::mysql {

PartitionBy ParsePartition(const std::string& text) {
  ParseOptions options;
  options.mariadb = true;
  Statement statement;
  ParseFirst("ALTER TABLE t " + text, options, &statement);
  return *statement.As<AlterTable>()->specs.front().partition;
}

void ChangePartitions(TableInfo* table, const AlterSpec& spec) {
  if (!table->partition) {
    Refuse(1505, "Partition management on a not partitioned table is not possible");
  }
  PartitionBy clause = ParsePartition(table->partition->text);
  auto& definitions = clause.definitions;
  const auto find = [&](const std::string& name) {
    return std::find_if(
        definitions.begin(), definitions.end(),
        [&](const PartitionDef& definition) { return EqualNames(definition.name, name); });
  };
  const auto added = [&](const PartitionDef& definition) {
    if (find(definition.name) == definitions.end()) {
      definitions.push_back(definition);
    } else if (!spec.if_exists) {
      Refuse(1517, fmt::format("Duplicate partition name {}", definition.name));
    }
  };
  switch (spec.kind) {
    case AlterKind::kAddPartition:
      if (spec.count) {
        if (definitions.empty()) {
          clause.count = clause.count.value_or(1) + *spec.count;
        } else {
          for (uint64_t i = 0; i < *spec.count && i < 8192; ++i) {
            PartitionDef definition;
            definition.name = fmt::format("p{}", definitions.size());
            definitions.push_back(std::move(definition));
          }
        }
      } else {
        // Those that have no definition have names all the same.
        const uint64_t have = definitions.empty() ? clause.count.value_or(1) : 0;
        for (uint64_t i = 0; i < have && i < 8192; ++i) {
          PartitionDef definition;
          definition.name = fmt::format("p{}", i);
          definitions.push_back(std::move(definition));
        }
        for (const PartitionDef& definition : spec.partitions) added(definition);
      }
      break;
    case AlterKind::kDropPartition:
    case AlterKind::kConvertPartition:
      for (const std::string& name : spec.names) {
        const auto it = find(name);
        if (it != definitions.end()) {
          definitions.erase(it);
        } else if (!spec.if_exists) {
          Refuse(1507, "Error in list of partitions to DROP");
        }
      }
      break;
    case AlterKind::kConvertTable:
      added(spec.partitions.front());
      break;
    case AlterKind::kCoalescePartition: {
      const uint64_t have = definitions.empty() ? clause.count.value_or(1) : definitions.size();
      const uint64_t drop = spec.count.value_or(0);
      if (drop >= have) {
        Refuse(1508, "Cannot remove all partitions, use DROP TABLE instead");
      }
      if (definitions.empty()) {
        clause.count = have - drop;
      } else {
        definitions.resize(have - drop);
      }
      break;
    }
    default: {
      if (spec.names.empty()) break;
      auto at = definitions.end();
      for (const std::string& name : spec.names) {
        const auto it = find(name);
        if (it == definitions.end()) Refuse(1507, "Error in list of partitions to REORGANIZE");
        at = definitions.erase(it);
      }
      definitions.insert(at, spec.partitions.begin(), spec.partitions.end());
    }
  }
  if (clause.count && !definitions.empty()) clause.count = definitions.size();
  table->partition = BuildPartition(clause);
}

}  // namespace dm::mysql
