"""Values that a downstream column cannot hold stop the task; rows that only a strict session refuses go on."""
import re

import pytest

from dmtest.cluster import Cluster
from dmtest.replicating import Replicating
from dmtest.waiting import wait_for

pytestmark = pytest.mark.xdist_group("values_that_do_not_fit")

SCHEMA, TASK = "fit", "fit"
ODD = "SET SESSION sql_mode = 'ALLOW_INVALID_DATES'"  # not strict: keeps what does not fit
KINDS = ["mariadb", "mysql9"]
LENIENT = "written without sql_mode STRICT_"

# name: type upstream, type downstream, what fits, what does not, the server's error
REFUSED = {
    "text": ("VARCHAR(20)", "VARCHAR(3)", "'abc'", "'abcdef'", 1406),
    "bytes": ("VARBINARY(20)", "VARBINARY(3)", "'abc'", "x'0001020304'", 1406),
    "number": ("INT", "TINYINT", "1", "300", 1264),
    "amount": ("DECIMAL(10,2)", "DECIMAL(4,2)", "1.5", "12345.67", 1264),
    "single": ("DOUBLE", "FLOAT", "1.5", "1e300", 1264),
    "member": ("ENUM('a','b','c')", "ENUM('a','b')", "'a'", "'c'", 1265),
    "members": ("SET('a','b','c')", "SET('a','b')", "'a,b'", "'a,c'", 1265),
    "other_type": ("VARCHAR(20)", "INT", "'7'", "'abc'", 1366),
    "no_date": ("VARCHAR(20)", "DATE", "'2020-01-01'", "'abc'", 1292),
    "charset": ("VARCHAR(20) CHARACTER SET utf8mb4", "VARCHAR(20) CHARACTER SET latin1", "'a'", "'日本'", 1366),
    "no_null": ("VARCHAR(20)", "VARCHAR(20) NOT NULL", "'a'", "NULL", 1048),
}
KEYLESS = ["text", "member", "no_null"]


class Fitting(Replicating):
    def make(self, upstream, downstream=()):
        """Tables of a task that is yet to begin."""
        self.cluster.ctl("stop-task", TASK, check=False)
        self.recreate(SCHEMA)
        self.downstream.run(f"CREATE DATABASE {SCHEMA}")
        self.odd(*upstream)
        self.downstream.run(f"USE {SCHEMA}", *downstream)

    def begin(self, failpoints=None, **task):
        worker = self.cluster.workers.get("worker1")
        if failpoints or worker is None:
            if worker:
                worker.stop()
            self.cluster.start_worker("worker1", failpoints=failpoints)
            if not worker:
                self.cluster.create_source(self.source, self.upstream, checker={"check-enable": False})
            wait_for(lambda: self.cluster.worker_stage("worker1") == "bound", "the source is bound")
        self.cluster.ctl("start-task", self.cluster.task_file(TASK, [self.source], self.downstream, [SCHEMA], **task), "--remove-meta")

    def odd(self, *statements):
        self.upstream.run(ODD, f"USE {SCHEMA}", *statements)

    def same(self, query):
        self.synced()
        up, down = (server.run(ODD, f"USE {SCHEMA}", query) for server in (self.upstream, self.downstream))
        assert up == down and up, (query, up, down)

    def lenient_tables(self):
        return re.findall(rf"{LENIENT}.*?target=\W*`{SCHEMA}`\.`(\w+)`", self.cluster.log("worker1", 100000))


@pytest.fixture(scope="module", params=KINDS)
def fitting(request, tmp_path_factory, servers):
    cluster = Cluster(tmp_path_factory.mktemp(f"fit-{request.param}"))
    cluster.start_master()
    yield Fitting(cluster, servers.get(request.param, "up"), servers.get(request.param, "down"), TASK, SCHEMA)
    cluster.stop()


def refused(fitting, table, change, number):
    """Does a change that has to stop the task."""
    before = fitting.downstream.run(f"SELECT * FROM {SCHEMA}.{table} WHERE id IN (1, 3)")
    fitting.odd(change)
    error = fitting.cluster.wait_error(TASK, 10006, f"`{SCHEMA}`.`{table}`")
    assert f"Error {number} " in error["RawCause"] and re.search(r"\W[vV]\W", error["RawCause"]), error
    assert "Alter the downstream table" in error["Workaround"], error
    assert fitting.downstream.run(f"SELECT * FROM {SCHEMA}.{table} WHERE id IN (1, 3)") == before


def test_what_does_not_fit_stops_the_task(fitting):
    cases = [(name, " PRIMARY KEY", "INSERT INTO {0} VALUES (2, {1}), (3, {2}), (4, {1})", *kind) for name, kind in REFUSED.items()]
    cases += [(f"{name}_nokey", "", "INSERT INTO {0} VALUES (2, {1}), (3, {2}), (4, {1})", *REFUSED[name]) for name in KEYLESS]
    cases += [(f"{name}_update{len(key)}", key, "UPDATE {0} SET v = {2} WHERE id = 1", *REFUSED[name])
              for name, key in (("text", " PRIMARY KEY"), ("no_null", " PRIMARY KEY"), ("number", ""))]
    fitting.make([sql for name, key, _, up, _, good, _, _ in cases
                  for sql in (f"CREATE TABLE {name} (id INT{key}, v {up})", f"INSERT INTO {name} VALUES (1, {good})")],
                 [f"CREATE TABLE {name} (id INT{key}, v {down})" for name, key, _, _, down, *_ in cases])
    fitting.begin(syncers={"sync": {"multiple-rows": True}})
    fitting.synced()
    for name, key, change, up, down, good, bad, number in cases:
        refused(fitting, name, change.format(name, good, bad), number)
        if name == "text":  # resumed without a change downstream: the same again
            fitting.cluster.ctl("resume-task", TASK)
            fitting.cluster.wait_error(TASK, 10006, "Data too long for column 'v'")
        fitting.downstream.run(f"ALTER TABLE {SCHEMA}.{name} MODIFY v {up}")
        fitting.resume()
    for name, *_ in cases:
        fitting.same(f"SELECT id, HEX(v) FROM {name} ORDER BY id")


# Tables whose rows a strict session refuses: definition upstream and downstream ({} is a key), what compares them.
LEGITIMATE = {
    "error_value": ("id INT{}, e ENUM('a','b')", "id INT{}, e ENUM('a','b')", "SELECT id, e, e + 0 FROM {} ORDER BY id, e"),
    "more": ("id INT{}, v INT", "id INT{}, v INT, x INT NOT NULL, y VARCHAR(3) NOT NULL", "SELECT id, v FROM {} ORDER BY id, v"),
    "cut_by_server": ("id INT{}, v VARCHAR(20)", "id INT{}, v VARCHAR(20), g VARCHAR(3) AS (v) STORED, n INT AS (v + 0) STORED",
                      "SELECT id, v FROM {} ORDER BY id, v"),
    "text_key": ("id INT{}, v VARCHAR(20)", "id VARCHAR(20){}, v VARCHAR(20)", "SELECT CAST(id AS CHAR), v FROM {} ORDER BY 1, 2"),
    "number_key": ("id VARCHAR(20){}, v VARCHAR(20)", "id INT{}, v VARCHAR(20)", "SELECT CAST(id AS CHAR), v FROM {} ORDER BY 1, 2"),
    "dates": ("id INT{}, d DATE, t DATETIME, s TIMESTAMP NULL", "id INT{}, d DATE, t DATETIME, s TIMESTAMP NULL",
              "SELECT id, CAST(d AS CHAR), CAST(t AS CHAR), CAST(s AS CHAR) FROM {} ORDER BY 1, 2, 3, 4"),
}
VALUES = {
    "error_value": ["''", "'zz'", "'b'"], "more": ["1", "2", "3"], "cut_by_server": ["'abcdef'", "'5'", "'ghijkl'"],
    "text_key": ["'x'", "'y'", "'z'"], "number_key": ["'x'", "'y'", "'z'"],
    "dates": ["'0000-00-00', '0000-00-00 00:00:00', '0000-00-00 00:00:00'", "'2020-02-31', '2020-02-31 01:02:03', NULL",
              "'2020-00-00', '2020-00-00 00:00:00', '2020-01-01 00:00:00'"],
}
TABLES = [(f"{name}{suffix}", name, key) for name in LEGITIMATE for suffix, key in (("", " PRIMARY KEY"), ("_nokey", ""))]


def inserts(table, values, start):
    return f"INSERT INTO {table} VALUES " + ", ".join(f"({start + i}, {value})" for i, value in enumerate(values))


@pytest.mark.parametrize("form", ["plain", "merged"])
def test_rows_as_they_should_be_go_on(fitting, form):
    up = [f"CREATE TABLE {table} ({LEGITIMATE[name][0].format(key)})" for table, name, key in TABLES]
    up += [inserts(table, VALUES[name], 1) for table, name, _ in TABLES]
    fitting.make(up, [f"CREATE TABLE {table} ({LEGITIMATE[name][1].format(key)})" for table, name, key in TABLES])
    fitting.begin(syncers={"sync": {"multiple-rows": form == "merged", "compact": form == "merged"}})
    fitting.synced()
    known = len(fitting.lenient_tables())
    for table, name, _ in TABLES:
        column = re.findall(r", (\w+) ", LEGITIMATE[name][0])
        assign = ", ".join(f"{c} = {v}" for c, v in zip(column, VALUES[name][1].split(", ")))
        fitting.odd(inserts(table, VALUES[name], 10), inserts(table, VALUES[name] * 5, 20),
                    f"UPDATE {table} SET {assign} WHERE id IN (1, 11, 21)", f"UPDATE {table} SET id = 100 WHERE id = 2",
                    f"DELETE FROM {table} WHERE id IN (3, 12, 23)")
    for table, name, _ in TABLES:
        fitting.same(LEGITIMATE[name][2].format(table))
    lenient = fitting.lenient_tables()[known:]
    assert len(lenient) == len(set(lenient)), "each is told once"
    assert {t for t, name, _ in TABLES if name in ("error_value", "more", "cut_by_server")} <= set(lenient)
    assert not {t for t, name, _ in TABLES if name == "dates"} & set(lenient)
    # A value that is cut among those that go on.
    before = fitting.downstream.run(f"SELECT * FROM {SCHEMA}.more")
    fitting.downstream.run(f"ALTER TABLE {SCHEMA}.more MODIFY v TINYINT")
    fitting.odd("INSERT INTO more VALUES (200, 1), (201, 300), (202, 2)")
    error = fitting.cluster.wait_error(TASK, 10006, f"`{SCHEMA}`.`more`")
    assert "Error 1264" in error["RawCause"] and "'v'" in error["RawCause"] and "201,300" in error["Message"], error
    rows = fitting.downstream.run(f"SELECT * FROM {SCHEMA}.more WHERE id <> 200 AND id <> 202")
    assert rows == before
    fitting.downstream.run(f"ALTER TABLE {SCHEMA}.more MODIFY v INT")
    fitting.resume()
    fitting.same(LEGITIMATE["more"][2].format("more"))


def test_keys_that_are_equal_when_cut(fitting):
    """Nobody is told of a duplicate key where a value was cut."""
    fitting.make(["CREATE TABLE k (id INT PRIMARY KEY, v VARCHAR(20), e ENUM('a'), UNIQUE KEY (v))"],
                 ["CREATE TABLE k (id INT PRIMARY KEY, v VARCHAR(3), e ENUM('a'), UNIQUE KEY (v))"])
    fitting.begin()
    fitting.synced()
    fitting.odd("INSERT INTO k VALUES (1, 'x', '')", "INSERT INTO k VALUES (2, 'abcdef', ''), (3, 'abcxyz', '')")
    error = fitting.cluster.wait_error(TASK, 10006, f"`{SCHEMA}`.`k`")
    assert "for column 'v'" in error["RawCause"] and "'abcdef'" in error["Message"], error
    assert fitting.downstream.run(f"SELECT * FROM {SCHEMA}.k WHERE id > 1") == ()
    fitting.downstream.run(f"ALTER TABLE {SCHEMA}.k MODIFY v VARCHAR(20)")
    fitting.resume()
    fitting.same("SELECT * FROM k ORDER BY id")


def test_members_that_are_counted_otherwise(fitting):
    """The number of a member downstream may be another, or none: its name counts."""
    columns = "id INT{}, e {}, s {}"
    same = ("ENUM('a','b','c')", "SET('x','y','z')")
    kinds = {"others": ("ENUM('c','d','a','b')", "SET('z','x','w','y')"), "texts": ("VARCHAR(9)", "VARCHAR(9)")}
    tables = [(f"{kind}{len(key)}", key, kind) for kind in kinds for key in (" PRIMARY KEY", "")]
    fitting.make([f"CREATE TABLE {table} ({columns.format(key, *same)})" for table, key, _ in tables],
                 [f"CREATE TABLE {table} ({columns.format(key, *kinds[kind])})" for table, key, kind in tables])
    fitting.begin()
    fitting.synced()
    for table, *_ in tables:
        fitting.odd(f"INSERT INTO {table} VALUES (1, 'a', 'x,z'), (2, 'b', 'y'), (3, 'c', ''), (4, NULL, 'x,y,z'), (5, '', NULL)",
                    f"UPDATE {table} SET e = 'b', s = 'z,y' WHERE id IN (1, 4)", f"DELETE FROM {table} WHERE id = 3")
    for table, *_ in tables:
        # (As a text: a SET is shown in the order of its own members.)
        members = ", ".join(f"FIND_IN_SET('{member}', s) > 0" for member in "xyz")
        fitting.same(f"SELECT id, CAST(e AS CHAR), {members} FROM {table} ORDER BY id")


def test_the_load_knows_members_too(fitting):
    fitting.make(["CREATE TABLE e (id INT PRIMARY KEY, v ENUM('a','b'))", "INSERT INTO e VALUES (1, 'a'), (2, ''), (3, 'b')"],
                 ["CREATE TABLE e (id INT PRIMARY KEY, v ENUM('a','c'))"])
    fitting.begin()
    error = fitting.cluster.wait_error(TASK, 34019, "Data truncated for column 'v'")
    assert f"`{SCHEMA}`.`e`" in error["Message"] + error["RawCause"], error
    assert fitting.downstream.run(f"SELECT * FROM {SCHEMA}.e") == ()
    fitting.downstream.run(f"ALTER TABLE {SCHEMA}.e MODIFY v ENUM('a','c','b')")
    fitting.resume()
    fitting.same("SELECT id, CAST(v AS CHAR) FROM e ORDER BY id")


def test_a_mode_of_the_user_is_kept(fitting):
    fitting.make(["CREATE TABLE own (id INT PRIMARY KEY, v VARCHAR(20))"], ["CREATE TABLE own (id INT PRIMARY KEY, v VARCHAR(3))"])
    fitting.begin(**{"target-database": {"session": {"SQL_mode": "ALLOW_INVALID_DATES"}}})
    fitting.synced()
    fitting.odd("INSERT INTO own VALUES (1, 'abcdef')")
    fitting.synced()
    assert fitting.downstream.run(f"SELECT v FROM {SCHEMA}.own") == (("abc",),)


ERROR_VALUES = ["CREATE TABLE pk (id INT PRIMARY KEY, e ENUM('a'))", "CREATE TABLE nokey (id INT, e ENUM('a'))"]


def error_values(fitting, first):
    fitting.odd(*(f"INSERT INTO {table} VALUES ({i}, ''), ({i}, 'a')" if table == "nokey" else f"INSERT INTO {table} VALUES ({i}, '')"
                  for i in range(first, first + 40) for table in ("nokey", "pk")))


@pytest.mark.parametrize("passes", [1, 3])
def test_killed_before_the_commit(fitting, passes):
    fitting.make(ERROR_VALUES)
    fitting.begin(failpoints=f"sync/before-lenient-commit={passes}*kill")
    fitting.synced()
    error_values(fitting, 0)
    fitting.cluster.wait_killed()
    error_values(fitting, 100)
    fitting.cluster.start_worker("worker1")
    fitting.equal()
    assert fitting.downstream.value(f"SELECT COUNT(*) FROM {SCHEMA}.nokey") == 160


def test_connection_lost_before_the_commit(fitting, tmp_path):
    go = tmp_path / "go"
    fitting.make(ERROR_VALUES)
    fitting.begin(failpoints=f"sync/before-lenient-commit=2*pause({go})")
    fitting.synced()
    error_values(fitting, 0)
    seen = set()

    def stays():
        """Transactions that were there the last time too: those of checkpoints do not stay."""
        before = set(seen)
        seen.clear()
        seen.update(fitting.downstream.run("SELECT trx_id, trx_mysql_thread_id FROM information_schema.innodb_trx WHERE trx_rows_modified > 0"))
        return before & seen

    # (What innodb_trx shows is not renewed as long as it is asked for more often than every 100 ms.)
    for _, thread in wait_for(stays, "a worker waits before its COMMIT", interval=0.3):
        fitting.downstream.run(f"KILL {thread}")
    go.write_text("")
    fitting.equal()
    assert "lost connection to downstream" in fitting.cluster.log("worker1", 100000)
    assert fitting.downstream.value(f"SELECT COUNT(*) FROM {SCHEMA}.nokey") == 80
