#include "cluster/etcd/watch.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>
#include <variant>

#include "base/log/log.h"
#include "base/thread/bounded_queue.h"
#include "cluster/etcd/channels.h"
#include "etcd/rpc.grpc.pb.h"

namespace dm::cluster {
namespace {

namespace pb = etcdserverpb;

// How long a watch that cannot be made on any endpoint is tried again before its owner is told.
constexpr Milliseconds kRepairLimit{10'000};
constexpr Milliseconds kRepairPause{200};
// A stream has these numbers of who serves it. Either of them, or a revision that goes back, tells
// that the store is another one by now: restored from a copy, or begun anew. (A member that lags
// behind may look like that; then it costs a snapshot.)
struct Store {
  uint64_t cluster_id = 0;
  uint64_t raft_term = 0;
};

// A watch without any message for this long is asked for progress; without an answer for as long
// again its stream is taken for dead.
constexpr Milliseconds kSilenceLimit{30'000};
constexpr size_t kQueuedMessages = 100;

struct Batch {
  std::vector<WatchEvent> events;
  int64_t revision = 0;
};

Error WatchError(const std::string& text) {
  return MakeError(ErrorCode::kHAFailWatchEtcd, text).SetRawCause(text);
}

KeyValue FromWire(const mvccpb::KeyValue& kv) {
  return {kv.key(), kv.value(), kv.create_revision(), kv.mod_revision(), kv.version(), kv.lease()};
}

}  // namespace

class Watch::Impl {
 public:
  Impl(std::shared_ptr<Channels> channels, std::string key, std::string range_end,
       int64_t from_revision, bool previous)
      : channels_(std::move(channels)),
        key_(std::move(key)),
        range_end_(std::move(range_end)),
        previous_(previous),
        next_revision_(from_revision),
        given_revision_(from_revision - 1),
        queue_(kQueuedMessages) {
    Heard();
    reader_ = std::jthread([this](StopToken stop) { Run(stop); });
  }

  std::vector<WatchEvent> Next(const StopToken& stop, Milliseconds timeout) {
    const auto end = SteadyClock::now() + timeout;
    while (true) {
      Milliseconds wait = kSilenceLimit;
      if (timeout > Milliseconds(0)) {
        wait = std::min(wait, std::chrono::ceil<Milliseconds>(end - SteadyClock::now()));
        if (wait <= Milliseconds(0)) return {};
      }
      if (failure_) throw *failure_;
      std::optional<std::variant<Batch, Error>> item = queue_.PopFor(wait, stop);
      if (!item) {
        CheckAlive();
        continue;
      }
      if (Error* error = std::get_if<Error>(&*item)) {
        failure_ = *error;
        throw *failure_;
      }
      Batch& batch = std::get<Batch>(*item);
      given_revision_.store(batch.revision);
      if (!batch.events.empty()) return std::move(batch.events);
    }
  }

  int64_t revision() const { return given_revision_.load(); }

 private:
  using Stream = grpc::ClientReaderWriter<pb::WatchRequest, pb::WatchResponse>;

  enum class End { kBroken, kFinal };

  void Heard() { heard_.store(SteadyClock::now()); }

  // Called by the owner when nothing came for a while.
  void CheckAlive() {
    const auto now = SteadyClock::now();
    if (now - heard_.load() < kSilenceLimit / 2) {
      asked_.reset();
      return;
    }
    std::lock_guard lock(stream_mutex_);
    if (stream_ == nullptr || (asked_ && heard_.load() > *asked_)) {
      asked_.reset();
      if (stream_ == nullptr) return;
    }
    if (!asked_) {
      asked_ = now;
      pb::WatchRequest request;
      request.mutable_progress_request();
      // A failed write shows up in the reader.
      (void)stream_->Write(request);
    } else if (now - *asked_ >= kSilenceLimit) {
      Log().Warn("watch of etcd is silent, making it again", {F("key", key_)});
      context_->TryCancel();
      asked_.reset();
    }
  }

  void Run(const StopToken& stop) {
    auto working = SteadyClock::now();
    std::string last = "no endpoint answers";
    try {
      while (true) {
        ThrowIfStopped(stop);
        bool made = false;
        if (Serve(stop, made, last) == End::kFinal) return;
        if (made) {
          working = SteadyClock::now();
        } else if (SteadyClock::now() - working > kRepairLimit) {
          queue_.Push(WatchError(last), 1, stop);
          return;
        }
        WaitFor(kRepairPause, stop);
      }
    } catch (const Cancelled&) {
    } catch (const std::exception& e) {
      try {
        queue_.Push(WatchError(ErrorText(e)), 1, stop);
      } catch (const Cancelled&) {
      }
    }
  }

  // One stream from its creation to its end. kFinal: the owner was told why the watch ended.
  End Serve(const StopToken& stop, bool& made, std::string& last) {
    const std::shared_ptr<Endpoint> endpoint = channels_->Pick();
    AwaitConnection(*channels_, *endpoint, kRepairLimit, stop);
    grpc::ClientContext context;
    context.AddMetadata("hasleader", "true");
    auto stub = pb::Watch::NewStub(endpoint->channel);
    std::unique_ptr<Stream> stream;
    StopCallback on_stop(stop, [&context] { context.TryCancel(); });
    stream = stub->Watch(&context);
    pb::WatchRequest request;
    auto* create = request.mutable_create_request();
    create->set_key(key_);
    create->set_range_end(range_end_);
    create->set_start_revision(next_revision_);
    create->set_prev_kv(previous_);
    create->set_progress_notify(true);
    if (stream->Write(request)) {
      {
        std::lock_guard lock(stream_mutex_);
        stream_ = stream.get();
        context_ = &context;
      }
      Heard();
      pb::WatchResponse response;
      std::optional<End> end;
      while (!end && stream->Read(&response)) {
        Heard();
        end = Take(response, stop, made, last);
      }
      std::lock_guard lock(stream_mutex_);
      stream_ = nullptr;
      context_ = nullptr;
      if (end) {
        context.TryCancel();
        (void)stream->Finish();
        if (*end == End::kBroken) channels_->MarkFailed(endpoint);
        return *end;
      }
    }
    const grpc::Status status = stream->Finish();
    ThrowIfStopped(stop);
    channels_->MarkFailed(endpoint);
    last = StatusText(status.ok() ? grpc::Status(grpc::UNAVAILABLE, "the watch stream ended")
                                  : status);
    return End::kBroken;
  }

  // nullopt: go on reading.
  std::optional<End> Take(const pb::WatchResponse& response, const StopToken& stop, bool& made,
                          std::string& last) {
    if (response.compact_revision() != 0) {
      queue_.Push(
          WatchError(fmt::format("etcdserver: mvcc: required revision has been compacted ({} is "
                                 "below {})",
                                 next_revision_, response.compact_revision())),
          1, stop);
      return End::kFinal;
    }
    if (response.canceled()) {
      last = fmt::format("rpc error: code = Unavailable desc = {}",
                         response.cancel_reason().empty() ? "the server cancelled the watch"
                                                          : response.cancel_reason());
      return End::kBroken;
    }
    if (response.created()) {
      made = true;
      const Store store{response.header().cluster_id(), response.header().raft_term()};
      const bool other =
          store_ && (store.cluster_id != store_->cluster_id || store.raft_term < store_->raft_term);
      // Its events up to the awaited revision would be taken for those that were seen already.
      if (other || response.header().revision() + 1 < next_revision_) {
        queue_.Push(
            WatchError(fmt::format("etcd is behind what was seen of it (revision {} of term {}, "
                                   "while {} is awaited): it was restored from a copy or begun "
                                   "anew",
                                   response.header().revision(), store.raft_term, next_revision_)),
            1, stop);
        return End::kFinal;
      }
      store_ = store;
      if (next_revision_ == 0) next_revision_ = response.header().revision() + 1;
      return std::nullopt;
    }
    // The answer to a progress request may overtake events: it only proves that the stream lives.
    if (response.watch_id() == -1) return std::nullopt;
    Batch batch;
    batch.revision = response.header().revision();
    for (const mvccpb::Event& event : response.events()) {
      if (event.kv().mod_revision() < next_revision_) continue;
      WatchEvent out;
      out.type = event.type() == mvccpb::Event::DELETE ? WatchEvent::Type::kDelete
                                                       : WatchEvent::Type::kPut;
      out.kv = FromWire(event.kv());
      if (event.has_prev_kv()) out.previous = FromWire(event.prev_kv());
      batch.events.push_back(std::move(out));
    }
    if (!response.events().empty()) {
      batch.revision = response.events().rbegin()->kv().mod_revision();
    }
    next_revision_ = std::max(next_revision_, batch.revision + 1);
    queue_.Push(std::move(batch), 1, stop);
    return std::nullopt;
  }

  const std::shared_ptr<Channels> channels_;
  const std::string key_;
  const std::string range_end_;
  const bool previous_;
  int64_t next_revision_;       // of the reader thread, as is the next
  std::optional<Store> store_;  // of the last stream
  std::atomic<int64_t> given_revision_;
  std::atomic<SteadyClock::time_point> heard_{SteadyClock::time_point()};
  std::optional<Error> failure_;                  // of the owner, as is the next
  std::optional<SteadyClock::time_point> asked_;  // for progress, without an answer yet
  BoundedQueue<std::variant<Batch, Error>> queue_;
  std::mutex stream_mutex_;  // guards the two below against the reader's end of the stream
  Stream* stream_ = nullptr;
  grpc::ClientContext* context_ = nullptr;
  std::jthread reader_;  // last: ends first
};

Watch::Watch(std::shared_ptr<Channels> channels, std::string key, std::string range_end,
             int64_t from_revision, bool previous)
    : impl_(std::make_unique<Impl>(std::move(channels), std::move(key), std::move(range_end),
                                   from_revision, previous)) {}

Watch::~Watch() = default;

std::vector<WatchEvent> Watch::Next(const StopToken& stop, Milliseconds timeout) {
  return impl_->Next(stop, timeout);
}

int64_t Watch::revision() const { return impl_->revision(); }

}  // namespace dm::cluster
