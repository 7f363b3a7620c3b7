// A stream of changes of one key or prefix.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/thread/stop.h"
#include "cluster/etcd/kv.h"

namespace dm::cluster {

class Channels;

struct WatchEvent {
  enum class Type { kPut, kDelete };
  Type type = Type::kPut;
  KeyValue kv;                       // of a delete only the key and mod_revision
  std::optional<KeyValue> previous;  // only if asked for, and if it is still kept
};

// One watch. Owned by one thread, which calls Next; Interrupt-free: Next's stop token ends it.
// Broken streams are repaired inside: the watch is made again on another endpoint at the last seen
// revision + 1, so no event is lost or repeated.
class Watch {
 public:
  Watch(std::shared_ptr<Channels> channels, std::string key, std::string range_end,
        int64_t from_revision, bool previous);
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  // The next events, in order; never empty unless `timeout` passed without one (0: no timeout).
  // Throws Cancelled at stop, and Error 42503 when the server ended the watch (raw cause names a
  // compaction), when the store is another one than before (restored from a copy, or begun anew),
  // or when no endpoint could be watched for 10 s: take a new snapshot then and make a new watch.
  std::vector<WatchEvent> Next(const StopToken& stop, Milliseconds timeout = Milliseconds(0));

  // Everything up to this revision has been given out (or was announced to hold no event).
  int64_t revision() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dm::cluster
