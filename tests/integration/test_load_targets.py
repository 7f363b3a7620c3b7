"""What a load, and the replication behind it, finds downstream: views and tables of somebody else's, servers and accounts that refuse
something, servers that hide what they have changed."""
import os
import re
import shutil

import pytest

from dmtest.servers import PASSWORD, MySql9

SCHEMA = "lt"
WITH_VIEWS = {"task-mode": "full", "mydumpers": {"dump": {"extra-args": "--no-views=false"}}}


def finished(m, **changes):
    m.start(**{"task-mode": "full", "ignore-checking-items": ["all"], **changes})
    m.cluster.wait_stage(m.task, "Finished", timeout=60)


def rows(server, query):
    return server.run(query.format(SCHEMA))


# -- views
@pytest.mark.parametrize("pair", ["mariadb-mariadb", "mysql9-mysql9", "mariadb-mysql9", "mysql9-tidb"])
def test_what_has_the_name_of_a_view_stays(pair, migrated):
    m = migrated(pair).prepare("CREATE TABLE t (id INT PRIMARY KEY)", "INSERT INTO t VALUES (1)")
    m.write("CREATE VIEW z AS SELECT id FROM t", "CREATE VIEW a AS SELECT id FROM z", "CREATE VIEW own AS SELECT id FROM t", "CREATE VIEW other AS SELECT id FROM t",
            "CREATE VIEW nothing AS SELECT id FROM t")
    m.downstream.run(f"CREATE DATABASE {SCHEMA}", f"CREATE TABLE {SCHEMA}.own (id INT, more INT)", f"INSERT INTO {SCHEMA}.own VALUES (7, 8), (9, 10)",
                     f"CREATE VIEW {SCHEMA}.other AS SELECT 5 AS five", f"CREATE TABLE {SCHEMA}.nothing (id INT)")
    for _ in range(2):  # also when the views are there
        finished(m, **WITH_VIEWS)
        assert sorted(rows(m.downstream, "SELECT * FROM {}.own")) == [(7, 8), (9, 10)]
        assert rows(m.downstream, "SELECT * FROM {}.other") == ((5,),)
        assert rows(m.downstream, "SELECT * FROM {}.nothing") == ()
        assert rows(m.downstream, "SELECT id FROM {}.a") == rows(m.downstream, "SELECT id FROM {}.z") == ((1,),)
        types = dict(rows(m.downstream, "SELECT TABLE_NAME, TABLE_TYPE FROM information_schema.TABLES WHERE TABLE_SCHEMA = '{}'"))
        assert types == {"t": "BASE TABLE", "own": "BASE TABLE", "nothing": "BASE TABLE", "other": "VIEW", "a": "VIEW", "z": "VIEW"}
        m.stop()


def test_a_view_of_something_that_is_missing_stops_the_load(migrated):
    m = migrated("mariadb-mariadb").prepare("CREATE TABLE t (id INT PRIMARY KEY)", "CREATE TABLE gone (id INT)", "CREATE VIEW a AS SELECT id FROM gone", "CREATE VIEW b AS SELECT id FROM t",
                                            "CREATE VIEW c AS SELECT id FROM a")
    m.start(**{**WITH_VIEWS, "ignore-checking-items": ["all"],
               "block-allow-list": {"list": {"do-dbs": [SCHEMA], "ignore-tables": [{"db-name": SCHEMA, "tbl-name": "gone"}]}}})
    error = m.cluster.wait_error(m.task, 34019)
    assert "gone" in str(error)
    assert rows(m.downstream, "SELECT * FROM {}.b") == ()
    m.downstream.run(f"CREATE TABLE {SCHEMA}.gone (id INT)")
    m.cluster.ctl("resume-task", m.task)
    m.cluster.wait_stage(m.task, "Finished", timeout=60)
    assert rows(m.downstream, "SELECT * FROM {}.c") == ()


@pytest.mark.parametrize("pair", ["mariadb-mariadb", "mysql9-mysql9"])
def test_views_that_nobody_can_read_are_left_out(pair, migrated):
    m = migrated(pair).prepare("CREATE TABLE t (id INT PRIMARY KEY)", "CREATE TABLE gone (id INT)", "CREATE VIEW invalid AS SELECT id FROM gone", "CREATE VIEW of_invalid AS SELECT * FROM invalid",
                               "CREATE VIEW valid AS SELECT id FROM t", "DROP TABLE gone")
    checked = m.cluster.ctl("check-task", m.file(**WITH_VIEWS), check=False)
    text = checked.out + checked.err
    for view in ("invalid", "of_invalid"):
        assert re.search(rf"view `{SCHEMA}`.`{view}` of source .* cannot be read, it is left out of the dump: .*1356", text), text
    assert "`valid`" not in text
    finished(m, **WITH_VIEWS)
    assert {name for name, in rows(m.downstream, "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = '{}'")} == {"t", "valid"}
    assert "a view that nobody can read is not dumped" in m.cluster.log(m.worker, 4000)


@pytest.mark.parametrize("pair", ["mariadb-mariadb", "mysql9-mysql9"])
def test_views_whose_definition_may_not_be_shown(pair, migrated):
    """The account has what reads tables; views need SHOW VIEW as well."""
    m = migrated(pair, source=f"no-show-view-{pair}", source_keys={"from": {"user": "no_show_view"}})
    m.upstream.run("DROP USER IF EXISTS 'no_show_view'@'%'", f"CREATE USER 'no_show_view'@'%' IDENTIFIED BY '{PASSWORD}'",
                   "GRANT SELECT, RELOAD, PROCESS, LOCK TABLES, REPLICATION CLIENT, REPLICATION SLAVE ON *.* TO 'no_show_view'@'%'")
    m.prepare("CREATE TABLE t (id INT PRIMARY KEY)", "CREATE VIEW v AS SELECT id FROM t")

    def text(**more):
        checked = m.cluster.ctl("check-task", m.file(**WITH_VIEWS, **more), check=False)
        return checked.out + checked.err

    found = text()
    assert re.search(rf"view `{SCHEMA}`.`v` of source .* cannot be read, the dump would stop at it: .*1142", found), found
    assert "SHOW VIEW" in found, found
    m.upstream.run("GRANT SHOW VIEW ON *.* TO 'no_show_view'@'%'")
    assert "cannot be read" not in text()
    # What is left out of the dump is not loaded under another name.
    m.write("CREATE TABLE gone (id INT)", "CREATE VIEW invalid AS SELECT id FROM gone", "DROP TABLE gone")
    found = text(**{"routes": {"one": {"schema-pattern": SCHEMA, "table-pattern": "invalid", "target-schema": SCHEMA, "target-table": "w"}},
                    "mysql-instances": [{"source-id": m.source, "block-allow-list": "list", "mydumper-config-name": "dump", "loader-config-name": "load",
                                         "syncer-config-name": "sync", "route-rules": ["one"]}]})
    assert "left out of the dump" in found and "is routed to" not in found, found


def test_a_view_is_never_renamed(migrated):
    m = migrated("mariadb-mariadb").prepare("CREATE TABLE t (id INT PRIMARY KEY)", "INSERT INTO t VALUES (1)", "CREATE VIEW v AS SELECT id FROM t")
    renamed = {**WITH_VIEWS, "routes": {"one": {"schema-pattern": SCHEMA, "table-pattern": "v", "target-schema": SCHEMA, "target-table": "w"}},
               "mysql-instances": [{"source-id": m.source, "block-allow-list": "list", "mydumper-config-name": "dump", "loader-config-name": "load", "syncer-config-name": "sync", "route-rules": ["one"]}]}
    checked = m.cluster.ctl("check-task", m.file(**renamed), check=False)
    assert "code=26005" in checked.out + checked.err and f"view `{SCHEMA}`.`v`" in checked.out + checked.err, checked.out + checked.err
    # Rows of tables are loaded while the dump runs, unless there are files of a dump only.
    directory = f"/tmp/dm-lt-{os.getpid()}"
    loaders = {"loaders": {"load": {"dir": directory}}}
    try:
        finished(m, **{**WITH_VIEWS, **loaders, "task-mode": "dump"})
        m.stop()
        m.start(**{**renamed, **loaders, "task-mode": "load", "ignore-checking-items": ["all"]})
        error = m.cluster.wait_error(m.task, 34019)
        assert f"view `{SCHEMA}`.`v`" in error["RawCause"] and "block-allow-list" in error["Workaround"], error
        assert m.downstream.value(f"SELECT COUNT(*) FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = '{SCHEMA}'") == 0
    finally:
        m.stop()
        shutil.rmtree(directory, ignore_errors=True)


@pytest.mark.parametrize("pair", ["mariadb-mariadb", "mysql9-mysql9"])
def test_views_of_another_definer(pair, migrated):
    """The target's account may not make objects of others."""
    m = migrated(pair, **{"target-database": {"user": "no_super"}})
    m.prepare("CREATE TABLE t (id INT PRIMARY KEY)", "INSERT INTO t VALUES (3)", "CREATE DEFINER = 'somebody else'@'%' VIEW v AS SELECT id FROM t")
    m.upstream.run("CREATE USER IF NOT EXISTS 'somebody else'@'%'", f"GRANT SELECT ON {SCHEMA}.* TO 'somebody else'@'%'")
    m.downstream.run(f"CREATE USER IF NOT EXISTS 'no_super'@'%' IDENTIFIED BY '{PASSWORD}'", f"GRANT ALL ON {SCHEMA}.* TO 'no_super'@'%'", "GRANT ALL ON dm_meta.* TO 'no_super'@'%'")
    finished(m, **WITH_VIEWS)
    assert rows(m.downstream, "SELECT * FROM {}.v") == ((3,),)
    assert rows(m.downstream, "SELECT DEFINER FROM information_schema.VIEWS WHERE TABLE_SCHEMA = '{}'") == (("no_super@%",),)


def test_a_target_without_myisam(servers, shared_cluster, tmp_path):
    from dmtest.migrated import Migrated
    target = MySql9(str(tmp_path / "t"), 990, disabled_storage_engines="MyISAM,ARCHIVE").start()
    try:
        m = Migrated(shared_cluster, servers.get("mysql9", "up"), target, [SCHEMA], "lt-myisam")
        m.prepare("CREATE TABLE t (id INT PRIMARY KEY)", "INSERT INTO t VALUES (1)", "CREATE TABLE mine (a INT) ENGINE=MyISAM", "CREATE VIEW v AS SELECT id FROM t")
        finished(m, **WITH_VIEWS)
        assert rows(target, "SELECT * FROM {}.v") == ((1,),)
        m.stop()
    finally:
        target.stop()


# -- definitions
def test_places_on_the_upstreams_disks(migrated, tmp_path):
    m = migrated("mysql9-mysql9").prepare()
    up = m.upstream
    up.run(f"CREATE TABLESPACE lt_space ADD DATAFILE 'lt_space.ibd'")
    try:
        m.write("CREATE TABLE s (id INT PRIMARY KEY, c INT COMMENT 'DATA DIRECTORY=''/x'' TABLESPACE ts') TABLESPACE lt_space", "INSERT INTO s VALUES (1, 1)",
                "CREATE TABLE i (id INT PRIMARY KEY) TABLESPACE innodb_system", "CREATE TABLE f (id INT PRIMARY KEY) TABLESPACE innodb_file_per_table COMMENT 'f'")
        m.start()
        m.cluster.wait_stage(m.task, "Running", "Sync", timeout=60)
        m.write("CREATE TABLE later (id INT PRIMARY KEY) TABLESPACE lt_space", "INSERT INTO later VALUES (2)", "ALTER TABLE i TABLESPACE lt_space", "INSERT INTO i VALUES (3)")
        m.equal()
        assert rows(m.downstream, "SELECT COLUMN_COMMENT FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = '{}' AND COLUMN_NAME = 'c'") == (("DATA DIRECTORY='/x' TABLESPACE ts",),)
    finally:
        m.stop()
        up.run(f"DROP DATABASE {SCHEMA}", "DROP TABLESPACE lt_space")


@pytest.mark.parametrize("kind", ["mariadb"])
def test_data_directories_of_the_upstream(kind, migrated, tmp_path):
    os.chmod(tmp_path, 0o777)
    m = migrated(f"{kind}-{kind}").prepare(f"CREATE TABLE t (id INT PRIMARY KEY) DATA DIRECTORY='{tmp_path}'", "INSERT INTO t VALUES (1)")
    m.start()
    m.cluster.wait_stage(m.task, "Running", "Sync", timeout=60)
    m.write(f"CREATE TABLE later (id INT PRIMARY KEY) DATA DIRECTORY='{tmp_path}'", "INSERT INTO later VALUES (2)")
    m.equal()
    for table in ("t", "later"):
        assert "DIRECTORY" not in m.downstream.run(f"SHOW CREATE TABLE {SCHEMA}.{table}")[0][1]


def test_foreign_keys_to_keys_that_are_not_unique(migrated):
    m = migrated("mysql56-mysql9", **{"target-database": {"user": "no_fk"}})
    m.downstream.run(f"CREATE USER IF NOT EXISTS 'no_fk'@'%' IDENTIFIED BY '{PASSWORD}'", f"GRANT ALL ON {SCHEMA}.* TO 'no_fk'@'%'", "GRANT ALL ON dm_meta.* TO 'no_fk'@'%'")
    m.prepare("CREATE TABLE p (id INT PRIMARY KEY, k INT, KEY (k))", "CREATE TABLE c (id INT PRIMARY KEY, k INT, CONSTRAINT f FOREIGN KEY (k) REFERENCES p (k))",
                                           "INSERT INTO p VALUES (1, 5), (2, 5)", "INSERT INTO c VALUES (1, 5)")
    m.start(**{"ignore-checking-items": ["all"]})
    m.cluster.wait_stage(m.task, "Running", "Sync", timeout=60)
    m.write("CREATE TABLE later (id INT PRIMARY KEY, k INT, CONSTRAINT g FOREIGN KEY (k) REFERENCES p (k))", "INSERT INTO later VALUES (1, 5)")
    m.equal(definitions=False)
    assert sorted(name for name, in rows(m.downstream, "SELECT CONSTRAINT_NAME FROM information_schema.REFERENTIAL_CONSTRAINTS WHERE CONSTRAINT_SCHEMA = '{}'")) == ["f", "g"]


# -- values
@pytest.mark.parametrize("pair", ["mariadb-mariadb", "mysql9-mysql9", "mysql56-mariadb"])
def test_zeros_of_auto_increment_in_a_sql_mode_of_the_users(pair, migrated):
    m = migrated(pair, **{"target-database": {"session": {"sql_mode": "STRICT_TRANS_TABLES"}}}).prepare("CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, v INT)")
    zeros = "SET SESSION sql_mode = 'NO_AUTO_VALUE_ON_ZERO'"
    m.write(zeros, "INSERT INTO t VALUES (0, 1), (5, 2), (-1, 1)")
    m.start()
    m.cluster.wait_stage(m.task, "Running", "Sync", timeout=60)
    m.equal()
    m.write("UPDATE t SET v = 9 WHERE id = 0", zeros, "DELETE FROM t WHERE id = 0", "INSERT INTO t VALUES (0, 7)", "UPDATE t SET v = 8 WHERE id = 0",
            # Numbered by the statement, or not.
            "CREATE TABLE n (a INT)", "INSERT INTO n VALUES (3)", "ALTER TABLE n ADD id INT NOT NULL AUTO_INCREMENT PRIMARY KEY", "CREATE TABLE z (id INT PRIMARY KEY)", "INSERT INTO z VALUES (0), (4)",
            "ALTER TABLE z MODIFY id INT AUTO_INCREMENT", "CREATE TABLE y (id INT PRIMARY KEY)", "INSERT INTO y VALUES (0), (4)", "SET SESSION sql_mode = ''", "ALTER TABLE y MODIFY id INT AUTO_INCREMENT")
    m.equal(definitions=False)


@pytest.mark.parametrize("shown", [1024, 0])
def test_a_changed_value_behind_many_harmless_warnings(shown, migrated):
    """MySQL 9 lets few accounts ask for more warnings than max_error_count; ours would be the last."""
    m = migrated("mariadb-mysql9", **{"target-database": {"user": "few_warnings"}})
    m.prepare("CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, x ENUM('a','b'), v VARCHAR(20))")
    error_values = "INSERT INTO t (x, v) SELECT 0, 'w' FROM seq_1_to_3000" if shown else "INSERT INTO t (x, v) SELECT 'a', 'w' FROM seq_1_to_30"
    m.write("SET SESSION sql_mode = ''", error_values, "INSERT INTO t (x, v) VALUES ('a', 'abcdefgh')")
    old = m.downstream.value("SELECT @@GLOBAL.max_error_count")
    m.downstream.run(f"CREATE DATABASE {SCHEMA}", f"CREATE TABLE {SCHEMA}.t (id INT AUTO_INCREMENT PRIMARY KEY, x ENUM('a','b'), v VARCHAR(4))",
                     f"CREATE USER IF NOT EXISTS 'few_warnings'@'%' IDENTIFIED BY '{PASSWORD}'", f"GRANT ALL ON {SCHEMA}.* TO 'few_warnings'@'%'", "GRANT ALL ON dm_meta.* TO 'few_warnings'@'%'",
                     f"SET GLOBAL max_error_count = {shown}")
    try:
        m.start(**{"task-mode": "full", "ignore-checking-items": ["all"]})
        error = str(m.cluster.wait_error(m.task, 34019))
        assert ("'v'" if shown else "max_error_count") in error, error
        m.downstream.run(f"SET GLOBAL max_error_count = {old}", f"ALTER TABLE {SCHEMA}.t MODIFY v VARCHAR(20)")
        m.cluster.ctl("resume-task", m.task)
        m.cluster.wait_stage(m.task, "Finished", timeout=60)
        assert m.upstream.run(f"SELECT id, x, v FROM {SCHEMA}.t ORDER BY id") == m.downstream.run(f"SELECT id, x, v FROM {SCHEMA}.t ORDER BY id")
    finally:
        m.downstream.run(f"SET GLOBAL max_error_count = {old}")


@pytest.mark.parametrize("duplicates", ["replace", "error"])
def test_bytes_of_more_than_half_a_packet(duplicates, migrated):
    """As hexadecimal digits the row is longer than what the target takes."""
    m = migrated("mariadb-mysql9", loaders={"load": {"on-duplicate-logical": duplicates}})
    old = m.downstream.value("SELECT @@GLOBAL.max_allowed_packet")
    m.prepare("CREATE TABLE t (id INT PRIMARY KEY, b LONGBLOB, v TEXT)", "INSERT INTO t VALUES (1, 'a', 'b')")
    m.write("INSERT INTO t SELECT 2, REPEAT(UNHEX('0027225C0A1AFF80C3'), 290000), 'x''41'", "INSERT INTO t VALUES (3, x'5C', 'it''s')")
    m.downstream.run("SET GLOBAL max_allowed_packet = 4194304")
    try:
        finished(m)
    finally:
        m.downstream.run(f"SET GLOBAL max_allowed_packet = {old}")
    query = "SELECT id, SHA2(b, 256), LENGTH(b), v FROM {}.t ORDER BY id"
    assert rows(m.upstream, query) == rows(m.downstream, query)


# -- a new start, sessions
def test_a_database_of_the_users_that_has_the_name_of_one_of_ours(migrated):
    m = migrated("mariadb-mariadb").prepare("CREATE TABLE t (id INT PRIMARY KEY)")
    theirs = f"dm_meta_{m.task}"
    m.downstream.run(f"CREATE DATABASE {theirs}", f"CREATE TABLE {theirs}.orders (id INT)", f"INSERT INTO {theirs}.orders VALUES (1)", f"CREATE TABLE {theirs}.conflict_error_v3 (id INT)")
    try:
        finished(m)
        assert m.downstream.value(f"SELECT id FROM {theirs}.orders") == 1
        m.stop()
        m.downstream.run(f"DROP TABLE {theirs}.orders")
        finished(m)
        assert m.downstream.value(f"SELECT COUNT(*) FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = '{theirs}'") == 0
    finally:
        m.downstream.run(f"DROP DATABASE IF EXISTS {theirs}")


def test_a_target_that_refuses_changes_without_a_key(migrated):
    m = migrated("mariadb-mariadb").prepare("CREATE TABLE t (a INT)", "INSERT INTO t VALUES (1), (1)")
    m.downstream.run("SET GLOBAL sql_safe_updates = 1")
    try:
        for _ in range(2):
            m.start()
            m.cluster.wait_stage(m.task, "Running", "Sync", timeout=60)
            m.write("DELETE FROM t LIMIT 1", "UPDATE t SET a = 2", "INSERT INTO t VALUES (1)")
            m.equal()
            m.stop()
            m.downstream.run(f"DROP DATABASE {SCHEMA}")
    finally:
        m.downstream.run("SET GLOBAL sql_safe_updates = 0")


def test_options_of_an_engine_that_is_replaced(migrated):
    m = migrated("mariadb-mariadb").prepare("CREATE TABLE a (id INT PRIMARY KEY, v VARCHAR(20), KEY k (v) KEY_BLOCK_SIZE=2048) ENGINE=MyISAM KEY_BLOCK_SIZE=1024 ROW_FORMAT=FIXED CHECKSUM=1 DELAY_KEY_WRITE=1 PACK_KEYS=1",
                                            "INSERT INTO a VALUES (1, 'x')", "CREATE TABLE m (id INT, v VARCHAR(20)) ENGINE=MERGE UNION=(a) INSERT_METHOD=LAST", "DROP TABLE m")
    finished(m)
    assert rows(m.downstream, "SELECT id, v FROM {}.a") == ((1, "x"),)
    assert rows(m.downstream, "SELECT ENGINE FROM information_schema.TABLES WHERE TABLE_SCHEMA = '{}'") == (("InnoDB",),)


def test_an_account_with_rights_on_single_tables(migrated):
    """Servers refuse such an account also what is not there."""
    m = migrated("mariadb-mariadb", **{"target-database": {"user": "single_tables"}}).prepare("CREATE TABLE t (id INT PRIMARY KEY)", "INSERT INTO t VALUES (1)")
    down = m.downstream
    down.run("DROP USER IF EXISTS single_tables", f"CREATE USER single_tables IDENTIFIED BY '{PASSWORD}'", "DROP DATABASE IF EXISTS dm_meta", "CREATE DATABASE dm_meta", f"CREATE DATABASE {SCHEMA}",
             f"GRANT ALL ON {SCHEMA}.* TO single_tables",
             *(f"GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX ON dm_meta.{m.task}_{table} TO single_tables"
               for table in ("owner", "loader_checkpoint", "lightning_checkpoint_list", "syncer_checkpoint", "syncer_state", "syncer_ddl", "onlineddl")))
    m.cluster.ctl("start-task", m.file(**{"ignore-checking-items": ["all"]}))
    m.cluster.wait_stage(m.task, "Running", "Sync", timeout=60)
    m.write("INSERT INTO t VALUES (2)", "ALTER TABLE t ADD COLUMN v INT")
    m.equal()


def test_a_time_zone_that_the_target_refuses(migrated):
    directory = f"/tmp/dm-lt-{os.getpid()}"
    m = migrated("mariadb-mariadb", loaders={"load": {"dir": directory}}).prepare("CREATE TABLE t (id INT PRIMARY KEY, t TIMESTAMP)", "INSERT INTO t VALUES (1, '2024-01-02 03:04:05')")
    try:
        finished(m, **{"task-mode": "dump"})
        m.stop()
        path = os.path.join(directory, "metadata")
        with open(path) as file:
            text = file.read()
        line = next(line for line in text.splitlines() if "zone" in line.lower())
        with open(path, "w") as file:
            file.write(text.replace(line, line.rsplit(" ", 1)[0] + " +14:00"))
        m.start(**{"task-mode": "load", "ignore-checking-items": ["all"]})
        error = m.cluster.wait_error(m.task)
        assert "time zone" in str(error).lower(), error
        assert m.downstream.value(f"SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = '{SCHEMA}'") == 0
    finally:
        m.stop()
        shutil.rmtree(directory, ignore_errors=True)


@pytest.mark.parametrize("ignored", [[], ["all"]], ids=["checked", "unchecked"])
@pytest.mark.parametrize("pair", ["mariadb-mysql9", "mysql9-mariadb"])
def test_a_time_zone_that_a_server_does_not_know(pair, ignored, migrated):
    """Named zones need the server's tables of time zones. Nothing is dumped then."""
    zone = "Africa/Ouagadougou"
    m = migrated(pair).prepare("CREATE TABLE t (id INT PRIMARY KEY, t TIMESTAMP)", "INSERT INTO t VALUES (1, '2024-01-02 03:04:05')")
    assert not m.downstream.value(f"SELECT COUNT(*) FROM mysql.time_zone_name WHERE Name = '{zone}'")
    answer = m.cluster.ctl("start-task", m.file(**{"task-mode": "full", "timezone": zone, "ignore-checking-items": ignored}), "--remove-meta", check=False)
    text = answer.out + answer.err
    assert not answer.ok and zone in text and "1298" in text and "mysql_tzinfo_to_sql" in text, text
    assert m.cluster.status(m.task) is None
