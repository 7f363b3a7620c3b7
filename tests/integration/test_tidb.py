"""TiDB as downstream. Runs the cases of cases_tidb/ and those of cases/ (format: test_cases.py), and what is special about
TiDB: transactions that conflict only at their COMMIT, its own types and checks. One xdist group: TiDB takes a core."""
import os
import threading

import pytest

import test_cases
import test_crash
from dmtest.cluster import Cluster
from dmtest.compare import difference
from dmtest.waiting import wait_for

pytestmark = pytest.mark.xdist_group("tidb")

CASES = os.path.join(os.path.dirname(__file__), "cases_tidb")
# What takes the place of a collation in MariaDB; spatial types; what TiDB has no grammar for; defaults that call any function;
# sequences, which TiDB has without MariaDB's options (docs/compatibility.md).
NOT_FOR_TIDB = {"collations_mysql_mariadb", "ddl_between", "ddl_mariadb_only", "ddl_to_mysql", "sequences"}
OLD = ["types_common", "keys_basic"]
# `make test-tidb` runs all; otherwise each case comes from one upstream, and a worker is killed less often.
ALL = os.environ.get("DM_TIDB_TESTS") == "all"


def _parameters():
    paths = [os.path.join(directory, name) for directory in (CASES, test_cases.CASES) for name in os.listdir(directory)]
    for number, path in enumerate(sorted(paths, key=os.path.basename)):
        case = test_cases.Case(path)
        if case.name in NOT_FOR_TIDB:
            continue
        pairs = sorted({f"{pair.split('-')[0]}-tidb" for pair in case.pairs if not pair.endswith("-tidbold")})
        if not ALL:
            pairs = [pairs[number % len(pairs)]]
        if case.name in OLD or any(pair.endswith("-tidbold") for pair in case.pairs):
            pairs.append("mariadb-tidbold")
        for pair in pairs:
            yield pytest.param(case, pair, id=f"{case.name}-{pair}")


@pytest.mark.parametrize("case,pair", _parameters())
def test_case(case, pair, servers, shared_cluster):
    test_cases.run_case(case, pair, servers, shared_cluster)


# -- kill -9
@pytest.fixture
def migration(servers, cluster):
    yield from test_crash.prepare(cluster, servers.get("mariadb", "up"), servers.get("tidb", "down"))


@pytest.mark.parametrize("point", ["load/before-commit", "20*sync/after-commit"] + (
    ["3*load/after-chunk", "3*sync/before-checkpoint-write"] if ALL else []))
def test_killed(migration, point):
    times, _, name = point.rpartition("*")
    migration.start_worker("worker1", failpoints=f"{name}={times + '*' if times else ''}kill")
    writer = test_crash.write(migration)
    test_crash.start(migration)
    test_crash.wait_killed(migration)
    test_crash.finish(migration, writer)


@pytest.mark.parametrize("point", ["sync/before-track", "sync/after-ddl-statement"])
def test_killed_in_ddl(migration, point):
    """An ALTER of two changes, which TiDB gets as two statements."""
    migration.start_worker("worker1", failpoints=f"{point}=kill")
    test_crash.start(migration)
    writer = test_crash.write(migration)
    wait_for(lambda: writer.count > 20 or writer.error, "some transactions")
    migration.upstream.run(f"ALTER TABLE {test_crash.SCHEMA}.nullable ADD COLUMN c INT DEFAULT 7, ADD KEY kc (c)")
    test_crash.wait_killed(migration)
    test_crash.finish(migration, writer)


if ALL:
    def test_killed_again_and_again(migration):
        test_crash.test_killed_again_and_again(migration)


def test_tidb_restarts(servers, cluster, tmp_path):
    """The downstream itself goes away in the middle, with transactions in flight, and comes back.

    In order: the store of a single tidb-server keeps locks in memory. Of a transaction that is committed by its first key
    a kill would lose the others, which TiKV does not."""
    from dmtest.servers import TiDb

    down = TiDb(tmp_path / "tidb", server_id=1).start()
    try:
        for cluster in test_crash.prepare(cluster, servers.get("mariadb", "up"), down):
            cluster.start_worker("worker1")
            test_crash.start(cluster)
            cluster.wait_stage("crash", "Running", "Sync")
            writer = test_crash.write(cluster, seed=9)
            wait_for(lambda: writer.count > 100 or writer.error, "some transactions")
            down.stop()
            goal = writer.count + 100
            wait_for(lambda: writer.count > goal or writer.error, "more transactions")
            down.start()
            test_crash.finish_running(cluster, writer)
    finally:
        down.stop()


@pytest.mark.parametrize("mode", ["optimistic", "pessimistic"])
def test_a_forgotten_transaction(servers, cluster, tmp_path, mode):
    """A run is held between the rows of a table without a key and their COMMIT while another run of the task takes over and
    applies them. In the way of the first one's COMMIT is nothing but the proof of ownership."""
    gate = tmp_path / "go"
    table = f"{test_crash.SCHEMA}.nokey"
    upstream, downstream = servers.get("mariadb", "up"), servers.get("tidb", "down")
    second = Cluster(tmp_path / "second")
    cluster.keepalive_ttl = 900  # the idle limit of its sessions is a third
    try:
        for cluster in test_crash.prepare(cluster, upstream, downstream):
            cluster.task = cluster.task_file("crash", ["src"], downstream, [test_crash.SCHEMA], **{
                "meta-schema": "dm_crash", "target-database": {"session": {"tidb_txn_mode": mode}}})
            cluster.start_worker("worker1", failpoints=f"sync/before-serial-commit=pause({gate})")
            test_crash.start(cluster)
            cluster.wait_stage("crash", "Running", "Sync")
            upstream.run(f"INSERT INTO {table} VALUES (-1, 'once'), (-1, 'once')")
            held = "SELECT COUNT(*) FROM information_schema.tidb_trx WHERE user = 'dm' AND mem_buffer_keys > 2 AND state = 'Idle'"
            wait_for(lambda: downstream.value(held) == 1, "a transaction is open")
            second.start_master()
            second.start_worker("worker2")
            second.create_source("src", upstream)
            second.ctl("start-task", cluster.task)
            if mode == "optimistic":
                second.wait_stage("crash", "Running", "Sync")
                second.wait_synced("crash", upstream)
                assert downstream.value(f"SELECT COUNT(*) FROM {table} WHERE a = -1") == 2
            else:
                waits = "SELECT COUNT(*) FROM information_schema.tidb_trx WHERE user = 'dm' AND state = 'LockWaiting'"
                wait_for(lambda: downstream.value(waits) == 1, "the second waits for the transaction's end")
            gate.touch()
            if mode == "pessimistic":
                wait_for(lambda: downstream.value(f"SELECT COUNT(*) FROM {table} WHERE a = -1") == 2, "the first is in time")
                second.wait_stage("crash", "Running", "Sync")
            upstream.run(f"INSERT INTO {table} VALUES (-2, 'later')")
            wait_for(lambda: "code=36076" in cluster.log("worker1", 100000), lambda: f"thrown out\n{cluster.log('worker1')}")
            assert ("Write conflict" in cluster.log("worker1", 100000)) == (mode == "optimistic")
            cluster.ctl("stop-task", "crash")
            second.wait_stage("crash", "Running", "Sync")
            second.wait_synced("crash", upstream)
            assert difference(upstream, downstream, {test_crash.SCHEMA: test_crash.SCHEMA}) is None
    finally:
        gate.touch()
        second.stop()


# -- transactions
def test_too_large_for_one_transaction(servers, shared_cluster):
    """TiDB's limit is below what a batch, a chunk or a checkpoint of many tables brings: parts of it are transactions."""
    cluster, name = shared_cluster, "large"
    upstream, downstream = servers.get("mariadb", "up"), servers.get("tidbold", "down")
    _source(cluster, "mariadb", upstream)
    tables = "".join(f"CREATE TABLE many_{i} (id INT PRIMARY KEY, {', '.join(f'column_with_a_long_name_{c} VARCHAR(20)' for c in range(60))});\n"
                     for i in range(40))
    _fresh(name, upstream, downstream, f"""{tables}
        CREATE TABLE keyed (id INT PRIMARY KEY, b LONGBLOB);
        CREATE TABLE nokey (a INT, b LONGBLOB);
        INSERT INTO keyed SELECT seq, REPEAT('a', 60000) FROM seq_1_to_40;
        INSERT INTO nokey SELECT seq, REPEAT('a', 60000) FROM seq_1_to_40;""")
    path = cluster.task_file(name, ["mariadb-pos"], downstream, [name], **{
        "syncers": {"sync": {"worker-count": 2, "batch": 1000}}})
    cluster.ctl("start-task", path, "--remove-meta")
    try:
        cluster.wait_stage(name, "Running", "Sync")
        changes = [f"INSERT INTO many_{i} (id) VALUES (1)" for i in range(40)]
        changes += ["INSERT INTO keyed SELECT seq, REPEAT('b', 60000) FROM seq_41_to_80", "UPDATE keyed SET b = REPEAT('c', 60000)",
                    *(f"INSERT INTO nokey SELECT {i}, REPEAT('{i}', 60000) FROM seq_1_to_4" for i in range(8)),
                    "DELETE FROM nokey WHERE a < 5"]
        upstream.script(f"USE {name};\n" + ";\n".join(changes) + ";")
        cluster.wait_synced(name, upstream)
        assert difference(upstream, downstream, {name: name}) is None
        log = "".join(cluster.log(worker, 100000) for worker in cluster.workers)
        assert "a transaction is too large for the downstream, it is divided" in log
        # What a table without a key gets from one transaction is one transaction.
        upstream.run(f"INSERT INTO {name}.nokey SELECT seq, REPEAT('d', 60000) FROM {name}.seq_1_to_30")
        cluster.wait_error(name, None, "Transaction is too large")
        assert downstream.value(f"SELECT COUNT(*) FROM {name}.nokey WHERE LEFT(b, 1) = 'd'") == 0
    finally:
        cluster.ctl("stop-task", name, check=False)


class Rival(threading.Thread):
    """Writes the same rows of `column`, which the upstream has not got, until stopped."""

    def __init__(self, server, statement, mode):
        super().__init__(daemon=True)
        self.server, self.statement, self.mode = server, statement, mode
        self.ending, self.count, self.conflicts = threading.Event(), 0, 0

    def run(self):
        connection = self.server.connect()
        cursor = connection.cursor()
        cursor.execute(f"SET SESSION tidb_txn_mode = '{self.mode}'")
        while not self.ending.is_set():
            try:
                cursor.execute("BEGIN")
                cursor.execute(self.statement)
                cursor.execute("COMMIT")
                self.count += 1
            except Exception:
                self.conflicts += 1
                cursor.execute("ROLLBACK")

    def stop(self):
        self.ending.set()
        self.join()


@pytest.mark.parametrize("mode", ["optimistic", "pessimistic"])
def test_conflicts_are_retried(servers, shared_cluster, mode):
    """Another writer changes the same rows all the time: transactions fail at COMMIT or wait, and are repeated."""
    cluster, schema = shared_cluster, f"rival_{mode}"
    upstream, downstream = _pair(servers, cluster, "mariadb")
    for server in (upstream, downstream):
        server.run(f"DROP DATABASE IF EXISTS {schema}")
    upstream.run(f"CREATE DATABASE {schema}")
    upstream.run(f"CREATE TABLE {schema}.hot (id INT PRIMARY KEY, n INT)",
                 f"INSERT INTO {schema}.hot VALUES (1, 0), (2, 0), (3, 0)")
    path = cluster.task_file(schema, ["mariadb-pos"], downstream, [schema], **{
        "target-database": {"session": {"tidb_txn_mode": mode}},
        "syncers": {"sync": {"batch": 5, "worker-count": 2, "safe-mode-duration": "0s"}}})
    cluster.ctl("start-task", path, "--remove-meta")
    try:
        cluster.wait_stage(schema, "Running", "Sync")
        downstream.run(f"ALTER TABLE {schema}.hot ADD COLUMN rival INT DEFAULT 0")
        rival = Rival(downstream, f"UPDATE {schema}.hot SET rival = rival + 1", mode)
        rival.start()
        try:
            def change_until_conflict():
                with upstream.connect(database=schema) as connection:
                    cursor = connection.cursor()
                    for _ in range(50):
                        cursor.execute("UPDATE hot SET n = n + 1")
                changed.append(50)
                return mode == "pessimistic" or any("Write conflict" in cluster.log(name, 5000) for name in cluster.workers)

            changed = []
            wait_for(change_until_conflict, "a write conflict", timeout=90)
            cluster.wait_synced(schema, upstream)
        finally:
            rival.stop()
        assert rival.count > 0
        assert downstream.run(f"SELECT id, n FROM {schema}.hot ORDER BY id") == tuple((i, sum(changed)) for i in (1, 2, 3))
        assert downstream.value(f"SELECT SUM(rival) FROM {schema}.hot") == 3 * rival.count
    finally:
        cluster.ctl("stop-task", schema, check=False)


# -- modes and settings
def _pair(servers, cluster, kind):
    upstream, downstream = servers.get(kind, "up"), servers.get("tidb", "down")
    _source(cluster, kind, upstream)
    return upstream, downstream


def _source(cluster, kind, upstream):
    source = f"{kind}-pos"
    if source not in cluster.sources:
        cluster.start_worker(f"worker{len(cluster.sources) + 1}")
        cluster.create_source(source, upstream, **{"enable-gtid": False})
        cluster.sources[source] = upstream


def _fresh(name, upstream, downstream, tables):
    for server in (upstream, downstream):
        server.run(f"DROP DATABASE IF EXISTS {name}")
    upstream.run(f"CREATE DATABASE {name}")
    upstream.script(f"USE {name};\n{tables}")


@pytest.mark.parametrize("duplicate,expected", [
    ("replace", ((1, "up"), (2, "up"), (3, "down"))), ("ignore", ((1, "down"), (2, "up"), (3, "down"))), ("error", None)])
def test_on_duplicate(servers, shared_cluster, duplicate, expected):
    cluster, name = shared_cluster, f"dup_{duplicate}"
    upstream, downstream = _pair(servers, cluster, "mysql9")
    _fresh(name, upstream, downstream, "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(10));\nINSERT INTO t VALUES (1, 'up'), (2, 'up');")
    downstream.run(f"CREATE DATABASE {name}", f"CREATE TABLE {name}.t (id INT PRIMARY KEY, v VARCHAR(10))",
                   f"INSERT INTO {name}.t VALUES (1, 'down'), (3, 'down')")
    path = cluster.task_file(name, ["mysql9-pos"], downstream, [name], **{
        "task-mode": "full", "loaders": {"load": {"on-duplicate-logical": duplicate}}})
    cluster.ctl("start-task", path, "--remove-meta")
    try:
        if expected is None:
            cluster.wait_error(name, 34019, "Duplicate entry '1' for key 't.PRIMARY'")
        else:
            cluster.wait_stage(name, "Finished")
            assert downstream.run(f"SELECT id, v FROM {name}.t ORDER BY id") == expected
    finally:
        cluster.ctl("stop-task", name, check=False)


@pytest.mark.parametrize("kind", ["mariadb", "mysql9"])
def test_incremental(servers, shared_cluster, kind):
    """From a position, into tables made by hand: one with AUTO_RANDOM, one whose ids TiDB gives itself."""
    cluster, name = shared_cluster, f"incr_{kind}"
    upstream, downstream = _pair(servers, cluster, kind)
    _fresh(name, upstream, downstream, "CREATE TABLE r (id BIGINT PRIMARY KEY, v INT);\nCREATE TABLE k (a INT);\n"
           "INSERT INTO r VALUES (1, 1);")
    file, position = upstream.run("SHOW MASTER STATUS" if kind == "mariadb" else "SHOW BINARY LOG STATUS")[0][:2]
    downstream.run(f"CREATE DATABASE {name}", f"CREATE TABLE {name}.r (id BIGINT AUTO_RANDOM PRIMARY KEY, v INT)",
                   f"CREATE TABLE {name}.k (a INT)", "SET SESSION allow_auto_random_explicit_insert = 1",
                   f"INSERT INTO {name}.r VALUES (1, 1)")
    path = cluster.task_file(name, [f"{kind}-pos"], downstream, [name], **{"task-mode": "incremental"})
    text = open(path).read().replace("syncer-config-name: sync", f"syncer-config-name: sync\n  meta: {{binlog-name: {file}, binlog-pos: {position}}}")
    cluster.write(os.path.basename(path), text)
    cluster.ctl("start-task", path, "--remove-meta")
    try:
        upstream.script(f"USE {name};\nINSERT INTO r VALUES (2, 2), (1000, 3);\nUPDATE r SET id = 5 WHERE id = 2;\n"
                        "INSERT INTO k VALUES (1), (1), (2);\nDELETE FROM k WHERE a = 1 LIMIT 1;\nUPDATE r SET v = 9 WHERE id = 1;")
        cluster.wait_stage(name, "Running", "Sync")
        cluster.wait_synced(name, upstream)
        assert difference(upstream, downstream, {name: name}) is None
        # Stop and start again: goes on from the checkpoint tables in TiDB.
        cluster.ctl("stop-task", name)
        upstream.run(f"INSERT INTO {name}.k VALUES (3)", f"DELETE FROM {name}.r WHERE id = 1000")
        cluster.ctl("start-task", path)
        cluster.wait_stage(name, "Running", "Sync")
        cluster.wait_synced(name, upstream)
        assert difference(upstream, downstream, {name: name}) is None
    finally:
        cluster.ctl("stop-task", name, check=False)


def test_precheck_and_meta(servers, shared_cluster):
    """check-task passes on TiDB; a user without rights is told; --remove-meta leaves no table behind."""
    cluster, name = shared_cluster, "prechecked"
    upstream, downstream = _pair(servers, cluster, "mysql9")
    _fresh(name, upstream, downstream, "CREATE TABLE t (id INT PRIMARY KEY);\nINSERT INTO t VALUES (1);")
    path = cluster.task_file(name, ["mysql9-pos"], downstream, [name], **{"meta-schema": "dm_meta_pre"})
    cluster.ctl("check-task", path)
    downstream.run("DROP USER IF EXISTS poor", "CREATE USER poor IDENTIFIED BY 'poor-1'", "GRANT SELECT ON *.* TO poor")
    poor = cluster.task_file("poor", ["mysql9-pos"], downstream, [name], **{
        "meta-schema": "dm_meta_pre", "target-database": {"user": "poor", "password": "poor-1"}})
    answer = cluster.ctl("start-task", poor, check=False)
    if answer.ok:
        cluster.wait_error("poor", None, "denied")
        cluster.ctl("stop-task", "poor")
    else:
        assert "26005" in answer.out and ("denied" in answer.out or "lack" in answer.out), answer
    cluster.ctl("start-task", path)
    try:
        cluster.wait_stage(name, "Running", "Sync")
        upstream.run(f"INSERT INTO {name}.t VALUES (2)")
        cluster.wait_synced(name, upstream)
        assert difference(upstream, downstream, {name: name}) is None
        assert downstream.value("SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = 'dm_meta_pre'") > 0
        stopped = cluster.ctl("stop-task", name)
        assert stopped.ok
        cluster.ctl("start-task", path, "--remove-meta")
        cluster.wait_stage(name, "Running", "Sync")
    finally:
        cluster.ctl("stop-task", name, check=False)


def test_auto_random_in_a_full_copy(servers, shared_cluster):
    """Into a table that was made before, with AUTO_RANDOM: the ids are the upstream's, in the copy and behind it."""
    cluster, name = shared_cluster, "random_full"
    upstream, downstream = _pair(servers, cluster, "mariadb")
    _fresh(name, upstream, downstream, "CREATE TABLE r (id BIGINT PRIMARY KEY, v INT);\nINSERT INTO r SELECT seq * 3, seq FROM seq_1_to_2000;\n"
           "INSERT INTO r VALUES (9000000000, -1);")
    downstream.run(f"CREATE DATABASE {name}", f"CREATE TABLE {name}.r (id BIGINT AUTO_RANDOM PRIMARY KEY, v INT)")
    cluster.ctl("start-task", cluster.task_file(name, ["mariadb-pos"], downstream, [name]), "--remove-meta")
    try:
        cluster.wait_stage(name, "Running", "Sync")
        upstream.run(f"USE {name}", "INSERT INTO r VALUES (7, 7), (9000000001, 8)", "UPDATE r SET id = 8 WHERE id = 7", "DELETE FROM r WHERE id = 3")
        cluster.wait_synced(name, upstream)
        assert difference(upstream, downstream, {name: name}, definitions=False) is None
    finally:
        cluster.ctl("stop-task", name, check=False)


LONG = "n" * 65
REFUSED = {  # what is upstream, what it is told then, TiDB's words
    "drop primary key": ("", "ALTER TABLE t DROP PRIMARY KEY", "Unsupported drop primary key"),
    "modify charset": ("", "ALTER TABLE t MODIFY v VARCHAR(20) CHARACTER SET latin1 COLLATE latin1_bin", "Unsupported modify charset"),
    "add column": ("CREATE TABLE a (v INT)", "ALTER TABLE a ADD COLUMN id INT AUTO_INCREMENT UNIQUE", "nsupported add column"),
    "modify column": ("", "ALTER TABLE t MODIFY id INT AUTO_INCREMENT", "Unsupported modify column"),
    "drop column": ("CREATE TABLE p (a INT, b INT, PRIMARY KEY (a, b))", "ALTER TABLE p DROP COLUMN a", "can't drop column a with composite index"),
    "modify collate": ("CREATE TABLE c (id INT PRIMARY KEY, v VARCHAR(20) COLLATE utf8mb4_general_ci, KEY k (v))",
                       "ALTER TABLE c MODIFY v VARCHAR(20) COLLATE utf8mb4_unicode_ci", "Unsupported modifying collation"),
    "convert collate": ("CREATE TABLE c (id INT PRIMARY KEY, v VARCHAR(20) COLLATE utf8mb4_general_ci, KEY k (v))",
                        "ALTER TABLE c CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci", "Unsupported converting collation"),
    "default": ("", "CREATE TABLE d (id INT PRIMARY KEY, t TIMESTAMP DEFAULT '2100-01-01 00:00:00')", "Invalid default value for 't'"),
    "1069": (f"CREATE TABLE k (id INT PRIMARY KEY, {', '.join(f'c{i} INT, KEY k{i} (c{i})' for i in range(62))}, v INT)",
             "ALTER TABLE k ADD KEY one_more (v)", "Error 1069"),
    "1059": ("", "CREATE TABLE routed (id INT PRIMARY KEY)", "Error 1059"),
    "1117": ("", f"CREATE TABLE wide ({', '.join(f'c{i} TINYINT' for i in range(1100))}) ENGINE=MyISAM", "Error 1117"),
    "1366": ("", "INSERT INTO other VALUES (2, 'no number')", "Error 1366"),
    "1406": ("", "INSERT INTO other VALUES (2, '12345678901')", "Error 1406"),
    "1062": ("", "INSERT INTO other VALUES (9, '1')", "Error 1062"),
    "8025": ("CREATE TABLE large (id INT PRIMARY KEY, b LONGBLOB)", "INSERT INTO large VALUES (1, REPEAT('x', 7000000))", "Error 8025"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_by_tidb(servers, shared_cluster, name):
    """What TiDB cannot do pauses the task with TiDB's own words, once, and is not tried again for ever."""
    cluster, schema = shared_cluster, "refused"
    before, statement, phrase = REFUSED[name]
    # MariaDB 11.8 knows such moments, MySQL drops a column of a primary key.
    kind = {"default": "mariadb11", "drop column": "mysql9"}.get(name, "mariadb")
    upstream, downstream = _pair(servers, cluster, kind)
    _fresh(schema, upstream, downstream, "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20) CHARACTER SET utf8mb4);\nINSERT INTO t VALUES (1, 'a');\n"
           "CREATE TABLE other (id INT PRIMARY KEY, v VARCHAR(20));" + (f"\n{before};" if before else ""))
    path = cluster.task_file(schema, [f"{kind}-pos"], downstream, [schema], **{
        "syncers": {"sync": {"safe-mode-duration": "0s"}},
        "routes": {"r": {"schema-pattern": schema, "table-pattern": "routed", "target-schema": schema, "target-table": LONG}},
        "mysql-instances": [{"source-id": f"{kind}-pos", "block-allow-list": "list", "route-rules": ["r"], "mydumper-config-name": "dump",
                             "loader-config-name": "load", "syncer-config-name": "sync"}]})
    cluster.ctl("start-task", path, "--remove-meta")
    try:
        cluster.wait_stage(schema, "Running", "Sync")
        downstream.run(f"ALTER TABLE {schema}.other MODIFY v {'INT' if name == '1366' else 'VARCHAR(10)'}", f"INSERT INTO {schema}.other VALUES (9, '9')",
                       *([f"ALTER TABLE {schema}.k ADD KEY by_hand (v, c1), ADD KEY another (v, c2)"] if name == "1069" else []))
        given_up = sum(cluster.log(worker, 100000).count("task can't auto resume") for worker in cluster.workers)
        upstream.run(f"USE {schema}", statement)
        error = cluster.wait_error(schema, 10006, phrase)
        assert error["Workaround"] and "by itself" not in error["Workaround"].replace("not tried again by itself", ""), error
        wait_for(lambda: sum(cluster.log(worker, 100000).count("task can't auto resume") for worker in cluster.workers) > given_up,
                 lambda: f"it is given up: {cluster.status(schema)}")
    finally:
        cluster.ctl("stop-task", schema, check=False)
