"""`binlog skip|replace|inject|revert|list`: going on where a statement of the binlog stops a task."""
import json
import urllib.request

import pytest

from dmtest.broken import SCHEMA, Running
from dmtest.replicating import pair_cluster
from dmtest.waiting import wait_for

ONLY_STATEMENTS = ("only support to handle ddl error currently, see "
                   "https://docs.pingcap.com/tidb-data-migration/stable/error-handling for other errors")
STAYS_PAUSED = "the task was paused by `pause-task` and stays so: `resume-task` makes it go on"


@pytest.fixture(scope="module", params=["mariadb", "mysql9"])
def pair(request, tmp_path_factory, servers):
    with pair_cluster(tmp_path_factory, servers, request.param, "broken") as cluster:
        yield Running(cluster, cluster.upstream, cluster.downstream)


@pytest.fixture
def running(pair):
    yield pair
    pair.cluster.ctl("stop-task", pair.task, check=False)


on_mariadb = pytest.mark.parametrize("pair", ["mariadb"], indirect=True)
on_mysql = pytest.mark.parametrize("pair", ["mysql9"], indirect=True)


def test_skip(running):
    running.start()
    assert running.binlog("skip", ok=False) == "source 'src' has no error"
    assert running.binlog("list", ok=False) == "source 'src' has no error"
    assert running.binlog("list", "-b", "mysql-bin.000001:4") == "[]"
    running.break_unique_key()
    assert running.listed() == []
    place = running.place_of("ADD UNIQUE KEY u (v)")
    assert running.binlog("revert", ok=False) == (
        "[code=36065:class=sync-unit:scope=internal:level=low], Message: error operator not exist, position: "
        f"({place[0]}, {place[1]})")
    assert running.binlog("skip") == ""
    running.upstream.run(f"INSERT INTO {SCHEMA}.t VALUES (3, 30), (4, 40)")
    running.synced()
    assert running.downstream.run(f"SELECT * FROM {SCHEMA}.t ORDER BY id") == ((1, 7), (2, 7), (3, 30), (4, 40))
    assert running.keys() == []
    log = running.worker_log()
    assert "skip a statement of the binlog as it was asked for" in log and "ADD UNIQUE KEY u (v)" in log
    assert running.binlog("skip", ok=False) == "source 'src' has no error"
    # What was skipped is known: the next statement fits. (The downstream, which has no such index, is passed over.)
    running.upstream.run(f"ALTER TABLE {SCHEMA}.t RENAME INDEX u TO w", f"ALTER TABLE {SCHEMA}.t ADD UNIQUE KEY x (v)")
    running.error(1062)
    assert running.binlog("skip", "-s", "src") == ""
    running.synced()


@on_mariadb
def test_skipped_column_is_tracked(running):
    """Rows behind a skipped ADD COLUMN fail since the target lacks the column, not since numbers of columns differ."""
    running.start()
    running.downstream.run(f"UPDATE {SCHEMA}.t SET v = 7")
    running.upstream.run(f"ALTER TABLE {SCHEMA}.t ADD COLUMN c INT, ADD UNIQUE KEY u (v)")
    running.error(1062)
    running.binlog("skip")
    running.upstream.run(f"INSERT INTO {SCHEMA}.t VALUES (5, 5, 5)")
    running.column_comes_by_hand()


@on_mariadb
def test_skipped_end_of_an_online_schema_change_is_tracked(running):
    """As gh-ost does it. The rename is skipped; rows that follow are read by the new definition."""
    running.start()
    running.downstream.run(f"UPDATE {SCHEMA}.t SET v = 7")
    running.upstream.run(f"CREATE TABLE {SCHEMA}._t_gho LIKE {SCHEMA}.t",
                         f"ALTER TABLE {SCHEMA}._t_gho ADD COLUMN c INT, ADD UNIQUE KEY u (v)",
                         f"INSERT INTO {SCHEMA}._t_gho SELECT id, v, NULL FROM {SCHEMA}.t",
                         f"RENAME TABLE {SCHEMA}.t TO {SCHEMA}._t_del, {SCHEMA}._t_gho TO {SCHEMA}.t")
    running.error(1062)
    running.binlog("skip")
    running.upstream.run(f"DROP TABLE {SCHEMA}._t_del", f"INSERT INTO {SCHEMA}.t VALUES (5, 5, 5)")
    running.column_comes_by_hand()


@on_mariadb
def test_replace(running):
    running.start()
    running.break_unique_key()
    running.binlog("replace", f"ALTER TABLE {SCHEMA}.t ADD KEY one (v);", f"ALTER TABLE {SCHEMA}.t ADD UNIQUE KEY two (v);")
    error = running.error(1062)
    assert "suffix: 1]" in error["Message"] and "two" in error["Message"], error
    place = running.place_of("ADD UNIQUE KEY u (v)")
    assert running.listed() == [{
        "op": 2, "task": running.task, "binlogPos": f"({place[0]}, {place[1]})",
        "sqls": [f"ALTER TABLE {SCHEMA}.t ADD KEY one (v);", f" ALTER TABLE {SCHEMA}.t ADD UNIQUE KEY two (v);"]}]
    assert running.keys() == ["one"]
    # Without it the original comes again.
    running.binlog("revert")
    error = running.error(1062)
    assert "suffix" not in error["Message"] and "UNIQUE KEY u" in error["Message"], error
    running.binlog("replace", f"alter table {SCHEMA}.t add key three (v)")
    running.upstream.run(f"INSERT INTO {SCHEMA}.t VALUES (3, 30)")
    running.synced()
    assert running.keys() == ["one", "three"]
    assert running.downstream.value(f"SELECT COUNT(*) FROM {SCHEMA}.t") == 3
    assert running.listed("-b", f"{place[0]}:4") == []


@on_mariadb
def test_handle_error(running):
    """The old name."""
    running.start()
    running.break_unique_key()
    answer = running.cluster.ctl("handle-error", running.task, "replace", f"ALTER TABLE {SCHEMA}.t ADD KEY one (v)").json
    assert answer["sources"][0]["result"] is True, answer
    running.synced()
    assert running.keys() == ["one"]
    running.upstream.run(f"ALTER TABLE {SCHEMA}.t ADD UNIQUE KEY x (v)")
    running.error(1062)
    assert running.cluster.ctl("handle-error", running.task, "skip").json["sources"][0]["result"] is True
    running.synced()


@on_mariadb
def test_statements_are_checked(running):
    running.start()
    running.break_unique_key()
    for statement, code, phrase in (
            (f"INSERT INTO {SCHEMA}.t VALUES (9, 9)", 36064, "only support replace or inject with DDL currently"),
            ("ALTER TABLE t ADD KEY one (v)", 36024, "without schema name"),
            ("CREATE TABLE broken.n LIKE t", 36024, "without schema name")):
        for command in ("replace", "inject"):
            message = running.binlog(command, statement, ok=False)
            assert f"[code={code}:" in message and phrase in message, message
    assert running.listed() == []
    assert "UNIQUE KEY u" in running.error(1062)["Message"]
    for command in ("skip", "list"):
        unknown = running.cluster.ctl("binlog", command, "nosuch", check=False).json
        assert unknown == {"result": False, "msg": "task nosuch has no source or not exist, please check the task name and status",
                           "sources": []}
    # By HTTP.
    body = {"op": "Replace", "task": running.task, "binlogPos": "nowhere", "sqls": [f"ALTER TABLE {SCHEMA}.t ADD KEY one (v)"]}
    request = urllib.request.Request(f"http://{running.cluster.address}/apis/v1alpha1/errors", data=json.dumps(body).encode(),
                                     method="PUT")
    with urllib.request.urlopen(request, timeout=60) as answer:
        entry = json.loads(answer.read())["sources"][0]
    assert not entry["result"] and entry["msg"].startswith(
        "[code=11118:class=functional:scope=internal:level=low], Message: invalid --binlog-pos nowhere in handle-error operation: "
        "the format should be filename:pos"), entry
    other = running.cluster.ctl("binlog", "skip", running.task, "-s", "nosuch").json
    assert other["sources"] == [{"result": False, "msg": "source nosuch relevant worker-client not found", "source": "nosuch",
                                 "worker": ""}]


def test_skip_ahead(running):
    """Positions that are given: of the statement, of nothing, of rows."""
    running.start()
    running.cluster.ctl("pause-task", running.task)
    running.downstream.run(f"UPDATE {SCHEMA}.t SET v = 7")
    running.upstream.run(f"INSERT INTO {SCHEMA}.t VALUES (10, 100)", f"ALTER TABLE {SCHEMA}.t ADD UNIQUE KEY u (v)",
                         f"INSERT INTO {SCHEMA}.t VALUES (11, 110)", f"ALTER TABLE {SCHEMA}.t ADD KEY good (v)")
    file, bad = running.place_of("ADD UNIQUE KEY u (v)")
    _, good = running.place_of("ADD KEY good (v)")
    rows = [int(row[1]) for row in running.upstream.run(f"SHOW BINLOG EVENTS IN '{file}'") if "Write_rows" in row[2]]
    assert bad < rows[-1] < good
    # The user has paused it, so it stays paused.
    assert running.binlog("skip", "-b", f"{file}:{bad}") == STAYS_PAUSED
    assert running.cluster.status(running.task)["stage"] == "Paused"
    running.resume()
    # Accepted while it runs, too. These two concern no statement, so nothing is left out.
    running.binlog("skip", "-b", f"{file}:{rows[-1]}")
    running.binlog("skip", "-b", f'"{file}:{good + 1}"')
    running.synced()
    assert running.keys() == ["good"]
    assert running.downstream.run(f"SELECT * FROM {SCHEMA}.t WHERE id > 2 ORDER BY id") == ((10, 100), (11, 110))
    running.upstream.run(f"INSERT INTO {SCHEMA}.t VALUES (12, 120)")
    running.synced()
    assert running.listed("-b", f"{file}:4") == []
    assert running.worker_log().count("an operation was not carried out and is forgotten") >= 2


def test_inject_before_rows(running):
    """A table that is neither known nor there is made before the transaction that writes to it."""
    running.start()
    running.upstream.run("SET sql_log_bin = 0", f"CREATE TABLE {SCHEMA}.n (id INT PRIMARY KEY, w INT)",
                         f"CREATE TABLE {SCHEMA}.nokey (a INT)", "SET sql_log_bin = 1", "BEGIN",
                         f"INSERT INTO {SCHEMA}.t VALUES (20, 20)", f"INSERT INTO {SCHEMA}.n VALUES (1, 1)",
                         f"INSERT INTO {SCHEMA}.nokey VALUES (1), (1)", f"INSERT INTO {SCHEMA}.n VALUES (2, 2)", "COMMIT")
    running.error(1146)
    for command in ("skip", "list", "revert"):
        assert running.binlog(command, ok=False) == ONLY_STATEMENTS
    assert running.binlog("replace", f"CREATE TABLE {SCHEMA}.n (id INT PRIMARY KEY)", ok=False) == ONLY_STATEMENTS
    running.binlog("inject", f"CREATE TABLE {SCHEMA}.n (id INT PRIMARY KEY, w INT);", f"CREATE TABLE {SCHEMA}.nokey (a INT)")
    running.cluster.wait_stage(running.task, "Running", "Sync")
    running.equal()
    assert running.downstream.value(f"SELECT COUNT(*) FROM {SCHEMA}.nokey") == 2


@on_mariadb
def test_inject_before_rows_that_fail_downstream(running):
    """The error of a change downstream, not of reading it. What was injected is done once, though the error comes again."""
    running.start()
    running.downstream.run(f"CREATE TRIGGER {SCHEMA}.no BEFORE INSERT ON {SCHEMA}.t FOR EACH ROW SIGNAL SQLSTATE '45000'")
    running.upstream.run("BEGIN", f"INSERT INTO {SCHEMA}.t VALUES (50, 50)", f"INSERT INTO {SCHEMA}.t VALUES (51, 50)", "COMMIT")
    running.error(1644)
    running.cluster.ctl("pause-task", running.task)  # else it tries again by itself
    assert running.binlog("skip", ok=False) == ONLY_STATEMENTS
    assert running.binlog("inject", f"ALTER TABLE {SCHEMA}.t ADD KEY (v)") == STAYS_PAUSED
    assert running.keys() == []
    running.cluster.ctl("resume-task", running.task, check=False)
    wait_for(lambda: running.keys() == ["v"], lambda: f"the statement is executed; there are {running.keys()}")
    running.error(1644)
    running.downstream.run(f"DROP TRIGGER {SCHEMA}.no")
    running.resume()
    running.synced()
    assert running.downstream.run(f"SELECT * FROM {SCHEMA}.t WHERE id >= 50") == ((50, 50), (51, 50))
    assert running.keys() == ["v"]


def test_inject_ahead_inside_a_transaction(running):
    """The position of rows in mid-transaction: the transaction is read again from its begin."""
    running.start(f"CREATE TABLE {SCHEMA}.pieces (a INT, b INT)")
    running.cluster.ctl("pause-task", running.task)
    running.upstream.run("SET sql_log_bin = 0", f"CREATE TABLE {SCHEMA}.n (id INT PRIMARY KEY, w INT)", "SET sql_log_bin = 1",
                         "BEGIN", f"INSERT INTO {SCHEMA}.t VALUES (20, 20)", f"INSERT INTO {SCHEMA}.pieces VALUES (1, 1), (1, 1)",
                         f"INSERT INTO {SCHEMA}.n VALUES (1, 1)", f"INSERT INTO {SCHEMA}.pieces VALUES (1, 1), (1, 1)", "COMMIT")
    file, _ = running.place_of(f"CREATE TABLE {SCHEMA}.pieces")
    writes = [int(row[1]) for row in running.upstream.run(f"SHOW BINLOG EVENTS IN '{file}'") if "Write_rows" in row[2]]
    running.binlog("inject", "-b", f"{file}:{writes[-2]}", f"CREATE TABLE {SCHEMA}.n (id INT PRIMARY KEY, w INT)")
    running.resume()
    running.equal()
    assert running.downstream.value(f"SELECT COUNT(*) FROM {SCHEMA}.pieces") == 4
    assert "a statement is to be injected inside a transaction, which is read again" in running.worker_log()


def test_inject_ahead_of_the_first_rows(running):
    """Nothing of the transaction is applied yet, so it is not read again; the map of the rows' table is read."""
    running.start()
    running.cluster.ctl("pause-task", running.task)
    running.upstream.run("SET sql_log_bin = 0", f"CREATE TABLE {SCHEMA}.n (id INT PRIMARY KEY, w INT)", "SET sql_log_bin = 1", f"INSERT INTO {SCHEMA}.n VALUES (1, 1)")
    file = running.upstream.run(running.upstream.status_statement)[0][0]
    writes = [int(row[1]) for row in running.upstream.run(f"SHOW BINLOG EVENTS IN '{file}'") if "Write_rows" in row[2]]
    running.binlog("inject", "-b", f"{file}:{writes[-1]}", f"CREATE TABLE {SCHEMA}.n (id INT PRIMARY KEY, w INT)")
    running.resume()
    running.equal()
    assert "without its table map" not in running.worker_log()


@on_mariadb
def test_inject_before_a_statement(running):
    running.start(f"CREATE TABLE {SCHEMA}.gone (id INT PRIMARY KEY)")
    running.downstream.run(f"DROP TABLE {SCHEMA}.gone")
    running.upstream.run(f"ALTER TABLE {SCHEMA}.gone ADD COLUMN c INT")
    running.error(1146)
    # It is tracked: the table is there for DM, so it is dropped first.
    running.binlog("inject", f"DROP TABLE {SCHEMA}.gone; CREATE TABLE {SCHEMA}.gone (id INT PRIMARY KEY)")
    running.upstream.run(f"INSERT INTO {SCHEMA}.gone VALUES (1, 2)")
    running.cluster.wait_stage(running.task, "Running", "Sync")
    running.equal()


@on_mariadb
def test_change_logged_as_statement_is_skipped(running):
    running.start()
    running.upstream.run("SET SESSION binlog_format = STATEMENT", f"UPDATE {SCHEMA}.t SET v = 5 WHERE id = 2")
    error = running.cluster.wait_error(running.task, 36014)
    assert "`binlog skip`" in error["Workaround"], error
    running.downstream.run(f"UPDATE {SCHEMA}.t SET v = 5 WHERE id = 2")
    running.binlog("skip")
    running.upstream.run(f"INSERT INTO {SCHEMA}.t VALUES (30, 1)")
    running.cluster.wait_stage(running.task, "Running", "Sync")
    running.equal()


@on_mariadb
def test_statement_that_cannot_be_tracked(running):
    running.start()
    running.upstream.run(f"ALTER TABLE {SCHEMA}.t ADD s BIGINT UNSIGNED GENERATED ALWAYS AS ROW START, ADD e BIGINT UNSIGNED GENERATED ALWAYS "
                         "AS ROW END, ADD PERIOD FOR SYSTEM_TIME (s, e), ADD SYSTEM VERSIONING")
    running.cluster.wait_error(running.task, 44006, "cannot track DDL")
    running.binlog("skip")
    running.synced()
    assert "a filtered statement cannot be tracked" in running.worker_log()


# More than is held back until it is known whether its transaction undoes it.
WIDE = f"CREATE TABLE {SCHEMA}.wide (id INT PRIMARY KEY, v LONGTEXT)"
INSERT_WIDE = f"INSERT INTO {SCHEMA}.wide SELECT seq, REPEAT('x', 500000) FROM {SCHEMA}.seq_1_to_20"


@on_mariadb
def test_rows_that_the_log_undoes_are_passed(running):
    running.start("CREATE DATABASE IF NOT EXISTS broken_ignored", "DROP TABLE IF EXISTS broken_ignored.m",
                  "CREATE TABLE broken_ignored.m (a INT) ENGINE=MyISAM", WIDE)
    running.upstream.run("BEGIN", f"INSERT INTO {SCHEMA}.t VALUES (15, 15)", "SAVEPOINT s", "INSERT INTO broken_ignored.m VALUES (1)", INSERT_WIDE,
                         f"INSERT INTO {SCHEMA}.t VALUES (16, 16)", "ROLLBACK TO s", "COMMIT")
    running.cluster.wait_error(running.task, 36025, "ROLLBACK")
    running.binlog("skip")
    running.synced()
    running.downstream.run(f"DELETE FROM {SCHEMA}.wide", f"DELETE FROM {SCHEMA}.t WHERE id = 16")
    running.equal()


@on_mariadb
def test_rows_before_a_skipped_rollback_are_not_passed(running):
    """They are applied behind the skip: the checkpoint that knows of it must not be behind them before."""
    running.start(WIDE)
    running.upstream.run("BEGIN", INSERT_WIDE, f"INSERT INTO {SCHEMA}.t VALUES (17, 17)", f"CREATE TEMPORARY TABLE {SCHEMA}.passing (a INT)", "ROLLBACK")
    running.cluster.wait_error(running.task, 36025, "ROLLBACK")
    running.downstream.run(f"ALTER TABLE {SCHEMA}.t ADD CONSTRAINT seventeen CHECK (v <> 17)")
    running.binlog("skip")
    running.cluster.wait_error(running.task, 10006, "seventeen")
    running.downstream.run(f"ALTER TABLE {SCHEMA}.t DROP CONSTRAINT seventeen")
    running.resume()
    running.synced()
    assert running.downstream.value(f"SELECT v FROM {SCHEMA}.t WHERE id = 17") == 17
    running.downstream.run(f"DELETE FROM {SCHEMA}.wide", f"DELETE FROM {SCHEMA}.t WHERE id = 17")
    running.equal()


@on_mysql
def test_compressed_transactions(running):
    """The position of a compressed transaction: a skip concerns none of its rows, an injection comes before them."""
    running.start()
    running.cluster.ctl("pause-task", running.task)
    running.upstream.run(
        "SET sql_log_bin = 0", f"CREATE TABLE {SCHEMA}.n (id INT PRIMARY KEY, w INT)", "SET sql_log_bin = 1",
        "SET SESSION binlog_transaction_compression = ON", "BEGIN", f"INSERT INTO {SCHEMA}.t VALUES (40, 40)",
        f"INSERT INTO {SCHEMA}.n VALUES (1, 1)", "COMMIT", "BEGIN", f"INSERT INTO {SCHEMA}.t VALUES (41, 41)", "COMMIT")
    file = running.upstream.run("SHOW BINARY LOGS")[-1][0]
    payloads = [int(row[1]) for row in running.upstream.run(f"SHOW BINLOG EVENTS IN '{file}'") if row[2] == "Transaction_payload"]
    running.binlog("inject", "-b", f"{file}:{payloads[-2]}", f"CREATE TABLE {SCHEMA}.n (id INT PRIMARY KEY, w INT)")
    running.binlog("skip", "-b", f"{file}:{payloads[-1]}")
    running.resume()
    running.equal()
