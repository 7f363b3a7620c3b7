"""Joining, taking over, restarting; the etcd behind dm-master's port."""
import datetime
import json
import os
import subprocess
import time

import pytest

from dmtest.cluster import BIN
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


ETCDCTL_ENVIRONMENT = {**os.environ, "ETCDCTL_API": "3"}


def equal(cluster, pair):
    cluster.wait_synced("ha", pair[0])
    found = difference(*pair, {"ha": "ha"})
    assert found is None, found


def test_idle_worker_takes_over_a_killed_one(cluster, pair):
    start(cluster, pair, ("worker1", "worker2"))
    cluster.take_over("src")
    pair[0].run("INSERT INTO ha.t VALUES (3, 3)")
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


def test_what_had_stopped_a_task_is_shown_while_its_source_has_no_worker(cluster, pair):
    start(cluster, pair)
    pair[1].run("DROP TABLE ha.t")
    pair[0].run("INSERT INTO ha.t VALUES (3, 3)")
    error = cluster.wait_error("ha", phrase="doesn't exist")
    cluster.workers["worker1"].kill9()
    wait_for(lambda: cluster.bound_worker("src") is None, "the source is unbound", cluster.keepalive_ttl + 10)
    for question in ((), ("ha",), ("-s", "src"), ("--more",)):
        (entry,) = cluster.ctl("query-status", *question).json["sources"]
        (subtask,) = entry["subTaskStatus"]
        assert (entry["result"], subtask["name"], subtask["stage"], subtask["unit"]) == (False, "ha", "InvalidStage", "InvalidUnit"), entry
        assert subtask["result"]["errors"] == [error], (question, entry)
        assert "What had stopped a task" in entry["msg"], entry
    # It is about the task as it was; one that is repaired, or made anew, has none.
    pair[1].run("CREATE TABLE ha.t (id INT PRIMARY KEY, v INT)", "INSERT INTO ha.t VALUES (1, 1), (2, 2)")
    cluster.start_worker("worker1")
    cluster.wait_stage("ha", "Running", "Sync")
    equal(cluster, pair)
    cluster.workers["worker1"].kill9()
    wait_for(lambda: cluster.bound_worker("src") is None, "the source is unbound", cluster.keepalive_ttl + 10)
    (entry,) = cluster.ctl("query-status").json["sources"]
    assert entry["subTaskStatus"][0]["result"] is None and "What had stopped" not in entry["msg"], entry


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


def test_killed_master_leads_again_within_two_seconds(cluster):
    cluster.start_master()
    log = os.path.join(cluster.dir, "master1", "dm-master.log")

    def seconds(text):
        lines = [line for line in open(log) if text in line]
        return datetime.datetime.strptime(lines[-1][1:24], "%Y/%m/%d %H:%M:%S.%f").timestamp()

    took, waited = [], []
    for _ in range(3):
        cluster.master.kill9()
        cluster.start_master()
        took.append(seconds("this member leads the cluster") - seconds("Welcome to dm-master"))
        waited.append(seconds("became leader at term") - seconds("became follower at term"))
    assert min(took) < 2, took
    assert min(waited) < 0.9, waited  # by etcd's own timing 1 to 2 s


def test_refused_start_moves_nothing(cluster, pair):
    """A start-task that is refused leaves no start time behind, which the next resume would follow."""
    start(cluster, pair)
    pair[0].run("INSERT INTO ha.t VALUES (7, 7)")
    equal(cluster, pair)
    cluster.ctl("pause-task", "ha")
    pair[0].run("INSERT INTO ha.t VALUES (8, 8)")
    refused = cluster.ctl("start-task", os.path.join(cluster.dir, "task-ha.yaml"), "--start-time",
                          "2100-01-01 00:00:00", check=False)
    assert not refused.ok and "46014" in refused.out, refused
    keys = cluster.etcdctl("get", "--prefix", "/dm-master/task-cli-args/", "--keys-only")
    assert keys.stdout.strip() == "", keys
    cluster.ctl("resume-task", "ha")
    cluster.wait_stage("ha", "Running", "Sync")
    equal(cluster, pair)


def test_a_new_life_has_epochs_of_its_own(cluster, pair):
    start(cluster, pair)
    epochs = [int(row[0]) for row in pair[1].run("SELECT epoch FROM dm_ha.ha_owner WHERE slot >= 0")]
    cluster.ctl("stop-task", "ha")
    pair[1].run("DROP DATABASE ha")
    cluster.ctl("start-task", os.path.join(cluster.dir, "task-ha.yaml"), "--remove-meta")
    cluster.wait_stage("ha", "Running", "Sync")
    later = [int(row[0]) for row in pair[1].run("SELECT epoch FROM dm_ha.ha_owner WHERE slot >= 0")]
    assert min(later) > max(epochs), (epochs, later)
    equal(cluster, pair)


def test_data_directory_without_its_log(cluster):
    cluster.start_master()
    cluster.start_worker("worker1")
    assert cluster.master.stop() == 0
    member = os.path.join(cluster.dir, "master1", "data", "member")
    os.rename(f"{member}/wal", f"{member}/away")
    cluster.master.start()
    assert cluster.master.wait() == 2
    log = cluster.log("master1")
    assert "38038" in log and "member/wal" in log and "config import" in log, log
    os.rename(f"{member}/away", f"{member}/wal")
    cluster.start_master()
    wait_for(lambda: cluster.worker_stage("worker1") == "free", "worker1 is known")


def test_worker_with_an_unusable_name_is_refused(cluster):
    cluster.start_master()
    done = subprocess.run([f"{BIN}/dm-worker".encode(), b"--name=w\xff", b"--worker-addr=127.0.0.1:1",
                           f"--join={cluster.address}".encode()], cwd=cluster.dir, timeout=60,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 2, done
    assert b"is no name for a dm-worker" in done.stdout, done
    cluster.master.kill9()
    cluster.start_master()
    cluster.start_worker("worker1")


def test_unreadable_records_do_not_keep_the_master_from_leading(cluster, pair):
    start(cluster, pair)
    cluster.etcdctl("put", "/dm-worker/r/776fff", '{"name":')
    cluster.etcdctl("put", "/dm-master/load-task/nohex", "x")
    cluster.etcdctl("put", "/dm-master/bound-worker/776f", "garbage")
    cluster.etcdctl("put", "/dm-cluster/version", "garbage")
    cluster.etcdctl("put", "/dm-master/leader/0", "garbage")
    cluster.master.kill9()
    cluster.start_master()
    assert "/dm-worker/r/776fff" in open(os.path.join(cluster.dir, "master1", "dm-master.log")).read()
    pair[0].run("INSERT INTO ha.t VALUES (9, 9)")
    cluster.wait_stage("ha", "Running", "Sync")
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
    keys = cluster.etcdctl("get", "--prefix", "", "--keys-only").stdout.split()
    for key in ["/dm-worker/r/776f726b657231", "/dm-worker/a/776f726b657231", "/dm-master/bound-worker/776f726b657231",
                "/dm-master/v2/upstream/config/737263", "/dm-master/upstream/subtask/737263/6861",
                "/dm-master/stage/subtask/737263/6861", "/dm-cluster/version"]:
        assert key in keys, keys
    stage = cluster.etcdctl("get", "/dm-master/stage/subtask/737263/6861", "--print-value-only").stdout.strip()
    assert json.loads(stage) == {"expect": 2, "source": "src", "task": "ha"}
    watch = subprocess.Popen(["etcdctl", "--endpoints", cluster.address, "watch", "seen"], env={**os.environ, "ETCDCTL_API": "3"}, text=True,
                             stdout=subprocess.PIPE)
    lease = cluster.etcdctl("lease", "grant", "30").stdout.split()[1]

    def put_is_seen():
        cluster.etcdctl("put", "seen", "yes", f"--lease={lease}")
        import select
        return select.select([watch.stdout], [], [], 1)[0]

    try:
        wait_for(put_is_seen, "the watch sees a put")
        assert watch.stdout.readline().strip() == "PUT"
    finally:
        watch.kill()
        watch.wait(60)
    alive = cluster.etcdctl("lease", "keep-alive", "--once", lease)
    assert "keepalived" in alive.stdout, alive
    assert cluster.etcdctl("del", "seen").stdout.strip() == "1"


def test_http_of_both_programs(cluster, pair):
    start(cluster, pair)
    for port in (cluster.port, cluster.workers["worker1"].port):
        assert cluster.http("/status", port).startswith("Release Version: ")
        assert "process_cpu_seconds_total" in cluster.http("/metrics", port)
    import urllib.error
    status = json.loads(cluster.http("/apis/v1alpha1/status/ha"))
    assert status["result"] and status["sources"][0]["subTaskStatus"][0]["name"] == "ha", status
    with pytest.raises(urllib.error.HTTPError) as missing:  # `openapi` is off
        cluster.http("/api/v1/tasks")
    assert missing.value.code == 404
