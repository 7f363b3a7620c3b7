"""Full copies, and commands, that are known to go wrong: odd names, start points, small settings, an upstream that is gone."""
import datetime

import pytest

from dmtest.cluster import Cluster
from dmtest.compare import difference
from dmtest.proxy import Proxy
from dmtest.waiting import wait_for

SCHEMA = "kff"


@pytest.mark.parametrize("pair", ["mariadb-mariadb", "mysql9-mysql9"])
def test_schemas_whose_names_need_quotes(pair, migrated):
    names = ["a-b", "a.b", "b`c", "ä 'x' \"y\""]
    table = "t.`1"
    quoted = "`t.``1`"
    lists = [f"~^{''.join(c if c.isalnum() else '[' + c + ']' for c in name)}$" for name in names]
    m = migrated(pair, names, **{"block-allow-list": {"list": {"do-dbs": lists}}}).prepare()
    each = ["`" + name.replace("`", "``") + "`" for name in names]
    for name in each:
        m.upstream.run(f"CREATE TABLE {name}.{quoted} (id INT PRIMARY KEY, `c.d` INT, KEY `k.``k` (`c.d`))", f"INSERT INTO {name}.{quoted} VALUES (1, 1)", f"CREATE TABLE {name}.k (a INT)",
                       f"INSERT INTO {name}.k VALUES (1), (1)")
    m.start()
    m.cluster.wait_stage(m.task, "Running", "Sync")
    for name in each:
        m.upstream.run(f"INSERT INTO {name}.{quoted} VALUES (2, 2)", f"ALTER TABLE {name}.{quoted} ADD `;` INT DEFAULT 3", f"UPDATE {name}.{quoted} SET `;` = 4 WHERE id = 1",
                       f"CREATE TABLE {name}.`new-table` LIKE {name}.{quoted}", f"DELETE FROM {name}.k LIMIT 1", f"RENAME TABLE {name}.`new-table` TO {name}.`new.table`",
                       f"INSERT INTO {name}.`new.table` VALUES (5, 5, 5)")
    m.synced()
    for name in each:
        for what in (quoted, "k", "`new.table`"):
            assert m.upstream.run(f"SELECT * FROM {name}.{what}") == m.downstream.run(f"SELECT * FROM {name}.{what}"), (name, what)


def test_a_start_point_of_several_servers_is_whole(migrated):
    other = "3E11FA47-71CA-11E1-9E33-C80AA9429562"
    m = migrated("mysql9-mysql9", gtid=True).prepare("CREATE TABLE n (a INT)")
    m.write(f"SET GTID_NEXT = '{other}:1'", "INSERT INTO n VALUES (1)", f"SET GTID_NEXT = '{other}:3'", "INSERT INTO n VALUES (2)", "SET GTID_NEXT = 'AUTOMATIC'", "INSERT INTO n VALUES (3)")
    try:
        m.start()
        m.cluster.wait_stage(m.task, "Running", "Sync")
        m.write("INSERT INTO n VALUES (4)", f"SET GTID_NEXT = '{other}:2'", "INSERT INTO n VALUES (5)")
        m.equal()
        m.restart_worker("INSERT INTO n VALUES (6)")
        m.equal()
        assert f"{other.lower()}:1-3" in m.cluster.status(m.task)["sync"]["syncerBinlogGtid"]
        assert m.downstream.value(f"SELECT COUNT(*) FROM {SCHEMA}.n") == 6
    finally:
        m.stop()
        m.upstream.run("RESET BINARY LOGS AND GTIDS")  # other tests know servers of one UUID


def test_a_copy_in_chunks_reads_a_table_about_once(migrated):
    """Also if the integer of the key is not its first column."""
    m = migrated("mariadb-mariadb", mydumpers={"dump": {"rows": 1000, "threads": 8}})
    m.prepare("CREATE TABLE big (f VARCHAR(31), ver INT, PRIMARY KEY (f, ver))", "INSERT INTO big SELECT CONCAT('f', seq DIV 20), seq % 20 FROM seq_1_to_60000")

    def rows_read():
        return sum(int(count) for _, count in m.upstream.run("SHOW GLOBAL STATUS LIKE 'Handler_read%'"))

    before = rows_read()
    m.start(**{"task-mode": "full"})
    m.cluster.wait_stage(m.task, "Finished")
    read = rows_read() - before
    assert m.downstream.value(f"SELECT COUNT(*) FROM {SCHEMA}.big") == 60000
    assert read < 3 * 60000, read


@pytest.mark.parametrize("settings", [{"statement-size": 1}, {"statement-size": 100, "chunk-filesize": "0.001"}, {"statement-size": 50000000}])
def test_every_row_of_statements_of_any_size(settings, migrated):
    m = migrated("mariadb-mariadb", mydumpers={"dump": settings}, syncers={"sync": {"batch": 1}})
    m.prepare("CREATE TABLE k (id INT PRIMARY KEY, v VARCHAR(40))", "INSERT INTO k SELECT seq, REPEAT('x', seq % 40) FROM seq_1_to_3000", "CREATE TABLE n (a INT)",
              "INSERT INTO n SELECT seq % 7 FROM seq_1_to_3000")
    m.start(**{"task-mode": "full"})
    m.cluster.wait_stage(m.task, "Finished")
    found = difference(m.upstream, m.downstream, m.names)
    assert found is None, found


@pytest.mark.parametrize("pair", ["mariadb-tidb", "mysql9-tidb"])
def test_implicit_collations_of_the_upstream_reach_tidb(pair, migrated):
    m = migrated(pair, collation_compatible="strict")
    m.prepare()
    session = ["SET SESSION collation_connection = 'utf8mb4_general_ci'"]
    m.write(*session, f"ALTER DATABASE {SCHEMA} COLLATE utf8mb4_general_ci", "CREATE TABLE a (a VARCHAR(10) PRIMARY KEY) DEFAULT CHARSET=utf8mb4 COLLATE utf8mb4_general_ci",
            "CREATE TABLE b (id VARCHAR(100) PRIMARY KEY) DEFAULT CHARSET=utf8mb3", "INSERT INTO b VALUES ('A')", "INSERT INTO a VALUES ('x')")
    m.start()
    m.cluster.wait_stage(m.task, "Running", "Sync", timeout=120)
    m.write("CREATE TABLE c (id VARCHAR(100) PRIMARY KEY) DEFAULT CHARSET=utf8mb3", "CREATE TABLE d (id VARCHAR(10) PRIMARY KEY, t TEXT CHARACTER SET utf8mb3)", "INSERT INTO c VALUES ('A')",
            "INSERT INTO d VALUES ('A', 't')", "DELETE FROM b WHERE id = 'a'", "INSERT INTO b VALUES ('a')")
    m.synced()
    got = dict(m.downstream.run(f"SELECT TABLE_NAME, TABLE_COLLATION FROM information_schema.TABLES WHERE TABLE_SCHEMA = '{SCHEMA}'"))
    for table, charset in (("a", "utf8mb4"), ("b", "utf8"), ("c", "utf8"), ("d", "utf8mb4")):
        assert got[table].replace("utf8mb3", "utf8") == f"{charset}_general_ci", got
    assert m.downstream.run(f"SELECT id FROM {SCHEMA}.b WHERE id = 'A'") == (("a",),)


@pytest.mark.parametrize("offset", ["", "+08:00"])
def test_start_time_is_the_upstreams(offset, migrated):
    """The upstream's clock shows five hours more than the target's; an offset in the text wins over both."""
    m = migrated("mariadb-mariadb", **{"task-mode": "incremental"})
    old = m.upstream.value("SELECT @@GLOBAL.time_zone")
    m.upstream.run("SET GLOBAL time_zone = '+05:00'")
    try:
        m.prepare("CREATE TABLE t (id INT PRIMARY KEY)")
        m.downstream.run(f"CREATE DATABASE {SCHEMA}", f"CREATE TABLE {SCHEMA}.t (id INT PRIMARY KEY)")
        m.write("INSERT INTO t VALUES (1)")
        first = m.upstream.value("SELECT UNIX_TIMESTAMP()")
        wait_for(lambda: m.upstream.value("SELECT UNIX_TIMESTAMP()") > first + 1, "the clock goes on")
        m.write("INSERT INTO t VALUES (2)")
        zone = datetime.timezone(datetime.timedelta(hours=8 if offset else 5))
        moment = datetime.datetime.fromtimestamp(first + 1, zone)
        m.start("--start-time", moment.strftime("%Y-%m-%dT%H:%M:%S") + offset if offset else moment.strftime("%Y-%m-%d %H:%M:%S"))
        m.cluster.wait_stage(m.task, "Running", "Sync")
        m.synced()
        assert m.downstream.run(f"SELECT id FROM {SCHEMA}.t") == ((2,),)
    finally:
        m.upstream.run(f"SET GLOBAL time_zone = '{old}'")


def test_a_source_that_is_gone_can_be_shown_and_stopped(servers, tmp_path):
    proxy = Proxy(servers.get("mariadb", "up"))
    cluster = Cluster(tmp_path / "gone")
    try:
        cluster.start_master()
        cluster.start_worker("worker1")
        cluster.create_source("gone", proxy)
        proxy.stop()
        assert "gone" in cluster.ctl("operate-source", "show", "-s", "gone").out
        assert cluster.ctl("operate-source", "stop", "gone", timeout=20).ok
        assert '"gone"' not in cluster.ctl("operate-source", "show").out
    finally:
        cluster.stop()


@pytest.mark.parametrize("kind", ["mysql56", "mysql56gtid", "mysql9", "mariadb", "mariadb11"])
def test_no_server_with_right_settings_is_warned_about(kind, servers, migrated):
    m = migrated(f"{kind}-mariadb", source=f"{kind}-check")
    m.prepare("CREATE TABLE t (id INT PRIMARY KEY)")
    answer = m.cluster.ctl("check-task", m.file())
    assert answer.json["msg"].startswith("pre-check is passed"), answer
