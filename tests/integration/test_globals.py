"""Global settings of a server that change what a session does, and what is said of tables that routes merge."""
import pytest

from dmtest.cluster import Cluster
from dmtest.compare import difference

SCHEMA = "globs"
EVERY = {"sql_select_limit": "2", "completion_type": "RELEASE", "max_join_size": "1", "sql_big_selects": "0"}
# Whoever makes a table of metadata must not leave these to the server.
OF_TABLES = {"default_storage_engine": "MyISAM"}
ROW_FORMAT = {"innodb_default_row_format": "compact"}


class Settings:
    """Global variables of servers, put back at the end."""

    def __init__(self):
        self.old = []

    def set(self, server, variables):
        for name, value in variables.items():
            try:
                old = server.value(f"SELECT @@GLOBAL.{name}")
            except Exception as e:  # MySQL has no global sql_big_selects of its own in some versions
                assert "1193" in str(e) or "1238" in str(e), e
                continue
            self._set(server, name, value)
            self.old.append((server, name, old))

    def reset(self):
        for server, name, old in reversed(self.old):
            self._set(server, name, old)
        self.old = []

    @staticmethod
    def _set(server, name, value):
        server.run(f"SET GLOBAL {name} = {value}" if str(value).isdigit() else f"SET GLOBAL {name} = '{value}'")


@pytest.fixture(params=["mariadb-mysql9", "mysql9-mariadb"])
def pair(request, tmp_path, servers):
    up, down = request.param.split("-")
    cluster = Cluster.of_pair(tmp_path, servers.get(up, "up"), servers.get(down, "down"))
    for server in (cluster.upstream, cluster.downstream):
        server.run(f"DROP DATABASE IF EXISTS {SCHEMA}", "DROP DATABASE IF EXISTS dm_globs")
    settings = Settings()
    yield cluster, settings
    settings.reset()
    cluster.stop()


def _begin_log_anew(server):
    server.run("RESET MASTER" if server.flavor == "mariadb" else "RESET BINARY LOGS AND GTIDS")


def test_log_that_was_begun_anew(pair):
    """The task says which place is gone, and does not call itself synced."""
    cluster, _ = pair
    up, down = cluster.upstream, cluster.downstream
    up.run(f"CREATE DATABASE {SCHEMA}", f"CREATE TABLE {SCHEMA}.t (id INT PRIMARY KEY)")
    path = cluster.task_file("globs", ["src"], down, [SCHEMA], **{"meta-schema": "dm_globs"})
    cluster.ctl("start-task", path, "--remove-meta")
    cluster.wait_stage("globs", "Running", "Sync")
    up.run("FLUSH BINARY LOGS", "FLUSH BINARY LOGS", f"INSERT INTO {SCHEMA}.t VALUES (1)")
    cluster.wait_synced("globs", up)
    cluster.ctl("pause-task", "globs")
    place = cluster.status("globs")["sync"]["syncerBinlog"]
    _begin_log_anew(up)
    up.run(f"INSERT INTO {SCHEMA}.t VALUES (2)")
    cluster.ctl("resume-task", "globs")
    error = cluster.wait_error("globs", 36069, "has not got what follows")
    assert place.strip("()").split(",")[0] in error["Message"], (place, error)
    assert cluster.status("globs")["sync"]["synced"] is False
    cluster.ctl("stop-task", "globs")


def test_sessions_do_not_depend_on_global_settings(pair):
    cluster, settings = pair
    up, down = cluster.upstream, cluster.downstream
    many = ",".join(f"({i}, 'v{i}')" for i in range(500))
    up.run(f"CREATE DATABASE {SCHEMA}", f"CREATE TABLE {SCHEMA}.t (id INT PRIMARY KEY, v VARCHAR(20))",
           f"CREATE TABLE {SCHEMA}.no_key (id INT, v VARCHAR(20))", f"CREATE TABLE {SCHEMA}.third (id INT PRIMARY KEY)",
           f"INSERT INTO {SCHEMA}.t VALUES {many}", f"INSERT INTO {SCHEMA}.no_key VALUES {many}")
    _begin_log_anew(up)  # and without a GTID yet
    settings.set(up, EVERY)
    settings.set(down, {**EVERY, **OF_TABLES, **ROW_FORMAT})
    path = cluster.task_file("globs", ["src"], down, [SCHEMA], **{"meta-schema": "dm_globs"})
    cluster.ctl("start-task", path, "--remove-meta")
    cluster.wait_stage("globs", "Running", "Sync")
    up.run(f"CREATE TABLE {SCHEMA}.live (id INT) ENGINE=MyISAM", f"INSERT INTO {SCHEMA}.live VALUES (1)",
           f"CREATE TABLE {SCHEMA}.live2 (id INT)", f"UPDATE {SCHEMA}.t SET v = CONCAT(v, 'x') WHERE id % 2 = 0", f"DELETE FROM {SCHEMA}.no_key WHERE id < 50",
           f"ALTER TABLE {SCHEMA}.third ADD v INT DEFAULT 5", f"INSERT INTO {SCHEMA}.third (id) VALUES (1), (2), (3)")
    cluster.wait_synced("globs", up)
    cluster.ctl("pause-task", "globs")
    cluster.ctl("resume-task", "globs")
    up.run(f"INSERT INTO {SCHEMA}.no_key VALUES (1000, 'last')")
    cluster.wait_synced("globs", up)
    settings.reset()
    found = difference(up, down, {SCHEMA: SCHEMA})
    assert found is None, found
    others = down.run("SELECT TABLE_NAME, ENGINE, ROW_FORMAT FROM information_schema.TABLES WHERE ENGINE <> 'InnoDB' AND "
                      f"TABLE_SCHEMA IN ('dm_globs', '{SCHEMA}') OR ROW_FORMAT <> 'Dynamic' AND TABLE_SCHEMA = 'dm_globs'")
    assert others == (), others
    cluster.ctl("stop-task", "globs")


def test_statements_between_tables_that_are_merged(pair):
    """CREATE TABLE LIKE and renames of tables that go to one target leave the target alone."""
    cluster, _ = pair
    up, down = cluster.upstream, cluster.downstream
    up.run(f"CREATE DATABASE {SCHEMA}", f"CREATE TABLE {SCHEMA}.t1 (id INT PRIMARY KEY, v INT)",
           f"INSERT INTO {SCHEMA}.t1 VALUES (1, 1)")
    instance = {"source-id": "src", "block-allow-list": "list", "mydumper-config-name": "dump", "loader-config-name": "load",
                "syncer-config-name": "sync", "route-rules": ["all"]}
    path = cluster.task_file(
        "globs", ["src"], down, [SCHEMA], **{
            "meta-schema": "dm_globs", "mysql-instances": [instance], "routes": {
                "all": {"schema-pattern": SCHEMA, "table-pattern": "t*", "target-schema": SCHEMA, "target-table": "one"}}})
    cluster.ctl("start-task", path, "--remove-meta")
    cluster.wait_stage("globs", "Running", "Sync")
    up.run(f"CREATE TABLE {SCHEMA}.t3 LIKE {SCHEMA}.t1", f"INSERT INTO {SCHEMA}.t3 VALUES (3, 3)",
           f"RENAME TABLE {SCHEMA}.t3 TO {SCHEMA}.t4", f"INSERT INTO {SCHEMA}.t4 VALUES (4, 4)",
           f"ALTER TABLE {SCHEMA}.t4 RENAME TO {SCHEMA}.t5, ADD w INT DEFAULT 9", f"INSERT INTO {SCHEMA}.t5 VALUES (5, 5, 5)")
    cluster.wait_synced("globs", up)
    assert down.run(f"SELECT id, v, w FROM {SCHEMA}.one ORDER BY id") == ((1, 1, 9), (3, 3, 9), (4, 4, 9), (5, 5, 5))
    cluster.ctl("stop-task", "globs")


def test_account_with_rights_on_its_schemas_alone(pair):
    """--remove-meta asks for no right on schemas that are not there."""
    cluster, _ = pair
    up, down = cluster.upstream, cluster.downstream
    up.run(f"CREATE DATABASE {SCHEMA}", f"CREATE TABLE {SCHEMA}.t (id INT PRIMARY KEY)", f"INSERT INTO {SCHEMA}.t VALUES (1)")
    rights = "CREATE, SELECT, INSERT, UPDATE, DELETE, ALTER, DROP, INDEX"
    down.run("DROP USER IF EXISTS 'few'@'%'", "CREATE USER 'few'@'%' IDENTIFIED BY 'p'",
             f"GRANT {rights} ON {SCHEMA}.* TO 'few'@'%'", f"GRANT {rights} ON dm_globs.* TO 'few'@'%'")
    path = cluster.task_file("globs", ["src"], down, [SCHEMA],
                             **{"meta-schema": "dm_globs", "target-database": {"user": "few", "password": "p"}})
    for _ in range(2):  # what the first has made is removed by the second
        cluster.ctl("start-task", path, "--remove-meta")
        cluster.wait_stage("globs", "Running", "Sync")
        cluster.ctl("stop-task", "globs")
        down.run(f"DROP TABLE {SCHEMA}.t")
    down.run("DROP USER 'few'@'%'")
