"""Where replication goes on: after a kill, on a new connection, with GTIDs, from a time, behind 4 GiB; and who may write."""
import glob
import os
import re
import signal

import pymysql
import pytest

from dmtest.compare import difference
from dmtest.waiting import wait_for
from test_crash import TABLES, Writer

SCHEMA = "crash"
PAIRS = {"mariadb": ("mariadb", "mariadb"), "mysql9": ("mysql9", "mariadb")}


class Migration:
    """One source, one target, one task; the test starts the worker."""

    def __init__(self, cluster, upstream, downstream):
        self.cluster, self.upstream, self.downstream = cluster, upstream, downstream
        self.writers = []

    def prepare(self, tables=TABLES):
        for server in (self.upstream, self.downstream):
            server.run(f"DROP DATABASE IF EXISTS {SCHEMA}")
        self.downstream.run("DROP DATABASE IF EXISTS dm_places")
        self.upstream.run(f"CREATE DATABASE {SCHEMA}")
        self.upstream.script(f"USE {SCHEMA};\n{tables}")
        self.cluster.start_master()

    def start(self, gtid=False, failpoints=None, **task):
        self.cluster.start_worker("worker1", failpoints=failpoints)
        self.cluster.create_source("src", self.upstream, **{"enable-gtid": gtid})
        self.task = self.cluster.task_file("places", ["src"], self.downstream, [SCHEMA],
                                           **{"meta-schema": "dm_places", **task})
        self.cluster.ctl("start-task", self.task)

    def running(self):
        self.cluster.wait_stage("places", "Running", "Sync")

    def write(self, seed=1):
        writer = Writer(self.upstream, seed)
        self.writers.append(writer)
        writer.start()
        return writer

    def wait_transactions(self, writer, count):
        goal = writer.count + count
        wait_for(lambda: writer.count >= goal or writer.error, f"{count} transactions")

    def wait_killed(self, name="worker1"):
        self.cluster.wait_killed(name)

    def restart(self, failpoints=None):
        self.cluster.start_worker("worker1", failpoints=failpoints)

    def check(self, definitions=None):
        self.running()
        self.cluster.wait_synced("places", self.upstream)
        found = difference(self.upstream, self.downstream, {SCHEMA: SCHEMA}, definitions)
        assert found is None, found

    def checkpoint(self, columns, where="is_global = 1"):
        return self.downstream.run(f"SELECT {columns} FROM dm_places.places_syncer_checkpoint WHERE {where}")


@pytest.fixture
def migration(servers, cluster, request):
    kind = getattr(request, "param", "mariadb")
    up, down = PAIRS[kind]
    migration = Migration(cluster, servers.get(up, "up"), servers.get(down, "down"))
    yield migration
    for writer in migration.writers:  # of a test that failed
        writer.ending.set()
        writer.join()


def large_transaction(server, compressed=False, rows=24):
    """One transaction of `rows` statements of about 1 MiB each, into a table without a key and one with a key."""
    with server.connect(database=SCHEMA) as connection:
        cursor = connection.cursor()
        if compressed:
            cursor.execute("SET SESSION binlog_transaction_compression = ON")
        cursor.execute("BEGIN")
        for i in range(rows):
            cursor.executemany("INSERT INTO nokey VALUES (%s, %s)", [(i * 1000 + k, "x" * 1000) for k in range(1000)])
            cursor.execute("INSERT INTO pk VALUES (%s, 'y', %s)", (i + 100000, i + 100000))
        cursor.execute("DELETE FROM nokey WHERE a % 10 = 3")
        cursor.execute("COMMIT")


KEYLESS = """
CREATE TABLE pk (id INT PRIMARY KEY, v VARCHAR(40), u INT, UNIQUE KEY (u));
CREATE TABLE nokey (a INT, b VARCHAR(1200), KEY (a));
"""


@pytest.mark.parametrize("migration,gtid,compressed", [
    ("mariadb", False, False), ("mariadb", True, False), ("mysql9", False, True), ("mysql9", True, True)],
    indirect=["migration"])
def test_killed_between_pieces_of_a_large_transaction(migration, gtid, compressed):
    """Rows of a table without a key that are committed in pieces: each comes once, also if the whole transaction is one event."""
    migration.prepare(KEYLESS)
    migration.start(gtid, failpoints="sync/after-serial-commit=2*kill")
    migration.running()
    large_transaction(migration.upstream, compressed)
    migration.wait_killed()
    assert 0 < migration.downstream.value(f"SELECT COUNT(*) FROM {SCHEMA}.nokey") < 24000
    # Killed once more behind the first kill, then through.
    migration.restart(failpoints="sync/after-serial-commit=kill")
    migration.wait_killed()
    migration.restart()
    migration.check()
    migration.upstream.run(f"ALTER TABLE {SCHEMA}.nokey ADD COLUMN c INT DEFAULT 5",
                           f"INSERT INTO {SCHEMA}.nokey VALUES (1, 'after', 6)")
    migration.check()


PIECES = """
CREATE TABLE wide (id INT PRIMARY KEY, v INT, b LONGBLOB);
CREATE TABLE nokey (a INT, b LONGBLOB);
"""


@pytest.mark.parametrize("migration,gtid", [("mariadb", True), ("mariadb", False), ("mysql9", True)], indirect=["migration"])
@pytest.mark.parametrize("table", ["wide", "nokey"])
def test_a_point_inside_a_transaction_ends_with_it(migration, gtid, table):
    """What is behind the point has no more rows that need one: the next transactions are applied all the same."""
    migration.prepare(PIECES)
    migration.upstream.run(f"INSERT INTO {SCHEMA}.wide VALUES (1, 1, 'x')")
    migration.start(gtid, failpoints="sync/after-serial-commit=kill", syncers={"sync": {"batch": 1}})
    migration.running()
    large = "REPEAT('x', 5 * 1024 * 1024)"  # an event each; a piece ends with the second
    with migration.upstream.connect(database=SCHEMA) as connection:
        cursor = connection.cursor()
        cursor.execute("SET SESSION binlog_row_image = MINIMAL")
        cursor.execute("BEGIN")
        if table == "wide":
            cursor.execute("UPDATE wide SET v = 2 WHERE id = 1")
            cursor.execute(f"INSERT INTO wide VALUES (2, 2, {large}), (4, 4, {large})")
            cursor.execute("INSERT INTO wide VALUES (3, 3, 'whole')")
        else:
            cursor.execute(f"INSERT INTO nokey VALUES (1, {large}), (2, {large})")
        cursor.execute("COMMIT")
    migration.wait_killed()

    def inside():
        return migration.checkpoint("exit_safe_binlog_name", f"cp_table = '{table}'")[0][0] != ""

    assert inside()
    migration.restart()
    migration.check()
    migration.cluster.workers["worker1"].kill9()
    migration.restart()
    migration.upstream.run(f"INSERT INTO {SCHEMA}.wide VALUES (10, 10, 'y')", f"INSERT INTO {SCHEMA}.nokey VALUES (10, 'y')")
    migration.check()
    wait_for(lambda: not inside(), "the point is between transactions")


@pytest.mark.parametrize("migration", ["mariadb", "mysql9"], indirect=True)
def test_killed_among_rows_that_lack_columns(migration):
    """Updates that assign only what has changed cannot be repeated: each is applied once."""
    migration.prepare()
    migration.start(failpoints="sync/after-serial-commit=15*kill")
    migration.running()
    migration.upstream.run("SET GLOBAL binlog_row_image = MINIMAL")
    try:
        writer = migration.write()
        wait_for(lambda: writer.count > 0 or writer.error, "the writer's session")
    finally:
        migration.upstream.run("SET GLOBAL binlog_row_image = FULL")
    for points in ("sync/before-serial-commit=10*kill", "sync/before-checkpoint-write=3*kill", None):
        migration.wait_killed()
        migration.restart(failpoints=points)
    migration.running()
    migration.wait_transactions(writer, 60)
    writer.stop()
    # Whole rows again.
    writer = migration.write(seed=2)
    migration.wait_transactions(writer, 30)
    migration.cluster.workers["worker1"].kill9()
    migration.restart()
    writer.stop()
    migration.check()


def test_merged_tables_at_the_first_row_that_lacks_columns(migration):
    """A row moves from one source table to another: behind the kill neither comes again, nor one of the two alone."""
    migration.prepare("CREATE TABLE s1 (id INT PRIMARY KEY, v INT, w INT);\nCREATE TABLE s2 LIKE s1;")
    migration.upstream.run(f"INSERT INTO {SCHEMA}.s2 VALUES (1, 1, 1), (2, 2, 2)")
    migration.downstream.run(f"CREATE DATABASE {SCHEMA}", f"CREATE TABLE {SCHEMA}.t (id INT PRIMARY KEY, v INT, w INT)")
    route = {"schema-pattern": SCHEMA, "table-pattern": "s*", "target-schema": SCHEMA, "target-table": "t"}
    migration.start(failpoints="sync/after-serial-commit=kill", routes={"merge": route},
                    **{"mysql-instances": [{"source-id": "src", "block-allow-list": "list", "mydumper-config-name": "dump",
                                            "loader-config-name": "load", "syncer-config-name": "sync", "route-rules": ["merge"]}]})
    migration.running()
    with migration.upstream.connect(database=SCHEMA) as connection:
        cursor = connection.cursor()
        cursor.execute("BEGIN")
        cursor.execute("DELETE FROM s2 WHERE id = 1")
        cursor.execute("INSERT INTO s1 VALUES (1, 1, 1)")
        cursor.execute("SET SESSION binlog_row_image = MINIMAL")
        cursor.execute("UPDATE s1 SET v = 7 WHERE id = 1")
        cursor.execute("COMMIT")
    migration.wait_killed()
    migration.restart()
    migration.running()
    migration.cluster.wait_synced("places", migration.upstream)
    assert migration.downstream.run(f"SELECT * FROM {SCHEMA}.t ORDER BY id") == ((1, 7, 1), (2, 2, 2))


def prepare_branch(server, xid, rows, compressed=False):
    with server.connect(database=SCHEMA) as connection:
        cursor = connection.cursor()
        if compressed:
            cursor.execute("SET SESSION binlog_transaction_compression = ON")
        cursor.execute(f"XA START '{xid}'")
        for i in range(rows):
            cursor.executemany("INSERT INTO nokey VALUES (%s, %s)", [(i, "x" * 1000)] * 1000)
            cursor.execute("INSERT INTO pk VALUES (%s, %s, %s)", (i, xid, i))
        cursor.execute(f"XA END '{xid}'")
        cursor.execute(f"XA PREPARE '{xid}'")
    server.wait_left(connection.thread_id())


@pytest.mark.parametrize("migration,gtid,compressed", [("mariadb", False, False), ("mariadb", True, False), ("mysql9", True, False), ("mysql9", False, True)],
                         indirect=["migration"])
def test_killed_around_a_prepared_transaction(migration, gtid, compressed):
    """Prepared in one run, committed in another: its rows come once, those of a table without a key in pieces."""
    migration.prepare(KEYLESS)
    migration.start(gtid, failpoints="sync/xa-prepared=kill")
    migration.running()
    prepare_branch(migration.upstream, "branch", 20, compressed)
    migration.wait_killed()
    migration.restart(failpoints="sync/xa-commit=kill")
    migration.upstream.run(f"INSERT INTO {SCHEMA}.nokey VALUES (-1, 'between')")
    migration.check()
    migration.upstream.run("FLUSH BINARY LOGS", "XA COMMIT 'branch'", f"INSERT INTO {SCHEMA}.nokey VALUES (-2, 'behind')")
    for points in ("sync/after-serial-commit=2*kill", "sync/after-serial-commit=kill", None):
        migration.wait_killed()
        migration.restart(failpoints=points)
    migration.check()
    assert migration.downstream.value(f"SELECT COUNT(*) FROM {SCHEMA}.nokey") == 20002
    wait_for(lambda: not migration.downstream.run("SELECT * FROM dm_places.places_syncer_state WHERE name = 'prepared'"),
             "nothing is prepared any more")


@pytest.mark.parametrize("migration", ["mariadb"], indirect=True)
def test_prepared_transaction_larger_than_the_memory_for_it(migration):
    migration.prepare(KEYLESS)
    migration.start()
    migration.running()
    prepare_branch(migration.upstream, "large", 70)
    migration.upstream.run("XA COMMIT 'large'", f"UPDATE {SCHEMA}.pk SET v = 'after'")
    migration.check()
    with open(os.path.join(migration.cluster.dir, "worker1", "dm-worker.log"), encoding="utf-8") as log:
        assert "read again from the upstream" in log.read()


@pytest.mark.parametrize("migration", ["mariadb", "mysql9"], indirect=True)
def test_killed_in_gtid_mode(migration):
    migration.prepare()
    migration.start(gtid=True)
    writer = migration.write()
    migration.running()
    for _ in range(3):
        migration.wait_transactions(writer, 60)
        migration.cluster.workers["worker1"].kill9()
        migration.cluster.start_worker("worker1", wait=False)
        migration.running()
    migration.wait_transactions(writer, 30)
    writer.stop()
    migration.check()
    assert migration.checkpoint("binlog_gtid")[0][0]


@pytest.mark.parametrize("migration,gtid", [("mariadb", True), ("mysql9", False)], indirect=["migration"])
def test_the_dump_connection_is_cut(migration, gtid):
    """A stream that breaks is read again without loss and without repetition; the task does not pause for the first break."""
    migration.prepare(KEYLESS + "CREATE TABLE nullable (a INT, b VARCHAR(40), UNIQUE KEY (a));")
    migration.start(gtid)
    migration.running()
    writer = migration.write(seed=3)

    def dumps():
        rows = migration.upstream.run("SELECT id FROM information_schema.processlist WHERE command LIKE 'Binlog Dump%'")
        return [row[0] for row in rows]

    first = wait_for(dumps, "the worker reads the binlog")
    migration.wait_transactions(writer, 40)
    migration.upstream.run(f"KILL {first[0]}")
    wait_for(lambda: [d for d in dumps() if d not in first], "it connects again", timeout=90)
    migration.wait_transactions(writer, 40)
    writer.stop()
    large_transaction(migration.upstream)
    migration.check()


@pytest.mark.parametrize("gtid", [False, True])
def test_offsets_that_checkpoints_cannot_hold(migration, gtid):
    """Files beyond 4 GiB, with 64 KiB in place of 4 GiB: positions start a dump and fit into tables only below."""
    migration.prepare()
    short = "binlog/short-offsets=return"
    # The dump begins at an offset that is too large already.
    migration.upstream.run("FLUSH BINARY LOGS")
    writer = migration.write(seed=11)
    wait_for(lambda: int(migration.upstream.run("SHOW MASTER STATUS")[0][1]) > 100_000 or writer.error, "a long file")
    migration.start(gtid, failpoints=short)
    migration.running()
    for _ in range(2):
        migration.wait_transactions(writer, 80)
        migration.cluster.workers["worker1"].kill9()
        migration.cluster.start_worker("worker1", wait=False, failpoints=short)
        migration.running()
    dump = migration.upstream.value("SELECT MAX(id) FROM information_schema.processlist WHERE command LIKE 'Binlog Dump%'")
    if dump:
        migration.upstream.run(f"KILL {dump}")
    migration.wait_transactions(writer, 80)
    writer.stop()
    migration.running()
    wait_for(lambda: difference(migration.upstream, migration.downstream, {SCHEMA: SCHEMA}) is None,
             lambda: difference(migration.upstream, migration.downstream, {SCHEMA: SCHEMA}))
    migration.upstream.run("FLUSH BINARY LOGS")
    migration.check()
    assert migration.checkpoint("binlog_pos")[0][0] <= 65536


def test_switch_to_gtid_mode(migration):
    """A checkpoint of positions gets the GTID set that belongs to it, also if the first start is killed."""
    migration.prepare()
    migration.start(gtid=False)
    migration.running()
    writer = migration.write(seed=4)
    migration.wait_transactions(writer, 50)
    cluster = migration.cluster
    cluster.ctl("stop-task", "places")
    migration.downstream.run("UPDATE dm_places.places_syncer_checkpoint SET binlog_gtid = '', exit_safe_binlog_gtid = ''")
    cluster.ctl("operate-source", "stop", os.path.join(cluster.dir, "src.yaml"))
    migration.wait_transactions(writer, 50)
    cluster.create_source("src", migration.upstream, **{"enable-gtid": True})
    cluster.ctl("start-task", migration.task)
    migration.running()
    cluster.workers["worker1"].kill9()
    cluster.start_worker("worker1")
    migration.wait_transactions(writer, 50)
    writer.stop()
    migration.check()
    file, pos, gtid = migration.checkpoint("binlog_name, binlog_pos, binlog_gtid")[0]
    assert gtid == migration.upstream.value(f"SELECT BINLOG_GTID_POS('{file}', {pos})")


@pytest.mark.parametrize("migration", ["mariadb", "mysql9"], indirect=True)
def test_start_time(migration):
    """Replication from a time takes what was written since, each row once, and goes on from its checkpoint afterwards."""
    migration.prepare("CREATE TABLE nokey (a INT); CREATE TABLE pk (id INT PRIMARY KEY);".replace("; ", ";\n"))
    up = migration.upstream
    up.run(f"INSERT INTO {SCHEMA}.nokey VALUES (1)", f"INSERT INTO {SCHEMA}.pk VALUES (1)")
    migration.downstream.run(f"CREATE DATABASE {SCHEMA}", f"CREATE TABLE {SCHEMA}.nokey (a INT)",
                             f"CREATE TABLE {SCHEMA}.pk (id INT PRIMARY KEY)", f"INSERT INTO {SCHEMA}.nokey VALUES (1)",
                             f"INSERT INTO {SCHEMA}.pk VALUES (1)")
    before = up.value("SELECT NOW()")
    wait_for(lambda: up.value("SELECT NOW()") > before, "the next second")
    start = str(up.value("SELECT NOW()"))
    up.run(f"INSERT INTO {SCHEMA}.nokey VALUES (2), (2)", f"INSERT INTO {SCHEMA}.pk VALUES (2)")
    up.run("FLUSH BINARY LOGS", f"INSERT INTO {SCHEMA}.nokey VALUES (3)")
    cluster = migration.cluster
    cluster.start_worker("worker1")
    cluster.create_source("src", up)
    task = cluster.task_file("places", ["src"], migration.downstream, [SCHEMA],
                             **{"meta-schema": "dm_places", "task-mode": "incremental"})
    cluster.ctl("start-task", task, "--start-time", start)
    migration.check()
    cluster.workers["worker1"].kill9()
    up.run(f"INSERT INTO {SCHEMA}.nokey VALUES (4)")
    cluster.start_worker("worker1")
    migration.check()


def test_keyless_rows_behind_an_inconsistent_dump(migration):
    """A dump that is not of one position may hold a row already; without a key it must not come again, now or after a resume."""
    migration.prepare("CREATE TABLE nokey (a INT PRIMARY KEY);\nCREATE TABLE pk (id INT PRIMARY KEY);")
    up, cluster = migration.upstream, migration.cluster
    # Where the upstream has no key either such a dump is refused before it begins.
    migration.downstream.run(f"CREATE DATABASE {SCHEMA}", f"CREATE TABLE {SCHEMA}.nokey (a INT)")
    first = up.run("SHOW MASTER STATUS")[0][:2]
    up.run(f"INSERT INTO {SCHEMA}.nokey VALUES (7)", f"INSERT INTO {SCHEMA}.pk VALUES (7)")
    gate = os.path.join(cluster.dir, "go")
    migration.start(failpoints=f"dump/after-metadata=pause({gate})",
                    mydumpers={"dump": {"extra-args": "--consistency none"}})
    pattern = os.path.join(cluster.dir, "dumped_data.places*", "metadata")
    path = wait_for(lambda: glob.glob(pattern), "the dump is complete")[0]
    text = open(path).read()
    assert "AFTER CONNECTION POOL" in text, text
    # The snapshot began before the rows were written and ended behind them.
    head, mark, rest = text.partition("SHOW MASTER STATUS: /* AFTER")
    head = re.sub(r"Log: .*\n\tPos: .*\n", f"Log: {first[0]}\n\tPos: {first[1]}\n", head, count=1)
    with open(path, "w") as f:
        f.write(head + mark + rest)
    open(gate, "w").close()
    for step in ("as it starts", "resumed", "killed"):
        cluster.wait_error("places", 36074, "no primary or unique key")
        assert migration.downstream.value(f"SELECT COUNT(*) FROM {SCHEMA}.nokey") == 1, step
        if step == "as it starts":
            cluster.ctl("resume-task", "places")
            cluster.wait_error("places", 36074)
        elif step == "resumed":
            cluster.workers["worker1"].kill9()
            cluster.start_worker("worker1")
    # With a key the row is told.
    migration.downstream.run(f"ALTER TABLE {SCHEMA}.nokey ADD PRIMARY KEY (a)")
    cluster.ctl("resume-task", "places")
    up.run(f"INSERT INTO {SCHEMA}.pk VALUES (8)")
    migration.check(definitions=False)
    wait_for(lambda: not migration.downstream.run("SELECT * FROM dm_places.places_syncer_state WHERE name = 'dump_exit'"), "the guard is taken away")


def test_names_that_differ_in_case(migration):
    """T and t are two tables, also for the checkpoint; tables of meta data made by an older version are changed."""
    migration.prepare("CREATE TABLE T (a INT);\nCREATE TABLE t (a INT, b INT);\nCREATE TABLE café (a INT);\nCREATE TABLE cafe (a INT);")
    down, up = migration.downstream, migration.upstream
    down.run("CREATE DATABASE dm_places DEFAULT COLLATE utf8mb4_general_ci", "USE dm_places", """
        CREATE TABLE places_syncer_checkpoint (id VARCHAR(32) NOT NULL, cp_schema VARCHAR(128) NOT NULL,
          cp_table VARCHAR(128) NOT NULL, binlog_name VARCHAR(128), binlog_pos INT UNSIGNED, binlog_gtid TEXT,
          exit_safe_binlog_name VARCHAR(128) DEFAULT '', exit_safe_binlog_pos INT UNSIGNED DEFAULT 0,
          exit_safe_binlog_gtid TEXT, table_info JSON NOT NULL, is_global BOOLEAN,
          create_time timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
          update_time timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
          UNIQUE KEY uk_id_schema_table (id, cp_schema, cp_table))""")
    # The pre-check refuses such names, since not every downstream tells them apart.
    migration.start(**{"ignore-checking-items": ["all"]})
    migration.running()
    for i in range(20):
        up.run(f"USE {SCHEMA}", f"INSERT INTO T VALUES ({i})", f"INSERT INTO t VALUES ({i}, 1)",
               f"INSERT INTO café VALUES ({i})", f"INSERT INTO cafe VALUES ({i})")
    migration.cluster.workers["worker1"].kill9()
    up.run(f"INSERT INTO {SCHEMA}.T VALUES (100)", f"INSERT INTO {SCHEMA}.t VALUES (100, 1)")
    migration.restart()
    migration.check()
    rows = migration.checkpoint("cp_table", f"cp_schema = '{SCHEMA}'")
    assert sorted(row[0] for row in rows) == sorted(["T", "t", "café", "cafe"])


def test_connections_that_the_server_closed_while_idle(migration):
    """The first change and the first statement after that go through without a pause."""
    migration.prepare()
    down = migration.downstream
    migration.start()
    migration.running()
    migration.upstream.run(f"ALTER TABLE {SCHEMA}.nullable ADD COLUMN c INT")
    migration.check()
    for statement in (f"ALTER TABLE {SCHEMA}.nullable ADD COLUMN d INT", f"INSERT INTO {SCHEMA}.pk VALUES (1, 'a', 1)",
                      f"INSERT INTO {SCHEMA}.nokey VALUES (1, 'a')"):
        idle = down.run("SELECT id FROM information_schema.processlist WHERE user = 'dm' AND command = 'Sleep' AND id <> CONNECTION_ID()")
        for (number,) in idle:
            try:
                down.run(f"KILL {number}")
            except pymysql.err.MySQLError as e:
                assert e.args[0] == 1094, e  # gone
        migration.upstream.run(statement)
        migration.check()
    log = migration.cluster.log("worker1", lines=100000)
    assert "sync unit ends with an error" not in log, log[-3000:]


def test_a_stopped_worker_comes_back_when_another_has_its_work(migration):
    """SIGSTOP past the lease, take-over, SIGCONT in the middle: the first must not write any more, and the second not end."""
    migration.prepare()
    migration.start()
    migration.running()
    cluster = migration.cluster
    cluster.start_worker("worker2")
    writer = migration.write(seed=9)
    migration.wait_transactions(writer, 30)
    cluster.workers["worker1"].send(signal.SIGSTOP)
    try:
        wait_for(lambda: cluster.bound_worker("src") == "worker2", "worker2 takes over", timeout=90)
        migration.running()
        migration.wait_transactions(writer, 30)
    finally:
        cluster.workers["worker1"].send(signal.SIGCONT)
    migration.wait_transactions(writer, 60)
    writer.stop()
    migration.check()
    assert cluster.bound_worker("src") == "worker2"


def test_changes_of_one_event_wait_for_each_other(migration):
    """The third row of an UPDATE collides with the first two, which go to two workers that are busy."""
    migration.prepare("CREATE TABLE two (id INT PRIMARY KEY, u INT, w INT, UNIQUE KEY (u), UNIQUE KEY (w));")
    migration.start(syncers={"sync": {"batch": 1}})  # a busy worker takes no more
    migration.running()
    cluster = migration.cluster
    cluster.wait_synced("places", migration.upstream)
    port = cluster.workers["worker1"].port

    def waiting():
        """Jobs that wait in the workers' queues."""
        sizes = re.findall(r'dm_syncer_queue_size\{queue_id="q_\d".*\} (\d+)', cluster.http("/metrics", port))
        return sum(int(size) for size in sizes)

    with migration.downstream.connect() as blocker:
        blocker.cursor().execute(f"LOCK TABLES {SCHEMA}.two READ")
        migration.upstream.run(f"INSERT INTO {SCHEMA}.two VALUES (1, 1, 1)", f"INSERT INTO {SCHEMA}.two VALUES (2, 2, 2)",
                               f"INSERT INTO {SCHEMA}.two VALUES (3, 3, 3)",
                               f"UPDATE {SCHEMA}.two SET u = IF(id = 3, 1, u + 100), w = IF(id = 3, 2, w + 100) ORDER BY id")
        wait_for(lambda: waiting() == 2, lambda: f"two changes wait behind those of their keys: {waiting()}")
        blocker.cursor().execute("UNLOCK TABLES")
    migration.check()
    assert migration.downstream.run(f"SELECT * FROM {SCHEMA}.two WHERE id = 3") == ((3, 1, 2),)


@pytest.mark.parametrize("migration", ["mysql9"], indirect=True)
def test_the_log_tells_what_a_downstream_definition_does_not(migration):
    """Incremental, the target made by hand: sign and character set are the upstream's."""
    migration.prepare("CREATE TABLE v (id INT PRIMARY KEY, a INT UNSIGNED, c VARCHAR(20) CHARACTER SET latin1, t TINYINT UNSIGNED);")
    migration.downstream.run(f"CREATE DATABASE {SCHEMA}",
                             f"CREATE TABLE {SCHEMA}.v (id BIGINT PRIMARY KEY, a BIGINT, c VARCHAR(20) CHARACTER SET utf8mb4, t INT)")
    file, pos = migration.upstream.run("SHOW BINARY LOG STATUS")[0][:2]
    migration.upstream.run(f"INSERT INTO {SCHEMA}.v VALUES (1, 4000000000, 'é€', 200)")
    cluster = migration.cluster
    cluster.start_worker("worker1")
    cluster.create_source("src", migration.upstream)
    task = cluster.task_file("places", ["src"], migration.downstream, [SCHEMA],
                             **{"meta-schema": "dm_places", "task-mode": "incremental"})
    text = open(task).read().replace("- source-id: src", f"- source-id: src\n  meta: {{binlog-name: {file}, binlog-pos: {pos}}}")
    assert "meta: {" in text
    open(task, "w").write(text)
    cluster.ctl("start-task", task)
    migration.running()
    cluster.wait_synced("places", migration.upstream)
    assert migration.downstream.run(f"SELECT * FROM {SCHEMA}.v") == ((1, 4000000000, "é€", 200),)
