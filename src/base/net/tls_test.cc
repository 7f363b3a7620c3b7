#include "base/net/tls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <stdexcept>

#include "base/io/file.h"

namespace dm {
namespace {

using ::testing::HasSubstr;

template <auto Free>
struct Deleter {
  template <class T>
  void operator()(T* p) const {
    Free(p);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Deleter<X509_free>>;
using Bio = std::unique_ptr<BIO, Deleter<BIO_free>>;
using Connection = std::unique_ptr<SSL, Deleter<SSL_free>>;

std::string Text(BIO* bio) {
  char* data = nullptr;
  long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<size_t>(size)};
}

// A key with its certificate, signed by `issuer` or by itself.
struct Identity {
  Key key;
  Certificate certificate;
  std::string cert_pem;
  std::string key_pem;

  Identity(const std::string& common_name, const Identity* issuer, const char* names = nullptr)
      : key(EVP_EC_gen("P-256")), certificate(X509_new()) {
    X509* x = certificate.get();
    X509_set_version(x, 2);
    static long serial = 1;
    ASN1_INTEGER_set(X509_get_serialNumber(x), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(x), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_set_pubkey(x, key.get());
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1,
                               0);
    X509_set_issuer_name(x,
                         X509_get_subject_name(issuer == nullptr ? x : issuer->certificate.get()));
    if (issuer == nullptr) Extend(NID_basic_constraints, "critical,CA:TRUE");
    if (names != nullptr) Extend(NID_subject_alt_name, names);
    X509_sign(x, issuer == nullptr ? key.get() : issuer->key.get(), EVP_sha256());
    Bio bio(BIO_new(BIO_s_mem()));
    PEM_write_bio_X509(bio.get(), x);
    cert_pem = Text(bio.get());
    bio.reset(BIO_new(BIO_s_mem()));
    PEM_write_bio_PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    key_pem = Text(bio.get());
  }

 private:
  void Extend(int nid, const char* value) {
    std::unique_ptr<X509_EXTENSION, Deleter<X509_EXTENSION_free>> extension(
        X509V3_EXT_conf_nid(nullptr, nullptr, nid, value));
    X509_add_ext(certificate.get(), extension.get(), -1);
  }
};

class TlsTest : public ::testing::Test {
 protected:
  TlsTest()
      : ca_("ca", nullptr),
        server_("server-cn", &ca_, "DNS:db.example,IP:127.0.0.1"),
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
    bool server_done = false, client_done = false;
    for (int i = 0; i < 20 && !(server_done && client_done); ++i) {
      if (!Step(client.get(), &client_done) || !Step(server.get(), &server_done)) return false;
    }
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
