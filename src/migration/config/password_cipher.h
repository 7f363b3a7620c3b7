// Encryption of passwords in configuration files: AES-256, CFB with 128-bit segments. Ciphertext is
// the base64 form of: 16 bytes IV, '@', encrypted text.
#pragma once

#include <string>
#include <string_view>

#include "migration/config/secret.h"

namespace dm::migration {

// Holds the cluster's secret key, or none. Immutable, thread-safe, cheap to copy.
class PasswordCipher {
 public:
  // No key: encrypting and decrypting fail.
  PasswordCipher() = default;
  // `key`: 32 raw bytes, as dm-master hands them to workers; empty means no key. Any other length
  // throws Error kEncryptSecretKeyNotValid.
  explicit PasswordCipher(std::string key);
  // From a file with 64 hexadecimal digits, white space around them ignored. An empty path means no
  // key. Throws Error kConfigSecretKeyPath.
  static PasswordCipher FromKeyFile(const std::string& path);

  bool has_key() const { return !key_.empty(); }
  const std::string& key() const { return key_; }

  // A new ciphertext with every call. Throws std::runtime_error "secret key not initialized"
  // if there is no key.
  std::string Encrypt(std::string_view plain) const;
  // Throws Error kEncCipherTextBase64Decode, kCiphertextLenNotValid, kCiphertextContextNotValid, or
  // std::runtime_error "secret key not initialized". A ciphertext of another key gives garbage, not
  // an error.
  std::string Decrypt(std::string_view ciphertext) const;
  // The rule for every password that is read: decrypted if that succeeds, else the text itself.
  std::string DecryptOrPlain(std::string_view text) const;

 private:
  std::string key_;
};

}  // namespace dm::migration
