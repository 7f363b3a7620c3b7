"""Names with every odd character, in everything that has a name; and more tables than anybody looks at."""
import os
import re
import time

import pytest

from dmtest.cluster import Cluster
from dmtest.compare import difference

ODD = ["`", "``", "a`b", "'", '"', "\\", "a\\'b", "%", "_", "%s%d{}", "a.b", "a/b", "../x", "a b", "-- x", "/* x */", "#", ";", "a;b", "?", "*", "[a]", "~a", "!a",
       "@", "$1", "&amp;", "<x>", "a\tb", "a\nb", "a\x01b", "\u00e9", "\u6f22\u5b57", "\u202e", "select", "null", "1", "1e5", "A", "x" * 64]


@pytest.fixture(scope="module")
def running(tmp_path_factory, servers):
    cluster = Cluster.of_pair(
        tmp_path_factory.mktemp("bad-names"), servers.get("mariadb", "up"), servers.get("mariadb", "down"))
    yield cluster
    cluster.stop()


def q(name):
    return "`" + name.replace("`", "``") + "`"


def start(cluster, schemas, **more):
    for schema in schemas:
        for server in (cluster.upstream, cluster.downstream):
            server.run(f"DROP DATABASE IF EXISTS {q(schema)}")
    return cluster.task_file("bad", ["src"], cluster.downstream, schemas, **{"meta-schema": "dm_bad_names", **more})



def test_tables_columns_and_indexes(running):
    """A table, a column and an index of each name: copied, changed live by rows and by statements."""
    schema, server = "bad_names", running.upstream
    path = start(running, [schema])
    server.run(f"CREATE DATABASE {schema}")

    def tables(prefix, names):
        for name in names:
            table = f"{schema}.{q((prefix + name)[:64])}"
            yield (f"CREATE TABLE {table} (id INT PRIMARY KEY, {q(name)} VARCHAR(20) COMMENT 'it''s \\\\ `x`', {q(name[:60] + ' 2')} INT, "
                   f"KEY {q(name)} ({q(name)}))")
            yield f"INSERT INTO {table} VALUES (1, 'copied', 1)"

    server.run("SET NAMES utf8mb4", *tables("", ODD))
    running.ctl("start-task", path, "--remove-meta")
    try:
        running.wait_stage("bad", "Running", "Sync")
        live = []
        for name in ODD:
            table = f"{schema}.{q(name)}"
            live += [f"INSERT INTO {table} VALUES (2, 'live', 2)", f"UPDATE {table} SET {q(name)} = 'changed' WHERE id = 1",
                     f"ALTER TABLE {table} ADD COLUMN {q(name[:60] + ' 3')} INT, ADD UNIQUE KEY {q(name[:60] + ' u')} (id, {q(name)})",
                     f"INSERT INTO {table} VALUES (3, 'behind', 3, 3)", f"DELETE FROM {table} WHERE id = 2"]
        server.run(*live, *tables("n", ODD[:30]))
        running.wait_synced("bad", server)
        found = difference(server, running.downstream, {schema: schema})
        assert found is None, found
        assert len(running.downstream.run(f"SHOW TABLES IN {schema}")) == len(ODD) + 30
    finally:
        running.ctl("stop-task", "bad")


def test_schemas(running):
    """By a pattern, since some of these characters mean something in a list."""
    schemas = [f"bad {name}"[:64].rstrip() for name in ODD]
    server = running.upstream
    path = start(running, schemas, **{"block-allow-list": {"list": {"do-dbs": ["bad *"]}}})
    for schema in schemas:
        server.run(f"CREATE DATABASE {q(schema)}", f"CREATE TABLE {q(schema)}.t (id INT PRIMARY KEY)", f"INSERT INTO {q(schema)}.t VALUES (1)")
    running.ctl("start-task", path, "--remove-meta")
    try:
        running.wait_stage("bad", "Running", "Sync")
        server.run(*[f"INSERT INTO {q(schema)}.t VALUES (2)" for schema in schemas],
                   *[f"CREATE TABLE {q(schema)}.`live` (id INT PRIMARY KEY)" for schema in schemas])
        running.wait_synced("bad", server)
        for schema in schemas:
            assert running.downstream.value(f"SELECT SUM(id) FROM {q(schema)}.t") == 3, schema
            assert len(running.downstream.run(f"SHOW TABLES IN {q(schema)}")) == 2, schema
    finally:
        running.ctl("stop-task", "bad")
        for schema in schemas:
            server.run(f"DROP DATABASE {q(schema)}")
            running.downstream.run(f"DROP DATABASE IF EXISTS {q(schema)}")


def memory_peak(process):
    """MiB."""
    with open(f"/proc/{process.pid}/status") as f:
        return int(re.search(r"VmHWM:\s+(\d+) kB", f.read())[1]) // 1024


def test_many_tables(running, record_property):
    """All of a source's tables are copied; the memory is for those that change. DM_TEST_TABLES: how many."""
    count, schema, server = int(os.environ.get("DM_TEST_TABLES", 1000)), "bad_many", running.upstream
    path = start(running, [schema], **{"ignore-checking-items": ["table_schema"]})
    server.run(f"CREATE DATABASE {schema}", *[f"CREATE TABLE {schema}.t{i} (id INT PRIMARY KEY, v INT) ENGINE=Aria TRANSACTIONAL=0" for i in range(count)],
               *[f"INSERT INTO {schema}.t{i} VALUES (1, {i})" for i in range(0, count, 100)])
    began = time.monotonic()
    running.ctl("start-task", path, "--remove-meta")
    try:
        running.wait_stage("bad", "Running", "Sync", timeout=max(240, count // 4))
        copied = time.monotonic() - began
        changed = range(7, count, max(count // 20, 1))
        server.run(*[f"INSERT INTO {schema}.t{i} VALUES (2, 2)" for i in changed])
        running.wait_synced("bad", server, timeout=max(120, count // 10))
        for i in changed:
            assert running.downstream.value(f"SELECT SUM(v) FROM {schema}.t{i} WHERE id = 2") == 2, i
        assert len(running.downstream.run(f"SHOW TABLES IN {schema}")) == count
        assert running.downstream.value(f"SELECT v FROM {schema}.t100") == 100
        peak = memory_peak(running.workers["worker1"])
        print(f"{count} tables: copied in {copied:.1f} s, the worker's memory at most {peak} MiB")
        assert peak < 600, peak
    finally:
        running.ctl("stop-task", "bad")
        for side in (server, running.downstream):
            side.run(f"DROP DATABASE {schema}")
