#include "base/failpoint/failpoint.h"

#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
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

// Guarded by g_mutex.
PointMap& Points() {
  static auto* points = [] {
    const char* text = std::getenv("DM_FAILPOINTS");
    return new PointMap(ParsePoints(text == nullptr ? "" : text));
  }();
  return *points;
}

std::string Argument(const std::string& action) {
  size_t open = action.find('('), close = action.rfind(')');
  if (open == std::string::npos || close == std::string::npos || close < open) return "";
  return action.substr(open + 1, close - open - 1);
}

}  // namespace

std::atomic<bool> g_active{!Points().empty()};

void Configure(std::string_view text) {
  std::lock_guard lock(g_mutex);
  Points() = ParsePoints(text);
  g_active = !Points().empty();
}

bool Eval(std::string_view name) {
  std::string action;
  {
    std::lock_guard lock(g_mutex);
    auto it = Points().find(name);
    if (it == Points().end() || it->second.countdown == 0) return false;
    if (it->second.countdown > 0 && --it->second.countdown > 0) return false;
    action = it->second.action;
  }
  if (action == "kill") {
    ::kill(::getpid(), SIGKILL);
    ::pause();
  }
  if (action.starts_with("error")) throw Error(ErrorCode::kSyncerFailpoint, Argument(action));
  if (action.starts_with("pause")) {
    StopSource never;
    while (::access(Argument(action).c_str(), F_OK) != 0) {
      WaitFor(Milliseconds(20), never.get_token());
    }
  }
  return action == "return";
}

}  // namespace dm::failpoint_internal
