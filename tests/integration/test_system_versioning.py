"""System-versioned tables of MariaDB: downstream are the rows that are current, whatever the binlog tells of those of the past."""
import pytest

SCHEMA = "versions"
PAIRS = ["mariadb-mariadb", "mariadb11-mariadb11", "mariadb-mysql9", "mariadb11-mysql9"]

PERIOD = ("s TIMESTAMP(6) GENERATED ALWAYS AS ROW START, e TIMESTAMP(6) GENERATED ALWAYS AS ROW END, PERIOD FOR SYSTEM_TIME (s, e)")
# Definitions of the table; its columns that are compared are id, x and t.
TABLES = {
    "k": "(id INT PRIMARY KEY, x INT, t TEXT) WITH SYSTEM VERSIONING",
    "n": "(id INT, x INT, t TEXT) WITH SYSTEM VERSIONING",
    "part": "(id INT PRIMARY KEY, x INT WITH SYSTEM VERSIONING, t TEXT)",
    "hash_key": "(id INT PRIMARY KEY, x INT, t TEXT, UNIQUE KEY (t)) WITH SYSTEM VERSIONING",
    "explicit": f"(id INT, x INT, {PERIOD}, t TEXT, PRIMARY KEY (id)) WITH SYSTEM VERSIONING",
    "first": f"(s TIMESTAMP(6) GENERATED ALWAYS AS ROW START INVISIBLE, id INT, e TIMESTAMP(6) GENERATED ALWAYS AS ROW END, x INT, t TEXT, "
             "PERIOD FOR SYSTEM_TIME (s, e), PRIMARY KEY (id, e), UNIQUE KEY u (x, e), KEY (s)) WITH SYSTEM VERSIONING",
    "keyless_explicit": f"(id INT, x INT, t TEXT, {PERIOD}) WITH SYSTEM VERSIONING",
    "parts": "(id INT PRIMARY KEY, x INT, t TEXT) WITH SYSTEM VERSIONING PARTITION BY SYSTEM_TIME LIMIT 1000 (PARTITION p0 HISTORY, PARTITION pc CURRENT)",
}


def rows(table, first):
    unique = table.endswith("first")  # x is a key
    def x(i):
        return first + i if unique else i
    return [f"INSERT INTO {table} (id, x, t) VALUES " + ", ".join(f"({first + i}, {x(i)}, 't{first + i}')" for i in range(6)),
            f"UPDATE {table} SET t = CONCAT(t, 'u') WHERE id = {first}", f"UPDATE {table} SET t = CONCAT(t, 'v') WHERE id IN ({first}, {first + 1})",
            f"DELETE FROM {table} WHERE id = {first + 2}", f"INSERT INTO {table} (id, x, t) VALUES ({first + 2}, {x(20)}, 'again{first}')",
            f"DELETE FROM {table} WHERE id = {first + 3}", f"UPDATE {table} SET id = id + 50 WHERE id = {first + 4}",
            "BEGIN", f"INSERT INTO {table} (id, x, t) VALUES ({first + 7}, {x(7)}, 'in{first}')", f"UPDATE {table} SET t = 'twice{first}' WHERE id = {first + 7}",
            f"UPDATE {table} SET t = 'thrice{first}' WHERE id = {first + 7}", f"DELETE FROM {table} WHERE id = {first + 5}", "COMMIT",
            f"REPLACE INTO {table} (id, x, t) VALUES ({first + 1}, {x(1)}, 'replaced{first}')",
            f"INSERT INTO {table} (id, x, t) VALUES ({first + 1}, {x(1)}, 'other{first}') ON DUPLICATE KEY UPDATE t = 'updated{first}'"]


def compare(m, tables):
    for table in tables:
        m.same(f"SELECT id, x, t FROM {{0}}.{table} ORDER BY id, x, t")


@pytest.mark.parametrize("metadata", ["NO_LOG", "FULL"])
@pytest.mark.parametrize("pair", PAIRS)
def test_current_rows(migrated, pair, metadata):
    m = migrated(pair)
    # (MySQL has no keys over values of any length.)
    tables = {name: definition for name, definition in TABLES.items() if name != "hash_key" or not pair.endswith("mysql9")}
    old = m.upstream.run("SELECT @@global.binlog_row_metadata")[0][0]
    m.upstream.run(f"SET GLOBAL binlog_row_metadata = '{metadata}'")
    try:
        create = [f"CREATE TABLE {name} {definition}" for name, definition in tables.items()]
        m.replicating(*create, *[s for t in tables for s in rows(t, 0)])
        m.write(*[s for t in tables for s in rows(t, 100)], *[s for t in tables for s in rows(t, 0)[5:7]])
        compare(m, tables)
        # Rows of the past alone: nothing happens downstream.
        m.write("DELETE HISTORY FROM k", "DELETE HISTORY FROM n")
        # Tables that come live.
        m.write(*[f"CREATE TABLE l_{name} {definition}" for name, definition in tables.items()], *[s for t in tables for s in rows(f"l_{t}", 0)])
        compare(m, tables)
        compare(m, [f"l_{t}" for t in tables])
        # Behind a restart changes come again, in safe mode.
        m.restart_worker(*[s for t in tables for s in rows(t, 300)])
        compare(m, tables)
        versioned = m.downstream.run(f"SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = '{SCHEMA}' AND table_type = 'SYSTEM VERSIONED'")
        assert versioned[0][0] == (2 * len(tables) if pair.endswith(("mariadb", "mariadb11")) else 0)
    finally:
        m.upstream.run(f"SET GLOBAL binlog_row_metadata = '{old}'")


@pytest.mark.parametrize("pair", PAIRS)
def test_definitions_change(migrated, pair):
    m = migrated(pair).replicating("CREATE TABLE t (id INT PRIMARY KEY, x INT, t TEXT)", *rows("t", 0), f"CREATE TABLE p {TABLES['parts']}")
    keep = "SET SESSION system_versioning_alter_history = KEEP"
    changes = [
        "ALTER TABLE t ADD SYSTEM VERSIONING", "ALTER TABLE t ADD COLUMN c INT DEFAULT 7", "ALTER TABLE t ADD COLUMN d INT DEFAULT 8 WITHOUT SYSTEM VERSIONING AFTER id",
        "ALTER TABLE t DROP COLUMN c", "ALTER TABLE t MODIFY x BIGINT", "ALTER TABLE t DROP SYSTEM VERSIONING",
        "ALTER TABLE t ADD s TIMESTAMP(6) GENERATED ALWAYS AS ROW START, ADD e TIMESTAMP(6) GENERATED ALWAYS AS ROW END, ADD PERIOD FOR SYSTEM_TIME (s, e), "
        "ADD SYSTEM VERSIONING, ADD c2 INT DEFAULT 3 FIRST",
        "ALTER TABLE t ADD c3 INT AFTER s", "ALTER TABLE t RENAME COLUMN s TO started", "ALTER TABLE t ADD KEY k (started, x)", "CREATE UNIQUE INDEX u ON t (id, e)",
        "ALTER TABLE t DROP KEY k, DROP KEY u, DROP COLUMN c3", "ALTER TABLE t DROP COLUMN started, DROP COLUMN e, DROP PERIOD FOR SYSTEM_TIME",
        "CREATE TABLE t2 LIKE t", "ALTER TABLE t DROP PRIMARY KEY", "ALTER TABLE t ADD PRIMARY KEY (id)", "RENAME TABLE t TO t3", "RENAME TABLE t3 TO t"]
    for number, change in enumerate(changes):
        m.write(keep, change)
        if change in ("RENAME TABLE t TO t3", "ALTER TABLE t DROP PRIMARY KEY"):
            continue
        m.write(*rows("t", 1000 * (number + 1)))
        compare(m, ["t"])
    m.write(keep, "ALTER TABLE p ADD PARTITION (PARTITION p1 HISTORY)", *rows("p", 0), "ALTER TABLE p REBUILD PARTITION p0", "ALTER TABLE p DROP PARTITION p0",
            *rows("p", 100), "ALTER TABLE p REMOVE PARTITIONING", *rows("p", 200), "ALTER TABLE p DROP SYSTEM VERSIONING", *rows("p", 300))
    compare(m, ["p"])


@pytest.mark.parametrize("pair", ["mariadb-mysql9", "mariadb-tidb", "mariadb-mariadb"])
def test_one_alter_changes_the_period_and_its_keys(migrated, pair):
    """Keys over columns that the same ALTER adds, renames, or gives another meaning."""
    m = migrated(pair).replicating(
        "CREATE TABLE t (id INT, x INT, t TEXT, PRIMARY KEY (id))", "CREATE TABLE m (id INT PRIMARY KEY, x INT, t TEXT, s TIMESTAMP(6) NOT NULL DEFAULT NOW(6), "
        "e TIMESTAMP(6) NOT NULL DEFAULT NOW(6), KEY (e), KEY k (id, s))", f"CREATE TABLE n (id INT, x INT, t TEXT, {PERIOD}) WITH SYSTEM VERSIONING",
        *rows("t", 0), *rows("m", 0), *rows("n", 0))
    keep = "SET SESSION system_versioning_alter_history = KEEP"
    versioned = pair == "mariadb-mariadb"

    def keys(table):
        found = m.downstream.run(f"SELECT index_name, column_name FROM information_schema.statistics WHERE table_schema = '{SCHEMA}' AND table_name = '{table}' "
                                 "ORDER BY index_name, seq_in_index")
        names = [name for name, _ in found]
        return {name: [column for other, column in found if other == name] for name in names}

    # (TiDB gives a primary key that is clustered to no other columns.)
    key = "ADD UNIQUE KEY u (id, e)" if pair == "mariadb-tidb" else "DROP PRIMARY KEY, ADD PRIMARY KEY (id, e)"
    m.write(keep, "ALTER TABLE t ADD s TIMESTAMP(6) GENERATED ALWAYS AS ROW START, ADD e TIMESTAMP(6) GENERATED ALWAYS AS ROW END, "
            f"ADD PERIOD FOR SYSTEM_TIME (s, e), ADD SYSTEM VERSIONING, {key}, ADD KEY (s), ADD KEY (s, x), ADD KEY (x), ADD KEY (x, e)", *rows("t", 1000))
    compare(m, ["t"])
    unique = {"u": ["id"]} if pair == "mariadb-tidb" else {}
    if not versioned:
        assert keys("t") == {"PRIMARY": ["id"], "s_2": ["x"], "x": ["x"], "x_2": ["x"], **unique}
    m.write(keep, "ALTER TABLE t RENAME COLUMN e TO ended, RENAME COLUMN s TO started, ADD KEY k (ended, id), ADD KEY l (started)", "ALTER TABLE t DROP KEY s",
            *rows("t", 2000))
    compare(m, ["t"])
    if not versioned:
        assert keys("t") == {"PRIMARY": ["id"], "s_2": ["x"], "x": ["x"], "x_2": ["x"], "k": ["id"], **unique}
    m.write(keep, "ALTER TABLE n DROP COLUMN s, DROP COLUMN e, DROP PERIOD FOR SYSTEM_TIME, DROP SYSTEM VERSIONING, ADD COLUMN e INT, ADD UNIQUE KEY ue (e)",
            *rows("n", 1000), "UPDATE n SET e = id WHERE id = 1007")
    m.same("SELECT id, x, t, e FROM {0}.n ORDER BY id, x, t")
    assert keys("n") == {"ue": ["e"]}
    m.write(keep, "ALTER TABLE m MODIFY s TIMESTAMP(6) GENERATED ALWAYS AS ROW START, CHANGE e f TIMESTAMP(6) GENERATED ALWAYS AS ROW END, "
            "ADD PERIOD FOR SYSTEM_TIME (s, f), ADD SYSTEM VERSIONING", *rows("m", 1000))
    compare(m, ["m"])
    if not versioned:
        assert keys("m") == {"PRIMARY": ["id"], "k": ["id"]}
    m.write("CREATE TABLE l (id INT PRIMARY KEY, x INT, t TEXT, " + PERIOD + ", KEY (x), KEY (s), KEY (x, s), KEY (s, x)) WITH SYSTEM VERSIONING", *rows("l", 0))
    compare(m, ["l"])
    if not versioned:
        assert keys("l") == {"PRIMARY": ["id"], "x": ["x"], "x_2": ["x"], "s_2": ["x"]}


@pytest.mark.parametrize("pair", ["mariadb-mysql9", "mariadb-tidb", "mariadb-mariadb"])
def test_partitions_of_versions_change(migrated, pair):
    m = migrated(pair).replicating(f"CREATE TABLE p {TABLES['parts']}", *rows("p", 0))
    m.write("ALTER TABLE p TRUNCATE PARTITION p0", *rows("p", 100))
    compare(m, ["p"])
    # Partitions of versions take versions of the past alone.
    m.write("CREATE TABLE past LIKE p", "ALTER TABLE past REMOVE PARTITIONING", "ALTER TABLE p EXCHANGE PARTITION p0 WITH TABLE past", *rows("p", 200))
    compare(m, ["p", "past"])
    m.write("ALTER TABLE p TRUNCATE PARTITION pc", *rows("p", 300))
    compare(m, ["p"])
    m.write("ALTER TABLE p TRUNCATE PARTITION ALL", *rows("p", 400))
    compare(m, ["p"])


@pytest.mark.parametrize("image", ["MINIMAL", "NOBLOB"])
def test_row_images_that_are_not_full(migrated, image):
    m = migrated("mariadb-mariadb").replicating(f"CREATE TABLE k {TABLES['k']}", f"CREATE TABLE explicit {TABLES['explicit']}")
    m.write(f"SET SESSION binlog_row_image = {image}", *rows("k", 0), *rows("explicit", 0))
    compare(m, ["k", "explicit"])


def test_events_are_filtered_by_what_they_do(migrated):
    """A delete is logged as an update, an update writes a row of the past."""
    def start(*events):
        m = migrated("mariadb-mariadb", filters={"f": {"schema-pattern": SCHEMA, "events": list(events), "action": "Ignore"}}, **{
            "mysql-instances": [{"source-id": "mariadb-pos", "block-allow-list": "list", "mydumper-config-name": "dump", "loader-config-name": "load",
                                 "syncer-config-name": "sync", "filter-rules": ["f"]}]})
        return m.replicating(f"CREATE TABLE k {TABLES['k']}", "INSERT INTO k VALUES (1, 1, 'a'), (2, 2, 'b')")

    m = start("delete")
    m.write("UPDATE k SET x = 5 WHERE id = 1", "DELETE FROM k WHERE id = 2", "INSERT INTO k VALUES (3, 3, 'c')")
    m.synced()
    assert m.downstream.run(f"SELECT id, x FROM {SCHEMA}.k ORDER BY id") == ((1, 5), (2, 2), (3, 3))
    m = start("update")
    m.write("UPDATE k SET x = 5 WHERE id = 1", "DELETE FROM k WHERE id = 2", "INSERT INTO k VALUES (3, 3, 'c')")
    m.synced()
    assert m.downstream.run(f"SELECT id, x FROM {SCHEMA}.k ORDER BY id") == ((1, 1), (3, 3))
    m = start("insert")
    m.write("UPDATE k SET x = 5 WHERE id = 1", "DELETE FROM k WHERE id = 2", "INSERT INTO k VALUES (3, 3, 'c')")
    m.synced()
    assert m.downstream.run(f"SELECT id, x FROM {SCHEMA}.k ORDER BY id") == ((1, 5),)


@pytest.mark.parametrize("pair", ["mariadb-mysql9", "mariadb-mariadb"])
def test_a_filter_before_the_table_is_known(migrated, pair):
    """A task that only replicates: the first event of the table is a delete."""
    m = migrated(pair, filters={"f": {"schema-pattern": SCHEMA, "events": ["update"], "action": "Ignore"}}, **{
        "mysql-instances": [{"source-id": "mariadb-pos", "block-allow-list": "list", "syncer-config-name": "sync", "filter-rules": ["f"]}], "mydumpers": None, "loaders": None})
    m.prepare(f"CREATE TABLE k {TABLES['k']}", "CREATE TABLE plain (id INT, a TIMESTAMP(6) NULL, b TIMESTAMP(6) NULL)",
              "CREATE TABLE away (id INT, a TIMESTAMP(6) NULL, b TIMESTAMP(6) NULL)", "INSERT INTO k VALUES (1, 1, 'a'), (2, 2, 'b')",
              "INSERT INTO plain VALUES (1, NULL, NULL)", "INSERT INTO away VALUES (1, NULL, NULL)")
    m.downstream.run(f"CREATE DATABASE {SCHEMA}", f"CREATE TABLE {SCHEMA}.k (id INT PRIMARY KEY, x INT, t TEXT)",
                     f"CREATE TABLE {SCHEMA}.plain (id INT, a TIMESTAMP(6) NULL, b TIMESTAMP(6) NULL)",
                     f"INSERT INTO {SCHEMA}.k VALUES (1, 1, 'a'), (2, 2, 'b')", f"INSERT INTO {SCHEMA}.plain VALUES (1, NULL, NULL)")
    m.start(**{"task-mode": "incremental"})
    m.cluster.wait_stage(m.task, "Running", "Sync")
    m.write("DELETE FROM k WHERE id = 2", "UPDATE k SET x = 5 WHERE id = 1", "UPDATE plain SET a = NOW()", "UPDATE away SET a = NOW()", "UPDATE away SET b = NOW()")
    m.synced()
    assert m.downstream.run(f"SELECT id, x FROM {SCHEMA}.k ORDER BY id") == ((1, 1),)
    assert m.downstream.run(f"SELECT id, a FROM {SCHEMA}.plain") == ((1, None),)


def test_what_is_refused(migrated):
    """Versions by transactions, whose changes are logged as statements; keys with the start of a version; a period that becomes an
    implicit one at its place."""
    m = migrated("mariadb-mariadb").replicating("CREATE TABLE a (id INT PRIMARY KEY)")
    m.write("CREATE TABLE b (id INT PRIMARY KEY, s BIGINT UNSIGNED GENERATED ALWAYS AS ROW START, e BIGINT UNSIGNED GENERATED ALWAYS AS ROW END, "
            "PERIOD FOR SYSTEM_TIME (s, e)) WITH SYSTEM VERSIONING")
    error = m.cluster.wait_error(m.task, 44006)
    assert "versioned by transactions" in error["RawCause"], error
    m.stop()
    m = migrated("mariadb-mariadb").replicating("CREATE TABLE a (id INT PRIMARY KEY)")
    m.write(f"CREATE TABLE b (id INT, x INT, {PERIOD}, UNIQUE KEY (id, s)) WITH SYSTEM VERSIONING")
    error = m.cluster.wait_error(m.task, 44006)
    assert "`s` (GENERATED ALWAYS AS ROW START)" in error["RawCause"], error
    m.stop()
    m = migrated("mariadb-mariadb").replicating(f"CREATE TABLE explicit {TABLES['explicit']}")
    drop = "ALTER TABLE explicit DROP COLUMN s, DROP COLUMN e, DROP PERIOD FOR SYSTEM_TIME"
    m.write("SET SESSION system_versioning_alter_history = KEEP", drop)
    error = m.cluster.wait_error(m.task, 44006)
    assert "drop the versioning as well" in error["RawCause"], error


@pytest.mark.parametrize("pair", ["mariadb-mysql9", "mariadb-mariadb"])
def test_tables_that_are_tracked_by_their_downstream_definition(migrated, pair):
    """A task that only replicates, into tables made by hand."""
    m = migrated(pair).prepare(f"CREATE TABLE k {TABLES['k']}", f"CREATE TABLE n {TABLES['n']}")
    m.downstream.run(f"CREATE DATABASE {SCHEMA}", f"CREATE TABLE {SCHEMA}.k (id INT PRIMARY KEY, x INT, t TEXT)", f"CREATE TABLE {SCHEMA}.n (id INT, x INT, t TEXT)")
    m.start(**{"task-mode": "incremental"})
    m.cluster.wait_stage(m.task, "Running", "Sync")
    m.write(*rows("k", 0), *rows("n", 0))
    compare(m, ["k", "n"])
