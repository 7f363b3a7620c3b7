"""Values that a column of TiDB cannot hold stop the task. What TiDB says of them in an UPDATE names no column, and in a session that is not strict
it is a warning."""
import re

import pytest

from dmtest.cluster import Cluster
from test_values_that_do_not_fit import REFUSED, SCHEMA, TASK, Fitting

pytestmark = pytest.mark.xdist_group("tidb_values_that_do_not_fit")

NUMBERS = "Error (1048|1264|1265|1292|1366|1406|1411|1690) "
# What TiDB takes as it is: text of every character set is UTF-8 there.
KINDS = {name: kind[:4] for name, kind in REFUSED.items() if name != "charset"}
KINDS |= {
    "unsigned": ("INT", "INT UNSIGNED", "1", "-1"), "time": ("VARCHAR(20)", "TIME", "'10:00:00'", "'999:99:99'"),
    "moment": ("DATETIME", "TIMESTAMP NULL", "'2020-01-01 00:00:00'", "'2039-01-01 00:00:00'"), "bits": ("BIT(8)", "BIT(3)", "5", "99"),
    "year": ("INT", "YEAR", "2000", "1800"),
}


@pytest.fixture(scope="module")
def fitting(tmp_path_factory, servers):
    cluster = Cluster(tmp_path_factory.mktemp("fit-tidb"))
    cluster.start_master()
    yield Fitting(cluster, servers.get("mariadb", "up"), servers.get("tidb", "down"), TASK, SCHEMA)
    cluster.stop()


@pytest.mark.parametrize("table_is", ["strict", "lenient"])
def test_what_does_not_fit_stops_the_task(fitting, table_is):
    """Also where a row before it has made the table one that is written without strict modes."""
    cases = [(f"{name}_{change}{len(key)}", key, change, *kind) for name, kind in KINDS.items() for change in ("insert", "update")
             for key in (" PRIMARY KEY", "") if key or name in ("text", "number", "member", "other_type")]
    fitting.make([sql for name, key, _, up, _, good, _ in cases
                  for sql in (f"CREATE TABLE {name} (id INT{key}, v {up}, e ENUM('x','y'))", f"INSERT INTO {name} VALUES (1, {good}, 'x')")],
                 [f"CREATE TABLE {name} (id INT{key}, v {down}, e ENUM('x','y'))" for name, key, _, _, down, *_ in cases])
    fitting.begin()
    fitting.synced()
    if table_is == "lenient":
        for name, _, _, _, _, good, _ in cases:
            fitting.odd(f"INSERT INTO {name} VALUES (9, {good}, '')", f"UPDATE {name} SET e = 'y' WHERE id = 9",
                        f"UPDATE {name} SET e = '' WHERE id = 9")
        for name, *_ in cases:
            fitting.same(f"SELECT id, e + 0 FROM {name} ORDER BY id")
        assert {name for name, *_ in cases} <= set(fitting.lenient_tables())
    for name, _, change, up, _, good, bad in cases:
        rows = f"SELECT * FROM {SCHEMA}.{name} WHERE id IN (1, 3)"
        before = fitting.downstream.run(rows)
        fitting.odd(f"INSERT INTO {name} VALUES (2, {good}, 'x'), (3, {bad}, 'x'), (4, {good}, 'x')" if change == "insert"
                    else f"UPDATE {name} SET v = {bad} WHERE id = 1")
        error = fitting.cluster.wait_error(TASK, 10006, f"`{SCHEMA}`.`{name}`")
        assert re.search(NUMBERS, error["RawCause"]), (name, error)
        assert "Alter the downstream table" in error["Workaround"], (name, error)
        assert fitting.downstream.run(rows) == before, name
        # Not MODIFY: TiDB refuses some of these changes.
        fitting.downstream.run(f"DROP TABLE {SCHEMA}.{name}", f"CREATE TABLE {SCHEMA}.{name} (id INT, v {up}, e ENUM('x','y'))",
                               f"INSERT INTO {SCHEMA}.{name} VALUES (1, {good}, 'x')")
        if table_is == "lenient":
            fitting.downstream.run("SET SESSION sql_mode = ''", f"INSERT INTO {SCHEMA}.{name} VALUES (9, {good}, '')")
        fitting.resume()
    for name, *_ in cases:
        value = "v > 1e200" if name.startswith("single") else "HEX(v)"
        fitting.same(f"SELECT id, {value}, e + 0 FROM {name} ORDER BY id")
