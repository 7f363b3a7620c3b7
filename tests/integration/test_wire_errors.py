"""Errors of the downstream at every place of a transaction: those that a repetition cures are repeated on the spot, of the others each
pauses the task once; nothing is half applied, lost or doubled."""
import concurrent.futures
import contextlib
import itertools
import re
import threading

import pytest

from dmtest.cluster import Cluster
from dmtest.migrated import Migrated
from dmtest.proxy import FalseAnswer, Proxy, raising
from dmtest.waiting import wait_for

pytestmark = pytest.mark.xdist_group("wire_errors")
TABLES = ["CREATE TABLE k (id INT PRIMARY KEY, g INT, v INT, UNIQUE KEY (v))", "CREATE TABLE n (g INT, b VARCHAR(10))"]

# What is repeated on the spot. (Numbers of clients are what proxies in front of servers answer: as a lost connection.)
REPEATED = {
    "1213": (1213, "Deadlock found when trying to get lock; try restarting transaction"),
    "8005": (8005, "Write Conflict, txnStartTS is stale"),
    "8022": (8022, "Error: KV error safe to retry"),
    "8028": (8028, "Information schema is changed during the execution of the statement"),
    "9001": (9001, "PD server timeout"),
    "9003": (9003, "TiKV server is busy"),
    "9004": (9004, "Resolve lock timeout"),
    "9007": (9007, "Write conflict, txnStartTS=1, conflictStartTS=2"),
    "1105s": (1105, "Information schema is changed. [try again later]"),
    "2006": (2006, "MySQL server has gone away"),
    "2013": (2013, "Lost connection to MySQL server during query"),
    "1927": (1927, "Connection was killed"),
}
# What is not.
PAUSING = {
    "1205": (1205, "Lock wait timeout exceeded; try restarting transaction"),
    "1317": (1317, "Query execution was interrupted"),
    "1290": (1290, "The MySQL server is running with the --read-only option so it cannot execute this statement"),
    "1105": (1105, "unknown error"),
    "8020": (8020, "Table was locked"),
    "9002": (9002, "TiKV server timeout"),
    "9005": (9005, "Region is unavailable"),
}
# A transaction of this size is written in parts.
TOO_LARGE = {"8004": (8004, "Transaction is too large")}
ALL = {**REPEATED, **PAUSING, **TOO_LARGE}


class Wire:
    """A task for each error, with a schema of its own, all through one proxy."""

    def __init__(self, cluster, upstream, downstream):
        self.cluster, self.proxy = cluster, Proxy(downstream)
        self.upstream, self.downstream = upstream, downstream
        cluster.sources = {"src": upstream}
        self.tasks = {}
        self.lock, self.plans, self.groups = threading.Lock(), {}, itertools.count(1)
        self.log_size = 0

    def add(self, name, **changes):
        schema = f"wire{name}"
        self.tasks[name] = Migrated(self.cluster, self.upstream, self.downstream, [schema], schema, source="src", into=self.proxy,
                                    **{"ignore-checking-items": ["all"], **changes})
        self.tasks[name].prepare(*TABLES)
        return self.tasks[name]

    def start_all(self):
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda task: task.start(), self.tasks.values()))

    def start(self):
        self.proxy.on_statement = self.rule
        self.start_all()
        for task in self.tasks.values():
            self.cluster.wait_stage(task.task, "Running", "Sync")

    def rule(self, text):
        with self.lock:
            for name in set(re.findall(r"wire(\d+s?)", text)) & set(self.plans):
                wanted, verdict = self.plans[name]
                if wanted(text, f"wire{name}"):
                    del self.plans[name]
                    return verdict(text, f"wire{name}")
        return None

    def arm(self, names, wanted, verdict):
        """The next text of each task that `wanted(text, schema)` says meets `verdict(text, schema, number, message)`."""
        with self.lock:
            self.plans = {name: (wanted, lambda text, schema, name=name: verdict(text, schema, *ALL[name])) for name in names}

    def write(self, names):
        """A transaction of each task; two rows with a key and three without have its number."""
        group = next(self.groups)
        for name in names:
            self.tasks[name].write("BEGIN", f"INSERT INTO k VALUES ({group * 10}, {group}, {group}), ({group * 10 + 1}, {group}, {-group})",
                                   f"INSERT INTO n VALUES ({group}, 'x'), ({group}, 'x'), ({group}, 'y')",
                                   f"UPDATE k SET v = v + 100000 WHERE g = {group - 1} AND v < 100000", "COMMIT")

    def halves(self, names):
        return [(name, table, row) for name in names for table, count in (("k", 2), ("n", 3))
                for row in self.downstream.run(f"SELECT g, COUNT(*) FROM wire{name}.{table} GROUP BY g HAVING COUNT(*) <> {count}")]

    def errors(self):
        """Units that ended with an error since the last call, by task."""
        text = self.cluster.log("worker1", lines=1000000)
        new, self.log_size = text[self.log_size:], len(text)
        found = {}
        for line in new.splitlines():
            if "unit process error" in line:
                found.setdefault(re.search(r"\[subtask=wire(\w+)\]", line)[1], []).append(line)
        return found

    def happens(self, names, wanted, verdict):
        """All of it for these errors; which tasks paused, with the lines of the log."""
        self.errors()
        self.arm(names, wanted, verdict)
        self.write(names)
        halves = []

        def met():
            halves.extend(self.halves(names))
            return not self.plans

        wait_for(met, lambda: f"errors come: {sorted(self.plans)}", interval=0.2)
        for name in names:
            self.cluster.wait_stage(self.tasks[name].task, "Running", "Sync")
        self.write(names)
        halves += self.halves(names)
        for name in names:
            self.tasks[name].equal()
        assert not halves, halves
        return self.errors()


@contextlib.contextmanager
def _wire(servers, kind, directory, **changes):
    cluster = Cluster(directory)
    upstream, downstream = servers.get(kind, "up"), servers.get(kind, "down")
    downstream.run("DROP DATABASE IF EXISTS dm_meta")
    wire = Wire(cluster, upstream, downstream)
    try:
        cluster.start_master()
        cluster.start_worker("worker1")
        cluster.create_source("src", upstream, checker={"backoff-max": "1s"})
        for name in ALL:
            wire.add(name, **changes)
        yield wire
    finally:
        wire.proxy.stop()
        cluster.stop()


@pytest.fixture(scope="module")
def wire(request, servers, tmp_path_factory):
    with _wire(servers, request.param, tmp_path_factory.mktemp("wire"), syncers={"sync": {"worker-count": 2}}) as wire:
        wire.start()
        yield wire


def _is_batch(table):
    return lambda text, schema: text.endswith(";COMMIT") and f"`{schema}`.`{table}`" in text


def _at_row(table, which=-1):
    """The error comes where one of the table's rows is written."""
    def verdict(text, schema, number, message):
        places = [i for i, statement in enumerate(text.split(";")) if f"`{schema}`.`{table}`" in statement]
        return raising(text, places[which], number, message)

    return verdict


def _at_commit(text, schema, number, message):
    return raising(text, -1, number, message)


PLACES = {
    "row with a key": (_is_batch("k"), _at_row("k")),
    "row without a key": (_is_batch("n"), _at_row("n")),
    "COMMIT of rows with a key": (_is_batch("k"), _at_commit),
    "COMMIT of rows without a key": (_is_batch("n"), _at_commit),
    # It is executed, but the server says otherwise.
    "answer of COMMIT, with a key": (_is_batch("k"), lambda text, schema, number, message: FalseAnswer(number, message)),
    "answer of COMMIT, without a key": (_is_batch("n"), lambda text, schema, number, message: FalseAnswer(number, message)),
}


# The places are found by our side; that a server's own error comes there is tried with both.
RUNS = [("mariadb", place) for place in PLACES] + [("mysql9", place) for place in ("row without a key", "answer of COMMIT, without a key")]


@pytest.mark.parametrize("wire,place", RUNS, indirect=["wire"], scope="module")
def test_errors_of_replication(wire, place):
    paused = wire.happens(list(ALL), *PLACES[place])
    # What one upstream transaction brings a table without a key is not divided.
    expected = {**PAUSING, **(TOO_LARGE if place.endswith("without a key") else {})}
    if place.startswith("row "):  # it may be that of a value: its row is looked for among those of the statement, and none fails
        del expected["1105"]
    assert {name: len(lines) for name, lines in paused.items()} == {name: 1 for name in expected}, paused
    for name in PAUSING.keys() & expected.keys():
        assert f"Error {PAUSING[name][0]} " in paused[name][0], paused[name]


@pytest.mark.parametrize("wire", ["mariadb"], indirect=True, scope="module")
def test_errors_of_checkpoints(wire):
    """While it replicates, a checkpoint that cannot be written is written later: nothing pauses."""
    def wanted(text, schema):
        return text.startswith("START TRANSACTION;") and text.endswith(";COMMIT") and f"`{schema}_syncer_checkpoint`" in text

    paused = wire.happens(list(ALL), wanted, _at_commit)
    assert not paused, paused
