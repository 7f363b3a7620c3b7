"""Statements that change definitions which are known to be misread, or to leave other rows downstream than upstream."""
import os
import shutil

import pytest
from dmtest.migrated import Migrated
from dmtest.proxy import Fails
from dmtest.waiting import wait_for

SCHEMA = "kfd"


TYPES = {"i": "INT", "u": "BIGINT UNSIGNED", "n": "DECIMAL(10,3)", "f": "DOUBLE", "c": "VARCHAR(10)", "b": "BINARY(3)", "t": "TEXT", "o": "BLOB", "y": "YEAR", "x": "BIT(9)",
         "e": "ENUM('p','q')", "s": "SET('p','q')"}


@pytest.mark.parametrize("pair", ["mariadb-mariadb", "mysql9-mysql9", "mysql9-mariadb", "mariadb-mysql9"])
def test_old_rows_have_the_implicit_default_of_a_new_column(pair, migrated):
    m = migrated(pair).replicating("CREATE TABLE k (id INT PRIMARY KEY)", "CREATE TABLE n (id INT)", "INSERT INTO k VALUES (1), (2), (3)", "INSERT INTO n VALUES (1), (2), (3)")
    for table in ("k", "n"):
        m.write(f"ALTER TABLE {table} " + ", ".join(f"ADD {name} {ddl} NOT NULL" for name, ddl in TYPES.items()))
        m.write("SET SESSION sql_mode = ''", f"ALTER TABLE {table} ADD d DATE NOT NULL, ADD dt DATETIME(3) NOT NULL, ADD h TIME NOT NULL, ADD ts TIMESTAMP NOT NULL DEFAULT 0",
                f"UPDATE {table} SET i = 5 WHERE id = 1", f"DELETE FROM {table} WHERE id = 2")
    m.equal(definitions=False)


@pytest.mark.parametrize("pair", ["mariadb-mariadb", "mysql9-mysql9", "mysql9-mariadb"])
def test_old_rows_have_the_time_of_the_statement_that_added_the_column(pair, migrated):
    m = migrated(pair).replicating("CREATE TABLE k (id INT PRIMARY KEY)", "CREATE TABLE n (id INT)", "INSERT INTO k VALUES (1), (2), (3)", "INSERT INTO n VALUES (1), (2), (3)")
    m.write("SET SESSION time_zone = '+05:30'", "SET TIMESTAMP = 1700000000", "ALTER TABLE k ADD x DATETIME DEFAULT CURRENT_TIMESTAMP, ADD y TIMESTAMP NULL DEFAULT CURRENT_TIMESTAMP",
            "ALTER TABLE n ADD x DATETIME DEFAULT NOW() ON UPDATE NOW()")
    m.write("UPDATE k SET y = NULL WHERE id = 2", "DELETE FROM n WHERE id = 1", "INSERT INTO n (id) VALUES (4)")
    m.equal(definitions=False)
    assert m.downstream.value(f"SELECT UNIX_TIMESTAMP(y) FROM {SCHEMA}.k WHERE id = 1") == 1700000000


@pytest.mark.parametrize("pair", ["mysql56-mysql9", "mysql56-mariadb"])
def test_copies_and_temporary_tables_of_an_old_server(pair, migrated):
    m = migrated(pair).replicating("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(10))", "INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c')")
    m.write("CREATE TABLE t2 AS SELECT * FROM t", "CREATE TABLE t3 (k INT AUTO_INCREMENT PRIMARY KEY) SELECT v FROM t", "CREATE TABLE t4 LIKE t", "INSERT INTO t4 SELECT * FROM t",
            "CREATE TEMPORARY TABLE t (z INT)", "INSERT INTO t VALUES (42)", "CREATE TEMPORARY TABLE only_here (z INT)", "INSERT INTO t2 SELECT z, 'tmp' FROM t")
    m.write("CREATE TEMPORARY TABLE t LIKE t2", "DROP TEMPORARY TABLE t", "DROP TEMPORARY TABLE IF EXISTS t", "CREATE TEMPORARY TABLE t (z INT)", "DROP TABLE t")
    m.write("INSERT INTO t VALUES (4, 'd')", "UPDATE t2 SET v = 'x' WHERE id = 1")
    m.equal(definitions=False)
    assert m.downstream.run(f"SELECT COUNT(*) FROM {SCHEMA}.t") == ((4,),)


CREATE_SELECT_OPTIONS = ["", "ENGINE=InnoDB", "DEFAULT CHARSET=latin1", "COLLATE=utf8mb4_bin", "COMMENT='x'", "ROW_FORMAT=DYNAMIC", "STATS_PERSISTENT=1", "COMPRESSION='none'",
                         "AVG_ROW_LENGTH=9", "AUTO_INCREMENT=50", "PARTITION BY HASH(id) PARTITIONS 2", "ENGINE=InnoDB COMMENT='y' PARTITION BY KEY(id) PARTITIONS 3"]


@pytest.mark.parametrize("pair", ["mysql9-mysql9", "mysql9-mariadb", "mariadb-mysql9"])
def test_copies_of_tables_with_options(pair, migrated):
    """MySQL logs START TRANSACTION before the options, and then the rows."""
    m = migrated(pair).replicating("CREATE TABLE t (id INT PRIMARY KEY)", "INSERT INTO t VALUES (1), (2)")
    m.write(*(f"CREATE TABLE copy{i} (id INT AUTO_INCREMENT PRIMARY KEY) {options} SELECT id FROM t" for i, options in enumerate(CREATE_SELECT_OPTIONS)
              if "COMPRESSION" not in options or pair.startswith("mysql")),
            "CREATE TABLE copied ENGINE=InnoDB COMMENT='z' AS SELECT * FROM t", "INSERT INTO copy1 VALUES (3)")
    m.equal(definitions=False)
    m.same("SELECT TABLE_NAME, TABLE_COMMENT, CREATE_OPTIONS LIKE '%%partitioned%%' FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'kfd' ORDER BY 1")


def test_rows_that_an_old_server_undoes_in_its_log(migrated):
    """MySQL 5.6 logs a transaction that dropped a temporary table even if it is rolled back. Its rows come before that is known."""
    m = migrated("mysql56-mariadb").replicating("CREATE TABLE t (id INT PRIMARY KEY, v INT)", "INSERT INTO t VALUES (1, 1)")
    m.write("CREATE TEMPORARY TABLE only_here (z INT)", "BEGIN", "INSERT INTO t VALUES (2, 2)", "DROP TEMPORARY TABLE only_here", "ROLLBACK")
    m.cluster.wait_error(m.task, 36025, "ROLLBACK")


@pytest.mark.parametrize("mode", ["STATEMENT", "MIXED"])
@pytest.mark.parametrize("pair", ["mariadb-mysql9", "mysql56-mariadb", "mysql9-mariadb"])
def test_temporary_tables_of_sessions_that_log_statements(pair, mode, migrated):
    """The log of such a session has all its statements; those on temporary tables look like ones on permanent tables."""
    m = migrated(pair).replicating("CREATE TABLE t (id INT PRIMARY KEY, v INT)", "CREATE TABLE other (id INT PRIMARY KEY)", "INSERT INTO t VALUES (1, 1)")
    m.write(f"SET SESSION binlog_format = {mode}", "CREATE TEMPORARY TABLE t (id INT PRIMARY KEY, z INT)", "INSERT INTO t VALUES (9, 9)", "ALTER TABLE t ADD tmpc INT", "CREATE INDEX k ON t (z)",
            "DROP INDEX k ON t", "TRUNCATE TABLE t", "ALTER TABLE t RENAME TO t2", "ALTER TABLE t2 ADD more INT", "ALTER TABLE other ADD seen INT", "TRUNCATE TABLE other",
            *(["RENAME TABLE t2 TO t3", "TRUNCATE TABLE t3", "DROP TABLE t3"] if "mariadb-" in pair else ["DROP TABLE t2"]),
            "CREATE TEMPORARY TABLE only_here (id INT)", "ALTER TABLE only_here ADD c INT")
    # Another session, and this one once it is gone.
    m.write("INSERT INTO t VALUES (2, 2)", "ALTER TABLE t ADD late INT DEFAULT 4", "UPDATE t SET v = 3 WHERE id = 1", "INSERT INTO other VALUES (1, 1)")
    m.equal(definitions=False)
    m.same("SELECT COLUMN_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = 'kfd' AND TABLE_NAME IN ('t', 'other') ORDER BY TABLE_NAME, ORDINAL_POSITION")
    assert m.downstream.run(f"SELECT id, v, late FROM {SCHEMA}.t ORDER BY id") == ((1, 3, 4), (2, 2, 4))


@pytest.mark.parametrize("pair", ["mariadb-mysql9", "mysql56-mariadb", "mysql9-mariadb"])
def test_names_beside_those_of_temporary_tables(pair, migrated):
    """RENAME TABLE renames temporary tables of MariaDB, and permanent ones of MySQL, whatever the session has."""
    m = migrated(pair).replicating("CREATE TABLE t (id INT PRIMARY KEY, v INT)", "CREATE TABLE fresh (id INT PRIMARY KEY, v INT)", "INSERT INTO t VALUES (1, 1)", "INSERT INTO fresh VALUES (7, 7)")
    m.write("SET SESSION binlog_format = STATEMENT", "CREATE TEMPORARY TABLE t (tmp INT)",
            *(["RENAME TABLE t TO tmp_old", "TRUNCATE TABLE tmp_old"] if "mariadb-" in pair else ["RENAME TABLE t TO old, fresh TO t", "TRUNCATE TABLE t"]))
    m.write("INSERT INTO t VALUES (2, 2)")
    m.equal(definitions=False)
    m.same("SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'kfd' ORDER BY 1")
    # What is made like one, in a schema that is not replicated and in one that is.
    m.write("CREATE DATABASE IF NOT EXISTS kfd_else")
    try:
        m.write("SET SESSION binlog_format = STATEMENT", "CREATE TEMPORARY TABLE shape (tmp INT)", "CREATE TABLE kfd_else.copy LIKE shape")
        m.write("INSERT INTO t VALUES (3, 3)")
        m.equal(definitions=False)
        m.write("SET SESSION binlog_format = STATEMENT", "CREATE TEMPORARY TABLE shape (tmp INT)", "CREATE TABLE copy LIKE shape")
        error = m.cluster.wait_error(m.task, code=36068)
        assert "temporary table" in error["Message"] and "binlog replace" in error["Workaround"], error
    finally:
        m.upstream.run("DROP DATABASE IF EXISTS kfd_else")


@pytest.mark.parametrize("pair", ["mariadb-mysql9", "mysql9-mariadb"])
def test_temporary_tables_made_before_the_task_resumes(pair, proxied):
    """They are known when it resumes by itself; a worker that was started anew warns of what it cannot know."""
    m = proxied(pair, down=True, source_keys={"checker": {"backoff-max": "1s"}})
    m.replicating("CREATE TABLE t (id INT PRIMARY KEY)", "CREATE TABLE other (id INT PRIMARY KEY)", "INSERT INTO t VALUES (1)")
    failed = []

    def rule(text):
        if f"INTO `{SCHEMA}`.`other`" in text and not failed:
            failed.append(text)
            return Fails(1205, "Lock wait timeout exceeded; try restarting transaction")
        return None

    doubt = "may have been on a temporary table"
    with m.upstream.connect(database=SCHEMA) as session:
        cursor = session.cursor()
        cursor.execute("SET SESSION binlog_format = STATEMENT")
        cursor.execute("CREATE TEMPORARY TABLE t (tmp INT)")
        m.synced()
        m.into.on_statement = rule
        m.write("INSERT INTO other VALUES (1)")
        wait_for(lambda: "dispatch auto resume task" in m.cluster.log(m.worker, 100000), "it resumes by itself")
        m.cluster.wait_stage(m.task, "Running", "Sync")
        cursor.execute("TRUNCATE TABLE t")
        m.write("INSERT INTO t VALUES (2)")
        m.equal()
        assert m.downstream.value(f"SELECT COUNT(*) FROM {SCHEMA}.t") == 2
        assert doubt not in m.cluster.log(m.worker, 100000)
        m.restart_worker()
        cursor.execute("TRUNCATE TABLE t")
        wait_for(lambda: doubt in m.cluster.log(m.worker, 100000), "the log warns")


@pytest.mark.parametrize("pair", ["mariadb-mariadb", "mysql9-mariadb"])
def test_procedures_that_use_temporary_tables(pair, migrated):
    """Statements of a procedure on permanent tables carry the mark of those on temporary ones, in every binlog_format."""
    m = migrated(pair).replicating("CREATE TABLE t (id INT PRIMARY KEY, v INT)", "INSERT INTO t VALUES (1, 1)",
                                   "CREATE PROCEDURE p() BEGIN CREATE TEMPORARY TABLE x (id INT); ALTER TABLE x ADD e INT; TRUNCATE TABLE t; ALTER TABLE t ADD f INT; CREATE INDEX i ON t (v); END")
    m.write("CALL p()", "INSERT INTO t VALUES (2, 2, 2)")
    m.write("SET SESSION binlog_format = STATEMENT", "CREATE TEMPORARY TABLE y (id INT)", "ALTER TABLE t DROP f", "DROP TEMPORARY TABLE y")
    m.equal(definitions=False)
    assert m.downstream.run(f"SELECT * FROM {SCHEMA}.t") == ((2, 2),)


@pytest.mark.parametrize("pair", ["mariadb-mysql9", "mysql9-mariadb"])
def test_rows_that_come_from_a_file(pair, migrated):
    """DISCARD and IMPORT TABLESPACE: what was there stays downstream, and the task says what to do."""
    in_partitions = pair.startswith("mysql9")  # MariaDB has no such statement for one partition before 11
    partitions = "PARTITION BY RANGE (id) (PARTITION a VALUES LESS THAN (10), PARTITION b VALUES LESS THAN (20))" if in_partitions else ""
    m = migrated(pair).replicating("CREATE TABLE t (id INT PRIMARY KEY, v INT)", f"CREATE TABLE other (id INT PRIMARY KEY) {partitions}",
                                   "INSERT INTO t VALUES (1, 1), (2, 2)", "INSERT INTO other VALUES (1), (11)")
    path = os.path.join(m.upstream.data(), SCHEMA, "t")
    connection = m.upstream.connect(database=SCHEMA)
    try:
        cursor = connection.cursor()
        cursor.execute("FLUSH TABLES t FOR EXPORT")
        for suffix in (".ibd", ".cfg"):
            shutil.copy(path + suffix, path + suffix + ".kept")
        cursor.execute("UNLOCK TABLES")
        cursor.execute("INSERT INTO t VALUES (3, 3)")
        connection.commit()
        cursor.execute("ALTER TABLE t DISCARD TABLESPACE")
        for suffix in (".ibd", ".cfg"):
            os.rename(path + suffix + ".kept", path + suffix)
        cursor.execute("ALTER TABLE t IMPORT TABLESPACE")
    finally:
        connection.close()
    error = m.cluster.wait_stage(m.task, "Paused")["result"]["errors"][0]
    assert error["ErrCode"] == 36068 and "rows of a file" in error["Message"] and "binlog skip" in error["Workaround"], error
    assert m.downstream.run(f"SELECT id FROM {SCHEMA}.t ORDER BY id") == ((1,), (2,), (3,))
    m.downstream.run(f"DELETE FROM {SCHEMA}.t WHERE id = 3")
    m.cluster.ctl("binlog", "skip", m.task)
    m.write("INSERT INTO t VALUES (4, 4)")
    m.equal(definitions=False)
    # Without IMPORT, and the table goes.
    m.write("ALTER TABLE other DISCARD PARTITION a TABLESPACE" if in_partitions else "ALTER TABLE other DISCARD TABLESPACE", "DROP TABLE other")
    m.equal(definitions=False)
    assert "DISCARD TABLESPACE" in m.cluster.log(m.worker, 100000)


def test_clauses_in_every_place_and_spelling(migrated):
    m = migrated("mysql9-mariadb").replicating("CREATE TABLE t (id INT PRIMARY KEY, a INT, KEY i (a), KEY j (a))", "INSERT INTO t VALUES (1, 1)")
    m.write("ALTER TABLE t ALGORITHM INSTANT, ADD c INT", "ALTER TABLE t ADD d INT, ALGORITHM = DEFAULT, LOCK DEFAULT", "ALTER TABLE t LOCK=NONE, ADD KEY l (c), ALGORITHM INPLACE",
            "DROP INDEX i ON t ALGORITHM=INPLACE LOCK=NONE", "DROP INDEX j ON t LOCK NONE ALGORITHM INPLACE", "CREATE INDEX i ON t (d) LOCK=SHARED", "ALTER TABLE t ALGORITHM=INPLACE",
            "ALTER TABLE t FORCE, ALGORITHM=COPY", "INSERT INTO t VALUES (2, 2, 2, 2)")
    m.equal(definitions=False)
    m.same("SELECT INDEX_NAME, COLUMN_NAME FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = 'kfd' ORDER BY 1, 2")


def test_checks_and_reference_systems_in_column_definitions(migrated):
    m = migrated("mysql9-mysql9").replicating("CREATE TABLE v (id INT PRIMARY KEY, n VARCHAR(30))", "INSERT INTO v VALUES (1, 'x')")
    m.write("ALTER TABLE v MODIFY n VARCHAR(40) NOT NULL CONSTRAINT ne CHECK (n <> '')", "CREATE TABLE x (f BOOL, CHECK (f IN (0,1)))", "INSERT INTO x VALUES (1)",
            "CREATE TABLE p (id INT PRIMARY KEY, a POINT NOT NULL SRID 4326, b POINT SRID 4326 NOT NULL, c GEOMETRY SRID 0, SPATIAL KEY (a))",
            "INSERT INTO p VALUES (1, ST_GeomFromText('POINT(1 2)', 4326), ST_GeomFromText('POINT(3 4)', 4326), NULL)", "ALTER TABLE p ADD d POINT NULL SRID 4326, ADD e POINT SRID 4326",
            "UPDATE p SET d = ST_GeomFromText('POINT(5 6)', 4326)", "ALTER TABLE v ADD m INT CHECK (m > 0) NOT ENFORCED, ADD CONSTRAINT two CHECK (m < 9 OR n = 'y')",
            "INSERT INTO v VALUES (2, 'y', -1)", "ALTER TABLE v ALTER CHECK ne NOT ENFORCED", "ALTER TABLE v DROP CHECK two", "INSERT INTO v VALUES (3, '', 100)")
    m.equal()
    m.same("SELECT CONSTRAINT_NAME, CHECK_CLAUSE FROM information_schema.CHECK_CONSTRAINTS WHERE CONSTRAINT_SCHEMA = 'kfd' ORDER BY 1")


@pytest.mark.parametrize("pair", ["mariadb-mariadb", "mysql9-mysql9"])
def test_views_never_touch_a_table_of_their_name(pair, migrated):
    m = migrated(pair).replicating("CREATE TABLE t (id INT PRIMARY KEY)", "INSERT INTO t VALUES (1), (2)")
    for name in ("v", "w"):
        m.downstream.run(f"CREATE TABLE {SCHEMA}.{name} (own INT)", f"INSERT INTO {SCHEMA}.{name} VALUES (7)")
    m.write("CREATE VIEW v AS SELECT id FROM t UNION SELECT 5", "DROP VIEW v", "CREATE OR REPLACE ALGORITHM=MERGE DEFINER=CURRENT_USER SQL SECURITY INVOKER VIEW v AS SELECT * FROM t",
            "ALTER VIEW v AS SELECT 1", "CREATE VIEW w AS WITH c AS (SELECT id FROM t) SELECT * FROM c", "DROP VIEW IF EXISTS v, w, nothing", "INSERT INTO t VALUES (3)")
    m.synced()
    assert m.downstream.run(f"SELECT COUNT(*) FROM {SCHEMA}.t") == ((3,),)
    for name in ("v", "w"):
        assert m.downstream.run(f"SELECT * FROM {SCHEMA}.{name}") == ((7,),)


@pytest.mark.parametrize("pair", ["mariadb-mariadb", "mysql9-mysql9"])
def test_a_view_that_is_renamed_renames_no_table(pair, migrated):
    """Made in the stream or before, there upstream when the statement is read or not."""
    m = migrated(pair)
    m.prepare("CREATE TABLE t (id INT PRIMARY KEY)", "INSERT INTO t VALUES (1)", *(f"CREATE VIEW old{i} AS SELECT id FROM t" for i in range(4)))
    names = ("old0", "old1", "old2", "old3", "v", "w", "x", "y")
    m.downstream.run(f"CREATE DATABASE {SCHEMA}", f"USE {SCHEMA}", *(f"CREATE TABLE {name} (own INT)" for name in names),
                     *(f"INSERT INTO {name} VALUES ({i})" for i, name in enumerate(names)))
    m.start()
    m.cluster.wait_stage(m.task, "Running", "Sync", timeout=120)
    m.synced()
    m.cluster.ctl("pause-task", m.task)  # so that the names are no more when it is read
    m.write("CREATE VIEW v AS SELECT id FROM t", "RENAME TABLE v TO w", "RENAME TABLE w TO new0", "RENAME TABLE new0 TO v", "RENAME TABLE v TO x", "DROP VIEW x",
            "RENAME TABLE old0 TO y", "DROP VIEW y", "RENAME TABLE old1 TO new1", "RENAME TABLE old2 TO swap, old3 TO old2, swap TO old3", "RENAME TABLE t TO u, new1 TO t2",
            "INSERT INTO u VALUES (2)", "RENAME TABLE u TO t", "INSERT INTO t VALUES (3)")
    m.cluster.ctl("resume-task", m.task)
    m.cluster.wait_stage(m.task, "Running", "Sync")
    m.synced()
    assert m.downstream.run(f"SHOW TABLES IN {SCHEMA}") == tuple((name,) for name in sorted((*names, "t")))
    for i, name in enumerate(names):
        assert m.downstream.run(f"SELECT * FROM {SCHEMA}.{name}") == ((i,),), name
    assert m.downstream.run(f"SELECT id FROM {SCHEMA}.t ORDER BY id") == ((1,), (2,), (3,))
    m.restart_worker("RENAME TABLE old3 TO z", "INSERT INTO t VALUES (4)")
    m.synced()
    assert m.downstream.run(f"SELECT own FROM {SCHEMA}.old3") == ((3,),)


def test_a_table_that_nobody_knows_is_renamed(migrated):
    """A task that begins with replication alone has seen no tables yet; gone upstream under the new name, too."""
    m = migrated("mariadb-mariadb", **{"task-mode": "incremental"})
    m.prepare("CREATE TABLE a (id INT PRIMARY KEY)", "CREATE VIEW v AS SELECT 1 AS one")
    m.downstream.run(f"CREATE DATABASE {SCHEMA}", f"USE {SCHEMA}", "CREATE TABLE a (id INT PRIMARY KEY)", "CREATE TABLE v (own INT)")
    m.start()
    m.cluster.wait_stage(m.task, "Running", "Sync", timeout=120)
    m.synced()
    m.cluster.ctl("pause-task", m.task)
    m.write("RENAME TABLE a TO b", "RENAME TABLE b TO c", "INSERT INTO c VALUES (1)", "RENAME TABLE v TO w")
    m.cluster.ctl("resume-task", m.task)
    m.cluster.wait_stage(m.task, "Running", "Sync")
    m.synced()
    assert m.downstream.run(f"SHOW TABLES IN {SCHEMA}") == (("c",), ("v",))
    assert m.downstream.run(f"SELECT id FROM {SCHEMA}.c") == ((1,),)


def test_a_table_is_renamed_that_a_run_from_a_time_has_not_seen(migrated):
    """`--start-time` forgets the tables of the dump: which of the names are tables is not known then, nor later."""
    m = migrated("mariadb-mariadb").replicating("CREATE TABLE a (id INT PRIMARY KEY)", "CREATE TABLE a_new (id INT PRIMARY KEY, v INT)", "INSERT INTO a VALUES (1)")
    m.synced()
    m.cluster.ctl("stop-task", m.task)
    now = m.upstream.value("SELECT DATE_FORMAT(NOW() + INTERVAL 1 SECOND, '%Y-%m-%dT%H:%i:%s')")
    wait_for(lambda: m.upstream.value("SELECT NOW() > TIMESTAMP(%r)" % now), "the next second")
    m.write("CREATE TABLE other (id INT)")  # a time behind the last event is refused
    m.cluster.ctl("start-task", m.file(), f"--start-time={now}")
    m.cluster.wait_stage(m.task, "Running", "Sync")
    m.synced()
    m.cluster.ctl("pause-task", m.task)
    m.write("RENAME TABLE a TO a_old, a_new TO a", "DROP TABLE a_old", "INSERT INTO a VALUES (2, 2)")
    m.cluster.ctl("resume-task", m.task)
    m.cluster.wait_stage(m.task, "Running", "Sync")
    m.equal()


def test_a_change_with_added_check_drops_is_known_again_after_a_kill(servers, cluster):
    """Which checks are dropped with a column depends on the target, where the statement may have been executed."""
    cluster.start_master()
    m = Migrated(cluster, servers.get("mariadb", "up"), servers.get("mysql9", "down"), [SCHEMA], "kfd_checks")
    m.replicating("CREATE TABLE swap (id INT PRIMARY KEY, a JSON, b JSON)", "CREATE TABLE moved (id INT PRIMARY KEY, j JSON)",
                  """INSERT INTO swap VALUES (1, '"a"', '"b"')""", """INSERT INTO moved VALUES (1, '1')""")
    m.downstream.run(f"ALTER TABLE {SCHEMA}.swap MODIFY a LONGTEXT CHECK (JSON_VALID(a)), MODIFY b LONGTEXT CHECK (JSON_VALID(b))",
                     f"ALTER TABLE {SCHEMA}.moved MODIFY j LONGTEXT CHECK (JSON_VALID(j))")
    m.synced()
    for statement, row in (("ALTER TABLE swap CHANGE a b LONGTEXT, CHANGE b a LONGTEXT", "INSERT INTO swap (id, a) VALUES (2, 'a')"),
                           ("ALTER TABLE moved MODIFY j TEXT, RENAME TO moved_on", "INSERT INTO moved_on VALUES (2, 'j')")):
        cluster.workers["worker1"].kill9()
        cluster.start_worker("worker1", failpoints="sync/after-ddl-statement=kill")
        m.write(statement)
        cluster.wait_killed("worker1")
        cluster.start_worker("worker1")
        m.write(row)
        cluster.wait_stage(m.task, "Running", "Sync")
        m.synced()
    m.same("SELECT id, a, b FROM {0}.swap ORDER BY id")
    m.same("SELECT id, j FROM {0}.moved_on ORDER BY id")
    m.stop()


def test_names_and_comments_with_quotes_and_line_breaks(migrated):
    m = migrated("mariadb-mariadb").replicating(
        "CREATE TABLE `t/;2` (c1 INT PRIMARY KEY, c3 INT COMMENT '1;\n2', `a;b\nc` INT COMMENT 'it''s; \\\\ \"x\"' ) COMMENT '; -- \n/* '", "INSERT INTO `t/;2` VALUES (1, 2, 3)",
        "CREATE TABLE `-- x` (id INT PRIMARY KEY, v VARCHAR(10) DEFAULT ';\n''')", "INSERT INTO `-- x` (id) VALUES (1)")
    m.write("INSERT INTO `t/;2` VALUES (2, 3, 4)", "INSERT INTO `-- x` (id) VALUES (2)", "ALTER TABLE `t/;2` ADD `/* d */` INT COMMENT '*/ ;\t' AFTER c1", "INSERT INTO `t/;2` VALUES (3, 4, 5, 6)",
            "CREATE TABLE `;` (id INT /*!40101 COMMENT ';' */)", "INSERT INTO `;` VALUES (1)", "DROP TABLE `-- x` -- ; and a comment", "/* first */ ALTER TABLE `;` /* ; */ ADD b INT # end",
            "INSERT INTO `;` VALUES (2, 2)")
    m.equal()


def test_long_keys_and_many_comments_are_known(migrated):
    """What our own records hold is not limited by a target's tables."""
    wide = "CREATE TABLE wide (id INT PRIMARY KEY, c VARCHAR(15000), d VARCHAR(700), KEY (c(700)), KEY (d)) DEFAULT CHARSET=utf8mb4 ROW_FORMAT=DYNAMIC"
    tables = [f"CREATE TABLE c{i} (" + ", ".join(f"x{k} INT COMMENT '{'ä' * 500}{i}'" for k in range(30)) + ") COMMENT '" + "z" * 2000 + "'" for i in range(40)]
    m = migrated("mariadb-mariadb").replicating(wide, *tables)
    m.write("INSERT INTO wide VALUES (1, REPEAT('x', 15000), 'y')", *[f"INSERT INTO c{i} (x0, x29) VALUES ({i}, 1)" for i in range(40)],
            *[f"ALTER TABLE c{i} ADD y INT COMMENT 'new'" for i in range(0, 40, 3)], *[f"UPDATE c{i} SET x0 = 100" for i in range(40)])
    m.restart_worker("UPDATE wide SET d = 'z'", "INSERT INTO c3 (x0, y) VALUES (1, 2)")
    m.equal()


@pytest.mark.parametrize("pair", ["mysql9-mysql9", "mysql9-mariadb"])
def test_collations_left_to_a_default_are_the_upstreams(pair, migrated):
    m = migrated(pair, collation_compatible="strict").replicating("CREATE TABLE full0 (a VARCHAR(5)) CHARSET utf8mb4", "CREATE TABLE full1 (a VARCHAR(5) PRIMARY KEY) CHARSET utf8mb3")
    down_default = m.downstream.value("SELECT @@GLOBAL.collation_server")
    m.downstream.run("SET GLOBAL collation_server = 'latin1_bin'")
    try:
        m.write("CREATE TABLE t (a VARCHAR(5)) CHARSET utf8mb4", "ALTER TABLE t ADD b TEXT CHARACTER SET utf8mb3, ADD c VARCHAR(5)", "CREATE TABLE u (a VARCHAR(5))",
                "SET SESSION default_collation_for_utf8mb4 = 'utf8mb4_general_ci'", "CREATE TABLE g (a VARCHAR(5)) CHARSET utf8mb4", "ALTER TABLE u ADD b VARCHAR(5) CHARACTER SET utf8mb4",
                "INSERT INTO full1 VALUES ('A')")
        m.equal(definitions=False)
        rows = "SELECT TABLE_NAME, COLUMN_NAME, REPLACE(COLLATION_NAME, 'uca1400_nopad', '0900') FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = 'kfd' ORDER BY 1, 2"
        m.same(rows)
    finally:
        m.downstream.run(f"SET GLOBAL collation_server = '{down_default}'")


def test_the_structure_of_the_source_is_known_from_the_start(migrated):
    """The target has more columns, and the very first change fails."""
    m = migrated("mariadb-mariadb")
    m.prepare("CREATE TABLE t (id INT PRIMARY KEY, v INT)", "INSERT INTO t VALUES (1, 1)")
    m.downstream.run(f"CREATE DATABASE {SCHEMA}", f"CREATE TABLE {SCHEMA}.t (id INT PRIMARY KEY, extra INT DEFAULT 7, v INT, CONSTRAINT small CHECK (v < 100))")
    m.start()
    m.cluster.wait_stage(m.task, "Running", "Sync")
    m.write("INSERT INTO t VALUES (2, 200)")
    m.cluster.wait_error(m.task, phrase="small")
    m.cluster.ctl("pause-task", m.task, check=False)
    listed = m.cluster.ctl("binlog-schema", "list", m.task, SCHEMA, "t", "-s", m.source).json["sources"][0]["msg"]
    assert "extra" not in listed and "`v`" in listed, listed
    m.downstream.run(f"ALTER TABLE {SCHEMA}.t DROP CONSTRAINT small")
    m.cluster.ctl("resume-task", m.task)
    m.write("UPDATE t SET v = 5 WHERE id = 1")
    m.synced()
    assert m.downstream.run(f"SELECT id, extra, v FROM {SCHEMA}.t ORDER BY id") == ((1, 7, 5), (2, 7, 200))


@pytest.mark.parametrize("default", ["uuid()", "concat('x', rand())"])
def test_a_default_that_is_another_one_in_each_row(default, migrated):
    m = migrated("mariadb-mariadb").replicating("CREATE TABLE full (id INT PRIMARY KEY)", "INSERT INTO full VALUES (1), (2)", "CREATE TABLE empty_one (id INT PRIMARY KEY)")
    m.write(f"ALTER TABLE empty_one ADD u VARCHAR(40) DEFAULT ({default})", "INSERT INTO empty_one (id) VALUES (1)")
    m.equal()
    m.write(f"ALTER TABLE full ADD u VARCHAR(40) DEFAULT ({default})")
    error = m.cluster.wait_error(m.task, 36068, "column `u`")
    assert "binlog replace" in error["Workaround"]
    m.cluster.ctl("binlog", "replace", m.task, f"ALTER TABLE {SCHEMA}.full ADD u VARCHAR(40)")
    m.cluster.wait_stage(m.task, "Running", "Sync")
    m.synced()
    m.downstream.run(*(f"UPDATE {SCHEMA}.full SET u = '{value}' WHERE id = {key}" for key, value in m.upstream.run(f"SELECT id, u FROM {SCHEMA}.full")))
    m.write("INSERT INTO full (id) VALUES (3)", "UPDATE full SET u = 'new' WHERE id = 1")
    m.equal(definitions=False)


def test_numbers_that_nobody_knows(migrated):
    """MySQL gives them by several threads, in an order that is another one each time."""
    m = migrated("mysql9-mysql9").replicating("CREATE TABLE few (a INT)", "INSERT INTO few VALUES (5), (3), (4)", "CREATE TABLE keyed (a INT PRIMARY KEY)", "CREATE TABLE n (a INT)",
                                              "INSERT INTO keyed WITH RECURSIVE s AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM s WHERE i < 1000) SELECT i FROM s", "INSERT INTO n SELECT a FROM keyed ORDER BY a % 7")
    m.write("ALTER TABLE few ADD id INT AUTO_INCREMENT PRIMARY KEY", "ALTER TABLE keyed ADD id INT AUTO_INCREMENT UNIQUE")
    m.equal()
    m.write("ALTER TABLE n ADD id INT AUTO_INCREMENT PRIMARY KEY")
    error = m.cluster.wait_error(m.task, 36068, "in an order that is another one each time")
    assert "binlog skip" in error["Workaround"]


@pytest.mark.parametrize("pair", ["mariadb-mariadb", "mariadb-mysql9"])
def test_numbers_of_rows_without_a_key_are_the_upstreams(pair, migrated):
    """Several files of a table, loaded in their order; rows that came live, in theirs."""
    m = migrated(pair, mydumpers={"dump": {"chunk-filesize": "1", "threads": 4}}, loaders={"load": {"pool-size": 4}})
    m.prepare("CREATE TABLE n (v VARCHAR(200), w INT, KEY (w, v))", "INSERT INTO n VALUES (REPEAT('x', 150), 0)",
              *(f"INSERT INTO n SELECT CONCAT({i}, REPEAT('y', 150)), (w * 7 + {i} * 13) % 1000 FROM n" for i in range(14)))
    m.write("DELETE FROM n WHERE w % 11 = 3")
    m.start()
    m.cluster.wait_stage(m.task, "Running", "Sync", timeout=120)
    m.write("INSERT INTO n SELECT v, w + 1 FROM n LIMIT 50", "ALTER TABLE n ADD id INT AUTO_INCREMENT PRIMARY KEY FIRST", "UPDATE n SET w = 5000 WHERE id BETWEEN 100 AND 200", "DELETE FROM n WHERE id % 17 = 3")
    m.equal()
