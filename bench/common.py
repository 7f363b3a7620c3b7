"""What all benchmarks share: servers that are equally durable, data, comparing, measuring."""
import os
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests", "integration"))

from dmtest.cluster import Cluster  # noqa: E402
from dmtest.servers import PASSWORD, USER, MariaDb  # noqa: E402

# The same on both sides of every pair.
DURABLE = {"innodb-flush-log-at-trx-commit": 1, "sync-binlog": 0, "innodb-buffer-pool-size": "1G",
           "innodb-log-file-size": "512M"}
# Columns of a sysbench table as an expression of `seq`.
SYSBENCH_COLUMNS = ("id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, k INT NOT NULL DEFAULT 0, c CHAR(120) NOT NULL DEFAULT '', "
                    "pad CHAR(60) NOT NULL DEFAULT ''")
SYSBENCH_ROW = ("seq, CRC32(seq) % {size}, CONCAT_WS('-', {c}), CONCAT_WS('-', {pad})".format(
    size="{size}", c=", ".join(f"LPAD(CRC32(seq + {i}) * 7, 11, '0')" for i in range(10)),
    pad=", ".join(f"LPAD(CRC32(seq + {i}) * 3, 11, '0')" for i in range(20, 25))))


def check(argv, **options):
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    assert done.returncode == 0, f"{argv}\n{done.stdout}"
    return done.stdout


def timed(action):
    begin = time.monotonic()
    action()
    return time.monotonic() - begin


def checksums(server, schema="sbtest"):
    """Number of rows and checksum of every table."""
    tables = [row[0] for row in server.run(
        f"SELECT table_name FROM information_schema.tables WHERE table_schema = '{schema}' ORDER BY 1")]
    return {table: (server.value(f"SELECT COUNT(*) FROM `{schema}`.`{table}`"),
                    server.run(f"CHECKSUM TABLE `{schema}`.`{table}` EXTENDED")[0][1]) for table in tables}


def compare(upstream, target, schema="sbtest"):
    ours, theirs = checksums(target, schema), checksums(upstream, schema)
    assert theirs and ours == theirs, f"the target differs:\n{ours}\n{theirs}"


def position(server):
    file, offset = server.run("SHOW MASTER STATUS")[0][:2]
    return file, int(offset)


def fill_sysbench(server, name, rows, secondary=True, logged=False):
    """Makes sbtest.`name` with `rows` rows."""
    key = ", KEY k_1 (k)" if secondary else ""
    server.run("CREATE DATABASE IF NOT EXISTS sbtest", "USE sbtest",
               f"CREATE TABLE sbtest.{name} ({SYSBENCH_COLUMNS}{key})",
               *([] if logged else ["SET SESSION sql_log_bin = 0"]),
               f"INSERT INTO sbtest.{name} SELECT {SYSBENCH_ROW.format(size=rows)} FROM seq_1_to_{rows}")


def peak_mib(process):
    """Peak resident memory of a process, MiB."""
    for line in open(f"/proc/{process.pid}/status"):
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    raise AssertionError("no VmHWM")


def cpu_seconds(process):
    fields = open(f"/proc/{process.pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def new_cluster(directory, upstream):
    cluster = Cluster(directory, keepalive_ttl=60)
    cluster.start_master()
    cluster.start_worker("worker1")
    cluster.create_source("up", upstream)
    return cluster


def machine():
    cpu = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    memory = int(open("/proc/meminfo").readline().split()[1]) // 1024 // 1024
    versions = [check(["/usr/sbin/mariadbd", "--version"]).strip(), check(["mydumper", "--version"]).strip()]
    return f"{os.cpu_count()} cores ({cpu}), {memory} GiB; {'; '.join(versions)}"
