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


@pytest.mark.parametrize("live", [False, True], ids=["loaded", "live"])
@pytest.mark.parametrize("pair", ["mariadb-mysql9", "mysql9-mysql9"])
def test_a_target_that_gives_keys_of_its_own(pair, live, migrated):
    made = ["CREATE TABLE t (a INT, b VARCHAR(10))", "INSERT INTO t VALUES (1, 'x'), (1, 'x'), (NULL, NULL)"]
    m = migrated(pair)
    m.downstream.run("SET GLOBAL sql_generate_invisible_primary_key = ON")
    try:
        m.replicating(*([] if live else made))
        m.write(*(made if live else []), "DELETE FROM t WHERE a = 1 LIMIT 1", "ALTER TABLE t ADD id INT AUTO_INCREMENT PRIMARY KEY", "INSERT INTO t (a) VALUES (2)")
        m.same("SELECT a, b FROM {0}.t ORDER BY a")
        columns = m.downstream.run(f"SELECT COLUMN_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = '{SCHEMA}' AND TABLE_NAME = 't' ORDER BY ORDINAL_POSITION")
        assert [name for name, in columns] == ["a", "b", "id"], columns
    finally:
        m.downstream.run("SET GLOBAL sql_generate_invisible_primary_key = OFF")


@pytest.mark.parametrize("pair", ["mysql9-mariadb", "mysql9-mysql9", "mariadb11-mariadb"])
def test_partitions_are_exchanged_without_validation(pair, migrated):
    parts = "PARTITION BY RANGE (id) (PARTITION p0 VALUES LESS THAN (10), PARTITION p1 VALUES LESS THAN (20))"
    m = migrated(pair).replicating(f"CREATE TABLE r (id INT PRIMARY KEY) {parts}", "CREATE TABLE x (id INT PRIMARY KEY)", "INSERT INTO r VALUES (1), (11)", "INSERT INTO x VALUES (12), (13)")
    m.write("ALTER TABLE r EXCHANGE PARTITION p1 WITH TABLE x WITHOUT VALIDATION")
    _columns(m, "r")
    _columns(m, "x")
    m.write("ALTER TABLE r EXCHANGE PARTITION p1 WITH TABLE x WITH VALIDATION", "INSERT INTO r VALUES (2)")
    _columns(m, "r")
    _columns(m, "x")


@pytest.mark.parametrize("pair", ["mysql9-mariadb", "mysql9-mysql9"])
def test_changes_with_and_without_validation(pair, migrated):
    m = migrated(pair).replicating("CREATE TABLE t (id INT PRIMARY KEY)", "INSERT INTO t VALUES (1)")
    m.write("ALTER TABLE t WITHOUT VALIDATION, ADD v INT", "ALTER TABLE t ADD w INT, WITHOUT VALIDATION", "INSERT INTO t (id) VALUES (2)")
    m.equal(definitions=False)


@pytest.mark.parametrize("pair", ["mysql9-mariadb", "mysql9-mysql9", "mysql9-tidb"])
def test_a_database_is_made_read_only(pair, migrated):
    m = migrated(pair).replicating("CREATE TABLE t (id INT PRIMARY KEY)")
    m.write("INSERT INTO t VALUES (1)", f"ALTER DATABASE {SCHEMA} READ ONLY = 1")
    try:
        _columns(m, "t")
    finally:
        m.upstream.run(f"ALTER DATABASE {SCHEMA} READ ONLY = 0")
    m.write("INSERT INTO t VALUES (2)", f"ALTER DATABASE {SCHEMA} CHARACTER SET latin1 READ ONLY = 0", "CREATE TABLE u (v VARCHAR(10))", "INSERT INTO u VALUES ('ä')")
    _columns(m, "t")
    _columns(m, "u")
    if not pair.endswith("tidb"):
        m.same("SELECT CHARACTER_SET_NAME FROM information_schema.COLUMNS WHERE CONCAT(TABLE_SCHEMA, '') = '" + SCHEMA + "' AND COLUMN_NAME = 'v'")


# Type, values, and types that a MODIFY gives to them.
CONVERSIONS = [
    ("DATETIME(6)", "('2020-12-31 23:59:59.999999'), ('2020-01-01 12:00:00.5')", ["DATE", "BIGINT", "YEAR", "VARCHAR(40)", "DATETIME(6) NOT NULL"]),
    ("DATETIME", "('2020-12-31 23:59:59')", ["DATE", "BIGINT", "VARCHAR(40)", "TIMESTAMP NULL"]),
    ("TIME(6)", "('23:59:59.999999'), ('-01:00:00.5')", ["TIME", "BIGINT", "VARCHAR(40)"]),
    ("DATE", "('2020-02-29'), ('1999-12-31')", ["YEAR", "INT", "DATETIME", "VARCHAR(40)"]),
    ("TIMESTAMP(3) NULL", "('2020-06-15 12:00:00.999')", ["BIGINT", "VARCHAR(40)"]),
    ("YEAR", "(2020), (0)", ["VARCHAR(10)", "INT"]),
    ("VARCHAR(40)", "('1e2'), (' 7'), ('12')", ["INT", "BIGINT UNSIGNED", "DOUBLE", "TEXT", "VARCHAR(50)"]),
    ("VARCHAR(40)", "('a'), ('b '), ('A')", ["ENUM('a', 'b')", "CHAR(5)"]),
    ("INT", "(1), (300), (20200101), (0)", ["DATE", "TIME", "YEAR", "BIGINT", "VARCHAR(20)", "DECIMAL(12, 2)", "TINYINT"]),
    ("DOUBLE", "(1e20), (0.1), (1.5), (2.5)", ["VARCHAR(40)", "TEXT", "DECIMAL(25, 2)"]),
    ("FLOAT", "(3.4e38), (16777217), (1.5)", ["VARCHAR(40)", "DOUBLE"]),
    ("DECIMAL(20, 6)", "(1.5), (-2.5), (0.000001)", ["INT", "DECIMAL(20, 0)", "VARCHAR(40)", "DOUBLE"]),
    ("JSON", """('{"b": 1, "a": [1.0, 2]}')""", ["TEXT"]),
    ("TEXT", """('{"b": 1,  "a": [1.0, 2]}')""", ["JSON"])]


@pytest.mark.parametrize("pair", ["mariadb-mysql9", "mysql9-mariadb", "mysql9-tidb", "mariadb-tidb", "mysql9-mysql9", "mariadb-mariadb"])
def test_conversions_of_values_are_the_same_or_the_log_says_that_they_are_not(pair, migrated):
    m = migrated(pair)
    todo = {f"c{i}_{j}": (was, values, becomes) for i, (was, values, types) in enumerate(CONVERSIONS) for j, becomes in enumerate(types)}
    m.replicating(*[statement for table, (was, values, _) in todo.items()
                    for statement in (f"CREATE TABLE {table} (id INT AUTO_INCREMENT PRIMARY KEY, v {was})", f"INSERT INTO {table} (v) VALUES {values}")])
    earlier = len(_told_lines(m))
    m.write("SET sql_mode = ''", *[f"ALTER TABLE {table} MODIFY v {becomes}" for table, (_, _, becomes) in todo.items()])
    m.synced(timeout=300)
    told = "".join(_told_lines(m)[earlier:])
    silent, needless = [], []
    for table, (was, _, becomes) in todo.items():
        rows = [[_value(v) for v, in server.run(f"SELECT v FROM {SCHEMA}.{table} ORDER BY id")] for server in (m.upstream, m.downstream)]
        if rows[0] != rows[1] and f"`{table}`" not in told:
            silent.append((was, becomes, *rows))
        if pair.split("-")[0] == pair.split("-")[1] and f"`{table}`" in told:
            needless.append((was, becomes))
    assert not silent, silent
    assert not needless, needless
    for was, becomes in (("DATETIME", "DATE"), ("INT", "BIGINT"), ("VARCHAR(40)", "VARCHAR(50)"), ("DECIMAL(20, 6)", "INT"), ("DATETIME(6)", "VARCHAR(40)")):
        table = next(table for table, (a, _, b) in todo.items() if (a, b) == (was, becomes))
        assert f"`{table}`" not in told, (was, becomes)


def _told_lines(m):
    return [line for line in m.cluster.log(m.worker, 1000000).splitlines() if "makes other values of rows" in line]


def _value(value):
    return float(value) if isinstance(value, float) else str(value)


MODES = {
    "MAXDB": ["CREATE TABLE maxdb (id INT PRIMARY KEY, a TIMESTAMP, b TIMESTAMP NOT NULL)", "INSERT INTO maxdb VALUES (1, '1950-01-02 03:04:05', '2500-01-02 03:04:05')",
              "ALTER TABLE maxdb ADD c TIMESTAMP", "INSERT INTO maxdb VALUES (2, NULL, '2020-01-02 03:04:05', '1950-01-02 03:04:05')"],
    "REAL_AS_FLOAT": ["CREATE TABLE r (id INT PRIMARY KEY, a REAL)", "INSERT INTO r VALUES (1, 1.1)", "ALTER TABLE r ADD b REAL"],
    "ANSI": ["CREATE TABLE \"an si\" (id INT PRIMARY KEY, \"a b\" REAL DEFAULT 1.5, c VARCHAR (9) DEFAULT 'x')", "INSERT INTO \"an si\" (id) VALUES (1)"],
}
OF_MARIADB = {
    "MSSQL": ["CREATE TABLE [m s] ([id] INT PRIMARY KEY, [a]]b] VARCHAR(9) DEFAULT 'x')", "INSERT INTO [m s] ([id]) VALUES (1)", "ALTER TABLE [m s] ADD [c] INT"],
    "EMPTY_STRING_IS_NULL": ["CREATE TABLE es (id INT PRIMARY KEY, a VARCHAR(9) DEFAULT '', b INT COMMENT '', c VARCHAR(9) CHECK (COALESCE(c, '') IS NULL OR c <> ''))",
                             "INSERT INTO es (id) VALUES (1)", "ALTER TABLE es ADD d VARCHAR(9) DEFAULT ''"],
    "ORACLE": ["CREATE TABLE o (id INT PRIMARY KEY, a VARCHAR2(9), b VARCHAR(9), c VARCHAR(20) AS (a || b), d VARCHAR(20) AS (SUBSTR(a, 0, 2)), e VARCHAR(20) AS (TRIM(a)), "
               "f VARCHAR(20) AS (REPLACE(a, b, 'z')), g VARCHAR(20) AS (LPAD(a, 0)), h VARCHAR(20) AS (RPAD(a, 4, b)), i INT AS (LENGTH(a)), j VARCHAR(20) AS (LTRIM(a)), "
               "k VARCHAR(20) AS (RTRIM(a)), l VARCHAR(20) AS (DECODE(a, b, 'x', 'y')), m VARCHAR(20) AS (SUBSTRING(a, 0, 2)), n VARCHAR(20) AS (TRIM(BOTH 'x' FROM a)), "
               "o DATE, p NUMBER(10,2), q CLOB, CHECK (a || NULL <> 'no'))",
               "INSERT INTO o (id, a, b, o) VALUES (1, 'xax', NULL, '2020-01-02 03:04:05'), (2, NULL, 'b', NULL), (3, 'ä', 'ä', NULL), (4, '  ', ' ', NULL)",
               "ALTER TABLE o ADD r VARCHAR(20) AS (b || a) PERSISTENT"],
    "HIGH_NOT_PRECEDENCE,NO_UNSIGNED_SUBTRACTION,PIPES_AS_CONCAT": [
        "CREATE TABLE hn (id INT PRIMARY KEY, a INT, c INT AS (NOT a BETWEEN -5 AND 5), d VARCHAR(20) AS (a || 'x'))", "INSERT INTO hn (id, a) VALUES (1, 3), (2, 7), (3, 0)"],
}


@pytest.mark.parametrize("pair", ["mariadb-mariadb", "mariadb11-mariadb11", "mysql56-mariadb", "mysql56-mysql9"])
def test_statements_mean_what_the_modes_of_their_session_say(pair, migrated):
    """Live, and as the dump has them."""
    modes = {**MODES, **({} if pair.startswith("mysql") else OF_MARIADB)}
    statements = [s for mode, texts in modes.items() for s in [f"SET sql_mode = '{mode}'", *texts]]
    for full in (False, True):
        m = migrated(pair).replicating("CREATE TABLE first (id INT PRIMARY KEY)", *(statements if full else []))
        if not full:
            m.write(*statements)
        m.equal()
        m.same("SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = '" + SCHEMA + "' AND column_name IN ('a', 'b', 'c') ORDER BY 1, 2")
        m.stop()


@pytest.mark.parametrize("pair", ["mysql9-mariadb", "mysql9-mysql9"])
def test_parsers_of_full_text_indexes(pair, migrated):
    """MariaDB has no ngram parser: the index is there without it."""
    full = ["CREATE TABLE f (id INT PRIMARY KEY, a TEXT, b TEXT, FULLTEXT KEY fa (a) WITH PARSER ngram)", "INSERT INTO f VALUES (1, '中文', 'x')"]
    m = migrated(pair).replicating(*full)
    m.write("CREATE TABLE g (id INT PRIMARY KEY, a TEXT, FULLTEXT KEY fa (a) WITH PARSER ngram)", "ALTER TABLE f ADD FULLTEXT INDEX fb (b) WITH PARSER ngram",
            "CREATE FULLTEXT INDEX ga ON g (a) WITH PARSER ngram", "INSERT INTO g VALUES (1, '中文')", "INSERT INTO f VALUES (2, 'y', 'z')", "ALTER TABLE f DROP INDEX fb")
    m.equal()
    for table, keys in (("f", {"PRIMARY", "fa"}), ("g", {"PRIMARY", "fa", "ga"})):
        assert {row[2] for row in m.downstream.run(f"SHOW INDEX FROM {SCHEMA}.{table}")} == keys
        shown = m.downstream.run(f"SHOW CREATE TABLE {SCHEMA}.{table}")[0][1]
        assert ("ngram" in shown) == pair.endswith("mysql9"), shown


@pytest.mark.parametrize("pair", ["mariadb-mysql9", "mysql9-mariadb", "mysql9-tidb"])
def test_literals_of_a_client_in_another_character_set(pair, migrated):
    m = migrated(pair).replicating("CREATE TABLE t (id INT PRIMARY KEY)", "INSERT INTO t VALUES (1)")
    text = b"VARCHAR(9) CHARACTER SET utf8mb4 DEFAULT"
    m.write("SET NAMES latin1", b"ALTER TABLE t ADD a %s _latin1'\xe9', ADD b %s '\xe9', ADD c %s _latin1 0xE9, ADD d %s _utf8mb4'x'" % ((text,) * 4), "INSERT INTO t (id) VALUES (2)")
    m.equal(definitions=False)
    assert m.downstream.run(f"SELECT DISTINCT a, b, c, d FROM {SCHEMA}.t") == (("\u00e9",) * 3 + ("x",),)


SEQUENCE_DEFAULTS = "SELECT TABLE_NAME, COLUMN_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = '{}' AND COLUMN_DEFAULT LIKE '%%val(%%' ORDER BY 1, 2"


@pytest.mark.parametrize("pair", ["mariadb-mariadb", "mariadb11-mariadb11", "mariadb-mysql9"])
def test_defaults_that_take_values_of_a_sequence(pair, migrated):
    """They go where the sequence is, under its routed name; elsewhere the column has none. Rows bring their values."""
    to = f"{SCHEMA}_routed"
    m = migrated(pair, schemas={SCHEMA: to})
    m.replicating("CREATE SEQUENCE before_task", "CREATE TABLE early (id INT PRIMARY KEY DEFAULT NEXTVAL(before_task), v INT DEFAULT (7 + LASTVAL(before_task)))",
                  "INSERT INTO early (id) VALUES (DEFAULT), (DEFAULT)")
    m.write("INSERT INTO early (id) VALUES (DEFAULT)", "CREATE SEQUENCE `odd ``name` START WITH 50", "CREATE TABLE made (id INT PRIMARY KEY DEFAULT NEXT VALUE FOR `odd ``name`, v INT)",
            "INSERT INTO made (v) VALUES (1), (2)", "CREATE TABLE altered (id INT PRIMARY KEY, v INT DEFAULT 4, w INT)", "ALTER TABLE altered ALTER v SET DEFAULT NEXTVAL(`odd ``name`)",
            "ALTER TABLE altered MODIFY w BIGINT NOT NULL DEFAULT PREVIOUS VALUE FOR `odd ``name`, ADD x INT DEFAULT NEXTVAL(before_task)",
            "INSERT INTO altered (id) VALUES (1), (2)", "ALTER TABLE early ADD y INT")
    m.equal(definitions=False)
    has = [("altered", "v"), ("altered", "w"), ("altered", "x"), ("early", "id"), ("early", "v"), ("made", "id")]
    assert list(m.downstream.run(SEQUENCE_DEFAULTS.format(to))) == ([] if pair.endswith("mysql9") else has)
    if not pair.endswith("mysql9"):
        assert "`odd ``name`" in m.downstream.value(f"SELECT COLUMN_DEFAULT FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = '{to}' AND TABLE_NAME = 'made' AND COLUMN_NAME = 'id'")
    log = m.cluster.log(m.worker, 1000000)
    for column in "id", "x":
        assert (f"default of column `{column}`: the downstream has no sequence" in log.split(f"[task={m.task}]", 1)[1]) == pair.endswith("mysql9")
    m.write("ALTER TABLE altered ADD z INT DEFAULT NEXTVAL(`odd ``name`)")  # of rows that are there
    m.cluster.wait_error(m.task, 36068, "`z`")


def test_defaults_of_sequences_that_the_target_has_before(migrated):
    m = migrated("mariadb-mariadb", schemas={SCHEMA: f"{SCHEMA}_routed"})
    m.prepare("CREATE SEQUENCE s", "CREATE TABLE t (id INT PRIMARY KEY DEFAULT NEXTVAL(s), v INT)", "INSERT INTO t (v) VALUES (1), (2)")
    m.downstream.run(f"CREATE DATABASE {SCHEMA}_routed", f"CREATE SEQUENCE {SCHEMA}_routed.s START WITH 1001")
    m.start()
    m.cluster.wait_stage(m.task, "Running", "Sync", timeout=120)
    m.write("INSERT INTO t (v) VALUES (3)")
    m.equal(definitions=False)
    assert m.downstream.run(SEQUENCE_DEFAULTS.format(f"{SCHEMA}_routed")) == (("t", "id"),)


@pytest.mark.parametrize("pair", ["mysql9-mysql9", "mariadb-mariadb", "mysql9-mariadb", "mariadb-mysql9", "mysql9-tidb", "mariadb-tidb"])
def test_members_after_a_conversion_to_another_character_set(pair, migrated):
    """Servers keep the bytes of members, which are other characters then, or none; TiDB converts them."""
    tidb = pair.endswith("tidb")
    conversions = [("latin1", "utf8mb4")] + ([] if tidb else [("gbk", "utf8mb4"), ("utf8mb4", "latin1"), ("utf8mb4", "gbk")])
    m = migrated(pair).replicating("CREATE TABLE first (id INT PRIMARY KEY)")
    for old, new in conversions:
        table = f"c_{old}_{new}"
        m.write(f"CREATE TABLE {table} (id INT PRIMARY KEY, e ENUM('a', 'é', 'né', 'z'), s SET('a', 'é', 'né', 'z')) CHARACTER SET {old}", f"INSERT INTO {table} VALUES (1, 'a', 'a,z')",
                f"ALTER TABLE {table} CONVERT TO CHARACTER SET {new}", f"INSERT INTO {table} VALUES (2, 2, 2), (3, 3, 15), (4, 4, 8)", f"UPDATE {table} SET e = 1, s = 6 WHERE id = 4",
                f"DELETE FROM {table} WHERE id = 2")
    for old, new in conversions:
        _columns(m, f"c_{old}_{new}", "id, e + 0, s + 0")


@pytest.mark.parametrize("live", [False, True])
def test_defaults_that_mariadb_writes_without_parentheses(live, migrated):
    made = ["CREATE TABLE y (id INT PRIMARY KEY, a INT, b INT DEFAULT a, c VARCHAR(9) DEFAULT TRIM(LEADING 'x' FROM 'xxa'), d INT DEFAULT -7, e DATE DEFAULT CURDATE(), "
            "f DATETIME DEFAULT NOW(), g INT DEFAULT CASE WHEN a > 1 THEN 5 ELSE 6 END, h INT, i CHAR(36), j DATETIME)"]
    m = migrated("mariadb11-mysql9").prepare(*([] if live else made)).start()
    m.cluster.wait_stage(m.task, "Running", "Sync", timeout=60)
    m.write(*(made if live else []), "INSERT INTO y (id, a) VALUES (1, 1)")
    m.equal(definitions=False)
    m.write("ALTER TABLE y ALTER h SET DEFAULT a, ALTER i SET DEFAULT UUID()", "ALTER TABLE y ALTER j SET DEFAULT NOW()", "INSERT INTO y (id, a) VALUES (2, 2)")
    m.equal(definitions=False)
    m.downstream.run(f"INSERT INTO {SCHEMA}.y (id, a) VALUES (3, 3)")
    shown = "SELECT a, b, c, d, e = CURDATE(), ABS(TIMESTAMPDIFF(HOUR, f, NOW())), g, h, LENGTH(i), ABS(TIMESTAMPDIFF(HOUR, j, NOW())) FROM {}.y WHERE id = 3".format(SCHEMA)
    assert list(m.downstream.run(shown)) == [(3, 3, "a", -7, 1, 0, 5, 3, 36, 0)]


def test_collations_without_a_character_set(migrated):
    """They are of the one of the column, else of the statement, the table or the database."""
    short = "COLLATE uca1400_ai_ci"
    m = migrated("mariadb11-mysql9").replicating("CREATE TABLE z (id INT PRIMARY KEY, a VARCHAR(5)) CHARACTER SET utf8mb4")
    m.write(f"CREATE TABLE a (id INT PRIMARY KEY, a VARCHAR(5) CHARACTER SET utf8mb3 {short})", f"CREATE TABLE b (id INT PRIMARY KEY, a VARCHAR(5), b VARCHAR(5) {short}) CHARACTER SET ucs2 COLLATE uca1400_as_ci",
            f"CREATE TABLE c (id INT PRIMARY KEY, a VARCHAR(5), b VARCHAR(5) {short}) CHARACTER SET utf16", f"ALTER TABLE c MODIFY a VARCHAR(6) {short}, ADD c CHAR(2) {short}, {short}",
            f"ALTER TABLE z CONVERT TO CHARACTER SET utf8mb3 {short}", f"ALTER TABLE z CHANGE a b VARCHAR(7) COLLATE uca1400_as_ci, ADD c CHAR(2) CHARACTER SET utf32 {short}",
            f"ALTER DATABASE {SCHEMA} CHARACTER SET utf8mb3 {short}", f"ALTER DATABASE {SCHEMA} COLLATE uca1400_as_cs", f"CREATE TABLE d (id INT PRIMARY KEY, a VARCHAR(5)) {short}",
            f"CREATE TABLE e (id INT PRIMARY KEY, a VARCHAR(5), b VARCHAR(5) {short}, c VARCHAR(5) CHARACTER SET utf8mb4 {short})", "INSERT INTO e VALUES (1, 'a', 'b', 'c')")
    m.synced(60)
    shown = f"SELECT TABLE_NAME, COLUMN_NAME, COLLATION_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = '{SCHEMA}' AND COLLATION_NAME IS NOT NULL ORDER BY 1, 2"
    u3 = "utf8mb3_unicode_520_ci"
    assert [tuple(row) for row in m.downstream.run(shown)] == [
        ("a", "a", u3), ("b", "a", "ucs2_bin"), ("b", "b", "ucs2_unicode_520_ci"), ("c", "a", "utf16_unicode_520_ci"), ("c", "b", "utf16_unicode_520_ci"), ("c", "c", "utf16_unicode_520_ci"), ("d", "a", u3),
        ("e", "a", "utf8mb3_bin"), ("e", "b", u3), ("e", "c", "utf8mb4_0900_ai_ci"), ("z", "b", "utf8mb3_bin"), ("z", "c", "utf32_unicode_520_ci")]
    tables = f"SELECT TABLE_NAME, TABLE_COLLATION FROM information_schema.TABLES WHERE TABLE_SCHEMA = '{SCHEMA}' AND TABLE_NAME IN ('b', 'c', 'z') ORDER BY 1"
    assert [tuple(row) for row in m.downstream.run(tables)] == [("b", "ucs2_bin"), ("c", "utf16_unicode_520_ci"), ("z", u3)]
    assert m.downstream.value(f"SELECT DEFAULT_COLLATION_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = '{SCHEMA}'") == "utf8mb3_bin"
    m.equal(definitions=False)
