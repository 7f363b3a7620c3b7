#include "base/metrics/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <bit>
#include <stdexcept>

#include "base/metrics/process.h"

namespace dm {

void Counter::Add(double value) const {
  if (series_ != nullptr) series_->Increment(value);
}
double Counter::value() const { return series_ == nullptr ? 0 : series_->Value(); }

void Gauge::Set(double value) const {
  if (series_ != nullptr) series_->Set(value);
}
void Gauge::Add(double value) const {
  if (series_ != nullptr) series_->Increment(value);
}
double Gauge::value() const { return series_ == nullptr ? 0 : series_->Value(); }

void Histogram::Observe(double value) const {
  if (series_ != nullptr) series_->Observe(value);
}

void DurationBatch::Add(std::chrono::nanoseconds duration, uint64_t count) {
  // The bounds are 5 us times powers of 2: ceil(duration / 5 us) tells the power.
  const uint64_t ns = duration.count() < 0 ? 0 : static_cast<uint64_t>(duration.count());
  const uint64_t units = (ns + 4999) / 5000;
  const size_t bucket = units <= 1 ? 0 : static_cast<size_t>(std::bit_width(units - 1));
  buckets_[std::min(bucket, kBuckets - 1)] += count;
  count_ += count;
  seconds_ += static_cast<double>(ns) * 1e-9 * static_cast<double>(count);
}

void DurationBatch::FlushTo(const Histogram& histogram) {
  if (count_ == 0) return;
  if (histogram.series_ != nullptr) {
    histogram.series_->ObserveMultiple({buckets_.begin(), buckets_.end()}, seconds_);
  }
  *this = DurationBatch();
}

void SizeBatch::Add(uint32_t size) {
  // The bounds are 16 times powers of 2.
  const size_t bucket = size <= 16 ? 0 : static_cast<size_t>(std::bit_width(size - 1)) - 4;
  ++buckets_[std::min(bucket, kBuckets - 1)];
  ++count_;
  sum_ += size;
}

void SizeBatch::FlushTo(const Histogram& histogram) {
  if (count_ == 0) return;
  if (histogram.series_ != nullptr) {
    histogram.series_->ObserveMultiple({buckets_.begin(), buckets_.end()}, sum_);
  }
  *this = SizeBatch();
}

void ValueBatch::Add(double value) {
  const auto bucket = std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin();
  ++counts_[static_cast<size_t>(bucket)];
  ++count_;
  sum_ += value;
}

void ValueBatch::FlushTo(const Histogram& histogram) {
  if (count_ == 0) return;
  if (histogram.series_ != nullptr) histogram.series_->ObserveMultiple(counts_, sum_);
  std::fill(counts_.begin(), counts_.end(), 0);
  count_ = 0;
  sum_ = 0;
}

std::vector<double> ExponentialBuckets(double start, double factor, int count) {
  std::vector<double> buckets;
  for (int i = 0; i < count; ++i, start *= factor) buckets.push_back(start);
  return buckets;
}

std::vector<double> LinearBuckets(double start, double width, int count) {
  std::vector<double> buckets;
  for (int i = 0; i < count; ++i, start += width) buckets.push_back(start);
  return buckets;
}

std::vector<double> DurationBuckets() { return ExponentialBuckets(0.000005, 2, 25); }
std::vector<double> SizeBuckets() { return ExponentialBuckets(16, 2, 20); }

// All series of one name; exactly one of the maps is in use.
struct MetricsRegistry::Family {
  std::string help;
  prometheus::MetricType type = prometheus::MetricType::Untyped;
  std::map<Labels, std::shared_ptr<prometheus::Counter>> counters;
  std::map<Labels, std::shared_ptr<prometheus::Gauge>> gauges;
  std::map<Labels, std::shared_ptr<prometheus::Histogram>> histograms;
};

namespace {

bool Includes(const Labels& all, const Labels& wanted) {
  return std::all_of(wanted.begin(), wanted.end(), [&](const auto& label) {
    auto it = all.find(label.first);
    return it != all.end() && it->second == label.second;
  });
}

template <class Series>
void Collect(const std::map<Labels, std::shared_ptr<Series>>& from, prometheus::MetricFamily* to) {
  for (const auto& [labels, series] : from) {
    prometheus::ClientMetric metric = series->Collect();
    for (const auto& [name, value] : labels) metric.label.push_back({name, value});
    to->metric.push_back(std::move(metric));
  }
}

template <class Series>
size_t RemoveFrom(std::map<Labels, std::shared_ptr<Series>>* series, const Labels& labels) {
  return std::erase_if(*series, [&](const auto& entry) { return Includes(entry.first, labels); });
}

}  // namespace

MetricsRegistry::MetricsRegistry() = default;
MetricsRegistry::~MetricsRegistry() = default;

MetricsRegistry::Family& MetricsRegistry::FamilyOf(const std::string& name, const std::string& help,
                                                   int type) {
  std::unique_ptr<Family>& family = families_[name];
  auto wanted = static_cast<prometheus::MetricType>(type);
  if (family == nullptr) {
    family = std::make_unique<Family>();
    family->help = help;
    family->type = wanted;
  }
  if (family->type != wanted) throw std::logic_error("metric has another type: " + name);
  return *family;
}

Counter MetricsRegistry::GetCounter(const std::string& name, const std::string& help,
                                    const Labels& labels) {
  std::lock_guard lock(mutex_);
  auto& series =
      FamilyOf(name, help, static_cast<int>(prometheus::MetricType::Counter)).counters[labels];
  if (series == nullptr) series = std::make_shared<prometheus::Counter>();
  return Counter(series);
}

Gauge MetricsRegistry::GetGauge(const std::string& name, const std::string& help,
                                const Labels& labels) {
  std::lock_guard lock(mutex_);
  auto& series =
      FamilyOf(name, help, static_cast<int>(prometheus::MetricType::Gauge)).gauges[labels];
  if (series == nullptr) series = std::make_shared<prometheus::Gauge>();
  return Gauge(series);
}

Histogram MetricsRegistry::GetHistogram(const std::string& name, const std::string& help,
                                        const std::vector<double>& buckets, const Labels& labels) {
  std::lock_guard lock(mutex_);
  auto& series =
      FamilyOf(name, help, static_cast<int>(prometheus::MetricType::Histogram)).histograms[labels];
  if (series == nullptr) series = std::make_shared<prometheus::Histogram>(buckets);
  return Histogram(series);
}

size_t MetricsRegistry::Remove(std::string_view name_prefix, const Labels& labels) {
  std::lock_guard lock(mutex_);
  size_t removed = 0;
  for (auto it = families_.lower_bound(name_prefix);
       it != families_.end() && it->first.starts_with(name_prefix); ++it) {
    removed += RemoveFrom(&it->second->counters, labels) + RemoveFrom(&it->second->gauges, labels) +
               RemoveFrom(&it->second->histograms, labels);
  }
  return removed;
}

std::string MetricsRegistry::Expose(bool process) const {
  std::vector<prometheus::MetricFamily> families;
  {
    std::lock_guard lock(mutex_);
    for (const auto& [name, family] : families_) {
      prometheus::MetricFamily out;
      out.name = name;
      out.help = family->help;
      out.type = family->type;
      Collect(family->counters, &out);
      Collect(family->gauges, &out);
      Collect(family->histograms, &out);
      if (!out.metric.empty()) families.push_back(std::move(out));
    }
  }
  if (process) {
    for (const metrics_internal::ProcessValue& value : metrics_internal::ProcessValues()) {
      prometheus::MetricFamily out;
      out.name = value.name;
      out.help = value.help;
      out.type = value.counter ? prometheus::MetricType::Counter : prometheus::MetricType::Gauge;
      prometheus::ClientMetric metric;
      (value.counter ? metric.counter.value : metric.gauge.value) = value.value;
      out.metric.push_back(std::move(metric));
      families.push_back(std::move(out));
    }
    std::sort(families.begin(), families.end(),
              [](const auto& a, const auto& b) { return a.name < b.name; });
  }
  return prometheus::TextSerializer().Serialize(families);
}

MetricsRegistry& Metrics() {
  static auto* registry = new MetricsRegistry;  // threads may count until the process ends
  return *registry;
}

}  // namespace dm
