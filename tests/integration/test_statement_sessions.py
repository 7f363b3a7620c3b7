"""What the session of a logged statement decides (numbers, clocks, zones, implicit defaults) is the same downstream."""
import contextlib

import pytest

from dmtest.cluster import Cluster
from dmtest.replicating import Replicating, pair_cluster
from dmtest.servers import MariaDb

SCHEMA = "stmt"
MANY = {"syncers": {"sync": {"checkpoint-flush-interval": 30, "worker-count": 8}}}


def _replicating(cluster):
    return Replicating(cluster, cluster.upstream, cluster.downstream, "stmt", SCHEMA)


@pytest.fixture(scope="module", params=["mariadb", "mysql9"])
def pair(request, tmp_path_factory, servers):
    with pair_cluster(tmp_path_factory, servers, request.param, "stmt") as cluster:
        yield cluster


@contextlib.contextmanager
def _global(server, name, value):
    old = server.value(f"SELECT @@GLOBAL.{name}")
    server.run(f"SET GLOBAL {name} = {value}")
    try:
        yield
    finally:
        server.run(f"SET GLOBAL {name} = {old}")


def _started(cluster, *tables, **task):
    running = _replicating(cluster)
    cluster.ctl("stop-task", running.task, check=False)
    running.recreate(SCHEMA)
    running.upstream.run(f"USE {SCHEMA}", "SET sql_mode = ''", *tables)
    running.begin(**task)
    return running


def test_numbers_and_clock_of_the_session(pair):
    running = _started(
        pair, "CREATE TABLE a (v INT)", "INSERT INTO a VALUES (1), (2), (3)", "CREATE TABLE m (id INT PRIMARY KEY)",
        "INSERT INTO m VALUES (1), (2)", "CREATE TABLE z (id INT, v INT)", "INSERT INTO z VALUES (0, 1), (0, 2)",
        "CREATE TABLE own (v INT)", "INSERT INTO own VALUES (1), (2)")
    with _global(pair.downstream, "auto_increment_increment", 5):
        running.upstream.run(
            f"USE {SCHEMA}", "SET sql_mode = ''", "ALTER TABLE own ADD id INT AUTO_INCREMENT PRIMARY KEY",
            "SET auto_increment_increment = 7, auto_increment_offset = 3", "ALTER TABLE a ADD id INT AUTO_INCREMENT PRIMARY KEY",
            "ALTER TABLE z MODIFY id INT AUTO_INCREMENT PRIMARY KEY", "SET timestamp = 1700000000.123456",
            "ALTER TABLE m ADD ts TIMESTAMP(6) DEFAULT CURRENT_TIMESTAMP(6)")
        running.equal()
    assert {row[0].microsecond for row in pair.downstream.run(f"SELECT ts FROM {SCHEMA}.m")} == {123456}


@pytest.mark.parametrize("upstream, downstream", [("ON", "OFF"), ("OFF", "ON")])
def test_implicit_timestamps(pair, upstream, downstream):
    with _global(pair.downstream, "explicit_defaults_for_timestamp", downstream):
        running = _started(pair, "CREATE TABLE t (id INT PRIMARY KEY)", "INSERT INTO t VALUES (1)")
        running.upstream.run(
            f"USE {SCHEMA}", f"SET explicit_defaults_for_timestamp = {upstream}, sql_mode = ''",
            "CREATE TABLE n (id INT PRIMARY KEY, a TIMESTAMP, b TIMESTAMP, c TIMESTAMP NOT NULL)",
            "INSERT INTO n (id) VALUES (1)", "INSERT INTO n (id, a) VALUES (2, NULL)", "ALTER TABLE t ADD x TIMESTAMP, ADD y TIMESTAMP(3)",
            "INSERT INTO t (id, x) VALUES (2, NULL)", "ALTER TABLE t ADD f TIMESTAMP FIRST", "UPDATE t SET id = id + 10")
        running.equal(definitions=False)
        show = [server.run(f"SHOW CREATE TABLE {SCHEMA}.n")[0][1] for server in (pair.upstream, pair.downstream)]
        assert upstream == "ON" or show[0] == show[1], show


def test_kept_statement_has_its_zone(pair):
    running = _started(pair, "CREATE TABLE t (id INT PRIMARY KEY)", "INSERT INTO t VALUES (1), (2)",
                       "CREATE TABLE o (id INT PRIMARY KEY)", **{"online-ddl": True})
    running.upstream.run(f"USE {SCHEMA}", "SET time_zone = '+05:00'", "CREATE TABLE _t_gho LIKE t",
                         "ALTER TABLE _t_gho ADD c TIMESTAMP NOT NULL DEFAULT '2020-01-01 00:00:00'",
                         "INSERT INTO _t_gho (id) SELECT id FROM t")
    running.synced()
    pair.workers["worker1"].kill9()
    running.upstream.run(f"USE {SCHEMA}", "SET time_zone = '-03:00'",
                         "ALTER TABLE o ADD c TIMESTAMP NOT NULL DEFAULT '2020-01-01 00:00:00'",
                         "RENAME TABLE t TO _t_del, _t_gho TO t", "DROP TABLE _t_del")
    pair.start_worker("worker1")
    running.equal()


def test_json_without_default(tmp_path_factory, servers):
    """MySQL gives the rows that are there the JSON null."""
    cluster = Cluster.of_pair(tmp_path_factory.mktemp("json"), servers.get("mysql9", "up"), servers.get("mariadb", "down"))
    try:
        running = _started(cluster, "CREATE TABLE n (a INT)", "INSERT INTO n VALUES (1), (2)", "CREATE TABLE d (t VARCHAR(9), d DATE, PRIMARY KEY (t, d))",
                           "INSERT INTO d VALUES ('a', '0000-00-00'), ('b', '0000-00-00'), ('c', '2020-01-01'), ('d', 0), ('e', 0)",
                           **{"mydumpers": {"dump": {"rows": 1}}})
        running.upstream.run(f"USE {SCHEMA}", "ALTER TABLE n ADD j JSON NOT NULL, ADD k INT", "UPDATE n SET a = 3 WHERE a = 1",
                             "DELETE FROM n WHERE a = 2")
        running.synced()
        assert cluster.downstream.run(f"SELECT a, j FROM {SCHEMA}.n") == ((3, "null"),)
        assert "DEFAULT 'null'" not in cluster.downstream.run(f"SHOW CREATE TABLE {SCHEMA}.n")[0][1]
        # The bounds of the dump's steps are zeros.
        assert cluster.downstream.value(f"SELECT COUNT(*) FROM {SCHEMA}.d") == 5
    finally:
        cluster.stop()


def test_system_zone_with_summer_time(tmp_path):
    upstream, downstream = MariaDb(tmp_path / "up", 971), MariaDb(tmp_path / "down", 972, **{"default-time-zone": "+00:00"})
    upstream.environment = {"TZ": "Europe/Berlin"}
    with contextlib.ExitStack() as stack:
        for server in (upstream, downstream):
            server.start()
            stack.callback(server.stop)
        cluster = Cluster.of_pair(tmp_path / "cluster", upstream, downstream)
        stack.callback(cluster.stop)
        running = _started(cluster, *(f"CREATE TABLE t{i} (id INT PRIMARY KEY)" for i in range(2)),
                           *(f"INSERT INTO t{i} VALUES (1)" for i in range(2)))
        for moment in (1593590400, 1606000000):  # in summer and in winter
            upstream.run(f"USE {SCHEMA}", f"SET timestamp = {moment}",
                         f"ALTER TABLE t0 ADD s{moment} TIMESTAMP NOT NULL DEFAULT '2020-07-01 00:00:00', "
                         f"ADD w{moment} TIMESTAMP(2) NOT NULL DEFAULT '2020-01-01 00:00:00.25'",
                         f"ALTER TABLE t1 ADD d{moment} DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP",
                         f"ALTER TABLE t0 ALTER s{moment} SET DEFAULT '2021-08-01 12:00:00'", "INSERT INTO t0 (id) VALUES (%d)" % moment)
        running.equal(definitions=False)
        defaults = [server.run("SET time_zone = '+00:00'", "SELECT column_name, column_default FROM information_schema.columns "
                               f"WHERE table_schema = '{SCHEMA}' AND data_type = 'timestamp' ORDER BY 1")
                    for server in (upstream, downstream)]
        assert len(defaults[0]) == 4 and defaults[0] == defaults[1], defaults


def test_keys_without_overlaps(tmp_path_factory, servers):
    with pair_cluster(tmp_path_factory, servers, "mariadb", "overlaps") as cluster:
        running = _started(
            cluster, "CREATE TABLE w (id INT, s DATE, e DATE, PERIOD FOR p (s, e), v INT, PRIMARY KEY (id, p WITHOUT OVERLAPS))",
            "INSERT INTO w VALUES (0, '2020-01-01', '2020-02-01', 0), (1, '2020-01-01', '2020-02-01', 0)", **MANY)

        def change(first, count):
            connection = cluster.upstream.connect(database=SCHEMA)
            connection.autocommit(True)
            cursor = connection.cursor()
            for i in range(first, first + count):
                cursor.execute(f"INSERT INTO w VALUES ({i}, '2020-01-01', '2020-02-01', 0)")
            for i in range(first, first + count):
                cursor.execute(f"UPDATE w SET e = '2020-01-15' WHERE id = {i}")
                cursor.execute(f"INSERT INTO w VALUES ({i}, '2020-01-15', '2020-02-01', 1)")
                cursor.execute(f"UPDATE w SET v = 5 WHERE id = {i} AND v = 0")
            connection.close()

        change(10, 500)
        running.equal()
        # What was applied comes again, in safe mode.
        cluster.workers["worker1"].stop()
        cluster.start_worker("worker1", failpoints="sync/after-commit=3*kill")
        running.running()
        change(1000, 300)
        cluster.wait_killed()
        cluster.start_worker("worker1")
        running.equal()
