"""Statements that change more rows than those of their table, or rows that no binlog has: the log says it, and what the user can do is what helps."""
import pytest

SCHEMA = "ddlse"
CASCADES = "changes rows by itself (ON DELETE or ON UPDATE), which the binlog does not record"
COMMON_TARGET = "the rows of the others go with it"
LEFT_OUT = "the downstream cannot take a part of a statement"
NO_ROWS = "the rows stay downstream"


def _replicating(m, *statements):
    m.replicating(*statements)
    m.lines_before = len(_lines(m))  # the worker's log has the lines of other tests, too
    return m


def _lines(m):
    return m.cluster.log(m.worker, 1000000).splitlines()


def _told(m, phrase):
    return [line for line in _lines(m)[m.lines_before:] if "[WARN]" in line and phrase in line]


@pytest.mark.parametrize("pair,checks,warned", [("mariadb-mysql9", "0", True), ("mariadb-mariadb", "1", False), ("mysql9-mariadb", "0", False), ("mysql56-mariadb", "0", True)])
def test_a_foreign_key_that_changes_rows_by_itself(pair, checks, warned, migrated):
    m = migrated(pair, **{"target-database": {"session": {"foreign_key_checks": checks}}})
    _replicating(m, "CREATE TABLE p (id INT PRIMARY KEY)", "INSERT INTO p VALUES (1), (2), (3)", "CREATE TABLE c2 (id INT PRIMARY KEY, p INT)", "INSERT INTO c2 VALUES (1, 1), (2, 2)")
    m.write("CREATE TABLE c (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES p (id) ON DELETE CASCADE)", "INSERT INTO c VALUES (1, 1), (2, 2)",
            "ALTER TABLE c2 ADD v INT, ADD CONSTRAINT named FOREIGN KEY (p) REFERENCES p (id) ON DELETE SET NULL", "ALTER TABLE c2 ADD w INT",
            "CREATE TABLE c3 (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES p (id))", "DELETE FROM p WHERE id = 1")
    m.synced()
    told = "".join(_told(m, CASCADES))
    if warned:
        assert told.count(CASCADES) == 2 and "`c`" in told and "c_ibfk_1" in told and "named" in told, told
    else:
        assert told == ""
        m.equal(definitions=False)


def _merging(names, target, source="mariadb-pos", **filters):
    """`names`: pattern of schemas, all tables of which are one target; or a dict of schemas, whose tables keep their names."""
    route = {"schema-pattern": names, "target-schema": target}
    if "t" in filters.pop("tables", ""):
        route.update({"table-pattern": "t*", "target-table": "t"})
    instance = {"source-id": source, "block-allow-list": "list", "mydumper-config-name": "dump", "loader-config-name": "load", "syncer-config-name": "sync",
                "route-rules": ["merge"]}
    changes = {"routes": {"merge": route}, "mysql-instances": [instance]}
    if filters:
        changes["filters"] = {"keep": {"schema-pattern": names, "table-pattern": "*", "events": ["truncate table", "drop table"], "action": "Ignore"}}
        instance["filter-rules"] = ["keep"]
    return changes


MERGED = ("ddlse1", "ddlse2")


def _merged(migrated, **filters):
    m = migrated("mariadb-mysql9", schemas=MERGED, **_merging("ddlse?", "ddlse_one", tables="t", **filters))
    m.downstream.run("DROP DATABASE IF EXISTS ddlse_one")
    return _replicating(m, *[f"CREATE TABLE {table} (id INT PRIMARY KEY, v INT) PARTITION BY RANGE (id) (PARTITION a VALUES LESS THAN (10), PARTITION b VALUES LESS THAN (99))"
                           for table in ("ddlse1.t1", "ddlse1.t2", "ddlse2.t3", "ddlse1.u")],
                         "INSERT INTO ddlse1.t1 VALUES (1, 1)", "INSERT INTO ddlse1.t2 VALUES (2, 2)", "INSERT INTO ddlse2.t3 VALUES (3, 3)")


def test_what_empties_or_drops_a_common_target(migrated):
    m = _merged(migrated)
    m.write("TRUNCATE TABLE u", "DROP TABLE u", "ALTER TABLE t1 TRUNCATE PARTITION b")
    m.synced()
    told = _told(m, COMMON_TARGET)
    assert len(told) == 1 and "TRUNCATE PARTITION b" in told[0], told
    m.write("TRUNCATE TABLE t1")
    m.synced()
    told = _told(m, COMMON_TARGET)
    assert len(told) == 2 and "`ddlse_one`.`t`" in told[1] and "`ddlse1`.`t2`" in told[1] and "`ddlse2`.`t3`" in told[1] and "`ddlse1`.`t1`" not in told[1], told
    # All of them together take nobody else's rows.
    m.write("DROP TABLE ddlse1.t1, ddlse1.t2, ddlse2.t3")
    m.synced()
    assert len(_told(m, COMMON_TARGET)) == 2
    m.write(*[f"CREATE TABLE {table} (id INT PRIMARY KEY)" for table in ("t1", "t2")], "DROP TABLE t2")
    m.synced()
    told = _told(m, COMMON_TARGET)
    assert len(told) == 3 and "`ddlse1`.`t1`" in told[2], told


def test_a_filter_protects_a_common_target(migrated):
    m = _merged(migrated, keep=True)
    m.write("TRUNCATE TABLE t1", "DROP TABLE t2", "INSERT INTO t1 VALUES (4, 4)")
    m.synced()
    assert _told(m, COMMON_TARGET) == []
    assert m.downstream.run("SELECT id FROM ddlse_one.t ORDER BY id") == ((1,), (2,), (3,), (4,))


def test_a_database_that_is_dropped_with_the_tables_of_others(migrated):
    m = migrated("mariadb-mysql9", schemas=MERGED, **_merging("ddlse?", "ddlse_one"))
    m.downstream.run("DROP DATABASE IF EXISTS ddlse_one")
    _replicating(m, "CREATE TABLE ddlse1.a (id INT PRIMARY KEY)", "CREATE TABLE ddlse2.b (id INT PRIMARY KEY)")
    m.write("DROP DATABASE ddlse1")
    m.synced()
    told = _told(m, COMMON_TARGET)
    assert len(told) == 1 and "`ddlse_one`" in told[0] and "`ddlse2`.`b`" in told[0], told


def test_a_database_that_is_dropped_leaves_the_rows_of_routed_tables(migrated):
    m = _merged(migrated)
    m.write("DROP DATABASE ddlse1")
    m.synced()
    assert m.downstream.run("SELECT id FROM ddlse_one.t ORDER BY id") == ((1,), (2,), (3,))
    assert _told(m, COMMON_TARGET) == []


def test_a_column_that_keys_of_a_common_target_lose(migrated):
    m = migrated("mysql9-mariadb", schemas=MERGED, **_merging("ddlse?", "ddlse_one", source="mysql9-pos", tables="t"))
    m.downstream.run("DROP DATABASE IF EXISTS ddlse_one")
    columns = "(id INT NOT NULL AUTO_INCREMENT, b INT NOT NULL, c INT, PRIMARY KEY (id, b), UNIQUE KEY bc (b, c))"
    _replicating(m, f"CREATE TABLE ddlse1.t1 {columns}", f"CREATE TABLE ddlse2.t2 {columns}", "INSERT INTO t1 VALUES (1, 1, 1), (2, 2, 2)", "INSERT INTO ddlse2.t2 VALUES (3, 3, 1)")
    # Values that are unique in each table alone.
    m.downstream.run("ALTER TABLE ddlse_one.t DROP KEY bc")
    m.write("ALTER TABLE t1 DROP COLUMN b", "UPDATE t1 SET c = 4 WHERE id = 2", "ALTER TABLE ddlse2.t2 DROP COLUMN b", "INSERT INTO ddlse2.t2 VALUES (5, 4)")
    m.synced()
    assert m.downstream.run("SELECT * FROM ddlse_one.t ORDER BY id") == ((1, 1), (2, 4), (3, 1), (5, 4))
    keys = "SELECT index_name, column_name, non_unique FROM information_schema.statistics WHERE table_schema = 'ddlse_one' AND table_name = 't'"
    assert m.downstream.run(keys) == (("PRIMARY", "id", 0),)


def test_a_column_that_a_key_of_the_target_alone_would_lose(migrated):
    m = _replicating(migrated("mysql9-mariadb"), "CREATE TABLE t (id INT PRIMARY KEY, b INT, c INT)", "INSERT INTO t VALUES (1, 1, 1), (2, 2, 1)")
    m.downstream.run(f"ALTER TABLE {SCHEMA}.t ADD UNIQUE KEY own (b, c)")
    m.write("ALTER TABLE t DROP COLUMN b", "INSERT INTO t VALUES (3, 1)")
    error = m.cluster.wait_error(m.task, code=10006)
    assert "1072" in error["RawCause"] and "Drop that key downstream" in error["Workaround"], error
    m.downstream.run(f"ALTER TABLE {SCHEMA}.t DROP KEY own")
    m.cluster.ctl("resume-task", m.task)
    m.cluster.wait_stage(m.task, "Running", "Sync")
    m.equal(definitions=False)


def test_a_key_of_a_column_that_the_target_lacks(migrated):
    """That no unique key loses a column is told apart: the advice is not to drop one."""
    m = _replicating(migrated("mysql9-mariadb"), "CREATE TABLE t (id INT PRIMARY KEY, b INT, c INT)", "INSERT INTO t VALUES (1, 1, 1)")
    m.downstream.run(f"ALTER TABLE {SCHEMA}.t DROP COLUMN c")
    m.write("ALTER TABLE t ADD KEY of_c (c)")
    error = m.cluster.wait_error(m.task, code=10006)
    assert "1072" in error["RawCause"] and "Drop that key downstream" not in error["Workaround"], error
    m.downstream.run(f"ALTER TABLE {SCHEMA}.t ADD COLUMN c INT", f"UPDATE {SCHEMA}.t SET c = 1")
    m.cluster.ctl("resume-task", m.task)
    m.cluster.wait_stage(m.task, "Running", "Sync")
    m.equal()


@pytest.mark.parametrize("pair", ["mariadb-mysql9", "mariadb-mariadb"])
def test_a_key_for_which_the_upstream_removes_rows(pair, migrated):
    m = _replicating(migrated(pair), "CREATE TABLE t (id INT PRIMARY KEY, a INT, v INT)", "INSERT INTO t VALUES (1, 1, 1), (2, 1, 2), (3, 2, 3)")
    m.write("ALTER IGNORE TABLE t ADD c INT, ADD UNIQUE (a)", "UPDATE t SET v = 9 WHERE a = 1")
    error = m.cluster.wait_error(m.task, code=10006)
    assert "1062" in error["RawCause"], error
    assert "delete the rows downstream that the upstream has not got" in error["Workaround"] and "key that only the downstream" not in error["Workaround"], error
    told = _told(m, LEFT_OUT)
    assert len(told) >= 1 and all("IGNORE" in line for line in told), told
    left = {row for row, in m.upstream.run(f"SELECT id FROM {SCHEMA}.t")}
    m.downstream.run(f"DELETE FROM {SCHEMA}.t WHERE id NOT IN ({', '.join(map(str, left))})")
    m.cluster.ctl("resume-task", m.task)
    m.cluster.wait_stage(m.task, "Running", "Sync")
    m.equal(definitions=False)


@pytest.mark.parametrize("pair", ["mysql9-mariadb", "mysql9-tidb"])
def test_an_engine_that_holds_no_rows(pair, migrated):
    m = _replicating(migrated(pair), "CREATE TABLE t (id INT PRIMARY KEY)", "INSERT INTO t VALUES (1), (2)")
    m.write("ALTER TABLE t ENGINE = InnoDB", "CREATE TABLE new (id INT PRIMARY KEY) ENGINE = BLACKHOLE", "ALTER TABLE t ENGINE = Blackhole, COMMENT 'x'")
    m.synced()
    told = _told(m, NO_ROWS)
    assert len(told) == 1 and f"`{SCHEMA}`.`t`" in told[0], told
    assert m.downstream.run(f"SELECT COUNT(*) FROM {SCHEMA}.t") == ((2,),)
