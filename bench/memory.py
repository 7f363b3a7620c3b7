"""Peak memory of dm-worker: a big table, a big backlog, a huge transaction. Fails above the limits."""
import os
import shutil

import yaml

from common import DURABLE, SYSBENCH_COLUMNS, SYSBENCH_ROW, MariaDb, compare, fill_sysbench, new_cluster, peak_mib, position, timed

# DM_BENCH_SCALE=0.1 makes all of it a tenth, to try the bench itself.
SCALE = float(os.environ.get("DM_BENCH_SCALE", "1"))
FULL_ROWS = int(5_000_000 * SCALE)
HUGE_ROWS = int(3_000_000 * SCALE)
BACKLOG_BYTES = int((2 << 30) * SCALE)
# Durability plays no part in it.
FAST = {**DURABLE, "innodb-flush-log-at-trx-commit": 0, "max-binlog-size": 1 << 30, "max-allowed-packet": "64M"}


class Memory:
    def __init__(self, directory):
        self.dir = directory
        self.number = 0

    def case(self, name, limit, prepare, mode):
        """`prepare` makes the data; with mode `incremental` what it does is the backlog."""
        self.number += 1
        directory = os.path.join(self.dir, f"memory{self.number}")
        upstream = MariaDb(os.path.join(directory, "upstream"), 1, **FAST).start()
        target = MariaDb(os.path.join(directory, "target"), 2, **{**FAST, "skip-log-bin": None}).start()
        cluster = None
        try:
            upstream.run("CREATE DATABASE sbtest")
            start = position(upstream)
            prepare(upstream)
            end = position(upstream)
            cluster = new_cluster(os.path.join(directory, "cluster"), upstream)
            settings = {"task-mode": mode, "mydumpers": None, "loaders": None, "syncers": None}
            path = cluster.task_file("memory", ["up"], target, ["sbtest"], **settings)
            task = yaml.safe_load(open(path))
            instance = task["mysql-instances"][0]
            for key in ("mydumper-config-name", "loader-config-name", "syncer-config-name"):
                instance.pop(key)  # defaults
            if mode == "incremental":
                instance["meta"] = {"binlog-name": start[0], "binlog-pos": start[1]}
                target.run("CREATE DATABASE sbtest")
            else:
                task["loaders"] = {"load": {"dir": os.path.join(directory, "dumped_data")}}
                instance["loader-config-name"] = "load"
            cluster.write(os.path.basename(path), task)

            def run():
                cluster.ctl("start-task", path, "--remove-meta")
                if mode == "full":
                    cluster.wait_stage("memory", "Finished", timeout=1800)
                else:
                    cluster.wait_synced("memory", upstream, timeout=1800)

            seconds = timed(run)
            peak = peak_mib(cluster.workers["worker1"])
            compare(upstream, target)
            logged = sum(row[1] for row in upstream.run("SHOW BINARY LOGS")) if mode == "incremental" else 0
            more = f", {logged / 2**20:,.0f} MiB of binlog up to {end[0]}" if logged else ""
            print(f"  {name:58} peak {peak:6.1f} MiB (limit {limit})   {seconds:6.1f} s{more}", flush=True)
            return {"case": name, "peak_mib": peak, "limit_mib": limit, "seconds": seconds}
        finally:
            if cluster:
                cluster.stop()
            upstream.stop()
            target.stop()
            shutil.rmtree(directory, ignore_errors=True)

    def run(self, only=None):
        cases = {
            "full": (f"full migration of {FULL_ROWS:,} rows", 128,
                     lambda server: fill_sysbench(server, "big", FULL_ROWS), "full"),
            "backlog": ("backlog of 2 GiB, rows of 200 bytes and of 2 to 6 KiB", 128, backlog, "incremental"),
            "wide": ("backlog of 2 GiB, rows of 100 to 500 KiB", 128, wide, "incremental"),
            "bulk": ("backlog of 2 GiB, transactions of 1,000 rows of 2 to 8 KiB, inserted in bulk", 128, inserts, "incremental"),
            "huge": (f"one transaction of {HUGE_ROWS:,} rows", 256,
                     lambda server: fill_sysbench(server, "huge", HUGE_ROWS, logged=True), "incremental"),
            "huge-no-key": (f"one transaction of {HUGE_ROWS:,} rows, table without key", 256, huge_without_key,
                            "incremental"),
            "huge-delete": (f"one UPDATE, one DELETE of {HUGE_ROWS // 2:,} rows each", 256, huge_changes, "incremental"),
        }
        return [self.case(*cases[name]) for name in (only or cases)]


def backlog(server):
    server.run(f"CREATE TABLE sbtest.narrow ({SYSBENCH_COLUMNS}, KEY k_1 (k))",
               "CREATE TABLE sbtest.wide (id INT PRIMARY KEY, k INT, body MEDIUMBLOB, KEY (k))")
    first = server.run("SHOW BINARY LOGS")[-1][0]
    at, step = 0, 1000
    with server.connect(database="sbtest") as connection:
        cursor = connection.cursor()
        for turn in range(1 << 20):
            begin, end = turn * step + 1, (turn + 1) * step
            columns = SYSBENCH_ROW.format(size=100000)
            cursor.execute(f"INSERT INTO sbtest.narrow SELECT {columns} FROM seq_{begin}_to_{end}")
            cursor.execute(f"UPDATE sbtest.narrow SET k = k + 1 WHERE id BETWEEN {begin} AND {end}")
            if turn % 4 == 0:
                cursor.execute("INSERT INTO sbtest.wide SELECT seq, seq % 1000, REPEAT(CHAR(65 + seq % 26), 2000 + seq % 4000) "
                               f"FROM seq_{begin}_to_{end}")
                cursor.execute(f"UPDATE sbtest.wide SET k = k + 1 WHERE id BETWEEN {begin} AND {end}")
            if turn % 20 == 0:
                cursor.execute("SHOW BINARY LOGS")
                at = sum(int(row[1]) for row in cursor.fetchall() if row[0] >= first)
                if at >= BACKLOG_BYTES:
                    return


def wide(server):
    server.run("CREATE TABLE sbtest.wide (id INT PRIMARY KEY, k INT, body MEDIUMBLOB, KEY (k))")
    with server.connect(database="sbtest") as connection:
        cursor = connection.cursor()
        for turn in range(1 << 20):
            begin, end = turn * 16 + 1, turn * 16 + 16
            cursor.execute("INSERT INTO sbtest.wide SELECT seq, seq % 1000, REPEAT(CHAR(65 + seq % 26), 100000 + seq * 7919 % 400000) "
                           f"FROM seq_{begin}_to_{end}")
            if turn % 4 == 0:
                cursor.execute(f"UPDATE sbtest.wide SET k = k + 1 WHERE id BETWEEN {begin} AND {end}")
            cursor.execute("SHOW BINARY LOGS")
            if sum(int(row[1]) for row in cursor.fetchall()) >= BACKLOG_BYTES:
                return


def inserts(server):
    """With a key and without, so that all connections have their hands full."""
    server.run(*(f"CREATE TABLE sbtest.bulk{i} (id INT NOT NULL, k INT, body MEDIUMBLOB{', PRIMARY KEY (id)' if i < 12 else ''})" for i in range(16)))
    with server.connect(database="sbtest") as connection:
        cursor = connection.cursor()
        for turn in range(1 << 20):
            begin, end = turn * 1000 + 1, turn * 1000 + 1000
            cursor.execute(f"INSERT INTO sbtest.bulk{turn % 16} SELECT seq, seq % 1000, REPEAT(CHAR(65 + seq % 26), 2000 + seq * 7919 % 6000) "
                           f"FROM seq_{begin}_to_{end}")
            cursor.execute("SHOW BINARY LOGS")
            if sum(int(row[1]) for row in cursor.fetchall()) >= BACKLOG_BYTES:
                return


def huge_without_key(server):
    server.run("USE sbtest", "CREATE TABLE sbtest.huge (id INT NOT NULL, k INT, c CHAR(120), pad CHAR(60))",
               f"INSERT INTO sbtest.huge SELECT {SYSBENCH_ROW.format(size=HUGE_ROWS)} FROM seq_1_to_{HUGE_ROWS}")


def huge_changes(server):
    half = HUGE_ROWS // 2
    fill_sysbench(server, "huge", half, logged=True)
    server.run("UPDATE sbtest.huge SET k = k + 1, c = REVERSE(c)", f"DELETE FROM sbtest.huge WHERE id % 10 <> 0",
               "INSERT INTO sbtest.huge (k, c, pad) SELECT k, c, pad FROM sbtest.huge")
