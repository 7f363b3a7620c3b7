// What a check found, and the texts that users and their scripts read.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dm::migration {

enum class CheckState { kSuccess, kWarn, kFail };

std::string_view ToString(CheckState state);

// One finding of an item.
struct CheckEntry {
  bool fails = false;  // else a warning
  std::string text;
  // Two sides that differ, and what to do about this entry alone; left out if empty.
  std::string self = {};
  std::string other = {};
  std::string instruction = {};
};

// Outcome of one checking item.
struct CheckItem {
  int id = 0;  // index in order of creation
  std::string name = {};
  std::string description = {};
  CheckState state = CheckState::kSuccess;
  std::vector<CheckEntry> entries = {};
  std::string instruction = {};
  std::string extra = {};

  // Adds an entry and makes the state at least as bad as the entry.
  void Warn(std::string text);
  void Fail(std::string text);
};

struct CheckReport {
  std::vector<CheckItem> items;  // sorted by id
  bool finished = true;          // false: the time limit ended an item
};

// How many entries are shown, each kind by its own severity. Negative: all.
struct CheckLimits {
  int64_t errors = 10;
  int64_t warnings = 10;
};

// What the limits leave of the items: no success, at most so many entries of each severity. An item
// without entries counts as one of its state.
std::vector<CheckItem> Shown(const std::vector<CheckItem>& items, const CheckLimits& limits);

// The object of a report: `results` after the limits, `summary` before them. Indented by one tab a
// level, every line but the first by one more.
std::string ReportJson(const CheckReport& report, const CheckLimits& limits);

// Text for the caller: empty if nothing was checked, "pre-check is passed. " if every item
// succeeded, or the warnings. Throws Error 26005 (class dm-master) if an item failed.
std::string ReportText(const CheckReport& report, const CheckLimits& limits);

}  // namespace dm::migration
