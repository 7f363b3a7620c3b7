"""Processes that die at a fail point. A process reads its points from a file while it runs, so that a test lets it die at
the moment that it wants to see, and needs one restart for that."""
import itertools
import os
import signal
import subprocess

from .cluster import BIN, Answer, Cluster
from .compare import difference, tables
from .waiting import wait_for

# With a primary key, with a composite one, with a unique key that may be NULL, without any key.
TABLES = ("CREATE TABLE {0}.pk (id INT PRIMARY KEY, v VARCHAR(40), n INT)",
          "CREATE TABLE {0}.composite (a INT, b VARCHAR(40), n INT, PRIMARY KEY (a, b))",
          "CREATE TABLE {0}.nullable (a INT, b VARCHAR(40), UNIQUE KEY (a))",
          "CREATE TABLE {0}.nokey (a INT, b VARCHAR(40))")


class CrashingCluster(Cluster):
    """Its programs have fail points at any time: `arm`."""

    def _points(self, name):
        return os.path.join(self.dir, f"{name}.points")

    def start_master(self, wait=True):
        super().start_master(f"@{self._points('master1')}", wait)

    def start_worker(self, name, wait=True):
        return super().start_worker(name, f"@{self._points(name)}", wait)

    def process(self, name):
        return self.master if name == "master1" else self.workers[name]

    def arm(self, point, name="worker1"):
        """`point`: "room/name", or "3*room/name" for the third pass."""
        times, _, point = point.rpartition("*")
        draft = f"{self._points(name)}.new"
        with open(draft, "w") as file:
            file.write(f"{point}={times + '*' if times else ''}kill")
        os.rename(draft, self._points(name))

    def disarm(self, name="worker1"):
        if os.path.exists(self._points(name)):
            os.remove(self._points(name))

    def died(self, point, name="worker1", timeout=30):
        """The process has killed itself at the point, nowhere else; its points are gone."""
        process = self.process(name)
        wait_for(lambda: not process.alive(), lambda: f"{name} reaches {point}; its log:\n{self.log(name)}", timeout)
        assert process.child.returncode == -signal.SIGKILL, process.tail()
        last = process.tail(1).strip()
        assert last == f"killed at the fail point {point.rpartition('*')[2]}", process.tail()
        self.disarm(name)

    def begin(self, *args):
        """A command in the background, while a process dies that it asks; `join` of what is returned answers it."""
        return _Command([f"{BIN}/dmctl", f"--master-addr={self.address}", *map(str, args)])


class _Command:
    def __init__(self, argv):
        self.argv = argv
        self.process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def join(self, timeout=60):
        out, err = self.process.communicate(timeout=timeout)
        return Answer(subprocess.CompletedProcess(self.argv, self.process.returncode, out, err))

    def abandon(self):
        """Who gave it goes away."""
        self.process.kill()
        self.process.communicate()


class CrashScene:
    """A schema with the tables, changed upstream by `traffic`; one task migrates it. A test that has failed leaves
    the next one a task from scratch."""

    def __init__(self, cluster, upstream, downstream, schema, task=None, source="src"):
        self.cluster, self.upstream, self.downstream = cluster, upstream, downstream
        self.schema, self.task, self.source, self.meta = schema, task or schema, source, f"dm_{schema}"
        self.sound = False  # the task replicates and both sides were equal
        self.counter = itertools.count(1)

    # -- the task
    def prepare(self, *statements):
        """No task, nothing downstream, fresh tables upstream with some rows."""
        self.cluster.ctl("stop-task", self.task, check=False)
        for server in (self.upstream, self.downstream):
            server.run(f"DROP DATABASE IF EXISTS {self.schema}")
        self.downstream.run(f"DROP DATABASE IF EXISTS {self.meta}")
        self.upstream.run(f"CREATE DATABASE {self.schema}", *(text.format(self.schema) for text in TABLES), *statements)
        self.traffic(3)

    def file(self, **more):
        return self.cluster.task_file(self.task, [self.source], self.downstream, [self.schema],
                                      **{"meta-schema": self.meta, "ignore-checking-items": ["all"], **more})

    def start(self, *args, **more):
        self.cluster.ctl("start-task", self.file(**more), *args)

    def running(self, timeout=60):
        self.cluster.wait_stage(self.task, "Running", "Sync", timeout)

    def ready(self):
        """Replicates, in a process without fail points."""
        self.cluster.disarm()
        if "worker1" not in self.cluster.workers or not self.cluster.workers["worker1"].alive():
            self.cluster.start_worker("worker1")
        if not self.sound:
            self.prepare()
            self.start("--remove-meta")
        self.sound = False
        self.running()
        known = {text.split()[2].partition(".")[2] for text in TABLES}
        for table in set(tables(self.upstream, self.schema)) - known:  # of the test before
            self.run(f"DROP TABLE {table}")

    # -- what happens upstream
    def traffic(self, transactions=4):
        """Transactions that touch all tables. Repeated, or left out, any of them makes a difference."""
        with self.upstream.connect(database=self.schema) as connection:
            cursor = connection.cursor()
            for _ in range(transactions):
                self._transaction(cursor, next(self.counter))

    def _transaction(self, cursor, i):
        cursor.execute("BEGIN")
        cursor.execute(f"INSERT INTO nokey (a, b) VALUES ({i % 3}, 'same'), ({i % 3}, 'same'), ({i}, NULL)")
        cursor.execute(f"INSERT INTO pk (id, v, n) VALUES ({i}, 'v{i}', 0), ({i + 1000000}, 'w', 0)")
        cursor.execute(f"UPDATE pk SET n = n + 1 WHERE id <= {i}")
        cursor.execute(f"UPDATE pk SET id = -id WHERE id = {i - 2}")
        cursor.execute(f"INSERT INTO composite (a, b, n) VALUES ({i % 4}, 'b{i}', {i})")
        cursor.execute(f"UPDATE composite SET b = CONCAT(b, 'x'), n = n + 1 WHERE a = {i % 4} AND n < {i + 5}")
        cursor.execute(f"INSERT INTO nullable (a, b) VALUES (NULL, 'null'), ({i}, 'u{i}')")
        cursor.execute("COMMIT")
        cursor.execute("BEGIN")
        cursor.execute(f"UPDATE nullable SET b = CONCAT(LEFT(b, 20), '.') WHERE a IS NULL LIMIT 2")
        cursor.execute(f"UPDATE nullable SET a = -a WHERE a = {i - 1}")
        cursor.execute(f"DELETE FROM nokey WHERE a = {(i + 1) % 3} LIMIT 1")
        cursor.execute(f"UPDATE nokey SET b = 'other' WHERE a = {i % 3} LIMIT 1")
        cursor.execute(f"DELETE FROM composite WHERE a = {(i + 1) % 4} AND n < {i - 6}")
        cursor.execute(f"DELETE FROM pk WHERE id = {i + 1000000 - 3}")
        cursor.execute("COMMIT")

    def run(self, *statements):
        with self.upstream.connect(database=self.schema) as connection:
            cursor = connection.cursor()
            for statement in statements:
                cursor.execute(statement)

    # -- dying
    def arm(self, point):
        self.cluster.arm(point)

    def died(self, point, timeout=30):
        self.cluster.died(point, timeout=timeout)

    def back(self):
        """The worker comes back; it has the task again."""
        self.cluster.start_worker("worker1", wait=False)

    def synced(self):
        self.running()
        self.cluster.wait_synced(self.task, self.upstream)

    def equal(self):
        self.synced()
        found = difference(self.upstream, self.downstream, {self.schema: self.schema})
        assert found is None, found
        self.sound = True
