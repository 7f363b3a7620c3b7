// Reads lines "COLLATION HEX" (a text in UTF-8) and prints what each text is folded to, in
// hexadecimal.
#include <fmt/format.h>

#include <iostream>
#include <string>

#include "migration/rows/key_fold.h"

using namespace dm::migration;

int main() {
  std::ios::sync_with_stdio(false);
  std::string collation;
  std::string hex;
  while (std::cin >> collation >> hex) {
    std::string text;
    if (hex != "-") {
      for (size_t i = 0; i + 1 < hex.size(); i += 2) {
        text.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
      }
    }
    std::string folded;
    AppendFolded(folded, text, FoldOfCollation(collation));
    std::string line;
    for (const char c : folded) line += fmt::format("{:02x}", static_cast<unsigned char>(c));
    std::cout << line << "\n";
  }
}
