"""Foreign keys and checks that a server named: dropped and altered downstream, where they may have other names."""
import pytest

SCHEMA = "named"
COUNT = {"CHECK": "SELECT COUNT(*) FROM information_schema.check_constraints WHERE constraint_schema = '{}'",
         "FOREIGN": "SELECT COUNT(*) FROM information_schema.referential_constraints WHERE constraint_schema = '{}'"}


def _routed(m, pattern, target):
    m.changes = {"routes": {"r": {"schema-pattern": SCHEMA, "table-pattern": pattern, "target-schema": SCHEMA, "target-table": target}},
                 "mysql-instances": [{"source-id": m.source, "block-allow-list": "list", "route-rules": ["r"], "mydumper-config-name": "dump",
                                      "loader-config-name": "load", "syncer-config-name": "sync"}]}
    return m


def _left(m, kind):
    return m.downstream.value(COUNT[kind.split()[0]].format(SCHEMA))


@pytest.mark.parametrize("pair,key,drop", [
    ("mysql9-mysql9", "CHECK (a > 0 AND a IN (1, 2))", "DROP CHECK y_chk_1"),
    ("mysql9-mysql9", "CHECK (a > 0)", "DROP CONSTRAINT y_chk_1"),
    ("mysql9-mysql9", "FOREIGN KEY (a) REFERENCES z (id)", "DROP FOREIGN KEY y_ibfk_1"),
    ("mariadb-mariadb", "FOREIGN KEY (a) REFERENCES z (id)", "DROP FOREIGN KEY y_ibfk_1"),
    ("mysql9-mariadb", "CHECK (a > 0)", "DROP CHECK y_chk_1"),
    ("mysql9-mariadb", "FOREIGN KEY (a) REFERENCES z (id)", "DROP FOREIGN KEY y_ibfk_1"),
    ("mariadb11-mysql9", "CHECK (a > 0)", "DROP CONSTRAINT CONSTRAINT_1")])
def test_of_a_routed_table(migrated, pair, key, drop):
    m = _routed(migrated(pair), "y", "other").replicating("CREATE TABLE z (id INT PRIMARY KEY)")
    m.write(f"CREATE TABLE y (id INT PRIMARY KEY, a INT, {key})")
    m.synced()
    assert _left(m, key) == 1
    m.write(f"ALTER TABLE y {drop}")
    m.synced()
    assert _left(m, key) == 0


def test_a_check_of_a_routed_table_is_no_longer_enforced(migrated):
    m = _routed(migrated("mysql9-mysql9"), "y", "other").replicating("CREATE TABLE y (id INT PRIMARY KEY, CHECK (id < 100))")
    m.write("ALTER TABLE y ADD a INT CHECK (a > 0), ADD CHECK (a < 9)", "ALTER TABLE y ALTER CHECK y_chk_2 NOT ENFORCED", "INSERT INTO y VALUES (1, -1)",
            "ALTER TABLE y DROP CHECK y_chk_1", "INSERT INTO y VALUES (100, 1)")
    m.synced()
    assert m.downstream.run(f"SELECT id, a FROM {SCHEMA}.other ORDER BY id") == ((1, -1), (100, 1))
    assert _left(m, "CHECK") == 2


@pytest.mark.parametrize("make", [["CREATE TABLE y (id INT PRIMARY KEY, a INT, CHECK (a > 0))"], ["CREATE TABLE y (id INT PRIMARY KEY, a INT CHECK (a > 0))"],
                                  ["CREATE TABLE y (id INT PRIMARY KEY)", "ALTER TABLE y ADD a INT CHECK (a > 0), ADD CHECK (id > 0), ADD CHECK (a < 5)"],
                                  ["CREATE TABLE x (id INT PRIMARY KEY, a INT, CHECK (a > 0))", "RENAME TABLE x TO y"]])
def test_one_named_by_mysql_is_dropped_on_mariadb(migrated, make):
    m = migrated("mysql9-mariadb").replicating("CREATE TABLE z (id INT PRIMARY KEY)")
    m.write(*make, "ALTER TABLE y DROP CHECK y_chk_1", "INSERT INTO y VALUES (1, -1)")
    m.synced()
    m.equal()


@pytest.mark.parametrize("drop", ["DROP CONSTRAINT CONSTRAINT_1", "DROP CONSTRAINT IF EXISTS CONSTRAINT_1, ADD b INT"])
def test_one_named_by_mariadb_is_dropped_on_mysql(migrated, drop):
    m = migrated("mariadb11-mysql9").replicating("CREATE TABLE z (id INT PRIMARY KEY)")
    m.write("CREATE TABLE x (id INT PRIMARY KEY, a INT, CHECK (a > 5))", "CREATE TABLE y (id INT PRIMARY KEY, a INT, CHECK (a > 0), CHECK (a < 7))",
            f"ALTER TABLE y {drop}", "INSERT INTO y (id, a) VALUES (1, -1)")
    m.synced()
    m.equal()
    assert _left(m, "CHECK") == 2


def test_if_exists_finds_nothing(migrated):
    m = migrated("mariadb11-mysql9").replicating("CREATE TABLE y (id INT PRIMARY KEY, a INT, CHECK (a > 0))")
    m.write("ALTER TABLE y DROP CONSTRAINT IF EXISTS nope", "ALTER TABLE y DROP CONSTRAINT IF EXISTS nope, ADD b INT", "ALTER TABLE y DROP FOREIGN KEY IF EXISTS nope",
            "INSERT INTO y VALUES (1, 1, 1)")
    m.synced()
    m.equal()
    assert _left(m, "CHECK") == 1


@pytest.mark.parametrize("pair", ["mysql9-mysql9", "mysql9-mariadb", "mariadb-mariadb"])
def test_tables_that_the_routes_merge(migrated, pair):
    name = "CONSTRAINT_1" if pair.startswith("mariadb") else "{}_chk_1"
    m = _routed(migrated(pair), "y*", "other").replicating("CREATE TABLE z (id INT PRIMARY KEY)")
    for table in ("y1", "y2"):
        m.write(f"CREATE TABLE {table} (id INT PRIMARY KEY, a INT, CHECK (a > 0), CHECK (a < 5), FOREIGN KEY (a) REFERENCES z (id))")
    for table in ("y2", "y1"):
        m.write(f"ALTER TABLE {table} DROP CONSTRAINT {name.format(table)}, DROP FOREIGN KEY {table}_ibfk_1, ADD b INT")
    m.write("INSERT INTO y1 VALUES (1, -1, 1)", "INSERT INTO y2 VALUES (2, -2, 2)")
    m.synced()
    assert m.downstream.value(f"SELECT COUNT(*) FROM {SCHEMA}.other") == 2
    assert _left(m, "FOREIGN") == 0 and _left(m, "CHECK") == 1


def test_one_that_cannot_be_told_pauses_the_task(migrated):
    m = _routed(migrated("mysql9-mysql9"), "y", "other").replicating("CREATE TABLE z (id INT PRIMARY KEY)")
    m.write("CREATE TABLE y (id INT PRIMARY KEY, a INT, CHECK (a > 0))")
    m.synced()
    m.downstream.run(f"ALTER TABLE {SCHEMA}.other DROP CHECK other_chk_1, ADD CHECK (0 < a), ADD CHECK (0 <> a)")
    m.write("ALTER TABLE y DROP CHECK y_chk_1", "INSERT INTO y VALUES (1, -1)")
    error = m.cluster.wait_error(m.task, code=36068)
    assert "y_chk_1" in error["Message"] and "other_chk_" in error["Message"], error
    m.downstream.run(f"ALTER TABLE {SCHEMA}.other DROP CHECK other_chk_2, DROP CHECK other_chk_1")
    m.cluster.ctl("resume-task", m.task)
    m.synced()
    assert m.downstream.value(f"SELECT COUNT(*) FROM {SCHEMA}.other") == 1
