#include "base/net/tls_settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <stdexcept>

#include "base/io/encode.h"
#include "base/net/tls_settings_toml.h"

namespace dm {
namespace {

constexpr std::string_view kHidden = "******";
constexpr std::string_view kNames = "cert-allowed-cn";

struct Part {
  std::string_view key;
  std::string TlsSettings::*path;
  std::string TlsSettings::*base64;
  std::string TlsSettings::*bytes;
};

constexpr auto kParts = std::to_array<Part>({
    {"ssl-ca", &TlsSettings::ca_path, &TlsSettings::ca_base64, &TlsSettings::ca_bytes},
    {"ssl-cert", &TlsSettings::cert_path, &TlsSettings::cert_base64, &TlsSettings::cert_bytes},
    {"ssl-key", &TlsSettings::key_path, &TlsSettings::key_base64, &TlsSettings::key_bytes},
});

std::string Content(const TlsSettings& settings, const Part& part) {
  const std::string& base64 = settings.*part.base64;
  if (!(settings.*part.bytes).empty() || base64.empty()) return settings.*part.bytes;
  const std::optional<std::string> decoded = DecodeBase64(base64);
  if (!decoded) {
    throw std::runtime_error(
        fmt::format("{}-base64 is not base64{}", part.key,
                    base64 == kHidden ? ": it was hidden when it was printed" : ""));
  }
  return *decoded;
}

[[noreturn]] void WrongKind(std::string_view key, std::string_view wanted) {
  throw std::invalid_argument(fmt::format("{} must be {}", key, wanted));
}

}  // namespace

const std::vector<std::string>& TlsSettings::Keys() {
  static const std::vector<std::string> keys = [] {
    std::vector<std::string> out = {std::string(kNames)};
    for (const Part& part : kParts) {
      for (const std::string_view suffix : {"", "-base64", "-bytes"}) {
        out.push_back(fmt::format("{}{}", part.key, suffix));
      }
    }
    return out;
  }();
  return keys;
}

std::string* TlsSettings::Text(std::string_view key) {
  for (const Part& part : kParts) {
    if (key == part.key) return &(this->*part.path);
    if (key == fmt::format("{}-base64", part.key)) return &(this->*part.base64);
  }
  return nullptr;
}

std::string* TlsSettings::Bytes(std::string_view key) {
  for (const Part& part : kParts) {
    if (key == fmt::format("{}-bytes", part.key)) return &(this->*part.bytes);
  }
  return nullptr;
}

void TlsSettings::SetPath(std::string_view key, std::string path) {
  for (const Part& part : kParts) {
    if (key != part.key) continue;
    this->*part.path = std::move(path);
    (this->*part.base64).clear();
    (this->*part.bytes).clear();
  }
}

void TlsSettings::Allow(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    if (std::find(allowed_common_names.begin(), allowed_common_names.end(), name) ==
        allowed_common_names.end()) {
      allowed_common_names.push_back(name);
    }
  }
}

std::string TlsSettings::ToToml() const {
  const auto line = [](std::string_view key, std::string_view text) {
    return fmt::format("{} = {}\n", key, QuoteToml(text));
  };
  std::string out =
      line("ssl-ca", ca_path) + line("ssl-cert", cert_path) + line("ssl-key", key_path);
  if (!allowed_common_names.empty()) {
    std::string names;
    for (const std::string& name : allowed_common_names) {
      names += fmt::format("{}{}", names.empty() ? "" : ", ", QuoteToml(name));
    }
    out += fmt::format("{} = [{}]\n", kNames, names);
  }
  return out + line("ssl-ca-base64", ca_base64) +
         line("ssl-key-base64", key_base64.empty() ? "" : kHidden) +
         line("ssl-cert-base64", cert_base64);
}

void TlsSettings::CheckForServer(const TlsOptions& tls) {
  const TlsMaterial material = LoadTlsMaterial(tls);
  CheckTlsMaterial(material);
  if (material.cert.empty()) {
    throw std::runtime_error("`ssl-ca` is set, `ssl-cert` and `ssl-key` are not");
  }
}

TlsOptions TlsSettings::Load() const {
  TlsOptions options;
  options.ca = Content(*this, kParts[0]);
  options.cert = Content(*this, kParts[1]);
  options.key = Content(*this, kParts[2]);
  if (options.ca.empty()) options.ca_path = ca_path;
  if (options.cert.empty()) options.cert_path = cert_path;
  if (options.key.empty()) options.key_path = key_path;
  options.allowed_common_names = allowed_common_names;
  return WithLoadedCa(std::move(options));
}

bool ReadTlsKey(std::string_view key, const toml::node& value, TlsSettings& settings) {
  if (std::string* text = settings.Text(key)) {
    const auto given = value.value_exact<std::string>();
    if (!given) WrongKind(key, "a text");
    *text = *given;
    return true;
  }
  if (std::string* bytes = settings.Bytes(key)) {
    const toml::array* list = value.as_array();
    if (list == nullptr) WrongKind(key, "a list of numbers from 0 to 255");
    bytes->clear();
    for (const toml::node& item : *list) {
      const auto number = item.value_exact<int64_t>();
      if (!number || *number < 0 || *number > 255) {
        WrongKind(key, "a list of numbers from 0 to 255");
      }
      bytes->push_back(static_cast<char>(*number));
    }
    return true;
  }
  if (key != kNames) return false;
  const toml::array* list = value.as_array();
  if (list == nullptr) WrongKind(key, "a list of texts");
  settings.allowed_common_names.clear();
  for (const toml::node& item : *list) {
    const auto name = item.value_exact<std::string>();
    if (!name) WrongKind(key, "a list of texts");
    settings.Allow({*name});
  }
  return true;
}

}  // namespace dm
