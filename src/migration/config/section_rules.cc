#include "migration/config/section_rules.h"

#include <fmt/format.h>

#include <stdexcept>

#include "base/error/error.h"
#include "base/io/text.h"
#include "migration/config/dump_dir.h"

namespace dm::migration {
namespace {

// Lower case, `fallback` if empty, throws `code` unless one of `values`.
void AdjustChoice(std::string& value, std::string_view fallback,
                  std::initializer_list<std::string_view> values, ErrorCode code) {
  if (value.empty()) {
    value = fallback;
    return;
  }
  const std::string lower = ToLower(value);
  for (std::string_view choice : values) {
    if (lower == choice) {
      value = lower;
      return;
    }
  }
  throw MakeError(code, value);
}

template <class T>
void Default(T& value, T fallback) {
  if (value == T{}) value = fallback;
}

void DefaultUnlessPositive(int& value, int fallback) {
  if (value <= 0) value = fallback;
}

// Beyond this a setting is a slip: each thread is one with a connection, each place holds a row.
constexpr int kMaxThreads = 1024;
constexpr int kMaxRows = 1'000'000;
constexpr int kMaxSeconds = 86'400;

void AtMost(std::string_view key, int value, int limit) {
  if (value <= limit) return;
  throw Error(ErrorCode::kConfigNotSupported,
              fmt::format("{}: {} is more than the limit, which is {}", key, value, limit));
}

// The section of `name` or the inline one; the defaults if there is neither, or nothing in it.
template <class T>
T Resolve(const Named<T>& named, const std::string& name, const std::optional<T>& in_place) {
  if (in_place) return *in_place;
  auto it = named.find(name);
  return it != named.end() && it->second ? *it->second : T{};
}

}  // namespace

bool IsLocalDir(std::string_view dir) {
  const size_t scheme = dir.find("://");
  return scheme == std::string_view::npos || dir.substr(0, scheme) == "file";
}

bool IsImportInto(const LoaderConfig& loader) {
  return EqualsIgnoreCase(loader.import_mode, "import-into");
}

void AdjustLoader(LoaderConfig& loader, TaskMode mode) {
  if (loader.import_mode == "loader" && loader.dir.starts_with("s3://") &&
      (mode == TaskMode::kAll || mode == TaskMode::kFull)) {
    throw MakeError(ErrorCode::kConfigLoaderS3NotSupport, MaskedDir(loader.dir));
  }
  AdjustChoice(loader.import_mode, "logical",
               {"logical", "physical", "import-into", "sql", "loader"},
               ErrorCode::kConfigInvalidLoadMode);
  if (loader.import_mode == "sql" || loader.import_mode == "loader") loader.import_mode = "logical";
  AdjustChoice(loader.on_duplicate_logical, "replace", {"replace", "ignore", "error"},
               ErrorCode::kConfigInvalidLoadDuplicateResolution);
  AdjustChoice(loader.on_duplicate_physical, "none", {"none", "manual"},
               ErrorCode::kConfigInvalidLoadPhysicalDuplicateResolution);
  AdjustChoice(loader.checksum_physical, "required", {"required", "optional", "off"},
               ErrorCode::kConfigInvalidLoadPhysicalChecksum);
  AdjustChoice(loader.analyze, "optional", {"required", "optional", "off"},
               ErrorCode::kConfigInvalidLoadAnalyze);
  if (!loader.compress_kv_pairs.empty() && loader.compress_kv_pairs != "gzip" &&
      loader.compress_kv_pairs != "gz") {
    throw Error(ErrorCode::kConfigNotSupported,
                fmt::format("compress-kv-pairs {} is unknown", loader.compress_kv_pairs))
        .SetWorkaround("Please use `gzip`, `gz` or leave it empty.");
  }
  DefaultUnlessPositive(loader.pool_size, LoaderConfig().pool_size);
  AtMost("loaders: pool-size", loader.pool_size, kMaxThreads);
}

Duration SyncerConfig::SafeModeDuration() const {
  if (safe_mode_duration.empty()) return 2 * std::chrono::seconds(checkpoint_flush_interval);
  try {
    return ParseDurationOrThrow(safe_mode_duration);
  } catch (const std::invalid_argument& e) {
    throw MakeError(ErrorCode::kConfigInvalidSafeModeDuration, safe_mode_duration, e.what());
  }
}

void AdjustSyncer(SyncerConfig& syncer) {
  const SyncerConfig defaults;
  DefaultUnlessPositive(syncer.worker_count, defaults.worker_count);
  DefaultUnlessPositive(syncer.batch, defaults.batch);
  DefaultUnlessPositive(syncer.queue_size, defaults.queue_size);
  DefaultUnlessPositive(syncer.checkpoint_flush_interval, defaults.checkpoint_flush_interval);
  AtMost("syncers: worker-count", syncer.worker_count, kMaxThreads);
  AtMost("syncers: batch", syncer.batch, kMaxRows);
  AtMost("syncers: queue-size", syncer.queue_size, kMaxRows);
  AtMost("syncers: checkpoint-flush-interval", syncer.checkpoint_flush_interval, kMaxSeconds);
  const Duration duration = syncer.SafeModeDuration();
  if (syncer.safe_mode_duration.empty()) syncer.safe_mode_duration = FormatDuration(duration);
  if (syncer.safe_mode && duration == Duration::zero()) {
    throw MakeError(ErrorCode::kConfigConfictSafeModeDurationAndSafeMode);
  }
}

void AdjustValidator(ValidatorConfig& validator) {
  const ValidatorConfig defaults;
  if (validator.mode.empty()) validator.mode = defaults.mode;
  if (validator.mode != "none" && validator.mode != "fast" && validator.mode != "full") {
    throw MakeError(ErrorCode::kConfigValidationMode, validator.mode);
  }
  DefaultUnlessPositive(validator.worker_count, defaults.worker_count);
  Default(validator.validate_interval, defaults.validate_interval);
  Default(validator.check_interval, defaults.check_interval);
  Default(validator.row_error_delay, defaults.row_error_delay);
  Default(validator.meta_flush_interval, defaults.meta_flush_interval);
  Default(validator.batch_query_size, defaults.batch_query_size);
  Default(validator.max_pending_row_count, defaults.max_pending_row_count);
  if (validator.max_pending_row_size.empty()) {
    validator.max_pending_row_size = defaults.max_pending_row_size;
  }
  if (!ParseSize(validator.max_pending_row_size)) {
    throw std::invalid_argument(
        fmt::format("invalid max-pending-row-size: {}", validator.max_pending_row_size));
  }
}

DumperConfig ResolveDumper(const TaskConfig& task, const InstanceConfig& instance) {
  DumperConfig dumper = Resolve(task.mydumpers, instance.mydumper_config_name, instance.mydumper);
  if (instance.mydumper_thread != 0) dumper.threads = instance.mydumper_thread;
  AtMost("mydumpers: threads", dumper.threads, kMaxThreads);
  return dumper;
}

LoaderConfig ResolveLoader(const TaskConfig& task, const InstanceConfig& instance) {
  LoaderConfig loader = Resolve(task.loaders, instance.loader_config_name, instance.loader);
  if (instance.loader_thread != 0) loader.pool_size = instance.loader_thread;
  return loader;
}

SyncerConfig ResolveSyncer(const TaskConfig& task, const InstanceConfig& instance) {
  SyncerConfig syncer = Resolve(task.syncers, instance.syncer_config_name, instance.syncer);
  if (instance.syncer_thread != 0) syncer.worker_count = instance.syncer_thread;
  return syncer;
}

ValidatorConfig ResolveValidator(const TaskConfig& task, const InstanceConfig& instance) {
  return Resolve(task.validators, instance.validator_config_name, std::optional<ValidatorConfig>());
}

const std::string& BlockAllowListName(const InstanceConfig& instance) {
  return instance.block_allow_list.empty() ? instance.black_white_list : instance.block_allow_list;
}

const Named<BlockAllowRules>& BlockAllowLists(const TaskConfig& task) {
  return task.block_allow_list.empty() ? task.black_white_list : task.block_allow_list;
}

}  // namespace dm::migration
