"""Commands for what is not there: what they say; nothing is changed."""
import os

import pytest

from dmtest.bad_input import NOBODY, BadInput, ids, shown
from dmtest.cluster import Cluster

SCHEMA = "bad_commands"


@pytest.fixture(scope="module")
def running(tmp_path_factory, servers):
    cluster = Cluster.of_pair(
        tmp_path_factory.mktemp("bad-commands"), servers.get("mariadb", "up"), servers.get("mariadb", "down"))
    for server in (cluster.upstream, cluster.downstream):
        server.run(f"DROP DATABASE IF EXISTS {SCHEMA}")
    cluster.upstream.run(f"CREATE DATABASE {SCHEMA}", f"CREATE TABLE {SCHEMA}.t (id INT PRIMARY KEY)")
    cluster.ctl("start-task", cluster.task_file(SCHEMA, ["src"], cluster.downstream, [SCHEMA], **{"meta-schema": f"dm_{SCHEMA}"}),
                "--remove-meta")
    cluster.wait_stage(SCHEMA, "Running", "Sync")
    yield cluster
    assert cluster.status(SCHEMA)["stage"] == "Running"  # none of the commands has changed it
    cluster.stop()


NO_TASK = "task nobody has no source or not exist"
NO_SOURCE = "sources [nobody] haven't been added"
NOT_YET = "code=38059"  # not supported by this version
NO_FILE = "error in get file content: open nosuch.yaml: no such file or directory"

# Whatever the name is of, the answer has the name.
UNKNOWN = [
    BadInput("query-status of a task", ["query-status", "nobody"], (NO_TASK,)),
    BadInput("query-status of a source", ["query-status", "-s", "nobody"], (NO_SOURCE,)),
    BadInput("query-status of both", ["query-status", "nobody", "-s", "nobody"], (NO_SOURCE,)),
    BadInput("check-task", ["check-task", "nosuch.yaml"], (NO_FILE,)),
    BadInput("start-task", ["start-task", "nosuch.yaml"], (NO_FILE,)),
    *[BadInput(f"{command} {what}", [command, *args], phrases)
      for command in ("stop-task", "pause-task", "resume-task")
      for what, args, phrases in (
          ("of a task", ["nobody"], (NO_TASK, "please check the task name and status")),
          ("of all tasks of a source", ["-s", "nobody"], (NO_SOURCE,)),
          ("of a source of a task", [SCHEMA, "-s", "nobody"], ("code=46017", "sources [nobody] need to be operate not exist")),
          ("of both", ["nobody", "-s", "nobody"], ("code=46016", "subtasks with name nobody need to be operate not exist")),
          ("of a file", ["nosuch.yaml"], ("task nosuch.yaml has no source or not exist",)))],
    BadInput("operate-source create", ["operate-source", "create", "nosuch.yaml"], (NO_FILE,)),
    BadInput("operate-source stop", ["operate-source", "stop", "nobody"], ("code=46008", "source config with ID nobody not exists")),
    BadInput("operate-source with a task", ["operate-source", "stop", "src"],
             ("code=46010", f"source with name src need to operate has existing tasks [{SCHEMA}]", "`stop-task` first")),
    BadInput("operate-source delete", ["operate-source", "delete", "src"], ("invalid operate 'delete' on worker",)),
    *[BadInput(f"binlog {args[0]}", ["binlog", args[0], "nobody", *args[1:]], (NO_TASK,))
      for args in (["skip"], ["list"], ["revert"], ["replace", "drop table a.b"], ["inject", "drop table a.b"])],
    BadInput("handle-error", ["handle-error", "nobody", "skip"], (NO_TASK,)),
    BadInput("binlog at no place", ["binlog", "skip", SCHEMA, "-b", "nowhere"], ("code=11118", "nowhere", "filename:pos")),
    BadInput("binlog-schema without source", ["binlog-schema", "list", SCHEMA, "d", "t"], ("must specify at least one source",)),
    BadInput("binlog-schema of a file", ["binlog-schema", "update", SCHEMA, "d", "t", "nosuch.yaml", "-s", "src"], (NO_FILE,)),
    *[BadInput(f"config {kind}", ["config", kind, "nobody"], (f"{kind} not found",)) for kind in ("task", "source", "master", "worker")],
    BadInput("config export", ["config", "export", "--path", "/proc/nosuch"], ("/proc/nosuch",)),
    BadInput("get-config of an unknown kind", ["get-config", "nonsense", "nobody"], ("invalid config type 'nonsense'",)),
    BadInput("offline-member worker", ["offline-member", "--worker", "--name", "nobody"],
             ("offline member failed", "code=46004", "dm-worker with name nobody not exists")),
    BadInput("offline-member master", ["offline-member", "--master", "--name", "nobody"],
             ("code=38048", "dm-master with name nobody not exists", "list-member")),
    BadInput("offline-member that is there", ["offline-member", "--worker", "--name", "worker1"],
             ("code=46005", "worker1 is still online", "shut it down first")),
    BadInput("offline-member of neither kind", ["offline-member", "--name", "worker1"], ("should specify either --master or --worker",)),
    BadInput("offline-member without name", ["offline-member", "--worker"], ("a member name must be specified",)),
    BadInput("operate-leader", ["operate-leader", "nonsense"], ("invalid operate 'nonsense' on leader",)),
    BadInput("transfer-source", ["transfer-source", "nobody", "worker1"], (NOT_YET, "TransferSource")),
    *[BadInput(f"{command} of a source", [command, "-s", "nobody", *more], (NOT_YET,))
      for command, *more in (["start-relay"], ["stop-relay"], ["pause-relay"], ["resume-relay"], ["purge-relay", "-f", "x"])],
    *[BadInput(f"validation {command}", ["validation", command, "nobody", *more], (NOT_YET,))
      for command, *more in (["start"], ["stop"], ["status"], ["update"], ["show-error"], ["ignore-error", "1"])],
    BadInput("shard-ddl-lock unlock", ["shard-ddl-lock", "unlock", "nobody"], (NOT_YET,)),
    BadInput("command", ["nonsense"], ('unknown command "nonsense" for "dmctl"',)),
    BadInput("option", ["query-status", "--nonsense"], ("unknown flag: --nonsense",)),
    BadInput("start-task without file", ["start-task"], ("Usage:", "start-task [-s source ...]")),
    BadInput("start-task of two files", ["start-task", "a.yaml", "b.yaml"], ("Usage:",)),
    BadInput("stop-task of nothing", ["stop-task"], ("must give one source-name when task-name/task-conf is not specified",)),
]

# The command succeeds as a whole; the answer of the source has the reason.
UNKNOWN_OF_A_SOURCE = [
    BadInput("binlog of a source", ["binlog", "skip", SCHEMA, "-s", "nobody"], ("source nobody relevant worker-client not found",)),
    BadInput("binlog-schema of a source", ["binlog-schema", "list", SCHEMA, "d", "t", "-s", "nobody"],
             ("source nobody relevant worker-client not found",)),
    *[BadInput(f"binlog-schema {command} of a task", ["binlog-schema", command, "nobody", "d", "t", "-s", "src"],
               ("code=40054", "sub task with name nobody not found")) for command in ("list", "delete")],
    BadInput("binlog-schema of a running task", ["binlog-schema", "list", SCHEMA, SCHEMA, "t", "-s", "src"],
             ("code=40051", "current stage is Running but not paused, invalid")),
]


@pytest.mark.parametrize("row", UNKNOWN, ids=ids)
def test_unknown(running, row):
    assert row.resumed_by == NOBODY
    shown(running.ctl(*row.input, check=False), row)


@pytest.mark.parametrize("row", UNKNOWN_OF_A_SOURCE, ids=ids)
def test_unknown_of_a_source(running, row):
    entries = running.ctl(*row.input).json["sources"]
    assert len(entries) == 1 and entries[0]["result"] is False, entries
    for phrase in row.shows:
        assert phrase in entries[0]["msg"], entries


def test_a_task_that_is_there(running):
    path = os.path.join(running.dir, f"task-{SCHEMA}.yaml")
    exists = f"subtasks with name {SCHEMA} for sources [src] already exist"
    for args, phrases in (([], ("code=46014", exists, "query-status")), (["--remove-meta"], ("code=46014", "while remove-meta is true", exists)),
                          (["-s", "nobody"], ("source not found in task's config",))):
        shown(running.ctl("start-task", path, *args, check=False), BadInput("", args, phrases))
    assert running.downstream.run(f"SHOW TABLES IN dm_{SCHEMA}")
