#include "programs/master/config.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "base/error/error.h"
#include "base/net/identity_test.h"

namespace dm::master {
namespace {

class TempFile {
 public:
  explicit TempFile(const std::string& text) {
    char name[] = "/tmp/dm-master-config-XXXXXX";
    const int fd = mkstemp(name);
    close(fd);
    path_ = name;
    std::ofstream(path_) << text;
  }
  ~TempFile() { unlink(path_.c_str()); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

int CodeOf(const std::vector<std::string>& arguments) {
  try {
    ParseCommandLine(arguments);
  } catch (const Error& e) {
    return e.code();
  }
  return 0;
}

int CodeOfFile(const std::string& text) {
  const TempFile file(text);
  return CodeOf({"-config", file.path()});
}

TEST(MasterConfig, FillsDefaults) {
  const Config config = ParseCommandLine({"-master-addr", "127.0.0.1:8261", "-name", "m1"}).config;
  EXPECT_EQ(config.advertise_addr, "127.0.0.1:8261");
  EXPECT_EQ(config.data_dir, "default.m1");
  EXPECT_EQ(config.advertise_peer_urls, "http://127.0.0.1:8291");
  EXPECT_EQ(config.initial_cluster, "m1=http://127.0.0.1:8291");
}

TEST(MasterConfig, FlagsWinOverTheFile) {
  const TempFile file("master-addr = \"127.0.0.1:1\"\nname = \"a\"\nlog-level = \"warn\"\n");
  const Config config = ParseCommandLine({"-config", file.path(), "-name=b"}).config;
  EXPECT_EQ(config.name, "b");
  EXPECT_EQ(config.master_addr, "127.0.0.1:1");
  EXPECT_EQ(config.log_level, "warn");
}

TEST(MasterConfig, RefusesWhatItDoesNotKnow) {
  EXPECT_EQ(CodeOf({"-nonsense"}), 38010);
  EXPECT_EQ(CodeOf({"-master-addr", "127.0.0.1:1", "rest"}), 38012);
  EXPECT_EQ(CodeOfFile("master-addr = \"127.0.0.1:1\"\nnonsense = 1\n"), 38011);
  EXPECT_EQ(CodeOfFile("master-addr = \"127.0.0.1:1\"\n[experimental]\nx = 1\n"), 38011);
  EXPECT_EQ(CodeOfFile("master-addr = \n"), 38013);
  EXPECT_EQ(CodeOfFile("master-addr = 5\n"), 38013);
}

TEST(MasterConfig, ChecksAddresses) {
  EXPECT_EQ(CodeOf({"-master-addr", "xyz"}), 38035);
  EXPECT_EQ(CodeOf({"-master-addr", ":8261"}), 38035);
  EXPECT_EQ(CodeOf({"-master-addr", ":8261", "-advertise-addr", ":1"}), 38042);
  EXPECT_EQ(CodeOf({"-master-addr", ":8261", "-advertise-addr", "h:8261"}), 0);
}

TEST(MasterConfig, RefusesWhatIsNotSupportedYet) {
  const std::string address = "master-addr = \"127.0.0.1:1\"\nname = \"a\"\n";
  EXPECT_EQ(CodeOfFile(address + "join = \"127.0.0.1:2\"\n"), 20071);
  EXPECT_EQ(CodeOfFile(address + "initial-cluster = \"a=http://x:1,b=http://y:1\"\n"), 20071);
  EXPECT_EQ(CodeOfFile(address + "initial-cluster = \"a=x:1\"\nssl-ca = \"\"\n"), 0);
}

TEST(MasterConfig, Tls) {
  const std::string address = "master-addr = \"127.0.0.1:1\"\nname = \"a\"\n";
  EXPECT_EQ(CodeOfFile(address + "ssl-ca = \"/nonexistent/ca.pem\"\n"), 38051);
  EXPECT_EQ(CodeOfFile(address + "ssl-ca-base64 = \"YQ==\"\n"), 38051);
  EXPECT_EQ(CodeOfFile(address + "ssl-ca-bytes = [1, 256]\n"), 38013);
  EXPECT_EQ(CodeOfFile(address + "ssl-ca = 1\n"), 38013);

  const Identity ca("ca", nullptr);
  const TempFile ca_file(ca.cert_pem);
  const std::string text =
      address + fmt::format(
                    "ssl-ca = '{}'\nssl-cert = 'c.pem'\nssl-cert-base64 = 'Yw=='\nssl-key-base64 = "
                    "'a2V5'\ncert-allowed-cn = ['x']\n"
                    "peer-urls = 'http://127.0.0.1:8291'\ninitial-cluster = 'a=127.0.0.1:8291'\n",
                    ca_file.path());
  const TempFile file(text);
  const Config config =
      ParseCommandLine({"-config", file.path(), "-cert-allowed-cn", "y,x", "-ssl-cert", "d.pem"})
          .config;
  EXPECT_EQ(config.Scheme(), "https");
  EXPECT_EQ(config.peer_urls, "https://127.0.0.1:8291");
  EXPECT_EQ(config.advertise_peer_urls, "https://127.0.0.1:8291");
  EXPECT_EQ(config.initial_cluster, "a=https://127.0.0.1:8291");
  EXPECT_EQ(config.tls_options.ca, ca.cert_pem);
  EXPECT_EQ(config.tls_options.cert_path, "d.pem");  // the flag wins over each form of the file
  EXPECT_EQ(config.tls_options.cert, "");
  EXPECT_EQ(config.tls_options.key, "key");
  EXPECT_EQ(config.tls_options.allowed_common_names, (std::vector<std::string>{"x", "y"}));
  const std::string printed = config.ToToml();
  EXPECT_EQ(printed.find("a2V5"), std::string::npos);
  EXPECT_NE(printed.find("cert-allowed-cn = [\"x\", \"y\"]\nssl-ca-base64"), std::string::npos)
      << printed;

  const TempFile plain(address + fmt::format("ssl-ca = '{}'\n", ca_file.path()));
  EXPECT_EQ(ParseCommandLine({"-config", plain.path()}).config.peer_urls, "http://127.0.0.1:8291");
}

TEST(MasterConfig, KeysAreFoundInAnyLetterCase) {
  const TempFile file("Master-Addr = \"127.0.0.1:1\"\nNAME = \"a\"\n");
  EXPECT_EQ(ParseCommandLine({"-config", file.path()}).config.name, "a");
}

TEST(MasterConfig, WhatItPrintsCanBeLoaded) {
  const Config config =
      ParseCommandLine({"-master-addr", "127.0.0.1:8261", "-name", "m\"1"}).config;
  const TempFile file(config.ToToml());
  Config loaded = ParseCommandLine({"-config", file.path()}).config;
  EXPECT_EQ(loaded.config_file, file.path());
  loaded.config_file = config.config_file;
  EXPECT_EQ(loaded.ToToml(), config.ToToml());
}

TEST(MasterConfig, TheSampleCanBeUsed) { EXPECT_EQ(CodeOfFile(SampleConfig()), 0); }

}  // namespace
}  // namespace dm::master
