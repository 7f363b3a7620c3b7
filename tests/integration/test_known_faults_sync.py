"""Order of conflicting changes, foreign keys, large transactions, and how replicas are named."""
import threading

import pytest

from dmtest.cluster import Cluster
from dmtest.migrated import Migrated
from dmtest.waiting import wait_for

SCHEMA = "kfs"
BUSY = {"sync": {"worker-count": 16, "batch": 1}}


def repeat(m, statements, rounds):
    """On one connection, each statement a transaction."""
    with m.upstream.connect(database=SCHEMA) as connection:
        cursor = connection.cursor()
        for _ in range(rounds):
            for statement in statements:
                cursor.execute(statement)


def test_unique_keys_that_only_the_target_has_order_changes(migrated):
    m = migrated("mariadb-mariadb", syncers=BUSY).prepare("CREATE TABLE t (c0 INT PRIMARY KEY, c1 INT, c2 INT)")
    m.downstream.run(f"CREATE DATABASE {SCHEMA}", f"CREATE TABLE {SCHEMA}.t (c0 INT PRIMARY KEY, c1 INT, c2 INT, UNIQUE KEY u (c1, c2))")
    m.start()
    m.cluster.wait_stage(m.task, "Running", "Sync")
    repeat(m, ["INSERT INTO t VALUES (1, 2, 3), (2, 2, 4)", "UPDATE t SET c1 = 2, c2 = 30 WHERE c0 = 1", "UPDATE t SET c2 = 3 WHERE c0 = 2", "DELETE FROM t WHERE c0 = 1",
               "INSERT INTO t VALUES (1, 2, 4)", "DELETE FROM t WHERE c0 IN (1, 2)"], 150)
    repeat(m, ["INSERT INTO t VALUES (1, 2, 3), (2, 2, 4)"], 1)
    m.equal(definitions=False)


@pytest.mark.parametrize("pair", ["mariadb-mariadb", "mysql9-mysql9"])
def test_unique_keys_over_prefixes_order_changes(pair, migrated):
    m = migrated(pair, syncers=BUSY).replicating("CREATE TABLE p (id INT AUTO_INCREMENT PRIMARY KEY, c VARCHAR(20), b BLOB, UNIQUE KEY (c(3)), UNIQUE KEY (b(2))) DEFAULT CHARSET=utf8mb4",
                                                 "INSERT INTO p (c, b) VALUES ('abcd', 'xy1')")
    repeat(m, ["DELETE FROM p WHERE c LIKE 'abc%'", "INSERT INTO p (c, b) VALUES ('ABCe', 'xy2')", "UPDATE p SET c = 'zzz', b = 'q' WHERE c = 'ABCe'",
               "INSERT INTO p (c, b) VALUES ('ábcd', 'xy3')", "DELETE FROM p WHERE c = 'zzz'"], 100)
    m.equal()


@pytest.mark.parametrize("pair", ["mysql9-mysql9", "mysql9-tidb"])
def test_unique_keys_over_expressions_order_changes(pair, migrated):
    m = migrated(pair, syncers=BUSY).replicating("CREATE TABLE e (id INT PRIMARY KEY, name VARCHAR(20) COLLATE utf8mb4_bin, UNIQUE INDEX l ((lower(name))))", "INSERT INTO e VALUES (1, 'A')")
    repeat(m, ["DELETE FROM e WHERE id = 1", "INSERT INTO e VALUES (2, 'a')", "UPDATE e SET name = 'b' WHERE id = 2", "INSERT INTO e VALUES (1, 'A')", "DELETE FROM e WHERE id = 2"],
           50 if pair.endswith("tidb") else 100)
    m.equal(definitions=False)


@pytest.mark.parametrize("pair", ["mariadb-mariadb", "mysql9-mysql9"])
def test_safe_mode_leaves_children_alone(pair, migrated):
    m = migrated(pair, syncers={"sync": {"safe-mode": True}}, **{"target-database": {"session": {"foreign_key_checks": "1"}}})
    m.replicating("CREATE TABLE parent (id INT PRIMARY KEY, code INT UNIQUE, note VARCHAR(10))", "INSERT INTO parent VALUES (1, 10, 'a'), (2, 20, 'b')",
                  "CREATE TABLE child (id INT PRIMARY KEY, p INT, c INT, FOREIGN KEY (p) REFERENCES parent (id) ON DELETE CASCADE, FOREIGN KEY (c) REFERENCES parent (code) ON DELETE SET NULL)",
                  "INSERT INTO child VALUES (1, 1, 10), (2, 1, NULL), (3, 2, 20)")
    m.write("UPDATE parent SET note = 'x'", "UPDATE parent SET note = NULL WHERE id = 1", "INSERT INTO parent VALUES (3, 30, 'c')", "INSERT INTO child VALUES (4, 3, 30)",
            "UPDATE parent SET note = 'z' WHERE id = 3")
    m.equal(definitions=False)
    m.restart_worker("UPDATE parent SET note = 'again'")
    m.equal(definitions=False)
    assert m.downstream.value(f"SELECT COUNT(*) FROM {SCHEMA}.child") == 4


@pytest.mark.parametrize("pair", ["mariadb-mariadb", "mysql9-mysql9"])
def test_keys_that_change_under_foreign_keys_and_a_restart(pair, migrated):
    """Each change is applied once, so that nothing needs safe mode, in which such an update is refused."""
    m = migrated(pair, **{"target-database": {"session": {"foreign_key_checks": "1"}}})
    m.replicating("CREATE TABLE parent (id INT PRIMARY KEY, pos INT UNIQUE)", "INSERT INTO parent VALUES (1, 10), (2, 20), (3, 30)",
                  "CREATE TABLE child (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES parent (id) ON UPDATE CASCADE ON DELETE CASCADE)", "INSERT INTO child VALUES (1, 1), (2, 2), (3, 3)",
                  "CREATE TABLE plain (a INT)")
    change = ("UPDATE parent SET pos = pos + 1 ORDER BY pos DESC", "UPDATE parent SET id = id + 100 WHERE id < 3", "REPLACE INTO plain VALUES (1)", "DELETE FROM parent WHERE id = 3",
              "UPDATE parent SET id = id - 100", "INSERT INTO parent VALUES (3, 5)", "INSERT INTO child VALUES (3, 3)")
    m.write(*change)
    m.equal(definitions=False)
    m.write(*change)
    m.restart_worker(*change)
    m.equal(definitions=False)
    m.cluster.ctl("pause-task", m.task)
    m.write(*change)
    m.cluster.ctl("resume-task", m.task)
    m.equal(definitions=False)
    # What a run without foreign keys has applied may come again: safe mode is needed once more.
    m.cluster.ctl("stop-task", m.task)
    m.cluster.ctl("start-task", m.file(**{"target-database": {"session": {"foreign_key_checks": "0"}}}))
    m.cluster.wait_stage(m.task, "Running", "Sync")
    m.write("INSERT INTO plain VALUES (7)")
    m.equal(definitions=False)
    assert m.downstream.run(f"SELECT value FROM dm_meta.{m.task}_syncer_state WHERE name = 'each_once'") == ()


def test_a_child_whose_parent_is_not_migrated(migrated):
    m = migrated("mariadb-mariadb", **{"block-allow-list": {"list": {"do-dbs": None, "do-tables": [{"db-name": SCHEMA, "tbl-name": "child*"}]}}})
    m.replicating("CREATE TABLE parent (id INT PRIMARY KEY)", "INSERT INTO parent VALUES (1), (2)",
                  "CREATE TABLE child (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES parent (id))", "INSERT INTO child VALUES (1, 1)")
    m.write("INSERT INTO child VALUES (2, 2)", "ALTER TABLE child ADD v INT", "UPDATE child SET v = 5", "CREATE TABLE child2 (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES parent (id))",
            "INSERT INTO child2 VALUES (7, 2)")
    m.synced()
    assert m.downstream.run(f"SELECT id, p, v FROM {SCHEMA}.child ORDER BY id") == ((1, 1, 5), (2, 2, 5))
    assert m.downstream.run(f"SELECT id, p FROM {SCHEMA}.child2") == ((7, 2),)
    assert m.downstream.run(f"SHOW TABLES FROM {SCHEMA} LIKE 'parent'") == ()


def test_a_pause_in_a_large_transaction_leaves_all_of_it_or_none(migrated):
    m = migrated("mariadb-mariadb").replicating("CREATE TABLE digits (d INT PRIMARY KEY)", "INSERT INTO digits VALUES (0),(1),(2),(3),(4),(5),(6),(7),(8),(9)",
                                                "CREATE TABLE big (id INT PRIMARY KEY, v VARCHAR(50))", "CREATE TABLE n (a INT)")
    m.write("BEGIN", "INSERT INTO big SELECT a.d + 10 * b.d + 100 * c.d + 1000 * d.d, REPEAT('x', 50) FROM digits a, digits b, digits c, digits d", "INSERT INTO n SELECT id FROM big",
            "COMMIT")
    wait_for(lambda: m.downstream.value(f"SELECT COUNT(*) FROM {SCHEMA}.big"), "rows of the transaction arrive", interval=0.001)
    m.cluster.ctl("pause-task", m.task)
    m.cluster.wait_stage(m.task, "Paused")
    counts = [m.downstream.value(f"SELECT COUNT(*) FROM {SCHEMA}.{t}") for t in ("big", "n")]
    assert counts == [10000, 10000]
    m.cluster.ctl("resume-task", m.task)
    m.equal()


def test_pause_and_resume_again_and_again_under_load(migrated):
    m = migrated("mariadb-mariadb").replicating("CREATE TABLE n (a INT, b INT)", "CREATE TABLE k (id INT PRIMARY KEY, v INT)")
    ending = threading.Event()

    def write():
        with m.upstream.connect(database=SCHEMA) as connection:
            cursor = connection.cursor()
            i = 0
            while not ending.is_set():
                i += 1
                cursor.execute(f"INSERT INTO n VALUES ({i}, 1), ({i}, 1)")
                cursor.execute(f"REPLACE INTO k VALUES ({i % 50}, {i})")
                cursor.execute(f"DELETE FROM n WHERE a = {i - 5} LIMIT 1")

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    try:
        for _ in range(8):
            m.cluster.ctl("pause-task", m.task)
            m.cluster.ctl("resume-task", m.task)
    finally:
        ending.set()
        writer.join()
    m.cluster.wait_stage(m.task, "Running", "Sync")
    m.equal()


def test_a_checkpoint_behind_the_end_of_its_file_is_an_error(migrated):
    """As after a power loss upstream: never a silent jump to the next file."""
    m = migrated("mariadb-mariadb").replicating("CREATE TABLE t (id INT PRIMARY KEY)", "INSERT INTO t VALUES (1)")
    m.write("INSERT INTO t VALUES (2)")
    m.synced()
    m.stop()
    m.downstream.run(f"UPDATE dm_meta.{m.task}_syncer_checkpoint SET binlog_pos = binlog_pos + 1000000, binlog_gtid = '' WHERE is_global = 1")
    m.write("INSERT INTO t VALUES (3)", "FLUSH BINARY LOGS", "INSERT INTO t VALUES (4)")
    m.cluster.ctl("start-task", m.file())
    error = m.cluster.wait_error(m.task, 36069, "1236")
    assert "mysql-bin.0" in error["Message"] + error["RawCause"], error
    assert m.downstream.run(f"SELECT MAX(id) FROM {SCHEMA}.t") == ((2,),)


def test_a_checkpoint_whose_global_row_is_gone(migrated):
    """The dump is gone, too, as it is after a load: the error says which row it is that is missing."""
    m = migrated("mariadb-mariadb").replicating("CREATE TABLE t (id INT PRIMARY KEY)", "INSERT INTO t VALUES (1)")
    m.write("INSERT INTO t VALUES (2)")
    m.synced()
    m.cluster.ctl("pause-task", m.task)
    table = f"dm_meta.{m.task}_syncer_checkpoint"
    m.downstream.run(f"CREATE TABLE dm_meta.kept SELECT * FROM {table} WHERE is_global", f"DELETE FROM {table} WHERE is_global")
    m.write("INSERT INTO t VALUES (3)")
    m.cluster.ctl("resume-task", m.task)
    error = m.cluster.wait_error(m.task, 11001)
    assert f"{table} has no global row" in error["Workaround"] and m.source in error["Workaround"], error
    m.downstream.run(f"INSERT INTO {table} SELECT * FROM dm_meta.kept", "DROP TABLE dm_meta.kept")
    m.cluster.ctl("resume-task", m.task)
    m.equal()


def test_long_worker_names_and_several_replicas_of_one_server(servers, tmp_path):
    upstream, downstream = servers.get("mariadb", "up"), servers.get("mariadb", "down")
    cluster = Cluster(tmp_path / "long")
    cluster.sources = {}
    tasks = []
    try:
        cluster.start_master()
        for i in range(2):
            cluster.start_worker("w" * 70 + str(i))
            cluster.create_source(f"s{i}", upstream)
            cluster.sources[f"s{i}"] = upstream
            task = Migrated(cluster, upstream, downstream, [f"{SCHEMA}{i}"], f"kfl{i}", source=f"s{i}", **{"meta-schema": "dm_long"})
            tasks.append(task.replicating("CREATE TABLE t (id INT PRIMARY KEY)", "INSERT INTO t VALUES (1)"))
        for task in tasks:
            task.write("INSERT INTO t VALUES (2)")
            task.equal()
        ids = [row[0] for row in upstream.run("SHOW SLAVE HOSTS") if row[1].startswith("w" * 50)]
        assert len(set(ids)) == 2, upstream.run("SHOW SLAVE HOSTS")
    finally:
        for task in tasks:
            task.stop()
        cluster.stop()
        downstream.run("DROP DATABASE IF EXISTS dm_long")


@pytest.mark.parametrize("kind", ["mariadb", "mysql9"])
def test_the_server_id_of_a_source(servers, tmp_path, kind):
    """It is that of the stream upstream; where another replica has it, both go on, and the log names it."""
    upstream, downstream = servers.get(kind, "up"), servers.get("mariadb", "down")
    cluster = Cluster(tmp_path / "ids")
    cluster.sources = {}
    tasks = []

    def replicas():
        shown = upstream.run("SHOW SLAVE HOSTS" if kind == "mariadb" else "SHOW REPLICAS")
        return {row[1]: row[0] for row in shown if row[1].startswith("reader")}

    try:
        cluster.start_master()
        for i in range(2):
            cluster.start_worker(f"reader{i}")
            cluster.create_source(f"s{i}", upstream, **{"server-id": 424242})
            cluster.sources[f"s{i}"] = upstream
            tasks.append(Migrated(cluster, upstream, downstream, [f"{SCHEMA}{i}"], f"kfi{i}", source=f"s{i}", **{"meta-schema": "dm_ids"}))
            tasks[-1].replicating("CREATE TABLE t (id INT PRIMARY KEY)", "INSERT INTO t VALUES (1)")
            tasks[-1].synced()
            wait_for(lambda: tasks[-1].worker in replicas(), lambda: f"it reads: {replicas()}")
        first, second = replicas()[tasks[0].worker], replicas()[tasks[1].worker]
        assert first == 424242 and 429496729 <= second < 429596729, replicas()
        log = [line for line in cluster.log(tasks[1].worker, 5000).splitlines() if "server-id" in line and "424242" in line]
        assert any("[WARN]" in line and tasks[0].worker in line for line in log), log
        # Another task of the source reads a stream of its own.
        more = Migrated(cluster, upstream, downstream, [f"{SCHEMA}2"], "kfi2", source="s0", **{"meta-schema": "dm_ids"})
        tasks.append(more.replicating("CREATE TABLE t (id INT PRIMARY KEY)"))
        for task in tasks:
            task.write("INSERT INTO t VALUES (2)")
            task.equal()
        assert not [line for line in cluster.log(tasks[0].worker, 5000).splitlines() if "reset replication binlog puller" in line]
    finally:
        for task in tasks:
            task.stop()
        cluster.stop()
        downstream.run("DROP DATABASE IF EXISTS dm_ids")


def test_moments_are_the_same_in_three_time_zones(servers, cluster, monkeypatch):
    """Upstream +08:00, target UTC, dm-worker elsewhere: in the copy and behind it."""
    upstream, downstream = servers.get("mariadb", "up"), servers.get("mysql9", "down")
    old = [(server, server.value("SELECT @@GLOBAL.time_zone")) for server in (upstream, downstream)]
    upstream.run("SET GLOBAL time_zone = '+08:00'")
    downstream.run("SET GLOBAL time_zone = '+00:00'")
    monkeypatch.setenv("TZ", "America/St_Johns")
    m = Migrated(cluster, upstream, downstream, [SCHEMA], "zones")
    try:
        cluster.start_master()
        moments = "'2024-03-10 02:30:00.123456', '2024-11-03 01:30:00'"  # hours that St. John's has never, or twice
        m.prepare("CREATE TABLE z (id INT PRIMARY KEY, ts TIMESTAMP(6) NULL, d DATETIME, n TIMESTAMP DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP)",
                  "CREATE TABLE k (ts TIMESTAMP NULL, v INT)", f"INSERT INTO z (id, ts, d) VALUES (1, {moments}), (2, '1970-01-01 08:00:01', '1000-01-01')",
                  "INSERT INTO k VALUES ('2024-03-10 02:30:00', 1), ('2024-03-10 02:30:00', 1)")
        m.start()
        cluster.wait_stage("zones", "Running", "Sync")
        m.write(f"INSERT INTO z (id, ts, d) VALUES (11, {moments})", "UPDATE z SET d = '2024-03-10 02:30:00', ts = ts + INTERVAL 1 HOUR WHERE id < 12",
                "UPDATE k SET v = 2 WHERE ts = '2024-03-10 02:30:00' LIMIT 1", "SET time_zone = '-05:00'", "INSERT INTO z (id, ts) VALUES (12, '2024-03-10 02:30:00')",
                "CREATE TABLE later (id INT PRIMARY KEY, ts TIMESTAMP DEFAULT '2024-03-10 02:30:00')", "INSERT INTO later (id) VALUES (1)")
        m.same("SELECT id, UNIX_TIMESTAMP(ts), CAST(d AS CHAR), UNIX_TIMESTAMP(n) FROM {0}.z ORDER BY id")
        m.same("SELECT UNIX_TIMESTAMP(ts), v FROM {0}.k ORDER BY v")
        m.same("SELECT id, UNIX_TIMESTAMP(ts) FROM {0}.later")
    finally:
        for server, zone in old:
            server.run(f"SET GLOBAL time_zone = '{zone}'")


@pytest.mark.parametrize("damage,number", [("DROP TABLE {}", 1146), ("ALTER TABLE {} DROP COLUMN binlog_pos", 1054), ("ALTER TABLE {} ADD more INT NOT NULL", 1364)],
                         ids=["table", "column", "value"])
def test_a_place_that_cannot_be_saved_any_more(migrated, damage, number):
    """It is told, not only logged: after a crash all since the last place would come again."""
    m = migrated("mariadb-mariadb", syncers={"sync": {"checkpoint-flush-interval": 1}})
    m.replicating("CREATE TABLE t (id INT PRIMARY KEY)")
    m.synced()
    m.downstream.run(damage.format(f"dm_meta.{m.task}_syncer_checkpoint"))
    m.write("INSERT INTO t VALUES (1)")
    error = m.cluster.wait_error(m.task, 10006, str(number))
    assert "its place cannot be saved" in error["Workaround"], error
    m.cluster.ctl("stop-task", m.task)
    m.start()  # with --remove-meta
    m.cluster.wait_stage(m.task, "Running", "Sync", timeout=60)
    m.write("INSERT INTO t VALUES (2)")
    m.equal()
