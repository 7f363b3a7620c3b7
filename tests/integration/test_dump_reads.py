"""What a dump reads upstream: whole definitions whatever the server's global settings, chunks of every kind of key that hold each row
once, and transactions that are open while tables are locked."""
import os
import shutil

import pymysql
import pytest

from dmtest.compare import difference
from dmtest.servers import PASSWORD
from dmtest.waiting import wait_for

SCHEMA = "dr"
# A row that is read twice is seen.
FULL = {"task-mode": "full", "loaders": {"load": {"on-duplicate-logical": "error"}}}


def finished(m, **changes):
    m.start(**{**FULL, **changes})
    m.cluster.wait_stage(m.task, "Finished", timeout=60)


def equal(m, definitions=None):
    found = difference(m.upstream, m.downstream, m.names, definitions)
    assert found is None, found


def chunks(**more):
    return {"mydumpers": {"dump": {"rows": 2, **more}}}


def data_files(m, table, **changes):
    """How many a dump makes of a table that is not empty."""
    directory = os.path.join(m.cluster.dir, f"files-{m.task}")
    shutil.rmtree(directory, ignore_errors=True)
    finished(m, **{"task-mode": "dump", **chunks(), "loaders": {"load": {"dir": directory}}, **changes})
    m.stop()
    return len([name for name in os.listdir(directory) if name.startswith(f"{SCHEMA}.{table}.0")])


# -- locks
def test_table_locks_wait_for_transactions_that_have_written(migrated):
    """MySQL 5.6, an account that may not take the global read lock. Rows that are committed between the position and the snapshots
    would be in both."""
    m = migrated("mysql56-mariadb", source="mysql56-locks", source_keys={"from": {"user": "dump_locks"}})
    m.upstream.run(f"GRANT SELECT, LOCK TABLES, SHOW VIEW, PROCESS, REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO 'dump_locks'@'%' IDENTIFIED BY '{PASSWORD}'")
    m.prepare("CREATE TABLE t (a INT)", "INSERT INTO t VALUES (1)")
    with m.upstream.connect(database=SCHEMA) as writer, m.upstream.connect(database=SCHEMA) as late:
        writer.cursor().execute("BEGIN")
        writer.cursor().execute("INSERT INTO t VALUES (2)")
        m.start(**{"ignore-checking-items": ["all"]})
        waits = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE USER = 'dump_locks' AND INFO LIKE 'LOCK TABLES%'"
        wait_for(lambda: m.upstream.value(waits) == 1, lambda: f"the lock waits\n{m.cluster.log(m.worker)}", timeout=30)
        late.cursor().execute("SET SESSION lock_wait_timeout = 1, SESSION innodb_lock_wait_timeout = 1")
        # Nobody who comes later writes before the dump has its snapshots.
        with pytest.raises(pymysql.err.OperationalError) as refused:
            late.cursor().execute("INSERT INTO t VALUES (3)")
        assert refused.value.args[0] == 1205
        writer.commit()
    m.cluster.wait_stage(m.task, "Running", "Sync", timeout=60)
    m.write("INSERT INTO t VALUES (4)")
    m.synced()
    assert sorted(a for a, in m.downstream.run(f"SELECT a FROM {SCHEMA}.t")) == [1, 2, 4]


# -- definitions
@pytest.mark.parametrize("pair,mode", [
    ("mariadb-mariadb", "ORACLE"), ("mariadb-mariadb", "ANSI"), ("mariadb-mysql9", "MSSQL"), ("mysql9-mysql9", "ANSI"),
    ("mysql56-mariadb", "MYSQL40"), ("mysql56-mysql9", "POSTGRESQL")])
def test_definitions_are_whole_in_every_global_mode(pair, mode, migrated):
    m = migrated(pair)
    table = ("CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY COMMENT 'it''s', b VARCHAR(10) DEFAULT 'a\\\\b', `select` INT, UNIQUE (b), KEY `or``der` (`select`)) "
             "DEFAULT CHARSET utf8mb4 COLLATE utf8mb4_bin COMMENT 'all of it'")
    m.prepare(table, "INSERT INTO t (b) VALUES ('A'), ('a')")
    old, quotes = m.upstream.run("SELECT @@GLOBAL.sql_mode, @@GLOBAL.sql_quote_show_create")[0]
    m.upstream.run(f"SET GLOBAL sql_mode = '{mode}'", "SET GLOBAL sql_quote_show_create = 0")
    try:
        finished(m, **{"ignore-checking-items": ["all"]})
    finally:
        m.upstream.run(f"SET GLOBAL sql_mode = '{old}'", f"SET GLOBAL sql_quote_show_create = {quotes}")
    assert m.downstream.run(f"SELECT id, b FROM {SCHEMA}.t ORDER BY id") == ((1, "A"), (2, "a"))
    assert m.downstream.run(f"SELECT TABLE_COLLATION, TABLE_COMMENT FROM information_schema.TABLES WHERE TABLE_SCHEMA = '{SCHEMA}'") == (("utf8mb4_bin", "all of it"),)
    assert m.downstream.run(f"SELECT EXTRA, COLUMN_COMMENT FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = '{SCHEMA}' AND COLUMN_NAME = 'id'") == (("auto_increment", "it's"),)


def test_generated_primary_keys_that_are_not_shown(migrated):
    """Row changes hold them in any case."""
    m = migrated("mysql9-mysql9")
    hidden = ("sql_generate_invisible_primary_key", "show_gipk_in_create_table_and_information_schema")
    m.prepare()
    m.write(f"SET SESSION {hidden[0]} = ON", "CREATE TABLE t (a INT)", "INSERT INTO t VALUES (1), (1)")
    m.upstream.run(f"SET GLOBAL {hidden[1]} = OFF")
    try:
        m.start()
        m.cluster.wait_stage(m.task, "Running", "Sync", timeout=60)
        m.write("INSERT INTO t VALUES (2)", "DELETE FROM t WHERE a = 1 LIMIT 1", f"SET SESSION {hidden[0]} = ON", "CREATE TABLE later (b INT)", "INSERT INTO later VALUES (7), (7)")
        m.synced()
        for table, column in (("t", "a"), ("later", "b")):
            m.same(f"SELECT my_row_id, {column} FROM {{0}}.{table} ORDER BY my_row_id")
    finally:
        m.upstream.run(f"SET GLOBAL {hidden[1]} = ON")


# -- chunks
@pytest.mark.parametrize("kind", ["mysql9", "mariadb", "mysql56"])
def test_tables_are_cut_into_chunks_on_every_server(kind, migrated):
    m = migrated(f"{kind}-mariadb").prepare("CREATE TABLE i (id INT PRIMARY KEY)", "CREATE TABLE s (k VARCHAR(20) PRIMARY KEY)")
    formats = m.upstream.run("SHOW GLOBAL VARIABLES LIKE 'explain_format'")
    m.write("INSERT INTO i VALUES " + ",".join(f"({n})" for n in range(60)), "INSERT INTO s VALUES " + ",".join(f"('k{n:03}')" for n in range(60)), "ANALYZE TABLE i, s")
    if formats:
        m.upstream.run("SET GLOBAL explain_format = 'TREE'")
    try:
        assert data_files(m, "i") >= 20
        assert data_files(m, "s") == 30
    finally:
        if formats:
            m.upstream.run(f"SET GLOBAL explain_format = '{formats[0][1]}'")


# Bytes that are other ones, or question marks, when they come back from UTF-8.
ODD_KEYS = {
    "cp932": "FA4A FA4B FA4C FA4D FA54 8754 8755 8756 8757 8790 81CA EEF9 FA5B 81E6 ED40 FA5C 82A0 41 42",
    "sjis": "82A0 82A1 82A2 82A3 D8 41 42 43 44 45",
    "gbk": "FEFE FEFD FEFC 3F A2A1 B0A1 41 42 43 44 45 46",
    "cp1256": "FF FE FD 3F 41 42 43 44 45 46",
    "armscii8": "28 29 2C 2D A5 A4 AB AC 41 42 43 44",
    "ascii": "FF FE FD FC 3F 80 41 42 43 44 45",
    "ucs2": "D800 D801 DC00 003F 0041 0042 0043 0044 0045",
    "latin1": "81 8D 8F 90 9D FF FE 3F 41 42 43",
}


@pytest.mark.parametrize("pair", ["mariadb-mariadb", "mysql9-mysql9", "mysql56-mariadb"])
def test_steps_along_texts_that_utf8_has_not(pair, migrated):
    m = migrated(pair).prepare()
    for charset, keys in ODD_KEYS.items():
        if pair.startswith("mysql9") and charset in ("ascii", "ucs2"):
            continue  # keeps no bytes there that are no characters
        collation = next(row[0] for row in m.upstream.run(f"SELECT COLLATION_NAME FROM information_schema.COLLATIONS WHERE CHARACTER_SET_NAME = '{charset}' AND COLLATION_NAME LIKE '%\\_bin' AND COLLATION_NAME NOT LIKE '%nopad%'"))
        m.write("SET SESSION sql_mode = ''", f"CREATE TABLE k_{charset} (k VARCHAR(20) CHARACTER SET {charset} COLLATE {collation}, n INT, v INT, PRIMARY KEY (k, n))",
                f"INSERT INTO k_{charset} VALUES " + ",".join(f"(x'{key}', {n}, 0)" for key in keys.split() for n in (1, 2)), f"ANALYZE TABLE k_{charset}")
        assert m.upstream.value(f"SELECT COUNT(DISTINCT HEX(k)) FROM {SCHEMA}.k_{charset}") == len(keys.split()), charset
    finished(m, **chunks())
    equal(m)


@pytest.mark.parametrize("pair,collations", [
    ("mariadb-mariadb", ["utf8mb4_general_nopad_ci", "utf8mb4_unicode_520_nopad_ci", "cp850_nopad_bin", "ucs2_nopad_bin", "utf8mb4_general_ci", "utf8mb4_bin"]),
    ("mysql9-mysql9", ["utf8mb4_0900_ai_ci", "utf8mb4_0900_bin", "utf8mb4_general_ci", "utf8mb4_bin"])])
@pytest.mark.parametrize("column", ["CHAR(5)", "VARCHAR(5)"])
def test_steps_past_characters_below_the_blank(pair, collations, column, migrated):
    m = migrated(pair).prepare()
    texts = [first + rest for first in "abc" for rest in ("", "\t", "\n", "\x01", "!", "\ta", "\t\t")] + ["", "\t", "\n"]
    for collation in collations:
        m.write(f"CREATE TABLE {collation} (k {column} COLLATE {collation} PRIMARY KEY)")
        m.write(f"INSERT IGNORE INTO {collation} VALUES " + ",".join(f"(_utf8mb4 x'{text.encode().hex()}')" if text else "('')" for text in texts), f"ANALYZE TABLE {collation}")
    for rows in (1, 2, 3):
        finished(m, **chunks(rows=rows))
        equal(m)
        m.stop()
        m.downstream.run(f"DROP DATABASE {SCHEMA}")


def test_hashes_are_no_keys_to_step_along(migrated):
    """MariaDB's unique keys of more than 3072 bytes. Each step would read and sort the whole table."""
    m = migrated("mariadb-mariadb").prepare("CREATE TABLE h (k VARCHAR(1000) NOT NULL, v INT, UNIQUE (k))", "INSERT INTO h SELECT seq, seq FROM seq_1_to_40", "ANALYZE TABLE h")
    assert m.upstream.run(f"SHOW INDEX FROM {SCHEMA}.h")[0][10] == "HASH"
    assert data_files(m, "h") == 1


@pytest.mark.parametrize("pair", ["mariadb-mariadb", "mysql9-mysql9", "mysql56-mariadb", "mariadb-mysql9"])
def test_definitions_with_backslashes_where_they_are_no_escapes(pair, migrated):
    m = migrated(pair)
    old = m.upstream.value("SELECT @@GLOBAL.sql_mode")
    m.upstream.run("SET GLOBAL sql_mode = 'NO_BACKSLASH_ESCAPES'")
    try:
        m.prepare(r"CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20), d VARCHAR(9) DEFAULT 'x\y', e ENUM('a\b', 'c''d', '\') COMMENT 'it''s \', s SET('\n', 'x'))",
                  r"INSERT INTO t VALUES (1, '\', '\', 'a\b', '\n'), (2, 'it''s', DEFAULT, '\', 'x')",
                  r"CREATE TABLE p (v VARCHAR(9), n INT) PARTITION BY LIST COLUMNS (v) (PARTITION a VALUES IN ('x\y', '\'), PARTITION b VALUES IN ('it''s'))",
                  r"INSERT INTO p VALUES ('x\y', 1), ('\', 2), ('it''s', 3)", r"CREATE VIEW w AS SELECT '\' AS b, 'it''s' AS q, v FROM t")
        # Of such literals in a generated column MySQL makes something else itself.
        if pair in ("mariadb-mariadb", "mysql9-mysql9"):
            m.write(r"CREATE TABLE g (id INT PRIMARY KEY, v VARCHAR(20), g VARCHAR(30) AS (CONCAT(v, '\', 'x\y')) STORED, CHECK (v <> '\\'))", r"INSERT INTO g (id, v) VALUES (1, 'a'), (2, '\')")
        m.start(mydumpers={"dump": {"extra-args": "--no-views=false"}})
        m.cluster.wait_stage(m.task, "Running", "Sync", timeout=60)
        m.write(r"INSERT INTO t VALUES (3, '\\', DEFAULT, 'c''d', '\n,x')", r"UPDATE t SET e = 'a\b' WHERE id = 2", r"INSERT INTO p VALUES ('\', 4)")
        m.synced()
        m.stop()
    finally:
        m.upstream.run(f"SET GLOBAL sql_mode = '{old}'")
    equal(m)
    assert m.upstream.run(f"SELECT * FROM {SCHEMA}.w ORDER BY v") == m.downstream.run(f"SELECT * FROM {SCHEMA}.w ORDER BY v")
