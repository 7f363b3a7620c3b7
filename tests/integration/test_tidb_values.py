"""The value matrix (dmtest/value_matrix.py) into TiDB, and what TiDB cannot hold: an error that says so, or another type."""
import json
import struct

import pytest

import test_values
from test_values import migrate, outcomes, run_all, set_global, source_of  # noqa: F401: fixtures

pytestmark = pytest.mark.xdist_group("tidb")

PAIRS = ["mariadb-tidb", "mysql9-tidb", "mysql56-tidb", "mariadb11-tidb"]


@pytest.mark.parametrize("pair", PAIRS)
def test_matrix(pair, outcomes, record_property):  # noqa: F811
    test_values.test_matrix(pair, outcomes, record_property)


def test_page_shows_the_outcomes(outcomes):  # noqa: F811
    test_values.check_page(outcomes, "tidb values", PAIRS)


@pytest.fixture
def task(servers, shared_cluster):
    """Returns start(kind, definition of v, mode): a task with a table `lacks`.`t` (id, v) of that upstream, begun before or
    after the statements; they are given as a list."""
    started = []

    def start(kind, statements, full, by_hand=()):
        upstream, downstream = servers.get(kind, "up"), servers.get("tidb", "down")
        source = source_of(shared_cluster, upstream, f"{kind}-pos")
        for server in (upstream, downstream):
            server.run("DROP DATABASE IF EXISTS lacks", "CREATE DATABASE lacks DEFAULT CHARACTER SET utf8mb4")
        run_all(downstream, "lacks", by_hand)
        if full:
            run_all(upstream, "lacks", statements)
        shared_cluster.ctl("stop-task", "lacks", check=False)
        path = shared_cluster.task_file("lacks", [source], downstream, ["lacks"])
        shared_cluster.ctl("start-task", path, "--remove-meta")
        started.append("lacks")
        if not full:
            shared_cluster.wait_stage("lacks", "Running", "Sync")
            run_all(upstream, "lacks", statements)
        return upstream, downstream

    yield start
    for name in started:
        shared_cluster.ctl("stop-task", name, check=False)


@pytest.mark.parametrize("kind,ddl,phrase", [
    ("mariadb", "POINT", 'near "POINT'), ("mysql9", "GEOMETRY", 'near "GEOMETRY'), ("mysql9", "VECTOR(3)", 'near "VECTOR(3)'),
    ("mariadb", "VARCHAR(20) CHARACTER SET cp1256", "Unknown character set: 'CP1256'"),
    ("mysql9", "TEXT CHARACTER SET gb18030", "Unknown character set: 'GB18030'")],
    ids=["mariadb-POINT", "mysql9-GEOMETRY", "mysql9-VECTOR", "mariadb-cp1256", "mysql9-gb18030"])
def test_type_that_tidb_has_not(task, shared_cluster, kind, ddl, phrase):
    """The task pauses with the statement and TiDB's words, whether the table is dumped or comes later."""
    for full in (True, False):
        task(kind, [f"CREATE TABLE t (id INT PRIMARY KEY, v {ddl})"], full)
        error = shared_cluster.wait_error("lacks", 34019 if full else 10006, phrase)
        text = error["Message"] + error["RawCause"]
        assert "`lacks`.`t`" in text and "`v`" in text, error
        assert not full or "CREATE TABLE" in text, error


@pytest.mark.parametrize("kind,charset,there,bad,good", [
    ("mariadb", "cp1256", "utf8mb4", "x'61818a'", "x'6181'"), ("mysql9", "gbk", "gbk", "x'61fefe'", "x'61d2bb'"),
    ("mariadb", "euckr", "utf8mb4", "x'61c9a1'", "x'61b0a1'")], ids=["mariadb-cp1256", "mysql9-gbk", "mariadb-euckr"])
def test_bytes_that_are_no_character(task, shared_cluster, kind, charset, there, bad, good):
    """TiDB itself would store an empty text in their place."""
    up = f"CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20) CHARACTER SET {charset})"
    down = f"CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20) CHARACTER SET {there})"
    task(kind, [up, f"INSERT INTO t VALUES (1, {good}), (2, {bad})"], True, [down])
    error = shared_cluster.wait_error("lacks", 34019, f"Unsupported character introducer: '{charset}'")
    assert "`lacks`.`t` from file" in error["RawCause"], error
    shared_cluster.ctl("stop-task", "lacks")

    upstream, downstream = task(kind, [up, f"INSERT INTO t VALUES (1, {good})", f"INSERT INTO t VALUES (2, {bad})"], False, [down])
    error = shared_cluster.wait_error("lacks", 11054, f"no character in {charset}")
    assert "`lacks`.`t`, column `v`" in error["Message"] and "startLocation" in error["Message"], error
    assert "VARBINARY" in error["Workaround"], error
    expected = upstream.run("SELECT id, CONVERT(v USING utf8mb4) FROM lacks.t WHERE id = 1")
    assert set(downstream.run("SELECT id, v FROM lacks.t")) <= set(expected)


@pytest.mark.parametrize("kind", ["mysql9", "mariadb11"])
def test_vectors(task, shared_cluster, kind):
    """They arrive as JSON arrays in text made by hand, and as bytes in bytes; by the full copy and from the binlog; rows are found by them too."""
    make = "TO_VECTOR" if kind == "mysql9" else "VEC_FromText"
    values = ["[1,2.5,-3]", "[0,0,0]", "[3.4028234e38,-0.5,0.1]"]
    def rows(table, first):
        return [f"INSERT INTO {table} VALUES ({make}('{v}'), {make}('{v}'), {first + i})" for i, v in enumerate(values + values[:1])] + \
            [f"INSERT INTO {table} VALUES (NULL, NULL, {first + 9})"]
    def changes(table, first):
        return [f"UPDATE {table} SET n = n + 10 WHERE n IN ({first + 1}, {first + 3})", f"DELETE FROM {table} WHERE n = {first + 2}"]
    definition = "(v VECTOR(3), b VECTOR(3), n INT)"
    made = "(v TEXT, b VARBINARY(12), n INT)"
    def same(table):
        up = upstream.run(f"SELECT n, HEX(v), HEX(b) FROM lacks.{table} ORDER BY n")
        down = downstream.run(f"SELECT n, v, HEX(b) FROM lacks.{table} ORDER BY n")
        assert up == tuple((n, v and struct.pack("<3f", *json.loads(v)).hex().upper(), b) for n, v, b in down)

    upstream, downstream = task(kind, [f"CREATE TABLE full {definition}", *rows("full", 0)], True, [f"CREATE TABLE full {made}", f"CREATE TABLE live {made}"])
    shared_cluster.wait_stage("lacks", "Running", "Sync")
    same("full")
    run_all(upstream, "lacks", [*rows("full", 100), *changes("full", 0), *changes("full", 100), f"CREATE TABLE live {definition}", *rows("live", 0), *changes("live", 0)])
    shared_cluster.wait_synced("lacks", upstream)
    same("full")
    same("live")
    texts = "SELECT DISTINCT v FROM lacks.full WHERE v LIKE '[1,%' OR v LIKE '[0,%' ORDER BY v"
    assert downstream.run(texts) == (("[0,0,0]",), ("[1,2.5,-3]",))


def test_members_with_backslashes(migrate):  # noqa: F811
    """TiDB's SHOW CREATE TABLE writes them as no parser could read them."""
    columns = r"v ENUM('a','it''s','\\','x\\y','\\''') NOT NULL DEFAULT '\\', s SET('\\','b'), n INT"
    statements = [f"CREATE TABLE keyed (id INT PRIMARY KEY, {columns})", f"CREATE TABLE keyless ({columns})"]
    def rows(first):
        return [f"INSERT INTO keyed VALUES ({first + i}, {i % 5 + 1}, {i % 4}, {i})" for i in range(6)] + \
            [f"INSERT INTO keyless VALUES ({i % 5 + 1}, {i % 4}, {first + i})" for i in range(6)]
    for pair in PAIRS[:2]:
        migrate(pair, statements + rows(0), rows(10) + [
            "UPDATE keyed SET v = 3 WHERE id IN (1, 11)", "DELETE FROM keyed WHERE id IN (2, 12)", "UPDATE keyless SET s = 3 WHERE n IN (1, 12)",
            "DELETE FROM keyless WHERE n IN (2, 13)"])
