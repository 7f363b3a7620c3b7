"""`compact` and `multiple-rows`: fewer statements, the same rows, whatever is killed when."""
import pytest

from dmtest.waiting import wait_for
from test_sync_places import SCHEMA, migration  # noqa: F401

FORMS = {"compact": {"compact": True}, "multiple-rows": {"multiple-rows": True}, "both": {"compact": True, "multiple-rows": True}}
TABLES = """
CREATE TABLE pk (id INT PRIMARY KEY, v VARCHAR(40), u INT, UNIQUE KEY (u));
CREATE TABLE nokey (a INT, b VARCHAR(40));
CREATE TABLE nullable (a INT, b VARCHAR(40), UNIQUE KEY (a));
CREATE TABLE hot (id INT PRIMARY KEY, n INT, v TEXT);
INSERT INTO hot VALUES (1, 0, ''), (2, 0, ''), (3, 0, '');
"""


def syncer(form, **more):
    return {"syncers": {"sync": {"worker-count": 4, **FORMS[form], **more}}}


def statements(server, *patterns):
    """How many statements of the downstream's general log are like each pattern."""
    return [server.value(f"SELECT COUNT(*) FROM mysql.general_log WHERE argument LIKE '{pattern}'") for pattern in patterns]


@pytest.fixture
def logged(migration):  # noqa: F811
    migration.downstream.run("SET GLOBAL log_output = 'TABLE'", "SET GLOBAL general_log = 1", "TRUNCATE mysql.general_log")
    yield migration
    migration.downstream.run("SET GLOBAL general_log = 0", "TRUNCATE mysql.general_log", "SET GLOBAL log_output = 'FILE'")


@pytest.mark.parametrize("form", FORMS)
def test_equal_after_kills(migration, form):  # noqa: F811
    migration.prepare(TABLES)
    migration.start(failpoints="sync/after-commit=30*kill", **syncer(form))
    migration.running()
    writer = migration.write()
    migration.wait_killed()
    migration.restart("sync/after-commit=60*kill")
    migration.wait_killed()
    migration.wait_transactions(writer, 50)
    migration.restart()
    migration.running()
    migration.wait_transactions(writer, 200)
    writer.stop()
    migration.check()


def test_a_backlog_takes_few_statements(logged):
    logged.prepare(TABLES)
    logged.start(**syncer("both"))
    logged.running()
    logged.cluster.ctl("pause-task", "places")
    with logged.upstream.connect(database=SCHEMA) as connection:
        cursor = connection.cursor()
        for i in range(300):
            cursor.execute("UPDATE hot SET n = n + 1, v = CONCAT('v', n) WHERE id = %s", (i % 3 + 1,))
        cursor.execute("INSERT INTO pk SELECT seq, 'x', seq FROM seq_1_to_600")
        cursor.execute("DELETE FROM pk WHERE id > 500")
    logged.downstream.run("TRUNCATE mysql.general_log")
    with logged.downstream.connect(database=SCHEMA) as holder:  # nothing is written before all is read: a backlog it is
        cursor = holder.cursor()
        cursor.execute("BEGIN")
        cursor.execute("SELECT * FROM hot FOR UPDATE")
        logged.cluster.ctl("resume-task", "places")
        waits = "SELECT COUNT(*) FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'"
        wait_for(lambda: logged.downstream.value(waits) > 0, "a worker waits for the rows")
        sent = "SELECT COUNT(*) FROM information_schema.processlist WHERE command = 'Binlog Dump' AND state LIKE 'Master has sent all%'"
        wait_for(lambda: logged.upstream.value(sent) > 0, "all is read")
        cursor.execute("ROLLBACK")
    logged.check()
    # (The log has whole packets: a row for each statement of them.)
    hot, pk = statements(logged.downstream, "%`hot`%", "%`pk`%")
    assert 0 < hot < 30 and 0 < pk < 60, (hot, pk)


def test_an_error_names_the_row(migration):  # noqa: F811
    migration.prepare(TABLES)
    cluster = migration.cluster
    cluster.start_worker("worker1")
    cluster.create_source("src", migration.upstream, checker={"check-enable": False})
    cluster.ctl("start-task", cluster.task_file("places", ["src"], migration.downstream, [SCHEMA], **{"meta-schema": "dm_places"},
                                                **syncer("multiple-rows", **{"safe-mode-duration": "1s"})))
    migration.running()

    def safe_mode_is_over():  # it ends with the first event behind its time
        migration.upstream.run(f"UPDATE {SCHEMA}.hot SET n = n + 1 WHERE id = 1")
        return "disable safe-mode" in cluster.log("worker1", 1000)

    wait_for(safe_mode_is_over, "safe mode ends")
    migration.downstream.run(f"INSERT INTO {SCHEMA}.pk VALUES (7, 'mine', NULL)")
    migration.upstream.run(f"INSERT INTO {SCHEMA}.pk SELECT seq, 'x', seq FROM {SCHEMA}.seq_1_to_20")
    error = cluster.wait_error("places", 10006, "VALUES (7,'x',7)")
    assert "Duplicate entry '7'" in error["RawCause"] and "safe mode was off" in error["Workaround"], error
    assert f"table `{SCHEMA}`.`pk`, key `PRIMARY`" in error["Workaround"], error
    assert migration.downstream.value(f"SELECT v FROM {SCHEMA}.pk WHERE id = 7") == "mine"
    migration.downstream.run(f"DELETE FROM {SCHEMA}.pk WHERE id = 7")
    cluster.ctl("resume-task", "places")
    migration.check()


def test_foreign_keys_refuse_both(migration):  # noqa: F811
    migration.prepare(TABLES)
    migration.cluster.start_worker("worker1")
    migration.cluster.create_source("src", migration.upstream)
    for form in ("compact", "multiple-rows"):
        task = migration.cluster.task_file("places", ["src"], migration.downstream, [SCHEMA], **syncer(form), **{
            "target-database": {"session": {"foreign_key_checks": "1"}}})
        done = migration.cluster.ctl("start-task", task, check=False)
        assert "code=20070" in str(done) and form in str(done), done
