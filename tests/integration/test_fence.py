"""A worker is stopped between its COMMIT and the answer, or killed with all its send buffers full, again and again: what it has sent
arrives at any time, also when another run has begun. Nothing is lost or doubled in a table without identity."""
import signal
import threading
import time

import pytest

from dmtest import keyless
from dmtest.proxy import InHalves, Proxy
from dmtest.rounds import Rounds
from dmtest.waiting import lasts, wait_for

pytestmark = pytest.mark.xdist_group("fence")
SCHEMA = "fence"
OWN_DIRECTORY = {"loaders": {"load": {"dir": "./dumped_data"}}}
WORKERS = ("worker1", "worker2")


class Scene:
    """One source; the workers reach the downstream by a proxy."""

    def __init__(self, cluster, upstream, downstream, rounds, workers):
        self.cluster, self.upstream, self.downstream, self.rounds = cluster, upstream, downstream, rounds
        self.proxy = Proxy(downstream, receive_buffer=64 << 10)
        keyless.tables(upstream, downstream, SCHEMA)
        downstream.run("DROP DATABASE IF EXISTS dm_fence")
        self.load = keyless.KeylessLoad(upstream, SCHEMA, rounds.rng.random())
        cluster.start_master()
        for name in workers:
            cluster.start_worker(name)
        cluster.create_source("src", upstream, **{"checker": {"backoff-max": "1s"}})
        cluster.ctl("start-task", cluster.task_file("fence", ["src"], self.proxy, [SCHEMA], **{"meta-schema": "dm_fence", **OWN_DIRECTORY}))
        self.running()
        upstream.run(f"INSERT INTO {SCHEMA}.n VALUES (-1, 'first')")
        cluster.wait_synced("fence", upstream)
        self.load.start()
        self.load.go()

    def active(self):
        return wait_for(lambda: self.cluster.bound_worker("src"), "the source is bound")

    def running(self):
        self.cluster.wait_stage("fence", "Running", "Sync", timeout=90)

    def commits(self, text):
        """Is this the last packet of a transaction of the table without identity?"""
        return text.endswith(";COMMIT") and f"`{SCHEMA}`.`n`" in text

    def epochs(self):
        return self.downstream.run("SELECT slot, epoch FROM dm_fence.fence_owner WHERE slot >= 0 ORDER BY slot")

    def judge(self):
        self.load.rest()
        self.running()
        self.cluster.wait_synced("fence", self.upstream, timeout=120)
        self.load.judge(self.downstream, self.rounds)
        self.rounds.figures["transactions"] = self.load.transactions
        self.load.go()

    def stop(self):
        for worker in self.cluster.workers.values():
            worker.send(signal.SIGCONT)
        self.load.ending.set()
        self.load.going.set()
        self.load.join(30)
        self.proxy.stop()


def report(scene):
    """With what a failed round leaves."""
    return f"\n{scene.cluster.log('worker1', 60)}\n-- worker2\n{scene.cluster.log('worker2', 60)}"


@pytest.fixture
def scenes(cluster, servers):
    made = []

    def make(rounds, ttl, workers):
        cluster.keepalive_ttl = ttl
        made.append(Scene(cluster, servers.get("mariadb", "up"), servers.get("mariadb", "down"), rounds, workers))
        return made[-1]

    yield make
    for scene in made:
        scene.stop()


def test_stopped_between_commit_and_its_answer(scenes):
    rounds = Rounds("SIGSTOP at COMMIT", few=3)
    scene = scenes(rounds, 6, WORKERS)
    rng, cluster = rounds.rng, scene.cluster
    arrivals = ["at once", "late", "behind the claim", "in halves"]
    for number in rounds:
        name = scene.active()
        other = next(n for n in WORKERS if n != name)
        wait_for(lambda: cluster.worker_stage(other) == "free", lambda: f"{other} is idle{report(scene)}", timeout=40)
        arrival = arrivals[(number - 1 + rounds.seed) % 4]
        short = rng.random() < 0.2
        large = rng.random() < 0.15
        lateness = rng.uniform(0, 2.5)
        stopped, claimed, delivered = threading.Event(), threading.Event(), threading.Event()
        armed = threading.Lock()

        def rule(text):
            if not scene.commits(text) or (large and len(text) < 10000) or not armed.acquire(blocking=False):
                return None
            cluster.workers[name].send(signal.SIGSTOP)
            stopped.set()
            if arrival == "in halves":
                return InHalves(lambda: claimed.wait(60) and delivered.set())
            if arrival == "late":
                lasts(lateness)
            elif arrival == "behind the claim":
                claimed.wait(60)
            delivered.set()
            return None

        epochs = scene.epochs()
        scene.proxy.on_statement = rule
        if large:
            scene.load.big.set()
        wait_for(stopped.is_set, lambda: f"a COMMIT is sent{report(scene)}")
        begin = time.monotonic()
        rounds.figures["stops"] += 1
        rounds.figures[f"COMMITs that arrive {arrival}"] += 1
        if short:
            # It goes on before its lease ends.
            lasts(lateness)
            rounds.figures["stops shorter than the lease"] += 1
            cluster.workers[name].send(signal.SIGCONT)
            claimed.set()
        else:
            wait_for(lambda: cluster.bound_worker("src") == other, lambda: f"{other} takes over{report(scene)}", timeout=40)
            if arrival != "in halves" or not large:
                # (Half of a packet of a transaction that is open already holds the claim up.)
                wait_for(lambda: scene.epochs() != epochs, lambda: f"{other} claims the right to write{report(scene)}", timeout=60)
            claimed.set()
            scene.running()
            rounds.times["from the stop to the successor's run"].append(time.monotonic() - begin)
            if rng.random() < 0.5:
                goal = scene.load.transactions + 20
                wait_for(lambda: scene.load.transactions >= goal or scene.load.error, "it replicates")
            cluster.workers[name].send(signal.SIGCONT)
            wait_for(lambda: cluster.worker_stage(name) == "free", lambda: f"{name} finds its lease gone{report(scene)}", timeout=40)
        wait_for(delivered.is_set, "the COMMIT has arrived")
        scene.proxy.on_statement = lambda text: None
        scene.judge()
        rounds.say(f"round {number}: COMMIT arrives {arrival}{', large' if large else ''}{', short stop' if short else ''}")


def _unsent(link):
    """Bytes that the client has written and the proxy not taken, by the kernel's table of connections."""
    here, there = (f"{side[1]:04X}" for side in (link.client.getsockname(), link.client.getpeername()))
    with open("/proc/net/tcp") as table:
        for line in list(table)[1:]:
            fields = line.split()
            if fields[1].endswith(f":{there}") and fields[2].endswith(f":{here}"):
                return int(fields[4].split(":")[0], 16)
    return 0


def test_killed_with_full_send_buffers(scenes):
    """The same process is started again, long before its lease ends: sessions of the dead one still live then."""
    rounds = Rounds("kill -9 with a full send buffer", few=4)
    scene = scenes(rounds, 30, WORKERS[:1])
    rng, cluster, proxy = rounds.rng, scene.cluster, scene.proxy
    for number in rounds:
        full = number % 2 == 1  # a packet that does not fit into the buffers, else complete ones
        behind = rng.random() < 0.7  # what is on its way arrives behind the claim of the next run
        lateness = rng.uniform(0, 2)
        gate, stuck, late = threading.Event(), threading.Event(), []
        held, dead = [], set()  # connections that wait; those of the killed process, once it is
        killed = threading.Event()

        def on_request(size):
            link = proxy.link()
            if gate.is_set() or (killed.is_set() and link not in dead) or (full and size < 1000000 and not stuck.is_set()):
                return False
            held.append(link)
            stuck.set()
            gate.wait(90)
            return full and size >= 1000000

        def on_statement(text):
            if gate.is_set() and proxy.link() in dead and scene.commits(text):
                late.append(text)
            return None

        epochs = scene.epochs()
        proxy.on_request, proxy.on_statement = on_request, on_statement
        if full:
            scene.load.big.set()
        wait_for(stuck.is_set, lambda: f"a packet is on its way{report(scene)}")
        if full:
            amounts = []

            def is_full():
                amounts.append(_unsent(held[0]))
                return len(amounts) > 3 and amounts[-1] > 100000 and amounts[-1] == amounts[-4]

            wait_for(is_full, lambda: f"the buffer is full: {amounts[-5:]}", interval=0.1)
            rounds.figures["full buffers"] += 1
            rounds.figures["bytes in them"] += amounts[-1]
        else:
            lasts(rng.uniform(0.05, 0.3))  # while more connections send, or none
        cluster.workers["worker1"].kill9()
        with proxy.lock:
            dead |= proxy.links
        killed.set()
        rounds.figures["kills"] += 1
        begin = time.monotonic()
        if not behind:
            gate.set()
        cluster.start_worker("worker1", wait=False)
        if behind:
            if rng.random() < 0.3:
                lasts(lateness)
            else:
                # An open transaction holds the claim up until its session is closed.
                wait_for(lambda: scene.epochs() != epochs, lambda: f"the next run claims the right to write{report(scene)}", timeout=90)
                rounds.figures["arrivals behind the claim"] += 1
            gate.set()
        scene.running()
        rounds.times["from the kill to the next run"].append(time.monotonic() - begin)
        goal = scene.load.transactions + 20
        wait_for(lambda: scene.load.transactions >= goal or scene.load.error, "it replicates")
        scene.judge()
        proxy.on_request, proxy.on_statement = (lambda size: False), (lambda text: None)
        rounds.figures["COMMITs of a dead process that arrived"] += len(late)
        rounds.say(f"round {number}: {'full buffer' if full else 'complete packets'}, {'behind' if behind else 'before'} the claim, "
                   f"{len(late)} late COMMITs")
