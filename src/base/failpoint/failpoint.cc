#include "base/failpoint/failpoint.h"

#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <mutex>
#include <string>

#include "base/error/error.h"
#include "base/thread/stop.h"

namespace dm::failpoint_internal {
namespace {

struct Point {
  int countdown = 0;  // passes still to let go; -1: acts on every pass
  std::string action;
};

std::mutex g_mutex;

using PointMap = std::map<std::string, Point, std::less<>>;

PointMap ParsePoints(std::string_view rest) {
  PointMap points;
  while (!rest.empty()) {
    std::string_view item = rest.substr(0, rest.find(';'));
    rest.remove_prefix(std::min(rest.size(), item.size() + 1));
    size_t eq = item.find('=');
    if (eq == std::string_view::npos) continue;
    std::string_view action = item.substr(eq + 1);
    while (action.ends_with('\n')) action.remove_suffix(1);
    Point point{-1, ""};
    if (size_t star = action.find('*'); star != std::string_view::npos && star > 0 &&
                                        action.find_first_not_of("0123456789") == star) {
      point.countdown = std::atoi(std::string(action.substr(0, star)).c_str());
      action.remove_prefix(star + 1);
    }
    point.action = action;
    points.emplace(item.substr(0, eq), point);
  }
  return points;
}

// All below are guarded by g_mutex, and never destroyed: points may be passed to the very end.

// Text of the environment variable; "@path" names a file that may change.
std::string& Environment() {
  static auto* text = [] {
    const char* value = std::getenv("DM_FAILPOINTS");
    return new std::string(value == nullptr ? "" : value);
  }();
  return *text;
}

PointMap& Points() {
  static auto* points =
      new PointMap(ParsePoints(Environment().starts_with('@') ? "" : Environment()));
  return *points;
}

// Takes over what the file says now; points whose text is the same go on counting.
void ReadFile() {
  if (!Environment().starts_with('@')) return;
  static auto* known = new std::string();
  std::ifstream file(Environment().substr(1));
  std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (text == *known) return;
  Points() = ParsePoints(text);
  *known = std::move(text);
}

std::string Argument(const std::string& action) {
  size_t open = action.find('('), close = action.rfind(')');
  if (open == std::string::npos || close == std::string::npos || close < open) return "";
  return action.substr(open + 1, close - open - 1);
}

}  // namespace

std::atomic<bool> g_active{!Environment().empty()};

void Configure(std::string_view text) {
  std::lock_guard lock(g_mutex);
  Points() = ParsePoints(text);
  g_active = !Points().empty();
}

void ConfigureByEnvironment(std::string_view text) {
  std::lock_guard lock(g_mutex);
  Environment() = text;
  Points().clear();
  g_active = true;
}

bool Eval(std::string_view name) {
  std::string action;
  {
    std::lock_guard lock(g_mutex);
    ReadFile();
    auto it = Points().find(name);
    if (it == Points().end() || it->second.countdown == 0) return false;
    if (it->second.countdown > 0 && --it->second.countdown > 0) return false;
    action = it->second.action;
  }
  if (action == "kill") {
    std::string line = "killed at the fail point ";
    line.append(name).push_back('\n');
    [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
    ::kill(::getpid(), SIGKILL);
    ::pause();
  }
  if (action.starts_with("error")) throw Error(ErrorCode::kSyncerFailpoint, Argument(action));
  if (action.starts_with("pause")) {
    std::ofstream(Argument(action) + ".reached");
    StopSource never;
    while (::access(Argument(action).c_str(), F_OK) != 0) {
      WaitFor(Milliseconds(20), never.get_token());
    }
  }
  return action == "return";
}

bool IsSet(std::string_view name) {
  std::lock_guard lock(g_mutex);
  ReadFile();
  const auto it = Points().find(name);
  return it != Points().end() && it->second.countdown != 0;
}

}  // namespace dm::failpoint_internal
