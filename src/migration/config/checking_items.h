// The pre-check items that `ignore-checking-items` may name.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace dm::migration {

struct CheckingItem {
  std::string_view name;
  std::string_view description;
};

std::span<const CheckingItem> CheckingItems();

// Throws Error kConfigCheckItemNotSupport, listing all items, if `name` is none of them.
void CheckCheckingItem(std::string_view name);

}  // namespace dm::migration
