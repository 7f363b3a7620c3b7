#include "migration/config/password_cipher.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <sstream>

#include "base/error/error.h"
#include "migration/config/database.h"

namespace dm::migration {
namespace {

using ::testing::HasSubstr;

class KeyFile {
 public:
  explicit KeyFile(const std::string& content)
      : path_(testing::TempDir() + fmt::format("key-{}-{}", getpid(), ++count_)) {
    std::ofstream(path_) << content;
  }
  ~KeyFile() { std::remove(path_.c_str()); }
  const std::string& path() const { return path_; }

 private:
  static inline int count_ = 0;
  std::string path_;
};

constexpr const char* kOldFixedKey =
    "a529b7665997f043a30ac8fadcb51d6aa032c226ab5b7750530b12b8c1a16a48";

int Code(const std::string& content) {
  try {
    KeyFile file(content);
    PasswordCipher::FromKeyFile(file.path());
  } catch (const Error& e) {
    return e.code();
  }
  return 0;
}

TEST(PasswordCipherTest, KnownVectors) {
  KeyFile file(kOldFixedKey);
  const PasswordCipher cipher = PasswordCipher::FromKeyFile(file.path());
  EXPECT_EQ(cipher.Decrypt("/Q7B9DizNLLTTfiZHv9WoEAKamfpIUs="), "123456");
  EXPECT_EQ(cipher.Decrypt("Up8156jArvIPymkVC+5LxkAT6rek"), "1234");
}

TEST(PasswordCipherTest, CiphertextsOfAReferenceMaster) {
  KeyFile file("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n");
  const PasswordCipher cipher = PasswordCipher::FromKeyFile(file.path());
  EXPECT_EQ(cipher.Decrypt("d1adTs4QZBjns70GX0RV2UCJv/rqGpQ="), "123456");
  EXPECT_EQ(cipher.Decrypt("aKHnIyk28zoxYlk8kkhKoUDaZtfHcpE="), "123456");
  EXPECT_EQ(cipher.Decrypt("hSdh5ykNiNzMsmjmWcop3kA="), "");
  EXPECT_EQ(cipher.Decrypt("cvnKec+GVRr/oCYTShR1DkD1rDXa"), "ü x");
}

TEST(PasswordCipherTest, RoundTripWithFreshIv) {
  const PasswordCipher cipher(std::string(32, 'k'));
  const std::string once = cipher.Encrypt("s3cret"), again = cipher.Encrypt("s3cret");
  EXPECT_NE(once, again);
  EXPECT_EQ(cipher.Decrypt(once), "s3cret");
  EXPECT_EQ(cipher.Decrypt(again), "s3cret");
  EXPECT_EQ(PasswordCipher(cipher.key()).DecryptOrPlain(once), "s3cret");
}

TEST(PasswordCipherTest, WhatCannotBeDecryptedIsThePassword) {
  const PasswordCipher cipher(std::string(32, 'k'));
  for (const char* plain :
       {"", "secret", "c2hvcnQ=", "not base64!", "MTIzNDU2Nzg5MDEyMzQ1Njc4OTA="}) {
    EXPECT_EQ(cipher.DecryptOrPlain(plain), plain);
  }
  EXPECT_EQ(PasswordCipher().DecryptOrPlain("d1adTs4QZBjns70GX0RV2UCJv/rqGpQ="),
            "d1adTs4QZBjns70GX0RV2UCJv/rqGpQ=");
}

TEST(PasswordCipherTest, Errors) {
  const PasswordCipher cipher(std::string(32, 'k'));
  auto code = [&](const char* text) {
    try {
      cipher.Decrypt(text);
    } catch (const Error& e) {
      EXPECT_THAT(e.ToString(), testing::Not(HasSubstr("abc!")));
      return e.code();
    }
    return 0;
  };
  EXPECT_EQ(code("abc!"), 11050);
  EXPECT_EQ(code("c2hvcnQ="), 11047);
  EXPECT_EQ(code("MTIzNDU2Nzg5MDEyMzQ1Njc4OTA="), 11048);
  EXPECT_THAT([] { PasswordCipher().Encrypt("x"); },
              testing::ThrowsMessage<std::runtime_error>(HasSubstr("secret key not initialized")));
}

TEST(PasswordCipherTest, KeyFiles) {
  EXPECT_EQ(Code(std::string(kOldFixedKey) + "\n"), 0);
  EXPECT_EQ(Code(std::string(kOldFixedKey).substr(1)), 20067);
  EXPECT_EQ(Code(std::string(kOldFixedKey).substr(2)), 20067);
  EXPECT_EQ(Code("x" + std::string(kOldFixedKey).substr(1)), 20067);
  EXPECT_EQ(Code(""), 20067);
  EXPECT_FALSE(PasswordCipher::FromKeyFile("").has_key());
  EXPECT_THROW(PasswordCipher::FromKeyFile("/nonexistent/key"), Error);
  EXPECT_THROW(PasswordCipher("short"), Error);
}

TEST(SecretTest, NeverShown) {
  const Secret secret("pa55");
  std::ostringstream stream;
  stream << secret;
  EXPECT_EQ(stream.str(), "******");
  EXPECT_EQ(fmt::format("{}", secret), "******");
  EXPECT_EQ(fmt::format("{}", Secret()), "******");
  EXPECT_EQ(secret.Reveal(), "pa55");
}

TEST(DatabaseTest, ForeignKeyChecks) {
  auto on = [](const char* name, const char* value) {
    DbConfig db;
    db.session[name] = value;
    return ForeignKeyChecksOn(db);
  };
  for (const char* value : {"1", "on", "ON", " 1 ", "'1'", "\"On\"", "' on '"}) {
    EXPECT_TRUE(on("foreign_key_checks", value)) << value;
    EXPECT_TRUE(on("FOREIGN_KEY_CHECKS", value)) << value;
  }
  for (const char* value : {"0", "off", "", "2", "'"})
    EXPECT_FALSE(on("foreign_key_checks", value));
  EXPECT_FALSE(ForeignKeyChecksOn({}));
}

}  // namespace
}  // namespace dm::migration
