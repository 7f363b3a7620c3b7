"""What a run that ended or was killed may have applied already comes again without harm, or not at all."""
import threading

import pymysql
import pytest

from dmtest.cluster import Cluster
from dmtest.compare import difference
from dmtest.proxy import Proxy
from dmtest.replicating import Replicating
from dmtest.waiting import wait_for

SCHEMA, TASK = "again", "again"
TABLE = "CREATE TABLE t (id INT PRIMARY KEY, u INT UNIQUE, v VARCHAR(600))"


class Scene(Replicating):
    """A cluster of one worker, a source with or without GTIDs, a table with ordinary keys."""

    def __init__(self, cluster, upstream, downstream, gtid):
        super().__init__(cluster, upstream, downstream, TASK, SCHEMA)
        self.next_key, self.gtid = 0, gtid
        cluster.start_master()
        cluster.start_worker("worker1")
        cluster.create_source("src", upstream, **{"enable-gtid": gtid})

    def fresh(self, **syncer):
        """A new task with an empty table."""
        self.cluster.ctl("stop-task", self.task, check=False)
        self.recreate(SCHEMA)
        self.upstream.run(f"USE {SCHEMA}", TABLE)
        self.begin(**self.settings(**syncer))

    def settings(self, **syncer):
        return {"syncers": {"sync": {"worker-count": 4, "batch": 5, "checkpoint-flush-interval": 30, **syncer}}}

    def restart(self, failpoints=None):
        self.cluster.workers["worker1"].stop()
        self.cluster.start_worker("worker1", failpoints=failpoints)

    def change(self, writers=4, rows=40):
        """Commits of several writers, each with rows of its own: what is inserted twice, or a moved key, hits a row."""
        first, self.next_key = self.next_key, self.next_key + writers * rows
        failures = []

        def write(begin):
            try:
                with self.upstream.connect(database=SCHEMA) as connection:
                    cursor = connection.cursor()
                    # Else writers of neighbouring keys lock each other's gaps: a deadlock.
                    cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")

                    def execute(statement):
                        while True:
                            try:
                                return cursor.execute(statement)
                            except pymysql.err.OperationalError as e:
                                if e.args[0] != 1213:  # rolled back: it is sent again
                                    raise

                    for i in range(begin, begin + rows):
                        execute(f"INSERT INTO t VALUES ({i}, {i}, 'new')")
                        execute(f"UPDATE t SET u = {-1 - i}, v = 'changed' WHERE id = {i}")
                        if i % 3 == 0:
                            execute(f"UPDATE t SET id = {1000000 + i} WHERE id = {i}")
                        if i % 3 == 1:
                            execute(f"DELETE FROM t WHERE id = {i}")
                            execute(f"INSERT INTO t VALUES ({i}, {-1 - i}, 'back')")
            except Exception as e:
                failures.append(e)

        threads = [threading.Thread(target=write, args=(first + n * rows,), daemon=True) for n in range(writers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not failures, failures

    def killed_after_commit(self, passes):
        """The worker dies when it has committed that often, while changes come in; nothing of it is in the checkpoint."""
        self.restart(failpoints=f"sync/after-commit={passes}*kill")
        self.running()
        self.change()
        self.cluster.wait_killed()


@pytest.fixture(scope="module", params=[("mariadb", False), ("mariadb", True), ("mysql9", True)], ids=["mariadb", "mariadb-gtid", "mysql9-gtid"])
def scene(request, tmp_path_factory, servers):
    kind, gtid = request.param
    cluster = Cluster(tmp_path_factory.mktemp("again"))
    try:
        yield Scene(cluster, servers.get(kind, "up"), servers.get(kind, "down"), gtid)
    finally:
        cluster.stop()


@pytest.mark.parametrize("passes", [1, 30])
def test_killed_between_commit_and_checkpoint(scene, passes):
    """Safe mode lasts until everything that may be downstream has passed, however short its duration is."""
    scene.fresh(**{"safe-mode-duration": "1ms"})
    scene.killed_after_commit(passes)
    scene.change(rows=5)
    scene.restart()
    scene.equal()


def test_a_duration_of_zero(scene):
    """A run that ended by itself is continued without safe mode; one that was killed is not continued but told."""
    scene.fresh(**{"safe-mode-duration": "0s"})
    for _ in range(2):  # nothing is read in the second one
        scene.cluster.ctl("pause-task", scene.task)
        scene.resume()
    scene.change(rows=5)
    scene.equal()
    scene.restart()
    scene.restart()
    scene.change(rows=5)
    scene.equal()
    scene.cluster.workers["worker1"].kill9()  # everything is in the checkpoint
    scene.cluster.start_worker("worker1")
    wait_for(lambda: (scene.cluster.status(TASK) or {}).get("sync", {}).get("binlogType") == "remote", "it has begun to read")
    scene.change(rows=5)
    scene.equal()

    scene.killed_after_commit(7)
    scene.restart()
    error = scene.cluster.wait_error(scene.task, 36071, "`safe-mode-duration`")
    assert "stop-task" in error["Workaround"] and "start-task" in error["Workaround"], error
    scene.cluster.ctl("stop-task", scene.task)
    scene.cluster.ctl("start-task", scene.cluster.task_file(
        scene.task, ["src"], scene.downstream, scene.targets, **scene.settings(**{"safe-mode-duration": "1s"})))
    scene.equal()


def test_an_error_is_not_hidden_by_what_comes_of_it(scene):
    """Without safe mode the run after a failed one ends with 36071; the cause stays visible."""
    scene.fresh(**{"safe-mode-duration": "0s"})
    scene.downstream.run(f"INSERT INTO {SCHEMA}.t VALUES (-5, -5, 'in the way')")
    scene.upstream.run(f"INSERT INTO {SCHEMA}.t VALUES (-6, -6, 'before'), (-5, -5, 'refused')")
    scene.cluster.wait_error(scene.task, 10006, "Error 1062")
    scene.cluster.ctl("resume-task", scene.task)
    error = scene.cluster.wait_error(scene.task, 36071, "Error 1062")
    assert "-5" in error["Message"], error


def test_an_exit_point_does_not_go_back(scene):
    """A transaction of which rows are downstream is read again after a lost connection, and the run ends before it comes to
    where it was."""
    scene.fresh(**{"worker-count": 1, "queue-size": 32})
    scene.restart(failpoints="sync/reading-again=1*error(ended while it read again)")
    scene.running()
    with scene.downstream.connect(database=SCHEMA) as blocker:
        cursor = blocker.cursor()
        cursor.execute("BEGIN")
        cursor.execute("INSERT INTO t VALUES (500, NULL, 'holds the workers up')")
        scene.upstream.run(f"USE {SCHEMA}", "BEGIN",
                           *(f"INSERT INTO t VALUES {','.join(f'({i + k}, NULL, REPEAT(0x78, 600))' for k in range(500))}" for i in range(0, 30000, 500)),
                           "COMMIT")
        # Read up to where the queues are full, and applied up to the row in the way.
        wait_for(lambda: scene.downstream.value(f"SELECT COUNT(*) FROM {SCHEMA}.t") >= 490, "rows before the one in the way")
        dump = wait_for(lambda: [row[0] for row in scene.upstream.run("SHOW PROCESSLIST") if str(row[4]).startswith("Binlog Dump")], "the stream")
        scene.upstream.run(*(f"KILL {thread}" for thread in dump))
        cursor.execute("ROLLBACK")
    wait_for(lambda: "ended while it read again" in scene.cluster.log("worker1", 3000), "the run ends")
    scene.equal()


@pytest.mark.parametrize("restarted", [False, True], ids=["one-run", "restarted"])
@pytest.mark.parametrize("by_time", [False, True], ids=["meta", "start-time"])
def test_a_begin_that_is_not_exact(scene, by_time, restarted):
    """The tables were copied later than where the task begins, and reading the backlog takes longer than the duration."""
    cluster, up, down = scene.cluster, scene.upstream, scene.downstream
    two = f"two {by_time} {restarted} {scene.gtid}"  # of this test: older ones are in the same binlog
    cluster.ctl("stop-task", TASK, check=False)
    scene.recreate(SCHEMA)
    up.run(f"USE {SCHEMA}", TABLE)
    start = up.value("SELECT NOW() + INTERVAL 1 SECOND")
    wait_for(lambda: up.value("SELECT NOW()") >= start, "the start time", interval=0.1)
    file, position = up.run(up.status_statement)[0][:2]
    up.run(f"USE {SCHEMA}", "INSERT INTO t VALUES (1, 1, 'one')", f"INSERT INTO t VALUES (2, 2, '{two}')", "UPDATE t SET id = 3 WHERE id = 2",
           "INSERT INTO t VALUES (4, 4, 'four')", "INSERT INTO t VALUES (5, 5, 'five')")
    down.run(f"CREATE DATABASE {SCHEMA}", f"USE {SCHEMA}", TABLE, f"INSERT INTO t VALUES (1, 1, 'one'), (3, 2, '{two}'), (4, 4, 'four'), (5, 5, 'five')")
    seen, go_on = set(), threading.Event()

    def gate(kind, event):  # a stream comes up to the third transaction
        if two.encode() in event:
            seen.add(proxy.link())
        elif kind in (33, 162) and proxy.link() in seen:
            go_on.wait()
        return event

    proxy = Proxy(up)
    proxy.on_event = gate
    cluster.start_worker("worker2")
    try:
        cluster.create_source("gated", proxy, **{"enable-gtid": scene.gtid})
        instance = {"source-id": "gated", "block-allow-list": "list", "syncer-config-name": "sync"}
        if not by_time:
            instance["meta"] = {"binlog-name": file, "binlog-pos": int(position)}
        path = cluster.task_file("gated", ["gated"], down, [SCHEMA], **{
            "task-mode": "incremental", "mydumpers": None, "loaders": None, "mysql-instances": [instance],
            **scene.settings(**{"safe-mode-duration": "1s"})})
        cluster.ctl("start-task", path, "--remove-meta", *(["--start-time", str(start)] if by_time else []))
        wait_for(lambda: down.run(f"SELECT id FROM {SCHEMA}.t WHERE id = 2"), "the second row comes once more")
        begun = up.value("SELECT NOW(6)")
        wait_for(lambda: up.value(f"SELECT NOW(6) > '{begun}' + INTERVAL 1100000 MICROSECOND"), "the duration is over", interval=0.1)
        if restarted:
            cluster.ctl("pause-task", "gated")
        go_on.set()
        if restarted:
            cluster.ctl("resume-task", "gated")
        cluster.wait_stage("gated", "Running", "Sync")
        cluster.wait_synced("gated", up)
        found = difference(up, down, scene.targets)
        assert found is None, found
        # Behind it there is none: with GTIDs behind the first transaction of a later second than its begin.
        second = up.value("SELECT NOW()")
        wait_for(lambda: up.value("SELECT NOW()") > second, "the next second", interval=0.1)
        up.run(f"INSERT INTO {SCHEMA}.t VALUES (6, 6, 'six')")
        cluster.wait_synced("gated", up)
        begun = up.value("SELECT NOW(6)")
        wait_for(lambda: up.value(f"SELECT NOW(6) > '{begun}' + INTERVAL 1100000 MICROSECOND"), "the second run's duration is over", interval=0.1)
        down.run(f"INSERT INTO {SCHEMA}.t VALUES (7, 7, 'not of the upstream')")
        up.run(f"INSERT INTO {SCHEMA}.t VALUES (7, 7, 'seven')")
        cluster.wait_error("gated", 10006, "Error 1062")
    finally:
        go_on.set()
        cluster.ctl("stop-task", "gated", check=False)
        cluster.ctl("operate-source", "stop", "gated", check=False)
        cluster.workers["worker2"].stop()
        proxy.stop()
