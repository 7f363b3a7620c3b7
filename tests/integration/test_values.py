"""The value matrix (dmtest/value_matrix.py) between servers, and what of a session or a stream changes how values look."""
import fcntl
import json
import os
import re
import time
from types import SimpleNamespace

import pytest

from dmtest.compare import difference
from dmtest.servers import REPO, time_zone_sql
from dmtest.waiting import wait_for
from dmtest.value_matrix import NAMES, Matrix, all_kinds

pytestmark = pytest.mark.xdist_group("values")

PAIRS = ["mariadb-mariadb", "mysql9-mariadb", "mysql9-mysql9", "mariadb-mysql9", "mysql56-mysql9", "mysql56-mariadb",
         "mariadb11-mariadb11", "mariadb11-mariadb", "mariadb11-mysql9"]
PAGE = os.path.join(REPO, "docs", "compatibility.md")
SESSION = ["SET NAMES utf8mb4", "SET sql_mode = 'ALLOW_INVALID_DATES'", "SET time_zone = '+00:00'"]
ONLY = [name for name in os.environ.get("DM_VALUES_ONLY", "").split(",") if name]


def run_all(server, schema, statements):
    with server.connect(database=schema) as connection:
        cursor = connection.cursor()
        for statement in SESSION + list(statements):
            try:
                cursor.execute(statement)
            except Exception as e:
                raise AssertionError(f"{server.name}: {statement[:400]}: {e}") from e


def reader(server, schema):
    def read(sql):
        with server.connect(database=schema) as connection:
            cursor = connection.cursor()
            for statement in SESSION:
                cursor.execute(statement)
            cursor.execute(sql)
            return cursor.fetchall()
    return read


def source_of(cluster, server, name, gtid=False):
    if name not in cluster.sources:
        cluster.start_worker(f"worker{len(cluster.sources) + 1}")
        cluster.create_source(name, server, **{"enable-gtid": gtid})
        cluster.sources[name] = server
    return name


def wait_synced(cluster, task, upstream, timeout=120):
    """As Cluster.wait_synced; ends at once when the task pauses by an error."""
    def applied():
        status = cluster.status(task)
        errors = status["result"]["errors"] if status and status["stage"] == "Paused" and status["result"] else None
        assert not errors, f"{task} paused: {errors[0]['Message'][:1500]} {errors[0]['RawCause'][:500]}"
        try:
            cluster.wait_synced(task, upstream, timeout=1)
            return True
        except AssertionError as e:
            last.append(str(e))
            return False

    last = []
    wait_for(applied, lambda: last[-1], timeout=timeout)


def wait_replicating(cluster, task, downstream, schema, standstill=120):
    """Until the full copy is done, for as long as it makes tables or loads rows."""
    tables = f"SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = '{schema}'"
    seen, since = None, 0.0

    def replicates():
        nonlocal seen, since
        status = cluster.status(task) or {}
        load = status.get("load") or {}
        now = (status.get("stage"), status.get("unit"), load.get("finishedBytes"), load.get("totalBytes"), downstream.value(tables))
        if now != seen:
            seen, since = now, time.monotonic()
        assert time.monotonic() - since < standstill, f"nothing has happened for {standstill} s: {json.dumps(status, indent=1)}"
        return now[:2] == ("Running", "Sync")

    wait_for(replicates, lambda: f"{task} replicates; now {seen}", timeout=3600, interval=0.5)


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory, servers, shared_cluster):
    """Runs the matrix of a pair once, whichever test or process of this run asks first: its `cells`, the names of its `kinds`,
    the `differences` by kind."""
    directory = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        directory = directory.parent  # all processes have this one

    def outcome(pair):
        path = directory / f"matrix-{pair}.json"
        with open(f"{path}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not path.exists():
                matrix, differences = run_matrix(pair, servers, shared_cluster)
                whole = directory / f"matrix-{pair}.new"
                whole.write_text(json.dumps({"cells": matrix.cells, "kinds": [kind.name for kind in matrix.kinds], "differences": differences}))
                whole.rename(path)
            return SimpleNamespace(**json.loads(path.read_text()))

    return outcome


def run_matrix(pair, servers, cluster):
    kinds = pair.split("-")
    upstream, downstream = servers.get(kinds[0], "up"), servers.get(kinds[1], "down")
    source = source_of(cluster, upstream, f"{kinds[0]}-pos")
    schema, task = "matrix", "matrix_" + pair.replace("-", "_")
    matrix = Matrix(*kinds, only=ONLY, read_up=upstream.run)
    for server in (upstream, downstream):
        server.run(f"DROP DATABASE IF EXISTS {schema}", f"CREATE DATABASE {schema} DEFAULT CHARACTER SET utf8mb4")
    run_all(upstream, schema, matrix.create() + matrix.full())
    run_all(downstream, schema, matrix.create_by_hand())
    if ONLY and kinds[1] != "tidb":
        downstream.run("SET GLOBAL general_log = ON")
    try:
        path = cluster.task_file(task, [source], downstream, [schema])
        cluster.ctl("start-task", path, "--remove-meta")
        wait_replicating(cluster, task, downstream, schema)
        run_all(upstream, schema, matrix.live())
        wait_synced(cluster, task, upstream, timeout=300 if kinds[1] == "tidb" else 120)  # tables without a key are slow there
        return matrix, matrix.compare(reader(upstream, schema), reader(downstream, schema))
    finally:
        cluster.ctl("stop-task", task, check=False)


@pytest.mark.parametrize("pair", PAIRS)
def test_matrix(pair, outcomes, record_property):
    outcome = outcomes(pair)
    record_property("cells", outcome.cells)
    print(f"{pair}: {outcome.cells} cells of {len(outcome.kinds)} types")
    assert not outcome.differences, f"{len(outcome.differences)} types differ:\n" + "\n".join(f"{k}: {v}" for k, v in outcome.differences.items())


def _table(outcomes, pairs):
    """The page's table: a row for each sort of value, a column for each pair."""
    rows = {}
    for kind in all_kinds():
        rows.setdefault(kind.page, []).append(kind)
    lines = ["| values | " + " | ".join(" to ".join(NAMES[k] for k in pair.split("-")) for pair in pairs) + " |",
             "| --- |" + " --- |" * len(pairs)]
    for page, kinds in rows.items():
        cells = []
        for pair in pairs:
            upstream, downstream = pair.split("-")
            outcome = outcomes(pair)
            mine = [k for k in kinds if upstream in k.by]
            if mine and not {k.name for k in mine} & set(outcome.kinds):
                cells.append("no such type")
                continue
            by_hand = sorted({k.down[downstream].split(" CHARACTER")[0].split("(")[0] if k.on & {downstream} == set() and downstream in k.down else ""
                              for k in mine} - {""})
            if not mine:
                cells.append("–")
            elif any(k.name in outcome.differences for k in mine):
                cells.append("differs")
            else:
                cells.append("equal" + (f" in `{'`, `'.join(by_hand)}`" if by_hand and page not in ("ENUM, SET",) else ""))
        lines.append(f"| {page} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def test_page_shows_the_outcomes(outcomes):
    check_page(outcomes, "values", PAIRS)


def check_page(outcomes, name, pairs):
    """DM_WRITE_DOCS=1 writes the table of docs/compatibility.md; without it the page must have it."""
    assert not ONLY, "the page needs all types"
    text = open(PAGE, encoding="utf-8").read()
    mark = f"<!-- {name}: begin -->"
    begin, end = text.index(mark) + len(mark), text.index(f"<!-- {name}: end -->")
    table = f"\n{_table(outcomes, pairs)}\n"
    if os.environ.get("DM_WRITE_DOCS"):
        with open(PAGE, "w", encoding="utf-8") as f:
            f.write(text[:begin] + table + text[end:])
    else:
        assert text[begin:end] == table, "run with DM_WRITE_DOCS=1"


# -- what of a session or a stream changes how values look
@pytest.fixture
def migrate(servers, shared_cluster):
    """Returns run(pair, full, live, ...): a schema of its own, migrated and replicated; then all tables must be equal."""
    tasks = []

    def run(pair, full, live, task=None, by_hand=(), before=(), settings=None, definitions=None, compare=True, gtid=False):
        kinds = pair.split("-")
        upstream, downstream = servers.get(kinds[0], "up"), servers.get(kinds[1], "down")
        source = source_of(shared_cluster, upstream, f"{kinds[0]}-{'gtid' if gtid else 'pos'}", gtid)
        schema = "odd"
        for earlier in tasks:
            shared_cluster.ctl("stop-task", earlier, check=False)
        name = f"odd_{len(tasks)}_{pair}".replace("-", "_")
        for server in (upstream, downstream):
            server.run(f"DROP DATABASE IF EXISTS {schema}", f"CREATE DATABASE {schema} DEFAULT CHARACTER SET utf8mb4")
        run_all(upstream, schema, list(before) + list(full))
        run_all(downstream, schema, by_hand)
        path = shared_cluster.task_file(name, [source], downstream, [schema], **(task or {}))
        shared_cluster.ctl("start-task", path, "--remove-meta")
        tasks.append(name)
        shared_cluster.wait_stage(name, "Running", "Sync")
        run_all(upstream, schema, list(before) + list(live))
        if compare:
            wait_synced(shared_cluster, name, upstream)
            found = difference(upstream, downstream, {schema: schema}, definitions=definitions)
            assert found is None, found
        return Migration(name, shared_cluster, upstream, downstream)

    yield run
    for name in tasks:
        shared_cluster.ctl("stop-task", name, check=False)


class Migration:
    def __init__(self, task, cluster, upstream, downstream):
        self.task, self.cluster, self.upstream, self.downstream = task, cluster, upstream, downstream


@pytest.fixture
def set_global(servers):
    """Sets global variables of a server until the test ends."""
    done = []

    def set_variables(server, **variables):
        for name, value in variables.items():
            old = server.value(f"SELECT @@GLOBAL.{name}")
            done.append((server, name, old))
            server.run(f"SET GLOBAL {name} = {value!r}")

    yield set_variables
    for server, name, old in reversed(done):
        server.run(f"SET GLOBAL {name} = {old!r}")


def test_rows_that_only_a_collation_takes_for_equal(migrate):
    """Without a key the very row must be changed, not one that compares equal."""
    texts = ["'a'", "'A'", "'a '", "'á'", "'ß'", "'ss'", "''", "' '"]
    full = ["CREATE TABLE n (v VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci, t TEXT CHARACTER SET latin1, "
            "c CHAR(5) CHARACTER SET gbk, x INT)"]
    full += [f"INSERT INTO n VALUES ({v}, {v}, 'x', {i})" for v in texts for i in (1, 1, 1)]
    live = [f"UPDATE n SET x = 2 WHERE BINARY v = {v} LIMIT 1" for v in texts[::-1]]
    live += [f"DELETE FROM n WHERE BINARY v = {v} AND x = 1 LIMIT 1" for v in texts]
    for pair in ("mariadb-mariadb", "mysql9-mysql9", "mysql9-mariadb"):
        migrate(pair, full, live)


GENERATED = [
    "CREATE TABLE g (id INT PRIMARY KEY, a INT, b VARCHAR(20), v INT GENERATED ALWAYS AS (a + 1) VIRTUAL, "
    "s VARCHAR(40) GENERATED ALWAYS AS (CONCAT(b, '/', a)) STORED, UNIQUE KEY (s))",
    "CREATE TABLE h (a INT, v INT GENERATED ALWAYS AS (a * 2) VIRTUAL, s INT GENERATED ALWAYS AS (a * 3) STORED, b INT)",
    "CREATE TABLE i (id INT PRIMARY KEY, hidden INT INVISIBLE, b INT DEFAULT 3)",
    "CREATE TABLE d (id INT PRIMARY KEY, a INT DEFAULT (1 + 2), b VARCHAR(40) DEFAULT (CONCAT('x', 'y')), "
    "c TIMESTAMP(3) NULL DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3), j JSON DEFAULT ('[]'))",
]


def _generated_rows(offset):
    return [f"INSERT INTO g (id, a, b) VALUES ({offset + 1}, {offset + 1}, 'one'), ({offset + 2}, NULL, 'two'), ({offset + 3}, 3, NULL)",
            f"INSERT INTO h (a, b) VALUES ({offset + 1}, 1), ({offset + 1}, 1), (NULL, 2)",
            f"INSERT INTO i (id, hidden) VALUES ({offset + 1}, 7), ({offset + 2}, NULL)", f"INSERT INTO i (id) VALUES ({offset + 3})",
            f"INSERT INTO d (id) VALUES ({offset + 1}), ({offset + 2}), ({offset + 3})"]


@pytest.mark.parametrize("pair", ["mariadb-mariadb", "mysql9-mysql9", "mysql9-mariadb", "mariadb11-mariadb11"])
def test_generated_invisible_and_default_columns(servers, migrate, set_global, pair):
    set_global(servers.get(pair.split("-")[0], "up"), binlog_row_metadata="FULL")
    migrate(pair, GENERATED + _generated_rows(0), _generated_rows(10) + [
        "UPDATE g SET a = a + 5 WHERE id IN (1, 11)", "UPDATE g SET id = id + 100 WHERE id IN (2, 12)", "DELETE FROM g WHERE id IN (3, 13)",
        "UPDATE h SET b = 9 WHERE a = 1 LIMIT 1", "DELETE FROM h WHERE a = 11 LIMIT 1", "DELETE FROM h WHERE a IS NULL LIMIT 1",
        "UPDATE i SET hidden = 8 WHERE id IN (1, 12)", "UPDATE i SET b = NULL WHERE id = 2", "DELETE FROM i WHERE id IN (3, 13)",
        "UPDATE d SET a = 9 WHERE id IN (1, 11)", "DELETE FROM d WHERE id = 2"])


@pytest.mark.parametrize("pair", ["mariadb-mariadb", "mariadb11-mariadb11"])
def test_unique_keys_that_mariadb_keeps_as_hashes(migrate, pair):
    full = ["CREATE TABLE k (id INT PRIMARY KEY, t TEXT, UNIQUE KEY (t))", "CREATE TABLE l (t TEXT NOT NULL, n INT, UNIQUE KEY (t))",
            "INSERT INTO k VALUES (1, 'one'), (2, NULL), (3, REPEAT('x', 5000))", "INSERT INTO l VALUES ('a', 1), ('b', 2), ('c', 3)"]
    migrate(pair, full, ["INSERT INTO k VALUES (4, 'four'), (5, 'five')", "UPDATE k SET t = 'swap' WHERE id = 1", "UPDATE k SET t = 'one' WHERE id = 4",
                         "DELETE FROM k WHERE id IN (3, 5)", "INSERT INTO l VALUES ('d', 4), ('e', 5)", "UPDATE l SET n = n + 10 WHERE t IN ('a', 'd')",
                         "DELETE FROM l WHERE t IN ('b', 'e')", "UPDATE l SET t = 'z' WHERE t = 'c'"])


TEXTS = ["CREATE TABLE s (id INT PRIMARY KEY, c CHAR(10), v VARCHAR(40), e VARCHAR(10), t TIME(2), \"q\" INT)".replace('"q"', "q"),
         "CREATE TABLE n (c CHAR(10), v VARCHAR(40), e VARCHAR(10))"]


def _text_rows(offset):
    values = ["'x', CONCAT('a', CHAR(92), 'n', CHAR(39), '\"'), ''", "'', CONCAT(CHAR(92), CHAR(92), CHAR(10)), CONCAT('', '')", "'pad', CONCAT(' ', CHAR(39)), NULL"]
    for i, value in enumerate(values):
        yield f"INSERT INTO s VALUES ({offset + i}, {value}, '12:34:56.78', 1)"
        yield f"INSERT INTO n VALUES ({value})"
        yield f"INSERT INTO n VALUES ({value})"


@pytest.mark.parametrize("pair,mode", [
    ("mariadb-mariadb", "ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PAD_CHAR_TO_FULL_LENGTH"),
    ("mariadb-mysql9", "EMPTY_STRING_IS_NULL,SIMULTANEOUS_ASSIGNMENT,TIME_ROUND_FRACTIONAL"),
    ("mariadb-mariadb", "EMPTY_STRING_IS_NULL,STRICT_ALL_TABLES"), ("mariadb-mariadb", "ORACLE"),
    ("mysql9-mysql9", "PAD_CHAR_TO_FULL_LENGTH,ANSI_QUOTES,PIPES_AS_CONCAT"), ("mysql9-mysql9", "NO_BACKSLASH_ESCAPES,TRADITIONAL"),
    ("mysql9-mariadb", "STRICT_ALL_TABLES,TIME_TRUNCATE_FRACTIONAL,ANSI,NO_ZERO_DATE,NO_ZERO_IN_DATE")])
def test_sql_modes(servers, migrate, set_global, pair, mode):
    set_global(servers.get(pair.split("-")[0], "up"), sql_mode=mode)
    migrate(pair, TEXTS + list(_text_rows(0)), list(_text_rows(10)) + [
        "UPDATE s SET c = 'y' WHERE id IN (0, 10)", "UPDATE s SET e = '' WHERE id IN (2, 12)", "DELETE FROM s WHERE id IN (1, 11)",
        "UPDATE n SET e = 'changed' WHERE c = 'x' LIMIT 2", "DELETE FROM n WHERE c = '' LIMIT 2", "DELETE FROM n WHERE c = 'pad' LIMIT 1"])


def _load_zone(server, zone):
    statements = [s.strip() for s in re.findall(r"(?s)INSERT INTO [^;]*;|SET @time_zone_id[^;]*;", time_zone_sql(zone))]
    with server.connect(database="mysql") as connection:
        cursor = connection.cursor()
        cursor.execute(f"SELECT COUNT(*) FROM time_zone_name WHERE name = '{zone}'")
        if cursor.fetchone()[0]:
            return
        cursor.execute("SET SESSION sql_log_bin = 0")
        for statement in statements:
            cursor.execute(statement.rstrip(";"))


@pytest.mark.parametrize("zone,up_zone,down_zone", [
    (None, "Europe/Berlin", "America/New_York"), ("Europe/Berlin", "SYSTEM", "+05:30"), ("+05:30", "America/New_York", "SYSTEM"),
    ("-03:30", "-12:59", "Europe/Berlin")])
@pytest.mark.parametrize("pair", ["mariadb-mariadb", "mysql9-mysql9"])
def test_hours_that_clocks_skip_or_repeat(servers, migrate, set_global, pair, zone, up_zone, down_zone):
    """Every instant of a TIMESTAMP arrives, whatever the zones of the servers and of the task."""
    kinds = pair.split("-")
    for server, zone_of_server in ((servers.get(kinds[0], "up"), up_zone), (servers.get(kinds[1], "down"), down_zone)):
        for name in ("Europe/Berlin", "America/New_York"):
            _load_zone(server, name)
        set_global(server, time_zone=zone_of_server)
    # The last and first seconds around the changes of 2024 in both zones.
    instants = [at + shift for at in (1711846800, 1729990800, 1710054000, 1730613600) for shift in (-3601, -3600, -1800, -1, 0, 1800, 3599, 3600)]
    rows = ", ".join(f"(FROM_UNIXTIME({i}), FROM_UNIXTIME({i}.5), {i})" for i in instants)
    migrate(pair, ["CREATE TABLE z (id INT AUTO_INCREMENT PRIMARY KEY, a TIMESTAMP NULL, b TIMESTAMP(6) NULL, n INT)", "CREATE TABLE y (a TIMESTAMP(1) NULL, n INT)",
                   f"INSERT INTO z (a, b, n) VALUES {rows}", "INSERT INTO y SELECT b, n FROM z"],
            [f"INSERT INTO z (a, b, n) VALUES {rows}", "INSERT INTO y SELECT b, n FROM z WHERE id > 32", "UPDATE y SET n = -n WHERE n % 7 = 1", "DELETE FROM y WHERE n % 7 = 2",
             "UPDATE z SET n = n + 1"], task={"timezone": zone} if zone else None)


PARTIAL = ["CREATE TABLE r (id INT PRIMARY KEY, a INT, b BLOB, c VARCHAR(20) NOT NULL DEFAULT 'none', d DECIMAL(5,2) NULL DEFAULT 1.50, t TEXT)",
           "CREATE TABLE u (id INT AUTO_INCREMENT PRIMARY KEY, k INT, t TEXT, n INT NOT NULL, UNIQUE KEY (k))", "CREATE TABLE n (a INT, b TEXT)",
           "CREATE TABLE g (id INT PRIMARY KEY, a INT, v INT GENERATED ALWAYS AS (a + 1) VIRTUAL, s INT GENERATED ALWAYS AS (a * 2) STORED, t TEXT)"]


def _partial_rows(offset, image):
    full = [f"INSERT INTO r VALUES ({offset + 1}, 3, 'x', 'c', 2, 't'), ({offset + 2}, 4, 'y', 'd', 3, NULL), ({offset + 3}, 5, NULL, 'e', 4, 'u')",
            f"INSERT INTO u VALUES ({offset + 1}, {offset + 1}, 't', 1), ({offset + 2}, {offset + 2}, NULL, 2), ({offset + 3}, NULL, 'v', 3)",
            f"INSERT INTO n VALUES ({offset}, 'x'), ({offset}, 'x'), (NULL, NULL)", f"INSERT INTO g (id, a, t) VALUES ({offset + 1}, 1, 'x'), ({offset + 2}, NULL, NULL)"]
    return full + [
        f"SET SESSION binlog_row_image = {image}", f"UPDATE r SET a = 30 WHERE id = {offset + 1}", f"UPDATE r SET b = NULL, c = 'z' WHERE id = {offset + 2}",
        f"INSERT INTO r (id) VALUES ({offset + 4})", f"INSERT INTO r (id, t, d) VALUES ({offset + 5}, 'text', NULL)", f"DELETE FROM r WHERE id = {offset + 3}",
        # A unique value goes from row to row; a key changes.
        f"UPDATE u SET k = NULL WHERE id = {offset + 1}", f"UPDATE u SET k = {offset + 1} WHERE id = {offset + 2}", f"INSERT INTO u (k, n) VALUES ({offset + 2}, 5)",
        f"UPDATE u SET id = id + 50, t = 'moved' WHERE id = {offset + 1}", f"DELETE FROM u WHERE id = {offset + 3}", f"UPDATE u SET n = n + 1 WHERE k = {offset + 1}",
        f"UPDATE n SET b = 'one' WHERE a = {offset} LIMIT 1", f"DELETE FROM n WHERE a = {offset} AND b = 'x'",
        f"UPDATE g SET a = 7 WHERE id = {offset + 1}", f"UPDATE g SET t = 'y' WHERE id = {offset + 2}", f"INSERT INTO g (id, a) VALUES ({offset + 3}, 3)",
        "BEGIN", f"UPDATE r SET a = a + 1 WHERE id > {offset}", f"DELETE FROM r WHERE id = {offset + 4}", "COMMIT", "SET SESSION binlog_row_image = FULL",
        f"UPDATE r SET d = 9 WHERE id > {offset}", f"INSERT INTO u (k, t, n) VALUES ({offset + 9}, 'z', 9)"]


@pytest.mark.parametrize("pair", ["mariadb-mariadb", "mysql9-mysql9", "mysql9-mariadb", "mariadb11-mariadb11"])
@pytest.mark.parametrize("image", ["MINIMAL", "NOBLOB"])
def test_row_images_that_are_not_full(migrate, pair, image):
    """A session may log less than the whole row: what is absent is unchanged, or has its default. Also in safe mode, after a kill."""
    done = migrate(pair, ["SET sql_mode = ''"] + PARTIAL + _partial_rows(0, "FULL"), ["SET sql_mode = ''"] + _partial_rows(100, image))
    worker = done.cluster.bound_worker(done.cluster.status_source(done.task))
    done.cluster.workers[worker].kill9()
    run_all(done.upstream, "odd", ["SET sql_mode = ''"] + _partial_rows(300, image))
    done.cluster.start_worker(worker)
    done.cluster.wait_stage(done.task, "Running", "Sync")
    wait_synced(done.cluster, done.task, done.upstream)
    found = difference(done.upstream, done.downstream, {"odd": "odd"})
    assert found is None, found


def test_filter_on_a_column_that_is_not_logged(migrate):
    instance = {"source-id": "mariadb-pos", "block-allow-list": "list", "mydumper-config-name": "dump", "loader-config-name": "load",
                "syncer-config-name": "sync", "expression-filters": ["f"]}
    rule = {"expression-filter": {"f": {"schema": "odd", "table": "t", "update-new-value-expr": "b = 'gone'"}}, "mysql-instances": [instance]}
    done = migrate("mariadb-mariadb", ["CREATE TABLE t (id INT PRIMARY KEY, a INT, b VARCHAR(20))", "INSERT INTO t VALUES (1, 1, 'here'), (2, 2, 'gone')"], [],
                   task=rule)
    run_all(done.upstream, "odd", ["UPDATE t SET a = 5 WHERE id = 1", "SET SESSION binlog_row_image = MINIMAL", "UPDATE t SET b = 'kept' WHERE id = 1"])
    done.cluster.wait_synced(done.task, done.upstream)
    run_all(done.upstream, "odd", ["SET SESSION binlog_row_image = MINIMAL", "UPDATE t SET a = 9 WHERE id = 2"])
    error = done.cluster.wait_error(done.task, 11126, "expression filter")
    assert "`odd`.`t`, column `b`" in error["Message"], error
    assert done.downstream.run("SELECT * FROM odd.t ORDER BY id") == ((1, 5, "kept"), (2, 2, "gone"))


def test_update_in_safe_mode_of_a_row_that_is_not_there(migrate):
    """Safe mode writes a whole row again; of a row that lacks columns it cannot, and says so."""
    done = migrate("mariadb-mariadb", ["CREATE TABLE t (id INT PRIMARY KEY, a INT, b INT)", "INSERT INTO t VALUES (1, 1, 1), (2, 2, 2)"], [],
                   task={"syncers": {"sync": {"safe-mode": True}}})
    done.downstream.run("DELETE FROM odd.t WHERE id = 1")
    run_all(done.upstream, "odd", ["SET SESSION binlog_row_image = MINIMAL", "UPDATE t SET a = 5 WHERE id = 2", "UPDATE t SET a = 5 WHERE id = 1"])
    error = done.cluster.wait_error(done.task, 11126, "found no row where `id` = 1")
    assert "Insert the row downstream" in error["Workaround"], error
    done.downstream.run("INSERT INTO odd.t VALUES (1, 1, 1)")
    done.cluster.ctl("resume-task", done.task)
    done.cluster.wait_stage(done.task, "Running", "Sync")
    wait_synced(done.cluster, done.task, done.upstream)
    assert done.downstream.run("SELECT * FROM odd.t ORDER BY id") == ((1, 5, 1), (2, 5, 2))


@pytest.mark.parametrize("change", ["UPDATE r SET a = 30 WHERE id = 1", "INSERT INTO d (id) VALUES (7)"])
def test_row_images_that_do_not_say_enough(migrate, change):
    """A row that cannot be found downstream, a default that is another one there: the task pauses before it writes what it does not know."""
    up = ["CREATE TABLE r (id INT PRIMARY KEY, a INT)", "CREATE TABLE d (id INT PRIMARY KEY, a INT DEFAULT 1)", "INSERT INTO r VALUES (1, 3), (2, 4)"]
    done = migrate("mariadb-mariadb", up, [], by_hand=["CREATE TABLE r (id INT NOT NULL, a INT PRIMARY KEY)", "CREATE TABLE d (id INT PRIMARY KEY, a INT DEFAULT 2)"],
                   definitions=False)
    run_all(done.upstream, "odd", ["SET SESSION binlog_row_image = MINIMAL", change])
    error = done.cluster.wait_error(done.task, 11126, "didn't log enough columns")
    assert "`odd`." in error["Message"] and "startLocation" in error["Message"], error
    assert done.downstream.run("SELECT * FROM odd.r ORDER BY id") == ((1, 3), (2, 4))
    assert done.downstream.run("SELECT * FROM odd.d") == ()


def test_compressed_transaction_larger_than_the_memory_for_it(migrate):
    """It is inflated piece by piece."""
    done = migrate("mysql9-mariadb", ["CREATE TABLE big (id INT PRIMARY KEY, v LONGTEXT)"], [])
    pid = done.cluster.workers[done.cluster.bound_worker(done.cluster.status_source(done.task))].pid
    with open(f"/proc/{pid}/clear_refs", "w") as f:
        f.write("5")  # the peak begins anew
    def memory(name):
        return int(re.search(rf"{name}:\s+(\d+)", open(f"/proc/{pid}/status").read())[1]) // 1024
    before = memory("VmRSS")
    rows = [f"INSERT INTO big VALUES ({i}, REPEAT('{i % 10}', 1 << 20))" for i in range(200)]
    run_all(done.upstream, "odd", ["SET SESSION binlog_transaction_compression = ON", "BEGIN"] + rows + ["COMMIT"])
    wait_synced(done.cluster, done.task, done.upstream)
    digest = "SELECT COUNT(*), SUM(LENGTH(v)), SUM(CRC32(v)) FROM odd.big"
    assert done.upstream.run(digest) == done.downstream.run(digest)
    assert memory("VmHWM") - before < 150, (before, memory("VmHWM"))


def test_full_nodup_images(migrate):
    migrate("mariadb11-mariadb11", ["CREATE TABLE r (id INT PRIMARY KEY, a INT, b BLOB)", "CREATE TABLE n (a INT, b TEXT)",
                                    "INSERT INTO r VALUES (1, 3, 'x'), (2, 4, 'y')", "INSERT INTO n VALUES (1, 'x'), (2, NULL)"],
            ["SET SESSION binlog_row_image = FULL_NODUP", "UPDATE r SET a = 30 WHERE id = 1", "UPDATE r SET b = NULL WHERE id = 2", "INSERT INTO r VALUES (3, 5, 'z')",
             "UPDATE n SET b = 'y' WHERE a = 2", "DELETE FROM n WHERE a = 1"])


def test_partial_json(migrate):
    """Updates of JSON documents that are logged as differences."""
    documents = ["JSON_OBJECT('a', 1, 'b', JSON_ARRAY(1, 2, 3), 'c', JSON_OBJECT('d', 'x'), 'pad', REPEAT('p', 200))",
                 "JSON_ARRAY(1, JSON_OBJECT('k', REPEAT('q', 300)), 3)", "JSON_OBJECT('big', REPEAT('y', 70000), 'n', 70000)"]
    full = ["CREATE TABLE p (id INT PRIMARY KEY, j JSON, k JSON, n INT)", "CREATE TABLE q (id INT, j JSON)", "CREATE TABLE plain (id INT PRIMARY KEY, a INT)"]
    full += [f"INSERT INTO p VALUES ({i}, {d}, {d}, {i})" for i, d in enumerate(documents)] + [f"INSERT INTO q VALUES ({i}, {d})" for i, d in enumerate(documents)]
    live = ["INSERT INTO plain VALUES (1, 1)", "UPDATE plain SET a = 2",
            "UPDATE p SET j = JSON_SET(j, '$.a', 7, '$.b[5]', 'new', '$.c.d', JSON_ARRAY(1.5, NULL)), n = n + 1 WHERE id = 0",
            "UPDATE p SET j = JSON_REMOVE(j, '$.pad'), k = JSON_SET(k, '$.\"odd name\"', 1, '$.é', TRUE) WHERE id = 0",
            "UPDATE p SET j = JSON_REPLACE(j, '$[1].k', 'short', '$[last]', -3) WHERE id = 1", "UPDATE p SET j = JSON_SET(j, '$.n', 1) WHERE id = 2",
            "UPDATE p SET j = JSON_ARRAY_INSERT(j, '$[0]', 0) WHERE id = 1", "UPDATE p SET n = 9", "UPDATE p SET j = NULL WHERE id = 1",
            "UPDATE q SET j = JSON_SET(j, '$.a', CAST(1.50 AS DOUBLE)) WHERE id IN (0, 2)", "UPDATE q SET j = JSON_REMOVE(j, '$[0]') WHERE id = 1"]
    for pair in ("mysql9-mysql9", "mysql9-mariadb"):
        migrate(pair, full, ["SET SESSION binlog_row_value_options = 'PARTIAL_JSON'"] + live)


def test_compressed_events(servers, migrate, set_global):
    full = ["CREATE TABLE c (id INT PRIMARY KEY, t TEXT, b BLOB)", "CREATE TABLE n (t TEXT)"]
    live = ["INSERT INTO c VALUES (1, REPEAT('text ', 1000), REPEAT(x'00ff', 1000)), (2, 'short', NULL)", "INSERT INTO n VALUES (REPEAT('x', 3000)), ('y')",
            "UPDATE c SET t = CONCAT(t, REPEAT('more', 500))", "CREATE TABLE later (id INT PRIMARY KEY COMMENT '" + "long " * 60 + "')", "INSERT INTO later VALUES (1)",
            "DELETE FROM n WHERE t = 'y'", "DELETE FROM c WHERE id = 2"]
    set_global(servers.get("mariadb", "up"), log_bin_compress=1, log_bin_compress_min_len=10)
    migrate("mariadb-mysql9", full, live)
    migrate("mysql9-mariadb", full, ["SET SESSION binlog_transaction_compression = ON"] + live)


@pytest.mark.parametrize("pair", ["mariadb-mariadb", "mysql9-mariadb"])
def test_the_checksum_is_switched_while_events_stream(migrate, pair):
    migrate(pair, ["CREATE TABLE s (id INT PRIMARY KEY)"], ["INSERT INTO s VALUES (1)", "SET GLOBAL binlog_checksum = NONE", "INSERT INTO s VALUES (2)",
                                                           "SET GLOBAL binlog_checksum = CRC32", "INSERT INTO s VALUES (3)"])


def test_values_larger_than_a_packet(servers, migrate, set_global):
    """Packets of the protocol end at 16 MiB - 1. (Compared by digests: the values as HEX would take minutes.)"""
    for kind, role in (("mariadb", "up"), ("mariadb", "down")):
        set_global(servers.get(kind, role), max_allowed_packet=256 << 20)
    full = ["CREATE TABLE l (id INT PRIMARY KEY, b LONGBLOB)", "INSERT INTO l VALUES (1, REPEAT(x'27', 16 * 1024 * 1024 + 7)), (2, REPEAT(x'00', 16777215))"]
    done = migrate("mariadb-mariadb", full, ["INSERT INTO l VALUES (3, REPEAT('a', 16777216))", "UPDATE l SET b = CONCAT(b, 'x') WHERE id = 1",
                                             "DELETE FROM l WHERE id = 2"], compare=False)
    wait_synced(done.cluster, done.task, done.upstream)
    digests = "SELECT id, LENGTH(b), SHA2(b, 256) FROM odd.l ORDER BY id"
    assert done.upstream.run(digests) == done.downstream.run(digests)


@pytest.mark.parametrize("pair,gtid", [("mysql56-mariadb", False), ("mysql56gtid-mysql9", True), ("mariadb11-mariadb", True), ("mariadb11-mysql9", False)])
def test_other_upstreams(migrate, pair, gtid):
    """MySQL 5.6 and MariaDB 11.8: rows with and without key, DDL, a transaction, a restart of the worker."""
    full = ["CREATE TABLE a (id INT AUTO_INCREMENT PRIMARY KEY, v VARCHAR(40), t TIMESTAMP(3) NULL, u INT, UNIQUE KEY (u))", "CREATE TABLE b (x INT, y TEXT)",
            "INSERT INTO a (v, t, u) VALUES ('one', '2024-01-02 03:04:05.678', 1), ('zwei ä', NULL, 2)", "INSERT INTO b VALUES (1, 'same'), (1, 'same'), (NULL, NULL)"]
    live = ["INSERT INTO a (v, u) VALUES ('three', 3), ('four', 4)", "UPDATE a SET v = CONCAT(v, '!')", "DELETE FROM a WHERE id = 1", "DELETE FROM b WHERE x = 1 LIMIT 1",
            "ALTER TABLE a ADD COLUMN w DECIMAL(10,3) DEFAULT 1.5, ADD INDEX (v)", "INSERT INTO a (v, u, w) VALUES ('five', 5, -0.001)",
            "CREATE TABLE c (id BIGINT UNSIGNED PRIMARY KEY, e ENUM('x','y'))", "INSERT INTO c VALUES (18446744073709551615, 'y')", "BEGIN", "UPDATE c SET e = 'x'",
            "INSERT INTO b VALUES (7, 'in a transaction')", "COMMIT", "RENAME TABLE c TO d", "TRUNCATE TABLE b", "INSERT INTO b VALUES (8, 'after')"]
    done = migrate(pair, full, live, gtid=gtid, definitions=False)
    worker = done.cluster.bound_worker(done.cluster.status_source(done.task))
    done.cluster.workers[worker].kill9()
    run_all(done.upstream, "odd", ["INSERT INTO a (v, u) VALUES ('six', 6)", "INSERT INTO b VALUES (9, 'again')", "DELETE FROM d"])
    done.cluster.start_worker(worker)
    done.cluster.wait_stage(done.task, "Running", "Sync")
    done.cluster.wait_synced(done.task, done.upstream)
    found = difference(done.upstream, done.downstream, {"odd": "odd"}, definitions=False)
    assert found is None, found
