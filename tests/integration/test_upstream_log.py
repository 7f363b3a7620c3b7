"""What the upstream's log says beside its rows: transactions that never ended, foreign keys, and which server's log it is."""
import struct

import pytest

from dmtest.cluster import Cluster
from dmtest.migrated import Migrated
from dmtest.replicating import Replicating
from dmtest.servers import MariaDb
from dmtest.vip import Vip
from dmtest.waiting import wait_for

SCHEMA = "crash"
TABLES = ("CREATE TABLE pk (id INT PRIMARY KEY, v LONGTEXT)", "CREATE TABLE nokey (a INT, v LONGTEXT)")


def cut_last_transaction(server, rows_events):
    """Leaves only so many rows events of the last transaction of the last binlog file, as a server that dies while it writes."""
    file = server.run("SHOW BINARY LOGS")[-1][0]
    server.kill9()
    with open(f"{server.data()}/{file}", "r+b") as log:
        content = log.read()
        offset, begin, ends = 4, None, []
        while offset < len(content):
            kind, _, size = struct.unpack_from("<BII", content, offset + 4)
            offset += size
            if kind == 162:  # GTID
                ends = []
            if kind in (23, 30):  # WRITE_ROWS
                ends.append(offset)
        log.truncate(ends[rows_events - 1])


@pytest.mark.parametrize("gtid", [False, True])
def test_a_transaction_that_the_upstream_rolled_back(tmp_path, servers, gtid):
    """MariaDB does not cut its log when it comes up: the transaction in it that has no end is not applied, however large."""
    upstream = MariaDb(tmp_path / "up", server_id=71).start()
    cluster = Cluster(tmp_path / "cluster")
    try:
        cluster.start_master()
        cluster.start_worker("worker1")
        cluster.create_source("src", upstream, **{"enable-gtid": gtid})
        task = Replicating(cluster, upstream, servers.get("mariadb", "down"), "unended", SCHEMA)
        task.recreate(SCHEMA)
        upstream.run(f"USE {SCHEMA}", *TABLES, "INSERT INTO pk VALUES (1, 'a')", "INSERT INTO nokey VALUES (1, 'a')")
        task.begin()
        for first, length, rows_events in ((100, 10, 15), (200, 1 << 20, 22)):
            cluster.ctl("pause-task", task.task)
            with upstream.connect(database=SCHEMA) as connection:
                cursor = connection.cursor()
                cursor.execute("BEGIN")
                for i in range(12):
                    cursor.execute(f"INSERT INTO pk VALUES ({first + i}, REPEAT('x', {length}))")
                    cursor.execute(f"INSERT INTO nokey VALUES ({first + i}, REPEAT('x', {length}))")
                cursor.execute("COMMIT")
            cut_last_transaction(upstream, rows_events)
            upstream.start()
            # (It had been committed there before the log was cut.)
            upstream.run("SET SESSION sql_log_bin = 0", f"USE {SCHEMA}", f"DELETE FROM pk WHERE id >= {first}",
                         f"DELETE FROM nokey WHERE a >= {first}")
            upstream.run(f"USE {SCHEMA}", f"INSERT INTO pk VALUES ({first}, 'behind')", f"INSERT INTO nokey VALUES ({first}, 'behind')")
            task.resume()
            task.equal()
        # Whole ones of that size are applied, in a file that is closed as well.
        cluster.ctl("pause-task", task.task)
        upstream.run(f"USE {SCHEMA}", "BEGIN",
                     *(f"INSERT INTO pk VALUES ({300 + i}, REPEAT('x', 1024 * 1024))" for i in range(12)), "COMMIT", "FLUSH BINARY LOGS")
        task.resume()
        task.equal()
    finally:
        cluster.stop()
        upstream.stop()


@pytest.mark.parametrize("kind", ["mariadb", "mysql9"])
def test_changes_that_the_upstream_made_without_foreign_keys(cluster, servers, kind):
    """With foreign_key_checks=1 downstream nothing is cascaded there that was not upstream."""
    upstream, downstream = servers.get(kind, "up"), servers.get("mariadb", "down")
    cluster.start_master()
    cluster.start_worker("worker1")
    cluster.create_source("src", upstream)
    task = Replicating(cluster, upstream, downstream, "keys", "families")
    task.recreate("families")
    upstream.run("USE families", "CREATE TABLE p (id INT PRIMARY KEY, v INT)",
                 "CREATE TABLE c (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES p (id) ON DELETE CASCADE ON UPDATE CASCADE)",
                 "INSERT INTO p VALUES (1, 1), (2, 2), (3, 3), (4, 4)", "INSERT INTO c VALUES (1, 1), (2, 2), (3, 3), (4, 4)")
    task.begin(**{"target-database": {"session": {"foreign_key_checks": "1"}}, "syncers": {"sync": {"safe-mode-duration": "0s"}}})
    upstream.run("USE families", "SET foreign_key_checks = 0", "DELETE FROM p WHERE id = 1", "UPDATE p SET id = 20 WHERE id = 2",
                 "INSERT INTO c VALUES (7, 70)")
    upstream.run("USE families", "REPLACE INTO p VALUES (3, 30)" if kind == "mysql9" else "DELETE FROM p WHERE id = 3",
                 "DELETE FROM p WHERE id = 4")
    task.equal()
    # What is checked there is checked and cascaded here.
    assert downstream.run("SELECT id FROM families.c WHERE id = 4") == ()


def test_another_server_is_not_read_at_a_position(tmp_path, cluster, servers):
    """Without GTIDs a task does not go on behind a VIP that has moved, in this run or after a restart; back on its server it does."""
    here, there = servers.get("mariadb", "up"), servers.get("mariadb", "other")
    vip = Vip(here)
    try:
        for server in (here, there):
            server.run(f"DROP DATABASE IF EXISTS {SCHEMA}", f"CREATE DATABASE {SCHEMA}", f"USE {SCHEMA}", *TABLES)
        cluster.start_master()
        cluster.start_worker("worker1")
        cluster.create_source("src", vip)
        task = Replicating(cluster, here, servers.get("mariadb", "down"), "vip", SCHEMA)
        task.downstream.run(f"DROP DATABASE IF EXISTS {SCHEMA}")
        task.begin()
        here.run(f"INSERT INTO {SCHEMA}.pk VALUES (1, 'here')")
        task.equal()
        vip.cut()  # the same server again: nothing to tell
        here.run(f"INSERT INTO {SCHEMA}.pk VALUES (2, 'here')")
        task.equal()
        cluster.ctl("pause-task", task.task)
        task.resume()
        here.run(f"INSERT INTO {SCHEMA}.pk VALUES (4, 'here')")
        task.equal()  # it reads
        vip.move(there)
        error = cluster.wait_error(task.task, 36069, "another server")
        assert "enable-gtid" in error["Workaround"], error
        cluster.workers["worker1"].kill9()
        cluster.start_worker("worker1")
        cluster.wait_error(task.task, 36069, "another server")
        vip.move(here)
        here.run(f"INSERT INTO {SCHEMA}.pk VALUES (3, 'here')")
        task.resume()
        task.equal()
        # Its log begins anew: the position is of a file that is gone, though there is one of that name.
        state = "SELECT value FROM dm_meta.vip_syncer_state WHERE name = 'upstream'"
        wait_for(lambda: task.downstream.run(state), "the log is stored")
        cluster.ctl("pause-task", task.task)
        task.downstream.run("UPDATE dm_meta.vip_syncer_state SET value = CONCAT('1', value) WHERE name = 'upstream'")
        cluster.ctl("resume-task", task.task)
        cluster.wait_error(task.task, 36069, "was begun anew")
    finally:
        vip.stop()


def test_an_upstream_that_gives_up_gtids(cluster, servers):
    """A source that is read by GTID says what to do, and the task goes on by position."""
    upstream = servers.get("mysql9", "without-gtids")
    cluster.start_master()
    m = Migrated(cluster, upstream, servers.get("mariadb", "down"), ["gtids"], "gtids", gtid=True)
    m.replicating("CREATE TABLE t (id INT PRIMARY KEY)", "INSERT INTO t VALUES (1)")
    m.write("INSERT INTO t VALUES (2)")
    m.synced()
    try:
        upstream.run(*[f"SET GLOBAL gtid_mode = {mode}" for mode in ("ON_PERMISSIVE", "OFF_PERMISSIVE")])
        cluster.workers[m.worker].kill9()
        m.write("INSERT INTO t VALUES (3)")
        cluster.start_worker("worker1")
        error = cluster.wait_error(m.task, 36069)
        assert "1236" in error["RawCause"] and "`enable-gtid: false`" in error["Workaround"] and "gtid_mode" in error["Workaround"], error
        upstream.run("SET GLOBAL gtid_mode = OFF")
        m.write("INSERT INTO t VALUES (4)")
        m.stop()
        cluster.ctl("operate-source", "stop", m.source)
        cluster.create_source(m.source, upstream)
        cluster.ctl("start-task", m.file())
        cluster.wait_stage(m.task, "Running", "Sync")
        m.equal()
    finally:
        m.stop()
        for mode in ("OFF_PERMISSIVE", "ON_PERMISSIVE", "ON"):
            upstream.run(f"SET GLOBAL gtid_mode = {mode}")
