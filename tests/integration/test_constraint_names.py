"""Foreign keys and checks that a server named: dropped and altered downstream, where they may have other names."""
import pytest
from dmtest.migrated import Migrated
from dmtest.waiting import wait_for

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


@pytest.mark.parametrize("pair,made", [("mysql9-mysql9", "{}_chk_1"), ("mariadb11-mysql9", "CONSTRAINT_1"), ("mysql9-mariadb", "{}_chk_1"),
                                       ("mariadb-mariadb", "CONSTRAINT_1")])
def test_of_tables_that_were_there_before(migrated, pair, made):
    table = "(id INT PRIMARY KEY, a INT, b INT, CHECK (a > 0), FOREIGN KEY (a) REFERENCES z (id))"
    m = _routed(migrated(pair), "y", "other").replicating("CREATE TABLE z (id INT PRIMARY KEY)", f"CREATE TABLE y {table}", f"CREATE TABLE x {table}")
    m.write(*[f"ALTER TABLE {name} ADD CHECK (b BETWEEN 1 AND 9), ADD FOREIGN KEY (b) REFERENCES z (id)" for name in "xy"])
    m.synced()
    assert _left(m, "CHECK") == 4 and _left(m, "FOREIGN") == 4
    first = [made.format(name) for name in "xy"]
    m.write("RENAME TABLE x TO w", *[f"ALTER TABLE {name} DROP CONSTRAINT {check.replace('x_', 'w_')}, DROP FOREIGN KEY {name}_ibfk_2"
                                     for name, check in zip("wy", first)])
    m.synced()
    assert _left(m, "CHECK") == 2 and _left(m, "FOREIGN") == 2
    for name in "wy":
        m.write(f"ALTER TABLE {name} DROP CONSTRAINT {made.format(name).replace('1', '2')}, DROP FOREIGN KEY {name}_ibfk_1")
    m.synced()
    assert _left(m, "CHECK") == 0 and _left(m, "FOREIGN") == 0


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


@pytest.mark.parametrize("skip", [False, True])
def test_one_that_cannot_be_told_pauses_the_task(migrated, skip):
    m = _routed(migrated("mysql9-mysql9"), "y", "other").replicating("CREATE TABLE z (id INT PRIMARY KEY)")
    m.write("CREATE TABLE y (id INT PRIMARY KEY, a INT, CHECK (a > 0))")
    m.synced()
    m.downstream.run(f"ALTER TABLE {SCHEMA}.other DROP CHECK other_chk_1, ADD CHECK (0 < a), ADD CHECK (0 <> a)")
    m.write("ALTER TABLE y DROP CHECK y_chk_1", "INSERT INTO y VALUES (1, -1)")
    error = m.cluster.wait_error(m.task, code=36068)
    assert "y_chk_1" in error["Message"] and "other_chk_" in error["Message"], error
    m.downstream.run(f"ALTER TABLE {SCHEMA}.other DROP CHECK other_chk_2, DROP CHECK other_chk_1")
    m.cluster.ctl(*(["binlog", "skip", m.task] if skip else ["resume-task", m.task]))
    m.synced()
    assert m.downstream.value(f"SELECT COUNT(*) FROM {SCHEMA}.other") == 1


@pytest.mark.parametrize("point", ["sync/before-ddl-statement", "sync/after-ddl-statement"])
def test_a_worker_that_is_killed(servers, cluster, point):
    """Restarted in the middle of a statement whose names were put into it."""
    upstream, downstream = servers.get("mysql9", "up"), servers.get("mysql9", "down")
    cluster.start_master()
    cluster.start_worker("worker1", failpoints=f"{point}=2*kill")
    cluster.create_source("src", upstream)
    cluster.sources = {"src": upstream}
    m = _routed(Migrated(cluster, upstream, downstream, [SCHEMA], "named_killed", source="src"), "y", "other")
    m.replicating("CREATE TABLE z (id INT PRIMARY KEY)")
    m.write("CREATE TABLE y (id INT PRIMARY KEY, a INT, CHECK (a > 0), FOREIGN KEY (a) REFERENCES z (id))",
            "ALTER TABLE y DROP CHECK y_chk_1, DROP FOREIGN KEY y_ibfk_1, RENAME COLUMN a TO b", "INSERT INTO y (id, b) VALUES (1, -1)")
    wait_for(lambda: not cluster.workers["worker1"].alive(), lambda: f"the fail point is reached; {cluster.log('worker1')}")
    cluster.start_worker("worker1")
    cluster.wait_stage(m.task, "Running", "Sync")
    m.synced()
    assert downstream.run(f"SELECT id, b FROM {SCHEMA}.other") == ((1, -1),)
    assert _left(m, "CHECK") == 0 and _left(m, "FOREIGN") == 0


@pytest.mark.parametrize("checks", [0, 1])
@pytest.mark.parametrize("pair,name", [("mysql9-tidb", "y_chk_1"), ("mariadb11-tidb", "CONSTRAINT_1")])
def test_on_tidb_with_and_without_checks(migrated, pair, name, checks):
    m = _routed(migrated(pair), "y", "other").replicating("CREATE TABLE z (id INT PRIMARY KEY)")
    m.downstream.run(f"SET GLOBAL tidb_enable_check_constraint = {checks}")
    try:
        m.write("CREATE TABLE y (id INT PRIMARY KEY, a INT, CHECK (a > 0), FOREIGN KEY (a) REFERENCES z (id))", f"ALTER TABLE y DROP CONSTRAINT {name}",
                "ALTER TABLE y DROP FOREIGN KEY y_ibfk_1", "INSERT INTO y VALUES (1, -1)")
        m.synced()
        assert m.downstream.value(f"SELECT COUNT(*) FROM {SCHEMA}.other") == 1
        assert "CONSTRAINT" not in m.downstream.run(f"SHOW CREATE TABLE {SCHEMA}.other")[0][1]
    finally:
        m.downstream.run("SET GLOBAL tidb_enable_check_constraint = 0")
