#include "cluster/record/keys.h"

#include <gtest/gtest.h>

#include "base/error/error.h"

namespace dm::cluster {
namespace {

TEST(EncodeKey, IsPrefixAndHexComponents) {
  EXPECT_EQ(EncodeKey(keys::kWorkerInfo, {"worker1"}), "/dm-worker/r/776f726b657231");
  EXPECT_EQ(EncodeKey(keys::kSubtask, {"mysql1", "test"}),
            "/dm-master/upstream/subtask/6d7973716c31/74657374");
  EXPECT_EQ(EncodeKey(keys::kSourceConfig, {"mysql/01"}),
            "/dm-master/v2/upstream/config/6d7973716c2f3031");
}

TEST(EncodeKey, FewerComponentsGiveAPrefix) {
  EXPECT_EQ(EncodeKey(keys::kSubtask, {"mysql1"}), "/dm-master/upstream/subtask/6d7973716c31/");
  EXPECT_EQ(EncodeKey(keys::kSubtask, {}), "/dm-master/upstream/subtask/");
}

TEST(EncodeKey, RefusesEmptyComponents) {
  EXPECT_THROW(EncodeKey(keys::kWorkerInfo, {""}), Error);
  EXPECT_THROW(EncodeKey(keys::kWorkerInfo, {"a", "b"}), Error);
}

TEST(DecodeKey, IsTheInverse) {
  for (const std::string name : {"worker1", "mysql/01", "!@#$%^&*()_+\xc2\xa5", "\xff\x01"}) {
    const auto parts = DecodeKey(keys::kSubtask, EncodeKey(keys::kSubtask, {name, "t"}));
    EXPECT_EQ(parts, (std::vector<std::string>{name, "t"}));
  }
}

TEST(DecodeKey, RefusesOtherKeys) {
  for (const char* key : {"/dm-worker/a/776f", "/dm-worker/r/", "/dm-worker/r/7", "/dm-worker/r/zz",
                          "/dm-worker/r/77/6f", "/dm-worker/r/776F"}) {
    try {
      DecodeKey(keys::kWorkerInfo, key);
      ADD_FAILURE() << key;
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), 11110);
    }
  }
}

}  // namespace
}  // namespace dm::cluster
