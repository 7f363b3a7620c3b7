"""What the user gets for wrong input and broken surroundings: a code, the object, the cause and the next step; and the
task goes on when the cause is gone."""
import pytest

from dmtest.cluster import Cluster
from dmtest.compare import difference
from dmtest.ports import free_port
from dmtest.servers import MariaDb, PASSWORD, USER


@pytest.fixture(scope="module")
def running(tmp_path_factory, servers):
    cluster = Cluster.of_pair(
        tmp_path_factory.mktemp("bad-input"), servers.get("mariadb", "up"), servers.get("mariadb", "down"))
    yield cluster
    cluster.stop()


@pytest.fixture
def schema(running):
    for server in (running.upstream, running.downstream):
        server.run("DROP DATABASE IF EXISTS bad")
    running.upstream.run("CREATE DATABASE bad", "CREATE TABLE bad.t (id INT PRIMARY KEY, v VARCHAR(10))",
                         "INSERT INTO bad.t VALUES (1, 'one')")
    yield "bad"
    running.ctl("stop-task", "bad", check=False)


def shown(answer, *phrases):
    text = answer.out + answer.err
    assert not answer.ok, text
    for phrase in phrases:
        assert phrase in text, text


SOURCE = "source-id: bad\nfrom:\n  host: 127.0.0.1\n  port: {port}\n  user: {user}\n  password: {password}\n"


@pytest.mark.parametrize("text,phrases", [
    ("source-id: [unclosed\n", ["code=20003"]),
    (SOURCE + "purgee:\n  interval: 1\n", ["code=20003", "purgee", "line 7"]),
    (SOURCE + "source-id: again\n", ["code=20003", "source-id"]),
    (SOURCE.replace("{port}", "many"), ["code=20003", "line 4"]),
    (SOURCE + "enable-relay: true\n", ["code=20071", "enable-relay"]),
    (SOURCE.replace("source-id: bad\n", ""), ["code=40005", "source-id"]),
    (SOURCE.replace("{password}", "wrong"), ["code=10001", "Access denied"]),
    (SOURCE.replace("{port}", "{closed}"), ["code=10001", "connection refused"]),
], ids=["malformed", "unknown-key", "key-twice", "wrong-type", "not-supported", "no-id", "wrong-password", "unreachable"])
def test_source_file(running, text, phrases):
    path = running.write("bad-source.yaml", text.replace("{closed}", str(free_port())).format(
        port=running.upstream.port, user=USER, password=PASSWORD))
    shown(running.ctl("operate-source", "create", path, check=False), *phrases)
    assert "bad" not in str(running.ctl("operate-source", "show", check=False).json["sources"])


@pytest.mark.parametrize("change,phrases", [
    ({"task-modee": "all"}, ["task-modee"]),
    ({"task-mode": "everything"}, ["code=20020"]),
    ({"shard-mode": "pessimistic"}, ["code=20071", "shard-mode"]),
    ({"mydumpers": {"dump": {"extra-args": "--snapshot 5"}}}, ["code=20071", "--snapshot"]),
    ({"loaders": {"load": {"dir": "s3://b/p?access-key=AKIA&secret-access-key=SECRET"}}}, ["code=20071", "access-key=******"]),
    ({"loaders": {"load": {"import-mode": "physical"}}}, ["code=20071", "import-mode"]),
    ({"target-database": {"password": "wrong"}}, ["Access denied"]),
    ({"mysql-instances": [{"source-id": "nobody", "block-allow-list": "list", "mydumper-config-name": "dump",
                           "loader-config-name": "load", "syncer-config-name": "sync"}]}, ["code=20031", "nobody"]),
    ({"block-allow-list": {"list": {"do-dbs": ["~["]}}}, ["code=20044", "missing ]"]),
    ({"routes": {"own": {"schema-pattern": "a", "target-schema": "MySQL"}},
      "mysql-instances": [{"source-id": "src", "route-rules": ["own"], "block-allow-list": "list", "mydumper-config-name": "dump",
                           "loader-config-name": "load", "syncer-config-name": "sync"}]}, ["code=20045", "target schema MySQL of table route rule"]),
], ids=["unknown-key", "mode", "shard-mode", "snapshot", "s3", "physical", "wrong-password", "unknown-source",
        "bad-pattern", "route-to-the-server"])
def test_task_file(running, schema, change, phrases):
    path = running.task_file("bad", ["src"], running.downstream, [schema], **change)
    shown(running.ctl("start-task", path, check=False), *phrases)
    assert running.status("bad") is None


@pytest.mark.parametrize("name,mode,phrases", [
    ("x" * 39, "all", ["20019", "_lightning_checkpoint_list", "at most 38 characters"]),
    ("x" * 47, "incremental", ["20019", "_syncer_checkpoint", "at most 46 characters"]),
    ("\N{GRINNING FACE}", "all", ["20019", "U+FFFF"]),
], ids=["all", "incremental", "character"])
def test_task_name_that_makes_no_table_names(running, schema, name, mode, phrases):
    path = running.write("bad-name.yaml", open(running.task_file("bad", ["src"], running.downstream, [schema], **{
        "task-mode": mode, "meta-schema": "dm_bad_name"})).read().replace("name: bad\n", f"name: {name}\n"))
    shown(running.ctl("check-task", path, check=False), *phrases)
    shown(running.ctl("start-task", path, "--remove-meta", check=False), *phrases)
    assert not running.downstream.run("SHOW DATABASES LIKE 'dm\\_bad\\_name'")


def test_longest_task_name(running, schema):
    name = "\u6f22" * 37 + "`"
    path = running.write("long-name.yaml", open(running.task_file(
        "bad", ["src"], running.downstream, [schema])).read().replace("name: bad\n", f"name: '{name}'\n"))
    running.ctl("start-task", path)
    running.wait_stage(name, "Running", "Sync")
    running.ctl("stop-task", name)
    running.downstream.run("DROP DATABASE bad")
    running.ctl("start-task", path, "--remove-meta")
    running.wait_stage(name, "Running", "Sync")
    running.ctl("stop-task", name)


def test_unknown_names(running):
    shown(running.ctl("pause-task", "nobody", check=False), "nobody")
    shown(running.ctl("resume-task", "nobody", check=False), "nobody")
    shown(running.ctl("stop-task", "nobody", check=False), "nobody")
    shown(running.ctl("query-status", "-s", "nobody", check=False), "nobody")
    shown(running.ctl("operate-source", "stop", "nobody", check=False), "nobody")


def test_what_is_not_there_says_so(running):
    for command in (["start-relay", "-s", "src", "worker1"], ["validation", "status", "bad"],
                    ["transfer-source", "src", "worker1"]):
        shown(running.ctl(*command, check=False), "not supported")


@pytest.mark.parametrize("option,value,phrase", [
    ("skip-log-bin", None, "log_bin"), ("binlog-format", "STATEMENT", "binlog_format")])
def test_unusable_upstream(running, tmp_path, option, value, phrase):
    server = MariaDb(tmp_path / "up", 77, **{option: value}).start()
    try:
        server.run("CREATE DATABASE bad", "CREATE TABLE bad.t (id INT PRIMARY KEY)")
        created = running.create_source("unusable", server, check=False)
        if created.ok:
            running.start_worker(f"worker-{option}")
            path = running.task_file("bad", ["unusable"], running.downstream, ["bad"])
            shown(running.ctl("start-task", path, check=False), "26005", phrase)
            running.ctl("operate-source", "stop", "unusable")
            running.workers.pop(f"worker-{option}").stop()
        else:
            shown(created, phrase)
    finally:
        server.stop()


def test_failing_statement_downstream(running, schema):
    running.ctl("start-task", running.task_file("bad", ["src"], running.downstream, [schema]), "--remove-meta")
    running.wait_stage("bad", "Running", "Sync")
    running.wait_synced("bad", running.upstream)
    running.downstream.run("ALTER TABLE bad.t DROP COLUMN v")
    running.upstream.run("INSERT INTO bad.t VALUES (2, 'two')")
    error = running.wait_error("bad", phrase="1054")
    assert error["ErrScope"] == "downstream" and error["ErrClass"] and error["Message"], error
    running.downstream.run("ALTER TABLE bad.t ADD COLUMN v VARCHAR(10)", "UPDATE bad.t SET v = 'one'")
    running.ctl("resume-task", "bad")
    running.wait_synced("bad", running.upstream)
    assert difference(running.upstream, running.downstream, {"bad": "bad"}, definitions=False) is None


def test_ddl_that_cannot_be_replicated(running, schema):
    running.ctl("start-task", running.task_file("bad", ["src"], running.downstream, [schema]), "--remove-meta")
    running.wait_stage("bad", "Running", "Sync")
    running.upstream.run("ALTER TABLE bad.t ADD s BIGINT UNSIGNED GENERATED ALWAYS AS ROW START, ADD e BIGINT UNSIGNED GENERATED ALWAYS AS ROW "
                         "END, ADD PERIOD FOR SYSTEM_TIME (s, e), ADD SYSTEM VERSIONING")
    error = running.wait_error("bad")
    assert error["ErrCode"] in (36067, 44006), error
    assert "SYSTEM VERSIONING" in error["Message"] and "startLocation" in error["Message"], error


def test_downstream_away_for_a_while(running, schema, tmp_path):
    target = MariaDb(tmp_path / "away", 78).start()
    try:
        running.ctl("start-task", running.task_file("bad", ["src"], target, [schema]), "--remove-meta")
        running.wait_stage("bad", "Running", "Sync")
        running.wait_synced("bad", running.upstream)
        target.stop()
        running.upstream.run("INSERT INTO bad.t VALUES (3, 'three')")
        running.wait_error("bad", timeout=120)
        target.start()
        running.ctl("resume-task", "bad", check=False)
        running.wait_stage("bad", "Running", "Sync", timeout=120)
        running.wait_synced("bad", running.upstream)
        assert difference(running.upstream, target, {"bad": "bad"}) is None
    finally:
        running.ctl("stop-task", "bad", check=False)
        target.stop()
