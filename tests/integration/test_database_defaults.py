"""Tables that are made live without a character set: they have their database's, as it is upstream."""
import pytest
from dmtest.migrated import Migrated
from dmtest.servers import MariaDb

SCHEMA = "dbdef"
PAIRS = ("mariadb-mariadb", "mariadb-mysql9", "mysql9-mysql9", "mysql9-mariadb", "mysql56-mariadb")
# Valid as UTF-8, and something else in latin1 and gbk.
TRICKY = {"latin1": ("c3a9", "e9", "d0a4", "61"), "gbk": ("c3a9", "d0a4", "e9a5", "61")}


def insert(m, schema, table, charset, first=1):
    """Each text by its bytes in the table's character set."""
    for i, raw in enumerate(TRICKY[charset]):
        m.upstream.run(f"INSERT INTO `{schema}`.`{table}` (id, v) VALUES ({first + i}, CONVERT(_{charset} x'{raw}' USING utf8mb4))")


def same_texts(m, schema, table):
    m.synced()
    query = f"SELECT id, HEX(CONVERT(v USING utf8mb4)) FROM `{schema}`.`{table}` ORDER BY id"
    up, down = m.upstream.run(query), m.downstream.run(query)
    assert up == down and up, (up, down)


@pytest.mark.parametrize("pair", PAIRS)
def test_the_default_of_a_database_of_the_dump(pair, migrated):
    m = migrated(pair)
    m.prepare()
    m.upstream.run(f"ALTER DATABASE {SCHEMA} CHARACTER SET latin1")
    m.write("CREATE TABLE a (id INT PRIMARY KEY, v VARCHAR(20))")
    m.start()
    m.cluster.wait_stage(m.task, "Running", "Sync", timeout=120)
    m.write("CREATE TABLE b (id INT PRIMARY KEY, v VARCHAR(20))")
    for table in ("a", "b"):
        insert(m, SCHEMA, table, "latin1")
        same_texts(m, SCHEMA, table)
    m.write("ALTER TABLE b ADD w TEXT", "INSERT INTO b VALUES (10, 'x', CONVERT(_latin1 x'c3a9' USING utf8mb4))", "ALTER TABLE a CONVERT TO CHARACTER SET utf8mb4")
    m.same("SELECT id, HEX(CONVERT(w USING utf8mb4)) FROM {0}.b ORDER BY id")
    m.write("ALTER TABLE a CONVERT TO CHARACTER SET DEFAULT")
    insert(m, SCHEMA, "a", "latin1", first=20)
    same_texts(m, SCHEMA, "a")
    m.restart_worker()
    m.write("CREATE TABLE c (id INT PRIMARY KEY, v VARCHAR(20))")
    insert(m, SCHEMA, "c", "latin1")
    same_texts(m, SCHEMA, "c")


@pytest.mark.parametrize("pair", ["mariadb-mariadb", "mysql9-mysql9", "mysql9-mariadb"])
def test_defaults_that_change_live_and_a_restart(pair, migrated):
    m = migrated(pair, schemas=(SCHEMA, "dbdef|2")).replicating("CREATE TABLE t (id INT PRIMARY KEY)")
    m.write(f"ALTER DATABASE {SCHEMA} CHARACTER SET gbk", "DROP DATABASE `dbdef|2`", "CREATE DATABASE `dbdef|2` CHARACTER SET latin1")
    m.synced()
    m.restart_worker()
    m.write("CREATE TABLE u (id INT PRIMARY KEY, v VARCHAR(20))", "CREATE TABLE `dbdef|2`.u (id INT PRIMARY KEY, v VARCHAR(20))")
    insert(m, SCHEMA, "u", "gbk")
    insert(m, "dbdef|2", "u", "latin1")
    same_texts(m, SCHEMA, "u")
    same_texts(m, "dbdef|2", "u")
    for schema, table in ((SCHEMA, "u"), ("dbdef|2", "u")):
        query = f"SELECT CHARACTER_SET_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = '{schema}' AND TABLE_NAME = '{table}' AND COLUMN_NAME = 'v'"
        assert m.upstream.value(query) == m.downstream.value(query)


def test_a_database_without_a_character_set_has_the_upstream_servers(tmp_path, servers, cluster):
    upstream = MariaDb(tmp_path / "up", 884, **{"character-set-server": "latin1"}).start()
    cluster.start_master()
    m = Migrated(cluster, upstream, servers.get("mariadb", "down"), [SCHEMA, "dbdef2"], "dbdef_server")
    try:
        m.replicating("CREATE TABLE t (id INT PRIMARY KEY)")
        m.write("DROP DATABASE dbdef2", "CREATE DATABASE dbdef2", "CREATE TABLE dbdef2.u (id INT PRIMARY KEY, v VARCHAR(20))")
        insert(m, "dbdef2", "u", "latin1")
        same_texts(m, "dbdef2", "u")
        query = "SELECT DEFAULT_CHARACTER_SET_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = 'dbdef2'"
        assert (upstream.value(query), m.downstream.value(query)) == ("latin1", "latin1")
        # Its default is another one downstream, and what follows is still upstream's.
        m.downstream.run("ALTER DATABASE dbdef2 CHARACTER SET utf8mb4")
        m.write("CREATE TABLE dbdef2.w (id INT PRIMARY KEY, v VARCHAR(20))")
        insert(m, "dbdef2", "w", "latin1")
        same_texts(m, "dbdef2", "w")
        query = "SELECT TABLE_COLLATION FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'dbdef2' AND TABLE_NAME = 'w'"
        assert upstream.value(query) == m.downstream.value(query)
        # Gone when the statement is read, and no statement has told.
        cluster.ctl("pause-task", m.task)
        m.write("CREATE TABLE dbdef2.x (id INT PRIMARY KEY, v VARCHAR(20))")
        insert(m, "dbdef2", "x", "latin1")
        m.write("DROP DATABASE dbdef2")
        cluster.ctl("resume-task", m.task)
        cluster.wait_stage(m.task, "Running", "Sync")
        m.equal()
        m.stop()
    finally:
        upstream.stop()
