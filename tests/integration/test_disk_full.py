"""Disks that are full: of dm-worker's dump files and log, of the downstream."""
import os
import re
import shutil

import pytest

from dmtest.compare import difference
from dmtest.disk import SmallDisk
from dmtest.servers import MariaDb
from dmtest.waiting import wait_for

SCHEMA = "df"


@pytest.fixture
def pair(servers):
    upstream, downstream = servers.get("mariadb", "up"), servers.get("mariadb", "down")
    prepare(upstream, downstream)
    return upstream, downstream


def prepare(upstream, downstream):
    for server in (upstream, downstream):
        server.run(f"DROP DATABASE IF EXISTS {SCHEMA}")
    downstream.run("DROP DATABASE IF EXISTS dm_df")
    upstream.run(f"CREATE DATABASE {SCHEMA}", f"CREATE TABLE {SCHEMA}.t (id INT AUTO_INCREMENT PRIMARY KEY, v VARCHAR(1000))",
                 f"CREATE TABLE {SCHEMA}.nokey (a INT, v VARCHAR(1000))")
    rows(upstream, 2000)


def rows(upstream, count):
    upstream.run("BEGIN", f"INSERT INTO {SCHEMA}.t (v) SELECT REPEAT('x', 500 + seq MOD 300) FROM {SCHEMA}.seq_1_to_{count}",
                 f"INSERT INTO {SCHEMA}.nokey SELECT seq, REPEAT('y', 500) FROM {SCHEMA}.seq_1_to_{count}", "COMMIT")


def begin(cluster, upstream, downstream, worker_flags=(), **more):
    cluster.start_master()
    cluster.start_worker("worker1", flags=worker_flags)
    cluster.create_source("src", upstream, checker={"backoff-max": "1s"})
    cluster.ctl("start-task", cluster.task_file("df", ["src"], downstream, [SCHEMA], **{
        "meta-schema": "dm_df", "ignore-checking-items": ["all"], **more}))


def equal(cluster, upstream, downstream):
    cluster.wait_stage("df", "Running", "Sync", timeout=90)
    cluster.wait_synced("df", upstream)
    found = difference(upstream, downstream, {SCHEMA: SCHEMA})
    assert found is None, found


def test_precheck_tells_of_too_little_space(cluster, pair, tmp_path):
    """Of the worker that the source is bound to, for the directory of the dump, which need not be there yet."""
    with SmallDisk(tmp_path / "dumps", "1m") as disk:
        cluster.start_master()
        cluster.start_worker("worker1")
        cluster.create_source("src", pair[0])
        pair[0].run(f"ANALYZE TABLE {SCHEMA}.t, {SCHEMA}.nokey")

        def file(dir, **more):
            return cluster.task_file("df", ["src"], pair[1], [SCHEMA], **{
                "meta-schema": "dm_df", "loaders": {"load": {"dir": dir}}, **more})

        small = os.path.join(disk.path, "deep", "dump")
        said = cluster.ctl("check-task", file(small))
        for phrase in ("dump space check", "the tables of source src have", f"are free at {small}.df of dm-worker worker1", "larger file system"):
            assert phrase in said.out, (phrase, str(said))
        assert '"result": true' in said.out, said
        for path, more in ((str(tmp_path / "large"), {}), (small, {"ignore-checking-items": ["dump_space"]}),
                           (small, {"task-mode": "incremental"})):
            assert "dump space check" not in cluster.ctl("check-task", file(path, **more), check=False).out, path
        # start-task says it, too, and starts.
        started = cluster.ctl("start-task", file(small))
        assert "dump space check" in started.out and '"result": true' in started.out, started
        cluster.ctl("stop-task", "df")
        # Who cannot be asked is not waited for.
        cluster.workers["worker1"].kill9()
        wait_for(lambda: cluster.worker_stage("worker1") == "offline", "the worker is offline", 30)
        assert "dump space check" not in cluster.ctl("check-task", file(small)).out
        assert "the space for the dump is not checked" in cluster.log("master1", 10000)


def test_dump_directory(cluster, pair, tmp_path):
    """The dump says that there is too little space; with more of it, it goes on when it is resumed."""
    with SmallDisk(tmp_path / "dumps", "8m") as disk:
        begin(cluster, *pair, loaders={"load": {"dir": os.path.join(disk.path, "dump")}})
        error = cluster.wait_error("df", 32001)
        text = error["Message"] + error["RawCause"] + error["Workaround"]
        assert "free" in text and disk.path in text, error
        disk.remount("size=2g")
        cluster.ctl("resume-task", "df")
        rows(pair[0], 100)
        equal(cluster, *pair)
        cluster.stop()


def test_worker_log(cluster, pair, tmp_path):
    """Its lines go to standard error meanwhile; nothing else changes."""
    with SmallDisk(tmp_path / "log", "1m") as disk:
        disk.fill()
        begin(cluster, *pair, worker_flags=(f"--log-file={disk.path}/dm-worker.log",))
        rows(pair[0], 500)
        equal(cluster, *pair)
        assert "start to handle the bound source" in cluster.workers["worker1"].tail(10_000)
        disk.free()
        cluster.ctl("pause-task", "df")
        cluster.ctl("resume-task", "df")
        rows(pair[0], 500)
        equal(cluster, *pair)
        with open(f"{disk.path}/dm-worker.log", errors="replace") as f:
            assert "start to run" in f.read()
        # Full again, in the middle.
        disk.fill()
        rows(pair[0], 500)
        equal(cluster, *pair)
        assert cluster.workers["worker1"].stop() == 0
        cluster.stop()



def test_binlog_of_the_downstream(cluster, servers, tmp_path):
    """MariaDB waits inside the statement until there is space: the status says that there is no answer, and the task goes on by
    itself."""
    upstream = servers.get("mariadb", "up")
    with SmallDisk(tmp_path / "binlog", "200m") as disk:
        downstream = MariaDb(tmp_path / "down", 905, **{"log-bin": f"{disk.path}/mysql-bin"}).start()
        try:
            prepare(upstream, downstream)
            rows(upstream, 10000)
            disk.fill(keep=4 << 20)
            begin(cluster, upstream, downstream)
            silent = rf"\d+\.\d\d %, waiting for \(a transaction of `{SCHEMA}`\.`\w+`, without an answer for \d+ s\)"
            wait_for(lambda: re.fullmatch(silent, cluster.status("df").get("load", {"progress": ""})["progress"]),
                     lambda: f"the status says that there is no answer: {cluster.status('df')}", 90)
            disk.free()
            # It looks again once a minute.
            cluster.wait_stage("df", "Running", "Sync", timeout=150)
            cluster.wait_synced("df", upstream)
            disk.fill(keep=4 << 20)
            rows(upstream, 10000)
            silent = rf"\(a transaction of \d+ changes, the first one of `{SCHEMA}`\.`\w+`, without an answer for \d+ s\)"
            wait_for(lambda: any(re.fullmatch(silent, wait) for wait in cluster.status("df")["sync"]["blockingDDLs"]),
                     lambda: f"the status says that there is no answer: {cluster.status('df')}", 90)
            disk.free()
            cluster.wait_synced("df", upstream, timeout=150)
            found = difference(upstream, downstream, {SCHEMA: SCHEMA}, None)
            assert found is None, found
            cluster.stop()
        finally:
            disk.free()  # it does not end without space
            downstream.stop()


def test_tables_of_the_downstream(cluster, servers, tmp_path):
    """The server answers 1114, or ends itself if it finds no space for a rollback. The status says the first, nothing is lost or
    doubled; replication goes on by itself."""
    upstream = servers.get("mariadb", "up")
    with SmallDisk(tmp_path / "down" / "data", "260m") as disk:
        downstream = MariaDb(tmp_path / "down", 905, **{"skip-log-bin": None})
        shutil.copytree(downstream.template(), disk.path, symlinks=True, dirs_exist_ok=True)
        downstream.start()

        def full(code, workaround):
            """Waits until the task has met the full disk, and makes space."""
            def told():
                status = cluster.status("df")
                return (status["result"] or {}).get("errors") or not downstream.process.alive()

            errors = wait_for(told, lambda: f"the status says that a table is full: {cluster.status('df')}", 90)
            disk.free()
            if not downstream.process.alive():
                downstream.start()
                return
            (error,) = errors
            assert error["ErrCode"] == code and "is full" in error["RawCause"] and workaround in error["Workaround"], error

        def loaded():
            status = cluster.status("df")
            if status["stage"] == "Paused" and status["unit"] == "Load":
                cluster.ctl("resume-task", "df", check=False)
            return status["unit"] == "Sync"

        try:
            prepare(upstream, downstream)
            for _ in range(10):
                rows(upstream, 3000)
            disk.fill(keep=16 << 20)
            begin(cluster, upstream, downstream)
            full(34019, "Make room on the server. Then `resume-task`")
            wait_for(loaded, lambda: f"all is loaded: {cluster.status('df')}", 150, interval=1)
            cluster.wait_stage("df", "Running", "Sync", timeout=150)
            cluster.wait_synced("df", upstream)
            disk.fill(keep=4 << 20)
            for _ in range(10):
                rows(upstream, 3000)
            full(10006, "Make room on the server. The task then goes on by itself")
            cluster.wait_stage("df", "Running", "Sync", timeout=150)
            cluster.wait_synced("df", upstream, timeout=150)
            found = difference(upstream, downstream, {SCHEMA: SCHEMA}, None)
            assert found is None, found
            cluster.stop()
        finally:
            disk.free()
            if downstream.process.alive():
                downstream.stop()
