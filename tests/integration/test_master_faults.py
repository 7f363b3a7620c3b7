"""dm-master and its etcd: killed, started on ports, directories and programs that cannot be used, on disks that are full, on data
of another cluster. What is shown, what waits and who leads when."""
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time

import pytest

from dmtest.cluster import BIN, Cluster
from dmtest.compare import difference
from dmtest.disk import SmallDisk
from dmtest.waiting import wait_for

SCHEMA = "mf"
# From the start of a process, or of its etcd, until the member leads; and what a loaded machine may take besides.
LEADS, SLOW = 2, 3


@pytest.fixture
def pair(servers):
    upstream, downstream = servers.get("mariadb", "up"), servers.get("mariadb", "down")
    for server in (upstream, downstream):
        server.run(f"DROP DATABASE IF EXISTS {SCHEMA}")
    downstream.run("DROP DATABASE IF EXISTS dm_mf")
    upstream.run(f"CREATE DATABASE {SCHEMA}", f"CREATE TABLE {SCHEMA}.t (id INT AUTO_INCREMENT PRIMARY KEY, v INT)",
                 f"INSERT INTO {SCHEMA}.t (v) VALUES (1)")
    return upstream, downstream


def start_task(cluster, pair):
    cluster.create_source("src", pair[0])
    cluster.ctl("start-task", cluster.task_file("mf", ["src"], pair[1], [SCHEMA], **{
        "meta-schema": "dm_mf", "ignore-checking-items": ["all"]}))
    cluster.wait_stage("mf", "Running", "Sync")


def equal(cluster, pair):
    cluster.wait_stage("mf", "Running", "Sync")
    cluster.wait_synced("mf", pair[0])
    found = difference(*pair, {SCHEMA: SCHEMA})
    assert found is None, found


def write(pair):
    pair[0].run(f"INSERT INTO {SCHEMA}.t (v) VALUES (2)")


def directory(cluster):
    return os.path.join(cluster.dir, "master1", "data")


def whole_log(cluster, name="master1"):
    return cluster.log(name, 1_000_000)


def etcd_pid(cluster):
    """Of the etcd that dm-master runs now; None while there is none."""
    try:
        with open(os.path.join(directory(cluster), "run", "pid")) as f:
            pid = int(f.read())
        with open(f"/proc/{pid}/stat") as f:
            return pid if f.read().rpartition(")")[2].split()[0] != "Z" else None
    except (FileNotFoundError, NotADirectoryError, ProcessLookupError, ValueError):
        return None


def refused(cluster, *phrases, code=2, **more):
    """A start that fails; its message has all the phrases."""
    cluster.start_master(wait=False, **more)
    assert cluster.master.wait(30) == code, whole_log(cluster)
    lines = [line for line in whole_log(cluster).splitlines() if "fail to start dm-master" in line or "dm-master ends" in line]
    assert lines, whole_log(cluster)
    for phrase in ("code=38038", *phrases):
        assert phrase in lines[-1], (phrase, lines[-1])
    assert etcd_pid(cluster) is None


class Requests:
    """Requests that come all the time, reading and writing ones; none may fail."""

    COMMANDS = (["list-member"], ["query-status", "mf"], ["pause-task", "mf"], ["resume-task", "mf"], ["operate-source", "show"])

    def __init__(self, cluster):
        self.cluster, self.ended, self.failed, self.slowest, self.count = cluster, threading.Event(), [], 0, 0
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while not self.ended.is_set():
            for command in self.COMMANDS:
                begin = time.monotonic()
                answer = self.cluster.ctl(*command, check=False)
                self.slowest = max(self.slowest, time.monotonic() - begin)
                self.count += 1
                # Whatever the worker said meanwhile: the command was answered by who leads.
                if answer.code != 0 or '"result": true' not in answer.out.split('"sources"')[0]:
                    self.failed.append((command, str(answer)))

    def more(self):
        goal = self.count + len(self.COMMANDS)
        wait_for(lambda: self.count >= goal or self.failed, "requests are answered", 40)

    def end(self):
        self.ended.set()
        self.thread.join(120)
        assert not self.thread.is_alive()
        assert not self.failed, self.failed
        assert self.count > len(self.COMMANDS)


# -- death
def test_etcd_dies_three_times_and_a_fourth_time(cluster, pair):
    """Three deaths within a minute are made good: requests wait, tasks go on. The fourth one ends dm-master."""
    cluster.start_master()
    cluster.start_worker("worker1")
    start_task(cluster, pair)
    requests = Requests(cluster)
    begin = time.monotonic()
    try:
        for deadly in (signal.SIGKILL, signal.SIGTERM, signal.SIGABRT):
            old = etcd_pid(cluster)
            os.kill(old, deadly)
            write(pair)
            wait_for(lambda: etcd_pid(cluster) not in (None, old), "etcd is started again", 10)
            # Clients of etcd's API are told at once that it is away, so that they can try another member.
            wait_for(lambda: cluster.etcdctl("put", "/other/key", "x").returncode == 0, "etcd serves", LEADS + SLOW)
            requests.more()
    finally:
        requests.end()
    assert requests.slowest < 15, requests.slowest
    equal(cluster, pair)
    assert cluster.master.alive() and time.monotonic() - begin < 55
    log = whole_log(cluster)
    assert log.count("etcd ended by itself, starting it again") == 3 and "this member leads the cluster no more" not in log
    os.kill(etcd_pid(cluster), signal.SIGKILL)
    assert cluster.master.wait(20) == 1
    last = [line for line in whole_log(cluster).splitlines() if "dm-master ends" in line][-1]
    for phrase in ("code=38038", "etcd ended by itself (signal 9), 4 times within a minute", "disk", "start dm-master again"):
        assert phrase in last, last
    # The worker goes on meanwhile, and the cluster is what it was.
    write(pair)
    cluster.start_master()
    equal(cluster, pair)


def test_requests_wait_while_a_killed_master_begins_to_lead(cluster, pair):
    cluster.start_master()
    cluster.start_worker("worker1")
    start_task(cluster, pair)
    for _ in range(3):
        cluster.master.kill9()
        assert etcd_pid(cluster) is None or not wait_for(lambda: etcd_pid(cluster) is None, "etcd dies with it", 5) is None
        begin = time.monotonic()
        cluster.start_master(wait=False)
        wait_for(lambda: accepts(cluster.port), "the port takes connections", 5, interval=0.005)
        # At once: this one comes before anybody leads.
        answer = cluster.ctl("pause-task", "mf", check=False)
        assert answer.ok, answer
        assert time.monotonic() - begin < LEADS + SLOW
        assert cluster.ctl("resume-task", "mf", check=False).ok
    write(pair)
    equal(cluster, pair)


def accepts(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["TERM", "INT"])
def test_signals(cluster, pair, number):
    """While it starts, while it leads, while etcd is dead, while it ends."""
    def end(code, limit=15):
        begin = time.monotonic()
        cluster.master.send(number)
        found = cluster.master.wait(30)
        assert found == code, (found, whole_log(cluster)[-3000:])
        assert time.monotonic() - begin < limit
        assert etcd_pid(cluster) is None and not accepts(cluster.port) and not accepts(cluster.peer_port)
        assert "dm-master exit" in whole_log(cluster)

    # Before it serves: as the signal's default action.
    cluster.start_master(wait=False)
    wait_for(lambda: "Welcome to dm-master" in whole_log(cluster), "it begins", interval=0.002)
    cluster.master.send(number)
    assert cluster.master.wait(30) in (0, 128 + number)
    assert etcd_pid(cluster) is None
    # Serving, and not leading yet.
    cluster.start_master(wait=False)
    wait_for(lambda: "listening gRPC API" in whole_log(cluster), lambda: f"it serves; its log:\n{whole_log(cluster)[-3000:]}\n{cluster.master.tail()}", interval=0.002)
    end(0)
    cluster.start_master()
    cluster.start_worker("worker1")
    start_task(cluster, pair)
    # With requests, with a stream of etcd's API that lasts.
    watch = subprocess.Popen(["etcdctl", "--endpoints", cluster.address, "watch", "x"], env={**os.environ, "ETCDCTL_API": "3"},
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        end(0)
    finally:
        watch.kill()
        watch.wait(60)
    # Between a death of etcd and its next start.
    cluster.start_master()
    os.kill(etcd_pid(cluster), signal.SIGKILL)
    wait_for(lambda: "starting it again" in whole_log(cluster), "the death is seen", interval=0.005)
    end(0)
    # Both at once, as process managers do; and once more while it ends.
    cluster.start_master()
    os.kill(etcd_pid(cluster), number)
    cluster.master.send(number)
    end(0)
    cluster.start_master()
    write(pair)
    equal(cluster, pair)


# -- what a start needs
@pytest.mark.parametrize("which", ["master", "peer"])
def test_port_is_taken(cluster, which):
    cluster.start_master()
    assert cluster.master.stop() == 0
    port = cluster.port if which == "master" else cluster.peer_port
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen(1)
        refused(cluster, "address already in use", f"127.0.0.1:{port}")
    cluster.start_master()


def test_data_directory_is_not_writable(cluster, tmp_path):
    disk = SmallDisk(directory(cluster), "200m")
    with disk:
        cluster.start_master()
        assert cluster.master.stop() == 0
        disk.remount("ro")
        refused(cluster, "ead-only file system", directory(cluster))
        disk.remount("rw")
        cluster.start_master()
        assert cluster.master.stop() == 0


def test_data_directory_is_a_file(cluster):
    os.makedirs(os.path.dirname(directory(cluster)))
    open(directory(cluster), "w").close()
    refused(cluster, "ot a directory", directory(cluster))


@pytest.mark.parametrize("binary, phrase", [("/nowhere/etcd", "No such file or directory"), ("{dir}/etcd", "Permission denied"),
                                            ("/bin/false", "exit code 1"), ("/bin/true", "exit code 0")],
                         ids=["missing", "not executable", "fails", "something else"])
def test_etcd_cannot_be_run(cluster, monkeypatch, binary, phrase):
    open(os.path.join(cluster.dir, "etcd"), "w").close()
    binary = binary.format(dir=cluster.dir)
    monkeypatch.setenv("DM_ETCD_BINARY", binary)
    refused(cluster, phrase, binary, "DM_ETCD_BINARY")


def test_disk_is_full_at_the_start(cluster):
    with SmallDisk(directory(cluster), "8m") as disk:
        refused(cluster, "no space left on device")
        disk.remount("size=300m")
        cluster.start_master()
        assert cluster.master.stop() == 0


# -- a disk that fills up
def test_disk_fills_up_and_has_space_again(cluster, pair):
    with SmallDisk(directory(cluster), "300m") as disk:
        cluster.start_master()
        cluster.start_worker("worker1")
        start_task(cluster, pair)
        disk.fill()
        # What etcd has laid out before is used up, then it ends, and the fourth time dm-master with it.
        wait_for(lambda: cluster.etcdctl("put", "/other/large", input="x" * 1_000_000).returncode != 0, "etcd has no space", interval=0)
        code = cluster.master.wait(60)
        assert code == 1, whole_log(cluster)
        last = [line for line in whole_log(cluster).splitlines() if "dm-master ends" in line][-1]
        for phrase in ("code=38038", "4 times within a minute", "disk of"):
            assert phrase in last, last
        assert "no space left on device" in whole_log(cluster)
        refused(cluster, "no space left on device")
        write(pair)  # the worker goes on as long as its lease lives
        disk.free()
        cluster.start_master()
        equal(cluster, pair)
        cluster.ctl("pause-task", "mf")
        cluster.ctl("resume-task", "mf")
        equal(cluster, pair)
        assert cluster.master.stop() == 0


def test_disk_has_space_again_before_the_fourth_death(cluster, pair):
    with SmallDisk(directory(cluster), "300m") as disk:
        cluster.start_master()
        cluster.start_worker("worker1")
        start_task(cluster, pair)
        disk.fill()
        wait_for(lambda: cluster.etcdctl("put", "/other/large", input="x" * 1_000_000).returncode != 0, "etcd has no space", interval=0)
        wait_for(lambda: "starting it again" in whole_log(cluster), "etcd ends")
        disk.free()
        cluster.ctl("pause-task", "mf")
        cluster.ctl("resume-task", "mf")
        write(pair)
        equal(cluster, pair)
        assert cluster.master.alive()
        assert cluster.master.stop() == 0


def test_log_cannot_be_written(cluster, pair):
    """A full disk of the log is no reason to end; what cannot be written goes to standard error."""
    cluster.start_master()
    assert cluster.master.stop() == 0
    with SmallDisk(os.path.join(cluster.dir, "master1", "log"), "1m") as disk:
        disk.fill()
        cluster.master.argv = [re.sub("--log-file=.*", f"--log-file={disk.path}/dm-master.log", a) for a in cluster.master.argv]
        cluster.master.start()
        wait_for(lambda: cluster.ctl("list-member", check=False).ok, "dm-master leads")
        cluster.start_worker("worker1")
        start_task(cluster, pair)
        equal(cluster, pair)
        assert "this member leads the cluster" in cluster.master.tail(1000)
        disk.free()
        cluster.ctl("pause-task", "mf")
        assert "pause" in open(f"{disk.path}/dm-master.log").read().lower()
        assert cluster.master.stop() == 0


# -- directories that are gone, or another one
def test_data_directory_was_removed(cluster, pair):
    """While it was stopped: a new cluster. Workers make themselves known when they start."""
    cluster.start_master()
    cluster.start_worker("worker1")
    start_task(cluster, pair)
    write(pair)
    equal(cluster, pair)
    exported = os.path.join(cluster.dir, "exported")
    assert cluster.ctl("config", "export", "-p", exported, check=False).code == 0
    assert cluster.master.stop() == 0
    shutil.rmtree(directory(cluster))
    cluster.start_master()
    assert cluster.worker_stage("worker1") is None
    write(pair)
    cluster.workers["worker1"].stop()
    cluster.start_worker("worker1")
    imported = cluster.ctl("config", "import", "-p", exported, check=False)
    assert imported.code == 0, imported
    equal(cluster, pair)


@pytest.mark.parametrize("ends_by", ["death", "order"])
def test_data_directory_is_removed_while_in_use(cluster, ends_by):
    cluster.start_master()
    cluster.start_worker("worker1")
    shutil.rmtree(directory(cluster))
    wait_for(lambda: "was removed or replaced while it was in use" in whole_log(cluster), "it is told", 10)
    assert "`config export`" in whole_log(cluster) and "restart every dm-worker" in whole_log(cluster)
    assert cluster.ctl("list-member").ok  # to save what there is
    if ends_by == "order":
        assert cluster.master.stop() == 0
    else:
        etcd = subprocess.run(["pgrep", "-P", str(cluster.master.pid)], stdout=subprocess.PIPE, text=True).stdout.split()
        os.kill(int(etcd[0]), signal.SIGKILL)
        assert cluster.master.wait(30) == 1
        last = [line for line in whole_log(cluster).splitlines() if "dm-master ends" in line][-1]
        assert "was removed or replaced while it was in use" in last, last
        assert not os.path.exists(directory(cluster))  # no new cluster was begun by itself
    cluster.start_master()
    assert cluster.worker_stage("worker1") is None


def test_data_of_another_cluster(cluster, pair, tmp_path):
    """A copy has the sources, tasks and workers of the other cluster. Of two clusters that then run one task one writes, and the
    other says so."""
    other = Cluster(tmp_path / "other")
    try:
        cluster.start_master()
        cluster.start_worker("worker1")
        start_task(cluster, pair)
        write(pair)
        equal(cluster, pair)
        assert cluster.master.stop() == 0
        os.makedirs(os.path.join(other.dir, "master1"))
        shutil.copytree(directory(cluster), directory(other), ignore=shutil.ignore_patterns("client*"))
        cluster.start_master()
        other.start_master()
        wait_for(lambda: other.worker_stage("worker1") == "offline", "the copied worker is missed", other.keepalive_ttl + 70)
        write(pair)
        equal(cluster, pair)
        other.start_worker("worker2")
        wait_for(lambda: other.bound_worker("src") == "worker2", "the source is served there, too")
        other.wait_stage("mf", "Running", "Sync")

        def stands_aside():
            write(pair)  # who has lost the right to write learns of it by a write
            return next((c for c, worker in ((cluster, "worker1"), (other, "worker2")) if "code=36076" in whole_log(c, worker)), None)

        one = wait_for(stands_aside, "one of them stands aside", interval=0.5)
        assert "only one cluster runs this task" in whole_log(one, "worker1" if one is cluster else "worker2")
        one.ctl("stop-task", "mf")
        write(pair)
        equal(other if one is cluster else cluster, pair)
    finally:
        other.stop()


def test_data_of_one_of_several_members(cluster):
    """A member that is used to others waits for them, and says so when its time is up."""
    name = "master1"
    members = f"{name}=http://127.0.0.1:{cluster.peer_port},other=http://127.0.0.1:{free()}"
    data = directory(cluster)
    os.makedirs(os.path.dirname(data))
    etcd = subprocess.Popen(["/usr/bin/etcd", "--name", name, "--data-dir", data, "--listen-client-urls", f"http://127.0.0.1:{free()}",
                             "--advertise-client-urls", "http://127.0.0.1:1", "--initial-cluster", members,
                             "--listen-peer-urls", f"http://127.0.0.1:{cluster.peer_port}",
                             "--initial-advertise-peer-urls", f"http://127.0.0.1:{cluster.peer_port}"],
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wal = os.path.join(data, "member", "wal")
    try:
        wait_for(lambda: os.path.isdir(wal) and any(f.endswith(".wal") for f in os.listdir(wal)), "there are data")
        wait_for(lambda: accepts(cluster.peer_port), "it listens")
    finally:
        etcd.kill()
        etcd.wait(60)
    refused(cluster, "start embed etcd timeout", "what etcd said last", "several dm-masters")


def free():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]
