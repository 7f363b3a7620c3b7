"""Online schema changes by gh-ost and pt-online-schema-change: only the change reaches the downstream, once, on the real
table, however the tool is called off, repeated or interrupted, and wherever the worker is killed."""
import json
import os
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from dmtest.cluster import Cluster
from dmtest.replicating import Replicating
from dmtest.schema_change import GhOst
from dmtest.servers import PASSWORD, USER
from dmtest.waiting import wait_for

SCHEMA, META = "osc", "dm_osc"


class Running(Replicating):
    def __init__(self, cluster):
        super().__init__(cluster, cluster.upstream, cluster.downstream, "osc", SCHEMA)

    def prepare(self, *statements):
        for server, names in ((self.upstream, [SCHEMA]), (self.downstream, [SCHEMA, "osc_target"])):
            for name in names:
                server.run(f"DROP DATABASE IF EXISTS {name}")
        self.upstream.run(f"CREATE DATABASE {SCHEMA}", f"USE {SCHEMA}", "CREATE TABLE t (id INT PRIMARY KEY, a INT, b VARCHAR(20))",
                          "INSERT INTO t VALUES (1, 1, 'x'), (2, 2, 'y')", *statements)

    def start(self, *statements, **more):
        """A task that replicates; `statements` run before it begins."""
        self.prepare(*statements)
        self.begin(**more)

    def begin(self, **more):
        super().begin(**{"meta-schema": META, **more})

    def run(self, *statements):
        self.upstream.run(f"USE {SCHEMA}", *statements)

    def equal(self, *helpers, **options):
        """Both sides are equal but for tables of the tools that are still upstream."""
        self.synced()
        target = self.targets[SCHEMA]
        for table in helpers:
            assert not self.downstream.run(f"SHOW TABLES FROM {target} LIKE '{table}'".replace("_", "\\_"))
            self.upstream.run(f"USE {SCHEMA}", "SET sql_log_bin = 0", f"DROP TABLE `{table}`")
        super().equal(**options)

    def records(self):
        """What is kept, by shadow table."""
        rows = self.downstream.run(f"SELECT id, ghost_schema, ghost_table, ddls FROM {META}.{self.task}_onlineddl")
        assert all(row[:2] == ("src", SCHEMA) for row in rows), rows
        return {row[2]: row[3] for row in rows}

    def error(self, code, *phrases):
        error = self.cluster.wait_error(self.task, code)
        for phrase in phrases:
            assert phrase in error["Message"] + error["Workaround"], error
        return error


class Writer(threading.Thread):
    """Rows of `t` change all the time, in columns that every change leaves."""

    def __init__(self, server, table="t"):
        super().__init__(daemon=True)
        self.server, self.table, self.ending, self.count, self.error = server, table, threading.Event(), 0, None
        self.guard = threading.Lock()
        self.start()

    def run(self):
        try:
            with self.server.connect(database=SCHEMA) as connection:
                connection.autocommit(True)
                cursor = connection.cursor()
                while not self.ending.is_set():
                    with self.guard:
                        self.change(cursor, self.count % 300 + 10)
                    self.count += 1
        except Exception as e:
            self.error = e

    def change(self, cursor, key):
        cursor.execute(f"REPLACE INTO `{self.table}` (id, a) VALUES (%s, %s)", (key, self.count))
        cursor.execute(f"UPDATE `{self.table}` SET a = a + 1 WHERE id = %s", ((key * 7) % 300 + 10,))
        cursor.execute(f"DELETE FROM `{self.table}` WHERE id = %s", ((key * 11) % 300 + 10,))

    def more(self, rounds=20):
        goal = self.count + rounds
        wait_for(lambda: self.count >= goal or self.error, "rows change")
        if self.error:
            raise self.error

    def stop(self):
        self.ending.set()
        self.join()
        if self.error:
            raise self.error


@pytest.fixture(scope="module", params=["mariadb", "mysql9"])
def pair(request, tmp_path_factory, servers):
    """MySQL by GTID, MariaDB by position."""
    cluster = Cluster(tmp_path_factory.mktemp(f"osc-{request.param}"))
    cluster.upstream, cluster.downstream = (servers.get(request.param, role) for role in ("up", "down"))
    cluster.start_master()
    cluster.start_worker("worker1")
    cluster.create_source("src", cluster.upstream, **{"enable-gtid": request.param == "mysql9"})
    yield Running(cluster)
    cluster.stop()


@pytest.fixture
def running(pair):
    pair.targets = {SCHEMA: SCHEMA}
    yield pair
    pair.cluster.ctl("stop-task", pair.task, check=False)


@pytest.fixture
def writer(running):
    writers = []

    def begin(table="t"):
        writers.append(Writer(running.upstream, table))
        return writers[-1]
    yield begin
    for writer in writers:
        writer.ending.set()
        writer.join()


on_mariadb = pytest.mark.parametrize("pair", ["mariadb"], indirect=True)
on_mysql = pytest.mark.parametrize("pair", ["mysql9"], indirect=True)


@pytest.mark.parametrize("cut_over", ["atomic", "two-step"])
def test_gh_ost(running, writer, cut_over):
    running.start()
    changing = writer()
    change = GhOst(running.upstream, SCHEMA, "t", "add column gh int default 5, add index igh (gh)", cut_over=cut_over,
                   guard=changing.guard)
    change.begin()
    changing.more()
    change.copy()
    change.heartbeat()
    running.synced()
    kept = {"schema": SCHEMA, "table": "t", "ddls": [f"ALTER TABLE `{SCHEMA}`.`_t_gho` ADD COLUMN `gh` INT DEFAULT 5",
                                                    f"ALTER TABLE `{SCHEMA}`.`_t_gho` ADD INDEX `igh`(`gh`)"]}
    assert running.records() == {"_t_gho": json.dumps(kept, separators=(",", ":"))}
    change.cut_over()
    changing.more()
    running.run("INSERT INTO t (id, a, gh) VALUES (5, 5, 6)")
    change.finish()
    changing.stop()
    running.equal()
    assert running.records() == {}
    # The definition known is the new one: also the next change starts from it, and a plain one.
    GhOst(running.upstream, SCHEMA, "t", "drop column gh, add column second int").all()
    running.run("ALTER TABLE t ADD COLUMN third INT AFTER second", "INSERT INTO t VALUES (6, 6, 'z', 7, 8)")
    running.equal()


def test_pt_online_schema_change_by_hand(running):
    running.start("CREATE TABLE plain (id INT PRIMARY KEY)")
    shown = running.upstream.run(f"SHOW CREATE TABLE {SCHEMA}.t")[0][1]
    running.run(shown.replace("CREATE TABLE `t` (", f"CREATE TABLE `{SCHEMA}`.`_t_new` ("),
                f"ALTER TABLE `{SCHEMA}`.`_t_new` ADD COLUMN pt INT NOT NULL DEFAULT 3, DROP COLUMN b",
                f"CREATE TRIGGER `pt_osc_{SCHEMA}_t_ins` AFTER INSERT ON `{SCHEMA}`.`t` FOR EACH ROW REPLACE INTO "
                f"`{SCHEMA}`.`_t_new` (`id`, `a`) VALUES (NEW.`id`, NEW.`a`)",
                f"INSERT LOW_PRIORITY IGNORE INTO `{SCHEMA}`.`_t_new` (`id`, `a`) SELECT `id`, `a` FROM `{SCHEMA}`.`t` "
                "LOCK IN SHARE MODE /*pt-online-schema-change 4711 copy table*/",
                "INSERT INTO t VALUES (3, 3, 'z')", "INSERT INTO plain VALUES (1)")
    running.synced()
    assert set(running.records()) == {"_t_new"}
    running.run(f"ANALYZE TABLE `{SCHEMA}`.`_t_new` /* pt-online-schema-change */",
                f"RENAME TABLE `{SCHEMA}`.`t` TO `{SCHEMA}`.`_t_old`, `{SCHEMA}`.`_t_new` TO `{SCHEMA}`.`t`",
                f"DROP TABLE IF EXISTS `{SCHEMA}`.`_t_old`", f"DROP TRIGGER IF EXISTS `{SCHEMA}`.`pt_osc_{SCHEMA}_t_ins`",
                "INSERT INTO t VALUES (4, 4, 5)")
    running.equal()
    assert running.records() == {}


def test_changes_of_one_list_stay_together(running):
    """Each alone would be another change, or none that a server takes."""
    running.start("ALTER TABLE t ADD COLUMN c INT", "UPDATE t SET c = id * 10", "CREATE TABLE u (a INT NOT NULL, UNIQUE KEY (a))",
                  "INSERT INTO u VALUES (7)")
    swap = GhOst(running.upstream, SCHEMA, "t", "rename column a to c, rename column c to a",
                 columns=[("id", "id"), ("c", "a"), ("b", "b"), ("a", "c")])
    swap.all()
    running.run("CREATE TABLE _u_new LIKE u", "ALTER TABLE _u_new ADD COLUMN id INT NOT NULL AUTO_INCREMENT, ADD PRIMARY KEY (id)",
                "INSERT INTO _u_new (a) SELECT a FROM u ORDER BY a", "RENAME TABLE u TO _u_old, _u_new TO u", "DROP TABLE _u_old")
    running.run("INSERT INTO t (id, a, b, c) VALUES (9, 90, 'n', 9)", "INSERT INTO u (a) VALUES (9)")
    running.equal()


@on_mariadb
def test_numbers_that_a_copy_gives(running):
    """Each chunk leaves a gap, and rows that are written meanwhile get numbers between the copied ones."""
    running.start("CREATE TABLE n (a INT PRIMARY KEY)", "INSERT INTO n VALUES (10), (20), (30), (40), (50)", "CREATE TABLE empty_one (a INT PRIMARY KEY)")
    running.run("CREATE TABLE _empty_one_gho LIKE empty_one", "ALTER TABLE _empty_one_gho ADD COLUMN id INT AUTO_INCREMENT UNIQUE", "RENAME TABLE empty_one TO _empty_one_del, _empty_one_gho TO empty_one",
                "INSERT INTO empty_one (a) VALUES (1)", "DROP TABLE _empty_one_del")
    running.equal()
    running.run("CREATE TABLE _n_gho LIKE n", "ALTER TABLE _n_gho ADD COLUMN id INT AUTO_INCREMENT UNIQUE", "INSERT INTO _n_gho (a) SELECT a FROM n WHERE a <= 30",
                "INSERT INTO n VALUES (60)", "INSERT INTO _n_gho (a) VALUES (60)", "INSERT INTO _n_gho (a) SELECT a FROM n WHERE a > 30 AND a < 60",
                "RENAME TABLE n TO _n_del, _n_gho TO n")
    numbers = ", ".join(str(row) for row in running.upstream.run(f"SELECT a, id FROM {SCHEMA}.n"))
    running.run("UPDATE n SET id = 1000 WHERE a = 50", "DELETE FROM n WHERE id = 3")
    running.error(36068, "with gaps and in an order that is not in the binlog", "binlog skip")
    running.downstream.run(f"DELETE FROM {SCHEMA}.n", f"ALTER TABLE {SCHEMA}.n ADD COLUMN id INT AUTO_INCREMENT UNIQUE", f"INSERT INTO {SCHEMA}.n (a, id) VALUES {numbers}")
    running.cluster.ctl("binlog", "skip", running.task)
    running.equal("_n_del")


@on_mariadb
def test_several_statements_on_the_shadow_table(running):
    running.start()
    running.run("CREATE TABLE _t_gho LIKE t", "ALTER TABLE _t_gho ADD COLUMN c INT, ADD COLUMN d INT",
                "ALTER TABLE _t_gho CHANGE c e BIGINT", "CREATE INDEX ie ON _t_gho (e)", "TRUNCATE TABLE _t_gho",
                "INSERT INTO _t_gho (id, a, b) SELECT id, a, b FROM t", "ALTER TABLE _t_gho AUTO_INCREMENT=100",
                "RENAME TABLE t TO _t_del", "ALTER TABLE _t_gho RENAME TO t", "INSERT INTO t VALUES (3, 3, 'z', 4, 5)",
                "DROP TABLE _t_del", "SET SESSION sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES'", 'CREATE TABLE "_t_gho" LIKE t',
                r"""ALTER TABLE "_t_gho" ADD COLUMN "q" VARCHAR(9) DEFAULT 'a\b''c' COMMENT '\'""",
                "INSERT INTO _t_gho (id, a, b, e, d) SELECT * FROM t", "RENAME TABLE t TO _t_del, _t_gho TO t",
                "INSERT INTO t (id) VALUES (4)")
    running.equal("_t_del")


@on_mysql
def test_collations_are_those_of_the_first_statement(running):
    """Not of the session that renames."""
    running.start(**{"collation_compatible": "strict"})
    running.run("SET SESSION default_collation_for_utf8mb4 = utf8mb4_general_ci", "CREATE TABLE _t_gho LIKE t",
                "ALTER TABLE _t_gho ADD COLUMN c VARCHAR(9) CHARACTER SET utf8mb4")
    running.run("INSERT INTO _t_gho (id, a, b) SELECT * FROM t", "RENAME TABLE t TO _t_del, _t_gho TO t", "DROP TABLE _t_del",
                "INSERT INTO t VALUES (5, 5, 'b', 'c')")
    running.equal()


@on_mariadb
def test_change_that_fails_downstream(running):
    running.start()
    running.downstream.run(f"INSERT INTO {SCHEMA}.t VALUES (77, 1, 'doubled')")
    GhOst(running.upstream, SCHEMA, "t", "add column gh int, add unique index ua (a)").all()
    running.run("INSERT INTO t VALUES (5, 5, 'b', 6)")
    running.cluster.wait_error(running.task, 10006, "1062")
    assert set(running.records()) == {"_t_gho"}
    running.downstream.run(f"DELETE FROM {SCHEMA}.t WHERE id = 77")
    running.cluster.ctl("resume-task", running.task)
    running.equal()


@on_mariadb
def test_cancelled_and_begun_again(running):
    running.start()
    first = GhOst(running.upstream, SCHEMA, "t", "add column wrong int")
    first.begin()
    first.copy()
    running.synced()
    assert "wrong" in running.records()["_t_gho"]
    first.cancel()
    running.synced()
    assert running.records() == {}
    second = GhOst(running.upstream, SCHEMA, "t", "add column abandoned int")
    second.begin()
    GhOst(running.upstream, SCHEMA, "t", "add column good int").all()
    running.equal()
    assert [row[0] for row in running.downstream.run(f"SHOW COLUMNS FROM {SCHEMA}.t")] == ["id", "a", "b", "good"]


@on_mariadb
def test_cut_over_that_is_taken_back(running):
    """Of a two-step cut-over the second step fails: the real table gets its name again."""
    running.start()
    change = GhOst(running.upstream, SCHEMA, "t", "add column gh int")
    change.begin()
    running.run("RENAME TABLE t TO _t_del")
    running.synced()
    running.cluster.ctl("pause-task", running.task)
    running.cluster.ctl("resume-task", running.task)
    running.run("RENAME TABLE _t_del TO t", "INSERT INTO t VALUES (3, 3, 'z')")
    running.equal("_t_gho", "_t_ghc")
    running.run("DROP TABLE IF EXISTS _t_gho")
    change.all()
    running.equal()


@on_mariadb
def test_tables_that_are_not_migrated(running):
    running.start("CREATE TABLE other (id INT PRIMARY KEY)",
                  **{"block-allow-list": {"list": {"do-dbs": None, "do-tables": [{"db-name": SCHEMA, "tbl-name": "t"}]}}})
    GhOst(running.upstream, SCHEMA, "other", "add column gh int").begin()
    running.synced()
    assert running.records() == {}
    running.run("DROP TABLE _other_gho", "DROP TABLE _other_ghc")
    GhOst(running.upstream, SCHEMA, "other", "add column gh int").all()
    running.run("RENAME TABLE other TO _other_gho", "RENAME TABLE _other_gho TO other")
    GhOst(running.upstream, SCHEMA, "t", "add column gh int").all()
    running.upstream.run("SET sql_log_bin = 0", f"DROP TABLE {SCHEMA}.other")
    running.equal()


@on_mariadb
def test_routes_and_filters_see_the_real_table(running):
    running.targets = {SCHEMA: "osc_target"}
    running.start(
        "CREATE TABLE u (id INT PRIMARY KEY)",
        **{"filters": {"no-drop": {"schema-pattern": SCHEMA, "table-pattern": "t", "events": ["drop column"], "action": "Ignore"},
                       "no-shadow": {"schema-pattern": SCHEMA, "table-pattern": "_u_gho", "events": ["all"], "action": "Ignore"}},
           "mysql-instances": [{"source-id": "src", "block-allow-list": "list", "mydumper-config-name": "dump",
                                "loader-config-name": "load", "syncer-config-name": "sync",
                                "route-rules": ["to-osc_target"], "filter-rules": ["no-drop", "no-shadow"]}]})
    change = GhOst(running.upstream, SCHEMA, "t", "add column gh int, drop column b")
    change.begin()
    running.synced()
    assert json.loads(running.records()["_t_gho"])["ddls"] == [f"ALTER TABLE `{SCHEMA}`.`_t_gho` ADD COLUMN `gh` INT", ""]
    change.end()
    GhOst(running.upstream, SCHEMA, "u", "add column gh int").all()
    running.run("INSERT INTO t VALUES (7, 8, 9)", "INSERT INTO u VALUES (1, 2)")
    running.synced()
    assert running.downstream.run("SELECT * FROM osc_target.t WHERE id = 7") == ((7, 8, None, 9),)
    running.downstream.run("ALTER TABLE osc_target.t DROP COLUMN b")
    running.equal(definitions=False)


def test_names(running):
    """In mixed case, with characters that must be quoted, and so long that the tool cuts them."""
    long = "a_table_with_a_name_of_sixty_four_characters_which_is_the_limit_"
    assert len(long) == 64
    running.start("CREATE TABLE `MixedCase` (id INT PRIMARY KEY)", "CREATE TABLE `it's ``q\"` (id INT PRIMARY KEY)",
                  f"CREATE TABLE {long} (id INT PRIMARY KEY)", f"INSERT INTO {long} VALUES (1)",
                  "CREATE TABLE `Größe` (id INT PRIMARY KEY)",
                  **{"block-allow-list": {"list": {"do-dbs": None, "do-tables": [
                      {"db-name": SCHEMA, "tbl-name": name} for name in ("MixedCase", "it's `q\"", long, "t", "Größe")]}}})
    GhOst(running.upstream, SCHEMA, "MixedCase", "add column `Größe` int comment 'it''s \\\\ \"漢字\" 😀', add index `i``x` (`Größe`)").all()
    quoted = GhOst(running.upstream, SCHEMA, "it's `q\"", "add column gh varchar(9) default '\\\\''%\"'")
    quoted.q = lambda name: f"`{SCHEMA}`.`" + name.replace("`", "``") + "`"
    quoted.columns = [("id", "id")]
    quoted.all()
    GhOst(running.upstream, SCHEMA, "Größe", "add column gh int").all()
    GhOst(running.upstream, SCHEMA, long, "add column gh int").all()
    running.run(f"INSERT INTO {long} VALUES (2, 3)", "INSERT INTO `MixedCase` VALUES (1, 2)")
    running.equal()


@on_mariadb
def test_rules_of_ones_own(running):
    running.start(**{"shadow-table-rules": ["^shadow_(.+)$"], "trash-table-rules": ["^(.+)_trash$", "waste_(.+)"]})
    running.run("CREATE TABLE shadow_t LIKE t", "ALTER TABLE shadow_t ADD COLUMN c INT", "INSERT INTO shadow_t SELECT *, 1 FROM t",
                "CREATE TABLE waste_t (id INT)", "INSERT INTO waste_t VALUES (1)", "DROP TABLE waste_t",
                "CREATE TABLE _x_gho (id INT PRIMARY KEY)", "INSERT INTO _x_gho VALUES (1)",  # ordinary now
                "UPDATE shadow_t SET c = NULL", "RENAME TABLE t TO t_trash, shadow_t TO t", "INSERT INTO t VALUES (4, 4, 'q', 4)")
    running.equal("t_trash")


@on_mariadb
def test_ordinary_tables_without_online_ddl(running):
    running.start("CREATE TABLE _left_old (id INT PRIMARY KEY)", **{"online-ddl": False})
    change = GhOst(running.upstream, SCHEMA, "t", "add column gh int")
    change.begin()
    change.copy()
    running.synced()
    assert running.downstream.value(f"SELECT COUNT(*) FROM {SCHEMA}._t_gho") == 2
    change.cut_over()
    running.run("INSERT INTO t VALUES (3, 3, 'z', 1)")
    running.equal()
    change.finish()
    running.equal()


@on_mariadb
def test_full_migration_leaves_helper_tables_out(running):
    running.prepare("CREATE TABLE _t_del LIKE t", "INSERT INTO _t_del SELECT * FROM t", "CREATE TABLE _gone_gho (id INT PRIMARY KEY)",
                    "CREATE TABLE _t_ghc (id INT PRIMARY KEY)")
    running.begin(**{"ignore-checking-items": ["online_ddl"]})
    running.equal("_t_del", "_gone_gho", "_t_ghc")


@on_mariadb
def test_change_during_the_full_migration(running, tmp_path):
    """Its statements come to replication with a table that the load has filled as it was before."""
    cluster = running.cluster
    cluster.workers["worker1"].stop()
    cluster.start_worker("worker1", failpoints=f"load/before-commit=pause({tmp_path}/go)")
    try:
        running.prepare()
        cluster.ctl("start-task", cluster.task_file(running.task, ["src"], running.downstream, running.targets, **{"meta-schema": META}),
                    "--remove-meta")
        cluster.wait_stage(running.task, "Running", "Load")
        GhOst(running.upstream, SCHEMA, "t", "add column gh int, drop column a").all()
        running.run("INSERT INTO t VALUES (5, 'b', 6)")
        (tmp_path / "go").touch()
        running.equal()
    finally:
        (tmp_path / "go").touch()
        cluster.workers["worker1"].stop()
        cluster.start_worker("worker1")


@on_mariadb
def test_change_that_began_before_the_task(running):
    """Its first statements are not known: the task waits for somebody who knows."""
    running.prepare()
    change = GhOst(running.upstream, SCHEMA, "t", "add column gh int")
    change.begin()
    running.begin(**{"ignore-checking-items": ["online_ddl"]})
    running.run("ALTER TABLE _t_gho AUTO_INCREMENT = 50")  # not all that was changed
    running.run("INSERT INTO t VALUES (3, 3, 'c')")
    change.copy()
    change.cut_over()
    error = running.error(36046, f"online ddl metadata for `{SCHEMA}`.`_t_gho` not found", "`gh`", "binlog replace")
    assert "gh-ost" not in error["Message"].replace("/* gh-ost */", ""), error
    assert [row[0] for row in running.downstream.run(f"SHOW COLUMNS FROM {SCHEMA}.t")] == ["id", "a", "b"]


@on_mariadb
@pytest.mark.parametrize("create", [True, False], ids=["created", "before"])
def test_swap_without_a_change(running, create):
    running.prepare()
    if not create:
        running.run("CREATE TABLE _t_new LIKE t", "ALTER TABLE _t_new ADD COLUMN c INT")
    running.begin(**{"ignore-checking-items": ["online_ddl"]})
    if create:
        running.run("CREATE TABLE _t_new LIKE t")
    running.run("RENAME TABLE t TO _t_old, _t_new TO t", "INSERT INTO t (id) VALUES (5)")
    running.error(36046, f"online ddl metadata for `{SCHEMA}`.`_t_new` not found", "binlog replace", "RENAME TABLE t TO _t_old")
    assert running.downstream.value(f"SELECT COUNT(*) FROM {SCHEMA}.t") == 2


@on_mariadb
@pytest.mark.parametrize("code,statements,phrases", [
    (36044, ["RENAME TABLE t TO _t_gho"], ["`osc`.`t`", "`osc`.`_t_gho`"]),
    (36045, ["CREATE TABLE _t_new LIKE t", "RENAME TABLE _t_new TO _u_new"], ["`osc`.`_t_new`", "`osc`.`_u_new`"]),
    (20049, ["CREATE TABLE _t_new LIKE t", "ALTER TABLE _t_new ADD COLUMN c INT", "RENAME TABLE t TO t_trash, _t_new TO t"],
     ["`osc`.`t_trash`", "trash-table-rules"]),
    (36072, ["CREATE TABLE _t_old LIKE t", "RENAME TABLE _t_old TO kept"], ["`osc`.`_t_old`", "`osc`.`kept`", "binlog skip"]),
    (36072, ["CREATE TABLE _t_old LIKE t", "RENAME TABLE t TO bad, _t_old TO t"], ["`osc`.`_t_old`", "`osc`.`t`"]),
    (36072, ["CREATE TABLE _t_new (id INT PRIMARY KEY, z INT)", "ALTER TABLE _t_new ADD COLUMN c INT",
             "RENAME TABLE t TO _t_old, _t_new TO t"], ["`osc`.`_t_new`", "`a`"]),
], ids=["real-to-shadow", "shadow-to-shadow", "trash-unknown", "trash-to-new-name", "trash-instead-of-real",
        "other-definition"])
def test_what_cannot_be_followed_pauses(running, code, statements, phrases):
    running.start()
    running.run(*statements)
    running.error(code, *phrases)


@on_mariadb
def test_real_table_put_aside_for_a_new_one(running):
    """Rows that are moved out of the way are not replicated; a person decides about those downstream."""
    running.start()
    running.run("RENAME TABLE t TO _t_old", "CREATE TABLE t (id INT PRIMARY KEY, fresh INT)", "INSERT INTO t VALUES (1, 2)")
    running.error(36072, f"`{SCHEMA}`.`t`", "drop it there")
    running.downstream.run(f"DROP TABLE {SCHEMA}.t")
    running.cluster.ctl("resume-task", running.task)
    running.run("DROP TABLE _t_old", "RENAME TABLE t TO _t_old", "RENAME TABLE _t_old TO t", "ALTER TABLE t ADD COLUMN c INT",
                "RENAME TABLE t TO other", "CREATE TABLE t (id INT PRIMARY KEY)")
    running.equal()


@on_mariadb
@pytest.mark.parametrize("before,after", [
    (["CREATE TABLE _t_del LIKE t", "RENAME TABLE t TO _t_old"], ["RENAME TABLE _t_del TO t"]),
    (["RENAME TABLE t TO _t_old", "INSERT INTO _t_old VALUES (9, 9, 'z')"], ["RENAME TABLE _t_old TO t"]),
    (["RENAME TABLE t TO _t_old", "CREATE TABLE _t_del LIKE _t_old", "DROP TABLE _t_old"],
     ["RENAME TABLE _t_del TO _t_old", "RENAME TABLE _t_old TO t"]),
], ids=["another", "changed", "made-anew"])
def test_trash_table_that_is_not_the_one_put_aside(running, before, after):
    """Its rows were not read; the downstream's are others."""
    running.start("CREATE TABLE plain (id INT PRIMARY KEY)")
    running.run(*before, "INSERT INTO plain VALUES (1)")
    running.synced()
    running.cluster.workers["worker1"].kill9()
    running.cluster.start_worker("worker1")
    running.run(*after)
    running.error(36072, "gets the name `osc`.`t`", "put aside")
    assert running.downstream.value(f"SELECT COUNT(*) FROM {SCHEMA}.t") == 2


@on_mariadb
def test_drop_of_a_table_that_was_put_aside(running):
    """IF EXISTS: there is none upstream, and downstream it only waits for its name."""
    running.start()
    running.run("RENAME TABLE t TO _t_old", "DROP TABLE IF EXISTS t", "RENAME TABLE _t_old TO t", "INSERT INTO t VALUES (3, 3, 'c')")
    running.equal()
    running.run("CREATE TABLE _t_gho LIKE t", "ALTER TABLE _t_gho ADD COLUMN c INT", "ALTER TABLE t RENAME _t_del",
                "DROP TABLE IF EXISTS t", "RENAME TABLE IF EXISTS t TO u", "RENAME TABLE IF EXISTS t TO _t_old",
                "ALTER TABLE IF EXISTS t ADD COLUMN d INT", "DROP TABLE _t_gho", "RENAME TABLE _t_del TO t",
                "INSERT INTO t VALUES (4, 4, 'd')")
    running.equal()
    running.run("RENAME TABLE t TO _t_old", "DROP TABLE IF EXISTS t", "CREATE TABLE t (id INT PRIMARY KEY)")
    running.error(36072, f"`{SCHEMA}`.`t`", "drop it there")


def mark_dropped(running):
    """As a change leaves it whose end was passed over."""
    running.cluster.ctl("pause-task", running.task)
    aside = {"lists": [], "aside": [{"schema": SCHEMA, "table": "t", "dropped": True}]}
    running.downstream.run(f"REPLACE INTO {META}.{running.task}_syncer_state (id, name, value) VALUES ('src', 'online_ddl', "
                           f"'{json.dumps(aside)}')")
    running.cluster.ctl("resume-task", running.task)
    running.cluster.wait_stage(running.task, "Running", "Sync")


def marks(running):
    return running.downstream.run(f"SELECT value FROM {META}.{running.task}_syncer_state WHERE name = 'online_ddl'")


@on_mariadb
def test_only_its_own_change_ends_a_drop(running):
    """A table whose DROP was kept back is not dropped by what another tool, or a later change, does first."""
    running.start()
    running.run("CREATE TABLE _t_new LIKE t", "ALTER TABLE _t_new ADD COLUMN c INT", "INSERT INTO _t_new SELECT *, NULL FROM t",
                "DROP TABLE t", "DROP TABLE IF EXISTS _t_gho", "CREATE TABLE _t_gho (id INT PRIMARY KEY)", "DROP TABLE _t_gho",
                "RENAME TABLE _t_new TO t", "INSERT INTO t VALUES (3, 3, 'c', 4)")
    running.equal()
    assert not marks(running)
    for create in ("CREATE TABLE _t_gho LIKE t", "CREATE TABLE _t_gho (id INT PRIMARY KEY)"):
        mark_dropped(running)
        running.run("DROP TABLE IF EXISTS _t_gho", create, "ALTER TABLE _t_gho ADD COLUMN d INT", "DROP TABLE _t_gho")
        running.equal()
    mark_dropped(running)
    running.run("INSERT INTO t VALUES (5, 5, 'c', 4)")
    running.synced()
    assert not marks(running)
    GhOst(running.upstream, SCHEMA, "t", "add column gh int").all()
    running.equal()


@on_mariadb
def test_start_time_in_the_middle_of_a_change(running):
    """What was kept before belongs to another place in the log."""
    running.start()
    up = running.upstream
    before = up.value("SELECT NOW()")
    start = str(wait_for(lambda: (now := up.value("SELECT NOW()")) > before and now, "the next second"))
    change = GhOst(up, SCHEMA, "t", "add column gh int, add column hg int")
    change.begin()
    running.synced()
    kept = running.records()
    assert set(kept) == {"_t_gho"}
    mark_dropped(running)
    running.cluster.ctl("stop-task", running.task)
    running.downstream.run(f"UPDATE {META}.{running.task}_onlineddl SET ghost_table = '_x_gho'")
    path = running.cluster.task_file(running.task, ["src"], running.downstream, running.targets,
                                     **{"meta-schema": META, "task-mode": "incremental", "ignore-checking-items": ["online_ddl"]})
    running.cluster.ctl("start-task", path, "--start-time", start)
    running.synced()
    assert running.records() == kept
    assert marks(running) != [] and "dropped" not in marks(running)[0][0]
    change.end()
    running.run("INSERT INTO t VALUES (3, 3, 'c', 1, 2)")
    running.equal()


@on_mariadb
def test_change_that_is_read_again(running):
    """The place where reading begins lies before a change that the table has already."""
    running.start("CREATE TABLE plain (id INT PRIMARY KEY)")
    running.run("INSERT INTO plain VALUES (1)")
    running.synced()
    place = f"FROM {META}.{running.task}_syncer_checkpoint WHERE is_global = 1"
    name, offset = running.downstream.run(f"SELECT binlog_name, binlog_pos {place}")[0]
    GhOst(running.upstream, SCHEMA, "t", "add column gh int").all()
    running.run("INSERT INTO t VALUES (3, 3, 'c', 4)")
    running.synced()
    running.cluster.ctl("pause-task", running.task)
    running.downstream.run(f"UPDATE {META}.{running.task}_syncer_checkpoint SET binlog_name = '{name}', binlog_pos = {offset} "
                           "WHERE is_global = 1")
    running.cluster.ctl("resume-task", running.task)
    running.equal()
    assert running.records() == {} and not marks(running)
    assert not running.downstream.run(f"SELECT cp_table FROM {META}.{running.task}_syncer_checkpoint WHERE cp_table = '_t_gho'")
    running.run("DROP TABLE t")
    running.equal()


@on_mariadb
def test_drop_and_rename(running):
    """pt-online-schema-change --alter-foreign-keys-method=drop_swap: rows are not gone with the table."""
    running.start("CREATE TABLE u (id INT PRIMARY KEY)", "INSERT INTO u VALUES (1)")
    running.run("CREATE TABLE _t_new LIKE t", "ALTER TABLE _t_new ADD COLUMN c INT", "INSERT INTO _t_new SELECT *, NULL FROM t",
                "DROP TABLE IF EXISTS t")
    running.synced()
    running.cluster.ctl("pause-task", running.task)
    running.cluster.ctl("resume-task", running.task)
    running.run("RENAME TABLE _t_new TO t", "INSERT INTO t VALUES (4, 4, 'd', 4)")
    running.equal()
    # Dropped for good: the change is given up.
    running.run("CREATE TABLE _u_new LIKE u", "ALTER TABLE _u_new ADD COLUMN c INT", "DROP TABLE u", "DROP TABLE _u_new")
    running.equal()
    # Or the name is given to another table.
    running.run("CREATE TABLE _t_new LIKE t", "ALTER TABLE _t_new ADD COLUMN e INT", "DROP TABLE t",
                "CREATE TABLE t (id INT PRIMARY KEY, z INT)", "INSERT INTO t VALUES (1, 1)")
    running.equal("_t_new")


@on_mariadb
def test_several_tables_in_one_statement(running):
    running.start("CREATE TABLE u (id INT PRIMARY KEY)", "INSERT INTO u VALUES (1)", "CREATE TABLE plain (id INT PRIMARY KEY)")
    running.run("CREATE TABLE _t_gho LIKE t", "ALTER TABLE _t_gho ADD COLUMN c INT", "INSERT INTO _t_gho SELECT *, NULL FROM t",
                "CREATE TABLE _u_new LIKE u", "ALTER TABLE _u_new ADD COLUMN c INT", "INSERT INTO _u_new SELECT *, NULL FROM u",
                "RENAME TABLE t TO _t_del, _t_gho TO t, plain TO renamed, u TO _u_old, _u_new TO u", "DROP TABLE _t_del, _u_old",
                "INSERT INTO t VALUES (9, 9, '9', 9)", "INSERT INTO u VALUES (9, 9)", "INSERT INTO renamed VALUES (1)")
    running.equal()
    assert running.records() == {}


@on_mariadb
def test_long_statements(running):
    """A record that is longer than the column of other versions."""
    running.start()
    comments = ", ".join(f"COMMENT = '{i:02}{'x' * 2000}'" for i in range(40))
    change = GhOst(running.upstream, SCHEMA, "t", f"{comments}, ADD COLUMN gh INT")
    change.begin()
    running.synced()
    assert len(running.records()["_t_gho"]) > 70000
    change.end()
    running.equal()


@on_mariadb
def test_record_of_another_version(running):
    """A task that is taken over in the middle of a change: only the table is there."""
    running.prepare()
    change = GhOst(running.upstream, SCHEMA, "t", "add column gh int, add column hg int")
    change.begin()
    running.begin(**{"ignore-checking-items": ["online_ddl"]})
    running.cluster.ctl("pause-task", running.task)
    record = {"schema": SCHEMA, "table": "t", "ddls": [f"ALTER TABLE `{SCHEMA}`.`_t_gho` ADD COLUMN `gh` INT",
                                                      f"ALTER TABLE `{SCHEMA}`.`_t_gho` ADD COLUMN `hg` INT",
                                                      f"ALTER TABLE `{SCHEMA}`.`_t_gho` MODIFY COLUMN `gh` INT"]}
    running.downstream.run(f"INSERT INTO {META}.osc_onlineddl (id, ghost_schema, ghost_table, ddls) VALUES "
                           f"('src', '{SCHEMA}', '_t_gho', 'no json')")
    running.cluster.ctl("resume-task", running.task)
    running.error(36039, f"`{SCHEMA}`.`_t_gho`", "osc_onlineddl")
    with running.downstream.connect() as connection:
        cursor = connection.cursor()
        cursor.execute(f"UPDATE {META}.osc_onlineddl SET ddls = %s", (json.dumps(record),))
        connection.commit()
    running.cluster.ctl("resume-task", running.task)
    running.cluster.wait_stage(running.task, "Running", "Sync")
    # Read once more, as after a crash of that version between its record and its checkpoint.
    running.run("ALTER TABLE _t_gho MODIFY gh INT")
    running.synced()
    assert json.loads(running.records()["_t_gho"]) == record
    running.run("ALTER TABLE _t_gho MODIFY gh INT")
    running.synced()
    assert len(json.loads(running.records()["_t_gho"])["ddls"]) == 4
    change.end()
    running.run("INSERT INTO t VALUES (3, 3, 'c', 1, 2)")
    running.equal()


# Statements that the run handles: 1 CREATE TABLE _t_gho, 2 its ALTER, 3 the RENAME.
@on_mariadb
@pytest.mark.parametrize("point", [
    "2*sync/before-checkpoint", "3*sync/before-flush", "1*sync/before-ddl-statement", "1*sync/after-ddl-statement",
    "3*sync/before-checkpoint"])
def test_killed(running, writer, point):
    cluster = running.cluster
    running.start()
    cluster.workers["worker1"].stop()
    times, name = point.split("*")
    cluster.start_worker("worker1", failpoints=f"{name}={times}*kill")
    cluster.wait_stage(running.task, "Running", "Sync")
    changing = writer()
    change = GhOst(running.upstream, SCHEMA, "t", "add column gh int, add unique index ugh (gh), drop column b",
                   guard=changing.guard)
    change.all()
    cluster.wait_killed("worker1")
    cluster.start_worker("worker1")
    changing.more()
    changing.stop()
    running.run("INSERT INTO t VALUES (5, 5, 6)")
    running.equal()
    assert running.records() == {}


@on_mariadb
def test_killed_between_the_steps(running):
    """The change is known after each restart, although its first statements are not read again."""
    cluster = running.cluster
    running.start()
    change = GhOst(running.upstream, SCHEMA, "t", "add column gh int")
    for step in (change.begin, change.copy, change.cut_over, change.finish):
        step()
        running.synced()
        cluster.workers["worker1"].kill9()
        cluster.start_worker("worker1")
        cluster.wait_stage(running.task, "Running", "Sync")
    running.run("INSERT INTO t VALUES (5, 5, '5', 6)")
    running.equal()


def pt_online_schema_change(server, table, alter, *options):
    """The real tool."""
    done = subprocess.run(
        ["pt-online-schema-change", "--execute", "--no-version-check", f"--alter={alter}", "--chunk-size=200", "--no-check-replication-filters",
         "--recursion-method=none", "--charset=utf8mb4", *options,
         f"h=127.0.0.1,P={server.port},u={USER},p={PASSWORD},D={SCHEMA},t={table}"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, env={**os.environ, "LC_ALL": "C.UTF-8"})
    assert done.returncode == 0, done.stdout
    return done.stdout


FAMILY = ["CREATE TABLE parent (id INT PRIMARY KEY, v INT)", "INSERT INTO parent VALUES (1, 1), (2, 2)",
          "CREATE TABLE child (id INT PRIMARY KEY, p INT, KEY (p), CONSTRAINT to_parent FOREIGN KEY (p) REFERENCES parent (id))",
          "INSERT INTO child VALUES (1, 1), (2, 2)"]


def foreign_keys(server):
    return server.run("SELECT constraint_name, table_name, referenced_table_name FROM information_schema.referential_constraints "
                      f"WHERE constraint_schema = '{SCHEMA}' ORDER BY 1, 2")


def test_pt_online_schema_change(running, writer):
    """While rows change; twice, the second time with more underscores, since names are taken."""
    running.start("INSERT INTO t (id, a) VALUES " + ", ".join(f"({i + 1000}, {i})" for i in range(2000)))
    changing = writer()
    changing.more()
    pt_online_schema_change(running.upstream, "t", "ADD COLUMN pt INT NOT NULL DEFAULT 4, ADD INDEX ipt (pt), MODIFY b VARCHAR(40) DEFAULT 'b'")
    changing.more()
    running.run("CREATE TABLE _t_new (id INT)", "CREATE TABLE _t_old (id INT)")
    pt_online_schema_change(running.upstream, "t", "DROP COLUMN pt, ADD COLUMN second INT AFTER id, DEFAULT CHARACTER SET utf8mb4")
    changing.more()
    changing.stop()
    running.run("INSERT INTO t (id, a, second) VALUES (5, 5, 5)")
    running.equal("_t_new", "_t_old")
    assert running.records() == {}


def test_pt_online_schema_change_with_foreign_keys(running):
    running.start(*FAMILY)
    pt_online_schema_change(running.upstream, "parent", "ADD COLUMN c INT", "--alter-foreign-keys-method=rebuild_constraints")
    pt_online_schema_change(running.upstream, "child", "ADD COLUMN c INT")
    running.run("INSERT INTO parent VALUES (3, 3, 3)", "INSERT INTO child VALUES (3, 3, 3)")
    running.equal()
    assert foreign_keys(running.downstream) == foreign_keys(running.upstream)
    # The tool's own name of the key, which only the shadow table has when the statement comes.
    (name, _, _), = [row for row in foreign_keys(running.upstream) if row[1] == "child"]
    own = "_" + name if not name.startswith("_") else name[2:] if name.startswith("__") else "_" + name
    pt_online_schema_change(running.upstream, "child", f"DROP FOREIGN KEY {own}")
    running.equal()
    assert foreign_keys(running.upstream) == foreign_keys(running.downstream) == ()


@on_mariadb
def test_killed_during_pt_online_schema_change(running, writer):
    """Not at a chosen point but at any, while the tool runs."""
    running.start("INSERT INTO t (id, a) SELECT seq + 1000, seq FROM seq_1_to_3000")
    changing = writer()
    kills = 0
    with ThreadPoolExecutor(1) as threads:
        tool = threads.submit(pt_online_schema_change, running.upstream, "t",
                              "ADD COLUMN pt INT NOT NULL DEFAULT 4, DROP COLUMN b", "--sleep=0.02", "--chunk-time=0")
        while not tool.done():
            changing.more(40)
            running.cluster.workers["worker1"].kill9()
            running.cluster.start_worker("worker1")
            kills += 1
        tool.result()
    assert kills > 0
    changing.more()
    changing.stop()
    running.equal()
    assert "pt" in [row[0] for row in running.downstream.run(f"SHOW COLUMNS FROM {SCHEMA}.t")]
