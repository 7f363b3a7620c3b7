"""What of a binlog is neither a row nor a plain DDL: changes logged as statements, savepoints that are rolled back, XA,
two-phase ALTER; and DDLs that must not run twice."""
import pytest

from dmtest.replicating import Replicating, pair_cluster
from dmtest.waiting import wait_for

SCHEMA = "stmt"


class Running(Replicating):
    """Beside SCHEMA there is `stmt_ignored`, which is not replicated."""

    def start(self, *statements):
        self.recreate(SCHEMA, "stmt_ignored")
        self.upstream.run(f"CREATE TABLE {SCHEMA}.t (id INT PRIMARY KEY, v INT)",
                          "CREATE TABLE stmt_ignored.t (id INT PRIMARY KEY, v INT)",
                          f"INSERT INTO {SCHEMA}.t VALUES (1, 1), (2, 2)", *statements)
        self.begin()


@pytest.fixture(scope="module", params=["mariadb", "mysql9"])
def pair(request, tmp_path_factory, servers):
    with pair_cluster(tmp_path_factory, servers, request.param, "statements") as cluster:
        trusted = cluster.upstream.value("SELECT @@GLOBAL.log_bin_trust_function_creators")
        cluster.upstream.run("SET GLOBAL log_bin_trust_function_creators = 1")
        yield Running(cluster, cluster.upstream, cluster.downstream, "stmt", SCHEMA)
        cluster.upstream.run(f"SET GLOBAL log_bin_trust_function_creators = {trusted}")


@pytest.fixture
def running(pair):
    yield pair
    pair.cluster.ctl("stop-task", pair.task, check=False)


def test_change_logged_as_statement_pauses(running):
    running.start()
    running.upstream.run(
        "SET SESSION binlog_format = STATEMENT", "UPDATE stmt_ignored.t SET v = 5", "INSERT INTO stmt_ignored.t VALUES (7, 7)")
    running.equal()
    running.upstream.run("SET SESSION binlog_format = STATEMENT", f"UPDATE {SCHEMA}.t SET v = v + 1 WHERE id = 2")
    error = running.cluster.wait_error(running.task, 36014, "only support ROW format binlog")
    assert f"`{SCHEMA}`.`t`" in error["Message"] and "SET v = v + 1" in error["Message"], error
    assert running.downstream.run(f"SELECT v FROM {SCHEMA}.t WHERE id = 2") == ((2,),)


SET_OFF = {
    "view": (["CREATE VIEW stmt_ignored.v AS SELECT * FROM stmt.t"], "INSERT INTO stmt_ignored.v VALUES (9, 9)"),
    "view of a view": (["CREATE VIEW stmt_ignored.v AS SELECT * FROM stmt.t", "CREATE VIEW stmt_ignored.w AS SELECT id, v FROM stmt_ignored.v"],
                       "UPDATE stmt_ignored.w SET v = 9"),
    "trigger": (["CREATE TRIGGER stmt_ignored.g AFTER INSERT ON stmt_ignored.t FOR EACH ROW INSERT INTO stmt.t VALUES (NEW.id, 9)"],
                "INSERT INTO stmt_ignored.t VALUES (9, 9)"),
    "trigger that calls": (["CREATE PROCEDURE stmt_ignored.p() UPDATE stmt.t SET v = 9",
                            "CREATE TRIGGER stmt_ignored.g AFTER DELETE ON stmt_ignored.t FOR EACH ROW CALL p"], "DELETE FROM stmt_ignored.t"),
    "function": (["CREATE FUNCTION stmt_ignored.f() RETURNS INT MODIFIES SQL DATA BEGIN DELETE FROM stmt.t WHERE id = 1; RETURN 9; END"],
                 "INSERT INTO stmt_ignored.t VALUES (stmt_ignored.f(), 9)"),
    "function of a view that is read": (
        ["CREATE FUNCTION stmt_ignored.f() RETURNS INT MODIFIES SQL DATA BEGIN DELETE FROM stmt.t WHERE id = 1; RETURN 9; END",
         "CREATE VIEW stmt_ignored.v AS SELECT stmt_ignored.f() AS id"], "INSERT INTO stmt_ignored.t SELECT id, 9 FROM stmt_ignored.v"),
    "function for a system table": (
        ["CREATE FUNCTION stmt_ignored.f() RETURNS INT MODIFIES SQL DATA BEGIN DELETE FROM stmt.t WHERE id = 1; RETURN 9; END",
         "DROP TABLE IF EXISTS mysql.stmt_of_dm", "CREATE TABLE mysql.stmt_of_dm (id INT)"], "INSERT INTO mysql.stmt_of_dm SELECT stmt_ignored.f()"),
}
HARMLESS = [
    "CREATE VIEW stmt_ignored.v AS SELECT * FROM stmt_ignored.t", "CREATE TABLE stmt_ignored.log (id INT)",
    "CREATE TRIGGER stmt_ignored.g AFTER INSERT ON stmt_ignored.t FOR EACH ROW INSERT INTO stmt_ignored.log VALUES (NEW.id)",
    "CREATE FUNCTION stmt_ignored.f() RETURNS INT DETERMINISTIC RETURN 5"]


@pytest.mark.parametrize("what", SET_OFF)
def test_change_logged_as_statement_that_sets_off_another(running, what):
    """The statement names no replicated table, and changes one through what the upstream has."""
    made, statement = SET_OFF[what]
    running.start("INSERT INTO stmt_ignored.t VALUES (3, 3)")
    running.upstream.run(*made)
    running.equal()
    running.upstream.run("SET SESSION binlog_format = STATEMENT", statement)
    error = running.cluster.wait_error(running.task, 36014, "only support ROW format binlog")
    assert f"`{SCHEMA}`.`t`" in error["Message"] and statement[:30] in error["Message"], error
    running.upstream.run("DROP TABLE IF EXISTS mysql.stmt_of_dm")


def test_change_logged_as_statement_that_sets_off_nothing_here(running):
    """Views, triggers and functions that stay outside; first before the statement, then made between statements."""
    running.start()
    up = running.upstream
    up.run(*HARMLESS)
    worker = running.cluster.bound_worker(running.source)
    old = len(running.cluster.log(worker, 1000000))
    for id in (10, 11):
        up.run("SET SESSION binlog_format = STATEMENT", "USE stmt_ignored", f"INSERT INTO t VALUES ({id}, f())", "UPDATE v SET v = 3",
               f"DELETE a, b FROM t a JOIN log b ON a.id = b.id WHERE a.id = {id}",
               "INSERT INTO stmt_ignored.log SELECT id FROM stmt.t")
        running.equal()
    assert "cannot be told" not in running.cluster.log(worker, 1000000)[old:]
    up.run("CREATE TRIGGER stmt_ignored.h AFTER DELETE ON stmt_ignored.t FOR EACH ROW DELETE FROM stmt.t WHERE id = 1",
           "INSERT INTO stmt_ignored.t VALUES (20, 20)")
    running.equal()
    up.run("SET SESSION binlog_format = STATEMENT", "DELETE FROM stmt_ignored.t")
    running.cluster.wait_error(running.task, 36014, f"`{SCHEMA}`.`t`")


def test_change_logged_as_statement_behind_a_trigger_that_is_gone(running):
    """It went with its table, another one has the name now."""
    running.start()
    up = running.upstream
    made = "CREATE TABLE stmt_ignored.d (id INT)"
    up.run("SET GLOBAL log_bin_trust_function_creators = 1", made,
           "CREATE TRIGGER stmt_ignored.gd AFTER INSERT ON stmt_ignored.d FOR EACH ROW INSERT INTO stmt.t VALUES (NEW.id, 9)",
           "SET SESSION binlog_format = STATEMENT", "INSERT INTO stmt_ignored.t VALUES (8, 8)")
    running.equal()
    up.run("DROP TABLE stmt_ignored.d", made, "SET SESSION binlog_format = STATEMENT", "INSERT INTO stmt_ignored.d VALUES (77)")
    running.equal()
    log = running.cluster.log(running.cluster.bound_worker(running.source), 1000000)
    assert not [line for line in log.splitlines() if "VALUES (77)" in line and "36014" in line]


def test_change_logged_as_statement_whose_table_is_gone(running):
    """Nobody can tell what it set off: the worker's log names it."""
    running.start()
    worker = running.cluster.bound_worker(running.source)
    running.cluster.ctl("pause-task", running.task)
    running.upstream.run("CREATE TABLE stmt_ignored.gone (id INT)", "SET SESSION binlog_format = STATEMENT",
                         "INSERT INTO stmt_ignored.gone VALUES (4711)", "DROP TABLE stmt_ignored.gone")
    running.resume()
    running.equal()
    wait_for(lambda: any("cannot be told" in line and "4711" in line for line in running.cluster.log(worker, 1000000).splitlines()),
             lambda: running.cluster.log(worker))


def test_load_data_logged_as_statement_pauses(running):
    running.start()
    with running.upstream.connect(local_infile=True) as connection:
        cursor = connection.cursor()
        cursor.execute("SET GLOBAL local_infile = 1")
        cursor.execute("SET SESSION binlog_format = STATEMENT")
        path = running.cluster.write("rows.txt", "8\t8\n")
        cursor.execute(f"LOAD DATA LOCAL INFILE '{path}' INTO TABLE stmt_ignored.t")
        running.equal()
        cursor.execute(f"LOAD DATA LOCAL INFILE '{path}' INTO TABLE {SCHEMA}.t")
    error = running.cluster.wait_error(running.task, 36014, "only support ROW format binlog")
    assert f"`{SCHEMA}`.`t`" in error["Message"], error


def prepare_xa(server, xid, *statements):
    """The session ends: whoever decides is another one."""
    server.run(f"XA START {xid}", *statements, f"XA END {xid}", f"XA PREPARE {xid}")


def test_prepared_xa_counts_when_it_is_committed(running):
    running.start(f"CREATE TABLE {SCHEMA}.nokey (a INT, b TEXT)", f"CREATE TABLE {SCHEMA}.other (a INT PRIMARY KEY)")
    up, down = running.upstream, running.downstream
    prepare_xa(up, "'first','b'", f"INSERT INTO {SCHEMA}.t VALUES (20, 20), (21, 21)", f"INSERT INTO {SCHEMA}.nokey VALUES (1, 'x'), (1, 'x')")
    prepare_xa(up, "'second'", f"UPDATE {SCHEMA}.t SET v = 99 WHERE id = 2", f"INSERT INTO {SCHEMA}.nokey VALUES (2, 'y')")
    prepare_xa(up, "'undone'", f"DELETE FROM {SCHEMA}.t WHERE id = 1")
    prepare_xa(up, "'elsewhere'", "INSERT INTO stmt_ignored.t VALUES (9, 9)")
    up.run(f"ALTER TABLE {SCHEMA}.other ADD COLUMN b INT", f"INSERT INTO {SCHEMA}.other VALUES (1, 1)")
    running.equal()
    assert down.value(f"SELECT COUNT(*) FROM {SCHEMA}.t WHERE id IN (20, 21) OR v = 99") == 0
    up.run("XA COMMIT 'second'", f"UPDATE {SCHEMA}.t SET v = v + 1 WHERE id = 2", "XA ROLLBACK 'undone'", "XA COMMIT 'elsewhere'")
    running.equal()
    up.run("XA COMMIT 'first','b'")
    running.equal()
    assert down.value(f"SELECT COUNT(*) FROM {SCHEMA}.nokey") == 3
    # The same xid again.
    prepare_xa(up, "'second'", f"DELETE FROM {SCHEMA}.t WHERE id = 20")
    running.cluster.ctl("pause-task", running.task)
    running.cluster.ctl("resume-task", running.task)
    running.cluster.wait_stage(running.task, "Running", "Sync")
    up.run("XA COMMIT 'second'")
    running.equal()


def test_xa_prepared_before_the_task_begins(running):
    running.upstream.run(f"DROP DATABASE IF EXISTS {SCHEMA}", f"CREATE DATABASE {SCHEMA}", f"CREATE TABLE {SCHEMA}.t (id INT PRIMARY KEY, v INT)",
                         f"CREATE TABLE {SCHEMA}.nokey (a INT)")
    prepare_xa(running.upstream, "'early'", f"INSERT INTO {SCHEMA}.t VALUES (30, 30)", f"INSERT INTO {SCHEMA}.nokey VALUES (1), (1)")
    running.upstream.run("FLUSH BINARY LOGS", f"INSERT INTO {SCHEMA}.t VALUES (31, 31)")
    running.downstream.run(f"DROP DATABASE IF EXISTS {SCHEMA}")
    running.begin()
    running.upstream.run("XA COMMIT 'early'")
    running.equal()
    assert running.downstream.value(f"SELECT COUNT(*) FROM {SCHEMA}.nokey") == 2


def test_rules_that_change_while_a_branch_is_prepared(running):
    """The rules of the run that meets the XA COMMIT count, as for an ordinary transaction that commits there."""
    running.start()
    prepare_xa(running.upstream, "'left out'", "INSERT INTO stmt_ignored.t VALUES (50, 50)")
    running.equal()
    running.cluster.ctl("stop-task", running.task)
    running.downstream.run("CREATE DATABASE stmt_ignored", "CREATE TABLE stmt_ignored.t (id INT PRIMARY KEY, v INT)")
    path = running.cluster.task_file(running.task, [running.source], running.downstream, [SCHEMA, "stmt_ignored"])
    running.cluster.ctl("start-task", path)
    running.cluster.wait_stage(running.task, "Running", "Sync")
    running.upstream.run("XA COMMIT 'left out'", f"INSERT INTO {SCHEMA}.t VALUES (51, 51)")
    running.equal()
    assert running.downstream.run("SELECT * FROM stmt_ignored.t") == ((50, 50),)


def test_xa_whose_rows_are_gone_pauses(running):
    running.start()
    prepare_xa(running.upstream, "'gone'", f"INSERT INTO {SCHEMA}.t VALUES (40, 40)")
    running.equal()
    running.cluster.ctl("pause-task", running.task)
    running.upstream.run("FLUSH BINARY LOGS", "FLUSH BINARY LOGS")
    running.cluster.ctl("resume-task", running.task)
    running.cluster.wait_stage(running.task, "Running", "Sync")
    running.equal()
    last = running.upstream.run("SHOW BINARY LOGS")[-1][0]

    def purged():  # a file that somebody reads, or that the server still needs, stays
        running.upstream.run(f"PURGE BINARY LOGS TO '{last}'")
        return running.upstream.run("SHOW BINARY LOGS")[0][0] == last

    wait_for(purged, "the binlogs are gone", interval=0.3)
    running.upstream.run("XA COMMIT 'gone'")
    error = running.cluster.wait_error(running.task, 36025, "XA COMMIT X'676f6e65'")
    assert "startLocation" in error["Message"] and "XA PREPARE is gone" in error["Workaround"], error
    assert running.downstream.run(f"SELECT * FROM {SCHEMA}.t WHERE id = 40") == ()


def test_xa_in_one_phase_is_replicated(running):
    running.start(f"CREATE TABLE {SCHEMA}.nokey (a INT, b TEXT)")
    running.upstream.run("XA START 'one'", f"INSERT INTO {SCHEMA}.t VALUES (11, 11)",
                         f"INSERT INTO {SCHEMA}.nokey VALUES (1, 'x'), (1, 'x')", "XA END 'one'", "XA COMMIT 'one' ONE PHASE")
    running.equal()
    assert running.downstream.value(f"SELECT COUNT(*) FROM {SCHEMA}.nokey") == 2


def test_savepoints(running):
    running.start()
    running.upstream.run("BEGIN", f"INSERT INTO {SCHEMA}.t VALUES (12, 12)", "SAVEPOINT s",
                         f"INSERT INTO {SCHEMA}.t VALUES (13, 13)", "ROLLBACK TO SAVEPOINT s", "RELEASE SAVEPOINT s",
                         f"INSERT INTO {SCHEMA}.t VALUES (14, 14)", "COMMIT")
    running.equal()


def insert(first, last, table="t"):
    return f"INSERT INTO {SCHEMA}.{table} SELECT seq, seq FROM {SCHEMA}.seq_{first}_to_{last}"


@pytest.mark.parametrize("pair", ["mariadb"], indirect=True)
def test_rows_that_the_log_undoes(running):
    """MariaDB keeps undone rows in the log of a transaction that changed what it cannot undo."""
    running.start("CREATE TABLE stmt_ignored.m (a INT) ENGINE=MyISAM", f"CREATE TABLE {SCHEMA}.nokey (a INT, b INT)",
                  f"INSERT INTO {SCHEMA}.nokey VALUES (1, 1), (1, 1)")
    up, temporary = running.upstream, f"CREATE TEMPORARY TABLE {SCHEMA}.passing (a INT)"
    up.run("BEGIN", insert(30, 40), f"UPDATE {SCHEMA}.t SET v = 9", f"DELETE FROM {SCHEMA}.nokey LIMIT 1", temporary, "ROLLBACK")
    up.run("BEGIN", f"INSERT INTO {SCHEMA}.t VALUES (15, 15)", "SAVEPOINT s", "INSERT INTO stmt_ignored.m VALUES (1)",
           f"INSERT INTO {SCHEMA}.t VALUES (16, 16)", f"INSERT INTO {SCHEMA}.nokey VALUES (16, 16)", "ROLLBACK TO s",
           f"INSERT INTO {SCHEMA}.t VALUES (16, 17)", f"INSERT INTO {SCHEMA}.nokey VALUES (16, 17)", "COMMIT")
    # What was undone does not hold up who uses the same keys.
    up.run(insert(30, 35), f"UPDATE {SCHEMA}.t SET v = v + 1 WHERE id > 32")
    # Within one another.
    up.run("BEGIN", insert(50, 51), "SAVEPOINT `a`", temporary, insert(52, 53), "SAVEPOINT b", insert(54, 54), "ROLLBACK TO b",
           insert(55, 55), "ROLLBACK TO b", insert(56, 56), "SAVEPOINT d", insert(57, 57), "ROLLBACK TO D", insert(58, 58), "COMMIT")
    # The server quotes names as the session does.
    up.run("SET sql_mode = 'ANSI_QUOTES'", "BEGIN", insert(62, 62), "SAVEPOINT s", temporary, insert(63, 63), "ROLLBACK TO s", insert(64, 64), "COMMIT")
    # A savepoint before all changes is not logged.
    up.run("BEGIN", "SAVEPOINT early", insert(60, 60), temporary, "ROLLBACK TO early", insert(61, 61), "COMMIT")
    # Many.
    up.run("BEGIN", insert(1001, 30000), temporary, "ROLLBACK")
    up.run("BEGIN", insert(1001, 1600), temporary, "SAVEPOINT s", insert(1601, 30000), "ROLLBACK TO s", insert(1611, 1611), "COMMIT")
    with up.connect() as connection:  # which goes away
        for statement in ("BEGIN", insert(70, 75), temporary):
            connection.cursor().execute(statement)
    running.equal()
    assert running.downstream.value(f"SELECT GROUP_CONCAT(id ORDER BY id) FROM {SCHEMA}.t WHERE id BETWEEN 50 AND 1000") == "50,51,52,53,56,58,61,62,64"


@pytest.mark.parametrize("undone", [
    ["INSERT INTO {0}.t VALUES (15, 15)", "SAVEPOINT s", "CREATE TEMPORARY TABLE {0}.passing (a INT)", "INSERT INTO {0}.t VALUES (16, 16)",
     "SELECT {0}.sets_it()", "INSERT INTO {0}.t VALUES (21, 21)", "ROLLBACK TO s", "INSERT INTO {0}.t VALUES (22, 22)", "COMMIT"],
    ["INSERT INTO {0}.t VALUES (15, 15)", "SAVEPOINT `é`", "CREATE TEMPORARY TABLE {0}.passing (a INT)", "INSERT INTO {0}.t VALUES (16, 16)",
     "ROLLBACK TO `é`", "COMMIT"]], ids=["function", "name"])
@pytest.mark.parametrize("pair", ["mariadb"], indirect=True)
def test_rows_of_which_it_is_not_sure_that_the_log_undoes_them(running, undone):
    """A function's savepoint hides another one of the name until its end; names that are not ASCII may be the same."""
    running.start(f"CREATE FUNCTION {SCHEMA}.sets_it() RETURNS INT MODIFIES SQL DATA BEGIN INSERT INTO {SCHEMA}.t VALUES (18, 18); SAVEPOINT s; "
                  f"INSERT INTO {SCHEMA}.t VALUES (19, 19); RETURN 1; END")
    running.upstream.run("BEGIN", *(statement.format(SCHEMA) for statement in undone))
    running.cluster.wait_error(running.task, 36025, "ROLLBACK")


@pytest.mark.parametrize("pair", ["mariadb"], indirect=True)
def test_a_branch_of_xa_that_undoes_rows_in_the_log(running):
    """Its rows may be read again when it is committed, where nothing says which are undone."""
    running.start()
    with running.upstream.connect() as connection:
        for statement in ("XA START 'undoes'", insert(15, 15), "SAVEPOINT s", f"CREATE TEMPORARY TABLE {SCHEMA}.passing (a INT)", insert(16, 16),
                          "ROLLBACK TO s", insert(17, 17), "XA END 'undoes'", "XA PREPARE 'undoes'"):
            connection.cursor().execute(statement)
        running.cluster.wait_error(running.task, 36025, "ROLLBACK")
        connection.cursor().execute("XA ROLLBACK 'undoes'")


@pytest.mark.parametrize("pair", ["mariadb"], indirect=True)
def test_rows_that_the_log_undoes_pause(running):
    """There are so many that some are on their way."""
    running.start(f"CREATE TABLE {SCHEMA}.wide (id INT PRIMARY KEY, v LONGTEXT)")
    wide = f"INSERT INTO {SCHEMA}.wide SELECT seq, REPEAT('x', 500000) FROM {SCHEMA}.seq_1_to_20"
    running.upstream.run("BEGIN", wide, f"CREATE TEMPORARY TABLE {SCHEMA}.passing (a INT)", "ROLLBACK")
    running.cluster.wait_error(running.task, 36025, "ROLLBACK")


@pytest.mark.parametrize("pair", ["mariadb"], indirect=True)
def test_two_phase_alter(running):
    running.start(f"INSERT INTO {SCHEMA}.t VALUES (20, 1)")
    with running.upstream.connect() as connection:
        cursor = connection.cursor()
        cursor.execute("SET SESSION binlog_alter_two_phase = ON")
        cursor.execute(f"ALTER TABLE {SCHEMA}.t ADD COLUMN c INT DEFAULT 5")
        cursor.execute(f"INSERT INTO {SCHEMA}.t VALUES (21, 2, 3)")
        with pytest.raises(Exception, match="Duplicate"):
            cursor.execute(f"ALTER TABLE {SCHEMA}.t ADD UNIQUE KEY u (c)")
            cursor.execute(f"INSERT INTO {SCHEMA}.t VALUES (22, 2, 3)")
        cursor.execute(f"CREATE INDEX i ON {SCHEMA}.t (c)")
    running.equal()


@pytest.mark.parametrize("point", ["1*sync/after-ddl-statement", "2*sync/after-ddl-statement", "2*sync/before-ddl-statement",
                                   "sync/before-track"])
@pytest.mark.parametrize("ddl", ["rename", "columns", "index", "exchange"])
def test_statement_is_not_executed_twice(servers, cluster, point, ddl):
    """kill -9 around the execution of statements that are not idempotent."""
    upstream, downstream = servers.get("mariadb", "up"), servers.get("mariadb", "down")
    cluster.start_master()
    cluster.start_worker("worker1", failpoints=f"{point.split('*')[-1]}={point.split('*')[0] + '*' if '*' in point else ''}kill")
    cluster.create_source("src", upstream)
    running = Running(cluster, upstream, downstream, "stmtk", SCHEMA)
    running.start(
        f"CREATE TABLE {SCHEMA}.a (id INT PRIMARY KEY, p INT, q INT)", f"INSERT INTO {SCHEMA}.a VALUES (1, 1, 2)",
        f"CREATE TABLE {SCHEMA}.b (id INT PRIMARY KEY, p INT, q INT)", f"INSERT INTO {SCHEMA}.b VALUES (2, 3, 4)",
        f"CREATE TABLE {SCHEMA}.p (id INT PRIMARY KEY) PARTITION BY RANGE (id) (PARTITION p0 VALUES LESS THAN (100))",
        f"CREATE TABLE {SCHEMA}.x (id INT PRIMARY KEY)", f"INSERT INTO {SCHEMA}.p VALUES (1)",
        f"INSERT INTO {SCHEMA}.x VALUES (2)")
    statement = {
        "rename": f"RENAME TABLE {SCHEMA}.a TO {SCHEMA}.c, {SCHEMA}.b TO {SCHEMA}.a, {SCHEMA}.c TO {SCHEMA}.b",
        "columns": f"ALTER TABLE {SCHEMA}.a RENAME COLUMN p TO q, RENAME COLUMN q TO p",
        "index": f"ALTER TABLE {SCHEMA}.a ADD INDEX (p), ADD UNIQUE (q)",
        "exchange": f"ALTER TABLE {SCHEMA}.p EXCHANGE PARTITION p0 WITH TABLE {SCHEMA}.x",
    }[ddl]
    upstream.run(statement)
    worker = cluster.workers["worker1"]
    one_statement = ddl != "rename"
    if point.startswith("2*") and one_statement:
        upstream.run(f"ALTER TABLE {SCHEMA}.t ADD COLUMN second INT")
    wait_for(lambda: not worker.alive(), lambda: f"the fail point is reached; {cluster.log('worker1')}")
    cluster.start_worker("worker1")
    if ddl == "exchange" and point in ("1*sync/after-ddl-statement", "sync/before-track"):
        error = cluster.wait_error("stmtk", 36077)
        assert "EXCHANGE PARTITION" in error["Message"], error
        return
    upstream.run(f"INSERT INTO {SCHEMA}.a VALUES (7, 8, 9)")
    cluster.wait_stage("stmtk", "Running", "Sync")
    running.equal()


def test_statement_that_failed_and_was_repaired_is_executed(running):
    """What the operator changes to repair a failed statement is not taken for the statement's own effect."""
    running.start()
    running.downstream.run(f"RENAME TABLE {SCHEMA}.t TO {SCHEMA}.away")
    running.upstream.run(f"ALTER TABLE {SCHEMA}.t ADD COLUMN c INT DEFAULT 4")
    running.cluster.wait_error(running.task, phrase="1146")
    running.downstream.run(f"RENAME TABLE {SCHEMA}.away TO {SCHEMA}.t")
    running.cluster.ctl("resume-task", running.task)
    running.upstream.run(f"INSERT INTO {SCHEMA}.t VALUES (30, 1, 2)")
    running.cluster.wait_stage(running.task, "Running", "Sync")
    running.equal()
