"""kill -9 at every point where state changes hands, then restart: nothing lost, nothing doubled."""
import random
import threading

import pytest

from dmtest.compare import difference
from dmtest.waiting import wait_for

SCHEMA = "crash"

TABLES = """
CREATE TABLE pk (id INT PRIMARY KEY, v VARCHAR(40), u INT, UNIQUE KEY (u));
CREATE TABLE nokey (a INT, b VARCHAR(40));
CREATE TABLE nullable (a INT, b VARCHAR(40), UNIQUE KEY (a));
"""


class Writer(threading.Thread):
    """Random changes of all three tables until stopped. Every transaction touches tables with and without a key."""

    def __init__(self, server, seed=1):
        super().__init__(daemon=True)
        self.server, self.rng, self.ending, self.count, self.error = server, random.Random(seed), threading.Event(), 0, None

    def run(self):
        try:
            connection = self.server.connect(database=SCHEMA)
            connection.autocommit(False)
            cursor = connection.cursor()
            while not self.ending.is_set():
                self.transaction(cursor)
                connection.commit()
                self.count += 1
        except Exception as e:
            self.error = e

    def transaction(self, cursor):
        rng = self.rng
        for _ in range(rng.randint(1, 8)):
            key, kind = rng.randint(1, 500), rng.randint(0, 8)
            if kind == 0:
                cursor.execute("REPLACE INTO pk VALUES (%s, %s, %s)", (key, f"v{rng.random()}", rng.randint(1, 400)))
            elif kind == 1:
                cursor.execute("UPDATE IGNORE pk SET u = %s, v = 'u' WHERE id = %s", (rng.randint(1, 400), key))
            elif kind == 2:
                cursor.execute("UPDATE IGNORE pk SET id = %s WHERE id = %s", (rng.randint(1, 500), key))
            elif kind == 3:
                cursor.execute("DELETE FROM pk WHERE id = %s", (key,))
            elif kind in (4, 5):
                cursor.execute("INSERT INTO nokey VALUES (%s, %s)", (key % 20, rng.choice(["a", "b", None])))
            elif kind == 6:
                cursor.execute("DELETE FROM nokey WHERE a = %s LIMIT 1", (key % 20,))
            elif kind == 7:
                cursor.execute("UPDATE nokey SET b = %s WHERE a = %s LIMIT 2", (f"x{key}", key % 20))
            else:
                cursor.execute("INSERT IGNORE INTO nullable (a, b) VALUES (%s, %s)", (rng.choice([None, key]), "n"))

    def stop(self):
        self.ending.set()
        self.join()
        if self.error:
            raise self.error


@pytest.fixture
def migration(servers, cluster):
    """A cluster with data to migrate from one MariaDB to another; the worker is started by the test."""
    yield from prepare(cluster, servers.get("mariadb", "up"), servers.get("mariadb", "down"))


def prepare(cluster, upstream, downstream):
    """Tables and a task file for the cluster; yields it once, then ends what writes."""
    for server in (upstream, downstream):
        server.run(f"DROP DATABASE IF EXISTS {SCHEMA}")
    downstream.run("DROP DATABASE IF EXISTS dm_crash")
    upstream.run(f"CREATE DATABASE {SCHEMA}")
    upstream.script(f"USE {SCHEMA};\n{TABLES}")
    with upstream.connect(database=SCHEMA) as connection:
        cursor = connection.cursor()
        for start in range(0, 4000, 2000):
            cursor.executemany("INSERT INTO nokey VALUES (%s, %s)", [(i % 20, f"row {i % 7}") for i in range(start, start + 2000)])
        cursor.executemany("INSERT INTO pk VALUES (%s, %s, %s)", [(i, f"v{i}", i) for i in range(1, 400)])
    cluster.start_master()
    cluster.upstream, cluster.downstream = upstream, downstream
    cluster.writers = []
    cluster.task = cluster.task_file(
        "crash", ["src"], downstream, [SCHEMA], **{"meta-schema": "dm_crash", "mydumpers": {"dump": {"rows": 500}}})
    yield cluster
    for writer in cluster.writers:  # of a test that failed
        writer.ending.set()
        writer.join()


def write(cluster, seed=1):
    """Changes come in from now on."""
    writer = Writer(cluster.upstream, seed)
    cluster.writers.append(writer)
    writer.start()
    return writer


def start(cluster):
    cluster.create_source("src", cluster.upstream)
    cluster.ctl("start-task", cluster.task)


def wait_killed(cluster, name="worker1", timeout=60):
    cluster.wait_killed(name, timeout)


def finish(cluster, writer=None):
    """The worker comes back without fail points; everything is replicated and equal."""
    cluster.start_worker("worker1")
    if writer:
        goal = writer.count + 50
        wait_for(lambda: writer.count >= goal or writer.error, "the writer goes on")
    finish_running(cluster, writer)


def finish_running(cluster, writer=None):
    if writer:
        writer.stop()
    cluster.wait_stage("crash", "Running", "Sync")
    cluster.wait_synced("crash", cluster.upstream)
    found = difference(cluster.upstream, cluster.downstream, {SCHEMA: SCHEMA})
    assert found is None, found


@pytest.mark.parametrize("point", ["dump/chunk", "dump/after-last-chunk", "dump/after-metadata"])
def test_killed_in_dump(migration, point):
    migration.start_worker("worker1", failpoints=f"{point}=kill")
    start(migration)
    wait_killed(migration)
    finish(migration)


@pytest.mark.parametrize("point", ["load/running", "load/before-commit", "load/after-chunk", "3*load/after-chunk",
                                   "load/after-file", "load/after-last-chunk", "load/finished",
                                   "sync/after-commit", "20*sync/after-commit", "sync/before-checkpoint-write",
                                   "3*sync/before-checkpoint-write"])
def test_killed_in_load_or_sync(migration, point):
    times, _, name = point.rpartition("*")
    migration.start_worker("worker1", failpoints=f"{name}={times + '*' if times else ''}kill")
    writer = write(migration)
    start(migration)
    wait_killed(migration)
    finish(migration, writer)


@pytest.mark.parametrize("point", ["sync/before-flush", "sync/before-track", "sync/before-execute", "sync/before-save",
                                   "sync/before-checkpoint"])
def test_killed_in_ddl(migration, point):
    migration.start_worker("worker1", failpoints=f"{point}=kill")
    start(migration)
    writer = write(migration)
    wait_for(lambda: writer.count > 20 or writer.error, "some transactions")
    migration.upstream.run(f"ALTER TABLE {SCHEMA}.nullable ADD COLUMN c INT DEFAULT 7")
    wait_killed(migration)
    finish(migration, writer)


def test_killed_again_and_again(migration):
    """Not at a chosen point but at any: five times while changes come in."""
    migration.start_worker("worker1")
    start(migration)
    migration.wait_stage("crash", "Running", "Sync")
    writer = write(migration, seed=5)
    for _ in range(5):
        goal = writer.count + 150
        wait_for(lambda: writer.count >= goal or writer.error, "some transactions")
        migration.workers["worker1"].kill9()
        migration.start_worker("worker1", wait=False)
        migration.wait_stage("crash", "Running", "Sync")
    finish_running(migration, writer)


def test_master_and_etcd_killed_in_sync(migration):
    """Replication goes on without dm-master; after its restart commands work and the data is equal."""
    migration.start_worker("worker1")
    start(migration)
    migration.wait_stage("crash", "Running", "Sync")
    writer = write(migration, seed=6)
    migration.master.kill9()
    goal = writer.count + 100
    wait_for(lambda: writer.count >= goal or writer.error, "some transactions")
    migration.start_master()
    migration.wait_stage("crash", "Running", "Sync")
    finish_running(migration, writer)
