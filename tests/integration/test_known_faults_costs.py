"""What must cost little: sources without changes, long GTID sets, many tables."""
import time

from dmtest.cost import children, cpu_seconds, forget_peak, peak_mib
from dmtest.migrated import Migrated
from dmtest.servers import MariaDb, MySql9
from dmtest.waiting import lasts, wait_for

SCHEMA = "kfr"


def test_sources_that_are_idle_cost_nothing(servers, cluster):
    """Neither those that wait for a change nor one that is paused; the next change is applied at once."""
    upstream, downstream = servers.get("mariadb", "up"), servers.get("mariadb", "down")
    cluster.start_master()
    tasks = []
    try:
        for i in range(3):
            tasks.append(Migrated(cluster, upstream, downstream, [f"{SCHEMA}{i}"], f"kfr_rest{i}", source=f"s{i}"))
            tasks[-1].replicating("CREATE TABLE t (id INT PRIMARY KEY)", "INSERT INTO t VALUES (0)")
        for task in tasks:
            task.synced()
        cluster.ctl("pause-task", tasks[-1].task)
        processes = {"dm-master": children(cluster.master.pid), **{name: [worker.pid] for name, worker in cluster.workers.items()}}
        before, begin = {name: cpu_seconds(*pids) for name, pids in processes.items()}, time.monotonic()
        lasts(6)
        passed = time.monotonic() - begin
        used = {name: (cpu_seconds(*pids) - before[name]) / passed for name, pids in processes.items()}
        assert all(share < (0.1 if name == "dm-master" else 0.04) for name, share in used.items()), used
        waited = []
        for i in range(1, 9):
            task = tasks[i % 2]
            task.write(f"INSERT INTO t VALUES ({i})")
            begin = time.monotonic()
            wait_for(lambda: task.downstream.value(f"SELECT COUNT(*) FROM {SCHEMA}{i % 2}.t WHERE id = {i}"), "the row arrives", interval=0.005)
            waited.append(time.monotonic() - begin)
        assert min(waited) < 0.2, waited  # the quickest: others may have had to wait for the machine
    finally:
        for task in tasks:
            task.stop()


def test_a_downstream_that_is_away_does_not_fill_the_log(servers, cluster, tmp_path):
    """Nothing is to be written but how far the log has been read."""
    cluster.start_master()
    downstream = MariaDb(tmp_path / "away", 943).start()
    m = Migrated(cluster, servers.get("mariadb", "up"), downstream, [SCHEMA], "kfr_away")
    try:
        m.replicating("CREATE TABLE t (id INT PRIMARY KEY)").synced()
        downstream.stop()
        m.upstream.run("CREATE DATABASE kfr_elsewhere", "DROP DATABASE kfr_elsewhere")
        lasts(8)
        lines = [line for line in cluster.log(m.worker, 1000000).splitlines() if "async flush checkpoint" in line]
        assert 0 < len(lines) <= 4, lines
        downstream.start()
        m.write("INSERT INTO t VALUES (1)")
        m.equal()
    finally:
        m.stop()
        downstream.stop()


def test_a_long_gtid_set_does_not_make_transactions_slower(servers, cluster, tmp_path):
    """CPU of dm-worker for a backlog of small transactions, before and after the upstream's set has got 200 servers of several intervals each."""
    upstream, rows = MySql9(tmp_path / "up", 942).start(), 3000
    m = Migrated(cluster, upstream, servers.get("mysql9", "down"), [SCHEMA], "kfr_set", gtid=True, syncers={"sync": {"checkpoint-flush-interval": 1, "batch": 1}})
    upstream.run("CREATE DATABASE elsewhere", """CREATE PROCEDURE elsewhere.fill(n INT)
        BEGIN WHILE n > 0 DO INSERT INTO kfr.t VALUES (n); SET n = n - 1; END WHILE; END""")

    def cost():
        """Of a backlog of such transactions, for a new task."""
        m.replicating("CREATE TABLE t (id INT PRIMARY KEY)")
        cluster.ctl("pause-task", m.task)
        cluster.wait_stage(m.task, "Paused")
        upstream.run(f"CALL elsewhere.fill({rows})")
        pid = cluster.workers[m.worker].pid
        before = cpu_seconds(pid)
        cluster.ctl("resume-task", m.task)
        wait_for(lambda: m.downstream.value(f"SELECT COUNT(*) FROM {SCHEMA}.t") == rows, "all rows arrive", 120)
        m.synced(90)
        used = cpu_seconds(pid) - before
        m.equal()
        return used

    try:
        cluster.start_master()
        few = cost()
        m.stop()
        intervals = ":".join(f"{i * 1000 + 1}-{i * 1000 + 900}" for i in range(5))
        servers_of_old = ",".join(f"{i:08x}-1111-2222-3333-{i * 7919 + 1:012x}:{intervals}" for i in range(200))
        upstream.run(f"SET GLOBAL gtid_purged = '+{servers_of_old}'")
        many = cost()
        assert m.downstream.value("SELECT LENGTH(binlog_gtid) FROM dm_meta.kfr_set_syncer_checkpoint WHERE is_global = 1") > 10000
        assert many < 2 * few + 0.1, (few, many)
    finally:
        m.stop()
        upstream.stop()


def test_many_tables(cluster, tmp_path):
    """Ten times as many cost ten times as much in check, dump and load, not more, and hardly any memory."""
    quick = {"debug_no_sync": 1, "innodb_flush_log_at_trx_commit": 0, "innodb_file_per_table": 0, "table_open_cache": 2000, "performance_schema": 0}
    server = MariaDb(tmp_path / "both", 943, **quick).start()
    server.run("CREATE DATABASE elsewhere", """CREATE PROCEDURE elsewhere.make(s TEXT, n INT)
        BEGIN WHILE n > 0 DO EXECUTE IMMEDIATE CONCAT('CREATE TABLE ', s, '.t', n, ' (id INT PRIMARY KEY, v VARCHAR(20), KEY (v))'); SET n = n - 1; END WHILE; END""")
    used, peaks = {}, {}
    try:
        cluster.start_master()
        for count in (200, 2000):
            m = Migrated(cluster, server, server, {f"kfr{count}": f"copy{count}"}, f"kfr_{count}", source="many", **{"task-mode": "full"})
            m.prepare()
            server.run(f"USE kfr{count}", f"CALL elsewhere.make('kfr{count}', {count})", "INSERT INTO t7 VALUES (1, 'x')")
            processes = {"dm-master": cluster.master.pid, "dm-worker": cluster.workers[m.worker].pid}
            for pid in processes.values():
                forget_peak(pid)
            before = cpu_seconds(*processes.values())
            cluster.ctl("check-task", m.file())
            m.start()
            cluster.wait_stage(m.task, "Finished", timeout=120)
            used[count] = cpu_seconds(*processes.values()) - before
            peaks[count] = {name: peak_mib(pid) for name, pid in processes.items()}
            assert server.value(f"SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'copy{count}'") == count
            assert server.run(f"SELECT * FROM copy{count}.t7") == ((1, "x"),)
            m.stop()
        assert used[2000] < 15 * used[200] + 0.2, used
        assert all(peaks[2000][name] < peaks[200][name] + 60 for name in processes), peaks
    finally:
        server.stop()
