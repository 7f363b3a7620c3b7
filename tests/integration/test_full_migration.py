"""Dump and load: the modes, what they leave behind, duplicates, and what the user gets when the target is in the way."""
import contextlib
import os
import shutil
import subprocess

import pytest

from dmtest.cluster import Cluster
from dmtest.compare import difference
from dmtest.servers import MariaDb, time_zone_sql
from dmtest.waiting import wait_for

TASKS = ("full", "dump", "load", "other")


@pytest.fixture(scope="module")
def running(tmp_path_factory, servers):
    cluster = Cluster.of_pair(tmp_path_factory.mktemp("full"), servers.get("mariadb", "up"), servers.get("mariadb", "down"))
    yield cluster
    cluster.stop()


@pytest.fixture
def schema(running):
    """An empty schema `fm` on both sides; tasks and dump directories of the test before are gone."""
    for task in TASKS:
        running.ctl("stop-task", task, check=False)
    shutil.rmtree(dump_dir(running), ignore_errors=True)
    for server in (running.upstream, running.downstream):
        for name in ("fm", "fm2"):
            server.run(f"DROP DATABASE IF EXISTS {name}")
    running.downstream.run("DROP DATABASE IF EXISTS dm_fm")
    running.upstream.run("CREATE DATABASE fm")
    yield "fm"
    for task in TASKS:
        running.ctl("stop-task", task, check=False)


def dump_dir(cluster):
    return os.path.join(cluster.dir, "dumped_data")


def task(cluster, name, mode, schemas=("fm",), **more):
    settings = {"task-mode": mode, "meta-schema": "dm_fm", **more}
    return cluster.task_file(name, ["src"], cluster.downstream, schemas, **settings)


def start(cluster, name, mode, *args, **more):
    cluster.ctl("start-task", task(cluster, name, mode, **more), *args)


def numbers(server, table, count, schema="fm", first=1, definition="id INT PRIMARY KEY, v VARCHAR(20)"):
    server.run(f"CREATE TABLE {schema}.{table} ({definition})",
               f"INSERT INTO {schema}.{table} SELECT seq, CONCAT('v', seq) FROM {schema}.seq_{first}_to_{first + count - 1}")


def know_zone(server, name):
    """Puts a named time zone into a MariaDB."""
    if server.value(f"SELECT CONVERT_TZ('2020-01-01', '+00:00', '{name}')") is None:
        subprocess.run(["mariadb", "--no-defaults", "-S", os.path.join(server.dir, "s.sock"), "-u", "root", "mysql"],
                       input=time_zone_sql(name), check=True, text=True, timeout=60)


def same(cluster, schemas=None, **more):
    found = difference(cluster.upstream, cluster.downstream, schemas or {"fm": "fm"}, **more)
    assert found is None, found


# -- modes
def test_dump_then_load_under_other_names(running, schema):
    numbers(running.upstream, "t", 1000)
    numbers(running.upstream, "nokey", 500, definition="a INT, b VARCHAR(20)")
    start(running, "dump", "dump", mydumpers={"dump": {"rows": 300, "extra-args": "--statement-size 500"}})
    status = running.wait_stage("dump", "Finished")
    assert status["unit"] == "Dump" and status["dump"]["finishedRows"] == 1500, status
    files = sorted(os.listdir(dump_dir(running)))
    assert "metadata" in files and "fm-schema-create.sql" in files and "fm.t-schema.sql" in files, files
    assert len([f for f in files if f.startswith("fm.t.")]) > 1, files
    assert running.downstream.value("SELECT COUNT(*) FROM information_schema.schemata WHERE schema_name = 'fm'") == 0
    start(running, "load", "load", schemas={"fm": "fm2"})
    status = running.wait_stage("load", "Finished")
    assert status["load"]["progress"] == "100.00 %", status
    same(running, {"fm": "fm2"})
    left = sorted(os.listdir(dump_dir(running)))
    assert left == ["fm-schema-create.sql", "fm.nokey-schema.sql", "fm.t-schema.sql", "metadata"], left


@pytest.mark.parametrize("end", [",\n", ")", "(", "VALUES\n"])
def test_data_files_that_are_cut_off(running, schema, end):
    """Wherever that is: rows may be missing. The load is not done, and the file stays."""
    numbers(running.upstream, "t", 300)
    start(running, "dump", "dump", mydumpers={"dump": {"extra-args": "--statement-size 500"}})
    running.wait_stage("dump", "Finished")
    path, = (os.path.join(dump_dir(running), name) for name in os.listdir(dump_dir(running)) if name.startswith("fm.t.0"))
    with open(path) as f:
        whole = f.read()
    statements = whole.split(";\n")
    cut = ";\n".join([*statements[:5], statements[5][:statements[5].rindex(end) + len(end)]])
    with open(path, "w") as f:
        f.write(cut)
    start(running, "load", "load")
    error = running.wait_error("load", 34019, os.path.basename(path))
    assert "cut off" in error["Workaround"], error
    with open(path, "w") as f:
        f.write(whole)
    running.ctl("stop-task", "load")
    start(running, "load", "load", "--remove-meta")
    running.wait_stage("load", "Finished")
    same(running)


def test_a_data_file_without_content(running, schema):
    """All of it is cut off."""
    numbers(running.upstream, "t", 300)
    start(running, "dump", "dump")
    running.wait_stage("dump", "Finished")
    path, = (os.path.join(dump_dir(running), name) for name in os.listdir(dump_dir(running)) if name.startswith("fm.t.0"))
    os.rename(path, path + ".whole")
    open(path, "w").close()
    start(running, "load", "load")
    error = running.wait_error("load", 34019, os.path.basename(path))
    assert "put the whole file back" in error["Workaround"], error
    os.rename(path + ".whole", path)
    running.ctl("resume-task", "load")
    running.wait_stage("load", "Finished")
    same(running)


def test_a_dump_in_directories(running, schema):
    """Made elsewhere. What values mean is told by the table's schema file, wherever that is."""
    running.upstream.run("SET SESSION sql_mode = ''", "CREATE TABLE fm.t (id INT PRIMARY KEY, e ENUM('a','b'))", "INSERT INTO fm.t VALUES (1, 'a'), (2, '')")
    start(running, "dump", "dump")
    running.wait_stage("dump", "Finished")
    for name in os.listdir(dump_dir(running)):
        if name.startswith("fm.t"):
            os.renames(os.path.join(dump_dir(running), name), os.path.join(dump_dir(running), "part", name))
    start(running, "load", "load")
    running.wait_stage("load", "Finished")
    same(running)


def test_load_and_sync_goes_on_from_the_dump(running, schema):
    numbers(running.upstream, "t", 1000)
    start(running, "dump", "dump")
    running.wait_stage("dump", "Finished")
    running.upstream.run("UPDATE fm.t SET v = 'later' WHERE id < 10", "DELETE FROM fm.t WHERE id = 500")
    start(running, "load", "load&sync")
    running.wait_stage("load", "Running", "Sync")
    running.upstream.run("INSERT INTO fm.t VALUES (5000, 'last')")
    running.wait_synced("load", running.upstream)
    same(running)
    assert not os.path.exists(dump_dir(running))


def test_a_finished_dump_survives_its_worker(running, schema):
    numbers(running.upstream, "t", 100)
    start(running, "dump", "dump")
    running.wait_stage("dump", "Finished")
    before = open(os.path.join(dump_dir(running), "metadata")).read()
    running.workers["worker1"].kill9()
    running.start_worker("worker1")
    running.wait_stage("dump", "Finished")
    assert open(os.path.join(dump_dir(running), "metadata")).read() == before
    # A new start makes a new dump.
    running.ctl("stop-task", "dump")
    start(running, "dump", "dump")
    running.wait_stage("dump", "Finished")
    assert open(os.path.join(dump_dir(running), "metadata")).read() != before


def test_dump_refuses_a_directory_with_other_files(running, schema):
    numbers(running.upstream, "t", 10)
    os.makedirs(dump_dir(running))
    open(os.path.join(dump_dir(running), "thesis.tex"), "w").close()
    start(running, "dump", "dump")
    running.wait_error("dump", 32001, "thesis.tex")
    assert os.path.exists(os.path.join(dump_dir(running), "thesis.tex"))


def test_two_dumps_never_share_a_directory(running, schema, servers):
    second = servers.get("mysql9", "up")
    second.run("DROP DATABASE IF EXISTS fm", "CREATE DATABASE fm", "CREATE TABLE fm.u (id INT PRIMARY KEY)",
               "INSERT INTO fm.u VALUES (1)")
    numbers(running.upstream, "t", 10)
    running.start_worker("worker2")
    running.create_source("src2", second)
    with running.upstream.connect() as holder:
        holder.cursor().execute("LOCK TABLES fm.t WRITE")
        start(running, "dump", "dump", mydumpers={"dump": {"extra-args": "--consistency none"}})
        wait_for(lambda: os.path.exists(os.path.join(dump_dir(running), "fm-schema-create.sql")), "the first dump runs")
        running.ctl("start-task", running.task_file("other", ["src2"], running.downstream, ["fm"],
                                                    **{"task-mode": "dump", "meta-schema": "dm_fm"}))
        running.wait_error("other", 32001, "in use by another dump or load")
    running.wait_stage("dump", "Finished")
    files = os.listdir(dump_dir(running))
    assert "fm.t-schema.sql" in files and "fm.u-schema.sql" not in files, files
    running.ctl("stop-task", "other")
    running.ctl("operate-source", "stop", "src2")
    running.workers.pop("worker2").stop()
    running.ctl("offline-member", "--worker", "--name", "worker2", check=False)


# -- duplicates
@pytest.mark.parametrize("policy", ["replace", "ignore", "error"])
def test_rows_that_exist(running, schema, policy):
    numbers(running.upstream, "t", 2000)
    running.downstream.run("CREATE DATABASE fm", "CREATE TABLE fm.t (id INT PRIMARY KEY, v VARCHAR(20))",
                           "INSERT INTO fm.t VALUES (777, 'mine')")
    start(running, "full", "full", loaders={"load": {"on-duplicate-logical": policy}})
    if policy == "error":
        running.wait_error("full", 34019, "Error 1062")
        running.downstream.run("DELETE FROM fm.t WHERE id = 777")
        running.ctl("resume-task", "full")
    running.wait_stage("full", "Finished")
    assert running.downstream.value("SELECT v FROM fm.t WHERE id = 777") == ("mine" if policy == "ignore" else "v777")
    running.downstream.run("UPDATE fm.t SET v = 'v777' WHERE id = 777")
    same(running)


# -- a target that is in the way
@pytest.mark.parametrize("definition,value,phrase", [
    ("id INT PRIMARY KEY, v VARCHAR(3)", "'abcdef'", "'v'"),
    ("id INT PRIMARY KEY, v TINYINT", "300", "'v'"),
    ("id INT PRIMARY KEY, v VARCHAR(20) CHARACTER SET latin1", "'\U0001F600'", "v"),
    ("id INT PRIMARY KEY, v VARCHAR(20) NOT NULL", "NULL", "'v'"),
])
def test_values_that_the_target_cannot_hold_stop_the_load(running, schema, definition, value, phrase):
    running.upstream.run("CREATE TABLE fm.t (id INT PRIMARY KEY, v VARCHAR(20) CHARACTER SET utf8mb4)",
                         f"INSERT INTO fm.t VALUES (1, {value}), (2, '7')")
    running.downstream.run("CREATE DATABASE fm", f"CREATE TABLE fm.t ({definition})")
    start(running, "full", "full")
    error = running.wait_error("full", 34019, phrase)
    assert "`fm`.`t`" in error["RawCause"], error
    assert running.downstream.value("SELECT COUNT(*) FROM fm.t") == 0
    running.downstream.run("ALTER TABLE fm.t MODIFY v VARCHAR(20) CHARACTER SET utf8mb4")
    running.ctl("resume-task", "full")
    running.wait_stage("full", "Finished")
    same(running, definitions=False)


def test_odd_values_of_the_upstream_are_no_reason_to_stop(running, schema):
    running.upstream.run(
        "SET sql_mode = ''",
        "CREATE TABLE fm.t (id INT PRIMARY KEY, e ENUM('a','b'), s SET('x'), d DATE, f FLOAT, g INT AS (id / (id - 1)) STORED, "
        "z DOUBLE, v VARCHAR(30))",
        "INSERT INTO fm.t (id, e, s, d, f, z, v) VALUES (1, 'none', 'none', '0000-00-00', 3.4028234663852886e38, -0.0, ''), "
        "(2, 'a', '', '2020-02-31', -3.4028234663852886e38, 1e-300, '\\\\&\\'\"%_\\0\\Z\\r\\n')")
    start(running, "full", "full", loaders={"load": {"on-duplicate-logical": "error"}})
    running.wait_stage("full", "Finished")
    same(running)


def test_target_with_more_columns(running, schema):
    numbers(running.upstream, "t", 100)
    running.downstream.run("CREATE DATABASE fm", "CREATE TABLE fm.t (extra INT DEFAULT 7, id INT PRIMARY KEY, v VARCHAR(20), "
                           "made DATETIME DEFAULT CURRENT_TIMESTAMP)")
    for server in (running.upstream, running.downstream):
        know_zone(server, "Asia/Tokyo")
    start(running, "full", "full", timezone="Asia/Tokyo")
    running.wait_stage("full", "Finished")
    assert running.downstream.run("SELECT COUNT(*), MIN(extra), MAX(extra) FROM fm.t") == ((100, 7, 7),)
    # In the task's zone, as after the dump.
    hours = running.downstream.value("SELECT TIMESTAMPDIFF(MINUTE, UTC_TIMESTAMP(), MAX(made)) FROM fm.t")
    assert 530 <= hours <= 541, hours


@contextlib.contextmanager
def held_row(running):
    """A table to migrate, one of whose rows is there and locked; it is let go at the end."""
    numbers(running.upstream, "t", 100)
    running.downstream.run("CREATE DATABASE fm", "CREATE TABLE fm.t (id INT PRIMARY KEY, v VARCHAR(20))",
                           "INSERT INTO fm.t VALUES (50, 'x')")
    with running.downstream.connect() as holder:
        holder.cursor().execute("BEGIN")
        holder.cursor().execute("UPDATE fm.t SET v = 'held'")
        yield
        holder.rollback()


def test_a_lock_that_does_not_go_away_pauses_the_load(running, schema):
    with held_row(running):
        start(running, "full", "full", **{"target-database": {"session": {"innodb_lock_wait_timeout": 1}}})
        error = running.wait_error("full", 34019, "Error 1205")
        assert "`fm`.`t`" in error["RawCause"], error
    running.ctl("resume-task", "full")
    running.wait_stage("full", "Finished")
    same(running)


def test_pause_ends_a_load_that_waits(running, schema):
    with held_row(running):
        start(running, "full", "full")
        running.wait_stage("full", "Running", "Load")
        running.ctl("pause-task", "full", timeout=20)
        status = running.wait_stage("full", "Paused", "Load")
        assert status["result"]["isCanceled"] and not status["result"]["errors"], status
    running.ctl("resume-task", "full")
    running.wait_stage("full", "Finished")
    same(running)


def test_collation_that_the_target_lacks(running, schema, servers):
    upstream = servers.get("mysql9", "up")
    upstream.run("DROP DATABASE IF EXISTS fm", "CREATE DATABASE fm CHARACTER SET gb18030",
                 "CREATE TABLE fm.t (id INT PRIMARY KEY)", "INSERT INTO fm.t VALUES (1)")
    running.start_worker("worker3")
    running.create_source("src3", upstream)
    path = running.task_file("other", ["src3"], running.downstream, ["fm"],
                             **{"task-mode": "full", "meta-schema": "dm_fm"})
    running.ctl("start-task", path)
    running.wait_error("other", 34019, "gb18030")
    # The way out: make them by hand.
    running.downstream.run("CREATE DATABASE fm", "CREATE TABLE fm.t (id INT PRIMARY KEY)")
    running.ctl("resume-task", "other")
    running.wait_stage("other", "Finished")
    assert running.downstream.value("SELECT COUNT(*) FROM fm.t") == 1
    running.ctl("stop-task", "other")
    running.ctl("operate-source", "stop", "src3")
    running.workers.pop("worker3").stop()


# -- names and modes of the upstream
@pytest.mark.parametrize("mode", ["NO_BACKSLASH_ESCAPES", "ANSI_QUOTES", "PAD_CHAR_TO_FULL_LENGTH,EMPTY_STRING_IS_NULL"])
def test_sql_modes_of_the_upstream(running, schema, mode):
    default = running.upstream.value("SELECT @@GLOBAL.sql_mode")
    try:
        running.upstream.run("CREATE TABLE fm.`it's` (id INT PRIMARY KEY, c CHAR(10) NOT NULL DEFAULT '', v VARCHAR(40) "
                             "COMMENT 'a\"b')",
                             "INSERT INTO fm.`it's` VALUES (1, 'x', 'a\\\\b''c\"d\\n'), (2, '', '')")
        running.upstream.run(f"SET GLOBAL sql_mode = '{mode}'")
        start(running, "full", "all", schemas={"fm": "fm2"}, loaders={"load": {"on-duplicate-logical": "error"}})
        running.wait_stage("full", "Running", "Sync")
        running.upstream.run("INSERT INTO fm.`it's` VALUES (3, 'y', 'later')")
        running.wait_synced("full", running.upstream)
    finally:
        running.upstream.run(f"SET GLOBAL sql_mode = '{default}'")
    same(running, {"fm": "fm2"})


def test_views_in_any_order(running, schema):
    numbers(running.upstream, "t", 10)
    running.upstream.run("USE fm", "CREATE VIEW z_v AS SELECT id, v FROM t", "CREATE VIEW a_v AS SELECT id FROM z_v",
                         "CREATE VIEW m_v AS SELECT _utf8mb4'é' AS c FROM a_v")
    start(running, "full", "full", mydumpers={"dump": {"extra-args": "--no-views=false"}})
    running.wait_stage("full", "Finished")
    for view in ("z_v", "a_v", "m_v"):
        assert running.upstream.run(f"SELECT * FROM fm.{view}") == running.downstream.run(f"SELECT * FROM fm.{view}")


def test_history_of_a_table_is_not_dumped(running, schema):
    running.upstream.run("CREATE TABLE fm.t (id INT PRIMARY KEY, x INT) WITH SYSTEM VERSIONING", "INSERT INTO fm.t VALUES (1, 0)",
                         *[f"UPDATE fm.t SET x = {x}" for x in range(1, 6)])
    start(running, "full", "full")
    running.wait_stage("full", "Finished")
    assert running.downstream.run("SELECT id, x FROM fm.t") == ((1, 5),)


def test_the_hour_that_comes_twice(running, schema):
    running.upstream.run("SET time_zone = '+00:00'",
                         "CREATE TABLE fm.t (id INT PRIMARY KEY, ts TIMESTAMP(6) NULL, d DATETIME)",
                         "INSERT INTO fm.t VALUES (1, '2025-10-26 00:30:00', '2025-10-26 02:30:00'), "
                         "(2, '2025-10-26 01:30:00', '2025-10-26 02:30:00')")
    for server in (running.upstream, running.downstream):
        know_zone(server, "Europe/Berlin")
    start(running, "full", "full", timezone="Europe/Berlin")
    running.wait_stage("full", "Finished")
    read = ("SET time_zone = '+00:00'", "SELECT id, UNIX_TIMESTAMP(ts), d FROM fm.t ORDER BY id")
    assert running.upstream.run(*read) == running.downstream.run(*read)


def test_dump_over_tls(running, schema, servers):
    """The options of the dumper name files on the worker; the server made the certificates itself."""
    upstream = servers.get("mysql9", "up")
    upstream.run("DROP DATABASE IF EXISTS fm", "CREATE DATABASE fm", "CREATE TABLE fm.t (id INT PRIMARY KEY)",
                 "INSERT INTO fm.t VALUES (1), (2)")
    running.start_worker("worker5")
    running.create_source("src5", upstream)
    try:
        for ca, works in ((os.path.join(upstream.data(), "ca.pem"), True), ("/nonexistent/ca.pem", False)):
            settings = {"task-mode": "full", "meta-schema": "dm_fm", "ignore-checking-items": ["all"],
                        "mydumpers": {"dump": {"extra-args": f"--ca {ca}"}}}
            running.ctl("start-task", running.task_file("other", ["src5"], running.downstream, ["fm"], **settings),
                        "--remove-meta")
            if works:
                running.wait_stage("other", "Finished")
                assert running.downstream.value("SELECT COUNT(*) FROM fm.t") == 2
            else:
                running.wait_error("other", 32001, "/nonexistent/ca.pem")
            running.ctl("stop-task", "other")
    finally:
        running.ctl("operate-source", "stop", "src5", check=False)
        running.workers.pop("worker5").stop()


def test_target_that_changes_its_time_zone_before_the_load(running, schema):
    running.upstream.run("SET time_zone = '+00:00'", "CREATE TABLE fm.t (id INT PRIMARY KEY, ts TIMESTAMP NULL)",
                         "INSERT INTO fm.t VALUES (1, '2024-07-01 12:00:00'), (2, NULL)")
    default = running.downstream.value("SELECT @@GLOBAL.time_zone")
    try:
        running.downstream.run("SET GLOBAL time_zone = '+01:00'")
        start(running, "dump", "dump")
        running.wait_stage("dump", "Finished")
        running.downstream.run("SET GLOBAL time_zone = '+05:30'")
        start(running, "load", "load")
        running.wait_stage("load", "Finished")
    finally:
        running.downstream.run(f"SET GLOBAL time_zone = '{default}'")
    read = "SELECT id, UNIX_TIMESTAMP(ts) FROM fm.t ORDER BY id"
    assert running.upstream.run(read) == running.downstream.run(read)


def test_sources_whose_names_differ_in_case(running, schema, servers):
    target = servers.get("mysql9", "down")
    second = servers.get("mysql9", "up")
    target.run("DROP DATABASE IF EXISTS fm", "DROP DATABASE IF EXISTS fm3", "DROP DATABASE IF EXISTS dm_fm")
    second.run("DROP DATABASE IF EXISTS fm", "DROP DATABASE IF EXISTS fm3", "CREATE DATABASE fm3", "CREATE TABLE fm3.u (id INT PRIMARY KEY)",
               "INSERT INTO fm3.u VALUES (1), (2), (3)")
    numbers(running.upstream, "t", 10)
    running.ctl("operate-source", "stop", "src")
    try:
        running.start_worker("worker6")
        running.create_source("db-A", running.upstream)
        running.create_source("db-a", second)
        path = running.task_file("other", ["db-A", "db-a"], target, ["fm", "fm3"],
                                 **{"task-mode": "full", "meta-schema": "dm_fm", "loaders": {"load": {"dir": "./dump"}}})
        running.ctl("start-task", path)

        def finished():
            return all((running.status("other", source) or {}).get("stage") == "Finished" for source in ("db-A", "db-a"))

        wait_for(finished, lambda: f"{running.ctl('query-status', 'other')}")
        assert target.value("SELECT COUNT(*) FROM fm.t") == 10
        assert target.value("SELECT COUNT(*) FROM fm3.u") == 3
        running.ctl("stop-task", "other")
    finally:
        for source in ("db-A", "db-a"):
            running.ctl("operate-source", "stop", source, check=False)
        running.workers.pop("worker6").stop()
        running.create_source("src", running.upstream)


def test_position_of_the_snapshot_as_gtid(running, schema):
    numbers(running.upstream, "t", 100)
    running.start_worker("worker7")
    running.create_source("gtid", running.upstream, **{"enable-gtid": True})
    try:
        running.ctl("start-task", running.task_file("other", ["gtid"], running.downstream, ["fm"],
                                                    **{"meta-schema": "dm_fm", "clean-dump-file": False}))
        running.wait_stage("other", "Running", "Sync")
        metadata = open(os.path.join(dump_dir(running) + ".other", "metadata")).read()
        assert "GTID:0-" in metadata, metadata
        running.upstream.run("INSERT INTO fm.t VALUES (1000, 'x')", "DELETE FROM fm.t WHERE id = 1")
        running.wait_synced("other", running.upstream)
        same(running)
    finally:
        running.ctl("stop-task", "other", check=False)
        running.ctl("operate-source", "stop", "gtid", check=False)
        running.workers.pop("worker7").stop()
        shutil.rmtree(dump_dir(running) + ".other", ignore_errors=True)


def test_an_account_that_may_not_read_the_position(running, schema, tmp_path):
    upstream = MariaDb(tmp_path / "up", 61).start()
    try:
        upstream.run("CREATE DATABASE fm", "CREATE TABLE fm.t (id INT PRIMARY KEY)", "INSERT INTO fm.t VALUES (1), (2)",
                     "CREATE USER reader@'%' IDENTIFIED BY 'x'", "GRANT SELECT, RELOAD ON *.* TO reader@'%'")
        running.start_worker("worker4")
        running.create_source("src4", upstream, **{"from": {"user": "reader", "password": "x"}})
        settings = {"meta-schema": "dm_fm", "ignore-checking-items": ["all"]}
        running.ctl("start-task", running.task_file("other", ["src4"], running.downstream, ["fm"], **settings))
        error = running.wait_error("other", 32001)
        assert "BINLOG MONITOR" in error["RawCause"] and error["RawCause"].startswith("sql: SHOW "), error
        running.ctl("stop-task", "other")
        running.ctl("start-task", running.task_file("other", ["src4"], running.downstream, ["fm"],
                                                    **settings, **{"task-mode": "full"}))
        running.wait_stage("other", "Finished")
        assert running.downstream.value("SELECT COUNT(*) FROM fm.t") == 2
        running.ctl("stop-task", "other")
        running.ctl("operate-source", "stop", "src4")
        running.workers.pop("worker4").stop()
    finally:
        upstream.stop()
