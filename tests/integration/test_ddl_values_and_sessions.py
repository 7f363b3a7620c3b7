"""DDL whose effect on rows, or whose success, depends on the kind of server or on the upstream's session; what is logged as a statement."""
import pytest
from dmtest.migrated import Migrated
from dmtest.servers import MySql56

SCHEMA = "ddlvs"
CHECKED = {"target-database": {"session": {"foreign_key_checks": "1"}}}


def _columns(m, table, columns="*"):
    m.same(f"SELECT {columns} FROM {{0}}.{table} ORDER BY 1")


@pytest.mark.parametrize("statement", ["SET STATEMENT max_statement_time=60 FOR DELETE FROM s WHERE id = 1", "ANALYZE UPDATE s SET v = 77 WHERE id = 2",
                                       "ANALYZE FORMAT=JSON DELETE FROM s"])
def test_a_change_that_mariadb_logs_as_a_statement_stops_the_task(statement, migrated):
    m = migrated("mariadb-mariadb").replicating("CREATE TABLE s (id INT PRIMARY KEY, v INT)", "INSERT INTO s VALUES (1, 1), (2, 2)")
    m.write("SET SESSION binlog_format = STATEMENT", statement)
    error = m.cluster.wait_error(m.task, code=36014)
    assert f"`{SCHEMA}`.`s`" in error["Message"], error


def test_a_table_in_memory_is_empty_after_a_restart_of_an_old_server(tmp_path, servers, cluster):
    upstream = MySql56(tmp_path / "up", 887).start()
    cluster.start_master()
    m = Migrated(cluster, upstream, servers.get("mysql9", "down"), [SCHEMA], "ddlvs_memory")
    try:
        m.replicating("CREATE TABLE me (id INT PRIMARY KEY) ENGINE=MEMORY", "INSERT INTO me VALUES (1), (2)", "CREATE TABLE t (id INT PRIMARY KEY)")
        m.write("INSERT INTO me VALUES (3)")
        _columns(m, "me")
        upstream.stop()
        upstream.start()
        m.write("INSERT INTO me VALUES (2)", "INSERT INTO t VALUES (1)")
        m.cluster.wait_stage(m.task, "Running", "Sync")
        _columns(m, "me")
        # One that a user has written is not told from the text alone what it does.
        m.write("SET SESSION binlog_format = STATEMENT", f"DELETE FROM `{SCHEMA}`.`t`")
        m.cluster.wait_error(m.task, code=36014)
        m.stop()
    finally:
        upstream.stop()


def test_old_rows_have_the_zero_value_of_a_type_that_is_text_downstream(migrated):
    m = migrated("mariadb-mysql9").replicating("CREATE TABLE k (id INT PRIMARY KEY)", "CREATE TABLE n (a INT)", "INSERT INTO k VALUES (1), (2)", "INSERT INTO n VALUES (1), (2)")
    for table in ("k", "n"):
        m.write(f"ALTER TABLE {table} ADD u UUID NOT NULL, ADD i6 INET6 NOT NULL, ADD i4 INET4 NOT NULL, ADD d UUID DEFAULT '6CCD780CBABA10268564005B36F37900'")
    m.write("DELETE FROM n WHERE a = 1")
    for table in ("k", "n"):
        _columns(m, table)
    shown = m.downstream.run(f"SHOW CREATE TABLE {SCHEMA}.k")[0][1]
    assert "DEFAULT '0" not in shown and "DEFAULT '::'" not in shown, shown


@pytest.mark.parametrize("pair", ["mariadb-mysql9", "mysql9-mariadb", "mariadb-mariadb", "mysql9-mysql9"])
def test_fractions_of_seconds_are_cut_or_rounded_as_upstream(pair, migrated):
    columns = "d DATETIME(6), t TIME(6), ts TIMESTAMP(6) NULL"
    values = "'2020-01-01 00:00:00.6', '10:00:00.6', '2020-01-01 00:00:00.6'"
    m = migrated(pair).replicating(f"CREATE TABLE f (id INT PRIMARY KEY, {columns})", f"CREATE TABLE n ({columns})", f"INSERT INTO f VALUES (1, {values})",
                                   f"INSERT INTO n VALUES ({values})")
    for table in ("f", "n"):
        m.write(f"ALTER TABLE {table} MODIFY d DATETIME(0), MODIFY t TIME, MODIFY ts TIMESTAMP NULL")
    _columns(m, "f")
    _columns(m, "n")
    m.write("DELETE FROM n")
    _columns(m, "n")


@pytest.mark.parametrize("pair", ["mariadb-mariadb", "mysql9-mysql9"])
def test_statements_run_with_the_foreign_key_checks_of_their_session(pair, migrated):
    m = migrated(pair, **CHECKED).replicating("CREATE TABLE par (id INT PRIMARY KEY)", "CREATE TABLE chi (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES par (id))",
                                              "INSERT INTO par VALUES (1)", "INSERT INTO chi VALUES (1, 1)")
    m.write("SET foreign_key_checks = 0", "CREATE TABLE c2 (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES p2 (id))", "CREATE TABLE p2 (id INT PRIMARY KEY)",
            "DROP TABLE par", "CREATE TABLE par (id INT PRIMARY KEY)", "INSERT INTO par VALUES (1)")
    m.write("INSERT INTO p2 VALUES (1)", "INSERT INTO c2 VALUES (1, 1)", "ALTER TABLE c2 ADD v INT")
    for table in ("par", "chi", "p2", "c2"):
        _columns(m, table)
    # Checked again: the child's rows refer to one that the downstream has not got.
    m.downstream.run("SET foreign_key_checks = 0", f"INSERT INTO {SCHEMA}.c2 VALUES (2, 77, NULL)")
    m.write("ALTER TABLE c2 ADD CONSTRAINT again FOREIGN KEY (p) REFERENCES p2 (id)")
    assert "1452" in str(m.cluster.wait_error(m.task))


@pytest.mark.parametrize("pair", ["mysql9-mysql9", "mysql9-mariadb"])
def test_tablespaces_directories_and_keys_stay_upstream(pair, migrated):
    m = migrated(pair).replicating("CREATE TABLE t0 (id INT PRIMARY KEY)")
    m.write("CREATE TABLESPACE ddlvs1 ADD DATAFILE 'ddlvs1.ibd'")
    try:
        m.write("CREATE TABLE t1 (id INT PRIMARY KEY) TABLESPACE ddlvs1", "ALTER TABLE t0 TABLESPACE ddlvs1", "ALTER TABLE t0 TABLESPACE innodb_file_per_table, ADD v INT",
                "INSERT INTO t0 VALUES (1, 1)", "INSERT INTO t1 VALUES (1)")
        _columns(m, "t0")
        _columns(m, "t1")
        m.write("DROP TABLE t1")
        m.synced()
    finally:
        m.upstream.run(f"DROP DATABASE {SCHEMA}", "DROP TABLESPACE ddlvs1")


def test_a_column_behind_one_that_the_downstream_has_not_got(migrated):
    m = migrated("mariadb-mariadb").replicating("CREATE TABLE t (id INT PRIMARY KEY, x INT)", "INSERT INTO t VALUES (1, 1)")
    m.downstream.run(f"ALTER TABLE {SCHEMA}.t DROP COLUMN x")
    m.write("ALTER TABLE t ADD c INT AFTER x", "ALTER TABLE t ADD d INT AFTER x, ADD e INT", "ALTER TABLE t DROP COLUMN x", "INSERT INTO t VALUES (2, 3, 4, 5)")
    _columns(m, "t", "id, c, d, e")


@pytest.mark.parametrize("pair", ["mariadb-mariadb", "mariadb-mysql9"])
@pytest.mark.parametrize("up,down", [("", "UTF8_IS_UTF8MB3"), ("UTF8_IS_UTF8MB3", ""), ("", "")])
def test_what_utf8_means_upstream(pair, up, down, migrated):
    """MariaDB's old_mode decides; no statement in the binlog says it."""
    m = migrated(pair)
    servers = [(m.upstream, up)] + ([(m.downstream, down)] if pair == "mariadb-mariadb" else [])
    for server, mode in servers:
        server.run(f"SET GLOBAL old_mode = '{mode}'")
    try:
        m.replicating("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(9) CHARACTER SET utf8 COLLATE utf8_bin)")
        m.write("CREATE TABLE u (id INT PRIMARY KEY, v VARCHAR(9), w VARCHAR(9) CHARACTER SET latin1) CHARACTER SET utf8 COLLATE utf8_general_ci", "ALTER TABLE t ADD w VARCHAR(9) CHARSET 'utf8' COLLATE utf8_bin",
                "ALTER TABLE u ADD x CHAR(3) CHARACTER SET latin1, CONVERT TO CHARACTER SET utf8 COLLATE utf8_unicode_ci")
        text = "ä" if up else "😀"
        m.write(f"INSERT INTO t VALUES (1, '{text}', '{text}')", f"INSERT INTO u VALUES (1, '{text}', '{text}', 'x')", f"UPDATE u SET w = '{text}{text}'")
        m.equal(definitions=pair == "mariadb-mariadb")
        charsets = "SELECT TABLE_NAME, COLUMN_NAME, COLLATION_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = '{0}' AND COLLATION_NAME IS NOT NULL ORDER BY 1, 2"
        got, there = ([tuple(row) for row in server.run(charsets.format(SCHEMA))] for server in (m.downstream, m.upstream))
        assert [(a, b, c.replace("utf8_", "utf8mb3_")) for a, b, c in got] == there
    finally:
        m.stop()
        for server, _ in servers:
            server.run("SET GLOBAL old_mode = 'UTF8_IS_UTF8MB3'")
