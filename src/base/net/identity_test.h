// Keys with certificates, made while a test runs.
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>

#include "base/net/openssl_free.h"

namespace dm {

// A key with its certificate, signed by `issuer` or by itself (which makes it a CA).
class Identity {
 public:
  struct Options {
    const char* names = nullptr;  // "DNS:db.example,IP:127.0.0.1"
    long valid_from = -3600;      // seconds from now
    long valid_until = 3600;
    bool is_ca = false;  // an intermediate one
  };

  Identity(const std::string& common_name, const Identity* issuer)
      : Identity(common_name, issuer, Options()) {}
  Identity(const std::string& common_name, const Identity* issuer, const Options& options)
      : key_(EVP_EC_gen("P-256")), certificate_(X509_new()) {
    X509* x = certificate_.get();
    X509_set_version(x, 2);
    static long serial = 1;
    ASN1_INTEGER_set(X509_get_serialNumber(x), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(x), options.valid_from);
    X509_gmtime_adj(X509_getm_notAfter(x), options.valid_until);
    X509_set_pubkey(x, key_.get());
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1,
                               0);
    X509_set_issuer_name(x,
                         X509_get_subject_name(issuer == nullptr ? x : issuer->certificate_.get()));
    if (issuer == nullptr || options.is_ca) Extend(NID_basic_constraints, "critical,CA:TRUE");
    if (options.names != nullptr) Extend(NID_subject_alt_name, options.names);
    X509_sign(x, issuer == nullptr ? key_.get() : issuer->key_.get(), EVP_sha256());
    Bio bio(BIO_new(BIO_s_mem()));
    PEM_write_bio_X509(bio.get(), x);
    cert_pem = Text(bio.get());
    bio.reset(BIO_new(BIO_s_mem()));
    PEM_write_bio_PrivateKey(bio.get(), key_.get(), nullptr, nullptr, 0, nullptr, nullptr);
    key_pem = Text(bio.get());
  }

  // The private key encrypted with a passphrase.
  std::string LockedKey() const {
    Bio bio(BIO_new(BIO_s_mem()));
    PEM_write_bio_PrivateKey(bio.get(), key_.get(), EVP_aes_256_cbc(),
                             reinterpret_cast<const unsigned char*>("secret"), 6, nullptr, nullptr);
    return Text(bio.get());
  }

  std::string cert_pem;
  std::string key_pem;

 private:
  using Bio = std::unique_ptr<BIO, OpensslFree<BIO_free>>;

  static std::string Text(BIO* bio) {
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    return {data, static_cast<size_t>(size)};
  }

  void Extend(int nid, const char* value) {
    std::unique_ptr<X509_EXTENSION, OpensslFree<X509_EXTENSION_free>> extension(
        X509V3_EXT_conf_nid(nullptr, nullptr, nid, value));
    X509_add_ext(certificate_.get(), extension.get(), -1);
  }

  std::unique_ptr<EVP_PKEY, OpensslFree<EVP_PKEY_free>> key_;
  std::unique_ptr<X509, OpensslFree<X509_free>> certificate_;
};

}  // namespace dm
