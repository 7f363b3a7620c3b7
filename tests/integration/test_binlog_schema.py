"""`binlog-schema list|update|delete`: the definitions by which rows are read."""
import json
import urllib.request

import pytest

from dmtest.replicating import Replicating, pair_cluster

SCHEMA = "defs"


class Running(Replicating):
    def __init__(self, cluster):
        super().__init__(cluster, cluster.upstream, cluster.downstream, "defs", SCHEMA)

    def start(self, *statements, targets=None, **task):
        self.targets = targets or {SCHEMA: SCHEMA}
        self.downstream.run(f"DROP DATABASE IF EXISTS {SCHEMA}_to")
        self.recreate(SCHEMA)
        self.upstream.run(f"CREATE TABLE {SCHEMA}.t (id INT PRIMARY KEY, v INT)", f"INSERT INTO {SCHEMA}.t VALUES (1, 1)", *statements)
        self.begin(**task)

    def schema(self, command, *args, ok=True, table="t"):
        answer = self.cluster.ctl("binlog-schema", command, self.task, SCHEMA, table, *args, "-s", self.source).json
        entry = answer["sources"][0]
        assert entry["result"] is ok and bool(entry["worker"]) is ok, answer
        return entry["msg"]

    def update(self, text, *args, **more):
        return self.schema("update", self.cluster.write("definition.sql", text), *args, **more)

    def make_definition_wrong(self):
        """A column that no binlog tells of; rows that have it."""
        self.upstream.run("SET sql_log_bin = 0", f"ALTER TABLE {SCHEMA}.t ADD COLUMN c VARCHAR(9) FIRST", "SET sql_log_bin = 1",
                          f"INSERT INTO {SCHEMA}.t VALUES ('c', 2, 2)")
        self.downstream.run(f"ALTER TABLE {SCHEMA}.t ADD COLUMN c VARCHAR(9) FIRST")
        return self.cluster.wait_error(self.task, 36027)


@pytest.fixture(scope="module", params=["mariadb", "mysql9"])
def pair(request, tmp_path_factory, servers):
    with pair_cluster(tmp_path_factory, servers, request.param, "defs") as cluster:
        yield Running(cluster)


@pytest.fixture
def running(pair):
    yield pair
    pair.cluster.ctl("stop-task", pair.task, check=False)


def test_only_while_paused(running):
    running.start()
    for command in ("list", "delete"):
        assert running.schema(command, ok=False) == (
            "[code=40051:class=dm-worker:scope=internal:level=high], Message: current stage is Running but not paused, invalid")
    assert "40051" in running.update(f"CREATE TABLE t (id INT PRIMARY KEY)", ok=False)
    none = running.cluster.ctl("binlog-schema", "list", running.task, SCHEMA, "t", check=False).json
    assert none == {"result": False, "msg": "must specify at least one source", "sources": []}
    other = running.cluster.ctl("binlog-schema", "list", running.task, SCHEMA, "t", "-s", "nosuch").json
    assert other["sources"][0]["msg"] == "source nosuch relevant worker-client not found"
    unknown = running.cluster.ctl("binlog-schema", "list", "nosuch", SCHEMA, "t", "-s", running.source).json
    assert "[code=40054:" in unknown["sources"][0]["msg"], unknown


def test_list_update_delete(running):
    running.start()
    running.cluster.ctl("pause-task", running.task)
    before = running.schema("list")
    assert before.startswith("CREATE TABLE `t` ( `id` int") and "\n" not in before and "  " not in before, before
    missing = running.schema("list", ok=False, table="nosuch")
    assert missing.startswith("[code=10005:class=database:scope=downstream:level=high], Message: query statement failed: "
                              f"SHOW CREATE TABLE `{SCHEMA}`.`nosuch`, RawCause: Error 1146 (42S02):"), missing
    # A table that is not known here, but there downstream.
    running.downstream.run(f"CREATE TABLE {SCHEMA}.`o``ther` (a INT PRIMARY KEY)")
    assert running.schema("list", table="o`ther").startswith("CREATE TABLE `o``ther` ( `a` int")
    running.downstream.run(f"DROP TABLE {SCHEMA}.`o``ther`")
    assert running.schema("delete") == ""
    assert running.schema("list") == before
    assert running.update("CREATE TABLE whatever (id INT NOT NULL PRIMARY KEY, zz INT);") == ""
    changed = running.schema("list")
    assert changed.startswith("CREATE TABLE `t` ( `id` int") and "`zz` int" in changed, changed
    for text, code in (("CREATE nonsense", 44009), ("INSERT INTO t VALUES (1)", 44009), ("", 44009),
                       ("CREATE TABLE a LIKE b", 44009), ("CREATE TABLE a (id INT); CREATE TABLE b (id INT)", 44009),
                       ("CREATE TABLE a (id INT, id INT)", 44010)):
        message = running.update(text, ok=False)
        assert f"[code={code}:class=schema-tracker:scope=internal:level=medium], Message: " in message, (text, message)
    assert running.schema("list") == changed
    assert running.schema("update", "--from-source") == ""
    assert "`v` int" in running.schema("list") and "`zz`" not in running.schema("list")
    assert "Error 1146" in running.schema("update", "--from-source", ok=False, table="nosuch")
    assert running.update("CREATE TABLE t (x INT)", "--flush=false", "--sync=false") == ""
    assert running.schema("update", "--from-target") == ""
    assert "`v` int" in running.schema("list")
    # The old name.
    old = running.cluster.ctl("operate-schema", "get", running.task, "-s", running.source, "-d", SCHEMA, "-t", "t").json
    assert old["sources"][0]["msg"] == running.schema("list")
    running.cluster.ctl("resume-task", running.task)
    running.upstream.run(f"INSERT INTO {SCHEMA}.t VALUES (5, 5)")
    running.equal()


@pytest.mark.parametrize("by", ["file", "--from-source", "--from-target"])
def test_rows_are_read_by_what_was_set(running, by):
    running.start()
    running.make_definition_wrong()
    if by == "file":
        running.update("CREATE TABLE t (c VARCHAR(9), id INT NOT NULL, v INT, PRIMARY KEY (id)) CHARSET=utf8mb4")
    else:
        running.schema("update", by)
    # It is stored: another process reads it.
    running.cluster.workers["worker1"].kill9()
    running.cluster.start_worker("worker1")
    running.cluster.wait_stage(running.task, "Running", "Sync")
    running.upstream.run(f"UPDATE {SCHEMA}.t SET c = 'd' WHERE id = 1", f"INSERT INTO {SCHEMA}.t VALUES ('e', 3, 3)")
    running.equal()
    assert running.downstream.run(f"SELECT c, id, v FROM {SCHEMA}.t ORDER BY id") == (("d", 1, 1), ("c", 2, 2), ("e", 3, 3))


def test_utf8_of_a_file_is_that_of_the_upstream(running):
    running.start()
    running.cluster.ctl("pause-task", running.task)
    mariadb = running.upstream.flavor == "mariadb"
    old = running.upstream.value("SELECT @@GLOBAL.old_mode") if mariadb else None
    try:
        for mode, four in ((("''", True), ("'UTF8_IS_UTF8MB3'", False)) if mariadb else (("", False),)):
            if mariadb:
                running.upstream.run(f"SET GLOBAL old_mode = {mode}")
            assert running.update("CREATE TABLE t (id INT NOT NULL PRIMARY KEY, v INT, c VARCHAR(9) CHARACTER SET utf8) CHARSET=latin1") == ""
            assert ("utf8mb4" in running.schema("list").split("`c`")[1].split(",")[0]) == four, (mode, running.schema("list"))
    finally:
        if mariadb:
            running.upstream.run(f"SET GLOBAL old_mode = '{old}'")


def test_routed_table_and_lists(running):
    running.start(f"CREATE TABLE {SCHEMA}.other (id INT PRIMARY KEY)", targets={SCHEMA: f"{SCHEMA}_to"})
    running.cluster.ctl("pause-task", running.task)
    running.downstream.run(f"ALTER TABLE {SCHEMA}_to.t ADD COLUMN w INT")
    running.schema("update", "--from-target")
    assert running.schema("list").startswith("CREATE TABLE `t` (") and "`w` int" in running.schema("list")

    def ask(op, **more):
        """PUT /apis/v1alpha1/schema."""
        body = {"op": op, "task": running.task, "sources": [running.source], **more}
        request = urllib.request.Request(f"http://{running.cluster.address}/apis/v1alpha1/schema", data=json.dumps(body).encode(),
                                         method="PUT")
        with urllib.request.urlopen(request, timeout=60) as answer:
            entry = json.loads(answer.read())["sources"][0]
        return entry["msg"], entry["result"]

    assert ask("ListSchema") == (f'["{SCHEMA}"]', True)
    assert ask("ListTable", database=SCHEMA) == ('["other","t"]', True)
    message, result = ask("ListTable", database="nosuch")
    assert not result and "[code=44015:" in message, message
    assert json.loads(ask("ListMigrateTargets", table="^t$")[0]) == [
        {"source_schema": SCHEMA, "source_table": "t", "target_schema": f"{SCHEMA}_to", "target_table": "t"}]
    message, result = ask("ListMigrateTargets", table="(")
    assert not result and "is not a regular expression" in message, message
    message, result = ask(99)
    assert not result and "operation 99" in message, message
    running.downstream.run(f"ALTER TABLE {SCHEMA}_to.t DROP COLUMN w")
    assert ask("SetSchema", database=SCHEMA, table="t", schema="CREATE TABLE t (id INT PRIMARY KEY, v INT)") == ("", True)
    running.cluster.ctl("resume-task", running.task)
    running.cluster.wait_stage(running.task, "Running", "Sync")
    assert json.loads(ask("ListMigrateTargets", table="other")[0])[0]["target_schema"] == f"{SCHEMA}_to"
    running.upstream.run(f"INSERT INTO {SCHEMA}.t VALUES (6, 6)")
    running.cluster.wait_synced(running.task, running.upstream)
    assert running.downstream.value(f"SELECT COUNT(*) FROM {SCHEMA}_to.t") == 2


def test_not_before_replication(running):
    """A task that has paused in its load unit has no definitions to look at."""
    running.start()
    running.cluster.ctl("stop-task", running.task)
    running.downstream.run(f"DROP DATABASE {SCHEMA}", f"CREATE DATABASE {SCHEMA}", f"CREATE TABLE {SCHEMA}.t (other INT)")
    path = running.cluster.task_file(running.task, [running.source], running.downstream, [SCHEMA], **{"task-mode": "full"})
    running.cluster.ctl("start-task", path, "--remove-meta")
    running.cluster.wait_error(running.task)
    message = running.schema("list", ok=False)
    assert "[code=40056:" in message and "only available for syncer" in message, message
    answer = running.cluster.ctl("binlog", "skip", running.task).json["sources"][0]
    assert not answer["result"] and "[code=40056:" in answer["msg"], answer
