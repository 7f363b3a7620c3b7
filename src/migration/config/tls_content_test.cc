#include "migration/config/tls_content.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error/error.h"
#include "base/io/file.h"
#include "migration/config/render.h"
#include "migration/config/subtask.h"

namespace dm::migration {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Error Fault(SecurityConfig security) {
  try {
    LoadTlsContent(security);
  } catch (const Error& e) {
    return e;
  }
  ADD_FAILURE() << "loaded";
  return Error(ErrorCode::kDBUnExpect, "");
}

TEST(TlsContent, BytesWinOverBase64OverFiles) {
  TemporaryDirectory directory;
  SecurityConfig security;
  security.ssl_ca = security.ssl_cert = security.ssl_key = JoinPath(directory.path(), "file");
  WriteFile(security.ssl_ca, "from file");
  security.ssl_cert_base64 = security.ssl_key_base64 = "YmFzZTY0";
  security.ssl_key_bytes = "bytes";
  LoadTlsContent(security);
  EXPECT_EQ(security.ssl_ca_bytes, "from file");
  EXPECT_EQ(security.ssl_cert_bytes, "base64");
  EXPECT_EQ(security.ssl_key_bytes, "bytes");
}

TEST(TlsContent, WhatCannotBeReadIsNamed) {
  SecurityConfig security;
  security.ssl_key = "/nonexistent/key.pem";
  EXPECT_EQ(Fault(security).code(), 48003);
  EXPECT_THAT(Fault(security).raw_cause(),
              HasSubstr("ssl-key: open /nonexistent/key.pem: no such file or directory"));
  security.ssl_cert_base64 = "!";
  EXPECT_EQ(Fault(security).raw_cause(), "ssl-cert-base64 is not base64");
  security.ssl_cert_base64 = "******";
  EXPECT_THAT(Fault(security).raw_cause(), HasSubstr("it was hidden when it was printed"));
}

// dmctl sends the text in the place of the file; what is printed shows no key, and never asks for
// less than the configuration does.
TEST(TlsContent, PathsOfClientsAreNotRead) {
  TemporaryDirectory directory;
  SecurityConfig security;
  security.ssl_key = JoinPath(directory.path(), "file");
  WriteFile(security.ssl_key, "secret");
  try {
    RequireTlsContent(security);
    ADD_FAILURE() << "accepted";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), 48003);
    EXPECT_THAT(e.raw_cause(), HasSubstr("did not come with the request"));
  }
  EXPECT_EQ(security.ssl_key_bytes, "");
  security.ssl_key_base64 = "YmFzZTY0";
  RequireTlsContent(security);
  EXPECT_EQ(security.ssl_key_bytes, "base64");
}

TEST(TlsContent, ShownSubtasksHaveNoSecrets) {
  SubtaskConfig subtask;
  subtask.to.password = Secret("pass-word");
  subtask.to.security.emplace();
  subtask.to.security->ssl_ca_bytes = "ca-text";
  subtask.to.security->ssl_key_bytes = "key-text";
  const std::string shown = SubtaskToShownToml(subtask);
  EXPECT_THAT(shown, HasSubstr("password = \"******\""));
  EXPECT_THAT(shown, HasSubstr("ssl-key-base64 = \"******\""));
  EXPECT_THAT(shown, Not(HasSubstr("pass-word")));
  EXPECT_THAT(shown, Not(HasSubstr("107, 101, 121")));  // "key"
}

TEST(TlsContent, SentShownAndExported) {
  SourceConfig source = ParseSourceYaml(
      "source-id: s\nfrom:\n  host: h\n  security:\n    ssl-ca: /ca.pem\n    ssl-ca-bytes: [67, "
      "65]\n"
      "    ssl-cert-bytes: [67]\n    ssl-key-bytes: [75, 69, 89]\n");
  const std::string sent = SourceToYaml(source, Passwords::kPlain);
  EXPECT_EQ(ParseSourceYaml(sent).from.security, source.from.security);

  const std::string shown = SourceToYaml(source, Passwords::kHidden);
  EXPECT_THAT(shown, Not(HasSubstr("75, 69, 89")));
  EXPECT_THAT(shown, Not(HasSubstr("S0VZ")));
  const SecurityConfig parsed = *ParseSourceYaml(shown).from.security;
  EXPECT_EQ(parsed.ssl_ca, "/ca.pem");
  EXPECT_EQ(parsed.ssl_ca_base64, "");
  EXPECT_EQ(parsed.ssl_ca_bytes, "");
  EXPECT_EQ(parsed.ssl_cert_base64, "Qw==");
  EXPECT_EQ(parsed.ssl_key_base64, "******");
  source.from.security->ssl_key_base64 = "S0VZ";
  EXPECT_THAT(SourceToYaml(source, Passwords::kHidden), Not(HasSubstr("S0VZ")));

  source.from.security->ssl_key_base64.clear();
  const SecurityConfig exported =
      *ParseSourceYaml(SourceToExportYaml(source, PasswordCipher())).from.security;
  EXPECT_EQ(exported.ssl_ca, "/ca.pem");
  EXPECT_EQ(exported.ssl_ca_bytes, "");
  EXPECT_EQ(exported.ssl_key_base64, "S0VZ");
}

}  // namespace
}  // namespace dm::migration
