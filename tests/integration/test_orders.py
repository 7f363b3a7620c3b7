"""What was ordered by a command holds, whatever was away when it was given or is away afterwards."""
import os
import shutil

import pytest

from dmtest.cluster import Cluster
from dmtest.compare import difference
from dmtest.vip import Vip
from dmtest.waiting import wait_for

SCHEMA, OTHER = "od", "od2"


class Port:
    """Of a process, as a Vip takes it."""

    def __init__(self, port):
        self.port = port


@pytest.fixture
def pair(servers):
    upstream, downstream = servers.get("mariadb", "up"), servers.get("mariadb", "down")
    for server in (upstream, downstream):
        server.run(*[f"DROP DATABASE IF EXISTS {name}" for name in (SCHEMA, OTHER, "dm_od")])
    make(upstream)
    return upstream, downstream


def make(upstream):
    for name in (SCHEMA, OTHER):
        upstream.run(f"DROP DATABASE IF EXISTS {name}", f"CREATE DATABASE {name}", f"CREATE TABLE {name}.t (id INT PRIMARY KEY)",
                     f"INSERT INTO {name}.t VALUES (1)")


def task(cluster, target, schemas=(SCHEMA,), **more):
    return cluster.task_file("od", ["src"], target, schemas, **{"meta-schema": "dm_od", "ignore-checking-items": ["all"], **more})


def equal(cluster, pair, *schemas):
    cluster.wait_stage("od", "Running", "Sync")
    cluster.wait_synced("od", pair[0])
    found = difference(*pair, {name: name for name in schemas or (SCHEMA,)})
    assert found is None, found


# -- databases that are away
@pytest.fixture
def far(cluster, pair):
    """A task whose target is behind an address."""
    vip = Vip(pair[1])
    cluster.start_master()
    cluster.start_worker("worker1")
    cluster.create_source("src", pair[0])
    cluster.ctl("start-task", task(cluster, vip))
    cluster.wait_stage("od", "Running", "Sync")
    yield cluster, vip
    vip.stop()


def restart(cluster):
    assert cluster.workers["worker1"].stop() == 0
    cluster.start_worker("worker1")


@pytest.mark.parametrize("moved", [False, True], ids=["restart", "take-over"])
def test_a_paused_task_stays_so_when_a_database_comes_back(far, pair, moved):
    cluster, vip = far
    cluster.ctl("pause-task", "od")
    vip.move(None)
    if moved:
        cluster.start_worker("worker2")
        cluster.take_over("src")
    else:
        restart(cluster)
    cluster.wait_error("od")
    pair[0].run(f"INSERT INTO {SCHEMA}.t VALUES (2)")
    vip.move(pair[1])
    # Its units are there again, and do nothing.
    wait_for(lambda: cluster.status("od")["unit"] in ("Load", "Sync"), "the databases are connected")
    status = cluster.status("od")
    assert status["stage"] == "Paused" and status["result"] is None, status
    assert "stays paused" in cluster.log("worker2" if moved else "worker1", 400)
    assert pair[1].value(f"SELECT COUNT(*) FROM {SCHEMA}.t") == 1
    cluster.ctl("resume-task", "od")
    equal(cluster, pair)


@pytest.mark.parametrize("paused", [False, True], ids=["pause", "resume"])
def test_orders_to_a_task_that_waits_for_a_silent_database(far, pair, paused):
    cluster, vip = far
    if paused:
        cluster.ctl("pause-task", "od")
    silent = Vip.silent()
    vip.move(silent)
    restart(cluster)
    cluster.wait_stage("od", "New")
    if paused:
        cluster.ctl("resume-task", "od", check=False)
        vip.move(pair[1])
    else:
        cluster.ctl("pause-task", "od")
        assert cluster.status("od")["stage"] == "Paused"
        vip.move(pair[1])
        pair[0].run(f"INSERT INTO {SCHEMA}.t VALUES (2)")
        assert pair[1].value(f"SELECT COUNT(*) FROM {SCHEMA}.t") == 1
        cluster.ctl("resume-task", "od")
    equal(cluster, pair)
    silent.close()


# -- a worker that does not hear of what happens in the cluster
@pytest.fixture
def deaf(tmp_path, pair):
    """A cluster whose worker reaches dm-master through an address, and keeps its lease for long."""
    cluster = Cluster(tmp_path / "cluster", keepalive_ttl=60)
    cluster.start_master()
    vip = Vip(Port(cluster.port))
    cluster.start_worker("worker1", flags=[f"--join=127.0.0.1:{vip.port}"])
    cluster.create_source("src", pair[0])
    yield cluster, vip
    cluster.stop()
    vip.stop()


def hears_again(cluster, vip):
    """After a while in which the worker has lost what happened."""
    wait_for(lambda: "taking a new snapshot" in cluster.log("worker1", 400), "the worker gives its streams up", 30)
    vip.move(Port(cluster.port))


def test_a_task_that_was_started_anew_unheard_has_its_new_rules(deaf, pair):
    cluster, vip = deaf
    cluster.ctl("start-task", task(cluster, pair[1]))
    cluster.wait_stage("od", "Running", "Sync")
    vip.move(None)
    assert "38045" in cluster.ctl("stop-task", "od", check=False).out
    cluster.ctl("start-task", task(cluster, pair[1], [OTHER]), "--remove-meta", check=False)
    pair[0].run(f"INSERT INTO {SCHEMA}.t VALUES (2)")
    hears_again(cluster, vip)
    wait_for(lambda: "started anew" in cluster.log("worker1", 400), "the worker takes the new start up", 30)
    equal(cluster, pair, OTHER)


def test_a_finished_task_that_was_started_anew_unheard_runs(deaf, pair):
    cluster, vip = deaf
    cluster.ctl("start-task", task(cluster, pair[1], **{"task-mode": "full"}))
    cluster.wait_stage("od", "Finished")
    vip.move(None)
    cluster.ctl("stop-task", "od", check=False)
    pair[1].run(f"DROP DATABASE {SCHEMA}")
    pair[0].run(f"INSERT INTO {SCHEMA}.t VALUES (2)")
    cluster.ctl("start-task", task(cluster, pair[1], **{"task-mode": "full"}), "--remove-meta", check=False)
    hears_again(cluster, vip)
    wait_for(lambda: "started anew" in cluster.log("worker1", 400), "the worker takes the new start up", 30)
    cluster.wait_stage("od", "Finished")
    found = difference(*pair, {SCHEMA: SCHEMA})
    assert found is None, found


def test_a_source_that_was_made_anew_unheard_is_the_new_one(deaf, pair, servers):
    cluster, vip = deaf
    other = servers.get("mariadb", "up2")
    make(other)
    other.run(f"INSERT INTO {SCHEMA}.t VALUES (3)")
    vip.move(None)
    cluster.ctl("operate-source", "stop", "src", check=False)
    cluster.create_source("src", other, check=False)
    hears_again(cluster, vip)
    cluster.ctl("start-task", task(cluster, pair[1]), check=False)
    equal(cluster, (other, pair[1]))
    assert pair[1].value(f"SELECT COUNT(*) FROM {SCHEMA}.t") == 2


# -- an etcd that is not the one it was
def test_a_worker_hears_an_etcd_that_was_restored_from_a_copy(deaf, pair):
    cluster, _ = deaf
    cluster.ctl("start-task", task(cluster, pair[1]))
    cluster.wait_stage("od", "Running", "Sync")
    data = os.path.join(cluster.dir, "master1", "data")
    assert cluster.master.stop() == 0
    shutil.copytree(data, data + ".copy")
    cluster.start_master()
    for i in range(100):  # goes on for a while
        cluster.etcdctl("put", f"/other/{i}", "x").check_returncode()
    cluster.ctl("pause-task", "od")
    cluster.ctl("resume-task", "od")
    cluster.wait_stage("od", "Running", "Sync")
    assert cluster.master.stop() == 0
    shutil.rmtree(data)
    os.rename(data + ".copy", data)
    cluster.start_master()
    cluster.ctl("pause-task", "od", check=False)
    cluster.wait_stage("od", "Paused")
    cluster.ctl("resume-task", "od")
    pair[0].run(f"INSERT INTO {SCHEMA}.t VALUES (2)")
    equal(cluster, pair)
