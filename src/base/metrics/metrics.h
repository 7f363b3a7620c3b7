// Metrics of the process and their text exposition. Handles are cheap to copy, thread-safe, and
// stay usable after their series was removed (they then count for nobody).
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace prometheus {
class Counter;
class Gauge;
class Histogram;
}  // namespace prometheus

namespace dm {

using Labels = std::map<std::string, std::string>;

class Counter {
 public:
  Counter() = default;  // counts for nobody
  explicit Counter(std::shared_ptr<prometheus::Counter> series) : series_(std::move(series)) {}
  void Add(double value = 1) const;  // >= 0
  [[nodiscard]] double value() const;

 private:
  std::shared_ptr<prometheus::Counter> series_;
};

class Gauge {
 public:
  Gauge() = default;
  explicit Gauge(std::shared_ptr<prometheus::Gauge> series) : series_(std::move(series)) {}
  void Set(double value) const;
  void Add(double value) const;
  [[nodiscard]] double value() const;

 private:
  std::shared_ptr<prometheus::Gauge> series_;
};

class Histogram {
 public:
  Histogram() = default;
  explicit Histogram(std::shared_ptr<prometheus::Histogram> series) : series_(std::move(series)) {}
  void Observe(double value) const;

 private:
  friend class DurationBatch;
  friend class SizeBatch;
  friend class ValueBatch;
  std::shared_ptr<prometheus::Histogram> series_;
};

// Durations of one thread on their way to a histogram of DurationBuckets(): what is observed for
// every row costs neither a lock nor a search there.
class DurationBatch {
 public:
  void Add(std::chrono::nanoseconds duration, uint64_t count = 1);
  bool empty() const { return count_ == 0; }
  // Hands everything over and is empty again.
  void FlushTo(const Histogram& histogram);

 private:
  static constexpr size_t kBuckets = 26;  // the last: beyond all bounds
  std::array<uint64_t, kBuckets> buckets_{};
  uint64_t count_ = 0;
  double seconds_ = 0;
};

// Sizes in bytes of one thread on their way to a histogram of SizeBuckets().
class SizeBatch {
 public:
  void Add(uint32_t size);
  bool empty() const { return count_ == 0; }
  // Hands everything over and is empty again.
  void FlushTo(const Histogram& histogram);

 private:
  static constexpr size_t kBuckets = 21;  // the last: beyond all bounds
  std::array<uint64_t, kBuckets> buckets_{};
  uint64_t count_ = 0;
  double sum_ = 0;
};

// Values of one thread on their way to a histogram of the same buckets: what is observed for every
// event takes no lock there.
class ValueBatch {
 public:
  // `bounds` of the histogram, rising.
  explicit ValueBatch(std::vector<double> bounds)
      : bounds_(std::move(bounds)), counts_(bounds_.size() + 1) {}
  void Add(double value);
  // Hands everything over and is empty again.
  void FlushTo(const Histogram& histogram);
  bool empty() const { return count_ == 0; }

 private:
  std::vector<double> bounds_;
  std::vector<double> counts_;  // the last: beyond all bounds
  uint64_t count_ = 0;
  double sum_ = 0;
};

// start, start*factor, ... (count values)
std::vector<double> ExponentialBuckets(double start, double factor, int count);
// start, start+width, ... (count values)
std::vector<double> LinearBuckets(double start, double width, int count);
std::vector<double> DurationBuckets();  // 5 us ... 83.9 s, "D" of the documentation
std::vector<double> SizeBuckets();      // 16 B ... 8 MiB, "S" of the documentation

// The series of one process (or of one test). A series exists from its first use on; asking again
// with the same labels gives the same series. Thread-safe.
class MetricsRegistry {
 public:
  MetricsRegistry();
  MetricsRegistry(const MetricsRegistry&) = delete;
  MetricsRegistry& operator=(const MetricsRegistry&) = delete;
  ~MetricsRegistry();

  // `help` is shown with the name; the first text given for a name stays. Throws std::logic_error
  // if the name exists with another type.
  Counter GetCounter(const std::string& name, const std::string& help, const Labels& labels = {});
  Gauge GetGauge(const std::string& name, const std::string& help, const Labels& labels = {});
  Histogram GetHistogram(const std::string& name, const std::string& help,
                         const std::vector<double>& buckets, const Labels& labels = {});

  // Removes every series whose name starts with `name_prefix` and whose labels include all of
  // `labels`; returns how many.
  size_t Remove(std::string_view name_prefix, const Labels& labels);

  // Text exposition (content type text/plain; version=0.0.4): families by name, labels of a series
  // by name. Families without series are left out. With `process`: the process_* series and
  // go_goroutines (number of threads) too.
  [[nodiscard]] std::string Expose(bool process = true) const;

 private:
  struct Family;
  Family& FamilyOf(const std::string& name, const std::string& help, int type);

  mutable std::mutex mutex_;
  std::map<std::string, std::unique_ptr<Family>, std::less<>> families_;
};

// The registry that /metrics shows.
MetricsRegistry& Metrics();

}  // namespace dm
