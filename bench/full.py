"""Full migration beside mydumper, then myloader."""
import os
import shutil

from common import DURABLE, PASSWORD, USER, MariaDb, check, compare, fill_sysbench, new_cluster, timed

THREADS = 4
# name: (tables, rows of each)
DATA = {"small": (8, 200_000), "big": (1, 5_000_000)}


def full(directory, which, runs):
    """Pairs of seconds. Both write the target's binlog (myloader has to be told to)."""
    tables, rows = DATA[which]
    upstream = MariaDb(os.path.join(directory, "upstream"), 1, **DURABLE).start()
    target = MariaDb(os.path.join(directory, "target"), 2, **DURABLE).start()
    cluster = None
    dump = os.path.join(directory, "mydumper")
    pairs = []

    def empty():
        target.run("DROP DATABASE IF EXISTS sbtest", "DROP DATABASE IF EXISTS dm_meta", "RESET MASTER")
        shutil.rmtree(dump, ignore_errors=True)

    def peer():
        connection = ["-h", "127.0.0.1", "-u", USER, "-p", PASSWORD, "-t", str(THREADS)]
        check(["mydumper", *connection, "-P", str(upstream.port), "-B", "sbtest", "-o", dump, "-F", "64"])
        check(["myloader", *connection, "-P", str(target.port), "-d", dump, "-e"])

    def ours():
        path = cluster.task_file(
            "bench", ["up"], target, ["sbtest"],
            **{"task-mode": "full", "mydumpers": {"dump": {"threads": THREADS}}, "loaders": {"load": {"pool-size": THREADS}}})
        cluster.ctl("start-task", path, "--remove-meta")
        cluster.wait_stage("bench", "Finished", timeout=1800)

    try:
        for number in range(1, tables + 1):
            fill_sysbench(upstream, f"sbtest{number}", rows)
        cluster = new_cluster(os.path.join(directory, "cluster"), upstream)
        for _ in range(runs):
            empty()
            a = timed(peer)
            compare(upstream, target)
            empty()
            b = timed(ours)
            compare(upstream, target)
            cluster.ctl("stop-task", "bench")
            pairs.append({"peer": a, "dm": b, "ratio": b / a})
            print(f"  mydumper + myloader {a:6.1f} s   dm {b:6.1f} s   ratio {b / a:.2f}", flush=True)
        return pairs
    finally:
        if cluster:
            cluster.stop()
        upstream.stop()
        target.stop()
