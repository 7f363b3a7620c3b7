"""What a process that is stopped, cut off or late leaves open downstream, and who takes over from it."""
import os
import re
import signal
import threading
import time

import pytest

from dmtest.compare import difference
from dmtest.proxy import CutClient, Proxy
from dmtest.waiting import wait_for

SCHEMA = "handover"
TABLES = """
CREATE TABLE pk (id INT PRIMARY KEY, v VARCHAR(200));
CREATE TABLE nokey (a INT, v VARCHAR(200));
"""
# Each worker has a directory of its own, as on machines of their own.
OWN_DIRECTORY = {"loaders": {"load": {"dir": "./dumped_data"}}}
# What a server may take at most from the end of the lease (or of the connection) until the work goes on: far less than the 50 s
# after which it gives up waiting for a row.
SOON = 25


class TakeOver:
    """One source, one target, one task; the test starts the workers."""

    def __init__(self, cluster, upstream, downstream):
        self.cluster, self.upstream, self.downstream = cluster, upstream, downstream
        for server in (upstream, downstream):
            server.run(f"DROP DATABASE IF EXISTS {SCHEMA}")
        downstream.run("DROP DATABASE IF EXISTS dm_over")
        upstream.run(f"CREATE DATABASE {SCHEMA}")
        upstream.script(f"USE {SCHEMA};\n{TABLES}")
        self.gate = os.path.join(cluster.dir, "gate")

    def worker(self, name="worker1", failpoints=None):
        self.cluster.start_worker(name, failpoints=failpoints)

    def start(self, target=None, check=True, **task):
        self.cluster.create_source("src", self.upstream, check=False)
        return self.cluster.ctl("start-task", self.cluster.task_file("over", ["src"], target or self.downstream, [SCHEMA],
                                                              **{"meta-schema": "dm_over", **task}), check=check)

    def rows(self, first, count):
        self.upstream.run(f"INSERT INTO {SCHEMA}.pk SELECT seq, REPEAT('x', 100) FROM {SCHEMA}.seq_{first}_to_{first + count - 1}",
                          f"INSERT INTO {SCHEMA}.nokey SELECT seq % 10, REPEAT('y', 100) FROM {SCHEMA}.seq_{first}_to_{first + count - 1}")

    def running(self, timeout=60):
        self.cluster.wait_stage("over", "Running", "Sync", timeout)

    def equal(self, timeout=60):
        self.running(timeout)
        self.cluster.wait_synced("over", self.upstream, timeout)
        found = difference(self.upstream, self.downstream, {SCHEMA: SCHEMA}, None)
        assert found is None, found

    def open_transactions(self):
        return int(self.downstream.value(
            "SELECT COUNT(*) FROM information_schema.innodb_trx JOIN information_schema.processlist ON id = trx_mysql_thread_id "
            "WHERE user = 'dm' AND trx_rows_modified > 0"))

    def epochs(self):
        return self.downstream.run("SELECT slot, epoch FROM dm_over.over_owner WHERE slot >= 0 ORDER BY slot")

    def be_another_run(self):
        self.downstream.run("UPDATE dm_over.over_owner SET epoch = epoch + 1 WHERE slot >= 0")

    def log(self, name="worker1"):
        return self.cluster.log(name, lines=100000)

    def stopped_with_rows(self, action):
        """Stops worker1 when it has written rows and not committed them, which comes of `action`."""
        threading.Thread(target=action, daemon=True).start()  # the server ends an idle transaction soon
        wait_for(lambda: self.open_transactions() > 0, "rows are written and not committed",
                 interval=0.2)  # what INNODB_TRX shows is made anew only when nobody has looked for 0.1 s
        self.cluster.workers["worker1"].send(signal.SIGSTOP)

    def taken_over(self):
        """worker2, which is there, has the source when this returns. Returns the time."""
        wait_for(lambda: self.cluster.bound_worker("src") == "worker2", "worker2 takes over", timeout=30)
        return time.monotonic()

    def awake(self):
        """worker1 goes on, into its next statement."""
        with open(self.gate, "w"):
            pass
        self.cluster.workers["worker1"].send(signal.SIGCONT)
        wait_for(lambda: "the lease could not be renewed in time" in self.log() or "keepalive ends" in self.log(),
                 lambda: f"worker1 finds its lease gone\n{self.cluster.log('worker1')}")


def owner_lock(slot):
    """The server's lock of a statement of that slot."""
    name = 14695981039346656037
    for byte in b"dm_over/over/src":
        name = (name ^ byte) * 1099511628211 % 2**64
    return f"dm_owner_{name:016x}_{slot}"


def hold(connection, held):
    """What a former run has open: the `row` of its epoch, locked, or the lock of its statements."""
    cursor = connection.cursor()
    if held == "row":
        cursor.execute("BEGIN")
        cursor.execute("SELECT * FROM dm_over.over_owner WHERE slot = 1 FOR UPDATE")
    else:
        cursor.execute(f"SELECT GET_LOCK('{owner_lock(1)}', 1)")
    cursor.fetchall()


@pytest.fixture
def over(servers, cluster, request):
    cluster.keepalive_ttl = getattr(request, "param", 6)
    cluster.start_master()
    yield TakeOver(cluster, servers.get("mariadb", "up"), servers.get("mariadb", "down"))
    for worker in cluster.workers.values():
        if worker.alive():
            worker.send(signal.SIGCONT)


def test_a_load_that_is_stopped_in_a_transaction(over):
    """The dump has not ended, its rows are being loaded: another worker dumps and loads anew."""
    over.rows(1, 4000)
    # The dump must not end before its rows are being loaded.
    over.worker(failpoints=f"load/before-commit=pause({over.gate});dump/after-last-chunk=pause({over.gate})")
    over.cluster.create_source("src", over.upstream)
    over.worker("worker2")
    over.stopped_with_rows(lambda: over.start(check=False, mydumpers={"dump": {"rows": 500}}, **OWN_DIRECTORY))
    begin = over.taken_over()
    over.running()
    over.cluster.wait_synced("over", over.upstream)
    assert time.monotonic() - begin < SOON, over.log("worker2")[-3000:]
    over.rows(5001, 10)
    over.equal()
    epochs = over.epochs()
    over.awake()
    over.rows(6001, 10)
    over.equal()
    assert over.epochs() == epochs and over.cluster.bound_worker("src") == "worker2"


def test_a_load_that_is_stopped_in_the_file_of_a_statement(over):
    """The server waits for the rest of what LOAD DATA reads from the client, and does not learn that none will come."""
    over.rows(1, 4000)
    proxy = Proxy(over.downstream)
    reading, stopped, ended = set(), threading.Event(), threading.Event()

    def on_statement(text):
        if text.startswith("LOAD DATA LOCAL") and not stopped.is_set():
            reading.add(proxy.link())

    def on_request(size):
        if proxy.link() in reading and not stopped.is_set():
            stopped.set()
            over.cluster.workers["worker1"].send(signal.SIGSTOP)
        if proxy.link() in reading and not ended.is_set():
            ended.wait(120)

    proxy.on_statement, proxy.on_request = on_statement, on_request
    try:
        over.worker()
        over.cluster.create_source("src", over.upstream)
        over.worker("worker2")
        threading.Thread(target=lambda: over.start(proxy, check=False, **OWN_DIRECTORY), daemon=True).start()
        wait_for(stopped.is_set, "a file is being sent")
        begin = over.taken_over()
        over.running()
        over.cluster.wait_synced("over", over.upstream)
        assert time.monotonic() - begin < SOON, over.log("worker2")[-3000:]
        over.equal()
        epochs = over.epochs()
        ended.set()
        over.awake()
        over.rows(6001, 10)
        over.equal()
        assert over.epochs() == epochs and over.cluster.bound_worker("src") == "worker2"
    finally:
        ended.set()
        proxy.stop()


@pytest.mark.parametrize("held", ["row", "lock"])
@pytest.mark.parametrize("unit", ["Dump", "Load"])
def test_the_status_of_a_load_that_waits_for_its_predecessor(over, unit, held):
    """Whichever unit is at work then: it is the load that becomes the owner, if it can before the dump has ended."""
    over.rows(1, 100)
    over.worker(failpoints=f"load/running=pause({over.gate})" if unit == "Load" else None)
    over.start()
    if unit == "Dump":
        # As if it were the first run; but the owners' table is there.
        over.running()
        over.cluster.ctl("stop-task", "over")
        over.downstream.run(f"DROP DATABASE {SCHEMA}",
                            "DELETE FROM dm_over.over_lightning_checkpoint_list", "DELETE FROM dm_over.over_loader_checkpoint",
                            "DELETE FROM dm_over.over_syncer_checkpoint")
    else:
        wait_for(lambda: os.path.exists(over.gate + ".reached"), "the load has begun")
        threading.Thread(target=lambda: over.cluster.ctl("pause-task", "over", check=False), daemon=True).start()
        wait_for(lambda: over.cluster.status("over")["stage"] != "Running", "the pause is ordered")
        with open(over.gate, "w"):
            pass
        over.cluster.wait_stage("over", "Paused", "Load")
    with over.downstream.connect() as holder:
        hold(holder, held)
        if unit == "Dump":
            over.start(check=False)
        else:
            over.cluster.ctl("resume-task", "over", check=False)
        what = "transactions that a former run of this task has left open" if held == "row" else "a statement of a former run of this task"
        wait_for(lambda: over.cluster.status("over")[unit.lower()]["progress"].endswith(f"waiting for ({what})"),
                 lambda: f"the status shows it: {over.cluster.status('over')}", 30)
        assert over.cluster.status("over")["stage"] == "Running"
    over.equal()
    assert over.cluster.status("over")["sync"]["blockingDDLs"] == []


def test_the_status_of_a_load_whose_target_is_away(over):
    over.rows(1, 100)
    proxy = Proxy(over.downstream)
    over.worker(failpoints=f"load/files-recorded=pause({over.gate})")
    over.start(proxy)
    wait_for(lambda: os.path.exists(over.gate + ".reached"), "the load has begun")
    proxy.stop()
    with open(over.gate, "w"):
        pass
    wait_for(lambda: re.fullmatch(r"\d+\.\d\d %, waiting for \(the downstream, which is away: .*refused.*\)", over.cluster.status("over")["load"]["progress"]),
             lambda: f"the status shows it: {over.cluster.status('over')}", 30)
    over.cluster.ctl("stop-task", "over")


def test_the_status_of_replication_that_waits_for_its_predecessor(over):
    over.worker()
    over.start()
    over.equal()
    over.cluster.ctl("pause-task", "over")
    with over.downstream.connect() as holder:
        cursor = holder.cursor()
        cursor.execute("BEGIN")
        cursor.execute("SELECT * FROM dm_over.over_owner WHERE slot = 1 FOR UPDATE")
        cursor.fetchall()
        over.cluster.ctl("resume-task", "over")
        wait_for(lambda: over.cluster.status("over")["sync"]["blockingDDLs"] == ["(transactions that a former run of this task has left open)"],
                 lambda: f"the status shows it: {over.cluster.status('over')}", 30)
    over.equal()
    assert over.cluster.status("over")["sync"]["blockingDDLs"] == []


def test_replication_that_is_stopped_before_its_commit(over):
    """Rows without a key are sent, and not committed."""
    over.worker(failpoints=f"sync/serial-commit-apart=return;sync/before-serial-commit=2*pause({over.gate})")
    over.start()
    over.running()
    over.rows(1, 10)
    over.equal()
    over.worker("worker2")
    over.stopped_with_rows(lambda: over.rows(101, 10))
    begin = over.taken_over()
    over.equal()
    assert time.monotonic() - begin < SOON, over.log("worker2")[-3000:]
    epochs = over.epochs()
    over.awake()
    over.rows(201, 10)
    over.equal()
    assert over.epochs() == epochs and over.cluster.bound_worker("src") == "worker2"


@pytest.mark.parametrize("where", ["load", "sync"])
def test_one_flow_is_cut(over, where):
    """The server does not learn that a connection is gone in the middle of its transaction."""
    over.rows(1, 2000)
    proxy = Proxy(over.downstream)
    armed, cut = threading.Event(), threading.Event()

    def on_statement(text):
        """A load commits by a packet of its own, replication in that of its rows."""
        commits = text == "COMMIT" if where == "load" else f"`{SCHEMA}`.`nokey`" in text and text.endswith(";COMMIT")
        if not commits or not armed.is_set() or cut.is_set():
            return None
        cut.set()
        return CutClient(text.removesuffix("COMMIT").removesuffix(";"))

    proxy.on_statement = on_statement
    try:
        over.worker()
        if where == "load":
            armed.set()
        over.start(target=proxy)
        if where == "sync":
            over.equal()
            armed.set()
            over.rows(3001, 10)
        wait_for(cut.is_set, "a COMMIT is not delivered")
        begin = time.monotonic()
        over.equal()
        assert time.monotonic() - begin < SOON, over.log()[-3000:]
        assert "unit ends with an error" not in over.log()
    finally:
        proxy.stop()


def test_idle_connections_stay_open(over):
    """Whatever the task says of wait_timeout: they are kept by pings."""
    over.worker()
    over.start(**{"target-database": {"session": {"wait_timeout": 1, "idle_transaction_timeout": 1}}})
    over.running()
    over.rows(1, 10)
    over.equal()

    def connections():
        return {row[0] for row in over.downstream.run("SELECT id FROM information_schema.processlist WHERE user = 'dm'")}

    before, begin = connections(), time.monotonic()
    wait_for(lambda: time.monotonic() - begin > 5, "more than twice the limit", timeout=10)
    # Four workers, the serial one, the checkpoint's: whatever else is silent may go.
    assert len(before & connections()) >= 6
    over.rows(101, 10)
    over.upstream.run(f"ALTER TABLE {SCHEMA}.pk ADD COLUMN c INT")
    over.upstream.run(f"UPDATE {SCHEMA}.pk SET c = 1")
    over.equal()
    assert "lost connection" not in over.log() and "was lost" not in over.log()


@pytest.mark.parametrize("over", [60], indirect=True)
def test_a_statement_of_a_run_that_is_late(over):
    """Between the intent and the statement another run takes over: the statement is not executed by the first."""
    over.worker(failpoints=f"sync/before-ddl-statement=pause({over.gate})")
    over.start()
    over.running()
    over.rows(1, 10)
    over.equal()
    over.upstream.run(f"DROP TABLE {SCHEMA}.nokey")
    wait_for(lambda: over.downstream.value("SELECT COUNT(*) FROM dm_over.over_syncer_ddl") == 1, "the intent is written")
    over.be_another_run()
    with open(over.gate, "w"):
        pass
    wait_for(lambda: "36076" in over.log(), lambda: f"it finds that it is not the owner\n{over.cluster.log('worker1')}")
    # What resumes it is the owner then.
    over.equal()
    assert "an earlier run has not executed the statement" in over.log()


@pytest.mark.parametrize("held", ["row", "lock"])
@pytest.mark.parametrize("command", ["pause-task", "stop-task"])
def test_ending_a_run_that_waits_for_its_predecessor(over, held, command):
    over.worker()
    over.start()
    over.equal()
    over.cluster.ctl("pause-task", "over")
    with over.downstream.connect() as holder:
        hold(holder, held)
        over.cluster.ctl("resume-task", "over")
        waits = "(INSERT IGNORE|UPDATE).*_owner" if held == "row" else "SELECT GET_LOCK"
        wait_for(lambda: over.downstream.run(
            f"SELECT 1 FROM information_schema.processlist WHERE user = 'dm' AND info REGEXP '^{waits}'"), "the run waits")
        begin = time.monotonic()
        over.cluster.ctl(command, "over")
        wait_for(lambda: over.log().count("unit process returned") == over.log().count("start to run"), "the run has ended", timeout=8)
        assert time.monotonic() - begin < 10
    if command == "stop-task":
        over.cluster.ctl("start-task", os.path.join(over.cluster.dir, "task-over.yaml"))
    else:
        over.cluster.ctl("resume-task", "over")
    over.equal()


def test_progress_rows_of_a_load_that_is_late(over):
    """Another run takes over just before a file is noted: it is not."""
    over.rows(1, 4000)
    proxy = Proxy(over.downstream)
    noted = []

    def on_statement(text):
        # (Claims and made tables have rows there as well.)
        if re.search(rf"INSERT INTO .*over_loader_checkpoint.*'{SCHEMA}\.pk\.\d+\.sql'", text, re.S) and not noted:
            noted.append(text)
            over.be_another_run()
        return None

    proxy.on_statement = on_statement
    try:
        over.worker()
        over.start(target=proxy, mydumpers={"dump": {"rows": 500, "threads": 1}}, **OWN_DIRECTORY)
        wait_for(lambda: noted, "a file is noted")
        wait_for(lambda: "36076" in over.log(), lambda: f"it finds that it is not the owner\n{over.cluster.log('worker1')}")
        assert "over_owner" in noted[0]
        over.equal()
    finally:
        proxy.stop()


def test_the_record_of_who_loads_is_not_written_late(over):
    """A worker that wakes up between its dump and the record that it has the files does not take the source from who loads them."""
    over.rows(1, 2000)
    gate = over.gate + "-2"
    over.worker(failpoints=f"etcd/before-load-task=pause({over.gate})")
    over.cluster.create_source("src", over.upstream)
    over.worker("worker2", failpoints=f"load/files-recorded=pause({gate})")
    threading.Thread(target=lambda: over.start(check=False, **OWN_DIRECTORY), daemon=True).start()
    wait_for(lambda: os.path.exists(over.gate + ".reached"), "worker1 is about to write the record")
    over.cluster.workers["worker1"].send(signal.SIGSTOP)
    over.taken_over()
    wait_for(lambda: os.path.exists(gate + ".reached"), "worker2 loads")
    over.awake()
    wait_for(lambda: over.cluster.worker_stage("worker1") == "free", "worker1 is back and idle")
    with open(gate, "w"):
        pass
    over.equal()
    assert over.cluster.bound_worker("src") == "worker2"
    assert over.log("worker2").count("dump data finished") == 1
