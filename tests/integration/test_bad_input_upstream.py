"""An upstream that cannot be read as the task needs it: binlogs that are gone, accounts that may not,
settings. What the task shows, who makes it go on, and that both sides are equal then."""
import contextlib

import pytest

from dmtest.bad_input import ITSELF, NOBODY, USER, BadInput, ids, shown
from dmtest.cluster import Cluster
from dmtest.compare import difference
from dmtest.servers import MariaDb
from dmtest.waiting import wait_for

SCHEMA = "bad_upstream"


@pytest.fixture(scope="module")
def running(tmp_path_factory, servers):
    """Upstreams of this file's own: their binlogs are purged. `src` is a MariaDB by position, the others are read by GTID."""
    cluster = Cluster(tmp_path_factory.mktemp("bad-upstream"))
    cluster.servers = {"src": servers.get("mariadb", "bad-up"), "gtid": servers.get("mysql9", "bad-up"),
                       "mariadb-gtid": servers.get("mariadb", "bad-gtid"), "mysql56-gtid": servers.get("mysql56gtid", "bad-up"),
                       "mysql": servers.get("mysql9", "bad-position")}
    cluster.downstream = servers.get("mariadb", "down")
    cluster.start_master()
    for i, (source, server) in enumerate(cluster.servers.items()):
        cluster.start_worker(f"worker{i + 1}")
        cluster.create_source(source, server, **{"enable-gtid": source.endswith("gtid"), "checker": {"backoff-max": "1s"}})
    yield cluster
    cluster.stop()


@pytest.fixture
def task(running):
    """The task of a source, whose table has a row."""
    started = []

    def start(source, *args, start=True, **more):
        server = running.servers[source]
        server.run(f"DROP DATABASE IF EXISTS {SCHEMA}", f"CREATE DATABASE {SCHEMA}",
                   f"CREATE TABLE {SCHEMA}.t (id INT PRIMARY KEY, v INT)", f"INSERT INTO {SCHEMA}.t VALUES (1, 1)")
        running.downstream.run(f"DROP DATABASE IF EXISTS {SCHEMA}")
        path = running.task_file("bad", [source], running.downstream, [SCHEMA], **{"meta-schema": "dm_bad_upstream", **more})
        running.path = path
        if start:
            running.ctl("start-task", path, "--remove-meta", *args)
            started.append(True)
            running.wait_stage("bad", "Running", "Sync")
            running.wait_synced("bad", server)
        return server

    yield start
    running.ctl("stop-task", "bad", check=False)


def text_of(error):
    return f"{error['Message']} {error['RawCause']} {error['Workaround']}"


def equal(running, server):
    found = difference(server, running.downstream, {SCHEMA: SCHEMA}, definitions=False)
    assert found is None, found


def anew(running, server):
    """What the errors of lost binlogs tell the user to do."""
    running.ctl("stop-task", "bad")
    running.downstream.run(f"DROP DATABASE {SCHEMA}")
    running.ctl("start-task", running.path, "--remove-meta")
    running.wait_stage("bad", "Running", "Sync")
    server.run(f"INSERT INTO {SCHEMA}.t VALUES (10, 10)")
    running.wait_synced("bad", server)
    equal(running, server)


IMAGES = [
    BadInput("binlog_row_image MINIMAL", ("src", "MINIMAL"), ("binlog_row_image is MINIMAL, and should be FULL",), ITSELF),
    BadInput("binlog_row_image NOBLOB, MySQL", ("mysql", "NOBLOB"), ("binlog_row_image is NOBLOB, and should be FULL",), ITSELF),
    BadInput("binlog_row_image MINIMAL, MySQL 5.6", ("mysql56-gtid", "MINIMAL"), ("binlog_row_image is MINIMAL, and should be FULL",), ITSELF),
]


@pytest.mark.parametrize("row", IMAGES, ids=ids)
def test_row_image_that_is_not_full(running, task, row):
    """start-task warns and starts: what the images say is applied."""
    source, image = row.input
    server = task(source, start=False)
    server.run(f"SET GLOBAL binlog_row_image = {image}")
    try:
        said = running.ctl("start-task", running.path, "--remove-meta")
        for phrase in row.shows:
            assert phrase in said.out, (phrase, str(said))
        running.wait_stage("bad", "Running", "Sync")
        server.run(f"INSERT INTO {SCHEMA}.t VALUES (2, 2), (3, 3)", f"UPDATE {SCHEMA}.t SET v = v + 1 WHERE id < 3", f"DELETE FROM {SCHEMA}.t WHERE id = 3")
        running.wait_synced("bad", server)
        equal(running, server)
    finally:
        server.run("SET GLOBAL binlog_row_image = FULL")


PURGE = "PURGE BINARY LOGS TO '{last}'"
LOST = [
    BadInput("binlog purged, by position", ("src", PURGE), (36069, "Error 1236", "{first}"), USER),
    BadInput("RESET MASTER, by position", ("src", "RESET MASTER"), (36069, "Error 1236", "{first}"), USER),
    BadInput("binlog purged, by GTID", ("gtid", PURGE), (36069, "Error 1236", "purged"), USER),
    BadInput("RESET BINARY LOGS, by GTID", ("gtid", "RESET BINARY LOGS AND GTIDS"), (36069, "Error 1236"), USER),
    BadInput("binlog purged, MySQL by position", ("mysql", PURGE), (36069, "Error 1236", "{first}"), USER),
    BadInput("binlog purged, MariaDB by GTID", ("mariadb-gtid", PURGE), (36069, "Error 1236", "purged"), USER),
    BadInput("RESET MASTER, MariaDB by GTID", ("mariadb-gtid", "RESET MASTER"), (36069, "no GTIDs any more"), USER),
    BadInput("binlog purged, MySQL 5.6 by GTID", ("mysql56-gtid", PURGE), (36069, "Error 1236", "purged"), USER),
]


@pytest.mark.parametrize("row", LOST, ids=ids)
def test_binlog_that_is_gone(running, task, row):
    """While the task is paused. It says which binlog, is not tried again and again, and a new full migration helps."""
    source, statement = row.input
    server = task(source)
    server.run("FLUSH BINARY LOGS")
    server.run(f"INSERT INTO {SCHEMA}.t VALUES (2, 2)")
    running.wait_synced("bad", server)
    running.ctl("pause-task", "bad")
    server.run(f"INSERT INTO {SCHEMA}.t VALUES (3, 3)", "FLUSH BINARY LOGS", "FLUSH BINARY LOGS")
    logs = [entry[0] for entry in server.run("SHOW BINARY LOGS")]
    first = running.status("bad")["sync"]["syncerBinlog"].split(",")[0].lstrip("(")
    gone = ("mysql-bin.000001",) if "RESET" in statement else (logs[-1],)

    def purged():  # a file that somebody reads, or that the server still needs, stays
        server.run(statement.format(last=logs[-1]))
        return server.run("SHOW BINARY LOGS")[0][0] in gone

    wait_for(purged, "the binlogs are gone", interval=0.3)
    worker = running.bound_worker(source)

    def told(phrase):
        return running.log(worker, 1000000).count(phrase)

    given_up, tried = told("task can't auto resume"), told("dispatch auto resume task")
    running.ctl("resume-task", "bad", check=False)
    code, *phrases = row.shows
    error = running.wait_error("bad", code)
    assert first in error["Workaround"], error
    wait_for(lambda: told("task can't auto resume") >= given_up + 2, lambda: "it is given up: " + running.log(worker))
    assert told("dispatch auto resume task") == tried
    assert error["ErrScope"] == "upstream" and error["Workaround"], error
    for phrase in phrases:
        assert phrase.format(first=first) in text_of(error), (phrase.format(first=first), error)
    assert not running.status("bad")["sync"]["synced"]
    assert row.resumed_by == USER
    anew(running, server)


# -- refused at the start
SETTINGS = [
    BadInput("binlog off", {"skip-log-bin": None}, ("26005", "log_bin is OFF, and should be ON")),
    BadInput("format MIXED", {"binlog-format": "MIXED"}, ("26005", "binlog_format is MIXED, and should be ROW")),
    BadInput("only other databases in the binlog", {"binlog-do-db": "elsewhere"},
             ("26005", f"these dbs [{SCHEMA}] are not in binlog_do_db[elsewhere]")),
]


@pytest.mark.parametrize("row", SETTINGS, ids=ids)
def test_setting(running, tmp_path, row):
    """Refused where the binlog is needed; mode full copies all the same."""
    server = MariaDb(tmp_path / "up", 871, **row.input).start()
    try:
        server.run(f"CREATE DATABASE {SCHEMA}", f"CREATE TABLE {SCHEMA}.t (id INT PRIMARY KEY, v INT)", f"INSERT INTO {SCHEMA}.t VALUES (1, 1)")
        running.downstream.run(f"DROP DATABASE IF EXISTS {SCHEMA}")
        running.create_source("odd", server)
        running.start_worker("worker8")
        shown(running.ctl("start-task", running.task_file("bad", ["odd"], running.downstream, [SCHEMA]), check=False), row)
        assert row.resumed_by == NOBODY and running.status("bad") is None
        path = running.task_file("bad", ["odd"], running.downstream, [SCHEMA], **{"task-mode": "full", "meta-schema": "dm_bad_upstream"})
        running.ctl("start-task", path, "--remove-meta")
        running.wait_stage("bad", "Finished")
        equal(running, server)
    finally:
        running.ctl("stop-task", "bad", check=False)
        running.ctl("operate-source", "stop", "odd", check=False)
        running.workers["worker8"].stop()
        server.stop()


# -- while the task runs
RUNNING = [
    BadInput("connection killed", "KILL {dump}", (), ITSELF),
    BadInput("password changed", "ALTER USER 'bad-up'@'%' IDENTIFIED BY 'other'", ("Error 1045 (28000): Access denied",), ITSELF,
             ("ALTER USER 'bad-up'@'%' IDENTIFIED BY 'pw'",)),
    BadInput("privilege taken away", "REVOKE REPLICATION SLAVE ON *.* FROM 'bad-up'@'%'", ("Access denied", "has REPLICATION SLAVE"), ITSELF,
             ("GRANT REPLICATION SLAVE ON *.* TO 'bad-up'@'%'",)),
]


@pytest.fixture(scope="module")
def by_account(running):
    """A source whose account the test may change."""
    server = running.servers["src"]
    server.run("CREATE OR REPLACE USER 'bad-up'@'%' IDENTIFIED BY 'pw'", "GRANT ALL ON *.* TO 'bad-up'@'%'")
    running.start_worker("worker9")
    running.create_source("account", server, **{"from": {"user": "bad-up", "password": "pw"}, "checker": {"backoff-max": "1s"}})
    running.servers["account"] = server
    yield "account"
    running.ctl("stop-task", "bad", check=False)
    running.ctl("operate-source", "stop", "account")


def dump_threads(server, user):
    return [entry[0] for entry in server.run(
        f"SELECT id FROM information_schema.processlist WHERE user = '{user}' AND command LIKE 'Binlog Dump%'")]


@pytest.mark.parametrize("row", RUNNING, ids=ids)
def test_while_it_runs(running, task, by_account, row):
    server = task(by_account)
    dump, = wait_for(lambda: dump_threads(server, "bad-up"), "it reads the log")
    try:
        server.run(row.input.format(dump=dump))
        for (number,) in server.run("SELECT id FROM information_schema.processlist WHERE user = 'bad-up'"):
            with contextlib.suppress(Exception):
                server.run(f"KILL {number}")
        server.run(f"INSERT INTO {SCHEMA}.t VALUES (2, 2)")
        if row.shows:
            error = running.wait_error("bad", timeout=90)
            for phrase in row.shows:
                assert phrase in text_of(error), error
            assert error["Workaround"], error
    finally:
        if row.repair:
            server.run(*row.repair)
    assert row.resumed_by == ITSELF
    running.wait_synced("bad", server)
    equal(running, server)


def test_tables_without_any_key(running, task):
    """Named by the check; replicated row by row all the same."""
    server = task("src", start=False)
    server.run(f"CREATE TABLE {SCHEMA}.nokey (a INT, b VARCHAR(9))", f"INSERT INTO {SCHEMA}.nokey VALUES (1, 'x'), (1, 'x'), (NULL, NULL)")
    checked = running.ctl("check-task", running.path)
    assert f"table `{SCHEMA}`.`nokey` primary/unique key does not exist" in checked.out, checked
    running.ctl("start-task", running.path, "--remove-meta")
    running.wait_stage("bad", "Running", "Sync")
    server.run(f"INSERT INTO {SCHEMA}.nokey VALUES (1, 'x'), (NULL, NULL)", f"DELETE FROM {SCHEMA}.nokey WHERE a = 1 LIMIT 1",
               f"UPDATE {SCHEMA}.nokey SET b = 'y' LIMIT 2")
    running.wait_synced("bad", server)
    equal(running, server)
    assert wait_for(lambda: f"{SCHEMA}" in running.log("worker1", 100000) and "nokey" in running.log("worker1", 100000), "the log names it")
