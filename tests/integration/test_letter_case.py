"""Servers that tell names of tables apart by letter case, and servers that do not (`lower_case_table_names` 0 and 1), in both directions."""
import pytest

from dmtest.cluster import Cluster
from dmtest.servers import MariaDb
from dmtest.waiting import wait_for

SCHEMAS = ("Lc", "lc", "LC", "lc2")


@pytest.fixture(scope="module")
def folding(tmp_path_factory):
    """Two servers with lower_case_table_names=1."""
    servers = [MariaDb(tmp_path_factory.mktemp("folding") / "server", 95 + i, **{"lower-case-table-names": 1}).start() for i in range(2)]
    yield servers
    for server in servers:
        server.stop()


@pytest.fixture(scope="module")
def home(tmp_path_factory, servers, folding):
    """Sources: `exact` keeps letter case, `fold` does not."""
    cluster = Cluster(tmp_path_factory.mktemp("letter-case"))
    cluster.start_master()
    cluster.start_worker("worker1")
    cluster.start_worker("worker2")
    cluster.servers = {"exact": servers.get("mariadb", "up"), "fold": folding[0]}
    cluster.folding_target = folding[1]
    for name, server in cluster.servers.items():
        cluster.create_source(name, server)
    yield cluster
    cluster.stop()


def instance(source, **more):
    return {"mysql-instances": [{"source-id": source, "block-allow-list": "list", "mydumper-config-name": "dump", "loader-config-name": "load",
                                 "syncer-config-name": "sync", **more}]}


class Migration:
    def __init__(self, cluster, source, target):
        self.cluster, self.source, self.up, self.down = cluster, source, cluster.servers[source], target
        for server in (self.up, self.down):
            server.run(*[f"DROP DATABASE IF EXISTS {name}" for name in (*SCHEMAS, "dm_lc")])

    def start(self, mode="all", check=True, schemas=("Lc",), **more):
        path = self.cluster.task_file("lc", [self.source], self.down, list(schemas), **{"task-mode": mode, "meta-schema": "dm_lc", **more})
        return self.cluster.ctl("start-task", path, check=check)

    def sync(self):
        self.cluster.wait_stage("lc", "Running", "Sync")
        self.cluster.wait_synced("lc", self.up)

    def tables(self, schema):
        return [row[0] for row in self.down.run(f"SELECT TABLE_NAME FROM information_schema.TABLES WHERE BINARY TABLE_SCHEMA = '{schema}' ORDER BY 1")]

    def rows(self, table):
        return [row[0] for row in self.down.run(f"SELECT id FROM {table} ORDER BY id")]


@pytest.fixture
def migrate(home, servers):
    def migrate(source, target):
        return Migration(home, source, {"exact": servers.get("mariadb", "down"), "fold": home.folding_target}[target])

    yield migrate
    home.ctl("stop-task", "lc", check=False)


def test_names_of_a_folding_upstream_arrive_in_lower_case(migrate):
    """And go on so, however the statements write them."""
    run = migrate("fold", "exact")
    run.up.run("CREATE DATABASE Lc", "CREATE TABLE Lc.Orders (id INT PRIMARY KEY)", "INSERT INTO LC.ORDERS VALUES (1)")
    run.start()
    run.sync()
    run.up.run("INSERT INTO Lc.oRDERS VALUES (2)", "CREATE TABLE LC.New_One (id INT PRIMARY KEY)", "INSERT INTO lc.NEW_one VALUES (1)",
               "ALTER TABLE Lc.ORDERS ADD COLUMN v INT DEFAULT 7", "INSERT INTO lc.Orders VALUES (3, 3)",
               "RENAME TABLE Lc.New_ONE TO LC.Renamed", "INSERT INTO Lc.renamed VALUES (2)", "CREATE TABLE Lc.Gone LIKE lc.RENAMED",
               "DROP TABLE lc.GONE")
    run.sync()
    assert run.tables("lc") == ["orders", "renamed"] and run.tables("Lc") == []
    assert run.rows("lc.orders") == [1, 2, 3] and run.rows("lc.renamed") == [1, 2]
    assert run.down.value("SELECT SUM(v) FROM lc.orders") == 17


def test_a_folding_downstream(migrate):
    run = migrate("exact", "fold")
    run.up.run("CREATE DATABASE Lc", "CREATE TABLE Lc.Orders (id INT PRIMARY KEY)", "INSERT INTO Lc.Orders VALUES (1)")
    run.start()
    run.sync()
    run.up.run("INSERT INTO Lc.Orders VALUES (2)", "CREATE TABLE Lc.New_One (id INT PRIMARY KEY)", "INSERT INTO Lc.New_One VALUES (1)",
               "ALTER TABLE Lc.Orders ADD COLUMN v INT DEFAULT 7", "RENAME TABLE Lc.New_One TO Lc.Renamed",
               "INSERT INTO Lc.Renamed VALUES (2)", "UPDATE Lc.Orders SET v = 8 WHERE id = 2",
               # One after the other, a name can come in any letter case; also as a new name of the same table.
               "DROP TABLE Lc.Renamed", "CREATE TABLE Lc.RENAMED (id INT PRIMARY KEY)", "INSERT INTO Lc.RENAMED VALUES (9)",
               "RENAME TABLE Lc.Orders TO Lc.ORDERS", "INSERT INTO Lc.ORDERS VALUES (3, 3)")
    run.sync()
    assert run.tables("lc") == ["orders", "renamed"]
    assert run.rows("lc.orders") == [1, 2, 3] and run.rows("lc.renamed") == [9]
    assert run.down.value("SELECT SUM(v) FROM lc.orders") == 18


def test_both_fold(migrate):
    run = migrate("fold", "fold")
    run.up.run("CREATE DATABASE Lc", "CREATE TABLE Lc.Orders (id INT PRIMARY KEY)", "INSERT INTO LC.ORDERS VALUES (1)")
    run.start(routes={"r": {"schema-pattern": "lC", "target-schema": "LC2"}},
              **instance("fold", **{"route-rules": ["r"]}))
    run.sync()
    run.up.run("INSERT INTO Lc.oRDERS VALUES (2)", "CREATE TABLE LC.New_One (id INT PRIMARY KEY)", "INSERT INTO lc.NEW_one VALUES (1)")
    run.sync()
    assert run.rows("lc2.orders") == [1, 2] and run.rows("LC2.new_one") == [1]


@pytest.mark.parametrize("mode", ["all", "incremental"])
def test_two_tables_that_would_be_one_are_refused(migrate, mode):
    run = migrate("exact", "fold")
    run.up.run("CREATE DATABASE Lc", "CREATE TABLE Lc.Two (id INT PRIMARY KEY)", "CREATE TABLE Lc.two (id INT PRIMARY KEY)",
               "INSERT INTO Lc.Two VALUES (1)", "INSERT INTO Lc.two VALUES (1)")
    answer = run.start(mode, check=False)
    assert not answer.ok and '"code=26001' in answer.out.replace("[", '"') or "26001" in str(answer), answer
    assert "Two" in str(answer) and "two" in str(answer), answer
    assert run.tables("lc") == []


def paused(run):
    error = run.cluster.wait_error("lc", 36068)
    assert "letter case" in error["Message"] and "`Lc`.`orders`" in error["Message"] and "`Lc`.`Orders`" in error["Message"], error
    assert error["Workaround"], error


@pytest.mark.parametrize("how", ["create", "like", "rename"])
def test_a_second_table_that_comes_later_is_refused(migrate, how):
    """Its rows must not go into the first one's table."""
    run = migrate("exact", "fold")
    run.up.run("CREATE DATABASE Lc", "CREATE TABLE Lc.Orders (id INT PRIMARY KEY)", "INSERT INTO Lc.Orders VALUES (1)",
               "CREATE TABLE Lc.other (id INT PRIMARY KEY)")
    run.start()
    run.sync()
    run.up.run({"create": "CREATE TABLE Lc.orders (id INT PRIMARY KEY)", "like": "CREATE TABLE Lc.orders LIKE Lc.Orders",
                "rename": "RENAME TABLE Lc.other TO Lc.orders"}[how], "INSERT INTO Lc.orders VALUES (77)")
    paused(run)
    assert run.rows("lc.orders") == [1]
    # Left out, its rows are as wrong as before.
    run.cluster.ctl("binlog", "skip", "lc", check=False)
    wait_for(lambda: (run.cluster.status("lc") or {}).get("stage") == "Paused", "the task pauses at the rows")
    assert run.rows("lc.orders") == [1]


def test_a_table_that_has_no_events_is_known_too(migrate):
    """The first table is only upstream: nothing in the binlog of this run tells of it."""
    run = migrate("exact", "fold")
    run.up.run("CREATE DATABASE Lc", "CREATE TABLE Lc.Orders (id INT PRIMARY KEY)", "INSERT INTO Lc.Orders VALUES (1)")
    run.start()
    run.sync()
    run.cluster.ctl("stop-task", "lc")
    run.up.run("CREATE TABLE Lc.orders (id INT PRIMARY KEY)", "INSERT INTO Lc.orders VALUES (77)")
    run.start(**{"ignore-checking-items": ["all"]})
    paused(run)
    assert run.rows("lc.orders") == [1]


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("source, target", [("exact", "exact"), ("exact", "fold"), ("fold", "exact")])
def test_rules(migrate, source, target, exact):
    """Patterns in another letter case than the names match unless `case-sensitive`; names of targets are as the rule writes them."""
    run = migrate(source, target)
    run.up.run("CREATE DATABASE Lc", "CREATE TABLE Lc.Orders (id INT PRIMARY KEY)", "INSERT INTO Lc.Orders VALUES (1)",
               "CREATE TABLE Lc.Hidden (id INT PRIMARY KEY)")
    seen_schema, seen_orders, seen_hidden = ("Lc", "Orders", "Hidden") if source == "exact" else ("lc", "orders", "hidden")
    other = str.swapcase if not exact else str
    schema, orders, hidden = other(seen_schema), other(seen_orders), other(seen_hidden)
    run.start(**{
        "case-sensitive": exact,
        "block-allow-list": {"list": {"do-dbs": [schema], "ignore-tables": [{"db-name": schema, "tbl-name": hidden}]}},
        "routes": {"r": {"schema-pattern": schema, "table-pattern": orders, "target-schema": "LC", "target-table": "Routed"}},
        "filters": {"f": {"schema-pattern": schema, "table-pattern": orders, "events": ["delete"], "action": "Ignore"}},
        **instance(source, **{"route-rules": ["r"], "filter-rules": ["f"]})})
    run.sync()
    run.up.run("INSERT INTO Lc.Orders VALUES (2)", "DELETE FROM Lc.Orders WHERE id = 1", "INSERT INTO Lc.Hidden VALUES (1)",
               "ALTER TABLE Lc.Orders ADD COLUMN v INT DEFAULT 5")
    run.sync()
    assert run.tables("LC" if target == "exact" else "lc") == ["Routed" if target == "exact" else "routed"]
    assert run.rows("LC.Routed") == [1, 2]
    assert run.down.value("SELECT SUM(v) FROM LC.Routed") == 10


def test_case_sensitive_rules_leave_other_names_out(migrate):
    run = migrate("exact", "exact")
    run.up.run("CREATE DATABASE Lc", "CREATE TABLE Lc.Orders (id INT PRIMARY KEY)", "CREATE TABLE Lc.Taken (id INT PRIMARY KEY)")
    run.start(**{"case-sensitive": True,
                 "block-allow-list": {"list": {"do-tables": [{"db-name": "Lc", "tbl-name": "orders"}, {"db-name": "Lc", "tbl-name": "Taken"}]}}})
    run.sync()
    run.up.run("INSERT INTO Lc.Orders VALUES (1)", "INSERT INTO Lc.Taken VALUES (1)")
    run.sync()
    assert run.tables("Lc") == ["Taken"] and run.rows("Lc.Taken") == [1]
