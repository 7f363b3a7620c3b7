"""Full migration that is interrupted: processes killed, targets and upstreams that go away, tasks that are started anew,
directories and tables that are not what they were."""
import os
import shutil
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from dmtest.cluster import Cluster
from dmtest.compare import difference
from dmtest.servers import PASSWORD, MariaDb
from dmtest.waiting import wait_for

SCHEMA = "fc"


@pytest.fixture(scope="module")
def home(tmp_path_factory, servers):
    """The cluster that the tests of this file share; each starts the workers itself."""
    cluster = Cluster.of_pair(
        tmp_path_factory.mktemp("full-crash"), servers.get("mariadb", "up"), servers.get("mariadb", "down"))
    cluster.workers["worker1"].stop()
    yield cluster
    cluster.stop()


@pytest.fixture
def migration(servers, home):
    """The cluster, without tasks and workers, with an empty schema upstream."""
    cluster = home
    cluster.upstream, cluster.downstream = servers.get("mariadb", "up"), servers.get("mariadb", "down")
    for server in (cluster.upstream, cluster.downstream):
        for name in (SCHEMA, "fc2"):
            server.run(f"DROP DATABASE IF EXISTS {name}")
    cluster.downstream.run("DROP DATABASE IF EXISTS dm_fc")
    cluster.upstream.run(f"CREATE DATABASE {SCHEMA}")
    yield cluster
    for task in ("fc", "dump"):
        cluster.ctl("stop-task", task, check=False)
    for name, child in cluster.workers.items():
        child.stop()
        log = os.path.join(cluster.dir, name, "dm-worker.log")
        if os.path.exists(log):
            os.remove(log)
    for directory, _, _ in os.walk(cluster.dir):
        if os.path.basename(directory).startswith("dumped_data"):
            shutil.rmtree(directory)


def worker(cluster, failpoints=None):
    cluster.start_worker("worker1", failpoints=failpoints)


def start(cluster, mode, *args, name="fc", schemas=(SCHEMA,), **more):
    path = cluster.task_file(name, ["src"], cluster.downstream, schemas, **{"task-mode": mode, "meta-schema": "dm_fc", **more})
    cluster.ctl("start-task", path, *args)


def numbers(server, table, count, definition="id INT PRIMARY KEY, v VARCHAR(20)"):
    server.run(f"CREATE TABLE {SCHEMA}.{table} ({definition})",
               f"INSERT INTO {SCHEMA}.{table} SELECT seq, CONCAT('v', seq) FROM {SCHEMA}.seq_1_to_{count}")


def same(cluster, schemas=None):
    found = difference(cluster.upstream, cluster.downstream, schemas or {SCHEMA: SCHEMA})
    assert found is None, found


def count(server, table, schema=SCHEMA):
    try:
        return server.value(f"SELECT COUNT(*) FROM {schema}.{table}")
    except Exception:
        return None


DUMP_NO_LOCK = {"mydumpers": {"dump": {"rows": 200, "threads": 1, "extra-args": "--consistency none"}}}


class HeldDump:
    """Runs a task up to a moment in its dump at which table `a` is loaded and table `z` still waits for a lock."""

    def __init__(self, cluster, *args, keyless=False, **more):
        self.cluster = cluster
        definition = "a INT, b VARCHAR(20)" if keyless else "id INT PRIMARY KEY, v VARCHAR(20)"
        numbers(cluster.upstream, "a", 600, definition)
        cluster.upstream.run(f"CREATE TABLE {SCHEMA}.b_empty (id INT PRIMARY KEY)")
        numbers(cluster.upstream, "z", 100)
        self.holder = cluster.upstream.connect()
        self.holder.cursor().execute(f"LOCK TABLES {SCHEMA}.z WRITE")
        start(cluster, "all", *args, **{**DUMP_NO_LOCK, "ignore-checking-items": ["all"], **more})
        wait_for(lambda: count(cluster.downstream, "a") == 600, lambda: f"table a is loaded ahead\n{cluster.log('worker1')}")
        assert cluster.status("fc")["unit"] == "Dump"
        waiting = f"SELECT id FROM information_schema.processlist WHERE state LIKE 'Waiting for table%' AND info LIKE '%`{SCHEMA}`.`z`%'"
        wait_for(lambda: cluster.upstream.run(waiting), lambda: f"table z is waited for: {cluster.upstream.run('SHOW FULL PROCESSLIST')}")

    def release(self):
        self.holder.cursor().execute("UNLOCK TABLES")
        self.holder.close()


def sync_and_compare(cluster):
    cluster.wait_stage("fc", "Running", "Sync")
    cluster.wait_synced("fc", cluster.upstream)
    same(cluster)


# -- rows of a dump that was given up
@pytest.mark.parametrize("keyless", [False, True], ids=["key", "keyless"])
@pytest.mark.parametrize("args", [[], ["--remove-meta"]], ids=["stop-start", "remove-meta"])
def test_rows_of_an_unfinished_dump_do_not_stay(migration, args, keyless):
    worker(migration)
    held = HeldDump(migration, keyless=keyless)
    migration.ctl("stop-task", "fc")
    migration.upstream.run(f"DELETE FROM {SCHEMA}.a WHERE {'a' if keyless else 'id'} = 5")
    held.release()
    start(migration, "all", *args)
    sync_and_compare(migration)


def test_rows_of_others_are_never_removed(migration):
    worker(migration)
    held = HeldDump(migration)
    # A table that is claimed, but into which no row was loaded; and one with a row that is not ours.
    migration.downstream.run(f"INSERT INTO {SCHEMA}.b_empty VALUES (1)", f"INSERT INTO {SCHEMA}.a VALUES (100000, 'mine')")
    migration.ctl("pause-task", "fc")
    held.release()
    migration.ctl("resume-task", "fc")
    error = migration.wait_error("fc", 34018, "`fc`.`a`")
    assert "601 rows" in error["Message"] and "600" in error["Message"], error
    assert count(migration.downstream, "a") == 601
    migration.downstream.run(f"DELETE FROM {SCHEMA}.a WHERE id = 100000")
    migration.ctl("resume-task", "fc", check=False)
    migration.wait_stage("fc", "Running", "Sync")
    migration.wait_synced("fc", migration.upstream)
    assert count(migration.downstream, "b_empty") == 1
    migration.downstream.run(f"DELETE FROM {SCHEMA}.b_empty")
    same(migration)


def test_killed_while_it_empties_tables(migration):
    worker(migration, "load/after-empty=kill")
    held = HeldDump(migration)
    migration.ctl("pause-task", "fc")
    migration.upstream.run(f"DELETE FROM {SCHEMA}.a WHERE id BETWEEN 10 AND 20")
    held.release()
    migration.ctl("resume-task", "fc", check=False)
    migration.wait_killed()
    worker(migration)
    sync_and_compare(migration)


def test_a_table_that_loses_its_transactions_before_the_lock(migration, tmp_path):
    """Its rows are read under the lock, so that none of them is in the dump and behind its position."""
    before, after = tmp_path / "before", tmp_path / "after"
    worker(migration, f"dump/before-lock=pause({before});dump/after-unlock=pause({after})")
    numbers(migration.upstream, "a", 10, "a INT, b VARCHAR(20)")
    numbers(migration.upstream, "z", 10)

    def connections():
        return migration.upstream.value("SELECT COUNT(*) FROM information_schema.processlist")

    others = connections()
    start(migration, "all", **{"mydumpers": {"dump": {"threads": 9}}, "ignore-checking-items": ["all"]})
    wait_for(lambda: connections() >= others + 9, "the dump's connections are there")
    migration.upstream.run(f"ALTER TABLE {SCHEMA}.a ENGINE=MyISAM")
    before.touch()
    wait_for(lambda: "the upstream is unlocked" in migration.log("worker1", 400), "the dump has its position")
    migration.upstream.run(f"INSERT INTO {SCHEMA}.a VALUES (100, 'later')")
    after.touch()
    migration.wait_stage("fc", "Running", "Sync")
    migration.wait_synced("fc", migration.upstream)
    assert count(migration.downstream, "a") == 11
    found = difference(migration.upstream, migration.downstream, {SCHEMA: SCHEMA}, definitions=False)
    assert found is None, found


# -- a process that slept through the end of its right to write
def take_over(server):
    """What another run does before it writes."""
    server.run("UPDATE dm_fc.fc_owner SET epoch = epoch + 1 WHERE slot >= 0")


@pytest.mark.parametrize("made", [True, False], ids=["drop", "empty"])
def test_tables_of_a_successor_are_not_removed(migration, tmp_path, made):
    """It had looked, and wakes up between that and its DROP or TRUNCATE."""
    gate = tmp_path / "gate"
    if not made:
        migration.downstream.run(f"CREATE DATABASE {SCHEMA}", f"CREATE TABLE {SCHEMA}.a (id INT PRIMARY KEY, v VARCHAR(20))")
    worker(migration)
    held = HeldDump(migration)
    migration.workers["worker1"].kill9()
    held.release()
    worker(migration, f"load/before-remove=pause({gate})")
    wait_for(lambda: "what an unfinished dump has brought is removed" in migration.log("worker1", 400), "the load wants to remove its rows")
    take_over(migration.downstream)
    gate.touch()
    wait_for(lambda: "another run of this task and source has taken over" in migration.log("worker1", 400),
             lambda: f"the load notices\n{migration.log('worker1')}")
    assert count(migration.downstream, "a") == 600
    # Whoever is the successor by then, does it.
    migration.ctl("resume-task", "fc", check=False)
    sync_and_compare(migration)


def test_tables_of_a_former_definition_are_not_made(migration, tmp_path):
    gate = tmp_path / "gate"
    worker(migration, f"load/before-make-table=pause({gate})")
    numbers(migration.upstream, "a", 10)
    start(migration, "all")
    wait_for(lambda: migration.downstream.run("SELECT 1 FROM dm_fc.fc_loader_checkpoint WHERE filename = 'made:fc.a'"),
             "the load wants to make the table")
    take_over(migration.downstream)
    gate.touch()
    wait_for(lambda: "another run of this task and source has taken over" in migration.log("worker1", 400),
             lambda: f"the load notices\n{migration.log('worker1')}")
    # Not made by that statement; the load after the dump is the successor here.
    sync_and_compare(migration)


def test_a_load_that_lost_its_right_goes_on_by_itself(migration, tmp_path):
    """Another run, which was not the right one, began and is gone."""
    gate = tmp_path / "gate"
    worker(migration, f"load/after-chunk=pause({gate})")
    numbers(migration.upstream, "a", 2000)
    files = {"mydumpers": {"dump": {"rows": 200, "threads": 1}}, "loaders": {"load": {"pool-size": 1}}}
    start(migration, "dump", **files)
    migration.wait_stage("fc", "Finished")
    migration.ctl("stop-task", "fc")
    start(migration, "load&sync", **files)
    wait_for(lambda: count(migration.downstream, "a"), lambda: f"the load begins\n{migration.log('worker1')}")
    take_over(migration.downstream)
    gate.touch()
    wait_for(lambda: "another run of this task and source has taken over" in migration.log("worker1", 400),
             lambda: f"the load notices\n{migration.log('worker1')}")
    sync_and_compare(migration)


def test_a_statement_of_a_former_run_is_waited_for(migration):
    """It holds a lock of its session until it has ended, also if its process is gone."""
    name = 14695981039346656037
    for byte in b"dm_fc/fc/src":
        name = (name ^ byte) * 1099511628211 % 2**64
    holder = migration.downstream.connect()
    cursor = holder.cursor()
    cursor.execute(f"SELECT GET_LOCK('dm_owner_{name:016x}_1', 1)")
    assert cursor.fetchall() == ((1,),)
    worker(migration)
    numbers(migration.upstream, "a", 10)
    start(migration, "all")
    wait_for(lambda: "a statement of the former owner is in flight" in migration.log("worker1", 400),
             lambda: f"the run waits\n{migration.log('worker1')}")
    assert count(migration.downstream, "a") is None
    holder.close()
    sync_and_compare(migration)


def test_a_definition_is_known_again_whatever_the_mode_prints(migration):
    """The load's sessions have the upstream's sql_mode, others the server's: the same table has other quotes in each."""
    mode = migration.upstream.value("SELECT @@global.sql_mode")
    migration.upstream.run("SET GLOBAL sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES'")
    try:
        worker(migration)
        held = HeldDump(migration)
        migration.ctl("stop-task", "fc")
        held.release()
        migration.upstream.run(f"ALTER TABLE {SCHEMA}.a DROP COLUMN v")
        start(migration, "all", "--remove-meta")
        migration.wait_stage("fc", "Running", "Sync")
        assert not migration.downstream.run(f"SHOW COLUMNS FROM {SCHEMA}.a LIKE 'v'")
        sync_and_compare(migration)
    finally:
        migration.upstream.run(f"SET GLOBAL sql_mode = '{mode}'")


# -- definitions that change upstream during a full migration
REDEFINE = (
    f"ALTER TABLE {SCHEMA}.a ADD COLUMN extra INT DEFAULT 7 FIRST, MODIFY v VARCHAR(40)",
    f"UPDATE {SCHEMA}.a SET v = REPEAT('x', 30) WHERE id = 3",
    f"RENAME TABLE {SCHEMA}.b_empty TO {SCHEMA}.b_other",
)


@pytest.mark.parametrize("args", [[], ["--remove-meta"]], ids=["stop-start", "remove-meta"])
def test_definitions_that_change_between_two_dumps(migration, args):
    worker(migration)
    migration.upstream.run(f"CREATE TABLE {SCHEMA}.a_counted (id INT AUTO_INCREMENT PRIMARY KEY) PARTITION BY HASH (id) PARTITIONS 2",
                           f"INSERT INTO {SCHEMA}.a_counted VALUES (), (), (), (), ()")
    held = HeldDump(migration)
    wait_for(lambda: count(migration.downstream, "a_counted") == 5, "the partitioned table is loaded ahead")
    migration.ctl("stop-task", "fc")
    held.release()
    migration.upstream.run(*REDEFINE, f"ALTER TABLE {SCHEMA}.a_counted ADD COLUMN late INT")
    start(migration, "all", *args)
    sync_and_compare(migration)


@pytest.mark.parametrize("point", ["load/before-make-table", "load/after-make-table"])
def test_killed_while_it_makes_a_table(migration, point):
    worker(migration, f"{point}=kill")
    numbers(migration.upstream, "a", 10)
    migration.upstream.run(f"CREATE TABLE {SCHEMA}.b_empty (id INT PRIMARY KEY)")
    start(migration, "all")
    migration.wait_killed()
    if point == "load/before-make-table":
        migration.upstream.run(*REDEFINE)
    worker(migration)
    sync_and_compare(migration)


def test_a_table_that_somebody_makes_meanwhile_is_not_dropped(migration):
    """The load wanted to make it, and was killed before."""
    worker(migration, "load/before-make-table=kill")
    numbers(migration.upstream, "a", 10)
    start(migration, "all")
    migration.wait_killed()
    migration.downstream.run(f"CREATE TABLE {SCHEMA}.a (id INT PRIMARY KEY, v VARCHAR(20), mine INT)")
    worker(migration)
    migration.wait_stage("fc", "Running", "Sync")
    migration.wait_synced("fc", migration.upstream)
    assert migration.downstream.run(f"SHOW COLUMNS FROM {SCHEMA}.a LIKE 'mine'")
    assert count(migration.downstream, "a") == 10


def test_tables_that_somebody_else_made_are_not_dropped(migration):
    worker(migration)
    migration.downstream.run(f"CREATE DATABASE {SCHEMA}",
                             f"CREATE TABLE {SCHEMA}.a (id INT PRIMARY KEY, v VARCHAR(20), mine INT, KEY mine (mine))")
    held = HeldDump(migration)
    # One that the load has made is that of somebody else as soon as its definition is changed.
    migration.downstream.run(f"ALTER TABLE {SCHEMA}.b_empty ADD COLUMN mine INT")
    migration.ctl("stop-task", "fc")
    migration.upstream.run(f"DELETE FROM {SCHEMA}.a WHERE id = 5")
    held.release()
    start(migration, "all")
    migration.wait_stage("fc", "Running", "Sync")
    migration.wait_synced("fc", migration.upstream)
    for table in ("a", "b_empty"):
        assert migration.downstream.run(f"SHOW COLUMNS FROM {SCHEMA}.{table} LIKE 'mine'"), table
    assert count(migration.downstream, "a") == 599


def test_a_table_that_is_redefined_during_the_dump(migration):
    """The snapshot cannot read it any more: the dump begins again by itself."""
    worker(migration)
    held = HeldDump(migration)
    held.holder.cursor().execute(f"ALTER TABLE {SCHEMA}.z ADD COLUMN first_one INT DEFAULT 3 FIRST, ALGORITHM = COPY")
    held.release()
    sync_and_compare(migration)
    assert "a definition was changed upstream" in migration.log("worker1")


def test_definitions_are_those_of_the_position(migration, tmp_path):
    """A statement between the dump's position and the reading of a table: it is in the binlog, and applied from there."""
    gate = tmp_path / "gate"
    worker(migration, f"dump/after-unlock=pause({gate})")
    numbers(migration.upstream, "a", 10)
    migration.upstream.run(f"CREATE TABLE {SCHEMA}.c (id INT PRIMARY KEY, old_name INT)", f"INSERT INTO {SCHEMA}.c VALUES (1, 1)")
    start(migration, "all")
    wait_for(lambda: "the upstream is unlocked" in migration.log("worker1"), "the dump has its snapshot")
    migration.upstream.run(f"INSERT INTO {SCHEMA}.a VALUES (11, 'before')",
                           f"ALTER TABLE {SCHEMA}.a ADD COLUMN extra INT DEFAULT 7, ALGORITHM = INSTANT",
                           f"ALTER TABLE {SCHEMA}.c RENAME COLUMN old_name TO new_name",
                           f"INSERT INTO {SCHEMA}.a VALUES (12, 'after', 1)", f"INSERT INTO {SCHEMA}.c VALUES (2, 2)")
    gate.touch()
    sync_and_compare(migration)


@pytest.mark.parametrize("consistency", ["flush", "lock"])
def test_tables_that_exchange_their_names_during_the_dump(migration, tmp_path, consistency):
    """A snapshot reads what bears the name now: rows of the one table under the other's name, and the renaming once more."""
    gate = tmp_path / "gate"
    worker(migration, f"dump/after-unlock=pause({gate})")
    numbers(migration.upstream, "t", 10)
    migration.upstream.run(f"CREATE TABLE {SCHEMA}.stage LIKE {SCHEMA}.t", f"INSERT INTO {SCHEMA}.stage VALUES (1, 'staged')")
    start(migration, "all", **{"ignore-checking-items": ["all"], "mydumpers": {"dump": {"extra-args": f"--consistency {consistency}"}}})
    wait_for(lambda: "the upstream is unlocked" in migration.log("worker1"), "the dump has its snapshot")
    migration.upstream.run(f"RENAME TABLE {SCHEMA}.t TO {SCHEMA}.old, {SCHEMA}.stage TO {SCHEMA}.t")
    gate.touch()
    sync_and_compare(migration)


def test_rows_beyond_the_last_chunk_of_a_dump_without_locks(migration, tmp_path):
    """Written between the snapshot that tells the bounds of chunks and those that are read: the binlog has to bring them."""
    gate = tmp_path / "gate"
    worker(migration, f"dump/first-snapshot=pause({gate})")
    numbers(migration.upstream, "t", 1000)
    start(migration, "all", **{"ignore-checking-items": ["all"], "mydumpers": {"dump": {"rows": 100, "extra-args": "--consistency none"}}})
    ours = "SELECT COUNT(*) FROM information_schema.INNODB_TRX JOIN information_schema.PROCESSLIST ON ID = trx_mysql_thread_id"
    wait_for(lambda: migration.upstream.value(ours), "the first snapshot is taken")
    migration.upstream.run(f"INSERT INTO {SCHEMA}.t VALUES (100000, 'beyond'), (-100000, 'before')", f"UPDATE {SCHEMA}.t SET id = 200000 WHERE id = 500")
    gate.touch()
    sync_and_compare(migration)


@pytest.mark.parametrize("may", ["SELECT, RELOAD, PROCESS, REPLICATION SLAVE, REPLICATION CLIENT", "SELECT, RELOAD, REPLICATION SLAVE, REPLICATION CLIENT"], ids=["process", "no-process"])
def test_a_partition_is_exchanged_during_the_dump(migration, tmp_path, may):
    gate = tmp_path / "gate"
    up = migration.upstream
    up.run("DROP USER IF EXISTS exchanges", f"CREATE USER exchanges IDENTIFIED BY '{PASSWORD}'", f"GRANT {may} ON *.* TO exchanges",
           f"CREATE TABLE {SCHEMA}.p (id INT PRIMARY KEY, v VARCHAR(20)) PARTITION BY RANGE (id) (PARTITION a VALUES LESS THAN (100), PARTITION b VALUES LESS THAN MAXVALUE)",
           f"INSERT INTO {SCHEMA}.p VALUES (1, 'old'), (200, 'stays')", f"CREATE TABLE {SCHEMA}.x (id INT PRIMARY KEY, v VARCHAR(20))", f"INSERT INTO {SCHEMA}.x VALUES (2, 'new')")
    worker(migration)
    wait_for(lambda: migration.bound_worker("src") == "worker1", "the first worker has the first source")
    migration.start_worker("worker2", failpoints=f"dump/after-unlock=pause({gate})")
    migration.create_source("exchanging", up, **{"from": {"user": "exchanges"}})
    try:
        path = migration.task_file("fc", ["exchanging"], migration.downstream, [SCHEMA], **{"task-mode": "all", "meta-schema": "dm_fc", "ignore-checking-items": ["all"]})
        migration.ctl("start-task", path)
        wait_for(lambda: "the upstream is unlocked" in migration.log("worker2"), "the dump has its snapshot")
        exchange = f"ALTER TABLE {SCHEMA}.p EXCHANGE PARTITION a WITH TABLE {SCHEMA}.x"
        with ThreadPoolExecutor() as pool:
            done = pool.submit(up.run, exchange)
            try:
                waits = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE STATE LIKE 'Waiting for table metadata lock%'"
                wait_for(lambda: done.done() or up.value(waits), "it is executed, or waits for the dump")
            finally:
                gate.touch()
            done.result()
        sync_and_compare(migration)
    finally:
        migration.ctl("stop-task", "fc", check=False)
        migration.ctl("operate-source", "stop", "exchanging", check=False)


@pytest.mark.parametrize("consistency", ["flush", "lock"])
@pytest.mark.parametrize("engine", ["MyISAM", "Aria", "MEMORY"])
def test_rows_of_engines_without_snapshots_come_once(migration, tmp_path, engine, consistency):
    gate = tmp_path / "gate"
    worker(migration, f"dump/after-unlock=pause({gate})")
    migration.upstream.run(f"CREATE TABLE {SCHEMA}.plain (a INT, b VARCHAR(20), FULLTEXT KEY f (b)) ENGINE=MyISAM",
                           f"INSERT INTO {SCHEMA}.plain VALUES (1, 'one')")
    migration.upstream.run(f"CREATE TABLE {SCHEMA}.other (a INT, b VARCHAR(20)) ENGINE={engine} COMMENT='x' CHECKSUM=1 MAX_ROWS=100",
                           f"INSERT INTO {SCHEMA}.other SELECT seq, CONCAT('v', seq) FROM {SCHEMA}.seq_1_to_50")
    numbers(migration.upstream, "t", 10)
    start(migration, "all", **{"ignore-checking-items": ["all"], "mydumpers": {"dump": {"extra-args": f"--consistency {consistency}"}}})
    wait_for(lambda: "the upstream is unlocked" in migration.log("worker1"), "the dump has its snapshot")
    migration.upstream.run(f"INSERT INTO {SCHEMA}.other VALUES (51, 'v51')", f"DELETE FROM {SCHEMA}.other WHERE a = 3",
                           f"INSERT INTO {SCHEMA}.plain VALUES (2, 'two')")
    gate.touch()
    sync_and_compare(migration)
    migration.upstream.run(f"CREATE TABLE {SCHEMA}.live (a INT) ENGINE={engine}", f"INSERT INTO {SCHEMA}.live VALUES (1)",
                           f"ALTER TABLE {SCHEMA}.t ENGINE={engine}", f"INSERT INTO {SCHEMA}.t VALUES (11, 'v11')")
    sync_and_compare(migration)
    # Rows and the progress that tells of them are committed together, or neither.
    assert migration.downstream.run("SELECT DISTINCT ENGINE FROM information_schema.TABLES WHERE TABLE_SCHEMA = "
                                    f"'{SCHEMA}'") == (("InnoDB",),)


def test_a_table_that_is_made_while_tables_are_locked(migration):
    """Table locks let others be made: before the position, so in no binlog."""
    numbers(migration.upstream, "t", 10)
    holder = migration.upstream.connect()
    holder.cursor().execute(f"LOCK TABLES {SCHEMA}.t WRITE")
    worker(migration)
    start(migration, "all", **{"ignore-checking-items": ["all"], "mydumpers": {"dump": {"extra-args": "--consistency lock"}}})
    wait_for(lambda: migration.upstream.value("SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE 'LOCK TABLES%'"),
             "the dump waits for its lock")
    numbers(migration.upstream, "late", 5)
    holder.cursor().execute("UNLOCK TABLES")
    holder.close()
    sync_and_compare(migration)
    assert "they are locked again" in migration.log("worker1", 1000)


# -- load, interrupted
def dumped(cluster, rows=600, keyless=True):
    """A finished dump of several files in task `dump`, and its directory."""
    numbers(cluster.upstream, "t", rows)
    if keyless:
        numbers(cluster.upstream, "nokey", rows, "a INT, b VARCHAR(20)")
    # Several files for each table, and several transactions of each.
    start(cluster, "dump", name="dump", mydumpers={"dump": {"rows": 100, "extra-args": "-F 1000B -s 200"}})
    cluster.wait_stage("dump", "Finished")
    cluster.ctl("stop-task", "dump")
    return os.path.join(cluster.dir, "dumped_data")


def test_a_finished_dump_stays_until_its_task_is_started_again(migration):
    """A worker that is started again keeps it: somebody may be reading it. A task that is started again dumps what is there now."""
    worker(migration)
    numbers(migration.upstream, "t", 10)
    start(migration, "dump", name="dump")
    migration.wait_stage("dump", "Finished")
    metadata = os.path.join(migration.dir, "dumped_data", "metadata")
    with open(metadata) as file:
        first = file.read()
    migration.workers["worker1"].kill9()
    worker(migration)
    migration.wait_stage("dump", "Finished")
    with open(metadata) as file:
        assert file.read() == first
    migration.upstream.run(f"INSERT INTO {SCHEMA}.t VALUES (11, 'v11')")
    migration.ctl("stop-task", "dump")
    migration.workers["worker1"].stop()
    worker(migration)
    # The worker may see the task when it begins to look, as it sees tasks that were there before.
    start(migration, "dump", name="dump")
    migration.wait_stage("dump", "Finished")
    migration.ctl("stop-task", "dump")
    start(migration, "load")
    migration.wait_stage("fc", "Finished")
    same(migration)


def interrupted(cluster, mode="load", **more):
    """A load that its worker's fail point ends after some transactions; no worker runs then."""
    start(cluster, mode, **more)
    cluster.wait_killed()


def after(transactions):
    return f"load/after-chunk={transactions}*kill"


def test_target_table_that_vanishes_is_loaded_again(migration):
    worker(migration, after(14))
    dumped(migration)
    interrupted(migration)
    migration.downstream.run(f"DROP TABLE {SCHEMA}.t", f"TRUNCATE TABLE {SCHEMA}.nokey")
    worker(migration)
    migration.wait_stage("fc", "Finished")
    same(migration)


def test_changed_routes_do_not_split_a_table(migration):
    worker(migration, after(6))
    dumped(migration)
    interrupted(migration)
    migration.ctl("stop-task", "fc")
    worker(migration)
    start(migration, "load", schemas={SCHEMA: "fc2"})
    migration.wait_error("fc", 34018, "now go to `fc2`")
    migration.ctl("stop-task", "fc")
    start(migration, "load")
    migration.wait_stage("fc", "Finished")
    same(migration)


def test_names_with_dots_are_told_apart(migration):
    """A load that begins anew empties both tables first: they have no key."""
    both = ("`fc.x`.y", "fc.`x.y`")
    schemas = (SCHEMA, "fc.x")
    worker(migration, after(6))
    for server in (migration.upstream, migration.downstream):
        server.run("DROP DATABASE IF EXISTS `fc.x`")
    try:
        migration.upstream.run("CREATE DATABASE `fc.x`")
        for table in both:
            migration.upstream.run(f"CREATE TABLE {table} (a INT, b VARCHAR(20))", f"INSERT INTO {table} SELECT seq, CONCAT('v', seq) FROM {SCHEMA}.seq_1_to_300")
        start(migration, "dump", name="dump", schemas=schemas, mydumpers={"dump": {"rows": 100, "extra-args": "-F 1000B -s 200"}})
        migration.wait_stage("dump", "Finished")
        migration.ctl("stop-task", "dump")
        interrupted(migration, schemas=schemas)
        assert all(migration.downstream.value(f"SELECT COUNT(*) FROM {table}") > 0 for table in both)
        migration.ctl("stop-task", "fc")
        worker(migration)
        start(migration, "load", "--remove-meta", schemas=schemas)
        migration.wait_stage("fc", "Finished")
        same(migration, {name: name for name in schemas})
    finally:
        for server in (migration.upstream, migration.downstream):
            server.run("DROP DATABASE IF EXISTS `fc.x`")


def test_progress_of_another_dump_is_not_used(migration):
    worker(migration, after(6))
    directory = dumped(migration)
    first = directory + ".first"
    shutil.copytree(directory, first)
    interrupted(migration)
    # A dump of the same names and sizes: only its rows differ.
    migration.upstream.run(f"UPDATE {SCHEMA}.t SET v = CONCAT('w', id)")
    migration.ctl("pause-task", "fc", check=False)
    worker(migration)
    migration.ctl("pause-task", "fc", check=False)
    start(migration, "dump", name="dump", mydumpers={"dump": {"rows": 100, "extra-args": "-F 1000B -s 200"}})
    migration.wait_stage("dump", "Finished")
    migration.ctl("resume-task", "fc", check=False)
    migration.wait_error("fc", 34018, "holds dump")
    # Back to the first dump, and on from where it was.
    migration.ctl("stop-task", "dump")
    shutil.rmtree(directory)
    shutil.copytree(first, directory)
    migration.ctl("resume-task", "fc", check=False)
    migration.wait_stage("fc", "Finished")
    migration.upstream.run(f"UPDATE {SCHEMA}.t SET v = CONCAT('v', id)")
    same(migration)


def test_directory_that_is_gone_is_named(migration):
    worker(migration, after(6))
    directory = dumped(migration, keyless=False)
    interrupted(migration)
    shutil.rmtree(directory)
    worker(migration)
    error = migration.wait_error("fc", 11001)
    assert directory in error["RawCause"], error


@pytest.mark.parametrize("policy", ["ignore", "error"])
def test_killed_load_with_rows_that_exist(migration, policy):
    worker(migration, after(10))
    dumped(migration)
    migration.downstream.run(f"CREATE DATABASE {SCHEMA}", f"CREATE TABLE {SCHEMA}.t (id INT PRIMARY KEY, v VARCHAR(20))")
    if policy == "ignore":
        migration.downstream.run(f"INSERT INTO {SCHEMA}.t VALUES (3, 'v3'), (444, 'v444')")
    interrupted(migration, loaders={"load": {"on-duplicate-logical": policy}})
    worker(migration)
    migration.wait_stage("fc", "Finished")
    same(migration)


def test_remove_meta_in_the_middle_of_a_load(migration):
    worker(migration, after(8))
    dumped(migration)
    interrupted(migration)
    migration.ctl("stop-task", "fc")
    migration.upstream.run(f"DELETE FROM {SCHEMA}.t WHERE id < 50", f"DELETE FROM {SCHEMA}.nokey WHERE a < 50")
    worker(migration)
    start(migration, "dump", name="dump")
    migration.wait_stage("dump", "Finished")
    start(migration, "load", "--remove-meta")
    migration.wait_stage("fc", "Finished")
    same(migration)


def test_killed_again_and_again(migration):
    """Between start of the dump and end of the load, while rows change and go: only rows of the last dump are there."""
    numbers(migration.upstream, "t", 600)
    numbers(migration.upstream, "nokey", 600, "a INT, b VARCHAR(20)")
    # A table that is not empty is loaded after the dump.
    migration.downstream.run(f"CREATE DATABASE {SCHEMA}", f"CREATE TABLE {SCHEMA}.t (id INT PRIMARY KEY, v VARCHAR(20))",
                             f"INSERT INTO {SCHEMA}.t VALUES (600, 'old')")
    settings = {"mydumpers": {"dump": {"rows": 100, "extra-args": "-F 1000B -s 200"}}}
    points = ["dump/chunk=3*kill", "load/after-chunk=kill", "dump/after-last-chunk=kill", "load/after-chunk=9*kill",
              "dump/after-metadata=kill", "load/running=kill", "load/after-chunk=2*kill", "load/after-file=kill"]
    for round, point in enumerate(points):
        migration.start_worker("worker1", failpoints=point, wait=round == 0)
        if round == 0:
            start(migration, "all", **settings)
        migration.wait_killed()
        low, high = round * 20, round * 20 + 10
        migration.upstream.run(f"DELETE FROM {SCHEMA}.t WHERE id BETWEEN {low} AND {high}",
                               f"DELETE FROM {SCHEMA}.nokey WHERE a BETWEEN {low} AND {high}",
                               f"UPDATE {SCHEMA}.t SET v = 'changed' WHERE id BETWEEN {high} AND {high + 5}",
                               f"INSERT INTO {SCHEMA}.nokey VALUES ({round}, 'new')")
    migration.start_worker("worker1", wait=False)
    sync_and_compare(migration)


# -- servers that go away
@pytest.mark.parametrize("orderly", [False, True], ids=["kill", "stop"])
def test_target_restarts_while_it_is_loaded(migration, tmp_path, orderly):
    go_on = tmp_path / "go-on"
    worker(migration, f"load/before-commit=5*pause({go_on})")
    dumped(migration)
    target = MariaDb(tmp_path / "target", 91).start()
    try:
        shared, migration.downstream = migration.downstream, target
        start(migration, "load", loaders={"load": {"pool-size": 2}})
        wait_for(lambda: count(target, "nokey") is not None and
                 target.value("SELECT SUM(row_count) FROM dm_fc.fc_loader_checkpoint"), "something is loaded")
        if orderly:
            target.stop()
        else:
            target.kill9()
        go_on.touch()
        target.start()
        migration.wait_stage("fc", "Finished", timeout=90)
        same(migration)
        assert "auto resume" not in migration.log("worker1", 2000)
    finally:
        migration.downstream = shared
        target.stop()


def test_upstream_restarts_while_it_is_dumped(migration, tmp_path):
    upstream = MariaDb(tmp_path / "up", 92).start()
    try:
        migration.upstream = upstream
        upstream.run(f"CREATE DATABASE {SCHEMA}")
        numbers(upstream, "a", 600)
        numbers(upstream, "z", 100)
        worker(migration, "dump/short-waits=return")
        migration.start_worker("worker2", failpoints="dump/short-waits=return")
        migration.create_source("src2", upstream)
        holder = upstream.connect()
        holder.cursor().execute(f"LOCK TABLES {SCHEMA}.z WRITE")
        path = migration.task_file("fc", ["src2"], migration.downstream, [SCHEMA],
                                   **{"task-mode": "all", "meta-schema": "dm_fc", **DUMP_NO_LOCK})
        migration.ctl("start-task", path)
        wait_for(lambda: count(migration.downstream, "a") == 600, "table a is loaded ahead")
        upstream.process.send(signal.SIGKILL)
        upstream.process.wait()
        upstream.start()
        upstream.run(f"DELETE FROM {SCHEMA}.a WHERE id = 7")
        migration.wait_stage("fc", "Running", "Sync", timeout=90)
        migration.wait_synced("fc", upstream)
        same(migration)
    finally:
        migration.ctl("stop-task", "fc", check=False)
        migration.ctl("operate-source", "stop", "src2", check=False)
        upstream.stop()


@pytest.mark.parametrize("consistency,code,phrase", [
    ("auto", 32001, "LOCK TABLES"), ("flush", 32004, "FLUSH TABLES WITH READ LOCK"), ("lock", 32001, "LOCK TABLES")])
def test_locks_that_are_not_obtained_need_a_human(migration, consistency, code, phrase):
    worker(migration, "dump/short-locks=return")
    numbers(migration.upstream, "t", 100)
    with migration.upstream.connect() as holder:
        holder.cursor().execute(f"LOCK TABLES {SCHEMA}.t WRITE")
        start(migration, "all", mydumpers={"dump": {"extra-args": f"--consistency {consistency}"}})
        error = migration.wait_error("fc", code)
        assert phrase in error["RawCause"] and "1205" in error["RawCause"], error
        # The upstream is not to be locked again and again by itself.
        wait_for(lambda: "task can't auto resume" in migration.log("worker1", 500), "the checker has looked", timeout=20)
        assert migration.status("fc")["stage"] == "Paused"
        # Whoever waited for the lock goes on.
        holder.cursor().execute(f"INSERT INTO {SCHEMA}.t VALUES (1000, 'x')")
    migration.ctl("resume-task", "fc")
    sync_and_compare(migration)


# -- the worker with the dump goes away
# Each worker has a directory of its own, as on machines of their own.
OWN_DIRECTORY = {"loaders": {"load": {"dir": "./dumped_data"}}}


def killed_with_its_dump(cluster, point):
    numbers(cluster.upstream, "t", 600)
    worker(cluster, f"{point}=kill")
    start(cluster, "all", **OWN_DIRECTORY)
    cluster.wait_killed()


def source_moves(cluster):
    cluster.start_worker("worker2")
    wait_for(lambda: cluster.bound_worker("src") == "worker2", "the source moves", timeout=30)


def test_load_waits_for_the_worker_that_has_the_dump(migration):
    killed_with_its_dump(migration, "load/running")
    source_moves(migration)
    error = migration.wait_error("fc", 34017)
    assert "previous worker: worker1" in error["Message"] and "online" in error["Workaround"], error
    migration.start_worker("worker1", wait=False)
    migration.wait_stage("fc", "Running", "Sync", timeout=90)
    assert migration.bound_worker("src") == "worker1"
    migration.wait_synced("fc", migration.upstream)
    same(migration)


def test_a_stopped_load_does_not_hold_its_source(migration):
    killed_with_its_dump(migration, "load/running")
    migration.ctl("stop-task", "fc", check=False)
    source_moves(migration)
    migration.start_worker("worker1")
    # All data is on another machine: from the beginning.
    start(migration, "all", "--remove-meta", **OWN_DIRECTORY)
    migration.wait_stage("fc", "Running", "Sync")
    assert migration.bound_worker("src") == "worker2" and migration.worker_stage("worker1") == "free"
    migration.wait_synced("fc", migration.upstream)
    same(migration)


def test_dump_begins_again_on_another_worker(migration):
    killed_with_its_dump(migration, "dump/after-last-chunk")
    migration.upstream.run(f"DELETE FROM {SCHEMA}.t WHERE id < 100")
    migration.start_worker("worker2")
    migration.wait_stage("fc", "Running", "Sync", timeout=60)
    migration.wait_synced("fc", migration.upstream)
    same(migration)
