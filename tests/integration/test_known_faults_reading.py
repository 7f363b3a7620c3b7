"""Upstreams that are silent for long, targets with columns of their own, checkpoints that must not be ahead of what is written, and what a
restart writes again."""
import re
import threading

import pytest
from dmtest.migrated import Migrated
from dmtest.proxy import Fails, HeldAnswer, Proxy
from dmtest.servers import MariaDb, MySql9
from dmtest.waiting import lasts, wait_for

SCHEMA = "kfr"
SOON = {"checker": {"backoff-max": "1s"}}  # of a source


@pytest.mark.parametrize("server_class", [MariaDb, MySql9], ids=["mariadb", "mysql9"])
def test_an_upstream_that_is_idle_longer_than_its_timeouts(server_class, servers, cluster, tmp_path):
    """The connection that reads the binlog is kept; those that the server ends are opened anew without a word of error."""
    limits = {name: 2 for name in ("net_read_timeout", "net_write_timeout", "wait_timeout", "interactive_timeout")}
    upstream = server_class(tmp_path / "up", 941, **limits).start()
    via = Proxy(upstream)
    m = Migrated(cluster, upstream, servers.get("mariadb", "down"), [SCHEMA], "kfr_idle", gtid=True, via=via)
    heartbeats = []

    def count(kind, event):
        if kind in (27, 41):  # HEARTBEAT, HEARTBEAT_V2
            heartbeats.append(kind)
        return event

    def readers():
        return [row[0] for row in upstream.run("SHOW PROCESSLIST") if row[4].startswith("Binlog Dump")]

    try:
        cluster.start_master()
        m.replicating("CREATE TABLE t (id INT PRIMARY KEY)", "INSERT INTO t VALUES (1)")
        m.synced()
        before = wait_for(readers, "the binlog is read")
        via.on_event = count
        for _ in range(12):
            lasts(0.5)
            status = cluster.status(m.task)
            assert status["stage"] == "Running" and not status["result"], status
        assert len(heartbeats) >= 2, heartbeats
        m.write("INSERT INTO t VALUES (2)")
        m.equal()
        assert len(before) == 1 and readers() == before
        log = cluster.log(m.worker, 100000)
        assert "unit process error" not in log and "reset replication binlog puller" not in log
        # What a command opens upstream, too.
        cluster.ctl("pause-task", m.task)
        cluster.ctl("resume-task", m.task)
        m.write("INSERT INTO t VALUES (3)")
        m.equal()
    finally:
        m.stop()
        via.stop()
        upstream.stop()


@pytest.mark.parametrize("safe", [False, True], ids=["plain", "safe"])
@pytest.mark.parametrize("pair", ["mysql9-tidb", "mariadb-tidb", "mariadb-mysql9"])
def test_hidden_columns_of_the_target(pair, safe, migrated):
    """Those of indexes over expressions that only the target has, beside columns and generated ones of its own."""
    m = migrated(pair, syncers={"sync": {"safe-mode": safe}})
    m.prepare("CREATE TABLE e (id INT PRIMARY KEY, name VARCHAR(20), n INT)", "CREATE TABLE n (a INT, b VARCHAR(20))", "INSERT INTO e VALUES (1, 'One', 1), (2, NULL, 2)",
              "INSERT INTO n VALUES (1, 'x'), (1, 'x')")
    m.downstream.run(f"CREATE DATABASE {SCHEMA}", f"USE {SCHEMA}",
                     "CREATE TABLE e (id INT PRIMARY KEY, name VARCHAR(20), own INT DEFAULT 5, n INT, twice INT AS (n * 2), KEY i ((lower(name))), KEY j ((upper(name)), n), UNIQUE KEY u ((reverse(name)), id))",
                     "CREATE TABLE n (a INT, b VARCHAR(20), KEY i ((lower(b))))")
    m.start()
    m.cluster.wait_stage(m.task, "Running", "Sync")
    m.write("INSERT INTO e VALUES (3, 'Three', 3), (4, 'four', NULL)", "UPDATE e SET name = 'TWO' WHERE id = 2", "UPDATE e SET id = 10, name = 'ten' WHERE id = 1", "DELETE FROM e WHERE id = 3",
            "REPLACE INTO e VALUES (4, 'Four', 4)", "INSERT INTO n VALUES (2, 'Y'), (2, 'y')", "UPDATE n SET b = 'Z' WHERE a = 1 LIMIT 1", "DELETE FROM n WHERE a = 2 LIMIT 1")
    m.same("SELECT id, name, n FROM {0}.e ORDER BY id")
    m.write("ALTER TABLE e ADD c INT DEFAULT 7 AFTER id", "INSERT INTO e VALUES (5, 5, 'five', 5)", "UPDATE e SET c = 8 WHERE id = 4", "ALTER TABLE n DROP a", "INSERT INTO n VALUES ('last')",
            "DELETE FROM e WHERE id = 2")
    m.restart_worker("UPDATE e SET name = LOWER(name), n = 9", "DELETE FROM n WHERE b = 'x' LIMIT 1")
    m.same("SELECT id, c, name, n FROM {0}.e ORDER BY id")
    m.same("SELECT HEX(b) FROM {0}.n ORDER BY 1")
    assert m.downstream.run(f"SELECT DISTINCT own, twice FROM {SCHEMA}.e") == ((5, 18),)


@pytest.mark.parametrize("key", [" PRIMARY KEY", ""], ids=["key", "no-key"])
def test_a_row_that_fails_again_and_again_is_never_passed(key, servers, cluster):
    """The checkpoint is saved all the time; statements and rows of other tables follow; the task resumes by itself until the cause is gone."""
    cluster.start_master()
    filters = {"filters": {"alters": {"schema-pattern": SCHEMA, "table-pattern": "t", "events": ["all ddl"], "action": "Ignore"}}}
    m = Migrated(cluster, servers.get("mariadb", "up"), servers.get("mariadb", "down"), [SCHEMA], "kfr_again", source_keys=SOON, **filters)
    m.prepare(f"CREATE TABLE t (id INT{key}, v INT)", "CREATE TABLE other (id INT PRIMARY KEY)", "CREATE TABLE plain (a INT)", "INSERT INTO t VALUES (1, 1)")
    path = m.file(**{"mysql-instances": [{"source-id": m.source, "block-allow-list": "list", "mydumper-config-name": "dump", "loader-config-name": "load",
                                          "syncer-config-name": "sync", "filter-rules": ["alters"]}]})
    cluster.ctl("start-task", path, "--remove-meta")
    cluster.wait_stage(m.task, "Running", "Sync")
    try:
        m.write("ALTER TABLE t ADD c4 INT", "ALTER TABLE other ADD v INT", "INSERT INTO other VALUES (1, 1)")
        m.synced()
        m.write("BEGIN", "INSERT INTO other VALUES (2, 2)", "INSERT INTO t VALUES (2, 2, 4)", "INSERT INTO plain VALUES (2)", "COMMIT",
                "INSERT INTO other VALUES (3, 3)", "INSERT INTO plain VALUES (3)", "UPDATE t SET v = 9 WHERE id = 1")
        cluster.wait_error(m.task, 10006, "Unknown column")
        m.write("CREATE TABLE later (id INT PRIMARY KEY)", "INSERT INTO later VALUES (4)", "INSERT INTO plain VALUES (4)")
        wait_for(lambda: "dispatch auto resume task" in cluster.log(m.worker, 100000), "it resumes by itself")
        cluster.workers[m.worker].kill9()
        cluster.start_worker("worker1")
        cluster.wait_error(m.task, 10006, "Unknown column")
        assert m.downstream.run(f"SELECT id FROM {SCHEMA}.t") == ((1,),)
        m.downstream.run(f"ALTER TABLE {SCHEMA}.t ADD c4 INT")
        wait_for(lambda: m.downstream.value(f"SELECT COUNT(*) FROM {SCHEMA}.t") == 2, "the row comes by itself")
        cluster.wait_stage(m.task, "Running", "Sync")
        m.equal()
    finally:
        m.stop()


@pytest.mark.parametrize("table", ["k", "n"], ids=["key", "no-key"])
def test_a_row_that_fails_while_the_checkpoint_is_saved(table, proxied):
    """What that run has in memory is not what a later one saves: neither the next checkpoint nor a kill behind it leaves a row out."""
    m = proxied("mariadb-mariadb", down=True, source_keys=SOON)
    m.replicating("CREATE TABLE k (id INT PRIMARY KEY, v INT)", "CREATE TABLE n (a INT, b INT)", "CREATE TABLE seen (id INT PRIMARY KEY)")
    m.synced()
    held, failed, release = threading.Event(), threading.Event(), threading.Event()

    def rule(text):
        if re.search(rf"INTO `{SCHEMA}`\.`{table}`", text):
            if failed.is_set():
                return None
            failed.set()
            return Fails(1205, "Lock wait timeout exceeded; try restarting transaction")
        if "INSERT INTO `dm_meta`.`kfr_syncer_checkpoint`" in text and not held.is_set():
            held.set()
            return HeldAnswer(lambda: release.wait(20))
        return None

    m.into.on_statement = rule
    m.write("INSERT INTO seen VALUES (1)")  # so that there is something to save
    assert held.wait(20)
    m.write(*(f"INSERT INTO {table} VALUES ({i}, 0)" for i in range(20)), "INSERT INTO seen VALUES (2)")
    assert failed.wait(20)
    m.write("INSERT INTO seen VALUES (3)", f"INSERT INTO {table} VALUES (100, 1)")
    release.set()
    wait_for(lambda: "dispatch auto resume task" in m.cluster.log(m.worker, 100000), "it resumes by itself")
    m.cluster.wait_stage(m.task, "Running", "Sync")
    m.write("INSERT INTO seen VALUES (4)")
    m.synced()  # a later checkpoint is saved
    m.restart_worker(f"INSERT INTO {table} VALUES (101, 1)")
    m.equal()
    assert m.downstream.value(f"SELECT COUNT(*) FROM {SCHEMA}.{table}") == 22


class Writer(threading.Thread):
    """Inserts rows 1, 2, … and changes each once, a transaction each, until stopped; `last`: the last of them."""

    def __init__(self, m):
        super().__init__(daemon=True)
        self.m, self.last, self.ending = m, 0, threading.Event()
        self.start()

    def run(self):
        with self.m.upstream.connect(database=SCHEMA) as connection:
            cursor = connection.cursor()
            while not self.ending.is_set():
                cursor.execute(f"INSERT INTO t VALUES ({self.last + 1}, 0)")
                cursor.execute(f"UPDATE t SET v = 1 WHERE id = {self.last + 1}")
                self.last += 1

    def more(self, rows):
        goal = self.last + rows
        wait_for(lambda: self.last >= goal or not self.is_alive(), "rows are written")
        assert self.last >= goal

    def stop(self):
        self.ending.set()
        self.join()


def rows_by_verb(server):
    """Keys of the rows of `t` that the general log has, by the statement that wrote them."""
    found = {"INSERT": set(), "UPDATE": set(), "REPLACE": set(), "DELETE": set()}
    for (text,) in server.run(f"SELECT CONVERT(argument USING utf8mb4) FROM mysql.general_log WHERE argument LIKE '%`{SCHEMA}`.`t`%'"):
        for statement in text.split(";"):
            verb = statement.split(" ", 1)[0]
            if verb in found and f"`{SCHEMA}`.`t`" in statement:
                found[verb].update(int(a or b) for a, b in re.findall(r"\((\d+),|`id` ?= ?(\d+)", statement))
    return found


@pytest.mark.parametrize("how", ["paused", "killed", "failed"])
def test_only_what_may_be_there_is_replaced(how, servers, cluster):
    """Behind a pause, a kill or an error, under load: what came upstream later is written as at any other time."""
    cluster.start_master()
    m = Migrated(cluster, servers.get("mariadb", "up"), servers.get("mysql9", "down"), [SCHEMA], f"kfr_{how}", source_keys={"checker": {"check-enable": False}},
                 syncers={"sync": {"checkpoint-flush-interval": 30}})
    m.replicating("CREATE TABLE t (id INT PRIMARY KEY, v INT)")
    m.synced()
    cluster.ctl("pause-task", m.task)  # a task's first run is in safe mode for a while (if it comes to read at all)
    cluster.wait_stage(m.task, "Paused")
    cluster.ctl("resume-task", m.task)
    cluster.wait_stage(m.task, "Running", "Sync")
    m.downstream.run("SET GLOBAL log_output = 'TABLE'", "TRUNCATE mysql.general_log", "SET GLOBAL general_log = 1")
    writer = Writer(m)
    try:
        writer.more(300)
        wait_for(lambda: m.downstream.value(f"SELECT COUNT(*) FROM {SCHEMA}.t") > 100, "rows arrive")
        if how == "paused":
            cluster.ctl("pause-task", m.task)
            cluster.wait_stage(m.task, "Paused")
        elif how == "killed":
            cluster.workers[m.worker].kill9()
            writer.more(50)
            cluster.start_worker("worker1")
            wait_for(lambda: (cluster.status(m.task) or {}).get("sync", {}).get("binlogType") == "remote", "it has begun to read")
        else:
            in_the_way = writer.last + 500
            m.downstream.run(f"INSERT INTO {SCHEMA}.t VALUES ({in_the_way}, -1)")
            cluster.wait_error(m.task, 10006, "1062")
        later = writer.last + 1
        writer.more(200)
        if how == "failed":
            m.downstream.run(f"DELETE FROM {SCHEMA}.t WHERE id = {in_the_way}")
        if how != "killed":
            cluster.ctl("resume-task", m.task)
            cluster.wait_stage(m.task, "Running", "Sync")
        writer.more(200)
        writer.stop()
        m.equal()
        m.downstream.run("SET GLOBAL general_log = 0")
        found = rows_by_verb(m.downstream)
        again = {verb: sorted(key for key in found[verb] if key > later) for verb in ("REPLACE", "DELETE")}
        assert again == {"REPLACE": [], "DELETE": []}, (later, again)
        assert len([key for key in found["INSERT"] if key > later]) >= 300, (later, found)
        assert bool(found["REPLACE"]) == (how != "paused")
    finally:
        writer.stop()
        m.downstream.run("SET GLOBAL general_log = 0", "TRUNCATE mysql.general_log", "SET GLOBAL log_output = 'FILE'")
        m.stop()
