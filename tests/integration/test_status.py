"""What query-status says is true: synced, lag, rates, counters; in sync, dump and load."""
import re
import signal
import time

import pytest

from dmtest.clock import shifted_clock
from dmtest.compare import difference
from dmtest.servers import MariaDb
from dmtest.waiting import wait_for


@pytest.fixture(scope="module", params=["mariadb", "mysql9"])
def kind(request):
    return request.param


class Running:
    """One task over one source of the shared cluster."""

    def __init__(self, cluster, servers, kind, gtid):
        self.cluster, self.up, self.down = cluster, servers.get(kind, "up"), servers.get("mariadb", "down")
        self.source = f"{kind}-{'gtid' if gtid else 'pos'}"
        if self.source not in cluster.sources:
            cluster.start_worker(f"worker{len(cluster.sources) + 1}")
            cluster.create_source(self.source, self.up, **{"enable-gtid": gtid})
            cluster.sources[self.source] = self.up
        self.task = f"status{kind[0]}{int(gtid)}"
        for server in (self.up, self.down):
            server.run("DROP DATABASE IF EXISTS status")
        self.up.run("CREATE DATABASE status", "CREATE TABLE status.t (id INT PRIMARY KEY AUTO_INCREMENT, v INT)",
                    "INSERT INTO status.t (v) VALUES (1), (2), (3)")

    def start(self, **more):
        path = self.cluster.task_file(self.task, [self.source], self.down, ["status"], **more)
        self.cluster.ctl("start-task", path, "--remove-meta")
        self.cluster.wait_stage(self.task, "Running", "Sync")
        self.wait_synced()
        wait_for(lambda: self.sync()["binlogType"] == "remote", lambda: f"it reads the binlog: {self.sync()}")

    def sync(self):
        return self.cluster.status(self.task)["sync"]

    def lag(self):
        return int(self.sync()["secondsBehindMaster"])

    def wait_synced(self, timeout=30):
        """DM may need half a minute; ours is as quick as the rows."""
        wait_for(lambda: self.sync()["synced"], lambda: f"synced: {self.sync()}", timeout, interval=0.1)

    def equal(self):
        self.wait_synced()
        found = difference(self.up, self.down, {"status": "status"})
        assert found is None, found

    def stop(self):
        self.cluster.ctl("stop-task", self.task, check=False)


@pytest.fixture
def running(servers, shared_cluster, kind):
    made = Running(shared_cluster, servers, kind, gtid=False)
    yield made
    made.stop()


@pytest.fixture
def by_gtid(servers, shared_cluster, kind):
    made = Running(shared_cluster, servers, kind, gtid=True)
    yield made
    made.stop()


def test_synced_after_what_is_no_transaction(running):
    running.start()
    for _ in range(2):
        running.up.run("FLUSH BINARY LOGS")
        running.wait_synced()
        running.up.run("INSERT INTO status.t (v) VALUES (4)", "FLUSH BINARY LOGS")
        running.wait_synced()
    # Elsewhere, and filtered.
    running.up.run("CREATE DATABASE IF NOT EXISTS elsewhere", "CREATE TABLE IF NOT EXISTS elsewhere.t (a INT)",
                   "INSERT INTO elsewhere.t VALUES (1)")
    running.wait_synced()
    running.up.run("DROP DATABASE elsewhere")
    running.wait_synced()
    wait_for(lambda: running.sync()["syncerBinlog"] == running.sync()["masterBinlog"], "the checkpoint follows", 30)
    assert running.lag() == 0
    running.equal()


def test_synced_by_gtid(by_gtid, kind):
    by_gtid.start()
    by_gtid.up.run("FLUSH BINARY LOGS")
    by_gtid.wait_synced()
    if kind == "mysql9":
        # A transaction that is nothing but its GTID.
        uuid = "11111111-2222-3333-4444-555555555555"
        number = int(time.time())
        by_gtid.up.run(f"SET GTID_NEXT = '{uuid}:{number}'", "BEGIN", "COMMIT", "SET GTID_NEXT = 'AUTOMATIC'")
        by_gtid.wait_synced()
        # What is saved follows what is committed.
        wait_for(lambda: uuid in by_gtid.sync()["syncerBinlogGtid"], "the checkpoint has it", 30)
    by_gtid.up.run("INSERT INTO status.t (v) VALUES (4)")
    by_gtid.wait_synced()
    assert by_gtid.lag() == 0
    by_gtid.equal()


def test_lag_grows_while_the_downstream_blocks(running):
    running.start()
    assert running.lag() == 0
    for change in ("INSERT INTO status.t (v) VALUES (5)", "ALTER TABLE status.t ADD COLUMN w INT"):
        with running.down.connect() as blocker:
            cursor = blocker.cursor()
            cursor.execute("LOCK TABLES status.t READ")
            running.up.run(change)
            wait_for(lambda: running.lag() >= 3, lambda: f"{change}: lag 3, is {running.sync()}", 30)
            assert not running.sync()["synced"]
            cursor.execute("UNLOCK TABLES")
        running.wait_synced()
        assert running.lag() == 0
    running.equal()


def test_a_transaction_without_an_answer_is_shown(running):
    running.start()
    with running.down.connect() as holder:
        cursor = holder.cursor()
        cursor.execute("BEGIN")
        cursor.execute("SELECT * FROM status.t FOR UPDATE")
        cursor.fetchall()
        running.up.run("UPDATE status.t SET v = v + 1 WHERE id = 1")

        def shown():
            (blocking,) = running.sync()["blockingDDLs"] or [""]
            return re.fullmatch(r"\(a transaction of \d+ changes, the first one of `status`\.`t`, without an answer for (\d+) s\)", blocking)

        match = wait_for(shown, lambda: f"the status shows it: {running.sync()}", 20)
        assert int(match[1]) >= 5
    running.wait_synced()
    assert running.sync()["blockingDDLs"] == []


def test_lag_stays_true_between_batches(running):
    """Ten minutes behind: never less until it has caught up."""
    running.start(syncers={"sync": {"worker-count": 1, "batch": 1}})
    running.cluster.ctl("pause-task", running.task)
    then = int(running.up.value("SELECT UNIX_TIMESTAMP()")) - 600
    inserts = ["INSERT INTO status.t (v) VALUES (6)"] * 1500
    running.up.run(f"SET timestamp = {then}", *inserts)
    running.cluster.ctl("resume-task", running.task)
    wait_for(lambda: running.lag() >= 590 or running.sync()["synced"], "the lag is seen", interval=0.01)
    seen = []

    def caught_up():
        sync = running.sync()
        if not sync["synced"]:
            seen.append(int(sync["secondsBehindMaster"]))
        return sync["synced"]

    wait_for(caught_up, lambda: f"it catches up: {seen[-1:]}", interval=0)
    assert not [lag for lag in seen if lag < 590], seen
    running.equal()
    assert running.lag() == 0


def test_paused(running):
    running.start()
    running.cluster.ctl("pause-task", running.task)
    assert running.sync()["synced"] and running.lag() == 0
    running.up.run("INSERT INTO status.t (v) VALUES (7)")
    assert not running.sync()["synced"]
    wait_for(lambda: running.lag() >= 2, lambda: f"the lag of a paused task grows: {running.sync()}", 30)
    assert running.sync()["recentRps"] == "0"
    assert running.sync()["binlogType"] == "remote"
    running.cluster.ctl("resume-task", running.task)
    running.wait_synced()
    assert running.lag() == 0
    running.equal()


def test_a_start_time_that_is_not_used_yet(running):
    """What was saved is of another place: it says nothing of how far the task is."""
    running.start()
    before = running.up.value("SELECT NOW()")
    begin = wait_for(lambda: (now := running.up.value("SELECT NOW()")) > before and now, "the next second")
    running.up.run("INSERT INTO status.t (v) VALUES (4)")
    running.wait_synced()
    running.cluster.ctl("stop-task", running.task)
    path = running.cluster.task_file(running.task, [running.source], running.down, ["status"],
                                     **{"task-mode": "incremental", "ignore-checking-items": ["all"]})
    running.cluster.ctl("start-task", path, "--start-time", "2037-01-01 00:00:00", check=False)  # no event is so late
    running.cluster.wait_stage(running.task, "Paused", "Sync")
    assert running.sync()["syncerBinlog"] == "(, 4)" and not running.sync()["synced"], running.sync()
    running.cluster.ctl("stop-task", running.task)
    running.cluster.ctl("start-task", path, "--start-time", str(begin))
    running.equal()


def test_counters(running):
    running.start()
    before = running.sync()
    rows = ", ".join(f"({i})" for i in range(500))
    running.up.run(f"INSERT INTO status.t (v) VALUES {rows}", "UPDATE status.t SET v = v + 1 WHERE id <= 50",
                   "DELETE FROM status.t WHERE id <= 10")
    running.wait_synced()
    # Who asks twice sees the same speed.
    first, second = running.sync(), running.sync()
    assert int(first["totalRows"]) - int(before["totalRows"]) == 560
    for sync in (first, second):
        assert int(sync["recentRps"]) > 0, sync
        assert int(sync["totalRps"]) > 0, sync
        assert (sync["totalEvents"], sync["totalTps"]) == (sync["totalRows"], sync["totalRps"])
    assert int(first["ioTotalBytes"]) > int(before["ioTotalBytes"]) + 500
    assert int(first["dumpIOTotalBytes"]) > int(before["dumpIOTotalBytes"]) + 500
    running.cluster.ctl("pause-task", running.task)
    running.cluster.ctl("resume-task", running.task)
    running.wait_synced()
    again = running.sync()
    for name in ("totalRows", "ioTotalBytes", "dumpIOTotalBytes"):
        assert int(again[name]) >= int(first[name]), name


class OwnUpstream:
    """A task `own` whose upstream is a server of the test's own, which may break it."""

    def __init__(self, cluster, servers, directory):
        self.cluster, self.directory, self.down = cluster, directory, servers.get("mariadb", "down")
        self.up = None

    def start(self, mode="all", environment=None, **options):
        self.up = MariaDb(self.directory / "up", server_id=77, **options)
        self.up.environment = environment
        self.up.start()
        self.down.run("DROP DATABASE IF EXISTS own", "DROP DATABASE IF EXISTS dm_own")
        self.up.run("CREATE DATABASE own", "CREATE TABLE own.t (id INT PRIMARY KEY)", "INSERT INTO own.t VALUES (1000)")
        self.cluster.start_master()
        self.cluster.start_worker("worker1")
        self.cluster.create_source("own", self.up)
        self.cluster.ctl("start-task", self.cluster.task_file("own", ["own"], self.down, ["own"],
                                                              **{"meta-schema": "dm_own", "task-mode": mode}))

    def status(self):
        return self.cluster.ctl("query-status", "own").json["sources"][0]

    def sync(self):
        return self.cluster.status("own")["sync"]

    def lag(self):
        return int(self.sync()["secondsBehindMaster"])

    def wait_synced(self):
        wait_for(lambda: self.sync()["synced"], "synced", 30)

    def stop(self):
        if self.up is not None and self.up.process is not None:
            self.up.process.send(signal.SIGCONT)
        self.cluster.stop()
        if self.up is not None:
            self.up.stop()


@pytest.fixture
def own(cluster, servers, tmp_path):
    made = OwnUpstream(cluster, servers, tmp_path)
    yield made
    made.stop()


@pytest.mark.parametrize("seconds", [7200, -7200])
def test_clocks_that_differ(own, tmp_path, seconds):
    """The upstream's clock is wrong by two hours."""
    own.start(environment=shifted_clock(str(tmp_path), seconds))
    assert abs(int(own.up.value("SELECT UNIX_TIMESTAMP()")) - time.time() - seconds) < 60
    own.cluster.wait_stage("own", "Running", "Sync")
    for i in range(5):
        own.up.run(f"INSERT INTO own.t VALUES ({i})")
        assert own.lag() <= 1
    with own.down.connect() as blocker:
        cursor = blocker.cursor()
        cursor.execute("LOCK TABLES own.t READ")
        own.up.run("INSERT INTO own.t VALUES (100)")
        assert 2 <= wait_for(lambda: lag if (lag := own.lag()) >= 2 else None, "the lag grows", 30) < 60
        cursor.execute("UNLOCK TABLES")
    own.wait_synced()
    assert own.lag() == 0


def test_upstream_that_does_not_answer(own):
    """It is stopped, not gone: the answer comes all the same, and says so; the lag grows."""
    own.start()
    own.cluster.wait_stage("own", "Running", "Sync")
    own.wait_synced()
    own.up.process.send(signal.SIGSTOP)
    begin = time.monotonic()
    entry = own.status()
    assert time.monotonic() - begin < 8
    errors = entry["sourceStatus"]["result"]["errors"]
    assert "context deadline exceeded" in errors[0]["Message"], errors
    assert entry["subTaskStatus"][0]["stage"] == "Running"
    assert int(entry["subTaskStatus"][0]["sync"]["secondsBehindMaster"]) >= 3
    own.up.process.send(signal.SIGCONT)
    wait_for(lambda: (s := own.sync())["synced"] and s["secondsBehindMaster"] == "0", "caught up again", 15)
    own.up.run("INSERT INTO own.t VALUES (1)")
    wait_for(lambda: own.down.value("SELECT COUNT(*) FROM own.t") == 2, "the row", 30)


def test_upstream_without_binlog(own):
    own.start(mode="full", **{"skip-log-bin": None})
    assert own.up.value("SELECT @@log_bin") == 0
    status = own.cluster.wait_stage("own", "Finished")
    assert status["load"]["progress"] == "100.00 %"
    assert own.status()["sourceStatus"]["result"] is None


def test_dump_and_load(servers, shared_cluster):
    """Counters never fall, never pass their totals, and end there."""
    upstream, downstream = servers.get("mariadb", "up"), servers.get("mariadb", "down")
    running = Running(shared_cluster, servers, "mariadb", gtid=False)
    worker = shared_cluster.bound_worker(running.source)
    upstream.run("CREATE TABLE status.big (id INT PRIMARY KEY AUTO_INCREMENT, v VARCHAR(200))",
                 "INSERT INTO status.big (v) SELECT REPEAT('x', 180) FROM information_schema.collations a, "
                 "information_schema.collations b LIMIT 60000")
    path = shared_cluster.task_file(
        "statusdl", [running.source], downstream, ["status"], **{"task-mode": "full"},
        mydumpers={"dump": {"threads": 2, "chunk-filesize": "1"}})
    seen = []
    shared_cluster.ctl("start-task", path, "--remove-meta")

    def ended():
        seen.append(shared_cluster.status("statusdl"))
        return seen[-1]["stage"] != "Running"

    try:
        wait_for(ended, lambda: f"it ends: {seen[-1]}", interval=0)
        assert seen[-1]["stage"] == "Finished", seen[-1]
        dumps = [status["dump"] for status in seen if "dump" in status]
        loads = [status["load"] for status in seen if "load" in status]
        for earlier, later in zip(dumps, dumps[1:]):
            for name in ("completedTables", "finishedBytes", "finishedRows"):
                assert earlier[name] <= later[name], (earlier, later)
        for dump in dumps:
            assert re.fullmatch(r"|[ \d]\d?\d\.\d\d %|100 %", dump["progress"]), dump
            assert dump["completedTables"] <= int(dump["totalTables"] or 0), dump
        for load in loads:
            assert int(load["finishedBytes"]) <= int(load["totalBytes"]), load
            assert re.fullmatch(r"\d+\.\d\d %", load["progress"]), load
        last = loads[-1]
        assert last["finishedBytes"] == last["totalBytes"] and last["progress"] == "100.00 %", last
        assert int(last["totalBytes"]) > 60000 * 180
        assert int(last["bps"]) > 0
        log = shared_cluster.log(worker, 100000)
        lines = [line for line in log.splitlines() if "[task=statusdl]" in line]
        assert any("progress status of dumpling" in line for line in lines) or not dumps
        # (Bytes are those of files that are whole.)
        assert not [line for line in lines if "progress status of dumpling" in line and "[bps=0" in line and '=" 0.00 %"' not in line
                    and "[finished_rows=0" not in line]
        ends = [line for line in lines if "lightning load end" in line]
        size = last["totalBytes"]
        assert len(ends) == 1, ends
        assert (f'[IsCanceled=false] [finished_bytes={size}] [total_bytes={size}] [progress="100.00 %"]' in ends[0])
        assert "[unit=lightning-load]" in ends[0]
        found = difference(upstream, downstream, {"status": "status"})
        assert found is None, found
    finally:
        shared_cluster.ctl("stop-task", "statusdl", check=False)
