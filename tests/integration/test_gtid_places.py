"""The GTID set of a checkpoint is everything that is behind it, wherever a task began: a set that leaves out what came before would make
the next connection replay it."""
import pytest

from dmtest.cluster import Cluster
from dmtest.replicating import Replicating
from dmtest.waiting import wait_for

SCHEMA, TASK = "behind", "behind"
KINDS = ["mysql9", "mariadb", "mysql56gtid"]


class Scene(Replicating):
    """A table without key, row 1 on both sides; only the upstream has row 2, in its newest file. What comes before is in older ones."""

    def __init__(self, directory, servers, kind, down="down"):
        super().__init__(Cluster(directory), servers.get(kind, "gtid-up"), servers.get("mariadb", down), TASK, SCHEMA)
        self.kind = kind
        self.cluster.start_master()
        self.cluster.start_worker("worker1")

    def prepare(self, gtid):
        self.cluster.ctl("stop-task", TASK, check=False)
        self.cluster.ctl("operate-source", "stop", "src", check=False)
        self.cluster.create_source("src", self.upstream, **{"enable-gtid": gtid})
        self.recreate(SCHEMA)
        self.downstream.run("DROP DATABASE IF EXISTS dm_behind", f"CREATE DATABASE {SCHEMA}")
        for server in (self.upstream, self.downstream):
            server.run(f"CREATE TABLE {SCHEMA}.t (id INT)", f"INSERT INTO {SCHEMA}.t VALUES (1)")
        if self.kind == "mariadb":  # of a domain that does not come again
            self.upstream.run("SET SESSION gtid_domain_id = 7", f"INSERT INTO {SCHEMA}.t VALUES (0)", f"DELETE FROM {SCHEMA}.t WHERE id = 0")
        self.upstream.run("FLUSH BINARY LOGS")
        self.upstream.run(f"INSERT INTO {SCHEMA}.t VALUES (2)")
        return self.upstream.run(self.upstream.status_statement)[0][0]

    def start(self, *args, meta=None):
        instance = {"source-id": "src", "block-allow-list": "list", "syncer-config-name": "sync", **({"meta": meta} if meta else {})}
        self.path = self.cluster.task_file(TASK, ["src"], self.downstream, [SCHEMA], **{
            "task-mode": "incremental", "meta-schema": "dm_behind", "mydumpers": None, "loaders": None, "mysql-instances": [instance]})
        self.cluster.ctl("start-task", self.path, *args)

    def switch(self, gtid):
        self.cluster.ctl("stop-task", TASK)
        self.cluster.ctl("operate-source", "stop", "src")
        self.cluster.create_source("src", self.upstream, **{"enable-gtid": gtid})
        self.cluster.ctl("start-task", self.path)

    def restart(self, killed=True):
        worker = self.cluster.workers["worker1"]
        (worker.kill9 if killed else worker.stop)()
        self.cluster.start_worker("worker1")

    def checkpoint(self, columns="binlog_name, binlog_pos, binlog_gtid"):
        return self.downstream.run(f"SELECT {columns} FROM dm_behind.{TASK}_syncer_checkpoint WHERE is_global")[0]

    def has_all(self):
        """The checkpoint's set is that of the upstream at its position, which is the newest."""
        def executed():
            if self.kind == "mariadb":
                return self.upstream.value("SELECT @@gtid_binlog_pos")
            return self.upstream.value("SELECT @@GLOBAL.gtid_executed").replace("\n", "")

        def same():
            return sorted(self.checkpoint()[2].replace("\n", "").split(",")) == sorted(executed().split(","))

        wait_for(same, lambda: f"the checkpoint has {self.checkpoint()}, the upstream {executed()}")

    def rows(self, *wanted):
        self.synced()
        found = [row[0] for row in self.downstream.run(f"SELECT id FROM {SCHEMA}.t ORDER BY id")]
        assert found == list(wanted), found


@pytest.fixture(scope="module", params=KINDS)
def scene(request, tmp_path_factory, servers):
    scene = Scene(tmp_path_factory.mktemp(f"behind-{request.param}"), servers, request.param)
    yield scene
    scene.cluster.stop()


@pytest.mark.parametrize("offset", [4, None], ids=["4", "none"])
def test_meta_at_the_begin_of_a_file(scene, offset):
    file = scene.prepare(True)
    scene.start(meta={"binlog-name": file, **({"binlog-pos": offset} if offset else {})})
    scene.rows(1, 2)
    scene.has_all()
    scene.restart()
    scene.upstream.run(f"INSERT INTO {SCHEMA}.t VALUES (3)")
    scene.rows(1, 2, 3)
    scene.restart(killed=False)
    scene.upstream.run("FLUSH BINARY LOGS", f"INSERT INTO {SCHEMA}.t VALUES (4)")
    scene.rows(1, 2, 3, 4)
    scene.has_all()


def test_gtids_switched_on_later(scene):
    """Read by position from a file's begin, over the begin of another file: nobody knows what the upstream has had before."""
    file = scene.prepare(False)
    scene.start(meta={"binlog-name": file})
    scene.rows(1, 2)
    scene.upstream.run("FLUSH BINARY LOGS", f"INSERT INTO {SCHEMA}.t VALUES (3)")
    scene.rows(1, 2, 3)
    assert scene.checkpoint()[2] == ""
    scene.switch(True)
    scene.upstream.run(f"INSERT INTO {SCHEMA}.t VALUES (4)")
    scene.rows(1, 2, 3, 4)
    scene.has_all()
    # A set that is whole stays so, and is gone on with.
    scene.switch(False)
    scene.upstream.run(f"INSERT INTO {SCHEMA}.t VALUES (5)")
    scene.rows(1, 2, 3, 4, 5)
    scene.has_all()
    scene.switch(True)
    scene.upstream.run(f"INSERT INTO {SCHEMA}.t VALUES (6)")
    scene.rows(1, 2, 3, 4, 5, 6)
    scene.has_all()


@pytest.mark.parametrize("gtid", [False, True], ids=["position", "gtid"])
def test_start_time(scene, gtid):
    """Before the first file: all of it is read."""
    scene.prepare(gtid)
    scene.upstream.run(f"DROP DATABASE {SCHEMA}", "RESET BINARY LOGS AND GTIDS" if scene.kind == "mysql9" else "RESET MASTER",
                       f"CREATE DATABASE {SCHEMA}", f"CREATE TABLE {SCHEMA}.t (id INT)", f"INSERT INTO {SCHEMA}.t VALUES (1)")
    scene.downstream.run(f"DROP DATABASE {SCHEMA}")
    scene.start("--start-time", "2020-01-01 00:00:00")
    scene.rows(1)
    if not gtid:
        scene.switch(True)
    scene.has_all()
    scene.restart()
    scene.upstream.run(f"INSERT INTO {SCHEMA}.t VALUES (2)")
    scene.rows(1, 2)
    scene.has_all()


def left_by_dm(scene):
    """A task of which another program has stored the GTIDs since it began to read. Returns their set."""
    file = scene.prepare(True)
    scene.start(meta={"binlog-name": file, "binlog-pos": 4})
    scene.rows(1, 2)
    scene.has_all()
    scene.cluster.ctl("stop-task", TASK)
    last = scene.checkpoint()[2].replace("\n", "").split(",")
    if scene.kind == "mariadb":
        partial = next(gtid for gtid in last if gtid.startswith("0-"))
    else:
        uuid, intervals = last[-1].split(":", 1)
        partial = f"{uuid}:{intervals.split('-')[-1]}"
    scene.downstream.run(f"UPDATE dm_behind.{TASK}_syncer_checkpoint SET binlog_gtid = '{partial}', exit_safe_binlog_gtid = ''",
                         f"DROP TABLE dm_behind.{TASK}_syncer_state")


def test_a_partial_set_of_another_program_by_gtid(scene):
    """A set that leaves out what the upstream has before the position pauses the task; nothing is replayed."""
    left_by_dm(scene)
    scene.cluster.ctl("start-task", scene.path)
    error = scene.cluster.wait_error(TASK, 36069, "leaves out")
    assert "binlog_gtid = ''" in error["Workaround"], error
    scene.cluster.ctl("stop-task", TASK)
    # What it says helps.
    scene.downstream.run(f"UPDATE dm_behind.{TASK}_syncer_checkpoint SET binlog_gtid = '' WHERE is_global = 1")
    scene.cluster.ctl("start-task", scene.path)
    scene.upstream.run(f"INSERT INTO {SCHEMA}.t VALUES (3)")
    scene.rows(1, 2, 3)
    scene.has_all()


@pytest.mark.parametrize("whole", [False, True], ids=["partial", "whole"])
def test_a_set_of_another_program_whose_file_is_gone(scene, whole):
    """Nothing tells what was replicated before: the task pauses if the set leaves out what comes before its last transaction in the log."""
    left_by_dm(scene)
    executed = scene.upstream.value("SELECT @@gtid_binlog_state" if scene.kind == "mariadb" else "SELECT @@GLOBAL.gtid_executed").replace("\n", "")
    scene.downstream.run(f"UPDATE dm_behind.{TASK}_syncer_checkpoint SET binlog_name = 'gone-bin.000007'" + (f", binlog_gtid = '{executed}'" if whole else ""))
    scene.upstream.run(f"INSERT INTO {SCHEMA}.t VALUES (3)")
    scene.cluster.ctl("start-task", scene.path)
    if not whole:
        error = scene.cluster.wait_error(TASK, 36069, "cannot tell")
        assert "gone-bin.000007" in error["Message"] and "binlog_name = ''" in error["Workaround"] and f"{TASK}_syncer_checkpoint" in error["Workaround"], error
        assert scene.downstream.run(f"SELECT id FROM {SCHEMA}.t ORDER BY id") == ((1,), (2,))
        scene.cluster.ctl("stop-task", TASK)
        # What it says helps.
        scene.downstream.run(f"UPDATE dm_behind.{TASK}_syncer_checkpoint SET binlog_name = '', binlog_pos = 0, binlog_gtid = '{executed}' WHERE is_global = 1")
        scene.cluster.ctl("start-task", scene.path)
    scene.rows(1, 2, 3)
    scene.has_all()


@pytest.mark.parametrize("later", [True, False], ids=["later", "no-binlog"])
def test_a_right_set_whose_file_is_gone(scene, later):
    """What a source has begun with after the checkpoint is still to come, and what is in no binlog never comes: a failover is no gap."""
    left_by_dm(scene)
    maria = scene.kind == "mariadb"
    executed = scene.upstream.value("SELECT @@gtid_binlog_state" if maria else "SELECT @@GLOBAL.gtid_executed").replace("\n", "")
    scene.downstream.run(f"UPDATE dm_behind.{TASK}_syncer_checkpoint SET binlog_name = 'gone-bin.000007', binlog_gtid = '{executed}'")
    insert = f"INSERT INTO {SCHEMA}.t VALUES (3)"
    position = scene.upstream.value("SELECT @@GLOBAL.gtid_slave_pos") if maria else None
    if maria and later:
        scene.upstream.run("SET SESSION gtid_domain_id = 78", insert)
    elif maria:
        scene.upstream.run("SET GLOBAL gtid_slave_pos = '77-7-100'", insert)
    elif later:
        scene.upstream.run("SET gtid_next = 'bbbbbbbb-1111-2222-3333-444444444444:1'", insert, "SET gtid_next = 'AUTOMATIC'")
    else:
        scene.upstream.run(insert)
    try:
        scene.cluster.ctl("start-task", scene.path)
        scene.rows(1, 2, 3)
    finally:
        if maria:
            scene.upstream.run(f"SET GLOBAL gtid_slave_pos = '{position}'")


def test_a_server_that_wrote_before_it_became_the_upstream(scene):
    """Its own first transactions are in none of the former upstream's sets, and are no sign of a gap; those of a third one are."""
    if scene.kind == "mariadb":
        return  # a set has all or nothing of a domain
    left_by_dm(scene)
    former, third = ("%s-1111-2222-3333-444444444444" % pattern for pattern in ("cccccccc", "eeeeeeee"))
    scene.upstream.run("RESET BINARY LOGS AND GTIDS" if scene.kind == "mysql9" else "RESET MASTER", "CREATE DATABASE behind_own", "DROP DATABASE behind_own",
                       f"SET gtid_next = '{former}:1'", f"INSERT INTO {SCHEMA}.t VALUES (4)", f"SET gtid_next = '{third}:1'", "CREATE DATABASE behind_own",
                       f"SET gtid_next = '{former}:2'", f"DELETE FROM {SCHEMA}.t WHERE id = 4", "SET gtid_next = 'AUTOMATIC'", "DROP DATABASE behind_own")

    def start(executed):
        scene.downstream.run(f"UPDATE dm_behind.{TASK}_syncer_checkpoint SET binlog_name = 'gone-bin.000007', binlog_gtid = '{executed}'")
        scene.cluster.ctl("start-task", scene.path)

    start(f"{former}:1-2")
    scene.cluster.wait_error(TASK, 36069, f"leaves out {third}:1, which")
    scene.cluster.ctl("stop-task", TASK)
    start(f"{former}:2,{third}:1")
    scene.cluster.wait_error(TASK, 36069, f"leaves out {former}:1, which")
    scene.cluster.ctl("stop-task", TASK)
    start(f"{former}:1-2,{third}:1")
    scene.upstream.run(f"INSERT INTO {SCHEMA}.t VALUES (3)")
    scene.rows(1, 2, 3)


def test_a_partial_set_of_another_program_by_position(scene):
    """It is not gone on with: once GTIDs are on, the position tells the set."""
    left_by_dm(scene)
    scene.cluster.ctl("operate-source", "stop", "src")
    scene.cluster.create_source("src", scene.upstream, **{"enable-gtid": False})
    scene.cluster.ctl("start-task", scene.path)
    scene.upstream.run(f"INSERT INTO {SCHEMA}.t VALUES (3)")
    scene.rows(1, 2, 3)
    scene.switch(True)
    scene.upstream.run(f"INSERT INTO {SCHEMA}.t VALUES (4)")
    scene.rows(1, 2, 3, 4)
    scene.has_all()


@pytest.mark.parametrize("by_time", [False, True], ids=["meta", "start-time"])
def test_transactions_that_are_in_no_binlog(tmp_path, servers, by_time):
    """An upstream that was made of a copy has executed what its binlogs do not have."""
    scene = Scene(tmp_path, servers, "mysql9", "other-down")  # the module's scene may still run
    try:
        file = scene.prepare(True)
        scene.upstream.run("SET GLOBAL gtid_purged = '+11111111-1111-1111-1111-11111111111%d:1-5'" % by_time)
        if by_time:
            now = scene.upstream.value("SELECT NOW()")
            wait_for(lambda: scene.upstream.value("SELECT NOW()") != now, "the next second", interval=0.1)
            scene.upstream.run(f"UPDATE {SCHEMA}.t SET id = 3 WHERE id = 2")
            scene.downstream.run(f"INSERT INTO {SCHEMA}.t VALUES (2)")
            scene.start("--start-time", str(scene.upstream.value("SELECT NOW()")))
        else:
            scene.start(meta={"binlog-name": file})
        scene.synced()
        scene.has_all()
        scene.restart()
        scene.upstream.run(f"INSERT INTO {SCHEMA}.t VALUES (4)")
        scene.synced()
        scene.has_all()
    finally:
        scene.cluster.stop()
