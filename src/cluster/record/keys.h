// Keys of the cluster's metadata in etcd. A key is a prefix followed by the lower-case hex of each
// component, joined by '/'. Components may hold any bytes but are never empty.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace dm::cluster {

// A family of keys: its prefix and how many components follow.
struct KeySpace {
  std::string_view prefix;
  size_t arity;
};

namespace keys {

inline constexpr std::string_view kClusterVersion = "/dm-cluster/version";
inline constexpr std::string_view kClusterId = "/dm-cluster/id";
inline constexpr std::string_view kClusterTopology = "/dm-cluster/topology";
// Followed by the lease id in hex without padding (not encoded as a component).
inline constexpr std::string_view kLeaderPrefix = "/dm-master/leader";

inline constexpr KeySpace kWorkerInfo{"/dm-worker/r/", 1};                     // worker
inline constexpr KeySpace kWorkerKeepAlive{"/dm-worker/a/", 1};                // worker
inline constexpr KeySpace kSourceConfig{"/dm-master/v2/upstream/config/", 1};  // source
inline constexpr KeySpace kBoundWorker{"/dm-master/bound-worker/", 1};         // worker
inline constexpr KeySpace kLastBoundWorker{"/dm-master/last-bound-worker/", 1};
inline constexpr KeySpace kRelayWorker{"/dm-master/relay-worker/", 1};            // worker
inline constexpr KeySpace kRelayStage{"/dm-master/v2/stage/relay/", 1};           // source
inline constexpr KeySpace kSubtask{"/dm-master/upstream/subtask/", 2};            // source, task
inline constexpr KeySpace kSubtaskStage{"/dm-master/stage/subtask/", 2};          // source, task
inline constexpr KeySpace kValidatorStage{"/dm-master/stage/validator/", 2};      // source, task
inline constexpr KeySpace kLoadTask{"/dm-master/load-task/", 2};                  // task, source
inline constexpr KeySpace kLightningCoord{"/dm-master/lightning-coord/", 2};      // task, source
inline constexpr KeySpace kTaskCliArgs{"/dm-master/task-cli-args/", 2};           // task, source
inline constexpr KeySpace kTaskTemplate{"/dm-master/openapi-task-template/", 1};  // task
inline constexpr KeySpace kPessimismInfo{"/dm-master/shardddl-pessimism/info/", 2};
inline constexpr KeySpace kPessimismOperation{"/dm-master/shardddl-pessimism/operation/", 2};
inline constexpr KeySpace kOptimismSourceTables{"/dm-master/shardddl-optimism/source-tables/", 2};
inline constexpr KeySpace kOptimismInfo{"/dm-master/shardddl-optimism/info/", 4};
inline constexpr KeySpace kOptimismOperation{"/dm-master/shardddl-optimism/operation/", 4};
inline constexpr KeySpace kOptimismDroppedColumns{"/dm-master/shardddl-optimism/dropped-columns/",
                                                  5};

}  // namespace keys

// The key of these components; with fewer components than the family has, the prefix of all keys
// that begin with them (ends with '/'). Throws Error 11110 for an empty component or too many.
std::string EncodeKey(const KeySpace& space, std::initializer_list<std::string_view> components);

// The components of a key of the family. Throws Error 11110 if it is not one.
std::vector<std::string> DecodeKey(const KeySpace& space, std::string_view key);

}  // namespace dm::cluster
