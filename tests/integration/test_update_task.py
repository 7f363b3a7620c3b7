"""update-task: what of a paused task may change in place, what is refused, and when the change is in force."""
import os

import pytest
import yaml

from dmtest.compare import difference
from dmtest.waiting import wait_for

SCHEMA, TARGET = "upt", "upt_to"


class Scene:
    """A task from `upt` to `upt_to` in its sync unit; `change` edits its file."""

    def __init__(self, cluster, upstream, downstream):
        self.cluster, self.up, self.down = cluster, upstream, downstream

    def prepare(self):
        self.up.run(f"DROP DATABASE IF EXISTS {SCHEMA}", f"CREATE DATABASE {SCHEMA}",
                    f"CREATE TABLE {SCHEMA}.t (id INT PRIMARY KEY, v INT)", f"CREATE TABLE {SCHEMA}.other (id INT PRIMARY KEY, v INT)",
                    f"INSERT INTO {SCHEMA}.t VALUES (1, 1)")
        self.down.run(*[f"DROP DATABASE IF EXISTS {name}" for name in (TARGET, "upt_moved", f"dm_{SCHEMA}")])

    def file(self, change=lambda task: None, name=SCHEMA, **more):
        path = self.cluster.task_file(name, ["src"], self.down, {SCHEMA: TARGET}, **{"meta-schema": f"dm_{SCHEMA}", **more})
        task = yaml.safe_load(open(path))
        change(task)
        return self.cluster.write(f"task-{name}.yaml", task)

    def start(self, **more):
        self.cluster.ctl("start-task", self.file(**more))
        self.cluster.wait_stage(SCHEMA, "Running", "Sync")

    def pause(self):
        self.cluster.ctl("pause-task", SCHEMA)
        self.cluster.wait_stage(SCHEMA, "Paused")

    def resume(self):
        self.cluster.ctl("resume-task", SCHEMA)
        self.cluster.wait_stage(SCHEMA, "Running", "Sync")

    def update(self, change=lambda task: None, *args, check=True, **more):
        return self.cluster.ctl("update-task", self.file(change, **more), *args, check=check)

    def changed(self, change, **more):
        """Paused, changed, not resumed yet."""
        self.pause()
        answer = self.update(change, **more)
        assert answer.json["result"] is True, answer
        assert f"resume-task {SCHEMA}" in answer.json["msg"], answer
        assert answer.json["sources"] == [{"result": True, "msg": "", "source": "src", "worker": "worker1"}], answer
        assert "pre-check is passed" in answer.json["checkResult"] or "no errors but some warnings" in answer.json["checkResult"]

    def refused(self, change, code, *phrases, args=(), **more):
        stored = self.stored()
        answer = self.update(change, *args, check=False, **more)
        assert f"[code={code}:" in answer.out + answer.err, answer
        for phrase in phrases:
            assert phrase in answer.out + answer.err, (phrase, str(answer))
        assert self.stored() == stored

    def stored(self):
        return self.cluster.ctl("config", "task", SCHEMA, check=False).json["cfg"]

    def log(self):
        return open(os.path.join(self.cluster.dir, "worker1", "dm-worker.log")).read()

    def synced(self):
        self.cluster.wait_synced(SCHEMA, self.up)

    def equal(self, schema=TARGET):
        self.synced()
        found = difference(self.up, self.down, {SCHEMA: schema})
        assert found is None, found


@pytest.fixture
def scene(cluster, servers):
    scene = Scene(cluster, servers.get("mariadb", "up"), servers.get("mariadb", "down"))
    scene.prepare()
    cluster.start_master()
    cluster.start_worker("worker1")
    cluster.create_source("src", scene.up)
    yield scene


def test_rules_change_in_place(scene):
    """Filters, lists, routes, syncer settings and the target's session: in force with resume-task, from the saved position on."""
    scene.start()
    scene.synced()

    def filters(task):
        task["filters"] = {"f": {"schema-pattern": SCHEMA, "table-pattern": "t", "events": ["delete"], "action": "Ignore"}}
        task["mysql-instances"][0]["filter-rules"] = ["f"]
        task["syncers"]["sync"].update({"worker-count": 2, "batch": 10})
        task["target-database"]["session"] = {"sort_buffer_size": "4000000"}

    scene.changed(filters)
    scene.up.run(f"DELETE FROM {SCHEMA}.t WHERE id = 1", f"INSERT INTO {SCHEMA}.t VALUES (2, 2)")
    scene.resume()
    scene.synced()
    assert scene.down.run(f"SELECT id FROM {TARGET}.t ORDER BY id") == ((1,), (2,))
    printed = yaml.safe_load(scene.stored())
    assert printed["syncers"]["sync-01"]["worker-count"] == 2 and printed["syncers"]["sync-01"]["batch"] == 10
    assert printed["target-database"]["session"]["sort_buffer_size"] == "4000000"

    # The list and the route; the filter is gone again.
    def rules(task):
        task["block-allow-list"]["list"] = {"do-dbs": [SCHEMA], "ignore-tables": [{"db-name": SCHEMA, "tbl-name": "other"}]}
        task["routes"]["moved"] = {"schema-pattern": SCHEMA, "table-pattern": "t", "target-schema": "upt_moved", "target-table": "t"}
        task["mysql-instances"][0]["route-rules"].append("moved")

    scene.down.run("CREATE DATABASE upt_moved", f"CREATE TABLE upt_moved.t LIKE {TARGET}.t", f"INSERT INTO upt_moved.t SELECT * FROM {TARGET}.t")
    scene.changed(rules)
    scene.up.run(f"INSERT INTO {SCHEMA}.other VALUES (1, 1)", f"DELETE FROM {SCHEMA}.t WHERE id = 2", f"INSERT INTO {SCHEMA}.t VALUES (3, 3)")
    scene.resume()
    scene.synced()
    assert scene.down.run("SELECT id FROM upt_moved.t ORDER BY id") == ((1,), (3,))
    assert scene.down.run(f"SELECT id FROM {TARGET}.t ORDER BY id") == ((1,), (2,))
    assert scene.down.run(f"SELECT id FROM {TARGET}.other") == ()
    assert scene.log().count("the changed configuration is taken over") == 2
    # Nothing was read again.
    assert scene.log().count("unit process returned") == 2 + 2, scene.log()


def test_session_of_the_target(scene):
    """The new session variable holds in the connections that write."""
    scene.down.run(f"CREATE DATABASE {TARGET}", f"CREATE TABLE {TARGET}.seen (id INT AUTO_INCREMENT PRIMARY KEY, v BIGINT)")
    scene.start()
    scene.down.run(f"CREATE TRIGGER {TARGET}.look AFTER INSERT ON {TARGET}.t FOR EACH ROW INSERT INTO {TARGET}.seen (v) VALUES (@@sort_buffer_size)")
    scene.up.run(f"INSERT INTO {SCHEMA}.t VALUES (5, 5)")
    scene.synced()
    scene.changed(lambda task: task["target-database"].update(session={"sort_buffer_size": "123456"}))
    scene.resume()
    scene.up.run(f"INSERT INTO {SCHEMA}.t VALUES (6, 6)")
    scene.synced()
    seen = [v for v, in scene.down.run(f"SELECT v FROM {TARGET}.seen ORDER BY id")]
    assert len(seen) == 2 and seen[0] != 123456 and seen[1] == 123456, seen


def test_what_is_refused(scene):
    """Each refusal has its code and leaves the stored configuration as it is."""
    scene.refused(lambda task: None, 46018)
    scene.start()
    # Not paused.
    scene.refused(lambda task: None, 46035, "can be updated only when nothing runs", "pause-task")
    scene.pause()
    # Sources: not of the file, not of the task.
    answer = scene.update(lambda task: None, "-s", "nosuch", check=False)
    assert answer.json["result"] is False
    assert answer.json["sources"] == [{"result": False, "msg": "source not found in task's config", "source": "nosuch", "worker": ""}]
    scene.cluster.create_source("src2", scene.down, check=False)

    def with_another(task):
        task["mysql-instances"].append({**task["mysql-instances"][0], "source-id": "src2"})

    scene.refused(with_another, 46034, "src2")
    # What a worker refuses.
    phrase = "can not update because"
    scene.refused(lambda task: task["syncers"]["sync"].update({"safe-mode": True}), 46035, phrase, "[code=40081:", "`safe-mode` differs")
    scene.refused(lambda task: task["target-database"].update(session={"foreign_key_checks": "1"}), 46035, phrase, "[code=40081:",
                  "`foreign_key_checks` differs")
    for change in (lambda task: task["mydumpers"]["dump"].update(threads=3),
                   lambda task: task["loaders"]["load"].update({"pool-size": 3}),
                   lambda task: task.update({"online-ddl": False}),
                   lambda task: task.update({"ignore-checking-items": ["version"]}),
                   lambda task: task["mysql-instances"][0].update({"expression-filters": ["e"]}) or task.update({"expression-filter": {
                       "e": {"schema": SCHEMA, "table": "t", "insert-value-expr": "v > 3"}}})):
        scene.refused(change, 46035, phrase, "[code=40081:", "only block-allow-list, routes, filters")
    scene.refused(lambda task: task.update({"meta-schema": "dm_elsewhere"}), 46035, phrase, "[code=40081:")
    scene.refused(lambda task: task["target-database"].update(session={"foreign_key_checks": "1"}) or
                  task["syncers"]["sync"].update({"compact": True}), 20070)
    # What is no task, as for start-task.
    scene.refused(lambda task: task.update({"task-mode": "sideways"}), 20020)
    # Nobody could take it over.
    scene.cluster.workers["worker1"].kill9()
    wait_for(lambda: scene.cluster.bound_worker("src") in (None, ""), "the source is unbound", 30)
    scene.refused(lambda task: None, 46035, phrase, "bound to no dm-worker")


def test_only_the_sync_unit_takes_changes(scene):
    """A task that is paused while it copies is changed by stopping and starting it."""
    scene.down.run(f"CREATE DATABASE {TARGET}", f"CREATE TABLE {TARGET}.t (id INT PRIMARY KEY, w INT)")
    scene.cluster.ctl("start-task", scene.file())
    scene.cluster.wait_error(SCHEMA)
    assert scene.cluster.status(SCHEMA)["unit"] == "Load"
    # Paused by an error: it would resume by itself.
    scene.refused(lambda task: None, 46035, "pause-task")
    scene.cluster.ctl("pause-task", SCHEMA)
    scene.refused(lambda task: None, 46035, "can not update because", "[code=40081:", "its unit is Load")


def test_a_worker_that_has_not_paused_yet_takes_no_change(scene):
    """It may not hear of the change: what it has left of the pause is refused, with one advice."""
    scene.start()
    scene.synced()
    batch = lambda task: task["syncers"]["sync"].update({"batch": 11})  # noqa: E731
    with scene.down.connect() as holder:
        holder.cursor().execute(f"LOCK TABLES {TARGET}.t WRITE")
        scene.up.run(f"INSERT INTO {SCHEMA}.t VALUES (2, 2)")
        waits = f"SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE STATE LIKE 'Waiting for table metadata lock%' AND INFO LIKE '%{TARGET}%'"
        wait_for(lambda: scene.down.value(waits) > 0, "the row waits downstream")
        scene.cluster.ctl("pause-task", SCHEMA, check=False)  # not confirmed
        scene.refused(batch, 46035, "can not update because", "[code=40081:", "it has not paused yet", "Paused, and repeat the command")
        answer = scene.update(batch, check=False)
        assert answer.out.count("Workaround") == 1, answer
    scene.cluster.wait_stage(SCHEMA, "Paused")
    assert scene.update(batch).json["result"] is True
    scene.resume()
    scene.equal()


STAGE, CONFIG = (f"/dm-master/{kind}/{b'src'.hex()}/{SCHEMA.encode().hex()}" for kind in ("stage/subtask", "upstream/subtask"))


def test_a_worker_that_missed_the_pause_takes_the_change(scene):
    """Pause, change and resume while its watch was interrupted: it sees the stage Running and another configuration."""
    scene.start()
    scene.synced()
    text = scene.cluster.etcdctl("get", CONFIG, "--print-value-only").stdout
    assert "batch = 100" in text, text
    scene.cluster.etcdctl("put", CONFIG, text.replace("batch = 100", "batch = 77"))
    stage = scene.cluster.etcdctl("get", STAGE, "--print-value-only").stdout.strip()
    scene.cluster.etcdctl("put", STAGE, stage)
    wait_for(lambda: "the changed configuration is taken over" in scene.log(), "it takes the change over")
    scene.cluster.wait_stage(SCHEMA, "Running", "Sync")
    scene.up.run(f"INSERT INTO {SCHEMA}.t VALUES (2, 2)")
    scene.equal()
    # The same once more changes nothing.
    scene.cluster.etcdctl("put", STAGE, stage)
    scene.up.run(f"INSERT INTO {SCHEMA}.t VALUES (3, 3)")
    scene.equal()
    assert scene.log().count("the changed configuration is taken over") == 1


def test_what_only_a_dump_needs_is_not_checked(scene):
    """The copy is over: rights of the dump may be taken away, and views are loaded no more."""
    scene.up.run("DROP USER IF EXISTS upt", "CREATE USER upt IDENTIFIED BY 'upt'",
                 "GRANT SELECT, RELOAD, LOCK TABLES, REPLICATION SLAVE, REPLICATION CLIENT, BINLOG MONITOR, PROCESS, SHOW VIEW ON *.* TO upt")
    scene.cluster.ctl("operate-source", "stop", "src")
    scene.cluster.create_source("src", scene.up, **{"from": {"host": "127.0.0.1", "port": scene.up.port, "user": "upt", "password": "upt"}})
    scene.start()
    scene.synced()
    scene.up.run("REVOKE RELOAD, LOCK TABLES ON *.* FROM upt")
    scene.changed(lambda task: task["syncers"]["sync"].update({"batch": 11}))
    scene.resume()
    scene.up.run(f"INSERT INTO {SCHEMA}.t VALUES (2, 2)")
    scene.equal()


def test_restarted_worker_uses_the_new_record(scene):
    """A worker that dies between the change and the resume has the new rules; the checkpoint is kept."""
    scene.start()
    scene.synced()
    scene.changed(lambda task: task["block-allow-list"].update(list={"do-tables": [{"db-name": SCHEMA, "tbl-name": "t"}]}))
    scene.cluster.workers["worker1"].kill9()
    scene.up.run(f"INSERT INTO {SCHEMA}.other VALUES (1, 1)", f"INSERT INTO {SCHEMA}.t VALUES (2, 2)")
    scene.cluster.start_worker("worker1")
    scene.cluster.wait_stage(SCHEMA, "Paused", "Sync")
    assert scene.down.value(f"SELECT COUNT(*) FROM {TARGET}.t") == 1
    # Once more, before it has run.
    answer = scene.update(lambda task: task["block-allow-list"].update(list={"do-tables": [{"db-name": SCHEMA, "tbl-name": "other"}]}))
    assert answer.json["result"] is True, answer
    scene.resume()
    scene.synced()
    assert scene.down.value(f"SELECT COUNT(*) FROM {TARGET}.t") == 1
    assert scene.down.value(f"SELECT COUNT(*) FROM {TARGET}.other") == 1


def test_task_without_meta_keeps_the_place_it_began_at(scene):
    """mode incremental: the file names no position, or the command line did."""
    for args in ((), ("--start-time", "2000-01-01 00:00:00")):
        scene.up.run("RESET MASTER")  # the log is read from its first event on: nothing of other tests is in it
        scene.prepare()
        scene.down.run(f"CREATE DATABASE {TARGET}", f"CREATE TABLE {TARGET}.t (id INT PRIMARY KEY, v INT)",
                       f"CREATE TABLE {TARGET}.other (id INT PRIMARY KEY, v INT)")
        mode = {"task-mode": "incremental"}
        scene.cluster.ctl("start-task", scene.file(**mode), *args)
        scene.cluster.wait_stage(SCHEMA, "Running", "Sync")
        scene.synced()
        scene.changed(lambda task: task["syncers"]["sync"].update({"batch": 11}), **mode)
        scene.resume()
        scene.up.run(f"INSERT INTO {SCHEMA}.t VALUES (9, 9)")
        scene.synced()
        assert scene.down.value(f"SELECT v FROM {TARGET}.t WHERE id = 9") == 9
        scene.cluster.ctl("stop-task", SCHEMA)


def test_help(cluster):
    shown = cluster.ctl("update-task", "--help", check=False)
    assert "dmctl update-task [-s source ...] <config-file> [flags]" in shown.out, shown
