"""pause-task and stop-task at every phase of replication, under load: answered in time, no transaction is half there when the
task has paused, and what goes on then ends equal."""
import signal
import threading
import time

import pytest

from dmtest.phases import AWAY, Command, scene, whole
from dmtest.proxy import Cut, CutClient
from dmtest.servers import MariaDb
from dmtest.waiting import wait_for

SCHEMA = "ps"
pytestmark = pytest.mark.xdist_group("phases_sync")
# Seconds until the answer: between transactions; when the transaction in hand is waited for (10 s), or the downstream.
AT_ONCE, IN_HAND = 6, 15
BIG = 200_000


@pytest.fixture(scope="module")
def home(tmp_path_factory, servers):
    with scene(tmp_path_factory.mktemp(SCHEMA), servers.get("mariadb", "up"), servers.get("mariadb", "down"), SCHEMA) as made:
        yield made


@pytest.fixture
def case(home):
    """Replicates, with a writer that has begun."""
    home.begin(20)
    home.start("--remove-meta")
    home.running()
    home.writer.start()
    yield home
    home.end()


both = pytest.mark.parametrize("how", ["pause", "stop"])


def at_a_boundary(case):
    count = whole(case.downstream, SCHEMA)
    assert count is not None, "a part of a transaction is there"
    return count


@both
def test_idle(case, how):
    case.writer.end()
    case.synced()
    case.interrupt(how, AT_ONCE)
    case.stands_still(writes=False)
    case.upstream.run(f"INSERT INTO {SCHEMA}.a VALUES (-1, 'late')")
    case.go_on(how)
    case.equal()


@both
def test_under_load(case, how):
    last = 0
    for _ in range(3):
        case.writer.more()
        case.interrupt(how, AT_ONCE)
        count = at_a_boundary(case)
        assert count > last
        last = count
        case.stands_still()
        case.go_on(how)
    case.equal()


def big_transaction(case, rows=BIG):
    """Begins to come downstream when this returns."""
    case.upstream.run(f"CREATE TABLE {SCHEMA}.big (id INT PRIMARY KEY, v INT)")
    gate = case.gate(case.down, f"`{SCHEMA}`.`big`", number=20)
    case.upstream.run(f"INSERT INTO {SCHEMA}.big SELECT seq, seq FROM {SCHEMA}.seq_1_to_{rows}")
    gate.wait(case)
    return gate


@both
def test_in_a_big_transaction_that_is_finished(case, how):
    gate = big_transaction(case, 60_000)
    before = case.log(100_000)
    case.interrupt(how, IN_HAND, gate.open)
    log = case.log(100_000)[len(before):]
    assert "not receive xid job yet" in log
    rows = case.downstream.value(f"SELECT COUNT(*) FROM {SCHEMA}.big")
    # It was finished, unless that took longer than 10 s.
    assert rows == 60_000 or "wait transaction end timeout" in log, rows
    case.stands_still()
    case.go_on(how)
    case.equal()


@both
def test_in_a_big_transaction_that_cannot_be_finished(case, how):
    """The downstream does not answer: the task ends all the same, and repeats what is missing."""
    gate = big_transaction(case)
    command = Command(case.cluster, f"{how}-task", SCHEMA)
    command.answer(IN_HAND)
    wait_for(lambda: case.stage() in (None, "Paused"), lambda: f"it ends: {case.status()}", 35)
    gate.open()
    case.go_on(how)
    case.equal()


@both
def test_what_was_cut_off_does_not_come_later(case, how):
    """The downstream has a transaction whole and waits for a lock. When the task has ended, so has that."""
    case.writer.end()
    case.upstream.run(f"CREATE TABLE {SCHEMA}.held (id INT PRIMARY KEY, v INT)", f"INSERT INTO {SCHEMA}.held VALUES (1, 0), (2, 0)")
    case.synced()
    gate = case.row_lock(case.down, f"SELECT * FROM {SCHEMA}.held WHERE id = 2", f"`{SCHEMA}`.`held`", "COMMIT")
    case.upstream.run(f"UPDATE {SCHEMA}.held SET v = 7")
    gate.wait(case)
    executed = "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE '%`held`%' AND id <> CONNECTION_ID()"
    wait_for(lambda: case.downstream.value(executed) > 0, "the downstream executes it", 20)
    command = Command(case.cluster, f"{how}-task", SCHEMA)
    command.answer(IN_HAND)
    wait_for(lambda: case.stage() in (None, "Paused"), lambda: f"it ends: {case.status()}", 45)
    assert case.downstream.value(executed) == 0
    gate.open()
    case.stands_still(writes=False)
    assert case.downstream.value(f"SELECT SUM(v) FROM {SCHEMA}.held") == 0
    case.go_on(how)
    case.equal()
    assert case.downstream.value(f"SELECT SUM(v) FROM {SCHEMA}.held") == 14


@both
def test_while_a_statement_runs_downstream(case, how):
    """It is waited for: the answer says so and names it."""
    with case.downstream.connect(database=SCHEMA) as holder:
        cursor = holder.cursor()
        cursor.execute("BEGIN")
        cursor.execute("SELECT * FROM sums")
        cursor.fetchall()
        case.upstream.run(f"ALTER TABLE {SCHEMA}.sums ADD COLUMN more INT DEFAULT 5")
        wait_for(lambda: (case.status()["sync"]["blockingDDLs"] or [""])[0].startswith("ALTER TABLE"), "the statement waits", 20)
        case.interrupt(how, IN_HAND, lambda: cursor.execute("COMMIT"), stuck=True, refused="ALTER TABLE")
    assert "more" in case.downstream.value(f"SHOW CREATE TABLE {SCHEMA}.sums") or case.downstream.run(f"SHOW COLUMNS FROM {SCHEMA}.sums LIKE 'more'")
    at_a_boundary(case)
    case.stands_still()
    case.go_on(how)
    case.equal()


@both
@pytest.mark.parametrize("side", ["up", "down"])
def test_while_a_server_is_away(case, side, how):
    proxy = getattr(case, side)
    case.writer.more()
    case.away(proxy)
    case.writer.more()
    case.interrupt(how, IN_HAND, stuck=True, failed=AWAY)
    case.back(proxy)
    case.stands_still()
    case.go_on(how)
    case.equal()


@both
@pytest.mark.parametrize("side", ["up", "down"])
def test_a_server_comes_back_before_the_order(case, side, how):
    """The task is about to try again."""
    proxy = getattr(case, side)
    case.away(proxy)
    case.writer.more()
    case.back(proxy)
    case.interrupt(how, IN_HAND, stuck=True, failed=AWAY)
    at_a_boundary(case)
    case.go_on(how)
    case.equal()


@both
def test_while_another_worker_takes_over(case, how):
    """Nobody has the source just then: the order is stored, and carried out by who gets it."""
    cluster = case.cluster
    first = cluster.bound_worker("src")
    other = "worker2" if first == "worker1" else "worker1"
    if other not in cluster.workers or not cluster.workers[other].alive():
        cluster.start_worker(other)
    case.writer.more()
    cluster.workers[first].kill9()
    answer = Command(cluster, f"{how}-task", SCHEMA).answer(20)
    assert "Traceback" not in answer.err
    if not answer.ok:
        assert "not yet" in answer.out or "yet;" in answer.out or "relevant worker-client not found" in answer.out or "38008" in answer.out, answer
    if how == "pause":
        wait_for(lambda: cluster.bound_worker("src") == other and case.stage() == "Paused", lambda: f"it is paused: {case.status()}", 30)
        case.stands_still()
        cluster.ctl("resume-task", SCHEMA)
    else:
        wait_for(lambda: cluster.bound_worker("src") == other, "the other one has the source", 30)
        assert case.status() is None
        case.stands_still()
        case.go_on(how)
    case.equal()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["TERM", "INT"])
def test_signals_to_the_worker(case, number):
    """Under load, in a big transaction, while a statement runs downstream, while the downstream is away, before it has joined."""
    cluster = case.cluster

    def ends(within, release=lambda: None):
        worker = cluster.workers[cluster.bound_worker("src")]
        begin = time.monotonic()
        worker.send(number)
        code = worker.wait(40)
        assert code == 0 and time.monotonic() - begin < within, (code, time.monotonic() - begin, worker.tail())
        release()
        case.back(case.down)
        cluster.start_worker(worker.name.split()[-1])
        case.synced()

    case.writer.more()
    ends(AT_ONCE)
    gate = big_transaction(case)
    ends(25, gate.open)
    with case.downstream.connect(database=SCHEMA) as holder:
        cursor = holder.cursor()
        cursor.execute("BEGIN")
        cursor.execute("SELECT * FROM sums")
        cursor.fetchall()
        case.upstream.run(f"ALTER TABLE {SCHEMA}.sums ADD COLUMN signalled INT DEFAULT 5")
        wait_for(lambda: (case.status()["sync"]["blockingDDLs"] or [""])[0].startswith("ALTER TABLE"), "the statement waits", 30)
        ends(25, lambda: cursor.execute("COMMIT"))
    case.away(case.down)
    case.writer.more()
    ends(AT_ONCE + 20)
    # Twice, and while it begins.
    worker = cluster.workers[cluster.bound_worker("src")]
    worker.send(number)
    worker.send(number)
    assert worker.wait(40) == 0
    for point in ("Welcome to dm-worker", "dm-worker is serving"):
        seen = cluster.log(worker.name.split()[-1], 1_000_000).count(point)
        cluster.start_worker(worker.name.split()[-1], wait=False)
        worker = cluster.workers[worker.name.split()[-1]]
        wait_for(lambda: cluster.log(worker.name.split()[-1], 1_000_000).count(point) > seen, point, interval=0.005)
        begin = time.monotonic()
        worker.send(number)
        assert worker.wait(40) in ((0,) if "serving" in point else (0, 1)) and time.monotonic() - begin < AT_ONCE
    cluster.start_worker(worker.name.split()[-1])
    case.equal()


# -- the downstream server itself
@pytest.fixture
def own(tmp_path, servers):
    """As `case`, with a downstream of its own."""
    target = MariaDb(tmp_path / "target", 95).start()
    with scene(tmp_path / "cluster", servers.get("mariadb", "up"), target, SCHEMA) as made:
        made.begin(20)
        made.start("--remove-meta")
        made.running()
        made.writer.start()
        yield made
        made.end()
    target.stop()


def test_downstream_restarts_and_is_read_only(own):
    for stop in (own.downstream.kill9, own.downstream.stop):
        own.writer.more()
        stop()
        own.writer.more()
        own.downstream.start()
        own.running()
    own.writer.more()
    root = own.downstream._as_root()
    cursor = root.cursor()
    cursor.execute("REVOKE READ_ONLY ADMIN, SUPER, CONNECTION ADMIN ON *.* FROM 'dm'@'%'")
    cursor.execute("SET GLOBAL read_only = 1")
    own.down.cut_all()
    own.writer.more()
    error = own.cluster.wait_error(SCHEMA, phrase="1290")
    assert "Make the server writable" in error["Workaround"], error
    own.interrupt("pause", AT_ONCE, stuck=True, failed=("1290", *AWAY))
    own.go_on("pause")
    own.cluster.wait_error(SCHEMA, phrase="1290")
    cursor.execute("SET GLOBAL read_only = 0")
    own.running()  # by itself
    own.equal()


def test_downstream_is_read_only_for_who_has_lost_a_connection(own):
    """What ends the run is what the server says on the new connection, not that the one before was lost."""
    root = own.downstream._as_root()
    cursor = root.cursor()
    cursor.execute("REVOKE READ_ONLY ADMIN, SUPER, CONNECTION ADMIN ON *.* FROM 'dm'@'%'")
    lock = threading.Lock()

    def lose(text):
        if f"`{SCHEMA}`.`" in text and text.endswith("COMMIT"):
            with lock:
                cursor.execute("SET GLOBAL read_only = 1")
            raise Cut
        return None

    own.down.on_statement = lose
    own.writer.more()
    error = own.cluster.wait_error(SCHEMA, phrase="1290")
    assert "Make the server writable" in error["Workaround"] and "startLocation" in error["Message"], error
    own.back(own.down)
    cursor.execute("SET GLOBAL read_only = 0")
    own.running()  # by itself
    own.equal()


def test_a_run_that_fails_does_not_wait_for_transactions_in_flight(case):
    """A worker whose connection broke waits for what that had open, for long if it has to. The run fails meanwhile for another
    reason: that is shown soon."""
    case.writer.end()
    case.synced()
    holder = case.downstream.connect()
    cursor = holder.cursor()
    broken = threading.Event()

    def hold_and_break(text):
        if not broken.is_set() and f"`{SCHEMA}`.`a`" in text and text.endswith("COMMIT"):
            cursor.execute(f"SELECT * FROM dm_{SCHEMA}.{SCHEMA}_owner WHERE slot < 5 FOR UPDATE")  # those of the workers
            broken.set()
            return CutClient("")
        return None

    try:
        cursor.execute("SET GLOBAL innodb_lock_wait_timeout = 1")
        case.down.cut_all()  # sessions have it
        cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
        cursor.execute("BEGIN")
        case.down.on_statement = hold_and_break
        case.upstream.run(f"INSERT INTO {SCHEMA}.a VALUES (-5, 'broken')")
        wait_for(broken.is_set, "the connection breaks")
        wait_for(lambda: "a transaction of the former owner is in flight" in case.log(), "it waits")
        case.upstream.run("SET SESSION binlog_format = STATEMENT", f"INSERT INTO {SCHEMA}.b VALUES (-7, 'a statement')")
        case.cluster.wait_error(SCHEMA, 36014)
    finally:
        cursor.execute("ROLLBACK")
        cursor.execute("SET GLOBAL innodb_lock_wait_timeout = 50")
        holder.close()
    case.downstream.run(f"INSERT INTO {SCHEMA}.b VALUES (-7, 'a statement')")
    case.cluster.ctl("binlog", "skip", SCHEMA)
    case.equal()
