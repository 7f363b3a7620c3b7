"""The demo behind scripts/demo: see there."""
import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

import yaml

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:0] = [os.path.join(ROOT, "tests", "integration"), os.path.dirname(__file__)]

import shop  # noqa: E402
from dmtest.cluster import BIN, Cluster  # noqa: E402
from dmtest.compare import column_types, difference  # noqa: E402
from dmtest.servers import PASSWORD, USER, MariaDb  # noqa: E402
from dmtest.waiting import wait_for  # noqa: E402

TASK, SOURCE = "shop_to_new", "mysql-replica-01"
SYSBENCH_TABLES, SYSBENCH_ROWS = 4, 50_000
# With --full-size, and one table of BIG_ROWS beside them.
FULL_SIZE_TABLES, FULL_SIZE_ROWS, BIG_ROWS = 8, 200_000, 5_000_000
TERMINAL = sys.stdout.isatty()


def say(text):
    print(f"\033[1m{text}\033[0m" if TERMINAL else text, flush=True)


class Progress:
    """One line that renews itself on a terminal; a plain line every few seconds elsewhere."""

    def __init__(self):
        self.last = 0

    def show(self, text):
        if TERMINAL:
            print(f"\r\033[K  {text}", end="", flush=True)
        elif time.monotonic() - self.last > 3:
            print(f"  {text}", flush=True)
            self.last = time.monotonic()

    def done(self):
        if TERMINAL:
            print(flush=True)


def sysbench(server, *arguments, **options):
    return subprocess.Popen(
        ["sysbench", "oltp_write_only", f"--mysql-host=127.0.0.1", f"--mysql-port={server.port}", f"--mysql-user={USER}",
         f"--mysql-password={PASSWORD}", "--mysql-db=sbtest", f"--tables={SYSBENCH_TABLES}",
         f"--table-size={SYSBENCH_ROWS}", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)


def checksum(server, schema, table):
    """Number of rows and sum of the CRC-32 of every row: all columns, as bytes, and what is NULL. (The server's own CHECKSUM
    TABLE differs between equal tables that have stored generated columns.)"""
    types = column_types(server, schema, table)
    parts = ", '|', ".join(
        f"COALESCE({'' if kind in ('float', 'double', 'decimal') else 'HEX'}(`{column}`), 'NULL')"
        for column, kind in types.items())
    return server.run(f"SELECT COUNT(*), COALESCE(SUM(CRC32(CONCAT({parts}))), 0) FROM `{schema}`.`{table}`")[0]


class Demo:
    def __init__(self, options):
        self.options = options
        self.dir = tempfile.mkdtemp(prefix="dm-demo-")
        self.times = []
        self.cluster = self.upstream = self.downstream = None
        self.traffic = self.bench = None

    def step(self, name, action):
        say(name)
        begin = time.monotonic()
        result = action()
        self.times.append((name, time.monotonic() - begin))
        return result

    # -- the steps
    def servers(self):
        self.upstream = MariaDb(os.path.join(self.dir, "upstream"), 1).start()
        self.downstream = MariaDb(os.path.join(self.dir, "downstream"), 2).start()
        print(f"  upstream 127.0.0.1:{self.upstream.port}, downstream 127.0.0.1:{self.downstream.port}")

    def data(self):
        with self.upstream.connect() as connection:
            connection.cursor().execute("CREATE DATABASE sbtest")
            shop.fill(connection)
        run = sysbench(self.upstream, "prepare")
        out, _ = run.communicate()
        assert run.returncode == 0, out
        if self.options.full_size:
            self.upstream.run(
                "CREATE TABLE sbtest.big LIKE sbtest.sbtest1", "USE sbtest", "SET SESSION sql_log_bin = 0",
                "INSERT INTO big SELECT seq, CRC32(seq) % 1000000, REPEAT(CHAR(97 + seq % 26), 100 + seq % 20), SHA1(seq) "
                f"FROM seq_1_to_{BIG_ROWS}")
        self.schemas = ["shop", "shop_stock", "sbtest"]
        size, rows = self.upstream.run(
            "SELECT SUM(data_length + index_length), SUM(table_rows) FROM information_schema.tables "
            "WHERE table_schema IN ('shop', 'shop_stock', 'sbtest')")[0]
        print(f"  {int(rows):,} rows, {int(size) / 1e6:.0f} MB in {self.tables()} tables")

    def tables(self):
        return self.upstream.value("SELECT COUNT(*) FROM information_schema.tables WHERE table_schema IN "
                                   "('shop', 'shop_stock', 'sbtest')")

    def start_cluster(self):
        self.cluster = Cluster(os.path.join(self.dir, "cluster"), keepalive_ttl=5)
        self.cluster.start_master()
        for name in ("worker1", "worker2"):
            self.cluster.start_worker(name)

    def configure(self):
        """Source and task from the example files, with this demo's addresses in them."""
        source = yaml.safe_load(open(os.path.join(ROOT, "conf", "source1.yaml")))
        source["source-id"] = SOURCE
        source["from"].update(host="127.0.0.1", port=self.upstream.port, user=USER, password=PASSWORD)
        task = yaml.safe_load(open(os.path.join(ROOT, "conf", "task.yaml")))
        task["name"] = TASK
        task["target-database"].update(host="127.0.0.1", port=self.downstream.port, user=USER, password=PASSWORD)
        task.pop("routes", None)
        task["block-allow-list"] = {"demo": {"do-dbs": self.schemas}}
        instance = task["mysql-instances"][0]
        instance.update({"source-id": SOURCE, "block-allow-list": "demo"})
        instance.pop("route-rules", None)
        task["mysql-instances"] = [instance]
        for loader in task.get("loaders", {}).values():
            loader["dir"] = os.path.join(self.dir, "dumped_data")
        for syncer in task.get("syncers", {}).values():
            syncer["checkpoint-flush-interval"] = 2
        self.source_file = self.cluster.write("source.yaml", source)
        self.task_file = self.cluster.write("task.yaml", task)
        print(f"  $ dmctl operate-source create {self.source_file}")
        self.cluster.ctl("operate-source", "create", self.source_file)
        print(f"  $ dmctl start-task {self.task_file}")
        self.cluster.ctl("start-task", self.task_file)

    def status(self):
        status = self.cluster.status(TASK)
        if status and status["stage"] == "Paused" and status["result"] and status["result"]["errors"]:
            raise AssertionError("the task paused: " + json.dumps(status["result"]["errors"], indent=2))
        return status

    def full(self):
        progress, begin = Progress(), time.monotonic()
        while True:
            status = self.status()
            unit = status["unit"] if status else ""
            if unit == "Sync":
                break
            seconds = time.monotonic() - begin
            if unit == "Dump" and "dump" in status:
                dump = status["dump"]
                rows, total = float(dump["finishedRows"]), float(dump["estimateTotalRows"])
                eta = f", about {seconds * (total - rows) / rows:.0f} s left" if 0 < rows < total else ""
                progress.show(f"dump   {int(rows):>9,} rows  {float(dump['finishedBytes']) / 1e6:7.1f} MB  "
                              f"{int(dump['bps']) / 1e6:6.1f} MB/s{eta}")
            elif unit == "Load" and "load" in status:
                load = status["load"]
                done, total = int(load["finishedBytes"]), int(load["totalBytes"])
                speed = int(load["bps"])
                eta = f", about {(total - done) / speed:.0f} s left" if speed > 0 and total >= done else ""
                progress.show(f"load   {load['progress']:>9}  {done / 1e6:7.1f} MB  {speed / 1e6:6.1f} MB/s{eta}")
            time.sleep(0.2)
        progress.done()

    def live_traffic(self):
        self.traffic = shop.Traffic(self.upstream.connect)
        self.traffic.start()
        self.bench = sysbench(self.upstream, "--time=600", "--rate=150", "--threads=2", "run")
        self.watch(6)
        for ddl in ["ALTER TABLE shop.customers ADD COLUMN phone VARCHAR(30) DEFAULT '' AFTER email",
                    "CREATE TABLE shop.vouchers (code CHAR(8) PRIMARY KEY, worth DECIMAL(8,2) NOT NULL)",
                    "ALTER TABLE shop.orders ADD KEY status (status), MODIFY COLUMN discount DOUBLE",
                    "RENAME TABLE shop.vouchers TO shop.coupons"]:
            print(f"  DDL: {ddl}")
            self.upstream.run(ddl)
        self.upstream.run("INSERT INTO shop.coupons VALUES ('WELCOME1', 5.00), ('SOMMER24', 7.50)")
        self.watch(5)

    def watch(self, seconds):
        progress, until = Progress(), time.monotonic() + seconds
        while time.monotonic() < until:
            status = self.status()
            if status and "sync" in status:
                sync = status["sync"]
                progress.show(f"sync   {int(sync['totalRows']):>9,} rows  {int(sync['recentRps']):>6,} rows/s  "
                              f"lag {sync['secondsBehindMaster']} s  at {sync['syncerBinlog']}")
            time.sleep(0.5)
        progress.done()

    def takeover(self):
        active = self.cluster.bound_worker(SOURCE)
        print(f"  {active} runs the task; killing it (kill -9)")
        self.cluster.workers[active].kill9()
        begin = time.monotonic()

        def taken():
            other = self.cluster.bound_worker(SOURCE)
            status = self.cluster.status(TASK)
            return other if other and other != active and status and status["stage"] == "Running" else None

        other = wait_for(taken, "the idle worker takes over", timeout=60, interval=0.2)
        print(f"  {other} took over {time.monotonic() - begin:.1f} s later")
        self.watch(5)

    def settle(self):
        self.traffic.stop()
        self.bench.send_signal(signal.SIGINT)
        self.bench.communicate()
        print(f"  traffic stopped: {self.traffic.transactions:,} shop transactions beside sysbench")
        self.cluster.wait_synced(TASK, self.upstream)

    def compare(self):
        rows = self.upstream.run(
            "SELECT table_schema, table_name FROM information_schema.tables WHERE table_schema IN "
            "('shop', 'shop_stock', 'sbtest') ORDER BY 1, 2")
        equal = True
        for schema, table in rows:
            (up_count, up), (down_count, down) = (
                checksum(server, schema, table) for server in (self.upstream, self.downstream))
            same = (up_count, up) == (down_count, down)
            equal = equal and same
            print(f"  {schema + '.' + table:<28} {up_count:>9,} {down_count:>9,} rows   checksum {up:>16} {down:>16}  "
                  f"{'equal' if same else 'DIFFERENT'}")
        assert equal, difference(self.upstream, self.downstream, {schema: schema for schema in self.schemas})

    def run(self):
        self.step("Starting two MariaDB servers", self.servers)
        self.step("Filling the upstream: sysbench and a shop", self.data)
        self.step("Starting a cluster: one dm-master, two dm-workers", self.start_cluster)
        self.step("Creating source and task", self.configure)
        self.step("Full migration", self.full)
        self.step("Live replication, with traffic and DDLs", self.live_traffic)
        self.step("A worker dies", self.takeover)
        self.step("Traffic ends, the rest is replicated", self.settle)
        self.step("Comparing every table", self.compare)
        say("Summary")
        if self.options.build_seconds:
            print(f"  {self.options.build_seconds:6.1f} s  building")
        for name, seconds in self.times:
            print(f"  {seconds:6.1f} s  {name}")
        say("Both sides are equal.")

    def keep(self):
        say("Everything keeps running (--keep). Some things to try:")
        ctl = f"{BIN}/dmctl --master-addr {self.cluster.address}"
        up = f"mariadb -h127.0.0.1 -P{self.upstream.port} -u{USER} -p{PASSWORD}"
        down = f"mariadb -h127.0.0.1 -P{self.downstream.port} -u{USER} -p{PASSWORD}"
        for line in [f"{ctl} query-status {TASK}", f"{ctl} list-member", f"{ctl} pause-task {TASK}",
                     f"{ctl} resume-task {TASK}", f"{up} shop", f"{down} shop",
                     f"etcdctl --endpoints {self.cluster.address} get --prefix ''", f"ls {self.dir}"]:
            print(f"  {line}")
        print("To end it, press Ctrl-C.", flush=True)
        threading.Event().wait()

    def clean(self):
        if self.traffic:
            self.traffic.ending.set()
        if self.bench and self.bench.poll() is None:
            self.bench.kill()
        failed = []
        for thing in (self.cluster, self.upstream, self.downstream):
            try:
                if thing:
                    thing.stop()
            except Exception as e:
                failed.append(e)
        shutil.rmtree(self.dir, ignore_errors=True)
        for e in failed:
            print(f"while cleaning up: {e}", file=sys.stderr)


def main():
    global SYSBENCH_TABLES, SYSBENCH_ROWS
    parser = argparse.ArgumentParser(prog="scripts/demo")
    parser.add_argument("--keep", action="store_true", help="leave everything running")
    parser.add_argument("--build-seconds", type=float, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--full-size", action="store_true",
                        help=f"{FULL_SIZE_TABLES} tables of {FULL_SIZE_ROWS:,} rows and one of {BIG_ROWS:,}")
    options = parser.parse_args()
    if options.full_size:
        SYSBENCH_TABLES, SYSBENCH_ROWS = FULL_SIZE_TABLES, FULL_SIZE_ROWS
    demo = Demo(options)

    def interrupted(*_):
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupted)
    code = 0
    try:
        demo.run()
        if demo.options.keep:
            demo.keep()
    except KeyboardInterrupt:
        print("\ninterrupted, cleaning up", flush=True)
        code = 0 if demo.options.keep else 130
    except AssertionError as e:
        print(f"\nThe demo failed: {e}", file=sys.stderr, flush=True)
        if demo.cluster:
            for name in ["master1", *demo.cluster.workers]:
                print(f"--- end of the log of {name}\n{demo.cluster.log(name, 15)}", file=sys.stderr)
        code = 1
    finally:
        demo.clean()
    sys.exit(code)


main()
