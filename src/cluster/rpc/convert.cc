#include "cluster/rpc/convert.h"

#include <type_traits>

#include "dmworker.pb.h"

namespace dm::cluster {

namespace {

ErrorScope ScopeFromText(const std::string& text) {
  for (const ErrorScope scope :
       {ErrorScope::kUpstream, ErrorScope::kDownstream, ErrorScope::kInternal}) {
    if (text == ToString(scope)) return scope;
  }
  return ErrorScope::kNotSet;
}

ErrorLevel LevelFromText(const std::string& text) {
  for (const ErrorLevel level : {ErrorLevel::kLow, ErrorLevel::kMedium}) {
    if (text == ToString(level)) return level;
  }
  return ErrorLevel::kHigh;
}

// `value` with the escapes of protobuf's text format; the apostrophe stays plain.
std::string EscapeTextFormat(const std::string& value) {
  std::string out;
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte >= 0x20 && byte < 0x7F) {
      out += c;
    } else {
      out += fmt::format("\\{:03o}", byte);
    }
  }
  return out;
}

void SetStatus(const migration::DumpStatus& from, pb::SubTaskStatus* out) {
  pb::DumpStatus* to = out->mutable_dump();
  to->set_totaltables(from.total_tables);
  to->set_completedtables(from.completed_tables);
  to->set_finishedbytes(from.finished_bytes);
  to->set_finishedrows(from.finished_rows);
  to->set_estimatetotalrows(from.estimate_total_rows);
  to->set_bps(from.bps);
  to->set_progress(from.progress);
}

void SetStatus(const migration::LoadStatus& from, pb::SubTaskStatus* out) {
  pb::LoadStatus* to = out->mutable_load();
  to->set_finishedbytes(from.finished_bytes);
  to->set_totalbytes(from.total_bytes);
  to->set_progress(from.progress);
  to->set_metabinlog(from.meta_binlog);
  to->set_metabinloggtid(from.meta_binlog_gtid);
  to->set_bps(from.bps);
}

void SetStatus(const migration::SyncStatus& from, pb::SubTaskStatus* out) {
  pb::SyncStatus* to = out->mutable_sync();
  to->set_totalevents(from.total_rows);
  to->set_totaltps(from.total_rps);
  to->set_recenttps(from.recent_rps);
  to->set_masterbinlog(from.master_binlog);
  to->set_masterbinloggtid(from.master_binlog_gtid);
  to->set_syncerbinlog(from.syncer_binlog);
  to->set_syncerbinloggtid(from.syncer_binlog_gtid);
  for (const std::string& ddl : from.blocking_ddls) to->add_blockingddls(ddl);
  for (const migration::ShardingGroup& group : from.unresolved_groups) {
    pb::ShardingGroup* g = to->add_unresolvedgroups();
    g->set_target(group.target);
    for (const std::string& ddl : group.ddls) g->add_ddls(ddl);
    g->set_firstlocation(group.first_location);
    for (const std::string& table : group.synced) g->add_synced(table);
    for (const std::string& table : group.unsynced) g->add_unsynced(table);
  }
  to->set_synced(from.synced);
  to->set_binlogtype(from.binlog_type);
  to->set_secondsbehindmaster(from.seconds_behind_master);
  to->set_blockddlowner(from.block_ddl_owner);
  to->set_conflictmsg(from.conflict_msg);
  to->set_totalrows(from.total_rows);
  to->set_totalrps(from.total_rps);
  to->set_recentrps(from.recent_rps);
  to->set_iototalbytes(from.io_total_bytes);
  to->set_dumpiototalbytes(from.dump_io_total_bytes);
}

}  // namespace

void ToProcessError(const Error& error, pb::ProcessError* out) {
  out->set_errcode(error.code());
  out->set_errclass(error.error_class());
  out->set_errscope(std::string(ToString(error.scope())));
  out->set_errlevel(std::string(ToString(error.level())));
  out->set_message(error.message());
  out->set_rawcause(error.raw_cause());
  out->set_workaround(error.workaround());
}

Error FromProcessError(const pb::ProcessError& message) {
  return Error::FromParts(message.errcode(), message.errclass(), ScopeFromText(message.errscope()),
                          LevelFromText(message.errlevel()), message.message(), message.rawcause(),
                          message.workaround());
}

void ToProcessResult(const migration::UnitResult& result, pb::ProcessResult* out) {
  out->set_iscanceled(result.is_canceled);
  out->clear_errors();
  for (const Error& error : result.errors) ToProcessError(error, out->add_errors());
}

migration::UnitResult FromProcessResult(const pb::ProcessResult& message) {
  migration::UnitResult result;
  result.is_canceled = message.iscanceled();
  for (const pb::ProcessError& error : message.errors()) {
    result.errors.push_back(FromProcessError(error));
  }
  return result;
}

void SetUnitStatus(const migration::UnitStatus& status, pb::SubTaskStatus* out) {
  std::visit(
      [out](const auto& unit) {
        if constexpr (!std::is_same_v<std::decay_t<decltype(unit)>, std::monostate>) {
          SetStatus(unit, out);
        }
      },
      status);
}

std::string JoinedErrorText(const pb::ProcessResult& result) {
  std::string out;
  for (const pb::ProcessError& error : result.errors()) {
    if (!out.empty()) out += ", ";
    if (error.errcode() != 0) out += "ErrCode:" + std::to_string(error.errcode()) + " ";
    const auto text = [&out](const char* name, const std::string& value) {
      if (value.empty()) return;
      out += name;
      out += ":\"" + EscapeTextFormat(value) + "\" ";
    };
    text("ErrClass", error.errclass());
    text("ErrScope", error.errscope());
    text("ErrLevel", error.errlevel());
    text("Message", error.message());
    text("RawCause", error.rawcause());
    text("Workaround", error.workaround());
  }
  return out;
}

void SetFailed(const std::exception& e, const std::string& source, const std::string& worker,
               pb::CommonWorkerResponse* out) {
  out->set_result(false);
  out->set_msg(ErrorText(e));
  out->set_source(source);
  out->set_worker(worker);
}

}  // namespace dm::cluster
