"""Whole runs side by side with what people use today; prints ratios and writes build/bench.json."""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests", "integration"))

from dmtest.cluster import Cluster  # noqa: E402
from dmtest.servers import PASSWORD, USER, MariaDb  # noqa: E402

TABLES, ROWS, THREADS = 8, 200_000, 4
BACKLOG, REPLICA_THREADS = 200_000, 8
# The same on both sides of every pair.
DURABLE = {"innodb-flush-log-at-trx-commit": 1, "sync-binlog": 0, "innodb-buffer-pool-size": "1G",
           "innodb-log-file-size": "512M"}


def check(argv, **options):
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    assert done.returncode == 0, f"{argv}\n{done.stdout}"
    return done.stdout


def sysbench(server, *arguments):
    return check(["sysbench", "oltp_write_only", "--mysql-host=127.0.0.1", f"--mysql-port={server.port}",
                  f"--mysql-user={USER}", f"--mysql-password={PASSWORD}", "--mysql-db=sbtest", f"--tables={TABLES}",
                  f"--table-size={ROWS}", *arguments])


def checksums(server):
    return [server.run(f"CHECKSUM TABLE sbtest.sbtest{i} EXTENDED")[0][1] for i in range(1, TABLES + 1)]


def timed(action):
    begin = time.monotonic()
    action()
    return time.monotonic() - begin


class Bench:
    def __init__(self, directory):
        self.dir = directory
        self.upstream = MariaDb(os.path.join(directory, "upstream"), 1, **DURABLE).start()
        self.upstream.run("CREATE DATABASE sbtest")
        sysbench(self.upstream, "--threads=2", "prepare")
        self.cluster = Cluster(os.path.join(directory, "cluster"), keepalive_ttl=60)
        self.cluster.start_master()
        self.cluster.start_worker("worker1")
        self.cluster.create_source("up", self.upstream)

    def stop(self):
        self.cluster.stop()
        self.upstream.stop()

    # -- full migration
    def full(self, runs):
        target = MariaDb(os.path.join(self.dir, "target"), 2, **DURABLE).start()
        expected = checksums(self.upstream)
        dump = os.path.join(self.dir, "mydumper")

        def empty():
            target.run("DROP DATABASE IF EXISTS sbtest", "DROP DATABASE IF EXISTS dm_meta")

        def peer():
            connection = ["-h", "127.0.0.1", "-u", USER, "-p", PASSWORD, "-t", str(THREADS)]
            check(["mydumper", *connection, "-P", str(self.upstream.port), "-B", "sbtest", "-o", dump, "-F", "64"])
            check(["myloader", *connection, "-P", str(target.port), "-d", dump])

        def ours():
            path = self.cluster.task_file(
                "bench_full", ["up"], target, ["sbtest"],
                **{"task-mode": "full", "mydumpers": {"dump": {"threads": THREADS}},
                   "loaders": {"load": {"pool-size": THREADS}}})
            self.cluster.ctl("start-task", path, "--remove-meta")
            self.cluster.wait_stage("bench_full", "Finished", timeout=600)

        pairs = []
        for _ in range(runs):
            empty()
            shutil.rmtree(dump, ignore_errors=True)
            a = timed(peer)
            assert checksums(target) == expected
            empty()
            b = timed(ours)
            assert checksums(target) == expected
            self.cluster.ctl("stop-task", "bench_full")
            pairs.append((a, b))
            print(f"  mydumper+myloader {a:6.1f} s   dm {b:6.1f} s   ratio {b / a:.2f}", flush=True)
        target.stop()
        return pairs

    # -- catching up
    def catchup(self, runs):
        start = self.upstream.run("SHOW MASTER STATUS")[0][:2]
        self.upstream.stop()
        base = os.path.join(self.dir, "base")
        shutil.copytree(self.upstream.data(), base)
        self.upstream.start()
        self.upstream.run("SET GLOBAL innodb_flush_log_at_trx_commit = 0")
        start = self.upstream.run("SHOW MASTER STATUS")[0][:2]
        print(f"  recording {BACKLOG:,} transactions ...", flush=True)
        sysbench(self.upstream, "--threads=4", f"--events={BACKLOG}", "--time=0", "--rand-type=uniform", "run")
        end = self.upstream.run("SHOW MASTER STATUS")[0][:2]
        expected = checksums(self.upstream)

        def replica(name):
            directory = os.path.join(self.dir, name)
            shutil.rmtree(directory, ignore_errors=True)
            os.makedirs(directory)
            shutil.copytree(base, os.path.join(directory, "data"))
            options = {key: value for key, value in DURABLE.items() if key != "sync-binlog"}
            server = MariaDb(directory, 3, **options)
            return server

        def native():
            server = replica("native")
            server.options.update({"slave-parallel-mode": "optimistic", "slave-parallel-threads": REPLICA_THREADS,
                                   "slave-parallel-max-queued": 16 << 20, "skip-log-bin": None,
                                   "skip-slave-start": None})
            server.start()
            server.run(f"CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT={self.upstream.port}, "
                       f"MASTER_USER='{USER}', MASTER_PASSWORD='{PASSWORD}', MASTER_USE_GTID=no, "
                       f"MASTER_LOG_FILE='{start[0]}', MASTER_LOG_POS={start[1]}")

            def run():
                server.run("START SLAVE")
                state = server.value(f"SELECT MASTER_POS_WAIT('{end[0]}', {end[1]}, 1200)")
                assert state is not None and state >= 0, server.run("SHOW SLAVE STATUS")

            seconds = timed(run)
            assert checksums(server) == expected
            server.stop()
            return seconds

        def ours(duration):
            server = replica("dm")
            server.options["skip-log-bin"] = None
            server.start()
            path = self.cluster.task_file(
                "bench_catchup", ["up"], server, ["sbtest"],
                **{"task-mode": "incremental",
                   "syncers": {"sync": {"worker-count": REPLICA_THREADS, "safe-mode-duration": duration,
                                        "checkpoint-flush-interval": 30}}})
            import yaml
            task = yaml.safe_load(open(path))
            task["mysql-instances"][0]["meta"] = {"binlog-name": start[0], "binlog-pos": int(start[1])}
            self.cluster.write(os.path.basename(path), task)

            def run():
                self.cluster.ctl("start-task", path, "--remove-meta")
                self.cluster.wait_synced("bench_catchup", self.upstream, timeout=1200)

            seconds = timed(run)
            self.cluster.ctl("stop-task", "bench_catchup")
            assert checksums(server) == expected
            server.stop()
            return seconds

        pairs = []
        for _ in range(runs):
            a, b, c = native(), ours("0s"), ours("60s")
            pairs.append((a, b, c))
            print(f"  native replica {a:6.1f} s   dm {b:6.1f} s (ratio {b / a:.2f})   dm in safe mode {c:6.1f} s "
                  f"(ratio {c / a:.2f})", flush=True)
        return pairs


def machine():
    cpu = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    memory = int(open("/proc/meminfo").readline().split()[1]) // 1024 // 1024
    versions = [check(["/usr/sbin/mariadbd", "--version"]).strip(), check(["mydumper", "--version"]).strip()]
    return f"{os.cpu_count()} cores ({cpu}), {memory} GiB; {'; '.join(versions)}"


def main():
    parser = argparse.ArgumentParser(prog="bench/run")
    parser.add_argument("what", nargs="*", choices=["full", "catchup", []])
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    what = options.what or ["full", "catchup"]
    directory = tempfile.mkdtemp(prefix="dm-bench-")
    print(machine())
    bench, result = Bench(directory), {"machine": machine()}
    try:
        if "full" in what:
            print(f"full migration of sysbench {TABLES} x {ROWS:,} rows, {THREADS} threads")
            pairs = bench.full(options.runs)
            ratio = statistics.median(b / a for a, b in pairs)
            result["full"] = {"pairs": pairs, "ratio": ratio}
            print(f"  median ratio to mydumper + myloader: {ratio:.2f}")
        if "catchup" in what:
            print(f"catching up {BACKLOG:,} oltp_write_only transactions, {REPLICA_THREADS} threads")
            pairs = bench.catchup(options.runs)
            ratios = [statistics.median(pair[i] / pair[0] for pair in pairs) for i in (1, 2)]
            result["catchup"] = {"pairs": pairs, "ratio": ratios[0], "ratio_safe_mode": ratios[1]}
            print(f"  median ratio to a native replica: {ratios[0]:.2f}, in safe mode {ratios[1]:.2f}")
    finally:
        bench.stop()
        shutil.rmtree(directory, ignore_errors=True)
    os.makedirs(os.path.join(ROOT, "build"), exist_ok=True)
    with open(os.path.join(ROOT, "build", "bench.json"), "w") as out:
        json.dump(result, out, indent=2)


main()
