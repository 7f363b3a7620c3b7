// TLS of one database connection that is being made. Private to this room.
#pragma once

#include <mysql.h>

#include <functional>
#include <string>
#include <vector>

#include "base/net/tls.h"
#include "mysql/client/connection.h"

struct st_plugin_vio;

namespace dm::mysql {

// Stands in front of the login. libmariadb takes an authentication method of ours for its first
// one: it has the TLS handshake made, checks the server's certificate, and only then lets the
// server name the method it wants. So nothing of the password leaves before the server is known to
// be the right one, and a server without TLS learns nothing at all.
class TlsGate {
 public:
  // Reads and checks the material. `host`: what was dialled. Throws Error 11112.
  TlsGate(const TlsOptions& options, std::string host);
  TlsGate(const TlsGate&) = delete;
  TlsGate& operator=(const TlsGate&) = delete;
  ~TlsGate();

  // Sets the options of the handle; the gate outlives the connecting. libmariadb waits for the
  // handshake in one blocking call: `before_handshake` is called when it is about to begin.
  void Apply(MYSQL* mysql, std::function<void()> before_handshake);

  // While it lives, connections that this thread makes go through the gate.
  class Guard {
   public:
    explicit Guard(TlsGate* gate);
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;
    ~Guard();
  };

  // The server was accepted.
  bool passed() const { return passed_; }
  // Why it was not; empty if it was, or if the handshake was never begun.
  const std::string& fault() const { return fault_; }

 private:
  friend int PassGate(st_plugin_vio* vio, st_mysql* mysql);
  bool Pass(st_plugin_vio* vio, MYSQL* mysql);
  std::string Keep(const std::string& pem, const char* name);

  dm::TlsOptions options_;
  std::string host_;
  std::function<void()> before_handshake_;
  std::vector<int> fds_;
  bool passed_ = false;
  std::string fault_;
};

// Without TLS: methods that would send the password as it is are not allowed.
void AllowHiddenPasswordsOnly(MYSQL* mysql);

}  // namespace dm::mysql
