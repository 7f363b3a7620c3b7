"""A running task and a target that does not take what comes: what the task shows, who makes it go on, and that both sides are
equal then. One task runs all the time; its target session is strict."""
import contextlib
import os

import pytest

from dmtest.bad_input import ITSELF, USER, BadInput, ids
from dmtest.cluster import Cluster
from dmtest.compare import difference
from dmtest.waiting import wait_for

SCHEMA, ACCOUNT = "bad_target", "bad-target"
TABLE = "CREATE TABLE {t} (id INT PRIMARY KEY, v VARCHAR(10), n INT)"


@pytest.fixture(scope="module")
def home(tmp_path_factory, servers):
    cluster = Cluster(tmp_path_factory.mktemp("bad-target"))
    cluster.upstream, cluster.downstream = servers.get("mariadb", "up"), servers.get("mariadb", "down")
    cluster.start_master()
    cluster.start_worker("worker1")
    cluster.create_source("src", cluster.upstream, checker={"backoff-max": "1s"})
    # An account that `read_only` is for.
    cluster.downstream.run(f"CREATE OR REPLACE USER '{ACCOUNT}'@'%' IDENTIFIED BY 'pw'", f"GRANT ALL ON *.* TO '{ACCOUNT}'@'%'",
                           f"REVOKE SUPER, READ_ONLY ADMIN, CONNECTION ADMIN ON *.* FROM '{ACCOUNT}'@'%'")
    yield cluster
    cluster.stop()
    cluster.downstream.run(f"DROP USER '{ACCOUNT}'@'%'")


@pytest.fixture
def running(home, request):
    """The task runs, and nothing is to be done. It is a new one if the row needs one, or if the last has left it paused."""
    row = request.node.callspec.params["row"]
    status = home.status("bad")
    if row.holds == NO_REPEATS or status is None or status["stage"] != "Running":
        home.ctl("stop-task", "bad", check=False)
        for server in (home.upstream, home.downstream):
            server.run(f"DROP DATABASE IF EXISTS {SCHEMA}")
        home.upstream.run(f"CREATE DATABASE {SCHEMA}", f"CREATE TABLE {SCHEMA}.beat (id INT AUTO_INCREMENT PRIMARY KEY)")
        path = home.task_file("bad", ["src"], home.downstream, [SCHEMA], **{
            "meta-schema": "dm_bad_target",
            "target-database": {"user": ACCOUNT, "password": "pw"},
            "syncers": {"sync": {"safe-mode-duration": "1s", "batch": 10}}})
        home.ctl("start-task", path, "--remove-meta")
        home.wait_stage("bad", "Running", "Sync")
        repeats_are_over(home)
    return home


def as_root(server, *statements):
    with contextlib.closing(server._as_root()) as root:
        for statement in statements:
            root.cursor().execute(statement)


def cut_connections(server):
    """New connections have what was changed meanwhile."""
    for (number,) in server.run(f"SELECT id FROM information_schema.processlist WHERE user = '{ACCOUNT}'"):
        with contextlib.suppress(Exception):
            server.run(f"KILL {number}")


def cannot_resume(cluster):
    with open(os.path.join(cluster.dir, "worker1", "dm-worker.log"), errors="replace") as f:
        return f.read().count("task can't auto resume")


NO_REPEATS = "safe mode is off"  # else rows are replaced, and what is in the way goes
MANY_KEYS = "ALTER TABLE {t} " + ", ".join(f"ADD KEY k{i} (n)" for i in range(63))
NO_MORE_KEYS = "ALTER TABLE {t} " + ", ".join(f"DROP KEY k{i}" for i in range(63))
MANY_COLUMNS = "ALTER TABLE {t} " + ", ".join(f"ADD COLUMN c{i} TINYINT" for i in range(1014))
NO_MORE_COLUMNS = "ALTER TABLE {t} " + ", ".join(f"DROP COLUMN c{i}" for i in range(1014))

# input: (statements downstream, statements upstream).
ROWS = [
    BadInput("table missing", (["DROP TABLE {t}"], ["INSERT INTO {t} VALUES (2, 'two', 2)"]),
             (None, "Error 1146 (42S02): Table", "Create what is missing downstream"), ITSELF,
             ("CREATE TABLE {t} (id INT PRIMARY KEY, v VARCHAR(10), n INT)", "INSERT INTO {t} VALUES (1, 'one', 1)")),
    BadInput("column missing", (["ALTER TABLE {t} DROP COLUMN n"], ["UPDATE {t} SET n = 5"]),
             (10006, "UPDATE", "Error 1054 (42S22): Unknown column 'n'", "Add the column downstream"), ITSELF,
             ("ALTER TABLE {t} ADD COLUMN n INT",)),
    BadInput("column too short", (["ALTER TABLE {t} MODIFY v VARCHAR(3)"], ["INSERT INTO {t} VALUES (2, 'too long', 2)"]),
             (10006, "INSERT", "Error 1406 (22001): Data too long for column 'v'", "Alter the downstream table"), USER,
             ("ALTER TABLE {t} MODIFY v VARCHAR(10)",)),
    BadInput("column of another type", (["SET sql_mode = ''", "ALTER TABLE {t} MODIFY v INT"], ["INSERT INTO {t} VALUES (2, 'words', 2)"]),
             (10006, "Error 1366 (22007): Incorrect integer value: 'words' for column", "Alter the downstream table"), USER,
             ("ALTER TABLE {t} MODIFY v VARCHAR(10)", "UPDATE {t} SET v = 'one'")),
    BadInput("column of another character set", (["ALTER TABLE {t} MODIFY v VARCHAR(10) CHARACTER SET latin1"],
                                                 ["INSERT INTO {t} VALUES (2, '\U0001F600', 2)"]),
             (10006, "Error 1366 (22007): Incorrect string value", "Alter the downstream table"), USER,
             ("ALTER TABLE {t} MODIFY v VARCHAR(10)",)),
    BadInput("number out of range", (["ALTER TABLE {t} MODIFY n TINYINT"], ["INSERT INTO {t} VALUES (2, 'two', 300)"]),
             (10006, "Error 1264 (22003): Out of range value for column 'n'", "Alter the downstream table"), ITSELF,
             ("ALTER TABLE {t} MODIFY n INT",)),
    BadInput("NULL where none may be", (["ALTER TABLE {t} MODIFY v VARCHAR(10) NOT NULL"], ["INSERT INTO {t} VALUES (2, NULL, 2)"]),
             (10006, "Error 1048 (23000): Column 'v' cannot be null", "Alter the downstream table"), ITSELF,
             ("ALTER TABLE {t} MODIFY v VARCHAR(10)",)),
    BadInput("constraint that only the target has", (["ALTER TABLE {t} ADD CONSTRAINT small CHECK (n < 3)"],
                                                     ["INSERT INTO {t} VALUES (2, 'two', 3)"]),
             (10006, "Error 4025 (23000): CONSTRAINT `small` failed", "Drop the constraint downstream"), ITSELF,
             ("ALTER TABLE {t} DROP CONSTRAINT small",)),
    BadInput("trigger that refuses", (["CREATE TRIGGER {t}_no BEFORE INSERT ON {t} FOR EACH ROW SIGNAL SQLSTATE '45000' "
                                       "SET MESSAGE_TEXT = 'not here'"], ["INSERT INTO {t} VALUES (2, 'two', 2)"]),
             (10006, "Error 1644 (45000): not here", "Drop the trigger downstream"), ITSELF, ("DROP TRIGGER {t}_no",)),
    BadInput("row that is there", (["INSERT INTO {t} VALUES (2, 'mine', 9)"], ["INSERT INTO {t} VALUES (2, 'two', 2)"]),
             (10006, "INSERT INTO", "Error 1062 (23000): Duplicate entry '2' for key 'PRIMARY'", "other writers downstream"), USER,
             ("DELETE FROM {t} WHERE id = 2",), NO_REPEATS),
    BadInput("key that only the target has", (["ALTER TABLE {t} ADD UNIQUE KEY mine (v)"], ["INSERT INTO {t} VALUES (2, 'one', 2)"]),
             (10006, "Error 1062 (23000): Duplicate entry 'one' for key 'mine'", "other writers downstream"), USER,
             ("ALTER TABLE {t} DROP KEY mine",), NO_REPEATS),
    BadInput("too many keys", ([MANY_KEYS], ["ALTER TABLE {t} ADD KEY more (v)", "INSERT INTO {t} VALUES (2, 'two', 2)"]),
             (10006, "ADD", "Error 1069 (42000): Too many keys specified", "Remove the cause"), USER, (NO_MORE_KEYS,)),
    BadInput("too many columns", ([MANY_COLUMNS], ["ALTER TABLE {t} ADD COLUMN more INT", "INSERT INTO {t} VALUES (2, 'two', 2, 2)"]),
             (10006, "ADD COLUMN", "Too many columns", "Remove the cause"), USER, (NO_MORE_COLUMNS,)),
]


def table_of(row):
    return f"{SCHEMA}.t{ROWS.index(row)}" if row in ROWS else f"{SCHEMA}.`{row.name}`"


def begin(running, table):
    running.upstream.run(TABLE.format(t=table), f"INSERT INTO {table} VALUES (1, 'one', 1)")
    running.wait_synced("bad", running.upstream)


def pauses(running, row):
    code, *phrases = row.shows
    error = running.wait_error("bad", code)
    assert error["ErrScope"] == "downstream", error
    text = f"{error['Message']} {error['RawCause']} {error['Workaround']}"
    for phrase in phrases:
        assert phrase in text, error
    # Where it was, and what to do.
    assert "startLocation: [position: (mysql-bin." in error["Message"], error
    assert error["Workaround"], error


def goes_on(running, row, seen):
    if row.resumed_by == USER:
        wait_for(lambda: cannot_resume(running) > seen, "the checker has looked at it", timeout=30)
        assert running.status("bad")["stage"] == "Paused"
        running.ctl("resume-task", "bad")
    running.wait_synced("bad", running.upstream)
    assert running.status("bad")["stage"] == "Running"
    found = difference(running.upstream, running.downstream, {SCHEMA: SCHEMA}, definitions=False)
    assert found is None, found


def repeats_are_over(running):
    """New rows are inserted, not replaced: looked at when a change comes."""
    def over():
        running.upstream.run(f"INSERT INTO {SCHEMA}.beat VALUES ()")
        return "disable safe-mode after task initialization" in running.log("worker1", 100000).rsplit("start to run", 1)[-1]

    wait_for(over, "safe mode is off", interval=0.3)
    running.wait_synced("bad", running.upstream)


@pytest.mark.parametrize("row", ROWS, ids=ids)
def test_target(running, row):
    table = table_of(row)
    begin(running, table)
    seen = cannot_resume(running)
    downstream, upstream = row.input
    running.downstream.run(*[s.format(t=table) for s in downstream])
    running.upstream.run(*[s.format(t=table) for s in upstream])
    pauses(running, row)
    running.downstream.run(*[s.format(t=table) for s in row.repair])
    goes_on(running, row, seen)


# -- settings of the server
SERVER_ROWS = [
    BadInput("target read-only", ["SET GLOBAL read_only = 1"],
             (10006, "Error 1290 (HY000)", "--read-only", "Make the server writable"), ITSELF, ("SET GLOBAL read_only = 0",)),
    BadInput("privilege taken away", [f"REVOKE INSERT, DELETE ON *.* FROM '{ACCOUNT}'@'%'"],
             (None, "command denied to user", "Give the account the privilege"), ITSELF, (f"GRANT INSERT, DELETE ON *.* TO '{ACCOUNT}'@'%'",)),
    BadInput("password changed", [f"SET PASSWORD FOR '{ACCOUNT}'@'%' = PASSWORD('other')"],
             (None, "Error 1045 (28000): Access denied"), ITSELF, (f"SET PASSWORD FOR '{ACCOUNT}'@'%' = PASSWORD('pw')",)),
    BadInput("packets too small", ["SET GLOBAL max_allowed_packet = 65536"], (None, "max_allowed_packet"), ITSELF,
             ("SET GLOBAL max_allowed_packet = 16777216",)),
]


@pytest.mark.parametrize("row", SERVER_ROWS, ids=ids)
def test_server(running, row):
    table = table_of(row)
    begin(running, table)
    running.upstream.run(f"ALTER TABLE {table} MODIFY v MEDIUMTEXT")
    running.wait_synced("bad", running.upstream)
    as_root(running.downstream, *row.input)
    try:
        cut_connections(running.downstream)
        running.upstream.run(f"INSERT INTO {table} VALUES (2, REPEAT('x', 500000), 2)", f"DELETE FROM {table} WHERE id = 1")
        code, *phrases = row.shows
        error = running.wait_error("bad", code, timeout=120)
        assert error["ErrScope"] == "downstream" and error["Workaround"], error
        for phrase in phrases:
            assert phrase in f"{error['Message']} {error['RawCause']} {error['Workaround']}", error
    finally:
        as_root(running.downstream, *row.repair)
    goes_on(running, row, 0)
