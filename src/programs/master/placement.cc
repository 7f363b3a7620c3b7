#include "programs/master/placement.h"

#include <algorithm>
#include <stdexcept>

#include "base/error/error.h"

namespace dm::master {

std::string_view ToString(WorkerStage stage) {
  switch (stage) {
    case WorkerStage::kOffline:
      return "offline";
    case WorkerStage::kFree:
      return "free";
    case WorkerStage::kBound:
      return "bound";
    case WorkerStage::kRelay:
      return "relay";
  }
  return "";
}

double MetricValue(WorkerStage stage) {
  switch (stage) {
    case WorkerStage::kOffline:
      return 0;
    case WorkerStage::kFree:
      return 1;
    case WorkerStage::kRelay:
      return 1.5;
    case WorkerStage::kBound:
      return 2;
  }
  return -1;
}

WorkerPlace& Placement::At(const std::string& worker) {
  auto it = workers_.find(worker);
  if (it == workers_.end()) throw std::logic_error("unknown worker " + worker);
  return it->second;
}

void Placement::AddWorker(cluster::WorkerInfo info) {
  WorkerPlace place;
  place.info = std::move(info);
  workers_.emplace(place.info.name, place);
}

void Placement::RemoveWorker(const std::string& worker) {
  workers_.erase(worker);
  last_bounds_.erase(worker);
}

const WorkerPlace* Placement::FindWorker(const std::string& worker) const {
  auto it = workers_.find(worker);
  return it == workers_.end() ? nullptr : &it->second;
}

void Placement::BecomeIdle(WorkerPlace& place) {
  place.stage = place.relay_source.empty() ? WorkerStage::kFree : WorkerStage::kRelay;
  place.source.clear();
  place.idle_since = ++clock_;
}

void Placement::Online(const std::string& worker) {
  WorkerPlace& place = At(worker);
  if (place.stage == WorkerStage::kOffline) BecomeIdle(place);
}

void Placement::Offline(const std::string& worker) {
  WorkerPlace& place = At(worker);
  if (place.stage == WorkerStage::kBound) throw std::logic_error(worker + " is still bound");
  place.stage = WorkerStage::kOffline;
}

void Placement::AssignRelay(const std::string& worker, const std::string& source) {
  WorkerPlace& place = At(worker);
  place.relay_source = source;
  if (place.stage == WorkerStage::kFree) place.stage = WorkerStage::kRelay;
}

void Placement::AddSource(const std::string& source) { sources_.insert(source); }

void Placement::RemoveSource(const std::string& source) {
  const std::string worker = WorkerOf(source);
  if (!worker.empty()) {
    Unbind(source);
    last_bounds_.erase(worker);
  }
  sources_.erase(source);
}

std::vector<std::string> Placement::Unbound() const {
  std::vector<std::string> out;
  for (const std::string& source : sources_) {
    if (!bounds_.contains(source)) out.push_back(source);
  }
  return out;
}

std::string Placement::WorkerOf(const std::string& source) const {
  auto it = bounds_.find(source);
  return it == bounds_.end() ? "" : it->second;
}

void Placement::CheckBind(const std::string& source, const std::string& worker) const {
  const WorkerPlace* place = FindWorker(worker);
  if (place == nullptr) throw MakeError(ErrorCode::kSchedulerWorkerNotExist, worker);
  if (place->stage == WorkerStage::kOffline) {
    throw MakeError(ErrorCode::kSchedulerWorkerInvalidTrans, worker, ToString(place->stage),
                    ToString(WorkerStage::kBound));
  }
  if (!place->relay_source.empty() && place->relay_source != source) {
    throw MakeError(ErrorCode::kSchedulerCantTransferToRelayWorker, worker, source,
                    place->relay_source);
  }
}

void Placement::Bind(const std::string& source, const std::string& worker) {
  CheckBind(source, worker);
  if (bounds_.contains(source)) throw std::logic_error(source + " is bound already");
  WorkerPlace& place = At(worker);
  if (place.stage == WorkerStage::kBound) throw std::logic_error(worker + " is bound already");
  place.stage = WorkerStage::kBound;
  place.source = source;
  bounds_[source] = worker;
  last_bounds_[worker] = source;
}

void Placement::Unbind(const std::string& source) {
  auto it = bounds_.find(source);
  if (it == bounds_.end()) throw std::logic_error(source + " is not bound");
  BecomeIdle(At(it->second));
  bounds_.erase(it);
}

void Placement::RememberLastBind(const std::string& worker, const std::string& source) {
  last_bounds_[worker] = source;
}

void Placement::SetLoadTask(const std::string& task, const std::string& source,
                            const std::string& worker) {
  load_tasks_[{task, source}] = worker;
}

std::string Placement::RemoveLoadTask(const std::string& task, const std::string& source) {
  auto it = load_tasks_.find({task, source});
  if (it == load_tasks_.end()) return "";
  std::string worker = std::move(it->second);
  load_tasks_.erase(it);
  return worker;
}

void Placement::RemoveLoadTasks(const std::string& task) {
  std::erase_if(load_tasks_, [&](const auto& entry) { return entry.first.first == task; });
}

void Placement::ClearLoadTasks() { load_tasks_.clear(); }

void Placement::AddSubtask(const std::string& task, const std::string& source) {
  subtasks_.emplace(task, source);
}

void Placement::RemoveSubtask(const std::string& task, const std::string& source) {
  subtasks_.erase({task, source});
}

std::string Placement::LastBind(const std::string& worker) const {
  auto it = last_bounds_.find(worker);
  return it == last_bounds_.end() ? "" : it->second;
}

bool Placement::Holds(const std::string& worker, const std::string& source) const {
  for (const auto& [key, holder] : load_tasks_) {
    if (key.second == source && holder == worker && subtasks_.contains(key)) return true;
  }
  return false;
}

bool Placement::MayTake(const WorkerPlace& place, const std::string& source) const {
  return place.relay_source.empty() || place.relay_source == source;
}

std::vector<const WorkerPlace*> Placement::IdleWorkers(WorkerStage stage) const {
  std::vector<const WorkerPlace*> out;
  for (const auto& [name, place] : workers_) {
    if (place.stage == stage) out.push_back(&place);
  }
  std::stable_sort(out.begin(), out.end(), [](const WorkerPlace* a, const WorkerPlace* b) {
    return a->idle_since < b->idle_since;
  });
  return out;
}

std::optional<Move> Placement::ChooseWorker(const std::string& source) const {
  const std::vector<const WorkerPlace*> free = IdleWorkers(WorkerStage::kFree);
  const std::vector<const WorkerPlace*> relay = IdleWorkers(WorkerStage::kRelay);
  const auto to = [&](const WorkerPlace& place) {
    return Move{source, place.info.name, "", place.source};
  };
  for (const WorkerPlace* place : free) {
    if (Holds(place->info.name, source)) return to(*place);
  }
  for (const WorkerPlace* place : relay) {
    if (MayTake(*place, source) && Holds(place->info.name, source)) return to(*place);
  }
  for (const auto& [name, place] : workers_) {
    if (place.stage == WorkerStage::kBound && MayTake(place, source) && Holds(name, source) &&
        !Holds(name, place.source)) {
      return to(place);
    }
  }
  for (const WorkerPlace* place : relay) {
    if (place->relay_source == source && LastBind(place->info.name) == source) return to(*place);
  }
  for (const WorkerPlace* place : relay) {
    if (place->relay_source == source) return to(*place);
  }
  for (const WorkerPlace* place : free) {
    if (LastBind(place->info.name) == source) return to(*place);
  }
  if (!free.empty()) return to(*free.front());
  return std::nullopt;
}

std::optional<Move> Placement::ChooseSource(const std::string& worker) const {
  const WorkerPlace* place = FindWorker(worker);
  if (place == nullptr ||
      (place->stage != WorkerStage::kFree && place->stage != WorkerStage::kRelay)) {
    return std::nullopt;
  }
  const std::vector<std::string> unbound = Unbound();
  const auto take = [&](const std::string& source) {
    return Move{source, worker, WorkerOf(source), ""};
  };
  for (const std::string& source : unbound) {
    if (MayTake(*place, source) && Holds(worker, source)) return take(source);
  }
  for (const auto& [source, other] : bounds_) {
    if (MayTake(*place, source) && Holds(worker, source) && !Holds(other, source)) {
      return take(source);
    }
  }
  const std::string last = LastBind(worker);
  if (MayTake(*place, last) && std::find(unbound.begin(), unbound.end(), last) != unbound.end()) {
    return take(last);
  }
  if (!place->relay_source.empty()) {
    if (std::find(unbound.begin(), unbound.end(), place->relay_source) != unbound.end()) {
      return take(place->relay_source);
    }
    return std::nullopt;
  }
  if (!unbound.empty()) return take(unbound.front());
  return std::nullopt;
}

std::optional<Move> Placement::Rearrange(const std::string& worker,
                                         const std::string& source) const {
  const WorkerPlace* place = FindWorker(worker);
  if (place == nullptr || place->source != source || Holds(worker, source)) return std::nullopt;
  for (const std::string& other : Unbound()) {
    if (MayTake(*place, other) && Holds(worker, other)) return Move{other, worker, "", source};
  }
  for (const auto& [other, holder] : bounds_) {
    if (other != source && MayTake(*place, other) && Holds(worker, other) &&
        !Holds(holder, other)) {
      return Move{other, worker, holder, source};
    }
  }
  for (const WorkerPlace* free : IdleWorkers(WorkerStage::kFree)) {
    if (Holds(free->info.name, source)) return Move{source, free->info.name, worker, ""};
  }
  for (const auto& [name, other] : workers_) {
    if (other.stage == WorkerStage::kBound && name != worker && MayTake(other, source) &&
        Holds(name, source) && !Holds(name, other.source)) {
      return Move{source, name, worker, other.source};
    }
  }
  return std::nullopt;
}

}  // namespace dm::master
