"""The active worker is killed, stopped or cut off, again and again, and an idle one takes over. The downstream's logs of what arrives and
of what was executed show that no two of them write at the same time, the comparison of all rows that nothing is lost or doubled. Workers
are on machines of their own (network namespaces)."""
import os
import signal
import time

import pytest

from dmtest import keyless
from dmtest.general_log import OPTIONS, Writers
from dmtest.netns import ClusterOfMachines, Machines
from dmtest.rounds import Rounds
from dmtest.servers import MariaDb
from dmtest.waiting import lasts, wait_for

pytestmark = pytest.mark.xdist_group("take_over_rounds")
SCHEMA = "rounds"
WORKERS = ("worker1", "worker2")
TTL = 6


class Scene:
    """One source, one task, a downstream that logs all statements."""

    def __init__(self, directory, machines, seed):
        self.machines = machines
        self.logs = [os.path.join(directory, name) for name in ("general.log", "executed.log")]
        self.upstream = MariaDb(os.path.join(directory, "up"), 981, bind_address="0.0.0.0")
        self.downstream = MariaDb(os.path.join(directory, "down"), 982, bind_address="0.0.0.0", general_log_file=self.logs[0],
                                  slow_query_log_file=self.logs[1], **OPTIONS)
        self.cluster = ClusterOfMachines(os.path.join(directory, "cluster"), machines, TTL)
        self.seed, self.load = seed, None

    def start(self, workers=WORKERS):
        for server in (self.upstream, self.downstream):
            server.start()
        keyless.tables(self.upstream, self.downstream, SCHEMA)
        self.load = keyless.KeylessLoad(self.upstream, SCHEMA, self.seed)
        self.cluster.start_master()
        for name in workers:
            self.cluster.start_worker(name)
        self.cluster.create_source("src", self.upstream, **{"checker": {"backoff-max": "1s"}, "from": {"host": self.machines.databases}})
        self.cluster.ctl("start-task", self.cluster.task_file(
            "rounds", ["src"], self.downstream, [SCHEMA],
            **{"meta-schema": "dm_rounds", "target-database": {"host": self.machines.databases}, "loaders": {"load": {"dir": "./dumped_data"}}}))
        self.running()
        self.upstream.run(f"INSERT INTO {SCHEMA}.n VALUES (-1, 'first')")
        self.cluster.wait_synced("rounds", self.upstream)  # all its connections are there, and the load is over for every worker
        self.downstream.run("SET GLOBAL general_log = ON", "SET GLOBAL slow_query_log = ON")
        self.cut()
        self.load.start()
        self.load.go()

    def cut(self):
        """Ends the connections of the task: those that the log shows begin in it."""
        for (connection,) in self.downstream.run("SELECT id FROM information_schema.processlist WHERE user = 'dm' AND host NOT LIKE '127.%'"):
            self.downstream.run(f"KILL {connection}")

    def running(self):
        self.cluster.wait_stage("rounds", "Running", "Sync", timeout=90)

    def judge(self, rounds):
        self.load.rest()
        self.running()
        self.cluster.wait_synced("rounds", self.upstream, timeout=120)
        self.load.judge(self.downstream, rounds)
        rounds.figures["transactions"] = self.load.transactions
        self.load.go()

    def report(self):
        return "".join(f"\n-- {name}\n{self.cluster.log(name, 50)}" for name in WORKERS)

    def stop(self):
        if self.load:
            self.load.ending.set()
            self.load.going.set()
            if self.load.is_alive():
                self.load.join(30)
        for name, worker in self.cluster.workers.items():
            self.machines.plug(name)
            worker.send(signal.SIGCONT)
        try:
            self.cluster.stop()
        finally:
            for server in (self.upstream, self.downstream):
                server.stop()


@pytest.fixture
def machines():
    machines = Machines(WORKERS)
    yield machines
    machines.close()


@pytest.fixture
def scenes(tmp_path, machines):
    made = []

    def make(seed):
        made.append(Scene(str(tmp_path), machines, seed))
        return made[-1]

    yield make
    for scene in made:
        scene.stop()


FAULTS = ["killed", "stopped", "cut off from all", "cut off from dm-master"]


def test_an_idle_worker_takes_over(scenes):
    rounds = Rounds("take-over", few=4)
    rng = rounds.rng
    scene = scenes(rng.random())
    scene.start()
    cluster, machines = scene.cluster, scene.machines
    writers = Writers(*scene.logs, "dm", "rounds_owner", rounds.figures)
    for number in rounds:
        name = cluster.bound_worker("src")
        other = next(n for n in WORKERS if n != name)
        wait_for(lambda: cluster.worker_stage(other) == "free", lambda: f"{other} is idle{scene.report()}", timeout=60)
        writers.read()
        fault = FAULTS[(number - 1) % len(FAULTS)]
        goal = scene.load.transactions + rng.randint(5, 100)
        wait_for(lambda: scene.load.transactions >= goal or scene.load.error, "transactions come")
        if rng.random() < 0.3:
            scene.load.big.set()
            lasts(rng.uniform(0, 0.5))  # while its statements are written
        begin = time.monotonic()
        if fault == "killed":
            cluster.workers[name].kill9()
        elif fault == "stopped":
            cluster.workers[name].send(signal.SIGSTOP)
        else:
            machines.pull(name, "cd" if fault.endswith("all") else "c")
        rounds.figures[fault] += 1
        wait_for(lambda: cluster.bound_worker("src") == other, lambda: f"{other} takes over{scene.report()}", timeout=TTL + 30)
        rounds.times["from the fault to another worker's bind"].append(time.monotonic() - begin)
        claims = []
        wait_for(lambda: claims.extend(writers.read()) or machines.address(other, "d") in claims,
                 lambda: f"{other} claims the right to write{scene.report()}", timeout=60)
        scene.running()
        rounds.times["from the fault to another worker's claim"].append(time.monotonic() - begin)
        if rng.random() < 0.7:  # it finds itself behind while another one writes, or later
            goal = scene.load.transactions + rng.randint(1, 200)
            wait_for(lambda: scene.load.transactions >= goal or scene.load.error, "it replicates")
        if fault == "killed":
            cluster.start_worker(name, wait=False)
        elif fault == "stopped":
            cluster.workers[name].send(signal.SIGCONT)
        else:
            machines.plug(name)
        wait_for(lambda: cluster.worker_stage(name) == "free", lambda: f"{name} is back{scene.report()}", timeout=60)
        scene.judge(rounds)
        writers.read()
        assert cluster.bound_worker("src") == other
        rounds.say(f"round {number}: {name} {fault}")
    assert rounds.figures["statements that wrote"] > scene.load.transactions


@pytest.mark.parametrize("fault", ["killed", "stopped", "cut off"])
def test_with_no_idle_worker_the_task_waits_for_one(scenes, fault):
    """Nothing is lost meanwhile, and nobody has to do anything when one comes."""
    scene = scenes(1)
    scene.start(["worker1"])
    cluster, machines = scene.cluster, scene.machines
    rounds = Rounds(f"no idle worker, {fault}", few=1)
    if fault == "killed":
        cluster.workers["worker1"].kill9()
    elif fault == "stopped":
        cluster.workers["worker1"].send(signal.SIGSTOP)
    else:
        machines.pull("worker1", "cd")
    wait_for(lambda: cluster.bound_worker("src") is None, "the source has no worker", timeout=TTL + 20)
    answer = cluster.ctl("query-status", "rounds", check=False)
    status = answer.json["sources"][0]
    assert "38029" in status["msg"] and "list-member" in status["msg"], answer
    goal = scene.load.transactions + 50
    wait_for(lambda: scene.load.transactions >= goal or scene.load.error, "transactions come")
    if fault == "killed":
        cluster.start_worker("worker2")
        wait_for(lambda: cluster.bound_worker("src") == "worker2", "the new worker has the source")
    elif fault == "stopped":
        cluster.workers["worker1"].send(signal.SIGCONT)
        wait_for(lambda: cluster.bound_worker("src") == "worker1", "it has the source again")
    else:
        machines.plug("worker1")
        wait_for(lambda: cluster.bound_worker("src") == "worker1", "it has the source again")
    scene.judge(rounds)
