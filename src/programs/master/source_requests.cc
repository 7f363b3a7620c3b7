#include <algorithm>
#include <atomic>
#include <thread>

#include "base/error/error.h"
#include "base/io/text.h"
#include "base/log/log.h"
#include "dmmaster.pb.h"
#include "programs/master/record_size.h"
#include "programs/master/requests.h"
#include "programs/master/upstream.h"

namespace dm::master {
namespace {

using migration::SourceConfig;

std::vector<SourceConfig> Parse(const pb::OperateSourceRequest& request) {
  std::vector<SourceConfig> sources;
  for (const std::string& text : request.config()) {
    sources.push_back(migration::ParseSourceYaml(text));
  }
  return sources;
}

// Ids given, then those of the configurations.
std::vector<std::string> Ids(const pb::OperateSourceRequest& request) {
  std::vector<std::string> ids(request.sourceid().begin(), request.sourceid().end());
  for (const SourceConfig& source : Parse(request)) ids.push_back(source.source_id);
  return ids;
}

void Create(const RequestContext& context, const std::vector<SourceConfig>& sources,
            const std::string& worker) {
  std::vector<std::string> added;
  try {
    for (const SourceConfig& source : sources) {
      context.scheduler->AddSource(source, worker);
      added.push_back(source.source_id);
    }
  } catch (const Error& failure) {
    if (added.empty()) throw;
    try {
      context.scheduler->RemoveSources(added);
    } catch (const Error& e) {
      Log().Error("fail to remove the sources that were just added",
                  {F("sources", Join(added, " ")), F("error", e)});
      throw Error(failure).Annotate(
          fmt::format("sources [{}] were added and could not be removed again", Join(added, " ")));
    }
    throw;
  }
}

}  // namespace

void ForEach(size_t count, const std::function<void(size_t)>& work) {
  constexpr size_t kMaxThreads = 64;
  std::atomic<size_t> next{0};
  const auto run = [&] {
    for (size_t i; (i = next++) < count;) work(i);
  };
  std::vector<std::jthread> threads;
  for (size_t i = 1; i < std::min(count, kMaxThreads); ++i) threads.emplace_back(run);
  run();
}

std::vector<pb::CommonWorkerResponse> ConfirmAll(const RequestContext& context,
                                                 std::vector<Pending> pending) {
  std::sort(pending.begin(), pending.end(), [](const Pending& a, const Pending& b) {
    return a.expected.source < b.expected.source;
  });
  std::vector<pb::CommonWorkerResponse> out(pending.size());
  ForEach(pending.size(), [&](size_t i) {
    try {
      context.rate_limit.Take(pending[i].expected.source, context.gone);
      Confirm(*context.scheduler, pending[i].worker, pending[i].expected, context.gone, &out[i]);
    } catch (const std::exception& e) {
      out[i].set_result(false);
      out[i].set_msg(ErrorText(e));
      out[i].set_source(pending[i].expected.source);
    }
  });
  return out;
}

void OperateSource(const RequestContext& context, const pb::OperateSourceRequest& request,
                   pb::OperateSourceResponse* response) {
  Scheduler& scheduler = *context.scheduler;
  std::vector<std::string> ids;
  std::vector<Pending> pending;
  std::string unbound_text = "source is added but there is no free worker to bound";
  auto kind = Expectation::Kind::kSourceBound;
  switch (request.op()) {
    case pb::StartSource:
    case pb::UpdateSource: {
      std::vector<SourceConfig> sources = Parse(request);
      for (SourceConfig& source : sources) {
        PrepareSource(source, context.cipher, context.stop);
        CheckRecordSize(source, context.config.max_request_bytes);
      }
      if (request.op() == pb::UpdateSource) {
        response->set_msg("Update worker config is not supported by dm-ha now");
        return;
      }
      Create(context, sources, request.workername());
      for (const SourceConfig& source : sources) ids.push_back(source.source_id);
      for (const std::string& id : ids) pending.push_back({scheduler.WorkerOf(id), {kind, id, ""}});
      break;
    }
    case pb::StopSource: {
      kind = Expectation::Kind::kSourceGone;
      ids = Ids(request);
      for (const auto& [id, worker] : scheduler.RemoveSources(ids)) {
        pending.push_back({worker, {kind, id, ""}});
      }
      unbound_text = "source is stopped and hasn't bound to worker before being stopped";
      break;
    }
    case pb::ShowSource: {
      ids = Ids(request);
      if (ids.empty()) {
        for (const auto& [id, source] : scheduler.Sources()) ids.push_back(id);
      }
      for (const std::string& id : ids) pending.push_back({scheduler.WorkerOf(id), {kind, id, ""}});
      break;
    }
    default:
      throw MakeError(ErrorCode::kMasterInvalidOperateOp, pb::SourceOp_Name(request.op()),
                      "source");
  }
  response->set_result(true);
  std::vector<Pending> bound;
  for (Pending& entry : pending) {
    if (!entry.worker.empty()) {
      bound.push_back(std::move(entry));
      continue;
    }
    auto* answer = response->add_sources();
    answer->set_result(true);
    answer->set_msg(unbound_text);
    answer->set_source(entry.expected.source);
  }
  for (auto& answer : ConfirmAll(context, std::move(bound))) {
    *response->add_sources() = std::move(answer);
  }
}

}  // namespace dm::master
