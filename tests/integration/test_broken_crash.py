"""Operations on statements of the binlog across crashes: `binlog skip` and the like, given once."""
import re

import pytest

from dmtest.broken import SCHEMA, Running
from dmtest.waiting import wait_for


@pytest.mark.parametrize("point", ["1*sync/after-ddl-statement", "2*sync/before-track", "1*sync/before-save",
                                   "1*sync/operator-step-done", "2*sync/operator-step-done"])
def test_given_statements_are_executed_once(servers, cluster, point):
    """kill -9 around statements that are not idempotent; nobody gives a command again."""
    count, name = point.split("*")
    upstream, downstream = servers.get("mariadb", "up"), servers.get("mariadb", "down")
    cluster.start_master()
    cluster.start_worker("worker1", failpoints=f"{name}={count}*kill")
    cluster.create_source("src", upstream)
    running = Running(cluster, upstream, downstream, "brokenk")
    running.start(f"CREATE TABLE {SCHEMA}.a (id INT PRIMARY KEY, p INT, q INT)", f"INSERT INTO {SCHEMA}.a VALUES (1, 1, 2)")
    running.break_unique_key()
    running.binlog("replace", f"ALTER TABLE {SCHEMA}.t ADD KEY (v); ALTER TABLE {SCHEMA}.t ADD KEY (v);")
    upstream.run(f"INSERT INTO {SCHEMA}.t VALUES (3, 30)")
    cluster.wait_killed()
    cluster.start_worker("worker1")
    cluster.wait_stage("brokenk", "Running", "Sync")
    running.synced()
    assert running.keys() == ["v", "v_2"]
    assert downstream.run(f"SELECT * FROM {SCHEMA}.t ORDER BY id") == ((1, 7), (2, 7), (3, 30))


@pytest.mark.parametrize("point", ["sync/operator-stored", "sync/before-checkpoint", "sync/operator-skipped"])
def test_skip_survives_a_crash(servers, cluster, point):
    upstream, downstream = servers.get("mysql9", "up"), servers.get("mysql9", "down")
    cluster.start_master()
    cluster.start_worker("worker1", failpoints=f"{point}=kill")
    cluster.create_source("src", upstream, **{"enable-gtid": True})
    running = Running(cluster, upstream, downstream, "brokens")
    running.start()
    running.break_unique_key()
    cluster.ctl("binlog", "skip", "brokens", check=False)
    cluster.wait_killed()
    cluster.start_worker("worker1")
    upstream.run(f"INSERT INTO {SCHEMA}.t VALUES (3, 30)")
    cluster.wait_stage("brokens", "Running", "Sync")
    running.synced()
    assert running.keys() == []
    assert downstream.value(f"SELECT COUNT(*) FROM {SCHEMA}.t") == 3


@pytest.mark.parametrize("kind", ["mariadb", "mysql9"])
def test_operation_goes_on_at_another_worker(servers, cluster, kind):
    """A replacement whose second statement fails, a lost worker, a resume elsewhere; by GTID."""
    upstream, downstream = servers.get(kind, "up"), servers.get(kind, "down")
    cluster.start_master()
    cluster.start_worker("worker1")
    cluster.create_source("src", upstream, **{"enable-gtid": True})
    running = Running(cluster, upstream, downstream, "brokeno")
    running.start()
    running.break_unique_key()
    running.binlog("replace", f"ALTER TABLE {SCHEMA}.t ADD KEY (v); ALTER TABLE {SCHEMA}.t ADD UNIQUE KEY two (v);")
    error = running.error(1062)
    assert re.search(r"gtid-set: \S+, suffix: 1\]", error["Message"]), error
    cluster.workers["worker1"].kill9()
    cluster.start_worker("worker2", wait=False)
    wait_for(lambda: cluster.bound_worker("src") == "worker2", lambda: "worker2 takes over", 60)
    running.error(1062)
    assert [entry["op"] for entry in running.listed()] == [2]
    downstream.run(f"UPDATE {SCHEMA}.t SET v = id")
    cluster.ctl("resume-task", "brokeno")
    upstream.run(f"INSERT INTO {SCHEMA}.t VALUES (3, 30)")
    cluster.wait_stage("brokeno", "Running", "Sync")
    running.synced()
    assert running.keys() == ["two", "v"]
    assert downstream.run(f"SELECT * FROM {SCHEMA}.t ORDER BY id") == ((1, 1), (2, 2), (3, 30))
    # Rows of a table that nobody knows, by GTID.
    upstream.run("SET sql_log_bin = 0", f"CREATE TABLE {SCHEMA}.n (id INT PRIMARY KEY)", "SET sql_log_bin = 1", "BEGIN",
                 f"INSERT INTO {SCHEMA}.t VALUES (4, 4)", f"INSERT INTO {SCHEMA}.n VALUES (1)", "COMMIT")
    running.error(1146)
    running.binlog("inject", f"CREATE TABLE {SCHEMA}.n (id INT PRIMARY KEY)")
    cluster.wait_stage("brokeno", "Running", "Sync")
    running.synced()
    assert downstream.run(f"SELECT * FROM {SCHEMA}.n") == ((1,),)
    # Two statements of one transaction: what is asked for the first one does not concern the second.
    upstream.run("SET SESSION binlog_format = STATEMENT", "BEGIN", f"UPDATE {SCHEMA}.t SET v = 41 WHERE id = 4",
                 f"UPDATE {SCHEMA}.t SET v = 31 WHERE id = 3", "COMMIT")
    cluster.wait_error("brokeno", 36014, "v = 41")
    running.binlog("skip")
    cluster.wait_error("brokeno", 36014, "v = 31")
    running.binlog("skip")
    cluster.wait_stage("brokeno", "Running", "Sync")
    running.synced()
    assert downstream.run(f"SELECT * FROM {SCHEMA}.t ORDER BY id") == ((1, 1), (2, 2), (3, 30), (4, 4))
