"""Continuous replication beside a native replica of the same upstream, with the same durability: catching up with a recorded
backlog, and the time from a commit upstream until it is visible."""
import os
import random
import shutil
import threading
import time

import yaml

from common import DURABLE, PASSWORD, USER, MariaDb, check, compare, cpu_seconds, fill_sysbench, new_cluster, position, timed

TABLES, ROWS = 8, 200_000
HOT_ROWS = 20
# Each value of native replication is tried; the best counts.
NATIVE_THREADS = (4, 8, 16)
WORKERS = 8


def sysbench(server, transactions):
    check(["sysbench", "oltp_write_only", "--mysql-host=127.0.0.1", f"--mysql-port={server.port}", f"--mysql-user={USER}",
           f"--mysql-password={PASSWORD}", "--mysql-db=sbtest", f"--tables={TABLES}", f"--table-size={ROWS}", "--threads=4",
           f"--events={transactions}", "--time=0", "--rand-type=uniform", "run"])


def by_clients(server, work, clients=4):
    """Runs `work(cursor, client)` in several connections at once."""
    failures = []

    def client(number):
        try:
            with server.connect() as connection:
                work(connection.cursor(), number)
        except Exception as e:
            failures.append(e)

    threads = [threading.Thread(target=client, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures


class Load:
    """What the upstream does while a backlog is recorded."""

    def __init__(self, name, prepare, run, rows, what):
        self.name, self.prepare, self.run, self.rows, self.what = name, prepare, run, rows, what


def oltp(transactions):
    def prepare(server):
        for table in range(1, TABLES + 1):
            fill_sysbench(server, f"sbtest{table}", ROWS)

    return Load("catchup", prepare, lambda server: sysbench(server, transactions), transactions * 4,
                f"{transactions:,} transactions of oltp_write_only on {TABLES} x {ROWS:,} rows")


def hot(transactions):
    def run(server):
        def work(cursor, client):
            chance = random.Random(client)
            for _ in range(transactions // 4):
                cursor.execute(f"UPDATE sbtest.hot SET k = k + 1 WHERE id = {chance.randint(1, HOT_ROWS)}")

        by_clients(server, work)

    return Load("hot", lambda server: fill_sysbench(server, "hot", HOT_ROWS, secondary=False), run, transactions,
                f"{transactions:,} transactions of one UPDATE each, all on the same {HOT_ROWS} rows")


def bulk(transactions):
    def prepare(server):
        fill_sysbench(server, "bulk", 1)
        fill_sysbench(server, "stock", 1000)

    def run(server):
        def work(cursor, client):
            for _ in range(transactions // 4):
                cursor.execute("INSERT INTO sbtest.bulk (k, c, pad) SELECT k, c, pad FROM sbtest.stock")

        by_clients(server, work)

    return Load("bulk", prepare, run, transactions * 1000, f"{transactions:,} transactions, each inserting 1,000 rows")


class Replication:
    def __init__(self, directory, load):
        self.dir, self.load = directory, load
        self.upstream = MariaDb(os.path.join(directory, "upstream"), 1, **{**DURABLE, "max-binlog-size": "1G"}).start()
        self.cluster = None
        self.upstream.run("CREATE DATABASE sbtest")
        load.prepare(self.upstream)

    def start_cluster(self):
        self.cluster = new_cluster(os.path.join(self.dir, "cluster"), self.upstream)

    def stop(self):
        if self.cluster:
            self.cluster.stop()
        self.upstream.stop()

    def record(self):
        """Keeps the data as it is, then records the backlog. The upstream need not be durable meanwhile."""
        self.upstream.run("SET GLOBAL innodb_fast_shutdown = 0")
        self.upstream.stop()
        self.base = os.path.join(self.dir, "base")
        shutil.copytree(self.upstream.data(), self.base)
        self.upstream.start()
        self.upstream.run("SET GLOBAL innodb_flush_log_at_trx_commit = 0")
        self.begin = position(self.upstream)
        self.load.run(self.upstream)
        self.end = position(self.upstream)

    def replica(self, name, **options):
        directory = os.path.join(self.dir, name)
        shutil.rmtree(directory, ignore_errors=True)
        os.makedirs(directory)
        shutil.copytree(self.base, os.path.join(directory, "data"))
        return MariaDb(directory, 3, **{**DURABLE, "skip-log-bin": None, **options})

    def native(self, threads):
        """Seconds, and seconds of the target's CPU."""
        server = self.replica("native", **NATIVE, **{"slave-parallel-threads": threads}).start()
        try:
            point_at(server, self.upstream, self.begin)

            def run():
                server.run("START SLAVE")
                state = server.value(f"SELECT MASTER_POS_WAIT('{self.end[0]}', {self.end[1]}, 1800)")
                assert state is not None and state >= 0, server.run("SHOW SLAVE STATUS")

            before = cpu_seconds(server.process)
            seconds = timed(run)
            used = cpu_seconds(server.process) - before
            compare(self.upstream, server)
            return seconds, used
        finally:
            server.stop()

    def ours(self, duration="0s"):
        """Seconds, and seconds of the target's and of dm-worker's CPU."""
        server = self.replica("dm").start()
        try:
            path = task_file(self.cluster, server, self.begin, duration)
            worker = self.cluster.workers["worker1"]
            before, target_before = cpu_seconds(worker), cpu_seconds(server.process)

            def run():
                self.cluster.ctl("start-task", path, "--remove-meta")
                self.cluster.wait_synced("bench", self.upstream, timeout=1800)

            seconds = timed(run)
            used, target_used = cpu_seconds(worker) - before, cpu_seconds(server.process) - target_before
            self.cluster.ctl("stop-task", "bench")
            compare(self.upstream, server)
            return seconds, target_used, used
        finally:
            server.stop()


NATIVE = {"slave-parallel-mode": "optimistic", "slave-parallel-max-queued": 16 << 20, "skip-slave-start": None}


def point_at(server, upstream, begin):
    server.run(f"CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT={upstream.port}, MASTER_USER='{USER}', "
               f"MASTER_PASSWORD='{PASSWORD}', MASTER_USE_GTID=no, MASTER_LOG_FILE='{begin[0]}', MASTER_LOG_POS={begin[1]}")


def task_file(cluster, server, begin, duration):
    path = cluster.task_file(
        "bench", ["up"], server, ["sbtest"],
        **{"task-mode": "incremental",
           "syncers": {"sync": {"worker-count": WORKERS, "safe-mode-duration": duration, "checkpoint-flush-interval": 30}}})
    task = yaml.safe_load(open(path))
    task["mysql-instances"][0]["meta"] = {"binlog-name": begin[0], "binlog-pos": begin[1]}
    cluster.write(os.path.basename(path), task)
    return path


def catch_up(directory, load, runs, threads, safe_mode):
    """Pairs of seconds: the best native replica, ours, ours in safe mode; CPU of dm-worker per row."""
    bench = Replication(directory, load)
    pairs = []
    try:
        print(f"  recording {load.what} ...", flush=True)
        bench.record()
        bench.start_cluster()
        for _ in range(runs):
            natives = {count: bench.native(count) for count in threads}
            best, native_cpu = min(natives.values())
            seconds, target_cpu, cpu = bench.ours()

            def a_row(value):
                return value / load.rows * 1e6

            pair = {"native": {count: value for count, (value, _) in natives.items()}, "dm": seconds, "ratio": seconds / best,
                    "cpu_us_per_row": a_row(cpu), "target_cpu_us_per_row": a_row(target_cpu),
                    "native_cpu_us_per_row": a_row(native_cpu), "cpu_ratio": (target_cpu + cpu) / native_cpu}
            text = ", ".join(f"{count} threads {value:.1f} s" for count, (value, _) in natives.items())
            text = (f"  native replica {text} ({a_row(native_cpu):.2f} us of CPU a row)   dm {seconds:.1f} s (ratio {pair['ratio']:.2f}; CPU a row: "
                    f"target {a_row(target_cpu):.2f} us, dm-worker {a_row(cpu):.2f} us, both to the replica's {pair['cpu_ratio']:.2f})")
            if safe_mode:
                pair["dm_safe_mode"] = bench.ours("600s")[0]
                pair["ratio_safe_mode"] = pair["dm_safe_mode"] / best
                text += f"   in safe mode {pair['dm_safe_mode']:.1f} s (ratio {pair['ratio_safe_mode']:.2f})"
            print(text, flush=True)
            pairs.append(pair)
    finally:
        bench.stop()
    return pairs


class Watcher(threading.Thread):
    """Looks which transaction is visible, all the time."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.seen, self.ended = server, {}, threading.Event()
        self.newest = 0

    def run(self):
        with self.server.connect() as connection:
            cursor = connection.cursor()
            while not self.ended.is_set():
                cursor.execute("SELECT MAX(id) FROM sbtest.beat")
                newest, now = cursor.fetchone()[0] or 0, time.monotonic()
                for number in range(self.newest + 1, newest + 1):
                    self.seen[number] = now
                self.newest = newest
                time.sleep(0.001)


def latency(directory, rate, seconds):
    """Milliseconds from COMMIT's answer until visible, at a native replica and at DM's target at the same time."""
    def prepare(server):
        for table in range(1, TABLES + 1):
            fill_sysbench(server, f"sbtest{table}", 10_000)
        server.run("CREATE TABLE sbtest.beat (id BIGINT PRIMARY KEY, v VARCHAR(100))")

    bench = Replication(directory, Load("latency", prepare, lambda server: None, 0, ""))
    servers = []
    try:
        bench.record()
        bench.start_cluster()
        native = bench.replica("native", **NATIVE, **{"slave-parallel-threads": 8, "server-id": 4}).start()
        servers.append(native)
        ours = bench.replica("dm").start()
        servers.append(ours)
        point_at(native, bench.upstream, bench.begin)
        native.run("START SLAVE")
        bench.cluster.ctl("start-task", task_file(bench.cluster, ours, bench.begin, "0s"), "--remove-meta")
        bench.cluster.wait_stage("bench", "Running", "Sync")
        watchers = {"native": Watcher(native), "dm": Watcher(ours)}
        for watcher in watchers.values():
            watcher.start()
        committed = {}
        with bench.upstream.connect() as connection:
            connection.autocommit(False)
            cursor = connection.cursor()
            chance = random.Random(1)
            begin = time.monotonic()
            for number in range(1, int(rate * seconds) + 1):
                wait = begin + number / rate - time.monotonic()
                if wait > 0:
                    time.sleep(wait)
                cursor.execute(f"UPDATE sbtest.sbtest{number % TABLES + 1} SET k = k + 1 WHERE id = {chance.randint(1, 10_000)}")
                cursor.execute(f"INSERT INTO sbtest.beat VALUES ({number}, REPEAT('x', 100))")
                connection.commit()
                committed[number] = time.monotonic()
            reached = number / (time.monotonic() - begin)
        deadline = time.monotonic() + 30
        while any(watcher.newest < number for watcher in watchers.values()):
            assert time.monotonic() < deadline, {name: watcher.newest for name, watcher in watchers.items()}
            time.sleep(0.01)
        for watcher in watchers.values():
            watcher.ended.set()
            watcher.join()
        compare(bench.upstream, native)
        compare(bench.upstream, ours)
        bench.cluster.ctl("stop-task", "bench")
        result = {"tps": reached}
        for name, watcher in watchers.items():
            # (The first second is left out: both begin.)
            times = sorted((watcher.seen[n] - committed[n]) * 1000 for n in committed if n > rate)
            result[name] = {"p50": times[len(times) // 2], "p99": times[len(times) * 99 // 100], "max": times[-1]}
        return result
    finally:
        bench.stop()
        for server in servers:
            server.stop()
