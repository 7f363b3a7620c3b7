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
    with running.down.connect() as blocker:
        cursor = blocker.cursor()
        cursor.execute("LOCK TABLES status.t READ")
        running.up.run("INSERT INTO status.t (v) VALUES (5)")
        wait_for(lambda: running.lag() >= 3, lambda: f"rows: lag 3, is {running.sync()}", 30)
        assert not running.sync()["synced"]
        cursor.execute("UNLOCK TABLES")
    running.wait_synced()
    assert running.lag() == 0
    with running.down.connect() as blocker:
        cursor = blocker.cursor()
        cursor.execute("LOCK TABLES status.t READ")
        running.up.run("ALTER TABLE status.t ADD COLUMN w INT")
        wait_for(lambda: running.lag() >= 3, lambda: f"DDL: lag 3, is {running.sync()}", 30)
        cursor.execute("UNLOCK TABLES")
    running.wait_synced()
    assert running.lag() == 0
    running.equal()


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
    while not (sync := running.sync())["synced"]:
        seen.append(int(sync["secondsBehindMaster"]))
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


@pytest.mark.parametrize("seconds", [7200, -7200])
def test_clocks_that_differ(cluster, servers, tmp_path, seconds):
    """The upstream's clock is wrong by two hours."""
    upstream = MariaDb(tmp_path / "shifted", server_id=77)
    upstream.environment = shifted_clock(str(tmp_path), seconds)
    downstream = servers.get("mariadb", "down")
    upstream.start()
    try:
        assert abs(int(upstream.value("SELECT UNIX_TIMESTAMP()")) - time.time() - seconds) < 60
        downstream.run("DROP DATABASE IF EXISTS clocks", "DROP DATABASE IF EXISTS dm_clocks")
        upstream.run("CREATE DATABASE clocks", "CREATE TABLE clocks.t (id INT PRIMARY KEY)")
        cluster.start_master()
        cluster.start_worker("worker1")
        cluster.create_source("shifted", upstream)
        cluster.ctl("start-task", cluster.task_file("clocks", ["shifted"], downstream, ["clocks"],
                                                    **{"meta-schema": "dm_clocks"}))
        cluster.wait_stage("clocks", "Running", "Sync")

        def lag():
            return int(cluster.status("clocks")["sync"]["secondsBehindMaster"])

        for i in range(5):
            upstream.run(f"INSERT INTO clocks.t VALUES ({i})")
            assert lag() <= 1
        with downstream.connect() as blocker:
            cursor = blocker.cursor()
            cursor.execute("LOCK TABLES clocks.t READ")
            upstream.run("INSERT INTO clocks.t VALUES (100)")
            assert 2 <= wait_for(lambda: lag() if lag() >= 2 else None, "the lag grows", 30) < 60
            cursor.execute("UNLOCK TABLES")
        wait_for(lambda: cluster.status("clocks")["sync"]["synced"], "synced", 30)
        assert lag() == 0
    finally:
        cluster.stop()
        upstream.stop()


def test_upstream_that_does_not_answer(cluster, servers, tmp_path):
    """It is stopped, not gone: the answer comes all the same, and says so; the lag grows."""
    upstream = MariaDb(tmp_path / "stopped", server_id=78)
    downstream = servers.get("mariadb", "down")
    upstream.start()
    try:
        downstream.run("DROP DATABASE IF EXISTS silent", "DROP DATABASE IF EXISTS dm_silent")
        upstream.run("CREATE DATABASE silent", "CREATE TABLE silent.t (id INT PRIMARY KEY)")
        cluster.start_master()
        cluster.start_worker("worker1")
        cluster.create_source("stopped", upstream)
        cluster.ctl("start-task", cluster.task_file("silent", ["stopped"], downstream, ["silent"],
                                                    **{"meta-schema": "dm_silent"}))
        cluster.wait_stage("silent", "Running", "Sync")
        wait_for(lambda: cluster.status("silent")["sync"]["synced"], "synced", 30)
        upstream.process.send(signal.SIGSTOP)
        begin = time.monotonic()
        entry = cluster.ctl("query-status", "silent").json["sources"][0]
        assert time.monotonic() - begin < 8
        errors = entry["sourceStatus"]["result"]["errors"]
        assert "context deadline exceeded" in errors[0]["Message"], errors
        assert entry["subTaskStatus"][0]["stage"] == "Running"
        assert int(entry["subTaskStatus"][0]["sync"]["secondsBehindMaster"]) >= 3
        upstream.process.send(signal.SIGCONT)
        wait_for(lambda: (s := cluster.status("silent")["sync"])["synced"] and s["secondsBehindMaster"] == "0",
                 "caught up again", 15)
        upstream.run("INSERT INTO silent.t VALUES (1)")
        wait_for(lambda: downstream.value("SELECT COUNT(*) FROM silent.t") == 1, "the row", 30)
    finally:
        upstream.process.send(signal.SIGCONT)
        cluster.stop()
        upstream.stop()


def test_upstream_without_binlog(cluster, servers, tmp_path):
    upstream = MariaDb(tmp_path / "nolog", server_id=79, **{"skip-log-bin": None})
    downstream = servers.get("mariadb", "down")
    upstream.start()
    try:
        downstream.run("DROP DATABASE IF EXISTS nolog", "DROP DATABASE IF EXISTS dm_nolog")
        upstream.run("CREATE DATABASE nolog", "CREATE TABLE nolog.t (id INT PRIMARY KEY)", "INSERT INTO nolog.t VALUES (1)")
        assert upstream.value("SELECT @@log_bin") == 0
        cluster.start_master()
        cluster.start_worker("worker1")
        cluster.create_source("nolog", upstream)
        cluster.ctl("start-task", cluster.task_file("nolog", ["nolog"], downstream, ["nolog"],
                                                    **{"meta-schema": "dm_nolog", "task-mode": "full"}))
        status = cluster.wait_stage("nolog", "Finished")
        assert status["load"]["progress"] == "100.00 %"
        assert cluster.ctl("query-status", "nolog").json["sources"][0]["sourceStatus"]["result"] is None
    finally:
        cluster.stop()
        upstream.stop()


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
    try:
        while True:
            status = shared_cluster.status("statusdl")
            seen.append(status)
            if status["stage"] != "Running":
                break
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
        assert not [line for line in lines if "progress status of dumpling" in line and "[bps=0" in line
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
