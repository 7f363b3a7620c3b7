"""What a MariaDB needs at least for the rows of the bulk load: CPU and time a row of each way to insert them."""
import os
import statistics

from common import DURABLE, PASSWORD, ROOT, USER, MariaDb, check, cpu_seconds, fill_sysbench

# name: method, connections, rows a statement, rows a commit, order of the rows (bench/inserts.cc)
WAYS = {
    **{f"text {rows} rows, {count} conn.": ("text", count, rows, 1000, "next") for rows in (100, 500, 1000) for count in (1, 2, 4, 8)},
    "text 100 rows, 8 conn. apart": ("text", 8, 100, 1000, "apart"),
    "text 1000 rows, 8 conn. apart": ("text", 8, 1000, 1000, "apart"),
    "text 1000 rows, 1 conn. shuffled": ("text", 1, 1000, 1000, "shuffled"),
    "text 1000 rows, 8 conn. shuffled": ("text", 8, 1000, 1000, "shuffled"),
    "text 1000 rows, 1 conn., 10000 a commit": ("text", 1, 1000, 10000, "next"),
    "text 1000 rows, 2 conn., 10000 a commit": ("text", 2, 1000, 10000, "next"),
    "text 1000 rows, 8 conn., 10000 a commit": ("text", 8, 1000, 10000, "next"),
    "one packet 1000 rows, 1 conn.": ("packet", 1, 1000, 1000, "next"),
    "one packet 1000 rows, 2 conn.": ("packet", 2, 1000, 1000, "next"),
    "markers 1000 rows, 1 conn.": ("execute", 1, 1000, 1000, "next"),
    "markers 1000 rows, 2 conn.": ("execute", 2, 1000, 1000, "next"),
    **{f"bulk 1000 rows, {count} conn.": ("bulk", count, 1000, 1000, "next") for count in (1, 2, 4, 8)},
    "bulk 500 rows, 2 conn., 500 a commit": ("bulk", 2, 500, 500, "next"),
    "bulk 500 rows, 4 conn., 500 a commit": ("bulk", 4, 500, 500, "next"),
    "bulk 1000 rows, 2 conn., 10000 a commit": ("bulk", 2, 1000, 10000, "next"),
    **{f"load 1000 rows, {count} conn.": ("load", count, 1000, 1000, "next") for count in (1, 2, 8)},
}
# Sessions in which the server checks less. (With both off a first insert into an empty table locks the table.)
UNCHECKED = {
    "text 1000 rows, 2 conn., unique_checks=0": ("text", 2, 1000, 1000, "next", "SET SESSION unique_checks=0"),
    "text 1000 rows, 2 conn., foreign_key_checks=0": ("text", 2, 1000, 1000, "next", "SET SESSION foreign_key_checks=0"),
}


def floor(directory, runs, rows, only=None):
    """Per way and run: microseconds a row of the server's CPU, the client's CPU, and of time."""
    program = os.path.join(ROOT, "build", "bin", "bench_inserts")
    server = MariaDb(os.path.join(directory, "server"), 3, **{**DURABLE, "skip-log-bin": None, "local-infile": 1}).start()
    ways = {name: way for name, way in {**WAYS, **UNCHECKED}.items() if only is None or only in name}
    found = {name: [] for name in ways}
    try:
        fill_sysbench(server, "stock", 1)
        for _ in range(runs):
            for name, way in ways.items():
                server.run("DROP TABLE IF EXISTS sbtest.bulk", "CREATE TABLE sbtest.bulk LIKE sbtest.stock",
                           "INSERT INTO sbtest.bulk VALUES (-1, 1, 'c', 'pad')")  # not empty, the right edge as it is
                method, connections, statement, commit, order, *setup = way
                before = cpu_seconds(server.process)
                out = check([str(word) for word in (program, server.port, USER, PASSWORD, method, connections, statement, commit, rows, order, *setup)])
                used = cpu_seconds(server.process) - before
                seconds, client = (float(text) for text in out.split())
                there = server.value("SELECT COUNT(*) FROM sbtest.bulk")
                assert there == rows + 1, there
                found[name].append({"server": used / rows * 1e6, "client": client / rows * 1e6, "time": seconds / rows * 1e6})
    finally:
        server.stop()
    for name, values in found.items():
        middle = {key: statistics.median(value[key] for value in values) for key in ("server", "client", "time")}
        print(f"  {name:48} server {middle['server']:6.2f}   client {middle['client']:5.2f}   time {middle['time']:6.2f} us a row", flush=True)
    return found
