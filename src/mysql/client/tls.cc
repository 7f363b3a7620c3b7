// libmariadb's inner headers need mysql.h before them.
#include "mysql/client/link.h"

#define HAVE_TLS 1  // else ma_pvio.h hides the type of its TLS member
using uchar = unsigned char;
#include <ma_pvio.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace dm::mysql {
namespace {

Error TlsError(const std::string& cause) {
  return Error(ErrorCode::kConnInvalidTLSConfig, "invalid TLS config").SetRawCause(cause);
}

}  // namespace

TlsFiles::~TlsFiles() {
  for (const int fd : fds_) close(fd);
}

std::string TlsFiles::PathOf(const std::string& pem, const std::string& path, const char* name) {
  if (pem.empty()) {
    if (!path.empty() && access(path.c_str(), R_OK) != 0) {
      throw TlsError(
          fmt::format("cannot read {}: {}", path,
                      errno == ENOENT ? "no such file or directory" : "permission denied"));
    }
    return path;
  }
  const int fd = memfd_create(name, MFD_CLOEXEC);
  if (fd < 0) throw TlsError(fmt::format("no memory file for {}", name));
  fds_.push_back(fd);
  for (size_t done = 0; done < pem.size();) {
    const ssize_t n = write(fd, pem.data() + done, pem.size() - done);
    if (n <= 0) throw TlsError(fmt::format("cannot keep {} in memory", name));
    done += static_cast<size_t>(n);
  }
  return fmt::format("/proc/self/fd/{}", fd);
}

void TlsFiles::Apply(MYSQL* mysql, const TlsOptions& options) {
  const std::string ca = PathOf(options.ca_pem, options.ca_path, "ssl-ca");
  const std::string cert = PathOf(options.cert_pem, options.cert_path, "ssl-cert");
  const std::string key = PathOf(options.key_pem, options.key_path, "ssl-key");
  if (cert.empty() != key.empty()) throw TlsError("ssl-cert and ssl-key must be given together");
  my_bool on = 1;
  my_bool verify = options.allowed_cn.empty() ? 0 : 1;
  bool ok = mysql_optionsv(mysql, MYSQL_OPT_SSL_ENFORCE, &on) == 0 &&
            mysql_optionsv(mysql, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &verify) == 0;
  if (ok && !ca.empty()) ok = mysql_optionsv(mysql, MYSQL_OPT_SSL_CA, ca.c_str()) == 0;
  if (ok && !cert.empty()) {
    ok = mysql_optionsv(mysql, MYSQL_OPT_SSL_CERT, cert.c_str()) == 0 &&
         mysql_optionsv(mysql, MYSQL_OPT_SSL_KEY, key.c_str()) == 0;
  }
  if (!ok) throw TlsError("libmariadb refuses the TLS options");
}

void CheckCommonName(MYSQL* mysql, const std::vector<std::string>& allowed) {
  auto* tls = mysql->net.pvio->ctls;
  auto* ssl = tls == nullptr ? nullptr : static_cast<SSL*>(tls->ssl);
  if (ssl == nullptr) throw TlsError("the connection has no TLS");
  STACK_OF(X509)* chain = SSL_get0_verified_chain(ssl);
  for (int i = 0; chain != nullptr && i < sk_X509_num(chain); ++i) {
    X509_NAME* subject = X509_get_subject_name(sk_X509_value(chain, i));
    const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (at < 0) continue;
    unsigned char* text = nullptr;
    const int size =
        ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
    if (size < 0) continue;
    const std::string name(reinterpret_cast<char*>(text), static_cast<size_t>(size));
    OPENSSL_free(text);
    if (std::find(allowed.begin(), allowed.end(), name) != allowed.end()) return;
  }
  throw TlsError(
      "client certificate authentication failed. The Common Name from the server "
      "certificate is not in cert-allowed-cn");
}

}  // namespace dm::mysql
