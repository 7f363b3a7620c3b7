#include "programs/ctl/completion.h"

#include <algorithm>

#include "base/error/system_error.h"
#include "base/io/file.h"
#include "base/io/text.h"

namespace dm::ctl {

namespace {

void AddFlags(const cli::Command& command, bool own, std::string_view begin,
              std::vector<std::string>& out) {
  for (const cli::Flag& flag : command.flags) {
    if (flag.hidden || (!own && !flag.persistent)) continue;
    const std::string name = fmt::format("--{}", flag.name);
    if (name.starts_with(begin)) out.push_back(name);
  }
}

void AddFiles(std::string_view begin, std::vector<std::string>& out) {
  const size_t slash = begin.rfind('/');
  const std::string directory(
      slash == std::string_view::npos ? "." : begin.substr(0, std::max<size_t>(slash, 1)));
  const std::string_view lead =
      slash == std::string_view::npos ? std::string_view() : begin.substr(0, slash + 1);
  const std::string_view name = begin.substr(lead.size());
  try {
    for (const std::string& entry : ListDirectory(directory)) {
      if (!entry.starts_with(name) || (entry.starts_with('.') && !name.starts_with('.'))) continue;
      const bool is_directory = IsDirectory(JoinPath(directory, entry));
      out.push_back(fmt::format("{}{}{}", lead, entry, is_directory ? "/" : ""));
    }
  } catch (const SystemError&) {
    // There is no such directory: nothing to offer.
  }
}

}  // namespace

size_t LastWordBegin(std::string_view line) {
  const size_t blank = line.find_last_of(" \t");
  return blank == std::string_view::npos ? 0 : blank + 1;
}

std::string CommonBegin(const std::vector<std::string>& words) {
  if (words.empty()) return "";
  std::string common = words.front();
  for (const std::string& word : words) {
    const auto [end, ignored] =
        std::mismatch(common.begin(), common.end(), word.begin(), word.end());
    common.erase(end, common.end());
  }
  return common;
}

std::vector<std::string> Completions(const cli::Command& root, std::string_view line) {
  const std::string_view last = line.substr(LastWordBegin(line));
  std::vector<const cli::Command*> path = {&root};
  for (const std::string& word : Split(line.substr(0, line.size() - last.size()), ' ')) {
    if (word.empty() || word.starts_with('-')) continue;
    const auto& children = path.back()->children;
    const auto child = std::find_if(children.begin(), children.end(),
                                    [&](const cli::Command& c) { return c.name() == word; });
    if (child == children.end()) break;
    path.push_back(&*child);
  }
  std::vector<std::string> out;
  if (last.starts_with('-')) {
    for (const cli::Command* command : path) {
      AddFlags(*command, command == path.back(), last, out);
    }
    if (std::string_view("--help").starts_with(last)) out.emplace_back("--help");
  } else {
    for (const cli::Command& child : path.back()->children) {
      if (!child.hidden && child.name().starts_with(last)) out.push_back(child.name());
    }
    if (path.size() == 1 && std::string_view("exit").starts_with(last)) out.emplace_back("exit");
    // A group takes no other words.
    if (path.size() > 1 && path.back()->children.empty()) AddFiles(last, out);
  }
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace dm::ctl
