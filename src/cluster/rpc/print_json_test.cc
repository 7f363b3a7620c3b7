#include "cluster/rpc/print_json.h"

#include <gtest/gtest.h>

#include <cmath>

#include "dmmaster.pb.h"

namespace dm::cluster {
namespace {

TEST(PrintJson, PrintsEveryFieldOfAnEmptyMessage) {
  EXPECT_EQ(PrintJson(pb::OperateTaskResponse()), R"({
    "op": "InvalidOp",
    "result": false,
    "msg": "",
    "sources": [
    ]
})");
}

TEST(PrintJson, PrintsAMessageWithoutFields) {
  EXPECT_EQ(PrintJson(pb::GetWorkerCfgRequest()), "{\n\n}");
}

TEST(PrintJson, PrintsAnEmptyAnswer) {
  pb::ShowDDLLocksResponse response;
  response.set_result(true);
  response.set_msg("no DDL lock exists");
  EXPECT_EQ(PrintJson(response), R"({
    "result": true,
    "msg": "no DDL lock exists",
    "locks": [
    ]
})");
}

// The layout of a task paused by the user, as recorded from the reference.
TEST(PrintJson, PrintsASubtaskInSync) {
  pb::QueryStatusListResponse response;
  response.set_result(true);
  pb::QueryStatusResponse* entry = response.add_sources();
  entry->set_result(true);
  entry->mutable_sourcestatus()->set_source("mysql-replica-01");
  entry->mutable_sourcestatus()->set_worker("worker3");
  pb::SubTaskStatus* subtask = entry->add_subtaskstatus();
  subtask->set_name("cft");
  subtask->set_stage(pb::Paused);
  subtask->set_unit(pb::Sync);
  subtask->mutable_result()->set_iscanceled(true);
  pb::SyncStatus* sync = subtask->mutable_sync();
  sync->set_totalevents(1);
  sync->set_masterbinlog("(mysql-bin.000003, 2412)");
  sync->set_masterbinloggtid("0-11-57");
  sync->set_syncerbinlog("(mysql-bin.000003, 2412)");
  sync->set_syncerbinloggtid("0-11-57");
  sync->set_synced(true);
  sync->set_binlogtype("remote");
  sync->set_totalrows(1);
  sync->set_iototalbytes(1183422);
  EXPECT_EQ(PrintJson(response), R"json({
    "result": true,
    "msg": "",
    "sources": [
        {
            "result": true,
            "msg": "",
            "sourceStatus": {
                "source": "mysql-replica-01",
                "worker": "worker3",
                "result": null,
                "relayStatus": null
            },
            "subTaskStatus": [
                {
                    "name": "cft",
                    "stage": "Paused",
                    "unit": "Sync",
                    "result": {
                        "isCanceled": true,
                        "errors": [
                        ],
                        "detail": null
                    },
                    "unresolvedDDLLockID": "",
                    "sync": {
                        "totalEvents": "1",
                        "totalTps": "0",
                        "recentTps": "0",
                        "masterBinlog": "(mysql-bin.000003, 2412)",
                        "masterBinlogGtid": "0-11-57",
                        "syncerBinlog": "(mysql-bin.000003, 2412)",
                        "syncerBinlogGtid": "0-11-57",
                        "blockingDDLs": [
                        ],
                        "unresolvedGroups": [
                        ],
                        "synced": true,
                        "binlogType": "remote",
                        "secondsBehindMaster": "0",
                        "blockDDLOwner": "",
                        "conflictMsg": "",
                        "totalRows": "1",
                        "totalRps": "0",
                        "recentRps": "0",
                        "ioTotalBytes": "1183422",
                        "dumpIOTotalBytes": "0"
                    },
                    "validation": null
                }
            ]
        }
    ]
})json");
}

TEST(PrintJson, PrintsDoublesBytesListsAndUnknownEnums) {
  pb::SubTaskStatus subtask;
  subtask.set_stage(static_cast<pb::Stage>(77));
  subtask.mutable_dump()->set_completedtables(3);
  subtask.mutable_dump()->set_finishedrows(0.5);
  subtask.mutable_result()->set_detail(std::string("\x00\xFFz", 3));
  subtask.mutable_result()->add_errors()->set_errcode(10006);
  const std::string json = PrintJson(subtask);
  EXPECT_NE(json.find("\"stage\": 77,\n"), std::string::npos);
  EXPECT_NE(json.find("\"completedTables\": 3,\n"), std::string::npos);
  EXPECT_NE(json.find("\"finishedRows\": 0.5,\n"), std::string::npos);
  EXPECT_NE(json.find("\"detail\": \"AP96\"\n"), std::string::npos);
  EXPECT_NE(json.find("\"ErrCode\": 10006,\n"), std::string::npos);
}

TEST(PrintJson, PrintsMapsSorted) {
  pb::ListTaskConfigsResponse response;
  (*response.mutable_taskconfigs())["b"] = "2";
  (*response.mutable_taskconfigs())["a"] = "1";
  EXPECT_EQ(PrintJson(response), R"({
    "result": false,
    "msg": "",
    "taskConfigs": {
        "a": "1",
        "b": "2"
    }
})");
  EXPECT_EQ(PrintJson(pb::ListTaskConfigsResponse(), {.indent = 2}), R"({
  "result": false,
  "msg": "",
  "taskConfigs": {
  }
})");
}

TEST(JsonNumber, UsesTheShortestForm) {
  EXPECT_EQ(JsonNumber(0), "0");
  EXPECT_EQ(JsonNumber(2542), "2542");
  EXPECT_EQ(JsonNumber(221252814), "221252814");
  EXPECT_EQ(JsonNumber(0.1), "0.1");
  EXPECT_EQ(JsonNumber(-12.75), "-12.75");
  EXPECT_EQ(JsonNumber(0.000001), "0.000001");
  EXPECT_EQ(JsonNumber(0.0000001), "1e-7");
  EXPECT_EQ(JsonNumber(1.5e-9), "1.5e-9");
  EXPECT_EQ(JsonNumber(1e20), "100000000000000000000");
  EXPECT_EQ(JsonNumber(1e21), "1e+21");
  EXPECT_EQ(JsonNumber(123456789012345680000.0), "123456789012345680000");
  EXPECT_EQ(JsonNumber(NAN), "\"NaN\"");
  EXPECT_EQ(JsonNumber(-INFINITY), "\"-Infinity\"");
}

TEST(RepairUtf8, RepairsAllTextsAndOnlyTexts) {
  pb::QueryStatusResponse response;
  response.set_msg("a\xFFz");
  pb::SubTaskStatus* subtask = response.add_subtaskstatus();
  subtask->mutable_sync()->add_blockingddls("\xC4\xE3");
  subtask->mutable_result()->set_detail("\xFF");
  RepairUtf8(response);
  EXPECT_EQ(response.msg(), "a\xEF\xBF\xBDz");
  EXPECT_EQ(response.subtaskstatus(0).sync().blockingddls(0), "\xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_EQ(response.subtaskstatus(0).result().detail(), "\xFF");
}

TEST(Wire, AcceptsTextsThatAreNotUtf8) {
  // Field 2 (msg) of CommonWorkerResponse with one invalid byte.
  pb::CommonWorkerResponse response;
  ASSERT_TRUE(response.ParseFromString("\x12\x01\xFF"));
  EXPECT_EQ(response.msg(), "\xFF");
}

}  // namespace
}  // namespace dm::cluster
