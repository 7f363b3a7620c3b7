#include "migration/config/password_cipher.h"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include <cerrno>
#include <fstream>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <system_error>

#include "base/error/error.h"
#include "base/io/encode.h"
#include "base/io/text.h"

namespace dm::migration {
namespace {

constexpr size_t kKeySize = 32;
constexpr size_t kIvSize = 16;
constexpr char kSeparator = '@';

// AES-256-CFB of `text`; encrypting and decrypting differ only in direction.
std::string Run(bool encrypt, const std::string& key, std::string_view iv, std::string_view text) {
  std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)> context(EVP_CIPHER_CTX_new(),
                                                                          &EVP_CIPHER_CTX_free);
  auto bytes = [](std::string_view s) { return reinterpret_cast<const unsigned char*>(s.data()); };
  std::string out(text.size(), '\0');
  int length = 0;
  if (context == nullptr ||
      EVP_CipherInit_ex(context.get(), EVP_aes_256_cfb128(), nullptr, bytes(key), bytes(iv),
                        encrypt ? 1 : 0) != 1 ||
      EVP_CipherUpdate(context.get(), reinterpret_cast<unsigned char*>(out.data()), &length,
                       bytes(text), static_cast<int>(text.size())) != 1 ||
      static_cast<size_t>(length) != text.size()) {
    throw MakeError(ErrorCode::kEncryptGenCipher);
  }
  return out;
}

void RequireKey(const PasswordCipher& cipher) {
  if (!cipher.has_key()) throw std::runtime_error("secret key not initialized");
}

}  // namespace

PasswordCipher::PasswordCipher(std::string key) : key_(std::move(key)) {
  if (!key_.empty() && key_.size() != kKeySize) {
    throw MakeError(ErrorCode::kEncryptSecretKeyNotValid, key_.size());
  }
}

PasswordCipher PasswordCipher::FromKeyFile(const std::string& path) {
  if (path.empty()) return {};
  std::ifstream in(path, std::ios::binary);
  std::ostringstream content;
  if (in) content << in.rdbuf();
  if (!in) {
    throw MakeError(ErrorCode::kConfigSecretKeyPath,
                    "cannot read " + path + ": " + std::generic_category().message(errno));
  }
  const std::string text = content.str();
  const std::string_view digits = Trim(text);
  if (digits.size() != 2 * kKeySize) {
    throw MakeError(ErrorCode::kConfigSecretKeyPath,
                    "the secret key file should hold a hex AES-256 key of length 64");
  }
  auto digit = [](char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
  };
  std::string key;
  for (size_t i = 0; i < digits.size(); i += 2) {
    const int high = digit(digits[i]), low = digit(digits[i + 1]);
    if (high < 0 || low < 0) {
      throw MakeError(ErrorCode::kConfigSecretKeyPath, "the content of " + path + " is not hex");
    }
    key.push_back(static_cast<char>(high * 16 + low));
  }
  return PasswordCipher(std::move(key));
}

std::string PasswordCipher::Encrypt(std::string_view plain) const {
  RequireKey(*this);
  std::string bytes(kIvSize, '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), kIvSize) != 1) {
    throw MakeError(ErrorCode::kEncryptGenIV);
  }
  const std::string encrypted = Run(true, key_, bytes, plain);
  bytes.push_back(kSeparator);
  return EncodeBase64(bytes + encrypted);
}

std::string PasswordCipher::Decrypt(std::string_view ciphertext) const {
  RequireKey(*this);
  std::optional<std::string> bytes = DecodeBase64(ciphertext);
  if (!bytes) throw MakeError(ErrorCode::kEncCipherTextBase64Decode, kHiddenSecret);
  if (bytes->size() < kIvSize + 1) {
    throw MakeError(ErrorCode::kCiphertextLenNotValid, kIvSize + 1, bytes->size());
  }
  if ((*bytes)[kIvSize] != kSeparator) throw MakeError(ErrorCode::kCiphertextContextNotValid);
  std::string_view view = *bytes;
  return Run(false, key_, view.substr(0, kIvSize), view.substr(kIvSize + 1));
}

std::string PasswordCipher::DecryptOrPlain(std::string_view text) const {
  if (!has_key()) return std::string(text);
  try {
    return Decrypt(text);
  } catch (const Error&) {
    // Not a ciphertext: the documented rule takes the text as the password itself.
    return std::string(text);
  }
}

}  // namespace dm::migration
