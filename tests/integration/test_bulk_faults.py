"""Bulk inserts whose connection, server or worker fails between their packets: the task goes on by itself, nothing is lost or doubled."""
import concurrent.futures
import itertools
import re
import threading

import pytest

from dmtest.cluster import Cluster
from dmtest.migrated import Migrated
from dmtest.proxy import (Cut, CutBehindAnswer, CutClient, Fails, FalseAnswer, HalfAnswer, HalfStatement, HeldAnswer, InHalves, Instead, LostAnswer,
                          Proxy, raising)
from dmtest.waiting import lasts, wait_for
from test_wire_errors import PAUSING, REPEATED

SCHEMA = "bulkcut"
TABLES = ["CREATE TABLE k (id INT PRIMARY KEY, g INT, b TEXT)", "CREATE TABLE n (g INT, b TEXT)", "CREATE TABLE beat (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY)"]
ROWS = 310  # of 5 KB: three packets, and a rest that is a text
BOTH = [pytest.param(table, marks=pytest.mark.xdist_group(f"bulk_faults_{table}")) for table in ("k", "n")]
TTL = 6  # the server ends a silent session after a third of it


class Line:
    """A task whose downstream is reached by a proxy. Its safe mode is over: rows with a key are not written twice without an error."""

    def __init__(self, cluster, upstream, downstream):
        self.cluster, self.upstream, self.downstream = cluster, upstream, downstream
        self.into = Proxy(downstream, receive_buffer=64 << 10)
        cluster.sources = {"src": upstream}
        self.task = Migrated(cluster, upstream, downstream, [SCHEMA], SCHEMA, source="src", into=self.into,
                             syncers={"sync": {"worker-count": 1, "batch": 400, "safe-mode-duration": "1s"}})
        self.groups = itertools.count(1)
        self.log_size = 0

    def replicates(self):
        self.task.replicating(*TABLES)
        self.leaves_safe_mode()

    def leaves_safe_mode(self):
        def over():  # it ends with the first event behind its time
            self.task.write("INSERT INTO beat VALUES ()")
            return "disable safe-mode" in self.log()

        wait_for(over, "safe mode ends")
        self.task.synced()

    def quiet(self):
        self.into.on_statement = self.into.on_prepare = lambda text: None
        self.into.on_bulk = lambda text, number: None
        self.into.on_request = lambda size: False

    def write(self, table):
        """A transaction of the table: rows that bulk takes, one that is changed and one that goes."""
        g = self.last = next(self.groups)
        row = f"{g} * 1000 + seq, {g}" if table == "k" else f"{g}"
        self.task.write("BEGIN", f"INSERT INTO {table} SELECT {row}, REPEAT(CHAR(65 + {g} % 26), 5000) FROM seq_1_to_{ROWS}",
                        f"UPDATE {table} SET b = 'changed' WHERE g = {g} LIMIT 1", f"DELETE FROM {table} WHERE g = {g} AND b <> 'changed' LIMIT 1",
                        "COMMIT", f"DELETE FROM {table} WHERE g = {g - 2}")

    def halves(self, table):
        """Transactions that are downstream in part. (Of a table with a key, parts are committed as they come.)"""
        if table == "k":
            return []
        return self.downstream.run(f"SELECT g, COUNT(*) FROM {SCHEMA}.{table} GROUP BY g HAVING COUNT(*) <> {ROWS - 1}")

    def log(self):
        """What is new in it since the last call."""
        text = self.cluster.log("worker1", lines=1000000)
        new, self.log_size = text[self.log_size:], len(text)
        return new

    def provoke(self, table, met):
        """Transactions until one has `met` the fault: parts of one that has a key may be too small for three packets."""
        halves = []

        def come():
            there = self.downstream.run(f"SELECT COUNT(*) FROM {SCHEMA}.{table} WHERE g = {self.last}")[0][0]
            halves.extend(self.halves(table))
            if met():
                return True
            if there == ROWS - 1:
                self.write(table)
            return False

        self.write(table)
        wait_for(come, lambda: f"the fault comes: {self.log()[-3000:]}", interval=0.1)
        assert not halves, halves

    def goes_on(self):
        """A task that pauses is resumed at once, not when it resumes by itself: there are many."""
        def runs():
            status = self.cluster.status(SCHEMA)
            if status and status["stage"] == "Paused":
                self.cluster.ctl("resume-task", SCHEMA, check=False)
            return bool(status) and status["stage"] == "Running"

        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            synced = pool.submit(self.task.synced, 90)
            wait_for(lambda: runs() and synced.done(), "the task goes on", 100, interval=0.1)
            synced.result()

    def happens(self, table, met):
        """The fault comes; both sides are compared behind it. What was logged."""
        self.log()
        self.provoke(table, met)
        self.write(table)
        self.goes_on()
        halves = self.halves(table)
        self.task.equal()
        assert not halves, halves
        return self.log()


@pytest.fixture(scope="module")
def home(servers, tmp_path_factory):
    cluster = Cluster(tmp_path_factory.mktemp("bulkcut"), keepalive_ttl=TTL)
    line = Line(cluster, servers.get("mariadb", "up"), servers.get("mariadb", "down"))
    try:
        line.downstream.run("DROP DATABASE IF EXISTS dm_meta")
        cluster.start_master()
        cluster.start_worker("worker1")
        cluster.create_source("src", line.upstream, checker={"backoff-max": "1s"})
        line.replicates()
        yield line
    finally:
        line.into.stop()
        cluster.stop()


@pytest.fixture
def line(home):
    yield home
    home.quiet()
    if home.cluster.status(SCHEMA)["stage"] != "Running":  # of a test that failed
        home.cluster.ctl("resume-task", SCHEMA, check=False)


def _of(text, table):
    return text is not None and f"`{SCHEMA}`.`{table}`" in text


class Once:
    """A rule at a place of a bulk transaction of the table: "prepare", "packet 1" to "packet 3", or "COMMIT". `verdict(text)` is asked once."""

    def __init__(self, line, table, place, verdict):
        self.line, self.table, self.place, self.verdict = line, table, place, verdict
        self.lock, self.met = threading.Lock(), False
        proxy = line.into
        if place == "prepare":
            # It is kept prepared as long as the connection lasts.
            proxy.on_prepare = lambda text: self.says(text) if _of(text, table) else None
            proxy.cut_all()
        elif place == "COMMIT":
            proxy.on_statement = lambda text: self.says(text) if text.endswith("COMMIT") and self.follows_bulk() else None
        else:
            wanted = int(place.split()[1])
            proxy.on_bulk = lambda text, number: self.says(text) if _of(text, table) and number == wanted else None

    def follows_bulk(self):
        return any(_of(text, self.table) for text in self.line.into.link().bulks)

    def says(self, text):
        with self.lock:
            if self.met:
                return None
            self.met = True
        return self.verdict(text)

    def happens(self):
        return self.line.happens(self.table, lambda: self.met)


def _raise_cut(text):
    raise Cut


CUTS = {
    "before it": _raise_cut,
    "in its middle": lambda text: HalfStatement(),
    "before the answer": lambda text: LostAnswer(),
    "in the middle of the answer": lambda text: HalfAnswer(),
    "behind the answer": lambda text: CutBehindAnswer(),
    "on the client's side": lambda text: CutClient(),
    "on the client's side, and the server does not get it": lambda text: CutClient(""),
}
PLACES = ["prepare", "packet 1", "packet 2", "packet 3", "COMMIT"]


@pytest.mark.parametrize("table", BOTH)
@pytest.mark.parametrize("place", PLACES)
def test_cuts(line, place, table):
    for where, verdict in CUTS.items():
        if place == "prepare" and where == "behind the answer":
            continue  # the first of the packets of an answer
        log = Once(line, table, place, verdict).happens()
        assert "unit process error" not in log, (where, log[-3000:])
        assert "lost connection to downstream" in log or "is not" in where, (where, log[-3000:])
        line.quiet()


@pytest.mark.parametrize("table", BOTH)
@pytest.mark.parametrize("place", ["packet 2", "COMMIT"])
def test_stalls_for_longer_than_the_server_waits(line, place, table):
    """What comes too late finds its session closed: it is done once."""
    def stall():
        lasts(TTL / 3 + 1.5)

    for verdict in (InHalves(stall), HeldAnswer(stall)):
        log = Once(line, table, place, lambda text: verdict).happens()
        assert "unit process error" not in log, log[-3000:]
        line.quiet()


@pytest.mark.parametrize("table", BOTH)
@pytest.mark.parametrize("killed", [False, True], ids=["cut", "worker killed"])
def test_a_packet_that_nobody_reads(line, table, killed):
    """It waits in the buffers of both sides, and only some of it ever comes to the server."""
    lock, met = threading.Lock(), []

    def rule(size):
        if size < 100 << 10 or not lock.acquire(blocking=False):
            return False
        lasts(0.5)
        if not killed:
            met.append(size)
            raise Cut
        line.cluster.workers["worker1"].kill9()
        met.append(size)
        return True  # what is there of it

    line.into.on_request = rule
    line.provoke(table, lambda: met)
    if killed:
        _comes_back(line)
    line.write(table)
    line.task.equal()
    assert not line.halves(table)


PACKET_PLACES = {
    "packet 2": ("packet 2", None),
    "packet 2, executed all the same": ("packet 2", FalseAnswer),
    "prepare": ("prepare", Fails),
    "COMMIT": ("COMMIT", None),
    "COMMIT, executed all the same": ("COMMIT", FalseAnswer),
}


def _error(verdict, text, number, message):
    """What raises it: the server itself, or who stands between."""
    if verdict is not None:
        return verdict(number, message)
    if text.endswith("COMMIT"):
        return raising(text, -1, number, message)
    return Instead(f"SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = {number}, MESSAGE_TEXT = '{message}'")


@pytest.mark.parametrize("table", BOTH)
@pytest.mark.parametrize("place", PACKET_PLACES)
def test_errors(line, place, table):
    """Those that a repetition cures are repeated on the spot, of the others each pauses the task once. One that says something about a row
    is looked for row by row. Who refuses to prepare gets texts."""
    at, verdict = PACKET_PLACES[place]
    paused = {}
    for name, (number, message) in {**REPEATED, **PAUSING}.items():
        log = Once(line, table, at, lambda text: _error(verdict, text, number, message)).happens()
        errors = [told for told in log.splitlines() if "unit process error" in told]
        if errors:
            paused[name] = len(errors)
            assert re.search(f"Error {number} ", errors[0]), errors[0]
        line.quiet()
    expected = set(PAUSING) if at != "prepare" else set()
    if at.startswith("packet"):
        expected.discard("1105")
    assert paused == {name: 1 for name in expected}


@pytest.mark.parametrize("table", BOTH)
@pytest.mark.parametrize("place", ["prepare", "packet 2", "COMMIT"])
@pytest.mark.parametrize("number,message", [(1927, "Connection was killed"), (1053, "Server shutdown in progress"), (1213, "Deadlock found")])
def test_an_error_and_then_the_end_of_the_connection(line, place, table, number, message):
    """There is nothing left to roll back."""
    log = Once(line, table, place, lambda text: Fails(number, message, ends=True)).happens()
    assert "unit process error" not in log, log[-3000:]


def _comes_back(line):
    line.cluster.start_worker("worker1")
    line.cluster.wait_stage(SCHEMA, "Running", "Sync")


@pytest.mark.parametrize("table", BOTH)
@pytest.mark.parametrize("place", ["packet 1", "packet 2", "packet 3", "COMMIT"])
@pytest.mark.parametrize("when", ["before it", "behind it"])
def test_the_worker_is_killed(line, when, place, table):
    """kill -9 between two packets; the server gets the packet all the same, or does not."""
    killed = threading.Event()

    def kill(text):
        line.cluster.workers["worker1"].kill9()
        killed.set()
        if when == "before it":
            raise Cut

    Once(line, table, place, kill)
    line.provoke(table, killed.is_set)
    _comes_back(line)
    line.write(table)
    line.task.equal()
    assert not line.halves(table)
