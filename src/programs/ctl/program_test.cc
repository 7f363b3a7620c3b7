#include "programs/ctl/program.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <sstream>

#include "base/error/error.h"
#include "base/io/file.h"
#include "base/net/identity_test.h"
#include "base/version/version.h"
#include "programs/ctl/fake_master_test.h"
#include "programs/ctl/statements.h"

namespace dm::ctl {
namespace {

using Words = std::vector<std::string>;

struct Result {
  int exit_code;
  std::string out;
  std::string err;
};

Result Dmctl(const Words& args, const std::map<std::string, std::string>& variables = {},
             const std::string& input = "") {
  std::istringstream in(input);
  std::ostringstream out, err;
  const Environment environment = [&](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  };
  const int code = RunDmctl(args, environment, in, {.out = &out, .err = &err});
  return {code, out.str(), err.str()};
}

const grpc::Status kNoLeader(grpc::StatusCode::UNKNOWN,
                             "[code=38043:class=dm-master:scope=internal:level=high], Message: x");

TEST(ParseEndpoints, RemovesSchemes) {
  EXPECT_EQ(ParseEndpoints("http://a:1,b:2,https://c:3,:4,[::1]:5"),
            (Words{"a:1", "b:2", "c:3", ":4", "[::1]:5"}));
}

TEST(ParseEndpoints, RefusesPartsThatAreNoAddress) {
  for (const char* bad : {"a", "a:1,", "a:1:2", "[::1]", "[::1:5"}) {
    EXPECT_THROW(ParseEndpoints(bad), cli::CommandError) << bad;
  }
}

TEST(RewriteSingleDash, KnowsTheOldOptionsOnly) {
  EXPECT_EQ(RewriteSingleDash({"-master-addr=a:1", "-version", "-V", "-s", "--config", "-more"}),
            (Words{"--master-addr=a:1", "--version", "-V", "-s", "--config", "-more"}));
}

TEST(Program, PrintsTheVersionWithoutAMaster) {
  for (const Words& args : {Words{"--version"}, Words{"-V"}, Words{"query-status", "-version"}}) {
    const Result result = Dmctl(args);
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_EQ(result.out, VersionText());
    EXPECT_EQ(result.err, "");
  }
}

TEST(Program, HelpNeedsNoMaster) {
  EXPECT_EQ(Dmctl({"help", "query-status"}).out, Dmctl({"query-status", "--help"}).out);
  EXPECT_EQ(Dmctl({"help", "query-status"}).exit_code, 0);
}

TEST(Program, PrintsASampleSourceWithoutAMaster) {
  const Result result = Dmctl({"operate-source", "-p"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_NE(result.out.find("\nsource-id: "), std::string::npos);
}

TEST(Program, OptionsOfTheCommandLineBeatFileAndEnvironment) {
  FakeMaster master;
  master.SetAnswer([](const std::string&, const auto&, auto*) { return grpc::Status::OK; });
  TemporaryDirectory directory;
  const std::string file = directory.path() + "/dmctl.toml";
  WriteFile(file, "master-addr = \"" + master.address() + "\"\nrpc-timeout = \"1m\"\nother = 1\n");
  const Words command = {"operate-leader", "evict", "--config", file};
  EXPECT_EQ(Dmctl(command, {{"DM_MASTER_ADDR", "nonsense"}}).exit_code, 0);

  Words given = command;
  given.insert(given.end(), {"--master-addr", "nonsense"});
  EXPECT_EQ(Dmctl(given).err,
            "Error: specify master addr nonsense: address nonsense: missing port in address\n");

  WriteFile(file, "master-addr = \n");
  EXPECT_TRUE(Dmctl(command).err.starts_with(
      "Error: the current command parameter: --config is invalid or used incorrectly: toml: line"));
}

TEST(Program, ACaThatCannotBeUsed) {
  TemporaryDirectory directory;
  const std::string ca = directory.path() + "/ca.pem";
  const Words command = {"query-status", "--master-addr", "127.0.0.1:1", "--ssl-ca", ca};
  EXPECT_TRUE(Dmctl(command).err.starts_with("Error: [code=48002:class=dmctl:"));
  EXPECT_NE(Dmctl(command).err.find("could not read ca certificate: open "), std::string::npos);
  WriteFile(ca, "x");
  EXPECT_NE(Dmctl(command).err.find("failed to append ca certs"), std::string::npos);
  WriteFile(directory.path() + "/dmctl.toml", "ssl-ca = '" + ca + "'\n");
  EXPECT_TRUE(Dmctl({"query-status", "--master-addr", "127.0.0.1:1", "--config",
                     directory.path() + "/dmctl.toml"})
                  .err.starts_with("Error: [code=48002:"));
}

TEST(Program, AMasterWithoutTlsIsNamed) {
  FakeMaster master;
  TemporaryDirectory directory;
  const std::string ca = directory.path() + "/ca.pem";
  WriteFile(ca, Identity("ca", nullptr).cert_pem);
  const Result result = Dmctl({"query-status", "--master-addr", master.address(), "--ssl-ca", ca});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_NE(result.err.find("[code=48001:"), std::string::npos) << result.err;
  EXPECT_NE(result.err.find("TLS handshake failed"), std::string::npos) << result.err;
}

TEST(Program, WarnsOfProxies) {
  FakeMaster master;
  master.SetAnswer([](const std::string&, const auto&, auto*) { return grpc::Status::OK; });
  for (const std::string password : {"pass", "a@b/c", "p?q#r/@"}) {
    const Result result = Dmctl({"operate-leader", "evict", "--master-addr", master.address()},
                                {{"HTTPS_PROXY", "http://user:" + password + "@p:1"}});
    EXPECT_TRUE(
        result.out.starts_with("\n[Warning] [using proxy config] [http_proxy=, "
                               "https_proxy=http://p:1, no_proxy=]\n{\n"))
        << result.out;
  }
}

TEST(Program, GoesOnToTheNextMemberWhenOneKnowsNoLeader) {
  FakeMaster lost, leader;
  lost.SetAnswer([](const std::string&, const auto&, auto*) { return kNoLeader; });
  leader.SetAnswer([](const std::string&, const auto&, auto*) { return grpc::Status::OK; });
  const std::string both = lost.address() + "," + leader.address();
  EXPECT_EQ(Dmctl({"operate-leader", "evict", "--master-addr", both}).exit_code, 0);
  EXPECT_EQ(lost.calls(), Words{"OperateLeader"});
  EXPECT_EQ(leader.calls(), Words{"OperateLeader"});

  const Result alone = Dmctl({"operate-leader", "evict", "--master-addr", lost.address()});
  EXPECT_EQ(alone.exit_code, 1);
  EXPECT_EQ(alone.err,
            "Error: rpc error: code = Unknown desc = " + kNoLeader.error_message() + "\n");
}

TEST(Program, SendsOnceMoreWhenUnavailable) {
  FakeMaster master;
  int calls = 0;
  master.SetAnswer([&](const std::string&, const auto&, auto*) {
    return ++calls == 1 ? grpc::Status(grpc::StatusCode::UNAVAILABLE, "gone") : grpc::Status::OK;
  });
  EXPECT_EQ(Dmctl({"operate-leader", "evict", "--master-addr", master.address()}).exit_code, 0);
  EXPECT_EQ(calls, 2);

  master.SetAnswer([&](const std::string&, const auto&, auto*) {
    return grpc::Status(grpc::StatusCode::UNAVAILABLE, "gone");
  });
  const Result result =
      Dmctl({"query-status", "t", "-s", "a,b", "--master-addr", master.address()});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.out, "can not query t task's status(in sources [a b])\n");
  EXPECT_EQ(result.err, "Error: rpc error: code = Unavailable desc = gone\n");
  EXPECT_EQ(master.calls().size(), 2u);
}

TEST(Program, StartTaskSendsTheFileUnchanged) {
  FakeMaster master;
  std::string request;
  master.SetAnswer([&](const std::string&, const google::protobuf::Message& message, auto*) {
    request = message.ShortDebugString();
    return grpc::Status::OK;
  });
  TemporaryDirectory directory;
  const std::string file = directory.path() + "/t.yaml";
  WriteFile(file, "name: t  # comment\ntask-mode: all\n");
  const Words args = {"start-task",
                      file,
                      "-s",
                      "a",
                      "-s",
                      "b",
                      "--remove-meta",
                      "--start-time",
                      "2024-01-01 00:00:00",
                      "--master-addr",
                      master.address()};
  EXPECT_EQ(Dmctl(args).exit_code, 0);
  EXPECT_EQ(request,
            "task: \"name: t  # comment\\ntask-mode: all\\n\" sources: \"a\" sources: \"b\" "
            "removeMeta: true startTime: \"2024-01-01 00:00:00\"");
}

TEST(Program, UpdateTaskSendsTheFileUnchanged) {
  FakeMaster master;
  std::string request;
  master.SetAnswer([&](const std::string& method, const google::protobuf::Message& message, auto*) {
    request = method + ": " + message.ShortDebugString();
    return grpc::Status::OK;
  });
  TemporaryDirectory directory;
  const std::string file = directory.path() + "/t.yaml";
  WriteFile(file, "name: t  # comment\n");
  EXPECT_EQ(Dmctl({"update-task", file, "-s", "a,b", "--master-addr", master.address()}).exit_code,
            0);
  EXPECT_EQ(request, "UpdateTask: task: \"name: t  # comment\\n\" sources: \"a\" sources: \"b\"");
  EXPECT_EQ(Dmctl({"update-task", "--master-addr", master.address()}).exit_code, 1);
}

TEST(Program, FilesThatAreNoConfigurationStayHere) {
  FakeMaster master;
  TemporaryDirectory directory;
  const std::string file = directory.path() + "/t.yaml";
  const std::string large(9 << 20, '-');
  for (const std::string command : {"start-task", "update-task", "check-task"}) {
    WriteFile(file, large);
    Result result = Dmctl({command, file, "--master-addr", master.address()});
    EXPECT_EQ(result.exit_code, 1);
    EXPECT_EQ(result.err,
              fmt::format("Error: error in get file content: {} has 9437184 bytes, a file may have "
                          "8388608; it is hardly a configuration or a statement\n",
                          file));
    std::filesystem::resize_file(file, uintmax_t{1} << 40);  // and is not read to find that out
    EXPECT_NE(Dmctl({command, file, "--master-addr", master.address()}).err.find("1099511627776"),
              std::string::npos);
    WriteFile(file, "name: caf\xe9\n");
    result = Dmctl({command, file, "--master-addr", master.address()});
    EXPECT_EQ(result.exit_code, 1);
    EXPECT_NE(result.err.find("invalid UTF-8"), std::string::npos) << result.err;
  }
  EXPECT_TRUE(master.calls().empty());
}

TEST(Program, BatchReportsEachTask) {
  FakeMaster master;
  master.SetAnswer([](const std::string& method, const google::protobuf::Message& message,
                      google::protobuf::Message* response) {
    if (method == "QueryStatus") {
      auto* answer = static_cast<pb::QueryStatusListResponse*>(response);
      answer->set_result(true);
      pb::QueryStatusResponse* entry = answer->add_sources();
      entry->add_subtaskstatus()->set_name("users");
      entry->add_subtaskstatus()->set_name("orders");
      return grpc::Status::OK;
    }
    const auto& request = static_cast<const pb::OperateTaskRequest&>(message);
    auto* answer = static_cast<pb::OperateTaskResponse*>(response);
    if (request.name() == "users") return grpc::Status(grpc::StatusCode::INTERNAL, "broken");
    answer->set_result(true);
    pb::CommonWorkerResponse* source = answer->add_sources();
    source->set_msg("odd");
    source->set_source(request.sources(0));
    return grpc::Status::OK;
  });
  const Result result = Dmctl({"stop-task", "-s", "shop-1", "--master-addr", master.address()});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out, R"({
    "result": true,
    "msg": "",
    "tasks": [
        {
            "task": "orders",
            "op": "Delete",
            "result": true,
            "msg": "",
            "sources": [
                {
                    "msg": "odd",
                    "source": "shop-1"
                }
            ]
        },
        {
            "task": "users",
            "op": "Delete",
            "result": false,
            "msg": "rpc error: code = Internal desc = broken",
            "sources": null
        }
    ]
}
)");
  EXPECT_EQ(
      Dmctl({"stop-task", "-s", "shop-1", "--batch-size", "0", "--master-addr", master.address()})
          .err,
      "Error: batch-size should be positive\n");
}

TEST(Program, StopTakesAnUnreadableArgumentAsSourceId) {
  FakeMaster master;
  std::string request;
  master.SetAnswer([&](const std::string&, const google::protobuf::Message& message, auto*) {
    request = message.ShortDebugString();
    return grpc::Status::OK;
  });
  EXPECT_EQ(
      Dmctl({"operate-source", "stop", "no/such", "-s", "x", "--master-addr", master.address()})
          .exit_code,
      0);
  EXPECT_EQ(request, "op: StopSource sourceID: \"no/such\" sourceID: \"x\"");
}

TEST(Program, WritesAConfigurationForItsOwnerOnly) {
  FakeMaster master;
  master.SetAnswer([](const std::string&, const auto&, google::protobuf::Message* response) {
    static_cast<pb::GetCfgResponse*>(response)->set_result(true);
    static_cast<pb::GetCfgResponse*>(response)->set_cfg("name: t\n");
    return grpc::Status::OK;
  });
  TemporaryDirectory directory;
  const std::string file = directory.path() + "/t.yaml";
  EXPECT_EQ(Dmctl({"config", "task", "t", "-p", file, "--master-addr", master.address()}).exit_code,
            0);
  EXPECT_EQ(ReadFile(file), "name: t\n");
  EXPECT_EQ(std::filesystem::status(file).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);

  const Result failed = Dmctl({"config", "task", "t", "-p", directory.path() + "/no/t.yaml",
                               "--master-addr", master.address()});
  EXPECT_EQ(failed.exit_code, 1);
  EXPECT_TRUE(failed.out.starts_with("can not write config to file "));
}

TEST(Program, ImportsSourcesThenTasks) {
  FakeMaster master;
  std::vector<std::string> requests;
  master.SetAnswer([&](const std::string& method, const google::protobuf::Message& message,
                       google::protobuf::Message* response) {
    requests.push_back(message.ShortDebugString());
    if (method == "OperateSource") {  // there already
      static_cast<pb::OperateSourceResponse*>(response)->set_msg("source x already exists");
    } else {
      static_cast<pb::StartTaskResponse*>(response)->set_result(true);
    }
    return grpc::Status::OK;
  });
  TemporaryDirectory directory;
  MakeDirectories(directory.path() + "/sources");
  MakeDirectories(directory.path() + "/tasks");
  WriteFile(directory.path() + "/sources/b.yaml", "B");
  WriteFile(directory.path() + "/sources/a.yaml", "A");
  WriteFile(directory.path() + "/tasks/t.yaml", "T");
  const Words args = {"config",         "import",        "-p",
                      directory.path(), "--master-addr", master.address()};
  const Result result = Dmctl(args);
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out,
            "start creating sources\nstart creating tasks\nimport configs from directory `" +
                directory.path() + "` succeed\n");
  EXPECT_EQ(requests, (Words{"op: StartSource config: \"A\"", "op: StartSource config: \"B\"",
                             "task: \"T\""}));

  master.SetAnswer([](const std::string&, const auto&, google::protobuf::Message* response) {
    static_cast<pb::OperateSourceResponse*>(response)->set_msg("refused");
    return grpc::Status::OK;
  });
  const Result failed = Dmctl(args);
  EXPECT_EQ(failed.exit_code, 1);
  EXPECT_EQ(failed.err, "Error: fail to create sources\n");
  EXPECT_NE(failed.out.find("\"msg\": \"refused\""), std::string::npos);
  EXPECT_EQ(master.calls().size(), 1u);

  // Taken, but it does not run.
  master.SetAnswer([](const std::string& method, const auto&, google::protobuf::Message* response) {
    if (method == "OperateSource") {
      static_cast<pb::OperateSourceResponse*>(response)->set_result(true);
    } else {
      auto* answer = static_cast<pb::StartTaskResponse*>(response);
      answer->set_result(true);
      answer->add_sources()->set_msg("paused by an error");
    }
    return grpc::Status::OK;
  });
  const Result part = Dmctl(args);
  EXPECT_EQ(part.exit_code, 1);
  EXPECT_NE(part.out.find("paused by an error"), std::string::npos) << part.out;
  EXPECT_NE(part.err.find("1 of the sources and tasks did not start"), std::string::npos)
      << part.err;
}

TEST(Program, ExportsWhatTheMasterHolds) {
  FakeMaster master;
  master.SetAnswer([](const std::string& method, const auto&, google::protobuf::Message* response) {
    if (method == "ListSourceConfigs") {
      auto* answer = static_cast<pb::ListSourceConfigsResponse*>(response);
      answer->set_result(true);
      (*answer->mutable_sourceconfigs())["s1"] = "source-id: s1\n";
    } else {
      auto* answer = static_cast<pb::ListTaskConfigsResponse*>(response);
      answer->set_result(true);
      (*answer->mutable_taskconfigs())["t"] = "name: t\n";
    }
    return grpc::Status::OK;
  });
  master.SetRecords(
      {{"/dm-master/relay-worker/7732", "s1"}, {"/dm-master/relay-worker/7731", "s1"}});
  TemporaryDirectory directory;
  const std::string target = directory.path() + "/configs";
  const Result result =
      Dmctl({"config", "export", "-p", target, "--master-addr", master.address()});
  EXPECT_EQ(result.err, "");
  EXPECT_EQ(result.out, "export configs to directory `" + target + "` succeed\n");
  EXPECT_EQ(ReadFile(target + "/sources/s1.yaml"), "source-id: s1\n");
  EXPECT_EQ(ReadFile(target + "/tasks/t.yaml"), "name: t\n");
  EXPECT_EQ(ReadFile(target + "/relay_workers.json"), R"({"s1":["w1","w2"]})");
  EXPECT_EQ(std::filesystem::status(target + "/tasks/t.yaml").permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST(Program, ExportsNamesThatAreNoFileNames) {
  FakeMaster master;
  master.SetAnswer([](const std::string& method, const auto&, google::protobuf::Message* response) {
    if (method == "ListSourceConfigs") {
      auto* answer = static_cast<pb::ListSourceConfigsResponse*>(response);
      answer->set_result(true);
      for (const char* id : {"mysql/01", "mysql%2F01", "..", ".hidden", "a.b"}) {
        (*answer->mutable_sourceconfigs())[id] = std::string(id) + "\n";
      }
    } else {
      static_cast<pb::ListTaskConfigsResponse*>(response)->set_result(true);
    }
    return grpc::Status::OK;
  });
  TemporaryDirectory directory;
  const std::string target = directory.path() + "/configs";
  EXPECT_EQ(Dmctl({"config", "export", "-p", target, "--master-addr", master.address()}).err, "");
  EXPECT_EQ(ReadFile(target + "/sources/mysql%2F01.yaml"), "mysql/01\n");
  EXPECT_EQ(ReadFile(target + "/sources/mysql%252F01.yaml"), "mysql%2F01\n");
  EXPECT_EQ(ReadFile(target + "/sources/%2E..yaml"), "..\n");
  EXPECT_EQ(ReadFile(target + "/sources/%2Ehidden.yaml"), ".hidden\n");
  EXPECT_EQ(ReadFile(target + "/sources/a.b.yaml"), "a.b\n");
}

TEST(Program, SendsTheContentOfTlsFiles) {
  FakeMaster master;
  std::string task;
  master.SetAnswer([&](const std::string&, const google::protobuf::Message& message, auto*) {
    task = static_cast<const pb::StartTaskRequest&>(message).task();
    return grpc::Status::OK;
  });
  TemporaryDirectory directory;
  const std::string file = directory.path() + "/t.yaml";
  WriteFile(directory.path() + "/ca.pem", "CA");
  WriteFile(file, "name: t\ntarget-database:\n  password: secret\n  security:\n    ssl-ca: " +
                      directory.path() + "/ca.pem\n");
  EXPECT_EQ(Dmctl({"start-task", file, "--master-addr", master.address()}).exit_code, 0);
  EXPECT_NE(task.find("ssl-ca-bytes: [67, 65]"), std::string::npos) << task;
  EXPECT_NE(task.find("password: secret"), std::string::npos) << task;
}

TEST(ParseStatementList, KeepsStatementsAsTheyStand) {
  EXPECT_EQ(ParseStatementList("alter table a; alter table b;"),
            (Words{"alter table a;", " alter table b;"}));
  EXPECT_EQ(ParseStatementList("  \"drop table a\"  "), Words{"drop table a"});
  EXPECT_EQ(ParseStatementList("alter table `a;b` comment 'c;''d' /* ; */ -- ;\n;drop table x # ;"),
            (Words{"alter table `a;b` comment 'c;''d' /* ; */ -- ;\n;", "drop table x # ;"}));
  EXPECT_THROW(ParseStatementList(" ; "), cli::CommandError);
  EXPECT_THROW(ParseStatementList("nonsense"), cli::CommandError);
}

}  // namespace
}  // namespace dm::ctl
