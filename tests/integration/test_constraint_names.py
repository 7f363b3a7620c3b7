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


def _two_schemas(m):
    """named.y and named_2.y become named.y_1 and named.y_2, and the parents z become parent_1 and parent_2."""
    m.names = {SCHEMA: SCHEMA, f"{SCHEMA}_2": f"{SCHEMA}_2"}
    rules = {f"{table}{i}": {"schema-pattern": schema, "table-pattern": table, "target-schema": SCHEMA, "target-table": f"{target}_{i}"}
             for i, schema in enumerate(m.names, 1) for table, target in (("y", "y"), ("z", "parent"))}
    m.changes = {"routes": rules,
                 "mysql-instances": [{"source-id": m.source, "block-allow-list": "list", "route-rules": list(rules), "mydumper-config-name": "dump",
                                      "loader-config-name": "load", "syncer-config-name": "sync"}]}
    return m


@pytest.mark.parametrize("live", [False, True])
@pytest.mark.parametrize("pair", ["mysql9-mysql9", "mariadb-mariadb", "mysql9-mariadb", "mariadb11-mysql9", "mysql9-tidb"])
def test_tables_of_one_name_in_one_schema(migrated, pair, live):
    """The names of foreign keys, and on MySQL those of checks, are there once in a schema."""
    m = _two_schemas(migrated(pair))
    made = "CONSTRAINT_1" if pair.startswith("mariadb") else "y_chk_1"
    # As a server prints it, and as a dump has it.
    tables = [statement.format(schema) for schema in m.names for statement in (
        "CREATE TABLE {0}.z (id INT PRIMARY KEY)",
        "CREATE TABLE {0}.y (id INT PRIMARY KEY, a INT, KEY a (a), CONSTRAINT y_ibfk_1 FOREIGN KEY (a) REFERENCES z (id), CONSTRAINT " + made + " CHECK (a > 0))",
        "INSERT INTO {0}.z VALUES (1)", "INSERT INTO {0}.y VALUES (1, 1)")]
    m.replicating(*([] if live else tables))
    if live:
        m.write(*tables)
    m.synced()
    parents = (("y_1", "parent_1"), ("y_2", "parent_2"))
    keys = f"SELECT table_name, referenced_table_name FROM information_schema.referential_constraints WHERE constraint_schema = '{SCHEMA}' ORDER BY 1"
    assert m.downstream.run(keys) == parents
    checks = 0 if "tidb" in pair else 2
    assert _left(m, "CHECK") == checks
    drop_check = f", DROP CONSTRAINT {made}" if checks else ""
    m.write(f"ALTER TABLE {SCHEMA}_2.y DROP FOREIGN KEY y_ibfk_1{drop_check}", f"INSERT INTO {SCHEMA}_2.y VALUES (-2, {-2 if checks else 1})")
    m.synced()
    assert m.downstream.run(keys) == parents[:1]
    assert _left(m, "CHECK") == checks // 2
    assert m.downstream.run(f"SELECT id FROM {SCHEMA}.y_2 ORDER BY id") == ((-2,), (1,))


def _named_in(schema, table):
    return (f"ALTER TABLE {schema}.{table} ADD CONSTRAINT fk FOREIGN KEY (a) REFERENCES z (id), ADD CONSTRAINT positive CHECK (a > 0), ADD b INT",
            f"ALTER TABLE {schema}.{table} ADD CONSTRAINT below CHECK (a < 9)")


NAMES = f"SELECT table_name, constraint_name FROM information_schema.table_constraints WHERE constraint_schema = '{SCHEMA}' " \
        "AND constraint_type IN ('CHECK', 'FOREIGN KEY') ORDER BY 1, 2"


@pytest.mark.parametrize("pair", ["mysql9-mysql9", "mariadb-mariadb", "mysql9-mariadb", "mariadb11-mysql9", "mysql9-tidb"])
def test_a_name_that_users_gave_in_shards(migrated, pair):
    """The same change comes from each of the tables that are merged."""
    m = migrated(pair)
    m.names = {SCHEMA: SCHEMA, f"{SCHEMA}_2": f"{SCHEMA}_2"}
    m.changes = {"routes": {"r": {"schema-pattern": f"{SCHEMA}*", "target-schema": SCHEMA}},
                 "mysql-instances": [{"source-id": m.source, "block-allow-list": "list", "route-rules": ["r"], "mydumper-config-name": "dump",
                                      "loader-config-name": "load", "syncer-config-name": "sync"}]}
    m.replicating(*[statement.format(schema) for schema in m.names for statement in (
        "CREATE TABLE {0}.z (id INT PRIMARY KEY)", "CREATE TABLE {0}.y (id INT PRIMARY KEY, a INT)")])
    for i, schema in enumerate(m.names):
        m.write(*_named_in(schema, "y"), f"INSERT INTO {schema}.z VALUES ({i})", f"INSERT INTO {schema}.y VALUES ({i + 1}, NULL, {i})")
    m.synced()
    checks = [] if "tidb" in pair else ["below", "positive"]
    assert [name for _, name in m.downstream.run(NAMES)] == sorted([*checks, "fk"])
    assert m.downstream.run(f"SELECT id, b FROM {SCHEMA}.y ORDER BY id") == ((1, 0), (2, 1))
    for i, schema in enumerate(m.names):
        m.write(f"ALTER TABLE {schema}.y DROP FOREIGN KEY fk, DROP CONSTRAINT below, DROP CONSTRAINT positive", f"INSERT INTO {schema}.y VALUES ({i + 3}, -1, 0)")
    m.synced()
    assert m.downstream.run(NAMES) == ()
    assert m.downstream.value(f"SELECT COUNT(*) FROM {SCHEMA}.y") == 4


@pytest.mark.parametrize("live", [False, True])
@pytest.mark.parametrize("pair", ["mysql9-mysql9", "mariadb-mariadb", "mysql9-mariadb", "mariadb11-mysql9", "mysql9-tidb"])
def test_a_name_that_users_gave_in_several_tables(migrated, pair, live):
    """Each may have it upstream, but only one of them in the one schema downstream."""
    m = _two_schemas(migrated(pair))
    tables = [statement.format(schema) for schema in m.names for statement in (
        "CREATE TABLE {0}.z (id INT PRIMARY KEY)",
        "CREATE TABLE {0}.y (id INT PRIMARY KEY, a INT, CONSTRAINT fk FOREIGN KEY (a) REFERENCES z (id), CONSTRAINT below CHECK (a < 9 OR a IN (20, 30)))",
        "ALTER TABLE {0}.y ADD c INT, ADD CONSTRAINT positive CHECK (c > 0)", "INSERT INTO {0}.z VALUES (1)", "INSERT INTO {0}.y VALUES (1, 1, 1)")]
    m.replicating(*([] if live else tables))
    if live:
        m.write(*tables)
    m.synced()
    if "tidb" not in pair:
        assert [table for table, _ in m.downstream.run(NAMES)] == ["y_1"] * 3 + ["y_2"] * 3
    for i, schema in enumerate(m.names, 2):
        m.write(f"ALTER TABLE {schema}.y DROP CONSTRAINT below, DROP FOREIGN KEY fk", f"ALTER TABLE {schema}.y DROP CONSTRAINT positive",
                f"INSERT INTO {schema}.y VALUES ({i}, 10, -1)")
    m.synced()
    assert m.downstream.run(NAMES) == ()
    for i in (1, 2):
        assert m.downstream.run(f"SELECT id FROM {SCHEMA}.y_{i} ORDER BY id") == ((1,), (i + 1,))


def _constraints(m, table):
    text = m.downstream.run(f"SHOW CREATE TABLE {SCHEMA}.{table}")[0][1]
    return [line.strip().rstrip(",") for line in text.splitlines() if "CHECK" in line or "FOREIGN KEY" in line]


def _merged(m, target="other"):
    return _routed(m, "y*", target).replicating("CREATE TABLE z (id INT PRIMARY KEY)", "CREATE TABLE z2 (id INT PRIMARY KEY)")


@pytest.mark.parametrize("kind,first,second", [("CHECK", "CHECK (b > 0)", "CHECK (a > 0)"),
                                               ("FOREIGN", "FOREIGN KEY (b) REFERENCES z2 (id)", "FOREIGN KEY (a) REFERENCES z (id)")])
def test_a_name_that_another_table_was_quicker_to_get(migrated, kind, first, second):
    m = _merged(migrated("mysql9-mysql9"), "y1")
    m.write(*[f"CREATE TABLE {table} (id INT PRIMARY KEY, a INT, b INT)" for table in ("y1", "y2")], f"ALTER TABLE y2 ADD {first}", f"ALTER TABLE y1 ADD {second}",
            "ALTER TABLE y1 DROP CONSTRAINT y1_{}_1".format({"CHECK": "chk", "FOREIGN": "ibfk"}[kind]))
    m.synced()
    left, = _constraints(m, "y1")
    assert "`b`" in left


def test_a_name_that_the_owner_of_the_target_was_quicker_to_get(migrated):
    m = migrated("mysql9-mysql9").replicating("CREATE TABLE y (id INT PRIMARY KEY, a INT)")
    m.downstream.run(f"ALTER TABLE {SCHEMA}.y ADD CHECK (a < 1000)")
    m.write("ALTER TABLE y ADD CHECK (a > 0)", "ALTER TABLE y ALTER CHECK y_chk_1 NOT ENFORCED", "INSERT INTO y VALUES (1, -1)")
    m.synced()
    assert [("1000" in check, "NOT ENFORCED" in check) for check in _constraints(m, "y")] == [(True, False), (False, True)]
    m.write("ALTER TABLE y DROP CHECK y_chk_1")
    m.synced()
    left, = _constraints(m, "y")
    assert "1000" in left


def test_the_same_checks_in_another_order(migrated):
    m = _merged(migrated("mariadb-mariadb"))
    m.write("CREATE TABLE y1 (id INT PRIMARY KEY, a INT, b INT, CHECK (a > 0), CHECK (b > 0))",
            "CREATE TABLE y2 (id INT PRIMARY KEY, a INT, b INT, CHECK (b > 0), CHECK (a > 0))",
            "ALTER TABLE y2 DROP CONSTRAINT CONSTRAINT_2", "ALTER TABLE y1 DROP CONSTRAINT CONSTRAINT_1")
    m.synced()
    left, = _constraints(m, "other")
    assert "`b`" in left


@pytest.mark.parametrize("one,two", [("(a + b) * c > 0", "a + b * c > 0"), ("a > 0 AND (b > 0 OR c > 0)", "(a > 0 AND b > 0) OR c > 0"),
                                     ("a - (b - c) > 0", "a - b - c > 0"), (r"s <> '5\\%'", "s <> '5%'"), ("s NOT LIKE 'a%'", "s NOT LIKE 'b%'"),
                                     ("NOT a > 5", "NOT a < 2"), ("a BETWEEN 1 AND 5", "a IN (1, 5)"), ("a <> 1", "a = 1"), ("LENGTH(s) < 9", "s < '9'")])
def test_checks_that_look_alike(migrated, one, two):
    """Each of the merged tables drops the first."""
    m = _merged(migrated("mysql9-mysql9"))
    m.write(*[f"CREATE TABLE {table} (id INT PRIMARY KEY, a INT, b INT, c INT, s VARCHAR(20), CHECK ({one}), CHECK ({two}))" for table in ("y1", "y2")])
    m.synced()
    second = _constraints(m, "other")[1]
    m.write(*[f"ALTER TABLE {table} DROP CHECK {table}_chk_1" for table in ("y1", "y2")])
    m.synced()
    assert _constraints(m, "other") == [second]


@pytest.mark.parametrize("alter", ["DROP CHECK y_chk_1, MODIFY a INT CHECK (a < 5)", "DROP COLUMN a, ADD COLUMN a INT CHECK (a < 5)",
                                   "DROP CHECK y_chk_1, ADD c INT CHECK (c > 5)"])
def test_a_name_that_the_statement_itself_frees(migrated, alter):
    m = migrated("mysql9-mariadb").replicating("CREATE TABLE y (id INT PRIMARY KEY, a INT CHECK (a > 0))")
    m.write(f"ALTER TABLE y {alter}")
    m.synced()
    left, = _constraints(m, "y")
    assert "5" in left


@pytest.mark.parametrize("pair", ["mysql9-mysql9", "mariadb-mariadb"])
def test_foreign_keys_that_each_shard_replaces(migrated, pair):
    m = _merged(migrated(pair))
    for table in ("y1", "y2"):
        m.write(f"CREATE TABLE {table} (id INT PRIMARY KEY, a INT, FOREIGN KEY (a) REFERENCES z (id))")
    for table in ("y1", "y2"):
        m.write(f"ALTER TABLE {table} DROP FOREIGN KEY {table}_ibfk_1, ADD FOREIGN KEY (a) REFERENCES z2 (id)")
    m.synced()
    assert all("`z2`" in key for key in _constraints(m, "other"))


def test_a_foreign_key_that_the_owner_of_the_target_has_put_in_its_place(migrated):
    m = _routed(migrated("mysql9-mysql9"), "y", "other").replicating("CREATE TABLE z (id INT PRIMARY KEY)")
    m.write("CREATE TABLE y (id INT PRIMARY KEY, a INT, FOREIGN KEY (a) REFERENCES z (id))")
    m.synced()
    m.downstream.run(f"CREATE TABLE {SCHEMA}.mine (id INT PRIMARY KEY)",
                     f"ALTER TABLE {SCHEMA}.other DROP FOREIGN KEY other_ibfk_1, ADD FOREIGN KEY (a) REFERENCES {SCHEMA}.mine (id)")
    m.write("ALTER TABLE y DROP FOREIGN KEY y_ibfk_1")
    m.synced()
    left, = _constraints(m, "other")
    assert "`mine`" in left


def test_a_foreign_key_that_names_no_columns(migrated):
    m = _routed(migrated("mysql9-mysql9"), "y", "other").replicating("CREATE TABLE z (id INT PRIMARY KEY)")
    m.write("CREATE TABLE y (id INT PRIMARY KEY, a INT REFERENCES z)")
    m.synced()
    key, = _constraints(m, "other")
    assert key.endswith("FOREIGN KEY (`a`) REFERENCES `z` (`id`)")
    m.write("ALTER TABLE y DROP FOREIGN KEY y_ibfk_1")
    m.synced()
    assert _constraints(m, "other") == []


@pytest.mark.parametrize("pair,target,key,name", [
    ("mysql9-mariadb", "y", "CHECK (a > 0)", "y_chk_1"), ("mysql9-mysql9", "other", "CHECK (a > 0)", "y_chk_1"),
    ("mariadb-mysql9", "y", "CHECK (a > 0)", "CONSTRAINT_1"), ("mariadb-mysql9", "y", "CHECK (a > 0)", "IF EXISTS CONSTRAINT_1"),
    ("mysql9-mysql9", "other", "FOREIGN KEY (a) REFERENCES z (id)", "y_ibfk_1"), ("mysql9-mysql9", "y", "CHECK (a > 0)", "y_chk_1")])
@pytest.mark.parametrize("added", [False, True])
def test_of_a_table_that_is_known_by_its_target_only(migrated, pair, target, key, name, added):
    """What it is called upstream is not known, but for a target that has the name."""
    m = _routed(migrated(pair), "y", target)
    m.changes["task-mode"] = "incremental"
    tables = "CREATE TABLE {0}.z (id INT PRIMARY KEY)", "CREATE TABLE {0}.{1} (id INT PRIMARY KEY, a INT, b INT, {2})"
    m.prepare(*[statement.format(SCHEMA, "y", key) for statement in tables])
    m.downstream.run(f"CREATE DATABASE {SCHEMA}", *[statement.format(SCHEMA, target, key) for statement in tables])
    m.start()
    m.cluster.wait_stage(m.task, "Running", "Sync")
    m.write("INSERT INTO y VALUES (1, NULL, NULL)", *(["ALTER TABLE y ADD " + key.replace("a", "b").replace("> 0", "< 100")] if added else []))
    m.synced()
    before = _constraints(m, target)
    m.write(f"ALTER TABLE y DROP CONSTRAINT {name}")
    if name in str(before) and pair == "mysql9-mysql9":
        m.synced()
        assert _constraints(m, target) == before[1:]
        return
    error = m.cluster.wait_error(m.task, code=36068)
    assert name.split()[-1] in error["Message"] and "binlog skip" in error["Workaround"]
    assert _constraints(m, target) == before
    m.cluster.ctl("binlog", "skip", m.task)
    m.synced()


def _two_sources(servers, cluster, down, task, routed=True, failpoints=None):
    """named.y of two MySQLs goes to one table, `other` if it is routed. Returns the upstreams, and what writes on one of them and waits."""
    upstreams, downstream = [servers.get("mysql9", "up"), servers.get("mysql9", "up2")], servers.get(down, "down")
    downstream.run(f"DROP DATABASE IF EXISTS {SCHEMA}")
    cluster.start_master()
    sources = ["one", "two"]
    for source, upstream in zip(sources, upstreams):
        upstream.run(f"DROP DATABASE IF EXISTS {SCHEMA}", f"CREATE DATABASE {SCHEMA}",
                     *[f"CREATE TABLE {SCHEMA}.{name} (id INT PRIMARY KEY, a INT, b INT)" for name in ("y", "z", "z2")])
        cluster.start_worker(f"worker-{source}", **({"failpoints": failpoints} if failpoints and source == "one" else {}))
        cluster.create_source(source, upstream)
    rules = {"r": {"schema-pattern": SCHEMA, "table-pattern": "y", "target-schema": SCHEMA, "target-table": "other"}} if routed else {}
    task_file = cluster.task_file(task, sources, downstream, {SCHEMA: SCHEMA}, **{
        "routes": rules, "ignore-checking-items": ["all"], "loaders": {"load": None, **{f"load-{source}": {"dir": f"{cluster.dir}/dump-{source}"} for source in sources}},
        "mysql-instances": [{"source-id": source, "block-allow-list": "list", "route-rules": list(rules), "mydumper-config-name": "dump",
                             "loader-config-name": f"load-{source}", "syncer-config-name": "sync"} for source in sources]})
    cluster.ctl("start-task", task_file, "--remove-meta")
    table, ids = f"{SCHEMA}.{'other' if routed else 'y'}", iter(range(100))

    def write(which, *statements, arrives=True):
        marker = next(ids)
        upstreams[which].run(f"USE {SCHEMA}", *statements, f"INSERT INTO y (id) VALUES ({marker})")
        if arrives:
            wait_for(lambda: downstream.run(f"SELECT id FROM {table} WHERE id = {marker}"), lambda: f"{statements}: {cluster.status(task, sources[which])}", timeout=40)

    for which, source in enumerate(sources):
        wait_for(lambda: (cluster.status(task, source) or {}).get("unit") == "Sync", lambda: f"{source} replicates: {cluster.status(task, source)}", timeout=60)
        write(which)  # its first checkpoint is stored
    return downstream, write, lambda: [line for line in downstream.run(f"SHOW CREATE TABLE {table}")[0][1].splitlines() if "CHECK" in line or "FOREIGN" in line]


def test_what_another_source_has_replaced_stays(servers, cluster):
    _, write, constraints = _two_sources(servers, cluster, "mysql9", "named_replaced")
    for which in (0, 1):
        write(which, "ALTER TABLE y ADD CONSTRAINT fk FOREIGN KEY (a) REFERENCES z (id)", "ALTER TABLE y ADD CHECK (a > 0)")
    write(0, "ALTER TABLE y DROP FOREIGN KEY fk, DROP CHECK y_chk_1", "ALTER TABLE y ADD FOREIGN KEY (a) REFERENCES z2 (id), ADD CHECK (a < 100)")
    write(1, "ALTER TABLE y DROP FOREIGN KEY fk, DROP CHECK y_chk_1")
    left = constraints()
    assert len(left) == 2 and "`z2`" in left[0] and "100" in left[1], left


def test_checks_of_two_sources_that_mysql_gives_one_name(servers, cluster):
    _, write, constraints = _two_sources(servers, cluster, "mariadb", "named_clash", routed=False)
    write(0, "ALTER TABLE y ADD CHECK (a > 0)", "ALTER TABLE y ADD CHECK (a < 9)")
    write(1, "ALTER TABLE y ADD CHECK (a > 0)", "ALTER TABLE y ADD CHECK (b > 0)")
    assert len(constraints()) == 3
    write(1, "ALTER TABLE y DROP CHECK y_chk_2")
    assert [line for line in constraints() if "`b`" in line] == [] and len(constraints()) == 2
    write(0, "ALTER TABLE y DROP CHECK y_chk_2")
    write(1, "ALTER TABLE y DROP CHECK y_chk_1")
    write(0, "ALTER TABLE y DROP CHECK y_chk_1")
    assert constraints() == []


@pytest.mark.parametrize("alter", ["DROP CHECK y_chk_1", "DROP CHECK y_chk_1, DROP FOREIGN KEY y_ibfk_1"])
def test_a_worker_that_is_killed_drops_its_own_only(servers, cluster, alter):
    """Both sources have the same check and key: the repetition must not take those of the other."""
    downstream, write, constraints = _two_sources(servers, cluster, "mysql9", "named_twice", failpoints="sync/after-ddl-statement=3*kill")
    for which in (1, 0):
        write(which, "ALTER TABLE y ADD CHECK (a > 0)", "ALTER TABLE y ADD FOREIGN KEY (a) REFERENCES z (id)")
    assert len(constraints()) == 4
    write(0, f"ALTER TABLE y {alter}", arrives=False)
    wait_for(lambda: not cluster.workers["worker-one"].alive(), lambda: f"the fail point is reached; {cluster.log('worker-one')}")
    cluster.start_worker("worker-one")
    cluster.wait_stage("named_twice", "Running", "Sync")
    write(0)
    assert len(constraints()) == 4 - alter.count("DROP"), constraints()


@pytest.mark.parametrize("point,alter", [("sync/after-ddl-statement=kill", "ADD CONSTRAINT cc CHECK (a > 0)"), ("sync/before-left-names=kill", "ADD CONSTRAINT cc CHECK (a > 0)"),
                                         ("sync/after-left-names=kill", "ADD CONSTRAINT cc CHECK (a > 0), ADD CONSTRAINT fk FOREIGN KEY (a) REFERENCES z2 (id)"),
                                         ("sync/after-single-change=2*kill", "ADD CONSTRAINT cc CHECK (a > 0), ADD c INT")])
def test_a_worker_that_is_killed_makes_what_has_no_name_once(servers, cluster, point, alter):
    """The name is another table's; the repetition finds what the first attempt has made without it."""
    downstream, write, constraints = _two_sources(servers, cluster, "mysql9", "named_once", routed=False, failpoints=point)
    write(1, "ALTER TABLE z ADD CONSTRAINT cc CHECK (a > 0), ADD CONSTRAINT fk FOREIGN KEY (a) REFERENCES z2 (id)", *(["ALTER TABLE y ADD c INT"] if "single" in point else []))
    write(0, f"ALTER TABLE y {alter}", arrives=False)
    wait_for(lambda: not cluster.workers["worker-one"].alive(), lambda: f"the fail point is reached; {cluster.log('worker-one')}")
    cluster.start_worker("worker-one")
    cluster.wait_stage("named_once", "Running", "Sync")
    write(0)
    assert len(constraints()) == alter.count("CONSTRAINT"), constraints()
    write(0, "ALTER TABLE y DROP CHECK cc", "INSERT INTO y (id, a) VALUES (1000, -1)" if "fk" not in alter else "DO 0")
    assert not [line for line in constraints() if "CHECK" in line]


def test_a_worker_of_an_earlier_version_that_is_killed(servers, cluster):
    """It stored no names: they are looked up again."""
    upstream, downstream = servers.get("mysql9", "up"), servers.get("mysql9", "down")
    cluster.start_master()
    cluster.start_worker("worker1", failpoints="sync/before-ddl-statement=2*kill")
    cluster.create_source("src", upstream)
    cluster.sources = {"src": upstream}
    m = _routed(Migrated(cluster, upstream, downstream, [SCHEMA], "named_older", source="src"), "y", "other")
    m.replicating("CREATE TABLE z (id INT PRIMARY KEY)")
    m.write("CREATE TABLE y (id INT PRIMARY KEY, a INT, CHECK (a > 0))", "ALTER TABLE y DROP CHECK y_chk_1", "INSERT INTO y VALUES (1, -1)")
    wait_for(lambda: not cluster.workers["worker1"].alive(), lambda: f"the fail point is reached; {cluster.log('worker1')}")
    downstream.run(f"ALTER TABLE dm_meta.{m.task}_syncer_ddl DROP COLUMN names")
    cluster.start_worker("worker1")
    cluster.wait_stage(m.task, "Running", "Sync")
    m.synced()
    assert _constraints(m, "other") == []


def test_expressions_that_servers_write_with_character_sets(migrated):
    m = _routed(migrated("mysql9-mysql9"), "z", "w").replicating(
        "CREATE TABLE z (id INT PRIMARY KEY)",
        "CREATE TABLE y (id INT PRIMARY KEY, b VARCHAR(9), FOREIGN KEY (id) REFERENCES z (id), CHECK (b NOT LIKE 'a%' ESCAPE '|'), CHECK (id > 0), "
        "n INT INVISIBLE, CHECK (n > 0) NOT ENFORCED, KEY (n) INVISIBLE)")
    assert "REFERENCES `w` (`id`)" in _constraints(m, "y")[0] and "NOT ENFORCED" in _constraints(m, "y")[-1]
    m.write("ALTER TABLE y DROP CHECK y_chk_2", "ALTER TABLE y DROP CHECK y_chk_1")
    m.synced()
    assert len(_constraints(m, "y")) == 2


def test_expressions_that_mysql_writes_anew_of_two_sources(servers, cluster):
    _, write, constraints = _two_sources(servers, cluster, "mysql9", "named_anew", routed=False)
    write(0, "ALTER TABLE y ADD s VARCHAR(20), ADD CHECK (s REGEXP 'x'), ADD CHECK (s NOT REGEXP 'y')")
    write(0, "ALTER TABLE y DROP CHECK y_chk_1")
    left, = constraints()
    assert "'y'" in left


@pytest.mark.parametrize("drop", ["DROP FOREIGN KEY IF EXISTS old", "DROP CONSTRAINT IF EXISTS old"])
def test_if_exists_of_a_table_that_is_known_by_its_target_only(migrated, drop):
    m = migrated("mariadb-mariadb")
    m.changes["task-mode"] = "incremental"
    tables = "CREATE TABLE {0}.z (id INT PRIMARY KEY)", "CREATE TABLE {0}.y (id INT PRIMARY KEY, a INT, CONSTRAINT fk FOREIGN KEY (a) REFERENCES z (id), CONSTRAINT c CHECK (a > 0))"
    m.prepare(*[statement.format(SCHEMA) for statement in tables])
    m.downstream.run(f"CREATE DATABASE {SCHEMA}", *[statement.format(SCHEMA) for statement in tables])
    m.start()
    m.cluster.wait_stage(m.task, "Running", "Sync")
    m.write("INSERT INTO y VALUES (1, NULL)", f"ALTER TABLE y {drop}", f"ALTER TABLE y {drop.replace('old', 'c' if 'CONSTRAINT' in drop else 'fk')}")
    m.synced()
    assert len(_constraints(m, "y")) == 1


@pytest.mark.parametrize("language", ["de_DE", "ru_RU"])
def test_a_server_that_speaks_another_language(migrated, language):
    m = _two_schemas(migrated("mariadb-mariadb"))
    before = m.downstream.value("SELECT @@GLOBAL.lc_messages")
    m.downstream.run(f"SET GLOBAL lc_messages = '{language}'")
    try:
        m.replicating(*[f"CREATE TABLE {schema}.z (id INT PRIMARY KEY)" for schema in m.names],
                      *[f"CREATE TABLE {schema}.y (id INT PRIMARY KEY, CONSTRAINT fk FOREIGN KEY (id) REFERENCES z (id))" for schema in m.names])
        assert len(m.downstream.run(NAMES)) == 2
    finally:
        m.downstream.run(f"SET GLOBAL lc_messages = '{before}'")


@pytest.mark.parametrize("live", [False, True])
def test_tables_that_differ_in_letter_case(migrated, live):
    m = migrated("mariadb-mariadb")
    m.names = {SCHEMA: SCHEMA, f"{SCHEMA}_2": f"{SCHEMA}_2"}
    m.changes = {"routes": {"r": {"schema-pattern": f"{SCHEMA}_2", "target-schema": SCHEMA}}, "ignore-checking-items": ["all"], "case-sensitive": True,
                 "mysql-instances": [{"source-id": m.source, "block-allow-list": "list", "route-rules": ["r"], "mydumper-config-name": "dump",
                                      "loader-config-name": "load", "syncer-config-name": "sync"}]}
    tables = [f"CREATE TABLE {SCHEMA}.z (id INT PRIMARY KEY)", f"CREATE TABLE {SCHEMA}_2.x (id INT PRIMARY KEY)",
              f"CREATE TABLE {SCHEMA}.t (id INT PRIMARY KEY, CONSTRAINT fk FOREIGN KEY (id) REFERENCES z (id))",
              f"CREATE TABLE {SCHEMA}_2.T (id INT PRIMARY KEY, CONSTRAINT fk FOREIGN KEY (id) REFERENCES x (id))"]
    m.replicating(*([] if live else tables))
    if live:
        m.write(*tables)
    m.synced()
    assert {table for table, _ in m.downstream.run(NAMES)} == {"T", "t"}
