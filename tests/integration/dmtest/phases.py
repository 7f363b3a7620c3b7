"""A task under load that is paused, resumed, stopped and started again at a moment that a test chooses."""
import contextlib
import itertools
import subprocess
import threading
import time

from .cluster import BIN, Answer, Cluster
from .compare import difference
from .proxy import Cut, Proxy
from .waiting import wait_for

# Of every error by which a task pauses whose server is away.
AWAY = ("onnect",)


class Gate:
    """A rule of a proxy: holds a connection at the `number`th statement with all phrases, and those behind it, until `open`. What is
    held then of a client that has gone is never sent."""

    def __init__(self, proxy, *phrases, number=1):
        self.proxy, self.phrases, self.number, self.seen = proxy, phrases, number, 0
        self.lock, self.reached, self.opened = threading.Lock(), threading.Event(), threading.Event()

    def __call__(self, text):
        if self.opened.is_set() or not all(phrase in text for phrase in self.phrases):
            return None
        with self.lock:
            self.seen += 1
            if self.seen < self.number:
                return None
        self.reached.set()
        self.opened.wait()
        if self.proxy.link().client_has_gone():
            raise Cut
        return None

    def open(self):
        self.opened.set()

    def wait(self, scene):
        wait_for(self.reached.is_set, lambda: f"{self.phrases} is reached; {scene.status()}\n{scene.log(30)}", 60)


class RowLock(Gate):
    """As a Gate, of one statement: the server gets it, and executes it no further than to the rows of `query`, which are locked."""

    def __init__(self, proxy, query, *phrases):
        super().__init__(proxy, *phrases)
        self.query, self.holder = query, None

    def __call__(self, text):
        with self.lock:
            if self.reached.is_set() or not all(phrase in text for phrase in self.phrases):
                return None
            self.holder = self.proxy.server.connect()
            cursor = self.holder.cursor()
            cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")  # no gaps
            cursor.execute("BEGIN")
            cursor.execute(f"{self.query} FOR UPDATE")
            assert cursor.fetchall(), self.query
        self.reached.set()
        return None

    def open(self):
        if self.holder:
            self.holder.close()
            self.holder = None


class Writer:
    """Transactions upstream, one after another, that touch three tables; of each transaction all is there, or nothing."""

    TABLES = ("CREATE TABLE {0}.a (id INT PRIMARY KEY, v VARCHAR(20))", "CREATE TABLE {0}.b (id INT, v VARCHAR(20))",
              "CREATE TABLE {0}.sums (id INT PRIMARY KEY, total INT)")

    def __init__(self, server, schema):
        self.server, self.schema = server, schema
        self.count, self.ended, self.failure = 0, threading.Event(), None
        self.thread = threading.Thread(target=self._run, daemon=True)

    def prepare(self, transactions):
        with self.server.connect(database=self.schema) as connection:
            cursor = connection.cursor()
            for text in self.TABLES:
                cursor.execute(text.format(self.schema))
            cursor.execute("INSERT INTO sums VALUES (0, 0), (1, 0), (2, 0)")
            for _ in range(transactions):
                self._transaction(cursor)

    def start(self):
        self.thread.start()

    def _transaction(self, cursor):
        i = self.count
        cursor.execute("BEGIN")
        cursor.execute(f"INSERT INTO a VALUES ({i}, 'one')")
        cursor.execute(f"INSERT INTO b VALUES ({i}, 'two'), ({i}, 'two')")
        cursor.execute(f"UPDATE sums SET total = total + 1 WHERE id = {i % 3}")
        cursor.execute("COMMIT")
        self.count += 1

    def _run(self):
        try:
            with self.server.connect(database=self.schema) as connection:
                cursor = connection.cursor()
                while not self.ended.wait(0.004):
                    self._transaction(cursor)
        except Exception as e:  # told by `end`
            self.failure = e

    def more(self, transactions=30):
        """Waits until so many more are committed."""
        goal = self.count + transactions
        wait_for(lambda: self.count >= goal or self.failure, "the writer goes on", 60)
        assert self.failure is None, self.failure

    def end(self):
        self.ended.set()
        if self.thread.is_alive():
            self.thread.join(60)
            assert not self.thread.is_alive(), f"the writer's statement has no answer for 60 s, after {self.count} transactions"
        assert self.failure is None, self.failure


def whole(server, schema):
    """How many transactions of a `Writer` are there: None if a part of one is, too."""
    with server.connect(database=schema) as connection:
        cursor = connection.cursor()
        cursor.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT")
        counts = []
        for query in ("SELECT COUNT(*) FROM a", "SELECT COUNT(*) FROM b", "SELECT SUM(total) FROM sums"):
            cursor.execute(query)
            counts.append(int(cursor.fetchone()[0] or 0))
        return counts[0] if counts == [counts[0], 2 * counts[0], counts[0]] else None


class Command:
    """A command of dmctl in the background."""

    def __init__(self, cluster, *args):
        self.begin, self.args = time.monotonic(), args
        self.process = subprocess.Popen([f"{BIN}/dmctl", f"--master-addr={cluster.address}", *args], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)

    def answer(self, within):
        """The answer, which has to be there `within` seconds of the command."""
        out, err = self.process.communicate(timeout=60)
        took = time.monotonic() - self.begin
        assert took < within, (self.args, took)
        return Answer(subprocess.CompletedProcess(self.args, self.process.returncode, out, err))


class Scene:
    """One task between two servers, both behind proxies."""

    def __init__(self, cluster, upstream, downstream, up, down, schema):
        self.cluster, self.upstream, self.downstream, self.up, self.down, self.schema = cluster, upstream, downstream, up, down, schema
        self.task, self.numbers, self.gates, self.writer = schema, itertools.count(), [], None

    # -- life of a case
    def begin(self, transactions=400):
        """Tables with rows, a writer, no task."""
        self.cluster.ctl("stop-task", self.task, check=False)
        self.cluster.wait_task_gone(self.task)
        for server in (self.upstream, self.downstream):
            server.run(f"DROP DATABASE IF EXISTS {self.schema}")
        self.upstream.run(f"CREATE DATABASE {self.schema}")
        self.writer = Writer(self.upstream, self.schema)
        self.writer.prepare(transactions)
        return self

    def end(self):
        for gate in self.gates:
            gate.open()
        self.gates.clear()
        for proxy in (self.up, self.down):
            self.back(proxy)
        if self.writer:
            self.writer.end()

    def gate(self, proxy, *phrases, number=1):
        gate = Gate(proxy, *phrases, number=number)
        self.gates.append(gate)
        proxy.on_statement = gate
        proxy.on_bulk = lambda text, number: gate(text)
        return gate

    def row_lock(self, proxy, query, *phrases):
        gate = RowLock(proxy, query, *phrases)
        self.gates.append(gate)
        proxy.on_statement = gate
        proxy.on_bulk = lambda text, number: gate(text)
        return gate

    @staticmethod
    def away(proxy):
        """The server behind the proxy answers nobody, and what is open is cut."""
        def cut(text):
            raise Cut

        proxy.on_statement = cut
        proxy.cut_all()

    @staticmethod
    def back(proxy):
        proxy.on_statement = lambda text: None
        proxy.on_bulk = lambda text, number: None

    # -- the task
    def file(self, **more):
        return self.cluster.task_file(self.task, ["src"], self.down, [self.schema], **{
            "meta-schema": f"dm_{self.schema}", "ignore-checking-items": ["all"],
            "mydumpers": {"dump": {"threads": 2, "rows": 50}}, "loaders": {"load": {"pool-size": 2}}, **more})

    def start(self, *args, **more):
        self.cluster.ctl("start-task", self.file(**more), *args)

    def status(self):
        return self.cluster.status(self.task)

    def log(self, lines=300):
        """Of the worker that has the source."""
        return self.cluster.log(self.cluster.bound_worker("src") or "worker1", lines)

    def stage(self):
        status = self.status()
        return status and status["stage"]

    def running(self):
        self.cluster.wait_stage(self.task, "Running", "Sync", timeout=90)

    def synced(self):
        self.running()
        self.cluster.wait_synced(self.task, self.upstream)

    def equal(self):
        self.writer.end()
        self.synced()
        found = difference(self.upstream, self.downstream, {self.schema: self.schema})
        assert found is None, found

    # -- what is tried
    def interrupt(self, how, within, release=lambda: None, stuck=False, refused=None, failed=()):
        """`pause-task` or `stop-task`, answered `within` seconds. `release` lets what was held go on: when the command is seen to
        work, or (`stuck`) after its answer. `refused`: the phrase of an answer that says that it is not done yet. `failed`: phrases of errors by which
        the task may have paused itself; each error it shows has one of them."""
        command = Command(self.cluster, f"{how}-task", self.task)
        ended = (None, "Stopped") if how == "stop" else ("Paused",)
        if not stuck:
            wait_for(lambda: self.stage() in (*ended, "Pausing", "Stopping"), f"{how} is heard of", 20)
            release()
        answer = command.answer(within)
        if refused:
            assert "38045" in answer.out and refused in answer.out, answer
        else:
            assert answer.code == 0 and '"result": true' in answer.out and (failed or answer.ok), answer
        if stuck:
            release()
        wait_for(lambda: self.stage() in ended, lambda: f"{how} is done: {self.status()}", 20)
        if how == "pause":
            # A task that has paused itself is Paused before it hears of the order, which keeps its errors.
            result = wait_for(lambda: self.paused_by_order(), lambda: f"the order is known: {self.status()}", 20)
            for error in result["errors"] or ():
                text = f"{error['Message']} {error['RawCause']}"
                assert any(phrase in text for phrase in failed), (failed, error)

    def paused_by_order(self):
        status = self.status()
        result = status["result"] if status["stage"] == "Paused" else None
        return result if result and result["isCanceled"] else None

    def stands_still(self, writes=True):
        """Nothing is written downstream, whatever happens upstream."""
        before = self.everything()
        if writes:
            self.writer.more()
        assert self.everything() == before

    def everything(self):
        tables = self.downstream.run(f"SELECT table_name FROM information_schema.tables WHERE table_schema = '{self.schema}' ORDER BY 1")
        return [(name, self.downstream.run(f"CHECKSUM TABLE {self.schema}.{name}")) for (name,) in tables]

    def go_on(self, how):
        if how == "pause":
            self.cluster.ctl("resume-task", self.task)
        else:
            self.cluster.ctl("start-task", f"{self.cluster.dir}/task-{self.task}.yaml")


class PhaseCluster(Cluster):
    def wait_task_gone(self, task):
        wait_for(lambda: self.status(task) is None, f"{task} has gone", 40)


@contextlib.contextmanager
def scene(directory, upstream, downstream, schema):
    cluster = PhaseCluster(directory)
    up, down = Proxy(upstream), Proxy(downstream)
    try:
        cluster.start_master()
        cluster.start_worker("worker1")
        cluster.create_source("src", up, checker={"backoff-max": "1s"})
        yield Scene(cluster, upstream, downstream, up, down, schema)
    finally:
        cluster.stop()
        up.stop()
        down.stop()
