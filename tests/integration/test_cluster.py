"""Joining, taking over, restarting; the etcd behind dm-master's port."""
import json
import os
import subprocess
import time

import pytest

from dmtest.compare import difference
from dmtest.waiting import wait_for


@pytest.fixture
def pair(servers):
    upstream, downstream = servers.get("mariadb", "up"), servers.get("mariadb", "down")
    for server in (upstream, downstream):
        server.run("DROP DATABASE IF EXISTS ha")
    downstream.run("DROP DATABASE IF EXISTS dm_ha")
    upstream.run("CREATE DATABASE ha", "CREATE TABLE ha.t (id INT PRIMARY KEY, v INT)",
                 "INSERT INTO ha.t VALUES (1, 1), (2, 2)")
    return upstream, downstream


def start(cluster, pair, workers=("worker1",)):
    cluster.start_master()
    for worker in workers:
        cluster.start_worker(worker)
    cluster.create_source("src", pair[0])
    cluster.ctl("start-task", cluster.task_file("ha", ["src"], pair[1], ["ha"], **{"meta-schema": "dm_ha"}))
    cluster.wait_stage("ha", "Running", "Sync")


def equal(cluster, pair):
    cluster.wait_synced("ha", pair[0])
    found = difference(*pair, {"ha": "ha"})
    assert found is None, found


def test_idle_worker_takes_over_a_killed_one(cluster, pair):
    start(cluster, pair, ("worker1", "worker2"))
    active = cluster.bound_worker("src")
    idle = {"worker1": "worker2", "worker2": "worker1"}[active]
    assert cluster.worker_stage(idle) == "free"
    cluster.workers[active].kill9()
    pair[0].run("INSERT INTO ha.t VALUES (3, 3)")
    wait_for(lambda: cluster.bound_worker("src") == idle, "the idle worker is bound", timeout=cluster.keepalive_ttl + 10)
    assert cluster.worker_stage(active) == "offline"
    cluster.wait_stage("ha", "Running", "Sync")
    equal(cluster, pair)


def test_orderly_stop_hands_over_at_once(cluster, pair):
    start(cluster, pair, ("worker1", "worker2"))
    active = cluster.bound_worker("src")
    begin = time.monotonic()
    assert cluster.workers[active].stop() == 0
    wait_for(lambda: cluster.bound_worker("src") not in (None, active), "the idle worker is bound")
    assert time.monotonic() - begin < cluster.keepalive_ttl
    pair[0].run("DELETE FROM ha.t WHERE id = 1")
    cluster.wait_stage("ha", "Running", "Sync")
    equal(cluster, pair)


def test_paused_stays_paused_through_a_take_over(cluster, pair):
    start(cluster, pair, ("worker1", "worker2"))
    cluster.ctl("pause-task", "ha")
    active = cluster.bound_worker("src")
    cluster.workers[active].stop()
    wait_for(lambda: cluster.bound_worker("src") not in (None, active), "the idle worker is bound")
    cluster.wait_stage("ha", "Paused")
    pair[0].run("INSERT INTO ha.t VALUES (4, 4)")
    cluster.ctl("resume-task", "ha")
    cluster.wait_stage("ha", "Running", "Sync")
    equal(cluster, pair)


def test_worker_restarted_faster_than_its_lease(cluster, pair):
    start(cluster, pair)
    cluster.workers["worker1"].kill9()
    cluster.start_worker("worker1", wait=False)
    pair[0].run("UPDATE ha.t SET v = 20 WHERE id = 2")
    cluster.wait_stage("ha", "Running", "Sync")
    equal(cluster, pair)


def test_master_restarts_and_leads_again_soon(cluster, pair):
    start(cluster, pair)
    before = cluster.ctl("query-status", "ha").json["sources"][0]["subTaskStatus"][0]["stage"]
    assert before == "Running"
    cluster.master.kill9()
    begin = time.monotonic()
    cluster.start_master()
    assert time.monotonic() - begin < 15
    pair[0].run("INSERT INTO ha.t VALUES (5, 5)")
    cluster.wait_stage("ha", "Running", "Sync")
    equal(cluster, pair)
    assert cluster.master.stop() == 0
    cluster.start_master()
    equal(cluster, pair)


def test_worker_stops_writing_when_the_cluster_is_gone(cluster, pair):
    """Without dm-master the lease runs out: the task is killed; with it back, it goes on."""
    start(cluster, pair)
    assert cluster.master.stop() == 0
    log = os.path.join(cluster.dir, "worker1", "dm-worker.log")
    wait_for(lambda: "the lease could not be renewed in time" in open(log).read(), "the worker fences itself",
             timeout=cluster.keepalive_ttl * 3)
    pair[0].run("INSERT INTO ha.t VALUES (6, 6)")
    port = cluster.workers["worker1"].port
    assert "Release Version" in cluster.http("/status", port)
    assert pair[1].value("SELECT COUNT(*) FROM ha.t WHERE id = 6") == 0
    cluster.start_master()
    cluster.wait_stage("ha", "Running", "Sync", timeout=90)
    equal(cluster, pair)


def test_etcd_behind_the_port(cluster, pair):
    start(cluster, pair)
    environment = {**os.environ, "ETCDCTL_API": "3"}

    def etcdctl(*args, **options):
        return subprocess.run(["etcdctl", "--endpoints", cluster.address, *args], env=environment, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=20, **options)

    keys = etcdctl("get", "--prefix", "", "--keys-only").stdout.split()
    for key in ["/dm-worker/r/776f726b657231", "/dm-worker/a/776f726b657231", "/dm-master/bound-worker/776f726b657231",
                "/dm-master/v2/upstream/config/737263", "/dm-master/upstream/subtask/737263/6861",
                "/dm-master/stage/subtask/737263/6861", "/dm-cluster/version"]:
        assert key in keys, keys
    stage = etcdctl("get", "/dm-master/stage/subtask/737263/6861", "--print-value-only").stdout.strip()
    assert json.loads(stage) == {"expect": 2, "source": "src", "task": "ha"}
    watch = subprocess.Popen(["etcdctl", "--endpoints", cluster.address, "watch", "seen"], env=environment, text=True,
                             stdout=subprocess.PIPE)
    lease = etcdctl("lease", "grant", "30").stdout.split()[1]

    def put_is_seen():
        etcdctl("put", "seen", "yes", f"--lease={lease}")
        import select
        return select.select([watch.stdout], [], [], 1)[0]

    wait_for(put_is_seen, "the watch sees a put")
    assert watch.stdout.readline().strip() == "PUT"
    watch.kill()
    watch.wait()
    alive = etcdctl("lease", "keep-alive", "--once", lease)
    assert "keepalived" in alive.stdout, alive
    assert etcdctl("del", "seen").stdout.strip() == "1"


def test_http_of_both_programs(cluster, pair):
    start(cluster, pair)
    for port in (cluster.port, cluster.workers["worker1"].port):
        assert cluster.http("/status", port).startswith("Release Version: ")
        assert "process_cpu_seconds_total" in cluster.http("/metrics", port)
    import urllib.error
    with pytest.raises(urllib.error.HTTPError) as refused:
        cluster.http("/api/v1/tasks")
    assert refused.value.code == 501
    assert "error_code" in refused.value.read().decode()
