"""Tasks that DM has left are gone on with: its checkpoint tables, definitions, exit points, online schema changes, unfinished loads;
and what we leave is what DM reads."""
import json
import os
import re
import shutil

import pytest

from dmtest.left_by_dm import CHECKPOINT_1, CHECKPOINT_2, LOADER, LeftByDm, META, exported, recorded_table_info, with_column
from dmtest.waiting import wait_for

SCHEMA = "leftdm"
TABLES = ("CREATE TABLE pk1 (id INT NOT NULL PRIMARY KEY, a INT, b VARCHAR(20))", "CREATE TABLE nokey (id INT, a INT, b VARCHAR(20))")
PK1, NOKEY = recorded_table_info("pk1"), recorded_table_info("nokey")
SERVERS = [("mariadb-mariadb", False), ("mariadb-mariadb", True), ("mysql9-mysql9", False), ("mysql9-mysql9", True)]
GTIDS, CROSSED = [SERVERS[1], SERVERS[3]], [SERVERS[0], SERVERS[3]]


@pytest.fixture
def left(servers, shared_cluster):
    """Returns a function that makes a task that DM has left, of tables that were the same on both sides."""
    made = []

    def make(pair="mariadb-mariadb", gtid=False, tables=TABLES, prepared=None, **more):
        up, down = (servers.get(kind, role) for kind, role in zip(pair.split("-"), ("up", "down")))
        made.append(LeftByDm(shared_cluster, up, down, [SCHEMA], f"left{len(made)}", gtid=gtid, **more))
        shutil.rmtree(made[-1].dump_directory(), ignore_errors=True)
        return made[-1].prepare(*tables, **(prepared or {}))

    yield make
    for one in made:
        one.stop()


def no_dump(task):
    assert not os.path.exists(task.dump_directory()), "the task has begun anew"


@pytest.mark.parametrize("pair,gtid", SERVERS + [("mysql9-tidb", True)])
def test_goes_on(left, pair, gtid):
    task = left(pair, gtid)
    task.both("INSERT INTO pk1 VALUES (1, 1, 'one'), (2, 2, 'two')", "INSERT INTO nokey VALUES (1, 1, 'one'), (2, 2, 'two')")
    place = task.here()
    task.write("INSERT INTO pk1 VALUES (3, 3, 'three')", "UPDATE pk1 SET a = 10 WHERE id = 1", "DELETE FROM pk1 WHERE id = 2",
               "INSERT INTO nokey VALUES (1, 1, 'one')", "DELETE FROM nokey WHERE id = 2", "CREATE TABLE later (id INT PRIMARY KEY)",
               "INSERT INTO later VALUES (1)")
    task.saved(place, tables={"pk1": (place, PK1), "nokey": (place, NOKEY)})
    task.go_on().running().equal()
    no_dump(task)
    task.restart_worker("INSERT INTO nokey VALUES (1, 1, 'one')", "UPDATE pk1 SET b = 'x'")
    task.equal()


@pytest.mark.parametrize("pair,gtid", SERVERS)
def test_exit_point(left, pair, gtid):
    """Up to it changes may have been applied that the checkpoint does not know; behind it none has."""
    task = left(pair, gtid)
    task.both("INSERT INTO pk1 VALUES (1, 1, 'one'), (2, 2, 'two'), (3, 3, 'three')")
    place = task.here()
    task.write("INSERT INTO pk1 VALUES (4, 4, 'four')", "UPDATE pk1 SET id = 30 WHERE id = 3", "DELETE FROM pk1 WHERE id = 2",
               "UPDATE pk1 SET a = 11 WHERE id = 1")
    exit_point = task.here()
    # DM was in the middle of that.
    task.below("INSERT INTO pk1 VALUES (4, 4, 'four')", "UPDATE pk1 SET id = 30 WHERE id = 3", "DELETE FROM pk1 WHERE id = 2")
    task.saved(place, exit_point, {"pk1": (place, PK1)})
    task.below("INSERT INTO pk1 VALUES (999, 0, 'not of the upstream')")
    task.write("INSERT INTO pk1 VALUES (999, 9, 'behind')")
    task.go_on().paused(10006, "999")
    task.below("DELETE FROM pk1 WHERE id = 999")
    task.cluster.ctl("resume-task", task.task)
    task.equal()
    no_dump(task)


@pytest.mark.parametrize("pair,gtid", GTIDS)
def test_exit_point_without_a_gtid_set(left, pair, gtid):
    """GTIDs were switched on after DM had saved both places without them; NULL is what older versions have in the columns."""
    task = left(pair, gtid)
    task.both("INSERT INTO pk1 VALUES (1, 1, 'one')")
    place = task.here()._replace(gtid=None)
    task.both("INSERT INTO pk1 VALUES (2, 2, 'two')")
    exit_point = task.here()._replace(gtid=None)
    task.write("INSERT INTO pk1 VALUES (3, 3, 'three')", "UPDATE pk1 SET a = 5")
    task.saved(place, exit_point, {"pk1": (place, PK1)})
    task.go_on().running().equal()
    no_dump(task)


def rows_events(server, place):
    """End offsets of the rows events behind a place of the newest binlog."""
    return [end for _, _, kind, _, end, _ in server.run(f"SHOW BINLOG EVENTS IN '{place.file}' FROM {place.offset}")
            if kind.lower().startswith("write_rows")]


@pytest.mark.parametrize("pair,gtid", SERVERS)
def test_tables_ahead_of_the_global_point(left, pair, gtid):
    """Each change once, also where the table has no key; without GTIDs a table's point may be inside a transaction."""
    task = left(pair, gtid)
    task.both("INSERT INTO pk1 VALUES (1, 1, 'one')", "INSERT INTO nokey VALUES (1, 1, 'one')")
    place = task.here()
    task.write("INSERT INTO nokey VALUES (2, 2, 'two')", "INSERT INTO pk1 VALUES (2, 2, 'two')")
    task.below("INSERT INTO nokey VALUES (2, 2, 'two')")
    ahead = task.here()
    task.write("BEGIN", "INSERT INTO nokey VALUES (3, 3, 'three')", "INSERT INTO pk1 VALUES (3, 3, 'three')",
               "INSERT INTO nokey VALUES (4, 4, 'four')", "COMMIT")
    if not gtid:
        task.below("INSERT INTO nokey VALUES (3, 3, 'three')")
        ahead = ahead._replace(offset=rows_events(task.upstream, ahead)[0])
    task.write("INSERT INTO nokey VALUES (5, 5, 'five')")
    task.saved(place, tables={"pk1": (place, PK1), "nokey": (ahead, NOKEY)})
    task.go_on().running().equal()
    no_dump(task)


@pytest.mark.parametrize("pair,gtid", CROSSED)
def test_stored_definitions(left, pair, gtid):
    """Rows are read by the table as it was at the checkpoint, not by what it is upstream now or what it is downstream."""
    task = left(pair, gtid, tables=())
    task.write(*TABLES)
    task.below("CREATE TABLE pk1 (extra INT DEFAULT 7, b VARCHAR(20), id INT NOT NULL PRIMARY KEY, a INT)",
               "CREATE TABLE nokey (a INT, extra INT DEFAULT 7, id INT, b VARCHAR(20))")
    place = task.here()
    task.write("INSERT INTO pk1 VALUES (1, 10, 'one')", "INSERT INTO nokey VALUES (1, 10, 'one')",
               "ALTER TABLE pk1 ADD COLUMN c INT FIRST", "INSERT INTO pk1 VALUES (5, 2, 20, 'two')",
               "ALTER TABLE pk1 DROP COLUMN a", "ALTER TABLE nokey MODIFY b VARCHAR(30)", "INSERT INTO pk1 VALUES (6, 3, 'three')",
               "UPDATE pk1 SET b = 'ONE' WHERE id = 1", "UPDATE nokey SET b = 'ONE' WHERE id = 1")
    task.saved(place, tables={"pk1": (place, PK1), "nokey": (place, NOKEY)})
    task.go_on().running().synced()
    assert task.downstream.run(f"SELECT id, c, extra, b FROM {SCHEMA}.pk1 ORDER BY id") == (
        (1, None, 7, "ONE"), (2, 5, 7, "two"), (3, 6, 7, "three"))
    assert task.downstream.run(f"SELECT id, a, extra, b FROM {SCHEMA}.nokey") == ((1, 10, 7, "ONE"),)


def test_definitions_that_are_not_stored(left):
    """A table's row may have `null` for a definition, or there may be no row: then the table is as it is downstream."""
    task = left()
    place = task.here()
    task.write("INSERT INTO pk1 VALUES (1, 1, 'one')", "ALTER TABLE pk1 ADD COLUMN c INT", "INSERT INTO pk1 VALUES (2, 2, 'two', 2)",
               "INSERT INTO nokey VALUES (1, 1, 'one')", "ALTER TABLE nokey DROP COLUMN a", "INSERT INTO nokey VALUES (2, 'two')")
    task.saved(place, tables={"pk1": (place, None)})
    task.go_on().running().equal()
    no_dump(task)


def test_definition_that_cannot_be_read(left):
    task = left()
    place = task.here()
    task.saved(place, tables={"pk1": (place, {**PK1, "cols": "none"})})
    error = task.go_on().paused(44001, "pk1")
    assert "`table_info`" in error["Workaround"], error


@pytest.mark.parametrize("pair", ["mariadb-mariadb", "mysql9-mysql9"])
def test_place_in_a_relay_log(left, pair):
    """DM read a relay log: its places have the number of the relay directory in the file's name."""
    task = left(pair)
    task.both("INSERT INTO pk1 VALUES (1, 1, 'one')")

    def relayed(place):
        return place._replace(file=place.file.replace("mysql-bin.", "mysql-bin|000001."))

    place = relayed(task.here())
    task.both("INSERT INTO nokey VALUES (1, 1, 'one')")
    ahead = relayed(task.here())
    task.both("INSERT INTO pk1 VALUES (2, 2, 'two')")
    exit_point = relayed(task.here())
    task.write("INSERT INTO nokey VALUES (1, 1, 'one')", "INSERT INTO pk1 VALUES (3, 3, 'three')")
    task.saved(place, exit_point, {"pk1": (place, PK1), "nokey": (ahead, NOKEY)})
    task.go_on().running().equal()
    no_dump(task)
    wait_for(lambda: "|" not in task.checkpoint("binlog_name")[0][0], "the checkpoint has the upstream's own name of the file")
    task.restart_worker("INSERT INTO nokey VALUES (1, 1, 'one')")
    task.equal()


@pytest.mark.parametrize("pair", ["mariadb-mariadb", "mysql9-mysql9"])
def test_online_schema_change(left, pair):
    """The shadow table was altered before, it takes the table's place after."""
    task = left(pair)
    task.both("INSERT INTO pk1 VALUES (1, 1, 'one')")
    task.write("CREATE TABLE _pk1_gho LIKE pk1", "ALTER TABLE _pk1_gho ADD COLUMN gh INT")
    place = task.here()
    task.downstream.run(f"INSERT INTO {task.meta('onlineddl')} (id, ghost_schema, ghost_table, ddls) VALUES ('{task.source}', '{SCHEMA}', '_pk1_gho', "
                        f"""'{{"schema":"{SCHEMA}","table":"pk1","ddls":["ALTER TABLE `{SCHEMA}`.`_pk1_gho` ADD COLUMN `gh` INT"]}}')""")
    task.saved(place, tables={"pk1": (place, PK1)})
    task.write("INSERT INTO pk1 VALUES (2, 2, 'two')", "INSERT INTO _pk1_gho (id, a, b) SELECT * FROM pk1",
               "RENAME TABLE pk1 TO _pk1_del, _pk1_gho TO pk1", "DROP TABLE _pk1_del", "INSERT INTO pk1 VALUES (3, 3, 'three', 3)")
    task.go_on().running().equal()
    assert task.downstream.run(f"SELECT COUNT(*) FROM {task.meta('onlineddl')}") == ((0,),)


@pytest.mark.parametrize("pair,gtid", [SERVERS[1], SERVERS[2], ("mysql9-tidb", False)])
def test_tables_of_dm_1(left, pair, gtid):
    """The checkpoint table lacks columns: they are added, and what is missing is found out."""
    task = left(pair, gtid, prepared={"checkpoint": CHECKPOINT_1, "load": None})
    task.both("INSERT INTO pk1 VALUES (1, 1, 'one')", "INSERT INTO nokey VALUES (1, 1, 'one')")
    place = task.here()
    for schema, table, is_global in (("", "", 1), (SCHEMA, "pk1", 0), (SCHEMA, "nokey", 0)):
        task.downstream.run(f"INSERT INTO {task.meta('syncer_checkpoint')} (id, cp_schema, cp_table, binlog_name, binlog_pos, is_global) "
                            f"VALUES ('{task.source}', '{schema}', '{table}', '{place.file}', {place.offset}, {is_global})")
    task.write("INSERT INTO pk1 VALUES (2, 2, 'two')", "INSERT INTO nokey VALUES (1, 1, 'one')", "ALTER TABLE pk1 ADD COLUMN c INT",
               "UPDATE pk1 SET c = 1 WHERE id = 2")
    task.go_on().running().equal()
    no_dump(task)
    task.restart_worker("INSERT INTO nokey VALUES (1, 1, 'one')")
    task.equal()
    is_as_dm_makes_it(task)


def test_killed_while_the_table_is_upgraded(servers, cluster):
    cluster.start_master()
    task = LeftByDm(cluster, servers.get("mariadb", "up"), servers.get("mariadb", "down"), [SCHEMA], "upgraded", source="src")
    cluster.start_worker("worker1", failpoints="meta/upgrading-checkpoint=kill")
    cluster.create_source("src", task.upstream)
    cluster.sources = {"src": task.upstream}
    task.prepare(*TABLES, checkpoint=CHECKPOINT_1, load=None)
    task.both("INSERT INTO nokey VALUES (1, 1, 'one')")
    place = task.here()
    task.downstream.run(f"INSERT INTO {task.meta('syncer_checkpoint')} (id, cp_schema, cp_table, binlog_name, binlog_pos, is_global) "
                        f"VALUES ('src', '', '', '{place.file}', {place.offset}, 1)")
    task.write("INSERT INTO nokey VALUES (1, 1, 'one')")
    task.cluster.ctl("start-task", task.file(), check=False)
    for changes_before in range(6):  # each attempt makes one change and dies
        cluster.wait_killed()
        cluster.start_worker("worker1", failpoints="meta/upgrading-checkpoint=kill" if changes_before < 5 else None, wait=changes_before == 5)
    task.running().equal()
    is_as_dm_makes_it(task)
    task.stop()


@pytest.mark.parametrize("pair", ["mariadb-mariadb", "mysql9-mysql9"])
def test_short_column_for_gtid_sets(left, pair):
    """Early versions have VARCHAR(256) there; a set may need more."""
    task = left(pair, True, prepared={"checkpoint": CHECKPOINT_2})
    task.both("INSERT INTO pk1 VALUES (1, 1, 'one')")
    place = task.here()
    task.saved(place, tables={"pk1": (place, PK1)})
    task.write("INSERT INTO pk1 VALUES (2, 2, 'two')")
    task.go_on().running().equal()
    is_as_dm_makes_it(task)


# -- full migrations that DM has not ended

def load_files(task):
    return {f"{SCHEMA}-schema-create": f"CREATE DATABASE `{SCHEMA}`;\n",
            f"{SCHEMA}__pk1-schema": TABLES[0].replace("TABLE pk1", "TABLE `pk1`") + ";\n",
            f"{SCHEMA}__nokey-schema": TABLES[1].replace("TABLE nokey", "TABLE `nokey`") + ";\n",
            f"{SCHEMA}__pk1__000000000": "INSERT INTO `pk1` VALUES\n(1,1,'one'),\n(2,2,'two');\n",
            f"{SCHEMA}__nokey__000000000": "INSERT INTO `nokey` VALUES\n(1,1,'one'),\n(2,2,'two');\n"}


ROWS = ("INSERT INTO pk1 VALUES (1, 1, 'one'), (2, 2, 'two')", "INSERT INTO nokey VALUES (1, 1, 'one'), (2, 2, 'two')")


@pytest.mark.parametrize("files", [False, True])
def test_unfinished_load(left, files):
    """How far DM has come is in its own files: nobody else can go on, and rows of tables without a key would come twice."""
    task = left(prepared={"load": "running"})
    task.write(*ROWS)
    task.below("INSERT INTO nokey VALUES (1, 1, 'one')")
    if files:
        task.dumped(task.here(), **load_files(task))
    error = task.go_on().paused(34018, "another version of DM")
    for word in ("--remove-meta", "target"):
        assert word in error["Workaround"], error
    assert task.downstream.run(f"SELECT * FROM {SCHEMA}.nokey") == ((1, 1, "one"),)
    assert task.downstream.run(f"SELECT status FROM {task.meta('lightning_checkpoint_list')}") == (("running",),)
    # As the text says.
    task.stopped()
    task.below("DROP TABLE nokey", "DROP TABLE pk1")
    task.start().running().equal()


def test_unfinished_load_of_an_old_loader(left):
    task = left(prepared={"load": None})
    task.make("loader_checkpoint", LOADER)
    task.write(*ROWS)
    task.below("INSERT INTO nokey VALUES (1, 1, 'one')")
    task.downstream.run(f"INSERT INTO {task.meta('loader_checkpoint')} (id, filename, cp_schema, cp_table, `offset`, end_pos) VALUES "
                        f"('{task.source}', '{SCHEMA}.nokey.000000000.sql', '{SCHEMA}', 'nokey', 43, 57), "
                        f"('{task.source}', '{SCHEMA}.pk1.000000000.sql', '{SCHEMA}', 'pk1', 0, 55)")
    task.go_on().paused(34018, "another version of DM")
    assert task.downstream.run(f"SELECT * FROM {SCHEMA}.nokey") == ((1, 1, "one"),)
    task.stopped()
    task.below("DROP TABLE nokey", "DROP TABLE pk1")
    task.start().running().equal()


def test_load_that_has_not_begun(left):
    """DM was dumping: nothing is in the target, the dump begins anew."""
    task = left(prepared={"load": "init"})
    task.write(*ROWS)
    task.go_on().running().equal()


@pytest.mark.parametrize("gtid", [False, True])
def test_finished_load(left, gtid):
    """Replication had not begun: it begins where DM's dump says, with its definitions."""
    task = left("mysql9-mysql9", gtid)
    task.both(*ROWS)
    task.dumped(task.here(), **load_files(task))
    task.write("INSERT INTO nokey VALUES (1, 1, 'one')", "ALTER TABLE pk1 ADD COLUMN c INT FIRST", "INSERT INTO pk1 VALUES (3, 3, 3, 'three')")
    task.go_on().running().equal()


def test_finished_load_without_its_dump(left):
    task = left()
    task.both(*ROWS)
    error = task.go_on().paused(11001, "metadata")
    assert "--remove-meta" in error["Workaround"], error
    assert task.dump_directory() in error["Message"] + error["RawCause"], error


# -- sharding

def test_shard_group_in_progress(left):
    """Without the coordination of shards the rest of the group would be applied as if it were none."""
    task = left()
    task.make("syncer_sharding_meta", """(
  source_id VARCHAR(32) NOT NULL COMMENT 'replica source id, defined in task.yaml',
  target_table_id VARCHAR(144) NOT NULL,
  source_table_id VARCHAR(144) NOT NULL,
  active_index INT,
  is_global BOOLEAN,
  data JSON,
  create_time timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
  update_time timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  UNIQUE KEY uk_source_id_table_id_source (source_id, target_table_id, source_table_id))""")
    place = task.here()
    task.saved(place, tables={"pk1": (place, PK1)})
    add = (f"INSERT INTO {task.meta('syncer_sharding_meta')} (source_id, target_table_id, source_table_id, active_index, is_global, data) "
           "VALUES ('{}', '`s`.`t`', '{}', 0, {}, {})")
    task.downstream.run(add.format("of another source", "", 1, "NULL"))
    task.go_on().running().stopped()
    task.downstream.run(add.format(task.source, "", 1, "'[]'"), add.format(task.source, f"`{SCHEMA}`.`pk1`", 0, "NULL"))
    error = task.go_on().paused(None, "`s`.`t`")
    assert "shard" in error["Message"] and "syncer_sharding_meta" in error["Workaround"], error
    task.downstream.run(f"DELETE FROM {task.meta('syncer_sharding_meta')} WHERE source_id = '{task.source}'")
    task.cluster.ctl("resume-task", task.task)
    task.write("INSERT INTO pk1 VALUES (1, 1, 'one')")
    task.equal()


# -- the way back

def columns_of(server, table):
    """Name, type, whether it may be NULL, default."""
    names = {"boolean": "tinyint", "longtext": "json" if server.flavor == "mariadb" else "longtext", "mediumtext": "text"}
    return [(name, names.get(kind, kind), nullable, (default or "").strip("'").replace("NULL", "").replace("current_timestamp()", "CURRENT_TIMESTAMP"))
            for name, kind, nullable, default in server.run(
                "SELECT column_name, data_type, is_nullable, column_default FROM information_schema.columns WHERE "
                f"table_schema = '{META}' AND table_name = '{table}' ORDER BY ordinal_position")]


def is_as_dm_makes_it(task):
    """The columns and the unique key of the checkpoint table, and what is in its rows."""
    assert columns_of(task.downstream, f"{task.task}_syncer_checkpoint") == [
        ("id", "varchar", "NO", ""), ("cp_schema", "varchar", "NO", ""), ("cp_table", "varchar", "NO", ""), ("binlog_name", "varchar", "YES", ""),
        ("binlog_pos", "int", "YES", ""), ("binlog_gtid", "text", "YES", ""), ("exit_safe_binlog_name", "varchar", "YES", ""),
        ("exit_safe_binlog_pos", "int", "YES", "0"), ("exit_safe_binlog_gtid", "text", "YES", ""), ("table_info", "json", "NO", ""),
        ("is_global", "tinyint", "YES", ""), ("create_time", "timestamp", "NO", "CURRENT_TIMESTAMP"),
        ("update_time", "timestamp", "NO", "CURRENT_TIMESTAMP")]
    key = task.downstream.run("SELECT index_name, GROUP_CONCAT(column_name ORDER BY seq_in_index) FROM information_schema.statistics WHERE "
                              f"table_schema = '{META}' AND table_name = '{task.task}_syncer_checkpoint' GROUP BY index_name")
    assert key == (("uk_id_schema_table", "id,cp_schema,cp_table"),)
    rows = task.checkpoint("cp_schema, cp_table, binlog_name, binlog_pos, binlog_gtid, exit_safe_binlog_name, exit_safe_binlog_pos, "
                           "exit_safe_binlog_gtid, table_info, is_global", f"id = '{task.source}'")
    form = re.compile(r"(\d+-\d+-\d+(,\d+-\d+-\d+)*)?" if task.upstream.flavor == "mariadb" else r"([0-9a-f-]{36}(:(\d+(-\d+)?|[a-z_]\w*))+(,\s*|$))*")  # tags: MySQL 9
    infos = {}
    for schema, table, name, offset, gtid, exit_name, _, exit_gtid, info, is_global in rows:
        assert re.fullmatch(r"mysql-bin\.\d{6}", name) and offset >= 4 and form.fullmatch(gtid), (name, offset, gtid)
        if is_global:
            assert (schema, table, json.loads(info)) == ("", "", None) and form.fullmatch(exit_gtid), rows
        infos[table] = json.loads(info)
    assert sum(row[-1] for row in rows) == 1
    return infos


# Collations are the server's; DM's releases differ in the state.
OWN_VALUES = {"table.name.O", "table.name.L", "table.collate", "table.cols.type.Collate", "table.state"}


def differences(ours, recorded, path="table"):
    """Where `ours` is not what DM has recorded. Members that DM has not got are passed over by it."""
    if isinstance(recorded, dict) and isinstance(ours, dict):
        for key, value in recorded.items():
            yield from differences(ours.get(key, "missing"), value, f"{path}.{key}")
    elif isinstance(recorded, list) and isinstance(ours, list) and len(ours) == len(recorded):
        for ours, recorded in zip(ours, recorded):
            yield from differences(ours, recorded, path)
    elif ours != recorded and path not in OWN_VALUES:
        yield path, ours, recorded


@pytest.mark.parametrize("pair,gtid", CROSSED)
def test_the_way_back(left, pair, gtid):
    """What we leave has DM's form; and when DM has gone on from there, so do we."""
    task = left(pair, gtid)
    place = task.here()
    task.saved(place, tables={"pk1": (place, PK1), "nokey": (place, NOKEY)})
    task.go_on().running()
    task.write("INSERT INTO pk1 VALUES (1, 1, 'one')", "INSERT INTO nokey VALUES (1, 1, 'one')", "ALTER TABLE nokey ADD COLUMN c INT",
               "INSERT INTO nokey VALUES (2, 2, 'two', 2)", "CREATE TABLE fresh (id INT NOT NULL PRIMARY KEY, a INT, b VARCHAR(20))",
               "INSERT INTO fresh VALUES (1, 1, 'one')")
    task.equal()
    task.stopped()
    infos = is_as_dm_makes_it(task)
    assert infos.keys() == {"", "pk1", "nokey", "fresh"}

    assert infos["pk1"] == PK1
    assert list(differences(infos["fresh"], PK1)) == []
    assert list(differences(infos["nokey"], with_column(NOKEY, "c"))) == []
    # DM replicates, and is stopped; it knows nothing of the tables that only we have.
    task.both("INSERT INTO pk1 VALUES (2, 2, 'two')", "ALTER TABLE nokey DROP COLUMN c", "INSERT INTO nokey VALUES (3, 3, 'three')")
    place = task.here()
    task.both("INSERT INTO fresh VALUES (2, 2, 'two')")
    exit_point = task.here()
    task.saved(place, exit_point, {"pk1": (place, PK1), "nokey": (place, NOKEY)})
    task.write("INSERT INTO nokey VALUES (3, 3, 'three')", "UPDATE fresh SET a = 5", "INSERT INTO pk1 VALUES (3, 3, 'three')")
    task.go_on().running().equal()
    no_dump(task)


# -- config export of DM, config import here

def test_exported_configurations(servers, cluster):
    """What DM 8.1 has exported is imported, and the task goes on from DM's checkpoint."""
    cluster.start_master()
    up, down = servers.get("mariadb", "up"), servers.get("mariadb", "down")
    for name in ("worker1", "worker2"):
        cluster.start_worker(name)
    task = LeftByDm(cluster, up, down, {"cf": "cf2"}, "cft", source="mysql-replica-01", meta="dm_meta")
    cluster.sources = {task.source: up}
    task.prepare("CREATE TABLE pk1 (id INT NOT NULL PRIMARY KEY, a INT, b VARCHAR(20))", "CREATE TABLE x1 (id INT PRIMARY KEY)")
    place = task.here()
    task.saved(place, tables={"pk1": (place, PK1)})
    task.write("INSERT INTO pk1 VALUES (1, 1, 'one')", "DROP TABLE x1", "INSERT INTO pk1 VALUES (2, 2, 'two')")
    directory = exported(cluster, upstream1=up.port, upstream2=down.port, target=down.port)
    relay = cluster.write("exported/relay_workers.json", '{"mysql-replica-01":["worker1"]}\n')
    done = cluster.ctl("config", "import", "--path", directory, check=False)
    assert (done.code, done.out) == (0, f"""start creating sources
start creating tasks
The original relay workers have been exported to `{relay}`.
Currently DM doesn't support recover relay workers. You may need to execute `transfer-source` and `start-relay` command manually.
import configs from directory `{directory}` succeed
"""), str(done)
    task.running().synced()
    assert down.run("SELECT * FROM cf2.pk1 ORDER BY id") == ((1, 1, "one"), (2, 2, "two"))
    assert down.run("SHOW TABLES FROM cf2 LIKE 'x1'"), "the filter of DM's task keeps it"
    assert not os.path.exists(os.path.join(cluster.dir, "worker1", "dumped_data.cft"))
    assert not os.path.exists(os.path.join(cluster.dir, "worker2", "dumped_data.cft"))
    # Once more, with what this version refuses: it is named, and what is there already is left alone.
    for file, old, new, words in (
            ("tasks/shards.yaml", "name: cft", "name: shards", ()),
            ("tasks/shards.yaml", 'shard-mode: ""', "shard-mode: pessimistic", ("code=20071", "`shard-mode`", "pessimistic")),
            ("sources/relayed.yaml", "source-id: mysql-replica-01", "source-id: relayed", ()),
            ("sources/relayed.yaml", "enable-relay: false", "enable-relay: true", ("code=20071", "`enable-relay`"))):
        if not words:
            with open(os.path.join(directory, file.split("/")[0], {"tasks": "cft.yaml", "sources": "mysql-replica-01.yaml"}[file.split("/")[0]])) as f:
                cluster.write(f"exported/{file}", f.read().replace(old, new))
            continue
        with open(os.path.join(directory, file)) as f:
            cluster.write(f"exported/{file}", f.read().replace(old, new))
        refused = cluster.ctl("config", "import", "--path", directory, check=False)
        assert refused.code == 1 and all(word in refused.out for word in words), str(refused)
        os.unlink(os.path.join(directory, file))
    task.write("INSERT INTO pk1 VALUES (3, 3, 'three')")
    task.synced()
    assert down.run("SELECT COUNT(*) FROM cf2.pk1") == ((3,),)
