"""kill -9 at every crash point of replication, then a restart: nothing is lost, nothing comes twice."""
import itertools

import pymysql
import pytest

from dmtest.crashing import CrashScene
from dmtest.waiting import wait_for

pytestmark = pytest.mark.xdist_group("crash_points_sync")
SCHEMA = "cps"
_numbers = itertools.count(1)


@pytest.fixture
def scene(crash_home):
    crash_home.ready()
    return crash_home


def finish(scene):
    """Changes come in while the worker is away and when it is back."""
    scene.traffic(2)
    scene.back()
    scene.traffic(2)
    scene.equal()


# -- rows and checkpoints
ROWS = ["sync/before-commit", "3*sync/before-commit", "sync/after-commit", "4*sync/after-commit", "sync/before-serial-commit",
        "3*sync/before-serial-commit", "sync/after-serial-commit", "3*sync/after-serial-commit",
        "sync/before-checkpoint-write", "2*sync/before-checkpoint-write", "meta/before-commit", "sync/after-checkpoint-write"]


@pytest.mark.parametrize("point", ROWS)
def test_rows(scene, point):
    scene.arm(point)
    if point[0].isdigit():  # how many commits or checkpoints some traffic takes is not certain
        wait_for(lambda: scene.traffic(1) or not scene.cluster.workers["worker1"].alive(), "it dies", interval=0.2)
    scene.traffic()
    scene.died(point)
    finish(scene)


# -- the first steps of a run that follows a kill
BEGIN = ["sync/after-checkpoint-table", "sync/after-meta-tables", "owner/before-raise-commit", "owner/after-raise",
         "sync/before-begin", "sync/after-begin", "sync/before-exit-point", "sync/after-exit-point",
         "sync/before-safe-mode-end", "sync/after-safe-mode-end"]


@pytest.mark.parametrize("point", BEGIN)
def test_begin(scene, point):
    scene.traffic()
    scene.cluster.workers["worker1"].kill9()
    scene.traffic()
    scene.arm(point)
    scene.back()
    scene.died(point)
    finish(scene)


def test_lost_connections(scene):
    """A slot's epoch is raised once more when an answer to COMMIT is lost."""
    point = "owner/after-raise-of-one"
    scene.arm(point)

    def cut():
        with scene.downstream.connect() as own:
            cursor = own.cursor()
            cursor.execute("SELECT id FROM information_schema.processlist WHERE user = 'dm' AND id <> CONNECTION_ID()")
            for (number,) in cursor.fetchall():
                try:
                    cursor.execute(f"KILL {number}")
                except Exception:
                    pass  # it has just ended
        scene.traffic(1)
        return not scene.cluster.workers["worker1"].alive()

    wait_for(cut, "it dies", interval=0.3)
    scene.died(point)
    finish(scene)


# -- DDL
DDL = ["sync/before-flush", "sync/before-execute", "sync/before-intent", "sync/before-ddl-statement",
       "sync/after-ddl-statement", "sync/before-track", "sync/before-save", "sync/before-checkpoint", "sync/after-ddl"]


@pytest.mark.parametrize("point", DDL)
@pytest.mark.parametrize("there", [False, True], ids=["fresh", "there"])
def test_ddl(scene, point, there):
    """`there`: the downstream has executed the statement already, before the task comes to it."""
    number = next(_numbers)
    table = ("pk", "composite", "nullable", "nokey")[number % 4]
    statement = f"ALTER TABLE {SCHEMA}.{table} ADD COLUMN c{number} INT DEFAULT {number}"
    scene.traffic(1)
    if there:
        scene.synced()
        scene.downstream.run(statement)
    scene.arm(point)
    scene.traffic(1)
    scene.run(statement)
    scene.traffic(1)
    scene.died(point)
    finish(scene)


TWO_STATEMENTS = [("2*sync/before-intent", False), ("2*sync/before-ddl-statement", False), ("2*sync/after-ddl-statement", False),
                  ("2*sync/before-intent", True), ("sync/after-ddl-statement", True), ("sync/before-track", True)]


@pytest.mark.parametrize("point,there", TWO_STATEMENTS)
def test_an_event_of_two_statements(scene, point, there):
    number = next(_numbers)
    scene.run(f"CREATE TABLE one{number} (id INT PRIMARY KEY)", f"CREATE TABLE two{number} (a INT)",
              f"INSERT INTO one{number} VALUES (1)", f"INSERT INTO two{number} VALUES (1), (1)")
    scene.synced()
    # Each of the two renames is executed once: executed again, the second would fail or hit the other table.
    statement = f"RENAME TABLE {SCHEMA}.one{number} TO {SCHEMA}.was{number}, {SCHEMA}.two{number} TO {SCHEMA}.one{number}"
    if there:
        scene.downstream.run(f"RENAME TABLE {SCHEMA}.one{number} TO {SCHEMA}.was{number}")
    scene.arm(point)
    scene.run(statement, f"INSERT INTO one{number} VALUES (2)", f"INSERT INTO was{number} VALUES (3)")
    scene.died(point)
    finish(scene)


SINGLE_CHANGES = ["sync/before-single-changes", "sync/after-single-change", "2*sync/after-single-change"]


@pytest.mark.parametrize("point", SINGLE_CHANGES)
def test_one_change_of_a_list_is_there(scene, point):
    number = next(_numbers)
    scene.synced()
    scene.downstream.run(f"ALTER TABLE {SCHEMA}.nokey ADD COLUMN x{number} INT")
    scene.arm(point)
    scene.run(f"ALTER TABLE nokey ADD COLUMN x{number} INT, ADD COLUMN y{number} INT DEFAULT 3",
              f"INSERT INTO nokey (a, x{number}, y{number}) VALUES (1, 1, 1), (1, 1, 1)")
    scene.died(point)
    finish(scene)


@pytest.mark.parametrize("point", ["sync/before-refusal", "sync/after-refusal"])
def test_refused_statement(scene, point):
    """Two rows downstream have the value that becomes unique. What repairs that is not taken for the statement's effect."""
    number = next(_numbers)
    scene.run(f"CREATE TABLE refused{number} (id INT PRIMARY KEY, v INT)", f"INSERT INTO refused{number} VALUES (1, 1), (2, 2)")
    scene.synced()
    scene.downstream.run(f"UPDATE {SCHEMA}.refused{number} SET v = 2")
    scene.arm(point)
    scene.run(f"ALTER TABLE refused{number} ADD UNIQUE KEY u (v)")
    scene.died(point)
    scene.back()
    scene.cluster.wait_error(scene.task, phrase="1062")
    scene.downstream.run(f"UPDATE {SCHEMA}.refused{number} SET v = id")
    scene.cluster.ctl("resume-task", scene.task, check=False)
    scene.traffic(1)
    scene.equal()


# -- XA
def decide(scene, xid, end):
    """By another session, as soon as the one that prepared the branch has gone."""
    def done():
        try:
            scene.run(f"XA {end} '{xid}'")
            return True
        except pymysql.err.OperationalError as e:
            assert e.args[0] == 1397, e  # XAER_NOTA
            return False

    wait_for(done, f"{xid} can be decided")


@pytest.mark.parametrize("point,end", [("sync/xa-prepared", "COMMIT"), ("sync/xa-prepared", "ROLLBACK"),
                                       ("sync/xa-commit", "COMMIT"), ("sync/xa-decided", "COMMIT"),
                                       ("sync/xa-decided", "ROLLBACK")])
def test_xa(scene, point, end):
    xid = f"branch{next(_numbers)}"
    scene.arm(point)
    scene.run(f"XA START '{xid}'", "INSERT INTO nokey (a, b) VALUES (1, 'xa'), (1, 'xa')",
              "INSERT INTO nullable (a, b) VALUES (NULL, 'xa')", "UPDATE composite SET n = n + 1",
              f"XA END '{xid}'", f"XA PREPARE '{xid}'")
    if point == "sync/xa-prepared":
        scene.died(point)
        scene.back()
        decide(scene, xid, end)
    else:
        decide(scene, xid, end)
        scene.died(point)
        scene.back()
    scene.traffic(2)
    scene.equal()


# -- commands
def stopped_by_a_statement(scene):
    """The task waits for somebody who says what to do with a statement; the table that it is about."""
    table = f"broken{next(_numbers)}"
    scene.run(f"CREATE TABLE {table} (id INT PRIMARY KEY, v INT)", f"INSERT INTO {table} VALUES (1, 1), (2, 2)")
    scene.synced()
    scene.downstream.run(f"UPDATE {SCHEMA}.{table} SET v = 7")
    scene.run(f"ALTER TABLE {table} ADD UNIQUE KEY u (v)")
    scene.cluster.wait_error(scene.task, phrase="1062")
    return table


@pytest.mark.parametrize("point", ["sync/operator-stored", "sync/operator-skipped", "meta/before-commit"])
def test_skip(scene, point):
    table = stopped_by_a_statement(scene)
    scene.arm(point)
    command = scene.cluster.begin("binlog", "skip", scene.task)
    scene.died(point)
    command.abandon()
    scene.back()
    if point == "meta/before-commit":  # nothing is stored: the command has to be repeated
        scene.cluster.wait_error(scene.task, phrase="1062")
        scene.cluster.ctl("binlog", "skip", scene.task)
    scene.running()
    scene.downstream.run(f"UPDATE {SCHEMA}.{table} SET v = id", f"ALTER TABLE {SCHEMA}.{table} ADD UNIQUE KEY u (v)")
    scene.run(f"INSERT INTO {table} VALUES (3, 3)")
    scene.traffic(2)
    scene.equal()


@pytest.mark.parametrize("point", ["sync/operator-step-done", "2*sync/operator-step-done", "sync/after-ddl-statement"])
def test_replace(scene, point):
    """Two statements instead of one; each is executed once."""
    table = stopped_by_a_statement(scene)
    scene.arm(point)
    command = scene.cluster.begin("binlog", "replace", scene.task,
                                  f"ALTER TABLE {SCHEMA}.{table} ADD INDEX (v);ALTER TABLE {SCHEMA}.{table} ADD INDEX (v, id)")
    scene.died(point)
    command.abandon()
    scene.back()
    scene.traffic(1)
    scene.synced()
    keys = sorted({row[2] for row in scene.downstream.run(f"SHOW INDEX FROM {SCHEMA}.{table}")})
    assert keys == ["PRIMARY", "v", "v_2"], keys
    scene.run(f"DROP TABLE {table}")
    scene.equal()


def test_revert(scene):
    """Of an operation for a place that the task has not come to."""
    at = "mysql-bin.999999:4"
    scene.cluster.ctl("binlog", "skip", scene.task, "-b", at)
    assert "999999" in scene.cluster.ctl("binlog", "list", scene.task, "-b", at).out
    scene.arm("sync/operator-removed")
    command = scene.cluster.begin("binlog", "revert", scene.task, "-b", at)
    scene.died("sync/operator-removed")
    command.abandon()
    finish(scene)
    assert "999999" not in scene.cluster.ctl("binlog", "list", scene.task, "-b", at).out
    again = scene.cluster.ctl("binlog", "revert", scene.task, "-b", at, check=False)
    assert "36065" in again.out, again


@pytest.mark.parametrize("point", ["sync/before-definition", "meta/before-commit", "sync/after-definition"])
def test_definition_is_given(scene, point):
    """Of a column that no binlog tells of."""
    column = f"given{next(_numbers)}"
    scene.synced()
    alter = f"ALTER TABLE {SCHEMA}.nokey ADD COLUMN {column} INT FIRST"
    scene.upstream.run("SET sql_log_bin = 0", alter, "SET sql_log_bin = 1", f"INSERT INTO {SCHEMA}.nokey ({column}, a) VALUES (5, 5)")
    scene.downstream.run(alter)
    scene.cluster.wait_error(scene.task, 36027)
    scene.cluster.ctl("pause-task", scene.task, check=False)
    args = ("binlog-schema", "update", scene.task, SCHEMA, "nokey", "--from-source", "-s", scene.source)
    scene.arm(point)
    command = scene.cluster.begin(*args)
    scene.died(point)
    command.abandon()
    scene.back()
    scene.cluster.wait_stage(scene.task, "Paused")
    if point != "sync/after-definition":
        scene.cluster.ctl(*args)
    scene.cluster.ctl("resume-task", scene.task, check=False)
    scene.traffic(1)
    scene.equal()


# -- ends
@pytest.mark.parametrize("point", ["sync/before-last-checkpoint", "sync/after-last-checkpoint"])
@pytest.mark.parametrize("how", ["pause", "stop"])
def test_end(scene, point, how):
    """Killed while the task is paused, or while the worker stops."""
    scene.traffic()
    scene.arm(point)
    if how == "pause":
        command = scene.cluster.begin("pause-task", scene.task)
        scene.died(point)
        scene.back()
        assert command.join().ok
        scene.cluster.wait_stage(scene.task, "Paused")
        scene.traffic()
        scene.cluster.ctl("resume-task", scene.task)
        scene.equal()
    else:
        scene.cluster.workers["worker1"].send(15)
        scene.died(point)
        finish(scene)


def test_checkpoint_table_is_widened(crash_home):
    """A long GTID set needs other columns."""
    cluster = crash_home.cluster
    cluster.start_worker("worker2")
    cluster.create_source("gtid", cluster.upstream, **{"enable-gtid": True})
    scene = CrashScene(cluster, cluster.upstream, cluster.downstream, "cpsg", source="gtid")
    scene.prepare()
    scene.start()
    scene.running()
    with open(cluster._points("worker2"), "w") as file:
        file.write("meta/long-sets=return;sync/after-widening=kill")
    scene.traffic()
    cluster.died("sync/after-widening", "worker2")
    cluster.start_worker("worker2", wait=False)
    scene.traffic()
    scene.equal()
    cluster.ctl("stop-task", scene.task)
    cluster.ctl("operate-source", "stop", "gtid")
    cluster.workers["worker2"].stop()
