"""check-task and start-task on real servers: what each item says, what is shown of it, and that a check ends."""
import os
import re
import signal
import subprocess
import time

import pytest

from dmtest.cluster import BIN
from dmtest.servers import MariaDb
from dmtest.waiting import wait_for

PASSED = '"msg": "pre-check is passed. "'
DUMP = "SELECT, RELOAD, PROCESS"
REPLICATION = {"mariadb": "REPLICATION SLAVE, BINLOG MONITOR", "mysql9": "REPLICATION SLAVE, REPLICATION CLIENT"}
TARGET = "SELECT, CREATE, INSERT, UPDATE, DELETE, ALTER, DROP, INDEX"


class Check:
    """What dmctl printed of a check: its text is no JSON."""

    def __init__(self, answer):
        self.text = answer.out + answer.err
        self.items = dict(re.findall(r'"name": "(.*)",\n.*"desc": ".*",\n.*"state": "(\w+)"', self.text))
        self.entries = re.findall(r'"short_error": "(.*)"', self.text)
        summary = re.search(r'"total": (\d+),\s*"successful": (\d+),\s*"failed": (\d+),\s*"warning": (\d+)', self.text)
        self.total, self.successful, self.failed, self.warned = map(int, summary.groups()) if summary else (0, 0, 0, 0)

    @property
    def passed(self):
        return PASSED in self.text


@pytest.fixture(scope="module")
def running(tmp_path_factory, servers):
    """`src` is an ordinary upstream; `odd` one with few connections and a database that is not in its binlog, whose first
    binlogs are gone. Both have a worker."""
    from dmtest.cluster import Cluster
    cluster = Cluster(tmp_path_factory.mktemp("precheck"))
    cluster.gate = os.path.join(cluster.dir, "gate")
    open(cluster.gate, "w").close()
    cluster.start_master(failpoints=f"precheck/before-table=pause({cluster.gate})")
    for worker in ("worker1", "worker2"):
        cluster.start_worker(worker)
    # (One whose first binlog no other module has purged.)
    cluster.upstream, cluster.downstream = servers.get("mariadb", "checked"), servers.get("mariadb", "down")
    odd = MariaDb(tmp_path_factory.mktemp("odd") / "up", 91, **{"max-connections": 10, "binlog-ignore-db": "pre_hidden"}).start()
    cluster.odd = odd
    odd.run("CREATE DATABASE pre", "CREATE TABLE pre.t (id INT PRIMARY KEY, v VARCHAR(10))", "CREATE DATABASE pre_hidden",
            "CREATE TABLE pre_hidden.t (id INT PRIMARY KEY)", "FLUSH BINARY LOGS", "FLUSH BINARY LOGS")
    odd.run(f"PURGE BINARY LOGS TO '{odd.run('SHOW BINARY LOGS')[-1][0]}'")
    cluster.create_source("src", cluster.upstream)
    cluster.create_source("odd", odd, **{"from": account(odd, "pre-odd", "ALL ON *.*")})
    cluster.made = {"src", "odd"}
    yield cluster
    cluster.stop()
    odd.stop()


@pytest.fixture
def schema(running):
    """Schema `pre` upstream, nothing of it downstream."""
    fresh(running.upstream)
    running.downstream.run("DROP DATABASE IF EXISTS pre", "DROP DATABASE IF EXISTS dm_pre")
    return "pre"


def fresh(server, *tables):
    server.run("DROP DATABASE IF EXISTS pre", "CREATE DATABASE pre",
               *(tables or ["CREATE TABLE pre.t (id INT PRIMARY KEY, v VARCHAR(10))"]))


def account(server, name, *grants, more=()):
    """An account with these grants ("SELECT ON *.*")."""
    server.run(f"DROP USER IF EXISTS '{name}'@'%'", f"CREATE USER '{name}'@'%' IDENTIFIED BY 'pw-{name}'",
               *[f"GRANT {grant} TO '{name}'@'%'" for grant in grants], *more)
    return {"user": name, "password": f"pw-{name}"}


def source(running, name, server, **more):
    if name not in running.made:
        running.create_source(name, server, **more)
        running.made.add(name)
    return name


def task(running, sources=("src",), target=None, **more):
    more.setdefault("meta-schema", "dm_pre")
    return running.task_file("pre", list(sources), target or running.downstream, ["pre"], **more)


def check(running, *args, sources=("src",), target=None, **more):
    return Check(running.ctl("check-task", task(running, sources, target, **more), *args, check=False))


# ---- a table of cases: statements upstream, statements downstream, changes of the task, what is said ----

KEYLESS = [f"CREATE TABLE pre.t{i} (v INT)" for i in range(20)]
BY_TRANSACTIONS = ["CREATE TABLE pre.h (id INT PRIMARY KEY, s BIGINT UNSIGNED GENERATED ALWAYS AS ROW START, e BIGINT UNSIGNED GENERATED ALWAYS AS "
                   "ROW END, PERIOD FOR SYSTEM_TIME (s, e)) WITH SYSTEM VERSIONING"]
CASES = {
    "good": ([], [], {}, {}, []),
    "tables-without-key": (KEYLESS, [], {}, {"table structure compatibility check": "warn"},
                           ["table `pre`.`t0` primary/unique key does not exist"]),
    "keyless-and-inconsistent": (KEYLESS, [], {"mydumpers": {"dump": {"extra-args": "--consistency none"}},
                                               "ignore-checking-items": ["table_schema"]},
                                 {"table structure compatibility check": "fail"}, ["table `pre`.`t0` has no primary key"]),
    "default-sections": ([], [], {"mydumpers": {"dump": {"threads": None}}, "loaders": {"load": {"pool-size": None}},
                                  "syncers": {"sync": {"worker-count": None}}}, {}, []),
    "shadow-table": (["CREATE TABLE pre.t (id INT PRIMARY KEY)", "CREATE TABLE pre._t_gho (id INT PRIMARY KEY)"], [], {},
                     {"online ddl checker": "fail"}, ["your ddl is in pt/ghost online-ddl"]),
    "shadow-table-of-another": (
        ["CREATE TABLE pre.t (id INT PRIMARY KEY)", "CREATE TABLE pre._other_gho (id INT PRIMARY KEY)"], [],
        {"block-allow-list": {"list": {"do-tables": [{"db-name": "pre", "tbl-name": "t"}]}}}, {}, []),
    "trash-table": (["CREATE TABLE pre.t (id INT PRIMARY KEY)", "CREATE TABLE pre._t_del (id INT PRIMARY KEY)"], [], {}, {}, []),
    "shadow-table-without-online-ddl": (
        ["CREATE TABLE pre.t (id INT PRIMARY KEY)", "CREATE TABLE pre._t_gho (id INT PRIMARY KEY)"], [],
        {"online-ddl": False}, {}, []),
    "narrower-target": ([], ["CREATE TABLE pre.t (id INT PRIMARY KEY, v VARCHAR(5))"], {},
                        {"table structure compatibility check": "warn"},
                        ["table `pre`.`t` column v is narrower downstream, upstream: VARCHAR(10), downstream: VARCHAR(5)"]),
    "target-lacks-column": ([], ["CREATE TABLE pre.t (id INT PRIMARY KEY)"], {},
                            {"table structure compatibility check": "warn"},
                            ["table `pre`.`t` upstream has more columns than downstream, columns: [v]"]),
    "target-needs-column": ([], ["CREATE TABLE pre.t (id INT PRIMARY KEY, v VARCHAR(10), w INT NOT NULL)"], {},
                            {"table structure compatibility check": "warn"}, ["require values to insert records"]),
    "target-has-other-key": ([], ["CREATE TABLE pre.t (id INT, v VARCHAR(10) NOT NULL PRIMARY KEY)"], {},
                             {"table structure compatibility check": "warn"},
                             ["upstream has more PK or NOT NULL UK than downstream, index name: PRIMARY, columns: [id]"]),
    "target-other-collation": (["CREATE TABLE pre.t (id INT PRIMARY KEY) COLLATE utf8mb4_general_ci"],
                               ["CREATE TABLE pre.t (id INT PRIMARY KEY) COLLATE utf8mb4_bin"], {},
                               {"table structure compatibility check": "warn"},
                               ["table `pre`.`t` collation is not same, upstream: (t utf8mb4_general_ci), downstream: (t utf8mb4_bin)"]),
    "foreign-key": (["CREATE TABLE pre.p (id INT PRIMARY KEY)", "CREATE TABLE pre.t (id INT PRIMARY KEY, p INT, CONSTRAINT fk "
                     "FOREIGN KEY (p) REFERENCES p (id) ON DELETE CASCADE)"], [], {},
                    {"table structure compatibility check": "warn"}, ["Foreign Key fk changes rows by itself"]),
    "odd-names": (["CREATE TABLE pre.`a ``b``\"c` (`i``d` INT PRIMARY KEY)", "CREATE TABLE pre.`漢` (id INT PRIMARY KEY)",
                   "CREATE VIEW pre.v AS SELECT 1", "CREATE SEQUENCE pre.s"], [], {}, {}, []),
    "system-versioned": (["CREATE TABLE pre.h (id INT PRIMARY KEY) WITH SYSTEM VERSIONING"], [], {}, {}, []),
    "versioned-by-transactions": (BY_TRANSACTIONS, [], {}, {"table structure compatibility check": "fail"},
                                  ["table `pre`.`h` is system-versioned by transactions: its changes cannot be replicated", "block-allow-list"]),
    "versioned-with-a-start-in-a-key-full": (
        ["CREATE TABLE pre.h (id INT, s TIMESTAMP(6) GENERATED ALWAYS AS ROW START, e TIMESTAMP(6) GENERATED ALWAYS AS ROW END, "
         "PERIOD FOR SYSTEM_TIME (s, e), UNIQUE KEY (id, s)) WITH SYSTEM VERSIONING"], [], {"task-mode": "full"},
        {"table structure compatibility check": "fail"}, ["in a unique key: rows that begin at different moments upstream"]),
    "versioned-by-transactions-full": (BY_TRANSACTIONS, [], {"task-mode": "full"}, {}, []),
    "routes-differ-in-case": (
        [], [], {"routes": {"one": {"schema-pattern": "pre", "table-pattern": "t*", "target-schema": "x", "target-table": "Tgt"},
                            "two": {"schema-pattern": "pre", "table-pattern": "t", "target-schema": "x", "target-table": "tgt"}},
                 "route-rules": ["one", "two"]},
        None, ["code=26001", "class=dm-master", "fail to initialize checker", "same table name in case-insensitive",
               "same target table `x`.`Tgt` vs `x`.`tgt`"]),
    "routes-match-twice": (
        [], [], {"routes": {"one": {"schema-pattern": "pre", "table-pattern": "t*", "target-schema": "x", "target-table": "a"},
                            "two": {"schema-pattern": "pre", "table-pattern": "t", "target-schema": "x", "target-table": "b"}},
                 "route-rules": ["one", "two"]}, None, ["fail to initialize checker", "matches more than one rule"]),
    "merged-tables": (
        ["CREATE TABLE pre.t1 (id INT PRIMARY KEY)", "CREATE TABLE pre.t2 (id INT PRIMARY KEY)"], [],
        {"routes": {"one": {"schema-pattern": "pre", "table-pattern": "t*", "target-schema": "x", "target-table": "t"}}, "route-rules": ["one"]},
        {"merged tables check": "warn"},
        ["tables `pre`.`t1`, `pre`.`t2` have one target, `x`.`t`: TRUNCATE TABLE of one of them empties it, DROP TABLE drops it", "`truncate table`", '"result": true']),
    "merged-tables-that-a-filter-protects": (
        ["CREATE TABLE pre.t1 (id INT PRIMARY KEY)", "CREATE TABLE pre.t2 (id INT PRIMARY KEY)"], [],
        {"routes": {"one": {"schema-pattern": "pre", "table-pattern": "t*", "target-schema": "x", "target-table": "t"}}, "route-rules": ["one"],
         "filters": {"keep": {"schema-pattern": "pre", "table-pattern": "t*", "events": ["truncate table", "drop table"], "action": "Ignore"}},
         "filter-rules": ["keep"]}, {}, []),
    "merged-tables-ignored": (
        ["CREATE TABLE pre.t1 (id INT PRIMARY KEY)", "CREATE TABLE pre.t2 (id INT PRIMARY KEY)"], [],
        {"routes": {"one": {"schema-pattern": "pre", "table-pattern": "t*", "target-schema": "x", "target-table": "t"}}, "route-rules": ["one"],
         "ignore-checking-items": ["schema_of_shard_tables"]}, {}, []),
    "merged-tables-full": (
        ["CREATE TABLE pre.t1 (id INT PRIMARY KEY)", "CREATE TABLE pre.t2 (id INT PRIMARY KEY)"], [],
        {"routes": {"one": {"schema-pattern": "pre", "table-pattern": "t*", "target-schema": "x", "target-table": "t"}}, "route-rules": ["one"],
         "task-mode": "full"}, {}, []),
    "no-table-matches": ([], [], {"block-allow-list": {"list": {"do-dbs": ["nothing_of_this"]}}}, {"rules effect check": "warn"},
                         ["do-dbs entry `nothing_of_this` matches nothing of source src"]),
    "full": ([], [], {"task-mode": "full"}, {}, []),
    "ignores-all": ([], [], {"ignore-checking-items": ["all"]}, None, ['"msg": ""', '"result": true']),
    "ignores-unknown": ([], [], {"ignore-checking-items": ["auto_increment_id"]}, None, ["code=20001", "auto_increment_ID"]),
    "meta-without-position": ([], [], {"task-mode": "incremental", "meta": {"binlog-gtid": ""}}, None, ["must specify", "binlog-name"]),
    "meta-purged": ([], [], {"task-mode": "incremental", "meta": {"binlog-name": "mysql-bin.900000", "binlog-pos": 4}},
                    {"meta position check": "fail"}, ["1236"]),
    "meta-inside-an-event": ([], [], {"task-mode": "incremental", "meta": {"binlog-name": "mysql-bin.000001", "binlog-pos": 5}},
                             {"meta position check": "fail"}, ["1236"]),
    "meta-set-unreadable": ([], [], {"task-mode": "incremental", "meta": {"binlog-gtid": "zzz"}}, {"meta position check": "fail"}, ["zzz"]),
    "meta-good": ([], [], {"task-mode": "incremental", "meta": {"binlog-name": "mysql-bin.000001", "binlog-pos": 4}}, {}, []),
    "meta-now": ([], [], {"task-mode": "incremental"}, {}, []),
}


def with_instance_keys(changes):
    """`meta` and `route-rules` belong to the instance."""
    changes = dict(changes)
    instance = {key: changes.pop(key) for key in ("meta", "route-rules", "filter-rules") if key in changes}
    if instance:
        changes["mysql-instances"] = [{"source-id": "src", "block-allow-list": "list", "mydumper-config-name": "dump",
                                       "loader-config-name": "load", "syncer-config-name": "sync", **instance}]
    return changes


@pytest.mark.parametrize("case", CASES)
def test_case(running, schema, case):
    upstream, downstream, changes, items, texts = CASES[case]
    fresh(running.upstream, *upstream)
    if downstream:
        running.downstream.run("CREATE DATABASE pre", *downstream)
    began = time.monotonic()
    found = check(running, **with_instance_keys(changes))
    assert time.monotonic() - began < 15, found.text
    if items is not None:
        assert found.items == items, found.text
        assert found.passed == (not items), found.text
        assert (found.failed, found.warned) == (0, 0) or found.failed + found.warned == len(items), found.text
    for text in texts:
        assert text in found.text.replace('\\"', '"'), found.text


def test_totals_by_mode(running, schema):
    """Items are created in a fixed order: scripts know their numbers."""
    assert check(running, "-e", 0, "-w", 0).passed
    fresh(running.upstream, *KEYLESS)
    for mode, total, number in (("all", 13, 12), ("full", 6, 5), ("incremental", 11, 10)):
        found = check(running, **{"task-mode": mode})
        assert found.total == total, found.text
        assert f'"id": {number},' in found.text, found.text


def test_limits_hide_entries_only(running, schema):
    fresh(running.upstream, *KEYLESS, "CREATE TABLE pre.x (id INT PRIMARY KEY)", "CREATE TABLE pre._x_gho (id INT PRIMARY KEY)")
    for errors, warnings, items, entries in ((10, 10, 2, 11), (-1, -1, 2, 21), (0, 10, 1, 10), (10, 0, 1, 1), (0, 0, 0, 0), (1, 1, 2, 2)):
        found = check(running, "-e", errors, "-w", warnings)
        assert (len(found.items), len(found.entries)) == (items, entries), found.text
        assert (found.failed, found.warned) == (1, 1), found.text
        assert found.text.count('"state": "fail"') == (1 if errors else 0), found.text


# ---- targets that are the upstream's, or the product's own ----

ITSELF = "the downstream is the server of source src itself"


@pytest.mark.parametrize("mode", ["full", "all", "incremental"])
def test_the_target_is_the_upstream_itself(running, schema, mode):
    """Rows without a key would be doubled, changes replicated again and again."""
    fresh(running.upstream, "CREATE TABLE pre.k (id INT PRIMARY KEY)", "CREATE TABLE pre.n (v INT)", "INSERT INTO pre.n VALUES (1)")
    found = check(running, target=running.upstream, **{"task-mode": mode, "ignore-checking-items": ["table_schema"]})
    assert found.items["target tables check"] == "fail" and ITSELF in found.text and "`pre`.`k`, `pre`.`n`" in found.text, found.text
    path = task(running, target=running.upstream, **{"task-mode": mode})
    answer = running.ctl("start-task", path, check=False)
    assert not answer.ok and ITSELF in answer.out, answer
    assert running.upstream.value("SELECT COUNT(*) FROM pre.n") == 1


def renamed(**more):
    return with_instance_keys({"routes": {"one": {"schema-pattern": "pre", "target-schema": "pre_copy"}}, "route-rules": ["one"], **more})


def test_other_names_on_the_same_server(running, schema):
    """Fine, unless the task takes what it writes, or its progress, from the binlog."""
    for mode in ("full", "all"):
        assert check(running, target=running.upstream, **renamed(**{"task-mode": mode})).passed
    everything = {"block-allow-list": {"list": {"do-dbs": ["~^pre"]}}}
    running.upstream.run("DROP DATABASE IF EXISTS pre_copy")
    assert check(running, target=running.upstream, **renamed(**{"task-mode": "full"}, **everything)).passed
    found = check(running, target=running.upstream, **renamed(**everything))
    assert found.items == {"target tables check": "fail"} and "`pre_copy`.`t`" in found.text and "again" in found.text, found.text
    protected = {"filters": {"own": {"schema-pattern": "pre_copy", "events": ["all"], "action": "Ignore"}}, "filter-rules": ["own"]}
    found = check(running, target=running.upstream, **renamed(**everything, **protected))
    assert "target tables check" not in found.items, found.text
    found = check(running, target=running.upstream, **renamed(**{"block-allow-list": {"list": {"do-dbs": ["pre", "dm_pre"]}}}))
    assert found.items["target tables check"] == "fail" and "its own progress, `dm_pre`.`pre_syncer_checkpoint`" in found.text, found.text


@pytest.mark.parametrize("pair", ["mysql9-mysql9", "mysql9-mariadb"])
def test_the_same_server_of_another_kind(running, servers, schema, pair):
    up, down = (servers.get(kind, "up") for kind in pair.split("-"))
    fresh(up)
    down.run("DROP DATABASE IF EXISTS dm_pre")
    found = check(running, sources=[source(running, "mysql9-own", up)], target=down)
    assert (found.items.get("target tables check") == "fail") == (up is down), found.text


def test_tables_of_progress_are_not_migrated(running, schema):
    """The upstream is itself the target of tasks."""
    running.upstream.run("CREATE DATABASE dm_pre", "CREATE TABLE dm_pre.pre_syncer_checkpoint (id INT PRIMARY KEY)",
                         "CREATE TABLE dm_pre.other_loader_checkpoint (id INT PRIMARY KEY)", "CREATE TABLE dm_pre.users (id INT PRIMARY KEY)")
    try:
        both = {"block-allow-list": {"list": {"do-dbs": ["pre", "dm_pre"]}}}
        found = check(running, **both)
        assert found.items == {"target tables check": "fail"}, found.text
        assert found.entries == [
            "table `dm_pre`.`other_loader_checkpoint` of source src has the target `dm_pre`.`other_loader_checkpoint`, where a task of that name "
            "would keep its progress",
            "table `dm_pre`.`pre_syncer_checkpoint` of source src has the target `dm_pre`.`pre_syncer_checkpoint`, where the task keeps its progress"], found.text
        assert "block-allow-list" in found.text and "meta-schema" in found.text, found.text
        found = check(running, **both, **{"meta-schema": "dm_pre_other"})
        assert found.passed, found.text
    finally:
        running.upstream.run("DROP DATABASE dm_pre")


# ---- accounts ----

UPSTREAM_ACCOUNTS = {
    # name: (server kind, grants, more statements, mode, what is said; None: passed)
    "minimal": ("mariadb", [f"{DUMP}, {REPLICATION['mariadb']} ON *.*"], [], "all", None),
    "by-schema": ("mariadb", [f"RELOAD, PROCESS, {REPLICATION['mariadb']} ON *.*", "SELECT ON `pre`.*"], [], "all", None),
    "by-pattern": ("mariadb", [f"RELOAD, PROCESS, {REPLICATION['mariadb']} ON *.*", "SELECT ON `pr\\_`.*", "INSERT ON pre.*"], [], "all",
                   ["lack of Select privilege: {`pre`.`t`}; "]),
    "by-wildcard": ("mariadb", [f"RELOAD, PROCESS, {REPLICATION['mariadb']} ON *.*", "SELECT ON `pr_`.*"], [], "all", None),
    "no-reload": ("mariadb", [f"SELECT, PROCESS, {REPLICATION['mariadb']} ON *.*"], [], "all",
                  ["lack of RELOAD global (*.*) privilege; "]),
    "table-locks": ("mariadb", [f"SELECT, PROCESS, LOCK TABLES, {REPLICATION['mariadb']} ON *.*"], [], "all",
                    ["will lock all tables of the task instead"]),
    "no-replication": ("mariadb", [f"{DUMP} ON *.*"], [], "all",
                       ["lack of REPLICATION CLIENT global (*.*) privilege; lack of REPLICATION SLAVE global (*.*) privilege; "]),
    "full-asks-less": ("mariadb", [f"{DUMP} ON *.*"], [], "full", ["lack of REPLICATION CLIENT global (*.*) privilege; "]),
    "no-process": ("mariadb", [f"SELECT, RELOAD, {REPLICATION['mariadb']} ON *.*"], [], "all",
                   ["lack of Process global (*.*) privilege; "]),
    "default-role": ("mariadb", ["USAGE ON *.*"],
                     ["CREATE OR REPLACE ROLE pre_role", "CREATE OR REPLACE ROLE pre_inner", f"GRANT {DUMP} ON *.* TO pre_inner",
                      f"GRANT {REPLICATION['mariadb']} ON *.* TO pre_role", "GRANT pre_inner TO pre_role",
                      "GRANT pre_role TO 'pre-default-role'@'%'", "SET DEFAULT ROLE pre_role FOR 'pre-default-role'@'%'"], "all", None),
    "idle-role": ("mariadb", ["USAGE ON *.*"],
                  ["CREATE OR REPLACE ROLE pre_idle", f"GRANT {DUMP}, {REPLICATION['mariadb']} ON *.* TO pre_idle",
                   "GRANT pre_idle TO 'pre-idle-role'@'%'"], "all",
                  ["roles that a new connection of it does not have (SET DEFAULT ROLE): `pre_idle`"]),
    "mysql-minimal": ("mysql9", [f"{DUMP}, {REPLICATION['mysql9']} ON *.*"], [], "all", None),
    "mysql-flush-tables": ("mysql9", [f"SELECT, PROCESS, {REPLICATION['mysql9']} ON *.*", "FLUSH_TABLES ON *.*"], [], "all", None),
    "mysql-admin-only": ("mysql9", [f"{DUMP}, REPLICATION CLIENT ON *.*", "REPLICATION_SLAVE_ADMIN, BACKUP_ADMIN ON *.*"], [], "all",
                         ["lack of REPLICATION SLAVE global (*.*) privilege; "]),
    "mysql-role": ("mysql9", ["USAGE ON *.*"],
                   ["CREATE ROLE IF NOT EXISTS pre_role", f"GRANT {DUMP}, {REPLICATION['mysql9']} ON *.* TO pre_role",
                    "GRANT pre_role TO 'pre-mysql-role'@'%' WITH ADMIN OPTION",
                    "SET DEFAULT ROLE pre_role TO 'pre-mysql-role'@'%'"], "all", None),
    "mysql-idle-role": ("mysql9", ["USAGE ON *.*"],
                        ["CREATE ROLE IF NOT EXISTS pre_role", f"GRANT {DUMP}, {REPLICATION['mysql9']} ON *.* TO pre_role",
                         "GRANT pre_role TO 'pre-mysql-idle-role'@'%' WITH ADMIN OPTION"], "all",
                        ["roles that a new connection of it does not have (SET DEFAULT ROLE): `pre_role`@`%`"]),
}


@pytest.mark.parametrize("name", UPSTREAM_ACCOUNTS)
def test_upstream_account(running, servers, schema, name):
    kind, grants, more, mode, texts = UPSTREAM_ACCOUNTS[name]
    server = servers.get(kind, "up")
    fresh(server)
    login = account(server, f"pre-{name}", *grants, more=more)
    found = check(running, sources=[source(running, name, server, **{"from": login})], **{"task-mode": mode})
    assert found.passed == (texts is None), found.text
    for text in texts or []:
        assert found.text.count(text) >= 1, found.text
    # Without the privilege for it, binlog_do_db cannot be read either.
    failures = {"by-pattern": 1, "no-reload": 1, "no-replication": 2, "mysql-admin-only": 1, "idle-role": 3, "mysql-idle-role": 1}
    assert found.failed == failures.get(name, 0), found.text


def test_start_is_refused_and_creates_nothing(running, schema):
    login = account(running.upstream, "pre-start", f"{DUMP} ON *.*")
    path = task(running, [source(running, "start", running.upstream, **{"from": login})])
    answer = running.ctl("start-task", path, check=False)
    assert '"result": false' in answer.out and '"msg": ""' in answer.out, answer
    assert '"checkResult": "[code=26005:class=dm-master' in answer.out, answer
    assert "lack of REPLICATION SLAVE global (*.*) privilege" in answer.out, answer
    assert running.status("pre") is None
    assert not running.downstream.run("SHOW DATABASES LIKE 'dm\\_pre'")


def test_ignored_item_is_not_checked(running, schema):
    login = account(running.upstream, "pre-ignored", f"SELECT, PROCESS, {REPLICATION['mariadb']} ON *.*")
    sources = [source(running, "ignored", running.upstream, **{"from": login})]
    assert check(running, sources=sources).items == {"source db dump privilege checker": "fail"}
    assert check(running, sources=sources, **{"ignore-checking-items": ["dump_privilege"]}).passed


def test_wrong_upstream_password(running, schema):
    login = account(running.upstream, "pre-login", "ALL ON *.*")
    sources = [source(running, "login", running.upstream, **{"from": login})]
    running.upstream.run("ALTER USER 'pre-login'@'%' IDENTIFIED BY 'changed'")
    for command in ("check-task", "start-task"):
        text = running.ctl(command, task(running, sources), check=False).out
        for phrase in ("Access denied for user",
                       "Please check the database connection and the database config in configuration file",
                       "fail to initialize checker", "code=26002:class=dm-master:scope=upstream", "failed to open DSN", "***@"):
            assert text.count(phrase) == 1, text
        assert "pw-pre-login" not in text


def test_target_account(running, schema):
    server = running.downstream
    login = account(server, "pre-target", f"{TARGET}, PROCESS ON *.*")
    target = {"target-database": login}
    assert check(running, **target).passed
    server.run("REVOKE UPDATE ON *.* FROM 'pre-target'@'%'")
    found = check(running, **target)
    assert found.text.count("lack of Update global (*.*) privilege") == 1 and '"warning": 1' in found.text, found.text
    assert found.items == {"target db privilege checker": "warn"}, found.text
    server.run("GRANT UPDATE ON *.* TO 'pre-target'@'%'")
    assert check(running, **target).passed
    # On what is written alone.
    login = account(server, "pre-target", "PROCESS ON *.*", f"{TARGET} ON `pre`.*", f"{TARGET} ON `dm\\_pre`.*")
    assert check(running, **target).passed
    server.run("REVOKE CREATE ON `dm\\_pre`.* FROM 'pre-target'@'%'")
    found = check(running, **target)
    assert found.items == {"target db privilege checker": "fail"}, found.text
    assert "cannot create tables in `dm_pre`" in found.text and "lack of Create privilege: {`dm_pre`.*}; " in found.text, found.text


def test_target_account_of_tidb(running, servers, schema):
    """Which does not look at letter case."""
    server = servers.get("tidb", "down")
    login = account(server, "pre-letters", f"{TARGET} ON `Pre`.*", f"{TARGET} ON `DM_Pre`.*")
    server.run("DROP DATABASE IF EXISTS pre", "DROP DATABASE IF EXISTS dm_pre")
    found = check(running, target=server, **{"target-database": login})
    assert found.passed, found.text
    with server.connect(login["user"], login["password"]) as connection:
        connection.cursor().execute("CREATE DATABASE pre")
        connection.cursor().execute("CREATE TABLE pre.t (id INT PRIMARY KEY)")
    server.run("DROP DATABASE pre", "DROP USER 'pre-letters'@'%'")


def test_no_secret_in_the_log(running, schema):
    running.upstream.run("CREATE OR REPLACE USER 'pre-secret'@'%' IDENTIFIED BY 'pw-pre-secret'")
    secret = running.upstream.value("SELECT PASSWORD('pw-pre-secret')")
    check(running, sources=[source(running, "secret", running.upstream, **{"from": {"user": "pre-secret", "password": "pw-pre-secret"}})])
    log = running.log("master1", lines=10**7)
    assert "checking items" in log and secret not in log and "pw-pre-secret" not in log


# ---- servers ----

def test_few_connections(running, schema):
    found = check(running, sources=["odd"], **{"mydumpers": {"dump": {"threads": 9}}})
    assert found.items["dumper_conn_number_checker"] == "fail", found.text
    # Sequences, which MariaDB has, are read on a connection of their own.
    assert "max_connections: 10 is less than the number dumper needs: 12" in found.text, found.text
    found = check(running, sources=["odd"], **{"mydumpers": {"dump": {"threads": 9, "extra-args": "--no-sequences"}}})
    assert "max_connections: 10 is less than the number dumper needs: 11" in found.text, found.text
    assert check(running, sources=["odd"], **{"mydumpers": {"dump": {"threads": 1}}}).failed == 0
    found = check(running, target=running.odd, **{"loaders": {"load": {"pool-size": 20}}, "syncers": {"sync": {"worker-count": 16}}})
    assert found.items == {"loader_conn_number_checker": "warn", "syncer_conn_number_checker": "warn"}, found.text
    assert "max_connections: 10 is less than the number syncer needs: 20" in found.text, found.text
    few = {"task-mode": "incremental", "syncers": {"sync": {"worker-count": 2}}}
    assert check(running, target=running.odd, **few).items == {}


def test_more_workers_than_connections(running, schema):
    """Said before the start, and at once by the task that is started all the same: nothing else would be heard for minutes."""
    allowed = running.downstream.value("SELECT @@max_connections")
    for workers in (allowed, 1000):
        more = {"task-mode": "incremental", "syncers": {"sync": {"worker-count": workers}}}
        found = check(running, **more)
        assert found.items == {"syncer_conn_number_checker": "warn"}, found.text
        running.ctl("start-task", task(running, **more))
        try:
            error = running.wait_error("pre", 10001, timeout=30)
            assert f"`worker-count: {workers}` needs {workers + 4} connections, the downstream allows {allowed} (max_connections)" in \
                error["RawCause"], error
            assert "lower `worker-count`" in error["Workaround"], error
        finally:
            running.ctl("stop-task", "pre", check=False)


def test_tables_without_transactions(running, schema):
    fresh(running.upstream, "CREATE TABLE pre.a (id INT PRIMARY KEY)", "CREATE TABLE pre.b (id INT PRIMARY KEY) ENGINE=MyISAM",
          "CREATE TABLE pre.c (id INT PRIMARY KEY) ENGINE=MyISAM", "CREATE TABLE pre.d (id INT PRIMARY KEY)")
    running.downstream.run("CREATE DATABASE pre", "CREATE TABLE pre.a (id INT PRIMARY KEY) ENGINE=MyISAM",
                           "CREATE TABLE pre.b (id INT PRIMARY KEY)", "CREATE TABLE pre.others (id INT PRIMARY KEY) ENGINE=MyISAM")
    # `a` is one; `b` is there as another; `c` will be made as another.
    found = check(running)
    assert found.items == {"target table engine check": "warn"}, found.text
    assert "the storage engine of `pre`.`a` (MyISAM) has no transactions" in found.text, found.text
    assert "`pre`.`a` (MyISAM) has" in check(running, **{"task-mode": "incremental"}).text
    assert check(running, **{"ignore-checking-items": ["table_schema"]}).items == {}


def test_database_that_is_not_in_the_binlog(running, schema):
    found = check(running, sources=["odd"], **{"block-allow-list": {"list": {"do-dbs": ["pre_hidden"]}}})
    assert found.items["binlog_do_db/binlog_ignore_db check"] == "fail", found.text
    assert "these dbs [pre_hidden] are in binlog_ignore_db[pre_hidden]" in found.text, found.text


def test_purged_binlog(running, schema):
    instance = {"source-id": "odd", "block-allow-list": "list", "mydumper-config-name": "dump", "loader-config-name": "load",
                "syncer-config-name": "sync", "meta": {"binlog-name": "mysql-bin.000001", "binlog-pos": 4}}
    found = check(running, **{"task-mode": "incremental", "mysql-instances": [instance]})
    assert found.items["meta position check"] == "fail", found.text
    # A task that goes on from its checkpoint does not need it.
    running.downstream.run("CREATE DATABASE dm_pre", "CREATE TABLE dm_pre.pre_syncer_checkpoint (id VARCHAR(32) PRIMARY KEY)",
                           "INSERT INTO dm_pre.pre_syncer_checkpoint VALUES ('odd')")
    path = running.task_file("pre", ["odd"], running.downstream, ["pre"], **{
        "meta-schema": "dm_pre", "task-mode": "incremental", "mysql-instances": [instance]})
    found = Check(running.ctl("check-task", path, check=False))
    assert found.items == {"meta position check": "warn"} and "goes on from its checkpoint" in found.text, found.text
    answer = running.ctl("start-task", path, "--remove-meta", check=False)
    assert "26005" in answer.out and "meta position check" in answer.out, answer
    # With a start time `meta` means nothing; what is gone is said.
    found = check(running, "--start-time", "2006-01-02 15:04:05", **{"task-mode": "incremental", "mysql-instances": [instance]})
    assert found.items == {"meta position check": "warn"} and found.failed == 0, found.text
    assert "before the oldest binlog mysql-bin.00000" in found.text, found.text


def test_start_time(running, schema):
    meta = {"task-mode": "incremental", "meta": {"binlog-gtid": ""}}
    assert check(running, "--start-time", "2006-01-02 15:04:05", **with_instance_keys(meta)).passed
    found = check(running, "--start-time", "2999-01-02 15:04:05", **with_instance_keys(meta))
    assert "is in the upstream's future" in found.text, found.text
    found = check(running, "--start-time", "20060102 150405", **with_instance_keys(meta))
    assert "error while parse start-time" in found.text, found.text


def test_full_copy_needs_no_binlog(running, schema, tmp_path):
    server = MariaDb(tmp_path / "up", 92, **{"skip-log-bin": None}).start()
    try:
        fresh(server)
        login = account(server, "pre-quiet", "SELECT, RELOAD, PROCESS ON *.*")
        sources = [source(running, "quiet", server, **{"from": login})]
        assert check(running, sources=sources, **{"task-mode": "full"}).passed
        found = check(running, sources=sources)
        assert found.items["mysql_binlog_enable"] == "fail" and "log_bin is OFF, and should be ON" in found.text, found.text
    finally:
        server.stop()


def test_mysql9(running, servers, schema):
    up, down = servers.get("mysql9", "up"), servers.get("mysql9", "down")
    down.run("DROP DATABASE IF EXISTS pre")
    fresh(up, "CREATE TABLE pre.t (a INT NOT NULL, UNIQUE INDEX e ((a + 1)))",
          "CREATE TABLE pre.u (a INT PRIMARY KEY, b INT, UNIQUE INDEX e ((a + b)))")
    sources = [source(running, "mysql9", up, **{"enable-gtid": True})]
    # Its schemas do not exist there: MySQL says so with another number than MariaDB.
    found = check(running, sources=sources, target=down)
    assert found.items == {"table structure compatibility check": "warn"}, found.text
    assert len(found.entries) == 1 and "table `pre`.`t` has no primary key" in found.entries[0], found.text
    fresh(up, "CREATE TABLE pre.t (id INT PRIMARY KEY)")
    assert check(running, sources=sources, target=down).passed
    # Its binlog has what a foreign key changes.
    fresh(up, "CREATE TABLE pre.p (id INT PRIMARY KEY)", "CREATE TABLE pre.t (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES p (id) ON DELETE CASCADE)")
    found = check(running, sources=sources, target=down)
    assert len(found.entries) == 1 and "is not checked while changes are applied" in found.entries[0], found.text
    fresh(up, "CREATE TABLE pre.t (id INT PRIMARY KEY) CHARSET gb18030")
    assert check(running, sources=sources, target=down).passed
    found = check(running, sources=sources)
    assert "Unknown character set: 'gb18030'" in found.text and found.failed == 0, found.text
    def from_gtid(text):
        instance = {"source-id": "mysql9", "block-allow-list": "list", "mydumper-config-name": "dump", "loader-config-name": "load",
                    "syncer-config-name": "sync", "meta": {"binlog-gtid": text}}
        return check(running, target=down, **{"task-mode": "incremental", "mysql-instances": [instance]})

    fresh(up)
    executed = up.value("SELECT @@gtid_executed").replace("\n", "")
    assert from_gtid(executed).passed
    found = from_gtid(f"{up.value('SELECT @@server_uuid')}:1-999999999")
    assert found.items == {"meta position check": "fail"} and "1236" in found.text, found.text
    up.run("SET GLOBAL gtid_mode = ON_PERMISSIVE", "SET GLOBAL binlog_row_value_options = 'PARTIAL_JSON'")  # the latter is applied
    try:
        found = check(running, sources=sources, target=down)
        assert found.items == {"mysql_binlog_enable": "fail"} and "gtid_mode ON_PERMISSIVE" in found.text, found.text
    finally:
        up.run("SET GLOBAL gtid_mode = ON", "SET GLOBAL binlog_row_value_options = ''")
    up.run("SET GLOBAL binlog_expire_logs_seconds = 60")
    try:
        found = check(running, sources=sources, target=down)
        assert found.items == {"mysql_binlog_enable": "warn"} and "binlogs are kept for 1m0s" in found.text, found.text
    finally:
        up.run("SET GLOBAL binlog_expire_logs_seconds = 2592000")


def test_mariadb_gtid(running, schema):
    sources = [source(running, "gtid", running.upstream, **{"enable-gtid": True})]
    instance = {"source-id": "gtid", "block-allow-list": "list", "mydumper-config-name": "dump", "loader-config-name": "load",
                "syncer-config-name": "sync"}
    position = running.upstream.value("SELECT @@gtid_binlog_pos")
    for text, items in ((position, {}), ("0-1-999999999", {"meta position check": "fail"})):
        found = check(running, sources=sources, **{"task-mode": "incremental", "mysql-instances": [
            {**instance, "meta": {"binlog-gtid": text}}]})
        assert found.items == items, found.text


def test_ansi_quotes(running, servers, schema):
    fresh(running.upstream, "CREATE TABLE pre.`a\"b` (id INT PRIMARY KEY)")
    sources = [source(running, "ansi", running.upstream, **{"from": {"session": {"sql_mode": "ANSI_QUOTES,NO_BACKSLASH_ESCAPES"}}})]
    assert check(running, sources=sources).passed


# ---- a check ends ----

def in_background(running, *args):
    return subprocess.Popen([f"{BIN}/dmctl", f"--master-addr={running.address}", *map(str, args)],
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def test_table_dropped_meanwhile(running, schema):
    fresh(running.upstream, *[f"CREATE TABLE pre.t{i} (id INT PRIMARY KEY)" for i in range(10)])
    os.remove(running.gate)
    process = in_background(running, "check-task", task(running))
    try:
        def reading():
            return "[\"check table structure\"]" in running.log("master1", 30)

        wait_for(reading, lambda: f"the tables are being read\n{running.log('master1', 30)}")
        running.upstream.run("DROP TABLE pre.t3", "DROP TABLE pre.t9")
    finally:
        open(running.gate, "w").close()
    text, _ = process.communicate(timeout=30)
    assert PASSED in text, text


def connections_to(server):
    """Connections to the server, as their clients see them: also those that a stopped server has not noticed."""
    with open("/proc/net/tcp") as f:
        rows = [line.split() for line in f.readlines()[1:]]
    return sum(1 for row in rows if row[2].endswith(f":{server.port:04X}") and row[3] == "01")


def test_caller_that_leaves_starts_nothing(running, schema):
    server = running.odd
    path = task(running, ["odd"])
    wait_for(lambda: running.bound_worker("odd"), lambda: "the source is bound")
    os.kill(server.process.pid, signal.SIGSTOP)
    try:
        before = connections_to(server)
        process = in_background(running, "start-task", path)
        wait_for(lambda: connections_to(server) > before, lambda: running.log("master1", 20))
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
        wait_for(lambda: connections_to(server) <= before, lambda: "the check has ended")
    finally:
        os.kill(server.process.pid, signal.SIGCONT)
    assert running.status("pre") is None
    # Nothing is in the way of the next.
    assert check(running, sources=["odd"], **{"mydumpers": {"dump": {"threads": 1}}, "loaders": {"load": {"pool-size": 4}}}).failed == 0


def test_item_that_hangs_ends_with_the_limit(cluster, tmp_path, servers, schema):
    server = MariaDb(tmp_path / "up", 94).start()
    gate = str(tmp_path / "gate")
    try:
        fresh(server)
        cluster.start_master(failpoints=f"precheck/short-limit=return;precheck/before-table=pause({gate})")
        cluster.create_source("src", server)
        process = in_background(cluster, "check-task", task(cluster, target=servers.get("mariadb", "down")))
        wait_for(lambda: '["check table structure"]' in cluster.log("master1"), lambda: cluster.log("master1"))
        server.process.send(signal.SIGSTOP)
        open(gate, "w").close()
        text, _ = process.communicate(timeout=20)
    finally:
        server.process.send(signal.SIGCONT)
        server.stop()
    assert "not finished within 2s" in text and '"passed": false' in text, text
    assert '"name": "table structure compatibility check"' in text and '"failed": 0' in text, text


def test_ten_thousand_tables(running, schema):
    """The tables are copies of one file; the server finds them by their names."""
    count = 10000
    server = running.upstream
    server.run("DROP TABLE pre.t", "CREATE TABLE pre.t0 (v INT) ENGINE=MEMORY", "FLUSH TABLES")
    directory = os.path.join(server.data(), "pre")
    with open(os.path.join(directory, "t0.frm"), "rb") as f:
        definition = f.read()
    files = [os.path.join(directory, f"t{i}.frm") for i in range(1, count)]
    try:
        for file in files:
            with open(file, "wb") as f:
                f.write(definition)
        began = time.monotonic()
        found = check(running)
        took = time.monotonic() - began
    finally:
        server.run("FLUSH TABLES")
        for file in files:
            os.remove(file)
    assert found.items == {"table structure compatibility check": "warn"}, found.text
    assert len(found.entries) == 10 and (found.failed, found.warned) == (0, 1), found.text
    assert took < 60, took
    assert f"[checked={count}/{count}]" in running.log("master1", 100)
