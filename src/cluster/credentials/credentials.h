// TLS of gRPC clients.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include <memory>
#include <string>

#include "base/net/tls.h"
#include "base/thread/stop.h"

namespace dm::cluster {

// Credentials for channels to servers of the cluster; without TLS in `options`, insecure ones. What
// is checked of the server: ClientPeerCheck. Certificate and key given by path are read again when
// the files change (looked at every second), for new connections. Channels of the same options
// share what they can. Thread-safe.
std::shared_ptr<grpc::ChannelCredentials> ClientCredentials(const TlsOptions& options);

// A channel to a server of the cluster, whose traffic never goes through the proxy that the
// environment may name. `arguments`: what else the channel is to be like.
std::shared_ptr<grpc::Channel> ClientChannel(const std::string& address, const TlsOptions& tls,
                                             grpc::ChannelArguments arguments = {});

// Why no channel to `address` ("host:port") gets connected: `otherwise`, unless TLS is the reason,
// which a handshake of its own finds out within about a second.
std::string WhyNotConnected(const std::string& address, const TlsOptions& options,
                            const std::string& otherwise, const StopToken& stop);

}  // namespace dm::cluster
