#include "cluster/credentials/credentials.h"

#include <grpc/support/log.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_certificate_verifier.h>
#include <grpcpp/security/tls_credentials_options.h>

#include <algorithm>
#include <mutex>
#include <stdexcept>
#include <utility>
#include <vector>

#include "base/log/log.h"
#include "base/net/address.h"
#include "base/net/tls_connection.h"

namespace dm::cluster {
namespace {

namespace tls = grpc::experimental;

constexpr unsigned kFileCheckSeconds = 1;
constexpr Milliseconds kObstacleLimit{1'000};

std::string ToString(const grpc::string_ref& text) { return {text.data(), text.size()}; }

// "host" of "host:port"; a text that is none of that as it is.
std::string HostOf(const std::string& target) {
  try {
    return SplitHostPort(target).host;
  } catch (const std::invalid_argument&) {
    return target;
  }
}

// The whole check of a server's certificate, in the place of gRPC's own.
class ServerCheck : public tls::ExternalCertificateVerifier {
 public:
  explicit ServerCheck(TlsOptions options) : options_(std::move(options)) {}

  bool Verify(tls::TlsCustomVerificationCheckRequest* request, std::function<void(grpc::Status)>,
              grpc::Status* status) override {
    std::string chain = ToString(request->peer_cert_full_chain());
    if (chain.empty()) chain = ToString(request->peer_cert());
    std::string fault;
    try {
      fault = CertificateFault(chain, options_, HostOf(ToString(request->target_name())));
    } catch (const std::exception& e) {
      fault = e.what();
    }
    *status = fault.empty() ? grpc::Status::OK : grpc::Status(grpc::UNAUTHENTICATED, fault);
    return true;  // done
  }
  void Cancel(tls::TlsCustomVerificationCheckRequest*) override {}

 private:
  const TlsOptions options_;
};

std::shared_ptr<tls::CertificateProviderInterface> OwnCertificate(const TlsOptions& options) {
  if (!options.has_cert() || !options.has_key()) return nullptr;
  if (options.cert.empty() && options.key.empty()) {
    return std::make_shared<tls::FileWatcherCertificateProvider>(
        options.key_path, options.cert_path, kFileCheckSeconds);
  }
  const TlsMaterial material = LoadTlsMaterial(options);
  return std::make_shared<tls::StaticDataCertificateProvider>(
      std::vector<tls::IdentityKeyCertPair>{{material.key, material.cert}});
}

// gRPC writes to standard error, also when a peer does not like our certificate.
void LogGrpcMessages() {
  static std::once_flag once;
  std::call_once(once, [] {
    gpr_set_log_function([](gpr_log_func_args* args) {
      Log().Debug("message of gRPC", {F("message", args->message)});
    });
  });
}

std::shared_ptr<grpc::ChannelCredentials> Make(const TlsOptions& options) {
  tls::TlsChannelCredentialsOptions out;
  out.set_verify_server_certs(false);  // ServerCheck does
  out.set_check_call_host(false);
  out.set_certificate_verifier(
      tls::ExternalCertificateVerifier::Create<ServerCheck>(WithLoadedCa(options)));
  if (const auto own = OwnCertificate(options)) {
    out.set_certificate_provider(own);
    out.watch_identity_key_cert_pairs();
  }
  auto credentials = tls::TlsCredentials(out);
  if (credentials == nullptr) throw std::runtime_error("gRPC refuses the TLS settings");
  return credentials;
}

}  // namespace

std::shared_ptr<grpc::ChannelCredentials> ClientCredentials(const TlsOptions& options) {
  LogGrpcMessages();
  if (!options.enabled()) return grpc::InsecureChannelCredentials();
  // Each has a thread that looks at the files.
  static std::mutex mutex;
  static std::vector<std::pair<TlsOptions, std::weak_ptr<grpc::ChannelCredentials>>> known;
  std::lock_guard lock(mutex);
  std::erase_if(known, [](const auto& entry) { return entry.second.expired(); });
  for (const auto& [its_options, credentials] : known) {
    if (its_options != options) continue;
    if (auto shared = credentials.lock()) return shared;
  }
  auto made = Make(options);
  known.emplace_back(options, made);
  return made;
}

std::shared_ptr<grpc::Channel> ClientChannel(const std::string& address, const TlsOptions& tls,
                                             grpc::ChannelArguments arguments) {
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  const bool local = address.starts_with("unix:");
  return grpc::CreateCustomChannel(
      address, local ? grpc::InsecureChannelCredentials() : ClientCredentials(tls), arguments);
}

std::string WhyNotConnected(const std::string& address, const TlsOptions& options,
                            const std::string& otherwise, const StopToken& stop) {
  const std::string obstacle = TlsObstacle(address, options, kObstacleLimit, stop);
  return obstacle.empty() ? otherwise : obstacle;
}

}  // namespace dm::cluster
