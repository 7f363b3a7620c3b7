"""Binlog event filters: what they leave out, what they stop, what goes on behind them."""
import re

import pytest

from dmtest.compare import difference
from dmtest.waiting import wait_for

SCHEMA, TARGET = "flt", "flt_to"


class Scene:
    """A task from `flt` to `flt_to` with filters."""

    def __init__(self, cluster, upstream, downstream, worker="worker1"):
        self.cluster, self.up, self.down, self.worker = cluster, upstream, downstream, worker
        self.task, self.read = "flt", 0

    def clean(self):
        for server in (self.up, self.down):
            server.run(*[f"DROP DATABASE IF EXISTS {name}" for name in (SCHEMA, TARGET, "TM_DATA", "`d.ot`")])
        self.up.run(f"CREATE DATABASE {SCHEMA}")

    def file(self, filters, schemas=None, **more):
        more = {"filters": filters, **more}
        path = self.cluster.task_file(self.task, ["src"], self.down, schemas or {SCHEMA: TARGET}, **more)
        import yaml
        with open(path) as f:
            task = yaml.safe_load(f)
        task["mysql-instances"][0]["filter-rules"] = list(filters)
        return self.cluster.write(f"task-{self.task}.yaml", task)

    def start(self, filters, *args, **more):
        answer = self.cluster.ctl("start-task", self.file(filters, **more), *(args or ["--remove-meta"]))
        self.cluster.wait_stage(self.task, "Running", "Sync")
        self.news()
        return answer

    def refused(self, filters, code, *phrases, command="start-task", **more):
        answer = self.cluster.ctl(command, self.file(filters, **more), check=False)
        assert not answer.ok and f"[code={code}:" in answer.out + answer.err, answer
        for phrase in phrases:
            assert phrase in answer.out + answer.err, (phrase, str(answer))
        assert self.cluster.status(self.task) is None

    def synced(self):
        self.cluster.wait_synced(self.task, self.up)

    def equal(self, schemas=None):
        self.synced()
        found = difference(self.up, self.down, schemas or {SCHEMA: TARGET})
        assert found is None, found

    def news(self):
        """What the worker's log got since the last call."""
        log = self.cluster.log(self.worker, 1000000)
        new, self.read = log[self.read:], len(log)
        return new

    def skipped(self, kind):
        found = re.search(rf'dm_syncer_skip_binlog_duration_count{{source_id="src",task="{self.task}",type="{kind}"}} (\d+)',
                          self.cluster.http("/metrics", self.cluster.workers[self.worker].port))
        return int(found[1]) if found else 0

    def rows(self, server, table, columns="*"):
        schema = SCHEMA if server is self.up else TARGET
        return server.run(f"SELECT {columns} FROM {schema}.{table} ORDER BY 1")


SOURCE_FILTERS = [{"schema-pattern": SCHEMA, "table-pattern": "src_?", "events": ["update"], "action": "Ignore"}]


@pytest.fixture(scope="module", params=["mariadb", "mysql9"])
def module_scene(request, tmp_path_factory, servers):
    from dmtest.cluster import Cluster
    cluster = Cluster(tmp_path_factory.mktemp(f"filters-{request.param}"))
    cluster.start_master()
    cluster.start_worker("worker1")
    upstream, downstream = servers.get(request.param, "up"), servers.get(request.param, "down")
    cluster.create_source("src", upstream, filters=SOURCE_FILTERS)
    yield Scene(cluster, upstream, downstream)
    cluster.stop()


@pytest.fixture
def scene(module_scene):
    module_scene.clean()
    yield module_scene
    module_scene.cluster.ctl("stop-task", module_scene.task, check=False)


only_mariadb = pytest.mark.parametrize("module_scene", ["mariadb"], indirect=True)


def test_rows_and_statements_are_left_out(scene):
    scene.up.script(f"""
USE {SCHEMA};
CREATE TABLE log_1 (id INT PRIMARY KEY, v INT);
CREATE TABLE src_1 (id INT PRIMARY KEY, v INT);
CREATE TABLE allowed (id INT PRIMARY KEY, v INT);
CREATE TABLE other (id INT PRIMARY KEY, v INT);
CREATE TABLE gone (id INT PRIMARY KEY);
INSERT INTO log_1 VALUES (1, 1), (2, 2);
INSERT INTO src_1 VALUES (1, 1);
INSERT INTO other VALUES (1, 1);
""")
    scene.start({
        "keep": {"schema-pattern": SCHEMA, "table-pattern": "log_*",
                 "events": ["DELETE", "truncate table", "drop table", "drop column"], "action": "Ignore"},
        "only": {"schema-pattern": SCHEMA, "table-pattern": "allowed", "events": ["insert", "create table"], "action": "Do"},
        "text": {"schema-pattern": SCHEMA, "sql-pattern": [r"^drop\s+table.*gone", r"comment\s*=\s*'secret'"], "action": "Ignore"},
    })
    rows, queries = scene.skipped("rows"), scene.skipped("query")
    scene.up.script(f"""
USE {SCHEMA};
DELETE FROM log_1 WHERE id = 1;
UPDATE log_1 SET v = 5 WHERE id = 2;
INSERT INTO log_1 VALUES (3, 3);
UPDATE src_1 SET v = 7;
INSERT INTO src_1 VALUES (2, 2);
INSERT INTO allowed VALUES (1, 1), (2, 2);
UPDATE allowed SET v = 9;
DELETE FROM allowed WHERE id = 1;
ALTER TABLE allowed ADD COLUMN nothing INT;
UPDATE other SET v = 2;
DELETE FROM other WHERE id = 1;
INSERT INTO other VALUES (5, 5);
ALTER TABLE other COMMENT = 'secret';
DROP TABLE gone;
TRUNCATE TABLE log_1;
""")
    scene.synced()
    assert scene.rows(scene.down, "log_1") == ((1, 1), (2, 5), (3, 3))
    assert scene.rows(scene.down, "src_1") == ((1, 1), (2, 2))
    assert scene.rows(scene.down, "allowed") == ((1, 1), (2, 2))
    assert scene.rows(scene.down, "other") == ((5, 5),)
    assert scene.rows(scene.down, "gone") == ()
    assert "secret" not in scene.down.run(f"SHOW CREATE TABLE {TARGET}.other")[0][1]
    assert scene.skipped("rows") >= rows + 4
    assert scene.skipped("query") >= queries + 4
    news = scene.news()
    for event in ("alter table", "drop table", "truncate table"):
        assert f'[event="{event}"]' in news, news


def test_filtered_events_move_the_checkpoint(scene):
    scene.up.run(f"CREATE TABLE {SCHEMA}.t (id INT PRIMARY KEY, v INT)")
    scene.start({"all": {"schema-pattern": SCHEMA, "events": ["all"], "action": "Ignore"}})
    for i in range(3):
        scene.up.run(f"INSERT INTO {SCHEMA}.t VALUES ({i}, {i})")
    scene.synced()
    wait_for(lambda: scene.cluster.status(scene.task)["sync"]["synced"], "synced behind filtered rows", 20)
    scene.up.run(f"CREATE TABLE {SCHEMA}.u (id INT PRIMARY KEY)", f"DROP TABLE {SCHEMA}.t")
    scene.synced()
    wait_for(lambda: scene.cluster.status(scene.task)["sync"]["synced"], "synced behind filtered statements", 20)
    assert scene.rows(scene.down, "t") == ()
    # A restart begins behind them.
    scene.cluster.ctl("pause-task", scene.task)
    scene.cluster.ctl("resume-task", scene.task)
    scene.cluster.wait_stage(scene.task, "Running", "Sync")
    scene.synced()


def test_filtered_definition_is_tracked(scene):
    """What the rows look like is known, whatever the downstream has."""
    scene.up.run(f"CREATE TABLE {SCHEMA}.t (id INT PRIMARY KEY, v INT)", f"INSERT INTO {SCHEMA}.t VALUES (1, 1)")
    scene.start({"ddl": {"schema-pattern": SCHEMA, "table-pattern": "t", "events": ["all ddl"], "action": "Ignore"}})
    scene.up.run(f"ALTER TABLE {SCHEMA}.t ADD COLUMN c INT", f"INSERT INTO {SCHEMA}.t VALUES (2, 2, 2)")
    scene.cluster.wait_error(scene.task, phrase="Unknown column")
    scene.cluster.ctl("resume-task", scene.task)
    scene.cluster.wait_error(scene.task, phrase="Unknown column")
    scene.down.run(f"ALTER TABLE {TARGET}.t ADD COLUMN c INT")
    scene.cluster.ctl("resume-task", scene.task)
    scene.cluster.wait_stage(scene.task, "Running", "Sync")
    scene.equal()
    # A column that goes upstream only: rows come without it.
    scene.up.run(f"ALTER TABLE {SCHEMA}.t DROP COLUMN v", f"INSERT INTO {SCHEMA}.t VALUES (3, 3)")
    scene.synced()
    assert scene.rows(scene.down, "t") == ((1, 1, None), (2, 2, 2), (3, None, 3))


def test_parts_of_a_statement(scene):
    """Each change of a list is judged by itself, all are tracked."""
    scene.up.run(f"CREATE TABLE {SCHEMA}.t (id INT PRIMARY KEY, a INT, b INT)", f"CREATE TABLE {SCHEMA}.u (id INT PRIMARY KEY)",
                 f"INSERT INTO {SCHEMA}.t VALUES (1, 1, 1)")
    # Without safe mode, whose REPLACE would empty a column that is gone upstream only.
    scene.start({"drops": {"schema-pattern": SCHEMA, "table-pattern": "t", "events": ["drop column", "drop table"],
                           "action": "Ignore"}}, syncers={"sync": {"safe-mode-duration": "0s"}})
    scene.up.run(f"ALTER TABLE {SCHEMA}.t DROP COLUMN a, ADD COLUMN c INT DEFAULT 7, MODIFY b BIGINT",
                 f"INSERT INTO {SCHEMA}.t VALUES (2, 2, 2)", f"UPDATE {SCHEMA}.t SET b = 5 WHERE id = 1")
    scene.synced()
    assert scene.rows(scene.down, "t", "id, a, b, c") == ((1, 1, 5, 7), (2, None, 2, 2))
    scene.up.run(f"DROP TABLE {SCHEMA}.t, {SCHEMA}.u", f"CREATE TABLE {SCHEMA}.w (id INT PRIMARY KEY)")
    scene.synced()
    assert [row[0] for row in scene.down.run(f"SHOW TABLES IN {TARGET}")] == ["t", "w"]


def test_error_rules_stop(scene):
    scene.up.run(f"CREATE TABLE {SCHEMA}.t (id INT PRIMARY KEY, v INT)", f"CREATE TABLE {SCHEMA}.u (id INT PRIMARY KEY)")
    stop = {"stop": {"schema-pattern": SCHEMA, "table-pattern": "*", "events": ["delete", "incompatible ddl changes"],
                     "action": "Error"}}
    scene.start(stop)
    scene.up.run(f"INSERT INTO {SCHEMA}.t VALUES (1, 1), (2, 2)", f"DELETE FROM {SCHEMA}.t WHERE id = 1")
    scene.cluster.wait_error(scene.task, 36015, f"event delete on `{SCHEMA}`.`t`")
    assert scene.rows(scene.down, "t") == ((1, 1), (2, 2))
    # A resume does not pass it; without the event it is applied.
    scene.cluster.ctl("resume-task", scene.task)
    scene.cluster.wait_error(scene.task, 36015, "event delete")
    scene.cluster.ctl("stop-task", scene.task)
    stop["stop"]["events"] = ["incompatible ddl changes"]
    scene.start(stop, "-s", "src")
    scene.equal()
    scene.up.run(f"ALTER TABLE {SCHEMA}.t DROP COLUMN v")
    error = scene.cluster.wait_error(scene.task, 36015, f"event drop column on `{SCHEMA}`.`t`")
    assert "DROP COLUMN v" in error["Message"], error
    scene.cluster.ctl("stop-task", scene.task)
    stop["stop"]["events"] = ["drop database"]
    scene.start(stop, "-s", "src")
    scene.equal()
    scene.up.run(f"DROP DATABASE {SCHEMA}")
    scene.cluster.wait_error(scene.task, 36015, f"event drop database on `{SCHEMA}`")
    assert scene.down.run(f"SHOW TABLES IN {TARGET}")


def test_text_that_cannot_be_processed(scene):
    """An Ignore rule for every schema passes it over by its text."""
    scene.up.run(f"CREATE TABLE {SCHEMA}.t (id INT PRIMARY KEY, v INT)",
                 f"CREATE TABLE {SCHEMA}.l (id INT PRIMARY KEY, v INT)")
    scene.start({})
    logged = ("SET SESSION binlog_format = STATEMENT", f"INSERT INTO {SCHEMA}.l VALUES (1, 1)")
    scene.up.run(*logged)
    scene.cluster.wait_error(scene.task, 36014)
    scene.cluster.ctl("stop-task", scene.task)
    scene.start({"text": {"schema-pattern": "*", "sql-pattern": [r"^insert into \w+\.l\b"], "action": "Ignore"}}, "-s", "src")
    scene.up.run(f"INSERT INTO {SCHEMA}.t VALUES (1, 1)")
    scene.synced()
    assert scene.rows(scene.down, "t") == ((1, 1),) and scene.rows(scene.down, "l") == ()
    # All rows of the table are left out: a logged statement on it is, too.
    scene.cluster.ctl("stop-task", scene.task)
    scene.start({"rows": {"schema-pattern": SCHEMA, "table-pattern": "l", "events": ["all dml"], "action": "Ignore"}}, "-s", "src")
    scene.up.run(logged[0], f"UPDATE {SCHEMA}.l SET v = 2")
    scene.synced()
    scene.up.run(logged[0], f"UPDATE {SCHEMA}.t SET v = 2")
    scene.cluster.wait_error(scene.task, 36014)


@only_mariadb
def test_statement_that_cannot_be_tracked(scene):
    scene.up.run(f"CREATE TABLE {SCHEMA}.t (id INT PRIMARY KEY, v INT)")
    scene.start({})
    scene.up.run(f"ALTER TABLE {SCHEMA}.t ADD s BIGINT UNSIGNED GENERATED ALWAYS AS ROW START, ADD e BIGINT UNSIGNED GENERATED ALWAYS AS ROW "
                 "END, ADD PERIOD FOR SYSTEM_TIME (s, e), ADD SYSTEM VERSIONING")
    scene.cluster.wait_error(scene.task, phrase="SYSTEM VERSIONING")
    scene.cluster.ctl("stop-task", scene.task)
    scene.start({"text": {"schema-pattern": "*", "sql-pattern": [r"add\s+system\s+versioning$"], "action": "Ignore"}}, "-s", "src",
                **{"ignore-checking-items": ["all"]})
    scene.up.run(f"CREATE TABLE {SCHEMA}.u (id INT PRIMARY KEY)", f"INSERT INTO {SCHEMA}.u VALUES (1)")
    scene.synced()
    assert scene.rows(scene.down, "u") == ((1,),)


@only_mariadb
def test_prepared_xa_of_filtered_rows(scene):
    scene.up.run(f"CREATE TABLE {SCHEMA}.t (id INT PRIMARY KEY, v INT)", f"INSERT INTO {SCHEMA}.t VALUES (1, 1)")
    scene.start({"rows": {"schema-pattern": SCHEMA, "table-pattern": "t", "events": ["delete"], "action": "Ignore"}})
    scene.up.run("XA START 'x'", f"DELETE FROM {SCHEMA}.t WHERE id = 1", "XA END 'x'", "XA PREPARE 'x'", "XA COMMIT 'x'",
                 f"INSERT INTO {SCHEMA}.t VALUES (2, 2)")
    scene.synced()
    assert scene.rows(scene.down, "t") == ((1, 1), (2, 2))
    scene.up.run("XA START 'y'", f"INSERT INTO {SCHEMA}.t VALUES (3, 3)", "XA END 'y'", "XA PREPARE 'y'", "XA COMMIT 'y'")
    scene.synced()
    assert scene.rows(scene.down, "t") == ((1, 1), (2, 2), (3, 3))


CHANGES = """
ALTER TABLE t1 MODIFY m SMALLINT(6);
ALTER TABLE t1 MODIFY m MEDIUMINT(7);
ALTER TABLE t1 MODIFY de DECIMAL(7,1);
ALTER TABLE t1 MODIFY de DECIMAL(7,2);
ALTER TABLE t1 MODIFY m VARCHAR(10);
ALTER TABLE t1 MODIFY m MEDIUMINT(7);
ALTER TABLE t1 CHANGE c c_new INT;
ALTER TABLE t1 CHANGE c_new c INT;
ALTER TABLE t1 DROP COLUMN j;
ALTER TABLE t1 CHANGE id id INT;
ALTER TABLE t1 DROP PRIMARY KEY;
ALTER TABLE t1 CHANGE c c INT DEFAULT 1;
ALTER TABLE t1 ADD CONSTRAINT uc UNIQUE (c);
ALTER TABLE t1 CHANGE c c INT DEFAULT 1;
ALTER TABLE t1 DROP INDEX uc;
ALTER TABLE t1 CHANGE s s SMALLINT(6) AFTER m;
ALTER TABLE t1 MODIFY ch CHAR(4) CHARACTER SET latin1;
ALTER TABLE t1 MODIFY tx TEXT COLLATE utf8mb4_unicode_ci;
ALTER TABLE t1 ADD INDEX i1 (s);
ALTER TABLE t1 RENAME INDEX i1 TO i2;
ALTER TABLE p1 REORGANIZE PARTITION pa, pb INTO (PARTITION pc VALUES LESS THAN (20));
ALTER TABLE p1 TRUNCATE PARTITION pc;
ALTER TABLE p1 REBUILD PARTITION pc;
ALTER TABLE p1 EXCHANGE PARTITION pc WITH TABLE x1;
ALTER TABLE p1 DROP PARTITION pd;
ALTER TABLE h1 COALESCE PARTITION 1;
ALTER TABLE t1 ENGINE = MyISAM;
ALTER TABLE t1 ADD COLUMN n INT;
ALTER TABLE p1 ADD PARTITION (PARTITION pe VALUES LESS THAN (90));
CREATE INDEX i3 ON t1 (s);
DROP INDEX i3 ON t1;
RENAME TABLE x1 TO x2;
TRUNCATE TABLE t1;
DROP TABLE t1;
"""
EVENTS = """value range decrease
precision decrease
precision decrease
modify column
modify column
rename column
rename column
drop column
remove auto increment
drop primary key
modify default value
modify constraint
drop unique key
drop index
modify columns order
modify charset
modify collation
modify constraint
rename index
reorganize table partition
truncate table partition
rebuild table partition
exchange table partition
drop table partition
coalesce table partition
modify storage engine
drop index
rename table
truncate table
drop table"""


def test_names_of_incompatible_changes(scene):
    scene.up.script(f"""
USE {SCHEMA};
CREATE TABLE t1 (id INT AUTO_INCREMENT PRIMARY KEY, c INT, m MEDIUMINT(7), s SMALLINT(6), de DECIMAL(7,2), j JSON, ch CHAR(4), tx TEXT) DEFAULT CHARSET utf8mb4 COLLATE utf8mb4_general_ci;
CREATE TABLE p1 (a INT) PARTITION BY RANGE (a) (PARTITION pa VALUES LESS THAN (10), PARTITION pb VALUES LESS THAN (20), PARTITION pd VALUES LESS THAN (30));
CREATE TABLE x1 (a INT);
CREATE TABLE h1 (a INT) PARTITION BY HASH (a) PARTITIONS 3;
""")
    scene.start({"all": {"schema-pattern": "*", "events": ["incompatible ddl changes"], "action": "Ignore"}})
    before = scene.down.run(f"SHOW CREATE TABLE {TARGET}.h1", f"SHOW CREATE TABLE {TARGET}.x1")
    scene.up.script(f"USE {SCHEMA};\n{CHANGES}")
    scene.synced()
    assert re.findall(r'a filter leaves out a statement.*\[event="?([a-z ]+)"?\]', scene.news()) == EVENTS.split("\n")
    assert scene.down.run(f"SHOW CREATE TABLE {TARGET}.h1", f"SHOW CREATE TABLE {TARGET}.x1") == before
    columns = [row[0] for row in scene.down.run(f"SHOW COLUMNS FROM {TARGET}.t1")]
    assert columns == ["id", "c", "m", "s", "de", "j", "ch", "tx", "n"]


@pytest.mark.parametrize("point", ["sync/before-track", "sync/before-save", "sync/before-checkpoint"])
@only_mariadb
def test_killed_at_a_filtered_statement(scene, point):
    scene.up.run(f"CREATE TABLE {SCHEMA}.t (id INT PRIMARY KEY, v INT)", f"INSERT INTO {SCHEMA}.t VALUES (1, 1)",
                 f"CREATE TABLE {SCHEMA}.nokey (a INT)")
    cluster = scene.cluster
    cluster.workers["worker1"].stop()
    cluster.start_worker("worker1", failpoints=f"{point}=kill")
    filters = {"f": {"schema-pattern": SCHEMA, "table-pattern": "*", "events": ["drop column", "delete"], "action": "Ignore"}}
    scene.start(filters)
    scene.up.run(f"INSERT INTO {SCHEMA}.t VALUES (2, 2)", f"INSERT INTO {SCHEMA}.nokey VALUES (1)",
                 f"DELETE FROM {SCHEMA}.nokey", f"ALTER TABLE {SCHEMA}.t DROP COLUMN v",
                 f"INSERT INTO {SCHEMA}.t VALUES (3)", f"DELETE FROM {SCHEMA}.t WHERE id = 1",
                 f"INSERT INTO {SCHEMA}.nokey VALUES (2)", f"DELETE FROM {SCHEMA}.nokey")
    worker = cluster.workers["worker1"]
    wait_for(lambda: not worker.alive(), lambda: f"the worker reaches {point}\n{cluster.log('worker1')}")
    cluster.start_worker("worker1")
    cluster.wait_stage(scene.task, "Running", "Sync")
    scene.synced()
    assert scene.rows(scene.down, "t") == ((1, 1), (2, 2), (3, None))
    assert scene.rows(scene.down, "nokey") == ((1,), (2,))


@only_mariadb
def test_bad_rules_are_refused(scene):
    scene.up.run(f"CREATE TABLE {SCHEMA}.t (id INT PRIMARY KEY)")
    good = {"schema-pattern": SCHEMA, "events": ["insert"], "action": "Ignore"}
    for changed, phrase in (({"action": "ignore"}, "ignore"), ({"action": ""}, "action"), ({"schema-pattern": ""}, "schema pattern"),
                            ({"schema-pattern": "a*b"}, "a*b not valid"), ({"table-pattern": "*t"}, "*t not valid"),
                            ({"sql-pattern": ["drop ("]}, "missing")):
        for command in ("start-task", "check-task"):
            scene.refused({"f": {**good, **changed}}, 20037, phrase, command=command)
    scene.refused({"f": None}, 20037, "f is empty")
    path = scene.file({"f": good})
    for old, new, code in (("- f", "- g", 20024), ("      filter-rules:\n      - f\n", "", 20038)):
        with open(path) as f:
            text = f.read()
        changed = text.replace("  filter-rules:\n  - f\n", "  filter-rules:\n  - g\n" if code == 20024 else "")
        assert changed != text
        answer = scene.cluster.ctl("start-task", scene.cluster.write("bad.yaml", changed), check=False)
        assert not answer.ok and f"[code={code}:" in answer.out + answer.err, answer
    answer = scene.cluster.create_source("bad", scene.up, check=False,
                                         filters=[{"schema-pattern": "a", "action": "Nothing"}])
    assert not answer.ok and "[code=20037:" in answer.out + answer.err, answer


@only_mariadb
def test_rules_without_effect_are_told(scene):
    """Letter case decides whether a rule matches; one that matches nothing is a warning, not a surprise."""
    scene.up.run("CREATE DATABASE TM_DATA", "CREATE TABLE TM_DATA.TM_DATA (id INT PRIMARY KEY)",
                 "CREATE TABLE TM_DATA.other (id INT PRIMARY KEY)")
    rules = {"f": {"schema-pattern": "TM_DATA", "table-pattern": "TM_DATA", "events": ["delete", "truncate"], "action": "Ignore"},
             "g": {"schema-pattern": "tm_data", "table-pattern": "tm_data", "events": ["all"], "action": "Ignore"}}
    path = scene.file(rules, schemas=["tm_data"])
    out = scene.cluster.ctl("check-task", path, "--warn", "100").out
    assert "event `truncate`" in out and "filter 2 on `tm_data`.`tm_data` has no effect" in out, out
    assert "`tm_data` matches nothing" not in out and f"`{SCHEMA}`.`src_?` matches nothing of source src" in out, out
    scene.cluster.ctl("start-task", path, "--remove-meta")
    scene.cluster.wait_stage(scene.task, "Running", "Sync")
    scene.up.run(*[f"INSERT INTO TM_DATA.{t} VALUES (1), (2)" for t in ("TM_DATA", "other")],
                 *[f"DELETE FROM TM_DATA.{t} WHERE id = 1" for t in ("TM_DATA", "other")])
    scene.synced()
    assert scene.down.run("SELECT * FROM TM_DATA.TM_DATA") == ((1,), (2,))
    assert scene.down.run("SELECT * FROM TM_DATA.other") == ((2,),)
    scene.cluster.ctl("stop-task", scene.task)
    path = scene.file(rules, schemas=["tm_data"], **{"case-sensitive": True})
    out = scene.cluster.ctl("check-task", path, "--warn", "100").out
    assert "do-dbs entry `tm_data` matches nothing" in out and "filter on `tm_data`.`tm_data` matches nothing" in out, out
    assert "has no effect: filter" not in out and "letter case matters" in out, out


@only_mariadb
def test_dots_in_names(scene):
    for server in (scene.up, scene.down):
        server.run("DROP DATABASE IF EXISTS `d.ot`")
    scene.up.run("CREATE DATABASE `d.ot`", "CREATE TABLE `d.ot`.`x.y` (id INT PRIMARY KEY)", "CREATE TABLE `d.ot`.`xzy` (id INT PRIMARY KEY)")
    scene.start({"f": {"schema-pattern": "d.ot", "table-pattern": "x.y", "events": ["delete"], "action": "Ignore"}},
                schemas=["d.ot"], **{
        "block-allow-list": {"list": {"do-tables": [{"db-name": "d.ot", "tbl-name": "x.y"}, {"db-name": "d.ot", "tbl-name": "xzy"}]}},
        "routes": {"r": {"schema-pattern": "d.ot", "table-pattern": "x.y", "target-schema": "d.ot", "target-table": "z.z"}},
        "mysql-instances": [{"source-id": "src", "block-allow-list": "list", "route-rules": ["r"], "mydumper-config-name": "dump",
                             "loader-config-name": "load", "syncer-config-name": "sync"}]})
    for table in ("x.y", "xzy"):
        scene.up.run(f"INSERT INTO `d.ot`.`{table}` VALUES (1), (2)", f"DELETE FROM `d.ot`.`{table}` WHERE id = 1")
    scene.synced()
    assert scene.down.run("SELECT * FROM `d.ot`.`z.z`") == ((1,), (2,))
    assert scene.down.run("SELECT * FROM `d.ot`.`xzy`") == ((2,),)


# ---- expression filters -------------------------------------------------------------------------


def expressions(scene, rules, *args, **more):
    """Starts the task with expression filters on `t`, or the table that a rule names."""
    named = {name: {"schema": SCHEMA, "table": "t", **rule} for name, rule in rules.items()}
    path = scene.file({}, **{"expression-filter": named, **more})
    import yaml
    with open(path) as f:
        task = yaml.safe_load(f)
    task["mysql-instances"][0]["expression-filters"] = list(named)
    path = scene.cluster.write(f"task-{scene.task}.yaml", task)
    if args == ("file",):
        return path
    scene.cluster.ctl("start-task", path, *(args or ["--remove-meta"]))
    scene.cluster.wait_stage(scene.task, "Running", "Sync")
    scene.news()
    return path


def counted(text):
    """Sums of the counters in the log: inserts, updates, deletes."""
    sums = []
    for kind in ("insert", "update", "delete"):
        sums.append(sum(int(n) for n in re.findall(rf'\["number of filtered {kind}"=(\d+)\]', text)))
    return sums


def test_rows_left_out_by_expressions(scene):
    """Of each kind, alone and beside rules of the others."""
    scene.up.run(f"CREATE TABLE {SCHEMA}.t (id INT PRIMARY KEY, r VARCHAR(20), s INT, c INT)",
                 f"INSERT INTO {SCHEMA}.t VALUES (1, 'a', 2, 1), (2, 'b', 2, 2), (3, 'x', 3, 3)")
    expressions(scene, {
        "even": {"insert-value-expr": "c % 2 = 0"}, "big": {"insert-value-expr": "c > 1000"},
        "new-a": {"update-new-value-expr": "r = 'a'"}, "never": {"update-old-value-expr": "1 = 0", "update-new-value-expr": "1 = 1"},
        "both": {"update-old-value-expr": "s = 3", "update-new-value-expr": "s = 4"},
        "keep": {"delete-value-expr": "id < 2 OR r IS NULL"}})
    scene.up.script(f"""
USE {SCHEMA};
UPDATE t SET s = s + 10 WHERE id = 1;
UPDATE t SET s = s + 10 WHERE id = 2;
UPDATE t SET s = 4 WHERE id = 3;
UPDATE t SET s = 5 WHERE id = 3;
INSERT INTO t VALUES (10, 'n', 0, 10), (11, 'n', 0, 11), (12, 'n', 0, NULL), (13, NULL, 0, 13), (14, 'n', 0, 1001);
UPDATE t SET r = 'a' WHERE id = 11;
DELETE FROM t WHERE id IN (1, 2, 13);
""")
    scene.synced()
    # The update of 3 to 4 was left out, so the one to 5 finds the row with 3; downstream it is found by its key.
    assert scene.rows(scene.down, "t") == ((1, "a", 2, 1), (3, "x", 5, 3), (11, "n", 0, 11), (12, "n", 0, None), (13, None, 0, 13))
    wait_for(lambda: counted(scene.cluster.log(scene.worker, 1000000)[scene.read:]) == [2, 3, 2],
             lambda: f"counts are logged: {counted(scene.cluster.log(scene.worker, 1000000)[scene.read:])}", 20)


def test_expressions_on_many_types(scene):
    scene.up.script(f"""
USE {SCHEMA};
CREATE TABLE t (id INT PRIMARY KEY, name VARCHAR(30) CHARACTER SET latin1, n VARCHAR(30), de DECIMAL(20,6), ub BIGINT UNSIGNED, d DATETIME(3), ts TIMESTAMP NULL, e ENUM('new','archived'), bi VARBINARY(10), g INT AS (id * 2)) DEFAULT CHARSET utf8mb4 COLLATE utf8mb4_general_ci;
""")
    expressions(scene, {
        "name": {"insert-value-expr": "name = 'Müller'"}, "n": {"insert-value-expr": "n LIKE 'skip%'"},
        "de": {"insert-value-expr": "de * 3 = 0.3"}, "ub": {"insert-value-expr": "ub > 9223372036854775807"},
        "d": {"insert-value-expr": "year(d) < 2020"}, "ts": {"insert-value-expr": "ts < '2000-01-01 05:00:00'"},
        "e": {"insert-value-expr": "e = 'ARCHIVED'"}, "bi": {"insert-value-expr": "bi = x'00ff'"}, "g": {"insert-value-expr": "g = 200"}},
        **{"timezone": "+05:00"})
    scene.up.script(f"""
USE {SCHEMA};
SET time_zone = '+00:00';
INSERT INTO t (id, name) VALUES (1, 'MÜLLER'), (2, 'Muller');
INSERT INTO t (id, n) VALUES (3, 'SKIPPED'), (4, 'kept');
INSERT INTO t (id, de) VALUES (5, 0.1), (6, 0.100001);
INSERT INTO t (id, ub) VALUES (7, 18446744073709551615), (8, 9223372036854775807);
INSERT INTO t (id, d) VALUES (9, '2019-12-31 23:59:59.999'), (10, '2020-01-01 00:00:00');
INSERT INTO t (id, ts) VALUES (11, '1999-12-31 23:59:59'), (12, '2000-01-01 00:00:00');
INSERT INTO t (id, e) VALUES (13, 'archived'), (14, 'new');
INSERT INTO t (id, bi) VALUES (15, x'00ff'), (16, x'00fe');
INSERT INTO t (id) VALUES (100), (101);
""")
    scene.synced()
    assert [row[0] for row in scene.rows(scene.down, "t", "id")] == [2, 4, 6, 8, 10, 12, 14, 16, 101]


@pytest.mark.parametrize("zone,begin", [("-03:30", "03:30:00"), ("-11:00", "11:00:00"), ("-00:30", "00:30:00")])
def test_expressions_in_a_zone_west_of_greenwich(scene, zone, begin):
    """`begin`: of the year 2000 there, as UTC shows it."""
    scene.up.run(f"CREATE TABLE {SCHEMA}.t (id INT PRIMARY KEY, ts TIMESTAMP NULL, u TIMESTAMP NULL, y TIMESTAMP NULL)")
    expressions(scene, {
        "ts": {"insert-value-expr": "ts < '2000-01-01 00:00:00'"}, "u": {"insert-value-expr": "hour(u) = 23"},
        "y": {"insert-value-expr": "year(y) = 1999"}}, timezone=zone)
    scene.up.script(f"""
USE {SCHEMA};
SET time_zone = '+00:00';
INSERT INTO t (id, ts) VALUES (1, '2000-01-01 {begin}' - INTERVAL 1 SECOND), (2, '2000-01-01 {begin}');
INSERT INTO t (id, u) VALUES (3, '2000-01-01 {begin}' - INTERVAL 1 SECOND), (4, '2000-01-01 {begin}');
INSERT INTO t (id, y) VALUES (7, '2000-01-01 {begin}' - INTERVAL 1 SECOND), (8, '2000-01-01 {begin}');
""")
    scene.synced()
    assert [row[0] for row in scene.rows(scene.down, "t", "id")] == [2, 4, 8]


def test_expressions_follow_the_definition(scene):
    scene.up.run(f"CREATE TABLE {SCHEMA}.t (id INT PRIMARY KEY, v INT, w INT)", f"CREATE TABLE {SCHEMA}.nokey (a INT)")
    expressions(scene, {"v": {"insert-value-expr": "v = 1"}, "w": {"delete-value-expr": "w = 1"},
                        "nokey": {"table": "nokey", "insert-value-expr": "a = 1"}})
    scene.up.run(f"INSERT INTO {SCHEMA}.t VALUES (1, 1, 1), (2, 2, 1)", f"INSERT INTO {SCHEMA}.nokey VALUES (1), (2), (1), (2)")
    # The text is compared now, then there is no column, then it is another one at another place.
    scene.up.run(f"ALTER TABLE {SCHEMA}.t MODIFY v VARCHAR(10)", f"INSERT INTO {SCHEMA}.t VALUES (3, '1', 1), (4, '1x', 1)",
                 f"ALTER TABLE {SCHEMA}.t DROP COLUMN v", f"INSERT INTO {SCHEMA}.t VALUES (5, 1)", f"DELETE FROM {SCHEMA}.t WHERE id = 5",
                 f"ALTER TABLE {SCHEMA}.t ADD COLUMN v INT FIRST", f"INSERT INTO {SCHEMA}.t VALUES (1, 6, 0), (2, 7, 0)")
    scene.synced()
    # '1x' is 1 as a number as well.
    assert scene.rows(scene.down, "t", "id, w, v") == ((2, 1, None), (5, 1, None), (7, 0, 2))
    assert scene.rows(scene.down, "nokey") == ((2,), (2,))
    news = scene.news()
    assert "an expression filter has no effect" in news and "no column `v`" in news, news


@only_mariadb
def test_killed_between_filtered_rows(scene):
    """Filtered again after a restart; tables without keys get nothing twice."""
    scene.up.run(f"CREATE TABLE {SCHEMA}.t (id INT PRIMARY KEY, v INT)", f"CREATE TABLE {SCHEMA}.nokey (a INT, b INT)")
    cluster = scene.cluster
    cluster.workers["worker1"].stop()
    cluster.start_worker("worker1", failpoints="sync/after-serial-commit=2*kill")
    expressions(scene, {"t": {"insert-value-expr": "v % 3 = 0"}, "u": {"update-new-value-expr": "v > 100"},
                        "nokey": {"table": "nokey", "insert-value-expr": "b % 2 = 0"}, "d": {"table": "nokey", "delete-value-expr": "b = 1"}})
    for i in range(12):
        scene.up.run("BEGIN", f"INSERT INTO {SCHEMA}.t VALUES ({i}, {i}), ({i + 100}, {i + 1})", f"INSERT INTO {SCHEMA}.nokey VALUES (1, {i}), (1, {i})",
                     f"UPDATE {SCHEMA}.t SET v = v + {i * 20} WHERE id = {i}", f"DELETE FROM {SCHEMA}.nokey WHERE b = {i} LIMIT 1", "COMMIT")
        if i == 1:  # is committed alone
            wait_for(lambda: scene.rows(scene.down, "nokey", "b"), "the first rows without a key are there")
    worker = cluster.workers["worker1"]
    wait_for(lambda: not worker.alive(), lambda: f"the worker reaches its fail point\n{cluster.log('worker1')}")
    cluster.start_worker("worker1")
    cluster.wait_stage(scene.task, "Running", "Sync")
    scene.synced()
    expected = {}
    for i in range(12):
        for key, v in ((i, i), (i + 100, i + 1)):
            if v % 3 != 0:
                expected[key] = v
        # In safe mode an update of a row that was left out brings it; without, it finds none.
        if i in expected and i + i * 20 <= 100:
            expected[i] = i + i * 20
    there = {row[0]: row[1] for row in scene.rows(scene.down, "t")}
    brought = {i for i in range(12) if i % 3 == 0 and i * 21 <= 100}
    assert {k: v for k, v in there.items() if k not in brought} == expected
    # Of each odd pair one was deleted, but for b = 1.
    assert [row[0] for row in scene.rows(scene.down, "nokey", "b")] == [1, 1, 3, 5, 7, 9, 11]


@only_mariadb
def test_bad_expressions_are_refused(scene):
    scene.up.run(f"CREATE TABLE {SCHEMA}.t (id INT PRIMARY KEY, d DATE, j INT)")

    def refused(rule, code, phrase, command="start-task"):
        answer = scene.cluster.ctl(command, expressions(scene, {"f": rule}, "file"), check=False)
        text = answer.out + answer.err
        assert not answer.ok and f"code={code}:" in text and phrase in text, text
        assert scene.cluster.status(scene.task) is None

    for command in ("start-task", "check-task"):
        refused({"insert-value-expr": "id >"}, 20041, "expected an expression", command)
        refused({"insert-value-expr": "soundex(id) = 'x'"}, 20041, "soundex is not supported", command)
    refused({"insert-value-expr": "d < NOW()"}, 20041, "another one when a row is repeated")
    refused({"insert-value-expr": "id = (SELECT 1)"}, 20041, "subqueries")
    refused({"insert-value-expr": "id = @x"}, 20041, "variables")
    refused({"insert-value-expr": "1", "delete-value-expr": "1"}, 20039, "exactly one kind")
    refused({"schema": "", "insert-value-expr": "1"}, 20042, "schema")
    # What the table decides.
    refused({"insert-value-expr": "idd = 1"}, 26005, "there is no column `idd`")
    refused({"insert-value-expr": "d = 20200101"}, 20041, "a date or time and a number")
    # Unchecked, it shows when rows come.
    scene.cluster.ctl("start-task", expressions(scene, {"f": {"insert-value-expr": "d = 20200101"}}, "file", **{
        "ignore-checking-items": ["all"]}), "--remove-meta")
    scene.cluster.wait_stage(scene.task, "Running", "Sync")
    scene.up.run(f"INSERT INTO {SCHEMA}.t VALUES (1, '2020-01-01', 1)")
    error = scene.cluster.wait_error(scene.task, 20041, "d = 20200101")
    assert "a date or time and a number" in error["RawCause"], error
    assert scene.rows(scene.down, "t") == ()
