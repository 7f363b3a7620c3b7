"""What one task or one process of the cluster waits for does not hold up the others."""
import os
import time

import pytest

from dmtest.cluster import BIN
from dmtest.compare import difference
from dmtest.ports import free_port
from dmtest.process import Process
from dmtest.waiting import wait_for

TASKS = ("qu1", "qu2", "qu3")


@pytest.fixture
def pair(servers):
    upstream, downstream = servers.get("mariadb", "up"), servers.get("mariadb", "down")
    for server in (upstream, downstream):
        server.run(*[f"DROP DATABASE IF EXISTS {task}" for task in TASKS])
    downstream.run(*[f"DROP DATABASE IF EXISTS dm_{task}" for task in TASKS])
    for task in TASKS:
        upstream.run(f"CREATE DATABASE {task}", f"CREATE TABLE {task}.t (id INT PRIMARY KEY, v INT)",
                     f"INSERT INTO {task}.t VALUES (1, 1)")
    return upstream, downstream


def begin(cluster, pair, task):
    cluster.ctl("start-task", cluster.task_file(task, ["src"], pair[1], [task], **{"meta-schema": f"dm_{task}"}))
    cluster.wait_stage(task, "Running", "Sync")


def equal(cluster, pair, *tasks):
    for task in tasks:
        cluster.wait_synced(task, pair[0])
        found = difference(*pair, {task: task})
        assert found is None, found


class Held:
    """An open transaction downstream that keeps the statements of others away from qu1.t."""

    def __init__(self, cluster, pair):
        self.reader = pair[1].connect()
        cursor = self.reader.cursor()
        cursor.execute("BEGIN")
        cursor.execute("SELECT * FROM qu1.t")
        cursor.fetchall()
        pair[0].run("ALTER TABLE qu1.t ADD COLUMN w INT NOT NULL DEFAULT 7")
        wait_for(lambda: cluster.status("qu1")["sync"]["blockingDDLs"], "the status shows the statement that waits", 30)
        assert "ADD COLUMN" in cluster.status("qu1")["sync"]["blockingDDLs"][0]

    def let_go(self):
        self.reader.rollback()
        self.reader.close()


def test_a_statement_that_waits_holds_up_its_own_task_only(cluster, pair):
    cluster.start_master()
    cluster.start_worker("worker1")
    cluster.create_source("src", pair[0])
    begin(cluster, pair, "qu1")
    begin(cluster, pair, "qu2")
    held = Held(cluster, pair)
    refused = cluster.ctl("pause-task", "qu1", check=False)
    assert "38045" in refused.out and "ADD COLUMN" in refused.out and "has not paused task qu1" in refused.out, refused
    assert cluster.status("qu1")["stage"] == "Pausing"
    # The others are as free as before.
    cluster.ctl("pause-task", "qu2")
    assert cluster.status("qu2")["stage"] == "Paused"
    begin(cluster, pair, "qu3")
    cluster.ctl("resume-task", "qu2")
    cluster.wait_stage("qu2", "Running", "Sync")
    cluster.ctl("stop-task", "qu3")
    # The order is carried out when the statement is done.
    held.let_go()
    cluster.wait_stage("qu1", "Paused")
    pair[0].run("INSERT INTO qu1.t VALUES (2, 2, 2)", "INSERT INTO qu2.t VALUES (2, 2)")
    cluster.ctl("resume-task", "qu1")
    cluster.wait_stage("qu1", "Running", "Sync")
    equal(cluster, pair, "qu1", "qu2")


def test_the_end_of_a_worker_does_not_wait_for_a_statement(cluster, pair):
    cluster.start_master()
    cluster.start_worker("worker1")
    cluster.create_source("src", pair[0])
    begin(cluster, pair, "qu1")
    held = Held(cluster, pair)
    begun = time.monotonic()
    assert cluster.workers["worker1"].stop(timeout=60) == 0
    took = time.monotonic() - begun
    assert took > 10, took  # it had its time to end
    assert "ADD COLUMN" in [line for line in open(os.path.join(cluster.dir, "worker1", "dm-worker.log"))
                            if "has not ended in time" in line][0]
    cluster.start_worker("worker1")
    held.let_go()
    cluster.wait_stage("qu1", "Running", "Sync")
    pair[0].run("INSERT INTO qu1.t VALUES (2, 2, 2)")
    equal(cluster, pair, "qu1")


KEY = "/dm-worker/a/776f726b657231"


def test_a_worker_whose_keepalive_key_goes_comes_back(cluster, pair):
    cluster.start_master()
    cluster.start_worker("worker1")
    cluster.create_source("src", pair[0])
    begin(cluster, pair, "qu1")
    assert cluster.etcdctl("del", KEY).stdout.strip() == "1"
    wait_for(lambda: cluster.etcdctl("get", KEY).stdout, "the key is written again", 30)
    wait_for(lambda: cluster.bound_worker("src") == "worker1", "worker1 is bound again", 30)
    pair[0].run("INSERT INTO qu1.t VALUES (2, 2)")
    cluster.wait_stage("qu1", "Running", "Sync")
    equal(cluster, pair, "qu1")


def test_of_two_workers_of_one_name_the_later_one_works(cluster, pair):
    cluster.start_master()
    first = cluster.start_worker("worker1")
    cluster.create_source("src", pair[0])
    begin(cluster, pair, "qu1")
    directory = os.path.join(cluster.dir, "second")
    os.makedirs(directory)
    second = Process(
        "dm-worker second", [f"{BIN}/dm-worker", "--name=worker1", f"--worker-addr=127.0.0.1:{free_port()}",
                             f"--advertise-addr=127.0.0.1:{first.port}", f"--join={cluster.address}",
                             f"--log-file={directory}/dm-worker.log", f"--keepalive-ttl={cluster.keepalive_ttl}"],
        os.path.join(directory, "stdout.log"), cwd=directory)
    second.start()
    cluster.workers["second"] = second
    log = os.path.join(cluster.dir, "worker1", "dm-worker.log")
    wait_for(lambda: "another process with this worker's name has joined" in open(log).read(), "the first one hears of it")
    wait_for(lambda: "subtask created" in cluster.log("second", 1000), "the second one works")
    pair[0].run("INSERT INTO qu1.t VALUES (2, 2)")
    wait_for(lambda: pair[1].value("SELECT COUNT(*) FROM qu1.t") == 2, "the row arrives")
    assert second.stop() == 0
    wait_for(lambda: cluster.bound_worker("src") == "worker1", "the first one is bound again", 30)
    pair[0].run("INSERT INTO qu1.t VALUES (3, 3)")
    cluster.wait_stage("qu1", "Running", "Sync")
    equal(cluster, pair, "qu1")
