"""Connections that stall, trickle or break, on both sides: the task goes on by itself, nothing is lost or doubled."""
import itertools
import threading
import time

import pytest

from dmtest.cluster import Cluster
from dmtest.migrated import Migrated
from dmtest.proxy import (Cut, CutBehindAnswer, CutClient, Fails, HalfAnswer, HalfStatement, HeldAnswer, Instead, LostAnswer, Proxy)
from dmtest.waiting import lasts, wait_for

pytestmark = pytest.mark.xdist_group("wire_connections")
SCHEMA = "wirecut"
TABLES = ["CREATE TABLE k (id INT PRIMARY KEY, v INT, UNIQUE KEY (v))", "CREATE TABLE n (a INT, b TEXT)"]
TTL = 6  # the server ends a silent session after a third of it


class Line:
    """A task between two proxies."""

    def __init__(self, cluster, upstream, downstream):
        self.cluster, self.upstream = cluster, upstream
        self.via, self.into = Proxy(upstream), Proxy(downstream)
        self.task = Migrated(cluster, upstream, downstream, [SCHEMA], SCHEMA, source="src", via=self.via, into=self.into)
        self.counter = itertools.count(1)
        self.log_size = 0

    def quiet(self):
        self.via.on_statement = self.into.on_statement = lambda text: None
        self.via.on_event = lambda kind, event: event
        self.via.trickle = self.into.trickle = None

    def write(self, transactions=5, text="x"):
        for _ in range(transactions):
            i = next(self.counter)
            self.task.write("BEGIN", f"INSERT INTO k VALUES ({i}, {i})", f"INSERT INTO n VALUES ({i}, '{text}'), ({i}, '{text}'), ({i % 3}, 'y')",
                            f"UPDATE k SET v = v + 100000 WHERE id = {i - 1}", "COMMIT", f"DELETE FROM n WHERE a = {i % 3} LIMIT 1",
                            f"DELETE FROM k WHERE id = {i - 5}")

    def log(self):
        """What is new in it since the last call."""
        text = self.cluster.log("worker1", lines=1000000)
        new, self.log_size = text[self.log_size:], len(text)
        return new

    def equal(self):
        self.task.synced(90)
        self.task.equal()
        log = self.log()
        assert "unit process error" not in log, log[-3000:]
        return log


BOTH = pytest.mark.parametrize("home", ["mariadb", "mysql9"], indirect=True, scope="module")
ONE = pytest.mark.parametrize("home", ["mariadb"], indirect=True, scope="module")


@pytest.fixture(scope="module")
def home(request, servers, tmp_path_factory):
    cluster = Cluster(tmp_path_factory.mktemp("wirecut"), keepalive_ttl=TTL)
    cluster.start_master()
    line = Line(cluster, servers.get(request.param, "up"), servers.get(request.param, "down"))
    line.task.downstream.run("DROP DATABASE IF EXISTS dm_meta")
    line.task.replicating(*TABLES)
    yield line
    for proxy in (line.via, line.into):
        proxy.stop()
    cluster.stop()


@pytest.fixture
def line(home):
    home.log()
    yield home
    home.quiet()
    if home.cluster.status(SCHEMA)["stage"] != "Running":  # of a test that failed
        home.cluster.ctl("resume-task", SCHEMA, check=False)


def _times(count, table, verdict):
    """A rule: `verdict(text)` for the first `count` transactions that change the table, none directly behind another."""
    seen, met = itertools.count(), []

    def rule(text):
        if f"`{SCHEMA}`.`{table}`" not in text or not text.endswith(";COMMIT"):
            return None
        if len(met) >= count or next(seen) % 2 == 0:
            return None
        met.append(text)
        return verdict(text)

    rule.met = met
    return rule


def _raise_cut(text):
    raise Cut


CUTS = {
    "before the statement": _raise_cut,
    "in the middle of the statement": lambda text: HalfStatement(),
    "before COMMIT, and the server does not learn of it": lambda text: CutClient(text.removesuffix(";COMMIT")),
    "before the answer": lambda text: LostAnswer(),
    "in the middle of the answer": lambda text: HalfAnswer(),
    "behind the answer": lambda text: CutBehindAnswer(),
    "nowhere, but the server is not given COMMIT": lambda text: Instead(text.removesuffix(";COMMIT")),
}


@BOTH
@pytest.mark.parametrize("table", ["k", "n"])
@pytest.mark.parametrize("where", CUTS)
def test_cuts_around_commit(line, where, table):
    line.into.on_statement = rule = _times(3, table, CUTS[where])
    for _ in range(20):
        line.write()
        line.task.synced(90)
        if len(rule.met) == 3:
            break
    line.equal()
    assert len(rule.met) == 3


@ONE
@pytest.mark.parametrize("where", ["before the statement", "before the answer"])
def test_stalls_for_longer_than_the_server_waits(line, where):
    """What comes too late finds its session closed: it is done once."""
    stalled = threading.Event()

    def stall():
        stalled.set()
        lasts(TTL / 3 + 1.5)

    def verdict(text):
        if where == "before the answer":
            return HeldAnswer(stall)
        stall()
        return None

    rules = [_times(1, table, verdict) for table in "kn"]
    line.into.on_statement = lambda text: rules[0](text) or rules[1](text)
    wait_for(lambda: line.write() or all(rule.met for rule in rules), "both tables meet a stall", interval=0)
    wait_for(stalled.is_set, "a connection stalls")
    log = line.equal()
    if where == "before the statement":
        assert "lost connection to downstream" in log


@ONE
def test_pause_while_the_downstream_is_silent(line):
    """A server that answers nothing does not hold a pause up for ever; what it was given is not done twice."""
    going, met = threading.Event(), threading.Event()

    def verdict(text):
        met.set()
        return HeldAnswer(lambda: going.wait(120))

    line.into.on_statement = rule = _times(1, "n", verdict)
    wait_for(lambda: line.write(1) or rule.met, "an answer is held", interval=0)
    assert met.wait(30)
    begin = time.monotonic()
    line.cluster.ctl("pause-task", SCHEMA, check=False)
    line.cluster.wait_stage(SCHEMA, "Paused")
    assert time.monotonic() - begin < 45
    going.set()
    line.cluster.ctl("resume-task", SCHEMA)
    line.task.synced(90)
    line.task.equal()
    line.log()


@ONE
def test_a_trickle(line):
    """A transaction takes longer than a session may be silent, but is never silent."""
    line.via.trickle = line.into.trickle = (1000, 0.03)
    begin = time.monotonic()
    line.write(1, "z" * 20000)
    line.write(1, "z" * 20000)
    log = line.equal()
    assert time.monotonic() - begin > TTL / 3, "it was no trickle"
    assert "lost connection" not in log and "reset replication binlog puller" not in log, log[-3000:]


@ONE
def test_a_few_bytes_at_a_time(line):
    line.via.trickle = line.into.trickle = (3, 0)
    line.write(2)
    line.equal()


@ONE
def test_stalls_and_breaks_of_the_stream(line):
    """In the middle of a transaction: silence, an error of the server, the connection's end. (The second break within a minute is
    told, and the task resumes by itself.)"""
    plan = ["silence", "error", "silence", "cut"]
    rows = {19, 23, 30}  # table maps and rows

    def on_event(kind, event):
        if kind in rows and plan:
            step = plan.pop(0)
            if step == "silence":
                lasts(3)
            elif step == "error":
                return Fails(2013, "Lost connection to MySQL server during query")
            else:
                raise Cut
        return event

    line.via.on_event = on_event
    line.write(6)
    line.task.synced(90)
    line.task.equal()
    assert not plan
    log = line.log()
    assert log.count("unit process error") <= 1, log[-3000:]


@ONE
def test_a_downstream_that_became_read_only(line):
    """1290 until somebody makes it writable: each attempt is told, nothing is written by halves, it goes on by itself."""
    refusing = threading.Event()
    refusing.set()

    def rule(text):
        if refusing.is_set() and "COMMIT" in text:
            return Fails(1290, "The MySQL server is running with the --read-only option so it cannot execute this statement")
        return None

    line.into.on_statement = rule
    line.write(2)
    error = line.cluster.wait_error(SCHEMA, 10006, "Error 1290")
    assert "read-only" in error["RawCause"], error
    refusing.clear()
    line.task.synced(90)
    line.task.equal()
    line.log()


@pytest.mark.parametrize("pair", ["mysql9-mariadb", "mariadb-mariadb"])
def test_a_server_that_searches_long_for_its_gtids(pair, proxied, monkeypatch):
    """The first event behind the head of the stream comes later than a connection may be silent: it is given more time, not an error."""
    monkeypatch.setenv("DM_FAILPOINTS", "sync/short-silence=return")
    task = proxied(pair, up=True, gtid=True, source_keys={"checker": {"check-enable": False}})
    task.replicating(*TABLES)
    task.cluster.ctl("pause-task", SCHEMA)
    task.cluster.wait_stage(SCHEMA, "Paused")
    task.write("INSERT INTO k VALUES (1, 1)", "INSERT INTO n VALUES (1, 'x'), (1, 'x')")
    head = {4, 15, 35, 161, 163}  # ROTATE, FORMAT_DESCRIPTION, PREVIOUS_GTIDS, BINLOG_CHECKPOINT, GTID_LIST
    waited = set()

    def on_event(kind, event):
        link = task.via.link()
        if kind not in head and link not in waited:
            waited.add(link)
            lasts(4)
        return event

    task.via.on_event = on_event
    task.cluster.ctl("resume-task", SCHEMA)
    task.synced(60)
    task.equal()
    log = task.cluster.log(task.worker, 1000000)
    # The first one is too impatient, the second one is not.
    assert len(waited) == 2 and log.count("reset replication binlog puller") == 1, log[-3000:]
    assert "unit process error" not in log, log[-3000:]
