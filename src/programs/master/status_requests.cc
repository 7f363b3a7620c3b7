#include <algorithm>
#include <set>

#include "base/error/error.h"
#include "base/io/text.h"
#include "dmmaster.pb.h"
#include "programs/master/requests.h"

namespace dm::master {
namespace {

// One worker to ask about one source.
struct Question {
  std::string source;
  std::string worker;  // empty: none has the source
};

// Behind the message of an entry that nobody answered for.
constexpr std::string_view kSeenBefore =
    " What had stopped a task when it was last asked is in the result of its subtask.";

pb::QueryStatusResponse Ask(const RequestContext& context, const Question& question,
                            const std::string& task) {
  pb::QueryStatusResponse answer;
  try {
    const auto client =
        question.worker.empty() ? nullptr : context.scheduler->ClientOf(question.worker);
    if (!client) throw MakeError(ErrorCode::kMasterWorkerArgsExtractor, question.source);
    context.rate_limit.Take(question.source, context.gone);
    client->QueryStatus(task, context.config.RpcTimeout(), context.gone, &answer);
    auto* status = answer.mutable_sourcestatus();
    status->set_source(question.source);
    if (status->worker().empty()) status->set_worker(question.worker);
    context.scheduler->NoteErrors(question.source, answer);
  } catch (const Error& e) {
    answer.Clear();
    answer.set_result(false);
    answer.set_msg(e.ToString());
    answer.mutable_sourcestatus()->set_source(question.source);
    answer.mutable_sourcestatus()->set_worker(question.worker);
    for (const auto& [name, errors] : context.scheduler->LastErrors(question.source)) {
      if (!task.empty() && name != task) continue;
      auto* subtask = answer.add_subtaskstatus();
      subtask->set_name(name);
      *subtask->mutable_result() = *errors;
    }
    if (answer.subtaskstatus_size() > 0) answer.mutable_msg()->append(kSeenBefore);
  }
  return answer;
}

// Workers of the source: those that are assigned to its relay, if the sources were named, then the
// bound one.
void AddQuestions(const std::vector<WorkerPlace>& workers, const std::string& source,
                  const std::string& bound, bool named, std::vector<Question>& questions) {
  const size_t before = questions.size();
  if (named) {
    for (const WorkerPlace& place : workers) {
      if (place.relay_source == source) questions.push_back({source, place.info.name});
    }
  }
  const bool asked =
      std::any_of(questions.begin() + static_cast<ptrdiff_t>(before), questions.end(),
                  [&](const Question& q) { return q.worker == bound; });
  if (!bound.empty() && !asked) questions.push_back({source, bound});
  if (questions.size() == before) questions.push_back({source, ""});
}

std::vector<pb::QueryStatusResponse> AskAll(const RequestContext& context,
                                            const std::vector<Question>& questions,
                                            const std::string& task) {
  std::vector<pb::QueryStatusResponse> answers(questions.size());
  ForEach(questions.size(), [&](size_t i) { answers[i] = Ask(context, questions[i], task); });
  return answers;
}

// Of a task that is not configured any more, from the workers that have not stopped it yet.
std::vector<pb::QueryStatusResponse> AskWhoStops(const RequestContext& context,
                                                 const std::string& task) {
  std::vector<Question> questions;
  for (const auto& [source, config] : context.scheduler->Sources()) {
    const std::string worker = context.scheduler->WorkerOf(source);
    if (!worker.empty()) questions.push_back({source, worker});
  }
  std::vector<pb::QueryStatusResponse> answers = AskAll(context, questions, task);
  std::erase_if(answers, [&](const pb::QueryStatusResponse& answer) {
    return std::none_of(answer.subtaskstatus().begin(), answer.subtaskstatus().end(),
                        [&](const auto& subtask) {
                          return subtask.name() == task && subtask.stage() == pb::Stage::Stopping;
                        });
  });
  return answers;
}

// Every configured subtask that nobody answered for.
void AddUnboundEntries(const RequestContext& context, const std::set<std::string>& named,
                       const std::set<std::string>& answered,
                       pb::QueryStatusListResponse* response) {
  std::map<std::string, std::vector<std::string>> tasks_of;
  for (const auto& [task, sources] : context.scheduler->Tasks()) {
    for (const std::string& source : sources) {
      if (!answered.contains(source) && (named.empty() || named.contains(source))) {
        tasks_of[source].push_back(task);
      }
    }
  }
  for (const auto& [source, tasks] : tasks_of) {
    auto* entry = response->add_sources();
    entry->set_result(false);
    entry->set_msg(
        fmt::format("can't find task={} from dm-worker for source={}, please use dmctl list-member "
                    "to check if worker is offline.",
                    tasks.front(), source));
    entry->mutable_sourcestatus()->set_source(source);
    entry->mutable_sourcestatus()->set_worker("source not bound");
    const auto errors = context.scheduler->LastErrors(source);
    for (const std::string& task : tasks) {
      auto* subtask = entry->add_subtaskstatus();
      subtask->set_name(task);
      if (const auto last = errors.find(task); last != errors.end()) {
        *subtask->mutable_result() = *last->second;
      }
    }
    if (!errors.empty()) entry->mutable_msg()->append(kSeenBefore);
  }
}

}  // namespace

void QueryStatus(const RequestContext& context, const pb::QueryStatusListRequest& request,
                 pb::QueryStatusListResponse* response) {
  Scheduler& scheduler = *context.scheduler;
  std::set<std::string> sources(request.sources().begin(), request.sources().end());
  const std::set<std::string> named = sources;
  if (!named.empty()) {
    std::vector<std::string> unknown;
    for (const std::string& source : request.sources()) {
      if (!scheduler.HasSource(source)) unknown.push_back(source);
    }
    if (!unknown.empty()) {
      response->set_msg(fmt::format("sources [{}] haven't been added", Join(unknown, " ")));
      return;
    }
  } else if (!request.name().empty()) {
    for (const auto& [source, config] : scheduler.SubtasksOf(request.name())) {
      sources.insert(source);
    }
    if (sources.empty()) {
      auto answers = AskWhoStops(context, request.name());
      if (answers.empty()) {
        response->set_msg(fmt::format("task {} has no source or not exist", request.name()));
        return;
      }
      for (auto& answer : answers) *response->add_sources() = std::move(answer);
      response->set_result(true);
      return;
    }
  } else {
    for (const auto& [source, config] : scheduler.Sources()) {
      if (!scheduler.WorkerOf(source).empty()) sources.insert(source);
    }
  }
  std::vector<Question> questions;
  const std::vector<WorkerPlace> workers = scheduler.Workers();
  for (const std::string& source : sources) {
    AddQuestions(workers, source, scheduler.WorkerOf(source), !named.empty(), questions);
  }
  for (auto& answer : AskAll(context, questions, request.name())) {
    *response->add_sources() = std::move(answer);
  }
  if (request.name().empty()) AddUnboundEntries(context, named, sources, response);
  std::stable_sort(response->mutable_sources()->begin(), response->mutable_sources()->end(),
                   [](const pb::QueryStatusResponse& a, const pb::QueryStatusResponse& b) {
                     return a.sourcestatus().source() < b.sourcestatus().source();
                   });
  response->set_result(true);
}

}  // namespace dm::master
