#include <algorithm>
#include <cstring>

#include "mysql/client/connection.h"
#include "mysql/client/link.h"

namespace dm::mysql {

namespace {

// The "file" that the server reads: libmariadb takes it piece by piece.
struct LocalData {
  std::string_view rest;
};

int Init(void** file, const char*, void* data) {
  *file = data;
  return 0;
}

int Read(void* file, char* buffer, unsigned size) {
  auto& rest = static_cast<LocalData*>(file)->rest;
  const size_t n = std::min<size_t>(size, rest.size());
  std::memcpy(buffer, rest.data(), n);
  rest.remove_prefix(n);
  return static_cast<int>(n);
}

void End(void*) {}

int ErrorOf(void*, char* text, unsigned size) {
  if (size > 0) text[0] = '\0';
  return 0;
}

// A server that asks for a file nobody offered gets none.
int Refuse(void**, const char*, void*) { return 1; }

}  // namespace

void RefuseLocalFiles(MYSQL* mysql) {
  mysql_set_local_infile_handler(mysql, Refuse, Read, End, ErrorOf, nullptr);
}

uint64_t Connection::LoadLocal(std::string_view sql, std::string_view data, const StopToken& stop) {
  const StopCallback on_stop(stop, [this] { link_->Interrupt(); });
  LocalData local{data};
  if (link_->mysql != nullptr) {
    mysql_set_local_infile_handler(link_->mysql, Init, Read, End, ErrorOf, &local);
  }
  struct Withdraw {
    MYSQL* mysql;
    ~Withdraw() {
      if (mysql != nullptr) RefuseLocalFiles(mysql);
    }
  } withdraw{link_->mysql};
  Send(sql, ErrorCode::kDBExecuteFailed, {}, stop);
  const uint64_t affected = ReadAffected(ErrorCode::kDBExecuteFailed, sql, stop);
  CountBytes();
  return affected;
}

}  // namespace dm::mysql
