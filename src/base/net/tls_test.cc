#include "base/net/tls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <stdexcept>

#include "base/io/file.h"
#include "base/net/identity_test.h"

namespace dm {
namespace {

using ::testing::HasSubstr;

struct FreeConnection {
  void operator()(SSL* connection) const { SSL_free(connection); }
};
using Connection = std::unique_ptr<SSL, FreeConnection>;

class TlsTest : public ::testing::Test {
 protected:
  TlsTest()
      : ca_("ca", nullptr),
        server_("server-cn", &ca_, {.names = "DNS:db.example,IP:127.0.0.1"}),
        client_("client-cn", &ca_),
        stranger_("server-cn", nullptr) {}

  static TlsOptions Options(const Identity* ca, const Identity* own,
                            std::vector<std::string> names = {}) {
    TlsOptions options;
    if (ca != nullptr) options.ca = ca->cert_pem;
    if (own != nullptr) {
      options.cert = own->cert_pem;
      options.key = own->key_pem;
    }
    options.allowed_common_names = std::move(names);
    return options;
  }

  // Whether both sides come to an end of their handshake and can exchange a byte.
  bool Handshake(const TlsContext& server_context, const TlsContext& client_context,
                 const std::string& host) {
    Connection server(SSL_new(server_context.get()));
    Connection client(SSL_new(client_context.get()));
    BIO *server_bio = nullptr, *client_bio = nullptr;
    BIO_new_bio_pair(&server_bio, 1 << 16, &client_bio, 1 << 16);
    SSL_set_bio(server.get(), server_bio, server_bio);
    SSL_set_bio(client.get(), client_bio, client_bio);
    SSL_set_accept_state(server.get());
    SSL_set_connect_state(client.get());
    SetExpectedHost(client.get(), host);
    client_fault_.clear();
    server_fault_.clear();
    bool server_done = false, client_done = false;
    for (int i = 0; i < 20 && !(server_done && client_done); ++i) {
      const bool client_goes_on = Step(client.get(), &client_done);
      if (!client_goes_on) client_fault_ = HandshakeFault(client.get());
      const bool server_goes_on = Step(server.get(), &server_done);
      if (!server_goes_on) server_fault_ = HandshakeFault(server.get());
      if (!client_goes_on || !server_goes_on) {
        char byte = 0;
        if (client_goes_on && SSL_read(client.get(), &byte, 1) != 1) {
          client_fault_ = HandshakeFault(client.get());
        }
        return false;
      }
    }
    outside_fault_ = ServerCertificateFault(client.get(), outside_options_, host);
    const unsigned char* alpn = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(client.get(), &alpn, &size);
    alpn_.assign(reinterpret_cast<const char*>(alpn), size);
    // With TLS 1.3 the server's opinion of the client's certificate comes after the handshake.
    char byte = 0;
    return SSL_write(server.get(), "x", 1) == 1 && SSL_read(client.get(), &byte, 1) == 1;
  }

  Identity ca_, server_, client_, stranger_;
  std::string alpn_;
  std::string client_fault_, server_fault_;  // of a failed handshake
  // What ServerCertificateFault says with these options of a handshake that succeeded.
  TlsOptions outside_options_;
  std::string outside_fault_;

 private:
  static bool Step(SSL* connection, bool* done) {
    int rc = SSL_do_handshake(connection);
    *done = rc == 1;
    int reason = SSL_get_error(connection, rc);
    return rc == 1 || reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_WANT_WRITE;
  }
};

TEST_F(TlsTest, MutualWithAlpn) {
  TlsContext server = MakeServerContext(Options(&ca_, &server_), PeerCheck::kChain);
  EXPECT_TRUE(Handshake(server, MakeClientContext(Options(&ca_, &client_), {"h2"}), "whatever"));
  EXPECT_EQ(alpn_, "h2");
}

TEST_F(TlsTest, ServerDemandsACertificateOfItsCa) {
  TlsContext server = MakeServerContext(Options(&ca_, &server_), PeerCheck::kChain);
  EXPECT_FALSE(Handshake(server, MakeClientContext(Options(&ca_, nullptr), {}), "h"));
  EXPECT_FALSE(Handshake(server, MakeClientContext(Options(&ca_, &stranger_), {}), "h"));
}

TEST_F(TlsTest, ServerChecksTheCommonNameOfTheLeaf) {
  auto server = [&](std::vector<std::string> names) {
    return MakeServerContext(Options(&ca_, &server_, std::move(names)), PeerCheck::kChainAndCn);
  };
  TlsContext client = MakeClientContext(Options(&ca_, &client_), {});
  EXPECT_TRUE(Handshake(server({"other", "client-cn"}), client, "h"));
  EXPECT_FALSE(Handshake(server({"other"}), client, "h"));
  EXPECT_FALSE(Handshake(server({"ca"}), client, "h"));
}

TEST_F(TlsTest, ClientChecksTheChainOnlyWithACa) {
  TlsContext server = MakeServerContext(Options(nullptr, &stranger_), PeerCheck::kNone);
  EXPECT_TRUE(Handshake(server, MakeClientContext(Options(nullptr, &client_), {}), "h"));
  EXPECT_FALSE(Handshake(server, MakeClientContext(Options(&ca_, nullptr), {}), "h"));
}

TEST_F(TlsTest, ClientWithNamesChecksHostAndName) {
  TlsContext server = MakeServerContext(Options(nullptr, &server_), PeerCheck::kNone);
  auto client = [&](const char* name) {
    return MakeClientContext(Options(&ca_, nullptr, {name}), {});
  };
  EXPECT_TRUE(Handshake(server, client("server-cn"), "db.example"));
  EXPECT_TRUE(Handshake(server, client("server-cn"), "127.0.0.1"));
  EXPECT_TRUE(Handshake(server, client("ca"), "db.example"));  // any certificate of the chain
  EXPECT_FALSE(Handshake(server, client("other"), "db.example"));
  EXPECT_FALSE(Handshake(server, client("server-cn"), "else.example"));
  EXPECT_FALSE(Handshake(server, client("server-cn"), "127.0.0.2"));
}

TEST_F(TlsTest, CertificateFilesAreReadAtEveryHandshake) {
  TemporaryDirectory directory;
  TlsOptions options;
  options.cert_path = JoinPath(directory.path(), "cert.pem");
  options.key_path = JoinPath(directory.path(), "key.pem");
  TlsContext server = MakeServerContext(options, PeerCheck::kNone);
  TlsContext client = MakeClientContext(Options(&ca_, nullptr), {});
  EXPECT_FALSE(Handshake(server, client, "h"));  // no files yet
  WriteFile(options.cert_path, stranger_.cert_pem);
  WriteFile(options.key_path, stranger_.key_pem);
  EXPECT_FALSE(Handshake(server, client, "h"));  // not of the CA
  WriteFile(options.cert_path, server_.cert_pem);
  WriteFile(options.key_path, server_.key_pem);
  EXPECT_TRUE(Handshake(server, client, "h"));
}

TEST_F(TlsTest, FaultsAreNamedOnBothSides) {
  const Identity old("old-cn", &ca_, {.valid_from = -7200, .valid_until = -3600});
  TlsContext server = MakeServerContext(Options(&ca_, &server_, {"other"}), PeerCheck::kChainAndCn);
  EXPECT_FALSE(Handshake(server, MakeClientContext(Options(&ca_, &client_), {}), "h"));
  EXPECT_EQ(server_fault_, "the common name is not in cert-allowed-cn (certificate CN=client-cn)");
  EXPECT_FALSE(Handshake(server, MakeClientContext(Options(&ca_, &old), {}), "h"));
  EXPECT_THAT(server_fault_, HasSubstr("certificate has expired on "));
  EXPECT_THAT(server_fault_, HasSubstr("(certificate CN=old-cn, issued by CN=ca)"));
  EXPECT_FALSE(Handshake(server, MakeClientContext(Options(&ca_, nullptr), {}), "h"));
  EXPECT_EQ(server_fault_, "peer did not return a certificate");
  EXPECT_THAT(client_fault_, HasSubstr("alert certificate required"));

  TlsContext open_server = MakeServerContext(Options(nullptr, &stranger_), PeerCheck::kNone);
  EXPECT_FALSE(Handshake(open_server, MakeClientContext(Options(&ca_, nullptr), {}), "h"));
  EXPECT_THAT(client_fault_, HasSubstr("self-signed certificate"));
  EXPECT_THAT(server_fault_, HasSubstr("alert"));
  open_server = MakeServerContext(Options(nullptr, &old), PeerCheck::kNone);
  EXPECT_FALSE(Handshake(open_server, MakeClientContext(Options(&ca_, nullptr), {}), "h"));
  EXPECT_THAT(client_fault_, HasSubstr("certificate has expired"));
}

// The same rules for a handshake that somebody else has made without any check.
TEST_F(TlsTest, CertificateOfAnEstablishedConnection) {
  auto fault = [&](const Identity& shown, TlsOptions options, const std::string& host) {
    outside_options_ = std::move(options);
    EXPECT_TRUE(Handshake(MakeServerContext(Options(nullptr, &shown), PeerCheck::kNone),
                          MakeClientContext({.cert = client_.cert_pem, .key = client_.key_pem}, {}),
                          host));
    return outside_fault_;
  };
  const Identity old("server-cn", &ca_, {.valid_from = -7200, .valid_until = -3600});
  const Identity early("server-cn", &ca_, {.valid_from = 3600, .valid_until = 7200});
  EXPECT_EQ(fault(stranger_, TlsOptions(), "h"), "");
  EXPECT_EQ(fault(server_, Options(&ca_, nullptr), "any.example"), "");
  EXPECT_THAT(fault(stranger_, Options(&ca_, nullptr), "h"), HasSubstr("self-signed certificate"));
  EXPECT_THAT(fault(old, Options(&ca_, nullptr), "h"), HasSubstr("certificate has expired on "));
  EXPECT_THAT(fault(early, Options(&ca_, nullptr), "h"), HasSubstr("not yet valid"));
  EXPECT_EQ(fault(server_, Options(&ca_, nullptr, {"server-cn"}), "127.0.0.1"), "");
  EXPECT_EQ(fault(server_, Options(&ca_, nullptr, {"ca"}), "db.example"), "");
  EXPECT_THAT(fault(server_, Options(&ca_, nullptr, {"server-cn"}), "else.example"),
              HasSubstr("hostname mismatch"));
  EXPECT_THAT(fault(server_, Options(&ca_, nullptr, {"server-cn"}), "127.0.0.2"),
              HasSubstr("IP address mismatch"));
  EXPECT_THAT(fault(server_, Options(&ca_, nullptr, {"x"}), "db.example"),
              HasSubstr("not in cert-allowed-cn (certificate CN=server-cn)"));
  // Without a CA the system's roots decide.
  EXPECT_THAT(fault(server_, Options(nullptr, nullptr, {"server-cn"}), "db.example"),
              HasSubstr("unable to get local issuer certificate"));
}

TEST_F(TlsTest, AnyCertificateOfTheBundleIsTrusted) {
  const Identity middle("middle", &ca_, {.is_ca = true});
  const Identity leaf("leaf", &middle);
  TlsContext server = MakeServerContext(Options(nullptr, &leaf), PeerCheck::kNone);
  EXPECT_FALSE(Handshake(server, MakeClientContext(Options(&ca_, nullptr), {}), "h"));
  EXPECT_TRUE(Handshake(server, MakeClientContext(Options(&middle, nullptr), {}), "h"));
  EXPECT_TRUE(Handshake(server, MakeClientContext(Options(&leaf, nullptr), {}), "h"));
}

TEST_F(TlsTest, UnusableMaterial) {
  auto fault = [](const TlsMaterial& material) -> std::string {
    try {
      CheckTlsMaterial(material);
    } catch (const std::runtime_error& e) {
      return e.what();
    }
    return "";
  };
  EXPECT_EQ(fault({}), "");
  EXPECT_EQ(fault({ca_.cert_pem, client_.cert_pem, client_.key_pem}), "");
  EXPECT_THAT(fault({.ca = "x"}), HasSubstr("failed to append ca certs"));
  EXPECT_EQ(fault({.cert = client_.cert_pem}),
            "certificate and private key must be given together");
  EXPECT_EQ(fault({.key = client_.key_pem}), "certificate and private key must be given together");
  EXPECT_EQ(fault({"", client_.cert_pem, server_.key_pem}),
            "the private key does not belong to the certificate");
  EXPECT_THAT(fault({"", "x", client_.key_pem}), HasSubstr("unusable certificate"));
  EXPECT_THAT(fault({"", client_.cert_pem, "x"}), HasSubstr("unusable private key"));
  // Nobody is asked for it.
  EXPECT_EQ(fault({"", client_.cert_pem, client_.LockedKey()}),
            "unusable private key: it has a passphrase, which is not supported");
}

TEST_F(TlsTest, UnusableCa) {
  TlsOptions options;
  options.ca_path = "/nonexistent/nofile.pem";
  auto fault = [](const TlsOptions& o) -> std::string {
    try {
      (void)MakeClientContext(o, {});
    } catch (const std::runtime_error& e) {
      return e.what();
    }
    return "";
  };
  EXPECT_EQ(fault(options),
            "could not read ca certificate: open /nonexistent/nofile.pem: no such file or "
            "directory");
  options.ca = "no certificate";
  EXPECT_THAT(fault(options), HasSubstr("failed to append ca certs"));
}

TEST_F(TlsTest, Material) {
  TemporaryDirectory directory;
  TlsOptions options = Options(&ca_, nullptr);
  EXPECT_TRUE(options.enabled());
  EXPECT_FALSE(TlsOptions().enabled());
  options.cert_path = JoinPath(directory.path(), "c");
  WriteFile(options.cert_path, "CERT");
  TlsMaterial material = LoadTlsMaterial(options);
  EXPECT_EQ(material.ca, ca_.cert_pem);
  EXPECT_EQ(material.cert, "CERT");
  EXPECT_EQ(material.key, "");
}

}  // namespace
}  // namespace dm
