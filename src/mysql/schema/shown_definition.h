// The text of SHOW CREATE TABLE, as a definition that can be compared.
#pragma once

#include <string>
#include <string_view>

namespace dm::mysql {

// Without the counter in the table's options (AUTO_INCREMENT=n), which every insert changes.
std::string WithoutAutoIncrement(std::string shown);

// TiDB writes backslashes in the members of ENUM and SET and in comments of partitions as they are,
// everywhere else doubled; answers its text with all of them doubled, as a parser expects it. What
// TiDB itself makes of a line break or a NUL byte in a member (`\n`, `\0`) cannot be told from
// those two characters, and is taken for them.
std::string WithBackslashesDoubled(std::string_view shown_by_tidb);

}  // namespace dm::mysql
