// How a program of the cluster is told its TLS material: keys of its file, flags.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/net/tls.h"

namespace dm {

struct TlsSettings {
  std::string ca_path, cert_path, key_path;        // ssl-ca, ssl-cert, ssl-key
  std::string ca_base64, cert_base64, key_base64;  // ssl-ca-base64, ...
  std::string ca_bytes, cert_bytes, key_bytes;     // ssl-ca-bytes, ...: raw content
  std::vector<std::string> allowed_common_names;   // cert-allowed-cn

  // All keys of files.
  static const std::vector<std::string>& Keys();
  // The value of one of the six keys that are texts; nullptr for any other key.
  std::string* Text(std::string_view key);
  // The content of one of the three keys that are lists of bytes; nullptr for any other key.
  std::string* Bytes(std::string_view key);
  // Takes `path` for one of ssl-ca, ssl-cert and ssl-key, in the place of whatever says the same in
  // another form: what a flag does.
  void SetPath(std::string_view key, std::string path);
  // Adds names that are not there yet.
  void Allow(const std::vector<std::string>& names);

  // As configurations are printed: no bytes, and ****** for a private key in base64.
  std::string ToToml() const;

  // Whether a server can use what Load answered: certificate and key are there, can be read and
  // belong together. Throws std::runtime_error.
  static void CheckForServer(const TlsOptions& tls);

  // What is to be used: bytes win over base64, base64 over a path, which is then left out. The
  // CA is read and checked; the files of certificate and key are not. Throws std::runtime_error.
  TlsOptions Load() const;
};

}  // namespace dm
