"""CREATE TABLE with a type that the downstream does not know, CREATE DATABASE with such a character set: what somebody made there by hand is taken as it is."""
import pytest

from dmtest.crashing import CrashingCluster
from dmtest.migrated import Migrated

pytestmark = pytest.mark.xdist_group("made_by_hand")
SCHEMA = "byhand"
TAKEN = "that is taken as it is"


@pytest.fixture(scope="module")
def task(tmp_path_factory, servers):
    cluster = CrashingCluster.of_pair(tmp_path_factory.mktemp(SCHEMA), servers.get("mysql9", "up"), servers.get("mariadb", "down"))
    migrated = Migrated(cluster, cluster.upstream, cluster.downstream, [SCHEMA, f"{SCHEMA}_gb"], SCHEMA, source="src")
    cluster.sources = {"src": cluster.upstream}
    migrated.replicating()
    yield migrated
    cluster.stop()


def _create(task, name):
    task.write(f"CREATE TABLE {name} (id INT PRIMARY KEY, v VECTOR(2))", f"INSERT INTO {name} VALUES (1, TO_VECTOR('[1,2]'))")


def _by_hand(task, name):
    task.downstream.run(f"CREATE TABLE {SCHEMA}.{name} (id INT PRIMARY KEY, v VARBINARY(8))")


def _same(task, name):
    task.same(f"SELECT id, HEX(v) FROM {{0}}.{name} ORDER BY id")


def test_a_table_that_is_there(task):
    task.synced()
    _by_hand(task, "there")
    _create(task, "there")
    _same(task, "there")
    log = task.cluster.log(task.worker, 100000)
    assert TAKEN in log and "Unknown data type" in log


def test_a_table_that_is_made_after_the_refusal(task):
    _create(task, "later")
    error = task.cluster.wait_error(task.task, 10006, "Unknown data type: 'VECTOR'")
    assert "Make the table by hand" in error["Workaround"], error
    _by_hand(task, "later")
    task.cluster.ctl("resume-task", task.task)
    _same(task, "later")


def test_a_view_is_no_table(task):
    task.synced()
    task.downstream.run(f"CREATE VIEW {SCHEMA}.seen AS SELECT 1 AS id, 'x' AS v")
    _create(task, "seen")
    task.cluster.wait_error(task.task, 10006, "Unknown data type: 'VECTOR'")
    task.downstream.run(f"DROP VIEW {SCHEMA}.seen")
    _by_hand(task, "seen")
    task.cluster.ctl("resume-task", task.task)
    _same(task, "seen")


def test_what_replaces_a_table_is_not_what_was_there(task):
    """DROP and CREATE: the new table has no rows."""
    task.synced()
    _by_hand(task, "anew")
    _create(task, "anew")
    _same(task, "anew")
    task.write("DROP TABLE anew")
    _create(task, "anew")
    task.cluster.wait_error(task.task, 10006, "Unknown data type: 'VECTOR'")
    _by_hand(task, "anew")
    task.cluster.ctl("resume-task", task.task)
    _same(task, "anew")


def test_a_database(task):
    """MariaDB has not got the character set."""
    name = f"{SCHEMA}_gb"
    for server in (task.upstream, task.downstream):
        server.run(f"DROP DATABASE IF EXISTS {name}")
    task.synced()
    task.upstream.run(f"CREATE DATABASE {name} CHARACTER SET gb18030")
    error = task.cluster.wait_error(task.task, 10006, "Unknown character set: 'gb18030'")
    assert "Make the database by hand" in error["Workaround"], error
    task.downstream.run(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
    task.cluster.ctl("resume-task", task.task)
    task.synced()
    task.upstream.run(f"DROP DATABASE {name}")
    task.synced()


@pytest.mark.parametrize("number,point", enumerate(["sync/before-ddl-statement", "sync/after-ddl-statement", "sync/before-track", "sync/after-ddl"]))
def test_killed(task, number, point):
    task.synced()
    name = f"killed{number}"
    _by_hand(task, name)
    task.cluster.arm(point)
    _create(task, name)
    task.cluster.died(point)
    task.cluster.start_worker("worker1", wait=False)
    task.cluster.wait_stage(task.task, "Running", "Sync")
    task.write(f"INSERT INTO {name} VALUES (2, TO_VECTOR('[3,4]'))")
    _same(task, name)
