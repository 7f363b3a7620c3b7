"""Statements that move tables or rows between a replicated table and one that the rules leave out stop the task."""
import pytest

from dmtest.waiting import wait_for

SCHEMA = "across"
UNSUPPORTED = 36068


def _task(migrated, pair, *statements, tables=("log", "ev"), filters=None):
    """A task that replicates some tables of a database, and none of `across_arch`."""
    rules = {"list": {"do-dbs": [SCHEMA], "do-tables": [{"db-name": SCHEMA, "tbl-name": name} for name in tables]}}
    m = migrated(pair, **{"block-allow-list": rules})
    if filters:
        m.changes["filters"] = filters
        m.changes["mysql-instances"] = [{"source-id": m.source, "block-allow-list": "list", "filter-rules": list(filters), "mydumper-config-name": "dump",
                                         "loader-config-name": "load", "syncer-config-name": "sync"}]
    for server in (m.upstream, m.downstream):
        server.run("DROP DATABASE IF EXISTS across_arch")
    m.upstream.run("CREATE DATABASE across_arch")
    m.replicating(*statements)
    return m


def _stopped(m, *words):
    error = m.cluster.wait_error(m.task, code=UNSUPPORTED)
    for word in words:
        assert word in error["Message"], error
    assert "binlog replace" in error["Workaround"], error


def _given(m, *arguments):
    """Until the task runs, or is at the next statement that stops it already."""
    before = m.cluster.wait_error(m.task, code=UNSUPPORTED)["Message"]
    m.cluster.ctl("binlog", *arguments)
    m.cluster.ctl("resume-task", m.task)

    def goes_on():
        status = m.cluster.status(m.task)
        if status["stage"] == "Paused" and status["result"] and status["result"]["errors"]:
            return status["result"]["errors"][0]["Message"] != before
        return (status["stage"], status["unit"]) == ("Running", "Sync")

    wait_for(goes_on, lambda: f"the task goes on; now {m.cluster.status(m.task)}")


def _rows(m, table, columns="*"):
    query = f"SELECT {columns} FROM {SCHEMA}.{table} ORDER BY 1"
    m.synced()
    up, down = m.upstream.run(query), m.downstream.run(query)
    assert up == down, (up, down)


@pytest.mark.parametrize("pair", ["mariadb-mariadb", "mysql9-mysql9"])
def test_a_table_that_is_archived_is_replaced_or_skipped(pair, migrated):
    m = _task(migrated, pair, "CREATE TABLE log (id INT PRIMARY KEY, v VARCHAR(20))", "INSERT INTO log VALUES (1, 'a'), (2, 'b')")
    m.write("RENAME TABLE log TO across_arch.log_1", "CREATE TABLE log LIKE across_arch.log_1", "INSERT INTO log VALUES (1, 'new')")
    _stopped(m, "rename", f"`{SCHEMA}`.`log`", "`across_arch`.`log_1`")
    _given(m, "replace", m.task, f"DROP TABLE {SCHEMA}.log")
    _stopped(m, "LIKE", f"`{SCHEMA}`.`log`", "`across_arch`.`log_1`")
    _given(m, "replace", m.task, f"CREATE TABLE {SCHEMA}.log (id INT PRIMARY KEY, v VARCHAR(20))")
    _rows(m, "log")
    # Skipped: the table of that name that comes next is known as what it is, also after a restart.
    m.write("RENAME TABLE log TO log_2, across_arch.log_1 TO log", "INSERT INTO log VALUES (9, 'z')")
    _stopped(m, "`log_2`")
    m.downstream.run(f"DROP TABLE {SCHEMA}.log", f"CREATE TABLE {SCHEMA}.log (id INT PRIMARY KEY, v VARCHAR(20))",
                     f"INSERT INTO {SCHEMA}.log VALUES (1, 'a'), (2, 'b')")
    _given(m, "skip", m.task)
    _rows(m, "log")
    m.write("RENAME TABLE log TO across_arch.log_3")
    _stopped(m, "`log_3`")
    _given(m, "skip", m.task)
    m.synced()
    m.downstream.run(f"DROP TABLE {SCHEMA}.log")
    m.restart_worker("CREATE TABLE log (id INT PRIMARY KEY, w DATETIME)", "INSERT INTO log VALUES (1, '2020-01-01 00:00:00')")
    _rows(m, "log")


def test_partitions_that_are_exchanged_and_converted(migrated):
    m = _task(migrated, "mariadb-mariadb", "CREATE TABLE ev (id INT PRIMARY KEY) PARTITION BY RANGE (id) (PARTITION p0 VALUES LESS THAN (10), "
              "PARTITION p1 VALUES LESS THAN (20), PARTITION p2 VALUES LESS THAN (30))", "INSERT INTO ev VALUES (1), (11), (21)")
    m.write("CREATE TABLE across_arch.p0 (id INT PRIMARY KEY)", "ALTER TABLE ev EXCHANGE PARTITION p0 WITH TABLE across_arch.p0")
    _stopped(m, "EXCHANGE PARTITION", f"`{SCHEMA}`.`ev`", "`across_arch`.`p0`")
    _given(m, "replace", m.task, f"ALTER TABLE {SCHEMA}.ev TRUNCATE PARTITION p0")
    _rows(m, "ev")
    m.write("ALTER TABLE ev CONVERT PARTITION p1 TO TABLE across_arch.p1")
    _stopped(m, "CONVERT PARTITION", "`across_arch`.`p1`")
    _given(m, "replace", m.task, f"ALTER TABLE {SCHEMA}.ev DROP PARTITION p1")
    _rows(m, "ev")
    m.write("ALTER TABLE ev CONVERT PARTITION p2 TO TABLE across_arch.p2")
    _stopped(m, "CONVERT PARTITION")
    m.downstream.run(f"ALTER TABLE {SCHEMA}.ev DROP PARTITION p2")
    _given(m, "skip", m.task)
    # The tracked definition has it no more.
    m.write("ALTER TABLE ev ADD PARTITION (PARTITION p2 VALUES LESS THAN (40))", "INSERT INTO ev VALUES (35)")
    _rows(m, "ev")


def test_what_does_not_stop_the_task(migrated):
    """Views, copies for others, and tables that are there already."""
    m = _task(migrated, "mysql9-mysql9", "CREATE TABLE log (id INT PRIMARY KEY)", "CREATE TABLE tmpl (id INT PRIMARY KEY)", "INSERT INTO log VALUES (1)", tables=("log", "v1"))
    m.write("CREATE TABLE across_arch.copy LIKE log", "CREATE TABLE IF NOT EXISTS log LIKE tmpl", "CREATE VIEW v1 AS SELECT 1 AS one", "RENAME TABLE v1 TO w1",
            "CREATE TABLE other (id INT)", "RENAME TABLE other TO across_arch.other", "INSERT INTO log VALUES (2)")
    _rows(m, "log")


def test_a_rename_that_the_users_filter_leaves_out_does_not_stop_the_task(migrated):
    m = _task(migrated, "mariadb-mariadb", "CREATE TABLE log (id INT PRIMARY KEY)", "INSERT INTO log VALUES (1)",
              filters={"keep": {"schema-pattern": SCHEMA, "table-pattern": "log", "events": ["rename table"], "action": "Ignore"}})
    m.write("RENAME TABLE log TO across_arch.log_1", "CREATE TABLE log (id INT PRIMARY KEY, w INT)")
    m.synced()
    m.downstream.run(f"ALTER TABLE {SCHEMA}.log ADD w INT")
    m.write("INSERT INTO log VALUES (2, 2)")
    m.synced()
    assert m.downstream.run(f"SELECT id, w FROM {SCHEMA}.log ORDER BY id") == ((1, None), (2, 2))
