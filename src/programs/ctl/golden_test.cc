// Replays recorded runs of the reference's dmctl: the fake master answers with the messages that
// the recorded output shows, and what dmctl makes of them must be that output, byte for byte.
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <map>
#include <optional>
#include <regex>
#include <set>
#include <sstream>

#include "base/cli/command.h"
#include "base/io/encode.h"
#include "base/io/file.h"
#include "base/io/text.h"
#include "base/log/log.h"
#include "programs/ctl/fake_master_test.h"
#include "programs/ctl/program.h"

namespace dm::ctl {
namespace {

namespace fs = std::filesystem;
namespace json = google::protobuf::util;

// One recorded run.
struct Case {
  std::string file;
  std::string title;
  std::string command;       // without "dmctl"
  bool own_address = false;  // the command line is complete, no --master-addr to be added
  std::string stdin_text;
  std::string environment;
  std::string stdout_text;
  std::string stderr_text;
  int exit_code = 0;
};

std::string Replaced(std::string text, const std::string& what, const std::string& with) {
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at)) {
    text.replace(at, what.size(), with);
    at += with.size();
  }
  return text;
}

// The recorded release lacked the last two members of a sync status.
std::string WithIoCounters(const std::string& text) {
  static const std::regex last(R"(\n( *)("recentRps": "\d+")\n)");
  return std::regex_replace(text, last,
                            "\n$1$2,\n$1\"ioTotalBytes\": \"0\",\n$1\"dumpIOTotalBytes\": \"0\"\n");
}

std::vector<Case> ReadCases(const std::string& name) {
  const fs::path path = fs::path(DM_CTL_TESTDATA) / name;
  std::vector<Case> cases;
  std::string* section = nullptr;
  std::istringstream lines(ReadFile(path.string()));
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("##### ")) {
      cases.emplace_back().title = line.substr(6);
      cases.back().file = name;
      section = nullptr;
    } else if (line.starts_with("$ dmctl")) {
      static const std::string kNoAddress = "   (no --master-addr)";
      Case& current = cases.back();
      current.command = line.substr(7);
      if (current.command.ends_with(kNoAddress)) {
        current.own_address = true;
        current.command.resize(current.command.size() - kNoAddress.size());
      }
    } else if (line.starts_with("=== environment ")) {
      static const std::regex value(R"('DM_MASTER_ADDR': '([^']*)')");
      std::smatch match;
      if (std::regex_search(line, match, value)) cases.back().environment = match[1];
    } else if (line == "=== stdin") {
      section = &cases.back().stdin_text;
    } else if (line == "=== stdout") {
      section = &cases.back().stdout_text;
    } else if (line == "=== stderr") {
      section = &cases.back().stderr_text;
    } else if (line.starts_with("=== exit ")) {
      cases.back().exit_code = std::stoi(line.substr(9));
      section = nullptr;
    } else if (section != nullptr) {
      *section += line + "\n";
    }
  }
  // Titles without a command describe files.
  std::erase_if(cases, [](const Case& c) { return c.command.empty(); });
  for (Case& c : cases) {
    c.stdout_text = WithIoCounters(c.stdout_text);
  }
  return cases;
}

// The pre-check texts of an answer were printed raw; this is the JSON before that.
std::string Unraw(const std::string& text) {
  static const std::string kPhrase = "fail to check synchronization configuration with type";
  if (text.find(kPhrase) == std::string::npos) return text;
  for (const std::string member : {"    \"checkResult\": \"", "    \"msg\": \""}) {
    const size_t at = text.find(member);
    if (at == std::string::npos || text.find(kPhrase, at) == std::string::npos) continue;
    const size_t begin = at + member.size();
    const size_t end = text.rfind("\"\n}");
    const std::string raw = text.substr(begin, end - begin);
    std::string escaped;
    AppendJsonString(escaped, Replaced(raw, "   \tdetail: {", "detail: {"));
    return text.substr(0, begin - 1) + escaped + text.substr(end + 1);
  }
  return text;
}

// The JSON documents in an output, in order.
std::deque<std::string> Documents(const std::string& output) {
  std::deque<std::string> documents;
  std::string document;
  std::istringstream lines(output);
  for (std::string line; std::getline(lines, line);) {
    if (line == "{") document.clear();
    document += line + "\n";
    if (line == "}" && document.starts_with("{\n")) {
      documents.push_back(document);
      document.clear();
    }
  }
  return documents;
}

grpc::Status Fill(const std::string& text, google::protobuf::Message* response) {
  json::JsonParseOptions options;
  options.ignore_unknown_fields = true;
  const auto status = json::JsonStringToMessage(Unraw(text), response, options);
  if (status.ok()) return grpc::Status::OK;
  return {grpc::StatusCode::INTERNAL, "recorded answer: " + std::string(status.message())};
}

// Members of one object of the "tasks" lists, by regular expression: the layout is fixed.
struct RecordedTask {
  std::string text;
  std::string Member(const std::string& name) const {
    std::smatch match;
    const std::regex member("\n {12}\"" + name + "\": \"([^\n]*)\",?\n");
    return std::regex_search(text, match, member) ? match[1].str() : "";
  }
  std::vector<std::string> Sources() const {
    std::vector<std::string> sources;
    static const std::regex source("\n {16}\"([^\"]*)\",?(?=\n)");
    for (std::sregex_iterator it(text.begin(), text.end(), source), end; it != end; ++it) {
      sources.push_back((*it)[1]);
    }
    return sources;
  }
};

std::vector<RecordedTask> Tasks(const std::string& document) {
  std::vector<RecordedTask> tasks;
  size_t at = 0;
  while ((at = document.find("\n        {", at)) != std::string::npos) {
    const size_t end = document.find("\n        }", at);
    tasks.push_back({document.substr(at + 9, end + 10 - at - 9)});
    at = end;
  }
  return tasks;
}

// An answer whose summary is `document`.
void FillFromSummary(const std::string& document, pb::QueryStatusListResponse* response) {
  response->set_result(true);
  for (const RecordedTask& task : Tasks(document)) {
    const std::string status = task.Member("taskStatus");
    for (const std::string& source : task.Sources()) {
      pb::QueryStatusResponse* entry = response->add_sources();
      entry->set_result(true);
      entry->mutable_sourcestatus()->set_source(source);
      pb::SubTaskStatus* subtask = entry->add_subtaskstatus();
      subtask->set_name(task.Member("taskName"));
      subtask->set_unit(pb::Sync);
      pb::Stage stage = pb::Running;
      if (status.starts_with("Error - Some error")) {
        stage = pb::Paused;
        subtask->mutable_result()->add_errors();
      } else if (status.starts_with("Error - Relay status is Paused")) {
        entry->mutable_sourcestatus()->mutable_relaystatus()->set_stage(pb::Paused);
      } else if (status.starts_with("Error - Relay status is Stopped")) {
        entry->mutable_sourcestatus()->mutable_relaystatus()->set_stage(pb::Stopped);
      } else {
        pb::Stage_Parse(status, &stage);
      }
      subtask->set_stage(stage);
    }
  }
}

// Answers requests with what the recorded output of one run shows.
class Replay {
 public:
  explicit Replay(const Case& recorded)
      : recorded_(recorded), documents_(Documents(recorded.stdout_text)) {}

  grpc::Status operator()(const std::string& method, const google::protobuf::Message& request,
                          google::protobuf::Message* response) {
    if (method == "Encrypt") return Encrypted(static_cast<pb::EncryptResponse*>(response));
    if (method == "OfflineMember" && documents_.empty()) {
      static const std::string kFailed = "offline member failed:\n";
      auto* answer = static_cast<pb::OfflineMemberResponse*>(response);
      answer->set_msg(recorded_.stdout_text.substr(
          kFailed.size(), recorded_.stdout_text.size() - kFailed.size() - 1));
      return grpc::Status::OK;
    }
    if (documents_.empty()) return {grpc::StatusCode::INTERNAL, "nothing more was recorded"};
    const std::string& document = documents_.front();
    if (method == "OperateTask" && document.find("\n    \"tasks\": [") != std::string::npos) {
      return BatchEntry(static_cast<const pb::OperateTaskRequest&>(request).name(), document,
                        response);
    }
    if (method == "QueryStatus" && document.find("\n    \"tasks\": [") != std::string::npos) {
      auto* answer = static_cast<pb::QueryStatusListResponse*>(response);
      if (document.find("\n            \"op\": ") == std::string::npos) {
        if (document.find("\"result\": true") == std::string::npos) return Fill(document, response);
        FillFromSummary(document, answer);
        documents_.pop_front();
      } else {  // the tasks of a source, operated on one by one
        answer->set_result(true);
        pb::QueryStatusResponse* entry = answer->add_sources();
        for (const RecordedTask& task : Tasks(document)) {
          entry->add_subtaskstatus()->set_name(task.Member("task"));
        }
      }
      return grpc::Status::OK;
    }
    const std::string answer = document;
    documents_.pop_front();
    return Fill(answer, response);
  }

 private:
  grpc::Status Encrypted(pb::EncryptResponse* response) {
    if (recorded_.exit_code == 0) {
      response->set_result(true);
      response->set_ciphertext(std::string(Trim(recorded_.stdout_text)));
    } else {
      response->set_msg(std::string(Trim(recorded_.stderr_text.substr(7))));
    }
    return grpc::Status::OK;
  }

  static grpc::Status BatchEntry(const std::string& task, const std::string& document,
                                 google::protobuf::Message* response) {
    for (const RecordedTask& recorded : Tasks(document)) {
      if (recorded.Member("task") == task) return Fill(recorded.text, response);
    }
    return {grpc::StatusCode::INTERNAL, "no such task was recorded"};
  }

  const Case& recorded_;
  std::deque<std::string> documents_;
};

// Runs whose output is meant to differ from the recording, with the reason.
const std::map<std::string, std::string>& Differing() {
  static const std::map<std::string, std::string> titles = {
      {"version", "printed on stdout, other build"},
      {"version short", "printed on stdout, other build"},
      {"version single dash", "printed on stdout, other build"},
      {"version with command", "printed on stdout, other build"},
      {"help command", "help needs no master"},
      {"config file with master-addr", "values of the file count"},
      {"tiny rpc-timeout", "the transport rounds deadlines up"},
      {"bad config file", "the parser has texts of its own"},
      {"operate-source print sample", "a sample of our own"},
      {"offline-member of the dead one", "texts of the transport"},
      {"config export", "tested in program_test.cc"},
      {"config import (sources and tasks exist)", "tested in program_test.cc"},
  };
  return titles;
}

bool MeansToDiffer(const Case& c) {
  return Differing().contains(c.title) ||
         c.stderr_text.find("transport: Error while dialing") != std::string::npos;
}

constexpr const char* kSource = R"(source-id: "mysql-replica-01"
from:
  host: "127.0.0.1"
  port: 3306
  user: "dm"
  password: "dm-Pa55"
)";

std::string TaskFile(const std::string& name) {
  return "name: " + name + R"(
task-mode: all
target-database:
  host: "127.0.0.1"
  port: 4000
  user: "dm"
mysql-instances:
  - source-id: "mysql-replica-01"
)";
}

class Golden : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    before_ = fs::current_path();
    fs::current_path(directory_.path());
    for (const char* name :
         {"source1.yaml", "source2.yaml", "bad3.yaml", "bad4.yaml", "bad7.yaml"}) {
      WriteFile(name, kSource);
    }
    WriteFile("bad1.yaml", "source-id: [\n");
    WriteFile("bad2.yaml", "source-id: x\nnonsense: 1\n");
    WriteFile("bad5.yaml", "source-id: \"\"\n");
    WriteFile("bad6.yaml", "");
    for (const std::string name :
         {"t1", "t2", "sp", "so", "so2", "rt", "bt", "vt", "cft", "wo", "bad"}) {
      WriteFile(name + ".yaml", TaskFile(name));
    }
    for (int i = 1; i <= 10; ++i) WriteFile("b" + std::to_string(i) + ".yaml", TaskFile("b"));
    WriteFile("b2.yaml", TaskFile("b") + std::string(11, '\n') + "nonsense: 1\n");
    WriteFile("b9.yaml", TaskFile("b") + "is-sharding: false\nshard-mode: pessimistic\n");
    WriteFile("s.sql", "CREATE TABLE t (id INT)");
    WriteFile("bad.sql", "CREATE TABEL");
  }
  void TearDown() override { fs::current_path(before_); }

  // The recorded text with this run's ports.
  std::string Here(std::string text) const {
    text = Replaced(std::move(text), "⟨master1-port⟩", std::to_string(master_.port()));
    text = Replaced(std::move(text), "⟨master2-port⟩", std::to_string(master_.port()));
    text = Replaced(std::move(text), "⟨master3-port⟩", std::to_string(master_.port()));
    return Replaced(std::move(text), "⟨dead-port⟩", "1");
  }

  void Run(Case c) {
    c.command = Here(c.command);
    c.stdout_text = Here(c.stdout_text);
    c.stderr_text = Here(c.stderr_text);
    c.environment = Here(c.environment);
    std::vector<std::string> args;
    const auto words = cli::SplitLine(c.command).value();
    for (const cli::LineWord& word : words) args.push_back(word.word);
    if (!c.own_address) args.insert(args.begin(), {"--master-addr", master_.address()});
    master_.SetAnswer(Replay(c));
    std::istringstream in(c.stdin_text);
    std::ostringstream out, err;
    const Environment environment = [&](const std::string& name) -> std::optional<std::string> {
      if (name == "DM_MASTER_ADDR" && !c.environment.empty()) return c.environment;
      return std::nullopt;
    };
    const int exit_code = RunDmctl(args, environment, in, {.out = &out, .err = &err});
    EXPECT_EQ(out.str(), c.stdout_text) << c.file << ": " << c.title << "\ndmctl" << c.command;
    EXPECT_EQ(err.str(), c.stderr_text) << c.file << ": " << c.title << "\ndmctl" << c.command;
    EXPECT_EQ(exit_code, c.exit_code) << c.file << ": " << c.title << "\ndmctl" << c.command;
  }

 private:
  TemporaryDirectory directory_;
  fs::path before_;
  FakeMaster master_;
};

TEST_P(Golden, OutputIsAsRecorded) {
  size_t count = 0;
  for (const Case& c : ReadCases(GetParam())) {
    if (MeansToDiffer(c)) continue;
    Run(c);
    ++count;
  }
  EXPECT_GT(count, 0u);
}

INSTANTIATE_TEST_SUITE_P(
    Recorded, Golden,
    testing::Values("01-help.txt", "02-start-and-errors.txt", "03-empty-cluster.txt",
                    "04-operate-source.txt", "05-task-life.txt", "06-shard-pessimistic.txt",
                    "07-shard-optimistic.txt", "08-relay.txt", "09-binlog-and-schema.txt",
                    "10-validation.txt", "11-members.txt", "12-interactive.txt", "13-config.txt",
                    "14-precheck.txt", "15-encrypt.txt", "16-workers-offline.txt"),
    [](const testing::TestParamInfo<std::string>& info) {
      std::string name = info.param.substr(0, info.param.find('.'));
      std::replace(name.begin(), name.end(), '-', '_');
      return name;
    });

}  // namespace
}  // namespace dm::ctl
