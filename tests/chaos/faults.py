"""What may go wrong, and how it is undone."""
import os
import signal

import pymysql


def _children(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as f:
        return [int(text) for text in f.read().split()]


class Faults:
    """Each method starts one fault, waits `self.wait(...)` and undoes it. `wait(low, high)` sleeps for a random time, which is
    the length of the fault."""

    def __init__(self, rng, wait, cluster, upstream, downstream, source, task, task_file):
        self.rng, self.wait, self.cluster = rng, wait, cluster
        self.upstream, self.downstream = upstream, downstream
        self.source, self.task, self.task_file = source, task, task_file
        self.kills = 0

    # method, how often beside the others
    def table(self):
        return [(self.kill_worker, 5), (self.kill_both_workers, 1), (self.stop_worker_past_its_lease, 3),
                (self.stop_worker_shortly, 1), (self.restart_worker, 1), (self.kill_master, 2), (self.kill_etcd, 1),
                (self.restart_master, 1), (self.kill_upstream, 1), (self.kill_downstream, 2), (self.stall_upstream, 1),
                (self.stall_downstream, 1), (self.cut_upstream, 2), (self.cut_downstream, 3), (self.pause_and_resume, 1),
                (self.stop_and_start, 1)]

    def pick(self):
        methods, weights = zip(*self.table())
        return self.rng.choices(methods, weights)[0]

    def _worker(self):
        """The worker that serves the source three times of four, else any."""
        if self.rng.random() < 0.75:
            answer = self.cluster.ctl("list-member", "--worker", check=False)
            if answer.ok:
                for member in answer.json["members"]:
                    for worker in member.get("worker", {}).get("workers", []) or []:
                        if worker["source"] == self.source:
                            return worker["name"]
        return self.rng.choice(sorted(self.cluster.workers))

    def _kill(self, process):
        process.kill9()
        self.kills += 1

    def kill_worker(self):
        name = self._worker()
        self._kill(self.cluster.workers[name])
        self.wait(0, 10)
        self.cluster.start_worker(name, wait=False)
        return name

    def kill_both_workers(self):
        for name in self.cluster.workers:
            self._kill(self.cluster.workers[name])
        self.wait(0, 5)
        for name in list(self.cluster.workers):
            self.cluster.start_worker(name, wait=False)

    def _stopped(self, process, low, high):
        process.send(signal.SIGSTOP)
        self.wait(low, high)
        process.send(signal.SIGCONT)

    def stop_worker_past_its_lease(self):
        name = self._worker()
        lease = self.cluster.keepalive_ttl
        self._stopped(self.cluster.workers[name], lease + 1, lease + 5)
        return name

    def stop_worker_shortly(self):
        name = self._worker()
        self._stopped(self.cluster.workers[name], 0, 3)
        return name

    def restart_worker(self):
        name = self._worker()
        self.cluster.workers[name].stop()
        self.wait(0, 3)
        self.cluster.start_worker(name, wait=False)
        return name

    def kill_master(self):
        self._kill(self.cluster.master)
        self.wait(0, 5)
        self.cluster.start_master()

    def kill_etcd(self):
        etcd = _children(self.cluster.master.pid)
        for pid in etcd:
            os.kill(pid, signal.SIGKILL)
            self.kills += 1
        self.wait(1, 3)
        return etcd

    def restart_master(self):
        self.cluster.master.stop()
        self.wait(0, 3)
        self.cluster.start_master()

    def _kill_server(self, server):
        self._kill(server)
        self.wait(0, 6)
        server.start()

    def kill_upstream(self):
        self._kill_server(self.upstream)

    def kill_downstream(self):
        self._kill_server(self.downstream)

    def stall_upstream(self):
        self._stopped(self.upstream.process, 1, 8)

    def stall_downstream(self):
        self._stopped(self.downstream.process, 1, 8)

    def _cut(self, server):
        """Ends every connection of the programs (they alone have a user of their own)."""
        cut = 0
        for row in server.run("SHOW PROCESSLIST"):
            if row[1] == "dm_chaos":
                try:
                    server.run(f"KILL {row[0]}")
                    cut += 1
                except pymysql.err.MySQLError:
                    pass  # it had ended
        return f"{cut} connections"

    def cut_upstream(self):
        return self._cut(self.upstream)

    def cut_downstream(self):
        return self._cut(self.downstream)

    def pause_and_resume(self):
        first = self.cluster.ctl("pause-task", self.task, check=False)
        self.wait(0, 3)
        second = self.cluster.ctl("resume-task", self.task, check=False)
        return f"pause {'ok' if first.ok else first}, resume {'ok' if second.ok else second}"

    def stop_and_start(self):
        first = self.cluster.ctl("stop-task", self.task, check=False)
        self.wait(0, 3)
        if not first.ok:
            return f"stop {first}"
        return self.start()

    def start(self):
        """Starts the task. The pre-check refuses while a server is away or an online schema change is under way."""
        for attempt in range(30):
            started = self.cluster.ctl("start-task", self.task_file, check=False)
            if started.ok:
                return f"started at attempt {attempt + 1}"
            self.wait(1, 2)
        raise AssertionError(f"start-task: {started}")
