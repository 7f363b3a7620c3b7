// Every file of tests/fuzz/corpus/<target>/ through its target: seeds, and inputs that once broke
// something.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "base/log/log.h"
#include "target.h"

namespace dm::fuzz {
namespace {

class Corpus : public ::testing::TestWithParam<Target> {};

TEST_P(Corpus, IsTakenOrRefused) {
  SetLogLevel(LogLevel::kFatal);
  const Target& target = GetParam();
  const std::filesystem::path directory =
      std::filesystem::path(DM_FUZZ_CORPUS) / std::string(target.name);
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    SCOPED_TRACE(entry.path().string());
    std::ifstream in(entry.path(), std::ios::binary);
    const std::vector<uint8_t> bytes{std::istreambuf_iterator<char>(in), {}};
    ++files;
    try {
      target.run(bytes);
    } catch (const Violation& violation) {
      ADD_FAILURE() << "does not hold: " << violation.what;
    } catch (const std::exception& error) {
      ADD_FAILURE() << "threw what callers do not expect: " << error.what();
    }
  }
  EXPECT_GT(files, 0) << directory << " has no seeds";
}

INSTANTIATE_TEST_SUITE_P(Fuzz, Corpus, ::testing::ValuesIn(Targets()),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace dm::fuzz
