"""Source and task files that are refused: what is shown; afterwards nothing of them is stored anywhere."""
import os

import pytest

from dmtest.bad_input import NOBODY, BadInput, ids, shown
from dmtest.cluster import Cluster
from dmtest.servers import PASSWORD, USER

LARGE = 24 << 20  # bytes


@pytest.fixture(scope="module")
def running(tmp_path_factory, servers):
    cluster = Cluster.of_pair(
        tmp_path_factory.mktemp("bad-files"), servers.get("mariadb", "up"), servers.get("mariadb", "down"))
    cluster.upstream.run("DROP DATABASE IF EXISTS bad_files", "CREATE DATABASE bad_files",
                         "CREATE TABLE bad_files.t (id INT PRIMARY KEY)")
    cluster.downstream.run("DROP DATABASE IF EXISTS dm_bad_files")
    yield cluster
    nothing_stored(cluster)
    cluster.stop()


def write(cluster, name, content):
    path = os.path.join(cluster.dir, name)
    with open(path, "wb") as f:
        f.write(content.encode() if isinstance(content, str) else content)
    return path


GOOD = "source-id: bad\nfrom:\n  host: 127.0.0.1\n  port: {port}\n  user: {user}\n  password: {password}\n"
DEEP = "".join(" " * i + "a:\n" for i in range(2000))


def more(text):
    return GOOD + text


def other(old, new):
    assert old in GOOD
    return GOOD.replace(old, new)


YAML = "code=20003"  # its cause names the line
# A file of any kind that is no YAML, or not of this kind: the same is said of source and task files.
NO_CONFIGURATION = [
    BadInput("no YAML", "name: [unclosed\n", (YAML, "line 1", "correct YAML format")),
    BadInput("a tab", "name: x\n\tfrom: y\n", (YAML, "line 2", "tab")),
    BadInput("a list", "- a\n- b\n", (YAML, "line 1", "cannot unmarshal !!seq into")),
    BadInput("a word", "hello\n", (YAML, "line 1", "cannot unmarshal !!str `hello` into")),
    BadInput("two documents", "{}\n---\nname: x\n", (YAML, "line 3", "only one document")),
    BadInput("bytes that are no text", bytes(range(256)) * 64, (YAML, "invalid UTF-8")),
    BadInput("Latin-1", b"name: caf\xe9\n", (YAML, "invalid UTF-8")),
    BadInput("UTF-16", "name: x\n".encode("utf-16"), (YAML, "invalid UTF-8")),
    BadInput("a NUL", b"name: x\0\n", (YAML, "control characters")),
    BadInput("deeply nested", DEEP, (YAML, "line ", "nested deeper than")),
    BadInput("deeply nested brackets", "name: " + "[" * 50000, (YAML, "line 1", "nested deeper than")),
    BadInput("large, random", os.urandom(LARGE), ("error in get file content", f"has {LARGE} bytes")),
    BadInput("large, a list", "- a\n" * (LARGE // 4), ("error in get file content", f"has {LARGE} bytes")),
    BadInput("large, one value", "name: " + "x" * (LARGE - 6), ("error in get file content", f"has {LARGE} bytes")),
    BadInput("larger than a request", "# comment\n" * 230000, ("ResourceExhausted", "larger than max (23000")),
]

SOURCES = [
    BadInput("unknown key", more("enable-gtids: true\n"),
             (YAML, "line 7", "field enable-gtids not found in type", 'did you mean "enable-gtid"?')),
    BadInput("unknown key inside", other("  user:", "  usr:"), (YAML, "line 5", "field usr not found in type", 'did you mean "user"?')),
    BadInput("key in another case", other("source-id", "Source-ID"), (YAML, "line 1", "Source-ID", 'did you mean "source-id"?')),
    BadInput("key twice", more("source-id: again\n"), (YAML, "line 7", "field source-id already set in type")),
    BadInput("key twice inside", other("  user:", "  user: x\n  user:"), (YAML, "line 6", "field user already set in type")),
    BadInput("a text for a number", other("{port}", "many"), (YAML, "line 4", "cannot unmarshal !!str `many` into int")),
    BadInput("a fraction for a number", other("{port}", "3306.5"), (YAML, "line 4", "!!float `3306.5` into int")),
    BadInput("a word for a truth value", more("enable-gtid: maybe\n"), (YAML, "line 7", "!!str `maybe` into bool")),
    BadInput("a word for a duration", more("checker:\n  backoff-max: soon\n"), (YAML, "line 8", 'invalid duration "soon"')),
    BadInput("a list for a text", other("source-id: bad", "source-id: [bad]"), (YAML, "line 1", "!!seq into string")),
    BadInput("a list for a block", "source-id: bad\nfrom: [a, b]\n", (YAML, "line 2", "cannot unmarshal !!seq into")),
    BadInput("a negative server id", more("server-id: -5\n"), (YAML, "line 7", "`-5` into uint32")),
    BadInput("a server id beyond 32 bits", more("server-id: 4294967296\n"), (YAML, "line 7", "`4294967296` into uint32")),
    BadInput("all defects at once", "source-id: bad\nfrm: 1\nserver-id: x\n", (YAML, "line 2", "line 3", "frm", "`x` into uint32")),
    BadInput("nothing", "", ("code=40005", "source-id")),
    BadInput("nothing but a comment", "# source-id: bad\n", ("code=40005", "source-id")),
    BadInput("empty source id", other("source-id: bad", "source-id: ''"), ("code=40005", "source-id")),
    BadInput("source id of 33 bytes", other("source-id: bad", "source-id: " + "x" * 33), ("code=40006", "32 bytes")),
    BadInput("no database", "source-id: bad\n", ("code=10001", "Please check the database connection")),
    BadInput("port beyond 65535", other("{port}", "70000"), ("code=10001", "127.0.0.1:70000", "invalid port")),
    BadInput("host that nobody knows", other("127.0.0.1", "no-such-host.invalid"), ("code=10001", "no-such-host.invalid")),
    BadInput("wrong password", other("{password}", "wrong"),
             ("code=10001", "scope=upstream", "Error 1045 (28000): Access denied", "Please check the database connection")),
    BadInput("unknown user", other("{user}", "nobody"), ("code=10001", "scope=upstream", "Access denied for user 'nobody'")),
    BadInput("unknown flavor", more("flavor: oracle\n"), ("code=11010", "flavor oracle not supported", "fix `flavor`")),
    BadInput("back-off too short", more("checker:\n  backoff-max: 0.1s\n"), ("code=20043", "Please increase `backoff-max`")),
    BadInput("relay start that is no GTID", more("relay-binlog-gtid: zzz\n"), ("code=11009", "relay-binlog-gtid", "zzz")),
    BadInput("filter without schema", more("filters:\n- schema-pattern: ''\n  events: [all]\n  action: Ignore\n"),
             ("code=20037", "schema pattern", "check the `filters`")),
    BadInput("a task file", "name: t\ntask-mode: all\n", (YAML, "line 1", "field name not found in type config.SourceConfig")),
]


def nothing_stored(cluster):
    sources = cluster.ctl("operate-source", "show", check=False).json["sources"]
    assert [source["source"] for source in sources] == ["src"], sources
    assert cluster.ctl("query-status").json["tasks"] == []
    assert not cluster.downstream.run("SHOW DATABASES LIKE 'dm\\_bad\\_files'")


@pytest.mark.parametrize("row", NO_CONFIGURATION + SOURCES, ids=ids)
def test_source_file(running, row):
    text = row.input
    if row in SOURCES:
        text = text.format(port=running.upstream.port, user=USER, password=PASSWORD)
    path = write(running, "bad-source.yaml", text)
    printed = shown(running.ctl("operate-source", "create", path, check=False), row)
    assert PASSWORD not in printed and len(printed) < 100000
    assert row.resumed_by == NOBODY


def instance(**changes):
    good = {"source-id": "src", "block-allow-list": "list", "mydumper-config-name": "dump", "loader-config-name": "load",
            "syncer-config-name": "sync", **changes}
    return {"mysql-instances": [{key: value for key, value in good.items() if value is not None}]}


ROUTE = {"schema-pattern": "bad_files", "target-schema": "x"}
FILTER = {"schema-pattern": "bad_files", "events": ["insert"], "action": "Ignore"}

# Changes of a good task file: of its keys (None removes one), or of its text.
TASKS = [
    BadInput("unknown key", {"task-mode": None, "task-modee": "all"}, (YAML, "field task-modee not found in type", 'did you mean "task-mode"?')),
    BadInput("unknown key of an instance", instance(**{"route-rule": ["r"]}), (YAML, "field route-rule not found", 'did you mean "route-rules"?')),
    BadInput("unknown key of a dumper", {"mydumpers": {"dump": {"threads": None, "thread": 4}}}, (YAML, "field thread not found", 'did you mean "threads"?')),
    BadInput("a text for a number", {"syncers": {"sync": {"worker-count": "some"}}}, (YAML, "line ", "!!str `some` into int")),
    BadInput("a word for a truth value", {"clean-dump-file": "perhaps"}, (YAML, "line ", "!!str `perhaps` into bool")),
    BadInput("a map for a list", {"mysql-instances": {"source-id": "src"}}, (YAML, "line ", "cannot unmarshal !!map into")),
    BadInput("no name", lambda text: text.replace("name: bad\n", ""), ("code=20019", "must specify a unique task name")),
    BadInput("key twice", lambda text: text + "name: again\n", (YAML, "field name already set in type")),
    BadInput("no mode", {"task-mode": None}, ("code=20020", "please specify right task-mode")),
    BadInput("no target", {"target-database": None}, ("code=20021",)),
    BadInput("no instances", {"mysql-instances": []}, ("code=20013",)),
    BadInput("empty instance", {"mysql-instances": [None]}, ("code=20012",)),
    BadInput("instance without source", instance(**{"source-id": None}), ("code=20005", "0th")),
    BadInput("source twice", {"mysql-instances": instance()["mysql-instances"] * 2}, ("code=20014", "src")),
    BadInput("source that is not there", instance(**{"source-id": "nobody"}), ("code=20031", "nobody")),
    BadInput("route that is not there", instance(**{"route-rules": ["nosuch"]}), ("code=20023", "nosuch")),
    BadInput("filter that is not there", instance(**{"filter-rules": ["nosuch"]}), ("code=20024", "nosuch")),
    BadInput("list that is not there", instance(**{"block-allow-list": "nosuch"}), ("code=20026", "nosuch")),
    BadInput("dumper that is not there", instance(**{"mydumper-config-name": "nosuch"}), ("code=20027", "nosuch")),
    BadInput("loader that is not there", instance(**{"loader-config-name": "nosuch"}), ("code=20029", "nosuch")),
    BadInput("syncer that is not there", instance(**{"syncer-config-name": "nosuch"}), ("code=20030", "nosuch")),
    BadInput("expression filter that is not there", instance(**{"expression-filters": ["nosuch"]}), ("code=20040", "nosuch")),
    BadInput("dumper by name and inline", instance(mydumper={"threads": 2}), ("code=20015", "mydumper-config-name")),
    BadInput("loader by name and inline", instance(loader={"pool-size": 2}), ("code=20016", "loader-config-name")),
    BadInput("syncer by name and inline", instance(syncer={"batch": 2}), ("code=20017", "syncer-config-name")),
    BadInput("rule listed twice", {"routes": {"r": ROUTE}, **instance(**{"route-rules": ["r", "r"]})}, ("code=20032", "route-rules: r")),
    BadInput("block that nobody uses", {"syncers": {"spare": {"batch": 1}}, "routes": {"r": ROUTE}},
             ("code=20038", "[r spare]", "are set in global configuration")),
    BadInput("empty rule", {"routes": {"r": {}}, **instance(**{"route-rules": ["r"]})}, ("code=20045",)),
    BadInput("route without target", {"routes": {"r": {"schema-pattern": "bad_files"}}, **instance(**{"route-rules": ["r"]})},
             ("code=20045", "target schema of table route rule should not be empty")),
    BadInput("filter with an unknown action", {"filters": {"f": {**FILTER, "action": "Drop"}}, **instance(**{"filter-rules": ["f"]})},
             ("code=20037", "Drop")),
    BadInput("expression that is no SQL",
             {"expression-filter": {"e": {"schema": "bad_files", "table": "t", "insert-value-expr": "id >"}},
              **instance(**{"expression-filters": ["e"]})}, ("code=20041", "expected an expression", "check the `expression-filter`")),
    BadInput("expression for no table", {"expression-filter": {"e": {"schema": "bad_files", "insert-value-expr": "id > 1"}},
                                         **instance(**{"expression-filters": ["e"]})}, ("code=20042", "table")),
    BadInput("expressions of two kinds",
             {"expression-filter": {"e": {"schema": "bad_files", "table": "t", "insert-value-expr": "id > 1", "delete-value-expr": "id > 1"}},
              **instance(**{"expression-filters": ["e"]})}, ("code=20039",)),
    BadInput("pattern that is no expression", {"block-allow-list": {"list": {"do-dbs": ["~("]}}}, ("code=20044",)),
    BadInput("table of a list without schema", {"block-allow-list": {"list": {"do-tables": [{"tbl-name": "t"}]}}}, ("code=20044",)),
    BadInput("unknown time zone", {"timezone": "Mars/Olympus"}, ("code=20008", "Mars/Olympus")),
    BadInput("time zone of the system", {"timezone": "SYSTEM"}, ("code=20008", "SYSTEM")),
    BadInput("chunk size", {"mydumpers": {"dump": {"chunk-filesize": "large"}}}, ("code=20047", "invalid `chunk-filesize`", "large")),
    BadInput("import mode", {"loaders": {"load": {"import-mode": "fast"}}}, ("code=20053", "invalid load mode")),
    BadInput("answer to duplicates", {"loaders": {"load": {"on-duplicate-logical": "merge"}}}, ("code=20054", "merge")),
    BadInput("safe mode for no time", {"syncers": {"sync": {"safe-mode": True, "safe-mode-duration": "0s"}}}, ("code=20061",)),
    BadInput("safe mode for an unreadable time", {"syncers": {"sync": {"safe-mode-duration": "soon"}}}, ("code=20060", "soon")),
    BadInput("checking item", {"ignore-checking-items": ["everything"]}, ("code=20001", "everything", "dump_privilege")),
    BadInput("collation", {"collation_compatible": "sometimes"}, ("code=20052", "sometimes")),
    BadInput("online DDL scheme", {"online-ddl-scheme": "ghost"}, ("code=20007", "online scheme ghost not supported")),
    BadInput("shadow table rule", {"shadow-table-rules": ["("]}, ("code=20048", "shadow-table-rules")),
    BadInput("column mappings", {"column-mappings": {"m": {"schema-pattern": "a"}}}, ("code=20064", "column-mappings")),
    BadInput("compaction with foreign keys",
             {"target-database": {"session": {"foreign_key_checks": "1"}}, "syncers": {"sync": {"compact": True}}},
             ("code=20070", "is not supported when foreign_key_checks=1")),
    BadInput("start without place", {"task-mode": "incremental", **instance(meta={"binlog-pos": 4})}, ("code=20011", "binlog-name")),
    BadInput("target password", {"target-database": {"password": "wrong"}},
             ("code=10001", "scope=downstream", "Access denied", "Please check the database connection")),
    BadInput("target that is not there", {"target-database": {"host": "no-such-host.invalid"}}, ("code=10001", "scope=downstream", "no-such-host.invalid")),
]


def refused(cluster, path, row):
    for command in ("check-task", "start-task"):
        printed = shown(cluster.ctl(command, path, check=False), row)
        assert PASSWORD not in printed and len(printed) < 100000
    assert row.resumed_by == NOBODY
    assert cluster.status("bad") is None


@pytest.mark.parametrize("row", NO_CONFIGURATION, ids=ids)
def test_no_task_file(running, row):
    refused(running, write(running, "bad-task.yaml", row.input), row)


@pytest.mark.parametrize("row", TASKS, ids=ids)
def test_task_file(running, row):
    changes = {} if callable(row.input) else row.input
    path = running.task_file("bad", ["src"], running.downstream, ["bad_files"], **{"meta-schema": "dm_bad_files", **changes})
    if callable(row.input):
        with open(path) as f:
            text = f.read()
        write(running, "task-bad.yaml", row.input(text))
    refused(running, path, row)


def test_files_that_cannot_be_read(running):
    for command in (["start-task"], ["check-task"], ["operate-source", "create"], ["binlog-schema", "update", "bad", "d", "t", "-s", "src"]):
        for path, reason in ((os.path.join(running.dir, "nosuch.yaml"), "no such file or directory"), (running.dir, "is a directory")):
            shown(running.ctl(*command, path, check=False), BadInput("", path, ("error in get file content", path, reason)))
    nothing_stored(running)


def test_odd_but_good_files(running):
    """A byte order mark, lines that end as on Windows, comments of a megabyte."""
    text = GOOD.format(port=running.upstream.port, user=USER, password=PASSWORD)
    for content in ("\ufeff" + text, text.replace("\n", "\r\n"), text + "# comment\n" * 50000):
        path = write(running, "good-source.yaml", content)
        running.ctl("operate-source", "create", path)
        running.ctl("operate-source", "stop", "bad")
    nothing_stored(running)
