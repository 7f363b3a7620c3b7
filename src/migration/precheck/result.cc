#include "migration/precheck/result.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/error/error.h"
#include "base/io/encode.h"
#include "base/io/text.h"

namespace dm::migration {
namespace {

// A JSON string as the tools that read the answer know it.
void AppendJsonText(std::string& out, std::string_view text) {
  AppendJsonString(out, text, {.short_controls = false});
}

// Writes members one a line, without a comma before the first.
class ObjectWriter {
 public:
  ObjectWriter(std::string& out, int depth) : out_(out), depth_(depth) { out_ += '{'; }

  void Raw(std::string_view name, std::string_view value) {
    Key(name);
    out_ += value;
  }
  void Text(std::string_view name, std::string_view value) {
    Key(name);
    AppendJsonText(out_, value);
  }
  void TextUnlessEmpty(std::string_view name, std::string_view value) {
    if (!value.empty()) Text(name, value);
  }
  // The value is written by the caller.
  void Key(std::string_view name) {
    out_ += first_ ? "\n" : ",\n";
    first_ = false;
    out_.append(static_cast<size_t>(depth_ + 1), '\t');
    fmt::format_to(std::back_inserter(out_), "\"{}\": ", name);
  }
  void Close() {
    out_ += '\n';
    out_.append(static_cast<size_t>(depth_), '\t');
    out_ += '}';
  }

 private:
  std::string& out_;
  int depth_;
  bool first_ = true;
};

// A list whose elements `write` writes at `depth + 1`.
template <class Elements, class Write>
void AppendList(std::string& out, int depth, const Elements& elements, Write write) {
  out += '[';
  bool first = true;
  for (const auto& element : elements) {
    out += first ? "\n" : ",\n";
    first = false;
    out.append(static_cast<size_t>(depth + 1), '\t');
    write(element);
  }
  if (!first) {
    out += '\n';
    out.append(static_cast<size_t>(depth), '\t');
  }
  out += ']';
}

void AppendEntry(std::string& out, int depth, const CheckEntry& entry) {
  ObjectWriter object(out, depth);
  object.Text("severity", entry.fails ? "fail" : "warn");
  object.Text("short_error", entry.text);
  object.TextUnlessEmpty("self", entry.self);
  object.TextUnlessEmpty("other", entry.other);
  object.TextUnlessEmpty("instruction", entry.instruction);
  object.Close();
}

void AppendItem(std::string& out, int depth, const CheckItem& item) {
  ObjectWriter object(out, depth);
  object.Raw("id", std::to_string(item.id));
  object.Text("name", item.name);
  object.Text("desc", item.description);
  object.Text("state", ToString(item.state));
  if (!item.entries.empty()) {
    object.Key("errors");
    AppendList(out, depth + 1, item.entries,
               [&](const CheckEntry& entry) { AppendEntry(out, depth + 2, entry); });
  }
  object.TextUnlessEmpty("instruction", item.instruction);
  object.TextUnlessEmpty("extra", item.extra);
  object.Close();
}

int64_t Count(const CheckReport& report, CheckState state) {
  return std::count_if(report.items.begin(), report.items.end(),
                       [&](const CheckItem& item) { return item.state == state; });
}

}  // namespace

std::string_view ToString(CheckState state) {
  switch (state) {
    case CheckState::kSuccess:
      return "success";
    case CheckState::kWarn:
      return "warn";
    case CheckState::kFail:
      return "fail";
  }
  return "";
}

void CheckItem::Warn(std::string text) {
  entries.push_back({false, std::move(text)});
  if (state == CheckState::kSuccess) state = CheckState::kWarn;
}

void CheckItem::Fail(std::string text) {
  entries.push_back({true, std::move(text)});
  state = CheckState::kFail;
}

std::vector<CheckItem> Shown(const std::vector<CheckItem>& items, const CheckLimits& limits) {
  int64_t errors = limits.errors;
  int64_t warnings = limits.warnings;
  const auto take = [&](bool fails) {
    int64_t& left = fails ? errors : warnings;
    if (left == 0) return false;
    --left;
    return true;
  };
  std::vector<CheckItem> shown;
  for (const CheckItem& item : items) {
    if (item.state == CheckState::kSuccess) continue;
    if (item.entries.empty()) {
      if (take(item.state == CheckState::kFail)) shown.push_back(item);
      continue;
    }
    CheckItem kept = item;
    std::erase_if(kept.entries, [&](const CheckEntry& entry) { return !take(entry.fails); });
    if (!kept.entries.empty()) shown.push_back(std::move(kept));
  }
  return shown;
}

std::string ReportJson(const CheckReport& report, const CheckLimits& limits) {
  constexpr int kDepth = 1;
  const int64_t failed = Count(report, CheckState::kFail);
  std::string out;
  ObjectWriter object(out, kDepth);
  object.Key("results");
  AppendList(out, kDepth + 1, Shown(report.items, limits),
             [&](const CheckItem& item) { AppendItem(out, kDepth + 2, item); });
  object.Key("summary");
  ObjectWriter summary(out, kDepth + 1);
  summary.Raw("passed", report.finished && failed == 0 ? "true" : "false");
  summary.Raw("total", std::to_string(report.items.size()));
  summary.Raw("successful", std::to_string(Count(report, CheckState::kSuccess)));
  summary.Raw("failed", std::to_string(failed));
  summary.Raw("warning", std::to_string(Count(report, CheckState::kWarn)));
  summary.Close();
  object.Close();
  return out;
}

std::string ReportText(const CheckReport& report, const CheckLimits& limits) {
  constexpr std::string_view kHead = "fail to check synchronization configuration with type";
  if (report.items.empty()) return "";
  if (Count(report, CheckState::kFail) > 0) {
    throw Error(ErrorCode::kTaskCheckSyncConfigError,
                fmt::format("{}: check was failed, please see detail\n detail: {}", kHead,
                            ReportJson(report, limits)))
        .SetClass("dm-master");
  }
  if (Count(report, CheckState::kWarn) > 0) {
    return fmt::format("{}: no errors but some warnings\n detail: {}", kHead,
                       ReportJson(report, limits));
  }
  return "pre-check is passed. ";
}

}  // namespace dm::migration
