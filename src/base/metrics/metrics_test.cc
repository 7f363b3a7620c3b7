#include "base/metrics/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <thread>

namespace dm {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(MetricsTest, ExpositionWithSortedLabels) {
  MetricsRegistry registry;
  registry
      .GetGauge("dm_worker_task_state", "state of task",
                {{"worker", "w1"}, {"task", "t \"1\""}, {"source_id", "mysql-01"}})
      .Set(2);
  registry.GetCounter("dm_a_total", "counts").Add();
  registry.GetCounter("dm_a_total", "ignored").Add(2);
  EXPECT_EQ(registry.Expose(false),
            "# HELP dm_a_total counts\n"
            "# TYPE dm_a_total counter\n"
            "dm_a_total 3\n"
            "# HELP dm_worker_task_state state of task\n"
            "# TYPE dm_worker_task_state gauge\n"
            "dm_worker_task_state{source_id=\"mysql-01\",task=\"t \\\"1\\\"\",worker=\"w1\"} 2\n");
}

TEST(MetricsTest, Histogram) {
  MetricsRegistry registry;
  Histogram lag = registry.GetHistogram("lag", "lag", {0.5, 1}, {{"task", "t"}});
  lag.Observe(0.25);
  lag.Observe(0.75);
  lag.Observe(9);
  EXPECT_EQ(registry.Expose(false),
            "# HELP lag lag\n"
            "# TYPE lag histogram\n"
            "lag_count{task=\"t\"} 3\n"
            "lag_sum{task=\"t\"} 10\n"
            "lag_bucket{task=\"t\",le=\"0.5\"} 1\n"
            "lag_bucket{task=\"t\",le=\"1\"} 2\n"
            "lag_bucket{task=\"t\",le=\"+Inf\"} 3\n");
}

TEST(MetricsTest, SeriesAreRemovedByLabelAndHandlesStayUsable) {
  MetricsRegistry registry;
  Counter one = registry.GetCounter("dm_syncer_x", "x", {{"task", "t1"}, {"source_id", "a"}});
  Counter two = registry.GetCounter("dm_syncer_x", "x", {{"task", "t2"}, {"source_id", "a"}});
  Gauge other = registry.GetGauge("dm_worker_y", "y", {{"task", "t1"}});
  one.Add();
  two.Add();
  EXPECT_EQ(registry.Remove("dm_syncer_", {{"task", "t1"}}), 1U);
  one.Add();  // counts for nobody
  EXPECT_EQ(registry.Expose(false),
            "# HELP dm_syncer_x x\n# TYPE dm_syncer_x counter\n"
            "dm_syncer_x{source_id=\"a\",task=\"t2\"} 1\n"
            "# HELP dm_worker_y y\n# TYPE dm_worker_y gauge\ndm_worker_y{task=\"t1\"} 0\n");
  // A new life starts at zero.
  EXPECT_EQ(registry.GetCounter("dm_syncer_x", "x", {{"task", "t1"}, {"source_id", "a"}}).value(),
            0);
  EXPECT_EQ(registry.Remove("", {}), 3U);
  EXPECT_EQ(registry.Expose(false), "");
}

TEST(MetricsTest, ANameHasOneType) {
  MetricsRegistry registry;
  registry.GetCounter("x", "x");
  EXPECT_THROW(registry.GetGauge("x", "x"), std::logic_error);
}

TEST(MetricsTest, UnsetHandlesCountForNobody) {
  Counter().Add();
  Gauge().Set(1);
  Histogram().Observe(1);
  EXPECT_EQ(Counter().value(), 0);
}

TEST(MetricsTest, ProcessValues) {
  std::string text = MetricsRegistry().Expose();
  for (const char* name : {"process_cpu_seconds_total", "process_resident_memory_bytes",
                           "process_virtual_memory_bytes", "process_open_fds", "process_max_fds",
                           "process_start_time_seconds", "go_goroutines"}) {
    EXPECT_THAT(text, HasSubstr(std::string("\n") + name + " ")) << name;
    EXPECT_THAT(text, Not(HasSubstr(std::string("\n") + name + " 0\n"))) << name;
  }
}

TEST(MetricsTest, ManyThreads) {
  MetricsRegistry registry;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&registry, t] {
        for (int i = 0; i < 500; ++i) {
          registry.GetCounter("n", "n").Add();
          registry.GetGauge("g", "g", {{"t", std::to_string(t)}}).Set(i);
          if (i % 100 == 0) (void)registry.Expose(false);
        }
      });
    }
  }
  EXPECT_EQ(registry.GetCounter("n", "n").value(), 2000);
}

TEST(SizeBatchTest, SameBucketsAsOneByOne) {
  MetricsRegistry registry;
  const Histogram singly = registry.GetHistogram("a", "", SizeBuckets());
  const Histogram batched = registry.GetHistogram("b", "", SizeBuckets());
  SizeBatch batch;
  EXPECT_TRUE(batch.empty());
  std::vector<uint32_t> sizes = {0, 1, 0xffffffff};
  for (int power = 4; power < 25; ++power) {
    for (uint32_t off : {-1, 0, 1}) sizes.push_back((1u << power) + off);
  }
  for (const uint32_t size : sizes) {
    singly.Observe(size);
    batch.Add(size);
  }
  EXPECT_FALSE(batch.empty());
  batch.FlushTo(batched);
  EXPECT_TRUE(batch.empty());
  std::string text = registry.Expose(false);
  const size_t at = text.find("# TYPE b");
  std::string other = text.substr(at);
  text.resize(at);
  for (size_t i = 0; (i = other.find("b_", i)) != std::string::npos; i += 2) other[i] = 'a';
  const auto lines = [](const std::string& all) { return all.substr(all.find("a_bucket")); };
  EXPECT_EQ(lines(text), lines(other));
}

TEST(DurationBatchTest, SameBucketsAsOneByOne) {
  MetricsRegistry registry;
  const Histogram singly = registry.GetHistogram("a", "", DurationBuckets());
  const Histogram batched = registry.GetHistogram("b", "", DurationBuckets());
  DurationBatch batch;
  EXPECT_TRUE(batch.empty());
  using std::chrono::nanoseconds;
  // Beside every bound, and beyond all of them.
  std::vector<nanoseconds> durations = {nanoseconds(-5), nanoseconds(0), nanoseconds(1),
                                        std::chrono::hours(1)};
  for (int power = 0; power < 25; ++power) {
    for (int64_t off : {-1, 1}) durations.emplace_back((int64_t{5000} << power) + off);
  }
  for (nanoseconds duration : durations) {
    for (int i = 0; i < 3; ++i) {
      singly.Observe(std::max(std::chrono::duration<double>(duration).count(), 0.0));
    }
    batch.Add(duration, 3);
  }
  EXPECT_FALSE(batch.empty());
  batch.FlushTo(batched);
  EXPECT_TRUE(batch.empty());
  std::string expected = registry.Expose(false);
  const size_t at = expected.find("# TYPE b");
  const auto buckets = [](std::string text, char name) {
    // The sums are of different roundings.
    std::string out;
    for (size_t i = 0; (i = text.find(std::string(1, name) + "_bucket", i)) != std::string::npos;) {
      const size_t end = text.find('\n', i);
      out += text.substr(i + 1, end - i);
      i = end;
    }
    return out;
  };
  EXPECT_EQ(buckets(expected.substr(at), 'b'), buckets(expected.substr(0, at), 'a'));
  EXPECT_NE(buckets(expected, 'a'), "");
  batch.FlushTo(Histogram());  // counts for nobody
}

TEST(BucketsTest, Shapes) {
  EXPECT_EQ(ExponentialBuckets(1, 2, 4), (std::vector<double>{1, 2, 4, 8}));
  EXPECT_EQ(LinearBuckets(0, 100, 3), (std::vector<double>{0, 100, 200}));
  EXPECT_NEAR(DurationBuckets().back(), 83.9, 0.1);
  EXPECT_EQ(SizeBuckets().back(), 8 * 1024 * 1024);
}

}  // namespace
}  // namespace dm
