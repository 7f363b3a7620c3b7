"""The address of a source leads to another server of the same data: a replica that was promoted."""
import re

import pytest
from dmtest.migrated import Migrated
from dmtest.proxy import Proxy
from dmtest.servers import PASSWORD, USER, MariaDb, MySql9
from dmtest.waiting import wait_for

SCHEMA = "failover"
KINDS = {
    "mariadb": (MariaDb, {"log-slave-updates": "ON", "gtid-strict-mode": "ON"},
                "CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = {port}, MASTER_USER = '{user}', MASTER_PASSWORD = '{password}', "
                "MASTER_USE_GTID = slave_pos",
                "START SLAVE", "STOP SLAVE", "SHOW SLAVE STATUS", "SELECT @@gtid_binlog_pos"),
    "mysql9": (MySql9, {},
               "CHANGE REPLICATION SOURCE TO SOURCE_HOST = '127.0.0.1', SOURCE_PORT = {port}, SOURCE_USER = '{user}', "
               "SOURCE_PASSWORD = '{password}', SOURCE_AUTO_POSITION = 1, GET_SOURCE_PUBLIC_KEY = 1",
               "START REPLICA", "STOP REPLICA", "SHOW REPLICA STATUS", "SELECT @@gtid_executed"),
}


@pytest.fixture(params=KINDS)
def promoted(request, tmp_path, servers, cluster):
    """A task by GTID behind a proxy, and a function that leads the proxy to a replica with another binlog name."""
    server_class, options, change, begin, end, state, executed = KINDS[request.param]
    first = server_class(tmp_path / "first", 881, **options).start()
    second = server_class(tmp_path / "second", 882, **options, **{"log-bin": "other-bin"}).start()
    proxy = Proxy(first)
    cluster.start_master()
    task = Migrated(cluster, first, servers.get("mariadb", "down"), [SCHEMA], SCHEMA, gtid=True, via=proxy)

    def promote():
        goal = first.value(executed)
        wait_for(lambda: second.value(executed) == goal, lambda: f"the replica has {second.value(executed)}, not {goal}: {second.run(state)}")
        second.run(end)
        first.kill9()
        proxy.server = task.upstream = second
        proxy.cut_all()

    second.run(change.format(port=first.port, user=USER, password=PASSWORD), begin)
    yield task, promote
    task.stop()
    proxy.stop()
    for server in (first, second):
        server.stop()


def file_names(task):
    status = task.cluster.status(task.task)
    if status is None or status["stage"] != "Running" or "sync" not in status:
        return None
    return {key: re.sub(r"[^a-z-].*", "", status["sync"][key].lstrip("(")) for key in ("masterBinlog", "syncerBinlog")}


def test_the_status_names_the_file_of_the_new_server_while_nothing_is_written(promoted):
    task, promote = promoted
    task.replicating("CREATE TABLE t (id INT PRIMARY KEY, v INT)", "INSERT INTO t VALUES (1, 1)")
    task.write("INSERT INTO t VALUES (2, 2)")
    task.equal()
    assert file_names(task) == {"masterBinlog": "mysql-bin", "syncerBinlog": "mysql-bin"}
    promote()
    new = {"masterBinlog": "other-bin", "syncerBinlog": "other-bin"}
    wait_for(lambda: file_names(task) == new, lambda: f"the status names the new server's files; now {file_names(task)}", timeout=90)
    status = task.cluster.status(task.task)["sync"]
    assert status["synced"] is True, status
    task.write("UPDATE t SET v = 3 WHERE id = 1", "INSERT INTO t VALUES (3, 3)")
    task.equal()
    task.restart_worker("DELETE FROM t WHERE id = 2", "CREATE TABLE later (id INT)", "INSERT INTO later VALUES (1)")
    task.equal()


def test_a_log_that_was_begun_anew_is_refused_each_time(tmp_path, servers, cluster):
    """Also where the old position is a border of events in the new log."""
    upstream = MariaDb(tmp_path / "up", 883).start()
    cluster.start_master()
    task = Migrated(cluster, upstream, servers.get("mariadb", "down"), [SCHEMA], "anew", syncers={"sync": {"checkpoint-flush-interval": 1}})
    create = "CREATE TABLE t (id INT PRIMARY KEY, v INT)"
    try:
        task.replicating(create)
        task.write(*(f"INSERT INTO t VALUES ({i}, {i})" for i in range(100, 120)))
        task.equal()
        cluster.ctl("pause-task", task.task)
        state = "SELECT value FROM dm_meta.anew_syncer_state WHERE name = 'upstream'"
        log = task.downstream.value(state)
        assert log
        upstream.run("RESET MASTER", f"DROP DATABASE {SCHEMA}", f"CREATE DATABASE {SCHEMA} DEFAULT CHARACTER SET utf8mb4")
        task.write(create, *(f"INSERT INTO t VALUES ({i}, {i})" for i in range(200, 240)))
        for _ in range(3):
            cluster.ctl("resume-task", task.task)
            cluster.wait_error(task.task, 36069, "was begun anew")
            assert task.downstream.value(state) == log
        assert task.downstream.value(f"SELECT COUNT(*) FROM {SCHEMA}.t WHERE id >= 200") == 0
        task.stop()
    finally:
        upstream.stop()
