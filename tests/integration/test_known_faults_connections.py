"""Connections that break, or statements that fail, at the worst moment: nothing lost, nothing doubled, the task goes on by itself."""
import itertools
import re

import pytest

from dmtest.migrated import Migrated
from dmtest.proxy import Cut, Fails, Instead, Proxy
from dmtest.waiting import wait_for

SCHEMA = "kfc"
TABLES = ["CREATE TABLE k (id INT PRIMARY KEY, v INT, UNIQUE KEY (v))", "CREATE TABLE n (a INT, b VARCHAR(10))"]


@pytest.mark.parametrize("kind,gtid", [("mariadb", True), ("mysql9", False)])
def test_streams_that_break_around_a_transactions_begin_and_in_its_middle(proxied, kind, gtid):
    """Behind the GTID event, behind BEGIN, between rows and before the end: each transaction of a table without a key comes once."""
    m = proxied(f"{kind}-mariadb", up=True, gtid=gtid)
    m.replicating(*TABLES)
    # Type codes: GTID of MySQL and MariaDB, BEGIN, table map, rows, XID.
    plan = [33, 162, 2, 19, 30, 16, 23]
    cuts = []

    def cut(kind_of_event, event):
        if plan and kind_of_event == plan[0]:
            cuts.append(plan.pop(0))
            raise Cut
        return event

    def drop_unknown():
        # Each server writes only some of these events.
        known = {"mysql9": {33, 2, 19, 30, 16}, "mariadb": {162, 19, 23, 16}}[kind]
        plan[:] = [p for p in plan if p in known]

    drop_unknown()
    wanted = len(plan)
    m.via.on_event = cut
    for i in range(wanted + 2):
        m.write("BEGIN", *[f"INSERT INTO n VALUES ({i}, 'row {j}')" for j in range(20)], "INSERT INTO n SELECT a, 'copy' FROM n WHERE a = %d" % i, f"INSERT INTO k VALUES ({i}, {i})", "COMMIT")
    m.synced(120)
    m.equal()
    assert len(cuts) == wanted, cuts


def test_a_table_whose_rows_are_refused_is_named_and_load_is_not_finished(proxied):
    m = proxied("mariadb-mariadb", down=True)
    refused = []

    def refuse(text):
        if "`t7`" in text and ("INSERT" in text or "REPLACE" in text):
            refused.append(text)
            return Fails(1205, "Lock wait timeout exceeded; try restarting transaction")
        return None

    m.into.on_statement = refuse
    m.prepare(*itertools.chain(*[(f"CREATE TABLE t{i} (id INT PRIMARY KEY)", f"INSERT INTO t{i} VALUES (1), (2)") for i in range(20)]))
    m.start(**{"task-mode": "full"})
    error = m.cluster.wait_error(m.task, 34019, "1205", timeout=120)
    assert f"`{SCHEMA}`.`t7`" in error["RawCause"], error
    assert refused
    m.into.on_statement = lambda text: None
    m.cluster.ctl("resume-task", m.task)
    m.cluster.wait_stage(m.task, "Finished")
    for i in range(20):
        assert m.downstream.value(f"SELECT COUNT(*) FROM {SCHEMA}.t{i}") == 2


def test_more_columns_in_the_list_of_tables(proxied):
    m = proxied("mariadb-mariadb", up=True)
    asked = []

    def more_columns(text):
        match = re.match(r"SHOW FULL TABLES (?:FROM|IN) `(\w+)`(.*)", text)
        if not match:
            return None
        asked.append(text)
        return Instead("SELECT TABLE_NAME AS `Tables_in_x`, TABLE_TYPE AS Table_type, 'x' AS Storage_class FROM information_schema.TABLES "
                       f"WHERE TABLE_SCHEMA = '{match[1]}'" + match[2].replace(" WHERE Table_Type", " AND TABLE_TYPE"))

    m.via.on_statement = more_columns
    m.replicating(*TABLES, "INSERT INTO k VALUES (1, 1)")
    m.write("INSERT INTO k VALUES (2, 2)")
    m.equal()
    assert asked


def test_a_statement_of_a_batch_in_safe_mode_that_fails(proxied):
    """One row becomes two statements there; the second fails."""
    m = proxied("mariadb-mariadb", down=True, syncers={"sync": {"safe-mode": True, "multiple-rows": False}})
    m.replicating(*TABLES, "INSERT INTO k VALUES (1, 1), (2, 2), (3, 3)", "INSERT INTO n VALUES (1, 'a')")
    m.synced()
    failed = []

    def refuse(text):
        if "REPLACE INTO" in text and SCHEMA in text and len(failed) < 3:
            failed.append(text)
            return Fails(1205, "Lock wait timeout exceeded; try restarting transaction")
        return None

    m.into.on_statement = refuse
    m.write("BEGIN", "UPDATE k SET id = id + 10, v = v + 10 ORDER BY id DESC", "INSERT INTO n VALUES (2, 'b')", "COMMIT", "UPDATE k SET v = 100 WHERE id = 11")
    wait_for(lambda: failed, "a statement fails")
    m.synced(90)
    m.equal()


def test_an_address_of_version_six(servers, cluster):
    upstream, downstream = servers.get("mariadb", "up"), servers.get("mariadb", "down")
    six = [Proxy(server, host="::1") for server in (upstream, downstream)]
    cluster.start_master()
    cluster.start_worker("worker1")
    cluster.create_source("six", six[0], **{"from": {"host": "::1"}})
    cluster.sources = {"six": upstream}
    m = Migrated(cluster, upstream, downstream, [SCHEMA], "kfc", source="six", into=six[1], **{"target-database": {"host": "::1"}})
    try:
        m.replicating(*TABLES, "INSERT INTO k VALUES (1, 1)")
        m.write("INSERT INTO k VALUES (2, 2)")
        m.equal()
    finally:
        m.stop()
        for proxy in six:
            proxy.stop()
