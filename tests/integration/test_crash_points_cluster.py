"""kill -9 before and after every write that dm-master and dm-worker make in etcd: no command is half done, and migration goes on."""
import os
import re
import subprocess

import pytest

from dmtest.crashing import CrashingCluster
from dmtest.waiting import wait_for

pytestmark = pytest.mark.xdist_group("crash_points_cluster")
SCHEMA = "cpc"
MASTER = "master1"


@pytest.fixture
def scene(crash_home):
    """The task runs on worker1; no other worker, no other source."""
    cluster = crash_home.cluster
    cluster.disarm(MASTER)
    if not cluster.master.alive():
        cluster.start_master()
    crash_home.ready()
    yield crash_home
    cluster.disarm(MASTER)
    cluster.disarm("worker2")
    if not cluster.master.alive():
        cluster.start_master()
    cluster.ctl("operate-source", "stop", "other", check=False)
    if "worker2" in cluster.workers:
        if cluster.workers["worker2"].alive():
            cluster.workers["worker2"].stop()
        wait_for(lambda: cluster.worker_stage("worker2") in (None, "offline"), "worker2 is offline", timeout=20)
        cluster.ctl("offline-member", "--worker", "--name", "worker2", check=False)
        del cluster.workers["worker2"]


def etcdctl(cluster, *args):
    done = subprocess.run(["etcdctl", "--endpoints", cluster.address, *args], env={**os.environ, "ETCDCTL_API": "3"}, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=20)
    assert done.returncode == 0, done
    return done.stdout


def key(*parts):
    return "/".join(part.encode().hex() for part in parts)


def known(cluster, prefix):
    return etcdctl(cluster, "get", "--prefix", prefix, "--keys-only").split()


def goes_on(scene):
    scene.traffic(2)
    scene.equal()


def master_dies(scene, point, *command):
    """The command is given, dm-master dies at the point and comes back. dmctl would send the command once more: it is gone."""
    cluster = scene.cluster
    cluster.arm(point, MASTER)
    given = cluster.begin(*command)
    cluster.died(point, MASTER)
    given.abandon()
    cluster.start_master()


def sides(*names):
    return [f"etcd/{side}-{name}" for name in names for side in ("before", "after")]


def is_stored(point):
    return "/after-" in point


# -- commands
@pytest.mark.parametrize("point", sides("worker"))
def test_register_a_worker(scene, point):
    cluster = scene.cluster
    cluster.arm(point, MASTER)
    worker = cluster.start_worker("worker2", wait=False)
    cluster.died(point, MASTER)
    cluster.start_master()
    assert ("/dm-worker/r/" + key("worker2") in known(cluster, "/dm-worker/r/")) or worker.alive() or not is_stored(point)
    if not worker.alive():  # its join was refused meanwhile
        cluster.start_worker("worker2")
    wait_for(lambda: cluster.worker_stage("worker2") == "free", lambda: f"worker2 joins\n{cluster.log('worker2')}")
    goes_on(scene)


@pytest.mark.parametrize("point", sides("worker-removal"))
def test_remove_a_worker(scene, point):
    cluster = scene.cluster
    cluster.start_worker("worker2").stop()
    wait_for(lambda: cluster.worker_stage("worker2") == "offline", "worker2 is offline")
    command = ("offline-member", "--worker", "--name", "worker2")
    master_dies(scene, point, *command)
    assert cluster.worker_stage("worker2") == (None if is_stored(point) else "offline")
    again = cluster.ctl(*command, check=False)
    assert again.ok != is_stored(point), again
    assert not is_stored(point) or "not exist" in again.out, again
    assert cluster.worker_stage("worker2") is None
    goes_on(scene)


@pytest.mark.parametrize("point", sides("source", "bind"))
def test_create_a_source(scene, point):
    cluster = scene.cluster
    cluster.start_worker("worker2")
    cluster.arm(point, MASTER)
    path = cluster.write("other.yaml", {"source-id": "other", "from": {
        "host": "127.0.0.1", "port": scene.upstream.port, "user": "dm", "password": "dm-Pa55"}})
    master_dies(scene, point, "operate-source", "create", path)
    there = point != "etcd/before-source"
    assert ("/dm-master/v2/upstream/config/" + key("other") in known(cluster, "/dm-master/v2/upstream/config/")) == there
    again = cluster.ctl("operate-source", "create", path, check=False)
    assert again.ok != there, again
    assert not there or "exist" in again.out, again
    wait_for(lambda: cluster.bound_worker("other") == "worker2", "the source has its worker")
    goes_on(scene)


@pytest.mark.parametrize("point", sides("source-removal"))
def test_remove_a_source(scene, point):
    cluster = scene.cluster
    cluster.start_worker("worker2")
    cluster.create_source("other", scene.upstream)
    master_dies(scene, point, "operate-source", "stop", "other")
    left = [k for prefix in ("/dm-master/v2/upstream/config/", "/dm-master/bound-worker/") for k in known(cluster, prefix)
            if k.endswith((key("other"), key("worker2")))]
    assert bool(left) != is_stored(point), left
    again = cluster.ctl("operate-source", "stop", "other", check=False)
    assert again.ok != is_stored(point), again
    wait_for(lambda: cluster.worker_stage("worker2") == "free", "worker2 is free")
    goes_on(scene)


TASK_KEYS = ("/dm-master/upstream/subtask/", "/dm-master/stage/subtask/")


def task_keys(cluster):
    return [k for prefix in TASK_KEYS for k in known(cluster, prefix)]


@pytest.mark.parametrize("point", [*sides("subtask", "task-records-removal"), "meta/before-drop", "4*meta/before-drop",
                                   "meta/after-drop"])
def test_start_task(scene, point):
    """With --remove-meta: what is removed before the task is stored need not be there when the command is repeated."""
    cluster = scene.cluster
    scene.prepare()
    master_dies(scene, point, "start-task", scene.file(), "--remove-meta")
    stored = point == "etcd/after-subtask"
    assert len(task_keys(cluster)) == (len(TASK_KEYS) if stored else 0)
    again = cluster.ctl("start-task", scene.file(), "--remove-meta", check=False)
    assert again.ok != stored, again
    assert not stored or "exist" in again.out, again
    goes_on(scene)


@pytest.mark.parametrize("point", sides("subtask-update"))
def test_update_task(scene, point):
    """The stored configurations are the old or the new ones as a whole; the command may be repeated."""
    cluster = scene.cluster
    cluster.ctl("pause-task", scene.task)
    cluster.wait_stage(scene.task, "Paused")
    batch = int(re.search(r"batch: (\d+)", cluster.ctl("config", "task", scene.task).json["cfg"])[1]) + 1
    file = scene.file(syncers={"sync": {"batch": batch}})
    master_dies(scene, point, "update-task", file)
    changed = f"batch: {batch}\n" in cluster.ctl("config", "task", scene.task).json["cfg"]
    assert changed == is_stored(point)
    assert cluster.status(scene.task)["stage"] == "Paused"
    cluster.ctl("update-task", file)
    assert f"batch: {batch}\n" in cluster.ctl("config", "task", scene.task).json["cfg"]
    cluster.ctl("resume-task", scene.task)
    goes_on(scene)


@pytest.mark.parametrize("point", sides("subtask-removal"))
def test_stop_task(scene, point):
    cluster = scene.cluster
    master_dies(scene, point, "stop-task", scene.task)
    assert len(task_keys(cluster)) == (0 if is_stored(point) else len(TASK_KEYS))
    again = cluster.ctl("stop-task", scene.task, check=False)
    assert again.ok != is_stored(point), again
    scene.traffic(1)
    scene.start()  # goes on where it was
    goes_on(scene)


@pytest.mark.parametrize("point", sides("stage"))
@pytest.mark.parametrize("command", ["pause-task", "resume-task"])
def test_pause_and_resume(scene, point, command):
    cluster = scene.cluster
    if command == "resume-task":
        cluster.ctl("pause-task", scene.task)
    master_dies(scene, point, command, scene.task)
    paused = (command == "pause-task") == is_stored(point)
    cluster.wait_stage(scene.task, "Paused" if paused else "Running")
    cluster.ctl(command, scene.task)
    cluster.wait_stage(scene.task, "Paused" if command == "pause-task" else "Running")
    if command == "pause-task":
        cluster.ctl("resume-task", scene.task)
    goes_on(scene)


@pytest.mark.parametrize("point", sides("transfer"))
def test_move_a_source(scene, point):
    """A task is started whose dump files another worker has, as its load record says."""
    cluster = scene.cluster
    cluster.start_worker("worker2")
    cluster.ctl("stop-task", scene.task)
    etcdctl(cluster, "put", "/dm-master/load-task/" + key(scene.task, scene.source), '"worker2"')
    wait_for(lambda: "receive load task" in cluster.log(MASTER, 200), "the record is seen")
    cluster.arm(point, MASTER)
    given = cluster.begin("start-task", scene.file())
    cluster.died(point, MASTER)
    given.abandon()
    cluster.start_master()
    wait_for(lambda: cluster.bound_worker(scene.source), "the source has a worker")
    etcdctl(cluster, "del", "/dm-master/load-task/" + key(scene.task, scene.source))
    goes_on(scene)
    if cluster.bound_worker(scene.source) == "worker2":
        cluster.workers["worker2"].stop()
        wait_for(lambda: cluster.bound_worker(scene.source) == "worker1", "the source goes back")


# -- what dm-master does by itself
@pytest.mark.parametrize("point", sides("bind-again"))
def test_a_worker_is_back_before_it_was_missed(scene, point):
    cluster = scene.cluster
    cluster.arm(point, MASTER)
    cluster.workers["worker1"].kill9()
    scene.traffic()
    cluster.start_worker("worker1", wait=False)
    cluster.died(point, MASTER)
    cluster.start_master()
    goes_on(scene)


@pytest.mark.parametrize("point", sides("unbind"))
def test_a_worker_goes(scene, point):
    cluster = scene.cluster
    cluster.start_worker("worker2")
    cluster.arm(point, MASTER)
    scene.traffic()
    cluster.workers["worker1"].stop()
    cluster.died(point, MASTER)
    cluster.start_master()
    wait_for(lambda: cluster.bound_worker(scene.source) == "worker2", "worker2 takes over", timeout=20)
    goes_on(scene)
    cluster.workers["worker2"].stop()
    cluster.start_worker("worker1")
    wait_for(lambda: cluster.bound_worker(scene.source) == "worker1", "worker1 has it again", timeout=20)


LEADING = [*sides("campaign", "former-campaign-end", "lease-grant", "announce"), "etcd/before-withdraw", "etcd/after-withdraw"]


@pytest.mark.parametrize("point", LEADING)
def test_a_master_begins_to_lead(scene, point):
    cluster = scene.cluster
    if "withdraw" in point:
        etcdctl(cluster, "put", "/dm-master/bound-worker/" + key("gone"), "garbage")
    cluster.master.kill9()
    cluster.arm(point, MASTER)
    cluster.start_master(wait=False)
    cluster.died(point, MASTER)
    cluster.start_master()
    assert len(known(cluster, "/dm-master/leader/")) == 1
    assert "/dm-master/bound-worker/" + key("gone") not in known(cluster, "/dm-master/bound-worker/")
    goes_on(scene)


@pytest.mark.parametrize("point", [*sides("campaign-end"), *sides("lease-revoke")])
def test_a_master_leads_no_more(scene, point):
    cluster = scene.cluster
    cluster.arm(point, MASTER)
    if "campaign-end" in point:
        etcdctl(cluster, "del", "--prefix", "/dm-master/leader/")
    else:
        cluster.master.send(15)
    cluster.died(point, MASTER)
    cluster.start_master()
    goes_on(scene)


@pytest.mark.parametrize("point", sides("first-version", "cluster-id", "version"))
def test_first_start_of_a_cluster(tmp_path, point):
    cluster = CrashingCluster(tmp_path)
    try:
        cluster.arm(point, MASTER)
        cluster.start_master(wait=False)
        cluster.died(point, MASTER)
        cluster.start_master()
        assert '"internal-no":4' in etcdctl(cluster, "get", "/dm-cluster/version", "--print-value-only")
        assert known(cluster, "/dm-cluster/id") == ["/dm-cluster/id"]
        cluster.start_worker("worker1")
    finally:
        cluster.stop()


# -- dm-worker
@pytest.mark.parametrize("point", sides("lease-grant", "keepalive"))
def test_a_worker_begins(scene, point):
    scene.cluster.workers["worker1"].kill9()
    scene.traffic()
    scene.arm(point)
    scene.back()
    scene.died(point)
    scene.back()
    goes_on(scene)


@pytest.mark.parametrize("point", sides("lease-revoke"))
def test_a_worker_ends(scene, point):
    scene.arm(point)
    scene.traffic()
    scene.cluster.workers["worker1"].send(15)
    scene.died(point)
    scene.back()
    goes_on(scene)


@pytest.mark.parametrize("point", sides("used-argument"))
def test_start_time_is_used_once(scene, point):
    """The argument is gone when the location that follows from it is stored: rows that came since do not come again."""
    cluster = scene.cluster
    scene.prepare()
    definitions = [scene.upstream.run(f"SHOW CREATE TABLE {SCHEMA}.{table}")[0][1] for table in ("pk", "composite", "nullable", "nokey")]
    scene.upstream.run(f"DROP DATABASE {SCHEMA}", f"CREATE DATABASE {SCHEMA}", f"USE {SCHEMA}", *definitions)
    scene.downstream.run(f"CREATE DATABASE {SCHEMA}", f"USE {SCHEMA}", *definitions)
    made = scene.upstream.value("SELECT NOW()")
    wait_for(lambda: scene.upstream.value("SELECT NOW()") > made, "the next second")
    begin = scene.upstream.value("SELECT NOW()")
    scene.traffic()
    scene.arm(point)
    command = cluster.begin("start-task", scene.file(**{"task-mode": "incremental"}), "--start-time", f"{begin:%Y-%m-%d %H:%M:%S}")
    scene.died(point)
    command.abandon()
    scene.traffic(1)
    scene.back()
    goes_on(scene)
    assert known(cluster, "/dm-master/task-cli-args/") == [] or '"start_time":""' in etcdctl(
        cluster, "get", "--prefix", "/dm-master/task-cli-args/", "--print-value-only")
    scene.cluster.workers["worker1"].kill9()
    scene.back()
    goes_on(scene)
    scene.sound = False  # the next test begins with a full migration
