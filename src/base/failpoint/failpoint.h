// Named points in the code where tests inject a crash, an error or a pause.
//
// DM_FAILPOINTS="name=action[;name=action...]" in the environment, read once at first use; or
// DM_FAILPOINTS="@path": the same text in a file, read again whenever it has changed (a file that
// is not there has no points). Actions:
//   kill            writes a line with the name to standard error and sends SIGKILL to the own
//                   process
//   error(text)     throw Error(ErrorCode::kSyncerFailpoint, text)
//   pause(path)     make the file `path`.reached, then block until the file `path` exists
//   return          DM_FAILPOINT_HIT(name) is true
// A prefix "N*" does nothing for the first N-1 passes and acts on the N-th only: "3*kill".
// Free when unused: one relaxed load of a flag.
#pragma once

#include <atomic>
#include <string_view>

namespace dm {

namespace failpoint_internal {
extern std::atomic<bool> g_active;
bool Eval(std::string_view name);
bool IsSet(std::string_view name);
// Replaces all points by those of `text` (form of the environment variable); for tests.
void Configure(std::string_view text);
// As if the process had begun with this environment variable; for tests.
void ConfigureByEnvironment(std::string_view text);
}  // namespace failpoint_internal

}  // namespace dm

// Passes the point `name` ("dump/before-metadata"); may kill, throw or block. What has been done
// there and what is left is said above it in a comment `// Crash point: done. Left: ...`
// (scripts/crash-points).
#define DM_FAILPOINT(name)                                                               \
  do {                                                                                   \
    if (::dm::failpoint_internal::g_active.load(std::memory_order_relaxed)) [[unlikely]] \
      (void)::dm::failpoint_internal::Eval(name);                                        \
  } while (false)

// As DM_FAILPOINT; true if the point's action is `return`.
#define DM_FAILPOINT_HIT(name)                                           \
  (::dm::failpoint_internal::g_active.load(std::memory_order_relaxed) && \
   ::dm::failpoint_internal::Eval(name))

// True if an action waits at the point: work that is one step may be done in two then, so that the
// point between them can be passed. Free when unused.
#define DM_FAILPOINT_SET(name)                                           \
  (::dm::failpoint_internal::g_active.load(std::memory_order_relaxed) && \
   ::dm::failpoint_internal::IsSet(name))
