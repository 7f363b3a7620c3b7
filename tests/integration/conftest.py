"""Servers and clusters for the tests. Servers start once a test process; every test uses schemas of its own."""
import faulthandler
import itertools
import os
import shutil
import sys
import threading

import pytest

sys.path.insert(0, os.path.dirname(__file__))

from dmtest.cluster import Cluster  # noqa: E402
from dmtest.crashing import CrashingCluster, CrashScene  # noqa: E402
from dmtest.migrated import Migrated  # noqa: E402
from dmtest.proxy import Proxy  # noqa: E402
from dmtest.servers import MariaDb, MariaDb11, MySql9, MySql56, TiDb, TiDbOld, close_since, now  # noqa: E402
from dmtest.waiting import within  # noqa: E402

_ids = itertools.count(1)

# DM_TIDB_TESTS=few runs these of the tests with TiDB, =none no one; unset: all, the cases with one upstream each;
# =all: all of them (make test-tidb).
TIDB_TESTS = os.environ.get("DM_TIDB_TESTS", "")
FEW_TIDB = (
    "test_case[types_common-", "test_case[keys_basic-", "test_case[ddl_common-", "test_case[swap_unique_values-", "test_case[alter_split-",
    "test_case[dates_modes-", "test_case[generated_json-", "test_case[names_collations-", "test_case[limits-",
    "test_killed[load/before-commit]", "test_incremental[mysql9]", "test_conflicts_are_retried[optimistic]", "test_bytes_that_are_no_character[mysql9-gbk]",
    "test_members_with_backslashes", "test_type_that_tidb_has_not[mariadb-POINT]", "test_what_does_not_fit_stops_the_task[lenient]")


def pytest_collection_modifyitems(config, items):
    if TIDB_TESTS not in ("few", "none"):
        return
    tidb = [item for item in items if "tidb" in item.nodeid]
    kept = [item for item in tidb if TIDB_TESTS == "few" and item.name.startswith(FEW_TIDB)]
    for name in FEW_TIDB if TIDB_TESTS == "few" and len(tidb) > len(FEW_TIDB) else ():
        if not any(item.name.startswith(name) for item in kept):
            raise pytest.UsageError(f"there is no test {name} with TiDB")
    gone = [item for item in tidb if item not in kept]
    config.hook.pytest_deselected(items=gone)
    items[:] = [item for item in items if item not in gone]


# Whatever hangs ends. A test that waits for ever is ended by pytest-timeout, if that is there, but the teardown behind a failure is not:
# the plugin's clock stops at the first exception. What neither ends, a call of C or what a `finally` waits for, costs the process, which shows
# first where its threads are; so does a thread that keeps a process from ending.
TEARDOWN, PHASE, EXIT = 300, 1200, 60  # seconds
_stderr = None


def pytest_configure():
    global _stderr
    _stderr = os.dup(2)  # capturing has not begun


@pytest.hookimpl(trylast=True)
def pytest_unconfigure():
    if "PYTEST_XDIST_WORKER" not in os.environ:  # which is ended by who has started it
        faulthandler.dump_traceback_later(EXIT, exit=True, file=_stderr)


def _ends(seconds=PHASE):
    if {"DM_ROUNDS", "DM_TEST_TABLES"} & os.environ.keys():  # as many, and as long, as one likes
        yield
        return
    faulthandler.dump_traceback_later(seconds, exit=True, file=_stderr)
    yield
    faulthandler.cancel_dump_traceback_later()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_setup():
    yield from _ends()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call():
    yield from _ends()


@pytest.hookimpl(hookwrapper=True)
def pytest_pyfunc_call():
    begin = now()
    outcome = yield
    if outcome.excinfo:
        close_since(begin)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_teardown(item):
    if threading.current_thread() is not threading.main_thread():  # pytest-xdist may use another
        yield from _ends(TEARDOWN)
        return
    with within(TEARDOWN, f"the teardown of {item.name}"):
        yield from _ends()


class Servers:
    """Started at their first use."""

    def __init__(self, directory):
        self.directory = directory
        self.running = {}

    def get(self, kind, role):
        key = (kind, role)
        if key not in self.running:
            server_class = {
                "mariadb": MariaDb, "mariadb11": MariaDb11, "mysql9": MySql9, "mysql56": MySql56,
                "mysql56gtid": MySql56, "tidb": TiDb, "tidbold": TiDbOld}[kind]
            options = {"gtid_mode": "ON"} if kind == "mysql56gtid" else {}
            server = server_class(os.path.join(self.directory, f"{kind}-{role}"), server_id=100 + next(_ids), **options)
            self.running[key] = server.start()
        return self.running[key]

    def stop(self):
        errors = []
        for server in self.running.values():
            try:
                server.stop()
            except AssertionError as e:
                errors.append(str(e))
        shutil.rmtree(self.directory, ignore_errors=True)
        assert not errors, errors


@pytest.fixture(scope="session")
def servers(tmp_path_factory):
    servers = Servers(str(tmp_path_factory.mktemp("servers")))
    yield servers
    servers.stop()


@pytest.fixture(scope="session")
def shared_cluster(tmp_path_factory):
    """A cluster that tests share which disturb nothing: a worker for each source."""
    cluster = Cluster(tmp_path_factory.mktemp("cluster"))
    cluster.start_master()
    cluster.sources = {}
    yield cluster
    cluster.stop()


@pytest.fixture
def migrated(request, servers, shared_cluster):
    """Returns a function that makes a task between two kinds of servers, "mysql9-mariadb", for the test file's SCHEMA. Each has
    a name of its own: none finds the checkpoint of another."""
    made, schema = [], request.module.SCHEMA

    def make(pair, schemas=(schema,), **more):
        for earlier in made:
            earlier.stop()
        up, down = pair.split("-")
        made.append(Migrated(shared_cluster, servers.get(up, "up"), servers.get(down, "down"), schemas, f"{schema}{next(_ids)}", **more))
        return made[-1]

    yield make
    for one in made:
        one.stop()


@pytest.fixture
def proxied(request, servers, cluster):
    """Returns a function that makes a task of the test file's SCHEMA between two kinds of servers, "mysql9-mariadb", of which one side,
    or both, are reached by proxies."""
    proxies, made, schema = [], [], request.module.SCHEMA

    def make(pair, up=False, down=False, gtid=False, **changes):
        kinds = pair.split("-")
        upstream, downstream = servers.get(kinds[0], "up"), servers.get(kinds[1], "down")
        cluster.start_master()
        via, into = Proxy(upstream) if up else None, Proxy(downstream) if down else None
        proxies.extend(p for p in (via, into) if p)
        made.append(Migrated(cluster, upstream, downstream, [schema], schema, gtid=gtid, via=via, into=into, **changes))
        downstream.run("DROP DATABASE IF EXISTS dm_meta")
        return made[-1]

    yield make
    for proxy in proxies:
        proxy.stop()
    for one in made:
        one.stop()


@pytest.fixture(scope="module")
def crash_home(request, tmp_path_factory, servers):
    """Two servers and a cluster whose programs die at crash points; for the test file's SCHEMA."""
    schema = request.module.SCHEMA
    cluster = CrashingCluster.of_pair(tmp_path_factory.mktemp(schema), servers.get("mariadb", "up"), servers.get("mariadb", "down"))
    yield CrashScene(cluster, cluster.upstream, cluster.downstream, schema)
    cluster.stop()


@pytest.fixture
def cluster(tmp_path):
    """A cluster of the test's own; it starts the processes itself."""
    cluster = Cluster(tmp_path / "cluster")
    yield cluster
    cluster.stop()
