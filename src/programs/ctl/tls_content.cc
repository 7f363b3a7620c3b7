#include "programs/ctl/tls_content.h"

#include "base/error/error.h"
#include "base/log/log.h"
#include "migration/config/render.h"
#include "migration/config/tls_content.h"

namespace dm::ctl {

namespace {

void Load(migration::DbConfig& db) {
  try {
    migration::LoadTlsContent(*db.security);
  } catch (const Error& e) {
    Log().Warn("load TLS files failed", {F("error", e)});
  }
}

}  // namespace

std::string WithTlsContent(migration::SourceConfig source, const std::string& text) {
  if (!migration::AsksForTls(source.from)) return text;
  Load(source.from);
  return migration::SourceToYaml(source, migration::Passwords::kPlain);
}

std::string WithTlsContent(migration::TaskConfig task, const std::string& text) {
  if (!task.target_database || !migration::AsksForTls(*task.target_database)) return text;
  Load(*task.target_database);
  return migration::TaskToYaml(task, migration::Passwords::kPlain);
}

}  // namespace dm::ctl
