"""dm-master, dm-worker and dmctl as real processes."""
import http.client
import json
import os
import re
import shutil
import ssl
import subprocess
import urllib.parse
import urllib.request

import yaml

from .ports import free_port
from .process import Process
from .servers import PASSWORD, REPO, USER
from .waiting import wait_for

BIN = os.environ.get("DM_BIN", os.path.join(REPO, "build", "bin"))


def _merge(base, more):
    for key, value in (more or {}).items():
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            _merge(base[key], value)
        elif value is None:
            base.pop(key, None)
        else:
            base[key] = value
    return base


class Answer:
    """What dmctl printed."""

    def __init__(self, done):
        self.code, self.out, self.err = done.returncode, done.stdout, done.stderr

    @property
    def json(self):
        start = self.out.index("{")
        return json.loads(self.out[start:])

    @property
    def ok(self):
        return self.code == 0 and '"result": true' in self.out

    def __str__(self):
        return f"exit {self.code}\n{self.out}{self.err}"


class ClusterTls:
    """The certificates of a cluster's programs, all with the common name `dm`, which all demand of each other."""

    def __init__(self, authority):
        self.authority, self.certificates = authority, {}

    def of(self, name):
        if name not in self.certificates:
            self.certificates[name] = self.authority.issue(name, "dm")
        return self.certificates[name]

    def flags(self, name):
        return self.ctl_flags(name) + ["--cert-allowed-cn=dm"]

    def ctl_flags(self, name="dmctl"):
        own = self.of(name)
        return [f"--ssl-ca={self.authority.ca}", f"--ssl-cert={own.cert}", f"--ssl-key={own.key}"]

    def context(self, certificate=None):
        """For clients in Python."""
        own = certificate or self.of("python")
        context = ssl.create_default_context(cafile=self.authority.ca)
        context.load_cert_chain(own.cert, own.key)
        return context


class Cluster:
    """One dm-master and any number of dm-workers in one directory. Workers have a short lease, so that tests of
    take-over are quick."""

    def __init__(self, directory, keepalive_ttl=6, tls=None):
        """`tls`: a `ClusterTls`; None: without TLS."""
        self.dir = str(directory)
        os.makedirs(self.dir, exist_ok=True)
        self.keepalive_ttl = keepalive_ttl
        self.port, self.peer_port = free_port(), free_port()
        self.workers = {}
        self.master = None
        self.tls = tls

    def tls_flags(self, name):
        return self.tls.flags(name) if self.tls else []

    @classmethod
    def of_pair(cls, directory, upstream, downstream):
        """A cluster with one worker, which serves `upstream` as the source `src`."""
        cluster = cls(directory)
        cluster.upstream, cluster.downstream = upstream, downstream
        cluster.start_master()
        cluster.start_worker("worker1")
        cluster.create_source("src", upstream)
        return cluster

    host = "127.0.0.1"  # of dm-master

    @property
    def address(self):
        return f"{self.host}:{self.port}"

    def start_master(self, failpoints=None, wait=True):
        directory = os.path.join(self.dir, "master1")
        os.makedirs(directory, exist_ok=True)
        self.master = Process(
            "dm-master",
            [f"{BIN}/dm-master", "--name=master1", f"--master-addr={self.address}",
             f"--advertise-addr={self.address}", f"--peer-urls=127.0.0.1:{self.peer_port}",
             f"--data-dir={directory}/data", f"--log-file={directory}/dm-master.log", "-L=debug",
             *self.tls_flags("dm-master")],
            os.path.join(directory, "stdout.log"), cwd=directory,
            env={"DM_FAILPOINTS": failpoints} if failpoints else None)
        self.master.start()
        if not wait:
            return
        wait_for(lambda: self._leads(), lambda: f"dm-master leads\n{self.master.tail()}\n{self.log('master1')}")

    def _leads(self):
        assert self.master.alive(), f"dm-master ended:\n{self.master.tail()}{self.log('master1')}"
        return self.ctl("list-member", "--leader", check=False).ok

    def take_over(self, source):
        """Kills the worker that the source is bound to; a worker that was idle is bound when this returns."""
        active = self.bound_worker(source)
        assert any(self.worker_stage(name) == "free" for name in self.workers if name != active)
        self.workers[active].kill9()
        wait_for(lambda: self.bound_worker(source) not in (None, active), "the idle worker is bound",
                 timeout=self.keepalive_ttl + 10)
        assert self.worker_stage(active) == "offline"

    def worker_host(self, name):
        """The address on which it listens."""
        return "127.0.0.1"

    def worker_prefix(self, name):
        """What stands before its command line."""
        return []

    def start_worker(self, name, failpoints=None, wait=True, flags=()):
        directory = os.path.join(self.dir, name)
        os.makedirs(directory, exist_ok=True)
        old = self.workers.get(name)
        port = old.port if old else free_port()
        worker = Process(
            f"dm-worker {name}",
            [*self.worker_prefix(name), f"{BIN}/dm-worker", f"--name={name}", f"--worker-addr={self.worker_host(name)}:{port}", f"--join={self.address}",
             f"--log-file={directory}/dm-worker.log", f"--keepalive-ttl={self.keepalive_ttl}",
             *self.tls_flags("dm-worker"), *flags],
            os.path.join(directory, "stdout.log"), cwd=directory,
            env={"DM_FAILPOINTS": failpoints} if failpoints else None)
        worker.port = port
        worker.start()
        self.workers[name] = worker
        if wait:
            wait_for(lambda: self.worker_stage(name) in ("free", "bound"),
                     lambda: f"{name} is online\n{worker.tail()}{self.log(name)}")
        return worker

    def wait_killed(self, name="worker1", timeout=60):
        """Waits until a fail point has killed the worker."""
        worker = self.workers[name]
        wait_for(lambda: not worker.alive(), lambda: f"{name} reaches the fail point; its log:\n{self.log(name)}", timeout)
        assert worker.child.returncode == -9, worker.tail()

    def worker_stage(self, name):
        members = self.ctl("list-member", "--worker", check=False)
        if not members.ok:
            return None
        for member in members.json["members"]:
            for worker in member.get("worker", {}).get("workers", []) or []:
                if worker["name"] == name:
                    return worker["stage"]
        return None

    def bound_worker(self, source):
        members = self.ctl("list-member", "--worker").json["members"]
        for member in members:
            for worker in member.get("worker", {}).get("workers", []) or []:
                if worker["source"] == source:
                    return worker["name"]
        return None

    def log(self, name, lines=40):
        path = os.path.join(self.dir, name, "dm-master.log" if name.startswith("master") else "dm-worker.log")
        try:
            with open(path, errors="replace") as f:
                return "".join(f.readlines()[-lines:])
        except FileNotFoundError:
            return ""

    def stop(self):
        errors = []
        for process in list(self.workers.values()) + ([self.master] if self.master else []):
            try:
                process.stop()
            except AssertionError as e:
                errors.append(str(e))
        shutil.rmtree(os.path.join(self.dir, "master1", "data"), ignore_errors=True)  # 64 MiB of etcd's log
        assert not errors, errors

    def ctl(self, *args, check=True, timeout=120, tls=True):
        flags = self.tls.ctl_flags() if self.tls and tls else []
        done = subprocess.run([f"{BIN}/dmctl", f"--master-addr={self.address}", *flags, *map(str, args)],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=timeout)
        answer = Answer(done)
        if check:
            assert answer.ok, f"dmctl {' '.join(map(str, args))}: {answer}"
        return answer

    def etcdctl(self, *args, input=None, timeout=20):
        """Through dm-master's port. Returns the ended process with its output as text."""
        return subprocess.run(["etcdctl", "--endpoints", self.address, *args], input=input, env={**os.environ, "ETCDCTL_API": "3"}, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout)

    def http(self, path, port=None):
        scheme, context = ("https", self.tls.context()) if self.tls else ("http", None)
        with urllib.request.urlopen(f"{scheme}://{self.host}:{port or self.port}{path}", timeout=10,
                                    context=context) as answer:
            return answer.read().decode()

    # -- sources and tasks
    def write(self, name, value):
        path = os.path.join(self.dir, name)
        with open(path, "w") as f:
            f.write(value if isinstance(value, str) else yaml.safe_dump(value, sort_keys=False, allow_unicode=True))
        return path

    def create_source(self, source_id, server, check=True, **more):
        path = self.write(f"{source_id}.yaml", _merge(
            {"source-id": source_id, "enable-gtid": False,
             "from": {"host": "127.0.0.1", "port": server.port, "user": USER, "password": PASSWORD}}, more))
        return self.ctl("operate-source", "create", path, check=check)

    def task_file(self, name, sources, target, schemas, **more):
        """A task file: `schemas` are migrated from `sources`; `more` is merged into it (None removes a key)."""
        task = {
            "name": name, "task-mode": "all", "meta-schema": "dm_meta",
            "target-database": {"host": "127.0.0.1", "port": target.port, "user": USER, "password": PASSWORD},
            "block-allow-list": {"list": {"do-dbs": list(schemas)}},
            "mydumpers": {"dump": {"threads": 4}},
            "loaders": {"load": {"pool-size": 4, "dir": os.path.join(self.dir, "dumped_data")}},
            "syncers": {"sync": {"worker-count": 4, "batch": 100, "checkpoint-flush-interval": 1}},
            "mysql-instances": [
                {"source-id": source, "block-allow-list": "list", "mydumper-config-name": "dump",
                 "loader-config-name": "load", "syncer-config-name": "sync"} for source in sources],
        }
        renamed = {s: t for s, t in schemas.items() if s != t} if isinstance(schemas, dict) else {}
        if renamed:
            task["routes"] = {f"to-{t}": {"schema-pattern": s, "target-schema": t} for s, t in renamed.items()}
            for instance in task["mysql-instances"]:
                instance["route-rules"] = list(task["routes"])
        return self.write(f"task-{name}.yaml", _merge(task, more))

    def status(self, task, source=None):
        """The subtask's status; None if there is none. What `query-status` prints, at a tenth of its cost: many tests wait for it."""
        try:
            sources = json.loads(self.http(f"/apis/v1alpha1/status/{urllib.parse.quote(task, safe='')}"))["sources"]
        except (OSError, http.client.HTTPException, ValueError, KeyError):
            return None
        for entry in sources:
            if source in (None, entry["sourceStatus"]["source"]) and entry["subTaskStatus"]:
                return entry["subTaskStatus"][0]
        return None

    def status_source(self, task):
        """The source of the task's first subtask."""
        return self.ctl("query-status", task).json["sources"][0]["sourceStatus"]["source"]

    def wait_stage(self, task, stage, unit=None, timeout=60):
        def there():
            status = self.status(task)
            return status if status and status["stage"] == stage and unit in (None, status["unit"]) else None

        return wait_for(there, lambda: f"{task} is {stage} {unit or ''}; now {json.dumps(self.status(task), indent=1)}",
                        timeout, interval=0.1)

    def wait_error(self, task, code=None, phrase="", timeout=60):
        """Waits until the task is paused by an error and returns that error."""
        def paused():
            status = self.status(task)
            if not status or status["stage"] != "Paused" or not status["result"]:
                return None
            errors = status["result"]["errors"]
            return errors[0] if errors else None

        error = wait_for(paused, lambda: f"{task} pauses by an error; now {json.dumps(self.status(task), indent=1)}",
                         timeout, interval=0.1)
        text = f"{error['Message']} {error['RawCause']}"
        assert code in (None, error["ErrCode"]), error
        assert phrase in text, error
        return error

    def wait_synced(self, task, upstream, timeout=120):
        """Waits until the sync unit has applied and saved everything that is upstream now."""
        def position():
            file, offset = upstream.run(upstream.status_statement)[0][:2]
            return file, int(offset)

        goal = position()

        def reached():
            status = self.status(task)
            if not status or status["unit"] != "Sync" or "sync" not in status:
                return None
            at = re.match(r"\((.*), (\d+)\)", status["sync"]["syncerBinlog"])
            return at and (at[1], int(at[2])) >= goal

        wait_for(reached, lambda: f"{task} reaches {goal}; now {json.dumps(self.status(task), indent=1)}", timeout,
                 interval=0.1)
