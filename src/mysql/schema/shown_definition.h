// The text of SHOW CREATE TABLE, as a definition that can be compared.
#pragma once

#include <string>

namespace dm::mysql {

// Without the counter in the table's options (AUTO_INCREMENT=n), which every insert changes.
std::string WithoutAutoIncrement(std::string shown);

}  // namespace dm::mysql
