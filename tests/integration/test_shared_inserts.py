"""Neighbouring inserts share statements: the rows, and what is said of one that fails, are as if each had its own."""
import threading

import pytest

from dmtest import proxy as proxies
from dmtest.waiting import wait_for
from test_merged_changes import logged, statements  # noqa: F401
from test_sync_places import SCHEMA, migration  # noqa: F401

TABLES = """
CREATE TABLE pk (id INT PRIMARY KEY, v VARCHAR(40), u INT, UNIQUE KEY (u));
CREATE TABLE nokey (a INT, v VARCHAR(40));
CREATE TABLE types (id BIGINT UNSIGNED PRIMARY KEY, i INT, d DECIMAL(30,10), f FLOAT, g DOUBLE, b BIT(20), t TEXT, v VARBINARY(100), l BLOB, j JSON, y YEAR,
                    s TIMESTAMP(6) NULL, m DATETIME(3), c TIME(2), e ENUM('a', 'b', 'c'), k SET('x', 'y', 'z'), n VARCHAR(20) CHARACTER SET latin1,
                    p POINT, z CHAR(5), gen INT AS (i + 1) STORED);
CREATE TABLE markers (id BIGINT UNSIGNED PRIMARY KEY, i INT, h SMALLINT UNSIGNED, m MEDIUMINT, d DECIMAL(30,10), b BIT(20), t TEXT, v VARBINARY(100), l LONGBLOB, j JSON,
                      y YEAR, s TIMESTAMP(6) NULL, w DATETIME(3), a DATE, c TIME(2), e ENUM('a', 'b', 'c'), k SET('x', 'y', 'z'), n VARCHAR(20) CHARACTER SET latin1,
                      p POINT, z CHAR(5), q BINARY(6), r VARCHAR(300), f INET6, o UUID, gen INT AS (i + 1) STORED, mark INT DEFAULT 5);
CREATE TABLE odd (id INT PRIMARY KEY, e ENUM('a', 'b'));
CREATE TABLE beat (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY);
CREATE TABLE number (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, v VARCHAR(40));
"""
VALUES = """INSERT INTO types (id, i, d, f, g, b, t, v, l, j, y, s, m, c, e, k, n, p, z) SELECT seq, IF(seq % 7 = 0, NULL, seq - 500), seq / 7 - 100, seq / 3, -seq / 9e100, seq,
    IF(seq % 5 = 0, NULL, REPEAT('日\\'"\\\\', seq % 11)), UNHEX(MD5(seq)), REPEAT(CHAR(seq % 256), seq % 40), JSON_OBJECT('k', seq, 'q', '"'), 1970 + seq % 100,
    FROM_UNIXTIME(seq * 1000000 + seq / 1000), '2020-01-01 10:00:00' + INTERVAL seq MINUTE, SEC_TO_TIME(seq * 100 - 40000), 1 + seq % 3, seq % 8,
    CONCAT('é', seq), IF(seq % 4 = 0, NULL, POINT(seq, -seq)), CONCAT(seq % 3, ' ') FROM (SELECT CAST(seq AS SIGNED) AS seq FROM seq_1_to_2000) AS numbers"""


MARKERS = """INSERT INTO markers (id, i, h, m, d, b, t, v, l, j, y, s, w, a, c, e, k, n, p, z, q, r, f, o, mark) SELECT 18446744073709551615 - seq, IF(seq % 7 = 0, NULL, seq - 500), seq * 32 % 65536, -seq, seq / 7 - 100, seq,
    IF(seq % 5 = 0, NULL, REPEAT('日\\'"\\\\', seq % 11)), UNHEX(MD5(seq)), REPEAT(CHAR(seq % 256), seq % 400), JSON_OBJECT('k', seq, 'q', '"'), IF(seq % 9 = 0, 0, 1970 + seq % 100),
    FROM_UNIXTIME(seq * 1000000 + seq / 1000), '2020-01-01 10:00:00' + INTERVAL seq MINUTE, IF(seq % 6 = 0, '0000-00-00', '2020-02-29'), SEC_TO_TIME(seq * 100 - 40000),
    IF(seq % 8 = 0, NULL, 1 + seq % 3), seq % 8, CONCAT('é', seq), IF(seq % 4 = 0, NULL, POINT(seq, -seq)), CONCAT(seq % 3, ' '), IF(seq % 2, CHAR(seq % 7), ''), REPEAT('é', seq % 300),
    CONCAT('::', HEX(seq)), CONCAT('123e4567-e89b-12d3-a456-', LPAD(seq, 12, '0')), IF(seq % 3 = 0, NULL, seq)
    FROM (SELECT CAST(seq AS SIGNED) AS seq FROM seq_1_to_2000) AS numbers"""


def start(migration, **task):  # noqa: F811
    """Starts the task; it is in safe mode no more when this returns."""
    migration.start(syncers={"sync": {"worker-count": 4, "safe-mode-duration": "1s"}}, **task)
    migration.running()

    def safe_mode_is_over():  # it ends with the first event behind its time
        migration.upstream.run(f"INSERT INTO {SCHEMA}.beat VALUES ()")
        return "disable safe-mode" in migration.cluster.log("worker1", 1000)

    wait_for(safe_mode_is_over, "safe mode ends")
    migration.cluster.wait_synced("places", migration.upstream)


def resume(migration):  # noqa: F811
    migration.cluster.ctl("resume-task", "places")


def test_values_of_all_types_in_few_statements(logged):  # noqa: F811
    logged.prepare(TABLES)
    start(logged)
    logged.downstream.run("TRUNCATE mysql.general_log")
    with logged.upstream.connect(database=SCHEMA) as connection:
        cursor = connection.cursor()
        cursor.execute("SET time_zone = '+00:00'")
        cursor.execute(VALUES)
        cursor.execute("INSERT INTO nokey SELECT seq % 10, 'x' FROM seq_1_to_2000")
        cursor.execute("SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO'")
        cursor.execute("BEGIN")
        cursor.execute("INSERT INTO number VALUES (0, 'zero')")
        for i in range(300):  # tables in turns, and other changes between
            cursor.execute("INSERT INTO number (v) VALUES (%s), (%s)", (i, -i))
            cursor.execute("INSERT INTO pk VALUES (%s, 'new', %s)", (i, i))
            if i % 10 == 9:
                cursor.execute("UPDATE pk SET u = -u - 1 WHERE id = %s", (i - 5,))
                cursor.execute("DELETE FROM pk WHERE id = %s", (i,))
                cursor.execute("INSERT INTO pk VALUES (%s, 'again', %s)", (i, i - 5))
        cursor.execute("COMMIT")
    logged.check()
    types, nokey = statements(logged.downstream, "%`types`%", "%`nokey`%")
    # About 100 of them; more, if the reader is kept waiting, and never as many as there are rows.
    assert 0 < types < 500 and 0 < nokey < 500, (types, nokey)


@pytest.mark.parametrize("safe", [False, True])
def test_values_of_all_types_in_bulk(logged, safe):  # noqa: F811
    """Values beside a statement with markers are stored as if they stood in a text; of what is logged of a statement, all of it is markers."""
    logged.prepare(TABLES)
    if safe:
        logged.start(syncers={"sync": {"worker-count": 4, "safe-mode": True}})
        logged.running()
    else:
        start(logged)
    logged.downstream.run("TRUNCATE mysql.general_log")
    with logged.upstream.connect(database=SCHEMA) as connection:
        cursor = connection.cursor()
        cursor.execute("SET time_zone = '+00:00', sql_mode = ''")
        cursor.execute(MARKERS)
        cursor.execute("INSERT INTO nokey SELECT seq % 10, 'x' FROM seq_1_to_2000")
    logged.check()
    for table in ("markers", "nokey"):
        assert statements(logged.downstream, f"{'REPLACE' if safe else 'INSERT'} INTO%`{table}`%VALUES (?,%")[0] > 0, table


def test_bulk_between_other_changes_is_one_transaction(migration):  # noqa: F811
    """What is sent in several packets is committed together, or not at all."""
    migration.prepare(TABLES)
    start(migration)
    with migration.upstream.connect(database=SCHEMA) as connection:
        cursor = connection.cursor()
        cursor.execute("BEGIN")
        cursor.execute("INSERT INTO nokey VALUES (-1, 'first')")
        cursor.execute("INSERT INTO nokey SELECT seq, 'x' FROM seq_1_to_90")
        cursor.execute("UPDATE nokey SET v = 'y' WHERE a < 5")
        cursor.execute("INSERT INTO nokey SELECT seq, 'too long for that column' FROM seq_1_to_90")
        cursor.execute("DELETE FROM nokey WHERE a > 85")
        migration.downstream.run(f"ALTER TABLE {SCHEMA}.nokey MODIFY v VARCHAR(20)")
        cursor.execute("COMMIT")
    migration.cluster.wait_error("places", 10006, "VALUES (1,'too long for that column')")
    assert migration.downstream.value(f"SELECT COUNT(*) FROM {SCHEMA}.nokey") == 0
    migration.downstream.run(f"ALTER TABLE {SCHEMA}.nokey MODIFY v VARCHAR(40)")
    resume(migration)
    migration.check()


def test_a_server_that_prepares_no_more(migration):  # noqa: F811
    """Then inserts are texts."""
    migration.prepare(TABLES)
    migration.downstream.run("SET GLOBAL max_prepared_stmt_count = 0")
    try:
        start(migration)
        migration.upstream.run(f"USE {SCHEMA}", "INSERT INTO pk SELECT seq, 'x', seq FROM seq_1_to_3000", "INSERT INTO nokey SELECT seq, 'x' FROM seq_1_to_3000")
        migration.check()
        assert "does not prepare a statement" in migration.cluster.log("worker1", 1000)
    finally:
        migration.downstream.run("SET GLOBAL max_prepared_stmt_count = DEFAULT")


class BulkProxy(proxies.Proxy):
    """Counts what is prepared and executed in bulk. `refusals`: errors that the next statements to be prepared are answered by, the last
    one all of them if `for_ever`; `closes`: the connection ends behind one. `cut`: the last so many bytes of rows do not come."""

    def __init__(self, server):
        self.refusals, self.for_ever, self.closes, self.cut = [], False, False, 0
        self.prepared = self.refused = self.executed = self.kept_out = 0
        self.count = threading.Lock()
        super().__init__(server)


class BulkLink(proxies._Link):
    def _packet(self, side, asks=None):
        while True:
            packet = super()._packet(side, asks)
            if side is not self.client or packet is None or packet[0] != 0 or packet[1][:1] not in (b"\x16", b"\xfa"):
                return packet
            number, content = packet
            proxy = self.proxy
            with proxy.count:
                if content[:1] == b"\xfa":
                    proxy.executed += 1
                    if proxy.cut:
                        proxy.kept_out += 1
                        return number, content[:-proxy.cut]
                    return packet
                if not proxy.refusals:
                    proxy.prepared += 1
                    return packet
                proxy.refused += 1
                error = proxy.refusals[0]
                if len(proxy.refusals) > 1 or not proxy.for_ever:
                    proxy.refusals.pop(0)
            self._send(self.client, 1, proxies._error(proxies.Fails(error, "not now")))
            if proxy.closes:
                raise proxies.Cut


@pytest.fixture
def through(migration, monkeypatch):  # noqa: F811
    """The migration's proxy before the downstream; `start` gets its `target`."""
    monkeypatch.setattr(proxies, "_Link", BulkLink)
    proxy = BulkProxy(migration.downstream)
    proxy.target = {"target-database": {"port": proxy.port}}
    yield proxy
    proxy.stop()


MANY = "".join(f"CREATE TABLE many{i} (a INT, b INT);\n" for i in range(40))


def fill_many(migration, rows=60):  # noqa: F811
    with migration.upstream.connect(database=SCHEMA) as connection:
        cursor = connection.cursor()
        cursor.execute("BEGIN")
        for i in range(40):
            cursor.execute(f"INSERT INTO many{i} SELECT seq, seq FROM seq_1_to_{rows}")
        cursor.execute("COMMIT")


@pytest.mark.parametrize("number", [1461, 1295])
def test_no_statement_of_many_tables_is_prepared(migration, through, number):  # noqa: F811
    """A refusal is final for its connection: that of a limit for all statements, others for that statement."""
    migration.prepare(TABLES + MANY)
    start(migration, **through.target)
    through.refusals, through.for_ever = [number], True
    for _ in range(2):
        fill_many(migration)
    migration.check()
    assert through.executed == 0
    assert 0 < through.refused <= (1 if number == 1461 else 40), through.refused


def test_a_refusal_repeats_nothing(migration, through):  # noqa: F811
    """What a table without transactions got before would be doubled."""
    migration.prepare(TABLES + MANY)
    start(migration, **through.target)
    migration.downstream.run(f"ALTER TABLE {SCHEMA}.many0 ENGINE = Aria TRANSACTIONAL = 0")
    through.refusals, through.for_ever = [1295], True
    with migration.upstream.connect(database=SCHEMA) as connection:
        cursor = connection.cursor()
        cursor.execute("BEGIN")
        cursor.execute("INSERT INTO many0 VALUES (1, 1), (2, 2)")
        cursor.execute("INSERT INTO many1 SELECT seq, seq FROM seq_1_to_60")
        cursor.execute("INSERT INTO many2 SELECT seq, seq FROM seq_1_to_60")
        cursor.execute("COMMIT")
    migration.check()


@pytest.mark.parametrize("lost", [False, True], ids=["", "and the connection before ROLLBACK"])
def test_a_row_sent_in_bulk_is_lost(migration, through, lost):  # noqa: F811
    """A server that says of fewer rows than there were that they are inserted has committed none of them."""
    migration.prepare(TABLES)
    start(migration, **through.target)
    through.cut = 12  # a row of `nokey`
    rollbacks, before = [], len(migration.cluster.log("worker1", 1000000))

    def first_rollback(text):
        if text == "ROLLBACK":
            rollbacks.append(text)
            if lost and len(rollbacks) == 1:
                raise proxies.Cut

    through.on_statement = first_rollback
    migration.upstream.run(f"INSERT INTO {SCHEMA}.nokey SELECT seq, 'x' FROM {SCHEMA}.seq_1_to_200")
    migration.check()
    assert through.kept_out > 0 and rollbacks
    log = migration.cluster.log("worker1", 1000000)[before:]
    assert "fewer rows" in log and "sync unit ends with an error" not in log


@pytest.mark.parametrize("closes", [False, True])
@pytest.mark.parametrize("number", [1053, 1927])
def test_an_answer_to_prepare_ends_the_connection(migration, through, number, closes):  # noqa: F811
    migration.prepare(TABLES)
    start(migration, **through.target)
    through.refusals, through.closes = [number], closes
    for _ in range(2):
        migration.upstream.run(f"INSERT INTO {SCHEMA}.nokey SELECT seq, 'x' FROM {SCHEMA}.seq_1_to_200")
        migration.check()
    log = migration.cluster.log("worker1", 100000)
    assert "lost connection to downstream" in log and "sync unit ends with an error" not in log
    assert through.refused == 1 and through.executed == 2


@pytest.mark.parametrize("number", [1205, 1213, 1317])
def test_a_statement_that_is_not_prepared_now_is_later(migration, through, number):  # noqa: F811
    migration.prepare(TABLES)
    start(migration, **through.target)
    through.refusals = [number]
    for _ in range(2):
        migration.upstream.run(f"INSERT INTO {SCHEMA}.nokey SELECT seq, 'x' FROM {SCHEMA}.seq_1_to_200")
        migration.check()
    assert through.refused == 1 and through.executed == 1


def test_the_server_takes_smaller_packets_after_a_reconnect(migration, through):  # noqa: F811
    migration.prepare(TABLES + "CREATE TABLE wide (a INT, v VARCHAR(8000));\n")
    start(migration, **through.target)
    migration.downstream.run("SET GLOBAL max_allowed_packet = 65536")
    try:
        through.cut_all()
        wait_for(lambda: through.connections() == 0, "connections end")
        migration.upstream.run(f"INSERT INTO {SCHEMA}.wide SELECT seq, REPEAT('x', 300) FROM {SCHEMA}.seq_1_to_1000")
        migration.check()
        log = migration.cluster.log("worker1", 100000)
        assert "sync unit ends with an error" not in log and "Error 1153" not in log
        assert through.executed > 1
    finally:
        migration.downstream.run("SET GLOBAL max_allowed_packet = DEFAULT")


def test_more_tables_than_statements_are_kept_prepared(migration, through):  # noqa: F811
    """They do not drive out one another."""
    migration.prepare(TABLES + MANY)
    start(migration, **through.target)
    for _ in range(5):
        fill_many(migration)
    migration.check()
    assert 0 < through.prepared <= 40, through.prepared
    assert through.executed >= 5 * 30, through.executed


TOO_LONG = ("Error 1406 ", "Alter the downstream table", "ALTER TABLE {} MODIFY v VARCHAR(5)", "ALTER TABLE {} MODIFY v VARCHAR(40)")


@pytest.mark.parametrize("table,key,row,refusal", [
    ("pk", True, "(777,'too long',777)", TOO_LONG), ("nokey", False, "(777,'too long')", TOO_LONG),
    ("pk", True, "(777,'too long',777)", ("Error 1062 ", "safe mode was off", "INSERT INTO {} VALUES (-1, 'mine', 777)", "DELETE FROM {} WHERE id = -1"))],
    ids=["too long", "too long, without a key", "duplicate"])
def test_an_error_in_the_middle_names_its_row(migration, table, key, row, refusal):  # noqa: F811
    cause, advice, break_it, repair = refusal
    name = f"{SCHEMA}.{table}"
    migration.prepare(TABLES)
    start(migration)
    migration.downstream.run(break_it.format(name))
    before = migration.downstream.value(f"SELECT COUNT(*) FROM {name}")
    columns = "seq, IF(seq = 777, 'too long', 'x')" + (", seq" if key else "")
    migration.upstream.run(f"INSERT INTO {name} SELECT {columns} FROM {SCHEMA}.seq_1_to_1000")
    error = migration.cluster.wait_error("places", 10006, f"VALUES {row}")
    assert cause in error["RawCause"] and advice in error["Workaround"], error
    there = migration.downstream.value(f"SELECT COUNT(*) FROM {name}") - before
    assert there < 1000 and (key or there == 0), there
    assert migration.downstream.value(f"SELECT COUNT(*) FROM {name} WHERE v = 'too long'") == 0
    migration.downstream.run(repair.format(name))
    resume(migration)
    migration.check()


@pytest.mark.parametrize("number", [1105, 8141])
def test_an_error_that_may_be_of_the_server_names_its_row(migration, number):  # noqa: F811
    """TiDB's "unclassified" and others are also about values."""
    migration.prepare(TABLES)
    start(migration)
    migration.downstream.run(f"CREATE TRIGGER {SCHEMA}.refuses BEFORE INSERT ON {SCHEMA}.pk FOR EACH ROW IF NEW.id = 777 THEN "
                             f"SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = {number}, MESSAGE_TEXT = 'invalid text'; END IF")
    migration.upstream.run(f"INSERT INTO {SCHEMA}.pk SELECT seq, 'x', seq FROM {SCHEMA}.seq_1_to_1000")
    error = migration.cluster.wait_error("places", 10006, "VALUES (777,'x',777)")
    assert f"Error {number} " in error["RawCause"], error
    migration.downstream.run(f"DROP TRIGGER {SCHEMA}.refuses")
    resume(migration)
    migration.check()


def test_rows_that_only_a_strict_session_refuses(migration):  # noqa: F811
    migration.prepare(TABLES)
    start(migration)
    migration.downstream.run(f"ALTER TABLE {SCHEMA}.pk ADD COLUMN more INT NOT NULL")
    migration.upstream.run("SET sql_mode = ''", f"USE {SCHEMA}", "INSERT INTO odd SELECT seq, IF(seq % 100 = 50, 'zz', 'b') FROM seq_1_to_1000",
                           "INSERT INTO pk SELECT seq, 'x', seq FROM seq_1_to_1000")
    migration.running()
    migration.cluster.wait_synced("places", migration.upstream)
    for query in ("SELECT id, e + 0 FROM odd ORDER BY id", "SELECT id, v, u FROM pk ORDER BY id"):
        rows = [server.run(f"USE {SCHEMA}", query) for server in (migration.upstream, migration.downstream)]
        assert rows[0] == rows[1] and len(rows[0]) == 1000, query


def test_a_null_that_is_refused(migration):  # noqa: F811
    """A statement of several rows that is not strict would store another value for it."""
    migration.prepare(TABLES)
    start(migration, **{"target-database": {"session": {"sql_mode": "NO_ENGINE_SUBSTITUTION"}}})
    migration.downstream.run(f"ALTER TABLE {SCHEMA}.pk MODIFY v VARCHAR(40) NOT NULL")
    migration.upstream.run(f"INSERT INTO {SCHEMA}.pk SELECT seq, IF(seq = 300, NULL, 'x'), seq FROM {SCHEMA}.seq_1_to_600")
    error = migration.cluster.wait_error("places", 10006, "(300,NULL,300)")
    assert "Error 1048 " in error["RawCause"], error
    migration.downstream.run(f"ALTER TABLE {SCHEMA}.pk MODIFY v VARCHAR(40)")
    resume(migration)
    migration.check()


def test_a_table_without_transactions_keeps_a_statement_a_row(migration):  # noqa: F811
    """What a statement has inserted before the row that fails would stay."""
    migration.prepare(TABLES)
    start(migration)
    migration.downstream.run(f"ALTER TABLE {SCHEMA}.nokey ENGINE = MyISAM, MODIFY v VARCHAR(5)", f"ALTER TABLE {SCHEMA}.pk ENGINE = MyISAM, MODIFY v VARCHAR(5)")
    migration.upstream.run(f"INSERT INTO {SCHEMA}.pk SELECT seq, IF(seq = 30, 'too long', 'x'), seq FROM {SCHEMA}.seq_1_to_60")
    error = migration.cluster.wait_error("places", 10006, "VALUES (30,'too long',30)")
    assert "Error 1406 " in error["RawCause"], error


def test_killed_among_bulk_transactions(logged):  # noqa: F811
    """What was committed behind the checkpoint comes again, as REPLACE of many rows."""
    logged.prepare(TABLES)
    logged.start(failpoints="sync/after-commit=3*kill", syncers={"sync": {"worker-count": 4, "checkpoint-flush-interval": 30}})
    logged.running()
    logged.upstream.run(f"USE {SCHEMA}", "INSERT INTO pk SELECT seq, 'x', seq FROM seq_1_to_3000", "INSERT INTO nokey SELECT seq, 'x' FROM seq_1_to_3000")
    logged.wait_killed()
    logged.upstream.run(f"USE {SCHEMA}", "INSERT INTO pk SELECT seq, 'y', seq FROM seq_3001_to_6000", "INSERT INTO nokey SELECT seq, 'y' FROM seq_3001_to_6000")
    logged.downstream.run("TRUNCATE mysql.general_log")
    logged.restart(failpoints="sync/before-commit=2*kill")
    logged.wait_killed()
    logged.restart()
    logged.check()
    replaced, inserted = statements(logged.downstream, "%REPLACE INTO%`pk`%", "%`nokey`%")
    assert 0 < replaced < 1000 and 0 < inserted < 1000, (replaced, inserted)
